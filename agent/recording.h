/* SPDX-License-Identifier: MIT */
/*
 * recording - windows as text, to keep, to share and to replay.
 *
 *	# tacit-windows 1
 *	host,scope,class,split,label,t,length_ms,process.fork,process.thread,...
 *	build1,nginx.service,nginx.service,,,1795478400000,1000,3,0,...
 *
 * The first line names the format and its version, the second the columns: the
 * seven above, then features by name, in any order. "split" and "label" are free words for
 * evaluation and may be empty; t is the window's end in milliseconds since 1970. An
 * empty cell is a feature that was not observed, so are features without a column;
 * a probe that lacks one of its features counts as not observed. Words are
 * [A-Za-z0-9@._:-], hence nothing is ever quoted. Lines end in LF.
 */
#ifndef TACIT_AGENT_RECORDING_H
#define TACIT_AGENT_RECORDING_H

#include <stdio.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "window.h"

#define TACIT_RECORDING_WORD_MAX      64U
#define TACIT_RECORDING_LINE_MAX      16384U /* bytes, without LF */
#define TACIT_RECORDING_LENGTH_MS_MAX 86400000U

struct tacit_recording_row {
	char host[TACIT_RECORDING_WORD_MAX + 1];  /* never empty */
	char split[TACIT_RECORDING_WORD_MAX + 1]; /* "train", "test", "" ... */
	char label[TACIT_RECORDING_WORD_MAX + 1]; /* "normal", "attack", "" ... */
	struct tacit_window window;
};

/* Where and why a text was refused; written only on failure. */
struct tacit_recording_where {
	unsigned line; /* 1-based */
	char why[96];
};

struct tacit_recording;

/**
 * tacit_recording_new - read the two leading lines of a recording.
 * @file: borrowed for the life of the recording, not closed by it; only read forward.
 * @ret: owned by the caller, tacit_recording_free() it.
 * @where: may be NULL.
 *
 * Returns 0, TACIT_ESCHEMA (another format, version or column), -EINVAL (malformed), -EIO or
 * -ENOMEM. Does not log.
 */
TACIT_MUST_CHECK int tacit_recording_new(FILE *file, struct tacit_recording **ret,
					 struct tacit_recording_where *where);

/**
 * tacit_recording_next - read one window.
 * @row: untouched unless 1 is returned.
 * @where: may be NULL.
 *
 * Returns 1; 0 at the end; -EINVAL (malformed, out of range) or -EIO. After a failure only
 * tacit_recording_free() may follow.
 */
TACIT_MUST_CHECK int tacit_recording_next(struct tacit_recording *recording,
					  struct tacit_recording_row *row,
					  struct tacit_recording_where *where);

/* NULL is fine. */
void tacit_recording_free(struct tacit_recording *recording);
TACIT_DEFINE_CLEANUP(struct tacit_recording, tacit_recording_free)

/* Writes the two leading lines, every feature in the table's order. 0 or -EIO. */
TACIT_MUST_CHECK int tacit_recording_write_header(FILE *file);

/**
 * tacit_recording_write - append one window.
 * @row: its words as above; others, or a window that could not be read back, are refused.
 *
 * Buffered as @file is; flush it. Returns 0, -EINVAL or -EIO.
 */
TACIT_MUST_CHECK int tacit_recording_write(FILE *file, const struct tacit_recording_row *row);

#endif /* TACIT_AGENT_RECORDING_H */
