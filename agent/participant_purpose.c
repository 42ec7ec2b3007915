/* SPDX-License-Identifier: MIT */
/* What a round is for, and what this host has to say to it. */
#include <tacit/protect.h>

#include "participant_private.h"

static unsigned slots_of(const struct tacit_round_doc *round)
{
	return round->slots > 0 ? round->slots : 1;
}

static bool likes_evaluation(struct tacit_participant *p)
{
	if (!p->params.ops->evaluate)
		tacit_participant_stay_out(p, "this host does not evaluate");
	else if (slots_of(&p->round) > 1 && p->task.group[0] == '\0')
		tacit_participant_stay_out(p, "it tells hosts apart, its task does not");
	else
		return true;
	return false;
}

/* An aggregator that could make one host loud and the others silent would read that host's
 * contribution from the sum. */
static bool likes_weight(struct tacit_participant *p)
{
	double weight = p->round.weight > 0 ? p->round.weight : 1;

	if (weight < TACIT_EVALUATION_WEIGHT_MIN || weight > 1)
		tacit_participant_stay_out(p, "its weight %g is outside this host's floor of %g..1",
					   weight, TACIT_EVALUATION_WEIGHT_MIN);
	else if (weight < 1 && p->task.fairness <= 0)
		tacit_participant_stay_out(p, "it weighs hosts, its task does not");
	else
		return true;
	return false;
}

bool tacit_participant_likes_purpose(struct tacit_participant *p)
{
	switch (p->round.purpose) {
	case TACIT_PURPOSE_LEARN:
		return likes_weight(p);
	case TACIT_PURPOSE_EVALUATE:
		return likes_evaluation(p);
	case TACIT_PURPOSE_UNKNOWN:
		break;
	}
	tacit_participant_stay_out(p, "its purpose is not known here");
	return false;
}

size_t tacit_participant_dimensions(const struct tacit_participant *p,
				    const struct tacit_fleet *reference)
{
	return p->round.purpose == TACIT_PURPOSE_EVALUATE
		       ? tacit_evaluation_dimensions(slots_of(&p->round))
		       : tacit_fleet_dimensions(reference);
}

const char *tacit_participant_sum_of(const struct tacit_participant *p)
{
	return p->round.purpose == TACIT_PURPOSE_EVALUATE ? "evaluation" : p->task.kind;
}

static int evaluate(struct tacit_participant *p, const struct tacit_fleet *reference, double *value)
{
	struct tacit_evaluation evaluation = { 0 };
	int scopes;

	if (!p->params.ops->evaluate) /* a program that joined the sum did */
		return 0;
	scopes = p->params.ops->evaluate(p->params.ctx, reference, p->task.kappa, &evaluation);
	if (scopes > 0)
		tacit_evaluation_encode(&evaluation, p->round.slot, p->round.clip_norm, value);
	return scopes;
}

/* Clipped first: hosts are weighed against each other as they count in the sum. */
static int learn(struct tacit_participant *p, const struct tacit_fleet *reference, double *value)
{
	size_t n = tacit_fleet_dimensions(reference);
	int classes = p->params.ops->contribute(p->params.ctx, reference, value);

	if (classes <= 0 || p->round.weight <= 0)
		return classes;
	(void)tacit_clip_l2(value, n, p->round.clip_norm);
	for (size_t i = 0; i < n; i++)
		value[i] *= p->round.weight;
	return classes;
}

int tacit_participant_contribute(struct tacit_participant *p, const struct tacit_fleet *reference,
				 double *value)
{
	return p->round.purpose == TACIT_PURPOSE_EVALUATE ? evaluate(p, reference, value)
							  : learn(p, reference, value);
}
