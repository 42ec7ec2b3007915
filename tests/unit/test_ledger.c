/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include <tacit/accountant.h>

#include "agent/ledger.h"
#include "agent/store.h"
#include "unit.h"

#include "place.h"

#define HERE  "aa"
#define THERE "bb"

static const struct tacit_ledger_limits limits = { .max_epsilon = 8, .delta = 1e-6 };

static struct tacit_store *open_store(const char *path)
{
	const struct tacit_store_params params = { .path = path };
	struct tacit_store *store = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_store_open(&params, &store), 0);
	return store;
}

#define STORE(name)                                                                                \
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *name = open_store(":memory:")

static struct tacit_ledger_entry entry_of(const char *aggregator, uint64_t round, double rho)
{
	return (struct tacit_ledger_entry){ .aggregator = aggregator,
					    .round = round,
					    .mode = TACIT_MODE_LOCAL,
					    .noise_multiplier = 2,
					    .clip_norm = 4,
					    .rho = rho,
					    .model_version = 3,
					    .dimensions = 5,
					    .classes = 2,
					    .sum_of = "gaussian" };
}

static int spend(struct tacit_db *db, const char *aggregator, uint64_t round, double rho)
{
	const struct tacit_ledger_entry entry = entry_of(aggregator, round, rho);
	char update[32];

	(void)snprintf(update, sizeof(update), "update %s %d", aggregator, (int)round);
	return tacit_ledger_spend(db, &entry, &limits, update, strlen(update), 1000);
}

static uint64_t charged(struct tacit_db *db)
{
	struct tacit_ledger_totals totals;

	CU_ASSERT_EQUAL_FATAL(tacit_ledger_totals(db, &limits, &totals), 0);
	return totals.rounds;
}

static void test_totals_add_up(void)
{
	struct tacit_ledger_totals totals;
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(tacit_ledger_totals(db, &limits, &totals), 0);
	CU_ASSERT_EQUAL(totals.rounds, 0);
	CU_ASSERT_EQUAL(totals.epsilon, 0);
	CU_ASSERT_EQUAL(totals.remaining, 8);

	CU_ASSERT_EQUAL(spend(db, HERE, 1, 0.125), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 2, 0.125), 0);
	CU_ASSERT_EQUAL(spend(db, THERE, 1, 0.25), 0); /* another aggregator, the same budget */
	CU_ASSERT_EQUAL(tacit_ledger_totals(db, &limits, &totals), 0);
	CU_ASSERT_EQUAL(totals.rounds, 3);
	CU_ASSERT_EQUAL(totals.rho, 0.5);
	CU_ASSERT_EQUAL(totals.epsilon, tacit_zcdp_epsilon(0.5, 1e-6));
	CU_ASSERT_DOUBLE_EQUAL(totals.remaining, 8 - totals.epsilon, 1e-12);
}

static void test_the_budget_holds(void)
{
	double rho = tacit_zcdp_rho(8, 1e-6);
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(spend(db, HERE, 1, INFINITY), TACIT_EBUDGET); /* no noise at all */
	CU_ASSERT_EQUAL(spend(db, HERE, 1, rho * 1.001), TACIT_EBUDGET);
	CU_ASSERT_EQUAL(charged(db), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 1, rho * 0.6), 0);
	CU_ASSERT_EQUAL(tacit_ledger_afford(db, rho * 0.5, &limits), TACIT_EBUDGET);
	CU_ASSERT_EQUAL(spend(db, HERE, 2, rho * 0.5), TACIT_EBUDGET);
	CU_ASSERT_EQUAL(tacit_ledger_afford(db, rho * 0.399, &limits), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 2, rho * 0.399), 0);
	CU_ASSERT_EQUAL(spend(db, THERE, 7, rho * 0.1), TACIT_EBUDGET);
	CU_ASSERT_EQUAL(charged(db), 2);
}

static void test_rounds_only_go_forward(void)
{
	uint64_t newest;
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(spend(db, HERE, 5, 0.1), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 5, 0.1), TACIT_ESTALE);
	CU_ASSERT_EQUAL(spend(db, HERE, 4, 0.1), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_ledger_refuse(db, HERE, 9, "too little noise", 1000), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 9, 0.1), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_ledger_newest(db, HERE, &newest), 0);
	CU_ASSERT_EQUAL(newest, 9);
	CU_ASSERT_EQUAL(tacit_ledger_newest(db, THERE, &newest), 0);
	CU_ASSERT_EQUAL(newest, 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 10, 0.1), 0);
	CU_ASSERT_EQUAL(charged(db), 2);
	/* A lost row of `round` does not make a charged round new again. */
	CU_ASSERT_EQUAL(tacit_db_run(db, "DELETE FROM round", ""), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 10, 0.1), TACIT_ESTALE);
}

