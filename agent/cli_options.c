/* SPDX-License-Identifier: MIT */
/* The command line as a table of verbs and options, and the help that comes from it. */
#include "cli_private.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>

#include "report.h"

#define TOKEN_PREFIX   "tacit1."
#define SINCE_MAX_DAYS 36500
#define WAIT_MAX_SEC   86400

enum kind {
	FLAG,
	TEXT,
	NUMBER,	  /* uint32_t */
	DURATION, /* int64_t, milliseconds */
};

struct option_row {
	const char *verb; /* NULL: every verb */
	const char *name;
	char letter; /* 0: none */
	enum kind kind;
	size_t offset;
	uint32_t max; /* of a NUMBER */
	const char *value, *doc;
};

#define AT(member) offsetof(struct tacit_cli_options, member)

static const struct option_row rows[] = {
	{ "anomalies", "since", 0, DURATION, AT(since_ms), 0, "TIME",
	  "how far back, as 90s, 30m, 24h or 7d (default 24h)" },
	{ "anomalies", "limit", 0, NUMBER, AT(limit), TACIT_REPORT_ANOMALIES_MAX, "N",
	  "list at most N, the newest first (default 20)" },
	{ "anomalies", "fail-if-any", 0, FLAG, AT(fail_if_any), 0, NULL,
	  "exit with 10 when there are some" },
	{ "features", "markdown", 0, FLAG, AT(markdown), 0, NULL,
	  "the table as Markdown, without asking anybody" },
	{ "features", "probe", 0, FLAG, AT(probe), 0, NULL,
	  "ask the kernel itself what it refuses and why; as root, without tacitd" },
	{ "enroll", "token-file", 0, TEXT, AT(token_file), 0, "FILE",
	  "read the token from FILE, or from standard input if it is -" },
	{ "enroll", "wait", 0, NUMBER, AT(wait_sec), WAIT_MAX_SEC, "SECONDS",
	  "wait for the answer this long (default 30)" },
	{ NULL, "json", 'j', FLAG, AT(json), 0, NULL, "print JSON, with times in UTC" },
	{ NULL, "config", 'c', TEXT, AT(conf_path), 0, "FILE",
	  "tacitd's configuration (default " TACIT_AGENT_CONF_PATH ")" },
	{ NULL, "help", 'h', FLAG, AT(help), 0, NULL, "this text" },
	{ NULL, "version", 'V', FLAG, AT(version), 0, NULL, "the version" },
};

static const struct {
	const char *verb, *argument, *doc;
} verbs[] = {
	{ "status", NULL, "how tacitd, its sensor, its model and its uplink are" },
	{ "anomalies", NULL, "what was odd lately" },
	{ "explain", "[ID|last]", "what made one anomaly odd" },
	{ "model", NULL, "what was learned, scope by scope" },
	{ "privacy", NULL, "what this host has given away, and what is left" },
	{ "features", NULL, "what is counted, and what this kernel lacks" },
	{ "enroll", NULL, "join a fleet with a token" },
};

const char *tacit_cli_verb_at(size_t i)
{
	return i < TACIT_ARRAY_LEN(verbs) ? verbs[i].verb : NULL;
}

static const char *argument_of(const char *verb)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return verbs[i].argument;
	return NULL;
}

static bool is_verb(const char *word)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].verb, word) == 0)
			return true;
	return false;
}

static void help_option(FILE *out, const struct option_row *row)
{
	char name[48], letter[8] = "";

	if (row->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	(void)snprintf(name, sizeof(name), "%s--%s%s%s", letter, row->name, row->value ? " " : "",
		       row->value ? row->value : "");
	(void)fprintf(out, "  %-20s %s\n", name, row->doc);
}

static void help_options(FILE *out, const char *verb)
{
	(void)fprintf(out, "\noptions:\n");
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++)
		if (!rows[i].verb || (verb && strcmp(rows[i].verb, verb) == 0))
			help_option(out, &rows[i]);
}

static void help_verb(FILE *out, size_t i)
{
	(void)fprintf(out, "usage: tacit %s [options]%s%s\n\n%s\n", verbs[i].verb,
		      verbs[i].argument ? " " : "", verbs[i].argument ? verbs[i].argument : "",
		      verbs[i].doc);
	if (strcmp(verbs[i].verb, "enroll") == 0)
		(void)fprintf(out, "\nThe token comes from --token-file, or from standard input; "
				   "never from the\ncommand line, which every user of this machine "
				   "can read.\n");
	help_options(out, verbs[i].verb);
}

void tacit_cli_help(FILE *out, const char *verb)
{
	for (size_t i = 0; verb && i < TACIT_ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].verb, verb) == 0) {
			help_verb(out, i);
			return;
		}
	(void)fprintf(out,
		      "usage: tacit VERB [options]\n\n"
		      "Asks tacitd, the anomaly detector that learns with a fleet.\n\nverbs:\n");
	for (size_t i = 0; i < TACIT_ARRAY_LEN(verbs); i++)
		(void)fprintf(out, "  %-20s %s\n", verbs[i].verb, verbs[i].doc);
	help_options(out, NULL);
	(void)fprintf(out, "\n`tacit VERB --help` says more; so does tacit(8).\n");
}

static const struct option_row *find_long(const char *verb, const char *name, size_t len)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0 &&
		    (!rows[i].verb || (verb && strcmp(rows[i].verb, verb) == 0)))
			return &rows[i];
	return NULL;
}

