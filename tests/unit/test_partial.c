/* SPDX-License-Identifier: MIT */
#include "aggregator/partial.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "fleet.h"
#include "unit.h"

#define PARTIAL(name, fleet, worker)                                                               \
	TACIT_CLEANUP(tacit_partial_free_p)                                                        \
	struct tacit_partial *name = partial_new(&(fleet), worker)

static struct tacit_partial *partial_new(struct fleet *fleet, uint32_t worker)
{
	struct tacit_partial *partial;

	FLEET_MUST(tacit_partial_new(fleet->db, worker, &partial));
	return partial;
}

/* A fleet with a round of @max updates that collects. */
static struct tacit_round open_round(struct fleet *fleet, uint32_t max)
{
	struct tacit_task task = fleet_task();

	task.max_cohort = max;
	FLEET_MUST(fleet_set_task(fleet, &task));
	return fleet_round(fleet);
}

static uint32_t load_u32le(const uint8_t *at)
{
	struct tacit_reader reader = tacit_reader_init(at, 4);

	return tacit_read_u32le(&reader);
}

/* Number @i of the stored partial sums' sum. */
static uint32_t stored(struct fleet *fleet, uint64_t round, size_t i)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		fleet->db, "SELECT sum FROM partial WHERE round = ?", "i", (int64_t)round);
	uint32_t total = 0;
	size_t len;

	while (tacit_db_step(fleet->db, query) > 0)
		total += load_u32le((const uint8_t *)tacit_db_column_blob(query, 0, &len) + 4 * i);
	return total;
}

static void test_adding(void)
{
	uint64_t seed = (uint64_t)time(NULL);
	uint8_t a[4 * 200 + 1], b[4 * 200 + 1], sum[4 * 200 + 1];
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	uint8_t key[32] = { 0 };

	printf("# seed %" PRIu64 "\n", seed);
	memcpy(key, &seed, sizeof(seed));
	FLEET_MUST(tacit_random_new(key, &random));
	for (size_t n = 0; n < 200; n++) {
		tacit_random_bytes(random, a, sizeof(a));
		tacit_random_bytes(random, b, sizeof(b));
		memcpy(sum, a, sizeof(a));
		tacit_partial_add(sum + 1, b + 1, n); /* unaligned */
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(load_u32le(sum + 1 + 4 * i),
					load_u32le(a + 1 + 4 * i) + load_u32le(b + 1 + 4 * i));
		CU_ASSERT_EQUAL(memcmp(sum + 1 + 4 * n, a + 1 + 4 * n, sizeof(a) - 1 - 4 * n), 0);
	}
}

static int admit(struct tacit_partial *partial, uint64_t round, const struct body *body)
{
	struct tacit_partial_update update;

	return tacit_partial_admit(partial, 1, round, body->data, body->len, &update);
}

static void test_what_does_not_fit(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	BODY body = body_ramp(&round.doc, 0);
	struct tacit_round_doc other;

	CU_ASSERT_EQUAL(admit(partial, 1, &body), 0);
	CU_ASSERT_EQUAL(admit(partial, 2, &body), -EINVAL);
	other = round.doc;
	other.round = 7;
	BODY unknown = body_ramp(&other, 0);
	CU_ASSERT_EQUAL(admit(partial, 7, &unknown), -ENOENT);
	other = round.doc;
	other.task[31] ^= 1;
	BODY task = body_ramp(&other, 0);
	CU_ASSERT_EQUAL(admit(partial, 1, &task), -EINVAL);
	other = round.doc;
	other.model[0] ^= 1;
	BODY model = body_ramp(&other, 0);
	CU_ASSERT_EQUAL(admit(partial, 1, &model), -EINVAL);
	other = round.doc;
	other.dimensions--;
	BODY dimensions = body_ramp(&other, 0);
	CU_ASSERT_EQUAL(admit(partial, 1, &dimensions), -EINVAL);
}

