/* SPDX-License-Identifier: MIT */
/*
 * vouch - who signs and verifies in secure sums: the identity that secagg.h asks for, made of the
 * fleet's certificates. A host is the SHA-256 of its public key, its certificate (DER) is one that
 * the CA issued for host authentication and that is good now; the aggregator is the CA's key.
 *
 * Certificates that were found good are kept, so that a host that meets its neighbours in every
 * phase, and a process with many hosts, verifies each once.
 */
#ifndef TACIT_VOUCH_H
#define TACIT_VOUCH_H

#include <openssl/types.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/secagg.h>

struct tacit_vouch;

/* @ca: borrowed for the call. @wall_ms: NULL: tacit_clock_wall_ms(). 0, -ENOMEM or TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_vouch_new(const X509 *ca, int64_t (*wall_ms)(void),
				     struct tacit_vouch **ret);

/* True when it verifies by exactly this CA. */
bool tacit_vouch_is_of(const struct tacit_vouch *vouch, const X509 *ca);

/*
 * The members of struct tacit_secagg_identity; @vouch is not changed as far as anyone can see, and
 * borrowed as long as the identity lives. 0, TACIT_EUNTRUSTED, TACIT_ECRYPTO, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_vouch_for_host(struct tacit_vouch *vouch, const uint8_t *id,
					  const struct tacit_secagg_blob *cert, const void *data,
					  size_t len, const struct tacit_secagg_blob *sig);
TACIT_MUST_CHECK int tacit_vouch_for_server(const struct tacit_vouch *vouch, const void *data,
					    size_t len, const struct tacit_secagg_blob *sig);

/* NULL is fine. */
void tacit_vouch_free(struct tacit_vouch *vouch);
TACIT_DEFINE_CLEANUP(struct tacit_vouch, tacit_vouch_free)

#endif /* TACIT_VOUCH_H */
