/* SPDX-License-Identifier: MIT */
#include "aggregator/mailbox.h"

#include "secure_fleet.h"

#define HOSTS 8U

static const enum tacit_secagg_type said[] = { TACIT_SECAGG_ADVERT, TACIT_SECAGG_SHARES,
					       TACIT_SECAGG_MASKED, TACIT_SECAGG_CONSENT,
					       TACIT_SECAGG_ANSWER };

#define WORKERS(name, secure)                                                                      \
	MAILBOX(name##_0, secure, 0);                                                              \
	MAILBOX(name##_1, secure, 1);                                                              \
	struct tacit_mailbox *const name[2] = { name##_0, name##_1 }

/* All phases before @type, by everybody. */
static void run_to(struct secure *secure, struct tacit_mailbox *const worker[2],
		   enum tacit_secagg_type type)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(said) && said[i] != type; i++)
		secure_phase(secure, worker, 0, said[i]);
}

static void test_a_round(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(said); i++)
		secure_phase(&secure, worker, 0, said[i]);
	secure_check_sum(&secure, 0);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM message"), 5 * HOSTS);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM participation"), HOSTS);
}

/* One stays away after it shared: the sum is that of the others. */
static void test_a_dropout(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct tacit_mailbox_caller caller;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };

	run_to(&secure, worker, TACIT_SECAGG_MASKED);
	for (size_t i = 2; i < TACIT_ARRAY_LEN(said); i++)
		secure_phase(&secure, worker, 1, said[i]);
	secure_check_sum(&secure, 1);
	caller = secure_caller(&secure, worker[0], &secure.member[0]);
	CU_ASSERT_EQUAL(tacit_mailbox_fetch(worker[0], &caller, TACIT_SECAGG_SURVIVORS, &message),
			TACIT_ESTALE);
}

static void test_several_groups(void)
{
	TACIT_CLEANUP(secure_done) struct secure secure;
	secure_init(&secure, SECURE_HOSTS_MAX, TACIT_AGGREGATION_TRIMMED_MEAN);
	WORKERS(worker, secure);

	CU_ASSERT(secure.round.groups > 1);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(said); i++)
		secure_phase(&secure, worker, 0, said[i]);
	secure_check_sum(&secure, 0);
	CU_ASSERT(fleet_int(&secure.fleet, "SELECT count(DISTINCT grp) FROM message") > 1);
}

/* A group of messages of all hosts, one of them twice, in one transaction. */
static void test_a_group(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct tacit_mailbox_message group[HOSTS + 1];
	struct tacit_mailbox_caller caller;

	run_to(&secure, worker, TACIT_SECAGG_MASKED);
	for (size_t i = 0; i <= HOSTS; i++) {
		struct member *member = &secure.member[i % HOSTS];

		if (i < HOSTS)
			CU_ASSERT_EQUAL(
				secure_hear(&secure, worker[0], member, TACIT_SECAGG_MASKED), 0);
		caller = secure_caller(&secure, worker[0], member);
		CU_ASSERT_EQUAL(tacit_mailbox_admit(worker[0], &caller, TACIT_SECAGG_MASKED,
						    member->step.message, member->step.message_len,
						    &group[i], NULL),
				0);
	}
	CU_ASSERT_EQUAL(tacit_mailbox_commit(worker[0], group, TACIT_MAILBOX_GROUP_MAX + 1),
			-E2BIG);
	CU_ASSERT_EQUAL(tacit_mailbox_commit(worker[0], group, HOSTS + 1), 0);
	for (size_t i = 0; i <= HOSTS; i++)
		CU_ASSERT_EQUAL(group[i].result, i < HOSTS);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT updates FROM masked WHERE worker = 0"),
			HOSTS);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM masked"), 1);
	secure_advance(&secure);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_CONSENT);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_ANSWER);
	secure_check_sum(&secure, 0);
}

