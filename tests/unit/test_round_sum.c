/* SPDX-License-Identifier: MIT */
#include "aggregator/round_sum.h"

#include <math.h>
#include <stdlib.h>

#include <tacit/bytes.h>
#include <tacit/protect.h>

#include "aggregator/cohort.h"
#include "aggregator/plan_secagg.h"

#include "fleet.h"
#include "unit.h"

#define GROUPS_MAX 12U
#define GRID	   (double)(1U << TACIT_PROTECT_SCALE_BITS)

/* A secure round whose sums are over; nobody took part. */
struct bench {
	struct fleet fleet;
	struct tacit_round round;
	struct tacit_round_sum sum;
	/* group by group: numbers on the grid, or lost */
	int32_t *value[GROUPS_MAX];
	unsigned survivors[GROUPS_MAX];
	double noise_sd[GROUPS_MAX];
	bool lost[GROUPS_MAX];
};

static void bench_done(struct bench *bench)
{
	for (size_t i = 0; i < GROUPS_MAX; i++)
		tacit_free(bench->value[i]);
	tacit_round_sum_done(&bench->sum);
	fleet_done(&bench->fleet);
}

static void put_group(struct bench *bench, uint32_t group)
{
	const struct tacit_round_doc *doc = &bench->round.doc;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer sum = { 0 };

	bench->survivors[group] = 10 + group;
	bench->noise_sd[group] = 0.5 + 0.25 * group;
	bench->value[group] = TACIT_NEW_N(int32_t, doc->dimensions);
	for (uint32_t i = 0; i < doc->dimensions; i++) {
		bench->value[group][i] =
			(int32_t)tacit_random_below(bench->fleet.random, 2000001) - 1000000;
		tacit_write_u32le(&sum, (uint32_t)bench->value[group][i]);
	}
	FLEET_MUST(tacit_db_run(bench->fleet.db,
				"UPDATE cohort SET phase = ?, survivors = ?, sum = ?, noise_sd = ?"
				" WHERE round = ? AND grp = ?",
				"iibdii", (int64_t)TACIT_COHORT_DONE,
				(int64_t)bench->survivors[group], sum.data, sum.len,
				bench->noise_sd[group], (int64_t)doc->round, (int64_t)group));
}

static void lose_group(struct bench *bench, uint32_t group)
{
	bench->lost[group] = true;
	FLEET_MUST(tacit_db_run(bench->fleet.db,
				"UPDATE cohort SET phase = ?, sum = NULL WHERE round = ? AND grp = ?",
				"iii", (int64_t)TACIT_COHORT_LOST, (int64_t)bench->round.doc.round,
				(int64_t)group));
}

static struct bench bench_new(uint32_t groups)
{
	struct bench bench = { .fleet = fleet_new() };
	struct tacit_task task = fleet_task();

	task.mode = groups > 0 ? TACIT_TASK_DISTRIBUTED : TACIT_TASK_LOCAL;
	task.aggregation = TACIT_AGGREGATION_TRIMMED_MEAN;
	task.noise_multiplier = 1.5;
	task.clip_norm = 3;
	task.min_cohort = 4;
	task.max_cohort = 0;
	for (uint32_t i = 0; i < 16 * groups; i++)
		(void)fleet_host(&bench.fleet);
	FLEET_MUST(fleet_set_task(&bench.fleet, &task));
	bench.round = fleet_round(&bench.fleet);
	CU_ASSERT_EQUAL_FATAL(bench.round.groups, groups);
	for (uint32_t i = 0; i < groups; i++)
		put_group(&bench, i);
	return bench;
}

#define BENCH(name, groups) TACIT_CLEANUP(bench_done) struct bench name = bench_new(groups)

static int get(struct bench *bench, enum tacit_aggregation aggregation)
{
	tacit_round_sum_done(&bench->sum);
	return tacit_round_sum_get(bench->fleet.db, &bench->round, aggregation, &bench->sum);
}

static double scaled(const struct bench *bench, double grid)
{
	return grid * bench->round.doc.clip_norm / GRID;
}

