/* SPDX-License-Identifier: MIT */
#include "routes_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <tacit/bytes.h>
#include <tacit/clock.h>
#include <tacit/log.h>
#include <tacit/wire.h>

#include "groups.h"
#include "release.h"
#include "round.h"
#include "tasks.h"

#define GROUP_DEFAULT	 32U
#define GROUP_MS_DEFAULT 2U
#define BUSY_SEC	 "2"
#define LOG_BURST	 10U
#define LOG_INTERVAL_MS	 60000U
#define UPDATE_BODY_MAX	 tacit_update_len(TACIT_PROTECT_DIMS_MAX)
#define MESSAGE_BODY_MAX (UPDATE_BODY_MAX + 65536U)
/* Hosts that were told the same second would all come in it. */
#define SPREAD_SHARE 4

int64_t tacit_routes_now(const struct tacit_routes *routes)
{
	return routes->params.wall_ms ? routes->params.wall_ms() : tacit_clock_wall_ms();
}

void tacit_routes_busy(struct tacit_http_exchange *exchange)
{
	tacit_http_set_header(exchange, "Retry-After", BUSY_SEC);
	tacit_http_problem(exchange, 503, "busy", "Busy", "try again in a moment");
}

static bool is_temporary(int error)
{
	return error == -EBUSY || error == -ENOMEM || error == -ENOSPC || error == -EIO ||
	       error == -EACCES;
}

void tacit_routes_fail(struct tacit_routes *routes, struct tacit_http_exchange *exchange, int error)
{
	if (tacit_log_allowed(&routes->complaints))
		tacit_error("%s: %s", tacit_http_path(exchange), tacit_strerror(error));
	if (is_temporary(error))
		tacit_routes_busy(exchange);
	else
		tacit_http_problem(exchange, 500, "internal", "Internal error",
				   "the aggregator's log says more");
}

static void say_superseded(struct tacit_routes *routes, const struct tacit_http_exchange *exchange,
			   const struct tacit_host *host)
{
	if (tacit_log_allowed(&routes->complaints))
		tacit_warning("host %s at %s shows a superseded certificate: is its key on two"
			      " machines?",
			      host->id, tacit_http_peer_address(exchange));
}

bool tacit_routes_admit(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			struct tacit_host *ret)
{
	int r = tacit_hosts_check(routes->params.db, tacit_http_peer(exchange), ret);

	if (r == 0)
		return true;
	switch (r) {
	case -ENOENT:
		tacit_http_problem(exchange, 403, "not-enrolled", "Not enrolled",
				   "this aggregator does not know the certificate's key");
		break;
	case TACIT_EREFUSED:
		tacit_http_problem(exchange, 403, "revoked", "Revoked", "this host was revoked");
		break;
	case TACIT_ESTALE:
		say_superseded(routes, exchange, ret);
		tacit_http_problem(exchange, 403, "superseded", "Certificate superseded",
				   "a newer certificate was issued for this key: is it on two "
				   "machines?");
		break;
	default:
		tacit_routes_fail(routes, exchange, r);
		return false;
	}
	routes->counters.hosts_refused++;
	return false;
}

/* Sets the strong ETag of @sha256; true when the client has that already (and was answered). */
static bool answer_unchanged(struct tacit_http_exchange *exchange, const uint8_t *sha256)
{
	const char *have = tacit_http_header(exchange, "If-None-Match");
	char etag[2 * TACIT_DIGEST_LEN + 3];

	etag[0] = '"';
	tacit_hex_encode(sha256, TACIT_DIGEST_LEN, etag + 1);
	memcpy(etag + sizeof(etag) - 2, "\"", 2);
	tacit_http_set_header(exchange, "ETag", etag);
	if (!have || (strcmp(have, "*") != 0 && !strstr(have, etag)))
		return false;
	tacit_http_reply(exchange, 304, NULL, NULL, 0);
	return true;
}

