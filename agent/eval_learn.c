/* SPDX-License-Identifier: MIT */
/* How a host's model comes to be: from its own rows, from other hosts', or from both. */
#include "eval_private.h"

#include <math.h>
#include <string.h>

#define REFINE_MAX	2048U /* windows that refine() is given, as the agent keeps them */
#define SCORES_ROOM_MIN 256U
#define ROUNDING	1e-6 /* a third of 1800 is 600, whatever doubles make of it */

void tacit_eval_scores_done(struct eval_scores *scores)
{
	tacit_free(scores->value);
}

static int add_score(struct eval_scores *scores, const double *value)
{
	if (scores->n == scores->room) {
		size_t room = scores->room > 0 ? 2 * scores->room : SCORES_ROOM_MIN;
		double(*more)[TACIT_STATISTIC_COUNT];

		more = (double(*)[TACIT_STATISTIC_COUNT])tacit_realloc(scores->value, room,
								       sizeof(*more));
		if (!more)
			return -ENOMEM;
		scores->value = more;
		scores->room = room;
	}
	memcpy(scores->value[scores->n++], value, sizeof(*scores->value));
	return 0;
}

static uint64_t mix(uint64_t x) /* splitmix64 */
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static bool lacks(const struct eval_run *run, size_t host, size_t group)
{
	uint64_t hash = mix(mix(run->params->seed) ^ mix(host * TACIT_SPACE_GROUPS_MAX + group));

	return (double)(hash >> 11) * 0x1p-53 < run->params->missing;
}

struct tacit_sample tacit_eval_sample(const struct eval_run *run, size_t host, size_t row,
				      double *x, uint8_t *observed)
{
	const float *value = tacit_dataset_values(run->dataset, row);

	for (size_t g = 0; g < run->space.groups; g++)
		observed[g] = !lacks(run, host, g);
	for (size_t j = 0; j < run->space.dims; j++)
		x[j] = observed[run->group_of[j]] ? (double)value[j] : 0;
	return (struct tacit_sample){ .x = x, .observed = observed };
}

/* Appends what @model makes of @sample. */
static int score_sample(const struct eval_run *run, struct tacit_model *model,
			const struct tacit_sample *sample, struct eval_scores *ret)
{
	struct tacit_score score = { 0 };
	int r = run->params->kind->score(model, sample, &score);

	if (r == -EAGAIN)
		for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
			score.value[i] = NAN;
	else if (r < 0)
		return r;
	if (ret->n == 0)
		ret->evidence = score.evidence;
	return add_score(ret, score.value);
}

int tacit_eval_score(const struct eval_run *run, struct tacit_model *model, size_t host,
		     size_t first, size_t n, struct eval_scores *ret)
{
	uint8_t observed[TACIT_SPACE_GROUPS_MAX];
	double x[TACIT_SPACE_DIMS_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct tacit_sample sample = tacit_eval_sample(run, host, first + i, x, observed);

		r = score_sample(run, model, &sample, ret);
	}
	return r;
}

/* @before: gets each row's score from before it was learned; NULL: nobody wants it. */
static int learn_rows(const struct eval_run *run, struct tacit_model *model, size_t host, size_t n,
		      struct eval_scores *before)
{
	size_t first = tacit_dataset_host(run->dataset, host)->first;
	uint8_t observed[TACIT_SPACE_GROUPS_MAX];
	double x[TACIT_SPACE_DIMS_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct tacit_sample sample = tacit_eval_sample(run, host, first + i, x, observed);

		if (before)
			r = score_sample(run, model, &sample, before);
		if (r == 0)
			r = run->params->kind->learn(model, &sample, 1);
	}
	return r;
}

struct eval_parts tacit_eval_parts(const struct eval_run *run, size_t host)
{
	size_t n = tacit_dataset_host(run->dataset, host)->train;
	size_t most = run->params->own_windows, calibrate;

	if (run->params->learn == TACIT_EVAL_LOCAL && most > 0 && most < n)
		n = most;
	calibrate = (size_t)((double)n * run->params->calibrate + ROUNDING);
	return (struct eval_parts){ n - calibrate, calibrate };
}

int tacit_eval_refine(const struct eval_run *run, struct tacit_model *model, size_t host, size_t n)
{
	size_t wanted = n < REFINE_MAX ? n : REFINE_MAX, dims = run->space.dims, chosen = 0;
	size_t first = tacit_dataset_host(run->dataset, host)->first;
	TACIT_AUTO_FREE struct tacit_sample *sample = NULL;
	uint8_t observed[TACIT_SPACE_GROUPS_MAX];
	TACIT_AUTO_FREE double *x = NULL;
	int r;

	if (!run->params->kind->refine || n == 0)
		return 0;
	sample = TACIT_NEW_N(struct tacit_sample, wanted);
	x = (double *)tacit_calloc(wanted, dims * sizeof(*x));
	if (!sample || !x)
		return -ENOMEM;
	for (size_t i = 0; i < n && chosen < wanted; i++) {
		if (tacit_random_below(run->random, n - i) >= wanted - chosen)
			continue;
		sample[chosen] =
			tacit_eval_sample(run, host, first + i, x + chosen * dims, observed);
		chosen++;
	}
	r = run->params->kind->refine(model, sample, chosen);
	return r == -EAGAIN ? 0 : r;
}

