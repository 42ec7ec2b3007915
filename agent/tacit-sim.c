/* SPDX-License-Identifier: MIT */
/* tacit-sim: a fleet of virtual hosts against a real aggregator. */
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/log.h>

#include "eval_options.h"
#include "identity.h"
#include "judge_options.h"
#include "sim.h"
#include "uplink.h"

#define EXIT_USAGE   2
#define REPLAYS_MAX  64U
#define HOSTS        24
#define ROUNDS       2
#define PARALLEL     64
#define TIMEOUT_SEC  600
#define EPSILON      8.0
#define COUNT_MAX    1000000
#define PID_MAX      4194304 /* 64 bits */

static volatile int stop;

struct options {
	const char *from, *to; /* of convert */
	const char *token;
	const char *path[REPLAYS_MAX];
	size_t paths;
	struct tacit_sim_params sim;
	bool json;
};

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void usage(FILE *to)
{
	(void)fputs("usage: tacit-sim run --token FILE --replay FILE... [OPTION...]\n"
		    "       tacit-sim convert FROM TO\n"
		    "       tacit-sim eval --data FILE [OPTION...]\n"
		    "       tacit-sim judge [OPTION...] FILE...\n"
		    "\n"
		    "judge tells how often tacitd would raise an alarm; its options: judge --help.\n"
		    "convert writes a recording again: as CSV if TO ends in .csv, else binary.\n"
		    "eval tells how well labelled windows are judged; its options: eval --help.\n"
		    "run has these options:\n"
		    "  --token FILE       enrolment token, or - for standard input\n"
		    "  --replay FILE      windows for the hosts, as tacitd --record writes; repeat it\n"
		    "  --hosts N          virtual hosts (24)\n"
		    "  --rounds N         end when every host took part in so many (2)\n"
		    "  --kind NAME        of the hosts' models (gaussian)\n"
		    "  --parallel N       connections at once (64)\n"
		    "  --poll SEC         longest wait between two polls of a host (as told)\n"
		    "  --timeout SEC      give up after so long (600)\n"
		    "  --max-epsilon E    privacy budget of each host (8)\n"
		    "  --seed N           where in its recording each host begins, and who misbehaves (1)\n"
		    "  --drop PHASE=F     the fraction F of the hosts falls silent before its advert,\n"
		    "                     shares, masked, consent or answer; repeat it\n"
		    "  --slow F=MS        the fraction F holds back each message by up to MS\n"
		    "  --liars N          so many hosts send vectors that are far too long\n"
		    "  --server-pid PID   tell what the aggregator costs\n"
		    "  --json             print the report as JSON\n"
		    "  --version, --help\n",
		    to);
}

static bool parse_number(const char *text, long max, unsigned *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 1 || value > max)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool parse_count(const char *text, unsigned *ret)
{
	return parse_number(text, COUNT_MAX, ret);
}

static bool parse_epsilon(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*ret) && *ret > 0;
}

