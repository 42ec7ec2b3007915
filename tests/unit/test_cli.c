/* SPDX-License-Identifier: MIT */
#include "agent/cli.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <jansson.h>

#include <tacit/cleanup.h>
#include <tacit/log.h>
#include <tacit/x509.h>

#include "agent/control.h"
#include "agent/render.h"
#include "agent/store.h"

#include "place.h"
#include "unit.h"

#define NOW	  ((int64_t)1795478400000) /* 2026-11-24T00:00:00Z */
#define WORDS_MAX 8

static int64_t standstill(void)
{
	return NOW;
}

/* One run of the command, and what it wrote. */
struct run {
	char *out, *err;
	int code;
};

static void run_done(struct run *run)
{
	free(run->out);
	free(run->err);
}

#define RUN(name, ...) TACIT_CLEANUP(run_done) struct run name = run_words(NULL, __VA_ARGS__, NULL)
#define RUN_AT(name, place, ...)                                                                   \
	TACIT_CLEANUP(run_done) struct run name = run_words(place, __VA_ARGS__, NULL)

/* In a folder with a configuration, or with none. The last word is NULL. */
static struct run run_words(struct place *place, ...)
{
	struct run run = { 0 };
	size_t out_len, err_len;
	struct tacit_cli_io io = { .out = open_memstream(&run.out, &out_len),
				   .err = open_memstream(&run.err, &err_len),
				   .stdin_is_tty = true,
				   .wall_ms = standstill };
	char *argv[WORDS_MAX + 4] = { strdup("tacit") }, *word;
	int argc = 1;
	va_list words;

	if (place) {
		argv[argc++] = strdup("--config");
		argv[argc++] = strdup(place_file(place, "agent.conf"));
	}
	va_start(words, place);
	while ((word = va_arg(words, char *)))
		argv[argc++] = strdup(word);
	va_end(words);
	run.code = tacit_cli_run(&io, argc, argv);
	(void)fclose(io.out);
	(void)fclose(io.err);
	while (argc > 0)
		free(argv[--argc]);
	return run;
}

static void write_conf(struct place *place)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "state_dir = %s\ncontrol_socket = %s/control\n",
			 place->folder, place->folder);

	(void)place_write(place, "agent.conf", text, (size_t)n);
}

/* A folder with a configuration and a database with one anomaly, of a hostile name. */
static void write_database(struct place *place)
{
	struct tacit_store_params params = { 0 };
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = NULL;
	struct tacit_anomaly anomaly = {
		.scope = "evil\033[2J\xff.service",
		.class = "web",
		.start_ms = NOW - 60000,
		.end_ms = NOW - 50000,
		.peak_ms = NOW - 55000,
		.windows = 10,
		.peak = 12345.6,
		.threshold = 99,
		.model_version = 3,
		.state = TACIT_ANOMALY_ENDED,
		.detail = "{\"features\":[{\"name\":\"syscall.rename\",\"unit\":\"calls\",\"value\":4000,"
			  "\"expected\":0.5,\"z\":90.1,\"share\":0.75}],\"evidence\":330,"
			  "\"distance\":12345.6,\"distance_threshold\":99,\"max_z\":90.1,"
			  "\"max_z_threshold\":6}",
	};
	struct tacit_store_scope scope = { .windows = 12, .last_ms = NOW - 50000 };

	write_conf(place);
	params.path = place_file(place, "tacit.db");
	(void)strcpy(scope.name, "a-service-of-a-very-long-name-that-fits-no-column.service");
	(void)strcpy(scope.class, "a-class-of-a-very-long-name-that-fits-no-column");
	CU_ASSERT_EQUAL_FATAL(tacit_store_open(&params, &store), 0);
	CU_ASSERT_EQUAL(tacit_store_put_anomaly(store, &anomaly), 0);
	CU_ASSERT_EQUAL(tacit_store_put_scope(store, &scope), 0);
}

