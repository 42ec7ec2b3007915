/* SPDX-License-Identifier: MIT */
/*
 * progress - a secure round's sums on their way: which phase is over, by the boot clock.
 *
 * A phase's time begins when this process first sees it: after a restart hosts have all of it
 * again, so that an aggregator that was down for a while does not lose the round.
 */
#ifndef TACIT_AGGREGATOR_PROGRESS_H
#define TACIT_AGGREGATOR_PROGRESS_H

#include <stdbool.h>

#include "cohort_steps.h"

/* Longest time between two looks at a secure round. */
#define TACIT_PROGRESS_TICK_MS 100

struct tacit_progress;

/* @db, @ca: borrowed, outlive it. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_progress_new(struct tacit_db *db, const struct tacit_ca *ca,
					struct tacit_progress **ret);

/**
 * tacit_progress_tick - make the steps that are due.
 * @round: a distributed one that is collecting.
 * @ret_over: every sum is known or lost: the round can be closed.
 *
 * Returns 0 or as tacit_cohort_advance().
 */
TACIT_MUST_CHECK int tacit_progress_tick(struct tacit_progress *progress,
					 const struct tacit_round *round, int64_t boot_ms,
					 bool *ret_over);

/* NULL is fine. */
void tacit_progress_free(struct tacit_progress *progress);
TACIT_DEFINE_CLEANUP(struct tacit_progress, tacit_progress_free)

#endif /* TACIT_AGGREGATOR_PROGRESS_H */
