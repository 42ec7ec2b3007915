/* SPDX-License-Identifier: MIT */
/* Windows of made-up scopes for the tests of models. */
#ifndef TACIT_TESTS_SAMPLES_H
#define TACIT_TESTS_SAMPLES_H

#include <tacit/bytes.h>
#include <tacit/space.h>

#include "seed.h"

#define SAMPLES_DIMS   8U
#define SAMPLES_GROUPS 3U

/* Group 1 lies between parts of group 0, as features of one probe may. */
static const uint16_t samples_group_of[SAMPLES_DIMS] = { 0, 0, 1, 1, 0, 2, 2, 2 };
static const struct tacit_space samples_space = {
	.dims = SAMPLES_DIMS,
	.groups = SAMPLES_GROUPS,
	.group_of = samples_group_of,
};

static const uint8_t samples_all[SAMPLES_GROUPS] = { 1, 1, 1 };
static const uint8_t samples_no_last[SAMPLES_GROUPS] = { 1, 1, 0 };
static const uint8_t samples_no_first[SAMPLES_GROUPS] = { 0, 1, 1 };

/* Mean 2 + j / 2 + @shift; standard deviation 0.3 and up; neighbours vary together. */
static inline void samples_draw(struct tacit_random *random, double shift, double *x)
{
	double common = seeded_normal(random);

	for (size_t j = 0; j < SAMPLES_DIMS; j++)
		x[j] = 2 + (double)j / 2 + shift +
		       (0.3 + 0.05 * (double)j) * (0.8 * common + 0.6 * seeded_normal(random));
}

#endif /* TACIT_TESTS_SAMPLES_H */