static void expect_usage(const struct run *run, const char *part)
{
	CU_ASSERT_EQUAL(run->code, TACIT_EXIT_USAGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(run->err, part));
	CU_ASSERT_STRING_EQUAL(run->out, "");
}

static void test_usage(void)
{
	RUN(none, NULL);
	RUN(verb, "sing");
	RUN(option, "status", "--loud");
	RUN(elsewhere, "status", "--since", "1h");
	RUN(value, "status", "--json=yes");
	RUN(missing, "anomalies", "--limit");
	RUN(zero, "anomalies", "--limit", "0");
	RUN(unit, "anomalies", "--since", "5weeks");
	RUN(huge, "anomalies", "--since=99999999999999999999d");
	RUN(extra, "status", "now");
	RUN(letter, "-x", "status");

	expect_usage(&none, "usage: tacit VERB");
	expect_usage(&verb, "no verb \"sing\"");
	expect_usage(&option, "unknown option --loud of status");
	expect_usage(&elsewhere, "unknown option --since of status");
	expect_usage(&value, "--json takes no value");
	expect_usage(&missing, "--limit wants a value");
	expect_usage(&zero, "--limit 0");
	expect_usage(&unit, "--since 5weeks");
	expect_usage(&huge, "--since 99999999999999999999d");
	expect_usage(&extra, "takes no \"now\"");
	expect_usage(&letter, "unknown option -x");
}

static void test_help(void)
{
	RUN(version, "--version");
	const char *verb;

	CU_ASSERT_EQUAL(version.code, 0);
	CU_ASSERT_STRING_EQUAL(version.out, "tacit " TACIT_VERSION "\n");
	for (size_t i = 0; (verb = tacit_cli_verb_at(i)); i++) {
		RUN(help, verb, "--help");

		CU_ASSERT_EQUAL(help.code, 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(help.out, "usage: tacit "));
		CU_ASSERT_PTR_NOT_NULL(strstr(help.out, verb));
		CU_ASSERT_PTR_NOT_NULL(strstr(help.out, "--json"));
		CU_ASSERT_STRING_EQUAL(help.err, "");
	}
}

/* Wherever it stands, it is refused and not repeated. */
static void test_token_in_argv(void)
{
	RUN(word, "enroll", "tacit1.aHR0cHM.c2VjcmV0.cGlu");
	RUN(value, "enroll", "--token-file", "tacit1.aHR0cHM.c2VjcmV0.cGlu");
	RUN(joined, "enroll", "--token=tacit1.aHR0cHM.c2VjcmV0.cGlu");

	expect_usage(&word, "does not belong on a command line");
	expect_usage(&value, "does not belong on a command line");
	expect_usage(&joined, "does not belong on a command line");
	CU_ASSERT_PTR_NULL(strstr(word.err, "c2VjcmV0"));
	CU_ASSERT_PTR_NULL(strstr(value.err, "c2VjcmV0"));
	CU_ASSERT_PTR_NULL(strstr(joined.err, "c2VjcmV0"));
}

static void test_nobody(void)
{
	PLACE(place);

	write_conf(&place);
	RUN_AT(status, &place, "status");
	RUN_AT(features, &place, "features", "--json");
	RUN_AT(markdown, &place, "features", "--markdown");

	CU_ASSERT_EQUAL(status.code, TACIT_EXIT_DOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(status.err, "tacitd is not running"));
	CU_ASSERT_PTR_NOT_NULL(strstr(status.err, "systemctl start tacitd"));
	CU_ASSERT_STRING_EQUAL(status.out, "");
	CU_ASSERT_EQUAL(features.code, 0); /* the table is known all the same */
	CU_ASSERT_EQUAL(markdown.code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(markdown.out, "| `process.fork` | processes |"));
}

static void test_bad_conf(void)
{
	PLACE(place);

	(void)place_write(&place, "agent.conf", "a = b\n", 6);
	RUN_AT(bad, &place, "status");
	(void)unlink(place_file(&place, "agent.conf"));
	RUN_AT(none, &place, "status");

	CU_ASSERT_EQUAL(bad.code, TACIT_EXIT_USAGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(bad.err, "agent.conf:1: "));
	CU_ASSERT_EQUAL(none.code, TACIT_EXIT_USAGE);
}

