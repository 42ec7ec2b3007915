/* SPDX-License-Identifier: MIT */
#include "daemon_private.h"

#include <signal.h>
#include <stdlib.h>

#include <event2/event.h>

#include <tacit/model.h>
#include <tacit/notify.h>

#include "report.h"
#include "sensor.h"

#define EPISODES_MS   2000
#define RETAIN_MS     60000
#define DAY_MS	      ((int64_t)86400000)
#define MEBIBYTE      ((int64_t)1 << 20)
#define SPARE	      8U /* scopes beyond the sensor's services: the host, and those that just ended */
#define COMPLAINTS    10U
#define COMPLAINTS_MS 60000U

/* Windows go before the network, and both before maintenance. */
enum { PRIORITY_TICK, PRIORITY_NETWORK, PRIORITY_CHORE, PRIORITIES };

static void add_ms(struct event *event, int64_t ms)
{
	struct timeval after = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(event, &after);
}

static void warn_if(int err, const char *what)
{
	if (err < 0)
		tacit_warning("%s: %s, ignoring", what, tacit_strerror(err));
}

/* The sensor's hook is due, or has used up what it was granted. */
static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	int64_t ms = tacit_sensor_turn(daemon->params.sensor);

	(void)fd;
	(void)what;
	if (ms >= 0)
		add_ms(daemon->turn, ms);
}

/* A tick that is late keeps its rhythm; one that is a window late or more begins a new one. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	uint32_t window_ms = daemon->params.conf->window_ms;
	int64_t late, now;

	(void)fd;
	(void)what;
	late = daemon->params.clock.boot_ms() - daemon->due_ms;
	if (late > window_ms / 10)
		daemon->status.late_ticks++;
	if (tacit_daemon_tick(daemon) == -ENODATA) {
		tacit_daemon_stop(daemon);
		return;
	}
	if (daemon->turn)
		on_turn(-1, 0, daemon);
	if (!daemon->slept && late > daemon->status.late_max_ms)
		daemon->status.late_max_ms = (uint32_t)late;
	now = daemon->params.clock.boot_ms();
	daemon->due_ms += window_ms;
	if (daemon->due_ms <= now)
		daemon->due_ms = now + window_ms;
	add_ms(daemon->tick, daemon->due_ms - now);
}

static void on_episodes(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;

	(void)fd;
	(void)what;
	warn_if(tacit_detect_flush(daemon->detect), "cannot store anomalies");
	add_ms(daemon->chore[TACIT_CHORE_EPISODES], EPISODES_MS);
}

static int save(struct tacit_daemon *daemon, bool all)
{
	int models = tacit_learner_flush(daemon->learner, all);
	int windows = tacit_store_flush(daemon->store);
	int report = tacit_report_save(daemon);

	if (models < 0)
		return models;
	return windows < 0 ? windows : report;
}

static void on_models(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;

	(void)fd;
	(void)what;
	warn_if(save(daemon, false), "cannot save what was learned");
	add_ms(daemon->chore[TACIT_CHORE_MODELS], TACIT_LEARNER_FLUSH_MS);
}

static void on_retain(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	const struct tacit_agent_conf *conf = daemon->params.conf;
	int64_t age = tacit_daemon_trusts_clock(daemon) ? conf->store_max_age_days * DAY_MS : 0;
	int r = tacit_store_retain(daemon->store, daemon->wall_ms, age,
				   conf->store_max_mb * MEBIBYTE);

	(void)fd;
	(void)what;
	warn_if(r, "cannot trim the database");
	add_ms(daemon->chore[TACIT_CHORE_RETAIN], r > 0 ? 0 : RETAIN_MS);
}

static uint32_t watchdog_ms(void)
{
	return tacit_notify_watchdog_ms(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
}

/* Its priority is the lowest: a loop that is never idle is not well. */
static void on_watchdog(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;

	(void)fd;
	(void)what;
	(void)tacit_notify_send(getenv("NOTIFY_SOCKET"), "WATCHDOG=1");
	add_ms(daemon->chore[TACIT_CHORE_WATCHDOG], watchdog_ms());
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	tacit_daemon_stop((struct tacit_daemon *)ctx);
}

