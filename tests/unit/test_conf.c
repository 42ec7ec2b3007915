/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <tacit/conf.h>

#include "place.h"
#include "unit.h"

struct record {
	uint32_t count;
	double ratio;
	bool on;
	char *name, *path;
	uint32_t tier;
};

static const char *const tiers[] = { "light", "deep", NULL };

static const struct tacit_conf_key keys[] = {
	{ "count", TACIT_CONF_UINT, offsetof(struct record, count), 1, 4e9, "7", NULL, "" },
	{ "ratio", TACIT_CONF_DOUBLE, offsetof(struct record, ratio), -1, 1e6, "0.5", NULL, "" },
	{ "on", TACIT_CONF_BOOL, offsetof(struct record, on), 0, 0, "yes", NULL, "" },
	{ "name", TACIT_CONF_STRING, offsetof(struct record, name), 0, 20, "tacit", NULL, "" },
	{ "path", TACIT_CONF_STRING, offsetof(struct record, path), 0, 4000, NULL, NULL, "" },
	{ "tier", TACIT_CONF_ENUM, offsetof(struct record, tier), 0, 0, "deep", tiers, "" },
};

static const struct tacit_conf_schema schema = {
	keys,
	TACIT_ARRAY_LEN(keys),
	sizeof(struct record),
};

static void record_done(struct record *record)
{
	tacit_conf_done(&schema, record);
}

#define RECORD(name) TACIT_CLEANUP(record_done) struct record name = { 0 }

static int parse(struct record *record, const char *text, struct tacit_conf_where *where)
{
	CU_ASSERT_EQUAL_FATAL(tacit_conf_init(&schema, record), 0);
	return tacit_conf_parse(&schema, record, "x.conf", text, strlen(text), where);
}

static void test_defaults(void)
{
	RECORD(record);

	memset(&record, 0xff, sizeof(record));
	CU_ASSERT_EQUAL(tacit_conf_init(&schema, &record), 0);
	CU_ASSERT_EQUAL(record.count, 7);
	CU_ASSERT_EQUAL(record.ratio, 0.5);
	CU_ASSERT_EQUAL(record.on, true);
	CU_ASSERT_STRING_EQUAL(record.name, "tacit");
	CU_ASSERT_PTR_NULL(record.path);
	CU_ASSERT_EQUAL(record.tier, 1);
}

static void test_every_type(void)
{
	RECORD(record);

	CU_ASSERT_EQUAL(parse(&record,
			      "# a comment = not a key\r\n"
			      "\n   \t\r\n"
			      "count=4000000000\n"
			      "\t ratio \t=\t -2.5e-1 \r\n"
			      "on = no\n"
			      "  # indented comment\n"
			      "name = two words # and = signs\n"
			      "path =\n"
			      "tier = light",
			      NULL),
			-EINVAL); /* the name is too long */
	record_done(&record);
	CU_ASSERT_EQUAL(parse(&record,
			      "count=4000000000\n\t ratio \t=\t -2.5e-1 \r\non = no\r\n"
			      "name = two words # = it\npath =\ntier = light",
			      NULL),
			0);
	CU_ASSERT_EQUAL(record.count, 4000000000U);
	CU_ASSERT_EQUAL(record.ratio, -0.25);
	CU_ASSERT_EQUAL(record.on, false);
	CU_ASSERT_STRING_EQUAL(record.name, "two words # = it");
	CU_ASSERT_STRING_EQUAL(record.path, "");
	CU_ASSERT_EQUAL(record.tier, 0);
}

