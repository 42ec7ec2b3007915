/* SPDX-License-Identifier: MIT */
#include "sensor_private.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <tacit/clock.h>

#include "scope.h"

#define MOUNTS_DEFAULT "/proc/self/mounts"
#define BTF_DEFAULT    "/sys/kernel/btf/vmlinux"

static bool has_capability(unsigned wanted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) != 0)
		return false;
	return data[wanted / 32].effective >> (wanted % 32) & 1;
}

static int find_root(const struct tacit_sensor_params *params, char *root)
{
	size_t len = params->cgroup_root ? strlen(params->cgroup_root) : 0;
	struct stat st;

	if (!params->cgroup_root)
		return tacit_scope_find_root(params->mounts ? params->mounts : MOUNTS_DEFAULT,
					     root);
	if (len >= TACIT_SCOPE_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(root, params->cgroup_root, len + 1);
	return stat(root, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -ENOENT;
}

int tacit_sensor_check(const struct tacit_sensor_params *params, char *why, size_t size)
{
	const char *btf = params->btf ? params->btf : BTF_DEFAULT;
	char root[TACIT_SCOPE_PATH_MAX];

	if (!has_capability(CAP_SYS_ADMIN) &&
	    (!has_capability(CAP_BPF) || !has_capability(CAP_PERFMON))) {
		(void)snprintf(
			why, size,
			"eBPF needs the capabilities CAP_BPF and CAP_PERFMON: run as root, or by "
			"systemd with AmbientCapabilities=CAP_BPF CAP_PERFMON");
		return -EPERM;
	}
	if (access(btf, R_OK) != 0) {
		(void)snprintf(
			why, size,
			"this kernel does not tell its types (%s): boot one that is built with "
			"CONFIG_DEBUG_INFO_BTF, as Debian's are",
			btf);
		return -EOPNOTSUPP;
	}
	if (find_root(params, root) < 0) {
		(void)snprintf(
			why, size,
			"no cgroup2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup, "
			"or boot with systemd.unified_cgroup_hierarchy=1");
		return -ENOENT;
	}
	return 0;
}

static int create_map(struct tacit_sensor *sensor, enum tacit_sensor_map map,
		      enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries,
		      uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);

	sensor->map_fd[map] =
		bpf_map_create(type, tacit_sensor_map_name[map], key, value, entries, &opts);
	return sensor->map_fd[map] < 0 ? -errno : 0;
}

/* As bpf/scope.bpf.h declares them, but no larger than asked for. */
static int create_maps(struct tacit_sensor *sensor)
{
	uint32_t n = sensor->slots;
	int r;

	r = create_map(sensor, TACIT_MAP_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
		       sizeof(struct tacit_counters), n, 0);
	if (r == 0)
		r = create_map(sensor, TACIT_MAP_SLOTS, BPF_MAP_TYPE_HASH, sizeof(uint64_t),
			       sizeof(uint32_t), n, 0);
	if (r == 0)
		r = create_map(sensor, TACIT_MAP_OWNERS, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
			       sizeof(uint64_t), n, BPF_F_MMAPABLE);
	if (r == 0)
		r = create_map(sensor, TACIT_MAP_FREE_SLOTS, BPF_MAP_TYPE_STACK, 0,
			       sizeof(uint32_t), n, 0);
	if (r == 0)
		r = create_map(sensor, TACIT_MAP_LAST_SLOT, BPF_MAP_TYPE_PERCPU_ARRAY,
			       sizeof(uint32_t), sizeof(uint32_t), 1, 0);
	if (r == 0)
		r = create_map(sensor, TACIT_MAP_DROPS, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
			       sizeof(uint64_t), TACIT_DROP_COUNT, 0);
	for (uint32_t slot = n - 1; r == 0 && slot > 0; slot--) /* the lowest is on top */
		r = bpf_map_update_elem(sensor->map_fd[TACIT_MAP_FREE_SLOTS], NULL, &slot, BPF_ANY);
	return r;
}

static size_t owners_bytes(const struct tacit_sensor *sensor)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sensor->slots * sizeof(uint64_t) + page - 1) / page * page;
}

static int map_owners(struct tacit_sensor *sensor)
{
	void *memory = mmap(NULL, owners_bytes(sensor), PROT_READ | PROT_WRITE, MAP_SHARED,
			    sensor->map_fd[TACIT_MAP_OWNERS], 0);

	if (memory == MAP_FAILED)
		return -errno;
	sensor->owners = (uint64_t *)memory;
	return 0;
}

static int allocate(struct tacit_sensor *sensor)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	sensor->cpus = (unsigned)cpus;
	sensor->chunk =
		TACIT_NEW_N(struct tacit_counters, (size_t)TACIT_SENSOR_CHUNK * sensor->cpus);
	sensor->chunk_key = TACIT_NEW_N(uint32_t, TACIT_SENSOR_CHUNK);
	sensor->owned = TACIT_NEW_N(uint64_t, sensor->slots);
	sensor->gone = TACIT_NEW_N(unsigned, sensor->slots);
	sensor->resting = TACIT_NEW_N(unsigned, sensor->slots);
	return sensor->chunk && sensor->chunk_key && sensor->owned && sensor->gone &&
			       sensor->resting
		       ? 0
		       : -ENOMEM;
}

