/* SPDX-License-Identifier: MIT */
/* Any message of a secure sum. What is accepted has exactly one encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/secagg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t *numbers_of(const uint8_t *bytes, uint32_t n)
{
	uint32_t *number = TACIT_NEW_N(uint32_t, n + 1);
	struct tacit_reader reader = tacit_reader_init(bytes, (size_t)n * 4);

	for (uint32_t i = 0; number && i < n; i++)
		number[i] = tacit_read_u32le(&reader);
	if (!number || !tacit_read_done(&reader))
		abort();
	return number;
}

static int again_masked(const uint8_t *config, const uint8_t *data, size_t size,
			struct tacit_writer *writer)
{
	TACIT_AUTO_FREE uint32_t *unopened = NULL;
	TACIT_AUTO_FREE uint32_t *value = NULL;
	struct tacit_secagg_masked masked;
	int r = tacit_secagg_masked_decode(config, data, size, &masked);

	if (r < 0)
		return r;
	unopened = numbers_of(masked.unopened, masked.n_unopened);
	value = numbers_of(masked.value, masked.dimensions);
	tacit_secagg_masked_encode(config, masked.host, unopened, masked.n_unopened, value,
				   masked.dimensions, writer);
	return 0;
}

/* Decode and encode, for those whose record does both. */
#define AGAIN(name, ...)                                                                           \
	static int again_##name(const uint8_t *config, const uint8_t *data, size_t size,           \
				struct tacit_writer *writer)                                       \
	{                                                                                          \
		__VA_ARGS__ struct tacit_secagg_##name record = { 0 };                             \
		int r = tacit_secagg_##name##_decode(config, data, size, &record);                 \
                                                                                                   \
		if (r == 0)                                                                        \
			tacit_secagg_##name##_encode(config, &record, writer);                     \
		return r;                                                                          \
	}
AGAIN(advert)
AGAIN(roster, TACIT_CLEANUP(tacit_secagg_roster_done))
AGAIN(survivors)
AGAIN(consent)
AGAIN(consents, TACIT_CLEANUP(tacit_secagg_consents_done))
AGAIN(answer, TACIT_CLEANUP(tacit_secagg_answer_done))

static int again_config(const uint8_t *data, size_t size, struct tacit_writer *writer)
{
	struct tacit_secagg_config config = { 0 };
	int r = tacit_secagg_config_decode(data, size, &config);

	if (r == 0)
		tacit_secagg_config_encode(&config, writer);
	return r;
}

static int again_boxes(enum tacit_secagg_type type, const uint8_t *config, const uint8_t *data,
		       size_t size, struct tacit_writer *writer)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	int r = tacit_secagg_boxes_decode(type, config, data, size, &boxes);

	if (r == 0)
		tacit_secagg_boxes_encode(type, config, &boxes, writer);
	return r;
}

static int again(int type, const uint8_t *data, size_t size, struct tacit_writer *writer)
{
	const uint8_t *config = data + 8; /* whichever it is */

	if (type != TACIT_SECAGG_CONFIG && size < 8 + TACIT_SECAGG_DIGEST_LEN)
		return TACIT_ESCHEMA;
	switch (type) {
	case TACIT_SECAGG_CONFIG:
		return again_config(data, size, writer);
	case TACIT_SECAGG_ADVERT:
		return again_advert(config, data, size, writer);
	case TACIT_SECAGG_ROSTER:
		return again_roster(config, data, size, writer);
	case TACIT_SECAGG_SHARES:
	case TACIT_SECAGG_INBOX:
		return again_boxes((enum tacit_secagg_type)type, config, data, size, writer);
	case TACIT_SECAGG_MASKED:
		return again_masked(config, data, size, writer);
	case TACIT_SECAGG_SURVIVORS:
		return again_survivors(config, data, size, writer);
	case TACIT_SECAGG_CONSENT:
		return again_consent(config, data, size, writer);
	case TACIT_SECAGG_CONSENTS:
		return again_consents(config, data, size, writer);
	case TACIT_SECAGG_ANSWER:
		return again_answer(config, data, size, writer);
	default:
		return TACIT_ESCHEMA;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	int r = again(tacit_secagg_message_type(data, size), data, size, &writer);

	if (r < 0 && r != TACIT_ESCHEMA)
		abort();
	if (r == 0 && (writer.failed || writer.len != size || memcmp(writer.data, data, size) != 0))
		abort();
	return 0;
}
