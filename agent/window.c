/* SPDX-License-Identifier: MIT */
#include "window.h"

void tacit_window_shorten(struct tacit_window *window, uint32_t length_ms)
{
	double share = (double)length_ms / window->length_ms;

	if (length_ms >= window->length_ms)
		return;
	for (unsigned i = TACIT_FEATURE_GAUGES; i < TACIT_FEATURE_COUNT; i++)
		window->count[i] = (uint64_t)((double)window->count[i] * share + 0.5);
	window->length_ms = length_ms;
}

struct tacit_sample tacit_window_sample(const struct tacit_window *window, double *x)
{
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		x[i] = window->observed[tacit_feature_get(i)->probe]
			       ? tacit_feature_transform(i, window->count[i])
			       : 0;
	return (struct tacit_sample){ .x = x, .observed = window->observed };
}
