/* SPDX-License-Identifier: MIT */
#include "aggregator/plan_kinds.h"

#include <string.h>

#include <tacit/feature.h>

#include "unit.h"

static struct tacit_plan_order order_of(uint32_t hosts, double epsilon)
{
	return (struct tacit_plan_order){
		.hosts = hosts, .epsilon = epsilon, .delta = 1e-6, .shared_from = 20
	};
}

static struct tacit_plan_kind plan(const char *kind, uint32_t hosts, uint32_t classes)
{
	struct tacit_plan_order order = order_of(hosts, 4);

	return tacit_plan_kind(&order, tacit_model_kind_find(kind), classes);
}

static void test_dimensions(void)
{
	struct tacit_plan_kind one = plan("autoencoder", 1000, 1);

	CU_ASSERT_EQUAL(one.dimensions, one.kind->contribution_len(tacit_feature_space()));
	CU_ASSERT_EQUAL(plan("autoencoder", 1000, 3).dimensions, 3 * one.dimensions);
	CU_ASSERT(one.dimensions > 5 * plan("gaussian", 1000, 1).dimensions);
}

/* A larger model needs more hosts, and as many as it says are enough. */
static void test_hosts_needed(void)
{
	static const char *const kinds[] = { "gaussian", "autoencoder" };
	double needed[2];

	for (size_t i = 0; i < 2; i++) {
		needed[i] = plan(kinds[i], 20, 1).hosts_needed;
		CU_ASSERT_TRUE(plan(kinds[i], (uint32_t)needed[i] + 1, 1).pays);
		CU_ASSERT_FALSE(plan(kinds[i], (uint32_t)needed[i] - 1, 1).pays);
	}
	CU_ASSERT(needed[1] > 3 * needed[0]);
}

static const char *recommended(uint32_t hosts)
{
	static char name[16];
	struct tacit_plan_order order = order_of(hosts, 4);
	json_t *kinds = tacit_plan_kinds_format(&order, 1), *row;
	size_t i;

	name[0] = '\0';
	json_array_foreach (kinds, i, row)
		if (json_is_true(json_object_get(row, "recommended")))
			(void)snprintf(name, sizeof(name), "%s",
				       json_string_value(json_object_get(row, "kind")));
	json_decref(kinds);
	return name;
}

static void test_recommendation(void)
{
	CU_ASSERT_STRING_EQUAL(recommended(2), "");
	CU_ASSERT_STRING_EQUAL(recommended(100), "gaussian");
	CU_ASSERT_STRING_EQUAL(recommended(10000), "autoencoder");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "dimensions", test_dimensions },
		{ "hosts needed", test_hosts_needed },
		{ "recommendation", test_recommendation },
		{ NULL, NULL },
	};

	return unit_main("plan_kinds", cases);
}
