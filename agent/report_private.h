/* SPDX-License-Identifier: MIT */
/* What the files of the report share; nobody else includes this. */
#ifndef TACIT_AGENT_REPORT_PRIVATE_H
#define TACIT_AGENT_REPORT_PRIVATE_H

#include "report.h"

#define TACIT_REPORT_DAY_MS    86400000
#define TACIT_REPORT_META_LIVE "live" /* key in the store: what the daemon said of itself last */

/* RFC 3339, or null for 0, which stands for never. New reference; NULL when out of memory. */
json_t *tacit_report_time(int64_t wall_ms);

/* Foreign text (a cgroup may be called anything): what is not UTF-8 becomes '?'; null for NULL and
 * "". New reference; NULL when out of memory. */
json_t *tacit_report_text(const char *text);

/* A number of JSON; null when it is not finite. */
json_t *tacit_report_real(double value);

/* {"tacit", "at", "source"}: how every document begins. */
json_t *tacit_report_begin(const struct tacit_report_source *source);

/* What the daemon says of itself, or said last when it is down. New reference, an empty object when
 * it never ran; NULL when out of memory. */
json_t *tacit_report_live(const struct tacit_report_source *source);

/* Every scope: what is stored, over it what the daemon has in memory. An array. */
TACIT_MUST_CHECK int tacit_report_scopes(const struct tacit_report_source *source,
					 const json_t *live, json_t **ret);

/* {"kind", "version", "sha256", "round", "released", "bytes"} of the newest release. */
TACIT_MUST_CHECK int tacit_report_release(const struct tacit_report_source *source, json_t **ret);

/* {"epsilon", "delta", "rounds", "max_epsilon", "remaining", ...} of the ledger. */
TACIT_MUST_CHECK int tacit_report_budget(const struct tacit_report_source *source, json_t **ret);

/* Sets @key of @object to @value (consumed, NULL is out of memory). 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_report_set(json_t *object, const char *key, json_t *value);

#endif /* TACIT_AGENT_REPORT_PRIVATE_H */
