/* SPDX-License-Identifier: MIT */
#include "window.h"

struct tacit_sample tacit_window_sample(const struct tacit_window *window, double *x)
{
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		x[i] = window->observed[tacit_feature_get(i)->probe]
			       ? tacit_feature_transform(i, window->count[i])
			       : 0;
	return (struct tacit_sample){ .x = x, .observed = window->observed };
}
