/* SPDX-License-Identifier: MIT */
/*
 * What bench/sensor.sh is made of:
 *
 *	bench_sensor loop             nanoseconds a getppid() call takes, least of many rounds
 *	bench_sensor hold TIER        senses until standard input ends; says "ready" first
 *	bench_sensor drain N          drains while N services live, and prints rows
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/scope.h"
#include "agent/sensor.h"

#define ROUNDS       1000
#define CALLS        2000 /* a round is shorter than a time slice */
#define DRAINS       31
#define SERVICES_MAX 4000
#define SKIPPED      77 /* bench/run: cannot run here */

static uint64_t now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* The least of many short rounds: what others do on this machine only ever adds. */
static int loop(void)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t started = now_ns();
		double each;

		for (int i = 0; i < CALLS; i++)
			(void)syscall(SYS_getppid);
		each = (double)(now_ns() - started) / CALLS;
		best = each < best ? each : best;
	}
	printf("%.2f\n", best);
	return EXIT_SUCCESS;
}

static struct tacit_sensor *open_sensor(enum tacit_tier tier, unsigned services)
{
	struct tacit_sensor_params params = { .tier = tier, .services_max = services };
	struct tacit_sensor *sensor = NULL;
	char why[TACIT_SENSOR_WHY_LEN];

	if (tacit_sensor_open(&params, &sensor, why, sizeof(why)) == 0)
		return sensor;
	(void)fprintf(stderr, "%s\n", why);
	exit(SKIPPED);
}

static void ignore_window(void *ctx, const struct tacit_window *window)
{
	(void)ctx;
	(void)window;
}

static int hold(enum tacit_tier tier)
{
	TACIT_CLEANUP(tacit_sensor_close_p) struct tacit_sensor *sensor = open_sensor(tier, 0);

	puts("ready");
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	return tacit_sensor_drain(sensor, ignore_window, NULL) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static char root[TACIT_SCOPE_PATH_MAX];

static void service_path(char *path, size_t size, int i, const char *file)
{
	(void)snprintf(path, size, "%s/tacit-bench-%d.service%s", root, i, file);
}

/* A process that lives in a cgroup of its own until it is killed. */
static pid_t begin_service(int i)
{
	char path[TACIT_SCOPE_PATH_MAX + 64];
	pid_t pid;

	service_path(path, sizeof(path), i, "");
	(void)mkdir(path, 0755);
	service_path(path, sizeof(path), i, "/cgroup.procs");
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(EXIT_FAILURE);
		for (;;)
			(void)pause();
	}
	return pid;
}

static void end_service(int i, pid_t pid)
{
	char path[TACIT_SCOPE_PATH_MAX + 64];

	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	service_path(path, sizeof(path), i, "");
	while (rmdir(path) < 0 && errno == EBUSY)
		(void)usleep(1000);
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static long resident_kib(const char *key)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtol(line + strlen(key), NULL, 10);
	if (file)
		(void)fclose(file);
	return kib;
}

static void measure_drains(struct tacit_sensor *sensor, int services)
{
	struct tacit_sensor_status status;
	double ms[DRAINS];
	int windows = 0;

	for (int i = 0; i < DRAINS; i++) {
		(void)usleep(20000);
		windows = tacit_sensor_drain(sensor, ignore_window, NULL);
		tacit_sensor_status(sensor, &status);
		ms[i] = (double)status.drain_ns / 1e6;
	}
	qsort(ms, DRAINS, sizeof(ms[0]), compare);
	printf("sensor.drain_%d %.3f ms\n", services, ms[DRAINS / 2]);
	printf("sensor.drain_windows %d windows\n", windows);
	printf("sensor.rss %ld KiB\n", resident_kib("VmRSS:"));
	printf("sensor.anonymous %ld KiB\n", resident_kib("RssAnon:"));
	printf("sensor.kernel_memory %.0f KiB\n", (double)status.map_bytes / 1024);
}

static int drain(int services)
{
	static pid_t pid[SERVICES_MAX];
	struct tacit_sensor *sensor;

	if (services < 1 || services > SERVICES_MAX ||
	    tacit_scope_find_root("/proc/self/mounts", root) < 0)
		return SKIPPED;
	sensor = open_sensor(TACIT_TIER_DEEP, (unsigned)services + 12);
	for (int i = 0; i < services; i++)
		pid[i] = begin_service(i);
	measure_drains(sensor, services);
	tacit_sensor_close(sensor);
	for (int i = 0; i < services; i++)
		end_service(i, pid[i]);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "loop") == 0)
		return loop();
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return hold(strcmp(argv[2], "deep") == 0 ? TACIT_TIER_DEEP : TACIT_TIER_LIGHT);
	if (argc == 3 && strcmp(argv[1], "drain") == 0)
		return drain(atoi(argv[2]));
	(void)fprintf(stderr, "usage: bench_sensor loop | hold light|deep | drain N\n");
	return 2;
}
