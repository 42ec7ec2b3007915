/* SPDX-License-Identifier: MIT */
/* What a host does with a sample of its windows: it trains on most, and measures with the rest. */
#include "autoencoder.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <tacit/mem.h>

#define INPUT_MAX 10.0 /* standard deviations: beyond it all is odd, and weights would go wild */
#define Z_MAX	  1e9  /* and its square is still a number */

#define BATCH	 32U
#define HELD_OUT 4U /* windows 3, 7, 11, ... of a sample are not trained on */
#define RATE	 3e-3
/*
 * Training ends after so many passes over the sample, or so many multiplications: 32 rows times
 * three passes (forward, and backward twice) over every weight are one step. That bounds its time:
 * 5e8 take some 25 ms in 64-byte vectors, 50 ms in 32-byte ones and 150 ms in 16-byte ones.
 */
#define EPOCHS 60U
#define WORK   UINT64_C(500000000)

int tacit_autoencoder_look(const struct tacit_space *space, const struct tacit_model *gaussian,
			   const struct tacit_sample *sample, struct tacit_autoencoder_view *view)
{
	int r = tacit_gaussian_standardise(gaussian, sample, &view->standard);

	for (size_t j = 0; r == 0 && j < space->dims; j++) {
		double *z = &view->standard.z[j];

		*z = fmin(fmax(*z, -Z_MAX), Z_MAX);
		view->input[j] = (float)fmin(fmax(*z, -INPUT_MAX), INPUT_MAX);
	}
	return r;
}

/* The windows of a sample that can be judged, as rows. */
struct lesson {
	struct tacit_mlp_shape shape;
	size_t dims;
	size_t n, held, end; /* rows trained on; held out, which are the last ones before @end */
	float *input, *mask;
	float *rows;	/* a minibatch and its mask */
	float *trained; /* weights */
	struct tacit_mlp_trainer *trainer;
};

static void lesson_done(struct lesson *lesson)
{
	tacit_free(lesson->input);
	tacit_free(lesson->mask);
	tacit_free(lesson->rows);
	tacit_free(lesson->trained);
	tacit_mlp_trainer_free(lesson->trainer);
}

/* 0 or -ENOMEM. Of a sample that is larger than wanted the rest is left. */
static int prepare(struct lesson *lesson, const struct tacit_space *space,
		   const struct tacit_model *gaussian, const struct tacit_sample *sample, size_t n)
{
	struct tacit_autoencoder_view view;

	lesson->shape = tacit_autoencoder_shape(space);
	lesson->dims = space->dims;
	lesson->end = n < TACIT_AUTOENCODER_SAMPLE_MAX ? n : TACIT_AUTOENCODER_SAMPLE_MAX;
	lesson->input = TACIT_NEW_N(float, (lesson->end + 1) * space->dims);
	lesson->mask = TACIT_NEW_N(float, (lesson->end + 1) * space->dims);
	lesson->rows = TACIT_NEW_N(float, 2 * BATCH * space->dims);
	lesson->trained = TACIT_NEW_N(float, tacit_mlp_len(&lesson->shape));
	if (!lesson->input || !lesson->mask || !lesson->rows || !lesson->trained)
		return -ENOMEM;
	for (size_t i = 0; i < lesson->end; i++) {
		size_t row;

		if (tacit_autoencoder_look(space, gaussian, &sample[i], &view) < 0)
			continue;
		row = i % HELD_OUT == HELD_OUT - 1 ? lesson->end - ++lesson->held : lesson->n++;
		for (size_t j = 0; j < space->dims; j++) {
			lesson->input[row * space->dims + j] = view.input[j];
			lesson->mask[row * space->dims + j] = view.standard.known[j];
		}
	}
	return 0;
}

/* Mean squares of what @weight gets wrong of each feature in what is held out. Returns their mean.
 */
