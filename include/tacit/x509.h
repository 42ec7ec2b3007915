/* SPDX-License-Identifier: MIT */
/*
 * x509 - keys, requests, certificates and the enrolment token. P-256 keys, ECDSA
 * with SHA-256, PEM on disk and on the wire.
 */
#ifndef TACIT_X509_H
#define TACIT_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_PEM_MAX        16384U
#define TACIT_FINGERPRINT_LEN 32U /* SHA-256 of SubjectPublicKeyInfo, DER */

void tacit_key_free(EVP_PKEY *key);
void tacit_cert_free(X509 *cert);
TACIT_DEFINE_CLEANUP(EVP_PKEY, tacit_key_free)
TACIT_DEFINE_CLEANUP(X509, tacit_cert_free)

/* SHA-256 of @len bytes. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_sha256(const void *data, size_t len, uint8_t digest[32]);

/* 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_key_generate(EVP_PKEY **ret);

/* Writes atomically (temporary file, fsync, rename), mode 0600. 0, TACIT_ECRYPTO, or errno. */
TACIT_MUST_CHECK int tacit_key_save(const EVP_PKEY *key, const char *path);

/* 0, -ENOENT and other errno, TACIT_EDAMAGED (not a P-256 private key). */
TACIT_MUST_CHECK int tacit_key_load(const char *path, EVP_PKEY **ret);

/* SHA-256 of the public key. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_key_fingerprint(const EVP_PKEY *key,
					   uint8_t fingerprint[TACIT_FINGERPRINT_LEN]);
TACIT_MUST_CHECK int tacit_cert_fingerprint(const X509 *cert,
					    uint8_t fingerprint[TACIT_FINGERPRINT_LEN]);

/* ECDSA-SHA256 (DER). @sig holds TACIT_SIGNATURE_MAX bytes. 0 or TACIT_ECRYPTO. */
#define TACIT_SIGNATURE_MAX 80U
TACIT_MUST_CHECK int tacit_key_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t *sig,
				    size_t *ret_len);

/* 0, TACIT_EUNTRUSTED, TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_key_verify_signature(EVP_PKEY *key, const void *data, size_t len,
						const uint8_t *sig, size_t sig_len);
TACIT_MUST_CHECK int tacit_cert_verify_signature(const X509 *cert, const void *data, size_t len,
						 const uint8_t *sig, size_t sig_len);

/* PEM, owned by the caller (tacit_free). 0, TACIT_ECRYPTO, -ENOMEM. */
TACIT_MUST_CHECK int tacit_csr_create(EVP_PKEY *key, char **ret_pem);

/**
 * tacit_csr_parse - a foreign request: checks size, key type (P-256) and self-signature.
 * @ret_key: its public key, owned by the caller. Everything else in it is ignored: the
 *           issuer fixes the subject and the extensions.
 *
 * Returns 0, TACIT_ESCHEMA (not a request, another kind of key), TACIT_EUNTRUSTED (its signature
 * does not verify), -E2BIG.
 */
TACIT_MUST_CHECK int tacit_csr_parse(const char *pem, size_t len, EVP_PKEY **ret_key);

/* PEM of exactly one certificate. 0, TACIT_ESCHEMA, -E2BIG; save as tacit_key_save, mode 0644. */
TACIT_MUST_CHECK int tacit_cert_parse(const char *pem, size_t len, X509 **ret);
TACIT_MUST_CHECK int tacit_cert_format(const X509 *cert, char **ret_pem);
TACIT_MUST_CHECK int tacit_cert_load(const char *path, X509 **ret);
TACIT_MUST_CHECK int tacit_cert_save(const X509 *cert, const char *path);

/* The same in DER; @ret: owned by the caller. */
TACIT_MUST_CHECK int tacit_cert_parse_der(const uint8_t *data, size_t len, X509 **ret);
TACIT_MUST_CHECK int tacit_cert_format_der(const X509 *cert, uint8_t **ret, size_t *ret_len);

/* Wall-clock milliseconds. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_cert_validity(const X509 *cert, int64_t *ret_from_ms,
					 int64_t *ret_until_ms);

/* Common name of the subject into @name (@size bytes). 0, -ENOENT, -E2BIG. */
TACIT_MUST_CHECK int tacit_cert_common_name(const X509 *cert, char *name, size_t size);

/* Self-signed CA for @key, @days (1..36600) from now. @name: 1..64 bytes. 0, -EINVAL,
 * TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_ca_create(EVP_PKEY *key, const char *name, unsigned days, X509 **ret);

enum tacit_cert_use {
	TACIT_CERT_HOST,   /* client authentication */
	TACIT_CERT_SERVER, /* server authentication */
};

/**
 * tacit_ca_issue - a certificate under the CA.
 * @public_key: the subject's.
 * @common_name: 1..64 bytes of [A-Za-z0-9._-].
 * @names: comma-separated DNS names and IP addresses for the subject alternative name; NULL
 *         for none.
 * @valid_sec: life from now on, more than -300: it begins five minutes ago, for clocks differ.
 *         (A test makes an expired certificate with -1.)
 *
 * Returns 0, -EINVAL (a name or @valid_sec as above, @ca_key is not that of @ca), TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_ca_issue(const X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *public_key,
				    enum tacit_cert_use use, const char *common_name,
				    const char *names, int64_t valid_sec, X509 **ret);

/* Did @ca issue it, for this use and no other? Says nothing of its validity. */
bool tacit_cert_is_for(const X509 *cert, const X509 *ca, enum tacit_cert_use use);

/*
 * The enrolment token, one line: "tacit1.<url>.<secret>.<pin>", each part base64url: the
 * aggregator's https:// URL, a 32-byte secret, and the SHA-256 of the CA's public key.
 */
#define TACIT_TOKEN_URL_MAX    512U
#define TACIT_TOKEN_SECRET_LEN 32U
#define TACIT_TOKEN_TEXT_MAX   1024U

struct tacit_token {
	char url[TACIT_TOKEN_URL_MAX + 1]; /* no trailing slash */
	uint8_t secret[TACIT_TOKEN_SECRET_LEN];
	uint8_t pin[TACIT_FINGERPRINT_LEN];
};

/* @text holds TACIT_TOKEN_TEXT_MAX bytes. */
void tacit_token_format(const struct tacit_token *token, char *text);

/* White space around the line is ignored. 0, -E2BIG, TACIT_ESCHEMA; @why (may be NULL, @size bytes)
 * says which part is wrong and never repeats any of it. */
TACIT_MUST_CHECK int tacit_token_parse(const char *text, size_t len, struct tacit_token *ret,
				       char *why, size_t size);

/* Wipes the secret; for TACIT_CLEANUP(). */
void tacit_token_done(struct tacit_token *token);

#endif /* TACIT_X509_H */
