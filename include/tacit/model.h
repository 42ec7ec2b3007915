/* SPDX-License-Identifier: MIT */
/*
 * model - what a scope's anomaly model can do, whatever its kind.
 *
 * A local model learns from one scope's windows. A *block* is what a fleet
 * knows of one workload class: the released parameters of that kind, an array
 * of floats. All models learn together through sums: contribute() turns local
 * evidence into a vector, a round adds vectors up, absorb() turns the sum into
 * the next block, and set_prior() lets a local model lean on it.
 *
 * Not thread-safe; one model belongs to one thread.
 */
#ifndef TACIT_MODEL_H
#define TACIT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/space.h>

struct tacit_model;

/* Each statistic has a threshold of its own; an alarm on any. */
enum tacit_statistic {
	TACIT_STATISTIC_DISTANCE, /* squared ridge Mahalanobis distance, >= 0 */
	TACIT_STATISTIC_MAX_Z,    /* largest |z| of one feature, >= 0 */
	TACIT_STATISTIC_RARE,     /* surprise at seldom events, in nats, >= 0 */
	TACIT_STATISTIC_COUNT,
};

struct tacit_score {
	double value[TACIT_STATISTIC_COUNT];
	size_t max_z_dim; /* which dimension has the largest |z| */
	double evidence;  /* windows behind the judgement: own, plus what the prior is worth */
};

/* What a model knows of its own age. */
struct tacit_model_info {
	const char *kind;    /* static */
	uint64_t windows;    /* learned from */
	double prior;	     /* what the fleet's block is worth, in windows; 0 without one */
	bool promoted;	     /* holds what promote() adds */
	uint64_t refined;    /* windows learned from when refine() was last done; 0 never */
	unsigned components; /* of the mixture that judges the distance; 1: a single Gaussian */
};

/* Of a sample given to refine(), every so manieth window (number 3, 7, 11, ...; from 0) has no part
 * in the fit: it serves to judge it, and its score is that of a new window. */
#define TACIT_MODEL_HELD_OUT 4U

/* What absorb() is told of a sum. */
struct tacit_sum {
	const double *value; /* borrowed; contribution_len numbers: the sum over the cohort */
	uint64_t updates;    /* how many were added */
	double noise_sd;     /* standard deviation of the noise in each number; 0 when none */
};

/**
 * struct tacit_model_kind - one kind of model.
 *
 * Functions that take a block are given block_len floats that check() accepted.
 */
struct tacit_model_kind {
	const char *name; /* at most 15 bytes, e.g. "gaussian" */

	/* @ret: owned by the caller. 0 or -ENOMEM. @space is borrowed and outlives the model. */
	int (*new)(const struct tacit_space *space, struct tacit_model **ret);
	void (*free)(struct tacit_model *model);

	/* Adds a window to the local evidence, as if it came @times (at least 1) in a row. 0 or
	 * -ENOMEM. */
	int (*learn)(struct tacit_model *model, const struct tacit_sample *sample, uint32_t times);

	/**
	 * refine - fit what needs many windows at once, to judge or to contribute better.
	 * @sample: @n of the scope's windows, a uniform sample of what it learned from; borrowed.
	 *
	 * NULL: the kind has nothing of the sort. May take a fraction of a second; whoever runs
	 * many models decides when. What was fitted is kept by save(). 0; -EAGAIN with too few
	 * windows, or not promoted; -ENOMEM; then nothing has changed.
	 *
	 * Distances before and after may be of different scales when components is above 1 before
	 * or after: thresholds for them begin anew, from the scores of the held-out windows.
	 */
	int (*refine)(struct tacit_model *model, const struct tacit_sample *sample, size_t n);

	/* 0; -EAGAIN while there is too little evidence to judge; -ENOMEM. */
	int (*score)(struct tacit_model *model, const struct tacit_sample *sample,
		     struct tacit_score *ret);