static int init(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	unsigned services =
		params->services_max ? params->services_max : TACIT_SENSOR_SERVICES_DEFAULT;

	sensor->root_fd = -1;
	sensor->task_link_fd = -1;
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++)
		sensor->map_fd[i] = -1;
	if (services >= TACIT_SLOTS_MAX)
		return -EINVAL;
	sensor->tier = params->tier;
	sensor->slots = services + 1;
	return allocate(sensor);
}

static int open_hierarchy(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	struct tacit_tally_params tally = {
		.slots = sensor->slots,
		.host_class = params->host_class ? params->host_class : TACIT_SCOPE_HOST,
		.ignore = params->ignore,
		.ignore_count = params->ignore_count,
	};
	char root[TACIT_SCOPE_PATH_MAX];
	int r = find_root(params, root);

	if (r < 0)
		return r;
	sensor->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sensor->root_fd < 0)
		return -errno;
	tally.root_fd = sensor->root_fd;
	return tacit_tally_new(&tally, &sensor->tally);
}

/* What happens in the root cgroup is the host's, of no service. */
static int own_root(struct tacit_sensor *sensor)
{
	uint32_t slot = TACIT_SLOT_OTHER;
	uint64_t cgroup;
	struct stat st;

	if (fstat(sensor->root_fd, &st) < 0)
		return -errno;
	cgroup = st.st_ino;
	tacit_sensor_set_owner(sensor, slot, cgroup);
	return bpf_map_update_elem(sensor->map_fd[TACIT_MAP_SLOTS], &cgroup, &slot, BPF_ANY);
}

/* The baseline: what was before does not count. */
static int take_baseline(struct tacit_sensor *sensor)
{
	struct tacit_window frame = { 0 };
	int r = tacit_sensor_collect(sensor);

	if (r == 0)
		(void)tacit_tally_emit(sensor->tally, &frame, NULL, NULL);
	sensor->drained_ms = tacit_clock_boot_ms();
	return r;
}

static int start(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	int r = open_hierarchy(sensor, params);

	if (r == 0)
		r = create_maps(sensor);
	if (r == 0)
		r = map_owners(sensor);
	if (r == 0)
		r = own_root(sensor);
	if (r == 0)
		r = tacit_sensor_load(sensor, params);
	if (r == 0)
		r = take_baseline(sensor);
	(void)malloc_trim(0); /* the kernel's types are large, and no longer needed */
	return r;
}

int tacit_sensor_open(const struct tacit_sensor_params *params, struct tacit_sensor **ret,
		      char *why, size_t size)
{
	TACIT_CLEANUP(tacit_sensor_close_p) struct tacit_sensor *sensor = NULL;
	int r = tacit_sensor_check(params, why, size);

	if (r < 0)
		return r;
	sensor = TACIT_NEW(struct tacit_sensor);
	r = sensor ? init(sensor, params) : -ENOMEM;
	if (r == 0)
		r = start(sensor, params);
	if (r < 0) {
		(void)snprintf(why, size, "the kernel refused: %s%s", tacit_strerror(r),
			       r == -EPERM ? " (capabilities count only outside containers)" : "");
		return r;
	}
	*ret = TACIT_TAKE(sensor);
	return 0;
}

/* Kernel memory of a map, as its descriptor tells: "memlock:\t<bytes>". */
static uint64_t map_bytes(int fd)
{
	char path[64], line[128];
	uint64_t bytes = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (bytes == 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, "memlock:", 8) == 0)
			bytes = strtoull(line + 8, NULL, 10);
	(void)fclose(file);
	return bytes;
}

static uint64_t program_ns(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.run_time_ns : 0;
}

void tacit_sensor_status(const struct tacit_sensor *sensor, struct tacit_sensor_status *status)
{
	*status = sensor->status;
	status->tier =
		sensor->probe[TACIT_PROBE_SYSCALL].observed ? TACIT_TIER_DEEP : TACIT_TIER_LIGHT;
	status->features_total = TACIT_FEATURE_COUNT;
	status->features_observed = 0;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		status->features_observed += sensor->probe[tacit_feature_get(i)->probe].observed;
	status->slots_max = sensor->slots - 1;
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++)
		status->map_bytes += map_bytes(sensor->map_fd[i]);
	for (unsigned i = 0; i < sensor->programs; i++)
		status->program_ns += program_ns(sensor->program_fd[i]);
	memcpy(status->probe, sensor->probe, sizeof(status->probe));
}

void tacit_sensor_close(struct tacit_sensor *sensor)
{
	if (!sensor)
		return;
	for (unsigned i = 0; i < sensor->programs; i++) {
		(void)close(sensor->link_fd[i]);
		(void)close(sensor->program_fd[i]);
	}
	if (sensor->owners)
		(void)munmap(sensor->owners, owners_bytes(sensor));
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++)
		tacit_close_p(&sensor->map_fd[i]);
	tacit_close_p(&sensor->root_fd);
	tacit_tally_free(sensor->tally);
	tacit_free(sensor->chunk);
	tacit_free(sensor->chunk_key);
	tacit_free(sensor->owned);
	tacit_free(sensor->gone);
	tacit_free(sensor->resting);
	tacit_free(sensor);
}
