/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <math.h>
#include <stdbool.h>

#include <tacit/accountant.h>
#include <tacit/cleanup.h>

#include "cohort.h"

#define COLUMNS_MAX 5U
#define LARGE	    10U /* times the dimensions: what a model ten times as large would cost */

double tacit_plan_noise_multiplier(double epsilon, double delta, uint32_t rounds)
{
	/* The reverse of tacit_protect_rho(): rho = 1 / (2 z^2). */
	return sqrt(rounds / (2 * tacit_zcdp_rho(epsilon, delta)));
}

double tacit_plan_ratio_local(double noise_multiplier, uint32_t dimensions, uint32_t hosts)
{
	return noise_multiplier * sqrt((double)dimensions / hosts);
}

double tacit_plan_ratio_shared(double noise_multiplier, uint32_t dimensions, uint32_t hosts)
{
	double groups = ceil((double)hosts / TACIT_COHORT_HOSTS_MAX);

	return noise_multiplier * sqrt(dimensions * groups) / hosts;
}

static double round_up(double value)
{
	return ceil(value * 1000) / 1000;
}

static bool is_shared(const struct tacit_plan_order *order, double hosts)
{
	return order->shared_from > 0 && hosts >= order->shared_from;
}

double tacit_plan_ratio(const struct tacit_plan_order *order, double noise_multiplier)
{
	if (is_shared(order, order->hosts))
		return tacit_plan_ratio_shared(noise_multiplier, order->dimensions, order->hosts);
	return tacit_plan_ratio_local(noise_multiplier, order->dimensions, order->hosts);
}

double tacit_plan_hosts_needed(const struct tacit_plan_order *order, double noise_multiplier)
{
	double local = ceil(pow(noise_multiplier / TACIT_PLAN_GOAL, 2) * order->dimensions);
	double shared = ceil(noise_multiplier / TACIT_PLAN_GOAL * sqrt(order->dimensions));

	if (!is_shared(order, local))
		return local;
	if (shared > TACIT_COHORT_HOSTS_MAX)
		shared = ceil(shared * shared / TACIT_COHORT_HOSTS_MAX);
	return fmax(shared, order->shared_from);
}

struct tacit_plan_advice tacit_plan_advise(const struct tacit_plan_order *order)
{
	static const uint32_t rounds[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 };
	double once = round_up(tacit_plan_noise_multiplier(order->epsilon, order->delta, 1));
	struct tacit_plan_advice advice = {
		.noise_multiplier = once,
		.ratio = tacit_plan_ratio(order, once),
		.hosts_needed = tacit_plan_hosts_needed(order, once),
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rounds); i++) {
		double z = round_up(
			tacit_plan_noise_multiplier(order->epsilon, order->delta, rounds[i]));
		double ratio = tacit_plan_ratio(order, z);

		if (ratio > TACIT_PLAN_GOAL)
			break;
		advice.rounds = rounds[i];
		advice.noise_multiplier = z;
		advice.ratio = ratio;
	}
	return advice;
}

/* Powers of ten, and where the operator stands. Returns their number. */
static size_t choose_columns(uint32_t hosts, uint32_t column[COLUMNS_MAX])
{
	static const uint32_t usual[] = { 20, 100, 1000, 10000 };
	bool placed = false;
	size_t n = 0;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(usual); i++) {
		if (!placed && hosts <= usual[i]) {
			placed = true;
			if (hosts < usual[i])
				column[n++] = hosts;
		}
		column[n++] = usual[i];
	}
	if (!placed)
		column[n++] = hosts;
	return n;
}

static json_t *format_row(const struct tacit_plan_order *order, uint32_t dimensions,
			  uint32_t rounds, const uint32_t *column, size_t n)
{
	double z = tacit_plan_noise_multiplier(order->epsilon, order->delta, rounds);
	json_t *local = json_array(), *shared = json_array();

	for (size_t i = 0; i < n; i++) {
		(void)json_array_append_new(
			local, json_real(tacit_plan_ratio_local(z, dimensions, column[i])));
		(void)json_array_append_new(
			shared, json_real(tacit_plan_ratio_shared(z, dimensions, column[i])));
	}
	return json_pack("{s:I, s:I, s:f, s:o, s:o}", "dimensions", (json_int_t)dimensions,
			 "rounds", (json_int_t)rounds, "noise_multiplier", z, "local", local,
			 "secure_aggregation", shared);
}

static json_t *format_advice(const struct tacit_plan_order *order)
{
	struct tacit_plan_advice advice = tacit_plan_advise(order);

	return json_pack("{s:I, s:f, s:f, s:f, s:I}", "rounds", (json_int_t)advice.rounds,
			 "noise_multiplier", advice.noise_multiplier, "noise_to_signal",
			 advice.ratio, "goal", TACIT_PLAN_GOAL, "hosts_needed",
			 (json_int_t)advice.hosts_needed);
}

json_t *tacit_plan_format(const struct tacit_plan_order *order)
{
	static const uint32_t rounds[] = { 1, 10, 100 };
	uint32_t column[COLUMNS_MAX];
	size_t n = choose_columns(order->hosts, column);
	json_t *columns = json_array(), *rows = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(columns, json_integer(column[i]));
	for (uint32_t d = order->dimensions, k = 0; k < 2; d *= LARGE, k++)
		for (size_t i = 0; i < TACIT_ARRAY_LEN(rounds); i++)
			(void)json_array_append_new(rows,
						    format_row(order, d, rounds[i], column, n));
	return json_pack("{s:I, s:f, s:f, s:I, s:o, s:o, s:o, s:I}", "hosts",
			 (json_int_t)order->hosts, "epsilon", order->epsilon, "delta", order->delta,
			 "dimensions", (json_int_t)order->dimensions, "columns", columns, "rows",
			 rows, "advice", format_advice(order), "shared_from",
			 (json_int_t)order->shared_from);
}
