/* SPDX-License-Identifier: MIT */
#include "aggregator/http.h"

#include <netinet/tcp.h>

#include <jansson.h>

#include <tacit/mem.h>
#include <tacit/wire.h>

#include "https.h"
#include "unit.h"

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

static void open_server(struct https *https, struct seen *seen,
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

static bool is_problem(const struct https_client *client, int status)
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

static void test_get(void)
{
	struct https https;
	struct https_client client;
	struct https_identity who;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	who = https_issue(&https.ca, TACIT_CERT_HOST, "0123456789abcdef", 3600);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, &who));
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(https_client_ask(&client, "GET /hello?q=1 HTTP/1.1\r\n" HOST
							  "User-Agent: me\r\n\r\n"),
				200);
		CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "\r\nETag: \"x\"\r\n"));
		CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "\r\nContent-Type: text/plain\r\n"));
		CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "\r\n\r\nhello\n"));
		CU_ASSERT_PTR_NULL(strstr(client.got, "Connection:"));
	}
	CU_ASSERT_STRING_EQUAL(seen.common_name, "0123456789abcdef");
	CU_ASSERT_STRING_EQUAL(seen.address, "127.0.0.1");
	CU_ASSERT_STRING_EQUAL(seen.agent, "me");
	CU_ASSERT_EQUAL(https_counters(&https).connections_total, 1);
	CU_ASSERT_EQUAL(https_counters(&https).requests, 3);
	CU_ASSERT_EQUAL(https_counters(&https).status[2], 3);
	CU_ASSERT_EQUAL(https_client_ask(&client, "HEAD /hello HTTP/1.1\r\n" HOST
						  "Connection: close\r\n\r\n"),
			200);
	https_client_await_end(&client);
	CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "\r\nContent-Length: 6\r\n"));
	CU_ASSERT_EQUAL(https_answer_len(&client, true), client.len);
	https_client_close(&client);
	https_forget(&who);
	https_close(&https);
}

static void count_records(int write, int version, int type, const void *data, size_t len, SSL *ssl,
			  void *arg)
{
	(void)version;
	(void)data;
	(void)len;
	(void)ssl;
	if (!write && type == SSL3_RT_HEADER)
		++*(unsigned *)arg;
}

static void test_one_record(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;
	unsigned records = 0;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	SSL_set_msg_callback(client.ssl, count_records);
	SSL_set_msg_callback_arg(client.ssl, &records);
	CU_ASSERT_EQUAL(https_client_ask(&client, "GET /open HTTP/1.1\r\n" HOST "\r\n"), 200);
	CU_ASSERT_EQUAL(records, 1);
	https_client_close(&client);
	https_close(&https);
}

/* The server's end of a connection is one of our own descriptors. */
static int other_end(int fd)
{
	struct sockaddr_in mine, peer;
	socklen_t len = sizeof(mine);

	(void)getsockname(fd, (struct sockaddr *)&mine, &len);
	for (int i = 3; i < 256; i++) {
		len = sizeof(peer);
		if (i != fd && getpeername(i, (struct sockaddr *)&peer, &len) == 0 &&
		    len == sizeof(peer) && peer.sin_family == AF_INET &&
		    peer.sin_port == mine.sin_port)
			return i;
	}
	return -1;
}

