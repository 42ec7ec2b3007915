/* SPDX-License-Identifier: MIT */
/*
 * score_ladder - the tail of one statistic's scores among the hosts of a class: which score a
 * normal window exceeds with each of a few probabilities, the rungs.
 */
#ifndef TACIT_SCORE_LADDER_H
#define TACIT_SCORE_LADDER_H

#include <stdbool.h>

#define TACIT_SCORE_RUNGS 5U

struct tacit_score_ladder {
	float weight;			/* 0..1: how far it can be relied on; 0: nothing is known */
	float level[TACIT_SCORE_RUNGS]; /* ln of the score, average over hosts */
	float spread;			/* standard deviation of that between hosts */
};

/* Below this weight a ladder says nothing: it is off by a factor of nine or more. */
#define TACIT_SCORE_LADDER_WEIGHT_MIN 0.05

bool tacit_score_ladder_is_known(const struct tacit_score_ladder *ladder);

/* Expected squared error of a level: infinite when nothing is known, 0.25 at weight 1/2. */
double tacit_score_ladder_error2(const struct tacit_score_ladder *ladder);
double tacit_score_ladder_weight(double error2);

/* Probability at rung @i, falling: 1e-1, 1e-2, 1e-3, 1e-5, 1e-7. */
double tacit_score_rung(unsigned i);

/* The score for @risk, between rungs and beyond: log-linear, and one standard deviation, of hosts
 * and of what is known of them, above the average: enough for five hosts of six. */
double tacit_score_ladder_get(const struct tacit_score_ladder *ladder, double risk);

#endif /* TACIT_SCORE_LADDER_H */
