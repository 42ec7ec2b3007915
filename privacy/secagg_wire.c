/* SPDX-License-Identifier: MIT */
#include "secagg_wire.h"

#include <string.h>

#define MAGIC "TACS"

void tacit_secagg_write_head(struct tacit_writer *writer, enum tacit_secagg_type type,
			     const uint8_t *config)
{
	tacit_write_bytes(writer, MAGIC, 4);
	tacit_write_u8(writer, TACIT_SECAGG_FORMAT);
	tacit_write_u8(writer, (uint8_t)type);
	tacit_write_u16le(writer, 0);
	if (config)
		tacit_write_bytes(writer, config, TACIT_SECAGG_DIGEST_LEN);
}

/* The type, or TACIT_ESCHEMA. */
static int read_type(struct tacit_reader *reader)
{
	const uint8_t *magic = tacit_read_bytes(reader, 4);
	unsigned format = tacit_read_u8(reader), type = tacit_read_u8(reader);
	unsigned reserved = tacit_read_u16le(reader);

	if (!magic || memcmp(magic, MAGIC, 4) != 0 || format != TACIT_SECAGG_FORMAT ||
	    reserved != 0 || type < TACIT_SECAGG_CONFIG || type > TACIT_SECAGG_ANSWER ||
	    reader->failed)
		return TACIT_ESCHEMA;
	return (int)type;
}

int tacit_secagg_message_type(const uint8_t *data, size_t len)
{
	struct tacit_reader reader = tacit_reader_init(data, len);

	return read_type(&reader);
}

int tacit_secagg_read_head(struct tacit_reader *reader, enum tacit_secagg_type type,
			   const uint8_t *config)
{
	const uint8_t *digest;

	if (read_type(reader) != (int)type)
		return TACIT_ESCHEMA;
	if (!config)
		return 0;
	digest = tacit_read_bytes(reader, TACIT_SECAGG_DIGEST_LEN);
	if (!digest)
		return TACIT_ESCHEMA;
	return memcmp(digest, config, TACIT_SECAGG_DIGEST_LEN) == 0 ? 0 : TACIT_ECONFLICT;
}

uint32_t tacit_secagg_read_range(struct tacit_reader *reader, uint32_t min, uint32_t max)
{
	uint32_t value = tacit_read_u32le(reader);

	if (value >= min && value <= max)
		return value;
	reader->failed = true;
	return 0;
}

uint32_t tacit_secagg_read_count(struct tacit_reader *reader, size_t entry_len)
{
	uint32_t n = tacit_secagg_read_range(reader, 0, TACIT_SECAGG_DEGREE_MAX);

	if (n <= (reader->len - reader->at) / entry_len)
		return n;
	reader->failed = true;
	return 0;
}

uint32_t tacit_secagg_read_next(struct tacit_reader *reader, int64_t *last)
{
	uint32_t host = tacit_secagg_read_range(reader, 0, TACIT_SECAGG_HOSTS_MAX - 1);

	if ((int64_t)host <= *last)
		reader->failed = true;
	*last = host;
	return host;
}

void tacit_secagg_read_fixed(struct tacit_reader *reader, void *ret, size_t len)
{
	const uint8_t *data = tacit_read_bytes(reader, len);

	if (data)
		memcpy(ret, data, len);
	else
		memset(ret, 0, len);
}

struct tacit_secagg_blob tacit_secagg_read_signature(struct tacit_reader *reader)
{
	struct tacit_secagg_blob signature = { .len = tacit_read_u8(reader) };

	if (signature.len < 1 || signature.len > TACIT_SECAGG_SIGNATURE_MAX)
		reader->failed = true;
	signature.data = tacit_read_bytes(reader, signature.len);
	return signature;
}

void tacit_secagg_write_signature(struct tacit_writer *writer,
				  const struct tacit_secagg_blob *signature)
{
	tacit_write_u8(writer, (uint8_t)signature->len);
	tacit_write_bytes(writer, signature->data, signature->len);
}

uint32_t tacit_secagg_number_at(const uint8_t *list, uint32_t i)
{
	struct tacit_reader reader = tacit_reader_init(list + (size_t)4 * i, 4);

	return tacit_read_u32le(&reader);
}