static void get_task(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	TACIT_AUTO_FREE char *text = NULL;
	uint8_t digest[TACIT_DIGEST_LEN];
	struct tacit_host host;
	int r;

	if (!tacit_routes_admit(routes, exchange, &host))
		return;
	r = tacit_tasks_get_text(routes->params.db, &text, digest);
	if (r == -ENOENT)
		tacit_http_problem(exchange, 404, "no-task", "No task", "there is no task yet");
	else if (r < 0)
		tacit_routes_fail(routes, exchange, r);
	else if (!answer_unchanged(exchange, digest))
		tacit_http_reply(exchange, 200, TACIT_TYPE_JSON, text, strlen(text));
}

/* Milliseconds since @newest began, whatever the wall clock did meanwhile. */
static int64_t age_ms(struct tacit_routes *routes, const struct tacit_round *newest)
{
	int64_t boot_ms = routes->params.boot_ms ? routes->params.boot_ms() : tacit_clock_boot_ms();

	tacit_schedule_mark_update(&routes->mark, newest, tacit_routes_now(routes), boot_ms);
	return boot_ms - routes->mark.began_ms;
}

/* Until the round after @newest can begin. */
static int64_t ms_to_next(struct tacit_routes *routes, const struct tacit_round *newest,
			  const struct tacit_task *task)
{
	int64_t age = age_ms(routes, newest);
	int64_t left = (int64_t)task->round_sec * 1000 - age;
	int64_t lasting = newest->collect_ms - age;

	return newest->state == TACIT_ROUND_COLLECTING && lasting > left ? lasting : left;
}

/* Seconds until the next round is due, hosts spread over its beginning; at least 1. */
static int64_t seconds_to_next(struct tacit_routes *routes, const struct tacit_host *host)
{
	TACIT_AUTO_FREE struct tacit_task_version *task = TACIT_NEW(struct tacit_task_version);
	struct tacit_round newest;
	int64_t left_ms, spread_ms;

	if (!task || tacit_tasks_get(routes->params.db, 0, task) < 0 ||
	    tacit_round_get_newest(routes->params.db, &newest) < 0)
		return 1;
	left_ms = ms_to_next(routes, &newest, &task->task);
	spread_ms = (int64_t)task->task.collect_sec * 1000 / SPREAD_SHARE;
	if (left_ms < 0)
		return 1;
	return 1 + (left_ms + host->number % 16 * spread_ms / 16) / 1000;
}

static void answer_no_round(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			    const struct tacit_host *host)
{
	char seconds[24];

	(void)snprintf(seconds, sizeof(seconds), "%lld", (long long)seconds_to_next(routes, host));
	tacit_http_set_header(exchange, "Retry-After", seconds);
	tacit_http_reply(exchange, 204, NULL, NULL, 0);
}

