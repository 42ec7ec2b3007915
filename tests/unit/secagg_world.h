/* SPDX-License-Identifier: MIT */
/*
 * A server and its hosts in one process, with real identity keys: P-256, ECDSA with SHA-256, ids
 * that are the keys' digests; a host's "certificate" is its public key. Messages pass through the
 * hands of the test, which may change, lose or repeat them.
 */
#ifndef TACIT_TESTS_SECAGG_WORLD_H
#define TACIT_TESTS_SECAGG_WORLD_H

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <tacit/secagg_host.h>
#include <tacit/secagg_server.h>
#include <tacit/x509.h>

#include "privacy/digest.h"
#include "seed.h"
#include "unit.h"

#define WORLD_MAX  128U
#define WORLD_DIMS 37U
#define NEVER	   9 /* a host that stays */

struct world_host {
	EVP_PKEY *key;
	uint8_t *cert;
	struct tacit_secagg_identity identity;
	struct tacit_secagg_host *host;
	struct tacit_secagg_step step; /* its last: what it sent, and stored */
	uint32_t index;		       /* once seated */
	int leaves;		       /* before it sends the message of this phase, 1..5; NEVER */
	uint32_t value[WORLD_DIMS];
};

struct world {
	struct tacit_random *random;
	EVP_PKEY *server_key;
	struct tacit_secagg_identity identity;
	struct tacit_secagg_config config;
	struct tacit_secagg_floors floors;
	uint8_t beacon[32];
	struct tacit_secagg_server *server;
	struct tacit_secagg_sum *sum[2]; /* of two workers */
	size_t n;
	struct world_host host[WORLD_MAX];
	bool crashes; /* everybody is saved and loaded at every step, and steps are lost */
};

static inline void must(int r)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "# %s\n", tacit_strerror(r));
	abort();
}

static inline int world_sign(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	return tacit_key_sign((EVP_PKEY *)ctx, data, len, sig, ret_len);
}

static inline int world_verify(EVP_PKEY *key, const void *data, size_t len,
			       const struct tacit_secagg_blob *sig)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = key && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(context, sig->data, sig->len, (const uint8_t *)data, len) == 1;

	EVP_MD_CTX_free(context);
	return good ? 0 : TACIT_EUNTRUSTED;
}

static inline int world_verify_host(void *ctx, const uint8_t *id,
				    const struct tacit_secagg_blob *cert, const void *data,
				    size_t len, const struct tacit_secagg_blob *sig)
{
	const uint8_t *at = cert->data;
	uint8_t digest[32];
	EVP_PKEY *key;
	int r;

	(void)ctx;
	must(tacit_digest_of(digest, { cert->data, cert->len }));
	if (memcmp(digest, id, sizeof(digest)) != 0)
		return TACIT_EUNTRUSTED;
	key = d2i_PUBKEY(NULL, &at, (long)cert->len);
	r = world_verify(key, data, len, sig);
	EVP_PKEY_free(key);
	return r;
}

static EVP_PKEY *world_server_key; /* that hosts trust */

static inline int world_verify_server(void *ctx, const void *data, size_t len,
				      const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	return world_verify(world_server_key, data, len, sig);
}

static inline void world_add_host(struct world *world, struct world_host *host)
{
	uint8_t *der = NULL;
	int len;

	must(tacit_key_generate(&host->key));
	len = i2d_PUBKEY(host->key, &der);
	if (len <= 0)
		abort();
	host->cert = tacit_memdup(der, (size_t)len);
	OPENSSL_free(der);
	host->identity = (struct tacit_secagg_identity){
		.cert = { host->cert, (size_t)len },
		.ctx = host->key,
		.sign = world_sign,
		.verify_host = world_verify_host,
		.verify_server = world_verify_server,
	};
	must(tacit_digest_of(host->identity.id, { host->cert, (size_t)len }));
	must(tacit_secagg_host_new(&host->identity, world->random, &host->host));
	host->leaves = NEVER;
	tacit_random_bytes(world->random, host->value, sizeof(host->value));
}

/* @gamma, @delta: in percent. */
static inline struct world *world_new(size_t n, uint32_t gamma, uint32_t delta)
{
	struct world *world = TACIT_NEW(struct world);

	if (!world)
		abort();
	world->random = seeded_random();
	must(tacit_key_generate(&world->server_key));
	world_server_key = world->server_key;
	world->identity = (struct tacit_secagg_identity){
		.ctx = world->server_key,
		.sign = world_sign,
		.verify_host = world_verify_host,
	};
	world->config = (struct tacit_secagg_config){
		.round = 7,
		.group = 1,
		.task = { 1 },
		.model = { 2 },
		.dimensions = WORLD_DIMS,
		.hosts_min = 4,
		.threat = { TACIT_SECAGG_SEMI_MALICIOUS, gamma * 10000, delta * 10000 },
		.clip_norm = 1,
		.scale_bits = 16,
		.noise_ppm = 1000000,
		.phase_sec = { 60, 60, 60, 60, 60 },
	};
	world->floors = (struct tacit_secagg_floors){
		.last_round = 6,
		.task = { 1 },
		.model = { 2 },
		.dimensions = WORLD_DIMS,
		.hosts_min = 4,
		.noise_ppm = 1000000,
		.corrupt_ppm = gamma * 10000,
		.semi_malicious = true,
	};
	tacit_random_bytes(world->random, world->beacon, sizeof(world->beacon));
	must(tacit_digest_of(world->config.beacon, { world->beacon, sizeof(world->beacon) }));
	must(tacit_secagg_server_new(&world->identity, &world->config, &world->server));
	world->n = n;
	for (size_t i = 0; i < n; i++)
		world_add_host(world, &world->host[i]);
	return world;
}

