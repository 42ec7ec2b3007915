/* SPDX-License-Identifier: MIT */
/*
 * A server's state as bytes: "TACV", u8 format, u8 phase, u16 zero; the CONFIG; the number of hosts
 * and their ADVERTs; once seated k, t, the beacon, and of each host whether it shared and the
 * SHARES (empty: none, or an outline); once listed of each host flags, consent, digest of the
 * answer and shares held, and the culprits. Messages stand behind their length, and were verified
 * when they came.
 */
#include <string.h>

#include "secagg_server_private.h"
#include "secagg_wire.h"

#define MAGIC	 "TACV"
#define FORMAT	 1U
#define BLOB_MAX (1U << 20)

enum { FLAG_ALIVE = 1, FLAG_GONE = 2, FLAG_ANSWERED = 4, FLAGS = 7 };

static void write_blob(struct tacit_writer *writer, const uint8_t *data, size_t len)
{
	tacit_write_u32le(writer, data ? (uint32_t)len : 0);
	if (data)
		tacit_write_bytes(writer, data, len);
}

static void save_shares(const struct tacit_secagg_member *member, bool shares,
			struct tacit_writer *writer)
{
	tacit_write_u8(writer, member->shared);
	write_blob(writer, shares ? member->shares : NULL, member->shares_len);
}

static void save_answers(const struct tacit_secagg_member *member, struct tacit_writer *writer)
{
	tacit_write_u8(writer,
		       (uint8_t)((member->alive ? FLAG_ALIVE : 0) | (member->gone ? FLAG_GONE : 0) |
				 (member->answered ? FLAG_ANSWERED : 0)));
	tacit_write_u8(writer, member->consent_len);
	tacit_write_bytes(writer, member->consent, member->consent_len);
	if (member->answered)
		tacit_write_bytes(writer, member->answer, sizeof(member->answer));
	tacit_write_u32le(writer, member->n_held);
	for (uint32_t i = 0; i < member->n_held; i++) {
		tacit_write_u32le(writer, member->held[i].holder);
		tacit_write_bytes(writer, member->held[i].bytes, sizeof(member->held[i].bytes));
	}
}

static void save_culprits(const struct tacit_secagg_server *server, struct tacit_writer *writer)
{
	tacit_write_u32le(writer, (uint32_t)server->n_culprits);
	for (size_t i = 0; i < server->n_culprits; i++) {
		tacit_write_u32le(writer, server->culprit[i].host);
		tacit_write_u8(writer, (uint8_t)server->culprit[i].reason);
		tacit_write_u32le(writer, server->culprit[i].other);
	}
}

static void save(const struct tacit_secagg_server *server, bool shares, struct tacit_writer *writer)
{
	tacit_write_bytes(writer, MAGIC, 4);
	tacit_write_u8(writer, FORMAT);
	tacit_write_u8(writer, (uint8_t)server->phase);
	tacit_write_u16le(writer, 0);
	write_blob(writer, server->config_data, server->config_len);
	tacit_write_u32le(writer, server->n);
	for (uint32_t i = 0; i < server->n; i++)
		write_blob(writer, server->member[i].message, server->member[i].message_len);
	if (server->phase < TACIT_SECAGG_PHASE_SHARES)
		return;
	tacit_write_u32le(writer, server->params.k);
	tacit_write_u32le(writer, server->params.t);
	tacit_write_bytes(writer, server->beacon, sizeof(server->beacon));
	for (uint32_t i = 0; i < server->n; i++)
		save_shares(&server->member[i], shares, writer);
	if (server->phase < TACIT_SECAGG_PHASE_ANSWERS)
		return;
	for (uint32_t i = 0; i < server->n; i++)
		save_answers(&server->member[i], writer);
	save_culprits(server, writer);
}

void tacit_secagg_server_save(const struct tacit_secagg_server *server, struct tacit_writer *writer)
{
	save(server, true, writer);
}

void tacit_secagg_server_outline(const struct tacit_secagg_server *server,
				 struct tacit_writer *writer)
{
	save(server, false, writer);
}

/* Borrowed from the reader. */
static struct tacit_secagg_blob read_blob(struct tacit_reader *reader)
{
	struct tacit_secagg_blob blob = { .len = tacit_secagg_read_range(reader, 0, BLOB_MAX) };

	blob.data = tacit_read_bytes(reader, blob.len);
	return blob;
}

static int load_config(struct tacit_secagg_server *server, struct tacit_reader *reader)
{
	struct tacit_secagg_blob blob = read_blob(reader);
	int r;

	if (reader->failed)
		return TACIT_EDAMAGED;
	server->config_data = tacit_memdup(blob.data, blob.len);
	if (!server->config_data)
		return -ENOMEM;
	server->config_len = blob.len;
	r = tacit_secagg_config_decode(server->config_data, blob.len, &server->round.config);
	return r < 0 ? r : tacit_secagg_config_digest(&server->round.config, server->round.digest);
}

static int load_adverts(struct tacit_secagg_server *server, struct tacit_reader *reader)
{
	uint32_t n = tacit_secagg_read_range(reader, 0, TACIT_SECAGG_HOSTS_MAX);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n && !reader->failed; i++) {
		struct tacit_secagg_blob blob = read_blob(reader);
		struct tacit_secagg_member *member;

		if (reader->failed)
			return TACIT_EDAMAGED;
		r = tacit_secagg_server_new_member(server, &member);
		if (r < 0)
			return r;
		r = tacit_secagg_server_take_advert(server, member, blob.data, blob.len, NULL);
		server->n++;
	}
	return r;
}

