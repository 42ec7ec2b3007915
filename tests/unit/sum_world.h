/* SPDX-License-Identifier: MIT */
/*
 * A participant in a secure sum: the aggregator is a real server of the protocol, the cohort are
 * real hosts of it with certificates of the same CA. Only the network is a function call, and in
 * the hands of the test.
 */
#ifndef TACIT_TESTS_SUM_WORLD_H
#define TACIT_TESTS_SUM_WORLD_H

#include <math.h>

#include <tacit/secagg_host.h>
#include <tacit/secagg_server.h>
#include <tacit/vouch.h>

#include "participant_world.h"
#include "place.h"

#define PEERS	     9U /* and the host itself */
#define PEERS_MAX    99U
#define TYPES	     (TACIT_SECAGG_ANSWER + 1)
#define WRITER(name) TACIT_CLEANUP(tacit_writer_done) struct tacit_writer name = { 0 }

struct peer {
	EVP_PKEY *key;
	uint8_t *cert;
	struct tacit_secagg_identity identity;
	struct tacit_secagg_host *host;
	struct tacit_secagg_step step;
	uint32_t index;
	uint32_t *value;
	bool gone; /* leaves before it sends its vector */
};

struct sum_world {
	struct world w; /* first: it is the participant's ctx */
	struct tacit_vouch *vouch;
	struct tacit_secagg_identity identity;
	struct tacit_secagg_config config;
	struct tacit_secagg_floors floors; /* of the peers */
	uint8_t beacon[TACIT_SECAGG_DIGEST_LEN];
	struct tacit_secagg_server *server;
	struct tacit_secagg_sum *sum;
	struct peer peer[PEERS_MAX];
	size_t n_peers;
	uint32_t index; /* the host's, once seated */

	/* What the aggregator got of the host, and how often. */
	struct tacit_writer said[TYPES];
	unsigned n_said[TYPES];

	/* What becomes of the aggregator's message before it leaves; may be NULL. */
	void (*twist)(struct sum_world *sw, enum tacit_secagg_type type,
		      struct tacit_writer *message);

	/* What the witness saw, and makes the host do. */
	uint32_t *vector;
	unsigned vectors, lists;
	uint32_t vector_index, list_index;
	int64_t speak[TACIT_SECAGG_STAGE_ANSWERED + 1];
	unsigned spoken;
};

static inline void sum_must(int r)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "# %s\n", tacit_strerror(r));
	abort();
}

static inline int64_t sum_speak(void *ctx, uint64_t round, enum tacit_secagg_stage stage)
{
	struct sum_world *sw = (struct sum_world *)ctx;

	CU_ASSERT_EQUAL(round, sw->config.round);
	sw->spoken++;
	return sw->speak[stage];
}

static inline void sum_mask(void *ctx, const struct tacit_secagg_config *config, uint32_t index,
			    uint32_t *value, size_t n)
{
	struct sum_world *sw = (struct sum_world *)ctx;

	CU_ASSERT_EQUAL(config->round, sw->config.round);
	CU_ASSERT_EQUAL_FATAL(n, sw->config.dimensions);
	memcpy(sw->vector, value, n * sizeof(*value));
	sw->vector_index = index;
	sw->vectors++;
}

static inline void sum_consent(void *ctx, const struct tacit_secagg_config *config, uint32_t index,
			       const struct tacit_secagg_survivors *survivors)
{
	struct sum_world *sw = (struct sum_world *)ctx;

	CU_ASSERT_EQUAL(config->round, sw->config.round);
	CU_ASSERT(tacit_secagg_bits_has(survivors->alive, index));
	sw->list_index = index;
	sw->lists++;
}

static const struct tacit_participant_witness sum_witness = {
	.speak = sum_speak,
	.mask = sum_mask,
	.consent = sum_consent,
};

static inline int sum_peer_sign(void *ctx, const void *data, size_t len, uint8_t *sig,
				size_t *ret_len)
{
	const struct peer *peer = (const struct peer *)ctx;

	return tacit_key_sign(peer->key, data, len, sig, ret_len);
}

