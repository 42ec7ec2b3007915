/* SPDX-License-Identifier: MIT */
#include <tacit/fleet.h>

#include <stdio.h>
#include <string.h>

#include <tacit/mem.h>

#include "ladder_block.h"

#define MAGIC		    "TACM"
#define MAGIC_LEN	    4U
#define FORMAT		    2U
#define FORMAT_BLOCKS_ALONE 1U
#define STATISTICS_MAX	    16U /* in a release of whatever program */
#define KIND_MAX	    15U
#define SLOT		    "slot:"

struct fleet_class {
	char name[TACIT_FLEET_CLASS_NAME_MAX + 1];
	float *block; /* into blocks */
	struct tacit_score_ladder ladder[TACIT_STATISTIC_COUNT];
};

struct tacit_fleet {
	const struct tacit_model_kind *kind;
	const struct tacit_space *space;
	struct tacit_fleet_head head;
	size_t n;
	struct fleet_class *classes;
	float *blocks;
};

static bool is_class_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("@._:-", c));
}

bool tacit_fleet_class_name_is_valid(const char *name)
{
	size_t len = 0;

	for (; name[len] != '\0'; len++)
		if (len >= TACIT_FLEET_CLASS_NAME_MAX || !is_class_char(name[len]))
			return false;
	return len > 0;
}

/* @n classes without names; blocks are zero. */
static int fleet_alloc(const struct tacit_model_kind *kind, const struct tacit_space *space,
		       size_t n, struct tacit_fleet **ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	size_t block_len = kind->block_len(space);

	fleet = TACIT_NEW(struct tacit_fleet);
	if (!fleet)
		return -ENOMEM;
	fleet->kind = kind;
	fleet->space = space;
	fleet->n = n;
	fleet->classes = TACIT_NEW_N(struct fleet_class, n);
	fleet->blocks = (float *)tacit_calloc(n * block_len, sizeof(float));
	if (!fleet->classes || !fleet->blocks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		fleet->classes[i].block = fleet->blocks + i * block_len;
		for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
			tacit_ladder_init(&fleet->classes[i].ladder[s]);
	}
	*ret = TACIT_TAKE(fleet);
	return 0;
}

/* Names class @i, whose predecessors have theirs. 0 or -EINVAL. */
static int name_class(struct tacit_fleet *fleet, size_t i, const char *name)
{
	if (!tacit_fleet_class_name_is_valid(name))
		return -EINVAL;
	for (size_t k = 0; k < i; k++)
		if (strcmp(fleet->classes[k].name, name) == 0)
			return -EINVAL;
	memcpy(fleet->classes[i].name, name, strlen(name) + 1);
	return 0;
}

int tacit_fleet_new(const struct tacit_model_kind *kind, const struct tacit_space *space,
		    const char *const *classes, size_t n, struct tacit_fleet **ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	int r;

	if (n < 1 || n > TACIT_FLEET_CLASSES_MAX)
		return -EINVAL;
	r = fleet_alloc(kind, space, n, &fleet);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = name_class(fleet, i, classes[i]);
		kind->block_init(space, fleet->classes[i].block);
	}
	if (r == 0)
		*ret = TACIT_TAKE(fleet);
	return r;
}

const struct tacit_fleet_head *tacit_fleet_head(const struct tacit_fleet *fleet)
{
	return &fleet->head;
}

void tacit_fleet_set_head(struct tacit_fleet *fleet, const struct tacit_fleet_head *head)
{
	fleet->head = *head;
}

const struct tacit_model_kind *tacit_fleet_kind(const struct tacit_fleet *fleet)
{
	return fleet->kind;
}

size_t tacit_fleet_classes(const struct tacit_fleet *fleet)
{
	return fleet->n;
}

const char *tacit_fleet_class_name(const struct tacit_fleet *fleet, size_t i)
{
	return fleet->classes[i].name;
}

const float *tacit_fleet_block(const struct tacit_fleet *fleet, size_t i)
{
	return fleet->classes[i].block;
}

const struct tacit_score_ladder *tacit_fleet_ladders(const struct tacit_fleet *fleet, size_t i)
{
	return fleet->classes[i].ladder;
}

