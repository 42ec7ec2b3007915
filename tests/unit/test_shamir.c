/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "privacy/shamir.h"
#include "seed.h"
#include "unit.h"

#define N_MAX 70U

/* Draws @n of the numbers below @below, in any order. */
static void draw(struct tacit_random *random, uint32_t below, size_t n, uint32_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		ret[i] = (uint32_t)tacit_random_below(random, below);
		while (ret[j] != ret[i])
			j++;
		i -= j < i; /* again */
	}
}

static void combine(const uint32_t *holder, uint8_t (*share)[TACIT_SHAMIR_SHARE_LEN],
		    const uint32_t *which, size_t n, uint8_t *ret, int expected)
{
	const uint8_t *some[N_MAX];
	uint32_t number[N_MAX], weight[N_MAX];

	for (size_t i = 0; i < n; i++) {
		number[i] = holder[which[i]];
		some[i] = share[which[i]];
	}
	CU_ASSERT_EQUAL(tacit_shamir_weights(number, n, weight), 0);
	CU_ASSERT_EQUAL(tacit_shamir_combine(weight, some, n, ret), expected);
}

/* Five shares of the 4-byte secret 00000021, threshold 3: two limbs. */
static void test_known_answer(void)
{
	static const uint32_t high[] = { 0x70cf762e, 0x30a0c5ac, 0x3f73ee90, 0x1d48f0cf,
					 0x4a1fcc74 };
	static const uint32_t low[] = { 0x6ed4aa1c, 0x26eb91cc, 0x2844b747, 0x72e01a8d,
					0x06bdbb88 };

	for (uint32_t a = 0; a < 5; a++)
		for (uint32_t b = 0; b < 5; b++)
			for (uint32_t c = 0; c < 5; c++) {
				uint32_t holder[] = { a, b, c }, weight[3];
				uint32_t one[] = { high[a], high[b], high[c] };
				uint32_t two[] = { low[a], low[b], low[c] };

				if (a == b || b == c || a == c)
					continue;
				CU_ASSERT_EQUAL(tacit_shamir_weights(holder, 3, weight), 0);
				CU_ASSERT_EQUAL(tacit_shamir_interpolate(weight, one, 3), 0);
				CU_ASSERT_EQUAL(tacit_shamir_interpolate(weight, two, 3), 0x21);
			}
}

/* Secrets at the edges of a limb, and shares at the edges of the field. */
static void test_edges(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const uint32_t holder[] = { 0, 1, (1U << 31) - 1 }, which[] = { 2, 0 };
	uint8_t share[3][TACIT_SHAMIR_SHARE_LEN], secret[32], back[32];

	for (int i = 0; i < 257; i++) {
		memset(secret, i == 256 ? 0xff : 0, sizeof(secret));
		if (i < 256)
			secret[i / 8] = (uint8_t)(1 << i % 8);
		CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 2, holder, 3, share), 0);
		combine(holder, share, which, 2, back, 0);
		CU_ASSERT_EQUAL(memcmp(secret, back, sizeof(back)), 0);
	}
}

static void test_any_threshold_many(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint8_t share[N_MAX][TACIT_SHAMIR_SHARE_LEN], secret[32], back[32];
	uint32_t holder[N_MAX], which[N_MAX];

	for (int round = 0; round < 200; round++) {
		size_t n = 1 + tacit_random_below(random, N_MAX);
		size_t t = 1 + tacit_random_below(random, n);
		size_t used = t + tacit_random_below(random, n - t + 1);

		draw(random, round % 2 ? 1U << 31 : N_MAX, n, holder);
		draw(random, (uint32_t)n, used, which);
		tacit_random_bytes(random, secret, sizeof(secret));
		CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, t, holder, n, share), 0);
		combine(holder, share, which, used, back, 0);
		CU_ASSERT_EQUAL(memcmp(secret, back, sizeof(back)), 0);
	}
}

