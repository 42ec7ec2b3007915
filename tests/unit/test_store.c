/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <tacit/db.h>

#include "agent/store.h"

#include "behaviour.h"
#include "place.h"
#include "unit.h"

#define SEED ((const uint8_t *)"0123456789abcdef0123456789abcdef")
#define DAY  ((int64_t)86400000)
#define NOW  ((int64_t)1795478400000)

static struct tacit_store *open_store(const char *path)
{
	struct tacit_store_params params = { .path = path, .seed = SEED };
	struct tacit_store *store = NULL;

	CU_ASSERT_EQUAL(tacit_store_open(&params, &store), 0);
	return store;
}

static void run(struct tacit_store *store, const char *sql)
{
	CU_ASSERT_EQUAL(tacit_db_run(tacit_store_db(store), sql, ""), 0);
}

static int64_t ask(struct tacit_store *store, const char *sql)
{
	struct tacit_db *db = tacit_store_db(store);
	struct sqlite3_stmt *row = tacit_db_query(db, sql, "");
	int64_t value = -1;

	if (tacit_db_step(db, row) == 1)
		value = tacit_db_column_int(row, 0);
	CU_ASSERT_EQUAL(tacit_db_step(db, row), 0);
	return value;
}

static int64_t put_scope(struct tacit_store *store, const char *name, int64_t last_ms,
			 size_t model_len)
{
	char *model = (char *)calloc(1, model_len + 1);
	struct tacit_store_scope scope = { .class = "web",
					   .windows = 7,
					   .last_ms = last_ms,
					   .kind = "gaussian",
					   .model = model,
					   .model_len = model_len,
					   .threshold = "tt",
					   .threshold_len = 2 };

	(void)snprintf(scope.name, sizeof(scope.name), "%s", name);
	CU_ASSERT_EQUAL(tacit_store_put_scope(store, &scope), 0);
	free(model);
	return scope.id;
}

static void copy_scope(void *ctx, const struct tacit_store_scope *scope)
{
	*(struct tacit_store_scope *)ctx = *scope;
}

static void expect_blobs(void *ctx, const struct tacit_store_scope *scope)
{
	CU_ASSERT_EQUAL(scope->model_len, 5);
	CU_ASSERT_EQUAL(scope->threshold_len, 2);
	CU_ASSERT(scope->threshold && memcmp(scope->threshold, "tt", 2) == 0);
	copy_scope(ctx, scope);
}

static void test_scopes(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(path);
	struct tacit_store_scope scope = { .id = -1 };
	int64_t id = put_scope(store, "nginx.service", NOW, 5);

	CU_ASSERT(id > 0);
	CU_ASSERT_EQUAL(put_scope(store, "nginx.service", NOW + 1, 5), id);
	CU_ASSERT_NOT_EQUAL(put_scope(store, "host", NOW, 5), id);
	CU_ASSERT_EQUAL(tacit_store_get_scope(store, "absent", copy_scope, &scope), -ENOENT);
	CU_ASSERT_EQUAL(scope.id, -1);

	tacit_store_close(TACIT_TAKE(store));
	store = open_store(path);
	CU_ASSERT_EQUAL(tacit_store_get_scope(store, "nginx.service", expect_blobs, &scope), 0);
	CU_ASSERT_EQUAL(scope.id, id);
	CU_ASSERT_EQUAL(scope.windows, 7);
	CU_ASSERT_EQUAL(scope.last_ms, NOW + 1);
	CU_ASSERT_STRING_EQUAL(scope.class, "web");
	CU_ASSERT_STRING_EQUAL(scope.kind, "gaussian");
	CU_ASSERT_EQUAL(tacit_store_each_scope(store, 1, copy_scope, &scope), 1);
	CU_ASSERT_STRING_EQUAL(scope.name, "nginx.service");
	CU_ASSERT_EQUAL(scope.model_len, 5);
	CU_ASSERT_PTR_NULL(scope.model);
	CU_ASSERT_PTR_NULL(tacit_store_aside(store));
}

