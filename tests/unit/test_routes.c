/* SPDX-License-Identifier: MIT */
/* The resources, with this file in the place of the HTTP server. */
#include "aggregator/routes.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/x509.h>

#include <tacit/problem.h>

#include "aggregator/hosts.h"
#include "aggregator/release.h"
#include "aggregator/tokens.h"

#include "fleet.h"
#include "unit.h"

#define HEADERS 4

struct tacit_http_exchange {
	const char *path;
	const X509 *peer;
	const char *if_none_match;
	const void *body;
	size_t len;
	int status; /* 0: not answered yet */
	int answers;
	char type[64];
	char *answer;
	size_t answer_len;
	char header[HEADERS][2][96];
	size_t n_headers;
};

static void exchange_done(struct tacit_http_exchange *exchange)
{
	tacit_free(exchange->answer);
}

#define EXCHANGE TACIT_CLEANUP(exchange_done) struct tacit_http_exchange

const char *tacit_http_path(const struct tacit_http_exchange *exchange)
{
	return exchange->path;
}

const char *tacit_http_header(const struct tacit_http_exchange *exchange, const char *name)
{
	return strcmp(name, "If-None-Match") == 0 ? exchange->if_none_match : NULL;
}

const void *tacit_http_body(const struct tacit_http_exchange *exchange, size_t *ret_len)
{
	*ret_len = exchange->len;
	return exchange->body;
}

const char *tacit_http_peer_address(const struct tacit_http_exchange *exchange)
{
	(void)exchange;
	return "192.0.2.1";
}

const X509 *tacit_http_peer(const struct tacit_http_exchange *exchange)
{
	return exchange->peer;
}

void tacit_http_set_header(struct tacit_http_exchange *exchange, const char *name,
			   const char *value)
{
	CU_ASSERT_FATAL(exchange->n_headers < HEADERS);
	(void)snprintf(exchange->header[exchange->n_headers][0], 96, "%s", name);
	(void)snprintf(exchange->header[exchange->n_headers++][1], 96, "%s", value);
}

void tacit_http_reply(struct tacit_http_exchange *exchange, int status, const char *type,
		      const void *body, size_t len)
{
	exchange->answers++;
	exchange->status = status;
	(void)snprintf(exchange->type, sizeof(exchange->type), "%s", type ? type : "");
	tacit_free(exchange->answer);
	exchange->answer_len = type ? len : 0;
	exchange->answer = (char *)malloc(exchange->answer_len + 1); /* does not fail on demand */
	if (exchange->answer_len > 0)
		memcpy(exchange->answer, body, exchange->answer_len);
	exchange->answer[exchange->answer_len] = '\0';
}

void tacit_http_problem(struct tacit_http_exchange *exchange, int status, const char *slug,
			const char *title, const char *format, ...)
{
	TACIT_AUTO_FREE char *text = NULL;

	(void)format;
	text = tacit_problem_format(status, slug, title, "detail");
	tacit_http_reply(exchange, status, "application/problem+json", text ? text : "",
			 text ? strlen(text) : 0);
}

/* An aggregator with one worker, and the clocks it is given. */
struct site {
	struct fleet fleet;
	struct event_base *base;
	struct tacit_routes *routes;
};

static int64_t wall_now, boot_now;

static int64_t wall_ms(void)
{
	return wall_now;
}

static int64_t boot_ms(void)
{
	return boot_now;
}

static struct site site_new(void)
{
	struct site site = { .fleet = fleet_new(), .base = event_base_new() };
	struct tacit_task task = fleet_task();
	const struct tacit_routes_params params = { .base = site.base,
						    .db = site.fleet.db,
						    .ca = site.fleet.ca,
						    .group = 4,
						    .wall_ms = wall_ms,
						    .boot_ms = boot_ms };

	wall_now = FLEET_NOW;
	boot_now = 1000000;
	task.noise_multiplier = 0;
	FLEET_MUST(fleet_set_task(&site.fleet, &task));
	FLEET_MUST(tacit_routes_new(&params, &site.routes));
	return site;
}

