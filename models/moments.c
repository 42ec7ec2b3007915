/* SPDX-License-Identifier: MIT */
#include "moments.h"

#include <math.h>

#include <tacit/mem.h>

#include "linalg.h"
#include "rare.h"
#include "vector.h"

#define FORMAT	   2U
#define FORMAT_OLD 1U  /* without movement */
#define VALUE_MAX  1e6 /* means beyond it are no log counts */
#define FNV_OFFSET 2166136261U
#define FNV_PRIME  16777619U

struct tacit_moments {
	const struct tacit_space *space;
	uint64_t windows;
	double *count;	 /* per group */
	double *mean;	 /* per dimension */
	float *variance; /* per dimension, as the next */
	float *moved;
	float *pair_count; /* packed triangle of groups; NULL until promoted */
	float *covariance; /* packed triangle of dimensions below the diagonal, see pair_row() */
};

/* Row i of the triangle below the diagonal has the i numbers (i, 0) .. (i, i - 1). */
static size_t pair_row(size_t i)
{
	return i * (i - 1) / 2;
}

static size_t group_pair(size_t g, size_t h)
{
	return g > h ? tacit_linalg_row(g) + h : tacit_linalg_row(h) + g;
}

int tacit_moments_new(const struct tacit_space *space, struct tacit_moments **ret)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = NULL;

	moments = TACIT_NEW(struct tacit_moments);
	if (!moments)
		return -ENOMEM;
	moments->space = space;
	moments->count = TACIT_NEW_N(double, space->groups);
	moments->mean = TACIT_NEW_N(double, space->dims);
	moments->variance = TACIT_NEW_N(float, space->dims);
	moments->moved = TACIT_NEW_N(float, space->dims);
	if (!moments->count || !moments->mean || !moments->variance || !moments->moved)
		return -ENOMEM;
	*ret = TACIT_TAKE(moments);
	return 0;
}

int tacit_moments_promote(struct tacit_moments *moments)
{
	TACIT_AUTO_FREE float *counts = NULL;
	TACIT_AUTO_FREE float *pairs = NULL;

	if (moments->covariance)
		return 0;
	counts = TACIT_NEW_N(float, tacit_linalg_row(moments->space->groups));
	pairs = TACIT_NEW_N(float, tacit_linalg_row(moments->space->dims));
	if (!counts || !pairs)
		return -ENOMEM;
	moments->pair_count = TACIT_TAKE(counts);
	moments->covariance = TACIT_TAKE(pairs);
	return 0;
}

bool tacit_moments_is_promoted(const struct tacit_moments *moments)
{
	return moments->covariance != NULL;
}

/* Counts @times more windows, and returns what share of what was known is left: the product of
 * 1 - 1/n over the windows, n no larger than the horizon. */
static double outweigh(double *count, uint32_t times)
{
	double before = *count, grown = fmin(before + times, TACIT_MOMENTS_HORIZON);
	double beyond = before + times - grown;
	double left = grown > 0 ? before / grown : 0;

	*count = grown;
	return beyond > 0 ? left * pow(1 - 1.0 / TACIT_MOMENTS_HORIZON, beyond) : left;
}

/* By pair of groups, as pair_count. */
typedef float pair_weights[TACIT_SPACE_GROUPS_MAX * (TACIT_SPACE_GROUPS_MAX + 1) / 2];

/* What a new window weighs in the pairs of @group with every dimension. */
static void expand_weights(const struct tacit_moments *moments, const pair_weights by_pair,
			   size_t group, float *ret)
{
	const struct tacit_space *space = moments->space;

	for (size_t k = 0; k < space->dims; k++)
		ret[k] = by_pair[group_pair(group, space->group_of[k])];
}

/* Most pairs were counted as often as the one before: what it takes to outweigh them is known. */
struct outweighed {
	double before, after;
	float weight;
};

static void count_pair(float *count, uint32_t times, struct outweighed *last)
{
	double before = (double)*count;

	if (before != last->before) {
		last->before = last->after = before;
		last->weight = (float)(1 - outweigh(&last->after, times));
	}
	*count = (float)last->after;
}

/* True when a new window weighs the same in all pairs. */
static bool count_pairs(struct tacit_moments *moments, const uint8_t *observed, uint32_t times,
			pair_weights ret)
{
	struct outweighed last = { .before = -1 };
	bool same = true;
	size_t at = 0;

	for (size_t g = 0; g < moments->space->groups; g++)
		for (size_t h = 0; h <= g; h++, at++) {
			ret[at] = 0;
			if (observed[g] && observed[h]) {
				count_pair(&moments->pair_count[at], times, &last);
				ret[at] = last.weight;
			}
			same &= ret[at] == ret[0];
		}
	return same;
}

