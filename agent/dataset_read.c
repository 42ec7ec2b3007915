/* SPDX-License-Identifier: MIT */
#include "dataset_private.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tacit/fleet.h>

#include "gzip.h"

#define BUFFER_BYTES  (4U * TACIT_DATASET_LINE_MAX)
#define NUMBER_MAX    63U /* bytes of a number */
#define EXACT_DIGITS  15  /* so many digits, and powers of ten up to 10^22, are exact in a double */
#define ATTACK_COLUMN "attack"

/* The columns before the features. */
enum lead {
	LEAD_HOST,
	LEAD_CLASS,
	LEAD_SPLIT,
	LEAD_LABEL,
	LEAD_T,
	LEAD_COUNT,
};

static const char *const leads[] = { "host", "class", "split", "label", "t" };

/* A part of a line; not terminated. */
struct cell {
	const char *at;
	size_t len;
};

struct reader {
	gzFile file;
	unsigned long line;
	char *buffer;
	size_t start, end; /* what of the buffer is still to be read */
	struct tacit_dataset *dataset;
	struct tacit_dataset_where *where;
	bool in_test; /* the last row was of split test */
};

static __attribute__((format(printf, 3, 4))) int refuse(const struct reader *reader, int err,
							const char *format, ...)
{
	va_list args;

	if (!reader->where)
		return err;
	reader->where->line = reader->line;
	va_start(args, format);
	(void)vsnprintf(reader->where->why, sizeof(reader->where->why), format, args);
	va_end(args);
	return err;
}

/* Bytes of a cell that a message may show. */
static int shown(const struct cell *cell)
{
	const int max = 40;

	for (int i = 0; i < (int)cell->len && i < max; i++)
		if (cell->at[i] < ' ' || cell->at[i] > '~')
			return i;
	return cell->len < (size_t)max ? (int)cell->len : max;
}

/* 0 while all is well with the stream. */
static int check_stream(const struct reader *reader)
{
	const char *why = NULL;
	int r = tacit_gzip_flaw(reader->file, &why);

	return why ? refuse(reader, r, "%s", why) : r;
}

/* Moves what is left to the front and reads more. 1: there is more; 0: there is not. */
static int fill(struct reader *reader)
{
	int got, r;

	memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = 0;
	got = gzread(reader->file, reader->buffer + reader->end,
		     (unsigned)(BUFFER_BYTES - reader->end));
	r = got > 0 ? 0 : check_stream(reader);
	if (r < 0 || got < 0)
		return r < 0 ? r : -EIO;
	reader->end += (size_t)got;
	return got > 0;
}

/* 1: @ret is the next line, without its LF; 0: there are no more. */
static int next_line(struct reader *reader, struct cell *ret)
{
	reader->line++;
	for (;;) {
		size_t len = reader->end - reader->start;
		char *at = reader->buffer + reader->start;
		const char *lf = len > 0 ? (const char *)memchr(at, '\n', len) : NULL;
		int r;

		if (lf)
			len = (size_t)(lf - at);
		if (len > TACIT_DATASET_LINE_MAX)
			return refuse(reader, -EINVAL, "the line is longer than %u bytes",
				      TACIT_DATASET_LINE_MAX);
		if (lf) {
			*ret = (struct cell){ at, len };
			reader->start += len + 1;
			return 1;
		}
		r = fill(reader);
		if (r < 0)
			return r;
		if (r == 0 && len > 0)
			return refuse(reader, -EINVAL, "the line was not finished");
		if (r == 0)
			return 0;
	}
}

/* Takes the next cell off @line; false when there is none left. */
static bool next_cell(struct cell *line, struct cell *ret)
{
	const char *comma;

	if (!line->at)
		return false;
	comma = (const char *)memchr(line->at, ',', line->len);
	ret->at = line->at;
	ret->len = comma ? (size_t)(comma - line->at) : line->len;
	line->at = comma ? comma + 1 : NULL;
	line->len = comma ? line->len - ret->len - 1 : 0;
	return true;
}

static bool is(const struct cell *cell, const char *text)
{
	return cell->len == strlen(text) && memcmp(cell->at, text, cell->len) == 0;
}

