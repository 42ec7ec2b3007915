/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>
#include <time.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>

#include "unit.h"

#define WRITER(name) TACIT_CLEANUP(tacit_writer_done) struct tacit_writer name = { 0 }

static void test_reading(void)
{
	static const uint8_t data[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff, 0
	};
	struct tacit_reader reader = tacit_reader_init(data, sizeof(data));

	CU_ASSERT_EQUAL(tacit_read_u8(&reader), 1);
	CU_ASSERT_EQUAL(tacit_read_u16le(&reader), 0x0302);
	CU_ASSERT_EQUAL(tacit_read_u32le(&reader), 0x07060504);
	CU_ASSERT_EQUAL(tacit_read_u64le(&reader), 0x0f0e0d0c0b0a0908);
	CU_ASSERT(!tacit_read_done(&reader));
	CU_ASSERT_PTR_EQUAL(tacit_read_bytes(&reader, 2), data + 15);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT_PTR_EQUAL(tacit_read_bytes(&reader, 0), data + 17);
	CU_ASSERT(tacit_read_done(&reader));
}

static void test_short_reads_stick(void)
{
	static const uint8_t data[] = { 0xff, 0xff, 0xff };
	struct tacit_reader reader = tacit_reader_init(data, sizeof(data));

	CU_ASSERT_EQUAL(tacit_read_u32le(&reader), 0);
	CU_ASSERT(reader.failed);
	CU_ASSERT_EQUAL(reader.at, 0);
	CU_ASSERT_EQUAL(tacit_read_u8(&reader), 0);
	CU_ASSERT_EQUAL(tacit_read_f64le(&reader), 0);
	CU_ASSERT_PTR_NULL(tacit_read_bytes(&reader, 1));
	CU_ASSERT(!tacit_read_done(&reader));

	reader = tacit_reader_init(data, sizeof(data));
	CU_ASSERT_EQUAL(tacit_read_u8(&reader), 0xff);
	CU_ASSERT_PTR_NULL(tacit_read_bytes(&reader, SIZE_MAX));
	CU_ASSERT(reader.failed);
	reader = tacit_reader_init(NULL, 0);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT_EQUAL(tacit_read_u8(&reader), 0);
	CU_ASSERT(reader.failed);
}

static const struct {
	uint64_t value;
	uint8_t data[10];
	size_t len;
} varints[] = {
	{ 0, { 0 }, 1 },
	{ 127, { 0x7f }, 1 },
	{ 128, { 0x80, 1 }, 2 },
	{ 300, { 0xac, 2 }, 2 },
	{ 16384, { 0x80, 0x80, 1 }, 3 },
	{ INT64_MAX, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, 9 },
	{ UINT64_MAX, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 }, 10 },
};

static void test_varints(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(varints); i++) {
		struct tacit_reader reader = tacit_reader_init(varints[i].data, varints[i].len);
		WRITER(writer);

		CU_ASSERT_EQUAL(tacit_read_varint(&reader), varints[i].value);
		CU_ASSERT(tacit_read_done(&reader));
		reader.at = 0;
		reader.len--;
		CU_ASSERT_EQUAL(tacit_read_varint(&reader), 0);
		CU_ASSERT(reader.failed);
		tacit_write_varint(&writer, varints[i].value);
		CU_ASSERT_EQUAL_FATAL(writer.len, varints[i].len);
		CU_ASSERT_EQUAL(memcmp(writer.data, varints[i].data, writer.len), 0);
	}
}

static const struct {
	uint8_t data[11];
	size_t len;
} no_varints[] = {
	{ { 0x80, 0 }, 2 }, /* longer than it need be */
	{ { 0xff, 0x80, 0 }, 3 },
	{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 }, 10 }, /* 65 bits */
	{ { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1 }, 11 },
};

static void test_varint_refusals(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(no_varints); i++) {
		struct tacit_reader reader =
			tacit_reader_init(no_varints[i].data, no_varints[i].len);

		CU_ASSERT_EQUAL(tacit_read_varint(&reader), 0);
		CU_ASSERT(reader.failed);
	}
}

