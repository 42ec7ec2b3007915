/* SPDX-License-Identifier: MIT */
/*
 * participant - a host's part in the fleet, as a state machine on the event loop:
 *
 *	(enrol) -> task -> release -> round -> contribute -> protect -> ledger -> update -> wait ...
 *
 * or, when the round's sum is secure (secagg.h), instead of one update:
 *
 *	config -> advert -> roster -> shares -> inbox -> contribute -> protect -> mask -> ledger ->
 *	masked -> survivors -> consent -> consents -> answer
 *
 * It goes on for ever: what fails is tried again after Retry-After or a jittered, decorrelated
 * exponential pause (1 s to 10 min), certificates are renewed in between, and an update that was
 * charged is sent until it is answered, also after a restart. It trusts nothing it is told: rounds
 * below the host's floors, of a purpose it does not know, or that weigh it otherwise than a host may
 * be weighed, are refused with the reason, releases must bear the CA's signature and
 * the announced digest, rounds and releases never go backwards; a secure sum in which the
 * aggregator does not keep to the protocol is left, and its secrets are wiped.
 *
 * Waiting is by the boot clock alone; the wall clock serves certificates and records.
 */
#ifndef TACIT_AGENT_PARTICIPANT_H
#define TACIT_AGENT_PARTICIPANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/fleet.h>
#include <tacit/random.h>
#include <tacit/secagg_host.h>
#include <tacit/vouch.h>
#include <tacit/wire.h>

#include "identity.h"
#include "ledger.h"
#include "uplink.h"

struct event_base;
struct tacit_participant;

#define TACIT_PARTICIPANT_BACKOFF_MIN_MS 1000
#define TACIT_PARTICIPANT_BACKOFF_MAX_MS 600000
#define TACIT_PARTICIPANT_REASON_MAX	 256U

/* What this host asks of any round. */
struct tacit_participant_floors {
	struct tacit_ledger_limits budget;
	double min_noise_multiplier;
	uint32_t min_cohort;
	double min_corrupt;  /* 0..0.5: a secure sum withstands this fraction of corrupt hosts */
	bool semi_malicious; /* and an aggregator that lies once it knows the keys */
};

/* What the participant asks of the rest of the host. Called from the loop. */
struct tacit_participant_ops {
	/* A task was learnt of, or has changed; borrowed for the call. May be NULL. */
	void (*task)(void *ctx, const struct tacit_task *task);

	/* What this host would add to @reference, as tacit_fleet_contribute(): @out has
	 * tacit_fleet_dimensions() numbers, zeroed. Returns how many classes it speaks of (0:
	 * nothing worth sending yet, the round is left out and costs nothing), or an error. */
	int (*contribute)(void *ctx, const struct tacit_fleet *reference, double *out);

	/* How this host fares with @reference, worth @kappa windows; @ret is zeroed. Returns on how
	 * many scopes that rests (0: nothing worth saying yet, as above), or an error. NULL: this
	 * host stays out of evaluations. */
	int (*evaluate)(void *ctx, const struct tacit_fleet *reference, double kappa,
			struct tacit_evaluation *ret);

	/* A verified release is now the newest (also once at start, from the database). @fleet:
	 * consumed. @kappa is what it is worth, in windows. NULL: forget the one before, the
	 * aggregator has changed. */
	void (*released)(void *ctx, struct tacit_fleet *fleet, double kappa);
};

/* Who stands beside a host in secure sums, and may make it misbehave: simulations and tests. Every
 * member may be NULL. Called from the loop. */
struct tacit_participant_witness {
	/* A message is about to leave after @stage was reached. Returns how many milliseconds it is
	 * held back, or -1: this host says no more in this round. */
	int64_t (*speak)(void *ctx, uint64_t round, enum tacit_secagg_stage stage);

	/* What is about to be masked: @n numbers modulo 2^32, noised, which may be changed. */
	void (*mask)(void *ctx, const struct tacit_secagg_config *config, uint32_t index,
		     uint32_t *value, size_t n);

	/* The list of survivors this host consented to. */
	void (*consent)(void *ctx, const struct tacit_secagg_config *config, uint32_t index,
			const struct tacit_secagg_survivors *survivors);
};

struct tacit_participant_params {
	struct event_base *base; /* borrowed; NULL: the owner calls tacit_participant_wake() */
	const struct tacit_transport *transport; /* borrowed */
	void *transport_ctx;
	struct tacit_identity *identity; /* borrowed */
	struct tacit_db *db;		 /* borrowed; schema of agent/store.c */
	struct tacit_random *random;	 /* borrowed; noise and jitter */
	const struct tacit_space *space; /* borrowed; tacit_feature_space() */
	uint8_t schema[32];		 /* tacit_feature_schema() */
	const struct tacit_model_kind *kind; /* of ops' models; NULL: whatever the task says */
	struct tacit_participant_floors floors;
	uint32_t poll_min_ms; /* shortest and longest wait between polls while all is */
	uint32_t poll_max_ms; /* well, whatever Retry-After says; 0: 1 s and 1 h */
	const struct tacit_participant_ops *ops;	 /* borrowed */
	void *ctx;					 /* for @ops and @witness */
	const struct tacit_participant_witness *witness; /* borrowed; NULL: nobody */
	struct tacit_vouch *vouch; /* borrowed; whom others of this process have verified under this
				    * aggregator. NULL, or of another: it finds out for itself */
	uint32_t wait_sec; /* how long it lets the server hold a question of a secure sum back until
			    * there is an answer; 0: not at all, and it asks again */
	int64_t (*wall_ms)(void); /* NULL: tacit_clock_wall_ms() */
	int64_t (*boot_ms)(void); /* NULL: tacit_clock_boot_ms() */
	bool quiet; /* log nothing: whoever runs thousands reads tacit_participant_status() */
};

