/* SPDX-License-Identifier: MIT */
/* A scope's stored state: a model of the first kind that reads it, then a threshold, then its weeks;
 * if they pass, used. */
#include <math.h>
#include <stdlib.h>

#include <tacit/model.h>
#include <tacit/threshold.h>

#include "agent/rhythm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t group_of[] = { 0, 0, 1, 0, 2 };
static const struct tacit_space space = { .dims = 5, .groups = 3, .group_of = group_of };

static void use_model(const struct tacit_model_kind *kind, struct tacit_model *model)
{
	static const double x[] = { 0, 1, 5, 12, 20 };
	static const uint8_t all[] = { 1, 1, 1 }, some[] = { 1, 0, 1 };
	const struct tacit_sample sample = { .x = x, .observed = all };
	const struct tacit_sample partial = { .x = x, .observed = some };
	TACIT_AUTO_FREE double *out = TACIT_NEW_N(double, kind->contribution_len(&space));
	TACIT_AUTO_FREE float *block = TACIT_NEW_N(float, kind->block_len(&space));
	struct tacit_score score;
	double share[5];

	if (!out || !block || kind->learn(model, &sample, 1) < 0)
		abort();
	if (kind->score(model, &partial, &score) == 0)
		for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
			if (isnan(score.value[i]))
				abort();
	(void)!kind->explain(model, &sample, share, NULL, NULL);
	(void)!kind->surprise(model, &sample, share);
	kind->block_init(&space, block);
	kind->contribute(model, block, out);
	for (size_t i = 0; i < kind->contribution_len(&space); i++)
		if (!(fabs(out[i]) <= 1))
			abort();
}

static void use_threshold(struct tacit_threshold *threshold)
{
	double at;

	tacit_threshold_learn(threshold, 3);
	if (tacit_threshold_get(threshold, 1e-5, &at) == 0 && !isfinite(at))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tacit_model_kind *kind;
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = NULL;
	struct tacit_reader reader = tacit_reader_init(data, size);

	for (size_t i = 0; !model && (kind = tacit_model_kind_at(i)); i++) {
		reader = tacit_reader_init(data, size);
		if (kind->load(&space, &reader, &model) == 0)
			use_model(kind, model);
	}
	if (!model)
		reader = tacit_reader_init(data, size);
	if (tacit_threshold_load(TACIT_STATISTIC_DISTANCE, &reader, &threshold) == 0)
		use_threshold(threshold);
	if (threshold && tacit_rhythm_load(&reader, &rhythm) == 0)
		(void)tacit_rhythm_expects(rhythm, INT64_C(1795478400000), 2, 3);
	return 0;
}
