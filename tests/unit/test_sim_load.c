/* SPDX-License-Identifier: MIT */
#include "agent/sim_load.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "unit.h"

/* A process in a made-up /proc, with a name that tries its best; @ticks are those of 100 Hz. */
static void put(struct place *place, int pid, unsigned ticks, unsigned pages, const char *children)
{
	char name[64], text[256];

	(void)snprintf(name, sizeof(name), "%d", pid);
	(void)mkdir(place_file(place, name), 0755);
	(void)snprintf(name, sizeof(name), "%d/stat", pid);
	(void)snprintf(
		text, sizeof(text),
		"%d (a ) S 1 (b) S 1 1 1 0 -1 4194560 9 9 9 9 %u %u %u %u 20 0 1 0 77 1000000 %u "
		"18446744073709551615 0 0\n",
		pid, ticks, ticks, ticks, ticks, pages);
	place_write(place, name, text, strlen(text));
	(void)snprintf(name, sizeof(name), "%d/task", pid);
	(void)mkdir(place_file(place, name), 0755);
	(void)snprintf(name, sizeof(name), "%d/task/%d", pid, pid);
	(void)mkdir(place_file(place, name), 0755);
	(void)snprintf(name, sizeof(name), "%d/task/%d/children", pid, pid);
	place_write(place, name, children, strlen(children));
}

static void test_made_up(void)
{
	double hz = (double)sysconf(_SC_CLK_TCK);
	uint64_t page_kib = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	struct tacit_sim_load load = { .pid = 10 };
	PLACE(place);

	CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, place.folder), -ESRCH);
	CU_ASSERT_FALSE(load.begun);
	put(&place, 10, 100, 1000, "11 12 13 ");
	put(&place, 11, 10, 500, "14 ");
	put(&place, 12, 20, 500, "");
	put(&place, 14, 1000, 9999, "");			      /* a child's child */
	CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, place.folder), 0); /* 13 has ended */
	CU_ASSERT_EQUAL(load.cpu_sec, 0);
	CU_ASSERT_EQUAL(load.rss_peak_kib, 2000 * page_kib);
	put(&place, 12, 30, 100, "");
	CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, place.folder), 0);
	CU_ASSERT_DOUBLE_EQUAL(load.cpu_sec, 40 / hz, 1e-9);
	CU_ASSERT_EQUAL(load.rss_peak_kib, 2000 * page_kib);
	put(&place, 12, 30, 501, "");
	CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, place.folder), 0);
	CU_ASSERT_EQUAL(load.rss_peak_kib, 2001 * page_kib);
}

static void test_damaged(void)
{
	static const char *const texts[] = { "", "10", "10 (x) S 1 2 3", "10 (x S 1 1 1 0 -1 4 9" };
	PLACE(place);

	put(&place, 10, 1, 1, "");
	for (size_t i = 0; i < TACIT_ARRAY_LEN(texts); i++) {
		struct tacit_sim_load load = { .pid = 10 };

		place_write(&place, "10/stat", texts[i], strlen(texts[i]));
		CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, place.folder), TACIT_EDAMAGED);
		CU_ASSERT_FALSE(load.begun);
	}
}

/* A real child, which works until it is seen to. */
static void test_real(void)
{
	struct tacit_sim_load load = { .pid = getpid() };
	volatile unsigned spin = 0;
	pid_t child;

	if (access("/proc/self/task", F_OK) < 0) {
		unit_skip("there is no /proc");
		return;
	}
	CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, "/proc"), 0);
	CU_ASSERT(load.rss_peak_kib > 100);
	child = fork();
	if (child == 0)
		for (;;)
			spin++;
	CU_ASSERT_FATAL(child > 0);
	while (load.cpu_sec <= 0.03)
		CU_ASSERT_EQUAL_FATAL(tacit_sim_load_sample(&load, "/proc"), 0);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	load.cpu_sec = -1;
	CU_ASSERT_EQUAL(tacit_sim_load_sample(&load, "/proc"), 0);
	CU_ASSERT(load.cpu_sec > 0.02); /* what it cost is not lost with it */
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a made-up family", test_made_up },
		{ "what is no process", test_damaged },
		{ "this one, and a child", test_real },
		{ NULL, NULL },
	};

	return unit_main("sim_load", cases);
}
