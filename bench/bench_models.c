/* SPDX-License-Identifier: MIT */
/* What a window costs a host, and a round the aggregator, at 128 dimensions in 20 groups. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <tacit/fleet.h>
#include <tacit/random.h>
#include <tacit/threshold.h>

#include "timing.h"

#define DIMS	128U
#define GROUPS	20U
#define WINDOWS 2000U
#define CLASSES 64U
#define SAMPLE	1024U
#define STATES	8U

static uint16_t group_of[DIMS];
static uint8_t observed[GROUPS];
static double window[WINDOWS][DIMS];
static const struct tacit_space space = { .dims = DIMS, .groups = GROUPS, .group_of = group_of };

struct bench {
	const struct tacit_model_kind *kind;
	struct tacit_model *model;
	struct tacit_threshold *threshold;
	struct tacit_fleet *fleet;
	double *sum;
	float *block;
	size_t at;
};

static void must(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "bench_models: %s\n", tacit_strerror(r));
		exit(EXIT_FAILURE);
	}
}

/* Log counts of features that vary together. */
static void draw_windows(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	static const uint8_t seed[32] = { 1 };

	must(tacit_random_new(seed, &random));
	memset(observed, 1, sizeof(observed));
	for (size_t j = 0; j < DIMS; j++)
		group_of[j] = (uint16_t)(j * GROUPS / DIMS);
	for (size_t i = 0; i < WINDOWS; i++) {
		double common = (double)tacit_random_below(random, 1000) / 500;

		for (size_t j = 0; j < DIMS; j++)
			window[i][j] = (double)(j % 12) + common +
				       (double)tacit_random_below(random, 1000) / 1000;
	}
}

static struct tacit_sample next_sample(struct bench *bench)
{
	bench->at = (bench->at + 1) % WINDOWS;
	return (struct tacit_sample){ .x = window[bench->at], .observed = observed };
}

static void learn(void *ctx)
{
	struct bench *bench = ctx;
	struct tacit_sample sample = next_sample(bench);

	must(bench->kind->learn(bench->model, &sample, 1));
}

static void score(void *ctx)
{
	struct bench *bench = ctx;
	struct tacit_sample sample = next_sample(bench);
	struct tacit_score result;

	must(bench->kind->score(bench->model, &sample, &result));
}

static void explain(void *ctx)
{
	struct bench *bench = ctx;
	struct tacit_sample sample = next_sample(bench);
	double share[DIMS], z[DIMS], expected[DIMS];

	must(bench->kind->explain(bench->model, &sample, share, z, expected));
}

/* A new prior makes the factor of the covariance stale. */
static void score_anew(void *ctx)
{
	struct bench *bench = ctx;

	must(bench->kind->set_prior(bench->model, bench->block, 30));
	score(ctx);
}

/* As a host does with a scope's sample; in eight ways of being normal. */
static void refine(void *ctx)
{
	static struct tacit_sample sample[SAMPLE];
	struct bench *bench = ctx;

	for (size_t i = 0; i < SAMPLE; i++)
		sample[i] = (struct tacit_sample){ .x = window[i], .observed = observed };
	must(bench->kind->refine(bench->model, sample, SAMPLE));
}

static void live_in_states(void)
{
	for (size_t i = 0; i < WINDOWS; i++)
		for (size_t j = 0; j < DIMS; j++)
			window[i][j] += i % STATES == j % STATES ? 4 : 0;
}

static void make_refined(struct bench *bench)
{
	live_in_states();
	must(bench->kind->new (&space, &bench->model));
	must(bench->kind->promote(bench->model));
	for (size_t i = 0; i < WINDOWS; i++)
		learn(bench);
}

static void threshold(void *ctx)
{
	struct bench *bench = ctx;
	double at;

	bench->at = (bench->at + 1) % WINDOWS;
	tacit_threshold_learn(bench->threshold, window[bench->at][7]);
	(void)!tacit_threshold_get(bench->threshold, 1e-5, &at);
}

static void contribute(void *ctx)
{
	struct bench *bench = ctx;
	const struct tacit_fleet_scope scope = { .model = bench->model, .class_of = 3 };

	must(tacit_fleet_contribute(bench->fleet, &scope, 1, bench->sum));
}

static void absorb(void *ctx)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	struct bench *bench = ctx;
	const struct tacit_sum sum = { .value = bench->sum, .updates = 1, .noise_sd = 0.1 };

	must(tacit_fleet_absorb(bench->fleet, &sum, &next));
}

static void row(const char *name, void (*run)(void *ctx), struct bench *bench, unsigned calls)
{
	printf("models.%s %.2f us\n", name, timing_call_ns(run, bench, calls) / 1000);
}

static void make_fleet(struct bench *bench)
{
	char text[CLASSES][16];
	const char *names[CLASSES];

	for (unsigned i = 0; i < CLASSES; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "class-%u", i);
		names[i] = text[i];
	}
	must(tacit_fleet_new(bench->kind, &space, names, CLASSES, &bench->fleet));
	bench->sum = TACIT_NEW_N(double, tacit_fleet_dimensions(bench->fleet));
	bench->block = TACIT_NEW_N(float, bench->kind->block_len(&space));
	must(bench->sum && bench->block ? 0 : -ENOMEM);
	bench->kind->block_init(&space, bench->block);
}

int main(void)
{
	struct bench bench = { .kind = tacit_model_kind_find("gaussian") };
	struct tacit_model_info info;

	draw_windows();
	make_fleet(&bench);
	must(bench.kind->new (&space, &bench.model));
	must(tacit_threshold_new(TACIT_STATISTIC_MAX_Z, &bench.threshold));
	row("learn_diagonal", learn, &bench, 500);
	row("score_diagonal", score, &bench, 500);
	printf("models.size %zu bytes\n", bench.kind->size_bytes(bench.model));
	must(bench.kind->promote(bench.model));
	row("learn", learn, &bench, 500);
	row("score", score, &bench, 500);
	row("explain", explain, &bench, 500);
	row("score_with_new_factor", score_anew, &bench, 20);
	printf("models.size_promoted %zu bytes\n", bench.kind->size_bytes(bench.model));
	row("threshold", threshold, &bench, 500);
	row("contribute_64_classes", contribute, &bench, 100);
	row("absorb_64_classes", absorb, &bench, 5);

	tacit_model_free(bench.model);
	make_refined(&bench);
	row("refine", refine, &bench, 3);
	bench.kind->info(bench.model, &info);
	printf("models.components %u\n", info.components);
	row("score_mixture", score, &bench, 500);
	row("explain_mixture", explain, &bench, 500);

	tacit_free(bench.sum);
	tacit_free(bench.block);
	tacit_fleet_free(bench.fleet);
	tacit_threshold_free(bench.threshold);
	tacit_model_free(bench.model);
	return EXIT_SUCCESS;
}
