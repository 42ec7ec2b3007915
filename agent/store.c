/* SPDX-License-Identifier: MIT */
/* The file as a whole: schema, opening, damage, meta, retention. Rows are in store_*.c. */
#include "store_private.h"

#include <string.h>

#include <tacit/clock.h>
#include <tacit/log.h>

#define RETAIN_ROWS 1000

/* Columns that only a later reader needs get a new migration; these texts never change. */
static const char *const migrations[] = {
	"CREATE TABLE meta("
	" key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE scope("
	" id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, class TEXT NOT NULL,"
	" windows INTEGER NOT NULL DEFAULT 0, last_ms INTEGER, kind TEXT, model BLOB,"
	" threshold BLOB);"
	"CREATE TABLE reservoir("
	" id INTEGER PRIMARY KEY, scope INTEGER NOT NULL REFERENCES scope ON DELETE CASCADE,"
	" at_ms INTEGER NOT NULL, length_ms INTEGER NOT NULL, observed BLOB NOT NULL,"
	" count BLOB NOT NULL);"
	"CREATE INDEX reservoir_scope ON reservoir(scope);"
	"CREATE TABLE anomaly("
	" id INTEGER PRIMARY KEY, scope_name TEXT NOT NULL, class TEXT, start_ms INTEGER,"
	" end_ms INTEGER, peak_ms INTEGER, windows INTEGER, statistic INTEGER, peak REAL,"
	" threshold REAL, model_version INTEGER, state INTEGER NOT NULL DEFAULT 0, detail TEXT);"
	"CREATE INDEX anomaly_end ON anomaly(end_ms);"
	"CREATE TABLE ledger("
	" round INTEGER NOT NULL, aggregator TEXT NOT NULL, at_ms INTEGER NOT NULL,"
	" mode TEXT NOT NULL, noise_multiplier REAL NOT NULL, clip_norm REAL NOT NULL,"
	" rho REAL NOT NULL, classes INTEGER, PRIMARY KEY(aggregator, round));"
	"CREATE TABLE round("
	" aggregator TEXT NOT NULL, round INTEGER NOT NULL, state TEXT NOT NULL, at_ms INTEGER,"
	" model_version INTEGER, dimensions INTEGER, sum_of TEXT, \"update\" BLOB,"
	" PRIMARY KEY(aggregator, round));"
	"CREATE TABLE release("
	" version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, round INTEGER,"
	" at_ms INTEGER NOT NULL, data BLOB NOT NULL);"
	/* By time first: summaries come and go at the ends. */
	"CREATE TABLE minute("
	" scope INTEGER, at_ms INTEGER, windows INTEGER, alarms INTEGER, max_distance REAL,"
	" max_z REAL, PRIMARY KEY(at_ms, scope)) WITHOUT ROWID;",
	/* A sampled window's id is its place: see store_sample.c. What is there is of fewer
	   features. */
	"DELETE FROM reservoir;"
	"ALTER TABLE reservoir ADD COLUMN duty INTEGER NOT NULL DEFAULT 1000;",
	/* Secure sums: where this host stands in one, with its secrets; and among how many hosts
	 * the noise of a charge was shared. */
	"CREATE TABLE secure("
	" aggregator TEXT PRIMARY KEY, round INTEGER NOT NULL, model_version INTEGER NOT NULL,"
	" state BLOB NOT NULL, message BLOB NOT NULL, sent INTEGER NOT NULL) WITHOUT ROWID;"
	"ALTER TABLE ledger ADD COLUMN hosts INTEGER NOT NULL DEFAULT 1;",
	"ALTER TABLE minute ADD COLUMN max_rare REAL NOT NULL DEFAULT 0;",
	/* A scope's places were 64 and are 1,024. By way of negative ids, where no two meet. */
	"UPDATE reservoir SET id = -1 - (id / 64 * 1024 + id % 64);"
	"UPDATE reservoir SET id = -1 - id;",
	/* What the secure sum is for. */
	"ALTER TABLE secure ADD COLUMN document TEXT;",
};

static const struct tacit_db_schema schema = {
	.migration = migrations,
	.n = TACIT_ARRAY_LEN(migrations),
};

static int carry_ledger(struct tacit_db *from, struct tacit_db *to)
{
	struct sqlite3_stmt *row = tacit_db_query(
		from,
		"SELECT round, aggregator, at_ms, mode, noise_multiplier, clip_norm, rho, classes"
		" FROM ledger",
		"");
	int r;

	while ((r = tacit_db_step(from, row)) > 0) {
		r = tacit_db_run(
			to,
			"INSERT INTO ledger(round, aggregator, at_ms, mode, noise_multiplier,"
			" clip_norm, rho, classes) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			"ititdddi", tacit_db_column_int(row, 0), tacit_db_column_text(row, 1),
			tacit_db_column_int(row, 2), tacit_db_column_text(row, 3),
			tacit_db_column_double(row, 4), tacit_db_column_double(row, 5),
			tacit_db_column_double(row, 6), tacit_db_column_int(row, 7));
		if (r < 0)
			return r;
	}
	return r;
}

