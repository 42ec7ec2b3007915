/* SPDX-License-Identifier: MIT */
/* A folder tree stands in for the cgroup hierarchy: all the tally knows of it is inode numbers. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tally.h"
#include "unit.h"

#define SLOTS 6U

static char place[64];
static int place_fd = -1;

static void path_of(char *path, size_t size, const char *name)
{
	(void)snprintf(path, size, "%s/%s", place, name);
}

static uint64_t begin(const char *name)
{
	struct stat st = { 0 };
	char path[256];

	path_of(path, sizeof(path), name);
	CU_ASSERT_FATAL(mkdir(path, 0755) == 0 && stat(path, &st) == 0);
	return st.st_ino;
}

static void end(const char *name)
{
	char path[256];

	path_of(path, sizeof(path), name);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

static void enter_place(void)
{
	(void)strcpy(place, "/tmp/tacit-tally-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place));
	place_fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(place_fd >= 0);
}

static void leave_place(void)
{
	(void)close(place_fd);
	CU_ASSERT_EQUAL(rmdir(place), 0);
}

static int new_tally(struct tacit_tally **ret)
{
	static const char *const ignore[] = { "quiet*" };
	const struct tacit_tally_params params = {
		.slots = SLOTS,
		.root_fd = place_fd,
		.host_class = "edge",
		.ignore = ignore,
		.ignore_count = 1,
	};

	return tacit_tally_new(&params, ret);
}

/* What a drain found: forks of each scope, in order. */
struct seen {
	unsigned n;
	char scope[8][TACIT_SCOPE_NAME_MAX + 1];
	char class[8][65];
	uint64_t forks[8];
};

static void on_window(void *ctx, const struct tacit_window *window)
{
	struct seen *seen = (struct seen *)ctx;

	CU_ASSERT_FATAL(seen->n < 8);
	CU_ASSERT_EQUAL(window->duty_permille, TACIT_DUTY_ALWAYS); /* the frame's */
	(void)strcpy(seen->scope[seen->n], window->scope);
	(void)strcpy(seen->class[seen->n], window -> class);
	seen->forks[seen->n++] = window->count[TACIT_FEATURE_PROCESS_FORK];
}

static struct seen emit(struct tacit_tally *tally, bool has_tasks)
{
	struct tacit_window frame = { .end_ms = 1, .length_ms = 1000, .duty_permille = TACIT_DUTY_ALWAYS };
	struct seen seen = { 0 };

	memset(frame.observed, 1, sizeof(frame.observed));
	frame.observed[TACIT_PROBE_TASKS] = has_tasks;
	CU_ASSERT_EQUAL(tacit_tally_emit(tally, &frame, on_window, &seen), seen.n);
	return seen;
}

static void add(struct tacit_tally *tally, unsigned slot, uint64_t forks, uint64_t tasks)
{
	uint64_t increase[TACIT_FEATURE_COUNT] = { 0 };

	increase[TACIT_FEATURE_PROCESS_FORK] = forks;
	increase[TACIT_FEATURE_SCHED_TASKS] = tasks;
	tacit_tally_add(tally, slot, increase);
}

static void test_windows(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
	struct seen seen;

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	tacit_tally_own(tally, 1, begin("a.service"));
	tacit_tally_own(tally, 2, begin("b@1.service"));
	CU_ASSERT_EQUAL(tacit_tally_resolve(tally), 0);
	add(tally, 0, 100, 5);
	add(tally, 1, 10, 1);
	add(tally, 2, 1, 1);
	seen = emit(tally, true);
	CU_ASSERT_EQUAL_FATAL(seen.n, 3);
	CU_ASSERT_STRING_EQUAL(seen.scope[0], TACIT_SCOPE_HOST);
	CU_ASSERT_STRING_EQUAL(seen.class[0], "edge");
	CU_ASSERT_EQUAL(seen.forks[0], 111);

	add(tally, 1, 4, 1); /* on one processor */
	add(tally, 1, 3, 0); /* and on another */
	add(tally, 2, 0, 1);
	seen = emit(tally, true);
	CU_ASSERT_EQUAL_FATAL(seen.n, 3);
	CU_ASSERT_EQUAL(seen.forks[0], 7);
	for (unsigned i = 1; i < 3; i++) {
		bool is_a = strcmp(seen.scope[i], "a.service") == 0;

		CU_ASSERT_EQUAL(seen.forks[i], is_a ? 7 : 0);
		CU_ASSERT_STRING_EQUAL(seen.class[i], is_a ? "a.service" : "b@.service");
	}
	end("a.service");
	end("b@1.service");
	leave_place();
}

static void test_cgroups_of_one_service_add_up(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
	struct seen seen;

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	tacit_tally_own(tally, 1, begin("a.service"));
	tacit_tally_own(tally, 2, begin("a.service/one"));
	tacit_tally_own(tally, 3, begin("a.service/two"));
	CU_ASSERT_EQUAL(tacit_tally_resolve(tally), 0);
	for (unsigned slot = 1; slot < 4; slot++)
		add(tally, slot, slot, 1);
	seen = emit(tally, true);
	CU_ASSERT_EQUAL_FATAL(seen.n, 2);
	CU_ASSERT_EQUAL(seen.forks[1], 6);
	end("a.service/one");
	end("a.service/two");
	end("a.service");
	leave_place();
}

