/* SPDX-License-Identifier: MIT */
/* Writing a binary recording. Words and time lean on the blocks before, so a lost block's are
 * undone. */
#include "recording_binary_private.h"

#include <string.h>

#include <tacit/crc32.h>

#define BITS_BYTES(n) (((n) + 7) / 8)
#define ROW_MAX                                                                                    \
	(TACIT_RECORDING_WORDS * (3 + TACIT_SCOPE_NAME_MAX) + 3 * 10 +                             \
	 BITS_BYTES(TACIT_PROBE_COUNT) + BITS_BYTES(TACIT_FEATURE_COUNT) +                         \
	 10 * TACIT_FEATURE_COUNT)

_Static_assert(TACIT_RECORDING_PENDING_FULL + ROW_MAX + 20 <= TACIT_RECORDING_BLOCK_MAX,
	       "what is written can be read");

struct binary_writer {
	struct tacit_recording_writer base;
	int64_t last_ms, kept_ms;
	size_t words_kept;
	struct tacit_recording_words words;
};

void tacit_recording_words_add(struct tacit_recording_words *words, const char *text)
{
	if (words->n < TACIT_RECORDING_WORDS_KEPT)
		memcpy(words->text[words->n++], text, strlen(text) + 1);
}

static void put_text(struct tacit_writer *out, const char *text)
{
	size_t len = strlen(text);

	tacit_write_u8(out, (uint8_t)len);
	tacit_write_bytes(out, text, len);
}

static void put_word(struct tacit_writer *out, struct tacit_recording_words *words,
		     const char *text)
{
	size_t i = 0;

	while (i < words->n && strcmp(words->text[i], text) != 0)
		i++;
	tacit_write_varint(out, i);
	if (i < words->n)
		return;
	put_text(out, text);
	tacit_recording_words_add(words, text);
}

static void put_counts(struct tacit_writer *out, const struct tacit_window *window)
{
	uint8_t observed[BITS_BYTES(TACIT_PROBE_COUNT)] = { 0 };
	uint8_t counted[BITS_BYTES(TACIT_FEATURE_COUNT)] = { 0 };

	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		if (window->observed[i])
			observed[i / 8] |= (uint8_t)(1U << i % 8);
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (window->observed[tacit_feature_get(i)->probe] && window->count[i] > 0)
			counted[i / 8] |= (uint8_t)(1U << i % 8);
	tacit_write_bytes(out, observed, sizeof(observed));
	tacit_write_bytes(out, counted, sizeof(counted));
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (counted[i / 8] >> i % 8 & 1)
			tacit_write_varint(out, window->count[i]);
}

static void add(struct tacit_recording_writer *writer, const struct tacit_recording_row *row)
{
	struct binary_writer *binary = (struct binary_writer *)writer;
	const struct tacit_window *window = &row->window;
	int64_t step = window->end_ms - binary->last_ms;

	for (unsigned i = 0; i < TACIT_RECORDING_WORDS; i++)
		put_word(&writer->pending, &binary->words,
			 (const char *)row + tacit_recording_word(i)->offset);
	tacit_write_varint(&writer->pending, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
	tacit_write_varint(&writer->pending, window->length_ms);
	tacit_write_varint(&writer->pending, window->duty_permille);
	put_counts(&writer->pending, window);
	binary->last_ms = window->end_ms;
}

static void put_block(struct tacit_writer *out, const struct tacit_writer *content)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer head = { 0 };

	tacit_write_u32le(&head, (uint32_t)content->len);
	tacit_write_u32le(&head, tacit_crc32(content->data, content->len));
	tacit_write_u32le(&head, tacit_crc32(head.data, head.len));
	tacit_write_bytes(out, head.data, head.len);
	tacit_write_bytes(out, content->data, content->len);
	out->failed |= head.failed || content->failed;
}

static void put_head(struct tacit_writer *out)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer table = { 0 };

	tacit_write_bytes(out, TACIT_RECORDING_MAGIC, 4);
	tacit_write_u16le(out, TACIT_RECORDING_BINARY_VERSION);
	tacit_write_varint(&table, TACIT_FEATURE_COUNT);
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		tacit_write_varint(&table, tacit_feature_get(i)->probe);
		put_text(&table, tacit_feature_get(i)->name);
	}
	put_block(out, &table);
}

static void put_windows(struct tacit_writer *out, uint64_t before, unsigned n,
			const struct tacit_writer *windows)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer content = { 0 };

	tacit_write_varint(&content, before);
	tacit_write_varint(&content, n);
	tacit_write_bytes(&content, windows->data, windows->len);
	put_block(out, &content);
}

static void seal(struct tacit_recording_writer *writer, struct tacit_writer *out)
{
	put_windows(out, writer->windows, writer->n_pending, &writer->pending);
}

static void settle(struct tacit_recording_writer *writer, bool kept)
{
	struct binary_writer *binary = (struct binary_writer *)writer;

	if (kept) {
		binary->words_kept = binary->words.n;
		binary->kept_ms = binary->last_ms;
	} else {
		binary->words.n = binary->words_kept;
		binary->last_ms = binary->kept_ms;
	}
}

/* A block of no windows is the last one. */
static void put_end(struct tacit_recording_writer *writer, struct tacit_writer *out)
{
	put_windows(out, writer->windows, 0, &writer->pending);
}

struct tacit_recording_writer *tacit_recording_writer_binary(void)
{
	static const struct tacit_recording_writer_kind kind = { put_head, add, seal, settle,
								 put_end };
	struct binary_writer *writer = TACIT_NEW(struct binary_writer);

	if (!writer)
		return NULL;
	writer->base.kind = &kind;
	return &writer->base;
}
