/* SPDX-License-Identifier: MIT */
#include <openssl/pem.h>

#include <tacit/clock.h>

#include "agent/pin.h"
#include "agent/uplink.h"
#include "unit.h"

#include "tls_server.h"

#define ANSWER_MAX 1000

/* What a client was told last, copied. */
struct told {
	struct event_base *base;
	unsigned n;
	int error, status;
	int64_t retry_after_ms;
	char detail[256], type[128], etag[128], body[2048];
	size_t body_len;
	struct tacit_problem problem;
	const X509 *ca;
	struct tacit_uplink_client *client;
};

struct world {
	struct event_base *base;
	struct authority ca, other;
	struct leaf server_leaf;
	struct tls_server server;
	struct tacit_uplink *uplink;
	struct tacit_uplink_client *client;
	struct told told;
};

static void on_done(void *ctx, const struct tacit_uplink_result *result)
{
	struct told *told = (struct told *)ctx;

	told->n++;
	told->error = result->error;
	told->status = result->status;
	told->retry_after_ms = result->retry_after_ms;
	told->problem = result->problem;
	told->body_len = result->body_len;
	(void)snprintf(told->detail, sizeof(told->detail), "%s", result->detail);
	(void)snprintf(told->type, sizeof(told->type), "%s", result->type);
	(void)snprintf(told->etag, sizeof(told->etag), "%s", result->etag);
	if (result->body_len)
		memcpy(told->body, result->body, result->body_len);
	told->ca = told->client ? tacit_uplink_client_ca(told->client) : NULL;
	(void)event_base_loopbreak(told->base);
}

static void world_init_with(struct world *w, tls_answer_fn *answer, unsigned connections,
			    enum tacit_cert_use use, const char *names, int64_t valid_sec)
{
	*w = (struct world){ .base = event_base_new() };
	authority_init(&w->ca);
	authority_init(&w->other);
	leaf_init(&w->server_leaf, &w->ca, use, "server", names, valid_sec);
	tls_server_init(&w->server, w->base, &w->server_leaf, w->ca.cert, answer, w);
	CU_ASSERT_EQUAL_FATAL(tacit_uplink_new(w->base, connections, &w->uplink), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_uplink_client_new(w->uplink, &w->client), 0);
	w->told.base = w->base;
	w->told.client = w->client;
}

static void world_init(struct world *w, tls_answer_fn *answer)
{
	world_init_with(w, answer, 4, TACIT_CERT_SERVER, "localhost", 3600);
}

static void world_done(struct world *w)
{
	tacit_uplink_client_free(w->client);
	tacit_uplink_free(w->uplink);
	tls_server_done(&w->server);
	leaf_done(&w->server_leaf);
	authority_done(&w->ca);
	authority_done(&w->other);
	event_base_free(w->base);
}

static int trust(struct world *w, const X509 *ca, const uint8_t *pin)
{
	const struct tacit_uplink_tls tls = { .url = w->server.url, .ca = ca, .pin = pin };

	return tacit_uplink_client_set_tls(w->client, &tls);
}

/* Sends, and turns the loop until told. */
static void exchange(struct world *w, const struct tacit_uplink_request *request)
{
	unsigned before = w->told.n;
	int r = tacit_uplink_client_send(w->client, request, on_done, &w->told);

	CU_ASSERT_EQUAL_FATAL(r, 0);
	CU_ASSERT_EQUAL(w->told.n, before); /* never before send returns */
	while (w->told.n == before)
		(void)event_base_dispatch(w->base);
}

static void get(struct world *w, const char *path)
{
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = path,
						      .answer_max = ANSWER_MAX };

	exchange(w, &request);
}

static void answer_fully(void *ctx, struct tls_exchange *x)
{
	(void)ctx;
	tls_reply(x, "200 OK\r\nETag: \"abc\"\r\nContent-Type: Application/JSON; charset=utf-8",
		  "{}", 2);
}

