/* SPDX-License-Identifier: MIT */
/* The manual and the sample configurations say what the tables of keys say. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/conf.h>

#include "agent/agent_conf.h"
#include "aggregator/aggregator_conf.h"

#include "unit.h"

#define TEXT_MAX 65536

/* Owned by the caller; the tests run in the project's folder. */
static char *read_text(const char *path)
{
	char *text = (char *)tacit_calloc(TEXT_MAX, 1);
	FILE *file = fopen(path, "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_TRUE(fread(text, 1, TEXT_MAX - 1, file) > 0);
	(void)fclose(file);
	return text;
}

/* Whether @text holds @line as a whole line. */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	printf("# not found: %s\n", line);
	return false;
}

static void expect_page(const struct tacit_conf_key *key, const char *page)
{
	bool number = key->type == TACIT_CONF_UINT || key->type == TACIT_CONF_DOUBLE;
	const char *fallback = key->fallback && key->fallback[0] ? key->fallback : "empty";
	const char *at;
	char text[256];

	(void)snprintf(text, sizeof(text), "\n.It Cm %s Ns = Ns ", key->name);
	at = strstr(page, text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	if (number)
		(void)snprintf(text, sizeof(text), "\nFrom %.15g to %.15g; the default is %s.\n",
			       key->min, key->max, fallback);
	else
		(void)snprintf(text, sizeof(text), "\nThe default is %s.\n", fallback);
	/* Before the next key. */
	const char *found = strstr(at, text), *next = strstr(at + 1, "\n.It Cm ");

	if (!found || (next && found > next)) {
		printf("# %s: not found:%s", key->name, text);
		CU_FAIL("the manual differs from the table");
	}
}

static void expect_sample(const struct tacit_conf_key *key, const char *sample)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "# %s", key->doc);
	CU_ASSERT_TRUE(has_line(sample, line));
	if (key->fallback && key->fallback[0])
		(void)snprintf(line, sizeof(line), "#%s = %s", key->name, key->fallback);
	else
		(void)snprintf(line, sizeof(line), "#%s =", key->name);
	CU_ASSERT_TRUE(has_line(sample, line));
}

static void compare(const struct tacit_conf_schema *schema, const char *page_path,
		    const char *sample_path)
{
	TACIT_AUTO_FREE char *page = read_text(page_path);
	TACIT_AUTO_FREE char *sample = read_text(sample_path);

	for (size_t i = 0; i < schema->n; i++) {
		expect_page(&schema->key[i], page);
		expect_sample(&schema->key[i], sample);
	}
}

static void test_agent(void)
{
	compare(tacit_agent_conf_schema(), "docs/man/tacit-agent.conf.5", "systemd/agent.conf");
}

static void test_aggregator(void)
{
	compare(tacit_aggregator_conf_schema(), "docs/man/tacit-aggregator.conf.5",
		"systemd/aggregator.conf");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "agent.conf", test_agent },
		{ "aggregator.conf", test_aggregator },
		{ NULL, NULL },
	};

	return unit_main("manual", cases);
}
