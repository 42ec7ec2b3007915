/* SPDX-License-Identifier: MIT */
/*
 * learner - what is normal here: one model and its thresholds per scope, kept in
 * memory for the scopes seen lately and in the store for all.
 *
 * A scope's model leans on the fleet's block of its class until its own evidence
 * takes over. A few busy scopes may have models of full size, as memory allows.
 */
#ifndef TACIT_AGENT_LEARNER_H
#define TACIT_AGENT_LEARNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/fleet.h>
#include <tacit/model.h>

#include "store.h"
#include "window.h"

struct tacit_learner;

struct tacit_learner_params {
	const struct tacit_model_kind *kind; /* static */
	struct tacit_store *store; /* borrowed, outlives the learner; NULL: nothing is kept */
	size_t memory_bytes;	   /* for models of full size */
	uint32_t scopes_max;	   /* held in memory, the least recent one leaves; 0: 1024 */
};

/* @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_learner_new(const struct tacit_learner_params *params,
				       struct tacit_learner **ret);

/* How one window looks to its scope's model. Plain record. */
struct tacit_judgement {
	bool scored;	    /* false: the model knows too little */
	bool has_threshold; /* false: too few scores yet */
	struct tacit_score score;
	double threshold[TACIT_STATISTIC_COUNT];
	uint64_t model_version; /* release behind it; 0 none */
};

/**
 * tacit_learner_judge - score a window before anything is learned from it.
 * @risk: for the thresholds, per window and statistic.
 *
 * The scope is loaded from the store, or begins; a stored model that cannot be read is counted,
 * logged once and begun anew. Returns 0, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_learner_judge(struct tacit_learner *learner,
					 const struct tacit_window *window, double risk,
					 struct tacit_judgement *ret);

/* Learns from the window that was judged last for its scope, and from its scores. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_learner_learn(struct tacit_learner *learner,
					 const struct tacit_window *window,
					 const struct tacit_judgement *judgement);

/* Remembers a window that was judged normal and learned: should it be an idle one, the next may be
 * just like it. */
void tacit_learner_expect(struct tacit_learner *learner, const struct tacit_window *window,
			  const struct tacit_judgement *judgement);

/* 1: @window is what was expected to the letter; it is counted, will be learned, and needs no
 * judgement. 0: judge it. */
int tacit_learner_repeat(struct tacit_learner *learner, const struct tacit_window *window);

/* Counts an alarm in the scope's minute summary. */
void tacit_learner_note_alarm(struct tacit_learner *learner, const char *scope);

/* Lets the scope's thresholds learn that there are scores as high as @judgement's, but no higher
 * than TACIT_THRESHOLD_CONCEDE times themselves. For alarms that are hardly any: what is a little
 * unusual now and then will be usual in the end. One far beyond teaches nothing, or an intrusion
 * would hide the next. */
void tacit_learner_concede(struct tacit_learner *learner, const char *scope,
			   const struct tacit_judgement *judgement);

/* The scope has changed for good: its model is no longer held to what it was (reference.h), and its
 * thresholds may follow at once. */
void tacit_learner_release(struct tacit_learner *learner, const char *scope);

/* An alarming window of @scope: @excess times its threshold, led by @feature; and whether such a one
 * was to be expected at this hour of the week (rhythm.h). */
void tacit_learner_note_habit(struct tacit_learner *learner, const char *scope, int64_t wall_ms,
			      double excess, unsigned feature);
bool tacit_learner_is_habit(struct tacit_learner *learner, const char *scope, int64_t wall_ms,
			    double excess, unsigned feature);

/* One feature's part in a score. */
struct tacit_cause {
	unsigned feature;
	double share;	 /* of the distance; those of all features add up to 1 */
	double z;	 /* signed */
	double surprise; /* in nats; 0 when its moving is nothing seldom */
	uint64_t value;	 /* count in the window */
	double expected; /* count that is usual */
};

/* The @max features that best explain @statistic: with the largest surprises when it is
 * TACIT_STATISTIC_RARE, else with the largest shares, falling; among them, whatever their share,
 * the one with the largest |z| and the most surprising ones. Returns how many were written to
 * @causes; -EAGAIN when the model knows too little, -ENOMEM. */
TACIT_MUST_CHECK int tacit_learner_explain(struct tacit_learner *learner,
					   const struct tacit_window *window,
					   enum tacit_statistic statistic, size_t max,
					   struct tacit_cause *causes);

/* What the fleet knows. @fleet: consumed, also on failure; NULL takes it away. @kappa: what a
 * trusted block is worth, windows. Every model in memory is told. Returns 0, -EINVAL (another
 * kind of model), -ENOMEM (some models are told only when they are next loaded). */
TACIT_MUST_CHECK int tacit_learner_set_fleet(struct tacit_learner *learner,
					     struct tacit_fleet *fleet, double kappa);

/* Borrowed until the next set; NULL without one. */
const struct tacit_fleet *tacit_learner_fleet(const struct tacit_learner *learner);

/* Windows a scope must have to be contributed. */
#define TACIT_LEARNER_CONTRIBUTE_MIN 30U

/**
 * tacit_learner_contribute - what this host would add to @fleet, all classes.
 * @out: tacit_fleet_dimensions(@fleet) numbers.
 *
 * Speaks of the scopes in memory that have windows enough. Returns how many classes those are
 * of, -EINVAL (another kind of model) or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_learner_contribute(struct tacit_learner *learner,
					      const struct tacit_fleet *fleet, double *out);

/**
 * tacit_learner_flush - save what is worth saving, in one transaction; also the moment when busy
 * scopes get models of full size, one of those is refined and idle ones leave memory. Call every
 * TACIT_LEARNER_FLUSH_MS.
 * @all: everything that changed, as at the end, and nothing is refined; else a scope is saved when
 *       a sixteenth of what it knows would be lost (and every hour), so that old scopes cost few
 *       writes.
 *
 * Returns 0, or as tacit_db_run(); what was not saved stays due.
 */
TACIT_MUST_CHECK int tacit_learner_flush(struct tacit_learner *learner, bool all);
#define TACIT_LEARNER_FLUSH_MS 10000

/* Scopes judged lately: they share the alerts that the operator asked for. At least 1. */
uint32_t tacit_learner_scopes(const struct tacit_learner *learner);

/* What is known of one scope in memory. Plain record. */
struct tacit_learner_info {
	const char *scope, *class; /* borrowed for the call */
	struct tacit_model_info model;
	const char *fleet; /* static: what it says of the class, "known" or "too few hosts" (noise
			    * drowned them); NULL where there is no release, or none of the class */
	uint64_t scores; /* behind its thresholds */
	size_t bytes;	 /* its model takes */
};

typedef void tacit_learner_info_fn(void *ctx, const struct tacit_learner_info *info);

/* Every scope in memory, most recent first. @fn must not use the learner. */
void tacit_learner_each(const struct tacit_learner *learner, tacit_learner_info_fn *fn, void *ctx);

/* The model of @scope, borrowed until the next call; NULL when it is not in memory. */
struct tacit_model *tacit_learner_model(struct tacit_learner *learner, const char *scope);

/* NULL is fine. Does not flush. */
void tacit_learner_free(struct tacit_learner *learner);
TACIT_DEFINE_CLEANUP(struct tacit_learner, tacit_learner_free)

#endif /* TACIT_AGENT_LEARNER_H */
