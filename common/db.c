/* SPDX-License-Identifier: MIT */
#include <tacit/db.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "db_private.h"

#define CACHE_FIRST 16U

int tacit_db_translate(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return TACIT_EDAMAGED;
	case SQLITE_CONSTRAINT:
		return TACIT_ECONFLICT;
	case SQLITE_ERROR: /* SQL that does not fit the tables */
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
		return TACIT_ESCHEMA;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		return code == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
	}
}

int tacit_db_execute(struct tacit_db *db, const char *sql)
{
	return tacit_db_translate(sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

static int on_first_row(void *ctx, int columns, char **text, char **name)
{
	char *value = (char *)ctx;

	(void)name;
	(void)snprintf(value, DB_PRAGMA_TEXT, "%s", columns > 0 && text[0] ? text[0] : "");
	return 0;
}

int tacit_db_pragma(struct tacit_db *db, const char *sql, char value[DB_PRAGMA_TEXT])
{
	value[0] = '\0';
	return tacit_db_translate(sqlite3_exec(db->handle, sql, on_first_row, value, NULL));
}

int tacit_db_pragma_int(struct tacit_db *db, const char *sql, int64_t *ret)
{
	char value[DB_PRAGMA_TEXT];
	int r = tacit_db_pragma(db, sql, value);

	if (r < 0)
		return r;
	*ret = strtoll(value, NULL, 10);
	return 0;
}

static struct db_cached *cache_find(struct tacit_db *db, const char *sql)
{
	for (size_t i = 0; i < db->n; i++)
		if (db->cache[i].sql == sql)
			return &db->cache[i];
	return NULL;
}

static bool cache_reserve(struct tacit_db *db)
{
	size_t capacity = db->capacity ? db->capacity * 2 : CACHE_FIRST;
	struct db_cached *cache;

	if (db->n < db->capacity)
		return true;
	cache = (struct db_cached *)tacit_realloc(db->cache, capacity, sizeof(*cache));
	if (!cache)
		return false;
	db->cache = cache;
	db->capacity = capacity;
	return true;
}

sqlite3_stmt *tacit_db_prepare(struct tacit_db *db, const char *sql)
{
	const struct db_cached *hit = cache_find(db, sql);
	sqlite3_stmt *stmt;

	if (hit) {
		(void)sqlite3_reset(hit->stmt); /* repeats the last failure, already reported */
		(void)sqlite3_clear_bindings(hit->stmt);
		return hit->stmt;
	}
	if (!cache_reserve(db)) {
		db->error = -ENOMEM;
		return NULL;
	}
	db->error = tacit_db_translate(
		sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL));
	if (db->error == 0 && !stmt)
		db->error = -EINVAL; /* nothing but white space */
	if (db->error < 0)
		return NULL;
	db->cache[db->n++] = (struct db_cached){ .sql = sql, .stmt = stmt };
	return stmt;
}

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args,
		    sqlite3_destructor_type keep)
{
	const void *data;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
	case 'd':
		return sqlite3_bind_double(stmt, at, va_arg(*args, double));
	case 't':
		return sqlite3_bind_text(stmt, at, va_arg(*args, const char *), -1, keep);
	case 'b':
		data = va_arg(*args, const void *);
		return sqlite3_bind_blob64(stmt, at, data, va_arg(*args, size_t), keep);
	case 'n':
		return sqlite3_bind_null(stmt, at);
	default:
		return SQLITE_RANGE;
	}
}

/* NULL on failure, with db->error set. */
static sqlite3_stmt *prepare_bound(struct tacit_db *db, const char *sql, const char *types,
				   va_list *args, sqlite3_destructor_type keep)
{
	sqlite3_stmt *stmt = tacit_db_prepare(db, sql);
	int code = SQLITE_OK;

	if (!stmt)
		return NULL;
	if ((size_t)sqlite3_bind_parameter_count(stmt) != strlen(types))
		code = SQLITE_RANGE;
	for (int i = 0; code == SQLITE_OK && types[i]; i++)
		code = bind_one(stmt, i + 1, types[i], args, keep);
	db->error = tacit_db_translate(code);
	return db->error < 0 ? NULL : stmt;
}

int tacit_db_run(struct tacit_db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list args;
	int r;

	va_start(args, types);
	stmt = prepare_bound(db, sql, types, &args, SQLITE_STATIC);
	va_end(args);
	r = tacit_db_step(db, stmt);
	if (!stmt)
		return r;
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt); /* they borrow the caller's memory */
	return r < 0 ? r : 0;
}

sqlite3_stmt *tacit_db_query(struct tacit_db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list args;

	va_start(args, types);
	stmt = prepare_bound(db, sql, types, &args, SQLITE_TRANSIENT);
	va_end(args);
	return stmt;
}

int tacit_db_step(struct tacit_db *db, sqlite3_stmt *stmt)
{
	int code;

	if (!stmt)
		return db->error < 0 ? db->error : -EINVAL;
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		return 1;
	(void)sqlite3_reset(stmt);
	return tacit_db_translate(code);
}

void tacit_db_reset(sqlite3_stmt *stmt)
{
	(void)sqlite3_reset(stmt);
}

const char *tacit_db_column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

const void *tacit_db_column_blob(sqlite3_stmt *stmt, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(stmt, column);

	*ret_len = (size_t)sqlite3_column_bytes(stmt, column);
	return data;
}

int64_t tacit_db_column_int(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt, column);
}

double tacit_db_column_double(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_double(stmt, column);
}

int tacit_db_begin(struct tacit_db *db)
{
	return tacit_db_execute(db, "BEGIN IMMEDIATE");
}

int tacit_db_commit(struct tacit_db *db)
{
	return tacit_db_execute(db, "COMMIT");
}

void tacit_db_rollback(struct tacit_db *db)
{
	/* Some failures have rolled back already; ROLLBACK then says so, which is no news. */
	if (!sqlite3_get_autocommit(db->handle))
		(void)!tacit_db_execute(db, "ROLLBACK");
}

int tacit_db_end(struct tacit_db *db, int r)
{
	int ended = r < 0 ? r : tacit_db_commit(db);

	if (ended < 0)
		tacit_db_rollback(db);
	return ended < 0 ? ended : r;
}

int tacit_db_set_durable(struct tacit_db *db, bool durable)
{
	return tacit_db_execute(db, durable ? "PRAGMA synchronous = FULL"
					    : "PRAGMA synchronous = NORMAL");
}

int64_t tacit_db_changes(const struct tacit_db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t tacit_db_last_id(const struct tacit_db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t tacit_db_size_bytes(struct tacit_db *db)
{
	int64_t pages, unused, bytes;

	if (tacit_db_pragma_int(db, "PRAGMA page_count", &pages) < 0 ||
	    tacit_db_pragma_int(db, "PRAGMA freelist_count", &unused) < 0 ||
	    tacit_db_pragma_int(db, "PRAGMA page_size", &bytes) < 0)
		return 0;
	return (pages - unused) * bytes;
}

const char *tacit_db_errmsg(const struct tacit_db *db)
{
	return sqlite3_errmsg(db->handle);
}

void tacit_db_close(struct tacit_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->n; i++)
		(void)sqlite3_finalize(db->cache[i].stmt);
	/* The last connection moves the log into the file and removes it. */
	(void)sqlite3_close(db->handle);
	tacit_free(db->cache);
	tacit_free(db);
}