static void test_no_delay(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;
	socklen_t len = sizeof(int);
	int on = 0;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	CU_ASSERT_EQUAL(getsockopt(other_end(client.fd), IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	CU_ASSERT_NOT_EQUAL(on, 0);
	https_client_close(&client);
	https_close(&https);
}

/* The body comes in whatever pieces; small ones, so that every boundary is met. */
static void test_put(void)
{
	static const size_t sizes[] = { 0, 1, 40000, BODY_MAX };
	struct https https;
	struct https_client client;
	struct seen seen;
	char head[160], expected[64];
	TACIT_AUTO_FREE char *body = (char *)tacit_calloc(BODY_MAX, 1);

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	memset(body, 1, BODY_MAX);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(sizes); i++) {
		int n = snprintf(head, sizeof(head),
				 "PUT /things/7 HTTP/1.1\r\n" HOST "Content-Type: " TYPE_BYTES
				 "\r\nContent-Length: %zu\r\n\r\n",
				 sizes[i]);

		https_client_next(&client);
		https_client_send(&client, head, (size_t)n / 2);
		https_client_send(&client, head + n / 2, (size_t)(n - n / 2));
		for (size_t at = 0; at < sizes[i]; at += 777)
			https_client_send(&client, body + at,
					  sizes[i] - at < 777 ? sizes[i] - at : 777);
		CU_ASSERT_EQUAL(https_client_answer(&client), 201);
		(void)snprintf(expected, sizeof(expected), "\r\n\r\n%zu %zu", sizes[i], sizes[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(client.got, expected));
	}
	CU_ASSERT_EQUAL(https_client_ask(&client,
					 "PUT /things/7 HTTP/1.1\r\n" HOST
					 "Content-Type: " TYPE_BYTES "\r\nContent-Length: 4\r\n"
					 "Expect: 100-continue\r\n\r\n"),
			100);
	CU_ASSERT_EQUAL(https_client_ask(&client, "\1\1\1\1"), 201);
	CU_ASSERT_EQUAL(https_counters(&https).connections_total, 1);
	https_client_close(&client);
	https_close(&https);
}

static void test_no_content(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	CU_ASSERT_EQUAL(https_client_ask(&client, "GET /nothing HTTP/1.1\r\n" HOST "\r\n"), 204);
	CU_ASSERT_PTR_NULL(strstr(client.got, "Content-Length"));
	CU_ASSERT_EQUAL(https_client_ask(&client, "GET /nothing HTTP/1.0\r\n\r\n"), 204);
	https_client_await_end(&client);
	https_client_close(&client);
	https_close(&https);
}

/* One request on a connection of its own; 0 when the connection ends without an answer. */
static int ask_once(struct https *https, struct https_client *client, const char *request,
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

/* Refused before a body was sent, by a problem document, and the connection ends. */
static void test_refusals(void)
{
	static const struct {
		int status;
		const char *request, *header;
	} table[] = {
		{ 404, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", NULL },
		{ 404, "GET /hell HTTP/1.1\r\n" HOST "\r\n", NULL },
		{ 404, "GET /hello/ HTTP/1.1\r\n" HOST "\r\n", NULL },
		{ 404, "GET /things HTTP/1.1\r\n" HOST "\r\n", NULL },
		{ 404, PUT("/nowhere", TYPE_BYTES, "1000000"), NULL },
		{ 405, PUT("/hello", TYPE_BYTES, "4"), "Allow: GET, HEAD" },
		{ 405, "DELETE /things/1 HTTP/1.1\r\n" HOST "\r\n", "Allow: GET, HEAD, PUT" },
		{ 405, "PUT /big HTTP/1.1\r\n" HOST "\r\n", "Allow: GET, HEAD, POST" },
		{ 405, "GET /late HTTP/1.1\r\n" HOST "\r\n", "Allow: PUT" },
		{ 403, "GET /hello HTTP/1.1\r\n" HOST "\r\n", NULL },
		{ 415, PUT("/things/1", "text/plain", "4"), NULL },
		{ 415, "PUT /things/1 HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n", NULL },
		{ 411, "PUT /things/1 HTTP/1.1\r\n" HOST "Content-Type: " TYPE_BYTES "\r\n\r\n",
		  NULL },
		{ 411,
		  "PUT /things/1 HTTP/1.1\r\n" HOST "Content-Type: " TYPE_BYTES
		  "\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		  NULL },
		{ 413, PUT("/things/1", TYPE_BYTES, "100001"), NULL },
		{ 413, PUT("/things/1", TYPE_BYTES, "99999999999999999999"), NULL },
		{ 400, PUT("/things/1", TYPE_BYTES, "+5"), NULL },
		{ 400, PUT("/things/1", TYPE_BYTES, "4\r\nContent-Length: 5"), NULL },
		{ 400, "GET /open HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", NULL },
		{ 400, "GET /open HTTP/1.1\r\n" HOST "X : y\r\n\r\n", NULL },
		{ 400, "GET /open HTTP/1.1\nHost: x\n\n", NULL },
		{ 400, "hello?\r\n", NULL },
		{ 417, "GET /open HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n", NULL },
		{ 501, "BREWCOFFEE /open HTTP/1.1\r\n" HOST "\r\n", NULL },
		{ 505, "GET /open HTTP/2.0\r\n" HOST "\r\n", NULL },
	};
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++) {
		int status = ask_once(&https, &client, table[i].request, strlen(table[i].request));

		CU_ASSERT_EQUAL(status, table[i].status);
		CU_ASSERT_TRUE(is_problem(&client, table[i].status));
		CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "\r\nConnection: close\r\n"));
		if (table[i].header)
			CU_ASSERT_PTR_NOT_NULL(strstr(client.got, table[i].header));
		if (status != table[i].status)
			printf("# %zu: %d %s\n", i, status, client.got);
		https_client_await_end(&client);
		https_client_close(&client);
	}
	CU_ASSERT_EQUAL(https_counters(&https).refused, TACIT_ARRAY_LEN(table));
	HTTPS_UNTIL(&https, https_counters(&https).connections_open == 0);
	https_close(&https);
}

static void test_nul_bytes(void)
{
	static const char nul[] = "GET /open HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	CU_ASSERT_EQUAL(ask_once(&https, &client, nul, sizeof(nul) - 1), 400);
	CU_ASSERT_TRUE(is_problem(&client, 400));
	https_client_close(&client);
	https_close(&https);
}

static void test_head_limits(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	https_client_send(&client, "GET /open HTTP/1.1\r\n", 20);
	for (int i = 0; i < 1000; i++)
		https_client_send(&client, "X: yyyyyyyyyyy\r\n", 16);
	CU_ASSERT_EQUAL(https_client_answer(&client), 431);
	CU_ASSERT_TRUE(is_problem(&client, 431));
	https_client_close(&client);
	https_close(&https);
}

/* A client that goes on sending what was refused can still read why. */
static void test_refusal_is_read(void)
{
	static const char head[] = PUT("/things/1", TYPE_BYTES, "700000");
	static const char junk[10000];
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	https_client_send(&client, head, sizeof(head) - 1);
	for (int i = 0; i < 70; i++)
		https_client_send(&client, junk, sizeof(junk));
	CU_ASSERT_EQUAL(https_client_answer(&client), 413);
	CU_ASSERT_TRUE(is_problem(&client, 413));
	https_client_close(&client);
	https_close(&https);
}

static void test_handler_problem(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	CU_ASSERT_EQUAL(https_client_ask(&client, "GET /things/9 HTTP/1.1\r\n" HOST "\r\n"), 404);
	CU_ASSERT_TRUE(is_problem(&client, 404));
	CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "no /things/9"));
	CU_ASSERT_EQUAL(https_client_ask(&client, "GET /things/first HTTP/1.1\r\n" HOST "\r\n"),
			200);
	CU_ASSERT_EQUAL(https_counters(&https).connections_total, 1);
	https_client_close(&client);
	https_close(&https);
}

