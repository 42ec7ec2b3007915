/* SPDX-License-Identifier: MIT */
/*
 * reference - what a scope's model was some time ago, so that nobody moves it far unseen.
 *
 * A model learns from whatever does not alarm. Who stays just below the threshold, window after
 * window, moves its means and widens its variances, a little each time and by powers of e a day,
 * and the threshold with its scores stays what it was. So a copy is kept, of a week ago at most,
 * and a window is also judged by it: scores count with half of what they are there. Honest change
 * that is as large alarms once, is accepted, and the copy is made anew.
 */
#ifndef TACIT_REFERENCE_H
#define TACIT_REFERENCE_H

#include <tacit/model.h>

struct tacit_reference {
	struct tacit_model *model; /* owned; NULL: none yet */
	uint64_t due;		   /* windows of the scope at which the next copy is made */
};

/* Scores by the copy are divided by this. */
#define TACIT_REFERENCE_HEADROOM 2.0

/* Windows of a scope before its first copy, a day of seconds, and between copies. */
#define TACIT_REFERENCE_FIRST 86400U
#define TACIT_REFERENCE_EVERY (7U * TACIT_REFERENCE_FIRST)

/* Makes a copy of @model, which has learned from @windows, when one is due. 0 or -ENOMEM: the old
 * one stays. */
TACIT_MUST_CHECK int tacit_reference_renew(struct tacit_reference *reference,
					   const struct tacit_model *model,
					   const struct tacit_space *space, uint64_t windows);

/* Raises @score to what the copy says, where that is more. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_reference_judge(struct tacit_reference *reference,
					   const struct tacit_sample *sample,
					   struct tacit_score *score);

/* A change was accepted: no copy for a day. */
void tacit_reference_release(struct tacit_reference *reference, uint64_t windows);

/* For TACIT_CLEANUP(). */
void tacit_reference_done(struct tacit_reference *reference);

#endif /* TACIT_REFERENCE_H */
