/* SPDX-License-Identifier: MIT */
/*
 * autoencoder - a small network that squeezes a window through a few numbers and draws it again:
 * what it cannot draw is odd. For large fleets, which train it together (autoencoder_block.c).
 *
 * Its input is the window in standard deviations from what the scope's Gaussian (gaussian.h), prior
 * and all, believes of each feature. That is the scale that hosts agree on although they differ:
 * how features go together is shared, where they lie is each host's own (as batch normalisation
 * stays local in FedBN, Li et al. 2021). A missing feature is at its mean, and in no loss and no
 * score.
 *
 * The distance is the sum over features of e^2 / (r + ridge): e what the network gets wrong in
 * standard deviations, r what it got wrong of windows that it was not trained on, squared, the
 * ridge the Gaussian's. So it is about the number of features in a normal window, as the Gaussian's
 * is; and it is the diagonal Gaussian's until there is a network of the scope's own, after
 * promote() and refine(), or one of the fleet's that can be relied on.
 */
#ifndef TACIT_MODELS_AUTOENCODER_H
#define TACIT_MODELS_AUTOENCODER_H

#include <tacit/model.h>

#include "gaussian.h"
#include "mlp.h"

extern const struct tacit_model_kind tacit_autoencoder_kind;

/* Windows that refine() wants, and of which it takes no more. */
#define TACIT_AUTOENCODER_SAMPLE_MIN 64U
#define TACIT_AUTOENCODER_SAMPLE_MAX 2048U

/* From this trust on a network of the fleet's is used for judging. */
#define TACIT_AUTOENCODER_TRUSTED 0.5F

/* Share of a feature's variance that no network gets right, before anybody measured it. */
#define TACIT_AUTOENCODER_RESIDUAL_MAX 4.0F
#define TACIT_AUTOENCODER_RESIDUAL_MIN 1e-4F

/* Weights beyond it are no network's. */
#define TACIT_AUTOENCODER_WEIGHT_MAX 16.0F

/*
 * dims -> h -> b -> h -> dims. h is 24 and b is 8 from 48 features on: a contribution is 2 h
 * numbers a feature, and the noise that privacy adds to a sum grows with the root of that, while a
 * wider network drew little better what was measured. Small spaces get less, so that something is
 * squeezed.
 */
struct tacit_mlp_shape tacit_autoencoder_shape(const struct tacit_space *space);

/* Weights that networks of every host begin with. */
void tacit_autoencoder_first_weights(const struct tacit_space *space, float *weight);

/* A window as a network sees it. */
struct tacit_autoencoder_view {
	struct tacit_gaussian_standard standard;
	float input[TACIT_SPACE_DIMS_MAX]; /* its z, within what is worth telling apart */
};

/* @gaussian: a model of that kind. 0, or -EAGAIN when it knows too little. */
TACIT_MUST_CHECK int tacit_autoencoder_look(const struct tacit_space *space,
					    const struct tacit_model *gaussian,
					    const struct tacit_sample *sample,
					    struct tacit_autoencoder_view *view);

struct tacit_autoencoder_course {
	const float *anchor;		      /* borrowed; weights to stay near */
	double prox;			      /* FedProx's mu */
	float *weight;			      /* borrowed; to begin with, and then as trained */
	double windows;			      /* of the sample that were used */
	double measured;		      /* and those of them that were not trained on */
	float residual[TACIT_SPACE_DIMS_MAX]; /* mean squares of what is drawn wrong in the latter,
					       */
	float anchor_residual[TACIT_SPACE_DIMS_MAX]; /* and of what the anchor gets wrong */
};

/* Trains a network on @n windows, a time at most (autoencoder_train.c). 0; -EAGAIN when fewer than
 * TACIT_AUTOENCODER_SAMPLE_MIN can be judged; -ENOMEM. */
TACIT_MUST_CHECK int tacit_autoencoder_train(const struct tacit_space *space,
					     const struct tacit_model *gaussian,
					     const struct tacit_sample *sample, size_t n,
					     struct tacit_autoencoder_course *course);

/* What a block says besides what a Gaussian's does, which it begins with. Borrowed from the block.
 */
struct tacit_autoencoder_net {
	float trust;	       /* 0..1: how far it can be relied on */
	const float *residual; /* per dimension: r above */
	const float *weight;   /* tacit_mlp_len() numbers */
};

struct tacit_autoencoder_net tacit_autoencoder_block_get(const struct tacit_space *space,
							 const float *block);

/* Floats of a block up to the end of its weights: what hosts need; the rest is the server's. */
size_t tacit_autoencoder_block_head(const struct tacit_space *space);

/* What a host has to say of the network it got. */
struct tacit_autoencoder_news {
	double windows;	       /* it was refined with, since it came; 0: there is no news */
	const float *weight;   /* as refined */
	const float *residual; /* of the network as it came */
};

/* The operations of the kind that deal in blocks. @out: after the Gaussian's. */
size_t tacit_autoencoder_contribution_len(const struct tacit_space *space);
size_t tacit_autoencoder_block_len(const struct tacit_space *space);
void tacit_autoencoder_block_init(const struct tacit_space *space, float *block);
TACIT_MUST_CHECK int tacit_autoencoder_block_check(const struct tacit_space *space,
						   const float *block);
void tacit_autoencoder_contribute(const struct tacit_space *space,
				  const struct tacit_autoencoder_news *news, const float *reference,
				  double *out);
void tacit_autoencoder_absorb(const struct tacit_space *space, const struct tacit_sum *sum,
			      const float *reference, float *out);

#endif /* TACIT_MODELS_AUTOENCODER_H */
