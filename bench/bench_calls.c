/* SPDX-License-Identifier: MIT */
/*
 * bench_calls call|file|exec|connect MS: what one of these takes, in nanoseconds.
 *
 * Prints two figures. What one mostly takes: processor time, the lower quartile of many short
 * rounds, because what others do on this machine only ever adds. And what one takes all in all: the
 * mean over all rounds, waits included.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

#define ROUNDS_MAX 100000U
#define SKIPPED	   77 /* bench/run: cannot run here */

struct loop {
	const char *name;
	unsigned calls; /* a round of them is shorter than a time slice */
	int (*prepare)(void);
	void (*run)(void);
};

static struct sockaddr_in address;
static int listener;

/* Of this process and of children that have ended. */
static double processor_ns(void)
{
	struct timespec own = { 0 };
	struct rusage children = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	return (double)own.tv_sec * 1e9 + (double)own.tv_nsec +
	       (double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1e9 +
	       (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1e3;
}

static double wall_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	perror(what);
	exit(SKIPPED);
}

static void run_call(void)
{
	(void)syscall(SYS_getppid);
}

static void run_file(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	must(fd, "open");
	(void)close(fd);
}

static void run_exec(void)
{
	char name[] = "true", *argv[] = { name, NULL };
	pid_t pid = fork();

	must(pid, "fork");
	if (pid == 0) {
		(void)execv("/bin/true", argv);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

/* In a network of its own: what waits there after closing (TIME_WAIT) goes away with the loop. */
static int prepare_connect(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	socklen_t len = sizeof(address);

	must(unshare(CLONE_NEWNET), "unshare");
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(ioctl(listener, SIOCSIFFLAGS, &loopback), "loopback");
	must(bind(listener, (struct sockaddr *)&address, len), "bind");
	must(listen(listener, 16), "listen");
	return getsockname(listener, (struct sockaddr *)&address, &len);
}

static void run_connect(void)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

	must(connect(client, (struct sockaddr *)&address, sizeof(address)), "connect");
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(server, "accept");
	(void)close(client);
	(void)close(server);
}

static const struct loop loops[] = {
	{ "call", 500, NULL, run_call },
	{ "file", 100, NULL, run_file },
	{ "exec", 1, NULL, run_exec },
	{ "connect", 5, prepare_connect, run_connect },
};

/* Moving to another processor costs more than what is looked for. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	(void)sched_setaffinity(0, sizeof(here), &here);
}

static int measure(const struct loop *loop, double ms)
{
	static double round_ns[ROUNDS_MAX];
	double began, now, before, after;
	size_t rounds = 0;

	stay_here();
	if (loop->prepare)
		must(loop->prepare(), loop->name);
	loop->run();
	began = now = wall_ns();
	after = processor_ns();
	while (rounds < ROUNDS_MAX && now < began + ms * 1e6) {
		before = after;
		for (unsigned i = 0; i < loop->calls; i++)
			loop->run();
		after = processor_ns();
		now = wall_ns();
		round_ns[rounds++] = (after - before) / loop->calls;
	}
	qsort(round_ns, rounds, sizeof(round_ns[0]), timing_compare);
	printf("%.2f %.2f\n", round_ns[rounds / 4], (now - began) / loop->calls / (double)rounds);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
			if (strcmp(argv[1], loops[i].name) == 0)
				return measure(&loops[i], atof(argv[2]));
	(void)fprintf(stderr, "usage: bench_calls call|file|exec|connect MS\n");
	return 2;
}
