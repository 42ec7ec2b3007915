/* SPDX-License-Identifier: MIT */
/*
 * secagg_bind - what is signed, hashed, derived and authenticated in a secure sum. Everything is
 * bound to the digest of the config: to hosts that were shown different rounds or models each
 * other's signatures are void, and their masks do not cancel (Pasquini, Francati, Ateniese: Eluding
 * Secure Aggregation in Federated Learning via Model Inconsistency, CCS 2022, arXiv 2111.07380).
 */
#ifndef TACIT_SECAGG_BIND_H
#define TACIT_SECAGG_BIND_H

#include <tacit/secagg.h>

#include "agree.h"

/* A config with its digest. */
struct tacit_secagg_round {
	struct tacit_secagg_config config;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
};

/* What a host signs of its keys, and the leaf that they are in the roster's tree.
 * 0 or TACIT_ECRYPTO, here and below. */
TACIT_MUST_CHECK int tacit_secagg_advert_digest(const uint8_t *config,
						const struct tacit_secagg_advert *advert,
						uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);
TACIT_MUST_CHECK int tacit_secagg_advert_leaf(const uint8_t advert[TACIT_SECAGG_DIGEST_LEN],
					      uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

/* Parameters, root and beacon. */
TACIT_MUST_CHECK int tacit_secagg_roster_digest(const uint8_t *config,
						const struct tacit_secagg_roster *roster,
						uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

/* SHA-256(round id || root || beacon); the round id is round and group. */
TACIT_MUST_CHECK int tacit_secagg_graph_seed(const struct tacit_secagg_config *config,
					     const struct tacit_secagg_roster *roster,
					     uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

/* What a host signs in the consistency round. @roster: its digest. */
TACIT_MUST_CHECK int tacit_secagg_survivors_digest(const uint8_t *config, const uint8_t *roster,
						   const struct tacit_secagg_survivors *survivors,
						   uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

/* By which the dealer pins a share before it is sealed. A share has at least 256 bits that nobody
 * with fewer than t shares knows: the digest tells nothing of it. */
TACIT_MUST_CHECK int tacit_secagg_share_digest(const uint8_t *config, uint32_t dealer,
					       uint32_t holder, enum tacit_secagg_kind kind,
					       const uint8_t share[TACIT_SECAGG_SHARE_LEN],
					       uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

/* SHA-256 of a self mask's seed. */
TACIT_MUST_CHECK int tacit_secagg_commit(const uint8_t seed[TACIT_SECAGG_KEY_LEN],
					 uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

#define TACIT_SECAGG_SEAL_PURPOSE "seal"
#define TACIT_SECAGG_MASK_PURPOSE "mask"

/**
 * tacit_secagg_pair_key - what two hosts agree on.
 * @agree: the key pair of host @id.
 * @peer, @peer_id: the other's public key, of the same purpose, and id.
 * @purpose: one of the above.
 *
 * HKDF's info is "tacit-secagg-v1" || round id || config digest || model digest || purpose ||
 * smaller id || larger id. Returns as tacit_agree_derive().
 */
TACIT_MUST_CHECK int tacit_secagg_pair_key(struct tacit_agree *agree, struct tacit_hkdf *hkdf,
					   const struct tacit_secagg_round *round,
					   const char *purpose, const uint8_t *id,
					   const uint8_t *peer, const uint8_t *peer_id,
					   uint8_t ret[TACIT_SECAGG_KEY_LEN]);

/* Associated data of a box: round id, dealer, holder, the digests of both adverts. */
#define TACIT_SECAGG_BOUND_LEN (12U + 4U + 4U + 2U * TACIT_SECAGG_DIGEST_LEN)
void tacit_secagg_box_bound(const struct tacit_secagg_config *config, uint32_t dealer,
			    uint32_t holder, const uint8_t *dealer_advert,
			    const uint8_t *holder_advert, uint8_t ret[TACIT_SECAGG_BOUND_LEN]);

/* Sets @why, which may be NULL, and gives the reason's code. */
int tacit_secagg_refuse(enum tacit_secagg_reason *why, enum tacit_secagg_reason reason);

/* A decoder's or a library's error @r as a refusal, where the other end is to blame. */
int tacit_secagg_misread(enum tacit_secagg_reason *why, int r);

#endif /* TACIT_SECAGG_BIND_H */
