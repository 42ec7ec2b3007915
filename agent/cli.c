/* SPDX-License-Identifier: MIT */
#include "cli_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>

#include "control.h"
#include "report.h"
#include "store.h"

#define WHY_MAX	      256
#define PATIENCE_MS   10000U
#define SINCE_DEFAULT 86400000
#define LIMIT_DEFAULT 20U

void tacit_cli_complain(const struct tacit_cli *cli, const char *format, ...)
{
	va_list args;

	(void)fputs("tacit: ", cli->io->err);
	va_start(args, format);
	(void)vfprintf(cli->io->err, format, args);
	va_end(args);
	(void)fputc('\n', cli->io->err);
}

/* What the daemon would have said of the store, had it been there. */
static int ask_store(const struct tacit_cli *cli, struct tacit_store *store, const json_t *request,
		     json_t **ret)
{
	const struct tacit_report_source source = { .store = store,
						    .conf = &cli->conf,
						    .now_ms = cli->io->wall_ms() };
	const char *verb = json_string_value(json_object_get(request, "verb"));
	char why[WHY_MAX] = "";
	int r = tacit_report_request(&source, verb, request, ret, why, sizeof(why));

	if (r == 0)
		return TACIT_EXIT_OK;
	tacit_cli_complain(cli, "%s", why[0] ? why : tacit_strerror(r));
	return TACIT_EXIT_FAILED;
}

static int ask_database(const struct tacit_cli *cli, const json_t *request, json_t **ret)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = NULL;
	TACIT_AUTO_FREE char *path = tacit_agent_conf_path(&cli->conf, TACIT_STORE_FILE);
	int r = path ? tacit_store_open_readonly(path, &store) : -ENOMEM;

	if (r == 0)
		return ask_store(cli, store, request, ret);
	if (r == -ENOENT && cli->options.verb && strcmp(cli->options.verb, "features") == 0)
		return ask_store(cli, NULL, request, ret); /* the table needs no store */
	tacit_cli_complain(cli, "tacitd is not running, and %s cannot be read: %s",
			   path ? path : TACIT_STORE_FILE, tacit_strerror(r));
	if (r == -EACCES)
		tacit_cli_complain(cli, "run this as root, or start it: systemctl start tacitd");
	else
		tacit_cli_complain(cli, "start it: systemctl start tacitd");
	return TACIT_EXIT_DOWN;
}

int tacit_cli_fetch(const struct tacit_cli *cli, const json_t *request, json_t **ret)
{
	const char *path = cli->conf.control_socket;
	char why[WHY_MAX] = "";
	int r = tacit_control_call(path, request, PATIENCE_MS, ret, why, sizeof(why));

	switch (r) {
	case 0:
		return TACIT_EXIT_OK;
	case TACIT_EREFUSED:
		tacit_cli_complain(cli, "%s", why);
		return TACIT_EXIT_FAILED;
	case -EACCES:
		tacit_cli_complain(cli,
				   "no permission to ask tacitd at %s: be root, or a member "
				   "of its group",
				   path);
		return TACIT_EXIT_FAILED;
	case -ENOENT:
	case -ECONNREFUSED:
		return ask_database(cli, request, ret);
	default:
		tacit_cli_complain(cli, "tacitd at %s: %s", path, tacit_strerror(r));
		return TACIT_EXIT_FAILED;
	}
}

int tacit_cli_print(const struct tacit_cli *cli, const json_t *document, tacit_view *view)
{
	const struct tacit_render render = { .out = cli->io->out,
					     .colour = cli->io->colour,
					     .now_ms = cli->io->wall_ms() };

	if (cli->options.json) {
		if (json_dumpf(document, cli->io->out, JSON_INDENT(2)) != 0)
			return TACIT_EXIT_FAILED;
		(void)fputc('\n', cli->io->out);
	} else {
		tacit_view_source(&render, document);
		view(&render, document);
	}
	/* A full disk or a closed pipe is no success. */
	return fflush(cli->io->out) == 0 && !ferror(cli->io->out) ? TACIT_EXIT_OK
								  : TACIT_EXIT_FAILED;
}

