/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define HOST_NAME_BYTES	 65
#define UPTIME_MAX	 1e12 /* seconds; beyond belief, but a number */
#define DIGITS_SHOWN	 12
#define SCOPES_SHOWN	 12U
#define BUDGET_BAR_CELLS 30U

void tacit_view_source(const struct tacit_render *render, const json_t *document)
{
	if (strcmp(tacit_render_text_at(document, "source"), "daemon") == 0)
		return;
	tacit_render_put(render, TACIT_STYLE_BAD,
			 "tacitd is not running; this is what its database holds.\n");
}

static void put_heading(const struct tacit_render *render, const json_t *document)
{
	char host[HOST_NAME_BYTES] = "", at[TACIT_RENDER_TEXT];

	if (gethostname(host, sizeof(host) - 1) != 0)
		(void)strcpy(host, "this host");
	tacit_render_put(render, TACIT_STYLE_BOLD, "tacit %s on %s",
			 tacit_render_text_at(document, "tacit"), host);
	tacit_render_put(render, TACIT_STYLE_DIM, "   %s\n\n",
			 tacit_render_time(tacit_render_at(document, "at"), at));
}

static void put_indent(const struct tacit_render *render)
{
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%*s", (int)TACIT_RENDER_INDENT, "");
}

static void put_lacks(const struct tacit_render *render, const json_t *lacks)
{
	const json_t *lack;
	size_t i;

	if (json_array_size(lacks) == 0)
		return;
	put_indent(render);
	tacit_render_put(render, TACIT_STYLE_DIM, "left open:");
	json_array_foreach (lacks, i, lack)
		tacit_render_put(render, TACIT_STYLE_DIM, "%s %s", i ? "," : "",
				 json_string_value(lack));
	tacit_render_put(render, TACIT_STYLE_PLAIN, "\n");
}

static void put_confinement(const struct tacit_render *render, const json_t *document)
{
	const json_t *confinement = tacit_render_at(document, "daemon.confinement");
	const char *held = tacit_render_text_at(confinement, "capabilities");
	bool seccomp = tacit_render_is(confinement, "seccomp");
	json_int_t landlock = tacit_render_int_at(confinement, "landlock");

	if (!held[0] || !tacit_render_is(document, "daemon.running"))
		return;
	tacit_render_label(render, "confined");
	if (strcmp(held, "none") == 0)
		tacit_render_put(render, TACIT_STYLE_PLAIN, "no capabilities, ");
	else
		tacit_render_put(render, TACIT_STYLE_WARN, "capabilities: %s, ", held);
	tacit_render_put(render, seccomp ? TACIT_STYLE_PLAIN : TACIT_STYLE_WARN, "%sseccomp, ",
			 seccomp ? "" : "no ");
	if (landlock > 0)
		tacit_render_put(render, TACIT_STYLE_PLAIN, "Landlock %" JSON_INTEGER_FORMAT "\n",
				 landlock);
	else
		tacit_render_put(render, TACIT_STYLE_WARN, "no Landlock\n");
	put_lacks(render, tacit_render_at(confinement, "lacks"));
}

static void put_daemon(const struct tacit_render *render, const json_t *document)
{
	const json_t *daemon = tacit_render_at(document, "daemon");
	double uptime_sec = fmin(fmax(tacit_render_real_at(daemon, "uptime_sec"), 0), UPTIME_MAX);
	int64_t uptime_ms = (int64_t)(uptime_sec * 1000);
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT];

	tacit_render_label(render, "daemon");
	if (!tacit_render_is(daemon, "running")) {
		tacit_render_put(render, TACIT_STYLE_BAD, "not running");
		tacit_render_put(render, TACIT_STYLE_PLAIN, ", last heard %s\n",
				 tacit_render_since(render, tacit_render_at(daemon, "said"), a));
		return;
	}
	tacit_render_put(render, TACIT_STYLE_GOOD, "running");
	tacit_render_put(render, TACIT_STYLE_PLAIN, " for %s, pid %" JSON_INTEGER_FORMAT "\n",
			 tacit_render_span(uptime_ms, a), tacit_render_int_at(daemon, "pid"));
	put_indent(render);
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%.1f%% of a CPU, %s resident",
			 tacit_render_real_at(daemon, "cpu_percent"),
			 tacit_render_bytes(tacit_render_int_at(daemon, "memory_bytes"), a));
	tacit_render_put(
		render, TACIT_STYLE_PLAIN, " (%s of its own)\n",
		tacit_render_bytes(tacit_render_int_at(daemon, "memory_anonymous_bytes"), b));
}

