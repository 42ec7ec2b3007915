/* SPDX-License-Identifier: MIT */
/*
 * mixture - several ways of being normal: a mixture of Gaussians with diagonal covariances, fitted
 * by expectation and maximisation (Dempster, Laird, Rubin 1977) from a k-means++ start (Arthur and
 * Vassilvitskii 2007). Deterministic: the same rows give the same mixture.
 *
 * Meant for coordinates that were made uncorrelated before, in which the components differ in
 * place and spread. Variances lean on what the components have in common, worth 64 rows, and have
 * a floor (a ridge they share), so that no component shrinks to a point.
 *
 * Rows may have coordinates missing: they say nothing, here as there.
 */
#ifndef TACIT_MODELS_MIXTURE_H
#define TACIT_MODELS_MIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_mixture;

#define TACIT_MIXTURE_COMPONENTS_MAX 16U
#define TACIT_MIXTURE_VALUE_MAX	     1e6F /* larger coordinates are taken for this */

/* @n rows of @dims numbers. Borrowed. */
struct tacit_mixture_rows {
	size_t n, dims;
	const float *x;	   /* within TACIT_MIXTURE_VALUE_MAX of 0; 0 where missing */
	const float *seen; /* 1, or 0 where missing */
	/* As x; what k-means looks at, should components be farther apart there: coordinates of
	 * variance 1 hide that some vary more than others, and why. NULL: x. */
	const float *start;
};

/* @components: 1..TACIT_MIXTURE_COMPONENTS_MAX; those that fewer than five rows speak for are left
 * out. @rows: at least one. @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_mixture_fit(const struct tacit_mixture_rows *rows, size_t components,
				       struct tacit_mixture **ret);

/**
 * tacit_mixture_choose - the mixture of 1, 2, 4, 8 or 16 components that @rows deserve.
 * @held: rows that have no part in the fit: they judge it.
 * @ret:  owned by the caller; of one component when that is as good.
 *
 * More components are taken where the log likelihood of the held-out rows gains by three standard
 * errors of its mean and there are 32 rows for each. 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_mixture_choose(const struct tacit_mixture_rows *rows,
					  const struct tacit_mixture_rows *held,
					  struct tacit_mixture **ret);

size_t tacit_mixture_dims(const struct tacit_mixture *mixture);
size_t tacit_mixture_components(const struct tacit_mixture *mixture);

/**
 * tacit_mixture_distance - how far a row is from what is normal.
 * @component: which one it was judged by; may be NULL.
 *
 * The least over the components k of the squared distance, in their own spread, and a price: by
 * how much -2 log of the height of k's peak exceeds the highest peak's, at most one for each
 * coordinate seen. That is -2 log likelihood, the best component standing for all (they hardly
 * overlap in many dimensions), on the scale of a squared distance. >= 0.
 */
double tacit_mixture_distance(const struct tacit_mixture *mixture, const float *x,
			      const float *seen, size_t *component);

/* What @component makes of a row: @delta from its mean, and @pull, the same over the variance;
 * dims numbers each, 0 where missing. Their product adds up to the squared distance. */
void tacit_mixture_residual(const struct tacit_mixture *mixture, size_t component, const float *x,
			    const float *seen, double *delta, double *pull);

/* Heap bytes. */
size_t tacit_mixture_bytes(size_t dims, size_t components);

void tacit_mixture_save(const struct tacit_mixture *mixture, struct tacit_writer *writer);

/* 0, TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_mixture_load(size_t dims, struct tacit_reader *reader,
					struct tacit_mixture **ret);

/* NULL is fine. */
void tacit_mixture_free(struct tacit_mixture *mixture);
TACIT_DEFINE_CLEANUP(struct tacit_mixture, tacit_mixture_free)

#endif /* TACIT_MODELS_MIXTURE_H */
