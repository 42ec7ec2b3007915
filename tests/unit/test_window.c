/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "agent/window.h"
#include "unit.h"

static void test_missing_features_are_zero(void)
{
	struct tacit_window window = { .scope = "host" };
	double x[TACIT_FEATURE_COUNT];
	struct tacit_sample sample;

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		window.count[i] = i;
		x[i] = NAN;
	}
	memset(window.observed, 1, sizeof(window.observed));
	window.observed[TACIT_PROBE_TCP_STATE] = 0;
	sample = tacit_window_sample(&window, x);
	CU_ASSERT_PTR_EQUAL(sample.x, x);
	CU_ASSERT_PTR_EQUAL(sample.observed, window.observed);
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		bool missing = tacit_feature_get(i)->probe == TACIT_PROBE_TCP_STATE;

		CU_ASSERT_EQUAL(x[i], missing ? 0 : tacit_feature_transform(i, i));
	}
}

static void test_the_largest_count_is_finite(void)
{
	struct tacit_window window = { 0 };
	double x[TACIT_FEATURE_COUNT];

	memset(window.observed, 1, sizeof(window.observed));
	memset(window.count, 0xff, sizeof(window.count));
	(void)tacit_window_sample(&window, x);
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		CU_ASSERT(isfinite(x[i]) && x[i] > 0);
}

static void test_a_long_window_is_shortened(void)
{
	struct tacit_window window = { .length_ms = 10000 };

	window.count[TACIT_FEATURE_SCHED_TASKS] = 30; /* a gauge */
	window.count[TACIT_FEATURE_PROCESS_FORK] = 104;
	window.count[TACIT_FEATURE_PROCESS_EXEC] = 105;
	tacit_window_shorten(&window, 20000);
	CU_ASSERT_EQUAL(window.length_ms, 10000);
	CU_ASSERT_EQUAL(window.count[TACIT_FEATURE_PROCESS_FORK], 104);
	tacit_window_shorten(&window, 1000);
	CU_ASSERT_EQUAL(window.length_ms, 1000);
	CU_ASSERT_EQUAL(window.count[TACIT_FEATURE_SCHED_TASKS], 30);
	CU_ASSERT_EQUAL(window.count[TACIT_FEATURE_PROCESS_FORK], 10);
	CU_ASSERT_EQUAL(window.count[TACIT_FEATURE_PROCESS_EXEC], 11);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "missing features are zero", test_missing_features_are_zero },
		{ "the largest count is finite", test_the_largest_count_is_finite },
		{ "a long window is shortened", test_a_long_window_is_shortened },
		{ NULL, NULL },
	};

	return unit_main("window", cases);
}