static int carry_rounds(struct tacit_db *from, struct tacit_db *to)
{
	struct sqlite3_stmt *row = tacit_db_query(
		from,
		"SELECT aggregator, round, state, at_ms, model_version, dimensions, sum_of,"
		" \"update\" FROM round",
		"");
	const void *update;
	size_t len;
	int r;

	while ((r = tacit_db_step(from, row)) > 0) {
		update = tacit_db_column_blob(row, 7, &len);
		r = tacit_db_run(to,
				 "INSERT INTO round(aggregator, round, state, at_ms, model_version,"
				 " dimensions, sum_of, \"update\") VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
				 "titiiitb", tacit_db_column_text(row, 0),
				 tacit_db_column_int(row, 1), tacit_db_column_text(row, 2),
				 tacit_db_column_int(row, 3), tacit_db_column_int(row, 4),
				 tacit_db_column_int(row, 5), tacit_db_column_text(row, 6), update,
				 len);
		if (r < 0)
			return r;
	}
	return r;
}

/* What was spent stays spent, even when the file that says so is damaged elsewhere. */
static int carry_over(struct tacit_store *store)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *from = NULL;
	int r = tacit_db_open_readonly(store->aside, &schema, &from);

	if (r == 0)
		r = carry_ledger(from, store->db);
	if (r == 0)
		r = carry_rounds(from, store->db);
	return r;
}

static int note_damage(struct tacit_store *store)
{
	int64_t now = tacit_clock_wall_ms();
	int lost, r;

	tacit_warning("the database was damaged: it is now %s, and a new one takes its place",
		      store->aside);
	lost = carry_over(store);
	if (lost < 0)
		tacit_warning("the privacy ledger in it could not be read to its end: %s",
			      tacit_strerror(lost));
	r = tacit_store_set_text(store, "aside", store->aside);
	if (r == 0)
		r = tacit_store_set_int(store, "aside_ms", now);
	if (r == 0 && lost < 0)
		r = tacit_store_set_int(store, "ledger_lost_ms", now);
	return r;
}

static int begin(struct tacit_store *store, const uint8_t *seed)
{
	int r = tacit_random_new(seed, &store->random);

	if (r < 0)
		return r;
	store->pending = TACIT_NEW_N(struct tacit_store_pending, TACIT_STORE_PENDING_MAX);
	if (!store->pending)
		return -ENOMEM;
	if (store->aside) {
		r = note_damage(store);
		if (r < 0)
			return r;
	}
	/* Rows are written once and seldom read: half a mebibyte of pages does. */
	r = tacit_db_run(store->db, "PRAGMA cache_size = -1024", "");
	if (r == 0) /* what secure sums leave behind are secrets */
		r = tacit_db_run(store->db, "PRAGMA secure_delete = ON", "");
	if (r < 0)
		return r;
	return tacit_db_run(store->db, "UPDATE anomaly SET state = ? WHERE state = ?", "ii",
			    (int64_t)TACIT_ANOMALY_INTERRUPTED, (int64_t)TACIT_ANOMALY_OPEN);
}

int tacit_store_open(const struct tacit_store_params *params, struct tacit_store **ret)
{
	TACIT_CLEANUP(tacit_store_close_p)
	struct tacit_store *store = TACIT_NEW(struct tacit_store);
	int r;

	if (!store)
		return -ENOMEM;
	r = tacit_db_open(params->path, &schema, &store->db, &store->aside);
	if (r == 0) /* KiB: rows are written and seldom read; the system has them in memory too */
		r = tacit_db_run(store->db, "PRAGMA cache_size = -1024", "");
	if (r == 0)
		r = begin(store, params->seed);
	if (r == 0)
		*ret = TACIT_TAKE(store);
	return r;
}

int tacit_store_open_readonly(const char *path, struct tacit_store **ret)
{
	TACIT_CLEANUP(tacit_store_close_p)
	struct tacit_store *store = TACIT_NEW(struct tacit_store);
	int r;

	if (!store)
		return -ENOMEM;
	r = tacit_db_open_readonly(path, &schema, &store->db);
	if (r == 0)
		*ret = TACIT_TAKE(store);
	return r;
}

void tacit_store_close(struct tacit_store *store)
{
	if (!store)
		return;
	if (store->db && tacit_store_flush(store) < 0)
		tacit_warning("%zu sampled windows could not be stored, ignoring",
			      store->n_pending);
	tacit_db_close(store->db);
	tacit_random_free(store->random);
	tacit_free(store->pending);
	tacit_free(store->aside);
	tacit_free(store);
}

struct tacit_db *tacit_store_db(struct tacit_store *store)
{
	return store->db;
}

const char *tacit_store_aside(const struct tacit_store *store)
{
	return store->aside;
}

uint64_t tacit_store_skipped(const struct tacit_store *store)
{
	return store->skipped;
}

void tacit_store_note_skipped(struct tacit_store *store)
{
	store->skipped++;
}

