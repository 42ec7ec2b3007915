/* SPDX-License-Identifier: MIT */
/* A recording as text: a line for the version, a line for the columns, a line a window. */
#include "recording_private.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "# tacit-windows "
#define VERSION	   2U
#define LEADS_MAX  1024U /* bytes of a line before the counts */
#define CELL_MAX   40U	 /* bytes of a feature's name or count, and a comma */

_Static_assert(LEADS_MAX + TACIT_FEATURE_COUNT * CELL_MAX <= TACIT_RECORDING_LINE_MAX,
	       "what is written can be read");

/* The columns before the features; first the words, in their order. */
enum lead {
	LEAD_T = TACIT_RECORDING_WORDS,
	LEAD_LENGTH,
	LEAD_DUTY, /* from version 2 on */
	LEAD_COUNT,
};

struct csv {
	struct tacit_recording base;
	unsigned version;
	unsigned columns;		       /* features' */
	uint16_t feature[TACIT_FEATURE_COUNT]; /* by column */
	char text[TACIT_RECORDING_LINE_MAX + 2];
};

static const char *lead_name(unsigned lead)
{
	static const char *const numbers[] = { "t", "length_ms", "duty" };

	return lead < LEAD_T ? tacit_recording_word(lead)->name : numbers[lead - LEAD_T];
}

static unsigned leads(const struct csv *csv)
{
	return csv->version < 2 ? LEAD_DUTY : LEAD_COUNT;
}