static void put_certificate(const struct tacit_render *render, const json_t *document)
{
	const json_t *certificate = tacit_render_at(document, "host.certificate");
	bool expired = tacit_render_is(document, "uplink.certificate_expired");
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT];

	if (!json_is_object(certificate))
		return;
	put_indent(render);
	tacit_render_put(render, expired ? TACIT_STYLE_BAD : TACIT_STYLE_PLAIN, "certificate %s %s",
			 expired ? "expired" : "until",
			 tacit_render_time(tacit_render_at(certificate, "until"), a));
	tacit_render_put(render, TACIT_STYLE_PLAIN, ", renewed %s\n",
			 tacit_render_since(render, tacit_render_at(certificate, "renew"), b));
}

static void put_host(const struct tacit_render *render, const json_t *document)
{
	const char *id = tacit_render_text_at(document, "host.id");

	tacit_render_label(render, "host");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s\n", id[0] ? id : "no identity yet");
	put_indent(render);
	if (!tacit_render_is(document, "host.enrolled")) {
		tacit_render_put(render, TACIT_STYLE_WARN, "not enrolled");
		tacit_render_put(render, TACIT_STYLE_PLAIN, ": `tacit enroll --token-file FILE`\n");
		return;
	}
	tacit_render_put(render, TACIT_STYLE_GOOD, "enrolled");
	tacit_render_put(render, TACIT_STYLE_PLAIN, " at %s\n",
			 tacit_render_text_at(document, "host.aggregator"));
	put_certificate(render, document);
}

static void put_sensor(const struct tacit_render *render, const json_t *document)
{
	json_int_t observed = tacit_render_int_at(document, "sensor.features_observed");
	json_int_t total = tacit_render_int_at(document, "sensor.features_total");
	json_int_t services = tacit_render_int_at(document, "sensor.services");
	json_int_t dropped = tacit_render_int_at(document, "sensor.dropped");
	char text[TACIT_RENDER_TEXT];

	tacit_render_label(render, "sensor");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "tier %s, ",
			 tacit_render_text_at(document, "sensor.tier"));
	tacit_render_put(render, observed < total ? TACIT_STYLE_WARN : TACIT_STYLE_PLAIN,
			 "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " features", observed,
			 total);
	tacit_render_put(render, TACIT_STYLE_PLAIN, ", %" JSON_INTEGER_FORMAT " service%s, ",
			 services, tacit_render_plural(services));
	tacit_render_put(render, dropped ? TACIT_STYLE_WARN : TACIT_STYLE_PLAIN, "%s dropped\n",
			 dropped ? tacit_render_count(dropped, text) : "nothing");
}

static void put_overhead(const struct tacit_render *render, const json_t *document)
{
	const json_t *overhead = tacit_render_at(document, "sensor.overhead");
	double budget = tacit_render_real_at(overhead, "budget_pct");
	double cost = tacit_render_real_at(overhead, "cost_pct");
	char text[TACIT_RENDER_TEXT];

	if (!overhead)
		return;
	put_indent(render);
	tacit_render_put(render, budget > 0 && cost > budget ? TACIT_STYLE_WARN : TACIT_STYLE_PLAIN,
			 "costs %.2f%%", cost);
	if (budget > 0)
		tacit_render_put(render, TACIT_STYLE_PLAIN, " of a CPU, %g%% allowed; ", budget);
	else
		tacit_render_put(render, TACIT_STYLE_PLAIN, " of a CPU, no limit; ");
	tacit_render_put(
		render, TACIT_STYLE_PLAIN, "%s in the kernel\n",
		tacit_render_bytes(tacit_render_int_at(document, "sensor.map_bytes"), text));
	if (tacit_render_real_at(overhead, "hooked_call_ns") <= 0)
		return;
	put_indent(render);
	tacit_render_put(render, TACIT_STYLE_PLAIN,
			 "system calls watched %.1f%% of the time, at %.0f ns each\n",
			 100 * tacit_render_real_at(overhead, "hooked_share"),
			 tacit_render_real_at(overhead, "hooked_call_ns"));
}

