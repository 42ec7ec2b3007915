/* SPDX-License-Identifier: MIT */
#include <tacit/accountant.h>
#include <tacit/clock.h>

#include "sum_world.h"

static double spent_rho(struct sum_world *sw)
{
	struct tacit_ledger_totals totals = { 0 };

	CU_ASSERT_EQUAL(tacit_ledger_totals(sw->w.db, &sw->w.params.floors.budget, &totals), 0);
	return totals.rho;
}

static void test_a_whole_round(void)
{
	static const char *const paths[] = { "GET config",    "PUT advert",  "GET roster",
					     "PUT shares",    "GET inbox",   "PUT masked",
					     "GET survivors", "PUT consent", "GET consents",
					     "PUT answer" };
	struct tacit_protect_params params;
	struct tacit_participant_status status;
	struct sum_world sw;
	struct world *w = &sw.w;

	sum_begin(&sw);
	world_to_round(w);
	world_answer_round(w);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(paths); i++) {
		char expected[64];

		(void)snprintf(expected, sizeof(expected), "/v1/rounds/1/%s", paths[i] + 4);
		(void)world_wait(w);
		CU_ASSERT_STRING_EQUAL_FATAL(w->path, expected);
		CU_ASSERT_EQUAL(strncmp(w->method, paths[i], 3), 0);
		status = world_status(w);
		CU_ASSERT_STRING_EQUAL(tacit_participant_state_name(status.state), paths[i] + 4);
		CU_ASSERT_EQUAL(world_charged(w), i >= 5);
		CU_ASSERT_EQUAL(sum_rows(&sw), i > 0);
		CU_ASSERT_STATE(&sw, i == 0 ? "unknown" : i < 5 ? "joined" : "prepared");
		CU_ASSERT_TRUE_FATAL(sum_serve(&sw));
	}
	CU_ASSERT_EQUAL(w->charged_at_put, 1); /* before a byte left */
	CU_ASSERT_EQUAL(w->contributions, 2);  /* is there anything to add, and then it */
	status = world_status(w);
	CU_ASSERT_EQUAL(status.accepted, 1);
	CU_ASSERT_EQUAL(status.round, 1);
	CU_ASSERT_EQUAL(sum_rows(&sw), 0);
	CU_ASSERT_STATE(&sw, "sent");
	sum_check(&sw);

	/* The witness stood beside it. */
	CU_ASSERT_EQUAL(sw.spoken, 5);
	CU_ASSERT_EQUAL(sw.vectors, 1);
	CU_ASSERT_EQUAL(sw.lists, 1);
	CU_ASSERT_EQUAL(sw.vector_index, sw.index);
	CU_ASSERT_EQUAL(sw.list_index, sw.index);

	/* Charged is the figure against the aggregator: of the noise of eight of ten. */
	params = (struct tacit_protect_params){ .clip_norm = sw.config.clip_norm,
						.noise_multiplier = sw.config.noise_ppm / 1e6,
						.honest = 8 };
	CU_ASSERT_EQUAL(spent_rho(&sw), tacit_protect_rho_sum(&params, sw.config.dimensions, 8));

	/* The release follows, as ever. */
	for (int i = 0; i < 10 && strcmp(w->path, TACIT_PATH_MODEL) != 0; i++)
		CU_ASSERT_TRUE(sum_serve(&sw));
	CU_ASSERT(world_gets_to(w, "GET", TACIT_PATH_MODEL));
	world_answer_release(w, 1, 1);
	status = world_status(w);
	CU_ASSERT_EQUAL(status.version, 1);
	CU_ASSERT_EQUAL(status.version_round, 1);
	CU_ASSERT_EQUAL(w->releases, 1);
	CU_ASSERT_FALSE(status.failing);
	CU_ASSERT_STRING_EQUAL(status.refused, "");
	sum_done(&sw);
}

static void test_a_neighbour_goes_away(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.peer[3].gone = true;
	CU_ASSERT_TRUE(sum_ends(&sw));
	sum_check(&sw);
	sum_done(&sw);
}

/* A task's noise multiplier that is no whole number of millionths: the round's is the next that is.
 */
