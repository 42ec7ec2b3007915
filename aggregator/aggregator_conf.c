/* SPDX-License-Identifier: MIT */
#include "aggregator_conf.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/x509.h>

#include "listen.h"

#define PATH_BYTES   1024
#define NAMES_BYTES  1024
#define SOCKET_BYTES 107 /* sun_path */

static const char *const levels[] = { "error", "warning", "notice", "info", "debug", NULL };

#define AT(member) offsetof(struct tacit_aggregator_conf, member)

static const struct tacit_conf_key keys[] = {
	{ "listen", TACIT_CONF_STRING, AT(listen), 1, TACIT_LISTEN_TEXT_MAX - 1, ":8443", NULL,
	  "where hosts connect: ADDRESS:PORT, [IPV6]:PORT, or :PORT for every address" },
	{ "names", TACIT_CONF_STRING, AT(names), 0, NAMES_BYTES, NULL, NULL,
	  "names and addresses in the server's certificate, comma-separated; default: host name" },
	{ "url", TACIT_CONF_STRING, AT(url), 0, TACIT_TOKEN_URL_MAX, NULL, NULL,
	  "what enrolment tokens say; default: https:// with the first name and the port" },
	{ "workers", TACIT_CONF_UINT, AT(workers), 0, TACIT_AGGREGATOR_WORKERS_MAX, "0", NULL,
	  "HTTP processes; 0: one for each core" },
	{ "state_dir", TACIT_CONF_STRING, AT(state_dir), 1, PATH_BYTES, "/var/lib/tacit-aggregator",
	  NULL, "folder of the database, the keys and the certificates" },
	{ "admin_socket", TACIT_CONF_STRING, AT(admin_socket), 1, SOCKET_BYTES,
	  "/run/tacit-aggregator/admin", NULL, "Unix socket that the verbs speak to" },
	{ "metrics_listen", TACIT_CONF_STRING, AT(metrics_listen), 0, TACIT_LISTEN_TEXT_MAX - 1,
	  "127.0.0.1:9464", NULL,
	  "where /metrics, /livez and /readyz are served in plain HTTP; empty: "
	  "nowhere" },
	{ "certificate_ttl_sec", TACIT_CONF_UINT, AT(certificate_ttl_sec), 60, 31622400, "604800",
	  NULL, "life of a host's certificate; it is renewed after two thirds" },
	{ "log_level", TACIT_CONF_ENUM, AT(log_level), 0, 0, "info", levels,
	  "least severe messages that are written" },
	{ "limits.connections", TACIT_CONF_UINT, AT(limits_connections), 1, 1000000, "4096", NULL,
	  "connections of each worker" },
	{ "limits.connections_per_peer", TACIT_CONF_UINT, AT(limits_connections_per_peer), 1,
	  1000000, "1024", NULL, "connections of each worker from one address, or one IPv6 /64" },
	{ "limits.handshake_sec", TACIT_CONF_UINT, AT(limits_handshake_sec), 1, 300, "10", NULL,
	  "time for a TLS handshake" },
	{ "limits.request_sec", TACIT_CONF_UINT, AT(limits_request_sec), 1, 300, "15", NULL,
	  "time for the head of a request" },
	{ "limits.idle_sec", TACIT_CONF_UINT, AT(limits_idle_sec), 1, 86400, "75", NULL,
	  "time between two requests of a connection" },
	{ "limits.min_bytes_per_sec", TACIT_CONF_UINT, AT(limits_min_bytes_per_sec), 1, 1000000000,
	  "1024", NULL, "least rate at which a body must come in" },
	{ "limits.body_mb", TACIT_CONF_UINT, AT(limits_body_mb), 8, 65536, "64", NULL,
	  "bodies in the memory of each worker, in MiB" },
};

static const struct tacit_conf_schema schema = {
	.key = keys,
	.n = TACIT_ARRAY_LEN(keys),
	.record_size = sizeof(struct tacit_aggregator_conf),
};

const struct tacit_conf_schema *tacit_aggregator_conf_schema(void)
{
	return &schema;
}

static bool is_url(const char *url)
{
	size_t len = strlen(url);

	return strncmp(url, "https://", 8) == 0 && len > 8 && url[len - 1] != '/';
}

static int check(const struct tacit_aggregator_conf *conf, char *why, size_t size)
{
	struct tacit_listen_address address;

	if (tacit_listen_parse(conf->listen, &address) < 0)
		(void)snprintf(why, size, "listen: \"%.64s\" is not ADDRESS:PORT", conf->listen);
	else if (conf->metrics_listen && conf->metrics_listen[0] &&
		 tacit_listen_parse(conf->metrics_listen, &address) < 0)
		(void)snprintf(why, size, "metrics_listen: \"%.64s\" is not ADDRESS:PORT",
			       conf->metrics_listen);
	else if (conf->state_dir[0] != '/' || conf->admin_socket[0] != '/')
		(void)snprintf(why, size, "state_dir and admin_socket must begin with '/'");
	else if (conf->url && conf->url[0] && !is_url(conf->url))
		(void)snprintf(why, size, "url: must be https://..., without a slash at its end");
	else
		return 0;
	return -EINVAL;
}

int tacit_aggregator_conf_load(struct tacit_aggregator_conf *conf, const char *path, int optional,
			       struct tacit_conf_where *where)
{
	struct tacit_aggregator_conf fresh;
	struct tacit_conf_where unused;
	int r;

	if (!where)
		where = &unused;
	r = tacit_conf_load(&schema, &fresh, path, optional, where);
	if (r < 0)
		return r;
	r = check(&fresh, where->why, sizeof(where->why));
	if (r < 0) {
		(void)snprintf(where->file, sizeof(where->file), "%s", path);
		where->line = 0;
		tacit_aggregator_conf_done(&fresh);
		return r;
	}
	*conf = fresh;
	return 0;
}

void tacit_aggregator_conf_done(struct tacit_aggregator_conf *conf)
{
	tacit_conf_done(&schema, conf);
}

char *tacit_aggregator_conf_path(const struct tacit_aggregator_conf *conf, const char *name)
{
	char path[PATH_BYTES + 64];

	(void)snprintf(path, sizeof(path), "%s/%.60s", conf->state_dir, name);
	return tacit_strdup(path);
}

struct tacit_http_limits tacit_aggregator_conf_limits(const struct tacit_aggregator_conf *conf)
{
	return (struct tacit_http_limits){
		.connections = conf->limits_connections,
		.connections_per_peer = conf->limits_connections_per_peer,
		.handshake_ms = conf->limits_handshake_sec * 1000,
		.request_ms = conf->limits_request_sec * 1000,
		.idle_ms = conf->limits_idle_sec * 1000,
		.min_bytes_per_sec = conf->limits_min_bytes_per_sec,
		.body_bytes_in_flight = (size_t)conf->limits_body_mb << 20,
	};
}
