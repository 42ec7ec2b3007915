/* SPDX-License-Identifier: MIT */
/*
 * agree - two hosts that know each other's public key come to the same key, and nobody else does:
 * X25519 (RFC 7748), then HKDF (RFC 5869) over everything that the key is for.
 *
 * A key pair is made of a 32-byte seed, its private scalar: the seed is what is shared among
 * neighbours, so that they can stand in for a host that went away (Bell et al. 2020,
 * ia.cr/2020/704, section 3).
 */
#ifndef TACIT_AGREE_H
#define TACIT_AGREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "hkdf.h"

#define TACIT_AGREE_KEY_LEN 32U /* of seeds, public keys, and what is agreed on */

struct tacit_agree;

/* @seed: copied. @ret: owned by the caller. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_agree_new(const uint8_t seed[TACIT_AGREE_KEY_LEN],
				     struct tacit_agree **ret);

/* The public key, borrowed. */
const uint8_t *tacit_agree_get_public(const struct tacit_agree *agree);

/**
 * tacit_agree_derive - the key shared with one peer.
 * @hkdf: whose object does the derivation; borrowed.
 * @peer: its public key.
 * @info: what the key is for.
 *
 * Returns 0, TACIT_EUNTRUSTED (a point of low order, with which all would agree on zero: RFC 7748,
 * section 6.1) or TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_agree_derive(struct tacit_agree *agree, struct tacit_hkdf *hkdf,
					const uint8_t peer[TACIT_AGREE_KEY_LEN], const void *info,
					size_t info_len, uint8_t key[TACIT_AGREE_KEY_LEN]);

/* True when @peer is no point of low order. */
bool tacit_agree_is_public(const uint8_t peer[TACIT_AGREE_KEY_LEN]);

/* Wipes the seed. NULL is fine. */
void tacit_agree_free(struct tacit_agree *agree);
TACIT_DEFINE_CLEANUP(struct tacit_agree, tacit_agree_free)

#endif /* TACIT_AGREE_H */