static void apply(struct tacit_daemon *daemon)
{
	const struct tacit_agent_conf *conf = daemon->params.conf;

	tacit_log_set_level(tacit_agent_conf_log_level(conf));
	tacit_detect_set_policy(daemon->detect, conf->alerts_per_day,
				(int64_t)conf->learn_accept_after_sec * 1000);
}

static void on_reload(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	struct tacit_agent_conf *conf = daemon->params.conf, fresh;
	struct tacit_conf_where where;
	int r;

	(void)fd;
	(void)what;
	if (!daemon->params.conf_path)
		return;
	r = tacit_agent_conf_load(&fresh, daemon->params.conf_path, 1, &where);
	if (r < 0) {
		tacit_error("%s:%u: %s; the old configuration stays", where.file, where.line,
			    where.why);
		return;
	}
	conf->log_level = fresh.log_level;
	conf->alerts_per_day = fresh.alerts_per_day;
	conf->learn_accept_after_sec = fresh.learn_accept_after_sec;
	conf->store_max_mb = fresh.store_max_mb;
	conf->store_max_age_days = fresh.store_max_age_days;
	tacit_agent_conf_done(&fresh);
	apply(daemon);
	tacit_notice("configuration read again: log level, alerts, acceptance and retention hold "
		     "from now on, other keys from the next start");
}

static int make_event(struct tacit_daemon *daemon, struct event **ret, int priority,
		      event_callback_fn fn)
{
	*ret = event_new(daemon->base, -1, 0, fn, daemon);
	return *ret && event_priority_set(*ret, priority) == 0 ? 0 : -ENOMEM;
}

static int make_signal(struct tacit_daemon *daemon, struct event **ret, int number,
		       event_callback_fn fn)
{
	*ret = evsignal_new(daemon->base, number, fn, daemon);
	return *ret && event_add(*ret, NULL) == 0 ? 0 : -ENOMEM;
}

static int make_loop(struct tacit_daemon *daemon)
{
	static const event_callback_fn chores[] = {
		[TACIT_CHORE_EPISODES] = on_episodes,
		[TACIT_CHORE_MODELS] = on_models,
		[TACIT_CHORE_RETAIN] = on_retain,
		[TACIT_CHORE_WATCHDOG] = on_watchdog,
	};
	int r;

	daemon->base = event_base_new();
	if (!daemon->base || event_base_priority_init(daemon->base, PRIORITIES) != 0)
		return -ENOMEM;
	r = make_event(daemon, &daemon->tick, PRIORITY_TICK, on_tick);
	for (size_t i = 0; r == 0 && i < TACIT_CHORE_COUNT; i++)
		r = make_event(daemon, &daemon->chore[i], PRIORITY_CHORE, chores[i]);
	if (r == 0)
		r = make_signal(daemon, &daemon->on_signal[0], SIGTERM, on_stop);
	if (r == 0)
		r = make_signal(daemon, &daemon->on_signal[1], SIGINT, on_stop);
	if (r == 0)
		r = make_signal(daemon, &daemon->on_signal[2], SIGHUP, on_reload);
	return r;
}

static int make_turns(struct tacit_daemon *daemon)
{
	struct tacit_sensor *sensor = daemon->params.sensor;
	int fd = sensor ? tacit_sensor_wake_fd(sensor) : -1;

	if (fd < 0)
		return 0;
	daemon->turn = event_new(daemon->base, -1, 0, on_turn, daemon);
	daemon->wake = event_new(daemon->base, fd, EV_READ | EV_PERSIST, on_turn, daemon);
	if (!daemon->turn || event_priority_set(daemon->turn, PRIORITY_TICK) != 0 ||
	    !daemon->wake || event_priority_set(daemon->wake, PRIORITY_TICK) != 0)
		return -ENOMEM;
	return event_add(daemon->wake, NULL) == 0 ? 0 : -EIO;
}

