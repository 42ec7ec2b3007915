/* SPDX-License-Identifier: MIT */
/*
 * ladder_block - what hosts of one class tell each other of their scores, whatever the kind of
 * model: one ladder for each statistic, in contributions and in what is made of the sum.
 *
 * A host sends, with presence p = min(n, 512) / 512, n being its scores, and for each statistic the
 * logarithms of its own thresholds at the rungs, as deviations from the reference in shares of a
 * *span*, cut at +-1; and the square of the middle one's:
 *
 *	[1] p A	    for each statistic: [rungs] p B y	[1] p B y^2
 *
 * So levels are means of logarithms over hosts, not quantiles of pooled scores: one host of a
 * hundred that lies moves them by a hundredth of a span, where in a pooled histogram it would be
 * the whole 99th percentile; and noise that drowns the hundredth part of a histogram, which is what
 * matters of it, does not drown a mean. Threshold, not score quantile, because a host's own fit
 * (tail.h) says more of the rare rungs than its 512 scores do.
 *
 * Absorbing is a Kalman filter with known noise: a weight w says that the squared error of a level
 * is (1/w - 1) / 4; it grows with every round, since fleets change, and where a sum is farther
 * from the reference than error and noise explain, the reference is taken for that much worse.
 */
#ifndef TACIT_MODELS_LADDER_BLOCK_H
#define TACIT_MODELS_LADDER_BLOCK_H

#include <stddef.h>

#include <tacit/model.h>
#include <tacit/score_ladder.h>
#include <tacit/threshold.h>

/* Numbers in a contribution, for one class. */
#define TACIT_LADDER_CONTRIBUTION (1U + TACIT_STATISTIC_COUNT * (TACIT_SCORE_RUNGS + 1U))

/* Scores below which a scope's thresholds are not contributed. */
#define TACIT_LADDER_SCORES_MIN 100U

/* What no release says anything about. */
void tacit_ladder_init(struct tacit_score_ladder *ladder);

/* Foreign numbers: 0 or -EINVAL. */
TACIT_MUST_CHECK int tacit_ladder_check(const struct tacit_score_ladder *ladder);

/**
 * tacit_ladder_contribute - what a scope would add to its class.
 * @threshold: one per statistic, borrowed.
 * @reference: one per statistic.
 * @out:       TACIT_LADDER_CONTRIBUTION numbers within [-1, 1]; zeros with too few scores.
 */
void tacit_ladder_contribute(struct tacit_threshold *const *threshold,
			     const struct tacit_score_ladder *reference, double *out);

/* @out, one per statistic, becomes what the class knows next; @sum is over
 * TACIT_LADDER_CONTRIBUTION numbers. */
void tacit_ladder_absorb(const struct tacit_sum *sum, const struct tacit_score_ladder *reference,
			 struct tacit_score_ladder *out);

#endif /* TACIT_MODELS_LADDER_BLOCK_H */
