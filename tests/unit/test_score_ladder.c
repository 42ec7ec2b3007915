/* SPDX-License-Identifier: MIT */
#include <math.h>

#include <tacit/score_ladder.h>

#include "unit.h"

static const struct tacit_score_ladder known = { .weight = 1, .level = { 1, 2, 3, 4, 5 } };

static void test_rungs(void)
{
	for (unsigned i = 0; i < TACIT_SCORE_RUNGS; i++) {
		CU_ASSERT(i == 0 || tacit_score_rung(i) < tacit_score_rung(i - 1));
		CU_ASSERT_DOUBLE_EQUAL(tacit_score_ladder_get(&known, tacit_score_rung(i)),
				       exp((double)known.level[i]), 1e-9);
	}
}

static void test_between_and_beyond(void)
{
	CU_ASSERT_DOUBLE_EQUAL(tacit_score_ladder_get(&known, 1e-4), exp(3.5), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(tacit_score_ladder_get(&known, 1e-9), exp(6), 1e-6);
	CU_ASSERT(tacit_score_ladder_get(&known, 0.5) < exp(1));
}

/* What hosts differ by, and what is not known, is added. */
static void test_caution(void)
{
	struct tacit_score_ladder ladder = known;

	ladder.spread = 0.5F;
	CU_ASSERT_DOUBLE_EQUAL(tacit_score_ladder_get(&ladder, 1e-3), exp(3.5), 1e-6);
	ladder.spread = 0;
	ladder.weight = 0.5F;
	CU_ASSERT_DOUBLE_EQUAL(tacit_score_ladder_get(&ladder, 1e-3), exp(3.5), 1e-6);
}

static void test_weight(void)
{
	struct tacit_score_ladder ladder = known;

	for (double error2 = 0.001; error2 < 100; error2 *= 3) {
		ladder.weight = (float)tacit_score_ladder_weight(error2);
		CU_ASSERT_DOUBLE_EQUAL(tacit_score_ladder_error2(&ladder) / error2, 1, 1e-3);
		CU_ASSERT_EQUAL(tacit_score_ladder_is_known(&ladder), error2 < 4.75);
	}
	ladder.weight = 0;
	CU_ASSERT(!tacit_score_ladder_is_known(&ladder));
	CU_ASSERT(isinf(tacit_score_ladder_error2(&ladder)));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "rungs", test_rungs },
		{ "between and beyond", test_between_and_beyond },
		{ "caution", test_caution },
		{ "weight", test_weight },
		{ NULL, NULL },
	};

	return unit_main("score_ladder", cases);
}
