/* SPDX-License-Identifier: MIT */
#include "agent_conf.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/fleet.h>
#include <tacit/model.h>

#define PATH_BYTES 1024

static const char *const tiers[] = { "light", "deep", "none", NULL };
static const char *const levels[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const servers[] = { "semi-honest", "semi-malicious", NULL };

#define AT(member) offsetof(struct tacit_agent_conf, member)

static const struct tacit_conf_key keys[] = {
	{ "state_dir", TACIT_CONF_STRING, AT(state_dir), 1, PATH_BYTES, "/var/lib/tacit", NULL,
	  "folder of the database, the key and the certificates" },
	{ "control_socket", TACIT_CONF_STRING, AT(control_socket), 1, 107, "/run/tacit/control",
	  NULL, "Unix socket that tacit(8) speaks to" },
	{ "user", TACIT_CONF_STRING, AT(user), 0, 32, NULL, NULL,
	  "user to become after the sensor is open, when started as root" },
	{ "log_level", TACIT_CONF_ENUM, AT(log_level), 0, 0, "info", levels,
	  "least severe messages that are written" },
	{ "window_ms", TACIT_CONF_UINT, AT(window_ms), 200, 60000, "1000", NULL,
	  "length of a window, in milliseconds" },
	{ "host.class", TACIT_CONF_STRING, AT(host_class), 1, TACIT_FLEET_CLASS_NAME_MAX, "host",
	  NULL, "workload class of this host as a whole" },
	{ "sensor.tier", TACIT_CONF_ENUM, AT(sensor_tier), 0, 0, "deep", tiers,
	  "what to watch: light (no system calls), deep, or none (take part only)" },
	{ "sensor.max_services", TACIT_CONF_UINT, AT(sensor_max_services), 1, 4096, "512", NULL,
	  "services told apart; further ones count for the host alone" },
	{ "sensor.cgroup_root", TACIT_CONF_STRING, AT(sensor_cgroup_root), 0, PATH_BYTES, NULL,
	  NULL, "where the cgroup2 file system is mounted, when it is not to be found" },
	{ "sensor.overhead_budget_pct", TACIT_CONF_DOUBLE, AT(sensor_overhead_budget_pct), 0, 100,
	  "1", NULL, "what the sensor may cost, in per cent of one processor; 0: no limit" },
	{ "sensor.pin_dir", TACIT_CONF_STRING, AT(sensor_pin_dir), 0, 256, "/sys/fs/bpf/tacit",
	  NULL, "where counters and programs outlive the daemon; empty: they end with it" },
	{ "alerts_per_day", TACIT_CONF_DOUBLE, AT(alerts_per_day), 0.01, 10000, "1", NULL,
	  "false alarms to aim for, over all services" },
	{ "model.kind", TACIT_CONF_STRING, AT(model_kind), 1, 15, "gaussian", NULL,
	  "kind of anomaly model" },
	{ "model.memory_mb", TACIT_CONF_UINT, AT(model_memory_mb), 1, 1024, "4", NULL,
	  "memory for what is learned; while it lasts, busy services get models of full size" },
	{ "learn.accept_after_sec", TACIT_CONF_UINT, AT(learn_accept_after_sec), 60, 2592000,
	  "3600", NULL, "a change that lasts this long is learned as the new normal" },
	{ "store.max_mb", TACIT_CONF_UINT, AT(store_max_mb), 8, 65536, "128", NULL,
	  "size of the database above which the oldest rows go" },
	{ "store.max_age_days", TACIT_CONF_UINT, AT(store_max_age_days), 1, 3650, "30", NULL,
	  "age at which anomalies, summaries and vanished services go" },
	{ "privacy.max_epsilon", TACIT_CONF_DOUBLE, AT(privacy_max_epsilon), 0, 1000, "8", NULL,
	  "privacy loss over all rounds that this host will not exceed" },
	{ "privacy.delta", TACIT_CONF_DOUBLE, AT(privacy_delta), 1e-15, 0.01, "1e-6", NULL,
	  "delta at which epsilon is stated" },
	{ "privacy.min_noise_multiplier", TACIT_CONF_DOUBLE, AT(privacy_min_noise_multiplier), 0,
	  1000, "0.3", NULL, "a round with less noise is refused" },
	{ "privacy.min_cohort", TACIT_CONF_UINT, AT(privacy_min_cohort), 1, 1000000, "2", NULL,
	  "a round that may be released with fewer hosts is refused" },
	{ "privacy.min_corrupt", TACIT_CONF_DOUBLE, AT(privacy_min_corrupt), 0, 0.5, "0.05", NULL,
	  "a secure sum that withstands a smaller fraction of corrupt hosts is refused" },
	{ "privacy.server", TACIT_CONF_ENUM, AT(privacy_server), 0, 0, "semi-malicious", servers,
	  "what a secure sum has to withstand: a lying aggregator, or one that only looks" },
	{ "uplink.enabled", TACIT_CONF_BOOL, AT(uplink_enabled), 0, 0, "yes", NULL,
	  "take part in the fleet, once enrolled" },
	{ "uplink.poll_min_sec", TACIT_CONF_UINT, AT(uplink_poll_min_sec), 1, 86400, "1", NULL,
	  "ask the aggregator at most this often" },
	{ "uplink.poll_max_sec", TACIT_CONF_UINT, AT(uplink_poll_max_sec), 1, 86400, "900", NULL,
	  "and at least this often" },
	{ "enrol.token_file", TACIT_CONF_STRING, AT(enrol_token_file), 0, PATH_BYTES, NULL, NULL,
	  "file with an enrolment token, read once when not enrolled" },
};

static const struct tacit_conf_schema schema = {
	.key = keys,
	.n = TACIT_ARRAY_LEN(keys),
	.record_size = sizeof(struct tacit_agent_conf),
};

const struct tacit_conf_schema *tacit_agent_conf_schema(void)
{
	return &schema;
}

static int check(const struct tacit_agent_conf *conf, char *why, size_t size)
{
	if (conf->uplink_poll_min_sec > conf->uplink_poll_max_sec)
		(void)snprintf(why, size, "uplink.poll_min_sec is above uplink.poll_max_sec");
	else if (!tacit_model_kind_find(conf->model_kind))
		(void)snprintf(why, size, "model.kind: there is no model \"%s\"", conf->model_kind);
	else if (!tacit_fleet_class_name_is_valid(conf->host_class))
		(void)snprintf(why, size, "host.class: only letters, digits and @._:- are allowed");
	else if (conf->sensor_pin_dir && conf->sensor_pin_dir[0] && conf->sensor_pin_dir[0] != '/')
		(void)snprintf(why, size, "sensor.pin_dir must begin with '/', or be empty");
	else if (conf->state_dir[0] != '/' || conf->control_socket[0] != '/')
		(void)snprintf(why, size, "state_dir and control_socket must begin with '/'");
	else
		return 0;
	return -EINVAL;
}

int tacit_agent_conf_load(struct tacit_agent_conf *conf, const char *path, int optional,
			  struct tacit_conf_where *where)
{
	struct tacit_conf_where unused;
	struct tacit_agent_conf fresh;
	int err;

	if (!where)
		where = &unused;
	err = tacit_conf_load(&schema, &fresh, path, optional, where);
	if (err < 0)
		return err;
	err = check(&fresh, where->why, sizeof(where->why));
	if (err < 0) {
		(void)snprintf(where->file, sizeof(where->file), "%s", path);
		where->line = 0;
		tacit_agent_conf_done(&fresh);
		return err;
	}
	*conf = fresh;
	return 0;
}

void tacit_agent_conf_done(struct tacit_agent_conf *conf)
{
	tacit_conf_done(&schema, conf);
}

enum tacit_log_level tacit_agent_conf_log_level(const struct tacit_agent_conf *conf)
{
	return (enum tacit_log_level)(TACIT_LOG_ERROR + conf->log_level); /* in the words' order */
}

char *tacit_agent_conf_path(const struct tacit_agent_conf *conf, const char *name)
{
	size_t size = strlen(conf->state_dir) + strlen(name) + 2;
	char *path = (char *)tacit_calloc(size, 1);

	if (path)
		(void)snprintf(path, size, "%s/%s", conf->state_dir, name);
	return path;
}
