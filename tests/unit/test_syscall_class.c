/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/syscall_class.h"
#include "unit.h"

static const struct {
	long number;
	enum tacit_syscall_class class;
} calls[] = {
	{ SYS_openat, TACIT_SYSCALL_OPEN },
	{ SYS_close, TACIT_SYSCALL_CLOSE },
	{ SYS_read, TACIT_SYSCALL_READ },
	{ SYS_write, TACIT_SYSCALL_WRITE },
	{ SYS_statx, TACIT_SYSCALL_STAT },
	{ SYS_renameat2, TACIT_SYSCALL_RENAME },
	{ SYS_linkat, TACIT_SYSCALL_LINK },
	{ SYS_unlinkat, TACIT_SYSCALL_UNLINK },
	{ SYS_fchmodat, TACIT_SYSCALL_PERMISSION },
	{ SYS_ioctl, TACIT_SYSCALL_FD },
	{ SYS_mmap, TACIT_SYSCALL_MEMORY },
	{ SYS_mprotect, TACIT_SYSCALL_MPROTECT },
	{ SYS_clone, TACIT_SYSCALL_SPAWN },
	{ SYS_execve, TACIT_SYSCALL_SPAWN },
	{ SYS_exit_group, TACIT_SYSCALL_WAIT },
	{ SYS_kill, TACIT_SYSCALL_SIGNAL },
	{ SYS_connect, TACIT_SYSCALL_CONNECT },
	{ SYS_accept4, TACIT_SYSCALL_LISTEN },
	{ SYS_sendmsg, TACIT_SYSCALL_TRANSFER },
	{ SYS_epoll_pwait, TACIT_SYSCALL_POLL },
	{ SYS_futex, TACIT_SYSCALL_FUTEX },
	{ SYS_nanosleep, TACIT_SYSCALL_TIME },
	{ SYS_sched_yield, TACIT_SYSCALL_SCHEDULE },
	{ SYS_setuid, TACIT_SYSCALL_IDENTITY },
	{ SYS_getppid, TACIT_SYSCALL_IDENTITY },
	{ SYS_unshare, TACIT_SYSCALL_NAMESPACE },
	{ SYS_ptrace, TACIT_SYSCALL_TRACE },
	{ SYS_bpf, TACIT_SYSCALL_TRACE },
	{ SYS_finit_module, TACIT_SYSCALL_SYSTEM },
	{ SYS_getrandom, TACIT_SYSCALL_OTHER },
	{ TACIT_SYSCALL_TABLE_LEN - 1, TACIT_SYSCALL_OTHER },
};

static void test_classes(void)
{
	uint8_t class_of[TACIT_SYSCALL_TABLE_LEN];

	memset(class_of, 0xff, sizeof(class_of));
	tacit_syscall_class_table(class_of);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		CU_ASSERT_EQUAL(class_of[calls[i].number], calls[i].class);
}

static void test_every_class_is_used(void)
{
	uint8_t class_of[TACIT_SYSCALL_TABLE_LEN];
	bool used[TACIT_SYSCALL_CLASS_COUNT] = { false };

	tacit_syscall_class_table(class_of);
	for (unsigned i = 0; i < TACIT_SYSCALL_TABLE_LEN; i++) {
		CU_ASSERT_FATAL(class_of[i] < TACIT_SYSCALL_CLASS_COUNT);
		used[class_of[i]] = true;
	}
	for (unsigned i = 0; i < TACIT_SYSCALL_CLASS_COUNT; i++)
		CU_ASSERT(used[i]);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "classes", test_classes },
		{ "every class is used", test_every_class_is_used },
		{ NULL, NULL },
	};

	return unit_main("syscall_class", cases);
}
