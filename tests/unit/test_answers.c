/* SPDX-License-Identifier: MIT */
#include "aggregator/answers.h"

#include <string.h>

#include <tacit/clock.h>
#include <tacit/log.h>
#include <tacit/x509.h>

#include "aggregator/fleetdb.h"
#include "aggregator/tasks.h"
#include "place.h"
#include "unit.h"

/* A fleet's database and CA in a folder of their own. */
struct fleet {
	struct place place;
	struct tacit_ca *ca;
	struct tacit_db *db;
	struct tacit_random *random;
	struct tacit_board *board;
	struct tacit_answers answers;
};

static void open_fleet(struct fleet *fleet)
{
	const uint8_t seed[32] = { 1 };
	struct tacit_ca_params params = { .names = "localhost",
					  .host_cert_sec = 60,
					  .server_cert_sec = 60 };

	memset(fleet, 0, sizeof(*fleet));
	fleet->place = place_new();
	params.dir = fleet->place.folder;
	CU_ASSERT_EQUAL_FATAL(tacit_ca_open(&params, tacit_clock_wall_ms(), &fleet->ca), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(place_file(&fleet->place, "fleet.db"), &fleet->db),
			      0);
	CU_ASSERT_EQUAL_FATAL(tacit_tasks_start(fleet->db, fleet->ca, tacit_clock_wall_ms()), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_random_new(seed, &fleet->random), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_board_new(3, &fleet->board), 0);
	tacit_board_beat(fleet->board, 0, NULL, true, 1);
	fleet->answers = (struct tacit_answers){ .db = fleet->db,
						 .ca = fleet->ca,
						 .random = fleet->random,
						 .board = fleet->board,
						 .workers = 2,
						 .listen = "127.0.0.1:1",
						 .url = "https://localhost:1",
						 .supervisor = 42,
						 .wall_ms = tacit_clock_wall_ms };
}

static void close_fleet(struct fleet *fleet)
{
	tacit_board_free(fleet->board);
	tacit_random_free(fleet->random);
	tacit_db_close(fleet->db);
	tacit_ca_free(fleet->ca);
	place_done(&fleet->place);
}

/* The answer, a new reference; NULL when refused, with @why. */
static json_t *ask(struct fleet *fleet, const char *request, char why[128])
{
	json_t *asked = json_loads(request, 0, NULL), *answer = NULL;
	int r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
	why[0] = '\0';
	r = tacit_answers_give(&fleet->answers, json_string_value(json_object_get(asked, "verb")),
			       asked, &answer, why, 128);
	CU_ASSERT_EQUAL(r < 0, answer == NULL);
	json_decref(asked);
	return answer;
}

static json_int_t int_at(const json_t *root, const char *object, const char *name)
{
	const json_t *in = object ? json_object_get(root, object) : root;

	return json_integer_value(json_object_get(in, name));
}

static void test_tokens(void)
{
	struct tacit_token token;
	struct fleet fleet;
	char why[128];
	json_t *answer, *row;

	open_fleet(&fleet);
	answer = ask(&fleet,
		     "{\"verb\":\"token create\",\"uses\":5,\"ttl_sec\":60,"
		     "\"labels\":{\"site\":\"lab\"}}",
		     why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_EQUAL(tacit_token_parse(json_string_value(json_object_get(answer, "token")),
					  json_string_length(json_object_get(answer, "token")),
					  &token, NULL, 0),
			0);
	CU_ASSERT_STRING_EQUAL(token.url, "https://localhost:1");
	CU_ASSERT_EQUAL(memcmp(token.pin, tacit_ca_pin(fleet.ca), sizeof(token.pin)), 0);
	CU_ASSERT_EQUAL(int_at(answer, NULL, "id"), 1);
	json_decref(answer);

	answer = ask(&fleet, "{\"verb\":\"token list\"}", why);
	row = json_array_get(json_object_get(answer, "tokens"), 0);
	CU_ASSERT_EQUAL(int_at(row, NULL, "uses"), 5);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "state")), "valid");
	json_decref(answer);

	json_decref(ask(&fleet, "{\"verb\":\"token revoke\",\"id\":1}", why));
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"token revoke\",\"id\":2}", why));
	CU_ASSERT_STRING_EQUAL(why, "there is no such token");
	CU_ASSERT_PTR_NULL(
		ask(&fleet, "{\"verb\":\"token create\",\"uses\":0,\"ttl_sec\":60}", why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "uses"));
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"token create\",\"uses\":1}", why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "ttl_sec"));
	CU_ASSERT_PTR_NULL(ask(&fleet,
			       "{\"verb\":\"token create\",\"uses\":1,\"ttl_sec\":1,"
			       "\"labels\":[]}",
			       why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "labels"));
	close_fleet(&fleet);
}

