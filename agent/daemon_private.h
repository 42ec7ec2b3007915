/* SPDX-License-Identifier: MIT */
/* What the files of the daemon share; nobody else includes this. */
#ifndef TACIT_AGENT_DAEMON_PRIVATE_H
#define TACIT_AGENT_DAEMON_PRIVATE_H

#include "daemon.h"

#include <tacit/log.h>
#include <tacit/random.h>

#include "control.h"
#include "identity.h"
#include "participant.h"
#include "recording.h"
#include "uplink.h"

struct event;

/* The loop's duties besides windows and the network, by falling frequency. */
enum tacit_daemon_chore {
	TACIT_CHORE_EPISODES,
	TACIT_CHORE_MODELS,
	TACIT_CHORE_RETAIN,
	TACIT_CHORE_WATCHDOG,
	TACIT_CHORE_COUNT,
};

struct tacit_daemon {
	struct tacit_daemon_params params;
	struct event_base *base;
	struct event *tick, *chore[TACIT_CHORE_COUNT], *on_signal[3];
	struct event *turn, *wake; /* the sensor's hook; NULL: it needs nobody */
	struct tacit_store *store;
	struct tacit_learner *learner;
	struct tacit_detect *detect;
	struct tacit_control *control;
	struct tacit_identity *identity;
	struct tacit_random *random;
	struct tacit_uplink *uplink;
	struct tacit_uplink_client *client;
	struct tacit_participant *participant;

	struct tacit_recording_writer *record;
	struct tacit_recording_row row; /* its words, and the window being written */
	struct tacit_log_limit record_complaint;

	/* Readings of the last tick, and when (boot clock) the wall clock was set last. */
	int64_t boot_ms, monotonic_ms, wall_ms, set_ms;
	int64_t due_ms; /* boot clock, the next tick */
	bool slept;	/* in the tick under way */
	struct tacit_daemon_status status;
	struct tacit_log_limit complaint;
};

/* Fills in the clocks' first readings. */
void tacit_daemon_begin(struct tacit_daemon *daemon);

/* Opens the recording, if one is asked for. 0, -ENOMEM, or what open(2) says. */
TACIT_MUST_CHECK int tacit_daemon_open_record(struct tacit_daemon *daemon);

/* Completes it. Logs what fails. */
void tacit_daemon_close_record(struct tacit_daemon *daemon);

/* Identity, uplink and participant, as far as the configuration wants them. Logs what fails. */
TACIT_MUST_CHECK int tacit_daemon_join(struct tacit_daemon *daemon);

/* The first network byte may leave from now on. */
void tacit_daemon_start_participant(struct tacit_daemon *daemon);

/* In reverse of join. */
void tacit_daemon_leave(struct tacit_daemon *daemon);

/* Whether age may decide what is deleted: not while the wall clock may be far wrong. */
bool tacit_daemon_trusts_clock(const struct tacit_daemon *daemon);

#endif /* TACIT_AGENT_DAEMON_PRIVATE_H */
