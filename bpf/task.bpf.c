/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What the kernel keeps of every task anyway: processor time, switches, faults, bytes.
 * The iterator, driven once a window, adds each task's increase to its service;
 * the exit of a task banks what it had done since the last pass.
 */
#include "scope.bpf.h"

#define SHORT_WAIT_US  100
#define MEDIUM_WAIT_US 4000

/* Boot clock. An older task's first totals are its past, a younger one's are news. */
const volatile __u64 started_ns = 0;

#ifndef TASK_HASH

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tacit_task_totals);
} totals SEC(".maps");

static __always_inline struct tacit_task_totals *totals_of(struct task_struct *task)
{
	return bpf_task_storage_get(&totals, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline void forget(struct task_struct *task)
{
}

/* The exit program and the iterator can meet on one task. Whoever swaps a total in counts the
 * increase, so together they count it once; the later one may have read earlier, and then takes
 * back what it is behind. */
static __always_inline __u64 increase(__u64 *counted, __u64 now)
{
	return *counted == now ? 0 : now - __sync_lock_test_and_set(counted, now);
}

#else /* no task storage, and no exchange either: see task_hash.bpf.c */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASK_HASH);
	__type(key, __u32);
	__type(value, struct tacit_task_totals);
} totals_by_number SEC(".maps");

static __always_inline struct tacit_task_totals *totals_of(struct task_struct *task)
{
	struct tacit_task_totals *found, fresh = { .started = task->start_boottime };
	__u32 number = task->pid;

	found = bpf_map_lookup_elem(&totals_by_number, &number);
	if (found && found->started == fresh.started)
		return found;
	if (bpf_map_update_elem(&totals_by_number, &number, &fresh, BPF_ANY))
		return NULL;
	return bpf_map_lookup_elem(&totals_by_number, &number);
}

static __always_inline void forget(struct task_struct *task)
{
	__u32 number = task->pid;

	bpf_map_delete_elem(&totals_by_number, &number);
}

static __always_inline __u64 increase(__u64 *counted, __u64 now)
{
	__u64 more = now - *counted;

	*counted = now;
	return more;
}

#endif

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

/* How long a task waited for a processor each time it got one, on average since the last pass. */
static __always_inline void count_waits(struct tacit_counters *to, struct tacit_task_totals *seen,
					struct task_struct *task)
{
	__s64 wait = increase(&seen->wait_us, task->sched_info.run_delay / 1000);
	__s64 runs = increase(&seen->runs, task->sched_info.pcount);

	count(to, TACIT_FEATURE_SCHED_WAIT, wait);
	if (runs <= 0 || wait < 0)
		return;
	if (wait < runs * SHORT_WAIT_US)
		count(to, TACIT_FEATURE_SCHED_DELAY_SHORT, runs);
	else if (wait < runs * MEDIUM_WAIT_US)
		count(to, TACIT_FEATURE_SCHED_DELAY_MEDIUM, runs);
	else
		count(to, TACIT_FEATURE_SCHED_DELAY_LONG, runs);
}

static __always_inline void count_increase(struct tacit_counters *to,
					   struct tacit_task_totals *seen, struct task_struct *task)
{
	count_cpu(to, seen, task);
	count_waits(to, seen, task);
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
	seen->wait_us = task->sched_info.run_delay / 1000;
	seen->runs = task->sched_info.pcount;
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

/* The index must be a constant for CO-RE. Before 6.2 the verifier loses the way at atomic_long_t.
 */
#define PAGES(mm, old, kind)                                                                       \
	(bpf_core_field_exists((old)->rss_stat.count)                                              \
		 ? BPF_CORE_READ(old, rss_stat.count[kind].counter)                                \
		 : (mm)->rss_stat[kind].count)

static __always_inline __u32 not_negative(__s64 pages)
{
	return pages > 0 ? pages : 0; /* rough figures: the rest is spread over the processors */
}

static __always_inline void look_at_memory(struct tacit_task_totals *seen, struct mm_struct *mm)
{
	struct mm_struct___5 *old = (void *)mm;

	seen->resident = not_negative(PAGES(mm, old, MM_FILEPAGES) + PAGES(mm, old, MM_ANONPAGES) +
				      PAGES(mm, old, MM_SHMEMPAGES));
	seen->swapped = not_negative(PAGES(mm, old, MM_SWAPENTS));
}

static __always_inline void look_at_rights(struct tacit_task_totals *seen, const struct cred *cred)
{
	const struct cred___6 *old = (const void *)cred;
	__u64 held = bpf_core_field_exists(old->cap_effective.cap)
			     ? old->cap_effective.cap[0] | old->cap_effective.cap[1]
			     : cred->cap_effective.val;

	seen->root = cred->euid.val == 0;
	seen->capable = cred->euid.val != 0 && held != 0;
}

/* What only a task that runs can change (but for its memory being taken from it): looking there for
 * those that sleep would be half the cost of a pass. Threads share it; their leader is asked. */
static __always_inline void look(struct tacit_task_totals *seen, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (!mm || task->pid != task->tgid)
		return;
	look_at_memory(seen, mm);
	look_at_rights(seen, task->cred);
}

static __always_inline void count_gauges(struct tacit_counters *to,
					 const struct tacit_task_totals *seen,
					 struct task_struct *task)
{
	struct task_struct___5 *old = (void *)task;
	__u32 state = bpf_core_field_exists(old->state) ? old->state : task->__state;

	count(to, TACIT_FEATURE_SCHED_TASKS, 1);
	if (state == TASK_RUNNING)
		count(to, TACIT_FEATURE_SCHED_RUNNABLE, 1);
	else if ((state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE)
		count(to, TACIT_FEATURE_SCHED_BLOCKED, 1);
	if (task->ptrace)
		count(to, TACIT_FEATURE_PRIVILEGE_TRACED_TASKS, 1);
	if (task->pid != task->tgid)
		return;
	count(to, TACIT_FEATURE_SCHED_PROCESSES, 1);
	count(to, TACIT_FEATURE_MEMORY_RESIDENT, seen->resident);
	count(to, TACIT_FEATURE_MEMORY_SWAPPED, seen->swapped);
	count(to, TACIT_FEATURE_PRIVILEGE_ROOT_TASKS, seen->root);
	count(to, TACIT_FEATURE_PRIVILEGE_CAPABLE_TASKS, seen->capable);
}

/* Most tasks sleep through a window. What has not run has the totals it had, and is where it was
 * unless somebody else moved it. */
static __always_inline void count_task(struct tacit_task_totals *seen, struct task_struct *task)
{
	bool ran = seen->run_ns != task->se.sum_exec_runtime;
	struct tacit_counters *to;

	if (ran || seen->cgroups != (__u64)task->cgroups) {
		seen->cgroups = (__u64)task->cgroups;
		seen->slot = slot_of(cgroup_of_task(task));
	}
	if (ran)
		look(seen, task);
	to = counters_at(seen->slot);
	count_gauges(to, seen, task);
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
	seen = totals_of(task);
	if (seen)
		count_task(seen, task);
	else
		count_drop(TACIT_DROP_STORAGE);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_task_exit, struct task_struct *task)
{
	struct tacit_task_totals *seen = totals_of(task);

	if (!seen)
		count_drop(TACIT_DROP_STORAGE);
	else if (is_settled(seen, task))
		count_increase(counters_of_task(task), seen, task);
	forget(task);
	return 0;
}
