/* SPDX-License-Identifier: MIT */
/*
 * One drain: drive the task iterator, take what the counters hold, let the tally make windows of
 * it, and hand on the slots of cgroups that ended.
 */
#include "sensor_private.h"

#include <bpf/bpf.h>

#include <tacit/clock.h>

#define DUTY_MIN 20U /* permille; what is seen in less of a window says nothing of the rest */

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

/* What a program adds meanwhile is in what was taken, or stays for the next drain. Most are zero.
 */
static void take(struct tacit_sensor *sensor, uint32_t slot, struct tacit_counters *from)
{
	uint64_t taken[TACIT_FEATURE_COUNT];

	for (unsigned f = 0; f < TACIT_FEATURE_COUNT; f++) {
		taken[f] = __atomic_load_n(&from->count[f], __ATOMIC_RELAXED);
		if (taken[f])
			taken[f] = __atomic_exchange_n(&from->count[f], 0, __ATOMIC_RELAXED);
	}
	tacit_tally_add(sensor->tally, slot, taken);
}

/* A program marks a slot and then counts: what was marked before the last drain may have been
 * counted after it. So a mark is 1, then SEEN, and gone only then. */
static bool unmark(uint8_t *mark)
{
	enum { SEEN = 2 };
	uint8_t was = __atomic_load_n(mark, __ATOMIC_RELAXED), seen = SEEN;

	if (was == SEEN)
		(void)__atomic_compare_exchange_n(mark, &seen, 0, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
	else if (was)
		__atomic_store_n(mark, SEEN, __ATOMIC_RELAXED);
	return was != 0;
}

/* Whoever took a slot after the owners were named is left for the next drain. */
static void add_slots(struct tacit_sensor *sensor)
{
	for (unsigned cpu = 0; cpu < sensor->cpus; cpu++)
		for (uint32_t slot = 0; slot < sensor->high; slot++)
			if ((slot == TACIT_SLOT_OTHER ||
			     tacit_sensor_owner(sensor, slot) == sensor->owned[slot]) &&
			    unmark(&sensor->touched[cpu].slot[slot]))
				take(sensor, slot, &sensor->counters[cpu * sensor->slots + slot]);
}

int tacit_sensor_collect(struct tacit_sensor *sensor)
{
	int r = pass_over_tasks(sensor);

	if (r == 0)
		r = name_owners(sensor);
	if (r == 0)
		add_slots(sensor);
	if (r == 0)
		sensor->goners = tacit_tally_find_gone(
			sensor->tally, sensor->probe[TACIT_PROBE_TASKS].observed, sensor->gone);
	return r;
}

/* A slot rests for one window between two owners, so that a program that was about to count for the
 * first does not count for the second: what it adds is the host's. */
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
	uint64_t *value = sensor->drop;

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

/* Whether the hook saw enough of the window to speak for it. The calls of calibration are in the
 * first one that was taken over. */
static unsigned duty(struct tacit_sensor *sensor)
{
	unsigned permille = tacit_sensor_hook_duty(sensor);

	if (!sensor->probe[TACIT_PROBE_SYSCALL].observed)
		return 0;
	if (sensor->status.adopted && sensor->drains == 0)
		return 0;
	return permille < DUTY_MIN ? 0 : permille;
}

/* The frame of the windows that end now. */
static struct tacit_window next_frame(struct tacit_sensor *sensor)
{
	int64_t boot_ms = tacit_clock_boot_ms();
	int64_t length_ms = boot_ms - sensor->control->drained_ms;
	struct tacit_window frame = {
		.end_ms = tacit_clock_wall_ms(),
		.length_ms = 1,
		.duty_permille = TACIT_DUTY_ALWAYS,
	};

	if (length_ms > 0 && length_ms <= UINT32_MAX)
		frame.length_ms = (uint32_t)length_ms;
	sensor->control->drained_ms = boot_ms;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		frame.observed[i] = sensor->probe[i].observed;
	sensor->status.duty_permille = duty(sensor);
	if (sensor->status.duty_permille)
		frame.duty_permille = (uint16_t)sensor->status.duty_permille;
	else
		frame.observed[TACIT_PROBE_SYSCALL] = 0;
	return frame;
}

int tacit_sensor_try(struct tacit_sensor *sensor)
{
	uint32_t first = 0;

	return bpf_map_lookup_elem(sensor->map_fd[TACIT_MAP_DROPS], &first, sensor->drop) == 0
		       ? 0
		       : -errno;
}

int tacit_sensor_drain(struct tacit_sensor *sensor, tacit_window_fn *emit, void *ctx)
{
	uint64_t began = tacit_sensor_now_ns(), spent = tacit_sensor_spent_ns();
	struct tacit_window frame;
	unsigned n;
	int r = tacit_sensor_collect(sensor);

	if (r < 0)
		return r;
	hand_on(sensor);
	take_stock(sensor);
	frame = next_frame(sensor);
	sensor->control->window++;
	sensor->status.drain_ns = tacit_sensor_now_ns() - began;
	tacit_sensor_hook_next(sensor, tacit_tally_calls(sensor->tally),
			       tacit_sensor_spent_ns() - spent);
	n = tacit_tally_emit(sensor->tally, &frame, emit, ctx);
	sensor->status.services = n - 1;
	sensor->drains++;
	return (int)n;
}
