/* SPDX-License-Identifier: MIT */
/*
 * tally - from what the kernel's slots hold to windows.
 *
 * A slot is one cgroup's vector of counters. The tally remembers what it saw in each,
 * takes the increase, and adds it to the host and to the service that the cgroup
 * belongs to. It knows nothing of BPF: the sensor feeds it totals and owners.
 */
#ifndef TACIT_AGENT_TALLY_H
#define TACIT_AGENT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/counters.h>
#include <tacit/error.h>

#include "window.h"

struct tacit_tally;

/* Strings are copied. */
struct tacit_tally_params {
	unsigned slots;         /* 1..TACIT_SLOTS_MAX, TACIT_SLOT_OTHER included */
	int root_fd;            /* the cgroup2 hierarchy; borrowed for the tally's life */
	const char *host_class; /* at most TACIT_SCOPE_CLASS_MAX bytes */
	const char *const *ignore; /* see sensor.h */
	size_t ignore_count;
};

/* Returns 0 or -ENOMEM; *ret is owned by the caller, tacit_tally_free() it. */
TACIT_MUST_CHECK int tacit_tally_new(const struct tacit_tally_params *params,
				     struct tacit_tally **ret);

/* Where the sensor puts what @slot holds now, added up over the processors: TACIT_FEATURE_COUNT
 * counters that it has set to 0. Borrowed. */
uint64_t *tacit_tally_total(struct tacit_tally *tally, unsigned slot);

/* The cgroup that has @slot now; 0: none. */
void tacit_tally_own(struct tacit_tally *tally, unsigned slot, uint64_t cgroup);

/**
 * tacit_tally_resolve - find the services of new cgroups, and the cgroups that are gone.
 * @has_tasks: TACIT_PROBE_TASKS is observed, so a cgroup without tasks can be told; else every
 *             cgroup is looked at in turn.
 * @gone: room for as many slots as there are; to be taken from their owners.
 *
 * Returns the number in @gone, or -E... when the hierarchy cannot be read.
 */
TACIT_MUST_CHECK int tacit_tally_resolve(struct tacit_tally *tally, bool has_tasks,
					 unsigned *gone);

/**
 * tacit_tally_emit - the windows up to the totals that are there now.
 * @frame: times and observed probes, the same in every window; the rest is filled in.
 * @emit: NULL: nobody is interested, only begin anew.
 *
 * The host's first, then one for each service that runs or has counted something. A counter that
 * is behind what it was has no increase until it has caught up. Returns how many windows.
 */
unsigned tacit_tally_emit(struct tacit_tally *tally, const struct tacit_window *frame,
			  tacit_window_fn *emit, void *ctx);

/* NULL is fine. */
void tacit_tally_free(struct tacit_tally *tally);
TACIT_DEFINE_CLEANUP(struct tacit_tally, tacit_tally_free)

#endif /* TACIT_AGENT_TALLY_H */
