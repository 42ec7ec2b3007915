/* SPDX-License-Identifier: MIT */
/*
 * replay - a recording in memory, as steps: what all scopes of one host did at one time.
 */
#ifndef TACIT_AGENT_REPLAY_H
#define TACIT_AGENT_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "recording.h"
#include "window.h"

#define TACIT_REPLAY_WINDOWS_MAX 1000000U

struct tacit_replay;

/* Reads a whole recording. @ret: owned by the caller. Errors as tacit_recording_new() and _next(),
 * what fopen(3) says, -E2BIG, TACIT_ESCHEMA for a recording without windows. */
TACIT_MUST_CHECK int tacit_replay_load(const char *path, struct tacit_replay **ret,
				       struct tacit_recording_where *where);

/* At least 1. */
size_t tacit_replay_steps(const struct tacit_replay *replay);
size_t tacit_replay_windows(const struct tacit_replay *replay);

/* As tacit_recording_is_cut_off(): the windows are whole, but there may have been more. */
bool tacit_replay_is_cut_off(const struct tacit_replay *replay);

/* The windows of step @i (modulo the number of steps: a recording goes round); borrowed. */
const struct tacit_window *tacit_replay_step(const struct tacit_replay *replay, size_t i,
					     size_t *ret_n);

/* NULL is fine. */
void tacit_replay_free(struct tacit_replay *replay);
TACIT_DEFINE_CLEANUP(struct tacit_replay, tacit_replay_free)

#endif /* TACIT_AGENT_REPLAY_H */
