/* SPDX-License-Identifier: MIT */
/* Where a host stands in a secure sum: on disk before it is said, charged once, gone when over. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tacit/bytes.h>

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

/* Borrows; what is stored is a copy. */
static struct tacit_ledger_stand stand_of(uint64_t round, const char *state, const char *message)
{
	return (struct tacit_ledger_stand){ .round = round,
					    .model_version = 3,
					    .state = (uint8_t *)(uintptr_t)state,
					    .state_len = strlen(state),
					    .message = (uint8_t *)(uintptr_t)message,
					    .message_len = strlen(message) };
}

static int join(struct tacit_db *db, const char *aggregator, uint64_t round)
{
	const struct tacit_ledger_stand stand = stand_of(round, "joined", "advert");

	return tacit_ledger_join(db, aggregator, &stand, 1000);
}

static int advance(struct tacit_db *db, uint64_t round, const char *state, const char *message)
{
	const struct tacit_ledger_stand stand = stand_of(round, state, message);

	return tacit_ledger_advance(db, HERE, &stand);
}

static int mask(struct tacit_db *db, uint64_t round, double rho)
{
	const struct tacit_ledger_stand stand = stand_of(round, "masked", "vector");
	const struct tacit_ledger_entry entry = { .aggregator = HERE,
						  .round = round,
						  .mode = TACIT_MODE_DISTRIBUTED,
						  .noise_multiplier = 2,
						  .clip_norm = 4,
						  .rho = rho,
						  .model_version = 3,
						  .dimensions = 5,
						  .classes = 2,
						  .sum_of = "gaussian",
						  .hosts = 80 };

	return tacit_ledger_mask(db, &entry, &limits, &stand, 2000);
}

static void expect(struct tacit_db *db, uint64_t round, const char *state, const char *message,
		   bool sent)
{
	TACIT_CLEANUP(tacit_ledger_stand_done) struct tacit_ledger_stand stand = { 0 };

	CU_ASSERT_EQUAL_FATAL(tacit_ledger_resume(db, HERE, &stand), 1);
	CU_ASSERT_EQUAL(stand.round, round);
	CU_ASSERT_EQUAL(stand.model_version, 3);
	CU_ASSERT(stand.state_len == strlen(state) &&
		  memcmp(stand.state, state, stand.state_len) == 0);
	CU_ASSERT(stand.message_len == strlen(message) &&
		  memcmp(stand.message, message, stand.message_len) == 0);
	CU_ASSERT_EQUAL(stand.sent, sent);
}

static void expect_nothing(struct tacit_db *db)
{
	struct tacit_ledger_stand stand = { 0 };

	CU_ASSERT_EQUAL(tacit_ledger_resume(db, HERE, &stand), 0);
	CU_ASSERT_PTR_NULL(stand.state);
}

static struct tacit_ledger_totals totals_of(struct tacit_db *db)
{
	struct tacit_ledger_totals totals = { 0 };

	CU_ASSERT_EQUAL(tacit_ledger_totals(db, &limits, &totals), 0);
	return totals;
}

/* How many rounds are in @state. */
static int64_t count(struct tacit_db *db, const char *state)
{
	struct sqlite3_stmt *row =
		tacit_db_query(db, "SELECT count(*) FROM round WHERE state = ?", "t", state);
	int64_t n = tacit_db_step(db, row) == 1 ? tacit_db_column_int(row, 0) : -1;

	tacit_db_reset(row);
	return n;
}

static void test_a_sum_from_its_beginning_to_its_end(void)
{
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);
	uint8_t *update = NULL;
	uint64_t round = 0;
	size_t len = 0;

	expect_nothing(db);
	CU_ASSERT_EQUAL(join(db, HERE, 5), 0);
	expect(db, 5, "joined", "advert", false);
	CU_ASSERT_EQUAL(tacit_ledger_arrived(db, HERE, 5), 0);
	expect(db, 5, "joined", "advert", true);
	CU_ASSERT_EQUAL(advance(db, 5, "shared", "shares"), 0);
	expect(db, 5, "shared", "shares", false);
	CU_ASSERT_EQUAL(totals_of(db).rounds, 0);
	CU_ASSERT_EQUAL(count(db, "joined"), 1);
	CU_ASSERT_EQUAL(mask(db, 5, 0.125), 0);
	expect(db, 5, "masked", "vector", false);
	CU_ASSERT_EQUAL(totals_of(db).rounds, 1);
	CU_ASSERT_EQUAL(totals_of(db).rho, 0.125);
	CU_ASSERT_EQUAL(count(db, "prepared"), 1);
	/* It is no update that would be sent again. */
	CU_ASSERT_EQUAL(tacit_ledger_pending(db, HERE, &round, &update, &len), 0);
	CU_ASSERT_EQUAL(advance(db, 5, "answered", "answer"), 0);
	CU_ASSERT_EQUAL(tacit_ledger_leave(db, HERE, 5, TACIT_LEDGER_SENT), 0);
	expect_nothing(db);
	CU_ASSERT_EQUAL(totals_of(db).sent, 1);
	CU_ASSERT_EQUAL(totals_of(db).rho, 0.125); /* nothing is given back */
}

