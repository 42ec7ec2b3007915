/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <tacit/db.h>
#include <tacit/threshold.h>

#include "agent/learner.h"

#include "behaviour.h"
#include "place.h"
#include "unit.h"

#define RISK 1e-6
#define SEED ((const uint8_t *)"0123456789abcdef0123456789abcdef")

struct bench {
	struct tacit_store *store;
	struct tacit_learner *learner;
};

static const struct tacit_model_kind *gaussian(void)
{
	return tacit_model_kind_find("mixture");
}

static struct bench bench_open(const char *path, uint32_t scopes_max, size_t memory_bytes)
{
	struct tacit_store_params store = { .path = path, .seed = SEED };
	struct tacit_learner_params params = { .kind = gaussian(),
					       .memory_bytes = memory_bytes,
					       .scopes_max = scopes_max };
	struct bench bench = { 0 };

	CU_ASSERT_EQUAL(path ? tacit_store_open(&store, &bench.store) : 0, 0);
	params.store = bench.store;
	CU_ASSERT_EQUAL(tacit_learner_new(&params, &bench.learner), 0);
	return bench;
}

static void bench_done(struct bench *bench)
{
	tacit_learner_free(bench->learner);
	tacit_store_close(bench->store);
}

#define BENCH(name, path, scopes, memory)                                                          \
	TACIT_CLEANUP(bench_done) struct bench name = bench_open(path, scopes, memory)

static struct tacit_judgement teach(struct bench *bench, const struct tacit_window *window)
{
	struct tacit_judgement judgement = { 0 };

	CU_ASSERT_EQUAL(tacit_learner_judge(bench->learner, window, RISK, &judgement), 0);
	CU_ASSERT_EQUAL(tacit_learner_learn(bench->learner, window, &judgement), 0);
	return judgement;
}

static struct tacit_judgement teach_many(struct bench *bench, struct behaviour *behaviour,
					 const char *scope, int n)
{
	struct tacit_judgement judgement = { 0 };

	for (int i = 0; i < n; i++) {
		struct tacit_window window = behaviour_window(behaviour, scope);

		judgement = teach(bench, &window);
	}
	return judgement;
}

static struct tacit_judgement judge(struct bench *bench, const struct tacit_window *window)
{
	struct tacit_judgement judgement = { 0 };

	CU_ASSERT_EQUAL(tacit_learner_judge(bench->learner, window, RISK, &judgement), 0);
	return judgement;
}

static int64_t ask(struct bench *bench, const char *sql)
{
	struct tacit_db *db = tacit_store_db(bench->store);
	struct sqlite3_stmt *row = tacit_db_query(db, sql, "");
	int64_t value = -1;

	if (tacit_db_step(db, row) == 1)
		value = tacit_db_column_int(row, 0);
	CU_ASSERT_EQUAL(tacit_db_step(db, row), 0);
	return value;
}

static void test_warms_up(void)
{
	struct behaviour behaviour = behaviour_new(1);
	BENCH(bench, NULL, 0, 0);
	struct tacit_window window = behaviour_window(&behaviour, "a.service");
	struct tacit_judgement judgement = teach(&bench, &window);

	CU_ASSERT_FALSE(judgement.scored);
	CU_ASSERT_FALSE(judgement.has_threshold);
	judgement = teach_many(&bench, &behaviour, "a.service", 100);
	CU_ASSERT_TRUE(judgement.scored);
	CU_ASSERT_TRUE(judgement.has_threshold);
	CU_ASSERT_EQUAL(judgement.model_version, 0);
	CU_ASSERT_EQUAL(tacit_learner_scopes(bench.learner), 1);
	/* Nobody else's models know anything of it. */
	window = behaviour_window(&behaviour, "b.service");
	CU_ASSERT_FALSE(judge(&bench, &window).scored);
}

