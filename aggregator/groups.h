/* SPDX-License-Identifier: MIT */
/*
 * groups - who is told apart from whom in a round: hosts by the value of one label, the most
 * frequent values each with a slot of its own, all others in the last one. Table round_group keeps a
 * round's slots, for hosts to be told theirs, and for the figures to have names.
 */
#ifndef TACIT_AGGREGATOR_GROUPS_H
#define TACIT_AGGREGATOR_GROUPS_H

#include <stdint.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/wire.h>

#include "labels.h"

struct tacit_group {
	char value[TACIT_LABEL_VALUE_MAX + 1]; /* "" for all others */
	double weight;
};

/* Plain record. */
struct tacit_groups {
	char label[TACIT_LABEL_NAME_MAX + 1]; /* "": one group of all hosts */
	uint32_t n;			      /* 1..TACIT_EVALUATION_SLOTS_MAX */
	struct tacit_group group[TACIT_EVALUATION_SLOTS_MAX];
};

/* The groups that enrolled hosts make now, each of weight 1. 0 or database errors. */
TACIT_MUST_CHECK int tacit_groups_find(struct tacit_db *db, const char *label,
				       struct tacit_groups *ret);

/* Those of a round; of one that has none, one group of all. 0 or database errors. */
TACIT_MUST_CHECK int tacit_groups_get(struct tacit_db *db, uint64_t round,
				      struct tacit_groups *ret);

/* Keeps them with a round that was just inserted. Within the caller's transaction. */
TACIT_MUST_CHECK int tacit_groups_put(struct tacit_db *db, uint64_t round,
				      const struct tacit_groups *groups);

/* Forgets those of rounds up to @round, but for evaluations. Within the caller's transaction. */
TACIT_MUST_CHECK int tacit_groups_tidy(struct tacit_db *db, int64_t round);

/* Fills in what a host is told of itself: slot and weight, where its round has groups. 0 or database
 * errors. */
TACIT_MUST_CHECK int tacit_groups_tell(struct tacit_db *db, int64_t host,
				       struct tacit_round_doc *doc);

#endif /* TACIT_AGGREGATOR_GROUPS_H */
