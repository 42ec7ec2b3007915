/* SPDX-License-Identifier: MIT */
#include "rare.h"

#include <math.h>
#include <stdlib.h>

#define UNSEEN 0.5 /* what every event, and its absence, is taken to have been seen once more */

double tacit_rare_surprise(double seen, double windows)
{
	double chance = (seen + UNSEEN) / (windows + 2 * UNSEEN);

	return chance < TACIT_RARE_SELDOM ? -log(chance) : 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double tacit_rare_together(double *nats, size_t n)
{
	double sum = 0;

	qsort(nats, n, sizeof(*nats), by_size);
	for (size_t i = 0; i < n; i++)
		sum = nats[i] + sum / 2;
	return sum;
}

double tacit_rare_share_most(double mean)
{
	return fmin(fmax(mean, 0) / log(2), 1);
}
