/* SPDX-License-Identifier: MIT */
/*
 * A participant alone in the world: the network is a record of what it asks and a function that
 * answers, time is a number, the aggregator is a key and a certificate.
 */
#ifndef TACIT_TESTS_PARTICIPANT_WORLD_H
#define TACIT_TESTS_PARTICIPANT_WORLD_H

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include <tacit/clock.h>
#include <tacit/feature.h>
#include <tacit/x509.h>

#include "agent/participant.h"
#include "agent/store.h"
#include "unit.h"

#include "seed.h"

#define URL  "https://aggregator.example:8443"
#define HOUR 3600000

struct world {
	EVP_PKEY *ca_key, *next_ca_key;
	X509 *ca, *next_ca;
	struct tacit_identity *identity;
	struct tacit_store *store;
	struct tacit_db *db;
	struct tacit_random *random;
	struct tacit_participant *participant;
	struct tacit_participant_params params;

	/* The network. */
	tacit_uplink_done *done; /* NULL: nothing is asked */
	void *done_ctx;
	char method[8], path[256], if_none_match[130], type[64];
	uint8_t *body;
	size_t body_len;
	const X509 *shown_ca; /* behind a pin */
	bool pinned;	      /* the last identity presented was only a pin */
	uint64_t charged_at_put;
	uint32_t prefer_wait_sec, timeout_ms;
	int send_error;

	/* The fleet. */
	struct tacit_task task;
	struct tacit_round_doc round;

	/* What the rest of the host saw. */
	unsigned contributions, tasks, releases, forgotten;
	uint64_t released_version;
	double released_kappa;
	int contribute_result;
};

static int64_t world_boot = 1000, world_wall = 1790000000000;

static inline int64_t world_boot_ms(void)
{
	return world_boot;
}

static inline int64_t world_wall_ms(void)
{
	return world_wall;
}

static inline void world_pass(int64_t ms)
{
	world_boot += ms;
	world_wall += ms;
}

static const struct tacit_ledger_limits world_limits = { .max_epsilon = 8, .delta = 1e-6 };

static inline uint64_t world_charged(struct world *w)
{
	struct tacit_ledger_totals totals = { 0 };

	CU_ASSERT_EQUAL(tacit_ledger_totals(w->db, &world_limits, &totals), 0);
	return totals.rounds;
}

static inline int world_set_tls(void *ctx, const struct tacit_uplink_tls *tls)
{
	struct world *w = (struct world *)ctx;

	CU_ASSERT_PTR_NULL(w->done);
	w->pinned = tls->pin != NULL;
	CU_ASSERT(w->pinned || (tls->cert_pem && tls->key_pem && tls->ca));
	return 0;
}

static inline int world_send(void *ctx, const struct tacit_uplink_request *request,
			     tacit_uplink_done *done, void *done_ctx)
{
	struct world *w = (struct world *)ctx;

	CU_ASSERT_PTR_NULL(w->done); /* one at a time */
	if (w->send_error)
		return w->send_error;
	(void)snprintf(w->method, sizeof(w->method), "%s", request->method);
	(void)snprintf(w->path, sizeof(w->path), "%s", request->path);
	(void)snprintf(w->type, sizeof(w->type), "%s", request->type ? request->type : "");
	(void)snprintf(w->if_none_match, sizeof(w->if_none_match), "%s",
		       request->if_none_match ? request->if_none_match : "");
	CU_ASSERT(request->answer_max > 0 && request->answer_max <= 2 * TACIT_FLEET_BYTES_MAX);
	w->prefer_wait_sec = request->prefer_wait_sec;
	w->timeout_ms = request->timeout_ms;
	free(w->body);
	w->body = (uint8_t *)malloc(request->body_len + 1);
	if (request->body_len)
		memcpy(w->body, request->body, request->body_len);
	w->body[request->body_len] = '\0';
	w->body_len = request->body_len;
	w->done = done;
	w->done_ctx = done_ctx;
	if (strstr(w->path, "/update") || strstr(w->path, "/masked"))
		w->charged_at_put = world_charged(w);
	return 0;
}

