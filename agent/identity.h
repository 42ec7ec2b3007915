/* SPDX-License-Identifier: MIT */
/*
 * identity - who this host is to its aggregator: a key made here, the certificate that
 * enrolment issued for it, the CA that issued it, and where the aggregator is.
 *
 * On disk, in the state directory: host.key (0600), host.crt, ca.crt, aggregator.url. All are
 * replaced atomically, host.crt last. A file that does not parse or does not belong to the others
 * is renamed to <file>.damaged, said in the log, and the host counts as not enrolled.
 */
#ifndef TACIT_AGENT_IDENTITY_H
#define TACIT_AGENT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/x509.h>

#include "uplink.h"

struct tacit_identity;

#define TACIT_IDENTITY_HOST_LEN	  32U	 /* digits of a host id: the key fingerprint's first */
#define TACIT_IDENTITY_REPLY_MAX  65536U /* bytes of an enrolment's or renewal's answer */
#define TACIT_IDENTITY_CREDENTIAL "tacit.token" /* in $CREDENTIALS_DIRECTORY */

/**
 * tacit_identity_open - load what is there, or make a key.
 * @dir: state directory, which exists; NULL: in memory only (virtual hosts).
 * @ret: owned by the caller.
 *
 * Returns 0, TACIT_ECRYPTO, -ENOMEM, or what open(2), write(2) and rename(2) say. Logs what it
 * set aside.
 */
TACIT_MUST_CHECK int tacit_identity_open(const char *dir, struct tacit_identity **ret);

/* 32 hexadecimal digits, known before enrolment; and the whole fingerprint, 64 digits. Borrowed. */
const char *tacit_identity_host(const struct tacit_identity *identity);
const char *tacit_identity_fingerprint(const struct tacit_identity *identity);

/* True when there are a certificate, a CA and a URL, even if the certificate has expired. */
bool tacit_identity_is_enrolled(const struct tacit_identity *identity);

/* Borrowed; "" and NULL when not enrolled. */
const char *tacit_identity_url(const struct tacit_identity *identity);
const X509 *tacit_identity_ca(const struct tacit_identity *identity);

/* Hex SHA-256 of the CA's public key, 64 digits: how the ledger names an aggregator. "" when not
 * enrolled. Borrowed. */
const char *tacit_identity_aggregator(const struct tacit_identity *identity);

/* Life of the certificate, wall milliseconds; zeroes when not enrolled. */
struct tacit_identity_life {
	int64_t from_ms, until_ms;
	int64_t renew_ms; /* at 2/3 of it, plus up to a twelfth that differs from host to host */
};

void tacit_identity_life(const struct tacit_identity *identity, struct tacit_identity_life *ret);

/* By the wall clock, which may jump: false when not enrolled. */
bool tacit_identity_is_expired(const struct tacit_identity *identity, int64_t wall_ms);
bool tacit_identity_is_due(const struct tacit_identity *identity, int64_t wall_ms);

/* PEM of a certificate request for the key; owned by the caller. Errors as tacit_csr_create(). */
TACIT_MUST_CHECK int tacit_identity_csr(struct tacit_identity *identity, char **ret_pem);

/* As tacit_key_sign(), with the key. */
TACIT_MUST_CHECK int tacit_identity_sign(struct tacit_identity *identity, const void *data,
					 size_t len, uint8_t sig[TACIT_SIGNATURE_MAX],
					 size_t *ret_len);

/* SHA-256 of the public key, TACIT_FINGERPRINT_LEN bytes. Borrowed. */
const uint8_t *tacit_identity_key_digest(const struct tacit_identity *identity);

/* The certificate in DER; owned by the caller. -ENOENT when not enrolled, or as
 * tacit_cert_format_der(). */
TACIT_MUST_CHECK int tacit_identity_cert(const struct tacit_identity *identity, uint8_t **ret,
					 size_t *ret_len);

/* How the uplink is to present this host. Borrowed from @identity, until it changes. -ENOENT when
 * not enrolled. */
TACIT_MUST_CHECK int tacit_identity_tls(const struct tacit_identity *identity,
					struct tacit_uplink_tls *ret);

/**
 * tacit_identity_enrol_body - what to send to enrol.
 * @ret: JSON with the token's secret; owned by the caller, who wipes it (tacit_identity_wipe())
 *       before tacit_free().
 *
 * Returns 0, TACIT_ECRYPTO, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_identity_enrol_body(struct tacit_identity *identity,
					       const struct tacit_token *token, char **ret);

/* What to send to renew: JSON, owned by the caller. Errors as above. */
TACIT_MUST_CHECK int tacit_identity_renew_body(struct tacit_identity *identity, char **ret);

/**
 * tacit_identity_adopt - take on what enrolment answered.
 * @url:  the aggregator's.
 * @ca:   found behind the token's pin.
 * @json: foreign bytes: {"host", "certificate", "ca"}.
 * @why:  on failure, what is wrong (may be NULL, @size bytes).
 *
 * Everything is checked before anything changes: the certificate is for our key, bears our host
 * id, is issued by @ca, and the CA in the answer is the pinned one.
 *
 * Returns 0, -EINVAL (not JSON), TACIT_ESCHEMA, TACIT_EUNTRUSTED, TACIT_ECRYPTO, -E2BIG, -ENOMEM,
 * or what writing the files says.
 */
TACIT_MUST_CHECK int tacit_identity_adopt(struct tacit_identity *identity, const char *url,
					  const X509 *ca, const char *json, size_t len, char *why,
					  size_t size);

/* Takes on a renewed certificate: {"certificate"}. As adopt; -ENOENT when not enrolled. */
TACIT_MUST_CHECK int tacit_identity_renew(struct tacit_identity *identity, const char *json,
					  size_t len, char *why, size_t size);

/* NULL is fine. Wipes the key. */
void tacit_identity_free(struct tacit_identity *identity);
TACIT_DEFINE_CLEANUP(struct tacit_identity, tacit_identity_free)

/**
 * tacit_identity_read_token - an enrolment token from outside argv.
 * @path: a file, "-" for standard input, or NULL for $CREDENTIALS_DIRECTORY/tacit.token.
 * @ret:  tacit_token_done() it after use.
 * @why:  on failure, what is wrong; never any of the token. May be NULL, @size bytes.
 *
 * Returns 0, -ENOENT (@path NULL and no credential, or no such file), -E2BIG, TACIT_ESCHEMA, or
 * what open(2) and read(2) say.
 */
TACIT_MUST_CHECK int tacit_identity_read_token(const char *path, struct tacit_token *ret, char *why,
					       size_t size);

/* Overwrites a text that held a secret, for good. NULL is fine. */
void tacit_identity_wipe(char *text);

#endif /* TACIT_AGENT_IDENTITY_H */
