/* SPDX-License-Identifier: MIT */
/* What both forms have in common: which words there are, and the way to one form or the other. */
#include "recording_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <tacit/fleet.h>

#define WORD(field, text, limit, empty)                                                            \
	{                                                                                          \
		.name = (text), .offset = offsetof(struct tacit_recording_row, field),             \
		.max = (limit), .may_be_empty = (empty)                                            \
	}

static const struct tacit_recording_word words[TACIT_RECORDING_WORDS] = {
	WORD(host, "host", TACIT_RECORDING_WORD_MAX, false),
	WORD(window.scope, "scope", TACIT_SCOPE_NAME_MAX, false),
	WORD(window.class, "class", TACIT_FLEET_CLASS_NAME_MAX, false),
	WORD(split, "split", TACIT_RECORDING_WORD_MAX, true),
	WORD(label, "label", TACIT_RECORDING_WORD_MAX, true),
};

const struct tacit_recording_word *tacit_recording_word(unsigned i)
{
	return &words[i];
}

bool tacit_recording_word_is_valid(const struct tacit_recording_word *word, const char *text)
{
	size_t len = 0;

	for (; text[len] != '\0'; len++)
		if (len == word->max ||
		    (!isalnum((unsigned char)text[len]) && !strchr("@._:-", text[len])))
			return false;
	return len > 0 || word->may_be_empty;
}

const char *tacit_recording_flaw(const struct tacit_recording_row *row)
{
	const struct tacit_window *window = &row->window;

	for (unsigned i = 0; i < TACIT_RECORDING_WORDS; i++)
		if (!tacit_recording_word_is_valid(&words[i], (const char *)row + words[i].offset))
			return words[i].name;
	if (window->end_ms < 0 || window->end_ms > TACIT_RECORDING_TIME_MS_MAX)
		return "t";
	if (window->length_ms == 0 || window->length_ms > TACIT_RECORDING_LENGTH_MS_MAX)
		return "length_ms";
	return window->duty_permille == 0 || window->duty_permille > TACIT_DUTY_ALWAYS ? "duty"
										       : NULL;
}

void tacit_recording_set_observed(struct tacit_window *window, const bool *has)
{
	memset(window->observed, 1, sizeof(window->observed));
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (!has[i])
			window->observed[tacit_feature_get(i)->probe] = 0;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (!window->observed[tacit_feature_get(i)->probe])
			window->count[i] = 0;
}

int tacit_recording_refuse(const struct tacit_recording *recording, int err,
			   struct tacit_recording_where *where, const char *format, ...)
{
	va_list args;

	if (!where)
		return err;
	where->line = recording->line;
	where->offset = recording->offset;
	va_start(args, format);
	(void)vsnprintf(where->why, sizeof(where->why), format, args);
	va_end(args);
	return err;
}

int tacit_recording_new(FILE *file, struct tacit_recording **ret,
			struct tacit_recording_where *where)
{
	const struct tacit_recording nothing = { .line = 1 };
	int first = getc(file);

	if (first == EOF && ferror(file))
		return -EIO;
	(void)ungetc(first, file);
	if (first == TACIT_RECORDING_BINARY_FIRST)
		return tacit_recording_new_binary(file, ret, where);
	if (first == TACIT_RECORDING_CSV_FIRST)
		return tacit_recording_new_csv(file, ret, where);
	(void)tacit_recording_refuse(&nothing, TACIT_ESCHEMA, where,
				     first == EOF ? "the file is empty" : "this is no recording");
	return TACIT_ESCHEMA;
}

int tacit_recording_next(struct tacit_recording *recording, struct tacit_recording_row *row,
			 struct tacit_recording_where *where)
{
	struct tacit_recording_row parsed = { 0 };
	int r = recording->cut_off ? 0 : recording->next(recording, &parsed, where);

	if (r <= 0)
		return r;
	recording->windows++;
	*row = parsed;
	return 1;
}

uint64_t tacit_recording_windows(const struct tacit_recording *recording)
{
	return recording->windows;
}

bool tacit_recording_is_cut_off(const struct tacit_recording *recording)
{
	return recording->cut_off;
}

void tacit_recording_free(struct tacit_recording *recording)
{
	tacit_free(recording);
}

static void close_file_p(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static bool is_same_file(FILE *file, const char *path)
{
	struct stat a, b;

	return fstat(fileno(file), &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* What was read is kept, whatever follows it. */
static int copy(struct tacit_recording *recording, struct tacit_recording_writer *writer,
		struct tacit_recording_where *where, bool *ret_written)
{
	struct tacit_recording_row row;
	int r, written = 0;

	while ((r = tacit_recording_next(recording, &row, where)) > 0) {
		written = tacit_recording_writer_add(writer, &row);
		if (written < 0)
			break;
	}
	if (written == 0)
		written = tacit_recording_writer_finish(writer);
	*ret_written = written == 0;
	return written < 0 ? written : r;
}

int tacit_recording_convert(const char *from, const char *to, struct tacit_recording_converted *ret,
			    struct tacit_recording_where *where)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_CLEANUP(close_file_p) FILE *file = fopen(from, "re");
	bool written;
	int r;

	*ret = (struct tacit_recording_converted){ .refused = from };
	if (!file)
		return -errno;
	r = tacit_recording_new(file, &recording, where);
	if (r < 0)
		return r;
	ret->refused = to;
	r = is_same_file(file, to) ? -EINVAL : tacit_recording_writer_open(to, &writer);
	if (r < 0)
		return r;
	r = copy(recording, writer, where, &written);
	ret->windows = recording->windows;
	ret->cut_off = recording->cut_off;
	ret->refused = r == 0 ? NULL : written ? from : to;
	return r;
}