static bool parse_one(int c, struct options *options)
{
	unsigned number = 0;

	switch (c) {
	case 't':
		options->token = optarg;
		return true;
	case 'r':
		if (options->paths == REPLAYS_MAX)
			return false;
		options->path[options->paths++] = optarg;
		return true;
	case 'n':
		return parse_count(optarg, &options->sim.hosts);
	case 'R':
		return parse_count(optarg, &options->sim.rounds);
	case 'k':
		options->sim.kind = tacit_model_kind_find(optarg);
		return options->sim.kind != NULL;
	case 'p':
		return parse_number(optarg, TACIT_UPLINK_CONNECTIONS_MAX, &options->sim.parallel);
	case 'P':
		return parse_count(optarg, &options->sim.poll_sec);
	case 'T':
		return parse_count(optarg, &options->sim.timeout_sec);
	case 'e':
		return parse_epsilon(optarg, &options->sim.max_epsilon);
	case 's':
		if (!parse_count(optarg, &number))
			return false;
		options->sim.seed = number;
		return true;
	case 'd':
		return tacit_sim_secure_parse_drop(optarg, &options->sim.secure) == 0;
	case 'l':
		return tacit_sim_secure_parse_slow(optarg, &options->sim.secure) == 0;
	case 'L':
		return parse_count(optarg, &options->sim.secure.liars);
	case 'S':
		if (!parse_number(optarg, PID_MAX, &number))
			return false;
		options->sim.server_pid = (pid_t)number;
		return true;
	case 'j':
		options->json = true;
		return true;
	default:
		return false;
	}
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "token", required_argument, NULL, 't' },
		{ "replay", required_argument, NULL, 'r' },
		{ "hosts", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'R' },
		{ "kind", required_argument, NULL, 'k' },
		{ "parallel", required_argument, NULL, 'p' },
		{ "poll", required_argument, NULL, 'P' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "max-epsilon", required_argument, NULL, 'e' },
		{ "seed", required_argument, NULL, 's' },
		{ "drop", required_argument, NULL, 'd' },
		{ "slow", required_argument, NULL, 'l' },
		{ "liars", required_argument, NULL, 'L' },
		{ "server-pid", required_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, at = 0;

	while ((c = getopt_long(argc, argv, "h", table, &at)) != -1) {
		if (c == 'V') {
			(void)puts("tacit-sim " TACIT_VERSION);
			return EXIT_SUCCESS;
		}
		if (c == 'h') {
			usage(stdout);
			return EXIT_SUCCESS;
		}
		if (c == '?')
			return EXIT_USAGE;
		if (!parse_one(c, options)) {
			(void)fprintf(stderr, "tacit-sim: \"%s\" is out of range for --%s\n", optarg,
				      table[at].name);
			return EXIT_USAGE;
		}
	}
	if (optind + 3 == argc && optind == 1 && strcmp(argv[optind], "convert") == 0) {
		options->from = argv[optind + 1];
		options->to = argv[optind + 2];
		return -1;
	}
	if (optind + 1 == argc && strcmp(argv[optind], "run") == 0 && options->token &&
	    options->paths > 0)
		return -1;
	usage(stderr);
	return EXIT_USAGE;
}

static int read_token(const char *path, struct tacit_token *token)
{
	char why[160] = "";
	int r = tacit_identity_read_token(path, token, why, sizeof(why));

	if (r < 0)
		tacit_error("no token from %s: %s", path, why[0] ? why : tacit_strerror(r));
	return r;
}

static void tell_refusal(const char *path, int err, const struct tacit_recording_where *where)
{
	if (where->why[0] == '\0')
		tacit_error("%s: %s", path, tacit_strerror(err));
	else if (where->line > 0)
		tacit_error("%s:%u: %s", path, where->line, where->why);
	else
		tacit_error("%s: byte %llu: %s", path, (unsigned long long)where->offset,
			    where->why);
}

static void tell_cut_off(const char *path, uint64_t windows)
{
	tacit_notice("%s: cut off after %llu windows, which are whole", path,
		     (unsigned long long)windows);
}

static int load_replays(const struct options *options, struct tacit_replay **replay)
{
	for (size_t i = 0; i < options->paths; i++) {
		struct tacit_recording_where where = { 0 };
		int r = tacit_replay_load(options->path[i], &replay[i], &where);

		if (r < 0) {
			tell_refusal(options->path[i], r, &where);
			return r;
		}
		if (tacit_replay_is_cut_off(replay[i]))
			tell_cut_off(options->path[i], tacit_replay_windows(replay[i]));
	}
	return 0;
}

static void print_counts(const json_t *report, const char *member)
{
	const char *text;
	json_t *count;

	json_object_foreach(json_object_get(report, member), text, count)
		printf("%-22s %lld: %s\n", member, (long long)json_integer_value(count), text);
}

static void print_sums(const json_t *sums)
{
	json_t *sum;
	size_t i;

	json_array_foreach(sums, i, sum)
	{
		const char *digest = json_string_value(json_object_get(sum, "sum_sha256"));

		printf("round %lld, group %-6lld %lld masked, %lld survive, sum %.16s\n",
		       (long long)json_integer_value(json_object_get(sum, "round")),
		       (long long)json_integer_value(json_object_get(sum, "group")),
		       (long long)json_integer_value(json_object_get(sum, "hosts")),
		       (long long)json_integer_value(json_object_get(sum, "survivors")),
		       digest ? digest : "unknown");
	}
}

