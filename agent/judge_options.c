/* SPDX-License-Identifier: MIT */
#include "judge_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <tacit/log.h>

#include "judge.h"
#include "poisson.h"

#define EXIT_USAGE   2
#define MODEL	     "gaussian"
#define MEMORY_BYTES ((size_t)4 << 20) /* model.memory_mb, as it is by default */
#define ALERTS_MIN   0.01
#define ALERTS_MAX   10000.0
#define LEARN_MAX    0.99
#define DAY_SEC	     86400.0

struct options {
	struct tacit_judge_params params;
	bool json;
};

static void usage(FILE *to)
{
	(void)fputs(
		"usage: tacit-sim judge [OPTION...] FILE...\n"
		"\n"
		"judges each recording as tacitd would, and tells how often it raises an alarm.\n"
		"  --model NAME        kind of model (gaussian)\n"
		"  --alerts-per-day N  false alarms to aim for (1)\n"
		"  --learn F           share of each recording that is learned from first (0.5)\n"
		"  --json              print the report as JSON, with every episode\n"
		"  --help\n",
		to);
}

static bool parse_real(const char *text, double min, double max, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && *end == '\0' && *ret >= min && *ret <= max;
}

static bool parse_one(int c, struct options *options)
{
	switch (c) {
	case 'm':
		options->params.kind = tacit_model_kind_find(optarg);
		return options->params.kind;
	case 'a':
		return parse_real(optarg, ALERTS_MIN, ALERTS_MAX, &options->params.alerts_per_day);
	case 'l':
		return parse_real(optarg, 0, LEARN_MAX, &options->params.learn);
	case 'j':
		options->json = true;
		return true;
	default:
		return false;
	}
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "alerts-per-day", required_argument, NULL, 'a' },
		{ "learn", required_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, at = 0;

	while ((c = getopt_long(argc, argv, "h", table, &at)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return EXIT_SUCCESS;
		}
		if (c == '?')
			return EXIT_USAGE;
		if (!parse_one(c, options)) {
			(void)fprintf(stderr, "tacit-sim: \"%s\" will not do for --%s\n", optarg,
				      table[at].name);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return -1;
	usage(stderr);
	return EXIT_USAGE;
}

static int load(const char *path, struct tacit_replay **ret)
{
	struct tacit_recording_where where = { 0 };
	int r = tacit_replay_load(path, ret, &where);

	if (r < 0 && where.why[0] == '\0')
		tacit_error("%s: %s", path, tacit_strerror(r));
	else if (r < 0 && where.line > 0)
		tacit_error("%s:%u: %s", path, where.line, where.why);
	else if (r < 0)
		tacit_error("%s: byte %llu: %s", path, (unsigned long long)where.offset, where.why);
	else if (tacit_replay_is_cut_off(*ret))
		tacit_notice("%s: cut off after %zu windows, which are whole", path,
			     tacit_replay_windows(*ret));
	return r;
}

static double real_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void print_row(const char *name, const json_t *row)
{
	printf("  %-32s %8.0f %8.0f %8.0f %9.0f %9.1f  %.1f to %.1f\n", name,
	       real_of(row, "windows"), real_of(row, "warming"), real_of(row, "alarms"),
	       real_of(row, "episodes"), real_of(row, "per_day"), real_of(row, "per_day_low"),
	       real_of(row, "per_day_high"));
}

static void print(const char *path, const json_t *report)
{
	const json_t *row;
	size_t i;

	printf("%s: %.0f s learned, then %.0f s (%.3f host-days) judged by windows of %.0f ms\n",
	       path, real_of(report, "learned_sec"), real_of(report, "judged_sec"),
	       real_of(report, "judged_sec") / DAY_SEC, real_of(report, "window_ms"));
	printf("  %-32s %8s %8s %8s %9s %9s  %s\n", "scope", "windows", "warming", "alarms",
	       "episodes", "a day", "95% interval");
	json_array_foreach (json_object_get(report, "scopes"), i, row) {
		print_row(json_string_value(json_object_get(row, "scope")), row);
	}
	print_row("all", json_object_get(report, "total"));
}

/* Of several recordings, the rate over all of their time. */
struct sum {
	uint64_t episodes;
	double days;
	unsigned recordings;
};

static void add(struct sum *sum, const json_t *report)
{
	sum->episodes += (uint64_t)real_of(json_object_get(report, "total"), "episodes");
	sum->days += real_of(report, "judged_sec") / DAY_SEC;
	sum->recordings++;
}

static void print_sum(const struct sum *sum)
{
	double low, high;

	if (sum->recordings < 2 || sum->days <= 0)
		return;
	tacit_poisson_interval(sum->episodes, &low, &high);
	printf("together: %llu episodes in %.3f host-days, %.1f a day, 95%% interval %.1f to "
	       "%.1f\n",
	       (unsigned long long)sum->episodes, sum->days, (double)sum->episodes / sum->days,
	       low / sum->days, high / sum->days);
}

static int judge(const char *path, const struct options *options, json_t *reports, struct sum *sum)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = NULL;
	struct tacit_judge_params params = options->params;
	json_auto_t *report = NULL;
	int r = load(path, &replay);

	if (r < 0)
		return r;
	params.replay = replay;
	r = tacit_judge_run(&params, &report);
	if (r < 0) {
		tacit_error("%s was not judged: %s", path, tacit_strerror(r));
		return r;
	}
	add(sum, report);
	if (!options->json)
		print(path, report);
	else if (json_object_set(reports, path, report) != 0)
		return -ENOMEM;
	return 0;
}

int tacit_judge_main(int argc, char **argv)
{
	struct options options = { .params = { .kind = tacit_model_kind_find(MODEL),
					       .alerts_per_day = 1,
					       .learn = 0.5,
					       .memory_bytes = MEMORY_BYTES } };
	json_auto_t *reports = json_object();
	struct sum sum = { 0 };
	int r = parse(argc, argv, &options);

	if (r >= 0)
		return r;
	tacit_log_set_level(TACIT_LOG_WARNING);
	for (r = 0; r == 0 && optind < argc; optind++)
		r = judge(argv[optind], &options, reports, &sum);
	if (r == 0 && options.json) {
		(void)json_dumpf(reports, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		(void)putchar('\n');
	} else if (r == 0) {
		print_sum(&sum);
	}
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
