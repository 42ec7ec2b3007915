/* SPDX-License-Identifier: MIT */
/*
 * shamir - a 32-byte secret in shares, any threshold of which give it back and fewer say nothing.
 * Shamir: How to share a secret, CACM 1979; shared here as Bell et al. 2020 (ia.cr/2020/704),
 * section 3, use it.
 *
 * The secret, a big-endian number, is cut into nine limbs of 31 bits, the most significant first,
 * each shared by its own polynomial over the integers modulo p = 2^31 + 11. Host number i
 * holds the values at x = i + 1. Everything that is done with limbs, coefficients and shares takes
 * the same time whatever they are; host numbers are public.
 */
#ifndef TACIT_SHAMIR_H
#define TACIT_SHAMIR_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>
#include <tacit/random.h>

#define TACIT_SHAMIR_PRIME	2147483659U
#define TACIT_SHAMIR_SECRET_LEN 32U
#define TACIT_SHAMIR_LIMBS	9U
#define TACIT_SHAMIR_SHARE_LEN	36U   /* a little-endian u32 for each limb */
#define TACIT_SHAMIR_MAX	1024U /* shares of one secret */

/**
 * tacit_shamir_share - split a secret.
 * @threshold: 1..@n shares give it back.
 * @holder: @n host numbers below 2^31, distinct; 1 <= @n <= TACIT_SHAMIR_MAX.
 * @ret: @n shares, in the order of @holder.
 *
 * Returns 0, -EINVAL or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_shamir_share(struct tacit_random *random,
					const uint8_t secret[TACIT_SHAMIR_SECRET_LEN],
					size_t threshold, const uint32_t *holder, size_t n,
					uint8_t (*ret)[TACIT_SHAMIR_SHARE_LEN]);

/**
 * tacit_shamir_weights - what each holder's share counts in the secret (Lagrange, at 0).
 * @holder: @n distinct host numbers below 2^31.
 * @ret: @n weights, good for every secret that these holders share.
 *
 * Returns 0, or -EINVAL when a number is there twice or @n is not in 1..TACIT_SHAMIR_MAX.
 */
TACIT_MUST_CHECK int tacit_shamir_weights(const uint32_t *holder, size_t n, uint32_t *ret);

/* The value at 0 of the polynomial with these @n values, each below p: one limb. */
uint32_t tacit_shamir_interpolate(const uint32_t *weight, const uint32_t *value, size_t n);

/**
 * tacit_shamir_combine - give a secret back.
 * @weight: of the @n holders, n at least the threshold.
 * @share: theirs, in the same order.
 *
 * Returns 0, or TACIT_EDAMAGED when they are no shares of any 32 bytes. Shares of different
 * secrets mostly give 32 bytes that are neither: hold the result against a digest.
 */
TACIT_MUST_CHECK int tacit_shamir_combine(const uint32_t *weight, const uint8_t *const *share,
					  size_t n, uint8_t ret[TACIT_SHAMIR_SECRET_LEN]);

#endif /* TACIT_SHAMIR_H */
