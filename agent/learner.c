/* SPDX-License-Identifier: MIT */
#include "learner_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <tacit/feature.h>

/* Windows behind a score that says what later scores will be like: a younger model is surprised by
 * what is usual, and thresholds learned from that would be far too high for hours. */
#define EVIDENCE_TYPICAL 50.0
#define SCOPES_DEFAULT	 1024U
#define MINUTE_MS	 60000
#define COMPLAINTS	 10U
#define COMPLAINTS_MS	 600000U
#define SAVE_SHARE	 16U   /* save when this part of what is known is new */
#define SAVE_WINDOWS	 3600U /* and after as many new windows in any case */
#define IDLE_FLUSHES	 (3600000U / TACIT_LEARNER_FLUSH_MS)
#define PROMOTE_WINDOWS	 30U
#define SAMPLE_HORIZON	 100000U /* windows: a bit more than a day, as long as models remember */

int tacit_learner_new(const struct tacit_learner_params *params, struct tacit_learner **ret)
{
	struct tacit_learner *learner = TACIT_NEW(struct tacit_learner);
	int64_t judged = 0;

	if (!learner)
		return -ENOMEM;
	learner->params = *params;
	if (learner->params.scopes_max == 0)
		learner->params.scopes_max = SCOPES_DEFAULT;
	learner->complaint =
		(struct tacit_log_limit){ .burst = COMPLAINTS, .interval_ms = COMPLAINTS_MS };
	TAILQ_INIT(&learner->ages);
	for (size_t i = 0; i < TACIT_LEARNER_BUCKETS; i++)
		LIST_INIT(&learner->bucket[i]);
	if (params->store && tacit_store_get_int(params->store, "windows", &judged) == 0)
		learner->judged = judged > 0 ? (uint64_t)judged : 0;
	*ret = learner;
	return 0;
}

void tacit_learner_free(struct tacit_learner *learner)
{
	struct tacit_learner_scope *scope;

	if (!learner)
		return;
	while ((scope = TAILQ_FIRST(&learner->ages)))
		tacit_learner_scope_drop(learner, scope);
	tacit_fleet_free(learner->fleet);
	tacit_free(learner);
}

/* A finished minute waits for the next flush; a clock that jumps may finish two before that. */
static void turn_minute(struct tacit_learner *learner, struct tacit_learner_scope *scope,
			int64_t at_ms)
{
	int r = 0;

	if (scope->done.windows > 0)
		r = tacit_learner_scope_save_minutes(learner, scope, false);
	if (r < 0)
		tacit_learner_complain(learner, "cannot keep a summary of", scope->name, r);
	scope->done = scope->minute;
	scope->minute = (struct tacit_store_minute){ .at_ms = at_ms };
}

void tacit_learner_note_window(struct tacit_learner *learner, struct tacit_learner_scope *scope,
			       const struct tacit_window *window,
			       const struct tacit_judgement *judgement)
{
	int64_t at_ms = window->end_ms - window->end_ms % MINUTE_MS;
	const double *value = judgement->score.value;

	if (scope->minute.at_ms != at_ms)
		turn_minute(learner, scope, at_ms);
	scope->minute.windows++;
	if (judgement->scored) {
		scope->minute.max_distance =
			fmax(scope->minute.max_distance, value[TACIT_STATISTIC_DISTANCE]);
		scope->minute.max_z = fmax(scope->minute.max_z, value[TACIT_STATISTIC_MAX_Z]);
		scope->minute.max_rare = fmax(scope->minute.max_rare, value[TACIT_STATISTIC_RARE]);
	}
	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i++)
		scope->activity += window->count[i] > 0;
	scope->last_ms = window->end_ms;
	scope->unheard = 0;
	learner->judged++;
}

static int score(struct tacit_learner *learner, struct tacit_learner_scope *scope,
		 const struct tacit_window *window, double risk, struct tacit_judgement *judgement)
{
	double x[TACIT_FEATURE_COUNT];
	struct tacit_sample sample = tacit_window_sample(window, x);
	int r = learner->params.kind->score(scope->model, &sample, &judgement->score);

	if (r == 0)
		r = tacit_reference_judge(&scope->reference, &sample, &judgement->score);
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	judgement->scored = true;
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++) {
		r = tacit_threshold_get(scope->threshold[i], risk, &judgement->threshold[i]);
		if (r < 0)
			return r == -EAGAIN ? 0 : r;
	}
	judgement->has_threshold = true;
	return 0;
}

/* The host as a whole gets its full model at once, others as memory allows. */
static void promote_host(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	const struct tacit_model_kind *kind = learner->params.kind;

	if (scope->windows == 0 && strcmp(scope->name, TACIT_SCOPE_HOST) == 0 &&
	    kind->promoted_bytes(tacit_feature_space()) <= learner->params.memory_bytes)
		(void)kind->promote(scope->model); /* out of memory: small is good too */
}

