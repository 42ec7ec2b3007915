/* SPDX-License-Identifier: MIT */
/*
 * merkle - one digest for a list, and short proofs that something is at a place in it: RFC 9162,
 * section 2.1.
 *
 * Leaves are hashed apart from nodes (a zero byte, a one byte in front), so that neither passes for
 * the other.
 */
#ifndef TACIT_MERKLE_H
#define TACIT_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "digest.h"

#define TACIT_MERKLE_LEAVES_MAX (1U << 20)
#define TACIT_MERKLE_PROOF_MAX	20U /* digests */

struct tacit_merkle;

/* The digest of an entry of the list. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_merkle_leaf(const void *data, size_t len, uint8_t ret[TACIT_SHA256_LEN]);

/* @leaf: digests of @n entries, 1..TACIT_MERKLE_LEAVES_MAX, one after the other; copied. @ret:
 * owned by the caller. 0, -EINVAL, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_merkle_new(const uint8_t *leaf, size_t n, struct tacit_merkle **ret);

/* Borrowed. */
const uint8_t *tacit_merkle_get_root(const struct tacit_merkle *merkle);

/* Proof for entry @index, which must exist. @ret has room for TACIT_MERKLE_PROOF_MAX digests, one
 * after the other. Returns their number. */
size_t tacit_merkle_prove(const struct tacit_merkle *merkle, size_t index, uint8_t *ret);

/* Digests of a proof for entry @index of @n. */
size_t tacit_merkle_proof_len(size_t index, size_t n);

/**
 * tacit_merkle_verify - is @leaf at @index of the @n entries below @root?
 * @proof: tacit_merkle_proof_len(@index, @n) digests.
 *
 * Returns 0, TACIT_EUNTRUSTED or TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_merkle_verify(const uint8_t root[TACIT_SHA256_LEN],
					 const uint8_t leaf[TACIT_SHA256_LEN], size_t index,
					 size_t n, const uint8_t *proof);

/* NULL is fine. */
void tacit_merkle_free(struct tacit_merkle *merkle);
TACIT_DEFINE_CLEANUP(struct tacit_merkle, tacit_merkle_free)

#endif /* TACIT_MERKLE_H */
