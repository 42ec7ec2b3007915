/* SPDX-License-Identifier: MIT */
/* The sum without its masks: self masks of the survivors, pairwise masks of those who went away. */
#include <string.h>

#include <openssl/crypto.h>

#include "mask.h"
#include "secagg_server_private.h"
#include "shamir.h"

struct unmasking {
	const struct tacit_secagg_server *server;
	uint32_t *value;
	struct tacit_mask *mask;
	struct tacit_hkdf *hkdf;
	uint32_t *holder, *weight; /* of the last set of holders: in a complete graph, of all */
	bool weighted;
};

static void unmasking_done(struct unmasking *unmasking)
{
	tacit_mask_free(unmasking->mask);
	tacit_hkdf_free(unmasking->hkdf);
	tacit_free(unmasking->holder);
	tacit_free(unmasking->weight);
}

static int unmasking_init(struct unmasking *unmasking, const struct tacit_secagg_server *server,
			  uint32_t *value)
{
	int r;

	unmasking->server = server;
	unmasking->value = value;
	unmasking->holder = TACIT_NEW_N(uint32_t, server->params.t);
	unmasking->weight = TACIT_NEW_N(uint32_t, server->params.t);
	if (!unmasking->holder || !unmasking->weight)
		return -ENOMEM;
	r = tacit_mask_new(&unmasking->mask);
	return r < 0 ? r : tacit_hkdf_new(&unmasking->hkdf);
}

static int weigh(struct unmasking *unmasking, const struct tacit_secagg_member *member)
{
	uint32_t t = unmasking->server->params.t;
	bool same = unmasking->weighted;

	for (uint32_t i = 0; i < t; i++) {
		same = same && unmasking->holder[i] == member->held[i].holder;
		unmasking->holder[i] = member->held[i].holder;
	}
	if (same)
		return 0;
	unmasking->weighted = true;
	return tacit_shamir_weights(unmasking->holder, t, unmasking->weight);
}

static int reconstruct(struct unmasking *unmasking, const struct tacit_secagg_member *member,
		       uint8_t *secret)
{
	const uint8_t *share[TACIT_SHAMIR_MAX];
	uint32_t t = unmasking->server->params.t;
	int r = weigh(unmasking, member);

	for (uint32_t i = 0; i < t; i++)
		share[i] = member->held[i].bytes;
	return r < 0 ? r : tacit_shamir_combine(unmasking->weight, share, t, secret);
}

/* TACIT_EDAMAGED when it is not the seed that was committed to. */
static int remove_self(struct unmasking *unmasking, const struct tacit_secagg_member *member,
		       const uint8_t *seed)
{
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_secagg_commit(seed, digest);

	if (r < 0)
		return r;
	if (CRYPTO_memcmp(digest, member->advert.commitment, sizeof(digest)) != 0)
		return TACIT_EDAMAGED;
	return tacit_mask_subtract(unmasking->mask, seed, unmasking->value,
				   unmasking->server->round.config.dimensions);
}

/* What survivor @other added to its vector for one who went, @host. */
static int remove_pair(struct unmasking *unmasking, struct tacit_agree *agree, uint32_t host,
		       uint32_t other)
{
	const struct tacit_secagg_server *server = unmasking->server;
	const struct tacit_secagg_advert *gone = &server->member[host].advert;
	const struct tacit_secagg_advert *peer = &server->member[other].advert;
	uint32_t n = server->round.config.dimensions;
	uint8_t key[TACIT_SECAGG_KEY_LEN];
	TACIT_AUTO_WIPE(key);
	int r = tacit_secagg_pair_key(agree, unmasking->hkdf, &server->round,
				      TACIT_SECAGG_MASK_PURPOSE, gone->id, peer->mask_key, peer->id,
				      key);

	if (r < 0)
		return r;
	return host > other ? tacit_mask_subtract(unmasking->mask, key, unmasking->value, n)
			    : tacit_mask_add(unmasking->mask, key, unmasking->value, n);
}

/* TACIT_EDAMAGED when it is not the seed of the key that was advertised. */
static int remove_pairs(struct unmasking *unmasking, uint32_t host, const uint8_t *seed)
{
	const struct tacit_secagg_server *server = unmasking->server;
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *agree = NULL;
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX];
	int r = tacit_agree_new(seed, &agree);

	if (r < 0)
		return r;
	if (CRYPTO_memcmp(tacit_agree_get_public(agree), server->member[host].advert.mask_key,
			  TACIT_SECAGG_KEY_LEN) != 0)
		return TACIT_EDAMAGED;
	tacit_graph_neighbours(server->graph, host, neighbour);
	for (uint32_t i = 0; r == 0 && i < server->params.k; i++)
		if (server->member[neighbour[i]].alive)
			r = remove_pair(unmasking, agree, host, neighbour[i]);
	return r;
}

static int remove_host(struct unmasking *unmasking, uint32_t host)
{
	const struct tacit_secagg_member *member = &unmasking->server->member[host];
	uint8_t secret[TACIT_SHAMIR_SECRET_LEN];
	TACIT_AUTO_WIPE(secret);
	int r;

	if (!member->alive && !member->gone)
		return 0;
	r = reconstruct(unmasking, member, secret);
	if (r < 0)
		return r;
	return member->alive ? remove_self(unmasking, member, secret)
			     : remove_pairs(unmasking, host, secret);
}

/* All hosts are gone through even when the sum is lost, so that all culprits are known. */
int tacit_secagg_server_unmask(struct tacit_secagg_server *server,
			       const struct tacit_secagg_sum *sum, uint32_t *ret,
			       enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(unmasking_done) struct unmasking unmasking = { 0 };
	bool lost = false;
	int r;

	if (server->phase < TACIT_SECAGG_PHASE_ANSWERS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	if (tacit_secagg_server_missing(server) > 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_UNRECOVERABLE);
	for (uint32_t i = 0; i < server->n; i++)
		if (tacit_secagg_sum_has(sum, i) != server->member[i].alive)
			return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	r = unmasking_init(&unmasking, server, ret);
	memcpy(ret, tacit_secagg_sum_get(sum), server->round.config.dimensions * sizeof(*ret));
	for (uint32_t i = 0; r == 0 && i < server->n; i++) {
		r = remove_host(&unmasking, i);
		if (r != TACIT_EDAMAGED)
			continue;
		lost = true;
		r = 0;
		tacit_secagg_server_blame(server, i, TACIT_SECAGG_BAD_SECRET, 0);
	}
	return r == 0 && lost ? tacit_secagg_refuse(why, TACIT_SECAGG_UNRECOVERABLE) : r;
}