static void test_what_was_not_joined(void)
{
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(advance(db, 5, "shared", "shares"), -ENOENT);
	CU_ASSERT_EQUAL(mask(db, 5, 0.1), -ENOENT);
	CU_ASSERT_EQUAL(tacit_ledger_arrived(db, HERE, 5), -ENOENT);
	CU_ASSERT_EQUAL(tacit_ledger_leave(db, HERE, 5, TACIT_LEDGER_LEFT), 0);
	CU_ASSERT_EQUAL(totals_of(db).rounds, 0);
	CU_ASSERT_EQUAL(join(db, "", 5), -EINVAL);
	CU_ASSERT_EQUAL(join(db, HERE, 0), -EINVAL);
	CU_ASSERT_EQUAL(join(db, HERE, 5), 0);
	CU_ASSERT_EQUAL(advance(db, 6, "shared", "shares"), -ENOENT);
	CU_ASSERT_EQUAL(mask(db, 6, 0.1), -ENOENT);
	CU_ASSERT_EQUAL(mask(db, 5, 0), -EINVAL);
	expect(db, 5, "joined", "advert", false);
}

static void test_a_round_is_joined_once(void)
{
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(join(db, HERE, 5), 0);
	CU_ASSERT_EQUAL(join(db, HERE, 5), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_ledger_leave(db, HERE, 5, TACIT_LEDGER_LEFT), 0);
	CU_ASSERT_EQUAL(count(db, "left"), 1);
	CU_ASSERT_EQUAL(join(db, HERE, 5), TACIT_ESTALE);
	CU_ASSERT_EQUAL(join(db, HERE, 4), TACIT_ESTALE);
	CU_ASSERT_EQUAL(join(db, THERE, 5), 0); /* another's numbers are its own */
	CU_ASSERT_EQUAL(join(db, HERE, 6), 0);
	expect(db, 6, "joined", "advert", false);
	/* What was left costs nothing and is forgotten in time, but not the newest. */
	for (uint64_t round = 7; round < 200; round++) {
		CU_ASSERT_EQUAL(tacit_ledger_leave(db, HERE, round - 1, TACIT_LEDGER_LEFT), 0);
		CU_ASSERT_EQUAL(join(db, HERE, round), 0);
	}
	CU_ASSERT_EQUAL(count(db, "left"), TACIT_LEDGER_REFUSALS_MAX);
	CU_ASSERT_EQUAL(join(db, HERE, 199), TACIT_ESTALE);
	CU_ASSERT_EQUAL(totals_of(db).refused, 0);
}

static void test_the_budget_holds(void)
{
	STORE(store);
	struct tacit_db *db = tacit_store_db(store);

	CU_ASSERT_EQUAL(join(db, HERE, 5), 0);
	CU_ASSERT_EQUAL(mask(db, 5, 1000), TACIT_EBUDGET);
	expect(db, 5, "joined", "advert", false); /* all of it, or nothing */
	CU_ASSERT_EQUAL(totals_of(db).rounds, 0);
	CU_ASSERT_EQUAL(count(db, "joined"), 1);
	CU_ASSERT_EQUAL(mask(db, 5, 0.125), 0);
	CU_ASSERT_EQUAL(tacit_ledger_leave(db, HERE, 5, TACIT_LEDGER_LEFT), 0);
	CU_ASSERT_EQUAL(count(db, "left"), 0); /* what was charged was not simply left */
	CU_ASSERT_EQUAL(totals_of(db).rounds, 1);
}

