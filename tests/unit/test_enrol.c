/* SPDX-License-Identifier: MIT */
#include "aggregator/enrol.h"

#include <string.h>

#include <tacit/cleanup.h>

#include "unit.h"

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static int parse(const char *text, struct tacit_enrol *ret, char *why)
{
	return tacit_enrol_parse(text, strlen(text), ret, why, 128);
}

static void test_a_request(void)
{
	TACIT_CLEANUP(tacit_enrol_done) struct tacit_enrol enrol = { 0 };

	CU_ASSERT_EQUAL_FATAL(parse("{\"secret\": \"" SECRET "\", \"csr\": \"pem\\nmore\","
				    " \"labels\": {\"site\": \"lab\"}}",
				    &enrol, NULL),
			      0);
	CU_ASSERT_STRING_EQUAL(enrol.csr, "pem\nmore");
	CU_ASSERT_EQUAL(enrol.secret[0], 0);
	CU_ASSERT_EQUAL(enrol.secret[31], 31);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(enrol.labels, "site")), "lab");
}

static void test_labels_may_be_missing(void)
{
	TACIT_CLEANUP(tacit_enrol_done) struct tacit_enrol enrol = { 0 };

	CU_ASSERT_EQUAL(parse("{\"secret\": \"" SECRET "\", \"csr\": \"pem\"}", &enrol, NULL), 0);
	CU_ASSERT_PTR_NULL(enrol.labels);
}

static const struct {
	const char *text;
	int code;
	const char *why;
} refused[] = {
	{ "", -EINVAL, "not JSON" },
	{ "{", -EINVAL, "not JSON at byte 1" },
	{ "{} x", -EINVAL, "not JSON" },
	{ "{\"csr\": \"\xff\"}", -EINVAL, "not JSON" },
	{ "[]", TACIT_ESCHEMA, "not a JSON object" },
	{ "{\"csr\": \"a\", \"csr\": \"b\"}", -EINVAL, "not JSON" },
	{ "{\"csr\": \"pem\"}", TACIT_ESCHEMA, "'secret'" },
	{ "{\"secret\": 7, \"csr\": \"pem\"}", TACIT_ESCHEMA, "'secret'" },
	{ "{\"secret\": \"AAEC\", \"csr\": \"pem\"}", TACIT_ESCHEMA, "'secret'" },
	{ "{\"secret\": \"" SECRET "AA\", \"csr\": \"pem\"}", TACIT_ESCHEMA, "'secret'" },
	{ "{\"secret\": \"" SECRET "=\", \"csr\": \"pem\"}", TACIT_ESCHEMA, "'secret'" },
	{ "{\"secret\": \"" SECRET "\"}", TACIT_ESCHEMA, "'csr'" },
	{ "{\"secret\": \"" SECRET "\", \"csr\": \"\"}", TACIT_ESCHEMA, "'csr'" },
	{ "{\"secret\": \"" SECRET "\", \"csr\": null}", TACIT_ESCHEMA, "'csr'" },
	{ "{\"secret\": \"" SECRET "\", \"csr\": \"a\\u0000b\"}", -EINVAL, "not JSON" },
	{ "{\"secret\": \"" SECRET "\", \"csr\": \"a\", \"labels\": []}", TACIT_ESCHEMA,
	  "'labels'" },
	{ "{\"secret\": \"" SECRET "\", \"csr\": \"a\", \"labels\": null}", TACIT_ESCHEMA,
	  "'labels'" },
	{ "{\"secret\": \"" SECRET "\", \"csr\": \"a\", \"more\": 1}", TACIT_ESCHEMA,
	  "other than those known" },
};

static void test_refusals_say_why_and_tell_no_secret(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(refused); i++) {
		struct tacit_enrol enrol = { 0 };
		char why[128] = "";

		CU_ASSERT_EQUAL(parse(refused[i].text, &enrol, why), refused[i].code);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, refused[i].why));
		CU_ASSERT_PTR_NULL(strstr(why, "AAEC"));
		CU_ASSERT_PTR_NULL(enrol.csr);
	}
}

static void test_sizes(void)
{
	static char text[TACIT_ENROL_BODY_MAX + 2];
	struct tacit_enrol enrol = { 0 };
	size_t len;

	memset(text, ' ', sizeof(text));
	CU_ASSERT_EQUAL(tacit_enrol_parse(text, TACIT_ENROL_BODY_MAX, &enrol, NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(tacit_enrol_parse(text, TACIT_ENROL_BODY_MAX + 1, &enrol, NULL, 0), -E2BIG);
	len = (size_t)snprintf(text, sizeof(text), "{\"secret\": \"" SECRET "\", \"csr\": \"");
	memset(text + len, 'x', TACIT_PEM_MAX + 1);
	memcpy(text + len + TACIT_PEM_MAX + 1, "\"}", 2);
	CU_ASSERT_EQUAL(tacit_enrol_parse(text, len + TACIT_PEM_MAX + 3, &enrol, NULL, 0),
			TACIT_ESCHEMA);
}

static void test_depth_is_bounded(void)
{
	static char text[TACIT_ENROL_BODY_MAX];
	struct tacit_enrol enrol = { 0 };

	memset(text, '[', sizeof(text));
	CU_ASSERT_EQUAL(tacit_enrol_parse(text, sizeof(text), &enrol, NULL, 0), -EINVAL);
}

static void test_a_renewal(void)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"csr\": 1}",
					   "{\"csr\": \"a\", \"secret\": \"b\"}" };
	TACIT_AUTO_FREE char *csr = NULL;

	CU_ASSERT_EQUAL(tacit_enrol_parse_renewal("{\"csr\": \"pem\"}", 14, &csr, NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(csr, "pem");
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++) {
		char *none = NULL;

		CU_ASSERT(tacit_enrol_parse_renewal(bad[i], strlen(bad[i]), &none, NULL, 0) < 0);
		CU_ASSERT_PTR_NULL(none);
	}
}

static void test_the_secret_is_wiped(void)
{
	struct tacit_enrol enrol = { 0 };
	uint8_t none[TACIT_TOKEN_SECRET_LEN] = { 0 };

	CU_ASSERT_EQUAL(parse("{\"secret\": \"" SECRET "\", \"csr\": \"pem\"}", &enrol, NULL), 0);
	tacit_enrol_done(&enrol);
	CU_ASSERT_EQUAL(memcmp(enrol.secret, none, sizeof(none)), 0);
	CU_ASSERT_PTR_NULL(enrol.csr);
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		TACIT_CLEANUP(tacit_enrol_done) struct tacit_enrol enrol = { 0 };

		unit_fail_alloc(nth);
		r = parse("{\"secret\": \"" SECRET "\", \"csr\": \"pem\"}", &enrol, NULL);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (enrol.csr != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a request", test_a_request },
		{ "labels may be missing", test_labels_may_be_missing },
		{ "refusals say why and tell no secret", test_refusals_say_why_and_tell_no_secret },
		{ "sizes", test_sizes },
		{ "depth is bounded", test_depth_is_bounded },
		{ "a renewal", test_a_renewal },
		{ "the secret is wiped", test_the_secret_is_wiped },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("enrol", cases);
}
