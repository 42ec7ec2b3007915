/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <math.h>
#include <string.h>

#define BAR_CELLS   12U
#define SHARE_SHOWN 0.005 /* smaller parts are left out, but for ... */
#define FIRST_SHOWN 3U	  /* ... the first ones */

static void put_names(const struct tacit_render *render, const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		tacit_render_put(render, TACIT_STYLE_PLAIN, "%s%s", i ? ", " : "",
				 json_is_string(name) ? json_string_value(name) : "?");
	}
}

static void put_row(const struct tacit_render *render, const json_t *anomaly)
{
	const json_t *programs = tacit_render_at(anomaly, "programs");
	const char *state = tacit_render_text_at(anomaly, "state");
	char when[TACIT_RENDER_TEXT], value[TACIT_RENDER_TEXT], threshold[TACIT_RENDER_TEXT];

	tacit_render_put(render, TACIT_STYLE_BOLD, "%6" JSON_INTEGER_FORMAT,
			 tacit_render_int_at(anomaly, "id"));
	tacit_render_put(render, TACIT_STYLE_PLAIN, "  %-19s  %-22.22s",
			 tacit_render_time(tacit_render_at(anomaly, "start"), when),
			 tacit_render_text_at(anomaly, "scope"));
	tacit_render_put(
		render, TACIT_STYLE_WARN, "  %9s > %-9s",
		tacit_render_number(tacit_render_real_at(anomaly, "value"), value),
		tacit_render_number(tacit_render_real_at(anomaly, "threshold"), threshold));
	tacit_render_put(render, TACIT_STYLE_DIM, "%s\n",
			 strcmp(state, "open") == 0 ? " open" : "");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "        ");
	put_names(render, tacit_render_at(anomaly, "causes"));
	if (json_array_size(programs) > 0)
		tacit_render_put(render, TACIT_STYLE_DIM, "; started: ");
	put_names(render, programs);
	tacit_render_put(render, TACIT_STYLE_PLAIN, "\n");
}

void tacit_view_anomalies(const struct tacit_render *render, const json_t *document)
{
	const json_t *anomalies = tacit_render_at(document, "anomalies");
	json_int_t total = tacit_render_int_at(document, "total");
	char since[TACIT_RENDER_TEXT];
	const json_t *anomaly;
	size_t i;

	(void)tacit_render_time(tacit_render_at(document, "since"), since);
	if (total == 0) {
		tacit_render_put(render, TACIT_STYLE_GOOD, "No anomalies since %s.\n", since);
		return;
	}
	tacit_render_put(render, TACIT_STYLE_BOLD, "%6s  %-19s  %-22s  %9s\n", "Id", "Began",
			 "Scope", "Score");
	json_array_foreach (anomalies, i, anomaly) {
		put_row(render, anomaly);
	}
	if (total > (json_int_t)json_array_size(anomalies))
		tacit_render_put(render, TACIT_STYLE_DIM,
				 "\n%zu of %" JSON_INTEGER_FORMAT
				 " since %s; --limit shows more.\n",
				 json_array_size(anomalies), total, since);
}

static const char *state_words(const char *state)
{
	if (strcmp(state, "open") == 0)
		return "it goes on";
	if (strcmp(state, "interrupted") == 0)
		return "tacitd ended before it did";
	return "it is over";
}

static void put_when(const struct tacit_render *render, const json_t *anomaly)
{
	char start[TACIT_RENDER_TEXT], end[TACIT_RENDER_TEXT];
	json_int_t n = tacit_render_int_at(anomaly, "windows");

	tacit_render_label(render, "when");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s to %s\n",
			 tacit_render_time(tacit_render_at(anomaly, "start"), start),
			 tacit_render_time(tacit_render_at(anomaly, "end"), end));
	tacit_render_label(render, "");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%" JSON_INTEGER_FORMAT " window%s; %s%s%s\n", n,
			 tacit_render_plural(n),
			 state_words(tacit_render_text_at(anomaly, "state")),
			 tacit_render_is(anomaly, "accepted") ? "; now learned as normal" : "",
			 tacit_render_is(anomaly, "expected") ? "; as in earlier weeks" : "");
}

static void put_statistic(const struct tacit_render *render, const json_t *anomaly,
			  const char *label, const char *value_key, const char *threshold_key)
{
	double value = tacit_render_real_at(anomaly, value_key);
	double threshold = tacit_render_real_at(anomaly, threshold_key);
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT];

	if (!json_is_number(tacit_render_at(anomaly, value_key)))
		return;
	tacit_render_label(render, label);
	tacit_render_put(render, value > threshold ? TACIT_STYLE_WARN : TACIT_STYLE_PLAIN, "%s",
			 tacit_render_number(value, a));
	tacit_render_put(render, TACIT_STYLE_PLAIN, ", alarm above %s\n",
			 tacit_render_number(threshold, b));
}

