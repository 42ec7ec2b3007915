/* SPDX-License-Identifier: MIT */
#include "eval_metrics.h"

#include <math.h>
#include <stdlib.h>

#include <tacit/cleanup.h>

#define LOW_FPR	 0.01
#define HIGH_FPR 0.05

struct row {
	double score;
	int8_t label;
};

/* What lies above a score while it falls past the rows. */
struct sweep {
	size_t normal, anomalous; /* of all rows */
	size_t false_alarms, found;
	double won; /* pairs of an anomalous and a normal row in which the first is higher */
};

static int by_falling_score(const void *a, const void *b)
{
	double x = ((const struct row *)a)->score, y = ((const struct row *)b)->score;

	return (x < y) - (x > y);
}

/* The rows that count, highest score first. */
static size_t sort_rows(const double *score, const int8_t *label, size_t n, struct row *row)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (label[i] >= 0)
			row[kept++] =
				(struct row){ isnan(score[i]) ? -INFINITY : score[i], label[i] };
	qsort(row, kept, sizeof(*row), by_falling_score);
	return kept;
}

/* The share found by a threshold at the normal score with floor(@fpr * normal) before it. It is
 * among the @false_alarms of the next, equal scores; or NaN, not yet or long since. */
static double tpr_if_at(const struct sweep *sweep, size_t false_alarms, double fpr)
{
	double index = floor(fpr * (double)sweep->normal);

	if (index < (double)sweep->false_alarms ||
	    index >= (double)(sweep->false_alarms + false_alarms))
		return NAN;
	return (double)sweep->found / (double)sweep->anomalous;
}

/* The threshold falls past equal scores of @found anomalous and @false_alarms normal rows. */
static void step(struct sweep *sweep, size_t found, size_t false_alarms,
		 struct tacit_eval_metrics *ret)
{
	double above = (double)sweep->found, anomalous = (double)sweep->anomalous;
	double low = tpr_if_at(sweep, false_alarms, LOW_FPR);
	double high = tpr_if_at(sweep, false_alarms, HIGH_FPR);
	double alarms;

	if (!isnan(low))
		ret->tpr_at_1fpr = low;
	if (!isnan(high))
		ret->tpr_at_5fpr = high;
	sweep->won += (double)false_alarms * (above + (double)found / 2);
	sweep->found += found;
	sweep->false_alarms += false_alarms;
	above = (double)sweep->found;
	alarms = above + (double)sweep->false_alarms;
	ret->auprc += (double)found / anomalous * above / alarms;
	ret->best_f1 = fmax(ret->best_f1, 2 * above / (alarms + anomalous));
}

static void sweep_rows(const struct row *row, size_t n, struct sweep *sweep,
		       struct tacit_eval_metrics *ret)
{
	for (size_t i = 0, end; i < n; i = end) {
		size_t found = 0;

		for (end = i; end < n && row[end].score == row[i].score; end++)
			found += row[end].label == 1;
		step(sweep, found, end - i - found, ret);
	}
	ret->auroc = sweep->won / ((double)sweep->normal * (double)sweep->anomalous);
}

int tacit_eval_metrics(const double *score, const int8_t *label, size_t n,
		       struct tacit_eval_metrics *ret)
{
	TACIT_AUTO_FREE struct row *row = TACIT_NEW_N(struct row, n > 0 ? n : 1);
	struct tacit_eval_metrics metrics = { 0 };
	struct sweep sweep = { 0 };
	size_t kept;

	if (!row)
		return -ENOMEM;
	kept = sort_rows(score, label, n, row);
	for (size_t i = 0; i < kept; i++)
		sweep.anomalous += row[i].label == 1;
	sweep.normal = kept - sweep.anomalous;
	if (sweep.normal > 0 && sweep.anomalous > 0)
		sweep_rows(row, kept, &sweep, &metrics);
	else
		metrics = (struct tacit_eval_metrics){ .auroc = NAN,
						       .auprc = NAN,
						       .best_f1 = NAN,
						       .tpr_at_1fpr = NAN,
						       .tpr_at_5fpr = NAN };
	metrics.normal = sweep.normal;
	metrics.anomalous = sweep.anomalous;
	*ret = metrics;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double tacit_eval_quantile(double *score, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t below;

	if (n == 0)
		return NAN;
	qsort(score, n, sizeof(*score), by_value);
	below = (size_t)at;
	if (below + 1 >= n)
		return score[n - 1];
	return score[below] + (at - (double)below) * (score[below + 1] - score[below]);
}
