/* SPDX-License-Identifier: MIT */
/* What the phases of a server (secagg_server*.c) and its state have in common. */
#ifndef TACIT_SECAGG_SERVER_PRIVATE_H
#define TACIT_SECAGG_SERVER_PRIVATE_H

#include <tacit/secagg_server.h>

#include "graph.h"
#include "merkle.h"
#include "secagg_bind.h"

/* A good share of a secret. */
struct tacit_secagg_held {
	uint32_t holder;
	uint8_t bytes[TACIT_SECAGG_SHARE_LEN];
};

/* A host, as the server knows it. */
struct tacit_secagg_member {
	uint8_t *message; /* ADVERT; the advert borrows from it */
	size_t message_len;
	struct tacit_secagg_advert advert;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN]; /* of the advert */

	bool shared;
	uint8_t *shares; /* SHARES, or NULL: not yet, or kept elsewhere; the boxes borrow from it */
	size_t shares_len;
	struct tacit_secagg_boxes boxes; /* for its neighbours, in their order */

	bool alive, gone;
	uint8_t consent[TACIT_SECAGG_SIGNATURE_MAX];
	uint8_t consent_len; /* 0: none yet */
	bool answered;
	uint8_t answer[TACIT_SECAGG_DIGEST_LEN]; /* of its message */
	struct tacit_secagg_held *held;		 /* of its secret, room for t */
	uint32_t n_held;
};

struct tacit_secagg_server {
	struct tacit_secagg_identity identity;
	enum tacit_secagg_phase phase;
	uint8_t *config_data; /* the config borrows from it */
	size_t config_len;
	struct tacit_secagg_round round;
	struct tacit_secagg_member *member;
	uint32_t n, capacity;

	/* from SHARES on: members in the order of their ids */
	struct tacit_secagg_params params;
	uint8_t beacon[TACIT_SECAGG_DIGEST_LEN];
	struct tacit_merkle *merkle;
	struct tacit_graph *graph;

	/* from ANSWERS on */
	uint8_t *alive, *gone; /* bits */
	uint8_t survivors[TACIT_SECAGG_DIGEST_LEN];
	struct tacit_secagg_culprit *culprit;
	size_t n_culprits, culprits_capacity;
};

/* Sorts the members, and builds tree and graph over them. */
TACIT_MUST_CHECK int tacit_secagg_server_arrange(struct tacit_secagg_server *server);

/* Takes an ADVERT (copied) for a member that is not there yet. @member is a slot. */
TACIT_MUST_CHECK int tacit_secagg_server_take_advert(const struct tacit_secagg_server *server,
						     struct tacit_secagg_member *member,
						     const uint8_t *data, size_t len,
						     enum tacit_secagg_reason *why);

/* A slot behind the last, grown into if need be; -ENOMEM. Not counted yet. */
TACIT_MUST_CHECK int tacit_secagg_server_new_member(struct tacit_secagg_server *server,
						    struct tacit_secagg_member **ret);

/* Takes SHARES (copied) of @member and checks that they are for its neighbours. */
TACIT_MUST_CHECK int tacit_secagg_server_take_shares(struct tacit_secagg_server *server,
						     uint32_t host, const uint8_t *data, size_t len,
						     enum tacit_secagg_reason *why);

/* The list of survivors from the members' flags, and its digest. */
TACIT_MUST_CHECK int tacit_secagg_server_write_list(struct tacit_secagg_server *server);

/* The box that @dealer, who shared, dealt @holder, its neighbour; NULL when it is none. */
const struct tacit_secagg_box *tacit_secagg_server_box(const struct tacit_secagg_server *server,
						       uint32_t dealer, uint32_t holder);

/* Names a culprit; what does not fit is not kept. */
void tacit_secagg_server_blame(struct tacit_secagg_server *server, uint32_t host,
			       enum tacit_secagg_reason reason, uint32_t other);

void tacit_secagg_member_done(struct tacit_secagg_member *member);

#endif /* TACIT_SECAGG_SERVER_PRIVATE_H */
