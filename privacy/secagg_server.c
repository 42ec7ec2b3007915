/* SPDX-License-Identifier: MIT */
/* Life of a server's part, and its first phases: who takes part, and in which places. */
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "secagg_server_private.h"

static int sign_config(struct tacit_secagg_server *server, const struct tacit_secagg_config *config)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer body = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	uint8_t signature[TACIT_SECAGG_SIGNATURE_MAX];
	struct tacit_secagg_config signed_config = *config;
	int r;

	tacit_secagg_config_body(config, &body);
	if (body.failed)
		return -ENOMEM;
	signed_config.signature.data = signature;
	r = server->identity.sign(server->identity.ctx, body.data, body.len, signature,
				  &signed_config.signature.len);
	if (r < 0)
		return r;
	tacit_secagg_config_encode(&signed_config, &message);
	return tacit_writer_take(&message, &server->config_data, &server->config_len);
}

int tacit_secagg_server_new(const struct tacit_secagg_identity *identity,
			    const struct tacit_secagg_config *config,
			    struct tacit_secagg_server **ret)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	int r;

	server = TACIT_NEW(struct tacit_secagg_server);
	if (!server)
		return -ENOMEM;
	server->identity = *identity;
	r = sign_config(server, config);
	if (r == 0)
		r = tacit_secagg_config_decode(server->config_data, server->config_len,
					       &server->round.config);
	if (r == 0)
		r = tacit_secagg_config_digest(&server->round.config, server->round.digest);
	if (r == 0)
		*ret = TACIT_TAKE(server);
	return r == TACIT_ESCHEMA ? -EINVAL : r;
}

void tacit_secagg_member_done(struct tacit_secagg_member *member)
{
	tacit_free(member->message);
	tacit_secagg_boxes_done(&member->boxes);
	tacit_free(member->shares);
	tacit_free(member->held);
}

void tacit_secagg_server_free(struct tacit_secagg_server *server)
{
	if (!server)
		return;
	for (uint32_t i = 0; i < server->n; i++)
		tacit_secagg_member_done(&server->member[i]);
	tacit_free(server->member);
	tacit_free(server->config_data);
	tacit_merkle_free(server->merkle);
	tacit_graph_free(server->graph);
	tacit_free(server->alive);
	tacit_free(server->gone);
	tacit_free(server->culprit);
	tacit_free(server);
}

enum tacit_secagg_phase tacit_secagg_server_get_phase(const struct tacit_secagg_server *server)
{
	return server->phase;
}

struct tacit_secagg_blob tacit_secagg_server_get_config(const struct tacit_secagg_server *server)
{
	return (struct tacit_secagg_blob){ server->config_data, server->config_len };
}

const struct tacit_secagg_config *tacit_secagg_server_config(
	const struct tacit_secagg_server *server)
{
	return &server->round.config;
}

uint32_t tacit_secagg_server_count(const struct tacit_secagg_server *server)
{
	return server->n;
}

int tacit_secagg_server_new_member(struct tacit_secagg_server *server,
				   struct tacit_secagg_member **ret)
{
	if (server->n == server->capacity) {
		uint32_t capacity = server->capacity ? 2 * server->capacity : 64;
		struct tacit_secagg_member *member =
			tacit_realloc(server->member, capacity, sizeof(*member));

		if (!member)
			return -ENOMEM;
		server->member = member;
		server->capacity = capacity;
	}
	*ret = &server->member[server->n];
	memset(*ret, 0, sizeof(**ret));
	return 0;
}

int tacit_secagg_server_take_advert(const struct tacit_secagg_server *server,
				    struct tacit_secagg_member *member, const uint8_t *data,
				    size_t len, enum tacit_secagg_reason *why)
{
	int r;

	member->message = tacit_memdup(data, len);
	if (!member->message)
		return -ENOMEM;
	member->message_len = len;
	r = tacit_secagg_advert_decode(server->round.digest, member->message, len, &member->advert);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	return tacit_secagg_advert_digest(server->round.digest, &member->advert, member->digest);
}