static void site_done(struct site *site)
{
	tacit_routes_free(site->routes);
	event_base_free(site->base);
	fleet_done(&site->fleet);
}

#define SITE(name) TACIT_CLEANUP(site_done) struct site name = site_new()

/* As the server does: the longest match counts. */
static void serve(struct site *site, enum tacit_http_method method,
		  struct tacit_http_exchange *exchange)
{
	size_t n, best_len = 0;
	const struct tacit_http_route *table = tacit_routes_table(&n), *best = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(table[i].path);
		bool prefix = table[i].path[len - 1] == '/';

		if (table[i].method == method && len > best_len &&
		    (prefix ? strncmp(table[i].path, exchange->path, len)
			    : strcmp(table[i].path, exchange->path)) == 0) {
			best = &table[i];
			best_len = len;
		}
	}
	if (!best)
		abort();
	CU_ASSERT(best->anonymous || exchange->peer);
	best->handle(site->routes, exchange);
}

/* Lets the group's timer come. */
static void wait_for_group(struct site *site)
{
	(void)event_base_loop(site->base, EVLOOP_ONCE);
}

static bool is_problem(const struct tacit_http_exchange *exchange, int status, const char *slug)
{
	char type[64] = "urn:tacit:problem:";
	struct tacit_problem problem;

	(void)strcat(type, slug);
	return exchange->answers == 1 && exchange->status == status &&
	       strcmp(exchange->type, "application/problem+json") == 0 &&
	       tacit_problem_parse(exchange->answer, exchange->answer_len, &problem) == 0 &&
	       strcmp(problem.type, type) == 0;
}

static const char *header(const struct tacit_http_exchange *exchange, const char *name)
{
	for (size_t i = 0; i < exchange->n_headers; i++)
		if (strcmp(exchange->header[i][0], name) == 0)
			return exchange->header[i][1];
	return "";
}

/* A host, as it is on its own side. */
struct machine {
	EVP_PKEY *key;
	X509 *cert;
	char path[128];
	char *csr;
	uint8_t secret[32];
	char id[64];
};

static void machine_done(struct machine *machine)
{
	tacit_key_free(machine->key);
	tacit_cert_free(machine->cert);
	tacit_free(machine->csr);
}

static struct machine machine_new(struct site *site)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	const struct tacit_token_order order = {
		.url = "https://x", .pin = tacit_ca_pin(site->fleet.ca), .uses = 1, .ttl_sec = 60
	};
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	char text[TACIT_TOKEN_TEXT_MAX], hex[65];
	struct machine machine = { 0 };
	int64_t id;

	FLEET_MUST(tacit_tokens_create(site->fleet.db, site->fleet.random, &order, FLEET_NOW, text,
				       &id));
	FLEET_MUST(tacit_token_parse(text, strlen(text), &token, NULL, 0));
	memcpy(machine.secret, token.secret, sizeof(machine.secret));
	FLEET_MUST(tacit_key_generate(&machine.key));
	FLEET_MUST(tacit_key_fingerprint(machine.key, fingerprint));
	FLEET_MUST(tacit_csr_create(machine.key, &machine.csr));
	tacit_hex_encode(fingerprint, sizeof(fingerprint), hex);
	(void)snprintf(machine.path, sizeof(machine.path), "%s%s", TACIT_PATH_ENROL, hex);
	return machine;
}

#define MACHINE(name, site) TACIT_CLEANUP(machine_done) struct machine name = machine_new(&(site))

static void put_json(struct site *site, struct tacit_http_exchange *exchange, json_t *document)
{
	char *text = json_dumps(document, 0);

	json_decref(document);
	exchange->body = text;
	exchange->len = strlen(text);
	serve(site, TACIT_HTTP_PUT, exchange);
	free(text);
}

