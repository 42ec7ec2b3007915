/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <openssl/evp.h>

#include <tacit/bytes.h>

#include "privacy/mask.h"
#include "seed.h"
#include "unit.h"

#define LONG 10000U

static struct tacit_mask *new_mask(void)
{
	struct tacit_mask *mask = NULL;

	if (tacit_mask_new(&mask) < 0)
		abort();
	return mask;
}

/*
 * The stream of the zero key: blocks 0, 1 and 2 are the hash key, E(K, Y0) and the ciphertext of
 * GCM test cases 13 and 14 (McGrew and Viega, appendix B; NIST SP 800-38D).
 */
static void test_known_answer(void)
{
	static const char stream[] = "dc95c078a2408989ad48a21492842087"
				     "530f8afbc74536b9a963b4f1c4cb738b"
				     "cea7403d4d606b6e074ec5d3baf39d18";
	static const uint8_t key[TACIT_MASK_KEY_LEN];
	TACIT_CLEANUP(tacit_mask_free_p) struct tacit_mask *mask = new_mask();
	uint8_t bytes[48];
	uint32_t value[12];
	struct tacit_reader reader = tacit_reader_init(bytes, sizeof(bytes));

	CU_ASSERT_EQUAL(tacit_hex_decode(stream, bytes, sizeof(bytes)), 0);
	for (size_t i = 0; i < 12; i++)
		value[i] = (uint32_t)i;
	CU_ASSERT_EQUAL(tacit_mask_add(mask, key, value, 12), 0);
	for (size_t i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(value[i], tacit_read_u32le(&reader) + (uint32_t)i);
}

/* NIST SP 800-38A, F.5.5: the cipher that is used, from another counter. */
static void test_cipher(void)
{
	static const char text[] = "601ec313775789a5b7a7f504bbf3d228"
				   "f443e3ca4d62b59aca84e990cacaf5c5"
				   "2b0930daa23de94ce87017ba2d84988d"
				   "dfc9c58db67aada613c2dd08457941a6";
	uint8_t key[32], counter[16], data[64], expected[64];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int len = 0;

	CU_ASSERT_EQUAL(tacit_hex_decode("603deb1015ca71be2b73aef0857d7781"
					 "1f352c073b6108d72d9810a30914dff4",
					 key, 32) |
				tacit_hex_decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", counter, 16) |
				tacit_hex_decode("6bc1bee22e409f96e93d7e117393172a"
						 "ae2d8a571e03ac9c9eb76fac45af8e51"
						 "30c81c46a35ce411e5fbc1191a0a52ef"
						 "f69f2445df4f9b17ad2b417be66c3710",
						 data, 64) |
				tacit_hex_decode(text, expected, 64),
			0);
	CU_ASSERT_EQUAL(EVP_EncryptInit_ex2(context, cipher, key, counter, NULL), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(context, data, &len, data, 64), 1);
	CU_ASSERT_EQUAL(memcmp(data, expected, 64), 0);
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

/* Of any length: a shorter mask is the beginning of a longer one, and subtraction takes it back. */
static void test_lengths(void)
{
	static const size_t lengths[] = { 0, 1, 3, 1023, 1024, 1025, 4096, LONG };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_mask_free_p) struct tacit_mask *mask = new_mask();
	static uint32_t whole[LONG], value[LONG + 1], kept[LONG + 1];
	uint8_t key[TACIT_MASK_KEY_LEN];

	tacit_random_bytes(random, key, sizeof(key));
	CU_ASSERT_EQUAL(tacit_mask_add(mask, key, whole, LONG), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(lengths); i++) {
		size_t n = lengths[i];

		tacit_random_bytes(random, value, sizeof(value));
		memcpy(kept, value, sizeof(value));
		CU_ASSERT_EQUAL(tacit_mask_add(mask, key, value, n), 0);
		for (size_t j = 0; j <= LONG; j++)
			CU_ASSERT_EQUAL(value[j], kept[j] + (j < n ? whole[j] : 0));
		CU_ASSERT_EQUAL(tacit_mask_subtract(mask, key, value, n), 0);
		CU_ASSERT_EQUAL(memcmp(value, kept, sizeof(value)), 0);
	}
}

/* Another key, another stream, each uniform in its high bits. */
static void test_streams_differ(void)
{
	TACIT_CLEANUP(tacit_mask_free_p) struct tacit_mask *mask = new_mask();
	static uint32_t a[LONG], b[LONG];
	uint8_t key[TACIT_MASK_KEY_LEN] = { 0 };
	double expected[16];
	uint64_t count[16] = { 0 };

	CU_ASSERT_EQUAL(tacit_mask_add(mask, key, a, LONG), 0);
	key[31] = 1;
	CU_ASSERT_EQUAL(tacit_mask_add(mask, key, b, LONG), 0);
	for (size_t i = 0; i < LONG; i++)
		count[(a[i] ^ b[i]) >> 28]++;
	for (size_t i = 0; i < 16; i++)
		expected[i] = LONG / 16.0;
	CU_ASSERT(counts_fit(count, expected, 16));
}

static void test_out_of_memory(void)
{
	struct tacit_mask *mask = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_mask_new(&mask), -ENOMEM);
	unit_fail_alloc(-1);
	tacit_mask_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answer (GCM test cases 13 and 14)", test_known_answer },
		{ "the cipher's known answer (SP 800-38A)", test_cipher },
		{ "any length, and back", test_lengths },
		{ "streams of two keys differ", test_streams_differ },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("mask", cases);
}
