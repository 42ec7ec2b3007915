/* SPDX-License-Identifier: MIT */
/* Scopes with their models, and minute summaries. */
#include "store_private.h"

#include <stdio.h>
#include <string.h>

/* Columns 0..4: id, name, class, windows, last_ms; 5: kind. */
static int decode(struct sqlite3_stmt *row, struct tacit_store_scope *ret)
{
	const char *name = tacit_db_column_text(row, 1);
	const char *class = tacit_db_column_text(row, 2);
	const char *kind = tacit_db_column_text(row, 5);
	int64_t windows = tacit_db_column_int(row, 3);

	if (name[0] == '\0' || strlen(name) >= sizeof(ret->name) ||
	    strlen(class) >= sizeof(ret->class) || strlen(kind) >= sizeof(ret->kind) || windows < 0)
		return TACIT_EDAMAGED;
	*ret = (struct tacit_store_scope){
		.id = tacit_db_column_int(row, 0),
		.windows = (uint64_t)windows,
		.last_ms = tacit_db_column_int(row, 4),
	};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	(void)snprintf(ret->class, sizeof(ret->class), "%s", class);
	(void)snprintf(ret->kind, sizeof(ret->kind), "%s", kind);
	return 0;
}

int tacit_store_get_scope(struct tacit_store *store, const char *name, tacit_store_scope_fn *fn,
			  void *ctx)
{
	struct sqlite3_stmt *row =
		tacit_db_query(store->db,
			       "SELECT id, name, class, windows, last_ms, kind, model, threshold"
			       " FROM scope WHERE name = ?",
			       "t", name);
	int r = tacit_db_step(store->db, row);
	struct tacit_store_scope scope;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = decode(row, &scope);
	if (r == 0) {
		scope.model = tacit_db_column_blob(row, 6, &scope.model_len);
		scope.threshold = tacit_db_column_blob(row, 7, &scope.threshold_len);
		if (scope.model_len > TACIT_STORE_BLOB_MAX ||
		    scope.threshold_len > TACIT_STORE_BLOB_MAX)
			r = TACIT_EDAMAGED;
	}
	if (r == 0)
		fn(ctx, &scope);
	else
		store->skipped++;
	tacit_store_finish(store, row);
	return r;
}

int tacit_store_put_scope(struct tacit_store *store, struct tacit_store_scope *scope)
{
	struct sqlite3_stmt *row;
	int r;

	row = tacit_db_query(
		store->db,
		"INSERT INTO scope(name, class, windows, last_ms, kind, model, threshold)"
		" VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET"
		" class = excluded.class, windows = excluded.windows,"
		" last_ms = excluded.last_ms, kind = excluded.kind,"
		" model = excluded.model, threshold = excluded.threshold RETURNING id",
		"ttiitbb", scope->name, scope->class, (int64_t)scope->windows, scope->last_ms,
		scope->kind, scope->model, scope->model_len, scope->threshold,
		scope->threshold_len);
	r = tacit_db_step(store->db, row);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	scope->id = tacit_db_column_int(row, 0);
	r = tacit_db_step(store->db, row);
	return r < 0 ? r : 0;
}

int tacit_store_each_scope(struct tacit_store *store, uint32_t max, tacit_store_scope_fn *fn,
			   void *ctx)
{
	struct sqlite3_stmt *row =
		tacit_db_query(store->db,
			       "SELECT id, name, class, windows, last_ms, kind, length(model),"
			       " length(threshold) FROM scope ORDER BY last_ms DESC, name LIMIT ?",
			       "i", (int64_t)max);
	struct tacit_store_scope scope;
	int n = 0, r;

	while ((r = tacit_db_step(store->db, row)) > 0) {
		if (decode(row, &scope) < 0) {
			store->skipped++;
			continue;
		}
		scope.model_len = (size_t)tacit_db_column_int(row, 6);
		scope.threshold_len = (size_t)tacit_db_column_int(row, 7);
		fn(ctx, &scope);
		n++;
	}
	return r < 0 ? r : n;
}

int tacit_store_put_minute(struct tacit_store *store, const struct tacit_store_minute *minute)
{
	/* A clock that was set back comes to the same minute again. */
	return tacit_db_run(
		store->db,
		"INSERT INTO minute(scope, at_ms, windows, alarms, max_distance, max_z,"
		" max_rare) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(at_ms, scope) DO UPDATE SET"
		" windows = windows + excluded.windows, alarms = alarms + excluded.alarms,"
		" max_distance = max(max_distance, excluded.max_distance),"
		" max_z = max(max_z, excluded.max_z), max_rare = max(max_rare, excluded.max_rare)",
		"iiiiddd", minute->scope, minute->at_ms, (int64_t)minute->windows,
		(int64_t)minute->alarms, minute->max_distance, minute->max_z, minute->max_rare);
}
