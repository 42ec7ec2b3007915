/* SPDX-License-Identifier: MIT */
#include "syscall_class.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <tacit/cleanup.h>

/* A name that this machine has becomes its number, another stays a word and is passed over. */
#define TEXT(number) #number " "
#define EXPAND(name) TEXT(name)
#define N(name)      EXPAND(SYS_##name)

/* clang-format off */
static const struct {
	uint8_t class;
	const char *numbers;
} classes[] = {
	{ TACIT_SYSCALL_OPEN,
	  N(open) N(openat) N(openat2) N(creat) N(open_by_handle_at) },
	{ TACIT_SYSCALL_CLOSE,
	  N(close) N(close_range) },
	{ TACIT_SYSCALL_STAT,
	  N(stat) N(fstat) N(lstat) N(newfstatat) N(statx) N(access) N(faccessat)
	  N(faccessat2) N(readlink) N(readlinkat) N(statfs) N(fstatfs) N(getcwd) N(getxattr)
	  N(lgetxattr) N(fgetxattr) N(getxattrat) N(listxattr) N(llistxattr) N(flistxattr)
	  N(listxattrat) N(ustat) N(statmount) N(listmount) N(chdir) N(fchdir)
	  N(name_to_handle_at) N(file_getattr) },
	{ TACIT_SYSCALL_LIST,
	  N(getdents) N(getdents64) },
	{ TACIT_SYSCALL_RENAME,
	  N(rename) N(renameat) N(renameat2) },
	{ TACIT_SYSCALL_LINK,
	  N(link) N(linkat) N(symlink) N(symlinkat) N(mknod) N(mknodat) },
	{ TACIT_SYSCALL_MKDIR,
	  N(mkdir) N(mkdirat) },
	{ TACIT_SYSCALL_UNLINK,
	  N(unlink) N(unlinkat) N(rmdir) },
	{ TACIT_SYSCALL_TRUNCATE,
	  N(truncate) N(ftruncate) N(fallocate) },
	{ TACIT_SYSCALL_CHMOD,
	  N(chmod) N(fchmod) N(fchmodat) N(fchmodat2) },
	{ TACIT_SYSCALL_CHOWN,
	  N(chown) N(fchown) N(lchown) N(fchownat) },
	{ TACIT_SYSCALL_ATTRIBUTE,
	  N(umask) N(setxattr) N(lsetxattr) N(fsetxattr) N(setxattrat) N(removexattr)
	  N(lremovexattr) N(fremovexattr) N(removexattrat) N(utime) N(utimes) N(futimesat)
	  N(utimensat) N(file_setattr) },
	{ TACIT_SYSCALL_FD,
	  N(dup) N(dup2) N(dup3) N(fcntl) N(flock) N(lseek) N(pipe) N(pipe2) N(eventfd)
	  N(eventfd2) N(fadvise64) N(pidfd_open) },
	{ TACIT_SYSCALL_IOCTL,
	  N(ioctl) },
	{ TACIT_SYSCALL_WATCH,
	  N(inotify_init) N(inotify_init1) N(inotify_add_watch) N(inotify_rm_watch)
	  N(fanotify_init) N(fanotify_mark) },
	{ TACIT_SYSCALL_READ,
	  N(read) N(pread64) N(readv) N(preadv) N(preadv2) N(sendfile) N(splice) N(tee)
	  N(vmsplice) N(copy_file_range) N(readahead) },
	{ TACIT_SYSCALL_WRITE,
	  N(write) N(pwrite64) N(writev) N(pwritev) N(pwritev2) },
	{ TACIT_SYSCALL_SYNC,
	  N(fsync) N(fdatasync) N(sync) N(syncfs) N(sync_file_range) N(msync) },
	{ TACIT_SYSCALL_MMAP,
	  N(mmap) },
	{ TACIT_SYSCALL_MPROTECT,
	  N(mprotect) N(pkey_mprotect) },
	{ TACIT_SYSCALL_MEMORY,
	  N(munmap) N(brk) N(madvise) N(process_madvise) N(mremap) N(mincore) N(mlock)
	  N(mlock2) N(munlock) N(mlockall) N(munlockall) N(remap_file_pages) N(mbind)
	  N(get_mempolicy) N(set_mempolicy) N(migrate_pages) N(move_pages)
	  N(set_mempolicy_home_node) N(process_mrelease) N(pkey_alloc) N(pkey_free) N(mseal)
	  N(cachestat) N(map_shadow_stack) },
	{ TACIT_SYSCALL_MEMFD,
	  N(memfd_create) N(memfd_secret) },
	{ TACIT_SYSCALL_FORK,
	  N(fork) N(vfork) N(clone) N(clone3) },
	{ TACIT_SYSCALL_EXEC,
	  N(execve) N(execveat) },
	{ TACIT_SYSCALL_WAIT,
	  N(wait4) N(waitid) },
	{ TACIT_SYSCALL_SIGNAL,
	  N(rt_sigaction) N(rt_sigprocmask) N(rt_sigreturn) N(rt_sigpending)
	  N(rt_sigtimedwait) N(rt_sigsuspend) N(sigaltstack) N(signalfd) N(signalfd4)
	  N(pause) N(restart_syscall) },
	{ TACIT_SYSCALL_KILL,
	  N(kill) N(tkill) N(tgkill) N(rt_sigqueueinfo) N(rt_tgsigqueueinfo)
	  N(pidfd_send_signal) },
	{ TACIT_SYSCALL_SCHEDULE,
	  N(sched_yield) N(sched_setparam) N(sched_getparam) N(sched_setscheduler)
	  N(sched_getscheduler) N(sched_get_priority_max) N(sched_get_priority_min)
	  N(sched_rr_get_interval) N(sched_setaffinity) N(sched_getaffinity) N(sched_setattr)
	  N(sched_getattr) N(setpriority) N(getpriority) N(ioprio_set) N(ioprio_get)
	  N(getrlimit) N(setrlimit) N(prlimit64) N(getrusage) N(getcpu) },
	{ TACIT_SYSCALL_ID,
	  N(getpid) N(getppid) N(gettid) N(getuid) N(geteuid) N(getgid) N(getegid)
	  N(getresuid) N(getresgid) N(getgroups) N(getpgrp) N(getpgid) N(getsid) N(setpgid)
	  N(setsid) N(capget) N(set_tid_address) N(uname) N(sysinfo) },
	{ TACIT_SYSCALL_SETID,
	  N(setuid) N(setgid) N(setreuid) N(setregid) N(setresuid) N(setresgid) N(setfsuid)
	  N(setfsgid) N(setgroups) N(capset) },
	{ TACIT_SYSCALL_KEY,
	  N(keyctl) N(add_key) N(request_key) },
	{ TACIT_SYSCALL_PRCTL,
	  N(prctl) N(arch_prctl) N(seccomp) N(landlock_create_ruleset) N(landlock_add_rule)
	  N(landlock_restrict_self) N(personality) N(lsm_set_self_attr) N(modify_ldt)
	  N(set_thread_area) N(get_thread_area) },
	{ TACIT_SYSCALL_MOUNT,
	  N(mount) N(umount2) N(pivot_root) N(chroot) N(open_tree) N(open_tree_attr)
	  N(move_mount) N(fsopen) N(fsconfig) N(fsmount) N(fspick) N(mount_setattr) },
	{ TACIT_SYSCALL_NAMESPACE,
	  N(unshare) N(setns) },
	{ TACIT_SYSCALL_PTRACE,
	  N(ptrace) N(process_vm_readv) N(process_vm_writev) N(pidfd_getfd) N(kcmp) },
	{ TACIT_SYSCALL_BPF,
	  N(bpf) N(perf_event_open) N(userfaultfd) N(lookup_dcookie) },
	{ TACIT_SYSCALL_MODULE,
	  N(init_module) N(finit_module) N(delete_module) N(create_module) N(query_module)
	  N(kexec_load) N(kexec_file_load) },
	{ TACIT_SYSCALL_SYSTEM,
	  N(reboot) N(_sysctl) N(swapon) N(swapoff) N(acct) N(quotactl) N(quotactl_fd)
	  N(sethostname) N(setdomainname) N(settimeofday) N(clock_settime) N(adjtimex)
	  N(clock_adjtime) N(iopl) N(ioperm) N(syslog) N(vhangup) N(nfsservctl) },
	{ TACIT_SYSCALL_SOCKET,
	  N(socket) N(socketpair) },
	{ TACIT_SYSCALL_CONNECT,
	  N(connect) },
	{ TACIT_SYSCALL_LISTEN,
	  N(bind) N(listen) },
	{ TACIT_SYSCALL_ACCEPT,
	  N(accept) N(accept4) },
	{ TACIT_SYSCALL_TRANSFER,
	  N(sendto) N(sendmsg) N(sendmmsg) N(recvfrom) N(recvmsg) N(recvmmsg) N(shutdown)
	  N(setsockopt) N(getsockopt) N(getsockname) N(getpeername) },
	{ TACIT_SYSCALL_POLL,
	  N(poll) N(ppoll) N(select) N(pselect6) N(epoll_create) N(epoll_create1) N(epoll_ctl)
	  N(epoll_ctl_old) N(epoll_wait) N(epoll_wait_old) N(epoll_pwait) N(epoll_pwait2) },
	{ TACIT_SYSCALL_URING,
	  N(io_uring_setup) N(io_uring_enter) N(io_uring_register) N(io_setup) N(io_destroy)
	  N(io_getevents) N(io_pgetevents) N(io_submit) N(io_cancel) },
	{ TACIT_SYSCALL_FUTEX,
	  N(futex) N(futex_waitv) N(futex_wait) N(futex_wake) N(futex_requeue)
	  N(set_robust_list) N(get_robust_list) N(membarrier) N(rseq) },
	{ TACIT_SYSCALL_TIME,
	  N(nanosleep) N(clock_nanosleep) N(clock_gettime) N(clock_getres) N(gettimeofday)
	  N(time) N(times) N(alarm) N(getitimer) N(setitimer) N(timer_create) N(timer_settime)
	  N(timer_gettime) N(timer_getoverrun) N(timer_delete) N(timerfd_create)
	  N(timerfd_settime) N(timerfd_gettime) },
	{ TACIT_SYSCALL_IPC,
	  N(shmget) N(shmat) N(shmdt) N(shmctl) N(semget) N(semop) N(semctl) N(semtimedop)
	  N(msgget) N(msgsnd) N(msgrcv) N(msgctl) N(mq_open) N(mq_unlink) N(mq_timedsend)
	  N(mq_timedreceive) N(mq_notify) N(mq_getsetattr) },
};
/* clang-format on */

