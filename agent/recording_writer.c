/* SPDX-License-Identifier: MIT */
/*
 * Writing, in either form: windows gather in memory and go to the file in one piece, or not at all,
 * so that a disk that was full for a while costs those windows and no others.
 */
#include "recording_private.h"

#include <fcntl.h>
#include <string.h>

#define FILE_MODE 0666

enum tacit_recording_form tacit_recording_form_of(const char *path)
{
	static const char ending[] = ".csv";
	size_t len = strlen(path);

	return len >= strlen(ending) && strcmp(path + len - strlen(ending), ending) == 0
		       ? TACIT_RECORDING_CSV
		       : TACIT_RECORDING_BINARY;
}

int tacit_recording_writer_new(int fd, enum tacit_recording_form form,
			       struct tacit_recording_writer **ret)
{
	struct tacit_recording_writer *writer = form == TACIT_RECORDING_CSV
							? tacit_recording_writer_csv()
							: tacit_recording_writer_binary();

	if (!writer) {
		(void)close(fd);
		return -ENOMEM;
	}
	writer->fd = fd;
	*ret = writer;
	return 0;
}

int tacit_recording_writer_open(const char *path, struct tacit_recording_writer **ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);

	return fd < 0 ? -errno : tacit_recording_writer_new(fd, tacit_recording_form_of(path), ret);
}

/* Takes back what a failed write left behind. */
static void mend(struct tacit_recording_writer *writer)
{
	if (ftruncate(writer->fd, (off_t)writer->size) < 0 ||
	    lseek(writer->fd, (off_t)writer->size, SEEK_SET) < 0)
		writer->torn = true;
}

static int put(struct tacit_recording_writer *writer, const struct tacit_writer *out)
{
	size_t at = 0;

	if (writer->torn)
		return -EIO;
	if (out->failed || writer->pending.failed)
		return -ENOMEM;
	while (at < out->len) {
		ssize_t n = write(writer->fd, out->data + at, out->len - at);
		int r = n > 0 ? 0 : n < 0 ? -errno : -EIO;

		if (r == -EINTR)
			continue;
		if (r < 0) {
			if (at > 0)
				mend(writer);
			return r;
		}
		at += (size_t)n;
	}
	writer->size += out->len;
	return 0;
}

static void settle(struct tacit_recording_writer *writer, bool kept)
{
	if (writer->kind->settle)
		writer->kind->settle(writer, kept);
	if (kept)
		writer->windows += writer->n_pending;
	else
		writer->lost += writer->n_pending;
	writer->n_pending = 0;
	writer->pending.len = 0;
	if (writer->pending.failed)
		tacit_writer_done(&writer->pending);
}

int tacit_recording_writer_flush(struct tacit_recording_writer *writer)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer out = { 0 };
	int r;

	if (writer->size == 0)
		writer->kind->head(&out);
	if (writer->n_pending > 0)
		writer->kind->seal(writer, &out);
	r = put(writer, &out);
	settle(writer, r == 0);
	return r;
}

int tacit_recording_writer_add(struct tacit_recording_writer *writer,
			       const struct tacit_recording_row *row)
{
	if (tacit_recording_flaw(row))
		return -EINVAL;
	writer->kind->add(writer, row);
	writer->n_pending++;
	return writer->pending.failed || writer->pending.len >= TACIT_RECORDING_PENDING_FULL
		       ? tacit_recording_writer_flush(writer)
		       : 0;
}

int tacit_recording_writer_finish(struct tacit_recording_writer *writer)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer out = { 0 };
	int r = tacit_recording_writer_flush(writer);

	if (r == 0 && writer->kind->end)
		writer->kind->end(writer, &out);
	return r < 0 ? r : put(writer, &out);
}

uint64_t tacit_recording_writer_lost(const struct tacit_recording_writer *writer)
{
	return writer->lost;
}

void tacit_recording_writer_free(struct tacit_recording_writer *writer)
{
	if (!writer)
		return;
	(void)close(writer->fd);
	tacit_writer_done(&writer->pending);
	tacit_free(writer);
}
