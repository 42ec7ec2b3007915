/* SPDX-License-Identifier: MIT */
/* Secure sums over HTTPS: real hosts with certificates of the fleet's CA, one worker. */
#include "aggregator/routes.h"

#include <stdarg.h>

#include "aggregator/tls.h"

#include "https.h"
#include "secure_fleet.h"

#define HOSTS	8U
#define TYPE	"application/vnd.tacit.secagg"
#define CLIENTS 40U /* more than are answered in one go */

static const enum tacit_secagg_type said[] = { TACIT_SECAGG_ADVERT, TACIT_SECAGG_SHARES,
					       TACIT_SECAGG_MASKED, TACIT_SECAGG_CONSENT,
					       TACIT_SECAGG_ANSWER };

struct site {
	struct secure secure;
	struct https https;
	struct tacit_routes *routes;
};

static void site_init(struct site *site)
{
	struct https *https = &site->https;
	const struct tacit_ca *ca;
	struct tacit_http_params http = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	*site = (struct site){ 0 };
	secure_init(&site->secure, HOSTS, TACIT_AGGREGATION_SUM);
	ca = site->secure.fleet.ca;
	https->base = event_base_new();
	https->ca.cert = tacit_ca_cert(ca); /* whom clients trust */
	FLEET_MUST(tacit_tls_new(&(struct tacit_tls_params){ .cert = tacit_ca_server_cert(ca),
							     .key = tacit_ca_server_key(ca),
							     .ca = tacit_ca_cert(ca) },
				 &https->tls));
	FLEET_MUST(tacit_routes_new(&(struct tacit_routes_params){ .base = https->base,
								   .db = site->secure.fleet.db,
								   .ca = ca },
				    &site->routes));
	http = (struct tacit_http_params){ .base = https->base,
					   .tls = https->tls,
					   .ctx = site->routes };
	http.routes = tacit_routes_table(&http.n_routes);
	FLEET_MUST(tacit_http_new(&http, &https->http));
	FLEET_MUST(tacit_http_listen(https->http, https_bind(&https->port)));
}

static void site_done(struct site *site)
{
	tacit_http_free(site->https.http);
	tacit_routes_free(site->routes);
	tacit_tls_free(site->https.tls);
	event_base_free(site->https.base);
	secure_done(&site->secure);
}

#define SITE(name)                                                                                 \
	TACIT_CLEANUP(site_done) struct site name;                                                 \
	site_init(&(name))

static struct tacit_routes_counters counters_of(const struct site *site)
{
	struct tacit_routes_counters counters;

	tacit_routes_counters(site->routes, &counters);
	return counters;
}

static void client_done(struct https_client **client)
{
	https_client_close(*client);
	tacit_free(*client);
}

#define CLIENT(name, site, member)                                                                 \
	TACIT_CLEANUP(client_done) struct https_client *name = connect_as(&(site), member)

static struct https_client *connect_as(struct site *site, const struct member *member)
{
	const struct https_identity who = { member->key, member->cert };
	struct https_client *client = TACIT_NEW(struct https_client);

	https_client_open(client, &site->https);
	CU_ASSERT_TRUE_FATAL(https_client_handshake(client, &who));
	return client;
}

TACIT_PRINTF(2, 3)
static void request(struct https_client *client, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	https_client_next(client);
	CU_ASSERT(https_client_send(client, text, strlen(text)));
}

/* Asks for /v1/rounds/1 + @resource; @prefer: "" or a header. */
static void ask(struct https_client *client, const char *resource, const char *prefer)
{
	request(client, "GET /v1/rounds/1%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", resource,
		prefer);
}

static int get(struct https_client *client, const char *resource)
{
	ask(client, resource, "");
	return https_client_answer(client);
}

static int put(struct https_client *client, const char *resource, const char *type,
	       const void *data, size_t len)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer text = { 0 };
	char head[256];

	(void)snprintf(head, sizeof(head),
		       "PUT /v1/rounds/1%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n"
		       "Content-Length: %zu\r\n\r\n",
		       resource, type, len);
	tacit_write_bytes(&text, head, strlen(head));
	tacit_write_bytes(&text, data, len);
	https_client_next(client);
	CU_ASSERT(https_client_send(client, text.data, text.len));
	return https_client_answer(client);
}

