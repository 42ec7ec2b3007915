/* SPDX-License-Identifier: MIT */
#include <tacit/clock.h>

#include "participant_world.h"

static void test_the_whole_path(void)
{
	struct tacit_participant_status status;
	struct tacit_update_head head;
	const uint8_t *value = NULL;
	struct world w;

	world_begin(&w);
	world_to_round(&w);
	CU_ASSERT_EQUAL(w.tasks, 1);
	world_answer_round(&w);
	CU_ASSERT_FATAL(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	CU_ASSERT_EQUAL(w.contributions, 1);
	CU_ASSERT_EQUAL(w.charged_at_put, 1); /* before a byte left */
	CU_ASSERT_STRING_EQUAL(w.type, TACIT_TYPE_UPDATE);
	CU_ASSERT_EQUAL_FATAL(tacit_update_decode(w.body, w.body_len, &head, &value), 0);
	CU_ASSERT_EQUAL(head.mode, TACIT_MODE_LOCAL);
	CU_ASSERT_EQUAL(head.round, 1);
	CU_ASSERT_EQUAL(head.dimensions, w.round.dimensions);
	CU_ASSERT_EQUAL(memcmp(head.task, w.round.task, 32), 0);
	CU_ASSERT_EQUAL(memcmp(head.model, w.round.model, 32), 0);
	world_answer(&w, 201, NULL, NULL, 0);
	status = world_status(&w);
	CU_ASSERT_EQUAL(status.accepted, 1);
	CU_ASSERT_EQUAL(status.round, 1);
	CU_ASSERT_EQUAL(status.state, TACIT_PARTICIPANT_WAIT);
	CU_ASSERT(status.next_ms >= world_wall + 20000 && status.next_ms <= world_wall + 22000);

	/* The round ends, its release is a little late. */
	CU_ASSERT(world_wait(&w) >= 20000);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	CU_ASSERT_STRING_EQUAL(w.if_none_match, "");
	world_answer(&w, 404, NULL, NULL, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_answer_wait(&w, 204, HOUR);
	CU_ASSERT(world_wait(&w) <= 4000);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer_release(&w, 1, 1);
	status = world_status(&w);
	CU_ASSERT_EQUAL(w.releases, 1);
	CU_ASSERT_EQUAL(w.released_version, 1);
	CU_ASSERT_EQUAL(w.released_kappa, w.task.kappa);
	CU_ASSERT_EQUAL(status.version, 1);
	CU_ASSERT_EQUAL(status.version_round, 1);
	CU_ASSERT_EQUAL(strlen(status.sha256), 64);
	CU_ASSERT_FALSE(status.failing);
	CU_ASSERT_STRING_EQUAL(status.last_error, "");

	/* Nothing until the next round is due. */
	CU_ASSERT(world_wait(&w) >= HOUR - 60000);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	CU_ASSERT(strlen(w.if_none_match) == 66 && w.if_none_match[0] == '"');
	world_answer(&w, 304, NULL, NULL, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	w.round.round = 2;
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/rounds/2/update"));
	CU_ASSERT_EQUAL(w.charged_at_put, 2);
	world_done(&w);
}

static void test_a_restart_sends_the_same_bytes(void)
{
	uint8_t *first;
	size_t len;
	struct world w;

	world_begin(&w);
	world_to_round(&w);
	world_answer_round(&w);
	CU_ASSERT_FATAL(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	first = w.body;
	len = w.body_len;
	w.body = NULL;
	w.done = NULL; /* the process dies; whether the update arrived nobody knows */
	world_restart(&w);
	CU_ASSERT_FATAL(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	CU_ASSERT_EQUAL(world_status(&w).state, TACIT_PARTICIPANT_RESEND);
	CU_ASSERT_EQUAL_FATAL(w.body_len, len);
	CU_ASSERT_EQUAL(memcmp(w.body, first, len), 0);
	CU_ASSERT_EQUAL(w.contributions, 1);
	world_answer(&w, 200, NULL, NULL, 0);
	CU_ASSERT_EQUAL(world_charged(&w), 1);
	CU_ASSERT_EQUAL(world_status(&w).accepted, 1);

	/* Answered, it is never sent again. */
	world_restart(&w);
	world_to_round(&w);
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	CU_ASSERT_EQUAL(world_charged(&w), 1);
	free(first);
	world_done(&w);
}

static void test_trouble_is_waited_out(void)
{
	struct tacit_participant_status status;
	int64_t longest = 0, first;
	struct world w;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_break(&w, -ECONNREFUSED);
	status = world_status(&w);
	CU_ASSERT_TRUE(status.failing);
	CU_ASSERT_STRING_EQUAL(status.last_error, "Connection refused: it broke");
	CU_ASSERT_EQUAL(status.last_error_ms, world_wall);
	first = world_wait(&w);
	CU_ASSERT(first >= 1000 && first <= 3000);
	for (int i = 0; i < 1000; i++) {
		int64_t wait;

		CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
		world_break(&w, -ETIMEDOUT);
		wait = world_wait(&w);
		CU_ASSERT(wait >= TACIT_PARTICIPANT_BACKOFF_MIN_MS &&
			  wait <= TACIT_PARTICIPANT_BACKOFF_MAX_MS);
		longest = wait > longest ? wait : longest;
	}
	CU_ASSERT(longest > 60000);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT_FALSE(world_status(&w).failing);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_break(&w, TACIT_EREMOTE);
	CU_ASSERT(world_wait(&w) <= 3000); /* pauses begin small again */
	world_done(&w);
}

static void test_retry_after_is_honoured(void)
{
	struct world w;
	int64_t wait;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_wait(&w, 503, 120000);
	CU_ASSERT_STRING_EQUAL(world_status(&w).last_error, "the aggregator answered 503");
	wait = world_wait(&w);
	CU_ASSERT(wait >= 120000 && wait <= 132000);
	world_answer_wait(&w, 429, TACIT_UPLINK_RETRY_MAX_MS);
	CU_ASSERT(world_wait(&w) <= HOUR * 11 / 10); /* but nobody silences us for a day */
	world_answer_wait(&w, 404, 5000);	     /* there is no task yet */
	wait = world_wait(&w);
	CU_ASSERT(wait >= 5000 && wait <= 5500);
	CU_ASSERT_FALSE(world_status(&w).failing);
	world_done(&w);
}

static void test_sending_may_fail(void)
{
	struct world w;

	world_begin(&w);
	w.send_error = -ENOMEM;
	CU_ASSERT(tacit_participant_wake(w.participant) >= 1000);
	CU_ASSERT_STRING_EQUAL(world_status(&w).last_error, "cannot ask: Cannot allocate memory");
	w.send_error = 0;
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_done(&w);
}

static void weak_noise(struct world *w)
{
	w->task.noise_multiplier = w->round.noise_multiplier = 0.2;
}

static void no_noise(struct world *w)
{
	w->task.noise_multiplier = w->round.noise_multiplier = 0;
	w->params.floors.min_noise_multiplier = 0;
	world_restart(w);
}

static void small_cohort(struct world *w)
{
	w->task.min_cohort = w->round.min_cohort = 1;
}

static void dear(struct world *w)
{
	w->task.noise_multiplier = w->round.noise_multiplier = 0.31;
}

static void less_noise_than_promised(struct world *w)
{
	w->round.noise_multiplier = 1.9;
}

static void other_features(struct world *w)
{
	w->task.schema[0] ^= 1;
}

static void unknown_kind(struct world *w)
{
	(void)strcpy(w->task.kind, "oracle");
}

static void other_dimensions(struct world *w)
{
	w->round.dimensions++;
}

static void test_what_this_host_stays_out_of(void)
{
	static const struct {
		void (*twist)(struct world *w);
		const char *why;
	} rows[] = {
		{ weak_noise, "its noise multiplier 0.2 is below this host's floor of 0.3" },
		{ no_noise, "it would spend more than this host's epsilon of 8" },
		{ small_cohort, "its smallest cohort 1 is below this host's floor of 2" },
		{ dear, "it would spend more than this host's epsilon of 8" },
		{ less_noise_than_promised, "its parameters are not those of its task" },
		{ other_features, "its task is about other features than this host's" },
		{ unknown_kind, "its model kind 'oracle' is not known here" },
		{ other_dimensions, "it asks for " },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct tacit_participant_status status;
		TACIT_AUTO_FREE char *note = NULL;
		struct world w;

		world_begin(&w);
		rows[i].twist(&w);
		CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w.task, w.round.task), 0);
		world_to_round(&w);
		world_answer_round(&w);
		status = world_status(&w);
		CU_ASSERT_EQUAL(status.refused_round, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(status.refused, rows[i].why));
		CU_ASSERT_EQUAL(w.contributions, 0);
		CU_ASSERT_EQUAL(world_charged(&w), 0);
		CU_ASSERT_FALSE(status.failing);
		CU_ASSERT_EQUAL(tacit_store_get_text(w.store, TACIT_LEDGER_META_REFUSED, &note), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(note, rows[i].why));

		/* Offered again, it is not thought over again; releases are still wanted. */
		CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
		world_answer(&w, 404, NULL, NULL, 0);
		CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
		world_answer_round(&w);
		CU_ASSERT_FALSE(world_status(&w).failing);
		CU_ASSERT_EQUAL(world_charged(&w), 0);
		world_done(&w);
	}
}

static void test_the_budget_ends_participation(void)
{
	unsigned accepted = 0;
	struct world w;

	world_begin(&w);
	w.task.noise_multiplier = w.round.noise_multiplier = 1;
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w.task, w.round.task), 0);
	world_to_round(&w);
	for (; accepted < 100; accepted++) {
		w.round.round = accepted + 1;
		world_answer_round(&w);
		if (world_status(&w).refused_round)
			break;
		CU_ASSERT_FATAL(strcmp(w.method, "PUT") == 0 && w.done);
		world_answer(&w, 201, NULL, NULL, 0);
		CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
		world_answer(&w, 404, NULL, NULL, 0);
		CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	}
	/* rho 1/2 a round; epsilon 8 at delta 1e-6 allows for one or two. */
	CU_ASSERT(accepted >= 1 && accepted < 10);
	CU_ASSERT_EQUAL(world_charged(&w), accepted);
	world_done(&w);
}

static void test_a_round_that_was_seen_is_not_new(void)
{
	struct world w;

	world_begin(&w);
	w.round.round = 5;
	world_to_round(&w);
	world_answer_round(&w);
	CU_ASSERT_FATAL(world_asks(&w, "PUT", "/v1/rounds/5/update"));
	world_answer(&w, 201, NULL, NULL, 0);
	for (uint64_t replay = 5; replay >= 3; replay--) {
		CU_ASSERT_FATAL(world_gets_to(&w, "GET", "/v1/rounds/current"));
		w.round.round = replay;
		world_answer_round(&w);
		CU_ASSERT_EQUAL(w.contributions, 1);
	}
	CU_ASSERT_EQUAL(world_status(&w).refused_round, 3);
	CU_ASSERT_STRING_EQUAL(world_status(&w).refused,
			       "it is older than round 5, which this host has seen");
	CU_ASSERT_EQUAL(world_charged(&w), 1);
	world_done(&w);
}

static void test_nothing_to_say_yet(void)
{
	struct world w;

	world_begin(&w);
	w.contribute_result = 0;
	world_to_round(&w);
	world_answer_round(&w);
	CU_ASSERT_EQUAL(world_charged(&w), 0);
	CU_ASSERT_EQUAL(w.contributions, 1);
	CU_ASSERT(world_wait(&w) <= 5500); /* a quarter of what is left of the round */
	w.contribute_result = -ENOMEM;
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer(&w, 404, NULL, NULL, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_answer_round(&w);
	CU_ASSERT_TRUE(world_status(&w).failing);
	CU_ASSERT_EQUAL(world_charged(&w), 0);
	w.contribute_result = 2;
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer(&w, 404, NULL, NULL, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	world_done(&w);
}

static void test_what_becomes_of_an_update(void)
{
	static const struct {
		int status;
		const char *state; /* in the table */
	} rows[] = {
		{ 200, "sent" },     { 201, "sent" },	  { 410, "late" },     { 404, "refused" },
		{ 409, "refused" },  { 413, "refused" },  { 422, "refused" },  { 400, "refused" },
		{ 403, "prepared" }, { 500, "prepared" }, { 503, "prepared" }, { 302, "prepared" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct sqlite3_stmt *row;
		struct world w;
		bool open = strcmp(rows[i].state, "prepared") == 0;

		world_begin(&w);
		world_to_round(&w);
		world_answer_round(&w);
		CU_ASSERT_FATAL(world_asks(&w, "PUT", "/v1/rounds/1/update"));
		world_answer(&w, rows[i].status, NULL, NULL, 0);
		row = tacit_db_query(w.db, "SELECT state, \"update\" IS NULL FROM round", "");
		CU_ASSERT_EQUAL_FATAL(tacit_db_step(w.db, row), 1);
		CU_ASSERT_STRING_EQUAL(tacit_db_column_text(row, 0), rows[i].state);
		CU_ASSERT_EQUAL(tacit_db_column_int(row, 1), !open);
		tacit_db_reset(row);
		CU_ASSERT_EQUAL(world_status(&w).failing, open);
		CU_ASSERT(world_asks(&w, open ? "PUT" : "GET",
				     open ? "/v1/rounds/1/update" : "/v1/models/latest"));
		CU_ASSERT_EQUAL(world_charged(&w), 1);
		world_done(&w);
	}
}

static void test_a_reference_is_fetched(void)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct world w;

	world_begin(&w);
	world_to_round(&w);
	world_sign(&w, w.ca_key, 4, 3, &writer);
	CU_ASSERT_EQUAL(tacit_sha256(writer.data, writer.len, w.round.model), 0);
	w.round.model_version = 4;
	w.round.round = 4;
	w.round.model[0] ^= 1; /* the round names other bytes than the server has */
	world_answer_round(&w);
	CU_ASSERT_FATAL(world_asks(&w, "GET", "/v1/models/4"));
	world_answer(&w, 200, TACIT_TYPE_MODEL, writer.data, writer.len);
	CU_ASSERT_STRING_EQUAL(world_status(&w).last_error,
			       "the release is not the one the round names");
	CU_ASSERT_EQUAL(w.releases, 0);

	w.round.model[0] ^= 1;
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer(&w, 404, NULL, NULL, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_answer_round(&w);
	CU_ASSERT_FATAL(world_asks(&w, "GET", "/v1/models/4"));
	world_answer(&w, 200, TACIT_TYPE_MODEL, writer.data, writer.len);
	CU_ASSERT_EQUAL(w.releases, 1);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/rounds/4/update"));
	world_answer(&w, 201, NULL, NULL, 0);

	/* The initial reference, or an older release, after a later one: not with us. */
	for (uint64_t version = 0; version < 2; version++) {
		CU_ASSERT_FATAL(world_gets_to(&w, "GET", "/v1/rounds/current"));
		w.round.round++;
		w.round.model_version = version;
		memset(w.round.model, (int)version, 32);
		world_answer_round(&w);
		CU_ASSERT_EQUAL(world_status(&w).refused_round, w.round.round);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(world_status(&w).refused, "release 1 that this host"));
	CU_ASSERT_EQUAL(world_charged(&w), 1);
	world_done(&w);
}

/* Hands out @data as the latest release and checks that it is not believed. */
static void check_disbelieved(struct world *w, const char *type, const void *data, size_t len,
			      const char *why)
{
	uint64_t before = world_status(w).version;

	CU_ASSERT_FATAL(world_asks(w, "GET", "/v1/models/latest"));
	world_answer(w, 200, type, data, len);
	CU_ASSERT_TRUE(world_status(w).failing);
	CU_ASSERT_PTR_NOT_NULL(strstr(world_status(w).last_error, why));
	CU_ASSERT_EQUAL(world_status(w).version, before);
	CU_ASSERT_EQUAL(w->releases, 1);
}

static void test_hostile_releases(void)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer good = { 0 }, forged = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer old = { 0 }, again = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer zero = { 0 }, foreign = { 0 };
	struct world w;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer_release(&w, 7, 7);
	CU_ASSERT_EQUAL(w.releases, 1);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_answer_wait(&w, 204, 1000);

	world_sign(&w, w.ca_key, 8, 8, &good);
	world_sign(&w, w.next_ca_key, 8, 8, &forged);
	world_sign(&w, w.ca_key, 6, 6, &old);
	world_sign(&w, w.ca_key, 7, 9, &again);
	world_sign(&w, w.ca_key, 0, 9, &zero);
	w.params.schema[0] ^= 1;
	world_sign(&w, w.ca_key, 8, 8, &foreign);
	check_disbelieved(&w, TACIT_TYPE_MODEL, forged.data, forged.len, "signature");
	check_disbelieved(&w, TACIT_TYPE_MODEL, old.data, old.len, "release 6 is older than 7");
	check_disbelieved(&w, TACIT_TYPE_MODEL, again.data, again.len, "two releases 7");
	check_disbelieved(&w, TACIT_TYPE_MODEL, zero.data, zero.len, "no version");
	check_disbelieved(&w, TACIT_TYPE_MODEL, foreign.data, foreign.len, "other features");
	check_disbelieved(&w, TACIT_TYPE_MODEL, good.data, good.len - 1, "");
	check_disbelieved(&w, TACIT_TYPE_MODEL, good.data, good.len / 2, "cannot be read");
	check_disbelieved(&w, TACIT_TYPE_MODEL, NULL, 0, "cannot be read");
	check_disbelieved(&w, "text/html", good.data, good.len, "of type 'text/html'");
	good.data[100] ^= 1;
	check_disbelieved(&w, TACIT_TYPE_MODEL, good.data, good.len, "");
	good.data[100] ^= 1;

	/* And nothing of it has made a true one harder to believe. */
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer(&w, 200, TACIT_TYPE_MODEL, good.data, good.len);
	CU_ASSERT_EQUAL(world_status(&w).version, 8);
	CU_ASSERT_EQUAL(w.releases, 2);
	world_done(&w);
}

static void test_hostile_documents(void)
{
	static const struct {
		const char *type, *body;
	} rows[] = {
		{ "text/html", "<html>" }, { TACIT_TYPE_JSON, "" },   { TACIT_TYPE_JSON, "{" },
		{ TACIT_TYPE_JSON, "[]" }, { TACIT_TYPE_JSON, "{}" }, { TACIT_TYPE_UPDATE, "{}" },
	};
	struct world w;

	world_begin(&w);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
		world_answer(&w, 200, rows[i].type, rows[i].body, strlen(rows[i].body));
		CU_ASSERT_TRUE(world_status(&w).failing);
	}
	world_to_round(&w);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		world_answer(&w, 200, rows[i].type, rows[i].body, strlen(rows[i].body));
		CU_ASSERT_TRUE(world_status(&w).failing);
		CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
		world_answer(&w, 404, NULL, NULL, 0);
		CU_ASSERT_FATAL(world_asks(&w, "GET", "/v1/rounds/current"));
	}
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	world_done(&w);
}

static void test_words_of_others_are_tidied(void)
{
	struct tacit_uplink_result result = { .status = 500, .problem = { .status = 500 } };
	struct world w;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	(void)strcpy(result.problem.detail, "\x1b[31mred\n\xc3\xa9");
	world_tell(&w, &result);
	CU_ASSERT_STRING_EQUAL(world_status(&w).last_error,
			       "the aggregator answered 500: ?[31mred???");
	world_done(&w);
}

static void test_a_task_may_change(void)
{
	struct world w;

	world_begin(&w);
	world_to_round(&w);
	world_answer_wait(&w, 204, 5000);
	CU_ASSERT_FATAL(world_gets_to(&w, "GET", "/v1/rounds/current"));
	w.task.kappa = 12;
	CU_ASSERT_EQUAL(tacit_task_digest(&w.task, w.round.task), 0);
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT_EQUAL(w.tasks, 2);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	world_answer(&w, 201, NULL, NULL, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer_release(&w, 1, 1);
	CU_ASSERT_EQUAL(w.released_kappa, 12);

	/* Another kappa: the release is worth something else. */
	CU_ASSERT_FATAL(world_gets_to(&w, "GET", "/v1/rounds/current"));
	w.task.kappa = 50;
	w.round.round = 2;
	CU_ASSERT_EQUAL(tacit_task_digest(&w.task, w.round.task), 0);
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT_EQUAL(w.releases, 2);
	CU_ASSERT_EQUAL(w.released_kappa, 50);

	/* A round for a task that nobody can show. */
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	w.round.task[0] ^= 1;
	world_answer_round(&w);
	CU_ASSERT(world_status(&w).failing);
	CU_ASSERT_STRING_EQUAL(world_status(&w).last_error, "round 2 is not for the task there is");
	world_done(&w);
}

static void test_a_release_outlives_a_restart(void)
{
	struct world w;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer_release(&w, 3, 3);
	w.done = NULL;
	world_restart(&w);
	CU_ASSERT_EQUAL(w.releases, 2);
	CU_ASSERT_EQUAL(world_status(&w).version, 3);

	/* Damaged, it is dropped, and fetched again. */
	CU_ASSERT_EQUAL(tacit_db_run(w.db, "UPDATE release SET data = x'00'", ""), 0);
	world_restart(&w);
	CU_ASSERT_EQUAL(w.releases, 2);
	CU_ASSERT_EQUAL(world_status(&w).version, 0);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	CU_ASSERT_STRING_EQUAL(w.if_none_match, "");
	world_done(&w);
}

static void test_two_releases_are_kept(void)
{
	struct sqlite3_stmt *row;
	struct world w;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	for (uint64_t version = 1; version <= 4; version++) {
		CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
		world_answer_release(&w, version, version);
		CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
		world_answer_wait(&w, 204, 1000);
	}
	row = tacit_db_query(w.db, "SELECT count(*), min(version) FROM release", "");
	CU_ASSERT_EQUAL_FATAL(tacit_db_step(w.db, row), 1);
	CU_ASSERT_EQUAL(tacit_db_column_int(row, 0), 2);
	CU_ASSERT_EQUAL(tacit_db_column_int(row, 1), 3);
	tacit_db_reset(row);
	world_done(&w);
}

static struct tacit_token make_token(struct world *w, const X509 *ca)
{
	struct tacit_token token = { .url = URL };

	(void)w;
	memset(token.secret, 's', sizeof(token.secret));
	CU_ASSERT_EQUAL_FATAL(tacit_cert_fingerprint(ca, token.pin), 0);
	return token;
}

static bool asks_to_enrol(struct world *w)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "/v1/enrolments/%s",
		       tacit_identity_fingerprint(w->identity));
	return world_asks(w, "PUT", path);
}

