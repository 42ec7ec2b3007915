/* SPDX-License-Identifier: MIT */
/* The steps of a secure sum, each on disk before its message leaves. */
#include "ledger_private.h"

#include <tacit/cleanup.h>

void tacit_ledger_stand_done(struct tacit_ledger_stand *stand)
{
	if (stand->state)
		tacit_wipe(stand->state, stand->state_len);
	tacit_free(stand->state);
	tacit_free(stand->message);
	tacit_free(stand->document);
	*stand = (struct tacit_ledger_stand){ 0 };
}

/* What one durable transaction does. Plain record; only what it needs is there. */
struct act {
	int (*run)(struct tacit_db *db, const struct act *act);
	const char *aggregator;
	const struct tacit_ledger_stand *stand;
	const struct tacit_ledger_entry *entry;
	const struct tacit_ledger_limits *limits;
	int64_t wall_ms;
};

static int run_once(struct tacit_db *db, const struct act *act)
{
	int r = tacit_db_begin(db);

	return r < 0 ? r : tacit_db_end(db, act->run(db, act));
}

static int run_durably(struct tacit_db *db, const struct act *act)
{
	int r = tacit_db_set_durable(db, true);

	if (r < 0)
		return r;
	r = run_once(db, act);
	/* Being too durable from now on would only be slow. */
	(void)!tacit_db_set_durable(db, false);
	return r;
}

static int join(struct tacit_db *db, const struct act *act)
{
	const struct tacit_ledger_stand *stand = act->stand;
	int r = tacit_ledger_check_newer(db, act->aggregator, stand->round);

	if (r == 0)
		r = tacit_db_run(db,
				 "INSERT INTO round(aggregator, round, state, at_ms, model_version)"
				 " VALUES(?, ?, 'joined', ?, ?)",
				 "tiii", act->aggregator, (int64_t)stand->round, act->wall_ms,
				 (int64_t)stand->model_version);
	if (r < 0)
		return r;
	return tacit_db_run(db,
			    "INSERT OR REPLACE INTO secure(aggregator, round, model_version, state,"
			    " message, sent, document) VALUES(?, ?, ?, ?, ?, 0, ?)",
			    "tiibbt", act->aggregator, (int64_t)stand->round,
			    (int64_t)stand->model_version, stand->state, stand->state_len,
			    stand->message, stand->message_len, stand->document);
}

int tacit_ledger_join(struct tacit_db *db, const char *aggregator,
		      const struct tacit_ledger_stand *stand, int64_t wall_ms)
{
	const struct act act = {
		.run = join, .aggregator = aggregator, .stand = stand, .wall_ms = wall_ms
	};

	if (stand->round < 1 || stand->round > INT64_MAX || aggregator[0] == '\0')
		return -EINVAL;
	return run_durably(db, &act);
}

static int advance(struct tacit_db *db, const struct act *act)
{
	const struct tacit_ledger_stand *stand = act->stand;
	int r = tacit_db_run(db,
			     "UPDATE secure SET state = ?, message = ?, sent = 0"
			     " WHERE aggregator = ? AND round = ?",
			     "bbti", stand->state, stand->state_len, stand->message,
			     stand->message_len, act->aggregator, (int64_t)stand->round);

	if (r < 0)
		return r;
	return tacit_db_changes(db) > 0 ? 0 : -ENOENT;
}

int tacit_ledger_advance(struct tacit_db *db, const char *aggregator,
			 const struct tacit_ledger_stand *stand)
{
	const struct act act = { .run = advance, .aggregator = aggregator, .stand = stand };

	return run_durably(db, &act);
}

static int mask(struct tacit_db *db, const struct act *act)
{
	const struct tacit_ledger_entry *entry = act->entry;
	int r = advance(db, act);

	if (r == 0)
		r = tacit_ledger_charge(db, entry, act->limits, act->wall_ms);
	if (r < 0)
		return r;
	return tacit_db_run(db,
			    "UPDATE round SET state = 'prepared', at_ms = ?, dimensions = ?,"
			    " sum_of = ? WHERE aggregator = ? AND round = ?",
			    "iitti", act->wall_ms, (int64_t)entry->dimensions, entry->sum_of,
			    entry->aggregator, (int64_t)entry->round);
}

