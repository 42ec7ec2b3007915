/* SPDX-License-Identifier: MIT */
#include "linalg.h"

#include <math.h>

#include "vector.h"

#define LANES 4U /* side by side, in vectors: a fixed count makes vector code even at -O2 */

static double dot_float(const float *a, const float *b, size_t n)
{
	double sum[LANES] = { 0 };
	size_t k = 0;

	for (; k + LANES <= n; k += LANES)
		for (size_t lane = 0; lane < LANES; lane++)
			sum[lane] += (double)a[k + lane] * (double)b[k + lane];
	for (; k < n; k++)
		sum[0] += (double)a[k] * (double)b[k];
	return sum[0] + sum[1] + (sum[2] + sum[3]);
}

int tacit_linalg_cholesky(float *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float *row = a + tacit_linalg_row(i);
		double pivot;

		for (size_t k = 0; k < i; k++) {
			const float *above = a + tacit_linalg_row(k);

			row[k] = (float)(((double)row[k] - dot_float(row, above, k)) /
					 (double)above[k]);
		}
		pivot = (double)row[i] - dot_float(row, row, i);
		if (!(pivot > 0) || !isfinite(pivot))
			return -EDOM;
		row[i] = (float)sqrt(pivot);
		if (!(row[i] > 0))
			return -EDOM;
	}
	return 0;
}

void tacit_linalg_solve_lower(const float *l, size_t n, double *x)
{
	tacit_vector_best()->solve(l, n, x);
}

void tacit_linalg_solve_lower_seen(const float *l, size_t n, const float *seen, double *x)
{
	const struct tacit_vector *vector = tacit_vector_best();

	for (size_t i = 0; i < n; i++) {
		const float *row = l + tacit_linalg_row(i);

		x[i] = seen[i] > 0 ? (x[i] - vector->dot(row, x, i)) / (double)row[i] : 0;
	}
}

void tacit_linalg_multiply_lower(const float *l, size_t n, double *x)
{
	const struct tacit_vector *vector = tacit_vector_best();

	for (size_t i = n; i-- > 0;)
		x[i] = vector->dot(l + tacit_linalg_row(i), x, i + 1);
}

void tacit_linalg_solve_upper(const float *l, size_t n, double *x)
{
	const struct tacit_vector *vector = tacit_vector_best();

	for (size_t i = n; i-- > 0;) {
		const float *row = l + tacit_linalg_row(i);

		x[i] /= (double)row[i];
		vector->subtract(x, row, x[i], i);
	}
}
