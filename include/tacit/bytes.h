/* SPDX-License-Identifier: MIT */
/*
 * Foreign bytes go through a cursor with a sticky error: read on, check once.
 * After the first short read every further one yields zero and nothing moves.
 */
#ifndef TACIT_BYTES_H
#define TACIT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>

struct tacit_reader {
	const uint8_t *data; /* borrowed */
	size_t len;
	size_t at;
	bool failed;
};

static inline struct tacit_reader tacit_reader_init(const void *data, size_t len)
{
	return (struct tacit_reader){ .data = (const uint8_t *)data, .len = len };
}

uint8_t tacit_read_u8(struct tacit_reader *reader);
uint16_t tacit_read_u16le(struct tacit_reader *reader);
uint32_t tacit_read_u32le(struct tacit_reader *reader);
uint64_t tacit_read_u64le(struct tacit_reader *reader);
float tacit_read_f32le(struct tacit_reader *reader);
double tacit_read_f64le(struct tacit_reader *reader);

/* LEB128: seven bits a byte, the lowest first. What is longer than it need be, or than 64 bits,
 * fails: a number has one form. */
uint64_t tacit_read_varint(struct tacit_reader *reader);

/* Borrows @len bytes of the input; NULL when there are fewer left. */
const uint8_t *tacit_read_bytes(struct tacit_reader *reader, size_t len);

/* True when nothing failed and nothing is left over. */
bool tacit_read_done(const struct tacit_reader *reader);

/* A growing buffer with a sticky error; owns its bytes until taken. */
struct tacit_writer {
	uint8_t *data;
	size_t len;
	size_t capacity;
	bool failed; /* out of memory */
	bool secret; /* set at the start: what is outgrown or released is wiped */
};

void tacit_write_u8(struct tacit_writer *writer, uint8_t value);
void tacit_write_u16le(struct tacit_writer *writer, uint16_t value);
void tacit_write_u32le(struct tacit_writer *writer, uint32_t value);
void tacit_write_u64le(struct tacit_writer *writer, uint64_t value);
void tacit_write_f32le(struct tacit_writer *writer, float value);
void tacit_write_f64le(struct tacit_writer *writer, double value);
void tacit_write_varint(struct tacit_writer *writer, uint64_t value); /* 1 to 10 bytes */
void tacit_write_bytes(struct tacit_writer *writer, const void *data, size_t len);

/* Releases the bytes; for TACIT_CLEANUP(). */
void tacit_writer_done(struct tacit_writer *writer);

/**
 * tacit_writer_take - move the bytes out.
 * @ret: owned by the caller, tacit_free() it; untouched on failure.
 * @ret_len: their number.
 *
 * Returns 0 or -ENOMEM. The writer is empty afterwards.
 */
TACIT_MUST_CHECK int tacit_writer_take(struct tacit_writer *writer, uint8_t **ret, size_t *ret_len);

/* FNV-1a, 32 bits: spreads names over tables; no secret and no adversary is kept apart by it. */
uint32_t tacit_hash(const void *data, size_t len);

/* Lower-case hexadecimal; @text holds 2 * @len + 1 bytes. */
void tacit_hex_encode(const void *data, size_t len, char *text);

/* Exactly 2 * @len digits of either case and a NUL. 0 or -EINVAL. */
TACIT_MUST_CHECK int tacit_hex_decode(const char *text, void *data, size_t len);

/* RFC 4648 section 5, no padding. @text holds tacit_base64url_len(@len) + 1 bytes. */
void tacit_base64url_encode(const void *data, size_t len, char *text);
#define tacit_base64url_len(len) (((len) * 4 + 2) / 3)

/**
 * tacit_base64url_decode - the reverse; non-canonical endings are refused.
 * @text: @text_len characters.
 * @data: room for @size bytes.
 *
 * Returns the number of bytes (0..@size), -EINVAL or -E2BIG.
 */
TACIT_MUST_CHECK int tacit_base64url_decode(const char *text, size_t text_len, void *data,
					    size_t size);

#endif /* TACIT_BYTES_H */