	/* How badly the model foresaw a window: the mean, over the numbers it can judge, of minus
	 * the logarithm of the density it gave to each, in nats; what is far off is cut short, so
	 * that no one number decides. Lower is better, for too wide a model as for too narrow a
	 * one. Models of a scope compare by it, on windows that neither learned. NULL: the kind has
	 * no density. 0; -EAGAIN, -ENOMEM as score. */
	int (*loss)(struct tacit_model *model, const struct tacit_sample *sample, double *ret);

	/* Attribution of the distance: @share (dims numbers, 0 where missing; one may be negative:
	 * it then makes the others less surprising) adds up to
	 * value[TACIT_STATISTIC_DISTANCE]; @z (dims numbers, may be NULL) is each feature's
	 * signed z-score; @expected (may be NULL) each feature's mean. Errors as score. */
	int (*explain)(struct tacit_model *model, const struct tacit_sample *sample, double *share,
		       double *z, double *expected);

	/* How surprising it is of each dimension that it moved, behind value[TACIT_STATISTIC_RARE]:
	 * @nats (dims numbers), 0 where it is not. NULL: the kind knows of no seldom events. Errors
	 * as score. */
	int (*surprise)(struct tacit_model *model, const struct tacit_sample *sample, double *nats);

	/* Numbers in a contribution and in a block, for one class. */
	size_t (*contribution_len)(const struct tacit_space *space);
	size_t (*block_len)(const struct tacit_space *space);

	/* What no release says anything about: the reference of the first round. */
	void (*block_init)(const struct tacit_space *space, float *block);

	/* Foreign bytes: 0, or -EINVAL when a number is not finite or out of range. */
	int (*check)(const struct tacit_space *space, const float *block);

	/* Writes what this model would add to its class, relative to @reference, every number
	 * within [-1, 1]. All zero while the model has too little evidence to be of use. */
	void (*contribute)(const struct tacit_model *model, const float *reference, double *out);

	/* @out becomes the next block, from the sum and the @reference its hosts used. Where noise
	 * drowns the signal it stays near the reference and says so in its weights. */
	void (*absorb)(const struct tacit_space *space, const struct tacit_sum *sum,
		       const float *reference, float *out);

	/* Copies @block; the model leans on it until its own evidence takes over. @kappa: what a
	 * fully trusted block is worth, in windows, 0..10000. NULL takes the prior away.
	 * 0, -EINVAL (kappa) or -ENOMEM. */
	int (*set_prior)(struct tacit_model *model, const float *block, double kappa);

	void (*info)(const struct tacit_model *model, struct tacit_model_info *ret);

	/* A model starts small. promote() makes it spend memory on judging better (gaussian: how
	 * features vary together); for good, and kept by save(). 0 or -ENOMEM; again: 0.
	 * Whoever runs many models decides which are worth it. */
	int (*promote)(struct tacit_model *model);

	/* Heap bytes the model holds now, and what one of @space holds after promote(), both with
	 * room for a prior. */
	size_t (*size_bytes)(const struct tacit_model *model);
	size_t (*promoted_bytes)(const struct tacit_space *space);

	/* Local evidence (not the prior) to and from bytes, versioned. load: TACIT_ESCHEMA when
	 * they are of another space or version, TACIT_EDAMAGED when not plausible, -ENOMEM. */
	void (*save)(const struct tacit_model *model, struct tacit_writer *writer);
	int (*load)(const struct tacit_space *space, struct tacit_reader *reader,
		    struct tacit_model **ret);
};

/* Kind by name, static; NULL when unknown. tacit_model_kind_at(i) lists them, NULL at the end. */
const struct tacit_model_kind *tacit_model_kind_find(const char *name);
const struct tacit_model_kind *tacit_model_kind_at(size_t i);

/* Every struct tacit_model begins with this, so that callers need only the model. */
struct tacit_model_head {
	const struct tacit_model_kind *kind;
};

const struct tacit_model_kind *tacit_model_kind_of(const struct tacit_model *model);

/* NULL is fine. */
void tacit_model_free(struct tacit_model *model);
TACIT_DEFINE_CLEANUP(struct tacit_model, tacit_model_free)

#endif /* TACIT_MODEL_H */
