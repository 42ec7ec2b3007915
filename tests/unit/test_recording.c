/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "agent/recording.h"
#include "unit.h"

#define FIRST "# tacit-windows 1\n"
#define LEAD  "host,scope,class,split,label,t,length_ms"
#define HEAD  FIRST LEAD ",process.fork,process.thread,memory.oom\n"

/* Reads @text to its end; how many rows, or the first failure. */
static int read_all(const char *text, size_t len, struct tacit_recording_row *last,
		    struct tacit_recording_where *where)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	char copy[2 * TACIT_RECORDING_LINE_MAX];
	FILE *file;
	int r, n = 0;

	CU_ASSERT_FATAL(len < sizeof(copy));
	memcpy(copy, text, len);
	copy[len] = ' '; /* fmemopen(3) has no empty files */
	file = fmemopen(copy, len ? len : 1, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	r = tacit_recording_new(file, &recording, where);
	CU_ASSERT((r == 0) == (recording != NULL));
	while (r == 0 || r == 1) {
		r = tacit_recording_next(recording, last, where);
		if (r != 1)
			break;
		n++;
	}
	(void)fclose(file);
	return r < 0 ? r : n;
}

static int read_text(const char *text, struct tacit_recording_row *last,
		     struct tacit_recording_where *where)
{
	return read_all(text, strlen(text), last, where);
}

static void test_reads(void)
{
	struct tacit_recording_row row = { 0 };

	CU_ASSERT_EQUAL(read_text(HEAD, &row, NULL), 0);
	CU_ASSERT_EQUAL(read_text(HEAD "h1,web.service,web.service,train,normal,12,1000,7,8,9\n"
				       "h1,host,host,,,13,1,1,2,18446744073709551615",
				  &row, NULL),
			2);
	CU_ASSERT_STRING_EQUAL(row.host, "h1");
	CU_ASSERT_STRING_EQUAL(row.split, "");
	CU_ASSERT_STRING_EQUAL(row.window.scope, "host");
	CU_ASSERT_EQUAL(row.window.end_ms, 13);
	CU_ASSERT_EQUAL(row.window.length_ms, 1);
	CU_ASSERT_EQUAL(row.window.count[TACIT_FEATURE_PROCESS_THREAD], 2);
	CU_ASSERT_EQUAL(row.window.count[TACIT_FEATURE_MEMORY_OOM], UINT64_MAX);
	CU_ASSERT_EQUAL(row.window.observed[TACIT_PROBE_FORK], 1);
	CU_ASSERT_EQUAL(row.window.observed[TACIT_PROBE_TASKS], 0); /* has no column */
}

static void test_empty_cells_are_missing(void)
{
	struct tacit_recording_row row = { 0 };

	CU_ASSERT_EQUAL(read_text(HEAD "h,s,c,,,1,1,5,,0\n", &row, NULL), 1);
	CU_ASSERT_EQUAL(row.window.observed[TACIT_PROBE_FORK], 0); /* one of its two */
	CU_ASSERT_EQUAL(row.window.count[TACIT_FEATURE_PROCESS_FORK], 0);
	CU_ASSERT_EQUAL(row.window.observed[TACIT_PROBE_OOM], 1);
}

static void test_writes_what_it_reads(void)
{
	struct tacit_recording_row row = { .host = "h-1", .split = "test", .label = "CVE-1" }, back;
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	FILE *file = tmpfile();

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	row.window = (struct tacit_window){ .scope = "a@1.service",
					    .class = "a@.service",
					    .end_ms = 1795478400123,
					    .length_ms = 500 };
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		row.window.count[i] = (uint64_t)i * i * 1234567;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		row.window.observed[i] = i != TACIT_PROBE_SYSCALL;
	CU_ASSERT_EQUAL(tacit_recording_write_header(file), 0);
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), 0);
	rewind(file);
	CU_ASSERT_EQUAL_FATAL(tacit_recording_new(file, &recording, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_recording_next(recording, &back, NULL), 1);
	for (unsigned i = TACIT_FEATURE_SYSCALL_FIRST; i < TACIT_FEATURE_COUNT; i++)
		row.window.count[i] = 0; /* was not observed */
	CU_ASSERT_STRING_EQUAL(back.host, row.host);
	CU_ASSERT_STRING_EQUAL(back.split, row.split);
	CU_ASSERT_STRING_EQUAL(back.label, row.label);
	CU_ASSERT_STRING_EQUAL(back.window.scope, row.window.scope);
	CU_ASSERT_STRING_EQUAL(back.window.class, row.window.class);
	CU_ASSERT_EQUAL(back.window.end_ms, row.window.end_ms);
	CU_ASSERT_EQUAL(back.window.length_ms, row.window.length_ms);
	CU_ASSERT_EQUAL(memcmp(back.window.count, row.window.count, sizeof(row.window.count)), 0);
	CU_ASSERT_EQUAL(
		memcmp(back.window.observed, row.window.observed, sizeof(row.window.observed)), 0);
	CU_ASSERT_EQUAL(tacit_recording_next(recording, &back, NULL), 0);
	(void)fclose(file);
}

static void test_refuses_to_write_what_it_could_not_read(void)
{
	const struct tacit_recording_row good = {
		.host = "h", .window = { .scope = "s", .class = "c", .length_ms = 1 }
	};
	struct tacit_recording_row row = good;
	FILE *file = tmpfile();

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), 0);
	(void)strcpy(row.host, "a,b");
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), -EINVAL);
	row = good;
	(void)strcpy(row.label, "line\n");
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), -EINVAL);
	row = good;
	row.window.scope[0] = '\0';
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), -EINVAL);
	row = good;
	row.window.length_ms = 0;
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), -EINVAL);
	row = good;
	row.window.end_ms = -1;
	CU_ASSERT_EQUAL(tacit_recording_write(file, &row), -EINVAL);
	(void)fclose(file);
}

