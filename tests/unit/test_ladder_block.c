/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/ladder_block.h"
#include "seed.h"
#include "unit.h"

#define LEN    TACIT_LADDER_CONTRIBUTION
#define COUNT  TACIT_STATISTIC_COUNT
#define MIDDLE 2 /* the rung of 1e-3 */

/* A host whose every statistic is exponential around @scale, with its thresholds. */
struct host {
	struct tacit_threshold *threshold[COUNT];
};

static struct host host_of(struct tacit_random *random, double scale, unsigned n)
{
	struct host host;

	for (size_t s = 0; s < COUNT; s++) {
		CU_ASSERT_EQUAL_FATAL(
			tacit_threshold_new((enum tacit_statistic)s, &host.threshold[s]), 0);
		for (unsigned i = 0; i < n; i++)
			tacit_threshold_learn(host.threshold[s],
					      -scale * log(seeded_uniform(random)));
	}
	return host;
}

static void host_done(struct host *host)
{
	for (size_t s = 0; s < COUNT; s++)
		tacit_threshold_free(host->threshold[s]);
}

static double level_of(const struct host *host)
{
	double at = 0;

	CU_ASSERT_EQUAL(tacit_threshold_get_own(host->threshold[0], 1e-3, &at), 0);
	return log(at);
}

static void init(struct tacit_score_ladder *ladder)
{
	for (size_t s = 0; s < COUNT; s++)
		tacit_ladder_init(&ladder[s]);
}

static void add(double *sum, const struct host *host, const struct tacit_score_ladder *reference,
		double times)
{
	double one[LEN];

	tacit_ladder_contribute(host->threshold, reference, one);
	for (size_t i = 0; i < LEN; i++)
		sum[i] += times * one[i];
}

static void absorb(struct tacit_random *random, double *value, uint64_t updates, double noise_sd,
		   struct tacit_score_ladder *ladder)
{
	const struct tacit_sum sum = { .value = value, .updates = updates, .noise_sd = noise_sd };
	struct tacit_score_ladder next[COUNT];

	for (size_t i = 0; i < LEN; i++)
		value[i] += noise_sd * seeded_normal(random);
	tacit_ladder_absorb(&sum, ladder, next);
	for (size_t s = 0; s < COUNT; s++)
		CU_ASSERT_EQUAL(tacit_ladder_check(&next[s]), 0);
	memcpy(ladder, next, sizeof(next));
}

