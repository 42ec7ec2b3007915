/* SPDX-License-Identifier: MIT */
/*
 * One drain: drive the task iterator, look the counters up in batches, take increases, name
 * cgroups that are new, and hand on the slots of those that ended.
 */
#include "sensor_private.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include <tacit/clock.h>
#include <tacit/fleet.h>

#define NS_PER_SEC 1000000000ULL

/* Without the iterator nobody says that a cgroup is empty; every so many drains we look. */
#define EXISTS_EVERY 16U

static uint64_t now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* The program does the work; reading only drives it, it writes nothing. */
static int pass_over_tasks(const struct tacit_sensor *sensor)
{
	char nothing[64];
	ssize_t n;
	int fd;

	if (sensor->task_link_fd < 0)
		return 0;
	fd = bpf_iter_create(sensor->task_link_fd);
	if (fd < 0)
		return -errno;
	do
		n = read(fd, nothing, sizeof(nothing));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	n = n < 0 ? -errno : 0;
	(void)close(fd);
	return (int)n;
}

/* Batches came to per-CPU arrays with Linux 5.13; before it one call a slot does. */
static int look_up(const struct tacit_sensor *sensor, uint32_t *at, uint32_t *n)
{
	int fd = sensor->map_fd[TACIT_MAP_COUNTERS];
	uint32_t from = *at == 0 ? 0 : *at - 1;

	if (bpf_map_lookup_batch(fd, *at == 0 ? NULL : &from, &from, sensor->chunk_key,
				 sensor->chunk, n, NULL) == 0 ||
	    (errno == ENOENT && *n > 0))
		return 0;
	*n = 1;
	sensor->chunk_key[0] = *at;
	return bpf_map_lookup_elem(fd, at, sensor->chunk) == 0 ? 0 : -errno;
}

static void add_slot(struct tacit_sensor *sensor, uint32_t slot, const struct tacit_counters *value)
{
	int service = sensor->slot[slot].service;
	uint64_t *seen = sensor->seen[slot];
	uint64_t *to = service < 0 ? NULL : sensor->service[service].count;

	for (unsigned f = 0; f < TACIT_FEATURE_COUNT; f++) {
		uint64_t total = 0, more;

		for (unsigned cpu = 0; cpu < sensor->cpus; cpu++)
			total += value[cpu].count[f];
		more = total - seen[f];
		seen[f] = total;
		sensor->host[f] += more;
		if (to)
			to[f] += more;
	}
}

static int find_service(struct tacit_sensor *sensor, const char *name, const char *class)
{
	struct tacit_sensor_service *service;
	int free_at = -1;

	for (unsigned i = 0; i < sensor->services; i++) {
		service = &sensor->service[i];
		if (service->slots > 0 && strcmp(service->name, name) == 0)
			return (int)i;
		if (service->slots == 0 && free_at < 0)
			free_at = (int)i;
	}
	if (free_at < 0) {
		if (sensor->services == sensor->service_max)
			return -1; /* cannot be: there are as many as slots */
		free_at = (int)sensor->services++;
	}
	service = &sensor->service[free_at];
	*service = (struct tacit_sensor_service){ 0 };
	(void)strcpy(service->name, name);
	(void)strcpy(service->class, class);
	for (size_t i = 0; i < sensor->ignore_count; i++)
		if (fnmatch(sensor->ignore[i], name, 0) == 0)
			service->ignored = true;
	return free_at;
}

/* Slots whose cgroups are new, sorted by cgroup. */
struct newcomers {
	struct tacit_sensor *sensor;
	uint64_t *cgroup;
	uint32_t *slot;
	size_t n;
};

static void on_found(void *ctx, size_t index, const char *path)
{
	struct newcomers *new = (struct newcomers *)ctx;
	struct tacit_sensor_slot *slot = &new->sensor->slot[new->slot[index]];
	char name[TACIT_SCOPE_NAME_MAX + 1], class[TACIT_SCOPE_CLASS_MAX + 1];

	if (tacit_scope_of_path(path, name, class) < 0)
		return;
	slot->path = tacit_strdup(path);
	if (!slot->path)
		return; /* the slot is handed on, and found again at its next event */
	slot->service = find_service(new->sensor, name, class);
	if (slot->service >= 0)
		new->sensor->service[slot->service].slots++;
}

static int order_newcomers(struct newcomers *new, const struct tacit_sensor *sensor)
{
	new->cgroup = TACIT_NEW_N(uint64_t, sensor->slots);
	new->slot = TACIT_NEW_N(uint32_t, sensor->slots);
	if (!new->cgroup || !new->slot)
		return -ENOMEM;
	for (uint32_t s = 1; s < sensor->slots; s++) {
		uint64_t owner = sensor->owners[s];
		size_t at = new->n;

		if (owner == 0 || owner == sensor->slot[s].cgroup)
			continue;
		sensor->slot[s].cgroup = owner;
		for (; at > 0 && new->cgroup[at - 1] > owner; at--) {
			new->cgroup[at] = new->cgroup[at - 1];
			new->slot[at] = new->slot[at - 1];
		}
		new->cgroup[at] = owner;
		new->slot[at] = s;
		new->n++;
	}
	return 0;
}

static bool has_newcomers(const struct tacit_sensor *sensor)
{
	for (uint32_t s = 1; s < sensor->slots; s++)
		if (sensor->owners[s] != 0 && sensor->owners[s] != sensor->slot[s].cgroup)
			return true;
	return false;
}

