/* SPDX-License-Identifier: MIT */
/* Recordings in CSV, and what both forms have in common. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/recording.h"
#include "unit.h"

#include "place.h"
#include "recordings.h"
#include "seed.h"

#define FIRST  "# tacit-windows 2\n"
#define FIRST1 "# tacit-windows 1\n"
#define LEAD1  "host,scope,class,split,label,t,length_ms"
#define LEAD   LEAD1 ",duty"
#define SOME   ",tcp.bytes_sent,tcp.bytes_received,memory.oom\n"
#define HEAD   FIRST LEAD SOME

static struct outcome read_text(const char *text)
{
	return read_rows(text, strlen(text), NULL);
}

static void test_reads(void)
{
	struct outcome outcome = read_text(HEAD);

	CU_ASSERT(outcome.r == 0 && outcome.n == 0 && !outcome.cut_off);
	outcome = read_text(HEAD "h1,web.service,web.service,train,normal,12,1000,1000,7,8,9\n"
				 "h1,host,host,,,13,1,250,1,2,18446744073709551615\n");
	CU_ASSERT(outcome.r == 0 && outcome.n == 2 && !outcome.cut_off);
	CU_ASSERT_STRING_EQUAL(outcome.last.host, "h1");
	CU_ASSERT_STRING_EQUAL(outcome.last.split, "");
	CU_ASSERT_STRING_EQUAL(outcome.last.window.scope, "host");
	CU_ASSERT_EQUAL(outcome.last.window.end_ms, 13);
	CU_ASSERT_EQUAL(outcome.last.window.length_ms, 1);
	CU_ASSERT_EQUAL(outcome.last.window.duty_permille, 250);
	CU_ASSERT_EQUAL(outcome.last.window.count[TACIT_FEATURE_TCP_BYTES_RECEIVED], 2);
	CU_ASSERT_EQUAL(outcome.last.window.count[TACIT_FEATURE_MEMORY_OOM], UINT64_MAX);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_TCP_DESTROY], 1);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_TASKS], 0); /* has no column */
}

static void test_version_1(void)
{
	struct outcome outcome = read_text(FIRST1 LEAD1 SOME "h,s,c,,,1,500,5,6,0\n");

	CU_ASSERT(outcome.r == 0 && outcome.n == 1);
	CU_ASSERT_EQUAL(outcome.last.window.length_ms, 500);
	CU_ASSERT_EQUAL(outcome.last.window.duty_permille, TACIT_DUTY_ALWAYS);
	CU_ASSERT_EQUAL(outcome.last.window.count[TACIT_FEATURE_TCP_BYTES_RECEIVED], 6);
}

static void test_empty_cells_are_missing(void)
{
	struct outcome outcome = read_text(HEAD "h,s,c,,,1,1,1000,5,,0\n");

	CU_ASSERT_EQUAL(outcome.n, 1);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_TCP_DESTROY], 0); /* one of its two */
	CU_ASSERT_EQUAL(outcome.last.window.count[TACIT_FEATURE_TCP_BYTES_SENT], 0);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_OOM], 1);
}

static void test_a_line_without_its_end_is_no_window(void)
{
	static const char text[] = HEAD "h,s,c,,,1,1,1000,5,6,78\nh,s,c,,,2,1,1000,5,6,78\n";

	for (size_t len = strlen(HEAD); len < strlen(text); len++) {
		struct outcome outcome = read_rows(text, len, NULL);

		CU_ASSERT_EQUAL(outcome.r, 0);
		CU_ASSERT_EQUAL(outcome.n, text[len - 1] == '\n' ? len > strlen(HEAD)
								 : len > strlen(HEAD) + 24);
		CU_ASSERT_EQUAL(outcome.cut_off, text[len - 1] != '\n');
	}
}

