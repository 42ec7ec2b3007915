/* SPDX-License-Identifier: MIT */
/*
 * threshold - when a score is an alarm, learned from the host's own scores.
 *
 * Peaks over threshold: a generalised Pareto distribution fitted to the excesses
 * over a high empirical quantile of recent normal scores (Siffer, Fouque, Termier
 * and Largouet, KDD 2017), by probability-weighted moments (Hosking and Wallis 1987),
 * which need no iteration and behave with few excesses. The operator asks for a
 * false-alarm rate; until there are enough scores, the threshold is conservative.
 */
#ifndef TACIT_THRESHOLD_H
#define TACIT_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_threshold;

/* Recent scores kept. */
#define TACIT_THRESHOLD_KEEP 512U
/* Scores needed before a threshold exists. */
#define TACIT_THRESHOLD_MIN 20U

/* @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_threshold_new(struct tacit_threshold **ret);

/* Adds a score of a window held to be normal; not finite or negative: ignored. */
void tacit_threshold_learn(struct tacit_threshold *threshold, double score);

/**
 * tacit_threshold_get - the score that a normal window exceeds with probability @risk.
 * @risk: per window, 1e-9..0.1.
 * @ret:  the threshold, finite.
 *
 * Returns 0, or -EAGAIN with fewer than TACIT_THRESHOLD_MIN scores.
 */
TACIT_MUST_CHECK int tacit_threshold_get(struct tacit_threshold *threshold, double risk,
					 double *ret);

/* Scores seen so far. */
uint64_t tacit_threshold_count(const struct tacit_threshold *threshold);

void tacit_threshold_save(const struct tacit_threshold *threshold, struct tacit_writer *writer);

/* 0, TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_threshold_load(struct tacit_reader *reader,
					  struct tacit_threshold **ret);

/* NULL is fine. */
void tacit_threshold_free(struct tacit_threshold *threshold);
TACIT_DEFINE_CLEANUP(struct tacit_threshold, tacit_threshold_free)

#endif /* TACIT_THRESHOLD_H */
