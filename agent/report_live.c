/* SPDX-License-Identifier: MIT */
/* What only the running daemon knows: its sensor, its uplink, itself. */
#include "report_private.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <tacit/cleanup.h>
#include <tacit/clock.h>
#include <tacit/feature.h>
#include <tacit/x509.h>

#include "confine.h"
#include "daemon.h"
#include "harden.h"
#include "identity.h"
#include "learner.h"
#include "participant.h"
#include "sensor.h"

#define US_PER_SEC 1e6

static double cpu_sec(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / US_PER_SEC;
}

/* Resident bytes, and those of them that belong to no file. Zeroes when /proc does not say. */
static void memory_bytes(json_int_t *ret_resident, json_int_t *ret_anonymous)
{
	long size = 0, resident = 0, shared = 0, page = sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");

	*ret_resident = *ret_anonymous = 0;
	if (!f)
		return;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it */
	if (fscanf(f, "%ld %ld %ld", &size, &resident, &shared) == 3) {
		*ret_resident = (json_int_t)resident * page;
		*ret_anonymous = (json_int_t)(resident - shared) * page;
	}
	(void)fclose(f);
}

static json_t *lacks_json(const struct tacit_confine_status *status)
{
	json_t *lacks = json_array();
	const char *what;

	for (unsigned i = 0; lacks && (what = tacit_confine_lack(status, i)); i++)
		if (json_array_append_new(lacks, json_string(what)) != 0) {
			json_decref(lacks);
			return NULL;
		}
	return lacks;
}

/* What the process holds is asked, not remembered; what confines it cannot be taken away. */
static json_t *confinement_json(const struct tacit_confine_status *status)
{
	const char *held = "some";

	if (!status)
		return json_object();
	if (tacit_harden_verify(false, NULL, 0) == 0)
		held = "none";
	else if (tacit_harden_verify(true, NULL, 0) == 0)
		held = "CAP_BPF";
	return json_pack("{s:s, s:b, s:i, s:o}", "capabilities", held, "seccomp",
			 status->calls == 0, "landlock", status->files > 0 ? status->files : 0,
			 "lacks", lacks_json(status));
}

static json_t *daemon_json(const struct tacit_daemon *daemon, int64_t now_ms)
{
	struct tacit_daemon_status status;
	json_int_t resident, anonymous;
	double cpu = cpu_sec(), uptime;

	tacit_daemon_status(daemon, &status);
	memory_bytes(&resident, &anonymous);
	uptime = now_ms > status.started_ms ? (double)(now_ms - status.started_ms) / 1000 : 0;
	return json_pack("{s:i, s:o, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "pid", (int)getpid(), "started", tacit_report_time(status.started_ms),
			 "uptime_sec", uptime, "cpu_sec", cpu, "cpu_percent",
			 uptime > 0 ? 100 * cpu / uptime : 0, "memory_bytes", resident,
			 "memory_anonymous_bytes", anonymous, "ticks", (json_int_t)status.ticks,
			 "late_ticks", (json_int_t)status.late_ticks, "late_max_ms",
			 (json_int_t)status.late_max_ms, "tick_us", (json_int_t)status.tick_us,
			 "failed", (json_int_t)status.failed, "said", tacit_report_time(now_ms),
			 "confinement", confinement_json(tacit_daemon_confine(daemon)));
}

static json_t *windows_json(struct tacit_daemon *daemon)
{
	struct tacit_daemon_status status;

	tacit_daemon_status(daemon, &status);
	return json_pack("{s:I, s:o, s:I, s:I, s:I}", "count", (json_int_t)status.windows_total,
			 "last", tacit_report_time(status.last_window_ms), "length_ms",
			 (json_int_t)tacit_daemon_conf(daemon)->window_ms, "since_start",
			 (json_int_t)status.windows, "scopes",
			 (json_int_t)tacit_learner_scopes(tacit_daemon_learner(daemon)));
}

