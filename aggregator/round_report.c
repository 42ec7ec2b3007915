/* SPDX-License-Identifier: MIT */
/* What administrators are told of rounds, and of the privacy they cost. */
#include "round.h"

#include <stdbool.h>

#include <tacit/cleanup.h>

#include "cohort.h"
#include "fleetdb.h"
#include "round_mode.h"
#include "rows.h"
#include "tasks.h"

/* While a round is collecting, its updates are those of its partial sums, masked or not. */
#define LIST_COLUMNS                                                                               \
	"id, state, task, model_version, opened_ms, closed_ms,"                                    \
	" CASE state WHEN 'collecting' THEN"                                                       \
	" (SELECT count(*) FROM participation WHERE participation.round = round.id)"               \
	" ELSE updates END, min_cohort, release, reason, mode, purpose"

/* Of a secure round's sums, the largest cost. */
#define RHO	    "(SELECT max(rho) FROM cohort WHERE cohort.round = round.id)"
#define RHO_RELEASE "(SELECT max(rho_release) FROM cohort WHERE cohort.round = round.id)"

static json_t *list_row(struct sqlite3_stmt *query)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:s?}", "round",
			 tacit_rows_int(query, 0), "state", tacit_rows_text(query, 1), "task",
			 tacit_rows_int(query, 2), "model", tacit_rows_int(query, 3), "opened",
			 tacit_rows_time(query, 4), "closed", tacit_rows_time(query, 5), "updates",
			 tacit_rows_int(query, 6), "min_cohort", tacit_rows_int(query, 7),
			 "release", tacit_rows_int(query, 8), "reason", tacit_rows_text(query, 9),
			 "mode", tacit_mode_name((enum tacit_mode)tacit_db_column_int(query, 10)),
			 "purpose",
			 tacit_purpose_name((enum tacit_purpose)tacit_db_column_int(query, 11)));
}

int tacit_round_list(struct tacit_db *db, unsigned limit, json_t **ret)
{
	struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT " LIST_COLUMNS " FROM round ORDER BY id DESC LIMIT ?",
			       "i", (int64_t)limit);

	return tacit_rows_collect(db, query, list_row, ret);
}

/* Hosts' noise adds up in a sum of @updates: whoever sees only that learns so much less. */
static double release_rho(double noise_multiplier, int64_t updates)
{
	return updates > 0 ? tacit_round_rho(noise_multiplier) / (double)updates : 0;
}

/* Of a round that was abandoned, or is collecting, nobody but the aggregator learns anything. */
static bool is_told(char state)
{
	return state == 'r' || state == 'e';
}

/* Local: the same for all. Distributed: of the sums that are known, of those that are not yet what
 * they are meant to have. */
static json_t *show_privacy(struct sqlite3_stmt *query)
{
	double noise_multiplier = tacit_db_column_double(query, 14);
	bool secure = tacit_db_column_int(query, 10) == TACIT_MODE_DISTRIBUTED;
	double rho = tacit_round_rho(noise_multiplier), released;

	released = secure ? tacit_db_column_double(query, 21)
			  : release_rho(noise_multiplier, tacit_db_column_int(query, 6));
	if (secure && !tacit_fleetdb_column_is_null(query, 20))
		rho = tacit_db_column_double(query, 20);
	return json_pack("{s:f, s:o, s:o}", "delta", TACIT_ROUND_DELTA, "epsilon_aggregator",
			 tacit_rows_epsilon(rho), "epsilon_release",
			 is_told(tacit_db_column_text(query, 1)[0]) ? tacit_rows_epsilon(released)
								    : json_null());
}

static json_t *group_row(struct sqlite3_stmt *query)
{
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "group", tacit_rows_int(query, 0),
		"phase",
		tacit_cohort_phase_name((enum tacit_cohort_phase)tacit_db_column_int(query, 1)),
		"hosts", tacit_rows_int(query, 2), "degree", tacit_rows_int(query, 3), "threshold",
		tacit_rows_int(query, 4), "survivors", tacit_rows_int(query, 5), "noise_sd",
		tacit_rows_real(query, 6), "sum_sha256", tacit_rows_hex(query, 7), "reason",
		tacit_rows_text(query, 8));
}

static int show_groups(struct tacit_db *db, uint64_t round, json_t **ret)
{
	return tacit_rows_collect(
		db,
		tacit_db_query(db,
			       "SELECT grp, phase, hosts, degree, threshold, survivors, noise_sd,"
			       " sum_sha256, reason FROM cohort WHERE round = ? ORDER BY grp",
			       "i", (int64_t)round),
		group_row, ret);
}

static json_t *show_row(struct sqlite3_stmt *query)
{
	TACIT_CLEANUP(json_decrefp) json_t *document = list_row(query);
	json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "dimensions",
				 tacit_rows_int(query, 12), "clip_norm", tacit_rows_real(query, 13),
				 "noise_multiplier", tacit_rows_real(query, 14), "max_cohort",
				 tacit_rows_int(query, 15), "collect_sec",
				 tacit_rows_real(query, 16), "noise_sd", tacit_rows_real(query, 17),
				 "signal", tacit_rows_real(query, 18), "signal_to_noise",
				 tacit_rows_real(query, 19), "privacy", show_privacy(query));
	int r = document && more ? json_object_update(document, more) : -1;

	json_decref(more);
	return r < 0 ? NULL : TACIT_TAKE(document);
}

