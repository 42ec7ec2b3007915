/* SPDX-License-Identifier: MIT */
/*
 * vector - the loops that a small neural network and a factored covariance spend their time in, for
 * the vectors that this processor has: 16, 32 or 64 bytes wide. One source (vector_kernel.h),
 * compiled for each; which one runs is asked at run time, because a package is built for the oldest
 * processor of its architecture.
 */
#ifndef TACIT_MODELS_VECTOR_H
#define TACIT_MODELS_VECTOR_H

#include <stddef.h>

/* Floats in the widest vector: rows of matrices that are written, or read as vectors, are padded to
 * a multiple of it. */
#define TACIT_VECTOR_PAD 16U

static inline size_t tacit_vector_padded(size_t n)
{
	return (n + TACIT_VECTOR_PAD - 1) / TACIT_VECTOR_PAD * TACIT_VECTOR_PAD;
}

/* C = A B: @m rows, @n columns (a multiple of TACIT_VECTOR_PAD), @k terms a sum. Entry (i, l) of A
 * is at a[i * a_row + l * a_column], so that A may be the transpose of what is stored. */
struct tacit_vector_product {
	size_t m, k, n;
	const float *a;
	size_t a_row, a_column;
	const float *b;
	size_t b_row;
	float *c;
	size_t c_row;
};

/* A step of Adam (Kingma & Ba 2015, the form at the end of section 2) over @n numbers, a multiple
 * of TACIT_VECTOR_PAD; @prox times the distance from @anchor is added to the gradient (FedProx, Li
 * et al. 2020). @rate and @epsilon have the corrections of bias in them. */
struct tacit_vector_adam {
	size_t n;
	const float *gradient, *anchor;
	float *first, *second; /* moments */
	float *weight;
	float prox, rate, epsilon;
	float decay[2]; /* of the moments */
};

struct tacit_vector {
	const char *name; /* static, e.g. "avx512" */
	void (*multiply)(const struct tacit_vector_product *product);
	void (*adam)(const struct tacit_vector_adam *step);

	/* The sum over @n of a[i] * b[i], in double. */
	double (*dot)(const float *a, const double *b, size_t n);
	/* @x becomes the solution of L y = @x, @n numbers; L packed by rows as in linalg.h. */
	void (*solve)(const float *l, size_t n, double *x);
	/* c = (1 - w) (c + w a d) over @n numbers. */
	void (*outweigh)(float *c, const float *w, const float *d, float a, size_t n);
	/* x -= a y */
	void (*subtract)(double *x, const float *a, double y, size_t n);
};

/* The widest that this processor runs. */
const struct tacit_vector *tacit_vector_best(void);

/* All that it runs, widest first; NULL at the end. */
const struct tacit_vector *tacit_vector_at(size_t i);

#endif /* TACIT_MODELS_VECTOR_H */