/* Reads the newest release from the database and hands it to ops->released. @ret: owned by the
 * caller. 0, -ENOMEM, or as tacit_db_run(). */
TACIT_MUST_CHECK int tacit_participant_new(const struct tacit_participant_params *params,
					   struct tacit_participant **ret);

/* Begins, after up to @spread_ms of random delay (a fleet does not come back all at once). */
void tacit_participant_start(struct tacit_participant *participant, uint32_t spread_ms);

/* Enrols with @token (copied, wiped once it was of use or was refused), at once, and tries until it
 * is answered. Also for a host that is enrolled: it then moves to the token's aggregator. */
void tacit_participant_enrol(struct tacit_participant *participant,
			     const struct tacit_token *token);

/* Keeps @token (copied) for when the host is not enrolled or its certificate has expired: a token
 * found at start. */
void tacit_participant_offer(struct tacit_participant *participant,
			     const struct tacit_token *token);

/* Acts if the time has come; returns milliseconds until the next act, -1 while an answer is awaited
 * or there is nothing to do. Only needed without an event base. */
int64_t tacit_participant_wake(struct tacit_participant *participant);

/* Does not wait any longer: the next act is now, unless an answer is awaited. */
void tacit_participant_hurry(struct tacit_participant *participant);

enum tacit_participant_state {
	TACIT_PARTICIPANT_OUTSIDE, /* neither certificate nor token: waits for one */
	TACIT_PARTICIPANT_ENROL,
	TACIT_PARTICIPANT_RENEW,
	TACIT_PARTICIPANT_RESEND, /* an update that was charged but not answered */
	TACIT_PARTICIPANT_TASK,
	TACIT_PARTICIPANT_RELEASE,
	TACIT_PARTICIPANT_ROUND,
	TACIT_PARTICIPANT_REFERENCE, /* the release a round refers to */
	TACIT_PARTICIPANT_UPDATE,
	TACIT_PARTICIPANT_CONFIG, /* a message of a secure sum is asked for, or sent: in the order
				   * of enum tacit_secagg_type */
	TACIT_PARTICIPANT_ADVERT,
	TACIT_PARTICIPANT_ROSTER,
	TACIT_PARTICIPANT_SHARES,
	TACIT_PARTICIPANT_INBOX,
	TACIT_PARTICIPANT_MASKED,
	TACIT_PARTICIPANT_SURVIVORS,
	TACIT_PARTICIPANT_CONSENT,
	TACIT_PARTICIPANT_CONSENTS,
	TACIT_PARTICIPANT_ANSWER,
	TACIT_PARTICIPANT_WAIT, /* all is well; until the next round is due */
	TACIT_PARTICIPANT_STATES,
};

/* "outside", "enrol", "renew", ... */
const char *tacit_participant_state_name(enum tacit_participant_state state);

/* Plain record. Times are wall milliseconds, 0: never. Texts are "" when there is nothing. */
struct tacit_participant_status {
	enum tacit_participant_state state;
	bool enrolled;
	bool expired;	    /* the certificate has */
	int64_t last_ok_ms; /* an answer that was of use */
	int64_t last_error_ms;
	char last_error[TACIT_PARTICIPANT_REASON_MAX]; /* kept when things go well again */
	bool failing;				       /* the last attempt failed */
	int64_t next_ms;	/* next attempt; 0 while one is under way or none is planned */
	uint64_t round;		/* newest round an update was accepted in; evaluations apart */
	uint64_t accepted;	/* updates accepted since start */
	uint64_t releases;	/* releases taken since start */
	uint64_t version;	/* of the release held; 0: none */
	uint64_t version_round; /* the round it came from */
	int64_t version_ms;	/* when it was made */
	char sha256[65];	/* of its bytes */
	uint64_t refused_round; /* newest round refused, and why */
	char refused[TACIT_PARTICIPANT_REASON_MAX];
};

void tacit_participant_status(const struct tacit_participant *participant,
			      struct tacit_participant_status *ret);

/* Borrowed; NULL when none is known yet. */
const struct tacit_task *tacit_participant_task(const struct tacit_participant *participant);

/* NULL is fine. Cancels what is under way. */
void tacit_participant_free(struct tacit_participant *participant);
TACIT_DEFINE_CLEANUP(struct tacit_participant, tacit_participant_free)

#endif /* TACIT_AGENT_PARTICIPANT_H */
