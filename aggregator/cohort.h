/* SPDX-License-Identifier: MIT */
/*
 * cohort - one secure sum in the database: a group of a round's hosts, from their adverts to the
 * sum. Workers put in what hosts say (mailbox.h); the keeper moves it on (cohort_steps.h). What a
 * process holds of it in memory it can make again from here at any time.
 *
 * Table cohort: phase, and the outline of the server's part (tacit_secagg_server_outline()),
 * written with each step. Table message: what hosts said, by type, under their number in the fleet
 * and, once seated, their place in the sum; a masked vector leaves its digest. Table masked: each
 * worker's partial sum of masked vectors (tacit_secagg_sum_save()).
 */
#ifndef TACIT_AGGREGATOR_COHORT_H
#define TACIT_AGGREGATOR_COHORT_H

#include <stdbool.h>
#include <stdint.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/secagg_server.h>

#include "ca.h"
#include "round.h"

enum tacit_cohort_phase {
	TACIT_COHORT_ADVERTS, /* as enum tacit_secagg_phase */
	TACIT_COHORT_SHARES,
	TACIT_COHORT_VECTORS,
	TACIT_COHORT_ANSWERS,
	TACIT_COHORT_DONE, /* the sum is known */
	TACIT_COHORT_LOST, /* and never will be */
};

/* "adverts", "shares", "vectors", "answers", "done", "lost". */
const char *tacit_cohort_phase_name(enum tacit_cohort_phase phase);

/* One group up to so many hosts; beyond, groups of this size on average, none of which then is
 * likely to exceed that. */
#define TACIT_COHORT_HOSTS_MAX	1000U
#define TACIT_COHORT_HOSTS_FULL 850U

/* Plain record. */
struct tacit_cohort {
	uint64_t round;
	uint32_t group;
	enum tacit_cohort_phase phase;
	uint32_t hosts;	    /* seated; 0 before */
	uint32_t survivors; /* listed; 0 before */
};

/* How long a phase lasts at most; both of consents and answers for ANSWERS. @collect_sec: what the
 * whole sum may take. */
uint32_t tacit_cohort_phase_sec(uint32_t collect_sec, enum tacit_cohort_phase phase);

/* How many groups a round of @hosts is split into. */
uint32_t tacit_cohort_groups(uint32_t hosts);

/* The group of a round that a host belongs to: by a hash with the round's salt, so that nobody can
 * choose whom he meets. @id: SHA-256 of its public key. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_cohort_group_of(const struct tacit_round *round,
					   const uint8_t id[TACIT_SECAGG_ID_LEN],
					   uint32_t *ret_group);

/* 0, -ENOENT, TACIT_EDAMAGED, database errors. */
TACIT_MUST_CHECK int tacit_cohort_get(struct tacit_db *db, uint64_t round, uint32_t group,
				      struct tacit_cohort *ret);

/* The server's part as it stood with the last step, without what hosts said since, and without what
 * they dealt. @identity: as for tacit_secagg_server_load(). 0, -ENOENT (none, or it is over),
 * TACIT_EDAMAGED, -ENOMEM, TACIT_ECRYPTO, database errors. */
TACIT_MUST_CHECK int tacit_cohort_load(struct tacit_db *db,
				       const struct tacit_secagg_identity *identity, uint64_t round,
				       uint32_t group, struct tacit_secagg_server **ret);

/* How many messages of a type are there. 0 or database errors. */
TACIT_MUST_CHECK int tacit_cohort_count(struct tacit_db *db, const struct tacit_cohort *cohort,
					enum tacit_secagg_type type, uint32_t *ret);

/* How many hosts of a round have advertised, of all its groups. 0 or database errors. */
TACIT_MUST_CHECK int tacit_cohort_adverts(struct tacit_db *db, uint64_t round, uint64_t *ret);

/* Writes a step: @cohort's members, and the outline of @server. */
TACIT_MUST_CHECK int tacit_cohort_save(struct tacit_db *db, const struct tacit_cohort *cohort,
				       const struct tacit_secagg_server *server);

/* Signs with the CA's key; of hosts it believes everything: for what is in the database, which was
 * verified before it got there. */
struct tacit_secagg_identity tacit_cohort_identity(const struct tacit_ca *ca);

/* A noise multiplier as configs have it, in millionths, rounded up. */
uint32_t tacit_cohort_noise_ppm(double noise_multiplier);

/* Ends the sums of a round that are not over: with the round, @why. Who sent a masked vector is
 * charged. Within the caller's transaction. */
TACIT_MUST_CHECK int tacit_cohort_abandon(struct tacit_db *db, uint64_t round, const char *why);

/* Forgets what a round that is over no longer needs, and what old ones no longer need. Within the
 * caller's transaction. */
TACIT_MUST_CHECK int tacit_cohort_tidy(struct tacit_db *db, uint64_t round);

/* Opens the cohorts of a distributed round that was just inserted. Within the caller's
 * transaction. */
TACIT_MUST_CHECK int tacit_cohort_open(struct tacit_db *db, const struct tacit_ca *ca,
				       const struct tacit_round *round,
				       const struct tacit_secagg_threat *threat,
				       uint32_t collect_sec);

#endif /* TACIT_AGGREGATOR_COHORT_H */
