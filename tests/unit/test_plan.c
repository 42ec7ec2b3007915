/* SPDX-License-Identifier: MIT */
#include "aggregator/plan.h"

#include <math.h>
#include <stdbool.h>

#include <tacit/accountant.h>
#include <tacit/protect.h>

#include "unit.h"

/* The multiplier keeps the promise, and is not larger than it must be. */
static void test_noise_multiplier(void)
{
	static const double epsilons[] = { 0.1, 1, 4, 20 };

	for (size_t i = 0; i < 4; i++)
		for (uint32_t rounds = 1; rounds <= 100; rounds *= 10) {
			double z = tacit_plan_noise_multiplier(epsilons[i], 1e-6, rounds);
			struct tacit_protect_params params = { .clip_norm = 1,
							       .noise_multiplier = z };
			double rho = rounds * tacit_protect_rho(&params);

			CU_ASSERT_DOUBLE_EQUAL(tacit_zcdp_epsilon(rho, 1e-6), epsilons[i], 1e-6);
		}
}

/* The design's table was made with the analytic Gaussian, which is a little tighter. */
static void test_known_table(void)
{
	double z = tacit_plan_noise_multiplier(4, 1e-6, 1);

	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_ratio_shared(z, 500, 20), 1.3, 0.2);
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_ratio_shared(z, 500, 1000), 0.027, 0.004);
	z = tacit_plan_noise_multiplier(4, 1e-6, 10);
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_ratio_shared(z, 10000, 100), 3.8, 0.6);
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_ratio_local(z, 10000, 100),
			       10 * tacit_plan_ratio_shared(z, 10000, 100), 1e-9);
}

static void test_advice(void)
{
	struct tacit_plan_order order = {
		.hosts = 100000, .epsilon = 4, .delta = 1e-6, .dimensions = 188
	};
	struct tacit_plan_advice advice = tacit_plan_advise(&order);

	CU_ASSERT_TRUE(advice.rounds > 1);
	CU_ASSERT_TRUE(advice.ratio <= TACIT_PLAN_GOAL);
	CU_ASSERT_TRUE(tacit_zcdp_epsilon(advice.rounds / (2 * pow(advice.noise_multiplier, 2)),
					  1e-6) <= 4);
	order.hosts = 10;
	advice = tacit_plan_advise(&order);
	CU_ASSERT_EQUAL(advice.rounds, 0);
	CU_ASSERT_TRUE(advice.ratio > TACIT_PLAN_GOAL);
	order.hosts = (uint32_t)advice.hosts_needed;
	CU_ASSERT_TRUE(tacit_plan_advise(&order).rounds >= 1);
	order.hosts--;
	CU_ASSERT_EQUAL(tacit_plan_advise(&order).rounds, 0);
}

/* Once hosts share the noise, far fewer will do; groups have noise of their own. */
static void test_advice_shared(void)
{
	struct tacit_plan_order order = {
		.hosts = 100, .epsilon = 4, .delta = 1e-6, .dimensions = 397, .shared_from = 20
	};
	struct tacit_plan_advice advice = tacit_plan_advise(&order);

	CU_ASSERT_TRUE(advice.rounds >= 1);
	CU_ASSERT_DOUBLE_EQUAL(advice.ratio, tacit_plan_ratio_shared(advice.noise_multiplier, 397, 100),
			       1e-12);
	order.hosts = (uint32_t)advice.hosts_needed;
	CU_ASSERT_TRUE(order.hosts > order.shared_from && order.hosts < 100);
	CU_ASSERT_TRUE(tacit_plan_advise(&order).rounds >= 1);
	order.hosts--;
	CU_ASSERT_EQUAL(tacit_plan_advise(&order).rounds, 0);
	order.shared_from = 90;
	CU_ASSERT_EQUAL(tacit_plan_advise(&order).hosts_needed, 90);
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_ratio_shared(1, 100, 4000),
			       tacit_plan_ratio_shared(1, 100, 1000) / 2, 1e-12);
	order.dimensions = 4000000;
	advice = tacit_plan_advise(&order);
	CU_ASSERT_TRUE(tacit_plan_ratio_shared(advice.noise_multiplier, order.dimensions,
					       (uint32_t)advice.hosts_needed) < 1.05 * TACIT_PLAN_GOAL);
}

static void test_format(void)
{
	static const uint32_t hosts[] = { 1, 20, 300, 1000000000 };

	for (size_t i = 0; i < 4; i++) {
		const struct tacit_plan_order order = {
			.hosts = hosts[i], .epsilon = 4, .delta = 1e-6, .dimensions = 188
		};
		json_t *plan = tacit_plan_format(&order);
		json_t *columns = json_object_get(plan, "columns"),
		       *rows = json_object_get(plan, "rows");
		json_int_t before = 0;
		bool mine = false;
		size_t k;
		json_t *column, *row;

		json_array_foreach(columns, k, column)
		{
			CU_ASSERT_TRUE(json_integer_value(column) > before);
			before = json_integer_value(column);
			mine = mine || before == hosts[i];
		}
		CU_ASSERT_TRUE(mine);
		CU_ASSERT_EQUAL(json_array_size(rows), 6);
		json_array_foreach(rows, k, row)
		{
			CU_ASSERT_EQUAL(json_array_size(json_object_get(row, "local")),
					json_array_size(columns));
			CU_ASSERT_EQUAL(json_array_size(json_object_get(row, "secure_aggregation")),
					json_array_size(columns));
		}
		CU_ASSERT_TRUE(json_is_object(json_object_get(plan, "advice")));
		json_decref(plan);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the noise multiplier keeps the promise", test_noise_multiplier },
		{ "a table that is known", test_known_table },
		{ "advice", test_advice },
		{ "advice where hosts share the noise", test_advice_shared },
		{ "the document", test_format },
		{ NULL, NULL },
	};

	return unit_main("plan", cases);
}