static const uint8_t family_of[] = {
#define FAMILY_ROW(id, name, family, doc) [TACIT_SYSCALL_##id] = TACIT_FAMILY_##family,
	TACIT_SYSCALL_CLASSES(FAMILY_ROW)
#undef FAMILY_ROW
};

static const struct {
	uint8_t class;
	uint8_t error;
} errors[] = {
	{ TACIT_ERROR_PERMISSION, EPERM },	{ TACIT_ERROR_PERMISSION, EACCES },
	{ TACIT_ERROR_PERMISSION, EROFS },	{ TACIT_ERROR_MISSING, ENOENT },
	{ TACIT_ERROR_MISSING, ENOTDIR },	{ TACIT_ERROR_MISSING, ESRCH },
	{ TACIT_ERROR_MISSING, ENODEV },	{ TACIT_ERROR_MISSING, ENXIO },
	{ TACIT_ERROR_MISSING, ECHILD },	{ TACIT_ERROR_RETRY, EAGAIN },
	{ TACIT_ERROR_RETRY, EINTR },		{ TACIT_ERROR_RETRY, EINPROGRESS },
	{ TACIT_ERROR_RETRY, EALREADY },	{ TACIT_ERROR_NETWORK, ECONNREFUSED },
	{ TACIT_ERROR_NETWORK, ECONNRESET },	{ TACIT_ERROR_NETWORK, ECONNABORTED },
	{ TACIT_ERROR_NETWORK, ETIMEDOUT },	{ TACIT_ERROR_NETWORK, EHOSTUNREACH },
	{ TACIT_ERROR_NETWORK, ENETUNREACH },	{ TACIT_ERROR_NETWORK, EHOSTDOWN },
	{ TACIT_ERROR_NETWORK, ENETDOWN },	{ TACIT_ERROR_NETWORK, EPIPE },
	{ TACIT_ERROR_NETWORK, ENOTCONN },	{ TACIT_ERROR_NETWORK, EADDRINUSE },
	{ TACIT_ERROR_RESOURCE, ENOMEM },	{ TACIT_ERROR_RESOURCE, EMFILE },
	{ TACIT_ERROR_RESOURCE, ENFILE },	{ TACIT_ERROR_RESOURCE, ENOSPC },
	{ TACIT_ERROR_RESOURCE, EDQUOT },	{ TACIT_ERROR_RESOURCE, ENOBUFS },
	{ TACIT_ERROR_ARGUMENT, EINVAL },	{ TACIT_ERROR_ARGUMENT, EFAULT },
	{ TACIT_ERROR_ARGUMENT, EBADF },	{ TACIT_ERROR_ARGUMENT, ENOSYS },
	{ TACIT_ERROR_ARGUMENT, ENOTTY },	{ TACIT_ERROR_ARGUMENT, EOPNOTSUPP },
	{ TACIT_ERROR_ARGUMENT, ENOTSOCK },	{ TACIT_ERROR_ARGUMENT, ENAMETOOLONG },
};

