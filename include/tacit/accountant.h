/* SPDX-License-Identifier: MIT */
/*
 * accountant - what privacy was spent: zero-concentrated differential privacy
 * adds up across participations and converts to (epsilon, delta).
 * Bun and Steinke 2016 (composition); Canonne, Kamath, Steinke 2020, Corollary 13
 * (conversion); Kairouz, Liu, Steinke 2021 (arXiv 2102.06387; noise in shares).
 */
#ifndef TACIT_ACCOUNTANT_H
#define TACIT_ACCOUNTANT_H

#include <stddef.h>
#include <stdint.h>

/* Smallest epsilon such that @rho-zCDP implies (epsilon, @delta)-DP. @rho >= 0 (infinite gives
 * infinity), 0 < @delta < 1. 0 for @rho 0. */
double tacit_zcdp_epsilon(double rho, double delta);

/* Largest rho whose epsilon does not exceed @epsilon: the reverse. */
double tacit_zcdp_rho(double epsilon, double delta);

/*
 * A sum of discrete Gaussians is not quite a discrete Gaussian. This is by how much: of @hosts draws
 * of variance parameter @sigma2 >= 1/4 (standard deviation 1/2 and above), the logarithm of the
 * ratio of the sum's probabilities to those of one draw of variance @hosts * @sigma2 is nowhere
 * larger than
 *
 *	tau = 10 sum_{k=1}^{hosts-1} exp(-2 pi^2 sigma2 k / (k + 1))
 *
 * (Kairouz, Liu, Steinke, on sums of discrete Gaussians). Infinite for a smaller @sigma2. It is 0
 * in a double from a standard deviation of nine on.
 */
double tacit_shared_noise_tau(double sigma2, uint32_t hosts);

/*
 * zCDP cost of a sum to which @hosts hosts each added @n draws of variance parameter @sigma2, where
 * one host's vector has squared norm @norm2 at most, all in steps of the grid: half the square of
 *
 *	min(sqrt(norm2 / (hosts sigma2) + tau n / 2), sqrt(norm2 / (hosts sigma2)) + tau sqrt(n))
 *
 * (Kairouz, Liu, Steinke, theorem 1). Infinite without noise.
 */
double tacit_shared_noise_rho(double norm2, size_t n, double sigma2, uint32_t hosts);

#endif /* TACIT_ACCOUNTANT_H */