static void test_writing(void)
{
	static const uint8_t expected[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x'
	};
	uint8_t *data = NULL;
	size_t len = 0;
	WRITER(writer);

	tacit_write_u8(&writer, 1);
	tacit_write_u16le(&writer, 0x0302);
	tacit_write_u32le(&writer, 0x07060504);
	tacit_write_u64le(&writer, 0x0f0e0d0c0b0a0908);
	tacit_write_bytes(&writer, "x", 1);
	tacit_write_bytes(&writer, NULL, 0);
	CU_ASSERT_EQUAL_FATAL(tacit_writer_take(&writer, &data, &len), 0);
	CU_ASSERT_EQUAL(len, sizeof(expected));
	CU_ASSERT_EQUAL(memcmp(data, expected, len), 0);
	CU_ASSERT_PTR_NULL(writer.data);
	CU_ASSERT_EQUAL(writer.len, 0);
	tacit_free(data);
	CU_ASSERT_EQUAL_FATAL(tacit_writer_take(&writer, &data, &len), 0);
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_PTR_NOT_NULL(data);
	tacit_free(data);
}

static void test_numbers_come_back(void)
{
	static const double doubles[] = { 0, -0.0, 0.1, -1e308, 5e-324, INFINITY, -INFINITY };
	static const float floats[] = { 0, -0.0F, 0.1F, 3e38F, 1e-45F, INFINITY };
	struct tacit_reader reader;
	WRITER(writer);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(doubles); i++)
		tacit_write_f64le(&writer, doubles[i]);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(floats); i++)
		tacit_write_f32le(&writer, floats[i]);
	tacit_write_f64le(&writer, NAN);
	reader = tacit_reader_init(writer.data, writer.len);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(doubles); i++) {
		double value = tacit_read_f64le(&reader);

		CU_ASSERT_EQUAL(value, doubles[i]);
		CU_ASSERT_EQUAL(signbit(value), signbit(doubles[i]));
	}
	for (size_t i = 0; i < TACIT_ARRAY_LEN(floats); i++)
		CU_ASSERT_EQUAL(tacit_read_f32le(&reader), floats[i]);
	CU_ASSERT(isnan(tacit_read_f64le(&reader)));
	CU_ASSERT(tacit_read_done(&reader));
}

static void test_growth(void)
{
	struct tacit_reader reader;
	WRITER(writer);

	for (uint32_t i = 0; i < 100000; i++)
		tacit_write_u32le(&writer, i);
	CU_ASSERT(!writer.failed);
	reader = tacit_reader_init(writer.data, writer.len);
	for (uint32_t i = 0; i < 100000; i++)
		if (tacit_read_u32le(&reader) != i)
			CU_FAIL("a number changed");
	CU_ASSERT(tacit_read_done(&reader));
}

static void test_out_of_memory_sticks(void)
{
	uint8_t untouched[1], *data = untouched;
	size_t len = 99;
	WRITER(writer);

	tacit_write_u8(&writer, 1);
	unit_fail_alloc(0);
	for (int i = 0; i < 1000; i++)
		tacit_write_u8(&writer, 2);
	unit_fail_alloc(-1);
	CU_ASSERT(writer.failed);
	tacit_write_bytes(&writer, "more", 4);
	CU_ASSERT_EQUAL(tacit_writer_take(&writer, &data, &len), -ENOMEM);
	CU_ASSERT_PTR_EQUAL(data, untouched);
	CU_ASSERT_EQUAL(len, 99);
	CU_ASSERT_PTR_NULL(writer.data);

	tacit_write_bytes(&writer, "", 1);
	tacit_write_bytes(&writer, "", SIZE_MAX - 1); /* refused before it is read */
	CU_ASSERT(writer.failed);
}

static void test_secret_bytes_grow_and_come_out(void)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { .secret = true };
	uint8_t *data = NULL;
	size_t len = 0;

	for (uint32_t i = 0; i < 1000; i++)
		tacit_write_u8(&writer, (uint8_t)i);
	CU_ASSERT_EQUAL_FATAL(tacit_writer_take(&writer, &data, &len), 0);
	CU_ASSERT_EQUAL(len, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(data[i], (uint8_t)i);
	tacit_free(data);
}

static void test_hex(void)
{
	static const uint8_t data[] = { 0x00, 0x01, 0xab, 0xff };
	char text[9];
	uint8_t back[4];

	tacit_hex_encode(data, 4, text);
	CU_ASSERT_STRING_EQUAL(text, "0001abff");
	CU_ASSERT_EQUAL(tacit_hex_decode(text, back, 4), 0);
	CU_ASSERT_EQUAL(memcmp(data, back, 4), 0);
	CU_ASSERT_EQUAL(tacit_hex_decode("0001ABFF", back, 4), 0);
	CU_ASSERT_EQUAL(memcmp(data, back, 4), 0);
	CU_ASSERT_EQUAL(tacit_hex_decode("", back, 0), 0);
	tacit_hex_encode(data, 0, text);
	CU_ASSERT_STRING_EQUAL(text, "");

	CU_ASSERT_EQUAL(tacit_hex_decode("0001abf", back, 4), -EINVAL);
	CU_ASSERT_EQUAL(tacit_hex_decode("0001abff0", back, 4), -EINVAL);
	CU_ASSERT_EQUAL(tacit_hex_decode("0001abfg", back, 4), -EINVAL);
	CU_ASSERT_EQUAL(tacit_hex_decode(" 001abff", back, 4), -EINVAL);
	CU_ASSERT_EQUAL(tacit_hex_decode("", back, 4), -EINVAL);
	CU_ASSERT_EQUAL(tacit_hex_decode("0x01abff", back, 4), -EINVAL);
	CU_ASSERT_EQUAL(tacit_hex_decode("0001abf\xff", back, 4), -EINVAL);
}

