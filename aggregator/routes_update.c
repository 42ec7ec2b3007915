/* SPDX-License-Identifier: MIT */
/*
 * Updates are answered in groups: a transaction costs the disk as much for forty as for one.
 * A group is committed when it is full, or when its first update has waited long enough.
 */
#include "routes_private.h"

#include <string.h>

#include <event2/event.h>

#include <tacit/log.h>
#include <tacit/wire.h>

/* 0 when the path is not an update's. */
static uint64_t round_of(const char *path)
{
	const char *resource = "";
	uint64_t round = tacit_routes_round(path, &resource);

	return strcmp(resource, TACIT_PATH_UPDATE) == 0 ? round : 0;
}

static void answer_closed(struct tacit_routes *routes, struct tacit_http_exchange *exchange)
{
	routes->counters.updates_late++;
	tacit_http_problem(exchange, 410, "closed", "Round closed",
			   "the round is over or full; the next one will be along");
}

static void answer_refused(struct tacit_routes *routes, struct tacit_http_exchange *exchange, int r)
{
	switch (r) {
	case TACIT_ESTALE:
		answer_closed(routes, exchange);
		return;
	case TACIT_ESCHEMA:
		tacit_http_problem(exchange, 400, "malformed", "Malformed update",
				   "its head is unknown, or its length not what the head says");
		break;
	case -ENOENT:
		tacit_http_problem(exchange, 404, "no-round", "No such round",
				   "there is no round of this number");
		break;
	case -EINVAL:
		tacit_http_problem(exchange, 422, "mismatch", "Not for this round",
				   "round, task, model, mode and dimensions must be the round's");
		break;
	default:
		tacit_routes_fail(routes, exchange, r);
		return;
	}
	routes->counters.updates_refused++;
}

static void answer_committed(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			     int result)
{
	switch (result) {
	case 1:
		routes->counters.updates_accepted++;
		tacit_http_reply(exchange, 201, NULL, NULL, 0);
		break;
	case 0:
		routes->counters.updates_repeated++;
		tacit_http_reply(exchange, 200, NULL, NULL, 0);
		break;
	case TACIT_ECONFLICT:
		routes->counters.updates_conflicting++;
		tacit_http_problem(exchange, 409, "conflict", "Another update was accepted",
				   "this host's update for this round has other bytes");
		break;
	default:
		answer_closed(routes, exchange);
		break;
	}
}

static int commit(struct tacit_routes *routes, size_t n)
{
	int r = tacit_partial_commit(routes->partial, routes->update, n);

	routes->counters.commits++;
	if (r < 0) {
		routes->counters.commit_failures++;
		tacit_warning("%zu updates not committed: %s; their hosts will send them again", n,
			      tacit_strerror(r));
	}
	return r;
}

void tacit_routes_flush_updates(struct tacit_routes *routes)
{
	struct tacit_http_exchange *exchange[TACIT_PARTIAL_GROUP_MAX];
	int result[TACIT_PARTIAL_GROUP_MAX];
	size_t n = routes->waiting;
	int r;

	if (n == 0)
		return;
	(void)event_del(routes->group_due);
	r = commit(routes, n);
	/* Copies, because an answer may bring in the next update. */
	for (size_t i = 0; i < n; i++) {
		exchange[i] = routes->exchange[i];
		result[i] = routes->update[i].result;
	}
	routes->waiting = 0;
	for (size_t i = 0; i < n; i++) {
		if (r < 0)
			tacit_routes_busy(exchange[i]);
		else
			answer_committed(routes, exchange[i], result[i]);
	}
}

static void join_group(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
		       const struct tacit_partial_update *update)
{
	const struct timeval wait = tacit_routes_group_wait(routes);

	routes->exchange[routes->waiting] = exchange;
	routes->update[routes->waiting] = *update;
	routes->waiting++;
	/* A timer that cannot be set must not leave anyone waiting. */
	if (routes->waiting >= routes->params.group ||
	    (routes->waiting == 1 && event_add(routes->group_due, &wait) < 0))
		tacit_routes_flush_updates(routes);
}

void tacit_routes_put_update(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	uint64_t round = round_of(tacit_http_path(exchange));
	struct tacit_partial_update update;
	struct tacit_host host;
	const uint8_t *body;
	size_t len;
	int r;

	if (!tacit_routes_admit(routes, exchange, &host))
		return;
	if (round == 0) {
		tacit_http_problem(exchange, 404, "no-resource", "No such resource",
				   "updates go to " TACIT_PATH_ROUNDS "NUMBER" TACIT_PATH_UPDATE);
		return;
	}
	body = (const uint8_t *)tacit_http_body(exchange, &len);
	r = tacit_partial_admit(routes->partial, host.number, round, body, len, &update);
	if (r < 0)
		answer_refused(routes, exchange, r);
	else
		join_group(routes, exchange, &update);
}
