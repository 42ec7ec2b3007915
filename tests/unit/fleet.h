/* SPDX-License-Identifier: MIT */
/* An aggregator's state in a temporary folder: database, CA, randomness, hosts without keys. */
#ifndef TACIT_TESTS_FLEET_H
#define TACIT_TESTS_FLEET_H

#include <inttypes.h>
#include <stdarg.h>

#include <sqlite3.h>

#include <tacit/feature.h>
#include <tacit/random.h>
#include <tacit/wire.h>

#include "aggregator/ca.h"
#include "aggregator/fleetdb.h"
#include "aggregator/partial.h"
#include "aggregator/round.h"
#include "aggregator/tasks.h"

#include "place.h"

#define FLEET_NOW INT64_C(1795478400000) /* 2026-11-24 */

struct fleet {
	struct place place;
	struct tacit_db *db;
	struct tacit_ca *ca;
	struct tacit_random *random;
};

static inline void fleet_must(int r, const char *what)
{
	if (r >= 0)
		return;
	printf("# %s: %s\n", what, tacit_strerror(r));
	abort();
}
#define FLEET_MUST(call) fleet_must((call), #call)

static inline struct tacit_db *fleet_connect(struct fleet *fleet)
{
	struct tacit_db *db = NULL;

	FLEET_MUST(tacit_fleetdb_open(place_file(&fleet->place, "fleet.db"), &db));
	return db;
}

static inline struct fleet fleet_new(void)
{
	static const uint8_t seed[32] = "the same every time";
	struct fleet fleet = { .place = place_new() };
	const struct tacit_ca_params params = { .dir = fleet.place.folder,
						.names = "localhost,127.0.0.1",
						.host_cert_sec = 7 * 86400,
						.server_cert_sec = 90 * 86400 };

	fleet.db = fleet_connect(&fleet);
	FLEET_MUST(tacit_ca_open(&params, FLEET_NOW, &fleet.ca));
	FLEET_MUST(tacit_random_new(seed, &fleet.random));
	FLEET_MUST(tacit_tasks_start(fleet.db, fleet.ca, FLEET_NOW));
	return fleet;
}

static inline void fleet_done(struct fleet *fleet)
{
	tacit_random_free(fleet->random);
	tacit_ca_free(fleet->ca);
	tacit_db_close(fleet->db);
	place_done(&fleet->place);
}

#define FLEET(name) TACIT_CLEANUP(fleet_done) struct fleet name = fleet_new()

/* The first column of the first row; -1 when there is none. */
static inline int64_t fleet_int(struct fleet *fleet, const char *sql)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(fleet->db, sql, "");

	return tacit_db_step(fleet->db, query) > 0 ? tacit_db_column_int(query, 0) : -1;
}

/* A task that rounds of a few hosts can serve. */
static inline struct tacit_task fleet_task(void)
{
	struct tacit_task task;
	uint8_t schema[TACIT_DIGEST_LEN];

	FLEET_MUST(tacit_feature_schema(schema));
	tacit_task_init(&task, schema);
	task.mode = TACIT_TASK_LOCAL;
	task.min_cohort = 2;
	task.round_sec = 60;
	task.collect_sec = 20;
	return task;
}

static inline int fleet_set_task(struct fleet *fleet, const struct tacit_task *task)
{
	TACIT_AUTO_FREE char *text = tacit_task_format(task);
	uint64_t version;

	return tacit_tasks_set(fleet->db, fleet->ca, text, strlen(text), FLEET_NOW, &version, NULL,
			       0);
}

/* Enrols a host without a key; its number. */
static inline int64_t fleet_host(struct fleet *fleet)
{
	char id[2 * 16 + 1];
	uint8_t key[32];

	tacit_random_bytes(fleet->random, key, sizeof(key));
	tacit_hex_encode(key, 16, id);
	FLEET_MUST(tacit_db_run(fleet->db,
				"INSERT OR IGNORE INTO token(id, secret, uses, created_ms,"
				" expires_ms, labels) VALUES(1, x'00', 1, 0, 0, '{}')",
				""));
	FLEET_MUST(tacit_db_run(fleet->db,
				"INSERT INTO host(id, fingerprint, token, labels, enrolled_ms,"
				" renewed_ms, certificate) VALUES(?, ?, 1, '{}', 0, 0, x'00')",
				"tb", id, key, sizeof(key)));
	return tacit_db_last_id(fleet->db);
}

static inline struct tacit_round fleet_round(struct fleet *fleet)
{
	struct tacit_round round;
	uint64_t number;

	FLEET_MUST(tacit_round_open(fleet->db, fleet->ca, FLEET_NOW, &number));
	FLEET_MUST(tacit_round_get(fleet->db, number, &round));
	return round;
}

/* An update as it travels. */
struct body {
	uint8_t *data;
	size_t len;
};

static inline void body_done(struct body *body)
{
	tacit_free(body->data);
}

#define BODY TACIT_CLEANUP(body_done) struct body

static inline struct body body_of(const struct tacit_round_doc *round, const uint32_t *value)
{
	struct tacit_update_head head = { .mode = round->mode,
					  .round = round->round,
					  .dimensions = round->dimensions };
	struct tacit_writer writer = { 0 };
	struct body body;

	memcpy(head.task, round->task, sizeof(head.task));
	memcpy(head.model, round->model, sizeof(head.model));
	tacit_update_encode(&head, value, &writer);
	FLEET_MUST(tacit_writer_take(&writer, &body.data, &body.len));
	return body;
}

/* Every number @value + its index: sums are easily told. */
static inline struct body body_ramp(const struct tacit_round_doc *round, uint32_t value)
{
	TACIT_AUTO_FREE uint32_t *ramp = TACIT_NEW_N(uint32_t, round->dimensions);

	for (uint32_t i = 0; i < round->dimensions; i++)
		ramp[i] = value + i;
	return body_of(round, ramp);
}

/* Admits and commits one update alone: what the host would be told, or the error on the way. */
static inline int fleet_send(struct tacit_partial *partial, int64_t host, uint64_t round,
			     const struct body *body)
{
	struct tacit_partial_update update;
	int r = tacit_partial_admit(partial, host, round, body->data, body->len, &update);

	if (r == 0)
		r = tacit_partial_commit(partial, &update, 1);
	return r < 0 ? r : update.result;
}

#endif /* TACIT_TESTS_FLEET_H */