static void test_what_is_no_charge(void)
{
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);
	struct tacit_ledger_entry entry = entry_of(HERE, 1, 0.1);

	CU_ASSERT_EQUAL(spend(db, HERE, 0, 0.1), -EINVAL);
	CU_ASSERT_EQUAL(spend(db, HERE, UINT64_MAX, 0.1), -EINVAL);
	CU_ASSERT_EQUAL(spend(db, "", 1, 0.1), -EINVAL);
	CU_ASSERT_EQUAL(spend(db, HERE, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(spend(db, HERE, 1, -1), -EINVAL);
	CU_ASSERT_EQUAL(spend(db, HERE, 1, NAN), -EINVAL);
	CU_ASSERT_EQUAL(tacit_ledger_spend(db, &entry, &limits, "", 0, 0), -EINVAL);
	entry.mode = (enum tacit_mode)77;
	CU_ASSERT_EQUAL(tacit_ledger_spend(db, &entry, &limits, "x", 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(tacit_ledger_refuse(db, HERE, 0, "", 0), -EINVAL);
	CU_ASSERT_EQUAL(charged(db), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 1, 0.1), 0); /* no transaction was left open */
}

static void check_pending(struct tacit_db *db, const char *aggregator, uint64_t round,
			  const char *bytes)
{
	TACIT_AUTO_FREE uint8_t *update = NULL;
	uint64_t number = 0;
	size_t len = 0;

	CU_ASSERT_EQUAL(tacit_ledger_pending(db, aggregator, &number, &update, &len),
			bytes != NULL);
	if (!bytes)
		return;
	CU_ASSERT_EQUAL(number, round);
	CU_ASSERT_EQUAL_FATAL(len, strlen(bytes));
	CU_ASSERT_EQUAL(memcmp(update, bytes, len), 0);
}

static void test_an_update_is_kept_until_it_is_answered(void)
{
	PLACE(place);
	struct tacit_store *store = open_store(place_file(&place, "tacit.db"));
	struct tacit_db *db = tacit_store_db(store);
	struct tacit_ledger_totals totals;

	check_pending(db, HERE, 0, NULL);
	CU_ASSERT_EQUAL(spend(db, HERE, 4, 0.1), 0);
	check_pending(db, THERE, 0, NULL);
	tacit_store_close(store);

	store = open_store(place_file(&place, "tacit.db"));
	db = tacit_store_db(store);
	check_pending(db, HERE, 4, "update aa 4");
	CU_ASSERT_EQUAL(tacit_ledger_settle(db, HERE, 4, TACIT_LEDGER_SENT), 0);
	check_pending(db, HERE, 0, NULL);
	CU_ASSERT_EQUAL(spend(db, HERE, 5, 0.1), 0);
	CU_ASSERT_EQUAL(tacit_ledger_settle(db, HERE, 5, TACIT_LEDGER_LATE), 0);
	CU_ASSERT_EQUAL(spend(db, HERE, 6, 0.1), 0);
	CU_ASSERT_EQUAL(tacit_ledger_settle(db, HERE, 6, TACIT_LEDGER_REFUSED), 0);
	CU_ASSERT_EQUAL(tacit_ledger_settle(db, HERE, 7, TACIT_LEDGER_SENT), -ENOENT);
	CU_ASSERT_EQUAL(tacit_ledger_totals(db, &limits, &totals), 0);
	CU_ASSERT_EQUAL(totals.rounds, 3); /* late and refused ones stay charged */
	CU_ASSERT_EQUAL(totals.sent, 1);
	CU_ASSERT_EQUAL(totals.late, 1);
	CU_ASSERT_EQUAL(totals.refused, 1);
	tacit_store_close(store);
}

static void test_refusals_are_noted_and_pruned(void)
{
	TACIT_AUTO_FREE char *why = NULL;
	struct tacit_ledger_totals totals;
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(spend(db, HERE, 1, 0.1), 0);
	CU_ASSERT_EQUAL(tacit_ledger_settle(db, HERE, 1, TACIT_LEDGER_REFUSED), 0);
	for (uint64_t round = 2; round < 200; round++)
		CU_ASSERT_EQUAL(tacit_ledger_refuse(db, HERE, round, "its cohort is small", 5), 0);
	CU_ASSERT_EQUAL(tacit_store_get_text(store, TACIT_LEDGER_META_REFUSED, &why), 0);
	CU_ASSERT_STRING_EQUAL(why, "round 199: its cohort is small");
	CU_ASSERT_EQUAL(tacit_ledger_totals(db, &limits, &totals), 0);
	CU_ASSERT_EQUAL(totals.rounds, 1);
	CU_ASSERT_EQUAL(totals.refused, TACIT_LEDGER_REFUSALS_MAX + 1); /* and the charged one */
	CU_ASSERT_EQUAL(spend(db, HERE, 200, 0.1), 0);
	CU_ASSERT_EQUAL(tacit_ledger_refuse(db, HERE, 200, "", 5), 0);
	check_pending(db, HERE, 200, "update aa 200"); /* a known round is left alone */
}

/* Damage must make the host spend less, never more. */
static void test_a_ledger_that_makes_no_sense(void)
{
	static const char *const rho[] = { "-1e9", "'much'", "x'00'", "9e999" };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rho); i++) {
		STORE(store);
		struct tacit_db *db = tacit_store_db(store);
		struct tacit_ledger_totals totals;
		char sql[160];
		struct sqlite3_stmt *row;

		(void)snprintf(sql, sizeof(sql),
			       "INSERT INTO ledger VALUES(1, 'zz', 0, 'local', 1, 1, %s, 1, 1)",
			       rho[i]);
		row = tacit_db_query(db, sql, "");
		CU_ASSERT_EQUAL(tacit_db_step(db, row), 0);
		CU_ASSERT_EQUAL(spend(db, HERE, 1, 0.001), TACIT_EBUDGET);
		CU_ASSERT_EQUAL(tacit_ledger_totals(db, &limits, &totals), 0);
		CU_ASSERT_EQUAL(totals.remaining, 0);
	}
}

