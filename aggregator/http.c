/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <tacit/clock.h>
#include <tacit/mem.h>

#include "http_priv.h"

#define SWEEP_MS       500
#define FDS_STEP       1024U
#define ADMIT_VECTORS  8
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

SSL *http_conn_ssl(const struct tacit_http_exchange *conn)
{
	return conn->bev ? bufferevent_openssl_get_ssl(conn->bev) : NULL;
}

void http_conn_free(struct tacit_http_exchange *conn)
{
	if (conn->gone)
		event_free(conn->gone);
	X509_free(conn->cert);
	tacit_free(conn);
}

void http_conn_reset(struct tacit_http_exchange *conn)
{
	conn->state = HTTP_IDLE;
	conn->deadline_ms = tacit_clock_boot_ms() + conn->http->limits.idle_ms;
	conn->route = NULL;
	conn->req = NULL;
	conn->received = 0;
	tacit_http_guard_init(&conn->guard);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, HTTP_READ_AHEAD);
}

/* Shows new bytes at the end of the input to the guard. */
static void scan_head(struct tacit_http_exchange *conn, struct evbuffer *input, size_t added)
{
	struct evbuffer_iovec vec[ADMIT_VECTORS];
	struct evbuffer_ptr at;
	size_t left = added;

	while (left > 0) {
		int n;

		if (evbuffer_ptr_set(input, &at, evbuffer_get_length(input) - left,
				     EVBUFFER_PTR_SET) < 0)
			return;
		n = evbuffer_peek(input, (ev_ssize_t)left, &at, vec, ADMIT_VECTORS);
		for (int i = 0; i < n && i < ADMIT_VECTORS && left > 0; i++) {
			size_t len = vec[i].iov_len < left ? vec[i].iov_len : left;
			size_t used;
			int r = tacit_http_guard_feed(&conn->guard,
						      (const uint8_t *)vec[i].iov_base, len, &used);

			left -= used;
			if (r > 0)
				http_exchange_begin(conn, left);
			else if (r < 0)
				http_exchange_refuse(conn, conn->guard.status, "bad-request", NULL,
						     "%s", conn->guard.why);
			if (r != 0)
				return;
		}
	}
}

/* Bytes have come in; evhttp has not seen them yet. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct tacit_http_exchange *conn = (struct tacit_http_exchange *)arg;

	if (info->n_added == 0 || !conn->http)
		return;
	conn->http->counters.bytes_in += info->n_added;
	switch (conn->state) {
	case HTTP_HANDSHAKE:
	case HTTP_IDLE:
		conn->state = HTTP_HEAD;
		conn->began_ms = tacit_clock_boot_ms();
		conn->deadline_ms = conn->began_ms + conn->http->limits.request_ms;
		scan_head(conn, input, info->n_added);
		break;
	case HTTP_HEAD:
		scan_head(conn, input, info->n_added);
		break;
	case HTTP_BODY:
		conn->received += info->n_added;
		conn->closing = conn->closing || conn->received > conn->guard.head.length;
		break;
	case HTTP_PENDING:
	case HTTP_WRITING:
		/* A next request before this one's answer: the client must send it again,
		 * elsewhere. */
		conn->closing = true;
		break;
	case HTTP_FRESH:
	case HTTP_LINGERING:
	case HTTP_DETACHED:
		break;
	}
}

static struct bufferevent *new_bev(struct tacit_http *http)
{
	SSL *ssl;

	if (!http->tls)
		return bufferevent_socket_new(http->base, -1, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(http->tls);
	if (!ssl)
		return NULL;
	return bufferevent_openssl_socket_new(
		http->base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
		BEV_OPT_CLOSE_ON_FREE); /* frees ssl on failure, too */
}

static struct tacit_http_exchange *new_conn(struct tacit_http *http)
{
	struct tacit_http_exchange *conn = TACIT_NEW(struct tacit_http_exchange);

	if (!conn)
		return NULL;
	conn->http = http;
	conn->fd = -1;
	conn->bev = new_bev(http);
	if (conn->bev)
		conn->on_input = evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input, conn);
	if (!conn->on_input) {
		if (conn->bev)
			bufferevent_free(conn->bev);
		tacit_free(conn);
		return NULL;
	}
	return conn;
}

