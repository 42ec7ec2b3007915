/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include <tacit/mem.h>

#include "agent/trace.h"

#include "place.h"
#include "unit.h"

#define FILE_TEXT                                                                                  \
	"train\t0\tnormal\tUTD-0001\t6 6 63 0\n"                                                   \
	"train\t0\tnormal\tUTD-0002\t65534\n"                                                      \
	"test\t0\tnormal\tUVD-0001\t1 2\n"                                                         \
	"test\t1\tWeb_Shell\tUAD-1\t11\n"

static int load(const char *text, size_t len, struct tacit_traces **ret,
		struct tacit_trace_where *where)
{
	PLACE(place);

	return tacit_traces_load(place_write(&place, "x.traces", text, len), ret, where);
}

static void check_traces(const struct tacit_traces *traces)
{
	const struct tacit_trace *trace;

	CU_ASSERT_EQUAL_FATAL(tacit_traces_count(traces), 4);
	trace = tacit_traces_at(traces, 0);
	CU_ASSERT_FALSE(trace->test);
	CU_ASSERT_EQUAL(trace->label, 0);
	CU_ASSERT_STRING_EQUAL(trace->attack, "normal");
	CU_ASSERT_STRING_EQUAL(trace->name, "UTD-0001");
	CU_ASSERT_EQUAL(trace->n, 4);
	CU_ASSERT_EQUAL(tacit_traces_calls(traces, trace)[2], 63);
	trace = tacit_traces_at(traces, 1);
	CU_ASSERT_EQUAL(trace->n, 1);
	CU_ASSERT_EQUAL(tacit_traces_calls(traces, trace)[0], TACIT_TRACE_CALL_MAX);
	trace = tacit_traces_at(traces, 3);
	CU_ASSERT_TRUE(trace->test);
	CU_ASSERT_EQUAL(trace->label, 1);
	CU_ASSERT_STRING_EQUAL(trace->attack, "Web_Shell");
	CU_ASSERT_EQUAL(tacit_traces_calls(traces, trace)[0], 11);
}

static void test_plain(void)
{
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;

	CU_ASSERT_EQUAL_FATAL(load(FILE_TEXT, strlen(FILE_TEXT), &traces, NULL), 0);
	check_traces(traces);
}

/* The same compressed; @keep bytes of it. */
static int load_gzip(struct place *place, long keep, struct tacit_traces **ret,
		     struct tacit_trace_where *where)
{
	const char *path = place_file(place, "x.traces.gz");
	gzFile file = gzopen(path, "w");

	if (!file || gzputs(file, FILE_TEXT) < 0 || gzclose(file) != Z_OK)
		abort();
	if (keep > 0 && truncate(path, keep) < 0)
		abort();
	return tacit_traces_load(path, ret, where);
}

static void test_gzip(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *none = NULL;
	struct tacit_trace_where where = { 0 };

	CU_ASSERT_EQUAL_FATAL(load_gzip(&place, 0, &traces, NULL), 0);
	check_traces(traces);
	CU_ASSERT_EQUAL(load_gzip(&place, 40, &none, &where), TACIT_EDAMAGED);
	CU_ASSERT_STRING_EQUAL(where.why, "the gzip stream is cut off");
	CU_ASSERT_PTR_NULL(none);
}

