/* SPDX-License-Identifier: MIT */
/*
 * hkdf - keys from shared secrets: HKDF with SHA-256, RFC 5869. One object serves any number of
 * derivations, which spares each the look-up of its algorithms.
 */
#ifndef TACIT_HKDF_H
#define TACIT_HKDF_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_HKDF_LEN_MAX 8160U /* 255 digests: RFC 5869, section 2.3 */

struct tacit_hkdf;

/* @ret: owned by the caller. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_hkdf_new(struct tacit_hkdf **ret);

/* What goes into a key; each may be empty but the secret. Borrowed. */
struct tacit_hkdf_input {
	const void *salt;
	size_t salt_len;
	const void *secret;
	size_t secret_len;
	const void *info;
	size_t info_len;
};

/* @key: @len bytes, 1..TACIT_HKDF_LEN_MAX. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_hkdf_derive(struct tacit_hkdf *hkdf,
				       const struct tacit_hkdf_input *input, uint8_t *key,
				       size_t len);

/* NULL is fine. */
void tacit_hkdf_free(struct tacit_hkdf *hkdf);
TACIT_DEFINE_CLEANUP(struct tacit_hkdf, tacit_hkdf_free)

#endif /* TACIT_HKDF_H */
