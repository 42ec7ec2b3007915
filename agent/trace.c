/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tacit/mem.h>

#include "gzip.h"

#define CALL_DIGITS 5
#define FIRST_ROOM  64U /* of a growing array */

struct tacit_traces {
	struct tacit_trace *trace;
	size_t n, room;
	uint16_t *call;
	size_t calls, calls_room;
};

struct reader {
	gzFile file;
	char *line; /* TACIT_TRACE_LINE_MAX + 2 bytes */
	unsigned long number;
	struct tacit_traces *traces;
	struct tacit_trace_where *where;
};

static __attribute__((format(printf, 3, 4))) int refuse(const struct reader *reader, int err,
							const char *format, ...)
{
	va_list args;

	if (!reader->where)
		return err;
	reader->where->line = reader->number;
	va_start(args, format);
	(void)vsnprintf(reader->where->why, sizeof(reader->where->why), format, args);
	va_end(args);
	return err;
}

/* 0 while all is well with the stream. */
static int check_stream(const struct reader *reader)
{
	const char *why = NULL;
	int r = tacit_gzip_flaw(reader->file, &why);

	return why ? refuse(reader, r, "%s", why) : r;
}

/* 1: the next line, without its LF, is in place; 0: there are no more. */
static int next_line(struct reader *reader)
{
	size_t len;
	int r;

	reader->number++;
	if (!gzgets(reader->file, reader->line, (int)TACIT_TRACE_LINE_MAX + 2))
		return check_stream(reader);
	len = strlen(reader->line);
	if (len > 0 && reader->line[len - 1] == '\n') {
		reader->line[len - 1] = '\0';
		return 1;
	}
	r = check_stream(reader);
	if (r < 0)
		return r;
	if (len == TACIT_TRACE_LINE_MAX + 1)
		return refuse(reader, -EINVAL, "the line is longer than %u bytes",
			      TACIT_TRACE_LINE_MAX);
	return refuse(reader, -EINVAL,
		      gzeof(reader->file) ? "the line was not finished" : "a NUL byte");
}

/* Takes the next cell off the line; NULL when no TAB ends it. */
static char *next_cell(char **line)
{
	char *cell = *line, *tab = strchr(cell, '\t');

	if (!tab)
		return NULL;
	*tab = '\0';
	*line = tab + 1;
	return cell;
}

