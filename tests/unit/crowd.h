/* SPDX-License-Identifier: MIT */
/*
 * A crowd of real hosts before the aggregator's database, without a network: certificates of its
 * CA, two workers' mailboxes, and the keeper's schedule by a clock of the test's own. Everything
 * may die and come back between any two calls.
 */
#ifndef TACIT_TESTS_CROWD_H
#define TACIT_TESTS_CROWD_H

#include <tacit/secagg_host.h>
#include <tacit/vouch.h>

#include "aggregator/cohort_steps.h"
#include "aggregator/mailbox.h"
#include "aggregator/schedule.h"

#include "fleet.h"
#include "seed.h"
#include "unit.h"

#define CROWD_MAX     96U
#define CROWD_WORKERS 2U
#define CROWD_STAYS   9 /* never falls silent */

struct crowd_host {
	EVP_PKEY *key;
	uint8_t *cert;
	struct tacit_host host;
	struct tacit_secagg_identity identity;
	struct tacit_mailbox_caller caller;
	struct tacit_secagg_host *party;
	struct tacit_secagg_step step; /* its last */
	int silent;		       /* says nothing from this phase on, 1..5; CROWD_STAYS */
	int reach;		       /* the largest number in its vector, in steps of the grid */
	uint32_t *value;
};

struct crowd {
	struct fleet fleet;
	struct tacit_vouch *vouch;
	struct tacit_random *random;
	struct tacit_mailbox *mailbox[CROWD_WORKERS];
	struct tacit_schedule *schedule;
	struct tacit_task task;
	struct tacit_round round;
	int64_t boot_ms;
	size_t n;
	struct crowd_host host[CROWD_MAX];
};

static int64_t crowd_boot_ms; /* the test's boot clock */

static inline int64_t crowd_boot(void)
{
	return crowd_boot_ms;
}

static inline int crowd_sign(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	return tacit_key_sign(((struct crowd_host *)ctx)->key, data, len, sig, ret_len);
}

static struct tacit_vouch *crowd_vouch; /* that all hosts share */

static inline int crowd_verify_host(void *ctx, const uint8_t *id,
				    const struct tacit_secagg_blob *cert, const void *data,
				    size_t len, const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	return tacit_vouch_for_host(crowd_vouch, id, cert, data, len, sig);
}

static inline int crowd_verify_server(void *ctx, const void *data, size_t len,
				      const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	return tacit_vouch_for_server(crowd_vouch, data, len, sig);
}

static inline void crowd_enrol(struct crowd *crowd, struct crowd_host *host)
{
	uint8_t id[TACIT_SECAGG_ID_LEN];
	X509 *cert = NULL;
	size_t len;

	FLEET_MUST(tacit_key_generate(&host->key));
	FLEET_MUST(tacit_key_fingerprint(host->key, id));
	tacit_hex_encode(id, 16, host->host.id);
	FLEET_MUST(tacit_ca_certify_host(crowd->fleet.ca, host->key, host->host.id, &cert));
	FLEET_MUST(tacit_cert_format_der(cert, &host->cert, &len));
	tacit_cert_free(cert);
	host->host.number = fleet_host(&crowd->fleet);
	FLEET_MUST(tacit_db_run(crowd->fleet.db,
				"UPDATE host SET id = ?, fingerprint = ? WHERE number = ?", "tbi",
				host->host.id, id, sizeof(id), host->host.number));
	host->identity = (struct tacit_secagg_identity){ .cert = { host->cert, len },
							 .ctx = host,
							 .sign = crowd_sign,
							 .verify_host = crowd_verify_host,
							 .verify_server = crowd_verify_server };
	memcpy(host->identity.id, id, sizeof(id));
	host->silent = CROWD_STAYS;
	host->reach = 100;
}

/* The aggregator's processes come up, or come back. */
static inline void crowd_start(struct crowd *crowd)
{
	for (uint32_t i = 0; i < CROWD_WORKERS; i++) {
		const struct tacit_mailbox_params params = { .db = crowd->fleet.db,
							     .ca = crowd->fleet.ca,
							     .worker = i,
							     .boot_ms = crowd_boot };

		FLEET_MUST(tacit_mailbox_new(&params, &crowd->mailbox[i]));
	}
	FLEET_MUST(tacit_schedule_new(crowd->fleet.db, crowd->fleet.ca, &crowd->schedule));
}

static inline void crowd_stop(struct crowd *crowd)
{
	for (uint32_t i = 0; i < CROWD_WORKERS; i++)
		tacit_mailbox_free(crowd->mailbox[i]);
	tacit_schedule_free(crowd->schedule);
}

/* They die, database connection and all. */
static inline void crowd_restart(struct crowd *crowd)
{
	crowd_stop(crowd);
	tacit_db_close(crowd->fleet.db);
	crowd->fleet.db = fleet_connect(&crowd->fleet);
	crowd_start(crowd);
}

