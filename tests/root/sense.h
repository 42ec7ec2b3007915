/* SPDX-License-Identifier: MIT */
/* What the sensor's tests share: cgroups of their own, and what a drain found in them. */
#ifndef TACIT_TESTS_SENSE_H
#define TACIT_TESTS_SENSE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/scope.h"
#include "agent/sensor.h"
#include "tests/unit/unit.h"

#define TIMES 40

struct seen {
	const char *scope;
	unsigned windows, of_scope;
	uint64_t count[TACIT_FEATURE_COUNT]; /* of the scope, all drains */
	uint8_t observed[TACIT_PROBE_COUNT];
};

static inline void on_window(void *ctx, const struct tacit_window *window)
{
	struct seen *seen = (struct seen *)ctx;

	seen->windows++;
	if (strcmp(window->scope, seen->scope) != 0)
		return;
	seen->of_scope++;
	memcpy(seen->observed, window->observed, sizeof(seen->observed));
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		seen->count[i] += window->count[i];
}

static inline struct tacit_sensor *open_with(const struct tacit_sensor_params *params)
{
	struct tacit_sensor *sensor = NULL;
	char why[TACIT_SENSOR_WHY_LEN] = "";
	int r = tacit_sensor_open(params, &sensor, why, sizeof(why));

	if (r < 0)
		printf("# %s\n", why);
	CU_ASSERT_EQUAL_FATAL(r, 0);
	return sensor;
}

static inline struct tacit_sensor *open_deep(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP };

	return open_with(&params);
}

static char root[TACIT_SCOPE_PATH_MAX];

static inline void cgroup_path(char *path, size_t size, const char *name, const char *file)
{
	(void)snprintf(path, size, "%s/%s%s%s", root, name, file ? "/" : "", file ? file : "");
}

static inline void make_cgroup(const char *name)
{
	char path[2 * TACIT_SCOPE_PATH_MAX];

	cgroup_path(path, sizeof(path), name, NULL);
	CU_ASSERT_FATAL(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static inline void remove_cgroup(const char *name)
{
	char path[2 * TACIT_SCOPE_PATH_MAX];

	cgroup_path(path, sizeof(path), name, NULL);
	for (int i = 0; i < 1000 && rmdir(path) != 0 && errno == EBUSY; i++)
		(void)usleep(1000);
}

static inline void enter_cgroup(const char *name)
{
	char path[2 * TACIT_SCOPE_PATH_MAX];
	int fd;

	cgroup_path(path, sizeof(path), name, "cgroup.procs");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(9);
	(void)close(fd);
}

/* Runs @work in a process of its own, in @cgroup. */
static inline void run_in(const char *cgroup, void (*work)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		enter_cgroup(cgroup);
		work();
		_exit(0);
	}
	CU_ASSERT(waitpid(pid, &status, 0) == pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline void reap(pid_t pid)
{
	(void)waitpid(pid, NULL, 0);
}

#define CHECK_AT_LEAST(seen, id, n)                                                                \
	do {                                                                                       \
		if ((seen).count[TACIT_FEATURE_##id] < (uint64_t)(n))                              \
			printf("# " #id ": %llu\n",                                                \
			       (unsigned long long)(seen).count[TACIT_FEATURE_##id]);              \
		CU_ASSERT((seen).count[TACIT_FEATURE_##id] >= (uint64_t)(n));                      \
	} while (0)

static inline struct seen provoked(void (*work)(void))
{
	struct tacit_sensor *sensor = open_deep();
	struct seen seen = { .scope = "tacittest.service" };

	make_cgroup("tacittest.service");
	run_in("tacittest.service", work);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.of_scope, 1);
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
	return seen;
}

/* Runs the cases where this process may sense this kernel; else says why not. */
static inline int sense_main(const char *name, const struct unit_case *cases)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP };
	char why[TACIT_SENSOR_WHY_LEN] = "";

	if (tacit_sensor_check(&params, why, sizeof(why)) < 0) {
		printf("ok 1 - %s # SKIP %s\n", name, why);
		return 0;
	}
	if (tacit_scope_find_root("/proc/self/mounts", root) < 0) {
		printf("ok 1 - %s # SKIP no cgroup2 hierarchy is mounted\n", name);
		return 0;
	}
	return unit_main(name, cases);
}

#endif /* TACIT_TESTS_SENSE_H */
