/* SPDX-License-Identifier: MIT */
#include "agent/report.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tacit/accountant.h>
#include <tacit/cleanup.h>
#include <tacit/feature.h>
#include <tacit/log.h>

#include "agent/daemon.h"
#include "agent/ledger.h"
#include "agent/render.h"

#include "place.h"
#include "unit.h"

#define NOW  ((int64_t)1795478400000) /* 2026-11-24T00:00:00Z */
#define HOUR ((int64_t)3600000)

/* A store in memory with the defaults of the configuration. */
struct desk {
	struct tacit_store *store;
	struct tacit_agent_conf conf;
};

static void desk_done(struct desk *desk)
{
	tacit_store_close(desk->store);
	tacit_agent_conf_done(&desk->conf);
}

static struct desk desk_new(void)
{
	const struct tacit_store_params params = { .path = ":memory:" };
	struct desk desk = { 0 };

	CU_ASSERT_EQUAL_FATAL(tacit_conf_init(tacit_agent_conf_schema(), &desk.conf), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_store_open(&params, &desk.store), 0);
	return desk;
}

#define DESK(name) TACIT_CLEANUP(desk_done) struct desk name = desk_new()

static struct tacit_report_source source_of(const struct desk *desk, const json_t *live)
{
	return (struct tacit_report_source){
		.store = desk->store, .conf = &desk->conf, .live = live, .now_ms = NOW
	};
}

static json_t *request(const struct desk *desk, const json_t *live, const char *json, int code)
{
	struct tacit_report_source source = source_of(desk, live);
	json_auto_t *asked = json_loads(json, 0, NULL);
	char why[256] = "";
	json_t *document = NULL;
	int r = tacit_report_request(&source, json_string_value(json_object_get(asked, "verb")),
				     asked, &document, why, sizeof(why));

	CU_ASSERT_EQUAL(r, code);
	CU_ASSERT_EQUAL(document == NULL, code != 0);
	return document;
}

static void put_anomaly(struct desk *desk, const char *scope, int64_t end_ms, const char *detail)
{
	struct tacit_anomaly anomaly = { .start_ms = end_ms - 5000,
					 .end_ms = end_ms,
					 .peak_ms = end_ms - 1000,
					 .windows = 5,
					 .statistic = TACIT_STATISTIC_MAX_Z,
					 .peak = 41.5,
					 .threshold = 6,
					 .model_version = 3,
					 .state = TACIT_ANOMALY_ENDED,
					 .detail = detail };

	(void)snprintf(anomaly.scope, sizeof(anomaly.scope), "%s", scope);
	(void)snprintf(anomaly.class, sizeof(anomaly.class), "web");
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(desk->store, &anomaly), 0);
}

#define DETAIL                                                                                     \
	"{\"features\":[{\"name\":\"syscall.rename\",\"unit\":\"calls\",\"value\":4000,"           \
	"\"expected\":0.5,\"z\":90.1,\"share\":0.75},{\"name\":\"no.longer\",\"value\":1,"         \
	"\"expected\":0,\"z\":1,\"share\":0.25}],\"evidence\":330,\"processes\":[{\"name\":"       \
	"\"nc\",\"execs\":2,\"new\":true}],\"distance\":900,"                                      \
	"\"distance_threshold\":200,\"max_z\":41.5,\"max_z_threshold\":6}"

static void spend(struct desk *desk, uint64_t round, double z)
{
	const struct tacit_ledger_limits limits = { .max_epsilon = 1000, .delta = 1e-6 };
	const struct tacit_ledger_entry entry = { .aggregator = "0123456789abcdef0123456789abcdef",
						  .round = round,
						  .mode = TACIT_MODE_LOCAL,
						  .noise_multiplier = z,
						  .clip_norm = 4,
						  .rho = 1 / (2 * z * z),
						  .model_version = round - 1,
						  .dimensions = 188,
						  .classes = 1 };

	CU_ASSERT_EQUAL(tacit_ledger_spend(tacit_store_db(desk->store), &entry, &limits, "update",
					   6, NOW - HOUR + (int64_t)round),
			0);
	CU_ASSERT_EQUAL(tacit_ledger_settle(tacit_store_db(desk->store), entry.aggregator, round,
					    TACIT_LEDGER_SENT),
			0);
}

