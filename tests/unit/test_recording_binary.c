/* SPDX-License-Identifier: MIT */
/* Recordings in their binary form: cut anywhere, damaged anywhere, or made by someone else. */
#include <string.h>

#include <tacit/bytes.h>
#include <tacit/crc32.h>

#include "agent/recording.h"
#include "unit.h"

#include "recordings.h"
#include "seed.h"

#define FILE_HEAD  6U
#define BLOCK_HEAD 12U

#define WRITER(name) TACIT_CLEANUP(tacit_writer_done) struct tacit_writer name = { 0 }

static uint32_t u32_at(const uint8_t *data, size_t at)
{
	struct tacit_reader reader = tacit_reader_init(data + at, 4);

	return tacit_read_u32le(&reader);
}

/* Where the block at @at ends. */
static size_t block_end(const uint8_t *data, size_t at)
{
	return at + BLOCK_HEAD + u32_at(data, at);
}

/* Six windows in three blocks, and the end. */
#define SMALL	 6U
#define BLOCK_OF 2U

static uint8_t *small_file(struct tacit_random *random, struct tacit_recording_row *rows,
			   size_t *len)
{
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_AUTO_CLOSE int fd = -1;

	writer = memory_writer(TACIT_RECORDING_BINARY, &fd);
	for (unsigned i = 0; i < SMALL; i++) {
		rows[i] = random_row(random);
		rows[i].window.scope[1] = '\0';
		if (i >= BLOCK_OF) /* leans on an earlier block's words */
			(void)strcpy(rows[i].host, rows[i - BLOCK_OF].host);
		CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &rows[i]), 0);
		if (i % BLOCK_OF == BLOCK_OF - 1)
			CU_ASSERT_EQUAL(tacit_recording_writer_flush(writer), 0);
	}
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	return recorded(fd, len);
}

static void test_cut_anywhere(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_recording_row rows[SMALL];
	size_t len, first, ends = FILE_HEAD;
	TACIT_AUTO_FREE uint8_t *data = small_file(random, rows, &len);
	unsigned blocks = 0;

	first = ends = block_end(data, FILE_HEAD);
	for (size_t cut = 0; cut < len; cut++) {
		struct outcome outcome = read_rows(data, cut, rows);

		if (cut < first) {
			CU_ASSERT_EQUAL(outcome.r, cut == 0 ? TACIT_ESCHEMA : TACIT_EDAMAGED);
			continue;
		}
		while (cut >= block_end(data, ends)) {
			ends = block_end(data, ends);
			blocks++;
		}
		CU_ASSERT_EQUAL(outcome.r, 0);
		CU_ASSERT_EQUAL(outcome.n, blocks * BLOCK_OF);
		CU_ASSERT_TRUE(outcome.cut_off);
	}
	CU_ASSERT_EQUAL(blocks, SMALL / BLOCK_OF);
	CU_ASSERT_EQUAL(read_rows(data, len, rows).n, SMALL);
	CU_ASSERT_FALSE(read_rows(data, len, rows).cut_off);
}

/* Every changed byte is found, and what was read before it is what was written. */
static void test_damaged_anywhere(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_recording_row rows[SMALL];
	size_t len;
	TACIT_AUTO_FREE uint8_t *data = small_file(random, rows, &len);

	for (size_t at = 0; at < len; at++)
		for (unsigned i = 0; i < 3; i++) {
			const uint8_t changes[] = { (uint8_t)(1U << tacit_random_below(random, 8)),
						    (uint8_t)(1 + tacit_random_below(random, 254)),
						    0xff };
			struct outcome outcome;

			data[at] ^= changes[i];
			outcome = read_rows(data, len, rows);
			data[at] ^= changes[i];
			CU_ASSERT(outcome.r == TACIT_EDAMAGED || outcome.r == TACIT_ESCHEMA ||
				  at == 0); /* it may become a '#' */
			CU_ASSERT(outcome.r < 0);
			CU_ASSERT_FALSE(outcome.cut_off);
			CU_ASSERT(outcome.where.line != 0 || outcome.where.offset <= at);
		}
	CU_ASSERT_EQUAL(read_rows(data, len, rows).n, SMALL);
}