static int open_store(struct tacit_daemon *daemon)
{
	TACIT_AUTO_FREE char *path = tacit_agent_conf_path(daemon->params.conf, TACIT_STORE_FILE);
	struct tacit_store_params params = { .path = path };
	int64_t windows = 0;
	int r;

	if (!path)
		return -ENOMEM;
	r = tacit_store_open(&params, &daemon->store);
	if (r < 0) {
		tacit_error("cannot open %s: %s", path, tacit_strerror(r));
		return r;
	}
	if (tacit_store_get_int(daemon->store, "windows", &windows) == 0 && windows > 0)
		daemon->status.windows_total = (uint64_t)windows;
	return tacit_store_set_int(daemon->store, "started_ms", daemon->wall_ms);
}

static int on_processes(void *ctx, const char *scope, unsigned windows, struct tacit_process *ret,
			size_t max)
{
	return tacit_sensor_processes((struct tacit_sensor *)ctx, scope, windows, ret, max);
}

static int make_models(struct tacit_daemon *daemon)
{
	const struct tacit_agent_conf *conf = daemon->params.conf;
	struct tacit_learner_params learner = {
		.kind = tacit_model_kind_find(conf->model_kind),
		.store = daemon->store,
		.memory_bytes = (size_t)conf->model_memory_mb << 20,
		.scopes_max = conf->sensor_max_services + SPARE,
	};
	struct tacit_detect_params detect = {
		.store = daemon->store,
		.alerts_per_day = conf->alerts_per_day,
		.window_ms = conf->window_ms,
		.accept_after_ms = (int64_t)conf->learn_accept_after_sec * 1000,
		.processes = daemon->params.sensor ? on_processes : NULL,
		.processes_ctx = daemon->params.sensor,
	};
	int r;

	if (!learner.kind)
		return -EINVAL;
	r = tacit_learner_new(&learner, &daemon->learner);
	detect.learner = daemon->learner;
	return r < 0 ? r : tacit_detect_new(&detect, &daemon->detect);
}

static void listen_for_control(struct tacit_daemon *daemon)
{
	struct tacit_control_params params = {
		.base = daemon->base,
		.path = daemon->params.conf->control_socket,
		.handle = tacit_report_answer,
		.ctx = daemon,
	};
	int r = tacit_control_listen(&params, &daemon->control);

	if (r < 0)
		tacit_warning("cannot listen on %s: %s, going on without", params.path,
			      tacit_strerror(r));
}

int tacit_daemon_new(const struct tacit_daemon_params *params, struct tacit_daemon **ret)
{
	TACIT_CLEANUP(tacit_daemon_free_p)
	struct tacit_daemon *daemon = TACIT_NEW(struct tacit_daemon);
	int r;

	if (!daemon)
		return -ENOMEM;
	daemon->params = *params;
	daemon->complaint =
		(struct tacit_log_limit){ .burst = COMPLAINTS, .interval_ms = COMPLAINTS_MS };
	tacit_daemon_begin(daemon);
	r = make_loop(daemon);
	if (r == 0)
		r = make_turns(daemon);
	if (r == 0)
		r = open_store(daemon);
	if (r == 0)
		r = make_models(daemon);
	if (r == 0)
		r = tacit_daemon_join(daemon);
	if (r < 0)
		return r;
	r = tacit_daemon_open_record(daemon);
	if (r < 0) {
		tacit_error("cannot record to %s: %s", params->record_path, tacit_strerror(r));
		return r;
	}
	listen_for_control(daemon);
	*ret = TACIT_TAKE(daemon);
	return 0;
}

