/* SPDX-License-Identifier: MIT */
#include "keeper.h"

#include <signal.h>
#include <string.h>

#include <event2/event.h>

#include <tacit/clock.h>
#include <tacit/log.h>
#include <tacit/mem.h>
#include <tacit/random.h>

#include "admin.h"
#include "answers.h"
#include "fleetdb.h"
#include "http.h"
#include "metrics.h"
#include "schedule.h"
#include "tasks.h"

#define BEAT_USEC	500000L
#define RENEW_CHECK_SEC 3600

struct keeper {
	const struct tacit_keeper_params *params;
	struct event_base *base;
	struct tacit_db *db;
	struct tacit_random *random;
	struct tacit_schedule *schedule;
	struct tacit_answers answers;
	struct tacit_admin *admin;
	struct tacit_http *metrics;
	struct event *term, *hup, *beat, *tick, *renew;
	struct tacit_log_limit complaints;
	bool stuck; /* the last tick failed */
};

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *keeper = (struct keeper *)arg;
	int64_t wait_ms = TACIT_SCHEDULE_TICK_MS;
	struct timeval wait;
	int r = tacit_schedule_tick(keeper->schedule, tacit_clock_wall_ms(), tacit_clock_boot_ms(),
				    &wait_ms);

	(void)fd;
	(void)what;
	keeper->stuck = r < 0;
	if (r < 0 && tacit_log_allowed(&keeper->complaints))
		tacit_error("rounds are at a standstill: %s, trying again", tacit_strerror(r));
	wait.tv_sec = wait_ms / 1000;
	wait.tv_usec = wait_ms % 1000 * 1000;
	(void)event_add(keeper->tick, &wait);
}

static void on_renew(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *keeper = (struct keeper *)arg;
	int r = tacit_ca_renew_server(keeper->params->ca, tacit_clock_wall_ms());

	(void)fd;
	(void)what;
	if (r < 0) {
		tacit_error("cannot renew the server's certificate: %s, trying again in an hour",
			    tacit_strerror(r));
	} else if (r > 0) {
		tacit_notice("the server has a new certificate");
		(void)kill(keeper->params->supervisor, SIGHUP);
	}
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *keeper = (struct keeper *)arg;
	int r = tacit_ca_reload_server(keeper->params->ca);

	(void)fd;
	(void)what;
	if (r < 0)
		tacit_warning("cannot read the server's certificate again: %s", tacit_strerror(r));
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	const struct keeper *keeper = (const struct keeper *)arg;

	(void)fd;
	(void)what;
	(void)event_base_loopexit(keeper->base, NULL);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	const struct keeper *keeper = (const struct keeper *)arg;

	(void)fd;
	(void)what;
	tacit_board_beat(keeper->params->board, keeper->params->workers, NULL, true,
			 tacit_clock_boot_ms());
}

static void serve_alive(void *ctx, struct tacit_http_exchange *exchange)
{
	(void)ctx;
	tacit_http_reply(exchange, 200, "text/plain", "alive\n", 6);
}

static void serve_ready(void *ctx, struct tacit_http_exchange *exchange)
{
	const struct keeper *keeper = (const struct keeper *)ctx;

	if (keeper->stuck)
		tacit_http_problem(exchange, 503, "standstill", "Not Ready",
				   "the last step of the rounds failed");
	else if (tacit_metrics_workers_ready(keeper->params->board, keeper->params->workers) == 0)
		tacit_http_problem(exchange, 503, "no-workers", "Not Ready",
				   "no worker is serving");
	else
		tacit_http_reply(exchange, 200, "text/plain", "ready\n", 6);
}

static void serve_metrics(void *ctx, struct tacit_http_exchange *exchange)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	const struct keeper *keeper = (const struct keeper *)ctx;
	struct tacit_metrics_fleet fleet = { .workers = keeper->params->workers,
					     .started_ms = keeper->params->started_ms };
	struct tacit_board_figures figures;
	int r = tacit_metrics_read(keeper->db, &fleet);

	fleet.workers_ready =
		tacit_metrics_workers_ready(keeper->params->board, keeper->params->workers);
	tacit_board_sum(keeper->params->board, &figures);
	tacit_metrics_format(&figures, r == 0 ? &fleet : NULL, &writer);
	if (writer.failed)
		tacit_http_problem(exchange, 503, "memory", "Service Unavailable", "out of memory");
	else
		tacit_http_reply(exchange, 200, TACIT_METRICS_TYPE, writer.data, writer.len);
}

