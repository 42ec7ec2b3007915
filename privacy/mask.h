/* SPDX-License-Identifier: MIT */
/*
 * mask - vectors that look like noise and cancel: AES-256-CTR (NIST SP 800-38A) under a key, from
 * a zero counter, read as little-endian u32, added or subtracted modulo 2^32.
 *
 * A key masks one vector, once: the same stream over two vectors would give away their difference.
 */
#ifndef TACIT_MASK_H
#define TACIT_MASK_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_MASK_KEY_LEN 32U

struct tacit_mask;

/* @ret: owned by the caller; serves any number of keys. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_mask_new(struct tacit_mask **ret);

/* Adds to, or takes from, each of @n numbers. 0, or TACIT_ECRYPTO: then @value is spoiled. */
TACIT_MUST_CHECK int tacit_mask_add(struct tacit_mask *mask, const uint8_t key[TACIT_MASK_KEY_LEN],
				    uint32_t *value, size_t n);
TACIT_MUST_CHECK int tacit_mask_subtract(struct tacit_mask *mask,
					 const uint8_t key[TACIT_MASK_KEY_LEN], uint32_t *value,
					 size_t n);

/* Wipes the last key and what is left of its stream. NULL is fine. */
void tacit_mask_free(struct tacit_mask *mask);
TACIT_DEFINE_CLEANUP(struct tacit_mask, tacit_mask_free)

#endif /* TACIT_MASK_H */
