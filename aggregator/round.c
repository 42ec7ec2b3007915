/* SPDX-License-Identifier: MIT */
#include "round.h"

#include <math.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/protect.h>

#include "cohort.h"
#include "fairness.h"
#include "fleetdb.h"
#include "release.h"
#include "round_mode.h"
#include "round_sum.h"
#include "tasks.h"

/* The largest sum, in clip norms: half of 2^32 steps of the grid. A little is left for rounding,
 * whose bound is above the clip norm by less than a part in 2^12. */
#define SUM_CLIP_NORMS_MAX 32000.0
#define NOISE_SIGMAS	   8.0 /* beyond them noise does not reach: 1e-15 per number */

#define ROUND_COLUMNS                                                                              \
	"id, state, task, task_digest, mode, model_version, model, dimensions, clip_norm,"         \
	" noise_multiplier, min_cohort, max_updates, opened_ms, collect_ms, groups, salt,"         \
	" purpose"

static const char *const state_names[] = { "collecting", "released", "abandoned", "evaluated" };

const char *tacit_round_state_name(enum tacit_round_state state)
{
	return state_names[state];
}

static int read_state(const char *name, enum tacit_round_state *ret)
{
	for (unsigned i = 0; i < TACIT_ARRAY_LEN(state_names); i++)
		if (strcmp(name, state_names[i]) == 0) {
			*ret = (enum tacit_round_state)i;
			return 0;
		}
	return TACIT_EDAMAGED;
}

uint32_t tacit_round_cohort_limit(double noise_multiplier)
{
	/* n + b sqrt(n) = c, solved for sqrt(n). */
	double b = NOISE_SIGMAS * noise_multiplier;
	double root = (sqrt(b * b + 4 * SUM_CLIP_NORMS_MAX) - b) / 2;

	return (uint32_t)(root * root);
}

double tacit_round_rho(double noise_multiplier)
{
	return tacit_protect_rho(&(struct tacit_protect_params){
		.clip_norm = 1, .noise_multiplier = noise_multiplier });
}

static int read_row(struct sqlite3_stmt *query, struct tacit_round *ret)
{
	struct tacit_round round = {
		.doc = { .round = (uint64_t)tacit_db_column_int(query, 0),
			 .mode = (enum tacit_mode)tacit_db_column_int(query, 4),
			 .model_version = (uint64_t)tacit_db_column_int(query, 5),
			 .dimensions = (uint32_t)tacit_db_column_int(query, 7),
			 .clip_norm = tacit_db_column_double(query, 8),
			 .noise_multiplier = tacit_db_column_double(query, 9),
			 .min_cohort = (uint32_t)tacit_db_column_int(query, 10),
			 .purpose = (enum tacit_purpose)tacit_db_column_int(query, 16) },
		.task_version = (uint64_t)tacit_db_column_int(query, 2),
		.max_updates = (uint32_t)tacit_db_column_int(query, 11),
		.opened_ms = tacit_db_column_int(query, 12),
		.collect_ms = tacit_db_column_int(query, 13),
		.groups = (uint32_t)tacit_db_column_int(query, 14),
	};
	int r;

	r = read_state(tacit_db_column_text(query, 1), &round.state);
	if (r == 0)
		r = tacit_fleetdb_column_digest(query, 3, round.doc.task, TACIT_DIGEST_LEN);
	if (r == 0)
		r = tacit_fleetdb_column_digest(query, 6, round.doc.model, TACIT_DIGEST_LEN);
	if (r == 0 && round.groups > 0)
		r = tacit_fleetdb_column_digest(query, 15, round.salt, TACIT_DIGEST_LEN);
	if (r < 0)
		return r;
	if (round.doc.dimensions < 1 || round.doc.dimensions > TACIT_PROTECT_DIMS_MAX)
		return TACIT_EDAMAGED;
	*ret = round;
	return 0;
}

static int get(struct tacit_db *db, struct sqlite3_stmt *stmt, struct tacit_round *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = stmt;
	int r = tacit_fleetdb_row(db, query);

	return r < 0 ? r : read_row(query, ret);
}

