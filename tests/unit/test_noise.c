/* SPDX-License-Identifier: MIT */
#include <tacit/noise.h>

#include "seed.h"
#include "unit.h"

#define DRAWS	 200000U
#define BINS_MAX 64U

/* Not normalised. */
static double weight_of(int64_t x, double sigma2)
{
	return exp(-(double)(x * x) / (2 * sigma2));
}

/* Normalising constant by summation, far beyond double precision's reach. */
static double mass(double sigma2)
{
	double sum = 1;

	for (int64_t x = 1; x <= (int64_t)(40 * sqrt(sigma2)) + 40; x++)
		sum += 2 * weight_of(x, sigma2);
	return sum;
}

/* Every value for itself, and the two tails where fewer than about ten are expected. */
static void check_pmf(struct tacit_random *random, uint64_t sigma2)
{
	double expected[BINS_MAX] = { 0 }, z = mass((double)sigma2), inside = 0;
	uint64_t count[BINS_MAX] = { 0 };
	int64_t edge = 0;

	while (weight_of(edge + 1, (double)sigma2) / z * DRAWS > 10 &&
	       2 * (edge + 1) + 3 <= (int64_t)BINS_MAX)
		edge++;
	for (int64_t x = -edge; x <= edge; x++) {
		expected[x + edge] = weight_of(x, (double)sigma2) / z * DRAWS;
		inside += expected[x + edge];
	}
	expected[2 * edge + 1] = expected[2 * edge + 2] = (DRAWS - inside) / 2;
	for (unsigned i = 0; i < DRAWS; i++) {
		int64_t x = tacit_noise_gaussian(random, sigma2);

		if (x > edge)
			count[2 * edge + 1]++;
		else if (x < -edge)
			count[2 * edge + 2]++;
		else
			count[x + edge]++;
	}
	CU_ASSERT(counts_fit(count, expected, (size_t)(2 * edge + 3)));
}

static void test_pmf_of_small_variances(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const uint64_t sigma2[] = { 1, 2, 3, 4, 5, 10, 30, 101 };

	for (size_t i = 0; i < sizeof(sigma2) / sizeof(sigma2[0]); i++)
		check_pmf(random, sigma2[i]);
}

/* Large variances are as good as continuous: bins of an eighth of sigma against the normal. */
static void check_shape(struct tacit_random *random, uint64_t sigma2)
{
	double expected[BINS_MAX], sigma = sqrt((double)sigma2), sum = 0, squares = 0;
	uint64_t count[BINS_MAX] = { 0 };

	for (int i = 0; i < (int)BINS_MAX; i++) {
		double low = i == 0 ? -100 : (i - 32) / 8.0;
		double high = i == BINS_MAX - 1 ? 100 : (i - 31) / 8.0;

		expected[i] = DRAWS * (erf(high / M_SQRT2) - erf(low / M_SQRT2)) / 2;
	}
	for (unsigned i = 0; i < DRAWS; i++) {
		double x = (double)tacit_noise_gaussian(random, sigma2) / sigma;
		double bin = floor(x * 8) + 32;

		count[(size_t)fmin(fmax(bin, 0), BINS_MAX - 1)]++;
		sum += x;
		squares += x * x;
	}
	CU_ASSERT(counts_fit(count, expected, BINS_MAX));
	CU_ASSERT(fabs(sum) < 6 * sqrt(DRAWS));
	CU_ASSERT(fabs(squares / DRAWS - 1) < 6 * sqrt(2.0 / DRAWS));
}

static void test_shape_of_large_variances(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	check_shape(random, 1ULL << 32);
	check_shape(random, (1ULL << 46) + 12345);
	check_shape(random, TACIT_NOISE_SIGMA2_MAX);
}

static void test_tails_reach_out(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	double beyond3 = 0, expected = DRAWS * erfc(3 / M_SQRT2);
	int64_t largest = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		int64_t x = llabs(tacit_noise_gaussian(random, 1ULL << 40));

		beyond3 += x > 3 << 20;
		largest = x > largest ? x : largest;
	}
	CU_ASSERT(fabs(beyond3 - expected) < 6 * sqrt(expected));
	CU_ASSERT(10 * largest > 39 << 20 && largest < 9 << 20); /* 3.9 and 9 sigma */
}

static void test_add(void)
{
	static const uint8_t seed[32] = { 7 };
	uint32_t value[] = { 0, 1, UINT32_MAX, 1U << 31 };
	uint32_t kept[] = { 0, 1, UINT32_MAX, 1U << 31 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *a = NULL;
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *b = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_random_new(seed, &a), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_random_new(seed, &b), 0);
	tacit_noise_add(a, 0, value, 4);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(value[i], kept[i]);
	tacit_noise_add(a, 1000000, value, 4);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(value[i], kept[i] + (uint32_t)tacit_noise_gaussian(b, 1000000));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "probabilities of small variances", test_pmf_of_small_variances },
		{ "shape of large variances", test_shape_of_large_variances },
		{ "tails reach out", test_tails_reach_out },
		{ "addition is modular and repeatable", test_add },
		{ NULL, NULL },
	};

	return unit_main("noise", cases);
}
