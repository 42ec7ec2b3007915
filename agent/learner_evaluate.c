/* SPDX-License-Identifier: MIT */
#include "learner_evaluate.h"

#include <math.h>
#include <stdlib.h>

#include <tacit/feature.h>

#include "learner_private.h"

#define SCORE_QUANTILE 0.9
#define NO_DIFFERENCE  0.01 /* nats a number */

/* Who is compared. */
enum rival {
	FLEET, /* the block alone */
	OWN,
	BOTH,
	RIVALS,
};

/* An evaluation under way. */
struct inquiry {
	struct tacit_learner *learner;
	const struct tacit_fleet *fleet;
	double kappa, risk;
	struct tacit_window *window; /* TACIT_STORE_SAMPLE_MAX */
	size_t n;
	double *ratio; /* scores as shares of their thresholds, of all scopes */
	size_t ratios;
	double gain; /* summed over scopes: of leaning on the block */
	int scopes;
	double excess; /* the block's loss beyond the scope's own, over those that it can judge */
	int judged;
};

static void inquiry_done(struct inquiry *inquiry)
{
	tacit_free(inquiry->window);
	tacit_free(inquiry->ratio);
}

static void on_window(void *ctx, const struct tacit_window *window)
{
	struct inquiry *inquiry = (struct inquiry *)ctx;

	if (inquiry->n < TACIT_STORE_SAMPLE_MAX)
		inquiry->window[inquiry->n++] = *window;
}

static int recall(struct inquiry *inquiry, const char *scope, tacit_learner_recall_fn *other,
		  void *ctx)
{
	struct tacit_store *store = inquiry->learner->params.store;
	int r;

	inquiry->n = 0;
	if (other) {
		r = other(ctx, scope, inquiry->window);
		inquiry->n = r > 0 ? (size_t)r : 0;
		return r < 0 ? r : 0;
	}
	r = store ? tacit_store_each_sample(store, scope, on_window, inquiry) : 0;
	return r < 0 ? r : 0;
}

/* The mean loss over the newer half. */
static int measure(const struct inquiry *inquiry, struct tacit_model *model, double *ret)
{
	const struct tacit_model_kind *kind = tacit_model_kind_of(model);
	double x[TACIT_FEATURE_COUNT], sum = 0;
	size_t first = inquiry->n / 2;

	for (size_t i = first; i < inquiry->n; i++) {
		struct tacit_sample sample = tacit_window_sample(&inquiry->window[i], x);
		double loss;
		int r = kind->loss(model, &sample, &loss);

		if (r < 0)
			return r;
		sum += loss;
	}
	*ret = sum / (double)(inquiry->n - first);
	return 0;
}

static int teach(const struct inquiry *inquiry, struct tacit_model *model)
{
	const struct tacit_model_kind *kind = tacit_model_kind_of(model);
	double x[TACIT_FEATURE_COUNT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < inquiry->n / 2; i++) {
		struct tacit_sample sample = tacit_window_sample(&inquiry->window[i], x);

		r = kind->learn(model, &sample, 1);
	}
	return r;
}

static int try(const struct inquiry *inquiry, const float *block, enum rival rival, double *ret)
{
	const struct tacit_model_kind *kind = inquiry->learner->params.kind;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	int r = kind->new (tacit_feature_space(), &model);

	if (r == 0 && rival != OWN)
		r = kind->set_prior(model, block, inquiry->kappa);
	if (r == 0 && rival != FLEET)
		r = teach(inquiry, model);
	return r < 0 ? r : measure(inquiry, model, ret);
}

/* A block that knows too little to judge alone may be of help all the same. */
static int compare(struct inquiry *inquiry, const float *block)
{
	double loss[RIVALS];
	int r = try(inquiry, block, OWN, &loss[OWN]);

	if (r == 0)
		r = try(inquiry, block, BOTH, &loss[BOTH]);
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	inquiry->gain += loss[OWN] - loss[BOTH];
	inquiry->scopes++;
	r = try(inquiry, block, FLEET, &loss[FLEET]);
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	inquiry->excess += loss[FLEET] - loss[OWN];
	inquiry->judged++;
	return 0;
}

