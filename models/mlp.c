/* SPDX-License-Identifier: MIT */
#include "mlp.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <tacit/mem.h>

#include "vector.h"

#define LANES	     8U /* a fixed count: vector code even at -O2 */
#define DECAY_FIRST  0.9F
#define DECAY_SECOND 0.999F
#define EPSILON	     1e-8F

/*
 * A layer while it trains. Its rows are padded to whole vectors, with zeros, which stay zero: no
 * gradient reaches them. The bias is the weight of one more input, which is always 1.
 */
struct layer {
	size_t in, out; /* @in counts the bias */
	size_t row;	/* @out, padded */
	bool leaky;
	float *weight; /* @in rows */
	float *anchor, *gradient, *first, *second;
	float *transposed; /* of the weights but the bias: @out rows */
	float *output;	   /* a row for each of the batch */
	float *error;	   /* the derivative of the loss by it */
};

struct tacit_mlp_trainer {
	struct tacit_mlp_shape shape;
	const struct tacit_vector *vector;
	uint64_t steps;
	struct layer layer[TACIT_MLP_LAYERS_MAX];
	size_t input_row;
	float *input;
	float *memory; /* all of the above */
};

static size_t layer_len(const struct tacit_mlp_shape *shape, size_t layer)
{
	return (shape->width[layer] + (size_t)1) * shape->width[layer + 1];
}

size_t tacit_mlp_offset(const struct tacit_mlp_shape *shape, size_t layer)
{
	size_t sum = 0;

	for (size_t i = 0; i < layer; i++)
		sum += layer_len(shape, i);
	return sum;
}

size_t tacit_mlp_len(const struct tacit_mlp_shape *shape)
{
	return tacit_mlp_offset(shape, shape->layers);
}

static bool is_leaky(const struct tacit_mlp_shape *shape, size_t layer)
{
	uint16_t narrowest = shape->width[1];

	for (size_t i = 1; i <= shape->layers; i++)
		narrowest = shape->width[i] < narrowest ? shape->width[i] : narrowest;
	return layer + 1 < shape->layers && shape->width[layer + 1] > narrowest;
}

static float leak(float x)
{
	return x > 0 ? x : TACIT_MLP_SLOPE * x;
}

/* Uniform in [0, 1): splitmix64 (Steele, Lea, Flood 2014). */
static double draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

void tacit_mlp_init(const struct tacit_mlp_shape *shape, uint64_t seed, float *weight)
{
	for (size_t i = 0; i < shape->layers; i++) {
		size_t in = shape->width[i], out = shape->width[i + 1];
		double reach = sqrt(3.0 / (double)in);

		for (size_t k = 0; k < in * out; k++)
			*weight++ = (float)(reach * (2 * draw(&seed) - 1));
		memset(weight, 0, out * sizeof(*weight));
		weight += out;
	}
}

static void add_row(float *restrict sum, const float *restrict row, float x, size_t n)
{
	size_t k = 0;

	for (; k + LANES <= n; k += LANES)
		for (size_t lane = 0; lane < LANES; lane++)
			sum[k + lane] += x * row[k + lane];
	for (; k < n; k++)
		sum[k] += x * row[k];
}

void tacit_mlp_apply(const struct tacit_mlp_shape *shape, const float *weight, const float *input,
		     float *output)
{
	float between[2][TACIT_MLP_WIDTH_MAX];

	for (size_t i = 0; i < shape->layers; i++) {
		size_t in = shape->width[i], out = shape->width[i + 1];
		float *sum = i + 1 < shape->layers ? between[i % 2] : output;

		memcpy(sum, weight + in * out, out * sizeof(*sum));
		for (size_t k = 0; k < in; k++)
			add_row(sum, weight + k * out, input[k], out);
		for (size_t k = 0; is_leaky(shape, i) && k < out; k++)
			sum[k] = leak(sum[k]);
		weight += layer_len(shape, i);
		input = sum;
	}
}

static bool is_valid(const struct tacit_mlp_shape *shape, size_t batch)
{
	if (shape->layers < 1 || shape->layers > TACIT_MLP_LAYERS_MAX || batch < 1 ||
	    batch > TACIT_MLP_BATCH_MAX)
		return false;
	for (size_t i = 0; i <= shape->layers; i++)
		if (shape->width[i] < 1 || shape->width[i] > TACIT_MLP_WIDTH_MAX)
			return false;
	return true;
}

/* @memory NULL: only counts what there is to place. */
static float *place(float **ret, float *memory, size_t len, size_t *total)
{
	*total += len;
	if (memory)
		*ret = memory;
	return memory ? memory + len : NULL;
}

