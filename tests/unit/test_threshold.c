/* SPDX-License-Identifier: MIT */
#include <math.h>

#include <tacit/threshold.h>

#include "seed.h"
#include "unit.h"

static struct tacit_threshold *make(void)
{
	struct tacit_threshold *threshold = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_threshold_new(&threshold), 0);
	return threshold;
}

static double get(struct tacit_threshold *threshold, double risk)
{
	double at = -1;

	CU_ASSERT_EQUAL_FATAL(tacit_threshold_get(threshold, risk, &at), 0);
	CU_ASSERT_FATAL(isfinite(at) && at >= 0);
	return at;
}

static double exponential(double u)
{
	return -log(u);
}

static double uniform(double u)
{
	return 5 * (1 - u);
}

static double pareto(double u) /* generalised, shape 0.2 */
{
	return (pow(u, -0.2) - 1) / 0.2;
}

static double above_exponential(double x)
{
	return exp(-x);
}

static double above_uniform(double x)
{
	return fmax(0, 1 - x / 5);
}

static double above_pareto(double x)
{
	return pow(1 + 0.2 * x, -5);
}

static double above_normal(double x) /* of |N(0, 1)| */
{
	return erfc(x / M_SQRT2);
}

/* Average share of windows that would alarm, over many thresholds each learned anew. */
static double achieved(struct tacit_random *random, double (*draw)(double u),
		       double (*above)(double x), size_t n, double risk)
{
	const unsigned tries = 300;
	double sum = 0;

	for (unsigned t = 0; t < tries; t++) {
		TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();

		for (size_t i = 0; i < n; i++)
			tacit_threshold_learn(threshold, draw ? draw(seeded_uniform(random))
							      : fabs(seeded_normal(random)));
		sum += above(get(threshold, risk));
	}
	return sum / tries;
}

static const struct law {
	double (*draw)(double u);
	double (*above)(double x);
	int bounded;
} laws[] = {
	{ exponential, above_exponential, 0 },
	{ pareto, above_pareto, 0 },
	{ NULL, above_normal, 0 },
	{ uniform, above_uniform, 1 },
};

/* Averages of 300 fits scatter by a few percent at 1e-2, by half at 1e-4. A law with an end is met
 * by a threshold beyond what was asked, never before it. */
static void test_rate_is_near_the_asked_one(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++) {
		const struct law *law = &laws[i];
		double hundredth = achieved(random, law->draw, law->above, 512, 1e-2);
		double thousandth = achieved(random, law->draw, law->above, 512, 1e-3);
		double rare = achieved(random, law->draw, law->above, 512, 1e-4);

		printf("# asked 0.01 0.001 0.0001, got %g %g %g\n", hundredth, thousandth, rare);
		CU_ASSERT(hundredth < 1.4e-2 && thousandth < 2.5e-3 && rare < 8e-4);
		CU_ASSERT(law->bounded || (hundredth > 0.7e-2 && thousandth > 0.2e-3));
	}
}

static void test_few_scores_are_met_with_care(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++) {
		const struct law *law = &laws[i];

		CU_ASSERT(achieved(random, law->draw, law->above, 50, 1e-3) < 8e-3);
		CU_ASSERT(achieved(random, law->draw, law->above, TACIT_THRESHOLD_MIN, 1e-3) <
			  1e-2);
	}
}

static void learn_many(struct tacit_threshold *threshold, double score, unsigned n)
{
	while (n-- > 0)
		tacit_threshold_learn(threshold, score);
}

static void test_needs_scores(void)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();
	double at = 77;

	for (unsigned i = 0; i < TACIT_THRESHOLD_MIN; i++) {
		CU_ASSERT_EQUAL(tacit_threshold_get(threshold, 1e-3, &at), -EAGAIN);
		CU_ASSERT_EQUAL(tacit_threshold_count(threshold), i);
		tacit_threshold_learn(threshold, NAN);
		tacit_threshold_learn(threshold, -1);
		tacit_threshold_learn(threshold, INFINITY);
		tacit_threshold_learn(threshold, i);
	}
	CU_ASSERT_EQUAL(at, 77);
	CU_ASSERT(get(threshold, 1e-3) > TACIT_THRESHOLD_MIN - 1);
}