static int name_newcomers(struct tacit_sensor *sensor)
{
	struct newcomers new = { .sensor = sensor };
	int r;

	if (!has_newcomers(sensor))
		return 0;
	r = order_newcomers(&new, sensor);
	if (r == 0)
		r = tacit_scope_walk(sensor->root_fd, new.cgroup, new.n, on_found, &new);
	for (size_t i = 0; i < new.n; i++) /* gone already, or the root: the host's alone */
		if (!sensor->slot[new.slot[i]].path)
			sensor->slot[new.slot[i]].ended = true;
	tacit_free(new.cgroup);
	tacit_free(new.slot);
	return r < 0 ? r : 0;
}

/* Marks a cgroup without tasks that is no more. */
static void notice_end(struct tacit_sensor *sensor, uint32_t s, uint64_t tasks_before)
{
	struct tacit_sensor_slot *slot = &sensor->slot[s];
	bool look = sensor->task_link_fd >= 0
			    ? sensor->seen[s][TACIT_FEATURE_SCHED_TASKS] == tasks_before
			    : (sensor->drains + s) % EXISTS_EVERY == 0;

	if (slot->path && look && !tacit_scope_exists(sensor->root_fd, slot->path, slot->cgroup))
		slot->ended = true;
}

/* Slots are handed out from the lowest, so what lies above the highest in use is zero. */
static uint32_t slots_in_use(const struct tacit_sensor *sensor)
{
	uint32_t n = sensor->slots;

	while (n > 1 && sensor->owners[n - 1] == 0 && sensor->slot[n - 1].cgroup == 0)
		n--;
	return n;
}

int tacit_sensor_collect(struct tacit_sensor *sensor)
{
	uint32_t end, n;
	int r = pass_over_tasks(sensor);

	if (r == 0)
		r = name_newcomers(sensor);
	if (r < 0)
		return r;

	memset(sensor->host, 0, sizeof(sensor->host));
	for (unsigned i = 0; i < sensor->services; i++)
		memset(sensor->service[i].count, 0, sizeof(sensor->service[i].count));
	end = slots_in_use(sensor);
	for (uint32_t at = 0; at < end; at += n) {
		n = end - at < TACIT_SENSOR_CHUNK ? end - at : TACIT_SENSOR_CHUNK;
		r = look_up(sensor, &at, &n);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			uint32_t s = sensor->chunk_key[i];
			uint64_t tasks = sensor->seen[s][TACIT_FEATURE_SCHED_TASKS];

			add_slot(sensor, s, sensor->chunk + (size_t)i * sensor->cpus);
			notice_end(sensor, s, tasks);
		}
	}
	return 0;
}

/* The counters stay as they are: whoever gets the slot next counts on from there. */
static void hand_on(struct tacit_sensor *sensor, uint32_t s)
{
	struct tacit_sensor_slot *slot = &sensor->slot[s];

	if (slot->service >= 0)
		sensor->service[slot->service].slots--;
	tacit_free(slot->path);
	sensor->owners[s] = 0;
	(void)bpf_map_delete_elem(sensor->map_fd[TACIT_MAP_SLOTS], &slot->cgroup);
	(void)bpf_map_update_elem(sensor->map_fd[TACIT_MAP_FREE_SLOTS], NULL, &s, BPF_ANY);
	*slot = (struct tacit_sensor_slot){ .service = -1 };
}

static void read_drops(struct tacit_sensor *sensor)
{
	uint64_t *value = TACIT_NEW_N(uint64_t, sensor->cpus);

	for (uint32_t i = 0; value && i < TACIT_DROP_COUNT; i++) {
		if (bpf_map_lookup_elem(sensor->map_fd[TACIT_MAP_DROPS], &i, value) != 0)
			continue;
		sensor->status.dropped[i] = 0;
		for (unsigned cpu = 0; cpu < sensor->cpus; cpu++)
			sensor->status.dropped[i] += value[cpu];
	}
	tacit_free(value);
}

static void emit_one(struct tacit_sensor *sensor, const char *scope, const char *class,
		     const uint64_t *count, tacit_window_fn *emit, void *ctx)
{
	struct tacit_window *window = &sensor->window;

	(void)strcpy(window->scope, scope);
	(void)strcpy(window->class, class);
	memcpy(window->count, count, sizeof(window->count));
	emit(ctx, window);
}

static int emit_all(struct tacit_sensor *sensor, tacit_window_fn *emit, void *ctx)
{
	int64_t boot_ms = tacit_clock_boot_ms();
	int n = 1;

	sensor->window.end_ms = tacit_clock_wall_ms();
	sensor->window.length_ms = (uint32_t)(boot_ms - sensor->drained_ms);
	sensor->drained_ms = boot_ms;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		sensor->window.observed[i] = sensor->probe[i].observed;

	emit_one(sensor, TACIT_SCOPE_HOST, sensor->host_class, sensor->host, emit, ctx);
	for (unsigned i = 0; i < sensor->services; i++) {
		const struct tacit_sensor_service *service = &sensor->service[i];

		if (service->slots == 0 || service->ignored)
			continue;
		emit_one(sensor, service->name, service->class, service->count, emit, ctx);
		n++;
	}
	return n;
}

int tacit_sensor_drain(struct tacit_sensor *sensor, tacit_window_fn *emit, void *ctx)
{
	uint64_t started = now_ns();
	unsigned used = 0;
	int r = tacit_sensor_collect(sensor), n;

	if (r < 0)
		return r;
	sensor->status.drain_ns = now_ns() - started;
	n = emit_all(sensor, emit, ctx);
	for (uint32_t s = 1; s < sensor->slots; s++) {
		if (sensor->slot[s].ended)
			hand_on(sensor, s);
		used += sensor->slot[s].cgroup != 0;
	}
	read_drops(sensor);
	sensor->status.slots_used = used;
	sensor->status.services = (unsigned)n - 1;
	sensor->drains++;
	return n;
}