static void answer_certificate(struct world *w, int status, X509 *ca, EVP_PKEY *key,
			       int64_t valid_sec)
{
	char *reply = world_certify(w, ca, key, (const char *)w->body, valid_sec);

	world_answer(w, status, TACIT_TYPE_JSON, reply, strlen(reply));
	free(reply);
}

static void test_enrolment(void)
{
	struct tacit_token token;
	struct world w;

	world_init(&w);
	world_restart(&w);
	(void)world_wait(&w);
	CU_ASSERT_PTR_NULL(w.done); /* nobody to ask */
	CU_ASSERT_EQUAL(world_status(&w).state, TACIT_PARTICIPANT_OUTSIDE);
	CU_ASSERT_EQUAL(world_status(&w).next_ms, 0);
	CU_ASSERT_FALSE(world_status(&w).enrolled);

	token = make_token(&w, w.ca);
	tacit_participant_offer(w.participant, &token);
	CU_ASSERT(asks_to_enrol(&w));
	CU_ASSERT_TRUE(w.pinned);
	CU_ASSERT_PTR_NOT_NULL(strstr((const char *)w.body, "\"secret\":\"c3Nzc3"));
	world_break(&w, TACIT_EUNTRUSTED); /* a stranger in between: another try */
	CU_ASSERT(asks_to_enrol(&w));
	world_answer_wait(&w, 503, 2000);
	CU_ASSERT(asks_to_enrol(&w));
	world_answer(&w, 201, TACIT_TYPE_JSON, "{}", 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(world_status(&w).last_error, "'host'"));
	CU_ASSERT(asks_to_enrol(&w));
	world_answer(&w, 201, "text/plain", "{}", 2);
	CU_ASSERT(asks_to_enrol(&w));
	answer_certificate(&w, 201, w.next_ca, w.next_ca_key, 3600);
	CU_ASSERT_PTR_NOT_NULL(strstr(world_status(&w).last_error, "not the pinned one"));
	CU_ASSERT_FALSE(world_status(&w).enrolled);
	CU_ASSERT(asks_to_enrol(&w));
	answer_certificate(&w, 200, w.ca, w.ca_key, 3600);
	CU_ASSERT_TRUE(world_status(&w).enrolled);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	CU_ASSERT_FALSE(w.pinned); /* now under our own certificate */
	world_done(&w);
}

