/* SPDX-License-Identifier: MIT */
/* One round: look at it, contribute, protect, charge, send; or join its secure sum. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tacit/protect.h>

#include "participant_private.h"

#define NOTHING_YET_MAX_MS 30000
#define ANSWER_MAX	   4096U

void tacit_participant_ask_round(struct tacit_participant *p)
{
	const struct tacit_uplink_request request = {
		.method = "GET",
		.path = TACIT_PATH_ROUND,
		.answer_max = TACIT_WIRE_JSON_MAX,
	};

	tacit_participant_ask(p, TACIT_PARTICIPANT_ROUND, &request);
}

void tacit_participant_rest(struct tacit_participant *p, int64_t wait_ms)
{
	p->round_due_ms = tacit_participant_boot(p) + tacit_participant_poll_ms(p, wait_ms);
	tacit_participant_go_on(p);
}

void tacit_participant_stay_out(struct tacit_participant *p, const char *format, ...)
{
	char why[TACIT_PARTICIPANT_REASON_MAX];
	va_list args;
	int r;

	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	tacit_participant_refuse(p, p->round.round, "%s", why);
	tacit_participant_say(p, TACIT_LOG_NOTICE, "staying out of round %" PRIu64 ": %s",
			      p->round.round, why);
	r = tacit_ledger_refuse(p->params.db, tacit_identity_aggregator(p->params.identity),
				p->round.round, why, tacit_participant_wall(p));
	if (r < 0) {
		tacit_participant_fail(p, 0, "cannot note a refusal: %s", tacit_strerror(r));
		return;
	}
	tacit_participant_ok(p);
	tacit_participant_rest(p, p->round.left_ms);
}

static struct tacit_protect_params protection(const struct tacit_participant *p)
{
	return (struct tacit_protect_params){ .clip_norm = p->round.clip_norm,
					      .noise_multiplier = p->round.noise_multiplier };
}

/* True when the round asks for what its task promises. A fleet that is too small for a secure sum
 * releases with fewer updates. */
static bool follows_task(const struct tacit_round_doc *round, const struct tacit_task *task)
{
	bool small = task->mode == TACIT_TASK_AUTO && round->mode == TACIT_MODE_LOCAL;
	bool noise_fits = round->noise_multiplier == task->noise_multiplier;

	if (task->mode == TACIT_TASK_LOCAL && round->mode != TACIT_MODE_LOCAL)
		return false;
	if (round->mode == TACIT_MODE_DISTRIBUTED) /* in millionths, rounded up */
		noise_fits = round->noise_multiplier >= task->noise_multiplier &&
			     round->noise_multiplier <= task->noise_multiplier + 1e-6;
	return round->clip_norm == task->clip_norm && noise_fits &&
	       (round->min_cohort == task->min_cohort ||
		(small && round->min_cohort < task->min_cohort));
}

/* The floors of this host: true, or it stays out. */
static bool is_acceptable(struct tacit_participant *p)
{
	const struct tacit_participant_floors *floors = &p->params.floors;
	const struct tacit_round_doc *round = &p->round;
	int r;

	if (!follows_task(round, &p->task))
		tacit_participant_stay_out(p, "its parameters are not those of its task");
	else if (memcmp(p->task.schema, p->params.schema, TACIT_DIGEST_LEN) != 0)
		tacit_participant_stay_out(p, "its task is about other features than this host's");
	else if (!tacit_model_kind_find(p->task.kind))
		tacit_participant_stay_out(p, "its model kind '%s' is not known here",
					   p->task.kind);
	else if (p->params.kind && tacit_model_kind_find(p->task.kind) != p->params.kind)
		tacit_participant_stay_out(p, "its models are of kind '%s', this host's '%s'",
					   p->task.kind, p->params.kind->name);
	else if (!tacit_participant_likes_purpose(p))
		return false;
	else if (round->min_cohort < floors->min_cohort)
		tacit_participant_stay_out(
			p, "its smallest cohort %u is below this host's floor of %u",
			round->min_cohort, floors->min_cohort);
	else if (round->noise_multiplier < floors->min_noise_multiplier)
		tacit_participant_stay_out(
			p, "its noise multiplier %g is below this host's floor of %g",
			round->noise_multiplier, floors->min_noise_multiplier);
	else {
		const struct tacit_protect_params params = protection(p);

		r = tacit_ledger_afford(p->params.db, tacit_protect_rho(&params), &floors->budget);
		if (r == 0)
			return true;
		if (r == TACIT_EBUDGET)
			tacit_participant_stay_out(
				p, "it would spend more than this host's epsilon of %g",
				floors->budget.max_epsilon);
		else
			tacit_participant_fail(p, 0, "cannot read the ledger: %s",
					       tacit_strerror(r));
	}
	return false;
}

