/* SPDX-License-Identifier: MIT */
/* The maps of bpf/scope.bpf.h: made no larger than asked for, or found pinned; and as memory. */
#include "sensor_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#define WAKE_BYTES   4096U
#define IN_FLIGHT_US 1000 /* programs take microseconds */
#define ROOT_OF_NONE 1U	  /* the cgroup that every task is in where nothing is mounted */

const char *const tacit_sensor_map_name[TACIT_MAP_COUNT] = {
	[TACIT_MAP_COUNTERS] = "counters",   [TACIT_MAP_TOUCHED] = "touched",
	[TACIT_MAP_CONTROL] = "control",     [TACIT_MAP_SLOTS] = "slots",
	[TACIT_MAP_OWNERS] = "owners",	     [TACIT_MAP_FREE_SLOTS] = "free_slots",
	[TACIT_MAP_LAST_SLOT] = "last_slot", [TACIT_MAP_DROPS] = "drops",
	[TACIT_MAP_SKETCHES] = "sketches",   [TACIT_MAP_WAKE] = "wake",
	[TACIT_MAP_NAMES] = "names",
};

struct spec {
	enum bpf_map_type type;
	uint32_t key, value, entries, flags;
};

static struct spec spec_of(const struct tacit_sensor *sensor, enum tacit_sensor_map map)
{
	const uint32_t u32 = sizeof(uint32_t), u64 = sizeof(uint64_t), n = sensor->slots;
	const uint32_t memory = BPF_F_MMAPABLE;

	switch (map) {
	case TACIT_MAP_COUNTERS:
		return (struct spec){ BPF_MAP_TYPE_ARRAY, u32, sizeof(struct tacit_counters),
				      n * sensor->cpus, memory };
	case TACIT_MAP_TOUCHED:
		return (struct spec){ BPF_MAP_TYPE_ARRAY, u32, sizeof(struct tacit_touched),
				      sensor->cpus, memory };
	case TACIT_MAP_CONTROL:
		return (struct spec){ BPF_MAP_TYPE_ARRAY, u32, sizeof(struct tacit_control), 1,
				      memory };
	case TACIT_MAP_SLOTS:
		return (struct spec){ BPF_MAP_TYPE_HASH, u64, u32, n, 0 };
	case TACIT_MAP_OWNERS:
		return (struct spec){ BPF_MAP_TYPE_ARRAY, u32, u64, n, memory };
	case TACIT_MAP_FREE_SLOTS:
		return (struct spec){ BPF_MAP_TYPE_STACK, 0, u32, n, 0 };
	case TACIT_MAP_LAST_SLOT:
		return (struct spec){ BPF_MAP_TYPE_PERCPU_ARRAY, u32, u32, 1, 0 };
	case TACIT_MAP_DROPS:
		return (struct spec){ BPF_MAP_TYPE_PERCPU_ARRAY, u32, u64, TACIT_DROP_COUNT, 0 };
	case TACIT_MAP_SKETCHES:
		return (struct spec){ BPF_MAP_TYPE_ARRAY, u32, sizeof(struct tacit_sketches), n,
				      0 };
	case TACIT_MAP_WAKE:
		return (struct spec){ BPF_MAP_TYPE_RINGBUF, 0, 0, WAKE_BYTES, 0 };
	case TACIT_MAP_NAMES:
		return (struct spec){ BPF_MAP_TYPE_LRU_HASH, sizeof(struct tacit_name),
				      sizeof(struct tacit_starts), TACIT_NAMES_MAX, 0 };
	case TACIT_MAP_COUNT:
		break;
	}
	return (struct spec){ 0 };
}

bool tacit_sensor_map_fits(const struct tacit_sensor *sensor, unsigned map, int fd)
{
	struct spec want = spec_of(sensor, (enum tacit_sensor_map)map);
	struct bpf_map_info is = { 0 };
	uint32_t len = sizeof(is);

	return bpf_obj_get_info_by_fd(fd, &is, &len) == 0 && is.type == want.type &&
	       is.key_size == want.key && is.value_size == want.value &&
	       is.max_entries == want.entries && is.map_flags == want.flags;
}

static int create_map(struct tacit_sensor *sensor, enum tacit_sensor_map map)
{
	struct spec spec = spec_of(sensor, map);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = spec.flags);

	sensor->map_fd[map] = bpf_map_create(spec.type, tacit_sensor_map_name[map], spec.key,
					     spec.value, spec.entries, &opts);
	return sensor->map_fd[map] < 0 ? -errno : 0;
}

