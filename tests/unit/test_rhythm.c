/* SPDX-License-Identifier: MIT */
#include "agent/rhythm.h"

#include "unit.h"

#define HOUR   3600000LL
#define WEEK   (168 * HOUR)
#define MONDAY (2800 * WEEK + 4 * 24 * HOUR + 2 * HOUR) /* the epoch was a Thursday */

enum { BACKUP = 7, OTHER = 9 };

static struct tacit_rhythm *make(void)
{
	struct tacit_rhythm *rhythm = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_rhythm_new(&rhythm), 0);
	return rhythm;
}

/* A backup of half an hour, @weeks Mondays, twenty times the threshold. */
static void weeks_of_backup(struct tacit_rhythm *rhythm, int weeks)
{
	for (int week = 0; week < weeks; week++)
		for (int minute = 0; minute < 30; minute++)
			tacit_rhythm_note(rhythm, MONDAY + week * WEEK + minute * 60000LL,
					  10 + minute % 11, BACKUP);
}

static bool expects(const struct tacit_rhythm *rhythm, int week, int64_t later_ms, double excess,
		    unsigned feature)
{
	return tacit_rhythm_expects(rhythm, MONDAY + week * WEEK + later_ms, excess, feature);
}

static void test_two_weeks_make_a_habit(void)
{
	for (int weeks = 0; weeks < 6; weeks++) {
		TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = make();

		weeks_of_backup(rhythm, weeks);
		CU_ASSERT_EQUAL(expects(rhythm, weeks, 0, 18, BACKUP), weeks >= 2);
		CU_ASSERT_EQUAL(expects(rhythm, weeks, HOUR, 18, BACKUP), weeks >= 2);
		CU_ASSERT_EQUAL(expects(rhythm, weeks, -HOUR, 18, BACKUP), weeks >= 2);
		/* not by what this very week has seen */
		CU_ASSERT_EQUAL(expects(rhythm, weeks - 1, 0, 18, BACKUP), weeks >= 3);
	}
}

static void test_what_is_no_habit(void)
{
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = make();

	weeks_of_backup(rhythm, 4);
	CU_ASSERT_TRUE(expects(rhythm, 4, 0, 25, BACKUP));
	CU_ASSERT_FALSE(expects(rhythm, 4, 0, 40, BACKUP)); /* higher */
	CU_ASSERT_FALSE(expects(rhythm, 4, 0, 2, OTHER));
	CU_ASSERT_FALSE(expects(rhythm, 4, 3 * HOUR, 2, BACKUP));
	CU_ASSERT_FALSE(expects(rhythm, 4, 24 * HOUR, 2, BACKUP));
	CU_ASSERT_TRUE(expects(rhythm, 8, 0, 18, BACKUP));
	CU_ASSERT_FALSE(expects(rhythm, 12, 0, 18, BACKUP)); /* long given up */
}

/* Who comes in the backup's hour by other means leaves no trace in it, and week after week none
 * that grows by more than a quarter. */
static void test_attacker(void)
{
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = make();
	double excess = 20;

	weeks_of_backup(rhythm, 3);
	for (int week = 3; week < 8; week++) {
		CU_ASSERT_FALSE(expects(rhythm, week, 0, 500, OTHER));
		tacit_rhythm_note(rhythm, MONDAY + week * WEEK, 500, OTHER);
		tacit_rhythm_note(rhythm, MONDAY + week * WEEK, 20, BACKUP);
	}
	for (int week = 8; week < 12; week++) { /* ten times as much each week */
		excess *= 10;
		CU_ASSERT_FALSE(expects(rhythm, week, 0, excess, BACKUP));
		tacit_rhythm_note(rhythm, MONDAY + week * WEEK, excess, BACKUP);
	}
	CU_ASSERT_FALSE(expects(rhythm, 12, 0, 20 * 1.25 * 1.25 * 1.25 * 1.25 * 1.6, BACKUP));
	CU_ASSERT_TRUE(expects(rhythm, 12, 0, 20, BACKUP));
}

/* A clock that is set back and forth makes no weeks; one from before its time does no harm. */
static void test_clock_steps(void)
{
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = make();

	for (int i = 0; i < 20; i++)
		tacit_rhythm_note(rhythm, MONDAY - (i % 2) * WEEK, 20, BACKUP);
	CU_ASSERT_FALSE(expects(rhythm, 0, 0, 18, BACKUP));
	tacit_rhythm_note(rhythm, INT64_MIN, 20, BACKUP);
	tacit_rhythm_note(rhythm, INT64_MAX, 1e300, 65535);
	(void)tacit_rhythm_expects(rhythm, INT64_MIN, 1, 0);
	(void)tacit_rhythm_expects(rhythm, INT64_MAX, 1, 0);
	tacit_rhythm_note(rhythm, MONDAY + 60 * WEEK, 20, BACKUP); /* far ahead, and back */
	weeks_of_backup(rhythm, 3);
	CU_ASSERT_TRUE(expects(rhythm, 3, 0, 18, BACKUP));
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = make();
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_rhythm *none = NULL;
	struct tacit_reader reader;

	weeks_of_backup(rhythm, 3);
	tacit_rhythm_save(rhythm, &writer);
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL_FATAL(tacit_rhythm_load(&reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT_TRUE(expects(back, 3, 0, 18, BACKUP));
	CU_ASSERT_FALSE(expects(back, 3, 0, 40, BACKUP));
	for (size_t len = 0; len < writer.len; len++) {
		reader = tacit_reader_init(writer.data, len);
		CU_ASSERT_EQUAL(tacit_rhythm_load(&reader, &none), TACIT_EDAMAGED);
	}
	writer.data[7] = 255; /* the height of the first hour */
	writer.data[8] = 255;
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL(tacit_rhythm_load(&reader, &none), TACIT_EDAMAGED);
	CU_ASSERT_PTR_NULL(none);
}

static void test_allocation_may_fail(void)
{
	struct tacit_rhythm *none = NULL;

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_rhythm_new(&none), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(none);
	tacit_rhythm_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "two weeks make a habit", test_two_weeks_make_a_habit },
		{ "what is no habit", test_what_is_no_habit },
		{ "an attacker who tries to use it", test_attacker },
		{ "clock steps", test_clock_steps },
		{ "round trip", test_round_trip },
		{ "allocation may fail", test_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("rhythm", cases);
}
