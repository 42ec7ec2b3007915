/* SPDX-License-Identifier: MIT */
#include <tacit/conf.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#define DROPINS_MAX 64U
#define QUOTED_MAX  40 /* bytes of the user's text repeated in a message */

/* A piece of the text, not terminated. */
struct span {
	const char *at;
	size_t len;
};

/* What one call of tacit_conf_parse() knows. */
struct parser {
	const struct tacit_conf_schema *schema;
	void *record;
	const char *file;
	unsigned line;
	unsigned *set_on; /* per key: the line that set it, or 0 */
	struct tacit_conf_where *where;
};

TACIT_PRINTF(4, 5)
static void explain(struct tacit_conf_where *where, const char *file, unsigned line,
		    const char *format, ...)
{
	va_list args;

	if (!where)
		return;
	(void)snprintf(where->file, sizeof(where->file), "%s", file);
	where->line = line;
	va_start(args, format);
	(void)vsnprintf(where->why, sizeof(where->why), format, args);
	va_end(args);
}

#define refuse(parser, ...)                                                                        \
	(explain((parser)->where, (parser)->file, (parser)->line, __VA_ARGS__), -EINVAL)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(struct span text)
{
	while (text.len > 0 && is_blank(text.at[text.len - 1]))
		text.len--;
	while (text.len > 0 && is_blank(text.at[0]))
		text.at++, text.len--;
	return text;
}

static bool consists_of(const char *text, const char *allowed)
{
	return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

/* The strto family also takes blanks, signs, hexadecimal, "inf" and "nan"; a file may not. */
static int set_uint(const struct tacit_conf_key *key, void *field, const char *text)
{
	unsigned long long value;

	if (!consists_of(text, "0123456789"))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno != 0 || value > UINT32_MAX || (double)value < key->min ||
	    (double)value > key->max)
		return -ERANGE;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

static int set_double(const struct tacit_conf_key *key, void *field, const char *text)
{
	double value;
	char *end;

	if (!consists_of(text, "0123456789.eE+-") || text[0] == '+')
		return -EINVAL;
	value = strtod(text, &end);
	if (*end != '\0')
		return -EINVAL;
	if (value < key->min || value > key->max)
		return -ERANGE;
	*(double *)field = value;
	return 0;
}

static int set_bool(void *field, const char *text)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0)
		return -EINVAL;
	*(bool *)field = yes;
	return 0;
}

static int set_string(const struct tacit_conf_key *key, void *field, const char *text)
{
	char **slot = (char **)field;
	char *copy;

	if ((double)strlen(text) > key->max)
		return -ERANGE;
	copy = tacit_strdup(text);
	if (!copy)
		return -ENOMEM;
	tacit_free(*slot);
	*slot = copy;
	return 0;
}

static int set_enum(const struct tacit_conf_key *key, void *field, const char *text)
{
	for (uint32_t i = 0; key->words[i]; i++)
		if (strcmp(key->words[i], text) == 0) {
			*(uint32_t *)field = i;
			return 0;
		}
	return -EINVAL;
}

/* 0, -EINVAL (not of its type), -ERANGE or -ENOMEM. */
static int set_value(const struct tacit_conf_key *key, void *record, const char *text)
{
	void *field = (char *)record + key->offset;

	switch (key->type) {
	case TACIT_CONF_UINT:
		return set_uint(key, field, text);
	case TACIT_CONF_DOUBLE:
		return set_double(key, field, text);
	case TACIT_CONF_BOOL:
		return set_bool(field, text);
	case TACIT_CONF_STRING:
		return set_string(key, field, text);
	case TACIT_CONF_ENUM:
		return set_enum(key, field, text);
	}
	return -EINVAL;
}

static void join_words(const char *const *words, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (; *words && at < size; words++) {
		int n = snprintf(text + at, size - at, at ? ", %s" : "%s", *words);

		at += n > 0 ? (size_t)n : 0;
	}
}

