/* SPDX-License-Identifier: MIT */
/*
 * The system-call hook: what it costs here is measured by making a cheap call without and with it,
 * and the governor's plans are carried out. Attaching needs the program's descriptor alone.
 */
#include "sensor_private.h"

#include <math.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <tacit/cleanup.h>

#define NS_PER_SEC  1000000000ULL
#define NS_PER_MS   1000000ULL
#define ROUNDS	    60
#define CALLS	    40 /* a round is much shorter than a time slice */
#define CALL_NS_MIN 10.0
#define CHUNKS	    8U /* additions to what is spent, a processor, until all is */
#define CHUNK_MIN   64U

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t tacit_sensor_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t tacit_sensor_spent_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static int attach(struct tacit_sensor_hook *hook)
{
	uint64_t spent = tacit_sensor_spent_ns();

	if (hook->link_fd >= 0)
		return 0;
	hook->link_fd = bpf_raw_tracepoint_open(NULL, hook->program_fd);
	if (hook->link_fd < 0)
		return -errno;
	hook->attached_at = tacit_sensor_now_ns();
	hook->switch_ns += tacit_sensor_spent_ns() - spent;
	return 0;
}

static void detach(struct tacit_sensor_hook *hook)
{
	uint64_t spent = tacit_sensor_spent_ns(), now = tacit_sensor_now_ns();

	if (hook->link_fd < 0)
		return;
	tacit_close_p(&hook->link_fd);
	hook->link_fd = -1;
	hook->attached_ns += now - hook->attached_at;
	hook->switch_ns += tacit_sensor_spent_ns() - spent;
}

/* The least of a few rounds: what others do meanwhile only ever adds. */
static double call_ns(void)
{
	double least = INFINITY;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t began = tacit_sensor_now_ns();

		for (int i = 0; i < CALLS; i++)
			(void)syscall(SYS_getppid);
		least = fmin(least, (double)(tacit_sensor_now_ns() - began) / CALLS);
	}
	return least;
}

int tacit_sensor_hook_calibrate(struct tacit_sensor *sensor)
{
	struct tacit_sensor_hook *hook = &sensor->hook;
	double without, with;
	int r;

	if (hook->program_fd < 0)
		return 0;
	without = call_ns();
	r = attach(hook);
	if (r < 0)
		return r;
	with = call_ns();
	detach(hook);
	hook->call_ns = fmax(with - without, CALL_NS_MIN);
	return 0;
}

static int on_wake(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

/* Grants the programs what the plan does. */
static void grant(struct tacit_sensor *sensor)
{
	struct tacit_control *control = sensor->control;
	uint64_t allowance = sensor->hook.plan.allowance;
	uint64_t chunk = allowance / CHUNKS / sensor->cpus;

	__atomic_store_n(&control->spent, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&control->allowance, allowance, __ATOMIC_RELAXED);
	__atomic_store_n(&control->chunk, chunk > CHUNK_MIN ? chunk : CHUNK_MIN, __ATOMIC_RELAXED);
}

static bool is_spent(const struct tacit_sensor *sensor)
{
	const struct tacit_control *control = sensor->control;

	return __atomic_load_n(&control->spent, __ATOMIC_RELAXED) >= control->allowance;
}

static uint64_t random64(void)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		number = tacit_sensor_now_ns() * 0x9e3779b97f4a7c15ULL;
	return number;
}

static void begin_window(struct tacit_sensor *sensor, const struct tacit_governor_window *last)
{
	struct tacit_sensor_hook *hook = &sensor->hook;

	hook->plan = tacit_governor_next(&hook->governor, last, random64());
	hook->begun_ns = tacit_sensor_now_ns();
	hook->attached_ns = hook->switch_ns = 0;
	if (hook->link_fd >= 0)
		hook->attached_at = hook->begun_ns;
	grant(sensor);
	(void)tacit_sensor_turn(sensor);
}

static int govern(struct tacit_sensor *sensor)
{
	struct tacit_sensor_hook *hook = &sensor->hook;
	const struct tacit_governor_params params = {
		.budget = sensor->budget_pct / 100,
		.window_ns = sensor->window_ms * NS_PER_MS,
		.call_ns = hook->call_ns,
		.switch_ns = hook->switch_ns,
	};

	hook->wake = ring_buffer__new(sensor->map_fd[TACIT_MAP_WAKE], on_wake, NULL, NULL);
	if (!hook->wake)
		return -errno;
	hook->governed = true;
	tacit_governor_init(&hook->governor, &params);
	begin_window(sensor, NULL);
	return 0;
}

int tacit_sensor_hook_start(struct tacit_sensor *sensor)
{
	struct tacit_sensor_hook *hook = &sensor->hook;

	if (hook->program_fd < 0)
		return 0;
	if (sensor->budget_pct > 0)
		return govern(sensor);
	hook->begun_ns = tacit_sensor_now_ns();
	return attach(hook);
}

int64_t tacit_sensor_turn(struct tacit_sensor *sensor)
{
	struct tacit_sensor_hook *hook = &sensor->hook;
	const struct tacit_governor_plan *plan = &hook->plan;
	uint64_t at = tacit_sensor_now_ns() - hook->begun_ns, due;

	if (!hook->governed)
		return -1;
	(void)ring_buffer__consume(hook->wake);
	if (at >= plan->stop_ns || at < plan->start_ns || is_spent(sensor))
		detach(hook);
	else
		(void)attach(hook); /* if the kernel is out of memory now, later */
	due = at < plan->start_ns ? plan->start_ns : plan->stop_ns;
	if (at >= due || due == UINT64_MAX || is_spent(sensor))
		return -1;
	return (int64_t)((due - at) / NS_PER_MS + 1);
}

int tacit_sensor_wake_fd(const struct tacit_sensor *sensor)
{
	return sensor->hook.wake ? ring_buffer__epoll_fd(sensor->hook.wake) : -1;
}

static uint64_t attached_ns(const struct tacit_sensor_hook *hook, uint64_t now)
{
	return hook->attached_ns + (hook->link_fd >= 0 ? now - hook->attached_at : 0);
}

unsigned tacit_sensor_hook_duty(const struct tacit_sensor *sensor)
{
	const struct tacit_sensor_hook *hook = &sensor->hook;
	uint64_t now = tacit_sensor_now_ns(), length = now - hook->begun_ns;

	if (!hook->governed)
		return TACIT_DUTY_ALWAYS;
	return length ? (unsigned)(attached_ns(hook, now) * TACIT_DUTY_ALWAYS / length)
		      : TACIT_DUTY_ALWAYS;
}

void tacit_sensor_hook_next(struct tacit_sensor *sensor, uint64_t calls, uint64_t drain_ns)
{
	struct tacit_sensor_hook *hook = &sensor->hook;
	uint64_t now = tacit_sensor_now_ns();
	const struct tacit_governor_window window = {
		.length_ns = now - hook->begun_ns,
		.attached_ns = attached_ns(hook, now),
		.calls = calls,
		.switch_ns = hook->switch_ns,
		.fixed_ns = drain_ns,
	};

	if (hook->governed)
		begin_window(sensor, &window);
}

void tacit_sensor_hook_stop(struct tacit_sensor *sensor)
{
	tacit_close_p(&sensor->hook.link_fd);
	ring_buffer__free(sensor->hook.wake);
	sensor->hook.wake = NULL;
}
