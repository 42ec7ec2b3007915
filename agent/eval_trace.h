/* SPDX-License-Identifier: MIT */
/*
 * eval_trace - how well this program's models tell traces of attacked programs from others.
 *
 * A trace is judged as a whole: by the distance of its mix of calls (model kind "gaussian" on
 * square roots of shares), by its transitions (transition.h) and by the surprise of its sequences
 * (ngram.h). The combined score is the larger of the latter two, each as a share of its threshold:
 * one ranks well, the other finds much at few false alarms. Thresholds are made of train traces
 * only, of each by models that learned from the others (cross-fitting).
 */
#ifndef TACIT_AGENT_EVAL_TRACE_H
#define TACIT_AGENT_EVAL_TRACE_H

#include <stdio.h>

#include <jansson.h>

#include <tacit/error.h>

#include "eval_metrics.h"
#include "trace.h"

#define TACIT_EVAL_TRACE_FOLDS	  5U /* train traces are divided among them in turn */
#define TACIT_EVAL_TRACE_ORDER	  6U
#define TACIT_EVAL_TRACE_QUANTILE 0.99 /* one false alarm in a hundred traces */

struct tacit_eval_trace_params {
	unsigned order;	 /* of the n-gram model, 1..TACIT_NGRAM_ORDER_MAX */
	double quantile; /* of the scores of train that is the threshold, 0..1 */
};

/* What is told of. */
enum tacit_eval_trace_score {
	TACIT_EVAL_TRACE_DISTANCE,
	TACIT_EVAL_TRACE_TRANSITIONS,
	TACIT_EVAL_TRACE_SURPRISE, /* mean of a symbol's */
	TACIT_EVAL_TRACE_HIGH,	   /* that nine in ten symbols keep below */
	TACIT_EVAL_TRACE_PEAK,	   /* mean of the oddest stretch */
	TACIT_EVAL_TRACE_COMBINED,
	TACIT_EVAL_TRACE_RANDOM, /* any number: what a score without merit gets */
	TACIT_EVAL_TRACE_SCORES,
};

/* "distance", "transitions", "surprise", "high surprise", "peak surprise", "combined", "random". */
const char *tacit_eval_trace_score_name(enum tacit_eval_trace_score score);

/* Of one score. Plain record. */
struct tacit_eval_trace_figures {
	struct tacit_eval_metrics metrics;
	double threshold;
	double detection; /* share of anomalous traces above it; NaN without any */
	double fpr;	  /* share of normal test traces above it; NaN without any */
};

/* Plain record. */
struct tacit_eval_trace {
	size_t train, symbols, sequences; /* traces; calls told apart; sequences known */
	struct tacit_eval_trace_figures of[TACIT_EVAL_TRACE_SCORES];
};

/* 0, -EINVAL (a parameter; fewer than TACIT_EVAL_TRACE_TRAIN_MIN traces to learn from; none to
 * judge), -ENOMEM. */
#define TACIT_EVAL_TRACE_TRAIN_MIN 50U
TACIT_MUST_CHECK int tacit_eval_trace_run(const struct tacit_traces *traces,
					  const struct tacit_eval_trace_params *params,
					  struct tacit_eval_trace *ret);

/* A table in Markdown, a line for every score. What cannot be said is "-". */
void tacit_eval_trace_print(const struct tacit_eval_trace *eval, FILE *to);

/* {"train", "normal", "anomalous", "symbols", "sequences", "scores": {name: {"auroc", "auprc",
 * "best_f1", "tpr_at_1fpr", "tpr_at_5fpr", "threshold", "detection", "fpr"}}}; null where it cannot
 * be said. Owned by the caller; NULL when out of memory. */
json_t *tacit_eval_trace_json(const struct tacit_eval_trace *eval);

/**
 * tacit_eval_trace_tell - read, measure and print.
 * @params: NULL for the defaults above.
 * @json: as an object, else as a table.
 *
 * Logs what goes wrong. Returns 0 or what the steps return.
 */
TACIT_MUST_CHECK int tacit_eval_trace_tell(const char *path,
					   const struct tacit_eval_trace_params *params, bool json,
					   FILE *to);

#endif /* TACIT_AGENT_EVAL_TRACE_H */