static struct tacit_vouch *sum_vouch; /* that the peers have */

static inline int sum_verify_host(void *ctx, const uint8_t *id,
				  const struct tacit_secagg_blob *cert, const void *data,
				  size_t len, const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	return tacit_vouch_for_host(sum_vouch, id, cert, data, len, sig);
}

static inline int sum_verify_server(void *ctx, const void *data, size_t len,
				    const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	return tacit_vouch_for_server(sum_vouch, data, len, sig);
}

static inline int sum_server_sign(void *ctx, const void *data, size_t len, uint8_t *sig,
				  size_t *ret_len)
{
	return tacit_key_sign(((struct sum_world *)ctx)->w.ca_key, data, len, sig, ret_len);
}

static inline void sum_add_peer(struct sum_world *sw, struct peer *peer)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;

	sum_must(tacit_key_generate(&peer->key));
	sum_must(tacit_ca_issue(sw->w.ca, sw->w.ca_key, peer->key, TACIT_CERT_HOST, "peer", NULL,
				7 * 86400, &cert));
	peer->identity = (struct tacit_secagg_identity){
		.ctx = peer,
		.sign = sum_peer_sign,
		.verify_host = sum_verify_host,
		.verify_server = sum_verify_server,
	};
	sum_must(tacit_cert_format_der(cert, &peer->cert, &peer->identity.cert.len));
	peer->identity.cert.data = peer->cert;
	sum_must(tacit_key_fingerprint(peer->key, peer->identity.id));
	sum_must(tacit_secagg_host_new(&peer->identity, sw->w.random, &peer->host));
	peer->value = TACIT_NEW_N(uint32_t, sw->config.dimensions);
	tacit_random_bytes(sw->w.random, peer->value, sw->config.dimensions * sizeof(uint32_t));
}

/* Peers up to @n. */
static inline void sum_invite(struct sum_world *sw, size_t n)
{
	for (; sw->n_peers < n; sw->n_peers++)
		sum_add_peer(sw, &sw->peer[sw->n_peers]);
}

/* A round that follows the document in sw->w.round. */
static inline void sum_configure(struct sum_world *sw)
{
	const struct tacit_round_doc *round = &sw->w.round;

	sw->config = (struct tacit_secagg_config){
		.round = round->round,
		.dimensions = round->dimensions,
		.hosts_min = 4,
		.threat = { TACIT_SECAGG_SEMI_MALICIOUS, 100000, 100000 },
		.clip_norm = round->clip_norm,
		.scale_bits = TACIT_PROTECT_SCALE_BITS,
		.noise_ppm = (uint32_t)lround(round->noise_multiplier * 1e6),
		.phase_sec = { 60, 60, 60, 60, 60 },
	};
	memcpy(sw->config.task, round->task, sizeof(sw->config.task));
	memcpy(sw->config.model, round->model, sizeof(sw->config.model));
	tacit_random_bytes(sw->w.random, sw->beacon, sizeof(sw->beacon));
	sum_must(tacit_sha256(sw->beacon, sizeof(sw->beacon), sw->config.beacon));
	sw->floors =
		(struct tacit_secagg_floors){ .dimensions = round->dimensions, .hosts_min = 4 };
	memcpy(sw->floors.task, sw->config.task, sizeof(sw->floors.task));
	memcpy(sw->floors.model, sw->config.model, sizeof(sw->floors.model));
}

static inline void sum_open(struct sum_world *sw)
{
	tacit_secagg_server_free(sw->server);
	sw->server = NULL;
	sum_must(tacit_secagg_server_new(&sw->identity, &sw->config, &sw->server));
}

