/* SPDX-License-Identifier: MIT */
/*
 * The fleet's side of the autoencoder: federated averaging (McMahan et al. 2017) whose server takes
 * steps of Yogi (Reddi et al. 2021, algorithm 2, with Adam's correction of the first moment, for
 * there are few rounds).
 *
 * Behind what the Gaussian sends, a host that refined the network it got sends its presence
 * p = min(n, 300) / 300, n being the windows it did that with; what the network as it came got
 *wrong of each feature, a logarithm, relative to the reference; and by how much it moved the
 *weights:
 *
 *	[1] p A		[dims] p B/sqrt(dims) r		[weights] p delta / reach, norm at most p C
 *
 * The reach is what a host's weights are expected to move, the less the more rounds there were. A
 * block has, behind the Gaussian's:
 *
 *	trust, rounds, [dims] residuals, [weights], [weights] first and [weights] second moments
 *
 * The noise in the sum is known, so for each layer how far the average really is from zero is, too,
 * less one standard deviation of what noise alone would make of it. That share of the average is
 * what Yogi is given (James and Stein's idea): a layer that the noise drowned is given nothing.
 *Trust is how much of every update was signal, added up over rounds.
 */
#include "autoencoder.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "gaussian.h"

#define WIDTH	   24U
#define NARROW	   8U
#define SHAPE_SEED UINT64_C(0x7461636974) /* any: hosts must begin with the same weights */

#define PRESENT_WINDOWS	  300.0
#define NORM_PRESENCE	  0.5 /* A */
#define NORM_RESIDUAL	  0.5 /* B */
#define NORM_WEIGHTS	  1.0 /* C */
#define PRESENCE_SIGMAS	  3.0
#define PRESENCE_MIN	  0.01
#define LOG_RESIDUAL_SPAN 3.0

/* How far, in all, weights move in a host's training: from the first ones, and in later rounds. */
#define REACH_FIRST 6.0
#define REACH_LATER 1.5

#define DECAY_FIRST                                                                                \
	0.5 /* half of the steps are the newest: rounds are few, and each is an average */
#define DECAY_SECOND 0.99
/* The usual change of a weight. As rate and as Yogi's tau it makes smaller changes pass as they
 * are, as in plain averaging, and holds back larger ones where they go to and fro. */
#define RATE	    0.05
#define TRUST_SHARE 0.4 /* of what trust lacks, that a round without noise adds */

#define MOMENT_MAX 64.0F
#define ROUNDS_MAX 1e6F

enum {
	TRUST,
	ROUNDS,
	HEAD_LEN,
};

struct tacit_mlp_shape tacit_autoencoder_shape(const struct tacit_space *space)
{
	size_t wide = (space->dims + 1) / 2 < WIDTH ? (space->dims + 1) / 2 : WIDTH;
	size_t narrow = (wide + 2) / 3 < NARROW ? (wide + 2) / 3 : NARROW;
	uint16_t dims = (uint16_t)space->dims;

	return (struct tacit_mlp_shape){
		.layers = 4,
		.width = { dims, (uint16_t)wide, (uint16_t)narrow, (uint16_t)wide, dims },
	};
}

void tacit_autoencoder_first_weights(const struct tacit_space *space, float *weight)
{
	const struct tacit_mlp_shape shape = tacit_autoencoder_shape(space);

	tacit_mlp_init(&shape, SHAPE_SEED, weight);
}

static size_t weights_of(const struct tacit_space *space)
{
	const struct tacit_mlp_shape shape = tacit_autoencoder_shape(space);

	return tacit_mlp_len(&shape);
}

size_t tacit_autoencoder_contribution_len(const struct tacit_space *space)
{
	return tacit_gaussian_contribution_len(space) + 1 + space->dims + weights_of(space);
}

size_t tacit_autoencoder_block_head(const struct tacit_space *space)
{
	return tacit_gaussian_block_len(space) + HEAD_LEN + space->dims + weights_of(space);
}

size_t tacit_autoencoder_block_len(const struct tacit_space *space)
{
	return tacit_autoencoder_block_head(space) + 2 * weights_of(space);
}

