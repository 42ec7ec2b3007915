/* SPDX-License-Identifier: MIT */
#include "eval_report.h"

#include <math.h>
#include <stddef.h>

#define FIGURE(name, title, field, scale, digits)                                                  \
	{                                                                                          \
		(name), (title), offsetof(struct tacit_eval_figures, field), (scale), (digits)     \
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
	FIGURE("alarms_per_day", "false alarms/day", alarms_per_day, 1, 1),
	FIGURE("episodes_per_day", "episodes/day", episodes_per_day, 1, 1),
};

static double value_of(const struct tacit_eval_figures *figures, const struct column *column)
{
	return *(const double *)((const char *)figures + column->offset);
}

static void print_line(const char *host, size_t s, const struct tacit_eval_figures *figures,
		       FILE *to)
{
	(void)fprintf(to, "| %s | %s |", host, tacit_eval_score_name(s));
	for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++) {
		double value = value_of(figures, &columns[i]);

		if (isnan(value))
			(void)fputs(" - |", to);
		else
			(void)fprintf(to, " %.*f |", columns[i].digits, value * columns[i].scale);
	}
	(void)fputc('\n', to);
}

void tacit_eval_report_print(const struct tacit_eval *eval, bool mean_only, FILE *to)
{
	(void)fputs("| host | score |", to);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++)
		(void)fprintf(to, " %s |", columns[i].title);
	(void)fputs("\n|---|---|", to);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++)
		(void)fputs("--:|", to);
	(void)fputc('\n', to);
	for (size_t h = 0; !mean_only && h < eval->hosts; h++)
		for (size_t s = 0; s < TACIT_EVAL_SCORES; s++)
			print_line(eval->host[h].name, s, &eval->host[h].of[s], to);
	for (size_t s = 0; s < TACIT_EVAL_SCORES; s++)
		print_line("mean", s, &eval->mean[s], to);
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *figures_json(const struct tacit_eval_figures *all)
{
	json_t *scores = json_object();

	for (size_t s = 0; s < TACIT_EVAL_SCORES; s++) {
		json_t *figures = json_object();

		for (size_t i = 0; i < TACIT_ARRAY_LEN(columns); i++)
			(void)json_object_set_new(figures, columns[i].name,
						  number(value_of(&all[s], &columns[i])));
		(void)json_object_set_new(scores, tacit_eval_score_name(s), figures);
	}
	return scores;
}

static json_t *host_json(const struct tacit_eval_host *host)
{
	const struct tacit_eval_metrics *metrics = &host->of[TACIT_EVAL_RANDOM].metrics;

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:o}", "host", host->name,
			 "class", host->class, "fitted", (json_int_t)host->fitted, "siblings",
			 (json_int_t)host->siblings, "calibrated", (json_int_t)host->calibrated,
			 "evidence", host->evidence, "intervals", (json_int_t)host->intervals,
			 "normal", (json_int_t)metrics->normal, "anomalous",
			 (json_int_t)metrics->anomalous, "scores", figures_json(host->of));
}

json_t *tacit_eval_report_json(const struct tacit_eval *eval)
{
	json_t *hosts = json_array();

	for (size_t h = 0; h < eval->hosts; h++)
		(void)json_array_append_new(hosts, host_json(&eval->host[h]));
	return json_pack("{s:o, s:o, s:I, s:f}", "hosts", hosts, "mean", figures_json(eval->mean),
			 "unjudged", (json_int_t)eval->unjudged, "noise_multiplier",
			 eval->noise_multiplier);
}