/* Copies a printable word of 1..TACIT_TRACE_NAME_MAX bytes. */
static bool parse_name(const char *cell, char ret[TACIT_TRACE_NAME_MAX + 1])
{
	size_t len = strlen(cell);

	if (len == 0 || len > TACIT_TRACE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (cell[i] <= ' ' || cell[i] > '~')
			return false;
	memcpy(ret, cell, len + 1);
	return true;
}

/* Split, label and names. */
static int parse_head(const struct reader *reader, char **line, struct tacit_trace *ret)
{
	const char *split = next_cell(line), *label = split ? next_cell(line) : NULL;
	const char *attack = label ? next_cell(line) : NULL;
	const char *name = attack ? next_cell(line) : NULL;

	if (!name)
		return refuse(reader, -EINVAL, "fewer than five cells");
	if (strcmp(split, "train") != 0 && strcmp(split, "test") != 0)
		return refuse(reader, -EINVAL, "split is neither train nor test");
	if (strcmp(label, "0") != 0 && strcmp(label, "1") != 0)
		return refuse(reader, -EINVAL, "label is neither 0 nor 1");
	ret->test = strcmp(split, "test") == 0;
	ret->label = (int8_t)(label[0] - '0');
	if (!ret->test && ret->label != 0)
		return refuse(reader, -EINVAL, "a trace to learn from that is not normal");
	if (!parse_name(attack, ret->attack))
		return refuse(reader, -EINVAL, "not a name of an attack");
	if (!parse_name(name, ret->name))
		return refuse(reader, -EINVAL, "not a name of a trace");
	return 0;
}

/* Doubles @array of @n entries of @size bytes if it is full. */
static int make_room(void **array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : FIRST_ROOM;
	void *moved;

	if (n < *room)
		return 0;
	moved = tacit_realloc(*array, more, size);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*room = more;
	return 0;
}

static int add_call(const struct reader *reader, uint32_t call)
{
	struct tacit_traces *traces = reader->traces;
	void *calls = traces->call;
	int r;

	if (traces->calls == TACIT_TRACE_CALLS_MAX)
		return refuse(reader, -E2BIG, "more than %u calls", TACIT_TRACE_CALLS_MAX);
	r = make_room(&calls, traces->calls, &traces->calls_room, sizeof(*traces->call));
	traces->call = (uint16_t *)calls;
	if (r == 0)
		traces->call[traces->calls++] = (uint16_t)call;
	return r;
}

static int parse_calls(const struct reader *reader, const char *at, struct tacit_trace *ret)
{
	ret->first = reader->traces->calls;
	for (;;) {
		uint32_t call = 0;
		int digits = 0, r;

		for (; *at >= '0' && *at <= '9' && digits <= CALL_DIGITS; at++, digits++)
			call = call * 10 + (uint32_t)(*at - '0');
		if (digits == 0 || digits > CALL_DIGITS || call > TACIT_TRACE_CALL_MAX ||
		    (*at != ' ' && *at != '\0'))
			return refuse(reader, -EINVAL, "call %zu is not a number of 0..%u",
				      ret->n + 1, TACIT_TRACE_CALL_MAX);
		r = add_call(reader, call);
		if (r < 0)
			return r;
		ret->n++;
		if (*at++ == '\0')
			return 0;
	}
}

static int parse_trace(const struct reader *reader)
{
	struct tacit_traces *traces = reader->traces;
	struct tacit_trace trace = { 0 };
	void *all = traces->trace;
	char *line = reader->line;
	int r = parse_head(reader, &line, &trace);

	if (r == 0)
		r = parse_calls(reader, line, &trace);
	if (r == 0 && traces->n == TACIT_TRACES_MAX)
		r = refuse(reader, -E2BIG, "more than %u traces", TACIT_TRACES_MAX);
	if (r == 0)
		r = make_room(&all, traces->n, &traces->room, sizeof(*traces->trace));
	traces->trace = (struct tacit_trace *)all;
	if (r == 0)
		traces->trace[traces->n++] = trace;
	return r;
}

static int read_all(struct reader *reader)
{
	int r;

	while ((r = next_line(reader)) > 0) {
		r = parse_trace(reader);
		if (r < 0)
			return r;
	}
	if (r == 0 && reader->traces->n == 0) {
		reader->number = 0;
		r = refuse(reader, -EINVAL, "there are no traces");
	}
	return r;
}

int tacit_traces_read(int fd, struct tacit_traces **ret, struct tacit_trace_where *where)
{
	TACIT_CLEANUP(tacit_traces_free_p)
	struct tacit_traces *traces = TACIT_NEW(struct tacit_traces);
	TACIT_AUTO_FREE char *line = TACIT_NEW_N(char, TACIT_TRACE_LINE_MAX + 2);
	TACIT_CLEANUP(tacit_gzip_close_p) gzFile file = NULL;
	struct reader reader = { .line = line, .traces = traces, .where = where };
	int r;

	if (!traces || !line)
		return -ENOMEM;
	r = tacit_gzip_open(fd, &file);
	if (r < 0)
		return r;
	reader.file = file;
	r = read_all(&reader);
	if (r == 0)
		*ret = TACIT_TAKE(traces);
	return r;
}

int tacit_traces_load(const char *path, struct tacit_traces **ret, struct tacit_trace_where *where)
{
	TACIT_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : tacit_traces_read(fd, ret, where);
}

size_t tacit_traces_count(const struct tacit_traces *traces)
{
	return traces->n;
}

const struct tacit_trace *tacit_traces_at(const struct tacit_traces *traces, size_t i)
{
	return &traces->trace[i];
}

const uint16_t *tacit_traces_calls(const struct tacit_traces *traces,
				   const struct tacit_trace *trace)
{
	return traces->call + trace->first;
}

void tacit_traces_free(struct tacit_traces *traces)
{
	if (!traces)
		return;
	tacit_free(traces->trace);
	tacit_free(traces->call);
	tacit_free(traces);
}