/* A block's own part. */
struct part {
	float *head, *residual, *weight, *first, *second;
};

static struct part part_of(const struct tacit_space *space, float *block)
{
	struct part part = { .head = block + tacit_gaussian_block_len(space) };

	part.residual = part.head + HEAD_LEN;
	part.weight = part.residual + space->dims;
	part.first = part.weight + weights_of(space);
	part.second = part.first + weights_of(space);
	return part;
}

struct tacit_autoencoder_net tacit_autoencoder_block_get(const struct tacit_space *space,
							 const float *block)
{
	const float *head = block + tacit_gaussian_block_len(space);

	return (struct tacit_autoencoder_net){
		.trust = head[TRUST],
		.residual = head + HEAD_LEN,
		.weight = head + HEAD_LEN + space->dims,
	};
}

void tacit_autoencoder_block_init(const struct tacit_space *space, float *block)
{
	struct part part = part_of(space, block);
	size_t n = weights_of(space);

	tacit_gaussian_block_init(space, block);
	part.head[TRUST] = 0;
	part.head[ROUNDS] = 0;
	for (size_t j = 0; j < space->dims; j++)
		part.residual[j] = 1;
	tacit_autoencoder_first_weights(space, part.weight);
	memset(part.first, 0, n * sizeof(*part.first));
	memset(part.second, 0, n * sizeof(*part.second));
}

/* NaN fails every comparison. */
static bool are_within(const float *value, size_t n, float least, float most)
{
	for (size_t i = 0; i < n; i++)
		if (!(value[i] >= least && value[i] <= most))
			return false;
	return true;
}

int tacit_autoencoder_block_check(const struct tacit_space *space, const float *block)
{
	const float *head = block + tacit_gaussian_block_len(space);
	const float *residual = head + HEAD_LEN, *weight = residual + space->dims;
	size_t n = weights_of(space);

	if (!are_within(head + TRUST, 1, 0, 1) || !are_within(head + ROUNDS, 1, 0, ROUNDS_MAX) ||
	    !are_within(residual, space->dims, TACIT_AUTOENCODER_RESIDUAL_MIN,
			TACIT_AUTOENCODER_RESIDUAL_MAX) ||
	    !are_within(weight, n, -TACIT_AUTOENCODER_WEIGHT_MAX, TACIT_AUTOENCODER_WEIGHT_MAX) ||
	    !are_within(weight + n, n, -MOMENT_MAX, MOMENT_MAX) ||
	    !are_within(weight + 2 * n, n, 0, MOMENT_MAX))
		return -EINVAL;
	return tacit_gaussian_block_check(space, block);
}

static double within(double value, double limit)
{
	return fmin(fmax(value, -limit), limit);
}

static double reach_of(float trust)
{
	return REACH_FIRST + (REACH_LATER - REACH_FIRST) * (double)trust;
}

static double residual_scale(const struct tacit_space *space)
{
	return NORM_RESIDUAL / sqrt((double)space->dims) / LOG_RESIDUAL_SPAN;
}

void tacit_autoencoder_contribute(const struct tacit_space *space,
				  const struct tacit_autoencoder_news *news, const float *reference,
				  double *out)
{
	struct tacit_autoencoder_net net = tacit_autoencoder_block_get(space, reference);
	double presence = fmin(news->windows / PRESENT_WINDOWS, 1);
	double reach = reach_of(net.trust), norm2 = 0, scale;
	double *residual = out + 1, *weight = residual + space->dims;
	size_t n = weights_of(space);

	memset(out, 0, (1 + space->dims + n) * sizeof(*out));
	if (news->windows <= 0)
		return;
	out[0] = presence * NORM_PRESENCE;
	for (size_t j = 0; j < space->dims; j++)
		residual[j] = presence * residual_scale(space) *
			      within(log((double)news->residual[j] / (double)net.residual[j]),
				     LOG_RESIDUAL_SPAN);
	for (size_t i = 0; i < n; i++) {
		weight[i] = ((double)news->weight[i] - (double)net.weight[i]) / reach;
		norm2 += weight[i] * weight[i];
	}
	scale = presence * fmin(1, NORM_WEIGHTS / sqrt(norm2 + 1e-300));
	for (size_t i = 0; i < n; i++)
		weight[i] *= scale;
}

