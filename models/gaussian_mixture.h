/* SPDX-License-Identifier: MIT */
/*
 * gaussian_mixture - when one Gaussian is too few for a scope: a mixture (mixture.h) in the
 * coordinates that the factor of the scope's covariance makes uncorrelated.
 *
 * That covariance is the posterior's (gaussian.c), with whatever the fleet's prior still weighs
 * when the mixture is fitted: 30 windows against a thousand and more. The factor stays as it was
 * then; the moments go on.
 *
 * The factor is the caller's, and the one the mixture was fitted with wherever it is asked for.
 */
#ifndef TACIT_MODELS_GAUSSIAN_MIXTURE_H
#define TACIT_MODELS_GAUSSIAN_MIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/model.h>
#include <tacit/space.h>

#include "factor.h"

struct tacit_gaussian_mixture;

/**
 * tacit_gaussian_mixture_fit - see whether several Gaussians describe @sample better than one.
 * @mean: by dimension.
 * @sample: @n windows; every TACIT_MODEL_HELD_OUT-th, counted from the end of the first so many,
 *       is kept out of the fit and judges it.
 * @ret: owned by the caller; NULL when one Gaussian does.
 *
 * 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_gaussian_mixture_fit(const struct tacit_space *space,
						const struct tacit_factor *factor,
						const double *mean,
						const struct tacit_sample *sample, size_t n,
						struct tacit_gaussian_mixture **ret);

/* What tacit_mixture_distance() says of a window; @share, unless NULL, gets each dimension's part
 * in it (by dimension; what is not in the mixture stays as it is). False, and nothing is written,
 * when the window has none of the dimensions that the mixture knows. */
bool tacit_gaussian_mixture_distance(const struct tacit_gaussian_mixture *mixture,
				     const struct tacit_factor *factor,
				     const struct tacit_sample *sample, double *ret, double *share);

size_t tacit_gaussian_mixture_components(const struct tacit_gaussian_mixture *mixture);

/* Heap bytes of the largest there is. */
size_t tacit_gaussian_mixture_bytes(const struct tacit_space *space);

void tacit_gaussian_mixture_save(const struct tacit_gaussian_mixture *mixture,
				 struct tacit_writer *writer);

/* 0, TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_gaussian_mixture_load(const struct tacit_space *space,
						 const struct tacit_factor *factor,
						 struct tacit_reader *reader,
						 struct tacit_gaussian_mixture **ret);

/* NULL is fine. */
void tacit_gaussian_mixture_free(struct tacit_gaussian_mixture *mixture);
TACIT_DEFINE_CLEANUP(struct tacit_gaussian_mixture, tacit_gaussian_mixture_free)

#endif /* TACIT_MODELS_GAUSSIAN_MIXTURE_H */
