/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tacit/cleanup.h>

#define CONTAINER_ID_MIN   32U /* hex digits from which on a word is a container's id */
#define CONTAINER_ID_SHORT 12U /* as container tools print them */
#define MOUNT_LINE_MAX	   4096U

/* One component of a path: borrowed, not NUL-terminated. */
struct word {
	const char *text;
	size_t len;
};

static struct word word_next(const char **path)
{
	struct word word;

	*path += strspn(*path, "/");
	word.text = *path;
	word.len = strcspn(*path, "/");
	*path += word.len;
	return word;
}

static bool has_suffix(struct word word, const char *suffix)
{
	size_t len = strlen(suffix);

	return word.len > len && memcmp(word.text + word.len - len, suffix, len) == 0;
}

static bool has_prefix(struct word word, const char *prefix)
{
	size_t len = strlen(prefix);

	return word.len > len && memcmp(word.text, prefix, len) == 0;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("@._:-", c));
}

static uint32_t fnv1a(struct word word)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < word.len; i++)
		hash = (hash ^ (uint8_t)word.text[i]) * 16777619U;
	return hash;
}

/* Copies @word to @to, @max + 1 bytes, in the alphabet of names. */
static void put(char *to, size_t max, struct word word)
{
	size_t len = word.len < max ? word.len : max;

	for (size_t i = 0; i < len; i++)
		to[i] = (char)(is_word_char(word.text[i]) ? word.text[i] : '_');
	to[len] = '\0';
	if (word.len > max)
		(void)snprintf(to + max - 9, 10, "-%08x", fnv1a(word));
}

static void put_text(char *to, size_t max, const char *text)
{
	put(to, max, (struct word){ text, strlen(text) });
}

/* What is in front of the id in "docker-ID.scope", "crio-ID" or "ID"; false: not a container. */
static bool is_container(struct word word, struct word *runtime, struct word *id)
{
	struct word rest = word;
	size_t digits = 0;

	if (has_suffix(rest, ".scope"))
		rest.len -= strlen(".scope");
	while (digits < rest.len && isxdigit((unsigned char)rest.text[rest.len - 1 - digits]))
		digits++;
	if (digits < CONTAINER_ID_MIN)
		return false;
	*id = (struct word){ rest.text + rest.len - digits, digits };
	*runtime = (struct word){ rest.text, rest.len - digits };
	if (runtime->len == 0)
		return true;
	runtime->len--;
	return runtime->len > 0 && runtime->text[runtime->len] == '-';
}

static void put_container(char *name, char *class, struct word runtime, struct word id)
{
	char prefix[TACIT_SCOPE_CLASS_MAX + 1];
	char whole[TACIT_SCOPE_CLASS_MAX + 1 + CONTAINER_ID_SHORT + 1];

	put(prefix, TACIT_SCOPE_CLASS_MAX, runtime);
	(void)snprintf(whole, sizeof(whole), "%s-%.*s", prefix, (int)CONTAINER_ID_SHORT, id.text);
	put_text(name, TACIT_SCOPE_NAME_MAX, whole);
	put_text(class, TACIT_SCOPE_CLASS_MAX, prefix);
}

/* foo@1.service -> foo@.service, run-r0123.scope -> run.scope, others as they are. */
static void put_class(char *class, struct word unit)
{
	const char *at = memchr(unit.text, '@', unit.len);
	const char *dot = memrchr(unit.text, '.', unit.len);
	int tail = dot ? (int)(unit.text + unit.len - dot) : 0;
	char text[NAME_MAX + 2];

	if (dot && at && at < dot)
		(void)snprintf(text, sizeof(text), "%.*s@%.*s", (int)(at - unit.text), unit.text,
			       tail, dot);
	else if (dot && has_prefix(unit, "run-"))
		(void)snprintf(text, sizeof(text), "run%.*s", tail, dot);
	else
		(void)snprintf(text, sizeof(text), "%.*s", (int)unit.len, unit.text);
	put_text(class, TACIT_SCOPE_CLASS_MAX, text);
}

static void put_service(char *name, char *class, struct word unit)
{
	put(name, TACIT_SCOPE_NAME_MAX, unit);
	put_class(class, unit);
	if (strcmp(name, TACIT_SCOPE_HOST) == 0) {
		put_text(name, TACIT_SCOPE_NAME_MAX, TACIT_SCOPE_HOST "_");
		put_text(class, TACIT_SCOPE_CLASS_MAX, name);
	}
}

static bool is_user_slice(struct word word)
{
	return has_prefix(word, "user-") && has_suffix(word, ".slice") &&
	       isdigit((unsigned char)word.text[strlen("user-")]);
}

