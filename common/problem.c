/* SPDX-License-Identifier: MIT */
#include <tacit/problem.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <tacit/cleanup.h>

#define PROBLEM_BYTES_MAX 65536U

TACIT_DEFINE_CLEANUP(json_t, json_decref)

/* Shortens @text by the beginning of a UTF-8 character that snprintf() cut in two. */
static void drop_cut_character(char *text)
{
	size_t len = strlen(text);
	size_t at = len;

	while (at > 0 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && ((unsigned char)text[at - 1] & 0x80)) {
		unsigned char lead = (unsigned char)text[at - 1];
		size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

		if (len - (at - 1) < want)
			text[at - 1] = '\0';
	}
}

char *tacit_problem_format(int status, const char *slug, const char *title, const char *format, ...)
{
	struct tacit_problem problem = { .status = status };
	TACIT_CLEANUP(json_decref_p) json_t *json = NULL;
	TACIT_AUTO_FREE char *text = NULL;
	va_list args;
	size_t len;

	(void)snprintf(problem.type, sizeof(problem.type), "%s%s",
		       slug ? "urn:tacit:problem:" : "about:blank", slug ? slug : "");
	va_start(args, format);
	(void)vsnprintf(problem.detail, sizeof(problem.detail), format, args);
	va_end(args);
	drop_cut_character(problem.detail);

	json = json_pack("{s:s, s:s, s:i}", "type", problem.type, "title", title, "status", status);
	/* A detail that is not UTF-8 is left out: the rest still helps. */
	if (json && problem.detail[0] != '\0')
		(void)json_object_set_new(json, "detail", json_string(problem.detail));
	len = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;
	text = len ? (char *)tacit_calloc(len + 1, 1) : NULL;
	return text && json_dumpb(json, text, len, JSON_COMPACT) == len ? TACIT_TAKE(text) : NULL;
}

static void copy_text(const json_t *object, const char *name, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(object, name));

	(void)snprintf(text, size, "%s", value ? value : "");
	drop_cut_character(text);
}

int tacit_problem_parse(const char *json, size_t len, struct tacit_problem *ret)
{
	TACIT_CLEANUP(json_decref_p) json_t *object = NULL;
	struct tacit_problem problem = { 0 };
	json_int_t status;

	if (len > PROBLEM_BYTES_MAX)
		return -EINVAL;
	object = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object))
		return -EINVAL;
	status = json_integer_value(json_object_get(object, "status"));
	if (status >= 400 && status <= 599)
		problem.status = (int)status;
	copy_text(object, "type", problem.type, sizeof(problem.type));
	copy_text(object, "title", problem.title, sizeof(problem.title));
	copy_text(object, "detail", problem.detail, sizeof(problem.detail));
	*ret = problem;
	return 0;
}
