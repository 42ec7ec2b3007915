/* SPDX-License-Identifier: MIT */
/*
 * An aggregator's database with a distributed round, and hosts with real certificates that take
 * part in it: each step is that of a real host on what a mailbox has for it.
 */
#ifndef TACIT_TESTS_SECURE_FLEET_H
#define TACIT_TESTS_SECURE_FLEET_H

#include <tacit/secagg_host.h>
#include <tacit/vouch.h>
#include <tacit/x509.h>

#include "aggregator/cohort_steps.h"
#include "aggregator/mailbox.h"

#include "fleet.h"
#include "unit.h"

#define SECURE_HOSTS_MAX 40U

struct member {
	struct tacit_vouch *vouch; /* borrowed */
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der;
	struct tacit_host host;
	struct tacit_secagg_identity identity;
	struct tacit_secagg_host *part;
	struct tacit_secagg_step step; /* its last: what it says */
	uint32_t *value;
};

struct secure {
	struct fleet fleet;
	struct tacit_vouch *vouch;
	struct tacit_task task;
	struct tacit_round round;
	struct member member[SECURE_HOSTS_MAX];
	size_t n;
};

static inline int member_sign(void *ctx, const void *data, size_t len, uint8_t *sig,
			      size_t *ret_len)
{
	return tacit_key_sign(((struct member *)ctx)->key, data, len, sig, ret_len);
}

static inline int member_verify_host(void *ctx, const uint8_t *id,
				     const struct tacit_secagg_blob *cert, const void *data,
				     size_t len, const struct tacit_secagg_blob *sig)
{
	return tacit_vouch_for_host(((struct member *)ctx)->vouch, id, cert, data, len, sig);
}

static inline int member_verify_server(void *ctx, const void *data, size_t len,
				       const struct tacit_secagg_blob *sig)
{
	return tacit_vouch_for_server(((struct member *)ctx)->vouch, data, len, sig);
}

/* Enrols it with the key it has. */
static inline void member_enrol(struct fleet *fleet, struct member *member)
{
	uint8_t digest[TACIT_DIGEST_LEN];

	tacit_hex_encode(member->identity.id, TACIT_HOST_ID_LEN / 2, member->host.id);
	FLEET_MUST(tacit_ca_certify_host(fleet->ca, member->key, member->host.id, &member->cert));
	FLEET_MUST(tacit_cert_format_der(member->cert, &member->der, &member->identity.cert.len));
	member->identity.cert.data = member->der;
	FLEET_MUST(tacit_sha256(member->der, member->identity.cert.len, digest));
	member->host.number = fleet_host(fleet);
	FLEET_MUST(tacit_db_run(fleet->db,
				"UPDATE host SET id = ?, fingerprint = ?, certificate = ?"
				" WHERE number = ?",
				"tbbi", member->host.id, member->identity.id,
				sizeof(member->identity.id), digest, sizeof(digest),
				member->host.number));
}

