/* SPDX-License-Identifier: MIT */
#include "poisson.h"

#include <math.h>

#define TAIL	    0.025
#define WIDTH	    10.0 /* no bound is further away than so many roots of the count, and ... */
#define WIDTH_LEAST 20.0 /* ... so much */
#define HALVINGS    60	 /* to the precision of a double */

/* The chance of @count or fewer. */
static double at_most(uint64_t count, double mean)
{
	double sum = 0;

	for (uint64_t i = 0; i <= count; i++)
		sum += exp((double)i * log(mean) - mean - lgamma((double)i + 1));
	return fmin(sum, 1);
}

/* The mean at which the chance of @count or fewer, which falls, is @chance. */
static double mean_at(uint64_t count, double chance)
{
	double low = 0, high = (double)count + WIDTH * sqrt((double)count) + WIDTH_LEAST;

	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;

		if (at_most(count, middle) > chance)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

void tacit_poisson_interval(uint64_t count, double *ret_low, double *ret_high)
{
	*ret_low = count == 0 ? 0 : mean_at(count - 1, 1 - TAIL);
	*ret_high = mean_at(count, TAIL);
}