static json_t *host_json(const struct tacit_identity *identity)
{
	struct tacit_identity_life life;
	json_t *certificate;

	if (!identity)
		return json_object();
	if (!tacit_identity_is_enrolled(identity))
		return json_pack("{s:s, s:b, s:n, s:n}", "id", tacit_identity_host(identity),
				 "enrolled", 0, "aggregator", "certificate");
	tacit_identity_life(identity, &life);
	certificate = json_pack("{s:o, s:o, s:o}", "from", tacit_report_time(life.from_ms), "until",
				tacit_report_time(life.until_ms), "renew",
				tacit_report_time(life.renew_ms));
	return json_pack("{s:s, s:b, s:s, s:o}", "id", tacit_identity_host(identity), "enrolled", 1,
			 "aggregator", tacit_identity_url(identity), "certificate", certificate);
}

static json_t *probe_json(unsigned id, const struct tacit_sensor_probe *state)
{
	const struct tacit_probe *probe = tacit_probe_get(id);

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "program", probe->program,
			 "group", probe->group, "tier",
			 probe->tier == TACIT_TIER_DEEP ? "deep" : "light", "attach", probe->attach,
			 "observed", state->observed, "instructions",
			 state->instructions ? json_integer(state->instructions) : json_null(),
			 "reason", tacit_report_text(state->why), "remedy",
			 tacit_report_text(state->remedy));
}

json_t *tacit_report_probes(const struct tacit_sensor_status *status)
{
	json_t *probes = json_array();

	for (unsigned i = 0; probes && i < TACIT_PROBE_COUNT; i++)
		if (json_array_append_new(probes, probe_json(i, &status->probe[i])) != 0) {
			json_decref(probes);
			return NULL;
		}
	return probes;
}

/* What sensing costs, and what is left of it when the daemon ends. */
static json_t *overhead_json(const struct tacit_sensor_status *status)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "budget_pct", status->budget_pct,
			 "cost_pct", status->cost_pct, "hooked_call_ns", status->call_ns,
			 "hooked_share", status->duty_permille / 1000.0, "drain_ms",
			 (double)status->drain_ns / 1e6, "open_ms", (double)status->open_ns / 1e6);
}

static const char *hierarchy_name(enum tacit_hierarchy hierarchy)
{
	static const char *const names[] = {
		[TACIT_HIERARCHY_UNIFIED] = "cgroup2",
		[TACIT_HIERARCHY_LEGACY] = "cgroup1 pids",
		[TACIT_HIERARCHY_NONE] = "none",
	};

	return names[hierarchy];
}

static json_t *sensor_json(const struct tacit_sensor *sensor)
{
	struct tacit_sensor_status status;
	uint64_t dropped = 0;

	if (!sensor)
		return json_object();
	tacit_sensor_status(sensor, &status);
	for (size_t i = 0; i < TACIT_DROP_COUNT; i++)
		dropped += status.dropped[i];
	return json_pack(
		"{s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:s, "
		"s:b, s:b, s:s, s:o, s:o}",
		"tier", status.tier == TACIT_TIER_DEEP ? "deep" : "light", "features_observed",
		(json_int_t)status.features_observed, "features_total",
		(json_int_t)status.features_total, "dropped", (json_int_t)dropped, "drops",
		"no_slot", (json_int_t)status.dropped[TACIT_DROP_SLOT], "no_task_storage",
		(json_int_t)status.dropped[TACIT_DROP_STORAGE], "no_wake",
		(json_int_t)status.dropped[TACIT_DROP_WAKE], "services",
		(json_int_t)status.services, "slots_used", (json_int_t)status.slots_used,
		"slots_max", (json_int_t)status.slots_max, "map_bytes",
		(json_int_t)status.map_bytes, "program_ns", (json_int_t)status.program_ns,
		"hierarchy", hierarchy_name(status.hierarchy), "taken_over", status.adopted,
		"outlives_daemon", status.pinned, "outlives_not", status.pin_why, "overhead",
		overhead_json(&status), "probes", tacit_report_probes(&status));
}

static json_t *uplink_json(const struct tacit_participant *participant)
{
	struct tacit_participant_status status;

	if (!participant)
		return json_object();
	tacit_participant_status(participant, &status);
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:o, s:I, s:I, s:I}", "state",
			 tacit_participant_state_name(status.state), "last_ok",
			 tacit_report_time(status.last_ok_ms), "last_error",
			 tacit_report_text(status.last_error), "last_error_at",
			 tacit_report_time(status.last_error_ms), "failing", status.failing,
			 "certificate_expired", status.expired, "next",
			 tacit_report_time(status.next_ms), "round", (json_int_t)status.round,
			 "accepted", (json_int_t)status.accepted, "releases",
			 (json_int_t)status.releases);
}