int tacit_learner_judge(struct tacit_learner *learner, const struct tacit_window *window,
			double risk, struct tacit_judgement *ret)
{
	struct tacit_judgement judgement = { 0 };
	struct tacit_learner_scope *scope;
	int r = tacit_learner_scope_get(learner, window, &scope);

	if (r < 0)
		return r;
	tacit_learner_catch_up(learner, scope);
	scope->idle.known = false;
	promote_host(learner, scope);
	r = score(learner, scope, window, risk, &judgement);
	if (r < 0)
		return r;
	if (learner->fleet && tacit_fleet_class_of(learner->fleet, scope->class) >= 0)
		judgement.model_version = tacit_fleet_head(learner->fleet)->version;
	tacit_learner_note_window(learner, scope, window, &judgement);
	*ret = judgement;
	return 0;
}

/* Keeps a sample of what is learned from. */
void tacit_learner_sample(struct tacit_learner *learner, struct tacit_learner_scope *scope,
			  const struct tacit_window *window)
{
	int r = 0;

	if (!learner->params.store)
		return;
	if (scope->id == 0)
		r = tacit_learner_scope_enter(learner, scope);
	if (r == 0)
		r = tacit_store_sample(
			learner->params.store, scope->id,
			scope->promoted ? TACIT_STORE_SAMPLE_MAX : TACIT_STORE_SAMPLE_FEW,
			scope->windows < SAMPLE_HORIZON ? scope->windows : SAMPLE_HORIZON, window);
	if (r < 0)
		tacit_learner_complain(learner, "cannot keep windows of", scope->name, r);
}

int tacit_learner_learn(struct tacit_learner *learner, const struct tacit_window *window,
			const struct tacit_judgement *judgement)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, window->scope);
	double x[TACIT_FEATURE_COUNT];
	struct tacit_sample input = tacit_window_sample(window, x);
	int r;

	if (!scope)
		return -ENOENT;
	r = learner->params.kind->learn(scope->model, &input, 1);
	if (r < 0)
		return r;
	if (judgement->scored && judgement->score.evidence >= EVIDENCE_TYPICAL)
		for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
			tacit_threshold_learn(scope->threshold[i], judgement->score.value[i]);
	tacit_learner_sample(learner, scope, window);
	scope->windows++;
	scope->unsaved++;
	return tacit_reference_renew(&scope->reference, scope->model, tacit_feature_space(),
				     scope->windows);
}

void tacit_learner_note_alarm(struct tacit_learner *learner, const char *name)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, name);

	if (scope)
		scope->minute.alarms++;
}

void tacit_learner_concede(struct tacit_learner *learner, const char *name,
			   const struct tacit_judgement *judgement)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, name);

	for (size_t i = 0; scope && i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_learn(scope->threshold[i],
				      fmin(judgement->score.value[i],
					   TACIT_THRESHOLD_CONCEDE * judgement->threshold[i]));
}

void tacit_learner_release(struct tacit_learner *learner, const char *name)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, name);

	if (!scope)
		return;
	tacit_reference_release(&scope->reference, scope->windows);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_release(scope->threshold[i]);
}

int tacit_learner_set_fleet(struct tacit_learner *learner, struct tacit_fleet *fleet, double kappa)
{
	struct tacit_learner_scope *scope;
	int r = 0;

	if (fleet && tacit_fleet_kind(fleet) != learner->params.kind) {
		tacit_fleet_free(fleet);
		return -EINVAL;
	}
	tacit_fleet_free(learner->fleet);
	learner->fleet = fleet;
	learner->kappa = kappa;
	TAILQ_FOREACH (scope, &learner->ages, by_age) {
		int err;

		tacit_learner_catch_up(learner, scope);
		scope->idle.known = false; /* what the fleet says may make it odd */
		err = tacit_learner_scope_lean(learner, scope);

		r = err < 0 ? err : r;
	}
	return r;
}

const struct tacit_fleet *tacit_learner_fleet(const struct tacit_learner *learner)
{
	return learner->fleet;
}

int tacit_learner_contribute(struct tacit_learner *learner, const struct tacit_fleet *fleet,
			     double *out)
{
	TACIT_AUTO_FREE struct tacit_fleet_scope *scopes = NULL;
	bool speaks[TACIT_FLEET_CLASSES_MAX] = { false };
	struct tacit_learner_scope *scope;
	int classes = 0, r;
	size_t n = 0;

	if (tacit_fleet_kind(fleet) != learner->params.kind)
		return -EINVAL;
	scopes = TACIT_NEW_N(struct tacit_fleet_scope, learner->n + 1);
	if (!scopes)
		return -ENOMEM;
	TAILQ_FOREACH (scope, &learner->ages, by_age) {
		struct tacit_model_info info;
		int at = tacit_fleet_class_of(fleet, scope->class);

		tacit_learner_catch_up(learner, scope);
		learner->params.kind->info(scope->model, &info);
		if (at < 0 || info.windows < TACIT_LEARNER_CONTRIBUTE_MIN)
			continue;
		scopes[n++] = (struct tacit_fleet_scope){ .model = scope->model,
							  .threshold = scope->threshold,
							  .class_of = at };
		classes += !speaks[at];
		speaks[at] = true;
	}
	r = tacit_fleet_contribute(fleet, scopes, n, out);
	return r < 0 ? r : classes;
}

