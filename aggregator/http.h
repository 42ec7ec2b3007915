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

/* One row per resource, or per type of its body. A path ending in '/' matches every path that begins
 * with it; the longest match counts. HEAD is answered wherever GET is. */
struct tacit_http_route {
	enum tacit_http_method method;
	const char *path;
	const char *type; /* Content-Type that a body must have; NULL: no body */
	size_t body_max;  /* bytes */
	bool anonymous;	  /* true: no client certificate needed */
	tacit_http_handler *handle;
};

/* Defaults in parentheses. Deadlines are absolute and kept by a sweep twice a second, so that a
 * client that dribbles gains nothing. */
struct tacit_http_limits {
	uint32_t connections;	       /* per worker (4,096) */
	uint32_t connections_per_peer; /* per source address; an IPv6 /64 counts as one (1,024) */
	uint32_t handshake_ms;	       /* (10,000) */
	uint32_t request_ms;	       /* for a head, and before the rate below counts (15,000) */
	uint32_t idle_ms;	       /* between requests (75,000) */
	uint32_t answer_ms;	       /* for a handler's late answer (30,000) */
	uint32_t min_bytes_per_sec;    /* of a body, and of taking an answer (1,024) */
	size_t body_bytes_in_flight;   /* over all connections of the worker (64 MiB) */
};

struct tacit_http_params {
	struct event_base *base; /* borrowed */
	SSL_CTX *tls;		 /* borrowed; NULL: plain HTTP (metrics on loopback) */
	const struct tacit_http_route *routes; /* borrowed, static */
	size_t n_routes;
	void *ctx;			 /* given to handlers */
	struct tacit_http_limits limits; /* zeroes mean defaults */
};

/* @ret: owned by the caller. The process must ignore SIGPIPE. 0, -ENOMEM. */
TACIT_MUST_CHECK int tacit_http_new(const struct tacit_http_params *params,
				    struct tacit_http **ret);

/* Takes over a listening, non-blocking socket, unless it fails. 0, -ENOMEM, -E2BIG (more than
 * TACIT_HTTP_LISTENERS_MAX). */
#define TACIT_HTTP_LISTENERS_MAX 4U
TACIT_MUST_CHECK int tacit_http_listen(struct tacit_http *http, evutil_socket_t fd);

/* New connections use @tls (borrowed) from now on. */
void tacit_http_set_tls(struct tacit_http *http, SSL_CTX *tls);

/* Stops taking connections, answers what is there, closes idle ones; the base's loop ends when all
 * are gone or after @grace_ms. */
void tacit_http_drain(struct tacit_http *http, uint32_t grace_ms);

/* NULL is fine. Closes every connection. Exchanges that are unanswered must still be answered,
 * which then only frees them. */
void tacit_http_free(struct tacit_http *http);
TACIT_DEFINE_CLEANUP(struct tacit_http, tacit_http_free)

/* What the exchange asks; everything is borrowed until it is answered. A body has the type and is
 * within the size that its route says. */
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
	uint64_t requests; /* heads that were complete and well-formed */
	uint64_t refused;  /* malformed requests, and connections beyond a limit */
	uint64_t timeouts; /* connections that missed a deadline */
	uint64_t connections_open, connections_total, handshake_failures;
	uint64_t bytes_in, bytes_out;
	uint64_t status[6]; /* by first digit */
};

void tacit_http_counters(const struct tacit_http *http, struct tacit_http_counters *ret);

#endif /* TACIT_AGGREGATOR_HTTP_H */
