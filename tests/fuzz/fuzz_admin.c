/* SPDX-License-Identifier: MIT */
/* A line at the admin socket, answered by the real verbs over a real database; then the same line
 * as an answer, read by those who print. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/clock.h>
#include <tacit/log.h>
#include <tacit/mem.h>

#include "aggregator/admin.h"
#include "aggregator/answers.h"
#include "aggregator/fleetdb.h"
#include "aggregator/tasks.h"
#include "aggregator/verbs.h"
#include "tests/unit/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tacit_answers fleet;
static struct place place;

static void must(int held)
{
	if (!held)
		abort();
}

static void leave(void)
{
	place_done(&place);
}

static int64_t standstill(void)
{
	return 1700000000000;
}

static void start(void)
{
	static struct tacit_board *board;
	static struct tacit_ca *ca;
	const uint8_t seed[32] = { 1 };
	struct tacit_ca_params params = { .names = "localhost",
					  .host_cert_sec = 60,
					  .server_cert_sec = 60 };

	tacit_log_set_level(TACIT_LOG_ERROR);
	place = place_new();
	(void)atexit(leave);
	params.dir = place.folder;
	must(tacit_ca_open(&params, tacit_clock_wall_ms(), &ca) == 0);
	must(tacit_fleetdb_open(":memory:", &fleet.db) == 0);
	must(tacit_tasks_start(fleet.db, ca, standstill()) == 0);
	must(tacit_random_new(seed, &fleet.random) == 0);
	must(tacit_board_new(2, &board) == 0);
	fleet.ca = ca;
	fleet.board = board;
	fleet.workers = 1;
	fleet.listen = "127.0.0.1:1";
	fleet.url = "https://localhost:1";
	fleet.wall_ms = standstill;
}

static void read_answer(const char *text, size_t len)
{
	static const char *const verbs[] = { "status",	    "privacy",	  "token list",
					     "hosts list",  "hosts show", "rounds list",
					     "rounds show", "task show",  "task plan" };
	json_t *answer = json_loadb(text, len, 0, NULL);
	FILE *out = answer ? fopen("/dev/null", "we") : NULL;

	for (size_t i = 0; out && i < TACIT_ARRAY_LEN(verbs); i++)
		tacit_verbs_print(verbs[i], answer, out);
	if (out)
		(void)fclose(out);
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_AUTO_FREE char *reply = NULL;
	char verb[32];
	int r;

	if (!fleet.db)
		start();
	r = tacit_admin_answer(tacit_answers_give, &fleet, (const char *)data, size, &reply, verb,
			       sizeof(verb));
	must(reply && reply[strlen(reply) - 1] == '\n');
	must((r < 0) == (strncmp(reply, "{\"error\":", 9) == 0));
	read_answer(reply, strlen(reply));
	read_answer((const char *)data, size);
	return 0;
}
