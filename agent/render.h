/* SPDX-License-Identifier: MIT */
/*
 * render - text for people: 80 columns, local time, colour only where it is wanted. Everything
 * printed passes through here, so that no name from outside (a service, an error of the
 * aggregator's) can move the cursor: control characters become '?'.
 */
#ifndef TACIT_AGENT_RENDER_H
#define TACIT_AGENT_RENDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <tacit/error.h>

#define TACIT_RENDER_COLUMNS 80U

struct tacit_render {
	FILE *out; /* borrowed */
	bool colour;
	int64_t now_ms; /* wall clock, for "3 min ago" */
};

enum tacit_style {
	TACIT_STYLE_PLAIN,
	TACIT_STYLE_BOLD,
	TACIT_STYLE_DIM,
	TACIT_STYLE_GOOD,
	TACIT_STYLE_WARN,
	TACIT_STYLE_BAD,
};

/* @format as in printf(3), in @style. Control characters in the result become '?', but '\n'. */
TACIT_PRINTF(3, 4)
void tacit_render_put(const struct tacit_render *render, enum tacit_style style, const char *format,
		      ...);

/* A paragraph, broken at spaces so that no line is longer than TACIT_RENDER_COLUMNS; every line
 * but the first is indented by @indent, and the first is taken to begin there. Ends the line. */
void tacit_render_wrap(const struct tacit_render *render, enum tacit_style style, unsigned indent,
		       const char *text);

/* "label     text", the beginning of a line; what follows starts in column TACIT_RENDER_INDENT. */
void tacit_render_label(const struct tacit_render *render, const char *label);
#define TACIT_RENDER_INDENT 14U

/* A bar of @width cells, @part (clamped to 0..1) of them filled. */
void tacit_render_bar(const struct tacit_render *render, double part, unsigned width);

/* Texts that fit; enough for all of these. */
#define TACIT_RENDER_TEXT 48U

/* 12403 as "12,403". */
const char *tacit_render_count(json_int_t count, char text[TACIT_RENDER_TEXT]);

/* "s" unless @n is 1. */
const char *tacit_render_plural(json_int_t n);

/* A number as people read it, three digits: "0.004", "3.14", "12,403". */
const char *tacit_render_number(double value, char text[TACIT_RENDER_TEXT]);

/* "18.2 MiB". */
const char *tacit_render_bytes(json_int_t bytes, char text[TACIT_RENDER_TEXT]);

/* "14 min", "3 h 20 min", "2 d 4 h". */
const char *tacit_render_span(int64_t ms, char text[TACIT_RENDER_TEXT]);

/* RFC 3339 in UTC, as in a document, to milliseconds since 1970. 0 or -EINVAL. */
TACIT_MUST_CHECK int tacit_render_parse_time(const char *text, int64_t *ret);

/* A document's time as local time, "2026-11-23 23:59:59"; "never" for null. */
const char *tacit_render_time(const json_t *time, char text[TACIT_RENDER_TEXT]);

/* How far a document's time is from now: "12 s ago", "in 3 min"; "never" for null. */
const char *tacit_render_since(const struct tacit_render *render, const json_t *time,
			       char text[TACIT_RENDER_TEXT]);

/* What a document holds at a dotted path, as "host.certificate.until"; borrowed. NULL, "", 0
 * when there is nothing of that type. */
const json_t *tacit_render_at(const json_t *document, const char *path);
const char *tacit_render_text_at(const json_t *document, const char *path);
json_int_t tacit_render_int_at(const json_t *document, const char *path);
double tacit_render_real_at(const json_t *document, const char *path);
bool tacit_render_is(const json_t *document, const char *path); /* true */

#endif /* TACIT_AGENT_RENDER_H */
