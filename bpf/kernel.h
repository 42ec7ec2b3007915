/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The few kernel types and fields that the programs read. CO-RE finds their real
 * places when a program is loaded, so neither order nor neighbours matter here, and
 * the build needs no BTF. A name that ends in ___word is another kernel's form of
 * the same type.
 */
#ifndef TACIT_BPF_KERNEL_H
#define TACIT_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum {
	false,
	true,
};

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#define NULL ((void *)0)

/* include/uapi/linux/bpf.h, which wants headers of the build machine's C library */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_STACK = 23,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_F_NO_PREALLOC = 1U << 0,
	BPF_F_MMAPABLE = 1U << 10,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158, /* 5.11 and later */
};

/* include/linux/sched.h, include/uapi/linux/sched.h */
#define PF_EXITING	     0x00000004
#define TASK_RUNNING	     0x0000
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_NOLOAD	     0x0400 /* sleeps so, but waits for nothing: an idle kernel thread */

#define CLONE_THREAD 0x00010000
#define CLONE_NEW_ANY                                                                              \
	(0x00020000 /* mount */ | 0x02000000 /* cgroup */ | 0x04000000 /* uts */ |                 \
	 0x08000000 /* ipc */ | 0x10000000 /* user */ | 0x20000000 /* pid */ |                     \
	 0x40000000 /* net */)

/* include/linux/fs.h, include/uapi/linux/stat.h */
#define FMODE_WRITE   0x2
#define FMODE_CREATED 0x100000
#define S_IWOTH	      0002

#define PROT_WRITE 0x2
#define PROT_EXEC  0x4

#define EAGAIN 11

#define AF_INET	 2
#define AF_INET6 10

#define SOCK_RAW    3
#define SOCK_PACKET 10

/* include/uapi/asm-generic/signal.h; the same numbers on x86 and arm64 */
#define SIGILL	4
#define SIGTRAP 5
#define SIGBUS	7
#define SIGFPE	8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15
#define SIGCHLD 17
#define SIGSYS	31

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
	TCP_NEW_SYN_RECV = 12,
};

/* include/linux/blk_types.h */
#define REQ_OP_MASK  0xffU
#define REQ_OP_READ  0
#define REQ_OP_WRITE 1

/* include/linux/mm_types_task.h */
enum {
	MM_FILEPAGES = 0,
	MM_ANONPAGES = 1,
	MM_SWAPENTS = 2,
	MM_SHMEMPAGES = 3,
};

/* include/linux/cgroup_subsys.h; CO-RE finds the kernel's number */
enum cgroup_subsys_id {
	pids_cgrp_id = 11,
};

/* Whether this kernel has the helper @name, which tells its age. */
#define has_helper(name) bpf_core_enum_value_exists(enum bpf_func_id, name)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	__u64 val;
} kernel_cap_t;

struct cred {
	kuid_t euid;
	kernel_cap_t cap_effective;
};

typedef struct {
	__u32 cap[2];
} kernel_cap_t___6; /* before 6.3 */

struct cred___6 {
	kernel_cap_t___6 cap_effective;
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	unsigned int i_nlink;
};

struct dentry {
	struct dentry *d_parent;
	struct inode *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	unsigned int f_mode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
};

struct task_io_accounting {
	__u64 rchar;
	__u64 wchar;
	__u64 syscr;
	__u64 syscw;
	__u64 read_bytes;
	__u64 write_bytes;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	struct percpu_counter rss_stat[4];
};

typedef struct {
	__s64 counter;
} atomic_long_t;

struct mm_rss_stat___5 { /* before 6.2 */
	atomic_long_t count[4];
};

struct mm_struct___5 {
	struct mm_rss_stat___5 rss_stat;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	unsigned int ptrace;
	int exit_code;
	int pid;
	int tgid;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct css_set *cgroups;
	const struct cred *cred;
	struct files_struct *files;
	struct sched_info sched_info;
	struct sched_entity se;
	struct task_io_accounting ioac;
};

struct task_struct___5 { /* before 5.14 */
	long state;
};

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long dx;
	unsigned long orig_ax;
	unsigned long cs;
#elif defined(__TARGET_ARCH_arm64)
	__u64 regs[31];
	__u64 pstate;
	__s32 syscallno;
#endif
};

struct linux_binprm {
	unsigned int secureexec : 1;
	struct file *file;
	const char *filename;
	const char *interp;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* 5.15 and later */
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
};

struct tcp_sock {
	__u64 bytes_sent;
	__u64 bytes_received;
};

struct sk_buff {
	unsigned int len;
	struct sock *sk;
};

struct request {
	unsigned int cmd_flags;
	unsigned int __data_len;
	__u64 start_time_ns;
};

/* Events as user space is told them. The programs see none; that a field is there tells of the form
 * that the tracepoint's own arguments have. */
struct trace_event_raw_sched_process_exit {
	bool group_dead; /* 6.16 and later */
};

struct trace_event_raw_mark_victim {
	unsigned int uid; /* 6.8 and later */
};

struct bpf_iter__task {
	struct task_struct *task;
};

#pragma clang attribute pop

#endif /* TACIT_BPF_KERNEL_H */
