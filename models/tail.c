/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include <math.h>

#define SHARE	  10U /* one number in so many is taken for the tail */
#define ENOUGH	  10U
#define SHAPE_MIN (-1.0)
#define SHAPE_MAX 0.5 /* beyond it the excesses have no variance */

/* Fifty excesses alone say little of the shape, and a tail taken for too light alarms ten times
 * too often far out. So the fit starts from a tail somewhat heavier than exponential, worth as
 * many excesses (a prior on the shape, as in Coles and Dixon 1999). */
#define SHAPE_PRIOR	  0.2
#define SHAPE_PRIOR_WORTH 50.0

/* Scores are squared distances, z-scores or nats: 1 is an ordinary one. Where little or nothing was
 * seen of how far a harmless one may go, a quarter and one more is the mean of it. */
static double harmless_excess(double score)
{
	return score / 4 + 1;
}

/*
 * Hosking and Wallis 1987, with a0 = E[X] and a1 = E[X (1 - F(X))] of the excesses, estimated with
 * plotting positions (i - 0.35) / n: shape = 2 - a0 / (a0 - 2 a1), positive for heavy tails as
 * Siffer et al. have it; scale = 2 a0 a1 / (a0 - 2 a1) = a0 (1 - shape). @excess ascending.
 */
static void fit_excesses(const float *excess, size_t n, struct tacit_tail *tail)
{
	double missing = ENOUGH, a0 = 0, a1 = 0, gap;

	for (size_t i = 0; i < n; i++) {
		double x = (double)excess[i] - tail->start;

		missing -= missing > 0 && x > 0;
		a0 += x / (double)n;
		a1 += x / (double)n * (1 - ((double)i + 0.65) / (double)n);
	}
	gap = a0 - 2 * a1;
	tail->shape = gap > 0 ? 2 - a0 / gap : SHAPE_MIN;
	tail->shape = fmin(fmax(tail->shape, SHAPE_MIN), SHAPE_MAX);
	tail->shape = ((double)n * tail->shape + SHAPE_PRIOR_WORTH * SHAPE_PRIOR) /
		      ((double)n + SHAPE_PRIOR_WORTH);
	a0 = ((double)n * a0 + missing * harmless_excess(tail->start)) / ((double)n + missing);
	tail->scale = a0 * (1 - tail->shape); /* keeps the mean */
}

/* How many of the last @n numbers are greater than the one before them. */
static size_t without_ties(const float *sorted, size_t n, size_t beyond)
{
	const float *at = sorted + (n - beyond);

	while (beyond > 0 && *at <= sorted[n - 1 - beyond]) {
		beyond--;
		at++;
	}
	return beyond;
}

struct tacit_tail tacit_tail_fit(const float *sorted, size_t n)
{
	size_t wanted = n / SHARE > ENOUGH ? n / SHARE : ENOUGH;
	size_t beyond = without_ties(sorted, n, wanted);
	struct tacit_tail tail = { .largest = (double)sorted[n - 1] };

	if (beyond == wanted)
		tail.start = (double)sorted[n - 1 - beyond];
	else
		tail.start = (double)sorted[beyond > 0 ? n - beyond : n - 1];
	if (beyond == 0) { /* nothing varies up there: the largest of n was met once, at best */
		beyond = 1;
		tail.shape = SHAPE_PRIOR;
		tail.scale = harmless_excess(tail.start) * (1 - SHAPE_PRIOR);
	} else {
		fit_excesses(sorted + (n - beyond), beyond, &tail);
	}
	tail.share = (double)beyond / (double)n;
	return tail;
}

double tacit_tail_quantile(const struct tacit_tail *tail, double risk)
{
	double log_ratio = fmax(log(tail->share / risk), 0);

	if (fabs(tail->shape) < 1e-6)
		return tail->start + tail->scale * log_ratio;
	return tail->start + tail->scale * expm1(tail->shape * log_ratio) / tail->shape;
}
