/* SPDX-License-Identifier: MIT */
/* Recordings for tests: random windows, their bytes in either form, and what is read back. */
#ifndef TACIT_TESTS_RECORDINGS_H
#define TACIT_TESTS_RECORDINGS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <tacit/random.h>

#include "agent/recording.h"
#include "unit.h"

static inline void random_word(struct tacit_random *random, size_t min, size_t max, char *text)
{
	static const char letters[] = "abcXYZ019@._:-";
	size_t len = min + tacit_random_below(random, max - min + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = letters[tacit_random_below(random, sizeof(letters) - 1)];
	text[len] = '\0';
}

/* Anything that a recording may hold, by preference what is at the edge. */
static inline struct tacit_recording_row random_row(struct tacit_random *random)
{
	struct tacit_recording_row row = { 0 };
	struct tacit_window *window = &row.window;

	random_word(random, 1, tacit_random_below(random, 2) ? 1 : TACIT_RECORDING_WORD_MAX,
		    row.host);
	random_word(random, 0, TACIT_RECORDING_WORD_MAX, row.split);
	random_word(random, 0, 1, row.label);
	random_word(random, 1, tacit_random_below(random, 2) ? 1 : TACIT_SCOPE_NAME_MAX,
		    window->scope);
	random_word(random, 1, sizeof(window->class) - 1, window->class);
	window->end_ms = (int64_t)tacit_random_below(random, 253402300800000);
	if (tacit_random_below(random, 4) == 0)
		window->end_ms = tacit_random_below(random, 2) ? 253402300799999 : 0;
	window->length_ms = 1 + (uint32_t)tacit_random_below(random, TACIT_RECORDING_LENGTH_MS_MAX);
	window->duty_permille = 1 + (uint16_t)tacit_random_below(random, TACIT_DUTY_ALWAYS);
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		window->observed[i] = tacit_random_below(random, 4) > 0;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (window->observed[tacit_feature_get(i)->probe] && tacit_random_below(random, 2))
			window->count[i] =
				tacit_random_u64(random) >> tacit_random_below(random, 64);
	return row;
}

static inline bool same_row(const struct tacit_recording_row *a,
			    const struct tacit_recording_row *b)
{
	const struct tacit_window *x = &a->window, *y = &b->window;

	return strcmp(a->host, b->host) == 0 && strcmp(a->split, b->split) == 0 &&
	       strcmp(a->label, b->label) == 0 && strcmp(x->scope, y->scope) == 0 &&
	       strcmp(x->class, y->class) == 0 && x->end_ms == y->end_ms &&
	       x->length_ms == y->length_ms && x->duty_permille == y->duty_permille &&
	       memcmp(x->observed, y->observed, sizeof(x->observed)) == 0 &&
	       memcmp(x->count, y->count, sizeof(x->count)) == 0;
}

/* A writer into memory; *@ret_fd is the caller's, and good for recorded(). */
static inline struct tacit_recording_writer *memory_writer(enum tacit_recording_form form,
							   int *ret_fd)
{
	struct tacit_recording_writer *writer = NULL;
	int fd = memfd_create("recording", MFD_CLOEXEC);

	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	CU_ASSERT_FATAL(fd >= 0 && *ret_fd >= 0);
	CU_ASSERT_EQUAL_FATAL(tacit_recording_writer_new(fd, form, &writer), 0);
	return writer;
}

/* The file's bytes so far; tacit_free() them. */
static inline uint8_t *recorded(int fd, size_t *ret_len)
{
	off_t len = lseek(fd, 0, SEEK_END);
	uint8_t *data = (uint8_t *)tacit_calloc((size_t)len + 1, 1);

	CU_ASSERT_FATAL(data && pread(fd, data, (size_t)len, 0) == len);
	*ret_len = (size_t)len;
	return data;
}

/* What reading came to. */
struct outcome {
	int r; /* 0: the end, else the error */
	unsigned n;
	bool cut_off;
	struct tacit_recording_where where;
	struct tacit_recording_row last;
};

/* Reads @data to its end, and compares with the first of @rows as far as there are any. */
static inline struct outcome read_rows(const void *data, size_t len,
				       const struct tacit_recording_row *rows)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	struct outcome outcome = { 0 };
	FILE *file = len ? fmemopen((void *)(uintptr_t)data, len, "r") : fopen("/dev/null", "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	outcome.r = tacit_recording_new(file, &recording, &outcome.where);
	CU_ASSERT((outcome.r == 0) == (recording != NULL));
	while (recording &&
	       (outcome.r = tacit_recording_next(recording, &outcome.last, &outcome.where)) == 1) {
		if (rows)
			CU_ASSERT(same_row(&outcome.last, &rows[outcome.n]));
		outcome.n++;
		CU_ASSERT_EQUAL(tacit_recording_windows(recording), outcome.n);
	}
	outcome.cut_off = recording && tacit_recording_is_cut_off(recording);
	if (recording && outcome.r == 0) { /* the end is the end */
		CU_ASSERT_EQUAL(tacit_recording_next(recording, &outcome.last, NULL), 0);
		CU_ASSERT_EQUAL(tacit_recording_is_cut_off(recording), outcome.cut_off);
	}
	CU_ASSERT((outcome.r < 0) == (outcome.where.why[0] != '\0'));
	(void)fclose(file);
	return outcome;
}

#endif /* TACIT_TESTS_RECORDINGS_H */
