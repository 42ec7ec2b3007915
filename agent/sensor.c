/* SPDX-License-Identifier: MIT */
#include "sensor_private.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <tacit/clock.h>

#include "scope.h"

#define MOUNTS_DEFAULT "/proc/self/mounts"
#define BTF_DEFAULT    "/sys/kernel/btf/vmlinux"

#define WINDOW_MS_DEFAULT 1000U

static bool has_capability(unsigned wanted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) != 0)
		return false;
	return data[wanted / 32].effective >> (wanted % 32) & 1;
}

/* Where cgroup v2 is, or v1's pids; "" where there is neither. */
static int find_root(const struct tacit_sensor_params *params, char *root,
		     enum tacit_hierarchy *hierarchy)
{
	size_t len = params->cgroup_root ? strlen(params->cgroup_root) : 0;
	const char *mounts = params->mounts ? params->mounts : MOUNTS_DEFAULT;
	struct stat st;

	*hierarchy = TACIT_HIERARCHY_UNIFIED;
	if (params->cgroup_root) {
		if (len >= TACIT_SCOPE_PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(root, params->cgroup_root, len + 1);
		return stat(root, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -ENOENT;
	}
	if (tacit_scope_find_root(mounts, root) == 0)
		return 0;
	*hierarchy = TACIT_HIERARCHY_LEGACY;
	if (tacit_scope_find_legacy_root(mounts, root) == 0)
		return 0;
	*hierarchy = TACIT_HIERARCHY_NONE;
	root[0] = '\0';
	return 0;
}

int tacit_sensor_check(const struct tacit_sensor_params *params, char *why, size_t size)
{
	const char *btf = params->btf ? params->btf : BTF_DEFAULT;
	enum tacit_hierarchy hierarchy;
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
	if (find_root(params, root, &hierarchy) < 0) {
		(void)snprintf(why, size, "sensor.cgroup_root: there is no folder %s",
			       params->cgroup_root);
		return -ENOENT;
	}
	return 0;
}

static int allocate(struct tacit_sensor *sensor)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	sensor->cpus = (unsigned)cpus;
	sensor->owned = TACIT_NEW_N(uint64_t, sensor->slots);
	sensor->gone = TACIT_NEW_N(unsigned, sensor->slots);
	sensor->resting = TACIT_NEW_N(unsigned, sensor->slots);
	sensor->drop = TACIT_NEW_N(uint64_t, sensor->cpus);
	return sensor->owned && sensor->gone && sensor->resting && sensor->drop ? 0 : -ENOMEM;
}

static int init(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	unsigned services =
		params->services_max ? params->services_max : TACIT_SENSOR_SERVICES_DEFAULT;

	sensor->root_fd = sensor->pin_fd = sensor->task_link_fd = -1;
	sensor->hook.program_fd = sensor->hook.link_fd = -1;
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++)
		sensor->map_fd[i] = -1;
	if (services >= TACIT_SLOTS_MAX)
		return -EINVAL;
	sensor->tier = params->tier;
	sensor->window_ms = params->window_ms ? params->window_ms : WINDOW_MS_DEFAULT;
	sensor->budget_pct = params->overhead_budget_pct;
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
	int r = find_root(params, root, &sensor->hierarchy);

	if (r < 0)
		return r;
	if (root[0])
		sensor->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root[0] && sensor->root_fd < 0)
		return -errno;
	tally.root_fd = sensor->root_fd;
	return tacit_tally_new(&tally, &sensor->tally);
}

/* What was before does not count, but for what an earlier sensor has left. */
static int take_baseline(struct tacit_sensor *sensor)
{
	struct tacit_window frame = { 0 };
	int r;

	if (sensor->status.adopted)
		return 0;
	r = tacit_sensor_collect(sensor);
	if (r == 0)
		(void)tacit_tally_emit(sensor->tally, &frame, NULL, NULL);
	sensor->control->drained_ms = tacit_clock_boot_ms();
	return r;
}

static int start(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	uint64_t began = tacit_sensor_now_ns();
	int r = open_hierarchy(sensor, params);

	if (r == 0)
		r = tacit_sensor_pin_open(sensor, params->pin_dir);
	if (r == 0)
		r = tacit_sensor_make_maps(sensor);
	if (r == 0)
		r = tacit_sensor_load(sensor, params);
	sensor->status.open_ns = tacit_sensor_now_ns() - began;
	if (r == 0)
		r = tacit_sensor_hook_calibrate(sensor);
	if (r == 0)
		r = take_baseline(sensor);
	if (r == 0)
		r = tacit_sensor_hook_start(sensor);
	if (r == 0)
		tacit_sensor_pin(sensor);
	(void)malloc_trim(0); /* the kernel's types are large, and no longer needed */
	return r;
}

static void say_refused(const struct tacit_sensor_params *params, int error, char *why, size_t size)
{
	if (error == -EBUSY)
		(void)snprintf(why, size, "another tacitd senses this host already: it has %s",
			       params->pin_dir);
	else
		(void)snprintf(why, size, "the kernel refused: %s%s", tacit_strerror(error),
			       error == -EPERM ? " (capabilities count only outside containers)"
					       : "");
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
		say_refused(params, r, why, size);
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
	status->hierarchy = sensor->hierarchy;
	status->budget_pct = sensor->budget_pct;
	status->last_cost_pct = 100 * sensor->hook.governor.cost;
	status->cost_pct = 100 * sensor->hook.governor.cost_mean;
	status->call_ns = sensor->hook.call_ns;
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
	tacit_sensor_hook_stop(sensor);
	for (unsigned i = 0; i < sensor->programs; i++) {
		tacit_close_p(&sensor->link_fd[i]);
		tacit_close_p(&sensor->program_fd[i]);
	}
	tacit_sensor_unmap(sensor);
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++)
		tacit_close_p(&sensor->map_fd[i]);
	tacit_close_p(&sensor->root_fd);
	tacit_close_p(&sensor->pin_fd);
	tacit_tally_free(sensor->tally);
	tacit_free(sensor->owned);
	tacit_free(sensor->gone);
	tacit_free(sensor->resting);
	tacit_free(sensor->drop);
	tacit_free(sensor);
}
