/* SPDX-License-Identifier: MIT */
/*
 * digest - SHA-256 (FIPS 180-4) over several pieces, as if they were one. Pieces of variable length
 * belong at the end, or behind their length: the digest does not see the seams.
 */
#ifndef TACIT_PRIVACY_DIGEST_H
#define TACIT_PRIVACY_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>

#define TACIT_SHA256_LEN 32U

struct tacit_digest_piece {
	const void *data;
	size_t len;
};

/* @ret may be one of the pieces. 0 or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_digest(const struct tacit_digest_piece *piece, size_t n,
				  uint8_t ret[TACIT_SHA256_LEN]);

/* tacit_digest() of the pieces that follow: { data, len }, ... */
#define tacit_digest_of(ret, ...)                                                                  \
	tacit_digest((const struct tacit_digest_piece[]){ __VA_ARGS__ },                           \
		     sizeof((const struct tacit_digest_piece[]){ __VA_ARGS__ }) /                  \
			     sizeof(struct tacit_digest_piece),                                    \
		     ret)

#endif /* TACIT_PRIVACY_DIGEST_H */