static void test_an_answer_is_read(void)
{
	struct tacit_uplink_counters counters;
	struct world w;
	uint64_t up, down;

	world_init(&w, answer_fully);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	get(&w, "/v1/task");
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_EQUAL(w.told.status, 200);
	CU_ASSERT_STRING_EQUAL(w.told.type, "application/json");
	CU_ASSERT_STRING_EQUAL(w.told.etag, "\"abc\"");
	CU_ASSERT_EQUAL(w.told.body_len, 2);
	CU_ASSERT_EQUAL(memcmp(w.told.body, "{}", 2), 0);
	CU_ASSERT_EQUAL(w.told.retry_after_ms, 0);

	get(&w, "/v1/task");
	CU_ASSERT_EQUAL(w.server.connections, 1); /* kept alive */
	tacit_uplink_counters(w.uplink, &counters);
	CU_ASSERT_EQUAL(counters.requests, 2);
	CU_ASSERT_EQUAL(counters.connects, 1);
	CU_ASSERT_EQUAL(counters.failures, 0);
	tacit_uplink_client_bytes(w.client, &up, &down);
	CU_ASSERT_EQUAL(up, w.server.bytes);
	CU_ASSERT(down > 4);
	world_done(&w);
}

static void answer_put(void *ctx, struct tls_exchange *x)
{
	(void)ctx;
	CU_ASSERT_STRING_EQUAL(x->method, "PUT");
	CU_ASSERT_STRING_EQUAL(x->path, "/v1/rounds/7/update");
	CU_ASSERT_EQUAL(x->body_len, 70000);
	CU_ASSERT_EQUAL(x->body[0], 'x');
	CU_ASSERT_EQUAL(x->body[69999], 'x');
	CU_ASSERT_PTR_NOT_NULL(strstr(x->head, "\r\nContent-Type: application/x-test\r\n"));
	CU_ASSERT_PTR_NULL(strstr(x->head, "Expect:"));
	CU_ASSERT_PTR_NULL(strstr(x->head, "Accept-Encoding:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(x->head, "\r\nUser-Agent: tacit/"));
	tls_reply(x, "201 Created", NULL, 0);
}

static void test_a_body_is_put(void)
{
	static char body[70000];
	const struct tacit_uplink_request request = { .method = "PUT",
						      .path = "/v1/rounds/7/update",
						      .type = "application/x-test",
						      .body = body,
						      .body_len = sizeof(body),
						      .answer_max = ANSWER_MAX };
	uint64_t up, down;
	struct world w;

	memset(body, 'x', sizeof(body));
	world_init(&w, answer_put);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	exchange(&w, &request);
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_EQUAL(w.told.status, 201);
	CU_ASSERT_EQUAL(w.told.body_len, 0);
	tacit_uplink_client_bytes(w.client, &up, &down);
	CU_ASSERT_EQUAL(up, w.server.bytes);
	world_done(&w);
}

static void answer_by_path(void *ctx, struct tls_exchange *x)
{
	static const char problem[] = "{\"type\":\"urn:tacit:problem:busy\",\"title\":\"Busy\","
				      "\"status\":503,\"detail\":\"come back\"}";

	(void)ctx;
	if (strcmp(x->path, "/busy") == 0)
		tls_reply(x,
			  "503 Busy\r\nRetry-After: 7\r\n"
			  "Content-Type: application/problem+json",
			  problem, strlen(problem));
	else if (strcmp(x->path, "/never") == 0)
		tls_reply(x, "503 Busy\r\nRetry-After: 99999999999999", NULL, 0);
	else if (strcmp(x->path, "/negative") == 0)
		tls_reply(x, "503 Busy\r\nRetry-After: -5", NULL, 0);
	else if (strcmp(x->path, "/moved") == 0)
		tls_reply(x, "302 Found\r\nLocation: https://localhost/", NULL, 0);
	else if (strstr(x->head, "\r\nPrefer: wait=20\r\n"))
		tls_reply(x, "200 OK", "held", 4);
	else if (strstr(x->head, "\r\nIf-None-Match: \"tag\"\r\n"))
		tls_say(x, "HTTP/1.1 304 Not Modified\r\n\r\n", 29);
	else
		tls_reply(x, "404 Not Found\r\nContent-Type: application/problem+json", "[1]", 3);
}

static void test_refusals_are_told(void)
{
	struct world w;

	world_init(&w, answer_by_path);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	get(&w, "/busy");
	CU_ASSERT_EQUAL(w.told.status, 503);
	CU_ASSERT_EQUAL(w.told.retry_after_ms, 7000);
	CU_ASSERT_EQUAL(w.told.problem.status, 503);
	CU_ASSERT_STRING_EQUAL(w.told.problem.detail, "come back");
	get(&w, "/never");
	CU_ASSERT_EQUAL(w.told.retry_after_ms, TACIT_UPLINK_RETRY_MAX_MS);
	get(&w, "/negative");
	CU_ASSERT_EQUAL(w.told.retry_after_ms, 0);
	get(&w, "/moved"); /* and not followed */
	CU_ASSERT_EQUAL(w.told.status, 302);
	get(&w, "/nothing");
	CU_ASSERT_EQUAL(w.told.status, 404);
	CU_ASSERT_EQUAL(w.told.problem.status, 0); /* it was no problem document */
	world_done(&w);
}

static void test_an_unchanged_resource(void)
{
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = "/v1/models/latest",
						      .if_none_match = "\"tag\"",
						      .answer_max = ANSWER_MAX };
	struct world w;

	world_init(&w, answer_by_path);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	exchange(&w, &request);
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_EQUAL(w.told.status, 304);
	get(&w, "/v1/models/latest"); /* the tag does not stick */
	CU_ASSERT_EQUAL(w.told.status, 404);
	world_done(&w);
}

static void test_an_answer_may_be_held_back(void)
{
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = "/v1/rounds/1/roster",
						      .prefer_wait_sec = 20,
						      .answer_max = ANSWER_MAX };
	struct world w;

	world_init(&w, answer_by_path);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	exchange(&w, &request);
	CU_ASSERT_EQUAL(w.told.status, 200);
	get(&w, "/v1/rounds/1/roster"); /* and no longer than it was asked to */
	CU_ASSERT_EQUAL(w.told.status, 404);
	world_done(&w);
}

