/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/log.h>
#include <tacit/threshold.h>

#include "agent/detect.h"

#include "behaviour.h"
#include "place.h"
#include "unit.h"

#define SEED	  ((const uint8_t *)"0123456789abcdef0123456789abcdef")
#define ACCEPT_MS 600000
#define WARM	  300
#define TICK_MS	  1000

struct bench {
	struct tacit_store *store;
	struct tacit_learner *learner;
	struct tacit_detect *detect;
	struct behaviour behaviour;
};

static struct bench bench_open(const char *path, uint64_t seed)
{
	struct tacit_store_params store = { .path = path, .seed = SEED };
	struct tacit_learner_params learner = { .kind = tacit_model_kind_find("gaussian"),
						.memory_bytes = 1U << 20,
						.scopes_max = 6000 };
	struct tacit_detect_params detect = { .alerts_per_day = 1,
					      .window_ms = 1000,
					      .accept_after_ms = ACCEPT_MS };
	struct bench bench = { .behaviour = behaviour_new(seed) };

	CU_ASSERT_EQUAL(path ? tacit_store_open(&store, &bench.store) : 0, 0);
	learner.store = detect.store = bench.store;
	CU_ASSERT_EQUAL(tacit_learner_new(&learner, &bench.learner), 0);
	detect.learner = bench.learner;
	CU_ASSERT_EQUAL(tacit_detect_new(&detect, &bench.detect), 0);
	return bench;
}

static void bench_done(struct bench *bench)
{
	tacit_detect_free(bench->detect);
	tacit_learner_free(bench->learner);
	tacit_store_close(bench->store);
}

#define BENCH(name, path, seed) TACIT_CLEANUP(bench_done) struct bench name = bench_open(path, seed)

static enum tacit_verdict see(struct bench *bench, const struct tacit_window *window)
{
	enum tacit_verdict verdict = TACIT_VERDICT_WARMING;

	CU_ASSERT_EQUAL(tacit_detect_window(bench->detect, window, &verdict, NULL), 0);
	return verdict;
}

/* @n ordinary ticks of one scope; how many were alarms. */
static int calm(struct bench *bench, const char *scope, int n)
{
	int alarms = 0;

	for (int i = 0; i < n; i++) {
		struct tacit_window window = behaviour_window(&bench->behaviour, scope);

		alarms += see(bench, &window) >= TACIT_VERDICT_ALARM;
		tacit_detect_tick(bench->detect, TICK_MS);
	}
	return alarms;
}

static int storm(struct bench *bench, const char *scope, int n)
{
	int alarms = 0;

	for (int i = 0; i < n; i++) {
		struct tacit_window window = behaviour_odd(&bench->behaviour, scope);

		alarms += see(bench, &window) == TACIT_VERDICT_ALARM;
		tacit_detect_tick(bench->detect, TICK_MS);
	}
	return alarms;
}

static uint64_t learned(struct bench *bench, const char *scope)
{
	struct tacit_model_info info;

	tacit_model_kind_find("gaussian")->info(tacit_learner_model(bench->learner, scope), &info);
	return info.windows;
}

struct listed {
	int n;
	struct tacit_anomaly newest, oldest;
	char detail[TACIT_STORE_DETAIL_MAX]; /* of the newest */
};

static void on_anomaly(void *ctx, const struct tacit_anomaly *anomaly)
{
	struct listed *listed = (struct listed *)ctx;

	if (listed->n++ == 0) {
		listed->newest = *anomaly;
		(void)snprintf(listed->detail, sizeof(listed->detail), "%s", anomaly->detail);
	}
	listed->oldest = *anomaly;
}

static struct listed list(struct bench *bench)
{
	struct listed listed = { 0 };

	CU_ASSERT(tacit_store_each_anomaly(bench->store, INT64_MIN, 1000, on_anomaly, &listed) >=
		  0);
	return listed;
}

