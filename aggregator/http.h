/* SPDX-License-Identifier: MIT */
/*
 * http - the HTTPS server: evhttp over OpenSSL, hardened, behind this interface, so that no
 * other file knows either. One server belongs to one process and one event base.
 *
 * A handler is given an exchange and must answer it exactly once, at once or later
 * (after a commit, say). A client that has gone is answered all the same; the answer is dropped.
 */
#ifndef TACIT_AGGREGATOR_HTTP_H
#define TACIT_AGGREGATOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/util.h>
#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

struct event_base;
struct tacit_http;
struct tacit_http_exchange;

enum tacit_http_method {
	TACIT_HTTP_GET,
	TACIT_HTTP_PUT,
	TACIT_HTTP_POST,
};

typedef void tacit_http_handler(void *ctx, struct tacit_http_exchange *exchange);

/* One row per resource. A path ending in '/' matches every path that begins with it. */
struct tacit_http_route {
	enum tacit_http_method method;
	const char *path;
	const char *type;    /* Content-Type that a body must have; NULL: no body */
	size_t body_max;     /* bytes */
	bool anonymous;      /* true: no client certificate needed */
	tacit_http_handler *handle;
};

struct tacit_http_limits {
	uint32_t connections;          /* per worker */
	uint32_t connections_per_peer; /* per source address */
	uint32_t handshake_ms, request_ms, idle_ms;
	uint32_t min_bytes_per_sec;    /* of a request's body */
	size_t body_bytes_in_flight;   /* over all connections of the worker */
};

struct tacit_http_params {
	struct event_base *base; /* borrowed */
	SSL_CTX *tls;            /* borrowed; NULL: plain HTTP (metrics on loopback) */
	const struct tacit_http_route *routes; /* borrowed, static */
	size_t n_routes;
	void *ctx;               /* given to handlers */
	struct tacit_http_limits limits; /* zeroes mean defaults */
};

/* @ret: owned by the caller. 0, -ENOMEM. */
TACIT_MUST_CHECK int tacit_http_new(const struct tacit_http_params *params, struct tacit_http **ret);

/* Takes over a listening, non-blocking socket. 0, -ENOMEM. */
TACIT_MUST_CHECK int tacit_http_listen(struct tacit_http *http, evutil_socket_t fd);

/* Stops taking connections, answers what is there, closes idle ones; the base's loop ends when all
 * are gone or after @grace_ms. */
void tacit_http_drain(struct tacit_http *http, uint32_t grace_ms);

void tacit_http_free(struct tacit_http *http);
TACIT_DEFINE_CLEANUP(struct tacit_http, tacit_http_free)

/* What the exchange asks; everything is borrowed until it is answered. */
const char *tacit_http_path(const struct tacit_http_exchange *exchange); /* without query */
const char *tacit_http_header(const struct tacit_http_exchange *exchange, const char *name);
const void *tacit_http_body(const struct tacit_http_exchange *exchange, size_t *ret_len);
const char *tacit_http_peer_address(const struct tacit_http_exchange *exchange);

/* The verified client certificate; NULL when the client has none. */
const X509 *tacit_http_peer(const struct tacit_http_exchange *exchange);

/* Adds a header to the answer. @name, @value: copied. */
void tacit_http_set_header(struct tacit_http_exchange *exchange, const char *name,
			   const char *value);

/* Answers, and ends the exchange. @type NULL: no body. @body is copied. */
void tacit_http_reply(struct tacit_http_exchange *exchange, int status, const char *type,
		      const void *body, size_t len);

/* Answers with an RFC 9457 document, and ends the exchange. */
TACIT_PRINTF(5, 6)
void tacit_http_problem(struct tacit_http_exchange *exchange, int status, const char *slug,
			const char *title, const char *format, ...);

struct tacit_http_counters {
	uint64_t requests, refused, connections_open, connections_total, handshake_failures;
	uint64_t bytes_in, bytes_out;
	uint64_t status[6]; /* by first digit */
};

void tacit_http_counters(const struct tacit_http *http, struct tacit_http_counters *ret);

#endif /* TACIT_AGGREGATOR_HTTP_H */