/* What is refused, where and why. */
static void test_refused(void)
{
	static const struct {
		const char *text;
		unsigned long line;
		const char *why;
	} rows[] = {
		{ "", 0, "there are no traces" },
		{ "train\t0\tnormal\ta\t1", 1, "the line was not finished" },
		{ "train\t0\tnormal\ta\t1\n\n", 2, "fewer than five cells" },
		{ "train 0 normal a 1\n", 1, "fewer than five cells" },
		{ "train\t0\tnormal\ta\n", 1, "fewer than five cells" },
		{ "host,class,split,label,t,f1\n", 1, "fewer than five cells" },
		{ "Train\t0\tnormal\ta\t1\n", 1, "split is neither train nor test" },
		{ "test\t2\tnormal\ta\t1\n", 1, "label is neither 0 nor 1" },
		{ "test\t-1\tnormal\ta\t1\n", 1, "label is neither 0 nor 1" },
		{ "train\t1\tAdduser\ta\t1\n", 1, "a trace to learn from that is not normal" },
		{ "test\t0\t\ta\t1\n", 1, "not a name of an attack" },
		{ "test\t0\tno name\ta\t1\n", 1, "not a name of an attack" },
		{ "test\t0\tnormal\t\001\t1\n", 1, "not a name of a trace" },
		{ "test\t0\tn\t"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\t1\n",
		  1, "not a name of a trace" },
		{ "test\t0\tn\ta\t\n", 1, "call 1 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t1 2 \n", 1, "call 3 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t1  2\n", 1, "call 2 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t1 -2\n", 1, "call 2 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t65535\n", 1, "call 1 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t000001\n", 1, "call 1 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t18446744073709551617\n", 1,
		  "call 1 is not a number of 0..65534" },
		{ "test\t0\tn\ta\tnan\n", 1, "call 1 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t1 2\t3\n", 1, "call 2 is not a number of 0..65534" },
		{ "test\t0\tn\ta\t1\r\n", 1, "call 1 is not a number of 0..65534" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct tacit_trace_where where = { 0 };
		struct tacit_traces *none = NULL;

		CU_ASSERT_EQUAL(load(rows[i].text, strlen(rows[i].text), &none, &where), -EINVAL);
		CU_ASSERT_EQUAL(where.line, rows[i].line);
		CU_ASSERT_STRING_EQUAL(where.why, rows[i].why);
		CU_ASSERT_PTR_NULL(none);
	}
	CU_ASSERT_EQUAL(load("train", 5, &(struct tacit_traces *){ NULL }, NULL), -EINVAL);
}

static void test_nul_bytes(void)
{
	static const char text[] = "train\t0\tnormal\ta\t1\ntrain\t0\tnormal\0\tb\t1\n";
	struct tacit_trace_where where = { 0 };
	struct tacit_traces *none = NULL;

	CU_ASSERT_EQUAL(load(text, sizeof(text) - 1, &none, &where), -EINVAL);
	CU_ASSERT_EQUAL(where.line, 2);
	CU_ASSERT_PTR_NULL(none);
}

/* A line as long as one may be, and one that is a byte longer. */
static void test_long_lines(void)
{
	static const char head[] = "test\t0\tn\ta\t";
	size_t len = TACIT_TRACE_LINE_MAX;
	TACIT_AUTO_FREE char *text = tacit_calloc(1, len + 2);
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;
	struct tacit_trace_where where = { 0 };
	struct tacit_traces *none = NULL;

	memcpy(text, head, sizeof(head) - 1);
	for (size_t i = sizeof(head) - 1; i < len + 2; i++)
		text[i] = (i - sizeof(head)) % 2 ? '7' : ' ';
	text[len - 1] = '7'; /* no blank at the end, whatever the parity */
	text[len - 2] = '7';
	text[len] = '\n';
	CU_ASSERT_EQUAL_FATAL(load(text, len + 1, &traces, &where), 0);
	CU_ASSERT(tacit_traces_at(traces, 0)->n > len / 2 - 20);
	text[len] = '7';
	text[len + 1] = '\n';
	CU_ASSERT_EQUAL(load(text, len + 2, &none, &where), -EINVAL);
	CU_ASSERT_STRING_EQUAL(where.why, "the line is longer than 1048576 bytes");
	CU_ASSERT_PTR_NULL(none);
}

static void test_no_file(void)
{
	struct tacit_traces *none = NULL;

	CU_ASSERT_EQUAL(tacit_traces_load("/nonexistent/x.traces", &none, NULL), -ENOENT);
	CU_ASSERT_EQUAL(tacit_traces_read(-1, &none, NULL), -EBADF);
	CU_ASSERT_EQUAL(tacit_traces_load("/", &none, NULL), -EIO);
	CU_ASSERT_PTR_NULL(none);
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		PLACE(place);
		const char *path = place_write(&place, "x", FILE_TEXT, strlen(FILE_TEXT));
		TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;

		unit_fail_alloc(nth);
		r = tacit_traces_load(path, &traces, NULL);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (traces != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(nth, 5);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a plain file", test_plain },
		{ "a compressed file", test_gzip },
		{ "what is refused is told where and why", test_refused },
		{ "NUL bytes", test_nul_bytes },
		{ "long lines", test_long_lines },
		{ "no file", test_no_file },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("trace", cases);
}