static bool is_word(const struct cell *cell)
{
	for (size_t i = 0; i < cell->len; i++)
		if (cell->at[i] <= ' ' || cell->at[i] > '~')
			return false;
	return cell->len > 0 && cell->len <= TACIT_DATASET_NAME_MAX;
}

static void copy(const struct cell *cell, char *name)
{
	memcpy(name, cell->at, cell->len);
	name[cell->len] = '\0';
}

static int add_column(struct reader *reader, const struct cell *name)
{
	struct tacit_dataset *dataset = reader->dataset;
	struct dataset_column *column = &dataset->column[dataset->columns];

	if (!is_word(name))
		return refuse(reader, TACIT_ESCHEMA, "column %zu has no name of 1 to %u bytes",
			      LEAD_COUNT + dataset->columns + 1, TACIT_DATASET_NAME_MAX);
	if (dataset->columns == TACIT_SPACE_DIMS_MAX && !is(name, ATTACK_COLUMN))
		return refuse(reader, -E2BIG, "more than %u features", TACIT_SPACE_DIMS_MAX);
	for (size_t i = 0; i < dataset->columns; i++)
		if (is(name, dataset->column[i].name))
			return refuse(reader, TACIT_ESCHEMA, "column \"%s\" is there twice",
				      dataset->column[i].name);
	copy(name, column->name);
	dataset->columns++;
	return 0;
}

static int parse_header(struct reader *reader, struct cell line)
{
	struct tacit_dataset *dataset = reader->dataset;
	struct cell name;
	int r = 0;

	for (size_t i = 0; i < LEAD_COUNT; i++)
		if (!next_cell(&line, &name) || !is(&name, leads[i]))
			return refuse(reader, TACIT_ESCHEMA, "column %zu is not \"%s\"", i + 1,
				      leads[i]);
	dataset->column = TACIT_NEW_N(struct dataset_column, TACIT_SPACE_DIMS_MAX + 1);
	if (!dataset->column)
		return -ENOMEM;
	while (r == 0 && next_cell(&line, &name)) {
		if (dataset->columns > TACIT_SPACE_DIMS_MAX)
			return refuse(reader, -E2BIG, "more than %u features",
				      TACIT_SPACE_DIMS_MAX);
		r = add_column(reader, &name);
	}
	if (r < 0)
		return r;
	dataset->dims = dataset->columns;
	if (dataset->columns > 0 &&
	    strcmp(dataset->column[dataset->columns - 1].name, ATTACK_COLUMN) == 0) {
		dataset->column[dataset->columns - 1].kind = DATASET_IGNORED;
		dataset->dims--;
	}
	return dataset->dims > 0 ? 0 : refuse(reader, TACIT_ESCHEMA, "there is no feature");
}