/* A round whose noise was shared by eight. */
static void spend_shared(struct desk *desk, uint64_t round, double rho)
{
	const struct tacit_ledger_limits limits = { .max_epsilon = 1000, .delta = 1e-6 };
	struct tacit_db *db = tacit_store_db(desk->store);
	uint8_t byte = 1;
	const struct tacit_ledger_stand stand = {
		.round = round, .state = &byte, .state_len = 1, .message = &byte, .message_len = 1
	};
	const struct tacit_ledger_entry entry = { .aggregator = "0123456789abcdef0123456789abcdef",
						  .round = round,
						  .mode = TACIT_MODE_DISTRIBUTED,
						  .noise_multiplier = 2,
						  .clip_norm = 4,
						  .rho = rho,
						  .dimensions = 188,
						  .classes = 1,
						  .hosts = 8 };

	CU_ASSERT_EQUAL(tacit_ledger_join(db, entry.aggregator, &stand, NOW - HOUR), 0);
	CU_ASSERT_EQUAL(tacit_ledger_mask(db, &entry, &limits, &stand, NOW), 0);
	CU_ASSERT_EQUAL(tacit_ledger_leave(db, entry.aggregator, round, TACIT_LEDGER_SENT), 0);
}

/* What scripts hold on to: every member that is promised is there, whoever answers. */
static void expect_members(const json_t *status)
{
	static const char *const strings[] = { "tacit", "at", "source", "sensor.tier",
					       "model.kind" };
	static const char *const integers[] = { "sensor.features_observed", "sensor.features_total",
						"sensor.dropped",	    "windows.count",
						"windows.length_ms",	    "model.version",
						"privacy.rounds",	    "anomalies.last_24h" };
	static const char *const others[] = { "host.id",
					      "host.enrolled",
					      "windows.last",
					      "model.sha256",
					      "privacy.epsilon",
					      "privacy.delta",
					      "privacy.max_epsilon",
					      "uplink.last_ok",
					      "uplink.last_error",
					      "daemon.running",
					      "scopes" };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(strings); i++)
		CU_ASSERT_TRUE(json_is_string(tacit_render_at(status, strings[i])));
	for (size_t i = 0; i < TACIT_ARRAY_LEN(integers); i++)
		CU_ASSERT_TRUE(json_is_integer(tacit_render_at(status, integers[i])));
	for (size_t i = 0; i < TACIT_ARRAY_LEN(others); i++)
		CU_ASSERT_PTR_NOT_NULL(tacit_render_at(status, others[i]));
}

static void test_status_of_nothing(void)
{
	DESK(desk);
	json_auto_t *status = request(&desk, NULL, "{\"verb\":\"status\"}", 0);

	expect_members(status);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "source"), "database");
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "at"), "2026-11-24T00:00:00.000Z");
	CU_ASSERT_TRUE(json_is_false(tacit_render_at(status, "daemon.running")));
	CU_ASSERT_TRUE(json_is_false(tacit_render_at(status, "host.enrolled")));
	CU_ASSERT_TRUE(json_is_null(tacit_render_at(status, "windows.last")));
	CU_ASSERT_EQUAL(tacit_render_int_at(status, "sensor.features_total"), TACIT_FEATURE_COUNT);
	CU_ASSERT_EQUAL(tacit_render_real_at(status, "privacy.epsilon"), 0);
}

static void test_status_live(void)
{
	DESK(desk);
	json_auto_t *live = json_loads(
		"{\"daemon\":{\"pid\":7},\"host\":{\"id\":\"ab\",\"enrolled\":true},"
		"\"sensor\":{\"tier\":\"light\",\"features_observed\":57,\"dropped\":3},"
		"\"windows\":{\"count\":12,\"last\":\"2026-11-24T00:00:00.000Z\"},"
		"\"uplink\":{\"state\":\"wait\",\"next\":\"2026-11-24T00:01:00.000Z\"},"
		"\"scopes\":[{\"name\":\"a.service\",\"class\":\"a\",\"windows\":9,\"prior\":30}]}",
		0, NULL);
	struct tacit_store_scope scope = { .windows = 4, .last_ms = NOW - HOUR };
	json_auto_t *status = NULL;

	(void)strcpy(scope.name, "a.service");
	(void)strcpy(scope.class, "a");
	CU_ASSERT_EQUAL(tacit_store_put_scope(desk.store, &scope), 0);
	(void)strcpy(scope.name, "\xff.service"); /* a cgroup may be called anything */
	scope.last_ms = NOW - 2 * HOUR;
	CU_ASSERT_EQUAL(tacit_store_put_scope(desk.store, &scope), 0);

	status = request(&desk, live, "{\"verb\":\"status\"}", 0);
	expect_members(status);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "source"), "daemon");
	CU_ASSERT_TRUE(tacit_render_is(status, "daemon.running"));
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "sensor.tier"), "light");
	CU_ASSERT_EQUAL(tacit_render_int_at(status, "windows.count"), 12);
	CU_ASSERT_EQUAL(json_array_size(tacit_render_at(status, "scopes")), 2);

	/* What is in memory lies over what is stored. */
	const json_t *first = json_array_get(tacit_render_at(status, "scopes"), 0);
	const json_t *second = json_array_get(tacit_render_at(status, "scopes"), 1);

	CU_ASSERT_EQUAL(tacit_render_int_at(first, "windows"), 9);
	CU_ASSERT_EQUAL(tacit_render_int_at(first, "prior"), 30);
	CU_ASSERT_TRUE(json_is_string(tacit_render_at(first, "last")));
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(second, "name"), "?.service");
}

