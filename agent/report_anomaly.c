/* SPDX-License-Identifier: MIT */
/* What was odd, and why. */
#include "report_private.h"

#include <stdbool.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/feature.h>

#define CAUSES_NAMED 3U

static const char *const statistics[TACIT_STATISTIC_COUNT] = {
	[TACIT_STATISTIC_DISTANCE] = "distance",
	[TACIT_STATISTIC_MAX_Z] = "max_z",
	[TACIT_STATISTIC_RARE] = "rare",
};

/* Rows are read one after another; the first failure ends it. */
struct listing {
	json_t *array; /* borrowed */
	bool detailed;
	bool failed; /* out of memory */
};

/* What detect wrote; an empty object when it cannot be read. */
static json_t *load_detail(const struct tacit_anomaly *anomaly)
{
	json_t *detail =
		json_loads(anomaly->detail ? anomaly->detail : "", JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(detail))
		return detail;
	json_decref(detail);
	return json_object();
}

/* The names of the first in one of the detail's lists. */
static json_t *name_first(const json_t *detail, const char *list)
{
	const json_t *entries = json_object_get(detail, list);
	json_t *names = json_array();

	for (size_t i = 0; names && i < json_array_size(entries) && i < CAUSES_NAMED; i++) {
		json_t *name = json_object_get(json_array_get(entries, i), "name");

		if (name)
			(void)json_array_append(names, name);
	}
	return names;
}

static json_t *summarise(const struct tacit_anomaly *anomaly, const json_t *detail)
{
	return json_pack(
		"{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:s, s:o, s:o, s:I, s:b, s:b, s:o, s:o}",
		"id", (json_int_t)anomaly->id, "scope", tacit_report_text(anomaly->scope), "class",
		tacit_report_text(anomaly->class), "state",
		tacit_anomaly_state_name(anomaly->state), "start",
		tacit_report_time(anomaly->start_ms), "end", tacit_report_time(anomaly->end_ms),
		"peak", tacit_report_time(anomaly->peak_ms), "windows",
		(json_int_t)anomaly->windows, "statistic", statistics[anomaly->statistic], "value",
		tacit_report_real(anomaly->peak), "threshold",
		tacit_report_real(anomaly->threshold), "model_version",
		(json_int_t)anomaly->model_version, "accepted",
		json_is_true(json_object_get(detail, "accepted")), "expected",
		json_is_true(json_object_get(detail, "expected")), "causes",
		name_first(detail, "features"), "programs", name_first(detail, "processes"));
}

/* Adds what the feature table knows of it: this host may have been updated since. */
static int describe_features(json_t *detail)
{
	json_t *features = json_object_get(detail, "features");
	json_t *feature;
	size_t i;

	json_array_foreach (features, i, feature) {
		const char *name = json_string_value(json_object_get(feature, "name"));
		int id = name ? tacit_feature_find(name) : -ENOENT;

		if (id >= 0 && tacit_report_set(feature, "doc",
						json_string(tacit_feature_get((unsigned)id)->doc)))
			return -ENOMEM;
	}
	return 0;
}

static void on_anomaly(void *ctx, const struct tacit_anomaly *anomaly)
{
	struct listing *listing = (struct listing *)ctx;
	json_auto_t *detail = listing->failed ? NULL : load_detail(anomaly);
	json_t *summary = detail ? summarise(anomaly, detail) : NULL;

	if (!summary || json_array_append_new(listing->array, summary) != 0) {
		listing->failed = true;
		return;
	}
	if (listing->detailed &&
	    (describe_features(detail) < 0 || json_object_update_missing(summary, detail) != 0))
		listing->failed = true;
}

int tacit_report_anomalies(const struct tacit_report_source *source, int64_t since_ms, uint32_t max,
			   json_t **ret)
{
	json_auto_t *document = tacit_report_begin(source);
	json_auto_t *array = json_array();
	struct listing listing = { .array = array };
	struct tacit_store_counts counts;
	int r = array && document ? 0 : -ENOMEM;

	if (r == 0)
		r = tacit_store_counts(source->store, since_ms, &counts);
	if (r == 0)
		r = tacit_store_each_anomaly(source->store, since_ms, max, on_anomaly, &listing);
	if (r < 0)
		return r;
	if (listing.failed ||
	    tacit_report_set(document, "since", tacit_report_time(since_ms)) < 0 ||
	    tacit_report_set(document, "total", json_integer((json_int_t)counts.anomalies_since)) <
		    0 ||
	    tacit_report_set(document, "anomalies", json_incref(array)) < 0)
		return -ENOMEM;
	*ret = json_incref(document);
	return 0;
}

int tacit_report_explain(const struct tacit_report_source *source, int64_t id, json_t **ret)
{
	json_auto_t *document = tacit_report_begin(source);
	json_auto_t *array = json_array();
	struct listing listing = { .array = array, .detailed = true };
	int r = array && document ? 0 : -ENOMEM;

	if (r == 0 && id == 0)
		r = tacit_store_each_anomaly(source->store, 0, 1, on_anomaly, &listing);
	else if (r == 0)
		r = tacit_store_get_anomaly(source->store, id, on_anomaly, &listing);
	if (r < 0)
		return r;
	if (listing.failed)
		return -ENOMEM;
	if (json_array_size(array) == 0)
		return -ENOENT;
	if (tacit_report_set(document, "anomaly", json_incref(json_array_get(array, 0))) < 0)
		return -ENOMEM;
	*ret = json_incref(document);
	return 0;
}
