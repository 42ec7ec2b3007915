/* SPDX-License-Identifier: MIT */
/*
 * sim - a fleet in one process: virtual hosts that enrol, learn and take part over real HTTPS.
 */
#ifndef TACIT_AGENT_SIM_H
#define TACIT_AGENT_SIM_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <tacit/error.h>
#include <tacit/model.h>
#include <tacit/x509.h>

#include "replay.h"
#include "sim_secure.h"

#define TACIT_SIM_HOSTS_MAX 20000U

struct tacit_sim_params {
	const struct tacit_token *token;          /* borrowed */
	const struct tacit_replay *const *replay; /* borrowed; host i replays number i modulo @replays */
	size_t replays;
	unsigned hosts;       /* 1..TACIT_SIM_HOSTS_MAX */
	unsigned rounds;      /* the run ends when every host took part in so many (or its budget is spent, or
				 * it was told to fall silent) and has the release that came of it */
	unsigned parallel;    /* connections at once, up to TACIT_UPLINK_CONNECTIONS_MAX; with one for
				 * each host, the aggregator may hold questions back */
	unsigned poll_sec;    /* longest wait between two polls of a host; 0: as the server says */
	unsigned timeout_sec; /* the run ends, unfinished, after so long */
	uint64_t seed;        /* of each host's place in its replay; noise is never seeded */
	const struct tacit_model_kind *kind; /* of the hosts' models; NULL: gaussian */
	double max_epsilon;   /* each host's budget */
	struct tacit_sim_secure_params secure; /* who misbehaves; its hosts and seed are those above */
	pid_t server_pid;     /* whose cost is told; 0: nobody's */
	FILE *progress;       /* borrowed; NULL: none */
	const volatile int *stop; /* borrowed; ends the run when it becomes non-zero */
};

/**
 * tacit_sim_run - run a fleet to its end.
 * @ret: {"hosts", "enrolled", "rounds" (asked), "finished" (hosts that reached that), "updates",
 *   "releases" (newest version seen), "hosts_with_release", "seconds": {"setup", "enrolment",
 *   "total", and as tacit_sim_secure_seconds()}, "bytes": {"up": {"mean", "max"}, "down": {...}} of
 *   hosts, "connections", "requests", "failures", "refusals": {reason: hosts}, "errors": {last
 *   error: hosts}, "secure": as tacit_sim_secure_report(), "sim" and, when asked for, "server":
 *   {"cpu_sec", "rss_peak_kib"}}; owned by the caller. Also set when the run did not finish.
 *
 * Returns 0; -ETIMEDOUT or -EINTR when it did not finish; -EINVAL, -ESRCH (no such server), -EMFILE
 * (this process may not have so many connections), -ENOMEM, TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_sim_run(const struct tacit_sim_params *params, json_t **ret);

#endif /* TACIT_AGENT_SIM_H */
