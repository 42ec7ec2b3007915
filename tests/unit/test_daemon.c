/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <tacit/clock.h>
#include <tacit/db.h>
#include <tacit/log.h>

#include "agent/daemon_private.h"

#include "behaviour.h"
#include "place.h"
#include "unit.h"

#define HOUR_MS 3600000

/* Clocks that tests step. */
static int64_t wall_ms, boot_ms, monotonic_ms;

static int64_t read_wall(void)
{
	return wall_ms;
}

static int64_t read_boot(void)
{
	return boot_ms;
}

static int64_t read_monotonic(void)
{
	return monotonic_ms;
}

static void advance(int64_t ms)
{
	wall_ms += ms;
	boot_ms += ms;
	monotonic_ms += ms;
}

/* A recording as a source: each drain yields the windows that ended together. */
struct replay {
	FILE *file;
	struct tacit_recording *recording;
	struct tacit_recording_row next;
	bool more;
};

static int replay_drain(void *ctx, tacit_window_fn *fn, void *fn_ctx)
{
	struct replay *replay = (struct replay *)ctx;
	int64_t at_ms = replay->next.window.end_ms;
	int n = 0;

	if (!replay->more)
		return -ENODATA;
	while (replay->more && replay->next.window.end_ms == at_ms) {
		fn(fn_ctx, &replay->next.window);
		n++;
		replay->more = tacit_recording_next(replay->recording, &replay->next, NULL) == 1;
	}
	return n;
}

static void replay_done(struct replay *replay)
{
	tacit_recording_free(replay->recording);
	if (replay->file)
		(void)fclose(replay->file);
}

static struct replay replay_open(const char *path)
{
	struct replay replay = { .file = fopen(path, "re") };

	CU_ASSERT_EQUAL(tacit_recording_new(replay.file, &replay.recording, NULL), 0);
	replay.more = tacit_recording_next(replay.recording, &replay.next, NULL) == 1;
	return replay;
}

#define CALM  300
#define STORM 10
#define AFTER 20

/* A host and a service for five minutes; then the service has its storm. */
static void write_recording(const char *path)
{
	struct behaviour behaviour = behaviour_new(1);
	struct tacit_recording_row row = { .host = "h" };
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	int r = tacit_recording_writer_open(path, &writer);

	for (int i = 0; r == 0 && i < CALM + STORM + AFTER; i++) {
		int64_t at_ms = behaviour.now_ms;

		row.window = behaviour_window(&behaviour, "host");
		r = tacit_recording_writer_add(writer, &row);
		row.window = i >= CALM && i < CALM + STORM
				     ? behaviour_odd(&behaviour, "nginx.service")
				     : behaviour_window(&behaviour, "nginx.service");
		row.window.end_ms = at_ms;
		if (r == 0)
			r = tacit_recording_writer_add(writer, &row);
		behaviour.now_ms = at_ms + 1000;
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
}

struct bench {
	struct tacit_agent_conf conf;
	struct tacit_daemon *daemon;
	struct tacit_daemon_params params;
};

static void bench_done(struct bench *bench)
{
	tacit_daemon_free(bench->daemon);
	tacit_agent_conf_done(&bench->conf);
}

static const char *write_conf(struct place *place, const char *more)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "state_dir = %s\ncontrol_socket = %s/control\nuplink.enabled = no\n%s",
			 place->folder, place->folder, more);

	return place_write(place, "agent.conf", text, (size_t)n);
}

static struct bench bench_open(struct place *place)
{
	struct bench bench = { 0 };

	CU_ASSERT_EQUAL(tacit_agent_conf_load(&bench.conf, write_conf(place, ""), 0, NULL), 0);
	bench.params.clock = (struct tacit_daemon_clock){ .wall_ms = read_wall,
							  .boot_ms = read_boot,
							  .monotonic_ms = read_monotonic };
	wall_ms = 1795478400000;
	boot_ms = monotonic_ms = 5000000;
	return bench;
}

#define BENCH(name, place) TACIT_CLEANUP(bench_done) struct bench name = bench_open(place)

static int bench_start(struct bench *bench)
{
	bench->params.conf = &bench->conf;
	return tacit_daemon_new(&bench->params, &bench->daemon);
}

static void ticks(struct bench *bench, int n)
{
	for (int i = 0; i < n; i++) {
		advance(1000);
		CU_ASSERT_EQUAL(tacit_daemon_tick(bench->daemon), 0);
	}
}

static uint64_t anomalies(struct bench *bench)
{
	struct tacit_store_counts counts = { 0 };

	CU_ASSERT_EQUAL(tacit_store_counts(tacit_daemon_store(bench->daemon), 0, &counts), 0);
	return counts.anomalies;
}