static void test_explains(void)
{
	struct behaviour behaviour = behaviour_new(2);
	BENCH(bench, NULL, 0, 1U << 20);
	struct tacit_judgement judgement;
	struct tacit_cause cause[5];
	struct tacit_window odd;
	bool renames = false, connects = false;
	double share = 0;
	int n;

	(void)teach_many(&bench, &behaviour, "host", 6000);
	odd = behaviour_odd(&behaviour, "host");
	judgement = judge(&bench, &odd);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		CU_ASSERT(judgement.score.value[i] > judgement.threshold[i]);
	n = tacit_learner_explain(bench.learner, &odd, TACIT_STATISTIC_DISTANCE, 5, cause);
	CU_ASSERT_EQUAL(n, 5);
	for (int i = 0; i < 2 && i < n; i++) {
		renames = renames || cause[i].feature == TACIT_FEATURE_SYSCALL_RENAME;
		connects = connects || cause[i].feature == TACIT_FEATURE_TCP_CONNECT_FAILED;
		share += cause[i].share;
		CU_ASSERT_EQUAL(cause[i].value, odd.count[cause[i].feature]);
		CU_ASSERT_DOUBLE_EQUAL(cause[i].expected, 0, 0.01);
		CU_ASSERT(cause[i].z > 10);
	}
	CU_ASSERT_TRUE(renames && connects);
	CU_ASSERT(share > 0.8);
	n = tacit_learner_explain(bench.learner, &odd, TACIT_STATISTIC_RARE, 5, cause);
	CU_ASSERT_EQUAL(n, 5);
	for (int i = 0; i < n; i++)
		CU_ASSERT(i < 2 ? cause[i].surprise > 7 : cause[i].surprise == 0);
	CU_ASSERT_EQUAL(
		tacit_learner_explain(bench.learner, &odd, TACIT_STATISTIC_DISTANCE, 0, cause), 0);
	(void)snprintf(odd.scope, sizeof(odd.scope), "absent");
	CU_ASSERT_EQUAL(
		tacit_learner_explain(bench.learner, &odd, TACIT_STATISTIC_DISTANCE, 5, cause),
		-ENOENT);
}

/* What was never seen is named even where the distance hardly notices it. */
static void test_names_what_was_never_seen(void)
{
	struct behaviour behaviour = behaviour_new(31);
	BENCH(bench, NULL, 0, 1U << 20);
	struct tacit_cause cause[8];
	struct tacit_window odd;
	bool named = false;
	int n;

	(void)teach_many(&bench, &behaviour, "host", 1000);
	odd = behaviour_window(&behaviour, "host");
	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i += 2)
		odd.count[i] *= 1000;
	odd.count[TACIT_FEATURE_TCP_CONNECT_FAILED] = 1;
	(void)judge(&bench, &odd);
	n = tacit_learner_explain(bench.learner, &odd, TACIT_STATISTIC_DISTANCE, 8, cause);
	CU_ASSERT_EQUAL(n, 8);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			CU_ASSERT(cause[i].share <= cause[i - 1].share || cause[i].surprise > 0);
		named |= cause[i].feature == TACIT_FEATURE_TCP_CONNECT_FAILED &&
			 cause[i].surprise > 7;
	}
	CU_ASSERT_TRUE(named);
}

/* A scope that never did anything, and then everything there is. */
static void test_largest_counts(void)
{
	struct behaviour behaviour = behaviour_new(33);
	BENCH(bench, NULL, 0, 1U << 20);
	struct tacit_window window = behaviour_window(&behaviour, "host");
	struct tacit_judgement judgement;
	struct tacit_cause cause[8];
	int n;

	memset(window.count, 0, sizeof(window.count));
	for (int i = 0; i < 100; i++)
		(void)teach(&bench, &window);
	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i++)
		window.count[i] = UINT64_MAX;
	judgement = judge(&bench, &window);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		CU_ASSERT(isfinite(judgement.score.value[i]) &&
			  judgement.score.value[i] > judgement.threshold[i] / 2);
	n = tacit_learner_explain(bench.learner, &window, TACIT_STATISTIC_RARE, 8, cause);
	CU_ASSERT_EQUAL(n, 8);
	for (int i = 0; i < n; i++)
		CU_ASSERT_DOUBLE_EQUAL(cause[i].surprise, log(101 / 0.5), 1e-6);
}

static void test_is_kept(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	struct behaviour behaviour = behaviour_new(3);
	struct tacit_judgement before, after;
	struct tacit_window window;

	{
		BENCH(bench, path, 0, 1U << 20);

		(void)teach_many(&bench, &behaviour, "host", 150);
		window = behaviour_window(&behaviour, "host");
		before = judge(&bench, &window);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	}
	{
		BENCH(bench, path, 0, 1U << 20);

		after = judge(&bench, &window);
		CU_ASSERT_EQUAL(ask(&bench, "SELECT windows FROM scope WHERE name = 'host'"), 150);
		CU_ASSERT_EQUAL(ask(&bench, "SELECT value FROM meta WHERE key = 'windows'"), 151);
	}
	CU_ASSERT_TRUE(after.has_threshold);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++) {
		/* A model may judge by a slightly older picture of itself than a loaded one. */
		CU_ASSERT_DOUBLE_EQUAL(after.score.value[i], before.score.value[i],
				       0.1 * before.score.value[i]);
		CU_ASSERT_DOUBLE_EQUAL(after.threshold[i] / before.threshold[i], 1, 0.2);
	}
}

