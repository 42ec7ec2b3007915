/* SPDX-License-Identifier: MIT */
#include <math.h>

#include <tacit/threshold.h>

#include "seed.h"
#include "unit.h"

static struct tacit_threshold *make(void)
{
	struct tacit_threshold *threshold = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_threshold_new(TACIT_STATISTIC_MAX_Z, &threshold), 0);
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
		CU_ASSERT(at > fmin(constant[i], 3e38) && at <= 2 * constant[i] + 4);
	}
	learn_many(steps, 0, 400);
	learn_many(steps, 5, 100);
	learn_many(steps, 6, 12);
	at = get(steps, 1e-3);
	CU_ASSERT(at > 6 && at < 20);
}

/* What rounding makes of a scope that never varies is no threshold, nor is what chance alone does.
 */
static void test_floor(void)
{
	static const struct {
		enum tacit_statistic statistic;
		double risk, floor;
	} rows[] = {
		{ TACIT_STATISTIC_MAX_Z, 1e-3, 3.2905 },
		{ TACIT_STATISTIC_MAX_Z, 1e-6, 4.8916 },
		{ TACIT_STATISTIC_DISTANCE, 1e-3, 10.828 },
		{ TACIT_STATISTIC_COUNT, 1e-3, 6.9078 }, /* nats, as of whatever else there is */
	};
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_DOUBLE_EQUAL(tacit_threshold_floor(rows[i].statistic, rows[i].risk),
				       rows[i].floor, 1e-3);
	for (unsigned i = 0; i < 1000; i++)
		tacit_threshold_learn(threshold, (1 + i % 7) * 1e-27);
	CU_ASSERT(get(threshold, 1e-6) >= 4.89);
}

/* A jump that comes once a block is remembered for many blocks without one. */
static void test_remembers_what_is_rare(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();

	for (unsigned i = 0; i < 60 * TACIT_THRESHOLD_KEEP; i++)
		tacit_threshold_learn(threshold, i % 2000 == 0 && i < 30 * TACIT_THRESHOLD_KEEP
							 ? 40
							 : exponential(seeded_uniform(random)));
	CU_ASSERT(get(threshold, 1e-5) > 35);
	CU_ASSERT(get(threshold, 1e-2) < 10);
}

static void learn_day(struct tacit_threshold *threshold, struct tacit_random *random, double scale)
{
	for (unsigned i = 0; i < TACIT_THRESHOLD_ANCHORED; i++)
		tacit_threshold_learn(threshold, scale * exponential(seeded_uniform(random)));
}

/* Whatever is learned in a day: unless it was accepted. */
static void test_anchor_holds(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();
	double before, held;

	learn_day(threshold, random, 1);
	before = get(threshold, 1e-5);
	for (double scale = 1; scale < 10; scale *= 1.1) /* as it is boiled */
		for (unsigned i = 0; i < 600; i++) {
			tacit_threshold_learn(threshold,
					      scale * exponential(seeded_uniform(random)));
			(void)get(threshold, 1e-5);
		}
	held = get(threshold, 1e-5);
	CU_ASSERT(held > before && held < 2.5 * before);
	tacit_threshold_release(threshold);
	for (unsigned i = 0; i < TACIT_THRESHOLD_KEEP; i++) {
		tacit_threshold_learn(threshold, 10 * exponential(seeded_uniform(random)));
		(void)get(threshold, 1e-5);
	}
	CU_ASSERT(get(threshold, 1e-5) > 3 * before);
}

/* While there are no own scores the class's are all there is, then they fade. */
static void test_prior(void)
{
	static const struct tacit_score_ladder ladder = { .weight = 1, .level = { 1, 2, 3, 4, 5 } };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = make();
	double own;

	tacit_threshold_set_prior(threshold, &ladder);
	CU_ASSERT_EQUAL(tacit_threshold_get_own(threshold, 1e-3, &own), -EAGAIN);
	CU_ASSERT_DOUBLE_EQUAL(get(threshold, 1e-3), exp(3), 1e-4);
	for (double n = 150; n < 500; n += 150) {
		for (unsigned k = 0; k < 150; k++)
			tacit_threshold_learn(threshold, exponential(seeded_uniform(random)));
		CU_ASSERT_EQUAL(tacit_threshold_get_own(threshold, 1e-3, &own), 0);
		CU_ASSERT_DOUBLE_EQUAL(log(get(threshold, 1e-3)),
				       (n * log(own) + 100 * 3) / (n + 100), 1e-6);
	}
	tacit_threshold_set_prior(threshold, NULL);
	CU_ASSERT_EQUAL(get(threshold, 1e-3), own);
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
		CU_ASSERT_EQUAL_FATAL(tacit_threshold_load(TACIT_STATISTIC_MAX_Z, &reader, &back),
				      0);
		CU_ASSERT(tacit_read_done(&reader));
		CU_ASSERT_EQUAL(tacit_threshold_count(back), sizes[i]);
		learn_many(threshold, 2, 100);
		learn_many(back, 2, 100);
		CU_ASSERT_EQUAL(get(threshold, 1e-3), get(back, 1e-3));
		for (size_t len = 0; len < writer.len; len++) {
			struct tacit_threshold *none = NULL;

			reader = tacit_reader_init(writer.data, len);
			CU_ASSERT_EQUAL(tacit_threshold_load(TACIT_STATISTIC_MAX_Z, &reader, &none),
					TACIT_EDAMAGED);
			CU_ASSERT_PTR_NULL(none);
		}
	}
}

/* As it was kept before there were anchors. */
static void test_older_format(void)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_reader reader;

	tacit_write_u8(&writer, 1);
	tacit_write_u64le(&writer, 200000);
	for (unsigned i = 0; i < TACIT_THRESHOLD_KEEP; i++)
		tacit_write_f32le(&writer, (float)(i % 10));
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL_FATAL(tacit_threshold_load(TACIT_STATISTIC_MAX_Z, &reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT_EQUAL(tacit_threshold_count(back), 200000);
	CU_ASSERT(get(back, 1e-4) > 9 && get(back, 1e-4) < 40);
}

static void test_hostile_bytes(void)
{
	static const float bad[] = { NAN, -1, INFINITY };
	struct tacit_threshold *none = NULL;

	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
		struct tacit_reader reader;

		tacit_write_u8(&writer, i < 3 ? 1 : 3); /* the last: another format */
		tacit_write_u64le(&writer, 1);
		tacit_write_f32le(&writer, i < 3 ? bad[i] : 1);
		reader = tacit_reader_init(writer.data, writer.len);
		CU_ASSERT_EQUAL(tacit_threshold_load(TACIT_STATISTIC_MAX_Z, &reader, &none),
				TACIT_EDAMAGED);
		CU_ASSERT_PTR_NULL(none);
	}
}

static void test_allocation_may_fail(void)
{
	struct tacit_threshold *none = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_threshold_new(TACIT_STATISTIC_DISTANCE, &none), -ENOMEM);
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
		{ "floor", test_floor },
		{ "remembers what is rare", test_remembers_what_is_rare },
		{ "the anchor holds", test_anchor_holds },
		{ "prior", test_prior },
		{ "follows drift", test_follows_drift },
		{ "round trip", test_round_trip },
		{ "older format", test_older_format },
		{ "hostile bytes", test_hostile_bytes },
		{ "allocation may fail", test_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("threshold", cases);
}
