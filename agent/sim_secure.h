/* SPDX-License-Identifier: MIT */
/*
 * sim_secure - what stands beside the hosts of a simulation in secure sums: it makes some of them
 * misbehave, as struct tacit_participant_witness may, and keeps account of what all of them do. Who
 * misbehaves is drawn from the seed, and does so in every round.
 *
 * It has each vector from before it was masked until the first host consents to a list of
 * survivors, and so knows what the sum of exactly those survivors is.
 */
#ifndef TACIT_AGENT_SIM_SECURE_H
#define TACIT_AGENT_SIM_SECURE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/secagg_host.h>

struct tacit_sim_secure;

/* What a host says in a secure sum: "advert", "shares", "masked", "consent", "answer". */
#define TACIT_SIM_PHASES 5U

#define TACIT_SIM_SLOW_MAX_MS 600000U

/* Plain record. */
struct tacit_sim_secure_params {
	unsigned hosts;
	uint64_t seed;
	double drop[TACIT_SIM_PHASES]; /* fractions of the hosts that fall silent before saying that
					*/
	double slow;		       /* fraction that holds back what it says, each time */
	uint32_t slow_ms;	       /* by up to so much */
	unsigned liars; /* hosts, of those that never fall silent, whose vectors are far too long */
	int64_t (*boot_ms)(void); /* NULL: tacit_clock_boot_ms() */
};

/* "PHASE=FRACTION" and "FRACTION=MS", fractions from 0 to 1. 0 or -EINVAL. */
TACIT_MUST_CHECK int tacit_sim_secure_parse_drop(const char *text,
						 struct tacit_sim_secure_params *params);
TACIT_MUST_CHECK int tacit_sim_secure_parse_slow(const char *text,
						 struct tacit_sim_secure_params *params);

/* @ret: owned by the caller. 0, -EINVAL (more than all hosts would fall silent, or lie), -ENOMEM,
 * TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_sim_secure_new(const struct tacit_sim_secure_params *params,
					  struct tacit_sim_secure **ret);

/* As in struct tacit_participant_witness, of host number @host. What does not fit in memory is
 * missing in the report, which then fails. */
int64_t tacit_sim_secure_speak(struct tacit_sim_secure *secure, unsigned host, uint64_t round,
			       enum tacit_secagg_stage stage);
void tacit_sim_secure_mask(struct tacit_sim_secure *secure, unsigned host,
			   const struct tacit_secagg_config *config, uint32_t index,
			   uint32_t *value, size_t n);
void tacit_sim_secure_consent(struct tacit_sim_secure *secure,
			      const struct tacit_secagg_config *config,
			      const struct tacit_secagg_survivors *survivors);

/* In how many rounds this host was told to fall silent, and did. */
unsigned tacit_sim_secure_silences(const struct tacit_sim_secure *secure, unsigned host);

/* In how many rounds it said its answer, the last of what there is to say. */
unsigned tacit_sim_secure_answers(const struct tacit_sim_secure *secure, unsigned host);

/* "; round 7: 24 advert, 24 shares, 20 masked, 0 consent, 0 answer": how many hosts have said what
 * in the newest round; "" before there is any. */
void tacit_sim_secure_progress(const struct tacit_sim_secure *secure, char *text, size_t size);

/**
 * tacit_sim_secure_report - what was seen.
 *
 * [{"round", "group", "hosts" (that masked), "survivors", "sum_sha256", "dissent"}, ...]: the
 * SHA-256 of the survivors' sum, modulo 2^32, as little-endian u32; null when nobody consented, or
 * a survivor's vector is unknown. "dissent" is how many hosts consented to another list of
 * survivors than the first: one is an attack. Owned by the caller; NULL when out of memory.
 */
json_t *tacit_sim_secure_report(const struct tacit_sim_secure *secure);

/* {"advert": {"hosts", "median", "last"}, ...}: seconds after a round's first host said that, over
 * all hosts and rounds; phases that nobody reached are missing. */
json_t *tacit_sim_secure_seconds(const struct tacit_sim_secure *secure);

/* NULL is fine. */
void tacit_sim_secure_free(struct tacit_sim_secure *secure);
TACIT_DEFINE_CLEANUP(struct tacit_sim_secure, tacit_sim_secure_free)

#endif /* TACIT_AGENT_SIM_SECURE_H */