/* A child is killed at a random moment of charging; whatever is there afterwards is whole. */
static void test_a_kill_leaves_charge_and_update_or_neither(void)
{
	PLACE(place);
	char path[512];

	(void)snprintf(path, sizeof(path), "%s", place_file(&place, "tacit.db"));
	tacit_store_close(open_store(path));
	for (int i = 0; i < 8; i++) {
		struct tacit_store *store;
		struct sqlite3_stmt *row;
		pid_t child = fork();

		if (child == 0) {
			store = open_store(path);
			for (uint64_t round = (uint64_t)i * 100000 + 1;; round++)
				if (spend(tacit_store_db(store), HERE, round, 1e-9) < 0)
					_exit(1);
		}
		(void)usleep((useconds_t)(20000 + i * 3700));
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
		store = open_store(path);
		row = tacit_db_query(tacit_store_db(store),
				     "SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM"
				     " ledger JOIN round USING(aggregator, round) WHERE"
				     " CAST(\"update\" AS TEXT) = 'update aa ' || round),"
				     " (SELECT count(*) FROM round)",
				     "");
		CU_ASSERT_EQUAL(tacit_db_step(tacit_store_db(store), row), 1);
		CU_ASSERT_EQUAL(tacit_db_column_int(row, 0), tacit_db_column_int(row, 1));
		CU_ASSERT_EQUAL(tacit_db_column_int(row, 0), tacit_db_column_int(row, 2));
		tacit_db_reset(row);
		tacit_store_close(store);
	}
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 60; nth++) {
		TACIT_AUTO_FREE uint8_t *update = NULL;
		STORE(store);
		struct tacit_db *db = tacit_store_db(store);
		uint64_t round;
		size_t len;

		unit_fail_alloc(nth);
		r = spend(db, HERE, 1, 0.1);
		if (r == 0)
			r = tacit_ledger_pending(db, HERE, &round, &update, &len);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 1 || r == -ENOMEM);
	}
	CU_ASSERT_EQUAL(r, 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "totals add up", test_totals_add_up },
		{ "the budget holds", test_the_budget_holds },
		{ "rounds only go forward", test_rounds_only_go_forward },
		{ "what is no charge", test_what_is_no_charge },
		{ "an update is kept until it is answered",
		  test_an_update_is_kept_until_it_is_answered },
		{ "refusals are noted and pruned", test_refusals_are_noted_and_pruned },
		{ "a ledger that makes no sense", test_a_ledger_that_makes_no_sense },
		{ "a kill leaves charge and update, or neither",
		  test_a_kill_leaves_charge_and_update_or_neither },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("ledger", cases);
}