/* Of whole pages, which is what a map is mapped in. */
static size_t map_bytes(const struct tacit_sensor *sensor, enum tacit_sensor_map map)
{
	struct spec spec = spec_of(sensor, map);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t each = (spec.value + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);

	return (each * spec.entries + page - 1) / page * page;
}

static int map_memory(const struct tacit_sensor *sensor, enum tacit_sensor_map map, void **ret)
{
	void *memory = mmap(NULL, map_bytes(sensor, map), PROT_READ | PROT_WRITE, MAP_SHARED,
			    sensor->map_fd[map], 0);

	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	return 0;
}

static int map_all(struct tacit_sensor *sensor)
{
	int r = map_memory(sensor, TACIT_MAP_COUNTERS, (void **)&sensor->counters);

	if (r == 0)
		r = map_memory(sensor, TACIT_MAP_TOUCHED, (void **)&sensor->touched);
	if (r == 0)
		r = map_memory(sensor, TACIT_MAP_CONTROL, (void **)&sensor->control);
	if (r == 0)
		r = map_memory(sensor, TACIT_MAP_OWNERS, (void **)&sensor->owners);
	return r;
}

static void unmap_one(const struct tacit_sensor *sensor, enum tacit_sensor_map map, void *memory)
{
	if (memory)
		(void)munmap(memory, map_bytes(sensor, map));
}

void tacit_sensor_unmap(struct tacit_sensor *sensor)
{
	unmap_one(sensor, TACIT_MAP_COUNTERS, sensor->counters);
	unmap_one(sensor, TACIT_MAP_TOUCHED, sensor->touched);
	unmap_one(sensor, TACIT_MAP_CONTROL, sensor->control);
	unmap_one(sensor, TACIT_MAP_OWNERS, sensor->owners);
}

/* What happens in the root cgroup is the host's, of no service. */
static int own_root(struct tacit_sensor *sensor)
{
	uint32_t slot = TACIT_SLOT_OTHER;
	uint64_t cgroup = ROOT_OF_NONE;
	struct stat st;

	if (sensor->root_fd >= 0 && fstat(sensor->root_fd, &st) < 0)
		return -errno;
	if (sensor->root_fd >= 0)
		cgroup = st.st_ino;
	tacit_sensor_set_owner(sensor, slot, cgroup);
	return bpf_map_update_elem(sensor->map_fd[TACIT_MAP_SLOTS], &cgroup, &slot, BPF_ANY);
}

/* The lowest is on top. */
static int free_slots(struct tacit_sensor *sensor)
{
	int fd = sensor->map_fd[TACIT_MAP_FREE_SLOTS];

	for (uint32_t slot = sensor->slots - 1; slot > 0; slot--)
		if (tacit_sensor_owner(sensor, slot) == 0 &&
		    bpf_map_update_elem(fd, NULL, &slot, BPF_ANY) != 0)
			return -errno;
	return 0;
}

/* What rested when the last sensor ended is in nobody's list. */
static int find_free_slots(struct tacit_sensor *sensor)
{
	uint32_t slot;

	while (bpf_map_lookup_and_delete_elem(sensor->map_fd[TACIT_MAP_FREE_SLOTS], NULL, &slot) ==
	       0)
		;
	(void)usleep(IN_FLIGHT_US);
	return free_slots(sensor);
}

static int create_all(struct tacit_sensor *sensor)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < TACIT_MAP_COUNT; i++)
		r = create_map(sensor, (enum tacit_sensor_map)i);
	if (r == 0)
		r = map_all(sensor);
	if (r == 0)
		r = own_root(sensor);
	if (r == 0)
		r = free_slots(sensor);
	if (r < 0)
		return r;
	sensor->control->build = tacit_sensor_build(sensor);
	sensor->control->window = 1; /* no sketch has begun */
	return 0;
}

int tacit_sensor_make_maps(struct tacit_sensor *sensor)
{
	int r = tacit_sensor_adopt(sensor);

	if (r < 0)
		return r;
	sensor->status.adopted = r > 0;
	if (!sensor->status.adopted)
		return create_all(sensor);
	r = map_all(sensor);
	return r == 0 ? find_free_slots(sensor) : r;
}
