/* SPDX-License-Identifier: MIT */
#include "cohort.h"

#include <math.h>
#include <string.h>

#include <tacit/random.h>

#include "fleetdb.h"

#define PPM 1e6

/* Hosts look in when they wake up; from then on they are at it, and only answers are quick. */
static const unsigned phase_percent[TACIT_SECAGG_PHASES] = { 40, 20, 20, 10, 10 };

const char *tacit_cohort_phase_name(enum tacit_cohort_phase phase)
{
	static const char *const names[] = { "adverts", "shares", "vectors",
					     "answers", "done",	  "lost" };

	return names[phase];
}

uint32_t tacit_cohort_groups(uint32_t hosts)
{
	return hosts <= TACIT_COHORT_HOSTS_MAX
		       ? 1
		       : (hosts + TACIT_COHORT_HOSTS_FULL - 1) / TACIT_COHORT_HOSTS_FULL;
}

int tacit_cohort_group_of(const struct tacit_round *round, const uint8_t id[TACIT_SECAGG_ID_LEN],
			  uint32_t *ret_group)
{
	uint8_t bytes[TACIT_DIGEST_LEN + TACIT_SECAGG_ID_LEN], digest[TACIT_DIGEST_LEN];
	struct tacit_reader reader;
	int r;

	memcpy(bytes, round->salt, TACIT_DIGEST_LEN);
	memcpy(bytes + TACIT_DIGEST_LEN, id, TACIT_SECAGG_ID_LEN);
	r = tacit_sha256(bytes, sizeof(bytes), digest);
	if (r < 0)
		return r;
	reader = tacit_reader_init(digest, sizeof(digest));
	*ret_group = round->groups < 2 ? 0 : (uint32_t)(tacit_read_u64le(&reader) % round->groups);
	return 0;
}

static int read_row(struct sqlite3_stmt *query, struct tacit_cohort *ret)
{
	int64_t phase = tacit_db_column_int(query, 2);

	if (phase < TACIT_COHORT_ADVERTS || phase > TACIT_COHORT_LOST)
		return TACIT_EDAMAGED;
	*ret = (struct tacit_cohort){ .round = (uint64_t)tacit_db_column_int(query, 0),
				      .group = (uint32_t)tacit_db_column_int(query, 1),
				      .phase = (enum tacit_cohort_phase)phase,
				      .hosts = (uint32_t)tacit_db_column_int(query, 3),
				      .survivors = (uint32_t)tacit_db_column_int(query, 4) };
	return 0;
}

int tacit_cohort_get(struct tacit_db *db, uint64_t round, uint32_t group, struct tacit_cohort *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db,
			       "SELECT round, grp, phase, hosts, survivors FROM cohort"
			       " WHERE round = ? AND grp = ?",
			       "ii", (int64_t)round, (int64_t)group);
	int r = tacit_fleetdb_row(db, query);

	return r < 0 ? r : read_row(query, ret);
}

int tacit_cohort_count(struct tacit_db *db, const struct tacit_cohort *cohort,
		       enum tacit_secagg_type type, uint32_t *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT count(*) FROM message WHERE round = ? AND grp = ? AND type = ?", "iii",
		(int64_t)cohort->round, (int64_t)cohort->group, (int64_t)type);
	int r = tacit_fleetdb_row(db, query);

	if (r == 0)
		*ret = (uint32_t)tacit_db_column_int(query, 0);
	return r;
}

int tacit_cohort_adverts(struct tacit_db *db, uint64_t round, uint64_t *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT count(*) FROM message WHERE round = ? AND type = ?",
			       "ii", (int64_t)round, (int64_t)TACIT_SECAGG_ADVERT);
	int r = tacit_fleetdb_row(db, query);

	if (r == 0)
		*ret = (uint64_t)tacit_db_column_int(query, 0);
	return r;
}

int tacit_cohort_load(struct tacit_db *db, const struct tacit_secagg_identity *identity,
		      uint64_t round, uint32_t group, struct tacit_secagg_server **ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT outline FROM cohort WHERE round = ? AND grp = ? AND outline IS NOT NULL",
		"ii", (int64_t)round, (int64_t)group);
	const uint8_t *data;
	size_t len;
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r;
	data = (const uint8_t *)tacit_db_column_blob(query, 0, &len);
	return tacit_secagg_server_load(identity, data, len, ret);
}

