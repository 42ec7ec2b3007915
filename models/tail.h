/* SPDX-License-Identifier: MIT */
/*
 * tail - what lies beyond a high quantile of a sample: a generalised Pareto distribution.
 *
 * Peaks over threshold as in SPOT (Siffer, Fouque, Termier, Largouet: Anomaly Detection in Streams
 * with Extreme Value Theory, KDD 2017), fitted by probability-weighted moments (Hosking and Wallis:
 * Parameter and Quantile Estimation for the Generalized Pareto Distribution, Technometrics 1987),
 * which need no iteration and behave with few excesses.
 */
#ifndef TACIT_MODELS_TAIL_H
#define TACIT_MODELS_TAIL_H

#include <stddef.h>

/* What a number exceeds @start by follows a generalised Pareto distribution. */
struct tacit_tail {
	double share;	/* of the sample, at or above start */
	double start;	/* above 0 only if the sample is */
	double largest; /* of the sample */
	double scale;	/* above 0 */
	double shape;	/* below 1 */
};

/* The fewest numbers a tail is fitted to. */
#define TACIT_TAIL_MIN 20U

/**
 * tacit_tail_fit - the tail of a sample of scores.
 * @sorted: @n of at least TACIT_TAIL_MIN numbers, ascending, >= 0, finite.
 *
 * A tenth is taken for the tail. Ties at its lower end do not belong to it, and where ties leave
 * fewer than ten that differ from it, what is missing is made up from what a harmless score may go
 * further, so that samples of a few different numbers, or of one, have a tail too: a wide one.
 */
struct tacit_tail tacit_tail_fit(const float *sorted, size_t n);

/* What is exceeded with probability @risk; at least start. @risk: above 0. */
double tacit_tail_quantile(const struct tacit_tail *tail, double risk);

#endif /* TACIT_MODELS_TAIL_H */
