/* SPDX-License-Identifier: MIT */
/*
 * lasting - how unusual a scope has been of late: a leaky mean of its distances.
 *
 * One window's distance is noisy. What an intruder does goes on for seconds, what chance does is
 * over in one; so the mean of a few windows tells more of what lasts (an exponentially weighted
 * moving average, Roberts 1959), while the distance itself tells what is sudden. A window counts
 * for a few thresholds at most, or one wild window would hold the mean up for minutes.
 */
#ifndef TACIT_LASTING_H
#define TACIT_LASTING_H

#include <stdbool.h>

#define TACIT_LASTING_SHARE 0.2 /* of the newest window: five windows or so count */
#define TACIT_LASTING_CAP   3.0 /* thresholds that one window counts for at most */

/* Plain record; all zero before the first window. */
struct tacit_lasting {
	bool begun;
	double level; /* >= 0 */
};

/* The mean with one more window. @distance: >= 0, finite. @threshold: of a single distance; 0 while
 * there is none. */
double tacit_lasting_add(struct tacit_lasting *lasting, double distance, double threshold);

#endif /* TACIT_LASTING_H */
