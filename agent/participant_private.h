/* SPDX-License-Identifier: MIT */
/* What the sources of participant.h share: participant.c chooses what is next and when,
 * participant_enrol.c, participant_release.c, participant_round.c, participant_purpose.c (what a
 * round is for, and what this host has to say to it) and, for secure sums,
 * participant_sum.c (what is asked and said), participant_sum_step.c (what is thought and kept) and
 * participant_sum_state.c (what lives on) know how. */
#ifndef TACIT_AGENT_PARTICIPANT_PRIVATE_H
#define TACIT_AGENT_PARTICIPANT_PRIVATE_H

#include <tacit/log.h>

#include "participant.h"

/* A secure sum under way. */
struct tacit_participant_sum {
	struct tacit_secagg_host *host; /* NULL: there is none */
	struct tacit_fleet *reference;	/* NULL once masked, and after a restart */
	uint8_t *cert;			/* that @host shows */
	uint64_t round;
	uint64_t model_version;
	uint8_t *message; /* of the stage reached; stored, not known to have arrived */
	size_t message_len;
	bool released;	  /* the witness has let it go */
	int64_t due_ms;	  /* boot; nothing is asked or said before */
	int64_t since_ms; /* boot; when the stage was reached */
	int64_t asked_ms; /* boot; when the question under way was put */
};

struct tacit_participant {
	struct tacit_participant_params params;
	struct event *timer; /* NULL without a base */
	bool started, busy;
	int64_t due_ms; /* boot; when to act next, -1: not by the clock */
	int64_t backoff_ms;
	struct tacit_log_limit log_limit;
	struct tacit_participant_status status; /* as it is handed out, but for what time changes */

	struct tacit_token token;
	bool has_token, token_now;
	bool member_tls;	/* the transport presents our certificate */
	int64_t renew_after_ms; /* boot; no renewal is tried before */
	char *body;		/* of the enrolment or renewal under way */

	struct tacit_task task;
	uint8_t task_digest[TACIT_DIGEST_LEN];
	bool has_task;
	bool task_fresh, release_fresh;	 /* asked for since the last pause */
	uint8_t model[TACIT_DIGEST_LEN]; /* of the release held; status.version says which */

	struct tacit_round_doc round; /* the one looked at */
	int64_t round_due_ms;	      /* boot; no round is asked for before */
	uint64_t expected;	      /* the round whose release is waited for; 0 none */
	int64_t expected_from_ms;     /* boot; when it may be there */
	unsigned expected_tries;
	uint8_t *update; /* charged and not answered yet */
	size_t update_len;
	uint64_t update_round;

	struct tacit_participant_sum sum;
	struct tacit_vouch *vouch; /* its own, where params.vouch is of no use */
};

int64_t tacit_participant_wall(const struct tacit_participant *p);
int64_t tacit_participant_boot(const struct tacit_participant *p);

/* Logs, unless quiet. */
#define tacit_participant_say(p, level, ...)                                                       \
	do {                                                                                       \
		if (!(p)->params.quiet)                                                            \
			tacit_log(level, __VA_ARGS__);                                             \
	} while (0)

/* Sends @request on behalf of @state; its answer comes to that state's function below. */
void tacit_participant_ask(struct tacit_participant *p, enum tacit_participant_state state,
			   const struct tacit_uplink_request *request);

/* The last act was of use: pauses begin small again. */
void tacit_participant_ok(struct tacit_participant *p);

/* It was not: notes why, and pauses for the longer of a backoff and @retry_after_ms. */
TACIT_PRINTF(3, 4)
void tacit_participant_fail(struct tacit_participant *p, int64_t retry_after_ms, const char *format,
			    ...);

/* It was not, and is not tried again. */
TACIT_PRINTF(2, 3)
void tacit_participant_give_up(struct tacit_participant *p, const char *format, ...);

/* Notes in the status why this host is not, or was not let, in @round. */
TACIT_PRINTF(3, 4)
void tacit_participant_refuse(struct tacit_participant *p, uint64_t round, const char *format, ...);

/* The answer has a status that fits no state. */
void tacit_participant_fail_status(struct tacit_participant *p,
				   const struct tacit_uplink_result *result);

/* Chooses what is next and does it. */
void tacit_participant_go_on(struct tacit_participant *p);

/* Nothing for @wait_ms, then go on; what is fresh is no longer. */
void tacit_participant_pause(struct tacit_participant *p, int64_t wait_ms);

/* @wait_ms within the bounds for polling, and a little more, at random. */
int64_t tacit_participant_poll_ms(const struct tacit_participant *p, int64_t wait_ms);

/* True, or fails, when the answer is of media type @type. */
TACIT_MUST_CHECK bool tacit_participant_is_type(struct tacit_participant *p,
						const struct tacit_uplink_result *result,
						const char *type);

/* What was said of an error, or "". */
const char *tacit_participant_detail(const struct tacit_uplink_result *result);

void tacit_participant_ask_enrol(struct tacit_participant *p);
void tacit_participant_ask_renew(struct tacit_participant *p);
void tacit_participant_ask_task(struct tacit_participant *p);
void tacit_participant_ask_release(struct tacit_participant *p);
void tacit_participant_ask_round(struct tacit_participant *p);
void tacit_participant_ask_reference(struct tacit_participant *p);
void tacit_participant_ask_update(struct tacit_participant *p);

void tacit_participant_on_enrol(struct tacit_participant *p,
				const struct tacit_uplink_result *result);
