/* SPDX-License-Identifier: MIT */
/* How a host gets its certificate: with a token the first time, with the old one later. */
#include "routes_private.h"

#include <string.h>

#include <jansson.h>

#include <tacit/bytes.h>
#include <tacit/log.h>
#include <tacit/wire.h>

static void answer_json(struct tacit_http_exchange *exchange, int status, json_t *document)
{
	char *text = document ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(document);
	if (text)
		tacit_http_reply(exchange, status, TACIT_TYPE_JSON, text, strlen(text));
	else
		tacit_routes_busy(exchange);
	tacit_free(text); /* jansson allocates by malloc, which tacit_free() releases */
}

static void answer_unreadable(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			      int r, const char *why)
{
	if (r == -EINVAL || r == TACIT_ESCHEMA || r == -E2BIG)
		tacit_http_problem(exchange, 400, "malformed", "Malformed request", "%s", why);
	else
		tacit_routes_fail(routes, exchange, r);
}

static void answer_refused(struct tacit_routes *routes, struct tacit_http_exchange *exchange, int r)
{
	switch (r) {
	case TACIT_EUNTRUSTED:
		tacit_http_problem(exchange, 403, "token", "Token refused",
				   "it is unknown, revoked, expired or used up");
		break;
	case TACIT_EREFUSED:
		tacit_http_problem(exchange, 403, "revoked", "Revoked", "this host was revoked");
		break;
	case TACIT_ECONFLICT:
		tacit_http_problem(exchange, 422, "mismatch", "Another key",
				   "the certificate request is for another key");
		break;
	case TACIT_ESCHEMA:
		tacit_http_problem(exchange, 400, "malformed", "Malformed certificate request",
				   "it must be one PEM block, for a P-256 key, signed by it");
		break;
	default:
		tacit_routes_fail(routes, exchange, r);
		break;
	}
}

static void say_refused(struct tacit_routes *routes, const struct tacit_http_exchange *exchange,
			int r)
{
	if (tacit_log_allowed(&routes->complaints))
		tacit_notice("enrolment from %s refused: %s", tacit_http_peer_address(exchange),
			     tacit_strerror(r));
}

static void enrol(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
		  const struct tacit_enrol *request, const uint8_t *fingerprint)
{
	TACIT_AUTO_FREE char *pem = NULL;
	struct tacit_host host;
	int r = tacit_hosts_enrol(routes->params.db, routes->params.ca, request, fingerprint,
				  tacit_routes_now(routes), &host, &pem);

	if (r < 0) {
		say_refused(routes, exchange, r);
		answer_refused(routes, exchange, r);
		return;
	}
	if (r == 1) {
		routes->counters.enrolled++;
		tacit_debug("host %s enrolled from %s", host.id, tacit_http_peer_address(exchange));
	}
	answer_json(exchange, r == 1 ? 201 : 200,
		    json_pack("{s:s, s:s, s:s}", "host", host.id, "certificate", pem, "ca",
			      tacit_ca_pem(routes->params.ca)));
}

void tacit_routes_put_enrolment(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	const char *hex = tacit_http_path(exchange) + strlen(TACIT_PATH_ENROL);
	TACIT_CLEANUP(tacit_enrol_done) struct tacit_enrol request = { 0 };
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	char why[128] = "";
	const char *body;
	size_t len;
	int r;

	if (tacit_hex_decode(hex, fingerprint, sizeof(fingerprint)) < 0) {
		tacit_http_problem(exchange, 404, "no-resource", "No such resource",
				   "the path ends in the SHA-256 of the host's public key");
		return;
	}
	body = (const char *)tacit_http_body(exchange, &len);
	r = tacit_enrol_parse(body, len, &request, why, sizeof(why));
	if (r < 0)
		answer_unreadable(routes, exchange, r, why);
	else
		enrol(routes, exchange, &request, fingerprint);
}

void tacit_routes_put_certificate(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	TACIT_AUTO_FREE char *csr = NULL;
	TACIT_AUTO_FREE char *pem = NULL;
	struct tacit_host host;
	char why[128] = "";
	const char *body;
	size_t len;
	int r;

	if (!tacit_routes_admit(routes, exchange, &host))
		return;
	body = (const char *)tacit_http_body(exchange, &len);
	r = tacit_enrol_parse_renewal(body, len, &csr, why, sizeof(why));
	if (r < 0) {
		answer_unreadable(routes, exchange, r, why);
		return;
	}
	r = tacit_hosts_renew(routes->params.db, routes->params.ca, &host,
			      tacit_http_peer(exchange), csr, tacit_routes_now(routes), &pem);
	if (r < 0) {
		answer_refused(routes, exchange, r);
		return;
	}
	routes->counters.renewed++;
	answer_json(exchange, 200, json_pack("{s:s}", "certificate", pem));
}
