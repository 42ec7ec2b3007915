/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <signal.h>

#include <event2/event.h>

#include <tacit/clock.h>
#include <tacit/log.h>
#include <tacit/mem.h>

#include "fleetdb.h"
#include "routes.h"
#include "tls.h"

#define BEAT_USEC 500000L

struct worker {
	const struct tacit_worker_params *params;
	struct event_base *base;
	struct tacit_db *db;
	struct tacit_routes *routes;
	struct tacit_http *http;
	struct event *term, *hup, *beat;
};

static int load_tls(struct worker *worker, SSL_CTX **ret)
{
	struct tacit_ca *ca = worker->params->ca;
	int r = tacit_ca_reload_server(ca);

	if (r < 0)
		return r;
	return tacit_tls_new(&(struct tacit_tls_params){ .cert = tacit_ca_server_cert(ca),
							 .key = tacit_ca_server_key(ca),
							 .ca = tacit_ca_cert(ca) },
			     ret);
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	TACIT_CLEANUP(tacit_tls_free_p) SSL_CTX *tls = NULL;
	struct worker *worker = (struct worker *)arg;
	int r = load_tls(worker, &tls);

	(void)fd;
	(void)what;
	if (r < 0)
		tacit_warning("cannot read the server's certificate again: %s, keeping the old one",
			      tacit_strerror(r));
	else
		tacit_http_set_tls(worker->http, tls);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = (struct worker *)arg;

	(void)fd;
	(void)what;
	tacit_routes_drain(worker->routes);
	tacit_http_drain(worker->http, TACIT_DRAIN_MS);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	const struct worker *worker = (const struct worker *)arg;
	struct tacit_board_figures figures;

	(void)fd;
	(void)what;
	tacit_http_counters(worker->http, &figures.http);
	tacit_routes_counters(worker->routes, &figures.routes);
	tacit_board_beat(worker->params->board, worker->params->index, &figures, true,
			 tacit_clock_boot_ms());
}

static int open_http(struct worker *worker)
{
	TACIT_CLEANUP(tacit_tls_free_p) SSL_CTX *tls = NULL;
	struct tacit_http_params http = {
		.base = worker->base,
		.ctx = worker->routes,
		.limits = tacit_aggregator_conf_limits(worker->params->conf),
	};
	int r = load_tls(worker, &tls);

	if (r < 0) {
		tacit_error("server certificate: %s", tacit_strerror(r));
		return r;
	}
	http.tls = tls;
	http.routes = tacit_routes_table(&http.n_routes);
	r = tacit_http_new(&http, &worker->http);
	return r < 0 ? r : tacit_http_listen(worker->http, worker->params->fd);
}

static int open_routes(struct worker *worker)
{
	TACIT_AUTO_FREE char *path = tacit_aggregator_conf_path(worker->params->conf, "fleet.db");
	struct tacit_routes_params routes = { .base = worker->base,
					      .ca = worker->params->ca,
					      .worker = worker->params->index };
	int r;

	if (!path)
		return -ENOMEM;
	r = tacit_fleetdb_open(path, &worker->db);
	if (r < 0) {
		tacit_error("%s: %s", path, tacit_strerror(r));
		return r;
	}
	routes.db = worker->db;
	return tacit_routes_new(&routes, &worker->routes);
}

static int open_events(struct worker *worker)
{
	static const struct timeval period = { .tv_usec = BEAT_USEC };

	worker->term = evsignal_new(worker->base, SIGTERM, on_term, worker);
	worker->hup = evsignal_new(worker->base, SIGHUP, on_hup, worker);
	worker->beat = event_new(worker->base, -1, EV_PERSIST, on_beat, worker);
	if (!worker->term || !worker->hup || !worker->beat || event_add(worker->term, NULL) < 0 ||
	    event_add(worker->hup, NULL) < 0 || event_add(worker->beat, &period) < 0)
		return -ENOMEM;
	return 0;
}

static void close_worker(struct worker *worker)
{
	tacit_http_free(worker->http); /* before the routes: no more exchanges come in */
	tacit_routes_free(worker->routes);
	tacit_db_close(worker->db);
	if (worker->term)
		event_free(worker->term);
	if (worker->hup)
		event_free(worker->hup);
	if (worker->beat)
		event_free(worker->beat);
	if (worker->base)
		event_base_free(worker->base);
}

int tacit_worker_run(const struct tacit_worker_params *params)
{
	TACIT_CLEANUP(close_worker) struct worker worker = { .params = params };
	int r;

	worker.base = event_base_new();
	if (!worker.base)
		return -ENOMEM;
	r = open_routes(&worker);
	if (r == 0)
		r = open_http(&worker);
	if (r == 0)
		r = open_events(&worker);
	if (r < 0) {
		tacit_error("worker %u cannot start: %s", params->index, tacit_strerror(r));
		return r;
	}
	on_beat(-1, 0, &worker);
	(void)event_base_dispatch(worker.base);
	on_beat(-1, 0, &worker);
	return 0;
}
