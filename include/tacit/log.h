/* SPDX-License-Identifier: MIT */
/*
 * Logging to standard error, in the form the journal reads: "<3>text" when
 * standard error is the journal (JOURNAL_STREAM), "tacitd: text" otherwise.
 * The caller that gives up logs, once. Never a secret, never a payload.
 */
#ifndef TACIT_LOG_H
#define TACIT_LOG_H

#include <stdint.h>

#include <tacit/error.h>

enum tacit_log_level {
	TACIT_LOG_ERROR = 3, /* sd-daemon(3) priorities */
	TACIT_LOG_WARNING = 4,
	TACIT_LOG_NOTICE = 5,
	TACIT_LOG_INFO = 6,
	TACIT_LOG_DEBUG = 7,
};

/* Call once, first thing in main(): names the program (borrowed) and finds the journal. */
void tacit_log_init(const char *program);

/* Messages above @level are dropped. The default is TACIT_LOG_INFO. */
void tacit_log_set_level(enum tacit_log_level level);

/* One line, @format as in printf(3); control characters become '?'. */
TACIT_PRINTF(2, 3) void tacit_log(enum tacit_log_level level, const char *format, ...);

#define tacit_error(...)   tacit_log(TACIT_LOG_ERROR, __VA_ARGS__)
#define tacit_warning(...) tacit_log(TACIT_LOG_WARNING, __VA_ARGS__)
#define tacit_notice(...)  tacit_log(TACIT_LOG_NOTICE, __VA_ARGS__)
#define tacit_info(...)    tacit_log(TACIT_LOG_INFO, __VA_ARGS__)
#define tacit_debug(...)   tacit_log(TACIT_LOG_DEBUG, __VA_ARGS__)

/* Limits what a remote can make us write: @burst lines, refilled over @interval_ms. */
struct tacit_log_limit {
	uint32_t burst;
	uint32_t interval_ms;
	/* private */
	uint64_t since_ms;
	uint32_t used;
	uint32_t suppressed;
};

/* True when a line may be written now; says how many were kept back when it may again. */
TACIT_MUST_CHECK int tacit_log_allowed(struct tacit_log_limit *limit);

#endif /* TACIT_LOG_H */