static void test_old_scopes_are_saved_seldom(void)
{
	struct behaviour behaviour = behaviour_new(4);
	BENCH(bench, ":memory:", 0, 0);

	(void)teach_many(&bench, &behaviour, "host", 160);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT windows FROM scope"), 160);
	(void)teach_many(&bench, &behaviour, "host", 5);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT windows FROM scope"), 160);
	(void)teach_many(&bench, &behaviour, "host", 10);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT windows FROM scope"), 175);
	(void)teach_many(&bench, &behaviour, "host", 1);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT windows FROM scope"), 176);
}

static void test_thousands_of_scopes(void)
{
	PLACE(place);
	struct behaviour behaviour = behaviour_new(5);
	BENCH(bench, place_file(&place, "tacit.db"), 50, 0);
	struct tacit_model_info info;
	char name[32];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3000; i++) {
			(void)snprintf(name, sizeof(name), "run-%d.service", i);
			(void)teach_many(&bench, &behaviour, name, 1);
		}
	CU_ASSERT_EQUAL(tacit_learner_scopes(bench.learner), 50);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT count(*) FROM scope WHERE windows = 2"), 3000);
	CU_ASSERT_PTR_NULL(tacit_learner_model(bench.learner, "run-0.service"));
	(void)teach_many(&bench, &behaviour, "run-0.service", 1);
	gaussian()->info(tacit_learner_model(bench.learner, "run-0.service"), &info);
	CU_ASSERT_EQUAL(info.windows, 3);
}

static void on_info(void *ctx, const struct tacit_learner_info *info)
{
	*(struct tacit_learner_info *)ctx = *info;
}

static void test_one_name_is_one_scope(void)
{
	struct behaviour behaviour = behaviour_new(6);
	BENCH(bench, ":memory:", 0, 0);
	struct tacit_window window = behaviour_window(&behaviour, "a.service");
	struct tacit_learner_info info = { 0 };

	(void)teach(&bench, &window);
	(void)snprintf(window.class, sizeof(window.class), "other");
	(void)teach(&bench, &window);
	CU_ASSERT_EQUAL(tacit_learner_scopes(bench.learner), 1);
	tacit_learner_each(bench.learner, on_info, &info);
	CU_ASSERT_STRING_EQUAL(info.class, "other");
	CU_ASSERT_EQUAL(info.model.windows, 2);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT count(*) FROM scope WHERE class = 'other'"), 1);
}

static void spoil(const char *path, const char *sql)
{
	BENCH(bench, path, 0, 0);

	CU_ASSERT_EQUAL(tacit_db_run(tacit_store_db(bench.store), sql, ""), 0);
}

/* Length of one scope's blob of thresholds of a number of windows that was learned from. */
#define SQL_WITHOUT_LAST_THRESHOLD                                                                 \
	"UPDATE scope SET threshold = substr(threshold, 1, length(threshold) / 3 * 2)"

/* A store from before there were rare events: what it has is used, the new threshold begins. */
static void test_older_store_loads(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	struct behaviour behaviour = behaviour_new(32);
	struct tacit_window window;
	struct tacit_judgement judgement;

	{
		BENCH(bench, path, 0, 0);

		(void)teach_many(&bench, &behaviour, "host", 150);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	}
	spoil(path, SQL_WITHOUT_LAST_THRESHOLD);
	{
		BENCH(bench, path, 0, 0);

		window = behaviour_window(&behaviour, "host");
		judgement = judge(&bench, &window);
		CU_ASSERT_TRUE(judgement.scored);
		CU_ASSERT_FALSE(judgement.has_threshold);
		CU_ASSERT_EQUAL(tacit_store_skipped(bench.store), 0);
		judgement = teach_many(&bench, &behaviour, "host", TACIT_THRESHOLD_MIN + 1);
		CU_ASSERT_TRUE(judgement.has_threshold);
		CU_ASSERT(judgement.threshold[TACIT_STATISTIC_DISTANCE] > 10);
		CU_ASSERT(judgement.threshold[TACIT_STATISTIC_RARE] >= -log(RISK));
	}
}

