/* SPDX-License-Identifier: MIT */
/*
 * graph - who masks with whom: the hosts of a round in a ring, in an order that nobody chose, each
 * joined to the k / 2 before and the k / 2 behind it. Harary's k-connected graph over a random
 * permutation: Bell et al. 2020 (ia.cr/2020/704), section 3.1 and appendix.
 *
 * Everybody who knows the seed finds the same graph: the permutation is Fisher and Yates' shuffle
 * of 0..n-1, from the last place down, drawing from tacit_random_below() over a generator that the
 * seed starts (AES-256-CTR, little-endian u64, Lemire's method, which is exact).
 */
#ifndef TACIT_GRAPH_H
#define TACIT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_GRAPH_HOSTS_MAX  (1U << 20)
#define TACIT_GRAPH_DEGREE_MAX 1024U

struct tacit_graph;

/**
 * tacit_graph_new - the graph of a seed.
 * @n: hosts, 2..TACIT_GRAPH_HOSTS_MAX.
 * @k: neighbours of each, 1..TACIT_GRAPH_DEGREE_MAX: @n - 1 (all), or less and even.
 * @ret: owned by the caller.
 *
 * Returns 0, -EINVAL, -ENOMEM or TACIT_ECRYPTO.
 */
TACIT_MUST_CHECK int tacit_graph_new(const uint8_t seed[32], uint32_t n, uint32_t k,
				     struct tacit_graph **ret);

/* The k neighbours of @host, which must exist, in ascending order. */
void tacit_graph_neighbours(const struct tacit_graph *graph, uint32_t host, uint32_t *ret);

/* True when @a and @b, which must exist, are neighbours. */
bool tacit_graph_has(const struct tacit_graph *graph, uint32_t a, uint32_t b);

/* NULL is fine. */
void tacit_graph_free(struct tacit_graph *graph);
TACIT_DEFINE_CLEANUP(struct tacit_graph, tacit_graph_free)

#endif /* TACIT_GRAPH_H */