/* Digits and perhaps a point, few enough to be exact. */
static bool parse_short(const struct cell *cell, double *ret)
{
	static const double power[] = { 1,   1e1, 1e2,	1e3,  1e4,  1e5,  1e6,	1e7,
					1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	uint64_t digits = 0;
	size_t point = cell->len;

	if (cell->len == 0 || cell->len > EXACT_DIGITS)
		return false;
	for (size_t i = 0; i < cell->len; i++) {
		char c = cell->at[i];

		if (c == '.' && point == cell->len && i > 0 && i + 1 < cell->len)
			point = i;
		else if (c >= '0' && c <= '9')
			digits = 10 * digits + (uint64_t)(c - '0');
		else
			return false;
	}
	*ret = (double)digits / power[point < cell->len ? cell->len - point - 1 : 0];
	return true;
}

/* Anything that strtod() takes for a decimal number; it may be infinite, for being too large. */
static bool parse_number(const struct cell *cell, double *ret)
{
	char text[NUMBER_MAX + 1], *end;

	if (parse_short(cell, ret))
		return true;
	if (cell->len == 0 || cell->len > NUMBER_MAX)
		return false;
	copy(cell, text);
	if (strspn(text, "0123456789.eE+-") != cell->len)
		return false;
	*ret = strtod(text, &end);
	return *end == '\0' && end != text;
}

/* "NaN" or "infinity" when that is what @cell says; else NULL. */
static const char *unwanted(const struct cell *cell)
{
	struct cell rest = *cell;

	if (rest.len > 0 && (*rest.at == '-' || *rest.at == '+')) {
		rest.at++;
		rest.len--;
	}
	if (rest.len >= 3 && strncasecmp(rest.at, "nan", 3) == 0)
		return "NaN";
	if ((rest.len == 3 || rest.len == 8) && strncasecmp(rest.at, "infinity", rest.len) == 0)
		return "infinity";
	return NULL;
}

static int parse_value(const struct reader *reader, const struct dataset_column *column,
		       const struct cell *cell, float *ret)
{
	struct tacit_dataset *dataset = reader->dataset;
	double value;

	if (!parse_number(cell, &value)) {
		const char *what = unwanted(cell);

		return what ? refuse(reader, -EINVAL, "%s in column \"%s\"", what, column->name)
			    : refuse(reader, -EINVAL, "\"%.*s\" is no number for \"%s\"",
				     shown(cell), cell->at, column->name);
	}
	if (fabs(value) > (double)FLT_MAX)
		return refuse(reader, -EINVAL, "\"%.*s\" is too large for \"%s\"", shown(cell),
			      cell->at, column->name);
	if (value < 0 && column->kind == DATASET_COUNT)
		return refuse(reader, -EINVAL, "\"%.*s\" is a negative count for \"%s\"",
			      shown(cell), cell->at, column->name);
	dataset->all_counts &= value >= 0 && floor(value) == value;
	dataset->above_one |= value > 1;
	*ret = (float)value;
	return 0;
}

static int add_word(struct dataset_column *column, const struct cell *cell)
{
	char **words = column->words;

	if (!words) {
		words = TACIT_NEW_N(char *, DATASET_WORDS_MAX);
		if (!words)
			return -ENOMEM;
		column->words = words;
	}
	words[column->n_words] = tacit_strndup(cell->at, cell->len);
	if (!words[column->n_words])
		return -ENOMEM;
	column->n_words++;
	return 0;
}

static int parse_word(const struct reader *reader, struct dataset_column *column,
		      const struct cell *cell, float *ret)
{
	size_t i = 0;
	int r = 0;

	if (!is_word(cell))
		return refuse(reader, -EINVAL, "no word of 1 to %u bytes for \"%s\"",
			      TACIT_DATASET_NAME_MAX, column->name);
	while (i < column->n_words && !is(cell, column->words[i]))
		i++;
	if (i == DATASET_WORDS_MAX)
		return refuse(reader, -E2BIG, "more than %u different words for \"%s\"",
			      DATASET_WORDS_MAX, column->name);
	if (i == column->n_words)
		r = add_word(column, cell);
	*ret = (float)i;
	return r;
}

/* The first row tells which columns hold words, and so what the transformation will be. */
static void set_kinds(struct tacit_dataset *dataset, struct cell line)
{
	bool may_be_words = dataset->transform == TACIT_DATASET_AUTO ||
			    dataset->transform == TACIT_DATASET_FLOWS;
	struct cell cell;

	for (size_t i = 0; i < dataset->columns && next_cell(&line, &cell); i++) {
		struct dataset_column *column = &dataset->column[i];
		double value;

		if (column->kind == DATASET_IGNORED || !may_be_words || !is_word(&cell) ||
		    unwanted(&cell) || parse_number(&cell, &value))
			continue;
		column->kind = DATASET_WORD;
		dataset->transform = TACIT_DATASET_FLOWS;
	}
	for (size_t i = 0; i < dataset->columns; i++) {
		struct dataset_column *column = &dataset->column[i];

		if (column->kind == DATASET_NUMBER &&
		    (dataset->transform == TACIT_DATASET_LOG1P ||
		     (dataset->transform == TACIT_DATASET_FLOWS &&
		      tacit_dataset_flow_is_logged(column->name))))
			column->kind = DATASET_COUNT;
	}
}

/* Into @value, the features of one row. */
static int parse_values(struct reader *reader, struct cell line, float *value)
{
	struct tacit_dataset *dataset = reader->dataset;
	struct cell cell;

	for (size_t i = 0; i < dataset->columns; i++) {
		struct dataset_column *column = &dataset->column[i];
		int r = 0;

		if (!next_cell(&line, &cell))
			return refuse(reader, -EINVAL, "%zu cells are missing",
				      dataset->columns - i);
		if (column->kind == DATASET_WORD)
			r = parse_word(reader, column, &cell, value++);
		else if (column->kind != DATASET_IGNORED)
			r = parse_value(reader, column, &cell, value++);
		if (r < 0)
			return r;
	}
	return line.at ? refuse(reader, -EINVAL, "more cells than columns") : 0;
}

/* Makes room for another row. */
static int grow(struct tacit_dataset *dataset)
{
	size_t room = dataset->rows_room > 0 ? 2 * dataset->rows_room : 64;
	float *value;
	int8_t *label;
	uint64_t *t;

	if (dataset->rows < dataset->rows_room)
		return 0;
	value = (float *)tacit_realloc(dataset->value, room, dataset->dims * sizeof(*value));
	if (value)
		dataset->value = value;
	label = (int8_t *)tacit_realloc(dataset->label, room, sizeof(*label));
	if (label)
		dataset->label = label;
	t = (uint64_t *)tacit_realloc(dataset->t, room, sizeof(*t));
	if (t)
		dataset->t = t;
	if (!value || !label || !t)
		return -ENOMEM;
	dataset->rows_room = room;
	return 0;
}

static int add_host(struct reader *reader, const struct cell lead[LEAD_COUNT])
{
	struct tacit_dataset *dataset = reader->dataset;
	struct dataset_host *host;

	if (dataset->hosts == dataset->hosts_room) {
		size_t room = dataset->hosts_room > 0 ? 2 * dataset->hosts_room : 8;

		host = (struct dataset_host *)tacit_realloc(dataset->host, room, sizeof(*host));
		if (!host)
			return -ENOMEM;
		dataset->host = host;
		dataset->hosts_room = room;
	}
	host = &dataset->host[dataset->hosts];
	memset(host, 0, sizeof(*host));
	copy(&lead[LEAD_HOST], host->name);
	copy(&lead[LEAD_CLASS], host->class);
	if (!tacit_fleet_class_name_is_valid(host->class))
		return refuse(reader, -EINVAL, "\"%s\" is no class", host->class);
	if (dataset->hosts > 0 && strcmp(host[-1].name, host->name) > 0)
		return refuse(reader, -EINVAL, "host \"%s\" comes too late: after \"%s\"",
			      host->name, host[-1].name);
	host->of.first = dataset->rows;
	dataset->hosts++;
	return 0;
}

static int parse_label(const struct reader *reader, const struct cell *cell, int8_t *ret)
{
	if (is(cell, "0"))
		*ret = 0;
	else if (is(cell, "1"))
		*ret = 1;
	else if (is(cell, "-1"))
		*ret = -1;
	else
		return refuse(reader, -EINVAL, "label \"%.*s\" is not 0, 1 or -1", shown(cell),
			      cell->at);
	return 0;
}

static int parse_t(const struct reader *reader, const struct cell *cell, uint64_t *ret)
{
	uint64_t t = 0;

	for (size_t i = 0; i < cell->len; i++) {
		char c = cell->at[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(t, 10, &t) ||
		    __builtin_add_overflow(t, (uint64_t)(c - '0'), &t))
			return refuse(reader, -EINVAL, "\"%.*s\" is no t", shown(cell), cell->at);
	}
	if (cell->len == 0)
		return refuse(reader, -EINVAL, "there is no t");
	*ret = t;
	return 0;
}

/* Whether this row may follow the one before it, of the same host. */
static int check_order(const struct reader *reader, const struct dataset_host *host,
		       const struct cell lead[LEAD_COUNT], bool in_test, uint64_t t,
		       uint64_t before)
{
	if (!is(&lead[LEAD_CLASS], host->class))
		return refuse(reader, -EINVAL, "host \"%s\" is of two classes", host->name);
	if (t <= before)
		return refuse(reader, -EINVAL,
			      "rows are out of order: t %" PRIu64 " after %" PRIu64, t, before);
	if (reader->in_test && !in_test)
		return refuse(reader, -EINVAL, "a row of train after one of test");
	return 0;
}

static int parse_leads(struct reader *reader, struct cell *line, struct cell lead[LEAD_COUNT])
{
	for (size_t i = 0; i < LEAD_COUNT; i++)
		if (!next_cell(line, &lead[i]))
			return refuse(reader, -EINVAL, "the line ends before \"%s\"", leads[i]);
	for (size_t i = LEAD_HOST; i <= LEAD_CLASS; i++)
		if (!is_word(&lead[i]))
			return refuse(reader, -EINVAL, "no %s of 1 to %u bytes", leads[i],
				      TACIT_DATASET_NAME_MAX);
	if (!is(&lead[LEAD_SPLIT], "train") && !is(&lead[LEAD_SPLIT], "test"))
		return refuse(reader, -EINVAL, "split \"%.*s\" is not train or test",
			      shown(&lead[LEAD_SPLIT]), lead[LEAD_SPLIT].at);
	return 0;
}

/* @last_t: t of the row before; then of this one. */
static int parse_row(struct reader *reader, struct cell line, uint64_t *last_t)
{
	struct tacit_dataset *dataset = reader->dataset;
	struct cell lead[LEAD_COUNT];
	struct dataset_host *host;
	bool in_test;
	int8_t label = 0;
	uint64_t t = 0;
	int r = parse_leads(reader, &line, lead);

	if (r == 0)
		r = parse_label(reader, &lead[LEAD_LABEL], &label);
	if (r == 0)
		r = parse_t(reader, &lead[LEAD_T], &t);
	if (r < 0)
		return r;
	in_test = is(&lead[LEAD_SPLIT], "test");
	if (dataset->hosts == 0)
		set_kinds(dataset, line);
	if (dataset->hosts == 0 || !is(&lead[LEAD_HOST], dataset->host[dataset->hosts - 1].name))
		r = add_host(reader, lead);
	else
		r = check_order(reader, &dataset->host[dataset->hosts - 1], lead, in_test, t,
				*last_t);
	if (r == 0 && dataset->rows == TACIT_DATASET_ROWS_MAX)
		r = refuse(reader, -E2BIG, "more than %u rows", TACIT_DATASET_ROWS_MAX);
	if (r == 0)
		r = grow(dataset);
	if (r == 0)
		r = parse_values(reader, line, dataset->value + dataset->rows * dataset->dims);
	if (r < 0)
		return r;
	*last_t = t;
	reader->in_test = in_test;
	if (in_test && label < 0)
		return 0;
	host = &dataset->host[dataset->hosts - 1];
	*(in_test ? &host->of.test : &host->of.train) += 1;
	dataset->label[dataset->rows] = label;
	dataset->t[dataset->rows++] = t;
	return 0;
}

static int read_all(struct reader *reader)
{
	uint64_t last_t = 0;
	struct cell line;
	int r = next_line(reader, &line);

	if (r == 0)
		return refuse(reader, TACIT_ESCHEMA, "the file is empty");
	if (r > 0)
		r = parse_header(reader, line);
	if (r < 0)
		return r;
	while ((r = next_line(reader, &line)) > 0) {
		r = parse_row(reader, line, &last_t);
		if (r < 0)
			return r;
	}
	if (r == 0 && reader->dataset->hosts == 0)
		return refuse(reader, -EINVAL, "there are no rows");
	return r;
}

int tacit_dataset_read(int fd, enum tacit_dataset_transform transform, struct tacit_dataset **ret,
		       struct tacit_dataset_where *where)
{
	TACIT_CLEANUP(tacit_dataset_free_p)
	struct tacit_dataset *dataset = TACIT_NEW(struct tacit_dataset);
	TACIT_AUTO_FREE char *buffer = TACIT_NEW_N(char, BUFFER_BYTES);
	TACIT_CLEANUP(tacit_gzip_close_p) gzFile file = NULL;
	struct reader reader = { .buffer = buffer, .dataset = dataset, .where = where };
	int r;

	if (!dataset || !buffer)
		return -ENOMEM;
	r = tacit_gzip_open(fd, &file);
	if (r < 0)
		return r;
	reader.file = file;
	dataset->transform = transform;
	dataset->all_counts = true;
	r = read_all(&reader);
	if (r == 0)
		r = tacit_dataset_encode(dataset, where);
	if (r < 0)
		return r;
	for (size_t i = 0; i < dataset->hosts; i++) {
		dataset->host[i].of.name = dataset->host[i].name;
		dataset->host[i].of.class = dataset->host[i].class;
	}
	*ret = TACIT_TAKE(dataset);
	return 0;
}
