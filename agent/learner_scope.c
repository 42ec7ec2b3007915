/* SPDX-License-Identifier: MIT */
/* Scopes in memory: the recent ones, loaded from the store and saved to it. */
#include "learner_private.h"

#include <stdio.h>
#include <string.h>

#include <tacit/bytes.h>

/* Every version has had thresholds of so many statistics; later ones may be missing. */
#define STATISTICS_OLD 2U

static struct tacit_learner_bucket *bucket_of(struct tacit_learner *learner, const char *name)
{
	return &learner->bucket[tacit_hash(name, strlen(name)) & (TACIT_LEARNER_BUCKETS - 1)];
}

struct tacit_learner_scope *tacit_learner_scope_find(struct tacit_learner *learner,
						     const char *name)
{
	struct tacit_learner_scope *scope;

	LIST_FOREACH (scope, bucket_of(learner, name), by_name)
		if (strcmp(scope->name, name) == 0)
			return scope;
	return NULL;
}

void tacit_learner_complain(struct tacit_learner *learner, const char *what, const char *scope,
			    int err)
{
	if (tacit_log_allowed(&learner->complaint))
		tacit_warning("%s %s: %s, ignoring", what, scope, tacit_strerror(err));
}

static void scope_free(struct tacit_learner_scope *scope)
{
	if (!scope)
		return;
	tacit_model_free(scope->model);
	tacit_reference_done(&scope->reference);
	tacit_rhythm_free(scope->rhythm);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_free(scope->threshold[i]);
	tacit_free(scope);
}
TACIT_DEFINE_CLEANUP(struct tacit_learner_scope, scope_free)

void tacit_learner_scope_drop(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	TAILQ_REMOVE(&learner->ages, scope, by_age);
	LIST_REMOVE(scope, by_name);
	learner->n--;
	scope_free(scope);
}

int tacit_learner_scope_lean(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	int at = learner->fleet ? tacit_fleet_class_of(learner->fleet, scope->class) : -ENOENT;
	const float *block = at < 0 ? NULL : tacit_fleet_block(learner->fleet, (size_t)at);
	const struct tacit_score_ladder *ladder =
		at < 0 || learner->kappa <= 0 ? NULL
					      : tacit_fleet_ladders(learner->fleet, (size_t)at);

	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_set_prior(scope->threshold[i], ladder ? &ladder[i] : NULL);
	return learner->params.kind->set_prior(scope->model, block, learner->kappa);
}

struct loading {
	struct tacit_learner *learner;
	struct tacit_learner_scope *scope;
	int err;
};

static int load_model(struct loading *loading, const struct tacit_store_scope *row)
{
	struct tacit_reader reader = tacit_reader_init(row->model, row->model_len);
	struct tacit_model *model = NULL;
	int r = loading->learner->params.kind->load(tacit_feature_space(), &reader, &model);

	if (r == 0 && !tacit_read_done(&reader)) {
		tacit_model_free(model);
		return TACIT_EDAMAGED;
	}
	if (r == 0)
		loading->scope->model = model;
	return r;
}

static int load_thresholds(struct tacit_learner_scope *scope, const struct tacit_store_scope *row)
{
	struct tacit_reader reader = tacit_reader_init(row->threshold, row->threshold_len);
	int r = 0;

	for (size_t i = 0; r == 0 && i < TACIT_STATISTIC_COUNT; i++) {
		if (i >= STATISTICS_OLD && tacit_read_done(&reader))
			break; /* saved before there was such a statistic */
		r = tacit_threshold_load((enum tacit_statistic)i, &reader, &scope->threshold[i]);
	}
	if (r == 0 && !tacit_read_done(&reader)) /* not in older stores, nor without alarms */
		r = tacit_rhythm_load(&reader, &scope->rhythm);
	return r == 0 && !tacit_read_done(&reader) ? TACIT_EDAMAGED : r;
}

/* A model of an older table of features is no damage: it is begun anew. */
static void on_stored(void *ctx, const struct tacit_store_scope *row)
{
	struct loading *loading = (struct loading *)ctx;
	struct tacit_learner_scope *scope = loading->scope;

	scope->id = row->id;
	scope->windows = row->windows;
	scope->last_ms = row->last_ms;
	if (!row->model || strcmp(row->kind, loading->learner->params.kind->name) != 0)
		return;
	loading->err = load_model(loading, row);
	if (loading->err == 0)
		loading->err = load_thresholds(scope, row);
	if (loading->err == TACIT_ESCHEMA)
		loading->err = 0;
}

static void forget(struct tacit_learner_scope *scope)
{
	tacit_model_free(TACIT_TAKE(scope->model));
	tacit_reference_done(&scope->reference);
	tacit_rhythm_free(TACIT_TAKE(scope->rhythm));
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_free(TACIT_TAKE(scope->threshold[i]));
}

static int load(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	struct loading loading = { .learner = learner, .scope = scope };
	int r;

	if (!learner->params.store)
		return 0;
	r = tacit_store_get_scope(learner->params.store, scope->name, on_stored, &loading);
	if (r == 0 && loading.err < 0) {
		r = loading.err;
		if (r != -ENOMEM)
			tacit_store_note_skipped(learner->params.store);
	}
	if (r == -ENOMEM)
		return r;
	if (r < 0 && r != -ENOENT) {
		tacit_learner_complain(learner, "beginning anew, what was learned cannot be read:",
				       scope->name, r);
		forget(scope);
	}
	return 0;
}

