/* SPDX-License-Identifier: MIT */
/*
 * governor - how long a costly hook may be attached, so that what it costs stays under a budget.
 *
 * Time goes by in windows. In each the hook is attached for one stretch, all of it if the budget
 * allows. The stretch is as long as the last known rate of calls lets it be, begins at a random
 * place, so that no rhythm of the host's hides in the gap, and ends early when the calls granted
 * are used up: what a burst can cost is bounded whatever was expected. A rate so high that a
 * stretch would be shorter than TACIT_GOVERNOR_STRETCH_MIN_NS leaves windows out instead.
 *
 * Pure: no clock, no kernel; nanoseconds in, a plan out.
 */
#ifndef TACIT_AGENT_GOVERNOR_H
#define TACIT_AGENT_GOVERNOR_H

#include <stdint.h>

#define TACIT_GOVERNOR_STRETCH_MIN_NS 5000000ULL

/* What is known before the first window. Plain record. */
struct tacit_governor_params {
	double budget;	    /* share of one processor, above 0; 0.01 is one per cent */
	uint64_t window_ns; /* nominal length of a window */
	double call_ns;	    /* what one hooked call costs */
	uint64_t switch_ns; /* what attaching and detaching once cost */
};

/* What one window was. Plain record. */
struct tacit_governor_window {
	uint64_t length_ns;
	uint64_t attached_ns;
	uint64_t calls;	    /* while attached */
	uint64_t switch_ns; /* spent on attaching and detaching */
	uint64_t fixed_ns;  /* what else counts against the budget: the drain */
};

/* What to do in the next. Plain record. */
struct tacit_governor_plan {
	uint64_t start_ns; /* from the window's begin; attach then, if not attached */
	uint64_t stop_ns; /* detach then; UINT64_MAX: not at all; at most @start_ns: never attach */
	uint64_t allowance; /* detach once so many calls were hooked in this window */
};

/* Zero is no governor; begin with tacit_governor_init(). */
struct tacit_governor {
	struct tacit_governor_params params;
	double rate;		    /* calls a nanosecond while last attached */
	double fixed_ns, switch_ns; /* moving means */
	double saved_ns;	    /* budget of windows left out, for the next stretch */
	double cost;		    /* share of one processor, of the last window ... */
	double cost_mean;	    /* ... and as a moving mean over some ten windows */
};

void tacit_governor_init(struct tacit_governor *governor,
			 const struct tacit_governor_params *params);

/**
 * tacit_governor_next - account for a window, plan the next.
 * @window: NULL before the first.
 * @random: any 64 bits; where a stretch begins.
 */
struct tacit_governor_plan tacit_governor_next(struct tacit_governor *governor,
					       const struct tacit_governor_window *window,
					       uint64_t random);

#endif /* TACIT_AGENT_GOVERNOR_H */