static void test_less_risk_is_higher(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();
	double last = 0;

	for (unsigned i = 0; i < 512; i++)
		tacit_threshold_learn(threshold, exponential(seeded_uniform(random)));
	for (double risk = 0.1; risk > 1e-9; risk /= 10) {
		double at = get(threshold, risk);

		CU_ASSERT(at > last);
		last = at;
	}
	CU_ASSERT_EQUAL(get(threshold, 0), get(threshold, 1e-9));
	CU_ASSERT_EQUAL(get(threshold, 1), get(threshold, 0.1));
}

/* A scope that idles scores the same window after window; so does one that knows three states. */
static void test_ties(void)
{
	static const double constant[] = { 0, 1e-20, 3, 1e30, 1e300 };
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *steps = make();
	double at;

	for (size_t i = 0; i < sizeof(constant) / sizeof(constant[0]); i++) {
		TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();

		learn_many(threshold, constant[i], 600);
		at = get(threshold, 1e-3);
		CU_ASSERT(at > fmin(constant[i], 3e38) && at <= 2 * constant[i] + 1);
	}
	learn_many(steps, 0, 400);
	learn_many(steps, 5, 100);
	learn_many(steps, 6, 12);
	at = get(steps, 1e-3);
	CU_ASSERT(at > 6 && at < 20);
}

static void test_follows_drift(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();
	double before, after;

	for (unsigned i = 0; i < 1000; i++)
		tacit_threshold_learn(threshold, 100 + exponential(seeded_uniform(random)));
	before = get(threshold, 1e-3);
	for (unsigned i = 0; i < TACIT_THRESHOLD_KEEP; i++)
		tacit_threshold_learn(threshold, exponential(seeded_uniform(random)));
	after = get(threshold, 1e-3);
	CU_ASSERT(before > 100 && after < 40);
	CU_ASSERT_EQUAL(tacit_threshold_count(threshold), 1000 + TACIT_THRESHOLD_KEEP);
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const unsigned sizes[] = { 0, 1, 19, 20, 511, 512, 513, 1300 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();
		TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *back = NULL;
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
		struct tacit_reader reader;

		for (unsigned k = 0; k < sizes[i]; k++)
			tacit_threshold_learn(threshold, exponential(seeded_uniform(random)));
		tacit_threshold_save(threshold, &writer);
		reader = tacit_reader_init(writer.data, writer.len);
		CU_ASSERT_EQUAL_FATAL(tacit_threshold_load(&reader, &back), 0);
		CU_ASSERT(tacit_read_done(&reader));
		CU_ASSERT_EQUAL(tacit_threshold_count(back), sizes[i]);
		learn_many(threshold, 2, 100);
		learn_many(back, 2, 100);
		CU_ASSERT_EQUAL(get(threshold, 1e-3), get(back, 1e-3));
		for (size_t len = 0; len < writer.len; len++) {
			struct tacit_threshold *none = NULL;

			reader = tacit_reader_init(writer.data, len);
			CU_ASSERT_EQUAL(tacit_threshold_load(&reader, &none), TACIT_EDAMAGED);
			CU_ASSERT_PTR_NULL(none);
		}
	}
}

static void test_hostile_bytes(void)
{
	static const float bad[] = { NAN, -1, INFINITY };
	struct tacit_threshold *none = NULL;

	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
		struct tacit_reader reader;

		tacit_write_u8(&writer, i < 3 ? 1 : 2); /* the last: another format */
		tacit_write_u64le(&writer, 1);
		tacit_write_f32le(&writer, i < 3 ? bad[i] : 1);
		reader = tacit_reader_init(writer.data, writer.len);
		CU_ASSERT_EQUAL(tacit_threshold_load(&reader, &none), TACIT_EDAMAGED);
		CU_ASSERT_PTR_NULL(none);
	}
}

static void test_allocation_may_fail(void)
{
	struct tacit_threshold *none = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_threshold_new(&none), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(none);
	tacit_threshold_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the rate is near the asked one", test_rate_is_near_the_asked_one },
		{ "few scores are met with care", test_few_scores_are_met_with_care },
		{ "needs scores", test_needs_scores },
		{ "less risk is higher", test_less_risk_is_higher },
		{ "ties", test_ties },
		{ "follows drift", test_follows_drift },
		{ "round trip", test_round_trip },
		{ "hostile bytes", test_hostile_bytes },
		{ "allocation may fail", test_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("threshold", cases);
}
