/* SPDX-License-Identifier: MIT */
#include "aggregator/aggregator_conf.h"

#include <stdio.h>
#include <string.h>

#include <tacit/cleanup.h>

#include "place.h"
#include "unit.h"

static int load(const char *text, struct tacit_aggregator_conf *conf,
		struct tacit_conf_where *where)
{
	PLACE(place);
	const char *path = place_write(&place, "a.conf", text, strlen(text));

	memset(where, 0, sizeof(*where));
	return tacit_aggregator_conf_load(conf, path, 0, where);
}

static void test_defaults(void)
{
	struct tacit_aggregator_conf conf = { 0 };
	struct tacit_conf_where where;
	struct tacit_http_limits limits;
	TACIT_AUTO_FREE char *path = NULL;

	CU_ASSERT_EQUAL_FATAL(load("", &conf, &where), 0);
	CU_ASSERT_STRING_EQUAL(conf.listen, ":8443");
	CU_ASSERT_STRING_EQUAL(conf.state_dir, "/var/lib/tacit-aggregator");
	CU_ASSERT_STRING_EQUAL(conf.admin_socket, "/run/tacit-aggregator/admin");
	CU_ASSERT_STRING_EQUAL(conf.metrics_listen, "127.0.0.1:9464");
	CU_ASSERT_EQUAL(conf.workers, 0);
	CU_ASSERT_EQUAL(conf.certificate_ttl_sec, 7 * 86400);
	CU_ASSERT_EQUAL(conf.log_level, 3);
	limits = tacit_aggregator_conf_limits(&conf);
	CU_ASSERT_EQUAL(limits.connections, 4096);
	CU_ASSERT_EQUAL(limits.idle_ms, 75000);
	CU_ASSERT_EQUAL(limits.body_bytes_in_flight, 64U << 20);
	path = tacit_aggregator_conf_path(&conf, "fleet.db");
	CU_ASSERT_STRING_EQUAL(path, "/var/lib/tacit-aggregator/fleet.db");
	tacit_aggregator_conf_done(&conf);
}

static void test_values(void)
{
	struct tacit_aggregator_conf conf = { 0 };
	struct tacit_conf_where where;

	CU_ASSERT_EQUAL_FATAL(load("listen = [::1]:443\nnames = a.example,10.0.0.1\n"
				   "url = https://a.example\nworkers = 3\nstate_dir = /s\n"
				   "admin_socket = /r/admin\nmetrics_listen =\n"
				   "certificate_ttl_sec = 60\nlog_level = debug\n"
				   "limits.connections = 5\nlimits.handshake_sec = 2\n",
				   &conf, &where),
			      0);
	CU_ASSERT_STRING_EQUAL(conf.listen, "[::1]:443");
	CU_ASSERT_STRING_EQUAL(conf.names, "a.example,10.0.0.1");
	CU_ASSERT_STRING_EQUAL(conf.url, "https://a.example");
	CU_ASSERT_EQUAL(conf.workers, 3);
	CU_ASSERT_EQUAL(conf.log_level, 4);
	CU_ASSERT_TRUE(!conf.metrics_listen || conf.metrics_listen[0] == '\0');
	CU_ASSERT_EQUAL(tacit_aggregator_conf_limits(&conf).connections, 5);
	CU_ASSERT_EQUAL(tacit_aggregator_conf_limits(&conf).handshake_ms, 2000);
	tacit_aggregator_conf_done(&conf);
}

/* What is wrong is named, with its line where one line is to blame. */
static void test_bad(void)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} table[] = {
		{ "\nlisten = nowhere\n", "listen", 0 },
		{ "metrics_listen = 1.2.3.4\n", "metrics_listen", 0 },
		{ "state_dir = here\n", "state_dir", 0 },
		{ "admin_socket = admin\n", "admin_socket", 0 },
		{ "url = http://a.example\n", "url", 0 },
		{ "url = https://a.example/\n", "url", 0 },
		{ "url = https://\n", "url", 0 },
		{ "\n\nworkers = many\n", "workers", 3 },
		{ "workers = 257\n", "workers", 1 },
		{ "certificate_ttl_sec = 59\n", "certificate_ttl_sec", 1 },
		{ "log_level = loud\n", "log_level", 1 },
		{ "limits.body_mb = 0\n", "limits.body_mb", 1 },
		{ "window_ms = 1000\n", "window_ms", 1 },
	};
	struct tacit_conf_where where;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++) {
		struct tacit_aggregator_conf conf = { .workers = 99 };

		CU_ASSERT_EQUAL(load(table[i].text, &conf, &where), -EINVAL);
		CU_ASSERT_EQUAL(where.line, table[i].line);
		CU_ASSERT_PTR_NOT_NULL(strstr(where.why, table[i].why));
		CU_ASSERT_PTR_NOT_NULL(strstr(where.file, "a.conf"));
		CU_ASSERT_EQUAL(conf.workers, 99); /* untouched */
	}
}

static void test_missing(void)
{
	struct tacit_aggregator_conf conf = { 0 };

	CU_ASSERT_EQUAL(tacit_aggregator_conf_load(&conf, "/nonexistent/a.conf", 0, NULL), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(tacit_aggregator_conf_load(&conf, "/nonexistent/a.conf", 1, NULL), 0);
	tacit_aggregator_conf_done(&conf);
}

/* Every row has words for people, and a default that it accepts itself. */
static void test_table(void)
{
	const struct tacit_conf_schema *schema = tacit_aggregator_conf_schema();
	char line[256];

	for (size_t i = 0; i < schema->n; i++) {
		const struct tacit_conf_key *key = &schema->key[i];
		struct tacit_aggregator_conf conf = { 0 };

		CU_ASSERT_TRUE(key->doc && strlen(key->doc) > 10);
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(schema->key[k].name, key->name);
		if (!key->fallback)
			continue;
		(void)snprintf(line, sizeof(line), "%s = %s\n", key->name, key->fallback);
		CU_ASSERT_EQUAL(tacit_conf_init(schema, &conf), 0);
		CU_ASSERT_EQUAL(tacit_conf_parse(schema, &conf, "x", line, strlen(line), NULL), 0);
		tacit_aggregator_conf_done(&conf);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "defaults", test_defaults },
		{ "values", test_values },
		{ "what is wrong is named", test_bad },
		{ "a missing file", test_missing },
		{ "the table", test_table },
		{ NULL, NULL },
	};

	return unit_main("aggregator_conf", cases);
}
