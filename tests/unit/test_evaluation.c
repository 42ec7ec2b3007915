/* SPDX-License-Identifier: MIT */
#include <tacit/evaluation.h>

#include <math.h>
#include <string.h>

#include "seed.h"
#include "unit.h"

#define SLOTS 3U
#define DIMS  (SLOTS * TACIT_EVALUATION_LEN)
#define NORM  2.5
#define NEAR  1e-9

/* A sum under construction. */
struct bench {
	double value[DIMS];
	struct tacit_sum sum;
};

static void add(struct bench *bench, const struct tacit_evaluation *evaluation, unsigned slot)
{
	double one[DIMS] = { 0 };

	tacit_evaluation_encode(evaluation, slot, NORM, one);
	for (size_t i = 0; i < DIMS; i++)
		bench->value[i] += one[i];
	bench->sum.value = bench->value;
	bench->sum.updates++;
}

/* Every number gets noise of so many hosts. */
static void blur(struct bench *bench, struct tacit_random *random, double sigma)
{
	bench->sum.noise_sd = sigma * NORM / sqrt(5);
	for (size_t i = 0; i < DIMS; i++)
		bench->value[i] += bench->sum.noise_sd * seeded_normal(random);
}

static struct tacit_evaluation knows_all(double alarms, double score, double loss)
{
	return (struct tacit_evaluation){
		.has_alarms = true,
		.has_score = true,
		.has_help = true,
		.has_loss = true,
		.alarms = alarms,
		.score = score,
		.help = TACIT_EVALUATION_BETTER,
		.loss = loss,
	};
}

static struct tacit_evaluation_group read_slot(const struct bench *bench, unsigned slot)
{
	struct tacit_evaluation_group group;

	tacit_evaluation_read(&bench->sum, NORM, slot, &group);
	return group;
}

static double value_of(const struct bench *bench, unsigned slot,
		       enum tacit_evaluation_quantity quantity)
{
	struct tacit_evaluation_group group = read_slot(bench, slot);

	return group.figure[quantity].told ? group.figure[quantity].value : NAN;
}

static double norm_of(const double *value)
{
	double sum = 0;

	for (size_t i = 0; i < DIMS; i++)
		sum += value[i] * value[i];
	return sqrt(sum);
}

static void test_the_norm_is_the_clip(void)
{
	static const double odd[] = { 0, -1, 1e300, INFINITY, NAN };
	double out[DIMS];

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			struct tacit_evaluation evaluation = knows_all(odd[i], odd[i], odd[i]);

			memset(out, 0, sizeof(out));
			tacit_evaluation_encode(&evaluation, slot, NORM, out);
			CU_ASSERT(norm_of(out) <= NORM * (1 + NEAR));
			for (size_t k = 0; k < DIMS; k++)
				CU_ASSERT(k / TACIT_EVALUATION_LEN == slot ? isfinite(out[k])
									   : out[k] == 0);
		}
}

static void test_what_is_not_known_is_in_no_bin(void)
{
	const struct tacit_evaluation nothing = { 0 };
	struct bench bench = { 0 };

	for (int i = 0; i < 50; i++)
		add(&bench, &nothing, 1);
	CU_ASSERT_DOUBLE_EQUAL(read_slot(&bench, 1).hosts, 50, NEAR);
	for (int q = 0; q < TACIT_EVALUATION_QUANTITIES; q++) {
		CU_ASSERT_FALSE(read_slot(&bench, 1).figure[q].told);
		CU_ASSERT_PTR_NOT_NULL(
			tacit_evaluation_quantity_name((enum tacit_evaluation_quantity)q));
	}
}