static void test_meta(void)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(":memory:");
	TACIT_AUTO_FREE char *text = NULL;
	int64_t value = -1;

	CU_ASSERT_EQUAL(tacit_store_get_int(store, "n", &value), -ENOENT);
	CU_ASSERT_EQUAL(value, -1);
	CU_ASSERT_EQUAL(tacit_store_set_int(store, "n", 41), 0);
	CU_ASSERT_EQUAL(tacit_store_set_int(store, "n", INT64_MIN), 0);
	CU_ASSERT_EQUAL(tacit_store_get_int(store, "n", &value), 0);
	CU_ASSERT_EQUAL(value, INT64_MIN);
	CU_ASSERT_EQUAL(tacit_store_set_text(store, "t", "it's"), 0);
	CU_ASSERT_EQUAL(tacit_store_get_text(store, "t", &text), 0);
	CU_ASSERT(text && strcmp(text, "it's") == 0);
}

static void test_minutes_add_up(void)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(":memory:");
	struct tacit_store_minute minute = { .scope = 1,
					     .at_ms = NOW,
					     .windows = 60,
					     .alarms = 2,
					     .max_distance = 10,
					     .max_z = 3,
					     .max_rare = 7 };

	CU_ASSERT_EQUAL(tacit_store_put_minute(store, &minute), 0);
	minute.max_distance = 5;
	minute.max_z = 9;
	minute.max_rare = 6;
	CU_ASSERT_EQUAL(tacit_store_put_minute(store, &minute), 0); /* the clock was set back */
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM minute"), 1);
	CU_ASSERT_EQUAL(ask(store, "SELECT windows * 100 + alarms FROM minute"), 12004);
	CU_ASSERT_EQUAL(
		ask(store, "SELECT max_distance * 1000 + max_z * 10 + max_rare FROM minute"),
		10097);
}

struct sampled {
	int n;
	double sum_ms;
	struct tacit_window last;
};

static void on_sample(void *ctx, const struct tacit_window *window)
{
	struct sampled *sampled = (struct sampled *)ctx;

	sampled->n++;
	sampled->sum_ms += (double)(window->end_ms - NOW);
	sampled->last = *window;
}

static void offer(struct tacit_store *store, int64_t scope, uint32_t size, uint64_t first,
		  uint64_t end)
{
	struct behaviour behaviour = behaviour_new(1);

	for (uint64_t i = first; i < end; i++) {
		struct tacit_window window = behaviour_window(&behaviour, "host");

		window.end_ms = NOW + (int64_t)i;
		CU_ASSERT_EQUAL(tacit_store_sample(store, scope, size, i, &window), 0);
	}
	CU_ASSERT_EQUAL(tacit_store_flush(store), 0);
}

static void test_sample_is_uniform(void)
{
	static const uint32_t sizes[] = { TACIT_STORE_SAMPLE_FEW, TACIT_STORE_SAMPLE_MAX };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(sizes); i++) {
		PLACE(place);
		TACIT_CLEANUP(tacit_store_close_p)
		struct tacit_store *store = open_store(place_file(&place, "tacit.db"));
		int64_t id = put_scope(store, "host", NOW, 1);
		struct sampled sampled = { 0 };

		offer(store, id, sizes[i], 0, 4000);
		CU_ASSERT_EQUAL(tacit_store_each_sample(store, "host", on_sample, &sampled),
				(int)sizes[i]);
		/* A uniform draw from 0..3999 has a standard deviation of 1155. */
		CU_ASSERT_DOUBLE_EQUAL(sampled.sum_ms / sampled.n, 2000, 5 * 1155 / sqrt(sizes[i]));
	}
}

/* A scope whose sample becomes larger keeps what it had, and fills up. */
static void test_sample_grows(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_store_close_p)
	struct tacit_store *store = open_store(place_file(&place, "tacit.db"));
	int64_t id = put_scope(store, "host", NOW, 1), other = put_scope(store, "other", NOW, 1);
	struct sampled sampled = { 0 };

	offer(store, other, TACIT_STORE_SAMPLE_FEW, 0, 64);
	offer(store, id, TACIT_STORE_SAMPLE_FEW, 0, 500);
	offer(store, id, TACIT_STORE_SAMPLE_MAX, 500, 4000);
	CU_ASSERT(tacit_store_each_sample(store, "host", on_sample, &sampled) > 800);
	CU_ASSERT(ask(store, "SELECT count(*) FROM reservoir WHERE at_ms < 1795478400500") > 20);
	CU_ASSERT_EQUAL(tacit_store_each_sample(store, "other", on_sample, &sampled), 64);
}

