/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "privacy/graph.h"
#include "seed.h"
#include "unit.h"

#define N_MAX 80U

static struct tacit_graph *new_graph(const uint8_t *seed, uint32_t n, uint32_t k)
{
	struct tacit_graph *graph = NULL;

	if (tacit_graph_new(seed, n, k, &graph) < 0)
		abort();
	return graph;
}

/* Computed apart, from the description in the header: seed 00 01 .. 1f. */
static void test_known_answer(void)
{
	static const uint32_t expected[12][4] = {
		{ 1, 3, 6, 7 },	 { 0, 4, 7, 10 }, { 4, 5, 8, 10 }, { 0, 6, 7, 11 },
		{ 1, 2, 7, 10 }, { 2, 8, 9, 11 }, { 0, 3, 9, 11 }, { 0, 1, 3, 4 },
		{ 2, 5, 9, 10 }, { 5, 6, 8, 11 }, { 1, 2, 4, 8 },  { 3, 5, 6, 9 },
	};
	static const uint32_t first[] = { 11, 15, 25, 27, 50, 66, 71, 77, 84, 93 };
	TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;
	TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *large = NULL;
	uint32_t neighbour[66];
	uint8_t seed[32];

	for (uint8_t i = 0; i < 32; i++)
		seed[i] = i;
	graph = new_graph(seed, 12, 4);
	for (uint32_t i = 0; i < 12; i++) {
		tacit_graph_neighbours(graph, i, neighbour);
		CU_ASSERT_EQUAL(memcmp(neighbour, expected[i], sizeof(expected[i])), 0);
	}
	large = new_graph(seed, 1000, 66);
	tacit_graph_neighbours(large, 0, neighbour);
	CU_ASSERT_EQUAL(memcmp(neighbour, first, sizeof(first)), 0);
}

/* Neighbourhood is mutual, of degree k, in order, never with oneself; both functions agree. */
static void check_graph(const struct tacit_graph *graph, uint32_t n, uint32_t k)
{
	static bool edge[N_MAX][N_MAX];
	uint32_t neighbour[N_MAX];

	memset(edge, 0, sizeof(edge));
	for (uint32_t i = 0; i < n; i++) {
		tacit_graph_neighbours(graph, i, neighbour);
		for (uint32_t j = 0; j < k; j++) {
			CU_ASSERT(neighbour[j] < n && neighbour[j] != i);
			CU_ASSERT(j == 0 || neighbour[j - 1] < neighbour[j]);
			edge[i][neighbour[j]] = true;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++) {
			CU_ASSERT_EQUAL(edge[i][j], edge[j][i]);
			CU_ASSERT_EQUAL(edge[i][j], tacit_graph_has(graph, i, j));
		}
}

static void test_regular_and_mutual(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint8_t seed[32];

	for (uint32_t n = 2; n <= N_MAX; n++)
		for (uint32_t k = 2; k < n + 1; k += 2) {
			uint32_t degree = k < n ? k : n - 1;
			TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;

			tacit_random_bytes(random, seed, sizeof(seed));
			graph = new_graph(seed, n, degree);
			check_graph(graph, n, degree);
		}
}

static uint32_t reach(const struct tacit_graph *graph, uint32_t n, const bool *gone, uint32_t from,
		      bool *seen)
{
	uint32_t neighbour[N_MAX], count = 1;

	seen[from] = true;
	tacit_graph_neighbours(graph, from, neighbour);
	for (uint32_t i = 0; i < 6; i++)
		if (!gone[neighbour[i]] && !seen[neighbour[i]])
			count += reach(graph, n, gone, neighbour[i], seen);
	return count;
}

/* Harary: fewer than k removed hosts never cut the graph. */
static void test_connected(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint8_t seed[32];

	for (int round = 0; round < 500; round++) {
		TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;
		bool gone[N_MAX] = { false }, seen[N_MAX] = { false };
		uint32_t n = 20, from = 0, around[6];

		tacit_random_bytes(random, seed, sizeof(seed));
		graph = new_graph(seed, n, 6);
		tacit_graph_neighbours(graph, (uint32_t)tacit_random_below(random, n), around);
		for (int i = 0; i < 5; i++) /* all but one of somebody's neighbours */
			gone[around[i]] = true;
		while (gone[from])
			from++;
		CU_ASSERT_EQUAL(reach(graph, n, gone, from, seen), n - 5);
	}
}

/* Every host is another's neighbour equally often. */
static void test_uniform(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	double expected[9];
	uint64_t count[9] = { 0 };
	uint32_t neighbour[2];
	uint8_t seed[32];

	for (int i = 0; i < 9; i++)
		expected[i] = 9000 * 2 / 9.0;
	for (int round = 0; round < 9000; round++) {
		TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;

		tacit_random_bytes(random, seed, sizeof(seed));
		graph = new_graph(seed, 10, 2);
		tacit_graph_neighbours(graph, 0, neighbour);
		count[neighbour[0] - 1]++;
		count[neighbour[1] - 1]++;
	}
	CU_ASSERT(counts_fit(count, expected, 9));
}

static void test_limits(void)
{
	static const struct {
		uint32_t n, k;
	} bad[] = { { 1, 1 },  { 10, 0 }, { 10, 10 },	  { 10, 3 },
		    { 10, 7 }, { 0, 0 },  { 1 << 21, 8 }, { 5000, 1026 } };
	static const uint8_t seed[32];
	struct tacit_graph *graph = NULL;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++)
		CU_ASSERT_EQUAL(tacit_graph_new(seed, bad[i].n, bad[i].k, &graph), -EINVAL);
	for (int i = 0; i < 4; i++) {
		unit_fail_alloc(i);
		CU_ASSERT_EQUAL(tacit_graph_new(seed, 10, 4, &graph), -ENOMEM);
	}
	unit_fail_alloc(-1);
	tacit_graph_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known answer", test_known_answer },
		{ "regular and mutual", test_regular_and_mutual },
		{ "fewer than k removed do not cut it", test_connected },
		{ "neighbours are uniform", test_uniform },
		{ "limits", test_limits },
		{ NULL, NULL },
	};

	return unit_main("graph", cases);
}
