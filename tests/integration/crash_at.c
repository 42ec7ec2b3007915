/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into an aggregator: kills all of its processes, as kill -9 does, at one chosen point
 * of its way through the database. Every commit ends in fdatasync() or fsync() of the log: the
 * points are right before and right after each, in whichever process, in the order in which they
 * happen.
 *
 * $TACIT_CRASH_AT names a file of two little-endian 64-bit numbers that all processes share:
 * how many more points to let pass (0: this is not armed), and how many there were since.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
	_Atomic int64_t left;
	_Atomic int64_t passed;
};

static struct plan *plan;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TACIT_CRASH_AT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (at != MAP_FAILED)
		plan = (struct plan *)at;
}

static void point(void)
{
	if (!plan)
		return;
	atomic_fetch_add(&plan->passed, 1);
	if (atomic_load(&plan->left) > 0 && atomic_fetch_sub(&plan->left, 1) == 1)
		(void)kill(0, SIGKILL); /* its process group is its own */
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	int r;

	point();
	r = real(fd);
	point();
	return r;
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	int r;

	point();
	r = real(fd);
	point();
	return r;
}
