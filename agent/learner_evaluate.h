/* SPDX-License-Identifier: MIT */
/*
 * learner_evaluate - how this host fares with the fleet's model: the host's part of
 * tacit/evaluation.h, from windows that it kept.
 *
 * Of each scope the older half of its windows teaches two young models, one that leans on the
 * fleet's block and one that does not; the newer half is what they are compared on, and what the
 * block alone is. So the fleet is judged by what it does for a service that has just begun, which
 * is what it is for: later the host's own evidence outweighs it. What is compared is the loss of
 * tacit/model.h.
 */
#ifndef TACIT_AGENT_LEARNER_EVALUATE_H
#define TACIT_AGENT_LEARNER_EVALUATE_H

#include <tacit/evaluation.h>

#include "learner.h"

#define TACIT_LEARNER_EVALUATE_SCOPES 32U /* the most recent ones */
#define TACIT_LEARNER_EVALUATE_MIN    48U /* windows of a scope, or it is left out */

/* Writes up to TACIT_STORE_SAMPLE_MAX windows of @scope to @window, oldest first. Returns how many,
 * or an error. Must not use the learner. */
typedef int tacit_learner_recall_fn(void *ctx, const char *scope, struct tacit_window *window);

/**
 * tacit_learner_evaluate - how the scopes in memory fare with @fleet.
 * @kappa:  what a trusted block is worth, windows.
 * @risk:   of the thresholds, as for tacit_learner_judge().
 * @recall: where windows come from; NULL: the store's sample, and @ctx is ignored.
 * @ret:    its score and comparison are filled in; alarms are the caller's to know.
 *
 * Returns on how many scopes the comparison rests (0: none has windows enough, or the kind has no
 * loss), -ENOMEM, -EINVAL (another kind of model), or as @recall or tacit_db_run().
 */
TACIT_MUST_CHECK int tacit_learner_evaluate(struct tacit_learner *learner,
					    const struct tacit_fleet *fleet, double kappa,
					    double risk, tacit_learner_recall_fn *recall, void *ctx,
					    struct tacit_evaluation *ret);

#endif /* TACIT_AGENT_LEARNER_EVALUATE_H */