/* The daemon's last words are repeated, but for what it will not do any more. */
static void test_status_last_words(void)
{
	DESK(desk);
	json_auto_t *status = NULL;

	CU_ASSERT_EQUAL(tacit_store_set_text(desk.store, "live",
					     "{\"daemon\":{\"pid\":7},\"host\":{\"id\":\"ab\"},"
					     "\"windows\":{\"count\":12},\"uplink\":{\"state\":"
					     "\"wait\",\"next\":\"2026-11-24T00:01:00.000Z\"}}"),
			0);
	CU_ASSERT_EQUAL(tacit_store_set_int(desk.store, "windows", 40), 0);
	status = request(&desk, NULL, "{\"verb\":\"status\"}", 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "host.id"), "ab");
	CU_ASSERT_EQUAL(tacit_render_int_at(status, "windows.count"), 40);
	CU_ASSERT_TRUE(json_is_null(tacit_render_at(status, "uplink.next")));
	CU_ASSERT_TRUE(json_is_null(tacit_render_at(status, "daemon.pid")));
	json_decref(status);

	CU_ASSERT_EQUAL(tacit_store_set_text(desk.store, "live", "[\"damaged"), 0);
	status = request(&desk, NULL, "{\"verb\":\"status\"}", 0);
	expect_members(status);
}

static void test_anomalies(void)
{
	DESK(desk);
	json_auto_t *all = NULL, *recent = NULL;
	const json_t *newest;

	put_anomaly(&desk, "old.service", NOW - 48 * HOUR, DETAIL);
	put_anomaly(&desk, "odd\xff", NOW - 2 * HOUR, "not JSON");
	put_anomaly(&desk, "nginx.service", NOW - HOUR, DETAIL);

	recent = request(&desk, NULL, "{\"verb\":\"anomalies\"}", 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(recent, "total"), 2);
	newest = json_array_get(tacit_render_at(recent, "anomalies"), 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(newest, "scope"), "nginx.service");
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(newest, "statistic"), "max_z");
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(newest, "end"), "2026-11-23T23:00:00.000Z");
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_array_get(tacit_render_at(newest, "causes"), 0)),
		"syscall.rename");
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_array_get(tacit_render_at(newest, "programs"), 0)), "nc");

	all = request(&desk, NULL, "{\"verb\":\"anomalies\",\"since_ms\":0,\"limit\":1}", 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(all, "total"), 3);
	CU_ASSERT_EQUAL(json_array_size(tacit_render_at(all, "anomalies")), 1);
}

static void test_explain(void)
{
	DESK(desk);
	json_auto_t *last = NULL, *first = NULL;
	const json_t *feature, *process;

	CU_ASSERT_PTR_NULL(request(&desk, NULL, "{\"verb\":\"explain\"}", -ENOENT));
	put_anomaly(&desk, "damaged.service", NOW - 2 * HOUR, "{");
	put_anomaly(&desk, "nginx.service", NOW - HOUR, DETAIL);
	CU_ASSERT_PTR_NULL(request(&desk, NULL, "{\"verb\":\"explain\",\"id\":9}", -ENOENT));

	last = request(&desk, NULL, "{\"verb\":\"explain\"}", 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(last, "anomaly.id"), 2);
	CU_ASSERT_EQUAL(tacit_render_int_at(last, "anomaly.evidence"), 330);
	feature = json_array_get(tacit_render_at(last, "anomaly.features"), 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(feature, "value"), 4000);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(feature, "doc"),
			       tacit_feature_get(TACIT_FEATURE_SYSCALL_RENAME)->doc);
	feature = json_array_get(tacit_render_at(last, "anomaly.features"), 1);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(feature, "doc"), "");
	process = json_array_get(tacit_render_at(last, "anomaly.processes"), 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(process, "name"), "nc");
	CU_ASSERT_EQUAL(tacit_render_int_at(process, "execs"), 2);

	first = request(&desk, NULL, "{\"verb\":\"explain\",\"id\":1}", 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(first, "anomaly.scope"), "damaged.service");
}

