/* SPDX-License-Identifier: MIT */
#include "fairness.h"

#include <string.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>

#include "fleetdb.h"
#include "tasks.h"

int tacit_fairness_is_due(struct tacit_db *db, const struct tacit_task *task)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT EXISTS (SELECT 1 FROM release) AND"
		" (SELECT count(*) FROM round WHERE state = 'released' AND id >"
		"  ifnull((SELECT max(id) FROM round WHERE purpose = ?1), 0)) >= ?2",
		"ii", (int64_t)TACIT_PURPOSE_EVALUATE, (int64_t)task->evaluate_every);
	int r;

	if (task->evaluate_every == 0)
		return 0;
	r = tacit_fleetdb_row(db, query);
	return r < 0 ? r : tacit_db_column_int(query, 0) != 0;
}

int tacit_fairness_keep(struct tacit_db *db, const struct tacit_round *round,
			const struct tacit_sum *sum, int64_t wall_ms)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };

	for (uint32_t i = 0; i < round->doc.dimensions; i++)
		tacit_write_f64le(&writer, sum->value[i]);
	if (writer.failed)
		return -ENOMEM;
	return tacit_db_run(db,
			    "INSERT INTO evaluation(round, closed_ms, updates, noise_sd, sum)"
			    " VALUES(?, ?, ?, ?, ?)",
			    "iiidb", (int64_t)round->doc.round, wall_ms, (int64_t)sum->updates,
			    sum->noise_sd, writer.data, writer.len);
}

static int read_sum(struct sqlite3_stmt *query, uint32_t n, double *ret)
{
	size_t len;
	const void *data = tacit_db_column_blob(query, 3, &len);
	struct tacit_reader reader = tacit_reader_init(data, len);

	if (len != tacit_evaluation_dimensions(n) * sizeof(double))
		return TACIT_EDAMAGED;
	for (size_t i = 0; i < tacit_evaluation_dimensions(n); i++)
		ret[i] = tacit_read_f64le(&reader);
	return 0;
}

static int read_evaluation(struct tacit_db *db, struct sqlite3_stmt *query,
			   struct tacit_fairness *ret)
{
	double value[tacit_evaluation_dimensions(TACIT_EVALUATION_SLOTS_MAX)];
	const struct tacit_sum sum = { .value = value,
				       .updates = (uint64_t)tacit_db_column_int(query, 1),
				       .noise_sd = tacit_db_column_double(query, 2) };
	double norm = tacit_db_column_double(query, 4);
	int r;

	*ret = (struct tacit_fairness){
		.round = (uint64_t)tacit_db_column_int(query, 0),
		.updates = sum.updates,
		.sigma = tacit_evaluation_sigma(&sum, norm),
		.model_version = (uint64_t)tacit_db_column_int(query, 5),
		.closed_ms = tacit_db_column_int(query, 6),
	};
	r = tacit_groups_get(db, ret->round, &ret->groups);
	if (r == 0)
		r = read_sum(query, ret->groups.n, value);
	for (uint32_t i = 0; r == 0 && i < ret->groups.n; i++)
		tacit_evaluation_read(&sum, norm, i, &ret->figures[i]);
	return r;
}

int tacit_fairness_get(struct tacit_db *db, struct tacit_fairness *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT evaluation.round, evaluation.updates, evaluation.noise_sd, sum, clip_norm,"
		" model_version, evaluation.closed_ms FROM evaluation"
		" JOIN round ON round.id = evaluation.round ORDER BY evaluation.round DESC LIMIT 1",
		"");
	int r = tacit_fleetdb_row(db, query);

	return r < 0 ? r : read_evaluation(db, query, ret);
}

/* Hosts of a value that had no slot of its own were among all others. */
static double weight_of(const struct tacit_groups *groups, const double *weight, const char *value)
{
	for (uint32_t i = 0; i < groups->n; i++)
		if (strcmp(groups->group[i].value, value) == 0)
			return weight[i];
	return weight[groups->n - 1];
}

int tacit_fairness_groups(struct tacit_db *db, const struct tacit_task *task,
			  struct tacit_groups *ret)
{
	TACIT_AUTO_FREE struct tacit_fairness *last = TACIT_NEW(struct tacit_fairness);
	double weight[TACIT_EVALUATION_SLOTS_MAX];
	int r = last ? tacit_groups_find(db, task->group, ret) : -ENOMEM;

	if (r < 0 || task->fairness <= 0 || task->group[0] == '\0')
		return r;
	r = tacit_fairness_get(db, last);
	if (r == -ENOENT || (r == 0 && strcmp(last->groups.label, task->group) != 0))
		return 0;
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < last->groups.n; i++)
		weight[i] = last->groups.group[i].weight;
	tacit_evaluation_weigh(last->figures, last->groups.n, weight, task->fairness, weight);
	for (uint32_t i = 0; i < ret->n; i++)
		ret->group[i].weight = weight_of(&last->groups, weight, ret->group[i].value);
	return 0;
}

double tacit_fairness_jain(double sum, double sum2, double n)
{
	return sum2 > 0 ? sum * sum / (n * sum2) : 1;
}