static struct sqlite3_stmt *query_meta(struct tacit_store *store, const char *key)
{
	return tacit_db_query(store->db, "SELECT value FROM meta WHERE key = ?", "t", key);
}

int tacit_store_get_int(struct tacit_store *store, const char *key, int64_t *ret)
{
	struct sqlite3_stmt *row = query_meta(store, key);
	int r = tacit_db_step(store->db, row);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = tacit_db_column_int(row, 0);
	tacit_store_finish(store, row);
	return 0;
}

int tacit_store_get_text(struct tacit_store *store, const char *key, char **ret)
{
	struct sqlite3_stmt *row = query_meta(store, key);
	int r = tacit_db_step(store->db, row);
	char *text;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	text = tacit_strdup(tacit_db_column_text(row, 0));
	tacit_store_finish(store, row);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

int tacit_store_set_int(struct tacit_store *store, const char *key, int64_t value)
{
	return tacit_db_run(store->db, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", "ti",
			    key, value);
}

int tacit_store_set_text(struct tacit_store *store, const char *key, const char *value)
{
	return tacit_db_run(store->db, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", "tt",
			    key, value);
}

int tacit_store_counts(struct tacit_store *store, int64_t since_ms, struct tacit_store_counts *ret)
{
	static const char sql[] =
		"SELECT (SELECT count(*) FROM scope), (SELECT count(*) FROM anomaly),"
		" (SELECT count(*) FROM minute), (SELECT count(*) FROM reservoir),"
		" (SELECT value FROM meta WHERE key = 'windows'), (SELECT max(last_ms) FROM scope),"
		" (SELECT count(*) FROM anomaly WHERE end_ms >= ?)";
	struct sqlite3_stmt *row = tacit_db_query(store->db, sql, "i", since_ms);
	int r = tacit_db_step(store->db, row);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (struct tacit_store_counts){
		.scopes = (uint64_t)tacit_db_column_int(row, 0),
		.anomalies = (uint64_t)tacit_db_column_int(row, 1),
		.minutes = (uint64_t)tacit_db_column_int(row, 2),
		.samples = (uint64_t)tacit_db_column_int(row, 3),
		.windows = (uint64_t)tacit_db_column_int(row, 4),
		.last_window_ms = tacit_db_column_int(row, 5),
		.anomalies_since = (uint64_t)tacit_db_column_int(row, 6),
	};
	tacit_store_finish(store, row);
	ret->bytes = tacit_db_size_bytes(store->db);
	return 0;
}

/* Rows that went, or an error. */
static int drop(struct tacit_store *store, const char *sql, int64_t before_ms)
{
	int r = tacit_db_run(store->db, sql, "ii", before_ms, (int64_t)RETAIN_ROWS);

	return r < 0 ? r : (int)tacit_db_changes(store->db);
}

#define DROP_MINUTES                                                                               \
	"DELETE FROM minute WHERE (at_ms, scope) IN"                                               \
	" (SELECT at_ms, scope FROM minute WHERE at_ms < ? ORDER BY at_ms LIMIT ?)"
#define DROP_ANOMALIES                                                                             \
	"DELETE FROM anomaly WHERE id IN"                                                          \
	" (SELECT id FROM anomaly WHERE end_ms < ? AND state <> 0 ORDER BY end_ms LIMIT ?)"
#define DROP_SAMPLES                                                                               \
	"DELETE FROM reservoir WHERE id IN"                                                        \
	" (SELECT id FROM reservoir WHERE at_ms < ? ORDER BY at_ms LIMIT ?)"
#define DROP_SCOPES                                                                                \
	"DELETE FROM scope WHERE id IN"                                                            \
	" (SELECT id FROM scope WHERE last_ms < ? ORDER BY last_ms LIMIT ?)"

static int drop_old(struct tacit_store *store, int64_t before_ms)
{
	static const char *const sql[] = { DROP_MINUTES, DROP_ANOMALIES, DROP_SCOPES };
	int sum = 0;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(sql); i++) {
		int r = drop(store, sql[i], before_ms);

		if (r < 0)
			return r;
		sum += r;
	}
	return sum;
}

/* Least worth first: summaries, then samples, then anomalies. Models, ledger and rounds stay. */
static int drop_one_kind(struct tacit_store *store)
{
	static const char *const sql[] = { DROP_MINUTES, DROP_SAMPLES, DROP_ANOMALIES };
	int r = 0;

	for (size_t i = 0; r == 0 && i < TACIT_ARRAY_LEN(sql); i++)
		r = drop(store, sql[i], INT64_MAX);
	return r;
}

int tacit_store_retain(struct tacit_store *store, int64_t now_ms, int64_t max_age_ms,
		       int64_t max_bytes)
{
	int old = max_age_ms > 0 ? drop_old(store, now_ms - max_age_ms) : 0;
	int many = 0;

	if (old >= 0 && tacit_db_size_bytes(store->db) > max_bytes)
		many = drop_one_kind(store);
	if (old < 0 || many < 0)
		return old < 0 ? old : many;
	return old + many;
}
