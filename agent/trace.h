/* SPDX-License-Identifier: MIT */
/*
 * trace - labelled traces of system calls in one file, to measure detection on.
 *
 *	train<TAB>0<TAB>normal<TAB>UTD-0001<TAB>6 6 63 6 42
 *
 * One trace a line, plain or gzip: split (train or test), label (0 normal, 1 anomalous; train is
 * normal), the attack's name or "normal", the trace's own, and its calls, decimal, one space
 * between two. Names are printable, without blanks.
 */
#ifndef TACIT_AGENT_TRACE_H
#define TACIT_AGENT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_TRACE_NAME_MAX  64U	 /* bytes of a name */
#define TACIT_TRACE_CALL_MAX  65534U	 /* largest number of a call */
#define TACIT_TRACE_LINE_MAX  (1U << 20) /* bytes, without LF */
#define TACIT_TRACES_MAX      (1U << 20)
#define TACIT_TRACE_CALLS_MAX (1U << 26) /* of all traces */

struct tacit_traces;

/* Plain record; borrowed from the traces. */
struct tacit_trace {
	char attack[TACIT_TRACE_NAME_MAX + 1];
	char name[TACIT_TRACE_NAME_MAX + 1];
	bool test;
	int8_t label;
	size_t n;     /* calls, at least 1 */
	size_t first; /* see tacit_traces_calls() */
};

/* Where and why a file was refused; written only on failure. */
struct tacit_trace_where {
	unsigned long line; /* 1-based; 0: not of one line */
	char why[96];
};

/**
 * tacit_traces_read - read a whole file.
 * @fd: borrowed, read from where it is.
 * @ret: owned by the caller.
 * @where: may be NULL.
 *
 * Returns 0, -EINVAL (a line, or none), -E2BIG (too many traces or calls), TACIT_EDAMAGED (the gzip
 * stream is damaged or cut off), -EIO or -ENOMEM. Does not log.
 */
TACIT_MUST_CHECK int tacit_traces_read(int fd, struct tacit_traces **ret,
				       struct tacit_trace_where *where);

/* The same by name; and -errno of open(2). */
TACIT_MUST_CHECK int tacit_traces_load(const char *path, struct tacit_traces **ret,
				       struct tacit_trace_where *where);

/* At least 1, in the file's order. */
size_t tacit_traces_count(const struct tacit_traces *traces);
const struct tacit_trace *tacit_traces_at(const struct tacit_traces *traces, size_t i);

/* The calls of a trace; borrowed. */
const uint16_t *tacit_traces_calls(const struct tacit_traces *traces,
				   const struct tacit_trace *trace);

/* NULL is fine. */
void tacit_traces_free(struct tacit_traces *traces);
TACIT_DEFINE_CLEANUP(struct tacit_traces, tacit_traces_free)

#endif /* TACIT_AGENT_TRACE_H */
