/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <unistd.h>

#include <tacit/log.h>

#include "agent/judge.h"
#include "behaviour.h"
#include "recordings.h"

#define SCOPE	 "shop.service"
#define WINDOWS	 300
#define ODD_MOST 3

/* So many windows of a service, of which some from @odd on are not ordinary. */
static struct tacit_replay *make_replay(int odd)
{
	struct behaviour behaviour = behaviour_new(7);
	struct tacit_replay *replay = NULL;
	struct tacit_recording_row row = { .host = "h" };
	char path[64];
	int fd;
	TACIT_CLEANUP(tacit_recording_writer_free_p)
	struct tacit_recording_writer *writer = memory_writer(TACIT_RECORDING_BINARY, &fd);

	for (int i = 0; i < WINDOWS; i++) {
		row.window = odd >= 0 && i >= odd && i < odd + ODD_MOST
				     ? behaviour_odd(&behaviour, SCOPE)
				     : behaviour_window(&behaviour, SCOPE);
		CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_add(writer, &row), 0);
	}
	CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_finish(writer), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CU_ASSERT_EQUAL_FATAL(tacit_replay_load(path, &replay, NULL), 0);
	(void)close(fd);
	return replay;
}

static int judge(const struct tacit_replay *replay, json_t **ret)
{
	struct tacit_judge_params params = {
		.replay = replay,
		.kind = tacit_model_kind_find("gaussian"),
		.alerts_per_day = 1,
		.learn = 0.5,
	};

	return tacit_judge_run(&params, ret);
}

static double number_at(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void test_ordinary(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay(-1);
	json_auto_t *report = NULL;
	const json_t *total;

	CU_ASSERT_EQUAL_FATAL(judge(replay, &report), 0);
	total = json_object_get(report, "total");
	CU_ASSERT_EQUAL(number_at(report, "steps"), WINDOWS);
	CU_ASSERT_EQUAL(number_at(report, "window_ms"), 1000);
	CU_ASSERT_EQUAL(number_at(report, "learned_sec"), 150);
	CU_ASSERT_EQUAL(number_at(report, "judged_sec"), 150);
	CU_ASSERT_EQUAL(number_at(total, "windows"), 150);
	CU_ASSERT_EQUAL(number_at(total, "warming"), 0);
	CU_ASSERT_EQUAL(number_at(total, "alarms"), 0);
	CU_ASSERT_EQUAL(number_at(total, "per_day"), 0);
	CU_ASSERT_EQUAL(number_at(total, "per_day_low"), 0);
	CU_ASSERT_DOUBLE_EQUAL(number_at(total, "per_day_high"), 3.6889 * 86400 / 150, 1);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(report, "episodes")), 0);
}

static void test_odd(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay(200);
	json_auto_t *report = NULL;
	const json_t *scope, *episode;

	CU_ASSERT_EQUAL_FATAL(judge(replay, &report), 0);
	scope = json_array_get(json_object_get(report, "scopes"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(scope, "scope")), SCOPE);
	CU_ASSERT_EQUAL(number_at(scope, "alarms"), ODD_MOST);
	CU_ASSERT_EQUAL(number_at(scope, "episodes"), 1);
	CU_ASSERT_DOUBLE_EQUAL(number_at(scope, "per_day"), 86400. / 150, 1e-6);
	episode = json_array_get(json_object_get(report, "episodes"), 0);
	CU_ASSERT_EQUAL(number_at(episode, "windows"), ODD_MOST);
	CU_ASSERT_EQUAL(number_at(episode, "start_ms"), 1795478400000 + 200 * 1000);
	CU_ASSERT(number_at(episode, "value") > number_at(episode, "threshold"));
	CU_ASSERT(json_array_size(json_object_get(episode, "features")) > 0);
}

/* What alarms while the host is new is told, not counted. */
static void test_odd_while_learning(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay(120);
	json_auto_t *report = NULL;

	CU_ASSERT_EQUAL_FATAL(judge(replay, &report), 0);
	CU_ASSERT_EQUAL(number_at(json_object_get(report, "total"), "alarms"), 0);
	CU_ASSERT_EQUAL(number_at(json_object_get(report, "total"), "episodes"), 0);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(report, "episodes")), 1);
}

static void test_out_of_memory(void)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = make_replay(-1);
	int r = -ENOMEM;

	for (int nth = 0; nth < 200 && r < 0; nth++) {
		json_auto_t *report = NULL;

		unit_fail_alloc(nth);
		r = judge(replay, &report);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || r == -ENOMEM);
	}
	CU_ASSERT_EQUAL(r, 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "ordinary windows raise no alarm", test_ordinary },
		{ "odd ones are an episode", test_odd },
		{ "not counted while learning", test_odd_while_learning },
		{ "every allocation may fail", test_out_of_memory },
		{ NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("judge", cases);
}
