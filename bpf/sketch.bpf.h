/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * How many different things: a bitmap of hashes per slot and window. The item that
 * sets one of z clear bits out of m stands for m/z items, as many more will have met a bit
 * that was set (Ting, "Streamed approximate counting of distinct elements", KDD 2014, for linear
 * counting). Exact to a few per cent up to about 1,500 items, and never above m ln m.
 *
 * Processors share a sketch without a lock: two that meet in one word count an item twice at worst.
 */
#ifndef TACIT_BPF_SKETCH_H
#define TACIT_BPF_SKETCH_H

#include "scope.bpf.h"

#define ONE_ITEM (1U << 16)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TACIT_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct tacit_sketches);
} sketches __weak SEC(".maps");

/* The finalizer of MurmurHash3. */
static __always_inline __u64 mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static __always_inline void begin_sketch(struct tacit_sketch *sketch, __u64 window)
{
	sketch->window = window;
	sketch->zeros = TACIT_SKETCH_BITS;
	sketch->owed = 0;
	__builtin_memset(sketch->bits, 0, sizeof(sketch->bits));
}

/* How many items @item stands for: 0 when it was there. */
static __always_inline __u32 sketch_add(struct tacit_sketch *sketch, __u64 item)
{
	__u64 hash = mix(item), bit = 1ULL << (hash & 63);
	__u64 *word = &sketch->bits[hash >> 6 & (TACIT_SKETCH_WORDS - 1)];
	__u32 zeros = sketch->zeros, owed;

	if (*word & bit || zeros == 0)
		return 0;
	*word |= bit;
	owed = sketch->owed + ONE_ITEM * TACIT_SKETCH_BITS / zeros;
	sketch->zeros = zeros - 1;
	sketch->owed = owed % ONE_ITEM;
	return owed / ONE_ITEM;
}

static __always_inline void count_distinct(struct tacit_counters *to, __u32 slot,
					   enum tacit_sketch_id id, __u32 feature, __u64 item)
{
	struct tacit_sketches *all = bpf_map_lookup_elem(&sketches, &slot);
	__u32 zero = 0;
	struct tacit_control *now = bpf_map_lookup_elem(&control, &zero);

	if (!all || !now)
		return;
	if (all->sketch[id].window != now->window)
		begin_sketch(&all->sketch[id], now->window);
	count(to, feature, sketch_add(&all->sketch[id], item));
}

#endif /* TACIT_BPF_SKETCH_H */