static int charge(struct tacit_participant *p, const struct tacit_protect_params *params,
		  unsigned classes, const struct tacit_writer *update)
{
	const struct tacit_ledger_entry entry = {
		.aggregator = tacit_identity_aggregator(p->params.identity),
		.round = p->round.round,
		.mode = p->round.mode,
		.noise_multiplier = params->noise_multiplier,
		.clip_norm = params->clip_norm,
		.rho = tacit_protect_rho(params),
		.model_version = p->round.model_version,
		.dimensions = p->round.dimensions,
		.classes = classes,
		.sum_of = tacit_participant_sum_of(p),
	};

	return tacit_ledger_spend(p->params.db, &entry, &p->params.floors.budget, update->data,
				  update->len, tacit_participant_wall(p));
}

static int encode(struct tacit_participant *p, const struct tacit_protect_params *params,
		  double *value, struct tacit_writer *writer)
{
	TACIT_AUTO_FREE uint32_t *safe = TACIT_NEW_N(uint32_t, p->round.dimensions);
	struct tacit_update_head head = {
		.mode = p->round.mode,
		.round = p->round.round,
		.dimensions = p->round.dimensions,
	};
	int r;

	if (!safe)
		return -ENOMEM;
	memcpy(head.task, p->round.task, sizeof(head.task));
	memcpy(head.model, p->round.model, sizeof(head.model));
	r = tacit_protect(params, value, p->round.dimensions, p->params.random, safe);
	if (r < 0)
		return r;
	tacit_update_encode(&head, safe, writer);
	return writer->failed ? -ENOMEM : 0;
}

/* A contribution becomes an update, is charged, and only then exists for the rest of us. */
static int prepare(struct tacit_participant *p, double *value, unsigned classes)
{
	const struct tacit_protect_params params = protection(p);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	int r = encode(p, &params, value, &writer);

	if (r == 0)
		r = charge(p, &params, classes, &writer);
	if (r < 0)
		return r;
	tacit_participant_drop_update(p);
	p->update_round = p->round.round;
	return tacit_writer_take(&writer, &p->update, &p->update_len);
}

/* @reference: taken when it is needed for longer. */
static void contribute(struct tacit_participant *p, struct tacit_fleet **reference)
{
	TACIT_AUTO_FREE double *value = NULL;
	size_t n = tacit_participant_dimensions(p, *reference);
	int classes, r;

	if (n != p->round.dimensions) {
		tacit_participant_stay_out(p, "it asks for %u numbers, its release has %zu",
					   p->round.dimensions, n);
		return;
	}
	value = TACIT_NEW_N(double, p->round.dimensions);
	classes = value ? tacit_participant_contribute(p, *reference, value) : -ENOMEM;
	if (classes == 0) {
		int64_t wait = p->round.left_ms / 4;

		tacit_participant_ok(p);
		tacit_participant_rest(p, wait < NOTHING_YET_MAX_MS ? wait : NOTHING_YET_MAX_MS);
		return;
	}
	if (classes < 0)
		r = classes;
	else if (p->round.mode == TACIT_MODE_DISTRIBUTED) /* once more when the time has come */
		r = tacit_participant_enter_sum(p, TACIT_TAKE(*reference));
	else
		r = prepare(p, value, (unsigned)classes);
	if (r == TACIT_EBUDGET)
		tacit_participant_stay_out(p, "it would spend more than this host's budget");
	else if (r < 0)
		tacit_participant_fail(p, 0, "cannot prepare an update: %s", tacit_strerror(r));
	else
		tacit_participant_go_on(p);
}