/* The same again, by either worker, also when the phase is over; nothing new then. */
static void check_again_and_late(enum tacit_secagg_type type)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	const struct member *first = &secure.member[0], *last = &secure.member[HOSTS - 1];
	int64_t updates;

	run_to(&secure, worker, type);
	for (size_t i = 0; i < HOSTS; i++)
		CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], &secure.member[i], type), 0);
	for (size_t i = 1; i < HOSTS; i++)
		CU_ASSERT_EQUAL(secure_say(&secure, worker[0], &secure.member[i], type), 1);
	updates = fleet_int(&secure.fleet, "SELECT ifnull(sum(updates), 0) FROM masked");
	CU_ASSERT_EQUAL(updates, type == TACIT_SECAGG_MASKED  ? HOSTS - 1
				 : type > TACIT_SECAGG_MASKED ? HOSTS
							      : 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], last, type), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[1], last, type), 0);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT ifnull(sum(updates), 0) FROM masked"),
			updates);
	if (type == TACIT_SECAGG_CONSENT)
		return; /* which ends with the answers */
	secure_advance(&secure);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], last, type), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[1], last, type), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], first, type), TACIT_ESTALE);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[1], first, type), TACIT_ESTALE);
}

static void test_again_and_late(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(said); i++)
		check_again_and_late(said[i]);
}

/* A host with another state says something else, as good as the first. */
static void check_conflict(enum tacit_secagg_type type)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct member *member = &secure.member[3];
	TACIT_CLEANUP(tacit_secagg_step_done) struct tacit_secagg_step first = { 0 };
	struct tacit_secagg_host *again = NULL;
	int64_t updates;

	run_to(&secure, worker, type);
	if (type == TACIT_SECAGG_ADVERT)
		FLEET_MUST(tacit_secagg_host_new(&member->identity, secure.fleet.random, &again));
	else
		FLEET_MUST(tacit_secagg_host_load(&member->identity, secure.fleet.random,
						  member->step.state, member->step.state_len,
						  &again));
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], member, type), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], member, type), 1);
	updates = fleet_int(&secure.fleet, "SELECT sum(updates) FROM masked");
	first = member->step;
	member->step = (struct tacit_secagg_step){ 0 };
	tacit_secagg_host_free(member->part);
	member->part = again;
	member->value[0]++;
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], member, type), 0);
	CU_ASSERT_FATAL(first.message_len != member->step.message_len ||
			memcmp(first.message, member->step.message, first.message_len) != 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], member, type), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[1], member, type), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT sum(updates) FROM masked"), updates);
	CU_ASSERT_EQUAL(secure_put(&secure, worker[1], member, type, first.message,
				   first.message_len, NULL),
			0);
}

static void test_something_else(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(said); i++)
		if (said[i] != TACIT_SECAGG_ANSWER) /* of which there is but one */
			check_conflict(said[i]);
}

/* One host puts another's message, which is good; and then parts of its own, and rubbish. */
static void check_foreign(enum tacit_secagg_type type)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct member *mine = &secure.member[0], *other = &secure.member[1];
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	run_to(&secure, worker, type);
	if (type == TACIT_SECAGG_ANSWER)
		CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM message"),
				4 * HOSTS);
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], mine, type), 0);
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], other, type), 0);
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], mine, type, other->step.message,
				   other->step.message_len, &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_UNKNOWN_HOST);
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], mine, type, mine->step.message,
				   mine->step.message_len - 1, &why),
			TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_MALFORMED);
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], mine, type, NULL, 0, &why), TACIT_ESCHEMA);
	mine->step.message[8] ^= 1; /* of another config */
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], mine, type, mine->step.message,
				   mine->step.message_len, &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_OTHER_ROUND);
	mine->step.message[8] ^= 1;
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], mine, type), 1);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], other, type), 1);
}

static void test_foreign_and_malformed(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(said); i++)
		check_foreign(said[i]);
}

