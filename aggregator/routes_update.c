/* SPDX-License-Identifier: MIT */
/*
 * Updates are answered in groups: one transaction costs the disk what forty do. A group is
 * committed when it is full or its first update has waited long enough.
 */
#include "routes_private.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <tacit/log.h>
#include <tacit/wire.h>

/* Number in TACIT_PATH_ROUNDS + number + TACIT_PATH_UPDATE; 0 when the path is another. */
static uint64_t round_of(const char *path)
{
	const char *text = path + strlen(TACIT_PATH_ROUNDS);
	unsigned long long round;
	char *end;

	if (*text < '1' || *text > '9')
		return 0;
	errno = 0;
	round = strtoull(text, &end, 10);
	return errno == 0 && strcmp(end, TACIT_PATH_UPDATE) == 0 ? round : 0;
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
	case TACIT_EDAMAGED:
	case TACIT_ESCHEMA:
		tacit_http_problem(exchange, 400, "malformed", "Malformed update", "%s",
				   r == TACIT_EDAMAGED ? "its length is not what its head says"
						       : "its head is not one that this server knows");
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
		tacit_routes_fail(exchange, r);
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

void tacit_routes_flush(struct tacit_routes *routes)
{
	size_t n = routes->waiting;
	int r;

	if (n == 0)
		return;
	routes->waiting = 0;
	(void)event_del(routes->group_due);
	r = tacit_partial_commit(routes->partial, routes->update, n);
	routes->counters.commits++;
	if (r < 0) {
		routes->counters.commit_failures++;
		tacit_warning("%zu updates not committed: %s; their hosts will send them again", n,
			      tacit_strerror(r));
	}
	for (size_t i = 0; i < n; i++) {
		if (r < 0)
			tacit_routes_busy(routes->exchange[i]);
		else
			answer_committed(routes, routes->exchange[i], routes->update[i].result);
	}
}

/* A host that sends twice in one breath must not be twice in one group. */
static bool is_waiting(const struct tacit_routes *routes, int64_t host)
{
	for (size_t i = 0; i < routes->waiting; i++)
		if (routes->update[i].host == host)
			return true;
	return false;
}

static void join_group(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
		       const struct tacit_partial_update *update)
{
	struct timeval wait = { .tv_usec = (suseconds_t)routes->params.group_ms * 1000 };

	if (is_waiting(routes, update->host))
		tacit_routes_flush(routes);
	routes->exchange[routes->waiting] = exchange;
	routes->update[routes->waiting] = *update;
	routes->waiting++;
	if (routes->waiting >= routes->params.group)
		tacit_routes_flush(routes);
	else if (routes->waiting == 1)
		(void)event_add(routes->group_due, &wait);
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