static const struct option_row *find_letter(char letter)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* A whole number from 1 to @max, with what follows it in @ret_rest. */
static int parse_number(const char *text, long long max, long long *ret, const char **ret_rest)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoll(text, &rest, 10);
	*ret_rest = rest;
	return errno || *ret < 1 || *ret > max ? -EINVAL : 0;
}

static int parse_duration(const char *text, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t sec;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	const char *rest;
	long long number;

	if (parse_number(text, (long long)SINCE_MAX_DAYS * 86400, &number, &rest) < 0)
		return -EINVAL;
	for (size_t i = 0; i < TACIT_ARRAY_LEN(units); i++) {
		if (strcmp(units[i].unit, rest) != 0)
			continue;
		if (number > (int64_t)SINCE_MAX_DAYS * 86400 / units[i].sec)
			return -EINVAL;
		*ret = number * units[i].sec * 1000;
		return 0;
	}
	return -EINVAL;
}

/* 0, or -EINVAL when @value does not suit the row. */
static int store(struct tacit_cli_options *options, const struct option_row *row, const char *value)
{
	void *at = (char *)options + row->offset;
	const char *rest;
	long long number;

	switch (row->kind) {
	case FLAG:
		*(bool *)at = true;
		return 0;
	case TEXT:
		*(const char **)at = value;
		return 0;
	case NUMBER:
		if (parse_number(value, row->max, &number, &rest) < 0 || *rest)
			return -EINVAL;
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	case DURATION:
		return parse_duration(value, (int64_t *)at);
	}
	return -EINVAL;
}

static int usage(const struct tacit_cli_io *io, const char *verb)
{
	(void)fprintf(io->err, "`tacit %s%s--help` lists what there is\n", verb ? verb : "",
		      verb ? " " : "");
	return TACIT_EXIT_USAGE;
}

/* Reads the option at argv[*at]; moves @at over its value. */
static int parse_option(const struct tacit_cli_io *io, int argc, char **argv, int *at,
			struct tacit_cli_options *options)
{
	const char *word = argv[*at];
	bool is_long = word[1] == '-';
	size_t len = is_long ? strcspn(word + 2, "=") : 1;
	const struct option_row *row = is_long	 ? find_long(options->verb, word + 2, len)
				       : word[2] ? NULL
						 : find_letter(word[1]);
	const char *value = is_long && word[2 + len] ? word + 2 + len + 1 : NULL;

	if (!row) {
		(void)fprintf(io->err, "tacit: unknown option %.*s%s%s\n",
			      is_long ? (int)len + 2 : (int)strlen(word), word,
			      options->verb ? " of " : "", options->verb ? options->verb : "");
		return usage(io, options->verb);
	}
	if (value && row->kind == FLAG) {
		(void)fprintf(io->err, "tacit: --%s takes no value\n", row->name);
		return TACIT_EXIT_USAGE;
	}
	if (!value && row->kind != FLAG)
		value = *at + 1 < argc ? argv[++*at] : NULL;
	if (!value && row->kind != FLAG) {
		(void)fprintf(io->err, "tacit: --%s wants a value: %s\n", row->name, row->doc);
		return TACIT_EXIT_USAGE;
	}
	if (store(options, row, value) == 0)
		return 0;
	(void)fprintf(io->err, "tacit: --%s %s: not possible; %s\n", row->name, value, row->doc);
	return TACIT_EXIT_USAGE;
}

static int parse_word(const struct tacit_cli_io *io, const char *word,
		      struct tacit_cli_options *options)
{
	if (!options->verb && is_verb(word)) {
		options->verb = word;
		return 0;
	}
	if (options->verb && argument_of(options->verb) && !options->argument) {
		options->argument = word;
		return 0;
	}
	if (options->verb)
		(void)fprintf(io->err, "tacit: %s takes no \"%s\"\n", options->verb, word);
	else
		(void)fprintf(io->err, "tacit: there is no verb \"%s\"\n", word);
	return usage(io, options->verb);
}

static bool holds_token(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(argv[i], TOKEN_PREFIX))
			return true;
	return false;
}

/* The verb first, so that its options may stand anywhere. */
static void find_verb(int argc, char **argv, struct tacit_cli_options *options)
{
	for (int i = 1; i < argc && !options->verb; i++) {
		const char *word = argv[i];

		if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0)
			i++;
		else if (word[0] != '-' && is_verb(word))
			options->verb = word;
	}
}

int tacit_cli_parse(const struct tacit_cli_io *io, int argc, char **argv,
		    struct tacit_cli_options *ret)
{
	struct tacit_cli_options options = { 0 };
	bool seen_verb = false;
	int r = 0;

	if (holds_token(argc, argv)) {
		(void)fprintf(io->err,
			      "tacit: a token does not belong on a command line, where every user "
			      "of this machine can\nread it: put it in a file for `tacit enroll "
			      "--token-file FILE`. This one is better revoked.\n");
		return TACIT_EXIT_USAGE;
	}
	find_verb(argc, argv, &options);
	for (int i = 1; i < argc && r == 0; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			r = parse_option(io, argc, argv, &i, &options);
		else if (!seen_verb && options.verb == argv[i])
			seen_verb = true;
		else
			r = parse_word(io, argv[i], &options);
	}
	if (r == 0)
		*ret = options;
	return r;
}
