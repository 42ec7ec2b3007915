/* SPDX-License-Identifier: MIT */
/*
 * detect - when a window is an alarm, and which alarms are one anomaly.
 *
 * The operator asks for alerts a day. Every statistic of every scope gets an equal share of
 * that risk (Bonferroni): alerts / (windows a day * scopes * statistics). Alarming
 * windows of one scope with at most TACIT_DETECT_GAP ticks between them are one
 * episode, which is one row in the store and two lines in the log.
 *
 * An alarming window teaches nothing, or an intruder would; nor does one between the alarms of an
 * episode. But what lasts is the new normal: a scope that has been in and out of alarm for
 * accept_after_ms, never calm for TACIT_DETECT_CALM_MS, is learned from again, and its episode says
 * "accepted". So is what comes every week at the same hour (rhythm.h): its episode says "expected".
 */
#ifndef TACIT_AGENT_DETECT_H
#define TACIT_AGENT_DETECT_H

#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "learner.h"
#include "process.h"
#include "store.h"
#include "window.h"

struct tacit_detect;

#define TACIT_DETECT_GAP	5U
#define TACIT_DETECT_CALM_MS	600000
#define TACIT_DETECT_CAUSES	8U    /* features in an episode's detail */
#define TACIT_DETECT_PROCESSES	8U    /* names there */
#define TACIT_DETECT_SCOPES_MAX 1024U /* unusual ones at a time; more are counted, not kept */

/* The programs that @scope has started in the last @windows windows, as tacit_sensor_processes().
 */
typedef int tacit_detect_processes_fn(void *ctx, const char *scope, unsigned windows,
				      struct tacit_process *ret, size_t max);

struct tacit_detect_params {
	struct tacit_learner *learner; /* borrowed */
	struct tacit_store *store;     /* borrowed; NULL: episodes are not stored */
	double alerts_per_day;	       /* above 0 */
	uint32_t window_ms;
	int64_t accept_after_ms;
	tacit_detect_processes_fn *processes; /* NULL: nobody knows */
	void *processes_ctx;		      /* borrowed */
};

/* @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_detect_new(const struct tacit_detect_params *params,
				      struct tacit_detect **ret);

enum tacit_verdict {
	TACIT_VERDICT_WARMING, /* no threshold yet: learned from, not judged */
	TACIT_VERDICT_NORMAL,
	TACIT_VERDICT_ALARM,
	TACIT_VERDICT_ACCEPTED, /* an alarm that has lasted: learned from again */
	TACIT_VERDICT_EXPECTED, /* one that comes at this hour of the week: learned from */
};

/* "warming up", "normal", "anomalous", "accepted", "expected". */
const char *tacit_verdict_name(enum tacit_verdict verdict);

/* "distance", "max z", "rare events". */
const char *tacit_detect_statistic_name(enum tacit_statistic statistic);

/* The chance that a normal window exceeds one statistic's threshold; within 1e-9..0.1. */
double tacit_detect_risk(double alerts_per_day, uint32_t window_ms, uint32_t scopes);

/**
 * tacit_detect_window - judge one window, learn from it if it may, keep its episode.
 * @ret, @ret_judgement: may be NULL.
 *
 * A window more than twice as long as it should be is judged, not learned from. Logs the
 * beginning of an episode. Returns 0, -ENOMEM; a store that fails is logged, and detection goes
 * on.
 */
TACIT_MUST_CHECK int tacit_detect_window(struct tacit_detect *detect,
					 const struct tacit_window *window, enum tacit_verdict *ret,
					 struct tacit_judgement *ret_judgement);

/* After all windows of one tick: @elapsed_ms by the boot clock since the one before. Ends episodes
 * that are over and logs it. */
void tacit_detect_tick(struct tacit_detect *detect, int64_t elapsed_ms);

/* Writes what changed in episodes, in one transaction; what fails stays due. */
TACIT_MUST_CHECK int tacit_detect_flush(struct tacit_detect *detect);

/* For SIGHUP. */
void tacit_detect_set_policy(struct tacit_detect *detect, double alerts_per_day,
			     int64_t accept_after_ms);

struct tacit_detect_counters {
	uint64_t windows, warming, alarms, accepted, expected, episodes;
	uint64_t unkept; /* alarms beyond TACIT_DETECT_SCOPES_MAX */
	uint32_t open;	 /* episodes now */
};

void tacit_detect_counters(const struct tacit_detect *detect, struct tacit_detect_counters *ret);

/*
 * An anomaly's detail is JSON: {"features": [{"name", "unit", "value", "expected", "z", "share",
 * "surprise"}, ...] as tacit_learner_explain() has them, "distance", "distance_threshold", "max_z",
 * "max_z_threshold", "rare", "rare_threshold", "evidence": windows behind the judgement, "accepted":
 * whether learning has resumed, "expected": whether it went as in earlier weeks}, all at the peak, and
 * "processes": [{"name", "execs", "new"}, ...]: programs started in the episode's alarming windows
 * and the one before it, the most telling first. Names never leave the host.
 */

/* NULL is fine. Does not flush: open episodes are found interrupted by the next store. */
void tacit_detect_free(struct tacit_detect *detect);
TACIT_DEFINE_CLEANUP(struct tacit_detect, tacit_detect_free)

#endif /* TACIT_AGENT_DETECT_H */
