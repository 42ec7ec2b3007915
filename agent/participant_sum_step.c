/* SPDX-License-Identifier: MIT */
/* A host's part in a secure sum, inwards: what it makes of the aggregator's messages. A step is on
 * disk before its message exists for the rest of us. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tacit/protect.h>

#include "participant_private.h"

#define PPM 1e6

TACIT_PRINTF(3, 4)
static int explain(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
	return TACIT_EREFUSED;
}

/* Both ends name noise in millionths. */
static uint32_t ppm(double value)
{
	return (uint32_t)lround(value * PPM);
}

static struct tacit_secagg_floors sum_floors(const struct tacit_participant *p, uint64_t newest)
{
	const struct tacit_participant_floors *own = &p->params.floors;
	struct tacit_secagg_floors floors = {
		.last_round = newest,
		.dimensions = p->round.dimensions,
		.hosts_min = own->min_cohort,
		.noise_ppm = ppm(own->min_noise_multiplier),
		.corrupt_ppm = ppm(own->min_corrupt),
		.semi_malicious = own->semi_malicious,
	};

	memcpy(floors.task, p->task_digest, sizeof(floors.task));
	memcpy(floors.model, p->round.model, sizeof(floors.model));
	return floors;
}

/* What was signed must be what was announced. */
static int check_config(const struct tacit_participant *p, char *why, size_t size)
{
	const struct tacit_secagg_config *config = tacit_secagg_host_get_config(p->sum.host);
	const struct tacit_round_doc *round = &p->round;

	if (config->round != round->round)
		return explain(why, size, "its config is of round %" PRIu64, config->round);
	if (config->clip_norm != round->clip_norm)
		return explain(why, size, "its config's clip norm %g is not the round's %g",
			       config->clip_norm, round->clip_norm);
	if (config->scale_bits != TACIT_PROTECT_SCALE_BITS)
		return explain(why, size, "its config's grid has %u bits, not %u",
			       config->scale_bits, TACIT_PROTECT_SCALE_BITS);
	if (fabs(config->noise_ppm - round->noise_multiplier * PPM) > 1)
		return explain(why, size, "its config's noise multiplier %g is not the round's %g",
			       config->noise_ppm / PPM, round->noise_multiplier);
	return 0;
}

static int join(struct tacit_participant *p, const uint8_t *data, size_t len,
		struct tacit_secagg_step *step, enum tacit_secagg_reason *reason, char *why,
		size_t size)
{
	struct tacit_secagg_floors floors;
	uint64_t newest = 0;
	int r = tacit_ledger_newest(p->params.db, tacit_identity_aggregator(p->params.identity),
				    &newest);

	if (r < 0)
		return r;
	floors = sum_floors(p, newest);
	r = tacit_secagg_host_join(p->sum.host, &floors, data, len, step, reason);
	return r < 0 ? r : check_config(p, why, size);
}

static struct tacit_protect_params protection(const struct tacit_secagg_host *host)
{
	const struct tacit_secagg_config *config = tacit_secagg_host_get_config(host);

	return (struct tacit_protect_params){ .clip_norm = config->clip_norm,
					      .noise_multiplier = config->noise_ppm / PPM,
					      .honest = tacit_secagg_host_get_honest(host) };
}

/* The release that the config names, as it was when this host joined. */
static int recall(struct tacit_participant *p, char *why, size_t size)
{
	const struct tacit_secagg_config *config = tacit_secagg_host_get_config(p->sum.host);
	int r;

	if (memcmp(config->task, p->task_digest, sizeof(config->task)) != 0)
		return explain(why, size, "its task is no longer the fleet's");
	if (p->sum.reference)
		return 0;
	r = tacit_participant_find_reference(p, p->sum.model_version, config->model,
					     &p->sum.reference);
	if (r == -ENOENT)
		return explain(why, size, "its release %" PRIu64 " is no longer at hand",
			       p->sum.model_version);
	if (r == 0 && tacit_participant_dimensions(p, p->sum.reference) != config->dimensions)
		return explain(why, size, "its release has %zu numbers, not %u",
			       tacit_participant_dimensions(p, p->sum.reference),
			       config->dimensions);
	return r;
}

