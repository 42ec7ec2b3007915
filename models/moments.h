/* SPDX-License-Identifier: MIT */
/*
 * moments - streaming count, mean, variance and, once promoted, covariance of one scope's
 * windows (Welford 1962; Chan, Golub, LeVeque 1983), and how often each dimension moved at all.
 * Groups of features that are missing together are counted apart, so that a window without them says nothing about them.
 *
 * The last TACIT_MOMENTS_HORIZON windows or so count: beyond it every new window makes the older
 * ones fade, which lets the moments follow a slow drift and keeps floats exact enough.
 */
#ifndef TACIT_MODELS_MOMENTS_H
#define TACIT_MODELS_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/space.h>

/* A bit more than a day of one-second windows. */
#define TACIT_MOMENTS_HORIZON 100000U

struct tacit_moments;

/* @space: borrowed, outlives the moments. @ret: owned by the caller. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_moments_new(const struct tacit_space *space, struct tacit_moments **ret);

/* Starts to keep covariances, from now on. Again: nothing. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_moments_promote(struct tacit_moments *moments);
bool tacit_moments_is_promoted(const struct tacit_moments *moments);

/* Learns @sample as if it came @times in a row, in one step. */
void tacit_moments_learn(struct tacit_moments *moments, const struct tacit_sample *sample,
			 uint32_t times);

/* Windows learned, whatever was observed in them. */
uint64_t tacit_moments_windows(const struct tacit_moments *moments);

/* Windows behind the numbers of a group, at most the horizon. */
double tacit_moments_count(const struct tacit_moments *moments, size_t group);

/* Borrowed, one number per dimension; the variance is the population's (divided by n). */
const double *tacit_moments_mean(const struct tacit_moments *moments);
const float *tacit_moments_variance(const struct tacit_moments *moments);

/* The same: in what share of the windows it was above zero. */
const float *tacit_moments_moved(const struct tacit_moments *moments);

/* Covariance of two different dimensions of promoted moments. Counted over the windows that had
 * both, it is shrunk by their share, n_ik / sqrt(n_i n_k): with the variances on the diagonal the
 * matrix stays positive semidefinite, as if what is missing had been at its mean. */
double tacit_moments_covariance(const struct tacit_moments *moments, size_t i, size_t k);

/* Heap bytes; of moments of a space, before and after promotion. */
size_t tacit_moments_bytes(const struct tacit_moments *moments);
size_t tacit_moments_diagonal_bytes(const struct tacit_space *space);
size_t tacit_moments_promoted_bytes(const struct tacit_space *space);

void tacit_moments_save(const struct tacit_moments *moments, struct tacit_writer *writer);

/* Also what was saved before movement was counted: a share is then taken for the most that its mean
 * allows. 0, TACIT_ESCHEMA (other version or space), TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_moments_load(const struct tacit_space *space,
					struct tacit_reader *reader, struct tacit_moments **ret);

/* NULL is fine. */
void tacit_moments_free(struct tacit_moments *moments);
TACIT_DEFINE_CLEANUP(struct tacit_moments, tacit_moments_free)

#endif /* TACIT_MODELS_MOMENTS_H */
