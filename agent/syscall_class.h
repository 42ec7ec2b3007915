/* SPDX-License-Identifier: MIT */
/* syscall_class - which class of the deep tier a system call of this machine belongs to. */
#ifndef TACIT_AGENT_SYSCALL_CLASS_H
#define TACIT_AGENT_SYSCALL_CLASS_H

#include <stdint.h>

#include <tacit/counters.h>

/* Fills in enum tacit_syscall_class by number; what <sys/syscall.h> does not know is
 * TACIT_SYSCALL_OTHER. */
void tacit_syscall_class_table(uint8_t class_of[TACIT_SYSCALL_TABLE_LEN]);

#endif /* TACIT_AGENT_SYSCALL_CLASS_H */