static void test_what_is_not_an_update(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	BODY body = body_ramp(&round.doc, 0);

	for (size_t len = 0; len <= TACIT_UPDATE_HEAD_LEN; len++)
		CU_ASSERT_EQUAL(admit(partial, 1, &(struct body){ body.data, len }), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(admit(partial, 1, &(struct body){ body.data, body.len - 1 }),
			TACIT_ESCHEMA);
	body.data[6] = 9; /* mode */
	CU_ASSERT_EQUAL(admit(partial, 1, &body), TACIT_ESCHEMA);
}

static void test_accepted_again_and_otherwise(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	int64_t host = fleet_host(&fleet);
	BODY body = body_ramp(&round.doc, 10);
	BODY other = body_ramp(&round.doc, 11);
	uint8_t digest[TACIT_DIGEST_LEN];

	CU_ASSERT_EQUAL(fleet_send(partial, host, 1, &body), 1);
	CU_ASSERT_EQUAL(fleet_send(partial, host, 1, &body), 0);
	CU_ASSERT_EQUAL(fleet_send(partial, host, 1, &other), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(stored(&fleet, 1, 5), 15);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT sum(updates) FROM partial"), 1);
	CU_ASSERT_EQUAL(tacit_round_has_update(fleet.db, 1, host, digest), 1);
	CU_ASSERT_EQUAL(tacit_round_has_update(fleet.db, 1, host + 1, digest), 0);
}

static void test_a_group(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	int64_t a = fleet_host(&fleet), b = fleet_host(&fleet);
	BODY one = body_ramp(&round.doc, 1);
	BODY two = body_ramp(&round.doc, 2);
	const struct {
		int64_t host;
		const struct body *body;
		int result;
	} sent[] = { { a, &one, 1 }, { a, &one, 0 }, { b, &two, 1 }, { a, &two, TACIT_ECONFLICT } };
	struct tacit_partial_update group[TACIT_ARRAY_LEN(sent)];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(sent); i++)
		CU_ASSERT_EQUAL(tacit_partial_admit(partial, sent[i].host, 1, sent[i].body->data,
						    sent[i].body->len, &group[i]),
				0);
	CU_ASSERT_EQUAL(tacit_partial_commit(partial, group, TACIT_ARRAY_LEN(sent)), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(sent); i++)
		CU_ASSERT_EQUAL(group[i].result, sent[i].result);
	CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 3);
	CU_ASSERT_EQUAL(tacit_partial_commit(partial, group, TACIT_PARTIAL_GROUP_MAX + 1), -E2BIG);
	CU_ASSERT_EQUAL(tacit_partial_commit(partial, group, 0), 0);
}

static void test_a_round_that_ended_meanwhile(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	int64_t a = fleet_host(&fleet), b = fleet_host(&fleet);
	BODY body = body_ramp(&round.doc, 1);
	BODY other = body_ramp(&round.doc, 2);
	struct tacit_partial_update late;

	CU_ASSERT_EQUAL(fleet_send(partial, a, 1, &body), 1);
	CU_ASSERT_EQUAL(tacit_partial_admit(partial, b, 1, body.data, body.len, &late), 0);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, 1, FLEET_NOW), TACIT_ROUND_ABANDONED);
	CU_ASSERT_EQUAL(tacit_partial_commit(partial, &late, 1), 0);
	CU_ASSERT_EQUAL(late.result, TACIT_ESTALE);
	/* who is in is told so, for good */
	CU_ASSERT_EQUAL(fleet_send(partial, a, 1, &body), 0);
	CU_ASSERT_EQUAL(fleet_send(partial, a, 1, &other), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(fleet_send(partial, b, 1, &body), TACIT_ESTALE);
	/* also by a worker that never saw the round, and while the next one collects */
	PARTIAL(fresh, fleet, 1);
	CU_ASSERT_EQUAL(fleet_send(fresh, a, 1, &body), 0);
	CU_ASSERT_EQUAL(fleet_send(fresh, b, 1, &body), TACIT_ESTALE);
	round = fleet_round(&fleet);
	CU_ASSERT_EQUAL(fleet_send(fresh, a, 1, &body), 0);
	CU_ASSERT_EQUAL(fleet_send(partial, b, 1, &body), TACIT_ESTALE);
	BODY next = body_ramp(&round.doc, 5);
	CU_ASSERT_EQUAL(fleet_send(partial, b, 2, &next), 1);
	CU_ASSERT_EQUAL(stored(&fleet, 2, 0), 5);
}