static void test_hosts(void)
{
	struct fleet fleet;
	char why[128];
	json_t *answer;

	open_fleet(&fleet);
	answer = ask(&fleet, "{\"verb\":\"hosts list\"}", why);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(answer, "hosts")), 0);
	json_decref(answer);
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"hosts show\",\"id\":\"x\"}", why));
	CU_ASSERT_STRING_EQUAL(why, "there is no such host");
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"hosts revoke\",\"id\":\"x\"}", why));
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"hosts revoke\"}", why));
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"hosts show\",\"id\":7}", why));
	CU_ASSERT_STRING_EQUAL(why, "there is no such host");
	close_fleet(&fleet);
}

static void test_rounds(void)
{
	struct fleet fleet;
	char why[128];
	json_t *answer;

	open_fleet(&fleet);
	answer = ask(&fleet, "{\"verb\":\"rounds open\"}", why);
	CU_ASSERT_EQUAL(int_at(answer, NULL, "round"), 1);
	json_decref(answer);
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"rounds open\"}", why));
	CU_ASSERT_STRING_EQUAL(why, "a round is collecting already");
	answer = ask(&fleet, "{\"verb\":\"rounds list\",\"limit\":1}", why);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(answer, "rounds")), 1);
	json_decref(answer);
	answer = ask(&fleet, "{\"verb\":\"rounds show\",\"round\":1}", why);
	CU_ASSERT_EQUAL(int_at(answer, "round", "round"), 1);
	json_decref(answer);
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"rounds show\",\"round\":2}", why));
	CU_ASSERT_STRING_EQUAL(why, "there is no such round");
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"rounds show\",\"round\":\"1\"}", why));
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"rounds list\",\"limit\":0}", why));
	close_fleet(&fleet);
}

static void test_task(void)
{
	struct fleet fleet;
	char why[128];
	json_t *answer;

	open_fleet(&fleet);
	answer = ask(&fleet,
		     "{\"verb\":\"task set\",\"changes\":{\"round_sec\":5,\"clip_norm\":2,"
		     "\"classes\":[\"host\",\"a.service\"]}}",
		     why);
	CU_ASSERT_EQUAL(int_at(answer, "task", "round_sec"), 5);
	CU_ASSERT_EQUAL(int_at(answer, NULL, "version"), 2);
	CU_ASSERT_EQUAL(
		json_array_size(json_object_get(json_object_get(answer, "task"), "classes")), 2);
	json_decref(answer);
	answer = ask(&fleet, "{\"verb\":\"task show\"}", why);
	CU_ASSERT_EQUAL(int_at(answer, "task", "round_sec"), 5);
	json_decref(answer);

	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"task set\"}", why));
	CU_ASSERT_STRING_EQUAL(why, "no changes");
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"task set\",\"changes\":[1]}", why));
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"task set\",\"changes\":{\"colour\":1}}", why));
	CU_ASSERT_STRING_EQUAL(why, "a task has no \"colour\"");
	CU_ASSERT_PTR_NULL(
		ask(&fleet, "{\"verb\":\"task set\",\"changes\":{\"clip_norm\":-1}}", why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "clip_norm"));
	CU_ASSERT_PTR_NULL(
		ask(&fleet, "{\"verb\":\"task set\",\"changes\":{\"min_cohort\":1.5}}", why));
	close_fleet(&fleet);
}

static void test_status(void)
{
	struct tacit_board_figures figures = { 0 };
	struct fleet fleet;
	char why[128];
	json_t *answer;

	open_fleet(&fleet);
	figures.http.requests = 7;
	figures.routes.updates_late = 3;
	tacit_board_beat(fleet.board, 0, &figures, true, 2);
	answer = ask(&fleet, "{\"verb\":\"status\"}", why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
	CU_ASSERT_EQUAL(int_at(answer, NULL, "pid"), 42);
	CU_ASSERT_EQUAL(int_at(answer, "workers", "configured"), 2);
	CU_ASSERT_EQUAL(int_at(answer, "workers", "ready"), 1);
	CU_ASSERT_EQUAL(int_at(answer, "http", "requests"), 7);
	CU_ASSERT_EQUAL(int_at(answer, "updates", "late"), 3);
	CU_ASSERT_TRUE(json_is_true(json_object_get(json_object_get(answer, "log"), "intact")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(answer, "release")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(answer, "round")));
	json_decref(answer);
	answer = ask(&fleet, "{\"verb\":\"privacy\"}", why);
	CU_ASSERT_TRUE(json_is_object(json_object_get(answer, "against_aggregator")));
	json_decref(answer);
	CU_ASSERT_PTR_NULL(ask(&fleet, "{\"verb\":\"nonsense\"}", why));
	close_fleet(&fleet);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "token", test_tokens }, { "hosts", test_hosts },   { "rounds", test_rounds },
		{ "task", test_task },	  { "status", test_status }, { NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("answers", cases);
}