/* A key of low order would be every neighbour's reason to leave the round. */
static int check_advert(const struct tacit_secagg_server *server,
			const struct tacit_secagg_member *member, enum tacit_secagg_reason *why)
{
	const struct tacit_secagg_identity *identity = &server->identity;
	const struct tacit_secagg_advert *advert = &member->advert;

	int r = identity->verify_host(identity->ctx, advert->id, &advert->cert, member->digest,
				      sizeof(member->digest), &advert->signature);

	if (r == -ENOMEM || r == TACIT_ECRYPTO) /* which is not the host's fault */
		return r;
	if (r < 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_BAD_SIGNATURE);
	if (!tacit_agree_is_public(advert->seal_key) || !tacit_agree_is_public(advert->mask_key))
		return tacit_secagg_refuse(why, TACIT_SECAGG_BAD_KEY);
	return 0;
}

static const struct tacit_secagg_member *find_unsorted(const struct tacit_secagg_server *server,
						       const uint8_t *id)
{
	for (uint32_t i = 0; i < server->n; i++)
		if (memcmp(server->member[i].advert.id, id, TACIT_SECAGG_ID_LEN) == 0)
			return &server->member[i];
	return NULL;
}

static int take_new_advert(struct tacit_secagg_server *server, struct tacit_secagg_member *member,
			   const uint8_t *data, size_t len, enum tacit_secagg_reason *why)
{
	const struct tacit_secagg_member *same;
	int r = tacit_secagg_server_take_advert(server, member, data, len, why);

	if (r < 0)
		return r;
	same = find_unsorted(server, member->advert.id);
	if (same && same->message_len == len && memcmp(same->message, data, len) == 0)
		return 0;
	if (same)
		return tacit_secagg_refuse(why, TACIT_SECAGG_DIFFERENT_MESSAGE);
	if (server->phase != TACIT_SECAGG_PHASE_ADVERTS || server->n == TACIT_SECAGG_HOSTS_MAX)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = check_advert(server, member, why);
	return r < 0 ? r : 1;
}

int tacit_secagg_server_advert(struct tacit_secagg_server *server, const uint8_t *data, size_t len,
			       enum tacit_secagg_reason *why)
{
	struct tacit_secagg_member *member;
	int r = tacit_secagg_server_new_member(server, &member);

	if (r < 0)
		return r;
	r = take_new_advert(server, member, data, len, why);
	if (r == 1) {
		server->n++;
		return 0;
	}
	tacit_secagg_member_done(member);
	return r;
}

int tacit_secagg_server_check_advert(const struct tacit_secagg_server *server, const uint8_t *data,
				     size_t len, enum tacit_secagg_reason *why)
{
	struct tacit_secagg_member member = { 0 };
	int r;

	if (server->phase != TACIT_SECAGG_PHASE_ADVERTS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = tacit_secagg_server_take_advert(server, &member, data, len, why);
	if (r == 0)
		r = check_advert(server, &member, why);
	tacit_secagg_member_done(&member);
	return r;
}

static int compare_ids(const void *a, const void *b)
{
	const struct tacit_secagg_member *left = a, *right = b;

	return memcmp(left->advert.id, right->advert.id, TACIT_SECAGG_ID_LEN);
}

static struct tacit_secagg_roster roster_of(const struct tacit_secagg_server *server)
{
	struct tacit_secagg_roster roster = { .params = server->params };

	memcpy(roster.root, tacit_merkle_get_root(server->merkle), sizeof(roster.root));
	memcpy(roster.beacon, server->beacon, sizeof(roster.beacon));
	return roster;
}

static int plant(struct tacit_secagg_server *server)
{
	TACIT_AUTO_FREE uint8_t *leaf = tacit_calloc(server->n, TACIT_SECAGG_DIGEST_LEN);
	int r = leaf ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < server->n; i++)
		r = tacit_secagg_advert_leaf(server->member[i].digest,
					     leaf + (size_t)i * TACIT_SECAGG_DIGEST_LEN);
	return r < 0 ? r : tacit_merkle_new(leaf, server->n, &server->merkle);
}

