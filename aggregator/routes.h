/* SPDX-License-Identifier: MIT */
/*
 * routes - the aggregator's HTTP resources, bound to one worker's database connection, partial
 * sums and event base. Paths, types and documents are those of tacit/wire.h.
 */
#ifndef TACIT_AGGREGATOR_ROUTES_H
#define TACIT_AGGREGATOR_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>

#include "ca.h"
#include "http.h"

struct event_base;
struct tacit_routes;

struct tacit_routes_params {
	struct event_base *base;   /* borrowed */
	struct tacit_db *db;	   /* borrowed; this worker's own, tacit_fleetdb_open() */
	const struct tacit_ca *ca; /* borrowed */
	uint32_t worker;	   /* index; the same again after a restart */
	uint32_t group;	   /* updates, or messages, in a commit, 1..TACIT_PARTIAL_GROUP_MAX; 0:
			      default, 32 */
	uint32_t group_ms; /* longest wait for company; 0: default, 2 */
	int64_t (*wall_ms)(void); /* NULL: the real clocks */
	int64_t (*boot_ms)(void);
};

/* @ret: owned by the caller; the ctx for struct tacit_http_params. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_routes_new(const struct tacit_routes_params *params,
				      struct tacit_routes **ret);

/* The table for struct tacit_http_params; static. */
const struct tacit_http_route *tacit_routes_table(size_t *ret_n);

/* Commits and answers what waits for a commit, now. */
void tacit_routes_flush(struct tacit_routes *routes);

/* The same, and nobody waits for a secure sum any more: before draining. */
void tacit_routes_drain(struct tacit_routes *routes);

/* For /metrics; all since the worker began. */
struct tacit_routes_counters {
	uint64_t enrolled, renewed;
	uint64_t updates_accepted, updates_repeated, updates_conflicting, updates_late,
		updates_refused; /* malformed or mismatched */
	uint64_t secure_accepted, secure_repeated, secure_conflicting, secure_late, secure_refused;
	uint64_t secure_parked; /* questions held back until there was an answer */
	uint64_t commits, commit_failures;
	uint64_t hosts_refused; /* not enrolled, revoked, superseded */
	uint64_t models_sent, models_unchanged;
};

void tacit_routes_counters(const struct tacit_routes *routes, struct tacit_routes_counters *ret);

/* Flushes. NULL is fine. Free the HTTP server first: exchanges must not come in any more. */
void tacit_routes_free(struct tacit_routes *routes);
TACIT_DEFINE_CLEANUP(struct tacit_routes, tacit_routes_free)

#endif /* TACIT_AGGREGATOR_ROUTES_H */