/* What this host adds, noised: @ret has as many numbers as the config's dimensions. Returns how
 * many classes it speaks of. */
static int contribute(struct tacit_participant *p, uint32_t *ret, char *why, size_t size)
{
	const struct tacit_protect_params params = protection(p->sum.host);
	size_t n = tacit_secagg_host_get_config(p->sum.host)->dimensions;
	TACIT_AUTO_FREE double *value = TACIT_NEW_N(double, n);
	int classes, r;

	if (!value)
		return -ENOMEM;
	classes = tacit_participant_contribute(p, p->sum.reference, value);
	if (classes == 0)
		return explain(why, size, "this host has nothing to add any more");
	if (classes < 0)
		return classes;
	r = tacit_protect(&params, value, n, p->params.random, ret);
	return r < 0 ? r : classes;
}

/* The inbox says which place is this host's. */
static int show_vector(struct tacit_participant *p, const uint8_t *data, size_t len,
		       uint32_t *value)
{
	const struct tacit_secagg_config *config = tacit_secagg_host_get_config(p->sum.host);
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes inbox = { 0 };
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r;

	if (!p->params.witness || !p->params.witness->mask)
		return 0;
	r = tacit_secagg_config_digest(config, digest);
	if (r == 0)
		r = tacit_secagg_boxes_decode(TACIT_SECAGG_INBOX, digest, data, len, &inbox);
	if (r == 0)
		p->params.witness->mask(p->params.ctx, config, inbox.host, value,
					config->dimensions);
	/* What is wrong with the inbox is for the host to say. */
	return r == -ENOMEM ? r : 0;
}

/* @ret: how many classes the vector speaks of. */
static int mask(struct tacit_participant *p, const uint8_t *data, size_t len,
		struct tacit_secagg_step *step, enum tacit_secagg_reason *reason, char *why,
		size_t size, unsigned *ret)
{
	TACIT_AUTO_FREE uint32_t *value = NULL;
	int r = recall(p, why, size), classes;

	if (r < 0)
		return r;
	value = TACIT_NEW_N(uint32_t, tacit_secagg_host_get_config(p->sum.host)->dimensions);
	if (!value)
		return -ENOMEM;
	classes = contribute(p, value, why, size);
	if (classes < 0)
		return classes;
	r = show_vector(p, data, len, value);
	if (r == 0)
		r = tacit_secagg_host_mask(p->sum.host, data, len, value, step, reason);
	if (r == 0)
		*ret = (unsigned)classes;
	return r;
}

/* This host's own message has its place, the aggregator's the list. */
static int show_list(struct tacit_participant *p, const uint8_t *data, size_t len,
		     const struct tacit_secagg_step *step)
{
	const struct tacit_secagg_config *config = tacit_secagg_host_get_config(p->sum.host);
	struct tacit_secagg_survivors survivors;
	struct tacit_secagg_consent consent;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r;

	if (!p->params.witness || !p->params.witness->consent)
		return 0;
	r = tacit_secagg_config_digest(config, digest);
	if (r == 0)
		r = tacit_secagg_survivors_decode(digest, data, len, &survivors);
	if (r == 0)
		r = tacit_secagg_consent_decode(digest, step->message, step->message_len, &consent);
	if (r == 0)
		p->params.witness->consent(p->params.ctx, config, consent.host, &survivors);
	return r;
}

static int think(struct tacit_participant *p, const uint8_t *data, size_t len,
		 struct tacit_secagg_step *step, char *why, size_t size, unsigned *ret_classes)
{
	struct tacit_secagg_host *host = p->sum.host;
	enum tacit_secagg_reason reason = TACIT_SECAGG_FINE;
	int r = TACIT_ESTALE;

	switch (tacit_secagg_host_get_stage(host)) {
	case TACIT_SECAGG_STAGE_NEW:
		r = join(p, data, len, step, &reason, why, size);
		break;
	case TACIT_SECAGG_STAGE_JOINED:
		r = tacit_secagg_host_share(host, data, len, step, &reason);
		break;
	case TACIT_SECAGG_STAGE_SHARED:
		r = mask(p, data, len, step, &reason, why, size, ret_classes);
		break;
	case TACIT_SECAGG_STAGE_MASKED:
		r = tacit_secagg_host_consent(host, data, len, step, &reason);
		break;
	case TACIT_SECAGG_STAGE_CONSENTED:
		r = tacit_secagg_host_answer(host, data, len, step, &reason);
		break;
	case TACIT_SECAGG_STAGE_ANSWERED:
		break;
	}
	if (r < 0 && reason != TACIT_SECAGG_FINE)
		(void)explain(why, size, "%s", tacit_secagg_reason_text(reason));
	return r;
}

