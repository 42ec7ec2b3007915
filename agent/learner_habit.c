/* SPDX-License-Identifier: MIT */
/* What a scope does every week: kept only for those that ever alarmed. */
#include "learner_private.h"

void tacit_learner_note_habit(struct tacit_learner *learner, const char *name, int64_t wall_ms,
			      double excess, unsigned feature)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, name);

	if (!scope || (!scope->rhythm && tacit_rhythm_new(&scope->rhythm) < 0))
		return; /* out of memory: every alarm is news */
	tacit_rhythm_note(scope->rhythm, wall_ms, excess, feature);
	scope->unsaved++;
}

bool tacit_learner_is_habit(struct tacit_learner *learner, const char *name, int64_t wall_ms,
			    double excess, unsigned feature)
{
	const struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, name);

	return scope && scope->rhythm &&
	       tacit_rhythm_expects(scope->rhythm, wall_ms, excess, feature);
}
