/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tacit/cleanup.h>
#include <tacit/clock.h>

#include "unit.h"

static const struct {
	int64_t wall_ms;
	const char *text;
} moments[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 1, "1970-01-01T00:00:00.001Z" },
	{ 951782399999, "2000-02-28T23:59:59.999Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 1796083199042, "2026-11-30T23:59:59.042Z" },
	{ 4102444800000, "2100-01-01T00:00:00.000Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ 253402300800000, "-" },
	{ INT64_MAX, "-" },
	{ -1, "-" },
	{ INT64_MIN, "-" },
};

static void test_rfc3339(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(moments); i++) {
		char text[TACIT_RFC3339_LEN];

		tacit_clock_rfc3339(moments[i].wall_ms, text);
		CU_ASSERT_STRING_EQUAL(text, moments[i].text);
	}
}

static void test_local(void)
{
	char text[32];

	CU_ASSERT_EQUAL(setenv("TZ", "XXX-02:30", 1), 0);
	tzset();
	tacit_clock_local(0, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "1970-01-01 02:30:00");
	tacit_clock_local(951782399999, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "2000-02-29 02:29:59");
	tacit_clock_local(-1, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "-");
	tacit_clock_local(INT64_MAX, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "-");
	tacit_clock_local(0, text, 10);
	CU_ASSERT_STRING_EQUAL(text, "-");
	tacit_clock_local(0, text, 1);
	CU_ASSERT_STRING_EQUAL(text, "");
}

static void test_readings(void)
{
	int64_t boot = tacit_clock_boot_ms(), wall = tacit_clock_wall_ms();
	time_t before = time(NULL);

	CU_ASSERT(boot > 0);
	CU_ASSERT(tacit_clock_boot_ms() >= boot);
	CU_ASSERT(llabs(wall / 1000 - before) < 60);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "RFC 3339", test_rfc3339 },
		{ "local time", test_local },
		{ "readings", test_readings },
		{ NULL, NULL },
	};

	return unit_main("clock", cases);
}
