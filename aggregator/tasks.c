/* SPDX-License-Identifier: MIT */
#include "tasks.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tacit/feature.h>

#include "fleetdb.h"
#include "release.h"
#include "round.h"
#include "rows.h"

TACIT_PRINTF(4, 5)
static int refuse(int r, char *why, size_t size, const char *format, ...)
{
	va_list args;

	if (!why)
		return r;
	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
	return r;
}

static int read_row(struct sqlite3_stmt *query, struct tacit_task_version *ret)
{
	const char *text = tacit_db_column_text(query, 2);
	struct tacit_task_version found = { .version = (uint64_t)tacit_db_column_int(query, 0) };
	int r;

	r = tacit_fleetdb_column_digest(query, 1, found.digest, sizeof(found.digest));
	if (r == 0)
		r = tacit_task_parse(text, strlen(text), &found.task, NULL, 0);
	if (r < 0)
		return r == -ENOMEM ? r : TACIT_EDAMAGED;
	*ret = found;
	return 0;
}

int tacit_tasks_get(struct tacit_db *db, uint64_t version, struct tacit_task_version *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT version, digest, document FROM task"
		" WHERE version = ifnull(nullif(?, 0), (SELECT max(version) FROM task))",
		"i", (int64_t)version);
	int r = tacit_fleetdb_row(db, query);

	return r < 0 ? r : read_row(query, ret);
}