/* What an operator would otherwise only notice when it matters. */
static void put_sensor_limits(const struct tacit_render *render, const json_t *document)
{
	const char *hierarchy = tacit_render_text_at(document, "sensor.hierarchy");
	const char *not = tacit_render_text_at(document, "sensor.outlives_not");

	if (strcmp(hierarchy, "cgroup1 pids") == 0) {
		put_indent(render);
		tacit_render_wrap(render, TACIT_STYLE_WARN, TACIT_RENDER_INDENT,
				  "cgroup v1: services by controller pids, sockets by host alone");
	} else if (strcmp(hierarchy, "none") == 0) {
		put_indent(render);
		tacit_render_wrap(render, TACIT_STYLE_WARN, TACIT_RENDER_INDENT,
				  "no cgroups are mounted: services are not told apart");
	}
	if (not [0]) {
		put_indent(render);
		tacit_render_put(render, TACIT_STYLE_WARN, "counters end with the daemon: ");
		tacit_render_wrap(render, TACIT_STYLE_WARN, TACIT_RENDER_INDENT, not );
	}
}

static void put_windows(const struct tacit_render *render, const json_t *document)
{
	json_int_t length = tacit_render_int_at(document, "windows.length_ms");
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT], c[TACIT_RENDER_TEXT];

	tacit_render_label(render, "windows");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s of %s s, the last %s\n",
			 tacit_render_count(tacit_render_int_at(document, "windows.count"), a),
			 tacit_render_number((double)length / 1000, b),
			 tacit_render_since(render, tacit_render_at(document, "windows.last"), c));
}

static void put_model(const struct tacit_render *render, const json_t *document)
{
	json_int_t version = tacit_render_int_at(document, "model.version");
	char text[TACIT_RENDER_TEXT];

	tacit_render_label(render, "model");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s, ",
			 tacit_render_text_at(document, "model.kind"));
	if (version == 0) {
		tacit_render_put(render, TACIT_STYLE_PLAIN, "nothing from the fleet yet\n");
		return;
	}
	tacit_render_put(
		render, TACIT_STYLE_PLAIN, "release %" JSON_INTEGER_FORMAT " (%.*s), %s\n", version,
		DIGITS_SHOWN, tacit_render_text_at(document, "model.sha256"),
		tacit_render_since(render, tacit_render_at(document, "model.released"), text));
}

static void put_last_mode(const struct tacit_render *render, const json_t *budget)
{
	json_int_t hosts = tacit_render_int_at(budget, "last_hosts");
	const char *mode = tacit_render_text_at(budget, "last_mode");

	if (!mode[0])
		return;
	put_indent(render);
	tacit_render_put(render, TACIT_STYLE_PLAIN, "noise: %s", mode);
	if (hosts > 1)
		tacit_render_put(render, TACIT_STYLE_PLAIN, " over %" JSON_INTEGER_FORMAT " hosts",
				 hosts);
	tacit_render_put(render, TACIT_STYLE_PLAIN, " (last round)\n");
}

