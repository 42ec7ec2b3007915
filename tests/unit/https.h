/* SPDX-License-Identifier: MIT */
/* A CA, a TLS server of ours and clients of it, in one thread: whoever waits turns the loop. */
#ifndef TACIT_TESTS_HTTPS_H
#define TACIT_TESTS_HTTPS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include <tacit/cleanup.h>
#include <tacit/clock.h>
#include <tacit/x509.h>

#include "aggregator/http.h"
#include "aggregator/tls.h"
#include "unit.h"

#define HTTPS_PATIENCE_MS 30000

struct https_identity {
	EVP_PKEY *key;
	X509 *cert;
};

struct https {
	struct event_base *base;
	struct https_identity ca, server;
	SSL_CTX *tls; /* NULL: plain text */
	struct tacit_http *http;
	uint16_t port;
};

struct https_client {
	struct https *server;
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
	char got[131072]; /* and a NUL */
	size_t len;
	bool closed;
};

static inline void https_must(bool held, const char *what)
{
	if (held)
		return;
	printf("Bail out! fixture: %s\n", what);
	exit(EXIT_FAILURE);
}

static inline struct https_identity https_ca(const char *name)
{
	struct https_identity ca = { NULL, NULL };

	https_must(tacit_key_generate(&ca.key) == 0, "key");
	https_must(tacit_ca_create(ca.key, name, 1, &ca.cert) == 0, "ca");
	return ca;
}

static inline struct https_identity https_issue(const struct https_identity *ca,
						enum tacit_cert_use use, const char *name,
						int64_t valid_sec)
{
	struct https_identity who = { NULL, NULL };
	const char *names = use == TACIT_CERT_SERVER ? "127.0.0.1,localhost" : NULL;

	https_must(tacit_key_generate(&who.key) == 0, "key");
	https_must(tacit_ca_issue(ca->cert, ca->key, who.key, use, name, names, valid_sec,
				  &who.cert) == 0,
		   "certificate");
	return who;
}

static inline void https_forget(struct https_identity *who)
{
	tacit_key_free(who->key);
	tacit_cert_free(who->cert);
}

static inline int https_bind(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	https_must(fd >= 0 && bind(fd, (const struct sockaddr *)&at, len) == 0 &&
			   listen(fd, 64) == 0 &&
			   getsockname(fd, (struct sockaddr *)&at, &len) == 0,
		   "listening socket");
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static inline void https_open(struct https *https, const struct tacit_http_params *given, bool tls)
{
	struct tacit_http_params params = *given;

	(void)signal(SIGPIPE, SIG_IGN);
	memset(https, 0, sizeof(*https));
	https->base = event_base_new();
	if (tls) {
		https->ca = https_ca("test-ca");
		https->server = https_issue(&https->ca, TACIT_CERT_SERVER, "server", 3600);
		https_must(tacit_tls_new(&(struct tacit_tls_params){ .cert = https->server.cert,
								     .key = https->server.key,
								     .ca = https->ca.cert },
					 &https->tls) == 0,
			   "tls context");
	}
	params.base = https->base;
	params.tls = https->tls;
	https_must(tacit_http_new(&params, &https->http) == 0, "server");
	https_must(tacit_http_listen(https->http, https_bind(&https->port)) == 0, "listen");
}

static inline void https_close(struct https *https)
{
	tacit_http_free(https->http);
	tacit_tls_free(https->tls);
	https_forget(&https->server);
	https_forget(&https->ca);
	event_base_free(https->base);
}

static inline struct tacit_http_counters https_counters(const struct https *https)
{
	struct tacit_http_counters counters;

	tacit_http_counters(https->http, &counters);
	return counters;
}

/* One turn of the server's loop; sleeps a little when nothing happens on @fd. */
static inline void https_turn(struct https *https, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	(void)event_base_loop(https->base, EVLOOP_NONBLOCK);
	(void)poll(&wait, fd >= 0, 1);
}

/* Turns the loop until @done says so. */
#define HTTPS_UNTIL(https, done)                                                                   \
	do {                                                                                       \
		int64_t https_end_ = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;                    \
		while (!(done) && tacit_clock_boot_ms() < https_end_)                              \
			https_turn(https, -1);                                                     \
		CU_ASSERT(done);                                                                   \
	} while (0)

/* Connected, nothing said yet. */
static inline void https_client_open(struct https_client *client, struct https *server)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server->port) };

	memset(client, 0, sizeof(*client));
	client->server = server;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	https_must(connect(client->fd, (const struct sockaddr *)&to, sizeof(to)) == 0, "connect");
	https_must(evutil_make_socket_nonblocking(client->fd) == 0, "nonblocking");
}