static void test_a_full_round(void)
{
	FLEET(fleet);
	PARTIAL(first, fleet, 0);
	PARTIAL(second, fleet, 1);
	struct tacit_round round = open_round(&fleet, 3);
	BODY body = body_ramp(&round.doc, 1);
	int64_t in = fleet_host(&fleet);

	CU_ASSERT_EQUAL(fleet_send(first, in, 1, &body), 1);
	CU_ASSERT_EQUAL(fleet_send(second, fleet_host(&fleet), 1, &body), 1);
	CU_ASSERT_EQUAL(fleet_send(first, fleet_host(&fleet), 1, &body), 1);
	CU_ASSERT_EQUAL(fleet_send(second, fleet_host(&fleet), 1, &body), TACIT_ESTALE);
	CU_ASSERT_EQUAL(fleet_send(second, in, 1, &body), 0);
	CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 3);
}

static void test_a_restarted_worker_goes_on(void)
{
	FLEET(fleet);
	struct tacit_round round = open_round(&fleet, 0);
	BODY body = body_ramp(&round.doc, 7);

	for (uint32_t i = 1; i <= 3; i++) {
		PARTIAL(partial, fleet, 0);

		CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(&fleet), 1, &body), 1);
		CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 7 * i);
	}
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM partial"), 1);
}

static void test_a_predecessor_that_still_drains(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = fleet_connect(&fleet);
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *old = NULL;
	PARTIAL(new, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	BODY body = body_ramp(&round.doc, 1);

	FLEET_MUST(tacit_partial_new(db, 0, &old));
	for (uint32_t i = 0; i < 3; i++) { /* in turns, under the same index */
		CU_ASSERT_EQUAL(fleet_send(old, fleet_host(&fleet), 1, &body), 1);
		CU_ASSERT_EQUAL(fleet_send(new, fleet_host(&fleet), 1, &body), 1);
	}
	CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 6);
}

static void test_a_failed_commit_takes_nothing(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	int64_t a = fleet_host(&fleet), b = fleet_host(&fleet);
	BODY body = body_ramp(&round.doc, 4);

	CU_ASSERT_EQUAL(fleet_send(partial, a, 1, &body), 1);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "PRAGMA query_only = ON", ""), 0);
	CU_ASSERT(fleet_send(partial, b, 1, &body) < 0);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "PRAGMA query_only = OFF", ""), 0);
	CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 4);
	CU_ASSERT_EQUAL(fleet_send(partial, b, 1, &body), 1);
	CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 8);
}

static void test_a_spoilt_sum_is_damage(void)
{
	FLEET(fleet);
	PARTIAL(partial, fleet, 0);
	PARTIAL(fresh, fleet, 0);
	struct tacit_round round = open_round(&fleet, 0);
	BODY body = body_ramp(&round.doc, 4);

	CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(&fleet), 1, &body), 1);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "UPDATE partial SET sum = x'00'", ""), 0);
	CU_ASSERT_EQUAL(fleet_send(fresh, fleet_host(&fleet), 1, &body), TACIT_EDAMAGED);
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	struct tacit_round round = open_round(&fleet, 0);
	BODY body = body_ramp(&round.doc, 4);
	int64_t host = fleet_host(&fleet);
	PARTIAL(partial, fleet, 0);
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		unit_fail_alloc(nth);
		r = fleet_send(partial, host, 1, &body);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 1);
	CU_ASSERT(nth > 2);
	CU_ASSERT_EQUAL(stored(&fleet, 1, 0), 4);
}

/* What a worker has done, as seen by someone who survives it. */
struct diary {
	volatile uint32_t begun;	/* updates whose group may have been committed */
	volatile uint32_t acknowledged; /* updates whose group was */
};

#define CRASH_ROUNDS   12
#define CRASH_HOSTS    4000U
#define CRASH_GROUP    5U
#define CRASH_GROUPS   8U /* in a life, about */
#define CRASH_DELAY_NS 4000000

/* Sends update i of value i + 1 for host i, in groups, until killed. */
static void work_until_killed(struct fleet *fleet, const struct tacit_round *round, int64_t host,
			      struct diary *diary)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = fleet_connect(fleet);
	struct tacit_partial *partial = NULL;

	FLEET_MUST(tacit_partial_new(db, 0, &partial));
	while (diary->acknowledged + CRASH_GROUP <= CRASH_HOSTS) {
		struct tacit_partial_update group[CRASH_GROUP];
		struct body body[CRASH_GROUP];
		uint32_t first = diary->acknowledged;

		for (uint32_t i = 0; i < CRASH_GROUP; i++) {
			body[i] = body_ramp(&round->doc, first + i + 1);
			FLEET_MUST(tacit_partial_admit(partial, host + first + i, round->doc.round,
						       body[i].data, body[i].len, &group[i]));
		}
		diary->begun = first + CRASH_GROUP;
		FLEET_MUST(tacit_partial_commit(partial, group, CRASH_GROUP));
		diary->acknowledged = first + CRASH_GROUP;
		for (uint32_t i = 0; i < CRASH_GROUP; i++)
			body_done(&body[i]);
	}
	(void)pause();
}