static void test_check(void)
{
	static const struct {
		struct tacit_score_ladder ladder;
		int code;
	} rows[] = {
		{ { 0, { 1, 1, 1, 1, 1 }, 0 }, 0 },
		{ { 1, { -40, 2, 3, 4, 40 }, 4 }, 0 },
		{ { 1.1F, { 1, 2, 3, 4, 5 }, 1 }, -EINVAL },
		{ { -1, { 1, 2, 3, 4, 5 }, 1 }, -EINVAL },
		{ { NAN, { 1, 2, 3, 4, 5 }, 1 }, -EINVAL },
		{ { 1, { 1, 2, 3, 2.9F, 5 }, 1 }, -EINVAL },
		{ { 1, { 1, 2, 3, 4, 41 }, 1 }, -EINVAL },
		{ { 1, { 1, NAN, 3, 4, 5 }, 1 }, -EINVAL },
		{ { 1, { 1, 2, 3, 4, 5 }, 4.1F }, -EINVAL },
		{ { 1, { 1, 2, 3, 4, 5 }, -0.1F }, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(tacit_ladder_check(&rows[i].ladder), rows[i].code);
}

/* Every number within [-1, 1] and a norm that leaves room for the model, whatever the host. */
static void test_norm(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const double scales[] = { 0, 1e-9, 0.7, 5, 1e4, 1e30 };

	for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
		TACIT_CLEANUP(host_done) struct host host = host_of(random, scales[i], 512);
		struct tacit_score_ladder ladder[COUNT];
		double one[LEN], sum = 0;

		init(ladder);
		tacit_ladder_contribute(host.threshold, ladder, one);
		for (size_t k = 0; k < LEN; k++) {
			CU_ASSERT_FATAL(fabs(one[k]) <= 1);
			sum += one[k] * one[k];
		}
		printf("# scores around %g: norm %.2f\n", scales[i], sqrt(sum));
		CU_ASSERT(scales[i] > 100 || sqrt(sum) < 0.9);
	}
}

static void test_too_few_scores(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(host_done) struct host host = host_of(random, 1, TACIT_LADDER_SCORES_MIN - 1);
	struct tacit_score_ladder ladder[COUNT];
	double one[LEN];

	init(ladder);
	tacit_ladder_contribute(host.threshold, ladder, one);
	for (size_t k = 0; k < LEN; k++)
		CU_ASSERT_EQUAL(one[k], 0);
}

static void test_equal_hosts_are_reproduced(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(host_done) struct host host = host_of(random, 3, 512);
	struct tacit_score_ladder ladder[COUNT];
	double at = 0;

	init(ladder);
	for (unsigned round = 0; round < 3; round++) {
		double sum[LEN] = { 0 };

		add(sum, &host, ladder, 200);
		absorb(random, sum, 200, 0, ladder);
	}
	for (unsigned k = 0; k < TACIT_SCORE_RUNGS; k++) {
		CU_ASSERT_EQUAL(
			tacit_threshold_get_own(host.threshold[0], tacit_score_rung(k), &at), 0);
		CU_ASSERT_DOUBLE_EQUAL((double)ladder[0].level[k], log(at), 0.01);
	}
	CU_ASSERT(ladder[0].weight > 0.95F && ladder[0].spread < 0.3F);
}

/* Hosts whose levels differ by a factor of e, one way or the other: so says the spread. */
static void test_spread(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(host_done) struct host low = host_of(random, 4 / M_E, 512);
	TACIT_CLEANUP(host_done) struct host high = host_of(random, 4 * M_E, 512);
	struct tacit_score_ladder ladder[COUNT];

	init(ladder);
	for (unsigned round = 0; round < 4; round++) {
		double sum[LEN] = { 0 };

		add(sum, &low, ladder, 100);
		add(sum, &high, ladder, 100);
		absorb(random, sum, 200, 0, ladder);
	}
	CU_ASSERT_DOUBLE_EQUAL(ladder[0].level[MIDDLE], (level_of(&low) + level_of(&high)) / 2,
			       0.05);
	CU_ASSERT_DOUBLE_EQUAL(ladder[0].spread, (level_of(&high) - level_of(&low)) / 2, 0.1);
}

/* Root mean square error of the middle level and mean weight after @rounds, over many fleets. */
static double error_of(struct tacit_random *random, unsigned hosts, double noise_sd,
		       unsigned rounds, double *ret_weight)
{
	enum { TRIES = 60 };
	TACIT_CLEANUP(host_done) struct host host = host_of(random, 3, 512);
	double error2 = 0;

	*ret_weight = 0;
	for (unsigned t = 0; t < TRIES; t++) {
		struct tacit_score_ladder ladder[COUNT];

		init(ladder);
		for (unsigned round = 0; round < rounds; round++) {
			double sum[LEN] = { 0 };

			add(sum, &host, ladder, hosts);
			absorb(random, sum, hosts, noise_sd, ladder);
		}
		error2 += pow((double)ladder[0].level[MIDDLE] - level_of(&host), 2) / TRIES;
		*ret_weight += (double)ladder[0].weight / TRIES;
	}
	return sqrt(error2);
}

/* Noise of one release at epsilon 4, delta 1e-5, clip norm 2: z is about 1.2. */
#define NOISE 2.4

/* What noise leaves, in secure sums and in local ones: weights own up to errors. */
static void test_noise(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct {
		unsigned hosts, rounds;
		bool local;
		double error, weight_min, weight_max;
	} rows[] = {
		{ 1000, 1, false, 0.1, 0.9, 1 }, { 100, 1, false, 0.6, 0.4, 1 },
		{ 1000, 1, true, 1.5, 0, 0.4 },	 { 1000, 10, true, 0.5, 0.7, 1 },
		{ 20, 1, false, 2.5, 0, 0.2 },	 { 50, 5, true, 2, 0, 0.05 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double sd = rows[i].local ? NOISE * sqrt(rows[i].hosts) : NOISE, weight;
		double error = error_of(random, rows[i].hosts, sd, rows[i].rounds, &weight);

		printf("# %4u hosts, %2u rounds, %s: a factor of %.2f, weight %.2f\n",
		       rows[i].hosts, rows[i].rounds, rows[i].local ? "local " : "secure",
		       exp(error), weight);
		CU_ASSERT(error < rows[i].error);
		CU_ASSERT(weight >= rows[i].weight_min && weight <= rows[i].weight_max);
	}
}

/* Numbers that no host would send, and sums of none. */
static void test_any_sum(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_score_ladder ladder[COUNT];
	double sum[LEN] = { 0 };

	init(ladder);
	absorb(random, sum, 0, 0, ladder);
	CU_ASSERT_EQUAL(ladder[0].weight, 0);
	for (double size = 1e-3; size < 1e12; size *= 10) {
		for (size_t i = 0; i < LEN; i++)
			sum[i] = size * seeded_normal(random);
		sum[0] = size;
		absorb(random, sum, 1000, 0, ladder);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "check", test_check },
		{ "norm", test_norm },
		{ "too few scores", test_too_few_scores },
		{ "equal hosts are reproduced", test_equal_hosts_are_reproduced },
		{ "spread", test_spread },
		{ "noise", test_noise },
		{ "any sum", test_any_sum },
		{ NULL, NULL },
	};

	return unit_main("ladder_block", cases);
}
