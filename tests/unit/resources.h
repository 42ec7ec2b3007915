/* SPDX-License-Identifier: MIT */
/* A server with a resource of every kind, for the tests of the HTTP server. */
#ifndef TACIT_TESTS_RESOURCES_H
#define TACIT_TESTS_RESOURCES_H

#include <jansson.h>

#include <tacit/mem.h>
#include <tacit/wire.h>

#include "https.h"

#define BODY_MAX   100000U
#define BIG	   (16U << 20)
#define TYPE_BYTES "application/octet-stream"
#define HOST	   "Host: 127.0.0.1\r\n"

/* What the handlers have seen and kept. */
struct seen {
	struct tacit_http_exchange *late[4];
	size_t n_late;
	char common_name[65], address[64], agent[65];
};

static void on_hello(void *ctx, struct tacit_http_exchange *exchange)
{
	struct seen *seen = (struct seen *)ctx;
	const X509 *peer = tacit_http_peer(exchange);
	const char *agent = tacit_http_header(exchange, "user-agent");

	if (peer)
		CU_ASSERT_EQUAL(
			tacit_cert_common_name(peer, seen->common_name, sizeof(seen->common_name)),
			0);
	(void)snprintf(seen->address, sizeof(seen->address), "%s",
		       tacit_http_peer_address(exchange));
	(void)snprintf(seen->agent, sizeof(seen->agent), "%s", agent ? agent : "");
	tacit_http_set_header(exchange, "ETag", "\"x\"");
	tacit_http_reply(exchange, 200, "text/plain", "hello\n", 6);
}

/* Answers with the sum of the bytes. */
static void on_body(void *ctx, struct tacit_http_exchange *exchange)
{
	size_t len;
	const uint8_t *body = (const uint8_t *)tacit_http_body(exchange, &len);
	unsigned sum = 0;
	char text[64];

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		sum += body[i];
	(void)snprintf(text, sizeof(text), "%zu %u", len, sum);
	tacit_http_reply(exchange, 201, "text/plain", text, strlen(text));
}

static void on_late(void *ctx, struct tacit_http_exchange *exchange)
{
	struct seen *seen = (struct seen *)ctx;

	if (seen->n_late < TACIT_ARRAY_LEN(seen->late))
		seen->late[seen->n_late++] = exchange;
}

static void on_path(void *ctx, struct tacit_http_exchange *exchange)
{
	(void)ctx;
	tacit_http_problem(exchange, 404, "no-model", "Not Found", "no %s",
			   tacit_http_path(exchange));
}

static void on_nothing(void *ctx, struct tacit_http_exchange *exchange)
{
	(void)ctx;
	tacit_http_reply(exchange, 204, NULL, NULL, 0);
}

static void on_big(void *ctx, struct tacit_http_exchange *exchange)
{
	TACIT_AUTO_FREE char *body = (char *)tacit_calloc(BIG, 1);

	(void)ctx;
	tacit_http_reply(exchange, 200, TYPE_BYTES, body, BIG);
}

static const struct tacit_http_route routes[] = {
	{ TACIT_HTTP_GET, "/hello", NULL, 0, false, on_hello },
	{ TACIT_HTTP_GET, "/open", NULL, 0, true, on_hello },
	{ TACIT_HTTP_GET, "/things/", NULL, 0, true, on_path },
	{ TACIT_HTTP_GET, "/things/first", NULL, 0, true, on_hello },
	{ TACIT_HTTP_PUT, "/things/", TYPE_BYTES, BODY_MAX, true, on_body },
	{ TACIT_HTTP_PUT, "/late", TYPE_BYTES, BODY_MAX, true, on_late },
	{ TACIT_HTTP_GET, "/nothing", NULL, 0, true, on_nothing },
	{ TACIT_HTTP_GET, "/big", NULL, 0, true, on_big },
	{ TACIT_HTTP_POST, "/big", TYPE_BYTES, BODY_MAX, true, on_body },
};

static inline void open_server(struct https *https, struct seen *seen,
			       const struct tacit_http_limits *limits, bool tls)
{
	struct tacit_http_params params = {
		.routes = routes,
		.n_routes = TACIT_ARRAY_LEN(routes),
		.ctx = seen,
	};

	memset(seen, 0, sizeof(*seen));
	if (limits)
		params.limits = *limits;
	https_open(https, &params, tls);
}

static inline bool is_problem(const struct https_client *client, int status)
{
	json_t *root = NULL;
	const char *body = strstr(client->got, "\r\n\r\n");
	bool ok;

	if (body)
		root = json_loads(body + 4, 0, NULL);
	ok = root && json_integer_value(json_object_get(root, "status")) == status &&
	     json_string_length(json_object_get(root, "title")) > 0 &&
	     strstr(client->got, "\r\nContent-Type: " TACIT_TYPE_PROBLEM "\r\n");
	json_decref(root);
	return ok;
}

/* One request on a connection of its own; 0 when the connection ends without an answer. */
static inline int ask_once(struct https *https, struct https_client *client, const char *request,
			   size_t len)
{
	int status;

	https_client_open(client, https);
	if (https->tls)
		CU_ASSERT_TRUE(https_client_handshake(client, NULL));
	https_client_send(client, request, len);
	status = https_client_answer(client);
	return status;
}

#define PUT(path, type, length)                                                                    \
	"PUT " path " HTTP/1.1\r\n" HOST "Content-Type: " type "\r\nContent-Length: " length       \
	"\r\n\r\n"

#endif /* TACIT_TESTS_RESOURCES_H */
