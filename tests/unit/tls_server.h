/* SPDX-License-Identifier: MIT */
/*
 * A TLS server on the test's own event base that says exactly what the test wants said,
 * well-formed or not. Certificates are made on the spot.
 */
#ifndef TACIT_TESTS_TLS_SERVER_H
#define TACIT_TESTS_TLS_SERVER_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>

#include <tacit/x509.h>

/* A certification authority and one certificate under it. */
struct authority {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t pin[TACIT_FINGERPRINT_LEN];
};

struct leaf {
	EVP_PKEY *key;
	X509 *cert;
};

static inline void authority_init(struct authority *ca)
{
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&ca->key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(ca->key, "test CA", 30, &ca->cert), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_fingerprint(ca->cert, ca->pin), 0);
}

static inline void authority_done(struct authority *ca)
{
	tacit_key_free(ca->key);
	tacit_cert_free(ca->cert);
}

static inline void leaf_init(struct leaf *leaf, const struct authority *ca, enum tacit_cert_use use,
			     const char *name, const char *names, int64_t valid_sec)
{
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&leaf->key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(ca->cert, ca->key, leaf->key, use, name, names,
					     valid_sec, &leaf->cert),
			      0);
}

static inline void leaf_done(struct leaf *leaf)
{
	tacit_key_free(leaf->key);
	tacit_cert_free(leaf->cert);
}

struct tls_exchange {
	struct tls_server *server;
	struct bufferevent *bev;
	char method[8], path[512];
	const char *head; /* the request line and headers, NUL-terminated */
	const char *body;
	size_t body_len;
	char peer[65]; /* common name of the client's certificate, or "" */
};

typedef void tls_answer_fn(void *ctx, struct tls_exchange *exchange);

struct tls_server {
	struct event_base *base;
	SSL_CTX *tls;
	struct evconnlistener *listener;
	struct bufferevent *open[64];
	tls_answer_fn *answer;
	void *ctx;
	char url[64];
	unsigned connections, resumed, requests;
	size_t bytes; /* of requests, after TLS */
	bool close_after_answer;
};

static inline void tls_close(struct tls_server *server, struct bufferevent *bev)
{
	for (size_t i = 0; i < 64; i++)
		if (server->open[i] == bev)
			server->open[i] = NULL;
	bufferevent_free(bev);
}

/* Says @text and no more; "%s" and friends are not looked at. */
static inline void tls_say(struct tls_exchange *exchange, const char *text, size_t len)
{
	(void)bufferevent_write(exchange->bev, text, len);
}

/* @head: status and headers without the last, empty line. */
static inline void tls_reply(struct tls_exchange *exchange, const char *head, const void *body,
			     size_t len)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head,
			 len);

	tls_say(exchange, line, (size_t)n);
	if (len)
		tls_say(exchange, (const char *)body, len);
}

static inline void tls_server_on_flushed(struct bufferevent *bev, void *ctx)
{
	tls_close((struct tls_server *)ctx, bev);
}

static inline void tls_server_on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct tls_server *server = (struct tls_server *)ctx;

	if (what & BEV_EVENT_CONNECTED)
		server->resumed += SSL_session_reused(bufferevent_openssl_get_ssl(bev)) ? 1 : 0;
	else
		tls_close(server, bev);
}

static inline void tls_server_on_read(struct bufferevent *bev, void *ctx)
{
	struct tls_server *server = (struct tls_server *)ctx;
	struct evbuffer *input = bufferevent_get_input(bev);
	struct tls_exchange exchange = { .server = server, .bev = bev };
	size_t len = evbuffer_get_length(input), head_len;
	char *text = (char *)calloc(1, len + 1);
	const char *end, *length;
	X509 *peer;

	(void)evbuffer_copyout(input, text, len);
	end = strstr(text, "\r\n\r\n");
	length = end ? strcasestr(text, "\r\ncontent-length:") : NULL;
	head_len = end ? (size_t)(end - text) + 4 : 0;
	exchange.body_len = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	if (!end || len < head_len + exchange.body_len) {
		free(text);
		return;
	}
	(void)evbuffer_drain(input, len);
	server->bytes += len;
	server->requests++;
	text[head_len - 2] = '\0';
	(void)sscanf(text, "%7s %511s", exchange.method, exchange.path);
	exchange.head = text;
	exchange.body = text + head_len;
	peer = SSL_get0_peer_certificate(bufferevent_openssl_get_ssl(bev));
	if (peer)
		(void)!tacit_cert_common_name(peer, exchange.peer, sizeof(exchange.peer));
	server->answer(server->ctx, &exchange);
	if (server->close_after_answer && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		tls_close(server, bev);
	else if (server->close_after_answer)
		bufferevent_setcb(bev, NULL, tls_server_on_flushed, tls_server_on_event, server);
	free(text);
}

static inline void tls_server_on_accept(struct evconnlistener *listener, evutil_socket_t fd,
					struct sockaddr *address, int len, void *ctx)
{
	struct tls_server *server = (struct tls_server *)ctx;
	struct bufferevent *bev = bufferevent_openssl_socket_new(
		server->base, fd, SSL_new(server->tls), BUFFEREVENT_SSL_ACCEPTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	size_t i = 0;

	(void)listener;
	(void)address;
	(void)len;
	server->connections++;
	while (i < 63 && server->open[i])
		i++;
	server->open[i] = bev;
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	bufferevent_setcb(bev, tls_server_on_read, NULL, tls_server_on_event, server);
	(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static inline int tls_server_any_client(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

/* @chain: sent after the leaf; may be NULL. */
static inline void tls_server_init(struct tls_server *server, struct event_base *base,
				   const struct leaf *leaf, X509 *chain, tls_answer_fn *answer,
				   void *ctx)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	(void)signal(SIGPIPE, SIG_IGN); /* libevent writes to clients that have gone */
	*server = (struct tls_server){ .base = base, .answer = answer, .ctx = ctx };
	server->tls = SSL_CTX_new(TLS_server_method());
	CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate(server->tls, leaf->cert), 1);
	CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey(server->tls, leaf->key), 1);
	if (chain)
		CU_ASSERT_EQUAL_FATAL(SSL_CTX_add1_chain_cert(server->tls, chain), 1);
	SSL_CTX_set_verify(server->tls, SSL_VERIFY_PEER, tls_server_any_client);
	(void)SSL_CTX_set_session_id_context(server->tls, (const unsigned char *)"test", 4);
	server->listener = evconnlistener_new_bind(base, tls_server_on_accept, server,
						   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16,
						   (struct sockaddr *)&address, sizeof(address));
	CU_ASSERT_PTR_NOT_NULL_FATAL(server->listener);
	(void)getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address,
			  &len);
	(void)snprintf(server->url, sizeof(server->url), "https://localhost:%u",
		       ntohs(address.sin_port));
}

static inline void tls_server_drop_connections(struct tls_server *server)
{
	for (size_t i = 0; i < 64; i++)
		if (server->open[i])
			tls_close(server, server->open[i]);
}

static inline void tls_server_done(struct tls_server *server)
{
	tls_server_drop_connections(server);
	evconnlistener_free(server->listener);
	SSL_CTX_free(server->tls);
}

#endif /* TACIT_TESTS_TLS_SERVER_H */
