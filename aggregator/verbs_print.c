/* SPDX-License-Identifier: MIT */
/* The aggregator's answers as words and tables for people; times are local. */
#include "verbs.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <tacit/cleanup.h>
#include <tacit/clock.h>

#include "plan_secagg.h"

#define CELL_MAX    80U
#define COLUMNS_MAX 13
#define TRIMMED	    5U /* one in so many groups is left out, at each end */

enum format {
	FORMAT_PLAIN, /* as it is; "-" for null */
	FORMAT_TIME,
	FORMAT_EPSILON, /* "unbounded" for null */
	FORMAT_LABELS,
};

struct column {
	const char *title, *member;
	enum format format;
};

static void format_time(const char *text, char cell[CELL_MAX])
{
	struct tm tm = { 0 };

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		(void)snprintf(cell, CELL_MAX, "-");
	else
		tacit_clock_local((int64_t)timegm(&tm) * 1000, cell, CELL_MAX);
}

static void format_labels(json_t *labels, char cell[CELL_MAX])
{
	const char *name;
	size_t at = 0;
	json_t *value;

	(void)snprintf(cell, CELL_MAX, "-");
	json_object_foreach (labels, name, value) {
		int n = snprintf(cell + at, CELL_MAX - at, "%s%s=%s", at ? "," : "", name,
				 json_string_value(value));

		at += n > 0 ? (size_t)n : 0;
		if (at >= CELL_MAX)
			return;
	}
}

static void format_cell(json_t *value, enum format format, char cell[CELL_MAX])
{
	if (format == FORMAT_TIME)
		format_time(json_string_value(value), cell);
	else if (format == FORMAT_LABELS)
		format_labels(value, cell);
	else if (json_is_string(value))
		(void)snprintf(cell, CELL_MAX, "%s", json_string_value(value));
	else if (json_is_integer(value))
		(void)snprintf(cell, CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		(void)snprintf(cell, CELL_MAX, "%.4g", json_real_value(value));
	else if (json_is_boolean(value))
		(void)snprintf(cell, CELL_MAX, "%s", json_is_true(value) ? "yes" : "no");
	else
		(void)snprintf(cell, CELL_MAX, "%s", format == FORMAT_EPSILON ? "unbounded" : "-");
}

static void print_cells(FILE *out, char cell[COLUMNS_MAX][CELL_MAX], const size_t *width, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, i + 1 < n ? "%-*s  " : "%-*s", i + 1 < n ? (int)width[i] : 0,
			      cell[i]);
	(void)fputc('\n', out);
}

static void print_table(json_t *rows, const struct column *column, size_t n, FILE *out)
{
	char cell[COLUMNS_MAX][CELL_MAX];
	size_t width[COLUMNS_MAX];
	json_t *row;
	size_t i;

	for (size_t c = 0; c < n; c++) {
		(void)snprintf(cell[c], CELL_MAX, "%s", column[c].title);
		width[c] = strlen(cell[c]);
		json_array_foreach (rows, i, row) {
			char text[CELL_MAX];

			format_cell(json_object_get(row, column[c].member), column[c].format, text);
			width[c] = strlen(text) > width[c] ? strlen(text) : width[c];
		}
	}
	print_cells(out, cell, width, n);
	json_array_foreach (rows, i, row) {
		for (size_t c = 0; c < n; c++)
			format_cell(json_object_get(row, column[c].member), column[c].format,
				    cell[c]);
		print_cells(out, cell, width, n);
	}
}

static void print_list(const json_t *object, const struct column *row, size_t n, FILE *out)
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < n; i++) {
		format_cell(json_object_get(object, row[i].member), row[i].format, cell);
		(void)fprintf(out, "%-20s %s\n", row[i].title, cell);
	}
}

static void print_token(const json_t *answer, FILE *out)
{
	(void)fprintf(out, "%s\n", json_string_value(json_object_get(answer, "token")));
}

