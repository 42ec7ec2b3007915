/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/linalg.h"
#include "seed.h"
#include "unit.h"

#define N 37U /* no multiple of anything */

/* A = B B' / n + I / 10, packed; @full gets the same as a square. */
static void make_covariance(struct tacit_random *random, float *packed, double full[N][N])
{
	double b[N][N];

	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < N; k++)
			b[i][k] = seeded_normal(random);
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k <= i; k++) {
			double sum = i == k ? 0.1 : 0;

			for (size_t j = 0; j < N; j++)
				sum += b[i][j] * b[k][j] / N;
			packed[tacit_linalg_row(i) + k] = (float)sum;
			full[i][k] = full[k][i] = (double)(float)sum;
		}
}

static void test_solves(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	float l[N * (N + 1) / 2];
	double a[N][N], x[N], b[N], wrong = 0;

	make_covariance(random, l, a);
	for (size_t i = 0; i < N; i++)
		x[i] = seeded_normal(random);
	for (size_t i = 0; i < N; i++) {
		b[i] = 0;
		for (size_t k = 0; k < N; k++)
			b[i] += a[i][k] * x[k];
	}
	CU_ASSERT_EQUAL_FATAL(tacit_linalg_cholesky(l, N), 0);
	tacit_linalg_solve_lower(l, N, b);
	tacit_linalg_solve_upper(l, N, b);
	for (size_t i = 0; i < N; i++)
		wrong = fmax(wrong, fabs(b[i] - x[i]));
	CU_ASSERT(wrong < 1e-4);
}

static void test_known_factor(void)
{
	float a[] = { 4, 2, 10, -2, 5, 14 }; /* (2) (1 3) (-1 2 3) */
	static const float l[] = { 2, 1, 3, -1, 2, 3 };

	CU_ASSERT_EQUAL(tacit_linalg_cholesky(a, 3), 0);
	CU_ASSERT_EQUAL(memcmp(a, l, sizeof(l)), 0);
}

/* The factor of a leading block is the leading block of the factor. */
static void test_leading_part(void)
{
	float whole[] = { 4, 2, 10, -2, 5, 14 }, part[] = { 4, 2, 10 };
	double x[] = { 1, 2, 77 }, y[] = { 1, 2 };

	CU_ASSERT_EQUAL(tacit_linalg_cholesky(whole, 3), 0);
	CU_ASSERT_EQUAL(tacit_linalg_cholesky(part, 2), 0);
	tacit_linalg_solve_lower(whole, 2, x);
	tacit_linalg_solve_lower(part, 2, y);
	CU_ASSERT(x[0] == y[0] && x[1] == y[1] && x[2] == 77);
}

static void test_indefinite(void)
{
	float saddle[] = { 1, 2, 1 }, zero[] = { 0 }, nan[] = { NAN }, inf[] = { INFINITY };

	CU_ASSERT_EQUAL(tacit_linalg_cholesky(saddle, 2), -EDOM);
	CU_ASSERT_EQUAL(tacit_linalg_cholesky(zero, 1), -EDOM);
	CU_ASSERT_EQUAL(tacit_linalg_cholesky(nan, 1), -EDOM);
	CU_ASSERT_EQUAL(tacit_linalg_cholesky(inf, 1), -EDOM);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "solves", test_solves },
		{ "known factor", test_known_factor },
		{ "leading part", test_leading_part },
		{ "indefinite", test_indefinite },
		{ NULL, NULL },
	};

	return unit_main("linalg", cases);
}