static void start(struct tacit_daemon *daemon)
{
	uint32_t window_ms = daemon->params.conf->window_ms;

	(void)signal(SIGPIPE, SIG_IGN);
	daemon->due_ms = daemon->params.clock.boot_ms() + window_ms;
	if (daemon->params.source.drain)
		add_ms(daemon->tick, window_ms);
	add_ms(daemon->chore[TACIT_CHORE_EPISODES], EPISODES_MS);
	add_ms(daemon->chore[TACIT_CHORE_MODELS], TACIT_LEARNER_FLUSH_MS);
	add_ms(daemon->chore[TACIT_CHORE_RETAIN], RETAIN_MS);
	if (watchdog_ms() > 0)
		add_ms(daemon->chore[TACIT_CHORE_WATCHDOG], watchdog_ms());
	tacit_daemon_start_participant(daemon);
	(void)tacit_notify_send(getenv("NOTIFY_SOCKET"), "READY=1");
}

static int finish(struct tacit_daemon *daemon)
{
	int episodes = tacit_detect_flush(daemon->detect);
	int models = save(daemon, true);

	if (models < 0 || episodes < 0)
		tacit_error("what was learned last could not be saved: %s",
			    tacit_strerror(models < 0 ? models : episodes));
	return models < 0 ? models : episodes;
}

int tacit_daemon_run(struct tacit_daemon *daemon)
{
	int r;

	start(daemon);
	r = event_base_dispatch(daemon->base);
	(void)tacit_notify_send(getenv("NOTIFY_SOCKET"), "STOPPING=1");
	if (r < 0)
		tacit_error("the event loop failed");
	return r < 0 ? -EIO : finish(daemon);
}

void tacit_daemon_stop(struct tacit_daemon *daemon)
{
	(void)event_base_loopbreak(daemon->base);
}

void tacit_daemon_free(struct tacit_daemon *daemon)
{
	if (!daemon)
		return;
	tacit_control_free(daemon->control);
	tacit_daemon_leave(daemon);
	tacit_detect_free(daemon->detect);
	tacit_learner_free(daemon->learner);
	tacit_store_close(daemon->store);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(daemon->on_signal); i++)
		if (daemon->on_signal[i])
			event_free(daemon->on_signal[i]);
	for (size_t i = 0; i < TACIT_CHORE_COUNT; i++)
		if (daemon->chore[i])
			event_free(daemon->chore[i]);
	if (daemon->tick)
		event_free(daemon->tick);
	if (daemon->turn)
		event_free(daemon->turn);
	if (daemon->wake)
		event_free(daemon->wake);
	if (daemon->base)
		event_base_free(daemon->base);
	tacit_daemon_close_record(daemon);
	tacit_free(daemon);
}

void tacit_daemon_status(const struct tacit_daemon *daemon, struct tacit_daemon_status *ret)
{
	*ret = daemon->status;
}

struct event_base *tacit_daemon_base(struct tacit_daemon *daemon)
{
	return daemon->base;
}

const struct tacit_confine_status *tacit_daemon_confine(const struct tacit_daemon *daemon)
{
	return daemon->params.confine;
}

const struct tacit_agent_conf *tacit_daemon_conf(const struct tacit_daemon *daemon)
{
	return daemon->params.conf;
}

struct tacit_store *tacit_daemon_store(struct tacit_daemon *daemon)
{
	return daemon->store;
}

struct tacit_learner *tacit_daemon_learner(struct tacit_daemon *daemon)
{
	return daemon->learner;
}

struct tacit_detect *tacit_daemon_detect(struct tacit_daemon *daemon)
{
	return daemon->detect;
}

struct tacit_sensor *tacit_daemon_sensor(struct tacit_daemon *daemon)
{
	return daemon->params.sensor;
}

const struct tacit_identity *tacit_daemon_identity(const struct tacit_daemon *daemon)
{
	return daemon->identity;
}

struct tacit_participant *tacit_daemon_participant(struct tacit_daemon *daemon)
{
	return daemon->participant;
}
