/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/noise.h>
#include <tacit/protect.h>

#include "seed.h"
#include "unit.h"

#define GRID 65536.0
#define LONG 10000U

static double norm(const double *value, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += value[i] * value[i];
	return sqrt(sum);
}

static void test_clip(void)
{
	double shorter[] = { 0.3, -0.4 }, longer[] = { 3, -4 }, none[] = { 0, 0 };

	CU_ASSERT_DOUBLE_EQUAL(tacit_clip_l2(shorter, 2, 1), 0.5, 1e-15);
	CU_ASSERT_EQUAL(shorter[0], 0.3);
	CU_ASSERT_DOUBLE_EQUAL(tacit_clip_l2(longer, 2, 1), 5, 1e-14);
	CU_ASSERT_DOUBLE_EQUAL(longer[0], 0.6, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(longer[1], -0.8, 1e-15);
	CU_ASSERT_EQUAL(tacit_clip_l2(none, 2, 1), 0);
	CU_ASSERT_EQUAL(none[0], 0);
}

static void test_clip_survives_anything(void)
{
	double value[] = { NAN, 0.25, INFINITY, -INFINITY };
	double huge[] = { 1e308, -1e308, 1e308 };

	CU_ASSERT_EQUAL(tacit_clip_l2(value, 4, 1), 0.25);
	CU_ASSERT(value[0] == 0 && value[1] == 0.25 && value[2] == 0 && value[3] == 0);
	CU_ASSERT(tacit_clip_l2(huge, 3, 1) > 1e308);
	CU_ASSERT_DOUBLE_EQUAL(norm(huge, 3), 1, 1e-12);
}

static void test_sigma2(void)
{
	struct tacit_protect_params params = { .clip_norm = 1, .noise_multiplier = 0 };
	uint64_t sigma2 = 1, bound = tacit_protect_norm2_max(LONG);

	/* 65536^2 + 65536 + 10000/4 + sqrt(10000)/2 */
	CU_ASSERT_EQUAL(bound, 4294967296 + 65536 + 2500 + 50);
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &sigma2), 0);
	CU_ASSERT_EQUAL(sigma2, 0);
	params.noise_multiplier = 1;
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &sigma2), 0);
	CU_ASSERT(sigma2 >= bound && sigma2 <= bound + 1);
	params.noise_multiplier = 0.5;
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &sigma2), 0);
	CU_ASSERT(4 * sigma2 >= bound && 4 * sigma2 <= bound + 8);
	params.noise_multiplier = 1e-9;
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &sigma2), 0);
	CU_ASSERT_EQUAL(sigma2, 1);
	params.noise_multiplier = TACIT_PROTECT_NOISE_MAX;
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, TACIT_PROTECT_DIMS_MAX, &sigma2), 0);
	CU_ASSERT(sigma2 <= TACIT_NOISE_SIGMA2_MAX);
}

static void test_bad_parameters(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct tacit_protect_params bad[] = {
		{ 0, 1, 1 },  { -1, 1, 1 },  { NAN, 1, 1 },  { INFINITY, 1, 1 },
		{ 1, -1, 1 }, { 1, NAN, 1 }, { 1, 1001, 1 }, { 1, INFINITY, 1 },
	};
	static const struct tacit_protect_params good = { 1, 1, 1 };
	double value[1] = { 0 };
	uint64_t sigma2 = 77;
	uint32_t out[1] = { 77 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(tacit_protect_sigma2(&bad[i], 1, &sigma2), -EINVAL);
		CU_ASSERT_EQUAL(tacit_protect(&bad[i], value, 1, random, out), -EINVAL);
	}
	CU_ASSERT_EQUAL(tacit_protect(&good, value, 0, random, out), -EINVAL);
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&good, TACIT_PROTECT_DIMS_MAX + 1, &sigma2), -EINVAL);
	CU_ASSERT(sigma2 == 77 && out[0] == 77);
}