static int refuse_value(struct parser *parser, const struct tacit_conf_key *key, const char *text)
{
	char words[96];

	switch (key->type) {
	case TACIT_CONF_UINT:
		return refuse(parser, "%s: \"%.*s\" is not a whole number from %.0f to %.0f",
			      key->name, QUOTED_MAX, text, key->min, key->max);
	case TACIT_CONF_DOUBLE:
		return refuse(parser, "%s: \"%.*s\" is not a number from %g to %g", key->name,
			      QUOTED_MAX, text, key->min, key->max);
	case TACIT_CONF_BOOL:
		return refuse(parser, "%s: \"%.*s\" is neither yes nor no", key->name, QUOTED_MAX,
			      text);
	case TACIT_CONF_STRING:
		return refuse(parser, "%s: longer than %.0f bytes", key->name, key->max);
	case TACIT_CONF_ENUM:
		join_words(key->words, words, sizeof(words));
		return refuse(parser, "%s: \"%.*s\" is not one of %s", key->name, QUOTED_MAX, text,
			      words);
	}
	return -EINVAL;
}

static const struct tacit_conf_key *find_key(const struct tacit_conf_schema *schema,
					     struct span name)
{
	for (size_t i = 0; i < schema->n; i++) {
		const struct tacit_conf_key *key = &schema->key[i];

		if (strlen(key->name) == name.len && memcmp(key->name, name.at, name.len) == 0)
			return key;
	}
	return NULL;
}

static int parse_pair(struct parser *parser, struct span name, struct span value)
{
	const struct tacit_conf_key *key = find_key(parser->schema, name);
	char text[TACIT_CONF_VALUE_MAX + 1];
	unsigned *set_on;
	int r;

	if (!key)
		return refuse(parser, "unknown key \"%.*s\"",
			      (int)(name.len < QUOTED_MAX ? name.len : QUOTED_MAX), name.at);
	set_on = &parser->set_on[key - parser->schema->key];
	if (*set_on)
		return refuse(parser, "%s is set twice: here and on line %u", key->name, *set_on);
	*set_on = parser->line;
	if (value.len > TACIT_CONF_VALUE_MAX)
		return refuse(parser, "%s: longer than %u bytes", key->name, TACIT_CONF_VALUE_MAX);

	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	r = set_value(key, parser->record, text);
	if (r == -ENOMEM) {
		explain(parser->where, parser->file, parser->line, "out of memory");
		return r;
	}
	return r < 0 ? refuse_value(parser, key, text) : 0;
}

static int parse_line(struct parser *parser, struct span line)
{
	const char *equals;

	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
			return refuse(parser, "control character 0x%02x in column %zu",
				      (unsigned char)line.at[i], i + 1);
	line = trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return 0;
	equals = (const char *)memchr(line.at, '=', line.len);
	if (!equals)
		return refuse(parser, "expected \"key = value\"");
	return parse_pair(
		parser, trim((struct span){ line.at, (size_t)(equals - line.at) }),
		trim((struct span){ equals + 1, (size_t)(line.at + line.len - equals - 1) }));
}

static int parse_lines(struct parser *parser, struct span text)
{
	int r = 0;

	if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0) {
		parser->line = 1;
		return refuse(parser,
			      "begins with a byte order mark: save it as UTF-8 without one");
	}
	while (r == 0 && text.len > 0) {
		const char *newline = (const char *)memchr(text.at, '\n', text.len);
		size_t len = newline ? (size_t)(newline - text.at) : text.len;
		size_t step = newline ? len + 1 : len;

		parser->line++;
		r = parse_line(parser, (struct span){ text.at, len });
		text.at += step;
		text.len -= step;
	}
	return r;
}

int tacit_conf_parse(const struct tacit_conf_schema *schema, void *record, const char *file,
		     const char *text, size_t len, struct tacit_conf_where *where)
{
	TACIT_AUTO_FREE unsigned *set_on = TACIT_NEW_N(unsigned, schema->n);
	struct parser parser = { schema, record, file, 0, set_on, where };

	if (!set_on) {
		explain(where, file, 0, "out of memory");
		return -ENOMEM;
	}
	if (len > TACIT_CONF_BYTES_MAX) {
		explain(where, file, 0, "larger than %u bytes", TACIT_CONF_BYTES_MAX);
		return -E2BIG;
	}
	return parse_lines(&parser, (struct span){ text, len });
}

