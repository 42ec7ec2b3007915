/* SPDX-License-Identifier: MIT */
#include "eval_options.h"

#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/log.h>

#include "dataset.h"
#include "eval_trace.h"
#include "eval_reference.h"
#include "eval_report.h"

#define EXIT_USAGE    2
#define ALERTS_MAX    86400.0
#define WINDOW_MS_MAX 86400000.0
#define KAPPA_MAX     10000.0
#define EPSILON_MAX   1000.0
#define HOSTS_MAX     20000.0 /* sums of more could overflow, see protect.h */
#define OWN_MAX	      1e9
#define ROUNDS_MAX    1000.0
#define TUNING_MAX    1e6

struct options {
	const char *data, *model, *reference;
	int learn, threshold, transform; /* as their words' places below */
	double calibrate;		 /* NaN: as fits */
	struct tacit_eval_params eval;
	int json, mean;
};

enum type {
	TEXT,
	WORD, /* one of a list */
	REAL,
	WHOLE,
	FLAG,
};

static const char *const learn_words[] = { "local", "siblings", "fleet", "blend", NULL };
static const char *const threshold_words[] = { "q", "pot", NULL };
static const char *const transform_words[] = { "auto", "none", "log1p", "flows", NULL };

#define AT(field) offsetof(struct options, field)

static const struct row {
	const char *name, *value;
	enum type type;
	size_t offset;
	double min, max;
	const char *const *words;
	const char *doc;
} rows[] = {
	{ "data", "FILE", TEXT, AT(data), 0, 0, NULL, "labelled windows, plain or gzip" },
	{ "model", "NAME", TEXT, AT(model), 0, 0, NULL, "kind of model (gaussian)" },
	{ "learn", "FROM", WORD, AT(learn), 0, 0, learn_words,
	  "own rows, or those of others: local, siblings, fleet, blend (local)" },
	{ "own-windows", "N", WHOLE, AT(eval.own_windows), 1, OWN_MAX, NULL,
	  "learn from so many of its own rows only" },
	{ "calibrate", "F", REAL, AT(calibrate), 0, 0.9, NULL,
	  "share of the rows that thresholds are made of (1/3)" },
	{ "threshold", "KIND", WORD, AT(threshold), 0, 0, threshold_words,
	  "a quantile of scores, or their extreme values: q, pot (q)" },
	{ "quantile", "Q", REAL, AT(eval.quantile), 0, 1, NULL, "which quantile (0.999)" },
	{ "alerts-per-day", "N", REAL, AT(eval.alerts_per_day), 1e-6, ALERTS_MAX, NULL,
	  "false alarms that pot may raise (1)" },
	{ "window-ms", "MS", WHOLE, AT(eval.window_ms), 1, WINDOW_MS_MAX, NULL,
	  "what a row stands for (1000)" },
	{ "kappa", "K", REAL, AT(eval.kappa), 0, KAPPA_MAX, NULL,
	  "what the fleet's block is worth, in windows (30)" },
	{ "rounds", "N", WHOLE, AT(eval.rounds), 1, ROUNDS_MAX, NULL, "rounds of the fleet (1)" },
	{ "epsilon", "E", REAL, AT(eval.epsilon), 1e-6, EPSILON_MAX, NULL,
	  "add the noise that this takes, delta 1e-5 (none)" },
	{ "hosts", "N", WHOLE, AT(eval.hosts), 1, HOSTS_MAX, NULL,
	  "as if the siblings were so many (as many as there are)" },
	{ "missing", "F", REAL, AT(eval.missing), 0, 0.9, NULL,
	  "share of the columns that a host lacks (0)" },
	{ "sd-min", "SD", REAL, AT(eval.tuning.sd_min), 0, TUNING_MAX, NULL,
	  "least standard deviation of a z-score (0.05)" },
	{ "ridge-relative", "R", REAL, AT(eval.tuning.ridge_relative), 0, TUNING_MAX, NULL,
	  "ridge of the distance, of the mean variance (0.01)" },
	{ "ridge", "R", REAL, AT(eval.tuning.ridge_absolute), 0, TUNING_MAX, NULL,
	  "ridge of the distance (0.0001)" },
	{ "unseen", "V", REAL, AT(eval.tuning.unseen), 0, TUNING_MAX, NULL,
	  "variance of what was never seen, for one window (1)" },
	{ "transform", "KIND", WORD, AT(transform), 0, 0, transform_words,
	  "of the values: auto, none, log1p, flows (auto)" },
	{ "seed", "N", WHOLE, AT(eval.seed), 1, UINT32_MAX, NULL, "of noise and chance (1)" },
	{ "reference", "FILE", TEXT, AT(reference), 0, 0, NULL,
	  "AUROCs of another implementation to compare with" },
	{ "mean", NULL, FLAG, AT(mean), 0, 0, NULL, "tell means only" },
	{ "json", NULL, FLAG, AT(json), 0, 0, NULL, "print the report as JSON" },
};

static void usage(FILE *to)
{
	(void)fputs("usage: tacit-sim eval --data FILE [OPTION...]\n\n", to);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		char option[32];

		(void)snprintf(option, sizeof(option), "--%s %s", rows[i].name,
			       rows[i].value ? rows[i].value : "");
		(void)fprintf(to, "  %-18s %s\n", option, rows[i].doc);
	}
	(void)fputs("  --help\n", to);
}