static uint64_t alive(const struct bench *bench)
{
	uint64_t updates = 0;

	for (uint32_t k = 0; k < bench->round.groups; k++)
		updates += bench->lost[k] ? 0 : bench->survivors[k];
	return updates;
}

static void expect_sum(struct bench *bench)
{
	double noise2 = 0;
	uint64_t counted = 0;

	CU_ASSERT_EQUAL_FATAL(get(bench, TACIT_AGGREGATION_SUM), 0);
	CU_ASSERT_EQUAL(bench->sum.sum.updates, alive(bench));
	CU_ASSERT_PTR_EQUAL(bench->sum.sum.value, bench->sum.value);
	for (uint32_t i = 0; i < bench->round.doc.dimensions; i++) {
		double expected = 0;

		for (uint32_t k = 0; k < bench->round.groups; k++)
			expected += bench->lost[k] ? 0 : scaled(bench, bench->value[k][i]);
		CU_ASSERT_DOUBLE_EQUAL(bench->sum.value[i], expected, 1e-9);
	}
	for (uint32_t k = 0; k < bench->round.groups; k++)
		noise2 += bench->lost[k] ? 0 : bench->noise_sd[k] * bench->noise_sd[k];
	CU_ASSERT_DOUBLE_EQUAL(bench->sum.sum.noise_sd, sqrt(noise2), 1e-12);
	CU_ASSERT_EQUAL(tacit_round_sum_count(bench->fleet.db, &bench->round, &counted), 0);
	CU_ASSERT_EQUAL(counted, alive(bench));
}

/* Of one coordinate, the long way: again and again the largest and the smallest are struck out. */
static double trimmed(const struct bench *bench, uint32_t i, unsigned n, unsigned cut)
{
	double mean[GROUPS_MAX], total = 0;
	bool gone[GROUPS_MAX];

	for (uint32_t k = 0; k < bench->round.groups; k++) {
		gone[k] = bench->lost[k];
		mean[k] = scaled(bench, bench->value[k][i]) / bench->survivors[k];
	}
	for (unsigned pass = 0; pass < cut; pass++) {
		uint32_t least = GROUPS_MAX, most = GROUPS_MAX;

		for (uint32_t k = 0; k < bench->round.groups; k++) {
			if (!gone[k] && (least == GROUPS_MAX || mean[k] < mean[least]))
				least = k;
			if (!gone[k] && (most == GROUPS_MAX || mean[k] > mean[most]))
				most = k;
		}
		gone[least] = gone[most] = true;
	}
	for (uint32_t k = 0; k < bench->round.groups; k++)
		total += gone[k] ? 0 : mean[k];
	return total / (n - 2 * cut);
}

static void expect_trimmed(struct bench *bench, unsigned n, unsigned cut)
{
	double updates = (double)alive(bench), variance = 0, loss;

	CU_ASSERT_EQUAL_FATAL(get(bench, TACIT_AGGREGATION_TRIMMED_MEAN), 0);
	CU_ASSERT_EQUAL(bench->sum.sum.updates, alive(bench));
	for (uint32_t i = 0; i < bench->round.doc.dimensions; i++)
		CU_ASSERT_DOUBLE_EQUAL(bench->sum.value[i], updates * trimmed(bench, i, n, cut),
				       1e-9);
	for (uint32_t k = 0; k < bench->round.groups; k++)
		variance += bench->lost[k] ? 0
					   : pow(bench->noise_sd[k] / bench->survivors[k], 2);
	/* a mean of n means, and what is lost by leaving some out */
	loss = tacit_plan_trimmed_noise(n, cut) / sqrt(n);
	CU_ASSERT(cut == 0 ? fabs(loss - 1) < 1e-12 : loss > 1 && loss < 1.2);
	CU_ASSERT_DOUBLE_EQUAL(bench->sum.sum.noise_sd, updates * loss * sqrt(variance) / n, 1e-12);
}

