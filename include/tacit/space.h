/* SPDX-License-Identifier: MIT */
/*
 * What a model is told of its input: how many dimensions, and which are
 * observed or missing together. Models know nothing of kernels and features.
 */
#ifndef TACIT_SPACE_H
#define TACIT_SPACE_H

#include <stddef.h>
#include <stdint.h>

#define TACIT_SPACE_DIMS_MAX   512U
#define TACIT_SPACE_GROUPS_MAX 64U

/* How cautious a model is to be about what it has seen little of; in the units of the input, which
 * the defaults take for logarithms of counts. Every number is 0 or more. */
struct tacit_tuning {
	double sd_min;	       /* what a silent dimension may deviate by before its z grows */
	double ridge_relative; /* added to every variance: a share of the mean variance, */
	double ridge_absolute; /* and this, since there may be no variance at all */
	double unseen; /* a variance believed in for one window: what was never seen in n windows
			* may still happen in one of the next n */
};

struct tacit_space {
	size_t dims;			   /* 1..TACIT_SPACE_DIMS_MAX */
	size_t groups;			   /* 1..TACIT_SPACE_GROUPS_MAX */
	const uint16_t *group_of;	   /* borrowed; @dims entries below @groups */
	const struct tacit_tuning *tuning; /* borrowed; NULL: TACIT_TUNING_DEFAULT */
};

#define TACIT_TUNING_DEFAULT                                                                       \
	((struct tacit_tuning){                                                                    \
		.sd_min = 0.05, .ridge_relative = 1e-2, .ridge_absolute = 1e-4, .unseen = 1 })

static inline struct tacit_tuning tacit_space_tuning(const struct tacit_space *space)
{
	return space->tuning ? *space->tuning : TACIT_TUNING_DEFAULT;
}

/* One window of one scope, ready for a model. */
struct tacit_sample {
	const double *x;	 /* borrowed; @dims transformed values, finite */
	const uint8_t *observed; /* borrowed; @groups entries, 0 or 1 */
};

#endif /* TACIT_SPACE_H */
