/* SPDX-License-Identifier: MIT */
#include "ledger_private.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tacit/accountant.h>
#include <tacit/cleanup.h>

/* A charge that makes no sense counts as infinite: a damaged ledger must not buy more rounds. */
#define SUM_RHO                                                                                    \
	"coalesce(sum(CASE WHEN typeof(rho) = 'real' AND rho >= 0 THEN rho ELSE 9e999 END), 0.0)"

const char *tacit_ledger_state_name(enum tacit_ledger_state state)
{
	static const char *const names[] = {
		[TACIT_LEDGER_PREPARED] = "prepared", [TACIT_LEDGER_SENT] = "sent",
		[TACIT_LEDGER_LATE] = "late",	      [TACIT_LEDGER_REFUSED] = "refused",
		[TACIT_LEDGER_JOINED] = "joined",     [TACIT_LEDGER_LEFT] = "left",
	};

	return names[state];
}

static int spent(struct tacit_db *db, double *ret_rho, uint64_t *ret_rounds)
{
	struct sqlite3_stmt *row =
		tacit_db_query(db, "SELECT " SUM_RHO ", count(*) FROM ledger", "");
	int r = tacit_db_step(db, row);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret_rho = tacit_db_column_double(row, 0);
	*ret_rounds = (uint64_t)tacit_db_column_int(row, 1);
	tacit_db_reset(row);
	return 0;
}

int tacit_ledger_afford(struct tacit_db *db, double rho, const struct tacit_ledger_limits *limits)
{
	uint64_t rounds;
	double before;
	int r = spent(db, &before, &rounds);

	if (r < 0)
		return r;
	/* Written so that a NaN is refused too. */
	if (!(tacit_zcdp_epsilon(before + rho, limits->delta) <= limits->max_epsilon))
		return TACIT_EBUDGET;
	return 0;
}

int tacit_ledger_newest(struct tacit_db *db, const char *aggregator, uint64_t *ret)
{
	struct sqlite3_stmt *row = tacit_db_query(
		db,
		"SELECT coalesce(max(round), 0) FROM (SELECT round FROM round WHERE aggregator = ?"
		" UNION ALL SELECT round FROM ledger WHERE aggregator = ?)",
		"tt", aggregator, aggregator);
	int r = tacit_db_step(db, row);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (uint64_t)tacit_db_column_int(row, 0);
	tacit_db_reset(row);
	return 0;
}

int tacit_ledger_check_newer(struct tacit_db *db, const char *aggregator, uint64_t round)
{
	uint64_t newest;
	int r = tacit_ledger_newest(db, aggregator, &newest);

	if (r < 0)
		return r;
	return round > newest ? 0 : TACIT_ESTALE;
}

int tacit_ledger_charge(struct tacit_db *db, const struct tacit_ledger_entry *entry,
			const struct tacit_ledger_limits *limits, int64_t wall_ms)
{
	const char *mode = tacit_mode_name(entry->mode);
	int r = mode ? tacit_ledger_afford(db, entry->rho, limits) : -EINVAL;

	if (r < 0)
		return r;
	return tacit_db_run(db,
			    "INSERT INTO ledger(round, aggregator, at_ms, mode, noise_multiplier,"
			    " clip_norm, rho, classes, hosts) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
			    "ititdddii", (int64_t)entry->round, entry->aggregator, wall_ms, mode,
			    entry->noise_multiplier, entry->clip_norm, entry->rho,
			    (int64_t)entry->classes, (int64_t)(entry->hosts ? entry->hosts : 1));
}

static int keep_update(struct tacit_db *db, const struct tacit_ledger_entry *entry,
		       const void *update, size_t len, int64_t wall_ms)
{
	return tacit_db_run(db,
			    "INSERT INTO round(aggregator, round, state, at_ms, model_version,"
			    " dimensions, sum_of, \"update\") VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			    "titiiitb", entry->aggregator, (int64_t)entry->round,
			    tacit_ledger_state_name(TACIT_LEDGER_PREPARED), wall_ms,
			    (int64_t)entry->model_version, (int64_t)entry->dimensions,
			    entry->sum_of, update, len);
}

static int spend_once(struct tacit_db *db, const struct tacit_ledger_entry *entry,
		      const struct tacit_ledger_limits *limits, const void *update, size_t len,
		      int64_t wall_ms)
{
	int r = tacit_db_begin(db);

	if (r < 0)
		return r;
	r = tacit_ledger_check_newer(db, entry->aggregator, entry->round);
	if (r == 0)
		r = tacit_ledger_charge(db, entry, limits, wall_ms);
	if (r == 0)
		r = keep_update(db, entry, update, len, wall_ms);
	return tacit_db_end(db, r);
}

bool tacit_ledger_is_sound(const struct tacit_ledger_entry *entry)
{
	return entry->round >= 1 && entry->round <= INT64_MAX && entry->rho > 0 &&
	       entry->aggregator[0] != '\0';
}