int tacit_round_get(struct tacit_db *db, uint64_t round, struct tacit_round *ret)
{
	return get(db,
		   tacit_db_query(db, "SELECT " ROUND_COLUMNS " FROM round WHERE id = ?", "i",
				  (int64_t)round),
		   ret);
}

int tacit_round_get_current(struct tacit_db *db, struct tacit_round *ret)
{
	return get(db,
		   tacit_db_query(db,
				  "SELECT " ROUND_COLUMNS " FROM round WHERE state = 'collecting'",
				  ""),
		   ret);
}

int tacit_round_get_newest(struct tacit_db *db, struct tacit_round *ret)
{
	return get(db,
		   tacit_db_query(
			   db, "SELECT " ROUND_COLUMNS " FROM round ORDER BY id DESC LIMIT 1", ""),
		   ret);
}

static uint32_t most_updates(const struct tacit_task *task)
{
	uint32_t limit = tacit_round_cohort_limit(task->noise_multiplier);

	return task->max_cohort == 0 || task->max_cohort > limit ? limit : task->max_cohort;
}

/* What a round of this task would be, referring to the newest release. */
static int plan(struct tacit_db *db, const struct tacit_task_version *task, struct tacit_round *ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *reference = NULL;
	struct tacit_round_doc *doc = &ret->doc;
	int r;

	*ret = (struct tacit_round){
		.doc = { .clip_norm = task->task.clip_norm,
			 .noise_multiplier = task->task.noise_multiplier },
		.task_version = task->version,
		.max_updates = most_updates(&task->task),
		.collect_ms = (int64_t)task->task.collect_sec * 1000,
	};
	memcpy(doc->task, task->digest, sizeof(doc->task));
	r = tacit_round_mode_choose(db, &task->task, ret);
	if (r == 0)
		r = tacit_release_newest(db, &doc->model_version, doc->model);
	if (r == 0)
		r = tacit_release_reference(db, &task->task, doc->model_version, &reference);
	if (r < 0)
		return r;
	doc->dimensions = (uint32_t)tacit_fleet_dimensions(reference);
	return 0;
}

/* What it is for, and whom it tells apart; changes what it takes of a host. */
static int assign(struct tacit_db *db, const struct tacit_task *task, bool evaluate,
		  struct tacit_round *round, struct tacit_groups *ret_groups)
{
	int r = evaluate ? 1 : tacit_fairness_is_due(db, task);

	if (r > 0 && round->doc.model_version == 0)
		return TACIT_ESTALE;
	round->doc.purpose = r > 0 ? TACIT_PURPOSE_EVALUATE : TACIT_PURPOSE_LEARN;
	if (r >= 0)
		r = tacit_fairness_groups(db, task, ret_groups);
	if (r == 0 && round->doc.purpose == TACIT_PURPOSE_EVALUATE)
		round->doc.dimensions = (uint32_t)tacit_evaluation_dimensions(ret_groups->n);
	return r;
}

static int insert(struct tacit_db *db, struct tacit_round *round)
{
	const struct tacit_round_doc *doc = &round->doc;
	int r = tacit_db_run(db,
			     "INSERT INTO round(task, task_digest, mode, model_version, model,"
			     " dimensions, clip_norm, noise_multiplier, min_cohort, max_updates,"
			     " opened_ms, collect_ms, groups, salt, purpose)"
			     " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			     "ibiibiddiiiiibi", (int64_t)round->task_version, doc->task,
			     sizeof(doc->task), (int64_t)doc->mode, (int64_t)doc->model_version,
			     doc->model, sizeof(doc->model), (int64_t)doc->dimensions,
			     doc->clip_norm, doc->noise_multiplier, (int64_t)doc->min_cohort,
			     (int64_t)round->max_updates, round->opened_ms, round->collect_ms,
			     (int64_t)round->groups, round->salt, sizeof(round->salt),
			     (int64_t)doc->purpose);

	if (r == TACIT_ECONFLICT) /* only one may collect */
		return -EBUSY;
	round->doc.round = (uint64_t)tacit_db_last_id(db);
	return r;
}

