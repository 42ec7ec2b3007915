/* SPDX-License-Identifier: MIT */
/*
 * plan_secagg - what a secure sum of a fleet of some size takes, and what it costs: parameters
 * (tacit/secagg_params.h), traffic, the mode that rounds would take, and the price in noise of
 * putting up with hosts that lie.
 */
#ifndef TACIT_AGGREGATOR_PLAN_SECAGG_H
#define TACIT_AGGREGATOR_PLAN_SECAGG_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/error.h>
#include <tacit/secagg_params.h>
#include <tacit/wire.h>

/* Plain record. */
struct tacit_plan_secagg {
	struct tacit_secagg_params params;
	uint32_t honest;	/* survivors that are certain to be honest */
	uint32_t survivors_min; /* a sum of fewer is abandoned */
	size_t shares_bytes;	/* a host's upload for its neighbours' shares: the SHARES message */
};

/* Of one sum over @hosts. 0, -EINVAL or -ERANGE as tacit_secagg_params_find(), -ENOMEM. */
TACIT_MUST_CHECK int tacit_plan_secagg(const struct tacit_secagg_threat *threat, uint32_t hosts,
				       struct tacit_plan_secagg *ret);

/* {"hosts", "server", "corrupt", "dropout", "degree", "threshold", "honest", "survivors_min",
 * "shares_bytes"}; owned by the caller, NULL when out of memory. */
json_t *tacit_plan_secagg_format(const struct tacit_secagg_threat *threat,
				 const struct tacit_plan_secagg *plan);

/* The mode of a round of @hosts for this task, and in a static text why. Where it is auto:
 * distributed when they are as many as min_cohort and there is a graph for them (or for a group of
 * them, where they are more than fit in one), else local. */
enum tacit_mode tacit_plan_mode(const struct tacit_task *task, uint32_t hosts,
				const char **ret_why);

/**
 * tacit_plan_trimmed_noise - how much noisier the trimmed mean of sums is than one sum of all.
 * @groups: each with a sum of its own, that has all the noise that one sum would have.
 * @cut: so many sums are left out at each end of every coordinate; 2 @cut < @groups.
 *
 * Ratio of standard deviations: sqrt(@groups), times what the trimmed mean of normal numbers loses
 * against their mean. With a = @cut / @groups, q the standard normal quantile of 1 - a, and phi its
 * density, the variance of the latter grows by
 *
 *	((1 - 2a) - 2 q phi(q) + 2 a q^2) / (1 - 2a)^2
 *
 * Stigler: The Asymptotic Distribution of the Trimmed Mean, Annals of Statistics 1 (1973), 472-477.
 * It is asymptotic: at a fifth too much by at most 0.6 % for 5 groups and more.
 */
double tacit_plan_trimmed_noise(uint32_t groups, uint32_t cut);

#endif /* TACIT_AGGREGATOR_PLAN_SECAGG_H */