/* The outermost container or user takes all below; else the innermost unit; else the last word. */
int tacit_scope_of_path(const char *path, char *name, char *class)
{
	struct word unit = { 0 }, last = { 0 }, top = { 0 }, word, runtime, id;

	for (word = word_next(&path); word.len > 0; word = word_next(&path)) {
		if (is_container(word, &runtime, &id)) {
			if (runtime.len == 0)
				runtime = top.len ? top : (struct word){ "container", 9 };
			put_container(name, class, runtime, id);
			return 0;
		}
		if (is_user_slice(word)) {
			put(name, TACIT_SCOPE_NAME_MAX, word);
			put_text(class, TACIT_SCOPE_CLASS_MAX, "user.slice");
			return 0;
		}
		if (has_suffix(word, ".service") || has_suffix(word, ".scope"))
			unit = word;
		if (top.len == 0)
			top = word;
		last = word;
	}
	if (last.len == 0)
		return -ENOENT;
	put_service(name, class, unit.len ? unit : last);
	return 0;
}

/* Undoes the \040 and friends of mount tables, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		*to = *text;
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		}
	}
	*to = '\0';
}

/* Whether a mount of @type with @options is the one looked for. */
typedef bool mount_fn(const char *type, const char *options);

static bool is_unified(const char *type, const char *options)
{
	(void)options;
	return strcmp(type, "cgroup2") == 0;
}

static bool is_pids(const char *type, const char *options)
{
	const char *at = strcmp(type, "cgroup") == 0 ? strstr(options, "pids") : NULL;
	size_t len = strlen("pids");

	return at && (at == options || at[-1] == ',') && (at[len] == '\0' || at[len] == ',');
}

static int find_mount(const char *mounts, mount_fn *is_it, char *path)
{
	char line[MOUNT_LINE_MAX];
	FILE *file = fopen(mounts, "re");
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), file)) {
		char *rest = line;
		char *where, *type, *options;

		(void)strsep(&rest, " ");
		where = strsep(&rest, " ");
		type = strsep(&rest, " ");
		options = strsep(&rest, " ");
		if (!options || !is_it(type, options))
			continue;
		unescape(where);
		if (strlen(where) >= TACIT_SCOPE_PATH_MAX)
			continue;
		memcpy(path, where, strlen(where) + 1);
		r = 0;
	}
	(void)fclose(file);
	return r;
}

int tacit_scope_find_root(const char *mounts, char *path)
{
	return find_mount(mounts, is_unified, path);
}

int tacit_scope_find_legacy_root(const char *mounts, char *path)
{
	return find_mount(mounts, is_pids, path);
}

/* One walk: where it is and what is left to find. */
struct walk {
	const uint64_t *ids;
	size_t n;
	size_t left;
	tacit_scope_fn *found;
	void *ctx;
	char path[TACIT_SCOPE_PATH_MAX];
};

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void look_at(struct walk *walk, int fd)
{
	const uint64_t *id;
	struct stat st;
	uint64_t inode;

	if (fstat(fd, &st) < 0)
		return;
	inode = st.st_ino;
	id = bsearch(&inode, walk->ids, walk->n, sizeof(*id), compare_ids);
	if (!id)
		return;
	walk->left--;
	walk->found(walk->ctx, (size_t)(id - walk->ids), walk->path);
}

/* Consumes @fd, the folder at the first @len bytes of the path. */
static int walk_below(struct walk *walk, int fd, size_t len, unsigned depth)
{
	struct dirent *entry;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	while (walk->left > 0 && (entry = readdir(dir))) {
		size_t name_len = strlen(entry->d_name);
		size_t next = len + (len > 0) + name_len;
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    next >= sizeof(walk->path) || depth >= TACIT_SCOPE_DEPTH_MAX)
			continue;
		child = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		if (len > 0)
			walk->path[len] = '/';
		memcpy(walk->path + next - name_len, entry->d_name, name_len + 1);
		look_at(walk, child);
		(void)walk_below(walk, child, next, depth + 1);
		walk->path[len] = '\0';
	}
	(void)closedir(dir);
	return 0;
}

int tacit_scope_walk(int root_fd, const uint64_t *ids, size_t n, tacit_scope_fn *found, void *ctx)
{
	struct walk walk = { .ids = ids, .n = n, .left = n, .found = found, .ctx = ctx };
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	look_at(&walk, fd);
	r = walk_below(&walk, fd, 0, 0);
	return r < 0 ? r : (int)(n - walk.left);
}

int tacit_scope_exists(int root_fd, const char *path, uint64_t id)
{
	struct stat st;

	return fstatat(root_fd, *path ? path : ".", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == id;
}
