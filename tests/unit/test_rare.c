/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "models/rare.h"

#include "unit.h"

static void test_surprise(void)
{
	CU_ASSERT_DOUBLE_EQUAL(tacit_rare_surprise(0, 999), log(2000), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(tacit_rare_surprise(1, 999), log(1000 / 1.5), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(tacit_rare_surprise(0, 1e300), log(2e300), 1e-9);
}

/* Not before enough was seen, and not what comes now and then. */
static void test_only_what_is_seldom(void)
{
	CU_ASSERT_EQUAL(tacit_rare_surprise(0, 0), 0);
	CU_ASSERT_EQUAL(tacit_rare_surprise(0, 24), 0);
	CU_ASSERT(tacit_rare_surprise(0, 25) > -log(TACIT_RARE_SELDOM));
	CU_ASSERT_EQUAL(tacit_rare_surprise(20, 1000), 0);
	CU_ASSERT(tacit_rare_surprise(19, 1000) > -log(TACIT_RARE_SELDOM));
	CU_ASSERT_EQUAL(tacit_rare_surprise(1000, 1000), 0);
}

static void test_falls_with_what_was_seen(void)
{
	for (double seen = 0; seen < 1000; seen++)
		CU_ASSERT(tacit_rare_surprise(seen + 1, 100000) <
			  tacit_rare_surprise(seen, 100000));
}

static void test_together(void)
{
	double none[1] = { 9 }, one[] = { 8 }, some[] = { 2, 8, 4, 8 }, many[512];

	for (size_t i = 0; i < 512; i++)
		many[i] = 12;
	CU_ASSERT_EQUAL(tacit_rare_together(none, 0), 0);
	CU_ASSERT_EQUAL(tacit_rare_together(one, 1), 8);
	CU_ASSERT_EQUAL(tacit_rare_together(some, 4), 8 + 4 + 1 + 0.25);
	CU_ASSERT_DOUBLE_EQUAL(tacit_rare_together(many, 512), 24, 1e-9);
}

static void test_means_bound_shares(void)
{
	CU_ASSERT_EQUAL(tacit_rare_share_most(0), 0);
	CU_ASSERT_EQUAL(tacit_rare_share_most(-5), 0);
	CU_ASSERT_EQUAL(tacit_rare_share_most(1e6), 1);
	CU_ASSERT_DOUBLE_EQUAL(tacit_rare_share_most(0.25 * log1p(1)), 0.25, 1e-12);
	CU_ASSERT(tacit_rare_share_most(0.25 * log1p(7)) > 0.25);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "surprise", test_surprise },
		{ "only what is seldom surprises", test_only_what_is_seldom },
		{ "what was seen before surprises less", test_falls_with_what_was_seen },
		{ "of what comes together each next counts half", test_together },
		{ "means bound shares", test_means_bound_shares },
		{ NULL, NULL },
	};

	return unit_main("rare", cases);
}
