/* SPDX-License-Identifier: MIT */
/* What the files of the evaluation share. */
#ifndef TACIT_AGENT_EVAL_PRIVATE_H
#define TACIT_AGENT_EVAL_PRIVATE_H

#include <tacit/fleet.h>
#include <tacit/random.h>

#include "eval.h"

struct eval_run {
	const struct tacit_dataset *dataset;
	const struct tacit_eval_params *params;
	struct tacit_space space;
	uint16_t group_of[TACIT_SPACE_DIMS_MAX];
	struct tacit_random *random;
	struct tacit_model **model; /* by host: of its own rows */
	double noise_multiplier;
};

/* Scores of rows, in their order. Zeroed to begin with. */
struct eval_scores {
	double (*value)[TACIT_STATISTIC_COUNT];
	size_t n, room;
	double evidence; /* behind the first */
};

void tacit_eval_scores_done(struct eval_scores *scores);

/* A row as a sample that borrows @x (dims numbers) and @observed (groups). */
struct tacit_sample tacit_eval_sample(const struct eval_run *run, size_t host, size_t row,
				      double *x, uint8_t *observed);

/* Appends a score for each of @n rows from @first on; NaN where the model knows too little.
 * 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_eval_score(const struct eval_run *run, struct tacit_model *model,
				      size_t host, size_t first, size_t n, struct eval_scores *ret);

/* How many of a host's train rows are learned from, and how many then calibrate. */
struct eval_parts {
	size_t fit, calibrate;
};

struct eval_parts tacit_eval_parts(const struct eval_run *run, size_t host);

/* True when @other's contribution is for @host to lean on. */
bool tacit_eval_is_sibling(const struct eval_run *run, size_t host, size_t other);

/* An empty model of full size. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_eval_make_model(const struct eval_run *run, struct tacit_model **ret);

/* Gives a uniform sample of the host's first @n rows to the kind's refine(), if it has one. 0 or
 * -ENOMEM. */
TACIT_MUST_CHECK int tacit_eval_refine(const struct eval_run *run, struct tacit_model *model,
				       size_t host, size_t n);

/* Makes run->model. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_eval_learn_all(struct eval_run *run);

/* What the siblings of @host make of as many rounds as there should be: a fleet of one class.
 * @ret_siblings: how many took part; with none, nobody has said anything.
 * 0, -EINVAL (noise out of range) or -ENOMEM. */
TACIT_MUST_CHECK int tacit_eval_release(struct eval_run *run, size_t host, struct tacit_fleet **ret,
					size_t *ret_siblings);

/* The model that @host is to be judged by, owned by the caller, and the scores its thresholds are
 * made of. Fills in what @ret tells of both. Errors as tacit_eval_release(). */
TACIT_MUST_CHECK int tacit_eval_learn(struct eval_run *run, size_t host, struct tacit_model **model,
				      struct eval_scores *calibration, struct tacit_eval_host *ret);

#endif /* TACIT_AGENT_EVAL_PRIVATE_H */
