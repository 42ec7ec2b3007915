/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/random.h>

#include "seed.h"
#include "unit.h"

#define DRAWS 200000U

typedef unsigned __int128 u128;

static const uint8_t zero_seed[32];

static struct tacit_random *from_seed(const uint8_t *seed)
{
	struct tacit_random *random = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_random_new(seed, &random), 0);
	return random;
}

/* AES-256 of a zero block under a zero key, as in NIST's AESAVS (KeySbox, key of zeros). */
static void test_known_stream(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = from_seed(zero_seed);
	static const uint8_t block[16] = { 0xdc, 0x95, 0xc0, 0x78, 0xa2, 0x40, 0x89, 0x89,
					   0xad, 0x48, 0xa2, 0x14, 0x92, 0x84, 0x20, 0x87 };
	uint8_t bytes[16];

	tacit_random_bytes(random, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(memcmp(bytes, block, sizeof(block)), 0);
}

static void test_seed_decides(void)
{
	static const uint8_t other_seed[32] = { 1 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *a = from_seed(zero_seed);
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *b = from_seed(zero_seed);
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *c = from_seed(other_seed);
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *d = from_seed(NULL);
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *e = from_seed(NULL);
	unsigned same = 0;

	for (unsigned i = 0; i < 5000; i++) { /* over several refills */
		uint64_t bits = tacit_random_u64(a);

		CU_ASSERT_EQUAL_FATAL(bits, tacit_random_u64(b));
		same += bits == tacit_random_u64(c);
		same += tacit_random_u64(d) == tacit_random_u64(e);
	}
	CU_ASSERT_EQUAL(same, 0);
}

static void test_bytes_of_any_length(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = from_seed(NULL);
	uint8_t bytes[5001], other[5001];
	size_t same = 0;

	memset(bytes, 0xee, sizeof(bytes));
	tacit_random_bytes(random, bytes, 5000);
	CU_ASSERT_EQUAL(bytes[5000], 0xee);
	tacit_random_bytes(random, other, 5000);
	for (size_t i = 0; i < 5000; i++)
		same += bytes[i] == other[i];
	CU_ASSERT(same < 80); /* 20 expected */
	tacit_random_bytes(random, bytes, 0);
}

static void test_below_is_even(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint64_t count[7] = { 0 };
	double expected[7];

	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t n = tacit_random_below(random, 7);

		CU_ASSERT_FATAL(n < 7);
		count[n]++;
	}
	for (size_t i = 0; i < 7; i++)
		expected[i] = DRAWS / 7.0;
	CU_ASSERT(counts_fit(count, expected, 7));
}

/* With 3 * 2^62 a quarter of all products must be rejected, or the first third comes twice as
 * often. */
static void test_below_rejects_bias(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	const uint64_t bound = 3ULL << 62;
	uint64_t count[3] = { 0 };
	double expected[3] = { DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0 };

	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t n = tacit_random_below(random, bound);

		CU_ASSERT_FATAL(n < bound);
		count[n % 3]++;
	}
	CU_ASSERT(counts_fit(count, expected, 3));
	CU_ASSERT_EQUAL(tacit_random_below(random, 1), 0);
}

static void test_bernoulli_rates(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const u128 huge = (u128)0xfedcba9876543210U << 64 | 0x0123456789abcdefU;
	const struct {
		u128 num, den;
		double rate;
	} rows[] = {
		{ 1, 2, 0.5 },	       { 1, 3, 1 / 3.0 },
		{ 999, 1000, 0.999 },  { huge / 5, huge, 0.2 },
		{ huge - 1, huge, 1 }, { 1, huge, 0 },
		{ 0, 1, 0 },	       { 5, 5, 1 },
		{ huge, huge, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double p = rows[i].rate, hits = 0;

		for (unsigned k = 0; k < DRAWS; k++)
			hits += tacit_random_bernoulli(random, rows[i].num, rows[i].den);
		CU_ASSERT(fabs(hits - p * DRAWS) <= 6 * sqrt(p * (1 - p) * DRAWS));
	}
}

/* A probability made so that the first 64 bits cannot decide and the next ones just do. */
static void test_bernoulli_breaks_ties(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *peek = from_seed(zero_seed);
	uint64_t first = tacit_random_u64(peek), second = tacit_random_u64(peek) >> 28;
	u128 den = (u128)1 << 100;

	for (unsigned above = 0; above < 2; above++) {
		TACIT_CLEANUP(tacit_random_free_p)
		struct tacit_random *random = from_seed(zero_seed);
		u128 num = ((u128)first << 36) + second + above;

		CU_ASSERT_EQUAL(tacit_random_bernoulli(random, num, den), (int)above);
	}
}

static void test_allocation_may_fail(void)
{
	struct tacit_random *random = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_random_new(NULL, &random), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(random);
	tacit_random_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known stream", test_known_stream },
		{ "the seed decides", test_seed_decides },
		{ "bytes of any length", test_bytes_of_any_length },
		{ "below is even", test_below_is_even },
		{ "below rejects bias", test_below_rejects_bias },
		{ "bernoulli rates", test_bernoulli_rates },
		{ "bernoulli breaks ties", test_bernoulli_breaks_ties },
		{ "allocation may fail", test_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("random", cases);
}
