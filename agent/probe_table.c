/* SPDX-License-Identifier: MIT */
#include "probe_table.h"

#include <string.h>

#define NAME_WIDTH  26
#define VALUE_WIDTH 12

static bool are_of_one_group(unsigned a, unsigned b)
{
	size_t len = tacit_feature_group_len(a);

	return len == tacit_feature_group_len(b) &&
	       memcmp(tacit_feature_get(a)->name, tacit_feature_get(b)->name, len) == 0;
}

static bool is_first_of_group(unsigned feature)
{
	for (unsigned i = 0; i < feature; i++)
		if (are_of_one_group(i, feature))
			return false;
	return true;
}

static void put_group(FILE *out, const struct tacit_sensor_status *status, unsigned first)
{
	unsigned observed = 0, total = 0;
	char text[32];

	for (unsigned i = first; i < TACIT_FEATURE_COUNT; i++) {
		if (!are_of_one_group(i, first))
			continue;
		total++;
		observed += status->probe[tacit_feature_get(i)->probe].observed;
	}
	(void)snprintf(text, sizeof(text), "%u of %u", observed, total);
	(void)fprintf(out, "  %-*.*s %*s\n", NAME_WIDTH, (int)tacit_feature_group_len(first),
		      tacit_feature_get(first)->name, VALUE_WIDTH, text);
}

static void put_program(FILE *out, const char *program, const struct tacit_sensor_probe *state)
{
	char text[VALUE_WIDTH + 1] = "-";

	if (!state->observed)
		(void)snprintf(text, sizeof(text), "missing");
	else if (state->instructions > 0)
		(void)snprintf(text, sizeof(text), "%u", state->instructions);
	(void)fprintf(out, "  %-*s %*s\n", NAME_WIDTH, program, VALUE_WIDTH, text);
}

static void put_reasons(FILE *out, const struct tacit_sensor_status *status)
{
	bool first = true;

	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		const struct tacit_sensor_probe *state = &status->probe[i];

		if (state->observed)
			continue;
		if (first)
			(void)fprintf(out, "\nnot observed\n");
		first = false;
		(void)fprintf(out, "  %s (%s): %s%s%s\n", tacit_probe_get(i)->program,
			      tacit_probe_get(i)->group, state->why, state->remedy[0] ? "; " : "",
			      state->remedy);
	}
}

void tacit_probe_table_put(FILE *out, const struct tacit_sensor_status *status)
{
	(void)fprintf(out, "tier %s, %u of %u features\n\n",
		      status->tier == TACIT_TIER_DEEP ? "deep" : "light", status->features_observed,
		      status->features_total);
	(void)fprintf(out, "%-*s %*s\n", NAME_WIDTH + 2, "group", VALUE_WIDTH, "observed");
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (is_first_of_group(i))
			put_group(out, status, i);
	(void)fprintf(out, "\n%-*s %*s\n", NAME_WIDTH + 2, "program", VALUE_WIDTH, "instructions");
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		put_program(out, tacit_probe_get(i)->program, &status->probe[i]);
	put_reasons(out, status);
}