static int open_metrics(struct keeper *keeper)
{
	static const struct tacit_http_route routes[] = {
		{ TACIT_HTTP_GET, "/livez", NULL, 0, true, serve_alive },
		{ TACIT_HTTP_GET, "/readyz", NULL, 0, true, serve_ready },
		{ TACIT_HTTP_GET, "/metrics", NULL, 0, true, serve_metrics },
	};
	const struct tacit_http_params params = { .base = keeper->base,
						  .routes = routes,
						  .n_routes = TACIT_ARRAY_LEN(routes),
						  .ctx = keeper,
						  .limits = { .connections = 64 } };
	int r;

	if (keeper->params->metrics_fd < 0)
		return 0;
	r = tacit_http_new(&params, &keeper->metrics);
	return r < 0 ? r : tacit_http_listen(keeper->metrics, keeper->params->metrics_fd);
}

static int open_admin(struct keeper *keeper)
{
	const struct tacit_admin_params params = { .base = keeper->base,
						   .path = keeper->params->conf->admin_socket,
						   .handle = tacit_answers_give,
						   .ctx = &keeper->answers };
	int r = tacit_random_new(NULL, &keeper->random);

	if (r < 0)
		return r;
	keeper->answers = (struct tacit_answers){
		.db = keeper->db,
		.ca = keeper->params->ca,
		.random = keeper->random,
		.board = keeper->params->board,
		.workers = keeper->params->workers,
		.listen = keeper->params->listen,
		.url = keeper->params->url,
		.supervisor = keeper->params->supervisor,
		.started_ms = keeper->params->started_ms,
		.wall_ms = tacit_clock_wall_ms,
	};
	r = tacit_admin_listen(&params, &keeper->admin);
	if (r < 0)
		tacit_error("%s: %s", params.path, tacit_strerror(r));
	return r;
}

static int open_database(struct keeper *keeper)
{
	TACIT_AUTO_FREE char *path = tacit_aggregator_conf_path(keeper->params->conf, "fleet.db");
	int r = path ? tacit_fleetdb_open(path, &keeper->db) : -ENOMEM;

	if (r == 0)
		r = tacit_tasks_start(keeper->db, keeper->params->ca, tacit_clock_wall_ms());
	if (r < 0)
		tacit_error("%s: %s", path ? path : "fleet.db", tacit_strerror(r));
	return r;
}

static int open_events(struct keeper *keeper)
{
	static const struct timeval beat = { .tv_usec = BEAT_USEC };
	static const struct timeval hour = { .tv_sec = RENEW_CHECK_SEC };

	keeper->term = evsignal_new(keeper->base, SIGTERM, on_term, keeper);
	keeper->hup = evsignal_new(keeper->base, SIGHUP, on_hup, keeper);
	keeper->beat = event_new(keeper->base, -1, EV_PERSIST, on_beat, keeper);
	keeper->tick = event_new(keeper->base, -1, 0, on_tick, keeper);
	keeper->renew = event_new(keeper->base, -1, EV_PERSIST, on_renew, keeper);
	if (!keeper->term || !keeper->hup || !keeper->beat || !keeper->tick || !keeper->renew ||
	    event_add(keeper->term, NULL) < 0 || event_add(keeper->hup, NULL) < 0 ||
	    event_add(keeper->beat, &beat) < 0 || event_add(keeper->renew, &hour) < 0)
		return -ENOMEM;
	return 0;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void close_keeper(struct keeper *keeper)
{
	tacit_http_free(keeper->metrics);
	tacit_admin_free(keeper->admin);
	tacit_schedule_free(keeper->schedule);
	tacit_random_free(keeper->random);
	tacit_db_close(keeper->db);
	free_event(keeper->term);
	free_event(keeper->hup);
	free_event(keeper->beat);
	free_event(keeper->tick);
	free_event(keeper->renew);
	if (keeper->base)
		event_base_free(keeper->base);
}

int tacit_keeper_run(const struct tacit_keeper_params *params)
{
	TACIT_CLEANUP(close_keeper)
	struct keeper keeper = {
		.params = params,
		.complaints = { .burst = 3, .interval_ms = 60000 },
	};
	int r;

	keeper.base = event_base_new();
	if (!keeper.base)
		return -ENOMEM;
	r = open_database(&keeper);
	if (r == 0)
		r = tacit_schedule_new(keeper.db, params->ca, &keeper.schedule);
	if (r == 0)
		r = open_admin(&keeper);
	if (r == 0)
		r = open_metrics(&keeper);
	if (r == 0)
		r = open_events(&keeper);
	if (r < 0) {
		tacit_error("the keeper cannot start: %s", tacit_strerror(r));
		return r;
	}
	on_tick(-1, 0, &keeper);
	on_beat(-1, 0, &keeper);
	(void)event_base_dispatch(keeper.base);
	return 0;
}
