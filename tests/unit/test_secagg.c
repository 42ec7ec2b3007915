/* SPDX-License-Identifier: MIT */
/* Messages: what is refused, and where. That each has one encoding is fuzz_secagg's to show. */
#include "secagg_world.h"

#define TYPES 10

/* One of each type, of an honest round, for the host in the first place. */
static void collect(struct world *world, struct tacit_writer *message)
{
	struct world_host *host = &world->host[0];

	for (int phase = 0; phase < 5; phase++) {
		static const int in[] = { TACIT_SECAGG_CONFIG, TACIT_SECAGG_ROSTER,
					  TACIT_SECAGG_INBOX, TACIT_SECAGG_SURVIVORS,
					  TACIT_SECAGG_CONSENTS };
		static const int out[] = { TACIT_SECAGG_ADVERT, TACIT_SECAGG_SHARES,
					   TACIT_SECAGG_MASKED, TACIT_SECAGG_CONSENT,
					   TACIT_SECAGG_ANSWER };

		world_message(world, host, phase, &message[in[phase] - 1]);
		world_run(world, phase + 1, phase + 1);
		tacit_write_bytes(&message[out[phase] - 1], host->step.message,
				  host->step.message_len);
	}
}

static int decode(int type, const uint8_t *config, const uint8_t *data, size_t len)
{
	union {
		struct tacit_secagg_config config;
		struct tacit_secagg_advert advert;
		struct tacit_secagg_masked masked;
		struct tacit_secagg_survivors survivors;
		struct tacit_secagg_consent consent;
	} record;
	TACIT_CLEANUP(tacit_secagg_roster_done) struct tacit_secagg_roster roster = { 0 };
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	TACIT_CLEANUP(tacit_secagg_consents_done) struct tacit_secagg_consents consents = { 0 };
	TACIT_CLEANUP(tacit_secagg_answer_done) struct tacit_secagg_answer answer = { 0 };

	switch (type) {
	case TACIT_SECAGG_CONFIG:
		return tacit_secagg_config_decode(data, len, &record.config);
	case TACIT_SECAGG_ADVERT:
		return tacit_secagg_advert_decode(config, data, len, &record.advert);
	case TACIT_SECAGG_ROSTER:
		return tacit_secagg_roster_decode(config, data, len, &roster);
	case TACIT_SECAGG_SHARES:
	case TACIT_SECAGG_INBOX:
		return tacit_secagg_boxes_decode((enum tacit_secagg_type)type, config, data, len,
						 &boxes);
	case TACIT_SECAGG_MASKED:
		return tacit_secagg_masked_decode(config, data, len, &record.masked);
	case TACIT_SECAGG_SURVIVORS:
		return tacit_secagg_survivors_decode(config, data, len, &record.survivors);
	case TACIT_SECAGG_CONSENT:
		return tacit_secagg_consent_decode(config, data, len, &record.consent);
	case TACIT_SECAGG_CONSENTS:
		return tacit_secagg_consents_decode(config, data, len, &consents);
	default:
		return tacit_secagg_answer_decode(config, data, len, &answer);
	}
}

#define MESSAGES(name)                                                                             \
	WORLD(world, 5, 0, 0);                                                                     \
	struct tacit_writer name[TYPES] = { 0 };                                                   \
	uint8_t config[32];                                                                        \
	must(tacit_secagg_config_digest(&world->config, config));                                  \
	collect(world, name)

static void done(struct tacit_writer *message)
{
	for (int i = 0; i < TYPES; i++)
		tacit_writer_done(&message[i]);
}

/* Every type, cut anywhere, or longer by a byte; and never taken for another. */
static void test_lengths_and_types(void)
{
	MESSAGES(message);

	for (int type = 1; type <= TYPES; type++) {
		struct tacit_writer *m = &message[type - 1];

		CU_ASSERT_EQUAL(tacit_secagg_message_type(m->data, m->len), type);
		CU_ASSERT_EQUAL(decode(type, config, m->data, m->len), 0);
		for (size_t len = 0; len < m->len; len++)
			CU_ASSERT_EQUAL(decode(type, config, m->data, len), TACIT_ESCHEMA);
		tacit_write_u8(m, 0);
		CU_ASSERT_EQUAL(decode(type, config, m->data, m->len), TACIT_ESCHEMA);
		for (int other = 1; other <= TYPES; other++)
			CU_ASSERT(other == type ||
				  decode(other, config, m->data, m->len - 1) == TACIT_ESCHEMA);
	}
	done(message);
}

/* Magic, format, type, reserved; then another config's digest. */
static void test_heads(void)
{
	MESSAGES(message);

	for (int type = 1; type <= TYPES; type++) {
		const struct tacit_writer *m = &message[type - 1];

		for (size_t at = 0; at < 8; at++) {
			m->data[at] ^= 0x40;
			CU_ASSERT_EQUAL(decode(type, config, m->data, m->len), TACIT_ESCHEMA);
			m->data[at] ^= 0x40;
		}
		config[3] ^= 1;
		CU_ASSERT_EQUAL(decode(type, config, m->data, m->len),
				type == TACIT_SECAGG_CONFIG ? 0 : TACIT_ECONFLICT);
		config[3] ^= 1;
	}
	done(message);
}

