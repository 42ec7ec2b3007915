/* SPDX-License-Identifier: MIT */
/*
 * round - the life of a round in the database: opened, collecting, then released, evaluated or
 * abandoned. Each step is one transaction, so that a process may die between any two
 * instructions. Updates come in through partial.h; when to step is schedule.h.
 */
#ifndef TACIT_AGGREGATOR_ROUND_H
#define TACIT_AGGREGATOR_ROUND_H

#include <stdint.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/wire.h>

#include "ca.h"

/* The delta of every epsilon that the aggregator reports. */
#define TACIT_ROUND_DELTA 1e-6

/* Participations are kept for so many rounds, to know a late resend from a late update. */
#define TACIT_ROUND_KEEP 64U

enum tacit_round_state {
	TACIT_ROUND_COLLECTING,
	TACIT_ROUND_RELEASED,
	TACIT_ROUND_ABANDONED,
	TACIT_ROUND_EVALUATED,
};

/* "collecting", "released", "abandoned", "evaluated". */
const char *tacit_round_state_name(enum tacit_round_state state);

/* One round. Plain record; @doc.left_ms, and what it says to one host alone, are not filled in. */
struct tacit_round {
	struct tacit_round_doc doc;
	enum tacit_round_state state;
	uint64_t task_version;
	uint32_t max_updates; /* never more are taken: max_cohort, and what 32 bits can hold */
	int64_t opened_ms;    /* wall */
	int64_t collect_ms;   /* updates are taken for so long */
	uint32_t groups;      /* secure sums; 0 in mode local */
	uint8_t salt[TACIT_DIGEST_LEN]; /* of who is in which */
};

/* Most updates whose sum stays within 32 bits, whatever the hosts hold: in units of the
 * clip norm n + 8 z sqrt(n) must stay below 2^15. */
uint32_t tacit_round_cohort_limit(double noise_multiplier);

/* zCDP cost of one participation, against the aggregator; infinite without noise. */
double tacit_round_rho(double noise_multiplier);

/**
 * tacit_round_open - begin a round for the current task and the latest release, in the mode that
 * the task and the fleet's size ask for, and for the purpose that is due (fairness.h).
 *
 * Returns 0, -EBUSY (one is collecting), -ENOENT (no task), or database errors.
 */
TACIT_MUST_CHECK int tacit_round_open(struct tacit_db *db, const struct tacit_ca *ca,
				      int64_t wall_ms, uint64_t *ret_round);

/* The same, to evaluate, due or not. Also TACIT_ESTALE: nothing is released yet. */
TACIT_MUST_CHECK int tacit_round_open_evaluation(struct tacit_db *db, const struct tacit_ca *ca,
						 int64_t wall_ms, uint64_t *ret_round);

/* By number; the one that is collecting; the last one opened. 0, -ENOENT, TACIT_EDAMAGED, database
 * errors. */
TACIT_MUST_CHECK int tacit_round_get(struct tacit_db *db, uint64_t round, struct tacit_round *ret);
TACIT_MUST_CHECK int tacit_round_get_current(struct tacit_db *db, struct tacit_round *ret);
TACIT_MUST_CHECK int tacit_round_get_newest(struct tacit_db *db, struct tacit_round *ret);

/* Hosts whose updates, masked or not, are in. 0 or database errors. */
TACIT_MUST_CHECK int tacit_round_participants(struct tacit_db *db, uint64_t round, uint64_t *ret);

/* Updates of a local round accepted so far, while it is collecting. 0 or database errors. */
TACIT_MUST_CHECK int tacit_round_updates(struct tacit_db *db, uint64_t round, uint64_t *ret);

/* True (1) when the host's update is in; @digest: SHA-256 of its bytes, may be NULL. 0 when not. */
TACIT_MUST_CHECK int tacit_round_has_update(struct tacit_db *db, uint64_t round, int64_t host,
					    uint8_t digest[TACIT_DIGEST_LEN]);

/**
 * tacit_round_close - end a round: release what was learned, keep what was found, or abandon it.
 *
 * With at least min_cohort updates: sums what came (round_sum.h), absorbs, signs, stores the
 * release; of an evaluation it stores the sum (fairness.h). With fewer: abandons. Either way charges
 * every participant, and drops the partial sums. Of a secure round every sum must be over, one way
 * or the other. Memory O(d), times the groups.
 *
 * Returns the new state, TACIT_ESTALE (it is not collecting), TACIT_EDAMAGED, TACIT_ECRYPTO,
 * -ENOMEM, database errors; nothing has changed then.
 */
TACIT_MUST_CHECK int tacit_round_close(struct tacit_db *db, const struct tacit_ca *ca,
				       uint64_t round, int64_t wall_ms);

/* Abandons a collecting round within the caller's transaction, and charges for it. @why: for
 * people, copied. 0, TACIT_ESTALE, database errors. */
TACIT_MUST_CHECK int tacit_round_abandon(struct tacit_db *db, uint64_t round, const char *why,
					 int64_t wall_ms);

/* [{"round", "state", "task", "model" (version it referred to), "opened", "closed" (null or
 *   time), "updates", "min_cohort", "release" (null or version), "reason" (null or text), "mode",
 *   "purpose"}], newest first, at most @limit; owned by the caller. */
TACIT_MUST_CHECK int tacit_round_list(struct tacit_db *db, unsigned limit, json_t **ret);

/* As one of the above, with "dimensions", "clip_norm", "noise_multiplier", "max_cohort",
 * "collect_sec", "noise_sd", "signal", "signal_to_noise" and "privacy": {"delta",
 * "epsilon_aggregator", "epsilon_release"}, and of secure sums "groups": [{"group", "phase",
 * "hosts", "degree", "threshold", "survivors", "noise_sd", "sum_sha256" (of its numbers as
 * little-endian u32), "reason"}]. null where unknown or unbounded. -ENOENT. */
TACIT_MUST_CHECK int tacit_round_show(struct tacit_db *db, uint64_t round, json_t **ret);

/**
 * tacit_round_privacy - what was spent, by whom it is seen, in one document.
 *
 * {"delta", "mode", "rounds": {"released", "evaluated", "abandoned", "collecting"},
 *  "against_aggregator": {"next_round", "worst_host", "hosts"}, "released_models":
 *  {"all_rounds"}}; every figure is an epsilon, null when unbounded. The first holds against
 * the aggregator itself, for updates are noised on the host (local), or the noise of those hosts
 * that are certain to be honest is enough (distributed); the second for whoever sees releases only,
 * and host noise adds up in those.
 */
TACIT_MUST_CHECK int tacit_round_privacy(struct tacit_db *db, json_t **ret);

#endif /* TACIT_AGGREGATOR_ROUND_H */
