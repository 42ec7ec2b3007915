/* SPDX-License-Identifier: MIT */
/*
 * threshold - when a score is an alarm, learned from the host's own scores.
 *
 * Peaks over threshold (Siffer, Fouque, Termier and Largouet, KDD 2017; models/tail.h) on recent
 * normal scores. The operator asks for a false-alarm rate; few scores, and scores that hardly ever
 * differ, are met with caution. What the fleet says of the class (score_ladder.h) stands in for
 * own scores while there are none, and is worth TACIT_THRESHOLD_PRIOR_WORTH of them after that.
 *
 * Scores that rise slowly are followed: where the medians of successive parts of the recent scores
 * rise steadily (Mann and Kendall's test), older scores are moved up by the trend (Sen's slope), as
 * DSPOT does with a moving average. What is rare is read from the highest score of each
 * TACIT_THRESHOLD_KEEP, over the last 18 hours of one-second windows. An intruder could use that,
 * and the quantiles alone, to boil a threshold up. So from TACIT_THRESHOLD_ANCHORED scores on, a
 * threshold is held to half as much again as an anchor: where it was, and a tenth more for each
 * day. What is to move faster has to alarm, and be accepted as the new normal
 * (tacit_threshold_release()).
 */
#ifndef TACIT_THRESHOLD_H
#define TACIT_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/model.h>
#include <tacit/score_ladder.h>

struct tacit_threshold;

/* Recent scores kept. */
#define TACIT_THRESHOLD_KEEP 512U
/* Scores needed before a threshold exists, without a prior. */
#define TACIT_THRESHOLD_MIN 20U
/* Scores after which thresholds are anchored: a day of one-second windows, for an hour does not
 * know what the others are like. */
#define TACIT_THRESHOLD_ANCHORED 86400U
/* What a fully trusted prior is worth, in scores. */
#define TACIT_THRESHOLD_PRIOR_WORTH 100.0

/* What an alarm may teach at most, in thresholds: were it less, what is a little unusual now and
 * then would alarm for ever, for the scores that thresholds are made of would end where they are.
 */
#define TACIT_THRESHOLD_CONCEDE 1.25

/* @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_threshold_new(enum tacit_statistic statistic,
					 struct tacit_threshold **ret);

/* Adds a score of a window held to be normal; not finite or negative: ignored. */
void tacit_threshold_learn(struct tacit_threshold *threshold, double score);

/* What hosts of the class have for thresholds, copied; NULL, or one that says nothing, takes it
 * away. */
void tacit_threshold_set_prior(struct tacit_threshold *threshold,
			       const struct tacit_score_ladder *ladder);

/**
 * tacit_threshold_get - the score that a normal window exceeds with probability @risk.
 * @risk: per window, 1e-9..0.1.
 * @ret:  the threshold, finite, at least tacit_threshold_floor().
 *
 * Returns 0, or -EAGAIN with fewer than TACIT_THRESHOLD_MIN scores and no prior.
 */
TACIT_MUST_CHECK int tacit_threshold_get(struct tacit_threshold *threshold, double risk,
					 double *ret);

/* The same from own scores alone: what a host may tell others. */
TACIT_MUST_CHECK int tacit_threshold_get_own(struct tacit_threshold *threshold, double risk,
					     double *ret);

/**
 * tacit_threshold_floor - what is no anomaly, whatever a host's scores were.
 *
 * What a model that knows the truth would exceed with probability @risk: for |z|, that of one
 * standard normal feature; for squared distances, its square (one degree of freedom, the fewest
 * there can be); for nats, -ln @risk, since a surprise of s nats is what happens with probability
 * e^-s. Sampling error alone takes scores there, and rounding errors below it have no meaning.
 */
double tacit_threshold_floor(enum tacit_statistic statistic, double risk);

/* The scores learned next come from a change that was accepted: the anchor is lifted until they
 * are all that is kept. */
void tacit_threshold_release(struct tacit_threshold *threshold);

/* Heap bytes of one. */
size_t tacit_threshold_size_bytes(void);

/* Scores seen so far. */
uint64_t tacit_threshold_count(const struct tacit_threshold *threshold);

void tacit_threshold_save(const struct tacit_threshold *threshold, struct tacit_writer *writer);

/* What save() wrote, also before there were anchors. 0, TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_threshold_load(enum tacit_statistic statistic,
					  struct tacit_reader *reader,
					  struct tacit_threshold **ret);

/* NULL is fine. */
void tacit_threshold_free(struct tacit_threshold *threshold);
TACIT_DEFINE_CLEANUP(struct tacit_threshold, tacit_threshold_free)

#endif /* TACIT_THRESHOLD_H */
