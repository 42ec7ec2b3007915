/* SPDX-License-Identifier: MIT */
/*
 * uplink - the asynchronous HTTPS client: libcurl's multi interface driven by libevent, behind
 * this interface, so that no other file knows curl. One uplink serves every host of a process; a
 * *client* is one host's identity towards one aggregator.
 *
 * TLS 1.3 and HTTP/1.1 only, no redirects, no proxies, no decompression. Names are resolved off
 * the loop; nothing here blocks. Connections are kept alive and TLS sessions resumed per client.
 * The program ignores SIGPIPE.
 */
#ifndef TACIT_AGENT_UPLINK_H
#define TACIT_AGENT_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/problem.h>

struct event_base;
struct tacit_uplink;
struct tacit_uplink_client;

#define TACIT_UPLINK_PATH_MAX	  256U
#define TACIT_UPLINK_ETAG_MAX	  128U
#define TACIT_UPLINK_TYPE_MAX	  128U
#define TACIT_UPLINK_HEADERS_MAX  16384U /* bytes of an answer's header */
#define TACIT_UPLINK_PROBLEM_MAX  8192U	 /* bytes of an error's body, whatever the request allows */
#define TACIT_UPLINK_RETRY_MAX_MS 86400000 /* a longer Retry-After is taken as this */
#define TACIT_UPLINK_CONNECT_MS	  10000
#define TACIT_UPLINK_TIMEOUT_MS	  60000
#define TACIT_UPLINK_CONNECTIONS  4U /* what a single host needs is 1 */

#define TACIT_UPLINK_CONNECTIONS_MAX 16384U

/* Who we are and whom we trust. Everything is borrowed for the call that takes it. */
struct tacit_uplink_tls {
	const char *url;      /* "https://name[:port]", no trailing slash */
	const X509 *ca;	      /* the aggregator's CA; NULL while only its pin is known */
	const uint8_t *pin;   /* TACIT_FINGERPRINT_LEN bytes; used when @ca is NULL */
	const char *cert_pem; /* our certificate and key; both NULL: anonymous */
	const char *key_pem;
};

/* Everything is borrowed: @body until the answer, the rest for the call. */
struct tacit_uplink_request {
	const char *method; /* "GET" or "PUT" */
	const char *path;   /* begins with '/', at most TACIT_UPLINK_PATH_MAX bytes */
	const char *type;   /* Content-Type of @body; NULL without one */
	const void *body;
	size_t body_len;
	const char *if_none_match; /* strong ETag with its quotes; NULL: none */
	size_t answer_max;	   /* bytes of a 2xx body */
	uint32_t timeout_ms;	   /* for the whole exchange; 0: TACIT_UPLINK_TIMEOUT_MS */
	uint32_t prefer_wait_sec;  /* the server may hold the answer back so long (RFC 7240), and
				    * be silent; well below @timeout_ms; 0: it may not */
};

/* Plain record; what it points at is borrowed for the callback. */
struct tacit_uplink_result {
	/* 0: there is an answer, whatever its status. Else there is none: TACIT_EUNTRUSTED (pin,
	 * chain or name did not verify), -E2BIG, -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH (name
	 * unknown or no way there), -ECONNRESET, -EPROTO (not TLS 1.3, not HTTP), TACIT_EREMOTE
	 * (truncated, or another failure), TACIT_ECRYPTO (our own key or certificate), -ENOMEM. */
	int error;
	const char *detail;	/* what the transport says of @error; "" when 0 */
	int status;		/* HTTP status; 0 when @error */
	const char *type;	/* media type in lower case, no parameters; "" when none */
	const char *etag;	/* with quotes; "" when none or too long */
	int64_t retry_after_ms; /* 0..TACIT_UPLINK_RETRY_MAX_MS; 0 when none */
	const void *body;
	size_t body_len;
	struct tacit_problem problem; /* what a 4xx or 5xx said; .status 0 when it said nothing */
};

/* Called from the loop, once per request that was taken and not cancelled. May send the next
 * request or free the client, not the uplink. */
typedef void tacit_uplink_done(void *ctx, const struct tacit_uplink_result *result);

/**
 * tacit_uplink_new - a client engine on @base.
 * @base: borrowed, outlives the uplink.
 * @connections: exchanges under way and connections open at once,
 *               1..TACIT_UPLINK_CONNECTIONS_MAX; further requests wait their turn, and their
 *               timeout begins when it comes.
 * @ret: owned by the caller.
 *
 * Returns 0, -EINVAL, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_uplink_new(struct event_base *base, unsigned connections,
				      struct tacit_uplink **ret);

/* Handshakes made (resumed ones too), exchanges ended, and how many gave no answer. */
struct tacit_uplink_counters {
	uint64_t connects, requests, failures;
};

void tacit_uplink_counters(const struct tacit_uplink *uplink, struct tacit_uplink_counters *ret);

/* NULL is fine. Its clients must be gone. */
void tacit_uplink_free(struct tacit_uplink *uplink);
TACIT_DEFINE_CLEANUP(struct tacit_uplink, tacit_uplink_free)

/* A client that knows nobody yet. @uplink: borrowed, outlives it. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_uplink_client_new(struct tacit_uplink *uplink,
					     struct tacit_uplink_client **ret);

/* Takes on an identity (copied), for requests from now on. 0, -EINVAL (URL not https, neither
 * @ca nor @pin), -EBUSY (a request is under way), TACIT_ECRYPTO, -ENOMEM. */
TACIT_MUST_CHECK int tacit_uplink_client_set_tls(struct tacit_uplink_client *client,
						 const struct tacit_uplink_tls *tls);

/**
 * tacit_uplink_client_send - begin an exchange; one at a time for each client.
 * @done, @ctx: told of its end, never before this returns.
 *
 * With only a pin known, nothing of the request leaves before the server's chain was found to
 * hold a CA certificate with that public key, to verify under it, and to bear the URL's name.
 *
 * Returns 0, -EINVAL (bad path or method, no identity yet), -EBUSY, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_uplink_client_send(struct tacit_uplink_client *client,
					      const struct tacit_uplink_request *request,
					      tacit_uplink_done *done, void *ctx);

/* Ends what is under way without calling back. */
void tacit_uplink_client_cancel(struct tacit_uplink_client *client);

/* The CA that matched the pin in the last exchange; borrowed; NULL before, or without a pin. */
const X509 *tacit_uplink_client_ca(const struct tacit_uplink_client *client);

/* Bytes of HTTP, headers included, without TLS. */
void tacit_uplink_client_bytes(const struct tacit_uplink_client *client, uint64_t *ret_up,
			       uint64_t *ret_down);

/* NULL is fine. Cancels. */
void tacit_uplink_client_free(struct tacit_uplink_client *client);
TACIT_DEFINE_CLEANUP(struct tacit_uplink_client, tacit_uplink_client_free)

/* What a participant needs of a client, so that tests can stand in for the network. */
struct tacit_transport {
	int (*set_tls)(void *ctx, const struct tacit_uplink_tls *tls);
	int (*send)(void *ctx, const struct tacit_uplink_request *request, tacit_uplink_done *done,
		    void *done_ctx);
	void (*cancel)(void *ctx);
	const X509 *(*ca)(void *ctx);
};

/* The real one; its ctx is a struct tacit_uplink_client *. */
extern const struct tacit_transport tacit_uplink_transport;

#endif /* TACIT_AGENT_UPLINK_H */
