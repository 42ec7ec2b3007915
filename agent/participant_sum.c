/* SPDX-License-Identifier: MIT */
/* A host's part in a secure sum, outwards: what is asked for, what is said, and how it ends. */
#include <inttypes.h>
#include <stdio.h>

#include "participant_private.h"

#define SAID_MAX       4096U /* bytes of an answer to what is said */
#define HEAD_MAX       1024U /* bytes of a message without its lists */
#define HONOURED_MS    1000  /* a question held back so long need not be paced as well */
#define SILENCE_MIN_MS 600000

/* Bytes for each neighbour in what this host is told. */
#define SEAT_MAX    (TACIT_SECAGG_CERT_MAX + TACIT_SECAGG_SIGNATURE_MAX + HEAD_MAX)
#define BOX_MAX	    (4U + TACIT_SECAGG_BOX_LEN + TACIT_SECAGG_PINS_LEN)
#define CONSENT_MAX (4U + 1U + TACIT_SECAGG_SIGNATURE_MAX)

static enum tacit_secagg_type type_of(enum tacit_participant_state state)
{
	return (enum tacit_secagg_type)(state - TACIT_PARTICIPANT_CONFIG + TACIT_SECAGG_CONFIG);
}

enum tacit_participant_state tacit_participant_sum_state(const struct tacit_participant *p)
{
	unsigned stage = tacit_secagg_host_get_stage(p->sum.host);

	return (enum tacit_participant_state)(TACIT_PARTICIPANT_CONFIG + 2 * stage -
					      (p->sum.message ? 1 : 0));
}

enum tacit_ledger_state tacit_participant_sum_end(const struct tacit_participant *p)
{
	enum tacit_secagg_stage stage = tacit_secagg_host_get_stage(p->sum.host);

	if (stage < TACIT_SECAGG_STAGE_MASKED)
		return TACIT_LEDGER_LEFT;
	return stage == TACIT_SECAGG_STAGE_MASKED && p->sum.message ? TACIT_LEDGER_LATE
								    : TACIT_LEDGER_SENT;
}

int tacit_participant_end_sum(struct tacit_participant *p, const char *aggregator,
			      enum tacit_ledger_state state)
{
	int r = tacit_ledger_leave(p->params.db, aggregator, p->sum.round, state);

	if (r == 0)
		tacit_participant_drop_sum(p);
	return r;
}

/* The sum is over for this host: true, or fails, and what was asked or said is so again. */
static bool conclude(struct tacit_participant *p, enum tacit_ledger_state state)
{
	uint64_t round = p->sum.round;
	int r = tacit_participant_end_sum(p, tacit_identity_aggregator(p->params.identity), state);

	if (r < 0) {
		tacit_participant_fail(p, 0, "cannot note the end of round %" PRIu64 ": %s", round,
				       tacit_strerror(r));
		return false;
	}
	tacit_participant_ok(p);
	p->release_fresh = true;
	return true;
}

/* And @wait_ms until there may be news. */
static void end(struct tacit_participant *p, enum tacit_ledger_state state, int64_t wait_ms)
{
	if (conclude(p, state))
		tacit_participant_rest(p, wait_ms);
}

/* @why: this host's, of an aggregator that it does not follow any further. */
static void refuse(struct tacit_participant *p, const char *why)
{
	uint64_t round = p->sum.round;

	tacit_participant_refuse(p, round, "%s", why);
	tacit_participant_say(p, TACIT_LOG_WARNING, "leaving round %" PRIu64 ": %s", round,
			      p->status.refused);
	(void)!tacit_ledger_refuse(p->params.db, tacit_identity_aggregator(p->params.identity),
				   round, p->status.refused, tacit_participant_wall(p));
	end(p, TACIT_LEDGER_REFUSED, 0);
}

/* The last of it has arrived, or is not needed any more. */
static void on_done(struct tacit_participant *p)
{
	uint64_t round = p->sum.round;

	if (!conclude(p, TACIT_LEDGER_SENT))
		return;
	tacit_participant_expect(p, round, 0);
	tacit_participant_say(p, TACIT_LOG_INFO, "round %" PRIu64 ": this host's part is done",
			      round);
	tacit_participant_rest(p, 0);
}