void tacit_fleet_copy_class(struct tacit_fleet *fleet, size_t i, const struct tacit_fleet *from,
			    size_t k)
{
	struct fleet_class *to = &fleet->classes[i];

	memcpy(to->block, from->classes[k].block,
	       fleet->kind->block_len(fleet->space) * sizeof(*to->block));
	memcpy(to->ladder, from->classes[k].ladder, sizeof(to->ladder));
}

int tacit_fleet_find(const struct tacit_fleet *fleet, const char *class)
{
	for (size_t i = 0; i < fleet->n; i++)
		if (strcmp(fleet->classes[i].name, class) == 0)
			return (int)i;
	return -ENOENT;
}

void tacit_fleet_slot_name(unsigned i, unsigned n, char ret[TACIT_FLEET_CLASS_NAME_MAX + 1])
{
	(void)snprintf(ret, TACIT_FLEET_CLASS_NAME_MAX + 1, SLOT "%u.%u", i, n);
}

/* How many slots the first of them says there are; 0 without any. */
static unsigned slots(const struct tacit_fleet *fleet)
{
	unsigned i, n;

	for (size_t k = 0; k < fleet->n; k++)
		if (sscanf(fleet->classes[k].name, SLOT "%u.%u", &i, &n) == 2)
			return n;
	return 0;
}

int tacit_fleet_class_of(const struct tacit_fleet *fleet, const char *class)
{
	char name[TACIT_FLEET_CLASS_NAME_MAX + 1];
	int at = tacit_fleet_find(fleet, class);
	unsigned n = at < 0 ? slots(fleet) : 0;

	if (n == 0)
		return at;
	tacit_fleet_slot_name(tacit_hash(class, strlen(class)) % n, n, name);
	return tacit_fleet_find(fleet, name);
}

size_t tacit_fleet_section_len(const struct tacit_model_kind *kind, const struct tacit_space *space)
{
	return kind->contribution_len(space) + TACIT_LADDER_CONTRIBUTION;
}

size_t tacit_fleet_dimensions(const struct tacit_fleet *fleet)
{
	return fleet->n * tacit_fleet_section_len(fleet->kind, fleet->space);
}

static void contribute_one(const struct tacit_fleet *fleet, const struct tacit_fleet_scope *scope,
			   double *out)
{
	const struct fleet_class *class = &fleet->classes[scope->class_of];
	double *ladders = out + fleet->kind->contribution_len(fleet->space);

	fleet->kind->contribute(scope->model, class->block, out);
	memset(ladders, 0, TACIT_LADDER_CONTRIBUTION * sizeof(*ladders));
	if (scope->threshold)
		tacit_ladder_contribute(scope->threshold, class->ladder, ladders);
}

int tacit_fleet_contribute(const struct tacit_fleet *fleet, const struct tacit_fleet_scope *scopes,
			   size_t n, double *out)
{
	size_t len = tacit_fleet_section_len(fleet->kind, fleet->space);
	size_t of_class[TACIT_FLEET_CLASSES_MAX] = { 0 };
	TACIT_AUTO_FREE double *one = TACIT_NEW_N(double, len);

	if (!one)
		return -ENOMEM;
	memset(out, 0, tacit_fleet_dimensions(fleet) * sizeof(*out));
	for (size_t m = 0; m < n; m++)
		if (scopes[m].class_of >= 0 && (size_t)scopes[m].class_of < fleet->n)
			of_class[scopes[m].class_of]++;
	for (size_t m = 0; m < n; m++) {
		size_t i = (size_t)scopes[m].class_of;

		if (scopes[m].class_of < 0 || i >= fleet->n)
			continue;
		contribute_one(fleet, &scopes[m], one);
		for (size_t k = 0; k < len; k++)
			out[i * len + k] += one[k] / (double)of_class[i];
	}
	return 0;
}