static void test_damaged_models_begin_anew(void)
{
	static const struct {
		const char *sql;
		uint64_t skipped;
	} cases[] = {
		{ "UPDATE scope SET model = x'00010203'", 1 },
		{ "UPDATE scope SET model = substr(model, 1, length(model) - 1)", 1 },
		{ "UPDATE scope SET model = model || x'00'", 1 },
		{ "UPDATE scope SET threshold = x'ff'", 1 },
		{ "UPDATE scope SET threshold = NULL", 1 },
		{ "UPDATE scope SET threshold = threshold || x'00'", 1 },
		{ "UPDATE scope SET model = zeroblob(2000000)", 1 },
		{ "UPDATE scope SET class = printf('%.*c', 100, 'x')", 1 },
		{ "UPDATE scope SET kind = 'another'", 0 },
		{ "UPDATE scope SET model = NULL", 0 },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(cases); i++) {
		PLACE(place);
		const char *path = place_file(&place, "tacit.db");
		struct behaviour behaviour = behaviour_new(7 + i);
		struct tacit_window window = behaviour_window(&behaviour, "host");

		{
			BENCH(bench, path, 0, 0);

			(void)teach_many(&bench, &behaviour, "host", 60);
			CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
		}
		spoil(path, cases[i].sql);
		{
			BENCH(bench, path, 0, 0);

			CU_ASSERT_FALSE(judge(&bench, &window).scored);
			CU_ASSERT_TRUE(tacit_store_skipped(bench.store) >= cases[i].skipped);
			CU_ASSERT_TRUE(teach_many(&bench, &behaviour, "host", 60).scored);
			CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
		}
		{
			BENCH(bench, path, 0, 0);

			CU_ASSERT_TRUE(judge(&bench, &window).scored); /* whole again */
		}
	}
}

static void test_fleet_warms_a_new_host(void)
{
	static const char *const classes[] = { "a.service", "b.service" };
	struct behaviour behaviour = behaviour_new(20);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *reference = NULL;
	struct tacit_fleet *release = NULL;
	struct tacit_fleet_head head = { .version = 3 };
	TACIT_AUTO_FREE double *sum = NULL;
	struct tacit_window window;
	struct tacit_judgement judgement;
	BENCH(old, NULL, 0, 1U << 20);
	BENCH(new, NULL, 0, 1U << 20);

	CU_ASSERT_EQUAL(tacit_fleet_new(gaussian(), tacit_feature_space(), classes, 2, &reference),
			0);
	sum = TACIT_NEW_N(double, tacit_fleet_dimensions(reference));
	CU_ASSERT_EQUAL(tacit_learner_contribute(old.learner, reference, sum), 0);
	(void)teach_many(&old, &behaviour, "a.service", TACIT_LEARNER_CONTRIBUTE_MIN - 1);
	(void)teach_many(&old, &behaviour, "unknown.service", 300);
	CU_ASSERT_EQUAL(tacit_learner_contribute(old.learner, reference, sum), 0);
	(void)teach_many(&old, &behaviour, "a.service", 300);
	CU_ASSERT_EQUAL(tacit_learner_contribute(old.learner, reference, sum), 1);

	for (size_t i = 0; i < tacit_fleet_dimensions(reference); i++)
		sum[i] *= 50; /* as many hosts that are alike */
	CU_ASSERT_EQUAL(tacit_fleet_absorb(reference,
					   &(struct tacit_sum){ .value = sum, .updates = 50 },
					   &release),
			0);
	tacit_fleet_set_head(release, &head);

	window = behaviour_window(&behaviour, "a.service");
	CU_ASSERT_FALSE(judge(&new, &window).scored);
	CU_ASSERT_EQUAL(tacit_learner_set_fleet(new.learner, release, 30), 0);
	CU_ASSERT_PTR_EQUAL(tacit_learner_fleet(new.learner), release);
	judgement = judge(&new, &window);
	CU_ASSERT_TRUE(judgement.scored);
	CU_ASSERT_EQUAL(judgement.model_version, 3);
	CU_ASSERT_TRUE(judgement.has_threshold); /* from the first window on */
	CU_ASSERT(judgement.score.value[TACIT_STATISTIC_MAX_Z] <
		  judgement.threshold[TACIT_STATISTIC_MAX_Z]);
	window = behaviour_odd(&behaviour, "a.service");
	CU_ASSERT(judge(&new, &window).score.value[TACIT_STATISTIC_MAX_Z] >
		  judgement.threshold[TACIT_STATISTIC_MAX_Z]);
	CU_ASSERT(judge(&new, &window).score.value[TACIT_STATISTIC_MAX_Z] >
		  3 * judgement.score.value[TACIT_STATISTIC_MAX_Z]);
	window = behaviour_window(&behaviour, "unknown.service");
	CU_ASSERT_EQUAL(judge(&new, &window).model_version, 0);

	CU_ASSERT_EQUAL(tacit_learner_set_fleet(new.learner, NULL, 0), 0);
	window = behaviour_window(&behaviour, "a.service");
	CU_ASSERT_FALSE(judge(&new, &window).scored);
}

