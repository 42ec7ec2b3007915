/* SPDX-License-Identifier: MIT */
#include "aggregator/schedule.h"

#include "fleet.h"
#include "unit.h"

#define SEC  INT64_C(1000)
#define YEAR (INT64_C(365) * 86400 * SEC)

/* A keeper and its two clocks, which the test turns. */
struct keeper {
	struct fleet *fleet;
	struct tacit_schedule *schedule;
	int64_t wall_ms, boot_ms;
};

static struct keeper keeper_new(struct fleet *fleet)
{
	struct keeper keeper = { .fleet = fleet, .wall_ms = FLEET_NOW, .boot_ms = 5000 * SEC };

	FLEET_MUST(tacit_schedule_new(fleet->db, fleet->ca, &keeper.schedule));
	return keeper;
}

static void keeper_done(struct keeper *keeper)
{
	tacit_schedule_free(keeper->schedule);
}

#define KEEPER(name, fleet) TACIT_CLEANUP(keeper_done) struct keeper name = keeper_new(&(fleet))

/* Lets so much time pass, ticking as told. */
static void pass(struct keeper *keeper, int64_t ms)
{
	int64_t end = keeper->boot_ms + ms, wait;

	do {
		CU_ASSERT_EQUAL(tacit_schedule_tick(keeper->schedule, keeper->wall_ms,
						    keeper->boot_ms, &wait),
				0);
		CU_ASSERT(wait >= 1 && wait <= TACIT_SCHEDULE_TICK_MS);
		keeper->wall_ms += wait;
		keeper->boot_ms += wait;
	} while (keeper->boot_ms <= end);
}

/* The keeper dies; another takes over after @ms. */
static void restart(struct keeper *keeper, int64_t ms)
{
	tacit_schedule_free(keeper->schedule);
	FLEET_MUST(tacit_schedule_new(keeper->fleet->db, keeper->fleet->ca, &keeper->schedule));
	keeper->wall_ms += ms;
	keeper->boot_ms += ms;
}

/* Number of the newest round, negative unless it is collecting. */
static int64_t newest(struct keeper *keeper)
{
	struct tacit_round round;

	if (tacit_round_get_newest(keeper->fleet->db, &round) < 0)
		return 0;
	return round.state == TACIT_ROUND_COLLECTING ? (int64_t)round.doc.round
						     : -(int64_t)round.doc.round;
}

/* Every minute for twenty seconds. */
static struct fleet minute_fleet(void)
{
	struct fleet fleet = fleet_new();
	struct tacit_task task = fleet_task();

	task.max_cohort = 3;
	FLEET_MUST(fleet_set_task(&fleet, &task));
	return fleet;
}

#define MINUTE_FLEET(name) TACIT_CLEANUP(fleet_done) struct fleet name = minute_fleet()

static void test_one_after_the_other(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);

	pass(&keeper, 0);
	CU_ASSERT_EQUAL(newest(&keeper), 1);
	pass(&keeper, 18 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 1);
	pass(&keeper, 3 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	pass(&keeper, 37 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	pass(&keeper, 3 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 2);
	pass(&keeper, 600 * SEC);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM round"), 12);
}

static void test_a_full_round_ends_early(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	struct tacit_round round;

	pass(&keeper, 0);
	CU_ASSERT_EQUAL_FATAL(tacit_round_get_current(fleet.db, &round), 0);
	FLEET_MUST(tacit_partial_new(fleet.db, 0, &partial));
	for (unsigned i = 0; i < 3; i++) {
		BODY body = body_ramp(&round.doc, i);

		CU_ASSERT_EQUAL(newest(&keeper), 1);
		CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(&fleet), 1, &body), 1);
	}
	pass(&keeper, 1 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT state = 'released' FROM round"), 1);
	pass(&keeper, 50 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1); /* the next begins when it would have */
	pass(&keeper, 10 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 2);
}

static void test_a_clock_that_steps_changes_nothing(void)
{
	static const int64_t steps[] = { YEAR, -YEAR, 20 * SEC, -20 * SEC };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(steps); i++) {
		MINUTE_FLEET(fleet);
		KEEPER(keeper, fleet);

		pass(&keeper, 10 * SEC);
		keeper.wall_ms += steps[i];
		pass(&keeper, 8 * SEC);
		CU_ASSERT_EQUAL(newest(&keeper), 1); /* not at once */
		pass(&keeper, 4 * SEC);
		CU_ASSERT_EQUAL(newest(&keeper), -1); /* nor never */
		keeper.wall_ms -= 3 * steps[i];
		pass(&keeper, 30 * SEC);
		CU_ASSERT_EQUAL(newest(&keeper), -1);
		pass(&keeper, 10 * SEC);
		CU_ASSERT_EQUAL(newest(&keeper), 2);
		pass(&keeper, 15 * SEC);
		CU_ASSERT_EQUAL(newest(&keeper), 2);
	}
}