static int begin(struct tacit_db *db, const struct tacit_ca *ca, bool evaluate, int64_t wall_ms,
		 uint64_t *ret_round)
{
	struct tacit_task_version task;
	struct tacit_groups groups;
	struct tacit_round round;
	int r = tacit_tasks_get(db, 0, &task);

	if (r == 0)
		r = plan(db, &task, &round);
	if (r == 0)
		r = assign(db, &task.task, evaluate, &round, &groups);
	if (r < 0)
		return r;
	round.opened_ms = wall_ms;
	r = insert(db, &round);
	if (r == 0)
		r = tacit_groups_put(db, round.doc.round, &groups);
	if (r == 0 && round.groups > 0)
		r = tacit_cohort_open(db, ca, &round, &task.task.threat, task.task.collect_sec);
	if (r == 0)
		*ret_round = round.doc.round;
	return r;
}

int tacit_round_open(struct tacit_db *db, const struct tacit_ca *ca, int64_t wall_ms,
		     uint64_t *ret_round)
{
	int r = tacit_db_begin(db);

	return r < 0 ? r : tacit_db_end(db, begin(db, ca, false, wall_ms, ret_round));
}

int tacit_round_open_evaluation(struct tacit_db *db, const struct tacit_ca *ca, int64_t wall_ms,
				uint64_t *ret_round)
{
	int r = tacit_db_begin(db);

	return r < 0 ? r : tacit_db_end(db, begin(db, ca, true, wall_ms, ret_round));
}

/* The one number that @sql says of a round. */
static int count(struct tacit_db *db, const char *sql, uint64_t round, uint64_t *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(db, sql, "i", (int64_t)round);
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r;
	*ret = (uint64_t)tacit_db_column_int(query, 0);
	return 0;
}

int tacit_round_updates(struct tacit_db *db, uint64_t round, uint64_t *ret)
{
	return count(db, "SELECT ifnull(sum(updates), 0) FROM partial WHERE round = ?", round, ret);
}

int tacit_round_participants(struct tacit_db *db, uint64_t round, uint64_t *ret)
{
	return count(db, "SELECT count(*) FROM participation WHERE round = ?", round, ret);
}

int tacit_round_has_update(struct tacit_db *db, uint64_t round, int64_t host,
			   uint8_t digest[TACIT_DIGEST_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT digest FROM participation WHERE round = ? AND host = ?",
			       "ii", (int64_t)round, host);
	int r = tacit_fleetdb_row(db, query);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && digest)
		r = tacit_fleetdb_column_digest(query, 0, digest, TACIT_DIGEST_LEN);
	return r < 0 ? r : 1;
}

/* Whatever became of the round, its participants have shown the aggregator an update. What secure
 * sums cost was charged as each ended. */
static int charge(struct tacit_db *db, uint64_t round)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT noise_multiplier, groups FROM round WHERE id = ?", "i", (int64_t)round);
	int r = tacit_fleetdb_row(db, query);

	if (r < 0 || tacit_db_column_int(query, 1) > 0)
		return r;
	return tacit_db_run(db,
			    "UPDATE host SET rho = rho + ?, rounds = rounds + 1, last_round = ?"
			    " WHERE number IN (SELECT host FROM participation WHERE round = ?)",
			    "dii", tacit_round_rho(tacit_db_column_double(query, 0)),
			    (int64_t)round, (int64_t)round);
}

/* What a round no longer needs once it is over, and what old ones no longer need. */
static int tidy(struct tacit_db *db, uint64_t round)
{
	int r = tacit_db_run(db, "DELETE FROM partial WHERE round = ?", "i", (int64_t)round);

	if (r == 0)
		r = tacit_cohort_tidy(db, round);
	if (r == 0)
		r = tacit_groups_tidy(db, (int64_t)round - (int64_t)TACIT_ROUND_KEEP);
	if (r < 0)
		return r;
	return tacit_db_run(db, "DELETE FROM participation WHERE round <= ?", "i",
			    (int64_t)round - (int64_t)TACIT_ROUND_KEEP);
}