int tacit_fleet_absorb(const struct tacit_fleet *fleet, const struct tacit_sum *sum,
		       struct tacit_fleet **ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	size_t len = tacit_fleet_section_len(fleet->kind, fleet->space);
	int r = fleet_alloc(fleet->kind, fleet->space, fleet->n, &next);

	if (r < 0)
		return r;
	next->head = fleet->head;
	for (size_t i = 0; i < fleet->n; i++) {
		const struct fleet_class *before = &fleet->classes[i];
		struct fleet_class *after = &next->classes[i];
		struct tacit_sum part = *sum;

		memcpy(after->name, before->name, sizeof(after->name));
		part.value = sum->value + i * len;
		fleet->kind->absorb(fleet->space, &part, before->block, after->block);
		part.value += fleet->kind->contribution_len(fleet->space);
		tacit_ladder_absorb(&part, before->ladder, after->ladder);
	}
	*ret = TACIT_TAKE(next);
	return 0;
}

static void write_text(struct tacit_writer *writer, const char *text)
{
	size_t len = strlen(text);

	tacit_write_u16le(writer, (uint16_t)len);
	tacit_write_bytes(writer, text, len);
}

static void write_ladder(struct tacit_writer *writer, const struct tacit_score_ladder *ladder)
{
	tacit_write_f32le(writer, ladder->weight);
	for (size_t k = 0; k < TACIT_SCORE_RUNGS; k++)
		tacit_write_f32le(writer, ladder->level[k]);
	tacit_write_f32le(writer, ladder->spread);
}

void tacit_fleet_encode(const struct tacit_fleet *fleet, struct tacit_writer *writer)
{
	size_t block_len = fleet->kind->block_len(fleet->space);

	tacit_write_bytes(writer, MAGIC, MAGIC_LEN);
	tacit_write_u16le(writer, FORMAT);
	write_text(writer, fleet->kind->name);
	tacit_write_bytes(writer, fleet->head.schema, sizeof(fleet->head.schema));
	tacit_write_u64le(writer, fleet->head.version);
	tacit_write_u64le(writer, fleet->head.round);
	tacit_write_u64le(writer, (uint64_t)fleet->head.created_ms);
	tacit_write_u32le(writer, (uint32_t)fleet->space->dims);
	tacit_write_u32le(writer, (uint32_t)fleet->space->groups);
	tacit_write_u16le(writer, TACIT_STATISTIC_COUNT);
	tacit_write_u16le(writer, (uint16_t)fleet->n);
	for (size_t i = 0; i < fleet->n; i++) {
		write_text(writer, fleet->classes[i].name);
		for (size_t k = 0; k < block_len; k++)
			tacit_write_f32le(writer, fleet->classes[i].block[k]);
		for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
			write_ladder(writer, &fleet->classes[i].ladder[s]);
	}
}

/* Reads a counted text of at most @max bytes into @text (@max + 1 bytes). 0 or TACIT_EDAMAGED. */
static int read_text(struct tacit_reader *reader, size_t max, char *text)
{
	uint16_t len = tacit_read_u16le(reader);
	const uint8_t *bytes = len <= max ? tacit_read_bytes(reader, len) : NULL;

	if (!bytes || memchr(bytes, '\0', len))
		return TACIT_EDAMAGED;
	memcpy(text, bytes, len);
	text[len] = '\0';
	return 0;
}

