/* SPDX-License-Identifier: MIT */
/* What the encoders and decoders of secagg.h share: heads, lists and blobs. */
#ifndef TACIT_SECAGG_WIRE_H
#define TACIT_SECAGG_WIRE_H

#include <tacit/secagg.h>

/* @config: NULL in a CONFIG, which has none. */
void tacit_secagg_write_head(struct tacit_writer *writer, enum tacit_secagg_type type,
			     const uint8_t *config);

/* 0, TACIT_ESCHEMA, or TACIT_ECONFLICT when the digest is not @config. */
TACIT_MUST_CHECK int tacit_secagg_read_head(struct tacit_reader *reader,
					    enum tacit_secagg_type type, const uint8_t *config);

/* A u32 from @min to @max; fails the reader when it is outside. */
uint32_t tacit_secagg_read_range(struct tacit_reader *reader, uint32_t min, uint32_t max);

/* The length of a list, at most TACIT_SECAGG_DEGREE_MAX entries of at least @entry_len bytes that
 * are there to be read; else 0, and the reader fails. */
uint32_t tacit_secagg_read_count(struct tacit_reader *reader, size_t entry_len);

/* A host number of a list in ascending order: above *@last, which starts at -1. */
uint32_t tacit_secagg_read_next(struct tacit_reader *reader, int64_t *last);

/* @len bytes into @ret, zero when they are not there. */
void tacit_secagg_read_fixed(struct tacit_reader *reader, void *ret, size_t len);

/* A signature: u8 length, 1..TACIT_SECAGG_SIGNATURE_MAX. */
struct tacit_secagg_blob tacit_secagg_read_signature(struct tacit_reader *reader);
void tacit_secagg_write_signature(struct tacit_writer *writer,
				  const struct tacit_secagg_blob *signature);

/* Host number @i of a list of u32 as it is on the wire. */
uint32_t tacit_secagg_number_at(const uint8_t *list, uint32_t i);

#endif /* TACIT_SECAGG_WIRE_H */