void tacit_view_budget(const struct tacit_render *render, const json_t *budget)
{
	const json_t *spent = tacit_render_at(budget, "epsilon");
	double max = tacit_render_real_at(budget, "max_epsilon");
	json_int_t rounds = tacit_render_int_at(budget, "rounds");
	bool bounded = json_is_number(spent);
	double part = bounded && max > 0 ? json_number_value(spent) / max : 1;

	tacit_render_label(render, "privacy");
	if (bounded)
		tacit_render_put(render, TACIT_STYLE_PLAIN, "epsilon %.2f",
				 json_number_value(spent));
	else
		tacit_render_put(render, TACIT_STYLE_BAD, "epsilon unbounded");
	tacit_render_put(render, TACIT_STYLE_PLAIN,
			 " of %.2f spent in %" JSON_INTEGER_FORMAT " round%s (delta %.0e)\n", max,
			 rounds, tacit_render_plural(rounds),
			 tacit_render_real_at(budget, "delta"));
	put_indent(render);
	tacit_render_bar(render, part, BUDGET_BAR_CELLS);
	tacit_render_put(render, TACIT_STYLE_PLAIN, " %.2f left\n",
			 tacit_render_real_at(budget, "remaining"));
	put_last_mode(render, budget);
}

/* What the uplink does now, in words. */
static const char *state_words(const char *state)
{
	static const struct {
		const char *state, *words;
	} table[] = {
		{ "outside", "waits for a token" },
		{ "enrol", "is enrolling" },
		{ "renew", "renews the certificate" },
		{ "resend", "sends a charged update again" },
		{ "task", "asks for the task" },
		{ "release", "fetches the newest model" },
		{ "round", "asks for a round" },
		{ "reference", "fetches the round's model" },
		{ "update", "sends an update" },
		{ "config", "asks what a secure sum is about" },
		{ "advert", "joins a secure sum" },
		{ "roster", "waits for the neighbours of a secure sum" },
		{ "shares", "deals its shares to them" },
		{ "inbox", "waits for their shares" },
		{ "masked", "sends its masked update" },
		{ "survivors", "waits for who is in the sum" },
		{ "consent", "signs who is in the sum" },
		{ "consents", "waits for its neighbours' consent" },
		{ "answer", "answers for its neighbours" },
		{ "wait", "is at rest until the next round" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].state, state) == 0)
			return table[i].words;
	return state[0] ? state : "is not running";
}

static void put_uplink_error(const struct tacit_render *render, const json_t *document)
{
	const char *error = tacit_render_text_at(document, "uplink.last_error");
	bool failing = tacit_render_is(document, "uplink.failing");
	char text[TACIT_RENDER_TEXT];

	if (!error[0])
		return;
	put_indent(render);
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s %s:\n",
			 failing ? "failing, last" : "last error",
			 tacit_render_since(
				 render, tacit_render_at(document, "uplink.last_error_at"), text));
	put_indent(render);
	tacit_render_wrap(render, failing ? TACIT_STYLE_BAD : TACIT_STYLE_DIM, TACIT_RENDER_INDENT,
			  error);
}

static void put_uplink(const struct tacit_render *render, const json_t *document)
{
	const json_t *next = tacit_render_at(document, "uplink.next");
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT];

	tacit_render_label(render, "uplink");
	if (!tacit_render_is(document, "uplink.enabled")) {
		tacit_render_put(render, TACIT_STYLE_PLAIN, "off (uplink.enabled = no)\n");
		return;
	}
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s",
			 state_words(tacit_render_text_at(document, "uplink.state")));
	if (json_is_string(next))
		tacit_render_put(render, TACIT_STYLE_PLAIN, ", next step %s",
				 tacit_render_since(render, next, a));
	tacit_render_put(render, TACIT_STYLE_PLAIN, "\n");
	put_indent(render);
	tacit_render_put(
		render, TACIT_STYLE_PLAIN, "last answer %s\n",
		tacit_render_since(render, tacit_render_at(document, "uplink.last_ok"), b));
	put_uplink_error(render, document);
}

static void put_anomalies(const struct tacit_render *render, const json_t *document)
{
	json_int_t n = tacit_render_int_at(document, "anomalies.last_24h");

	tacit_render_label(render, "anomalies");
	if (n == 0)
		tacit_render_put(render, TACIT_STYLE_GOOD, "none in the last 24 hours\n");
	else
		tacit_render_put(render, TACIT_STYLE_WARN,
				 "%" JSON_INTEGER_FORMAT
				 " in the last 24 hours: `tacit anomalies`, `tacit explain`\n",
				 n);
}