static json_t *parse(const struct run *run)
{
	json_t *document = json_loads(run->out, JSON_REJECT_DUPLICATES, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	return document;
}

static void test_database(void)
{
	PLACE(place);

	write_database(&place);
	RUN_AT(status, &place, "status", "--json");
	RUN_AT(text, &place, "status");
	RUN_AT(some, &place, "anomalies", "--fail-if-any");
	RUN_AT(recent, &place, "anomalies", "--fail-if-any", "--since", "10s");
	RUN_AT(last, &place, "explain", "last", "--json");
	RUN_AT(none, &place, "explain", "77");
	RUN_AT(word, &place, "explain", "first");
	json_auto_t *status_document = parse(&status), *last_document = parse(&last);

	CU_ASSERT_EQUAL(status.code, 0);
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(status_document, "source"), "database");
	CU_ASSERT_EQUAL(tacit_render_int_at(status_document, "anomalies.last_24h"), 1);
	CU_ASSERT_EQUAL(text.code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.out, "tacitd is not running"));
	CU_ASSERT_EQUAL(some.code, TACIT_EXIT_ANOMALIES);
	CU_ASSERT_EQUAL(recent.code, 0);
	CU_ASSERT_EQUAL(tacit_render_int_at(last_document, "anomaly.id"), 1);
	CU_ASSERT_EQUAL(none.code, TACIT_EXIT_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(none.err, "no anomaly 77"));
	CU_ASSERT_EQUAL(word.code, TACIT_EXIT_USAGE);
}

/* Every text fits 80 columns, has no colour when none is wanted, and obeys no foreign name. */
static void test_text(void)
{
	PLACE(place);
	const char *verb;

	write_database(&place);
	for (size_t i = 0; (verb = tacit_cli_verb_at(i)); i++) {
		if (strcmp(verb, "enroll") == 0)
			continue;
		RUN_AT(run, &place, verb);
		CU_ASSERT_EQUAL(run.code, 0);
		CU_ASSERT_PTR_NULL(strchr(run.out, '\033'));
		for (char *line = run.out; *line; line += strcspn(line, "\n") + 1)
			if (strcspn(line, "\n") > TACIT_RENDER_COLUMNS) {
				printf("# %s: %.*s\n", verb, (int)strcspn(line, "\n"), line);
				CU_FAIL("a line is longer than 80 columns");
			}
	}
	RUN_AT(explain, &place, "explain");
	CU_ASSERT_PTR_NOT_NULL(strstr(explain.out, "evil?[2J?.service"));
	CU_ASSERT_PTR_NOT_NULL(strstr(explain.out, "4,000, usually 0.50"));
	CU_ASSERT_PTR_NOT_NULL(strstr(explain.out, "#########...  75%  syscall.rename"));
}

/* A daemon that answers "enroll", and "status" with what it is given. */
struct daemon {
	struct event_base *base;
	struct tacit_control *control;
	const char *status; /* JSON */
	bool got_token;
	bool stop;
	pthread_t thread;
};

static int answer(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
		  size_t size)
{
	struct daemon *daemon = (struct daemon *)ctx;

	(void)why, (void)size;
	if (strcmp(verb, "enroll") == 0) {
		daemon->got_token = json_string_length(json_object_get(request, "token")) > 0;
		*ret = json_object();
	} else {
		*ret = json_loads(daemon->status, 0, NULL);
	}
	return 0;
}

static void *serve(void *arg)
{
	struct daemon *daemon = (struct daemon *)arg;

	while (!__atomic_load_n(&daemon->stop, __ATOMIC_ACQUIRE)) {
		(void)event_base_loop(daemon->base, EVLOOP_NONBLOCK);
		(void)usleep(200);
	}
	return NULL;
}