/* What a signature is over is changed; what it is by is. */
static void test_signatures(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct member *mine = &secure.member[0], *other = &secure.member[1];
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], mine, TACIT_SECAGG_ADVERT), 0);
	mine->step.message[8 + 32 + 32] ^= 1; /* a key */
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], mine, TACIT_SECAGG_ADVERT,
				   mine->step.message, mine->step.message_len, &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_BAD_SIGNATURE);
	mine->step.message[8 + 32 + 32] ^= 1;
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], mine, TACIT_SECAGG_ADVERT), 1);
	secure_phase(&secure, worker, 1, TACIT_SECAGG_ADVERT);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_SHARES);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_MASKED);
	mine->identity.ctx = other; /* who signs in its stead */
	tacit_secagg_host_free(mine->part);
	FLEET_MUST(tacit_secagg_host_load(&mine->identity, secure.fleet.random, mine->step.state,
					  mine->step.state_len, &mine->part));
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], mine, TACIT_SECAGG_CONSENT), 0);
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], mine, TACIT_SECAGG_CONSENT,
				   mine->step.message, mine->step.message_len, &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_BAD_CONSENT);
}

/* Questions before their time, and of those who have no part. */
static void test_questions(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	static const enum tacit_secagg_type told[] = { TACIT_SECAGG_ROSTER, TACIT_SECAGG_INBOX,
						       TACIT_SECAGG_SURVIVORS,
						       TACIT_SECAGG_CONSENTS };
	struct tacit_mailbox_caller stranger, mine;
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	secure.n--; /* the last stays away */
	stranger = secure_caller(&secure, worker[0], &secure.member[HOSTS - 1]);
	mine = secure_caller(&secure, worker[0], &secure.member[0]);
	for (size_t phase = 0; phase < TACIT_ARRAY_LEN(told); phase++) {
		for (size_t i = 0; i < TACIT_ARRAY_LEN(told); i++) {
			TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
			bool consents = i == 3; /* not before there are any */

			tacit_mailbox_turn(worker[0]);
			CU_ASSERT_EQUAL(tacit_mailbox_fetch(worker[0], &mine, told[i], &message),
					i < phase && !consents ? 0 : -EAGAIN);
			CU_ASSERT_EQUAL(
				tacit_mailbox_fetch(worker[0], &stranger, told[i], &message),
				phase == 0 ? -EAGAIN : TACIT_ESTALE);
		}
		CU_ASSERT(tacit_mailbox_left_ms(worker[0], &mine) > 0);
		if (phase < 3)
			secure_phase(&secure, worker, 0, said[phase]);
	}
	secure.n++;
	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], &secure.member[0], TACIT_SECAGG_ANSWER, NULL,
				   0, &why),
			TACIT_ESCHEMA);
}

/* What comes before its phase is refused, not closed. */
static void test_too_early(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	static const uint8_t body[100] = "TACS";
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	CU_ASSERT_EQUAL(secure_put(&secure, worker[0], &secure.member[0], TACIT_SECAGG_SHARES, body,
				   sizeof(body), &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_OUT_OF_TURN);
}

/* The phase ends between a message's admission and its commit. */
static void test_a_phase_that_ends_meanwhile(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct tacit_mailbox_message late[2];

	run_to(&secure, worker, TACIT_SECAGG_MASKED);
	for (size_t i = 0; i < HOSTS; i++) {
		struct member *member = &secure.member[i];
		struct tacit_mailbox_caller caller = secure_caller(&secure, worker[0], member);

		CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], member, TACIT_SECAGG_MASKED), 0);
		if (i < 2)
			CU_ASSERT_EQUAL(tacit_mailbox_admit(worker[0], &caller, TACIT_SECAGG_MASKED,
							    member->step.message,
							    member->step.message_len, &late[i],
							    NULL),
					0);
		if (i > 0)
			CU_ASSERT_EQUAL(secure_say(&secure, worker[1], member, TACIT_SECAGG_MASKED),
					1);
	}
	secure_advance(&secure);
	CU_ASSERT_EQUAL(tacit_mailbox_commit(worker[0], late, 2), 0);
	CU_ASSERT_EQUAL(late[0].result, TACIT_ESTALE);
	CU_ASSERT_EQUAL(late[1].result, 0);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM masked"), 1);
	secure_phase(&secure, worker, 1, TACIT_SECAGG_CONSENT);
	secure_phase(&secure, worker, 1, TACIT_SECAGG_ANSWER);
	secure_check_sum(&secure, 1);
}