static void test_rho(void)
{
	struct tacit_protect_params params = { .clip_norm = 3, .noise_multiplier = 2 };

	CU_ASSERT_DOUBLE_EQUAL(tacit_protect_rho(&params), 0.125, 1e-15);
	params.noise_multiplier = 0;
	CU_ASSERT(isinf(tacit_protect_rho(&params)));
}

/* Numbers between two points of the grid, among them negative ones and one next to nothing. */
static void test_rounding_is_unbiased(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct tacit_protect_params params = { .clip_norm = 2 };
	static const double steps[] = { 0.5, 100.25, -7.9, -0.001, 1234, -1e-30 };
	enum { N = 6, TRIES = 40000 };
	double sum[N] = { 0 };

	for (unsigned k = 0; k < TRIES; k++) {
		double value[N];
		uint32_t out[N];

		for (size_t i = 0; i < N; i++)
			value[i] = steps[i] * 2 / GRID;
		CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, N, random, out), 0);
		for (size_t i = 0; i < N; i++) {
			CU_ASSERT_FATAL(fabs((int32_t)out[i] - steps[i]) <= 1);
			sum[i] += (int32_t)out[i];
		}
	}
	for (size_t i = 0; i < N; i++) /* standard deviation at most 1/2 */
		CU_ASSERT(fabs(sum[i] / TRIES - steps[i]) < 6 * 0.5 / sqrt(TRIES));
	CU_ASSERT_EQUAL(sum[4], 1234.0 * TRIES);
}

/* A vector on the sphere whose coordinates all lie between grid points: rounding alone would often
 * leave the ball that the noise is made for. */
static void test_rounded_norm_is_bounded(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct tacit_protect_params params = { .clip_norm = 1 };
	static double value[LONG];
	static uint32_t out[LONG];

	for (unsigned k = 0; k < 50; k++) {
		uint64_t norm2 = 0;

		for (size_t i = 0; i < LONG; i++)
			value[i] = i % 2 ? 0.51 : -0.5;
		CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, LONG, random, out), 0);
		CU_ASSERT_DOUBLE_EQUAL(norm(value, LONG), 1, 1e-12);
		for (size_t i = 0; i < LONG; i++)
			norm2 += (uint64_t)((int64_t)(int32_t)out[i] * (int32_t)out[i]);
		CU_ASSERT(norm2 <= tacit_protect_norm2_max(LONG));
		CU_ASSERT(norm2 >= 4294967296 - 6 * 65536); /* its standard deviation */
	}
}

static void test_sum_of_hosts_reads_back(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct tacit_protect_params params = { .clip_norm = 0.75 };
	uint32_t sum[3] = { 0 };
	double back[3];

	for (unsigned host = 0; host < 100; host++) {
		double value[3] = { -0.5, 0.25, 0 };
		uint32_t out[3];

		CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, 3, random, out), 0);
		for (size_t i = 0; i < 3; i++)
			sum[i] += out[i];
	}
	tacit_unprotect(&params, sum, 3, back);
	CU_ASSERT_DOUBLE_EQUAL(back[0], -50, 100 * 0.75 / GRID);
	CU_ASSERT_DOUBLE_EQUAL(back[1], 25, 100 * 0.75 / GRID);
	CU_ASSERT_EQUAL(back[2], 0);
}

static void test_noise_is_what_was_promised(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct tacit_protect_params params = { .clip_norm = 4,
							    .noise_multiplier = 0.7 };
	static double value[LONG], back[LONG];
	static uint32_t out[LONG];
	double promised = 0.7 * 4, sum = 0;

	memset(value, 0, sizeof(value));
	CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, LONG, random, out), 0);
	tacit_unprotect(&params, out, LONG, back);
	for (size_t i = 0; i < LONG; i++)
		sum += back[i] * back[i];
	CU_ASSERT(fabs(sum / LONG / (promised * promised) - 1) < 6 * sqrt(2.0 / LONG));
}

