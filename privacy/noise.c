/* SPDX-License-Identifier: MIT */
/*
 * Widths: sigma2 <= 2^52, so t = floor(sigma) + 1 <= 2^26 + 1. The last step accepts y with
 * probability exp(-(y t - sigma2)^2 / (2 sigma2 t^2)): for |y| < 2^37 the numerator is below 2^127,
 * the denominator is at most 2^105.1, and stays below 2^128 times any k that a run of
 * bernoulli_exp_fraction() ever reaches (k! in 1 for each).
 */
#include <tacit/noise.h>

#include <math.h>

#define MAGNITUDE_MAX ((uint64_t)1 << 37)

typedef unsigned __int128 u128;

/* 1 with probability exp(-num / den), num <= den: algorithm 1, first case. */
static int bernoulli_exp_fraction(struct tacit_random *random, u128 num, u128 den)
{
	u128 bound = den;
	unsigned k = 1;

	while (tacit_random_bernoulli(random, num, bound)) {
		bound += den;
		k++;
	}
	return k % 2 == 1;
}

/* The same for any num: algorithm 1, second case. */
static int bernoulli_exp(struct tacit_random *random, u128 num, u128 den)
{
	for (; num > den; num -= den)
		if (!bernoulli_exp_fraction(random, 1, 1))
			return 0;
	return bernoulli_exp_fraction(random, num, den);
}

/* Discrete Laplace of scale @t: algorithm 2 with s = 1. The sign comes apart from the magnitude. */
static uint64_t laplace(struct tacit_random *random, uint64_t t, int *ret_negative)
{
	for (;;) {
		uint64_t u = tacit_random_below(random, t);
		uint64_t magnitude = u;

		if (!bernoulli_exp_fraction(random, u, t))
			continue;
		while (bernoulli_exp_fraction(random, 1, 1))
			magnitude += t;
		*ret_negative = (int)(tacit_random_u64(random) & 1);
		if (!*ret_negative || magnitude != 0)
			return magnitude;
	}
}

static uint64_t floor_sqrt(uint64_t n)
{
	uint64_t root = (uint64_t)sqrt((double)n);

	while (root * root > n)
		root--;
	while ((root + 1) * (root + 1) <= n)
		root++;
	return root;
}

/* Algorithm 3, with t = floor(sigma) + 1 computed once by the caller. */
static int64_t gaussian(struct tacit_random *random, uint64_t sigma2, uint64_t t)
{
	for (;;) {
		int negative;
		uint64_t y = laplace(random, t, &negative);
		uint64_t yt, difference;

		if (y >= MAGNITUDE_MAX)
			continue;
		yt = y * t;
		difference = yt > sigma2 ? yt - sigma2 : sigma2 - yt;
		if (bernoulli_exp(random, (u128)difference * difference, (u128)2 * sigma2 * t * t))
			return negative ? -(int64_t)y : (int64_t)y;
	}
}

int64_t tacit_noise_gaussian(struct tacit_random *random, uint64_t sigma2)
{
	return gaussian(random, sigma2, floor_sqrt(sigma2) + 1);
}

void tacit_noise_add(struct tacit_random *random, uint64_t sigma2, uint32_t *value, size_t n)
{
	uint64_t t = floor_sqrt(sigma2) + 1;

	if (sigma2 == 0)
		return;
	for (size_t i = 0; i < n; i++)
		value[i] += (uint32_t)gaussian(random, sigma2, t);
}
