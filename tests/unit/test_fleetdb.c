/* SPDX-License-Identifier: MIT */
#include "aggregator/fleetdb.h"

#include "place.h"
#include "unit.h"

static int64_t one(struct tacit_db *db, const char *sql)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(db, sql, "");

	return tacit_fleetdb_row(db, query) == 0 ? tacit_db_column_int(query, 0) : -1;
}

static int add_task(struct tacit_db *db)
{
	return tacit_db_run(db, "INSERT INTO task(set_ms, digest, document) VALUES(0, x'00', '{}')",
			    "");
}

static int add_round(struct tacit_db *db)
{
	return tacit_db_run(
		db,
		"INSERT INTO round(task, task_digest, mode, model_version, model,"
		" dimensions, clip_norm, noise_multiplier, min_cohort, max_updates,"
		" opened_ms, collect_ms) VALUES(1, x'00', 1, 0, x'00', 1, 1, 1, 1, 1, 0, 1)",
		"");
}

static void test_what_was_written_is_there_again(void)
{
	PLACE(place);
	struct tacit_db *db;

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	CU_ASSERT_EQUAL(add_task(db), 0);
	tacit_db_close(db);
	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	CU_ASSERT_EQUAL(one(db, "SELECT count(*) FROM task"), 1);
	tacit_db_close(db);
	CU_ASSERT_EQUAL_FATAL(
		tacit_db_open_readonly(place_file(&place, "fleet.db"), tacit_fleetdb_schema(), &db),
		0);
	tacit_db_close(db);
}

static void test_commits_are_durable(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	CU_ASSERT_EQUAL(one(db, "PRAGMA synchronous"), 2);
}

static void test_a_damaged_file_is_left_alone(void)
{
	PLACE(place);
	char text[4096], again[4096];
	struct tacit_db *db = NULL;
	FILE *f;

	memset(text, 'x', sizeof(text));
	(void)place_write(&place, "fleet.db", text, sizeof(text));
	CU_ASSERT_EQUAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), TACIT_EDAMAGED);
	CU_ASSERT_PTR_NULL(db);
	f = fopen(place_file(&place, "fleet.db"), "rbe");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fread(again, 1, sizeof(again), f), sizeof(again));
	CU_ASSERT_EQUAL(memcmp(text, again, sizeof(text)), 0);
	(void)fclose(f);
}

static void test_the_schema_guards_itself(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	CU_ASSERT_EQUAL(add_round(db), TACIT_ECONFLICT); /* of no task */
	CU_ASSERT_EQUAL(add_task(db), 0);
	CU_ASSERT_EQUAL(add_round(db), 0);
	CU_ASSERT_EQUAL(add_round(db), TACIT_ECONFLICT); /* while another collects */
	CU_ASSERT_EQUAL(tacit_db_run(db, "UPDATE round SET state = 'abandoned'", ""), 0);
	CU_ASSERT_EQUAL(add_round(db), 0);
	CU_ASSERT_EQUAL(tacit_db_run(db, "INSERT INTO participation VALUES(1, 7, x'00')", ""),
			TACIT_ECONFLICT); /* by no host */
}

static void test_end_commits_or_rolls_back(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	CU_ASSERT_EQUAL(tacit_db_begin(db), 0);
	CU_ASSERT_EQUAL(add_task(db), 0);
	CU_ASSERT_EQUAL(tacit_db_end(db, -EPERM), -EPERM);
	CU_ASSERT_EQUAL(one(db, "SELECT count(*) FROM task"), 0);
	CU_ASSERT_EQUAL(tacit_db_begin(db), 0);
	CU_ASSERT_EQUAL(add_task(db), 0);
	CU_ASSERT_EQUAL(tacit_db_end(db, 7), 7);
	CU_ASSERT_EQUAL(one(db, "SELECT count(*) FROM task"), 1);
	CU_ASSERT(tacit_db_end(db, 0) < 0); /* no transaction: nothing to commit */
}

static void test_a_query_left_early_holds_nothing(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *other = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &other), 0);
	CU_ASSERT_EQUAL(add_task(db), 0);
	CU_ASSERT_EQUAL(one(db, "SELECT version FROM task UNION SELECT 99"), 1);
	CU_ASSERT_EQUAL(add_task(other), 0);
	CU_ASSERT_EQUAL(add_task(db), 0); /* would be -EBUSY from a snapshot that is out of date */
	CU_ASSERT_EQUAL(one(db, "SELECT count(*) FROM task"), 3);
}

static void test_a_digest_of_another_length_is_damage(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = NULL;
	uint8_t digest[2] = { 9, 9 };

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&place, "fleet.db"), &db), 0);
	query = tacit_db_query(db, "SELECT x'0102', x'01', NULL", "");
	CU_ASSERT_EQUAL(tacit_fleetdb_row(db, query), 0);
	CU_ASSERT_EQUAL(tacit_fleetdb_column_digest(query, 1, digest, 2), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(tacit_fleetdb_column_digest(query, 2, digest, 2), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(digest[0], 9);
	CU_ASSERT_EQUAL(tacit_fleetdb_column_digest(query, 0, digest, 2), 0);
	CU_ASSERT_EQUAL(digest[1], 2);
	CU_ASSERT(tacit_fleetdb_column_is_null(query, 2));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "what was written is there again", test_what_was_written_is_there_again },
		{ "commits are durable", test_commits_are_durable },
		{ "a damaged file is left alone", test_a_damaged_file_is_left_alone },
		{ "the schema guards itself", test_the_schema_guards_itself },
		{ "end commits or rolls back", test_end_commits_or_rolls_back },
		{ "a query left early holds nothing", test_a_query_left_early_holds_nothing },
		{ "a digest of another length is damage",
		  test_a_digest_of_another_length_is_damage },
		{ NULL, NULL },
	};

	return unit_main("fleetdb", cases);
}
