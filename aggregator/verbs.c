/* SPDX-License-Identifier: MIT */
#include "verbs.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/fleet.h>

#include "admin.h"

#define TIMEOUT_MS 60000U
#define WHY_MAX	   256U

enum kind {
	KIND_NUMBER,
	KIND_REAL,
	KIND_TIME,  /* "90", "30m", "24h", "7d": seconds */
	KIND_LABEL, /* NAME=VALUE, again and again */
	KIND_FLAG,  /* without a value */
};

struct option {
	const char *flag;   /* "--uses" */
	const char *member; /* of the request */
	enum kind kind;
	const char *fallback;
};

#define OPTIONS_MAX 4

struct verb {
	const char *name;     /* one word, or two */
	const char *argument; /* member for the one that is demanded; "=": KEY=VALUE... */
	bool number;	      /* the argument is one */
	const char *usage, *help;
	struct option option[OPTIONS_MAX];
};

static const struct verb verbs[] = {
	{ "status", NULL, false, "", "what is running, and how the fleet fares", { { 0 } } },
	{ "privacy", NULL, false, "", "what privacy has been spent, and against whom", { { 0 } } },
	{ "fairness",
	  NULL,
	  false,
	  "",
	  "which group of hosts is served how well, and takes part",
	  { { 0 } } },
	{ "token create",
	  NULL,
	  false,
	  "[--uses N] [--ttl TIME] [--label NAME=VALUE]...",
	  "print a line that lets hosts enrol (1 host, 24h)",
	  { { "--uses", "uses", KIND_NUMBER, "1" },
	    { "--ttl", "ttl_sec", KIND_TIME, "24h" },
	    { "--label", "labels", KIND_LABEL, NULL } } },
	{ "token list", NULL, false, "", "tokens and what is left of them", { { 0 } } },
	{ "token revoke", "id", true, "ID", "no more hosts enrol with it", { { 0 } } },
	{ "hosts list", NULL, false, "", "who belongs to the fleet", { { 0 } } },
	{ "hosts show", "id", false, "ID", "one host", { { 0 } } },
	{ "hosts revoke", "id", false, "ID", "put a host out, for good", { { 0 } } },
	{ "rounds list",
	  NULL,
	  false,
	  "[--limit N]",
	  "the latest rounds (20)",
	  { { "--limit", "limit", KIND_NUMBER, "20" } } },
	{ "rounds show", "round", true, "ROUND", "one round", { { 0 } } },
	{ "rounds open",
	  NULL,
	  false,
	  "[--evaluate]",
	  "begin a round now, to learn or to evaluate",
	  { { "--evaluate", "evaluate", KIND_FLAG, NULL } } },
	{ "task show", NULL, false, "", "what the fleet is learning", { { 0 } } },
	{ "task set", "=", false, "KEY=VALUE...", "change it; classes=a,b,c", { { 0 } } },
	{ "task plan",
	  NULL,
	  false,
	  "--hosts N --epsilon E [--classes N] [--dimensions N]",
	  "what noise a fleet of that size can afford; needs no aggregator",
	  { { "--hosts", "hosts", KIND_NUMBER, NULL },
	    { "--epsilon", "epsilon", KIND_REAL, NULL },
	    { "--classes", "classes", KIND_NUMBER, NULL },
	    { "--dimensions", "dimensions", KIND_NUMBER, NULL } } },
	{ "secagg-params",
	  NULL,
	  false,
	  "--hosts N --corrupt G --dropout D [--semi-honest]",
	  "what a secure sum over that many takes; needs no aggregator",
	  { { "--hosts", "hosts", KIND_NUMBER, NULL },
	    { "--corrupt", "corrupt", KIND_REAL, NULL },
	    { "--dropout", "dropout", KIND_REAL, NULL },
	    { "--semi-honest", "semi_honest", KIND_FLAG, NULL } } },
};

void tacit_verbs_help(FILE *out)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(verbs); i++)
		(void)fprintf(out, "  %s%s%s\n        %s\n", verbs[i].name,
			      verbs[i].usage[0] ? " " : "", verbs[i].usage, verbs[i].help);
}

static int complain(char *why, size_t size, const char *what, const char *about)
{
	(void)snprintf(why, size, "%s: %.64s", what, about);
	return -EINVAL;
}

static int parse_number(const char *text, json_t **ret)
{
	size_t len = strlen(text);

	if (len == 0 || len > 15 || strspn(text, "0123456789") != len)
		return -EINVAL;
	*ret = json_integer(strtoll(text, NULL, 10));
	return *ret ? 0 : -ENOMEM;
}

static int parse_real(const char *text, json_t **ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value))
		return -EINVAL;
	*ret = json_real(value);
	return *ret ? 0 : -ENOMEM;
}

