/* SPDX-License-Identifier: MIT */
/*
 * seal - what one host sends another through the aggregator: AES-256-GCM (NIST SP 800-38D), bound
 * to associated data that both ends know.
 *
 * A box is the nonce, the ciphertext and the tag. The nonce is random; a key seals a handful of
 * boxes at most, in one round.
 */
#ifndef TACIT_SEAL_H
#define TACIT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_SEAL_KEY_LEN   32U
#define TACIT_SEAL_NONCE_LEN 12U
#define TACIT_SEAL_TAG_LEN   16U
#define TACIT_SEAL_EXTRA_LEN (TACIT_SEAL_NONCE_LEN + TACIT_SEAL_TAG_LEN)
#define TACIT_SEAL_LEN_MAX   (1U << 20)

struct tacit_seal;

/* @ret: owned by the caller; serves any number of keys. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_seal_new(struct tacit_seal **ret);

/* Associated data, authenticated and not sent. Borrowed. */
struct tacit_seal_bound {
	const void *data;
	size_t len;
};

/* @plain: @len bytes, at most TACIT_SEAL_LEN_MAX. @box: @len + TACIT_SEAL_EXTRA_LEN bytes.
 * 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_seal_close(struct tacit_seal *seal,
				      const uint8_t key[TACIT_SEAL_KEY_LEN],
				      const uint8_t nonce[TACIT_SEAL_NONCE_LEN],
				      const struct tacit_seal_bound *bound, const uint8_t *plain,
				      size_t len, uint8_t *box);

/* The reverse: @box of @len + TACIT_SEAL_EXTRA_LEN bytes. 0, TACIT_EUNTRUSTED (another key, other
 * associated data, other bytes; @plain is zeroed) or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_seal_open(struct tacit_seal *seal, const uint8_t key[TACIT_SEAL_KEY_LEN],
				     const struct tacit_seal_bound *bound, const uint8_t *box,
				     uint8_t *plain, size_t len);

/* Wipes the last key. NULL is fine. */
void tacit_seal_free(struct tacit_seal *seal);
TACIT_DEFINE_CLEANUP(struct tacit_seal, tacit_seal_free)

#endif /* TACIT_SEAL_H */
