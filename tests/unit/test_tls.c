/* SPDX-License-Identifier: MIT */
#include "aggregator/tls.h"

#include "https.h"
#include "unit.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void on_get(void *ctx, struct tacit_http_exchange *exchange)
{
	(void)ctx;
	tacit_http_reply(exchange, 204, NULL, NULL, 0);
}

static const struct tacit_http_route routes[] = { { TACIT_HTTP_GET, "/", NULL, 0, false, on_get } };
static const struct tacit_http_params params = { .routes = routes, .n_routes = 1 };

/* The status of a request with that certificate; 0 when TLS ended it. */
static int ask(struct https *https, const struct https_identity *who)
{
	struct https_client client;
	int status = 0;

	https_client_open(&client, https);
	if (https_client_handshake(&client, who))
		status = https_client_ask(&client, REQUEST);
	https_client_close(&client);
	HTTPS_UNTIL(https, https_counters(https).connections_open == 0);
	return status;
}

static void expect_refused(struct https *https, struct https_identity who)
{
	uint64_t before = https_counters(https).handshake_failures;

	CU_ASSERT_EQUAL(ask(https, &who), 0);
	CU_ASSERT_EQUAL(https_counters(https).handshake_failures, before + 1);
	https_forget(&who);
}

static void test_client_certificates(void)
{
	struct https https;
	struct https_identity other, good;

	https_open(&https, &params, true);
	other = https_ca("test-ca"); /* of the same name */
	good = https_issue(&https.ca, TACIT_CERT_HOST, "good", 3600);
	CU_ASSERT_EQUAL(ask(&https, &good), 204);
	CU_ASSERT_EQUAL(ask(&https, NULL), 403);
	expect_refused(&https, https_issue(&https.ca, TACIT_CERT_HOST, "expired", -10));
	expect_refused(&https, https_issue(&other, TACIT_CERT_HOST, "stranger", 3600));
	expect_refused(&https, https_issue(&https.ca, TACIT_CERT_SERVER, "a-server", 3600));
	expect_refused(&https, https_ca("self-signed"));
	CU_ASSERT_EQUAL(ask(&https, &good), 204);
	https_forget(&good);
	https_forget(&other);
	https_close(&https);
}

/* A certificate that expires while its connection stays open. */
static void test_expiry_in_a_connection(void)
{
	struct https https;
	struct https_identity brief;
	struct https_client client;
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;
	int status;

	https_open(&https, &params, true);
	brief = https_issue(&https.ca, TACIT_CERT_HOST, "brief", 2);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, &brief));
	do
		status = https_client_ask(&client, REQUEST);
	while (status == 204 && tacit_clock_boot_ms() < until_ms);
	CU_ASSERT_EQUAL(status, 403);
	CU_ASSERT_PTR_NOT_NULL(strstr(client.got, "certificate-expired"));
	https_client_close(&client);
	https_forget(&brief);
	https_close(&https);
}

static int ask_version(struct https *https, int max)
{
	TACIT_CLEANUP(tacit_tls_free_p) SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;
	struct https_client client;
	int r, version;

	https_client_open(&client, https);
	CU_ASSERT_EQUAL(SSL_CTX_set_max_proto_version(tls, max), 1);
	client.ssl = SSL_new(tls);
	(void)SSL_set_fd(client.ssl, client.fd);
	do
		r = SSL_connect(client.ssl);
	while (r != 1 && https_client_wait(&client, r, until_ms));
	version = r == 1 ? SSL_version(client.ssl) : 0;
	https_client_close(&client);
	return version;
}

static void test_versions(void)
{
	struct https https;

	https_open(&https, &params, true);
	CU_ASSERT_EQUAL(ask_version(&https, TLS1_3_VERSION), TLS1_3_VERSION);
	CU_ASSERT_EQUAL(ask_version(&https, TLS1_2_VERSION), 0);
	https_close(&https);
}

static int count_session(SSL *ssl, SSL_SESSION *session)
{
	(void)session;
	++*(unsigned *)SSL_get_app_data(ssl);
	return 0;
}

static void test_no_tickets(void)
{
	struct https https;
	struct https_client client;
	unsigned sessions = 0;

	https_open(&https, &params, true);
	https_client_open(&client, &https);
	CU_ASSERT_TRUE(https_client_handshake(&client, NULL));
	(void)SSL_CTX_set_session_cache_mode(client.tls, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(client.tls, count_session);
	(void)SSL_set_app_data(client.ssl, &sessions);
	CU_ASSERT_EQUAL(https_client_ask(&client, REQUEST), 403);
	CU_ASSERT_EQUAL(sessions, 0);
	https_client_close(&client);
	https_close(&https);
}

static void test_plain_text(void)
{
	struct https https;
	struct https_client client;

	https_open(&https, &params, true);
	https_client_open(&client, &https);
	https_client_send(&client, REQUEST, strlen(REQUEST));
	https_client_await_end(&client);
	CU_ASSERT_PTR_NULL(strstr(client.got, "HTTP"));
	CU_ASSERT_EQUAL(https_counters(&https).handshake_failures, 1);
	CU_ASSERT_EQUAL(https_counters(&https).requests, 0);
	https_client_close(&client);
	https_close(&https);
}

static void test_wrong_key(void)
{
	struct https_identity ca = https_ca("ca");
	struct https_identity one = https_issue(&ca, TACIT_CERT_SERVER, "one", 60);
	struct https_identity two = https_issue(&ca, TACIT_CERT_SERVER, "two", 60);
	SSL_CTX *tls = NULL;

	CU_ASSERT_EQUAL(tacit_tls_new(&(struct tacit_tls_params){ .cert = one.cert,
								  .key = two.key,
								  .ca = ca.cert },
				      &tls),
			TACIT_EUNTRUSTED);
	CU_ASSERT_PTR_NULL(tls);
	tacit_tls_free(NULL);
	https_forget(&one);
	https_forget(&two);
	https_forget(&ca);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "certificates of clients", test_client_certificates },
		{ "a certificate expires in mid-connection", test_expiry_in_a_connection },
		{ "TLS 1.3 only", test_versions },
		{ "nothing to resume", test_no_tickets },
		{ "plain text", test_plain_text },
		{ "a key that is not the certificate's", test_wrong_key },
		{ NULL, NULL },
	};

	return unit_main("tls", cases);
}