static void test_busy_scopes_are_promoted(void)
{
	struct behaviour behaviour = behaviour_new(21);
	size_t full = gaussian()->promoted_bytes(tacit_feature_space());
	BENCH(bench, NULL, 0, 2 * full + full / 2 + 20000);
	struct tacit_model_info info;
	struct tacit_window window;

	(void)teach_many(&bench, &behaviour, "host", 1);
	gaussian()->info(tacit_learner_model(bench.learner, "host"), &info);
	CU_ASSERT_TRUE(info.promoted);
	(void)teach_many(&bench, &behaviour, "busy", 40);
	for (int i = 0; i < 40; i++) {
		window = behaviour_window(&behaviour, "idle");
		memset(window.count, 0, sizeof(window.count));
		window.count[0] = 1;
		(void)teach(&bench, &window);
	}
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
	gaussian()->info(tacit_learner_model(bench.learner, "busy"), &info);
	CU_ASSERT_TRUE(info.promoted);
	gaussian()->info(tacit_learner_model(bench.learner, "idle"), &info);
	CU_ASSERT_FALSE(info.promoted);
}

/* A window of a service that does three things or does not: half of none, 0.5, never happens. */
static struct tacit_window at_work(struct behaviour *behaviour, double a, double b, double c)
{
	struct tacit_window window = behaviour_window(behaviour, TACIT_SCOPE_HOST);
	const double work[] = { a, b, c };

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i += 4)
		if (tacit_feature_get(i)->transform == TACIT_TRANSFORM_LOG1P)
			window.count[i] =
				(uint64_t)((double)window.count[i] * exp(4 * work[i / 4 % 3]));
	return window;
}

static double on_or_off(struct behaviour *behaviour)
{
	return behaviour_draw(behaviour) < 0.5;
}

static struct tacit_judgement live_in_states(struct bench *bench, struct behaviour *behaviour,
					     unsigned n, unsigned *alarms)
{
	struct tacit_judgement judgement = { 0 };

	for (unsigned i = 0; i < n; i++) {
		struct tacit_window window = at_work(behaviour, on_or_off(behaviour),
						     on_or_off(behaviour), on_or_off(behaviour));
		const double *value = judgement.score.value, *threshold = judgement.threshold;

		judgement = teach(bench, &window);
		*alarms += judgement.has_threshold &&
			   value[TACIT_STATISTIC_DISTANCE] > threshold[TACIT_STATISTIC_DISTANCE];
	}
	return judgement;
}

static void on_said(void *ctx, const struct tacit_learner_info *info)
{
	const char **said = (const char **)ctx;

	*said = info->fleet;
}

/* What nobody listed is told what the fleet knows of its slot. */
static void test_unlisted_has_a_slot(void)
{
	static const char *const classes[] = { TACIT_SCOPE_HOST, "slot:0.1" };
	static const struct tacit_fleet_head head = { .version = 3 };
	struct behaviour behaviour = behaviour_new(41);
	BENCH(bench, NULL, 0, 1U << 20);
	struct tacit_window window = behaviour_window(&behaviour, "unlisted.service");
	struct tacit_fleet *fleet = NULL;
	const char *said = NULL;

	CU_ASSERT_EQUAL_FATAL(
		tacit_fleet_new(gaussian(), tacit_feature_space(), classes, 2, &fleet), 0);
	tacit_fleet_set_head(fleet, &head);
	CU_ASSERT_EQUAL(tacit_learner_set_fleet(bench.learner, fleet, 30), 0);
	CU_ASSERT_EQUAL(judge(&bench, &window).model_version, 3);
	tacit_learner_each(bench.learner, on_said, &said);
	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	CU_ASSERT_STRING_EQUAL(said, "too few hosts");
}