static void check_round_trip(enum tacit_recording_form form)
{
	static struct tacit_recording_row rows[200];
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_AUTO_CLOSE int fd = -1;
	TACIT_AUTO_FREE uint8_t *data = NULL;
	struct outcome outcome;
	size_t len;

	writer = memory_writer(form, &fd);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		rows[i] = random_row(random);
		if (i > 0 && tacit_random_below(random, 2))
			rows[i].window.end_ms = rows[i - 1].window.end_ms;
		CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &rows[i]), 0);
		if (tacit_random_below(random, 4) == 0)
			CU_ASSERT_EQUAL(tacit_recording_writer_flush(writer), 0);
	}
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	CU_ASSERT_EQUAL(tacit_recording_writer_lost(writer), 0);
	data = recorded(fd, &len);
	outcome = read_rows(data, len, rows);
	CU_ASSERT_EQUAL(outcome.r, 0);
	CU_ASSERT_EQUAL(outcome.n, TACIT_ARRAY_LEN(rows));
	CU_ASSERT_FALSE(outcome.cut_off);
}

static void test_reads_what_it_writes(void)
{
	check_round_trip(TACIT_RECORDING_CSV);
	check_round_trip(TACIT_RECORDING_BINARY);
}

static void check_refusals(enum tacit_recording_form form)
{
	const struct tacit_recording_row good = {
		.host = "h",
		.window = { .scope = "s", .class = "c", .length_ms = 1, .duty_permille = 1 }
	};
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_AUTO_CLOSE int fd = -1;
	TACIT_AUTO_FREE uint8_t *data = NULL;
	struct tacit_recording_row row = good;
	size_t len;

	writer = memory_writer(form, &fd);
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), 0);
	(void)strcpy(row.host, "a,b");
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	row = good;
	(void)strcpy(row.label, "line\n");
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	row = good;
	row.window.scope[0] = '\0';
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	row = good;
	row.window.length_ms = 0;
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	row = good;
	row.window.end_ms = -1;
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	row = good;
	row.window.duty_permille = 0; /* as in a window that nobody filled in */
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	row.window.duty_permille = 1001;
	CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), -EINVAL);
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	data = recorded(fd, &len);
	CU_ASSERT_EQUAL(read_rows(data, len, &good).n, 1);
}

static void test_refuses_to_write_what_it_could_not_read(void)
{
	check_refusals(TACIT_RECORDING_CSV);
	check_refusals(TACIT_RECORDING_BINARY);
}

static const struct {
	const char *text;
	int error;
	unsigned line;
	const char *why;
} refused[] = {
	{ " ", TACIT_ESCHEMA, 1, "no recording" },
	{ "host,scope,class\n", TACIT_ESCHEMA, 1, "no recording" },
	{ "", TACIT_ESCHEMA, 1, "empty" },
	{ "#", TACIT_ESCHEMA, 1, "first line" },
	{ "# tacit-windows 3\n", TACIT_ESCHEMA, 1, "version 3 is newer than 2" },
	{ "# tacit-windows 0\n", TACIT_ESCHEMA, 1, "first line" },
	{ "# tacit-windows 99999999999\n", TACIT_ESCHEMA, 1, "first line" },
	{ "# tacit-windows 2", TACIT_EDAMAGED, 2, "before its columns" },
	{ FIRST "host,scope\n", TACIT_ESCHEMA, 2, "class" },
	{ FIRST LEAD, TACIT_EDAMAGED, 2, "before its columns" },
	{ FIRST LEAD1 ",tcp.bytes_sent\n", TACIT_ESCHEMA, 2, "duty" },
	{ FIRST1 LEAD "\n", TACIT_ESCHEMA, 2, "unknown feature \"duty\"" },
	{ FIRST "scope,host,class,split,label,t,length_ms,duty\n", TACIT_ESCHEMA, 2, "host" },
	{ FIRST LEAD ",no.such\n", TACIT_ESCHEMA, 2, "unknown feature \"no.such\"" },
	{ FIRST LEAD ",memory.oom,memory.oom\n", TACIT_ESCHEMA, 2, "repeated" },
	{ FIRST LEAD ",\n", TACIT_ESCHEMA, 2, "unknown" },
	{ HEAD "\n", -EINVAL, 3, "host" },
	{ HEAD "h,s,c,,,1,1,1000,1,1\n", -EINVAL, 3, "missing" },
	{ HEAD "h,s,c,,,1,1,1000\n", -EINVAL, 3, "missing" },
	{ HEAD "h,s,c,,,1,1\n", -EINVAL, 3, "duty" },
	{ HEAD "h,s,c,,,1,1,1000,1,1,1,1\n", -EINVAL, 3, "more cells" },
	{ HEAD ",s,c,,,1,1,1000,1,1,1\n", -EINVAL, 3, "host" },
	{ HEAD "h h,s,c,,,1,1,1000,1,1,1\n", -EINVAL, 3, "host" },
	{ HEAD "h,s,,,,1,1,1000,1,1,1\n", -EINVAL, 3, "class" },
	{ HEAD "h,s,c,,,-1,1,1000,1,1,1\n", -EINVAL, 3, "t" },
	{ HEAD "h,s,c,,,1,0,1000,1,1,1\n", -EINVAL, 3, "length_ms" },
	{ HEAD "h,s,c,,,1,86400001,1000,1,1,1\n", -EINVAL, 3, "length_ms" },
	{ HEAD "h,s,c,,,1,1,0,1,1,1\n", -EINVAL, 3, "duty" },
	{ HEAD "h,s,c,,,1,1,1001,1,1,1\n", -EINVAL, 3, "duty" },
	{ HEAD "h,s,c,,,1,1,,1,1,1\n", -EINVAL, 3, "duty" },
	{ HEAD "h,s,c,,,1,1,1000,+1,1,1\n", -EINVAL, 3, "tcp.bytes_sent" },
	{ HEAD "h,s,c,,,1,1,1000,1.5,1,1\n", -EINVAL, 3, "tcp.bytes_sent" },
	{ HEAD "h,s,c,,,1,1,1000,nan,1,1\n", -EINVAL, 3, "tcp.bytes_sent" },
	{ HEAD "h,s,c,,,1,1,1000,1,0x1,1\n", -EINVAL, 3, "tcp.bytes_received" },
	{ HEAD "h,s,c,,,1,1,1000,1,1,18446744073709551616\n", -EINVAL, 3, "memory.oom" },
	{ HEAD "h,s,c,,,1,1,1000,1,1,1\r\n", -EINVAL, 3, "0x0d" },
	{ HEAD "h,s,c,,,1,1,1000,1,1,1\nh,s,c,,,1,1,1000,1,1,\"1\"\n", -EINVAL, 4, "memory.oom" },
};

