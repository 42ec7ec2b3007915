/* SPDX-License-Identifier: MIT */
#include <tacit/bytes.h>

#include <string.h>

#include <tacit/mem.h>

#define WRITER_FIRST_BYTES 256U
#define FNV_OFFSET	   2166136261U
#define FNV_PRIME	   16777619U

const uint8_t *tacit_read_bytes(struct tacit_reader *reader, size_t len)
{
	const uint8_t *data;

	if (reader->failed || len > reader->len - reader->at) {
		reader->failed = true;
		return NULL;
	}
	data = reader->data + reader->at;
	reader->at += len;
	return data;
}

static uint64_t read_le(struct tacit_reader *reader, unsigned bytes)
{
	const uint8_t *data = tacit_read_bytes(reader, bytes);
	uint64_t value = 0;

	for (unsigned i = 0; data && i < bytes; i++)
		value |= (uint64_t)data[i] << (8 * i);
	return value;
}

uint8_t tacit_read_u8(struct tacit_reader *reader)
{
	return (uint8_t)read_le(reader, 1);
}

uint16_t tacit_read_u16le(struct tacit_reader *reader)
{
	return (uint16_t)read_le(reader, 2);
}

uint32_t tacit_read_u32le(struct tacit_reader *reader)
{
	return (uint32_t)read_le(reader, 4);
}

uint64_t tacit_read_u64le(struct tacit_reader *reader)
{
	return read_le(reader, 8);
}

float tacit_read_f32le(struct tacit_reader *reader)
{
	uint32_t bits = tacit_read_u32le(reader);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

double tacit_read_f64le(struct tacit_reader *reader)
{
	uint64_t bits = tacit_read_u64le(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

uint64_t tacit_read_varint(struct tacit_reader *reader)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = tacit_read_u8(reader);

		if (reader->failed)
			return 0;
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			break;
		return value;
	}
	reader->failed = true;
	return 0;
}

bool tacit_read_done(const struct tacit_reader *reader)
{
	return !reader->failed && reader->at == reader->len;
}

/* realloc() would leave a copy behind. */
static uint8_t *grow_secret(struct tacit_writer *writer, size_t capacity)
{
	uint8_t *data = TACIT_NEW_N(uint8_t, capacity);

	if (!data || !writer->data)
		return data;
	memcpy(data, writer->data, writer->len);
	tacit_wipe(writer->data, writer->capacity);
	tacit_free(writer->data);
	return data;
}

static bool reserve(struct tacit_writer *writer, size_t len)
{
	size_t need, capacity;
	uint8_t *data;

	if (writer->failed)
		return false;
	if (len <= writer->capacity - writer->len)
		return true;
	if (__builtin_add_overflow(writer->len, len, &need) || need > SIZE_MAX / 2) {
		writer->failed = true;
		return false;
	}

	capacity = writer->capacity ? writer->capacity : WRITER_FIRST_BYTES;
	while (capacity < need)
		capacity *= 2;
	data = writer->secret ? grow_secret(writer, capacity)
			      : (uint8_t *)tacit_realloc(writer->data, capacity, 1);
	if (!data) {
		writer->failed = true;
		return false;
	}
	writer->data = data;
	writer->capacity = capacity;
	return true;
}

void tacit_write_bytes(struct tacit_writer *writer, const void *data, size_t len)
{
	if (len == 0 || !reserve(writer, len))
		return;
	memcpy(writer->data + writer->len, data, len);
	writer->len += len;
}

static void write_le(struct tacit_writer *writer, uint64_t value, unsigned bytes)
{
	uint8_t data[8];

	for (unsigned i = 0; i < bytes; i++)
		data[i] = (uint8_t)(value >> (8 * i));
	tacit_write_bytes(writer, data, bytes);
}

void tacit_write_u8(struct tacit_writer *writer, uint8_t value)
{
	write_le(writer, value, 1);
}

void tacit_write_u16le(struct tacit_writer *writer, uint16_t value)
{
	write_le(writer, value, 2);
}

void tacit_write_u32le(struct tacit_writer *writer, uint32_t value)
{
	write_le(writer, value, 4);
}

void tacit_write_u64le(struct tacit_writer *writer, uint64_t value)
{
	write_le(writer, value, 8);
}

void tacit_write_varint(struct tacit_writer *writer, uint64_t value)
{
	uint8_t data[10];
	size_t len = 0;

	for (; value > 0x7f; value >>= 7)
		data[len++] = (uint8_t)(value | 0x80);
	data[len++] = (uint8_t)value;
	tacit_write_bytes(writer, data, len);
}

void tacit_write_f32le(struct tacit_writer *writer, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	tacit_write_u32le(writer, bits);
}

void tacit_write_f64le(struct tacit_writer *writer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	tacit_write_u64le(writer, bits);
}

void tacit_writer_done(struct tacit_writer *writer)
{
	if (writer->secret && writer->data)
		tacit_wipe(writer->data, writer->capacity);
	tacit_free(writer->data);
	*writer = (struct tacit_writer){ 0 };
}

int tacit_writer_take(struct tacit_writer *writer, uint8_t **ret, size_t *ret_len)
{
	if (writer->failed || !reserve(writer, 1)) {
		tacit_writer_done(writer);
		return -ENOMEM;
	}
	*ret = writer->data;
	*ret_len = writer->len;
	*writer = (struct tacit_writer){ 0 };
	return 0;
}

uint32_t tacit_hash(const void *data, size_t len)
{
	const uint8_t *bytes = (const uint8_t *)data;
	uint32_t hash = FNV_OFFSET;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}

void tacit_hex_encode(const void *data, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = (const uint8_t *)data;

	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int tacit_hex_decode(const char *text, void *data, size_t len)
{
	uint8_t *bytes = (uint8_t *)data;

	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * len] == '\0' ? 0 : -EINVAL;
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void tacit_base64url_encode(const void *data, size_t len, char *text)
{
	const uint8_t *bytes = (const uint8_t *)data;
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		for (n += 8; n >= 6; n -= 6)
			*text++ = base64url[bits >> (n - 6) & 63];
	}
	if (n > 0)
		*text++ = base64url[bits << (6 - n) & 63];
	*text = '\0';
}

static int base64url_digit(char c)
{
	const char *at = c == '\0' ? NULL : strchr(base64url, c);

	return at ? (int)(at - base64url) : -1;
}

int tacit_base64url_decode(const char *text, size_t text_len, void *data, size_t size)
{
	uint8_t *bytes = (uint8_t *)data;
	uint32_t bits = 0;
	size_t len = 0;
	unsigned n = 0;

	if (text_len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < text_len; i++) {
		int digit = base64url_digit(text[i]);

		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		if (len >= size)
			return -E2BIG;
		bytes[len++] = (uint8_t)(bits >> n);
	}
	if (bits & ((1U << n) - 1)) /* left-over bits must be zero: one text per value */
		return -EINVAL;
	return len > INT32_MAX ? -E2BIG : (int)len;
}
