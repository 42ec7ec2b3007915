/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/mlp.h"
#include "seed.h"
#include "unit.h"

#define LEN_MAX 4096U
#define ROWS	9U

static const struct tacit_mlp_shape shapes[] = {
	{ .layers = 1, .width = { 3, 2 } },
	{ .layers = 2, .width = { 5, 1, 5 } },
	{ .layers = 4, .width = { 19, 16, 4, 17, 19 } },
	{ .layers = 4, .width = { 7, 24, 8, 24, 33 } },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static struct tacit_mlp_trainer *train(const struct tacit_mlp_shape *shape, const float *weight)
{
	struct tacit_mlp_trainer *trainer = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_mlp_trainer_new(shape, weight, ROWS, &trainer), 0);
	return trainer;
}

static void fill(struct tacit_random *random, float *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		value[i] = (float)seeded_normal(random);
}

static void test_lengths(void)
{
	CU_ASSERT_EQUAL(tacit_mlp_len(&shapes[0]), 3 * 2 + 2);
	CU_ASSERT_EQUAL(tacit_mlp_len(&shapes[1]), 5 + 1 + 5 + 5);
	CU_ASSERT_EQUAL(tacit_mlp_offset(&shapes[2], 0), 0);
	CU_ASSERT_EQUAL(tacit_mlp_offset(&shapes[2], 2), 20 * 16 + 17 * 4);
}

static void test_init(void)
{
	float weight[LEN_MAX], again[LEN_MAX], other[LEN_MAX];
	double square = 0;

	tacit_mlp_init(&shapes[3], 7, weight);
	tacit_mlp_init(&shapes[3], 7, again);
	tacit_mlp_init(&shapes[3], 8, other);
	CU_ASSERT_EQUAL(memcmp(weight, again, tacit_mlp_len(&shapes[3]) * sizeof(float)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(weight, other, tacit_mlp_len(&shapes[3]) * sizeof(float)), 0);
	for (size_t i = 0; i < 7 * 24; i++)
		square += (double)(weight[i] * weight[i]) / (7 * 24);
	CU_ASSERT_DOUBLE_EQUAL(square, 1.0 / 7, 0.05);
	for (size_t i = 7 * 24; i < 8 * 24; i++)
		CU_ASSERT_EQUAL(weight[i], 0);
}

static void test_refuses(void)
{
	static const struct {
		struct tacit_mlp_shape shape;
		size_t batch;
	} rows[] = {
		{ { 0, { 1 } }, 1 },
		{ { TACIT_MLP_LAYERS_MAX + 1, { 1, 1, 1, 1, 1 } }, 1 },
		{ { 1, { 0, 1 } }, 1 },
		{ { 1, { 1, 0 } }, 1 },
		{ { 1, { TACIT_MLP_WIDTH_MAX + 1, 1 } }, 1 },
		{ { 1, { 1, 1 } }, 0 },
		{ { 1, { 1, 1 } }, TACIT_MLP_BATCH_MAX + 1 },
	};
	float weight[2] = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tacit_mlp_trainer *trainer = NULL;

		CU_ASSERT_EQUAL(
			tacit_mlp_trainer_new(&rows[i].shape, weight, rows[i].batch, &trainer),
			-EINVAL);
		CU_ASSERT_PTR_NULL(trainer);
	}
	for (int nth = 0; nth < 2; nth++) {
		struct tacit_mlp_trainer *trainer = NULL;

		unit_fail_alloc(nth);
		CU_ASSERT_EQUAL(tacit_mlp_trainer_new(&rows[5].shape, weight, 1, &trainer),
				-ENOMEM);
	}
	unit_fail_alloc(-1);
	tacit_mlp_trainer_free(NULL);
}

/* Trained or applied, it is one network. */
static void test_two_ways_forward(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t s = 0; s < SHAPES; s++) {
		size_t in = shapes[s].width[0], out = shapes[s].width[shapes[s].layers];
		float weight[LEN_MAX], input[ROWS * 64], target[ROWS * 64], output[64];
		TACIT_CLEANUP(tacit_mlp_trainer_free_p) struct tacit_mlp_trainer *trainer = NULL;
		struct tacit_mlp_batch batch = { .n = ROWS, .input = input, .target = target };
		double sum = 0;

		fill(random, weight, tacit_mlp_len(&shapes[s]));
		fill(random, input, ROWS * in);
		fill(random, target, ROWS * out);
		trainer = train(&shapes[s], weight);
		for (size_t r = 0; r < ROWS; r++) {
			tacit_mlp_apply(&shapes[s], weight, input + r * in, output);
			for (size_t k = 0; k < out; k++)
				sum += pow((double)(output[k] - target[r * out + k]), 2);
		}
		sum /= (double)(ROWS * out);
		CU_ASSERT_DOUBLE_EQUAL(tacit_mlp_trainer_measure(trainer, &batch, NULL), sum,
				       1e-5 * sum);
	}
}

static double loss_of(const struct tacit_mlp_shape *shape, const float *weight,
		      const struct tacit_mlp_batch *batch)
{
	size_t in = shape->width[0], out = shape->width[shape->layers];
	double sum = 0;

	for (size_t r = 0; r < batch->n; r++) {
		float output[64];

		tacit_mlp_apply(shape, weight, batch->input + r * in, output);
		for (size_t k = 0; k < out; k++)
			sum += (double)batch->mask[r * out + k] *
			       pow((double)output[k] - (double)batch->target[r * out + k], 2);
	}
	return sum / (double)(batch->n * out);
}

