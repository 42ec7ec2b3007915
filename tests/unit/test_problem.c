/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/problem.h>

#include "unit.h"

static int parse(const char *json, struct tacit_problem *ret)
{
	return tacit_problem_parse(json, strlen(json), ret);
}

static void test_round_trip(void)
{
	struct tacit_problem problem = { 0 };
	TACIT_AUTO_FREE char *text =
		tacit_problem_format(409, "conflict", "Conflict", "round %d, \"%s\"", 7, "a\nb");
	TACIT_AUTO_FREE char *blank = tacit_problem_format(404, NULL, "Not Found", "%s", "");

	CU_ASSERT_STRING_EQUAL(text,
			       "{\"type\":\"urn:tacit:problem:conflict\",\"title\":\"Conflict\","
			       "\"status\":409,\"detail\":\"round 7, \\\"a\\nb\\\"\"}");
	CU_ASSERT_EQUAL(parse(text, &problem), 0);
	CU_ASSERT_EQUAL(problem.status, 409);
	CU_ASSERT_STRING_EQUAL(problem.type, "urn:tacit:problem:conflict");
	CU_ASSERT_STRING_EQUAL(problem.title, "Conflict");
	CU_ASSERT_STRING_EQUAL(problem.detail, "round 7, \"a\nb\"");
	CU_ASSERT_STRING_EQUAL(blank,
			       "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404}");
}

static void test_long_and_odd_details(void)
{
	struct tacit_problem problem = { 0 };
	char detail[600] = "";
	char *text;

	/* 255 bytes are kept; the character in two that this leaves is dropped. */
	for (int i = 0; i < 200; i++)
		(void)strcat(detail, "\xc3\xa4");
	text = tacit_problem_format(400, NULL, "Bad", "%s", detail);
	CU_ASSERT_EQUAL(parse(text, &problem), 0);
	CU_ASSERT_EQUAL(strlen(problem.detail), 254);
	CU_ASSERT_EQUAL(strncmp(problem.detail, detail, 254), 0);
	tacit_free(text);

	text = tacit_problem_format(400, NULL, "Bad", "%s", "\xff\xfe");
	CU_ASSERT_STRING_EQUAL(text, "{\"type\":\"about:blank\",\"title\":\"Bad\",\"status\":400}");
	tacit_free(text);
}

static void test_lenient_reading(void)
{
	struct tacit_problem problem;

	memset(&problem, 0xff, sizeof(problem));
	CU_ASSERT_EQUAL(parse("{}", &problem), 0);
	CU_ASSERT_EQUAL(problem.status, 0);
	CU_ASSERT_STRING_EQUAL(problem.type, "");
	CU_ASSERT_STRING_EQUAL(problem.detail, "");
	CU_ASSERT_EQUAL(
		parse("{\"status\":\"409\",\"type\":7,\"title\":[],\"detail\":null,\"x\":{}}",
		      &problem),
		0);
	CU_ASSERT_EQUAL(problem.status, 0);
	CU_ASSERT_STRING_EQUAL(problem.title, "");
	CU_ASSERT_EQUAL(parse("{\"status\":200}", &problem), 0);
	CU_ASSERT_EQUAL(problem.status, 0);
	CU_ASSERT_EQUAL(parse("{\"status\":-5}", &problem), 0);
	CU_ASSERT_EQUAL(problem.status, 0);
	CU_ASSERT_EQUAL(parse("{\"status\":4294967700}", &problem), 0);
	CU_ASSERT_EQUAL(problem.status, 0);
}

static void test_refusals(void)
{
	static const char *const texts[] = {
		"",
		" ",
		"[]",
		"\"text\"",
		"null",
		"7",
		"{",
		"{\"status\":",
		"{\"status\":1e999}",
		"{\"a\":1,\"a\":2}",
		"{} {}",
		"<html>",
		"{\"detail\":\"\\u0000\"}",
		"{\"a\":NaN}",
		"{\"detail\":\"\xff\"}",
	};
	static char deep[200000];
	struct tacit_problem problem = { .status = 77 };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(texts); i++)
		CU_ASSERT_EQUAL(parse(texts[i], &problem), -EINVAL);
	CU_ASSERT_EQUAL(tacit_problem_parse("{}\0", 3, &problem), -EINVAL);
	memset(deep, '[', sizeof(deep));
	CU_ASSERT_EQUAL(tacit_problem_parse(deep, 60000, &problem), -EINVAL);
	CU_ASSERT_EQUAL(tacit_problem_parse(deep, sizeof(deep), &problem), -EINVAL);
	memset(deep, ' ', sizeof(deep));
	memcpy(deep, "{}", 2);
	CU_ASSERT_EQUAL(tacit_problem_parse(deep, sizeof(deep), &problem), -EINVAL);
	CU_ASSERT_EQUAL(problem.status, 77);
}

static void test_out_of_memory(void)
{
	unit_fail_alloc(0);
	CU_ASSERT_PTR_NULL(tacit_problem_format(400, NULL, "Bad", "%s", "x"));
	unit_fail_alloc(-1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "round trip", test_round_trip },
		{ "long and odd details", test_long_and_odd_details },
		{ "lenient reading", test_lenient_reading },
		{ "refusals", test_refusals },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("problem", cases);
}
