/* SPDX-License-Identifier: MIT */
/*
 * admin - the door through which an administrator asks tacit-aggregator: a Unix stream socket.
 * A peer sends one line, a JSON object with a "verb", and is answered with one line, a
 * JSON object; then the connection ends. What went wrong is {"error": "words"}.
 *
 * Only the user that runs the aggregator, and root, may connect: the socket has mode 0600. Who
 * asked for what is logged.
 */
#ifndef TACIT_AGGREGATOR_ADMIN_H
#define TACIT_AGGREGATOR_ADMIN_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_ADMIN_PEERS_MAX	8U
#define TACIT_ADMIN_REQUEST_MAX 65536U	    /* bytes, with the newline */
#define TACIT_ADMIN_REPLY_MAX	(64U << 20) /* bytes, with the newline */
#define TACIT_ADMIN_PATIENCE_MS 10000U	    /* from accept to the last byte of the answer */

struct event_base;
struct tacit_admin;

/**
 * typedef tacit_admin_handler - answers one verb.
 * @request: the whole object, borrowed.
 * @ret:     a new reference, which admin takes over. Untouched on failure.
 * @why:     @size bytes: what to tell the peer on failure; empty for the code's own text.
 *
 * Returns 0, -ENOSYS for a verb it does not know, or another error.
 */
typedef int tacit_admin_handler(void *ctx, const char *verb, const json_t *request, json_t **ret,
				char *why, size_t size);

struct tacit_admin_params {
	struct event_base *base;     /* borrowed */
	const char *path;	     /* of the socket, copied */
	tacit_admin_handler *handle; /* called from the base's loop */
	void *ctx;		     /* given to it */
};

/**
 * tacit_admin_listen - open the socket and answer from now on.
 *
 * A socket that nobody listens on any more is replaced.
 *
 * Returns 0, -EADDRINUSE (another aggregator listens there), -ENAMETOOLONG, -ENOMEM, or what
 * bind(2) says. Does not log.
 */
TACIT_MUST_CHECK int tacit_admin_listen(const struct tacit_admin_params *params,
					struct tacit_admin **ret);

/* NULL is fine. Ends every connection and removes the socket. */
void tacit_admin_free(struct tacit_admin *admin);
TACIT_DEFINE_CLEANUP(struct tacit_admin, tacit_admin_free)

/**
 * tacit_admin_answer - what a request line is answered with: the door without the socket.
 * @line: @len foreign bytes, without the newline.
 * @ret:  one line of JSON with its newline and a NUL, owned by the caller.
 * @verb: what was asked for, printable, for the log ("?": nothing legible); @size bytes.
 *
 * Returns 0; -EINVAL (not a JSON object with a "verb"), -ENOSYS, or what the handler said: @ret
 * is an error document then; -ENOMEM without one.
 */
TACIT_MUST_CHECK int tacit_admin_answer(tacit_admin_handler *handle, void *ctx, const char *line,
					size_t len, char **ret, char *verb, size_t size);

/**
 * tacit_admin_call - the other end: ask, and wait for the answer.
 * @request: an object with a "verb", borrowed.
 * @ret:     the answer, a new reference.
 * @why:     on TACIT_EREFUSED what the aggregator said, @size bytes; may be NULL.
 *
 * Returns 0; -ENOENT or -ECONNREFUSED (no aggregator), -EACCES, -ETIMEDOUT, -ENAMETOOLONG,
 * TACIT_EREFUSED (the answer is an error), TACIT_ESCHEMA (it is not a JSON object), -E2BIG,
 * -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_admin_call(const char *path, const json_t *request, uint32_t timeout_ms,
				      json_t **ret, char *why, size_t size);

#endif /* TACIT_AGGREGATOR_ADMIN_H */