static void leave(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	bool joined = tacit_secagg_host_get_stage(p->sum.host) > TACIT_SECAGG_STAGE_NEW;
	const char *detail = tacit_participant_detail(result);

	tacit_participant_refuse(p, p->sum.round, "the aggregator answered %d%s%s", result->status,
				 detail[0] ? ": " : "", detail);
	tacit_participant_say(p, TACIT_LOG_NOTICE, "round %" PRIu64 " is over for this host: %s",
			      p->sum.round, p->status.refused);
	end(p, tacit_participant_sum_end(p), joined ? 0 : p->round.left_ms);
}

/* What is left to do serves the others: without it the sum may be known, too. */
static bool has_given(const struct tacit_participant *p)
{
	enum tacit_secagg_stage stage = tacit_secagg_host_get_stage(p->sum.host);

	return stage > TACIT_SECAGG_STAGE_MASKED ||
	       (stage == TACIT_SECAGG_STAGE_MASKED && !p->sum.message);
}

/* The aggregator's: the round, or this host's part in it, is over. */
static void on_over(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	if (result->status == 410 && has_given(p))
		on_done(p);
	else
		leave(p, result);
}

static void hold(struct tacit_participant *p, enum tacit_participant_state state)
{
	tacit_participant_pause(p, p->sum.due_ms - tacit_participant_boot(p));
	p->status.state = state;
}

/* True when the message may leave now. */
static bool may_speak(struct tacit_participant *p, enum tacit_participant_state state)
{
	const struct tacit_participant_witness *witness = p->params.witness;
	int64_t wait = 0;

	if (witness && witness->speak && !p->sum.released)
		wait = witness->speak(p->params.ctx, p->sum.round,
				      tacit_secagg_host_get_stage(p->sum.host));
	p->sum.released = true;
	if (wait == 0)
		return true;
	if (wait < 0) {
		end(p, tacit_participant_sum_end(p), 0);
		return false;
	}
	p->sum.due_ms = tacit_participant_boot(p) + wait;
	hold(p, state);
	return false;
}

static size_t told_max(enum tacit_secagg_type type)
{
	size_t lists = 0;

	if (type == TACIT_SECAGG_ROSTER)
		lists = (size_t)TACIT_SECAGG_DEGREE_MAX * SEAT_MAX;
	else if (type == TACIT_SECAGG_INBOX)
		lists = (size_t)TACIT_SECAGG_DEGREE_MAX * BOX_MAX;
	else if (type == TACIT_SECAGG_CONSENTS)
		lists = (size_t)TACIT_SECAGG_DEGREE_MAX * CONSENT_MAX;
	else if (type == TACIT_SECAGG_SURVIVORS)
		lists = 2 * tacit_secagg_bits_len(TACIT_SECAGG_HOSTS_MAX);
	return HEAD_MAX + lists;
}

static void ask(struct tacit_participant *p, enum tacit_participant_state state)
{
	enum tacit_secagg_type type = type_of(state);
	char path[TACIT_UPLINK_PATH_MAX];
	struct tacit_uplink_request request = { .method = "GET", .path = path };

	if (tacit_secagg_is_said(type)) {
		request.method = "PUT";
		request.type = TACIT_TYPE_SECAGG;
		request.body = p->sum.message;
		request.body_len = p->sum.message_len;
		request.answer_max = SAID_MAX;
	} else {
		request.answer_max = told_max(type);
		request.prefer_wait_sec = p->params.wait_sec;
		request.timeout_ms = TACIT_UPLINK_TIMEOUT_MS + p->params.wait_sec * 1000;
	}
	(void)snprintf(path, sizeof(path), "%s%" PRIu64 "%s", TACIT_PATH_ROUNDS, p->sum.round,
		       tacit_secagg_resource(type));
	p->sum.asked_ms = tacit_participant_boot(p);
	tacit_participant_ask(p, state, &request);
}