/* A block that is gone, or there twice, and bytes after the end. */
static void test_blocks_that_moved(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_recording_row rows[SMALL];
	size_t len;
	TACIT_AUTO_FREE uint8_t *data = small_file(random, rows, &len);
	size_t first = block_end(data, FILE_HEAD), second = block_end(data, first);
	size_t third = block_end(data, second);
	struct outcome outcome;
	WRITER(without);
	WRITER(twice);
	WRITER(longer);

	tacit_write_bytes(&without, data, second);
	tacit_write_bytes(&without, data + third, len - third);
	outcome = read_rows(without.data, without.len, rows);
	CU_ASSERT_EQUAL(outcome.r, TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(outcome.n, BLOCK_OF);
	tacit_write_bytes(&twice, data, second);
	tacit_write_bytes(&twice, data + first, len - first);
	outcome = read_rows(twice.data, twice.len, rows);
	CU_ASSERT_EQUAL(outcome.r, TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(outcome.n, BLOCK_OF);
	tacit_write_bytes(&longer, data, len);
	tacit_write_u8(&longer, 0);
	outcome = read_rows(longer.data, longer.len, rows);
	CU_ASSERT_EQUAL(outcome.r, -EINVAL);
	CU_ASSERT_EQUAL(outcome.n, SMALL);
	CU_ASSERT_PTR_NOT_NULL(strstr(outcome.where.why, "after the end"));
}

static void put_block(struct tacit_writer *out, const void *content, size_t len)
{
	WRITER(head);

	tacit_write_u32le(&head, (uint32_t)len);
	tacit_write_u32le(&head, tacit_crc32(content, len));
	tacit_write_u32le(&head, tacit_crc32(head.data, head.len));
	tacit_write_bytes(out, head.data, head.len);
	tacit_write_bytes(out, content, len);
}

static void put_file_head(struct tacit_writer *out, uint16_t version)
{
	tacit_write_bytes(out, "TACW", 4);
	tacit_write_u16le(out, version);
}

static void put_name(struct tacit_writer *out, const char *name)
{
	tacit_write_u8(out, (uint8_t)strlen(name));
	tacit_write_bytes(out, name, strlen(name));
}

struct table {
	unsigned n;
	struct {
		unsigned group;
		const char *name;
	} feature[4];
};

static void put_table(struct tacit_writer *out, const struct table *table)
{
	WRITER(content);

	put_file_head(out, 1);
	tacit_write_varint(&content, table->n);
	for (unsigned i = 0; i < table->n; i++) {
		tacit_write_varint(&content, table->feature[i].group);
		put_name(&content, table->feature[i].name);
	}
	put_block(out, content.data, content.len);
}

/* A window of host h, scope s and class c, and as many counts of 7 as @counted has bits. */
static void put_window(struct tacit_writer *out, uint8_t observed, uint8_t counted)
{
	static const uint8_t words[] = { 0, 1, 'h', 1, 1, 's', 2, 1, 'c', 3, 0, 3 };

	tacit_write_varint(out, 0);
	tacit_write_varint(out, 1);
	tacit_write_bytes(out, words, sizeof(words));
	tacit_write_varint(out, 2 * 1000);
	tacit_write_varint(out, 500);
	tacit_write_varint(out, 250);
	tacit_write_u8(out, observed);
	tacit_write_u8(out, counted);
	for (; counted; counted &= (uint8_t)(counted - 1))
		tacit_write_varint(out, 7);
}

static struct outcome read_window_of(const struct table *table, uint8_t observed, uint8_t counted)
{
	WRITER(out);
	WRITER(content);

	put_table(&out, table);
	put_window(&content, observed, counted);
	put_block(&out, content.data, content.len);
	return read_rows(out.data, out.len, NULL);
}

/* A program with fewer features, in another order and other groups. */
static const struct table older = {
	3, { { 1, "memory.oom" }, { 0, "tcp.bytes_received" }, { 0, "tcp.bytes_sent" } }
};

static void test_another_table(void)
{
	struct outcome outcome = read_window_of(&older, 3, 5);
	const struct tacit_window *window = &outcome.last.window;

	CU_ASSERT_EQUAL(outcome.r, 0);
	CU_ASSERT_EQUAL_FATAL(outcome.n, 1);
	CU_ASSERT_STRING_EQUAL(outcome.last.host, "h");
	CU_ASSERT_STRING_EQUAL(outcome.last.label, "");
	CU_ASSERT_STRING_EQUAL(window->scope, "s");
	CU_ASSERT_STRING_EQUAL(window->class, "c");
	CU_ASSERT_EQUAL(window->end_ms, 1000);
	CU_ASSERT_EQUAL(window->length_ms, 500);
	CU_ASSERT_EQUAL(window->duty_permille, 250);
	CU_ASSERT_EQUAL(window->count[TACIT_FEATURE_MEMORY_OOM], 7);
	CU_ASSERT_EQUAL(window->count[TACIT_FEATURE_TCP_BYTES_RECEIVED], 0);
	CU_ASSERT_EQUAL(window->count[TACIT_FEATURE_TCP_BYTES_SENT], 7);
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		CU_ASSERT_EQUAL(window->observed[i], i == TACIT_PROBE_TCP_DESTROY || i == TACIT_PROBE_OOM);
	outcome = read_window_of(&older, 2, 1); /* its group 0 was not observed */
	CU_ASSERT_EQUAL(outcome.n, 1);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_TCP_DESTROY], 0);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_OOM], 1);
}

