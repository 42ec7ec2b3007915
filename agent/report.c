/* SPDX-License-Identifier: MIT */
/* Status and features, what every document shares, and the choice of a verb. */
#include "report_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <tacit/clock.h>
#include <tacit/feature.h>

#define LIMIT_DEFAULT 20
#define LIVE_MAX      65536U

json_t *tacit_report_time(int64_t wall_ms)
{
	char text[TACIT_RFC3339_LEN];

	if (wall_ms <= 0)
		return json_null();
	tacit_clock_rfc3339(wall_ms, text);
	return json_string(text);
}

json_t *tacit_report_text(const char *text)
{
	TACIT_AUTO_FREE char *ascii = NULL;
	json_t *string;

	if (!text || text[0] == '\0')
		return json_null();
	string = json_string(text);
	if (string)
		return string;
	ascii = tacit_strdup(text);
	for (char *c = ascii; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(ascii);
}

json_t *tacit_report_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

int tacit_report_set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

json_t *tacit_report_begin(const struct tacit_report_source *source)
{
	return json_pack("{s:s, s:o, s:s}", "tacit", TACIT_VERSION, "at",
			 tacit_report_time(source->now_ms), "source",
			 source->live ? "daemon" : "database");
}

json_t *tacit_report_live(const struct tacit_report_source *source)
{
	TACIT_AUTO_FREE char *text = NULL;
	json_t *live = NULL;

	if (source->live)
		return json_deep_copy(source->live);
	if (source->store &&
	    tacit_store_get_text(source->store, TACIT_REPORT_META_LIVE, &text) == 0 &&
	    strlen(text) <= LIVE_MAX)
		live = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(live))
		return live;
	json_decref(live);
	return json_object();
}

/* A copy of @live's member, or an empty object: what nobody ever said. */
static json_t *part(const json_t *live, const char *key)
{
	json_t *value = json_object_get(live, key);

	return json_is_object(value) ? json_copy(value) : json_object();
}

/* Puts @fallback (consumed) where @object has no @key. */
static int fill(json_t *object, const char *key, json_t *fallback)
{
	if (!fallback)
		return -ENOMEM;
	if (json_object_get(object, key)) {
		json_decref(fallback);
		return 0;
	}
	return tacit_report_set(object, key, fallback);
}

static const char *tier_name(const struct tacit_report_source *source)
{
	static const char *const names[] = {
		[TACIT_SENSOR_LIGHT] = "light",
		[TACIT_SENSOR_DEEP] = "deep",
		[TACIT_SENSOR_NONE] = "none",
	};

	return names[source->conf->sensor_tier];
}

static int put_daemon(const struct tacit_report_source *source, const json_t *live, json_t *into)
{
	json_auto_t *daemon = part(live, "daemon");
	int r = daemon ? tacit_report_set(daemon, "running", json_boolean(source->live)) : -ENOMEM;

	if (r == 0 && !source->live)
		r = tacit_report_set(daemon, "pid", json_null());
	if (r == 0)
		r = tacit_report_set(into, "daemon", json_incref(daemon));
	return r;
}

static int put_host(const json_t *live, json_t *into)
{
	json_auto_t *host = part(live, "host");
	int r = host ? fill(host, "id", json_null()) : -ENOMEM;

	if (r == 0)
		r = fill(host, "enrolled", json_false());
	if (r == 0)
		r = fill(host, "aggregator", json_null());
	if (r == 0)
		r = fill(host, "certificate", json_null());
	if (r == 0)
		r = tacit_report_set(into, "host", json_incref(host));
	return r;
}

static int put_sensor(const struct tacit_report_source *source, const json_t *live, json_t *into)
{
	json_auto_t *sensor = part(live, "sensor");
	int r = sensor ? fill(sensor, "tier", json_string(tier_name(source))) : -ENOMEM;

	if (r == 0)
		r = fill(sensor, "features_observed", json_integer(0));
	if (r == 0)
		r = fill(sensor, "features_total", json_integer(TACIT_FEATURE_COUNT));
	if (r == 0)
		r = fill(sensor, "dropped", json_integer(0));
	if (r == 0)
		r = fill(sensor, "probes", json_array());
	if (r == 0)
		r = tacit_report_set(into, "sensor", json_incref(sensor));
	return r;
}