static struct tacit_model_info info_of(struct bench *bench, const char *scope)
{
	struct tacit_model_info info = { 0 };

	gaussian()->info(tacit_learner_model(bench->learner, scope), &info);
	return info;
}

/* With plenty of windows a scope of two states is judged by a mixture. What lay in between and
 * was usual is an alarm then; what is in its states is none, though distances are others now. */
static void test_much_is_refined(void)
{
	PLACE(place);
	const char *path = place_file(&place, "tacit.db");
	struct behaviour behaviour = behaviour_new(11);
	struct tacit_judgement judgement;
	struct tacit_window between;
	unsigned alarms = 0, components;

	{
		BENCH(bench, path, 0, 1U << 20);

		(void)live_in_states(&bench, &behaviour, 10, &alarms);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
		(void)live_in_states(&bench, &behaviour, 4000, &alarms);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
		CU_ASSERT_EQUAL(info_of(&bench, TACIT_SCOPE_HOST).refined, 0);
		(void)live_in_states(&bench, &behaviour, 90, &alarms);
		between = at_work(&behaviour, 0.5, 0.5, 0.5);
		judgement = judge(&bench, &between);
		CU_ASSERT(judgement.score.value[TACIT_STATISTIC_DISTANCE] <
			  judgement.threshold[TACIT_STATISTIC_DISTANCE]);
		CU_ASSERT_EQUAL(tacit_store_flush(bench.store), 0);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
		CU_ASSERT_EQUAL(info_of(&bench, TACIT_SCOPE_HOST).refined, 0);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
		components = info_of(&bench, TACIT_SCOPE_HOST).components;
		CU_ASSERT_EQUAL(info_of(&bench, TACIT_SCOPE_HOST).refined, 4100);
		CU_ASSERT(components >= 2);
		judgement = judge(&bench, &between);
		CU_ASSERT(judgement.score.value[TACIT_STATISTIC_DISTANCE] >
			  judgement.threshold[TACIT_STATISTIC_DISTANCE]);
		alarms = 0;
		(void)live_in_states(&bench, &behaviour, 2000, &alarms);
		CU_ASSERT(alarms <= 2);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	}
	{
		BENCH(bench, path, 0, 1U << 20);

		judgement = judge(&bench, &between);
		CU_ASSERT(judgement.score.value[TACIT_STATISTIC_DISTANCE] >
			  judgement.threshold[TACIT_STATISTIC_DISTANCE]);
		CU_ASSERT_EQUAL(info_of(&bench, TACIT_SCOPE_HOST).components, components);
		(void)live_in_states(&bench, &behaviour, 2000, &alarms);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
		CU_ASSERT_EQUAL(info_of(&bench, TACIT_SCOPE_HOST).refined, 4100); /* not twice */
		(void)live_in_states(&bench, &behaviour, 200, &alarms);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
		CU_ASSERT_EQUAL(info_of(&bench, TACIT_SCOPE_HOST).refined, 8300);
	}
}

/* One at a time, and small ones never. */
static void test_one_is_refined_at_a_time(void)
{
	size_t full = gaussian()->promoted_bytes(tacit_feature_space());
	struct behaviour behaviour = behaviour_new(12);
	BENCH(bench, ":memory:", 0, 2 * full + full / 2);
	static const char *const names[] = { "a.service", "b.service", "c.service" };
	unsigned refined = 0;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(names); i++)
		(void)teach_many(&bench, &behaviour, names[i], 40);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0); /* two are promoted */
	for (size_t i = 0; i < TACIT_ARRAY_LEN(names); i++)
		(void)teach_many(&bench, &behaviour, names[i], 4100);
	CU_ASSERT_EQUAL(tacit_store_flush(bench.store), 0);
	for (unsigned flushes = 1; flushes <= 4; flushes++) {
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
		refined = 0;
		for (size_t i = 0; i < TACIT_ARRAY_LEN(names); i++)
			refined += info_of(&bench, names[i]).refined > 0;
		CU_ASSERT_EQUAL(refined, flushes < 2 ? flushes : 2);
	}
}

