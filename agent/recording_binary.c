/* SPDX-License-Identifier: MIT */
/* Reading a binary recording: a block at a time, checked before it is looked into. */
#include "recording_binary_private.h"

#include <inttypes.h>
#include <string.h>

#include <tacit/crc32.h>

struct binary {
	struct tacit_recording base;
	uint64_t begins; /* offset of the block's content */
	uint64_t ends;
	bool finished; /* the closing block was read */
	unsigned features, groups;
	uint16_t feature[TACIT_FEATURE_COUNT]; /* by place in the file's table */
	uint16_t group[TACIT_FEATURE_COUNT];
	struct tacit_recording_words words;
	int64_t last_ms;
	uint64_t left; /* windows of the block */
	struct tacit_reader block;
	uint8_t content[TACIT_RECORDING_BLOCK_MAX];
};

/* The refusal names the place that was read last. */
#define REFUSE(binary, err, where, ...)                                                            \
	((binary)->base.offset = (binary)->begins + (binary)->block.at,                            \
	 tacit_recording_refuse(&(binary)->base, (err), (where), __VA_ARGS__))

/* 1; 0: the file has fewer bytes left. */
static int read_exactly(struct binary *binary, uint8_t *data, size_t len)
{
	if (fread(data, 1, len, binary->base.file) == len)
		return 1;
	return ferror(binary->base.file) ? -EIO : 0;
}

static bool is_intact(const uint8_t *data, size_t len, uint32_t crc)
{
	return tacit_crc32(data, len) == crc;
}

/* 1: a block's content is in binary->block; 0: the file ends before it does. */
static int read_block(struct binary *binary, struct tacit_recording_where *where)
{
	uint8_t data[TACIT_RECORDING_BLOCK_HEAD];
	struct tacit_reader head = tacit_reader_init(data, sizeof(data));
	uint32_t len, content_crc, crc;
	int r;

	binary->begins = binary->ends;
	binary->block = (struct tacit_reader){ 0 };
	r = read_exactly(binary, data, sizeof(data));
	if (r <= 0)
		return r;
	len = tacit_read_u32le(&head);
	content_crc = tacit_read_u32le(&head);
	crc = tacit_read_u32le(&head);
	if (!is_intact(data, TACIT_RECORDING_BLOCK_HEAD - sizeof(crc), crc))
		return REFUSE(binary, TACIT_EDAMAGED, where,
			      "the block's head is damaged, after %" PRIu64 " windows",
			      binary->base.windows);
	if (len > TACIT_RECORDING_BLOCK_MAX)
		return REFUSE(binary, -EINVAL, where, "a block of %" PRIu32 " bytes, more than %u",
			      len, TACIT_RECORDING_BLOCK_MAX);
	r = read_exactly(binary, binary->content, len);
	if (r <= 0)
		return r;
	if (!is_intact(binary->content, len, content_crc))
		return REFUSE(binary, TACIT_EDAMAGED, where,
			      "the block is damaged, after %" PRIu64 " windows",
			      binary->base.windows);
	binary->begins += TACIT_RECORDING_BLOCK_HEAD;
	binary->ends = binary->begins + len;
	binary->block = tacit_reader_init(binary->content, len);
	return 1;
}

static int parse_feature(struct binary *binary, bool *seen, struct tacit_recording_where *where)
{
	uint64_t group = tacit_read_varint(&binary->block);
	uint8_t len = tacit_read_u8(&binary->block);
	const uint8_t *bytes = tacit_read_bytes(&binary->block, len);
	char name[UINT8_MAX + 1] = "";
	int feature;

	if (!bytes || memchr(bytes, '\0', len))
		return REFUSE(binary, -EINVAL, where, "no name of a feature");
	memcpy(name, bytes, len);
	feature = tacit_feature_find(name);
	if (feature < 0 || seen[feature])
		return REFUSE(binary, TACIT_ESCHEMA, where, "%s feature \"%.40s\"",
			      feature < 0 ? "unknown" : "repeated", name);
	if (group >= TACIT_FEATURE_COUNT)
		return REFUSE(binary, -EINVAL, where, "%" PRIu64 " is no group of features", group);
	seen[feature] = true;
	if (group >= binary->groups)
		binary->groups = (unsigned)group + 1;
	binary->feature[binary->features] = (uint16_t)feature;
	binary->group[binary->features++] = (uint16_t)group;
	return 0;
}