/* Two workers, each with a connection of its own, admit the same host's vector before either
 * commits. */
static void test_one_host_two_workers(void)
{
	SECURE(secure, HOSTS);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = fleet_connect(&secure.fleet);
	MAILBOX(first, secure, 0);
	TACIT_CLEANUP(tacit_mailbox_free_p)
	struct tacit_mailbox *second = secure_mailbox(&secure, db, 1);
	struct tacit_mailbox *const worker[2] = { first, second };
	struct tacit_mailbox_message message[2][HOSTS];

	run_to(&secure, worker, TACIT_SECAGG_MASKED);
	for (size_t i = 0; i < 2 * HOSTS; i++) {
		struct member *member = &secure.member[i / 2];
		struct tacit_mailbox_caller caller = secure_caller(&secure, worker[i % 2], member);

		if (i % 2 == 0)
			CU_ASSERT_EQUAL(
				secure_hear(&secure, worker[0], member, TACIT_SECAGG_MASKED), 0);
		CU_ASSERT_EQUAL(tacit_mailbox_admit(worker[i % 2], &caller, TACIT_SECAGG_MASKED,
						    member->step.message, member->step.message_len,
						    &message[i % 2][i / 2], NULL),
				0);
	}
	CU_ASSERT_EQUAL(tacit_mailbox_commit(first, message[0], HOSTS / 2), 0);
	CU_ASSERT_EQUAL(tacit_mailbox_commit(second, message[1], HOSTS), 0);
	CU_ASSERT_EQUAL(tacit_mailbox_commit(first, message[0] + HOSTS / 2, HOSTS / 2), 0);
	for (size_t i = 0; i < HOSTS; i++) {
		CU_ASSERT_EQUAL(message[0][i].result, i < HOSTS / 2);
		CU_ASSERT_EQUAL(message[1][i].result, i >= HOSTS / 2);
	}
	secure_advance(&secure);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_CONSENT);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_ANSWER);
	secure_check_sum(&secure, 0);
}

/* Every message goes to a worker of its own, which then dies; all have one index. While they
 * follow one another, the first of them lives on, and takes messages, too. */
static void test_workers_that_die(void)
{
	SECURE(secure, HOSTS);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = fleet_connect(&secure.fleet);
	TACIT_CLEANUP(tacit_mailbox_free_p)
	struct tacit_mailbox *old = secure_mailbox(&secure, db, 0);

	for (size_t phase = 0; phase < TACIT_ARRAY_LEN(said); phase++) {
		for (size_t i = 0; i < HOSTS; i++) {
			MAILBOX(brief, secure, 0);

			CU_ASSERT_EQUAL(secure_hear(&secure, brief, &secure.member[i], said[phase]),
					0);
		}
		for (size_t i = 0; i < HOSTS; i++) {
			MAILBOX(brief, secure, 0);

			CU_ASSERT_EQUAL(secure_say(&secure, i % 3 ? brief : old, &secure.member[i],
						   said[phase]),
					1);
		}
		if (said[phase] == TACIT_SECAGG_MASKED)
			CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM masked"), 1);
		if (said[phase] != TACIT_SECAGG_CONSENT)
			secure_advance(&secure);
	}
	secure_check_sum(&secure, 0);
}