/* Places every array; the number of floats in them. */
static size_t lay_out(struct tacit_mlp_trainer *trainer, size_t batch, float *memory)
{
	const struct tacit_mlp_shape *shape = &trainer->shape;
	size_t total = 0;

	trainer->input_row = tacit_vector_padded(shape->width[0] + (size_t)1);
	memory = place(&trainer->input, memory, batch * trainer->input_row, &total);
	for (size_t i = 0; i < shape->layers; i++) {
		struct layer *layer = &trainer->layer[i];
		bool last = i + 1 == shape->layers;
		size_t len;

		layer->in = shape->width[i] + (size_t)1;
		layer->out = shape->width[i + 1];
		layer->row =
			tacit_vector_padded(layer->out + (last ? 0 : 1)); /* the next one's 1 */
		layer->leaky = is_leaky(shape, i);
		len = layer->in * layer->row;
		memory = place(&layer->weight, memory, len, &total);
		memory = place(&layer->anchor, memory, len, &total);
		memory = place(&layer->gradient, memory, len, &total);
		memory = place(&layer->first, memory, len, &total);
		memory = place(&layer->second, memory, len, &total);
		memory = place(&layer->transposed, memory,
			       layer->out * tacit_vector_padded(layer->in), &total);
		memory = place(&layer->output, memory, batch * layer->row, &total);
		memory = place(&layer->error, memory, batch * layer->row, &total);
	}
	return total;
}

/* Between the parameters' own order and padded rows. */
static void spread(const float *from, float *to, const struct layer *layer)
{
	for (size_t i = 0; i < layer->in; i++)
		memcpy(to + i * layer->row, from + i * layer->out, layer->out * sizeof(*to));
}

static void gather(const float *from, float *to, const struct layer *layer)
{
	for (size_t i = 0; i < layer->in; i++)
		memcpy(to + i * layer->out, from + i * layer->row, layer->out * sizeof(*to));
}

void tacit_mlp_trainer_anchor(struct tacit_mlp_trainer *trainer, const float *weight)
{
	for (size_t i = 0; i < trainer->shape.layers; i++)
		spread(weight + tacit_mlp_offset(&trainer->shape, i), trainer->layer[i].anchor,
		       &trainer->layer[i]);
}

int tacit_mlp_trainer_new(const struct tacit_mlp_shape *shape, const float *weight, size_t batch,
			  struct tacit_mlp_trainer **ret)
{
	TACIT_CLEANUP(tacit_mlp_trainer_free_p) struct tacit_mlp_trainer *trainer = NULL;

	if (!is_valid(shape, batch))
		return -EINVAL;
	trainer = TACIT_NEW(struct tacit_mlp_trainer);
	if (!trainer)
		return -ENOMEM;
	trainer->shape = *shape;
	trainer->vector = tacit_vector_best();
	trainer->memory = TACIT_NEW_N(float, lay_out(trainer, batch, NULL));
	if (!trainer->memory)
		return -ENOMEM;
	(void)lay_out(trainer, batch, trainer->memory);
	for (size_t i = 0; i < shape->layers; i++)
		spread(weight + tacit_mlp_offset(shape, i), trainer->layer[i].weight,
		       &trainer->layer[i]);
	tacit_mlp_trainer_anchor(trainer, weight);
	*ret = TACIT_TAKE(trainer);
	return 0;
}

static void forward(struct tacit_mlp_trainer *trainer, const struct tacit_mlp_batch *batch)
{
	const float *input = trainer->input;
	size_t width = trainer->shape.width[0], row = trainer->input_row;

	for (size_t r = 0; r < batch->n; r++) {
		memcpy(trainer->input + r * row, batch->input + r * width, width * sizeof(*input));
		trainer->input[r * row + width] = 1;
	}
	for (size_t i = 0; i < trainer->shape.layers; i++) {
		struct layer *layer = &trainer->layer[i];
		const struct tacit_vector_product product = {
			.m = batch->n,
			.k = layer->in,
			.n = layer->row,
			.a = input,
			.a_row = row,
			.a_column = 1,
			.b = layer->weight,
			.b_row = layer->row,
			.c = layer->output,
			.c_row = layer->row,
		};

		trainer->vector->multiply(&product);
		for (size_t k = 0; layer->leaky && k < batch->n * layer->row; k++)
			layer->output[k] = leak(layer->output[k]);
		for (size_t r = 0; layer->row > layer->out && r < batch->n; r++)
			layer->output[r * layer->row + layer->out] = 1;
		input = layer->output;
		row = layer->row;
	}
}

