/* SPDX-License-Identifier: MIT */
/* What the forms of a recording share; nobody else includes this. */
#ifndef TACIT_AGENT_RECORDING_PRIVATE_H
#define TACIT_AGENT_RECORDING_PRIVATE_H

#include "recording.h"

#include <tacit/bytes.h>

#define TACIT_RECORDING_TIME_MS_MAX  253402300799999LL /* year 9999 */
#define TACIT_RECORDING_WORDS	     5U
#define TACIT_RECORDING_PENDING_FULL 65536U /* bytes; a window more, and they are written */

/* One of a row's words, in the order both forms have them. */
struct tacit_recording_word {
	const char *name;
	size_t offset; /* in the row */
	size_t max;    /* bytes, without NUL */
	bool may_be_empty;
};

const struct tacit_recording_word *tacit_recording_word(unsigned i);

bool tacit_recording_word_is_valid(const struct tacit_recording_word *word, const char *text);

/* Name of the first field that no recording may hold; NULL: there is none. */
const char *tacit_recording_flaw(const struct tacit_recording_row *row);

/* A probe is observed when it has all of its features; the counts of the others become 0. */
void tacit_recording_set_observed(struct tacit_window *window, const bool *has);

/* Begins each form's reader, which is allocated in one piece. */
struct tacit_recording {
	int (*next)(struct tacit_recording *recording, struct tacit_recording_row *row,
		    struct tacit_recording_where *where);
	FILE *file;    /* borrowed */
	unsigned line; /* what a refusal names */
	uint64_t offset;
	uint64_t windows;
	bool cut_off;
};

/* Returns @err, and tells @where why. */
TACIT_PRINTF(4, 5)
int tacit_recording_refuse(const struct tacit_recording *recording, int err,
			   struct tacit_recording_where *where, const char *format, ...);

TACIT_MUST_CHECK int tacit_recording_new_csv(FILE *file, struct tacit_recording **ret,
					     struct tacit_recording_where *where);
TACIT_MUST_CHECK int tacit_recording_new_binary(FILE *file, struct tacit_recording **ret,
						struct tacit_recording_where *where);

/* The first byte tells the forms apart. */
#define TACIT_RECORDING_CSV_FIRST    '#'
#define TACIT_RECORDING_BINARY_FIRST 'T'

struct tacit_recording_writer;

/* How a form is written. Windows are encoded into writer->pending; out of memory shows there and in
 * @out, as ever with a tacit_writer. */
struct tacit_recording_writer_kind {
	void (*head)(struct tacit_writer *out);
	void (*add)(struct tacit_recording_writer *writer, const struct tacit_recording_row *row);
	/* Appends the pending windows. */
	void (*seal)(struct tacit_recording_writer *writer, struct tacit_writer *out);
	/* The pending windows are in the file, or lost. */
	void (*settle)(struct tacit_recording_writer *writer, bool kept);
	void (*end)(struct tacit_recording_writer *writer, struct tacit_writer *out);
};

/* Begins each form's writer, which is allocated in one piece. */
struct tacit_recording_writer {
	const struct tacit_recording_writer_kind *kind;
	int fd; /* owned */
	bool torn;
	uint64_t size; /* bytes of the file, all of them whole */
	uint64_t windows, lost;
	unsigned n_pending;
	struct tacit_writer pending;
};

/* NULL when out of memory. Without fd. */
struct tacit_recording_writer *tacit_recording_writer_csv(void);
struct tacit_recording_writer *tacit_recording_writer_binary(void);

#endif /* TACIT_AGENT_RECORDING_PRIVATE_H */
