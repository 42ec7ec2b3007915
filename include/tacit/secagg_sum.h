/* SPDX-License-Identifier: MIT */
/*
 * secagg_sum - masked vectors added up, modulo 2^32. Of each only a digest is kept, so that memory
 * is that of one vector. Sums of different hosts can be merged: every worker of an aggregator has
 * one of its own.
 */
#ifndef TACIT_SECAGG_SUM_H
#define TACIT_SECAGG_SUM_H

#include <tacit/cleanup.h>
#include <tacit/secagg.h>

struct tacit_secagg_sum;

/* Empty, for @n hosts, 1..TACIT_SECAGG_HOSTS_MAX, and @dimensions, 1..TACIT_SECAGG_DIMS_MAX. @ret:
 * owned by the caller. 0, -EINVAL or -ENOMEM. */
TACIT_MUST_CHECK int tacit_secagg_sum_new(uint32_t n, uint32_t dimensions,
					  struct tacit_secagg_sum **ret);

/**
 * tacit_secagg_sum_add - add a host's vector.
 * @masked: of one of the hosts, with the right dimensions, decoded from @data.
 *
 * Returns 0 (also when these very bytes are in it, and then nothing is added), TACIT_ECONFLICT
 * (this host's other bytes are), -EINVAL or TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_secagg_sum_add(struct tacit_secagg_sum *sum,
					  const struct tacit_secagg_masked *masked,
					  const uint8_t *data, size_t len);

/* Adds @other, which stays as it is. 0, -EINVAL (of other hosts or dimensions), or TACIT_ECONFLICT
 * when a host is in both: nothing is added then. */
TACIT_MUST_CHECK int tacit_secagg_sum_merge(struct tacit_secagg_sum *sum,
					    const struct tacit_secagg_sum *other);

bool tacit_secagg_sum_has(const struct tacit_secagg_sum *sum, uint32_t host);

/* How many hosts are in it. */
uint32_t tacit_secagg_sum_count(const struct tacit_secagg_sum *sum);

/* How many of them could not open what @dealer dealt them. */
uint32_t tacit_secagg_sum_complaints(const struct tacit_secagg_sum *sum, uint32_t dealer);

/* The numbers, borrowed. */
const uint32_t *tacit_secagg_sum_get(const struct tacit_secagg_sum *sum);

void tacit_secagg_sum_save(const struct tacit_secagg_sum *sum, struct tacit_writer *writer);

/* 0, TACIT_EDAMAGED or -ENOMEM. */
TACIT_MUST_CHECK int tacit_secagg_sum_load(const uint8_t *data, size_t len,
					   struct tacit_secagg_sum **ret);

/* NULL is fine. */
void tacit_secagg_sum_free(struct tacit_secagg_sum *sum);
TACIT_DEFINE_CLEANUP(struct tacit_secagg_sum, tacit_secagg_sum_free)

#endif /* TACIT_SECAGG_SUM_H */
