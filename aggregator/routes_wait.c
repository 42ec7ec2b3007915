/* SPDX-License-Identifier: MIT */
/*
 * Questions that have no answer yet: their hosts come again, spread over the time that is left, or
 * wait here (Prefer: wait, RFC 7240). While anybody waits, the database is looked at ten times a
 * second, once for each cohort; what is found is handed out in portions, because a roster is a
 * hundred times as long as the question.
 */
#include "routes_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>

#include <tacit/clock.h>
#include <tacit/wire.h>

#define PARKED_MAX    2048U
#define WAIT_SEC_MAX  25U /* below the deadline of a handler's answer */
#define LOOK_USEC     100000
#define PORTION	      32U
#define PORTION_USEC  10000
#define RETRY_SEC_MAX 60
#define RETRY_SHARE   4 /* of the time that is left */

static int64_t now(const struct tacit_routes *routes)
{
	return routes->params.boot_ms ? routes->params.boot_ms() : tacit_clock_boot_ms();
}

/* Seconds of "wait=SECONDS" among the preferences; 0: none. */
static uint32_t preferred_wait(const struct tacit_http_exchange *exchange)
{
	const char *at = tacit_http_header(exchange, "Prefer");

	while (at && *at) {
		at += strspn(at, ", \t");
		if (strncasecmp(at, "wait=", 5) == 0 && at[5] >= '0' && at[5] <= '9') {
			unsigned long wait = strtoul(at + 5, NULL, 10);

			return wait < WAIT_SEC_MAX ? (uint32_t)wait : WAIT_SEC_MAX;
		}
		at += strcspn(at, ",");
	}
	return 0;
}

static void answer_not_yet(struct tacit_routes *routes,
			   const struct tacit_routes_question *question)
{
	int64_t sec =
		tacit_mailbox_left_ms(routes->mailbox, &question->caller) / RETRY_SHARE / 1000;
	char text[24];

	sec = sec < 1 ? 1 : sec > RETRY_SEC_MAX ? RETRY_SEC_MAX : sec;
	(void)snprintf(text, sizeof(text), "%lld", (long long)sec);
	tacit_http_set_header(question->exchange, "Retry-After", text);
	tacit_http_reply(question->exchange, 204, NULL, NULL, 0);
}

/* What there is for it: -EAGAIN, or a result that answers it. */
static int find_answer(struct tacit_routes *routes, const struct tacit_routes_question *question,
		       struct tacit_writer *writer)
{
	return tacit_mailbox_fetch(routes->mailbox, &question->caller, question->type, writer);
}

static void answer(struct tacit_routes *routes, const struct tacit_routes_question *question, int r,
		   const struct tacit_writer *writer)
{
	if (r == 0)
		tacit_http_reply(question->exchange, 200, TACIT_TYPE_SECAGG, writer->data,
				 writer->len);
	else if (r == -EAGAIN)
		answer_not_yet(routes, question);
	else if (r == TACIT_ESTALE)
		tacit_routes_closed(routes, question->exchange, &question->caller);
	else
		tacit_routes_fail(routes, question->exchange, r);
}

static void look_again(struct tacit_routes *routes, long usec)
{
	const struct timeval wait = { .tv_usec = usec };

	/* A timer that cannot be set must not leave anyone waiting. */
	if (routes->parked > 0 && event_add(routes->look, &wait) < 0)
		tacit_routes_release(routes);
}

/* True when it waits here from now on. */
static bool park(struct tacit_routes *routes, const struct tacit_routes_question *question)
{
	uint32_t wait_sec = preferred_wait(question->exchange);

	if (wait_sec == 0 || routes->draining || routes->parked == PARKED_MAX)
		return false;
	if (!routes->question)
		routes->question = TACIT_NEW_N(struct tacit_routes_question, PARKED_MAX);
	if (!routes->question)
		return false;
	routes->question[routes->parked] = *question;
	routes->question[routes->parked].until_ms = now(routes) + (int64_t)wait_sec * 1000;
	routes->parked++;
	routes->counters.secure_parked++;
	if (routes->parked == 1)
		look_again(routes, LOOK_USEC);
	return true;
}

void tacit_routes_ask(struct tacit_routes *routes, const struct tacit_routes_question *question)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	int r = find_answer(routes, question, &writer);

	if (r != -EAGAIN || !park(routes, question))
		answer(routes, question, r, &writer);
}

/* True when it waits no longer. The question is taken out first: an answer may bring in the next.
 */
static bool settle(struct tacit_routes *routes, size_t i, bool all)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	const struct tacit_routes_question question = routes->question[i];
	int r = all ? -EAGAIN : find_answer(routes, &question, &writer);

	if (r == -EAGAIN && !all && now(routes) < question.until_ms)
		return false;
	routes->question[i] = routes->question[--routes->parked];
	answer(routes, &question, r, &writer);
	return true;
}

void tacit_routes_look(struct tacit_routes *routes)
{
	size_t settled = 0;

	tacit_mailbox_turn(routes->mailbox);
	for (size_t i = 0; i < routes->parked && settled < PORTION;) {
		if (settle(routes, i, false))
			settled++;
		else
			i++;
	}
	look_again(routes, settled == PORTION ? PORTION_USEC : LOOK_USEC);
}

void tacit_routes_release(struct tacit_routes *routes)
{
	(void)event_del(routes->look);
	for (size_t n = routes->parked; n > 0 && routes->parked > 0; n--)
		(void)settle(routes, routes->parked - 1, true);
}
