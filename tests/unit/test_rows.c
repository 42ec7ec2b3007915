/* SPDX-License-Identifier: MIT */
#include "aggregator/rows.h"

#include <math.h>

#include "fleet.h"
#include "unit.h"

static json_t *every_kind(struct sqlite3_stmt *query)
{
	return json_pack("[o, o, o, o, o]", tacit_rows_time(query, 0), tacit_rows_int(query, 1),
			 tacit_rows_real(query, 2), tacit_rows_text(query, 3),
			 tacit_rows_hex(query, 4));
}

static void test_columns_become_values(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *rows = NULL;
	TACIT_CLEANUP(json_decrefp)
	json_t *wanted = json_loads("[[\"1970-01-01T00:00:01.500Z\", 7, 0.5, \"text\", \"0aff\"],"
				    " [null, null, null, null, null]]",
				    0, NULL);

	CU_ASSERT_EQUAL(tacit_rows_collect(fleet.db,
					   tacit_db_query(fleet.db,
							  "SELECT 1500, 7, 0.5, 'text', x'0aff'"
							  " UNION ALL"
							  " SELECT NULL, NULL, NULL, NULL, NULL",
							  ""),
					   every_kind, &rows),
			0);
	CU_ASSERT(json_equal(rows, wanted));
}

static void test_no_rows_are_an_empty_array(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *rows = NULL;

	CU_ASSERT_EQUAL(tacit_rows_collect(fleet.db,
					   tacit_db_query(fleet.db, "SELECT 1 WHERE 0", ""),
					   every_kind, &rows),
			0);
	CU_ASSERT(json_is_array(rows));
	CU_ASSERT_EQUAL(json_array_size(rows), 0);
}

static void test_json_knows_no_infinity(void)
{
	TACIT_CLEANUP(json_decrefp) json_t *infinite = tacit_rows_number(INFINITY);
	TACIT_CLEANUP(json_decrefp) json_t *none = tacit_rows_number(NAN);
	TACIT_CLEANUP(json_decrefp) json_t *unbounded = tacit_rows_epsilon(INFINITY);
	TACIT_CLEANUP(json_decrefp) json_t *nothing = tacit_rows_epsilon(0);

	CU_ASSERT(json_is_null(infinite));
	CU_ASSERT(json_is_null(none));
	CU_ASSERT(json_is_null(unbounded));
	CU_ASSERT_EQUAL(json_real_value(nothing), 0);
}

static json_t *out_of_memory(struct sqlite3_stmt *query)
{
	(void)query;
	return NULL;
}

static void test_failures_are_told(void)
{
	FLEET(fleet);
	json_t *rows = NULL;

	CU_ASSERT_EQUAL(tacit_rows_collect(fleet.db, tacit_db_query(fleet.db, "SELECT 1", ""),
					   out_of_memory, &rows),
			-ENOMEM);
	CU_ASSERT(tacit_rows_collect(fleet.db, tacit_db_query(fleet.db, "SELECT nothing", ""),
				     every_kind, &rows) < 0);
	CU_ASSERT_PTR_NULL(rows);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "columns become values", test_columns_become_values },
		{ "no rows are an empty array", test_no_rows_are_an_empty_array },
		{ "JSON knows no infinity", test_json_knows_no_infinity },
		{ "failures are told", test_failures_are_told },
		{ NULL, NULL },
	};

	return unit_main("rows", cases);
}
