/* SPDX-License-Identifier: MIT */
#include <tacit/transition.h>

#include <math.h>

#include <tacit/mem.h>

#include "factor.h"
#include "moments.h"

#define BINS	       TACIT_TRANSITION_BINS
#define PER_THOUSAND   1000.0
#define RIDGE_RELATIVE 0.1   /* of each bin's own variance */
#define VARIANCE_NONE  1e-12 /* a bin that varies by less never varied, */
#define VARIANCE_GUESS 1.0   /* and is taken to vary by as much */

/* Knuth 1998, 6.4: multiplicative hashing; the upper eight bits are the bin. */
#define HASH_FIRST  2654435761U
#define HASH_SECOND 40503U
#define HASH_SHIFT  24

static const uint16_t group_of[BINS];
static const uint8_t observed[1] = { 1 };
static const struct tacit_space space = { .dims = BINS, .groups = 1, .group_of = group_of };

struct tacit_transition {
	struct tacit_moments *moments;
	struct tacit_factor *factor;
	uint64_t factored; /* streams behind the factor */
};

int tacit_transition_new(struct tacit_transition **ret)
{
	TACIT_CLEANUP(tacit_transition_free_p) struct tacit_transition *transition = NULL;
	int r;

	transition = TACIT_NEW(struct tacit_transition);
	if (!transition)
		return -ENOMEM;
	r = tacit_moments_new(&space, &transition->moments);
	if (r == 0)
		r = tacit_moments_promote(transition->moments);
	if (r == 0)
		r = tacit_factor_new(&space, &transition->factor);
	if (r == 0)
		*ret = TACIT_TAKE(transition);
	return r;
}

void tacit_transition_free(struct tacit_transition *transition)
{
	if (!transition)
		return;
	tacit_moments_free(transition->moments);
	tacit_factor_free(transition->factor);
	tacit_free(transition);
}

static void describe(const uint16_t *symbol, size_t n, double x[BINS])
{
	for (size_t j = 0; j < BINS; j++)
		x[j] = 0;
	for (size_t i = 1; i < n; i++)
		x[(symbol[i - 1] * HASH_FIRST + symbol[i] * HASH_SECOND) >> HASH_SHIFT]++;
	for (size_t j = 0; j < BINS; j++)
		x[j] = log1p(PER_THOUSAND * x[j] / (double)(n - 1));
}

void tacit_transition_learn(struct tacit_transition *transition, const uint16_t *symbol, size_t n)
{
	double x[BINS];
	const struct tacit_sample sample = { .x = x, .observed = observed };

	if (n < 2)
		return;
	describe(symbol, n, x);
	tacit_moments_learn(transition->moments, &sample, 1);
}

static double covariance(const void *ctx, size_t i, size_t k)
{
	return tacit_moments_covariance((const struct tacit_moments *)ctx, i, k);
}

static void make_factor(struct tacit_transition *transition)
{
	const float *variance = tacit_moments_variance(transition->moments);
	double diagonal[BINS];
	uint16_t order[BINS];

	for (size_t j = 0; j < BINS; j++) {
		double v = (double)variance[j];

		order[j] = (uint16_t)j;
		diagonal[j] = v + RIDGE_RELATIVE * (v > VARIANCE_NONE ? v : VARIANCE_GUESS);
	}
	tacit_factor_make(transition->factor, order, BINS, observed, diagonal, covariance,
			  transition->moments);
	transition->factored = tacit_moments_windows(transition->moments);
}

int tacit_transition_score(struct tacit_transition *transition, const uint16_t *symbol, size_t n,
			   double *ret)
{
	const double *mean = tacit_moments_mean(transition->moments);
	uint64_t streams = tacit_moments_windows(transition->moments);
	double x[BINS];

	if (streams < TACIT_TRANSITION_STREAMS_MIN)
		return -EAGAIN;
	*ret = 0;
	if (n < 2)
		return 0;
	if (transition->factored != streams)
		make_factor(transition);
	describe(symbol, n, x);
	for (size_t j = 0; j < BINS; j++)
		x[j] -= mean[j];
	*ret = tacit_factor_distance(transition->factor, x, BINS);
	return 0;
}
