/* SPDX-License-Identifier: MIT */
/*
 * http_priv - what the files of the HTTP server share: http.c (the server, and its
 * deadlines), http_conn.c (connections) and http_exchange.c (requests and their answers).
 */
#ifndef TACIT_AGGREGATOR_HTTP_PRIV_H
#define TACIT_AGGREGATOR_HTTP_PRIV_H

#include <netinet/in.h>
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include <tacit/log.h>

#include "http.h"
#include "http_guard.h"

struct evconnlistener;

/* A whole head fits, with the beginning of a body; a TLS record does as well. */
#define HTTP_READ_AHEAD 16384U

enum http_state {
	HTTP_FRESH, /* accepted, not yet looked at */
	HTTP_HANDSHAKE,
	HTTP_IDLE, /* between requests */
	HTTP_HEAD,
	HTTP_BODY,
	HTTP_PENDING, /* with the handler */
	HTTP_WRITING,
	HTTP_LINGERING, /* refused: the answer is on its way, what still comes in is dropped */
	HTTP_DETACHED,	/* with the handler, and the client has gone */
};

/*
 * A connection, and the exchange that it is in: there is at most one at a time, so that one
 * object serves for both, again and again.
 */
struct tacit_http_exchange {
	TAILQ_ENTRY(tacit_http_exchange) link;
	struct tacit_http *http; /* NULL: detached, and the server is gone */
	enum http_state state;
	int fd;
	int64_t deadline_ms;
	struct in6_addr peer; /* what counts as one source: IPv4-mapped, or a /64 */
	char address[INET6_ADDRSTRLEN];

	struct bufferevent *bev; /* evhttp's; NULL when detached */
	struct evbuffer_cb_entry *on_input;
	struct evhttp_connection *evcon; /* NULL when detached */
	struct event *gone;		 /* watches a client that waits long */
	X509 *cert;
	int64_t cert_until_ms;

	struct tacit_http_guard guard;
	const struct tacit_http_route *route;
	struct evhttp_request *req; /* while pending or detached */
	int64_t began_ms;
	uint64_t received; /* of the body */
	size_t reserved;   /* of the bytes in flight */
	size_t lingered;
	bool closing; /* after this answer */
};

TAILQ_HEAD(http_conns, tacit_http_exchange);

struct tacit_http {
	struct event_base *base;
	SSL_CTX *tls;
	const struct tacit_http_route *routes;
	size_t n_routes;
	void *ctx;
	struct tacit_http_limits limits;

	struct evhttp *evhttp;
	struct evconnlistener *listener[TACIT_HTTP_LISTENERS_MAX];
	struct evhttp_bound_socket *bound[TACIT_HTTP_LISTENERS_MAX];
	size_t n_listeners;
	struct event *sweep, *admit;

	struct http_conns fresh, conns, detached;
	struct tacit_http_exchange **by_fd;
	size_t n_fds;
	struct bufferevent *spare;  /* given to evhttp when there is nothing better... */
	struct bufferevent *doomed; /* ...and closed at once */

	size_t in_flight;
	bool draining;
	int64_t drain_until_ms;
	struct tacit_http_counters counters;
	struct tacit_log_limit refusals, failures;
};

/* No more connections for now; and again, which takes a spare. */
void http_pause_listeners(struct tacit_http *http);
void http_resume_listeners(struct tacit_http *http);

/* Ends the base's loop when nobody is left. */
void http_when_drained(struct tacit_http *http);

/* evhttp's callback: a transport for a connection it has accepted. @arg: the server. */
struct bufferevent *http_conn_transport(struct event_base *base, void *arg);

/* An event's callback: looks at who came, before a byte is read. @arg: the server. */
void http_conn_admit_fresh(evutil_socket_t fd, short what, void *arg);

/* A head is complete: sees whether its request may go on. @body: bytes of it that came along. */
void http_exchange_begin(struct tacit_http_exchange *conn, size_t body);

/* The request is complete: on to the handler. */
void http_exchange_dispatch(struct tacit_http_exchange *conn, struct evhttp_request *req);

/* Answers a request that evhttp has not finished reading, and closes the connection in a way
 * that lets the client read the answer. */
TACIT_PRINTF(5, 6)
void http_exchange_refuse(struct tacit_http_exchange *conn, int status, const char *slug,
			  const char *header, const char *format, ...);

/* Gives back what the request had reserved. */
void http_exchange_release(struct tacit_http_exchange *conn);

/* Last step of a connection that nothing refers to any more. */
void http_conn_free(struct tacit_http_exchange *conn);

/* Ready for the next request. */
void http_conn_reset(struct tacit_http_exchange *conn);

SSL *http_conn_ssl(const struct tacit_http_exchange *conn);

#endif /* TACIT_AGGREGATOR_HTTP_PRIV_H */
