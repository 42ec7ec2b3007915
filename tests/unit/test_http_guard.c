/* SPDX-License-Identifier: MIT */
#include "aggregator/http_guard.h"

#include <string.h>

#include "unit.h"

struct sample {
	const char *text;
	size_t len;
	int status; /* 0: let through */
};

#define HEAD(text, status)                                                                         \
	{                                                                                          \
		(text), sizeof(text) - 1, (status)                                                 \
	}
#define GET  "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"

static const struct sample samples[] = {
	HEAD(GET HOST "\r\n", 0),
	HEAD("GET / HTTP/1.0\r\n\r\n", 0),
	HEAD(GET "Host:\r\n\r\n", 0),
	HEAD(GET "host: \t a \t\r\n\r\n", 0),
	HEAD(GET HOST "Accept: \xc3\xa9\ttext\r\n\r\n", 0),
	HEAD(GET HOST "Content-Length: 0\r\n\r\n", 0),
	HEAD(GET HOST "Content-Encoding: identity\r\n\r\n", 0),
	HEAD(GET HOST "Expect: 100-continue\r\n\r\n", 0),
	HEAD("PUT /v1/a-b_c~d.e/%41?x=1&y=2 HTTP/1.1\r\n" HOST
	     "Content-Length: 999999999999999\r\n\r\n",
	     0),
	/* request lines */
	HEAD("\r\n" GET HOST "\r\n", 400),
	HEAD(" GET / HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET /  HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
	HEAD("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET /\r\n" HOST "\r\n", 400),
	HEAD("GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET //a/b HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("GET /\0 HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("G\0T / HTTP/1.1\r\n" HOST "\r\n", 400),
	HEAD("PROPFIND / HTTP/1.1\r\n" HOST "\r\n", 501),
	HEAD("GET / HTTP/1.2\r\n" HOST "\r\n", 505),
	HEAD("GET / HTTP/2.0\r\n" HOST "\r\n", 505),
	HEAD("GET / http/1.1\r\n" HOST "\r\n", 505),
	HEAD("GET / HTTP/11\r\n" HOST "\r\n", 505),
	HEAD("GET / HTTP/1.10\r\n" HOST "\r\n", 400),
	HEAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
	HEAD("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 501),
	HEAD("get / HTTP/1.1\r\n" HOST "\r\n", 501),
	HEAD("T /p HTTP/1.1\r\n" HOST "\r\n", 501),
	HEAD("\x16\x03\x01\x02", 400),
	/* line ends */
	HEAD("GET / HTTP/1.1\n" HOST "\r\n", 400),
	HEAD("GET / HTTP/\n", 400),
	HEAD("GET /\n", 400),
	HEAD("GET\n", 400),
	HEAD(GET "Host\n", 400),
	HEAD(GET "Host: a\n\r\n", 400),
	HEAD(GET HOST "\n", 400),
	HEAD(GET HOST "\rX", 400),
	HEAD(GET "Host: a\rX: b\r\n\r\n", 400),
	HEAD(GET "Host: a\r\r\n\r\n", 400),
	/* fields */
	HEAD(GET "Host : a\r\n\r\n", 400),
	HEAD(GET "Host\t: a\r\n\r\n", 400),
	HEAD(GET " Host: a\r\n\r\n", 400),
	HEAD(GET HOST "X: a\r\n b\r\n\r\n", 400),
	HEAD(GET HOST "X: a\r\n\tb\r\n\r\n", 400),
	HEAD(GET HOST ": a\r\n\r\n", 400),
	HEAD(GET HOST "X\r\n\r\n", 400),
	HEAD(GET HOST "X(a): b\r\n\r\n", 400),
	HEAD(GET HOST "X\0: b\r\n\r\n", 400),
	HEAD(GET HOST "X: \0\r\n\r\n", 400),
	HEAD(GET HOST "X: a\0b\r\n\r\n", 400),
	HEAD(GET HOST "X: \x7f\r\n\r\n", 400),
	HEAD(GET HOST "X: \x1b[2J\r\n\r\n", 400),
	/* what frames a message */
	HEAD(GET "\r\n", 400),
	HEAD(GET HOST HOST "\r\n", 400),
	HEAD(GET HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: 1, 1\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: +5\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: -1\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: 0x10\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: 1 2\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: 5.0\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length:\r\n\r\n", 400),
	HEAD(GET HOST "Content-Length: 9999999999999999999999\r\n\r\n", 413),
	HEAD(GET HOST "Transfer-Encoding: chunked\r\n\r\n", 411),
	HEAD(GET HOST "transfer-encoding: identity\r\n\r\n", 411),
	HEAD(GET HOST "Transfer-Encoding: xchunked\r\n\r\n", 411),
	HEAD(GET HOST "Transfer-Encoding:\r\n\r\n", 411),
	HEAD(GET HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
	HEAD(GET HOST "Expect: the unexpected\r\n\r\n", 417),
	HEAD(GET HOST "Content-Encoding: gzip\r\n\r\n", 415),
	HEAD(GET HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", 400),
};

/* In pieces of @step bytes; 0 let through, else the status, -1 when it wants more. */
static int feed(struct tacit_http_guard *guard, const char *text, size_t len, size_t step,
		size_t *ret_used)
{
	tacit_http_guard_init(guard);
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step, used;
		int r = tacit_http_guard_feed(guard, (const uint8_t *)text + at, n, &used);

		*ret_used = at + used;
		if (r != 0)
			return r > 0 ? 0 : guard->status;
	}
	return -1;
}

/* The same in whatever pieces it comes. */
static void test_samples(void)
{
	static const size_t steps[] = { 1, 2, 3, 7, 16, 8192 };
	struct tacit_http_guard guard;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			size_t used = 0;
			int status = feed(&guard, samples[i].text, samples[i].len, steps[s], &used);

			CU_ASSERT_EQUAL(status, samples[i].status);
			if (status != samples[i].status)
				printf("# sample %zu, step %zu: %d\n", i, steps[s], status);
			if (status > 0)
				CU_ASSERT_PTR_NOT_NULL(guard.why);
			if (status == 0)
				CU_ASSERT_EQUAL(used, samples[i].len);
		}
}

static void test_head(void)
{
	static const char text[] = "PUT /v1/rounds/7/update?a=b HTTP/1.1\r\nHost: x\r\n"
				   "Content-Type: Application/JSON; charset=utf-8\r\n"
				   "Content-Length: 42\r\n\r\nbody";
	struct tacit_http_guard guard;
	size_t used = 0;

	CU_ASSERT_EQUAL(feed(&guard, text, sizeof(text) - 1, sizeof(text), &used), 0);
	CU_ASSERT_EQUAL(used, sizeof(text) - 1 - 4);
	CU_ASSERT_STRING_EQUAL(guard.head.method, "PUT");
	CU_ASSERT_STRING_EQUAL(guard.head.path, "/v1/rounds/7/update");
	CU_ASSERT_STRING_EQUAL(guard.head.type, "application/json");
	CU_ASSERT_EQUAL(guard.head.minor, 1);
	CU_ASSERT_TRUE(guard.head.has_length);
	CU_ASSERT_EQUAL(guard.head.length, 42);
}

/* No prefix of a good head is mistaken for one. */
static void test_prefixes(void)
{
	static const char text[] = GET HOST "Content-Length: 5\r\nX: y\r\n\r\n";
	struct tacit_http_guard guard;
	size_t used;

	tacit_http_guard_init(&guard);
	CU_ASSERT_FALSE(tacit_http_guard_has_begun(&guard));
	for (size_t len = 1; len < sizeof(text) - 1; len++)
		CU_ASSERT_EQUAL(feed(&guard, text, len, 5, &used), -1);
	CU_ASSERT_TRUE(tacit_http_guard_has_begun(&guard));
}

static int feed_repeated(const char *start, const char *piece, size_t n)
{
	struct tacit_http_guard guard;
	size_t used;

	tacit_http_guard_init(&guard);
	if (tacit_http_guard_feed(&guard, (const uint8_t *)start, strlen(start), &used) != 0)
		return guard.status;
	for (size_t i = 0; i < n; i++)
		if (tacit_http_guard_feed(&guard, (const uint8_t *)piece, strlen(piece), &used) !=
		    0)
			return guard.status;
	return -1;
}

static void test_limits(void)
{
	CU_ASSERT_EQUAL(feed_repeated("GET /", "a", TACIT_HTTP_PATH_MAX - 1), -1);
	CU_ASSERT_EQUAL(feed_repeated("GET /", "a", TACIT_HTTP_PATH_MAX), 414);
	CU_ASSERT_EQUAL(feed_repeated(GET, "X: y\r\n", TACIT_HTTP_FIELDS_MAX), -1);
	CU_ASSERT_EQUAL(feed_repeated(GET, "X: y\r\n", TACIT_HTTP_FIELDS_MAX + 1), 431);
	CU_ASSERT_EQUAL(feed_repeated(GET "X: ", "yyyyyyyy", TACIT_HTTP_HEAD_MAX / 8), 431);
	CU_ASSERT_EQUAL(feed_repeated(GET, "yyyyyyyy", TACIT_HTTP_HEAD_MAX / 8), 431);
	CU_ASSERT_EQUAL(feed_repeated(GET "Host: ", "a", TACIT_HTTP_VALUE_MAX), -1);
	CU_ASSERT_EQUAL(feed_repeated(GET "Host: ", "a", TACIT_HTTP_VALUE_MAX + 1), 431);
	CU_ASSERT_EQUAL(feed_repeated("", "A", 8), 501);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "good and hostile heads, in pieces", test_samples },
		{ "what a head says", test_head },
		{ "prefixes want more", test_prefixes },
		{ "limits", test_limits },
		{ NULL, NULL },
	};

	return unit_main("http_guard", cases);
}