static void test_a_failed_commit_takes_nothing(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);

	for (size_t phase = 0; phase < TACIT_ARRAY_LEN(said); phase++) {
		for (size_t i = 0; i < HOSTS; i++)
			CU_ASSERT_EQUAL(
				secure_hear(&secure, worker[0], &secure.member[i], said[phase]), 0);
		for (size_t i = 0; i < HOSTS; i++) {
			FLEET_MUST(tacit_db_run(secure.fleet.db, "PRAGMA query_only = ON", ""));
			CU_ASSERT(secure_say(&secure, worker[0], &secure.member[i], said[phase]) <
				  0);
			FLEET_MUST(tacit_db_run(secure.fleet.db, "PRAGMA query_only = OFF", ""));
			CU_ASSERT_EQUAL(
				secure_say(&secure, worker[0], &secure.member[i], said[phase]), 1);
		}
		if (said[phase] != TACIT_SECAGG_CONSENT)
			secure_advance(&secure);
	}
	secure_check_sum(&secure, 0);
}

static void test_a_spoilt_sum_is_damage(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);

	run_to(&secure, worker, TACIT_SECAGG_MASKED);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
			secure_hear(&secure, worker[0], &secure.member[i], TACIT_SECAGG_MASKED), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], &secure.member[0], TACIT_SECAGG_MASKED), 1);
	FLEET_MUST(tacit_db_run(secure.fleet.db, "UPDATE masked SET sum = x'00'", ""));
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], &secure.member[1], TACIT_SECAGG_MASKED),
			TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(fleet_int(&secure.fleet, "SELECT count(*) FROM message WHERE type = 6"), 1);
}

static void test_who_is_wanted(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct member *benched = &secure.member[0], *member = &secure.member[1];
	struct tacit_mailbox_caller caller = secure_caller(&secure, worker[0], benched);
	struct tacit_mailbox_caller other = secure_caller(&secure, worker[0], member);

	CU_ASSERT_EQUAL(tacit_mailbox_is_wanted(worker[0], &secure.round, &caller), 1);
	FLEET_MUST(tacit_db_run(secure.fleet.db,
				"UPDATE host SET benched_until = 2 WHERE number ="
				" ?",
				"i", benched->host.number));
	CU_ASSERT_EQUAL(tacit_mailbox_is_wanted(worker[0], &secure.round, &caller), 0);
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], benched, TACIT_SECAGG_ADVERT), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], benched, TACIT_SECAGG_ADVERT), TACIT_ESTALE);
	secure_phase(&secure, worker, 1, TACIT_SECAGG_ADVERT);
	for (size_t i = 1; i < TACIT_ARRAY_LEN(said); i++) {
		tacit_mailbox_turn(worker[0]);
		CU_ASSERT_EQUAL(tacit_mailbox_is_wanted(worker[0], &secure.round, &other), 1);
		CU_ASSERT_EQUAL(tacit_mailbox_is_wanted(worker[0], &secure.round, &caller), 0);
		if (said[i] != TACIT_SECAGG_ANSWER)
			secure_phase(&secure, worker, 1, said[i]);
	}
	CU_ASSERT_EQUAL(secure_hear(&secure, worker[0], member, TACIT_SECAGG_ANSWER), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], member, TACIT_SECAGG_ANSWER), 1);
	CU_ASSERT_EQUAL(tacit_mailbox_is_wanted(worker[0], &secure.round, &other), 0);
}