static void test_summaries(void)
{
	struct behaviour behaviour = behaviour_new(22);
	BENCH(bench, ":memory:", 0, 0);

	behaviour.now_ms -= behaviour.now_ms % 60000;
	(void)teach_many(&bench, &behaviour, "host", 60);
	tacit_learner_note_alarm(bench.learner, "host");
	tacit_learner_note_alarm(bench.learner, "absent");
	(void)teach_many(&bench, &behaviour, "host", 60);
	behaviour.now_ms -= 3600000; /* the clock is set back, and forward */
	(void)teach_many(&bench, &behaviour, "host", 60);
	behaviour.now_ms += 7200000;
	(void)teach_many(&bench, &behaviour, "host", 60);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT sum(windows) FROM minute"), 180);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT sum(windows) FROM minute"), 240);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT count(*) FROM minute"), 4);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT sum(alarms) FROM minute"), 1);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT count(*) FROM minute WHERE max_z > 0"), 4);
}

static void test_full_disk(void)
{
	PLACE(place);
	struct behaviour behaviour = behaviour_new(23);
	BENCH(bench, place_file(&place, "tacit.db"), 0, 0);
	char name[32];

	(void)ask(&bench, "PRAGMA max_page_count = 24");
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "s%d.service", i);
		CU_ASSERT_TRUE(teach_many(&bench, &behaviour, name, 60).scored);
	}
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), -ENOSPC);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT count(*) FROM scope WHERE model IS NOT NULL"), 0);
	(void)ask(&bench, "PRAGMA max_page_count = 100000");
	CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, true), 0);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT count(*) FROM scope WHERE windows = 60"), 40);
	CU_ASSERT(ask(&bench, "SELECT sum(windows) FROM minute") > 0);
}

static void test_idle_scopes_leave(void)
{
	struct behaviour behaviour = behaviour_new(24);
	BENCH(bench, ":memory:", 0, 0);

	(void)teach_many(&bench, &behaviour, "gone.service", 40);
	for (int i = 0; i <= 3600000 / TACIT_LEARNER_FLUSH_MS; i++) {
		CU_ASSERT_EQUAL(tacit_learner_scopes(bench.learner), i ? 2 : 1);
		(void)teach_many(&bench, &behaviour, "host", 1);
		CU_ASSERT_EQUAL(tacit_learner_flush(bench.learner, false), 0);
	}
	CU_ASSERT_EQUAL(tacit_learner_scopes(bench.learner), 1);
	CU_ASSERT_EQUAL(ask(&bench, "SELECT windows FROM scope WHERE name = 'gone.service'"), 40);
}

static int use(struct tacit_learner *learner, struct behaviour *behaviour)
{
	struct tacit_judgement judgement;
	int r = 0;

	for (int i = 0; r == 0 && i < 25; i++) {
		struct tacit_window window = behaviour_window(behaviour, "host");

		r = tacit_learner_judge(learner, &window, RISK, &judgement);
		if (r == 0)
			r = tacit_learner_learn(learner, &window, &judgement);
	}
	return r < 0 ? r : tacit_learner_flush(learner, true);
}

static void test_out_of_memory(void)
{
	struct behaviour behaviour = behaviour_new(25);
	BENCH(bench, ":memory:", 0, 1U << 20);
	int failures = 0;

	for (int nth = 0; nth < 200; nth++) {
		struct tacit_learner_params params = { .kind = gaussian(),
						       .store = bench.store,
						       .memory_bytes = 1U << 20 };
		TACIT_CLEANUP(tacit_learner_free_p) struct tacit_learner *learner = NULL;
		int r;

		unit_fail_alloc(nth);
		r = tacit_learner_new(&params, &learner);
		if (r == 0)
			r = use(learner, &behaviour);
		unit_fail_alloc(-1);
		failures += r == -ENOMEM;
		CU_ASSERT(r == 0 || r == -ENOMEM);
		if (learner) /* and it goes on as if nothing had been */
			CU_ASSERT_EQUAL(use(learner, &behaviour), 0);
	}
	CU_ASSERT(failures > 5);
}

static struct tacit_window asleep(void)
{
	struct tacit_window window = { .scope = "a.service",
				       .class = "a.service",
				       .end_ms = 1000000,
				       .length_ms = 1000,
				       .duty_permille = TACIT_DUTY_ALWAYS };

