/* SPDX-License-Identifier: MIT */
/*
 * A host's state as bytes: "TACH", u8 format, u8 stage, u16 zero; then, each only from or until
 * the stage that the private header says: the config, the floor, seeds, the own advert's digest;
 * the roster, and of each neighbour keys, flags and shares; the digest of the list that was signed.
 * Configs and rosters are messages, behind their length, and were verified when they came.
 */
#include <string.h>

#include "secagg_host_private.h"
#include "secagg_wire.h"

#define MAGIC	 "TACH"
#define FORMAT	 1U
#define BLOB_MAX (8U << 20) /* a roster of 1,000 neighbours with their certificates */

enum { FLAG_HEARD = 1, FLAG_HELD = 2, FLAG_ALIVE = 4, FLAG_GONE = 8, FLAGS = 15 };

static void write_blob(struct tacit_writer *writer, const uint8_t *data, size_t len)
{
	tacit_write_u32le(writer, (uint32_t)len);
	tacit_write_bytes(writer, data, len);
}

static void save_neighbour(const struct tacit_secagg_host *host,
			   const struct tacit_secagg_neighbour *neighbour,
			   struct tacit_writer *writer)
{
	if (host->stage == TACIT_SECAGG_STAGE_SHARED) {
		tacit_write_bytes(writer, neighbour->seal_key, sizeof(neighbour->seal_key));
		tacit_write_bytes(writer, neighbour->mask_key, sizeof(neighbour->mask_key));
		return;
	}
	tacit_write_u8(
		writer,
		(uint8_t)((neighbour->heard ? FLAG_HEARD : 0) | (neighbour->held ? FLAG_HELD : 0) |
			  (neighbour->alive ? FLAG_ALIVE : 0) | (neighbour->gone ? FLAG_GONE : 0)));
	if (neighbour->held && host->stage < TACIT_SECAGG_STAGE_ANSWERED)
		tacit_write_bytes(writer, neighbour->share, sizeof(neighbour->share));
}

/* The seeds that are still wanted: [first, end). */
static void seeds_of(enum tacit_secagg_stage stage, size_t *first, size_t *end)
{
	*first = stage < TACIT_SECAGG_STAGE_SHARED ? 0 : SEED_SELF;
	*end = stage < TACIT_SECAGG_STAGE_MASKED ? SEEDS : *first;
}

void tacit_secagg_host_save(const struct tacit_secagg_host *host, struct tacit_writer *writer)
{
	size_t seed, end;

	tacit_write_bytes(writer, MAGIC, 4);
	tacit_write_u8(writer, FORMAT);
	tacit_write_u8(writer, (uint8_t)host->stage);
	tacit_write_u16le(writer, 0);
	if (host->stage < TACIT_SECAGG_STAGE_JOINED)
		return;
	write_blob(writer, host->config_data, host->config_len);
	tacit_write_u32le(writer, host->hosts_min);
	for (seeds_of(host->stage, &seed, &end); seed < end; seed++)
		tacit_write_bytes(writer, host->seed[seed], sizeof(host->seed[seed]));
	tacit_write_bytes(writer, host->advert, sizeof(host->advert));
	if (host->stage < TACIT_SECAGG_STAGE_SHARED)
		return;
	write_blob(writer, host->roster_data, host->roster_len);
	for (uint32_t i = 0; i < host->roster.params.k; i++)
		save_neighbour(host, &host->neighbour[i], writer);
	if (host->stage >= TACIT_SECAGG_STAGE_CONSENTED)
		tacit_write_bytes(writer, host->survivors, sizeof(host->survivors));
}

/* A copy of a blob. 0, TACIT_EDAMAGED or -ENOMEM. */
static int read_blob(struct tacit_reader *reader, uint8_t **ret, size_t *ret_len)
{
	size_t len = tacit_secagg_read_range(reader, 0, BLOB_MAX);
	const uint8_t *data = tacit_read_bytes(reader, len);

	if (!data)
		return TACIT_EDAMAGED;
	*ret = tacit_memdup(data, len);
	*ret_len = len;
	return *ret ? 0 : -ENOMEM;
}