/* The loss, and its derivative by the output. */
static double compare(const struct layer *last, const struct tacit_mlp_batch *batch)
{
	float scale = 2 / (float)(batch->n * last->out);
	double sum = 0;

	for (size_t r = 0; r < batch->n; r++) {
		const float *target = batch->target + r * last->out;
		const float *mask = batch->mask ? batch->mask + r * last->out : NULL;
		const float *output = last->output + r * last->row;
		float *error = last->error + r * last->row, squares = 0;

		for (size_t k = 0; k < last->out; k++) {
			float apart = (mask ? mask[k] : 1) * (output[k] - target[k]);

			error[k] = scale * apart;
			squares += apart * apart;
		}
		sum += (double)squares;
	}
	return sum / (double)(batch->n * last->out);
}

/* Without the bias, which no error flows through. */
static void transpose(struct layer *layer)
{
	size_t row = tacit_vector_padded(layer->in);

	for (size_t i = 0; i + 1 < layer->in; i++)
		for (size_t k = 0; k < layer->out; k++)
			layer->transposed[k * row + i] = layer->weight[i * layer->row + k];
}

/* The error before @layer, which is that of @below. */
static void flow_back(const struct tacit_vector *vector, struct layer *layer, struct layer *below,
		      size_t n)
{
	const struct tacit_vector_product product = {
		.m = n,
		.k = layer->out,
		.n = below->row,
		.a = layer->error,
		.a_row = layer->row,
		.a_column = 1,
		.b = layer->transposed,
		.b_row = below->row,
		.c = below->error,
		.c_row = below->row,
	};

	transpose(layer);
	vector->multiply(&product);
	for (size_t k = 0; below->leaky && k < n * below->row; k++)
		below->error[k] *= below->output[k] > 0 ? 1 : TACIT_MLP_SLOPE;
}

static void backward(struct tacit_mlp_trainer *trainer, size_t n)
{
	for (size_t i = trainer->shape.layers; i-- > 0;) {
		struct layer *layer = &trainer->layer[i], *below = i > 0 ? layer - 1 : NULL;
		const struct tacit_vector_product product = {
			.m = layer->in,
			.k = n,
			.n = layer->row,
			.a = below ? below->output : trainer->input,
			.a_row = 1,
			.a_column = below ? below->row : trainer->input_row,
			.b = layer->error,
			.b_row = layer->row,
			.c = layer->gradient,
			.c_row = layer->row,
		};

		trainer->vector->multiply(&product);
		if (below)
			flow_back(trainer->vector, layer, below, n);
	}
}

double tacit_mlp_trainer_measure(struct tacit_mlp_trainer *trainer,
				 const struct tacit_mlp_batch *batch, float *gradient)
{
	double loss;

	forward(trainer, batch);
	loss = compare(&trainer->layer[trainer->shape.layers - 1], batch);
	if (!gradient)
		return loss;
	backward(trainer, batch->n);
	for (size_t i = 0; i < trainer->shape.layers; i++)
		gather(trainer->layer[i].gradient, gradient + tacit_mlp_offset(&trainer->shape, i),
		       &trainer->layer[i]);
	return loss;
}

double tacit_mlp_trainer_step(struct tacit_mlp_trainer *trainer,
			      const struct tacit_mlp_batch *batch,
			      const struct tacit_mlp_rule *rule)
{
	double steps = (double)++trainer->steps, loss;
	float first = (float)(1 - pow((double)DECAY_FIRST, steps));
	float second = sqrtf((float)(1 - pow((double)DECAY_SECOND, steps)));

	forward(trainer, batch);
	loss = compare(&trainer->layer[trainer->shape.layers - 1], batch);
	backward(trainer, batch->n);
	for (size_t i = 0; i < trainer->shape.layers; i++) {
		struct layer *layer = &trainer->layer[i];
		const struct tacit_vector_adam adam = {
			.n = layer->in * layer->row,
			.gradient = layer->gradient,
			.anchor = layer->anchor,
			.first = layer->first,
			.second = layer->second,
			.weight = layer->weight,
			.prox = rule->prox,
			.rate = rule->rate * second / first,
			.epsilon = EPSILON * second,
			.decay = { DECAY_FIRST, DECAY_SECOND },
		};

		trainer->vector->adam(&adam);
	}
	return loss;
}

void tacit_mlp_trainer_get(const struct tacit_mlp_trainer *trainer, float *weight)
{
	for (size_t i = 0; i < trainer->shape.layers; i++)
		gather(trainer->layer[i].weight, weight + tacit_mlp_offset(&trainer->shape, i),
		       &trainer->layer[i]);
}

void tacit_mlp_trainer_free(struct tacit_mlp_trainer *trainer)
{
	if (!trainer)
		return;
	tacit_free(trainer->memory);
	tacit_free(trainer);
}