/* Requests before the answer: the first is answered, then the connection ends. */
static void test_pipelining(void)
{
	static const char two[] =
		"GET /open HTTP/1.1\r\n" HOST "\r\nGET /open HTTP/1.1\r\n" HOST "\r\n";
	static const char one[] = "GET /open HTTP/1.1\r\n" HOST "\r\n";
	static const char late[] = PUT("/late", TYPE_BYTES, "4") "body";
	struct https https;
	struct https_client client;
	struct seen seen;

	for (int tls = 0; tls < 2; tls++) {
		open_server(&https, &seen, NULL, tls);
		CU_ASSERT_EQUAL(ask_once(&https, &client, two, sizeof(two) - 1), 200);
		https_client_await_end(&client);
		CU_ASSERT_EQUAL(https_answer_len(&client, false), client.len);
		https_client_close(&client);

		https_client_open(&client, &https);
		if (tls)
			CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
		https_client_send(&client, late, sizeof(late) - 1);
		HTTPS_UNTIL(&https, seen.n_late == 1);
		for (int i = 0; i < 100; i++)
			https_client_send(&client, one, sizeof(one) - 1);
		tacit_http_reply(seen.late[0], 201, NULL, NULL, 0);
		CU_ASSERT_EQUAL(https_client_answer(&client), 201);
		https_client_await_end(&client);
		https_client_close(&client);
		HTTPS_UNTIL(&https, https_counters(&https).connections_open == 0);
		https_close(&https);
	}
}

