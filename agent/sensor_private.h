/* SPDX-License-Identifier: MIT */
/* What the files of the sensor share; nobody else includes this. */
#ifndef TACIT_AGENT_SENSOR_PRIVATE_H
#define TACIT_AGENT_SENSOR_PRIVATE_H

#include "sensor.h"

#include "scope.h"

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

/* What is known of one slot's cgroup. */
struct tacit_sensor_slot {
	uint64_t cgroup; /* 0: nobody's */
	char *path;      /* below the hierarchy's root; NULL: not found there */
	int service;     /* index, -1: none */
	bool ended;      /* to be handed on after this drain */
};

/* Cgroups of one name are one service. */
struct tacit_sensor_service {
	char name[TACIT_SCOPE_NAME_MAX + 1];
	char class[TACIT_SCOPE_CLASS_MAX + 1];
	unsigned slots; /* that are its; 0: free */
	bool ignored;
	uint64_t count[TACIT_FEATURE_COUNT]; /* of the drain under way */
};

struct tacit_sensor {
	enum tacit_tier tier;
	char host_class[TACIT_SCOPE_CLASS_MAX + 1];
	char **ignore;
	size_t ignore_count;

	int root_fd; /* of the cgroup hierarchy */
	int map_fd[TACIT_MAP_COUNT];
	int link_fd[TACIT_SENSOR_PROGRAMS_MAX];
	int program_fd[TACIT_SENSOR_PROGRAMS_MAX];
	unsigned programs;
	int task_link_fd; /* one of link_fd; -1: no iterator */
	struct tacit_sensor_probe probe[TACIT_PROBE_COUNT];

	unsigned slots; /* slot 0 included */
	unsigned cpus;
	volatile uint64_t *owners; /* the map `owners`, as memory */
	struct tacit_sensor_slot *slot;
	uint64_t (*seen)[TACIT_FEATURE_COUNT]; /* by slot: totals at the last drain */
	struct tacit_counters *chunk;          /* one batch of look-ups, @cpus vectors a slot */
	uint32_t *chunk_key;

	struct tacit_sensor_service *service;
	unsigned services;    /* entries of @service, free ones included */
	unsigned service_max;
	uint64_t host[TACIT_FEATURE_COUNT];
	struct tacit_window window; /* the one being emitted */

	int64_t drained_ms; /* boot clock */
	uint64_t drains;
	struct tacit_sensor_status status; /* as of the last drain */
};

/* Slots in one batch look-up: large enough to be few calls, small enough for the cache. */
#define TACIT_SENSOR_CHUNK 32U

/* Loads and attaches whatever this kernel takes, over the maps in @sensor; fills in its probes,
 * links and programs. 0; the kernel's answer to the first probe when it refused all; -ENOMEM. */
TACIT_MUST_CHECK int tacit_sensor_load(struct tacit_sensor *sensor,
				       const struct tacit_sensor_params *params);

/* Takes the increase of every slot since the last call and adds it to its service and the host. */
TACIT_MUST_CHECK int tacit_sensor_collect(struct tacit_sensor *sensor);

#endif /* TACIT_AGENT_SENSOR_PRIVATE_H */