static bool set_word(const struct row *row, const char *text, int *ret)
{
	for (int i = 0; row->words[i]; i++)
		if (strcmp(row->words[i], text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool set_number(const struct row *row, const char *text, void *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= row->min && value <= row->max))
		return false;
	if (row->type == REAL) {
		*(double *)ret = value;
		return true;
	}
	*(uint32_t *)ret = (uint32_t)value;
	return value == floor(value);
}

static bool set(const struct row *row, const char *text, struct options *options)
{
	void *field = (char *)options + row->offset;

	switch (row->type) {
	case TEXT:
		*(const char **)field = text;
		return true;
	case WORD:
		return set_word(row, text, (int *)field);
	case FLAG:
		*(int *)field = 1;
		return true;
	case REAL:
	case WHOLE:
		break;
	}
	return set_number(row, text, field);
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *options)
{
	struct option table[TACIT_ARRAY_LEN(rows) + 2] = { 0 };
	int c, at = 0;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++)
		table[i] = (struct option){ rows[i].name,
					    rows[i].type == FLAG ? no_argument : required_argument,
					    NULL, 1 };
	table[TACIT_ARRAY_LEN(rows)] = (struct option){ "help", no_argument, NULL, 'h' };
	while ((c = getopt_long(argc, argv, "h", table, &at)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return EXIT_SUCCESS;
		}
		if (c == '?')
			return EXIT_USAGE;
		if (!set(&rows[at], optarg, options)) {
			(void)fprintf(stderr, "tacit-sim: \"%s\" will not do for --%s\n", optarg,
				      rows[at].name);
			return EXIT_USAGE;
		}
	}
	if (optind == argc && options->data)
		return -1;
	usage(stderr);
	return EXIT_USAGE;
}

/* A share of a train part that was made small is too little for thresholds. */
static bool complete(struct options *options)
{
	struct tacit_eval_params *eval = &options->eval;

	eval->kind = tacit_model_kind_find(options->model);
	if (!eval->kind) {
		tacit_error("there is no model \"%s\"", options->model);
		return false;
	}
	eval->learn = (enum tacit_eval_learn)options->learn;
	eval->threshold = (enum tacit_eval_threshold)options->threshold;
	eval->calibrate = options->calibrate;
	if (isnan(eval->calibrate))
		eval->calibrate =
			eval->learn == TACIT_EVAL_LOCAL && eval->own_windows > 0 ? 0 : 1. / 3;
	return true;
}

static int load(const struct options *options, struct tacit_dataset **ret)
{
	struct tacit_dataset_where where = { 0 };
	int r = tacit_dataset_load(options->data, (enum tacit_dataset_transform)options->transform,
				   ret, &where);

	if (r < 0 && where.why[0] == '\0')
		tacit_error("%s: %s", options->data, tacit_strerror(r));
	else if (r < 0 && where.line > 0)
		tacit_error("%s:%lu: %s", options->data, where.line, where.why);
	else if (r < 0)
		tacit_error("%s: %s", options->data, where.why);
	return r;
}

static void close_file_p(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/* To standard error, whatever the report looks like. */
static int tell_reference(const struct tacit_eval *eval, const char *path)
{
	TACIT_CLEANUP(close_file_p) FILE *file = fopen(path, "re");
	struct tacit_eval_reference reference;
	unsigned long line = 0;
	int r = file ? tacit_eval_reference(eval, file, &reference, &line) : -errno;

	if (r == -EINVAL)
		tacit_error("%s:%lu: no figures", path, line);
	else if (r < 0)
		tacit_error("%s: %s", path, tacit_strerror(r));
	if (r < 0)
		return r;
	(void)fprintf(stderr, "reference: %zu figures compared, %zu skipped: of other rows\n",
		      reference.compared, reference.skipped);
	for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
		if (reference.host[s])
			(void)fprintf(stderr, "reference: AUROC of %s at most %.4f apart, %s\n",
				      tacit_eval_score_name(s), reference.largest[s],
				      reference.host[s]);
	return 0;
}

static int print(const struct tacit_eval *eval, const struct options *options)
{
	json_t *report;

	if (!options->json) {
		tacit_eval_report_print(eval, options->mean, stdout);
		return 0;
	}
	report = tacit_eval_report_json(eval);
	if (!report)
		return -ENOMEM;
	(void)json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	(void)putchar('\n');
	json_decref(report);
	return 0;
}

int tacit_eval_main(int argc, char **argv)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = NULL;
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;
	struct options options = {
		.model = "gaussian",
		.calibrate = NAN,
		.eval = { .quantile = 0.999,
			  .alerts_per_day = 1,
			  .kappa = 30,
			  .rounds = 1,
			  .window_ms = 1000,
			  .tuning = TACIT_TUNING_DEFAULT,
			  .seed = 1 },
	};
	int r = parse(argc, argv, &options);

	if (r >= 0)
		return r;
	if (strstr(options.data, ".traces"))
		return tacit_eval_trace_tell(options.data, NULL, options.json, stdout) < 0
			       ? EXIT_FAILURE
			       : EXIT_SUCCESS;
	if (!complete(&options) || load(&options, &dataset) < 0)
		return EXIT_FAILURE;
	r = tacit_eval_run(dataset, &options.eval, &eval);
	if (r == 0 && eval->unjudged > 0)
		tacit_notice("of %zu hosts, %zu had a model that knew too little to judge",
			     eval->hosts, eval->unjudged);
	if (r == 0)
		r = print(eval, &options);
	if (r == 0 && options.reference && tell_reference(eval, options.reference) < 0)
		return EXIT_FAILURE;
	if (r < 0)
		tacit_error("%s was not evaluated: %s", options.data, tacit_strerror(r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