static void answer_hostile(void *ctx, struct tls_exchange *x)
{
	static char large[20000];

	(void)ctx;
	memset(large, 'a', sizeof(large));
	if (strcmp(x->path, "/large") == 0)
		tls_reply(x, "200 OK", large, ANSWER_MAX + 1);
	else if (strcmp(x->path, "/fits") == 0)
		tls_reply(x, "200 OK", large, ANSWER_MAX);
	else if (strcmp(x->path, "/chunks") == 0) {
		tls_say(x, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47);
		for (int i = 0; i < 30; i++)
			tls_say(x, "28\r\naaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\r\n", 46);
	} else if (strcmp(x->path, "/error") == 0)
		tls_reply(x, "500 Oh", large, TACIT_UPLINK_PROBLEM_MAX + 1);
	else if (strcmp(x->path, "/header") == 0) {
		tls_say(x, "HTTP/1.1 200 OK\r\nX: ", 20);
		tls_say(x, large, sizeof(large));
		tls_say(x, "\r\nContent-Length: 0\r\n\r\n", 23);
	} else if (strcmp(x->path, "/cut") == 0)
		tls_say(x, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 42);
	else if (strcmp(x->path, "/noise") == 0)
		tls_say(x, "\0\1\2\3\4\5\r\n\r\n", 10);
	else if (strcmp(x->path, "/etag") == 0) {
		char head[300];

		(void)snprintf(head, sizeof(head), "200 OK\r\nETag: \"%.*s\"",
			       (int)TACIT_UPLINK_ETAG_MAX, large);
		tls_reply(x, head, NULL, 0);
	}
	x->server->close_after_answer = strcmp(x->path, "/fits") != 0;
}

