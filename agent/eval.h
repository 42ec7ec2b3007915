/* SPDX-License-Identifier: MIT */
/*
 * eval - how well this program's own models, privacy and thresholds detect what a labelled data set
 * has, host by host.
 *
 * Of each host's train rows the first part is learned from and the rest, which the model has not
 * seen, gives the scores that thresholds are made of; test rows are only judged. What a host may
 * learn from besides, or instead, is the fleet: hosts contribute, a sum is protected, absorbed and
 * leaned on exactly as in rounds, only without a network between.
 */
#ifndef TACIT_AGENT_EVAL_H
#define TACIT_AGENT_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/model.h>

#include "dataset.h"
#include "eval_metrics.h"

/* What a host's model is made from. */
enum tacit_eval_learn {
	TACIT_EVAL_LOCAL,    /* its own rows */
	TACIT_EVAL_SIBLINGS, /* the other hosts of its class, nothing of its own */
	TACIT_EVAL_FLEET,    /* all other hosts, as if they were one class */
	TACIT_EVAL_BLEND,    /* its siblings and its own first rows */
};

enum tacit_eval_threshold {
	TACIT_EVAL_QUANTILE, /* of the scores that thresholds are made of */
	TACIT_EVAL_POT,	     /* tacit_threshold, at the risk that alerts_per_day leaves a window */
};

struct tacit_eval_params {
	const struct tacit_model_kind *kind; /* static */
	enum tacit_eval_learn learn;
	enum tacit_eval_threshold threshold;
	double quantile;       /* 0..1 */
	double alerts_per_day; /* above 0 */
	double calibrate; /* share of train that thresholds are made of, 0..0.9; 0: rows are scored
			   * just before they are learned, as the agent does */
	double kappa;	  /* what a trusted block is worth, in windows */
	double epsilon;	  /* with delta TACIT_EVAL_DELTA, for all rounds together; 0: no noise */
	double missing;	  /* share of columns that a host lacks, 0..0.9 */
	uint32_t own_windows;	    /* use no more of its own; 0: all there are (blend: none) */
	uint32_t hosts;		    /* as if so many had contributed; 0: as many as did */
	uint32_t rounds;	    /* at least 1 */
	uint32_t window_ms;	    /* what a row stands for, at least 1 */
	struct tacit_tuning tuning; /* of the models */
	uint32_t seed;		    /* of noise and of what is missing */
};

#define TACIT_EVAL_DELTA 1e-5

/* What is told of: the model's statistics, and two more. */
enum {
	TACIT_EVAL_COMBINED = TACIT_STATISTIC_COUNT, /* the largest share of its threshold that a
						      * statistic reaches: beyond 1 is an alarm */
	TACIT_EVAL_RANDOM, /* any number: what a score without merit gets */
	TACIT_EVAL_SCORES,
};

/* "distance", "max z", ..., "combined", "random". */
const char *tacit_eval_score_name(size_t i);

/* Of one score. NaN: it cannot be said. Plain record. */
struct tacit_eval_figures {
	struct tacit_eval_metrics metrics;
	double threshold;
	double detection;      /* share of anomalous intervals with a window above the threshold */
	double fpr;	       /* share of normal windows above it */
	double alarms_per_day; /* such windows, in a day of normal ones */
	double episodes_per_day; /* such windows as the agent groups them, none of them anomalous */
};

/* Plain record; names are borrowed from the data set. */
struct tacit_eval_host {
	const char *name, *class;
	size_t fitted;	   /* windows of its own that were learned from */
	size_t siblings;   /* other hosts that were */
	size_t calibrated; /* scores behind the thresholds */
	size_t intervals;  /* anomalous ones */
	double evidence;   /* behind its first score, in windows; 0: the model knew too little */
	struct tacit_eval_figures of[TACIT_EVAL_SCORES];
};

struct tacit_eval {
	struct tacit_eval_host *host;
	size_t hosts;
	struct tacit_eval_figures mean[TACIT_EVAL_SCORES]; /* over the hosts that have the figure */
	size_t unjudged;				   /* hosts whose model knew too little */
	double noise_multiplier;			   /* of each round; 0: none */
};

/**
 * tacit_eval_run - measure.
 * @dataset: borrowed, outlives @ret.
 * @ret: owned by the caller.
 *
 * Returns 0, -EINVAL (a parameter), -ENOMEM or TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_eval_run(const struct tacit_dataset *dataset,
				    const struct tacit_eval_params *params,
				    struct tacit_eval **ret);

/* NULL is fine. */
void tacit_eval_free(struct tacit_eval *eval);
TACIT_DEFINE_CLEANUP(struct tacit_eval, tacit_eval_free)

#endif /* TACIT_AGENT_EVAL_H */