static void check_anomaly(void *ctx, const struct tacit_anomaly *anomaly)
{
	json_auto_t *detail = json_loads(anomaly->detail, 0, NULL);
	const json_t *features = json_object_get(detail, "features"), *feature;
	unsigned found = 0;

	CU_ASSERT_STRING_EQUAL(anomaly->scope, "nginx.service");
	CU_ASSERT_EQUAL(anomaly->windows, STORM);
	CU_ASSERT_EQUAL(anomaly->state, TACIT_ANOMALY_ENDED);
	for (size_t i = 0; i < 2; i++) {
		feature = json_object_get(json_array_get(features, i), "name");
		if (!json_is_string(feature))
			continue;
		found += strcmp(json_string_value(feature), "syscall.rename") == 0;
		found += strcmp(json_string_value(feature), "tcp.connect_failed") == 0;
	}
	CU_ASSERT_EQUAL(found, 2);
	*(int *)ctx += 1;
}

static void test_recording_to_anomaly(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct tacit_daemon_status status;
	int seen = 0;

	write_recording(place_file(&place, "windows.csv"));
	TACIT_CLEANUP(replay_done) struct replay replay = replay_open(place.file);
	bench.params.source = (struct tacit_source){ replay_drain, &replay };
	CU_ASSERT_EQUAL(bench_start(&bench), 0);

	ticks(&bench, CALM);
	CU_ASSERT_EQUAL(anomalies(&bench), 0); /* not before */
	ticks(&bench, 1);
	CU_ASSERT_EQUAL(anomalies(&bench), 1); /* at once */
	ticks(&bench, STORM - 1 + AFTER);
	CU_ASSERT_EQUAL(tacit_daemon_tick(bench.daemon), -ENODATA);
	CU_ASSERT_EQUAL(tacit_detect_flush(tacit_daemon_detect(bench.daemon)), 0);
	CU_ASSERT_EQUAL(tacit_store_each_anomaly(tacit_daemon_store(bench.daemon), 0, 10,
						 check_anomaly, &seen),
			1);
	CU_ASSERT_EQUAL(seen, 1);
	tacit_daemon_status(bench.daemon, &status);
	CU_ASSERT_EQUAL(status.windows, 2 * (CALM + STORM + AFTER));
	CU_ASSERT_EQUAL(status.failed, 0);
	CU_ASSERT_EQUAL(status.unjudged, 0);
	CU_ASSERT_EQUAL(tacit_learner_scopes(tacit_daemon_learner(bench.daemon)), 2);
}

/* A source that does what a test tells it to. */
struct puppet {
	struct behaviour behaviour;
	int left; /* drains until it ends */
	int error;
	void (*at)(int left);
};

static int puppet_drain(void *ctx, tacit_window_fn *fn, void *fn_ctx)
{
	struct puppet *puppet = (struct puppet *)ctx;
	struct tacit_window window;

	if (puppet->left-- == 0)
		return -ENODATA;
	if (puppet->at)
		puppet->at(puppet->left);
	if (puppet->error)
		return puppet->error;
	window = behaviour_window(&puppet->behaviour, "host");
	fn(fn_ctx, &window);
	return 1;
}

static void use_puppet(struct bench *bench, struct puppet *puppet)
{
	bench->params.source = (struct tacit_source){ puppet_drain, puppet };
}

static uint64_t stored_windows(struct place *place)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = NULL;
	struct tacit_store_counts counts = { 0 };

	CU_ASSERT_EQUAL(tacit_store_open_readonly(place_file(place, "tacit.db"), &store), 0);
	CU_ASSERT_EQUAL(tacit_store_counts(store, 0, &counts), 0);
	return counts.windows;
}

static void test_loop_runs_and_saves(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(2), .left = 25 };
	struct tacit_daemon_status status;

	use_puppet(&bench, &puppet);
	bench.params.clock = (struct tacit_daemon_clock){ 0 };
	bench.conf.window_ms = 10;
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	CU_ASSERT_EQUAL(tacit_daemon_run(bench.daemon), 0);
	tacit_daemon_status(bench.daemon, &status);
	CU_ASSERT_EQUAL(status.windows, 25);
	CU_ASSERT_EQUAL(stored_windows(&place), 25);
}

static void stop_at_the_tenth(int left)
{
	if (left == 90)
		(void)raise(SIGTERM);
}

static void test_signal_saves(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(3),
				 .left = 100,
				 .at = stop_at_the_tenth };
	uint64_t windows;

	use_puppet(&bench, &puppet);
	bench.params.clock = (struct tacit_daemon_clock){ 0 };
	bench.conf.window_ms = 10;
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	CU_ASSERT_EQUAL(tacit_daemon_run(bench.daemon), 0);
	windows = stored_windows(&place);
	CU_ASSERT(windows >= 10 && windows < 100);
}

static struct place *reload_place;

