/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include <stdlib.h>

#include <tacit/random.h>

struct tacit_graph {
	uint32_t n, k;
	uint32_t *host_at; /* place in the ring -> host */
	uint32_t *place;   /* host -> place in the ring */
};

static void shuffle(struct tacit_random *random, uint32_t *list, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t other = (uint32_t)tacit_random_below(random, i);
		uint32_t kept = list[i - 1];

		list[i - 1] = list[other];
		list[other] = kept;
	}
}

int tacit_graph_new(const uint8_t seed[32], uint32_t n, uint32_t k, struct tacit_graph **ret)
{
	TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	int r;

	if (n < 2 || n > TACIT_GRAPH_HOSTS_MAX || k < 1 || k > TACIT_GRAPH_DEGREE_MAX || k >= n ||
	    (k % 2 == 1 && k != n - 1))
		return -EINVAL;
	graph = TACIT_NEW(struct tacit_graph);
	if (!graph)
		return -ENOMEM;
	graph->n = n;
	graph->k = k;
	graph->host_at = TACIT_NEW_N(uint32_t, n);
	graph->place = TACIT_NEW_N(uint32_t, n);
	if (!graph->host_at || !graph->place)
		return -ENOMEM;
	r = tacit_random_new(seed, &random);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		graph->host_at[i] = i;
	shuffle(random, graph->host_at, n);
	for (uint32_t i = 0; i < n; i++)
		graph->place[graph->host_at[i]] = i;
	*ret = TACIT_TAKE(graph);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* The k places that begin k / 2 before the host's, without its own. */
void tacit_graph_neighbours(const struct tacit_graph *graph, uint32_t host, uint32_t *ret)
{
	uint32_t n = graph->n, first = graph->place[host] + n - graph->k / 2;

	for (uint32_t i = 0; i < graph->k; i++)
		ret[i] = graph->host_at[(first + i + (i >= graph->k / 2)) % n];
	qsort(ret, graph->k, sizeof(*ret), compare);
}

bool tacit_graph_has(const struct tacit_graph *graph, uint32_t a, uint32_t b)
{
	uint32_t ahead = (graph->place[a] + graph->n - graph->place[b]) % graph->n;
	uint32_t distance = ahead < graph->n - ahead ? ahead : graph->n - ahead;

	return a != b && distance <= (graph->k + 1) / 2;
}

void tacit_graph_free(struct tacit_graph *graph)
{
	if (!graph)
		return;
	tacit_free(graph->host_at);
	tacit_free(graph->place);
	tacit_free(graph);
}