int tacit_tasks_get_text(struct tacit_db *db, char **ret, uint8_t digest[TACIT_DIGEST_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT digest, document FROM task ORDER BY version DESC LIMIT 1", "");
	char *text;
	int r;

	r = tacit_fleetdb_row(db, query);
	if (r == 0)
		r = tacit_fleetdb_column_digest(query, 0, digest, TACIT_DIGEST_LEN);
	if (r < 0)
		return r;
	text = tacit_strdup(tacit_db_column_text(query, 1));
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int insert(struct tacit_db *db, const struct tacit_task_version *next, int64_t wall_ms)
{
	TACIT_AUTO_FREE char *text = tacit_task_format(&next->task);

	if (!text)
		return -ENOMEM;
	return tacit_db_run(
		db, "INSERT INTO task(version, set_ms, digest, document) VALUES(?, ?, ?, ?)",
		"iibt", (int64_t)next->version, wall_ms, next->digest, sizeof(next->digest), text);
}

static bool is_same_lineage(const struct tacit_task *a, const struct tacit_task *b)
{
	if (strcmp(a->kind, b->kind) != 0 || a->n_classes != b->n_classes ||
	    memcmp(a->schema, b->schema, sizeof(a->schema)) != 0)
		return false;
	for (size_t i = 0; i < a->n_classes; i++)
		if (strcmp(a->class[i], b -> class[i]) != 0)
			return false;
	return true;
}

/* A round is for one task: hosts that know the new one could not take part in it any more. */
static int end_round(struct tacit_db *db, int64_t wall_ms)
{
	struct tacit_round round;
	int r = tacit_round_get_current(db, &round);

	if (r == 0)
		r = tacit_round_abandon(db, round.doc.round, "the task changed", wall_ms);
	return r == -ENOENT ? 0 : r;
}

/* Within a transaction. @next: task and digest set; gets its version. */
static int store(struct tacit_db *db, const struct tacit_ca *ca, struct tacit_task_version *next,
		 int64_t wall_ms)
{
	struct tacit_task_version now;
	int r = tacit_tasks_get(db, 0, &now);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT) {
		next->version = 1;
		return insert(db, next, wall_ms);
	}
	if (memcmp(now.digest, next->digest, sizeof(now.digest)) == 0) {
		next->version = now.version;
		return 0;
	}
	next->version = now.version + 1;
	r = insert(db, next, wall_ms);
	if (r == 0)
		r = end_round(db, wall_ms);
	if (r < 0 || is_same_lineage(&now.task, &next->task))
		return r;
	return tacit_release_carry(db, ca, &next->task, wall_ms); /* releases start anew */
}

static int store_atomically(struct tacit_db *db, const struct tacit_ca *ca,
			    struct tacit_task_version *next, int64_t wall_ms)
{
	int r = tacit_task_digest(&next->task, next->digest);

	if (r == 0)
		r = tacit_db_begin(db);
	return r < 0 ? r : tacit_db_end(db, store(db, ca, next, wall_ms));
}

int tacit_tasks_start(struct tacit_db *db, const struct tacit_ca *ca, int64_t wall_ms)
{
	struct tacit_task_version task;
	uint8_t schema[TACIT_DIGEST_LEN];
	int r;

	r = tacit_feature_schema(schema);
	if (r < 0)
		return r;
	r = tacit_tasks_get(db, 0, &task);
	if (r == -ENOENT)
		tacit_task_init(&task.task, schema);
	else if (r < 0 || memcmp(task.task.schema, schema, sizeof(schema)) == 0)
		return r;
	memcpy(task.task.schema, schema, sizeof(schema));
	return store_atomically(db, ca, &task, wall_ms);
}

/* What is beyond tacit_task_check(): can this program run it? */
static int check(const struct tacit_task *task, char *why, size_t size)
{
	uint8_t schema[TACIT_DIGEST_LEN];
	uint32_t limit = tacit_round_cohort_limit(task->noise_multiplier);
	size_t dimensions;
	int r;

	r = tacit_feature_schema(schema);
	if (r < 0)
		return r;
	if (memcmp(task->schema, schema, sizeof(schema)) != 0)
		return refuse(TACIT_ESCHEMA, why, size, "\"schema\" is not this program's");
	if (task->min_cohort > limit)
		return refuse(-EINVAL, why, size,
			      "\"min_cohort\" must be at most %u: the noise of more would not fit"
			      " 32 bits",
			      limit);
	r = tacit_release_check(task, &dimensions);
	if (r == -EINVAL)
		return refuse(r, why, size, "\"kind\" is not a model that this program has");
	if (r == -E2BIG)
		return refuse(-EINVAL, why, size, "\"classes\" are too many for a release");
	return r;
}

int tacit_tasks_set(struct tacit_db *db, const struct tacit_ca *ca, const char *json, size_t len,
		    int64_t wall_ms, uint64_t *ret_version, char *why, size_t size)
{
	struct tacit_task_version next;
	int r;

	r = tacit_task_parse(json, len, &next.task, why, size);
	if (r == 0)
		r = check(&next.task, why, size);
	if (r == 0)
		r = store_atomically(db, ca, &next, wall_ms);
	if (r < 0)
		return r;
	*ret_version = next.version;
	return 0;
}

/* All that a task has, also of one that was stored before it had them. */
static int read_members(const char *text, json_t **ret)
{
	TACIT_AUTO_FREE struct tacit_task *task = TACIT_NEW(struct tacit_task);
	TACIT_AUTO_FREE char *whole = NULL;
	int r = task ? tacit_task_parse(text, strlen(text), task, NULL, 0) : -ENOMEM;

	if (r < 0)
		return r == -ENOMEM ? r : TACIT_EDAMAGED;
	whole = tacit_task_format(task);
	*ret = whole ? json_loads(whole, 0, NULL) : NULL;
	return *ret ? 0 : -ENOMEM;
}

int tacit_tasks_show(struct tacit_db *db, json_t **ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db,
			       "SELECT version, set_ms, digest, document FROM task"
			       " ORDER BY version DESC LIMIT 1",
			       "");
	json_t *document, *task = NULL;
	int r = tacit_fleetdb_row(db, query);

	if (r == 0)
		r = read_members(tacit_db_column_text(query, 3), &task);
	if (r < 0)
		return r;
	document = json_pack("{s:o, s:o, s:o, s:o}", "version", tacit_rows_int(query, 0), "set",
			     tacit_rows_time(query, 1), "digest", tacit_rows_hex(query, 2), "task",
			     task);
	if (!document)
		return -ENOMEM;
	*ret = document;
	return 0;
}