static int initial_reference(const struct tacit_participant *p, struct tacit_fleet **ret)
{
	const char *classes[TACIT_FLEET_CLASSES_MAX];

	for (size_t i = 0; i < p->task.n_classes; i++)
		classes[i] = p->task.class[i];
	return tacit_fleet_new(tacit_model_kind_find(p->task.kind), p->params.space, classes,
			       p->task.n_classes, ret);
}

int tacit_participant_find_reference(struct tacit_participant *p, uint64_t version,
				     const uint8_t sha256[TACIT_DIGEST_LEN],
				     struct tacit_fleet **ret)
{
	if (version == 0 && p->status.version == 0)
		return initial_reference(p, ret);
	return tacit_participant_find_release(p, version, sha256, ret);
}

static void refer(struct tacit_participant *p)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *reference = NULL;
	uint64_t version = p->round.model_version, held = p->status.version;
	int r = tacit_participant_find_reference(p, version, p->round.model, &reference);

	if (r == 0)
		contribute(p, &reference);
	else if (r != -ENOENT)
		tacit_participant_fail(p, 0, "cannot read release %" PRIu64 ": %s", version,
				       tacit_strerror(r));
	else if (version <= held)
		tacit_participant_stay_out(
			p, "it refers to a release %" PRIu64 " that this host does not know",
			version);
	else
		tacit_participant_ask_reference(p);
}

void tacit_participant_ask_reference(struct tacit_participant *p)
{
	char path[TACIT_UPLINK_PATH_MAX];
	const struct tacit_uplink_request request = {
		.method = "GET",
		.path = path,
		.answer_max = TACIT_FLEET_BYTES_MAX,
	};

	(void)snprintf(path, sizeof(path), "%s%" PRIu64, TACIT_PATH_MODELS, p->round.model_version);
	tacit_participant_ask(p, TACIT_PARTICIPANT_REFERENCE, &request);
}

void tacit_participant_on_reference(struct tacit_participant *p,
				    const struct tacit_uplink_result *result)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *reference = NULL;
	char why[160] = "";
	int r;

	if (result->status != 200) {
		tacit_participant_fail_status(p, result);
		return;
	}
	if (!tacit_participant_is_type(p, result, TACIT_TYPE_MODEL))
		return;
	r = tacit_participant_take_release(p, result->body, result->body_len, p->round.model,
					   &reference, why, sizeof(why));
	if (r < 0)
		tacit_participant_fail(p, 0, "%s", why[0] ? why : tacit_strerror(r));
	else
		contribute(p, &reference);
}

/* A number that was seen before: ours is done, or the aggregator was set back. */
static void meet_again(struct tacit_participant *p, uint64_t newest)
{
	if (p->round.round < newest && p->status.refused_round != p->round.round) {
		tacit_participant_refuse(
			p, p->round.round,
			"it is older than round %" PRIu64 ", which this host has seen", newest);
		tacit_participant_say(p, TACIT_LOG_WARNING, "staying out of round %" PRIu64 ": %s",
				      p->round.round, p->status.refused);
	}
	tacit_participant_ok(p);
	tacit_participant_rest(p, p->round.left_ms);
}

static void consider(struct tacit_participant *p)
{
	uint64_t newest = 0;
	int r = tacit_ledger_newest(p->params.db, tacit_identity_aggregator(p->params.identity),
				    &newest);

	if (r < 0) {
		tacit_participant_fail(p, 0, "cannot read the ledger: %s", tacit_strerror(r));
	} else if (p->round.round <= newest) {
		meet_again(p, newest);
	} else if (memcmp(p->round.task, p->task_digest, TACIT_DIGEST_LEN) == 0) {
		if (is_acceptable(p))
			refer(p);
	} else if (!p->task_fresh) {
		p->has_task = false; /* it has changed: learn of it, then look at the round again */
		tacit_participant_go_on(p);
	} else {
		tacit_participant_fail(p, 0, "round %" PRIu64 " is not for the task there is",
				       p->round.round);
	}
}

void tacit_participant_on_round(struct tacit_participant *p,
				const struct tacit_uplink_result *result)
{
	char why[160] = "";
	int r;

	if (result->status == 204 || result->status == 404) {
		tacit_participant_ok(p);
		tacit_participant_rest(p, result->retry_after_ms);
		return;
	}
	if (result->status != 200) {
		tacit_participant_fail_status(p, result);
		return;
	}
	if (!tacit_participant_is_type(p, result, TACIT_TYPE_JSON))
		return;
	r = tacit_round_parse((const char *)result->body, result->body_len, &p->round, why,
			      sizeof(why));
	if (r < 0)
		tacit_participant_fail(p, 0, "the round is of no use: %s",
				       why[0] ? why : tacit_strerror(r));
	else
		consider(p);
}

