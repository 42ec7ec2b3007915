/* SPDX-License-Identifier: MIT */
/*
 * fairness - whom the fleet's model serves how well: what rounds of evaluation said, in table
 * evaluation, and what follows for how much each group counts.
 *
 * A sum is kept as it was, with its noise, and read when somebody asks (tacit/evaluation.h). Who
 * took part how often is not private to the aggregator, which sees every host come and go: Jain's
 * index (Jain, Chiu, Hawe: A Quantitative Measure of Fairness, DEC TR-301, 1984) of the shares of
 * rounds that hosts took part in, 1 when all took part alike, 1/n when one host alone did.
 */
#ifndef TACIT_AGGREGATOR_FAIRNESS_H
#define TACIT_AGGREGATOR_FAIRNESS_H

#include <stdbool.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/model.h>

#include "groups.h"
#include "round.h"

/* What the last evaluation said, of each of its groups. Plain record. */
struct tacit_fairness {
	uint64_t round, model_version;
	int64_t closed_ms;
	uint64_t updates;
	double sigma; /* of the noise in a count, in hosts */
	struct tacit_groups groups; /* with the weights that were in force */
	struct tacit_evaluation_group figures[TACIT_EVALUATION_SLOTS_MAX];
};

/* 0, -ENOENT (there was none), TACIT_EDAMAGED, database errors. */
TACIT_MUST_CHECK int tacit_fairness_get(struct tacit_db *db, struct tacit_fairness *ret);

/* True (1) when the next round is to evaluate: there is a release, and the task's evaluate_every
 * rounds were released since the last evaluation. 0 when not, or database errors. */
TACIT_MUST_CHECK int tacit_fairness_is_due(struct tacit_db *db, const struct tacit_task *task);

/* The groups of a round about to open, weighed by the last evaluation where the task says so; what
 * values are new since then weigh as much as others. 0 or database errors. */
TACIT_MUST_CHECK int tacit_fairness_groups(struct tacit_db *db, const struct tacit_task *task,
					   struct tacit_groups *ret);

/* Keeps the sum of a round of evaluation. Within the caller's transaction. 0, -ENOMEM, database
 * errors. */
TACIT_MUST_CHECK int tacit_fairness_keep(struct tacit_db *db, const struct tacit_round *round,
					 const struct tacit_sum *sum, int64_t wall_ms);

/* Jain's index of @n shares, from their sum and the sum of their squares; 1 when there are none. */
double tacit_fairness_jain(double sum, double sum2, double n);

/**
 * tacit_fairness_show - the last evaluation, and who took part in the last TACIT_ROUND_KEEP rounds.
 *
 * {"label", "evaluation": null or {"round", "closed", "model", "hosts", "noise_hosts" (the standard
 *  deviation of a count), "privacy": as tacit_round_show()}, "participation": as a group's,
 *  "groups": [{"group" ("" for all others), "enrolled", "participation": {"mean", "jain"}, "weight"
 *  (of the next round to learn from), "hosts", "hosts_error", and for each quantity of
 *  tacit/evaluation.h {"value", "error"}, or {"value": null, "reason"}}], "gap": {"loss",
 *  "alarms_median"}: between the groups, null unless two are told}
 */
TACIT_MUST_CHECK int tacit_fairness_show(struct tacit_db *db, json_t **ret);

#endif /* TACIT_AGGREGATOR_FAIRNESS_H */
