/* SPDX-License-Identifier: MIT */
#include "eval_trace.h"

#include <math.h>
#include <stddef.h>

#include <tacit/mem.h>
#include <tacit/model.h>
#include <tacit/ngram.h>
#include <tacit/transition.h>

#define FOLDS	      TACIT_EVAL_TRACE_FOLDS
#define PARTS	      TACIT_EVAL_TRACE_COMBINED /* scores that models give */
#define SEQUENCES_MAX (1U << 20)
#define RANDOM_SEED   1U
#define NONE	      UINT32_MAX

static const char *const names[] = {
	[TACIT_EVAL_TRACE_DISTANCE] = "distance",  [TACIT_EVAL_TRACE_TRANSITIONS] = "transitions",
	[TACIT_EVAL_TRACE_SURPRISE] = "surprise",  [TACIT_EVAL_TRACE_HIGH] = "high surprise",
	[TACIT_EVAL_TRACE_PEAK] = "peak surprise", [TACIT_EVAL_TRACE_COMBINED] = "combined",
	[TACIT_EVAL_TRACE_RANDOM] = "random",
};

/* What the combined score looks at. */
static const enum tacit_eval_trace_score combined[] = {
	TACIT_EVAL_TRACE_TRANSITIONS,
	TACIT_EVAL_TRACE_SURPRISE,
};

const char *tacit_eval_trace_score_name(enum tacit_eval_trace_score score)
{
	return names[score];
}

/* The models, with what they are made for. */
struct models {
	const struct tacit_traces *traces;
	const struct tacit_model_kind *kind;
	struct tacit_space space; /* one dimension a symbol */
	struct tacit_model *mix;
	struct tacit_transition *transition;
	struct tacit_ngram *ngram;
};

static const uint16_t group_of[TACIT_SPACE_DIMS_MAX];
static const uint8_t observed[1] = { 1 };

static void models_done(struct models *models)
{
	tacit_model_free(models->mix);
	tacit_transition_free(models->transition);
	tacit_ngram_free(models->ngram);
}

/* One symbol for each call up to the largest in train, and one for all beyond. */
static size_t count_symbols(const struct tacit_traces *traces)
{
	size_t symbols = 2;

	for (size_t i = 0; i < tacit_traces_count(traces); i++) {
		const struct tacit_trace *trace = tacit_traces_at(traces, i);
		const uint16_t *call = tacit_traces_calls(traces, trace);

		for (size_t k = 0; !trace->test && k < trace->n; k++)
			if (call[k] + 2U > symbols)
				symbols = call[k] + 2U;
	}
	return symbols < TACIT_SPACE_DIMS_MAX ? symbols : TACIT_SPACE_DIMS_MAX;
}

static int models_init(struct models *models, const struct tacit_traces *traces, size_t symbols,
		       unsigned order)
{
	const struct tacit_ngram_params ngram = { .order = order,
						  .symbols = (uint32_t)symbols,
						  .sequences = SEQUENCES_MAX };
	int r;

	*models = (struct models){
		.traces = traces,
		.kind = tacit_model_kind_find("gaussian"),
		.space = { .dims = symbols, .groups = 1, .group_of = group_of },
	};
	r = models->kind->new (&models->space, &models->mix);
	if (r == 0)
		r = models->kind->promote(models->mix);
	if (r == 0)
		r = tacit_transition_new(&models->transition);
	if (r == 0)
		r = tacit_ngram_new(&ngram, &models->ngram);
	return r;
}

/* Square roots of each symbol's share: the distance is then one of distributions (Hellinger's). */
static void mix_of(const struct models *models, const struct tacit_trace *trace, double *x)
{
	const uint16_t *call = tacit_traces_calls(models->traces, trace);
	size_t dims = models->space.dims;

	for (size_t j = 0; j < dims; j++)
		x[j] = 0;
	for (size_t i = 0; i < trace->n; i++)
		x[call[i] < dims ? call[i] : dims - 1]++;
	for (size_t j = 0; j < dims; j++)
		x[j] = sqrt(x[j] / (double)trace->n);
}

static int learn(struct models *models, const struct tacit_trace *trace)
{
	const uint16_t *call = tacit_traces_calls(models->traces, trace);
	double x[TACIT_SPACE_DIMS_MAX];
	const struct tacit_sample sample = { .x = x, .observed = observed };
	int r;

	mix_of(models, trace, x);
	r = models->kind->learn(models->mix, &sample, 1);
	if (r == 0)
		r = tacit_ngram_learn(models->ngram, call, trace->n);
	tacit_transition_learn(models->transition, call, trace->n);
	return r;
}

static int judge(struct models *models, const struct tacit_trace *trace, double ret[PARTS])
{
	const uint16_t *call = tacit_traces_calls(models->traces, trace);
	double x[TACIT_SPACE_DIMS_MAX];
	const struct tacit_sample sample = { .x = x, .observed = observed };
	struct tacit_ngram_surprise surprise;
	struct tacit_score score;
	int r;

	mix_of(models, trace, x);
	r = models->kind->score(models->mix, &sample, &score);
	if (r == 0)
		r = tacit_transition_score(models->transition, call, trace->n,
					   &ret[TACIT_EVAL_TRACE_TRANSITIONS]);
	if (r < 0)
		return r;
	tacit_ngram_score(models->ngram, call, trace->n, NULL, &surprise);
	ret[TACIT_EVAL_TRACE_DISTANCE] = score.value[TACIT_STATISTIC_DISTANCE];
	ret[TACIT_EVAL_TRACE_SURPRISE] = surprise.mean;
	ret[TACIT_EVAL_TRACE_HIGH] = surprise.high;
	ret[TACIT_EVAL_TRACE_PEAK] = surprise.peak;
	return 0;
}

