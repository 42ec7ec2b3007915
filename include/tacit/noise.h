/* SPDX-License-Identifier: MIT */
/*
 * noise - exact sampling from the discrete Gaussian, integers only: no float is
 * touched, so there is no rounding for an observer to exploit.
 * Canonne, Kamath, Steinke: The Discrete Gaussian for Differential Privacy,
 * NeurIPS 2020, algorithms 1-3.
 */
#ifndef TACIT_NOISE_H
#define TACIT_NOISE_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/random.h>

/* Largest variance parameter: the products of the sampler stay within 128 bits. Noise
 * multiplier 1000 on the grid of protect.h stays below. */
#define TACIT_NOISE_SIGMA2_MAX (1ULL << 52)

/* One draw from N_Z(0, @sigma2), @sigma2 in 1..TACIT_NOISE_SIGMA2_MAX. Not constant-time. The
 * only cut is where the products would overflow: results of 2^37 and beyond, at least 2^11 standard
 * deviations out, with probability below 2^-2000000. */
int64_t tacit_noise_gaussian(struct tacit_random *random, uint64_t sigma2);

/* Adds a draw to each of @n numbers, modulo 2^32. @sigma2 0 adds nothing. */
void tacit_noise_add(struct tacit_random *random, uint64_t sigma2, uint32_t *value, size_t n);

#endif /* TACIT_NOISE_H */
