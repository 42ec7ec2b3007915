/* SPDX-License-Identifier: MIT */
/* The times of secure sums, by a boot clock of the test's own: it alone looks at the round. */
#include "aggregator/progress.h"

#include "crowd.h"

#define COLLECT_MS 20000
#define ADVERTS_MS 8000 /* of them */
#define SHARES_MS  4000
#define ANSWERS_MS 4000

struct clockwork {
	struct crowd *crowd;
	struct tacit_progress *progress;
	bool over;
};

static void clockwork_done(struct clockwork *clockwork)
{
	tacit_progress_free(clockwork->progress);
	crowd_free(clockwork->crowd);
}

/* The process dies, and the clock that it had. */
static void restart(struct clockwork *clockwork)
{
	tacit_progress_free(clockwork->progress);
	clockwork->progress = NULL;
	FLEET_MUST(tacit_progress_new(clockwork->crowd->fleet.db, clockwork->crowd->fleet.ca,
				      &clockwork->progress));
}

static struct clockwork clockwork_new(size_t hosts)
{
	struct clockwork clockwork = { .crowd = crowd_new(hosts) };

	clockwork.crowd->task.collect_sec = COLLECT_MS / 1000;
	crowd_begin(clockwork.crowd);
	CU_ASSERT_EQUAL_FATAL(clockwork.crowd->round.groups, 1);
	restart(&clockwork);
	return clockwork;
}

#define CLOCKWORK(name, hosts)                                                                     \
	TACIT_CLEANUP(clockwork_done) struct clockwork name = clockwork_new(hosts)

/* A look after @ms; the phase then. */
static enum tacit_cohort_phase after(struct clockwork *clockwork, int64_t ms)
{
	struct crowd *crowd = clockwork->crowd;
	struct tacit_cohort cohort;

	crowd_boot_ms += ms;
	FLEET_MUST(tacit_progress_tick(clockwork->progress, &crowd->round, crowd_boot_ms,
				       &clockwork->over));
	FLEET_MUST(tacit_cohort_get(crowd->fleet.db, crowd->round.doc.round, 0, &cohort));
	CU_ASSERT(!clockwork->over || cohort.phase >= TACIT_COHORT_DONE);
	return cohort.phase;
}

/* The first @n hosts say their part in a phase. */
static void speak(struct clockwork *clockwork, size_t n, int phase)
{
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL_FATAL(crowd_speak(clockwork->crowd, i, phase), 1);
}

/* All of them, as far as the answers. */
static void go_to_answers(struct clockwork *clockwork)
{
	size_t n = clockwork->crowd->n;

	(void)after(clockwork, 1);
	speak(clockwork, n, 1);
	CU_ASSERT_EQUAL_FATAL(after(clockwork, ADVERTS_MS), TACIT_COHORT_SHARES);
	speak(clockwork, n, 2);
	CU_ASSERT_EQUAL_FATAL(after(clockwork, 1), TACIT_COHORT_VECTORS);
	speak(clockwork, n, 3);
	CU_ASSERT_EQUAL_FATAL(after(clockwork, 1), TACIT_COHORT_ANSWERS);
	speak(clockwork, n, 4);
}

static int64_t count(struct clockwork *clockwork, const char *sql)
{
	return fleet_int(&clockwork->crowd->fleet, sql);
}

static void test_restart(void)
{
	CLOCKWORK(clockwork, 8);

	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ADVERTS);
	speak(&clockwork, 8, 1);
	CU_ASSERT_EQUAL(after(&clockwork, ADVERTS_MS - 1), TACIT_COHORT_ADVERTS);
	restart(&clockwork);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ADVERTS); /* its time begins anew */
	CU_ASSERT_EQUAL(after(&clockwork, ADVERTS_MS - 1), TACIT_COHORT_ADVERTS);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_SHARES);
	restart(&clockwork);
	speak(&clockwork, 7, 2); /* down for hours: the others had no chance, and are waited for */
	CU_ASSERT_EQUAL(after(&clockwork, 10000000), TACIT_COHORT_SHARES);
	CU_ASSERT_EQUAL(after(&clockwork, SHARES_MS - 1), TACIT_COHORT_SHARES);
	CU_ASSERT_EQUAL(count(&clockwork, "SELECT max(failures) FROM host"), 0);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_VECTORS);
}

static void test_early(void)
{
	CLOCKWORK(clockwork, 8);

	(void)after(&clockwork, 1);
	speak(&clockwork, 8, 1);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ADVERTS); /* more may come */
	CU_ASSERT_EQUAL(after(&clockwork, ADVERTS_MS), TACIT_COHORT_SHARES);
	speak(&clockwork, 7, 2);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_SHARES);
	CU_ASSERT_EQUAL(crowd_speak(clockwork.crowd, 7, 2), 1);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_VECTORS); /* nobody is missing */
	speak(&clockwork, 8, 3);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ANSWERS);
	speak(&clockwork, 8, 4);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ANSWERS);
	speak(&clockwork, 8, 5);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_DONE);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_DONE);
	CU_ASSERT(clockwork.over);
	crowd_check(clockwork.crowd);
	CU_ASSERT_EQUAL(count(&clockwork, "SELECT max(failures) FROM host"), 0);
}

