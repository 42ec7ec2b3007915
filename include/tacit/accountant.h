/* SPDX-License-Identifier: MIT */
/*
 * accountant - what privacy was spent: zero-concentrated differential privacy
 * adds up across participations and converts to (epsilon, delta).
 * Bun and Steinke 2016 (composition); Canonne, Kamath, Steinke 2020, Corollary 13
 * (conversion).
 */
#ifndef TACIT_ACCOUNTANT_H
#define TACIT_ACCOUNTANT_H

/* Smallest epsilon such that @rho-zCDP implies (epsilon, @delta)-DP. @rho >= 0 (infinite gives
 * infinity), 0 < @delta < 1. 0 for @rho 0. */
double tacit_zcdp_epsilon(double rho, double delta);

/* Largest rho whose epsilon does not exceed @epsilon: the reverse. */
double tacit_zcdp_rho(double epsilon, double delta);

#endif /* TACIT_ACCOUNTANT_H */