/* Two workers' partial sums, modulo 2^32, of which one has wrapped round. */
static void test_local(void)
{
	static const uint32_t first = UINT32_MAX - 9, second = 110;
	BENCH(bench, 0);
	struct tacit_partial *partial[2] = { NULL, NULL };
	const struct tacit_protect_params params = { .clip_norm = 3, .noise_multiplier = 1.5 };
	uint64_t sigma2 = 0, counted = 0;
	BODY down = body_ramp(&bench.round.doc, first);
	BODY up = body_ramp(&bench.round.doc, second);

	CU_ASSERT_EQUAL_FATAL(get(&bench, TACIT_AGGREGATION_SUM), 0);
	CU_ASSERT_EQUAL(bench.sum.sum.updates, 0);
	CU_ASSERT_EQUAL(bench.sum.sum.noise_sd, 0);
	for (uint32_t i = 0; i < 2; i++) {
		FLEET_MUST(tacit_partial_new(bench.fleet.db, i, &partial[i]));
		CU_ASSERT_EQUAL(fleet_send(partial[i], fleet_host(&bench.fleet),
					   bench.round.doc.round, i ? &up : &down),
				1);
	}
	CU_ASSERT_EQUAL(
		fleet_send(partial[0], fleet_host(&bench.fleet), bench.round.doc.round, &up), 1);
	/* what is asked for secure sums changes nothing here */
	CU_ASSERT_EQUAL_FATAL(get(&bench, TACIT_AGGREGATION_TRIMMED_MEAN), 0);
	CU_ASSERT_EQUAL(bench.sum.sum.updates, 3);
	for (uint32_t i = 0; i < bench.round.doc.dimensions; i++)
		CU_ASSERT_DOUBLE_EQUAL(bench.sum.value[i],
				       scaled(&bench, 2 * 110 - 10 + 3 * (double)i), 1e-12);
	FLEET_MUST(tacit_protect_sigma2(&params, bench.round.doc.dimensions, &sigma2));
	CU_ASSERT_DOUBLE_EQUAL(bench.sum.sum.noise_sd, scaled(&bench, sqrt(3.0 * (double)sigma2)),
			       1e-12);
	CU_ASSERT_EQUAL(tacit_round_sum_count(bench.fleet.db, &bench.round, &counted), 0);
	CU_ASSERT_EQUAL(counted, 3);
	tacit_partial_free(partial[0]);
	tacit_partial_free(partial[1]);
}

static void test_groups(void)
{
	BENCH(bench, 6);

	expect_sum(&bench);
	lose_group(&bench, 2);
	expect_sum(&bench);
	for (uint32_t k = 0; k < 6; k++)
		lose_group(&bench, k);
	expect_sum(&bench); /* nothing is left, which is no error */
	CU_ASSERT_EQUAL(get(&bench, TACIT_AGGREGATION_TRIMMED_MEAN), 0);
	CU_ASSERT_EQUAL(bench.sum.sum.updates, 0);
}

static void test_trimmed(void)
{
	BENCH(bench, 10);

	expect_trimmed(&bench, 10, 2);
	lose_group(&bench, 0);
	expect_trimmed(&bench, 9, 1);
	lose_group(&bench, 7);
	lose_group(&bench, 8);
	lose_group(&bench, 3);
	lose_group(&bench, 9);
	expect_trimmed(&bench, 5, 1);
	lose_group(&bench, 5); /* fewer than five: a plain mean */
	expect_trimmed(&bench, 4, 0);
	lose_group(&bench, 1);
	lose_group(&bench, 2);
	lose_group(&bench, 4);
	expect_trimmed(&bench, 1, 0);
}

/* One group of lies as large as 32 bits hold: the others' mean stays where it was, about. */
static void test_lies(void)
{
	BENCH(bench, 10);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer sum = { 0 };
	double most = 0;

	for (uint32_t i = 0; i < bench.round.doc.dimensions; i++) {
		bench.value[4][i] = INT32_MAX;
		tacit_write_u32le(&sum, INT32_MAX);
	}
	FLEET_MUST(tacit_db_run(bench.fleet.db, "UPDATE cohort SET sum = ? WHERE grp = 4", "b",
				sum.data, sum.len));
	expect_trimmed(&bench, 10, 2);
	for (uint32_t i = 0; i < bench.round.doc.dimensions; i++)
		most = fmax(most, fabs(bench.sum.value[i]));
	CU_ASSERT(most <= (double)alive(&bench) * scaled(&bench, 1000000) / 10);
	CU_ASSERT_EQUAL(get(&bench, TACIT_AGGREGATION_SUM), 0);
	CU_ASSERT(bench.sum.value[0] > scaled(&bench, 2e9));
}

