/* SPDX-License-Identifier: MIT */
/* Secure rounds from the database's point of view: real hosts, two workers' mailboxes, the keeper's
 * schedule. */
#include "aggregator/round_mode.h"

#include "crowd.h"

static int64_t count(struct crowd *crowd, const char *sql)
{
	return fleet_int(&crowd->fleet, sql);
}

static void expect_state(const struct crowd *crowd, enum tacit_round_state state)
{
	CU_ASSERT_EQUAL(crowd->round.state, state);
}

/* 1 when the reason of the newest round's lost sum holds @text. */
static bool lost_because(struct crowd *crowd, const char *text)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		crowd->fleet.db, "SELECT reason FROM cohort WHERE round = ? AND phase = 5", "i",
		(int64_t)crowd->round.doc.round);

	if (tacit_db_step(crowd->fleet.db, query) <= 0)
		return false;
	if (strstr(tacit_db_column_text(query, 0), text))
		return true;
	printf("# lost: %s\n", tacit_db_column_text(query, 0));
	return false;
}

static void test_whole_round(void)
{
	CROWD(crowd, 12);

	crowd_begin(crowd);
	CU_ASSERT_EQUAL(crowd->round.doc.mode, TACIT_MODE_DISTRIBUTED);
	CU_ASSERT_EQUAL(crowd->round.groups, 1);
	crowd_run(crowd);
	crowd_check(crowd);
	expect_state(crowd, TACIT_ROUND_RELEASED);
	CU_ASSERT_EQUAL(count(crowd, "SELECT updates FROM round"), 12);
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM release"), 1);
	CU_ASSERT_EQUAL(count(crowd, "SELECT min(rounds) FROM host"), 1);
	CU_ASSERT_EQUAL(count(crowd, "SELECT max(failures) FROM host"), 0);
	/* nothing of what hosts said is left, only that they did */
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM message WHERE data IS NOT NULL"), 0);
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM masked"), 0);
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM cohort WHERE sum IS NOT NULL"), 0);
}

/* One in ten goes away before each phase; in the last two that costs nothing. */
static void test_silence_in_each_phase(void)
{
	for (int phase = 1; phase <= 5; phase++) {
		CROWD(crowd, 20);

		crowd->host[3].silent = crowd->host[11].silent = phase;
		crowd_begin(crowd);
		crowd_run(crowd);
		crowd_check(crowd);
		expect_state(crowd, TACIT_ROUND_RELEASED);
		CU_ASSERT_EQUAL(count(crowd, "SELECT updates FROM round"), phase > 3 ? 20 : 18);
		CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE rho > 0"),
				phase > 3 ? 20 : 18);
		CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE failures > 0"),
				phase == 1 ? 0 : 2);
	}
}

/* More than the noise was sized for: lost, and never released; charged is who sent a vector. */
static void test_too_many_go(void)
{
	static const struct {
		int phase;
		int64_t charged, failing; /* where most are silent, it is not they who fail */
		const char *why;
	} table[] = {
		{ 2, 0, 5, "too few" },
		{ 3, 15, 5, "too few" },
		{ 5, 20, 0, "shares" },
	};

	for (size_t t = 0; t < TACIT_ARRAY_LEN(table); t++) {
		CROWD(crowd, 20);

		for (size_t i = 0; i < (table[t].phase == 5 ? 12 : 5); i++)
			crowd->host[i].silent = table[t].phase;
		crowd_begin(crowd);
		for (int phase = 1; phase <= table[t].phase; phase++)
			crowd_phase(crowd, phase);
		crowd_tick(crowd, 1);
		expect_state(crowd, TACIT_ROUND_ABANDONED);
		CU_ASSERT(lost_because(crowd, table[t].why));
		CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM release"), 0);
		CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE rho > 0"),
				table[t].charged);
		CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE failures > 0"),
				table[t].failing);
	}
}

