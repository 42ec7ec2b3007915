/* SPDX-License-Identifier: MIT */
/*
 * db - SQLite as both daemons use it: WAL, foreign keys, a busy timeout,
 * migrations by user_version, cached prepared statements, and a damaged file set
 * aside instead of ending the program.
 *
 * One connection belongs to one thread and one process; open after fork().
 */
#ifndef TACIT_DB_H
#define TACIT_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_db;
struct sqlite3_stmt;

/* migration[i] takes user_version i to i + 1; each is one transaction. */
struct tacit_db_schema {
	const char *const *migration;
	size_t n;
};

/**
 * tacit_db_open - open or create a database and bring it to the newest schema.
 * @path:   file, or ":memory:". Created with mode 0600.
 * @schema: borrowed, static.
 * @ret_aside: when a damaged file was renamed, its new path (owned by the caller), else
 *          NULL. When this pointer is NULL, damage is an error instead.
 *
 * The last part of @path may not be a symbolic link. A damaged file becomes
 * "PATH.damaged-20261123T235959Z" together with its -wal and -shm, whole.
 *
 * Returns 0, TACIT_EDAMAGED (not a database or corrupt, and @ret_aside is NULL),
 * TACIT_ESCHEMA (written by a newer program, and left as it is; or a migration does not fit its
 * tables), -EACCES, -ENOSPC, -EBUSY, -EIO, -ENOMEM. Does not log.
 */
TACIT_MUST_CHECK int tacit_db_open(const char *path, const struct tacit_db_schema *schema,
				   struct tacit_db **ret, char **ret_aside);

/* Opens for reading only, without creating or migrating. Also -ENOENT, and TACIT_ESCHEMA when it is
 * older. */
TACIT_MUST_CHECK int tacit_db_open_readonly(const char *path, const struct tacit_db_schema *schema,
					    struct tacit_db **ret);

/**
 * tacit_db_prepare - a statement, from the cache or new.
 * @sql: a string literal (the cache keeps the pointer).
 *
 * Returns the statement, reset and unbound, borrowed until the next prepare of the same
 * @sql; NULL on failure (see tacit_db_errmsg).
 */
struct sqlite3_stmt *tacit_db_prepare(struct tacit_db *db, const char *sql);

/**
 * tacit_db_run - bind, step once, reset.
 * @types: one letter per '?': i int64_t, d double, t const char * (NULL allowed),
 *         b const void * and size_t, n SQL NULL.
 *
 * Returns 0, or an error as tacit_db_open; also TACIT_ECONFLICT (a constraint: a key that is
 * there already), TACIT_ESCHEMA (@sql does not fit the tables), -E2BIG, -EINVAL (@types does not
 * fit @sql). Rows are ignored.
 */
TACIT_MUST_CHECK int tacit_db_run(struct tacit_db *db, const char *sql, const char *types, ...);

/**
 * tacit_db_query - bind as tacit_db_run, leaving the statement to be stepped.
 *
 * Returns the statement for tacit_db_step() and the sqlite3_column functions, borrowed; NULL on
 * failure.
 */
struct sqlite3_stmt *tacit_db_query(struct tacit_db *db, const char *sql, const char *types, ...);

/* 1 a row is there, 0 no more (the statement is reset), or an error as tacit_db_run. NULL @stmt:
 * why the query before it failed. A statement left on a row keeps its read transaction open until
 * it is stepped to the end, prepared again, or given to tacit_db_reset(). */
TACIT_MUST_CHECK int tacit_db_step(struct tacit_db *db, struct sqlite3_stmt *stmt);

/* Ends a query before its last row. NULL is fine. */
void tacit_db_reset(struct sqlite3_stmt *stmt);

/* Borrowed text of a column, "" for NULL; and a blob with its length (NULL when empty). */
const char *tacit_db_column_text(struct sqlite3_stmt *stmt, int column);
const void *tacit_db_column_blob(struct sqlite3_stmt *stmt, int column, size_t *ret_len);
int64_t tacit_db_column_int(struct sqlite3_stmt *stmt, int column);
double tacit_db_column_double(struct sqlite3_stmt *stmt, int column);

/* BEGIN IMMEDIATE; COMMIT; ROLLBACK (never fails in a way that matters). */
TACIT_MUST_CHECK int tacit_db_begin(struct tacit_db *db);
TACIT_MUST_CHECK int tacit_db_commit(struct tacit_db *db);
void tacit_db_rollback(struct tacit_db *db);

/* Ends a transaction with a step's result: commits when @r is not negative, and rolls back
 * otherwise or when the commit fails. Returns @r, or the commit's error. */
TACIT_MUST_CHECK int tacit_db_end(struct tacit_db *db, int r);

/* True: the next commits reach the disk before they return (synchronous=FULL); false: NORMAL,
 * the default, which may lose the last commits at power failure but never corrupts. Not inside a
 * transaction: TACIT_ESCHEMA. */
TACIT_MUST_CHECK int tacit_db_set_durable(struct tacit_db *db, bool durable);

/* Rows changed by the last statement; rowid of the last insert. */
int64_t tacit_db_changes(const struct tacit_db *db);
int64_t tacit_db_last_id(const struct tacit_db *db);

/* Bytes in use: without pages that deletes have freed and inserts will take again, and without
 * the write-ahead log. 0 when it cannot be read. */
int64_t tacit_db_size_bytes(struct tacit_db *db);

/* Borrowed text of the last failure, for the log. */
const char *tacit_db_errmsg(const struct tacit_db *db);

/* NULL is fine. Finalises every statement, checkpoints, closes. */
void tacit_db_close(struct tacit_db *db);
TACIT_DEFINE_CLEANUP(struct tacit_db, tacit_db_close)

#endif /* TACIT_DB_H */