static inline void world_cancel(void *ctx)
{
	((struct world *)ctx)->done = NULL;
}

static inline const X509 *world_shown_ca(void *ctx)
{
	return ((struct world *)ctx)->shown_ca;
}

static const struct tacit_transport world_transport = {
	.set_tls = world_set_tls,
	.send = world_send,
	.cancel = world_cancel,
	.ca = world_shown_ca,
};

static inline void world_on_task(void *ctx, const struct tacit_task *task)
{
	struct world *w = (struct world *)ctx;

	CU_ASSERT(task->n_classes >= 1);
	w->tasks++;
}

static inline int world_on_contribute(void *ctx, const struct tacit_fleet *reference, double *out)
{
	struct world *w = (struct world *)ctx;

	w->contributions++;
	for (size_t i = 0; i < tacit_fleet_dimensions(reference); i++) {
		CU_ASSERT_EQUAL(out[i], 0);
		out[i] = 0.01;
	}
	return w->contribute_result;
}

static inline void world_on_released(void *ctx, struct tacit_fleet *fleet, double kappa)
{
	struct world *w = (struct world *)ctx;

	if (fleet) {
		w->releases++;
		w->released_version = tacit_fleet_head(fleet)->version;
		w->released_kappa = kappa;
	} else {
		w->forgotten++;
	}
	tacit_fleet_free(fleet);
}

static const struct tacit_participant_ops world_ops = {
	.task = world_on_task,
	.contribute = world_on_contribute,
	.released = world_on_released,
};

/* What an aggregator with this CA answers to a request with a CSR in it; owned by the caller. */
static inline char *world_certify(struct world *w, X509 *ca, EVP_PKEY *ca_key, const char *body,
				  int64_t valid_sec)
{
	const char *host = tacit_identity_host(w->identity);
	json_t *asked = json_loads(body, 0, NULL), *reply;
	const char *csr = json_string_value(json_object_get(asked, "csr"));
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	TACIT_AUTO_FREE char *cert_pem = NULL;
	TACIT_AUTO_FREE char *ca_pem = NULL;
	char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(csr);
	CU_ASSERT_EQUAL_FATAL(tacit_csr_parse(csr, strlen(csr), &key), 0);
	CU_ASSERT_EQUAL_FATAL(
		tacit_ca_issue(ca, ca_key, key, TACIT_CERT_HOST, host, NULL, valid_sec, &cert), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(cert, &cert_pem), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(ca, &ca_pem), 0);
	reply = json_pack("{s:s, s:s, s:s}", "host", host, "certificate", cert_pem, "ca", ca_pem);
	text = json_dumps(reply, 0);
	json_decref(reply);
	json_decref(asked);
	return text;
}

static inline void world_enrol(struct world *w, int64_t valid_sec)
{
	TACIT_AUTO_FREE char *body = NULL;
	char *reply;

	CU_ASSERT_EQUAL_FATAL(tacit_identity_renew_body(w->identity, &body), 0);
	reply = world_certify(w, w->ca, w->ca_key, body, valid_sec);
	CU_ASSERT_EQUAL_FATAL(
		tacit_identity_adopt(w->identity, URL, w->ca, reply, strlen(reply), NULL, 0), 0);
	free(reply);
}

/* A participant on what is there, as after a restart. */
static inline void world_restart(struct world *w)
{
	tacit_participant_free(w->participant);
	w->participant = NULL;
	CU_ASSERT_EQUAL_FATAL(tacit_participant_new(&w->params, &w->participant), 0);
	tacit_participant_start(w->participant, 0);
}