static void test_risk(void)
{
	CU_ASSERT_DOUBLE_EQUAL(tacit_detect_risk(1, 1000, 1), 1 / (86400.0 * TACIT_STATISTIC_COUNT), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(tacit_detect_risk(10, 2000, 5), 10 / (43200.0 * 5 * TACIT_STATISTIC_COUNT), 1e-12);
	CU_ASSERT_EQUAL(tacit_detect_risk(1e9, 60000, 1), 0.1);
	CU_ASSERT_EQUAL(tacit_detect_risk(0.01, 200, 4096), 1e-9);
}

/* The whole way: normal windows, an odd burst, and what is said of it. */
static void test_burst_is_one_anomaly(void)
{
	BENCH(bench, ":memory:", 1);
	json_auto_t *detail = NULL;
	const char *top[2] = { "", "" };
	struct tacit_detect_counters counters;
	struct listed listed;
	int64_t start_ms;

	CU_ASSERT_EQUAL(calm(&bench, "nginx.service", WARM), 0);
	tacit_detect_counters(bench.detect, &counters);
	CU_ASSERT(counters.warming >= TACIT_THRESHOLD_MIN && counters.warming < 100);
	CU_ASSERT_EQUAL(list(&bench).n, 0);
	start_ms = bench.behaviour.now_ms;
	CU_ASSERT_EQUAL(storm(&bench, "nginx.service", 12), 12);
	CU_ASSERT_EQUAL(list(&bench).newest.state, TACIT_ANOMALY_OPEN); /* known at once */
	CU_ASSERT_EQUAL(calm(&bench, "nginx.service", 20), 0);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);

	listed = list(&bench);
	CU_ASSERT_EQUAL(listed.n, 1);
	CU_ASSERT_STRING_EQUAL(listed.newest.scope, "nginx.service");
	CU_ASSERT_STRING_EQUAL(listed.newest.class, "nginx.service");
	CU_ASSERT_EQUAL(listed.newest.state, TACIT_ANOMALY_ENDED);
	CU_ASSERT_EQUAL(listed.newest.windows, 12);
	CU_ASSERT_EQUAL(listed.newest.start_ms, start_ms);
	CU_ASSERT_EQUAL(listed.newest.end_ms, start_ms + 11 * TICK_MS);
	CU_ASSERT(listed.newest.peak_ms >= start_ms &&
		  listed.newest.peak_ms <= listed.newest.end_ms);
	CU_ASSERT(listed.newest.peak > listed.newest.threshold);

	detail = json_loads(listed.detail, 0, NULL);
	for (size_t i = 0; i < 2; i++)
		(void)json_unpack(json_array_get(json_object_get(detail, "features"), i), "{s:s}",
				  "name", &top[i]);
	CU_ASSERT(strcmp(top[0], "syscall.rename") == 0 || strcmp(top[1], "syscall.rename") == 0);
	CU_ASSERT(strcmp(top[0], "tcp.connect_failed") == 0 ||
		  strcmp(top[1], "tcp.connect_failed") == 0);
	CU_ASSERT_TRUE(json_is_false(json_object_get(detail, "accepted")));
	CU_ASSERT(json_number_value(json_object_get(detail, "distance")) >
		  json_number_value(json_object_get(detail, "distance_threshold")));
	CU_ASSERT(json_number_value(json_object_get(detail, "max_z")) >
		  json_number_value(json_object_get(detail, "max_z_threshold")));
}

static void test_gap(void)
{
	BENCH(bench, ":memory:", 2);

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	(void)storm(&bench, "host", 1);
	CU_ASSERT_EQUAL(calm(&bench, "host", TACIT_DETECT_GAP), 0);
	(void)storm(&bench, "host", 1);
	CU_ASSERT_EQUAL(list(&bench).n, 1);
	CU_ASSERT_EQUAL(calm(&bench, "host", TACIT_DETECT_GAP + 1), 0);
	(void)storm(&bench, "host", 1);
	CU_ASSERT_EQUAL(list(&bench).n, 2);
	CU_ASSERT_EQUAL(list(&bench).oldest.state, TACIT_ANOMALY_ENDED); /* not forgotten */
	CU_ASSERT_EQUAL(list(&bench).oldest.windows, 2);
}

/* Starts nc once when asked the first time, sh every time. */
static int start_programs(void *ctx, const char *scope, unsigned windows, struct tacit_process *ret,
			  size_t max)
{
	unsigned *asked = (unsigned *)ctx;
	struct tacit_process sh = { "sh", 2, false }, nc = { "nc", 1, true };
	size_t n = tacit_process_add(ret, 0, max, &sh);

	CU_ASSERT_STRING_EQUAL(scope, "host");
	CU_ASSERT_EQUAL(windows, *asked == 0 ? 2U : 1U);
	return (int)((*asked)++ == 0 ? tacit_process_add(ret, n, max, &nc) : n);
}