static void test_hostile_answers(void)
{
	static const struct {
		const char *path;
		int error;
		const char *detail;
	} rows[] = {
		{ "/large", -E2BIG, "larger than 1000 bytes" },
		{ "/chunks", -E2BIG, "larger than 1000 bytes" },
		{ "/error", -E2BIG, "larger than 8192 bytes" },
		{ "/header", -E2BIG, "header is larger" },
		{ "/cut", TACIT_EREMOTE, "7 bytes remaining" },
		{ "/noise", -EPROTO, "HTTP/0.9" },
		{ "/silent", -ECONNRESET, "mpty reply" },
	};
	struct world w;

	world_init(&w, answer_hostile);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		get(&w, rows[i].path);
		CU_ASSERT_EQUAL(w.told.error, rows[i].error);
		CU_ASSERT_EQUAL(w.told.status, 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(w.told.detail, rows[i].detail));
	}
	get(&w, "/fits"); /* and life goes on */
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_EQUAL(w.told.body_len, ANSWER_MAX);
	get(&w, "/etag"); /* one that does not fit counts as none */
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_STRING_EQUAL(w.told.etag, "");
	world_done(&w);
}

static void answer_hang_up(void *ctx, struct tls_exchange *x)
{
	(void)ctx;
	tls_say(x, "HTTP/1.1", 8);
	x->server->close_after_answer = true;
}

static void test_a_server_that_hangs_up(void)
{
	struct world w;

	world_init(&w, answer_hang_up);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	get(&w, "/");
	CU_ASSERT(w.told.error == -ECONNRESET || w.told.error == -EPROTO ||
		  w.told.error == TACIT_EREMOTE);
	CU_ASSERT_EQUAL(w.told.status, 0);
	world_done(&w);
}

static void test_the_right_pin(void)
{
	struct world w;

	world_init(&w, answer_fully);
	CU_ASSERT_EQUAL_FATAL(trust(&w, NULL, w.ca.pin), 0);
	CU_ASSERT_PTR_NULL(tacit_uplink_client_ca(w.client));
	get(&w, "/v1/enrolments/x");
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w.told.ca);
	CU_ASSERT_EQUAL(X509_cmp(w.told.ca, w.ca.cert), 0);
	world_done(&w);
}

static void test_a_wrong_pin_is_told_nothing(void)
{
	const struct tacit_uplink_request secret = { .method = "PUT",
						     .path = "/v1/enrolments/x",
						     .type = "application/json",
						     .body = "{\"secret\":\"sesame\"}",
						     .body_len = 19,
						     .answer_max = ANSWER_MAX };
	struct world w;

	world_init(&w, answer_fully);
	/* A connection that was trusted by another pin is not lent out. */
	CU_ASSERT_EQUAL_FATAL(trust(&w, NULL, w.ca.pin), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.server.requests, 1);
	CU_ASSERT_EQUAL_FATAL(trust(&w, NULL, w.other.pin), 0);
	w.server.bytes = 0;
	exchange(&w, &secret);
	CU_ASSERT_EQUAL(w.told.error, TACIT_EUNTRUSTED);
	CU_ASSERT_PTR_NULL(w.told.ca);
	CU_ASSERT_EQUAL(w.server.bytes, 0);
	CU_ASSERT_EQUAL(w.server.requests, 1);
	CU_ASSERT_EQUAL(w.server.connections, 2);
	world_done(&w);
}

/* A server that must not be trusted, whether by its pin or by its CA. */
static void check_untrusted(enum tacit_cert_use use, const char *names, int64_t valid_sec)
{
	struct world w;

	world_init_with(&w, answer_fully, 1, use, names, valid_sec);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL_FATAL(trust(&w, NULL, w.ca.pin), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(w.server.bytes, 0);
	world_done(&w);
}

static void test_other_servers_of_the_fleet(void)
{
	check_untrusted(TACIT_CERT_SERVER, "elsewhere", 3600);
	check_untrusted(TACIT_CERT_SERVER, "localhost", -1); /* expired */
	check_untrusted(TACIT_CERT_HOST, "localhost", 3600); /* a host that plays the aggregator */
}

static void test_another_ca(void)
{
	struct world w;

	world_init(&w, answer_fully);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.other.cert, NULL), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(w.server.bytes, 0);
	world_done(&w);
}

