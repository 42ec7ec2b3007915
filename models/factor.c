/* SPDX-License-Identifier: MIT */
#include "factor.h"

#include <math.h>
#include <string.h>

#include <tacit/mem.h>

#include "linalg.h"

#define HALVINGS  8U  /* covariances halved that often are as good as none */
#define ENTRY_MAX 1e9 /* larger ones are of no log counts */
#define ENTRY_MIN 1e-9

struct tacit_factor {
	const struct tacit_space *space;
	size_t n; /* 0: nothing made yet */
	uint8_t considered[TACIT_SPACE_GROUPS_MAX];
	uint16_t *order;
	float *l;
};

int tacit_factor_new(const struct tacit_space *space, struct tacit_factor **ret)
{
	TACIT_CLEANUP(tacit_factor_free_p) struct tacit_factor *factor = NULL;

	factor = TACIT_NEW(struct tacit_factor);
	if (!factor)
		return -ENOMEM;
	factor->space = space;
	factor->order = TACIT_NEW_N(uint16_t, space->dims);
	factor->l = TACIT_NEW_N(float, tacit_linalg_row(space->dims));
	if (!factor->order || !factor->l)
		return -ENOMEM;
	*ret = TACIT_TAKE(factor);
	return 0;
}

void tacit_factor_make(struct tacit_factor *factor, const uint16_t *order, size_t n,
		       const uint8_t *observed, const double *diagonal,
		       tacit_factor_entry_fn *entry, const void *ctx)
{
	double keep = 1;

	factor->n = n;
	memcpy(factor->order, order, n * sizeof(*order));
	memcpy(factor->considered, observed, factor->space->groups);
	for (unsigned tries = 0; tries <= HALVINGS; tries++) {
		float *at = factor->l;

		if (tries == HALVINGS)
			keep = 0;
		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < i; k++)
				*at++ = (float)(keep * entry(ctx, order[i], order[k]));
			*at++ = (float)diagonal[order[i]];
		}
		if (tacit_linalg_cholesky(factor->l, n) == 0)
			return;
		keep /= 2;
	}
}

size_t tacit_factor_fits(const struct tacit_factor *factor, const uint8_t *observed)
{
	const uint16_t *group_of = factor->space->group_of;
	size_t n = 0;

	for (size_t g = 0; g < factor->space->groups; g++)
		if (observed[g] && !factor->considered[g])
			return 0;
	while (n < factor->n && observed[group_of[factor->order[n]]])
		n++;
	for (size_t i = n; i < factor->n; i++)
		if (observed[group_of[factor->order[i]]])
			return 0;
	return n;
}

const uint16_t *tacit_factor_order(const struct tacit_factor *factor)
{
	return factor->order;
}

double tacit_factor_distance(const struct tacit_factor *factor, double *delta, size_t n)
{
	double sum = 0;

	tacit_linalg_solve_lower(factor->l, n, delta);
	for (size_t i = 0; i < n; i++)
		sum += delta[i] * delta[i];
	return sum;
}

void tacit_factor_solve(const struct tacit_factor *factor, double *white, size_t n)
{
	tacit_linalg_solve_upper(factor->l, n, white);
}

size_t tacit_factor_n(const struct tacit_factor *factor)
{
	return factor->n;
}

void tacit_factor_whiten(const struct tacit_factor *factor, const float *seen, double *delta)
{
	tacit_linalg_solve_lower_seen(factor->l, factor->n, seen, delta);
}

void tacit_factor_colour(const struct tacit_factor *factor, double *white)
{
	tacit_linalg_multiply_lower(factor->l, factor->n, white);
}

void tacit_factor_save(const struct tacit_factor *factor, struct tacit_writer *writer)
{
	tacit_write_u16le(writer, (uint16_t)factor->n);
	tacit_write_bytes(writer, factor->considered, factor->space->groups);
	for (size_t i = 0; i < factor->n; i++)
		tacit_write_u16le(writer, factor->order[i]);
	for (size_t i = 0; i < tacit_linalg_row(factor->n); i++)
		tacit_write_f32le(writer, factor->l[i]);
}

/* Every dimension at most once. */
static bool read_order(struct tacit_factor *factor, struct tacit_reader *reader)
{
	bool taken[TACIT_SPACE_DIMS_MAX] = { false };

	for (size_t i = 0; i < factor->n; i++) {
		uint16_t dim = tacit_read_u16le(reader);

		if (dim >= factor->space->dims || taken[dim])
			return false;
		taken[dim] = true;
		factor->order[i] = dim;
	}
	return true;
}

/* Numbers that are finite and plausible, the diagonal's positive; NaN fails every comparison. */
static bool read_entries(struct tacit_factor *factor, struct tacit_reader *reader)
{
	float *at = factor->l;

	for (size_t i = 0; i < factor->n; i++)
		for (size_t k = 0; k <= i; k++, at++) {
			*at = tacit_read_f32le(reader);
			if (!(fabs((double)*at) <= ENTRY_MAX) ||
			    (k == i && !((double)*at >= ENTRY_MIN)))
				return false;
		}
	return true;
}

static bool read_considered(struct tacit_factor *factor, struct tacit_reader *reader)
{
	for (size_t g = 0; g < factor->space->groups; g++) {
		factor->considered[g] = tacit_read_u8(reader);
		if (factor->considered[g] > 1)
			return false;
	}
	return true;
}

int tacit_factor_load(const struct tacit_space *space, struct tacit_reader *reader,
		      struct tacit_factor **ret)
{
	TACIT_CLEANUP(tacit_factor_free_p) struct tacit_factor *factor = NULL;
	size_t n = tacit_read_u16le(reader);
	int r;

	if (n == 0 || n > space->dims)
		return TACIT_EDAMAGED;
	r = tacit_factor_new(space, &factor);
	if (r < 0)
		return r;
	factor->n = n;
	if (!read_considered(factor, reader) || !read_order(factor, reader) ||
	    !read_entries(factor, reader) || reader->failed)
		return TACIT_EDAMAGED;
	*ret = TACIT_TAKE(factor);
	return 0;
}

size_t tacit_factor_bytes(const struct tacit_space *space)
{
	return sizeof(struct tacit_factor) + space->dims * sizeof(uint16_t) +
	       tacit_linalg_row(space->dims) * sizeof(float);
}

void tacit_factor_free(struct tacit_factor *factor)
{
	if (!factor)
		return;
	tacit_free(factor->order);
	tacit_free(factor->l);
	tacit_free(factor);
}
