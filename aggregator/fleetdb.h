/* SPDX-License-Identifier: MIT */
/*
 * fleetdb - the aggregator's database: tokens, hosts, the enrolment log, tasks, rounds,
 * participations, the workers' partial sums, releases. It is all that the aggregator's
 * processes share; every step of theirs is one transaction.
 */
#ifndef TACIT_AGGREGATOR_FLEETDB_H
#define TACIT_AGGREGATOR_FLEETDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/db.h>
#include <tacit/error.h>

/* Static; for those who open it read-only. */
const struct tacit_db_schema *tacit_fleetdb_schema(void);

/**
 * tacit_fleetdb_open - open or create, migrate, and make commits durable.
 * @path: file. Open it after fork(): one connection, one process.
 *
 * A damaged file is an error (TACIT_EDAMAGED) and is left alone: it holds revocations, which
 * must not be forgotten by starting over. Errors as tacit_db_open(). Does not log.
 */
TACIT_MUST_CHECK int tacit_fleetdb_open(const char *path, struct tacit_db **ret);

/* First (or only) row of a query: 0, -ENOENT, or database errors. */
TACIT_MUST_CHECK int tacit_fleetdb_row(struct tacit_db *db, struct sqlite3_stmt *query);

/* For TACIT_CLEANUP() on a query that may be left before its last row: one left standing keeps an
 * old view of the database, and the next transaction would fail. NULL is fine. */
void tacit_fleetdb_done(struct sqlite3_stmt *const *query);
#define TACIT_AUTO_QUERY TACIT_CLEANUP(tacit_fleetdb_done)

/* A blob of exactly @len bytes. 0 or TACIT_EDAMAGED. */
TACIT_MUST_CHECK int tacit_fleetdb_column_digest(struct sqlite3_stmt *query, int column,
						 uint8_t *digest, size_t len);

bool tacit_fleetdb_column_is_null(struct sqlite3_stmt *query, int column);

#endif /* TACIT_AGGREGATOR_FLEETDB_H */