static int load_config(struct tacit_secagg_host *host, struct tacit_reader *reader)
{
	size_t seed, end;
	int r = read_blob(reader, &host->config_data, &host->config_len);

	if (r == 0)
		r = tacit_secagg_config_decode(host->config_data, host->config_len,
					       &host->round.config);
	if (r == 0)
		r = tacit_secagg_config_digest(&host->round.config, host->round.digest);
	host->hosts_min = tacit_read_u32le(reader);
	for (seeds_of(host->stage, &seed, &end); seed < end; seed++)
		tacit_secagg_read_fixed(reader, host->seed[seed], sizeof(host->seed[seed]));
	tacit_secagg_read_fixed(reader, host->advert, sizeof(host->advert));
	return r;
}

static void load_neighbour(struct tacit_secagg_host *host, struct tacit_secagg_neighbour *neighbour,
			   struct tacit_reader *reader)
{
	unsigned flags;

	if (host->stage == TACIT_SECAGG_STAGE_SHARED) {
		tacit_secagg_read_fixed(reader, neighbour->seal_key, sizeof(neighbour->seal_key));
		tacit_secagg_read_fixed(reader, neighbour->mask_key, sizeof(neighbour->mask_key));
		return;
	}
	flags = tacit_read_u8(reader);
	neighbour->heard = flags & FLAG_HEARD;
	neighbour->held = flags & FLAG_HELD;
	neighbour->alive = flags & FLAG_ALIVE;
	neighbour->gone = flags & FLAG_GONE;
	if (flags > FLAGS || (neighbour->alive && neighbour->gone) ||
	    (neighbour->held && !neighbour->heard))
		reader->failed = true;
	if (neighbour->held && host->stage < TACIT_SECAGG_STAGE_ANSWERED)
		tacit_secagg_read_fixed(reader, neighbour->share, sizeof(neighbour->share));
}

static int load_roster(struct tacit_secagg_host *host, struct tacit_reader *reader)
{
	int r = read_blob(reader, &host->roster_data, &host->roster_len);

	if (r == 0)
		r = tacit_secagg_roster_decode(host->round.digest, host->roster_data,
					       host->roster_len, &host->roster);
	if (r < 0)
		return r;
	host->neighbour = TACIT_NEW_N(struct tacit_secagg_neighbour, host->roster.params.k);
	if (!host->neighbour)
		return -ENOMEM;
	for (uint32_t i = 0; i < host->roster.params.k; i++)
		load_neighbour(host, &host->neighbour[i], reader);
	if (host->stage >= TACIT_SECAGG_STAGE_CONSENTED)
		tacit_secagg_read_fixed(reader, host->survivors, sizeof(host->survivors));
	return 0;
}

static int load(struct tacit_secagg_host *host, struct tacit_reader *reader)
{
	const uint8_t *magic = tacit_read_bytes(reader, 4);
	unsigned format = tacit_read_u8(reader), stage = tacit_read_u8(reader);
	unsigned reserved = tacit_read_u16le(reader);
	int r = 0;

	if (!magic || memcmp(magic, MAGIC, 4) != 0 || format != FORMAT || reserved != 0 ||
	    stage > TACIT_SECAGG_STAGE_ANSWERED)
		return TACIT_EDAMAGED;
	host->stage = (enum tacit_secagg_stage)stage;
	if (host->stage >= TACIT_SECAGG_STAGE_JOINED)
		r = load_config(host, reader);
	if (r == 0 && host->stage >= TACIT_SECAGG_STAGE_SHARED)
		r = load_roster(host, reader);
	if (r == TACIT_ESCHEMA || r == TACIT_ECONFLICT || (r == 0 && !tacit_read_done(reader)))
		r = TACIT_EDAMAGED;
	return r;
}

int tacit_secagg_host_load(const struct tacit_secagg_identity *identity,
			   struct tacit_random *random, const uint8_t *state, size_t len,
			   struct tacit_secagg_host **ret)
{
	TACIT_CLEANUP(tacit_secagg_host_free_p) struct tacit_secagg_host *host = NULL;
	struct tacit_reader reader = tacit_reader_init(state, len);
	int r = tacit_secagg_host_new(identity, random, &host);

	if (r == 0)
		r = load(host, &reader);
	if (r == 0)
		*ret = TACIT_TAKE(host);
	return r;
}
