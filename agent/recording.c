/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/fleet.h>

#define FIRST_LINE  "# tacit-windows 1"
#define COLUMNS_MAX (TACIT_FEATURE_COUNT + LEAD_COUNT)
#define TIME_MS_MAX 253402300799999LL /* year 9999 */

enum lead {
	LEAD_HOST,
	LEAD_SCOPE,
	LEAD_CLASS,
	LEAD_SPLIT,
	LEAD_LABEL,
	LEAD_T,
	LEAD_LENGTH,
	LEAD_COUNT,
};

static const char *const lead_name[LEAD_COUNT] = {
	"host", "scope", "class", "split", "label", "t", "length_ms",
};

struct tacit_recording {
	FILE *file; /* borrowed */
	unsigned line;
	unsigned columns;              /* features' */
	uint16_t feature[COLUMNS_MAX]; /* by column */
	char text[TACIT_RECORDING_LINE_MAX + 2];
};

TACIT_PRINTF(3, 4)
static int refuse(const struct tacit_recording *recording, struct tacit_recording_where *where,
		  const char *format, ...)
{
	va_list args;

	if (!where)
		return -EINVAL;
	where->line = recording->line;
	va_start(args, format);
	(void)vsnprintf(where->why, sizeof(where->why), format, args);
	va_end(args);
	return -EINVAL;
}

/* 1: a line is in recording->text, without its LF; 0: the end. */
static int read_line(struct tacit_recording *recording, struct tacit_recording_where *where)
{
	size_t len = 0;
	int c;

	recording->line++;
	while ((c = getc(recording->file)) != EOF && c != '\n') {
		if (len == TACIT_RECORDING_LINE_MAX)
			return refuse(recording, where, "the line is longer than %u bytes",
				      TACIT_RECORDING_LINE_MAX);
		if (c < ' ' || c > '~')
			return refuse(recording, where, "byte 0x%02x where text should be", c);
		recording->text[len++] = (char)c;
	}
	recording->text[len] = '\0';
	if (c == EOF && ferror(recording->file))
		return -EIO;
	return c == EOF && len == 0 ? 0 : 1;
}

static bool is_word(const char *text, size_t max)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("@._:-", text[i]))
			return false;
	return len <= max;
}

static int parse_columns(struct tacit_recording *recording, struct tacit_recording_where *where)
{
	bool seen[TACIT_FEATURE_COUNT] = { false };
	char *rest = recording->text, *name;

	for (unsigned i = 0; i < LEAD_COUNT; i++) {
		name = strsep(&rest, ",");
		if (!name || strcmp(name, lead_name[i]) != 0) {
			(void)refuse(recording, where, "column %u is not \"%s\"", i + 1,
				     lead_name[i]);
			return TACIT_ESCHEMA;
		}
	}
	while ((name = strsep(&rest, ","))) {
		int feature = tacit_feature_find(name);

		if (feature < 0 || seen[feature]) {
			(void)refuse(recording, where, "%s feature \"%.40s\"",
				     feature < 0 ? "unknown" : "repeated", name);
			return TACIT_ESCHEMA;
		}
		seen[feature] = true;
		recording->feature[recording->columns++] = (uint16_t)feature;
	}
	return 0;
}

int tacit_recording_new(FILE *file, struct tacit_recording **ret,
			struct tacit_recording_where *where)
{
	TACIT_CLEANUP(tacit_recording_free_p)
	struct tacit_recording *recording = TACIT_NEW(struct tacit_recording);
	int r;

	if (!recording)
		return -ENOMEM;
	recording->file = file;
	r = read_line(recording, where);
	if (r < 0)
		return r;
	if (r == 0 || strcmp(recording->text, FIRST_LINE) != 0) {
		(void)refuse(recording, where, "the first line is not \"%s\"", FIRST_LINE);
		return TACIT_ESCHEMA;
	}
	r = read_line(recording, where);
	if (r < 0)
		return r;
	r = parse_columns(recording, where);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(recording);
	return 0;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > max)
		return false;
	*ret = value;
	return true;
}