/* Shares of noise: each the n_h-th part of the variance, never less, and together what was
 * promised. */
static void test_shares(void)
{
	struct tacit_protect_params params = { .clip_norm = 1, .noise_multiplier = 1 };
	uint64_t whole = 0, share = 0;

	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &whole), 0);
	params.honest = 1;
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &share), 0);
	CU_ASSERT_EQUAL(share, whole);
	for (uint32_t honest = 2; honest < 100000; honest = honest * 3 + 1) {
		params.honest = honest;
		CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &share), 0);
		CU_ASSERT(share * honest >= tacit_protect_norm2_max(LONG));
		CU_ASSERT((share - 1) * honest <= whole);
	}
	params.noise_multiplier = 1e-9;
	CU_ASSERT_EQUAL(tacit_protect_sigma2(&params, LONG, &share), 0);
	CU_ASSERT_EQUAL(share, 1);
}

static void test_sum_of_shares_is_what_was_promised(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct tacit_protect_params params = { .clip_norm = 4,
							    .noise_multiplier = 0.7,
							    .honest = 30 };
	static double value[LONG], back[LONG];
	static uint32_t out[LONG], all[LONG];
	double promised = 0.7 * 4, sum = 0;

	for (unsigned host = 0; host < 30; host++) {
		memset(value, 0, sizeof(value));
		CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, LONG, random, out), 0);
		for (size_t i = 0; i < LONG; i++)
			all[i] += out[i];
	}
	tacit_unprotect(&params, all, LONG, back);
	for (size_t i = 0; i < LONG; i++)
		sum += back[i] * back[i];
	CU_ASSERT(fabs(sum / LONG / (promised * promised) - 1) < 6 * sqrt(2.0 / LONG));
}

/* Against the aggregator, n_h shares are what local noise would be; readers have all of them
 * against them. */
static void test_rho_of_shares(void)
{
	struct tacit_protect_params params = { .clip_norm = 1,
					       .noise_multiplier = 1,
					       .honest = 700 };
	double aggregator = tacit_protect_rho_sum(&params, LONG, 700);
	double readers = tacit_protect_rho_sum(&params, LONG, 900);

	CU_ASSERT_DOUBLE_EQUAL(aggregator, tacit_protect_rho(&params), 1e-6);
	CU_ASSERT(aggregator <= tacit_protect_rho(&params));
	CU_ASSERT_DOUBLE_EQUAL(readers, aggregator * 700 / 900, 1e-12);
	CU_ASSERT(isinf(tacit_protect_rho_sum(&params, LONG, 0)));
	CU_ASSERT(isinf(tacit_protect_rho_sum(&params, 0, 700)));
	params.noise_multiplier = 0;
	CU_ASSERT(isinf(tacit_protect_rho_sum(&params, LONG, 700)));
	/* shares so small that tau counts: one step of the grid each */
	params.noise_multiplier = 0.0004;
	CU_ASSERT(tacit_protect_rho_sum(&params, LONG, 700) >
		  (double)tacit_protect_norm2_max(LONG) / 1400 + 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "clip", test_clip },
		{ "clip survives anything", test_clip_survives_anything },
		{ "sigma2", test_sigma2 },
		{ "bad parameters", test_bad_parameters },
		{ "rho", test_rho },
		{ "rounding is unbiased", test_rounding_is_unbiased },
		{ "the rounded norm is bounded", test_rounded_norm_is_bounded },
		{ "a sum of hosts reads back", test_sum_of_hosts_reads_back },
		{ "the noise is what was promised", test_noise_is_what_was_promised },
		{ "shares of noise", test_shares },
		{ "a sum of shares is what was promised", test_sum_of_shares_is_what_was_promised },
		{ "rho of shares", test_rho_of_shares },
		{ NULL, NULL },
	};

	return unit_main("protect", cases);
}
