/* SPDX-License-Identifier: MIT */
#include <tacit/protect.h>

#include <math.h>
#include <stdbool.h>

#include <tacit/accountant.h>
#include <tacit/noise.h>

#define GRID_STEPS (1U << TACIT_PROTECT_SCALE_BITS) /* grid points in one clip norm */

static double finite_or_zero(double value)
{
	return isfinite(value) ? value : 0;
}

double tacit_clip_l2(double *value, size_t n, double clip_norm)
{
	double largest = 0, sum = 0, norm;

	for (size_t i = 0; i < n; i++) {
		value[i] = finite_or_zero(value[i]);
		largest = fmax(largest, fabs(value[i]));
	}
	if (largest == 0)
		return 0;
	for (size_t i = 0; i < n; i++) /* relative to the largest: no overflow */
		sum += (value[i] / largest) * (value[i] / largest);
	norm = sqrt(sum) * largest;
	if (norm <= clip_norm)
		return norm;
	for (size_t i = 0; i < n; i++)
		value[i] = value[i] / largest * (clip_norm / sqrt(sum));
	return norm;
}

/*
 * Kairouz, Liu, Steinke, proposition 22: with beta = exp(-1/2) and s the clip norm on the grid,
 * s^2 + n/4 + sqrt(2 log(1/beta)) (s + sqrt(n)/2) = s^2 + n/4 + s + sqrt(n)/2 is exceeded by the
 * rounded vector's squared norm with probability at most beta.
 */
uint64_t tacit_protect_norm2_max(size_t n)
{
	uint64_t s = GRID_STEPS;

	return s * s + s + (uint64_t)((double)n / 4 + sqrt((double)n) / 2);
}

static int check(const struct tacit_protect_params *params, size_t n)
{
	if (!(params->clip_norm > 0) || !isfinite(params->clip_norm))
		return -EINVAL;
	if (!(params->noise_multiplier >= 0 && params->noise_multiplier <= TACIT_PROTECT_NOISE_MAX))
		return -EINVAL;
	return n >= 1 && n <= TACIT_PROTECT_DIMS_MAX ? 0 : -EINVAL;
}

int tacit_protect_sigma2(const struct tacit_protect_params *params, size_t n, uint64_t *ret)
{
	double z = params->noise_multiplier, shares = params->honest > 1 ? params->honest : 1;
	int r = check(params, n);

	if (r < 0)
		return r;
	/* Four roundings to nearest lose less than 2^-50 of the product; this puts it back. */
	*ret = (uint64_t)ceil(z * z * (double)tacit_protect_norm2_max(n) / shares * (1 + 0x1p-49));
	return 0;
}

double tacit_protect_noise_sd(const struct tacit_protect_params *params, size_t n, uint64_t updates)
{
	uint64_t sigma2 = 0;

	if (tacit_protect_sigma2(params, n, &sigma2) < 0)
		return INFINITY;
	return sqrt((double)updates * (double)sigma2) * (params->clip_norm / GRID_STEPS);
}

double tacit_protect_rho(const struct tacit_protect_params *params)
{
	double z = params->noise_multiplier;

	return z > 0 ? 1 / (2 * z * z) : INFINITY;
}

double tacit_protect_rho_sum(const struct tacit_protect_params *params, size_t n, uint32_t hosts)
{
	uint64_t sigma2 = 0;

	if (tacit_protect_sigma2(params, n, &sigma2) < 0)
		return INFINITY;
	return tacit_shared_noise_rho((double)tacit_protect_norm2_max(n), n, (double)sigma2, hosts);
}

/* Up with a probability that is the fractional part, to 2^-64, else down. */
static int32_t round_randomly(double value, struct tacit_random *random)
{
	double below = floor(value), fraction = value - below;

	if (fraction >= 1) /* a negative number too small to differ from 0 here */
		return (int32_t)below + 1;
	return (int32_t)below + (tacit_random_u64(random) < (uint64_t)(fraction * 0x1p64));
}

/* One try; false when the result is beyond the bound. */
static bool round_vector(const double *value, size_t n, double scale, struct tacit_random *random,
			 uint32_t *ret)
{
	uint64_t norm2 = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t whole = round_randomly(value[i] * scale, random);

		ret[i] = (uint32_t)whole;
		norm2 += (uint64_t)(whole * whole);
	}
	return norm2 <= tacit_protect_norm2_max(n);
}

int tacit_protect(const struct tacit_protect_params *params, double *value, size_t n,
		  struct tacit_random *random, uint32_t *ret)
{
	uint64_t sigma2 = 0;
	int r = tacit_protect_sigma2(params, n, &sigma2);

	if (r < 0)
		return r;
	(void)tacit_clip_l2(value, n, params->clip_norm);
	while (!round_vector(value, n, GRID_STEPS / params->clip_norm, random, ret))
		;
	tacit_noise_add(random, sigma2, ret, n);
	return 0;
}

void tacit_unprotect(const struct tacit_protect_params *params, const uint32_t *sum, size_t n,
		     double *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (int32_t)sum[i] * (params->clip_norm / GRID_STEPS);
}