static int parse_features(struct binary *binary, struct tacit_recording_where *where)
{
	bool seen[TACIT_FEATURE_COUNT] = { false };
	uint64_t n = tacit_read_varint(&binary->block);

	for (uint64_t i = 0; i < n; i++) {
		int r = parse_feature(binary, seen, where);

		if (r < 0)
			return r;
	}
	return tacit_read_done(&binary->block)
		       ? 0
		       : REFUSE(binary, -EINVAL, where, "more than a table of features");
}

/* Begins a block of windows. */
static int parse_begin(struct binary *binary, struct tacit_recording_where *where)
{
	uint64_t before = tacit_read_varint(&binary->block);

	binary->left = tacit_read_varint(&binary->block);
	if (binary->block.failed)
		return REFUSE(binary, -EINVAL, where, "the block is too short");
	if (before != binary->base.windows)
		return REFUSE(binary, TACIT_EDAMAGED, where,
			      "%" PRIu64 " windows should be before this block, not %" PRIu64,
			      before, binary->base.windows);
	if (binary->left > 0)
		return 0;
	binary->finished = true;
	return tacit_read_done(&binary->block) && getc(binary->base.file) == EOF
		       ? 0
		       : REFUSE(binary, -EINVAL, where, "more bytes after the end");
}

static int parse_word(struct binary *binary, const struct tacit_recording_word *word,
		      struct tacit_recording_row *row, struct tacit_recording_where *where)
{
	struct tacit_recording_words *words = &binary->words;
	uint64_t number = tacit_read_varint(&binary->block);
	char fresh[TACIT_SCOPE_NAME_MAX + 1] = "";
	const char *text = fresh;

	if (number < words->n) {
		text = words->text[number];
	} else {
		uint8_t len = tacit_read_u8(&binary->block);
		const uint8_t *bytes = tacit_read_bytes(&binary->block, len);

		if (number > words->n || !bytes || len >= sizeof(fresh) || memchr(bytes, '\0', len))
			return REFUSE(binary, -EINVAL, where, "no word for %s", word->name);
		memcpy(fresh, bytes, len);
		tacit_recording_words_add(words, fresh);
	}
	if (!tacit_recording_word_is_valid(word, text))
		return REFUSE(binary, -EINVAL, where, "\"%.40s\" is no %s", text, word->name);
	memcpy((char *)row + word->offset, text, strlen(text) + 1);
	return 0;
}

static int parse_numbers(struct binary *binary, struct tacit_window *window,
			 struct tacit_recording_where *where)
{
	uint64_t zigzag = tacit_read_varint(&binary->block);
	uint64_t length_ms = tacit_read_varint(&binary->block);
	uint64_t duty = tacit_read_varint(&binary->block);
	int64_t step = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);

	if (binary->block.failed)
		return REFUSE(binary, -EINVAL, where, "the window is too short");
	if (__builtin_add_overflow(binary->last_ms, step, &window->end_ms) || window->end_ms < 0 ||
	    window->end_ms > TACIT_RECORDING_TIME_MS_MAX)
		return REFUSE(binary, -EINVAL, where, "no t");
	if (length_ms == 0 || length_ms > TACIT_RECORDING_LENGTH_MS_MAX)
		return REFUSE(binary, -EINVAL, where, "%" PRIu64 " is no length_ms", length_ms);
	if (duty == 0 || duty > TACIT_DUTY_ALWAYS)
		return REFUSE(binary, -EINVAL, where, "%" PRIu64 " is no duty", duty);
	binary->last_ms = window->end_ms;
	window->length_ms = (uint32_t)length_ms;
	window->duty_permille = (uint16_t)duty;
	return 0;
}

static bool get_bit(const uint8_t *bits, unsigned i)
{
	return bits[i / 8] >> i % 8 & 1;
}