static void test_refusals_say_where(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(refused); i++) {
		struct outcome outcome = read_text(refused[i].text);

		if (outcome.r != refused[i].error || outcome.where.line != refused[i].line ||
		    !strstr(outcome.where.why, refused[i].why))
			printf("# %zu: %d, line %u: %s\n", i, outcome.r, outcome.where.line,
			       outcome.where.why);
		CU_ASSERT_EQUAL(outcome.r, refused[i].error);
		CU_ASSERT_EQUAL(outcome.where.line, refused[i].line);
		CU_ASSERT_PTR_NOT_NULL(strstr(outcome.where.why, refused[i].why));
	}
}

static void test_endless_line_and_nul(void)
{
	static char text[2 * TACIT_RECORDING_LINE_MAX];
	static const char nul[] = HEAD "h,s,c,,,1,1,1000,1\0,1,1\n";
	struct outcome outcome;

	memset(text, 'a', sizeof(text));
	memcpy(text, HEAD, strlen(HEAD));
	outcome = read_rows(text, sizeof(text), NULL);
	CU_ASSERT_EQUAL(outcome.r, -EINVAL);
	CU_ASSERT_EQUAL(outcome.where.line, 3);
	outcome = read_rows(nul, sizeof(nul) - 1, NULL);
	CU_ASSERT_EQUAL(outcome.r, -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(outcome.where.why, "0x00"));
}

