/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/listener.h>
#include <openssl/ssl.h>

#include <tacit/clock.h>
#include <tacit/mem.h>

#include "http_priv.h"

#define SWEEP_USEC     500000L
#define WATCH_AFTER_MS 1000 /* a client that waits longer is watched for leaving */

static const struct tacit_http_limits defaults = {
	.connections = 4096,
	.connections_per_peer = 1024,
	.handshake_ms = 10000,
	.request_ms = 15000,
	.idle_ms = 75000,
	.answer_ms = 30000,
	.min_bytes_per_sec = 1024,
	.body_bytes_in_flight = 64U << 20,
};

static void set_defaults(struct tacit_http_limits *limits)
{
#define DEFAULT(member) (limits->member = limits->member ? limits->member : defaults.member)
	DEFAULT(connections);
	DEFAULT(connections_per_peer);
	DEFAULT(handshake_ms);
	DEFAULT(request_ms);
	DEFAULT(idle_ms);
	DEFAULT(answer_ms);
	DEFAULT(min_bytes_per_sec);
	DEFAULT(body_bytes_in_flight);
#undef DEFAULT
}

void http_pause_listeners(struct tacit_http *http)
{
	for (size_t i = 0; i < http->n_listeners; i++)
		(void)evconnlistener_disable(http->listener[i]);
}

void http_resume_listeners(struct tacit_http *http)
{
	if (http->draining)
		return;
	if (!http->spare)
		http->spare = bufferevent_socket_new(http->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!http->spare)
		return;
	for (size_t i = 0; i < http->n_listeners; i++)
		(void)evconnlistener_enable(http->listener[i]);
}

void http_when_drained(struct tacit_http *http)
{
	if (http->draining && TAILQ_EMPTY(&http->conns) && TAILQ_EMPTY(&http->fresh))
		(void)event_base_loopexit(http->base, NULL);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct tacit_http *http = (struct tacit_http *)arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

	if (fd >= 0 && (size_t)fd < http->n_fds && http->by_fd[fd])
		http_exchange_dispatch(http->by_fd[fd], req);
	else
		evhttp_connection_free(evcon);
}

static void on_gone(evutil_socket_t fd, short what, void *arg)
{
	struct tacit_http_exchange *conn = (struct tacit_http_exchange *)arg;

	(void)fd;
	(void)what;
	evhttp_connection_free(conn->evcon);
}

/* While a handler takes its time, evhttp must not read: it would end the process over a client
 * that pipelines. So a closed connection is looked for beside it. */
static void watch(struct tacit_http_exchange *conn)
{
	conn->gone = event_new(conn->http->base, conn->fd, EV_CLOSED, on_gone, conn);
	if (conn->gone)
		(void)event_add(conn->gone, NULL);
}

static bool is_too_slow(const struct tacit_http_exchange *conn, int64_t now_ms)
{
	const struct tacit_http_limits *limits = &conn->http->limits;
	int64_t over_ms = now_ms - conn->began_ms - limits->request_ms;

	return over_ms > 0 && conn->received < (uint64_t)over_ms * limits->min_bytes_per_sec / 1000;
}

/* True when the connection's time is up. */
static bool is_due(struct tacit_http_exchange *conn, int64_t now_ms)
{
	const SSL *ssl = http_conn_ssl(conn);

	if (conn->state == HTTP_HANDSHAKE && ssl && SSL_is_init_finished(ssl)) {
		conn->state = HTTP_IDLE;
		conn->deadline_ms += conn->http->limits.idle_ms;
	}
	if (conn->state == HTTP_BODY)
		return is_too_slow(conn, now_ms);
	return now_ms >= conn->deadline_ms || (conn->http->draining && conn->state == HTTP_IDLE);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct tacit_http *http = (struct tacit_http *)arg;
	int64_t now_ms = tacit_clock_boot_ms();
	struct tacit_http_exchange *conn, *next;

	(void)fd;
	(void)what;
	for (conn = TAILQ_FIRST(&http->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (is_due(conn, now_ms)) {
			http->counters.timeouts += conn->state != HTTP_IDLE;
			evhttp_connection_free(conn->evcon);
		} else if (conn->state == HTTP_PENDING && !conn->gone &&
			   now_ms - conn->began_ms >= WATCH_AFTER_MS) {
			watch(conn);
		}
	}
	http_resume_listeners(http);
	if (http->draining && now_ms >= http->drain_until_ms)
		(void)event_base_loopexit(http->base, NULL);
}

static size_t largest_body(const struct tacit_http *http)
{
	size_t max = 0;

	for (size_t i = 0; i < http->n_routes; i++)
		max = http->routes[i].body_max > max ? http->routes[i].body_max : max;
	return max;
}

/* The guard says no before any of evhttp's own limits can: those answer in HTML. */
static void set_up(struct tacit_http *http)
{
	evhttp_set_bevcb(http->evhttp, http_conn_transport, http);
	evhttp_set_gencb(http->evhttp, on_request, http);
	evhttp_set_allowed_methods(http->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
							 EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(http->evhttp, (ev_ssize_t)2 * TACIT_HTTP_HEAD_MAX);
	evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)largest_body(http) + 1);
	evhttp_set_default_content_type(http->evhttp, NULL);
}