/* Against finite differences, under a mask. A difference that straddles the kink of a rectifier is
 * neither slope; there are few of those. */
static void test_gradient(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t s = 0; s < SHAPES; s++) {
		size_t in = shapes[s].width[0], out = shapes[s].width[shapes[s].layers];
		size_t len = tacit_mlp_len(&shapes[s]), wrong = 0;
		float weight[LEN_MAX], gradient[LEN_MAX], input[ROWS * 64], target[ROWS * 64];
		float mask[ROWS * 64];
		TACIT_CLEANUP(tacit_mlp_trainer_free_p) struct tacit_mlp_trainer *trainer = NULL;
		struct tacit_mlp_batch batch = { ROWS, input, target, mask };
		double largest = 0;

		tacit_mlp_init(&shapes[s], 3, weight);
		fill(random, input, ROWS * in);
		fill(random, target, ROWS * out);
		for (size_t i = 0; i < ROWS * out; i++)
			mask[i] = seeded_uniform(random) < 0.7;
		trainer = train(&shapes[s], weight);
		CU_ASSERT_DOUBLE_EQUAL(tacit_mlp_trainer_measure(trainer, &batch, gradient),
				       loss_of(&shapes[s], weight, &batch), 1e-5);
		for (size_t i = 0; i < len; i++)
			largest = fmax(largest, fabs((double)gradient[i]));
		for (size_t i = 0; i < len; i++) {
			float was = weight[i], h = 0x1p-11F;
			double slope;

			weight[i] = was + h;
			slope = loss_of(&shapes[s], weight, &batch);
			weight[i] = was - h;
			slope = (slope - loss_of(&shapes[s], weight, &batch)) / (2 * (double)h);
			weight[i] = was;
			wrong += fabs(slope - (double)gradient[i]) > 0.01 * largest;
		}
		CU_ASSERT(wrong <= len / 50);
	}
}

/* Points on a line in space: one number is enough to tell them apart. */
static void draw_line(struct tacit_random *random, float *row, size_t dims)
{
	float at = (float)seeded_normal(random);

	for (size_t j = 0; j < dims; j++)
		row[j] = at * (j % 2 ? 1.0F : -0.5F);
}

static double train_on_lines(struct tacit_mlp_trainer *trainer, struct tacit_random *random,
			     const struct tacit_mlp_rule *rule, unsigned steps)
{
	double loss = 0;

	for (unsigned i = 0; i < steps; i++) {
		float row[ROWS * 5];
		const struct tacit_mlp_batch batch = { .n = ROWS, .input = row, .target = row };

		for (size_t r = 0; r < ROWS; r++)
			draw_line(random, row + 5 * r, 5);
		loss = 0.95 * loss + 0.05 * tacit_mlp_trainer_step(trainer, &batch, rule);
	}
	return loss;
}

static void test_learns(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_mlp_trainer_free_p) struct tacit_mlp_trainer *trainer = NULL;
	const struct tacit_mlp_rule rule = { .rate = 1e-2F };
	float weight[16], row[5], output[5];

	tacit_mlp_init(&shapes[1], 11, weight);
	trainer = train(&shapes[1], weight);
	CU_ASSERT(train_on_lines(trainer, random, &rule, 3000) < 1e-3);
	tacit_mlp_trainer_get(trainer, weight);
	draw_line(random, row, 5);
	tacit_mlp_apply(&shapes[1], weight, row, output);
	for (size_t j = 0; j < 5; j++)
		CU_ASSERT_DOUBLE_EQUAL(output[j], row[j], 0.1);
}

/* The further, the stronger: with a large mu the weights stay where they are held. */
static void test_prox_pulls(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static const float prox[] = { 0, 0.3F, 30 };
	double moved[3] = { 0 };
	float start[16], weight[16];

	tacit_mlp_init(&shapes[1], 11, start);
	for (size_t i = 0; i < 3; i++) {
		TACIT_CLEANUP(tacit_mlp_trainer_free_p)
		struct tacit_mlp_trainer *trainer = train(&shapes[1], start);
		const struct tacit_mlp_rule rule = { .rate = 3e-3F, .prox = prox[i] };

		(void)train_on_lines(trainer, random, &rule, 1000);
		tacit_mlp_trainer_get(trainer, weight);
		for (size_t k = 0; k < 16; k++)
			moved[i] += pow((double)(weight[k] - start[k]), 2);
	}
	CU_ASSERT(moved[0] > moved[1] && moved[1] > 2 * moved[2]);
}

static void test_anchor(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_mlp_trainer_free_p) struct tacit_mlp_trainer *trainer = NULL;
	const struct tacit_mlp_rule rule = { .rate = 1e-2F, .prox = 1000 };
	float start[16], there[16], weight[16];

	tacit_mlp_init(&shapes[1], 1, start);
	tacit_mlp_init(&shapes[1], 2, there);
	trainer = train(&shapes[1], start);
	tacit_mlp_trainer_anchor(trainer, there);
	(void)train_on_lines(trainer, random, &rule, 2000);
	tacit_mlp_trainer_get(trainer, weight);
	for (size_t k = 0; k < 16; k++)
		CU_ASSERT_DOUBLE_EQUAL(weight[k], there[k], 0.1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "lengths", test_lengths },
		{ "weights to begin with", test_init },
		{ "what is refused", test_refuses },
		{ "two ways forward", test_two_ways_forward },
		{ "gradient", test_gradient },
		{ "learns a line", test_learns },
		{ "the proximal term pulls", test_prox_pulls },
		{ "the anchor may move", test_anchor },
		{ NULL, NULL },
	};

	return unit_main("mlp", cases);
}
