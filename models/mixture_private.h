/* SPDX-License-Identifier: MIT */
/* What the files of the mixture share; nobody else includes this. */
#ifndef TACIT_MODELS_MIXTURE_PRIVATE_H
#define TACIT_MODELS_MIXTURE_PRIVATE_H

#include "mixture.h"

#include <stdbool.h>

#define TACIT_MIXTURE_LANES 8U /* side by side: a fixed count makes vector code even at -O2 */

/* A component's variance is never below this part of the whole's: coordinates are uncorrelated and
 * of variance 1. */
#define TACIT_MIXTURE_FLOOR 0.01F

/* Of component k and coordinate j: at k * dims + j. */
struct tacit_mixture {
	size_t dims, n;
	double weight[TACIT_MIXTURE_COMPONENTS_MAX];
	float *mean;
	float *precision; /* 1 / variance */
	float *log_variance;
};

/* 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_mixture_new(size_t dims, size_t components, struct tacit_mixture **ret);

void tacit_mixture_set_variance(struct tacit_mixture *mixture, size_t at, float variance);

/* Squared distance from @component, in its own spread. */
double tacit_mixture_square(const struct tacit_mixture *mixture, size_t component, const float *x,
			    const float *seen);

/* -2 log of the height of its peak, less what all have in common. */
double tacit_mixture_peak(const struct tacit_mixture *mixture, size_t component, const float *seen);

#endif /* TACIT_MODELS_MIXTURE_PRIVATE_H */
