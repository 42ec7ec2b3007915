/* SPDX-License-Identifier: MIT */
/* Phases 0 and 1 on the wire: the round, the hosts' keys, and who is whose neighbour. */
#include <math.h>
#include <string.h>

#include <tacit/cleanup.h>

#include "digest.h"
#include "merkle.h"
#include "secagg_wire.h"

#define FRACTION_MAX   500000U
#define SCALE_BITS_MAX 24U
#define PHASE_SEC_MAX  604800U
#define ADVERT_LEN_MIN (4 + 4 * TACIT_SECAGG_DIGEST_LEN + 1 + 2)

void tacit_secagg_config_body(const struct tacit_secagg_config *config, struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, TACIT_SECAGG_CONFIG, NULL);
	tacit_write_u64le(writer, config->round);
	tacit_write_u32le(writer, config->group);
	tacit_write_bytes(writer, config->task, sizeof(config->task));
	tacit_write_bytes(writer, config->model, sizeof(config->model));
	tacit_write_bytes(writer, config->beacon, sizeof(config->beacon));
	tacit_write_u32le(writer, config->dimensions);
	tacit_write_u32le(writer, config->hosts_min);
	tacit_write_u8(writer, (uint8_t)config->threat.server);
	tacit_write_u32le(writer, config->threat.corrupt_ppm);
	tacit_write_u32le(writer, config->threat.dropout_ppm);
	tacit_write_f64le(writer, config->clip_norm);
	tacit_write_u8(writer, config->scale_bits);
	tacit_write_u32le(writer, config->noise_ppm);
	for (size_t i = 0; i < TACIT_SECAGG_PHASES; i++)
		tacit_write_u32le(writer, config->phase_sec[i]);
}

int tacit_secagg_config_digest(const struct tacit_secagg_config *config,
			       uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };

	tacit_secagg_config_body(config, &writer);
	if (writer.failed)
		return -ENOMEM;
	return tacit_digest_of(ret, { writer.data, writer.len });
}

void tacit_secagg_config_encode(const struct tacit_secagg_config *config,
				struct tacit_writer *writer)
{
	tacit_secagg_config_body(config, writer);
	tacit_secagg_write_signature(writer, &config->signature);
}

int tacit_secagg_config_decode(const uint8_t *data, size_t len, struct tacit_secagg_config *ret)
{
	struct tacit_reader reader = tacit_reader_init(data, len);
	struct tacit_secagg_config config = { 0 };
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_CONFIG, NULL);

	if (r < 0)
		return r;
	config.round = tacit_read_u64le(&reader);
	config.group = tacit_read_u32le(&reader);
	tacit_secagg_read_fixed(&reader, config.task, sizeof(config.task));
	tacit_secagg_read_fixed(&reader, config.model, sizeof(config.model));
	tacit_secagg_read_fixed(&reader, config.beacon, sizeof(config.beacon));
	config.dimensions = tacit_secagg_read_range(&reader, 1, TACIT_SECAGG_DIMS_MAX);
	config.hosts_min =
		tacit_secagg_read_range(&reader, TACIT_SECAGG_HOSTS_MIN, TACIT_SECAGG_HOSTS_MAX);
	config.threat.server = (enum tacit_secagg_server_kind)tacit_read_u8(&reader);
	config.threat.corrupt_ppm = tacit_secagg_read_range(&reader, 0, FRACTION_MAX);
	config.threat.dropout_ppm = tacit_secagg_read_range(&reader, 0, FRACTION_MAX);
	config.clip_norm = tacit_read_f64le(&reader);
	config.scale_bits = tacit_read_u8(&reader);
	config.noise_ppm = tacit_secagg_read_range(&reader, 0, TACIT_SECAGG_NOISE_MAX);
	for (size_t i = 0; i < TACIT_SECAGG_PHASES; i++)
		config.phase_sec[i] = tacit_secagg_read_range(&reader, 1, PHASE_SEC_MAX);
	config.signature = tacit_secagg_read_signature(&reader);
	if (!tacit_read_done(&reader) || config.round < 1 || config.round > INT64_MAX ||
	    config.threat.server < TACIT_SECAGG_SEMI_HONEST ||
	    config.threat.server > TACIT_SECAGG_SEMI_MALICIOUS || !(config.clip_norm > 0) ||
	    !isfinite(config.clip_norm) || config.scale_bits > SCALE_BITS_MAX)
		return TACIT_ESCHEMA;
	*ret = config;
	return 0;
}

static void write_advert(struct tacit_writer *writer, const struct tacit_secagg_advert *advert)
{
	tacit_write_bytes(writer, advert->id, sizeof(advert->id));
	tacit_write_bytes(writer, advert->seal_key, sizeof(advert->seal_key));
	tacit_write_bytes(writer, advert->mask_key, sizeof(advert->mask_key));
	tacit_write_bytes(writer, advert->commitment, sizeof(advert->commitment));
	tacit_secagg_write_signature(writer, &advert->signature);
	tacit_write_u16le(writer, (uint16_t)advert->cert.len);
	tacit_write_bytes(writer, advert->cert.data, advert->cert.len);
}

