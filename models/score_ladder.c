/* SPDX-License-Identifier: MIT */
#include <tacit/score_ladder.h>

#include <math.h>

#define UNIT2 0.25 /* a factor of e^0.5 is what halves the weight */

static const double rungs[TACIT_SCORE_RUNGS] = { 1e-1, 1e-2, 1e-3, 1e-5, 1e-7 };

double tacit_score_rung(unsigned i)
{
	return rungs[i];
}

bool tacit_score_ladder_is_known(const struct tacit_score_ladder *ladder)
{
	return (double)ladder->weight >= TACIT_SCORE_LADDER_WEIGHT_MIN;
}

double tacit_score_ladder_error2(const struct tacit_score_ladder *ladder)
{
	return UNIT2 * (1 / (double)ladder->weight - 1);
}

double tacit_score_ladder_weight(double error2)
{
	return 1 / (1 + error2 / UNIT2);
}

double tacit_score_ladder_get(const struct tacit_score_ladder *ladder, double risk)
{
	unsigned i = 1;
	double spread = (double)ladder->spread, along, low, high;

	while (i + 1 < TACIT_SCORE_RUNGS && risk < rungs[i])
		i++;
	low = (double)ladder->level[i - 1];
	high = (double)ladder->level[i];
	along = log(rungs[i - 1] / risk) / log(rungs[i - 1] / rungs[i]);
	return exp(low + along * (high - low) +
		   sqrt(spread * spread + tacit_score_ladder_error2(ladder)));
}
