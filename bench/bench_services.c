/* SPDX-License-Identifier: MIT */
/*
 * bench_services SERVICES TASKS BUSY: services with that many tasks between them, all asleep but
 * BUSY services, which open a file a hundred times a second.
 *
 * A service is a cgroup below the root of the cgroup2 hierarchy. Says "ready" when all are there,
 * and takes them away when standard input ends, whatever it was that ended it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#include "agent/scope.h"

#define SERVICES_MAX 4000
#define SKIPPED	     77 /* bench/run: cannot run here */

static char root[TACIT_SCOPE_PATH_MAX];
static pid_t service[SERVICES_MAX];

static void service_path(char *path, size_t size, int i, const char *file)
{
	(void)snprintf(path, size, "%s/tacit-bench-%d-%d.service%s", root, (int)getpid(), i, file);
}

static void *sleep_on(void *arg)
{
	for (;;)
		(void)pause();
	return arg;
}

static void work(void)
{
	for (;;) {
		int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			(void)close(fd);
		(void)usleep(10000);
	}
}

static int join(const char *procs)
{
	TACIT_AUTO_CLOSE int fd = open(procs, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -errno;
}

static int begin_tasks(int tasks)
{
	pthread_attr_t small;
	pthread_t thread;
	int r = pthread_attr_init(&small);

	(void)pthread_attr_setstacksize(&small, (size_t)PTHREAD_STACK_MIN);
	for (int i = 1; r == 0 && i < tasks; i++)
		r = pthread_create(&thread, &small, sleep_on, NULL);
	return r;
}

/* A process of @tasks threads, that says through @ready that it is there. */
static pid_t begin_service(int i, int tasks, bool busy, int ready)
{
	char path[TACIT_SCOPE_PATH_MAX + 64];
	pid_t pid;

	service_path(path, sizeof(path), i, "");
	(void)mkdir(path, 0755);
	service_path(path, sizeof(path), i, "/cgroup.procs");
	pid = fork();
	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (join(path) < 0 || begin_tasks(tasks) != 0 || write(ready, "", 1) != 1)
		_exit(EXIT_FAILURE);
	(void)close(ready);
	if (busy)
		work();
	(void)sleep_on(NULL);
	return pid;
}

static bool begin(int services, int tasks, int busy)
{
	int there = 0, ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	for (int i = 0; i < services; i++)
		service[i] = begin_service(i, tasks / services, i < busy, ends[1]);
	(void)close(ends[1]);
	while (read(ends[0], &byte, 1) == 1)
		there++;
	(void)close(ends[0]);
	return there == services;
}

static void end(int services)
{
	char path[TACIT_SCOPE_PATH_MAX + 64];

	for (int i = 0; i < services; i++)
		if (service[i] > 0)
			(void)kill(service[i], SIGKILL);
	for (int i = 0; i < services; i++) {
		if (service[i] > 0)
			(void)waitpid(service[i], NULL, 0);
		service_path(path, sizeof(path), i, "");
		/* The last task leaves its cgroup a moment after it was waited for. */
		for (int tries = 0; tries < 1000 && rmdir(path) < 0 && errno == EBUSY; tries++)
			(void)usleep(1000);
	}
}

int main(int argc, char **argv)
{
	int services = argc == 4 ? atoi(argv[1]) : 0;
	bool complete;

	if (services < 1 || services > SERVICES_MAX) {
		(void)fprintf(stderr, "usage: bench_services SERVICES TASKS BUSY\n");
		return 2;
	}
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	if (tacit_scope_find_root("/proc/self/mounts", root) < 0)
		return SKIPPED;
	complete = begin(services, atoi(argv[2]), atoi(argv[3]));
	if (complete) {
		puts("ready");
		(void)fflush(stdout);
		while (getchar() != EOF)
			;
	}
	end(services);
	return complete ? EXIT_SUCCESS : SKIPPED;
}