static void test_a_full_round(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	struct tacit_mailbox_caller caller = secure_caller(&secure, worker[0], &secure.member[7]);

	FLEET_MUST(tacit_db_run(secure.fleet.db, "UPDATE round SET max_updates = 7", ""));
	FLEET_MUST(tacit_round_get(secure.fleet.db, 1, &secure.round));
	for (size_t i = 0; i < HOSTS; i++) {
		CU_ASSERT_EQUAL(
			secure_hear(&secure, worker[0], &secure.member[i], TACIT_SECAGG_ADVERT), 0);
		CU_ASSERT_EQUAL(
			secure_say(&secure, worker[i % 2], &secure.member[i], TACIT_SECAGG_ADVERT),
			i < 7 ? 1 : TACIT_ESTALE);
	}
	CU_ASSERT_EQUAL(tacit_mailbox_is_wanted(worker[0], &secure.round, &caller), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], &secure.member[0], TACIT_SECAGG_ADVERT), 0);
}

static void test_a_round_that_is_over(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	struct tacit_mailbox_caller caller;

	secure_phase(&secure, worker, 0, TACIT_SECAGG_ADVERT);
	FLEET_MUST(tacit_db_begin(secure.fleet.db));
	FLEET_MUST(tacit_cohort_abandon(secure.fleet.db, 1, "somebody said so"));
	FLEET_MUST(tacit_round_abandon(secure.fleet.db, 1, "somebody said so", FLEET_NOW));
	FLEET_MUST(tacit_db_commit(secure.fleet.db));
	caller = secure_caller(&secure, worker[0], &secure.member[0]);
	CU_ASSERT_EQUAL(tacit_mailbox_fetch(worker[0], &caller, TACIT_SECAGG_ROSTER, &message),
			TACIT_ESTALE);
	CU_ASSERT_STRING_EQUAL(tacit_mailbox_reason(worker[0], &caller), "somebody said so");
	CU_ASSERT_EQUAL(tacit_mailbox_left_ms(worker[0], &caller), 0);
	CU_ASSERT_EQUAL(secure_say(&secure, worker[0], &secure.member[0], TACIT_SECAGG_SHARES),
			TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_mailbox_find(worker[0], &secure.member[0].host,
					   secure.member[0].identity.id, 2, &caller),
			-ENOENT);
}

static void test_every_allocation_may_fail(void)
{
	SECURE(secure, HOSTS);
	WORKERS(worker, secure);

	run_to(&secure, worker, TACIT_SECAGG_MASKED);
	for (size_t i = 0; i < HOSTS; i++) {
		MAILBOX(fresh, secure, 0);
		int r = -ENOMEM, nth;

		CU_ASSERT_EQUAL(
			secure_hear(&secure, worker[0], &secure.member[i], TACIT_SECAGG_MASKED), 0);
		for (nth = 0; r == -ENOMEM && nth < 1000; nth++) {
			unit_fail_alloc(nth);
			r = secure_say(&secure, i == 0 ? fresh : worker[0], &secure.member[i],
				       TACIT_SECAGG_MASKED);
			unit_fail_alloc(-1);
		}
		CU_ASSERT_EQUAL(r, 1);
		CU_ASSERT(nth > 2);
	}
	secure_advance(&secure);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_CONSENT);
	secure_phase(&secure, worker, 0, TACIT_SECAGG_ANSWER);
	secure_check_sum(&secure, 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a round", test_a_round },
		{ "a dropout", test_a_dropout },
		{ "several groups", test_several_groups },
		{ "a group", test_a_group },
		{ "again, and late", test_again_and_late },
		{ "something else", test_something_else },
		{ "foreign and malformed", test_foreign_and_malformed },
		{ "signatures", test_signatures },
		{ "questions", test_questions },
		{ "too early", test_too_early },
		{ "a phase that ends meanwhile", test_a_phase_that_ends_meanwhile },
		{ "one host, two workers", test_one_host_two_workers },
		{ "workers that die", test_workers_that_die },
		{ "a failed commit takes nothing", test_a_failed_commit_takes_nothing },
		{ "a spoilt sum is damage", test_a_spoilt_sum_is_damage },
		{ "who is wanted", test_who_is_wanted },
		{ "a full round", test_a_full_round },
		{ "a round that is over", test_a_round_that_is_over },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("mailbox", cases);
}
