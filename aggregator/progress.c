/* SPDX-License-Identifier: MIT */
#include "progress.h"

/* Doing without the last answers is tried in the second half of their time. */
#define TRY_MS	    500 /* between two tries */
#define TRY_PERCENT 80	/* of the survivors' answers: with fewer it is in vain */

/* What is known of a group beside what the database says. */
struct clock {
	enum tacit_cohort_phase phase;
	int64_t began_ms; /* 0: not seen yet */
	uint32_t answers; /* at the last try */
	int64_t tried_ms;
};

struct tacit_progress {
	struct tacit_db *db;
	const struct tacit_ca *ca;
	uint64_t round;	     /* that the clocks are of */
	struct clock *clock; /* one for each group */
};

int tacit_progress_new(struct tacit_db *db, const struct tacit_ca *ca, struct tacit_progress **ret)
{
	struct tacit_progress *progress = TACIT_NEW(struct tacit_progress);

	if (!progress)
		return -ENOMEM;
	progress->db = db;
	progress->ca = ca;
	*ret = progress;
	return 0;
}

void tacit_progress_free(struct tacit_progress *progress)
{
	if (!progress)
		return;
	tacit_free(progress->clock);
	tacit_free(progress);
}

static int turn_to(struct tacit_progress *progress, const struct tacit_round *round)
{
	struct clock *clock;

	if (progress->round == round->doc.round)
		return 0;
	clock = TACIT_NEW_N(struct clock, round->groups);
	if (!clock)
		return -ENOMEM;
	tacit_free(progress->clock);
	progress->clock = clock;
	progress->round = round->doc.round;
	return 0;
}

static int64_t phase_ms(const struct tacit_round *round, const struct tacit_cohort *cohort)
{
	return 1000 *
	       (int64_t)tacit_cohort_phase_sec((uint32_t)(round->collect_ms / 1000), cohort->phase);
}

static bool is_due(struct clock *clock, const struct tacit_round *round,
		   const struct tacit_cohort *cohort, int64_t boot_ms)
{
	if (clock->began_ms == 0 || clock->phase != cohort->phase)
		*clock = (struct clock){ .phase = cohort->phase, .began_ms = boot_ms };
	return boot_ms - clock->began_ms >= phase_ms(round, cohort);
}

/* Hosts that vanish now do no harm, as long as enough others answer. */
static int is_worth_a_try(struct tacit_progress *progress, const struct tacit_round *round,
			  const struct tacit_cohort *cohort, int64_t boot_ms)
{
	struct clock *clock = &progress->clock[cohort->group];
	uint32_t answers;
	int r;

	if (boot_ms - clock->began_ms < phase_ms(round, cohort) / 2)
		return 0;
	r = tacit_cohort_count(progress->db, cohort, TACIT_SECAGG_ANSWER, &answers);
	if (r < 0)
		return r;
	if (answers == clock->answers || boot_ms - clock->tried_ms < TRY_MS ||
	    (uint64_t)answers * 100 < (uint64_t)cohort->survivors * TRY_PERCENT)
		return 0;
	clock->answers = answers;
	clock->tried_ms = boot_ms;
	return 1;
}

/* Sums that may be finished at once, by whether their time is up. */
struct ready {
	struct tacit_cohort *cohort;
	size_t n;
};

static int look(struct tacit_progress *progress, const struct tacit_round *round, uint32_t group,
		int64_t boot_ms, struct ready ready[2], bool *ret_over)
{
	struct tacit_cohort cohort;
	bool due;
	int r = tacit_cohort_get(progress->db, round->doc.round, group, &cohort);

	if (r < 0)
		return r == -ENOENT ? TACIT_EDAMAGED : r;
	if (cohort.phase >= TACIT_COHORT_DONE)
		return 0;
	due = is_due(&progress->clock[group], round, &cohort, boot_ms);
	r = tacit_cohort_advance(progress->db, progress->ca, round, &cohort, due);
	if (r == 0 && cohort.phase == TACIT_COHORT_ANSWERS)
		r = is_worth_a_try(progress, round, &cohort, boot_ms);
	if (r > 0 && cohort.phase == TACIT_COHORT_ANSWERS &&
	    progress->clock[group].phase == TACIT_COHORT_ANSWERS)
		ready[due].cohort[ready[due].n++] = cohort;
	*ret_over = *ret_over && cohort.phase >= TACIT_COHORT_DONE;
	return r < 0 ? r : 0;
}

static int finish(struct tacit_progress *progress, const struct tacit_round *round,
		  const struct ready *ready, bool due)
{
	if (ready->n == 0)
		return 0;
	return tacit_cohort_finish(progress->db, progress->ca, round, ready->cohort, ready->n, due);
}

int tacit_progress_tick(struct tacit_progress *progress, const struct tacit_round *round,
			int64_t boot_ms, bool *ret_over)
{
	TACIT_AUTO_FREE struct tacit_cohort *cohort =
		TACIT_NEW_N(struct tacit_cohort, 2UL * round->groups);
	struct ready ready[2] = { { cohort, 0 }, { cohort ? cohort + round->groups : NULL, 0 } };
	bool over = true;
	int r = cohort ? turn_to(progress, round) : -ENOMEM;

	for (uint32_t group = 0; r == 0 && group < round->groups; group++)
		r = look(progress, round, group, boot_ms, ready, &over);
	for (int due = 0; r == 0 && due < 2; due++)
		r = finish(progress, round, &ready[due], due);
	if (r == 0)
		*ret_over = over;
	return r;
}
