/* SPDX-License-Identifier: MIT */
/*
 * plan_kinds - which kind of model a fleet can afford.
 *
 * A Gaussian is a few hundred numbers a class and is learned in one round; an autoencoder is some
 * thousands, and its weights are averaged over several rounds that share the budget. It pays where
 * even so the hosts' common signal is above the noise in each of them; else the Gaussian is better
 * in every respect.
 */
#ifndef TACIT_AGGREGATOR_PLAN_KINDS_H
#define TACIT_AGGREGATOR_PLAN_KINDS_H

#include <stdbool.h>

#include <tacit/model.h>

#include "plan.h"

/* Rounds after which there is something to lean on. */
#define TACIT_PLAN_ROUNDS_ONCE	  1U
#define TACIT_PLAN_ROUNDS_TRAINED 5U

struct tacit_plan_kind {
	const struct tacit_model_kind *kind;
	uint32_t dimensions; /* of a contribution, all classes */
	uint32_t rounds;     /* that it takes */
	double noise_multiplier;
	double ratio;	     /* noise over signal in each of them */
	double hosts_needed; /* for a ratio of TACIT_PLAN_GOAL */
	bool pays;
};

/* @order: its dimensions are left out of account. @classes: at least 1. */
struct tacit_plan_kind tacit_plan_kind(const struct tacit_plan_order *order,
				       const struct tacit_model_kind *kind, uint32_t classes);

/* [{"kind", "dimensions", "rounds", "noise_multiplier", "noise_to_signal", "hosts_needed", "pays",
 * "recommended"}], of which the largest kind that pays is recommended; owned by the caller, NULL
 * when out of memory. */
json_t *tacit_plan_kinds_format(const struct tacit_plan_order *order, uint32_t classes);

#endif /* TACIT_AGGREGATOR_PLAN_KINDS_H */