/* What the daemon counted since its last save is not in the store yet. */
static int put_windows(const struct tacit_report_source *source, const json_t *live,
		       const struct tacit_store_counts *counts, json_t *into)
{
	json_auto_t *windows = source->live ? part(live, "windows") : json_object();
	int r = windows ? fill(windows, "count", json_integer((json_int_t)counts->windows))
			: -ENOMEM;

	if (r == 0)
		r = fill(windows, "last", tacit_report_time(counts->last_window_ms));
	if (r == 0)
		r = fill(windows, "length_ms", json_integer(source->conf->window_ms));
	if (r == 0)
		r = tacit_report_set(into, "windows", json_incref(windows));
	return r;
}

static int put_uplink(const struct tacit_report_source *source, const json_t *live, json_t *into)
{
	json_auto_t *uplink = part(live, "uplink");
	int r = uplink ? tacit_report_set(uplink, "enabled",
					  json_boolean(source->conf->uplink_enabled))
		       : -ENOMEM;

	if (r == 0)
		r = fill(uplink, "last_ok", json_null());
	if (r == 0)
		r = fill(uplink, "last_error", json_null());
	if (r == 0 && !source->live) /* what it meant to do next, it will not do */
		r = tacit_report_set(uplink, "state", json_null());
	if (r == 0 && !source->live)
		r = tacit_report_set(uplink, "next", json_null());
	if (r == 0)
		r = tacit_report_set(into, "uplink", json_incref(uplink));
	return r;
}

static int put_store(const struct tacit_report_source *source,
		     const struct tacit_store_counts *counts, json_t *into)
{
	TACIT_AUTO_FREE char *aside = NULL;
	int64_t aside_ms = 0, lost_ms = 0;
	json_t *store;

	if (tacit_store_get_text(source->store, "aside", &aside) == 0)
		(void)!tacit_store_get_int(source->store, "aside_ms", &aside_ms);
	(void)!tacit_store_get_int(source->store, "ledger_lost_ms", &lost_ms);
	store = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "bytes", (json_int_t)counts->bytes,
			  "samples", (json_int_t)counts->samples, "skipped_rows",
			  (json_int_t)tacit_store_skipped(source->store), "damaged_file",
			  tacit_report_text(aside), "damaged_at", tacit_report_time(aside_ms),
			  "ledger_lost_at", tacit_report_time(lost_ms));
	return tacit_report_set(into, "store", store);
}

/* The parts that only the store knows, each made by its own function. */
static int put_part(const struct tacit_report_source *source, const char *key,
		    int (*make)(const struct tacit_report_source *, json_t **), json_t *into)
{
	json_t *value = NULL;
	int r = make(source, &value);

	return r < 0 ? r : tacit_report_set(into, key, value);
}

static int put_all(const struct tacit_report_source *source, const json_t *live,
		   const struct tacit_store_counts *counts, json_t *into)
{
	json_t *scopes = NULL;
	int r = put_daemon(source, live, into);

	if (r == 0)
		r = put_host(live, into);
	if (r == 0)
		r = put_sensor(source, live, into);
	if (r == 0)
		r = put_windows(source, live, counts, into);
	if (r == 0)
		r = put_part(source, "model", tacit_report_release, into);
	if (r == 0)
		r = put_part(source, "privacy", tacit_report_budget, into);
	if (r == 0)
		r = put_uplink(source, live, into);
	if (r == 0)
		r = tacit_report_set(into, "anomalies",
				     json_pack("{s:I, s:I}", "last_24h",
					       (json_int_t)counts->anomalies_since, "stored",
					       (json_int_t)counts->anomalies));
	if (r == 0)
		r = put_store(source, counts, into);
	if (r == 0)
		r = tacit_report_scopes(source, live, &scopes);
	if (r == 0)
		r = tacit_report_set(into, "scopes", scopes);
	return r;
}

int tacit_report_status(const struct tacit_report_source *source, json_t **ret)
{
	json_auto_t *live = tacit_report_live(source);
	json_auto_t *document = tacit_report_begin(source);
	struct tacit_store_counts counts;
	int r;

	if (!live || !document)
		return -ENOMEM;
	r = tacit_store_counts(source->store, source->now_ms - TACIT_REPORT_DAY_MS, &counts);
	if (r == 0)
		r = put_all(source, live, &counts, document);
	if (r == 0)
		*ret = json_incref(document);
	return r;
}

/* The saved or live word on @program; NULL when nothing is known. */
static const json_t *find_probe(const json_t *live, const char *program)
{
	const json_t *probes = json_object_get(json_object_get(live, "sensor"), "probes");
	const json_t *probe;
	size_t i;

	json_array_foreach (probes, i, probe) {
		const char *name = json_string_value(json_object_get(probe, "program"));

		if (name && strcmp(name, program) == 0)
			return probe;
	}
	return NULL;
}