static const struct {
	const char *text;
	unsigned line;
	const char *why;
} refused[] = {
	{ "nonsense", 1, "key = value" },
	{ "= 1", 1, "unknown key \"\"" },
	{ "# fine\n\ncolour = red", 3, "unknown key \"colour\"" },
	{ "Count = 1", 1, "unknown key \"Count\"" },
	{ "count = 0", 1, "whole number from 1 to 4000000000" },
	{ "count = 4000000001", 1, "whole number" },
	{ "count = 99999999999999999999999", 1, "whole number" },
	{ "count = 4294967297", 1, "whole number" },
	{ "count = -1", 1, "whole number" },
	{ "count = +1", 1, "whole number" },
	{ "count = 1.0", 1, "whole number" },
	{ "count = 0x10", 1, "whole number" },
	{ "count = 1 2", 1, "whole number" },
	{ "count = 5 # five", 1, "whole number" },
	{ "count =", 1, "whole number" },
	{ "ratio = nan", 1, "number from -1 to 1e+06" },
	{ "ratio = inf", 1, "number from" },
	{ "ratio = 1e999", 1, "number from" },
	{ "ratio = 0x1p3", 1, "number from" },
	{ "ratio = +1", 1, "number from" },
	{ "ratio = 1,5", 1, "number from" },
	{ "ratio = 1e", 1, "number from" },
	{ "ratio = --1", 1, "number from" },
	{ "ratio = 1.5.2", 1, "number from" },
	{ "ratio = .", 1, "number from" },
	{ "ratio = -1.01", 1, "number from" },
	{ "on = true", 1, "neither yes nor no" },
	{ "on = YES", 1, "neither yes nor no" },
	{ "on =", 1, "neither yes nor no" },
	{ "name = 012345678901234567890", 1, "longer than 20 bytes" },
	{ "tier = heavy", 1, "not one of light, deep" },
	{ "tier =", 1, "not one of light, deep" },
	{ "count = 1\n\ncount = 1", 3, "count is set twice: here and on line 1" },
	{ "name = a\x01", 1, "control character 0x01 in column 9" },
	{ "# \x7f", 1, "control character 0x7f" },
	{ "count = 1\rname = x\n", 1, "control character 0x0d" },
	{ "\xef\xbb\xbf"
	  "count = 1",
	  1, "byte order mark" },
};

static void test_refusals_say_where(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(refused); i++) {
		struct tacit_conf_where where = { 0 };
		RECORD(record);

		CU_ASSERT_EQUAL(parse(&record, refused[i].text, &where), -EINVAL);
		CU_ASSERT_STRING_EQUAL(where.file, "x.conf");
		CU_ASSERT_EQUAL(where.line, refused[i].line);
		CU_ASSERT_PTR_NOT_NULL(strstr(where.why, refused[i].why));
	}
}

static void test_nul_bytes(void)
{
	static const char text[] = "count = 1\nname = a\0b\n";
	struct tacit_conf_where where = { 0 };
	RECORD(record);

	CU_ASSERT_EQUAL(tacit_conf_init(&schema, &record), 0);
	CU_ASSERT_EQUAL(tacit_conf_parse(&schema, &record, "x", text, sizeof(text) - 1, &where),
			-EINVAL);
	CU_ASSERT_EQUAL(where.line, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(where.why, "0x00"));
	CU_ASSERT_EQUAL(tacit_conf_parse(&schema, &record, "x", "\0", 1, NULL), -EINVAL);
}

static void test_oversized(void)
{
	static char text[TACIT_CONF_BYTES_MAX + 1];
	struct tacit_conf_where where = { .line = 99 };
	char line[2 * TACIT_CONF_VALUE_MAX];
	RECORD(record);

	memset(text, '\n', sizeof(text));
	CU_ASSERT_EQUAL(tacit_conf_init(&schema, &record), 0);
	CU_ASSERT_EQUAL(tacit_conf_parse(&schema, &record, "x", text, sizeof(text), &where),
			-E2BIG);
	CU_ASSERT_EQUAL(where.line, 0);
	CU_ASSERT_EQUAL(tacit_conf_parse(&schema, &record, "x", text, sizeof(text) - 1, NULL), 0);
	record_done(&record);

	memset(line, 'a', sizeof(line));
	memcpy(line, "path=", 5);
	line[5 + TACIT_CONF_VALUE_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(parse(&record, line, &where), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(where.why, "longer than 1024 bytes"));
	record_done(&record);
	line[5 + TACIT_CONF_VALUE_MAX] = '\0';
	CU_ASSERT_EQUAL(parse(&record, line, NULL), 0);
	CU_ASSERT_EQUAL(strlen(record.path), TACIT_CONF_VALUE_MAX);
	record_done(&record);
	memset(line, 'k', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	line[1500] = '=';
	CU_ASSERT_EQUAL(parse(&record, line, &where), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(where.why, "unknown key \"kkk"));
}

static void test_load_with_dropins(void)
{
	PLACE(place);
	RECORD(record);
	char path[512];

	(void)place_write(&place, "a.conf", "count = 1\nname = main\nratio = 1\n", 32);
	CU_ASSERT_EQUAL(mkdir(place_file(&place, "a.conf.d"), 0755), 0);
	(void)place_write(&place, "a.conf.d/20-b.conf", "count = 20\n", 11);
	(void)place_write(&place, "a.conf.d/10-a.conf", "count = 10\nname = drop-in\n", 26);
	(void)place_write(&place, "a.conf.d/.hidden.conf", "count = 3\n", 10);
	(void)place_write(&place, "a.conf.d/30-c.conf.bak", "count = 4\n", 10);
	(void)place_write(&place, "a.conf.d/.conf", "count = 5\n", 10);
	(void)strcpy(path, place_file(&place, "a.conf"));
	CU_ASSERT_EQUAL_FATAL(tacit_conf_load(&schema, &record, path, 0, NULL), 0);
	CU_ASSERT_EQUAL(record.count, 20);
	CU_ASSERT_EQUAL(record.ratio, 1);
	CU_ASSERT_STRING_EQUAL(record.name, "drop-in");
}

static void test_load_without_a_file(void)
{
	PLACE(place);
	RECORD(record);
	struct tacit_conf_where where = { 0 };
	char path[512];

	(void)strcpy(path, place_file(&place, "a.conf"));
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, path, 0, &where), -ENOENT);
	CU_ASSERT_STRING_EQUAL(where.file, path);
	CU_ASSERT_EQUAL(where.line, 0);
	CU_ASSERT_STRING_EQUAL(where.why, "No such file or directory");
	CU_ASSERT_PTR_NULL(record.name);
	CU_ASSERT_EQUAL(mkdir(place_file(&place, "a.conf.d"), 0755), 0);
	(void)place_write(&place, "a.conf.d/1.conf", "count = 20\n", 11);
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, path, 1, &where), 0);
	CU_ASSERT_EQUAL(record.count, 20);
}