static void test_figures_without_noise(void)
{
	struct bench bench = { 0 };

	for (int i = 0; i < 80; i++) {
		struct tacit_evaluation evaluation = knows_all(0.1, 0.7, 1);

		evaluation.help = i < 20   ? TACIT_EVALUATION_WORSE
				  : i < 40 ? TACIT_EVALUATION_SAME
					   : TACIT_EVALUATION_BETTER;
		add(&bench, &evaluation, 0);
	}
	for (int i = 0; i < 20; i++) {
		const struct tacit_evaluation evaluation = knows_all(30, 1.5, 1e6);

		add(&bench, &evaluation, i < 10 ? 0 : 2);
	}
	CU_ASSERT_DOUBLE_EQUAL(read_slot(&bench, 0).hosts, 90, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(read_slot(&bench, 1).hosts, 0, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(read_slot(&bench, 2).hosts, 10, NEAR);
	CU_ASSERT(value_of(&bench, 0, TACIT_EVALUATION_ALARMS_MEDIAN) < 0.5);
	CU_ASSERT(value_of(&bench, 0, TACIT_EVALUATION_ALARMS_WORST) >= 24);
	CU_ASSERT_DOUBLE_EQUAL(value_of(&bench, 0, TACIT_EVALUATION_SCORE_MEDIAN), .7, .1);
	CU_ASSERT(value_of(&bench, 0, TACIT_EVALUATION_SCORE_WORST) >= 1);
	CU_ASSERT_DOUBLE_EQUAL(value_of(&bench, 0, TACIT_EVALUATION_HELPED), 50. / 90, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(value_of(&bench, 0, TACIT_EVALUATION_HARMED), 20. / 90, NEAR);
	CU_ASSERT_DOUBLE_EQUAL(value_of(&bench, 0, TACIT_EVALUATION_LOSS), (80. + 10 * 4) / 90,
			       NEAR);
	CU_ASSERT(isnan(value_of(&bench, 2, TACIT_EVALUATION_ALARMS_WORST))); /* of one host */
	CU_ASSERT_DOUBLE_EQUAL(value_of(&bench, 2, TACIT_EVALUATION_LOSS), 4, NEAR);
}

/* n >= 70 sigma for the worst tenth, 14 for a median. */
static void test_too_few_hosts(void)
{
	const struct tacit_evaluation evaluation = knows_all(3, 0.7, 1);

	for (unsigned n = 10; n <= 800; n += 10) {
		struct bench bench = { 0 };

		for (unsigned i = 0; i < n; i++)
			add(&bench, &evaluation, 0);
		bench.sum.noise_sd = 5.0001 * NORM / sqrt(5);
		CU_ASSERT_DOUBLE_EQUAL(tacit_evaluation_sigma(&bench.sum, NORM), 5, .001);
		CU_ASSERT_EQUAL(!isnan(value_of(&bench, 0, TACIT_EVALUATION_ALARMS_WORST)),
				n > 350);
		CU_ASSERT_EQUAL(!isnan(value_of(&bench, 0, TACIT_EVALUATION_ALARMS_MEDIAN)),
				n > 70);
		CU_ASSERT_EQUAL(!isnan(value_of(&bench, 0, TACIT_EVALUATION_LOSS)), n > 70);
	}
}

static void add_a_thousand(struct bench *bench)
{
	for (unsigned i = 0; i < 1000; i++) {
		bool worst = i % 5 == 0;
		struct tacit_evaluation evaluation =
			knows_all(worst ? 30 : 1.5, worst ? 1.5 : 0.7, worst ? 3 : 1);

		evaluation.help = worst ? TACIT_EVALUATION_WORSE : TACIT_EVALUATION_BETTER;
		add(bench, &evaluation, 1);
	}
}

/* Of what noise lets through, the errors are what is said. */
static void test_errors_are_as_told(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	double apart = 0, helped = 0, hosts = 0;
	const unsigned times = 200;

	for (unsigned t = 0; t < times; t++) {
		struct tacit_evaluation_group group;
		struct bench bench = { 0 };

		add_a_thousand(&bench);
		blur(&bench, random, 5);
		group = read_slot(&bench, 1);
		CU_ASSERT_FATAL(group.figure[TACIT_EVALUATION_LOSS].told);
		CU_ASSERT_DOUBLE_EQUAL(group.figure[TACIT_EVALUATION_ALARMS_MEDIAN].value, 1.5, .5);
		CU_ASSERT(group.figure[TACIT_EVALUATION_ALARMS_WORST].value >= 8);
		apart += pow((group.figure[TACIT_EVALUATION_HELPED].value - .8) /
				     group.figure[TACIT_EVALUATION_HELPED].error,
			     2);
		helped += group.figure[TACIT_EVALUATION_HELPED].value;
		hosts += group.hosts;
	}
	CU_ASSERT_DOUBLE_EQUAL(helped / times, .8, .01);
	CU_ASSERT_DOUBLE_EQUAL(hosts / times, 998, 3); /* cut at the updates there were */
	CU_ASSERT(apart / times > .15 && apart / times < 1.7);
	printf("# helped %.3f, squared error as told %.2f\n", helped / times, apart / times);
}

/* Liars within the clip: all they have in one bin, or taken out of one. */
static void test_liars_move_little(void)
{
	const struct tacit_evaluation honest = knows_all(1.5, 0.7, 1);

	for (int sign = -1; sign <= 1; sign += 2)
		for (size_t at = 0; at < TACIT_EVALUATION_LEN; at++) {
			struct bench bench = { 0 };
			struct tacit_evaluation_group group;

			for (int i = 0; i < 990; i++)
				add(&bench, &honest, 0);
			bench.value[at] += sign * 10 * NORM;
			bench.sum.updates += 10;
			group = read_slot(&bench, 0);
			CU_ASSERT_DOUBLE_EQUAL(group.hosts, 990, 10 * sqrt(5) + NEAR);
			CU_ASSERT_DOUBLE_EQUAL(group.figure[TACIT_EVALUATION_ALARMS_MEDIAN].value,
					       1.5, .05);
			CU_ASSERT_DOUBLE_EQUAL(group.figure[TACIT_EVALUATION_LOSS].value, 1, .1);
			CU_ASSERT(group.figure[TACIT_EVALUATION_HELPED].value > .97);
		}
}

/* Whatever is in a sum, what is told is within its range. */
static void test_poisoned_sums(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (int t = 0; t < 2000; t++) {
		struct bench bench = { .sum = { .value = bench.value, .updates = 100 } };
		struct tacit_evaluation_group group;

		for (size_t i = 0; i < DIMS; i++)
			bench.value[i] = (seeded_uniform(random) - .5) *
					 pow(10, seeded_uniform(random) * 12 - 2);
		group = read_slot(&bench, (unsigned)t % SLOTS);
		CU_ASSERT(group.hosts >= 0 && group.hosts <= 100);
		for (int q = 0; q < TACIT_EVALUATION_QUANTITIES; q++)
			if (group.figure[q].told)
				CU_ASSERT(group.figure[q].value >= 0 &&
					  group.figure[q].value <= 96 &&
					  group.figure[q].error >= 0);
	}
}

static struct tacit_evaluation_group with_loss(double loss)
{
	struct tacit_evaluation_group group = { .hosts = 100 };

	group.figure[TACIT_EVALUATION_LOSS] =
		(struct tacit_evaluation_figure){ .told = loss >= 0, .value = loss };
	return group;
}

static void test_weights(void)
{
	const struct tacit_evaluation_group group[] = { with_loss(1), with_loss(2), with_loss(-1),
							with_loss(100) };
	const struct tacit_evaluation_group unknown[] = { with_loss(-1), with_loss(-1) };
	const double ones[] = { 1, 1, 1, 1 }, given[] = { 1, 0.5 };
	double weight[4];

	tacit_evaluation_weigh(group, 2, ones, 0, weight); /* off */
	CU_ASSERT(weight[0] == 1 && weight[1] == 1);
	tacit_evaluation_weigh(group, 2, given, 0, weight);
	CU_ASSERT(weight[0] == 1 && weight[1] == 1);
	tacit_evaluation_weigh(group, 2, ones, 1, weight); /* half of the way to 1/2 */
	CU_ASSERT_DOUBLE_EQUAL(weight[0], sqrt(.5), NEAR);
	CU_ASSERT_EQUAL(weight[1], 1);
	tacit_evaluation_weigh(group, 3, ones, 1, weight); /* an average one */
	CU_ASSERT(weight[2] > weight[0] && weight[2] < weight[1]);
	tacit_evaluation_weigh(group, 4, ones, 4, weight); /* the floor */
	CU_ASSERT_DOUBLE_EQUAL(weight[0], .5, NEAR);
	tacit_evaluation_weigh(group, 4, weight, 4, weight);
	tacit_evaluation_weigh(group, 4, weight, 4, weight);
	CU_ASSERT_DOUBLE_EQUAL(weight[0], .25 * pow(4, .125), .01);
	tacit_evaluation_weigh(unknown, 2, given, 1, weight); /* nothing told */
	CU_ASSERT(weight[0] == 1 && weight[1] == .5);
}

/* Where the loss follows the weights, they settle. */
static void test_weights_settle(void)
{
	double weight[] = { 1, 1 }, before = 1;

	for (int i = 0; i < 30; i++) {
		double share = .2 * weight[1] / (.8 * weight[0] + .2 * weight[1]);
		const struct tacit_evaluation_group group[] = {
			with_loss(2 * share * share), with_loss(2 * (1 - share) * (1 - share))
		};

		before = weight[0];
		tacit_evaluation_weigh(group, 2, weight, 1, weight);
	}
	CU_ASSERT_DOUBLE_EQUAL(weight[0], before, .001);
	CU_ASSERT(weight[0] < .5);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the norm is the clip", test_the_norm_is_the_clip },
		{ "what is not known is in no bin", test_what_is_not_known_is_in_no_bin },
		{ "figures without noise", test_figures_without_noise },
		{ "too few hosts", test_too_few_hosts },
		{ "errors are as told", test_errors_are_as_told },
		{ "liars move little", test_liars_move_little },
		{ "poisoned sums", test_poisoned_sums },
		{ "weights", test_weights },
		{ "weights settle", test_weights_settle },
		{ NULL, NULL },
	};

	return unit_main("evaluation", cases);
}
