/* SPDX-License-Identifier: MIT */
/*
 * problem - RFC 9457 problem documents: what an error looks like over HTTP.
 */
#ifndef TACIT_PROBLEM_H
#define TACIT_PROBLEM_H

#include <stddef.h>

#include <tacit/error.h>

struct tacit_problem {
	int status;      /* HTTP status, 400..599 */
	char type[64];   /* "about:blank" or "urn:tacit:problem:<slug>" */
	char title[96];
	char detail[256];
};

/* JSON, owned by the caller (tacit_free); NULL when out of memory. @slug may be NULL. */
TACIT_PRINTF(4, 5)
char *tacit_problem_format(int status, const char *slug, const char *title, const char *format,
			   ...);

/* Lenient reading of what a server said: members that are missing or mistyped are empty.
 * 0, or -EINVAL when it is not a JSON object (@ret is then untouched). */
TACIT_MUST_CHECK int tacit_problem_parse(const char *json, size_t len, struct tacit_problem *ret);

#endif /* TACIT_PROBLEM_H */
