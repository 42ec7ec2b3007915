/* SPDX-License-Identifier: MIT */
#include "virtual_host.h"

#include <string.h>

#include <tacit/feature.h>
#include <tacit/model.h>

#include "identity.h"
#include "learner.h"
#include "learner_evaluate.h"
#include "store.h"

#define KIND	     "gaussian"
#define SCOPES_FULL  8U	  /* of a kind that has to refine itself to have its say */
#define REFINE_STEPS 400U /* the latest ones, with which it does */
#define RISK	     1e-3 /* nobody reads a virtual host's alarms */
#define SCOPES_MAX   32U
#define DAY_MS	     86400000.0

struct tacit_virtual_host {
	struct tacit_virtual_host_params params;
	struct tacit_identity *identity;
	struct tacit_store *store;
	struct tacit_learner *learner;
	struct tacit_uplink_client *client;
	struct tacit_participant *participant;
	size_t step;
	bool refines;		     /* it was asked for a kind that does */
	uint64_t watched_ms, alarms; /* while there were thresholds; one alarm for each window */
};

static void note(struct tacit_virtual_host *host, const struct tacit_window *window,
		 const struct tacit_judgement *judgement)
{
	bool alarm = false;

	if (!judgement->has_threshold)
		return;
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		alarm = alarm || judgement->score.value[i] > judgement->threshold[i];
	host->watched_ms += window->length_ms;
	host->alarms += alarm;
}

static int live(struct tacit_virtual_host *host, size_t steps)
{
	for (; steps > 0; steps--) {
		const struct tacit_window *window;
		size_t n;

		window = tacit_replay_step(host->params.replay, host->step++, &n);
		for (size_t i = 0; i < n; i++) {
			struct tacit_judgement judgement;
			int r = tacit_learner_judge(host->learner, &window[i], RISK, &judgement);

			if (r == 0)
				note(host, &window[i], &judgement);
			if (r == 0)
				r = tacit_learner_learn(host->learner, &window[i], &judgement);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* The latest windows of a scope, whose models are told nothing else by them. */
static int refine(struct tacit_virtual_host *host, const char *scope)
{
	const struct tacit_model_kind *kind = host->params.kind;
	struct tacit_model *model = tacit_learner_model(host->learner, scope);
	size_t from = host->step > REFINE_STEPS ? host->step - REFINE_STEPS : 0, n = 0;
	TACIT_AUTO_FREE struct tacit_sample *sample =
		TACIT_NEW_N(struct tacit_sample, REFINE_STEPS);
	TACIT_AUTO_FREE double *x = TACIT_NEW_N(double, REFINE_STEPS *TACIT_FEATURE_COUNT);
	int r;

	if (!sample || !x)
		return -ENOMEM;
	if (from < host->params.first_step)
		from = host->params.first_step;
	for (size_t step = from; step < host->step; step++) {
		const struct tacit_window *window;
		size_t windows;

		window = tacit_replay_step(host->params.replay, step, &windows);
		for (size_t i = 0; i < windows && n < REFINE_STEPS; i++)
			if (strcmp(window[i].scope, scope) == 0) {
				sample[n] = tacit_window_sample(&window[i],
								x + n * TACIT_FEATURE_COUNT);
				n++;
			}
	}
	r = model ? kind->refine(model, sample, n) : 0;
	return r == -EAGAIN ? 0 : r;
}

struct refining {
	struct tacit_virtual_host *host;
	int err;
};

static void on_scope(void *ctx, const struct tacit_learner_info *info)
{
	struct refining *refining = (struct refining *)ctx;

	if (refining->err == 0 && info->model.promoted)
		refining->err = refine(refining->host, info->scope);
}

/* What tacitd does now and then, from its store. */
static int grow(struct tacit_virtual_host *host, size_t steps)
{
	struct refining refining = { .host = host };
	int r = live(host, steps);

	if (r < 0 || !host->refines)
		return r;
	r = tacit_learner_flush(host->learner, false); /* promotes */
	if (r < 0)
		return r;
	tacit_learner_each(host->learner, on_scope, &refining);
	return refining.err;
}

static int on_contribute(void *ctx, const struct tacit_fleet *reference, double *out)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;

	return tacit_learner_contribute(host->learner, reference, out);
}

/* What it went through last. */
static int on_recall(void *ctx, const char *scope, struct tacit_window *window)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;
	size_t lived = host->step - host->params.first_step, steps = TACIT_STORE_SAMPLE_MAX;
	int n = 0;

	if (steps > lived)
		steps = lived;
	for (size_t at = host->step - steps; at < host->step; at++) {
		const struct tacit_window *step;
		size_t scopes;

		step = tacit_replay_step(host->params.replay, at, &scopes);
		for (size_t i = 0; i < scopes && n < (int)TACIT_STORE_SAMPLE_MAX; i++)
			if (strcmp(step[i].scope, scope) == 0)
				window[n++] = step[i];
	}
	return n;
}

static int on_evaluate(void *ctx, const struct tacit_fleet *reference, double kappa,
		       struct tacit_evaluation *ret)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;

	ret->has_alarms = host->watched_ms > 0;
	if (ret->has_alarms)
		ret->alarms = (double)host->alarms * DAY_MS / (double)host->watched_ms;
	return tacit_learner_evaluate(host->learner, reference, kappa, RISK, on_recall, host, ret);
}