static void open_late(struct https *https, struct seen *seen, struct https_client *client)
{
	static const char request[] = PUT("/late", TYPE_BYTES, "4") "body";
	size_t n = seen->n_late;

	https_client_open(client, https);
	CU_ASSERT_TRUE(https_client_handshake(client, NULL));
	https_client_send(client, request, sizeof(request) - 1);
	HTTPS_UNTIL(https, seen->n_late == n + 1);
}

static void expect_body(struct tacit_http_exchange *exchange)
{
	size_t len = 0;
	const void *body = tacit_http_body(exchange, &len);

	CU_ASSERT_EQUAL(len, 4);
	CU_ASSERT_EQUAL(memcmp(body, "body", 4), 0);
	CU_ASSERT_STRING_EQUAL(tacit_http_path(exchange), "/late");
	CU_ASSERT_STRING_EQUAL(tacit_http_header(exchange, "Host"), "127.0.0.1");
}

static void test_late_answer(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	open_late(&https, &seen, &client);
	expect_body(seen.late[0]);
	tacit_http_reply(seen.late[0], 201, "text/plain", "ok", 2);
	CU_ASSERT_EQUAL(https_client_answer(&client), 201);
	CU_ASSERT_EQUAL(https_client_ask(&client, "GET /open HTTP/1.1\r\n" HOST "\r\n"), 200);
	https_client_close(&client);
	https_close(&https);
}

/* The client leaves; that is noticed; what was borrowed stays; the answer goes nowhere. */
static void test_client_leaves(void)
{
	struct https https;
	struct https_client client[2];
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	open_late(&https, &seen, &client[0]);
	open_late(&https, &seen, &client[1]);
	https_client_close(&client[0]);
	tacit_http_problem(seen.late[0], 503, "busy", "Busy", "too late, in any case");
	https_client_close(&client[1]);
	HTTPS_UNTIL(&https, https_counters(&https).connections_open == 0);
	expect_body(seen.late[1]);
	CU_ASSERT_PTR_NULL(tacit_http_peer(seen.late[1]));
	CU_ASSERT_STRING_EQUAL(tacit_http_peer_address(seen.late[1]), "127.0.0.1");
	tacit_http_set_header(seen.late[1], "X", "y");
	tacit_http_reply(seen.late[1], 201, "text/plain", "ok", 2);
	https_close(&https);
}

/* Clients that leave anywhere else: within the handshake, a head, a body, an answer. */
static void test_client_leaves_anywhere(void)
{
	static const char request[] = PUT("/things/1", TYPE_BYTES, "1000");
	static const char big[] = "GET /big HTTP/1.1\r\n" HOST "\r\n";
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	for (size_t len = 0; len < sizeof(request); len += 8) {
		https_client_open(&client, &https);
		CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
		https_client_send(&client, request, len);
		https_client_close(&client);
	}
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	https_client_send(&client, big, sizeof(big) - 1);
	https_client_receive(&client);
	https_client_close(&client);
	HTTPS_UNTIL(&https, https_counters(&https).connections_open == 0);
	https_close(&https);
}