struct listing {
	json_t *scopes; /* borrowed */
	bool failed;
};

static void on_scope(void *ctx, const struct tacit_learner_info *info)
{
	struct listing *listing = (struct listing *)ctx;
	json_t *row = json_pack(
		"{s:o, s:o, s:I, s:o, s:s?, s:I, s:I}", "name", tacit_report_text(info->scope),
		"class", tacit_report_text(info->class), "windows", (json_int_t)info->model.windows,
		"prior", tacit_report_real(info->model.prior), "fleet", info->fleet, "scores",
		(json_int_t)info->scores, "bytes", (json_int_t)info->bytes);

	if (json_array_append_new(listing->scopes, row) != 0)
		listing->failed = true;
}

static json_t *scopes_json(const struct tacit_learner *learner)
{
	json_t *scopes = json_array();
	struct listing listing = { .scopes = scopes };

	if (scopes)
		tacit_learner_each(learner, on_scope, &listing);
	if (!listing.failed)
		return scopes;
	json_decref(scopes);
	return NULL;
}

/* Without the scopes: the store knows those. */
static json_t *gather(struct tacit_daemon *daemon, int64_t now_ms)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "daemon", daemon_json(daemon, now_ms), "host",
			 host_json(tacit_daemon_identity(daemon)), "sensor",
			 sensor_json(tacit_daemon_sensor(daemon)), "windows", windows_json(daemon),
			 "uplink", uplink_json(tacit_daemon_participant(daemon)));
}

int tacit_report_save(struct tacit_daemon *daemon)
{
	json_auto_t *live = gather(daemon, tacit_clock_wall_ms());
	size_t len = json_dumpb(live, NULL, 0, JSON_COMPACT);
	TACIT_AUTO_FREE char *text = (char *)tacit_calloc(len + 1, 1);

	if (len == 0 || !text || json_dumpb(live, text, len, JSON_COMPACT) != len)
		return -ENOMEM;
	return tacit_store_set_text(tacit_daemon_store(daemon), TACIT_REPORT_META_LIVE, text);
}

static int enroll(struct tacit_daemon *daemon, const json_t *request, json_t **ret, char *why,
		  size_t size)
{
	struct tacit_participant *participant = tacit_daemon_participant(daemon);
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	const json_t *text = json_object_get(request, "token");
	json_t *document;
	int r;

	if (!participant) {
		(void)snprintf(why, size, "this host keeps to itself: uplink.enabled is no");
		return TACIT_EREFUSED;
	}
	if (!json_is_string(text)) {
		(void)snprintf(why, size, "\"token\" is missing");
		return -EINVAL;
	}
	r = tacit_token_parse(json_string_value(text), json_string_length(text), &token, why, size);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): jansson owns the bytes, and they are secret */
	tacit_identity_wipe((char *)(uintptr_t)json_string_value(text));
	if (r < 0)
		return r;
	document = json_pack("{s:s, s:b}", "aggregator", token.url, "begun", 1);
	if (!document)
		return -ENOMEM;
	tacit_participant_enrol(participant, &token);
	*ret = document;
	return 0;
}

int tacit_report_answer(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
			size_t size)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	int64_t now_ms = tacit_clock_wall_ms();
	struct tacit_report_source source = { .store = tacit_daemon_store(daemon),
					      .conf = tacit_daemon_conf(daemon),
					      .now_ms = now_ms };
	json_auto_t *live = NULL;

	if (strcmp(verb, "enroll") == 0)
		return enroll(daemon, request, ret, why, size);
	live = gather(daemon, now_ms);
	if (!live ||
	    tacit_report_set(live, "scopes", scopes_json(tacit_daemon_learner(daemon))) < 0)
		return -ENOMEM;
	source.live = live;
	return tacit_report_request(&source, verb, request, ret, why, size);
}
