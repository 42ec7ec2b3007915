/* SPDX-License-Identifier: MIT */
/*
 * Randomness for tests: fresh every run and printed, so that a failure can be had again with
 * TACIT_TEST_SEED=<the hexadecimal digits>.
 */
#ifndef TACIT_TESTS_SEED_H
#define TACIT_TESTS_SEED_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <tacit/bytes.h>
#include <tacit/random.h>

/* Never NULL; tacit_random_free() it. */
static inline struct tacit_random *seeded_random(void)
{
	const char *wanted = getenv("TACIT_TEST_SEED");
	struct tacit_random *random = NULL;
	uint8_t seed[32];
	char text[65];

	if (!wanted || tacit_hex_decode(wanted, seed, sizeof(seed)) < 0) {
		if (tacit_random_new(NULL, &random) < 0)
			abort();
		tacit_random_bytes(random, seed, sizeof(seed));
		tacit_random_free(random);
	}
	tacit_hex_encode(seed, sizeof(seed), text);
	printf("# TACIT_TEST_SEED=%s\n", text);
	if (tacit_random_new(seed, &random) < 0)
		abort();
	return random;
}

/* Uniform in (0, 1). */
static inline double seeded_uniform(struct tacit_random *random)
{
	return ((double)(tacit_random_u64(random) >> 11) + 0.5) * 0x1p-53;
}

/* Standard normal (Box and Muller). */
static inline double seeded_normal(struct tacit_random *random)
{
	double radius = sqrt(-2 * log(seeded_uniform(random)));

	return radius * cos(2 * M_PI * seeded_uniform(random));
}

/*
 * True when counts fit what was expected of them: chi-square against a bound that a true
 * hypothesis exceeds about once in 10^9 times (Wilson and Hilferty's cube root, six sigmas).
 */
static inline int counts_fit(const uint64_t *count, const double *expected, size_t n)
{
	double chi2 = 0, freedom = (double)(n - 1), variance = 2 / (9 * freedom);

	for (size_t i = 0; i < n; i++) {
		double gap = (double)count[i] - expected[i];

		chi2 += gap * gap / expected[i];
	}
	return (cbrt(chi2 / freedom) - (1 - variance)) / sqrt(variance) < 6;
}

#endif /* TACIT_TESTS_SEED_H */