void tacit_conf_done(const struct tacit_conf_schema *schema, void *record)
{
	for (size_t i = 0; i < schema->n; i++) {
		char **slot = (char **)(void *)((char *)record + schema->key[i].offset);

		if (schema->key[i].type != TACIT_CONF_STRING)
			continue;
		tacit_free(*slot);
		*slot = NULL;
	}
}

int tacit_conf_init(const struct tacit_conf_schema *schema, void *record)
{
	int r = 0;

	memset(record, 0, schema->record_size);
	for (size_t i = 0; r == 0 && i < schema->n; i++)
		if (schema->key[i].fallback)
			r = set_value(&schema->key[i], record, schema->key[i].fallback);
	if (r < 0)
		tacit_conf_done(schema, record);
	return r;
}

/* Reads up to @size bytes; a file that fills them may go on. */
static int read_file(const char *path, char *text, size_t size, size_t *ret_len)
{
	TACIT_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && len < size);
	*ret_len = len;
	return 0;
}

static int load_file(const struct tacit_conf_schema *schema, void *record, const char *path,
		     int optional, struct tacit_conf_where *where)
{
	TACIT_AUTO_FREE char *text = (char *)tacit_calloc(TACIT_CONF_BYTES_MAX + 1, 1);
	size_t len = 0;
	int r = text ? read_file(path, text, TACIT_CONF_BYTES_MAX + 1, &len) : -ENOMEM;

	if (r == -ENOENT && optional)
		return 0;
	if (r < 0) {
		explain(where, path, 0, "%s", tacit_strerror(r));
		return r;
	}
	return tacit_conf_parse(schema, record, path, text, len, where);
}

struct dropins {
	char *name[DROPINS_MAX];
	size_t n;
};

static void dropins_done(struct dropins *dropins)
{
	for (size_t i = 0; i < dropins->n; i++)
		tacit_free(dropins->name[i]);
}

static void close_dir_p(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static bool is_dropin(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_dropins(const char *folder, struct dropins *ret)
{
	TACIT_CLEANUP(close_dir_p) DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!is_dropin(entry->d_name))
			continue;
		if (ret->n == DROPINS_MAX)
			return -E2BIG;
		ret->name[ret->n] = tacit_strdup(entry->d_name);
		if (!ret->name[ret->n])
			return -ENOMEM;
		ret->n++;
	}
	qsort(ret->name, ret->n, sizeof(ret->name[0]), by_name);
	return 0;
}

static char *join_path(const char *a, const char *b, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
	char *path = (char *)tacit_calloc(size, 1);

	if (path)
		(void)snprintf(path, size, "%s%s%s", a, b, c);
	return path;
}

static int load_dropins(const struct tacit_conf_schema *schema, void *record, const char *path,
			struct tacit_conf_where *where)
{
	TACIT_CLEANUP(dropins_done) struct dropins dropins = { 0 };
	TACIT_AUTO_FREE char *folder = join_path(path, ".d", "");
	int r = folder ? list_dropins(folder, &dropins) : -ENOMEM;

	if (r < 0)
		explain(where, folder ? folder : path, 0, "%s",
			r == -E2BIG ? "more than 64 drop-ins" : tacit_strerror(r));
	for (size_t i = 0; r == 0 && i < dropins.n; i++) {
		TACIT_AUTO_FREE char *file = join_path(folder, "/", dropins.name[i]);

		r = file ? load_file(schema, record, file, 0, where) : -ENOMEM;
		if (!file)
			explain(where, folder, 0, "%s", tacit_strerror(r));
	}
	return r;
}

int tacit_conf_load(const struct tacit_conf_schema *schema, void *record, const char *path,
		    int optional, struct tacit_conf_where *where)
{
	int r = tacit_conf_init(schema, record);

	if (r < 0) {
		explain(where, path, 0, "%s", tacit_strerror(r));
		return r;
	}
	r = load_file(schema, record, path, optional, where);
	if (r == 0)
		r = load_dropins(schema, record, path, where);
	if (r < 0)
		tacit_conf_done(schema, record);
	return r;
}
