/* SPDX-License-Identifier: MIT */
/*
 * recording - windows in a file, to keep, to share and to replay, in one of two forms: CSV to
 * look at, binary to keep. docs/recording.md describes both, byte by byte.
 *
 *	# tacit-windows 2
 *	host,scope,class,split,label,t,length_ms,duty,process.fork,process.thread,...
 *	build1,nginx.service,nginx.service,,,1795478400000,1000,1000,3,0,...
 *
 * A file names its features. One that this program does not know makes it unreadable; one that it
 * lacks is missing from every window, and with it the features of the same probe: a probe that
 * lacks one of its features counts as not observed. Words are [A-Za-z0-9@._:-].
 */
#ifndef TACIT_AGENT_RECORDING_H
#define TACIT_AGENT_RECORDING_H

#include <stdbool.h>
#include <stdio.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "window.h"

#define TACIT_RECORDING_WORD_MAX      64U
#define TACIT_RECORDING_LINE_MAX      16384U  /* bytes of CSV, without LF */
#define TACIT_RECORDING_BLOCK_MAX     131072U /* bytes of binary, without the block's head */
#define TACIT_RECORDING_LENGTH_MS_MAX 86400000U

struct tacit_recording_row {
	char host[TACIT_RECORDING_WORD_MAX + 1];  /* never empty */
	char split[TACIT_RECORDING_WORD_MAX + 1]; /* "train", "test", "" ... */
	char label[TACIT_RECORDING_WORD_MAX + 1]; /* "normal", "attack", "" ... */
	struct tacit_window window;
};

/* Where and why a recording was refused; written only on failure. */
struct tacit_recording_where {
	unsigned line;	 /* of CSV, 1-based; 0: binary, see offset */
	uint64_t offset; /* of binary, in bytes */
	char why[96];
};

struct tacit_recording;

/**
 * tacit_recording_new - begin to read a recording of either form, told apart by the first byte.
 * @file: borrowed for the life of the recording, not closed by it; only read forward.
 * @ret: owned by the caller, tacit_recording_free() it.
 * @where: may be NULL.
 *
 * Returns 0, TACIT_ESCHEMA (no recording, a newer version, an unknown feature), TACIT_EDAMAGED
 * (not the bytes that were written, or too few for its head), -EINVAL (malformed), -EIO or -ENOMEM.
 * Does not log.
 */
TACIT_MUST_CHECK int tacit_recording_new(FILE *file, struct tacit_recording **ret,
					 struct tacit_recording_where *where);

/**
 * tacit_recording_next - read one window.
 * @row: untouched unless 1 is returned.
 * @where: may be NULL.
 *
 * Returns 1; 0 at the end, be it cut off or not; TACIT_EDAMAGED, -EINVAL (malformed, out of range)
 * or -EIO. After a failure only tacit_recording_free() may follow.
 */
TACIT_MUST_CHECK int tacit_recording_next(struct tacit_recording *recording,
					  struct tacit_recording_row *row,
					  struct tacit_recording_where *where);

/* Windows read so far. */
uint64_t tacit_recording_windows(const struct tacit_recording *recording);

/* After the end: whether its writer was stopped before it could finish. What was read is whole: CSV
 * up to the last LF, binary up to the last whole block. */
bool tacit_recording_is_cut_off(const struct tacit_recording *recording);

/* NULL is fine. */
void tacit_recording_free(struct tacit_recording *recording);
TACIT_DEFINE_CLEANUP(struct tacit_recording, tacit_recording_free)

enum tacit_recording_form {
	TACIT_RECORDING_BINARY,
	TACIT_RECORDING_CSV,
};

/* CSV for a name that ends in ".csv", binary for all others. */
enum tacit_recording_form tacit_recording_form_of(const char *path);

struct tacit_recording_writer;

/**
 * tacit_recording_writer_new - begin to write a recording.
 * @fd: consumed, also on failure; at the beginning of an empty file.
 * @ret: owned by the caller, tacit_recording_writer_free() it.
 *
 * Nothing is written yet. Returns 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_recording_writer_new(int fd, enum tacit_recording_form form,
						struct tacit_recording_writer **ret);

/* The same for a path, whose former content is lost; also what open(2) says. */
TACIT_MUST_CHECK int tacit_recording_writer_open(const char *path,
						 struct tacit_recording_writer **ret);

/**
 * tacit_recording_writer_add - append one window.
 * @row: copied. Words as above; others, and a window that could not be read back, are refused.
 *
 * Kept in memory until there is a block's worth. Returns 0, -EINVAL, or as _flush().
 */
TACIT_MUST_CHECK int tacit_recording_writer_add(struct tacit_recording_writer *writer,
						const struct tacit_recording_row *row);

/**
 * tacit_recording_writer_flush - write what was added since the last time.
 *
 * Returns 0, -ENOMEM or what write(2) says. On failure those windows are lost, and the file is cut
 * back to what was whole before them: the next ones may fare better. Where that is impossible (a
 * pipe that took half of it) every later call fails with -EIO.
 */
TACIT_MUST_CHECK int tacit_recording_writer_flush(struct tacit_recording_writer *writer);

/* Flushes, and marks the recording as complete. Errors as _flush(); only _free() may follow. */
TACIT_MUST_CHECK int tacit_recording_writer_finish(struct tacit_recording_writer *writer);

/* Windows that were added and lost. */
uint64_t tacit_recording_writer_lost(const struct tacit_recording_writer *writer);

/* Without _finish(), what was not flushed is lost and the file counts as cut off. NULL is fine. */
void tacit_recording_writer_free(struct tacit_recording_writer *writer);
TACIT_DEFINE_CLEANUP(struct tacit_recording_writer, tacit_recording_writer_free)

struct tacit_recording_converted {
	const char *refused; /* @from or @to, whichever it failed at; NULL */
	uint64_t windows;
	bool cut_off; /* @from was */
};

/**
 * tacit_recording_convert - write a recording again, in the form that the new name asks for.
 * @to: its former content is lost; not the same file as @from. Complete, also when @from was cut
 *   off or is damaged: then it holds what precedes that.
 * @ret: filled in on failure too.
 * @where: in @from; may be NULL.
 *
 * Returns 0, what fopen(3) and open(2) say, -EINVAL (also: the same file), or as reading and
 * writing.
 */
TACIT_MUST_CHECK int tacit_recording_convert(const char *from, const char *to,
					     struct tacit_recording_converted *ret,
					     struct tacit_recording_where *where);

#endif /* TACIT_AGENT_RECORDING_H */
