/* SPDX-License-Identifier: MIT */
/*
 * aggregator_conf - what tacit-aggregator can be told: /etc/tacit/aggregator.conf and its
 * drop-ins. One table; the man page is checked against it.
 */
#ifndef TACIT_AGGREGATOR_CONF_H
#define TACIT_AGGREGATOR_CONF_H

#include <stdint.h>

#include <tacit/conf.h>

#include "http.h"

#define TACIT_AGGREGATOR_CONF_PATH   "/etc/tacit/aggregator.conf"
#define TACIT_AGGREGATOR_WORKERS_MAX 256U

/* Plain record, filled by tacit_aggregator_conf_load(). */
struct tacit_aggregator_conf {
	char *listen;
	char *metrics_listen; /* NULL or "": none */
	char *names;	      /* NULL or "": the host's name */
	char *url;	      /* NULL or "": made from the first name and the port */
	char *state_dir;
	char *admin_socket;
	uint32_t workers; /* 0: one for each core */
	uint32_t certificate_ttl_sec;
	uint32_t log_level; /* index: error, warning, notice, info, debug */
	uint32_t limits_connections, limits_connections_per_peer;
	uint32_t limits_handshake_sec, limits_request_sec, limits_idle_sec;
	uint32_t limits_min_bytes_per_sec, limits_body_mb;
};

/* Static. */
const struct tacit_conf_schema *tacit_aggregator_conf_schema(void);

/* tacit_conf_load(), then what one key alone cannot say: addresses that are none, paths that are
 * not absolute, a url that is not https. Errors as tacit_conf_load(). Does not log. */
TACIT_MUST_CHECK int tacit_aggregator_conf_load(struct tacit_aggregator_conf *conf,
						const char *path, int optional,
						struct tacit_conf_where *where);

void tacit_aggregator_conf_done(struct tacit_aggregator_conf *conf);

/* Joins the state folder and @name; owned by the caller, NULL when out of memory. */
char *tacit_aggregator_conf_path(const struct tacit_aggregator_conf *conf, const char *name);

/* What the HTTP server wants to know. */
struct tacit_http_limits tacit_aggregator_conf_limits(const struct tacit_aggregator_conf *conf);

#endif /* TACIT_AGGREGATOR_CONF_H */