static int parse_word(const struct tacit_recording *recording, enum lead lead, const char *text,
		      size_t max, bool may_be_empty, char *out, struct tacit_recording_where *where)
{
	if (!is_word(text, max) || (!may_be_empty && *text == '\0'))
		return refuse(recording, where, "\"%.40s\" is no %s", text, lead_name[lead]);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int parse_lead(const struct tacit_recording *recording, enum lead lead, const char *text,
		      struct tacit_recording_row *row, struct tacit_recording_where *where)
{
	struct tacit_window *window = &row->window;
	uint64_t number = 0;

	switch (lead) {
	case LEAD_HOST:
		return parse_word(recording, lead, text, TACIT_RECORDING_WORD_MAX, false, row->host,
				  where);
	case LEAD_SCOPE:
		return parse_word(recording, lead, text, TACIT_SCOPE_NAME_MAX, false, window->scope,
				  where);
	case LEAD_CLASS:
		return parse_word(recording, lead, text, TACIT_FLEET_CLASS_NAME_MAX, false,
				  window->class, where);
	case LEAD_SPLIT:
		return parse_word(recording, lead, text, TACIT_RECORDING_WORD_MAX, true, row->split,
				  where);
	case LEAD_LABEL:
		return parse_word(recording, lead, text, TACIT_RECORDING_WORD_MAX, true, row->label,
				  where);
	case LEAD_T:
		if (!parse_number(text, TIME_MS_MAX, &number))
			break;
		window->end_ms = (int64_t)number;
		return 0;
	case LEAD_LENGTH:
		if (!parse_number(text, TACIT_RECORDING_LENGTH_MS_MAX, &number) || number == 0)
			break;
		window->length_ms = (uint32_t)number;
		return 0;
	case LEAD_COUNT:
		break;
	}
	return refuse(recording, where, "\"%.40s\" is no %s", text, lead_name[lead]);
}

/* A probe is observed when all of its features are. */
static void set_observed(struct tacit_window *window, const bool *has)
{
	memset(window->observed, 1, sizeof(window->observed));
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (!has[i])
			window->observed[tacit_feature_get(i)->probe] = 0;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (!window->observed[tacit_feature_get(i)->probe])
			window->count[i] = 0;
}

static int parse_features(const struct tacit_recording *recording, char *rest,
			  struct tacit_window *window, struct tacit_recording_where *where)
{
	bool has[TACIT_FEATURE_COUNT] = { false };

	for (unsigned i = 0; i < recording->columns; i++) {
		unsigned feature = recording->feature[i];
		char *cell = strsep(&rest, ",");

		if (!cell)
			return refuse(recording, where, "%u cells are missing",
				      recording->columns - i);
		if (*cell == '\0')
			continue;
		if (!parse_number(cell, UINT64_MAX, &window->count[feature]))
			return refuse(recording, where, "\"%.20s\" is no count for %s", cell,
				      tacit_feature_get(feature)->name);
		has[feature] = true;
	}
	if (rest)
		return refuse(recording, where, "more cells than columns");
	set_observed(window, has);
	return 0;
}

int tacit_recording_next(struct tacit_recording *recording, struct tacit_recording_row *row,
			 struct tacit_recording_where *where)
{
	struct tacit_recording_row parsed = { 0 };
	char *rest = recording->text;
	int r = read_line(recording, where);

	if (r <= 0)
		return r;
	for (unsigned i = 0; i < LEAD_COUNT; i++) {
		char *cell = strsep(&rest, ",");

		if (!cell)
			return refuse(recording, where, "the line ends before \"%s\"",
				      lead_name[i]);
		r = parse_lead(recording, (enum lead)i, cell, &parsed, where);
		if (r < 0)
			return r;
	}
	if (!rest && recording->columns > 0)
		return refuse(recording, where, "%u cells are missing", recording->columns);
	r = parse_features(recording, rest, &parsed.window, where);
	if (r < 0)
		return r;
	*row = parsed;
	return 1;
}

void tacit_recording_free(struct tacit_recording *recording)
{
	tacit_free(recording);
}

int tacit_recording_write_header(FILE *file)
{
	bool good = fputs(FIRST_LINE "\n", file) >= 0;

	for (unsigned i = 0; good && i < LEAD_COUNT; i++)
		good = fprintf(file, "%s%s", i ? "," : "", lead_name[i]) > 0;
	for (unsigned i = 0; good && i < TACIT_FEATURE_COUNT; i++)
		good = fprintf(file, ",%s", tacit_feature_get(i)->name) > 0;
	return good && putc('\n', file) != EOF ? 0 : -EIO;
}

static bool is_writable(const struct tacit_recording_row *row)
{
	const struct tacit_window *window = &row->window;

	return row->host[0] && is_word(row->host, TACIT_RECORDING_WORD_MAX) && window->scope[0] &&
	       is_word(window->scope, TACIT_SCOPE_NAME_MAX) && window->class[0] &&
	       is_word(window->class, TACIT_FLEET_CLASS_NAME_MAX) &&
	       is_word(row->split, TACIT_RECORDING_WORD_MAX) &&
	       is_word(row->label, TACIT_RECORDING_WORD_MAX) && window->end_ms >= 0 &&
	       window->end_ms <= TIME_MS_MAX && window->length_ms > 0 &&
	       window->length_ms <= TACIT_RECORDING_LENGTH_MS_MAX;
}

int tacit_recording_write(FILE *file, const struct tacit_recording_row *row)
{
	const struct tacit_window *window = &row->window;
	bool good;

	if (!is_writable(row))
		return -EINVAL;
	good = fprintf(file, "%s,%s,%s,%s,%s,%" PRId64 ",%" PRIu32, row->host, window->scope,
		       window->class, row->split, row->label, window->end_ms,
		       window->length_ms) > 0;
	for (unsigned i = 0; good && i < TACIT_FEATURE_COUNT; i++) {
		if (window->observed[tacit_feature_get(i)->probe])
			good = fprintf(file, ",%" PRIu64, window->count[i]) > 0;
		else
			good = putc(',', file) != EOF;
	}
	return good && putc('\n', file) != EOF ? 0 : -EIO;
}