/* Bits beyond @n are zero. */
static const uint8_t *read_bits(struct tacit_reader *block, unsigned n)
{
	const uint8_t *bits = tacit_read_bytes(block, (n + 7) / 8);

	for (unsigned i = n; bits && i % 8 != 0; i++)
		if (get_bit(bits, i))
			return NULL;
	return bits;
}

static int parse_counts(struct binary *binary, struct tacit_window *window,
			struct tacit_recording_where *where)
{
	const uint8_t *observed = read_bits(&binary->block, binary->groups);
	const uint8_t *counted = read_bits(&binary->block, binary->features);
	bool has[TACIT_FEATURE_COUNT] = { false };

	if (!observed || !counted)
		return REFUSE(binary, -EINVAL, where, "no map of what was observed or counted");
	for (unsigned i = 0; i < binary->features; i++) {
		unsigned feature = binary->feature[i];

		has[feature] = get_bit(observed, binary->group[i]);
		if (!get_bit(counted, i))
			continue;
		window->count[feature] = tacit_read_varint(&binary->block);
		if (window->count[feature] == 0 || !has[feature])
			return REFUSE(binary, -EINVAL, where, "no count for %s",
				      tacit_feature_get(feature)->name);
	}
	tacit_recording_set_observed(window, has);
	return 0;
}

static int parse_row(struct binary *binary, struct tacit_recording_row *row,
		     struct tacit_recording_where *where)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < TACIT_RECORDING_WORDS; i++)
		r = parse_word(binary, tacit_recording_word(i), row, where);
	if (r == 0)
		r = parse_numbers(binary, &row->window, where);
	if (r == 0)
		r = parse_counts(binary, &row->window, where);
	if (r < 0)
		return r;
	binary->left--;
	if (binary->left == 0 && !tacit_read_done(&binary->block))
		return REFUSE(binary, -EINVAL, where, "more bytes than windows");
	return 1;
}

static int next(struct tacit_recording *recording, struct tacit_recording_row *row,
		struct tacit_recording_where *where)
{
	struct binary *binary = (struct binary *)recording;
	int r;

	if (!binary->finished && binary->left == 0) {
		r = read_block(binary, where);
		recording->cut_off = r == 0;
		if (r > 0)
			r = parse_begin(binary, where);
		if (r < 0 || recording->cut_off)
			return r;
	}
	return binary->finished ? 0 : parse_row(binary, row, where);
}

static int read_head(struct binary *binary, struct tacit_recording_where *where)
{
	uint8_t data[TACIT_RECORDING_FILE_HEAD];
	struct tacit_reader head = tacit_reader_init(data, sizeof(data));
	size_t n = fread(data, 1, sizeof(data), binary->base.file);
	uint16_t version;

	if (ferror(binary->base.file))
		return -EIO;
	if (memcmp(data, TACIT_RECORDING_MAGIC, n < 4 ? n : 4) != 0)
		return REFUSE(binary, TACIT_ESCHEMA, where, "this is no recording");
	if (n < sizeof(data))
		return 0;
	(void)tacit_read_u32le(&head);
	version = tacit_read_u16le(&head);
	binary->ends = sizeof(data);
	if (version > TACIT_RECORDING_BINARY_VERSION)
		return REFUSE(binary, TACIT_ESCHEMA, where,
			      "version %u is newer than %u, the newest this program knows", version,
			      TACIT_RECORDING_BINARY_VERSION);
	return version > 0 ? 1 : REFUSE(binary, TACIT_ESCHEMA, where, "version 0");
}

int tacit_recording_new_binary(FILE *file, struct tacit_recording **ret,
			       struct tacit_recording_where *where)
{
	TACIT_AUTO_FREE struct binary *binary = TACIT_NEW(struct binary);
	int r;

	if (!binary)
		return -ENOMEM;
	binary->base.next = next;
	binary->base.file = file;
	r = read_head(binary, where);
	if (r > 0)
		r = read_block(binary, where);
	if (r == 0)
		r = REFUSE(binary, TACIT_EDAMAGED, where,
			   "the file ends before its table of features");
	if (r > 0)
		r = parse_features(binary, where);
	if (r < 0)
		return r;
	*ret = &TACIT_TAKE(binary)->base;
	return 0;
}
