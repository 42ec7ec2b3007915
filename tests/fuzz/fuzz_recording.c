/* SPDX-License-Identifier: MIT */
/* Recordings: whatever is read can be written, and then reads the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct tacit_recording_row *row)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	static char text[8 * TACIT_RECORDING_LINE_MAX];
	struct tacit_recording_row back = { 0 };
	FILE *file = fmemopen(text, sizeof(text), "w+");

	if (!file || tacit_recording_write_header(file) < 0 || tacit_recording_write(file, row) < 0)
		abort();
	rewind(file);
	if (tacit_recording_new(file, &recording, NULL) < 0 ||
	    tacit_recording_next(recording, &back, NULL) != 1 ||
	    memcmp(back.window.count, row->window.count, sizeof(back.window.count)) != 0 ||
	    memcmp(back.window.observed, row->window.observed, sizeof(back.window.observed)) != 0 ||
	    strcmp(back.window.scope, row->window.scope) != 0)
		abort();
	(void)fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	struct tacit_recording_where where = { 0 };
	struct tacit_recording_row row = { 0 };
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	int r;

	if (!file)
		return 0;
	r = tacit_recording_new(file, &recording, &where);
	while (r >= 0) {
		r = tacit_recording_next(recording, &row, &where);
		if (r != 1)
			break;
		check_round_trip(&row);
	}
	if (r < 0 && (where.line == 0 || where.why[0] == '\0'))
		abort();
	(void)fclose(file);
	return 0;
}
