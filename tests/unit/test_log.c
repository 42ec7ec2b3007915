/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <tacit/log.h>

#include "unit.h"

/* What a piece of code writes to standard error. */
struct capture {
	int saved, pipe[2];
	char text[8192];
};

static struct capture capture_begin(void)
{
	struct capture capture = { .saved = dup(STDERR_FILENO) };

	CU_ASSERT_EQUAL_FATAL(pipe(capture.pipe), 0);
	(void)dup2(capture.pipe[1], STDERR_FILENO);
	return capture;
}

static const char *capture_end(struct capture *capture)
{
	ssize_t n;

	(void)dup2(capture->saved, STDERR_FILENO);
	(void)close(capture->saved);
	(void)close(capture->pipe[1]);
	n = read(capture->pipe[0], capture->text, sizeof(capture->text) - 1);
	(void)close(capture->pipe[0]);
	capture->text[n > 0 ? n : 0] = '\0';
	return capture->text;
}

static void test_people(void)
{
	struct capture capture = capture_begin();

	(void)unsetenv("JOURNAL_STREAM");
	tacit_log_init("testd");
	tacit_error("%d hosts", 3);
	CU_ASSERT_STRING_EQUAL(capture_end(&capture), "testd: 3 hosts\n");
}

static void test_journal(void)
{
	struct capture capture = capture_begin();

	(void)setenv("JOURNAL_STREAM", "8:1", 1);
	tacit_log_init("testd");
	tacit_error("a");
	tacit_info("b");
	(void)unsetenv("JOURNAL_STREAM");
	tacit_log_init("testd");
	CU_ASSERT_STRING_EQUAL(capture_end(&capture), "<3>a\n<6>b\n");
}

static void test_level(void)
{
	struct capture capture = capture_begin();

	tacit_debug("dropped by default");
	tacit_log_set_level(TACIT_LOG_WARNING);
	tacit_notice("dropped");
	tacit_warning("kept");
	tacit_log_set_level(TACIT_LOG_DEBUG);
	tacit_debug("kept, too");
	tacit_log_set_level(TACIT_LOG_INFO);
	CU_ASSERT_STRING_EQUAL(capture_end(&capture), "testd: kept\ntestd: kept, too\n");
}

static void test_one_line_whatever_is_said(void)
{
	struct capture capture = capture_begin();

	tacit_info("%s", "two\nlines\r\033[31mred\x7f \xc3\xa4");
	CU_ASSERT_STRING_EQUAL(capture_end(&capture), "testd: two?lines??[31mred? \xc3\xa4\n");
}

static void test_long_lines_are_cut(void)
{
	struct capture capture = capture_begin();
	static char text[4000], name[3000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	tacit_info("%s", text);
	line = capture_end(&capture);
	CU_ASSERT_EQUAL(strlen(line), 1024);
	CU_ASSERT_EQUAL(line[1023], '\n');
	CU_ASSERT_EQUAL(line[1022], 'x');

	memset(name, 'n', sizeof(name) - 1);
	capture = capture_begin();
	tacit_log_init(name);
	tacit_info("%s", text);
	tacit_log_init("testd");
	CU_ASSERT_EQUAL(strlen(capture_end(&capture)), 1024);
}

static void test_errno_is_kept(void)
{
	int saved = dup(STDERR_FILENO);

	(void)close(STDERR_FILENO);
	errno = ENOSPC;
	tacit_info("into nowhere");
	CU_ASSERT_EQUAL(errno, ENOSPC);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
}

static void test_limit(void)
{
	struct tacit_log_limit limit = { .burst = 2, .interval_ms = 3600000 };
	struct capture capture = capture_begin();
	int allowed = 0;

	for (int i = 0; i < 5; i++)
		allowed += tacit_log_allowed(&limit);
	CU_ASSERT_EQUAL(allowed, 2);
	limit.since_ms -= 3600000; /* an hour later */
	for (int i = 0; i < 5; i++)
		allowed += tacit_log_allowed(&limit);
	CU_ASSERT_EQUAL(allowed, 4);
	CU_ASSERT_STRING_EQUAL(capture_end(&capture), "testd: 3 similar messages suppressed\n");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "for people", test_people },
		{ "for the journal", test_journal },
		{ "level", test_level },
		{ "one line, whatever is said", test_one_line_whatever_is_said },
		{ "long lines are cut", test_long_lines_are_cut },
		{ "errno is kept", test_errno_is_kept },
		{ "limit", test_limit },
		{ NULL, NULL },
	};

	return unit_main("log", cases);
}
