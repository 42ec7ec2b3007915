/* SPDX-License-Identifier: MIT */
/*
 * Most services of most hosts sleep most of the time. A window that is to the letter what the
 * scope's last one was, which was idle and normal, is not judged again: learning it makes the
 * model only surer of it. Such windows are counted, and learned in one step when something
 * happens, or when somebody asks.
 */
#include "learner_private.h"

#include <string.h>

/* Nothing but gauges and a stray count or two; the numbers are written to @ret. */
static bool is_idle(const struct tacit_window *window, struct tacit_learner_idle *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		if (window->count[i] == 0)
			continue;
		if (ret->n == TACIT_LEARNER_IDLE_MAX)
			return false;
		ret->feature[ret->n] = (uint16_t)i;
		ret->count[ret->n++] = window->count[i];
	}
	memcpy(ret->observed, window->observed, sizeof(ret->observed));
	return true;
}

static bool is_same(const struct tacit_learner_idle *a, const struct tacit_learner_idle *b)
{
	return a->n == b->n && memcmp(a->feature, b->feature, a->n * sizeof(a->feature[0])) == 0 &&
	       memcmp(a->count, b->count, a->n * sizeof(a->count[0])) == 0 &&
	       memcmp(a->observed, b->observed, sizeof(a->observed)) == 0;
}

void tacit_learner_expect(struct tacit_learner *learner, const struct tacit_window *window,
			  const struct tacit_judgement *judgement)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, window->scope);

	if (!scope)
		return;
	scope->idle.known = is_idle(window, &scope->idle);
	scope->idle.score = judgement->score;
	scope->idle.times = 0;
}

int tacit_learner_repeat(struct tacit_learner *learner, const struct tacit_window *window)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, window->scope);
	struct tacit_judgement as_before = { .scored = true };
	struct tacit_learner_idle now;

	if (!scope || !scope->idle.known || !is_idle(window, &now) || !is_same(&scope->idle, &now))
		return 0;
	as_before.score = scope->idle.score;
	tacit_learner_note_window(learner, scope, window, &as_before);
	tacit_learner_sample(learner, scope, window);
	scope->idle.times++;
	scope->windows++;
	scope->unsaved++;
	return 1;
}

/* The window of the idle scope, as far as a model looks at it. */
static struct tacit_sample sample_of(const struct tacit_learner_idle *idle,
				     double x[TACIT_FEATURE_COUNT])
{
	memset(x, 0, TACIT_FEATURE_COUNT * sizeof(*x));
	for (unsigned i = 0; i < idle->n; i++)
		x[idle->feature[i]] = tacit_feature_transform(idle->feature[i], idle->count[i]);
	return (struct tacit_sample){ .x = x, .observed = idle->observed };
}

void tacit_learner_catch_up(struct tacit_learner *learner, struct tacit_learner_scope *scope)
{
	struct tacit_learner_idle *idle = &scope->idle;
	double x[TACIT_FEATURE_COUNT];
	struct tacit_sample sample = sample_of(idle, x);
	int r;

	if (!idle->known || idle->times == 0)
		return;
	r = learner->params.kind->learn(scope->model, &sample, idle->times);
	if (r < 0)
		tacit_learner_complain(learner, "cannot learn from windows of", scope->name, r);
	for (; idle->times > 0; idle->times--)
		for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
			tacit_threshold_learn(scope->threshold[i], idle->score.value[i]);
}