static void test_programs_started(void)
{
	unsigned asked = 0;
	BENCH(bench, ":memory:", 3);
	struct tacit_detect_params params = { .learner = bench.learner,
					      .store = bench.store,
					      .alerts_per_day = 1,
					      .window_ms = 1000,
					      .accept_after_ms = ACCEPT_MS,
					      .processes = start_programs,
					      .processes_ctx = &asked };
	json_auto_t *detail = NULL;
	const json_t *first, *second;

	tacit_detect_free(bench.detect);
	CU_ASSERT_EQUAL(tacit_detect_new(&params, &bench.detect), 0);
	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	CU_ASSERT_EQUAL(asked, 0); /* nobody looks without an alarm */
	CU_ASSERT_EQUAL(storm(&bench, "host", 3), 3);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	detail = json_loads(list(&bench).detail, 0, NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(detail, "processes")), 2);
	first = json_array_get(json_object_get(detail, "processes"), 0);
	second = json_array_get(json_object_get(detail, "processes"), 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "name")), "nc");
	CU_ASSERT_TRUE(json_is_true(json_object_get(first, "new")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(second, "execs")), 6);
}

static void test_alarms_teach_nothing(void)
{
	BENCH(bench, NULL, 3);
	struct tacit_detect_counters counters;
	uint64_t before;

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	before = learned(&bench, "host");
	CU_ASSERT_EQUAL(before, WARM);
	CU_ASSERT_EQUAL(storm(&bench, "host", 300), 300);
	CU_ASSERT_EQUAL(learned(&bench, "host"), before);
	tacit_detect_counters(bench.detect, &counters);
	CU_ASSERT_EQUAL(counters.alarms, 300);
	CU_ASSERT_EQUAL(counters.episodes, 1);
	CU_ASSERT_EQUAL(counters.open, 1);
}

/* An intruder's windows do not all alarm. */
static void test_episodes_teach_nothing(void)
{
	BENCH(bench, NULL, 3);

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	CU_ASSERT_EQUAL(storm(&bench, "host", 1), 1);
	CU_ASSERT_EQUAL(calm(&bench, "host", TACIT_DETECT_GAP), 0);
	CU_ASSERT_EQUAL(learned(&bench, "host"), WARM);
	CU_ASSERT_EQUAL(calm(&bench, "host", 10), 0); /* one more is before the end is known */
	CU_ASSERT_EQUAL(learned(&bench, "host"), WARM + 9);
}

static void test_lasting_change_is_accepted(void)
{
	BENCH(bench, ":memory:", 4);
	json_auto_t *detail = NULL;
	struct listed listed;

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	CU_ASSERT_EQUAL(storm(&bench, "host", ACCEPT_MS / TICK_MS), ACCEPT_MS / TICK_MS);
	CU_ASSERT_EQUAL(learned(&bench, "host"), WARM);
	CU_ASSERT(storm(&bench, "host", 600) == 0); /* accepted or normal from here on */
	CU_ASSERT_EQUAL(learned(&bench, "host"), WARM + 600);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	listed = list(&bench);
	CU_ASSERT_EQUAL(listed.n, 1);
	CU_ASSERT_EQUAL(listed.newest.state, TACIT_ANOMALY_ENDED); /* the new normal */
	detail = json_loads(listed.detail, 0, NULL);
	CU_ASSERT_TRUE(json_is_true(json_object_get(detail, "accepted")));
}

static void test_bursts_do_not_blind(void)
{
	BENCH(bench, NULL, 15);

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	for (int i = 0; i < 30; i++) { /* within the time that an acceptance takes */
		CU_ASSERT_EQUAL(storm(&bench, "host", 1), 1);
		(void)calm(&bench, "host", 12);
	}
}

static void test_habit_is_accepted(void)
{
	BENCH(bench, NULL, 5);
	int alarms = 0;

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	for (int minute = 0; minute < 20; minute++) {
		alarms = storm(&bench, "host", 3);
		CU_ASSERT_EQUAL(alarms > 0, minute < ACCEPT_MS / 60000);
		(void)calm(&bench, "host", 57);
	}
}

static void test_rare_oddity_is_never_accepted(void)
{
	BENCH(bench, NULL, 6);

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(storm(&bench, "host", 3), 3);
		(void)calm(&bench, "host", TACIT_DETECT_CALM_MS / TICK_MS + 1);
	}
}

static void test_sleep_is_no_hour_of_alarm(void)
{
	BENCH(bench, NULL, 7);

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	CU_ASSERT_EQUAL(storm(&bench, "host", 2), 2);
	tacit_detect_tick(bench.detect, 8 * 3600000LL);
	CU_ASSERT_EQUAL(storm(&bench, "host", 2), 2); /* not accepted */
}

