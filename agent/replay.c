/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <stdio.h>
#include <string.h>

struct tacit_replay {
	struct tacit_window *window;
	size_t windows, capacity;
	size_t *step; /* index of each step's first window; one more at the end */
	size_t steps;
	bool cut_off;
};

static void close_file_p(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static int append(struct tacit_replay *replay, const struct tacit_window *window)
{
	if (replay->windows == TACIT_REPLAY_WINDOWS_MAX)
		return -E2BIG;
	if (replay->windows == replay->capacity) {
		size_t capacity = replay->capacity ? 2 * replay->capacity : 256;
		void *grown = tacit_realloc(replay->window, capacity, sizeof(*replay->window));

		if (!grown)
			return -ENOMEM;
		replay->window = (struct tacit_window *)grown;
		replay->capacity = capacity;
	}
	replay->window[replay->windows++] = *window;
	return 0;
}

static int read_all(struct tacit_replay *replay, FILE *file, struct tacit_recording_where *where)
{
	TACIT_CLEANUP(tacit_recording_free_p) struct tacit_recording *recording = NULL;
	struct tacit_recording_row row;
	int r = tacit_recording_new(file, &recording, where);

	if (r < 0)
		return r;
	while ((r = tacit_recording_next(recording, &row, where)) > 0) {
		r = append(replay, &row.window);
		if (r < 0)
			return r;
	}
	replay->cut_off = tacit_recording_is_cut_off(recording);
	return r;
}

/* Windows that end together are one step. */
static int find_steps(struct tacit_replay *replay)
{
	replay->step = TACIT_NEW_N(size_t, replay->windows + 1);
	if (!replay->step)
		return -ENOMEM;
	for (size_t i = 0; i < replay->windows; i++)
		if (i == 0 || replay->window[i].end_ms != replay->window[i - 1].end_ms)
			replay->step[replay->steps++] = i;
	replay->step[replay->steps] = replay->windows;
	return replay->steps > 0 ? 0 : TACIT_ESCHEMA;
}

int tacit_replay_load(const char *path, struct tacit_replay **ret,
		      struct tacit_recording_where *where)
{
	TACIT_CLEANUP(tacit_replay_free_p) struct tacit_replay *replay = TACIT_NEW(struct tacit_replay);
	TACIT_CLEANUP(close_file_p) FILE *file = fopen(path, "re");
	int r;

	if (!replay)
		return -ENOMEM;
	if (!file)
		return -errno;
	r = read_all(replay, file, where);
	if (r == 0)
		r = find_steps(replay);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(replay);
	return 0;
}

size_t tacit_replay_steps(const struct tacit_replay *replay)
{
	return replay->steps;
}

size_t tacit_replay_windows(const struct tacit_replay *replay)
{
	return replay->windows;
}

bool tacit_replay_is_cut_off(const struct tacit_replay *replay)
{
	return replay->cut_off;
}

const struct tacit_window *tacit_replay_step(const struct tacit_replay *replay, size_t i,
					     size_t *ret_n)
{
	i %= replay->steps;
	*ret_n = replay->step[i + 1] - replay->step[i];
	return &replay->window[replay->step[i]];
}

void tacit_replay_free(struct tacit_replay *replay)
{
	if (!replay)
		return;
	tacit_free(replay->window);
	tacit_free(replay->step);
	tacit_free(replay);
}