/* Samples of when a scope had 64 places are found at their places among 1,024. */
static void test_old_samples_are_kept(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(path);
	struct sampled sampled = { 0 };
	int64_t id = 0;

	for (int i = 0; i < 40; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "scope-%d", i);
		id = put_scope(store, name, NOW, 1);
		offer(store, id, TACIT_STORE_SAMPLE_FEW, 0, 64);
	}
	run(store, "UPDATE reservoir SET id = -1 - (id / 1024 * 64 + id % 1024)");
	run(store, "UPDATE reservoir SET id = -1 - id");
	run(store, "ALTER TABLE secure DROP COLUMN document"); /* of the migration after that */
	run(store, "PRAGMA user_version = 4"); /* the number of migrations before that */
	tacit_store_close(TACIT_TAKE(store));
	store = open_store(path);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM reservoir"), 40 * 64);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM reservoir WHERE id = scope * 1024 +"
				   " at_ms - 1795478400000"),
			40 * 64);
	offer(store, id, TACIT_STORE_SAMPLE_MAX, 0, 64); /* written anew in their places */
	CU_ASSERT_EQUAL(tacit_store_each_sample(store, "scope-39", on_sample, &sampled), 64);
}

static void test_sample_is_kept_exactly(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(path);
	int64_t id = put_scope(store, "a", NOW, 1);
	struct behaviour behaviour = behaviour_new(2);
	struct tacit_window window = behaviour_window(&behaviour, "a");
	struct sampled sampled = { 0 };

	window.observed[3] = 0;
	window.count[0] = UINT64_MAX;
	CU_ASSERT_EQUAL(tacit_store_sample(store, id, 64, 0, &window), 0);
	CU_ASSERT_EQUAL(tacit_store_sample(store, id + 99, 64, 0, &window), 0); /* of no scope */
	tacit_store_close(TACIT_TAKE(store));
	store = open_store(path);
	CU_ASSERT_EQUAL(tacit_store_each_sample(store, "a", on_sample, &sampled), 1);
	CU_ASSERT_EQUAL(memcmp(sampled.last.count, window.count, sizeof(window.count)), 0);
	CU_ASSERT_EQUAL(memcmp(sampled.last.observed, window.observed, sizeof(window.observed)), 0);
	CU_ASSERT_EQUAL(sampled.last.length_ms, window.length_ms);
	CU_ASSERT_EQUAL(sampled.last.end_ms, window.end_ms);
	CU_ASSERT_STRING_EQUAL(sampled.last.class, "web");
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM reservoir"), 1);
}

static struct tacit_anomaly anomaly_at(int64_t start_ms)
{
	return (struct tacit_anomaly){ .scope = "nginx.service",
				       .class = "web",
				       .start_ms = start_ms,
				       .end_ms = start_ms + 1000,
				       .peak_ms = start_ms,
				       .windows = 2,
				       .statistic = TACIT_STATISTIC_MAX_Z,
				       .peak = 30.5,
				       .threshold = 9.25,
				       .model_version = 4,
				       .state = TACIT_ANOMALY_OPEN,
				       .detail = "{\"features\":[]}" };
}

struct listed {
	int n;
	struct tacit_anomaly first, last;
	char detail[64];
};

static void on_anomaly(void *ctx, const struct tacit_anomaly *anomaly)
{
	struct listed *listed = (struct listed *)ctx;

	if (listed->n++ == 0)
		listed->first = *anomaly;
	listed->last = *anomaly;
	(void)snprintf(listed->detail, sizeof(listed->detail), "%s", anomaly->detail);
}

