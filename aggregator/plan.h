/* SPDX-License-Identifier: MIT */
/*
 * plan - what a fleet can afford: how much noise privacy asks for, against how much hosts have
 * to say.
 *
 * A sum of n contributions of norm c that all agree has norm n c, which is as good as it gets; in
 * d numbers the noise has norm z c sqrt(d n) when every host adds its own (mode local), and
 * z c sqrt(d) in every group when secure aggregation lets hosts share it. rho-zCDP composes over
 * rounds. Shares are sized for hosts that go away: while none does, the noise is sqrt(n / n_h) of
 * that (1.12 at a tenth corrupt and a tenth gone), which is left out here.
 */
#ifndef TACIT_AGGREGATOR_PLAN_H
#define TACIT_AGGREGATOR_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/error.h>

#define TACIT_PLAN_GOAL 0.5 /* noise/signal that is still worth a release */

struct tacit_plan_order {
	uint32_t hosts;	      /* 1..1e9 */
	double epsilon;	      /* over all rounds, 0.01..1000 */
	double delta;	      /* 1e-15..0.1 */
	uint32_t dimensions;  /* 1..TACIT_PROTECT_DIMS_MAX */
	uint32_t shared_from; /* hosts from which on rounds share their noise; 0: they never do */
};

/* Smallest noise multiplier that keeps @rounds participations within (epsilon, delta). */
double tacit_plan_noise_multiplier(double epsilon, double delta, uint32_t rounds);

/* Noise over signal in a sum of @hosts. */
double tacit_plan_ratio_local(double noise_multiplier, uint32_t dimensions, uint32_t hosts);
double tacit_plan_ratio_shared(double noise_multiplier, uint32_t dimensions, uint32_t hosts);

/* The same for the hosts of @order, in the mode that their rounds have. */
double tacit_plan_ratio(const struct tacit_plan_order *order, double noise_multiplier);

/* The smallest fleet that reaches the goal in a round of that noise, in the mode that it would
 * have. */
double tacit_plan_hosts_needed(const struct tacit_plan_order *order, double noise_multiplier);

struct tacit_plan_advice {
	uint32_t rounds;	 /* most that are worth it; 0: not even one */
	double noise_multiplier; /* for those, or for one; rounded up */
	double ratio;		 /* for the hosts that there are, in their mode */
	double hosts_needed;	 /* for one round */
};

struct tacit_plan_advice tacit_plan_advise(const struct tacit_plan_order *order);

/* {"hosts", "epsilon", "delta", "dimensions", "columns": [hosts...], "rows": [{"dimensions",
 *  "rounds", "noise_multiplier", "local": [...], "secure_aggregation": [...]}], "advice":
 * {"rounds", "noise_multiplier", "noise_to_signal", "goal", "hosts_needed"}, "shared_from"}; owned
 * by the caller, NULL when out of memory. */
json_t *tacit_plan_format(const struct tacit_plan_order *order);

#endif /* TACIT_AGGREGATOR_PLAN_H */
