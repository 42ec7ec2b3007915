/* SPDX-License-Identifier: MIT */
/*
 * sensor - what this host's kernel counts, per service.
 *
 * Opening loads and attaches every BPF program of bpf/ on its own: one that this
 * kernel refuses leaves its features missing and is reported, no more. After that
 * nothing needs a privilege (kernel 5.19 and later): draining reads maps and an
 * iterator through descriptors that are already open.
 *
 * Not thread-safe. One sensor a process is enough; several do not disturb each other.
 */
#ifndef TACIT_AGENT_SENSOR_H
#define TACIT_AGENT_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/counters.h>
#include <tacit/error.h>
#include <tacit/feature.h>

#include "window.h"

#define TACIT_SENSOR_SERVICES_DEFAULT 512U
#define TACIT_SENSOR_WHY_LEN          256U

struct tacit_sensor;

/* A zeroed record asks for the light tier and every default. All pointers are borrowed for the
 * call of tacit_sensor_open() only. */
struct tacit_sensor_params {
	enum tacit_tier tier;
	unsigned services_max;  /* cgroups counted one by one, below TACIT_SLOTS_MAX; 0: default */
	const char *host_class; /* workload class of the whole host; NULL: "host" */
	const char *const *ignore; /* fnmatch(3) patterns of services that get no windows ... */
	size_t ignore_count;       /* ... of their own; the host's include them */
	const char *cgroup_root;   /* NULL: found in @mounts */
	const char *mounts;        /* NULL: "/proc/self/mounts" */
	const char *btf;           /* NULL: "/sys/kernel/btf/vmlinux" */
	/* NULL, or TACIT_PROBE_COUNT attach points ("tp_btf/NAME") that replace the table's where
	 * not NULL; how a test shows a kernel without them. */
	const char *const *attach;
};

/* What became of one probe. */
struct tacit_sensor_probe {
	bool observed;
	int error;       /* 0 when observed, else -E... */
	char why[128];   /* "this kernel has no tracepoint sock_send_length" */
	char remedy[96]; /* "Linux 6.3 or later has it"; may be empty */
};

struct tacit_sensor_status {
	enum tacit_tier tier; /* deep only when the system-call probe is observed */
	unsigned features_observed;
	unsigned features_total;
	unsigned slots_used; /* cgroups with a slot of their own */
	unsigned slots_max;
	unsigned services;                  /* that had a window in the last drain */
	uint64_t dropped[TACIT_DROP_COUNT]; /* since the sensor was opened */
	uint64_t map_bytes;                 /* kernel memory of the maps; 0: not told */
	uint64_t program_ns; /* time in the programs; 0 unless sysctl kernel.bpf_stats_enabled=1 */
	uint64_t drain_ns;   /* how long the last drain took */
	struct tacit_sensor_probe probe[TACIT_PROBE_COUNT];
};

/**
 * tacit_sensor_check - can this process sense this kernel?
 * @params: as for tacit_sensor_open().
 * @why: on failure, one sentence that names what is missing and how to get it; cut to @size.
 *
 * Looks only; loads nothing. Returns 0; -EPERM (capabilities), -EOPNOTSUPP (no BTF, or a kernel
 * without BPF) or -ENOENT (no cgroup2 hierarchy mounted). A program's exit code is then 3.
 */
TACIT_MUST_CHECK int tacit_sensor_check(const struct tacit_sensor_params *params, char *why,
					size_t size);

/**
 * tacit_sensor_open - load, attach and take the baseline.
 * @params: see above.
 * @ret: owned by the caller, tacit_sensor_close() it.
 * @why: on failure, a sentence as from tacit_sensor_check().
 *
 * Returns 0; what tacit_sensor_check() returns; -EINVAL (params), -ENOMEM; or the kernel's answer
 * to the first program when it refused them all. Does not log.
 */
TACIT_MUST_CHECK int tacit_sensor_open(const struct tacit_sensor_params *params,
				       struct tacit_sensor **ret, char *why, size_t size);

/**
 * tacit_sensor_drain - one window for the host and one for each service that did anything.
 * @emit: called with each window, the host's first; must not call back into @sensor.
 * @ctx: handed to @emit.
 *
 * A window covers the time since the last drain (or open). A service that is running has a window
 * even when it was idle; one that ended since has a last one. Needs no privilege.
 *
 * Returns the number of windows, or -E... with nothing emitted; what happened meanwhile is then in
 * the next drain's windows.
 */
TACIT_MUST_CHECK int tacit_sensor_drain(struct tacit_sensor *sensor, tacit_window_fn *emit,
					void *ctx);

/* Fills in @status; the figures of drops and slots are those of the last drain. */
void tacit_sensor_status(const struct tacit_sensor *sensor, struct tacit_sensor_status *status);

/* Detaches everything. NULL is fine. */
void tacit_sensor_close(struct tacit_sensor *sensor);
TACIT_DEFINE_CLEANUP(struct tacit_sensor, tacit_sensor_close)

#endif /* TACIT_AGENT_SENSOR_H */