/* The pinned CA shown off by a server whose certificate another CA issued. */
static void test_a_ca_that_is_only_shown(void)
{
	struct leaf imposter;
	struct world w;

	world_init(&w, answer_fully);
	leaf_init(&imposter, &w.other, TACIT_CERT_SERVER, "server", "localhost", 3600);
	tls_server_done(&w.server);
	tls_server_init(&w.server, w.base, &imposter, w.ca.cert, answer_fully, &w);
	CU_ASSERT_EQUAL_FATAL(trust(&w, NULL, w.ca.pin), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, TACIT_EUNTRUSTED);
	CU_ASSERT_PTR_NULL(w.told.ca);
	CU_ASSERT_EQUAL(w.server.bytes, 0);
	leaf_done(&imposter);
	world_done(&w);
}

static void test_a_chain_without_its_ca(void)
{
	struct world w;

	world_init(&w, answer_fully);
	tls_server_done(&w.server);
	tls_server_init(&w.server, w.base, &w.server_leaf, NULL, answer_fully, &w);
	CU_ASSERT_EQUAL_FATAL(trust(&w, NULL, w.ca.pin), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0); /* known, it need not be sent */
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, 0);
	world_done(&w);
}

static void test_old_tls(void)
{
	struct world w;

	world_init(&w, answer_fully);
	(void)SSL_CTX_set_max_proto_version(w.server.tls, TLS1_2_VERSION);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, -EPROTO);
	world_done(&w);
}

static char *key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	CU_ASSERT_EQUAL_FATAL(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &data);
	text = tacit_strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

static int present(struct world *w, struct tacit_uplink_client *client, const struct leaf *leaf)
{
	TACIT_AUTO_FREE char *key = key_pem(leaf->key);
	TACIT_AUTO_FREE char *cert = NULL;
	struct tacit_uplink_tls tls = { .url = w->server.url, .ca = w->ca.cert, .key_pem = key };

	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(leaf->cert, &cert), 0);
	tls.cert_pem = cert;
	return tacit_uplink_client_set_tls(client, &tls);
}

static void answer_name(void *ctx, struct tls_exchange *x)
{
	(void)ctx;
	tls_reply(x, "200 OK", x->peer, strlen(x->peer));
}

static void test_each_client_is_itself(void)
{
	struct tacit_uplink_client *second = NULL;
	struct leaf ann, bob;
	struct told told;
	struct world w;
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = "/",
						      .answer_max = ANSWER_MAX };

	world_init(&w, answer_name);
	leaf_init(&ann, &w.ca, TACIT_CERT_HOST, "ann", NULL, 3600);
	leaf_init(&bob, &w.ca, TACIT_CERT_HOST, "bob", NULL, 3600);
	CU_ASSERT_EQUAL_FATAL(tacit_uplink_client_new(w.uplink, &second), 0);
	CU_ASSERT_EQUAL_FATAL(present(&w, w.client, &ann), 0);
	CU_ASSERT_EQUAL_FATAL(present(&w, second, &bob), 0);
	told = (struct told){ .base = w.base };

	get(&w, "/");
	CU_ASSERT_EQUAL(memcmp(w.told.body, "ann", 3), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_uplink_client_send(second, &request, on_done, &told), 0);
	while (!told.n)
		(void)event_base_dispatch(w.base);
	CU_ASSERT_EQUAL(told.body_len, 3);
	CU_ASSERT_EQUAL(memcmp(told.body, "bob", 3), 0);
	CU_ASSERT_EQUAL(w.server.connections, 2);

	/* A session is resumed when the connection has gone. */
	tls_server_drop_connections(&w.server);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, 0);
	CU_ASSERT_EQUAL(memcmp(w.told.body, "ann", 3), 0);
	CU_ASSERT_EQUAL(w.server.connections, 3);
	CU_ASSERT_EQUAL(w.server.resumed, 1);

	/* But neither session nor connection survives a change of identity. */
	CU_ASSERT_EQUAL_FATAL(present(&w, w.client, &bob), 0);
	get(&w, "/");
	CU_ASSERT_EQUAL(memcmp(w.told.body, "bob", 3), 0);
	CU_ASSERT_EQUAL(w.server.resumed, 1);
	tacit_uplink_client_free(second);
	leaf_done(&ann);
	leaf_done(&bob);
	world_done(&w);
}