static void test_row_is_untouched_on_failure(void)
{
	char text[] = HEAD "h,s,c,,,1,1,1000,1,1,x\n";
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	struct tacit_recording_row row = { .host = "before" };
	FILE *file = fmemopen(text, strlen(text), "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL_FATAL(tacit_recording_new(file, &recording, NULL), 0);
	CU_ASSERT_EQUAL(tacit_recording_next(recording, &row, NULL), -EINVAL);
	CU_ASSERT_STRING_EQUAL(row.host, "before");
	(void)fclose(file);
}

static void test_forms_by_name(void)
{
	CU_ASSERT_EQUAL(tacit_recording_form_of("a.csv"), TACIT_RECORDING_CSV);
	CU_ASSERT_EQUAL(tacit_recording_form_of(".csv"), TACIT_RECORDING_CSV);
	CU_ASSERT_EQUAL(tacit_recording_form_of("a.tacit"), TACIT_RECORDING_BINARY);
	CU_ASSERT_EQUAL(tacit_recording_form_of("a.csv.old"), TACIT_RECORDING_BINARY);
	CU_ASSERT_EQUAL(tacit_recording_form_of("csv"), TACIT_RECORDING_BINARY);
	CU_ASSERT_EQUAL(tacit_recording_form_of(""), TACIT_RECORDING_BINARY);
}

/* The size of a file is limited; a write that goes beyond is cut short, as on a full disk. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;

	CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Windows 0..9 fit, 10..19 do not, 20..29 do again. */
static void check_full_disk(const char *name, rlim_t first_limit, unsigned fit)
{
	static struct tacit_recording_row rows[30], kept[30];
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_AUTO_FREE uint8_t *data = NULL;
	PLACE(place);
	const char *path = place_file(&place, name);
	struct outcome outcome;
	struct stat st;
	unsigned n = 0;
	size_t len;

	CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_open(path, &writer), 0);
	limit_files(first_limit);
	for (unsigned i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		int r;

		if (i == 10 && fit > 0) {
			CU_ASSERT_EQUAL(stat(path, &st), 0);
			limit_files((rlim_t)st.st_size + 20);
		}
		if (i == 20)
			limit_files(RLIM_INFINITY);
		rows[i] = random_row(random);
		CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &rows[i]), 0);
		r = tacit_recording_writer_flush(writer);
		CU_ASSERT_EQUAL(r, (i < 10 && fit > 0) || i >= 20 ? 0 : -EFBIG);
		if (r == 0)
			kept[n++] = rows[i];
	}
	CU_ASSERT_EQUAL(n, fit + 10);
	CU_ASSERT_EQUAL(tacit_recording_writer_lost(writer), 30 - n);
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	TACIT_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	data = recorded(fd, &len);
	outcome = read_rows(data, len, kept);
	CU_ASSERT(outcome.r == 0 && outcome.n == n && !outcome.cut_off);
}

static void test_a_full_disk_costs_what_came_then(void)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	check_full_disk("a.csv", RLIM_INFINITY, 10);
	check_full_disk("a.tacit", RLIM_INFINITY, 10);
	check_full_disk("b.csv", 100, 0); /* not even its head fits */
	check_full_disk("b.tacit", 100, 0);
}

static void test_a_torn_pipe_stays_torn(void)
{
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_recording_row row = random_row(random);
	int ends[2], r = 0;

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_new(ends[1], TACIT_RECORDING_BINARY, &writer),
			      0);
	for (int i = 0; r == 0 && i < 100000; i++) /* until the pipe is full, amid a block */
		r = tacit_recording_writer_add(writer, &row);
	CU_ASSERT_EQUAL(r, -EAGAIN);
	(void)close(ends[0]);
	CU_ASSERT_EQUAL(tacit_recording_writer_flush(writer), -EIO);
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), -EIO);
}

static void test_converts(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	struct tacit_recording_converted converted;
	struct tacit_recording_where where = { 0 };
	struct tacit_recording_row row;
	char from[512], to[512], back[512];
	PLACE(place);

	(void)strcpy(from, place_file(&place, "a.csv"));
	(void)strcpy(to, place_file(&place, "b.tacit"));
	(void)strcpy(back, place_file(&place, "c.csv"));
	CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_open(from, &writer), 0);
	for (int i = 0; i < 300; i++) {
		row = random_row(random);
		CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &row), 0);
	}
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	CU_ASSERT_EQUAL(tacit_recording_convert(from, to, &converted, &where), 0);
	CU_ASSERT_EQUAL(converted.windows, 300);
	CU_ASSERT_PTR_NULL(converted.refused);
	CU_ASSERT_EQUAL(tacit_recording_convert(to, back, &converted, &where), 0);
	TACIT_AUTO_CLOSE int fd = open(from, O_RDONLY | O_CLOEXEC);
	TACIT_AUTO_CLOSE int back_fd = open(back, O_RDONLY | O_CLOEXEC);
	size_t len, back_len;
	TACIT_AUTO_FREE uint8_t *data = recorded(fd, &len);
	TACIT_AUTO_FREE uint8_t *back_data = recorded(back_fd, &back_len);
	CU_ASSERT_EQUAL_FATAL(len, back_len);
	CU_ASSERT_EQUAL(memcmp(data, back_data, len), 0);

	CU_ASSERT_EQUAL(tacit_recording_convert(from, from, &converted, &where), -EINVAL);
	CU_ASSERT_EQUAL(tacit_recording_convert("/nonexistent", to, &converted, &where), -ENOENT);
	CU_ASSERT_STRING_EQUAL(converted.refused, "/nonexistent");
	CU_ASSERT_EQUAL(tacit_recording_convert(from, "/nonexistent/a", &converted, &where),
			-ENOENT);
	CU_ASSERT_STRING_EQUAL(converted.refused, "/nonexistent/a");
	CU_ASSERT_EQUAL(tacit_recording_convert(from, "/dev/full", &converted, &where), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(converted.refused, "/dev/full");
	CU_ASSERT_EQUAL(where.why[0], '\0');
}