static int enrol(struct site *site, struct machine *machine)
{
	EXCHANGE exchange = { .path = machine->path };
	TACIT_CLEANUP(json_decrefp) json_t *answer = NULL;
	char secret[64];
	const char *pem;

	tacit_base64url_encode(machine->secret, sizeof(machine->secret), secret);
	put_json(site, &exchange, json_pack("{s:s, s:s}", "secret", secret, "csr", machine->csr));
	answer = json_loads(exchange.answer, 0, NULL);
	pem = json_string_value(json_object_get(answer, "certificate"));
	if (exchange.status >= 300 || !pem)
		return exchange.status;
	tacit_cert_free(machine->cert);
	FLEET_MUST(tacit_cert_parse(pem, strlen(pem), &machine->cert));
	(void)snprintf(machine->id, sizeof(machine->id), "%s",
		       json_string_value(json_object_get(answer, "host")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "ca")),
			       tacit_ca_pem(site->fleet.ca));
	return exchange.status;
}

static struct machine enrolled(struct site *site)
{
	struct machine machine = machine_new(site);

	CU_ASSERT_EQUAL_FATAL(enrol(site, &machine), 201);
	return machine;
}

#define ENROLLED(name, site) TACIT_CLEANUP(machine_done) struct machine name = enrolled(&(site))

