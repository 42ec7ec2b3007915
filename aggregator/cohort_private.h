/* SPDX-License-Identifier: MIT */
/* What cohort_steps.c and cohort_finish.c share; nobody else includes this. All within the caller's
 * transaction. */
#ifndef TACIT_AGGREGATOR_COHORT_PRIVATE_H
#define TACIT_AGGREGATOR_COHORT_PRIVATE_H

#include "cohort.h"

/* Gives every message of a type to @take, in the order of places. */
TACIT_MUST_CHECK int tacit_cohort_each(struct tacit_db *db, const struct tacit_cohort *cohort,
				       enum tacit_secagg_type type,
				       int (*take)(struct tacit_secagg_server *server,
						   const uint8_t *data, size_t len),
				       struct tacit_secagg_server *server);

/* All workers' masked vectors. */
TACIT_MUST_CHECK int tacit_cohort_sum(struct tacit_db *db, const struct tacit_cohort *cohort,
				      const struct tacit_secagg_server *server,
				      struct tacit_secagg_sum **ret);

/* Counts as failing those who are in the cohort and did not say what its phase asks for, if that is
 * @due; those who did, as not failing any more. */
TACIT_MUST_CHECK int tacit_cohort_note_silence(struct tacit_db *db,
					       const struct tacit_cohort *cohort, bool due);

/* Leaves out, for some rounds, hosts of the cohort that failed too often. */
TACIT_MUST_CHECK int tacit_cohort_bench(struct tacit_db *db, const struct tacit_cohort *cohort);

/* How each of @hosts made its vector safe. */
struct tacit_protect_params tacit_cohort_protection(const struct tacit_secagg_config *config,
						    uint32_t hosts);

/* Charges those whose masked vectors came. */
TACIT_MUST_CHECK int tacit_cohort_charge(struct tacit_db *db, const struct tacit_round *round,
					 const struct tacit_cohort *cohort,
					 const struct tacit_secagg_config *config);

/* The end: DONE, or LOST with a reason. Drops what hosts said. */
TACIT_MUST_CHECK int tacit_cohort_close(struct tacit_db *db, struct tacit_cohort *cohort,
					enum tacit_cohort_phase phase, const char *reason);

/* A bad end: silence is noted, those who sent vectors are charged. */
TACIT_MUST_CHECK int tacit_cohort_lose(struct tacit_db *db, const struct tacit_round *round,
				       struct tacit_cohort *cohort,
				       const struct tacit_secagg_config *config,
				       const char *reason);

#endif /* TACIT_AGGREGATOR_COHORT_PRIVATE_H */