static void test_converts_what_precedes_damage(void)
{
	static const char text[] = HEAD "h,s,c,,,1,1,1000,5,6,7\nh,s,c,,,2,1,1000,5,6,x\n";
	struct tacit_recording_converted converted;
	struct tacit_recording_where where = { 0 };
	char from[512], to[512], again[512];
	PLACE(place);

	(void)strcpy(from, place_write(&place, "a.csv", text, strlen(text)));
	(void)strcpy(to, place_file(&place, "b.tacit"));
	(void)strcpy(again, place_file(&place, "c.csv"));
	CU_ASSERT_EQUAL(tacit_recording_convert(from, to, &converted, &where), -EINVAL);
	CU_ASSERT_PTR_EQUAL(converted.refused, from);
	CU_ASSERT_EQUAL(where.line, 4);
	CU_ASSERT_EQUAL(converted.windows, 1);
	CU_ASSERT_EQUAL(tacit_recording_convert(to, again, &converted, &where), 0);
	CU_ASSERT_EQUAL(converted.windows, 1);
	CU_ASSERT_FALSE(converted.cut_off);
	(void)place_write(&place, "a.csv", text, strlen(text) - 1);
	CU_ASSERT_EQUAL(tacit_recording_convert(from, to, &converted, &where), 0);
	CU_ASSERT_EQUAL(converted.windows, 1);
	CU_ASSERT_TRUE(converted.cut_off);
}

static void check_out_of_memory(enum tacit_recording_form form)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_recording_row rows[2] = { random_row(random), random_row(random) };
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		TACIT_CLEANUP(tacit_recording_writer_free_p)
		struct tacit_recording_writer *writer = NULL;
		int fd = memfd_create("recording", MFD_CLOEXEC);

		unit_fail_alloc(nth);
		r = tacit_recording_writer_new(fd, form, &writer);
		for (int i = 0; r == 0 && i < 2; i++)
			r = tacit_recording_writer_add(writer, &rows[i]);
		if (r == 0)
			r = tacit_recording_writer_finish(writer);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
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
	check_out_of_memory(TACIT_RECORDING_CSV);
	check_out_of_memory(TACIT_RECORDING_BINARY);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "reads", test_reads },
		{ "version 1 is still read", test_version_1 },
		{ "empty cells are missing", test_empty_cells_are_missing },
		{ "a line without its end is no window", test_a_line_without_its_end_is_no_window },
		{ "reads what it writes", test_reads_what_it_writes },
		{ "refuses to write what it could not read",
		  test_refuses_to_write_what_it_could_not_read },
		{ "refusals say where", test_refusals_say_where },
		{ "endless line and NUL", test_endless_line_and_nul },
		{ "the row is untouched on failure", test_row_is_untouched_on_failure },
		{ "the form goes by the name", test_forms_by_name },
		{ "a full disk costs what came then", test_a_full_disk_costs_what_came_then },
		{ "a torn pipe stays torn", test_a_torn_pipe_stays_torn },
		{ "converts there and back", test_converts },
		{ "converts what precedes damage", test_converts_what_precedes_damage },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("recording", cases);
}
