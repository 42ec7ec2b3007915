/* SPDX-License-Identifier: MIT */
/*
 * linalg - the little linear algebra a Gaussian needs. A symmetric or triangular matrix is
 * its lower triangle, packed by rows: row i begins at tacit_linalg_row(i) and has i + 1 numbers.
 * Stored as float to halve the memory; sums are made in double.
 */
#ifndef TACIT_MODELS_LINALG_H
#define TACIT_MODELS_LINALG_H

#include <stddef.h>

#include <tacit/error.h>

static inline size_t tacit_linalg_row(size_t i)
{
	return i * (i + 1) / 2;
}

/* @a becomes its Cholesky factor L, @a = L L'. 0, or -EDOM when @a is not positive definite, and
 * then @a is spoilt. */
TACIT_MUST_CHECK int tacit_linalg_cholesky(float *a, size_t n);

/* @x becomes the solution of L y = @x. A leading part of L serves a leading part of @x. */
void tacit_linalg_solve_lower(const float *l, size_t n, double *x);

/* The same, but where @seen is 0 the solution is 0: with L the factor of a covariance, what is
 * missing is what it is expected to be, given those before it. */
void tacit_linalg_solve_lower_seen(const float *l, size_t n, const float *seen, double *x);

/* @x becomes L @x. */
void tacit_linalg_multiply_lower(const float *l, size_t n, double *x);

/* @x becomes the solution of L' y = @x. */
void tacit_linalg_solve_upper(const float *l, size_t n, double *x);

#endif /* TACIT_MODELS_LINALG_H */