/* Numbers that are out of range, each at its offset. */
static void test_ranges(void)
{
	static const struct {
		int type;
		size_t at;
		uint8_t bytes[8];
		size_t len;
	} bad[] = {
		{ TACIT_SECAGG_CONFIG, 8, { 0 }, 8 },			  /* round */
		{ TACIT_SECAGG_CONFIG, 15, { 0x80 }, 1 },		  /* round */
		{ TACIT_SECAGG_CONFIG, 116, { 0 }, 4 },			  /* dimensions */
		{ TACIT_SECAGG_CONFIG, 120, { 3, 0, 0, 0 }, 4 },	  /* hosts */
		{ TACIT_SECAGG_CONFIG, 124, { 0 }, 1 },			  /* server */
		{ TACIT_SECAGG_CONFIG, 124, { 3 }, 1 },			  /* server */
		{ TACIT_SECAGG_CONFIG, 128, { 1 }, 1 },			  /* gamma */
		{ TACIT_SECAGG_CONFIG, 132, { 1 }, 1 },			  /* delta */
		{ TACIT_SECAGG_CONFIG, 133, { 0 }, 8 },			  /* clip norm */
		{ TACIT_SECAGG_CONFIG, 139, { 0xf0, 0x7f }, 2 },	  /* infinite */
		{ TACIT_SECAGG_CONFIG, 141, { 25 }, 1 },		  /* scale bits */
		{ TACIT_SECAGG_CONFIG, 142, { 1, 0xca, 0x9a, 0x3b }, 4 }, /* noise */
		{ TACIT_SECAGG_CONFIG, 146, { 0 }, 4 },			  /* seconds */
		{ TACIT_SECAGG_CONFIG, 166, { 0 }, 1 },			  /* signature */
		{ TACIT_SECAGG_ADVERT, 168, { 81 }, 1 },		  /* signature */
		{ TACIT_SECAGG_ROSTER, 40, { 3 }, 1 },			  /* n */
		{ TACIT_SECAGG_ROSTER, 44, { 1 }, 1 },			  /* k */
		{ TACIT_SECAGG_ROSTER, 44, { 5 }, 1 },			  /* k */
		{ TACIT_SECAGG_ROSTER, 48, { 5 }, 1 },			  /* t */
		{ TACIT_SECAGG_ROSTER, 48, { 1 }, 1 },			  /* t */
		{ TACIT_SECAGG_ROSTER, 116, { 5 }, 1 },			  /* index */
		{ TACIT_SECAGG_SHARES, 40, { 0xa0, 0x86, 1, 0 }, 4 },	  /* host */
		{ TACIT_SECAGG_SHARES, 44, { 0xe9, 3, 0, 0 }, 4 },	  /* n */
		{ TACIT_SECAGG_MASKED, 44, { 1, 0, 0, 0 }, 4 },		  /* n */
		{ TACIT_SECAGG_MASKED, 48, { 0 }, 4 },			  /* dimensions */
		{ TACIT_SECAGG_MASKED, 48, { 1, 0, 16, 0 }, 4 },	  /* dimensions */
		{ TACIT_SECAGG_SURVIVORS, 44, { 0x20 }, 1 },		  /* host 5 of 5 */
		{ TACIT_SECAGG_SURVIVORS, 45, { 0x80 }, 1 },		  /* host 7 of 5 */
		{ TACIT_SECAGG_ANSWER, 52, { 2 }, 1 },			  /* kind */
	};
	MESSAGES(message);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++) {
		const struct tacit_writer *m = &message[bad[i].type - 1];
		TACIT_AUTO_FREE uint8_t *copy = tacit_memdup(m->data, m->len);

		memcpy(copy + bad[i].at, bad[i].bytes, bad[i].len);
		CU_ASSERT_EQUAL(decode(bad[i].type, config, copy, m->len), TACIT_ESCHEMA);
	}
	done(message);
}

/* Lists with two entries that changed places, or the same twice. */
static void test_order(void)
{
	static const struct {
		int type;
		size_t first, len;
	} list[] = {
		{ TACIT_SECAGG_SHARES, 48, 168 },
		{ TACIT_SECAGG_INBOX, 48, 168 },
		{ TACIT_SECAGG_ANSWER, 48, 41 },
	};
	MESSAGES(message);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(list); i++) {
		const struct tacit_writer *m = &message[list[i].type - 1];
		uint8_t *first = m->data + list[i].first, *second = first + list[i].len;
		uint8_t kept[4];

		memcpy(kept, first, 4);
		memcpy(first, second, 4);
		CU_ASSERT_EQUAL(decode(list[i].type, config, m->data, m->len), TACIT_ESCHEMA);
		memcpy(second, kept, 4);
		CU_ASSERT_EQUAL(decode(list[i].type, config, m->data, m->len), TACIT_ESCHEMA);
	}
	done(message);
}

static void test_out_of_memory(void)
{
	MESSAGES(message);

	for (int type = 1; type <= TYPES; type++) {
		const struct tacit_writer *m = &message[type - 1];
		bool list = type != TACIT_SECAGG_CONFIG && type != TACIT_SECAGG_ADVERT &&
			    type != TACIT_SECAGG_MASKED && type != TACIT_SECAGG_SURVIVORS &&
			    type != TACIT_SECAGG_CONSENT;

		unit_fail_alloc(0);
		CU_ASSERT_EQUAL(decode(type, config, m->data, m->len), list ? -ENOMEM : 0);
		unit_fail_alloc(-1);
	}
	done(message);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "lengths and types", test_lengths_and_types },
		{ "heads", test_heads },
		{ "ranges", test_ranges },
		{ "order", test_order },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("secagg", cases);
}
