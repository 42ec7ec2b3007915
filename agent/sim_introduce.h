/* SPDX-License-Identifier: MIT */
/*
 * sim_introduce - who the aggregator of a token is, before there is a host: so that all hosts of a
 * simulation verify each other's certificates once (tacit/vouch.h), not each for itself.
 */
#ifndef TACIT_AGENT_SIM_INTRODUCE_H
#define TACIT_AGENT_SIM_INTRODUCE_H

#include <tacit/error.h>
#include <tacit/vouch.h>
#include <tacit/x509.h>

#include "uplink.h"

#define TACIT_SIM_INTRODUCE_MS 5000U

/* Asks at most for so long, on @base's loop, which nobody else uses yet. @ret: owned by the caller;
 * NULL when nobody answers who has the CA that the token names, which is no error: hosts will find
 * out for themselves. 0, -ENOMEM, TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_sim_introduce(struct event_base *base, struct tacit_uplink *uplink,
					 const struct tacit_token *token, struct tacit_vouch **ret);

#endif /* TACIT_AGENT_SIM_INTRODUCE_H */