static uint32_t left_ms(struct tacit_routes *routes, const struct tacit_round *round)
{
	int64_t left = round->collect_ms - age_ms(routes, round);

	return left < 0 ? 0 : left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

/* 1 when an update of @host may still go into @round, which collects. A host must not be asked for
 * one in vain: its privacy is spent when it leaves. */
static int is_update_wanted(struct tacit_routes *routes, const struct tacit_host *host,
			    const struct tacit_round *round)
{
	uint64_t updates;
	int r = tacit_round_has_update(routes->params.db, round->doc.round, host->number, NULL);

	if (r != 0)
		return r < 0 ? r : 0;
	r = tacit_round_updates(routes->params.db, round->doc.round, &updates);
	if (r < 0)
		return r;
	return updates < round->max_updates && left_ms(routes, round) > 0;
}

/* The same for a part in its secure sum. */
static int is_part_wanted(struct tacit_routes *routes, const struct tacit_http_exchange *exchange,
			  const struct tacit_host *host, const struct tacit_round *round)
{
	struct tacit_mailbox_caller caller;
	int r = tacit_routes_find(routes, exchange, host, round->doc.round, &caller);

	return r < 0 ? r : tacit_mailbox_is_wanted(routes->mailbox, round, &caller);
}

static void get_round(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	TACIT_AUTO_FREE char *text = NULL;
	struct tacit_round round;
	struct tacit_host host;
	int r;

	if (!tacit_routes_admit(routes, exchange, &host))
		return;
	r = tacit_round_get_current(routes->params.db, &round);
	if (r == 0)
		r = round.doc.mode == TACIT_MODE_LOCAL
			    ? is_update_wanted(routes, &host, &round)
			    : is_part_wanted(routes, exchange, &host, &round);
	if (r == -ENOENT || r == 0) {
		answer_no_round(routes, exchange, &host);
		return;
	}
	if (r > 0) {
		round.doc.left_ms = left_ms(routes, &round);
		r = tacit_groups_tell(routes->params.db, host.number, &round.doc);
		text = r < 0 ? NULL : tacit_round_format(&round.doc);
		if (r == 0 && !text)
			r = -ENOMEM;
	}
	if (r < 0)
		tacit_routes_fail(routes, exchange, r);
	else
		tacit_http_reply(exchange, 200, TACIT_TYPE_JSON, text, strlen(text));
}

static void answer_model(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			 uint64_t version)
{
	TACIT_CLEANUP(tacit_release_done) struct tacit_release release = { 0 };
	int r = version == 0 ? -ENOENT : tacit_release_get(routes->params.db, version, &release);

	if (r == -ENOENT) {
		tacit_http_problem(exchange, 404, "no-model", "No such model",
				   "nothing is released, or no longer kept, under this version");
	} else if (r < 0) {
		tacit_routes_fail(routes, exchange, r);
	} else if (answer_unchanged(exchange, release.sha256)) {
		routes->counters.models_unchanged++;
	} else {
		routes->counters.models_sent++;
		tacit_http_reply(exchange, 200, TACIT_TYPE_MODEL, release.data, release.len);
	}
}

/* Most hosts have the newest already: that needs its digest only. */
static void get_latest(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	uint8_t sha256[TACIT_DIGEST_LEN];
	struct tacit_host host;
	uint64_t version = 0;
	int r;

	if (!tacit_routes_admit(routes, exchange, &host))
		return;
	r = tacit_release_newest(routes->params.db, &version, sha256);
	if (r < 0)
		tacit_routes_fail(routes, exchange, r);
	else if (version > 0 && tacit_http_header(exchange, "If-None-Match") &&
		 answer_unchanged(exchange, sha256))
		routes->counters.models_unchanged++;
	else
		answer_model(routes, exchange, version);
}

static void get_model(void *ctx, struct tacit_http_exchange *exchange)
{
	struct tacit_routes *routes = (struct tacit_routes *)ctx;
	const char *text = tacit_http_path(exchange) + strlen(TACIT_PATH_MODELS);
	struct tacit_host host;
	uint64_t version;
	char *end;

	if (!tacit_routes_admit(routes, exchange, &host))
		return;
	errno = 0;
	version = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
		tacit_http_problem(exchange, 404, "no-model", "No such model",
				   "a version is a number");
	else
		answer_model(routes, exchange, version);
}

static const struct tacit_http_route table[] = {
	{ TACIT_HTTP_PUT, TACIT_PATH_ENROL, TACIT_TYPE_JSON, TACIT_ENROL_BODY_MAX, true,
	  tacit_routes_put_enrolment },
	{ TACIT_HTTP_PUT, TACIT_PATH_RENEW, TACIT_TYPE_JSON, TACIT_ENROL_BODY_MAX, false,
	  tacit_routes_put_certificate },
	{ TACIT_HTTP_GET, TACIT_PATH_TASK, NULL, 0, false, get_task },
	{ TACIT_HTTP_GET, TACIT_PATH_ROUND, NULL, 0, false, get_round },
	{ TACIT_HTTP_PUT, TACIT_PATH_ROUNDS, TACIT_TYPE_UPDATE, UPDATE_BODY_MAX, false,
	  tacit_routes_put_update },
	{ TACIT_HTTP_PUT, TACIT_PATH_ROUNDS, TACIT_TYPE_SECAGG, MESSAGE_BODY_MAX, false,
	  tacit_routes_put_message },
	{ TACIT_HTTP_GET, TACIT_PATH_ROUNDS, NULL, 0, false, tacit_routes_get_message },
	{ TACIT_HTTP_GET, TACIT_PATH_MODEL, NULL, 0, false, get_latest },
	{ TACIT_HTTP_GET, TACIT_PATH_MODELS, NULL, 0, false, get_model },
};

const struct tacit_http_route *tacit_routes_table(size_t *ret_n)
{
	*ret_n = TACIT_ARRAY_LEN(table);
	return table;
}

static void on_group_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	tacit_routes_flush_updates((struct tacit_routes *)ctx);
}

