/* SPDX-License-Identifier: MIT */
/* What the files of routes share; nobody else includes this. */
#ifndef TACIT_AGGREGATOR_ROUTES_PRIVATE_H
#define TACIT_AGGREGATOR_ROUTES_PRIVATE_H

#include "routes.h"

#include <sys/time.h>

#include <tacit/log.h>

#include "hosts.h"
#include "mailbox.h"
#include "partial.h"
#include "schedule.h"

struct event;

/* What a host of a secure sum asks for. */
struct tacit_routes_question {
	struct tacit_http_exchange *exchange;
	struct tacit_mailbox_caller caller;
	enum tacit_secagg_type type;
	int64_t until_ms; /* it waits for so long, by the boot clock */
};

struct tacit_routes {
	struct tacit_routes_params params;
	struct tacit_partial *partial;
	struct event *group_due;
	struct tacit_schedule_mark mark; /* when the newest round began */
	/* The group that waits: exchange i brought update i. */
	struct tacit_http_exchange *exchange[TACIT_PARTIAL_GROUP_MAX];
	struct tacit_partial_update update[TACIT_PARTIAL_GROUP_MAX];
	size_t waiting;
	/* The same of secure sums. */
	struct tacit_mailbox *mailbox;
	struct event *messages_due;
	struct tacit_http_exchange *speaker[TACIT_MAILBOX_GROUP_MAX];
	struct tacit_mailbox_message message[TACIT_MAILBOX_GROUP_MAX];
	size_t messages;
	/* Questions that wait for their answer. */
	struct event *look;
	struct tacit_routes_question *question;
	size_t parked;
	bool draining; /* nobody waits any more */
	struct tacit_routes_counters counters;
	struct tacit_log_limit complaints;
};

int64_t tacit_routes_now(const struct tacit_routes *routes);

/* True when the exchange's certificate is a host's that may speak to us; answers otherwise. */
TACIT_MUST_CHECK bool tacit_routes_admit(struct tacit_routes *routes,
					 struct tacit_http_exchange *exchange,
					 struct tacit_host *ret);

/* Answers for what is our own failure, and logs it: 503 when trying again may help, else 500. */
void tacit_routes_fail(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
		       int error);

/* 503 with Retry-After. */
void tacit_routes_busy(struct tacit_http_exchange *exchange);

/* How long the first of a group waits for company. */
struct timeval tacit_routes_group_wait(const struct tacit_routes *routes);

/* Number in TACIT_PATH_ROUNDS + number + resource, and the resource; 0 when the path is another. */
uint64_t tacit_routes_round(const char *path, const char **ret_resource);

/* The handler of an update; and the group's end. */
void tacit_routes_put_update(void *ctx, struct tacit_http_exchange *exchange);
void tacit_routes_flush_updates(struct tacit_routes *routes);

/* The handlers of a secure sum's messages; and the group's end. */
void tacit_routes_put_message(void *ctx, struct tacit_http_exchange *exchange);
void tacit_routes_get_message(void *ctx, struct tacit_http_exchange *exchange);
void tacit_routes_flush_messages(struct tacit_routes *routes);

/* Who the exchange's host is in a round; as tacit_mailbox_find(). */
TACIT_MUST_CHECK int tacit_routes_find(struct tacit_routes *routes,
				       const struct tacit_http_exchange *exchange,
				       const struct tacit_host *host, uint64_t round,
				       struct tacit_mailbox_caller *ret);

/* 410, and why. */
void tacit_routes_closed(struct tacit_routes *routes, struct tacit_http_exchange *exchange,
			 const struct tacit_mailbox_caller *caller);

/* Answers a question, or lets it wait for its answer. */
void tacit_routes_ask(struct tacit_routes *routes, const struct tacit_routes_question *question);

/* Answers those that wait for which there is an answer by now; and all, without one. */
void tacit_routes_look(struct tacit_routes *routes);
void tacit_routes_release(struct tacit_routes *routes);

/* The handlers of enrolment and renewal. */
void tacit_routes_put_enrolment(void *ctx, struct tacit_http_exchange *exchange);
void tacit_routes_put_certificate(void *ctx, struct tacit_http_exchange *exchange);

#endif /* TACIT_AGGREGATOR_ROUTES_PRIVATE_H */