static void print_tokens(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {
		{ "ID", "id", FORMAT_PLAIN },	       { "STATE", "state", FORMAT_PLAIN },
		{ "USED", "used", FORMAT_PLAIN },      { "OF", "uses", FORMAT_PLAIN },
		{ "CREATED", "created", FORMAT_TIME }, { "EXPIRES", "expires", FORMAT_TIME },
		{ "LABELS", "labels", FORMAT_LABELS },
	};

	print_table(json_object_get(answer, "tokens"), columns, TACIT_ARRAY_LEN(columns), out);
}

static void print_hosts(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {
		{ "ID", "id", FORMAT_PLAIN },
		{ "ENROLLED", "enrolled", FORMAT_TIME },
		{ "RENEWED", "renewed", FORMAT_TIME },
		{ "REVOKED", "revoked", FORMAT_TIME },
		{ "ROUNDS", "rounds", FORMAT_PLAIN },
		{ "EPSILON", "epsilon", FORMAT_EPSILON },
		{ "FAILED", "failures", FORMAT_PLAIN },
		{ "OUT UNTIL", "benched_until", FORMAT_PLAIN },
		{ "LABELS", "labels", FORMAT_LABELS },
	};

	print_table(json_object_get(answer, "hosts"), columns, TACIT_ARRAY_LEN(columns), out);
}

static void print_host(const json_t *answer, FILE *out)
{
	static const struct column rows[] = {
		{ "id", "id", FORMAT_PLAIN },
		{ "enrolled", "enrolled", FORMAT_TIME },
		{ "renewed", "renewed", FORMAT_TIME },
		{ "revoked", "revoked", FORMAT_TIME },
		{ "certificates issued", "generation", FORMAT_PLAIN },
		{ "token", "token", FORMAT_PLAIN },
		{ "labels", "labels", FORMAT_LABELS },
		{ "rounds", "rounds", FORMAT_PLAIN },
		{ "last round", "last_round", FORMAT_PLAIN },
		{ "epsilon", "epsilon", FORMAT_EPSILON },
		{ "delta", "delta", FORMAT_PLAIN },
	};

	print_list(json_object_get(answer, "host"), rows, TACIT_ARRAY_LEN(rows), out);
}

static void print_rounds(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {
		{ "ROUND", "round", FORMAT_PLAIN },	{ "STATE", "state", FORMAT_PLAIN },
		{ "MODE", "mode", FORMAT_PLAIN },	{ "FOR", "purpose", FORMAT_PLAIN },
		{ "OPENED", "opened", FORMAT_TIME },	{ "CLOSED", "closed", FORMAT_TIME },
		{ "UPDATES", "updates", FORMAT_PLAIN }, { "NEEDED", "min_cohort", FORMAT_PLAIN },
		{ "RELEASE", "release", FORMAT_PLAIN }, { "REASON", "reason", FORMAT_PLAIN },
	};

	print_table(json_object_get(answer, "rounds"), columns, TACIT_ARRAY_LEN(columns), out);
}