/* @path: of the host's database; NULL: in memory. */
static inline void sum_begin_at(struct sum_world *sw, const char *path)
{
	const struct tacit_store_params store = { .path = path };

	*sw = (struct sum_world){ 0 };
	world_begin(&sw->w);
	sw->w.round.mode = TACIT_MODE_DISTRIBUTED;
	sw->w.params.witness = &sum_witness;
	sw->w.params.floors.min_corrupt = 0.05;
	sw->w.params.floors.semi_malicious = true;
	if (path) {
		tacit_participant_free(sw->w.participant);
		sw->w.participant = NULL;
		tacit_store_close(sw->w.store);
		sum_must(tacit_store_open(&store, &sw->w.store));
		sw->w.db = sw->w.params.db = tacit_store_db(sw->w.store);
	}
	world_restart(&sw->w);
	sum_must(tacit_vouch_new(sw->w.ca, world_wall_ms, &sw->vouch));
	sum_vouch = sw->vouch;
	sw->identity = (struct tacit_secagg_identity){
		.ctx = sw,
		.sign = sum_server_sign,
		.verify_host = sum_verify_host,
	};
	sum_configure(sw);
	sum_open(sw);
	sw->vector = TACIT_NEW_N(uint32_t, sw->config.dimensions);
	sum_invite(sw, PEERS);
}

static inline void sum_begin(struct sum_world *sw)
{
	sum_begin_at(sw, NULL);
}

static inline void sum_done(struct sum_world *sw)
{
	for (size_t i = 0; i < sw->n_peers; i++) {
		struct peer *peer = &sw->peer[i];

		tacit_secagg_host_free(peer->host);
		tacit_secagg_step_done(&peer->step);
		tacit_key_free(peer->key);
		tacit_free(peer->cert);
		tacit_free(peer->value);
	}
	for (size_t i = 0; i < TYPES; i++)
		tacit_writer_done(&sw->said[i]);
	tacit_secagg_sum_free(sw->sum);
	tacit_secagg_server_free(sw->server);
	tacit_vouch_free(sw->vouch);
	tacit_free(sw->vector);
	world_done(&sw->w);
}

/* What the aggregator has for the host in place @index. */
static inline void sum_message(struct sum_world *sw, enum tacit_secagg_type type, uint32_t index,
			       struct tacit_writer *writer)
{
	struct tacit_secagg_blob config = tacit_secagg_server_get_config(sw->server);

	if (type == TACIT_SECAGG_CONFIG)
		tacit_write_bytes(writer, config.data, config.len);
	else if (type == TACIT_SECAGG_ROSTER)
		sum_must(tacit_secagg_server_roster(sw->server, index, writer));
	else if (type == TACIT_SECAGG_INBOX)
		sum_must(tacit_secagg_server_inbox(sw->server, index, writer));
	else if (type == TACIT_SECAGG_SURVIVORS)
		sum_must(tacit_secagg_server_survivors(sw->server, writer));
	else
		sum_must(tacit_secagg_server_consents(sw->server, index, writer));
}

static inline int sum_take(struct sum_world *sw, enum tacit_secagg_type type, const uint8_t *data,
			   size_t len, enum tacit_secagg_reason *why)
{
	if (type == TACIT_SECAGG_ADVERT)
		return tacit_secagg_server_advert(sw->server, data, len, why);
	if (type == TACIT_SECAGG_SHARES)
		return tacit_secagg_server_shares(sw->server, data, len, why);
	if (type == TACIT_SECAGG_MASKED)
		return tacit_secagg_server_masked(sw->server, sw->sum, data, len, why);
	if (type == TACIT_SECAGG_CONSENT)
		return tacit_secagg_server_consent(sw->server, data, len, why);
	return tacit_secagg_server_answer(sw->server, data, len, why);
}

/* A peer hears @type, which is told, and says what follows. */
static inline void sum_peer_speaks(struct sum_world *sw, struct peer *peer,
				   enum tacit_secagg_type type)
{
	struct tacit_secagg_step *step = &peer->step;
	enum tacit_secagg_reason why;
	WRITER(message);

	sum_message(sw, type, peer->index, &message);
	tacit_secagg_step_done(step);
	if (type == TACIT_SECAGG_CONFIG)
		sum_must(tacit_secagg_host_join(peer->host, &sw->floors, message.data, message.len,
						step, &why));
	else if (type == TACIT_SECAGG_ROSTER)
		sum_must(
			tacit_secagg_host_share(peer->host, message.data, message.len, step, &why));
	else if (type == TACIT_SECAGG_INBOX)
		sum_must(tacit_secagg_host_mask(peer->host, message.data, message.len, peer->value,
						step, &why));
	else if (type == TACIT_SECAGG_SURVIVORS)
		sum_must(tacit_secagg_host_consent(peer->host, message.data, message.len, step,
						   &why));
	else
		sum_must(tacit_secagg_host_answer(peer->host, message.data, message.len, step,
						  &why));
	sum_must(sum_take(sw, (enum tacit_secagg_type)(type + 1), step->message, step->message_len,
			  NULL));
}

