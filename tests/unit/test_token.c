/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/bytes.h>
#include <tacit/x509.h>

#include "unit.h"

/* Parts of a sound token: https://aggregator.example:8443, 32 and 32 bytes. */
#define URL    "aHR0cHM6Ly9hZ2dyZWdhdG9yLmV4YW1wbGU6ODQ0Mw"
#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define PIN    "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define SOUND  "tacit1." URL "." SECRET "." PIN

static int parse(const char *text, size_t len, char why[128])
{
	struct tacit_token token = { 0 };
	static const struct tacit_token untouched;
	int r = tacit_token_parse(text, len, &token, why, 128);

	if (r < 0)
		CU_ASSERT_EQUAL(memcmp(&token, &untouched, sizeof(token)), 0);
	return r;
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	char text[TACIT_TOKEN_TEXT_MAX];

	CU_ASSERT_EQUAL(tacit_token_parse(SOUND, strlen(SOUND), &token, NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(token.url, "https://aggregator.example:8443");
	for (unsigned i = 0; i < 32; i++) {
		CU_ASSERT_EQUAL(token.secret[i], i);
		CU_ASSERT_EQUAL(token.pin[i], i + 32);
	}
	tacit_token_format(&token, text);
	CU_ASSERT_STRING_EQUAL(text, SOUND);
	CU_ASSERT_EQUAL(parse(" \t\r\n" SOUND "\r\n\n ", strlen(SOUND) + 8, NULL), 0);
}

static void test_longest(void)
{
	struct tacit_token token = { .url = "https://" }, back;
	char text[TACIT_TOKEN_TEXT_MAX];

	memset(token.url + 8, 'a', TACIT_TOKEN_URL_MAX - 8);
	tacit_token_format(&token, text);
	CU_ASSERT(strlen(text) < sizeof(text));
	CU_ASSERT_EQUAL(tacit_token_parse(text, strlen(text), &back, NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(back.url, token.url);
}

static void test_truncated(void)
{
	char why[128];

	for (size_t len = 0; len < strlen(SOUND); len++)
		CU_ASSERT_EQUAL(parse(SOUND, len, why), TACIT_ESCHEMA);
}

static const struct {
	const char *text, *why;
} refused[] = {
	{ "", "begin" },
	{ "tacit2." URL "." SECRET "." PIN, "begin" },
	{ "Tacit1." URL "." SECRET "." PIN, "begin" },
	{ "tacit1." URL "." SECRET, "four parts" },
	{ SOUND ".", "four parts" },
	{ SOUND "\n" SOUND, "four parts" },
	{ "tacit1.." SECRET "." PIN, "https://" },
	{ "tacit1.a." SECRET "." PIN, "address is not base64url" },
	{ "tacit1." URL "=." SECRET "." PIN, "address is not base64url" },
	{ "tacit1." URL "\n." SECRET "." PIN, "address is not base64url" },
	{ "tacit1." URL ".." PIN, "secret" },
	{ "tacit1." URL "." SECRET "AA." PIN, "secret" },
	{ "tacit1." URL "." SECRET " ." PIN, "secret" },
	{ "tacit1." URL "." SECRET ".", "pin" },
	{ "tacit1." URL "." SECRET "." PIN "AA", "pin" },
	{ "tacit1." URL "." SECRET "."
	  "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9",
	  "pin" },
};

static void test_refusals_say_why_and_repeat_nothing(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(refused); i++) {
		char why[128] = "";

		CU_ASSERT_EQUAL(parse(refused[i].text, strlen(refused[i].text), why),
				TACIT_ESCHEMA);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, refused[i].why));
		CU_ASSERT_PTR_NULL(strstr(why, "AAEC"));
		CU_ASSERT_PTR_NULL(strstr(why, "aHR0"));
	}
}

static const char *const bad_urls[] = {
	"http://a",	      "https://",	  "https:///a",	  "https://:80",
	"HTTPS://a",	      "https://a/",	  "https://a b",  "https://user@a",
	"https://a?x",	      "https://a#x",	  "https://a\\b", "https://a\nb",
	"file:///etc/passwd", "https://\xc3\xa4", " https://a",	  "https://a\x01",
};

static void test_bad_addresses(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad_urls); i++) {
		struct tacit_token token = { 0 };
		char text[TACIT_TOKEN_TEXT_MAX], why[128] = "";

		(void)strcpy(token.url, bad_urls[i]);
		tacit_token_format(&token, text);
		CU_ASSERT_EQUAL(parse(text, strlen(text), why), TACIT_ESCHEMA);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "https://"));
	}
}

static void test_embedded_nul(void)
{
	char url[64], text[256];
	char whole[] = SOUND;

	tacit_base64url_encode("https://a\0.evil", 15, url);
	(void)snprintf(text, sizeof(text), "tacit1.%s.%s.%s", url, SECRET, PIN);
	CU_ASSERT_EQUAL(parse(text, strlen(text), NULL), TACIT_ESCHEMA);
	whole[60] = '\0';
	CU_ASSERT_EQUAL(parse(whole, strlen(SOUND), NULL), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(parse(SOUND, sizeof(SOUND), NULL), TACIT_ESCHEMA);
}

static void test_oversized(void)
{
	static char text[100000];
	char why[128] = "";

	memset(text, 'A', sizeof(text));
	memcpy(text, "tacit1.", 7);
	CU_ASSERT_EQUAL(parse(text, sizeof(text), why), -E2BIG);
	CU_ASSERT_STRING_NOT_EQUAL(why, "");
	text[688] = '.';
	text[732] = '.';
	CU_ASSERT_EQUAL(parse(text, 776, why), TACIT_ESCHEMA);
}

static void test_done_wipes(void)
{
	struct tacit_token token;
	uint8_t zero[sizeof(token)] = { 0 };

	CU_ASSERT_EQUAL(tacit_token_parse(SOUND, strlen(SOUND), &token, NULL, 0), 0);
	tacit_token_done(&token);
	CU_ASSERT_EQUAL(memcmp(&token, zero, sizeof(zero)), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "round trip", test_round_trip },
		{ "the longest", test_longest },
		{ "truncated", test_truncated },
		{ "refusals say why and repeat nothing", test_refusals_say_why_and_repeat_nothing },
		{ "bad addresses", test_bad_addresses },
		{ "embedded NUL", test_embedded_nul },
		{ "oversized", test_oversized },
		{ "done wipes", test_done_wipes },
		{ NULL, NULL },
	};

	return unit_main("token", cases);
}
