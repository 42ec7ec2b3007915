/* SPDX-License-Identifier: MIT */
/*
 * eval_metrics - how well a score tells anomalous rows from normal ones.
 *
 * Rows count as they are, without point adjustment: it lets even a random score pass for a good one
 * (Kim et al., "Towards a rigorous evaluation of time-series anomaly detection", AAAI 2022).
 */
#ifndef TACIT_AGENT_EVAL_METRICS_H
#define TACIT_AGENT_EVAL_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>

/* Plain record. With P anomalous rows, N normal ones and an alarm being a score above a threshold:
 */
struct tacit_eval_metrics {
	size_t normal, anomalous;
	double auroc; /* chance that an anomalous row scores above a normal one; ties count half */
	double auprc; /* average precision: sum over distinct scores, falling, of
		       * (recall_k - recall_{k-1}) precision_k, not interpolated */
	double best_f1; /* highest F1 of any threshold */
	/* Share of P above the normal score that has floor(f N) normal ones before it in falling
	 * order. */
	double tpr_at_1fpr, tpr_at_5fpr;
};

/**
 * tacit_eval_metrics - figures of one score.
 * @score: @n numbers; one that is not a number counts as the lowest.
 * @label: @n entries: 1 anomalous, 0 normal, -1 left out.
 *
 * Without any normal or without any anomalous row the figures are NaN, the counts are still there.
 * Returns 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_eval_metrics(const double *score, const int8_t *label, size_t n,
					struct tacit_eval_metrics *ret);

/* Quantile @q (0..1) of @n finite numbers: order statistics interpolated linearly, at
 * index q (n - 1). Sorts @score. NaN when @n is 0. */
double tacit_eval_quantile(double *score, size_t n, double q);

#endif /* TACIT_AGENT_EVAL_METRICS_H */
