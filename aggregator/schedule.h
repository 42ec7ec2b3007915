/* SPDX-License-Identifier: MIT */
/*
 * schedule - when rounds begin and end. One process, the keeper, owns one and calls tick.
 *
 * The database holds wall-clock times, which say where things stand after a restart. From then
 * on only the boot clock counts, so that a clock that steps neither ends a round nor
 * keeps it open.
 */
#ifndef TACIT_AGGREGATOR_SCHEDULE_H
#define TACIT_AGGREGATOR_SCHEDULE_H

#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>

#include "ca.h"
#include "round.h"

/* Longest time between two ticks: a full cohort, or a round opened by hand, is noticed by then. */
#define TACIT_SCHEDULE_TICK_MS 500

/* When the newest round began, by the boot clock. Zeroed at first. */
struct tacit_schedule_mark {
	uint64_t round;
	int64_t began_ms; /* may lie before the boot */
	int64_t seen_ms;  /* the last time anyone looked; 0: never */
};

/**
 * tacit_schedule_mark_update - take note of the newest round.
 *
 * A round that is new is as old as the wall clock says; not younger than nothing, and, when we
 * looked before, not older than the time since.
 */
void tacit_schedule_mark_update(struct tacit_schedule_mark *mark, const struct tacit_round *newest,
				int64_t wall_ms, int64_t boot_ms);

struct tacit_schedule;

/* @db, @ca: borrowed, outlive it. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_schedule_new(struct tacit_db *db, const struct tacit_ca *ca,
					struct tacit_schedule **ret);

/**
 * tacit_schedule_tick - close the round that is due or full, open the next when due.
 * @wall_ms, @boot_ms: now, tacit_clock_wall_ms() and tacit_clock_boot_ms().
 * @ret_wait_ms: call again after so long, 1..TACIT_SCHEDULE_TICK_MS.
 *
 * Notices rounds opened by others (`rounds open`, a predecessor) and ended by others. A round
 * whose sums cannot be released, now or ever, is abandoned. Logs every round's beginning
 * and end. Returns 0, or the error of the step that failed, which the next tick tries
 * again; @ret_wait_ms is set all the same.
 */
TACIT_MUST_CHECK int tacit_schedule_tick(struct tacit_schedule *schedule, int64_t wall_ms,
					 int64_t boot_ms, int64_t *ret_wait_ms);

/* NULL is fine. */
void tacit_schedule_free(struct tacit_schedule *schedule);
TACIT_DEFINE_CLEANUP(struct tacit_schedule, tacit_schedule_free)

#endif /* TACIT_AGGREGATOR_SCHEDULE_H */