static void test_half_a_probe_is_none(void)
{
	static const struct table half = { 2, { { 0, "tcp.bytes_sent" }, { 1, "memory.oom" } } };
	struct outcome outcome = read_window_of(&half, 3, 3);

	CU_ASSERT_EQUAL(outcome.n, 1);
	CU_ASSERT_EQUAL(outcome.last.window.observed[TACIT_PROBE_TCP_DESTROY], 0);
	CU_ASSERT_EQUAL(outcome.last.window.count[TACIT_FEATURE_TCP_BYTES_SENT], 0);
	CU_ASSERT_EQUAL(outcome.last.window.count[TACIT_FEATURE_MEMORY_OOM], 7);
}

static void check_refused(const struct outcome *outcome, int error, const char *why)
{
	if (outcome->r != error || !strstr(outcome->where.why, why))
		printf("# %d: %s\n", outcome->r, outcome->where.why);
	CU_ASSERT_EQUAL(outcome->r, error);
	CU_ASSERT_EQUAL(outcome->n, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(outcome->where.why, why));
}

static void test_tables_that_are_refused(void)
{
	static const struct table unknown = { 2, { { 0, "tcp.bytes_sent" }, { 0, "no.such" } } };
	static const struct table twice = { 2, { { 0, "memory.oom" }, { 1, "memory.oom" } } };
	static const struct table group = { 1, { { TACIT_FEATURE_COUNT, "memory.oom" } } };
	static const struct table nameless = { 1, { { 0, "" } } };
	struct outcome outcome = read_window_of(&unknown, 1, 1);

	check_refused(&outcome, TACIT_ESCHEMA, "unknown feature \"no.such\"");
	CU_ASSERT_EQUAL(outcome.where.offset, FILE_HEAD + BLOCK_HEAD + 1 + 16 + 9);
	outcome = read_window_of(&twice, 3, 1);
	check_refused(&outcome, TACIT_ESCHEMA, "repeated feature \"memory.oom\"");
	outcome = read_window_of(&group, 1, 1);
	check_refused(&outcome, -EINVAL, "no group");
	outcome = read_window_of(&nameless, 1, 1);
	check_refused(&outcome, TACIT_ESCHEMA, "unknown feature \"\"");
}

static void test_versions(void)
{
	static const struct {
		uint16_t version;
		const char *why;
	} versions[] = { { 0, "version 0" },
			 { 2, "version 2 is newer than 1" },
			 { 65535, "version 65535 is newer than 1" } };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(versions); i++) {
		struct outcome outcome;
		WRITER(out);

		put_file_head(&out, versions[i].version);
		tacit_write_bytes(&out, "anything that may come then", 27);
		outcome = read_rows(out.data, out.len, NULL);
		check_refused(&outcome, TACIT_ESCHEMA, versions[i].why);
	}
}

/* Intact blocks of a writer that does not know the format. What they hold begins with the number of
 * windows before. */