int tacit_eval_make_model(const struct eval_run *run, struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	int r = run->params->kind->new (&run->space, &model);

	if (r == 0)
		r = run->params->kind->promote(model);
	if (r == 0)
		*ret = TACIT_TAKE(model);
	return r;
}

int tacit_eval_learn_all(struct eval_run *run)
{
	size_t hosts = tacit_dataset_hosts(run->dataset);
	int r = 0;

	run->model = TACIT_NEW_N(struct tacit_model *, hosts);
	if (!run->model)
		return -ENOMEM;
	for (size_t h = 0; r == 0 && h < hosts; h++) {
		size_t fit = tacit_eval_parts(run, h).fit;

		r = tacit_eval_make_model(run, &run->model[h]);
		if (r == 0)
			r = learn_rows(run, run->model[h], h, fit, NULL);
		if (r == 0)
			r = tacit_eval_refine(run, run->model[h], h, fit);
	}
	return r;
}

bool tacit_eval_is_sibling(const struct eval_run *run, size_t host, size_t other)
{
	const char *class = tacit_dataset_host(run->dataset, host)->class;

	return other != host &&
	       (run->params->learn == TACIT_EVAL_FLEET ||
		strcmp(tacit_dataset_host(run->dataset, other)->class, class) == 0);
}

/* A model that leans on @fleet, if hosts have made it, and has learned the host's first @own rows.
 */
static int begin(const struct eval_run *run, const struct tacit_fleet *fleet, size_t host,
		 size_t own, struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	int r = tacit_eval_make_model(run, &model);

	if (r == 0 && tacit_fleet_head(fleet)->version > 0)
		r = run->params->kind->set_prior(model, tacit_fleet_block(fleet, 0),
						 run->params->kappa);
	if (r == 0)
		r = learn_rows(run, model, host, own, NULL);
	if (r == 0)
		r = tacit_eval_refine(run, model, host, own);
	if (r == 0)
		*ret = TACIT_TAKE(model);
	return r;
}

static size_t own_rows(const struct eval_run *run, size_t host)
{
	size_t n = tacit_dataset_host(run->dataset, host)->train;

	if (run->params->learn != TACIT_EVAL_BLEND)
		return 0;
	return run->params->own_windows < n ? run->params->own_windows : n;
}

/* The scores that a host without a past takes its thresholds from: those its siblings have, each
 * beginning as it does, on rows that they have not learned from. */
static int score_siblings(const struct eval_run *run, const struct tacit_fleet *fleet, size_t host,
			  struct eval_scores *ret)
{
	int r = 0;

	for (size_t h = 0; r == 0 && h < tacit_dataset_hosts(run->dataset); h++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
		struct eval_parts parts = tacit_eval_parts(run, h);
		size_t first = tacit_dataset_host(run->dataset, h)->first;

		if (!tacit_eval_is_sibling(run, host, h))
			continue;
		r = begin(run, fleet, h, own_rows(run, h), &model);
		if (r < 0)
			return r;
		r = parts.calibrate > 0 ? tacit_eval_score(run, model, h, first + parts.fit,
							   parts.calibrate, ret)
					: tacit_eval_score(run, model, h, first, parts.fit, ret);
	}
	return r;
}

static int learn_from_siblings(struct eval_run *run, size_t host, struct tacit_model **model,
			       struct eval_scores *calibration, struct tacit_eval_host *ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	int r = tacit_eval_release(run, host, &fleet, &ret->siblings);

	ret->fitted = own_rows(run, host);
	if (r == 0)
		r = score_siblings(run, fleet, host, calibration);
	if (r == 0)
		r = begin(run, fleet, host, ret->fitted, model);
	return r;
}

static int learn_alone(struct eval_run *run, size_t host, struct tacit_model **model,
		       struct eval_scores *calibration, struct tacit_eval_host *ret)
{
	size_t first = tacit_dataset_host(run->dataset, host)->first;
	struct eval_parts parts = tacit_eval_parts(run, host);
	int r = tacit_eval_make_model(run, model);

	ret->fitted = parts.fit;
	if (r == 0)
		r = learn_rows(run, *model, host, parts.fit,
			       parts.calibrate > 0 ? NULL : calibration);
	if (r == 0)
		r = tacit_eval_refine(run, *model, host, parts.fit);
	if (r == 0)
		r = tacit_eval_score(run, *model, host, first + parts.fit, parts.calibrate,
				     calibration);
	return r;
}

int tacit_eval_learn(struct eval_run *run, size_t host, struct tacit_model **model,
		     struct eval_scores *calibration, struct tacit_eval_host *ret)
{
	return run->params->learn == TACIT_EVAL_LOCAL
		       ? learn_alone(run, host, model, calibration, ret)
		       : learn_from_siblings(run, host, model, calibration, ret);
}
