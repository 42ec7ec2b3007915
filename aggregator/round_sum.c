/* SPDX-License-Identifier: MIT */
#include "round_sum.h"

#include <math.h>
#include <stdlib.h>

#include <tacit/bytes.h>
#include <tacit/protect.h>

#include "cohort.h"
#include "fleetdb.h"
#include "partial.h"
#include "plan_secagg.h"

void tacit_round_sum_done(struct tacit_round_sum *sum)
{
	tacit_free(sum->value);
	*sum = (struct tacit_round_sum){ 0 };
}

/* Little-endian u32 modulo 2^32 into numbers. */
static int read_numbers(const struct tacit_round_doc *round, const uint8_t *data, double *ret)
{
	const struct tacit_protect_params params = { .clip_norm = round->clip_norm };
	TACIT_AUTO_FREE uint32_t *sum = TACIT_NEW_N(uint32_t, round->dimensions);
	struct tacit_reader reader = tacit_reader_init(data, (size_t)round->dimensions * 4);

	if (!sum)
		return -ENOMEM;
	for (uint32_t i = 0; i < round->dimensions; i++)
		sum[i] = tacit_read_u32le(&reader);
	tacit_unprotect(&params, sum, round->dimensions, ret);
	return 0;
}

static int add_partials(struct tacit_db *db, const struct tacit_round *round, uint8_t *total,
			uint64_t *ret_updates)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT updates, sum FROM partial WHERE round = ?", "i",
			       (int64_t)round->doc.round);
	uint64_t updates = 0;
	int r;

	while ((r = tacit_db_step(db, query)) > 0) {
		size_t len;
		const void *sum = tacit_db_column_blob(query, 1, &len);

		if (len != (size_t)round->doc.dimensions * 4)
			return TACIT_EDAMAGED;
		tacit_partial_add(total, (const uint8_t *)sum, round->doc.dimensions);
		updates += (uint64_t)tacit_db_column_int(query, 0);
	}
	if (r == 0)
		*ret_updates = updates;
	return r;
}

static int get_local(struct tacit_db *db, const struct tacit_round *round,
		     struct tacit_round_sum *ret)
{
	const struct tacit_protect_params params = { .clip_norm = round->doc.clip_norm,
						     .noise_multiplier =
							     round->doc.noise_multiplier };
	TACIT_AUTO_FREE uint8_t *total = (uint8_t *)tacit_calloc(round->doc.dimensions, 4);
	int r = total ? add_partials(db, round, total, &ret->sum.updates) : -ENOMEM;

	if (r == 0)
		r = read_numbers(&round->doc, total, ret->value);
	ret->sum.noise_sd =
		tacit_protect_noise_sd(&params, round->doc.dimensions, ret->sum.updates);
	return r < 0 || isfinite(ret->sum.noise_sd) ? r : TACIT_EDAMAGED;
}

/* The sums of the groups that have one. */
struct groups {
	size_t n;
	uint64_t updates;
	double *value;	 /* n vectors: the sums */
	double *size;	 /* n: of how many */
	double noise2;	 /* variances of the noise, summed */
	double variance; /* and those of the means */
};

static void groups_done(struct groups *groups)
{
	tacit_free(groups->value);
	tacit_free(groups->size);
}

static int take_group(struct sqlite3_stmt *query, const struct tacit_round_doc *round,
		      struct groups *groups)
{
	double *value = groups->value + groups->n * round->dimensions;
	double survivors = (double)tacit_db_column_int(query, 1);
	double noise_sd = tacit_db_column_double(query, 2);
	const uint8_t *sum;
	size_t len;
	int r;

	sum = (const uint8_t *)tacit_db_column_blob(query, 0, &len);
	if (len != (size_t)round->dimensions * 4 || !(survivors >= 1) || !(noise_sd >= 0))
		return TACIT_EDAMAGED;
	r = read_numbers(round, sum, value);
	groups->size[groups->n++] = survivors;
	groups->updates += (uint64_t)survivors;
	groups->noise2 += noise_sd * noise_sd;
	groups->variance += pow(noise_sd / survivors, 2);
	return r;
}