/* Secure rounds without noise; the test may change @crowd->task before crowd_begin(). */
static inline struct crowd *crowd_new(size_t n)
{
	struct crowd *crowd = TACIT_NEW(struct crowd);

	crowd->fleet = fleet_new();
	crowd->random = seeded_random();
	crowd_boot_ms = 1000000;
	FLEET_MUST(tacit_vouch_new(tacit_ca_cert(crowd->fleet.ca), NULL, &crowd->vouch));
	crowd_vouch = crowd->vouch;
	crowd->n = n;
	for (size_t i = 0; i < n; i++)
		crowd_enrol(crowd, &crowd->host[i]);
	crowd->task = fleet_task();
	crowd->task.mode = TACIT_TASK_DISTRIBUTED;
	crowd->task.noise_multiplier = 0;
	crowd->task.min_cohort = 4;
	crowd->task.max_cohort = 0;
	crowd_start(crowd);
	return crowd;
}

static inline void crowd_forget(struct crowd_host *host)
{
	tacit_secagg_host_free(host->party);
	host->party = NULL;
	tacit_secagg_step_done(&host->step);
	tacit_free(host->value);
	host->value = NULL;
}

static inline void crowd_free(struct crowd *crowd)
{
	crowd_stop(crowd);
	for (size_t i = 0; i < crowd->n; i++) {
		crowd_forget(&crowd->host[i]);
		tacit_key_free(crowd->host[i].key);
		tacit_free(crowd->host[i].cert);
	}
	tacit_vouch_free(crowd->vouch);
	tacit_random_free(crowd->random);
	fleet_done(&crowd->fleet);
	tacit_free(crowd);
}
TACIT_DEFINE_CLEANUP(struct crowd, crowd_free)

#define CROWD(name, n) TACIT_CLEANUP(crowd_free_p) struct crowd *name = crowd_new(n)

/* The keeper looks, after @ms. */
static inline void crowd_tick(struct crowd *crowd, int64_t ms)
{
	int64_t wait;

	crowd_boot_ms += ms;
	FLEET_MUST(tacit_schedule_tick(crowd->schedule, FLEET_NOW, crowd_boot_ms, &wait));
	FLEET_MUST(tacit_round_get_newest(crowd->fleet.db, &crowd->round));
}

static inline void crowd_draw(struct crowd *crowd, struct crowd_host *host)
{
	host->value = TACIT_NEW_N(uint32_t, crowd->round.doc.dimensions);
	for (uint32_t i = 0; i < crowd->round.doc.dimensions; i++)
		host->value[i] = (uint32_t)((int)tacit_random_below(crowd->random,
								    2 * (uint64_t)host->reach + 1) -
					    host->reach);
}

/* A round, and everybody at its door. */
static inline void crowd_begin(struct crowd *crowd)
{
	FLEET_MUST(fleet_set_task(&crowd->fleet, &crowd->task));
	crowd_tick(crowd, (int64_t)crowd->task.round_sec * 1000);
	crowd_tick(crowd, 1);
	for (size_t i = 0; i < crowd->n; i++) {
		struct crowd_host *host = &crowd->host[i];

		crowd_forget(host);
		FLEET_MUST(tacit_secagg_host_new(&host->identity, crowd->random, &host->party));
		if (crowd->round.groups > 0)
			FLEET_MUST(tacit_mailbox_find(crowd->mailbox[i % CROWD_WORKERS],
						      &host->host, host->identity.id,
						      crowd->round.doc.round, &host->caller));
		crowd_draw(crowd, host);
	}
}

/* What it is told before it speaks in phase 1..5. */
static inline enum tacit_secagg_type crowd_told(int phase)
{
	static const enum tacit_secagg_type told[] = { 0,
						       TACIT_SECAGG_CONFIG,
						       TACIT_SECAGG_ROSTER,
						       TACIT_SECAGG_INBOX,
						       TACIT_SECAGG_SURVIVORS,
						       TACIT_SECAGG_CONSENTS };

	return told[phase];
}

static inline enum tacit_secagg_type crowd_says(int phase)
{
	static const enum tacit_secagg_type says[] = { 0,
						       TACIT_SECAGG_ADVERT,
						       TACIT_SECAGG_SHARES,
						       TACIT_SECAGG_MASKED,
						       TACIT_SECAGG_CONSENT,
						       TACIT_SECAGG_ANSWER };

	return says[phase];
}

/* The party's step on what it was told. */
static inline int crowd_step(struct crowd *crowd, struct crowd_host *host, int phase,
			     const struct tacit_writer *told, struct tacit_secagg_step *ret,
			     enum tacit_secagg_reason *why)
{
	struct tacit_secagg_floors floors = { .last_round = crowd->round.doc.round - 1,
					      .dimensions = crowd->round.doc.dimensions,
					      .hosts_min = 4,
					      .semi_malicious = true };