/* The figure against the aggregator, who may know the noise of whoever is not certain to be honest.
 */
static int charge(struct tacit_participant *p, const struct tacit_ledger_stand *stand,
		  unsigned classes, char *why, size_t size)
{
	const struct tacit_protect_params params = protection(p->sum.host);
	uint32_t dimensions = tacit_secagg_host_get_config(p->sum.host)->dimensions;
	const struct tacit_ledger_limits *budget = &p->params.floors.budget;
	const struct tacit_ledger_entry entry = {
		.aggregator = tacit_identity_aggregator(p->params.identity),
		.round = p->sum.round,
		.mode = TACIT_MODE_DISTRIBUTED,
		.noise_multiplier = params.noise_multiplier,
		.clip_norm = params.clip_norm,
		.rho = tacit_protect_rho_sum(&params, dimensions, params.honest),
		.model_version = p->sum.model_version,
		.dimensions = dimensions,
		.classes = classes,
		.sum_of = tacit_participant_sum_of(p),
		.hosts = params.honest,
	};
	int r = tacit_ledger_mask(p->params.db, &entry, budget, stand, tacit_participant_wall(p));

	if (r == TACIT_EBUDGET)
		(void)explain(why, size, "it would spend more than this host's epsilon of %g",
			      budget->max_epsilon);
	return r;
}

static int store(struct tacit_participant *p, const struct tacit_secagg_step *step,
		 unsigned classes, char *why, size_t size)
{
	const char *aggregator = tacit_identity_aggregator(p->params.identity);
	TACIT_AUTO_FREE char *document = tacit_round_format(&p->round);
	const struct tacit_ledger_stand stand = {
		.document = document,
		.round = p->sum.round,
		.model_version = p->sum.model_version,
		.state = step->state,
		.state_len = step->state_len,
		.message = step->message,
		.message_len = step->message_len,
	};
	enum tacit_secagg_stage stage = tacit_secagg_host_get_stage(p->sum.host);

	if (!document)
		return -ENOMEM;
	if (stage == TACIT_SECAGG_STAGE_JOINED)
		return tacit_ledger_join(p->params.db, aggregator, &stand,
					 tacit_participant_wall(p));
	if (stage == TACIT_SECAGG_STAGE_MASKED)
		return charge(p, &stand, classes, why, size);
	return tacit_ledger_advance(p->params.db, aggregator, &stand);
}

/* What was not stored was not said: back to what was. */
static void go_back(struct tacit_participant *p)
{
	if (tacit_participant_load_sum(p) < 0)
		tacit_participant_drop_sum(p);
}

int tacit_participant_step_sum(struct tacit_participant *p, const uint8_t *data, size_t len,
			       char *why, size_t size)
{
	TACIT_CLEANUP(tacit_secagg_step_done) struct tacit_secagg_step step = { 0 };
	enum tacit_secagg_stage before = tacit_secagg_host_get_stage(p->sum.host);
	unsigned classes = 0;
	int r = think(p, data, len, &step, why, size, &classes);

	if (r < 0)
		return r;
	if (before == TACIT_SECAGG_STAGE_MASKED)
		r = show_list(p, data, len, &step);
	if (r == 0)
		r = store(p, &step, classes, why, size);
	if (r < 0) {
		if (!why[0])
			go_back(p);
		return r;
	}
	if (before == TACIT_SECAGG_STAGE_SHARED) {
		tacit_fleet_free(p->sum.reference);
		p->sum.reference = NULL;
	}
	p->sum.message = TACIT_TAKE(step.message);
	p->sum.message_len = step.message_len;
	p->sum.released = false;
	p->sum.due_ms = 0;
	p->sum.since_ms = tacit_participant_boot(p);
	return 0;
}
