/* SPDX-License-Identifier: MIT */
/*
 * judge - what tacitd would have said to a recording: its learner and its detection, window by
 * window, from knowing nothing.
 *
 * The first part is only learned from, as a host is in its first days. What alarms later in a
 * recording of ordinary work is a false alarm, and their number says how often a host cries wolf;
 * in one with attacks the episodes say which were seen.
 */
#ifndef TACIT_AGENT_JUDGE_H
#define TACIT_AGENT_JUDGE_H

#include <jansson.h>

#include <tacit/error.h>
#include <tacit/model.h>

#include "replay.h"

#define TACIT_JUDGE_SCOPES_MAX	 4096U
#define TACIT_JUDGE_EPISODES_MAX 100000U

struct tacit_judge_params {
	const struct tacit_replay *replay;   /* borrowed */
	const struct tacit_model_kind *kind; /* static */
	double alerts_per_day;		     /* above 0 */
	double learn;	     /* share of the steps that nothing is counted of, 0..1 */
	size_t memory_bytes; /* for models of full size */
};

/**
 * tacit_judge_run - live through the recording.
 * @ret: owned by the caller: {"steps", "window_ms", "alerts_per_day", "learned_sec", "judged_sec",
 *       "scopes": [RATE and "scope" ...], "total": RATE, "episodes": [{"scope", "start_ms",
 * "end_ms", "windows", "statistic", "value", "threshold", "features": [name ...]} ...]}, a RATE
 * being
 *       {"windows", "warming", "alarms", "episodes", "per_day", "per_day_low", "per_day_high"}: of
 *       the judged part its windows, those without a threshold, those that alarmed; episodes that
 *       began in it; these by day with the 95% interval of their rate.
 *
 * Episodes are told of the whole recording. Returns 0, -ENOMEM, -E2BIG (too many scopes), or as
 * tacit_store_open().
 */
TACIT_MUST_CHECK int tacit_judge_run(const struct tacit_judge_params *params, json_t **ret);

#endif /* TACIT_AGENT_JUDGE_H */
