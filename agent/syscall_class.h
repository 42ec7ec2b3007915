/* SPDX-License-Identifier: MIT */
/* syscall_class - which class of the deep tier a system call of this machine belongs to. */
#ifndef TACIT_AGENT_SYSCALL_CLASS_H
#define TACIT_AGENT_SYSCALL_CLASS_H

#include <stdint.h>

#include <tacit/counters.h>

/* Fills in class and family by number; what <sys/syscall.h> does not know is TACIT_SYSCALL_OTHER.
 */
void tacit_syscall_class_table(struct tacit_call call_of[TACIT_SYSCALL_TABLE_LEN]);

/* Fills in enum tacit_error_class by errno; what <errno.h> does not know is TACIT_ERROR_OTHER. */
void tacit_syscall_error_table(uint8_t error_of[TACIT_ERROR_TABLE_LEN]);

#endif /* TACIT_AGENT_SYSCALL_CLASS_H */