static void test_enrolment(void)
{
	SITE(site);
	MACHINE(machine, site);
	MACHINE(other, site);

	CU_ASSERT_EQUAL(enrol(&site, &machine), 201);
	CU_ASSERT_NSTRING_EQUAL(machine.id, machine.path + strlen(TACIT_PATH_ENROL), 32);
	CU_ASSERT_EQUAL(enrol(&site, &machine), 200);
	memcpy(other.secret, machine.secret, sizeof(other.secret));
	CU_ASSERT_EQUAL(enrol(&site, &other), 403); /* used up */
	other.path[70] = other.path[70] == '0' ? '1' : '0';
	CU_ASSERT_EQUAL(enrol(&site, &other), 422);
	other.path[70] = '\0';
	CU_ASSERT_EQUAL(enrol(&site, &other), 404);
	CU_ASSERT_EQUAL(tacit_hosts_revoke(site.fleet.db, machine.id, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(enrol(&site, &machine), 403);
}

static void test_bodies_that_are_no_good(void)
{
	static const char *const bodies[] = { "", "{", "[]", "{\"csr\": 7}", "\xff\xfe" };
	SITE(site);
	MACHINE(machine, site);
	ENROLLED(host, site);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(bodies); i++) {
		EXCHANGE first = { .path = machine.path,
				   .body = bodies[i],
				   .len = strlen(bodies[i]) };
		EXCHANGE later = { .path = TACIT_PATH_RENEW,
				   .peer = host.cert,
				   .body = bodies[i],
				   .len = strlen(bodies[i]) };

		serve(&site, TACIT_HTTP_PUT, &first);
		CU_ASSERT(is_problem(&first, 400, "malformed"));
		serve(&site, TACIT_HTTP_PUT, &later);
		CU_ASSERT(is_problem(&later, 400, "malformed"));
	}
}

static void test_renewal(void)
{
	SITE(site);
	ENROLLED(machine, site);
	ENROLLED(other, site);
	EXCHANGE good = { .path = TACIT_PATH_RENEW, .peer = machine.cert };
	EXCHANGE stolen = { .path = TACIT_PATH_RENEW, .peer = machine.cert };

	put_json(&site, &good, json_pack("{s:s}", "csr", machine.csr));
	CU_ASSERT_EQUAL(good.status, 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(good.answer, "BEGIN CERTIFICATE"));
	put_json(&site, &stolen, json_pack("{s:s}", "csr", other.csr));
	CU_ASSERT_EQUAL(stolen.status, 422);
}

static void test_who_may_not_speak(void)
{
	static const struct {
		enum tacit_http_method method;
		const char *path;
	} resources[] = {
		{ TACIT_HTTP_PUT, TACIT_PATH_RENEW }, { TACIT_HTTP_GET, TACIT_PATH_TASK },
		{ TACIT_HTTP_GET, TACIT_PATH_ROUND }, { TACIT_HTTP_PUT, "/v1/rounds/1/update" },
		{ TACIT_HTTP_GET, TACIT_PATH_MODEL }, { TACIT_HTTP_GET, "/v1/models/1" },
	};
	SITE(site);
	ENROLLED(revoked, site);
	MACHINE(stranger, site);

	FLEET_MUST(tacit_ca_certify_host(site.fleet.ca, stranger.key, "x", &stranger.cert));
	FLEET_MUST(tacit_hosts_revoke(site.fleet.db, revoked.id, FLEET_NOW));
	for (size_t i = 0; i < TACIT_ARRAY_LEN(resources); i++) {
		EXCHANGE first = { .path = resources[i].path, .peer = stranger.cert };
		EXCHANGE second = { .path = resources[i].path, .peer = revoked.cert };

		serve(&site, resources[i].method, &first);
		CU_ASSERT(is_problem(&first, 403, "not-enrolled"));
		serve(&site, resources[i].method, &second);
		CU_ASSERT(is_problem(&second, 403, "revoked"));
	}
}

static void test_an_old_copy_of_a_certificate(void)
{
	SITE(site);
	ENROLLED(machine, site);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *copy = X509_dup(machine.cert);
	EXCHANGE exchange = { .path = TACIT_PATH_TASK, .peer = copy };

	CU_ASSERT_EQUAL(enrol(&site, &machine), 200);
	CU_ASSERT_EQUAL(enrol(&site, &machine), 200);
	serve(&site, TACIT_HTTP_GET, &exchange);
	CU_ASSERT(is_problem(&exchange, 403, "superseded"));
}

static void test_the_task(void)
{
	SITE(site);
	ENROLLED(machine, site);
	EXCHANGE first = { .path = TACIT_PATH_TASK, .peer = machine.cert };
	EXCHANGE again = { .path = TACIT_PATH_TASK, .peer = machine.cert };
	EXCHANGE other = { .path = TACIT_PATH_TASK,
			   .peer = machine.cert,
			   .if_none_match = "\"0123\"" };
	struct tacit_task task;

	serve(&site, TACIT_HTTP_GET, &first);
	CU_ASSERT_EQUAL(first.status, 200);
	CU_ASSERT_STRING_EQUAL(first.type, TACIT_TYPE_JSON);
	CU_ASSERT_EQUAL(tacit_task_parse(first.answer, first.answer_len, &task, NULL, 0), 0);
	CU_ASSERT_EQUAL(strlen(header(&first, "ETag")), 66);
	CU_ASSERT_EQUAL(header(&first, "ETag")[0], '"');
	again.if_none_match = header(&first, "ETag");
	serve(&site, TACIT_HTTP_GET, &again);
	CU_ASSERT_EQUAL(again.status, 304);
	CU_ASSERT_EQUAL(again.answer_len, 0);
	CU_ASSERT_STRING_EQUAL(header(&again, "ETag"), header(&first, "ETag"));
	serve(&site, TACIT_HTTP_GET, &other);
	CU_ASSERT_EQUAL(other.status, 200);
}

static int get_round(struct site *site, struct machine *machine, struct tacit_round_doc *ret)
{
	EXCHANGE exchange = { .path = TACIT_PATH_ROUND, .peer = machine->cert };

	serve(site, TACIT_HTTP_GET, &exchange);
	if (exchange.status == 200)
		FLEET_MUST(tacit_round_parse(exchange.answer, exchange.answer_len, ret, NULL, 0));
	else if (exchange.status == 204)
		ret->left_ms = (uint32_t)atoi(header(&exchange, "Retry-After"));
	return exchange.status;
}

/* Starts a PUT; answered when its group is committed. */
static void put_update(struct site *site, struct machine *machine, const char *path,
		       const struct body *body, struct tacit_http_exchange *exchange)
{
	exchange->path = path;
	exchange->peer = machine->cert;
	exchange->body = body->data;
	exchange->len = body->len;
	serve(site, TACIT_HTTP_PUT, exchange);
}

static int put(struct site *site, struct machine *machine, const struct body *body)
{
	EXCHANGE exchange = { 0 };

	put_update(site, machine, "/v1/rounds/1/update", body, &exchange);
	if (!exchange.status)
		wait_for_group(site);
	CU_ASSERT_EQUAL(exchange.answers, 1);
	return exchange.status;
}

static void test_rounds(void)
{
	SITE(site);
	ENROLLED(machine, site);
	struct tacit_round_doc doc = { 0 };
	struct tacit_round round;

	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 204);
	CU_ASSERT_EQUAL(doc.left_ms, 1); /* the first may begin at any moment */
	round = fleet_round(&site.fleet);
	wall_now += 5000;
	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 200);
	CU_ASSERT_EQUAL(doc.round, 1);
	CU_ASSERT_EQUAL(doc.dimensions, round.doc.dimensions);
	CU_ASSERT_EQUAL(doc.left_ms, 15000);
	wall_now -= 86400000; /* the wall clock may do as it likes */
	boot_now += 1000;
	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 200);
	CU_ASSERT_EQUAL(doc.left_ms, 14000);
	boot_now += 14000; /* too late to ask anyone for an update */
	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 204);
}

