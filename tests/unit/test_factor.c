/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/factor.h"
#include "samples.h"
#include "unit.h"

#define D SAMPLES_DIMS

static const uint8_t only_second[SAMPLES_GROUPS] = { 0, 1, 0 };
static const uint8_t none[SAMPLES_GROUPS] = { 0, 0, 0 };
static const uint16_t order[D] = { 0, 1, 4, 2, 3, 5, 6, 7 }; /* by group */
static const double variances[D] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static double no_covariance(const void *ctx, size_t i, size_t k)
{
	(void)ctx;
	CU_ASSERT(i != k);
	return 0;
}

static double impossible_covariance(const void *ctx, size_t i, size_t k)
{
	(void)ctx;
	(void)i;
	(void)k;
	return 100;
}

static struct tacit_factor *make(size_t n, const uint8_t *observed, tacit_factor_entry_fn *entry)
{
	struct tacit_factor *factor = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_factor_new(&samples_space, &factor), 0);
	CU_ASSERT_EQUAL(tacit_factor_fits(factor, samples_all), 0);
	tacit_factor_make(factor, order, n, observed, variances, entry, NULL);
	return factor;
}

static void test_fits_leading_groups(void)
{
	TACIT_CLEANUP(tacit_factor_free_p)
	struct tacit_factor *factor = make(D, samples_all, no_covariance);
	TACIT_CLEANUP(tacit_factor_free_p)
	struct tacit_factor *narrow = make(5, samples_no_last, no_covariance);

	CU_ASSERT_EQUAL(tacit_factor_fits(factor, samples_all), D);
	CU_ASSERT_EQUAL(tacit_factor_fits(factor, samples_no_last), 5);
	CU_ASSERT_EQUAL(tacit_factor_fits(factor, samples_no_first), 0);
	CU_ASSERT_EQUAL(tacit_factor_fits(factor, only_second), 0);
	CU_ASSERT_EQUAL(tacit_factor_fits(factor, none), 0);
	CU_ASSERT_EQUAL(tacit_factor_fits(narrow, samples_no_last), 5);
	CU_ASSERT_EQUAL(tacit_factor_fits(narrow, samples_all), 0);
}

static void test_distance(void)
{
	TACIT_CLEANUP(tacit_factor_free_p)
	struct tacit_factor *factor = make(D, samples_all, no_covariance);
	double delta[D], expected = 0;

	for (size_t i = 0; i < D; i++) {
		delta[i] = (double)i - 3;
		expected += delta[i] * delta[i] / variances[order[i]];
	}
	CU_ASSERT_DOUBLE_EQUAL(tacit_factor_distance(factor, delta, D), expected, 1e-5);
	tacit_factor_solve(factor, delta, D);
	for (size_t i = 0; i < D; i++)
		CU_ASSERT_DOUBLE_EQUAL(delta[i], ((double)i - 3) / variances[order[i]], 1e-5);
}

static void test_indefinite_is_mended(void)
{
	TACIT_CLEANUP(tacit_factor_free_p)
	struct tacit_factor *factor = make(D, samples_all, impossible_covariance);
	double delta[D] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	double distance = tacit_factor_distance(factor, delta, D);

	CU_ASSERT(isfinite(distance) && distance > 0);
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 10; nth++) {
		TACIT_CLEANUP(tacit_factor_free_p) struct tacit_factor *factor = NULL;

		unit_fail_alloc(nth);
		r = tacit_factor_new(&samples_space, &factor);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (factor != NULL));
	}
	CU_ASSERT(r == 0 && nth == 4);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "fits leading groups", test_fits_leading_groups },
		{ "distance", test_distance },
		{ "an indefinite matrix is mended", test_indefinite_is_mended },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("factor", cases);
}
