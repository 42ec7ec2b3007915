/* SPDX-License-Identifier: MIT */
/* What db.c (statements) and db_open.c (files and schemas) share. */
#ifndef TACIT_DB_PRIVATE_H
#define TACIT_DB_PRIVATE_H

#include <tacit/db.h>

#include <sqlite3.h>

struct db_cached {
	const char *sql; /* borrowed literal: the key is its address */
	sqlite3_stmt *stmt;
};

struct tacit_db {
	sqlite3 *handle;
	struct db_cached *cache;
	size_t n, capacity;
	int error; /* why the last prepare or bind gave no statement */
};

/* SQLite's code as one of ours. */
int tacit_db_translate(int code);

/* Runs @sql, which may be several statements, ignoring rows. */
TACIT_MUST_CHECK int tacit_db_execute(struct tacit_db *db, const char *sql);

/* First column of the last row, as text ("" when there is none) or as a number. */
#define DB_PRAGMA_TEXT 24U
TACIT_MUST_CHECK int tacit_db_pragma(struct tacit_db *db, const char *sql,
				     char value[DB_PRAGMA_TEXT]);
TACIT_MUST_CHECK int tacit_db_pragma_int(struct tacit_db *db, const char *sql, int64_t *ret);

#endif /* TACIT_DB_PRIVATE_H */
