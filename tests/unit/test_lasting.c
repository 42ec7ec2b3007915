/* SPDX-License-Identifier: MIT */
#include <tacit/lasting.h>

#include "unit.h"

static double add_times(struct tacit_lasting *lasting, double distance, double threshold, int times)
{
	double level = 0;

	while (times-- > 0)
		level = tacit_lasting_add(lasting, distance, threshold);
	return level;
}

static void test_mean(void)
{
	struct tacit_lasting lasting = { 0 };

	CU_ASSERT_EQUAL(tacit_lasting_add(&lasting, 10, 0), 10);
	CU_ASSERT_DOUBLE_EQUAL(tacit_lasting_add(&lasting, 20, 0), 12, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(add_times(&lasting, 20, 0, 100), 20, 1e-6);
}

/* What is a little unusual for long weighs more than what was wild for once. */
static void test_lasting_beats_sudden(void)
{
	struct tacit_lasting slight = { 0 }, wild = { 0 };
	double lasting, sudden;

	(void)add_times(&slight, 10, 40, 20);
	(void)add_times(&wild, 10, 40, 20);
	lasting = add_times(&slight, 35, 40, 10);
	(void)tacit_lasting_add(&wild, 1e9, 40);
	sudden = add_times(&wild, 10, 40, 2);
	CU_ASSERT(lasting > sudden);
}

static void test_one_window_is_soon_forgotten(void)
{
	struct tacit_lasting lasting = { 0 };

	(void)add_times(&lasting, 10, 40, 20);
	CU_ASSERT(tacit_lasting_add(&lasting, 1e300, 40) < 40);
	CU_ASSERT(add_times(&lasting, 10, 40, 10) < 13);
	CU_ASSERT_EQUAL(add_times(&lasting, 0, 0, 100000), lasting.level);
	CU_ASSERT(lasting.level >= 0 && lasting.level < 1e-6);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "mean", test_mean },
		{ "what lasts beats what is sudden", test_lasting_beats_sudden },
		{ "one window is soon forgotten", test_one_window_is_soon_forgotten },
		{ NULL, NULL },
	};

	return unit_main("lasting", cases);
}
