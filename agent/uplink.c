/* SPDX-License-Identifier: MIT */
#include "uplink.h"

#include <event2/event.h>

#include "uplink_private.h"

#define LANE_CONNECTIONS 32U /* in each; what one host needs is one lane */

void tacit_uplink_end(struct tacit_uplink_client *client)
{
	struct tacit_uplink *uplink = client->uplink;

	if (client->state == CLIENT_QUEUED)
		TAILQ_REMOVE(&uplink->queue, client, link);
	if (client->state == CLIENT_UNDERWAY) {
		(void)curl_multi_remove_handle(client->lane->multi, client->easy);
		uplink->underway--;
	}
	client->state = CLIENT_IDLE;
	curl_slist_free_all(client->headers);
	client->headers = NULL;
}

static int start(struct tacit_uplink_client *client)
{
	if (curl_multi_add_handle(client->lane->multi, client->easy) != CURLM_OK)
		return -ENOMEM;
	client->state = CLIENT_UNDERWAY;
	client->uplink->underway++;
	return 0;
}

void tacit_uplink_go_on(struct tacit_uplink *uplink)
{
	struct tacit_uplink_client *client;

	while (uplink->underway < uplink->limit && (client = TAILQ_FIRST(&uplink->queue))) {
		TAILQ_REMOVE(&uplink->queue, client, link);
		client->state = CLIENT_IDLE;
		if (start(client) < 0)
			tacit_uplink_answer(client, CURLE_OUT_OF_MEMORY);
	}
}

int tacit_uplink_begin(struct tacit_uplink_client *client)
{
	struct tacit_uplink *uplink = client->uplink;

	if (uplink->underway < uplink->limit)
		return start(client);
	TAILQ_INSERT_TAIL(&uplink->queue, client, link);
	client->state = CLIENT_QUEUED;
	return 0;
}

static void collect(struct tacit_uplink_lane *lane)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(lane->multi, &left))) {
		CURLcode code = message->data.result;
		char *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		tacit_uplink_answer((struct tacit_uplink_client *)(void *)private, code);
	}
	tacit_uplink_go_on(lane->uplink);
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_uplink_lane *lane = (struct tacit_uplink_lane *)ctx;
	int mask =
		(what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl_multi_socket_action(lane->multi, fd, mask, &running);
	collect(lane);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_uplink_lane *lane = (struct tacit_uplink_lane *)ctx;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(lane);
}

static int watch_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct tacit_uplink_lane *lane = (struct tacit_uplink_lane *)ctx;
	struct timeval wait = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	(void)multi;
	return (timeout_ms < 0 ? event_del(lane->timer) : event_add(lane->timer, &wait));
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *slot)
{
	struct tacit_uplink_lane *lane = (struct tacit_uplink_lane *)ctx;
	struct event *event = (struct event *)slot;
	int events = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
		     (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	if (event)
		event_free(event);
	(void)curl_multi_assign(lane->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;

	event = event_new(lane->uplink->base, fd, (short)events, on_ready, lane);
	if (!event)
		return -1;
	(void)curl_multi_assign(lane->multi, fd, event);
	return event_add(event, NULL);
}

static int open_multi(struct tacit_uplink_lane *lane)
{
	long limit = (long)lane->uplink->limit, kept = (limit - 1) / (long)lane->uplink->lanes + 1;
	CURLM *multi = lane->multi = curl_multi_init();

	if (!multi)
		return -ENOMEM;
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kept) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limit) != CURLM_OK)
		return -ENOMEM;
	return 0;
}

static int open_lanes(struct tacit_uplink *uplink)
{
	int r = 0;

	uplink->lanes = (uplink->limit - 1) / LANE_CONNECTIONS + 1;
	uplink->lane = TACIT_NEW_N(struct tacit_uplink_lane, uplink->lanes);
	if (!uplink->lane)
		return -ENOMEM;
	for (unsigned i = 0; r == 0 && i < uplink->lanes; i++) {
		struct tacit_uplink_lane *lane = &uplink->lane[i];

		lane->uplink = uplink;
		lane->timer = evtimer_new(uplink->base, on_timer, lane);
		r = lane->timer ? open_multi(lane) : -ENOMEM;
	}
	return r;
}

int tacit_uplink_new(struct event_base *base, unsigned connections, struct tacit_uplink **ret)
{
	TACIT_CLEANUP(tacit_uplink_free_p) struct tacit_uplink *uplink = NULL;

	if (connections < 1 || connections > TACIT_UPLINK_CONNECTIONS_MAX)
		return -EINVAL;
	uplink = TACIT_NEW(struct tacit_uplink);
	if (!uplink)
		return -ENOMEM;
	TAILQ_INIT(&uplink->queue);
	uplink->base = base;
	uplink->limit = connections;
	/* Counted by curl: one cleanup for each, in tacit_uplink_free(). */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		tacit_free(TACIT_TAKE(uplink));
		return -ENOMEM;
	}
	if (open_lanes(uplink) < 0)
		return -ENOMEM;

	*ret = TACIT_TAKE(uplink);
	return 0;
}

void tacit_uplink_counters(const struct tacit_uplink *uplink, struct tacit_uplink_counters *ret)
{
	*ret = uplink->counters;
}

void tacit_uplink_free(struct tacit_uplink *uplink)
{
	if (!uplink)
		return;
	/* Closing connections still asks for sockets to be forgotten and the timer to be set. */
	for (unsigned i = 0; uplink->lane && i < uplink->lanes; i++) {
		(void)curl_multi_cleanup(uplink->lane[i].multi);
		if (uplink->lane[i].timer)
			event_free(uplink->lane[i].timer);
	}
	tacit_free(uplink->lane);
	curl_global_cleanup();
	tacit_free(uplink);
}
