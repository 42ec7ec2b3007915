/* SPDX-License-Identifier: MIT */
/*
 * agent_conf - what tacitd can be told: /etc/tacit/agent.conf and its drop-ins.
 * One table; the man page is checked against it.
 */
#ifndef TACIT_AGENT_CONF_H
#define TACIT_AGENT_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include <tacit/conf.h>
#include <tacit/log.h>

#define TACIT_AGENT_CONF_PATH "/etc/tacit/agent.conf"

enum tacit_sensor_choice {
	TACIT_SENSOR_LIGHT, /* no system-call hook */
	TACIT_SENSOR_DEEP,
	TACIT_SENSOR_NONE, /* take part in the fleet, watch nothing */
};

/* Plain record, filled by tacit_conf_load() with tacit_agent_conf_schema(). */
struct tacit_agent_conf {
	char *state_dir;
	char *control_socket;
	char *user;	  /* NULL or "": stay who started us */
	char *host_class; /* workload class of the scope "host" */
	uint32_t window_ms;
	uint32_t sensor_tier; /* enum tacit_sensor_choice */
	uint32_t sensor_max_services;
	char *sensor_cgroup_root; /* NULL or "": found in /proc/self/mounts */
	double sensor_overhead_budget_pct;
	char *sensor_pin_dir; /* NULL or "": nothing is pinned */
	double alerts_per_day;
	char *model_kind;
	uint32_t model_memory_mb;
	uint32_t learn_accept_after_sec;
	uint32_t store_max_mb;
	uint32_t store_max_age_days;
	double privacy_max_epsilon;
	double privacy_delta;
	double privacy_min_noise_multiplier;
	uint32_t privacy_min_cohort;
	double privacy_min_corrupt;
	uint32_t privacy_server; /* 0: semi-honest, 1: semi-malicious */
	bool uplink_enabled;
	uint32_t uplink_poll_min_sec;
	uint32_t uplink_poll_max_sec;
	char *enrol_token_file; /* NULL or "": none */
	uint32_t log_level;	/* see tacit_agent_conf_log_level() */
};

/* Static. */
const struct tacit_conf_schema *tacit_agent_conf_schema(void);

/* tacit_conf_load(), then what one key alone cannot say: poll_min above poll_max, an unknown
 * model kind, a host class that is no class name. Errors as tacit_conf_load(). Does not log. */
TACIT_MUST_CHECK int tacit_agent_conf_load(struct tacit_agent_conf *conf, const char *path,
					   int optional, struct tacit_conf_where *where);

void tacit_agent_conf_done(struct tacit_agent_conf *conf);

enum tacit_log_level tacit_agent_conf_log_level(const struct tacit_agent_conf *conf);

/* Joins the state folder and @name; owned by the caller, NULL when out of memory. */
char *tacit_agent_conf_path(const struct tacit_agent_conf *conf, const char *name);

#endif /* TACIT_AGENT_CONF_H */
