/* SPDX-License-Identifier: MIT */
/* What the files of the mailbox share; nobody else includes this. */
#ifndef TACIT_AGGREGATOR_MAILBOX_PRIVATE_H
#define TACIT_AGGREGATOR_MAILBOX_PRIVATE_H

#include "mailbox.h"

#include <tacit/vouch.h>

#include "cohort.h"

#define MAILBOX_ROOMS_MAX  128U /* more than a group of messages can be of */
#define MAILBOX_REASON_MAX 128U

/* What this worker knows of one cohort. */
struct mailbox_room {
	uint64_t round;
	uint32_t group;
	enum tacit_cohort_phase phase;
	int64_t since_ms; /* when this worker saw the phase first, by the boot clock */
	uint64_t looked;  /* in this turn; 0: never */
	uint64_t used;
	char reason[MAILBOX_REASON_MAX]; /* why it is over */

	struct tacit_secagg_server *server;	 /* its outline in this phase; NULL: over */
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN]; /* of its config */
	int64_t last_consent; /* id of the last message of this type that the outline knows */
};

struct tacit_mailbox {
	struct tacit_mailbox_params params;
	struct tacit_vouch *vouch;
	bool trusting; /* what comes from the database was verified before it got there */
	struct mailbox_room *room[MAILBOX_ROOMS_MAX];
	size_t n_rooms;
	uint64_t turn, uses;
};

/* The room of a cohort, not looked at; NULL when out of memory. Borrowed until 127 others were
 * asked for. */
struct mailbox_room *mailbox_room(struct tacit_mailbox *mailbox, uint64_t round, uint32_t group);

/* Sees what phase the cohort is in, and loads its outline when that has changed. */
TACIT_MUST_CHECK int mailbox_look(struct tacit_mailbox *mailbox, struct mailbox_room *room);

static inline bool mailbox_is_over(const struct mailbox_room *room)
{
	return room->phase >= TACIT_COHORT_DONE;
}

/* The caller's room as it is in this turn, with all consents that are in. */
TACIT_MUST_CHECK int mailbox_visit(struct tacit_mailbox *mailbox,
				   const struct tacit_mailbox_caller *caller,
				   struct mailbox_room **ret);

/* Verifies hosts by their certificates, and believes what comes from the database. Signs nothing:
 * outlines bring their signed config. */
struct tacit_secagg_identity mailbox_identity(struct tacit_mailbox *mailbox);

/* Has the host a part in the phase that is? @ret_place: its number in the sum; -1 before there is
 * any. */
bool mailbox_has_part(const struct mailbox_room *room, const uint8_t *id, int64_t *ret_place);

/* The phase a message belongs to: a host's is taken in it alone, what hosts are told there is from
 * then on. */
enum tacit_cohort_phase mailbox_phase_of(enum tacit_secagg_type type);

/* 1 when the host's message of this type is in; @digest: of it, may be NULL. 0 when not. */
TACIT_MUST_CHECK int mailbox_has_message(struct tacit_db *db,
					 const struct tacit_mailbox_caller *caller,
					 enum tacit_secagg_type type,
					 uint8_t digest[TACIT_DIGEST_LEN]);

#endif /* TACIT_AGGREGATOR_MAILBOX_PRIVATE_H */