void tacit_participant_on_renew(struct tacit_participant *p,
				const struct tacit_uplink_result *result);
void tacit_participant_on_task(struct tacit_participant *p,
			       const struct tacit_uplink_result *result);
void tacit_participant_on_release(struct tacit_participant *p,
				  const struct tacit_uplink_result *result);
void tacit_participant_on_round(struct tacit_participant *p,
				const struct tacit_uplink_result *result);
void tacit_participant_on_reference(struct tacit_participant *p,
				    const struct tacit_uplink_result *result);
void tacit_participant_on_update(struct tacit_participant *p,
				 const struct tacit_uplink_result *result);

/* Nothing more to do in rounds for @wait_ms. */
void tacit_participant_rest(struct tacit_participant *p, int64_t wait_ms);

/* This host takes no part in the round looked at, and says why, once. */
TACIT_PRINTF(2, 3)
void tacit_participant_stay_out(struct tacit_participant *p, const char *format, ...);

/* Its part in @round was accepted; the release may be there in @wait_ms. */
void tacit_participant_expect(struct tacit_participant *p, uint64_t round, int64_t wait_ms);

/* The release that a round refers to, as far as it is at hand: 0, -ENOENT, or an error. */
TACIT_MUST_CHECK int tacit_participant_find_reference(struct tacit_participant *p, uint64_t version,
						      const uint8_t sha256[TACIT_DIGEST_LEN],
						      struct tacit_fleet **ret);

/* Is the round looked at for something this host takes part in? False: it stays out. */
bool tacit_participant_likes_purpose(struct tacit_participant *p);

/* Numbers that the round looked at takes of a host, by the release it refers to. */
size_t tacit_participant_dimensions(const struct tacit_participant *p,
				    const struct tacit_fleet *reference);

/* What this host says in the round looked at, clipped and weighed: @value has that many numbers,
 * zeroed. Returns how many classes or scopes it speaks of, 0 for nothing yet, or an error. */
TACIT_MUST_CHECK int tacit_participant_contribute(struct tacit_participant *p,
						  const struct tacit_fleet *reference,
						  double *value);

/* What the ledger says the sum is of. */
const char *tacit_participant_sum_of(const struct tacit_participant *p);

/* Begins a secure sum of the round looked at. @reference: consumed. 0 or an error. */
TACIT_MUST_CHECK int tacit_participant_enter_sum(struct tacit_participant *p,
						 struct tacit_fleet *reference);

/* Which message of the sum is due. */
enum tacit_participant_state tacit_participant_sum_state(const struct tacit_participant *p);

void tacit_participant_ask_sum(struct tacit_participant *p);
void tacit_participant_on_sum(struct tacit_participant *p,
			      const struct tacit_uplink_result *result);

/* Loads where this host stood in a secure sum, if it stood in one. 0 or an error. */
TACIT_MUST_CHECK int tacit_participant_load_sum(struct tacit_participant *p);

/**
 * tacit_participant_step_sum - think about the aggregator's message, and store what is to be said.
 * @why: on failure, what is wrong, @size bytes; "" when it is nothing of the aggregator's.
 *
 * Returns 0, or negative: when @why says something the sum is to be left, else it can be asked for
 * again.
 */
TACIT_MUST_CHECK int tacit_participant_step_sum(struct tacit_participant *p, const uint8_t *data,
						size_t len, char *why, size_t size);

/* The aggregator is another, or the sum is over: wipes what is in memory. */
void tacit_participant_drop_sum(struct tacit_participant *p);

/* Ends the sum in the ledger of @aggregator, and here. 0, or as tacit_ledger_leave(). */
TACIT_MUST_CHECK int tacit_participant_end_sum(struct tacit_participant *p, const char *aggregator,
					       enum tacit_ledger_state state);

/* How a sum that did not come to its end is noted: by whether the vector has left. */
enum tacit_ledger_state tacit_participant_sum_end(const struct tacit_participant *p);

void tacit_participant_drop_token(struct tacit_participant *p);
void tacit_participant_drop_body(struct tacit_participant *p);
void tacit_participant_drop_update(struct tacit_participant *p);

/* Reads the newest release from the database, verifies it again and hands it on. */
TACIT_MUST_CHECK int tacit_participant_load_release(struct tacit_participant *p);

/* The aggregator is another: what the old one said is void. */
TACIT_MUST_CHECK int tacit_participant_forget_releases(struct tacit_participant *p);

/* Looks for exactly this release in the database. 0, -ENOENT, or an error. */
TACIT_MUST_CHECK int tacit_participant_find_release(struct tacit_participant *p, uint64_t version,
						    const uint8_t sha256[TACIT_DIGEST_LEN],
						    struct tacit_fleet **ret);

/* Verifies foreign bytes and makes them the newest release. @sha256: what they must be; may be
 * NULL.
 * @ret: a second copy for the caller; may be NULL. On failure @why says what is wrong. */
TACIT_MUST_CHECK int tacit_participant_take_release(struct tacit_participant *p, const void *data,
						    size_t len, const uint8_t *sha256,
						    struct tacit_fleet **ret, char *why,
						    size_t size);

/* Loads what was charged and not answered. 0 or an error. */
TACIT_MUST_CHECK int tacit_participant_load_update(struct tacit_participant *p);

#endif /* TACIT_AGENT_PARTICIPANT_PRIVATE_H */
