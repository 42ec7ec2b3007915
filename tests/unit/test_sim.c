/* SPDX-License-Identifier: MIT */
/* The ends of a run that need no aggregator; tests/integration/fleet.sh has the others. */
#include <string.h>

#include "agent/recording.h"
#include "agent/sim.h"
#include "unit.h"

#include "place.h"

static struct tacit_replay *make_replay(void)
{
	struct tacit_recording_row row = {
		.host = "h", .window = { .scope = "host", .class = "host", .length_ms = 1000,
				       .duty_permille = TACIT_DUTY_ALWAYS }
	};
	struct tacit_replay *replay = NULL;
	PLACE(place);
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	const char *path = place_file(&place, "windows.tacit");

	CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_open(path, &writer), 0);
	memset(row.window.observed, 1, sizeof(row.window.observed));
	for (int i = 0; i < 20; i++) {
		row.window.end_ms = 1000 * (i + 1);
		row.window.count[0] = (uint64_t)i;
		CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), 0);
	}
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_replay_load(path, &replay, NULL), 0);
	CU_ASSERT_EQUAL(tacit_replay_windows(replay), 20);
	CU_ASSERT_EQUAL(tacit_replay_steps(replay), 20);
	CU_ASSERT_FALSE(tacit_replay_is_cut_off(replay));
	return replay;
}

static const struct tacit_token nowhere = { .url = "https://127.0.0.1:1" };

static json_int_t number(const json_t *report, const char *name)
{
	return json_integer_value(json_object_get(report, name));
}

static void test_nobody_answers(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay();
	const struct tacit_replay *replays[] = { replay };
	volatile int stop = 0;
	const struct tacit_sim_params params = { .token = &nowhere,
						 .replay = replays,
						 .replays = 1,
						 .hosts = 3,
						 .rounds = 1,
						 .parallel = 2,
						 .timeout_sec = 1,
						 .max_epsilon = 8,
						 .stop = &stop };
	json_t *report = NULL;
	const char *error;
	json_t *count;

	CU_ASSERT_EQUAL(tacit_sim_run(&params, &report), -ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(number(report, "hosts"), 3);
	CU_ASSERT_EQUAL(number(report, "enrolled"), 0);
	CU_ASSERT_EQUAL(number(report, "updates"), 0);
	CU_ASSERT(number(report, "failures") >= 1);
	json_object_foreach(json_object_get(report, "errors"), error, count)
		CU_ASSERT_PTR_NOT_NULL(strstr(error, "Connection refused"));
	json_decref(report);
}

static void test_stopped_before_it_begins(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay();
	const struct tacit_replay *replays[] = { replay };
	volatile int stop = 1;
	const struct tacit_sim_params params = { .token = &nowhere,
						 .replay = replays,
						 .replays = 1,
						 .hosts = 3,
						 .rounds = 1,
						 .parallel = 2,
						 .timeout_sec = 60,
						 .max_epsilon = 8,
						 .stop = &stop };
	json_t *report = NULL;

	CU_ASSERT_EQUAL(tacit_sim_run(&params, &report), -EINTR);
	json_decref(report);
}

static void test_what_is_no_fleet(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay();
	const struct tacit_replay *replays[] = { replay };
	volatile int stop = 0;
	struct tacit_sim_params params = { .token = &nowhere,
					   .replay = replays,
					   .replays = 1,
					   .rounds = 1,
					   .parallel = 1,
					   .timeout_sec = 1,
					   .stop = &stop };
	json_t *report = NULL;

	CU_ASSERT_EQUAL(tacit_sim_run(&params, &report), -EINVAL);
	params.hosts = TACIT_SIM_HOSTS_MAX + 1;
	CU_ASSERT_EQUAL(tacit_sim_run(&params, &report), -EINVAL);
	params.hosts = 1;
	params.replays = 0;
	CU_ASSERT_EQUAL(tacit_sim_run(&params, &report), -EINVAL);
	params.replays = 1;
	params.parallel = 0;
	CU_ASSERT_EQUAL(tacit_sim_run(&params, &report), -EINVAL);
	CU_ASSERT_PTR_NULL(report);
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay();
	const struct tacit_replay *replays[] = { replay };
	volatile int stop = 0;
	const struct tacit_sim_params params = { .token = &nowhere,
						 .replay = replays,
						 .replays = 1,
						 .hosts = 1,
						 .rounds = 1,
						 .parallel = 1,
						 .timeout_sec = 0,
						 .max_epsilon = 8,
						 .stop = &stop };
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		json_t *report = NULL;

		unit_fail_alloc(nth);
		r = tacit_sim_run(&params, &report);
		unit_fail_alloc(-1);
		CU_ASSERT((r == -ENOMEM) == (report == NULL));
		json_decref(report);
	}
	CU_ASSERT_EQUAL(r, -ETIMEDOUT); /* it came as far as waiting */
	CU_ASSERT(nth > 10);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "nobody answers", test_nobody_answers },
		{ "stopped before it begins", test_stopped_before_it_begins },
		{ "what is no fleet", test_what_is_no_fleet },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("sim", cases);
}