/* @d: deviations from the means before this window, 0 where missing. */
static void learn_pairs(struct tacit_moments *moments, const uint8_t *observed, uint32_t times,
			const float *d)
{
	const struct tacit_space *space = moments->space;
	float weight[TACIT_SPACE_DIMS_MAX] = { 0 };
	const struct tacit_vector *vector = tacit_vector_best();
	size_t expanded = SIZE_MAX;
	pair_weights by_pair;
	bool same = false;

	if (count_pairs(moments, observed, times, by_pair)) {
		for (size_t k = 0; k < space->dims; k++)
			weight[k] = by_pair[0];
		same = true;
	}
	for (size_t i = 1; i < space->dims; i++) {
		size_t group = space->group_of[i];

		if (!observed[group])
			continue;
		if (group != expanded && !same)
			expand_weights(moments, by_pair, group, weight);
		expanded = group;
		vector->outweigh(moments->covariance + pair_row(i), weight, d, d[i], i);
	}
}

void tacit_moments_learn(struct tacit_moments *moments, const struct tacit_sample *sample,
			 uint32_t times)
{
	const struct tacit_space *space = moments->space;
	double left[TACIT_SPACE_GROUPS_MAX];
	float d[TACIT_SPACE_DIMS_MAX];

	moments->windows += times;
	for (size_t g = 0; g < space->groups; g++)
		left[g] = sample->observed[g] ? outweigh(&moments->count[g], times) : 1;
	for (size_t j = 0; j < space->dims; j++) {
		size_t group = space->group_of[j];
		double delta, w;

		d[j] = 0;
		if (!sample->observed[group])
			continue;
		delta = sample->x[j] - moments->mean[j];
		w = 1 - left[group];
		d[j] = (float)delta;
		moments->mean[j] += w * delta;
		moments->variance[j] =
			(float)((1 - w) * ((double)moments->variance[j] + w * delta * delta));
		moments->moved[j] =
			(float)((1 - w) * (double)moments->moved[j] + w * (sample->x[j] > 0));
	}
	if (moments->covariance)
		learn_pairs(moments, sample->observed, times, d);
}

uint64_t tacit_moments_windows(const struct tacit_moments *moments)
{
	return moments->windows;
}

double tacit_moments_count(const struct tacit_moments *moments, size_t group)
{
	return moments->count[group];
}

const double *tacit_moments_mean(const struct tacit_moments *moments)
{
	return moments->mean;
}

const float *tacit_moments_variance(const struct tacit_moments *moments)
{
	return moments->variance;
}

const float *tacit_moments_moved(const struct tacit_moments *moments)
{
	return moments->moved;
}

double tacit_moments_covariance(const struct tacit_moments *moments, size_t i, size_t k)
{
	size_t g = moments->space->group_of[i], h = moments->space->group_of[k];
	size_t at = i > k ? pair_row(i) + k : pair_row(k) + i;
	double both = (double)moments->pair_count[group_pair(g, h)];

	if (both <= 0)
		return 0;
	return (double)moments->covariance[at] * both / sqrt(moments->count[g] * moments->count[h]);
}

size_t tacit_moments_diagonal_bytes(const struct tacit_space *space)
{
	return sizeof(struct tacit_moments) + space->groups * sizeof(double) +
	       space->dims * (sizeof(double) + 2 * sizeof(float));
}

size_t tacit_moments_promoted_bytes(const struct tacit_space *space)
{
	return tacit_moments_diagonal_bytes(space) +
	       (tacit_linalg_row(space->groups) + tacit_linalg_row(space->dims)) * sizeof(float);
}

size_t tacit_moments_bytes(const struct tacit_moments *moments)
{
	return moments->covariance ? tacit_moments_promoted_bytes(moments->space)
				   : tacit_moments_diagonal_bytes(moments->space);
}

/* FNV-1a of the grouping: spaces of one size need not be the same. */
static uint32_t grouping_of(const struct tacit_space *space)
{
	uint32_t hash = FNV_OFFSET;

	for (size_t j = 0; j < space->dims; j++)
		hash = (hash ^ space->group_of[j]) * FNV_PRIME;
	return hash;
}