int tacit_secagg_server_arrange(struct tacit_secagg_server *server)
{
	struct tacit_secagg_roster roster;
	uint8_t seed[TACIT_SECAGG_DIGEST_LEN];
	int r;

	qsort(server->member, server->n, sizeof(*server->member), compare_ids);
	r = plant(server);
	if (r < 0)
		return r;
	roster = roster_of(server);
	r = tacit_secagg_graph_seed(&server->round.config, &roster, seed);
	if (r == 0)
		r = tacit_graph_new(seed, server->n, server->params.k, &server->graph);
	if (r < 0) {
		tacit_merkle_free(server->merkle);
		server->merkle = NULL;
	}
	return r;
}

int tacit_secagg_server_seat(struct tacit_secagg_server *server,
			     const uint8_t beacon[TACIT_SECAGG_DIGEST_LEN],
			     enum tacit_secagg_reason *why)
{
	const struct tacit_secagg_config *config = &server->round.config;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r;

	if (server->phase != TACIT_SECAGG_PHASE_ADVERTS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	if (server->n < config->hosts_min)
		return tacit_secagg_refuse(why, TACIT_SECAGG_COHORT_BELOW_FLOOR);
	r = tacit_digest_of(digest, { beacon, TACIT_SECAGG_DIGEST_LEN });
	if (r < 0)
		return r;
	if (memcmp(digest, config->beacon, sizeof(digest)) != 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_BAD_BEACON);
	if (tacit_secagg_params_find(&config->threat, server->n, &server->params) < 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_WEAK_PARAMS);
	memcpy(server->beacon, beacon, sizeof(server->beacon));
	r = tacit_secagg_server_arrange(server);
	if (r == 0)
		server->phase = TACIT_SECAGG_PHASE_SHARES;
	return r;
}

int tacit_secagg_server_find(const struct tacit_secagg_server *server,
			     const uint8_t id[TACIT_SECAGG_ID_LEN])
{
	struct tacit_secagg_member key;
	const struct tacit_secagg_member *found;

	if (server->phase < TACIT_SECAGG_PHASE_SHARES)
		return -ENOENT;
	memcpy(key.advert.id, id, TACIT_SECAGG_ID_LEN);
	found = bsearch(&key, server->member, server->n, sizeof(key), compare_ids);
	return found ? (int)(found - server->member) : -ENOENT;
}

const uint8_t *tacit_secagg_server_get_id(const struct tacit_secagg_server *server, uint32_t host)
{
	return server->member[host].advert.id;
}

const struct tacit_secagg_params *tacit_secagg_server_get_params(
	const struct tacit_secagg_server *server)
{
	return server->phase >= TACIT_SECAGG_PHASE_SHARES ? &server->params : NULL;
}

int tacit_secagg_server_roster(const struct tacit_secagg_server *server, uint32_t host,
			       struct tacit_writer *writer)
{
	const size_t proof_max = (size_t)TACIT_MERKLE_PROOF_MAX * TACIT_SECAGG_DIGEST_LEN;
	TACIT_AUTO_FREE struct tacit_secagg_seat *seat = NULL;
	TACIT_AUTO_FREE uint8_t *proofs = NULL;
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX];
	struct tacit_secagg_roster roster;

	if (server->phase < TACIT_SECAGG_PHASE_SHARES)
		return TACIT_ESTALE;
	roster = roster_of(server);
	seat = TACIT_NEW_N(struct tacit_secagg_seat, roster.params.k);
	proofs = tacit_calloc(roster.params.k + 1, proof_max);
	if (!seat || !proofs)
		return -ENOMEM;
	tacit_graph_neighbours(server->graph, host, neighbour);
	for (uint32_t i = 0; i < roster.params.k; i++) {
		uint8_t *proof = proofs + (i + 1) * proof_max;

		(void)tacit_merkle_prove(server->merkle, neighbour[i], proof);
		seat[i] = (struct tacit_secagg_seat){ neighbour[i],
						      server->member[neighbour[i]].advert, proof };
	}
	(void)tacit_merkle_prove(server->merkle, host, proofs);
	roster.index = host;
	roster.proof = proofs;
	roster.seat = seat;
	tacit_secagg_roster_encode(server->round.digest, &roster, writer);
	return writer->failed ? -ENOMEM : 0;
}
