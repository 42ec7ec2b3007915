/* SPDX-License-Identifier: MIT */
#include "agent/probe_table.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct tacit_sensor_status everything(void)
{
	struct tacit_sensor_status status = { .tier = TACIT_TIER_DEEP,
					      .features_observed = TACIT_FEATURE_COUNT,
					      .features_total = TACIT_FEATURE_COUNT };

	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		status.probe[i] =
			(struct tacit_sensor_probe){ .observed = true, .instructions = 1000 + i };
	return status;
}

/* Owned by the caller. */
static char *table_of(const struct tacit_sensor_status *status)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	CU_ASSERT_FATAL(out != NULL);
	tacit_probe_table_put(out, status);
	CU_ASSERT_EQUAL(fclose(out), 0);
	CU_ASSERT_FATAL(text != NULL);
	return text;
}

/* The line that begins with @word after two blanks, cut off from the rest; "" when there is none.
 */
static const char *line_of(char *text, const char *word)
{
	char start[64];
	char *line;

	(void)snprintf(start, sizeof(start), "\n  %s ", word);
	line = strstr(text, start);
	if (!line)
		return "";
	line++;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void expect_value(const struct tacit_sensor_status *status, const char *word,
			 const char *value)
{
	char *text = table_of(status);
	const char *line = line_of(text, word);
	size_t len = strlen(line), tail = strlen(value);

	CU_ASSERT(len > tail && strcmp(line + len - tail, value) == 0);
	CU_ASSERT(len > tail && line[len - tail - 1] == ' ');
	free(text);
}

static unsigned features_of(const char *group)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		n += tacit_feature_group_len(i) == strlen(group) &&
		     strncmp(tacit_feature_get(i)->name, group, strlen(group)) == 0;
	return n;
}

static void test_a_line_for_each(void)
{
	struct tacit_sensor_status status = everything();
	char value[32];

	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		(void)snprintf(value, sizeof(value), "%u", 1000 + i);
		expect_value(&status, tacit_probe_get(i)->program, value);
	}
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		char group[32];
		unsigned n;

		(void)snprintf(group, sizeof(group), "%.*s", (int)tacit_feature_group_len(i),
			       tacit_feature_get(i)->name);
		n = features_of(group);
		CU_ASSERT(n > 0);
		(void)snprintf(value, sizeof(value), "%u of %u", n, n);
		expect_value(&status, group, value);
	}
}

static void test_all_is_well(void)
{
	struct tacit_sensor_status status = everything();
	char *text = table_of(&status), *again = table_of(&status), first[64];

	(void)snprintf(first, sizeof(first), "tier deep, %d of %d features\n\n",
		       TACIT_FEATURE_COUNT, TACIT_FEATURE_COUNT);
	CU_ASSERT_EQUAL(strncmp(text, first, strlen(first)), 0);
	CU_ASSERT_PTR_NULL(strstr(text, "not observed"));
	CU_ASSERT_STRING_EQUAL(text, again);
	free(text);
	free(again);
}

static void test_what_is_missing(void)
{
	struct tacit_sensor_status status = everything();
	struct tacit_sensor_probe *udp = &status.probe[TACIT_PROBE_UDP_DROP];
	struct tacit_sensor_probe *oom = &status.probe[TACIT_PROBE_OOM];
	unsigned lost = 0, of_udp = features_of("udp");
	char *text, value[32];

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		lost += tacit_feature_get(i)->probe == TACIT_PROBE_UDP_DROP;
	*udp = (struct tacit_sensor_probe){ .error = -ENOENT };
	(void)strcpy(udp->why, "this kernel has no tracepoint udp_fail_queue_rcv_skb");
	(void)strcpy(udp->remedy, "a newer kernel may have it");
	*oom = (struct tacit_sensor_probe){ .error = -EINVAL };
	(void)strcpy(oom->why, "this kernel refused mark_victim: invalid argument");
	status.tier = TACIT_TIER_LIGHT;

	(void)snprintf(value, sizeof(value), "%u of %u", of_udp - lost, of_udp);
	expect_value(&status, "udp", value);
	expect_value(&status, "on_udp_drop", "missing");
	text = table_of(&status);
	CU_ASSERT_EQUAL(strncmp(text, "tier light, ", strlen("tier light, ")), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(
		text, "\n\nnot observed\n"
		      "  on_oom (memory): this kernel refused mark_victim: invalid argument\n"
		      "  on_udp_drop (udp): this kernel has no tracepoint "
		      "udp_fail_queue_rcv_skb; a newer kernel may have it\n"));
	free(text);
}

static void test_no_count(void)
{
	struct tacit_sensor_status status = everything();

	status.probe[TACIT_PROBE_FORK].instructions = 0;
	expect_value(&status, "on_fork", "-");
	status.probe[TACIT_PROBE_FORK].instructions = UINT32_MAX;
	expect_value(&status, "on_fork", "4294967295");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "each group and program has its line", test_a_line_for_each },
		{ "a kernel that has it all, twice the same", test_all_is_well },
		{ "what is missing, and why", test_what_is_missing },
		{ "a kernel that does not count instructions", test_no_count },
		{ NULL, NULL },
	};

	return unit_main("probe_table", cases);
}
