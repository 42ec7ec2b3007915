/* SPDX-License-Identifier: MIT */
/*
 * report - what an operator may know, as JSON: one function per verb of tacit(8). tacitd answers
 * from its store and its live parts; when it is down, tacit(8) answers from the store alone, with
 * what the daemon last said of itself (tacit_report_save()), and says so.
 *
 * Every document has "version", "at" (RFC 3339, UTC) and "source": "daemon" or "database".
 * docs/PROTOCOL.md lists the members.
 */
#ifndef TACIT_AGENT_REPORT_H
#define TACIT_AGENT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/error.h>

#include "agent_conf.h"
#include "store.h"

struct tacit_daemon;
struct tacit_sensor_status;

#define TACIT_REPORT_ANOMALIES_MAX 1000U
#define TACIT_REPORT_SCOPES_MAX	   1000U
#define TACIT_REPORT_ROUNDS_MAX	   256U

/* Where a report is read from. Plain record; everything is borrowed. */
struct tacit_report_source {
	struct tacit_store *store; /* may be open for reading only */
	const struct tacit_agent_conf *conf;
	const json_t *live; /* what the daemon says of itself now; NULL: it is down */
	int64_t now_ms;	    /* wall clock */
};

/* All return 0 with a new reference in @ret; -ENOMEM, or as <tacit/db.h>. They log nothing. */
TACIT_MUST_CHECK int tacit_report_status(const struct tacit_report_source *source, json_t **ret);
TACIT_MUST_CHECK int tacit_report_model(const struct tacit_report_source *source, json_t **ret);
TACIT_MUST_CHECK int tacit_report_privacy(const struct tacit_report_source *source, json_t **ret);
TACIT_MUST_CHECK int tacit_report_features(const struct tacit_report_source *source, json_t **ret);

/* Anomalies that ended at @since_ms or later, newest first, at most @max (1 to
 * TACIT_REPORT_ANOMALIES_MAX); "total" counts them all. */
TACIT_MUST_CHECK int tacit_report_anomalies(const struct tacit_report_source *source,
					    int64_t since_ms, uint32_t max, json_t **ret);

/* One anomaly and what caused it. @id 0: the newest. Also -ENOENT. */
TACIT_MUST_CHECK int tacit_report_explain(const struct tacit_report_source *source, int64_t id,
					  json_t **ret);

/**
 * tacit_report_request - a verb and its parameters, as asked over the control socket.
 * @request: foreign: "since_ms" and "limit" for anomalies, "id" for explain.
 * @why:     on failure, what to tell the peer, @size bytes.
 *
 * Returns 0, -ENOSYS (no such verb), -EINVAL (a parameter is mistyped or out of range), or what
 * the verb's function says.
 */
TACIT_MUST_CHECK int tacit_report_request(const struct tacit_report_source *source,
					  const char *verb, const json_t *request, json_t **ret,
					  char *why, size_t size);

/**
 * tacit_report_answer - the daemon's end of the control socket, a tacit_control_handler.
 * @ctx: struct tacit_daemon *, borrowed.
 *
 * Every verb of tacit_report_request() with live parts, and "enroll" {"token"}, which hands the
 * token to the participant. @why never holds any of the token.
 */
int tacit_report_answer(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
			size_t size);

/* Every probe, in the table's order: {"program", "group", "tier", "attach", "observed",
 * "instructions", "reason", "remedy"}. New reference; NULL when out of memory. */
json_t *tacit_report_probes(const struct tacit_sensor_status *status);

/**
 * tacit_report_save - keep what only the running daemon knows, for when it is down.
 *
 * To be called now and then, and at the end. 0, -ENOMEM, or as <tacit/db.h>.
 */
TACIT_MUST_CHECK int tacit_report_save(struct tacit_daemon *daemon);

#endif /* TACIT_AGENT_REPORT_H */