int tacit_http_new(const struct tacit_http_params *params, struct tacit_http **ret)
{
	static const struct timeval period = { .tv_usec = SWEEP_USEC };
	TACIT_CLEANUP(tacit_http_free_p) struct tacit_http *http = TACIT_NEW(struct tacit_http);

	if (!http)
		return -ENOMEM;
	http->base = params->base;
	http->routes = params->routes;
	http->n_routes = params->n_routes;
	http->ctx = params->ctx;
	http->limits = params->limits;
	http->refusals = http->failures =
		(struct tacit_log_limit){ .burst = 10, .interval_ms = 10000 };
	set_defaults(&http->limits);
	TAILQ_INIT(&http->fresh);
	TAILQ_INIT(&http->conns);
	TAILQ_INIT(&http->detached);
	tacit_http_set_tls(http, params->tls);

	http->evhttp = evhttp_new(params->base);
	http->spare = bufferevent_socket_new(http->base, -1, BEV_OPT_CLOSE_ON_FREE);
	http->admit = event_new(http->base, -1, 0, http_conn_admit_fresh, http);
	http->sweep = event_new(http->base, -1, EV_PERSIST, on_sweep, http);
	if (!http->evhttp || !http->spare || !http->admit || !http->sweep ||
	    event_add(http->sweep, &period) < 0)
		return -ENOMEM;
	set_up(http);
	*ret = TACIT_TAKE(http);
	return 0;
}

/* No more file descriptors, for one: try again at the next sweep instead of spinning. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct tacit_http *http = (struct tacit_http *)arg;

	(void)listener;
	if (tacit_log_allowed(&http->refusals))
		tacit_warning("cannot accept a connection: %s, trying again",
			      tacit_strerror(EVUTIL_SOCKET_ERROR()));
	http_pause_listeners(http);
}

int tacit_http_listen(struct tacit_http *http, evutil_socket_t fd)
{
	struct evhttp_bound_socket *bound;
	int on = 1;

	if (http->n_listeners == TACIT_HTTP_LISTENERS_MAX)
		return -E2BIG;
	/* Inherited by what is accepted. Without it an answer can wait 40 ms for an
	 * acknowledgement. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bound = evhttp_accept_socket_with_handle(http->evhttp, fd);
	if (!bound)
		return -ENOMEM;
	http->bound[http->n_listeners] = bound;
	http->listener[http->n_listeners] = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(http->listener[http->n_listeners++], on_accept_error);
	return 0;
}

void tacit_http_set_tls(struct tacit_http *http, SSL_CTX *tls)
{
	if (tls)
		(void)SSL_CTX_up_ref(tls);
	SSL_CTX_free(http->tls);
	http->tls = tls;
}

void tacit_http_drain(struct tacit_http *http, uint32_t grace_ms)
{
	struct tacit_http_exchange *conn, *next;

	if (http->draining)
		return;
	http->draining = true;
	http->drain_until_ms = tacit_clock_boot_ms() + grace_ms;
	while (http->n_listeners > 0)
		evhttp_del_accept_socket(http->evhttp, http->bound[--http->n_listeners]);
	for (conn = TAILQ_FIRST(&http->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn->state == HTTP_IDLE || conn->state == HTTP_HANDSHAKE)
			evhttp_connection_free(conn->evcon);
	}
	http_when_drained(http);
}

static void free_fresh(struct tacit_http *http)
{
	struct tacit_http_exchange *conn;

	while ((conn = TAILQ_FIRST(&http->fresh))) {
		TAILQ_REMOVE(&http->fresh, conn, link);
		(void)evbuffer_remove_cb_entry(bufferevent_get_input(conn->bev), conn->on_input);
		bufferevent_decref(conn->bev);
		http_conn_free(conn);
	}
	if (http->doomed)
		bufferevent_decref(http->doomed);
}

void tacit_http_free(struct tacit_http *http)
{
	struct tacit_http_exchange *conn;

	if (!http)
		return;
	http->draining = false; /* no more loopexit from here on */
	free_fresh(http);
	if (http->evhttp)
		evhttp_free(http->evhttp);
	TAILQ_FOREACH (conn, &http->detached, link)
		conn->http = NULL;
	if (http->spare)
		bufferevent_free(http->spare);
	if (http->admit)
		event_free(http->admit);
	if (http->sweep)
		event_free(http->sweep);
	SSL_CTX_free(http->tls);
	tacit_free(http->by_fd);
	tacit_free(http);
}

void tacit_http_counters(const struct tacit_http *http, struct tacit_http_counters *ret)
{
	*ret = http->counters;
}
