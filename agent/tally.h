/* SPDX-License-Identifier: MIT */
/*
 * tally - from what the kernel's slots hold to windows.
 *
 * A slot is one cgroup's vector of counters. The tally adds what was counted in it to the host
 * and to the service that the cgroup belongs to. It knows nothing of BPF. Per drain the sensor says
 * who owns the slots (own), has new owners looked up (resolve), adds what was counted (add), and
 * takes the windows (emit).
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
	unsigned slots;		   /* 1..TACIT_SLOTS_MAX, TACIT_SLOT_OTHER included */
	int root_fd;		   /* the cgroup hierarchy; borrowed for the tally's life */
	const char *host_class;	   /* at most TACIT_SCOPE_CLASS_MAX bytes */
	const char *const *ignore; /* see sensor.h */
	size_t ignore_count;
};

/* Returns 0 or -ENOMEM; *ret is owned by the caller, tacit_tally_free() it. */
TACIT_MUST_CHECK int tacit_tally_new(const struct tacit_tally_params *params,
				     struct tacit_tally **ret);

/* The cgroup that has @slot now; 0: none. TACIT_SLOT_OTHER is never owned. */
void tacit_tally_own(struct tacit_tally *tally, unsigned slot, uint64_t cgroup);

/* Finds the services of owners that are new. 0, -ENOMEM, or -E... when the hierarchy cannot be
 * read; may then be tried again. */
TACIT_MUST_CHECK int tacit_tally_resolve(struct tacit_tally *tally);

/* @increase was counted in @slot, on some processor. */
void tacit_tally_add(struct tacit_tally *tally, unsigned slot,
		     const uint64_t increase[TACIT_FEATURE_COUNT]);

/* System calls counted since the last emit, as they were seen. */
uint64_t tacit_tally_calls(const struct tacit_tally *tally);

/**
 * tacit_tally_find_gone - slots whose cgroups are no more, to be taken from them.
 * @has_tasks: the task pass is observed, so that only cgroups in which it met nobody need a look;
 *             else every cgroup is looked at in turn.
 * @gone: room for as many slots as there are.
 *
 * Call between add and emit. Returns the number in @gone.
 */
unsigned tacit_tally_find_gone(struct tacit_tally *tally, bool has_tasks, unsigned *gone);

/**
 * tacit_tally_emit - the windows of all that was added since the last call.
 * @frame: times, duty and observed probes, the same in every window; the rest is filled in, what
 * the deep tier saw scaled by the inverse of the duty.
 * @emit: NULL: nobody is interested, only begin anew.
 *
 * The host's first, then one for each service that runs or has counted something. Returns how many.
 */
unsigned tacit_tally_emit(struct tacit_tally *tally, const struct tacit_window *frame,
			  tacit_window_fn *emit, void *ctx);

/* Whether what happened in @slot is in the windows of @scope. */
bool tacit_tally_has(const struct tacit_tally *tally, unsigned slot, const char *scope);

/* NULL is fine. */
void tacit_tally_free(struct tacit_tally *tally);
TACIT_DEFINE_CLEANUP(struct tacit_tally, tacit_tally_free)

#endif /* TACIT_AGENT_TALLY_H */