static void test_noise_in_millionths(void)
{
	static const struct {
		double round;
		bool accepted;
	} table[] = { { 1.234568, true }, { 1.234567, false }, { 1.234570, false } };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++) {
		struct sum_world sw;

		sum_begin(&sw);
		sw.w.task.noise_multiplier = 1.2345678;
		sw.w.round.noise_multiplier = table[i].round;
		CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&sw.w.task, sw.w.round.task), 0);
		world_restart(&sw.w);
		sum_configure(&sw);
		sum_open(&sw);
		CU_ASSERT_EQUAL(sum_ends(&sw), table[i].accepted);
		sum_done(&sw);
	}
}

/* Without noise, and without a budget: what the sum has of this host is its contribution. */
static void test_what_is_added(void)
{
	struct sum_world sw;
	double step, norm, value;

	sum_begin(&sw);
	sw.w.task.noise_multiplier = sw.w.round.noise_multiplier = 0;
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&sw.w.task, sw.w.round.task), 0);
	sw.w.params.floors.min_noise_multiplier = 0;
	sw.w.params.floors.budget.max_epsilon = INFINITY;
	world_restart(&sw.w);
	sum_configure(&sw);
	sum_open(&sw);
	CU_ASSERT_TRUE(sum_ends(&sw));
	sum_check(&sw);
	step = sw.config.clip_norm / (1 << TACIT_PROTECT_SCALE_BITS);
	norm = 0.01 * sqrt(sw.config.dimensions);
	value = norm > sw.config.clip_norm ? 0.01 * sw.config.clip_norm / norm : 0.01;
	for (uint32_t i = 0; i < sw.config.dimensions; i++)
		CU_ASSERT_DOUBLE_EQUAL((int32_t)sw.vector[i] * step, value, step * 1.001);
	sum_done(&sw);
}

enum death {
	BEFORE_IT_ARRIVES,
	BEFORE_THE_ANSWER, /* the aggregator has it, nobody knows */
	AFTER_THE_ANSWER,
	DEATHS,
};

/* One request, and the host dies. The participant on the same file knows only what is there. */
static void die(struct sum_world *sw, enum death death)
{
	struct world *w = &sw->w;
	bool masked = sw->vectors > 0;

	(void)world_wait(w);
	if (death == AFTER_THE_ANSWER) {
		CU_ASSERT_TRUE(sum_serve(sw));
		masked = sw->vectors > 0;
	} else if (death == BEFORE_THE_ANSWER && sum_type(sw) != 0 && sum_type(sw) % 2 == 0) {
		CU_ASSERT(sum_hear(sw, sum_type(sw)) <= 201);
	}
	CU_ASSERT_EQUAL(world_charged(w), masked);
	w->done = NULL;
	world_restart(w);
	CU_ASSERT_EQUAL(world_charged(w), masked);
}

static void test_a_kill_at_every_point(void)
{
	for (int death = 0; death < DEATHS; death++)
		for (int at = 0; at < 14; at++) {
			struct sum_world sw;

			sum_begin(&sw);
			for (int i = 0; i < at; i++)
				CU_ASSERT_TRUE(sum_serve(&sw));
			die(&sw, (enum death)death);
			if (world_charged(&sw.w) == 0 || sum_rows(&sw) == 1)
				CU_ASSERT_TRUE(sum_ends(&sw));
			for (int type = 2; type < (int)TYPES; type += 2)
				CU_ASSERT(sw.n_said[type] >= 1);
			CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
			CU_ASSERT_EQUAL(sum_rows(&sw), 0);
			CU_ASSERT_STATE(&sw, "sent");
			CU_ASSERT_EQUAL(sw.vectors, 1);
			sum_check(&sw);
			sum_done(&sw);
		}
}