/* Each host is told of its own group, and of no other. */
static void test_a_host_is_told_its_group(void)
{
	SITE(site);
	ENROLLED(machine, site);
	ENROLLED(other, site);
	struct tacit_task task = fleet_task();
	struct tacit_round_doc doc = { 0 };
	BODY body = { 0 };
	struct tacit_round round;

	task.evaluate_every = 1;
	task.min_cohort = 1;
	task.max_cohort = 1;
	(void)snprintf(task.group, sizeof(task.group), "site");
	FLEET_MUST(fleet_set_task(&site.fleet, &task));
	FLEET_MUST(tacit_db_run(site.fleet.db,
				"UPDATE host SET labels = json_object('site', 's' || number)", ""));
	round = fleet_round(&site.fleet);
	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 200);
	CU_ASSERT_EQUAL(doc.purpose, TACIT_PURPOSE_LEARN);
	CU_ASSERT(doc.slots == 0 && doc.weight == 0); /* nothing to say */
	body = body_ramp(&round.doc, 3);
	CU_ASSERT_EQUAL(put(&site, &machine, &body), 201);
	FLEET_MUST(tacit_round_close(site.fleet.db, site.fleet.ca, 1, FLEET_NOW));
	round = fleet_round(&site.fleet);
	CU_ASSERT_EQUAL(round.doc.purpose, TACIT_PURPOSE_EVALUATE);
	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 200);
	CU_ASSERT_EQUAL(doc.purpose, TACIT_PURPOSE_EVALUATE);
	CU_ASSERT(doc.slots == 3 && doc.slot == 0);
	CU_ASSERT_EQUAL(get_round(&site, &other, &doc), 200);
	CU_ASSERT(doc.slots == 3 && doc.slot == 1);
}

static void test_a_host_is_asked_once(void)
{
	SITE(site);
	ENROLLED(machine, site);
	ENROLLED(other, site);
	struct tacit_round round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);
	struct tacit_round_doc doc = { 0 };

	CU_ASSERT_EQUAL(put(&site, &machine, &body), 201);
	CU_ASSERT_EQUAL(get_round(&site, &machine, &doc), 204);
	CU_ASSERT(doc.left_ms >= 60 && doc.left_ms <= 66); /* the next, give or take the spread */
	CU_ASSERT_EQUAL(get_round(&site, &other, &doc), 200);
	FLEET_MUST(tacit_round_close(site.fleet.db, site.fleet.ca, 1, FLEET_NOW));
	CU_ASSERT_EQUAL(get_round(&site, &other, &doc), 204);
	CU_ASSERT(doc.left_ms >= 60 && doc.left_ms <= 66);
}

