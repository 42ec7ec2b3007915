/* SPDX-License-Identifier: MIT */
/*
 * rows - columns of a query as JSON values, for the documents that administrators read. Each
 * returns a new reference; a column that is NULL becomes null.
 */
#ifndef TACIT_AGGREGATOR_ROWS_H
#define TACIT_AGGREGATOR_ROWS_H

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>

json_t *tacit_rows_time(struct sqlite3_stmt *query, int column); /* RFC 3339 */
json_t *tacit_rows_int(struct sqlite3_stmt *query, int column);
json_t *tacit_rows_real(struct sqlite3_stmt *query, int column); /* null when not finite */
json_t *tacit_rows_text(struct sqlite3_stmt *query, int column);
json_t *tacit_rows_hex(struct sqlite3_stmt *query, int column); /* at most 32 bytes */

/* null when not finite. */
json_t *tacit_rows_number(double value);

/* The epsilon of a zCDP cost at TACIT_ROUND_DELTA; null when unbounded. */
json_t *tacit_rows_epsilon(double rho);

/**
 * tacit_rows_collect - every row of a query through @make, as an array.
 * @make: a new reference, or NULL when out of memory.
 *
 * Returns 0, -ENOMEM, database errors.
 */
TACIT_MUST_CHECK int tacit_rows_collect(struct tacit_db *db, struct sqlite3_stmt *query,
					json_t *(*make)(struct sqlite3_stmt *query), json_t **ret);

#endif /* TACIT_AGGREGATOR_ROWS_H */
