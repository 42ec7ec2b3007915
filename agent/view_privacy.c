/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <string.h>

static void put_guarantees(const struct tacit_render *render, const json_t *document)
{
	const json_t *guarantees = tacit_render_at(document, "guarantees");
	const json_t *guarantee;
	size_t i;

	json_array_foreach (guarantees, i, guarantee) {
		const json_t *epsilon = tacit_render_at(guarantee, "epsilon");
		char text[TACIT_RENDER_TEXT];

		tacit_render_put(render, TACIT_STYLE_BOLD, "\nAgainst %s: epsilon %s\n  ",
				 tacit_render_text_at(guarantee, "against"),
				 json_is_number(epsilon)
					 ? tacit_render_number(json_number_value(epsilon), text)
					 : "unbounded");
		tacit_render_wrap(render, TACIT_STYLE_PLAIN, 2,
				  tacit_render_text_at(guarantee, "meaning"));
	}
}

static void put_charge(const struct tacit_render *render, const json_t *charge)
{
	char at[TACIT_RENDER_TEXT], a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT];
	json_int_t hosts = tacit_render_int_at(charge, "hosts");

	tacit_render_put(render, TACIT_STYLE_PLAIN,
			 "  %5" JSON_INTEGER_FORMAT "  %-19s  %-8.8s  %5.2f  %7" JSON_INTEGER_FORMAT
			 "  %7s  %7s  %s",
			 tacit_render_int_at(charge, "round"),
			 tacit_render_time(tacit_render_at(charge, "at"), at),
			 tacit_render_text_at(charge, "state"),
			 tacit_render_real_at(charge, "noise_multiplier"),
			 tacit_render_int_at(charge, "dimensions"),
			 tacit_render_number(tacit_render_real_at(charge, "epsilon"), a),
			 tacit_render_number(tacit_render_real_at(charge, "epsilon_so_far"), b),
			 tacit_render_text_at(charge, "mode"));
	if (hosts > 1)
		tacit_render_put(render, TACIT_STYLE_PLAIN, " over %" JSON_INTEGER_FORMAT " hosts",
				 hosts);
	if (strcmp(tacit_render_text_at(charge, "sum_of"), "evaluation") == 0)
		tacit_render_put(render, TACIT_STYLE_PLAIN, ", evaluation");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "\n");
}

static void put_charges(const struct tacit_render *render, const json_t *document)
{
	const json_t *charges = tacit_render_at(document, "charges");
	const json_t *charge;
	size_t i;

	if (json_array_size(charges) == 0) {
		tacit_render_put(render, TACIT_STYLE_PLAIN, "\nNo round was taken part in yet.\n");
		return;
	}
	tacit_render_put(render, TACIT_STYLE_BOLD, "\n  %5s  %-19s  %-8s  %5s  %7s  %7s  %7s  %s\n",
			 "Round", "Charged", "Update", "Noise", "Numbers", "Epsilon", "In all",
			 "Mode");
	json_array_foreach (charges, i, charge) {
		put_charge(render, charge);
	}
}

static void put_refusals(const struct tacit_render *render, const json_t *document)
{
	const char *why = tacit_render_text_at(document, "last_refusal");
	const json_t *refused = tacit_render_at(document, "refused_rounds");
	size_t n = json_array_size(refused);

	if (n == 0 && !why[0])
		return;
	tacit_render_put(render, TACIT_STYLE_BOLD, "\nRefused by this host: %zu round%s\n  ", n,
			 tacit_render_plural((json_int_t)n));
	tacit_render_wrap(render, TACIT_STYLE_WARN, 2, why);
}

static void put_floors(const struct tacit_render *render, const json_t *document)
{
	tacit_render_put(render, TACIT_STYLE_DIM, "\n  ");
	tacit_render_put(render, TACIT_STYLE_DIM,
			 "Floors of this host: epsilon at most %.2f in all, noise at least %.2f,\n"
			 "  cohorts of at least %" JSON_INTEGER_FORMAT
			 " hosts; secure sums withstand %.0f%% of corrupt hosts\n"
			 "  and a %s aggregator (agent.conf).\n",
			 tacit_render_real_at(document, "floors.max_epsilon"),
			 tacit_render_real_at(document, "floors.min_noise_multiplier"),
			 tacit_render_int_at(document, "floors.min_cohort"),
			 tacit_render_real_at(document, "floors.min_corrupt") * 100,
			 tacit_render_text_at(document, "floors.server"));
}

void tacit_view_privacy(const struct tacit_render *render, const json_t *document)
{
	tacit_view_budget(render, document);
	put_guarantees(render, document);
	put_charges(render, document);
	put_refusals(render, document);
	put_floors(render, document);
}
