/* SPDX-License-Identifier: MIT */
/*
 * What weighing groups does: four hosts in five serve the web, one makes backups, and all of them
 * are of one class. Everything is the product's own, but for the network: hosts learn from
 * recordings, contribute, are clipped, weighed, added up under noise and absorbed; they evaluate
 * the release, and the sum of that gives the weights of the next rounds. The figures are printed
 * for both.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/evaluation.h>
#include <tacit/feature.h>
#include <tacit/fleet.h>
#include <tacit/protect.h>

#include "agent/learner_evaluate.h"
#include "agent/replay.h"

#include "seed.h"
#include "unit.h"

#define HOSTS	 50U
#define GROUPS	 2U
#define MINOR	 5U  /* one host in so many makes backups */
#define LIVED	 90U /* windows */
#define ROUNDS	 12U
#define EVERY	 2U /* releases to an evaluation */
#define KAPPA	 30.0
#define RISK	 1e-3
#define CLIP	 1.0
#define QUANTILE 0.99 /* of all hosts' scores is the threshold of a host that has none of its own  \
		       */

static const char *const recordings[GROUPS] = { "tests/data/web.tacit", "tests/data/backup.tacit" };
static const char *const classes[] = { TACIT_SCOPE_HOST };

struct host {
	const struct tacit_replay *replay;
	size_t first;
	unsigned group;
	struct tacit_learner *learner;
};

struct town {
	struct tacit_replay *replay[GROUPS];
	struct tacit_random *random;
	struct host host[HOSTS];
	struct tacit_fleet *fleet;
	double noise_multiplier; /* of a secure sum */
	double weight[GROUPS];
	struct tacit_evaluation_group figures[GROUPS];
};

/* The host as a whole, at one step of its recording. */
static const struct tacit_window *step(const struct host *host, size_t i)
{
	size_t n;
	const struct tacit_window *window = tacit_replay_step(host->replay, host->first + i, &n);

	for (size_t k = 0; k < n; k++)
		if (strcmp(window[k].scope, TACIT_SCOPE_HOST) == 0)
			return &window[k];
	return window;
}

static void live(struct host *host)
{
	const struct tacit_learner_params params = { .kind = tacit_model_kind_find("gaussian") };

	CU_ASSERT_EQUAL_FATAL(tacit_learner_new(&params, &host->learner), 0);
	for (size_t i = 0; i < LIVED; i++) {
		struct tacit_judgement judgement;

		CU_ASSERT_EQUAL(tacit_learner_judge(host->learner, step(host, i), RISK, &judgement),
				0);
		CU_ASSERT_EQUAL(tacit_learner_learn(host->learner, step(host, i), &judgement), 0);
	}
}

static struct town *town_new(struct tacit_random *random, double noise_multiplier)
{
	struct town *town = TACIT_NEW(struct town);

	town->random = random;
	town->noise_multiplier = noise_multiplier;
	for (unsigned g = 0; g < GROUPS; g++) {
		town->weight[g] = 1;
		CU_ASSERT_EQUAL_FATAL(tacit_replay_load(recordings[g], &town->replay[g], NULL), 0);
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host *host = &town->host[i];

		host->group = i % MINOR == 0;
		host->replay = town->replay[host->group];
		host->first = tacit_random_below(random, tacit_replay_steps(host->replay));
		live(host);
	}
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(tacit_model_kind_find("gaussian"),
					      tacit_feature_space(), classes, 1, &town->fleet),
			      0);
	return town;
}

static void town_free(struct town *town)
{
	for (unsigned i = 0; i < HOSTS; i++)
		tacit_learner_free(town->host[i].learner);
	for (unsigned g = 0; g < GROUPS; g++)
		tacit_replay_free(town->replay[g]);
	tacit_fleet_free(town->fleet);
	tacit_free(town);
}
TACIT_DEFINE_CLEANUP(struct town, town_free)

/* The noise of a whole sum. */
static double blur(struct town *town, double *sum, size_t n)
{
	double sd = town->noise_multiplier * CLIP;

	for (size_t i = 0; i < n; i++)
		sum[i] += sd * seeded_normal(town->random);
	return sd;
}

static void learn(struct town *town)
{
	size_t n = tacit_fleet_dimensions(town->fleet);
	TACIT_AUTO_FREE double *total = TACIT_NEW_N(double, n);
	TACIT_AUTO_FREE double *one = TACIT_NEW_N(double, n);
	struct tacit_sum sum = { .value = total, .updates = HOSTS };
	struct tacit_fleet *next = NULL;

	for (unsigned i = 0; i < HOSTS; i++) {
		memset(one, 0, n * sizeof(*one));
		CU_ASSERT_EQUAL(tacit_learner_contribute(town->host[i].learner, town->fleet, one),
				1);
		(void)tacit_clip_l2(one, n, CLIP);
		for (size_t k = 0; k < n; k++)
			total[k] += one[k] * town->weight[town->host[i].group];
	}
	sum.noise_sd = blur(town, total, n);
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_absorb(town->fleet, &sum, &next), 0);
	tacit_fleet_free(town->fleet);
	town->fleet = next;
}