static bool is_due(const struct tacit_learner_scope *scope, bool all)
{
	if (all)
		return scope->unsaved > 0;
	return scope->unsaved >= SAVE_WINDOWS ||
	       (scope->unsaved > 0 && scope->unsaved * SAVE_SHARE >= scope->windows);
}

static int save_all(struct tacit_learner *learner, bool all)
{
	struct tacit_learner_scope *scope;
	int r = 0;

	TAILQ_FOREACH (scope, &learner->ages, by_age) {
		if (is_due(scope, all))
			r = tacit_learner_scope_save(learner, scope);
		if (r == 0)
			r = tacit_learner_scope_save_minutes(learner, scope, all);
		if (r < 0)
			return r;
	}
	return tacit_store_set_int(learner->params.store, "windows", (int64_t)learner->judged);
}

static int save_in_one(struct tacit_learner *learner, bool all)
{
	struct tacit_db *db = tacit_store_db(learner->params.store);
	struct tacit_learner_scope *scope;
	int r = tacit_db_begin(db);

	if (r < 0)
		return r;
	r = save_all(learner, all);
	if (r == 0)
		r = tacit_db_commit(db);
	if (r < 0)
		tacit_db_rollback(db);
	TAILQ_FOREACH (scope, &learner->ages, by_age)
		tacit_learner_scope_settle(scope, r == 0);
	return r;
}

/* What a scope takes besides its model. */
static size_t scope_bytes(void)
{
	return sizeof(struct tacit_learner_scope) +
	       TACIT_STATISTIC_COUNT * tacit_threshold_size_bytes();
}

static struct tacit_learner_scope *busiest(struct tacit_learner *learner, size_t *used)
{
	const struct tacit_model_kind *kind = learner->params.kind;
	struct tacit_learner_scope *scope, *best = NULL;
	struct tacit_model_info info;

	*used = 0;
	TAILQ_FOREACH (scope, &learner->ages, by_age) {
		kind->info(scope->model, &info);
		*used += kind->size_bytes(scope->model) + scope_bytes();
		if (scope->reference.model)
			*used += kind->size_bytes(scope->reference.model);
		if (!info.promoted && info.windows >= PROMOTE_WINDOWS &&
		    (!best || scope->activity > best->activity))
			best = scope;
	}
	return best;
}

static void promote_busy(struct tacit_learner *learner)
{
	size_t more = learner->params.kind->promoted_bytes(tacit_feature_space()), used;
	struct tacit_learner_scope *scope;

	while ((scope = busiest(learner, &used)) && used + more <= learner->params.memory_bytes)
		if (learner->params.kind->promote(scope->model) < 0)
			return; /* out of memory: small is good too */
}

static void age(struct tacit_learner *learner)
{
	struct tacit_learner_scope *scope, *next;

	for (scope = TAILQ_FIRST(&learner->ages); scope; scope = next) {
		next = TAILQ_NEXT(scope, by_age);
		scope->activity /= 2;
		if (++scope->unheard > IDLE_FLUSHES)
			tacit_learner_scope_evict(learner, scope);
	}
}

int tacit_learner_flush(struct tacit_learner *learner, bool all)
{
	struct tacit_learner_scope *scope;

	TAILQ_FOREACH (scope, &learner->ages, by_age)
		tacit_learner_catch_up(learner, scope);
	promote_busy(learner);
	tacit_learner_refine(learner, all ? 0 : 1);
	age(learner);
	return learner->params.store ? save_in_one(learner, all) : 0;
}

uint32_t tacit_learner_scopes(const struct tacit_learner *learner)
{
	return learner->n > 0 ? learner->n : 1;
}

/* A release that is worth less than a window says nothing. */
static const char *fleet_says(const struct tacit_learner *learner,
			      const struct tacit_learner_scope *scope, double prior)
{
	int at = learner->fleet ? tacit_fleet_class_of(learner->fleet, scope->class) : -ENOENT;

	if (at < 0 || tacit_fleet_head(learner->fleet)->version == 0)
		return NULL;
	return prior < 1 && learner->kappa > 0 ? "too few hosts" : "known";
}

void tacit_learner_each(const struct tacit_learner *learner, tacit_learner_info_fn *fn, void *ctx)
{
	const struct tacit_model_kind *kind = learner->params.kind;
	const struct tacit_learner_scope *scope;

	TAILQ_FOREACH (scope, &learner->ages, by_age) {
		struct tacit_learner_info info = {
			.scope = scope->name,
			.class = scope->class,
			.scores = tacit_threshold_count(scope->threshold[0]),
			.bytes = kind->size_bytes(scope->model),
		};

		kind->info(scope->model, &info.model);
		info.fleet = fleet_says(learner, scope, info.model.prior);
		fn(ctx, &info);
	}
}

struct tacit_model *tacit_learner_model(struct tacit_learner *learner, const char *name)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, name);

	if (scope)
		tacit_learner_catch_up(learner, scope);
	return scope ? scope->model : NULL;
}