/* What the store did not have. */
static int complete(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	int r = 0;

	if (!scope->model || !scope->threshold[0] || !scope->threshold[1])
		forget(scope);
	if (!scope->model)
		r = learner->params.kind->new (tacit_feature_space(), &scope->model);
	for (size_t i = 0; r == 0 && i < TACIT_STATISTIC_COUNT; i++)
		if (!scope->threshold[i])
			r = tacit_threshold_new((enum tacit_statistic)i, &scope->threshold[i]);
	return r < 0 ? r : tacit_learner_scope_lean(learner, scope);
}

void tacit_learner_scope_evict(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	int r = tacit_learner_scope_save(learner, scope);

	if (r == 0)
		r = tacit_learner_scope_save_minutes(learner, scope, true);
	if (r < 0)
		tacit_learner_complain(learner, "cannot save what was learned of", scope->name, r);
	tacit_learner_scope_drop(learner, scope);
}

static int begin(struct tacit_learner *learner, const struct tacit_window *window,
		 struct tacit_learner_scope **ret)
{
	TACIT_CLEANUP(scope_free_p)
	struct tacit_learner_scope *scope = TACIT_NEW(struct tacit_learner_scope);
	int r;

	if (!scope)
		return -ENOMEM;
	(void)snprintf(scope->name, sizeof(scope->name), "%s", window->scope);
	(void)snprintf(scope->class, sizeof(scope->class), "%s", window->class);
	r = load(learner, scope);
	if (r == 0)
		r = complete(learner, scope);
	if (r < 0)
		return r;
	if (learner->n >= learner->params.scopes_max)
		tacit_learner_scope_evict(learner, TAILQ_LAST(&learner->ages, tacit_learner_ages));
	TAILQ_INSERT_HEAD(&learner->ages, scope, by_age);
	LIST_INSERT_HEAD(bucket_of(learner, scope->name), scope, by_name);
	learner->n++;
	*ret = TACIT_TAKE(scope);
	return 0;
}

int tacit_learner_scope_get(struct tacit_learner *learner, const struct tacit_window *window,
			    struct tacit_learner_scope **ret)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, window->scope);

	if (!scope)
		return begin(learner, window, ret);
	TAILQ_REMOVE(&learner->ages, scope, by_age);
	TAILQ_INSERT_HEAD(&learner->ages, scope, by_age);
	*ret = scope;
	if (strcmp(scope->class, window->class) == 0)
		return 0;
	(void)snprintf(scope->class, sizeof(scope->class), "%s", window->class);
	return tacit_learner_scope_lean(learner, scope);
}

static void describe(const struct tacit_learner_scope *scope, struct tacit_store_scope *row)
{
	*row = (struct tacit_store_scope){
		.windows = scope->windows,
		.last_ms = scope->last_ms,
	};
	(void)memcpy(row->name, scope->name, sizeof(row->name));
	(void)memcpy(row->class, scope->class, sizeof(row->class));
}

int tacit_learner_scope_enter(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	struct tacit_store_scope row;
	int r;

	describe(scope, &row);
	r = tacit_store_put_scope(learner->params.store, &row);
	if (r == 0)
		scope->id = row.id;
	return r;
}

int tacit_learner_scope_save(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer model = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer threshold = { 0 };
	struct tacit_store_scope row;
	int r;

	if (!learner->params.store)
		return 0;
	tacit_learner_catch_up(learner, scope);
	learner->params.kind->save(scope->model, &model);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_save(scope->threshold[i], &threshold);
	if (scope->rhythm)
		tacit_rhythm_save(scope->rhythm, &threshold);
	if (model.failed || threshold.failed)
		return -ENOMEM;

	describe(scope, &row);
	(void)snprintf(row.kind, sizeof(row.kind), "%s", learner->params.kind->name);
	row.model = model.data;
	row.model_len = model.len;
	row.threshold = threshold.data;
	row.threshold_len = threshold.len;
	r = tacit_store_put_scope(learner->params.store, &row);
	if (r < 0)
		return r;
	scope->saved_id = row.id;
	scope->saved = true;
	return 0;
}

static int save_minute(struct tacit_store *store, int64_t id, struct tacit_store_minute *minute)
{
	if (minute->windows == 0)
		return 0;
	minute->scope = id;
	return tacit_store_put_minute(store, minute);
}

int tacit_learner_scope_save_minutes(struct tacit_learner *learner,
				     struct tacit_learner_scope *scope, bool all)
{
	struct tacit_store *store = learner->params.store;
	int64_t id = scope->saved ? scope->saved_id : scope->id;
	int r;

	if (!store || id == 0)
		return 0;
	r = save_minute(store, id, &scope->done);
	if (r == 0 && all)
		r = save_minute(store, id, &scope->minute);
	scope->saved_minute = all;
	return r;
}

void tacit_learner_scope_settle(struct tacit_learner_scope *scope, bool committed)
{
	if (committed) {
		scope->done = (struct tacit_store_minute){ 0 };
		if (scope->saved_minute)
			scope->minute = (struct tacit_store_minute){ 0 };
		if (scope->saved) {
			scope->id = scope->saved_id;
			scope->unsaved = 0;
		}
	}
	scope->saved = false;
	scope->saved_minute = false;
}
