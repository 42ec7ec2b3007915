/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Which programs were started where, for whoever asks why a service was odd. Kept by name, the
 * least recent go; nothing is sent to userspace. Two processors that meet on one name in a new
 * window lose a start or two.
 */
#ifndef TACIT_BPF_NAMES_H
#define TACIT_BPF_NAMES_H

#include "scope.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TACIT_NAMES_MAX);
	__type(key, struct tacit_name);
	__type(value, struct tacit_starts);
} names __weak SEC(".maps");

/* The current process has just become another program. */
static __always_inline void note_start(__u32 slot)
{
	struct tacit_name name = { .slot = slot };
	struct tacit_starts first = { .starts = 1 }, *known;
	struct tacit_control *now;
	__u32 zero = 0;

	now = bpf_map_lookup_elem(&control, &zero);
	if (!now || bpf_get_current_comm(name.text, sizeof(name.text)))
		return;
	known = bpf_map_lookup_elem(&names, &name);
	if (!known) {
		first.first = first.last = now->window;
		bpf_map_update_elem(&names, &name, &first, BPF_ANY);
		return;
	}
	if (known->last != now->window) {
		known->before = known->last + 1 == now->window ? known->starts : 0;
		known->starts = 0;
		known->last = now->window;
	}
	__sync_fetch_and_add(&known->starts, 1);
}

#endif /* TACIT_BPF_NAMES_H */
