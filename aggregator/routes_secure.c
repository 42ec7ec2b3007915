/* SPDX-License-Identifier: MIT */
/*
 * Messages of secure sums. What hosts say is answered in groups, as updates are; what they are told
 * before its time is 204, or held back (routes_wait.c).
 */
#include "routes_private.h"

#include <string.h>

#include <event2/event.h>

#include <tacit/wire.h>

int tacit_routes_find(struct tacit_routes *routes, const struct tacit_http_exchange *exchange,
		      const struct tacit_host *host, uint64_t round,
		      struct tacit_mailbox_caller *ret)
{
	uint8_t id[TACIT_FINGERPRINT_LEN];
	int r = tacit_cert_fingerprint(tacit_http_peer(exchange), id);

	return r < 0 ? r : tacit_mailbox_find(routes->mailbox, host, id, round, ret);
}

/* Who asks for what in which round; false: answered. @said: what hosts say, else what they are
 * told. */
static bool read_request(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			 bool said, struct tacit_host *host, struct tacit_mailbox_caller *ret,
			 enum tacit_secagg_type *ret_type)
{
	const char *resource = "";
	uint64_t round = tacit_routes_round(tacit_http_path(exchange), &resource);
	enum tacit_secagg_type type = tacit_secagg_resource_type(resource);
	int r;

	if (!tacit_routes_admit(routes, exchange, host))
		return false;
	if (round == 0 || type == 0 || tacit_secagg_is_said(type) != said) {
		tacit_http_problem(exchange, 404, "no-resource", "No such resource",
				   "a secure sum has nothing of this name, or not to %s",
				   said ? "put" : "get");
		return false;
	}
	r = tacit_routes_find(routes, exchange, host, round, ret);
	if (r == -ENOENT)
		tacit_http_problem(exchange, 404, "no-round", "No such round",
				   "there is no secure sum of this number");
	else if (r < 0)
		tacit_routes_fail(routes, exchange, r);
	*ret_type = type;
	return r == 0;
}

void tacit_routes_closed(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			 const struct tacit_mailbox_caller *caller)
{
	tacit_http_problem(exchange, 410, "closed", "Closed", "%s",
			   tacit_mailbox_reason(routes->mailbox, caller));
}

static void name_refused(struct tacit_routes *routes, const struct tacit_host *host,
			 const struct tacit_mailbox_caller *caller, enum tacit_secagg_type type,
			 enum tacit_secagg_reason why)
{
	if (tacit_log_allowed(&routes->complaints))
		tacit_warning("host %s: its %s of round %llu is refused: %s", host->id,
			      tacit_secagg_resource(type) + 1, (unsigned long long)caller->round,
			      tacit_secagg_reason_text(why));
}

static void answer_refused(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			   const struct tacit_mailbox_caller *caller, int r,
			   enum tacit_secagg_reason why)
{
	if (r == TACIT_ESTALE) {
		routes->counters.secure_late++;
		tacit_routes_closed(routes, exchange, caller);
	} else if (r == TACIT_ESCHEMA) {
		routes->counters.secure_refused++;
		tacit_http_problem(exchange, 400, "malformed", "Malformed message", "%s",
				   tacit_secagg_reason_text(why));
	} else if (r == TACIT_EREFUSED) {
		routes->counters.secure_refused++;
		tacit_http_problem(exchange, 422, "mismatch", "Not for this sum", "%s",
				   tacit_secagg_reason_text(why));
	} else {
		tacit_routes_fail(routes, exchange, r);
	}
}

static void answer_committed(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			     const struct tacit_mailbox_message *message)
{
	switch (message->result) {
	case 1:
		routes->counters.secure_accepted++;
		tacit_http_reply(exchange, 201, NULL, NULL, 0);
		break;
	case 0:
		routes->counters.secure_repeated++;
		tacit_http_reply(exchange, 200, NULL, NULL, 0);
		break;
	case TACIT_ECONFLICT:
		routes->counters.secure_conflicting++;
		tacit_http_problem(exchange, 409, "conflict", "Another message was accepted",
				   "this host's message has other bytes");
		break;
	default:
		routes->counters.secure_late++;
		tacit_routes_closed(routes, exchange, &message->caller);
		break;
	}
}

static int commit(struct tacit_routes *routes, size_t n)
{
	int r = tacit_mailbox_commit(routes->mailbox, routes->message, n);

	routes->counters.commits++;
	if (r < 0) {
		routes->counters.commit_failures++;
		if (tacit_log_allowed(&routes->complaints))
			tacit_warning("%zu messages not committed: %s; their hosts will send them"
				      " again",
				      n, tacit_strerror(r));
	}
	return r;
}

void tacit_routes_flush_messages(struct tacit_routes *routes)
{
	struct tacit_http_exchange *exchange[TACIT_MAILBOX_GROUP_MAX];
	struct tacit_mailbox_message message[TACIT_MAILBOX_GROUP_MAX];
	size_t n = routes->messages;
	int r;

	if (n == 0)
		return;
	(void)event_del(routes->messages_due);
	r = commit(routes, n);
	/* Copies, because an answer may bring in the next message. */
	memcpy(exchange, routes->speaker, n * sizeof(exchange[0]));
	memcpy(message, routes->message, n * sizeof(message[0]));
	routes->messages = 0;
	for (size_t i = 0; i < n; i++) {
		if (r < 0)
			tacit_routes_busy(exchange[i]);
		else
			answer_committed(routes, exchange[i], &message[i]);
	}
}

static void join_group(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
		       const struct tacit_mailbox_message *message)
{
	const struct timeval wait = tacit_routes_group_wait(routes);

	routes->speaker[routes->messages] = exchange;
	routes->message[routes->messages] = *message;
	routes->messages++;
	/* A timer that cannot be set must not leave anyone waiting. */
	if (routes->messages >= routes->params.group ||
	    (routes->messages == 1 && event_add(routes->messages_due, &wait) < 0))
		tacit_routes_flush_messages(routes);
}

void tacit_routes_put_message(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	struct tacit_mailbox_message message;
	struct tacit_mailbox_caller caller;
	enum tacit_secagg_type type;
	struct tacit_host host;
	const uint8_t *body;
	size_t len;
	int r;

	if (!read_request(routes, exchange, true, &host, &caller, &type))
		return;
	body = (const uint8_t *)tacit_http_body(exchange, &len);
	r = tacit_mailbox_admit(routes->mailbox, &caller, type, body, len, &message, &why);
	if (r == 0) {
		join_group(routes, exchange, &message);
		return;
	}
	if (why != TACIT_SECAGG_FINE)
		name_refused(routes, &host, &caller, type, why);
	answer_refused(routes, exchange, &caller, r, why);
}

void tacit_routes_get_message(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	struct tacit_routes_question question = { .exchange = exchange };
	struct tacit_host host;

	if (read_request(routes, exchange, false, &host, &question.caller, &question.type))
		tacit_routes_ask(routes, &question);
}