static void test_a_host_that_dies_all_the_time(void)
{
	for (int death = 0; death < DEATHS; death++) {
		struct place place = place_new();
		struct sum_world sw;

		sum_begin_at(&sw, place_file(&place, "host.db"));
		for (int i = 0; i < 100 && !(world_charged(&sw.w) && !sum_rows(&sw)); i++) {
			struct tacit_store_params store = { .path = place_file(&place, "host.db") };
			enum tacit_secagg_type type;

			(void)world_wait(&sw.w);
			type = sum_type(&sw);
			die(&sw, (enum death)death);
			/* And now the file itself is opened again. */
			sw.w.done = NULL;
			tacit_participant_free(sw.w.participant);
			sw.w.participant = NULL;
			tacit_store_close(sw.w.store);
			sum_must(tacit_store_open(&store, &sw.w.store));
			sw.w.db = sw.w.params.db = tacit_store_db(sw.w.store);
			world_restart(&sw.w);
			/* Once in a while it lives long enough to get on. */
			for (int step = 0; death != AFTER_THE_ANSWER && step < 10; step++) {
				(void)world_wait(&sw.w);
				if (sum_type(&sw) != type && type != 0 && sum_type(&sw) != 0)
					break;
				CU_ASSERT_TRUE(sum_serve(&sw));
			}
			for (int step = 0; death == AFTER_THE_ANSWER && step < 5; step++) {
				(void)world_wait(&sw.w);
				if (sum_type(&sw) != 0)
					break;
				if (sum_rows(&sw) == 0 && world_charged(&sw.w))
					break;
				CU_ASSERT_TRUE(sum_serve(&sw));
			}
		}
		CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
		CU_ASSERT_STATE(&sw, "sent");
		sum_check(&sw);
		sum_done(&sw);
		place_done(&place);
	}
}

static void test_the_budget_may_be_gone_meanwhile(void)
{
	const struct tacit_ledger_entry other = {
		.aggregator = "another",
		.round = 1,
		.mode = TACIT_MODE_LOCAL,
		.noise_multiplier = 1,
		.clip_norm = 1,
		.rho = tacit_zcdp_rho(8, 1e-6) * 0.99,
		.dimensions = 1,
	};
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	CU_ASSERT_EQUAL(tacit_ledger_spend(sw.w.db, &other, &world_limits, "x", 1, 1), 0);
	CU_ASSERT_TRUE(sum_serve(&sw));
	CU_ASSERT_STRING_EQUAL(world_status(&sw.w).refused,
			       "it would spend more than this host's epsilon of 8");
	CU_ASSERT_EQUAL(world_status(&sw.w).refused_round, 1);
	CU_ASSERT_STATE(&sw, "refused");
	CU_ASSERT_EQUAL(world_charged(&sw.w), 1); /* the other's */
	CU_ASSERT_EQUAL(sum_rows(&sw), 0);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_TRUE(sum_serve(&sw));
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_MASKED], 0);
	sum_done(&sw);
}

static void test_waiting_for_the_others(void)
{
	struct sum_world sw;
	int64_t waited;

	sum_begin(&sw);
	sw.w.params.wait_sec = 20;
	world_restart(&sw.w);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ROSTER));
	CU_ASSERT_EQUAL(sw.w.prefer_wait_sec, 20);
	CU_ASSERT(sw.w.timeout_ms > 20000);
	world_answer_wait(&sw.w, 204, 7000);
	CU_ASSERT_EQUAL(world_status(&sw.w).state, TACIT_PARTICIPANT_ROSTER);
	CU_ASSERT_FALSE(world_status(&sw.w).failing);
	waited = world_wait(&sw.w);
	CU_ASSERT(waited >= 7000 && waited <= 7700);
	CU_ASSERT_EQUAL(sum_type(&sw), TACIT_SECAGG_ROSTER);
	world_answer_wait(&sw.w, 204, 0); /* at once: it is not to be asked without a pause */
	CU_ASSERT(world_wait(&sw.w) >= 1000);
	world_pass(20000);
	world_answer_wait(&sw.w, 204, 0); /* this was paced by the aggregator */
	CU_ASSERT_EQUAL(world_wait(&sw.w), 0);
	CU_ASSERT_EQUAL(sum_type(&sw), TACIT_SECAGG_ROSTER);
	CU_ASSERT_TRUE(sum_ends(&sw));
	sum_check(&sw);
	sum_done(&sw);
}

