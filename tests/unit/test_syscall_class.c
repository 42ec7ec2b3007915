/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/syscall_class.h"
#include "unit.h"

static const struct {
	long number;
	enum tacit_syscall_class class;
	enum tacit_syscall_family family;
} calls[] = {
	{ SYS_openat, TACIT_SYSCALL_OPEN, TACIT_FAMILY_FILE },
	{ SYS_close, TACIT_SYSCALL_CLOSE, TACIT_FAMILY_FILE },
	{ SYS_statx, TACIT_SYSCALL_STAT, TACIT_FAMILY_FILE },
	{ SYS_getdents64, TACIT_SYSCALL_LIST, TACIT_FAMILY_FILE },
	{ SYS_renameat2, TACIT_SYSCALL_RENAME, TACIT_FAMILY_FILE },
	{ SYS_linkat, TACIT_SYSCALL_LINK, TACIT_FAMILY_FILE },
	{ SYS_mkdirat, TACIT_SYSCALL_MKDIR, TACIT_FAMILY_FILE },
	{ SYS_unlinkat, TACIT_SYSCALL_UNLINK, TACIT_FAMILY_FILE },
	{ SYS_ftruncate, TACIT_SYSCALL_TRUNCATE, TACIT_FAMILY_FILE },
	{ SYS_fchmodat, TACIT_SYSCALL_CHMOD, TACIT_FAMILY_FILE },
	{ SYS_fchownat, TACIT_SYSCALL_CHOWN, TACIT_FAMILY_FILE },
	{ SYS_utimensat, TACIT_SYSCALL_ATTRIBUTE, TACIT_FAMILY_FILE },
	{ SYS_dup3, TACIT_SYSCALL_FD, TACIT_FAMILY_FILE },
	{ SYS_ioctl, TACIT_SYSCALL_IOCTL, TACIT_FAMILY_FILE },
	{ SYS_inotify_add_watch, TACIT_SYSCALL_WATCH, TACIT_FAMILY_FILE },
	{ SYS_read, TACIT_SYSCALL_READ, TACIT_FAMILY_DATA },
	{ SYS_write, TACIT_SYSCALL_WRITE, TACIT_FAMILY_DATA },
	{ SYS_fsync, TACIT_SYSCALL_SYNC, TACIT_FAMILY_DATA },
	{ SYS_mmap, TACIT_SYSCALL_MMAP, TACIT_FAMILY_MEMORY },
	{ SYS_mprotect, TACIT_SYSCALL_MPROTECT, TACIT_FAMILY_MEMORY },
	{ SYS_munmap, TACIT_SYSCALL_MEMORY, TACIT_FAMILY_MEMORY },
	{ SYS_memfd_create, TACIT_SYSCALL_MEMFD, TACIT_FAMILY_MEMORY },
	{ SYS_clone, TACIT_SYSCALL_FORK, TACIT_FAMILY_PROCESS },
	{ SYS_execve, TACIT_SYSCALL_EXEC, TACIT_FAMILY_PROCESS },
	{ SYS_wait4, TACIT_SYSCALL_WAIT, TACIT_FAMILY_PROCESS },
	{ SYS_rt_sigaction, TACIT_SYSCALL_SIGNAL, TACIT_FAMILY_PROCESS },
	{ SYS_kill, TACIT_SYSCALL_KILL, TACIT_FAMILY_PROCESS },
	{ SYS_sched_yield, TACIT_SYSCALL_SCHEDULE, TACIT_FAMILY_PROCESS },
	{ SYS_getppid, TACIT_SYSCALL_ID, TACIT_FAMILY_PROCESS },
	{ SYS_setuid, TACIT_SYSCALL_SETID, TACIT_FAMILY_PROCESS },
	{ SYS_keyctl, TACIT_SYSCALL_KEY, TACIT_FAMILY_PROCESS },
	{ SYS_prctl, TACIT_SYSCALL_PRCTL, TACIT_FAMILY_PROCESS },
	{ SYS_mount, TACIT_SYSCALL_MOUNT, TACIT_FAMILY_PROCESS },
	{ SYS_unshare, TACIT_SYSCALL_NAMESPACE, TACIT_FAMILY_PROCESS },
	{ SYS_ptrace, TACIT_SYSCALL_PTRACE, TACIT_FAMILY_PROCESS },
	{ SYS_process_vm_writev, TACIT_SYSCALL_PTRACE, TACIT_FAMILY_PROCESS },
	{ SYS_bpf, TACIT_SYSCALL_BPF, TACIT_FAMILY_PROCESS },
	{ SYS_finit_module, TACIT_SYSCALL_MODULE, TACIT_FAMILY_PROCESS },
	{ SYS_sethostname, TACIT_SYSCALL_SYSTEM, TACIT_FAMILY_PROCESS },
	{ SYS_socket, TACIT_SYSCALL_SOCKET, TACIT_FAMILY_NETWORK },
	{ SYS_connect, TACIT_SYSCALL_CONNECT, TACIT_FAMILY_NETWORK },
	{ SYS_bind, TACIT_SYSCALL_LISTEN, TACIT_FAMILY_NETWORK },
	{ SYS_accept4, TACIT_SYSCALL_ACCEPT, TACIT_FAMILY_NETWORK },
	{ SYS_sendmsg, TACIT_SYSCALL_TRANSFER, TACIT_FAMILY_NETWORK },
	{ SYS_epoll_pwait, TACIT_SYSCALL_POLL, TACIT_FAMILY_WAIT },
	{ SYS_io_uring_enter, TACIT_SYSCALL_URING, TACIT_FAMILY_WAIT },
	{ SYS_futex, TACIT_SYSCALL_FUTEX, TACIT_FAMILY_WAIT },
	{ SYS_nanosleep, TACIT_SYSCALL_TIME, TACIT_FAMILY_WAIT },
	{ SYS_semop, TACIT_SYSCALL_IPC, TACIT_FAMILY_WAIT },
	{ SYS_getrandom, TACIT_SYSCALL_OTHER, TACIT_FAMILY_PROCESS },
	{ TACIT_SYSCALL_TABLE_LEN - 1, TACIT_SYSCALL_OTHER, TACIT_FAMILY_PROCESS },
};

