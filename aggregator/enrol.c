/* SPDX-License-Identifier: MIT */
#include "enrol.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>

#include "labels.h"

/* A body is flat; deeper nesting is not worth parsing. jansson itself stops at 2048 levels. */

TACIT_PRINTF(3, 4)
static int refuse(char *why, size_t size, const char *format, ...)
{
	va_list args;

	if (!why)
		return TACIT_ESCHEMA;
	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
	return TACIT_ESCHEMA;
}

static int load(const char *json, size_t len, json_t **ret, char *why, size_t size)
{
	TACIT_CLEANUP(json_decrefp) json_t *body = NULL;
	json_error_t error;

	if (len > TACIT_ENROL_BODY_MAX)
		return -E2BIG;
	body = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
	if (!body) {
		/* Where, but not what: jansson quotes the text, and that may be the secret. */
		(void)refuse(why, size, "not JSON at byte %d", error.position);
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
	}
	if (!json_is_object(body))
		return refuse(why, size, "not a JSON object");

	*ret = TACIT_TAKE(body);
	return 0;
}

static int only_known(json_t *body, const char *const *known, char *why, size_t size)
{
	const char *name;
	json_t *value;

	json_object_foreach(body, name, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], name) != 0)
			i++;
		if (!known[i])
			return refuse(why, size, "a member other than those known");
	}
	return 0;
}

static int read_csr(const json_t *body, char **ret, char *why, size_t size)
{
	const json_t *csr = json_object_get(body, "csr");
	size_t len = json_string_length(csr);
	char *copy;

	if (!json_is_string(csr) || len == 0 || len > TACIT_PEM_MAX)
		return refuse(why, size, "'csr' is not a PEM text");
	copy = tacit_strndup(json_string_value(csr), len);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int read_secret(const json_t *body, uint8_t secret[TACIT_TOKEN_SECRET_LEN], char *why,
		       size_t size)
{
	const json_t *member = json_object_get(body, "secret");
	const char *text = json_string_value(member);

	if (!text || tacit_base64url_decode(text, json_string_length(member), secret,
					    TACIT_TOKEN_SECRET_LEN) != TACIT_TOKEN_SECRET_LEN)
		return refuse(why, size, "'secret' is not %u bytes in base64url",
			      TACIT_TOKEN_SECRET_LEN);
	return 0;
}

static int read_labels(const json_t *body, json_t **ret, char *why, size_t size)
{
	json_t *labels = json_object_get(body, "labels");

	if (tacit_labels_check(labels) < 0)
		return refuse(why, size, "'labels' is not a small object of short strings");
	*ret = json_incref(labels);
	return 0;
}

int tacit_enrol_parse(const char *json, size_t len, struct tacit_enrol *ret, char *why, size_t size)
{
	static const char *const known[] = { "secret", "csr", "labels", NULL };
	TACIT_CLEANUP(json_decrefp) json_t *body = NULL;
	struct tacit_enrol enrol = { 0 };
	int r;

	r = load(json, len, &body, why, size);
	if (r == 0)
		r = only_known(body, known, why, size);
	if (r == 0)
		r = read_secret(body, enrol.secret, why, size);
	if (r == 0)
		r = read_csr(body, &enrol.csr, why, size);
	if (r == 0)
		r = read_labels(body, &enrol.labels, why, size);
	if (r < 0)
		tacit_enrol_done(&enrol);
	else
		*ret = enrol;
	return r;
}

int tacit_enrol_parse_renewal(const char *json, size_t len, char **ret_csr, char *why, size_t size)
{
	static const char *const known[] = { "csr", NULL };
	TACIT_CLEANUP(json_decrefp) json_t *body = NULL;
	int r;

	r = load(json, len, &body, why, size);
	if (r == 0)
		r = only_known(body, known, why, size);
	return r < 0 ? r : read_csr(body, ret_csr, why, size);
}

void tacit_enrol_done(struct tacit_enrol *enrol)
{
	OPENSSL_cleanse(enrol->secret, sizeof(enrol->secret));
	tacit_free(enrol->csr);
	json_decref(enrol->labels);
	*enrol = (struct tacit_enrol){ 0 };
}