/* With most answers there a sum is tried in the second half of their time. */
static void test_without_the_last(void)
{
	CLOCKWORK(clockwork, 20);

	go_to_answers(&clockwork);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ANSWERS);
	speak(&clockwork, 18, 5);
	CU_ASSERT_EQUAL(after(&clockwork, ANSWERS_MS / 2 - 1), TACIT_COHORT_ANSWERS);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_DONE);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_DONE);
	CU_ASSERT(clockwork.over);
	crowd_check(clockwork.crowd);
	/* who had not yet answered had time left */
	CU_ASSERT_EQUAL(count(&clockwork, "SELECT max(failures) FROM host"), 0);
	CU_ASSERT_EQUAL(count(&clockwork, "SELECT count(*) FROM host WHERE rho >= 0 AND rounds = 1"),
			20);
}

/* With fewer it is not, and when the time is up who has not answered is late. */
static void test_until_the_end(void)
{
	CLOCKWORK(clockwork, 20);

	go_to_answers(&clockwork);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ANSWERS);
	speak(&clockwork, 15, 5);
	CU_ASSERT_EQUAL(after(&clockwork, ANSWERS_MS / 2), TACIT_COHORT_ANSWERS);
	CU_ASSERT_EQUAL(after(&clockwork, ANSWERS_MS / 2 - 1), TACIT_COHORT_ANSWERS);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_DONE);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_DONE);
	CU_ASSERT(clockwork.over);
	crowd_check(clockwork.crowd);
	CU_ASSERT_EQUAL(count(&clockwork, "SELECT count(*) FROM host WHERE failures = 1"), 5);
}

/* What was known of one round's clock is nothing to the next. */
static void test_next_round(void)
{
	CLOCKWORK(clockwork, 8);
	uint64_t first = clockwork.crowd->round.doc.round;

	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_ADVERTS);
	CU_ASSERT_EQUAL(after(&clockwork, ADVERTS_MS), TACIT_COHORT_LOST); /* nobody came */
	crowd_begin(clockwork.crowd);
	CU_ASSERT_NOT_EQUAL(clockwork.crowd->round.doc.round, first);
	CU_ASSERT_EQUAL(after(&clockwork, COLLECT_MS), TACIT_COHORT_ADVERTS);
	CU_ASSERT_EQUAL(after(&clockwork, ADVERTS_MS - 1), TACIT_COHORT_ADVERTS);
	CU_ASSERT_EQUAL(after(&clockwork, 1), TACIT_COHORT_LOST);
}

/* A look that fails has changed nothing, and the next one goes on. */
static void test_no_memory(void)
{
	CLOCKWORK(clockwork, 8);
	struct tacit_cohort cohort;
	unsigned failed = 0;
	bool over = true;
	int r;

	(void)after(&clockwork, 1);
	speak(&clockwork, 8, 1);
	crowd_boot_ms += ADVERTS_MS;
	for (;; failed++) {
		unit_fail_alloc((int)failed);
		r = tacit_progress_tick(clockwork.progress, &clockwork.crowd->round, crowd_boot_ms,
					&over);
		unit_fail_alloc(-1);
		FLEET_MUST(tacit_cohort_get(clockwork.crowd->fleet.db,
					    clockwork.crowd->round.doc.round, 0, &cohort));
		if (r == 0)
			break;
		/* a key that could not be looked at is not taken for a good one */
		CU_ASSERT_FATAL(r == -ENOMEM || r == TACIT_EUNTRUSTED);
		CU_ASSERT(over); /* untouched */
		CU_ASSERT_EQUAL(cohort.phase, TACIT_COHORT_ADVERTS);
	}
	CU_ASSERT(failed > 10);
	CU_ASSERT_EQUAL(cohort.phase, TACIT_COHORT_SHARES);
	CU_ASSERT_FALSE(over);
}

static void test_damage(void)
{
	CLOCKWORK(clockwork, 8);
	bool over = true;

	FLEET_MUST(tacit_db_run(clockwork.crowd->fleet.db, "DELETE FROM cohort", ""));
	CU_ASSERT_EQUAL(tacit_progress_tick(clockwork.progress, &clockwork.crowd->round,
					    crowd_boot_ms, &over),
			TACIT_EDAMAGED);
	CU_ASSERT(over);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a restart", test_restart },
		{ "an early end", test_early },
		{ "without the last answers", test_without_the_last },
		{ "not without most of them", test_until_the_end },
		{ "the next round", test_next_round },
		{ "no memory", test_no_memory },
		{ "damage", test_damage },
		{ NULL, NULL },
	};

	return unit_main("progress", cases);
}
