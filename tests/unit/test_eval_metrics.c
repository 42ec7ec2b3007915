/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "agent/eval_metrics.h"
#include "seed.h"
#include "unit.h"

#define ROWS 400U

static struct tacit_eval_metrics measure(const double *score, const int8_t *label, size_t n)
{
	struct tacit_eval_metrics metrics = { 0 };

	CU_ASSERT_EQUAL_FATAL(tacit_eval_metrics(score, label, n, &metrics), 0);
	return metrics;
}

/* Falling: + (-) + - + - with the second row left out; worked by hand. */
static void test_by_hand(void)
{
	const double score[] = { 6, 5.5, 5, 4, 3, 2 };
	const int8_t label[] = { 1, -1, 1, 0, 1, 0 };
	struct tacit_eval_metrics metrics = measure(score, label, 6);

	CU_ASSERT_EQUAL(metrics.normal, 2);
	CU_ASSERT_EQUAL(metrics.anomalous, 3);
	CU_ASSERT_DOUBLE_EQUAL(metrics.auroc, 5. / 6, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(metrics.auprc, (1 + 1 + 3. / 4) / 3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(metrics.best_f1, 2 * 3. / (4 + 3), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(metrics.tpr_at_1fpr, 2. / 3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(metrics.tpr_at_5fpr, 2. / 3, 1e-12);
}

static void test_ties(void)
{
	const double score[] = { 1, 1, 1, 1, 0 };
	const int8_t label[] = { 1, 0, 1, 0, 0 };
	struct tacit_eval_metrics metrics = measure(score, label, 5);

	CU_ASSERT_DOUBLE_EQUAL(metrics.auroc, (2 * 2 * 0.5 + 2) / 6, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(metrics.auprc, 0.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(metrics.best_f1, 2 * 2. / (4 + 2), 1e-12);
	CU_ASSERT_EQUAL(metrics.tpr_at_1fpr, 0);
}

static void test_perfect_and_reversed(void)
{
	const double score[] = { 1, 2, 3, INFINITY };
	const int8_t rising[] = { 0, 0, 1, 1 }, falling[] = { 1, 1, 0, 0 };
	struct tacit_eval_metrics good = measure(score, rising, 4);
	struct tacit_eval_metrics bad = measure(score, falling, 4);

	CU_ASSERT_EQUAL(good.auroc, 1);
	CU_ASSERT_EQUAL(good.auprc, 1);
	CU_ASSERT_EQUAL(good.best_f1, 1);
	CU_ASSERT_EQUAL(good.tpr_at_1fpr, 1);
	CU_ASSERT_EQUAL(bad.auroc, 0);
	CU_ASSERT_EQUAL(bad.tpr_at_5fpr, 0);
	CU_ASSERT_DOUBLE_EQUAL(bad.auprc, (1. / 3 + 2. / 4) / 2, 1e-12);
}

static void test_operating_points(void)
{
	double score[ROWS];
	int8_t label[ROWS];

	for (size_t i = 0; i < ROWS; i++) { /* 200 normal at 0..199; anomalous at 100.5..299.5 */
		label[i] = i % 2;
		score[i] = label[i] ? 100.5 + (double)(i / 2) : (double)(i / 2);
	}
	/* floor(.01 * 200) = 2: the normal row of score 197; floor(.05 * 200) = 10: that of 189 */
	CU_ASSERT_DOUBLE_EQUAL(measure(score, label, ROWS).tpr_at_1fpr, 103. / 200, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(measure(score, label, ROWS).tpr_at_5fpr, 111. / 200, 1e-12);
}

static void test_one_side_empty(void)
{
	const double score[] = { 1, 2, 3 };
	const int8_t normal[] = { 0, 0, -1 }, anomalous[] = { 1, -1, -1 };

	CU_ASSERT_EQUAL(measure(score, normal, 3).normal, 2);
	CU_ASSERT(isnan(measure(score, normal, 3).auroc));
	CU_ASSERT(isnan(measure(score, normal, 3).tpr_at_1fpr));
	CU_ASSERT_EQUAL(measure(score, anomalous, 3).anomalous, 1);
	CU_ASSERT(isnan(measure(score, anomalous, 3).best_f1));
	CU_ASSERT(isnan(measure(score, normal, 0).auprc));
}

static void test_nan_is_lowest(void)
{
	const double score[] = { 1, NAN, 2 };
	const int8_t label[] = { 0, 1, 0 };

	CU_ASSERT_EQUAL(measure(score, label, 3).auroc, 0);
}

/* Straight from the definition, pair by pair. */
static double auroc_of_pairs(const double *score, const int8_t *label, size_t n)
{
	double won = 0, pairs = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			if (label[i] != 1 || label[k] != 0)
				continue;
			pairs++;
			won += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
		}
	return won / pairs;
}

static double f1_of(const double *score, const int8_t *label, size_t n, double threshold)
{
	double found = 0, alarms = 0, anomalous = 0;

	for (size_t i = 0; i < n; i++) {
		anomalous += label[i] == 1;
		alarms += label[i] >= 0 && score[i] >= threshold;
		found += label[i] == 1 && score[i] >= threshold;
	}
	return 2 * found / (alarms + anomalous);
}

static void test_against_definitions(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_eval_metrics metrics;
	double score[ROWS], best = 0;
	int8_t label[ROWS];

	for (size_t i = 0; i < ROWS; i++) {
		label[i] = i < 2 ? (int8_t)i : (int8_t)((int)tacit_random_below(random, 3) - 1);
		score[i] = (double)tacit_random_below(random, 50) + 5 * label[i];
	}
	metrics = measure(score, label, ROWS);
	for (size_t i = 0; i < ROWS; i++)
		best = fmax(best, f1_of(score, label, ROWS, score[i]));
	CU_ASSERT_DOUBLE_EQUAL(metrics.auroc, auroc_of_pairs(score, label, ROWS), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(metrics.best_f1, best, 1e-12);
}

static void test_quantile(void)
{
	double score[] = { 40, 10, 30, 20 }, one[] = { 7 };

	CU_ASSERT_EQUAL(tacit_eval_quantile(score, 4, 0), 10);
	CU_ASSERT_EQUAL(tacit_eval_quantile(score, 4, 1), 40);
	CU_ASSERT_DOUBLE_EQUAL(tacit_eval_quantile(score, 4, 0.5), 25, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(tacit_eval_quantile(score, 4, 0.9), 37, 1e-12);
	CU_ASSERT_EQUAL(score[0], 10);
	CU_ASSERT_EQUAL(tacit_eval_quantile(one, 1, 0.3), 7);
	CU_ASSERT(isnan(tacit_eval_quantile(score, 0, 0.5)));
}

static void test_out_of_memory(void)
{
	const double score[] = { 1, 2 };
	const int8_t label[] = { 0, 1 };
	struct tacit_eval_metrics metrics = { .normal = 77 };

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_eval_metrics(score, label, 2, &metrics), -ENOMEM);
	CU_ASSERT_EQUAL(metrics.normal, 77);
	unit_fail_alloc(-1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "figures worked out by hand", test_by_hand },
		{ "equal scores count half", test_ties },
		{ "a perfect score and its reverse", test_perfect_and_reversed },
		{ "the share found at one and at five percent", test_operating_points },
		{ "without a side there are no figures", test_one_side_empty },
		{ "what is not a number is the lowest", test_nan_is_lowest },
		{ "as the definitions have it", test_against_definitions },
		{ "quantiles are interpolated", test_quantile },
		{ "out of memory", test_out_of_memory },
		{ 0 },
	};

	return unit_main("eval_metrics", cases);
}
