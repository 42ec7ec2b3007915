/* SPDX-License-Identifier: MIT */
/* Phases 2 to 5 on the wire. */
#include <string.h>

#include <tacit/cleanup.h>

#include "secagg_wire.h"

#define BOX_LEN	    (4 + TACIT_SECAGG_BOX_LEN + TACIT_SECAGG_PINS_LEN)
#define CONSENT_MIN (4 + 1 + 1)
#define REVEAL_LEN  (4 + 1 + TACIT_SECAGG_SHARE_LEN)

static uint32_t read_host(struct tacit_reader *reader)
{
	return tacit_secagg_read_range(reader, 0, TACIT_SECAGG_HOSTS_MAX - 1);
}

void tacit_secagg_boxes_encode(enum tacit_secagg_type type, const uint8_t *config,
			       const struct tacit_secagg_boxes *boxes, struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, type, config);
	tacit_write_u32le(writer, boxes->host);
	tacit_write_u32le(writer, boxes->n);
	for (uint32_t i = 0; i < boxes->n; i++) {
		tacit_write_u32le(writer, boxes->box[i].peer);
		tacit_write_bytes(writer, boxes->box[i].sealed, TACIT_SECAGG_BOX_LEN);
		tacit_write_bytes(writer, boxes->box[i].digests, TACIT_SECAGG_PINS_LEN);
	}
}

int tacit_secagg_boxes_decode(enum tacit_secagg_type type, const uint8_t *config,
			      const uint8_t *data, size_t len, struct tacit_secagg_boxes *ret)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	struct tacit_reader reader = tacit_reader_init(data, len);
	int r = tacit_secagg_read_head(&reader, type, config);
	int64_t last = -1;

	if (r < 0)
		return r;
	boxes.host = read_host(&reader);
	boxes.n = tacit_secagg_read_count(&reader, BOX_LEN);
	boxes.box = TACIT_NEW_N(struct tacit_secagg_box, boxes.n + 1);
	if (!boxes.box)
		return -ENOMEM;
	for (uint32_t i = 0; i < boxes.n; i++) {
		boxes.box[i].peer = tacit_secagg_read_next(&reader, &last);
		boxes.box[i].sealed = tacit_read_bytes(&reader, TACIT_SECAGG_BOX_LEN);
		boxes.box[i].digests = tacit_read_bytes(&reader, TACIT_SECAGG_PINS_LEN);
	}
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = boxes;
	boxes.box = NULL;
	return 0;
}

void tacit_secagg_boxes_done(struct tacit_secagg_boxes *boxes)
{
	tacit_free(boxes->box);
	boxes->box = NULL;
}

void tacit_secagg_masked_encode(const uint8_t *config, uint32_t host, const uint32_t *unopened,
				uint32_t n_unopened, const uint32_t *value, uint32_t dimensions,
				struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, TACIT_SECAGG_MASKED, config);
	tacit_write_u32le(writer, host);
	tacit_write_u32le(writer, n_unopened);
	for (uint32_t i = 0; i < n_unopened; i++)
		tacit_write_u32le(writer, unopened[i]);
	tacit_write_u32le(writer, dimensions);
	for (uint32_t i = 0; i < dimensions; i++)
		tacit_write_u32le(writer, value[i]);
}

int tacit_secagg_masked_decode(const uint8_t *config, const uint8_t *data, size_t len,
			       struct tacit_secagg_masked *ret)
{
	struct tacit_reader reader = tacit_reader_init(data, len);
	struct tacit_secagg_masked masked = { 0 };
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_MASKED, config);
	int64_t last = -1;

	if (r < 0)
		return r;
	masked.host = read_host(&reader);
	masked.n_unopened = tacit_secagg_read_count(&reader, 4);
	masked.unopened = data + reader.at;
	for (uint32_t i = 0; i < masked.n_unopened; i++)
		(void)tacit_secagg_read_next(&reader, &last);
	masked.dimensions = tacit_secagg_read_range(&reader, 1, TACIT_SECAGG_DIMS_MAX);
	masked.value = tacit_read_bytes(&reader, (size_t)masked.dimensions * 4);
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = masked;
	return 0;
}

void tacit_secagg_survivors_encode(const uint8_t *config,
				   const struct tacit_secagg_survivors *survivors,
				   struct tacit_writer *writer)
{
	size_t len = tacit_secagg_bits_len(survivors->n);

	tacit_secagg_write_head(writer, TACIT_SECAGG_SURVIVORS, config);
	tacit_write_u32le(writer, survivors->n);
	tacit_write_bytes(writer, survivors->alive, len);
	tacit_write_bytes(writer, survivors->gone, len);
}

/* @n bits, and none beyond them in the last byte. */
static const uint8_t *read_bits(struct tacit_reader *reader, uint32_t n)
{
	size_t len = tacit_secagg_bits_len(n);
	const uint8_t *bits = tacit_read_bytes(reader, len);

	if (bits && n % 8 != 0 && bits[len - 1] >> n % 8 != 0)
		reader->failed = true;
	return bits;
}

