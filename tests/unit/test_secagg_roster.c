/* SPDX-License-Identifier: MIT */
/* Rosters that a server may try with a host, and the reason the host gives. */
#include "privacy/graph.h"
#include "privacy/merkle.h"
#include "privacy/secagg_bind.h"
#include "secagg_world.h"

#define N 9U

/* A roster of the test's own making, over any adverts, with its own tree and graph. */
struct forgery {
	struct tacit_secagg_advert advert[N + 1]; /* of hosts in the order of their places */
	struct tacit_secagg_params params;
	uint8_t config[32], beacon[32];
	uint32_t index;	     /* the victim's */
	uint32_t swap, with; /* a neighbour to be replaced by somebody else; equal: none */
};

static void forge(struct world *world, const struct forgery *forgery, struct tacit_writer *message)
{
	uint32_t n = forgery->params.n, k = forgery->params.k, neighbour[N];
	uint8_t leaf[N + 1][32], digest[32], seed[32], proof[N + 1][TACIT_MERKLE_PROOF_MAX * 32];
	TACIT_CLEANUP(tacit_merkle_free_p) struct tacit_merkle *merkle = NULL;
	TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;
	struct tacit_secagg_roster roster = { .params = forgery->params, .index = forgery->index };
	struct tacit_secagg_seat seat[N];

	for (uint32_t i = 0; i < n; i++) {
		must(tacit_secagg_advert_digest(forgery->config, &forgery->advert[i], digest));
		must(tacit_secagg_advert_leaf(digest, leaf[i]));
	}
	must(tacit_merkle_new(leaf[0], n, &merkle));
	memcpy(roster.root, tacit_merkle_get_root(merkle), 32);
	memcpy(roster.beacon, forgery->beacon, 32);
	must(tacit_secagg_graph_seed(&world->config, &roster, seed));
	must(tacit_graph_new(seed, n, k, &graph));
	tacit_graph_neighbours(graph, forgery->index, neighbour);
	for (uint32_t i = 0; i < k; i++) {
		uint32_t j = neighbour[i];

		if (forgery->swap != forgery->with && i == forgery->swap)
			for (j = 0;
			     j == forgery->index || tacit_graph_has(graph, j, forgery->index);)
				j++;
		(void)tacit_merkle_prove(merkle, j, proof[i]);
		seat[i] = (struct tacit_secagg_seat){ j, forgery->advert[j], proof[i] };
	}
	(void)tacit_merkle_prove(merkle, forgery->index, proof[k]);
	for (uint32_t i = 1; i < k; i++) /* lists are in order, whatever they hold */
		for (uint32_t j = i; j > 0 && seat[j].index < seat[j - 1].index; j--) {
			struct tacit_secagg_seat kept = seat[j];

			seat[j] = seat[j - 1];
			seat[j - 1] = kept;
		}
	roster.proof = proof[k];
	roster.seat = seat;
	tacit_secagg_roster_encode(forgery->config, &roster, message);
}

/* The honest one, to be spoiled, after phase 1. */
static struct forgery forgery_of(struct world *world, struct world_host *victim)
{
	struct forgery forgery = { .params = *tacit_secagg_server_get_params(world->server),
				   .index = victim->index };

	must(tacit_secagg_config_digest(&world->config, forgery.config));
	memcpy(forgery.beacon, world->beacon, 32);
	for (uint32_t i = 0; i < world->n; i++) {
		const struct world_host *host = world_at(world, i);

		must(tacit_secagg_advert_decode(forgery.config, host->step.message,
						host->step.message_len, &forgery.advert[i]));
	}
	return forgery;
}

static void test_forgery_is_honest_unless_spoiled(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	struct forgery forgery;
	WRITER(ours);
	WRITER(theirs);

	world_run(world, 1, 1);
	forgery = forgery_of(world, victim);
	forge(world, &forgery, &ours);
	world_message(world, victim, 1, &theirs);
	CU_ASSERT(ours.len == theirs.len && memcmp(ours.data, theirs.data, ours.len) == 0);
	world_goes_on(world, 2);
}

static void test_weak_params(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	struct forgery forgery;

	world_run(world, 1, 1);
	for (uint32_t k = 4; k <= N - 1; k += 4) {
		WRITER(message);

		forgery = forgery_of(world, victim);
		forgery.params.k = k;
		forgery.params.t = k / 2;
		forge(world, &forgery, &message);
		world_refuses(world, victim, 1, &message, TACIT_SECAGG_WEAK_PARAMS);
	}
	world_goes_on(world, 2);
}

static void test_roster_too_small(void)
{
	WORLD(world, N, 0, 0);
	struct world_host *victim;
	struct forgery forgery;
	WRITER(message);

	world->floors.hosts_min = 4;
	world->config.hosts_min = N;
	tacit_secagg_server_free(world->server);
	must(tacit_secagg_server_new(&world->identity, &world->config, &world->server));
	world_run(world, 1, 1);
	victim = world_at(world, 3);
	forgery = forgery_of(world, victim);
	forgery.params = (struct tacit_secagg_params){ N - 1, N - 2, 6 };
	forge(world, &forgery, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_COHORT_BELOW_FLOOR);
	world_goes_on(world, 2);
}