static void put_store(const struct tacit_render *render, const json_t *document)
{
	const char *damaged = tacit_render_text_at(document, "store.damaged_file");
	char text[TACIT_RENDER_TEXT];

	tacit_render_label(render, "database");
	tacit_render_put(render, TACIT_STYLE_PLAIN, "%s\n",
			 tacit_render_bytes(tacit_render_int_at(document, "store.bytes"), text));
	if (!damaged[0])
		return;
	put_indent(render);
	tacit_render_put(
		render, TACIT_STYLE_WARN, "a damaged one was set aside %s:\n",
		tacit_render_since(render, tacit_render_at(document, "store.damaged_at"), text));
	put_indent(render);
	tacit_render_wrap(render, TACIT_STYLE_WARN, TACIT_RENDER_INDENT, damaged);
}

static void put_refused_probes(const struct tacit_render *render, const json_t *document)
{
	const json_t *probes = tacit_render_at(document, "sensor.probes");
	bool first = true;
	const json_t *probe;
	size_t i;

	json_array_foreach (probes, i, probe) {
		const char *reason = tacit_render_text_at(probe, "reason");
		const char *remedy = tacit_render_text_at(probe, "remedy");

		if (tacit_render_is(probe, "observed"))
			continue;
		if (first)
			tacit_render_put(render, TACIT_STYLE_BOLD, "\nNot observed\n");
		first = false;
		tacit_render_put(render, TACIT_STYLE_WARN, "  %s",
				 tacit_render_text_at(probe, "attach"));
		tacit_render_put(render, TACIT_STYLE_DIM, " (%s)\n    ",
				 tacit_render_text_at(probe, "group"));
		tacit_render_wrap(render, TACIT_STYLE_PLAIN, 4,
				  reason[0] ? reason : "not asked for");
		if (remedy[0]) {
			tacit_render_put(render, TACIT_STYLE_PLAIN, "    ");
			tacit_render_wrap(render, TACIT_STYLE_PLAIN, 4, remedy);
		}
	}
}

static void put_scope(const struct tacit_render *render, const json_t *scope)
{
	const json_t *prior = tacit_render_at(scope, "prior");
	char a[TACIT_RENDER_TEXT], b[TACIT_RENDER_TEXT], c[TACIT_RENDER_TEXT];

	tacit_render_put(render, TACIT_STYLE_PLAIN, "  %-28.28s %-16.16s %11s %6s  %s\n",
			 tacit_render_text_at(scope, "name"), tacit_render_text_at(scope, "class"),
			 tacit_render_count(tacit_render_int_at(scope, "windows"), a),
			 json_is_number(prior) ? tacit_render_number(json_number_value(prior), b)
					       : "-",
			 tacit_render_since(render, tacit_render_at(scope, "last"), c));
}

static void put_scopes(const struct tacit_render *render, const json_t *document)
{
	const json_t *scopes = tacit_render_at(document, "scopes");
	size_t n = json_array_size(scopes);

	if (n == 0)
		return;
	tacit_render_put(render, TACIT_STYLE_BOLD, "\n  %-28s %-16s %11s %6s  %s\n", "Scope",
			 "Class", "Windows", "Prior", "Saved");
	for (size_t i = 0; i < n && i < SCOPES_SHOWN; i++)
		put_scope(render, json_array_get(scopes, i));
	if (n > SCOPES_SHOWN)
		tacit_render_put(render, TACIT_STYLE_DIM, "  and %zu more: `tacit model`\n",
				 n - SCOPES_SHOWN);
}

void tacit_view_status(const struct tacit_render *render, const json_t *document)
{
	put_heading(render, document);
	put_daemon(render, document);
	put_confinement(render, document);
	put_host(render, document);
	put_sensor(render, document);
	put_overhead(render, document);
	put_sensor_limits(render, document);
	put_windows(render, document);
	put_model(render, document);
	tacit_view_budget(render, tacit_render_at(document, "privacy"));
	put_uplink(render, document);
	put_anomalies(render, document);
	put_store(render, document);
	put_scopes(render, document);
	put_refused_probes(render, document);
}
