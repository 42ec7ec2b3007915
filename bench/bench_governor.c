/* SPDX-License-Identifier: MIT */
/*
 * The governor's trace: a load of getppid() on every processor comes and goes while the sensor
 * keeps to its budget; a row for each window of a second, as a Markdown table. What the load gets
 * done is counted by the load itself, so that the counts that were scaled can be held against it.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/sensor.h"

#define WINDOWS	   24
#define LOAD_FROM  4 /* windows */
#define LOAD_UNTIL 14
#define BUDGET_PCT 1.0
#define WINDOW_NS  1000000000LL
#define SKIPPED	   77

/* Shared with the load. */
static struct {
	_Atomic uint64_t done; /* calls that it has made */
	_Atomic bool wanted;
} *load;

static int64_t now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * WINDOW_NS + now.tv_nsec;
}

/* Forked before the sensor is there: a copy of the hook's descriptor would keep it attached. */
static void make_load(void)
{
	if (fork() != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (!load->wanted) {
			(void)usleep(1000);
			continue;
		}
		for (int i = 0; i < 1000; i++)
			(void)syscall(SYS_getppid);
		load->done += 1000;
	}
}

static void on_window(void *ctx, const struct tacit_window *window)
{
	uint64_t *calls = (uint64_t *)ctx;

	if (strcmp(window->scope, TACIT_SCOPE_HOST) != 0)
		return;
	*calls = 0;
	for (unsigned i = 0; i < TACIT_SYSCALL_CLASS_COUNT; i++)
		*calls += window->count[TACIT_FEATURE_SYSCALL_FIRST + i];
	if (!window->observed[TACIT_PROBE_SYSCALL])
		*calls = UINT64_MAX;
}

/* As the daemon does: turns the hook when that is due. */
static void wait_until(struct tacit_sensor *sensor, int64_t until)
{
	struct timespec slice = { .tv_nsec = 500000 };

	while (now_ns() < until) {
		(void)tacit_sensor_turn(sensor);
		(void)nanosleep(&slice, NULL);
	}
}

static void put_row(struct tacit_sensor *sensor, int second, uint64_t made, uint64_t counted)
{
	struct tacit_sensor_status status;
	char text[32] = "missing";

	tacit_sensor_status(sensor, &status);
	if (counted != UINT64_MAX)
		(void)snprintf(text, sizeof(text), "%.0f", (double)counted / 1000);
	printf("| %d | %.0f | %s | %.1f%% | %.2f%% | %.2f%% |\n", second, (double)made / 1000, text,
	       status.duty_permille / 10.0, status.last_cost_pct, status.cost_pct);
}

static void trace(struct tacit_sensor *sensor)
{
	int64_t due = now_ns();

	printf("| second | load, 1,000 calls | counted, 1,000 calls | hook attached | cost | mean "
	       "|\n"
	       "| ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (int i = 0; i < WINDOWS; i++) {
		uint64_t before = load->done, counted = UINT64_MAX;

		load->wanted = i >= LOAD_FROM && i < LOAD_UNTIL;
		due += WINDOW_NS;
		wait_until(sensor, due);
		if (tacit_sensor_drain(sensor, on_window, &counted) < 0)
			exit(EXIT_FAILURE);
		put_row(sensor, i + 1, load->done - before, counted);
	}
}

int main(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP,
						    .overhead_budget_pct = BUDGET_PCT };
	struct tacit_sensor *sensor = NULL;
	struct tacit_sensor_status status;
	char why[TACIT_SENSOR_WHY_LEN];

	load = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load == MAP_FAILED)
		return EXIT_FAILURE;
	for (long cpu = sysconf(_SC_NPROCESSORS_ONLN); cpu > 0; cpu--)
		make_load();
	if (tacit_sensor_open(&params, &sensor, why, sizeof(why)) < 0) {
		printf("# %s\n", why);
		return SKIPPED;
	}
	tacit_sensor_status(sensor, &status);
	printf("budget %.1f%% of one processor; a hooked call costs %.0f ns here\n\n", BUDGET_PCT,
	       status.call_ns);
	trace(sensor);
	tacit_sensor_close(sensor);
	return EXIT_SUCCESS;
}