static void test_privacy(void)
{
	DESK(desk);
	json_auto_t *privacy = NULL;
	const json_t *charge;
	double both = 2 * 1 / (2 * 2.0 * 2.0);

	spend(&desk, 1, 2);
	spend(&desk, 2, 2);
	CU_ASSERT_EQUAL(tacit_ledger_refuse(tacit_store_db(desk.store), "0123456789abcdef", 3,
					    "noise 0.1 is below 0.3", NOW),
			0);
	desk.conf.privacy_min_cohort = 4;
	privacy = request(&desk, NULL, "{\"verb\":\"privacy\"}", 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(privacy, "rounds"), 2);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(privacy, "epsilon"),
			       tacit_zcdp_epsilon(both, 1e-6), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(privacy, "remaining"),
			       desk.conf.privacy_max_epsilon - tacit_zcdp_epsilon(both, 1e-6),
			       1e-9);

	/* Newest first, with what it came to by then. */
	charge = json_array_get(tacit_render_at(privacy, "charges"), 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(charge, "round"), 2);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(charge, "state"), "sent");
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(charge, "aggregator"), "0123456789abcdef");
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(charge, "epsilon"),
			       tacit_zcdp_epsilon(both / 2, 1e-6), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(charge, "epsilon_so_far"),
			       tacit_zcdp_epsilon(both, 1e-6), 1e-9);

	/* The two guarantees are told apart. */
	charge = json_array_get(tacit_render_at(privacy, "guarantees"), 0);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(charge, "epsilon"),
			       tacit_zcdp_epsilon(both, 1e-6), 1e-9);
	charge = json_array_get(tacit_render_at(privacy, "guarantees"), 1);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(charge, "epsilon"),
			       tacit_zcdp_epsilon(both / 4, 1e-6), 1e-9);

	CU_ASSERT_EQUAL(json_array_size(tacit_render_at(privacy, "refused_rounds")), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(tacit_render_text_at(privacy, "last_refusal"), "below 0.3"));
}

/* A ledger that cannot be true has spent everything; JSON has no infinity. */
static void test_privacy_of_shared_noise(void)
{
	DESK(desk);
	json_auto_t *privacy = NULL;
	json_auto_t *status = NULL;
	const json_t *part;

	spend(&desk, 1, 2);
	spend_shared(&desk, 2, 0.25);
	desk.conf.privacy_min_cohort = 4;
	privacy = request(&desk, NULL, "{\"verb\":\"privacy\"}", 0);
	part = json_array_get(tacit_render_at(privacy, "charges"), 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(part, "mode"), "distributed");
	CU_ASSERT_EQUAL(tacit_render_int_at(part, "hosts"), 8);
	part = json_array_get(tacit_render_at(privacy, "charges"), 1);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(part, "mode"), "local");
	CU_ASSERT_EQUAL(tacit_render_int_at(part, "hosts"), 1);

	/* Others' noise is added to that of local rounds; shared noise is in a sum once. */
	part = json_array_get(tacit_render_at(privacy, "guarantees"), 0);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(part, "epsilon"),
			       tacit_zcdp_epsilon(0.125 + 0.25, 1e-6), 1e-9);
	CU_ASSERT_PTR_NOT_NULL(strstr(tacit_render_text_at(part, "meaning"),
				      "In 1 of 2 rounds the noise was shared, by 8 honest hosts"));
	part = json_array_get(tacit_render_at(privacy, "guarantees"), 1);
	CU_ASSERT_DOUBLE_EQUAL(tacit_render_real_at(part, "epsilon"),
			       tacit_zcdp_epsilon(0.125 / 4 + 0.25, 1e-6), 1e-9);

	status = request(&desk, NULL, "{\"verb\":\"status\"}", 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "privacy.last_mode"), "distributed");
	CU_ASSERT_EQUAL(tacit_render_int_at(status, "privacy.last_hosts"), 8);
}