static void test_anomalies(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(path);
	struct tacit_anomaly one = anomaly_at(NOW), two = anomaly_at(NOW + 5000);
	struct tacit_store_counts counts;
	struct listed listed = { 0 };

	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &one), 0);
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &two), 0);
	CU_ASSERT(one.id > 0 && two.id > one.id);
	one.windows = 5;
	one.end_ms += 3000;
	one.state = TACIT_ANOMALY_ENDED;
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &one), 0);
	CU_ASSERT_EQUAL(tacit_store_each_anomaly(store, 0, 10, on_anomaly, &listed), 2);
	CU_ASSERT_EQUAL(listed.first.id, two.id);
	CU_ASSERT_EQUAL(listed.last.windows, 5);

	tacit_store_close(TACIT_TAKE(store));
	store = open_store(path);
	CU_ASSERT_EQUAL(tacit_store_get_anomaly(store, two.id, on_anomaly, &listed), 0);
	CU_ASSERT_EQUAL(listed.last.state, TACIT_ANOMALY_INTERRUPTED);
	CU_ASSERT_EQUAL(listed.last.statistic, TACIT_STATISTIC_MAX_Z);
	CU_ASSERT_EQUAL(listed.last.peak, 30.5);
	CU_ASSERT_EQUAL(listed.last.threshold, 9.25);
	CU_ASSERT_EQUAL(listed.last.model_version, 4);
	CU_ASSERT_STRING_EQUAL(listed.last.scope, "nginx.service");
	CU_ASSERT_STRING_EQUAL(listed.detail, "{\"features\":[]}");
	CU_ASSERT_EQUAL(tacit_store_get_anomaly(store, one.id, on_anomaly, &listed), 0);
	CU_ASSERT_EQUAL(listed.last.state, TACIT_ANOMALY_ENDED);
	CU_ASSERT_EQUAL(tacit_store_get_anomaly(store, 999, on_anomaly, &listed), -ENOENT);
	CU_ASSERT_EQUAL(tacit_store_counts(store, NOW + 4500, &counts), 0);
	CU_ASSERT_EQUAL(counts.anomalies, 2);
	CU_ASSERT_EQUAL(counts.anomalies_since, 1);
	CU_ASSERT(counts.bytes > 0);
}

#define SAMPLE(values)                                                                             \
	"INSERT INTO reservoir(scope, at_ms, length_ms, observed, count) SELECT id, 1, " values    \
	" FROM scope WHERE name = 'good'"
#define OBSERVED "zeroblob(25)" /* one byte a probe */
_Static_assert(TACIT_PROBE_COUNT == 25, "OBSERVED says how many there are");

static const char *const nonsense[] = {
	"INSERT INTO scope(name, class, windows) VALUES('', 'c', 1)",
	"INSERT INTO scope(name, class, windows) VALUES('negative', 'c', -1)",
	"INSERT INTO scope(name, class) VALUES(printf('%.*c', 200, 'x'), 'c')",
	"INSERT INTO scope(name, class) VALUES('long class', printf('%.*c', 200, 'x'))",
	"INSERT INTO scope(name, class, kind) VALUES('long kind', 'c', printf('%.*c', 16, 'x'))",
	"INSERT INTO anomaly(scope_name) VALUES('')",
	"INSERT INTO anomaly(scope_name, statistic) VALUES('statistic', 2)",
	"INSERT INTO anomaly(scope_name, state) VALUES('state', 3)",
	"INSERT INTO anomaly(scope_name, peak) VALUES('peak', 9e999)",
	"INSERT INTO anomaly(scope_name, windows) VALUES('windows', -3)",
	"INSERT INTO anomaly(scope_name, start_ms, end_ms) VALUES('ends before', 5, 4)",
	"INSERT INTO anomaly(scope_name, detail) VALUES('detail', printf('%.*c', 9000, ' '))",
	SAMPLE("1, x'00', x'0001'"),			      /* too few probes */
	SAMPLE("-1, " OBSERVED ", x'0001'"),		      /* no length */
	SAMPLE("1, " OBSERVED ", x'00'"),		      /* zeros before nothing */
	SAMPLE("1, " OBSERVED ", x'0000'"),		      /* a zero that is counted */
	SAMPLE("1, " OBSERVED ", x'ff7f01'"),		      /* no such feature */
	SAMPLE("1, " OBSERVED ", x'00ffffffffffffffffff7f'"), /* more than 64 bits */
};

