/* SPDX-License-Identifier: MIT */
#include "labels.h"

#include <stdbool.h>
#include <string.h>

#include <tacit/cleanup.h>

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= TACIT_LABEL_NAME_MAX && strspn(name, letters) == len;
}

static bool is_value(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (!text || len > TACIT_LABEL_VALUE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

int tacit_labels_check(json_t *labels)
{
	const char *name;
	json_t *value;

	if (!labels)
		return 0;
	if (!json_is_object(labels) || json_object_size(labels) > TACIT_LABELS_MAX)
		return TACIT_ESCHEMA;
	json_object_foreach(labels, name,
			    value) if (!is_name(name) || !is_value(value)) return TACIT_ESCHEMA;
	return 0;
}

static int overlay(json_t *all, json_t *under)
{
	const char *name;
	json_t *value;

	json_object_foreach(under, name, value)
	{
		if (json_object_get(all, name) || json_object_size(all) >= TACIT_LABELS_MAX)
			continue;
		if (json_object_set(all, name, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

char *tacit_labels_format(json_t *under, json_t *over)
{
	TACIT_CLEANUP(json_decrefp) json_t *all = json_object();
	TACIT_CLEANUP(tacit_free_p) char *text = NULL;
	size_t len;

	if (!all || overlay(all, over) < 0 || overlay(all, under) < 0)
		return NULL;
	len = json_dumpb(all, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
	text = (char *)tacit_calloc(len + 1, 1);
	if (!text || json_dumpb(all, text, len, JSON_COMPACT | JSON_SORT_KEYS) != len)
		return NULL;
	return TACIT_TAKE(text);
}

json_t *tacit_labels_parse(const char *text)
{
	json_t *labels = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(labels))
		return labels;
	json_decref(labels);
	return json_object();
}
