/* SPDX-License-Identifier: MIT */
#include "agent/render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unit.h"

#define NOW ((int64_t)1795478400000) /* 2026-11-24T00:00:00Z */

struct page {
	char *text;
	size_t len;
	struct tacit_render render;
};

static struct page page_open(bool colour)
{
	struct page page = { .render = { .colour = colour, .now_ms = NOW } };

	return page;
}

#define PAGE(name, colour)                                                                         \
	struct page name = page_open(colour);                                                      \
	name.render.out = open_memstream(&name.text, &name.len)

static void expect(struct page *page, const char *text)
{
	(void)fclose(page->render.out);
	CU_ASSERT_STRING_EQUAL(page->text, text);
	free(page->text);
}

/* Names come from cgroups and errors from the network: neither moves the cursor. */
static void test_put(void)
{
	PAGE(plain, false);

	tacit_render_put(&plain.render, TACIT_STYLE_BAD, "%s|%s|%s\n", "a\033[2Jb", "\xc2\x9b" "31m",
			 "\xc3\xa4\x7f");
	expect(&plain, "a?[2Jb|??31m|\xc3\xa4?\n");

	PAGE(colour, true);

	tacit_render_put(&colour.render, TACIT_STYLE_BOLD, "x");
	tacit_render_put(&colour.render, TACIT_STYLE_PLAIN, "y");
	expect(&colour, "\033[1mx\033[0my");
}

static void test_wrap(void)
{
	PAGE(page, false);

	tacit_render_wrap(&page.render, TACIT_STYLE_PLAIN, 70, "one two three four\nfive");
	tacit_render_wrap(&page.render, TACIT_STYLE_PLAIN, 70, "incomprehensible x");
	tacit_render_wrap(&page.render, TACIT_STYLE_PLAIN, 70, "");
	expect(&page, "one two\n"
		      "                                                                      three four"
		      "\n                                                                      five\n"
		      "incomprehensible\n"
		      "                                                                      x\n\n");
}

static void test_bar(void)
{
	PAGE(page, false);

	tacit_render_bar(&page.render, 0.5, 4);
	tacit_render_bar(&page.render, -1, 2);
	tacit_render_bar(&page.render, 9, 2);
	tacit_render_bar(&page.render, NAN, 2);
	expect(&page, "##....##..");
}

static void test_numbers(void)
{
	char text[TACIT_RENDER_TEXT];

	CU_ASSERT_STRING_EQUAL(tacit_render_count(0, text), "0");
	CU_ASSERT_STRING_EQUAL(tacit_render_count(999, text), "999");
	CU_ASSERT_STRING_EQUAL(tacit_render_count(1000, text), "1,000");
	CU_ASSERT_STRING_EQUAL(tacit_render_count(INT64_MAX, text), "9,223,372,036,854,775,807");
	CU_ASSERT_STRING_EQUAL(tacit_render_count(-5, text), "0");
	CU_ASSERT_STRING_EQUAL(tacit_render_number(0.0042, text), "0.0042");
	CU_ASSERT_STRING_EQUAL(tacit_render_number(3.14159, text), "3.14");
	CU_ASSERT_STRING_EQUAL(tacit_render_number(31.4159, text), "31.4");
	CU_ASSERT_STRING_EQUAL(tacit_render_number(12403.4, text), "12,403");
	CU_ASSERT_STRING_EQUAL(tacit_render_number(1e300, text), "1.00e+300");
	CU_ASSERT_STRING_EQUAL(tacit_render_number(INFINITY, text), "unbounded");
	CU_ASSERT_STRING_EQUAL(tacit_render_bytes(512, text), "512 B");
	CU_ASSERT_STRING_EQUAL(tacit_render_bytes(19083456, text), "18.2 MiB");
	CU_ASSERT_STRING_EQUAL(tacit_render_bytes(INT64_MAX, text), "8388608.0 TiB");
	CU_ASSERT_STRING_EQUAL(tacit_render_plural(1), "");
	CU_ASSERT_STRING_EQUAL(tacit_render_plural(0), "s");
}

static void test_times(void)
{
	PAGE(page, false);
	char text[TACIT_RENDER_TEXT];
	int64_t ms = -1;

	CU_ASSERT_EQUAL(tacit_render_parse_time("2026-11-24T00:00:00.250Z", &ms), 0);
	CU_ASSERT_EQUAL(ms, NOW + 250);
	CU_ASSERT_EQUAL(tacit_render_parse_time("2026-11-24T00:00:00Z", &ms), 0);
	CU_ASSERT_EQUAL(ms, NOW);
	CU_ASSERT_EQUAL(tacit_render_parse_time("", &ms), -EINVAL);
	CU_ASSERT_EQUAL(tacit_render_parse_time("2026-11-24T00:00:00", &ms), -EINVAL);
	CU_ASSERT_EQUAL(tacit_render_parse_time("2026-11-24T00:00:00.25Z", &ms), -EINVAL);
	CU_ASSERT_EQUAL(tacit_render_parse_time("2026-11-24T00:00:00.-25Z", &ms), -EINVAL);
	CU_ASSERT_EQUAL(tacit_render_parse_time("2026-13-24T00:00:00Z", &ms), -EINVAL);
	CU_ASSERT_EQUAL(ms, NOW);

	json_auto_t *time = json_string("2026-11-24T00:00:00.000Z");
	json_auto_t *later = json_string("2026-11-24T00:03:00.000Z");

	CU_ASSERT_EQUAL(setenv("TZ", "CET-1", 1), 0);
	tzset();
	CU_ASSERT_STRING_EQUAL(tacit_render_time(time, text), "2026-11-24 01:00:00");
	CU_ASSERT_STRING_EQUAL(tacit_render_time(json_null(), text), "never");
	CU_ASSERT_STRING_EQUAL(tacit_render_since(&page.render, time, text), "just now");
	CU_ASSERT_STRING_EQUAL(tacit_render_since(&page.render, later, text), "in 3 min");
	page.render.now_ms += 12000;
	CU_ASSERT_STRING_EQUAL(tacit_render_since(&page.render, time, text), "12 s ago");
	CU_ASSERT_STRING_EQUAL(tacit_render_since(&page.render, NULL, text), "never");
	CU_ASSERT_STRING_EQUAL(tacit_render_span(12000000, text), "3 h 20 min");
	CU_ASSERT_STRING_EQUAL(tacit_render_span(187200000, text), "2 d 4 h");
	expect(&page, "");
}

static void test_paths(void)
{
	json_auto_t *document = json_loads("{\"a\":{\"b\":{\"c\":7,\"d\":true}},\"e\":[1]}", 0, NULL);

	CU_ASSERT_EQUAL(tacit_render_int_at(document, "a.b.c"), 7);
	CU_ASSERT_EQUAL(tacit_render_real_at(document, "a.b.c"), 7);
	CU_ASSERT_TRUE(tacit_render_is(document, "a.b.d"));
	CU_ASSERT_STRING_EQUAL(tacit_render_text_at(document, "a.b.c"), "");
	CU_ASSERT_PTR_NULL(tacit_render_at(document, "a.x.c"));
	CU_ASSERT_PTR_NULL(tacit_render_at(document, "e.0"));
	CU_ASSERT_PTR_NULL(tacit_render_at(NULL, "a"));
	CU_ASSERT_EQUAL(tacit_render_int_at(NULL, "a"), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "foreign text", test_put }, { "paragraphs", test_wrap },
		{ "bars", test_bar },	      { "numbers", test_numbers },
		{ "times", test_times },      { "paths", test_paths },
		{ NULL, NULL },
	};

	return unit_main("render", cases);
}
