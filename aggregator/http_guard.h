/* SPDX-License-Identifier: MIT */
/*
 * http_guard - reads the head of a request as it comes off the wire, ahead of evhttp, and
 * lets through only what no two parsers could read differently (RFC 9112, at its
 * strictest). evhttp takes bare line feeds, NUL bytes, spaces before the colon,
 * lengths like "+5" and the first of two differing ones, answers its own errors in HTML, and has no
 * hook between head and body; so whether a body is wanted is also decided from here.
 */
#ifndef TACIT_AGGREGATOR_HTTP_GUARD_H
#define TACIT_AGGREGATOR_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>

#define TACIT_HTTP_HEAD_MAX   8192U /* bytes of request line and header fields */
#define TACIT_HTTP_FIELDS_MAX 64U
#define TACIT_HTTP_PATH_MAX   512U /* of path and query */
#define TACIT_HTTP_VALUE_MAX  128U /* of a field that the guard reads */

/* What a head says. Plain record. */
struct tacit_http_head {
	char method[8];
	char path[TACIT_HTTP_PATH_MAX + 1];  /* without query */
	char type[TACIT_HTTP_VALUE_MAX + 1]; /* media type, lower case, no parameters; "" none */
	unsigned minor;			     /* HTTP/1.minor, 0 or 1 */
	bool has_length, has_host, has_type;
	uint64_t length; /* of the body */
};

struct tacit_http_guard {
	struct tacit_http_head head; /* complete once feed() has returned 1 */
	int status;		     /* after -EPROTO: the HTTP status to answer with... */
	const char *why;	     /* ...and the reason, static */
	/* private */
	unsigned state, fields, field;
	size_t bytes, token_len;
	char token[TACIT_HTTP_PATH_MAX + 1];
};

/* Ready for the next request's first byte. */
void tacit_http_guard_init(struct tacit_http_guard *guard);

/* True when a first byte was seen. */
bool tacit_http_guard_has_begun(const struct tacit_http_guard *guard);

/**
 * tacit_http_guard_feed - look at the next bytes.
 * @ret_used: how many belong to the head; fewer than @len only when it is complete.
 *
 * Returns 0 (more is needed), 1 (the head is complete), -EPROTO (refuse, see @status and
 * @why). After 1 or -EPROTO do not feed it again before init().
 */
TACIT_MUST_CHECK int tacit_http_guard_feed(struct tacit_http_guard *guard, const uint8_t *data,
					   size_t len, size_t *ret_used);

#endif /* TACIT_AGGREGATOR_HTTP_GUARD_H */