static int load_shares(struct tacit_secagg_server *server, uint32_t host,
		       struct tacit_reader *reader)
{
	unsigned shared = tacit_read_u8(reader);
	struct tacit_secagg_blob blob = read_blob(reader);

	if (reader->failed || shared > 1 || (blob.len > 0 && !shared))
		return TACIT_EDAMAGED;
	server->member[host].shared = shared;
	if (blob.len == 0)
		return 0;
	return tacit_secagg_server_take_shares(server, host, blob.data, blob.len, NULL);
}

static int load_seats(struct tacit_secagg_server *server, struct tacit_reader *reader)
{
	struct tacit_secagg_params *params = &server->params;
	int r;

	params->n = server->n;
	params->k = tacit_secagg_read_range(reader, 2, TACIT_SECAGG_DEGREE_MAX);
	params->t = tacit_secagg_read_range(reader, 2, params->k);
	tacit_secagg_read_fixed(reader, server->beacon, sizeof(server->beacon));
	if (reader->failed || params->n < TACIT_SECAGG_HOSTS_MIN || params->k >= params->n)
		return TACIT_EDAMAGED;
	r = tacit_secagg_server_arrange(server);
	for (uint32_t i = 0; r == 0 && i < server->n; i++)
		r = load_shares(server, i, reader);
	return r;
}

static void load_flags(struct tacit_secagg_member *member, struct tacit_reader *reader)
{
	unsigned flags = tacit_read_u8(reader);

	member->alive = flags & FLAG_ALIVE;
	member->gone = flags & FLAG_GONE;
	member->answered = flags & FLAG_ANSWERED;
	if (flags > FLAGS || (member->alive && member->gone) ||
	    (member->answered && !member->alive) ||
	    ((member->alive || member->gone) && !member->shared))
		reader->failed = true;
	member->consent_len = tacit_read_u8(reader);
	if (member->consent_len > sizeof(member->consent)) {
		member->consent_len = 0;
		reader->failed = true;
	}
	tacit_secagg_read_fixed(reader, member->consent, member->consent_len);
	if (member->answered)
		tacit_secagg_read_fixed(reader, member->answer, sizeof(member->answer));
}

static int load_held(const struct tacit_secagg_server *server, struct tacit_secagg_member *member,
		     struct tacit_reader *reader)
{
	uint32_t n = tacit_secagg_read_range(reader, 0, server->params.t);

	if (n == 0)
		return 0;
	member->held = TACIT_NEW_N(struct tacit_secagg_held, server->params.t);
	if (!member->held)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct tacit_secagg_held *held = &member->held[i];

		held->holder = tacit_secagg_read_range(reader, 0, server->n - 1);
		tacit_secagg_read_fixed(reader, held->bytes, sizeof(held->bytes));
	}
	member->n_held = n;
	return 0;
}

static void load_culprits(struct tacit_secagg_server *server, struct tacit_reader *reader)
{
	uint32_t n = tacit_secagg_read_range(reader, 0, TACIT_SECAGG_CULPRITS_MAX);

	for (uint32_t i = 0; i < n && !reader->failed; i++) {
		uint32_t host = tacit_secagg_read_range(reader, 0, server->n - 1);
		unsigned reason = tacit_read_u8(reader);
		uint32_t other = tacit_read_u32le(reader);

		if (reason >= TACIT_SECAGG_REASONS)
			reader->failed = true;
		tacit_secagg_server_blame(server, host, (enum tacit_secagg_reason)reason, other);
	}
}

static int load_answers(struct tacit_secagg_server *server, struct tacit_reader *reader)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < server->n; i++) {
		load_flags(&server->member[i], reader);
		r = load_held(server, &server->member[i], reader);
	}
	load_culprits(server, reader);
	return r < 0 ? r : tacit_secagg_server_write_list(server);
}

static int load(struct tacit_secagg_server *server, struct tacit_reader *reader)
{
	const uint8_t *magic = tacit_read_bytes(reader, 4);
	unsigned format = tacit_read_u8(reader), phase = tacit_read_u8(reader);
	unsigned reserved = tacit_read_u16le(reader);
	int r;

	if (!magic || memcmp(magic, MAGIC, 4) != 0 || format != FORMAT || reserved != 0 ||
	    phase > TACIT_SECAGG_PHASE_ANSWERS)
		return TACIT_EDAMAGED;
	server->phase = (enum tacit_secagg_phase)phase;
	r = load_config(server, reader);
	if (r == 0)
		r = load_adverts(server, reader);
	if (r == 0 && server->phase >= TACIT_SECAGG_PHASE_SHARES)
		r = load_seats(server, reader);
	if (r == 0 && server->phase >= TACIT_SECAGG_PHASE_ANSWERS)
		r = load_answers(server, reader);
	if (r == 0 && !tacit_read_done(reader))
		r = TACIT_EDAMAGED;
	return r;
}

int tacit_secagg_server_load(const struct tacit_secagg_identity *identity, const uint8_t *data,
			     size_t len, struct tacit_secagg_server **ret)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);
	int r;

	server = TACIT_NEW(struct tacit_secagg_server);
	if (!server)
		return -ENOMEM;
	server->identity = *identity;
	r = load(server, &reader);
	if (r == 0)
		*ret = TACIT_TAKE(server);
	return r == 0 || r == -ENOMEM || r == TACIT_ECRYPTO ? r : TACIT_EDAMAGED;
}