/* @statistics: how many ladders each class has. */
static int read_head(struct tacit_reader *reader, const struct tacit_space *space,
		     const struct tacit_model_kind **ret_kind, struct tacit_fleet_head *head,
		     size_t *statistics)
{
	const uint8_t *magic = tacit_read_bytes(reader, MAGIC_LEN);
	uint16_t format = tacit_read_u16le(reader);
	const uint8_t *schema;
	char kind[KIND_MAX + 1];
	uint32_t dims, groups;

	if (magic && memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return TACIT_ESCHEMA;
	if (reader->failed)
		return TACIT_EDAMAGED;
	if (format != FORMAT && format != FORMAT_BLOCKS_ALONE)
		return TACIT_ESCHEMA;
	if (read_text(reader, KIND_MAX, kind) < 0)
		return TACIT_EDAMAGED;
	schema = tacit_read_bytes(reader, sizeof(head->schema));
	if (schema)
		memcpy(head->schema, schema, sizeof(head->schema));
	head->version = tacit_read_u64le(reader);
	head->round = tacit_read_u64le(reader);
	head->created_ms = (int64_t)tacit_read_u64le(reader);
	dims = tacit_read_u32le(reader);
	groups = tacit_read_u32le(reader);
	*statistics = format == FORMAT ? tacit_read_u16le(reader) : 0;
	if (reader->failed || *statistics > STATISTICS_MAX)
		return TACIT_EDAMAGED;
	*ret_kind = tacit_model_kind_find(kind);
	return *ret_kind && dims == space->dims && groups == space->groups ? 0 : TACIT_ESCHEMA;
}

/* Of statistics that this program knows; others are skipped, those that are missing stay as they
 * are. 0 or TACIT_EDAMAGED. */
static int read_ladders(struct fleet_class *class, size_t statistics, struct tacit_reader *reader)
{
	for (size_t s = 0; s < statistics; s++) {
		struct tacit_score_ladder ladder = { .weight = tacit_read_f32le(reader) };

		for (size_t k = 0; k < TACIT_SCORE_RUNGS; k++)
			ladder.level[k] = tacit_read_f32le(reader);
		ladder.spread = tacit_read_f32le(reader);
		if (reader->failed || tacit_ladder_check(&ladder) < 0)
			return TACIT_EDAMAGED;
		if (s < TACIT_STATISTIC_COUNT)
			class->ladder[s] = ladder;
	}
	return 0;
}

static int read_class(struct tacit_fleet *fleet, size_t i, size_t statistics,
		      struct tacit_reader *reader)
{
	size_t block_len = fleet->kind->block_len(fleet->space);
	char name[TACIT_FLEET_CLASS_NAME_MAX + 1];
	float *block = fleet->classes[i].block;

	if (read_text(reader, TACIT_FLEET_CLASS_NAME_MAX, name) < 0 ||
	    name_class(fleet, i, name) < 0)
		return TACIT_EDAMAGED;
	for (size_t k = 0; k < block_len; k++)
		block[k] = tacit_read_f32le(reader);
	if (reader->failed || fleet->kind->check(fleet->space, block) < 0)
		return TACIT_EDAMAGED;
	return read_ladders(&fleet->classes[i], statistics, reader);
}

static int read_classes(struct tacit_reader *reader, const struct tacit_model_kind *kind,
			const struct tacit_space *space, const struct tacit_fleet_head *head,
			size_t statistics, struct tacit_fleet **ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	uint16_t n = tacit_read_u16le(reader);
	int r;

	if (n < 1 || n > TACIT_FLEET_CLASSES_MAX)
		return TACIT_EDAMAGED;
	r = fleet_alloc(kind, space, n, &fleet);
	if (r < 0)
		return r;
	fleet->head = *head;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_class(fleet, i, statistics, reader);
	if (r == 0)
		*ret = TACIT_TAKE(fleet);
	return r;
}

int tacit_fleet_decode(const uint8_t *data, size_t len, const struct tacit_space *space,
		       struct tacit_fleet **ret, size_t *ret_signed, const uint8_t **ret_sig,
		       size_t *ret_sig_len)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);
	const struct tacit_model_kind *kind = NULL;
	struct tacit_fleet_head head = { 0 };
	const uint8_t *signature;
	size_t covered, statistics = 0;
	uint16_t signature_len;
	int r;

	if (len > TACIT_FLEET_BYTES_MAX)
		return -E2BIG;
	r = read_head(&reader, space, &kind, &head, &statistics);
	if (r == 0)
		r = read_classes(&reader, kind, space, &head, statistics, &fleet);
	if (r < 0)
		return r;

	covered = reader.at;
	signature_len = tacit_read_u16le(&reader);
	signature = tacit_read_bytes(&reader, signature_len);
	if (!tacit_read_done(&reader) || signature_len > TACIT_FLEET_SIGNATURE_MAX)
		return TACIT_EDAMAGED;
	*ret = TACIT_TAKE(fleet);
	if (ret_signed)
		*ret_signed = covered;
	if (ret_sig)
		*ret_sig = signature;
	if (ret_sig_len)
		*ret_sig_len = signature_len;
	return 0;
}

void tacit_fleet_free(struct tacit_fleet *fleet)
{
	if (!fleet)
		return;
	tacit_free(fleet->classes);
	tacit_free(fleet->blocks);
	tacit_free(fleet);
}