static void test_classes(void)
{
	struct tacit_call call_of[TACIT_SYSCALL_TABLE_LEN];

	memset(call_of, 0xff, sizeof(call_of));
	tacit_syscall_class_table(call_of);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		CU_ASSERT_EQUAL(call_of[calls[i].number].class, calls[i].class);
		CU_ASSERT_EQUAL(call_of[calls[i].number].family, calls[i].family);
	}
}

static void test_every_class_is_used(void)
{
	struct tacit_call call_of[TACIT_SYSCALL_TABLE_LEN];
	bool used[TACIT_SYSCALL_CLASS_COUNT] = { false };

	tacit_syscall_class_table(call_of);
	for (unsigned i = 0; i < TACIT_SYSCALL_TABLE_LEN; i++) {
		CU_ASSERT_FATAL(call_of[i].class < TACIT_SYSCALL_CLASS_COUNT);
		CU_ASSERT(call_of[i].family < TACIT_FAMILY_COUNT);
		used[call_of[i].class] = true;
	}
	for (unsigned i = 0; i < TACIT_SYSCALL_CLASS_COUNT; i++)
		CU_ASSERT(used[i]);
}

static void test_errors(void)
{
	static const struct {
		int error;
		enum tacit_error_class class;
	} errors[] = {
		{ EACCES, TACIT_ERROR_PERMISSION },
		{ ENOENT, TACIT_ERROR_MISSING },
		{ EAGAIN, TACIT_ERROR_RETRY },
		{ ECONNREFUSED, TACIT_ERROR_NETWORK },
		{ ENOSPC, TACIT_ERROR_RESOURCE },
		{ EFAULT, TACIT_ERROR_ARGUMENT },
		{ EEXIST, TACIT_ERROR_OTHER },
		{ TACIT_ERROR_TABLE_LEN - 1, TACIT_ERROR_OTHER },
	};
	uint8_t error_of[TACIT_ERROR_TABLE_LEN];
	bool used[TACIT_ERROR_CLASS_COUNT] = { false };

	memset(error_of, 0xff, sizeof(error_of));
	tacit_syscall_error_table(error_of);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		CU_ASSERT_EQUAL(error_of[errors[i].error], errors[i].class);
	for (unsigned i = 0; i < TACIT_ERROR_TABLE_LEN; i++) {
		CU_ASSERT_FATAL(error_of[i] < TACIT_ERROR_CLASS_COUNT);
		used[error_of[i]] = true;
	}
	for (unsigned i = 0; i < TACIT_ERROR_CLASS_COUNT; i++)
		CU_ASSERT(used[i]);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "classes", test_classes },
		{ "every class is used", test_every_class_is_used },
		{ "errors", test_errors },
		{ NULL, NULL },
	};

	return unit_main("syscall_class", cases);
}
