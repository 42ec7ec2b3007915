/* SPDX-License-Identifier: MIT */
/* A connection from accept to close. */
#include <arpa/inet.h>
#include <string.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <tacit/clock.h>
#include <tacit/mem.h>

#include "http_priv.h"

#define FDS_STEP 1024U
#define VECTORS	 8

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
	struct evbuffer_iovec vec[VECTORS];
	struct evbuffer_ptr at;
	size_t left = added;

	while (left > 0) {
		int n;

		if (evbuffer_ptr_set(input, &at, evbuffer_get_length(input) - left,
				     EVBUFFER_PTR_SET) < 0)
			return;
		n = evbuffer_peek(input, (ev_ssize_t)left, &at, vec, VECTORS);
		for (int i = 0; i < n && i < VECTORS && left > 0; i++) {
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

/* evhttp wants a transport for a connection it has accepted. It would go on in plain text without
 * one, so there always is one; http_conn_admit_fresh() runs before the first byte is read. */
struct bufferevent *http_conn_transport(struct event_base *base, void *arg)
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
	http_pause_listeners(http);
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
	http_when_drained(http);
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
	conn->address[0] = '?';
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
	TAILQ_FOREACH (other, &http->conns, link)
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

void http_conn_admit_fresh(evutil_socket_t fd, short what, void *arg)
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
		http_resume_listeners(http);
	}
	http_when_drained(http);
}