static void test_damage(void)
{
	static const struct {
		const char *damage;
		int expected;
	} table[] = {
		{ "UPDATE cohort SET sum = x'0102' WHERE grp = 1", TACIT_EDAMAGED },
		{ "UPDATE cohort SET sum = NULL WHERE grp = 1", TACIT_EDAMAGED },
		{ "UPDATE cohort SET sum = sum || x'00' WHERE grp = 1", TACIT_EDAMAGED },
		{ "UPDATE cohort SET survivors = 0 WHERE grp = 1", TACIT_EDAMAGED },
		{ "UPDATE cohort SET survivors = -3 WHERE grp = 1", TACIT_EDAMAGED },
		{ "UPDATE cohort SET noise_sd = -1 WHERE grp = 1", TACIT_EDAMAGED },
	};
	struct tacit_round_sum sum = { 0 };
	BENCH(bench, 3);

	for (size_t t = 0; t < TACIT_ARRAY_LEN(table); t++)
		for (int a = TACIT_AGGREGATION_SUM; a <= TACIT_AGGREGATION_TRIMMED_MEAN; a++) {
			FLEET_MUST(tacit_db_run(bench.fleet.db, "SAVEPOINT whole", ""));
			FLEET_MUST(tacit_db_run(bench.fleet.db, table[t].damage, ""));
			CU_ASSERT_EQUAL(tacit_round_sum_get(bench.fleet.db, &bench.round,
							    (enum tacit_aggregation)a, &sum),
					table[t].expected);
			CU_ASSERT_PTR_NULL(sum.value);
			FLEET_MUST(tacit_db_run(bench.fleet.db, "ROLLBACK TO whole", ""));
			FLEET_MUST(tacit_db_run(bench.fleet.db, "RELEASE whole", ""));
		}
	expect_sum(&bench);
	bench.round.groups = 2; /* there are more than the round has */
	CU_ASSERT_EQUAL(get(&bench, TACIT_AGGREGATION_SUM), TACIT_EDAMAGED);
}

static void test_local_damage(void)
{
	BENCH(bench, 0);

	FLEET_MUST(tacit_db_run(bench.fleet.db,
				"INSERT INTO partial(round, worker, updates, sum)"
				" VALUES(?, 0, 1, x'00')",
				"i", (int64_t)bench.round.doc.round));
	CU_ASSERT_EQUAL(get(&bench, TACIT_AGGREGATION_SUM), TACIT_EDAMAGED);
}

static void starve(struct bench *bench, enum tacit_aggregation aggregation, unsigned least)
{
	struct tacit_round_sum sum = { 0 };
	unsigned failed = 0;

	for (;; failed++) {
		int r;

		unit_fail_alloc((int)failed);
		r = tacit_round_sum_get(bench->fleet.db, &bench->round, aggregation, &sum);
		unit_fail_alloc(-1);
		if (r == 0)
			break;
		CU_ASSERT_EQUAL_FATAL(r, -ENOMEM);
		CU_ASSERT_PTR_NULL(sum.value);
	}
	CU_ASSERT(failed >= least);
	tacit_round_sum_done(&sum);
}

static void test_no_memory(void)
{
	BENCH(local, 0);
	BENCH(secure, 5);

	starve(&local, TACIT_AGGREGATION_SUM, 3);
	starve(&secure, TACIT_AGGREGATION_SUM, 8);
	starve(&secure, TACIT_AGGREGATION_TRIMMED_MEAN, 9);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "partial sums of a local round", test_local },
		{ "sums of groups", test_groups },
		{ "a trimmed mean", test_trimmed },
		{ "a group that lies", test_lies },
		{ "damage", test_damage },
		{ "damage of a local round", test_local_damage },
		{ "no memory", test_no_memory },
		{ NULL, NULL },
	};

	return unit_main("round_sum", cases);
}