static void reload(int left)
{
	if (left == 60)
		(void)write_conf(reload_place, "alerts_per_day = 50\nstore.max_mb = 9\n"
					       "window_ms = 30000\nlog_level = error\n");
	if (left == 30)
		(void)write_conf(reload_place, "alerts_per_day = many\n");
	if (left == 60 || left == 30)
		(void)raise(SIGHUP);
}

static void test_reload(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(4), .left = 80, .at = reload };
	char path[512];

	(void)snprintf(path, sizeof(path), "%s", place_file(&place, "agent.conf"));
	use_puppet(&bench, &puppet);
	reload_place = &place;
	bench.params.clock = (struct tacit_daemon_clock){ 0 };
	bench.params.conf_path = path;
	bench.conf.window_ms = 10;
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	CU_ASSERT_EQUAL(tacit_daemon_run(bench.daemon), 0);
	CU_ASSERT_EQUAL(bench.conf.alerts_per_day, 50); /* and the bad file changed nothing */
	CU_ASSERT_EQUAL(bench.conf.store_max_mb, 9);
	CU_ASSERT_EQUAL(bench.conf.window_ms, 10); /* only at the next start */
}

static void test_suspend(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(5), .left = 1000 };
	struct tacit_daemon_status status;

	use_puppet(&bench, &puppet);
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	ticks(&bench, 5);
	monotonic_ms -= 8 * HOUR_MS;
	advance(8 * HOUR_MS);
	ticks(&bench, 1); /* the window that was slept in */
	ticks(&bench, 5);
	tacit_daemon_status(bench.daemon, &status);
	CU_ASSERT_EQUAL(status.unjudged, 1);
	CU_ASSERT_EQUAL(status.windows, 10);
	CU_ASSERT_EQUAL(status.suspended_ms, 8 * HOUR_MS);
}

static void test_wall_clock_is_trusted_late(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(6), .left = 100000 };
	struct tacit_daemon_status status;

	use_puppet(&bench, &puppet);
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	ticks(&bench, 3599);
	CU_ASSERT_FALSE(tacit_daemon_trusts_clock(bench.daemon));
	ticks(&bench, 1);
	CU_ASSERT_TRUE(tacit_daemon_trusts_clock(bench.daemon));
	wall_ms += 300LL * 24 * HOUR_MS;
	ticks(&bench, 1);
	CU_ASSERT_FALSE(tacit_daemon_trusts_clock(bench.daemon));
	ticks(&bench, 3600);
	CU_ASSERT_TRUE(tacit_daemon_trusts_clock(bench.daemon));
	wall_ms -= 300LL * 24 * HOUR_MS;
	ticks(&bench, 1);
	CU_ASSERT_FALSE(tacit_daemon_trusts_clock(bench.daemon));
	tacit_daemon_status(bench.daemon, &status);
	CU_ASSERT_EQUAL(status.windows, 7202);
	CU_ASSERT_EQUAL(status.unjudged, 0);
}

static void test_source_may_fail(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(7), .left = 100 };
	struct tacit_daemon_status status;

	use_puppet(&bench, &puppet);
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	ticks(&bench, 3);
	puppet.error = -EIO;
	CU_ASSERT_EQUAL(tacit_daemon_tick(bench.daemon), -EIO);
	puppet.error = 0;
	ticks(&bench, 3);
	tacit_daemon_status(bench.daemon, &status);
	CU_ASSERT_EQUAL(status.failed, 1);
	CU_ASSERT_EQUAL(status.windows, 6);
	CU_ASSERT_EQUAL(status.ticks, 7);
}

static void check_records(const char *name)
{
	PLACE(place);
	char path[512];
	struct tacit_window first;

	(void)snprintf(path, sizeof(path), "%s", place_file(&place, name));
	{
		BENCH(bench, &place);
		struct puppet puppet = { .behaviour = behaviour_new(8), .left = 4 };
		struct behaviour same = puppet.behaviour;

		first = behaviour_window(&same, "host");
		use_puppet(&bench, &puppet);
		bench.params.record_path = path;
		CU_ASSERT_EQUAL(bench_start(&bench), 0);
		ticks(&bench, 4);
	}
	TACIT_CLEANUP(replay_done) struct replay replay = replay_open(path);
	CU_ASSERT_TRUE(replay.more);
	CU_ASSERT_STRING_EQUAL(replay.next.window.scope, "host");
	CU_ASSERT_EQUAL(replay.next.window.end_ms, first.end_ms);
	CU_ASSERT_EQUAL(memcmp(replay.next.window.count, first.count, sizeof(first.count)), 0);
	while (replay.more)
		replay.more = tacit_recording_next(replay.recording, &replay.next, NULL) == 1;
	CU_ASSERT_EQUAL(tacit_recording_windows(replay.recording), 4);
	CU_ASSERT_FALSE(tacit_recording_is_cut_off(replay.recording));
}

