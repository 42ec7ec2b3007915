/* SPDX-License-Identifier: MIT */
#include "gaussian.h"

#include "rare.h"

double tacit_gaussian_surprise(const struct tacit_space *space, const struct tacit_moments *moments,
			       const float *prior, double kappa, size_t j)
{
	double own = tacit_moments_count(moments, space->group_of[j]);
	double seen = own * (double)tacit_moments_moved(moments)[j];
	struct tacit_gaussian_fact fact;
	double worth;

	if (!prior)
		return tacit_rare_surprise(seen, own);
	fact = tacit_gaussian_block_get(prior, j);
	worth = kappa * (double)fact.weight;
	return tacit_rare_surprise(seen + worth * tacit_rare_share_most((double)fact.mean),
				   own + worth);
}
