/* SPDX-License-Identifier: MIT */
#include <tacit/score_ladder.h>

#include <math.h>

#define SPREADS 1.0 /* of a host above the average host */

static const double rungs[TACIT_SCORE_RUNGS] = { 1e-1, 1e-2, 1e-3, 1e-5, 1e-7 };

double tacit_score_rung(unsigned i)
{
	return rungs[i];
}

double tacit_score_ladder_get(const struct tacit_score_ladder *ladder, double risk)
{
	unsigned i = 1;
	double along, low, high;

	while (i + 1 < TACIT_SCORE_RUNGS && risk < rungs[i])
		i++;
	low = (double)ladder->level[i - 1];
	high = (double)ladder->level[i];
	along = log(rungs[i - 1] / risk) / log(rungs[i - 1] / rungs[i]);
	return exp(low + along * (high - low) + SPREADS * (double)ladder->spread);
}