static void test_a_refused_token_is_dropped(void)
{
	static const int statuses[] = { 400, 403, 413, 415, 422 };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(statuses); i++) {
		struct tacit_token token;
		struct world w;

		world_init(&w);
		world_restart(&w);
		token = make_token(&w, w.ca);
		tacit_participant_enrol(w.participant, &token);
		CU_ASSERT(asks_to_enrol(&w));
		world_answer(&w, statuses[i], NULL, NULL, 0);
		CU_ASSERT_EQUAL(world_status(&w).state, TACIT_PARTICIPANT_OUTSIDE);
		CU_ASSERT_TRUE(world_status(&w).failing);
		CU_ASSERT_PTR_NOT_NULL(strstr(world_status(&w).last_error, "refuses the token"));
		(void)world_wait(&w);
		CU_ASSERT_PTR_NULL(w.done);
		world_done(&w);
	}
}

static void test_moving_to_another_aggregator(void)
{
	struct tacit_token token;
	struct world w;

	world_begin(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_answer_task(&w);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer_release(&w, 9, 9);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	token = make_token(&w, w.next_ca);
	w.shown_ca = w.next_ca;
	tacit_participant_enrol(w.participant, &token); /* does not wait for the answer */
	CU_ASSERT(asks_to_enrol(&w));
	answer_certificate(&w, 201, w.next_ca, w.next_ca_key, 3600);
	CU_ASSERT_EQUAL(w.forgotten, 1);
	CU_ASSERT_EQUAL(world_status(&w).version, 0);
	w.round.model_version = 0;
	memset(w.round.model, 0, 32);
	world_to_round(&w);
	CU_ASSERT_STRING_EQUAL(w.if_none_match, "");
	world_answer_round(&w);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	world_done(&w);
}

static void test_renewal(void)
{
	struct tacit_identity_life life;
	struct world w;

	world_begin(&w);
	tacit_identity_life(w.identity, &life);
	world_to_round(&w);
	world_wall = life.renew_ms;
	world_answer_wait(&w, 204, 1000);
	CU_ASSERT(world_asks(&w, "PUT", "/v1/certificate"));
	CU_ASSERT_PTR_NULL(strstr((const char *)w.body, "secret"));
	world_answer_wait(&w, 500, 0);
	CU_ASSERT_TRUE(world_status(&w).failing);

	/* Life goes on while it does not succeed. */
	CU_ASSERT_FATAL(world_gets_to(&w, "GET", "/v1/rounds/current"));
	world_answer_round(&w);
	CU_ASSERT_FATAL(world_asks(&w, "PUT", "/v1/rounds/1/update"));
	world_answer(&w, 201, NULL, NULL, 0);
	CU_ASSERT_FATAL(world_gets_to(&w, "PUT", "/v1/certificate"));
	world_answer(&w, 200, TACIT_TYPE_JSON, "{}", 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(world_status(&w).last_error, "'certificate'"));
	CU_ASSERT_FATAL(world_gets_to(&w, "GET", "/v1/rounds/current"));
	world_answer_wait(&w, 204, HOUR);
	CU_ASSERT_FATAL(world_gets_to(&w, "PUT", "/v1/certificate"));
	answer_certificate(&w, 200, w.ca, w.ca_key, 30 * 86400);
	CU_ASSERT_FALSE(tacit_identity_is_due(w.identity, world_wall));
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_done(&w);
}

static void test_a_clock_that_jumps(void)
{
	struct tacit_identity_life life;
	struct tacit_token token;
	struct world w;

	world_begin(&w);
	tacit_identity_life(w.identity, &life);
	world_to_round(&w);
	world_wall = life.until_ms + HOUR;
	world_answer_wait(&w, 204, 5000);
	CU_ASSERT_TRUE(world_status(&w).expired);
	for (int i = 0; i < 5; i++) { /* nothing else would be answered */
		CU_ASSERT(world_asks(&w, "PUT", "/v1/certificate"));
		world_break(&w, -ECONNRESET);
	}
	world_wall = life.from_ms + 1; /* and back */
	CU_ASSERT_FALSE(world_status(&w).expired);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_answer(&w, 404, NULL, NULL, 0);

	/* A token that was kept gets an expired host in again, by the key it has. */
	token = make_token(&w, w.ca);
	tacit_participant_offer(w.participant, &token);
	CU_ASSERT(world_asks(&w, "GET", "/v1/rounds/current"));
	world_wall = life.until_ms + HOUR;
	world_answer_wait(&w, 204, 5000);
	CU_ASSERT(asks_to_enrol(&w));
	answer_certificate(&w, 200, w.ca, w.ca_key, 30 * 86400);
	CU_ASSERT_FALSE(world_status(&w).expired);
	CU_ASSERT(world_asks(&w, "GET", "/v1/task"));
	world_done(&w);
}

static void test_waiting_is_by_the_boot_clock(void)
{
	struct world w;

	world_begin(&w);
	world_to_round(&w);
	world_answer_wait(&w, 204, 60000);
	world_wall += 30 * 86400000LL / 10; /* three days on; the certificate is still good */
	CU_ASSERT(tacit_participant_wake(w.participant) >= 60000);
	CU_ASSERT_PTR_NULL(w.done);
	world_wall -= 20 * 86400000LL;
	CU_ASSERT(tacit_participant_wake(w.participant) >= 60000);
	tacit_participant_hurry(w.participant);
	CU_ASSERT(world_asks(&w, "GET", "/v1/models/latest"));
	world_done(&w);
}

/* Whatever allocation fails, the host gets there in the end, and is charged once. */
static void test_every_allocation_may_fail(void)
{
	unsigned failures = 0;

	for (int nth = 0; nth < 40; nth++) {
		struct world w;

		world_begin(&w);
		for (int i = 0; i < 30 && world_status(&w).accepted == 0; i++) {
			(void)world_wait(&w);
			CU_ASSERT_FATAL(w.done != NULL);
			if (strcmp(w.path, "/v1/task") == 0) {
				TACIT_AUTO_FREE char *json = tacit_task_format(&w.task);

				unit_fail_alloc(i == 0 ? nth : -1);
				world_answer(&w, 200, TACIT_TYPE_JSON, json, strlen(json));
			} else if (strcmp(w.path, "/v1/models/latest") == 0) {
				world_answer(&w, 404, NULL, NULL, 0);
			} else if (strcmp(w.path, "/v1/rounds/current") == 0) {
				TACIT_AUTO_FREE char *json = tacit_round_format(&w.round);

				unit_fail_alloc(world_charged(&w) || i > 2 ? -1 : nth);
				world_answer(&w, 200, TACIT_TYPE_JSON, json, strlen(json));
			} else {
				world_answer(&w, 201, NULL, NULL, 0);
			}
			unit_fail_alloc(-1);
			failures += world_status(&w).failing;
		}
		CU_ASSERT_EQUAL(world_status(&w).accepted, 1);
		CU_ASSERT_EQUAL(world_charged(&w), 1);
		world_done(&w);
	}
	CU_ASSERT(failures > 5);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the whole path", test_the_whole_path },
		{ "a restart sends the same bytes", test_a_restart_sends_the_same_bytes },
		{ "trouble is waited out", test_trouble_is_waited_out },
		{ "Retry-After is honoured", test_retry_after_is_honoured },
		{ "sending may fail", test_sending_may_fail },
		{ "what this host stays out of", test_what_this_host_stays_out_of },
		{ "the budget ends participation", test_the_budget_ends_participation },
		{ "a round that was seen is not new", test_a_round_that_was_seen_is_not_new },
		{ "nothing to say yet", test_nothing_to_say_yet },
		{ "what becomes of an update", test_what_becomes_of_an_update },
		{ "a reference is fetched", test_a_reference_is_fetched },
		{ "hostile releases", test_hostile_releases },
		{ "hostile documents", test_hostile_documents },
		{ "words of others are tidied", test_words_of_others_are_tidied },
		{ "a task may change", test_a_task_may_change },
		{ "a release outlives a restart", test_a_release_outlives_a_restart },
		{ "two releases are kept", test_two_releases_are_kept },
		{ "enrolment", test_enrolment },
		{ "a refused token is dropped", test_a_refused_token_is_dropped },
		{ "moving to another aggregator", test_moving_to_another_aggregator },
		{ "renewal", test_renewal },
		{ "a clock that jumps", test_a_clock_that_jumps },
		{ "waiting is by the boot clock", test_waiting_is_by_the_boot_clock },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("participant", cases);
}