static void print_cost(const json_t *report, const char *name)
{
	const json_t *cost = json_object_get(report, name);

	if (cost)
		printf("cost of %-14s %.1f s of processor, %lld MiB\n", name,
		       json_real_value(json_object_get(cost, "cpu_sec")),
		       (long long)json_integer_value(json_object_get(cost, "rss_peak_kib")) / 1024);
}

static void print_report(json_t *report, bool as_json)
{
	const char *name;
	json_t *value;

	if (as_json) {
		(void)json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		(void)putchar('\n');
		return;
	}
	json_object_foreach(report, name, value)
		if (json_is_integer(value))
			printf("%-22s %lld\n", name, (long long)json_integer_value(value));
	json_object_foreach(json_object_get(report, "seconds"), name, value)
		if (json_is_real(value))
			printf("seconds, %-13s %.1f\n", name, json_real_value(value));
	json_object_foreach(json_object_get(report, "seconds"), name, value)
		if (json_is_object(value))
			printf("seconds to %-11s median %.1f, last %.1f\n", name,
			       json_real_value(json_object_get(value, "median")),
			       json_real_value(json_object_get(value, "last")));
	json_object_foreach(json_object_get(report, "bytes"), name, value)
		printf("bytes %-16s mean %lld, most %lld\n", name,
		       (long long)json_integer_value(json_object_get(value, "mean")),
		       (long long)json_integer_value(json_object_get(value, "max")));
	print_sums(json_object_get(report, "secure"));
	print_cost(report, "server");
	print_cost(report, "sim");
	print_counts(report, "refusals");
	print_counts(report, "errors");
}

static int run(struct options *options)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	struct tacit_replay *replay[REPLAYS_MAX] = { NULL };
	json_t *report = NULL;
	int r = read_token(options->token, &token);

	if (r == 0)
		r = load_replays(options, replay);
	if (r == 0) {
		options->sim.token = &token;
		options->sim.replay = (const struct tacit_replay *const *)replay;
		options->sim.replays = options->paths;
		r = tacit_sim_run(&options->sim, &report);
		if (r == -EINVAL)
			tacit_error("at most %u hosts can be run, and no more of them misbehave",
				    TACIT_SIM_HOSTS_MAX);
		else if (r == -ESRCH)
			tacit_error("there is no process %d", (int)options->sim.server_pid);
		else if (r < 0)
			tacit_error("the run did not finish: %s", tacit_strerror(r));
	}
	if (report)
		print_report(report, options->json);
	json_decref(report);
	for (size_t i = 0; i < options->paths; i++)
		tacit_replay_free(replay[i]);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int convert(const struct options *options)
{
	struct tacit_recording_where where = { 0 };
	struct tacit_recording_converted converted;
	int r = tacit_recording_convert(options->from, options->to, &converted, &where);

	if (r == -EINVAL && where.why[0] == '\0')
		tacit_error("%s and %s are one file", options->from, options->to);
	else if (r < 0)
		tell_refusal(converted.refused, r, &where);
	if (r < 0 && converted.windows > 0)
		tacit_notice("%s has the %llu windows before that", options->to,
			     (unsigned long long)converted.windows);
	if (converted.cut_off)
		tell_cut_off(options->from, converted.windows);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {
		.sim = { .hosts = HOSTS,
			 .rounds = ROUNDS,
			 .parallel = PARALLEL,
			 .timeout_sec = TIMEOUT_SEC,
			 .seed = 1,
			 .max_epsilon = EPSILON,
			 .progress = stderr,
			 .stop = &stop },
	};
	int code;

	tacit_log_init("tacit-sim");
	if (argc > 1 && strcmp(argv[1], "eval") == 0)
		return tacit_eval_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "judge") == 0)
		return tacit_judge_main(argc - 1, argv + 1);
	code = parse_options(argc, argv, &options);
	if (code >= 0)
		return code;
	if (options.from)
		return convert(&options);
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGPIPE, SIG_IGN);
	return run(&options);
}