static void test_too_few_come(void)
{
	CROWD(crowd, 6);

	crowd->task.min_cohort = 7;
	crowd_begin(crowd);
	crowd_phase(crowd, 1);
	expect_state(crowd, TACIT_ROUND_ABANDONED);
	CU_ASSERT(lost_because(crowd, "advertised"));
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE rho > 0"), 0);
	CU_ASSERT_EQUAL(count(crowd, "SELECT max(failures) FROM host"), 0);
}

/* The aggregator's processes die between any two things that they do. */
static void test_restarts_everywhere(void)
{
	CROWD(crowd, 10);

	crowd_begin(crowd);
	for (int phase = 1; phase <= 5; phase++) {
		for (size_t i = 0; i < crowd->n; i++) {
			CU_ASSERT_EQUAL(crowd_speak(crowd, i, phase), 1);
			crowd_restart(crowd);
			/* the acknowledgement was lost: the same bytes again */
			CU_ASSERT_EQUAL(crowd_send(crowd, i, phase, crowd->host[i].step.message,
						   crowd->host[i].step.message_len),
					0);
		}
		crowd_restart(crowd);
		crowd_tick(crowd, 1);
		if (phase == 1) { /* its time begins again with the restart */
			expect_state(crowd, TACIT_ROUND_COLLECTING);
			crowd_tick(crowd, (int64_t)crowd->task.collect_sec * 1000);
		}
		crowd_restart(crowd);
		for (size_t i = 0; i < crowd->n; i++) /* and later still */
			CU_ASSERT_EQUAL(crowd_send(crowd, i, phase, crowd->host[i].step.message,
						   crowd->host[i].step.message_len),
					0);
	}
	crowd_tick(crowd, 1);
	crowd_check(crowd);
	expect_state(crowd, TACIT_ROUND_RELEASED);
}

/* With what is due to happen when a release is made, a sum of several groups. */
static void test_groups(void)
{
	CROWD(crowd, 64);

	crowd->task.aggregation = TACIT_AGGREGATION_TRIMMED_MEAN;
	crowd_begin(crowd);
	CU_ASSERT_EQUAL(crowd->round.groups, 4);
	crowd_run(crowd);
	for (uint32_t group = 0; group < crowd->round.groups; group++) {
		struct tacit_cohort cohort;

		FLEET_MUST(
			tacit_cohort_get(crowd->fleet.db, crowd->round.doc.round, group, &cohort));
		if (cohort.phase == TACIT_COHORT_LOST) /* too small by bad luck */
			CU_ASSERT(cohort.hosts < 8);
	}
	expect_state(crowd, TACIT_ROUND_RELEASED);
}

/* One host whose vector is far beyond the clip norm. */
static void test_too_long(void)
{
	CROWD(crowd, 8);

	crowd->host[2].reach = 1 << 20;
	crowd_begin(crowd);
	crowd_run(crowd);
	expect_state(crowd, TACIT_ROUND_ABANDONED);
	CU_ASSERT(lost_because(crowd, "norm"));
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM cohort WHERE sum IS NOT NULL"), 0);
	CU_ASSERT_EQUAL(count(crowd, "SELECT max(suspicion) FROM host"), 0); /* of one group */
}

/* Regrouping: with each round fewer hosts can have been in every sum that was too long. */
static void test_liar_is_found(void)
{
	CROWD(crowd, 64);
	int64_t liar = crowd->host[5].host.number;
	unsigned rounds = 0;

	crowd->host[5].reach = 1 << 20;
	crowd->task.aggregation = TACIT_AGGREGATION_TRIMMED_MEAN;
	for (; rounds < 3 * TACIT_COHORT_SUSPICIONS; rounds++) {
		crowd_begin(crowd);
		crowd_run(crowd);
		if (count(crowd, "SELECT max(benched_until) FROM host") > 0)
			break;
	}
	CU_ASSERT(rounds >= TACIT_COHORT_SUSPICIONS - 1);
	CU_ASSERT(count(crowd, "SELECT count(*) FROM host WHERE benched_until > 0") <= 4);
	CU_ASSERT_EQUAL(count(crowd, "SELECT number FROM host WHERE benched_until > 0"
				     " ORDER BY suspicion DESC, number LIMIT 1") > 0,
			1);
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		crowd->fleet.db, "SELECT benched_until FROM host WHERE number = ?", "i", liar);
	CU_ASSERT_EQUAL_FATAL(tacit_db_step(crowd->fleet.db, query), 1);
	CU_ASSERT(tacit_db_column_int(query, 0) > (int64_t)crowd->round.doc.round);
}