int tacit_round_abandon(struct tacit_db *db, uint64_t round, const char *why, int64_t wall_ms)
{
	int r = tacit_cohort_abandon(db, round, why);

	if (r < 0)
		return r;
	r = tacit_db_run(db,
			 "UPDATE round SET state = 'abandoned', closed_ms = ?1, reason = ?2,"
			 " updates = (SELECT ifnull(sum(updates), 0) FROM partial"
			 "            WHERE round = ?3) + (SELECT ifnull(sum(survivors), 0)"
			 "            FROM cohort WHERE round = ?3)"
			 " WHERE id = ?3 AND state = 'collecting'",
			 "iti", wall_ms, why, (int64_t)round);

	if (r < 0)
		return r;
	if (tacit_db_changes(db) == 0)
		return TACIT_ESTALE;
	r = charge(db, round);
	return r < 0 ? r : tidy(db, round);
}

static int release(struct tacit_db *db, const struct tacit_ca *ca, const struct tacit_round *round,
		   const struct tacit_task *task, const struct tacit_sum *sum, int64_t wall_ms)
{
	struct tacit_release_figures figures;
	uint64_t version;
	int r = tacit_release_make(db, ca, task, &round->doc, sum, wall_ms, &version, &figures);

	if (r == 0)
		r = tacit_db_run(db,
				 "UPDATE round SET state = 'released', closed_ms = ?, updates = ?,"
				 " release = ?, noise_sd = ?, signal = ?, snr = ? WHERE id = ?",
				 "iiidddi", wall_ms, (int64_t)sum->updates, (int64_t)version,
				 figures.noise_sd, figures.signal, figures.snr,
				 (int64_t)round->doc.round);
	if (r == 0)
		r = charge(db, round->doc.round);
	return r < 0 ? r : tidy(db, round->doc.round);
}

static int evaluate(struct tacit_db *db, const struct tacit_round *round,
		    const struct tacit_sum *sum, int64_t wall_ms)
{
	int r = tacit_fairness_keep(db, round, sum, wall_ms);

	if (r == 0)
		r = tacit_db_run(db,
				 "UPDATE round SET state = 'evaluated', closed_ms = ?, updates = ?,"
				 " noise_sd = ? WHERE id = ?",
				 "iidi", wall_ms, (int64_t)sum->updates, sum->noise_sd,
				 (int64_t)round->doc.round);
	if (r == 0)
		r = charge(db, round->doc.round);
	return r < 0 ? r : tidy(db, round->doc.round);
}

/* A trimmed mean would cut off just the bins in which few hosts are. */
static enum tacit_aggregation aggregation_of(const struct tacit_round *round,
					     const struct tacit_task *task)
{
	return round->doc.purpose == TACIT_PURPOSE_EVALUATE ? TACIT_AGGREGATION_SUM
							    : task->aggregation;
}

/* Within a transaction. */
static int end(struct tacit_db *db, const struct tacit_ca *ca, uint64_t id, int64_t wall_ms)
{
	TACIT_CLEANUP(tacit_round_sum_done) struct tacit_round_sum sum = { 0 };
	struct tacit_task_version task;
	struct tacit_round round;
	int r;

	r = tacit_round_get(db, id, &round);
	if (r < 0)
		return r;
	if (round.state != TACIT_ROUND_COLLECTING)
		return TACIT_ESTALE;
	r = tacit_tasks_get(db, round.task_version, &task);
	if (r == 0)
		r = tacit_round_sum_get(db, &round, aggregation_of(&round, &task.task), &sum);
	if (r < 0)
		return r;
	if (sum.sum.updates < round.doc.min_cohort) {
		r = tacit_round_abandon(db, id, "too few updates", wall_ms);
		return r < 0 ? r : TACIT_ROUND_ABANDONED;
	}
	if (round.doc.purpose == TACIT_PURPOSE_EVALUATE) {
		r = evaluate(db, &round, &sum.sum, wall_ms);
		return r < 0 ? r : TACIT_ROUND_EVALUATED;
	}
	r = release(db, ca, &round, &task.task, &sum.sum, wall_ms);
	return r < 0 ? r : TACIT_ROUND_RELEASED;
}

int tacit_round_close(struct tacit_db *db, const struct tacit_ca *ca, uint64_t round,
		      int64_t wall_ms)
{
	int r = tacit_db_begin(db);

	return r < 0 ? r : tacit_db_end(db, end(db, ca, round, wall_ms));
}
