/* SPDX-License-Identifier: MIT */
/* What the files of routes share; nobody else includes this. */
#ifndef TACIT_AGGREGATOR_ROUTES_PRIVATE_H
#define TACIT_AGGREGATOR_ROUTES_PRIVATE_H

#include "routes.h"

#include <tacit/log.h>

#include "hosts.h"
#include "partial.h"
#include "schedule.h"

struct event;

struct tacit_routes {
	struct tacit_routes_params params;
	struct tacit_partial *partial;
	struct event *group_due;
	struct tacit_schedule_mark mark; /* when the newest round began */
	/* The group that waits: exchange i brought update i. */
	struct tacit_http_exchange *exchange[TACIT_PARTIAL_GROUP_MAX];
	struct tacit_partial_update update[TACIT_PARTIAL_GROUP_MAX];
	size_t waiting;
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

/* The handler of an update. */
void tacit_routes_put_update(void *ctx, struct tacit_http_exchange *exchange);

/* The handlers of enrolment and renewal. */
void tacit_routes_put_enrolment(void *ctx, struct tacit_http_exchange *exchange);
void tacit_routes_put_certificate(void *ctx, struct tacit_http_exchange *exchange);

#endif /* TACIT_AGGREGATOR_ROUTES_PRIVATE_H */