static void test_an_aggregator_that_stands_still(void)
{
	struct sum_world sw;
	int i = 0;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ROSTER));
	for (; i < 1000 && sum_type(&sw) == TACIT_SECAGG_ROSTER; i++) {
		world_answer_wait(&sw.w, 204, 30000);
		(void)world_wait(&sw.w);
	}
	CU_ASSERT(i > 20 && i < 100);
	CU_ASSERT_STRING_EQUAL(world_status(&sw.w).refused,
			       "the aggregator does not go on with it");
	CU_ASSERT_EQUAL(sum_rows(&sw), 0);
	sum_done(&sw);
}

/* The round goes on without this host, whatever it was about to ask or say. */
static void test_the_round_may_be_over(void)
{
	for (int type = TACIT_SECAGG_CONFIG; type < (int)TYPES; type++)
		for (int status = 404; status <= 410; status += 6) {
			struct sum_world sw;
			/* its vector is in: that was its part, the rest serves the others */
			bool done = status == 410 && type > TACIT_SECAGG_MASKED;
			const char *state = type == TACIT_SECAGG_CONFIG	  ? "unknown"
					    : type < TACIT_SECAGG_MASKED  ? "left"
					    : type == TACIT_SECAGG_MASKED ? "late"
									  : "sent";

			sum_begin(&sw);
			CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)type));
			world_answer_problem(&sw.w, status, "too late");
			CU_ASSERT_EQUAL(!strstr(world_status(&sw.w).refused, "too late"), done);
			CU_ASSERT_EQUAL(world_status(&sw.w).refused_round, done ? 0 : 1);
			CU_ASSERT_FALSE(world_status(&sw.w).failing);
			CU_ASSERT_EQUAL(sum_rows(&sw), 0);
			CU_ASSERT_STATE(&sw, state);
			CU_ASSERT_EQUAL(world_charged(&sw.w), type >= TACIT_SECAGG_MASKED);

			/* Nothing is left of it, and the next round is another matter. */
			CU_ASSERT_EQUAL(world_status(&sw.w).accepted, done);
			for (int i = 0; type != TACIT_SECAGG_CONFIG && i < 10; i++) {
				CU_ASSERT_TRUE(sum_serve(&sw));
				CU_ASSERT_EQUAL(sum_type(&sw), 0);
			}
			sum_done(&sw);
		}
}

static void test_what_was_said_may_be_refused(void)
{
	static const int statuses[] = { 400, 409, 413, 415, 422 };

	for (int type = TACIT_SECAGG_ADVERT; type < (int)TYPES; type += 2)
		for (size_t i = 0; i < TACIT_ARRAY_LEN(statuses); i++) {
			struct sum_world sw;

			sum_begin(&sw);
			CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)type));
			world_answer_problem(&sw.w, statuses[i], "not like this");
			CU_ASSERT_PTR_NOT_NULL(
				strstr(world_status(&sw.w).refused, "not like this"));
			CU_ASSERT_STATE(&sw, "refused");
			CU_ASSERT_EQUAL(sum_rows(&sw), 0);
			CU_ASSERT_EQUAL(world_charged(&sw.w), type >= TACIT_SECAGG_MASKED);
			sum_done(&sw);
		}
}

/* Whatever is asked or said, trouble is waited out, and the bytes are the same. */
static void test_trouble_is_waited_out(void)
{
	for (int type = TACIT_SECAGG_CONFIG; type < (int)TYPES; type++) {
		struct sum_world sw;

		sum_begin(&sw);
		CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)type));
		world_break(&sw.w, -ETIMEDOUT);
		CU_ASSERT_TRUE(world_status(&sw.w).failing);
		CU_ASSERT(world_wait(&sw.w) >= TACIT_PARTICIPANT_BACKOFF_MIN_MS);
		CU_ASSERT_EQUAL_FATAL(sum_type(&sw), type);
		world_break(&sw.w, -E2BIG);
		CU_ASSERT(world_wait(&sw.w) >= TACIT_PARTICIPANT_BACKOFF_MIN_MS);
		CU_ASSERT_EQUAL_FATAL(sum_type(&sw), type);
		world_answer_wait(&sw.w, 503, 30000);
		CU_ASSERT(world_wait(&sw.w) >= 30000);
		CU_ASSERT_EQUAL_FATAL(sum_type(&sw), type);
		if (type % 2 == 1)
			world_answer(&sw.w, 200, "text/html", "<html>", 6);
		else
			world_answer_wait(&sw.w, 204, 0);
		CU_ASSERT_TRUE(world_status(&sw.w).failing);
		CU_ASSERT_TRUE(sum_ends(&sw));
		CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
		sum_check(&sw);
		sum_done(&sw);
	}
}