static inline void world_init(struct world *w)
{
	const struct tacit_store_params store = { .path = ":memory:" };

	*w = (struct world){ .contribute_result = 1 };
	world_wall = tacit_clock_wall_ms();
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&w->ca_key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(w->ca_key, "CA", 30, &w->ca), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&w->next_ca_key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(w->next_ca_key, "next CA", 30, &w->next_ca), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &w->identity), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_store_open(&store, &w->store), 0);
	w->db = tacit_store_db(w->store);
	w->random = seeded_random();
	w->shown_ca = w->ca;
	w->params = (struct tacit_participant_params){
		.transport = &world_transport,
		.transport_ctx = w,
		.identity = w->identity,
		.db = w->db,
		.random = w->random,
		.space = tacit_feature_space(),
		.floors = { .budget = world_limits, .min_noise_multiplier = 0.3, .min_cohort = 2 },
		.ops = &world_ops,
		.ctx = w,
		.wall_ms = world_wall_ms,
		.boot_ms = world_boot_ms,
		.quiet = true,
	};
	CU_ASSERT_EQUAL_FATAL(tacit_feature_schema(w->params.schema), 0);
	tacit_task_init(&w->task, w->params.schema);
	w->task.min_cohort = 2;
	w->round = (struct tacit_round_doc){ .round = 1,
					     .mode = TACIT_MODE_LOCAL,
					     .clip_norm = w->task.clip_norm,
					     .noise_multiplier = w->task.noise_multiplier,
					     .min_cohort = 2,
					     .left_ms = 20000 };
}

/* And enrolled, with the task digest and dimensions in the round document. */
static inline struct tacit_fleet *world_fleet(struct world *w);

static inline void world_begin(struct world *w)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;

	world_init(w);
	world_enrol(w, 7 * 86400);
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w->task, w->round.task), 0);
	fleet = world_fleet(w);
	w->round.dimensions = (uint32_t)tacit_fleet_dimensions(fleet);
	world_restart(w);
}

static inline void world_done(struct world *w)
{
	tacit_participant_free(w->participant);
	tacit_identity_free(w->identity);
	tacit_store_close(w->store);
	tacit_random_free(w->random);
	tacit_key_free(w->ca_key);
	tacit_cert_free(w->ca);
	tacit_key_free(w->next_ca_key);
	tacit_cert_free(w->next_ca);
	free(w->body);
}

static inline struct tacit_fleet *world_fleet(struct world *w)
{
	const char *classes[] = { w->task.class[0] };
	struct tacit_fleet *fleet = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(tacit_model_kind_find("gaussian"),
					      tacit_feature_space(), classes, 1, &fleet),
			      0);
	return fleet;
}

/* A signed release; @writer has its bytes. */
static inline void world_sign(struct world *w, EVP_PKEY *key, uint64_t version, uint64_t round,
			      struct tacit_writer *writer)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = world_fleet(w);
	struct tacit_fleet_head head = { .version = version, .round = round, .created_ms = 5 };
	uint8_t sig[TACIT_SIGNATURE_MAX];
	size_t len = 0;

	memcpy(head.schema, w->params.schema, sizeof(head.schema));
	tacit_fleet_set_head(fleet, &head);
	tacit_fleet_encode(fleet, writer);
	CU_ASSERT_EQUAL_FATAL(tacit_key_sign(key, writer->data, writer->len, sig, &len), 0);
	tacit_write_u16le(writer, (uint16_t)len);
	tacit_write_bytes(writer, sig, len);
	CU_ASSERT_FALSE_FATAL(writer->failed);
}

/* Turns the clock until something is asked; returns how long that took. */
static inline int64_t world_wait(struct world *w)
{
	int64_t waited = 0;

	for (int i = 0; i < 1000 && !w->done; i++) {
		int64_t wait = tacit_participant_wake(w->participant);

		if (w->done || wait < 0)
			break;
		world_pass(wait);
		waited += wait;
	}
	return waited;
}

/* The next thing asked is this; true when it is. */
static inline bool world_asks(struct world *w, const char *method, const char *path)
{
	(void)world_wait(w);
	if (!w->done || strcmp(w->method, method) != 0 || strcmp(w->path, path) != 0) {
		printf("# expected %s %s, asked %s %s\n", method, path, w->done ? w->method : "-",
		       w->done ? w->path : "nothing");
		return false;
	}
	return true;
}