static void test_records_what_it_sees(void)
{
	check_records("record.csv");
	check_records("record.tacit");
}

/* /dev/full takes nothing, ever. */
static void test_goes_on_when_it_cannot_record(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(8), .left = 40 };
	struct tacit_daemon_status status;

	use_puppet(&bench, &puppet);
	bench.params.record_path = "/dev/full";
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	ticks(&bench, 40);
	tacit_daemon_status(bench.daemon, &status);
	CU_ASSERT_EQUAL(status.windows, 40);
	CU_ASSERT_EQUAL(status.failed, 0);
	CU_ASSERT_EQUAL(tacit_recording_writer_lost(bench.daemon->record), 40);
	CU_ASSERT_EQUAL(bench.daemon->record_complaint.used, 1); /* one line, not forty */
}

static void test_sensing_may_be_off(void)
{
	PLACE(place);
	BENCH(bench, &place);

	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	ticks(&bench, 3);
	CU_ASSERT_PTR_NULL(tacit_daemon_sensor(bench.daemon));
	CU_ASSERT_PTR_NULL(tacit_daemon_participant(bench.daemon));
	CU_ASSERT_PTR_NOT_NULL(tacit_daemon_identity(bench.daemon));
}

static void test_damaged_database(void)
{
	PLACE(place);
	BENCH(bench, &place);
	struct puppet puppet = { .behaviour = behaviour_new(9), .left = 10 };

	(void)place_write(&place, "tacit.db", "garbage, and more garbage than that", 35);
	use_puppet(&bench, &puppet);
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	CU_ASSERT_PTR_NOT_NULL(tacit_store_aside(tacit_daemon_store(bench.daemon)));
	ticks(&bench, 3);
}

static void test_models_survive_a_restart(void)
{
	PLACE(place);
	struct puppet puppet = { .behaviour = behaviour_new(10), .left = 1000 };

	for (int life = 0; life < 2; life++) {
		BENCH(bench, &place);
		struct tacit_detect_counters counters;

		use_puppet(&bench, &puppet);
		CU_ASSERT_EQUAL(bench_start(&bench), 0);
		ticks(&bench, 100);
		CU_ASSERT_EQUAL(tacit_learner_flush(tacit_daemon_learner(bench.daemon), false), 0);
		tacit_detect_counters(tacit_daemon_detect(bench.daemon), &counters);
		CU_ASSERT_EQUAL(counters.warming > 0, life == 0);
		/* It is not told that it ends: as if it had been killed. */
	}
}

static void test_bad_places(void)
{
	PLACE(place);
	BENCH(bench, &place);

	tacit_free(bench.conf.state_dir);
	bench.conf.state_dir = tacit_strdup("/nonexistent/tacit");
	CU_ASSERT(bench_start(&bench) < 0);
	CU_ASSERT_PTR_NULL(bench.daemon);
	tacit_free(bench.conf.state_dir);
	bench.conf.state_dir = tacit_strdup(place.folder);
	bench.params.record_path = "/nonexistent/record.csv";
	CU_ASSERT_EQUAL(bench_start(&bench), -ENOENT);
	bench.params.record_path = NULL;
	tacit_free(bench.conf.control_socket);
	bench.conf.control_socket = tacit_strdup("/nonexistent/control");
	CU_ASSERT_EQUAL(bench_start(&bench), 0); /* deaf, but it watches */
}

static void test_out_of_memory(void)
{
	PLACE(place);
	int r = -ENOMEM, nth;

	for (nth = 0; r != 0 && nth < 500; nth++) {
		BENCH(bench, &place);

		bench.conf.uplink_enabled = true;
		unit_fail_alloc(nth);
		r = bench_start(&bench);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 10);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a recording's storm becomes one anomaly", test_recording_to_anomaly },
		{ "the loop runs to the end of its source, and saves", test_loop_runs_and_saves },
		{ "SIGTERM saves", test_signal_saves },
		{ "SIGHUP reads the configuration again", test_reload },
		{ "a window slept in is not judged", test_suspend },
		{ "a wall clock that was set is trusted late", test_wall_clock_is_trusted_late },
		{ "a source may fail", test_source_may_fail },
		{ "what is seen is recorded", test_records_what_it_sees },
		{ "it goes on when it cannot record", test_goes_on_when_it_cannot_record },
		{ "sensing may be off", test_sensing_may_be_off },
		{ "a damaged database does not stop it", test_damaged_database },
		{ "models survive a restart", test_models_survive_a_restart },
		{ "places that are not there", test_bad_places },
		{ "every allocation may fail", test_out_of_memory },
		{ NULL, NULL },
	};

	tacit_log_set_level(0);
	return unit_main("daemon", cases);
}
