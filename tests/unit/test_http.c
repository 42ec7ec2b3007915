/* SPDX-License-Identifier: MIT */
#include "aggregator/http.h"

#include <netinet/tcp.h>

#include "resources.h"
#include "unit.h"

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
	static const char all[] = PUT("/things/1", TYPE_BYTES, "100000");
	static const char body[100000];
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

	https_client_send(&client[0], body, 60000);
	CU_ASSERT_EQUAL(https_client_answer(&client[0]), 201);
	https_client_close(&client[0]);
	https_client_open(&client[1], &https); /* everything was given back */
	CU_ASSERT_TRUE(https_client_handshake(&client[1], NULL));
	https_client_send(&client[1], all, sizeof(all) - 1);
	https_client_send(&client[1], body, sizeof(body));
	CU_ASSERT_EQUAL(https_client_answer(&client[1]), 201);
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
		{ "TCP_NODELAY", test_no_delay },
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
