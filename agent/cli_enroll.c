/* SPDX-License-Identifier: MIT */
/*
 * Enrolment is the daemon's work: the key is made where it stays, by the user it belongs to,
 * and one process alone writes the state folder. This hands it the token and waits.
 */
#include "cli_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tacit/clock.h>
#include <tacit/x509.h>

#include "control.h"
#include "identity.h"

#define WHY_MAX	    256
#define PATIENCE_MS 10000U
#define POLL_MS	    200
#define WAIT_SEC    30U

static int read_token(const struct tacit_cli *cli, struct tacit_token *ret)
{
	const char *path = cli->options.token_file;
	char why[WHY_MAX] = "";
	int r;

	if (!path && !getenv("CREDENTIALS_DIRECTORY")) {
		if (cli->io->stdin_is_tty) {
			tacit_cli_complain(cli, "where is the token? `tacit enroll --token-file "
						"FILE`, or `... | tacit enroll`");
			return TACIT_EXIT_USAGE;
		}
		path = "-";
	}
	r = tacit_identity_read_token(path, ret, why, sizeof(why));
	if (r == 0)
		return TACIT_EXIT_OK;
	tacit_cli_complain(cli, "%s: %s", path ? path : "the credential " TACIT_IDENTITY_CREDENTIAL,
			   why[0] ? why : tacit_strerror(r));
	return TACIT_EXIT_FAILED;
}

static json_t *make_request(const struct tacit_token *token)
{
	char text[TACIT_TOKEN_TEXT_MAX];
	json_t *request;

	tacit_token_format(token, text);
	request = json_pack("{s:s, s:s}", "verb", "enroll", "token", text);
	explicit_bzero(text, sizeof(text));
	return request;
}

/* jansson does not wipe what it frees. */
static void wipe(const json_t *request)
{
	const char *token = json_string_value(json_object_get(request, "token"));

	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	tacit_identity_wipe((char *)(uintptr_t)token);
}

static int hand_over(const struct tacit_cli *cli, const struct tacit_token *token)
{
	json_auto_t *request = make_request(token);
	json_auto_t *answer = NULL;
	char why[WHY_MAX] = "";
	int r = request ? tacit_control_call(cli->conf.control_socket, request, PATIENCE_MS,
					     &answer, why, sizeof(why))
			: -ENOMEM;

	wipe(request);
	if (r == 0)
		return TACIT_EXIT_OK;
	if (r == -ENOENT || r == -ECONNREFUSED) {
		tacit_cli_complain(cli, "tacitd is not running, and it is tacitd that enrols: "
					"systemctl start tacitd");
		return TACIT_EXIT_DOWN;
	}
	if (r == -EACCES)
		tacit_cli_complain(cli, "no permission to ask tacitd: be root, or a member of its "
					"group");
	else
		tacit_cli_complain(cli, "%s", why[0] ? why : tacit_strerror(r));
	return TACIT_EXIT_FAILED;
}

static bool is_enrolled(const json_t *status, const char *url)
{
	return tacit_render_is(status, "host.enrolled") &&
	       strcmp(tacit_render_text_at(status, "host.aggregator"), url) == 0 &&
	       strcmp(tacit_render_text_at(status, "uplink.state"), "enrol") != 0;
}

/* The aggregator said no, and the daemon has stopped trying. */
static bool was_refused(const json_t *status)
{
	return tacit_render_is(status, "uplink.failing") &&
	       strcmp(tacit_render_text_at(status, "uplink.state"), "outside") == 0;
}

static int give_up(const struct tacit_cli *cli, const json_t *status, const char *url, bool refused)
{
	const char *error = tacit_render_text_at(status, "uplink.last_error");

	tacit_cli_complain(cli, refused ? "%s refused: %s" : "no answer of %s yet: %s", url,
			   error[0] ? error : "no reason given");
	if (!refused)
		tacit_cli_complain(cli, "tacitd goes on trying; `tacit status` shows it");
	return TACIT_EXIT_FAILED;
}

static int await(const struct tacit_cli *cli, const char *url, json_t **ret_status)
{
	uint32_t wait_sec = cli->options.wait_sec ? cli->options.wait_sec : WAIT_SEC;
	int64_t deadline_ms = tacit_clock_boot_ms() + (int64_t)wait_sec * 1000;
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	json_auto_t *request = json_pack("{s:s}", "verb", "status");

	for (;;) {
		json_auto_t *status = NULL;
		int r = request ? tacit_cli_fetch(cli, request, &status) : TACIT_EXIT_FAILED;

		if (r != TACIT_EXIT_OK)
			return r;
		if (is_enrolled(status, url)) {
			*ret_status = json_incref(status);
			return TACIT_EXIT_OK;
		}
		if (was_refused(status) || tacit_clock_boot_ms() >= deadline_ms)
			return give_up(cli, status, url, was_refused(status));
		(void)nanosleep(&pause, NULL);
	}
}

static void view_enrolled(const struct tacit_render *render, const json_t *status)
{
	char until[TACIT_RENDER_TEXT];

	tacit_render_put(render, TACIT_STYLE_GOOD, "enrolled");
	tacit_render_put(
		render, TACIT_STYLE_PLAIN, " at %s\nhost %s, certificate until %s\n",
		tacit_render_text_at(status, "host.aggregator"),
		tacit_render_text_at(status, "host.id"),
		tacit_render_time(tacit_render_at(status, "host.certificate.until"), until));
}

int tacit_cli_enroll(const struct tacit_cli *cli)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	json_auto_t *status = NULL;
	int r = read_token(cli, &token);

	if (r == TACIT_EXIT_OK)
		r = hand_over(cli, &token);
	if (r == TACIT_EXIT_OK)
		r = await(cli, token.url, &status);
	return r == TACIT_EXIT_OK ? tacit_cli_print(cli, status, view_enrolled) : r;
}