static const char *body_of_answer(const struct https_client *client, size_t *ret_len)
{
	const char *end = strstr(client->got, "\r\n\r\n");

	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	*ret_len = client->len - (size_t)(end + 4 - client->got);
	return end + 4;
}

static bool says(const struct https_client *client, const char *text)
{
	return strstr(client->got, text) != NULL;
}

/* 1..60, as it must be. */
static bool has_retry_after(const struct https_client *client)
{
	const char *at = strstr(client->got, "\r\nRetry-After: ");
	long sec = at ? strtol(at + strlen("\r\nRetry-After: "), NULL, 10) : 0;

	return sec >= 1 && sec <= 60;
}

/* What a host was answered goes into its next step. */
static void take_step(const struct site *site, const struct https_client *client,
		      struct member *member, enum tacit_secagg_type type)
{
	size_t len;
	const char *body = body_of_answer(client, &len);

	CU_ASSERT(says(client, "\r\nContent-Type: " TYPE "\r\n"));
	CU_ASSERT_EQUAL(member_step(&site->secure, member, type, (const uint8_t *)body, len), 0);
}

static int put_step(struct https_client *client, const struct member *member,
		    enum tacit_secagg_type type)
{
	return put(client, tacit_secagg_resource(type), TYPE, member->step.message,
		   member->step.message_len);
}

/* One phase, by everybody: told, and said. */
static void run_phase(struct site *site, enum tacit_secagg_type type)
{
	for (size_t i = 0; i < HOSTS; i++) {
		struct member *member = &site->secure.member[i];
		CLIENT(client, *site, member);

		CU_ASSERT_EQUAL_FATAL(get(client, tacit_secagg_resource(secure_told(type))), 200);
		take_step(site, client, member, type);
		CU_ASSERT_EQUAL(put_step(client, member, type), 201);
		CU_ASSERT_EQUAL(put_step(client, member, type), 200);
	}
}

/* Consents are there once enough have consented: these are asked for after all have. */
static void test_a_round(void)
{
	SITE(site);
	CLIENT(client, site, &site.secure.member[0]);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(said); i++) {
		run_phase(&site, said[i]);
		if (said[i] != TACIT_SECAGG_CONSENT)
			secure_advance(&site.secure);
	}
	secure_check_sum(&site.secure, 0);
	CU_ASSERT_EQUAL(counters_of(&site).secure_accepted, 5 * HOSTS);
	CU_ASSERT_EQUAL(counters_of(&site).secure_repeated, 5 * HOSTS);
	CU_ASSERT_EQUAL(put_step(client, &site.secure.member[0], TACIT_SECAGG_ANSWER), 200);
}