/* 1: a line is in csv->text, without its LF; 0: the end. A line without LF was not finished. */
static int read_line(struct csv *csv, struct tacit_recording_where *where)
{
	size_t len = 0;
	int c;

	csv->base.line++;
	while ((c = getc(csv->base.file)) != EOF && c != '\n') {
		if (len == TACIT_RECORDING_LINE_MAX)
			return tacit_recording_refuse(&csv->base, -EINVAL, where,
						      "the line is longer than %u bytes",
						      TACIT_RECORDING_LINE_MAX);
		if (c < ' ' || c > '~')
			return tacit_recording_refuse(&csv->base, -EINVAL, where,
						      "byte 0x%02x where text should be", c);
		csv->text[len++] = (char)c;
	}
	csv->text[len] = '\0';
	if (c == EOF && ferror(csv->base.file))
		return -EIO;
	csv->base.cut_off = c == EOF && len > 0;
	return c != EOF;
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

static int parse_version(struct csv *csv, struct tacit_recording_where *where)
{
	size_t len = strlen(FIRST_LINE);
	uint64_t version = 0;

	if (strncmp(csv->text, FIRST_LINE, len) != 0 ||
	    !parse_number(csv->text + len, UINT32_MAX, &version) || version == 0)
		return tacit_recording_refuse(&csv->base, TACIT_ESCHEMA, where,
					      "the first line is not \"" FIRST_LINE "%u\"",
					      VERSION);
	if (version > VERSION)
		return tacit_recording_refuse(&csv->base, TACIT_ESCHEMA, where,
					      "version %" PRIu64
					      " is newer than %u, the newest this program knows",
					      version, VERSION);
	csv->version = (unsigned)version;
	return 0;
}

static int parse_columns(struct csv *csv, struct tacit_recording_where *where)
{
	bool seen[TACIT_FEATURE_COUNT] = { false };
	char *rest = csv->text, *name;

	for (unsigned i = 0; i < leads(csv); i++) {
		name = strsep(&rest, ",");
		if (!name || strcmp(name, lead_name(i)) != 0)
			return tacit_recording_refuse(&csv->base, TACIT_ESCHEMA, where,
						      "column %u is not \"%s\"", i + 1,
						      lead_name(i));
	}
	while ((name = strsep(&rest, ","))) {
		int feature = tacit_feature_find(name);

		if (feature < 0 || seen[feature])
			return tacit_recording_refuse(&csv->base, TACIT_ESCHEMA, where,
						      "%s feature \"%.40s\"",
						      feature < 0 ? "unknown" : "repeated", name);
		seen[feature] = true;
		csv->feature[csv->columns++] = (uint16_t)feature;
	}
	return 0;
}

static int parse_lead(const struct csv *csv, unsigned lead, const char *text,
		      struct tacit_recording_row *row, struct tacit_recording_where *where)
{
	static const uint64_t max[] = { TACIT_RECORDING_TIME_MS_MAX, TACIT_RECORDING_LENGTH_MS_MAX,
					TACIT_DUTY_ALWAYS };
	bool good;

	if (lead < LEAD_T) {
		const struct tacit_recording_word *word = tacit_recording_word(lead);

		good = tacit_recording_word_is_valid(word, text);
		if (good)
			memcpy((char *)row + word->offset, text, strlen(text) + 1);
	} else {
		uint64_t number = 0;

		good = parse_number(text, max[lead - LEAD_T], &number) &&
		       (number > 0 || lead == LEAD_T);
		if (lead == LEAD_T)
			row->window.end_ms = (int64_t)number;
		else if (lead == LEAD_LENGTH)
			row->window.length_ms = (uint32_t)number;
		else
			row->window.duty_permille = (uint16_t)number;
	}
	return good ? 0
		    : tacit_recording_refuse(&csv->base, -EINVAL, where, "\"%.40s\" is no %s", text,
					     lead_name(lead));
}

static int parse_features(const struct csv *csv, char *rest, struct tacit_window *window,
			  struct tacit_recording_where *where)
{
	bool has[TACIT_FEATURE_COUNT] = { false };

	for (unsigned i = 0; i < csv->columns; i++) {
		unsigned feature = csv->feature[i];
		char *cell = strsep(&rest, ",");

		if (!cell)
			return tacit_recording_refuse(&csv->base, -EINVAL, where,
						      "%u cells are missing", csv->columns - i);
		if (*cell == '\0')
			continue;
		if (!parse_number(cell, UINT64_MAX, &window->count[feature]))
			return tacit_recording_refuse(&csv->base, -EINVAL, where,
						      "\"%.20s\" is no count for %s", cell,
						      tacit_feature_get(feature)->name);
		has[feature] = true;
	}
	if (rest)
		return tacit_recording_refuse(&csv->base, -EINVAL, where,
					      "more cells than columns");
	tacit_recording_set_observed(window, has);
	return 0;
}

static int next(struct tacit_recording *recording, struct tacit_recording_row *row,
		struct tacit_recording_where *where)
{
	struct csv *csv = (struct csv *)recording;
	char *rest = csv->text;
	int r = read_line(csv, where);

	if (r <= 0)
		return r;
	row->window.duty_permille = TACIT_DUTY_ALWAYS; /* version 1 knows no other */
	for (unsigned i = 0; i < leads(csv); i++) {
		char *cell = strsep(&rest, ",");

		if (!cell)
			return tacit_recording_refuse(recording, -EINVAL, where,
						      "the line ends before \"%s\"", lead_name(i));
		r = parse_lead(csv, i, cell, row, where);
		if (r < 0)
			return r;
	}
	r = parse_features(csv, rest, &row->window, where);
	return r < 0 ? r : 1;
}

int tacit_recording_new_csv(FILE *file, struct tacit_recording **ret,
			    struct tacit_recording_where *where)
{
	TACIT_AUTO_FREE struct csv *csv = TACIT_NEW(struct csv);
	int r;

	if (!csv)
		return -ENOMEM;
	csv->base.next = next;
	csv->base.file = file;
	r = read_line(csv, where);
	if (r >= 0)
		r = parse_version(csv, where);
	if (r >= 0)
		r = read_line(csv, where);
	if (r == 0)
		r = tacit_recording_refuse(&csv->base, TACIT_EDAMAGED, where,
					   "the file ends before its columns");
	if (r >= 0)
		r = parse_columns(csv, where);
	if (r < 0)
		return r;
	*ret = &TACIT_TAKE(csv)->base;
	return 0;
}

static void put_text(struct tacit_writer *out, const char *text)
{
	tacit_write_bytes(out, text, strlen(text));
}

static void put_number(struct tacit_writer *out, uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	put_text(out, text);
}

static void put_head(struct tacit_writer *out)
{
	put_text(out, FIRST_LINE);
	put_number(out, VERSION);
	for (unsigned i = 0; i < LEAD_COUNT; i++) {
		tacit_write_u8(out, i == 0 ? '\n' : ',');
		put_text(out, lead_name(i));
	}
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		tacit_write_u8(out, ',');
		put_text(out, tacit_feature_get(i)->name);
	}
	tacit_write_u8(out, '\n');
}

static void add(struct tacit_recording_writer *writer, const struct tacit_recording_row *row)
{
	const struct tacit_window *window = &row->window;
	const uint64_t numbers[] = { (uint64_t)window->end_ms, window->length_ms,
				     window->duty_permille };
	struct tacit_writer *out = &writer->pending;

	for (unsigned i = 0; i < LEAD_T; i++) {
		put_text(out, (const char *)row + tacit_recording_word(i)->offset);
		tacit_write_u8(out, ',');
	}
	for (unsigned i = LEAD_T; i < LEAD_COUNT; i++) {
		if (i > LEAD_T)
			tacit_write_u8(out, ',');
		put_number(out, numbers[i - LEAD_T]);
	}
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		tacit_write_u8(out, ',');
		if (window->observed[tacit_feature_get(i)->probe])
			put_number(out, window->count[i]);
	}
	tacit_write_u8(out, '\n');
}

static void seal(struct tacit_recording_writer *writer, struct tacit_writer *out)
{
	tacit_write_bytes(out, writer->pending.data, writer->pending.len);
}

struct tacit_recording_writer *tacit_recording_writer_csv(void)
{
	static const struct tacit_recording_writer_kind kind = { put_head, add, seal, NULL, NULL };
	struct tacit_recording_writer *writer = TACIT_NEW(struct tacit_recording_writer);

	if (writer)
		writer->kind = &kind;
	return writer;
}
