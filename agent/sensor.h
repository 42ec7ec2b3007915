/* SPDX-License-Identifier: MIT */
/*
 * sensor - what this host's kernel counts, per service.
 *
 * Opening loads and attaches every BPF program of bpf/: one that this kernel refuses leaves its
 * features missing and is reported, no more. After that nothing needs a privilege (kernel 5.19 and
 * later): draining reads maps that are memory, drives an iterator through a descriptor that is
 * already open, and the system-call hook is attached and detached by its program's descriptor.
 *
 * With a pin folder the light tier goes on counting while there is no daemon, and the next sensor
 * takes it over with all it has counted; the hook, which alone costs a system call anything, ends
 * with the sensor.
 *
 * Not thread-safe. One sensor a process is enough; several without a pin folder do not disturb each
 * other.
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

#include "process.h"
#include "window.h"

#define TACIT_SENSOR_SERVICES_DEFAULT 512U
#define TACIT_SENSOR_WHY_LEN	      256U

struct tacit_sensor;

/* A zeroed record asks for the light tier and every default. All pointers are borrowed for the
 * call of tacit_sensor_open() only. */
struct tacit_sensor_params {
	enum tacit_tier tier;
	unsigned services_max;	/* cgroups counted one by one, below TACIT_SLOTS_MAX; 0: default */
	const char *host_class; /* workload class of the whole host; NULL: "host" */
	const char *const *ignore; /* fnmatch(3) patterns of services that get no windows ... */
	size_t ignore_count;	   /* ... of their own; the host's include them */
	/* Share of one processor, in per cent, that the sensor may cost; the hook is detached for
	 * part of the time so that it does not cost more. 0: no limit. */
	double overhead_budget_pct;
	uint32_t window_ms;  /* how often it will be drained; 0: 1,000 */
	const char *pin_dir; /* in a BPF file system; made if missing. NULL: nothing is pinned */
	const char *cgroup_root; /* NULL: found in @mounts */
	const char *mounts;	 /* NULL: "/proc/self/mounts" */
	const char *btf;	 /* NULL: "/sys/kernel/btf/vmlinux" */
	/* NULL, or TACIT_PROBE_COUNT attach points ("tp_btf/NAME") that replace the table's where
	 * not NULL; how a test shows a kernel without them. */
	const char *const *attach;
};

/* What became of one probe. */
struct tacit_sensor_probe {
	bool observed;
	int error; /* 0 when observed, else -E... */
	/* Instructions the verifier went through for its programs; 0: not told (before Linux 5.16)
	 */
	uint32_t instructions;
	char why[128];	 /* "this kernel has no tracepoint sock_send_length" */
	char remedy[96]; /* "Linux 6.3 or later has it"; may be empty */
};

struct tacit_sensor_status {
	enum tacit_tier tier; /* deep only when the system-call probe is observed */
	enum tacit_hierarchy hierarchy;
	unsigned features_observed;
	unsigned features_total;
	unsigned slots_used; /* cgroups with a slot of their own */
	unsigned slots_max;
	unsigned services;		    /* that had a window in the last drain */
	uint64_t dropped[TACIT_DROP_COUNT]; /* since the sensor was opened */
	uint64_t map_bytes;		    /* kernel memory of the maps; 0: not told */
	uint64_t program_ns;  /* time in the programs; 0 unless sysctl kernel.bpf_stats_enabled=1 */
	uint64_t drain_ns;    /* how long the last drain took */
	double budget_pct;    /* as asked for; 0: no limit */
	double last_cost_pct; /* of one processor, in the last window ... */
	double cost_pct;      /* of one processor, over the last ten windows or so */
	double call_ns; /* what a hooked system call costs more than another, measured at open */
	unsigned duty_permille; /* share of the last window during which the hook was attached */
	uint64_t open_ns;	/* how long loading and attaching took */
	bool adopted;		/* the counters of an earlier sensor were taken over */
	bool pinned;		/* the next one can take over these */
	char pin_why[128];	/* why not; empty when nobody asked */
	struct tacit_sensor_probe probe[TACIT_PROBE_COUNT];
};