	memset(window.observed, 1, sizeof(window.observed));
	window.count[TACIT_FEATURE_SCHED_TASKS] = 10;
	window.count[TACIT_FEATURE_MEMORY_RESIDENT] = 246;
	return window;
}

/* As the daemon does with each window. Returns whether it had to be judged. */
static bool live(struct bench *bench, const struct tacit_window *window)
{
	struct tacit_judgement judgement = { 0 };

	if (tacit_learner_repeat(bench->learner, window))
		return false;
	judgement = teach(bench, window);
	if (judgement.has_threshold)
		tacit_learner_expect(bench->learner, window, &judgement);
	return true;
}

/* What is to the letter as before is not judged; the model is then as if it had been. */
static void test_sleep_is_learned_in_one_step(void)
{
	struct tacit_window idle = asleep(), busy = idle;
	BENCH(slow, NULL, 0, 0);
	BENCH(quick, NULL, 0, 0);
	struct tacit_judgement a, b;
	unsigned judged = 0;

	busy.count[TACIT_FEATURE_PROCESS_FORK] = 3;
	for (int i = 0; i < 400; i++) {
		const struct tacit_window *window = i % 50 == 49 ? &busy : &idle;

		(void)teach(&slow, window);
		judged += live(&quick, window);
	}
	CU_ASSERT(judged < 150);
	a = judge(&slow, &busy);
	b = judge(&quick, &busy);
	CU_ASSERT_DOUBLE_EQUAL(a.score.evidence, b.score.evidence, 1e-9);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		CU_ASSERT_DOUBLE_EQUAL(a.score.value[i], b.score.value[i],
				       1e-4 * (1 + a.score.value[i]));
}

static void test_what_differs_is_judged(void)
{
	struct tacit_window idle = asleep(), other;
	BENCH(bench, NULL, 0, 0);

	for (int i = 0; i < 200; i++)
		(void)live(&bench, &idle);
	CU_ASSERT_FALSE(live(&bench, &idle));
	other = idle;
	other.count[TACIT_FEATURE_SCHED_TASKS]++;
	CU_ASSERT_TRUE(live(&bench, &other));
	CU_ASSERT_TRUE(live(&bench, &idle)); /* it was not the last one */
	CU_ASSERT_FALSE(live(&bench, &idle));
	other = idle;
	other.observed[TACIT_PROBE_SYSCALL] = 0; /* the hook was not there */
	CU_ASSERT_TRUE(live(&bench, &other));
	CU_ASSERT_TRUE(live(&bench, &idle));
	CU_ASSERT_EQUAL(tacit_learner_set_fleet(bench.learner, NULL, 30), 0);
	CU_ASSERT_TRUE(live(&bench, &idle));
	for (unsigned i = 0; i < 20; i++) /* too much for a sleeper */
		other.count[TACIT_FEATURE_PROCESS_FORK + i] = 1;
	CU_ASSERT_TRUE(live(&bench, &other));
	CU_ASSERT_TRUE(live(&bench, &other));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a scope warms up, for itself", test_warms_up },
		{ "an odd window is explained", test_explains },
		{ "what was never seen is named", test_names_what_was_never_seen },
		{ "the largest counts there are", test_largest_counts },
		{ "an older store loads", test_older_store_loads },
		{ "what was learned is kept", test_is_kept },
		{ "old scopes are saved seldom, and at the end", test_old_scopes_are_saved_seldom },
		{ "thousands of scopes fit in little memory", test_thousands_of_scopes },
		{ "one name is one scope", test_one_name_is_one_scope },
		{ "damaged models begin anew", test_damaged_models_begin_anew },
		{ "the fleet's model warms a new host", test_fleet_warms_a_new_host },
		{ "what nobody listed has a slot", test_unlisted_has_a_slot },
		{ "busy scopes get full models while memory lasts", test_busy_scopes_are_promoted },
		{ "much is refined", test_much_is_refined },
		{ "one is refined at a time", test_one_is_refined_at_a_time },
		{ "minutes are summed up, whatever the clock does", test_summaries },
		{ "a full disk delays saving, no more", test_full_disk },
		{ "idle scopes leave memory, saved", test_idle_scopes_leave },
		{ "sleep is learned in one step", test_sleep_is_learned_in_one_step },
		{ "what differs is judged", test_what_differs_is_judged },
		{ "every allocation may fail", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("learner", cases);
}
