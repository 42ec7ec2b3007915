/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <math.h>

#include <tacit/accountant.h>
#include <tacit/bytes.h>
#include <tacit/clock.h>

#include "fleetdb.h"
#include "round.h"

#define HEX_BYTES_MAX 32U

json_t *tacit_rows_time(struct sqlite3_stmt *query, int column)
{
	char text[TACIT_RFC3339_LEN];

	if (tacit_fleetdb_column_is_null(query, column))
		return json_null();
	tacit_clock_rfc3339(tacit_db_column_int(query, column), text);
	return json_string(text);
}

json_t *tacit_rows_int(struct sqlite3_stmt *query, int column)
{
	if (tacit_fleetdb_column_is_null(query, column))
		return json_null();
	return json_integer(tacit_db_column_int(query, column));
}

json_t *tacit_rows_real(struct sqlite3_stmt *query, int column)
{
	if (tacit_fleetdb_column_is_null(query, column))
		return json_null();
	return tacit_rows_number(tacit_db_column_double(query, column));
}

json_t *tacit_rows_text(struct sqlite3_stmt *query, int column)
{
	if (tacit_fleetdb_column_is_null(query, column))
		return json_null();
	return json_string(tacit_db_column_text(query, column));
}

json_t *tacit_rows_hex(struct sqlite3_stmt *query, int column)
{
	char text[2 * HEX_BYTES_MAX + 1];
	size_t len;
	const void *data = tacit_db_column_blob(query, column, &len);

	if (!data || len > HEX_BYTES_MAX)
		return json_null();
	tacit_hex_encode(data, len, text);
	return json_string(text);
}

json_t *tacit_rows_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *tacit_rows_epsilon(double rho)
{
	return tacit_rows_number(tacit_zcdp_epsilon(rho, TACIT_ROUND_DELTA));
}

int tacit_rows_collect(struct tacit_db *db, struct sqlite3_stmt *query,
		       json_t *(*make)(struct sqlite3_stmt *query), json_t **ret)
{
	TACIT_CLEANUP(json_decrefp) json_t *array = json_array();
	TACIT_AUTO_QUERY struct sqlite3_stmt *held = query;
	int r;

	if (!array)
		return -ENOMEM;
	while ((r = tacit_db_step(db, query)) > 0)
		if (json_array_append_new(array, make(query)) < 0)
			return -ENOMEM;
	if (r < 0)
		return r;

	*ret = TACIT_TAKE(array);
	return 0;
}