int tacit_secagg_survivors_decode(const uint8_t *config, const uint8_t *data, size_t len,
				  struct tacit_secagg_survivors *ret)
{
	struct tacit_reader reader = tacit_reader_init(data, len);
	struct tacit_secagg_survivors survivors = { 0 };
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_SURVIVORS, config);

	if (r < 0)
		return r;
	survivors.n =
		tacit_secagg_read_range(&reader, TACIT_SECAGG_HOSTS_MIN, TACIT_SECAGG_HOSTS_MAX);
	survivors.alive = read_bits(&reader, survivors.n);
	survivors.gone = read_bits(&reader, survivors.n);
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = survivors;
	return 0;
}

void tacit_secagg_consent_encode(const uint8_t *config, const struct tacit_secagg_consent *consent,
				 struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, TACIT_SECAGG_CONSENT, config);
	tacit_write_u32le(writer, consent->host);
	tacit_secagg_write_signature(writer, &consent->signature);
}

int tacit_secagg_consent_decode(const uint8_t *config, const uint8_t *data, size_t len,
				struct tacit_secagg_consent *ret)
{
	struct tacit_reader reader = tacit_reader_init(data, len);
	struct tacit_secagg_consent consent = { 0 };
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_CONSENT, config);

	if (r < 0)
		return r;
	consent.host = read_host(&reader);
	consent.signature = tacit_secagg_read_signature(&reader);
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = consent;
	return 0;
}

void tacit_secagg_consents_encode(const uint8_t *config,
				  const struct tacit_secagg_consents *consents,
				  struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, TACIT_SECAGG_CONSENTS, config);
	tacit_write_u32le(writer, consents->host);
	tacit_write_u32le(writer, consents->n);
	for (uint32_t i = 0; i < consents->n; i++) {
		tacit_write_u32le(writer, consents->consent[i].host);
		tacit_secagg_write_signature(writer, &consents->consent[i].signature);
	}
}

int tacit_secagg_consents_decode(const uint8_t *config, const uint8_t *data, size_t len,
				 struct tacit_secagg_consents *ret)
{
	TACIT_CLEANUP(tacit_secagg_consents_done) struct tacit_secagg_consents consents = { 0 };
	struct tacit_reader reader = tacit_reader_init(data, len);
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_CONSENTS, config);
	int64_t last = -1;

	if (r < 0)
		return r;
	consents.host = read_host(&reader);
	consents.n = tacit_secagg_read_count(&reader, CONSENT_MIN);
	consents.consent = TACIT_NEW_N(struct tacit_secagg_consent, consents.n + 1);
	if (!consents.consent)
		return -ENOMEM;
	for (uint32_t i = 0; i < consents.n; i++) {
		consents.consent[i].host = tacit_secagg_read_next(&reader, &last);
		consents.consent[i].signature = tacit_secagg_read_signature(&reader);
	}
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = consents;
	consents.consent = NULL;
	return 0;
}

void tacit_secagg_consents_done(struct tacit_secagg_consents *consents)
{
	tacit_free(consents->consent);
	consents->consent = NULL;
}

void tacit_secagg_answer_encode(const uint8_t *config, const struct tacit_secagg_answer *answer,
				struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, TACIT_SECAGG_ANSWER, config);
	tacit_write_u32le(writer, answer->host);
	tacit_write_u32le(writer, answer->n);
	for (uint32_t i = 0; i < answer->n; i++) {
		tacit_write_u32le(writer, answer->reveal[i].dealer);
		tacit_write_u8(writer, (uint8_t)answer->reveal[i].kind);
		tacit_write_bytes(writer, answer->reveal[i].share, TACIT_SECAGG_SHARE_LEN);
	}
}

int tacit_secagg_answer_decode(const uint8_t *config, const uint8_t *data, size_t len,
			       struct tacit_secagg_answer *ret)
{
	TACIT_CLEANUP(tacit_secagg_answer_done) struct tacit_secagg_answer answer = { 0 };
	struct tacit_reader reader = tacit_reader_init(data, len);
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_ANSWER, config);
	int64_t last = -1;

	if (r < 0)
		return r;
	answer.host = read_host(&reader);
	answer.n = tacit_secagg_read_count(&reader, REVEAL_LEN);
	answer.reveal = TACIT_NEW_N(struct tacit_secagg_reveal, answer.n + 1);
	if (!answer.reveal)
		return -ENOMEM;
	for (uint32_t i = 0; i < answer.n; i++) {
		struct tacit_secagg_reveal *reveal = &answer.reveal[i];

		reveal->dealer = tacit_secagg_read_next(&reader, &last);
		reveal->kind = (enum tacit_secagg_kind)tacit_read_u8(&reader);
		if (reveal->kind > TACIT_SECAGG_MASK_KEY)
			reader.failed = true;
		reveal->share = tacit_read_bytes(&reader, TACIT_SECAGG_SHARE_LEN);
	}
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = answer;
	answer.reveal = NULL;
	return 0;
}

void tacit_secagg_answer_done(struct tacit_secagg_answer *answer)
{
	tacit_free(answer->reveal);
	answer->reveal = NULL;
}
