/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/bytes.h>

#include "privacy/seal.h"
#include "seed.h"
#include "unit.h"

#define LEN_MAX 100U

static size_t unhex(const char *text, uint8_t *data)
{
	size_t len = strlen(text) / 2;

	if (tacit_hex_decode(text, data, len) < 0)
		abort();
	return len;
}

static struct tacit_seal *new_seal(void)
{
	struct tacit_seal *seal = NULL;

	if (tacit_seal_new(&seal) < 0)
		abort();
	return seal;
}

/* McGrew and Viega: The Galois/Counter Mode of Operation, which NIST SP 800-38D goes by: test cases
 * 13, 14, 15 and 16, those with 256-bit keys and 96-bit nonces. */
#define KEY   "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define NONCE "cafebabefacedbaddecaf888"
#define PLAIN                                                                                      \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define CIPHER                                                                                     \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                         \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
	const char *key, *nonce, *bound, *plain, *box;
} known[] = {
	{ ZERO, "000000000000000000000000", "", "",
	  "000000000000000000000000"
	  "530f8afbc74536b9a963b4f1c4cb738b" },
	{ ZERO, "000000000000000000000000", "", "00000000000000000000000000000000",
	  "000000000000000000000000"
	  "cea7403d4d606b6e074ec5d3baf39d18"
	  "d0d1c8a799996bf0265b98b5d48ab919" },
	{ KEY, NONCE, "", PLAIN "1aafd255",
	  NONCE CIPHER "898015ad"
		       "b094dac5d93471bdec1a502270e3cc6c" },
	{ KEY, NONCE, "feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN,
	  NONCE CIPHER "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static void test_known_answers(void)
{
	TACIT_CLEANUP(tacit_seal_free_p) struct tacit_seal *seal = new_seal();
	uint8_t key[32], nonce[12], bound[LEN_MAX], plain[LEN_MAX], expected[LEN_MAX];
	uint8_t box[LEN_MAX], back[LEN_MAX];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(known); i++) {
		size_t len = unhex(known[i].plain, plain);
		const struct tacit_seal_bound with = { bound, unhex(known[i].bound, bound) };

		(void)unhex(known[i].key, key);
		(void)unhex(known[i].nonce, nonce);
		CU_ASSERT_EQUAL(unhex(known[i].box, expected), len + TACIT_SEAL_EXTRA_LEN);
		CU_ASSERT_EQUAL(tacit_seal_close(seal, key, nonce, &with, plain, len, box), 0);
		CU_ASSERT_EQUAL(memcmp(box, expected, len + TACIT_SEAL_EXTRA_LEN), 0);
		CU_ASSERT_EQUAL(tacit_seal_open(seal, key, &with, box, back, len), 0);
		CU_ASSERT_EQUAL(memcmp(back, plain, len), 0);
	}
}

/* Each single bit of key, bound data and box counts. */
static void test_every_bit_counts(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_seal_free_p) struct tacit_seal *seal = new_seal();
	struct {
		uint8_t key[32], bound[20], box[72 + TACIT_SEAL_EXTRA_LEN];
	} all;
	uint8_t *bytes = (uint8_t *)&all, plain[72], back[72], zero[72] = { 0 };
	const struct tacit_seal_bound bound = { all.bound, sizeof(all.bound) };

	tacit_random_bytes(random, &all, sizeof(all));
	tacit_random_bytes(random, plain, sizeof(plain));
	CU_ASSERT_EQUAL(
		tacit_seal_close(seal, all.key, all.box, &bound, plain, sizeof(plain), all.box), 0);
	for (size_t bit = 0; bit < 8 * sizeof(all); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_EQUAL(tacit_seal_open(seal, all.key, &bound, all.box, back, sizeof(back)),
				TACIT_EUNTRUSTED);
		CU_ASSERT_EQUAL(memcmp(back, zero, sizeof(back)), 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT_EQUAL(tacit_seal_open(seal, all.key, &bound, all.box, back, sizeof(back)), 0);
	CU_ASSERT_EQUAL(memcmp(back, plain, sizeof(back)), 0);
}

static void test_out_of_memory(void)
{
	struct tacit_seal *seal = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_seal_new(&seal), -ENOMEM);
	unit_fail_alloc(-1);
	tacit_seal_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answers (GCM test cases 13-16)", test_known_answers },
		{ "every bit counts", test_every_bit_counts },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("seal", cases);
}
