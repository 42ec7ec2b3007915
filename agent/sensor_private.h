/* SPDX-License-Identifier: MIT */
/* What the files of the sensor share; nobody else includes this. */
#ifndef TACIT_AGENT_SENSOR_PRIVATE_H
#define TACIT_AGENT_SENSOR_PRIVATE_H

#include "sensor.h"

#include "tally.h"

/* Programs beside the probes' own: what banks an ending task's totals. */
#define TACIT_SENSOR_PROGRAMS_MAX (TACIT_PROBE_COUNT + 1)

/* The maps that all objects share, by descriptor. */
enum tacit_sensor_map {
	TACIT_MAP_COUNTERS,
	TACIT_MAP_SLOTS,
	TACIT_MAP_OWNERS,
	TACIT_MAP_FREE_SLOTS,
	TACIT_MAP_LAST_SLOT,
	TACIT_MAP_DROPS,
	TACIT_MAP_COUNT,
};

extern const char *const tacit_sensor_map_name[TACIT_MAP_COUNT];

struct tacit_sensor {
	enum tacit_tier tier;
	int root_fd; /* of the cgroup hierarchy */
	int map_fd[TACIT_MAP_COUNT];
	int link_fd[TACIT_SENSOR_PROGRAMS_MAX];
	int program_fd[TACIT_SENSOR_PROGRAMS_MAX];
	unsigned programs;
	int task_link_fd; /* one of link_fd; -1: no iterator */
	struct tacit_sensor_probe probe[TACIT_PROBE_COUNT];

	unsigned slots; /* slot 0 included */
	unsigned cpus;
	uint64_t *owners; /* the map `owners`, as memory */
	uint64_t *owned;  /* what the tally was told of them */
	struct tacit_tally *tally;
	struct tacit_counters *chunk; /* one batch of look-ups, @cpus vectors a slot */
	uint32_t *chunk_key;
	unsigned high;     /* slots from here on have never been used */
	unsigned *gone;    /* slots whose cgroups ended in the window being drained ... */
	unsigned *resting; /* ... and in the one before, free after this drain */
	unsigned goners, resters;

	int64_t drained_ms;                /* boot clock */
	struct tacit_sensor_status status; /* as of the last drain */
};

/* Slots in one batch look-up: large enough to be few calls, small enough for the cache. */
#define TACIT_SENSOR_CHUNK 32U

/* The programs write them meanwhile. */
static inline uint64_t tacit_sensor_owner(const struct tacit_sensor *sensor, uint32_t slot)
{
	return __atomic_load_n(&sensor->owners[slot], __ATOMIC_RELAXED);
}

static inline void tacit_sensor_set_owner(struct tacit_sensor *sensor, uint32_t slot,
					  uint64_t cgroup)
{
	__atomic_store_n(&sensor->owners[slot], cgroup, __ATOMIC_RELAXED);
}

/* Loads and attaches whatever this kernel takes, over the maps in @sensor; fills in its probes,
 * links and programs. 0; the kernel's answer to the first probe when it refused all; -ENOMEM. */
TACIT_MUST_CHECK int tacit_sensor_load(struct tacit_sensor *sensor,
				       const struct tacit_sensor_params *params);

/* Brings the tally up to what the kernel's slots hold now. */
TACIT_MUST_CHECK int tacit_sensor_collect(struct tacit_sensor *sensor);

#endif /* TACIT_AGENT_SENSOR_PRIVATE_H */
