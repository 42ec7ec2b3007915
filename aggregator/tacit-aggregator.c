/* SPDX-License-Identifier: MIT */
/* tacit-aggregator: runs a fleet's rounds, or, given a verb, asks the one that does. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/log.h>
#include <tacit/notify.h>

#include "aggregator_conf.h"
#include "server.h"
#include "verbs.h"

struct arguments {
	const char *config; /* NULL: the usual one, if it is there */
	int check;
};

static void usage(FILE *out)
{
	(void)fprintf(out, "usage: tacit-aggregator [--config FILE]             [serve]\n"
			   "       tacit-aggregator [--config FILE] --check-config\n"
			   "       tacit-aggregator [--config FILE] VERB...  [--json]\n"
			   "       tacit-aggregator --version | --help\n"
			   "verbs:\n");
	tacit_verbs_help(out);
}

/* An exit code, or -1 to go on. Options after the verb are the verb's. */
static int parse(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			ret->config = optarg;
			break;
		case 'C':
			ret->check = 1;
			break;
		case 'V':
			printf("tacit-aggregator " TACIT_VERSION "\n");
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return TACIT_EXIT_USAGE;
		}
	}
	return -1;
}

static int load(const struct arguments *arguments, struct tacit_aggregator_conf *conf)
{
	const char *path = arguments->config ? arguments->config : TACIT_AGGREGATOR_CONF_PATH;
	struct tacit_conf_where where = { .file = "" };
	int r = tacit_aggregator_conf_load(conf, path, !arguments->config, &where);

	if (r == 0)
		return 0;
	if (where.line > 0)
		tacit_error("%s:%u: %s", where.file, where.line, where.why);
	else
		tacit_error("%s: %s", where.file[0] ? where.file : path,
			    where.why[0] ? where.why : tacit_strerror(r));
	return r;
}

static int serve(const struct tacit_aggregator_conf *conf)
{
	const struct tacit_server_params params = {
		.conf = conf,
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.watchdog_ms =
			tacit_notify_watchdog_ms(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")),
	};

	return tacit_server_run(&params) < 0 ? TACIT_EXIT_FAILED : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	TACIT_CLEANUP(tacit_aggregator_conf_done) struct tacit_aggregator_conf conf = { 0 };
	struct arguments arguments = { 0 };
	int code;

	tacit_log_init("tacit-aggregator");
	code = parse(argc, argv, &arguments);
	if (code >= 0)
		return code;
	if (load(&arguments, &conf) < 0)
		return TACIT_EXIT_FAILED;
	tacit_log_set_level((enum tacit_log_level)(TACIT_LOG_ERROR + (int)conf.log_level));
	if (arguments.check) {
		printf("the configuration is good\n");
		return EXIT_SUCCESS;
	}
	argc -= optind;
	argv += optind;
	if (argc == 0 || (argc == 1 && strcmp(argv[0], "serve") == 0))
		return serve(&conf);
	return tacit_verbs_run(conf.admin_socket, argc, argv, stdout, stderr);
}
