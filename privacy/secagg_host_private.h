/* SPDX-License-Identifier: MIT */
/* What the steps of a host (secagg_host*.c) and its state have in common. */
#ifndef TACIT_SECAGG_HOST_PRIVATE_H
#define TACIT_SECAGG_HOST_PRIVATE_H

#include <tacit/secagg_host.h>

#include "mask.h"
#include "seal.h"
#include "secagg_bind.h"

enum {
	SEED_SEAL, /* of the key pair for shares on their way; until MASKED */
	SEED_MASK, /* of the key pair for pairwise masks; until SHARED */
	SEED_SELF, /* of the self mask; until MASKED */
	SEEDS,
};

/* In the roster's order. */
struct tacit_secagg_neighbour {
	uint8_t seal_key[TACIT_SECAGG_KEY_LEN];	  /* until MASKED */
	uint8_t mask_key[TACIT_SECAGG_KEY_LEN];	  /* until MASKED */
	bool heard;				  /* its box arrived: the two mask each other */
	bool held;				  /* and opened: its shares are */
	bool alive, gone;			  /* by the list that was signed */
	uint8_t share[2][TACIT_SECAGG_SHARE_LEN]; /* by kind; until ANSWERED */
};

struct tacit_secagg_host {
	struct tacit_secagg_identity identity;
	struct tacit_random *random; /* borrowed */
	struct tacit_hkdf *hkdf;
	struct tacit_seal *seal;
	struct tacit_mask *mask;
	enum tacit_secagg_stage stage;

	/* from JOINED on */
	uint8_t *config_data; /* the config borrows from it */
	size_t config_len;
	struct tacit_secagg_round round;
	uint32_t hosts_min; /* this host's floor */
	uint8_t seed[SEEDS][TACIT_SECAGG_KEY_LEN];
	uint8_t advert[TACIT_SECAGG_DIGEST_LEN]; /* digest */

	/* from SHARED on */
	uint8_t *roster_data; /* the roster borrows from it */
	size_t roster_len;
	struct tacit_secagg_roster roster;
	struct tacit_secagg_neighbour *neighbour; /* k */

	/* from CONSENTED on */
	uint8_t survivors[TACIT_SECAGG_DIGEST_LEN]; /* digest of the list that was signed */
};

/* Forgets what belongs to stages after @stage, and sets it. */
void tacit_secagg_host_rewind(struct tacit_secagg_host *host, enum tacit_secagg_stage stage);

/*
 * Ends a step: moves on to @stage and yields the message in @writer, and the state. On failure
 * the host is where it was.
 */
TACIT_MUST_CHECK int tacit_secagg_host_finish(struct tacit_secagg_host *host,
					      enum tacit_secagg_stage stage,
					      struct tacit_writer *message,
					      struct tacit_secagg_step *ret);

/* The neighbour with this number, or NULL. */
struct tacit_secagg_neighbour *tacit_secagg_host_find(const struct tacit_secagg_host *host,
						      uint32_t index);

/* Out of turn unless the host is at @stage. */
TACIT_MUST_CHECK int tacit_secagg_host_expect(const struct tacit_secagg_host *host,
					      enum tacit_secagg_stage stage,
					      enum tacit_secagg_reason *why);

#endif /* TACIT_SECAGG_HOST_PRIVATE_H */
