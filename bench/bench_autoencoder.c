/* SPDX-License-Identifier: MIT */
/*
 * What an autoencoder costs a host; and, with arguments, our side of what models_peers.sh compares,
 * on windows that it and the peer read from one file:
 *
 *	bench_autoencoder write FILE	windows, as native doubles
 *	bench_autoencoder step DIMS	microseconds of a training step, 32 rows
 *	bench_autoencoder fit FILE	of learning a window, the factor at the end included
 *	bench_autoencoder score FILE	of scoring one
 */
#include <stdio.h>
#include <string.h>

#include <tacit/model.h>
#include <tacit/random.h>

#include "models/autoencoder.h"

#include "timing.h"

#define DIMS	128U
#define GROUPS	20U
#define WINDOWS 2000U
#define BATCH	32U
#define REFINES 7

static uint16_t group_of[DIMS];
static uint8_t observed[GROUPS];
static double window[WINDOWS][DIMS];
static const struct tacit_space space = { .dims = DIMS, .groups = GROUPS, .group_of = group_of };

static void must(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "bench_autoencoder: %s\n", tacit_strerror(r));
		exit(EXIT_FAILURE);
	}
}

/* Log counts that follow five hidden numbers, and some noise. */
static void draw_windows(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	static const uint8_t seed[32] = { 1 };

	must(tacit_random_new(seed, &random));
	for (size_t i = 0; i < WINDOWS; i++) {
		double hidden[5];

		for (size_t f = 0; f < 5; f++)
			hidden[f] = (double)tacit_random_below(random, 1000) / 500 - 1;
		for (size_t j = 0; j < DIMS; j++)
			window[i][j] = (double)(j % 12) + hidden[j % 5] - hidden[j * 3 % 5] / 2 +
				       (double)tacit_random_below(random, 1000) / 2000;
	}
}

static void set_up(void)
{
	memset(observed, 1, sizeof(observed));
	for (size_t j = 0; j < DIMS; j++)
		group_of[j] = (uint16_t)(j * GROUPS / DIMS);
	draw_windows();
}

static void move_windows(const char *path, bool out)
{
	FILE *file = fopen(path, out ? "wb" : "rb");
	size_t n = 0;

	if (file)
		n = out ? fwrite(window, sizeof(window[0]), WINDOWS, file)
			: fread(window, sizeof(window[0]), WINDOWS, file);
	if (!file || n != WINDOWS || fclose(file) != 0) {
		(void)fprintf(stderr, "bench_autoencoder: cannot use %s\n", path);
		exit(EXIT_FAILURE);
	}
}

static struct tacit_sample sample_of(size_t i)
{
	return (struct tacit_sample){ .x = window[i % WINDOWS], .observed = observed };
}

/* A promoted model that has learned all windows. */
static struct tacit_model *grow(const char *kind_name)
{
	const struct tacit_model_kind *kind = tacit_model_kind_find(kind_name);
	struct tacit_model *model = NULL;

	must(kind->new (&space, &model));
	must(kind->promote(model));
	for (size_t i = 0; i < WINDOWS; i++) {
		struct tacit_sample sample = sample_of(i);

		must(kind->learn(model, &sample, 1));
	}
	return model;
}

struct scoring {
	struct tacit_model *model;
	size_t at;
};

static void score(void *ctx)
{
	struct scoring *scoring = (struct scoring *)ctx;
	struct tacit_sample sample = sample_of(scoring->at++);
	struct tacit_score result;

	must(tacit_model_kind_of(scoring->model)->score(scoring->model, &sample, &result));
}

/* To the first score, which makes the factor. */
static void fit(void *ctx)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grow("gaussian");
	struct scoring scoring = { .model = model };

	(void)ctx;
	score(&scoring);
}

static double score_us(struct tacit_model *model)
{
	struct scoring scoring = { .model = model };

	return timing_call_ns(score, &scoring, 500) / 1000;
}

struct stepping {
	struct tacit_mlp_trainer *trainer;
	float *rows;
};

static void step(void *ctx)
{
	const struct stepping *stepping = (const struct stepping *)ctx;
	const struct tacit_mlp_batch batch = { .n = BATCH,
					       .input = stepping->rows,
					       .target = stepping->rows };
	const struct tacit_mlp_rule rule = { .rate = 1e-3F };

	(void)tacit_mlp_trainer_step(stepping->trainer, &batch, &rule);
}

static double step_us(size_t dims)
{
	const struct tacit_space any = { .dims = dims, .groups = 1 };
	const struct tacit_mlp_shape shape = tacit_autoencoder_shape(&any);
	float *weight = TACIT_NEW_N(float, tacit_mlp_len(&shape));
	struct stepping stepping = { .rows = TACIT_NEW_N(float, BATCH *dims) };
	double ns;

	must(weight && stepping.rows ? 0 : -ENOMEM);
	for (size_t i = 0; i < BATCH * dims; i++)
		stepping.rows[i] = (float)window[i / DIMS][i % DIMS] - 5;
	tacit_autoencoder_first_weights(&any, weight);
	must(tacit_mlp_trainer_new(&shape, weight, BATCH, &stepping.trainer));
	ns = timing_call_ns(step, &stepping, 100);
	tacit_mlp_trainer_free(stepping.trainer);
	tacit_free(stepping.rows);
	tacit_free(weight);
	return ns / 1000;
}

static double refine_ms(struct tacit_model *model)
{
	struct tacit_sample sample[1000];
	double each[REFINES];

	for (size_t i = 0; i < 1000; i++)
		sample[i] = sample_of(2 * i);
	for (size_t i = 0; i < REFINES; i++) {
		double started = timing_now_ns();

		must(tacit_autoencoder_kind.refine(model, sample, 1000));
		each[i] = (timing_now_ns() - started) / 1e6;
	}
	return timing_median(each, REFINES);
}

static void print_rows(void)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grow("autoencoder");
	const struct tacit_model_kind *kind = &tacit_autoencoder_kind;

	printf("autoencoder.step_128 %.2f us\n", step_us(DIMS));
	printf("autoencoder.refine_1000 %.2f ms\n", refine_ms(model));
	printf("autoencoder.score %.2f us\n", score_us(model));
	printf("autoencoder.size_promoted %zu bytes\n", kind->size_bytes(model));
	printf("autoencoder.contribution %zu numbers\n", kind->contribution_len(&space));
	printf("autoencoder.block %zu bytes\n", kind->block_len(&space) * sizeof(float));
}

static void print_one(const char *what, const char *argument)
{
	if (strcmp(what, "step") == 0) {
		printf("%.4f\n", step_us((size_t)strtoul(argument, NULL, 10)));
		return;
	}
	move_windows(argument, strcmp(what, "write") == 0);
	if (strcmp(what, "fit") == 0)
		printf("%.4f\n", timing_call_ns(fit, NULL, 1) / 1000 / WINDOWS);
	if (strcmp(what, "score") == 0) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grow("gaussian");

		printf("%.4f\n", score_us(model));
	}
}

int main(int argc, char **argv)
{
	set_up();
	if (argc == 3)
		print_one(argv[1], argv[2]);
	else
		print_rows();
	return EXIT_SUCCESS;
}
