/* SPDX-License-Identifier: MIT */
/* When a scope's model is fitted anew to many windows at once: those of its sample in the store. */
#include "learner_private.h"

#include <string.h>

#include <tacit/feature.h>

/* A bit more than an hour of one-second windows: with fewer the covariance that a model has of as
 * many dimensions is too much these windows' own, and what was held out looks too usual. */
#define REFINE_WINDOWS 4096U
#define REFINE_EVERY   86400U /* windows: a day of one-second ones */
#define RETRY_SHARE    8U     /* after one more window in so many */

/* A scope's sample, as models want it. */
struct gathered {
	size_t n;
	double *x;
	uint8_t *observed;
	struct tacit_sample *sample;
};

static void gathered_done(struct gathered *gathered)
{
	tacit_free(gathered->x);
	tacit_free(gathered->observed);
	tacit_free(gathered->sample);
}

static int gathered_init(struct gathered *gathered)
{
	*gathered = (struct gathered){
		.x = TACIT_NEW_N(double, (size_t)TACIT_STORE_SAMPLE_MAX *TACIT_FEATURE_COUNT),
		.observed =
			TACIT_NEW_N(uint8_t, (size_t)TACIT_STORE_SAMPLE_MAX * TACIT_PROBE_COUNT),
		.sample = TACIT_NEW_N(struct tacit_sample, TACIT_STORE_SAMPLE_MAX),
	};
	return gathered->x && gathered->observed && gathered->sample ? 0 : -ENOMEM;
}

static void on_sample(void *ctx, const struct tacit_window *window)
{
	struct gathered *gathered = (struct gathered *)ctx;
	uint8_t *observed = gathered->observed + gathered->n * TACIT_PROBE_COUNT;
	double *x = gathered->x + gathered->n * TACIT_FEATURE_COUNT;

	if (gathered->n == TACIT_STORE_SAMPLE_MAX)
		return;
	gathered->sample[gathered->n] = tacit_window_sample(window, x);
	memcpy(observed, window->observed, TACIT_PROBE_COUNT);
	gathered->sample[gathered->n++].observed = observed;
}

static bool is_due(const struct tacit_learner_scope *scope, const struct tacit_model_info *info)
{
	uint64_t step = info->refined < REFINE_EVERY ? info->refined : REFINE_EVERY;

	return info->promoted && info->windows >= REFINE_WINDOWS &&
	       info->windows >= scope->refine_after && info->windows >= info->refined + step;
}

/* What windows that had no part in the fit score is what new ones will. */
static void learn_distances(const struct tacit_model_kind *kind, struct tacit_model *model,
			    const struct gathered *gathered, struct tacit_threshold *threshold)
{
	for (size_t i = TACIT_MODEL_HELD_OUT - 1; i < gathered->n; i += TACIT_MODEL_HELD_OUT) {
		struct tacit_score score;

		if (kind->score(model, &gathered->sample[i], &score) == 0)
			tacit_threshold_learn(threshold, score.value[TACIT_STATISTIC_DISTANCE]);
	}
}

/* Distances of another scale need a threshold of that scale: with the old one the scope would
 * alarm all the time, or never. */
static int refine_model(const struct tacit_model_kind *kind, struct tacit_learner_scope *scope,
			const struct gathered *gathered)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *fresh = NULL;
	struct tacit_threshold **threshold = &scope->threshold[TACIT_STATISTIC_DISTANCE];
	struct tacit_model_info before, after;
	int r = tacit_threshold_new(TACIT_STATISTIC_DISTANCE, &fresh);

	kind->info(scope->model, &before);
	if (r == 0)
		r = kind->refine(scope->model, gathered->sample, gathered->n);
	if (r < 0)
		return r;
	kind->info(scope->model, &after);
	scope->idle.known = false;
	if (before.components <= 1 && after.components <= 1)
		return 0;
	learn_distances(kind, scope->model, gathered, fresh);
	tacit_threshold_free(*threshold);
	*threshold = TACIT_TAKE(fresh);
	tacit_info("%s: %u ways of being normal, of %zu windows", scope->name, after.components,
		   gathered->n);
	return 0;
}

static int refine_scope(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	TACIT_CLEANUP(gathered_done) struct gathered gathered = { 0 };
	int r = gathered_init(&gathered);

	if (r < 0)
		return r;
	r = tacit_store_each_sample(learner->params.store, scope->name, on_sample, &gathered);
	return r < 0 ? r : refine_model(learner->params.kind, scope, &gathered);
}

void tacit_learner_refine(struct tacit_learner *learner, unsigned max)
{
	const struct tacit_model_kind *kind = learner->params.kind;
	struct tacit_learner_scope *scope;

	TAILQ_FOREACH (scope, &learner->ages, by_age) {
		struct tacit_model_info info;
		int r;

		kind->info(scope->model, &info);
		scope->promoted = info.promoted;
		if (max == 0 || !kind->refine || !learner->params.store || !is_due(scope, &info))
			continue;
		max--;
		scope->refine_after = info.windows + info.windows / RETRY_SHARE;
		r = refine_scope(learner, scope);
		if (r < 0 && r != -EAGAIN)
			tacit_learner_complain(learner, "cannot refine the model of", scope->name,
					       r);
	}
}