int tacit_cohort_save(struct tacit_db *db, const struct tacit_cohort *cohort,
		      const struct tacit_secagg_server *server)
{
	const struct tacit_secagg_params *params = tacit_secagg_server_get_params(server);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer outline = { 0 };

	tacit_secagg_server_outline(server, &outline);
	if (outline.failed)
		return -ENOMEM;
	return tacit_db_run(db,
			    "UPDATE cohort SET phase = ?, outline = ?, hosts = ?, degree = ?,"
			    " threshold = ?, survivors = ? WHERE round = ? AND grp = ?",
			    "ibiiiiii", (int64_t)cohort->phase, outline.data, outline.len,
			    (int64_t)cohort->hosts, (int64_t)(params ? params->k : 0),
			    (int64_t)(params ? params->t : 0), (int64_t)cohort->survivors,
			    (int64_t)cohort->round, (int64_t)cohort->group);
}

uint32_t tacit_cohort_noise_ppm(double noise_multiplier)
{
	return (uint32_t)ceil(noise_multiplier * PPM - 1e-6);
}

static int sign(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	const struct tacit_ca *ca = (const struct tacit_ca *)ctx;

	return tacit_ca_sign(ca, data, len, sig, ret_len);
}

/* What is in the database was verified before it got there. */
static int trust(void *ctx, const uint8_t *id, const struct tacit_secagg_blob *cert,
		 const void *data, size_t len, const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	(void)id;
	(void)cert;
	(void)data;
	(void)len;
	(void)sig;
	return 0;
}

struct tacit_secagg_identity tacit_cohort_identity(const struct tacit_ca *ca)
{
	return (struct tacit_secagg_identity){ .ctx = (void *)(uintptr_t)ca,
					       .sign = sign,
					       .verify_host = trust };
}

static void divide(uint32_t collect_sec, uint32_t phase_sec[TACIT_SECAGG_PHASES])
{
	for (unsigned i = 0; i < TACIT_SECAGG_PHASES; i++) {
		phase_sec[i] = collect_sec * phase_percent[i] / 100;
		if (phase_sec[i] == 0)
			phase_sec[i] = 1;
	}
}

uint32_t tacit_cohort_phase_sec(uint32_t collect_sec, enum tacit_cohort_phase phase)
{
	uint32_t phase_sec[TACIT_SECAGG_PHASES];

	divide(collect_sec, phase_sec);
	return phase < TACIT_COHORT_ANSWERS ? phase_sec[phase] : phase_sec[3] + phase_sec[4];
}

static int insert(struct tacit_db *db, const struct tacit_secagg_identity *identity,
		  struct tacit_random *random, struct tacit_secagg_config *config)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer outline = { 0 };
	uint8_t beacon[TACIT_DIGEST_LEN];
	int r;

	tacit_random_bytes(random, beacon, sizeof(beacon));
	r = tacit_sha256(beacon, sizeof(beacon), config->beacon);
	if (r == 0)
		r = tacit_secagg_server_new(identity, config, &server);
	if (r < 0)
		return r;
	tacit_secagg_server_outline(server, &outline);
	if (outline.failed)
		return -ENOMEM;
	return tacit_db_run(db,
			    "INSERT INTO cohort(round, grp, beacon, outline) VALUES(?, ?, ?, ?)",
			    "iibb", (int64_t)config->round, (int64_t)config->group, beacon,
			    sizeof(beacon), outline.data, outline.len);
}

int tacit_cohort_open(struct tacit_db *db, const struct tacit_ca *ca,
		      const struct tacit_round *round, const struct tacit_secagg_threat *threat,
		      uint32_t collect_sec)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	const struct tacit_secagg_identity identity = tacit_cohort_identity(ca);
	struct tacit_secagg_config config = {
		.round = round->doc.round,
		.dimensions = round->doc.dimensions,
		.hosts_min = round->doc.min_cohort,
		.threat = *threat,
		.clip_norm = round->doc.clip_norm,
		.scale_bits = TACIT_PROTECT_SCALE_BITS,
		.noise_ppm = tacit_cohort_noise_ppm(round->doc.noise_multiplier),
	};
	int r = tacit_random_new(NULL, &random);

	memcpy(config.task, round->doc.task, sizeof(config.task));
	memcpy(config.model, round->doc.model, sizeof(config.model));
	divide(collect_sec, config.phase_sec);
	for (config.group = 0; r == 0 && config.group < round->groups; config.group++)
		r = insert(db, &identity, random, &config);
	return r;
}