/* One share of two that are needed, of a secret that is always the same, is uniform. */
static void test_fewer_say_nothing(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const uint32_t holder[] = { 3, 8, 9 };
	static const uint8_t secret[32] = { 0 };
	uint8_t share[3][TACIT_SHAMIR_SHARE_LEN];
	double expected[16];
	uint64_t count[16] = { 0 };

	for (int i = 0; i < 16; i++)
		expected[i] = 4000.0 * TACIT_SHAMIR_LIMBS / 16;
	for (int i = 0; i < 4000; i++) {
		CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 2, holder, 3, share), 0);
		for (size_t l = 0; l < TACIT_SHAMIR_LIMBS; l++)
			count[(share[1][4 * l + 3] & 0x7f) >> 3]++;
	}
	CU_ASSERT(counts_fit(count, expected, 16));
}

static void test_weights_serve_many_secrets(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const uint32_t holder[] = { 5, 2, 11, 7 };
	uint8_t share[4][TACIT_SHAMIR_SHARE_LEN], secret[32], back[32];
	const uint8_t *all[] = { share[0], share[1], share[2], share[3] };
	uint32_t weight[4];

	CU_ASSERT_EQUAL(tacit_shamir_weights(holder, 4, weight), 0);
	for (int i = 0; i < 50; i++) {
		tacit_random_bytes(random, secret, sizeof(secret));
		CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 3, holder, 4, share), 0);
		CU_ASSERT_EQUAL(tacit_shamir_combine(weight, all, 4, back), 0);
		CU_ASSERT_EQUAL(memcmp(secret, back, sizeof(back)), 0);
	}
}

/* One bit of one share: found out by the range of a limb, or a different secret. */
static void test_spoiled_share(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const uint32_t holder[] = { 0, 1, 2 };
	uint8_t share[3][TACIT_SHAMIR_SHARE_LEN], secret[32], back[32];
	const uint8_t *all[] = { share[0], share[1], share[2] };
	uint32_t weight[3];

	CU_ASSERT_EQUAL(tacit_shamir_weights(holder, 3, weight), 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t bit = tacit_random_below(random, 8 * (uint64_t)TACIT_SHAMIR_SHARE_LEN);
		int r;

		tacit_random_bytes(random, secret, sizeof(secret));
		CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 3, holder, 3, share), 0);
		share[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = tacit_shamir_combine(weight, all, 3, back);
		CU_ASSERT(r == TACIT_EDAMAGED || memcmp(secret, back, sizeof(back)) != 0);
	}
	memset(share[2], 0xff, sizeof(share[2]));
	CU_ASSERT_EQUAL(tacit_shamir_combine(weight, all, 3, back), TACIT_EDAMAGED);
}

static void test_bad_arguments(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const uint32_t twice[] = { 4, 7, 4 }, large[] = { 0, 1U << 31 }, good[] = { 1, 2 };
	static const uint8_t secret[32] = { 1 };
	uint8_t share[3][TACIT_SHAMIR_SHARE_LEN];
	uint32_t weight[3];

	CU_ASSERT_EQUAL(tacit_shamir_weights(twice, 3, weight), -EINVAL);
	CU_ASSERT_EQUAL(tacit_shamir_weights(large, 2, weight), -EINVAL);
	CU_ASSERT_EQUAL(tacit_shamir_weights(good, 0, weight), -EINVAL);
	CU_ASSERT_EQUAL(tacit_shamir_weights(good, TACIT_SHAMIR_MAX + 1, weight), -EINVAL);
	CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 2, twice, 3, share), -EINVAL);
	CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 3, good, 2, share), -EINVAL);
	CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 0, good, 2, share), -EINVAL);
	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_shamir_share(random, secret, 2, good, 2, share), -ENOMEM);
	unit_fail_alloc(-1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answer", test_known_answer },
		{ "edges of limbs and field", test_edges },
		{ "any threshold many shares will do", test_any_threshold_many },
		{ "a share below the threshold is uniform", test_fewer_say_nothing },
		{ "weights serve many secrets", test_weights_serve_many_secrets },
		{ "a spoiled share does not pass", test_spoiled_share },
		{ "bad arguments", test_bad_arguments },
		{ NULL, NULL },
	};

	return unit_main("shamir", cases);
}
