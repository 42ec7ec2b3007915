/* SPDX-License-Identifier: MIT */
/*
 * factor - a kept Cholesky factor of the covariance of some of a space's dimensions.
 *
 * Which dimensions are missing changes from window to window: the system-call features are
 * observed in a share of them only. Leaving dimensions out of a Gaussian means leaving out their
 * rows and columns, and the factor of a leading block is the leading block of the factor; so the
 * rarely observed dimensions go last, and one factor serves both kinds of window.
 */
#ifndef TACIT_MODELS_FACTOR_H
#define TACIT_MODELS_FACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/space.h>

struct tacit_factor;

/* Entry (i, k) of the covariance, with the ridge on its diagonal; never called with i = k. */
typedef double tacit_factor_entry_fn(const void *ctx, size_t i, size_t k);

/* @space: borrowed. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_factor_new(const struct tacit_space *space, struct tacit_factor **ret);

/**
 * tacit_factor_make - factor the covariance of @n dimensions.
 * @order:    their indices, those most often missing last; copied.
 * @observed: groups that had a say in the choice.
 * @diagonal: by dimension: the variances, ridge and all, > 0.
 * @entry:    the rest, with @ctx.
 *
 * Should rounding make the matrix indefinite, covariances are halved until it is not.
 */
void tacit_factor_make(struct tacit_factor *factor, const uint16_t *order, size_t n,
		       const uint8_t *observed, const double *diagonal,
		       tacit_factor_entry_fn *entry, const void *ctx);

/* How many leading dimensions are those observed: 0 when the factor is of no use to a window. */
size_t tacit_factor_fits(const struct tacit_factor *factor, const uint8_t *observed);

/* Order of elimination; borrowed. */
const uint16_t *tacit_factor_order(const struct tacit_factor *factor);

/* Squared distance of @delta (@n numbers, in the factor's order), which becomes L^-1 delta. */
double tacit_factor_distance(const struct tacit_factor *factor, double *delta, size_t n);

/* After tacit_factor_distance(): @white becomes C^-1 delta. */
void tacit_factor_solve(const struct tacit_factor *factor, double *white, size_t n);

/* How many dimensions it is of. */
size_t tacit_factor_n(const struct tacit_factor *factor);

/* @delta becomes L^-1 delta: uncorrelated, of variance 1. Where @seen is 0 (else 1; all of them, in
 * the factor's order) it becomes 0: what is missing is as expected, given those before it. */
void tacit_factor_whiten(const struct tacit_factor *factor, const float *seen, double *delta);

/* @white, all of them, becomes L white. */
void tacit_factor_colour(const struct tacit_factor *factor, double *white);

void tacit_factor_save(const struct tacit_factor *factor, struct tacit_writer *writer);

/* 0, TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_factor_load(const struct tacit_space *space, struct tacit_reader *reader,
				       struct tacit_factor **ret);

/* Heap bytes of one for @space. */
size_t tacit_factor_bytes(const struct tacit_space *space);

/* NULL is fine. */
void tacit_factor_free(struct tacit_factor *factor);
TACIT_DEFINE_CLEANUP(struct tacit_factor, tacit_factor_free)

#endif /* TACIT_MODELS_FACTOR_H */
