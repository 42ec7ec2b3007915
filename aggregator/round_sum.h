/* SPDX-License-Identifier: MIT */
/*
 * round_sum - what a round has gathered, as one sum: workers' partial sums of updates, or the sums
 * of a secure round's groups.
 *
 * Groups may be added up, or their means averaged coordinate by coordinate without the largest and
 * the smallest fifth (Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning, ICML
 * 2018): then a few groups that lie move it little, and its noise is greater, for each group brings
 * that of a whole sum (tacit_plan_trimmed_noise()). With fewer than five groups there is nothing to
 * leave out.
 */
#ifndef TACIT_AGGREGATOR_ROUND_SUM_H
#define TACIT_AGGREGATOR_ROUND_SUM_H

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/model.h>

#include "round.h"

#define TACIT_ROUND_SUM_TRIM 5U /* one group in so many is left out, at each end */

/* Numbers in the units of contributions; sum.value is @value. */
struct tacit_round_sum {
	struct tacit_sum sum;
	double *value; /* owned */
};

/* @ret: owned by the caller; of no update when there is none. 0, TACIT_EDAMAGED, -ENOMEM, database
 * errors. */
TACIT_MUST_CHECK int tacit_round_sum_get(struct tacit_db *db, const struct tacit_round *round,
					 enum tacit_aggregation aggregation,
					 struct tacit_round_sum *ret);

/**
 * tacit_round_sum_trim - the mean of groups, coordinate by coordinate without the extreme fifths.
 * @value: @n sums of @dimensions numbers, one after the other.
 * @size:  @n, of how many updates each is.
 * @ret:   @dimensions means over updates.
 *
 * 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_round_sum_trim(const double *value, const double *size, size_t n,
					  size_t dimensions, double *ret);

/* How many updates that would be of. 0 or database errors. */
TACIT_MUST_CHECK int tacit_round_sum_count(struct tacit_db *db, const struct tacit_round *round,
					   uint64_t *ret);

/* For TACIT_CLEANUP(). */
void tacit_round_sum_done(struct tacit_round_sum *sum);

#endif /* TACIT_AGGREGATOR_ROUND_SUM_H */
