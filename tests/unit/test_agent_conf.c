/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "agent/agent_conf.h"

#include "place.h"
#include "unit.h"

static int load(const char *text, struct tacit_agent_conf *conf, struct tacit_conf_where *where)
{
	PLACE(place);
	const char *path = place_write(&place, "agent.conf", text, strlen(text));

	return tacit_agent_conf_load(conf, path, 0, where);
}

static void test_defaults(void)
{
	struct tacit_agent_conf conf = { 0 };
	TACIT_AUTO_FREE char *path = NULL;

	CU_ASSERT_EQUAL(tacit_agent_conf_load(&conf, "/nonexistent/agent.conf", 1, NULL), 0);
	CU_ASSERT_STRING_EQUAL(conf.state_dir, "/var/lib/tacit");
	CU_ASSERT_STRING_EQUAL(conf.control_socket, "/run/tacit/control");
	CU_ASSERT_PTR_NULL(conf.user);
	CU_ASSERT_PTR_NULL(conf.enrol_token_file);
	CU_ASSERT_PTR_NULL(conf.sensor_cgroup_root);
	CU_ASSERT_STRING_EQUAL(conf.sensor_pin_dir, "/sys/fs/bpf/tacit");
	CU_ASSERT_EQUAL(conf.sensor_overhead_budget_pct, 1);
	CU_ASSERT_EQUAL(conf.window_ms, 1000);
	CU_ASSERT_EQUAL(conf.sensor_tier, TACIT_SENSOR_DEEP);
	CU_ASSERT_EQUAL(conf.alerts_per_day, 1);
	CU_ASSERT_EQUAL(conf.model_memory_mb, 4);
	CU_ASSERT_EQUAL(conf.learn_accept_after_sec, 3600);
	CU_ASSERT_EQUAL(conf.privacy_max_epsilon, 8);
	CU_ASSERT_DOUBLE_EQUAL(conf.privacy_delta, 1e-6, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(conf.privacy_min_noise_multiplier, 0.3, 1e-12);
	CU_ASSERT_EQUAL(conf.privacy_min_cohort, 2);
	CU_ASSERT_DOUBLE_EQUAL(conf.privacy_min_corrupt, 0.05, 1e-12);
	CU_ASSERT_EQUAL(conf.privacy_server, 1);
	CU_ASSERT_TRUE(conf.uplink_enabled);
	CU_ASSERT_EQUAL(tacit_agent_conf_log_level(&conf), TACIT_LOG_INFO);
	path = tacit_agent_conf_path(&conf, "tacit.db");
	CU_ASSERT(path && strcmp(path, "/var/lib/tacit/tacit.db") == 0);
	tacit_agent_conf_done(&conf);
}

static void test_every_key(void)
{
	static const char text[] = "state_dir = /srv/t\ncontrol_socket = /srv/t/c\nuser = tacit\n"
				   "log_level = debug\nwindow_ms = 200\nhost.class = web\n"
				   "sensor.tier = none\nsensor.max_services = 3\n"
				   "sensor.cgroup_root = /cg\nalerts_per_day = 0.5\n"
				   "sensor.overhead_budget_pct = 0.25\nsensor.pin_dir =\n"
				   "model.kind = gaussian\nmodel.memory_mb = 9\n"
				   "learn.accept_after_sec = 60\nstore.max_mb = 8\n"
				   "store.max_age_days = 1\nprivacy.max_epsilon = 2.5\n"
				   "privacy.delta = 1e-9\nprivacy.min_noise_multiplier = 1\n"
				   "privacy.min_cohort = 100\nprivacy.min_corrupt = 0.1\n"
				   "privacy.server = semi-honest\nuplink.enabled = no\n"
				   "uplink.poll_min_sec = 5\nuplink.poll_max_sec = 5\n"
				   "enrol.token_file = /etc/token\n";
	struct tacit_agent_conf conf = { 0 };
	struct tacit_conf_where where = { 0 };
	size_t lines = 0;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	CU_ASSERT_EQUAL(lines, tacit_agent_conf_schema()->n);
	CU_ASSERT_EQUAL(load(text, &conf, &where), 0);
	CU_ASSERT_STRING_EQUAL(where.why, "");
	CU_ASSERT_STRING_EQUAL(conf.user, "tacit");
	CU_ASSERT_EQUAL(tacit_agent_conf_log_level(&conf), TACIT_LOG_DEBUG);
	CU_ASSERT_EQUAL(conf.window_ms, 200);
	CU_ASSERT_STRING_EQUAL(conf.host_class, "web");
	CU_ASSERT_EQUAL(conf.sensor_tier, TACIT_SENSOR_NONE);
	CU_ASSERT_EQUAL(conf.sensor_max_services, 3);
	CU_ASSERT_STRING_EQUAL(conf.sensor_cgroup_root, "/cg");
	CU_ASSERT_EQUAL(conf.sensor_overhead_budget_pct, 0.25);
	CU_ASSERT(!conf.sensor_pin_dir || !conf.sensor_pin_dir[0]);
	CU_ASSERT_EQUAL(conf.alerts_per_day, 0.5);
	CU_ASSERT_EQUAL(conf.store_max_mb, 8);
	CU_ASSERT_EQUAL(conf.store_max_age_days, 1);
	CU_ASSERT_EQUAL(conf.privacy_max_epsilon, 2.5);
	CU_ASSERT_EQUAL(conf.privacy_min_cohort, 100);
	CU_ASSERT_EQUAL(conf.privacy_min_corrupt, 0.1);
	CU_ASSERT_EQUAL(conf.privacy_server, 0);
	CU_ASSERT_FALSE(conf.uplink_enabled);
	CU_ASSERT_EQUAL(conf.uplink_poll_max_sec, 5);
	CU_ASSERT_STRING_EQUAL(conf.enrol_token_file, "/etc/token");
	tacit_agent_conf_done(&conf);
}

static void test_refusals(void)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *why; /* part of it */
	} cases[] = {
		{ "window_ms = 100\n", 1, "window_ms" },
		{ "\nwindow_ms = 60001\n", 2, "window_ms" },
		{ "window_ms = soon\n", 1, "window_ms" },
		{ "alerts_per_day = nan\n", 1, "alerts_per_day" },
		{ "alerts_per_day = 0\n", 1, "alerts_per_day" },
		{ "sensor.tier = shallow\n", 1, "sensor.tier" },
		{ "colour = blue\n", 1, "colour" },
		{ "privacy.delta = 1\n", 1, "privacy.delta" },
		{ "uplink.poll_min_sec = 9\nuplink.poll_max_sec = 8\n", 0, "uplink.poll_min_sec" },
		{ "model.kind = oracle\n", 0, "model.kind" },
		{ "host.class = a class\n", 0, "host.class" },
		{ "state_dir = here\n", 0, "state_dir" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(cases); i++) {
		struct tacit_agent_conf conf = { .window_ms = 77 };
		struct tacit_conf_where where = { 0 };

		CU_ASSERT_EQUAL(load(cases[i].text, &conf, &where), -EINVAL);
		CU_ASSERT_EQUAL(where.line, cases[i].line);
		CU_ASSERT_PTR_NOT_NULL(strstr(where.why, cases[i].why));
		CU_ASSERT_PTR_NOT_NULL(strstr(where.file, "agent.conf"));
		CU_ASSERT_EQUAL(conf.window_ms, 77); /* untouched */
		CU_ASSERT_EQUAL(load(cases[i].text, &conf, NULL), -EINVAL);
	}
}

static void test_table_is_whole(void)
{
	const struct tacit_conf_schema *schema = tacit_agent_conf_schema();

	for (size_t i = 0; i < schema->n; i++) {
		CU_ASSERT(schema->key[i].doc && strlen(schema->key[i].doc) > 10);
		for (size_t k = 0; k < i; k++) {
			CU_ASSERT_STRING_NOT_EQUAL(schema->key[i].name, schema->key[k].name);
			CU_ASSERT_NOT_EQUAL(schema->key[i].offset, schema->key[k].offset);
		}
	}
}

static void test_out_of_memory(void)
{
	struct tacit_agent_conf conf;
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = load("user = tacit\n", &conf, NULL);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 5);
	tacit_agent_conf_done(&conf);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "defaults", test_defaults },
		{ "every key is read", test_every_key },
		{ "refusals say where and why", test_refusals },
		{ "the table is whole", test_table_is_whole },
		{ "every allocation may fail", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("agent_conf", cases);
}