static void test_other_beacon(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	struct forgery forgery;
	WRITER(message);

	world_run(world, 1, 1);
	forgery = forgery_of(world, victim);
	forgery.beacon[0] ^= 1;
	forge(world, &forgery, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_BAD_BEACON);
	world_goes_on(world, 2);
}

/* Somebody else sits in its place, or its keys were exchanged. */
static void test_not_seated(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	struct forgery forgery;
	WRITER(other_place);
	WRITER(other_keys);

	world_run(world, 1, 1);
	forgery = forgery_of(world, victim);
	forgery.index = (victim->index + 1) % N;
	forge(world, &forgery, &other_place);
	world_refuses(world, victim, 1, &other_place, TACIT_SECAGG_NOT_SEATED);
	forgery.index = victim->index;
	forgery.advert[victim->index].mask_key[0] ^= 1;
	forge(world, &forgery, &other_keys);
	world_refuses(world, victim, 1, &other_keys, TACIT_SECAGG_NOT_SEATED);
	world_goes_on(world, 2);
}

/* A neighbour's keys that are not those in the tree. */
static void test_bad_proof(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	struct tacit_secagg_roster roster = { 0 };
	uint8_t config[32];
	WRITER(honest);
	WRITER(message);

	world_run(world, 1, 1);
	must(tacit_secagg_config_digest(&world->config, config));
	world_message(world, victim, 1, &honest);
	must(tacit_secagg_roster_decode(config, honest.data, honest.len, &roster));
	roster.seat[2].advert.seal_key[5] ^= 1;
	tacit_secagg_roster_encode(config, &roster, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_BAD_PROOF);
	tacit_secagg_roster_done(&roster);
	world_goes_on(world, 2);
}

/* Keys of the server's own in the tree, under a neighbour's name. */
static void test_bad_signature(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	struct forgery forgery;
	WRITER(message);

	world_run(world, 1, 1);
	forgery = forgery_of(world, victim);
	forgery.advert[(victim->index + 2) % N].mask_key[0] ^= 1;
	forge(world, &forgery, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_BAD_SIGNATURE);
	world_goes_on(world, 2);
}

/* One colluding host in two places; and two hosts that changed places. */
static void test_duplicate_ids(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim;
	struct forgery forgery;
	WRITER(message);
	WRITER(swapped);

	world_run(world, 1, 1);
	victim = world_at(world, 0);
	forgery = forgery_of(world, victim);
	forgery.advert[5] = forgery.advert[4];
	forge(world, &forgery, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_DUPLICATE_ID);
	forgery = forgery_of(world, victim);
	forgery.advert[3] = forgery.advert[6];
	forge(world, &forgery, &swapped);
	world_refuses(world, victim, 1, &swapped, TACIT_SECAGG_DUPLICATE_ID);
	world_goes_on(world, 2);
}

/* In a sparse graph: a real host with a real proof, but not the graph's neighbour. */
static void test_other_graph(void)
{
	WORLD(world, N, 0, 0);
	struct world_host *victim = &world->host[4];
	struct forgery forgery;
	WRITER(honest);
	WRITER(message);

	world->floors.semi_malicious = false;
	tacit_secagg_server_free(world->server);
	world->config.threat.server = TACIT_SECAGG_SEMI_HONEST;
	must(tacit_secagg_server_new(&world->identity, &world->config, &world->server));
	world_run(world, 1, 1);
	forgery = forgery_of(world, victim);
	forgery.params = (struct tacit_secagg_params){ N, 4, 3 };
	forgery.swap = 1;
	forge(world, &forgery, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_OTHER_GRAPH);
	world_goes_on(world, 2);
}

/* A colluding host signs a point of low order, with which everybody would agree on zero. */
static void test_low_order_key(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4], *colluder;
	uint8_t digest[32], signature[TACIT_SECAGG_SIGNATURE_MAX];
	struct tacit_secagg_advert *advert;
	struct forgery forgery;
	WRITER(message);

	world_run(world, 1, 1);
	colluder = world_at(world, (victim->index + 1) % N);
	forgery = forgery_of(world, victim);
	advert = &forgery.advert[colluder->index];
	memset(advert->mask_key, 0, sizeof(advert->mask_key));
	must(tacit_secagg_advert_digest(forgery.config, advert, digest));
	advert->signature.data = signature;
	must(world_sign(colluder->key, digest, sizeof(digest), signature, &advert->signature.len));
	forge(world, &forgery, &message);
	world_refuses(world, victim, 1, &message, TACIT_SECAGG_BAD_KEY);
	world_goes_on(world, 2);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the test's forgery is honest", test_forgery_is_honest_unless_spoiled },
		{ "weak parameters", test_weak_params },
		{ "a roster smaller than announced", test_roster_too_small },
		{ "another beacon", test_other_beacon },
		{ "not in its own place", test_not_seated },
		{ "a neighbour not in its place", test_bad_proof },
		{ "keys that nobody signed", test_bad_signature },
		{ "ids twice or out of order", test_duplicate_ids },
		{ "not the graph's neighbours", test_other_graph },
		{ "a key of low order", test_low_order_key },
		{ NULL, NULL },
	};

	return unit_main("secagg_roster", cases);
}
