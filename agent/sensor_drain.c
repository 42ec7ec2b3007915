/* SPDX-License-Identifier: MIT */
/*
 * One drain: drive the task iterator, look the counters up in batches, let the tally make windows
 * of them, and hand on the slots of cgroups that ended.
 */
#include "sensor_private.h"

#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include <tacit/clock.h>

#define NS_PER_SEC 1000000000ULL

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
static int look_up(const struct tacit_sensor *sensor, uint32_t at, uint32_t *n)
{
	int fd = sensor->map_fd[TACIT_MAP_COUNTERS];
	uint32_t from = at - 1;

	if (bpf_map_lookup_batch(fd, at == 0 ? NULL : &from, &from, sensor->chunk_key,
				 sensor->chunk, n, NULL) == 0 ||
	    (errno == ENOENT && *n > 0))
		return 0;
	*n = 1;
	sensor->chunk_key[0] = at;
	return bpf_map_lookup_elem(fd, &at, sensor->chunk) == 0 ? 0 : -errno;
}

/* Slots are handed out from the lowest. */
static uint32_t slots_ever_used(const struct tacit_sensor *sensor)
{
	uint32_t n = sensor->slots;

	while (n > sensor->high && tacit_sensor_owner(sensor, n - 1) == 0)
		n--;
	return n;
}

static int name_owners(struct tacit_sensor *sensor)
{
	sensor->high = slots_ever_used(sensor);
	for (uint32_t slot = 1; slot < sensor->high; slot++) {
		sensor->owned[slot] = tacit_sensor_owner(sensor, slot);
		tacit_tally_own(sensor->tally, slot, sensor->owned[slot]);
	}
	return tacit_tally_resolve(sensor->tally);
}

static void add_up(struct tacit_sensor *sensor, uint32_t slot, const struct tacit_counters *value)
{
	uint64_t total[TACIT_FEATURE_COUNT] = { 0 };

	for (unsigned cpu = 0; cpu < sensor->cpus; cpu++)
		for (unsigned f = 0; f < TACIT_FEATURE_COUNT; f++)
			total[f] += value[cpu].count[f];
	tacit_tally_add(sensor->tally, slot, total);
}

/* Whoever took a slot after the owners were named is left for the next drain. */
static int add_slots(struct tacit_sensor *sensor)
{
	for (uint32_t n, at = 0; at < sensor->high; at += n) {
		int r;

		n = sensor->high - at;
		if (n > TACIT_SENSOR_CHUNK)
			n = TACIT_SENSOR_CHUNK;
		r = look_up(sensor, at, &n);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < n; i++) {
			uint32_t slot = sensor->chunk_key[i];

			if (slot == TACIT_SLOT_OTHER ||
			    tacit_sensor_owner(sensor, slot) == sensor->owned[slot])
				add_up(sensor, slot, sensor->chunk + (size_t)i * sensor->cpus);
		}
	}
	return 0;
}

int tacit_sensor_collect(struct tacit_sensor *sensor)
{
	int r = pass_over_tasks(sensor);

	if (r == 0)
		r = name_owners(sensor);
	if (r == 0)
		r = add_slots(sensor);
	if (r == 0)
		sensor->goners = tacit_tally_find_gone(
			sensor->tally, sensor->probe[TACIT_PROBE_TASKS].observed, sensor->gone);
	return r;
}

/* A slot rests for one window between two owners, so that a program that was about to count for the
 * first does not count for the second. Its counters stay: the tally knows where they were. */
static void hand_on(struct tacit_sensor *sensor)
{
	unsigned *rested = sensor->resting;

	for (unsigned i = 0; i < sensor->resters; i++)
		(void)bpf_map_update_elem(sensor->map_fd[TACIT_MAP_FREE_SLOTS], NULL, &rested[i],
					  BPF_ANY);
	for (unsigned i = 0; i < sensor->goners; i++) {
		uint64_t cgroup = tacit_sensor_owner(sensor, sensor->gone[i]);

		(void)bpf_map_delete_elem(sensor->map_fd[TACIT_MAP_SLOTS], &cgroup);
		tacit_sensor_set_owner(sensor, sensor->gone[i], 0);
	}
	sensor->resting = sensor->gone;
	sensor->resters = sensor->goners;
	sensor->gone = rested;
	sensor->goners = 0;
}

static void read_drops(struct tacit_sensor *sensor)
{
	uint64_t *value = (uint64_t *)sensor->chunk; /* as many processors, and shorter */

	for (uint32_t i = 0; i < TACIT_DROP_COUNT; i++) {
		if (bpf_map_lookup_elem(sensor->map_fd[TACIT_MAP_DROPS], &i, value) != 0)
			continue;
		sensor->status.dropped[i] = 0;
		for (unsigned cpu = 0; cpu < sensor->cpus; cpu++)
			sensor->status.dropped[i] += value[cpu];
	}
}

static void take_stock(struct tacit_sensor *sensor)
{
	sensor->status.slots_used = 0;
	for (uint32_t slot = 1; slot < sensor->high; slot++)
		sensor->status.slots_used += tacit_sensor_owner(sensor, slot) != 0;
	read_drops(sensor);
}

/* The frame of the windows that end now. */
static struct tacit_window next_frame(struct tacit_sensor *sensor)
{
	int64_t boot_ms = tacit_clock_boot_ms();
	int64_t length_ms = boot_ms - sensor->drained_ms;
	struct tacit_window frame = {
		.end_ms = tacit_clock_wall_ms(),
		.length_ms = length_ms > 0 ? (uint32_t)length_ms : 1,
	};

	sensor->drained_ms = boot_ms;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		frame.observed[i] = sensor->probe[i].observed;
	return frame;
}

int tacit_sensor_drain(struct tacit_sensor *sensor, tacit_window_fn *emit, void *ctx)
{
	uint64_t started = now_ns();
	struct tacit_window frame;
	unsigned n;
	int r = tacit_sensor_collect(sensor);

	if (r < 0)
		return r;
	hand_on(sensor);
	take_stock(sensor);
	sensor->status.drain_ns = now_ns() - started;
	frame = next_frame(sensor);
	n = tacit_tally_emit(sensor->tally, &frame, emit, ctx);
	sensor->status.services = n - 1;
	return (int)n;
}
