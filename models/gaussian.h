/* SPDX-License-Identifier: MIT */
/*
 * gaussian - what a scope does is one Gaussian over log counts, held as streaming moments
 * (moments.h), with the fleet's block as a prior in the normal-inverse-Wishart manner.
 */
#ifndef TACIT_MODELS_GAUSSIAN_H
#define TACIT_MODELS_GAUSSIAN_H

#include <tacit/model.h>

#include "moments.h"

extern const struct tacit_model_kind tacit_gaussian_kind;

/* The same, but refine() lets a mixture judge the distance where held-out windows are likelier under
 * it. Finds more where a scope has several ways of being normal, and raises more false alarms where
 * what is normal drifts, so that it is for the operator to choose. */
extern const struct tacit_model_kind tacit_mixture_kind;

/* Windows (own, plus the prior's worth) below which nothing is judged and nothing contributed. */
#define TACIT_GAUSSIAN_EVIDENCE_MIN 20.0

/* A block: for each dimension, one of these. */
struct tacit_gaussian_fact {
	float weight; /* 0..1: how far the fleet can be relied on */
	float mean;
	float variance;
};

/* Fact @j of a block. */
struct tacit_gaussian_fact tacit_gaussian_block_get(const float *block, size_t j);

/* Surprise at dimension @j having moved, in nats. @prior: a block, or NULL; @kappa: its worth. The
 * fleet tells no shares of windows, but its means bound them. */
double tacit_gaussian_surprise(const struct tacit_space *space, const struct tacit_moments *moments,
			       const float *prior, double kappa, size_t j);

/* Expected squared error of the fact's mean, as a share of its variance; infinite when nothing is
 * known. */
double tacit_gaussian_fact_doubt(const struct tacit_gaussian_fact *fact);

/* A window in standard deviations from what a model of this kind believes, by dimension. */
struct tacit_gaussian_standard {
	uint8_t known[TACIT_SPACE_DIMS_MAX]; /* 1 where it is observed, and anything is believed */
	double z[TACIT_SPACE_DIMS_MAX];	     /* 0 where not known */
	double ridge[TACIT_SPACE_DIMS_MAX];  /* what the distance adds to a variance, in z^2 */
	double evidence;		     /* windows behind it, on average */
};

/* 0, or -EAGAIN when there is too little evidence on every dimension. */
TACIT_MUST_CHECK int tacit_gaussian_standardise(const struct tacit_model *model,
						const struct tacit_sample *sample,
						struct tacit_gaussian_standard *ret);

/* Heap bytes of a model of @space that is not promoted, with room for a prior. */
size_t tacit_gaussian_diagonal_bytes(const struct tacit_space *space);

/* The operations of the kind that deal in blocks; gaussian_block.c tells what is sent. */
size_t tacit_gaussian_contribution_len(const struct tacit_space *space);
size_t tacit_gaussian_block_len(const struct tacit_space *space);
void tacit_gaussian_block_init(const struct tacit_space *space, float *block);
TACIT_MUST_CHECK int tacit_gaussian_block_check(const struct tacit_space *space,
						const float *block);
void tacit_gaussian_contribute(const struct tacit_space *space, const struct tacit_moments *moments,
			       const float *reference, double *out);
void tacit_gaussian_absorb(const struct tacit_space *space, const struct tacit_sum *sum,
			   const float *reference, float *out);

#endif /* TACIT_MODELS_GAUSSIAN_H */