static void test_silent_host_is_left_out(void)
{
	CROWD(crowd, 12);

	crowd->host[4].silent = 2;
	for (unsigned i = 0; i < TACIT_COHORT_FAILURES; i++) {
		CU_ASSERT_EQUAL(count(crowd, "SELECT max(benched_until) FROM host"), 0);
		crowd_begin(crowd);
		crowd_run(crowd);
		expect_state(crowd, TACIT_ROUND_RELEASED);
	}
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE benched_until > 0"), 1);
	CU_ASSERT_EQUAL(count(crowd, "SELECT benched_until - round.id FROM host, round"
				     " WHERE benched_until > 0 ORDER BY round.id DESC LIMIT 1"),
			TACIT_COHORT_BENCH);
}

/* A share of a neighbour's secret that is not the one that was dealt: the sum is known all the
 * same, and whoever lied is left out at once. */
static void test_bad_share(void)
{
	CROWD(crowd, 12);
	struct crowd_host *liar = &crowd->host[7];

	crowd_begin(crowd);
	for (int phase = 1; phase < 5; phase++)
		crowd_phase(crowd, phase);
	for (size_t i = 0; i < crowd->n; i++) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer told = { 0 };
		struct crowd_host *host = &crowd->host[i];

		tacit_secagg_step_done(&host->step);
		tacit_mailbox_turn(crowd->mailbox[i % CROWD_WORKERS]);
		FLEET_MUST(tacit_mailbox_fetch(crowd->mailbox[i % CROWD_WORKERS], &host->caller,
					       TACIT_SECAGG_CONSENTS, &told));
		FLEET_MUST(tacit_secagg_host_answer(host->party, told.data, told.len, &host->step,
						    NULL));
		if (host == liar)
			host->step.message[host->step.message_len - 5] ^= 1;
		CU_ASSERT_EQUAL(crowd_send(crowd, i, 5, host->step.message, host->step.message_len),
				1);
	}
	crowd_tick(crowd, 1);
	crowd_tick(crowd, 1);
	crowd_check(crowd);
	expect_state(crowd, TACIT_ROUND_RELEASED);
	CU_ASSERT_EQUAL(count(crowd, "SELECT number FROM host WHERE benched_until > 0"),
			liar->host.number);
}

static void test_group_sizes(void)
{
	struct tacit_round round = { .groups = tacit_cohort_groups(10000), .salt = { 5 } };
	uint32_t size[64] = { 0 };

	CU_ASSERT_EQUAL(tacit_cohort_groups(1), 1);
	CU_ASSERT_EQUAL(tacit_cohort_groups(1000), 1);
	CU_ASSERT_EQUAL(tacit_cohort_groups(1001), 2);
	CU_ASSERT_EQUAL_FATAL(round.groups, 12);
	for (uint32_t i = 0; i < 10000; i++) {
		uint8_t id[TACIT_SECAGG_ID_LEN] = { (uint8_t)i, (uint8_t)(i >> 8) };
		uint32_t group;

		FLEET_MUST(tacit_cohort_group_of(&round, id, &group));
		size[group]++;
	}
	for (uint32_t i = 0; i < round.groups; i++)
		CU_ASSERT(size[i] > 512 && size[i] < 1000);
}