static inline void sum_peers_speak(struct sum_world *sw, enum tacit_secagg_type type)
{
	for (size_t i = 0; i < sw->n_peers; i++)
		if (!sw->peer[i].gone || type < TACIT_SECAGG_INBOX)
			sum_peer_speaks(sw, &sw->peer[i], type);
}

static inline void sum_seat(struct sum_world *sw)
{
	sum_must(tacit_secagg_server_seat(sw->server, sw->beacon, NULL));
	for (size_t i = 0; i < sw->n_peers; i++)
		sw->peer[i].index =
			(uint32_t)tacit_secagg_server_find(sw->server, sw->peer[i].identity.id);
	sw->index = (uint32_t)tacit_secagg_server_find(sw->server,
						       tacit_identity_key_digest(sw->w.identity));
}

/* The peers have their say and the aggregator closes the phase, so that there is a @type. */
static inline void sum_prepare(struct sum_world *sw, enum tacit_secagg_type type)
{
	enum tacit_secagg_phase phase = tacit_secagg_server_get_phase(sw->server);

	if (type == TACIT_SECAGG_ROSTER && phase == TACIT_SECAGG_PHASE_ADVERTS) {
		sum_peers_speak(sw, TACIT_SECAGG_CONFIG);
		sum_seat(sw);
	} else if (type == TACIT_SECAGG_INBOX && phase == TACIT_SECAGG_PHASE_SHARES) {
		sum_peers_speak(sw, TACIT_SECAGG_ROSTER);
		sum_must(tacit_secagg_server_deliver(sw->server, NULL));
		sum_must(tacit_secagg_server_sum(sw->server, &sw->sum));
	} else if (type == TACIT_SECAGG_SURVIVORS && phase == TACIT_SECAGG_PHASE_VECTORS) {
		sum_peers_speak(sw, TACIT_SECAGG_INBOX);
		sum_must(tacit_secagg_server_list(sw->server, sw->sum, NULL));
		sum_peers_speak(sw, TACIT_SECAGG_SURVIVORS);
	}
}

/* What the host asks or says now; 0 when it is nothing of a sum. */
static inline enum tacit_secagg_type sum_type(struct sum_world *sw)
{
	char head[64];
	size_t len = (size_t)snprintf(head, sizeof(head), "%s%" PRIu64, TACIT_PATH_ROUNDS,
				      sw->config.round);

	if (!sw->w.done || strncmp(sw->w.path, head, len) != 0)
		return (enum tacit_secagg_type)0;
	return tacit_secagg_resource_type(sw->w.path + len);
}

/* The aggregator gets what the host says; what it said before it says again to the byte. Returns
 * the status of its answer. */
static inline int sum_hear(struct sum_world *sw, enum tacit_secagg_type type)
{
	struct tacit_writer *said = &sw->said[type];
	bool again = sw->n_said[type]++ > 0;

	CU_ASSERT_STRING_EQUAL(sw->w.method, "PUT");
	CU_ASSERT_STRING_EQUAL(sw->w.type, TACIT_TYPE_SECAGG);
	if (!again)
		tacit_write_bytes(said, sw->w.body, sw->w.body_len);
	CU_ASSERT(said->len == sw->w.body_len && memcmp(said->data, sw->w.body, said->len) == 0);
	CU_ASSERT_EQUAL(sum_take(sw, type, sw->w.body, sw->w.body_len, NULL), 0);
	return again ? 200 : 201;
}