/* Until it is well into its work, or has failed. */
static void watch(const struct diary *diary, pid_t pid, uint32_t target)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	siginfo_t info = { 0 };

	while (diary->begun < target && info.si_pid == 0) {
		(void)nanosleep(&pause, NULL);
		(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	}
}

/* Starts a worker and kills it, most often in the midst of its work. */
static void kill_a_worker(struct fleet *fleet, const struct tacit_round *round, int64_t host,
			  struct diary *diary, unsigned *seed)
{
	const struct timespec delay = { .tv_nsec = rand_r(seed) % CRASH_DELAY_NS };
	uint32_t groups = (uint32_t)rand_r(seed) % CRASH_GROUPS; /* 0: perhaps before any */
	pid_t pid = fork();
	int status;

	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		work_until_killed(fleet, round, host, diary);
		_exit(EXIT_FAILURE);
	}
	watch(diary, pid, diary->acknowledged + groups * CRASH_GROUP);
	(void)nanosleep(&delay, NULL);
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFSIGNALED(status)); /* it did not fail on its own */
}

/* Whole groups only, and the sum is that of the participants: 1 + 2 + ... + n. */
static void check_books(struct fleet *fleet, uint64_t round, struct diary *diary)
{
	uint32_t n = (uint32_t)fleet_int(fleet, "SELECT count(*) FROM participation");

	CU_ASSERT(n == diary->acknowledged || n == diary->begun);
	CU_ASSERT_EQUAL(fleet_int(fleet, "SELECT ifnull(sum(updates), 0) FROM partial"), n);
	CU_ASSERT_EQUAL(stored(fleet, round, 0), n * (n + 1) / 2);
	CU_ASSERT_EQUAL(stored(fleet, round, 17), n * (n + 1) / 2 + 17 * n);
	diary->acknowledged = n; /* the host that was left in doubt sends again: the same bytes */
}

static void test_killed_at_any_moment(void)
{
	FLEET(fleet);
	unsigned seed = (unsigned)time(NULL);
	struct tacit_round round = open_round(&fleet, CRASH_HOSTS);
	struct diary *diary = (struct diary *)mmap(NULL, sizeof(*diary), PROT_READ | PROT_WRITE,
						   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t host;

	printf("# seed %u\n", seed);
	CU_ASSERT_FATAL(diary != MAP_FAILED);
	FLEET_MUST(tacit_db_begin(fleet.db));
	host = fleet_host(&fleet);
	for (uint32_t i = 1; i < CRASH_HOSTS; i++)
		(void)fleet_host(&fleet);
	FLEET_MUST(tacit_db_commit(fleet.db));
	tacit_db_close(fleet.db); /* a connection must not cross fork() */
	for (int i = 0; i < CRASH_ROUNDS; i++) {
		kill_a_worker(&fleet, &round, host, diary, &seed);
		fleet.db = fleet_connect(&fleet);
		check_books(&fleet, round.doc.round, diary);
		tacit_db_close(fleet.db);
	}
	fleet.db = fleet_connect(&fleet);
	printf("# %u updates accepted over %d deaths\n", diary->acknowledged, CRASH_ROUNDS);
	CU_ASSERT(diary->acknowledged > 0);
	(void)munmap(diary, sizeof(*diary));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "adding", test_adding },
		{ "what does not fit", test_what_does_not_fit },
		{ "what is not an update", test_what_is_not_an_update },
		{ "accepted, again and otherwise", test_accepted_again_and_otherwise },
		{ "a group", test_a_group },
		{ "a round that ended meanwhile", test_a_round_that_ended_meanwhile },
		{ "a full round", test_a_full_round },
		{ "a restarted worker goes on", test_a_restarted_worker_goes_on },
		{ "a predecessor that still drains", test_a_predecessor_that_still_drains },
		{ "a failed commit takes nothing", test_a_failed_commit_takes_nothing },
		{ "a spoilt sum is damage", test_a_spoilt_sum_is_damage },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ "killed at any moment", test_killed_at_any_moment },
		{ NULL, NULL },
	};

	return unit_main("partial", cases);
}
