/* SPDX-License-Identifier: MIT */
/* What was learned, and what is looked at. */
#include "view.h"

#include <string.h>

#include <tacit/feature.h>

static void put_release(const struct tacit_render *render, const json_t *model)
{
	json_int_t version = tacit_render_int_at(model, "version");
	char at[TACIT_RENDER_TEXT], size[TACIT_RENDER_TEXT];

	tacit_render_label(render, "kind");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s\n", tacit_render_text_at(model, "kind"));
	tacit_render_label(render, "release");
	if (version == 0) {
		tacit_render_put(render, TACIT_STYLE_PLAIN, "none from the fleet yet\n");
		return;
	}
	tacit_render_put(render, TACIT_STYLE_PLAIN,
			 "%" JSON_INTEGER_FORMAT ", of round %" JSON_INTEGER_FORMAT ", %s, %s\n",
			 version, tacit_render_int_at(model, "round"),
			 tacit_render_time(tacit_render_at(model, "released"), at),
			 tacit_render_bytes(tacit_render_int_at(model, "bytes"), size));
	tacit_render_label(render, "sha256");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s\n", tacit_render_text_at(model, "sha256"));
}

static const char *number_or_dash(const json_t *scope, const char *path,
				  char text[TACIT_RENDER_TEXT])
{
	const json_t *value = tacit_render_at(scope, path);

	return json_is_number(value) ? tacit_render_number(json_number_value(value), text) : "-";
}

/* "few" where the fleet has too few hosts of the class to say anything. */
static const char *prior_of(const json_t *scope, char text[TACIT_RENDER_TEXT])
{
	if (strcmp(tacit_render_text_at(scope, "fleet"), "too few hosts") == 0)
		return "few";
	return number_or_dash(scope, "prior", text);
}

static void put_scope(const struct tacit_render *render, const json_t *scope)
{
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT], c[TACIT_RENDER_TEXT], d[TACIT_RENDER_TEXT];
	char e[TACIT_RENDER_TEXT];

	tacit_render_put(render, TACIT_STYLE_PLAIN, "  %-24.24s %-15.15s %8s %5s %8s %6s %5s\n",
			 tacit_render_text_at(scope, "name"), tacit_render_text_at(scope, "class"),
			 tacit_render_count(tacit_render_int_at(scope, "windows"), a),
			 prior_of(scope, b),
			 number_or_dash(scope, "thresholds.distance", c),
			 number_or_dash(scope, "thresholds.max_z", d),
			 number_or_dash(scope, "thresholds.rare", e));
}

void tacit_view_model(const struct tacit_render *render, const json_t *document)
{
	const json_t *scopes = tacit_render_at(document, "scopes");
	const json_t *scope;
	char text[TACIT_RENDER_TEXT];
	size_t i;

	put_release(render, tacit_render_at(document, "model"));
	tacit_render_label(render, "alerts");
	tacit_render_put(
		render, TACIT_STYLE_PLAIN, "aims for %s false alarms a day\n",
		tacit_render_number(tacit_render_real_at(document, "alerts_per_day"), text));
	tacit_render_put(render, TACIT_STYLE_BOLD, "\n  %-24s %-15s %8s %5s %8s %6s %5s\n", "Scope",
			 "Class", "Windows", "Prior", "Distance", "|z|", "Rare");
	json_array_foreach (scopes, i, scope) {
		put_scope(render, scope);
	}
	tacit_render_put(render, TACIT_STYLE_DIM, "\n  ");
	tacit_render_wrap(render, TACIT_STYLE_DIM, 2,
			  "Windows: learned from. Prior: what the fleet's word on the class is "
			  "worth, in windows; 'few': too few hosts run it for noise not to drown "
			  "them. Distance, |z|, Rare: the scores above which a window is "
			  "anomalous; '-' while there are too few scores.");
}

static const char *mark_of(const json_t *feature, enum tacit_style *style)
{
	const json_t *observed = tacit_render_at(feature, "observed");

	*style = json_is_true(observed)	   ? TACIT_STYLE_GOOD
		 : json_is_false(observed) ? TACIT_STYLE_BAD
					   : TACIT_STYLE_DIM;
	return json_is_true(observed) ? "yes" : json_is_false(observed) ? "no" : "?";
}

static void put_feature(const struct tacit_render *render, const json_t *feature)
{
	enum tacit_style style;
	const char *mark = mark_of(feature, &style);

	tacit_render_put(render, TACIT_STYLE_PLAIN, "  ");
	tacit_render_put(render, style, "%-4s", mark);
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%-27s ",
			 tacit_render_text_at(feature, "name"));
	tacit_render_wrap(render, TACIT_STYLE_DIM, 34, tacit_render_text_at(feature, "doc"));
}

static bool is_of(const json_t *feature, const char *group)
{
	return strcmp(tacit_render_text_at(feature, "group"), group) == 0;
}

static bool begins_group(const json_t *features, size_t at, const char *group)
{
	for (size_t i = 0; i < at; i++)
		if (is_of(json_array_get(features, i), group))
			return false;
	return true;
}

/* The table is in the programs' order, its reader thinks in groups. */
void tacit_view_features(const struct tacit_render *render, const json_t *document)
{
	const json_t *features = tacit_render_at(document, "features");
	const json_t *first, *feature;
	size_t i, k;

	json_array_foreach (features, i, first) {
		const char *group = tacit_render_text_at(first, "group");

		if (!begins_group(features, i, group))
			continue;
		tacit_render_put(render, TACIT_STYLE_BOLD, "%s%s\n", i ? "\n" : "", group);
		json_array_foreach (features, k, feature)
			if (is_of(feature, group))
				put_feature(render, feature);
	}
	tacit_render_put(render, TACIT_STYLE_PLAIN,
			 "\n%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
			 " observed on this host; `tacit status` says why the others are not.\n",
			 tacit_render_int_at(document, "observed"),
			 tacit_render_int_at(document, "total"));
}

static const char *transform_name(enum tacit_transform transform)
{
	switch (transform) {
	case TACIT_TRANSFORM_LOG1P:
		return "log(1 + x)";
	case TACIT_TRANSFORM_LOG1P_KILO:
		return "log(1 + x/1000)";
	}
	return "?";
}

void tacit_view_features_markdown(FILE *out)
{
	(void)fprintf(
		out,
		"# Features\n\n"
		"Generated by `tacit features --markdown` from `include/tacit/feature.h`; "
		"do not edit.\n\nA window holds, for each scope, the increase of every "
		"counter below. The features of one probe are missing\ntogether when a "
		"kernel does not have its attach point; `tacit status` says which and why. "
		"Linux is the first\nkernel, from 5.10 on, that can have it.\n\n"
		"%d features, %d probes. The deep tier adds the system-call hook to the "
		"light one.\n\n"
		"| feature | unit | transform | tier | attach point | Linux | what it counts |\n"
		"|---|---|---|---|---|---|---|\n",
		TACIT_FEATURE_COUNT, TACIT_PROBE_COUNT);
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		const struct tacit_feature *feature = tacit_feature_get(i);
		const struct tacit_probe *probe = tacit_probe_get(feature->probe);

		(void)fprintf(out, "| `%s` | %s | %s | %s | `%s` | %s | %s |\n", feature->name,
			      feature->unit, transform_name(feature->transform),
			      probe->tier == TACIT_TIER_DEEP ? "deep" : "light", probe->attach,
			      probe->since, feature->doc);
	}
}
