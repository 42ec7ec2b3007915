/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What the BPF programs and the agent share: one vector of counters per slot
 * and processor, who owns a slot, and what could not be counted where it belongs.
 *
 * A cgroup gets a slot the first time something happens in it. The programs add to the vectors
 * atomically and userspace, which has them as memory, exchanges them for zero: nothing that
 * happens during a drain is lost or counted twice, what has not been drained outlives the daemon,
 * and a slot can be handed on.
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
#define TACIT_SLOTS_MAX	 8192U

#define TACIT_SYSCALL_TABLE_LEN 512U /* numbers from here on count as TACIT_SYSCALL_OTHER */
#define TACIT_ERROR_TABLE_LEN	256U /* errors from here on are restarts: TACIT_ERROR_RETRY */

/* By what services are told apart. */
enum tacit_hierarchy {
	TACIT_HIERARCHY_UNIFIED, /* cgroup v2 */
	TACIT_HIERARCHY_LEGACY,	 /* cgroup v1, controller pids; sockets count for the host alone */
	TACIT_HIERARCHY_NONE,	 /* not at all: everything is the host's */
};

/* Value of the array `counters`, at processor * slots + slot. */
struct tacit_counters {
	__u64 count[TACIT_FEATURE_COUNT];
} __attribute__((aligned(64)));

/* Value of the array `touched`, one a processor: 1: it has counted in the slot since the drain. */
struct tacit_touched {
	__u8 slot[TACIT_SLOTS_MAX];
};

/* Index into the per-CPU array `drops`. */
enum tacit_drop {
	TACIT_DROP_SLOT,    /* events counted under TACIT_SLOT_OTHER for want of a slot */
	TACIT_DROP_STORAGE, /* tasks passed over for want of task storage */
	TACIT_DROP_WAKE,    /* times that userspace could not be woken */
	TACIT_DROP_COUNT,
};

/* The one value of the array `control`, which userspace has as memory. */
struct tacit_control {
	__u64 window;	 /* a number that every drain changes: sketches begin anew */
	__u64 allowance; /* hooked calls after which userspace wants to be woken */
	__u64 spent; /* hooked calls since userspace cleared it, to within a chunk a processor */
	__u64 chunk; /* calls that a processor makes between two additions to @spent */
	__u64 build; /* of the programs: who finds the map pinned checks it */
	__s64 drained_ms; /* boot clock: what is counted was counted since */
};

/* What a distinct count is made from; see bpf/sketch.bpf.h. */
enum tacit_sketch_id {
	TACIT_SKETCH_PEERS,
	TACIT_SKETCH_PORTS,
	TACIT_SKETCH_CLIENTS,
	TACIT_SKETCH_FOLDERS,
	TACIT_SKETCH_COUNT,
};

#define TACIT_SKETCH_WORDS 8U
#define TACIT_SKETCH_BITS  (TACIT_SKETCH_WORDS * 64U)

struct tacit_sketch {
	__u64 window; /* of struct tacit_control; another: empty */
	__u32 zeros;  /* bits not yet set */
	__u32 owed;   /* part of an item not yet counted, in 2^-16 */
	__u64 bits[TACIT_SKETCH_WORDS];
};

/* Value of the array `sketches`, indexed by slot. */
struct tacit_sketches {
	struct tacit_sketch sketch[TACIT_SKETCH_COUNT];
};

#define TACIT_NAMES_MAX	 2048U /* that are remembered, over all slots */
#define TACIT_NAME_BYTES 16U   /* TASK_COMM_LEN */

/* Key of the hash `names`: a program, and where it was started. */
struct tacit_name {
	__u32 slot;
	char text[TACIT_NAME_BYTES];
};

/* Its value. Windows are numbered as in struct tacit_control. */
struct tacit_starts {
	__u64 first, last; /* windows in which it was started */
	__u32 starts;	   /* in the last one ... */
	__u32 before;	   /* ... and in the window before that */
};

/* What a system call's number means: value of the table that the hook is loaded with. */
struct tacit_call {
	__u8 class;  /* enum tacit_syscall_class */
	__u8 family; /* enum tacit_syscall_family */
};

/* Value of the task storage `totals`: what of a task's own totals has been counted already. */
struct tacit_task_totals {
	__u64 run_ns;  /* at the last pass: did it run since? */
	__u64 cgroups; /* the kernel's address of its set of cgroups then ... */
	__u32 slot;    /* ... and the slot that meant */
	__u32 known;   /* 0: just created */
	__u64 started; /* start_boottime: whose totals these are, where only the task's number tells
			*/
	__u32 resident;
	__u32 swapped;
	__u32 root; /* its effective user is root */
	__u32 capable;
	__u64 run_us;
	__u64 user_us; /* user and system only split run_us: the kernel may count them in ticks */
	__u64 system_us;
	__u64 wait_us;
	__u64 runs;
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

_Static_assert(sizeof(struct tacit_counters) ==
		       (sizeof(__u64) * TACIT_FEATURE_COUNT + 63) / 64 * 64,
	       "shared with bpf/");
_Static_assert(sizeof(struct tacit_control) == 48, "shared with bpf/");
_Static_assert(sizeof(struct tacit_sketches) == 80 * TACIT_SKETCH_COUNT, "shared with bpf/");
_Static_assert(sizeof(struct tacit_name) == 20, "shared with bpf/");
_Static_assert(sizeof(struct tacit_starts) == 24, "shared with bpf/");
_Static_assert(sizeof(struct tacit_task_totals) == sizeof(__u64) * 21, "shared with bpf/");

#endif /* TACIT_COUNTERS_H */
