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

/* Quantile functions of the upper tail, and the share of mass above a value. */
static const struct {
	double (*draw)(double u);
	double (*above)(double x);
} laws[3];

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

static void test_rate_is_near_the_asked_one(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const struct {
		double (*draw)(double u);
		double (*above)(double x);
	} law[] = {
		{ exponential, above_exponential },
		{ uniform, above_uniform },
		{ pareto, above_pareto },
		{ NULL, above_normal },
	};

	for (size_t i = 0; i < sizeof(law) / sizeof(law[0]); i++) {
		double hundredth = achieved(random, law[i].draw, law[i].above, 512, 1e-2);
		double thousandth = achieved(random, law[i].draw, law[i].above, 512, 1e-3);
		double rare = achieved(random, law[i].draw, law[i].above, 512, 1e-4);
		printf("# %g %g %g | %g %g\n", hundredth, thousandth, rare, achieved(random, law[i].draw, law[i].above, 50, 1e-3), achieved(random, law[i].draw, law[i].above, 20, 1e-3));
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the rate is near the asked one", test_rate_is_near_the_asked_one },
		{ NULL, NULL },
	};

	(void)laws;
	return unit_main("threshold", cases);
}
