/* SPDX-License-Identifier: MIT */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/bytes.h>
#include <tacit/clock.h>
#include <tacit/x509.h>

#include "chain.h"
#include "fairness.h"
#include "hosts.h"
#include "metrics.h"
#include "release.h"
#include "round.h"
#include "tasks.h"
#include "tokens.h"

#define ROUNDS_DEFAULT 20
#define ROUNDS_MAX     10000

/* What a handler is given beside the verb. */
struct ask {
	const struct tacit_answers *with;
	const json_t *request;
	char *why;
	size_t size;
};

static int refuse(const struct ask *ask, int r, const char *why)
{
	(void)snprintf(ask->why, ask->size, "%s", why);
	return r;
}

static int reply(json_t *document, json_t **ret)
{
	if (!document)
		return -ENOMEM;
	*ret = document;
	return 0;
}

/* A whole number of the request within @min..@max; @fallback when it is missing, unless that is
 * negative. */
static int get_int(const struct ask *ask, const char *name, int64_t min, int64_t max,
		   int64_t fallback, int64_t *ret)
{
	const json_t *member = json_object_get(ask->request, name);
	int64_t value = member ? json_integer_value(member) : fallback;

	if ((member && !json_is_integer(member)) || value < min || value > max) {
		(void)snprintf(ask->why, ask->size, "%s must be a number from %lld to %lld", name,
			       (long long)min, (long long)max);
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

static int token_create(const struct ask *ask, json_t **ret)
{
	struct tacit_token_order order = {
		.url = ask->with->url,
		.pin = tacit_ca_pin(ask->with->ca),
		.labels = json_object_get(ask->request, "labels"),
	};
	char text[TACIT_TOKEN_TEXT_MAX];
	int64_t uses, id;
	int r = get_int(ask, "uses", 1, TACIT_TOKEN_USES_MAX, -1, &uses);

	if (r == 0)
		r = get_int(ask, "ttl_sec", 1, (int64_t)TACIT_TOKEN_TTL_SEC_MAX, -1,
			    &order.ttl_sec);
	if (r < 0)
		return r;
	order.uses = (uint32_t)uses;
	r = tacit_tokens_create(ask->with->db, ask->with->random, &order, ask->with->wall_ms(),
				text, &id);
	if (r == 0)
		r = reply(json_pack("{s:s, s:I, s:s}", "token", text, "id", (json_int_t)id, "url",
				    order.url),
			  ret);
	explicit_bzero(text, sizeof(text));
	return r == TACIT_ESCHEMA ? refuse(ask, r, "labels must be a few short NAME=VALUE pairs")
				  : r;
}

static int token_list(const struct ask *ask, json_t **ret)
{
	json_t *tokens;
	int r = tacit_tokens_list(ask->with->db, ask->with->wall_ms(), &tokens);

	return r < 0 ? r : reply(json_pack("{s:o}", "tokens", tokens), ret);
}

static int token_revoke(const struct ask *ask, json_t **ret)
{
	int64_t id;
	int r = get_int(ask, "id", 1, INT64_MAX, -1, &id);

	if (r == 0)
		r = tacit_tokens_revoke(ask->with->db, id, ask->with->wall_ms());
	if (r == -ENOENT)
		return refuse(ask, r, "there is no such token");
	return r < 0 ? r : reply(json_pack("{s:I}", "id", (json_int_t)id), ret);
}

static int hosts_list(const struct ask *ask, json_t **ret)
{
	json_t *hosts;
	int r = tacit_hosts_list(ask->with->db, &hosts);

	return r < 0 ? r : reply(json_pack("{s:o}", "hosts", hosts), ret);
}

static int hosts_show(const struct ask *ask, json_t **ret)
{
	const char *id = json_string_value(json_object_get(ask->request, "id"));
	TACIT_CLEANUP(json_decrefp) json_t *hosts = NULL;
	json_t *host;
	size_t i;
	int r = tacit_hosts_list(ask->with->db, &hosts);

	if (r < 0)
		return r;
	json_array_foreach (hosts, i, host)
		if (id && strcmp(json_string_value(json_object_get(host, "id")), id) == 0)
			return reply(json_pack("{s:O}", "host", host), ret);
	return refuse(ask, -ENOENT, "there is no such host");
}

static int hosts_revoke(const struct ask *ask, json_t **ret)
{
	const char *id = json_string_value(json_object_get(ask->request, "id"));
	int r = id ? tacit_hosts_revoke(ask->with->db, id, ask->with->wall_ms()) : -ENOENT;

	if (r == -ENOENT)
		return refuse(ask, r, "there is no such host");
	return r < 0 ? r : reply(json_pack("{s:s}", "id", id), ret);
}

static int rounds_list(const struct ask *ask, json_t **ret)
{
	json_t *rounds;
	int64_t limit;
	int r = get_int(ask, "limit", 1, ROUNDS_MAX, ROUNDS_DEFAULT, &limit);

	if (r == 0)
		r = tacit_round_list(ask->with->db, (unsigned)limit, &rounds);
	return r < 0 ? r : reply(json_pack("{s:o}", "rounds", rounds), ret);
}

static int rounds_show(const struct ask *ask, json_t **ret)
{
	json_t *round;
	int64_t number;
	int r = get_int(ask, "round", 1, INT64_MAX, -1, &number);

	if (r == 0)
		r = tacit_round_show(ask->with->db, (uint64_t)number, &round);
	if (r == -ENOENT)
		return refuse(ask, r, "there is no such round");
	return r < 0 ? r : reply(json_pack("{s:o}", "round", round), ret);
}

static int rounds_open(const struct ask *ask, json_t **ret)
{
	bool evaluate = json_is_true(json_object_get(ask->request, "evaluate"));
	uint64_t round;
	int r = (evaluate ? tacit_round_open_evaluation : tacit_round_open)(
		ask->with->db, ask->with->ca, ask->with->wall_ms(), &round);

	if (r == TACIT_ESTALE)
		return refuse(ask, r, "nothing is released yet that hosts could evaluate");
	if (r == -EBUSY)
		return refuse(ask, r, "a round is collecting already");
	if (r == -ENOENT)
		return refuse(ask, r, "there is no task");
	return r < 0 ? r : reply(json_pack("{s:I}", "round", (json_int_t)round), ret);
}

static int task_show(const struct ask *ask, json_t **ret)
{
	return tacit_tasks_show(ask->with->db, ret);
}

/* Lays the changes over the task as it is; the whole is then checked as one. */
static int task_set(const struct ask *ask, json_t **ret)
{
	TACIT_CLEANUP(json_decrefp) json_t *shown = NULL;
	json_t *changes = json_object_get(ask->request, "changes"), *task, *unused;
	const char *name;
	uint64_t version;
	char *text;
	int r = tacit_tasks_show(ask->with->db, &shown);

	if (r < 0)
		return r;
	if (json_object_size(changes) == 0)
		return refuse(ask, -EINVAL, "no changes");
	task = json_object_get(shown, "task");
	json_object_foreach (changes, name, unused)
		if (!json_object_get(task, name)) {
			(void)snprintf(ask->why, ask->size, "a task has no \"%.32s\"", name);
			return -EINVAL;
		}
	text = json_object_update(task, changes) < 0 ? NULL : json_dumps(task, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	r = tacit_tasks_set(ask->with->db, ask->with->ca, text, strlen(text), ask->with->wall_ms(),
			    &version, ask->why, ask->size);
	free(text);
	return r < 0 ? r : tacit_tasks_show(ask->with->db, ret);
}

static int fairness(const struct ask *ask, json_t **ret)
{
	return tacit_fairness_show(ask->with->db, ret);
}

static int privacy(const struct ask *ask, json_t **ret)
{
	return tacit_round_privacy(ask->with->db, ret);
}

/* The enrolment log, walked from end to end. */
static json_t *describe_log(struct tacit_db *db)
{
	uint8_t head[TACIT_CHAIN_LEN] = { 0 };
	char hex[2 * TACIT_CHAIN_LEN + 1];
	uint64_t n = 0;
	int r = tacit_chain_verify(db, &n, head);

	if (r < 0 && r != TACIT_EDAMAGED)
		return json_null();
	tacit_hex_encode(head, sizeof(head), hex);
	return json_pack("{s:I, s:b, s:s}", "entries", (json_int_t)n, "intact", r == 0, "head",
			 hex);
}

static json_t *describe_release(struct tacit_db *db)
{
	uint8_t sha256[TACIT_DIGEST_LEN];
	char hex[2 * TACIT_DIGEST_LEN + 1];
	uint64_t version = 0;

	if (tacit_release_newest(db, &version, sha256) < 0 || version == 0)
		return json_null();
	tacit_hex_encode(sha256, sizeof(sha256), hex);
	return json_pack("{s:I, s:s}", "version", (json_int_t)version, "sha256", hex);
}

static json_t *describe_round(const struct tacit_metrics_fleet *fleet)
{
	if (fleet->round == 0)
		return json_null();
	return json_pack("{s:I, s:I}", "round", (json_int_t)fleet->round, "updates",
			 (json_int_t)fleet->round_updates);
}

static json_t *describe_program(const struct tacit_answers *with)
{
	char pin[2 * TACIT_FINGERPRINT_LEN + 1], started[TACIT_RFC3339_LEN];

	tacit_hex_encode(tacit_ca_pin(with->ca), TACIT_FINGERPRINT_LEN, pin);
	tacit_clock_rfc3339(with->started_ms, started);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:{s:I, s:I}}", "version", TACIT_VERSION,
			 "pid", (int)with->supervisor, "started", started, "listen", with->listen,
			 "url", with->url, "ca", pin, "workers", "configured",
			 (json_int_t)with->workers, "ready",
			 (json_int_t)tacit_metrics_workers_ready(with->board, with->workers));
}

static json_t *describe_fleet(struct tacit_db *db, const struct tacit_metrics_fleet *fleet)
{
	return json_pack("{s:{s:I, s:I}, s:o, s:o, s:o, s:I}", "hosts", "enrolled",
			 (json_int_t)fleet->hosts_enrolled, "revoked",
			 (json_int_t)fleet->hosts_revoked, "log", describe_log(db), "release",
			 describe_release(db), "round", describe_round(fleet), "database_bytes",
			 (json_int_t)fleet->database_bytes);
}

static json_t *describe_traffic(const struct tacit_board *board)
{
	struct tacit_board_figures sum;

	tacit_board_sum(board, &sum);
	return json_pack("{s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I, s:I}}", "http",
			 "connections", (json_int_t)sum.http.connections_open, "requests",
			 (json_int_t)sum.http.requests, "refused", (json_int_t)sum.http.refused,
			 "timeouts", (json_int_t)sum.http.timeouts, "handshake_failures",
			 (json_int_t)sum.http.handshake_failures, "updates", "accepted",
			 (json_int_t)sum.routes.updates_accepted, "repeated",
			 (json_int_t)sum.routes.updates_repeated, "conflicting",
			 (json_int_t)sum.routes.updates_conflicting, "late",
			 (json_int_t)sum.routes.updates_late, "refused",
			 (json_int_t)sum.routes.updates_refused);
}

static int status(const struct ask *ask, json_t **ret)
{
	TACIT_CLEANUP(json_decrefp) json_t *traffic = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *fleet = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *document = NULL;
	struct tacit_metrics_fleet figures = { 0 };
	int r = tacit_metrics_read(ask->with->db, &figures);

	if (r < 0)
		return r;
	document = describe_program(ask->with);
	fleet = describe_fleet(ask->with->db, &figures);
	traffic = describe_traffic(ask->with->board);
	if (json_object_update(document, fleet) < 0 || json_object_update(document, traffic) < 0)
		return -ENOMEM;
	return reply(TACIT_TAKE(document), ret);
}

int tacit_answers_give(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
		       size_t size)
{
	static const struct {
		const char *verb;
		int (*give)(const struct ask *ask, json_t **ret);
	} table[] = {
		{ "token create", token_create }, { "token list", token_list },
		{ "token revoke", token_revoke }, { "hosts list", hosts_list },
		{ "hosts show", hosts_show },	  { "hosts revoke", hosts_revoke },
		{ "rounds list", rounds_list },	  { "rounds show", rounds_show },
		{ "rounds open", rounds_open },	  { "task show", task_show },
		{ "task set", task_set },	  { "fairness", fairness },
		{ "privacy", privacy },		  { "status", status },
	};
	const struct ask ask = { .with = (const struct tacit_answers *)ctx,
				 .request = request,
				 .why = why,
				 .size = size };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++)
		if (strcmp(table[i].verb, verb) == 0)
			return table[i].give(&ask, ret);
	return -ENOSYS;
}