static void pause_listeners(struct tacit_http *http)
{
	for (size_t i = 0; i < http->n_listeners; i++)
		(void)evconnlistener_disable(http->listener[i]);
}

/* Connections are only taken while there is a spare. */
static void resume_listeners(struct tacit_http *http)
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

/* evhttp wants a transport for a connection it has accepted. It would go on in plain text without
 * one, so there always is one; admit_fresh() runs before the first byte is read. */
static struct bufferevent *on_transport(struct event_base *base, void *arg)
{
	struct tacit_http *http = (struct tacit_http *)arg;
	struct tacit_http_exchange *conn = new_conn(http);

	(void)base;
	event_active(http->admit, EV_TIMEOUT, 0);
	if (conn) {
		bufferevent_incref(conn->bev); /* until it is known that evhttp took it */
		TAILQ_INSERT_TAIL(&http->fresh, conn, link);
		return conn->bev;
	}
	http->doomed = http->spare;
	http->spare = NULL;
	bufferevent_incref(http->doomed);
	pause_listeners(http);
	return http->doomed;
}

static struct evhttp_connection *evcon_of(struct bufferevent *bev)
{
	void *evcon = NULL;

	bufferevent_getcb(bev, NULL, NULL, NULL, &evcon);
	return (struct evhttp_connection *)evcon;
}

static void log_handshake(struct tacit_http_exchange *conn, SSL *ssl)
{
	long verdict = SSL_get_verify_result(ssl);

	conn->http->counters.handshake_failures++;
	if (verdict == X509_V_OK)
		tacit_debug("handshake with %s failed", conn->address);
	else if (tacit_log_allowed(&conn->http->failures))
		tacit_notice("refused the certificate of %s: %s", conn->address,
			     X509_verify_cert_error_string(verdict));
}

static void end_tls(struct tacit_http_exchange *conn)
{
	SSL *ssl = http_conn_ssl(conn);

	if (!ssl)
		return;
	if (SSL_is_init_finished(ssl))
		(void)SSL_shutdown(ssl); /* close_notify, if it can be sent at all */
	else
		log_handshake(conn, ssl);
	ERR_clear_error();
}

static void when_drained(struct tacit_http *http)
{
	if (http->draining && TAILQ_EMPTY(&http->conns) && TAILQ_EMPTY(&http->fresh))
		(void)event_base_loopexit(http->base, NULL);
}

/* evhttp is about to free the connection, for whatever reason. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct tacit_http_exchange *conn = (struct tacit_http_exchange *)arg;
	struct tacit_http *http = conn->http;

	(void)evcon;
	end_tls(conn);
	(void)evbuffer_remove_cb_entry(bufferevent_get_input(conn->bev), conn->on_input);
	if (conn->gone)
		event_free(TACIT_TAKE(conn->gone));
	if (conn->fd >= 0)
		http->by_fd[conn->fd] = NULL;
	conn->bev = NULL;
	conn->evcon = NULL;
	http_exchange_release(conn);
	http->counters.connections_open--;
	TAILQ_REMOVE(&http->conns, conn, link);
	if (conn->state == HTTP_PENDING) {
		evhttp_request_own(conn->req); /* what the handler has borrowed stays */
		conn->state = HTTP_DETACHED;
		TAILQ_INSERT_TAIL(&http->detached, conn, link);
	} else {
		http_conn_free(conn);
	}
	when_drained(http);
}

static bool set_fd(struct tacit_http *http, struct tacit_http_exchange *conn, int fd)
{
	size_t need = (size_t)fd + 1;

	if (need > http->n_fds) {
		size_t n = (need + FDS_STEP - 1) / FDS_STEP * FDS_STEP;
		struct tacit_http_exchange **grown = (struct tacit_http_exchange **)tacit_realloc(
			http->by_fd, n, sizeof(struct tacit_http_exchange *));

		if (!grown)
			return false;
		memset(grown + http->n_fds, 0,
		       (n - http->n_fds) * sizeof(struct tacit_http_exchange *));
		http->by_fd = grown;
		http->n_fds = n;
	}
	http->by_fd[fd] = conn;
	conn->fd = fd;
	return true;
}

