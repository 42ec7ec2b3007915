/* SPDX-License-Identifier: MIT */
/*
 * virtual_host - a whole host without a kernel under it: identity, ledger, models and participant
 * are tacitd's own, in memory; only the windows come from a recording.
 */
#ifndef TACIT_AGENT_VIRTUAL_HOST_H
#define TACIT_AGENT_VIRTUAL_HOST_H

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/model.h>
#include <tacit/random.h>
#include <tacit/x509.h>

#include "participant.h"
#include "replay.h"
#include "sim_secure.h"
#include "uplink.h"

struct event_base;
struct tacit_virtual_host;

/* Everything is borrowed and outlives the host. */
struct tacit_virtual_host_params {
	struct event_base *base;
	struct tacit_uplink *uplink;
	struct tacit_random *random;
	const struct tacit_replay *replay;
	const struct tacit_model_kind *kind; /* NULL: gaussian */
	size_t first_step;		     /* of the replay: where this host's life begins */
	size_t steps;			     /* it lives through before it enrols */
	size_t steps_a_round;		     /* and after each round */
	uint32_t poll_max_ms; /* longest wait between two polls; 0: tacitd's own default */
	struct tacit_participant_floors floors;
	struct tacit_vouch *vouch;	 /* of all hosts; NULL: they find out for themselves */
	struct tacit_sim_secure *secure; /* stands beside it, as host @number */
	unsigned number;
	uint32_t wait_sec; /* as in struct tacit_participant_params */
};

/* Learns from its first steps. @ret: owned by the caller. 0, -ENOMEM, TACIT_ECRYPTO, or as
 * tacit_store_open(). */
TACIT_MUST_CHECK int tacit_virtual_host_new(const struct tacit_virtual_host_params *params,
					    struct tacit_virtual_host **ret);

/* Enrols with @token (copied) within @spread_ms, and takes part from then on. */
void tacit_virtual_host_start(struct tacit_virtual_host *host, const struct tacit_token *token,
			      uint32_t spread_ms);

void tacit_virtual_host_status(const struct tacit_virtual_host *host,
			       struct tacit_participant_status *ret);

/* Bytes of HTTP so far. */
void tacit_virtual_host_bytes(const struct tacit_virtual_host *host, uint64_t *ret_up,
			      uint64_t *ret_down);

/* NULL is fine. */
void tacit_virtual_host_free(struct tacit_virtual_host *host);
TACIT_DEFINE_CLEANUP(struct tacit_virtual_host, tacit_virtual_host_free)

#endif /* TACIT_AGENT_VIRTUAL_HOST_H */