	memcpy(floors.task, crowd->round.doc.task, sizeof(floors.task));
	memcpy(floors.model, crowd->round.doc.model, sizeof(floors.model));
	switch (phase) {
	case 1:
		return tacit_secagg_host_join(host->party, &floors, told->data, told->len, ret,
					      why);
	case 2:
		return tacit_secagg_host_share(host->party, told->data, told->len, ret, why);
	case 3:
		return tacit_secagg_host_mask(host->party, told->data, told->len, host->value, ret,
					      why);
	case 4:
		return tacit_secagg_host_consent(host->party, told->data, told->len, ret, why);
	default:
		return tacit_secagg_host_answer(host->party, told->data, told->len, ret, why);
	}
}

/* What the aggregator says to this host's bytes: as in mailbox.h, or an error on the way. */
static inline int crowd_send(struct crowd *crowd, size_t i, int phase, const uint8_t *data,
			     size_t len)
{
	struct tacit_mailbox *mailbox = crowd->mailbox[i % CROWD_WORKERS];
	struct tacit_mailbox_message message;
	int r;

	tacit_mailbox_turn(mailbox);
	r = tacit_mailbox_admit(mailbox, &crowd->host[i].caller, crowd_says(phase), data, len,
				&message, NULL);
	if (r == 0)
		r = tacit_mailbox_commit(mailbox, &message, 1);
	return r < 0 ? r : message.result;
}

/* One host's part in a phase: asks, steps, sends. The answer, or -EAGAIN when it is told nothing.
 */
static inline int crowd_speak(struct crowd *crowd, size_t i, int phase)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer told = { 0 };
	struct tacit_mailbox *mailbox = crowd->mailbox[i % CROWD_WORKERS];
	struct crowd_host *host = &crowd->host[i];
	struct tacit_secagg_step step = { 0 };
	int r;

	tacit_mailbox_turn(mailbox);
	r = tacit_mailbox_fetch(mailbox, &host->caller, crowd_told(phase), &told);
	if (r < 0)
		return r;
	FLEET_MUST(crowd_step(crowd, host, phase, &told, &step, NULL));
	tacit_secagg_step_done(&host->step);
	host->step = step;
	return crowd_send(crowd, i, phase, step.message, step.message_len);
}

/* Is any sum still in this phase, 1..5? */
static inline bool crowd_lags(struct crowd *crowd, int phase)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		crowd->fleet.db, "SELECT count(*) FROM cohort WHERE round = ? AND phase = ?", "ii",
		(int64_t)crowd->round.doc.round, (int64_t)(phase > 3 ? 3 : phase - 1));

	return tacit_db_step(crowd->fleet.db, query) == 1 && tacit_db_column_int(query, 0) > 0;
}

/* Everybody who still speaks does, and the keeper looks, at once and when the phase's time is up.
 */
static inline void crowd_phase(struct crowd *crowd, int phase)
{
	for (size_t i = 0; i < crowd->n; i++)
		if (crowd->host[i].silent > phase)
			CU_ASSERT_EQUAL_FATAL(crowd_speak(crowd, i, phase), 1);
	crowd_tick(crowd, 1);
	crowd_tick(crowd, 1);
	if (phase != 4 && crowd_lags(crowd, phase))
		crowd_tick(crowd, (int64_t)crowd->task.collect_sec * 1000);
}

static inline void crowd_run(struct crowd *crowd)
{
	for (int phase = 1; phase <= 5; phase++)
		crowd_phase(crowd, phase);
	crowd_tick(crowd, 1);
}

/* The sum that group @group should have: of those that sent their vectors. */
static inline void crowd_expect(const struct crowd *crowd, uint32_t group, uint8_t ret[32])
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer sum = { 0 };

	for (uint32_t k = 0; k < crowd->round.doc.dimensions; k++) {
		uint32_t total = 0;

		for (size_t i = 0; i < crowd->n; i++)
			if (crowd->host[i].caller.group == group && crowd->host[i].silent > 3)
				total += crowd->host[i].value[k];
		tacit_write_u32le(&sum, total);
	}
	FLEET_MUST(tacit_sha256(sum.data, sum.len, ret));
}

/* Is the sum that the aggregator knows exactly that? */
static inline void crowd_check(struct crowd *crowd)
{
	for (uint32_t group = 0; group < crowd->round.groups; group++) {
		TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
			crowd->fleet.db,
			"SELECT sum_sha256 FROM cohort WHERE round = ? AND grp = ? AND phase = 4",
			"ii", (int64_t)crowd->round.doc.round, (int64_t)group);
		uint8_t expected[32], known[32] = { 0 };

		CU_ASSERT_EQUAL_FATAL(tacit_db_step(crowd->fleet.db, query), 1);
		FLEET_MUST(tacit_fleetdb_column_digest(query, 0, known, sizeof(known)));
		crowd_expect(crowd, group, expected);
		CU_ASSERT_EQUAL(memcmp(known, expected, sizeof(known)), 0);
	}
}

#endif /* TACIT_TESTS_CROWD_H */