static int parse_time(const char *text, json_t **ret)
{
	static const struct {
		char letter;
		json_int_t sec;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t digits = strspn(text, "0123456789");
	json_int_t value;

	if (digits == 0 || digits > 9)
		return -EINVAL;
	value = strtoll(text, NULL, 10);
	if (text[digits] == '\0') {
		*ret = json_integer(value);
		return *ret ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < TACIT_ARRAY_LEN(units); i++)
		if (text[digits] == units[i].letter && text[digits + 1] == '\0') {
			*ret = json_integer(value * units[i].sec);
			return *ret ? 0 : -ENOMEM;
		}
	return -EINVAL;
}

static int add_label(const char *text, json_t *request, const char *member)
{
	json_t *labels = json_object_get(request, member);
	const char *equals = strchr(text, '=');
	TACIT_AUTO_FREE char *name = NULL;

	if (!equals || equals == text)
		return -EINVAL;
	if (!labels) {
		labels = json_object();
		if (json_object_set_new(request, member, labels) < 0)
			return -ENOMEM;
	}
	name = tacit_strndup(text, (size_t)(equals - text));
	if (!name)
		return -ENOMEM;
	return json_object_set_new(labels, name, json_string(equals + 1)) < 0 ? -EINVAL : 0;
}

static int set_option(const struct option *option, const char *text, json_t *request)
{
	json_t *value = NULL;
	int r = -EINVAL;

	switch (option->kind) {
	case KIND_NUMBER:
		r = parse_number(text, &value);
		break;
	case KIND_REAL:
		r = parse_real(text, &value);
		break;
	case KIND_TIME:
		r = parse_time(text, &value);
		break;
	case KIND_LABEL:
		return add_label(text, request, option->member);
	case KIND_FLAG:
		value = json_true();
		r = 0;
		break;
	}
	if (r == 0 && json_object_set_new(request, option->member, value) < 0)
		r = -ENOMEM;
	return r;
}

/* "slots:N" stands for the names of N slots. */
static int add_class(json_t *list, const char *text, size_t len)
{
	char name[TACIT_FLEET_CLASS_NAME_MAX + 1];
	unsigned n = 0;
	int r = 0, end = 0;

	if (sscanf(text, "slots:%3u%n", &n, &end) != 1 || (size_t)end != len ||
	    n > TACIT_FLEET_CLASSES_MAX)
		return json_array_append_new(list, json_stringn(text, len));
	for (unsigned i = 0; r == 0 && i < n; i++) {
		tacit_fleet_slot_name(i, n, name);
		r = json_array_append_new(list, json_string(name));
	}
	return r;
}

static json_t *split_list(const char *text)
{
	json_t *list = json_array();

	while (list) {
		size_t len = strcspn(text, ",");

		if (add_class(list, text, len) < 0) {
			json_decref(list);
			return NULL;
		}
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	return list;
}

/* A whole number, another number, or words. */
static json_t *guess_value(const char *text)
{
	json_t *value = NULL;

	if (parse_number(text, &value) < 0 && parse_real(text, &value) < 0)
		value = json_string(text);
	return value;
}

static int add_change(const char *text, json_t *request)
{
	json_t *changes = json_object_get(request, "changes");
	const char *equals = strchr(text, '=');
	TACIT_AUTO_FREE char *name = NULL;
	json_t *value;

	if (!equals || equals == text)
		return -EINVAL;
	name = tacit_strndup(text, (size_t)(equals - text));
	if (!name)
		return -ENOMEM;
	if (!changes) {
		changes = json_object();
		if (json_object_set_new(request, "changes", changes) < 0)
			return -ENOMEM;
	}
	value = strcmp(name, "classes") == 0 ? split_list(equals + 1) : guess_value(equals + 1);
	return json_object_set_new(changes, name, value) < 0 ? -EINVAL : 0;
}

static int set_argument(const struct verb *verb, const char *text, json_t *request)
{
	json_t *value;

	if (!verb->argument)
		return -EINVAL;
	if (strcmp(verb->argument, "=") == 0)
		return add_change(text, request);
	if (json_object_get(request, verb->argument))
		return -EINVAL; /* one will do */
	value = NULL;
	if (verb->number && parse_number(text, &value) < 0)
		return -EINVAL;
	if (!verb->number)
		value = json_string(text);
	return json_object_set_new(request, verb->argument, value) < 0 ? -EINVAL : 0;
}

/* The verb that the first one or two words name, and how many. */
static const struct verb *find_verb(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; argc > 0 && i < TACIT_ARRAY_LEN(verbs); i++) {
		size_t len = strcspn(verbs[i].name, " ");
		const char *second = verbs[i].name[len] ? verbs[i].name + len + 1 : NULL;

		if (strlen(argv[0]) != len || strncmp(verbs[i].name, argv[0], len) != 0 ||
		    (second && (argc < 2 || strcmp(second, argv[1]) != 0)))
			continue;
		*ret_words = second ? 2 : 1;
		return &verbs[i];
	}
	return NULL;
}

static const struct option *find_option(const struct verb *verb, const char *flag)
{
	for (size_t i = 0; i < OPTIONS_MAX && verb->option[i].flag; i++)
		if (strcmp(verb->option[i].flag, flag) == 0)
			return &verb->option[i];
	return NULL;
}

static int parse_words(const struct verb *verb, int argc, char **argv,
		       struct tacit_verbs_request *ret, char *why, size_t size)
{
	for (int i = 0; i < argc; i++) {
		const struct option *option = find_option(verb, argv[i]);

		if (strcmp(argv[i], "--json") == 0) {
			ret->json = 1;
		} else if (option) {
			if (option->kind != KIND_FLAG && ++i == argc)
				return complain(why, size, "a value is missing", argv[i - 1]);
			if (set_option(option, argv[i], ret->request) < 0)
				return complain(why, size, option->flag, argv[i]);
		} else if (strncmp(argv[i], "--", 2) == 0) {
			return complain(why, size, "unknown option", argv[i]);
		} else if (set_argument(verb, argv[i], ret->request) < 0) {
			return complain(why, size, "unexpected argument", argv[i]);
		}
	}
	return 0;
}

static int fill_in(const struct verb *verb, json_t *request, char *why, size_t size)
{
	const char *member =
		verb->argument && verb->argument[0] == '=' ? "changes" : verb->argument;

	if (member && !json_object_get(request, member))
		return complain(why, size, "missing", verb->usage);
	for (size_t i = 0; i < OPTIONS_MAX && verb->option[i].flag; i++)
		if (verb->option[i].fallback && !json_object_get(request, verb->option[i].member) &&
		    set_option(&verb->option[i], verb->option[i].fallback, request) < 0)
			return -ENOMEM;
	return 0;
}

int tacit_verbs_parse(int argc, char **argv, struct tacit_verbs_request *ret, char *why,
		      size_t size)
{
	struct tacit_verbs_request fresh = { 0 };
	const struct verb *verb;
	int words = 0, r;

	verb = find_verb(argc, argv, &words);
	if (!verb)
		return complain(why, size, "unknown verb", argc > 0 ? argv[0] : "none");
	fresh.verb = verb->name;
	fresh.request = json_pack("{s:s}", "verb", verb->name);
	if (!fresh.request)
		return -ENOMEM;
	r = parse_words(verb, argc - words, argv + words, &fresh, why, size);
	if (r == 0)
		r = fill_in(verb, fresh.request, why, size);
	if (r < 0) {
		json_decref(fresh.request);
		return r;
	}
	*ret = fresh;
	return 0;
}

static int print(const struct tacit_verbs_request *request, const json_t *answer, FILE *out)
{
	if (!request->json)
		tacit_verbs_print(request->verb, answer, out);
	else if (json_dumpf(answer, out, JSON_INDENT(2)) == 0)
		(void)fputc('\n', out);
	return fflush(out) == 0 && !ferror(out) ? 0 : TACIT_EXIT_FAILED;
}

static int explain_failure(int r, const char *socket, const char *why, FILE *err)
{
	if (r == -ENOENT || r == -ECONNREFUSED) {
		(void)fprintf(err, "tacit-aggregator is not running: nobody listens on %s\n",
			      socket);
		return TACIT_EXIT_NOT_RUNNING;
	}
	if (r == TACIT_EREFUSED && why[0])
		(void)fprintf(err, "%s\n", why);
	else
		(void)fprintf(err, "%s: %s%s\n", socket, tacit_strerror(r),
			      r == -EACCES ? "; ask as root, or as the user it runs as" : "");
	return TACIT_EXIT_FAILED;
}

int tacit_verbs_run(const char *socket, int argc, char **argv, FILE *out, FILE *err)
{
	TACIT_CLEANUP(json_decrefp) json_t *answer = NULL;
	struct tacit_verbs_request request;
	char why[WHY_MAX] = "";
	int r = tacit_verbs_parse(argc, argv, &request, why, sizeof(why)), code = 0;

	if (r < 0) {
		(void)fprintf(err, "%s\nverbs:\n", why[0] ? why : tacit_strerror(r));
		tacit_verbs_help(err);
		return TACIT_EXIT_USAGE;
	}
	if (tacit_verbs_is_plan(request.verb)) {
		r = tacit_verbs_plan(&request, &answer, why, sizeof(why));
		if (r < 0)
			(void)fprintf(err, "%s\n", why[0] ? why : tacit_strerror(r));
		code = r == -EINVAL ? TACIT_EXIT_USAGE : TACIT_EXIT_FAILED;
	} else {
		r = tacit_admin_call(socket, request.request, TIMEOUT_MS, &answer, why,
				     sizeof(why));
		if (r < 0)
			code = explain_failure(r, socket, why, err);
	}
	json_decref(request.request);
	return r == 0 ? print(&request, answer, out) : code;
}
