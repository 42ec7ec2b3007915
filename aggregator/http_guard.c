/* SPDX-License-Identifier: MIT */
#include "http_guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum state {
	STATE_METHOD,
	STATE_TARGET,
	STATE_VERSION,
	STATE_VERSION_LF,
	STATE_FIELD, /* first byte of a line */
	STATE_NAME,
	STATE_BEFORE_VALUE,
	STATE_VALUE,
	STATE_VALUE_LF,
	STATE_END_LF,
	STATE_DONE,
};

/* Fields that decide how a message is framed, or whether its body is wanted. */
enum field {
	FIELD_OTHER,
	FIELD_CONTENT_LENGTH,
	FIELD_CONTENT_TYPE,
	FIELD_CONTENT_ENCODING,
	FIELD_EXPECT,
	FIELD_HOST,
	FIELD_TRANSFER_ENCODING,
};

static const char *const field_names[] = {
	[FIELD_CONTENT_LENGTH] = "content-length",
	[FIELD_CONTENT_TYPE] = "content-type",
	[FIELD_CONTENT_ENCODING] = "content-encoding",
	[FIELD_EXPECT] = "expect",
	[FIELD_HOST] = "host",
	[FIELD_TRANSFER_ENCODING] = "transfer-encoding",
};

#define FIELD_COUNT (sizeof(field_names) / sizeof(field_names[0]))

