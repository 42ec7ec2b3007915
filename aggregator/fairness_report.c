/* SPDX-License-Identifier: MIT */
/* What administrators are told of who fares how, and of who took part. */
#include "fairness.h"

#include <math.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/clock.h>

#include "fleetdb.h"
#include "rows.h"
#include "tasks.h"

/* Of the hosts of one group, the share of rounds that each took part in. */
struct part {
	uint64_t enrolled;
	double n, sum, sum2; /* of those that could have */
};

struct report {
	struct tacit_groups groups;
	struct tacit_fairness last;
	bool evaluated;
	struct tacit_groups next; /* weights of the next round */
	struct part all, part[TACIT_EVALUATION_SLOTS_MAX];
};

static void add(struct part *part, double took, double could)
{
	double share = could > 0 ? fmin(took / could, 1) : 0;

	part->enrolled++;
	part->n += could > 0;
	part->sum += share;
	part->sum2 += share * share;
}

static uint32_t slot_of(const struct tacit_groups *groups, const char *value)
{
	uint32_t slot = 0;

	while (slot + 1 < groups->n && strcmp(groups->group[slot].value, value) != 0)
		slot++;
	return slot;
}

/* A host could take part in the rounds that were opened since it enrolled, and are over. */
static int read_parts(struct tacit_db *db, struct report *report)
{
	struct sqlite3_stmt *query = tacit_db_query(
		db,
		"WITH over AS (SELECT id, opened_ms FROM round WHERE state <> 'collecting'"
		"  AND id > (SELECT max(id) FROM round) - ?1),"
		" took AS (SELECT host, count(*) AS n FROM participation"
		"  JOIN over ON over.id = participation.round GROUP BY host)"
		" SELECT json_extract(labels, '$.\"' || ?2 || '\"'), ifnull(took.n, 0),"
		" (SELECT count(*) FROM over WHERE opened_ms >= enrolled_ms)"
		" FROM host LEFT JOIN took ON took.host = number WHERE revoked_ms IS NULL",
		"it", (int64_t)TACIT_ROUND_KEEP, report->groups.label);
	int r;

	while ((r = tacit_db_step(db, query)) > 0) {
		uint32_t slot = slot_of(&report->groups, tacit_db_column_text(query, 0));
		double took = tacit_db_column_double(query, 1);
		double could = tacit_db_column_double(query, 2);

		add(&report->part[slot], took, could);
		add(&report->all, took, could);
	}
	return r;
}

static int load(struct tacit_db *db, struct report *report)
{
	struct tacit_task_version task;
	int r = tacit_tasks_get(db, 0, &task);

	if (r == 0)
		r = tacit_fairness_groups(db, &task.task, &report->next);
	if (r < 0)
		return r;
	r = tacit_fairness_get(db, &report->last);
	report->evaluated = r == 0;
	if (r < 0 && r != -ENOENT)
		return r;
	report->groups = report->evaluated ? report->last.groups : report->next;
	return read_parts(db, report);
}

static json_t *format_part(const struct part *part)
{
	return json_pack("{s:o, s:o}", "mean",
			 part->n > 0 ? json_real(part->sum / part->n) : json_null(), "jain",
			 part->sum2 > 0
				 ? json_real(tacit_fairness_jain(part->sum, part->sum2, part->n))
				 : json_null());
}

static json_t *format_figure(const struct tacit_evaluation_figure *figure)
{
	if (!figure->told)
		return json_pack("{s:n, s:s}", "value", "reason", "too few hosts");
	return json_pack("{s:f, s:f}", "value", figure->value, "error", figure->error);
}

static json_t *format_weight(const struct report *report, const char *value)
{
	if (strcmp(report->next.label, report->groups.label) != 0)
		return json_null();
	return json_real(report->next.group[slot_of(&report->next, value)].weight);
}

static json_t *format_group(const struct report *report, uint32_t slot)
{
	const char *value = report->groups.group[slot].value;
	const struct tacit_evaluation_group *figures = &report->last.figures[slot];
	json_t *group =
		json_pack("{s:s, s:I, s:o, s:o}", "group", value, "enrolled",
			  (json_int_t)report->part[slot].enrolled, "participation",
			  format_part(&report->part[slot]), "weight", format_weight(report, value));

	if (!group || !report->evaluated)
		return group;
	(void)json_object_set_new(group, "hosts", json_real(figures->hosts));
	(void)json_object_set_new(group, "hosts_error", json_real(figures->hosts_error));
	for (int q = 0; q < TACIT_EVALUATION_QUANTITIES; q++)
		(void)json_object_set_new(
			group, tacit_evaluation_quantity_name((enum tacit_evaluation_quantity)q),
			format_figure(&figures->figure[q]));
	return group;
}

static json_t *format_groups(const struct report *report)
{
	json_t *groups = json_array();

	for (uint32_t i = 0; groups && i < report->groups.n; i++)
		(void)json_array_append_new(groups, format_group(report, i));
	return groups;
}

/* Between the best and the worst group of those that are told. */
static json_t *format_gap(const struct report *report, enum tacit_evaluation_quantity quantity)
{
	double least = INFINITY, most = -INFINITY;
	unsigned told = 0;

	for (uint32_t i = 0; report->evaluated && i < report->groups.n; i++) {
		const struct tacit_evaluation_figure *figure =
			&report->last.figures[i].figure[quantity];

		if (!figure->told)
			continue;
		least = fmin(least, figure->value);
		most = fmax(most, figure->value);
		told++;
	}
	return told > 1 ? json_real(most - least) : json_null();
}

/* What taking part in it cost a host, against the aggregator, is what its round says. */
static int format_evaluation(struct tacit_db *db, const struct report *report, json_t **ret)
{
	char closed[TACIT_RFC3339_LEN];
	json_t *round = NULL;
	int r;

	if (!report->evaluated) {
		*ret = json_null();
		return 0;
	}
	r = tacit_round_show(db, report->last.round, &round);
	if (r < 0)
		return r;
	tacit_clock_rfc3339(report->last.closed_ms, closed);
	*ret = json_pack("{s:I, s:s, s:I, s:I, s:f, s:O}", "round", (json_int_t)report->last.round,
			 "closed", closed, "model", (json_int_t)report->last.model_version, "hosts",
			 (json_int_t)report->last.updates, "noise_hosts", report->last.sigma,
			 "privacy", json_object_get(round, "privacy"));
	json_decref(round);
	return *ret ? 0 : -ENOMEM;
}

int tacit_fairness_show(struct tacit_db *db, json_t **ret)
{
	TACIT_AUTO_FREE struct report *report = TACIT_NEW(struct report);
	json_t *evaluation = NULL, *document;
	int r = report ? load(db, report) : -ENOMEM;

	if (r == 0)
		r = format_evaluation(db, report, &evaluation);
	if (r < 0)
		return r;
	document = json_pack("{s:s, s:o, s:o, s:o, s:{s:o, s:o}}", "label", report->groups.label,
			     "evaluation", evaluation, "participation", format_part(&report->all),
			     "groups", format_groups(report), "gap", "loss",
			     format_gap(report, TACIT_EVALUATION_LOSS), "alarms_median",
			     format_gap(report, TACIT_EVALUATION_ALARMS_MEDIAN));
	if (!document)
		return -ENOMEM;
	*ret = document;
	return 0;
}