/* Life goes on between rounds. */
static void on_released(void *ctx, struct tacit_fleet *fleet, double kappa)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;

	(void)!tacit_learner_set_fleet(host->learner, fleet, kappa);
	(void)!grow(host, host->params.steps_a_round);
}

static const struct tacit_participant_ops ops = {
	.contribute = on_contribute,
	.evaluate = on_evaluate,
	.released = on_released,
};

static int64_t on_speak(void *ctx, uint64_t round, enum tacit_secagg_stage stage)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;

	return tacit_sim_secure_speak(host->params.secure, host->params.number, round, stage);
}

static void on_mask(void *ctx, const struct tacit_secagg_config *config, uint32_t index,
		    uint32_t *value, size_t n)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;

	tacit_sim_secure_mask(host->params.secure, host->params.number, config, index, value, n);
}

static void on_consent(void *ctx, const struct tacit_secagg_config *config, uint32_t index,
		       const struct tacit_secagg_survivors *survivors)
{
	struct tacit_virtual_host *host = (struct tacit_virtual_host *)ctx;

	(void)index;
	tacit_sim_secure_consent(host->params.secure, config, survivors);
}

static const struct tacit_participant_witness witness = {
	.speak = on_speak,
	.mask = on_mask,
	.consent = on_consent,
};

static int join(struct tacit_virtual_host *host)
{
	struct tacit_participant_params params = {
		.base = host->params.base,
		.transport = &tacit_uplink_transport,
		.transport_ctx = host->client,
		.identity = host->identity,
		.db = tacit_store_db(host->store),
		.random = host->params.random,
		.kind = host->params.kind,
		.space = tacit_feature_space(),
		.floors = host->params.floors,
		.poll_max_ms = host->params.poll_max_ms,
		.ops = &ops,
		.ctx = host,
		.witness = &witness,
		.vouch = host->params.vouch,
		.wait_sec = host->params.wait_sec,
		.quiet = true,
	};
	int r = tacit_feature_schema(params.schema);

	return r < 0 ? r : tacit_participant_new(&params, &host->participant);
}

int tacit_virtual_host_new(const struct tacit_virtual_host_params *params,
			   struct tacit_virtual_host **ret)
{
	TACIT_CLEANUP(tacit_virtual_host_free_p)
	struct tacit_virtual_host *host = TACIT_NEW(struct tacit_virtual_host);
	const struct tacit_store_params store = { .path = ":memory:" };
	struct tacit_learner_params learner = { .scopes_max = SCOPES_MAX };
	int r;

	if (!host)
		return -ENOMEM;
	host->params = *params;
	if (!params->kind)
		host->params.kind = tacit_model_kind_find(KIND);
	learner.kind = host->params.kind;
	host->refines = params->kind && params->kind->refine;
	if (host->refines)
		learner.memory_bytes =
			SCOPES_FULL * learner.kind->promoted_bytes(tacit_feature_space());
	host->step = params->first_step;
	r = tacit_identity_open(NULL, &host->identity);
	if (r == 0)
		r = tacit_store_open(&store, &host->store);
	if (r == 0)
		r = tacit_learner_new(&learner, &host->learner);
	if (r == 0)
		r = tacit_uplink_client_new(params->uplink, &host->client);
	if (r == 0)
		r = grow(host, params->steps);
	if (r == 0)
		r = join(host);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(host);
	return 0;
}

void tacit_virtual_host_start(struct tacit_virtual_host *host, const struct tacit_token *token,
			      uint32_t spread_ms)
{
	tacit_participant_offer(host->participant, token);
	tacit_participant_start(host->participant, spread_ms);
}

void tacit_virtual_host_status(const struct tacit_virtual_host *host,
			       struct tacit_participant_status *ret)
{
	tacit_participant_status(host->participant, ret);
}

void tacit_virtual_host_bytes(const struct tacit_virtual_host *host, uint64_t *ret_up,
			      uint64_t *ret_down)
{
	tacit_uplink_client_bytes(host->client, ret_up, ret_down);
}

void tacit_virtual_host_free(struct tacit_virtual_host *host)
{
	if (!host)
		return;
	tacit_participant_free(host->participant);
	tacit_uplink_client_free(host->client);
	tacit_learner_free(host->learner);
	tacit_store_close(host->store);
	tacit_identity_free(host->identity);
	tacit_free(host);
}