/* The worse of the two statistics; below 0 without thresholds. */
static double ratio_of(const struct inquiry *inquiry, struct tacit_learner_scope *scope,
		       const struct tacit_window *window)
{
	double x[TACIT_FEATURE_COUNT], worst = -1;
	struct tacit_sample sample = tacit_window_sample(window, x);
	struct tacit_score score;

	if (inquiry->learner->params.kind->score(scope->model, &sample, &score) < 0)
		return -1;
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++) {
		double threshold;

		if (tacit_threshold_get(scope->threshold[i], inquiry->risk, &threshold) == 0 &&
		    threshold > 0)
			worst = fmax(worst, score.value[i] / threshold);
	}
	return worst;
}

static void gauge(struct inquiry *inquiry, struct tacit_learner_scope *scope)
{
	for (size_t i = 0; i < inquiry->n; i++) {
		double ratio = ratio_of(inquiry, scope, &inquiry->window[i]);

		if (ratio >= 0)
			inquiry->ratio[inquiry->ratios++] = ratio;
	}
}

static int ask_all(struct inquiry *inquiry, tacit_learner_recall_fn *other, void *ctx)
{
	struct tacit_learner_scope *scope;
	unsigned asked = 0;

	TAILQ_FOREACH (scope, &inquiry->learner->ages, by_age) {
		int at = tacit_fleet_class_of(inquiry->fleet, scope->class), r;

		if (at < 0)
			continue;
		if (asked++ == TACIT_LEARNER_EVALUATE_SCOPES)
			break;
		r = recall(inquiry, scope->name, other, ctx);
		if (r < 0)
			return r;
		if (inquiry->n < TACIT_LEARNER_EVALUATE_MIN)
			continue;
		tacit_learner_catch_up(inquiry->learner, scope);
		gauge(inquiry, scope);
		r = compare(inquiry, tacit_fleet_block(inquiry->fleet, (size_t)at));
		if (r < 0)
			return r;
	}
	return 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void conclude(struct inquiry *inquiry, struct tacit_evaluation *ret)
{
	double gain = inquiry->gain / inquiry->scopes;

	ret->has_score = inquiry->ratios > 0;
	if (ret->has_score) {
		qsort(inquiry->ratio, inquiry->ratios, sizeof(*inquiry->ratio), ascending);
		ret->score = inquiry->ratio[(size_t)(SCORE_QUANTILE * (double)inquiry->ratios)];
	}
	ret->has_help = true;
	ret->help = gain > NO_DIFFERENCE    ? TACIT_EVALUATION_BETTER
		    : gain < -NO_DIFFERENCE ? TACIT_EVALUATION_WORSE
					    : TACIT_EVALUATION_SAME;
	ret->has_loss = inquiry->judged > 0;
	if (ret->has_loss)
		ret->loss = fmax(inquiry->excess / inquiry->judged, 0);
}

int tacit_learner_evaluate(struct tacit_learner *learner, const struct tacit_fleet *fleet,
			   double kappa, double risk, tacit_learner_recall_fn *other, void *ctx,
			   struct tacit_evaluation *ret)
{
	TACIT_CLEANUP(inquiry_done)
	struct inquiry inquiry = {
		.learner = learner, .fleet = fleet, .kappa = kappa, .risk = risk
	};
	size_t most = (size_t)TACIT_LEARNER_EVALUATE_SCOPES * TACIT_STORE_SAMPLE_MAX;
	int r = 0;

	if (tacit_fleet_kind(fleet) != learner->params.kind)
		return -EINVAL;
	if (!learner->params.kind->loss)
		return 0;
	inquiry.window = TACIT_NEW_N(struct tacit_window, TACIT_STORE_SAMPLE_MAX);
	inquiry.ratio = TACIT_NEW_N(double, most);
	if (!inquiry.window || !inquiry.ratio)
		return -ENOMEM;
	if (!other && learner->params.store) /* those that wait to be written, too */
		r = tacit_store_flush(learner->params.store);
	if (r == 0)
		r = ask_all(&inquiry, other, ctx);
	if (r == 0 && inquiry.scopes > 0)
		conclude(&inquiry, ret);
	return r < 0 ? r : inquiry.scopes;
}