/* The share of @n averages' energy that is no noise of variance @noise2. */
static double signal_share(const double *value, size_t n, double scale, double noise2)
{
	double energy = 0;

	for (size_t i = 0; i < n; i++)
		energy += value[i] * value[i] * scale * scale;
	if (energy <= 0)
		return 0;
	return fmax(energy - ((double)n + sqrt(2.0 * (double)n)) * noise2, 0) / energy;
}

/* Yogi: the second moment moves by a bounded share of what is new, up or down. */
static void step(const struct part *next, size_t i, double change, double correction)
{
	double first = DECAY_FIRST * (double)next->first[i] + (1 - DECAY_FIRST) * change;
	double second = (double)next->second[i], square = change * change;

	second += (1 - DECAY_SECOND) * (square > second ? square : -square);
	second = fmin(fmax(second, 0), (double)MOMENT_MAX);
	next->first[i] = (float)within(first, (double)MOMENT_MAX);
	next->second[i] = (float)second;
	next->weight[i] = (float)within((double)next->weight[i] +
						RATE * first / correction / (sqrt(second) + RATE),
					(double)TACIT_AUTOENCODER_WEIGHT_MAX);
}

/* Returns the share of the updates that was signal, over all weights. */
static double absorb_weights(const struct tacit_space *space, const double *sum, double scale,
			     double noise2, const struct part *next)
{
	const struct tacit_mlp_shape shape = tacit_autoencoder_shape(space);
	double correction = 1 - pow(DECAY_FIRST, (double)next->head[ROUNDS] + 1);
	size_t n = weights_of(space);
	double heard = 0;

	for (size_t layer = 0; layer < shape.layers; layer++) {
		size_t from = tacit_mlp_offset(&shape, layer);
		size_t to = tacit_mlp_offset(&shape, layer + 1);
		double keep = signal_share(sum + from, to - from, scale, noise2);

		for (size_t i = from; keep > 0 && i < to; i++)
			step(next, i, keep * scale * sum[i], correction);
		heard += keep * (double)(to - from) / (double)n;
	}
	return heard;
}

static void absorb_residuals(const struct tacit_space *space, const double *sum, double scale,
			     double noise2, const struct part *next)
{
	double keep = signal_share(sum, space->dims, scale, noise2);

	for (size_t j = 0; j < space->dims; j++) {
		double moved = within(keep * scale * sum[j], LOG_RESIDUAL_SPAN);
		double residual = (double)next->residual[j] * exp(moved);

		next->residual[j] =
			(float)fmin(fmax(residual, (double)TACIT_AUTOENCODER_RESIDUAL_MIN),
				    (double)TACIT_AUTOENCODER_RESIDUAL_MAX);
	}
}

void tacit_autoencoder_absorb(const struct tacit_space *space, const struct tacit_sum *sum,
			      const float *reference, float *out)
{
	const double *own = sum->value + tacit_gaussian_contribution_len(space);
	const struct part next = part_of(space, out);
	double presence = fmin(own[0] / NORM_PRESENCE, (double)sum->updates);
	double least = fmax(PRESENCE_SIGMAS * sum->noise_sd / NORM_PRESENCE, PRESENCE_MIN);
	double reach = reach_of(tacit_autoencoder_block_get(space, reference).trust), unit, heard;

	memcpy(out, reference, tacit_autoencoder_block_len(space) * sizeof(*out));
	tacit_gaussian_absorb(space, sum, reference, out);
	if (!(presence >= least))
		return; /* the noise may be all there is */
	unit = 1 / (presence * residual_scale(space));
	absorb_residuals(space, own + 1, unit, pow(sum->noise_sd * unit, 2), &next);
	unit = reach / presence;
	heard = absorb_weights(space, own + 1 + space->dims, unit, pow(sum->noise_sd * unit, 2),
			       &next);
	next.head[TRUST] += (float)(TRUST_SHARE * heard) * (1 - next.head[TRUST]);
	next.head[ROUNDS] = fminf(next.head[ROUNDS] + (heard > 0), ROUNDS_MAX);
}
