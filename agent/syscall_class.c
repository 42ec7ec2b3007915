/* SPDX-License-Identifier: MIT */
#include "syscall_class.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <tacit/cleanup.h>

/* A name that this machine has becomes its number, another stays a word and is passed over. */
#define TEXT(x) #x " "
#define N(x)    TEXT(x)

static const struct {
	uint8_t class;
	const char *numbers;
} classes[] = {
	{ TACIT_SYSCALL_OPEN, N(SYS_open) N(SYS_openat) N(SYS_openat2) N(SYS_creat)
				      N(SYS_open_by_handle_at) N(SYS_name_to_handle_at) },
	{ TACIT_SYSCALL_CLOSE, N(SYS_close) N(SYS_close_range) },
	{ TACIT_SYSCALL_READ, N(SYS_read) N(SYS_pread64) N(SYS_readv) N(SYS_preadv) N(SYS_preadv2)
				      N(SYS_sendfile) N(SYS_splice) N(SYS_tee) N(SYS_vmsplice)
					      N(SYS_copy_file_range) N(SYS_readahead) },
	{ TACIT_SYSCALL_WRITE, N(SYS_write) N(SYS_pwrite64) N(SYS_writev) N(SYS_pwritev)
				       N(SYS_pwritev2) N(SYS_fsync) N(SYS_fdatasync) N(SYS_sync)
					       N(SYS_syncfs) N(SYS_sync_file_range)
						       N(SYS_fallocate) N(SYS_msync) },
	{ TACIT_SYSCALL_STAT,
	  N(SYS_stat) N(SYS_fstat) N(SYS_lstat) N(SYS_newfstatat) N(SYS_statx) N(SYS_access)
		  N(SYS_faccessat) N(SYS_faccessat2) N(SYS_readlink) N(SYS_readlinkat)
			  N(SYS_getdents) N(SYS_getdents64) N(SYS_statfs) N(SYS_fstatfs)
				  N(SYS_getcwd) N(SYS_getxattr) N(SYS_lgetxattr) N(SYS_fgetxattr)
					  N(SYS_listxattr) N(SYS_llistxattr) N(SYS_flistxattr)
						  N(SYS_ustat) N(SYS_statmount) N(SYS_listmount)
							  N(SYS_chdir) N(SYS_fchdir) },
	{ TACIT_SYSCALL_RENAME, N(SYS_rename) N(SYS_renameat) N(SYS_renameat2) },
	{ TACIT_SYSCALL_LINK, N(SYS_link) N(SYS_linkat) N(SYS_symlink) N(SYS_symlinkat) N(SYS_mknod)
				      N(SYS_mknodat) N(SYS_mkdir) N(SYS_mkdirat) },
	{ TACIT_SYSCALL_UNLINK,
	  N(SYS_unlink) N(SYS_unlinkat) N(SYS_rmdir) N(SYS_truncate) N(SYS_ftruncate) },
	{ TACIT_SYSCALL_PERMISSION,
	  N(SYS_chmod) N(SYS_fchmod) N(SYS_fchmodat) N(SYS_fchmodat2) N(SYS_chown) N(SYS_fchown)
		  N(SYS_lchown) N(SYS_fchownat) N(SYS_umask) N(SYS_setxattr) N(SYS_lsetxattr)
			  N(SYS_fsetxattr) N(SYS_removexattr) N(SYS_lremovexattr)
				  N(SYS_fremovexattr) N(SYS_utime) N(SYS_utimes) N(SYS_futimesat)
					  N(SYS_utimensat) },
	{ TACIT_SYSCALL_FD,
	  N(SYS_dup) N(SYS_dup2) N(SYS_dup3) N(SYS_fcntl) N(SYS_ioctl) N(SYS_flock) N(SYS_lseek)
		  N(SYS_pipe) N(SYS_pipe2) N(SYS_eventfd) N(SYS_eventfd2) N(SYS_memfd_create)
			  N(SYS_memfd_secret) N(SYS_fadvise64) N(SYS_inotify_init)
				  N(SYS_inotify_init1) N(SYS_inotify_add_watch)
					  N(SYS_inotify_rm_watch) N(SYS_fanotify_init)
						  N(SYS_fanotify_mark) N(SYS_pidfd_open)
							  N(SYS_pidfd_getfd) },
	{ TACIT_SYSCALL_MEMORY,
	  N(SYS_mmap) N(SYS_munmap) N(SYS_brk) N(SYS_madvise) N(SYS_process_madvise) N(SYS_mremap)
		  N(SYS_mincore) N(SYS_mlock) N(SYS_mlock2) N(SYS_munlock) N(SYS_mlockall)
			  N(SYS_munlockall) N(SYS_remap_file_pages) N(SYS_mbind)
				  N(SYS_get_mempolicy) N(SYS_set_mempolicy) N(SYS_migrate_pages)
					  N(SYS_move_pages) N(SYS_set_mempolicy_home_node)
						  N(SYS_process_mrelease) N(SYS_shmget)
							  N(SYS_shmat) N(SYS_shmdt)
								  N(SYS_shmctl) },
	{ TACIT_SYSCALL_MPROTECT,
	  N(SYS_mprotect) N(SYS_pkey_mprotect) N(SYS_pkey_alloc) N(SYS_pkey_free) N(SYS_mseal) },
	{ TACIT_SYSCALL_SPAWN, N(SYS_fork) N(SYS_vfork) N(SYS_clone) N(SYS_clone3) N(SYS_execve)
				       N(SYS_execveat) },
	{ TACIT_SYSCALL_WAIT, N(SYS_wait4) N(SYS_waitid) N(SYS_exit) N(SYS_exit_group) },
	{ TACIT_SYSCALL_SIGNAL,
	  N(SYS_kill) N(SYS_tkill) N(SYS_tgkill) N(SYS_rt_sigaction) N(SYS_rt_sigprocmask)
		  N(SYS_rt_sigreturn) N(SYS_rt_sigpending) N(SYS_rt_sigtimedwait)
			  N(SYS_rt_sigqueueinfo) N(SYS_rt_tgsigqueueinfo) N(SYS_rt_sigsuspend)
				  N(SYS_sigaltstack) N(SYS_signalfd) N(SYS_signalfd4) N(SYS_pause)
					  N(SYS_pidfd_send_signal) },
	{ TACIT_SYSCALL_CONNECT, N(SYS_socket) N(SYS_connect) N(SYS_socketpair) },
	{ TACIT_SYSCALL_LISTEN, N(SYS_bind) N(SYS_listen) N(SYS_accept) N(SYS_accept4) },
	{ TACIT_SYSCALL_TRANSFER,
	  N(SYS_sendto) N(SYS_sendmsg) N(SYS_sendmmsg) N(SYS_recvfrom) N(SYS_recvmsg)
		  N(SYS_recvmmsg) N(SYS_shutdown) N(SYS_setsockopt) N(SYS_getsockopt)
			  N(SYS_getsockname) N(SYS_getpeername) N(SYS_msgget) N(SYS_msgsnd)
				  N(SYS_msgrcv) N(SYS_msgctl) N(SYS_mq_open) N(SYS_mq_unlink)
					  N(SYS_mq_timedsend) N(SYS_mq_timedreceive)
						  N(SYS_mq_notify) N(SYS_mq_getsetattr) },
	{ TACIT_SYSCALL_POLL,
	  N(SYS_poll) N(SYS_ppoll) N(SYS_select) N(SYS_pselect6) N(SYS_epoll_create)
		  N(SYS_epoll_create1) N(SYS_epoll_ctl) N(SYS_epoll_ctl_old) N(SYS_epoll_wait)
			  N(SYS_epoll_wait_old) N(SYS_epoll_pwait) N(SYS_epoll_pwait2)
				  N(SYS_io_uring_setup) N(SYS_io_uring_enter)
					  N(SYS_io_uring_register) N(SYS_io_setup) N(SYS_io_destroy)
						  N(SYS_io_getevents) N(SYS_io_pgetevents)
							  N(SYS_io_submit) N(SYS_io_cancel) },
	{ TACIT_SYSCALL_FUTEX, N(SYS_futex) N(SYS_futex_waitv) N(SYS_futex_wait) N(SYS_futex_wake)
				       N(SYS_futex_requeue) N(SYS_set_robust_list)
					       N(SYS_get_robust_list) N(SYS_membarrier) N(SYS_rseq)
						       N(SYS_semget) N(SYS_semop) N(SYS_semctl)
							       N(SYS_semtimedop) },
	{ TACIT_SYSCALL_TIME,
	  N(SYS_nanosleep) N(SYS_clock_nanosleep) N(SYS_clock_gettime) N(SYS_clock_getres)
		  N(SYS_gettimeofday) N(SYS_time) N(SYS_times) N(SYS_alarm) N(SYS_getitimer)
			  N(SYS_setitimer) N(SYS_timer_create) N(SYS_timer_settime)
				  N(SYS_timer_gettime) N(SYS_timer_getoverrun) N(SYS_timer_delete)
					  N(SYS_timerfd_create) N(SYS_timerfd_settime)
						  N(SYS_timerfd_gettime) },
	{ TACIT_SYSCALL_SCHEDULE,
	  N(SYS_sched_yield) N(SYS_sched_setparam) N(SYS_sched_getparam) N(SYS_sched_setscheduler)
		  N(SYS_sched_getscheduler) N(SYS_sched_get_priority_max)
			  N(SYS_sched_get_priority_min) N(SYS_sched_rr_get_interval)
				  N(SYS_sched_setaffinity) N(SYS_sched_getaffinity)
					  N(SYS_sched_setattr) N(SYS_sched_getattr)
						  N(SYS_setpriority) N(SYS_getpriority)
							  N(SYS_ioprio_set) N(SYS_ioprio_get)
								  N(SYS_getrlimit) N(SYS_setrlimit)
									  N(SYS_prlimit64)
										  N(SYS_getrusage)
											  N(SYS_getcpu) },
	{ TACIT_SYSCALL_IDENTITY,
	  N(SYS_getpid) N(SYS_getppid) N(SYS_gettid) N(SYS_getuid) N(SYS_geteuid) N(SYS_getgid)
		  N(SYS_getegid) N(SYS_getresuid) N(SYS_getresgid) N(SYS_getgroups) N(SYS_getpgrp)
			  N(SYS_getpgid) N(SYS_getsid) N(SYS_setuid) N(SYS_setgid) N(SYS_setreuid)
				  N(SYS_setregid) N(SYS_setresuid) N(SYS_setresgid) N(SYS_setfsuid)
					  N(SYS_setfsgid) N(SYS_setgroups) N(SYS_setpgid)
						  N(SYS_setsid) N(SYS_capget) N(SYS_capset)
							  N(SYS_keyctl) N(SYS_add_key)
								  N(SYS_request_key) },
	{ TACIT_SYSCALL_NAMESPACE,
	  N(SYS_mount) N(SYS_umount2) N(SYS_pivot_root) N(SYS_chroot) N(SYS_unshare) N(SYS_setns)
		  N(SYS_open_tree) N(SYS_move_mount) N(SYS_fsopen) N(SYS_fsconfig) N(SYS_fsmount)
			  N(SYS_fspick) N(SYS_mount_setattr) N(SYS_landlock_create_ruleset)
				  N(SYS_landlock_add_rule) N(SYS_landlock_restrict_self)
					  N(SYS_seccomp) },
	{ TACIT_SYSCALL_TRACE, N(SYS_ptrace) N(SYS_process_vm_readv) N(SYS_process_vm_writev)
				       N(SYS_bpf) N(SYS_perf_event_open) N(SYS_kcmp)
					       N(SYS_userfaultfd) N(SYS_lookup_dcookie) },
	{ TACIT_SYSCALL_SYSTEM,
	  N(SYS_init_module) N(SYS_finit_module) N(SYS_delete_module) N(SYS_create_module)
		  N(SYS_query_module) N(SYS_reboot) N(SYS_kexec_load) N(SYS_kexec_file_load)
			  N(SYS__sysctl) N(SYS_swapon) N(SYS_swapoff) N(SYS_acct) N(SYS_quotactl)
				  N(SYS_quotactl_fd) N(SYS_sethostname) N(SYS_setdomainname)
					  N(SYS_settimeofday) N(SYS_clock_settime) N(SYS_adjtimex)
						  N(SYS_clock_adjtime) N(SYS_iopl) N(SYS_ioperm)
							  N(SYS_syslog) N(SYS_vhangup)
								  N(SYS_nfsservctl) },
};

static void set_class(uint8_t *class_of, uint8_t class, const char *numbers)
{
	for (const char *at = numbers; *at; at = strchr(at, ' ') + 1) {
		unsigned long number = strtoul(at, NULL, 10);

		if (isdigit((unsigned char)*at) && number < TACIT_SYSCALL_TABLE_LEN)
			class_of[number] = class;
	}
}

void tacit_syscall_class_table(uint8_t class_of[TACIT_SYSCALL_TABLE_LEN])
{
	memset(class_of, TACIT_SYSCALL_OTHER, TACIT_SYSCALL_TABLE_LEN);
	for (unsigned i = 0; i < TACIT_ARRAY_LEN(classes); i++)
		set_class(class_of, classes[i].class, classes[i].numbers);
}
