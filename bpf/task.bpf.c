/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What the kernel keeps of every task anyway: processor time, switches, faults, bytes.
 * The iterator, driven once a window, adds each task's increase to its service;
 * the exit of a task banks what it had done since the last pass.
 */
#include "scope.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Boot clock. An older task's first totals are its past, a younger one's are news. */
const volatile __u64 started_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tacit_task_totals);
} totals SEC(".maps");

/* The exit program and the iterator can meet on one task. Whoever swaps a total in counts the
 * increase, so together they count it once; the later one may have read earlier, and then takes
 * back what it is behind. */
static __always_inline __u64 increase(__u64 *counted, __u64 now)
{
	return *counted == now ? 0 : now - __sync_lock_test_and_set(counted, now);
}

#define COUNT_INCREASE(id, field, now) count(to, TACIT_FEATURE_##id, increase(&seen->field, (now)))

/* The run time is exact, user and system may be sampled at ticks: they say how to split it. */
static __always_inline void count_cpu(struct tacit_counters *to, struct tacit_task_totals *seen,
				      struct task_struct *task)
{
	__s64 run = increase(&seen->run_us, task->se.sum_exec_runtime / 1000);
	__s64 user = increase(&seen->user_us, task->utime / 1000);
	__s64 system = increase(&seen->system_us, task->stime / 1000);
	__u64 part = 0;

	if (run > 0 && system > 0 && user >= 0)
		part = (__u64)run * (__u64)system / (__u64)(user + system);
	count(to, TACIT_FEATURE_SCHED_CPU_SYSTEM, part);
	count(to, TACIT_FEATURE_SCHED_CPU_USER, run - part);
}

static __always_inline void count_increase(struct tacit_counters *to,
					   struct tacit_task_totals *seen, struct task_struct *task)
{
	count_cpu(to, seen, task);
	COUNT_INCREASE(SCHED_SWITCH_VOLUNTARY, switch_voluntary, task->nvcsw);
	COUNT_INCREASE(SCHED_SWITCH_INVOLUNTARY, switch_involuntary, task->nivcsw);
	COUNT_INCREASE(MEMORY_FAULT_MINOR, fault_minor, task->min_flt);
	COUNT_INCREASE(MEMORY_FAULT_MAJOR, fault_major, task->maj_flt);
	COUNT_INCREASE(FILE_READ_BYTES, read_bytes, task->ioac.rchar);
	COUNT_INCREASE(FILE_WRITE_BYTES, write_bytes, task->ioac.wchar);
	COUNT_INCREASE(FILE_READ_CALLS, read_calls, task->ioac.syscr);
	COUNT_INCREASE(FILE_WRITE_CALLS, write_calls, task->ioac.syscw);
	COUNT_INCREASE(FILE_STORAGE_READ, storage_read, task->ioac.read_bytes);
	COUNT_INCREASE(FILE_STORAGE_WRITE, storage_write, task->ioac.write_bytes);
}

static __always_inline void set_baseline(struct tacit_task_totals *seen, struct task_struct *task)
{
	seen->run_us = task->se.sum_exec_runtime / 1000;
	seen->user_us = task->utime / 1000;
	seen->system_us = task->stime / 1000;
	seen->switch_voluntary = task->nvcsw;
	seen->switch_involuntary = task->nivcsw;
	seen->fault_minor = task->min_flt;
	seen->fault_major = task->maj_flt;
	seen->read_bytes = task->ioac.rchar;
	seen->write_bytes = task->ioac.wchar;
	seen->read_calls = task->ioac.syscr;
	seen->write_calls = task->ioac.syscw;
	seen->storage_read = task->ioac.read_bytes;
	seen->storage_write = task->ioac.write_bytes;
}

/* Where the task's first totals are its past: it is older than the sensor. */
static __always_inline bool is_settled(struct tacit_task_totals *seen, struct task_struct *task)
{
	if (seen->known)
		return true;
	seen->known = 1;
	if (task->start_boottime >= started_ns)
		return true;
	set_baseline(seen, task);
	return false;
}

/* The index must be a constant for CO-RE. */
#define PAGES(mm, old, kind)                                                                       \
	(bpf_core_field_exists((old)->rss_stat.count) ? (old)->rss_stat.count[kind].counter        \
						      : (mm)->rss_stat[kind].count)

static __always_inline void count_resident(struct tacit_counters *to, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct mm_struct___5 *old = (void *)mm;
	__s64 pages;

	if (!mm || task->pid != task->tgid) /* threads share it */
		return;
	pages = PAGES(mm, old, MM_FILEPAGES) + PAGES(mm, old, MM_ANONPAGES) +
		PAGES(mm, old, MM_SHMEMPAGES);
	if (pages > 0) /* a rough figure: the rest is spread over the processors */
		count(to, TACIT_FEATURE_MEMORY_RESIDENT, pages);
}

static __always_inline void count_state(struct tacit_counters *to, struct task_struct *task)
{
	struct task_struct___5 *old = (void *)task;
	__u32 state = bpf_core_field_exists(old->state) ? old->state : task->__state;

	count(to, TACIT_FEATURE_SCHED_TASKS, 1);
	if (state == TASK_RUNNING)
		count(to, TACIT_FEATURE_SCHED_RUNNABLE, 1);
	else if ((state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE)
		count(to, TACIT_FEATURE_SCHED_BLOCKED, 1);
}

/* Most tasks sleep through a window. What has not run has the totals it had, and is where it was
 * unless somebody else moved it; not looking there is half the cost of a pass. */
static __always_inline void count_task(struct tacit_task_totals *seen, struct task_struct *task)
{
	bool ran = seen->run_ns != task->se.sum_exec_runtime;
	struct tacit_counters *to;
	__u32 slot;

	if (ran || seen->cgroups != (__u64)task->cgroups) {
		seen->cgroups = (__u64)task->cgroups;
		seen->slot = slot_of(task->cgroups->dfl_cgrp->kn->id);
	}
	slot = seen->slot;
	to = bpf_map_lookup_elem(&counters, &slot);
	count_state(to, task);
	count_resident(to, task);
	if (!ran)
		return;
	seen->run_ns = task->se.sum_exec_runtime;
	if (is_settled(seen, task))
		count_increase(to, seen, task);
}

SEC("iter/task")
int on_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tacit_task_totals *seen;

	/* From the moment it is exiting, its totals are on_task_exit's. */
	if (!task || task->flags & PF_EXITING)
		return 0;
	seen = bpf_task_storage_get(&totals, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (seen)
		count_task(seen, task);
	else
		count_drop(TACIT_DROP_STORAGE);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_task_exit, struct task_struct *task)
{
	struct tacit_task_totals *seen;

	seen = bpf_task_storage_get(&totals, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!seen)
		count_drop(TACIT_DROP_STORAGE);
	else if (is_settled(seen, task))
		count_increase(counters_of_task(task), seen, task);
	return 0;
}