static inline void world_free(struct world *world)
{
	for (size_t i = 0; i < world->n; i++) {
		struct world_host *host = &world->host[i];

		tacit_secagg_host_free(host->host);
		tacit_secagg_step_done(&host->step);
		tacit_key_free(host->key);
		tacit_free(host->cert);
	}
	tacit_secagg_sum_free(world->sum[0]);
	tacit_secagg_sum_free(world->sum[1]);
	tacit_secagg_server_free(world->server);
	tacit_key_free(world->server_key);
	tacit_random_free(world->random);
	tacit_free(world);
}
TACIT_DEFINE_CLEANUP(struct world, world_free)

#define WORLD(name, n, gamma, delta)                                                               \
	TACIT_CLEANUP(world_free_p) struct world *name = world_new(n, gamma, delta)
#define WRITER(name) TACIT_CLEANUP(tacit_writer_done) struct tacit_writer name = { 0 }

/* The server dies and comes back. */
static inline void world_restart_server(struct world *world)
{
	struct tacit_secagg_server *again = NULL;
	WRITER(first);
	WRITER(second);

	tacit_secagg_server_save(world->server, &first);
	must(tacit_secagg_server_load(&world->identity, first.data, first.len, &again));
	tacit_secagg_server_save(again, &second);
	CU_ASSERT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	tacit_secagg_server_free(world->server);
	world->server = again;
}

/* A host dies and comes back with what it had stored last; before that, with nothing. */
static inline void world_restart_host(struct world *world, struct world_host *host)
{
	struct tacit_secagg_host *again = NULL;

	if (host->step.state)
		must(tacit_secagg_host_load(&host->identity, world->random, host->step.state,
					    host->step.state_len, &again));
	else
		must(tacit_secagg_host_new(&host->identity, world->random, &again));
	tacit_secagg_host_free(host->host);
	host->host = again;
}

/* One step of a host on a message of phase 0..4. */
static inline int world_step(const struct world *world, struct world_host *host, int phase,
			     const uint8_t *data, size_t len, struct tacit_secagg_step *ret,
			     enum tacit_secagg_reason *why)
{
	switch (phase) {
	case 0:
		return tacit_secagg_host_join(host->host, &world->floors, data, len, ret, why);
	case 1:
		return tacit_secagg_host_share(host->host, data, len, ret, why);
	case 2:
		return tacit_secagg_host_mask(host->host, data, len, host->value, ret, why);
	case 3:
		return tacit_secagg_host_consent(host->host, data, len, ret, why);
	default:
		return tacit_secagg_host_answer(host->host, data, len, ret, why);
	}
}

/* What the server has for a host in phase 0..4. */
static inline void world_message(const struct world *world, const struct world_host *host,
				 int phase, struct tacit_writer *writer)
{
	struct tacit_secagg_blob config = tacit_secagg_server_get_config(world->server);

	if (phase == 0)
		tacit_write_bytes(writer, config.data, config.len);
	else if (phase == 1)
		must(tacit_secagg_server_roster(world->server, host->index, writer));
	else if (phase == 2)
		must(tacit_secagg_server_inbox(world->server, host->index, writer));
	else if (phase == 3)
		must(tacit_secagg_server_survivors(world->server, writer));
	else
		must(tacit_secagg_server_consents(world->server, host->index, writer));
}

/* The step is stored; what was stored before is gone. */
static inline void world_store(struct world_host *host, struct tacit_secagg_step *step)
{
	tacit_secagg_step_done(&host->step);
	host->step = *step;
	*step = (struct tacit_secagg_step){ 0 };
}

/* A host takes an honest server's message and sends its own to nobody yet: host->step.message. */
static inline void world_advance_host(struct world *world, struct world_host *host, int phase)
{
	struct tacit_secagg_step step = { 0 };
	enum tacit_secagg_reason why = TACIT_SECAGG_REASONS;
	WRITER(message);

	world_message(world, host, phase, &message);
	if (world->crashes) { /* once it dies before the step is stored: nothing was sent */
		must(world_step(world, host, phase, message.data, message.len, &step, &why));
		tacit_secagg_step_done(&step);
		world_restart_host(world, host);
	}
	must(world_step(world, host, phase, message.data, message.len, &step, &why));
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_FINE);
	world_store(host, &step);
	if (world->crashes)
		world_restart_host(world, host);
}