/* Scores of some traces, by score. */
struct scores {
	size_t n;
	double *of[TACIT_EVAL_TRACE_SCORES];
	int8_t *label;
};

static void scores_done(struct scores *scores)
{
	for (size_t s = 0; s < TACIT_EVAL_TRACE_SCORES; s++)
		tacit_free(scores->of[s]);
	tacit_free(scores->label);
}

static int scores_init(struct scores *scores, size_t room)
{
	*scores = (struct scores){ .label = TACIT_NEW_N(int8_t, room + 1) };
	for (size_t s = 0; s < TACIT_EVAL_TRACE_SCORES; s++) {
		scores->of[s] = TACIT_NEW_N(double, room + 1);
		if (!scores->of[s])
			return -ENOMEM;
	}
	return scores->label ? 0 : -ENOMEM;
}

static int add(struct scores *scores, struct models *models, const struct tacit_trace *trace)
{
	double value[PARTS];
	int r = judge(models, trace, value);

	if (r < 0)
		return r;
	for (size_t s = 0; s < PARTS; s++)
		scores->of[s][scores->n] = value[s];
	scores->label[scores->n++] = trace->label;
	return 0;
}

struct run {
	const struct tacit_traces *traces;
	const struct tacit_eval_trace_params *params;
	struct tacit_eval_trace *ret;
	struct scores held_out, test;
};

static void run_done(struct run *run)
{
	scores_done(&run->held_out);
	scores_done(&run->test);
}

/* Learns from train but for one in FOLDS, which is then judged; with NONE left out, test is. */
static int run_fold(struct run *run, uint32_t out)
{
	TACIT_CLEANUP(models_done) struct models models = { 0 };
	size_t n = tacit_traces_count(run->traces), train = 0;
	int r = models_init(&models, run->traces, run->ret->symbols, run->params->order);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct tacit_trace *trace = tacit_traces_at(run->traces, i);

		if (!trace->test && train++ % FOLDS != out)
			r = learn(&models, trace);
	}
	train = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct tacit_trace *trace = tacit_traces_at(run->traces, i);

		if (trace->test && out == NONE)
			r = add(&run->test, &models, trace);
		else if (!trace->test && train++ % FOLDS == out)
			r = add(&run->held_out, &models, trace);
	}
	if (r == 0 && out == NONE)
		run->ret->sequences = tacit_ngram_sequences(models.ngram);
	return r;
}

/* The largest share of its threshold that a part reaches; a threshold of nothing is passed by all
 * that is something. */
static void combine(const struct run *run, struct scores *scores)
{
	for (size_t i = 0; i < scores->n; i++) {
		double most = 0;

		for (size_t k = 0; k < TACIT_ARRAY_LEN(combined); k++)
			most = fmax(most, scores->of[combined[k]][i] /
						  fmax(run->ret->of[combined[k]].threshold, 1e-9));
		scores->of[TACIT_EVAL_TRACE_COMBINED][i] = most;
	}
}

static void randomise(struct scores *scores)
{
	uint32_t state = RANDOM_SEED;

	for (size_t i = 0; i < scores->n; i++) {
		state = state * 1664525U + 1013904223U; /* Press et al. 2007, 7.1 */
		scores->of[TACIT_EVAL_TRACE_RANDOM][i] = state / 4294967296.0;
	}
}

/* Share of the traces of @label that score above @threshold. */
static double share_above(const struct scores *scores, size_t s, int8_t label, double threshold)
{
	size_t all = 0, above = 0;

	for (size_t i = 0; i < scores->n; i++) {
		all += scores->label[i] == label;
		above += scores->label[i] == label && scores->of[s][i] > threshold;
	}
	return all ? (double)above / (double)all : (double)NAN;
}

static int measure(struct run *run)
{
	struct tacit_eval_trace_figures *of = run->ret->of;
	int r = 0;

	for (size_t s = 0; s < PARTS; s++)
		of[s].threshold = tacit_eval_quantile(run->held_out.of[s], run->held_out.n,
						      run->params->quantile);
	of[TACIT_EVAL_TRACE_COMBINED].threshold = 1;
	of[TACIT_EVAL_TRACE_RANDOM].threshold = run->params->quantile;
	combine(run, &run->test);
	randomise(&run->test);
	for (size_t s = 0; r == 0 && s < TACIT_EVAL_TRACE_SCORES; s++) {
		of[s].detection = share_above(&run->test, s, 1, of[s].threshold);
		of[s].fpr = share_above(&run->test, s, 0, of[s].threshold);
		r = tacit_eval_metrics(run->test.of[s], run->test.label, run->test.n,
				       &of[s].metrics);
	}
	return r;
}

int tacit_eval_trace_run(const struct tacit_traces *traces,
			 const struct tacit_eval_trace_params *params, struct tacit_eval_trace *ret)
{
	struct tacit_eval_trace eval = { .symbols = count_symbols(traces) };
	TACIT_CLEANUP(run_done)
	struct run run = { .traces = traces, .params = params, .ret = &eval };
	size_t n = tacit_traces_count(traces);
	int r;

	for (size_t i = 0; i < n; i++)
		eval.train += !tacit_traces_at(traces, i)->test;
	if (eval.train < TACIT_EVAL_TRACE_TRAIN_MIN || eval.train == n ||
	    !(params->quantile >= 0 && params->quantile <= 1))
		return -EINVAL;
	r = scores_init(&run.held_out, eval.train);
	if (r == 0)
		r = scores_init(&run.test, n - eval.train);
	for (uint32_t fold = 0; r == 0 && fold < FOLDS; fold++)
		r = run_fold(&run, fold);
	if (r == 0)
		r = run_fold(&run, NONE);
	if (r == 0)
		r = measure(&run);
	if (r == 0)
		*ret = eval;
	return r;
}
