/* SPDX-License-Identifier: MIT */
#include <tacit/accountant.h>

#include <math.h>

/* alpha - 1 is searched on a logarithmic scale, from e^-30 to e^60. */
#define LOG_ORDER_MIN (-30.0)
#define LOG_ORDER_MAX 60.0
#define SEARCH_STEPS  100 /* of the golden section: beyond double precision */
#define HALVINGS      100

#define SIGMA2_MIN 0.25 /* the bound on sums of discrete Gaussians starts here */

/* The bound of order alpha = 1 + exp(@log_order): Corollary 13, solved for epsilon. */
static double epsilon_of_order(double rho, double delta, double log_order)
{
	double a = exp(log_order);

	/* (alpha-1) log(1-1/alpha) - log(alpha), written so that it survives huge and tiny a */
	return (1 + a) * rho - log1p(1 / a) - (log(delta) + log1p(a)) / a;
}

/* At fixed epsilon log(delta) is convex in alpha, so epsilon at fixed delta has one minimum. */
double tacit_zcdp_epsilon(double rho, double delta)
{
	const double golden = 0.6180339887498949;
	double low = LOG_ORDER_MIN, high = LOG_ORDER_MAX;

	if (!(rho > 0))
		return isnan(rho) ? INFINITY : 0;
	if (isinf(rho))
		return INFINITY;
	for (int i = 0; i < SEARCH_STEPS; i++) {
		double left = high - golden * (high - low);
		double right = low + golden * (high - low);

		if (epsilon_of_order(rho, delta, left) < epsilon_of_order(rho, delta, right))
			high = right;
		else
			low = left;
	}
	return fmax(0, epsilon_of_order(rho, delta, (low + high) / 2));
}

double tacit_zcdp_rho(double epsilon, double delta)
{
	double low = 0, high = 1;

	if (!(epsilon >= 0))
		return 0;
	if (isinf(epsilon))
		return INFINITY;
	while (tacit_zcdp_epsilon(high, delta) <= epsilon)
		high *= 2;
	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;

		if (tacit_zcdp_epsilon(middle, delta) <= epsilon)
			low = middle;
		else
			high = middle;
	}
	return low;
}

double tacit_shared_noise_tau(double sigma2, uint32_t hosts)
{
	const double pi2 = M_PI * M_PI;
	double sum = 0;

	if (!(sigma2 >= SIGMA2_MIN))
		return INFINITY;
	for (uint32_t k = 1; k < hosts; k++) {
		double term = exp(-2 * pi2 * sigma2 * k / (k + 1.0));

		if (term == 0) /* terms only become smaller */
			break;
		sum += term;
	}
	return 10 * sum;
}

double tacit_shared_noise_rho(double norm2, size_t n, double sigma2, uint32_t hosts)
{
	double tau = tacit_shared_noise_tau(sigma2, hosts);
	double ratio = norm2 / (sigma2 * hosts), linear;

	if (!isfinite(tau) || hosts == 0)
		return INFINITY;
	linear = sqrt(ratio) + tau * sqrt((double)n);
	return fmin(ratio + tau * (double)n / 2, linear * linear) / 2;
}