void tacit_moments_save(const struct tacit_moments *moments, struct tacit_writer *writer)
{
	const struct tacit_space *space = moments->space;

	tacit_write_u8(writer, FORMAT);
	tacit_write_u8(writer, moments->covariance != NULL);
	tacit_write_u32le(writer, (uint32_t)space->dims);
	tacit_write_u32le(writer, (uint32_t)space->groups);
	tacit_write_u32le(writer, grouping_of(space));
	tacit_write_u64le(writer, moments->windows);
	for (size_t g = 0; g < space->groups; g++)
		tacit_write_f64le(writer, moments->count[g]);
	for (size_t j = 0; j < space->dims; j++) {
		tacit_write_f64le(writer, moments->mean[j]);
		tacit_write_f32le(writer, moments->variance[j]);
		tacit_write_f32le(writer, moments->moved[j]);
	}
	if (!moments->covariance)
		return;
	for (size_t i = 0; i < tacit_linalg_row(space->groups); i++)
		tacit_write_f32le(writer, moments->pair_count[i]);
	for (size_t i = 0; i < pair_row(space->dims); i++)
		tacit_write_f32le(writer, moments->covariance[i]);
}

/* Numbers that are finite and plausible; NaN fails every comparison. */
static bool read_diagonal(struct tacit_moments *moments, uint8_t format,
			  struct tacit_reader *reader)
{
	const struct tacit_space *space = moments->space;
	bool good = true;

	moments->windows = tacit_read_u64le(reader);
	for (size_t g = 0; g < space->groups; g++) {
		moments->count[g] = tacit_read_f64le(reader);
		good &= moments->count[g] >= 0 && moments->count[g] <= TACIT_MOMENTS_HORIZON;
	}
	for (size_t j = 0; j < space->dims; j++) {
		moments->mean[j] = tacit_read_f64le(reader);
		moments->variance[j] = tacit_read_f32le(reader);
		good &= fabs(moments->mean[j]) <= VALUE_MAX;
		good &= moments->variance[j] >= 0 &&
			(double)moments->variance[j] <= VALUE_MAX * VALUE_MAX;
		moments->moved[j] = format == FORMAT_OLD
					    ? (float)tacit_rare_share_most(moments->mean[j])
					    : tacit_read_f32le(reader);
		good &= moments->moved[j] >= 0 && moments->moved[j] <= 1;
	}
	return good;
}

static bool read_pairs(struct tacit_moments *moments, struct tacit_reader *reader)
{
	const struct tacit_space *space = moments->space;
	bool good = true;

	for (size_t g = 0; g < space->groups; g++)
		for (size_t h = 0; h <= g; h++) {
			float count = tacit_read_f32le(reader);

			moments->pair_count[group_pair(g, h)] = count;
			good &= count >= 0 && (double)count <= moments->count[g] &&
				(double)count <= moments->count[h];
		}
	for (size_t i = 0; i < pair_row(space->dims); i++) {
		moments->covariance[i] = tacit_read_f32le(reader);
		good &= fabs((double)moments->covariance[i]) <= VALUE_MAX * VALUE_MAX;
	}
	return good;
}

static int read_head(const struct tacit_space *space, struct tacit_reader *reader, uint8_t *format,
		     uint8_t *promoted)
{
	uint32_t dims, groups, grouping;

	*format = tacit_read_u8(reader);
	*promoted = tacit_read_u8(reader);
	dims = tacit_read_u32le(reader);
	groups = tacit_read_u32le(reader);
	grouping = tacit_read_u32le(reader);
	if (reader->failed)
		return TACIT_EDAMAGED;
	if ((*format != FORMAT && *format != FORMAT_OLD) || dims != space->dims ||
	    groups != space->groups || grouping != grouping_of(space))
		return TACIT_ESCHEMA;
	return *promoted <= 1 ? 0 : TACIT_EDAMAGED;
}

int tacit_moments_load(const struct tacit_space *space, struct tacit_reader *reader,
		       struct tacit_moments **ret)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = NULL;
	uint8_t format = 0, promoted = 0;
	int r = read_head(space, reader, &format, &promoted);

	if (r == 0)
		r = tacit_moments_new(space, &moments);
	if (r == 0 && promoted)
		r = tacit_moments_promote(moments);
	if (r < 0)
		return r;
	if (!read_diagonal(moments, format, reader) || (promoted && !read_pairs(moments, reader)) ||
	    reader->failed)
		return TACIT_EDAMAGED;
	*ret = TACIT_TAKE(moments);
	return 0;
}

void tacit_moments_free(struct tacit_moments *moments)
{
	if (!moments)
		return;
	tacit_free(moments->count);
	tacit_free(moments->mean);
	tacit_free(moments->variance);
	tacit_free(moments->moved);
	tacit_free(moments->pair_count);
	tacit_free(moments->covariance);
	tacit_free(moments);
}