static void test_base64url_vectors(void)
{
	/* RFC 4648, section 10, without padding */
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff", "-_8" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(pairs); i++) {
		size_t len = strlen(pairs[i][0]);
		char text[16], back[16];

		tacit_base64url_encode(pairs[i][0], len, text);
		CU_ASSERT_STRING_EQUAL(text, pairs[i][1]);
		CU_ASSERT_EQUAL(strlen(text), tacit_base64url_len(len));
		CU_ASSERT_EQUAL(tacit_base64url_decode(text, strlen(text), back, 16), (int)len);
		CU_ASSERT_EQUAL(memcmp(back, pairs[i][0], len), 0);
	}
}

static void test_base64url_refusals(void)
{
	static const char *const bad[] = { "A",	 "Zg==", "Zm9v Zm8", "Zm+v",  "Zm/v",
					   "Zh", "Zm9",	 "Zm9v\n",   "AAAAA", "\xff\xff\xff\xff" };
	char back[8] = "";

	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++)
		CU_ASSERT_EQUAL(tacit_base64url_decode(bad[i], strlen(bad[i]), back, 8), -EINVAL);
	CU_ASSERT_EQUAL(tacit_base64url_decode("Zm9\0", 4, back, 8), -EINVAL);
	CU_ASSERT_EQUAL(tacit_base64url_decode("Zm9v", 4, back, 2), -E2BIG);
	CU_ASSERT_EQUAL(tacit_base64url_decode("Zm9v", 4, back, 3), 3);
	CU_ASSERT_EQUAL(tacit_base64url_decode("", 0, back, 0), 0);
}

/* Any bytes come back from their text, and any other text of the same bytes is refused. */
static void test_base64url_is_one_to_one(void)
{
	unsigned seed = (unsigned)time(NULL);
	uint8_t data[40], back[40];
	char text[60], again[60];

	printf("# seed %u\n", seed);
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)rand_r(&seed) % sizeof(data);
		size_t text_len = tacit_base64url_len(len);
		int n;

		for (size_t k = 0; k < len; k++)
			data[k] = (uint8_t)rand_r(&seed);
		tacit_base64url_encode(data, len, text);
		if (tacit_base64url_decode(text, text_len, back, len) != (int)len ||
		    memcmp(data, back, len) != 0)
			CU_FAIL("bytes changed");
		if (len == 0)
			continue;
		text[(size_t)rand_r(&seed) % text_len] = (char)rand_r(&seed);
		n = tacit_base64url_decode(text, text_len, back, sizeof(back));
		if (n < 0)
			continue;
		tacit_base64url_encode(back, (size_t)n, again);
		if (strlen(again) != text_len || memcmp(again, text, text_len) != 0)
			CU_FAIL("two texts for the same bytes");
	}
}

/* Vectors of the FNV authors' test suite. */
static void test_hash(void)
{
	CU_ASSERT_EQUAL(tacit_hash("", 0), 0x811c9dc5);
	CU_ASSERT_EQUAL(tacit_hash("a", 1), 0xe40c292c);
	CU_ASSERT_EQUAL(tacit_hash("foobar", 6), 0xbf9cf968);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "reading", test_reading },
		{ "short reads stick", test_short_reads_stick },
		{ "varints", test_varints },
		{ "varints that are none", test_varint_refusals },
		{ "writing", test_writing },
		{ "numbers come back", test_numbers_come_back },
		{ "growth", test_growth },
		{ "out of memory sticks", test_out_of_memory_sticks },
		{ "secret bytes grow and come out", test_secret_bytes_grow_and_come_out },
		{ "hex", test_hex },
		{ "base64url vectors", test_base64url_vectors },
		{ "base64url refusals", test_base64url_refusals },
		{ "base64url is one to one", test_base64url_is_one_to_one },
		{ "hash", test_hash },
		{ NULL, NULL },
	};

	return unit_main("bytes", cases);
}