static void test_privacy_damaged(void)
{
	DESK(desk);
	json_auto_t *privacy = NULL;

	CU_ASSERT_EQUAL(
		tacit_db_run(tacit_store_db(desk.store),
			     "INSERT INTO ledger VALUES(1, x'ff', 0, x'ff', 9e999, 1, 9e999, 1, 1)",
			     ""),
		0);
	privacy = request(&desk, NULL, "{\"verb\":\"privacy\"}", 0);
	CU_ASSERT_TRUE(json_is_null(tacit_render_at(privacy, "epsilon")));
	CU_ASSERT_EQUAL(tacit_render_real_at(privacy, "remaining"), 0);
	CU_ASSERT_EQUAL(json_array_size(tacit_render_at(privacy, "charges")), 1);
}

static void test_model(void)
{
	static const char sha[] =
		"b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";
	DESK(desk);
	struct tacit_store_scope scope = { .windows = 4,
					   .model = "x",
					   .model_len = 1,
					   .threshold = "damaged",
					   .threshold_len = 7 };
	json_auto_t *model = NULL;

	(void)strcpy(scope.name, "a.service");
	(void)strcpy(scope.class, "a");
	CU_ASSERT_EQUAL(tacit_store_put_scope(desk.store, &scope), 0);
	CU_ASSERT_EQUAL(tacit_db_run(tacit_store_db(desk.store),
				     "INSERT INTO release(version, sha256, round, at_ms, data)"
				     " VALUES(3, ?, 7, ?, ?)",
				     "tib", sha, NOW - HOUR, "model", (size_t)5),
			0);
	model = request(&desk, NULL, "{\"verb\":\"model\"}", 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(model, "model.version"), 3);
	CU_ASSERT_EQUAL(tacit_render_int_at(model, "model.bytes"), 5);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(model, "model.sha256"), sha);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(model, "model.released"),
			       "2026-11-23T23:00:00.000Z");
	CU_ASSERT_TRUE(json_is_null(tacit_render_at(
		json_array_get(tacit_render_at(model, "scopes"), 0), "thresholds")));
}

/* The table is there with no store at all; what is observed is then unknown. */
static void test_features(void)
{
	DESK(desk);
	struct tacit_report_source source = source_of(&desk, NULL);
	json_auto_t *live =
		json_loads("{\"sensor\":{\"probes\":[{\"program\":\"on_fork\",\"observed\":true},"
			   "{\"program\":\"on_oom\",\"observed\":false,\"reason\":\"too old\"}]}}",
			   0, NULL);
	json_auto_t *features = NULL, *observed = NULL;

	source.store = NULL;
	CU_ASSERT_EQUAL(tacit_report_features(&source, &features), 0);
	CU_ASSERT_EQUAL(json_array_size(tacit_render_at(features, "features")),
			TACIT_FEATURE_COUNT);
	CU_ASSERT_EQUAL(tacit_render_int_at(features, "observed"), 0);
	CU_ASSERT_TRUE(json_is_null(tacit_render_at(
		json_array_get(tacit_render_at(features, "features"), 0), "observed")));

	observed = request(&desk, live, "{\"verb\":\"features\"}", 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(observed, "observed"),
			3); /* processes, threads, namespaces */
	CU_ASSERT_STRING_EQUAL(
		tacit_render_text_at(json_array_get(tacit_render_at(observed, "features"),
						    TACIT_FEATURE_MEMORY_OOM),
				     "reason"),
		"too old");
}

static void test_hostile_requests(void)
{
	DESK(desk);

	(void)request(&desk, NULL, "{\"verb\":\"sing\"}", -ENOSYS);
	(void)request(&desk, NULL, "{\"verb\":\"anomalies\",\"limit\":0}", -EINVAL);
	(void)request(&desk, NULL, "{\"verb\":\"anomalies\",\"limit\":1001}", -EINVAL);
	(void)request(&desk, NULL, "{\"verb\":\"anomalies\",\"limit\":1.5}", -EINVAL);
	(void)request(&desk, NULL, "{\"verb\":\"anomalies\",\"since_ms\":-1}", -EINVAL);
	(void)request(&desk, NULL, "{\"verb\":\"anomalies\",\"since_ms\":\"now\"}", -EINVAL);
	(void)request(&desk, NULL, "{\"verb\":\"explain\",\"id\":null}", -EINVAL);
	(void)request(&desk, NULL, "{\"verb\":\"explain\",\"id\":-1}", -EINVAL);
}

