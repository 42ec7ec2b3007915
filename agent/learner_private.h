/* SPDX-License-Identifier: MIT */
/* What the files of the learner share; nobody else includes this. */
#ifndef TACIT_AGENT_LEARNER_PRIVATE_H
#define TACIT_AGENT_LEARNER_PRIVATE_H

#include "learner.h"
#include "rhythm.h"

#include <sys/queue.h>

#include <tacit/log.h>
#include <tacit/reference.h>
#include <tacit/threshold.h>

#define TACIT_LEARNER_BUCKETS 1024U /* power of two */

/* One scope in memory. */
/* Numbers that a window may have and still be idle. */
#define TACIT_LEARNER_IDLE_MAX 12U

/* A scope's last window, if it was idle and normal; see learner_idle.c. */
struct tacit_learner_idle {
	bool known;
	uint8_t n;
	uint32_t times; /* windows like it, not learned yet */
	uint16_t feature[TACIT_LEARNER_IDLE_MAX];
	uint64_t count[TACIT_LEARNER_IDLE_MAX];
	uint8_t observed[TACIT_PROBE_COUNT];
	struct tacit_score score;
};

struct tacit_learner_scope {
	TAILQ_ENTRY(tacit_learner_scope) by_age;
	LIST_ENTRY(tacit_learner_scope) by_name;
	char name[TACIT_SCOPE_NAME_MAX + 1];
	char class[TACIT_FLEET_CLASS_NAME_MAX + 1];
	struct tacit_learner_idle idle;
	int64_t id;	  /* in the store; 0: not there yet */
	uint64_t windows; /* learned from, ever */
	int64_t last_ms;
	uint64_t unsaved;      /* windows learned from since it was saved */
	uint32_t activity;     /* features that moved, lately */
	uint32_t unheard;      /* flushes since the last window */
	bool promoted;	       /* as of the last flush */
	uint64_t refine_after; /* windows before which another attempt is in vain */
	struct tacit_model *model;
	struct tacit_reference reference; /* what model was */
	struct tacit_threshold *threshold[TACIT_STATISTIC_COUNT];
	struct tacit_rhythm *rhythm; /* NULL: it never alarmed */
	struct tacit_store_minute minute, done; /* this minute; one that waits to be written */
	int64_t saved_id; /* what the row's id will be once the transaction is committed */
	bool saved, saved_minute;
};

TAILQ_HEAD(tacit_learner_ages, tacit_learner_scope);
LIST_HEAD(tacit_learner_bucket, tacit_learner_scope);

struct tacit_learner {
	struct tacit_learner_params params;
	struct tacit_fleet *fleet;
	double kappa;
	uint64_t judged; /* windows, over all time */
	uint32_t n;
	struct tacit_learner_ages ages; /* most recent first */
	struct tacit_learner_bucket bucket[TACIT_LEARNER_BUCKETS];
	struct tacit_log_limit complaint;
};

/* Counts a judged window in the scope's summaries. */
void tacit_learner_note_window(struct tacit_learner *learner, struct tacit_learner_scope *scope,
			       const struct tacit_window *window,
			       const struct tacit_judgement *judgement);

/* Offers a window that is learned from to the scope's sample. */
void tacit_learner_sample(struct tacit_learner *learner, struct tacit_learner_scope *scope,
			  const struct tacit_window *window);

/* Learns the idle windows that were only counted. */
void tacit_learner_catch_up(struct tacit_learner *learner, struct tacit_learner_scope *scope);

/* Has at most @max scopes fit what needs many windows at once (tacit_model_kind.refine): full
 * models that know twice as much as when it was last done, or a day more. Each may take a fraction
 * of a second. Logs what fails. */
void tacit_learner_refine(struct tacit_learner *learner, unsigned max);

/* In memory, or NULL. Does not change its age. */
struct tacit_learner_scope *tacit_learner_scope_find(struct tacit_learner *learner,
						     const char *name);

/* In memory, from the store, or new; now the most recent. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_learner_scope_get(struct tacit_learner *learner,
					     const struct tacit_window *window,
					     struct tacit_learner_scope **ret);

/* Model and thresholds into the store. Nothing counts as saved before settle(). */
TACIT_MUST_CHECK int tacit_learner_scope_save(struct tacit_learner *learner,
					      struct tacit_learner_scope *scope);

/* The minute that is over, and with @all the one that is not. Needs an id. */
TACIT_MUST_CHECK int tacit_learner_scope_save_minutes(struct tacit_learner *learner,
						      struct tacit_learner_scope *scope, bool all);

/* What was saved is on disk (@committed), or is not. */
void tacit_learner_scope_settle(struct tacit_learner_scope *scope, bool committed);

/* Gives the row an id, without a model yet. */
TACIT_MUST_CHECK int tacit_learner_scope_enter(struct tacit_learner *learner,
					       struct tacit_learner_scope *scope);

/* Saves what can be saved and takes the scope out of memory. */
void tacit_learner_scope_evict(struct tacit_learner *learner, struct tacit_learner_scope *scope);

/* Takes it out of memory. */
void tacit_learner_scope_drop(struct tacit_learner *learner, struct tacit_learner_scope *scope);

/* Leans the scope's model on the fleet's block of its class, or on nothing. */
TACIT_MUST_CHECK int tacit_learner_scope_lean(struct tacit_learner *learner,
					      struct tacit_learner_scope *scope);

/* The store failed; detection goes on. Logs, within limits. */
void tacit_learner_complain(struct tacit_learner *learner, const char *what, const char *scope,
			    int err);

#endif /* TACIT_AGENT_LEARNER_PRIVATE_H */