static int get_current(struct https_client *client)
{
	request(client, "GET /v1/rounds/current HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
	return https_client_answer(client);
}

static void test_who_is_asked(void)
{
	SITE(site);
	struct member *member = &site.secure.member[1];
	CLIENT(benched, site, &site.secure.member[0]);
	CLIENT(client, site, member);

	CU_ASSERT_EQUAL(get_current(client), 200);
	CU_ASSERT(says(client, "\"mode\":\"distributed\""));
	FLEET_MUST(tacit_db_run(site.secure.fleet.db,
				"UPDATE host SET benched_until = 2 WHERE number = ?", "i",
				site.secure.member[0].host.number));
	CU_ASSERT_EQUAL(get_current(benched), 204);
	CU_ASSERT(says(benched, "\r\nRetry-After: "));
	CU_ASSERT_EQUAL(get_current(client), 200);
}

static void test_what_is_refused(void)
{
	SITE(site);
	struct member *member = &site.secure.member[0], *other = &site.secure.member[1];
	CLIENT(client, site, member);
	CLIENT(second, site, other);

	CU_ASSERT_EQUAL(get(client, "/nothing"), 404);
	CU_ASSERT_EQUAL(get(client, "/advert"), 404);
	CU_ASSERT_EQUAL(put(client, "/config", TYPE, "x", 1), 404);
	CU_ASSERT_EQUAL(put(client, "/update", TYPE, "x", 1), 404);
	CU_ASSERT_EQUAL(get(client, "0/config"), 404);
	CU_ASSERT(says(client, "urn:tacit:problem:no-round"));
	CU_ASSERT_EQUAL(put(client, "/advert", TYPE, "x", 1), 400);
	CU_ASSERT(says(client, "urn:tacit:problem:malformed"));
	CU_ASSERT_EQUAL(get(client, "/config"), 200);
	take_step(&site, client, member, TACIT_SECAGG_ADVERT);
	CU_ASSERT_EQUAL(put_step(second, member, TACIT_SECAGG_ADVERT), 422);
	CU_ASSERT(says(second, "urn:tacit:problem:mismatch"));
	CU_ASSERT(says(second, tacit_secagg_reason_text(TACIT_SECAGG_UNKNOWN_HOST)));
	CU_ASSERT_EQUAL(counters_of(&site).secure_refused, 2);
	CU_ASSERT_EQUAL(put_step(client, member, TACIT_SECAGG_ADVERT), 201);
}

/* An update goes to the handler of updates, whatever stands beside it at this path. */
static void test_types(void)
{
	SITE(site);
	CLIENT(client, site, &site.secure.member[0]);
	BODY body = body_ramp(
		&(struct tacit_round_doc){ .round = 1, .mode = TACIT_MODE_LOCAL, .dimensions = 3 },
		0);

	CU_ASSERT_EQUAL(put(client, "/update", TACIT_TYPE_UPDATE, body.data, body.len), 422);
	CU_ASSERT_EQUAL(put(client, "/advert", TACIT_TYPE_UPDATE, body.data, body.len), 404);
	CU_ASSERT_EQUAL(counters_of(&site).updates_refused, 1);
	CU_ASSERT_EQUAL(put(client, "/advert", "text/plain", "x", 1), 415);
}

/* Another vector of the same host, well-formed: its first stands. */
static void test_a_conflict(void)
{
	SITE(site);
	struct member *member = &site.secure.member[0];
	CLIENT(client, site, member);

	run_phase(&site, TACIT_SECAGG_ADVERT);
	secure_advance(&site.secure);
	run_phase(&site, TACIT_SECAGG_SHARES);
	secure_advance(&site.secure);
	run_phase(&site, TACIT_SECAGG_MASKED);
	member->step.message[member->step.message_len - 1] ^= 1;
	CU_ASSERT_EQUAL(put_step(client, member, TACIT_SECAGG_MASKED), 409);
	CU_ASSERT(says(client, "urn:tacit:problem:conflict"));
	CU_ASSERT_EQUAL(counters_of(&site).secure_conflicting, 1);
	secure_advance(&site.secure);
	CU_ASSERT_EQUAL(put_step(client, member, TACIT_SECAGG_MASKED), 409);
}

static void test_not_yet_and_closed(void)
{
	SITE(site);
	struct member *member = &site.secure.member[0];
	struct tacit_db *db = site.secure.fleet.db;
	CLIENT(client, site, member);

	CU_ASSERT_EQUAL(get(client, "/roster"), 204);
	CU_ASSERT(has_retry_after(client));
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, 0);
	run_phase(&site, TACIT_SECAGG_ADVERT);
	secure_advance(&site.secure);
	CU_ASSERT_EQUAL(get(client, "/roster"), 200);
	take_step(&site, client, member, TACIT_SECAGG_SHARES);
	FLEET_MUST(tacit_db_begin(db));
	FLEET_MUST(tacit_cohort_abandon(db, 1, "somebody said so"));
	FLEET_MUST(tacit_round_abandon(db, 1, "somebody said so", FLEET_NOW));
	FLEET_MUST(tacit_db_commit(db));
	CU_ASSERT_EQUAL(get(client, "/roster"), 410);
	CU_ASSERT(says(client, "urn:tacit:problem:closed"));
	CU_ASSERT(says(client, "somebody said so"));
	CU_ASSERT_EQUAL(put_step(client, member, TACIT_SECAGG_SHARES), 410);
	CU_ASSERT_EQUAL(counters_of(&site).secure_late, 1);
}