static inline void world_tell(struct world *w, const struct tacit_uplink_result *result)
{
	tacit_uplink_done *done = w->done;
	struct tacit_uplink_result full = *result;

	CU_ASSERT_PTR_NOT_NULL_FATAL(done);
	full.detail = full.detail ? full.detail : "";
	full.type = full.type ? full.type : "";
	full.etag = full.etag ? full.etag : "";
	w->done = NULL;
	done(w->done_ctx, &full);
}

static inline void world_answer(struct world *w, int status, const char *type, const void *body,
				size_t len)
{
	const struct tacit_uplink_result result = {
		.status = status, .type = type, .body = body, .body_len = len
	};

	world_tell(w, &result);
}

/* An error, and what the aggregator says of it. */
static inline void world_answer_problem(struct world *w, int status, const char *detail)
{
	struct tacit_uplink_result result = { .status = status,
					      .type = TACIT_TYPE_PROBLEM,
					      .problem = { .status = status } };

	(void)snprintf(result.problem.detail, sizeof(result.problem.detail), "%s", detail);
	world_tell(w, &result);
}

static inline void world_answer_wait(struct world *w, int status, int64_t retry_after_ms)
{
	const struct tacit_uplink_result result = { .status = status,
						    .retry_after_ms = retry_after_ms };

	world_tell(w, &result);
}

static inline void world_break(struct world *w, int error)
{
	const struct tacit_uplink_result result = { .error = error, .detail = "it broke" };

	world_tell(w, &result);
}

static inline void world_answer_task(struct world *w)
{
	TACIT_AUTO_FREE char *json = tacit_task_format(&w->task);

	world_answer(w, 200, TACIT_TYPE_JSON, json, strlen(json));
}

static inline void world_answer_round(struct world *w)
{
	TACIT_AUTO_FREE char *json = tacit_round_format(&w->round);

	world_answer(w, 200, TACIT_TYPE_JSON, json, strlen(json));
}

static inline void world_answer_release(struct world *w, uint64_t version, uint64_t round)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };

	world_sign(w, w->ca_key, version, round, &writer);
	CU_ASSERT_EQUAL_FATAL(tacit_sha256(writer.data, writer.len, w->round.model), 0);
	w->round.model_version = version;
	world_answer(w, 200, TACIT_TYPE_MODEL, writer.data, writer.len);
}

/* Answers what is asked on the way, with nothing new, until this is asked. */
static inline bool world_gets_to(struct world *w, const char *method, const char *path)
{
	for (int i = 0; i < 100; i++) {
		(void)world_wait(w);
		if (!w->done)
			break;
		if (strcmp(w->method, method) == 0 && strcmp(w->path, path) == 0)
			return true;
		if (strcmp(w->path, "/v1/task") == 0)
			world_answer_task(w);
		else if (strcmp(w->path, "/v1/models/latest") == 0)
			world_answer(w, w->if_none_match[0] ? 304 : 404, NULL, NULL, 0);
		else if (strcmp(w->path, "/v1/rounds/current") == 0)
			world_answer_wait(w, 204, HOUR);
		else
			break;
	}
	return world_asks(w, method, path);
}

/* From the beginning up to the question for a round. */
static inline void world_to_round(struct world *w)
{
	CU_ASSERT(world_asks(w, "GET", "/v1/task"));
	world_answer_task(w);
	CU_ASSERT(world_asks(w, "GET", "/v1/models/latest"));
	world_answer(w, 404, NULL, NULL, 0);
	CU_ASSERT_FATAL(world_asks(w, "GET", "/v1/rounds/current"));
}

static inline struct tacit_participant_status world_status(struct world *w)
{
	struct tacit_participant_status status;

	tacit_participant_status(w->participant, &status);
	return status;
}

#endif /* TACIT_TESTS_PARTICIPANT_WORLD_H */
