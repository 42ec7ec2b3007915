/* SPDX-License-Identifier: MIT */
/*
 * tls - how the server speaks TLS: 1.3 only, our CA alone trusted, a client certificate asked
 * for and verified but not demanded, for enrolment has none yet; routes demand it.
 */
#ifndef TACIT_AGGREGATOR_TLS_H
#define TACIT_AGGREGATOR_TLS_H

#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_tls_params {
	X509 *cert;    /* the server's; borrowed, as the others */
	EVP_PKEY *key; /* its key */
	X509 *ca;      /* who issues client certificates */
};

/**
 * tacit_tls_new - a context for a server.
 * @ret: owned by the caller.
 *
 * No session is ever resumed: a resumed one would not look at the client's certificate
 * again, and OpenSSL spends more on a ticket than on half a handshake.
 *
 * Returns 0, TACIT_EUNTRUSTED (the key is not the certificate's), TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_tls_new(const struct tacit_tls_params *params, SSL_CTX **ret);

/* NULL is fine. Connections that use it keep it alive. */
void tacit_tls_free(SSL_CTX *tls);
TACIT_DEFINE_CLEANUP(SSL_CTX, tacit_tls_free)

#endif /* TACIT_AGGREGATOR_TLS_H */