/* Turns the loop for long enough that whoever is held back was looked at a few times. */
static void linger(struct site *site)
{
	for (int i = 0; i < 300; i++)
		https_turn(&site->https, -1);
}

static void test_held_back(void)
{
	SITE(site);
	struct https_client *client[CLIENTS];

	run_phase(&site, TACIT_SECAGG_ADVERT);
	for (size_t i = 0; i < CLIENTS; i++) {
		client[i] = connect_as(&site, &site.secure.member[i % HOSTS]);
		ask(client[i], "/roster",
		    i % 2 ? "Prefer: wait=20\r\n" : "Prefer: respond-async, WAIT=20;x\r\n");
	}
	linger(&site);
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, CLIENTS);
	for (size_t i = 0; i < CLIENTS; i++) {
		https_client_receive(client[i]);
		CU_ASSERT_EQUAL(client[i]->len, 0);
	}
	secure_advance(&site.secure);
	for (size_t i = 0; i < CLIENTS; i++) {
		CU_ASSERT_EQUAL(https_client_answer(client[i]), 200);
		if (i < HOSTS)
			take_step(&site, client[i], &site.secure.member[i], TACIT_SECAGG_SHARES);
		client_done(&client[i]);
	}
	for (size_t i = 0; i < HOSTS; i++) {
		CLIENT(again, site, &site.secure.member[i]);

		CU_ASSERT_EQUAL(put_step(again, &site.secure.member[i], TACIT_SECAGG_SHARES), 201);
	}
}

/* A client that does not wait for its answer leaves nothing behind. */
static void test_gone_while_held_back(void)
{
	SITE(site);
	{
		CLIENT(client, site, &site.secure.member[0]);

		ask(client, "/roster", "Prefer: wait=20\r\n");
		linger(&site);
	}
	linger(&site);
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, 1);
	run_phase(&site, TACIT_SECAGG_ADVERT);
	secure_advance(&site.secure);
	linger(&site);
	run_phase(&site, TACIT_SECAGG_SHARES);
}

static void test_held_back_in_vain(void)
{
	SITE(site);
	CLIENT(client, site, &site.secure.member[0]);

	ask(client, "/roster", "Prefer: wait=1\r\n");
	CU_ASSERT_EQUAL(https_client_answer(client), 204);
	CU_ASSERT(has_retry_after(client));
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, 1);
	ask(client, "/roster", "Prefer: wait=0\r\n");
	CU_ASSERT_EQUAL(https_client_answer(client), 204);
	ask(client, "/roster", "Prefer: await=20\r\n");
	CU_ASSERT_EQUAL(https_client_answer(client), 204);
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, 1);
}

static void test_draining(void)
{
	SITE(site);
	CLIENT(client, site, &site.secure.member[0]);

	ask(client, "/roster", "Prefer: wait=20\r\n");
	linger(&site);
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, 1);
	tacit_routes_drain(site.routes);
	CU_ASSERT_EQUAL(https_client_answer(client), 204);
	CU_ASSERT(has_retry_after(client));
	ask(client, "/roster", "Prefer: wait=20\r\n");
	CU_ASSERT_EQUAL(https_client_answer(client), 204);
	CU_ASSERT_EQUAL(counters_of(&site).secure_parked, 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a round", test_a_round },
		{ "who is asked", test_who_is_asked },
		{ "what is refused", test_what_is_refused },
		{ "types", test_types },
		{ "a conflict", test_a_conflict },
		{ "not yet, and closed", test_not_yet_and_closed },
		{ "held back", test_held_back },
		{ "gone while held back", test_gone_while_held_back },
		{ "held back in vain", test_held_back_in_vain },
		{ "draining", test_draining },
		{ NULL, NULL },
	};

	return unit_main("routes_secure", cases);
}
