/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Whose event is it, and where is it counted. Every object declares these maps and
 * the agent makes them one (bpf_map__reuse_fd).
 *
 * Tracepoint programs are not preempted, only interrupted, and an interrupted one can
 * lose no more than its own addition; so what interrupts never count is added
 * plainly (count_plain), all else atomically.
 */
#ifndef TACIT_BPF_SCOPE_H
#define TACIT_BPF_SCOPE_H

#include "kernel.h"

#include <tacit/counters.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct tacit_counters);
} counters SEC(".maps");

/* The hierarchy's root, always; 0 is no cgroup at all. */
#define ROOT_CGROUP 1

/* cgroup id -> slot */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__type(key, __u64);
	__type(value, __u32);
} slots SEC(".maps");

/* slot -> cgroup id, 0: nobody. Userspace reads it as memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__uint(value_size, sizeof(__u32));
} free_slots SEC(".maps");

/* The slot this processor counted under last: a hint, believed only if `owners` agrees. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} last_slot SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TACIT_DROP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

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

static __always_inline struct tacit_counters *counters_of(__u64 cgroup)
{
	__u32 slot = slot_of(cgroup);

	return bpf_map_lookup_elem(&counters, &slot);
}

static __always_inline struct tacit_counters *counters_of_task(struct task_struct *task)
{
	return counters_of(task->cgroups->dfl_cgrp->kn->id);
}

/* Four loads cost a quarter of the helper that makes the same four. */
static __always_inline struct tacit_counters *counters_of_current(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return counters_of_task(bpf_get_current_task_btf());
	return counters_of(bpf_get_current_cgroup_id());
}

/* A socket's own cgroup: its packets are seldom handled by whoever owns it. */
static __always_inline struct tacit_counters *counters_of_sock(const struct sock *sk)
{
	unsigned char state;

	if (!sk)
		return counters_of(0);
	/* These two are smaller things that only look like a socket. */
	state = sk->__sk_common.skc_state;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV ||
	    !bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return counters_of(0);
	return counters_of(sk->sk_cgrp_data.cgroup->kn->id);
}

static __always_inline void count(struct tacit_counters *to, enum tacit_feature_id id, __u64 n)
{
	if (to && n)
		__sync_fetch_and_add(&to->count[id], n);
}

static __always_inline void count_plain(struct tacit_counters *to, __u32 id)
{
	if (to && id < TACIT_FEATURE_COUNT)
		to->count[id]++;
}

#endif /* TACIT_BPF_SCOPE_H */
