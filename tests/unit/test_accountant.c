/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include <tacit/accountant.h>

#include "unit.h"

/* Computed apart, from delta as a function of epsilon (the order where its derivative is zero found
 * by bisection, then epsilon by bisection). */
static const struct {
	double rho, delta, epsilon;
} known[] = {
	{ 0.0001, 1e-5, 0.0450474621 }, { 0.01, 1e-5, 0.5457255483 }, { 0.01, 1e-9, 0.8101744679 },
	{ 0.1, 1e-6, 2.1419389284 },	{ 0.5, 1e-5, 4.7283869849 },  { 0.5, 1e-6, 5.2215344445 },
	{ 1, 1e-6, 7.7662166253 },	{ 2.5, 1e-9, 16.1187971087 }, { 10, 1e-5, 30.1108573038 },
	{ 50, 1e-6, 100.6899051611 },
};

static const double deltas[] = { 1e-3, 1e-6, 1e-12 };

static void test_known_answers(void)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		CU_ASSERT_DOUBLE_EQUAL(tacit_zcdp_epsilon(known[i].rho, known[i].delta),
				       known[i].epsilon, 1e-8 * known[i].epsilon);
}

/* Bun and Steinke's bound is above; what a single Gaussian costs at least, rho, is below. */
static void test_between_bounds(void)
{
	for (size_t i = 0; i < 3; i++)
		for (double rho = 1e-8; rho < 1e4; rho *= 3) {
			double epsilon = tacit_zcdp_epsilon(rho, deltas[i]);

			CU_ASSERT(epsilon <= rho + 2 * sqrt(rho * log(1 / deltas[i])));
			CU_ASSERT(rho < 1e-4 || epsilon > rho);
		}
}

static void test_monotone(void)
{
	double last = 0;

	for (double rho = 1e-3; rho < 1e3; rho *= 1.1) {
		double epsilon = tacit_zcdp_epsilon(rho, 1e-6);

		CU_ASSERT(epsilon > last);
		CU_ASSERT(epsilon > tacit_zcdp_epsilon(rho, 1e-5));
		last = epsilon;
	}
}

static void test_reverse(void)
{
	for (size_t i = 0; i < 3; i++)
		for (double epsilon = 0.01; epsilon < 1000; epsilon *= 2.3) {
			double rho = tacit_zcdp_rho(epsilon, deltas[i]);

			CU_ASSERT(tacit_zcdp_epsilon(rho, deltas[i]) <= epsilon);
			CU_ASSERT(tacit_zcdp_epsilon(rho * 1.000001, deltas[i]) > epsilon);
		}
}

static void test_edges(void)
{
	CU_ASSERT_EQUAL(tacit_zcdp_epsilon(0, 1e-6), 0);
	CU_ASSERT(isinf(tacit_zcdp_epsilon(INFINITY, 1e-6)));
	CU_ASSERT(isinf(tacit_zcdp_epsilon(NAN, 1e-6))); /* an unknown loss is no small one */
	CU_ASSERT(tacit_zcdp_epsilon(1e-30, 1e-6) < 1e-6);
	CU_ASSERT(isinf(tacit_zcdp_rho(INFINITY, 1e-6)));
	CU_ASSERT_EQUAL(tacit_zcdp_rho(NAN, 1e-6), 0);
	CU_ASSERT_EQUAL(tacit_zcdp_rho(-1, 1e-6), 0);
}

#define REACH 60 /* beyond which no probability here is seen in a double */

/* Probabilities of the discrete Gaussian at -REACH..REACH. */
static void gaussian(double sigma2, double *p)
{
	double sum = 0;

	for (int x = -REACH; x <= REACH; x++)
		sum += p[x + REACH] = exp(-x * x / (2 * sigma2));
	for (int x = 0; x <= 2 * REACH; x++)
		p[x] /= sum;
}

/* tau bounds what it says, computed by convolution; for two, not by much more than it must. */
static void test_tau(void)
{
	static const double sigma2s[] = { 0.25, 0.3, 0.5, 1, 1.5 };

	for (size_t i = 0; i < 5; i++) {
		double one[2 * REACH + 1], sum[2 * REACH + 1], next[2 * REACH + 1];
		double limit[2 * REACH + 1];

		gaussian(sigma2s[i], one);
		gaussian(sigma2s[i], sum);
		for (uint32_t hosts = 2; hosts <= 6; hosts++) {
			double tau = tacit_shared_noise_tau(sigma2s[i], hosts), worst = 0;

			for (int x = -REACH; x <= REACH; x++) {
				next[x + REACH] = 0;
				for (int y = -REACH; y <= REACH; y++)
					if (abs(x - y) <= REACH)
						next[x + REACH] +=
							one[y + REACH] * sum[x - y + REACH];
			}
			for (int x = 0; x <= 2 * REACH; x++)
				sum[x] = next[x];
			gaussian(sigma2s[i] * hosts, limit);
			for (int x = -6; x <= 6; x++)
				worst = fmax(worst, fabs(log(sum[x + REACH] / limit[x + REACH])));
			CU_ASSERT(worst <= tau);
			CU_ASSERT(hosts > 2 || worst > tau / 6);
		}
	}
	CU_ASSERT_EQUAL(tacit_shared_noise_tau(0.25, 1), 0);
	CU_ASSERT_EQUAL(tacit_shared_noise_tau(81, 100000), 0);
	CU_ASSERT(isinf(tacit_shared_noise_tau(0.2499, 2)));
	CU_ASSERT(isinf(tacit_shared_noise_tau(NAN, 2)));
}

static void test_rho_of_shared_noise(void)
{
	double tau = tacit_shared_noise_tau(1, 10);

	/* where tau vanishes, one Gaussian of the whole variance */
	CU_ASSERT_DOUBLE_EQUAL(tacit_shared_noise_rho(1e9, 10000, 1e6, 1000), 0.5, 1e-15);
	/* tau = 10 (e^-pi^2 + e^-(4 pi^2 / 3) + ...): both terms, where each is the smaller */
	CU_ASSERT_DOUBLE_EQUAL(tau, 0.0005435242581620002, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(tacit_shared_noise_rho(1e4, 100, 1, 10), 1e4 / 20 + tau * 100 / 4,
			       1e-9);
	CU_ASSERT_DOUBLE_EQUAL(tacit_shared_noise_rho(1e-4, 10000, 1, 10),
			       pow(sqrt(1e-5) + tau * 100, 2) / 2, 1e-12);
	CU_ASSERT(isinf(tacit_shared_noise_rho(1, 1, 0, 10)));
	CU_ASSERT(isinf(tacit_shared_noise_rho(1, 1, 1, 0)));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answers", test_known_answers },
		{ "between bounds", test_between_bounds },
		{ "monotone", test_monotone },
		{ "reverse", test_reverse },
		{ "edges", test_edges },
		{ "tau bounds sums of discrete Gaussians", test_tau },
		{ "rho of shared noise", test_rho_of_shared_noise },
		{ NULL, NULL },
	};

	return unit_main("accountant", cases);
}
