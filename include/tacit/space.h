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

struct tacit_space {
	size_t dims;             /* 1..TACIT_SPACE_DIMS_MAX */
	size_t groups;           /* 1..TACIT_SPACE_GROUPS_MAX */
	const uint16_t *group_of; /* borrowed; @dims entries below @groups */
};

/* One window of one scope, ready for a model. */
struct tacit_sample {
	const double *x;         /* borrowed; @dims transformed values, finite */
	const uint8_t *observed; /* borrowed; @groups entries, 0 or 1 */
};

#endif /* TACIT_SPACE_H */