static void test_the_task_changes_meanwhile(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	sw.w.done = NULL;
	sw.w.task.kappa++;
	world_restart(&sw.w);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	CU_ASSERT_TRUE(sum_serve(&sw));
	CU_ASSERT_STRING_EQUAL(world_status(&sw.w).refused, "its task is no longer the fleet's");
	CU_ASSERT_EQUAL(world_charged(&sw.w), 0);
	sum_done(&sw);
}

/* The round is of release 1, which this host has; after a restart it has it no longer. */
static void test_the_release_goes_meanwhile(void)
{
	for (int gone = 0; gone < 2; gone++) {
		struct sum_world sw;

		sum_begin(&sw);
		CU_ASSERT(world_asks(&sw.w, "GET", TACIT_PATH_TASK));
		world_answer_task(&sw.w);
		CU_ASSERT(world_asks(&sw.w, "GET", TACIT_PATH_MODEL));
		world_answer_release(&sw.w, 1, 1);
		sw.w.round.round = 2;
		sum_configure(&sw);
		sum_open(&sw);
		CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
		sw.w.done = NULL;
		if (gone)
			CU_ASSERT_EQUAL(tacit_db_run(sw.w.db, "DELETE FROM release", ""), 0);
		world_restart(&sw.w);
		CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
		CU_ASSERT_EQUAL(sum_ends(&sw), !gone);
		CU_ASSERT_STRING_EQUAL(world_status(&sw.w).refused,
				       gone ? "its release 1 is no longer at hand" : "");
		CU_ASSERT_EQUAL(world_charged(&sw.w), !gone);
		CU_ASSERT_EQUAL(sum_rows(&sw), 0);
		sum_done(&sw);
	}
}

static void test_nothing_to_add(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.w.contribute_result = 0;
	world_to_round(&sw.w);
	world_answer_round(&sw.w); /* then it does not join at all */
	CU_ASSERT(world_wait(&sw.w) <= 5500);
	CU_ASSERT_EQUAL(sum_type(&sw), 0);
	sw.w.contribute_result = 1;
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	sw.w.contribute_result = 0;
	CU_ASSERT_TRUE(sum_serve(&sw));
	CU_ASSERT_STRING_EQUAL(world_status(&sw.w).refused,
			       "this host has nothing to add any more");
	CU_ASSERT_EQUAL(world_charged(&sw.w), 0);
	sum_done(&sw);
}

/* What cannot be stored is not said, and is thought about anew once it can be. */
static void test_a_disk_that_fails(void)
{
	static const int told[] = { TACIT_SECAGG_CONFIG, TACIT_SECAGG_ROSTER, TACIT_SECAGG_INBOX,
				    TACIT_SECAGG_SURVIVORS, TACIT_SECAGG_CONSENTS };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(told); i++) {
		struct sum_world sw;

		sum_begin(&sw);
		CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)told[i]));
		CU_ASSERT_EQUAL_FATAL(
			tacit_db_run(sw.w.db,
				     i == 0 ? "CREATE TEMP TRIGGER no BEFORE INSERT ON secure"
					      " BEGIN SELECT RAISE(ABORT, 'no'); END"
					    : "CREATE TEMP TRIGGER no BEFORE UPDATE ON secure"
					      " BEGIN SELECT RAISE(ABORT, 'no'); END",
				     ""),
			0);
		CU_ASSERT_TRUE(sum_serve(&sw));
		CU_ASSERT_TRUE(world_status(&sw.w).failing);
		CU_ASSERT_EQUAL(sw.n_said[told[i] + 1], 0);
		CU_ASSERT_EQUAL(world_charged(&sw.w), told[i] > TACIT_SECAGG_INBOX);
		CU_ASSERT_EQUAL_FATAL(tacit_db_run(sw.w.db, "DROP TRIGGER no", ""), 0);
		CU_ASSERT_TRUE(sum_ends(&sw));
		CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
		CU_ASSERT_STATE(&sw, "sent");
		sum_check(&sw);
		sum_done(&sw);
	}
}

