/* SPDX-License-Identifier: MIT */
#include "aggregator/plan_secagg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/random.h>

#include "unit.h"

/* The table that the protocol was designed with: semi-malicious. */
static void test_table(void)
{
	static const uint32_t hosts[] = { 100, 512, 1000, 10000 };
	static const struct {
		uint32_t gamma, delta;
		struct {
			uint32_t k, t;
		} params[4];
	} row[] = {
		{ 50000, 50000, { { 16, 11 }, { 44, 31 }, { 52, 37 }, { 62, 44 } } },
		{ 100000, 100000, { { 32, 22 }, { 82, 57 }, { 96, 67 }, { 122, 85 } } },
		{ 100000, 200000, { { 52, 32 }, { 152, 97 }, { 194, 124 }, { 280, 179 } } },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(row); i++)
		for (size_t j = 0; j < TACIT_ARRAY_LEN(hosts); j++) {
			const struct tacit_secagg_threat threat = { TACIT_SECAGG_SEMI_MALICIOUS,
								    row[i].gamma, row[i].delta };
			struct tacit_plan_secagg plan;

			CU_ASSERT_EQUAL_FATAL(tacit_plan_secagg(&threat, hosts[j], &plan), 0);
			CU_ASSERT_EQUAL(plan.params.k, row[i].params[j].k);
			CU_ASSERT_EQUAL(plan.params.t, row[i].params[j].t);
		}
}

static void test_figures(void)
{
	const struct tacit_secagg_threat threat = { TACIT_SECAGG_SEMI_MALICIOUS, 100000, 200000 };
	struct tacit_plan_secagg plan = { .honest = 7 };
	json_t *document;

	CU_ASSERT_EQUAL(tacit_plan_secagg(&threat, 5, &plan), -ERANGE);
	CU_ASSERT_EQUAL(tacit_plan_secagg(&threat, 3, &plan), -EINVAL);
	CU_ASSERT_EQUAL(plan.honest, 7);
	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_plan_secagg(&threat, 1000, &plan), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_EQUAL_FATAL(tacit_plan_secagg(&threat, 1000, &plan), 0);
	CU_ASSERT_EQUAL(plan.honest, 700);
	CU_ASSERT_EQUAL(plan.survivors_min, 800);
	/* head, config, host and length; then holder, two sealed shares and their digests */
	CU_ASSERT_EQUAL(plan.shares_bytes, 8 + 32 + 4 + 4 + 194 * (4 + 100 + 64));
	document = tacit_plan_secagg_format(&threat, &plan);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(document, "degree")), 194);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(document, "server")),
			       "semi-malicious");
	json_decref(document);
}

static enum tacit_mode mode_of(const struct tacit_task *task, uint32_t hosts, const char *reason)
{
	const char *why = "";
	enum tacit_mode mode = tacit_plan_mode(task, hosts, &why);

	CU_ASSERT_PTR_NOT_NULL(strstr(why, reason));
	return mode;
}

static void test_mode(void)
{
	static const uint8_t schema[TACIT_DIGEST_LEN];
	struct tacit_task task;

	tacit_task_init(&task, schema);
	CU_ASSERT_EQUAL(mode_of(&task, task.min_cohort - 1, "smaller"), TACIT_MODE_LOCAL);
	CU_ASSERT_EQUAL(mode_of(&task, task.min_cohort, "large enough"), TACIT_MODE_DISTRIBUTED);
	CU_ASSERT_EQUAL(mode_of(&task, 1000000000, "large enough"), TACIT_MODE_DISTRIBUTED);
	task.min_cohort = 2;
	CU_ASSERT_EQUAL(mode_of(&task, 3, "no graph"), TACIT_MODE_LOCAL);
	task.threat.corrupt_ppm = 500000;
	CU_ASSERT_EQUAL(mode_of(&task, 18, "no graph"), TACIT_MODE_LOCAL);
	task.mode = TACIT_TASK_DISTRIBUTED;
	CU_ASSERT_EQUAL(mode_of(&task, 3, "says so"), TACIT_MODE_DISTRIBUTED);
	task.mode = TACIT_TASK_LOCAL;
	CU_ASSERT_EQUAL(mode_of(&task, 1000, "says so"), TACIT_MODE_LOCAL);
}

static double draw(struct tacit_random *random)
{
	double u = (double)(tacit_random_below(random, 1U << 30) + 1) / (1U << 30);
	double v = (double)tacit_random_below(random, 1U << 30) / (1U << 30);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static int compare(const void *a, const void *b)
{
	const double *left = (const double *)a, *right = (const double *)b;

	return (*left > *right) - (*left < *right);
}

/* Noise of the trimmed mean of @n sums, as a sum over all, by trying. */
static double try_trimmed(struct tacit_random *random, uint32_t n, uint32_t cut)
{
	enum { TRIES = 100000, MOST = 20 };
	double sum2 = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		double value[MOST], sum = 0;

		for (uint32_t k = 0; k < n; k++)
			value[k] = draw(random);
		qsort(value, n, sizeof(*value), compare);
		for (uint32_t k = cut; k < n - cut; k++)
			sum += value[k];
		sum *= (double)n / (n - 2 * cut);
		sum2 += sum * sum;
	}
	return sqrt(sum2 / TRIES);
}

/* The asymptotic constant is known; for few groups it is nearly that, and rather too much. */
static void test_trimmed(void)
{
	static const uint8_t seed[32] = "trimmed";
	static const uint32_t groups[] = { 5, 10, 20 };
	struct tacit_random *random = NULL;

	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_trimmed_noise(4, 0), 2, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_trimmed_noise(100, 20), 10 * sqrt(1.1446854), 1e-5);
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_trimmed_noise(100, 10), 10 * sqrt(1.0604), 1e-3);
	/* nearly all cut: the median, whose variance is pi / 2 times the mean's */
	CU_ASSERT_DOUBLE_EQUAL(tacit_plan_trimmed_noise(100001, 50000) / sqrt(100001),
			       sqrt(M_PI / 2), 1e-3);
	CU_ASSERT_EQUAL_FATAL(tacit_random_new(seed, &random), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(groups); i++) {
		double ratio = tacit_plan_trimmed_noise(groups[i], groups[i] / 5) /
			       try_trimmed(random, groups[i], groups[i] / 5);

		CU_ASSERT(ratio > 0.992 && ratio < 1.014); /* 0.6 %, and four standard errors */
	}
	tacit_random_free(random);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a table that is known", test_table },
		{ "figures", test_figures },
		{ "the mode that rounds would take", test_mode },
		{ "a trimmed mean's noise", test_trimmed },
		{ NULL, NULL },
	};

	return unit_main("plan_secagg", cases);
}