static inline void member_begin(struct secure *secure, struct member *member)
{
	uint32_t n = secure->round.doc.dimensions;

	FLEET_MUST(tacit_secagg_host_new(&member->identity, secure->fleet.random, &member->part));
	member->value = TACIT_NEW_N(uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		member->value[i] = (uint32_t)(member->host.number % 7) + i % 5;
}

static inline void secure_init(struct secure *secure, size_t n, enum tacit_aggregation aggregation)
{
	*secure = (struct secure){ .fleet = fleet_new(), .task = fleet_task(), .n = n };
	FLEET_MUST(tacit_vouch_new(tacit_ca_cert(secure->fleet.ca), NULL, &secure->vouch));
	for (size_t i = 0; i < n; i++) {
		struct member *member = &secure->member[i];

		member->vouch = secure->vouch;
		FLEET_MUST(tacit_key_generate(&member->key));
		FLEET_MUST(tacit_key_fingerprint(member->key, member->identity.id));
		member->identity.ctx = member;
		member->identity.sign = member_sign;
		member->identity.verify_host = member_verify_host;
		member->identity.verify_server = member_verify_server;
		member_enrol(&secure->fleet, member);
	}
	secure->task.mode = TACIT_TASK_DISTRIBUTED;
	secure->task.aggregation = aggregation;
	secure->task.min_cohort = 4;
	secure->task.threat =
		(struct tacit_secagg_threat){ TACIT_SECAGG_SEMI_MALICIOUS, 0, 200000 };
	FLEET_MUST(fleet_set_task(&secure->fleet, &secure->task));
	secure->round = fleet_round(&secure->fleet);
	for (size_t i = 0; i < n; i++)
		member_begin(secure, &secure->member[i]);
}

static inline void secure_done(struct secure *secure)
{
	for (size_t i = 0; i < secure->n; i++) {
		struct member *member = &secure->member[i];

		tacit_secagg_host_free(member->part);
		tacit_secagg_step_done(&member->step);
		tacit_key_free(member->key);
		tacit_cert_free(member->cert);
		tacit_free(member->der);
		tacit_free(member->value);
	}
	tacit_vouch_free(secure->vouch);
	fleet_done(&secure->fleet);
}

#define SECURE(name, n)                                                                            \
	TACIT_CLEANUP(secure_done) struct secure name;                                             \
	secure_init(&(name), n, TACIT_AGGREGATION_SUM)

static inline struct tacit_mailbox *secure_mailbox(const struct secure *secure, struct tacit_db *db,
						   uint32_t worker)
{
	const struct tacit_mailbox_params params = { .db = db,
						     .ca = secure->fleet.ca,
						     .worker = worker };
	struct tacit_mailbox *mailbox = NULL;

	FLEET_MUST(tacit_mailbox_new(&params, &mailbox));
	return mailbox;
}

#define MAILBOX(name, secure, worker)                                                              \
	TACIT_CLEANUP(tacit_mailbox_free_p)                                                        \
	struct tacit_mailbox *name = secure_mailbox(&(secure), (secure).fleet.db, worker)

static inline struct tacit_mailbox_caller secure_caller(const struct secure *secure,
							struct tacit_mailbox *mailbox,
							const struct member *member)
{
	struct tacit_mailbox_caller caller;

	FLEET_MUST(tacit_mailbox_find(mailbox, &member->host, member->identity.id,
				      secure->round.doc.round, &caller));
	return caller;
}

/* A host's step on what it was told. */
static inline int member_step(const struct secure *secure, struct member *member,
			      enum tacit_secagg_type says, const uint8_t *data, size_t len)
{
	struct tacit_secagg_floors floors = { .last_round = secure->round.doc.round - 1,
					      .dimensions = secure->round.doc.dimensions,
					      .hosts_min = secure->round.doc.min_cohort,
					      .semi_malicious = true };
	struct tacit_secagg_step step = { 0 };
	int r;

	memcpy(floors.task, secure->round.doc.task, sizeof(floors.task));
	memcpy(floors.model, secure->round.doc.model, sizeof(floors.model));
	if (says == TACIT_SECAGG_ADVERT)
		r = tacit_secagg_host_join(member->part, &floors, data, len, &step, NULL);
	else if (says == TACIT_SECAGG_SHARES)
		r = tacit_secagg_host_share(member->part, data, len, &step, NULL);
	else if (says == TACIT_SECAGG_MASKED)
		r = tacit_secagg_host_mask(member->part, data, len, member->value, &step, NULL);
	else if (says == TACIT_SECAGG_CONSENT)
		r = tacit_secagg_host_consent(member->part, data, len, &step, NULL);
	else
		r = tacit_secagg_host_answer(member->part, data, len, &step, NULL);
	if (r < 0)
		return r;
	tacit_secagg_step_done(&member->step);
	member->step = step;
	return 0;
}

/* What a host is told before it says this. */
static inline enum tacit_secagg_type secure_told(enum tacit_secagg_type says)
{
	return says == TACIT_SECAGG_ADVERT ? TACIT_SECAGG_CONFIG
					   : (enum tacit_secagg_type)((int)says - 1);
}

/* The host hears what there is, and knows what to say. */
static inline int secure_hear(const struct secure *secure, struct tacit_mailbox *mailbox,
			      struct member *member, enum tacit_secagg_type says)
{
	struct tacit_mailbox_caller caller = secure_caller(secure, mailbox, member);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	int r = tacit_mailbox_fetch(mailbox, &caller, secure_told(says), &message);

	return r < 0 ? r : member_step(secure, member, says, message.data, message.len);
}

/* Admits and commits one message alone: what the host would be told, or the error on the way. */
static inline int secure_put(const struct secure *secure, struct tacit_mailbox *mailbox,
			     const struct member *member, enum tacit_secagg_type type,
			     const uint8_t *data, size_t len, enum tacit_secagg_reason *why)
{
	struct tacit_mailbox_caller caller = secure_caller(secure, mailbox, member);
	struct tacit_mailbox_message message;
	int r = tacit_mailbox_admit(mailbox, &caller, type, data, len, &message, why);

	if (r == 0)
		r = tacit_mailbox_commit(mailbox, &message, 1);
	return r < 0 ? r : message.result;
}

static inline int secure_say(const struct secure *secure, struct tacit_mailbox *mailbox,
			     const struct member *member, enum tacit_secagg_type type)
{
	return secure_put(secure, mailbox, member, type, member->step.message,
			  member->step.message_len, NULL);
}

/* The keeper's step of every group; the last phase's is the sum. */
static inline void secure_advance(struct secure *secure)
{
	for (uint32_t group = 0; group < secure->round.groups; group++) {
		struct tacit_cohort cohort;

		FLEET_MUST(tacit_cohort_get(secure->fleet.db, secure->round.doc.round, group,
					    &cohort));
		if (cohort.phase == TACIT_COHORT_ANSWERS)
			FLEET_MUST(tacit_cohort_finish(secure->fleet.db, secure->fleet.ca,
						       &secure->round, &cohort, 1, true));
		else
			FLEET_MUST(tacit_cohort_advance(secure->fleet.db, secure->fleet.ca,
							&secure->round, &cohort, true));
	}
}

/* The messages of the hosts from @first on, in turns to two workers; CONSENT has its end with
 * ANSWER. */
static inline void secure_phase(struct secure *secure, struct tacit_mailbox *const worker[2],
				size_t first, enum tacit_secagg_type type)
{
	for (size_t i = first; i < secure->n; i++)
		CU_ASSERT_EQUAL(secure_hear(secure, worker[(i + 1) % 2], &secure->member[i], type),
				0);
	for (size_t i = first; i < secure->n; i++)
		CU_ASSERT_EQUAL(secure_say(secure, worker[i % 2], &secure->member[i], type), 1);
	if (type != TACIT_SECAGG_CONSENT)
		secure_advance(secure);
}

/* Is the sum of all groups that of the hosts from @first on? */
static inline void secure_check_sum(struct secure *secure, size_t first)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(secure->fleet.db, "SELECT sum FROM cohort WHERE round = ?", "i",
			       (int64_t)secure->round.doc.round);
	uint32_t n = secure->round.doc.dimensions;
	TACIT_AUTO_FREE uint32_t *difference = TACIT_NEW_N(uint32_t, n);
	bool same = true;

	while (tacit_db_step(secure->fleet.db, query) > 0) {
		size_t len;
		const void *sum = tacit_db_column_blob(query, 0, &len);
		struct tacit_reader reader = tacit_reader_init(sum, len);

		CU_ASSERT_EQUAL(len, (size_t)n * 4);
		for (uint32_t i = 0; i < n; i++)
			difference[i] += tacit_read_u32le(&reader);
	}
	for (uint32_t i = 0; i < n; i++) {
		for (size_t j = first; j < secure->n; j++)
			difference[i] -= secure->member[j].value[i];
		same = same && difference[i] == 0;
	}
	CU_ASSERT(same);
}

#endif /* TACIT_TESTS_SECURE_FLEET_H */