/* The answer has arrived, but that it did cannot be noted: it is sent once more. */
static void test_an_end_that_cannot_be_noted(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ANSWER));
	CU_ASSERT_EQUAL_FATAL(tacit_db_run(sw.w.db,
					   "CREATE TEMP TRIGGER no BEFORE DELETE ON secure"
					   " BEGIN SELECT RAISE(ABORT, 'no'); END",
					   ""),
			      0);
	CU_ASSERT_TRUE(sum_serve(&sw));
	CU_ASSERT_TRUE(world_status(&sw.w).failing);
	CU_ASSERT_EQUAL(world_status(&sw.w).accepted, 0);
	CU_ASSERT_EQUAL(sum_rows(&sw), 1);
	sw.w.done = NULL;
	world_restart(&sw.w);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ANSWER));
	CU_ASSERT_EQUAL_FATAL(tacit_db_run(sw.w.db, "DROP TRIGGER no", ""), 0);
	CU_ASSERT_TRUE(sum_ends(&sw));
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ANSWER], 2);
	CU_ASSERT_EQUAL(sum_rows(&sw), 0);
	CU_ASSERT_STATE(&sw, "sent");
	sum_check(&sw);
	sum_done(&sw);
}

static void test_a_witness_holds_back_and_silences(void)
{
	for (int stage = TACIT_SECAGG_STAGE_JOINED; stage <= TACIT_SECAGG_STAGE_ANSWERED; stage++) {
		enum tacit_secagg_type type = (enum tacit_secagg_type)(2 * stage);
		struct sum_world sw;

		sum_begin(&sw);
		sw.speak[stage] = 12345;
		CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)(type - 1)));
		CU_ASSERT_TRUE(sum_serve(&sw));
		CU_ASSERT_EQUAL(world_wait(&sw.w), 12345);
		CU_ASSERT_EQUAL(sum_type(&sw), type);
		CU_ASSERT_TRUE(sum_ends(&sw));
		CU_ASSERT_EQUAL(sw.spoken, 5);
		sum_done(&sw);

		sum_begin(&sw);
		sw.speak[stage] = -1;
		CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)(type - 1)));
		for (int i = 0; i < 10; i++)
			CU_ASSERT_TRUE(sum_serve(&sw));
		CU_ASSERT_EQUAL(sw.n_said[type], 0);
		CU_ASSERT_EQUAL(sum_rows(&sw), 0);
		CU_ASSERT_EQUAL(world_charged(&sw.w), stage >= TACIT_SECAGG_STAGE_MASKED);
		CU_ASSERT_EQUAL(world_status(&sw.w).accepted, 0);
		sum_done(&sw);
	}
}

/* Its certificate is renewed in the middle: the others have seen the one before. */
static void test_a_renewal_meanwhile(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	world_enrol(&sw.w, 3 * 86400);
	CU_ASSERT_TRUE(sum_ends(&sw));
	sum_check(&sw);
	sum_done(&sw);
}

static void test_moving_away_meanwhile(void)
{
	TACIT_AUTO_FREE char *reply = NULL;
	struct tacit_token token = { .url = "https://next.example:8443" };
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	CU_ASSERT_EQUAL_FATAL(tacit_cert_fingerprint(sw.w.next_ca, token.pin), 0);
	sw.w.shown_ca = sw.w.next_ca;
	tacit_participant_enrol(sw.w.participant, &token);
	(void)world_wait(&sw.w);
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(sw.w.path, TACIT_PATH_ENROL));
	reply = world_certify(&sw.w, sw.w.next_ca, sw.w.next_ca_key, (const char *)sw.w.body,
			      86400);
	world_answer(&sw.w, 201, TACIT_TYPE_JSON, reply, strlen(reply));
	CU_ASSERT_EQUAL(sum_rows(&sw), 0);
	CU_ASSERT(world_asks(&sw.w, "GET", TACIT_PATH_TASK));
	sum_done(&sw);
}

