/* SPDX-License-Identifier: MIT */
/* Which features made a window odd. */
#include "learner_private.h"

#include <math.h>
#include <string.h>

#include <tacit/feature.h>

/* So many of the most surprising features are named, whatever their share of the distance. */
#define SURPRISES 3U

/* How a feature can be odd. */
enum oddness {
	SHARE,
	NATS,
	ABS_Z,
	ODDNESSES,
};

struct odd {
	double by[ODDNESSES][TACIT_FEATURE_COUNT];
	double z[TACIT_FEATURE_COUNT], expected[TACIT_FEATURE_COUNT];
};

static double usual_count(unsigned feature, double expected)
{
	switch (tacit_feature_get(feature)->transform) {
	case TACIT_TRANSFORM_LOG1P:
		return fmax(0, expm1(expected));
	case TACIT_TRANSFORM_LOG1P_KILO:
		return fmax(0, 1000 * expm1(expected));
	}
	return 0;
}

/* Index of the largest number that is above zero and not left out, or -1. */
static int largest(const double *number, const bool *out)
{
	int best = -1;

	for (int i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (!out[i] && number[i] > (best < 0 ? 0 : number[best]))
			best = i;
	return best;
}

/* Chooses the @n features with the largest numbers, as far as there is room. */
static void claim(const double *number, size_t n, size_t *room, bool *chosen)
{
	bool seen[TACIT_FEATURE_COUNT] = { false };
	int next;

	for (; n > 0 && *room > 0 && (next = largest(number, seen)) >= 0; n--) {
		seen[next] = true;
		*room -= !chosen[next];
		chosen[next] = true;
	}
}

/* Feature numbers of the causes, most telling first. */
static size_t choose(const struct odd *odd, enum tacit_statistic statistic, size_t max,
		     unsigned *feature)
{
	enum oddness first = statistic == TACIT_STATISTIC_RARE ? NATS : SHARE;
	const enum oddness order[] = { first, first == NATS ? SHARE : NATS, ABS_Z };
	bool chosen[TACIT_FEATURE_COUNT] = { false }, out[TACIT_FEATURE_COUNT];
	size_t room = max, n = 0;
	int next;

	claim(odd->by[NATS], first == NATS ? max : SURPRISES, &room, chosen);
	claim(odd->by[ABS_Z], 1, &room, chosen);
	claim(odd->by[SHARE], max, &room, chosen);
	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i++)
		out[i] = !chosen[i];
	for (size_t i = 0; i < TACIT_ARRAY_LEN(order); i++)
		while ((next = largest(odd->by[order[i]], out)) >= 0) {
			feature[n++] = (unsigned)next;
			out[next] = true;
		}
	return n;
}

static int look_at(const struct tacit_model_kind *kind, struct tacit_model *model,
		   const struct tacit_sample *sample, struct odd *odd)
{
	int r = kind->explain(model, sample, odd->by[SHARE], odd->z, odd->expected);

	memset(odd->by[NATS], 0, sizeof(odd->by[NATS]));
	if (r == 0 && kind->surprise)
		r = kind->surprise(model, sample, odd->by[NATS]);
	for (size_t i = 0; r == 0 && i < TACIT_FEATURE_COUNT; i++)
		odd->by[ABS_Z][i] = fabs(odd->z[i]);
	return r;
}

int tacit_learner_explain(struct tacit_learner *learner, const struct tacit_window *window,
			  enum tacit_statistic statistic, size_t max, struct tacit_cause *causes)
{
	struct tacit_learner_scope *scope = tacit_learner_scope_find(learner, window->scope);
	double x[TACIT_FEATURE_COUNT], sum = 0;
	struct tacit_sample input = tacit_window_sample(window, x);
	unsigned feature[TACIT_FEATURE_COUNT];
	struct odd odd;
	size_t n;
	int r;

	if (!scope)
		return -ENOENT;
	tacit_learner_catch_up(learner, scope);
	r = look_at(learner->params.kind, scope->model, &input, &odd);
	if (r < 0)
		return r;
	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i++)
		sum += odd.by[SHARE][i];
	n = choose(&odd, statistic, max, feature);
	for (size_t i = 0; i < n; i++)
		causes[i] = (struct tacit_cause){
			.feature = feature[i],
			.share = sum > 0 ? odd.by[SHARE][feature[i]] / sum : 0,
			.z = odd.z[feature[i]],
			.surprise = odd.by[NATS][feature[i]],
			.value = window->count[feature[i]],
			.expected = usual_count(feature[i], odd.expected[feature[i]]),
		};
	return (int)n;
}