static void on_messages_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	tacit_routes_flush_messages((struct tacit_routes *)ctx);
}

static void on_look(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	tacit_routes_look((struct tacit_routes *)ctx);
}

struct timeval tacit_routes_group_wait(const struct tacit_routes *routes)
{
	return (struct timeval){ .tv_sec = routes->params.group_ms / 1000,
				 .tv_usec = (suseconds_t)(routes->params.group_ms % 1000) * 1000 };
}

uint64_t tacit_routes_round(const char *path, const char **ret_resource)
{
	const char *text = path + strlen(TACIT_PATH_ROUNDS);
	unsigned long long round;
	char *end;

	if (*text < '1' || *text > '9')
		return 0;
	errno = 0;
	round = strtoull(text, &end, 10);
	*ret_resource = end;
	return errno == 0 ? round : 0;
}

static int open_mailbox(struct tacit_routes *routes)
{
	const struct tacit_routes_params *params = &routes->params;

	return tacit_mailbox_new(&(struct tacit_mailbox_params){ .db = params->db,
								 .ca = params->ca,
								 .worker = params->worker,
								 .wall_ms = params->wall_ms,
								 .boot_ms = params->boot_ms },
				 &routes->mailbox);
}

int tacit_routes_new(const struct tacit_routes_params *params, struct tacit_routes **ret)
{
	TACIT_CLEANUP(tacit_routes_free_p)
	struct tacit_routes *routes = TACIT_NEW(struct tacit_routes);
	int r;

	if (!routes)
		return -ENOMEM;
	routes->params = *params;
	routes->complaints =
		(struct tacit_log_limit){ .burst = LOG_BURST, .interval_ms = LOG_INTERVAL_MS };
	if (routes->params.group == 0)
		routes->params.group = GROUP_DEFAULT;
	if (routes->params.group > TACIT_PARTIAL_GROUP_MAX)
		routes->params.group = TACIT_PARTIAL_GROUP_MAX;
	if (routes->params.group_ms == 0)
		routes->params.group_ms = GROUP_MS_DEFAULT;
	r = tacit_partial_new(params->db, params->worker, &routes->partial);
	if (r == 0)
		r = open_mailbox(routes);
	if (r < 0)
		return r;
	routes->group_due = evtimer_new(params->base, on_group_due, routes);
	routes->messages_due = evtimer_new(params->base, on_messages_due, routes);
	routes->look = evtimer_new(params->base, on_look, routes);
	if (!routes->group_due || !routes->messages_due || !routes->look)
		return -ENOMEM;
	*ret = TACIT_TAKE(routes);
	return 0;
}

void tacit_routes_counters(const struct tacit_routes *routes, struct tacit_routes_counters *ret)
{
	*ret = routes->counters;
}

void tacit_routes_flush(struct tacit_routes *routes)
{
	tacit_routes_flush_updates(routes);
	tacit_routes_flush_messages(routes);
}

void tacit_routes_drain(struct tacit_routes *routes)
{
	routes->draining = true;
	tacit_routes_flush(routes);
	tacit_routes_release(routes);
}

static void event_done(struct event *event)
{
	if (event)
		event_free(event);
}

void tacit_routes_free(struct tacit_routes *routes)
{
	if (!routes)
		return;
	if (routes->look)
		tacit_routes_drain(routes);
	event_done(routes->group_due);
	event_done(routes->messages_due);
	event_done(routes->look);
	tacit_partial_free(routes->partial);
	tacit_mailbox_free(routes->mailbox);
	tacit_free(routes->question);
	tacit_free(routes);
}
