/* SPDX-License-Identifier: MIT */
#include <tacit/x509.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include <tacit/bytes.h>

#define TOKEN_PREFIX "tacit1."
#define URL_SCHEME   "https://"

void tacit_token_done(struct tacit_token *token)
{
	OPENSSL_cleanse(token, sizeof(*token));
}

void tacit_token_format(const struct tacit_token *token, char *text)
{
	char *at = stpcpy(text, TOKEN_PREFIX);

	tacit_base64url_encode(token->url, strlen(token->url), at);
	at = stpcpy(at + strlen(at), ".");
	tacit_base64url_encode(token->secret, sizeof(token->secret), at);
	at = stpcpy(at + strlen(at), ".");
	tacit_base64url_encode(token->pin, sizeof(token->pin), at);
}

_Static_assert(sizeof(TOKEN_PREFIX) + tacit_base64url_len(TACIT_TOKEN_URL_MAX) + 1 +
			       tacit_base64url_len(TACIT_TOKEN_SECRET_LEN) + 1 +
			       tacit_base64url_len(TACIT_FINGERPRINT_LEN) <=
		       TACIT_TOKEN_TEXT_MAX,
	       "a token must fit its buffer");

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* scheme://authority[/path]: nothing that a URL parser might read in two ways. */
static bool is_url(const char *url, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789.:/[]_~%-";
	const size_t scheme = sizeof(URL_SCHEME) - 1;

	return len > scheme && strlen(url) == len && strspn(url, allowed) == len &&
	       memcmp(url, URL_SCHEME, scheme) == 0 && !strchr(":/", url[scheme]) &&
	       url[len - 1] != '/';
}

/* The next part, up to a '.' or the end; moves on. Its length or -EINVAL. */
static int decode_part(const char **at, const char *end, void *data, size_t size)
{
	const char *dot = (const char *)memchr(*at, '.', (size_t)(end - *at));
	const char *stop = dot ? dot : end;
	int n = tacit_base64url_decode(*at, (size_t)(stop - *at), data, size);

	*at = dot ? dot + 1 : end;
	return n < 0 ? -EINVAL : n;
}

/* NULL, or what is wrong. */
static const char *decode(const char *at, const char *end, struct tacit_token *token)
{
	const size_t prefix = sizeof(TOKEN_PREFIX) - 1;
	size_t dots = 0;
	int n;

	if ((size_t)(end - at) < prefix || memcmp(at, TOKEN_PREFIX, prefix) != 0)
		return "not an enrolment token: it does not begin with \"" TOKEN_PREFIX "\"";
	for (const char *c = at; c < end; c++)
		dots += *c == '.';
	if (dots != 3)
		return "not an enrolment token: it does not have four parts";
	at += prefix;

	n = decode_part(&at, end, token->url, TACIT_TOKEN_URL_MAX);
	if (n < 0)
		return "the token's address is not base64url, or too long";
	token->url[n] = '\0';
	if (!is_url(token->url, (size_t)n))
		return "the token's address is not an https:// URL";
	if (decode_part(&at, end, token->secret, sizeof(token->secret)) !=
	    (int)sizeof(token->secret))
		return "the token's secret is not 32 bytes of base64url";
	if (decode_part(&at, end, token->pin, sizeof(token->pin)) != (int)sizeof(token->pin))
		return "the token's pin is not 32 bytes of base64url";
	return NULL;
}

int tacit_token_parse(const char *text, size_t len, struct tacit_token *ret, char *why, size_t size)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	const char *wrong;
	int r = TACIT_ESCHEMA;

	while (len > 0 && is_white(text[len - 1]))
		len--;
	while (len > 0 && is_white(text[0]))
		text++, len--;
	if (len >= TACIT_TOKEN_TEXT_MAX) {
		wrong = "too long for an enrolment token";
		r = -E2BIG;
	} else {
		wrong = decode(text, text + len, &token);
	}
	if (!wrong) {
		*ret = token;
		return 0;
	}
	if (why)
		(void)snprintf(why, size, "%s", wrong);
	return r;
}