static void test_a_day(void)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(":memory:");
	struct tacit_store_minute minute = { .windows = 60 };
	struct tacit_anomaly anomaly = anomaly_at(NOW);
	struct tacit_store_watch watch;

	CU_ASSERT_EQUAL(tacit_store_watched(store, 0, &watch), 0);
	CU_ASSERT(watch.minutes == 0 && watch.episodes == 0);
	for (int i = 0; i < 5; i++)
		for (minute.scope = 1; minute.scope <= 3; minute.scope++) {
			minute.at_ms = NOW + i * 60000;
			CU_ASSERT_EQUAL(tacit_store_put_minute(store, &minute), 0);
		}
	for (int i = 0; i < 4; i++) {
		anomaly.id = 0;
		anomaly.end_ms = NOW + i * 60000;
		CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &anomaly), 0);
	}
	CU_ASSERT_EQUAL(tacit_store_watched(store, NOW + 120000, &watch), 0);
	CU_ASSERT_EQUAL(watch.minutes, 3); /* of all scopes together */
	CU_ASSERT_EQUAL(watch.episodes, 2);
}

static void test_nonsense_is_skipped(void)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(":memory:");
	struct tacit_anomaly good = anomaly_at(NOW);
	struct tacit_store_scope scope;
	struct sampled sampled = { 0 };
	struct listed listed = { 0 };

	(void)put_scope(store, "good", NOW, 5);
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &good), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(nonsense); i++)
		run(store, nonsense[i]);

	CU_ASSERT_EQUAL(tacit_store_each_scope(store, 100, copy_scope, &scope), 1);
	CU_ASSERT_STRING_EQUAL(scope.name, "good");
	CU_ASSERT_EQUAL(tacit_store_each_anomaly(store, INT64_MIN, 100, on_anomaly, &listed), 1);
	CU_ASSERT_EQUAL(listed.last.id, good.id);
	CU_ASSERT_EQUAL(tacit_store_each_sample(store, "good", on_sample, &sampled), 0);
	CU_ASSERT_EQUAL(tacit_store_get_scope(store, "negative", copy_scope, &scope),
			TACIT_EDAMAGED);
	/* An anomaly without an end is in no list, which asks for those that ended since. */
	CU_ASSERT_EQUAL(tacit_store_skipped(store), 5 + 1 + 6 + 1);
}

static void test_damaged_file_is_set_aside(void)
{
	PLACE(place);
	const char *path = place_write(&place, "tacit.db", "not a database at all, no...", 28);
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(path);
	TACIT_AUTO_FREE char *aside = NULL;
	int64_t at_ms = 0;

	CU_ASSERT_PTR_NOT_NULL(tacit_store_aside(store));
	CU_ASSERT_EQUAL(tacit_store_get_text(store, "aside", &aside), 0);
	CU_ASSERT(aside && access(aside, R_OK) == 0);
	CU_ASSERT_EQUAL(tacit_store_get_int(store, "aside_ms", &at_ms), 0);
	CU_ASSERT_EQUAL(tacit_store_get_int(store, "ledger_lost_ms", &at_ms), 0);
	CU_ASSERT(put_scope(store, "host", NOW, 5) > 0);
}

/* Overwrites whole pages, from @first (1-based) on. */
static void damage(const char *path, int64_t first, int64_t pages, int64_t page_bytes)
{
	TACIT_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	uint8_t page[4096];

	memset(page, 0xee, sizeof(page));
	for (int64_t i = first; i < first + pages; i++)
		CU_ASSERT_EQUAL(pwrite(fd, page, (size_t)page_bytes, (i - 1) * page_bytes),
				page_bytes);
}

/* A file with a charged round, its update, and models enough for many pages. */
static struct tacit_store *make_rich(const char *path)
{
	struct tacit_store *store = open_store(path);
	char name[32];

	run(store, "INSERT INTO ledger(round, aggregator, at_ms, mode, noise_multiplier, clip_norm,"
		   " rho, classes) VALUES(9, 'ca', 5, 'local', 1.5, 2.0, 0.25, 3)");
	run(store, "INSERT INTO round(aggregator, round, state, \"update\")"
		   " VALUES('ca', 9, 'prepared', x'54414355')");
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "s%d.service", i);
		(void)put_scope(store, name, NOW, 3000);
	}
	return store;
}

