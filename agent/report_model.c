/* SPDX-License-Identifier: MIT */
/* The fleet's release, and what this host knows of its own scopes. */
#include "report_private.h"

#include <math.h>
#include <stdbool.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/threshold.h>

#include "detect.h"

int tacit_report_release(const struct tacit_report_source *source, json_t **ret)
{
	struct tacit_db *db = tacit_store_db(source->store);
	struct sqlite3_stmt *row =
		tacit_db_query(db,
			       "SELECT version, sha256, round, at_ms, length(data) FROM release"
			       " ORDER BY version DESC LIMIT 1",
			       "");
	int r = tacit_db_step(db, row);
	json_t *release;

	if (r < 0)
		return r;
	if (r == 0) /* version 0: nothing was released yet */
		release = json_pack("{s:s, s:i, s:n, s:n, s:n, s:n}", "kind",
				    source->conf->model_kind, "version", 0, "sha256", "round",
				    "released", "bytes");
	else
		release = json_pack("{s:s, s:I, s:o, s:I, s:o, s:I}", "kind",
				    source->conf->model_kind, "version",
				    (json_int_t)tacit_db_column_int(row, 0), "sha256",
				    tacit_report_text(tacit_db_column_text(row, 1)), "round",
				    (json_int_t)tacit_db_column_int(row, 2), "released",
				    tacit_report_time(tacit_db_column_int(row, 3)), "bytes",
				    (json_int_t)tacit_db_column_int(row, 4));
	if (r > 0)
		tacit_db_reset(row);
	if (!release)
		return -ENOMEM;
	*ret = release;
	return 0;
}

struct listing {
	json_t *by_name; /* borrowed: an object, which keeps the order */
	bool failed;
};

static void on_scope(void *ctx, const struct tacit_store_scope *scope)
{
	struct listing *listing = (struct listing *)ctx;
	json_t *name = tacit_report_text(scope->name);
	json_t *row =
		json_pack("{s:O?, s:o, s:I, s:o, s:I}", "name", name, "class",
			  tacit_report_text(scope->class), "windows", (json_int_t)scope->windows,
			  "last", tacit_report_time(scope->last_ms), "stored_bytes",
			  (json_int_t)scope->model_len + (json_int_t)scope->threshold_len);

	if (!name || json_object_set_new(listing->by_name, json_string_value(name), row) != 0)
		listing->failed = true;
	json_decref(name);
}

/* Puts what is in memory over what is stored. */
static int lay_over(json_t *by_name, const json_t *live)
{
	const json_t *rows = json_object_get(live, "scopes");
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));
		json_t *stored = name ? json_object_get(by_name, name) : NULL;
		int r = stored ? json_object_update(stored, row)
			: name ? json_object_set(by_name, name, row)
			       : 0;

		if (r != 0)
			return -ENOMEM;
	}
	return 0;
}

static int list_values(json_t *by_name, json_t **ret)
{
	json_t *rows = json_array();
	const char *name;
	json_t *row;

	json_object_foreach (by_name, name, row) {
		(void)name;
		if (json_array_append(rows, row) != 0) {
			json_decref(rows);
			return -ENOMEM;
		}
	}
	if (!rows)
		return -ENOMEM;
	*ret = rows;
	return 0;
}

int tacit_report_scopes(const struct tacit_report_source *source, const json_t *live, json_t **ret)
{
	json_auto_t *by_name = json_object();
	struct listing listing = { .by_name = by_name };
	int r;

	if (!by_name)
		return -ENOMEM;
	r = tacit_store_each_scope(source->store, TACIT_REPORT_SCOPES_MAX, on_scope, &listing);
	if (r < 0)
		return r;
	r = listing.failed ? -ENOMEM : lay_over(by_name, live);
	return r < 0 ? r : list_values(by_name, ret);
}

struct thresholds {
	double risk;
	double value[TACIT_STATISTIC_COUNT];
	bool known;
	bool failed; /* out of memory */
};

static void on_thresholds(void *ctx, const struct tacit_store_scope *scope)
{
	struct thresholds *thresholds = (struct thresholds *)ctx;
	struct tacit_reader reader = tacit_reader_init(scope->threshold, scope->threshold_len);

	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++) {
		TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
		int r = tacit_threshold_load((enum tacit_statistic)i, &reader, &threshold);

		thresholds->failed |= r == -ENOMEM;
		if (r < 0 ||
		    tacit_threshold_get(threshold, thresholds->risk, &thresholds->value[i]) < 0)
			return;
	}
	thresholds->known = true;
}

/* As they were when the scope was saved last; null while there are too few scores. */
static int put_thresholds(const struct tacit_report_source *source, double risk, json_t *scope)
{
	const char *name = json_string_value(json_object_get(scope, "name"));
	struct thresholds found = { .risk = risk };
	json_t *value;
	int r = tacit_store_get_scope(source->store, name, on_thresholds, &found);

	if (found.failed || (r < 0 && r != -ENOENT && r != TACIT_EDAMAGED))
		return found.failed ? -ENOMEM : r;
	value = found.known
			? json_pack("{s:o, s:o, s:o}", "distance",
				    tacit_report_real(found.value[TACIT_STATISTIC_DISTANCE]),
				    "max_z", tacit_report_real(found.value[TACIT_STATISTIC_MAX_Z]),
				    "rare", tacit_report_real(found.value[TACIT_STATISTIC_RARE]))
			: json_null();
	return tacit_report_set(scope, "thresholds", value);
}

/* How many scopes share the alerts that the operator asked for. */
static uint32_t judged_scopes(const json_t *live, const json_t *scopes)
{
	json_int_t n =
		json_integer_value(json_object_get(json_object_get(live, "windows"), "scopes"));

	if (n < 1)
		n = (json_int_t)json_array_size(scopes);
	return n < 1 ? 1 : (uint32_t)n;
}

static int put_scopes(const struct tacit_report_source *source, json_t *document)
{
	json_auto_t *live = tacit_report_live(source);
	json_auto_t *scopes = NULL;
	json_t *scope;
	double risk;
	size_t i;
	int r = live ? tacit_report_scopes(source, live, &scopes) : -ENOMEM;

	if (r < 0)
		return r;
	risk = tacit_detect_risk(source->conf->alerts_per_day, source->conf->window_ms,
				 judged_scopes(live, scopes));
	json_array_foreach (scopes, i, scope) {
		r = put_thresholds(source, risk, scope);
		if (r < 0)
			return r;
	}
	r = tacit_report_set(document, "risk", json_real(risk));
	return r < 0 ? r : tacit_report_set(document, "scopes", json_incref(scopes));
}

int tacit_report_model(const struct tacit_report_source *source, json_t **ret)
{
	json_auto_t *document = tacit_report_begin(source);
	json_t *release = NULL;
	int r = document ? tacit_report_release(source, &release) : -ENOMEM;

	if (r == 0)
		r = tacit_report_set(document, "model", release);
	if (r == 0)
		r = tacit_report_set(document, "alerts_per_day",
				     json_real(source->conf->alerts_per_day));
	if (r == 0)
		r = put_scopes(source, document);
	if (r == 0)
		*ret = json_incref(document);
	return r;
}
