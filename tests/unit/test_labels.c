/* SPDX-License-Identifier: MIT */
#include "aggregator/labels.h"

#include <string.h>

#include <tacit/cleanup.h>

#include "unit.h"

static int check(const char *text)
{
	TACIT_CLEANUP(json_decrefp) json_t *labels = json_loads(text, JSON_DECODE_ANY, NULL);

	return labels ? tacit_labels_check(labels) : -EINVAL;
}

static void test_what_labels_are(void)
{
	CU_ASSERT_EQUAL(tacit_labels_check(NULL), 0);
	CU_ASSERT_EQUAL(check("{}"), 0);
	CU_ASSERT_EQUAL(check("{\"site\": \"lab 7\", \"rack.unit-1_a\": \"\"}"), 0);
}

static void test_what_they_are_not(void)
{
	static const char *const refused[] = {
		"[]",
		"null",
		"\"site\"",
		"{\"site\": 1}",
		"{\"site\": {\"a\": \"b\"}}",
		"{\"\": \"x\"}",
		"{\"with space\": \"x\"}",
		"{\"012345678901234567890123456789012\": \"name too long\"}",
		"{\"a\": \"line\\nbreak\"}",
		"{\"a\": \"nul \\u0001\"}",
		"{\"a\": \"b\xc3\xa9\"}",
		"{\"a\": \"0123456789012345678901234567890123456789012345678901234567890123x\"}",
		"{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\",\"e\":\"\",\"f\":\"\",\"g\":\"\","
		"\"h\":\"\",\"i\":\"\",\"j\":\"\",\"k\":\"\",\"l\":\"\",\"m\":\"\",\"n\":\"\","
		"\"o\":\"\",\"p\":\"\",\"q\":\"\"}",
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(refused); i++)
		CU_ASSERT_EQUAL(check(refused[i]), TACIT_ESCHEMA);
}

static void test_one_lies_over_the_other(void)
{
	TACIT_CLEANUP(json_decrefp) json_t *under = json_pack("{s:s, s:s}", "a", "1", "b", "2");
	TACIT_CLEANUP(json_decrefp) json_t *over = json_pack("{s:s, s:s}", "b", "3", "c", "4");
	TACIT_AUTO_FREE char *both = tacit_labels_format(under, over);
	TACIT_AUTO_FREE char *one = tacit_labels_format(under, NULL);
	TACIT_AUTO_FREE char *none = tacit_labels_format(NULL, NULL);

	CU_ASSERT_STRING_EQUAL(both, "{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}");
	CU_ASSERT_STRING_EQUAL(one, "{\"a\":\"1\",\"b\":\"2\"}");
	CU_ASSERT_STRING_EQUAL(none, "{}");
	CU_ASSERT_EQUAL(json_object_size(under), 2);
}

static json_t *many(const char *prefix, unsigned n)
{
	json_t *labels = json_object();
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s%u", prefix, i);
		(void)json_object_set_new(labels, name, json_string("x"));
	}
	return labels;
}

static void test_those_on_top_come_first(void)
{
	TACIT_CLEANUP(json_decrefp) json_t *under = many("under", TACIT_LABELS_MAX);
	TACIT_CLEANUP(json_decrefp) json_t *over = many("over", TACIT_LABELS_MAX - 1);
	TACIT_AUTO_FREE char *text = tacit_labels_format(under, over);
	TACIT_CLEANUP(json_decrefp) json_t *both = tacit_labels_parse(text);

	CU_ASSERT_EQUAL(json_object_size(both), TACIT_LABELS_MAX);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(both, "over14"));
}

static void test_what_cannot_be_read_is_none(void)
{
	static const char *const texts[] = { "", "[1]", "{", "{\"a\": \"b\", \"a\": \"c\"}" };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(texts); i++) {
		TACIT_CLEANUP(json_decrefp) json_t *labels = tacit_labels_parse(texts[i]);

		CU_ASSERT(json_is_object(labels));
		CU_ASSERT_EQUAL(json_object_size(labels), 0);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "what labels are", test_what_labels_are },
		{ "what they are not", test_what_they_are_not },
		{ "one lies over the other", test_one_lies_over_the_other },
		{ "those on top come first", test_those_on_top_come_first },
		{ "what cannot be read is none", test_what_cannot_be_read_is_none },
		{ NULL, NULL },
	};

	return unit_main("labels", cases);
}
