/* SPDX-License-Identifier: MIT */
/*
 * conf - configuration files read into a plain record by a table. A line is
 * "key = value", blank, or a comment that begins with '#'; blanks around key and
 * value do not count, a '#' in a value does. A key is set at most once per file.
 *
 * FILE ("agent.conf") is read first, then the drop-ins FILE.d/NAME.conf
 * ("agent.conf.d/10-site.conf") in byte order of NAME; the last file wins.
 */
#ifndef TACIT_CONF_H
#define TACIT_CONF_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>

#define TACIT_CONF_BYTES_MAX 65536U
#define TACIT_CONF_VALUE_MAX 1024U

enum tacit_conf_type {
	TACIT_CONF_UINT,   /* uint32_t, min..max */
	TACIT_CONF_DOUBLE, /* double, min..max */
	TACIT_CONF_BOOL,   /* bool: yes, no */
	TACIT_CONF_STRING, /* char *, at most max bytes, owned by the record */
	TACIT_CONF_ENUM,   /* uint32_t, index into words */
};

/* One row per key; man pages are checked against this table. */
struct tacit_conf_key {
	const char *name; /* "privacy.max_epsilon" */
	enum tacit_conf_type type;
	size_t offset; /* into the record */
	double min, max;
	const char *fallback;     /* default, as text; NULL: no default, left zero */
	const char *const *words; /* TACIT_CONF_ENUM: NULL-terminated */
	const char *doc;          /* one line */
};

struct tacit_conf_schema {
	const struct tacit_conf_key *key;
	size_t n;
	size_t record_size;
};

/* Where and why a text was refused; written only on failure. */
struct tacit_conf_where {
	char file[256];
	unsigned line; /* 1-based; 0: the file as a whole */
	char why[160];
};

/* Zeroes @record and sets every default. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_conf_init(const struct tacit_conf_schema *schema, void *record);

/**
 * tacit_conf_parse - read text into a record made by tacit_conf_init().
 * @file: for messages.
 * @where: on failure, where it stopped. May be NULL.
 *
 * Returns 0, -E2BIG, -EINVAL (syntax, control character, byte order mark, unknown key, key set
 * twice, value out of range), -ENOMEM. After a failure @record has the lines before it. Does
 * not log.
 */
TACIT_MUST_CHECK int tacit_conf_parse(const struct tacit_conf_schema *schema, void *record,
				      const char *file, const char *text, size_t len,
				      struct tacit_conf_where *where);

/* init, then @path (a missing file is fine when @optional) and its drop-ins. Errors as parse, and
 * what open(2) and read(2) say. On failure @record is as done() leaves it. */
TACIT_MUST_CHECK int tacit_conf_load(const struct tacit_conf_schema *schema, void *record,
				     const char *path, int optional,
				     struct tacit_conf_where *where);

/* Frees the strings. */
void tacit_conf_done(const struct tacit_conf_schema *schema, void *record);

#endif /* TACIT_CONF_H */