static void test_ledger_survives_damage_elsewhere(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = make_rich(path);
	int64_t pages = ask(store, "PRAGMA page_count"), bytes = ask(store, "PRAGMA page_size");
	int64_t lost_ms;

	tacit_store_close(TACIT_TAKE(store));
	damage(path, pages - 20, 20, bytes);
	store = open_store(path);
	CU_ASSERT_PTR_NOT_NULL(tacit_store_aside(store));
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM scope"), 0);
	CU_ASSERT_EQUAL(ask(store, "SELECT round FROM ledger WHERE rho = 0.25"
				   " AND aggregator = 'ca' AND noise_multiplier = 1.5"),
			9);
	CU_ASSERT_EQUAL(ask(store, "SELECT \"update\" = x'54414355' FROM round WHERE round = 9"),
			1);
	CU_ASSERT_EQUAL(tacit_store_get_int(store, "ledger_lost_ms", &lost_ms), -ENOENT);
}

static void test_lost_ledger_is_said(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = make_rich(path);
	int64_t page = ask(store, "SELECT rootpage FROM sqlite_schema WHERE name = 'ledger'");
	int64_t bytes = ask(store, "PRAGMA page_size"), lost_ms = 0;

	tacit_store_close(TACIT_TAKE(store));
	damage(path, page, 1, bytes);
	store = open_store(path);
	CU_ASSERT_EQUAL(tacit_store_get_int(store, "ledger_lost_ms", &lost_ms), 0);
	CU_ASSERT(lost_ms > 0);
}

static void test_readonly(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = NULL;
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *reader = NULL;
	struct tacit_anomaly anomaly = anomaly_at(NOW);
	struct listed listed = { 0 };

	CU_ASSERT_EQUAL(tacit_store_open_readonly(path, &reader), -ENOENT);
	store = open_store(path);
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &anomaly), 0);
	CU_ASSERT_EQUAL(tacit_store_open_readonly(path, &reader), 0);
	CU_ASSERT_EQUAL(tacit_store_each_anomaly(reader, 0, 10, on_anomaly, &listed), 1);
	CU_ASSERT_EQUAL(listed.last.state, TACIT_ANOMALY_OPEN); /* a reader ends no episode */
	CU_ASSERT(tacit_store_set_int(reader, "n", 1) < 0);
}

static void add_rows(struct tacit_store *store, int64_t first_ms, int n)
{
	struct tacit_db *db = tacit_store_db(store);
	int r = tacit_db_begin(db);

	for (int i = 0; r == 0 && i < n; i++) {
		struct tacit_store_minute minute = { .scope = 1,
						     .at_ms = first_ms + i * 60000LL,
						     .windows = 60 };
		struct tacit_anomaly anomaly = anomaly_at(first_ms + i * 60000LL);

		anomaly.state = TACIT_ANOMALY_ENDED;
		r = tacit_store_put_minute(store, &minute);
		if (r == 0)
			r = tacit_store_put_anomaly(store, &anomaly);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(tacit_db_commit(db), 0);
}

static void test_retention_by_age(void)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(":memory:");
	struct tacit_anomaly open = anomaly_at(NOW - 40 * DAY);
	int rounds = 0, r;

	run(store, "INSERT INTO ledger(round, aggregator, at_ms, mode, noise_multiplier, clip_norm,"
		   " rho) VALUES(1, 'ca', 5, 'local', 1, 1, 0.5)");
	(void)put_scope(store, "gone.service", NOW - 31 * DAY, 5);
	(void)put_scope(store, "here.service", NOW - 29 * DAY, 5);
	add_rows(store, NOW - 40 * DAY, 2500);
	add_rows(store, NOW - DAY, 10);
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &open), 0);

	CU_ASSERT_EQUAL(tacit_store_retain(store, NOW, 0, INT64_MAX), 0); /* not by age */
	while ((r = tacit_store_retain(store, NOW, 30 * DAY, INT64_MAX)) > 0) {
		CU_ASSERT(r <= 3000);
		rounds++;
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(rounds, 3);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM minute"), 10);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM anomaly"), 10 + 1); /* and the open one */
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM scope"), 1);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM ledger"), 1);
}

