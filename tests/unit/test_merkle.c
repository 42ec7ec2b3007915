/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/bytes.h>

#include "privacy/merkle.h"
#include "seed.h"
#include "unit.h"

#define N_MAX 70U

/* The eight leaves and their roots with which Certificate Transparency tests its trees. */
static void test_known_answers(void)
{
	static const char *const leaf[] = { "",
					    "00",
					    "10",
					    "2021",
					    "3031",
					    "40414243",
					    "5051525354555657",
					    "606162636465666768696a"
					    "6b6c6d6e6f" };
	static const char *const root[] = {
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	uint8_t leaves[8][TACIT_SHA256_LEN], expected[TACIT_SHA256_LEN];

	for (size_t n = 1; n <= 8; n++) {
		TACIT_CLEANUP(tacit_merkle_free_p) struct tacit_merkle *merkle = NULL;
		uint8_t data[16];
		size_t len = strlen(leaf[n - 1]) / 2;

		CU_ASSERT_EQUAL(tacit_hex_decode(leaf[n - 1], data, len), 0);
		CU_ASSERT_EQUAL(tacit_hex_decode(root[n - 1], expected, sizeof(expected)), 0);
		CU_ASSERT_EQUAL(tacit_merkle_leaf(data, len, leaves[n - 1]), 0);
		CU_ASSERT_EQUAL_FATAL(tacit_merkle_new(leaves[0], n, &merkle), 0);
		CU_ASSERT_EQUAL(memcmp(tacit_merkle_get_root(merkle), expected, 32), 0);
	}
}

static struct tacit_merkle *random_tree(struct tacit_random *random,
					uint8_t (*leaf)[TACIT_SHA256_LEN], size_t n)
{
	struct tacit_merkle *merkle = NULL;

	tacit_random_bytes(random, leaf, n * sizeof(*leaf));
	if (tacit_merkle_new(leaf[0], n, &merkle) < 0)
		abort();
	return merkle;
}

static int verify(const struct tacit_merkle *merkle, const uint8_t *leaf, size_t index, size_t n,
		  const uint8_t *proof)
{
	return tacit_merkle_verify(tacit_merkle_get_root(merkle), leaf, index, n, proof);
}

/* Every leaf of every size proves its place, and no other. */
static void test_proofs(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint8_t leaf[N_MAX][TACIT_SHA256_LEN], proof[TACIT_MERKLE_PROOF_MAX * TACIT_SHA256_LEN];

	for (size_t n = 1; n <= N_MAX; n++) {
		TACIT_CLEANUP(tacit_merkle_free_p)
		struct tacit_merkle *merkle = random_tree(random, leaf, n);

		for (size_t i = 0; i < n; i++) {
			size_t len = tacit_merkle_prove(merkle, i, proof);

			CU_ASSERT_EQUAL(len, tacit_merkle_proof_len(i, n));
			CU_ASSERT_EQUAL(verify(merkle, leaf[i], i, n, proof), 0);
			for (size_t j = 0; j < n; j++)
				CU_ASSERT(j == i ||
					  verify(merkle, leaf[j], i, n, proof) == TACIT_EUNTRUSTED);
			CU_ASSERT_EQUAL(verify(merkle, leaf[i], n, n, proof), TACIT_EUNTRUSTED);
		}
	}
}

static void test_every_bit_counts(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint8_t leaf[N_MAX][TACIT_SHA256_LEN], proof[TACIT_MERKLE_PROOF_MAX * TACIT_SHA256_LEN];
	TACIT_CLEANUP(tacit_merkle_free_p)
	struct tacit_merkle *merkle = random_tree(random, leaf, N_MAX);
	size_t len = tacit_merkle_prove(merkle, 42, proof);

	for (size_t bit = 0; bit < 8 * len * TACIT_SHA256_LEN; bit++) {
		proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_EQUAL(verify(merkle, leaf[42], 42, N_MAX, proof), TACIT_EUNTRUSTED);
		proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT_EQUAL(verify(merkle, leaf[42], 42, N_MAX, proof), 0);
}

static void test_limits(void)
{
	static const uint8_t leaf[TACIT_SHA256_LEN];
	struct tacit_merkle *merkle = NULL;

	CU_ASSERT_EQUAL(
		tacit_merkle_proof_len(TACIT_MERKLE_LEAVES_MAX - 1, TACIT_MERKLE_LEAVES_MAX),
		TACIT_MERKLE_PROOF_MAX);
	CU_ASSERT_EQUAL(tacit_merkle_new(leaf, 0, &merkle), -EINVAL);
	CU_ASSERT_EQUAL(tacit_merkle_new(leaf, TACIT_MERKLE_LEAVES_MAX + 1, &merkle), -EINVAL);
	for (int i = 0; i < 2; i++) {
		unit_fail_alloc(i);
		CU_ASSERT_EQUAL(tacit_merkle_new(leaf, 1, &merkle), -ENOMEM);
	}
	unit_fail_alloc(-1);
	tacit_merkle_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answers", test_known_answers },
		{ "every leaf proves its place", test_proofs },
		{ "every bit of a proof counts", test_every_bit_counts },
		{ "limits", test_limits },
		{ NULL, NULL },
	};

	return unit_main("merkle", cases);
}
