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
#include <tacit/x509.h>

#include "replay.h"

#define TACIT_SIM_HOSTS_MAX 20000U

struct tacit_sim_params {
	const struct tacit_token *token;          /* borrowed */
	const struct tacit_replay *const *replay; /* borrowed; host i replays number i modulo @replays */
	size_t replays;
	unsigned hosts;       /* 1..TACIT_SIM_HOSTS_MAX */
	unsigned rounds;      /* the run ends when every host took part in so many (or its budget is spent) and
				 * has the release that came of it */
	unsigned parallel;    /* connections at once */
	unsigned poll_sec;    /* longest wait between two polls of a host; 0: as the server says */
	unsigned timeout_sec; /* the run ends, unfinished, after so long */
	uint64_t seed;        /* of each host's place in its replay; noise is never seeded */
	double max_epsilon;   /* each host's budget */
	FILE *progress;       /* borrowed; NULL: none */
	const volatile int *stop; /* borrowed; ends the run when it becomes non-zero */
};

/**
 * tacit_sim_run - run a fleet to its end.
 * @ret: {"hosts", "enrolled", "rounds" (asked), "finished" (hosts that reached that), "updates",
 *   "releases" (newest version seen), "hosts_with_release", "seconds": {"setup", "enrolment",
 *   "total"}, "bytes_up", "bytes_down" (a host's mean), "connections", "requests", "failures",
 *   "refusals": {reason: hosts}, "errors": {last error: hosts}}; owned by the caller. Also set when
 *   the run did not finish.
 *
 * Returns 0; -ETIMEDOUT or -EINTR when it did not finish; -EINVAL, -ENOMEM, TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_sim_run(const struct tacit_sim_params *params, json_t **ret);

#endif /* TACIT_AGENT_SIM_H */