static void test_ignored_and_unknown_are_the_hosts(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
	unsigned gone[SLOTS];
	struct seen seen;

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	tacit_tally_own(tally, 1, begin("quiet-1.service"));
	tacit_tally_own(tally, 2, UINT64_MAX); /* ended before it was looked for */
	CU_ASSERT_EQUAL(tacit_tally_resolve(tally), 0);
	add(tally, 1, 3, 1);
	add(tally, 2, 4, 0);
	CU_ASSERT_EQUAL(tacit_tally_find_gone(tally, true, gone), 1);
	CU_ASSERT_EQUAL(gone[0], 2);
	seen = emit(tally, true);
	CU_ASSERT_EQUAL(seen.n, 1);
	CU_ASSERT_EQUAL(seen.forks[0], 7);
	end("quiet-1.service");
	leave_place();
}

static void test_last_window_of_an_ended_service(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
	unsigned gone[SLOTS];
	struct seen seen;

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	tacit_tally_own(tally, 1, begin("a.service"));
	CU_ASSERT_EQUAL(tacit_tally_resolve(tally), 0);
	add(tally, 1, 5, 1);
	CU_ASSERT_EQUAL(tacit_tally_find_gone(tally, true, gone), 0);
	(void)emit(tally, true);

	add(tally, 1, 3, 0); /* no tasks were met */
	CU_ASSERT_EQUAL(tacit_tally_find_gone(tally, true, gone), 0);
	end("a.service");
	CU_ASSERT_EQUAL(tacit_tally_find_gone(tally, true, gone), 1);
	seen = emit(tally, true);
	CU_ASSERT_EQUAL_FATAL(seen.n, 2);
	CU_ASSERT_EQUAL(seen.forks[1], 3);

	tacit_tally_own(tally, 1, 0);
	add(tally, 1, 1, 0); /* a late one, of nobody any more */
	seen = emit(tally, true);
	CU_ASSERT_EQUAL(seen.n, 1);
	CU_ASSERT_EQUAL(seen.forks[0], 1);

	tacit_tally_own(tally, 1, begin("b.service"));
	CU_ASSERT_EQUAL(tacit_tally_resolve(tally), 0);
	add(tally, 1, 2, 1);
	seen = emit(tally, true);
	CU_ASSERT_EQUAL_FATAL(seen.n, 2);
	CU_ASSERT_STRING_EQUAL(seen.scope[1], "b.service");
	CU_ASSERT_EQUAL(seen.forks[1], 2);
	end("b.service");
	leave_place();
}

/* Without the task pass an idle service cannot be told from one at rest: it has a window. */
static void test_without_the_task_pass(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
	unsigned gone[SLOTS], found = 0;

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	tacit_tally_own(tally, 1, begin("a.service"));
	CU_ASSERT_EQUAL(tacit_tally_resolve(tally), 0);
	CU_ASSERT_EQUAL(emit(tally, false).n, 2);
	CU_ASSERT_EQUAL(emit(tally, true).n, 1);
	end("a.service");
	for (int i = 0; i < 16; i++)
		found += tacit_tally_find_gone(tally, false, gone);
	CU_ASSERT_EQUAL(found, 1);
	leave_place();
}

struct scaled {
	uint64_t calls, forks;
};

static void on_scaled(void *ctx, const struct tacit_window *window)
{
	struct scaled *scaled = (struct scaled *)ctx;

	scaled->calls = window->count[TACIT_FEATURE_SYSCALL_RENAME];
	scaled->forks = window->count[TACIT_FEATURE_PROCESS_FORK];
}

/* What the hook saw in a quarter of the window stands for the whole; the rest was always watched.
 */
static void test_scaling(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
	struct tacit_window frame = { .end_ms = 1, .length_ms = 1000, .duty_permille = 250 };
	uint64_t increase[TACIT_FEATURE_COUNT] = { [TACIT_FEATURE_SYSCALL_RENAME] = 30,
						   [TACIT_FEATURE_SYSCALL_OPEN] = 12,
						   [TACIT_FEATURE_ERROR_RETRY] = 3,
						   [TACIT_FEATURE_PROCESS_FORK] = 7 };
	struct scaled scaled = { 0 };

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	tacit_tally_add(tally, 0, increase);
	CU_ASSERT_EQUAL(tacit_tally_calls(tally), 42); /* as seen, and calls alone */
	memset(frame.observed, 1, sizeof(frame.observed));
	CU_ASSERT_EQUAL(tacit_tally_emit(tally, &frame, on_scaled, &scaled), 1);
	CU_ASSERT_EQUAL(scaled.calls, 120);
	CU_ASSERT_EQUAL(scaled.forks, 7);
	CU_ASSERT_EQUAL(tacit_tally_calls(tally), 0);
	leave_place();
}

static void test_nothing_is_lost_between_adds(void)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;

	enter_place();
	CU_ASSERT_EQUAL_FATAL(new_tally(&tally), 0);
	add(tally, 0, 10, 0); /* a drain that failed after this emits nothing */
	add(tally, 0, 2, 0);
	CU_ASSERT_EQUAL(emit(tally, true).forks[0], 12);
	leave_place();
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	enter_place();
	(void)begin("a.service");
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = NULL;
		struct stat st = { 0 };

		CU_ASSERT_EQUAL(fstatat(place_fd, "a.service", &st, 0), 0);
		unit_fail_alloc(nth);
		r = new_tally(&tally);
		if (r == 0) {
			tacit_tally_own(tally, 1, st.st_ino);
			r = tacit_tally_resolve(tally);
		}
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || r == -ENOMEM);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 4);
	end("a.service");
	leave_place();
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "windows", test_windows },
		{ "cgroups of one service add up", test_cgroups_of_one_service_add_up },
		{ "ignored and unknown are the host's", test_ignored_and_unknown_are_the_hosts },
		{ "the last window of an ended service", test_last_window_of_an_ended_service },
		{ "without the task pass", test_without_the_task_pass },
		{ "scaling", test_scaling },
		{ "nothing is lost between adds", test_nothing_is_lost_between_adds },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("tally", cases);
}