static const struct {
	const char *why;
	size_t len;
	uint8_t content[40];
} malformed[] = {
	{ "too short", 0, { 0 } },
	{ "too short", 1, { 0 } },
	{ "windows should be before", 2, { 1, 1 } },
	{ "after the end", 3, { 0, 0, 0 } },
	{ "no word for host", 2, { 0, 1 } },
	{ "no word for host", 5, { 0, 1, 1, 1, 'h' } },
	{ "no word for host", 4, { 0, 1, 0, 200 } },
	{ "no word for host", 5, { 0, 1, 0, 1, 0 } },
	{ "\"\" is no host", 4, { 0, 1, 0, 0 } },
	{ "is no host", 5, { 0, 1, 0, 1, ',' } },
	{ "no word for scope", 6, { 0, 1, 0, 1, 'h', 2 } },
	{ "is no class", 10, { 0, 1, 0, 1, 'h', 0, 1, 0, 1, 'h' } },
#define WORDS 0, 1, 0, 1, 'h', 0, 0, 1, 0, 1
	{ "too short", 10, { WORDS } },
	{ "no t", 13, { WORDS, 1, 1, 1 } },
	{ "no t", 22, { WORDS, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1, 1 } },
	{ "0 is no length_ms", 13, { WORDS, 2, 0, 1 } },
	{ "86400001 is no length_ms", 16, { WORDS, 2, 0x81, 0xb8, 0x99, 0x29, 1 } },
	{ "0 is no duty", 13, { WORDS, 2, 1, 0 } },
	{ "1001 is no duty", 14, { WORDS, 2, 1, 0xe9, 7 } },
	{ "no map", 13, { WORDS, 2, 1, 1 } },
	{ "no map", 14, { WORDS, 2, 1, 1, 3 } },
	{ "no map", 15, { WORDS, 2, 1, 1, 4, 0 } }, /* there is no third group */
	{ "no map", 15, { WORDS, 2, 1, 1, 3, 8 } }, /* nor a fourth feature */
	{ "no count for memory.oom", 15, { WORDS, 2, 1, 1, 3, 1 } },
	{ "no count for memory.oom", 16, { WORDS, 2, 1, 1, 3, 1, 0 } }, /* zeros are not written */
	{ "no count for memory.oom", 16, { WORDS, 2, 1, 1, 1, 1, 7 } }, /* not observed */
	{ "no count for memory.oom", 17, { WORDS, 2, 1, 1, 3, 1, 0x87, 0 } }, /* too long */
	{ "more bytes", 16, { WORDS, 2, 1, 1, 3, 0, 0 } },
};

static void test_malformed_blocks(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(malformed); i++) {
		int error = strstr(malformed[i].why, "before") ? TACIT_EDAMAGED : -EINVAL;
		struct outcome outcome;
		WRITER(out);

		put_table(&out, &older);
		put_block(&out, malformed[i].content, malformed[i].len);
		outcome = read_rows(out.data, out.len, NULL);
		check_refused(&outcome, error, malformed[i].why);
		CU_ASSERT_EQUAL(outcome.where.line, 0);
		CU_ASSERT(outcome.where.offset > FILE_HEAD + BLOCK_HEAD);
		CU_ASSERT(outcome.where.offset <= out.len);
	}
}

static void test_a_block_that_is_too_large(void)
{
	struct outcome outcome;
	WRITER(out);
	WRITER(head);

	put_table(&out, &older);
	tacit_write_u32le(&head, TACIT_RECORDING_BLOCK_MAX + 1);
	tacit_write_u32le(&head, 0);
	tacit_write_u32le(&head, tacit_crc32(head.data, head.len));
	tacit_write_bytes(&out, head.data, head.len);
	outcome = read_rows(out.data, out.len, NULL);
	check_refused(&outcome, -EINVAL, "a block of 131073 bytes");
}

/* More words than are kept: the later ones are spelt out. */
static void test_many_words(void)
{
	static struct tacit_recording_row rows[3000];
	TACIT_CLEANUP(tacit_recording_writer_free_p) struct tacit_recording_writer *writer = NULL;
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_AUTO_CLOSE int fd = -1;
	TACIT_AUTO_FREE uint8_t *data = NULL;
	struct outcome outcome;
	size_t len;

	writer = memory_writer(TACIT_RECORDING_BINARY, &fd);
	for (unsigned i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		rows[i] = random_row(random);
		(void)snprintf(rows[i].window.scope, sizeof(rows[i].window.scope),
			       "session-%u.scope", i % 1500);
		CU_ASSERT_EQUAL(tacit_recording_writer_add(writer, &rows[i]), 0);
	}
	CU_ASSERT_EQUAL(tacit_recording_writer_finish(writer), 0);
	data = recorded(fd, &len);
	outcome = read_rows(data, len, rows);
	CU_ASSERT(outcome.r == 0 && outcome.n == TACIT_ARRAY_LEN(rows) && !outcome.cut_off);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "cut anywhere, it is whole up to the last block", test_cut_anywhere },
		{ "damaged anywhere, it says so", test_damaged_anywhere },
		{ "blocks that moved", test_blocks_that_moved },
		{ "another table of features", test_another_table },
		{ "half a probe is none", test_half_a_probe_is_none },
		{ "tables that are refused", test_tables_that_are_refused },
		{ "versions", test_versions },
		{ "malformed blocks", test_malformed_blocks },
		{ "a block that is too large", test_a_block_that_is_too_large },
		{ "many words", test_many_words },
		{ NULL, NULL },
	};

	return unit_main("recording_binary", cases);
}
