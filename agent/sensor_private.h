/* SPDX-License-Identifier: MIT */
/* What the files of the sensor share; nobody else includes this. */
#ifndef TACIT_AGENT_SENSOR_PRIVATE_H
#define TACIT_AGENT_SENSOR_PRIVATE_H

#include "sensor.h"

#include "governor.h"
#include "tally.h"

/* Programs beside the probes' own: what banks an ending task's totals. */
#define TACIT_SENSOR_PROGRAMS_MAX (TACIT_PROBE_COUNT + 1)
#define TACIT_SENSOR_TASK_EXIT	  "on_task_exit"

#define TACIT_SENSOR_PIN_DIR_MAX 256U /* bytes, without NUL */

/* The maps that all objects share, by descriptor. */
enum tacit_sensor_map {
	TACIT_MAP_COUNTERS,
	TACIT_MAP_TOUCHED,
	TACIT_MAP_CONTROL,
	TACIT_MAP_SLOTS,
	TACIT_MAP_OWNERS,
	TACIT_MAP_FREE_SLOTS,
	TACIT_MAP_LAST_SLOT,
	TACIT_MAP_DROPS,
	TACIT_MAP_SKETCHES,
	TACIT_MAP_WAKE,
	TACIT_MAP_NAMES,
	TACIT_MAP_COUNT,
};

extern const char *const tacit_sensor_map_name[TACIT_MAP_COUNT];

struct ring_buffer;

/* The system-call hook: attached for part of the time. */
struct tacit_sensor_hook {
	int program_fd; /* borrowed; -1: there is none */
	int link_fd;	/* -1: detached */
	bool governed;
	struct tacit_governor governor;
	struct tacit_governor_plan plan;
	struct ring_buffer *wake;
	uint64_t begun_ns;		 /* the window's begin; all by the monotonic clock */
	uint64_t attached_at;		 /* while attached */
	uint64_t attached_ns, switch_ns; /* in this window */
	double call_ns;
};

struct tacit_sensor {
	enum tacit_tier tier;
	enum tacit_hierarchy hierarchy;
	uint32_t window_ms;
	double budget_pct;
	int root_fd; /* of the cgroup hierarchy; -1: there is none */
	int pin_fd;  /* the pin folder, locked; -1: none */
	char pin_dir[TACIT_SENSOR_PIN_DIR_MAX + 1];
	int map_fd[TACIT_MAP_COUNT];
	int link_fd[TACIT_SENSOR_PROGRAMS_MAX]; /* -1: the hook's */
	int program_fd[TACIT_SENSOR_PROGRAMS_MAX];
	const char *program_name[TACIT_SENSOR_PROGRAMS_MAX]; /* static */
	unsigned programs;
	int task_link_fd; /* one of link_fd; -1: no iterator */
	struct tacit_sensor_probe probe[TACIT_PROBE_COUNT];
	struct tacit_sensor_hook hook;

	unsigned slots; /* slot 0 included */
	unsigned cpus;
	/* Maps as memory. The programs write them meanwhile. */
	struct tacit_counters *counters; /* @slots a processor */
	struct tacit_touched *touched;	 /* one a processor */
	struct tacit_control *control;
	uint64_t *owners;
	uint64_t *owned; /* what the tally was told of the owners */
	struct tacit_tally *tally;
	unsigned high;	   /* slots from here on have never been used */
	unsigned *gone;	   /* slots whose cgroups ended in the window being drained ... */
	unsigned *resting; /* ... and in the one before, free after this drain */
	unsigned goners, resters;
	uint64_t *drop; /* one a processor */
	uint64_t drains;

	struct tacit_sensor_status status; /* as of the last drain */
};

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

/* Monotonic clock, and this thread's processor time: what the sensor takes, not what it waits for. */
uint64_t tacit_sensor_now_ns(void);
uint64_t tacit_sensor_spent_ns(void);

/* Opens the pin folder, made if missing, and locks it; -EBUSY: another sensor has it. Any other
 * trouble is only said in status.pin_why. */
TACIT_MUST_CHECK int tacit_sensor_pin_open(struct tacit_sensor *sensor, const char *dir);

/* Takes the pinned maps and programs over if they are of this build and size, else removes them. 1:
 * taken over; 0: there were none. */
TACIT_MUST_CHECK int tacit_sensor_adopt(struct tacit_sensor *sensor);

/* Pins the maps, and every program but the hook with its link. */
void tacit_sensor_pin(struct tacit_sensor *sensor);

/* Whether the map behind @fd is what @map should be. */
bool tacit_sensor_map_fits(const struct tacit_sensor *sensor, unsigned map, int fd);

/* Makes the maps (or takes them over), and has them as memory. */
TACIT_MUST_CHECK int tacit_sensor_make_maps(struct tacit_sensor *sensor);
void tacit_sensor_unmap(struct tacit_sensor *sensor);

/* Loads and attaches whatever this kernel takes and is not attached yet, over the maps in @sensor;
 * fills in its probes, links and programs. 0; the kernel's answer to the first probe when it
 * refused all; -ENOMEM. */
TACIT_MUST_CHECK int tacit_sensor_load(struct tacit_sensor *sensor,
				       const struct tacit_sensor_params *params);

/* A number that tells apart programs that cannot take each other's place: of another build, or told
 * of another hierarchy. */
uint64_t tacit_sensor_build(const struct tacit_sensor *sensor);

/* Measures what the hook costs a call. */
TACIT_MUST_CHECK int tacit_sensor_hook_calibrate(struct tacit_sensor *sensor);

/* Attaches it, or begins to govern it. */
TACIT_MUST_CHECK int tacit_sensor_hook_start(struct tacit_sensor *sensor);

/* The end of a window, in which @calls were hooked and whose drain took @drain_ns: accounts, plans
 * the next. */
void tacit_sensor_hook_next(struct tacit_sensor *sensor, uint64_t calls, uint64_t drain_ns);

/* Share of the window under way during which the hook has been attached, in permille. */
unsigned tacit_sensor_hook_duty(const struct tacit_sensor *sensor);
void tacit_sensor_hook_stop(struct tacit_sensor *sensor);

/* Brings the tally up to what the kernel's slots hold now. */
TACIT_MUST_CHECK int tacit_sensor_collect(struct tacit_sensor *sensor);

#endif /* TACIT_AGENT_SENSOR_PRIVATE_H */
