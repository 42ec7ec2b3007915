/* SPDX-License-Identifier: MIT */
#include "plan_kinds.h"

#include <string.h>

#include <tacit/feature.h>

static uint32_t rounds_of(const struct tacit_model_kind *kind)
{
	return strcmp(kind->name, "autoencoder") == 0 ? TACIT_PLAN_ROUNDS_TRAINED
						      : TACIT_PLAN_ROUNDS_ONCE;
}

struct tacit_plan_kind tacit_plan_kind(const struct tacit_plan_order *order,
				       const struct tacit_model_kind *kind, uint32_t classes)
{
	struct tacit_plan_order of_kind = *order;
	struct tacit_plan_kind plan = { .kind = kind, .rounds = rounds_of(kind) };

	plan.dimensions = classes * (uint32_t)kind->contribution_len(tacit_feature_space());
	of_kind.dimensions = plan.dimensions;
	plan.noise_multiplier =
		tacit_plan_noise_multiplier(order->epsilon, order->delta, plan.rounds);
	plan.ratio = tacit_plan_ratio(&of_kind, plan.noise_multiplier);
	plan.hosts_needed = tacit_plan_hosts_needed(&of_kind, plan.noise_multiplier);
	plan.pays = plan.ratio <= TACIT_PLAN_GOAL;
	return plan;
}

json_t *tacit_plan_kinds_format(const struct tacit_plan_order *order, uint32_t classes)
{
	const struct tacit_model_kind *kind;
	json_t *kinds = json_array();
	json_t *best = NULL;
	uint32_t largest = 0;

	for (size_t i = 0; (kind = tacit_model_kind_at(i)); i++) {
		struct tacit_plan_kind plan = tacit_plan_kind(order, kind, classes);
		json_t *row = json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:b, s:b}", "kind",
					kind->name, "dimensions", (json_int_t)plan.dimensions,
					"rounds", (json_int_t)plan.rounds, "noise_multiplier",
					plan.noise_multiplier, "noise_to_signal", plan.ratio,
					"hosts_needed", (json_int_t)plan.hosts_needed, "pays",
					plan.pays, "recommended", 0);

		if (json_array_append_new(kinds, row) < 0) {
			json_decref(kinds);
			return NULL;
		}
		if (plan.pays && plan.dimensions > largest) {
			largest = plan.dimensions;
			best = row; /* borrowed */
		}
	}
	if (best)
		(void)json_object_set_new(best, "recommended", json_true());
	return kinds;
}
