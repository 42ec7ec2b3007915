/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* The deep tier: every system call, by class. The hottest path of all, so the shortest. */
#include "scope.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define USER32_CS      0x23
#define PSR_MODE32_BIT 0x10

/* Number -> enum tacit_syscall_class, of this machine's native calls; filled in before loading. */
const volatile __u8 class_of[TACIT_SYSCALL_TABLE_LEN] = {};

/* 32-bit programs on a 64-bit kernel number their calls differently. */
static __always_inline bool is_compat(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->cs == USER32_CS;
#elif defined(__TARGET_ARCH_arm64)
	return regs->pstate & PSR_MODE32_BIT;
#else
	return false;
#endif
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_syscall, struct pt_regs *regs, long id)
{
	__u32 class = TACIT_SYSCALL_OTHER;
	__u64 number = id;

	if (number < TACIT_SYSCALL_TABLE_LEN && !is_compat(regs))
		class = class_of[number];
	count_plain(counters_of_current(), TACIT_FEATURE_SYSCALL_FIRST + class);
	return 0;
}