static void put_model(const struct tacit_render *render, const json_t *anomaly)
{
	json_int_t version = tacit_render_int_at(anomaly, "model_version");
	char text[TACIT_RENDER_TEXT];

	tacit_render_label(render, "judged by");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s windows' worth of evidence",
			 tacit_render_number(tacit_render_real_at(anomaly, "evidence"), text));
	if (version > 0)
		tacit_render_put(render, TACIT_STYLE_PLAIN, ", fleet release %" JSON_INTEGER_FORMAT,
				 version);
	tacit_render_put(render, TACIT_STYLE_PLAIN, "\n");
}

/* Nothing of what is not seldom: 0. */
static void put_rarity(const struct tacit_render *render, double surprise)
{
	char windows[TACIT_RENDER_TEXT];

	if (surprise > 0)
		tacit_render_put(render, TACIT_STYLE_PLAIN, "%22sseldom: one window in %s\n", "",
				 tacit_render_number(exp(surprise), windows));
}

/* What was started there meanwhile: new names first. */
static void put_processes(const struct tacit_render *render, const json_t *processes)
{
	const json_t *process;
	size_t i;

	json_array_foreach (processes, i, process) {
		json_int_t n = tacit_render_int_at(process, "execs");

		tacit_render_label(render, i ? "" : "programs started");
		tacit_render_put(render, TACIT_STYLE_BOLD, "%s",
				 tacit_render_text_at(process, "name"));
		tacit_render_put(render, TACIT_STYLE_PLAIN, ", %" JSON_INTEGER_FORMAT " time%s%s\n",
				 n, tacit_render_plural(n),
				 tacit_render_is(process, "new") ? ", new here" : "");
	}
}

static void put_feature(const struct tacit_render *render, const json_t *feature)
{
	double share = tacit_render_real_at(feature, "share");
	char value[TACIT_RENDER_TEXT], expected[TACIT_RENDER_TEXT];
	const char *doc = tacit_render_text_at(feature, "doc");

	tacit_render_put(render, TACIT_STYLE_PLAIN, "  ");
	tacit_render_bar(render, share, BAR_CELLS);
	tacit_render_put(render, TACIT_STYLE_PLAIN, " %3.0f%%  ", 100 * share);
	tacit_render_put(render, TACIT_STYLE_BOLD, "%-26s", tacit_render_text_at(feature, "name"));
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%11s, usually %s\n",
			 tacit_render_count(tacit_render_int_at(feature, "value"), value),
			 tacit_render_number(tacit_render_real_at(feature, "expected"), expected));
	put_rarity(render, tacit_render_real_at(feature, "surprise"));
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%22s", "");
	if (doc[0])
		tacit_render_wrap(render, TACIT_STYLE_DIM, 22, doc);
	else
		tacit_render_put(render, TACIT_STYLE_DIM, "%s\n",
				 tacit_render_text_at(feature, "unit"));
}

void tacit_view_explain(const struct tacit_render *render, const json_t *document)
{
	const json_t *anomaly = tacit_render_at(document, "anomaly");
	const json_t *features = tacit_render_at(anomaly, "features");
	const json_t *feature;
	size_t i;

	tacit_render_put(render, TACIT_STYLE_BOLD, "Anomaly %" JSON_INTEGER_FORMAT " in %s",
			 tacit_render_int_at(anomaly, "id"),
			 tacit_render_text_at(anomaly, "scope"));
	tacit_render_put(render, TACIT_STYLE_DIM, " (class %s)\n\n",
			 tacit_render_text_at(anomaly, "class"));
	put_when(render, anomaly);
	put_statistic(render, anomaly, "distance", "distance", "distance_threshold");
	put_statistic(render, anomaly, "largest |z|", "max_z", "max_z_threshold");
	put_statistic(render, anomaly, "rare events", "rare", "rare_threshold");
	put_model(render, anomaly);
	put_processes(render, tacit_render_at(anomaly, "processes"));

	if (json_array_size(features) == 0)
		return;
	tacit_render_put(render, TACIT_STYLE_BOLD, "\nWhat made it odd, at its peak\n");
	json_array_foreach(features, i, feature) {
		if (i < FIRST_SHOWN || tacit_render_real_at(feature, "share") >= SHARE_SHOWN ||
		    tacit_render_real_at(feature, "surprise") > 0)
			put_feature(render, feature);
	}
}
