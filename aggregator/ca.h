/* SPDX-License-Identifier: MIT */
/*
 * ca - the fleet's certificate authority, made at the first start, and the server's own
 * certificate under it. Files in the state folder: ca.key, ca.crt, server.key, server.crt.
 *
 * The CA key signs host certificates and releases; its public key is the pin in every token.
 */
#ifndef TACIT_AGGREGATOR_CA_H
#define TACIT_AGGREGATOR_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/x509.h>

struct tacit_ca;

struct tacit_ca_params {
	const char *dir;	 /* existing folder, borrowed for the call */
	const char *names;	 /* of the server: comma-separated DNS names and addresses */
	int64_t host_cert_sec;	 /* life of a host's certificate, at least 1 */
	int64_t server_cert_sec; /* life of the server's, at least 1 */
};

/**
 * tacit_ca_open - load the CA, or make one in a folder that has none.
 *
 * Also sees to the server's certificate, as tacit_ca_renew_server(). Open it before
 * fork(); a forked process may go on using its copy.
 *
 * Returns 0, TACIT_EDAMAGED (a file is not what it should be, the certificate is not the
 * key's, or there is a certificate without its key: a new CA would lock every host out, so
 * none is made), errno of the files, -EINVAL (names), TACIT_ECRYPTO, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_ca_open(const struct tacit_ca_params *params, int64_t wall_ms,
				   struct tacit_ca **ret);

/**
 * tacit_ca_renew_server - issue the server's certificate again when it is missing, damaged,
 * for other names, of another CA, or past two thirds of its life.
 *
 * Call it hourly or so in one process; the others then call tacit_ca_reload_server().
 * Returns 1 when there is a new one, 0 when not, or an error as tacit_ca_open().
 */
TACIT_MUST_CHECK int tacit_ca_renew_server(struct tacit_ca *ca, int64_t wall_ms);

/* Reads server.key and server.crt again; what was borrowed before is gone. Errors as open, and
 * then the old pair stays. */
TACIT_MUST_CHECK int tacit_ca_reload_server(struct tacit_ca *ca);

/* Borrowed; for the TLS context. */
X509 *tacit_ca_cert(const struct tacit_ca *ca);
X509 *tacit_ca_server_cert(const struct tacit_ca *ca);
EVP_PKEY *tacit_ca_server_key(const struct tacit_ca *ca);

/* The CA's certificate as PEM, borrowed. */
const char *tacit_ca_pem(const struct tacit_ca *ca);

/* SHA-256 of the CA's public key: TACIT_FINGERPRINT_LEN bytes, borrowed. */
const uint8_t *tacit_ca_pin(const struct tacit_ca *ca);

/* A host's certificate, owned by the caller. 0, -EINVAL (@id), TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_ca_certify_host(const struct tacit_ca *ca, EVP_PKEY *public_key,
					   const char *id, X509 **ret);

/* Signs with the CA's key; as tacit_key_sign(). */
TACIT_MUST_CHECK int tacit_ca_sign(const struct tacit_ca *ca, const void *data, size_t len,
				   uint8_t sig[TACIT_SIGNATURE_MAX], size_t *ret_len);

/* NULL is fine. */
void tacit_ca_free(struct tacit_ca *ca);
TACIT_DEFINE_CLEANUP(struct tacit_ca, tacit_ca_free)

#endif /* TACIT_AGGREGATOR_CA_H */