static void test_a_full_round_asks_nobody(void)
{
	SITE(site);
	ENROLLED(machine, site);
	ENROLLED(other, site);
	struct tacit_task task = fleet_task();
	struct tacit_round_doc doc = { 0 };
	struct tacit_round round;

	task.min_cohort = 1;
	task.max_cohort = 1;
	FLEET_MUST(fleet_set_task(&site.fleet, &task));
	round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);
	CU_ASSERT_EQUAL(put(&site, &machine, &body), 201);
	CU_ASSERT_EQUAL(get_round(&site, &other, &doc), 204);
	CU_ASSERT_EQUAL(put(&site, &other, &body), 410);
}

static void test_updates(void)
{
	SITE(site);
	ENROLLED(machine, site);
	ENROLLED(late, site);
	struct tacit_round round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);
	BODY other = body_ramp(&round.doc, 4);
	struct tacit_round_doc wrong = round.doc;
	struct tacit_routes_counters counters;

	CU_ASSERT_EQUAL(put(&site, &machine, &body), 201);
	CU_ASSERT_EQUAL(put(&site, &machine, &body), 200);
	CU_ASSERT_EQUAL(put(&site, &machine, &other), 409);
	wrong.model[3] = 1;
	BODY mismatch = body_ramp(&wrong, 3);
	CU_ASSERT_EQUAL(put(&site, &machine, &mismatch), 422);
	CU_ASSERT_EQUAL(put(&site, &machine, &(struct body){ body.data, 20 }), 400);
	FLEET_MUST(tacit_round_close(site.fleet.db, site.fleet.ca, 1, FLEET_NOW));
	CU_ASSERT_EQUAL(put(&site, &late, &body), 410);
	CU_ASSERT_EQUAL(put(&site, &machine, &body), 200);
	tacit_routes_counters(site.routes, &counters);
	CU_ASSERT_EQUAL(counters.updates_accepted, 1);
	CU_ASSERT_EQUAL(counters.updates_repeated, 2);
	CU_ASSERT_EQUAL(counters.updates_conflicting, 1);
	CU_ASSERT_EQUAL(counters.updates_late, 1);
	CU_ASSERT_EQUAL(counters.updates_refused, 2);
}

static void test_paths_of_updates(void)
{
	static const char *const paths[] = {
		"/v1/rounds/",
		"/v1/rounds/1",
		"/v1/rounds/0/update",
		"/v1/rounds/01/update",
		"/v1/rounds/+1/update",
		"/v1/rounds/-1/update",
		"/v1/rounds/1/update/",
		"/v1/rounds/1x/update",
		"/v1/rounds//update",
		"/v1/rounds/7/update",
		"/v1/rounds/18446744073709551617/update",
		"/v1/rounds/9223372036854775808/update",
	};
	SITE(site);
	ENROLLED(machine, site);
	struct tacit_round round = fleet_round(&site.fleet);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(paths); i++) {
		struct tacit_round_doc doc = round.doc;
		EXCHANGE exchange = { 0 };

		doc.round = 7;
		BODY body = body_ramp(&doc, 3);
		put_update(&site, &machine, paths[i], &body, &exchange);
		CU_ASSERT(exchange.status == 404 || exchange.status == 422);
		CU_ASSERT_EQUAL(exchange.answers, 1);
	}
}