static inline void https_client_close(struct https_client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->tls);
	if (client->fd >= 0)
		(void)close(client->fd);
	client->ssl = NULL;
	client->tls = NULL;
	client->fd = -1;
}

/* Waits until OpenSSL may go on; false when it has failed for good. */
static inline bool https_client_wait(struct https_client *client, int result, int64_t until_ms)
{
	int error = SSL_get_error(client->ssl, result);

	https_turn(client->server, client->fd);
	return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) &&
	       tacit_clock_boot_ms() < until_ms;
}

/* True when both sides agree. @who may be NULL: no certificate. */
static inline bool https_client_handshake(struct https_client *client,
					  const struct https_identity *who)
{
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;
	int r;

	client->tls = SSL_CTX_new(TLS_client_method());
	(void)X509_STORE_add_cert(SSL_CTX_get_cert_store(client->tls), client->server->ca.cert);
	SSL_CTX_set_verify(client->tls, SSL_VERIFY_PEER, NULL);
	if (who) {
		https_must(SSL_CTX_use_certificate(client->tls, who->cert) == 1, "certificate");
		https_must(SSL_CTX_use_PrivateKey(client->tls, who->key) == 1, "key");
	}
	client->ssl = SSL_new(client->tls);
	(void)SSL_set_fd(client->ssl, client->fd);
	SSL_set_connect_state(client->ssl);
	do
		r = SSL_do_handshake(client->ssl);
	while (r != 1 && https_client_wait(client, r, until_ms));
	return r == 1;
}

/* True when all of it could be sent. */
static inline bool https_client_send(struct https_client *client, const void *data, size_t len)
{
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;
	const char *at = (const char *)data;

	while (len > 0 && tacit_clock_boot_ms() < until_ms) {
		ssize_t n = client->ssl ? SSL_write(client->ssl, at, (int)len)
					: send(client->fd, at, len, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (client->ssl && !https_client_wait(client, (int)n, until_ms)) {
			return false;
		} else if (!client->ssl && errno != EAGAIN) {
			return false;
		}
		https_turn(client->server, -1);
	}
	return len == 0;
}

/* Takes what is there; notes the end of the connection. */
static inline void https_client_receive(struct https_client *client)
{
	size_t room = sizeof(client->got) - 1 - client->len;
	ssize_t n = client->ssl ? SSL_read(client->ssl, client->got + client->len, (int)room)
				: recv(client->fd, client->got + client->len, room, 0);

	if (n > 0) {
		client->len += (size_t)n;
		client->got[client->len] = '\0';
	} else if (client->ssl) {
		int error = SSL_get_error(client->ssl, (int)n);

		client->closed = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
	} else {
		client->closed = n == 0 || errno != EAGAIN;
	}
}

/* Bytes of the first answer in @got, 0 while it is not complete. @head: without a body. */
static inline size_t https_answer_len(const struct https_client *client, bool head)
{
	const char *end = strstr(client->got, "\r\n\r\n");
	const char *length = strcasestr(client->got, "\r\nContent-Length:");
	size_t total;

	if (!end)
		return 0;
	total = (size_t)(end + 4 - client->got);
	if (length && length < end && !head)
		total += strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	return total <= client->len ? total : 0;
}

/* Waits for an answer; its status, or 0 when the connection ends without. */
static inline int https_client_answer(struct https_client *client)
{
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;

	while (https_answer_len(client, false) == 0 && !client->closed &&
	       tacit_clock_boot_ms() < until_ms) {
		https_turn(client->server, client->fd);
		https_client_receive(client);
	}
	return client->len > 12 && strncmp(client->got, "HTTP/1.", 7) == 0 ? atoi(client->got + 9)
									   : 0;
}

static inline void https_client_await_end(struct https_client *client)
{
	int64_t until_ms = tacit_clock_boot_ms() + HTTPS_PATIENCE_MS;

	while (!client->closed && tacit_clock_boot_ms() < until_ms) {
		https_turn(client->server, client->fd);
		https_client_receive(client);
	}
	CU_ASSERT(client->closed);
}

/* Ready for the next answer on the same connection. */
static inline void https_client_next(struct https_client *client)
{
	client->len = 0;
	client->got[0] = '\0';
}

static inline int https_client_ask(struct https_client *client, const char *request)
{
	https_client_next(client);
	https_client_send(client, request, strlen(request));
	return https_client_answer(client);
}

#endif /* TACIT_TESTS_HTTPS_H */