static void read_advert(struct tacit_reader *reader, struct tacit_secagg_advert *advert)
{
	tacit_secagg_read_fixed(reader, advert->id, sizeof(advert->id));
	tacit_secagg_read_fixed(reader, advert->seal_key, sizeof(advert->seal_key));
	tacit_secagg_read_fixed(reader, advert->mask_key, sizeof(advert->mask_key));
	tacit_secagg_read_fixed(reader, advert->commitment, sizeof(advert->commitment));
	advert->signature = tacit_secagg_read_signature(reader);
	advert->cert.len = tacit_read_u16le(reader);
	if (advert->cert.len > TACIT_SECAGG_CERT_MAX)
		reader->failed = true;
	advert->cert.data = tacit_read_bytes(reader, advert->cert.len);
}

void tacit_secagg_advert_encode(const uint8_t *config, const struct tacit_secagg_advert *advert,
				struct tacit_writer *writer)
{
	tacit_secagg_write_head(writer, TACIT_SECAGG_ADVERT, config);
	write_advert(writer, advert);
}

int tacit_secagg_advert_decode(const uint8_t *config, const uint8_t *data, size_t len,
			       struct tacit_secagg_advert *ret)
{
	struct tacit_reader reader = tacit_reader_init(data, len);
	struct tacit_secagg_advert advert = { 0 };
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_ADVERT, config);

	if (r < 0)
		return r;
	read_advert(&reader, &advert);
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = advert;
	return 0;
}

static void write_proof(struct tacit_writer *writer, uint32_t index, uint32_t n,
			const uint8_t *proof)
{
	tacit_write_u32le(writer, index);
	tacit_write_bytes(writer, proof,
			  tacit_merkle_proof_len(index, n) * TACIT_SECAGG_DIGEST_LEN);
}

static const uint8_t *read_proof(struct tacit_reader *reader, uint32_t index, uint32_t n)
{
	return tacit_read_bytes(reader, tacit_merkle_proof_len(index, n) * TACIT_SECAGG_DIGEST_LEN);
}

void tacit_secagg_roster_encode(const uint8_t *config, const struct tacit_secagg_roster *roster,
				struct tacit_writer *writer)
{
	uint32_t n = roster->params.n;

	tacit_secagg_write_head(writer, TACIT_SECAGG_ROSTER, config);
	tacit_write_u32le(writer, n);
	tacit_write_u32le(writer, roster->params.k);
	tacit_write_u32le(writer, roster->params.t);
	tacit_write_bytes(writer, roster->root, sizeof(roster->root));
	tacit_write_bytes(writer, roster->beacon, sizeof(roster->beacon));
	write_proof(writer, roster->index, n, roster->proof);
	for (uint32_t i = 0; i < roster->params.k; i++) {
		write_proof(writer, roster->seat[i].index, n, roster->seat[i].proof);
		write_advert(writer, &roster->seat[i].advert);
	}
}

static void read_seats(struct tacit_reader *reader, struct tacit_secagg_roster *roster)
{
	uint32_t n = roster->params.n;
	int64_t last = -1;

	for (uint32_t i = 0; i < roster->params.k && !reader->failed; i++) {
		struct tacit_secagg_seat *seat = &roster->seat[i];

		seat->index = tacit_secagg_read_next(reader, &last);
		if (seat->index >= n)
			reader->failed = true;
		seat->proof = read_proof(reader, seat->index, n);
		read_advert(reader, &seat->advert);
	}
}

/* All but the seats. */
static void read_place(struct tacit_reader *reader, struct tacit_secagg_roster *roster)
{
	struct tacit_secagg_params *params = &roster->params;

	params->n = tacit_secagg_read_range(reader, TACIT_SECAGG_HOSTS_MIN, TACIT_SECAGG_HOSTS_MAX);
	params->k = tacit_secagg_read_range(reader, 2, TACIT_SECAGG_DEGREE_MAX);
	params->t = tacit_secagg_read_range(reader, 2, params->k);
	tacit_secagg_read_fixed(reader, roster->root, sizeof(roster->root));
	tacit_secagg_read_fixed(reader, roster->beacon, sizeof(roster->beacon));
	roster->index = tacit_secagg_read_range(reader, 0, params->n - 1);
	if (reader->failed || params->k >= params->n ||
	    params->k > (reader->len - reader->at) / ADVERT_LEN_MIN)
		reader->failed = true;
	else
		roster->proof = read_proof(reader, roster->index, params->n);
}

int tacit_secagg_roster_decode(const uint8_t *config, const uint8_t *data, size_t len,
			       struct tacit_secagg_roster *ret)
{
	TACIT_CLEANUP(tacit_secagg_roster_done) struct tacit_secagg_roster roster = { 0 };
	struct tacit_reader reader = tacit_reader_init(data, len);
	int r = tacit_secagg_read_head(&reader, TACIT_SECAGG_ROSTER, config);

	if (r < 0)
		return r;
	read_place(&reader, &roster);
	if (reader.failed)
		return TACIT_ESCHEMA;
	roster.seat = TACIT_NEW_N(struct tacit_secagg_seat, roster.params.k);
	if (!roster.seat)
		return -ENOMEM;
	read_seats(&reader, &roster);
	if (!tacit_read_done(&reader))
		return TACIT_ESCHEMA;
	*ret = roster;
	roster.seat = NULL;
	return 0;
}

void tacit_secagg_roster_done(struct tacit_secagg_roster *roster)
{
	tacit_free(roster->seat);
	roster->seat = NULL;
}
