/* SPDX-License-Identifier: MIT */
/* One window's work: read the clocks, drain the source, judge what it gives. */
#include "daemon_private.h"

#include <stdlib.h>
#include <time.h>

#include <tacit/clock.h>

#define CLOCK_SET_MS   60000   /* a wall clock that jumps further was set */
#define CLOCK_TRUST_MS 3600000 /* how long it must then run before it may delete */

#define RECORD_COMPLAINT_MS 60000U

static int64_t monotonic_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t monotonic_ms(void)
{
	return monotonic_ns() / 1000000;
}

void tacit_daemon_begin(struct tacit_daemon *daemon)
{
	struct tacit_daemon_clock *clock = &daemon->params.clock;

	if (!clock->wall_ms)
		clock->wall_ms = tacit_clock_wall_ms;
	if (!clock->boot_ms)
		clock->boot_ms = tacit_clock_boot_ms;
	if (!clock->monotonic_ms)
		clock->monotonic_ms = monotonic_ms;
	daemon->wall_ms = clock->wall_ms();
	daemon->boot_ms = clock->boot_ms();
	daemon->monotonic_ms = clock->monotonic_ms();
	daemon->set_ms = daemon->boot_ms;
	daemon->status.started_ms = daemon->wall_ms;
}

bool tacit_daemon_trusts_clock(const struct tacit_daemon *daemon)
{
	return daemon->boot_ms - daemon->set_ms >= CLOCK_TRUST_MS;
}

static void complain(struct tacit_daemon *daemon, const char *what, int err)
{
	if (tacit_log_allowed(&daemon->complaint))
		tacit_warning("%s: %s, ignoring", what, tacit_strerror(err));
}

/* Returns milliseconds by the boot clock since the last tick. */
static int64_t read_clocks(struct tacit_daemon *daemon)
{
	const struct tacit_daemon_clock *clock = &daemon->params.clock;
	int64_t boot = clock->boot_ms(), monotonic = clock->monotonic_ms();
	int64_t wall = clock->wall_ms(), elapsed = boot - daemon->boot_ms;
	int64_t asleep = elapsed - (monotonic - daemon->monotonic_ms);

	daemon->slept = asleep > daemon->params.conf->window_ms / 2;
	if (daemon->slept)
		daemon->status.suspended_ms += (uint64_t)asleep;
	if (llabs(wall - daemon->wall_ms - elapsed) > CLOCK_SET_MS) {
		tacit_notice("the wall clock was set by %lld s",
			     (long long)(wall - daemon->wall_ms - elapsed) / 1000);
		daemon->set_ms = boot;
	}
	daemon->boot_ms = boot;
	daemon->monotonic_ms = monotonic;
	daemon->wall_ms = wall;
	return elapsed;
}

/* A recording must not cost the daemon its work, nor the log its readability. */
static void complain_of_record(struct tacit_daemon *daemon, int err)
{
	if (err < 0 && tacit_log_allowed(&daemon->record_complaint))
		tacit_warning("cannot write the recording: %s, %llu windows lost so far, ignoring",
			      tacit_strerror(err),
			      (unsigned long long)tacit_recording_writer_lost(daemon->record));
}

static void record(struct tacit_daemon *daemon, const struct tacit_window *window)
{
	daemon->row.window = *window;
	complain_of_record(daemon, tacit_recording_writer_add(daemon->record, &daemon->row));
}

static void on_window(void *ctx, const struct tacit_window *window)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	uint32_t nominal_ms = daemon->params.conf->window_ms;
	struct tacit_window shorter;
	int r;

	if (daemon->record)
		record(daemon, window);
	daemon->status.last_window_ms = window->end_ms;
	if (daemon->slept) { /* half of it was spent asleep: it is like no other */
		daemon->status.unjudged++;
		return;
	}
	if (window->length_ms / 2 > nominal_ms) { /* nobody drained: an earlier daemon's end */
		shorter = *window;
		tacit_window_shorten(&shorter, nominal_ms);
		window = &shorter;
	}
	r = tacit_detect_window(daemon->detect, window, NULL, NULL);
	if (r < 0) {
		daemon->status.failed++;
		complain(daemon, "cannot judge a window", r);
		return;
	}
	daemon->status.windows++;
	daemon->status.windows_total++;
}

int tacit_daemon_tick(struct tacit_daemon *daemon)
{
	int64_t began = monotonic_ns(), elapsed = read_clocks(daemon);
	int r = 0;

	if (daemon->params.source.drain)
		r = daemon->params.source.drain(daemon->params.source.ctx, on_window, daemon);
	if (r < 0 && r != -ENODATA) {
		daemon->status.failed++;
		complain(daemon, "cannot drain the sensor", r);
	}
	tacit_detect_tick(daemon->detect, elapsed);
	if (daemon->record)
		complain_of_record(daemon, tacit_recording_writer_flush(daemon->record));
	daemon->status.ticks++;
	daemon->status.tick_us = (uint32_t)((monotonic_ns() - began) / 1000);
	return r < 0 ? r : 0;
}

int tacit_daemon_open_record(struct tacit_daemon *daemon)
{
	if (!daemon->params.record_path)
		return 0;
	(void)snprintf(daemon->row.host, sizeof(daemon->row.host), "%.32s",
		       tacit_identity_host(daemon->identity));
	daemon->record_complaint =
		(struct tacit_log_limit){ .burst = 1, .interval_ms = RECORD_COMPLAINT_MS };
	return tacit_recording_writer_open(daemon->params.record_path, &daemon->record);
}

void tacit_daemon_close_record(struct tacit_daemon *daemon)
{
	int r = daemon->record ? tacit_recording_writer_finish(daemon->record) : 0;

	if (r < 0)
		tacit_warning("cannot complete the recording: %s, ignoring", tacit_strerror(r));
	tacit_recording_writer_free(TACIT_TAKE(daemon->record));
}
