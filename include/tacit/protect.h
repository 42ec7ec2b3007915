/* SPDX-License-Identifier: MIT */
/*
 * protect - makes a contribution safe to send: clip, scale, round, add noise.
 * Kairouz, Liu, Steinke: The Distributed Discrete Gaussian Mechanism for Federated
 * Learning with Secure Aggregation, ICML 2021, algorithm 1.
 *
 * The result is a vector modulo 2^32. In local mode every host adds all the noise and
 * the vector leaves as it is; under secure aggregation (secagg_host.h), which masks the
 * very same vector, every host adds its share. unprotect() reads the sum of either.
 */
#ifndef TACIT_PROTECT_H
#define TACIT_PROTECT_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>
#include <tacit/random.h>

/* gamma = clip_norm / 2^TACIT_PROTECT_SCALE_BITS is the grid a coordinate is rounded to. */
#define TACIT_PROTECT_SCALE_BITS 16U
#define TACIT_PROTECT_DIMS_MAX	 (1U << 20)
#define TACIT_PROTECT_NOISE_MAX	 1000.0

struct tacit_protect_params {
	double clip_norm;	 /* c > 0, finite, L2 */
	double noise_multiplier; /* z, 0..TACIT_PROTECT_NOISE_MAX: the noise has standard
				  * deviation z * c */
	uint32_t honest; /* 0 or 1: of every host's; else n_h, that many hosts are certain to
			  * be honest and in the sum (tacit_secagg_honest()), and theirs
			  * together has it: each host's has z * c / sqrt(n_h) */
};

/**
 * tacit_clip_l2 - scale @value down to norm @clip_norm, if it is longer.
 *
 * A number that is not finite counts as 0. Returns the norm before.
 */
double tacit_clip_l2(double *value, size_t n, double clip_norm);

/* Square of the largest norm a rounded vector of @n numbers has, on the grid: the bound of
 * conditional rounding with beta = exp(-1/2). It is what the noise must cover. */
uint64_t tacit_protect_norm2_max(size_t n);

/* The variance parameter of each host's discrete Gaussian, on the grid: the smallest
 * integer not below z^2 * tacit_protect_norm2_max(@n) / n_h, give or take floating point, which is
 * rounded up. 0 when z is 0; -EINVAL when a parameter is out of range. */
TACIT_MUST_CHECK int tacit_protect_sigma2(const struct tacit_protect_params *params, size_t n,
					  uint64_t *ret);

/* The standard deviation of the noise in each number of a sum of @updates, in the units of
 * contributions; infinite when a parameter is out of range. */
double tacit_protect_noise_sd(const struct tacit_protect_params *params, size_t n,
			      uint64_t updates);

/* zCDP cost of one participation, add-or-remove adjacency (a host's contribution against the
 * zero vector): 1 / (2 z^2); infinite when z is 0. Of local mode, and what shares are sized for. */
double tacit_protect_rho(const struct tacit_protect_params *params);

/**
 * tacit_protect_rho_sum - zCDP cost of one participation in a sum of @n numbers, to which hosts
 * added shares.
 * @hosts: how many whose noise is unknown to whom the guarantee is against. There are two figures,
 *         never to be mixed: n_h against the aggregator, which may know the noise of all the hosts
 *         that are not certain to be honest; and against readers of what is released, the hosts
 *         that are in the sum.
 *
 * With tau, for a sum of discrete Gaussians is not quite one (tacit_shared_noise_rho()); infinite
 * when a parameter is out of range or there is no noise.
 */
double tacit_protect_rho_sum(const struct tacit_protect_params *params, size_t n, uint32_t hosts);

/**
 * tacit_protect - clip, scale, conditionally round and noise a contribution.
 * @value: @n numbers, 1..TACIT_PROTECT_DIMS_MAX; clipped in place.
 * @ret:   @n numbers modulo 2^32.
 *
 * Returns 0 or -EINVAL.
 */
TACIT_MUST_CHECK int tacit_protect(const struct tacit_protect_params *params, double *value,
				   size_t n, struct tacit_random *random, uint32_t *ret);

/* Reads a sum back: numbers modulo 2^32 as signed, times gamma. Right as long as no true sum
 * reaches 2^31 steps of the grid, that is 2^15 clip norms: 32,000 hosts that agree on a coordinate,
 * or noise of z * sqrt(hosts) beyond 5,000. */
void tacit_unprotect(const struct tacit_protect_params *params, const uint32_t *sum, size_t n,
		     double *ret);

#endif /* TACIT_PROTECT_H */
