/* SPDX-License-Identifier: MIT */
#include <tacit/threshold.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include <tacit/mem.h>

#define KEEP   TACIT_THRESHOLD_KEEP
#define FORMAT 1U

#define FEW	    100U /* with fewer scores nothing below the largest one is trusted */
#define TAIL	    10U	 /* one score in so many is taken for the tail */
#define TAIL_MIN    10U
#define REFIT_SHARE 32U /* refit when one score in so many is new */
#define RISK_MIN    1e-9
#define RISK_MAX    0.1
#define SHAPE_MIN   (-1.0)
#define SHAPE_MAX   0.5 /* beyond it the excesses have no variance */

/* Fifty excesses alone say little of the shape, and a tail taken for too light alarms ten times
 * too often far out. So the fit starts from a tail somewhat heavier than exponential, worth as
 * many excesses (a prior on the shape, as in Coles and Dixon 1999). */
#define SHAPE_PRIOR	  0.2
#define SHAPE_PRIOR_WORTH 50.0

/* What a window scores beyond @start follows a generalised Pareto distribution. */
struct tail {
	size_t n;      /* scores fitted */
	size_t beyond; /* of them above start */
	double start, largest, scale, shape;
};

struct tacit_threshold {
	uint64_t count;	  /* scores seen */
	uint64_t fitted;  /* count when tail was made; 0: never */
	float ring[KEEP]; /* score number i is at i % KEEP */
	struct tail tail;
};

int tacit_threshold_new(struct tacit_threshold **ret)
{
	struct tacit_threshold *threshold = TACIT_NEW(struct tacit_threshold);

	if (!threshold)
		return -ENOMEM;
	*ret = threshold;
	return 0;
}

void tacit_threshold_learn(struct tacit_threshold *threshold, double score)
{
	if (!(score >= 0) || isinf(score))
		return;
	threshold->ring[threshold->count % KEEP] = (float)fmin(score, (double)FLT_MAX);
	threshold->count++;
}

uint64_t tacit_threshold_count(const struct tacit_threshold *threshold)
{
	return threshold->count;
}

static size_t kept(const struct tacit_threshold *threshold)
{
	return threshold->count < KEEP ? (size_t)threshold->count : KEEP;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/*
 * Hosking and Wallis 1987, with a0 = E[X] and a1 = E[X (1 - F(X))] of the excesses, estimated with
 * plotting positions (i - 0.35) / n: shape = 2 - a0 / (a0 - 2 a1), positive for heavy tails as
 * Siffer et al. have it; scale = 2 a0 a1 / (a0 - 2 a1) = a0 (1 - shape). @excess ascending.
 */
static void fit_excesses(const float *excess, size_t n, double start, struct tail *tail)
{
	double a0 = 0, a1 = 0, gap;

	for (size_t i = 0; i < n; i++) {
		double x = (double)excess[i] - start;

		a0 += x / (double)n;
		a1 += x / (double)n * (1 - ((double)i + 0.65) / (double)n);
	}
	gap = a0 - 2 * a1;
	tail->shape = gap > 0 ? 2 - a0 / gap : SHAPE_MIN;
	tail->shape = fmin(fmax(tail->shape, SHAPE_MIN), SHAPE_MAX);
	tail->shape = ((double)n * tail->shape + SHAPE_PRIOR_WORTH * SHAPE_PRIOR) /
		      ((double)n + SHAPE_PRIOR_WORTH);
	tail->scale = a0 * (1 - tail->shape); /* keeps the mean */
}

static void fit(struct tacit_threshold *threshold)
{
	struct tail *tail = &threshold->tail;
	float sorted[KEEP];
	size_t n = kept(threshold);

	for (size_t i = 0; i < n; i++)
		sorted[i] = threshold->ring[i];
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	tail->n = n;
	tail->beyond = n / TAIL > TAIL_MIN ? n / TAIL : TAIL_MIN;
	tail->start = (double)sorted[n - tail->beyond - 1];
	tail->largest = (double)sorted[n - 1];
	fit_excesses(sorted + (n - tail->beyond), tail->beyond, tail->start, tail);
	threshold->fitted = threshold->count;
}

/* The quantile that the tail leaves @risk beyond. */
static double quantile(const struct tail *tail, double risk)
{
	double log_ratio = log((double)tail->beyond / ((double)tail->n * risk));

	if (fabs(tail->shape) < 1e-6)
		return tail->start + tail->scale * log_ratio;
	return tail->start + tail->scale * expm1(tail->shape * log_ratio) / tail->shape;
}

/*
 * Scores are squared distances or z-scores: 1 is an ordinary one. A tail without spread (a scope
 * that idles) says nothing of how far a harmless window may go; a quarter and one more is given.
 */
static double margin_above(double largest)
{
	return largest + largest / 4 + 1;
}

int tacit_threshold_get(struct tacit_threshold *threshold, double risk, double *ret)
{
	const struct tail *tail = &threshold->tail;
	double at;

	if (threshold->count < TACIT_THRESHOLD_MIN)
		return -EAGAIN;
	risk = fmin(fmax(risk, RISK_MIN), RISK_MAX);
	if (threshold->fitted == 0 ||
	    (threshold->count - threshold->fitted) * REFIT_SHARE >= kept(threshold))
		fit(threshold);

	at = quantile(tail, risk);
	if (tail->scale <= tail->largest * 1e-6)
		at = margin_above(tail->largest);
	else if (tail->n < FEW && risk * (double)tail->n < 1)
		at = fmax(at, tail->largest + tail->scale);
	*ret = fmin(at, DBL_MAX);
	return 0;
}

void tacit_threshold_save(const struct tacit_threshold *threshold, struct tacit_writer *writer)
{
	size_t n = kept(threshold);

	tacit_write_u8(writer, FORMAT);
	tacit_write_u64le(writer, threshold->count);
	for (size_t i = 0; i < n; i++)
		tacit_write_f32le(writer, threshold->ring[(threshold->count - n + i) % KEEP]);
}

int tacit_threshold_load(struct tacit_reader *reader, struct tacit_threshold **ret)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
	uint8_t format = tacit_read_u8(reader);
	uint64_t count = tacit_read_u64le(reader);
	size_t n = count < KEEP ? (size_t)count : KEEP;
	int r;

	if (reader->failed || format != FORMAT)
		return TACIT_EDAMAGED;
	r = tacit_threshold_new(&threshold);
	if (r < 0)
		return r;
	threshold->count = count;
	for (size_t i = 0; i < n; i++) {
		float score = tacit_read_f32le(reader);

		if (reader->failed || !(score >= 0) || isinf(score))
			return TACIT_EDAMAGED;
		threshold->ring[(count - n + i) % KEEP] = score;
	}
	*ret = TACIT_TAKE(threshold);
	return 0;
}

void tacit_threshold_free(struct tacit_threshold *threshold)
{
	tacit_free(threshold);
}