static double measure(const struct lesson *lesson, const float *weight, float *residual)
{
	double sum[TACIT_SPACE_DIMS_MAX] = { 0 }, count[TACIT_SPACE_DIMS_MAX] = { 0 }, mean = 0;
	float drawn[TACIT_SPACE_DIMS_MAX];

	for (size_t i = lesson->end - lesson->held; i < lesson->end; i++) {
		const float *input = lesson->input + i * lesson->dims;
		const float *mask = lesson->mask + i * lesson->dims;

		tacit_mlp_apply(&lesson->shape, weight, input, drawn);
		for (size_t j = 0; j < lesson->dims; j++) {
			double wrong = (double)(mask[j] * (input[j] - drawn[j]));

			sum[j] += wrong * wrong;
			count[j] += (double)mask[j];
		}
	}
	for (size_t j = 0; j < lesson->dims; j++) {
		double r = count[j] > 0 ? sum[j] / count[j] : 1;

		r = fmin(fmax(r, (double)TACIT_AUTOENCODER_RESIDUAL_MIN),
			 (double)TACIT_AUTOENCODER_RESIDUAL_MAX);
		residual[j] = (float)r;
		mean += r / (double)lesson->dims;
	}
	return mean;
}

/* Draws a minibatch from what is trained on. The generator is a linear congruential one (Knuth):
 * the same every time, and good enough to choose rows with. */
static void draw(const struct lesson *lesson, uint64_t *state)
{
	size_t bytes = lesson->dims * sizeof(float);

	for (size_t i = 0; i < BATCH; i++) {
		float *row = lesson->rows + i * lesson->dims;
		size_t from;

		*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		from = (size_t)((*state >> 33) % lesson->n) * lesson->dims;
		memcpy(row, lesson->input + from, bytes);
		memcpy(row + BATCH * lesson->dims, lesson->mask + from, bytes);
	}
}

static void train(const struct lesson *lesson, double prox)
{
	uint64_t state = lesson->n, most = WORK / (3 * BATCH * tacit_mlp_len(&lesson->shape));
	uint64_t steps = (EPOCHS * lesson->n + BATCH - 1) / BATCH;
	const struct tacit_mlp_batch batch = {
		.n = BATCH,
		.input = lesson->rows,
		.target = lesson->rows,
		.mask = lesson->rows + BATCH * lesson->dims,
	};

	steps = steps < most ? steps : most;
	for (uint64_t i = 0; i < steps; i++) {
		const struct tacit_mlp_rule rule = {
			.rate = (float)(RATE * (double)(steps - i) / (double)steps),
			.prox = (float)prox,
		};

		draw(lesson, &state);
		(void)tacit_mlp_trainer_step(lesson->trainer, &batch, &rule);
	}
}

/* Weights that went wild, or that draw worse than those at first, are given up. */
static void finish(const struct lesson *lesson, struct tacit_autoencoder_course *course)
{
	size_t n = tacit_mlp_len(&lesson->shape);
	float residual[TACIT_SPACE_DIMS_MAX];
	double before = measure(lesson, course->weight, course->residual);
	bool good = true;

	tacit_mlp_trainer_get(lesson->trainer, lesson->trained);
	for (size_t i = 0; i < n; i++)
		good &= fabsf(lesson->trained[i]) <= TACIT_AUTOENCODER_WEIGHT_MAX;
	if (good && measure(lesson, lesson->trained, residual) < before) {
		memcpy(course->weight, lesson->trained, n * sizeof(float));
		memcpy(course->residual, residual, lesson->dims * sizeof(float));
	}
	(void)measure(lesson, course->anchor, course->anchor_residual);
	course->windows = (double)(lesson->n + lesson->held);
	course->measured = (double)lesson->held;
}

int tacit_autoencoder_train(const struct tacit_space *space, const struct tacit_model *gaussian,
			    const struct tacit_sample *sample, size_t n,
			    struct tacit_autoencoder_course *course)
{
	TACIT_CLEANUP(lesson_done) struct lesson lesson = { 0 };
	int r = prepare(&lesson, space, gaussian, sample, n);

	if (r == 0 && lesson.n + lesson.held < TACIT_AUTOENCODER_SAMPLE_MIN)
		r = -EAGAIN;
	if (r == 0)
		r = tacit_mlp_trainer_new(&lesson.shape, course->weight, BATCH, &lesson.trainer);
	if (r < 0)
		return r;
	tacit_mlp_trainer_anchor(lesson.trainer, course->anchor);
	train(&lesson, course->prox);
	finish(&lesson, course);
	return 0;
}
