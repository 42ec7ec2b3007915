/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/bytes.h>

#include "privacy/hkdf.h"
#include "unit.h"

/* RFC 5869, appendix A.1-A.3: those with SHA-256. */
static const struct {
	const char *secret, *salt, *info, *key;
} known[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	  "f0f1f2f3f4f5f6f7f8f9",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
	  "28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
	  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687"
	  "88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
	  "d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
	  "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f"
	  "1d87" },
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
};

static size_t unhex(const char *text, uint8_t *data)
{
	size_t len = strlen(text) / 2;

	CU_ASSERT_EQUAL_FATAL(tacit_hex_decode(text, data, len), 0);
	return len;
}

/* One object for all, twice: nothing of one derivation leaks into the next. */
static void test_known_answers(void)
{
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = NULL;
	uint8_t secret[80], salt[80], info[80], expected[82], key[82];

	CU_ASSERT_EQUAL_FATAL(tacit_hkdf_new(&hkdf), 0);
	for (size_t i = 0; i < 2 * TACIT_ARRAY_LEN(known); i++) {
		size_t n = i % TACIT_ARRAY_LEN(known), len = unhex(known[n].key, expected);
		const struct tacit_hkdf_input input = {
			.secret = secret,
			.secret_len = unhex(known[n].secret, secret),
			.salt = salt,
			.salt_len = unhex(known[n].salt, salt),
			.info = info,
			.info_len = unhex(known[n].info, info),
		};

		CU_ASSERT_EQUAL(tacit_hkdf_derive(hkdf, &input, key, len), 0);
		CU_ASSERT_EQUAL(memcmp(key, expected, len), 0);
	}
}

static void test_limits(void)
{
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = NULL;
	static uint8_t key[TACIT_HKDF_LEN_MAX + 1];
	const struct tacit_hkdf_input input = { .secret = "s", .secret_len = 1 };

	CU_ASSERT_EQUAL_FATAL(tacit_hkdf_new(&hkdf), 0);
	CU_ASSERT_EQUAL(tacit_hkdf_derive(hkdf, &input, key, TACIT_HKDF_LEN_MAX), 0);
	CU_ASSERT_EQUAL(tacit_hkdf_derive(hkdf, &input, key, sizeof(key)), TACIT_ECRYPTO);
	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_hkdf_new(&hkdf), -ENOMEM);
	unit_fail_alloc(-1);
	tacit_hkdf_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answers (RFC 5869)", test_known_answers },
		{ "limits", test_limits },
		{ NULL, NULL },
	};

	return unit_main("hkdf", cases);
}
