/* SPDX-License-Identifier: MIT */
/*
 * mailbox - a worker's side of secure sums: what hosts say goes into the database, what they are
 * told comes from it. Who moves the sums on is the keeper (cohort.h); any number of workers, and
 * their successors, take messages of the same hosts.
 *
 * Messages are admitted one by one, against the outline of the cohort at hand, and committed in
 * groups: one transaction per group, within which the phase is looked at once more. A message that
 * was committed is in the database once, and a masked vector in exactly one sum, whoever took it.
 *
 * Memory is an outline for each cohort, 1 to 2 MB with a thousand hosts; what was dealt stays in
 * the database.
 */
#ifndef TACIT_AGGREGATOR_MAILBOX_H
#define TACIT_AGGREGATOR_MAILBOX_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/secagg_server.h>
#include <tacit/wire.h>

#include "ca.h"
#include "hosts.h"
#include "round.h"

struct tacit_mailbox;

/* Messages in one group. */
#define TACIT_MAILBOX_GROUP_MAX 64U

struct tacit_mailbox_params {
	struct tacit_db *db;	   /* borrowed, outlives it */
	const struct tacit_ca *ca; /* borrowed for the call: vouches for hosts */
	uint32_t worker;	   /* index; after a restart the same index goes on with its sums */
	int64_t (*wall_ms)(void);  /* NULL: the real clocks */
	int64_t (*boot_ms)(void);
};

/* @ret: owned by the caller. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_mailbox_new(const struct tacit_mailbox_params *params,
				       struct tacit_mailbox **ret);

/* Whose message it is, or who asks. Plain record. */
struct tacit_mailbox_caller {
	uint64_t round;
	uint32_t group; /* that the host belongs to */
	int64_t host;	/* tacit_host.number */
	uint8_t id[TACIT_SECAGG_ID_LEN];
};

/* Finds the caller's group, and looks at the database anew. @id: SHA-256 of the host's public key.
 * 0, -ENOENT (there is no distributed round of this number), TACIT_ECRYPTO, database errors. */
TACIT_MUST_CHECK int tacit_mailbox_find(struct tacit_mailbox *mailbox,
					const struct tacit_host *host,
					const uint8_t id[TACIT_SECAGG_ID_LEN], uint64_t round,
					struct tacit_mailbox_caller *ret);

/* From here on every cohort is looked at anew, once; until the next call what was seen counts. */
void tacit_mailbox_turn(struct tacit_mailbox *mailbox);

/**
 * struct tacit_mailbox_message - one message of a group.
 *
 * @result after the commit: 1 accepted, 0 the same bytes were accepted before, TACIT_ECONFLICT
 * other bytes were, TACIT_ESTALE the phase is over, or the round full.
 */
struct tacit_mailbox_message {
	struct tacit_mailbox_caller caller;
	enum tacit_secagg_type type;
	int64_t place;	     /* in the sum; -1 before there are any */
	bool checked;	     /* false: it comes late, and can only have come before */
	const uint8_t *data; /* borrowed until the commit */
	size_t len;
	uint8_t digest[TACIT_DIGEST_LEN]; /* of it */
	int result;
};

/**
 * tacit_mailbox_admit - does this message belong to its cohort now, and is it the caller's own?
 * @type: ADVERT, SHARES, MASKED, CONSENT or ANSWER.
 * @data: must stay until the group it goes into is committed.
 * @why:  why it was refused; may be NULL.
 *
 * An advert bears the caller's id and good certificate, what follows the number of its place. When
 * the phase is over but the host's message is in, it is admitted: the commit then finds it so.
 *
 * Returns 0, TACIT_ESCHEMA (not such a message), TACIT_EREFUSED (@why says it), TACIT_ESTALE (the
 * phase is over, or the host has no part in it: tacit_mailbox_reason()), TACIT_ECRYPTO, -ENOMEM,
 * TACIT_EDAMAGED, database errors.
 */
TACIT_MUST_CHECK int tacit_mailbox_admit(struct tacit_mailbox *mailbox,
					 const struct tacit_mailbox_caller *caller,
					 enum tacit_secagg_type type, const uint8_t *data,
					 size_t len, struct tacit_mailbox_message *ret,
					 enum tacit_secagg_reason *why);

/**
 * tacit_mailbox_commit - a group of admitted messages, all in one transaction.
 * @message: @n of them, up to TACIT_MAILBOX_GROUP_MAX; each one's @result is set.
 *
 * Returns 0, or an error: then none of them was taken (or, when the disk failed in the very
 * commit, whatever the database says next time counts), and no @result is set.
 */
TACIT_MUST_CHECK int tacit_mailbox_commit(struct tacit_mailbox *mailbox,
					  struct tacit_mailbox_message *message, size_t n);

/**
 * tacit_mailbox_fetch - what there is for the caller: a message, appended to @writer.
 * @type: CONFIG, ROSTER, INBOX, SURVIVORS or CONSENTS.
 *
 * Returns 0, -EAGAIN (not yet), TACIT_ESTALE (never: tacit_mailbox_reason()), -ENOMEM,
 * TACIT_ECRYPTO, TACIT_EDAMAGED, database errors.
 */
TACIT_MUST_CHECK int tacit_mailbox_fetch(struct tacit_mailbox *mailbox,
					 const struct tacit_mailbox_caller *caller,
					 enum tacit_secagg_type type, struct tacit_writer *writer);

/* Why the caller has no part in it (any more): borrowed until the next call. */
const char *tacit_mailbox_reason(struct tacit_mailbox *mailbox,
				 const struct tacit_mailbox_caller *caller);

/* How long the phase that the caller's cohort is in still lasts, as far as this worker knows; not
 * negative. */
int64_t tacit_mailbox_left_ms(struct tacit_mailbox *mailbox,
			      const struct tacit_mailbox_caller *caller);

/* 1 when the caller has something to do in @round: it has not advertised and still may, or it has
 * its part and has not answered. 0 when not; errors as tacit_mailbox_fetch(). */
TACIT_MUST_CHECK int tacit_mailbox_is_wanted(struct tacit_mailbox *mailbox,
					     const struct tacit_round *round,
					     const struct tacit_mailbox_caller *caller);

/* NULL is fine. */
void tacit_mailbox_free(struct tacit_mailbox *mailbox);
TACIT_DEFINE_CLEANUP(struct tacit_mailbox, tacit_mailbox_free)

#endif /* TACIT_AGGREGATOR_MAILBOX_H */
