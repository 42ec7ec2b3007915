/* SPDX-License-Identifier: MIT */
/* How often windows alarm whose scores follow known laws, judged one after the other as a host
 * does: of what alarms it learns that there are scores as high as the threshold, and no higher. */
#include <math.h>

#include <tacit/threshold.h>

#include "seed.h"
#include "unit.h"

#define STEPS 50000U
#define FIRST 1024U				 /* what is not counted */
#define LATER (TACIT_THRESHOLD_ANCHORED + 1000U) /* so that thresholds are anchored */

struct walk {
	struct tacit_random *random;
	unsigned at;
	double state; /* of what remembers */
};

static double uniform(struct walk *walk)
{
	return seeded_uniform(walk->random);
}

static double exponential(struct walk *walk)
{
	return -log(uniform(walk));
}

static double chi_square(struct walk *walk) /* 20 degrees of freedom */
{
	double sum = 0;

	for (unsigned i = 0; i < 10; i++)
		sum += 2 * exponential(walk);
	return sum;
}

static double pareto(struct walk *walk) /* shape 0.25 */
{
	return 4 * (pow(uniform(walk), -0.25) - 1);
}

static double lognormal(struct walk *walk)
{
	return 10 * exp(0.5 * seeded_normal(walk->random));
}

static double normal(struct walk *walk)
{
	return fabs(seeded_normal(walk->random));
}

/* Mostly nothing, else nats in steps of 2, each a tenth as frequent. */
static double discrete(struct walk *walk)
{
	return 2 * floor(-log10(uniform(walk)) * 1.0);
}

/* Always the same, but now and then. */
static double jumps(struct walk *walk)
{
	return uniform(walk) < 0.002 ? 30 : 3;
}

/* Exponential, and one in step with the next: a correlation of 0.9. */
static double correlated(struct walk *walk)
{
	walk->state = 0.9 * walk->state + sqrt(1 - 0.81) * seeded_normal(walk->random);
	return -log(erfc(walk->state / M_SQRT2) / 2) * 3;
}

/* The level rises by a fifth of what scores scatter by, every hundred windows. */
static double rising(struct walk *walk)
{
	return 40 + 20.0 * walk->at / STEPS + exponential(walk) * 2;
}

/* Up and down, as from night to day, within 8000 windows. */
static double waves(struct walk *walk)
{
	return 20 + 15 * sin(walk->at * 2 * M_PI / 8000) + exponential(walk) * 3;
}

static const struct law {
	const char *name;
	double (*draw)(struct walk *walk);
	unsigned warm_up;
	double least, most; /* times the risk */
} laws[] = {
	{ "exponential", exponential, FIRST, 1 / 3.0, 3 },
	{ "chi-square", chi_square, FIRST, 1 / 3.0, 3 },
	{ "pareto", pareto, FIRST, 1 / 3.0, 3 },
	{ "lognormal", lognormal, FIRST, 1 / 3.0, 3 },
	{ "normal", normal, FIRST, 1 / 3.0, 3 },
	{ "discrete", discrete, FIRST, 0, 3 },
	{ "jumps", jumps, LATER, 0, 3 },
	{ "correlated", correlated, LATER, 1 / 3.0, 3 },
	{ "rising", rising, LATER, 0, 3 },
	{ "waves", waves, LATER, 0, 3 },
};

/* Share of windows that alarm. */
static double rate(struct tacit_random *random, const struct law *law, double risk)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
	struct walk walk = { .random = random };
	unsigned alarms = 0;

	CU_ASSERT_EQUAL_FATAL(tacit_threshold_new(TACIT_STATISTIC_MAX_Z, &threshold), 0);
	for (; walk.at < law->warm_up + STEPS; walk.at++) {
		double score = law->draw(&walk), at = INFINITY;

		(void)!tacit_threshold_get(threshold, risk, &at);
		alarms += score > at && walk.at >= law->warm_up;
		tacit_threshold_learn(threshold, fmin(score, TACIT_THRESHOLD_CONCEDE * at));
	}
	return alarms / (double)STEPS;
}

static void test_rate(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	printf("# %-12s %10s %10s %10s\n", "law", "asked 1e-2", "1e-3", "1e-4");
	for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++) {
		const struct law *law = &laws[i];
		double hundredth = rate(random, law, 1e-2), thousandth = rate(random, law, 1e-3);
		double rare = rate(random, law, 1e-4);

		printf("# %-12s %10.5f %10.5f %10.5f\n", law->name, hundredth, thousandth, rare);
		CU_ASSERT(hundredth > law->least * 1e-2 && hundredth < law->most * 1e-2);
		/* fifty are expected, in clusters or not */
		CU_ASSERT(thousandth > law->least * 1e-3 / 3 &&
			  thousandth < 1.3 * law->most * 1e-3);
		CU_ASSERT(rare < 2 * law->most * 1e-4); /* five or so are expected */
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the rate is near the asked one, window after window", test_rate },
		{ NULL, NULL },
	};

	return unit_main("threshold_rate", cases);
}