/**
 * tacit_sensor_check - can this process sense this kernel?
 * @params: as for tacit_sensor_open().
 * @why: on failure, one sentence that names what is missing and how to get it; cut to @size.
 *
 * Looks only; loads nothing. Returns 0; -EPERM (capabilities) or -EOPNOTSUPP (no BTF, or a kernel
 * without BPF). A program's exit code is then 3. A host without cgroups can be sensed, as one
 * scope.
 */
TACIT_MUST_CHECK int tacit_sensor_check(const struct tacit_sensor_params *params, char *why,
					size_t size);

/**
 * tacit_sensor_open - load, attach and take the baseline.
 * @params: see above.
 * @ret: owned by the caller, tacit_sensor_close() it.
 * @why: on failure, a sentence as from tacit_sensor_check().
 *
 * Returns 0; what tacit_sensor_check() returns; -EINVAL (params), -ENOMEM; -EBUSY (another sensor
 * has the pin folder); or the kernel's answer to the first program when it refused them all. Does
 * not log.
 */
TACIT_MUST_CHECK int tacit_sensor_open(const struct tacit_sensor_params *params,
				       struct tacit_sensor **ret, char *why, size_t size);

/**
 * tacit_sensor_drain - one window for the host and one for each service that did anything.
 * @emit: called with each window, the host's first; must not call back into @sensor.
 * @ctx: handed to @emit.
 *
 * A window covers the time since the last drain, that of an earlier sensor included whose counters
 * were taken over. A service that is running has a window even when it was idle; one that ended
 * since has a last one. What the hook saw is scaled to the whole window. Needs no privilege, but
 * before Linux 5.19 CAP_BPF: tacit_sensor_try() tells.
 *
 * Returns the number of windows, or -E... with nothing emitted; what happened meanwhile is then in
 * the next drain's windows.
 */
TACIT_MUST_CHECK int tacit_sensor_drain(struct tacit_sensor *sensor, tacit_window_fn *emit,
					void *ctx);

/**
 * tacit_sensor_processes - the programs that a scope started in the last windows.
 * @scope: that one of the last drain's windows had; "host": all.
 * @windows: how many of them, 1 or 2; new are names that were first seen in these.
 * @ret: room for @max, the most telling first.
 *
 * For an alarm: reads all that is remembered. May be called while a drain emits. Returns how many,
 * -ENOMEM, or what the kernel says.
 */
TACIT_MUST_CHECK int tacit_sensor_processes(struct tacit_sensor *sensor, const char *scope,
					    unsigned windows, struct tacit_process *ret,
					    size_t max);

/* Becomes readable when tacit_sensor_turn() wants to be called at once; -1: never. Borrowed. */
int tacit_sensor_wake_fd(const struct tacit_sensor *sensor);

/* Attaches or detaches the hook if that is due. Returns milliseconds until it next may be, or -1:
 * not before the next drain. */
int64_t tacit_sensor_turn(struct tacit_sensor *sensor);

/**
 * tacit_sensor_forget - remove what an earlier sensor has pinned, and with it its programs.
 * @pin_dir: as in the params.
 *
 * Returns the number of things removed, 0 when there is no such folder; -EBUSY while a sensor has
 * it; or what the system says.
 */
TACIT_MUST_CHECK int tacit_sensor_forget(const char *pin_dir);

/* Reads one number as a drain does: 0, or what the kernel says; -EPERM to those who lack CAP_BPF
 * before Linux 5.19. */
TACIT_MUST_CHECK int tacit_sensor_try(struct tacit_sensor *sensor);

/* Fills in @status; the figures of drops and slots are those of the last drain. */
void tacit_sensor_status(const struct tacit_sensor *sensor, struct tacit_sensor_status *status);

/* Detaches everything but what is pinned. NULL is fine. */
void tacit_sensor_close(struct tacit_sensor *sensor);
TACIT_DEFINE_CLEANUP(struct tacit_sensor, tacit_sensor_close)

#endif /* TACIT_AGENT_SENSOR_H */