static void test_nobody_is_answered_before_the_commit(void)
{
	SITE(site);
	struct tacit_round round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);
	struct tacit_http_exchange exchange[4] = { 0 };
	struct machine machine[4];
	struct tacit_routes_counters counters;

	for (size_t i = 0; i < 4; i++)
		machine[i] = enrolled(&site);
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_EQUAL(exchange[k].answers, 0);
		put_update(&site, &machine[i], "/v1/rounds/1/update", &body, &exchange[i]);
	}
	for (size_t i = 0; i < 4; i++) { /* the group is full */
		CU_ASSERT_EQUAL(exchange[i].status, 201);
		CU_ASSERT_EQUAL(exchange[i].answers, 1);
		exchange_done(&exchange[i]);
		machine_done(&machine[i]);
	}
	tacit_routes_counters(site.routes, &counters);
	CU_ASSERT_EQUAL(counters.commits, 1);
	CU_ASSERT_EQUAL(fleet_int(&site.fleet, "SELECT updates FROM partial"), 4);
}

static void test_a_commit_that_fails(void)
{
	SITE(site);
	ENROLLED(machine, site);
	struct tacit_round round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);
	EXCHANGE exchange = { 0 };

	put_update(&site, &machine, "/v1/rounds/1/update", &body, &exchange);
	FLEET_MUST(tacit_db_run(site.fleet.db, "PRAGMA query_only = ON", ""));
	tacit_routes_flush(site.routes);
	FLEET_MUST(tacit_db_run(site.fleet.db, "PRAGMA query_only = OFF", ""));
	CU_ASSERT(is_problem(&exchange, 503, "busy"));
	CU_ASSERT(atoi(header(&exchange, "Retry-After")) >= 1);
	CU_ASSERT_EQUAL(fleet_int(&site.fleet, "SELECT count(*) FROM participation"), 0);
	CU_ASSERT_EQUAL(put(&site, &machine, &body), 201);
}

static void test_what_waits_is_answered_at_the_end(void)
{
	EXCHANGE exchange = { 0 };
	SITE(site);
	ENROLLED(machine, site);
	struct tacit_round round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);

	put_update(&site, &machine, "/v1/rounds/1/update", &body, &exchange);
	CU_ASSERT_EQUAL(exchange.answers, 0);
	tacit_routes_free(site.routes);
	site.routes = NULL;
	CU_ASSERT_EQUAL(exchange.status, 201);
}

/* Version @version through a round of two hosts. */
static void release(struct site *site, uint64_t version)
{
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	struct tacit_round round = fleet_round(&site->fleet);

	FLEET_MUST(tacit_partial_new(site->fleet.db, 9, &partial));
	for (uint32_t i = 0; i < 2; i++) {
		BODY body = body_ramp(&round.doc, 1000 * (uint32_t)version + i);

		CU_ASSERT_EQUAL(
			fleet_send(partial, fleet_host(&site->fleet), round.doc.round, &body), 1);
	}
	CU_ASSERT_EQUAL(
		tacit_round_close(site->fleet.db, site->fleet.ca, round.doc.round, FLEET_NOW),
		TACIT_ROUND_RELEASED);
}

static int get_model(struct site *site, struct machine *machine, const char *path,
		     const char *if_none_match, char *etag)
{
	EXCHANGE exchange = { .path = path, .peer = machine->cert, .if_none_match = if_none_match };
	uint8_t digest[TACIT_DIGEST_LEN];
	char wanted[67] = "\"";

	serve(site, TACIT_HTTP_GET, &exchange);
	if (exchange.status == 200) {
		CU_ASSERT_STRING_EQUAL(exchange.type, TACIT_TYPE_MODEL);
		FLEET_MUST(tacit_sha256(exchange.answer, exchange.answer_len, digest));
		tacit_hex_encode(digest, sizeof(digest), wanted + 1);
		(void)strcat(wanted, "\"");
		CU_ASSERT_STRING_EQUAL(header(&exchange, "ETag"), wanted);
	}
	if (exchange.status == 404)
		CU_ASSERT(is_problem(&exchange, 404, "no-model"));
	(void)snprintf(etag, 96, "%s", header(&exchange, "ETag"));
	return exchange.status;
}

