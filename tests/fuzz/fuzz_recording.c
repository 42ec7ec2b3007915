/* SPDX-License-Identifier: MIT */
/* Recordings: whatever is read can be written in either form, and then reads the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <tacit/bytes.h>
#include <tacit/crc32.h>

#include "agent/recording.h"

#define FILE_HEAD  6U
#define BLOCK_HEAD 12U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum tacit_recording_form forms[] = { TACIT_RECORDING_BINARY, TACIT_RECORDING_CSV };

static void close_file_p(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/* Every block gets the length that fits and the checksums it should have, so that what is behind
 * them is seen. */
static void mend(uint8_t *data, size_t size)
{
	for (size_t at = FILE_HEAD; at + BLOCK_HEAD <= size;) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer head = { 0 };
		struct tacit_reader old = tacit_reader_init(data + at, BLOCK_HEAD);
		size_t rest = size - at - BLOCK_HEAD, len = tacit_read_u32le(&old);

		if (len > rest)
			len = rest;
		tacit_write_u32le(&head, (uint32_t)len);
		tacit_write_u32le(&head, tacit_crc32(data + at + BLOCK_HEAD, len));
		tacit_write_u32le(&head, tacit_crc32(head.data, head.len));
		if (head.failed)
			abort();
		memcpy(data + at, head.data, BLOCK_HEAD);
		at += BLOCK_HEAD + len;
	}
}

static void write_rows(struct tacit_recording *recording, struct tacit_recording_writer **writer,
		       int *ret_r, struct tacit_recording_where *where)
{
	struct tacit_recording_row row = { 0 };

	while ((*ret_r = tacit_recording_next(recording, &row, where)) == 1)
		for (size_t i = 0; i < TACIT_ARRAY_LEN(forms); i++)
			if (tacit_recording_writer_add(writer[i], &row) < 0)
				abort();
	for (size_t i = 0; i < TACIT_ARRAY_LEN(forms); i++)
		if (tacit_recording_writer_finish(writer[i]) < 0)
			abort();
}

/* Row by row, for as many as @windows. */
static void compare(FILE *file, FILE *with, uint64_t windows)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *original = NULL;
	struct tacit_recording_row a, b;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	rewind(file);
	rewind(with);
	if (tacit_recording_new(file, &recording, NULL) < 0 ||
	    tacit_recording_new(with, &original, NULL) < 0)
		abort();
	for (uint64_t i = 0; i < windows; i++)
		if (tacit_recording_next(recording, &a, NULL) != 1 ||
		    tacit_recording_next(original, &b, NULL) != 1 || memcmp(&a, &b, sizeof(a)) != 0)
			abort();
	if (tacit_recording_next(recording, &a, NULL) != 0 || tacit_recording_is_cut_off(recording))
		abort();
}

static FILE *open_memory(int *ret_fd)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	*ret_fd = dup(fd);
	return fdopen(fd, "re");
}

static void check(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	TACIT_CLEANUP(close_file_p) FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
	struct tacit_recording_writer *writer[TACIT_ARRAY_LEN(forms)];
	FILE *copy[TACIT_ARRAY_LEN(forms)];
	struct tacit_recording_where where = { 0 };
	int r, fd;

	if (!file)
		abort();
	r = tacit_recording_new(file, &recording, &where);
	if (r == 0) {
		for (size_t i = 0; i < TACIT_ARRAY_LEN(forms); i++) {
			copy[i] = open_memory(&fd);
			if (!copy[i] || tacit_recording_writer_new(fd, forms[i], &writer[i]) < 0)
				abort();
		}
		write_rows(recording, writer, &r, &where);
		for (size_t i = 0; i < TACIT_ARRAY_LEN(forms); i++) {
			tacit_recording_writer_free(writer[i]);
			compare(copy[i], file, tacit_recording_windows(recording));
			(void)fclose(copy[i]);
		}
	}
	if (r < 0 && where.why[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_AUTO_FREE uint8_t *mended = NULL;

	if (size == 0)
		return 0;
	check(data, size);
	if (data[0] != 'T')
		return 0;
	mended = (uint8_t *)tacit_memdup(data, size);
	if (!mended)
		abort();
	mend(mended, size);
	check(mended, size);
	return 0;
}
