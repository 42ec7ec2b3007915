/* SPDX-License-Identifier: MIT */
/* A temporary folder that is gone when its block is left. */
#ifndef TACIT_TESTS_PLACE_H
#define TACIT_TESTS_PLACE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tacit/cleanup.h>

struct place {
	char folder[48];
	char file[512];
};

static inline struct place place_new(void)
{
	struct place place = { .folder = "/tmp/tacit-test-XXXXXX" };

	if (!mkdtemp(place.folder))
		abort();
	return place;
}

/* Path of @name in the folder; good until the next call. */
static inline const char *place_file(struct place *place, const char *name)
{
	(void)snprintf(place->file, sizeof(place->file), "%s/%s", place->folder, name);
	return place->file;
}

/* Writes a file and gives its path, as place_file(). */
static inline const char *place_write(struct place *place, const char *name, const void *data,
				      size_t len)
{
	const char *path = place_file(place, name);
	FILE *f = fopen(path, "wbe");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		abort();
	return path;
}

static inline int place_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void place_done(struct place *place)
{
	(void)nftw(place->folder, place_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#define PLACE(name) TACIT_CLEANUP(place_done) struct place name = place_new()

#endif /* TACIT_TESTS_PLACE_H */