static void test_models(void)
{
	SITE(site);
	ENROLLED(machine, site);
	char first[96], second[96], etag[96], list[400];

	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, NULL, etag), 404);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, "*", etag), 404);
	release(&site, 1);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, NULL, first), 200);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, first, etag), 304);
	CU_ASSERT_STRING_EQUAL(etag, first);
	CU_ASSERT_EQUAL(get_model(&site, &machine, "/v1/models/1", first, etag), 304);
	release(&site, 2);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, first, second), 200);
	CU_ASSERT_STRING_NOT_EQUAL(first, second);
	CU_ASSERT_EQUAL(get_model(&site, &machine, "/v1/models/1", second, etag), 200);
	CU_ASSERT_STRING_EQUAL(etag, first);
	(void)snprintf(list, sizeof(list), "\"x\", W/%s, %s", first, second);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, list, etag), 304);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, "*", etag), 304);
	CU_ASSERT_EQUAL(get_model(&site, &machine, TACIT_PATH_MODEL, "\"\"", etag), 200);
}

static void test_models_that_are_not(void)
{
	static const char *const paths[] = {
		"/v1/models/0",	 "/v1/models/3",  "/v1/models/",
		"/v1/models/x",	 "/v1/models/-1", "/v1/models/1 ",
		"/v1/models/1x", "/v1/models/+1", "/v1/models/18446744073709551617"
	};
	SITE(site);
	ENROLLED(machine, site);
	char etag[96];

	release(&site, 1);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(paths); i++)
		CU_ASSERT_EQUAL(get_model(&site, &machine, paths[i], NULL, etag), 404);
}

static void test_every_allocation_may_fail(void)
{
	SITE(site);
	const struct tacit_routes_params params = { .base = site.base,
						    .db = site.fleet.db,
						    .ca = site.fleet.ca };
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 20; nth++) {
		TACIT_CLEANUP(tacit_routes_free_p) struct tacit_routes *routes = NULL;

		unit_fail_alloc(nth);
		r = tacit_routes_new(&params, &routes);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (routes != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 1);
}

/* Whatever runs out on the way, a host is answered once, and never wrongly. */
static void test_answers_without_memory(void)
{
	SITE(site);
	ENROLLED(machine, site);
	struct tacit_round round = fleet_round(&site.fleet);
	BODY body = body_ramp(&round.doc, 3);
	int status = 0, nth;

	for (nth = 0; status != 201 && nth < 50; nth++) {
		EXCHANGE exchange = { 0 };

		unit_fail_alloc(nth);
		put_update(&site, &machine, "/v1/rounds/1/update", &body, &exchange);
		tacit_routes_flush(site.routes);
		unit_fail_alloc(-1);
		CU_ASSERT_EQUAL(exchange.answers, 1);
		status = exchange.status;
		CU_ASSERT(status == 503 || status == 201);
	}
	CU_ASSERT_EQUAL(status, 201);
	CU_ASSERT(nth > 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "enrolment", test_enrolment },
		{ "bodies that are no good", test_bodies_that_are_no_good },
		{ "renewal", test_renewal },
		{ "who may not speak", test_who_may_not_speak },
		{ "an old copy of a certificate", test_an_old_copy_of_a_certificate },
		{ "the task", test_the_task },
		{ "rounds", test_rounds },
		{ "a host is told its group", test_a_host_is_told_its_group },
		{ "a host is asked once", test_a_host_is_asked_once },
		{ "a full round asks nobody", test_a_full_round_asks_nobody },
		{ "updates", test_updates },
		{ "paths of updates", test_paths_of_updates },
		{ "nobody is answered before the commit",
		  test_nobody_is_answered_before_the_commit },
		{ "a commit that fails", test_a_commit_that_fails },
		{ "what waits is answered at the end", test_what_waits_is_answered_at_the_end },
		{ "models", test_models },
		{ "models that are not", test_models_that_are_not },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ "answers without memory", test_answers_without_memory },
		{ NULL, NULL },
	};

	return unit_main("routes", cases);
}
