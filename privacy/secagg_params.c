/* SPDX-License-Identifier: MIT */
#include <tacit/secagg_params.h>

#include <math.h>
#include <stdbool.h>

#define MILLION	     1000000U
#define FRACTION_MAX (MILLION / 2)
#define SLACK	     (1 + 1e-6)
#define NEGLIGIBLE   1e-20 /* of the sum so far: too little to be seen in a double */

/* Of n hosts, how many are corrupt and how many go away. */
struct counts {
	uint32_t corrupt, dropouts;
};

static struct counts count(const struct tacit_secagg_threat *threat, uint32_t n)
{
	return (struct counts){
		.corrupt = (uint32_t)((uint64_t)threat->corrupt_ppm * n / MILLION),
		.dropouts = (uint32_t)((uint64_t)threat->dropout_ppm * n / MILLION),
	};
}

static double log_factorial(double n)
{
	int sign;

	return lgamma_r(n + 1, &sign);
}

static double log_choose(double n, double k)
{
	return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/*
 * Probability of @least or more marked ones among @k drawn from @n of which @marked are: the first
 * term by factorials, the others by their ratios, until they no longer count.
 */
static double tail(uint32_t n, uint32_t marked, uint32_t k, uint32_t least)
{
	uint32_t plain = n - marked, forced = k > plain ? k - plain : 0;
	uint32_t x = least > forced ? least : forced, highest = k < marked ? k : marked;
	double mean = (double)k * marked / n, sum = 0, term;

	if (x > highest)
		return 0;
	term = exp(log_choose(marked, x) + log_choose(plain, k - x) - log_choose(n, k));
	for (; x <= highest && (x <= mean || term >= NEGLIGIBLE * sum); x++) {
		sum += term;
		term *= ((double)marked - x) * ((double)k - x) /
			((x + 1.0) * ((double)plain - k + x + 1));
	}
	return sum;
}

/* a) some host has @least or more corrupt neighbours. */
static double too_many_corrupt(uint32_t n, struct counts counts, uint32_t k, uint32_t least)
{
	return n * tail(n, counts.corrupt, k, least);
}

/* b) of the n (n - k - 1) / 2 pairs of gaps, one is all corrupt or gone: k given hosts are. */
static double disconnected(uint32_t n, struct counts counts, uint32_t k)
{
	double bad = counts.corrupt + counts.dropouts;

	if (bad < k)
		return 0;
	return n * (n - k - 1.0) / 2 * exp(log_choose(bad, k) - log_choose(n, k));
}

/* c) some host has fewer than @t neighbours that stay. */
static double too_few_stay(uint32_t n, struct counts counts, uint32_t k, uint32_t t)
{
	return n * tail(n, counts.dropouts, k, k - t + 1);
}

/* The number of corrupt neighbours from which on threshold @t protects no longer; 0: never. */
static uint32_t corrupt_limit(enum tacit_secagg_server_kind server, uint32_t k, uint32_t t)
{
	if (server == TACIT_SECAGG_SEMI_HONEST)
		return t;
	return 2 * t > k ? 2 * t - k : 0;
}

static bool is_complete(const struct tacit_secagg_params *params)
{
	return params->k == params->n - 1;
}

/* Probability that a) or b) fails; in a complete graph 0 or 1. */
static double insecurity(const struct tacit_secagg_threat *threat,
			 const struct tacit_secagg_params *params)
{
	struct counts counts = count(threat, params->n);
	uint32_t limit = corrupt_limit(threat->server, params->k, params->t);

	if (is_complete(params))
		return counts.corrupt < limit ? 0 : 1;
	return too_many_corrupt(params->n, counts, params->k, limit) +
	       disconnected(params->n, counts, params->k);
}

/* The smallest threshold with a) at 2^-41; above @k if there is none. Never 1: such a share is the
 * secret itself. */
static uint32_t find_threshold(const struct tacit_secagg_threat *threat, uint32_t n, uint32_t k)
{
	const double bound = ldexp(1, -(TACIT_SECAGG_SECURITY_BITS + 1));
	struct counts counts = count(threat, n);
	uint32_t t = 2;

	while (t <= k &&
	       too_many_corrupt(n, counts, k, corrupt_limit(threat->server, k, t)) > bound)
		t++;
	return t;
}

static bool find_sparse(const struct tacit_secagg_threat *threat, uint32_t n,
			struct tacit_secagg_params *ret)
{
	const double bound = ldexp(1, -(TACIT_SECAGG_SECURITY_BITS + 1));
	const double failure = ldexp(1, -TACIT_SECAGG_FAILURE_BITS);
	struct counts counts = count(threat, n);

	for (uint32_t k = 2; k < n - 1 && k <= TACIT_SECAGG_DEGREE_MAX; k += 2) {
		uint32_t t;

		if (disconnected(n, counts, k) > bound)
			continue;
		t = find_threshold(threat, n, k);
		if (t > k || too_few_stay(n, counts, k, t) > failure)
			continue;
		*ret = (struct tacit_secagg_params){ n, k, t };
		return true;
	}
	return false;
}

static bool find_complete(const struct tacit_secagg_threat *threat, uint32_t n,
			  struct tacit_secagg_params *ret)
{
	const struct tacit_secagg_params params = { n, n - 1, 2 * n / 3 + 1 };

	if (params.k > TACIT_SECAGG_DEGREE_MAX || insecurity(threat, &params) > 0 ||
	    params.k < params.t + count(threat, n).dropouts)
		return false;
	*ret = params;
	return true;
}

static bool is_threat(const struct tacit_secagg_threat *threat)
{
	return (threat->server == TACIT_SECAGG_SEMI_HONEST ||
		threat->server == TACIT_SECAGG_SEMI_MALICIOUS) &&
	       threat->corrupt_ppm <= FRACTION_MAX && threat->dropout_ppm <= FRACTION_MAX;
}

int tacit_secagg_params_find(const struct tacit_secagg_threat *threat, uint32_t n,
			     struct tacit_secagg_params *ret)
{
	if (!is_threat(threat) || n < TACIT_SECAGG_HOSTS_MIN || n > TACIT_SECAGG_HOSTS_MAX)
		return -EINVAL;
	if (n >= TACIT_SECAGG_SPARSE_MIN && find_sparse(threat, n, ret))
		return 0;
	return find_complete(threat, n, ret) ? 0 : -ERANGE;
}

int tacit_secagg_params_check(const struct tacit_secagg_threat *threat,
			      const struct tacit_secagg_params *params)
{
	uint32_t n = params->n, k = params->k;

	if (!is_threat(threat) || n < TACIT_SECAGG_HOSTS_MIN || n > TACIT_SECAGG_HOSTS_MAX)
		return -EINVAL;
	if (k < 2 || k > TACIT_SECAGG_DEGREE_MAX || k >= n || params->t < 2 || params->t > k ||
	    (k % 2 == 1 && !is_complete(params)))
		return -EINVAL;
	return insecurity(threat, params) <= ldexp(SLACK, -TACIT_SECAGG_SECURITY_BITS)
		       ? 0
		       : TACIT_EREFUSED;
}

uint32_t tacit_secagg_honest(const struct tacit_secagg_threat *threat, uint32_t n)
{
	uint64_t lost = (uint64_t)threat->corrupt_ppm + threat->dropout_ppm;

	return lost < MILLION ? (uint32_t)((MILLION - lost) * n / MILLION) : 0;
}

uint32_t tacit_secagg_survivors_min(const struct tacit_secagg_threat *threat, uint32_t n)
{
	return tacit_secagg_honest(threat, n) + count(threat, n).corrupt;
}
