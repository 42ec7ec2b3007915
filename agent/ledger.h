/* SPDX-License-Identifier: MIT */
/*
 * ledger - what privacy this host has spent, and the one update it will ever send for a round.
 *
 * Tables `ledger` and `round` of the host's database (agent/store.c). Spending is one durable
 * transaction: charge and exact update bytes are on disk before a byte leaves, so a crash at any
 * point neither forgets a charge nor sends two different updates for one round. Aggregators are
 * told apart by their CA; the budget is the host's, over all of them.
 *
 * A round whose sum is secure takes several messages (secagg_host.h). Table `secure` holds where
 * this host stands in it, one row for each aggregator, replaced with every step, in one durable
 * transaction before the step's message is sent; the step that masks is charged in the same one.
 */
#ifndef TACIT_AGENT_LEDGER_H
#define TACIT_AGENT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/wire.h>

/* The most the host will ever give away. */
struct tacit_ledger_limits {
	double max_epsilon;
	double delta;
};

/* One participation. Borrowed texts. */
struct tacit_ledger_entry {
	const char *aggregator; /* tacit_identity_aggregator() */
	uint64_t round;		/* 1..INT64_MAX */
	enum tacit_mode mode;
	double noise_multiplier;
	double clip_norm;
	double rho;		/* tacit_protect_rho(); infinite is over any budget */
	uint64_t model_version; /* the reference */
	uint32_t dimensions;
	unsigned classes;   /* how many it speaks of */
	uint32_t hosts;	    /* whose noise together has the multiplier; 0 or 1: its own does */
	const char *sum_of; /* what the sum is of, for people; NULL: nothing said */
};

enum tacit_ledger_state {
	TACIT_LEDGER_PREPARED, /* charged and stored, not known to have arrived */
	TACIT_LEDGER_SENT,
	TACIT_LEDGER_LATE,    /* the round was over when it arrived */
	TACIT_LEDGER_REFUSED, /* the aggregator, or a floor of this host, said no */
	TACIT_LEDGER_JOINED,  /* takes part in a secure sum, nothing is charged yet */
	TACIT_LEDGER_LEFT,    /* and did not until it would have been */
};

/* "prepared", "sent", "late", "refused", "joined", "left": the column `state`. */
const char *tacit_ledger_state_name(enum tacit_ledger_state state);

/**
 * tacit_ledger_spend - charge a round and keep its update, durably.
 * @update: the exact bytes to send; copied.
 * @wall_ms: now.
 *
 * Returns 0; TACIT_EBUDGET when the host's total would exceed @limits; TACIT_ESTALE when the round
 * is not newer than every round seen of this aggregator; -EINVAL; or as tacit_db_run(). On
 * failure nothing is charged and nothing may be sent.
 */
TACIT_MUST_CHECK int tacit_ledger_spend(struct tacit_db *db, const struct tacit_ledger_entry *entry,
					const struct tacit_ledger_limits *limits,
					const void *update, size_t len, int64_t wall_ms);

/* Would spend() find room for @rho? 0 or TACIT_EBUDGET, or as tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_afford(struct tacit_db *db, double rho,
					 const struct tacit_ledger_limits *limits);

/**
 * tacit_ledger_pending - the update still to be sent (again) to @aggregator: the newest prepared.
 * @ret_update, @ret_len: its bytes, owned by the caller.
 *
 * Returns 1 when there is one, 0 when there is none, or as tacit_db_run().
 */
TACIT_MUST_CHECK int tacit_ledger_pending(struct tacit_db *db, const char *aggregator,
					  uint64_t *ret_round, uint8_t **ret_update,
					  size_t *ret_len);

/* The round's end: the state, and the bytes are dropped. @state is not PREPARED. 0, -ENOENT, or as
 * tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_settle(struct tacit_db *db, const char *aggregator,
					 uint64_t round, enum tacit_ledger_state state);

/* Notes a round this host stays out of, uncharged, with the reason (kept in `meta` under
 * TACIT_LEDGER_META_REFUSED as "round N: why"). A round already known is left alone. Old refusals
 * are pruned. 0, or as tacit_db_run(). */
#define TACIT_LEDGER_META_REFUSED "ledger.refused"
#define TACIT_LEDGER_REFUSALS_MAX 64U
TACIT_MUST_CHECK int tacit_ledger_refuse(struct tacit_db *db, const char *aggregator,
					 uint64_t round, const char *why, int64_t wall_ms);

/* The newest round seen of @aggregator, in any state; 0 when none. 0, or as tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_newest(struct tacit_db *db, const char *aggregator,
					 uint64_t *ret);

/* Where this host stands in a secure sum. Plain record. */
struct tacit_ledger_stand {
	uint64_t round;
	uint64_t model_version; /* the reference */
	char *document;		/* of the round, as it was announced; written when it is joined. NULL
				 * where it was not kept */
	uint8_t *state;		/* tacit_secagg_host_save(): holds secrets */
	size_t state_len;
	uint8_t *message; /* of the last step, exactly as it is sent, or was */
	size_t message_len;
	bool sent; /* it is known to have arrived */
};

/* Wipes the state; for TACIT_CLEANUP(). */
void tacit_ledger_stand_done(struct tacit_ledger_stand *stand);

/* The first step: the round is "joined", and never will be again. 0, TACIT_ESTALE when it is not
 * newer than every round seen of this aggregator, -EINVAL, or as tacit_db_run(). Durable. */
TACIT_MUST_CHECK int tacit_ledger_join(struct tacit_db *db, const char *aggregator,
				       const struct tacit_ledger_stand *stand, int64_t wall_ms);

/* A further step, of the round that was joined. 0, -ENOENT when it was not, or as tacit_db_run().
 * Durable. */
TACIT_MUST_CHECK int tacit_ledger_advance(struct tacit_db *db, const char *aggregator,
					  const struct tacit_ledger_stand *stand);

/* The step that masks: as advance, and charged as tacit_ledger_spend(). What was charged is never
 * given back, whatever becomes of the round. Also TACIT_EBUDGET; -EINVAL. Durable. */
TACIT_MUST_CHECK int tacit_ledger_mask(struct tacit_db *db, const struct tacit_ledger_entry *entry,
				       const struct tacit_ledger_limits *limits,
				       const struct tacit_ledger_stand *stand, int64_t wall_ms);

/* The last step's message has arrived. 0, -ENOENT, or as tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_arrived(struct tacit_db *db, const char *aggregator,
					  uint64_t round);

/* Where this host stood. @ret: owned by the caller. 1, 0 when in no secure sum of this aggregator,
 * -ENOMEM, or as tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_resume(struct tacit_db *db, const char *aggregator,
					 struct tacit_ledger_stand *ret);

/* The secure sum is over for this host: @state, not PREPARED or JOINED, and its secrets are
 * overwritten. LEFT counts only for what was not charged. 0 (also when it had not joined), or as
 * tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_leave(struct tacit_db *db, const char *aggregator, uint64_t round,
					enum tacit_ledger_state state);

struct tacit_ledger_totals {
	double rho;	  /* over every aggregator */
	double epsilon;	  /* at limits->delta */
	double remaining; /* limits->max_epsilon - epsilon, at least 0 */
	uint64_t rounds;  /* charged */
	uint64_t sent, late,
		refused; /* refused: charged or not; who joined and left counts nowhere */
};

/* 0, or as tacit_db_run(). @db may be open for reading only. */
TACIT_MUST_CHECK int tacit_ledger_totals(struct tacit_db *db,
					 const struct tacit_ledger_limits *limits,
					 struct tacit_ledger_totals *ret);

#endif /* TACIT_AGENT_LEDGER_H */