static int read_groups(struct tacit_db *db, const struct tacit_round *round, struct groups *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db,
			       "SELECT sum, survivors, noise_sd FROM cohort"
			       " WHERE round = ? AND phase = ? ORDER BY grp",
			       "ii", (int64_t)round->doc.round, (int64_t)TACIT_COHORT_DONE);
	int r, taken = 0;

	ret->value = TACIT_NEW_N(double, (size_t)round->groups * round->doc.dimensions);
	ret->size = TACIT_NEW_N(double, round->groups);
	if (!ret->value || !ret->size)
		return -ENOMEM;
	while (taken == 0 && (r = tacit_db_step(db, query)) > 0)
		taken = ret->n < round->groups ? take_group(query, &round->doc, ret)
					       : TACIT_EDAMAGED;
	return taken < 0 ? taken : r;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int tacit_round_sum_trim(const double *value, const double *size, size_t n, size_t dimensions,
			 double *ret)
{
	TACIT_AUTO_FREE double *one = TACIT_NEW_N(double, n + 1);
	size_t cut = n / TACIT_ROUND_SUM_TRIM;

	if (!one)
		return -ENOMEM;
	for (size_t i = 0; i < dimensions; i++) {
		double sum = 0;

		for (size_t k = 0; k < n; k++)
			one[k] = value[k * dimensions + i] / size[k];
		qsort(one, n, sizeof(*one), compare);
		for (size_t k = cut; k < n - cut; k++)
			sum += one[k];
		ret[i] = sum / (double)(n - 2 * cut);
	}
	return 0;
}

static int get_trimmed(const struct groups *groups, uint32_t dimensions,
		       struct tacit_round_sum *ret)
{
	size_t cut = groups->n / TACIT_ROUND_SUM_TRIM;
	double updates = (double)groups->updates, loss;
	int r = tacit_round_sum_trim(groups->value, groups->size, groups->n, dimensions,
				     ret->value);

	for (uint32_t i = 0; r == 0 && i < dimensions; i++)
		ret->value[i] *= updates;
	loss = tacit_plan_trimmed_noise((uint32_t)groups->n, (uint32_t)cut) /
	       sqrt((double)groups->n);
	ret->sum.noise_sd = updates * loss * sqrt(groups->variance) / (double)groups->n;
	return r;
}

static int get_groups(struct tacit_db *db, const struct tacit_round *round,
		      enum tacit_aggregation aggregation, struct tacit_round_sum *ret)
{
	TACIT_CLEANUP(groups_done) struct groups groups = { 0 };
	int r = read_groups(db, round, &groups);

	ret->sum.updates = groups.updates;
	if (r < 0 || groups.n == 0)
		return r;
	if (aggregation == TACIT_AGGREGATION_TRIMMED_MEAN)
		return get_trimmed(&groups, round->doc.dimensions, ret);
	ret->sum.noise_sd = sqrt(groups.noise2);
	for (size_t k = 0; k < groups.n; k++)
		for (uint32_t i = 0; i < round->doc.dimensions; i++)
			ret->value[i] += groups.value[k * round->doc.dimensions + i];
	return 0;
}

int tacit_round_sum_get(struct tacit_db *db, const struct tacit_round *round,
			enum tacit_aggregation aggregation, struct tacit_round_sum *ret)
{
	TACIT_CLEANUP(tacit_round_sum_done) struct tacit_round_sum sum = { 0 };
	int r;

	sum.value = TACIT_NEW_N(double, round->doc.dimensions);
	if (!sum.value)
		return -ENOMEM;
	r = round->groups == 0 ? get_local(db, round, &sum)
			       : get_groups(db, round, aggregation, &sum);
	if (r < 0)
		return r;
	sum.sum.value = sum.value;
	*ret = sum;
	sum.value = NULL;
	return 0;
}

int tacit_round_sum_count(struct tacit_db *db, const struct tacit_round *round, uint64_t *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = NULL;
	int r;

	if (round->groups == 0)
		return tacit_round_updates(db, round->doc.round, ret);
	query = tacit_db_query(
		db, "SELECT ifnull(sum(survivors), 0) FROM cohort WHERE round = ? AND phase = ?",
		"ii", (int64_t)round->doc.round, (int64_t)TACIT_COHORT_DONE);
	r = tacit_fleetdb_row(db, query);
	if (r == 0)
		*ret = (uint64_t)tacit_db_column_int(query, 0);
	return r;
}