int tacit_ledger_mask(struct tacit_db *db, const struct tacit_ledger_entry *entry,
		      const struct tacit_ledger_limits *limits,
		      const struct tacit_ledger_stand *stand, int64_t wall_ms)
{
	const struct act act = {
		.run = mask,
		.aggregator = entry->aggregator,
		.stand = stand,
		.entry = entry,
		.limits = limits,
		.wall_ms = wall_ms,
	};

	if (entry->round != stand->round || !tacit_ledger_is_sound(entry))
		return -EINVAL;
	return run_durably(db, &act);
}

int tacit_ledger_arrived(struct tacit_db *db, const char *aggregator, uint64_t round)
{
	int r = tacit_db_run(db, "UPDATE secure SET sent = 1 WHERE aggregator = ? AND round = ?",
			     "ti", aggregator, (int64_t)round);

	if (r < 0)
		return r;
	return tacit_db_changes(db) > 0 ? 0 : -ENOENT;
}

static int read_stand(struct sqlite3_stmt *row, struct tacit_ledger_stand *ret)
{
	struct tacit_ledger_stand stand = {
		.round = (uint64_t)tacit_db_column_int(row, 0),
		.model_version = (uint64_t)tacit_db_column_int(row, 1),
		.sent = tacit_db_column_int(row, 4) != 0,
	};
	const void *state = tacit_db_column_blob(row, 2, &stand.state_len);
	const void *message = tacit_db_column_blob(row, 3, &stand.message_len);
	const char *document = tacit_db_column_text(row, 5);

	stand.state = (uint8_t *)tacit_memdup(state ? state : "", stand.state_len);
	stand.message = (uint8_t *)tacit_memdup(message ? message : "", stand.message_len);
	if (document[0])
		stand.document = tacit_strdup(document);
	if (!stand.state || !stand.message || (document[0] && !stand.document)) {
		tacit_ledger_stand_done(&stand);
		return -ENOMEM;
	}
	*ret = stand;
	return 1;
}

int tacit_ledger_resume(struct tacit_db *db, const char *aggregator, struct tacit_ledger_stand *ret)
{
	struct sqlite3_stmt *row =
		tacit_db_query(db,
			       "SELECT round, model_version, state, message,"
			       " sent, document FROM secure WHERE aggregator = ?",
			       "t", aggregator);
	int r = tacit_db_step(db, row);

	if (r <= 0)
		return r;
	r = read_stand(row, ret);
	tacit_db_reset(row);
	return r;
}

static int leave(struct tacit_db *db, const char *aggregator, uint64_t round,
		 enum tacit_ledger_state state)
{
	/* The database overwrites what it deletes (PRAGMA secure_delete in agent/store.c). */
	int r = tacit_db_run(db, "DELETE FROM secure WHERE aggregator = ? AND round = ?", "ti",
			     aggregator, (int64_t)round);

	if (r == 0 && state == TACIT_LEDGER_LEFT)
		r = tacit_db_run(db,
				 "UPDATE round SET state = 'left'"
				 " WHERE aggregator = ? AND round = ? AND state = 'joined'",
				 "ti", aggregator, (int64_t)round);
	else if (r == 0)
		r = tacit_db_run(
			db,
			"UPDATE round SET state = ?"
			" WHERE aggregator = ? AND round = ? AND state IN ('joined', 'prepared')",
			"tti", tacit_ledger_state_name(state), aggregator, (int64_t)round);
	return r < 0 ? r : tacit_ledger_prune(db, aggregator);
}

int tacit_ledger_leave(struct tacit_db *db, const char *aggregator, uint64_t round,
		       enum tacit_ledger_state state)
{
	int r = tacit_db_begin(db);

	if (r == 0)
		r = tacit_db_end(db, leave(db, aggregator, round, state));
	if (r < 0)
		return r;
	/* Nor shall the log keep it; a reader that is in the way is no failure. */
	(void)!tacit_db_run(db, "PRAGMA wal_checkpoint(TRUNCATE)", "");
	return 0;
}