static int recall(void *ctx, const char *scope, struct tacit_window *window)
{
	(void)scope;
	for (unsigned i = 0; i < TACIT_STORE_SAMPLE_MAX; i++)
		window[i] = *step((const struct host *)ctx, LIVED - TACIT_STORE_SAMPLE_MAX + i);
	return TACIT_STORE_SAMPLE_MAX;
}

static void evaluate(struct town *town)
{
	double total[GROUPS * TACIT_EVALUATION_LEN] = { 0 };
	struct tacit_sum sum = { .value = total, .updates = HOSTS };

	for (unsigned i = 0; i < HOSTS; i++) {
		struct host *host = &town->host[i];
		double one[GROUPS * TACIT_EVALUATION_LEN] = { 0 };
		struct tacit_evaluation found = { 0 };

		CU_ASSERT_EQUAL_FATAL(tacit_learner_evaluate(host->learner, town->fleet, KAPPA,
							     RISK, recall, host, &found),
				      1);
		tacit_evaluation_encode(&found, host->group, CLIP, one);
		for (size_t k = 0; k < TACIT_ARRAY_LEN(one); k++)
			total[k] += one[k];
	}
	sum.noise_sd = blur(town, total, TACIT_ARRAY_LEN(total));
	for (unsigned g = 0; g < GROUPS; g++)
		tacit_evaluation_read(&sum, CLIP, g, &town->figures[g]);
}

static double loss_of(const struct town *town, unsigned group)
{
	return town->figures[group].figure[TACIT_EVALUATION_LOSS].value;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Scores of every host's windows by the release alone: @ret[i * LIVED ...] of host i. */
static void score(const struct town *town, double *ret)
{
	const struct tacit_model_kind *kind = tacit_model_kind_find("gaussian");
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	double x[TACIT_FEATURE_COUNT];

	CU_ASSERT_EQUAL_FATAL(kind->new (tacit_feature_space(), &model), 0);
	CU_ASSERT_EQUAL(kind->set_prior(model, tacit_fleet_block(town->fleet, 0), 10 * KAPPA), 0);
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned k = 0; k < LIVED; k++) {
			struct tacit_sample sample =
				tacit_window_sample(step(&town->host[i], k), x);
			struct tacit_score one = { 0 };

			CU_ASSERT_EQUAL(kind->score(model, &sample, &one), 0);
			ret[i * LIVED + k] = one.value[TACIT_STATISTIC_DISTANCE];
		}
}

/* Share of windows of each group above a threshold that all hosts' scores give. */
static void count_false_alarms(const struct town *town, double rate[GROUPS])
{
	TACIT_AUTO_FREE double *value = TACIT_NEW_N(double, HOSTS *LIVED);
	TACIT_AUTO_FREE double *sorted = TACIT_NEW_N(double, HOSTS *LIVED);
	double windows[GROUPS] = { 0 }, alarms[GROUPS] = { 0 }, threshold;

	score(town, value);
	memcpy(sorted, value, (size_t)HOSTS * LIVED * sizeof(*value));
	qsort(sorted, (size_t)HOSTS * LIVED, sizeof(*sorted), ascending);
	threshold = sorted[(size_t)(QUANTILE * HOSTS * LIVED)];
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned k = 0; k < LIVED; k++) {
			windows[town->host[i].group]++;
			alarms[town->host[i].group] += value[i * LIVED + k] > threshold;
		}
	for (unsigned g = 0; g < GROUPS; g++)
		rate[g] = alarms[g] / windows[g];
}

/* A fleet's life with fairness @q; its end is left in @town. */
static void run(struct town *town, double q, double rate[GROUPS])
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		learn(town);
		if (round % EVERY > 0)
			continue;
		evaluate(town);
		if (round < ROUNDS)
			tacit_evaluation_weigh(town->figures, GROUPS, town->weight, q,
					       town->weight);
	}
	count_false_alarms(town, rate);
	for (unsigned g = 0; g < GROUPS; g++)
		printf("# noise %g, fairness %g: %-6s weight %.2f, loss %.3f nats a number, false "
		       "alarms at cold start %.2f %% of windows\n",
		       town->noise_multiplier, q, g ? "backup" : "web", town->weight[g],
		       loss_of(town, g), 100 * rate[g]);
}

static double gap_of(double noise_multiplier, double q, double *ret_false)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(town_free_p) struct town *town = town_new(random, noise_multiplier);
	double rate[GROUPS];

	run(town, q, rate);
	*ret_false = fabs(rate[1] - rate[0]);
	return fabs(loss_of(town, 1) - loss_of(town, 0));
}

static void compare(double noise_multiplier, double least)
{
	double before_false, after_false;
	double before = gap_of(noise_multiplier, 0, &before_false);
	double after = gap_of(noise_multiplier, 2, &after_false);

	printf("# noise %g: gap of the loss %.3f before, %.3f after; of the false alarms %.2f %%, "
	       "%.2f %%\n",
	       noise_multiplier, before, after, 100 * before_false, 100 * after_false);
	CU_ASSERT(after < before * least);
	CU_ASSERT(after_false < before_false);
}

static void test_without_noise(void)
{
	compare(0, 0.75);
}

static void test_under_noise(void)
{
	compare(0.1, 0.9); /* as of 1 among five hundred hosts */
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "weights close the gap", test_without_noise },
		{ "and under noise", test_under_noise },
		{ NULL, NULL },
	};

	return unit_main("fairness_gap", cases);
}
