/* SPDX-License-Identifier: MIT */
/*
 * mlp - a small fully connected network (multilayer perceptron) and how it is trained.
 *
 * Its parameters are one array of floats, so that they can be averaged, sent and kept: for each
 * layer the weights, a row of `out` numbers for each of its `in` inputs, then a row of `out`
 * biases. Hidden layers but the narrowest are leaky rectifiers of slope TACIT_MLP_SLOPE (they have
 * a gradient everywhere, and cost nothing), that and the last are linear.
 *
 * A trainer is what training takes besides the parameters, about five times their memory; it need
 * not be kept. Minibatches, mean squared error, Adam.
 */
#ifndef TACIT_MODELS_MLP_H
#define TACIT_MODELS_MLP_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_MLP_LAYERS_MAX 4U
#define TACIT_MLP_WIDTH_MAX  512U
#define TACIT_MLP_BATCH_MAX  256U
#define TACIT_MLP_SLOPE	     0.1F

struct tacit_mlp_shape {
	size_t layers;				  /* 1..TACIT_MLP_LAYERS_MAX */
	uint16_t width[TACIT_MLP_LAYERS_MAX + 1]; /* 1..TACIT_MLP_WIDTH_MAX; [0]: of the input */
};

/* Parameters of a network of @shape; where those of @layer begin. */
size_t tacit_mlp_len(const struct tacit_mlp_shape *shape);
size_t tacit_mlp_offset(const struct tacit_mlp_shape *shape, size_t layer);

/* Weights to begin with: uniform, of variance 1 / in (Glorot & Bengio 2010, for inputs of variance
 * 1 and few outputs), and no biases. The same for the same @seed everywhere. */
void tacit_mlp_init(const struct tacit_mlp_shape *shape, uint64_t seed, float *weight);

/* @output (the last width) of the network with parameters @weight for one @input. */
void tacit_mlp_apply(const struct tacit_mlp_shape *shape, const float *weight, const float *input,
		     float *output);

struct tacit_mlp_trainer;

/**
 * tacit_mlp_trainer_new - begin to train a network.
 * @weight: its parameters, copied; they are the anchor of the proximal term, too.
 * @batch:  rows of the largest minibatch, 1..TACIT_MLP_BATCH_MAX.
 *
 * Returns 0, -EINVAL (shape or batch out of range), -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_mlp_trainer_new(const struct tacit_mlp_shape *shape, const float *weight,
					   size_t batch, struct tacit_mlp_trainer **ret);

/* Pulls towards @weight (copied) instead. */
void tacit_mlp_trainer_anchor(struct tacit_mlp_trainer *trainer, const float *weight);

/* Rows side by side; borrowed. */
struct tacit_mlp_batch {
	size_t n; /* 1..batch */
	const float *input;
	const float *target;
	const float *mask; /* 1 where an output counts, 0 where it does not; NULL: all do */
};

/* How a step is made. */
struct tacit_mlp_rule {
	float rate;
	float prox; /* FedProx's mu: mu / 2 |weight - anchor|^2 is added to the loss; 0: none */
};

/* Mean over rows and outputs of mask * (output - target)^2, without the proximal term. @gradient
 * (tacit_mlp_len() numbers; may be NULL) gets its gradient. */
double tacit_mlp_trainer_measure(struct tacit_mlp_trainer *trainer,
				 const struct tacit_mlp_batch *batch, float *gradient);

/* As measure(), then one step of Adam (Kingma & Ba 2015; beta .9 and .999, epsilon 1e-8). Returns
 * the loss before it. */
double tacit_mlp_trainer_step(struct tacit_mlp_trainer *trainer,
			      const struct tacit_mlp_batch *batch,
			      const struct tacit_mlp_rule *rule);

/* The parameters as they are now. */
void tacit_mlp_trainer_get(const struct tacit_mlp_trainer *trainer, float *weight);

/* NULL is fine. */
void tacit_mlp_trainer_free(struct tacit_mlp_trainer *trainer);
TACIT_DEFINE_CLEANUP(struct tacit_mlp_trainer, tacit_mlp_trainer_free)

#endif /* TACIT_MODELS_MLP_H */