static void answer_nothing(void *ctx, struct tls_exchange *x)
{
	(void)ctx;
	(void)x;
}

static void test_patience_ends(void)
{
	const struct tacit_uplink_request request = {
		.method = "GET", .path = "/", .answer_max = ANSWER_MAX, .timeout_ms = 50
	};
	struct world w;

	world_init(&w, answer_nothing);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	exchange(&w, &request);
	CU_ASSERT_EQUAL(w.told.error, -ETIMEDOUT);
	world_done(&w);
}

static void test_nobody_there(void)
{
	struct world w;

	world_init(&w, answer_fully);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	tls_server_done(&w.server);
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.error, -ECONNREFUSED);
	tls_server_init(&w.server, w.base, &w.server_leaf, w.ca.cert, answer_fully, &w);
	world_done(&w);
}

static void test_cancelled_is_not_told(void)
{
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = "/",
						      .answer_max = ANSWER_MAX };
	struct world w;

	world_init(&w, answer_nothing);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told), 0);
	CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told), -EBUSY);
	CU_ASSERT_EQUAL(trust(&w, w.ca.cert, NULL), -EBUSY);
	while (!w.server.requests)
		(void)event_base_loop(w.base, EVLOOP_ONCE);
	tacit_uplink_client_cancel(w.client);
	tacit_uplink_client_cancel(w.client);
	(void)event_base_loop(w.base, EVLOOP_NONBLOCK);
	CU_ASSERT_EQUAL(w.told.n, 0);

	w.server.answer = answer_fully;
	get(&w, "/");
	CU_ASSERT_EQUAL(w.told.status, 200);
	/* One that is under way when its client is freed is cancelled too. */
	w.server.answer = answer_nothing;
	CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told), 0);
	world_done(&w);
	CU_ASSERT_EQUAL(w.told.n, 1);
}

static void test_waiting_for_a_turn(void)
{
	enum { N = 6 };
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = "/",
						      .answer_max = ANSWER_MAX };
	struct tacit_uplink_client *client[N] = { 0 };
	struct told told[N] = { 0 };
	unsigned answered = 0;
	struct world w;

	world_init_with(&w, answer_fully, 1, TACIT_CERT_SERVER, "localhost", 3600);
	for (int i = 0; i < N; i++) {
		const struct tacit_uplink_tls tls = { .url = w.server.url, .ca = w.ca.cert };

		told[i].base = w.base;
		CU_ASSERT_EQUAL_FATAL(tacit_uplink_client_new(w.uplink, &client[i]), 0);
		CU_ASSERT_EQUAL_FATAL(tacit_uplink_client_set_tls(client[i], &tls), 0);
		CU_ASSERT_EQUAL(tacit_uplink_client_send(client[i], &request, on_done, &told[i]),
				0);
	}
	tacit_uplink_client_cancel(client[2]); /* waits */
	tacit_uplink_client_free(client[0]);   /* is under way; the next one moves up */
	while (answered < N - 2) {
		(void)event_base_dispatch(w.base);
		answered = 0;
		for (int i = 0; i < N; i++)
			answered += told[i].n;
	}
	CU_ASSERT_EQUAL(told[0].n, 0);
	CU_ASSERT_EQUAL(told[2].n, 0);
	CU_ASSERT_EQUAL(told[5].status, 200);
	CU_ASSERT(w.server.connections <= 2); /* who trusts alike shares */
	for (int i = 1; i < N; i++)
		tacit_uplink_client_free(client[i]);
	world_done(&w);
}

