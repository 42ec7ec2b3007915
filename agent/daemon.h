/* SPDX-License-Identifier: MIT */
/*
 * daemon - tacitd's one loop: a window falls due, the source is drained, every window is scored,
 * judged, learned from; the rest (database, network, control socket) happens in between.
 *
 * The timer runs on the boot clock; a late tick makes a longer window, never a lost one.
 */
#ifndef TACIT_AGENT_DAEMON_H
#define TACIT_AGENT_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "agent_conf.h"
#include "detect.h"
#include "learner.h"
#include "store.h"
#include "window.h"

struct event_base;
struct tacit_confine_status;
struct tacit_daemon;
struct tacit_identity;
struct tacit_identity;
struct tacit_participant;
struct tacit_sensor;

/* Where windows come from: the sensor, a recording, nothing. */
struct tacit_source {
	/* Hands every scope's window since the last call to @fn. Returns how many, or an error;
	 * -ENODATA: there will be no more. */
	int (*drain)(void *ctx, tacit_window_fn *fn, void *fn_ctx);
	void *ctx; /* borrowed */
};

/* Milliseconds; NULL: the system's. Tests step them. */
struct tacit_daemon_clock {
	int64_t (*wall_ms)(void);
	int64_t (*boot_ms)(void);      /* counts on during suspend */
	int64_t (*monotonic_ms)(void); /* does not */
};

struct tacit_daemon_params {
	struct tacit_agent_conf *conf; /* borrowed; SIGHUP changes what can be changed */
	const char *conf_path;	       /* for SIGHUP; NULL: no reload */
	struct tacit_source source;    /* drain NULL: sensing is off */
	struct tacit_sensor *sensor;   /* borrowed; what @source reads, for reports; may be NULL */
	const char *record_path;       /* windows are written there; NULL: not */
	struct tacit_daemon_clock clock;
	const struct tacit_confine_status *confine; /* borrowed, for reports; NULL: not confined */
};

/* Opens the store, the models, the identity and the control socket (without which the daemon goes
 * on); the network is not touched before tacit_daemon_run(). Logs what fails. @ret: owned by the
 * caller. 0, or the error of the part that failed. */
TACIT_MUST_CHECK int tacit_daemon_new(const struct tacit_daemon_params *params,
				      struct tacit_daemon **ret);

/* Runs until SIGTERM, SIGINT, tacit_daemon_stop() or the end of the source; then saves. 0, or the
 * error that kept it from saving. */
TACIT_MUST_CHECK int tacit_daemon_run(struct tacit_daemon *daemon);

void tacit_daemon_stop(struct tacit_daemon *daemon);

/* One window's work at once, without the timer: for tests and replays. 0, -ENODATA (the source has
 * ended), or why the source could not be drained. */
TACIT_MUST_CHECK int tacit_daemon_tick(struct tacit_daemon *daemon);

struct tacit_daemon_status {
	int64_t started_ms;	/* wall clock */
	int64_t last_window_ms; /* wall clock; 0: none yet */
	uint64_t ticks, late_ticks;
	uint64_t windows;	/* judged since the start */
	uint64_t windows_total; /* judged over all time, unsaved ones too */
	uint64_t unjudged;	/* of a tick in which the machine slept */
	uint64_t failed;	/* drains or windows that failed */
	uint64_t suspended_ms;	/* the machine slept, since the start */
	uint32_t late_max_ms;	/* the worst tick's delay */
	uint32_t tick_us;	/* the last tick's work */
};

void tacit_daemon_status(const struct tacit_daemon *daemon, struct tacit_daemon_status *ret);

/* Parts, borrowed. NULL where there is none: no sensor, uplink disabled, not confined. */
struct event_base *tacit_daemon_base(struct tacit_daemon *daemon);
const struct tacit_confine_status *tacit_daemon_confine(const struct tacit_daemon *daemon);
const struct tacit_agent_conf *tacit_daemon_conf(const struct tacit_daemon *daemon);
struct tacit_store *tacit_daemon_store(struct tacit_daemon *daemon);
struct tacit_learner *tacit_daemon_learner(struct tacit_daemon *daemon);
struct tacit_detect *tacit_daemon_detect(struct tacit_daemon *daemon);
struct tacit_sensor *tacit_daemon_sensor(struct tacit_daemon *daemon);
struct tacit_participant *tacit_daemon_participant(struct tacit_daemon *daemon);
const struct tacit_identity *tacit_daemon_identity(const struct tacit_daemon *daemon);

/* NULL is fine. */
void tacit_daemon_free(struct tacit_daemon *daemon);
TACIT_DEFINE_CLEANUP(struct tacit_daemon, tacit_daemon_free)

#endif /* TACIT_AGENT_DAEMON_H */