/* Answers one request of the host; false when nothing is asked. */
static inline bool sum_serve(struct sum_world *sw)
{
	struct world *w = &sw->w;
	enum tacit_secagg_type type;
	WRITER(message);

	(void)world_wait(w);
	type = sum_type(sw);
	if (!w->done)
		return false;
	if (type == 0 && strcmp(w->path, TACIT_PATH_TASK) == 0) {
		world_answer_task(w);
	} else if (type == 0 && strcmp(w->path, TACIT_PATH_MODEL) == 0) {
		world_answer(w, w->if_none_match[0] ? 304 : 404, NULL, NULL, 0);
	} else if (type == 0 && strcmp(w->path, TACIT_PATH_ROUND) == 0) {
		world_answer_round(w);
	} else if (type == 0) {
		printf("# asked %s %s\n", w->method, w->path);
		return false;
	} else if (type % 2 == 0) {
		world_answer(w, sum_hear(sw, type), NULL, NULL, 0);
	} else {
		CU_ASSERT_STRING_EQUAL(w->method, "GET");
		sum_prepare(sw, type);
		sum_message(sw, type, sw->index, &message);
		if (sw->twist)
			sw->twist(sw, type, &message);
		world_answer(w, 200, TACIT_TYPE_SECAGG, message.data, message.len);
	}
	return true;
}

/* Until the host asks for or says @type. */
static inline bool sum_gets_to(struct sum_world *sw, enum tacit_secagg_type type)
{
	for (int i = 0; i < 100; i++) {
		(void)world_wait(&sw->w);
		if (sum_type(sw) == type)
			return true;
		if (!sum_serve(sw))
			break;
	}
	return false;
}

/* Until its answer is accepted. */
static inline bool sum_ends(struct sum_world *sw)
{
	for (int i = 0; i < 100; i++) {
		if (world_status(&sw->w).accepted > 0)
			return true;
		if (!sum_serve(sw))
			break;
	}
	return false;
}

/* The sum is exactly that of all that were alive, the host among them. */
static inline void sum_check(struct sum_world *sw)
{
	size_t n = sw->config.dimensions;
	TACIT_AUTO_FREE uint32_t *expected = TACIT_NEW_N(uint32_t, n);
	TACIT_AUTO_FREE uint32_t *sum = TACIT_NEW_N(uint32_t, n);

	sum_peers_speak(sw, TACIT_SECAGG_CONSENTS);
	memcpy(expected, sw->vector, n * sizeof(*expected));
	for (size_t i = 0; i < sw->n_peers; i++)
		for (size_t j = 0; !sw->peer[i].gone && j < n; j++)
			expected[j] += sw->peer[i].value[j];
	CU_ASSERT_EQUAL(tacit_secagg_server_missing(sw->server), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_secagg_server_unmask(sw->server, sw->sum, sum, NULL), 0);
	CU_ASSERT_EQUAL(memcmp(sum, expected, n * sizeof(*sum)), 0);
}

/* How many secrets of sums the host's database holds. */
static inline int64_t sum_rows(struct sum_world *sw)
{
	struct sqlite3_stmt *row = tacit_db_query(sw->w.db, "SELECT count(*) FROM secure", "");
	int64_t n = tacit_db_step(sw->w.db, row) == 1 ? tacit_db_column_int(row, 0) : -1;

	tacit_db_reset(row);
	return n;
}

/* What the ledger says of the round. */
static inline void sum_state(struct sum_world *sw, char ret[16])
{
	struct sqlite3_stmt *row = tacit_db_query(
		sw->w.db, "SELECT state FROM round WHERE aggregator = ? AND round = ?", "ti",
		tacit_identity_aggregator(sw->w.identity), (int64_t)sw->config.round);
	bool found = tacit_db_step(sw->w.db, row) == 1;

	(void)snprintf(ret, 16, "%s", found ? tacit_db_column_text(row, 0) : "unknown");
	tacit_db_reset(row);
}

#define CU_ASSERT_STATE(sw, expected)                                                              \
	do {                                                                                       \
		char state_[16];                                                                   \
		sum_state(sw, state_);                                                             \
		CU_ASSERT_STRING_EQUAL(state_, expected);                                          \
	} while (0)

#endif /* TACIT_TESTS_SUM_WORLD_H */