static int refuse(struct tacit_http_guard *guard, int status, const char *why)
{
	guard->status = status;
	guard->why = why;
	return -EPROTO;
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* RFC 9110 section 5.6.2. */
static bool is_token(uint8_t c)
{
	return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* What evhttp's URI parser takes without second thoughts: pchar, '/' and '?' of RFC 3986. */
static bool is_target(uint8_t c)
{
	return is_alphanumeric(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@%/?", c));
}

static bool is_text(uint8_t c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

void tacit_http_guard_init(struct tacit_http_guard *guard)
{
	guard->head = (struct tacit_http_head){ 0 };
	guard->status = 0;
	guard->why = NULL;
	guard->state = STATE_METHOD;
	guard->fields = 0;
	guard->bytes = 0;
	guard->token_len = 0;
}

bool tacit_http_guard_has_begun(const struct tacit_http_guard *guard)
{
	return guard->bytes > 0;
}

static int take_byte(struct tacit_http_guard *guard, uint8_t c, size_t max, int status,
		     const char *why)
{
	if (guard->token_len >= max)
		return refuse(guard, status, why);
	guard->token[guard->token_len++] = (char)c;
	return 0;
}

/* The collected token as a string; the next one starts empty. */
static char *end_token(struct tacit_http_guard *guard)
{
	guard->token[guard->token_len] = '\0';
	guard->token_len = 0;
	return guard->token;
}

/* Those that are answered, or that deserve to hear what is allowed. */
static bool is_known_method(const char *method)
{
	static const char *const known[] = { "GET",    "HEAD",	"PUT",	   "POST",
					     "DELETE", "PATCH", "OPTIONS", "TRACE" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(method, known[i]) == 0)
			return true;
	return false;
}

static int on_method(struct tacit_http_guard *guard, uint8_t c)
{
	if (c == ' ' && guard->token_len > 0) {
		memcpy(guard->head.method, guard->token, guard->token_len);
		guard->head.method[guard->token_len] = '\0';
		guard->token_len = 0;
		guard->state = STATE_TARGET;
		return is_known_method(guard->head.method) ? 0
							   : refuse(guard, 501, "unknown method");
	}
	if (!is_token(c))
		return refuse(guard, 400, "the request line does not begin with a method");
	return take_byte(guard, c, sizeof(guard->head.method) - 1, 501, "unknown method");
}

static int on_target(struct tacit_http_guard *guard, uint8_t c)
{
	const char *target;
	size_t len;

	if (c != ' ') {
		if (!is_target(c))
			return refuse(guard, 400, "a character that may not be in a path");
		return take_byte(guard, c, TACIT_HTTP_PATH_MAX, 414, "the path is too long");
	}
	target = end_token(guard);
	if (target[0] != '/' || target[1] == '/')
		return refuse(guard, 400, "the request target is not a path");
	len = strcspn(target, "?");
	memcpy(guard->head.path, target, len);
	guard->head.path[len] = '\0';
	guard->state = STATE_VERSION;
	return 0;
}

static int on_version(struct tacit_http_guard *guard, uint8_t c)
{
	const char *version;

	if (c != '\r' && !is_target(c)) /* a line feed now would end the line for evhttp */
		return refuse(guard, 400, "no HTTP version");
	if (c != '\r')
		return take_byte(guard, c, strlen("HTTP/1.1"), 400, "no HTTP version");
	version = end_token(guard);
	if (strcmp(version, "HTTP/1.1") == 0)
		guard->head.minor = 1;
	else if (strcmp(version, "HTTP/1.0") != 0)
		return refuse(guard, 505, "only HTTP/1.1 is spoken here");
	guard->state = STATE_VERSION_LF;
	return 0;
}

static int on_line_feed(struct tacit_http_guard *guard, uint8_t c, enum state next)
{
	if (c != '\n')
		return refuse(guard, 400, "a carriage return without a line feed");
	guard->state = next;
	return 0;
}

static int on_name(struct tacit_http_guard *guard, uint8_t c)
{
	const char *name;

	if (c != ':') {
		if (!is_token(c))
			return refuse(guard, 400, "a character that may not be in a field name");
		if (guard->token_len <
		    TACIT_HTTP_VALUE_MAX) /* the tail of a longer one decides nothing */
			guard->token[guard->token_len++] = (char)c;
		return 0;
	}
	name = end_token(guard);
	guard->field = FIELD_OTHER;
	for (unsigned i = FIELD_OTHER + 1; i < FIELD_COUNT; i++)
		if (strcasecmp(name, field_names[i]) == 0)
			guard->field = i;
	guard->state = STATE_BEFORE_VALUE;
	return 0;
}

static int on_field(struct tacit_http_guard *guard, uint8_t c)
{
	if (c == '\r') {
		guard->state = STATE_END_LF;
		return 0;
	}
	if (c == ' ' || c == '\t')
		return refuse(guard, 400, "a folded header field");
	if (c == ':')
		return refuse(guard, 400, "a header field without a name");
	if (++guard->fields > TACIT_HTTP_FIELDS_MAX)
		return refuse(guard, 431, "too many header fields");
	guard->state = STATE_NAME;
	return on_name(guard, c);
}

/* Digits only, one field only, and a length that any integer can hold. */
static int on_content_length(struct tacit_http_guard *guard, const char *value)
{
	size_t len = strlen(value);

	if (guard->head.has_length)
		return refuse(guard, 400, "two Content-Length fields");
	if (len == 0 || strspn(value, "0123456789") != len)
		return refuse(guard, 400, "a Content-Length that is not a number");
	if (len > 15)
		return refuse(guard, 413, "the body is too large");
	guard->head.length = strtoull(value, NULL, 10);
	guard->head.has_length = true;
	return 0;
}

static int on_content_type(struct tacit_http_guard *guard, const char *value)
{
	size_t len = strcspn(value, "; \t");

	if (guard->head.has_type)
		return refuse(guard, 400, "two Content-Type fields");
	for (size_t i = 0; i < len; i++)
		guard->head.type[i] =
			(char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] | 0x20 : value[i]);
	guard->head.type[len] = '\0';
	guard->head.has_type = true;
	return 0;
}

static int on_known_field(struct tacit_http_guard *guard, const char *value)
{
	switch ((enum field)guard->field) {
	case FIELD_CONTENT_LENGTH:
		return on_content_length(guard, value);
	case FIELD_CONTENT_TYPE:
		return on_content_type(guard, value);
	case FIELD_CONTENT_ENCODING:
		return strcasecmp(value, "identity") == 0
			       ? 0
			       : refuse(guard, 415, "a Content-Encoding that is not spoken here");
	case FIELD_EXPECT:
		return strcasecmp(value, "100-continue") == 0
			       ? 0
			       : refuse(guard, 417, "an unknown expectation");
	case FIELD_HOST:
		if (guard->head.has_host)
			return refuse(guard, 400, "two Host fields");
		guard->head.has_host = true;
		return 0;
	case FIELD_TRANSFER_ENCODING:
		return refuse(guard, 411, "a Transfer-Encoding: say Content-Length instead");
	case FIELD_OTHER:
		break;
	}
	return 0;
}

static int on_value(struct tacit_http_guard *guard, uint8_t c)
{
	char *value;
	size_t len;

	if (guard->state == STATE_BEFORE_VALUE && (c == ' ' || c == '\t'))
		return 0;
	guard->state = STATE_VALUE;
	if (c != '\r') {
		if (!is_text(c))
			return refuse(guard, 400, "a control character in a header field");
		if (guard->field == FIELD_OTHER)
			return 0;
		return take_byte(guard, c, TACIT_HTTP_VALUE_MAX, 431, "a header field is too long");
	}
	guard->state = STATE_VALUE_LF;
	len = guard->token_len;
	value = end_token(guard);
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		value[--len] = '\0';
	return on_known_field(guard, value);
}

static int on_end(struct tacit_http_guard *guard, uint8_t c)
{
	int r = on_line_feed(guard, c, STATE_DONE);

	if (r == 0 && guard->head.minor >= 1 && !guard->head.has_host)
		r = refuse(guard, 400, "no Host field");
	return r;
}

static int on_byte(struct tacit_http_guard *guard, uint8_t c)
{
	if (++guard->bytes > TACIT_HTTP_HEAD_MAX)
		return refuse(guard, 431, "the header is too large");

	switch ((enum state)guard->state) {
	case STATE_METHOD:
		return on_method(guard, c);
	case STATE_TARGET:
		return on_target(guard, c);
	case STATE_VERSION:
		return on_version(guard, c);
	case STATE_VERSION_LF:
	case STATE_VALUE_LF:
		return on_line_feed(guard, c, STATE_FIELD);
	case STATE_FIELD:
		return on_field(guard, c);
	case STATE_NAME:
		return on_name(guard, c);
	case STATE_BEFORE_VALUE:
	case STATE_VALUE:
		return on_value(guard, c);
	case STATE_END_LF:
		return on_end(guard, c);
	case STATE_DONE:
		break;
	}
	return 0;
}

int tacit_http_guard_feed(struct tacit_http_guard *guard, const uint8_t *data, size_t len,
			  size_t *ret_used)
{
	for (size_t i = 0; i < len; i++) {
		int r = on_byte(guard, data[i]);

		if (r < 0) {
			*ret_used = i + 1;
			return r;
		}
		if (guard->state == STATE_DONE) {
			*ret_used = i + 1;
			return 1;
		}
	}
	*ret_used = len;
	return 0;
}
