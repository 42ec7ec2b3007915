/* SPDX-License-Identifier: MIT */
/*
 * transition - how unusual a stream's mix of transitions is: which symbol follows which, how often.
 *
 * Pairs are hashed to TACIT_TRANSITION_BINS, their share of the stream is taken as log(1 + per
 * thousand), and the squared Mahalanobis distance is that of z-scores: a ridge in proportion to
 * each bin's own variance keeps it from looking at large bins alone, as one in proportion to the
 * mean variance does. So what is seldom counts, and that is what attacks do more of. Such
 * distances rank badly and find much where false alarms are few; the surprise of an n-gram model
 * (ngram.h) does the opposite.
 */
#ifndef TACIT_TRANSITION_H
#define TACIT_TRANSITION_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_transition;

#define TACIT_TRANSITION_BINS 256U

/* Streams below which nothing is judged. */
#define TACIT_TRANSITION_STREAMS_MIN 20U

/* @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_transition_new(struct tacit_transition **ret);

/* Learns one stream; one without a transition says nothing. */
void tacit_transition_learn(struct tacit_transition *transition, const uint16_t *symbol, size_t n);

/* @ret: >= 0; 0 of a stream without a transition. 0, or -EAGAIN with fewer than
 * TACIT_TRANSITION_STREAMS_MIN streams. */
TACIT_MUST_CHECK int tacit_transition_score(struct tacit_transition *transition,
					    const uint16_t *symbol, size_t n, double *ret);

/* NULL is fine. */
void tacit_transition_free(struct tacit_transition *transition);
TACIT_DEFINE_CLEANUP(struct tacit_transition, tacit_transition_free)

#endif /* TACIT_TRANSITION_H */