static void daemon_start(struct daemon *daemon, struct place *place, const char *status)
{
	struct tacit_control_params params = { .path = place_file(place, "control"),
					       .handle = answer,
					       .ctx = daemon };

	*daemon = (struct daemon){ .base = event_base_new(), .status = status };
	params.base = daemon->base;
	CU_ASSERT_EQUAL_FATAL(tacit_control_listen(&params, &daemon->control), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&daemon->thread, NULL, serve, daemon), 0);
}

static void daemon_stop(struct daemon *daemon)
{
	__atomic_store_n(&daemon->stop, true, __ATOMIC_RELEASE);
	(void)pthread_join(daemon->thread, NULL);
	tacit_control_free(daemon->control);
	event_base_free(daemon->base);
}

static void write_token(struct place *place)
{
	struct tacit_token token = { .url = "https://127.0.0.1:1", .secret = { 1 }, .pin = { 2 } };
	char text[TACIT_TOKEN_TEXT_MAX];

	tacit_token_format(&token, text);
	(void)place_write(place, "token", text, strlen(text));
}

static void test_enroll(void)
{
	PLACE(place);
	char path[600];
	struct daemon daemon;

	(void)unsetenv("CREDENTIALS_DIRECTORY");
	write_conf(&place);
	write_token(&place);
	(void)snprintf(path, sizeof(path), "%s", place_file(&place, "token"));
	daemon_start(&daemon, &place,
		     "{\"source\":\"daemon\",\"host\":{\"enrolled\":true,\"id\":\"ab\",\"aggregator\":"
		     "\"https://127.0.0.1:1\"},\"uplink\":{\"state\":\"task\"}}");
	RUN_AT(done, &place, "enroll", "--token-file", path);
	daemon_stop(&daemon);
	CU_ASSERT_EQUAL(done.code, 0);
	CU_ASSERT_TRUE(daemon.got_token);
	CU_ASSERT_PTR_NOT_NULL(strstr(done.out, "enrolled at https://127.0.0.1:1\nhost ab"));

	daemon_start(&daemon, &place,
		     "{\"source\":\"daemon\",\"host\":{\"enrolled\":false},\"uplink\":{\"state\":"
		     "\"outside\",\"failing\":true,\"last_error\":\"the token is used up\"}}");
	RUN_AT(refused, &place, "enroll", "--token-file", path);
	daemon_stop(&daemon);
	CU_ASSERT_EQUAL(refused.code, TACIT_EXIT_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(refused.err, "refused: the token is used up"));
}

static void test_enroll_impossible(void)
{
	PLACE(place);
	char path[600];

	(void)unsetenv("CREDENTIALS_DIRECTORY");
	write_conf(&place);
	write_token(&place);
	(void)snprintf(path, sizeof(path), "%s", place_file(&place, "token"));
	RUN_AT(down, &place, "enroll", "--token-file", path);
	RUN_AT(nothing, &place, "enroll");
	(void)place_write(&place, "token", "c2VjcmV0", 8);
	RUN_AT(bad, &place, "enroll", "--token-file", path);
	RUN_AT(missing, &place, "enroll", "--token-file", "/nonexistent");

	CU_ASSERT_EQUAL(down.code, TACIT_EXIT_DOWN);
	expect_usage(&nothing, "where is the token?");
	CU_ASSERT_EQUAL(bad.code, TACIT_EXIT_FAILED);
	CU_ASSERT_PTR_NULL(strstr(bad.err, "c2VjcmV0"));
	CU_ASSERT_EQUAL(missing.code, TACIT_EXIT_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(missing.err, "/nonexistent"));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "usage", test_usage },
		{ "help", test_help },
		{ "a token in argv", test_token_in_argv },
		{ "nobody answers", test_nobody },
		{ "a bad configuration", test_bad_conf },
		{ "the database answers", test_database },
		{ "text", test_text },
		{ "enroll", test_enroll },
		{ "enroll when it is impossible", test_enroll_impossible },
		{ NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("cli", cases);
}