static json_t *feature_json(unsigned id, const json_t *live)
{
	const struct tacit_feature *feature = tacit_feature_get(id);
	const struct tacit_probe *probe = tacit_probe_get(feature->probe);
	const json_t *known = find_probe(live, probe->program);
	json_t *observed = json_object_get(known, "observed");

	return json_pack("{s:s, s:s, s:s, s:s%, s:s, s:s, s:s, s:s, s:O?, s:O?}", "name",
			 feature->name, "unit", feature->unit, "doc", feature->doc, "group",
			 feature->name, tacit_feature_group_len(id), "tier",
			 probe->tier == TACIT_TIER_DEEP ? "deep" : "light", "program",
			 probe->program, "attach", probe->attach, "since", probe->since, "observed",
			 observed, "reason", json_object_get(known, "reason"));
}

int tacit_report_features(const struct tacit_report_source *source, json_t **ret)
{
	json_auto_t *live = tacit_report_live(source);
	json_auto_t *document = tacit_report_begin(source);
	json_auto_t *features = json_array();
	json_int_t observed = 0;

	if (!live || !document || !features)
		return -ENOMEM;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		json_t *feature = feature_json(i, live);

		if (json_array_append_new(features, feature) != 0)
			return -ENOMEM;
		observed += json_is_true(json_object_get(feature, "observed"));
	}
	if (tacit_report_set(document, "observed", json_integer(observed)) < 0 ||
	    tacit_report_set(document, "total", json_integer(TACIT_FEATURE_COUNT)) < 0 ||
	    tacit_report_set(document, "features", json_incref(features)) < 0)
		return -ENOMEM;
	*ret = json_incref(document);
	return 0;
}

/* An integer parameter within @min..@max; @fallback when it is not given. */
static int parameter(const json_t *request, const char *key, json_int_t min, json_int_t max,
		     json_int_t fallback, json_int_t *ret, char *why, size_t size)
{
	const json_t *value = json_object_get(request, key);
	json_int_t number = value ? json_integer_value(value) : fallback;

	if ((value && !json_is_integer(value)) || number < min || number > max) {
		(void)snprintf(why, size,
			       "\"%s\" is not a whole number from %" JSON_INTEGER_FORMAT
			       " to %" JSON_INTEGER_FORMAT,
			       key, min, max);
		return -EINVAL;
	}
	*ret = number;
	return 0;
}

static int request_anomalies(const struct tacit_report_source *source, const json_t *request,
			     json_t **ret, char *why, size_t size)
{
	json_int_t since, limit;
	int r = parameter(request, "since_ms", 0, INT64_MAX, source->now_ms - TACIT_REPORT_DAY_MS,
			  &since, why, size);

	if (r == 0)
		r = parameter(request, "limit", 1, TACIT_REPORT_ANOMALIES_MAX, LIMIT_DEFAULT,
			      &limit, why, size);
	return r < 0 ? r : tacit_report_anomalies(source, since, (uint32_t)limit, ret);
}

static int request_explain(const struct tacit_report_source *source, const json_t *request,
			   json_t **ret, char *why, size_t size)
{
	json_int_t id;
	int r = parameter(request, "id", 0, INT64_MAX, 0, &id, why, size);

	if (r == 0)
		r = tacit_report_explain(source, id, ret);
	if (r == -ENOENT && id == 0)
		(void)snprintf(why, size, "there are no anomalies");
	else if (r == -ENOENT)
		(void)snprintf(why, size, "there is no anomaly %" JSON_INTEGER_FORMAT, id);
	return r;
}

int tacit_report_request(const struct tacit_report_source *source, const char *verb,
			 const json_t *request, json_t **ret, char *why, size_t size)
{
	static const struct {
		const char *verb;
		int (*make)(const struct tacit_report_source *source, json_t **ret);
	} plain[] = {
		{ "status", tacit_report_status },
		{ "model", tacit_report_model },
		{ "privacy", tacit_report_privacy },
		{ "features", tacit_report_features },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(plain); i++)
		if (strcmp(verb, plain[i].verb) == 0)
			return plain[i].make(source, ret);
	if (strcmp(verb, "anomalies") == 0)
		return request_anomalies(source, request, ret, why, size);
	if (strcmp(verb, "explain") == 0)
		return request_explain(source, request, ret, why, size);
	return -ENOSYS;
}
