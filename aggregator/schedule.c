/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <inttypes.h>
#include <stdbool.h>

#include <tacit/log.h>

#include "fleetdb.h"
#include "progress.h"
#include "round_sum.h"
#include "tasks.h"

struct tacit_schedule {
	struct tacit_db *db;
	const struct tacit_ca *ca;
	struct tacit_progress *progress; /* of secure sums */
	struct tacit_schedule_mark mark;
};

static int64_t bounded(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

void tacit_schedule_mark_update(struct tacit_schedule_mark *mark, const struct tacit_round *newest,
				int64_t wall_ms, int64_t boot_ms)
{
	int64_t oldest = mark->seen_ms > 0 ? boot_ms - mark->seen_ms : INT64_MAX;

	if (newest && mark->round != newest->doc.round) {
		mark->round = newest->doc.round;
		mark->began_ms = boot_ms - bounded(wall_ms - newest->opened_ms, 0, oldest);
	}
	mark->seen_ms = boot_ms;
}

int tacit_schedule_new(struct tacit_db *db, const struct tacit_ca *ca, struct tacit_schedule **ret)
{
	TACIT_CLEANUP(tacit_schedule_free_p)
	struct tacit_schedule *schedule = TACIT_NEW(struct tacit_schedule);
	int r;

	if (!schedule)
		return -ENOMEM;
	schedule->db = db;
	schedule->ca = ca;
	r = tacit_progress_new(db, ca, &schedule->progress);
	if (r == 0)
		*ret = TACIT_TAKE(schedule);
	return r;
}

void tacit_schedule_free(struct tacit_schedule *schedule)
{
	if (!schedule)
		return;
	tacit_progress_free(schedule->progress);
	tacit_free(schedule);
}

/* What trying again would not mend. */
static bool is_hopeless(int r)
{
	return r == TACIT_EDAMAGED || r == TACIT_ESCHEMA || r == -EINVAL || r == -E2BIG ||
	       r == -ENOENT;
}

static int give_up(struct tacit_schedule *schedule, uint64_t round, int why, int64_t wall_ms)
{
	int r = tacit_db_begin(schedule->db);

	tacit_error("round %" PRIu64 ": cannot be released: %s", round, tacit_strerror(why));
	if (r < 0)
		return r;
	return tacit_db_end(schedule->db,
			    tacit_round_abandon(schedule->db, round, tacit_strerror(why), wall_ms));
}

static int close_round(struct tacit_schedule *schedule, const struct tacit_round *round,
		       uint64_t updates, int64_t wall_ms)
{
	uint64_t number = round->doc.round;
	int r = tacit_round_close(schedule->db, schedule->ca, number, wall_ms);

	if (is_hopeless(r))
		return give_up(schedule, number, r, wall_ms);
	if (r == TACIT_ESTALE) /* by someone else, meanwhile */
		return 0;
	if (r < 0)
		return r;
	if (r == TACIT_ROUND_RELEASED)
		tacit_notice("round %" PRIu64 ": released", number);
	else if (r == TACIT_ROUND_EVALUATED)
		tacit_notice("round %" PRIu64 ": evaluated", number);
	else
		tacit_notice("round %" PRIu64 ": abandoned, %" PRIu64 " of %u updates needed",
			     number, updates, round->doc.min_cohort);
	return 0;
}

/* @ret_left_ms: until the next thing is due; 0 or less when it was done just now. */
static int collect(struct tacit_schedule *schedule, const struct tacit_round *round,
		   int64_t wall_ms, int64_t boot_ms, int64_t *ret_left_ms)
{
	int64_t left = schedule->mark.began_ms + round->collect_ms - boot_ms;
	uint64_t updates;
	int r = tacit_round_updates(schedule->db, round->doc.round, &updates);

	if (r < 0)
		return r;
	*ret_left_ms = left;
	if (left > 0 && updates < round->max_updates)
		return 0;
	*ret_left_ms = 0;
	return close_round(schedule, round, updates, wall_ms);
}

/* The same for secure sums, which end by their phases' times, not by the round's. */
static int collect_sums(struct tacit_schedule *schedule, const struct tacit_round *round,
			int64_t wall_ms, int64_t boot_ms, int64_t *ret_left_ms)
{
	uint64_t updates;
	bool over = false;
	int r = tacit_progress_tick(schedule->progress, round, boot_ms, &over);

	if (is_hopeless(r))
		return give_up(schedule, round->doc.round, r, wall_ms);
	*ret_left_ms = over ? 0 : TACIT_PROGRESS_TICK_MS;
	if (r < 0 || !over)
		return r;
	r = tacit_round_sum_count(schedule->db, round, &updates);
	return r < 0 ? r : close_round(schedule, round, updates, wall_ms);
}

static int begin(struct tacit_schedule *schedule, bool any, int64_t wall_ms, int64_t boot_ms,
		 int64_t *ret_left_ms)
{
	struct tacit_task_version task;
	uint64_t round;
	int r = tacit_tasks_get(schedule->db, 0, &task);

	if (r < 0)
		return r == -ENOENT ? 0 : r; /* nothing to do yet */
	if (any)
		*ret_left_ms =
			schedule->mark.began_ms + (int64_t)task.task.round_sec * 1000 - boot_ms;
	else
		*ret_left_ms = 0;
	if (*ret_left_ms > 0)
		return 0;
	r = tacit_round_open(schedule->db, schedule->ca, wall_ms, &round);
	if (r == -EBUSY) /* `rounds open` was faster */
		return 0;
	if (r == 0)
		tacit_notice("round %" PRIu64 ": collecting", round);
	return r;
}

int tacit_schedule_tick(struct tacit_schedule *schedule, int64_t wall_ms, int64_t boot_ms,
			int64_t *ret_wait_ms)
{
	int64_t left = TACIT_SCHEDULE_TICK_MS;
	struct tacit_round newest;
	int r = tacit_round_get_newest(schedule->db, &newest);
	bool any = r == 0;

	*ret_wait_ms = TACIT_SCHEDULE_TICK_MS;
	if (r < 0 && r != -ENOENT)
		return r;
	tacit_schedule_mark_update(&schedule->mark, any ? &newest : NULL, wall_ms, boot_ms);
	if (any && newest.state == TACIT_ROUND_COLLECTING)
		r = (newest.groups > 0 ? collect_sums : collect)(schedule, &newest, wall_ms,
								 boot_ms, &left);
	else
		r = begin(schedule, any, wall_ms, boot_ms, &left);
	*ret_wait_ms = r < 0 ? TACIT_SCHEDULE_TICK_MS : bounded(left, 1, TACIT_SCHEDULE_TICK_MS);
	return r;
}
