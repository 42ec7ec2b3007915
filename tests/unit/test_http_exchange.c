/* SPDX-License-Identifier: MIT */
#include "aggregator/http.h"

#include "resources.h"
#include "unit.h"

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
		CU_ASSERT_TRUE(https_client_send(&client, junk, sizeof(junk)));
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

int main(void)
{
	static const struct unit_case cases[] = {
		{ "GET and HEAD, keeping the connection", test_get },
		{ "a small answer is one record", test_one_record },
		{ "PUT in pieces", test_put },
		{ "no content", test_no_content },
		{ "refusals are problem documents", test_refusals },
		{ "NUL bytes", test_nul_bytes },
		{ "a head that is too large", test_head_limits },
		{ "a refusal can be read", test_refusal_is_read },
		{ "a handler's problem", test_handler_problem },
		{ "pipelining", test_pipelining },
		{ NULL, NULL },
	};

	return unit_main("http_exchange", cases);
}
