/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/bytes.h>

#include "privacy/agree.h"
#include "seed.h"
#include "unit.h"

/* RFC 7748, section 6.1. */
#define ALICE	     "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE_PUBLIC "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB	     "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_PUBLIC   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define SHARED	     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

struct key {
	uint8_t bytes[TACIT_AGREE_KEY_LEN];
};

static struct key key_of(const char *text)
{
	struct key key;

	if (tacit_hex_decode(text, key.bytes, sizeof(key.bytes)) < 0)
		abort();
	return key;
}

static struct tacit_hkdf *new_hkdf(void)
{
	struct tacit_hkdf *hkdf = NULL;

	if (tacit_hkdf_new(&hkdf) < 0)
		abort();
	return hkdf;
}

static struct tacit_agree *new_agree(struct key seed)
{
	struct tacit_agree *agree = NULL;

	if (tacit_agree_new(seed.bytes, &agree) < 0)
		abort();
	return agree;
}

#define EQUAL(a, b) (memcmp(a, b, TACIT_AGREE_KEY_LEN) == 0)

static void test_known_answer(void)
{
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = new_hkdf();
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *alice = new_agree(key_of(ALICE));
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *bob = new_agree(key_of(BOB));
	struct key shared = key_of(SHARED), expected, ours, theirs;
	const struct tacit_hkdf_input input = { .secret = shared.bytes,
						.secret_len = sizeof(shared.bytes),
						.info = "purpose",
						.info_len = 7 };

	CU_ASSERT(EQUAL(tacit_agree_get_public(alice), key_of(ALICE_PUBLIC).bytes));
	CU_ASSERT(EQUAL(tacit_agree_get_public(bob), key_of(BOB_PUBLIC).bytes));
	CU_ASSERT_EQUAL(tacit_hkdf_derive(hkdf, &input, expected.bytes, sizeof(expected)), 0);
	CU_ASSERT_EQUAL(tacit_agree_derive(alice, hkdf, tacit_agree_get_public(bob), "purpose", 7,
					   ours.bytes),
			0);
	CU_ASSERT_EQUAL(tacit_agree_derive(bob, hkdf, tacit_agree_get_public(alice), "purpose", 7,
					   theirs.bytes),
			0);
	CU_ASSERT(EQUAL(ours.bytes, expected.bytes));
	CU_ASSERT(EQUAL(theirs.bytes, expected.bytes));
}

static struct key derive(struct tacit_agree *agree, struct tacit_hkdf *hkdf, const uint8_t *peer,
			 const char *info)
{
	struct key key = { { 0 } };

	CU_ASSERT_EQUAL(tacit_agree_derive(agree, hkdf, peer, info, strlen(info), key.bytes), 0);
	return key;
}

/* One object with many peers, in turn: all pairs agree, and on what the key is for. */
static void test_many_peers(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = new_hkdf();
	struct tacit_agree *host[8];

	for (size_t i = 0; i < 8; i++) {
		struct key seed;

		tacit_random_bytes(random, seed.bytes, sizeof(seed));
		host[i] = new_agree(seed);
		CU_ASSERT(tacit_agree_is_public(tacit_agree_get_public(host[i])));
	}
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < i; j++) {
			const uint8_t *a = tacit_agree_get_public(host[i]);
			const uint8_t *b = tacit_agree_get_public(host[j]);
			struct key ours = derive(host[i], hkdf, b, "mask");
			struct key theirs = derive(host[j], hkdf, a, "mask");
			struct key other = derive(host[j], hkdf, a, "seal");

			CU_ASSERT(EQUAL(ours.bytes, theirs.bytes));
			CU_ASSERT(!EQUAL(ours.bytes, other.bytes));
		}
	for (size_t i = 0; i < 8; i++)
		tacit_agree_free(host[i]);
}

/* Points whose order divides 8, as they can be written down (RFC 7748, section 7; the list is of
 * curve25519's twist and curve below 2^255). */
static void test_points_of_low_order(void)
{
	static const char *const low[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = new_hkdf();
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *alice = new_agree(key_of(ALICE));
	struct key key;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(low); i++) {
		struct key peer = key_of(low[i]);

		CU_ASSERT(!tacit_agree_is_public(peer.bytes));
		CU_ASSERT_EQUAL(tacit_agree_derive(alice, hkdf, peer.bytes, "", 0, key.bytes),
				TACIT_EUNTRUSTED);
	}
	CU_ASSERT_EQUAL(tacit_agree_derive(alice, hkdf, key_of(BOB_PUBLIC).bytes, "", 0, key.bytes),
			0);
}

static void test_out_of_memory(void)
{
	struct tacit_agree *agree = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_agree_new(key_of(ALICE).bytes, &agree), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(agree);
	tacit_agree_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answer (RFC 7748)", test_known_answer },
		{ "many peers", test_many_peers },
		{ "points of low order are refused", test_points_of_low_order },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("agree", cases);
}
