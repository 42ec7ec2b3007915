/* SPDX-License-Identifier: MIT */
/*
 * cohort_steps - moves secure sums from phase to phase. One process, the keeper, calls it; whoever
 * took over from a keeper that died finds in the database where each sum stands. Every step is one
 * transaction.
 *
 *	adverts -> (seat) -> shares -> (deliver) -> vectors -> (list) -> answers -> (unmask) -> done
 *
 * A phase ends when everyone who can has spoken, or when its time is up; then a sum goes on with
 * those who did, or is lost. Hosts that fell silent or did wrong are counted as failing, named in
 * the log, and, when they do so again and again, left out for some rounds.
 */
#ifndef TACIT_AGGREGATOR_COHORT_STEPS_H
#define TACIT_AGGREGATOR_COHORT_STEPS_H

#include "cohort.h"

/* Failures in a row from which on a host is left out, and how many rounds later it may come again;
 * each further one doubles that, up to 64. */
#define TACIT_COHORT_FAILURES 3U
#define TACIT_COHORT_BENCH    2U
/* Too long sums in a row, while others were not, from which on a host is. */
#define TACIT_COHORT_SUSPICIONS 4U

/**
 * tacit_cohort_advance - the next step of a sum whose phase is over.
 * @round: its round.
 * @due: the phase's time is up.
 *
 * Of the phase ANSWERS only its end is looked at here: tacit_cohort_finish() then.
 *
 * Returns 1 when the phase is over (a step was made, or answers are in), 0 when not yet,
 * TACIT_EDAMAGED, TACIT_ECRYPTO, -ENOMEM, database errors.
 */
TACIT_MUST_CHECK int tacit_cohort_advance(struct tacit_db *db, const struct tacit_ca *ca,
					  const struct tacit_round *round,
					  struct tacit_cohort *cohort, bool due);

/**
 * tacit_cohort_finish - unmask sums whose answers are in, as many at once as there are processors.
 * @cohort: @n of them, in the phase ANSWERS.
 * @due: their time is up: those that cannot be unmasked are lost, else left as they are.
 *
 * A sum that is longer than honest clipping and noise allow is not kept, and lost.
 *
 * Returns 0 or as above.
 */
TACIT_MUST_CHECK int tacit_cohort_finish(struct tacit_db *db, const struct tacit_ca *ca,
					 const struct tacit_round *round,
					 struct tacit_cohort *cohort, size_t n, bool due);

#endif /* TACIT_AGGREGATOR_COHORT_STEPS_H */