static void test_retention_by_size(void)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = open_store(":memory:");
	int64_t before = tacit_db_size_bytes(tacit_store_db(store)), newest;
	int r = 1;

	(void)put_scope(store, "host", NOW, 5);
	add_rows(store, NOW, 6000);
	newest = ask(store, "SELECT max(end_ms) FROM anomaly");
	CU_ASSERT_EQUAL(tacit_store_retain(store, NOW, 0, INT64_MAX), 0);
	while (r > 0)
		r = tacit_store_retain(store, NOW, 0, before + 200000);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(tacit_db_size_bytes(tacit_store_db(store)) <= before + 200000);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM minute"), 0); /* worth least */
	CU_ASSERT(ask(store, "SELECT count(*) FROM anomaly") > 100);
	CU_ASSERT_EQUAL(ask(store, "SELECT max(end_ms) FROM anomaly"), newest); /* oldest first */
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM scope"), 1);
	/* A limit that cannot be met must not loop for ever. */
	for (int i = 0; r >= 0 && i < 100; i++)
		r = tacit_store_retain(store, NOW, 0, 1);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(ask(store, "SELECT count(*) FROM scope"), 1);
}

static void test_full_disk(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_store_close_p)
	struct tacit_store *store = open_store(place_file(&place, "tacit.db"));
	struct behaviour behaviour = behaviour_new(3);
	int64_t id = put_scope(store, "host", NOW, 5);
	struct sampled sampled = { 0 };
	struct tacit_window window;
	int failed = 0;

	(void)ask(store, "PRAGMA max_page_count = 16"); /* what a full disk looks like from here */
	for (uint64_t i = 0; i < 1000; i++) {
		window = behaviour_window(&behaviour, "host");
		failed += tacit_store_sample(store, id, 64, i % 64, &window) == -ENOSPC;
	}
	CU_ASSERT(failed > 0);
	CU_ASSERT_EQUAL(tacit_store_flush(store), -ENOSPC);
	(void)ask(store, "PRAGMA max_page_count = 100000");
	CU_ASSERT_EQUAL(tacit_store_flush(store), 0);
	CU_ASSERT_EQUAL(tacit_store_sample(store, id, 64, 0, &window), 0);
	CU_ASSERT_EQUAL(tacit_store_flush(store), 0);
	CU_ASSERT(tacit_store_each_sample(store, "host", on_sample, &sampled) >= 1);
}

static int open_and_use(const char *path)
{
	struct tacit_store_params params = { .path = path, .seed = SEED };
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = NULL;
	TACIT_AUTO_FREE char *text = NULL;
	int r = tacit_store_open(&params, &store);

	if (r == 0)
		r = tacit_store_set_text(store, "t", "x");
	return r < 0 ? r : tacit_store_get_text(store, "t", &text);
}

static void test_out_of_memory(void)
{
	PLACE(place);
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 1000; nth++) {
		unit_fail_alloc(nth);
		r = open_and_use(place_file(&place, "tacit.db"));
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "scopes are kept by name", test_scopes },
		{ "meta", test_meta },
		{ "summaries of the same minute add up", test_minutes_add_up },
		{ "the sample is uniform and bounded", test_sample_is_uniform },
		{ "the sample may grow", test_sample_grows },
		{ "old samples are kept", test_old_samples_are_kept },
		{ "a sampled window comes back as it was", test_sample_is_kept_exactly },
		{ "anomalies grow, end, and are interrupted", test_anomalies },
		{ "a day", test_a_day },
		{ "rows that make no sense are skipped and counted", test_nonsense_is_skipped },
		{ "a damaged file is set aside", test_damaged_file_is_set_aside },
		{ "the ledger survives damage elsewhere", test_ledger_survives_damage_elsewhere },
		{ "a ledger that is lost is said to be", test_lost_ledger_is_said },
		{ "a reader changes nothing", test_readonly },
		{ "what is too old goes", test_retention_by_age },
		{ "what is too much goes, least worth first", test_retention_by_size },
		{ "a full disk costs samples, no more", test_full_disk },
		{ "every allocation may fail", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("store", cases);
}