/* Consumes @request. */
static int fetch_and_print(const struct tacit_cli *cli, json_t *request, tacit_view *view,
			   json_t **ret_document)
{
	json_auto_t *owned = request;
	json_t *document = NULL;
	int r;

	if (!owned) {
		tacit_cli_complain(cli, "%s", tacit_strerror(-ENOMEM));
		return TACIT_EXIT_FAILED;
	}
	r = tacit_cli_fetch(cli, owned, &document);
	if (r == TACIT_EXIT_OK)
		r = tacit_cli_print(cli, document, view);
	if (ret_document)
		*ret_document = document;
	else
		json_decref(document);
	return r;
}

static int run_anomalies(const struct tacit_cli *cli)
{
	int64_t back_ms = cli->options.since_ms ? cli->options.since_ms : SINCE_DEFAULT;
	int64_t since_ms = cli->io->wall_ms() - back_ms;
	uint32_t limit = cli->options.limit ? cli->options.limit : LIMIT_DEFAULT;
	json_auto_t *document = NULL;
	int r = fetch_and_print(cli,
				json_pack("{s:s, s:I, s:I}", "verb", "anomalies", "since_ms",
					  (json_int_t)(since_ms > 0 ? since_ms : 0), "limit",
					  (json_int_t)limit),
				tacit_view_anomalies, &document);

	if (r == TACIT_EXIT_OK && cli->options.fail_if_any &&
	    tacit_render_int_at(document, "total") > 0)
		return TACIT_EXIT_ANOMALIES;
	return r;
}

static int run_explain(const struct tacit_cli *cli)
{
	const char *word = cli->options.argument;
	long long id = 0;
	char *rest;

	if (word && strcmp(word, "last") != 0) {
		errno = 0;
		id = strtoll(word, &rest, 10);
		if (errno || *rest || id < 1) {
			tacit_cli_complain(cli,
					   "\"%s\" is neither the number of an anomaly nor "
					   "\"last\"",
					   word);
			return TACIT_EXIT_USAGE;
		}
	}
	return fetch_and_print(cli,
			       json_pack("{s:s, s:I}", "verb", "explain", "id", (json_int_t)id),
			       tacit_view_explain, NULL);
}

static int run_verb(const struct tacit_cli *cli)
{
	static const struct {
		const char *verb;
		tacit_view *view;
	} plain[] = {
		{ "status", tacit_view_status },
		{ "model", tacit_view_model },
		{ "privacy", tacit_view_privacy },
		{ "features", tacit_view_features },
	};
	const char *verb = cli->options.verb;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(plain); i++)
		if (strcmp(verb, plain[i].verb) == 0)
			return fetch_and_print(cli, json_pack("{s:s}", "verb", verb), plain[i].view,
					       NULL);
	if (strcmp(verb, "anomalies") == 0)
		return run_anomalies(cli);
	if (strcmp(verb, "explain") == 0)
		return run_explain(cli);
	return tacit_cli_enroll(cli);
}

static int load_conf(struct tacit_cli *cli)
{
	const char *path = cli->options.conf_path;
	struct tacit_conf_where where = { 0 };
	int r = tacit_agent_conf_load(&cli->conf, path ? path : TACIT_AGENT_CONF_PATH, !path,
				      &where);

	if (r == 0)
		return TACIT_EXIT_OK;
	if (where.why[0])
		tacit_cli_complain(cli, "%s:%u: %s", where.file, where.line, where.why);
	else
		tacit_cli_complain(cli, "%s: %s", path ? path : TACIT_AGENT_CONF_PATH,
				   tacit_strerror(r));
	return TACIT_EXIT_USAGE;
}

int tacit_cli_run(const struct tacit_cli_io *io, int argc, char **argv)
{
	struct tacit_cli cli = { .io = io };
	int r = tacit_cli_parse(io, argc, argv, &cli.options);

	if (r != TACIT_EXIT_OK)
		return r;
	if (cli.options.version) {
		(void)fprintf(io->out, "tacit " TACIT_VERSION "\n");
		return TACIT_EXIT_OK;
	}
	if (cli.options.help || !cli.options.verb) {
		tacit_cli_help(cli.options.help ? io->out : io->err, cli.options.verb);
		return cli.options.help ? TACIT_EXIT_OK : TACIT_EXIT_USAGE;
	}
	if (cli.options.markdown) {
		tacit_view_features_markdown(io->out);
		return TACIT_EXIT_OK;
	}
	if (cli.options.probe)
		return tacit_cli_probe(&cli);
	r = load_conf(&cli);
	if (r != TACIT_EXIT_OK)
		return r;
	r = run_verb(&cli);
	tacit_agent_conf_done(&cli.conf);
	return r;
}