static void set_peer(struct tacit_http_exchange *conn, const struct sockaddr *from)
{
	(void)strcpy(conn->address, "?");
	if (from && from->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;

		conn->peer.s6_addr[10] = conn->peer.s6_addr[11] = 0xff;
		memcpy(&conn->peer.s6_addr[12], &v4->sin_addr, sizeof(v4->sin_addr));
		(void)inet_ntop(AF_INET, &v4->sin_addr, conn->address, sizeof(conn->address));
	} else if (from && from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;

		conn->peer = v6->sin6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(&conn->peer))
			memset(&conn->peer.s6_addr[8], 0, 8);
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, conn->address, sizeof(conn->address));
	}
}

static bool within_limits(struct tacit_http *http, const struct tacit_http_exchange *conn)
{
	const struct tacit_http_exchange *other;
	uint32_t same = 0;

	if (http->draining || http->counters.connections_open > http->limits.connections)
		return false;
	if (http->counters.connections_open <= http->limits.connections_per_peer)
		return true;
	TAILQ_FOREACH(other, &http->conns, link)
	same += memcmp(&other->peer, &conn->peer, sizeof(conn->peer)) == 0;
	return same <= http->limits.connections_per_peer;
}

static void admit(struct tacit_http *http, struct tacit_http_exchange *conn)
{
	bool known;

	conn->evcon = evcon_of(conn->bev);
	if (!conn->evcon) { /* evhttp could not, and has freed it */
		(void)evbuffer_remove_cb_entry(bufferevent_get_input(conn->bev), conn->on_input);
		bufferevent_decref(conn->bev);
		http_conn_free(conn);
		return;
	}
	bufferevent_decref(conn->bev);
	evhttp_connection_set_closecb(conn->evcon, on_close, conn);
	TAILQ_INSERT_TAIL(&http->conns, conn, link);
	http->counters.connections_open++;
	http->counters.connections_total++;

	set_peer(conn, evhttp_connection_get_addr(conn->evcon));
	known = set_fd(http, conn, bufferevent_getfd(conn->bev));
	http_conn_reset(conn);
	if (known && within_limits(http, conn)) {
		if (http->tls) {
			conn->state = HTTP_HANDSHAKE;
			conn->deadline_ms = tacit_clock_boot_ms() + http->limits.handshake_ms;
		}
		return;
	}
	http->counters.refused++;
	if (tacit_log_allowed(&http->refusals))
		tacit_notice("too many connections, closing one of %s", conn->address);
	evhttp_connection_free(conn->evcon);
}

static void admit_fresh(evutil_socket_t fd, short what, void *arg)
{
	struct tacit_http *http = (struct tacit_http *)arg;
	struct tacit_http_exchange *conn;

	(void)fd;
	(void)what;
	while ((conn = TAILQ_FIRST(&http->fresh))) {
		TAILQ_REMOVE(&http->fresh, conn, link);
		admit(http, conn);
	}
	if (http->doomed) {
		struct bufferevent *bev = TACIT_TAKE(http->doomed);
		struct evhttp_connection *evcon = evcon_of(bev);

		if (evcon)
			evhttp_connection_free(evcon);
		bufferevent_decref(bev);
		http->counters.refused++;
		resume_listeners(http);
	}
	when_drained(http);
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
	resume_listeners(http);
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
	evhttp_set_bevcb(http->evhttp, on_transport, http);
	evhttp_set_gencb(http->evhttp, on_request, http);
	evhttp_set_allowed_methods(http->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
							 EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(http->evhttp, (ev_ssize_t)2 * TACIT_HTTP_HEAD_MAX);
	evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)largest_body(http) + 1);
	evhttp_set_default_content_type(http->evhttp, NULL);
}

int tacit_http_new(const struct tacit_http_params *params, struct tacit_http **ret)
{
	static const struct timeval period = { .tv_usec = SWEEP_MS * 1000 };
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
	http->admit = event_new(http->base, -1, 0, admit_fresh, http);
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
	pause_listeners(http);
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
	when_drained(http);
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
	TAILQ_FOREACH(conn, &http->detached, link)
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
