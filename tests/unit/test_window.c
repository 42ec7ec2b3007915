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

int main(void)
{
	static const struct unit_case cases[] = {
		{ "missing features are zero", test_missing_features_are_zero },
		{ "the largest count is finite", test_the_largest_count_is_finite },
		{ NULL, NULL },
	};

	return unit_main("window", cases);
}
