/* SPDX-License-Identifier: MIT */
/*
 * release - published fleet models: made from a round's sum, signed with the CA's key, stored,
 * handed out. Versions only grow.
 */
#ifndef TACIT_AGGREGATOR_RELEASE_H
#define TACIT_AGGREGATOR_RELEASE_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/fleet.h>
#include <tacit/wire.h>

#include "ca.h"

/* So many of the newest are kept. */
#define TACIT_RELEASE_KEEP 16U

struct tacit_release {
	uint64_t version;
	uint8_t sha256[TACIT_DIGEST_LEN];
	uint8_t *data; /* owned */
	size_t len;
};

/* For TACIT_CLEANUP(). */
void tacit_release_done(struct tacit_release *release);

/* Version of the newest, 0 when there is none, and its SHA-256 (may be NULL; zero when none). */
TACIT_MUST_CHECK int tacit_release_newest(struct tacit_db *db, uint64_t *ret_version,
					  uint8_t sha256[TACIT_DIGEST_LEN]);

/* One by version. 0, -ENOENT, -ENOMEM, database errors. */
TACIT_MUST_CHECK int tacit_release_get(struct tacit_db *db, uint64_t version,
				       struct tacit_release *ret);

/* What hosts of a round referred to: a release, or for version 0 the task's initial model. 0,
 * -ENOENT, TACIT_EDAMAGED, TACIT_ESCHEMA (for another feature table), -EINVAL (the task names
 * no known kind), -ENOMEM, database errors. */
TACIT_MUST_CHECK int tacit_release_reference(struct tacit_db *db, const struct tacit_task *task,
					     uint64_t version, struct tacit_fleet **ret);

/* Can a model for this task be released at all? 0 and the dimensions of an update, -EINVAL (no
 * such kind), -E2BIG (too many classes for it), -ENOMEM. */
TACIT_MUST_CHECK int tacit_release_check(const struct tacit_task *task, size_t *ret_dimensions);

/* What a sum over a cohort says, beside the model. */
struct tacit_release_figures {
	double noise_sd; /* of each number of the sum */
	double signal;	 /* norm of the sum, what noise adds to it taken off; 0: none to be seen */
	double snr;	 /* signal over the norm that the noise has; infinite without noise */
};

/**
 * tacit_release_make - the next model from a round's sum, published.
 * @sum: over the round's dimensions; borrowed.
 *
 * Within the caller's transaction. Returns 0, or as tacit_release_reference(), TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_release_make(struct tacit_db *db, const struct tacit_ca *ca,
					const struct tacit_task *task,
					const struct tacit_round_doc *round,
					const struct tacit_sum *sum, int64_t wall_ms,
					uint64_t *ret_version, struct tacit_release_figures *ret);

/* Publishes a model for a new lineage: blocks of classes in @task that the newest release has,
 * by name, when it is of the same kind and schema; initial ones for the others. Nothing when
 * there is no release yet. Within the caller's transaction; errors as make. */
TACIT_MUST_CHECK int tacit_release_carry(struct tacit_db *db, const struct tacit_ca *ca,
					 const struct tacit_task *task, int64_t wall_ms);

#endif /* TACIT_AGGREGATOR_RELEASE_H */
