/* SPDX-License-Identifier: MIT */
/*
 * pin - trust in a CA that is known only by the SHA-256 of its public key: the first contact of a
 * host with its aggregator, which sends its CA along in the TLS chain.
 */
#ifndef TACIT_AGENT_PIN_H
#define TACIT_AGENT_PIN_H

#include <stdint.h>

#include <openssl/types.h>

#include <tacit/error.h>

/**
 * tacit_pin_verify - verify the chain of a handshake under the pinned CA alone.
 * @store:  what OpenSSL hands to a certificate verify callback; its purpose and parameters apply.
 * @pin:    TACIT_FINGERPRINT_LEN bytes.
 * @ret_ca: the CA certificate in the chain whose public key has the pin and under which the
 *          chain verifies, self-signature included; owned by the caller (tacit_cert_free()).
 *
 * The host name is not looked at: the caller's TLS library compares it. Returns 0, TACIT_EUNTRUSTED
 * (the reason is left in @store), -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_pin_verify(X509_STORE_CTX *store, const uint8_t *pin, X509 **ret_ca);

#endif /* TACIT_AGENT_PIN_H */