static void test_free_while_pending(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	open_late(&https, &seen, &client);
	https_close(&https);
	expect_body(seen.late[0]);
	tacit_http_reply(seen.late[0], 201, "text/plain", "ok", 2);
	SSL_free(client.ssl);
	client.ssl = NULL;
	https_client_close(&client);
}

static const struct tacit_http_limits impatient = {
	.handshake_ms = 100,
	.request_ms = 100,
	.idle_ms = 100,
	.answer_ms = 100,
	.min_bytes_per_sec = 1000000000,
};

/* Sends @drip again and again; the connection ends all the same. */
static void expect_end(struct https *https, struct https_client *client, const char *drip)
{
	uint64_t timeouts = https_counters(https).timeouts;
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;

	while (!client->closed && tacit_clock_boot_ms() < until_ms) {
		if (*drip && client->ssl)
			(void)SSL_write(client->ssl, drip, (int)strlen(drip));
		else if (*drip)
			(void)send(client->fd, drip, strlen(drip), MSG_NOSIGNAL);
		https_turn(https, client->fd);
		https_client_receive(client);
	}
	CU_ASSERT_TRUE(client->closed);
	CU_ASSERT_EQUAL(client->len, 0);
	HTTPS_UNTIL(https, https_counters(https).connections_open == 0);
	if (client->ssl && drip[0])
		CU_ASSERT_EQUAL(https_counters(https).timeouts, timeouts + 1);
	https_client_close(client);
}

static void test_deadlines(void)
{
	static const char head[] = PUT("/things/1", TYPE_BYTES, "100000");
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, &impatient, true);
	https_client_open(&client, &https); /* no handshake */
	expect_end(&https, &client, "");
	CU_ASSERT_EQUAL(https_counters(&https).handshake_failures, 1);

	https_client_open(&client, &https); /* half of a first record, for ever */
	(void)send(client.fd, "\x16\x03\x01\x40\x00\x01", 6, MSG_NOSIGNAL);
	expect_end(&https, &client, "");

	https_client_open(&client, &https); /* idle */
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	expect_end(&https, &client, "");

	https_client_open(&client, &https); /* a head that does not end */
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	https_client_send(&client, "GET /open HTTP/1.1\r\nX: ", 23);
	expect_end(&https, &client, "y");

	https_client_open(&client, &https); /* a body that trickles */
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	https_client_send(&client, head, sizeof(head) - 1);
	expect_end(&https, &client, "y");
	https_close(&https);
}

/* A handler that never answers in time, and a client that never reads. */
static void test_deadlines_of_answers(void)
{
	static const char big[] = "GET /big HTTP/1.1\r\n" HOST "\r\n";
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, &impatient, true);
	open_late(&https, &seen, &client);
	https_client_await_end(&client);
	CU_ASSERT_EQUAL(client.len, 0);
	expect_body(seen.late[0]);
	tacit_http_reply(seen.late[0], 201, "text/plain", "ok", 2);
	https_client_close(&client);

	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	https_client_send(&client, big, sizeof(big) - 1);
	HTTPS_UNTIL(&https, https_counters(&https).connections_open == 0);
	CU_ASSERT_EQUAL(https_counters(&https).timeouts, 2);
	https_client_close(&client);
	https_close(&https);
}

static void expect_connections(const struct tacit_http_limits *limits, unsigned max)
{
	struct https https;
	struct https_client client[4];
	struct seen seen;

	open_server(&https, &seen, limits, true);
	for (unsigned i = 0; i < max; i++) {
		https_client_open(&client[i], &https);
		CU_ASSERT_TRUE(https_client_handshake(&client[i], NULL));
	}
	https_client_open(&client[max], &https);
	CU_ASSERT_FALSE(https_client_handshake(&client[max], NULL));
	CU_ASSERT_EQUAL(https_counters(&https).refused, 1);
	https_client_close(&client[max]);
	https_client_close(&client[0]);
	HTTPS_UNTIL(&https, https_counters(&https).connections_open == max - 1);
	https_client_open(&client[0], &https);
	CU_ASSERT_TRUE(https_client_handshake(&client[0], NULL));
	for (unsigned i = 0; i < max; i++)
		https_client_close(&client[i]);
	https_close(&https);
}

