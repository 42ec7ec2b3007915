/* SPDX-License-Identifier: MIT */
/* Anomalies: one row an episode. */
#include "store_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const states[] = {
	[TACIT_ANOMALY_OPEN] = "open",
	[TACIT_ANOMALY_ENDED] = "ended",
	[TACIT_ANOMALY_INTERRUPTED] = "interrupted",
};

const char *tacit_anomaly_state_name(enum tacit_anomaly_state state)
{
	return states[state];
}

static int insert(struct tacit_store *store, struct tacit_anomaly *anomaly)
{
	int r = tacit_db_run(store->db,
			     "INSERT INTO anomaly(scope_name, class, start_ms, end_ms, peak_ms,"
			     " windows, statistic, peak, threshold, model_version, state, detail)"
			     " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			     "ttiiiiiddiit", anomaly->scope, anomaly->class, anomaly->start_ms,
			     anomaly->end_ms, anomaly->peak_ms, (int64_t)anomaly->windows,
			     (int64_t)anomaly->statistic, anomaly->peak, anomaly->threshold,
			     (int64_t)anomaly->model_version, (int64_t)anomaly->state,
			     anomaly->detail);

	if (r == 0)
		anomaly->id = tacit_db_last_id(store->db);
	return r;
}

int tacit_store_put_anomaly(struct tacit_store *store, struct tacit_anomaly *anomaly)
{
	if (anomaly->id == 0)
		return insert(store, anomaly);
	return tacit_db_run(
		store->db,
		"UPDATE anomaly SET end_ms = ?, peak_ms = ?, windows = ?, statistic = ?,"
		" peak = ?, threshold = ?, model_version = ?, state = ?, detail = ?"
		" WHERE id = ?",
		"iiiiddiiti", anomaly->end_ms, anomaly->peak_ms, (int64_t)anomaly->windows,
		(int64_t)anomaly->statistic, anomaly->peak, anomaly->threshold,
		(int64_t)anomaly->model_version, (int64_t)anomaly->state, anomaly->detail,
		anomaly->id);
}

#define COLUMNS                                                                                    \
	"id, scope_name, class, start_ms, end_ms, peak_ms, windows, statistic, peak, threshold,"   \
	" model_version, state, detail"

static bool plausible(const struct tacit_anomaly *anomaly, int64_t windows, int64_t statistic,
		      int64_t state)
{
	return windows >= 0 && statistic >= 0 && statistic < TACIT_STATISTIC_COUNT &&
	       state >= TACIT_ANOMALY_OPEN && state <= TACIT_ANOMALY_INTERRUPTED &&
	       isfinite(anomaly->peak) && isfinite(anomaly->threshold) &&
	       anomaly->end_ms >= anomaly->start_ms &&
	       strlen(anomaly->detail) <= TACIT_STORE_DETAIL_MAX;
}

static int decode(struct sqlite3_stmt *row, struct tacit_anomaly *ret)
{
	const char *scope = tacit_db_column_text(row, 1);
	const char *class = tacit_db_column_text(row, 2);
	struct tacit_anomaly anomaly = {
		.id = tacit_db_column_int(row, 0),
		.start_ms = tacit_db_column_int(row, 3),
		.end_ms = tacit_db_column_int(row, 4),
		.peak_ms = tacit_db_column_int(row, 5),
		.peak = tacit_db_column_double(row, 8),
		.threshold = tacit_db_column_double(row, 9),
		.model_version = (uint64_t)tacit_db_column_int(row, 10),
		.detail = tacit_db_column_text(row, 12),
	};
	int64_t windows = tacit_db_column_int(row, 6);
	int64_t statistic = tacit_db_column_int(row, 7);
	int64_t state = tacit_db_column_int(row, 11);

	if (scope[0] == '\0' || strlen(scope) >= sizeof(anomaly.scope) ||
	    strlen(class) >= sizeof(anomaly.class) ||
	    !plausible(&anomaly, windows, statistic, state))
		return TACIT_EDAMAGED;
	(void)snprintf(anomaly.scope, sizeof(anomaly.scope), "%s", scope);
	(void)snprintf(anomaly.class, sizeof(anomaly.class), "%s", class);
	anomaly.windows = (uint64_t)windows;
	anomaly.statistic = (enum tacit_statistic)statistic;
	anomaly.state = (enum tacit_anomaly_state)state;
	*ret = anomaly;
	return 0;
}

int tacit_store_each_anomaly(struct tacit_store *store, int64_t since_ms, uint32_t max,
			     tacit_store_anomaly_fn *fn, void *ctx)
{
	struct sqlite3_stmt *row =
		tacit_db_query(store->db,
			       "SELECT " COLUMNS " FROM anomaly WHERE end_ms >= ?"
			       " ORDER BY end_ms DESC, id DESC LIMIT ?",
			       "ii", since_ms, (int64_t)max);
	struct tacit_anomaly anomaly;
	int n = 0, r;

	while ((r = tacit_db_step(store->db, row)) > 0) {
		if (decode(row, &anomaly) < 0) {
			store->skipped++;
			continue;
		}
		fn(ctx, &anomaly);
		n++;
	}
	return r < 0 ? r : n;
}

int tacit_store_get_anomaly(struct tacit_store *store, int64_t id, tacit_store_anomaly_fn *fn,
			    void *ctx)
{
	struct sqlite3_stmt *row =
		tacit_db_query(store->db, "SELECT " COLUMNS " FROM anomaly WHERE id = ?", "i", id);
	int r = tacit_db_step(store->db, row);
	struct tacit_anomaly anomaly;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = decode(row, &anomaly);
	if (r < 0)
		store->skipped++;
	else
		fn(ctx, &anomaly);
	tacit_store_finish(store, row);
	return r;
}

int tacit_store_watched(struct tacit_store *store, int64_t since_ms, struct tacit_store_watch *ret)
{
	struct sqlite3_stmt *row = tacit_db_query(
		store->db,
		"SELECT (SELECT count(DISTINCT at_ms) FROM minute WHERE at_ms >= ?1),"
		" (SELECT count(*) FROM anomaly WHERE end_ms >= ?1)",
		"i", since_ms);
	int r = tacit_db_step(store->db, row);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (struct tacit_store_watch){
		.minutes = (uint64_t)tacit_db_column_int(row, 0),
		.episodes = (uint64_t)tacit_db_column_int(row, 1),
	};
	tacit_store_finish(store, row);
	return 0;
}