static const struct {
	const char *text;
	int error;
	unsigned line;
	const char *why;
} refused[] = {
	{ " ", TACIT_ESCHEMA, 1, "first line" },
	{ "# tacit-windows 2\n", TACIT_ESCHEMA, 1, "first line" },
	{ "# tacit-windows 1", TACIT_ESCHEMA, 2, "" },
	{ FIRST "host,scope\n", TACIT_ESCHEMA, 2, "class" },
	{ FIRST "scope,host,class,split,label,t,length_ms\n", TACIT_ESCHEMA, 2, "host" },
	{ FIRST LEAD ",no.such\n", TACIT_ESCHEMA, 2, "unknown feature \"no.such\"" },
	{ FIRST LEAD ",memory.oom,memory.oom\n", TACIT_ESCHEMA, 2, "repeated" },
	{ FIRST LEAD ",\n", TACIT_ESCHEMA, 2, "unknown" },
	{ HEAD "\n", -EINVAL, 3, "host" },
	{ HEAD "h,s,c,,,1,1,1,1\n", -EINVAL, 3, "missing" },
	{ HEAD "h,s,c,,,1,1\n", -EINVAL, 3, "missing" },
	{ HEAD "h,s,c,,,1,1,1,1,1,1\n", -EINVAL, 3, "more cells" },
	{ HEAD ",s,c,,,1,1,1,1,1\n", -EINVAL, 3, "host" },
	{ HEAD "h h,s,c,,,1,1,1,1,1\n", -EINVAL, 3, "host" },
	{ HEAD "h,s,,,,1,1,1,1,1\n", -EINVAL, 3, "class" },
	{ HEAD "h,s,c,,,-1,1,1,1,1\n", -EINVAL, 3, "t" },
	{ HEAD "h,s,c,,,1,0,1,1,1\n", -EINVAL, 3, "length_ms" },
	{ HEAD "h,s,c,,,1,86400001,1,1,1\n", -EINVAL, 3, "length_ms" },
	{ HEAD "h,s,c,,,1,1,+1,1,1\n", -EINVAL, 3, "process.fork" },
	{ HEAD "h,s,c,,,1,1,1.5,1,1\n", -EINVAL, 3, "process.fork" },
	{ HEAD "h,s,c,,,1,1,nan,1,1\n", -EINVAL, 3, "process.fork" },
	{ HEAD "h,s,c,,,1,1,1,0x1,1\n", -EINVAL, 3, "process.thread" },
	{ HEAD "h,s,c,,,1,1,1,1,18446744073709551616\n", -EINVAL, 3, "memory.oom" },
	{ HEAD "h,s,c,,,1,1,1,1,1\r\n", -EINVAL, 3, "0x0d" },
	{ HEAD "h,s,c,,,1,1,1,1,1\nh,s,c,,,1,1,1,1,\"1\"\n", -EINVAL, 4, "memory.oom" },
};

static void test_refusals_say_where(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct tacit_recording_row row = { 0 };
		struct tacit_recording_where where = { 0 };
		int r = read_text(refused[i].text, &row, &where);

		if (r != refused[i].error || where.line != refused[i].line ||
		    !strstr(where.why, refused[i].why))
			printf("# %zu: %d, line %u: %s\n", i, r, where.line, where.why);
		CU_ASSERT_EQUAL(r, refused[i].error);
		CU_ASSERT_EQUAL(where.line, refused[i].line);
		CU_ASSERT_PTR_NOT_NULL(strstr(where.why, refused[i].why));
		CU_ASSERT_EQUAL(read_text(refused[i].text, &row, NULL), refused[i].error);
	}
}

static void test_endless_line_and_nul(void)
{
	static char text[TACIT_RECORDING_LINE_MAX + 100];
	struct tacit_recording_row row = { 0 };
	struct tacit_recording_where where = { 0 };
	static const char nul[] = HEAD "h,s,c,,,1,1,1\0,1,1\n";

	memset(text, 'a', sizeof(text));
	memcpy(text, HEAD, strlen(HEAD));
	CU_ASSERT_EQUAL(read_all(text, sizeof(text), &row, &where), -EINVAL);
	CU_ASSERT_EQUAL(where.line, 3);
	where = (struct tacit_recording_where){ 0 };
	CU_ASSERT_EQUAL(read_all(nul, sizeof(nul) - 1, &row, &where), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(where.why, "0x00"));
}

static void test_row_is_untouched_on_failure(void)
{
	struct tacit_recording_row row = { .host = "before" };

	CU_ASSERT_EQUAL(read_text(HEAD "h,s,c,,,1,1,1,1,x\n", &row, NULL), -EINVAL);
	CU_ASSERT_STRING_EQUAL(row.host, "before");
}

static void test_out_of_memory(void)
{
	struct tacit_recording *recording = NULL;
	char text[] = HEAD;
	FILE *file = fmemopen(text, strlen(text), "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_recording_new(file, &recording, NULL), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(recording);
	(void)fclose(file);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "reads", test_reads },
		{ "empty cells are missing", test_empty_cells_are_missing },
		{ "writes what it reads", test_writes_what_it_reads },
		{ "refuses to write what it could not read",
		  test_refuses_to_write_what_it_could_not_read },
		{ "refusals say where", test_refusals_say_where },
		{ "endless line and NUL", test_endless_line_and_nul },
		{ "the row is untouched on failure", test_row_is_untouched_on_failure },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("recording", cases);
}
