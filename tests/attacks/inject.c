/* SPDX-License-Identifier: MIT */
/*
 * inject: starts a child that waits for ever, and makes it run something else by ptrace(2), as who
 * hides in another process does. Says "injected" when the child ended by what was put into it.
 */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define INJECTED 42
#define TIMES	 20

static void payload(void)
{
	_exit(INJECTED);
}

/* Where the child goes on; a child of fork(2) has the function at the same address. */
static int redirect(pid_t child)
{
	struct user_regs_struct regs;
	struct iovec vec = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &vec) < 0)
		return -1;
#if defined(__x86_64__)
	regs.rip = (unsigned long long)payload;
	regs.rsp = (regs.rsp & ~15ULL) - 8;	/* as behind a call */
	regs.orig_rax = (unsigned long long)-1; /* no system call to restart */
#elif defined(__aarch64__)
	regs.pc = (unsigned long long)payload;
#else
#error "which register says where a program is?"
#endif
	return (int)ptrace(PTRACE_SETREGSET, child, (void *)NT_PRSTATUS, &vec);
}

static int inject(void)
{
	pid_t child = fork();
	long word;
	int status;

	if (child == 0)
		for (;;)
			(void)pause();
	if (child < 0 || ptrace(PTRACE_ATTACH, child, NULL, NULL) < 0)
		return -1;
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return -1;
	word = ptrace(PTRACE_PEEKTEXT, child, (void *)payload, NULL);
	if (ptrace(PTRACE_POKETEXT, child, (void *)payload, (void *)word) < 0 ||
	    redirect(child) < 0 || ptrace(PTRACE_DETACH, child, NULL, NULL) < 0) {
		(void)kill(child, SIGKILL);
		return -1;
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
			       WEXITSTATUS(status) == INJECTED
		       ? 0
		       : -1;
}

int main(void)
{
	for (int i = 0; i < TIMES; i++) {
		if (inject() < 0) {
			perror("inject");
			return 1;
		}
		(void)usleep(100000);
	}
	(void)puts("injected");
	return 0;
}