static void test_what_is_no_request(void)
{
	static const char *const urls[] = { "http://localhost",	      "https://",
					    "https://localhost/",     "https://me@localhost",
					    "https://localhost?x",    "https://localhost:1 2",
					    "file:///etc/passwd",     "",
					    "https://localhost\r\nX:" };
	static const char *const paths[] = { "", "v1", "/a b", "/a\r\nX: y", "/\x80" };
	struct tacit_uplink_request request = { .method = "GET", .path = "/" };
	struct tacit_uplink *none = NULL;
	char path[TACIT_UPLINK_PATH_MAX + 2];
	struct world w;

	world_init(&w, answer_fully);
	CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told), -EINVAL);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(urls); i++) {
		const struct tacit_uplink_tls tls = { .url = urls[i], .ca = w.ca.cert };

		CU_ASSERT_EQUAL(tacit_uplink_client_set_tls(w.client, &tls), -EINVAL);
	}
	CU_ASSERT_EQUAL(trust(&w, NULL, NULL), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(trust(&w, w.ca.cert, NULL), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(paths); i++) {
		request.path = paths[i];
		CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told),
				-EINVAL);
	}
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	request.path = path;
	CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told), -EINVAL);
	request = (struct tacit_uplink_request){ .method = "POST", .path = "/" };
	CU_ASSERT_EQUAL(tacit_uplink_client_send(w.client, &request, on_done, &w.told), -EINVAL);
	CU_ASSERT_EQUAL(tacit_uplink_new(w.base, 0, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_uplink_new(w.base, TACIT_UPLINK_CONNECTIONS_MAX + 1, &none), -EINVAL);
	world_done(&w);
}

static int once(struct world *w)
{
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = "/",
						      .answer_max = ANSWER_MAX };
	TACIT_CLEANUP(tacit_uplink_free_p) struct tacit_uplink *uplink = NULL;
	TACIT_CLEANUP(tacit_uplink_client_free_p) struct tacit_uplink_client *client = NULL;
	const struct tacit_uplink_tls tls = { .url = w->server.url, .ca = w->ca.cert };
	unsigned before = w->told.n;
	int r = tacit_uplink_new(w->base, 1, &uplink);

	w->told.client = NULL;
	if (r == 0)
		r = tacit_uplink_client_new(uplink, &client);
	if (r == 0)
		r = tacit_uplink_client_set_tls(client, &tls);
	if (r == 0)
		r = tacit_uplink_client_send(client, &request, on_done, &w->told);
	while (r == 0 && w->told.n == before)
		(void)event_base_dispatch(w->base);
	return r < 0 ? r : w->told.error;
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;
	struct world w;

	world_init(&w, answer_fully);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = once(&w);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 4);
	world_done(&w);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "an answer is read", test_an_answer_is_read },
		{ "a body is put", test_a_body_is_put },
		{ "refusals are told", test_refusals_are_told },
		{ "an unchanged resource", test_an_unchanged_resource },
		{ "an answer may be held back", test_an_answer_may_be_held_back },
		{ "hostile answers", test_hostile_answers },
		{ "a server that hangs up", test_a_server_that_hangs_up },
		{ "the right pin", test_the_right_pin },
		{ "a wrong pin is told nothing", test_a_wrong_pin_is_told_nothing },
		{ "other servers of the fleet", test_other_servers_of_the_fleet },
		{ "another CA", test_another_ca },
		{ "a CA that is only shown", test_a_ca_that_is_only_shown },
		{ "a chain without its CA", test_a_chain_without_its_ca },
		{ "old TLS", test_old_tls },
		{ "each client is itself", test_each_client_is_itself },
		{ "patience ends", test_patience_ends },
		{ "nobody there", test_nobody_there },
		{ "cancelled is not told", test_cancelled_is_not_told },
		{ "waiting for a turn", test_waiting_for_a_turn },
		{ "what is no request", test_what_is_no_request },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("uplink", cases);
}
