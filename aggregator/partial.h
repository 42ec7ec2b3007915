/* SPDX-License-Identifier: MIT */
/*
 * partial - one worker's partial sum of the round that is collecting.
 *
 * Updates are admitted one by one, against the round in memory, and committed in groups:
 * one transaction records who took part and writes the partial sum. Memory is two
 * vectors of d numbers, however many hosts there are; the group's updates stay where the
 * caller has them.
 */
#ifndef TACIT_AGGREGATOR_PARTIAL_H
#define TACIT_AGGREGATOR_PARTIAL_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/wire.h>

struct tacit_partial;

/* Updates in one group. */
#define TACIT_PARTIAL_GROUP_MAX 64U

/**
 * struct tacit_partial_update - one update of a group.
 *
 * @result after the commit: 1 accepted, 0 the same bytes were accepted before,
 * TACIT_ECONFLICT other bytes were, TACIT_ESTALE the round is over or full.
 */
struct tacit_partial_update {
	uint64_t round;
	int64_t host;	      /* tacit_host.number */
	const uint8_t *value; /* borrowed until the commit; little-endian u32, unaligned */
	uint32_t dimensions;
	uint8_t digest[TACIT_DIGEST_LEN]; /* of the whole body */
	int result;
};

/**
 * tacit_partial_new - a partial sum that has not yet seen a round.
 * @db:     borrowed, outlives it.
 * @worker: index of this worker. After a restart the same index goes on with its sum.
 *
 * Returns 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_partial_new(struct tacit_db *db, uint32_t worker,
				       struct tacit_partial **ret);

/**
 * tacit_partial_admit - does this body fit the round it names?
 * @body:  must stay until the group it goes into is committed.
 * @ret:   what to put into a group; @result is left 0.
 *
 * When the round is over but the host's update is in, and is the same, it is admitted: the
 * commit then finds it so. Nothing is changed.
 *
 * Returns 0, TACIT_ESCHEMA (not an update), -ENOENT (no such round), TACIT_ESTALE (it is over),
 * -EINVAL (another round, task, model, mode or number of dimensions), TACIT_ECRYPTO, -ENOMEM,
 * database errors.
 */
TACIT_MUST_CHECK int tacit_partial_admit(struct tacit_partial *partial, int64_t host,
					 uint64_t round, const uint8_t *body, size_t len,
					 struct tacit_partial_update *ret);

/**
 * tacit_partial_commit - a group of admitted updates, all in one transaction.
 * @update: @n of them, up to TACIT_PARTIAL_GROUP_MAX; each one's @result is set.
 *
 * Returns 0, or an error: then none of them was taken (or, when the disk failed in the very
 * commit, whatever the database says next time counts), and no @result is set.
 */
TACIT_MUST_CHECK int tacit_partial_commit(struct tacit_partial *partial,
					  struct tacit_partial_update *update, size_t n);

/* Adds @n numbers of @value to those of @sum, modulo 2^32. Both are little-endian u32,
 * unaligned; they do not overlap. A partial sum is stored as these bytes. */
void tacit_partial_add(uint8_t *sum, const uint8_t *value, size_t n);

/* NULL is fine. */
void tacit_partial_free(struct tacit_partial *partial);
TACIT_DEFINE_CLEANUP(struct tacit_partial, tacit_partial_free)

#endif /* TACIT_AGGREGATOR_PARTIAL_H */