static void test_a_task_of_local_noise_is_held_to_it(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.w.task.mode = TACIT_TASK_LOCAL;
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&sw.w.task, sw.w.round.task), 0);
	world_to_round(&sw.w);
	world_answer_round(&sw.w);
	CU_ASSERT_STRING_EQUAL(world_status(&sw.w).refused,
			       "its parameters are not those of its task");
	sum_done(&sw);
}

static void test_a_stored_state_that_is_damaged(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
	sw.w.done = NULL;
	CU_ASSERT_EQUAL(tacit_db_run(sw.w.db, "UPDATE secure SET state = x'00'", ""), 0);
	world_restart(&sw.w);
	CU_ASSERT_EQUAL(sum_rows(&sw), 0);
	CU_ASSERT_STATE(&sw, "left");
	for (int i = 0; i < 10; i++) {
		CU_ASSERT_TRUE(sum_serve(&sw));
		CU_ASSERT_EQUAL(sum_type(&sw), 0);
	}
	CU_ASSERT_EQUAL(world_charged(&sw.w), 0);
	sum_done(&sw);
}

/* Whom one host of a process has verified, the others need not. */
static void test_a_vouch_is_shared(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.w.params.vouch = sw.vouch;
	world_restart(&sw.w);
	CU_ASSERT_TRUE(sum_ends(&sw));
	sum_check(&sw);
	sum_done(&sw);
}

static void test_every_allocation_may_fail(void)
{
	unsigned failures = 0;

	for (int type = TACIT_SECAGG_CONFIG; type < (int)TYPES; type++)
		for (int nth = 0; nth < 60; nth++) {
			struct sum_world sw;
			WRITER(message);
			bool failed;

			sum_begin(&sw);
			CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, (enum tacit_secagg_type)type));
			if (type % 2 == 1) {
				sum_prepare(&sw, (enum tacit_secagg_type)type);
				sum_message(&sw, (enum tacit_secagg_type)type, sw.index, &message);
			}
			if (type % 2 == 1) {
				unit_fail_alloc(nth);
				world_answer(&sw.w, 200, TACIT_TYPE_SECAGG, message.data,
					     message.len);
			} else {
				int status = sum_hear(&sw, (enum tacit_secagg_type)type);

				unit_fail_alloc(nth);
				world_answer(&sw.w, status, NULL, NULL, 0);
			}
			unit_fail_alloc(-1);
			failed = world_status(&sw.w).failing;
			failures += failed;
			if (world_status(&sw.w).refused_round == 0) {
				CU_ASSERT_TRUE(sum_ends(&sw));
				CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
				sum_check(&sw);
			}
			sum_done(&sw);
			if (!failed && nth > 8)
				break;
		}
	CU_ASSERT(failures > 20);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a whole round", test_a_whole_round },
		{ "a neighbour goes away", test_a_neighbour_goes_away },
		{ "noise in millionths", test_noise_in_millionths },
		{ "what is added", test_what_is_added },
		{ "a kill at every point", test_a_kill_at_every_point },
		{ "a host that dies all the time", test_a_host_that_dies_all_the_time },
		{ "the budget may be gone meanwhile", test_the_budget_may_be_gone_meanwhile },
		{ "waiting for the others", test_waiting_for_the_others },
		{ "an aggregator that stands still", test_an_aggregator_that_stands_still },
		{ "the round may be over", test_the_round_may_be_over },
		{ "what was said may be refused", test_what_was_said_may_be_refused },
		{ "trouble is waited out", test_trouble_is_waited_out },
		{ "the task changes meanwhile", test_the_task_changes_meanwhile },
		{ "the release goes meanwhile", test_the_release_goes_meanwhile },
		{ "nothing to add", test_nothing_to_add },
		{ "a disk that fails", test_a_disk_that_fails },
		{ "an end that cannot be noted", test_an_end_that_cannot_be_noted },
		{ "a witness holds back and silences", test_a_witness_holds_back_and_silences },
		{ "a renewal meanwhile", test_a_renewal_meanwhile },
		{ "moving away meanwhile", test_moving_away_meanwhile },
		{ "a task of local noise is held to it", test_a_task_of_local_noise_is_held_to_it },
		{ "a stored state that is damaged", test_a_stored_state_that_is_damaged },
		{ "a vouch is shared", test_a_vouch_is_shared },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("participant_secure", cases);
}
