/* SPDX-License-Identifier: MIT */
/*
 * control - the door through which a local administrator asks tacitd: a Unix
 * stream socket. A peer sends one line, a JSON object with a "verb", and is
 * answered with one line, a JSON object; then the connection ends. What went
 * wrong is {"error": "words"}.
 *
 * Whoever may write to the socket may ask: it is made with mode 0660, so that the
 * group of tacitd decides. Peers, their patience and their requests are bounded, and
 * a bad request costs a rate-limited log line, nothing else.
 */
#ifndef TACIT_AGENT_CONTROL_H
#define TACIT_AGENT_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_CONTROL_PEERS_MAX	  16U
#define TACIT_CONTROL_REQUEST_MAX 8192U	     /* bytes, with the newline */
#define TACIT_CONTROL_REPLY_MAX	  (4U << 20) /* bytes, with the newline */
#define TACIT_CONTROL_TIMEOUT_MS  5000U	     /* from accept to the last byte of the answer */

struct event_base;
struct tacit_control;

/**
 * typedef tacit_control_handler - answers one verb.
 * @request: the whole object, borrowed.
 * @ret:     a new reference, which control takes over. Untouched on failure.
 * @why:     @size bytes: what to tell the peer on failure; empty for the code's own text.
 *
 * Returns 0, -ENOSYS for a verb it does not know, or another error.
 */
typedef int tacit_control_handler(void *ctx, const char *verb, const json_t *request, json_t **ret,
				  char *why, size_t size);

struct tacit_control_params {
	struct event_base *base;       /* borrowed */
	const char *path;	       /* of the socket, copied */
	tacit_control_handler *handle; /* called from the base's loop */
	void *ctx;		       /* given to it */
};

/**
 * tacit_control_listen - open the socket and answer from now on.
 *
 * A socket that nobody listens on any more is replaced.
 *
 * Returns 0, -EADDRINUSE (another daemon listens there), -ENAMETOOLONG, -ENOMEM, or what
 * bind(2) says. Does not log.
 */
TACIT_MUST_CHECK int tacit_control_listen(const struct tacit_control_params *params,
					  struct tacit_control **ret);

/* NULL is fine. Ends every connection and removes the socket. */
void tacit_control_free(struct tacit_control *control);
TACIT_DEFINE_CLEANUP(struct tacit_control, tacit_control_free)

/**
 * tacit_control_answer - what a request line is answered with; the door without the socket.
 * @line: @len foreign bytes, without the newline.
 * @ret:  one line of JSON with its newline and a NUL, owned by the caller; an error document
 *        when the request is bad.
 *
 * Returns 0 when the request was answered; -EINVAL (not a JSON object with a verb), -E2BIG,
 * -ENOSYS or what the handler said, with the error document in @ret; -ENOMEM without one.
 */
TACIT_MUST_CHECK int tacit_control_answer(tacit_control_handler *handle, void *ctx,
					  const char *line, size_t len, char **ret);

/**
 * tacit_control_call - the other end: ask a daemon and wait for its answer.
 * @request: an object with a "verb", borrowed.
 * @ret:     the answer, a new reference.
 * @why:     on TACIT_EREFUSED what the daemon said, @size bytes; may be NULL.
 *
 * Returns 0; -ENOENT or -ECONNREFUSED (no daemon), -EACCES, -ETIMEDOUT, -ENAMETOOLONG,
 * TACIT_EREFUSED (the answer is an error), TACIT_ESCHEMA (it is not a JSON object), -E2BIG,
 * -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_control_call(const char *path, const json_t *request,
					uint32_t timeout_ms, json_t **ret, char *why, size_t size);

#endif /* TACIT_AGENT_CONTROL_H */