/* Does the file hold these bytes? */
static bool holds(const char *path, const char *what)
{
	size_t size = 0, n = strlen(what);
	FILE *f = fopen(path, "rbe");
	char *data;
	bool found = false;

	if (!f)
		return false;
	(void)fseek(f, 0, SEEK_END);
	size = (size_t)ftell(f);
	rewind(f);
	data = malloc(size + 1);
	size = fread(data, 1, size, f);
	(void)fclose(f);
	for (size_t i = 0; !found && i + n <= size; i++)
		found = memcmp(data + i, what, n) == 0;
	free(data);
	return found;
}

/* Neither in pages that are no longer used, nor in the log. */
static void test_secrets_are_overwritten(void)
{
	enum { LEN = 50000 };
	PLACE(place);
	static char secret[LEN + 1];
	static const char needle[] = "-a secret seed-a secret seed-";
	char path[512], log[520];
	struct tacit_store *store;
	struct tacit_db *db;

	for (size_t i = 0; i < LEN; i++)
		secret[i] = "-a secret seed"[i % 14];
	(void)snprintf(path, sizeof(path), "%s", place_file(&place, "tacit.db"));
	(void)snprintf(log, sizeof(log), "%s-wal", path);
	store = open_store(path);
	db = tacit_store_db(store);
	CU_ASSERT_EQUAL(join(db, HERE, 5), 0);
	CU_ASSERT_EQUAL(advance(db, 5, secret, "shares"), 0);
	CU_ASSERT_TRUE(holds(path, needle) || holds(log, needle));
	CU_ASSERT_EQUAL(mask(db, 5, 0.1), 0);
	CU_ASSERT_EQUAL(advance(db, 5, secret, "consent"), 0);
	CU_ASSERT_EQUAL(tacit_ledger_leave(db, HERE, 5, TACIT_LEDGER_SENT), 0);
	CU_ASSERT_FALSE(holds(path, needle));
	CU_ASSERT_FALSE(holds(log, needle));
	tacit_store_close(store);
	CU_ASSERT_FALSE(holds(path, needle));
}

/* A child is killed at a random moment of its sums; vector and charge are there, or neither. */
static void test_a_kill_leaves_vector_and_charge_or_neither(void)
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
			struct tacit_db *db;

			store = open_store(path);
			db = tacit_store_db(store);
			for (uint64_t round = (uint64_t)i * 100000 + 1;; round++)
				if (join(db, HERE, round) < 0 ||
				    advance(db, round, "shared", "shares") < 0 ||
				    mask(db, round, 1e-9) < 0)
					_exit(1);
		}
		(void)usleep((useconds_t)(20000 + i * 3700));
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
		store = open_store(path);
		row = tacit_db_query(
			tacit_store_db(store),
			"SELECT (SELECT count(*) FROM secure), (SELECT count(*) FROM secure WHERE"
			" (CAST(message AS TEXT) = 'vector') <>"
			" EXISTS(SELECT 1 FROM ledger WHERE ledger.round = secure.round)),"
			" (SELECT count(*) FROM ledger),"
			" (SELECT count(*) FROM round WHERE state = 'prepared')",
			"");
		CU_ASSERT_EQUAL(tacit_db_step(tacit_store_db(store), row), 1);
		CU_ASSERT(tacit_db_column_int(row, 0) <= 1);
		CU_ASSERT_EQUAL(tacit_db_column_int(row, 1), 0);
		CU_ASSERT_EQUAL(tacit_db_column_int(row, 2), tacit_db_column_int(row, 3));
		tacit_db_reset(row);
		tacit_store_close(store);
	}
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 80; nth++) {
		TACIT_CLEANUP(tacit_ledger_stand_done) struct tacit_ledger_stand stand = { 0 };
		STORE(store);
		struct tacit_db *db = tacit_store_db(store);

		unit_fail_alloc(nth);
		r = join(db, HERE, 5);
		if (r == 0)
			r = mask(db, 5, 0.1);
		if (r == 0)
			r = tacit_ledger_resume(db, HERE, &stand);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 1 || r == -ENOMEM);
	}
	CU_ASSERT_EQUAL(r, 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a sum from its beginning to its end", test_a_sum_from_its_beginning_to_its_end },
		{ "what was not joined", test_what_was_not_joined },
		{ "a round is joined once", test_a_round_is_joined_once },
		{ "the budget holds", test_the_budget_holds },
		{ "secrets are overwritten", test_secrets_are_overwritten },
		{ "a kill leaves vector and charge, or neither",
		  test_a_kill_leaves_vector_and_charge_or_neither },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("ledger_secure", cases);
}
