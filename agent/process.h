/* SPDX-License-Identifier: MIT */
/*
 * process - which programs a scope has started, the telling ones first: those that are new there,
 * then those started most often.
 */
#ifndef TACIT_AGENT_PROCESS_H
#define TACIT_AGENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TACIT_PROCESS_NAME_MAX 15U /* bytes, without NUL: TASK_COMM_LEN */

/* Plain record. The name is a process's own choice, made printable. */
struct tacit_process {
	char name[TACIT_PROCESS_NAME_MAX + 1];
	uint64_t execs;
	bool is_new; /* was never started here before, as far as is remembered */
};

/* Adds @one to the @n in @list, which stay in order: to its namesake, which is new if either is, or
 * as one more; of more than @max the least telling goes. Returns how many there are now. */
size_t tacit_process_add(struct tacit_process *list, size_t n, size_t max,
			 const struct tacit_process *one);

#endif /* TACIT_AGENT_PROCESS_H */
