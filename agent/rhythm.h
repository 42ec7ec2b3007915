/* SPDX-License-Identifier: MIT */
/*
 * rhythm - which alarms of a scope come every week: Monday's backup is no attack.
 *
 * For each hour of the week, in UTC, what led the alarms of that hour and how high they went. An
 * alarm is expected where the same hour, or the one before or after (summer time, a late start),
 * had alarms in two earlier weeks at least, led by the same feature and nearly as high. Whoever
 * wants to use that has to be seen twice, a week apart, at the same hour, by the same means; and
 * goes no higher than a quarter more each week.
 */
#ifndef TACIT_AGENT_RHYTHM_H
#define TACIT_AGENT_RHYTHM_H

#include <stdbool.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_RHYTHM_HOURS 168U

struct tacit_rhythm;

/* @ret: owned by the caller, 1.3 kB. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_rhythm_new(struct tacit_rhythm **ret);

/* An alarming window: at @wall_ms, @excess (above 1) times its threshold, led by @feature. Notes of
 * one hour and week are one; a clock that is set back
 * makes no weeks. */
void tacit_rhythm_note(struct tacit_rhythm *rhythm, int64_t wall_ms, double excess,
		       unsigned feature);

/* Was it to be expected, by what was noted in earlier weeks? */
bool tacit_rhythm_expects(const struct tacit_rhythm *rhythm, int64_t wall_ms, double excess,
			  unsigned feature);

void tacit_rhythm_save(const struct tacit_rhythm *rhythm, struct tacit_writer *writer);

/* 0, TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_rhythm_load(struct tacit_reader *reader, struct tacit_rhythm **ret);

/* NULL is fine. */
void tacit_rhythm_free(struct tacit_rhythm *rhythm);
TACIT_DEFINE_CLEANUP(struct tacit_rhythm, tacit_rhythm_free)

#endif /* TACIT_AGENT_RHYTHM_H */