static void test_clock_steps(void)
{
	BENCH(bench, ":memory:", 8);
	struct listed listed;

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	CU_ASSERT_EQUAL(storm(&bench, "host", 2), 2);
	bench.behaviour.now_ms -= 86400000;
	CU_ASSERT_EQUAL(storm(&bench, "host", 2), 2);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	listed = list(&bench);
	CU_ASSERT_EQUAL(listed.n, 1);
	CU_ASSERT(listed.newest.end_ms >= listed.newest.start_ms);
	bench.behaviour.now_ms += 5 * 86400000LL;
	CU_ASSERT_EQUAL(storm(&bench, "host", 2), 2);
	CU_ASSERT_EQUAL(calm(&bench, "host", 10), 0);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	listed = list(&bench);
	CU_ASSERT_EQUAL(listed.n, 1);
	CU_ASSERT_EQUAL(listed.newest.windows, 6);
	CU_ASSERT_EQUAL(tacit_store_skipped(bench.store), 0);
}

#define WEEK_MS (7 * 86400000LL)

/* The verdict on the last of three odd windows, after a calm. */
static enum tacit_verdict visit(struct bench *bench, int64_t now_ms,
				struct tacit_window (*odd)(struct behaviour *, const char *))
{
	enum tacit_verdict verdict = TACIT_VERDICT_NORMAL;

	bench->behaviour.now_ms = now_ms;
	for (int i = 0; i < 3; i++) {
		struct tacit_window window = odd(&bench->behaviour, "host");

		verdict = see(bench, &window);
		tacit_detect_tick(bench->detect, TICK_MS);
	}
	(void)calm(bench, "host", TACIT_DETECT_CALM_MS / TICK_MS + 10);
	return verdict;
}

static struct tacit_window behaviour_forks(struct behaviour *behaviour, const char *scope)
{
	struct tacit_window window = behaviour_window(behaviour, scope);

	window.count[TACIT_FEATURE_TCP_CONNECT_FAILED] = 60000;
	return window;
}

/* Monday's job is expected from the third week on; at other times, or by other means, it is not. */
static void test_weekly_job_is_expected(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	int64_t monday;

	{
		BENCH(bench, path, 16);

		monday = bench.behaviour.now_ms + 3 * 86400000LL;
		(void)calm(&bench, "host", 5000); /* a young model grows surer week by week */
		CU_ASSERT_EQUAL(visit(&bench, monday, behaviour_odd), TACIT_VERDICT_ALARM);
		CU_ASSERT_EQUAL(visit(&bench, monday + WEEK_MS, behaviour_odd),
				TACIT_VERDICT_ALARM);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	}
	{
		BENCH(bench, path, 17); /* it is remembered */
		struct tacit_detect_counters counters;
		uint64_t windows;

		monday += 2 * WEEK_MS;
		bench.behaviour.now_ms = monday - 700000;
		CU_ASSERT_EQUAL(calm(&bench, "host", 20), 0);
		windows = learned(&bench, "host");
		CU_ASSERT_EQUAL(visit(&bench, monday, behaviour_odd), TACIT_VERDICT_EXPECTED);
		tacit_detect_counters(bench.detect, &counters);
		CU_ASSERT_EQUAL(counters.expected, 3);
		CU_ASSERT(learned(&bench, "host") >= windows + 3);
		CU_ASSERT_EQUAL(visit(&bench, monday + 86400000, behaviour_odd),
				TACIT_VERDICT_ALARM);
		CU_ASSERT_EQUAL(visit(&bench, monday + WEEK_MS, behaviour_forks),
				TACIT_VERDICT_ALARM);
	}
}

static void test_vanished_scope_ends(void)
{
	BENCH(bench, ":memory:", 9);

	CU_ASSERT_EQUAL(calm(&bench, "job.service", WARM), 0);
	CU_ASSERT_EQUAL(storm(&bench, "job.service", 2), 2);
	for (unsigned i = 0; i < 2 * TACIT_DETECT_GAP; i++)
		tacit_detect_tick(bench.detect, TICK_MS);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	CU_ASSERT_EQUAL(list(&bench).newest.state, TACIT_ANOMALY_ENDED);
}

static void test_interrupted(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");

	{
		BENCH(bench, path, 10);

		CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
		CU_ASSERT_EQUAL(storm(&bench, "host", 2), 2);
	}
	{
		BENCH(bench, path, 10);

		CU_ASSERT_EQUAL(list(&bench).newest.state, TACIT_ANOMALY_INTERRUPTED);
	}
}