static bool is_word(const json_t *value, const char *word)
{
	return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static void print_round(const json_t *answer, FILE *out)
{
	static const struct column rows[] = {
		{ "round", "round", FORMAT_PLAIN },
		{ "state", "state", FORMAT_PLAIN },
		{ "reason", "reason", FORMAT_PLAIN },
		{ "task", "task", FORMAT_PLAIN },
		{ "referred to release", "model", FORMAT_PLAIN },
		{ "opened", "opened", FORMAT_TIME },
		{ "closed", "closed", FORMAT_TIME },
		{ "updates", "updates", FORMAT_PLAIN },
		{ "updates needed", "min_cohort", FORMAT_PLAIN },
		{ "updates at most", "max_cohort", FORMAT_PLAIN },
		{ "made release", "release", FORMAT_PLAIN },
		{ "mode", "mode", FORMAT_PLAIN },
		{ "purpose", "purpose", FORMAT_PLAIN },
		{ "numbers", "dimensions", FORMAT_PLAIN },
		{ "clip norm", "clip_norm", FORMAT_PLAIN },
		{ "noise multiplier", "noise_multiplier", FORMAT_PLAIN },
		{ "signal to noise", "signal_to_noise", FORMAT_PLAIN },
	};
	static const struct column privacy[] = {
		{ "delta", "delta", FORMAT_PLAIN },
		{ "epsilon, aggregator", "epsilon_aggregator", FORMAT_EPSILON },
		{ "epsilon, release", "epsilon_release", FORMAT_EPSILON },
	};
	static const struct column groups[] = {
		{ "GROUP", "group", FORMAT_PLAIN },
		{ "PHASE", "phase", FORMAT_PLAIN },
		{ "HOSTS", "hosts", FORMAT_PLAIN },
		{ "NEIGHBOURS", "degree", FORMAT_PLAIN },
		{ "THRESHOLD", "threshold", FORMAT_PLAIN },
		{ "SURVIVORS", "survivors", FORMAT_PLAIN },
		{ "REASON", "reason", FORMAT_PLAIN },
	};
	const json_t *round = json_object_get(answer, "round");
	json_t *sums = json_object_get(round, "groups");
	bool released = json_is_integer(json_object_get(round, "release")) ||
			is_word(json_object_get(round, "state"), "evaluated");

	print_list(round, rows, TACIT_ARRAY_LEN(rows), out);
	print_list(json_object_get(round, "privacy"), privacy,
		   TACIT_ARRAY_LEN(privacy) - (released ? 0 : 1), out);
	if (json_array_size(sums) == 0)
		return;
	(void)fputc('\n', out);
	print_table(sums, groups, TACIT_ARRAY_LEN(groups), out);
}

static void print_number(const json_t *answer, FILE *out)
{
	(void)fprintf(out, "round %" JSON_INTEGER_FORMAT " is open\n",
		      json_integer_value(json_object_get(answer, "round")));
}

static void print_done(const json_t *answer, FILE *out)
{
	char cell[CELL_MAX];

	format_cell(json_object_get(answer, "id"), FORMAT_PLAIN, cell);
	(void)fprintf(out, "%s revoked\n", cell);
}

static void print_task(const json_t *answer, FILE *out)
{
	static const struct column rows[] = {
		{ "version", "version", FORMAT_PLAIN },
		{ "set", "set", FORMAT_TIME },
		{ "digest", "digest", FORMAT_PLAIN },
	};
	json_t *task = json_object_get(answer, "task"), *value;
	char cell[CELL_MAX];
	const char *name;

	print_list(answer, rows, TACIT_ARRAY_LEN(rows), out);
	json_object_foreach (task, name, value) {
		size_t i;
		json_t *class;

		if (!json_is_array(value)) {
			format_cell(value, FORMAT_PLAIN, cell);
			(void)fprintf(out, "%-20s %s\n", name, cell);
			continue;
		}
		(void)fprintf(out, "%-20s ", name);
		json_array_foreach (value, i, class)
			(void)fprintf(out, "%s%s", i ? "," : "", json_string_value(class));
		(void)fputc('\n', out);
	}
}

/* What a group-wise trimmed mean costs is said where it is chosen. */
static void print_task_set(const json_t *answer, FILE *out)
{
	static const uint32_t groups[] = { 5, 10, 20 };
	const char *aggregation =
		json_string_value(json_object_get(json_object_get(answer, "task"), "aggregation"));

	print_task(answer, out);
	if (!aggregation || strcmp(aggregation, "trimmed-mean") != 0)
		return;
	(void)fprintf(
		out,
		"\nA trimmed mean puts up with groups that lie, and costs noise: every group's "
		"sum has\nas much as one sum of all would have. The release's noise, against "
		"that of one sum,\nwith a fifth of the groups left out at each end:\n");
	for (size_t i = 0; i < TACIT_ARRAY_LEN(groups); i++)
		(void)fprintf(out, "  %2u groups  %.2f times\n", groups[i],
			      tacit_plan_trimmed_noise(groups[i], groups[i] / TRIMMED));
}

static void print_secagg(const json_t *answer, FILE *out)
{
	static const struct column rows[] = {
		{ "hosts", "hosts", FORMAT_PLAIN },
		{ "server", "server", FORMAT_PLAIN },
		{ "corrupt", "corrupt", FORMAT_PLAIN },
		{ "dropout", "dropout", FORMAT_PLAIN },
		{ "neighbours (k)", "degree", FORMAT_PLAIN },
		{ "threshold (t)", "threshold", FORMAT_PLAIN },
		{ "honest (n_h)", "honest", FORMAT_PLAIN },
		{ "least survivors", "survivors_min", FORMAT_PLAIN },
		{ "bytes of shares", "shares_bytes", FORMAT_PLAIN },
	};

	print_list(answer, rows, TACIT_ARRAY_LEN(rows), out);
}

static void print_plan_rows(const json_t *answer, const char *mode, FILE *out)
{
	json_t *row, *value;
	size_t i, c;

	(void)fprintf(out, "%10s %8s %8s", "numbers", "rounds", "z");
	json_array_foreach (json_object_get(answer, "columns"), c, value) {
		char title[24];

		(void)snprintf(title, sizeof(title), "n=%" JSON_INTEGER_FORMAT,
			       json_integer_value(value));
		(void)fprintf(out, " %10s", title);
	}
	(void)fputc('\n', out);
	json_array_foreach (json_object_get(answer, "rows"), i, row) {
		(void)fprintf(out, "%10" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT " %8.3g",
			      json_integer_value(json_object_get(row, "dimensions")),
			      json_integer_value(json_object_get(row, "rounds")),
			      json_real_value(json_object_get(row, "noise_multiplier")));
		json_array_foreach (json_object_get(row, mode), c, value)
			(void)fprintf(out, " %10.2g", json_real_value(value));
		(void)fputc('\n', out);
	}
}

static void print_plan_kinds(const json_t *kinds, json_int_t hosts, FILE *out)
{
	const json_t *best = NULL;
	json_t *row;
	size_t i;

	(void)fprintf(out, "\n%12s %10s %8s %8s %10s %12s %8s\n", "kind", "numbers", "rounds", "z",
		      "noise", "hosts needed", "pays");
	json_array_foreach (kinds, i, row) {
		(void)fprintf(out,
			      "%12s %10" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT
			      " %8.3g %10.2g %12" JSON_INTEGER_FORMAT " %8s\n",
			      json_string_value(json_object_get(row, "kind")),
			      json_integer_value(json_object_get(row, "dimensions")),
			      json_integer_value(json_object_get(row, "rounds")),
			      json_real_value(json_object_get(row, "noise_multiplier")),
			      json_real_value(json_object_get(row, "noise_to_signal")),
			      json_integer_value(json_object_get(row, "hosts_needed")),
			      json_is_true(json_object_get(row, "pays")) ? "yes" : "no");
		if (json_is_true(json_object_get(row, "recommended")))
			best = row;
	}
	if (best)
		(void)fprintf(out,
			      "\nFor %" JSON_INTEGER_FORMAT
			      " hosts: kind=%s. Hosts need it as model.kind, too.\n",
			      hosts, json_string_value(json_object_get(best, "kind")));
}

static void print_plan(const json_t *answer, FILE *out)
{
	const json_t *advice = json_object_get(answer, "advice");
	json_int_t hosts = json_integer_value(json_object_get(answer, "hosts"));
	json_int_t rounds = json_integer_value(json_object_get(advice, "rounds"));
	double z = json_real_value(json_object_get(advice, "noise_multiplier"));
	double ratio = json_real_value(json_object_get(advice, "noise_to_signal"));
	char mode[CELL_MAX], why[CELL_MAX];

	(void)fprintf(out,
		      "Noise/signal of a release at epsilon %g, delta %g over all rounds; z is the "
		      "noise\n"
		      "multiplier, n the number of updates.\n\n"
		      "Every host adds its own noise (mode local):\n",
		      json_real_value(json_object_get(answer, "epsilon")),
		      json_real_value(json_object_get(answer, "delta")));
	print_plan_rows(answer, "local", out);
	(void)fprintf(out, "\nHosts share the noise (mode distributed, secure aggregation):\n");
	print_plan_rows(answer, "secure_aggregation", out);
	format_cell(json_object_get(answer, "mode"), FORMAT_PLAIN, mode);
	format_cell(json_object_get(answer, "mode_reason"), FORMAT_PLAIN, why);
	(void)fprintf(out,
		      "\nRounds of %" JSON_INTEGER_FORMAT " hosts would be %s (mode=auto, and else "
		      "as tasks are at first):\n%s.\n",
		      hosts, mode, why);
	if (rounds > 0)
		(void)fprintf(out,
			      "\nWith %" JSON_INTEGER_FORMAT " hosts up to %" JSON_INTEGER_FORMAT
			      " rounds are worth it: noise/signal %.2g.\n"
			      "  tacit-aggregator task set noise_multiplier=%g\n",
			      hosts, rounds, ratio, z);
	else
		(void)fprintf(
			out,
			"\n%" JSON_INTEGER_FORMAT " hosts are too few: even a single round would be"
			" mostly noise (%.2g).\nIt takes about %" JSON_INTEGER_FORMAT
			" hosts, a larger epsilon, or fewer classes.\n",
			hosts, ratio, json_integer_value(json_object_get(advice, "hosts_needed")));
	if (json_object_get(answer, "kinds"))
		print_plan_kinds(json_object_get(answer, "kinds"), hosts, out);
}

/* A figure with its error, where there is one. */
static json_t *figure_cell(const json_t *figure)
{
	const json_t *value = json_object_get(figure, "value");
	char cell[CELL_MAX];

	if (!json_is_real(value))
		return json_string(figure ? "too few" : "-");
	(void)snprintf(cell, sizeof(cell), "%.3g", json_real_value(value));
	if (json_real_value(json_object_get(figure, "error")) > 0)
		(void)snprintf(cell, sizeof(cell), "%.3g +-%.2g", json_real_value(value),
			       json_real_value(json_object_get(figure, "error")));
	return json_string(cell);
}

/* A group as print_table() takes it. */
static json_t *flatten_group(json_t *group)
{
	const json_t *part = json_object_get(group, "participation");
	const char *name = json_string_value(json_object_get(group, "group"));
	json_t *row = json_copy(group), *member;
	const char *key;

	json_object_foreach (group, key, member)
		if (json_object_get(member, "value"))
			(void)json_object_set_new(row, key, figure_cell(member));
	(void)json_object_set_new(row, "group", json_string(name && name[0] ? name : "(others)"));
	(void)json_object_set(row, "mean", json_object_get(part, "mean"));
	(void)json_object_set(row, "jain", json_object_get(part, "jain"));
	return row;
}

static void print_evaluation(const json_t *answer, FILE *out)
{
	const json_t *evaluation = json_object_get(answer, "evaluation");
	static const struct column rows[] = {
		{ "evaluated in round", "round", FORMAT_PLAIN },
		{ "closed", "closed", FORMAT_TIME },
		{ "release", "model", FORMAT_PLAIN },
		{ "hosts", "hosts", FORMAT_PLAIN },
		{ "noise, in hosts", "noise_hosts", FORMAT_PLAIN },
	};
	static const struct column privacy[] = {
		{ "epsilon, aggregator", "epsilon_aggregator", FORMAT_EPSILON },
	};
	static const struct column gap[] = {
		{ "gap of the loss", "loss", FORMAT_PLAIN },
		{ "gap of the alarms", "alarms_median", FORMAT_PLAIN },
	};

	if (!json_is_object(evaluation)) {
		(void)fprintf(out, "nothing was evaluated yet\n");
		return;
	}
	print_list(evaluation, rows, TACIT_ARRAY_LEN(rows), out);
	print_list(json_object_get(evaluation, "privacy"), privacy, TACIT_ARRAY_LEN(privacy), out);
	print_list(json_object_get(answer, "gap"), gap, TACIT_ARRAY_LEN(gap), out);
}

static void print_fairness(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {
		{ "GROUP", "group", FORMAT_PLAIN },
		{ "ENROLLED", "enrolled", FORMAT_PLAIN },
		{ "TAKES PART", "mean", FORMAT_PLAIN },
		{ "JAIN", "jain", FORMAT_PLAIN },
		{ "EVALUATED", "hosts", FORMAT_PLAIN },
		{ "ALARMS/DAY", "alarms_median", FORMAT_PLAIN },
		{ "WORST 10%", "alarms_worst_decile", FORMAT_PLAIN },
		{ "SCORE", "score_median", FORMAT_PLAIN },
		{ "WORST 10%", "score_worst_decile", FORMAT_PLAIN },
		{ "HELPED", "helped", FORMAT_PLAIN },
		{ "HARMED", "harmed", FORMAT_PLAIN },
		{ "LOSS", "loss", FORMAT_PLAIN },
		{ "WEIGHT", "weight", FORMAT_PLAIN },
	};
	TACIT_CLEANUP(json_decrefp) json_t *groups = json_array();
	const char *label = json_string_value(json_object_get(answer, "label"));
	json_t *group;
	size_t i;

	print_list(json_object_get(answer, "participation"),
		   &(struct column){ "Jain's index", "jain", FORMAT_PLAIN }, 1, out);
	(void)fprintf(out, "%-20s %s\n", "groups by", label && label[0] ? label : "-");
	print_evaluation(answer, out);
	(void)fputc('\n', out);
	json_array_foreach (json_object_get(answer, "groups"), i, group)
		(void)json_array_append_new(groups, flatten_group(group));
	print_table(groups, columns, TACIT_ARRAY_LEN(columns), out);
}

static void print_privacy(const json_t *answer, FILE *out)
{
	const json_t *rounds = json_object_get(answer, "rounds");
	const json_t *against = json_object_get(answer, "against_aggregator");
	const json_t *released = json_object_get(answer, "released_models");
	const char *mode = json_string_value(json_object_get(answer, "mode"));
	char next[CELL_MAX], worst[CELL_MAX], all[CELL_MAX];

	format_cell(json_object_get(against, "next_round"), FORMAT_EPSILON, next);
	format_cell(json_object_get(against, "worst_host"), FORMAT_EPSILON, worst);
	format_cell(json_object_get(released, "all_rounds"), FORMAT_EPSILON, all);
	(void)fprintf(out,
		      "Epsilon at delta %g, add-or-remove one host, mode %s; %" JSON_INTEGER_FORMAT
		      " rounds released, %" JSON_INTEGER_FORMAT " evaluated, %" JSON_INTEGER_FORMAT
		      " abandoned.\n\n",
		      json_real_value(json_object_get(answer, "delta")), mode,
		      json_integer_value(json_object_get(rounds, "released")),
		      json_integer_value(json_object_get(rounds, "evaluated")),
		      json_integer_value(json_object_get(rounds, "abandoned")));
	(void)fprintf(out,
		      "Against this aggregator, %s:\n"
		      "  host that has spent most   %s  (of %" JSON_INTEGER_FORMAT
		      " that took part)\n"
		      "  the next round adds        %s\n\n",
		      !mode || strcmp(mode, "local") == 0
			      ? "which sees every host's noised update"
			      : "which sees sums, and may know the noise of every host that is not"
				" certain to be honest",
		      worst, json_integer_value(json_object_get(against, "hosts")), next);
	(void)fprintf(
		out,
		"Against whoever sees the released models only, where the hosts' noise adds up:\n"
		"  all releases together      %s  (for a host that took part in each)\n\n"
		"The second is smaller and holds only while the aggregator keeps updates to "
		"itself.\n"
		"Hosts keep a ledger of their own (tacit privacy), and believe no one else's.\n",
		all);
}

static void print_part(const json_t *answer, const char *name, const struct column *rows, size_t n,
		       FILE *out)
{
	const json_t *part = json_object_get(answer, name);

	if (json_is_object(part))
		print_list(part, rows, n, out);
	else
		(void)fprintf(out, "%-20s -\n", name);
}

static void print_status(const json_t *answer, FILE *out)
{
	static const struct column program[] = {
		{ "version", "version", FORMAT_PLAIN },
		{ "process", "pid", FORMAT_PLAIN },
		{ "since", "started", FORMAT_TIME },
		{ "listening on", "listen", FORMAT_PLAIN },
		{ "url in tokens", "url", FORMAT_PLAIN },
		{ "CA pin", "ca", FORMAT_PLAIN },
		{ "database bytes", "database_bytes", FORMAT_PLAIN },
	};
	static const struct column workers[] = { { "workers", "configured", FORMAT_PLAIN },
						 { "workers ready", "ready", FORMAT_PLAIN } };
	static const struct column hosts[] = { { "hosts enrolled", "enrolled", FORMAT_PLAIN },
					       { "hosts revoked", "revoked", FORMAT_PLAIN } };
	static const struct column log[] = { { "enrolment log", "entries", FORMAT_PLAIN },
					     { "  intact", "intact", FORMAT_PLAIN } };
	static const struct column release[] = { { "release", "version", FORMAT_PLAIN },
						 { "  sha256", "sha256", FORMAT_PLAIN } };
	static const struct column round[] = { { "round", "round", FORMAT_PLAIN },
					       { "  updates so far", "updates", FORMAT_PLAIN } };
	static const struct column updates[] = {
		{ "updates accepted", "accepted", FORMAT_PLAIN },
		{ "  repeated", "repeated", FORMAT_PLAIN },
		{ "  conflicting", "conflicting", FORMAT_PLAIN },
		{ "  late", "late", FORMAT_PLAIN },
		{ "  refused", "refused", FORMAT_PLAIN },
	};
	static const struct column http[] = {
		{ "connections", "connections", FORMAT_PLAIN },
		{ "requests", "requests", FORMAT_PLAIN },
		{ "  refused", "refused", FORMAT_PLAIN },
		{ "  timed out", "timeouts", FORMAT_PLAIN },
		{ "handshakes failed", "handshake_failures", FORMAT_PLAIN },
	};

	print_list(answer, program, TACIT_ARRAY_LEN(program), out);
	print_part(answer, "workers", workers, TACIT_ARRAY_LEN(workers), out);
	print_part(answer, "hosts", hosts, TACIT_ARRAY_LEN(hosts), out);
	print_part(answer, "log", log, TACIT_ARRAY_LEN(log), out);
	print_part(answer, "release", release, TACIT_ARRAY_LEN(release), out);
	print_part(answer, "round", round, TACIT_ARRAY_LEN(round), out);
	print_part(answer, "updates", updates, TACIT_ARRAY_LEN(updates), out);
	print_part(answer, "http", http, TACIT_ARRAY_LEN(http), out);
}

void tacit_verbs_print(const char *verb, const json_t *answer, FILE *out)
{
	static const struct {
		const char *verb;
		void (*print)(const json_t *answer, FILE *out);
	} table[] = {
		{ "status", print_status },	{ "privacy", print_privacy },
		{ "fairness", print_fairness }, { "token create", print_token },
		{ "token list", print_tokens }, { "token revoke", print_done },
		{ "hosts list", print_hosts },	{ "hosts show", print_host },
		{ "hosts revoke", print_done }, { "rounds list", print_rounds },
		{ "rounds show", print_round }, { "rounds open", print_number },
		{ "task show", print_task },	{ "task set", print_task_set },
		{ "task plan", print_plan },	{ "secagg-params", print_secagg },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++)
		if (strcmp(table[i].verb, verb) == 0)
			table[i].print(answer, out);
}
