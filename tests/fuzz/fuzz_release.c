/* SPDX-License-Identifier: MIT */
/* Released bytes as a host gets them: decoded, and if they pass, used. */
#include <math.h>
#include <stdlib.h>

#include <tacit/fleet.h>

#include "models/ladder_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t group_of[] = { 0, 0, 1, 0, 2 };
static const struct tacit_space space = { .dims = 5, .groups = 3, .group_of = group_of };

static void score_by(const struct tacit_fleet *fleet, size_t i)
{
	const struct tacit_model_kind *kind = tacit_fleet_kind(fleet);
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	static const double x[] = { 0, 1, 5, 12, 20 };
	static const uint8_t observed[] = { 1, 1, 1 };
	const struct tacit_sample sample = { .x = x, .observed = observed };
	struct tacit_score score;

	if (kind->new (&space, &model) < 0 ||
	    kind->set_prior(model, tacit_fleet_block(fleet, i), 30) < 0)
		return;
	if (kind->score(model, &sample, &score) == 0 &&
	    !(isfinite(score.value[TACIT_STATISTIC_DISTANCE]) &&
	      isfinite(score.value[TACIT_STATISTIC_MAX_Z])))
		abort();
}

/* A host without scores of its own, of class @i. */
static void threshold_by(const struct tacit_fleet *fleet, size_t i)
{
	for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++) {
		TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
		double at;

		if (tacit_threshold_new((enum tacit_statistic)s, &threshold) < 0)
			return;
		tacit_threshold_set_prior(threshold, &tacit_fleet_ladders(fleet, i)[s]);
		if (tacit_threshold_get(threshold, 1e-6, &at) == 0 && !(isfinite(at) && at > 0))
			abort();
	}
}

static void absorb_into(const struct tacit_fleet *fleet)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	size_t n = tacit_fleet_dimensions(fleet);
	TACIT_AUTO_FREE double *value = TACIT_NEW_N(double, n);
	struct tacit_sum sum = { .value = value, .updates = 3, .noise_sd = 0.5 };

	for (size_t i = 0; value && i < n; i++)
		value[i] = (double)(i % 7) - 3;
	if (!value || tacit_fleet_absorb(fleet, &sum, &next) < 0)
		return;
	for (size_t i = 0; i < tacit_fleet_classes(next); i++)
		if (tacit_fleet_kind(next)->check(&space, tacit_fleet_block(next, i)) < 0 ||
		    tacit_ladder_check(tacit_fleet_ladders(next, i)) < 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	const uint8_t *signature = NULL;
	size_t covered = 0, signature_len = 0;

	if (tacit_fleet_decode(data, size, &space, &fleet, &covered, &signature, &signature_len) <
	    0)
		return 0;
	if (covered + 2 + signature_len != size)
		abort();
	for (size_t i = 0; i < tacit_fleet_classes(fleet); i++)
		score_by(fleet, i);
	for (size_t i = 0; i < tacit_fleet_classes(fleet); i++)
		threshold_by(fleet, i);
	absorb_into(fleet);
	return 0;
}
