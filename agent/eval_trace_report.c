/* SPDX-License-Identifier: MIT */
#include "eval_trace.h"

#include <math.h>
#include <stddef.h>

#include <tacit/log.h>

#define FIGURE(name, title, field, scale, digits)                                                  \
	{                                                                                          \
		(name), (title), offsetof(struct tacit_eval_trace_figures, field), (scale),        \
			(digits)                                                                   \
	}

/* What is told of a score, in order. */
static const struct column {
	const char *name;  /* in JSON */
	const char *title; /* in the table */
	size_t offset;
	double scale; /* of the table */
	int digits;
} columns[] = {
	FIGURE("auroc", "AUROC", metrics.auroc, 1, 4),
	FIGURE("auprc", "AUPRC", metrics.auprc, 1, 4),
	FIGURE("best_f1", "best F1", metrics.best_f1, 1, 4),
	FIGURE("tpr_at_1fpr", "TPR at 1%", metrics.tpr_at_1fpr, 1, 4),
	FIGURE("tpr_at_5fpr", "TPR at 5%", metrics.tpr_at_5fpr, 1, 4),
	FIGURE("threshold", "threshold", threshold, 1, 2),
	FIGURE("detection", "found", detection, 1, 3),
	FIGURE("fpr", "FPR %", fpr, 100, 3),
};

static double value_of(const struct tacit_eval_trace_figures *figures, const struct column *column)
{
	return *(const double *)((const char *)figures + column->offset);
}

void tacit_eval_trace_print(const struct tacit_eval_trace *eval, FILE *to)
{
	(void)fputs("| score |", to);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++)
		(void)fprintf(to, " %s |", columns[i].title);
	(void)fputs("\n|---|", to);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++)
		(void)fputs("--:|", to);
	for (int s = 0; s < TACIT_EVAL_TRACE_SCORES; s++) {
		(void)fprintf(to, "\n| %s |",
			      tacit_eval_trace_score_name((enum tacit_eval_trace_score)s));
		for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++) {
			double value = value_of(&eval->of[s], &columns[i]);

			if (isnan(value))
				(void)fputs(" - |", to);
			else
				(void)fprintf(to, " %.*f |", columns[i].digits,
					      value * columns[i].scale);
		}
	}
	(void)fputc('\n', to);
}

static json_t *figures_json(const struct tacit_eval_trace_figures *of)
{
	json_t *figures = json_object();

	for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++) {
		double value = value_of(of, &columns[i]);

		(void)json_object_set_new(figures, columns[i].name,
					  isfinite(value) ? json_real(value) : json_null());
	}
	return figures;
}

json_t *tacit_eval_trace_json(const struct tacit_eval_trace *eval)
{
	const struct tacit_eval_metrics *metrics = &eval->of[TACIT_EVAL_TRACE_RANDOM].metrics;
	json_t *scores = json_object();

	for (int s = 0; s < TACIT_EVAL_TRACE_SCORES; s++)
		(void)json_object_set_new(
			scores, tacit_eval_trace_score_name((enum tacit_eval_trace_score)s),
			figures_json(&eval->of[s]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "train", (json_int_t)eval->train,
			 "normal", (json_int_t)metrics->normal, "anomalous",
			 (json_int_t)metrics->anomalous, "symbols", (json_int_t)eval->symbols,
			 "sequences", (json_int_t)eval->sequences, "scores", scores);
}

static int load(const char *path, struct tacit_traces **ret)
{
	struct tacit_trace_where where = { 0 };
	int r = tacit_traces_load(path, ret, &where);

	if (r < 0 && where.why[0] == '\0')
		tacit_error("%s: %s", path, tacit_strerror(r));
	else if (r < 0 && where.line > 0)
		tacit_error("%s:%lu: %s", path, where.line, where.why);
	else if (r < 0)
		tacit_error("%s: %s", path, where.why);
	return r;
}

static int print_json(const struct tacit_eval_trace *eval, FILE *to)
{
	json_t *report = tacit_eval_trace_json(eval);

	if (!report)
		return -ENOMEM;
	(void)json_dumpf(report, to, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	(void)fputc('\n', to);
	json_decref(report);
	return 0;
}

int tacit_eval_trace_tell(const char *path, const struct tacit_eval_trace_params *params, bool json,
			  FILE *to)
{
	static const struct tacit_eval_trace_params usual = { TACIT_EVAL_TRACE_ORDER,
							      TACIT_EVAL_TRACE_QUANTILE };
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;
	struct tacit_eval_trace eval;
	int r = load(path, &traces);

	if (r < 0)
		return r;
	r = tacit_eval_trace_run(traces, params ? params : &usual, &eval);
	if (r == 0 && json)
		r = print_json(&eval, to);
	else if (r == 0)
		tacit_eval_trace_print(&eval, to);
	if (r == -EINVAL)
		tacit_error("%s: it takes %u traces to learn from, and some to judge", path,
			    TACIT_EVAL_TRACE_TRAIN_MIN);
	else if (r < 0)
		tacit_error("%s was not evaluated: %s", path, tacit_strerror(r));
	return r;
}