int tacit_ledger_spend(struct tacit_db *db, const struct tacit_ledger_entry *entry,
		       const struct tacit_ledger_limits *limits, const void *update, size_t len,
		       int64_t wall_ms)
{
	int r;

	if (len == 0 || !tacit_ledger_is_sound(entry))
		return -EINVAL;
	r = tacit_db_set_durable(db, true);
	if (r < 0)
		return r;
	r = spend_once(db, entry, limits, update, len, wall_ms);
	/* Being too durable from now on would only be slow. */
	(void)!tacit_db_set_durable(db, false);
	return r;
}

int tacit_ledger_pending(struct tacit_db *db, const char *aggregator, uint64_t *ret_round,
			 uint8_t **ret_update, size_t *ret_len)
{
	struct sqlite3_stmt *row = tacit_db_query(
		db,
		"SELECT round, \"update\" FROM round WHERE aggregator = ? AND state = 'prepared'"
		" AND \"update\" IS NOT NULL ORDER BY round DESC LIMIT 1",
		"t", aggregator);
	int r = tacit_db_step(db, row);
	const void *update;
	uint8_t *copy;
	size_t len;

	if (r <= 0)
		return r;
	update = tacit_db_column_blob(row, 1, &len);
	copy = (uint8_t *)tacit_memdup(update, len);
	if (copy) {
		*ret_round = (uint64_t)tacit_db_column_int(row, 0);
		*ret_update = copy;
		*ret_len = len;
	}
	tacit_db_reset(row);
	return copy ? 1 : -ENOMEM;
}

int tacit_ledger_settle(struct tacit_db *db, const char *aggregator, uint64_t round,
			enum tacit_ledger_state state)
{
	int r = tacit_db_run(db,
			     "UPDATE round SET state = ?, \"update\" = NULL"
			     " WHERE aggregator = ? AND round = ?",
			     "tti", tacit_ledger_state_name(state), aggregator, (int64_t)round);

	if (r < 0)
		return r;
	return tacit_db_changes(db) > 0 ? 0 : -ENOENT;
}

static int note_refusal(struct tacit_db *db, uint64_t round, const char *why)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "round %llu: %s", (unsigned long long)round, why);
	return tacit_db_run(db, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", "tt",
			    TACIT_LEDGER_META_REFUSED, text);
}

int tacit_ledger_prune(struct tacit_db *db, const char *aggregator)
{
	return tacit_db_run(
		db,
		"DELETE FROM round WHERE aggregator = ? AND state IN ('refused', 'left')"
		" AND round NOT IN (SELECT round FROM ledger WHERE aggregator = ?)"
		" AND round NOT IN (SELECT round FROM round WHERE aggregator = ?"
		" AND state IN ('refused', 'left') ORDER BY round DESC LIMIT ?)",
		"ttti", aggregator, aggregator, aggregator, (int64_t)TACIT_LEDGER_REFUSALS_MAX);
}

int tacit_ledger_refuse(struct tacit_db *db, const char *aggregator, uint64_t round,
			const char *why, int64_t wall_ms)
{
	int r;

	if (round < 1 || round > INT64_MAX)
		return -EINVAL;
	r = tacit_db_begin(db);
	if (r < 0)
		return r;
	r = tacit_db_run(db,
			 "INSERT OR IGNORE INTO round(aggregator, round, state, at_ms)"
			 " VALUES(?, ?, 'refused', ?)",
			 "tii", aggregator, (int64_t)round, wall_ms);
	if (r == 0)
		r = note_refusal(db, round, why);
	if (r == 0)
		r = tacit_ledger_prune(db, aggregator);
	return tacit_db_end(db, r);
}

static int count_states(struct tacit_db *db, struct tacit_ledger_totals *ret)
{
	struct sqlite3_stmt *row =
		tacit_db_query(db, "SELECT state, count(*) FROM round GROUP BY state", "");
	int r;

	while ((r = tacit_db_step(db, row)) > 0) {
		const char *state = tacit_db_column_text(row, 0);
		uint64_t n = (uint64_t)tacit_db_column_int(row, 1);

		if (strcmp(state, "sent") == 0)
			ret->sent = n;
		else if (strcmp(state, "late") == 0)
			ret->late = n;
		else if (strcmp(state, "refused") == 0)
			ret->refused = n;
	}
	return r;
}

int tacit_ledger_totals(struct tacit_db *db, const struct tacit_ledger_limits *limits,
			struct tacit_ledger_totals *ret)
{
	struct tacit_ledger_totals totals = { 0 };
	int r = spent(db, &totals.rho, &totals.rounds);

	if (r == 0)
		r = count_states(db, &totals);
	if (r < 0)
		return r;
	totals.epsilon = tacit_zcdp_epsilon(totals.rho, limits->delta);
	totals.remaining = fmax(limits->max_epsilon - totals.epsilon, 0);
	*ret = totals;
	return 0;
}
