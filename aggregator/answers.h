/* SPDX-License-Identifier: MIT */
/*
 * answers - what the aggregator says to each verb of its admin socket. The asking end,
 * with its words for people, is verbs.h.
 */
#ifndef TACIT_AGGREGATOR_ANSWERS_H
#define TACIT_AGGREGATOR_ANSWERS_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/random.h>

#include "board.h"
#include "ca.h"

/* Everything is borrowed. */
struct tacit_answers {
	struct tacit_db *db;
	const struct tacit_ca *ca;
	struct tacit_random *random;
	const struct tacit_board *board;
	size_t workers;		  /* the first slots of the board */
	const char *listen, *url; /* as they are, not as configured */
	pid_t supervisor;
	int64_t started_ms; /* wall clock */
	int64_t (*wall_ms)(void);
};

/**
 * tacit_answers_give - a tacit_admin_handler; @ctx is a struct tacit_answers.
 *
 * Verbs, members of the request, and of the answer:
 *   token create   uses, ttl_sec, labels?              token, id, url
 *   token list                                         tokens
 *   token revoke   id                                  id
 *   hosts list                                         hosts
 *   hosts show     id                                  host
 *   hosts revoke   id                                  id
 *   rounds list    limit?                              rounds
 *   rounds show    round                               round
 *   rounds open                                        round
 *   task show                                          as tacit_tasks_show()
 *   task set       changes (members of the task)       as tacit_tasks_show()
 *   privacy                                            as tacit_round_privacy()
 *   status                                             version, url, workers, hosts, ...
 */
int tacit_answers_give(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
		       size_t size);

#endif /* TACIT_AGGREGATOR_ANSWERS_H */
