/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Capabilities used and refused, and modules: the kernel tells them whatever call they came by. */
#include "scope.bpf.h"

/* include/uapi/linux/capability.h */
#define CHOWN		 (1ULL << 0)
#define DAC_OVERRIDE	 (1ULL << 1)
#define DAC_READ_SEARCH	 (1ULL << 2)
#define FOWNER		 (1ULL << 3)
#define FSETID		 (1ULL << 4)
#define KILL		 (1ULL << 5)
#define SETGID		 (1ULL << 6)
#define SETUID		 (1ULL << 7)
#define SETPCAP		 (1ULL << 8)
#define NET_BIND_SERVICE (1ULL << 10)
#define NET_BROADCAST	 (1ULL << 11)
#define NET_ADMIN	 (1ULL << 12)
#define NET_RAW		 (1ULL << 13)
#define SYS_MODULE	 (1ULL << 16)
#define SYS_RAWIO	 (1ULL << 17)
#define SYS_CHROOT	 (1ULL << 18)
#define SYS_PTRACE	 (1ULL << 19)
#define SYS_ADMIN	 (1ULL << 21)
#define SYS_BOOT	 (1ULL << 22)
#define SYS_TIME	 (1ULL << 25)
#define MKNOD		 (1ULL << 27)
#define SETFCAP		 (1ULL << 31)
#define SYSLOG		 (1ULL << 34)
#define PERFMON		 (1ULL << 38)
#define BPF		 (1ULL << 39)

/* The feature that using a capability stands for, or TACIT_FEATURE_COUNT. */
static __always_inline __u32 feature_of(__u64 capability)
{
	if (capability & SYS_ADMIN)
		return TACIT_FEATURE_PRIVILEGE_ADMIN;
	if (capability & (SETUID | SETGID | SETPCAP | SETFCAP))
		return TACIT_FEATURE_PRIVILEGE_SETID;
	if (capability & (DAC_OVERRIDE | DAC_READ_SEARCH | FOWNER | CHOWN | FSETID | MKNOD))
		return TACIT_FEATURE_PRIVILEGE_FILE;
	if (capability & (SYS_PTRACE | KILL | PERFMON | BPF))
		return TACIT_FEATURE_PRIVILEGE_TRACE;
	if (capability & (NET_BIND_SERVICE | NET_BROADCAST | NET_ADMIN | NET_RAW))
		return TACIT_FEATURE_PRIVILEGE_NETWORK;
	if (capability & (SYS_MODULE | SYS_RAWIO | SYS_BOOT | SYS_TIME | SYSLOG | SYS_CHROOT))
		return TACIT_FEATURE_PRIVILEGE_KERNEL;
	return TACIT_FEATURE_COUNT;
}

/* Every mmap asks for CAP_SYS_ADMIN, to see whether it may overcommit: being refused says nothing.
 */
SEC("tp_btf/cap_capable")
int BPF_PROG(on_capable, const void *cred, void *target, const void *owner, int capability,
	     int refused)
{
	__u64 bit = 1ULL << (capability & 63);

	if (refused && bit != SYS_ADMIN)
		count(counters_of_current(), TACIT_FEATURE_PRIVILEGE_DENIED, 1);
	else if (!refused)
		count(counters_of_current(), feature_of(bit), 1);
	return 0;
}

SEC("tp_btf/module_load")
int on_module_load(__u64 *ctx)
{
	count(counters_of_current(), TACIT_FEATURE_PRIVILEGE_MODULE_LOAD, 1);
	return 0;
}
