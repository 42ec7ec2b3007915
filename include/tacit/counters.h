/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What the BPF programs and the agent share: one vector of counters per slot
 * and processor, who owns a slot, and what could not be counted where it belongs.
 *
 * A cgroup gets a slot the first time something happens in it. Counters are never
 * zeroed: userspace remembers what it has seen and takes the increase, so nothing
 * that happens during a drain is lost, and a slot can be handed on.
 */
#ifndef TACIT_COUNTERS_H
#define TACIT_COUNTERS_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#include <tacit/feature.h>

/* Kernel threads, interrupts without an owner, the root cgroup, and every cgroup that found no
 * free slot: part of the host, of no service. */
#define TACIT_SLOT_OTHER 0U
#define TACIT_SLOTS_MAX  8192U

#define TACIT_SYSCALL_TABLE_LEN 512U /* numbers from here on count as TACIT_SYSCALL_OTHER */

/* Value of the per-CPU array `counters`, indexed by slot. */
struct tacit_counters {
	__u64 count[TACIT_FEATURE_COUNT];
};

/* Index into the per-CPU array `drops`. */
enum tacit_drop {
	TACIT_DROP_SLOT,    /* events counted under TACIT_SLOT_OTHER for want of a slot */
	TACIT_DROP_STORAGE, /* tasks passed over for want of task storage */
	TACIT_DROP_COUNT,
};

/* Value of the task storage `totals`: what of a task's own totals has been counted already. */
struct tacit_task_totals {
	__u64 run_ns;  /* at the last pass: did it run since? */
	__u64 cgroups; /* the kernel's address of its set of cgroups then ... */
	__u32 slot;    /* ... and the slot that meant */
	__u32 known;   /* 0: just created */
	__u64 run_us;
	__u64 user_us; /* user and system only split run_us: the kernel may count them in ticks */
	__u64 system_us;
	__u64 switch_voluntary;
	__u64 switch_involuntary;
	__u64 fault_minor;
	__u64 fault_major;
	__u64 read_bytes;
	__u64 write_bytes;
	__u64 read_calls;
	__u64 write_calls;
	__u64 storage_read;
	__u64 storage_write;
};

_Static_assert(sizeof(struct tacit_counters) == sizeof(__u64) * TACIT_FEATURE_COUNT,
	       "shared with bpf/");
_Static_assert(sizeof(struct tacit_task_totals) == sizeof(__u64) * 16, "shared with bpf/");

#endif /* TACIT_COUNTERS_H */
