/* SPDX-License-Identifier: MIT */
#include <tacit/secagg_sum.h>

#include <string.h>

#include "digest.h"
#include "secagg_wire.h"

#define MAGIC  "TACP"
#define FORMAT 1U

/* What is kept of a host. */
struct entry {
	bool in;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN]; /* of its message */
	uint32_t complaints;			 /* about it */
};

struct tacit_secagg_sum {
	uint32_t n, dimensions;
	struct entry *entry; /* n */
	uint32_t *value;     /* dimensions */
};

int tacit_secagg_sum_new(uint32_t n, uint32_t dimensions, struct tacit_secagg_sum **ret)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = NULL;

	if (n < 1 || n > TACIT_SECAGG_HOSTS_MAX || dimensions < 1 ||
	    dimensions > TACIT_SECAGG_DIMS_MAX)
		return -EINVAL;
	sum = TACIT_NEW(struct tacit_secagg_sum);
	if (!sum)
		return -ENOMEM;
	sum->n = n;
	sum->dimensions = dimensions;
	sum->entry = TACIT_NEW_N(struct entry, n);
	sum->value = TACIT_NEW_N(uint32_t, dimensions);
	if (!sum->entry || !sum->value)
		return -ENOMEM;
	*ret = TACIT_TAKE(sum);
	return 0;
}

int tacit_secagg_sum_add(struct tacit_secagg_sum *sum, const struct tacit_secagg_masked *masked,
			 const uint8_t *data, size_t len)
{
	struct tacit_reader reader =
		tacit_reader_init(masked->value, (size_t)masked->dimensions * 4);
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	struct entry *entry;
	int r;

	if (masked->host >= sum->n || masked->dimensions != sum->dimensions)
		return -EINVAL;
	r = tacit_digest_of(digest, { data, len });
	if (r < 0)
		return r;
	entry = &sum->entry[masked->host];
	if (entry->in)
		return memcmp(digest, entry->digest, sizeof(digest)) == 0 ? 0 : TACIT_ECONFLICT;
	entry->in = true;
	memcpy(entry->digest, digest, sizeof(digest));
	for (uint32_t i = 0; i < masked->n_unopened; i++) {
		uint32_t dealer = tacit_secagg_number_at(masked->unopened, i);

		if (dealer < sum->n)
			sum->entry[dealer].complaints++;
	}
	for (uint32_t i = 0; i < sum->dimensions; i++)
		sum->value[i] += tacit_read_u32le(&reader);
	return 0;
}

int tacit_secagg_sum_merge(struct tacit_secagg_sum *sum, const struct tacit_secagg_sum *other)
{
	if (sum->n != other->n || sum->dimensions != other->dimensions)
		return -EINVAL;
	for (uint32_t i = 0; i < sum->n; i++)
		if (sum->entry[i].in && other->entry[i].in)
			return TACIT_ECONFLICT;
	for (uint32_t i = 0; i < sum->n; i++) {
		uint32_t complaints = sum->entry[i].complaints + other->entry[i].complaints;

		if (other->entry[i].in)
			sum->entry[i] = other->entry[i];
		sum->entry[i].complaints = complaints;
	}
	for (uint32_t i = 0; i < sum->dimensions; i++)
		sum->value[i] += other->value[i];
	return 0;
}

bool tacit_secagg_sum_has(const struct tacit_secagg_sum *sum, uint32_t host)
{
	return host < sum->n && sum->entry[host].in;
}

uint32_t tacit_secagg_sum_count(const struct tacit_secagg_sum *sum)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sum->n; i++)
		count += sum->entry[i].in;
	return count;
}

uint32_t tacit_secagg_sum_complaints(const struct tacit_secagg_sum *sum, uint32_t dealer)
{
	return dealer < sum->n ? sum->entry[dealer].complaints : 0;
}

const uint32_t *tacit_secagg_sum_get(const struct tacit_secagg_sum *sum)
{
	return sum->value;
}

void tacit_secagg_sum_save(const struct tacit_secagg_sum *sum, struct tacit_writer *writer)
{
	tacit_write_bytes(writer, MAGIC, 4);
	tacit_write_u32le(writer, FORMAT);
	tacit_write_u32le(writer, sum->n);
	tacit_write_u32le(writer, sum->dimensions);
	for (uint32_t i = 0; i < sum->n; i++) {
		tacit_write_u8(writer, sum->entry[i].in);
		tacit_write_u32le(writer, sum->entry[i].complaints);
		if (sum->entry[i].in)
			tacit_write_bytes(writer, sum->entry[i].digest, TACIT_SECAGG_DIGEST_LEN);
	}
	for (uint32_t i = 0; i < sum->dimensions; i++)
		tacit_write_u32le(writer, sum->value[i]);
}

static void load_entry(struct tacit_reader *reader, struct entry *entry, uint32_t n)
{
	unsigned in = tacit_read_u8(reader);

	entry->in = in;
	entry->complaints = tacit_secagg_read_range(reader, 0, n);
	if (in > 1)
		reader->failed = true;
	else if (in)
		tacit_secagg_read_fixed(reader, entry->digest, sizeof(entry->digest));
}

int tacit_secagg_sum_load(const uint8_t *data, size_t len, struct tacit_secagg_sum **ret)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);
	const uint8_t *magic = tacit_read_bytes(&reader, 4);
	uint32_t format = tacit_read_u32le(&reader), n = tacit_read_u32le(&reader);
	uint32_t dimensions = tacit_read_u32le(&reader);
	int r;

	if (!magic || memcmp(magic, MAGIC, 4) != 0 || format != FORMAT || reader.failed ||
	    len - reader.at < (size_t)n * 5 || (len - reader.at) / 4 < dimensions)
		return TACIT_EDAMAGED;
	r = tacit_secagg_sum_new(n, dimensions, &sum);
	if (r < 0)
		return r == -EINVAL ? TACIT_EDAMAGED : r;
	for (uint32_t i = 0; i < n; i++)
		load_entry(&reader, &sum->entry[i], n);
	for (uint32_t i = 0; i < dimensions; i++)
		sum->value[i] = tacit_read_u32le(&reader);
	if (!tacit_read_done(&reader))
		return TACIT_EDAMAGED;
	*ret = TACIT_TAKE(sum);
	return 0;
}

void tacit_secagg_sum_free(struct tacit_secagg_sum *sum)
{
	if (!sum)
		return;
	tacit_free(sum->entry);
	tacit_free(sum->value);
	tacit_free(sum);
}