int tacit_participant_load_update(struct tacit_participant *p)
{
	int r = tacit_ledger_pending(p->params.db, tacit_identity_aggregator(p->params.identity),
				     &p->update_round, &p->update, &p->update_len);

	return r < 0 ? r : 0;
}

void tacit_participant_ask_update(struct tacit_participant *p)
{
	bool fresh = p->round.round == p->update_round;
	char path[TACIT_UPLINK_PATH_MAX];
	const struct tacit_uplink_request request = {
		.method = "PUT",
		.path = path,
		.type = TACIT_TYPE_UPDATE,
		.body = p->update,
		.body_len = p->update_len,
		.answer_max = ANSWER_MAX,
	};

	(void)snprintf(path, sizeof(path), "%s%" PRIu64 "%s", TACIT_PATH_ROUNDS, p->update_round,
		       TACIT_PATH_UPDATE);
	tacit_participant_ask(p, fresh ? TACIT_PARTICIPANT_UPDATE : TACIT_PARTICIPANT_RESEND,
			      &request);
}

/* The round is settled for this host; @wait_ms until there may be news of it. */
static void settle(struct tacit_participant *p, enum tacit_ledger_state state, int64_t wait_ms)
{
	int r = tacit_ledger_settle(p->params.db, tacit_identity_aggregator(p->params.identity),
				    p->update_round, state);

	/* Sending it once more does no harm; forgetting that it went would. */
	if (r < 0 && r != -ENOENT) {
		tacit_participant_fail(p, 0, "cannot note the end of round %" PRIu64 ": %s",
				       p->update_round, tacit_strerror(r));
		return;
	}
	tacit_participant_drop_update(p);
	tacit_participant_ok(p);
	p->release_fresh = true;
	tacit_participant_rest(p, wait_ms);
}

void tacit_participant_expect(struct tacit_participant *p, uint64_t round, int64_t wait_ms)
{
	p->status.accepted++;
	if (p->round.round == round && p->round.purpose == TACIT_PURPOSE_EVALUATE)
		return; /* nothing comes of it but figures */
	p->status.round = round;
	p->expected = round;
	p->expected_tries = 0;
	p->expected_from_ms = tacit_participant_boot(p) + wait_ms;
}

static void on_accepted(struct tacit_participant *p)
{
	bool fresh = p->status.state == TACIT_PARTICIPANT_UPDATE;

	tacit_participant_expect(p, p->update_round, fresh ? p->round.left_ms : 0);
	tacit_participant_say(p, TACIT_LOG_INFO, "round %" PRIu64 ": the update was accepted",
			      p->update_round);
	settle(p, TACIT_LEDGER_SENT, fresh ? p->round.left_ms : 0);
}

static void on_refused(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	tacit_participant_refuse(p, p->update_round, "the aggregator answered %d: %s",
				 result->status, tacit_participant_detail(result));
	tacit_participant_say(p, TACIT_LOG_ERROR, "round %" PRIu64 ": the update was refused: %s",
			      p->update_round, p->status.refused);
	(void)!tacit_ledger_refuse(p->params.db, tacit_identity_aggregator(p->params.identity),
				   p->update_round, p->status.refused, tacit_participant_wall(p));
	settle(p, TACIT_LEDGER_REFUSED, 0);
}

void tacit_participant_on_update(struct tacit_participant *p,
				 const struct tacit_uplink_result *result)
{
	switch (result->status) {
	case 200:
	case 201:
		on_accepted(p);
		break;
	case 410:
		tacit_participant_say(p, TACIT_LOG_NOTICE,
				      "round %" PRIu64 ": the update came too late",
				      p->update_round);
		settle(p, TACIT_LEDGER_LATE, 0);
		break;
	case 400:
	case 404:
	case 409:
	case 413:
	case 415:
	case 422:
		on_refused(p, result);
		break;
	default:
		tacit_participant_fail_status(p, result);
	}
}