/* Auto: by how many hosts there are, and whether a graph of them bears what is asked. */
static void test_mode(void)
{
	CROWD(crowd, 12);

	crowd->task.mode = TACIT_TASK_AUTO;
	crowd->task.min_cohort = 13;
	crowd_begin(crowd);
	CU_ASSERT_EQUAL(crowd->round.doc.mode, TACIT_MODE_LOCAL);
	CU_ASSERT_EQUAL(crowd->round.doc.min_cohort, 2);
	crowd->task.min_cohort = 12;
	crowd_begin(crowd);
	CU_ASSERT_EQUAL(crowd->round.doc.mode, TACIT_MODE_DISTRIBUTED);
	CU_ASSERT_EQUAL(crowd->round.doc.min_cohort, 12);
	crowd->task.threat.dropout_ppm = 500000;
	crowd_begin(crowd);
	CU_ASSERT_EQUAL(crowd->round.doc.mode, TACIT_MODE_LOCAL);
	crowd->task.mode = TACIT_TASK_LOCAL;
	crowd->task.threat.dropout_ppm = 0;
	crowd_begin(crowd);
	CU_ASSERT_EQUAL(crowd->round.doc.mode, TACIT_MODE_LOCAL);
	CU_ASSERT_EQUAL(crowd->round.doc.min_cohort, 12);
}

/* A smallest cohort that is larger than a group usually is makes groups larger. */
static void test_large_min_cohort(void)
{
	CROWD(crowd, 4);
	struct tacit_round round = { 0 };

	for (unsigned i = 4; i < 3000; i++)
		(void)fleet_host(&crowd->fleet);
	crowd->task.min_cohort = 100;
	FLEET_MUST(tacit_round_mode_choose(crowd->fleet.db, &crowd->task, &round));
	CU_ASSERT_EQUAL(round.groups, 4);
	crowd->task.min_cohort = 1200;
	FLEET_MUST(tacit_round_mode_choose(crowd->fleet.db, &crowd->task, &round));
	CU_ASSERT_EQUAL(round.groups, 2);
	crowd->task.min_cohort = 2000;
	FLEET_MUST(tacit_round_mode_choose(crowd->fleet.db, &crowd->task, &round));
	CU_ASSERT_EQUAL(round.groups, 1);
}

/* The task changes while vectors are in: they are charged for, and the sum is lost. */
static void test_task_changes(void)
{
	CROWD(crowd, 8);

	crowd_begin(crowd);
	crowd_phase(crowd, 1);
	crowd_phase(crowd, 2);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(crowd_speak(crowd, i, 3), 1);
	crowd->task.clip_norm *= 2;
	FLEET_MUST(fleet_set_task(&crowd->fleet, &crowd->task));
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM cohort WHERE phase = 5"), 1);
	CU_ASSERT_EQUAL(count(crowd, "SELECT count(*) FROM host WHERE rho > 0"), 3);
	CU_ASSERT_EQUAL(count(crowd, "SELECT max(failures) FROM host"), 0);
	CU_ASSERT_EQUAL(crowd_speak(crowd, 4, 3), TACIT_ESTALE);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a whole round", test_whole_round },
		{ "silence in each phase", test_silence_in_each_phase },
		{ "too many go", test_too_many_go },
		{ "too few come", test_too_few_come },
		{ "restarts everywhere", test_restarts_everywhere },
		{ "several groups", test_groups },
		{ "a sum that is too long", test_too_long },
		{ "a liar is found by regrouping", test_liar_is_found },
		{ "a silent host is left out", test_silent_host_is_left_out },
		{ "a bad share", test_bad_share },
		{ "group sizes", test_group_sizes },
		{ "which mode", test_mode },
		{ "a large smallest cohort", test_large_min_cohort },
		{ "the task changes", test_task_changes },
		{ NULL, NULL },
	};

	return unit_main("cohort", cases);
}