static void set_class(struct tacit_call *call_of, uint8_t class, const char *numbers)
{
	for (const char *at = numbers; *at; at = strchr(at, ' ') + 1) {
		unsigned long number = strtoul(at, NULL, 10);

		if (isdigit((unsigned char)*at) && number < TACIT_SYSCALL_TABLE_LEN)
			call_of[number] = (struct tacit_call){ class, family_of[class] };
	}
}

void tacit_syscall_class_table(struct tacit_call call_of[TACIT_SYSCALL_TABLE_LEN])
{
	for (unsigned i = 0; i < TACIT_SYSCALL_TABLE_LEN; i++)
		call_of[i] = (struct tacit_call){ TACIT_SYSCALL_OTHER,
						  family_of[TACIT_SYSCALL_OTHER] };
	for (unsigned i = 0; i < TACIT_ARRAY_LEN(classes); i++)
		set_class(call_of, classes[i].class, classes[i].numbers);
}

void tacit_syscall_error_table(uint8_t error_of[TACIT_ERROR_TABLE_LEN])
{
	memset(error_of, TACIT_ERROR_OTHER, TACIT_ERROR_TABLE_LEN);
	for (unsigned i = 0; i < TACIT_ARRAY_LEN(errors); i++)
		error_of[errors[i].error] = errors[i].class;
}