static void *allocate(size_t size)
{
	return tacit_calloc(1, size);
}

/* Every document, every allocation failing once: an error or a whole document, nothing between. */
static void test_out_of_memory(void)
{
	static const char *const verbs[] = { "status",	 "model",   "privacy",
					     "features", "explain", "anomalies" };
	DESK(desk);
	struct tacit_report_source source = source_of(&desk, NULL);
	json_auto_t *empty = json_object();

	put_anomaly(&desk, "nginx.service", NOW - HOUR, DETAIL);
	spend(&desk, 1, 2);
	json_set_alloc_funcs(allocate, tacit_free);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(verbs); i++) {
		int nth = 0, r;

		do {
			json_t *document = NULL;

			unit_fail_alloc(nth++);
			r = tacit_report_request(&source, verbs[i], empty, &document, NULL, 0);
			unit_fail_alloc(-1);
			CU_ASSERT_TRUE(r == 0 || r == -ENOMEM);
			CU_ASSERT_EQUAL(document == NULL, r < 0);
			json_decref(document);
		} while (r < 0 && nth < 10000);
	}
}

static int no_windows(void *ctx, tacit_window_fn *fn, void *fn_ctx)
{
	(void)ctx, (void)fn, (void)fn_ctx;
	return 0;
}

/* The daemon itself answers, remembers, and keeps tokens to itself. */
static void test_daemon(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_agent_conf_done) struct tacit_agent_conf conf = { 0 };
	TACIT_CLEANUP(tacit_daemon_free_p) struct tacit_daemon *daemon = NULL;
	struct tacit_daemon_params params = { .conf = &conf, .source = { .drain = no_windows } };
	json_auto_t *empty = json_object(), *status = NULL, *wrong = NULL, *unwanted = NULL;
	char text[256], why[256] = "";
	int n = snprintf(text, sizeof(text),
			 "state_dir = %s\ncontrol_socket = %s/control\n"
			 "uplink.enabled = no\n",
			 place.folder, place.folder);

	CU_ASSERT_EQUAL_FATAL(
		tacit_agent_conf_load(&conf, place_write(&place, "conf", text, (size_t)n), 0, NULL),
		0);
	CU_ASSERT_EQUAL_FATAL(tacit_daemon_new(&params, &daemon), 0);
	CU_ASSERT_EQUAL(tacit_report_answer(daemon, "status", empty, &status, why, sizeof(why)), 0);
	expect_members(status);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status, "source"), "daemon");
	CU_ASSERT_TRUE(tacit_render_int_at(status, "daemon.pid") > 0);
	CU_ASSERT_TRUE(json_is_false(tacit_render_at(status, "uplink.enabled")));

	wrong = json_pack("{s:s}", "token", "tacit1.c2VjcmV0");
	CU_ASSERT_TRUE(tacit_report_answer(daemon, "enroll", wrong, &unwanted, why, sizeof(why)) <
		       0);
	CU_ASSERT_TRUE(why[0] != '\0' && !strstr(why, "c2VjcmV0"));
	CU_ASSERT_PTR_NULL(unwanted);
	CU_ASSERT_EQUAL(tacit_report_answer(daemon, "sing", empty, &unwanted, why, sizeof(why)),
			-ENOSYS);

	CU_ASSERT_EQUAL(tacit_report_save(daemon), 0);
	struct tacit_report_source source = { .store = tacit_daemon_store(daemon),
					      .conf = &conf,
					      .now_ms = NOW };
	json_auto_t *later = NULL;

	CU_ASSERT_EQUAL(tacit_report_status(&source, &later), 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(later, "source"), "database");
	CU_ASSERT_TRUE(json_is_string(tacit_render_at(later, "daemon.said")));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "status of an empty store", test_status_of_nothing },
		{ "status of a running daemon", test_status_live },
		{ "status after its last words", test_status_last_words },
		{ "anomalies", test_anomalies },
		{ "explain", test_explain },
		{ "privacy", test_privacy },
		{ "privacy of shared noise", test_privacy_of_shared_noise },
		{ "a ledger that cannot be true", test_privacy_damaged },
		{ "model", test_model },
		{ "features", test_features },
		{ "hostile requests", test_hostile_requests },
		{ "out of memory", test_out_of_memory },
		{ "the daemon answers", test_daemon },
		{ NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("report", cases);
}
