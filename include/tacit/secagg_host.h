/* SPDX-License-Identifier: MIT */
/*
 * secagg_host - a host's part in one secure sum: messages in, messages out, no clock, no network.
 * Bell et al. 2020 (ia.cr/2020/704), section 4 (semi-malicious server), with the signed keys and
 * the consistency round of Bonawitz et al. 2017 (ia.cr/2017/281), section 6.
 *
 * Every call that succeeds yields a step: the message to send, and the state after it. STORE BOTH,
 * in one durable transaction, BEFORE THE MESSAGE IS SENT; send again what was stored. A host that
 * comes back from a crash with tacit_secagg_host_load() then never says two different things:
 * what it did not store it did not send, and what it stored it will not do over.
 *
 * A call that fails leaves the object as it was and the host free to be asked again, properly; why
 * it was refused is in the last parameter, which may be NULL. Secrets leave the object, and the
 * state, with the step that needs them last.
 */
#ifndef TACIT_SECAGG_HOST_H
#define TACIT_SECAGG_HOST_H

#include <tacit/cleanup.h>
#include <tacit/random.h>
#include <tacit/secagg.h>

struct tacit_secagg_host;

enum tacit_secagg_stage {
	TACIT_SECAGG_STAGE_NEW,
	TACIT_SECAGG_STAGE_JOINED,    /* advertised */
	TACIT_SECAGG_STAGE_SHARED,    /* dealt its shares */
	TACIT_SECAGG_STAGE_MASKED,    /* sent its vector */
	TACIT_SECAGG_STAGE_CONSENTED, /* signed a list of survivors */
	TACIT_SECAGG_STAGE_ANSWERED,  /* revealed shares; the end */
};

/* What a host insists on, whatever the aggregator says. Plain record. */
struct tacit_secagg_floors {
	uint64_t last_round; /* rounds up to this one were taken part in, or let pass */
	uint8_t task[TACIT_SECAGG_DIGEST_LEN];
	uint8_t model[TACIT_SECAGG_DIGEST_LEN]; /* the reference this host has */
	uint32_t dimensions;
	uint32_t hosts_min;   /* in the roster, and in the sum */
	uint32_t noise_ppm;   /* least noise multiplier, in millionths */
	uint32_t corrupt_ppm; /* least fraction of corrupt hosts to be withstood */
	bool semi_malicious;  /* a server that only looks is not enough to be withstood */
};

/* Owned by the caller. */
struct tacit_secagg_step {
	uint8_t *message;
	size_t message_len;
	uint8_t *state; /* holds secrets */
	size_t state_len;
};

/* Wipes the state; for TACIT_CLEANUP(). */
void tacit_secagg_step_done(struct tacit_secagg_step *step);

/* @identity: copied, what it points to borrowed; @random: borrowed; both as long as the object
 * lives. @ret: owned by the caller. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_secagg_host_new(const struct tacit_secagg_identity *identity,
					   struct tacit_random *random,
					   struct tacit_secagg_host **ret);

/* As it was when it yielded @state. Also TACIT_EDAMAGED. */
TACIT_MUST_CHECK int tacit_secagg_host_load(const struct tacit_secagg_identity *identity,
					    struct tacit_random *random, const uint8_t *state,
					    size_t len, struct tacit_secagg_host **ret);

/* Appends the state, secrets and all; a step has it already. @writer should be a secret one. */
void tacit_secagg_host_save(const struct tacit_secagg_host *host, struct tacit_writer *writer);

/*
 * The steps, in their order. 0, the code of a reason (tacit_secagg_reason_code()), -ENOMEM,
 * TACIT_ECRYPTO, or what signing returned.
 */

/* CONFIG in, ADVERT out: the round is the aggregator's, new, of this model and within the floors.
 */
TACIT_MUST_CHECK int tacit_secagg_host_join(struct tacit_secagg_host *host,
					    const struct tacit_secagg_floors *floors,
					    const uint8_t *data, size_t len,
					    struct tacit_secagg_step *ret,
					    enum tacit_secagg_reason *why);

/* ROSTER in, SHARES out: enough hosts, strong parameters, exactly the neighbours that the graph
 * gives this host at its place, each in its place with keys that it signed. */
TACIT_MUST_CHECK int tacit_secagg_host_share(struct tacit_secagg_host *host, const uint8_t *data,
					     size_t len, struct tacit_secagg_step *ret,
					     enum tacit_secagg_reason *why);

/**
 * tacit_secagg_host_mask - INBOX in, MASKED out: at least t neighbours' shares arrived and open.
 * @value: the config's dimensions many numbers modulo 2^32, noised for
 *         tacit_secagg_host_get_honest() hosts.
 *
 * A dealer whose box does not open is masked with all the same, since its keys were signed, and
 * reported.
 */
TACIT_MUST_CHECK int tacit_secagg_host_mask(struct tacit_secagg_host *host, const uint8_t *data,
					    size_t len, const uint32_t *value,
					    struct tacit_secagg_step *ret,
					    enum tacit_secagg_reason *why);

/* SURVIVORS in, CONSENT out: nobody is both alive and gone, this host is alive, enough hosts and at
 * least t neighbours are, all of whom had shared. A second list is refused, whichever it is:
 * the same with TACIT_SECAGG_OUT_OF_TURN, for its consent is stored. */
TACIT_MUST_CHECK int tacit_secagg_host_consent(struct tacit_secagg_host *host, const uint8_t *data,
					       size_t len, struct tacit_secagg_step *ret,
					       enum tacit_secagg_reason *why);

/* CONSENTS in, ANSWER out: at least t living neighbours signed the same list. Of each neighbour one
 * share at most, by that list: the state that comes with the answer no longer holds any, and is the
 * record of what was revealed. */
TACIT_MUST_CHECK int tacit_secagg_host_answer(struct tacit_secagg_host *host, const uint8_t *data,
					      size_t len, struct tacit_secagg_step *ret,
					      enum tacit_secagg_reason *why);

enum tacit_secagg_stage tacit_secagg_host_get_stage(const struct tacit_secagg_host *host);

/* Borrowed; NULL before it joined. */
const struct tacit_secagg_config *tacit_secagg_host_get_config(
	const struct tacit_secagg_host *host);

/* Borrowed; NULL before it shared. */
const struct tacit_secagg_params *tacit_secagg_host_get_params(
	const struct tacit_secagg_host *host);

/* n_h, for sizing the noise; 0 before it shared. */
uint32_t tacit_secagg_host_get_honest(const struct tacit_secagg_host *host);

/* Wipes what it knew. NULL is fine. */
void tacit_secagg_host_free(struct tacit_secagg_host *host);
TACIT_DEFINE_CLEANUP(struct tacit_secagg_host, tacit_secagg_host_free)

#endif /* TACIT_SECAGG_HOST_H */