static void test_a_restart_goes_on_by_the_wall_clock(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);

	pass(&keeper, 5 * SEC);
	restart(&keeper, 10 * SEC);
	pass(&keeper, 2 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 1);
	pass(&keeper, 5 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	restart(&keeper, 10 * SEC);
	pass(&keeper, 20 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	pass(&keeper, 12 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 2);
	restart(&keeper, 3600 * SEC); /* down for an hour */
	pass(&keeper, 1 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 3);
}

static void test_a_restart_with_a_clock_set_back(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);

	pass(&keeper, 15 * SEC);
	restart(&keeper, 1 * SEC);
	keeper.wall_ms -= YEAR;
	pass(&keeper, 18 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 1); /* it may last as long again */
	pass(&keeper, 4 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1); /* but not a year */
}

static void test_a_restart_after_a_reboot(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);

	pass(&keeper, 5 * SEC);
	restart(&keeper, 8 * SEC);
	keeper.boot_ms = 3; /* began before this boot */
	pass(&keeper, 4 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 1);
	pass(&keeper, 4 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
}

static void test_rounds_of_others(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);
	uint64_t round;

	pass(&keeper, 25 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	keeper.wall_ms -= YEAR; /* steps between the two looks */
	CU_ASSERT_EQUAL(tacit_round_open(fleet.db, fleet.ca, FLEET_NOW, &round), 0);
	pass(&keeper, 18 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 2);
	pass(&keeper, 3 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -2);
	keeper.wall_ms += 2 * YEAR;
	CU_ASSERT_EQUAL(tacit_round_open(fleet.db, fleet.ca, FLEET_NOW, &round), 0);
	pass(&keeper, 18 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), 3);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round, FLEET_NOW),
			TACIT_ROUND_ABANDONED);
	pass(&keeper, 30 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -3);
}

static void test_what_cannot_be_released_is_abandoned(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	struct tacit_round round;

	pass(&keeper, 0);
	CU_ASSERT_EQUAL_FATAL(tacit_round_get_current(fleet.db, &round), 0);
	FLEET_MUST(tacit_partial_new(fleet.db, 0, &partial));
	BODY body = body_ramp(&round.doc, 0);
	CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(&fleet), 1, &body), 1);
	CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(&fleet), 1, &body), 1);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "UPDATE partial SET sum = x'00'", ""), 0);
	pass(&keeper, 21 * SEC);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT reason IS NOT NULL FROM round"), 1);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT sum(rounds) FROM host"), 2);
}

static void test_a_failing_step_is_tried_again(void)
{
	MINUTE_FLEET(fleet);
	KEEPER(keeper, fleet);
	int64_t wait = 0;

	pass(&keeper, 10 * SEC);
	keeper.boot_ms += 15 * SEC;
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "PRAGMA query_only = ON", ""), 0);
	CU_ASSERT(tacit_schedule_tick(keeper.schedule, keeper.wall_ms, keeper.boot_ms, &wait) < 0);
	CU_ASSERT_EQUAL(wait, TACIT_SCHEDULE_TICK_MS);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "PRAGMA query_only = OFF", ""), 0);
	CU_ASSERT_EQUAL(newest(&keeper), 1);
	pass(&keeper, 0);
	CU_ASSERT_EQUAL(newest(&keeper), -1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "one after the other", test_one_after_the_other },
		{ "a full round ends early", test_a_full_round_ends_early },
		{ "a clock that steps changes nothing", test_a_clock_that_steps_changes_nothing },
		{ "a restart goes on by the wall clock", test_a_restart_goes_on_by_the_wall_clock },
		{ "a restart with a clock set back", test_a_restart_with_a_clock_set_back },
		{ "a restart after a reboot", test_a_restart_after_a_reboot },
		{ "rounds of others", test_rounds_of_others },
		{ "what cannot be released is abandoned",
		  test_what_cannot_be_released_is_abandoned },
		{ "a failing step is tried again", test_a_failing_step_is_tried_again },
		{ NULL, NULL },
	};

	return unit_main("schedule", cases);
}
