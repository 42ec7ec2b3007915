/* SPDX-License-Identifier: MIT */
/*
 * eval_report - what an evaluation found, as a table or as JSON; and beside the figures of another
 * implementation.
 */
#ifndef TACIT_AGENT_EVAL_REPORT_H
#define TACIT_AGENT_EVAL_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include <tacit/error.h>

#include "eval.h"

/* A table in Markdown: a line for every host and score unless @mean_only, then one for every
 * score's mean. What cannot be said is "-". */
void tacit_eval_report_print(const struct tacit_eval *eval, bool mean_only, FILE *to);

/**
 * tacit_eval_report_json - the same as an object.
 *
 * {"hosts": [{"host", "class", "fitted", "siblings", "calibrated", "evidence", "intervals",
 * "normal", "anomalous", "scores": {name: FIGURES}}, ...], "mean": {name: FIGURES}, "unjudged",
 * "noise_multiplier"}, FIGURES being {"auroc", "auprc", "best_f1", "tpr_at_1fpr", "tpr_at_5fpr",
 * "threshold", "detection", "fpr", "alarms_per_day", "episodes_per_day"}; null where it cannot be
 * said. Owned by the caller; NULL when out of memory.
 */
json_t *tacit_eval_report_json(const struct tacit_eval *eval);

#endif /* TACIT_AGENT_EVAL_REPORT_H */