static void test_connections(void)
{
	expect_connections(&(struct tacit_http_limits){ .connections = 3 }, 3);
	expect_connections(&(struct tacit_http_limits){ .connections_per_peer = 2 }, 2);
}

static void test_bytes_in_flight(void)
{
	static const struct tacit_http_limits limits = { .body_bytes_in_flight = 100000 };
	static const char first[] = PUT("/things/1", TYPE_BYTES, "60000");
	static const char second[] = PUT("/things/1", TYPE_BYTES, "40001");
	static const char fits[] = PUT("/things/1", TYPE_BYTES, "40000");
	static const char body[60000];
	struct https https;
	struct https_client client[3];
	struct seen seen;

	open_server(&https, &seen, &limits, true);
	https_client_open(&client[0], &https);
	CU_ASSERT_TRUE(https_client_handshake(&client[0], NULL));
	https_client_send(&client[0], first, sizeof(first) - 1);
	HTTPS_UNTIL(&https, https_counters(&https).requests == 1);

	CU_ASSERT_EQUAL(ask_once(&https, &client[1], second, sizeof(second) - 1), 503);
	CU_ASSERT_TRUE(is_problem(&client[1], 503));
	CU_ASSERT_PTR_NOT_NULL(strstr(client[1].got, "\r\nRetry-After: 1\r\n"));
	https_client_open(&client[2], &https);
	CU_ASSERT_TRUE(https_client_handshake(&client[2], NULL));
	https_client_send(&client[2], fits, sizeof(fits) - 1);
	https_client_send(&client[2], body, 40000);
	CU_ASSERT_EQUAL(https_client_answer(&client[2]), 201);
	https_client_close(&client[1]);
	https_client_close(&client[2]);

	https_client_send(&client[0], body, sizeof(body));
	CU_ASSERT_EQUAL(https_client_answer(&client[0]), 201);
	https_client_close(&client[0]);
	CU_ASSERT_EQUAL(ask_once(&https, &client[1], PUT("/things/1", TYPE_BYTES, "0"),
				 sizeof(PUT("/things/1", TYPE_BYTES, "0")) - 1),
			201);
	https_client_close(&client[1]);
	https_close(&https);
}

/* Out of memory, a connection is closed: it is never served in plain text. */
static void test_never_plain(void)
{
	static const char request[] = "GET /open HTTP/1.1\r\n" HOST "\r\n";
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	for (int i = 0; i < 3; i++) {
		https_client_open(&client, &https);
		(void)send(client.fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
		unit_fail_alloc(0);
		https_client_await_end(&client);
		unit_fail_alloc(-1);
		CU_ASSERT_EQUAL(client.len, 0);
		https_client_close(&client);
	}
	CU_ASSERT_EQUAL(https_counters(&https).refused, 3);
	CU_ASSERT_EQUAL(ask_once(&https, &client, request, sizeof(request) - 1), 200);
	https_client_close(&client);
	https_close(&https);
}

static void test_drain(void)
{
	struct https https;
	struct https_client client[2];
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	https_client_open(&client[0], &https);
	CU_ASSERT_TRUE(https_client_handshake(&client[0], NULL));
	open_late(&https, &seen, &client[1]);
	tacit_http_drain(https.http, 60000);
	https_client_await_end(&client[0]);
	CU_ASSERT_EQUAL(https_counters(&https).connections_open, 1);
	tacit_http_reply(seen.late[0], 201, "text/plain", "ok", 2);
	CU_ASSERT_EQUAL(event_base_dispatch(https.base), 0); /* ends by itself */
	CU_ASSERT_EQUAL(https_client_answer(&client[1]), 201);
	CU_ASSERT_PTR_NOT_NULL(strstr(client[1].got, "\r\nConnection: close\r\n"));
	https_client_close(&client[0]);
	https_client_close(&client[1]);
	https_close(&https);
}

static void test_drain_grace(void)
{
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, true);
	open_late(&https, &seen, &client);
	tacit_http_drain(https.http, 50);
	CU_ASSERT_EQUAL(event_base_dispatch(https.base), 0);
	CU_ASSERT_EQUAL(https_counters(&https).connections_open, 1);
	https_client_close(&client);
	https_close(&https);
	tacit_http_reply(seen.late[0], 201, NULL, NULL, 0);
}

