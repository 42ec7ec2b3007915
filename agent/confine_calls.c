/* SPDX-License-Identifier: MIT */
/* seccomp, by libseccomp, which knows the numbers of every architecture. */
#include "confine.h"

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#define RULE_ARGS 2U

#ifndef PR_SET_VMA /* names memory; newer than Linux 5.17's headers */
#define PR_SET_VMA 0x53564d41
#endif

#define NAMESPACES                                                                                 \
	(CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |              \
	 CLONE_NEWUSER | CLONE_NEWUTS)

/* What libevent, libcurl with its resolver's threads, SQLite, OpenSSL, glibc and we need, on kernels
 * and C libraries of the last years, however the arguments are. */
/* clang-format off */
static const char *const plain[] = {
	/* files */
	"access", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
	"fallocate", "fchmod", "fcntl", "fdatasync", "flock", "fstat", "fsync", "ftruncate",
	"getcwd", "getdents64", "lseek", "lstat", "newfstatat", "open", "openat", "pread64",
	"preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv", "rename",
	"renameat", "renameat2", "stat", "statx", "umask", "unlink", "unlinkat", "write", "writev",
	/* waiting */
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2",
	"pipe", "pipe2", "poll", "ppoll", "pselect6", "select", "timerfd_create",
	"timerfd_settime",
	/* sockets */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt",
	"listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto",
	"setsockopt", "shutdown",
	/* memory */
	"brk", "madvise", "mremap", "munmap",
	/* threads, signals, the end */
	"exit", "exit_group", "futex", "futex_waitv", "get_robust_list", "membarrier",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_yield",
	"set_robust_list", "sigaltstack",
	/* time */
	"clock_getres", "clock_gettime", "clock_nanosleep", "gettimeofday", "nanosleep", "time",
	/* who and where we are */
	"capget", "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpid", "getppid",
	"getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "gettid", "getuid",
	"sysinfo", "uname",
	/* the same where a word has 32 bits */
	"_llseek", "_newselect", "clock_getres_time64", "clock_gettime64",
	"clock_nanosleep_time64", "fcntl64", "fstat64", "fstatat64", "ftruncate64",
	"futex_time64", "getegid32", "geteuid32", "getgid32", "getgroups32", "getresgid32",
	"getresuid32", "getuid32", "lstat64", "ppoll_time64", "pselect6_time64", "recv",
	"recvmmsg_time64", "rt_sigtimedwait_time64", "send", "sigreturn", "stat64",
	"timerfd_settime64", "ugetrlimit",
};

/* Allowed when every argument is as said. */
struct rule {
	const char *call;
	struct scmp_arg_cmp arg[RULE_ARGS]; /* those without @op are not looked at */
};

#define IS(n, value)         { .arg = (n), .op = SCMP_CMP_EQ, .datum_a = (value) }
#define BITS(n, mask, value) \
	{ .arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value) }
#define TYPE(type)           BITS(1, 0xf, type) /* without SOCK_CLOEXEC and SOCK_NONBLOCK */

static const struct rule looked_at[] = {
	{ "bpf", { IS(0, BPF_MAP_LOOKUP_ELEM) } },
	{ "bpf", { IS(0, BPF_MAP_UPDATE_ELEM) } },
	{ "bpf", { IS(0, BPF_MAP_DELETE_ELEM) } },
	{ "bpf", { IS(0, BPF_MAP_GET_NEXT_KEY) } },
	{ "bpf", { IS(0, BPF_MAP_LOOKUP_BATCH) } },
	{ "bpf", { IS(0, BPF_OBJ_GET_INFO_BY_FD) } },
	{ "bpf", { IS(0, BPF_RAW_TRACEPOINT_OPEN) } },
	{ "bpf", { IS(0, BPF_LINK_CREATE) } },
	{ "bpf", { IS(0, BPF_ITER_CREATE) } },

	{ "socket", { IS(0, AF_UNIX), TYPE(SOCK_STREAM) } },
	{ "socket", { IS(0, AF_UNIX), TYPE(SOCK_DGRAM) } },
	{ "socket", { IS(0, AF_INET), TYPE(SOCK_STREAM) } },
	{ "socket", { IS(0, AF_INET), TYPE(SOCK_DGRAM) } },
	{ "socket", { IS(0, AF_INET6), TYPE(SOCK_STREAM) } },
	{ "socket", { IS(0, AF_INET6), TYPE(SOCK_DGRAM) } },
	/* getaddrinfo(3) asks for the host's own addresses. */
	{ "socket", { IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE) } },
	{ "socketpair", { IS(0, AF_UNIX) } },

	{ "clone", { BITS(0, CLONE_THREAD | NAMESPACES, CLONE_THREAD) } },

	/* Libraries that the C library loads late must be mapped; code is never written. */
	{ "mmap", { BITS(2, PROT_EXEC, 0) } },
	{ "mmap", { BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), BITS(3, MAP_ANONYMOUS, 0) } },
	{ "mmap2", { BITS(2, PROT_EXEC, 0) } },
	{ "mmap2", { BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), BITS(3, MAP_ANONYMOUS, 0) } },
	{ "mprotect", { BITS(2, PROT_EXEC, 0) } },

	{ "ioctl", { IS(1, FIONREAD) } },
	{ "ioctl", { IS(1, FIONBIO) } },
	{ "ioctl", { IS(1, TCGETS) } }, /* isatty(3) */
	{ "prctl", { IS(0, PR_SET_NAME) } },
	{ "prctl", { IS(0, PR_SET_VMA) } },
	{ "prctl", { IS(0, PR_GET_DUMPABLE) } },
	{ "prctl", { IS(0, PR_GET_NO_NEW_PRIVS) } },
	{ "prctl", { IS(0, PR_CAP_AMBIENT), IS(1, PR_CAP_AMBIENT_IS_SET) } },
	{ "prlimit64", { IS(2, 0) } }, /* asks, sets nothing */
};
/* clang-format on */

/* What this libseccomp or this architecture does not know cannot be needed. */
static int add(scmp_filter_ctx filter, uint32_t action, const struct rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->call);
	unsigned n = 0;

	while (n < RULE_ARGS && rule->arg[n].op != 0)
		n++;
	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, action, number, n, rule->arg);
}

static int add_all(scmp_filter_ctx filter)
{
	/* Its flags are in memory, out of sight; ENOSYS makes the C library use clone(2). */
	const struct rule unseen = { .call = "clone3" };
	/* abort(3) */
	const struct rule own_signals = { "tgkill", { IS(0, (scmp_datum_t)getpid()) } };
	int r = add(filter, SCMP_ACT_ERRNO(ENOSYS), &unseen);

	if (r == 0)
		r = add(filter, SCMP_ACT_ALLOW, &own_signals);
	for (size_t i = 0; r == 0 && i < TACIT_ARRAY_LEN(looked_at); i++)
		r = add(filter, SCMP_ACT_ALLOW, &looked_at[i]);
	for (size_t i = 0; r == 0 && i < TACIT_ARRAY_LEN(plain); i++) {
		const struct rule rule = { .call = plain[i] };

		r = add(filter, SCMP_ACT_ALLOW, &rule);
	}
	return r;
}

static int set_attributes(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0) /* a tree of numbers, not a list: windows are read many times a second */
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return r;
}

int tacit_confine_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? set_attributes(filter) : -ENOMEM;

	if (r == 0)
		r = add_all(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