void tacit_participant_ask_sum(struct tacit_participant *p)
{
	enum tacit_participant_state state = tacit_participant_sum_state(p);

	if (p->sum.due_ms > tacit_participant_boot(p))
		hold(p, state);
	else if (!tacit_secagg_is_said(type_of(state)) || may_speak(p, state))
		ask(p, state);
}

/* All that is promised for the round, twice, and some more. */
static int64_t longest_silence_ms(const struct tacit_participant *p)
{
	const struct tacit_secagg_config *config = tacit_secagg_host_get_config(p->sum.host);
	int64_t sum = SILENCE_MIN_MS;

	for (size_t i = 0; config && i < TACIT_SECAGG_PHASES; i++)
		sum += (int64_t)config->phase_sec[i] * 2000;
	return sum;
}

static void on_not_yet(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	int64_t now = tacit_participant_boot(p), wait = result->retry_after_ms;
	bool honoured = p->params.wait_sec > 0 && now - p->sum.asked_ms >= HONOURED_MS;

	if (now - p->sum.since_ms > longest_silence_ms(p)) {
		refuse(p, "the aggregator does not go on with it");
		return;
	}
	tacit_participant_ok(p);
	if (!honoured || wait > 0)
		wait = tacit_participant_poll_ms(p, wait);
	p->sum.due_ms = now + wait;
	tacit_participant_go_on(p);
}

static void on_told(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	char why[TACIT_PARTICIPANT_REASON_MAX] = "";
	uint64_t round = p->sum.round;
	int r;

	if (!tacit_participant_is_type(p, result, TACIT_TYPE_SECAGG))
		return;
	r = tacit_participant_step_sum(p, result->body, result->body_len, why, sizeof(why));
	if (r < 0 && why[0]) {
		refuse(p, why);
	} else if (r < 0) {
		tacit_participant_fail(p, 0, "cannot go on in round %" PRIu64 ": %s", round,
				       tacit_strerror(r));
	} else {
		tacit_participant_ok(p);
		tacit_participant_go_on(p);
	}
}

/* What was said has arrived. */
static void on_taken(struct tacit_participant *p)
{
	int r;

	if (tacit_secagg_host_get_stage(p->sum.host) == TACIT_SECAGG_STAGE_ANSWERED) {
		on_done(p);
		return;
	}
	r = tacit_ledger_arrived(p->params.db, tacit_identity_aggregator(p->params.identity),
				 p->sum.round);
	if (r < 0) {
		tacit_participant_fail(p, 0, "cannot note what arrived in round %" PRIu64 ": %s",
				       p->sum.round, tacit_strerror(r));
		return;
	}
	tacit_free(TACIT_TAKE(p->sum.message));
	tacit_participant_ok(p);
	tacit_participant_go_on(p);
}

/* The same bytes would be refused again. */
static void on_refused(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	uint64_t round = p->sum.round;

	tacit_participant_refuse(p, round, "the aggregator answered %d: %s", result->status,
				 tacit_participant_detail(result));
	tacit_participant_say(p, TACIT_LOG_ERROR, "round %" PRIu64 ": the %s was refused: %s",
			      round, tacit_participant_state_name(p->status.state),
			      p->status.refused);
	(void)!tacit_ledger_refuse(p->params.db, tacit_identity_aggregator(p->params.identity),
				   round, p->status.refused, tacit_participant_wall(p));
	end(p, TACIT_LEDGER_REFUSED, 0);
}

void tacit_participant_on_sum(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	bool said = tacit_secagg_is_said(type_of(p->status.state));

	switch (result->status) {
	case 200:
	case 201:
		if (said)
			on_taken(p);
		else
			on_told(p, result);
		break;
	case 204:
		if (said)
			tacit_participant_fail_status(p, result);
		else
			on_not_yet(p, result);
		break;
	case 404:
	case 410:
		on_over(p, result);
		break;
	case 400:
	case 409:
	case 413:
	case 415:
	case 422:
		if (said) {
			on_refused(p, result);
			break;
		}
		/* fall through */
	default:
		tacit_participant_fail_status(p, result);
	}
}
