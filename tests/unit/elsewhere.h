/* SPDX-License-Identifier: MIT */
/* A process of its own, for what cannot be undone: given up privileges, confinement. */
#ifndef TACIT_TESTS_ELSEWHERE_H
#define TACIT_TESTS_ELSEWHERE_H

#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* Runs @fn there; its answer (0 to 255), or minus the signal that ended it. */
static inline int elsewhere(int (*fn)(void *ctx), void *ctx)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(fn(ctx));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif /* TACIT_TESTS_ELSEWHERE_H */
