/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Whose event is it, and where is it counted. Every object declares these maps; linked into one
 * they are the same (weak), and an object that is loaded on its own is given them.
 *
 * Tracepoint programs are not preempted, only interrupted. What they add, they add atomically:
 * userspace takes it away meanwhile.
 */
#ifndef TACIT_BPF_SCOPE_H
#define TACIT_BPF_SCOPE_H

#include "kernel.h"

#include <tacit/counters.h>

char LICENSE[] __weak SEC("license") = "Dual MIT/GPL";

/* The length of a processor's row in `counters`; set before loading. */
const volatile __u32 slot_count __weak = TACIT_SLOTS_MAX;

/* By what services are told apart: enum tacit_hierarchy. */
const volatile __u32 hierarchy __weak = TACIT_HIERARCHY_UNIFIED;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* slot_count times the processors */
	__type(key, __u32);
	__type(value, struct tacit_counters);
} counters __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the processors */
	__type(key, __u32);
	__type(value, struct tacit_touched);
} touched __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tacit_control);
} control __weak SEC(".maps");

/* The hierarchy's root, always; 0 is no cgroup at all. */
#define ROOT_CGROUP 1

/* cgroup id -> slot */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__type(key, __u64);
	__type(value, __u32);
} slots __weak SEC(".maps");

/* slot -> cgroup id, 0: nobody. Userspace has it as memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} owners __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__uint(value_size, sizeof(__u32));
} free_slots __weak SEC(".maps");

/* The slot this processor counted under last: a hint, believed only if `owners` agrees. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} last_slot __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TACIT_DROP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} drops __weak SEC(".maps");

static __always_inline void count_drop(__u32 which)
{
	__u64 *drop = bpf_map_lookup_elem(&drops, &which);

	if (drop)
		__sync_fetch_and_add(drop, 1);
}

/* First event of a cgroup: takes a slot off the stack. Another processor may be first. */
static __noinline __u32 slot_take(__u64 cgroup)
{
	__u32 slot = TACIT_SLOT_OTHER, *known;

	if (bpf_map_pop_elem(&free_slots, &slot)) {
		count_drop(TACIT_DROP_SLOT);
		return TACIT_SLOT_OTHER;
	}
	if (!bpf_map_update_elem(&slots, &cgroup, &slot, BPF_NOEXIST)) {
		__u64 *owner = bpf_map_lookup_elem(&owners, &slot);

		if (owner)
			*owner = cgroup;
		return slot;
	}
	bpf_map_push_elem(&free_slots, &slot, 0);
	known = bpf_map_lookup_elem(&slots, &cgroup);
	return known ? *known : TACIT_SLOT_OTHER;
}

static __always_inline __u32 slot_of(__u64 cgroup)
{
	__u32 zero = 0, *last, *known, slot;
	__u64 *owner;

	if (cgroup <= ROOT_CGROUP)
		return TACIT_SLOT_OTHER;
	last = bpf_map_lookup_elem(&last_slot, &zero);
	if (!last)
		return TACIT_SLOT_OTHER;
	slot = *last;
	owner = bpf_map_lookup_elem(&owners, &slot);
	if (owner && *owner == cgroup)
		return slot;
	known = bpf_map_lookup_elem(&slots, &cgroup);
	slot = known ? *known : slot_take(cgroup);
	*last = slot;
	return slot;
}

/* The path to a v1 cgroup cannot be followed by types alone: its number is the kernel's. */
static __noinline __u64 legacy_cgroup_of(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct cgroup_subsys_state *state = NULL;
	__u32 at = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);

	if (bpf_probe_read_kernel(&state, sizeof(state),
				  (char *)set + bpf_core_field_offset(set->subsys) +
					  at * sizeof(state)))
		return 0;
	return BPF_CORE_READ(state, cgroup, kn, id);
}

static __always_inline __u64 cgroup_of_task(struct task_struct *task)
{
	if (hierarchy == TACIT_HIERARCHY_UNIFIED)
		return task->cgroups->dfl_cgrp->kn->id;
	return hierarchy == TACIT_HIERARCHY_LEGACY ? legacy_cgroup_of(task) : 0;
}

/* Four loads cost a quarter of the helper that makes the same four. */
static __always_inline __u64 cgroup_of_current(void)
{
	if (has_helper(BPF_FUNC_get_current_task_btf))
		return cgroup_of_task(bpf_get_current_task_btf());
	return hierarchy == TACIT_HIERARCHY_UNIFIED ? bpf_get_current_cgroup_id() : 0;
}

/* A socket's own cgroup: its packets are seldom handled by whoever owns it. Sockets know the v2
 * hierarchy alone. */
static __always_inline __u64 cgroup_of_sock(const struct sock *sk)
{
	unsigned char state;

	if (!sk || hierarchy != TACIT_HIERARCHY_UNIFIED)
		return 0;
	/* These two are smaller things that only look like a socket. */
	state = sk->__sk_common.skc_state;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV ||
	    !bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0;
	return sk->sk_cgrp_data.cgroup->kn->id;
}

/* The counters that @cpu, this processor, has of @slot, and a note that they were used. @at: where
 * they are. */
static __always_inline struct tacit_counters *counters_of(__u32 cpu, __u32 slot, __u32 at)
{
	struct tacit_touched *row = bpf_map_lookup_elem(&touched, &cpu);

	if (row && slot < TACIT_SLOTS_MAX)
		row->slot[slot] = 1;
	return bpf_map_lookup_elem(&counters, &at);
}

static __always_inline struct tacit_counters *counters_at(__u32 slot)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return counters_of(cpu, slot, cpu * slot_count + slot);
}

static __always_inline struct tacit_counters *counters_of_host(void)
{
	return counters_at(TACIT_SLOT_OTHER);
}

static __always_inline struct tacit_counters *counters_of_task(struct task_struct *task)
{
	return counters_at(slot_of(cgroup_of_task(task)));
}

static __always_inline struct tacit_counters *counters_of_current(void)
{
	return counters_at(slot_of(cgroup_of_current()));
}

static __always_inline struct tacit_counters *counters_of_sock(const struct sock *sk)
{
	return counters_at(slot_of(cgroup_of_sock(sk)));
}

static __always_inline void count(struct tacit_counters *to, __u32 feature, __u64 n)
{
	if (to && n && feature < TACIT_FEATURE_COUNT)
		__sync_fetch_and_add(&to->count[feature], n);
}

#endif /* TACIT_BPF_SCOPE_H */
