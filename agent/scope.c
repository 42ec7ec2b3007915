/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tacit/cleanup.h>

#define CONTAINER_ID_LEN   64U /* hexadecimal digits */
#define CONTAINER_ID_SHOWN 12U
#define HASH_LEN           8U

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && memcmp(text + len - n, end, n) == 0;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* FNV-1a: names cut short stay apart. */
static uint32_t hash_of(const char *text, size_t len)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619U;
	return hash;
}

/* Copies @len bytes as [A-Za-z0-9@._:-], at most @max of them. */
static void put_word(char *out, size_t max, const char *text, size_t len)
{
	size_t n = len <= max ? len : max - HASH_LEN - 1;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		out[i] = (c < 0x80 && isalnum(c)) || strchr("@._:-", c) ? (char)c : '_';
	}
	out[n] = '\0';
	if (n < len)
		(void)snprintf(out + n, HASH_LEN + 2, "-%08x", hash_of(text, len));
}

/* Where a container's id begins in @part, or NULL. */
static const char *container_id(const char *part, size_t len)
{
	size_t digits = 0;

	for (size_t i = 0; i < len; i++) {
		digits = isxdigit((unsigned char)part[i]) ? digits + 1 : 0;
		if (digits == CONTAINER_ID_LEN)
			return part + i + 1 - CONTAINER_ID_LEN;
	}
	return NULL;
}

/* The word before a container's id: "docker-<id>.scope" is docker's, "/kubepods/.../<id>" is
 * named after the hierarchy's first folder. */
static void put_container(const char *path, const char *part, const char *id, char *name,
			  char *class)
{
	char word[TACIT_SCOPE_CLASS_MAX + 1];
	size_t len = (size_t)(id - part);

	while (len > 0 && strchr("-:.", part[len - 1]))
		len--;
	if (len == 0) {
		part = path;
		len = strcspn(path, "/");
		if (ends_with(part, len, ".slice"))
			len -= strlen(".slice");
	}
	if (len == 0 || len == CONTAINER_ID_LEN) {
		part = "container";
		len = strlen(part);
	}
	put_word(word, TACIT_SCOPE_CLASS_MAX, part, len);
	(void)strcpy(class, word);
	(void)snprintf(name, TACIT_SCOPE_NAME_MAX + 1, "%s-%.*s", word, (int)CONTAINER_ID_SHOWN,
		       id);
}

/* "getty@tty1.service" is one of "getty@.service". */
static void put_unit(const char *unit, size_t len, char *name, char *class)
{
	const char *at = (const char *)memchr(unit, '@', len);
	const char *dot = (const char *)memrchr(unit, '.', len);
	char template[TACIT_SCOPE_PATH_MAX];

	put_word(name, TACIT_SCOPE_NAME_MAX, unit, len);
	if (!at || !dot || dot < at) {
		put_word(class, TACIT_SCOPE_CLASS_MAX, unit, len);
		return;
	}
	(void)snprintf(template, sizeof(template), "%.*s%.*s", (int)(at - unit + 1), unit,
		       (int)(unit + len - dot), dot);
	put_word(class, TACIT_SCOPE_CLASS_MAX, template, strlen(template));
}

static bool is_service(const char *part, size_t len)
{
	return ends_with(part, len, ".service") ||
	       (ends_with(part, len, ".scope") && !starts_with(part, "session-") &&
		!starts_with(part, "init.scope"));
}

int tacit_scope_of_path(const char *path, char *name, char *class)
{
	const char *user = NULL, *unit = NULL, *last = NULL;
	size_t user_len = 0, unit_len = 0, last_len = 0;

	while (*path == '/')
		path++;
	for (const char *part = path; *part; part += strspn(part, "/")) {
		size_t len = strcspn(part, "/");
		const char *id = container_id(part, len);

		if (id) {
			put_container(path, part, id, name, class);
			return 0;
		}
		if (starts_with(part, "user-") && ends_with(part, len, ".slice")) {
			user = part;
			user_len = len;
		} else if (!unit && is_service(part, len)) {
			unit = part; /* the outermost: what a service makes below it is its own */
			unit_len = len;
		}
		last = part;
		last_len = len;
		part += len;
	}
	if (!last)
		return -ENOENT;

	if (user) {
		put_word(name, TACIT_SCOPE_NAME_MAX, user, user_len);
		(void)strcpy(class, "user.slice");
	} else if (unit) {
		put_unit(unit, unit_len, name, class);
	} else {
		put_unit(last, last_len, name, class);
	}
	if (strcmp(name, TACIT_SCOPE_HOST) == 0)
		(void)strcpy(name, "host.cgroup");
	return 0;
}

int tacit_scope_find_root(const char *mounts, char *path)
{
	FILE *file = setmntent(mounts, "re");
	struct mntent *entry;
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r == -ENOENT && (entry = getmntent(file))) {
		if (strcmp(entry->mnt_type, "cgroup2") != 0 ||
		    strlen(entry->mnt_dir) >= TACIT_SCOPE_PATH_MAX)
			continue;
		(void)strcpy(path, entry->mnt_dir);
		r = 0;
	}
	(void)endmntent(file);
	return r;
}

struct walk {
	const uint64_t *ids;
	size_t n;
	tacit_scope_fn *found;
	void *ctx;
	size_t left;
	char path[TACIT_SCOPE_PATH_MAX];
};

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void close_dir_p(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* @fd is consumed. A folder that vanishes meanwhile is nobody's fault. */
static void walk_below(struct walk *walk, int fd, size_t at, unsigned depth)
{
	TACIT_CLEANUP(close_dir_p) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		(void)close(fd);
		return;
	}
	while (walk->left > 0 && (entry = readdir(dir))) {
		uint64_t id = entry->d_ino;
		const uint64_t *hit;
		size_t len = strlen(entry->d_name);
		int sub;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    at + len + 2 > sizeof(walk->path))
			continue;
		(void)memcpy(walk->path + at, entry->d_name, len + 1);
		hit = (const uint64_t *)bsearch(&id, walk->ids, walk->n, sizeof(id), compare_ids);
		if (hit) {
			walk->left--;
			walk->found(walk->ctx, (size_t)(hit - walk->ids), walk->path);
		}
		if (depth == 0)
			continue;
		sub = openat(dirfd(dir), entry->d_name,
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub < 0)
			continue;
		walk->path[at + len] = '/';
		walk_below(walk, sub, at + len + 1, depth - 1);
	}
}

int tacit_scope_walk(int root_fd, const uint64_t *ids, size_t n, tacit_scope_fn *found, void *ctx)
{
	struct walk walk = { .ids = ids, .n = n, .found = found, .ctx = ctx, .left = n };
	int fd;

	if (n == 0)
		return 0;
	fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	walk_below(&walk, fd, 0, TACIT_SCOPE_DEPTH_MAX);
	return (int)(n - walk.left);
}

int tacit_scope_exists(int root_fd, const char *path, uint64_t id)
{
	struct stat st;

	return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && (uint64_t)st.st_ino == id;
}