int tacit_round_show(struct tacit_db *db, uint64_t round, json_t **ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db,
			       "SELECT " LIST_COLUMNS ", dimensions, clip_norm,"
			       " noise_multiplier, max_updates, collect_ms / 1000.0, noise_sd,"
			       " signal, snr, " RHO ", " RHO_RELEASE " FROM round WHERE id = ?",
			       "i", (int64_t)round);
	json_t *document, *groups = NULL;
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r;
	document = show_row(query);
	if (!document)
		return -ENOMEM;
	r = show_groups(db, round, &groups);
	if (r == 0 && json_object_set_new(document, "groups", groups) < 0)
		r = -ENOMEM;
	if (r == 0)
		*ret = TACIT_TAKE(document);
	json_decref(document);
	return r;
}

struct summary {
	int64_t released, evaluated, abandoned, collecting;
	int64_t hosts; /* that took part at least once, the round under way included */
	double worst;  /* rho of the host that spent most, likewise */
	double all;    /* rho of all releases together, for a host that took part in each */
};

static int count_rounds(struct tacit_db *db, struct summary *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db,
			       "SELECT state, noise_multiplier, updates, count(*), groups,"
			       " sum(" RHO_RELEASE ") FROM round"
			       " GROUP BY state, noise_multiplier, updates, groups",
			       "");
	int r;

	while ((r = tacit_db_step(db, query)) > 0) {
		char state = tacit_db_column_text(query, 0)[0];
		int64_t n = tacit_db_column_int(query, 3);

		ret->released += state == 'r' ? n : 0;
		ret->evaluated += state == 'e' ? n : 0;
		ret->abandoned += state == 'a' ? n : 0;
		ret->collecting += state == 'c' ? n : 0;
		if (!is_told(state))
			continue;
		if (tacit_db_column_int(query, 4) > 0)
			ret->all += tacit_db_column_double(query, 5);
		else
			ret->all += (double)n * release_rho(tacit_db_column_double(query, 1),
							    tacit_db_column_int(query, 2));
	}
	return r;
}

static int find_worst(struct tacit_db *db, struct summary *ret)
{
	struct tacit_round round = { 0 };
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = NULL;
	double open_rho;
	int r = tacit_round_get_current(db, &round);

	if (r < 0 && r != -ENOENT)
		return r;
	/* What secure sums cost is charged as each ends. */
	open_rho = r == 0 && round.groups == 0 ? tacit_round_rho(round.doc.noise_multiplier) : 0;
	query = tacit_db_query(db,
			       "SELECT count(*), max(rho + CASE WHEN p.host IS NULL THEN 0"
			       " ELSE ? END) FROM host LEFT JOIN participation p"
			       " ON p.round = ? AND p.host = number"
			       " WHERE rounds > 0 OR p.host IS NOT NULL",
			       "di", open_rho, (int64_t)round.doc.round);
	r = tacit_fleetdb_row(db, query);
	if (r < 0)
		return r;
	ret->hosts = tacit_db_column_int(query, 0);
	ret->worst = tacit_db_column_double(query, 1);
	return 0;
}

/* Of the newest round, or of the next when there was none. */
static int find_mode(struct tacit_db *db, const struct tacit_task *task, enum tacit_mode *ret)
{
	struct tacit_round round;
	int r = tacit_round_get_newest(db, &round);

	if (r == -ENOENT)
		r = tacit_round_mode_choose(db, task, &round);
	if (r == 0)
		*ret = round.doc.mode;
	return r;
}

int tacit_round_privacy(struct tacit_db *db, json_t **ret)
{
	enum tacit_mode mode = TACIT_MODE_LOCAL;
	struct tacit_task_version task;
	struct summary sum = { 0 };
	json_t *document;
	int r;

	r = tacit_tasks_get(db, 0, &task);
	if (r == 0)
		r = count_rounds(db, &sum);
	if (r == 0)
		r = find_worst(db, &sum);
	if (r == 0)
		r = find_mode(db, &task.task, &mode);
	if (r < 0)
		return r;
	document =
		json_pack("{s:f, s:s, s:{s:I, s:I, s:I, s:I}, s:{s:o, s:o, s:I}, s:{s:o}}", "delta",
			  TACIT_ROUND_DELTA, "mode", tacit_mode_name(mode), "rounds", "released",
			  sum.released, "evaluated", sum.evaluated, "abandoned", sum.abandoned,
			  "collecting", sum.collecting, "against_aggregator", "next_round",
			  tacit_rows_epsilon(tacit_round_rho(task.task.noise_multiplier)),
			  "worst_host", tacit_rows_epsilon(sum.worst), "hosts", sum.hosts,
			  "released_models", "all_rounds", tacit_rows_epsilon(sum.all));
	if (!document)
		return -ENOMEM;
	*ret = document;
	return 0;
}