static void test_load_refusals(void)
{
	PLACE(place);
	RECORD(record);
	struct tacit_conf_where where = { 0 };
	static char big[TACIT_CONF_BYTES_MAX + 2];
	char path[512];

	(void)strcpy(path, place_write(&place, "a.conf", "count = 1\n", 10));
	CU_ASSERT_EQUAL(mkdir(place_file(&place, "a.conf.d"), 0755), 0);
	(void)place_write(&place, "a.conf.d/1.conf", "\n\ncolour = red\n", 15);
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, path, 0, &where), -EINVAL);
	CU_ASSERT_STRING_EQUAL(where.file, place_file(&place, "a.conf.d/1.conf"));
	CU_ASSERT_EQUAL(where.line, 3);
	CU_ASSERT_PTR_NULL(record.name);

	memset(big, '#', sizeof(big));
	(void)place_write(&place, "a.conf", big, sizeof(big));
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, path, 0, &where), -E2BIG);
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, place.folder, 0, &where), -EISDIR);
	CU_ASSERT_STRING_EQUAL(where.file, place.folder);
}

static void test_too_many_dropins(void)
{
	PLACE(place);
	RECORD(record);
	struct tacit_conf_where where = { 0 };
	char path[512], name[40];

	(void)strcpy(path, place_write(&place, "a.conf", "", 0));
	CU_ASSERT_EQUAL(mkdir(place_file(&place, "a.conf.d"), 0755), 0);
	for (int i = 0; i < 65; i++) {
		(void)snprintf(name, sizeof(name), "a.conf.d/%d.conf", i);
		(void)place_write(&place, name, "", 0);
	}
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, path, 0, &where), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(where.why, "64"));
	CU_ASSERT_EQUAL(unlink(place_file(&place, name)), 0);
	CU_ASSERT_EQUAL(tacit_conf_load(&schema, &record, path, 0, &where), 0);
}

static void test_every_allocation_may_fail(void)
{
	PLACE(place);
	char path[512];
	int r = -ENOMEM, nth;

	(void)strcpy(path, place_write(&place, "a.conf", "name = a\npath = b\n", 18));
	CU_ASSERT_EQUAL(mkdir(place_file(&place, "a.conf.d"), 0755), 0);
	(void)place_write(&place, "a.conf.d/1.conf", "name = c\n", 9);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		struct tacit_conf_where where = { 0 };
		RECORD(record);

		unit_fail_alloc(nth);
		r = tacit_conf_load(&schema, &record, path, 0, &where);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 ? record.name != NULL : where.why[0] != '\0' && !record.name);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 10);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "defaults", test_defaults },
		{ "every type", test_every_type },
		{ "refusals say where", test_refusals_say_where },
		{ "NUL bytes", test_nul_bytes },
		{ "oversized", test_oversized },
		{ "load with drop-ins", test_load_with_dropins },
		{ "load without a file", test_load_without_a_file },
		{ "load refusals", test_load_refusals },
		{ "too many drop-ins", test_too_many_dropins },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("conf", cases);
}