/* The server takes a host's message of phase 1..5. Hosts go to one of two workers. */
static inline int world_take(struct world *world, size_t i, int phase, const uint8_t *data,
			     size_t len, enum tacit_secagg_reason *why)
{
	switch (phase) {
	case 1:
		return tacit_secagg_server_advert(world->server, data, len, why);
	case 2:
		return tacit_secagg_server_shares(world->server, data, len, why);
	case 3:
		return tacit_secagg_server_masked(world->server, world->sum[i % 2], data, len, why);
	case 4:
		return tacit_secagg_server_consent(world->server, data, len, why);
	default:
		return tacit_secagg_server_answer(world->server, data, len, why);
	}
}

static inline void world_deliver(struct world *world, size_t i, int phase)
{
	const struct world_host *host = &world->host[i];

	must(world_take(world, i, phase, host->step.message, host->step.message_len, NULL));
	if (!world->crashes)
		return;
	world_restart_server(world);
	/* it did not hear the acknowledgement: the same again */
	must(world_take(world, i, phase, host->step.message, host->step.message_len, NULL));
}

/* The server's side of the end of phase 1..3. */
static inline int world_close(struct world *world, int phase, enum tacit_secagg_reason *why)
{
	int r = 0;

	if (phase == 1)
		r = tacit_secagg_server_seat(world->server, world->beacon, why);
	else if (phase == 2)
		r = tacit_secagg_server_deliver(world->server, why);
	else if (phase == 3)
		r = tacit_secagg_server_list(world->server, world->sum[0], why);
	if (r == 0 && phase == 1)
		for (size_t i = 0; i < world->n; i++) {
			int index =
				tacit_secagg_server_find(world->server, world->host[i].identity.id);

			world->host[i].index = index < 0 ? UINT32_MAX : (uint32_t)index;
		}
	if (r == 0 && phase == 2) {
		must(tacit_secagg_server_sum(world->server, &world->sum[0]));
		must(tacit_secagg_server_sum(world->server, &world->sum[1]));
	}
	if (r == 0 && world->crashes)
		world_restart_server(world);
	return r;
}

/* The workers' partial sums become one. */
static inline void world_merge(struct world *world)
{
	struct tacit_secagg_sum *again = NULL;
	WRITER(writer);

	tacit_secagg_sum_save(world->sum[1], &writer);
	must(tacit_secagg_sum_load(writer.data, writer.len, &again));
	must(tacit_secagg_sum_merge(world->sum[0], again));
	tacit_secagg_sum_free(again);
}

/* Phases @from to @to, 1..5, all hosts that have not left: the server's message, the host's, the
 * server's end of the phase. */
static inline void world_run(struct world *world, int from, int to)
{
	for (int phase = from; phase <= to; phase++) {
		for (size_t i = 0; i < world->n; i++)
			if (world->host[i].leaves > phase)
				world_advance_host(world, &world->host[i], phase - 1);
		for (size_t i = 0; i < world->n; i++)
			if (world->host[i].leaves > phase)
				world_deliver(world, i, phase);
		if (phase == 3)
			world_merge(world);
		must(world_close(world, phase, NULL));
	}
}

/* Is the unmasked sum the sum of those whose vectors arrived? */
static inline void world_check_sum(struct world *world)
{
	uint32_t sum[WORLD_DIMS], expected[WORLD_DIMS] = { 0 };
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	for (size_t i = 0; i < world->n; i++)
		for (size_t j = 0; world->host[i].leaves > 3 && j < WORLD_DIMS; j++)
			expected[j] += world->host[i].value[j];
	CU_ASSERT_EQUAL(tacit_secagg_server_missing(world->server), 0);
	CU_ASSERT_EQUAL(tacit_secagg_server_unmask(world->server, world->sum[0], sum, &why), 0);
	CU_ASSERT_EQUAL(memcmp(sum, expected, sizeof(sum)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(tacit_secagg_sum_get(world->sum[0]), sum, sizeof(sum)), 0);
}

/* The host in place @index. */
static inline struct world_host *world_at(struct world *world, uint32_t index)
{
	for (size_t i = 0; i < world->n; i++)
		if (world->host[i].index == index)
			return &world->host[i];
	abort();
}

/* The host refuses with this reason, and goes on as if nothing had been when it is asked properly.
 */
static inline void world_refuses(struct world *world, struct world_host *host, int phase,
				 const struct tacit_writer *message,
				 enum tacit_secagg_reason expected)
{
	enum tacit_secagg_stage stage = tacit_secagg_host_get_stage(host->host);
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	struct tacit_secagg_step step = { 0 };
	int r = world_step(world, host, phase, message->data, message->len, &step, &why);

	CU_ASSERT_EQUAL(r, tacit_secagg_reason_code(expected));
	CU_ASSERT_EQUAL(why, expected);
	CU_ASSERT_PTR_NULL(step.message);
	CU_ASSERT_EQUAL(tacit_secagg_host_get_stage(host->host), stage);
}

/* And when it is asked properly, it does take part: the round ends well. */
static inline void world_goes_on(struct world *world, int phase)
{
	world_run(world, phase, 5);
	world_check_sum(world);
}

#endif /* TACIT_TESTS_SECAGG_WORLD_H */