static void test_long_windows(void)
{
	BENCH(bench, NULL, 11);
	struct tacit_window window;

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	window = behaviour_window(&bench.behaviour, "host");
	window.length_ms = 3000;
	(void)see(&bench, &window);
	CU_ASSERT_EQUAL(learned(&bench, "host"), WARM);
	window.length_ms = 1500;
	(void)see(&bench, &window);
	CU_ASSERT_EQUAL(learned(&bench, "host"), WARM + 1);
}

static void ask(struct bench *bench, const char *sql)
{
	struct tacit_db *db = tacit_store_db(bench->store);
	struct sqlite3_stmt *row = tacit_db_query(db, sql, "");

	while (tacit_db_step(db, row) > 0)
		;
}

static void test_full_disk(void)
{
	PLACE(place);
	BENCH(bench, place_file(&place, "tacit.db"), 12);
	char name[32];

	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "s%d.service", i);
		(void)calm(&bench, name, 100);
	}
	ask(&bench, "PRAGMA max_page_count = 1");
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "s%d.service", i);
		CU_ASSERT_EQUAL(storm(&bench, name, 1), 1);
	}
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), -ENOSPC);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), -ENOSPC);
	ask(&bench, "PRAGMA max_page_count = 100000");
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	CU_ASSERT_EQUAL(list(&bench).n, 20);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	CU_ASSERT_EQUAL(list(&bench).n, 20);
}

static void test_thousands_alarm_at_once(void)
{
	BENCH(bench, ":memory:", 13);
	struct tacit_detect_counters counters;
	const int scopes = TACIT_DETECT_SCOPES_MAX + 100;
	struct tacit_window window;
	char name[32];

	for (int round = 0; round < 120; round++)
		for (int i = 0; i < scopes; i++) {
			(void)snprintf(name, sizeof(name), "s%d", i);
			window = behaviour_window(&bench.behaviour, name);
			(void)see(&bench, &window);
		}
	for (int i = 0; i < scopes; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		window = behaviour_odd(&bench.behaviour, name);
		CU_ASSERT_EQUAL(see(&bench, &window), TACIT_VERDICT_ALARM);
	}
	tacit_detect_counters(bench.detect, &counters);
	CU_ASSERT_EQUAL(counters.open, TACIT_DETECT_SCOPES_MAX);
	CU_ASSERT_EQUAL(counters.unkept, 100);
	CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
}

static void test_out_of_memory(void)
{
	BENCH(bench, ":memory:", 14);

	CU_ASSERT_EQUAL(calm(&bench, "host", WARM), 0);
	for (int nth = 0; nth < 20; nth++) {
		struct tacit_window window = behaviour_odd(&bench.behaviour, "host");
		int r;

		unit_fail_alloc(nth);
		r = tacit_detect_window(bench.detect, &window, NULL, NULL);
		if (r == 0)
			r = tacit_detect_flush(bench.detect);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || r == -ENOMEM);
		for (unsigned i = 0; i < 700; i++) /* forget it, so that it begins again */
			tacit_detect_tick(bench.detect, TICK_MS);
		CU_ASSERT_EQUAL(tacit_detect_flush(bench.detect), 0);
	}
	CU_ASSERT(list(&bench).n >= 15);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "risk is shared out", test_risk },
		{ "a burst is one anomaly, with its causes", test_burst_is_one_anomaly },
		{ "short calms are bridged", test_gap },
		{ "programs started are told", test_programs_started },
		{ "alarming windows teach nothing", test_alarms_teach_nothing },
		{ "nor do those between them", test_episodes_teach_nothing },
		{ "a change that lasts is accepted", test_lasting_change_is_accepted },
		{ "bursts do not blind", test_bursts_do_not_blind },
		{ "so is one that keeps coming back", test_habit_is_accepted },
		{ "what is rare and odd never is", test_rare_oddity_is_never_accepted },
		{ "sleeping is not lasting", test_sleep_is_no_hour_of_alarm },
		{ "the wall clock may jump", test_clock_steps },
		{ "a weekly job is expected", test_weekly_job_is_expected },
		{ "a scope that vanishes ends its episode", test_vanished_scope_ends },
		{ "a restart interrupts an episode", test_interrupted },
		{ "overlong windows are not learned from", test_long_windows },
		{ "a full disk delays the row, no more", test_full_disk },
		{ "thousands of scopes may alarm at once", test_thousands_alarm_at_once },
		{ "every allocation may fail", test_out_of_memory },
		{ NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("detect", cases);
}