static void test_new_certificate(void)
{
	struct https https;
	struct https_client client;
	struct https_identity renewed;
	struct seen seen;
	SSL_CTX *tls = NULL;
	X509 *shown;

	open_server(&https, &seen, NULL, true);
	renewed = https_issue(&https.ca, TACIT_CERT_SERVER, "renewed", 3600);
	CU_ASSERT_EQUAL(tacit_tls_new(&(struct tacit_tls_params){ .cert = renewed.cert,
								  .key = renewed.key,
								  .ca = https.ca.cert },
				      &tls),
			0);
	tacit_http_set_tls(https.http, tls);
	tacit_tls_free(tls);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	shown = SSL_get1_peer_certificate(client.ssl);
	CU_ASSERT_EQUAL(X509_cmp(shown, renewed.cert), 0);
	tacit_cert_free(shown);
	https_client_close(&client);
	https_forget(&renewed);
	https_close(&https);
}

static void test_plain(void)
{
	static const char request[] = "GET /hello HTTP/1.1\r\n" HOST "\r\n";
	struct https https;
	struct https_client client;
	struct seen seen;

	open_server(&https, &seen, NULL, false);
	CU_ASSERT_EQUAL(ask_once(&https, &client, request, sizeof(request) - 1), 200);
	CU_ASSERT_EQUAL(https_client_ask(&client, request), 200);
	https_client_close(&client);
	https_close(&https);
}

static void test_out_of_memory(void)
{
	struct event_base *base = event_base_new();
	struct tacit_http_params params = { .base = base, .routes = routes, .n_routes = 1 };
	struct tacit_http *http = NULL;
	int nth = 0;

	for (;; nth++) {
		int r;

		unit_fail_alloc(nth);
		r = tacit_http_new(&params, &http);
		unit_fail_alloc(-1);
		if (r == 0)
			break;
		CU_ASSERT_EQUAL(r, -ENOMEM);
		CU_ASSERT_PTR_NULL(http);
	}
	CU_ASSERT_TRUE(nth > 0);
	tacit_http_free(http);
	tacit_http_free(NULL);
	event_base_free(base);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "GET and HEAD, keeping the connection", test_get },
		{ "PUT in pieces", test_put },
		{ "no content", test_no_content },
		{ "a small answer is one record", test_one_record },
		{ "TCP_NODELAY", test_no_delay },
		{ "refusals are problem documents", test_refusals },
		{ "NUL bytes", test_nul_bytes },
		{ "a head that is too large", test_head_limits },
		{ "a refusal can be read", test_refusal_is_read },
		{ "a handler's problem", test_handler_problem },
		{ "pipelining", test_pipelining },
		{ "a late answer", test_late_answer },
		{ "a client leaves while the handler works", test_client_leaves },
		{ "a client leaves anywhere", test_client_leaves_anywhere },
		{ "the server goes while the handler works", test_free_while_pending },
		{ "deadlines", test_deadlines },
		{ "deadlines of answers", test_deadlines_of_answers },
		{ "limits on connections", test_connections },
		{ "limits on bytes in flight", test_bytes_in_flight },
		{ "never plain text", test_never_plain },
		{ "draining", test_drain },
		{ "draining has an end", test_drain_grace },
		{ "a new certificate", test_new_certificate },
		{ "plain HTTP", test_plain },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("http", cases);
}
