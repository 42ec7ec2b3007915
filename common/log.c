/* SPDX-License-Identifier: MIT */
#include <tacit/log.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tacit/clock.h>

#define LINE_MAX_BYTES 1024

static enum tacit_log_level log_level = TACIT_LOG_INFO;
static const char *log_program = "tacit";
static bool log_journal;

void tacit_log_init(const char *program)
{
	log_program = program;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void tacit_log_set_level(enum tacit_log_level level)
{
	log_level = level;
}

static int prefix(char *line, enum tacit_log_level level)
{
	if (log_journal)
		return snprintf(line, LINE_MAX_BYTES, "<%d>", (int)level);
	return snprintf(line, LINE_MAX_BYTES, "%.64s: ", log_program);
}

void tacit_log(enum tacit_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES + 1];
	int saved = errno; /* callers log first and return -errno after */
	va_list args;
	int at, n;

	if (level > log_level)
		return;

	at = prefix(line, level);
	va_start(args, format);
	n = vsnprintf(line + at, (size_t)(LINE_MAX_BYTES - at), format, args);
	va_end(args);
	if (n < 0)
		return;
	if (n >= LINE_MAX_BYTES - at)
		n = LINE_MAX_BYTES - at - 1;

	for (char *c = line + at; c < line + at + n; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	line[at + n] = '\n';
	/* One write per line, so that lines of several processes do not mix. */
	(void)!write(STDERR_FILENO, line, (size_t)at + (size_t)n + 1);
	errno = saved;
}

int tacit_log_allowed(struct tacit_log_limit *limit)
{
	uint64_t now = (uint64_t)tacit_clock_boot_ms();

	if (limit->since_ms == 0 || now - limit->since_ms >= limit->interval_ms) {
		uint32_t suppressed = limit->suppressed;

		limit->since_ms = now;
		limit->used = 0;
		limit->suppressed = 0;
		if (suppressed > 0)
			tacit_notice("%u similar messages suppressed", suppressed);
	}
	if (limit->used >= limit->burst) {
		limit->suppressed++;
		return 0;
	}
	limit->used++;
	return 1;
}
