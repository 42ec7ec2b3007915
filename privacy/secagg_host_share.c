/* SPDX-License-Identifier: MIT */
/* A host among its neighbours: who they are, and what it deals to each of them. */
#include <string.h>

#include "digest.h"
#include "graph.h"
#include "merkle.h"
#include "secagg_host_private.h"
#include "shamir.h"

#define KINDS 2U /* of shares */

static int check_size(const struct tacit_secagg_host *host,
		      const struct tacit_secagg_roster *roster, enum tacit_secagg_reason *why)
{
	const struct tacit_secagg_config *config = &host->round.config;
	uint32_t n = roster->params.n;

	if (n < config->hosts_min || n < host->hosts_min)
		return tacit_secagg_refuse(why, TACIT_SECAGG_COHORT_BELOW_FLOOR);
	if (tacit_secagg_params_check(&config->threat, &roster->params) < 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_WEAK_PARAMS);
	return 0;
}

static int check_beacon(const struct tacit_secagg_config *config,
			const struct tacit_secagg_roster *roster, enum tacit_secagg_reason *why)
{
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_digest_of(digest, { roster->beacon, sizeof(roster->beacon) });

	if (r == 0 && memcmp(digest, config->beacon, sizeof(digest)) != 0)
		r = tacit_secagg_refuse(why, TACIT_SECAGG_BAD_BEACON);
	return r;
}

/* Is what was advertised as @advert at this place of the roster? */
static int check_leaf(const struct tacit_secagg_roster *roster, const uint8_t *advert,
		      uint32_t index, const uint8_t *proof)
{
	uint8_t leaf[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_secagg_advert_leaf(advert, leaf);

	return r < 0 ? r : tacit_merkle_verify(roster->root, leaf, index, roster->params.n, proof);
}

/* Places are in the order of ids: each host is there once, as far as it can be seen. */
static int check_ids(const struct tacit_secagg_host *host, const struct tacit_secagg_roster *roster,
		     enum tacit_secagg_reason *why)
{
	const uint8_t *last = NULL, *own = host->identity.id;

	for (uint32_t i = 0; i < roster->params.k; i++) {
		const struct tacit_secagg_seat *seat = &roster->seat[i];
		int order = memcmp(own, seat->advert.id, TACIT_SECAGG_ID_LEN);

		if ((last && memcmp(last, seat->advert.id, TACIT_SECAGG_ID_LEN) >= 0) ||
		    order == 0 || (order < 0) != (roster->index < seat->index))
			return tacit_secagg_refuse(why, TACIT_SECAGG_DUPLICATE_ID);
		last = seat->advert.id;
	}
	return 0;
}

static int check_graph(const struct tacit_secagg_host *host,
		       const struct tacit_secagg_roster *roster, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_graph_free_p) struct tacit_graph *graph = NULL;
	uint32_t expected[TACIT_GRAPH_DEGREE_MAX];
	uint8_t seed[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_secagg_graph_seed(&host->round.config, roster, seed);

	if (r == 0)
		r = tacit_graph_new(seed, roster->params.n, roster->params.k, &graph);
	if (r < 0)
		return r;
	tacit_graph_neighbours(graph, roster->index, expected);
	for (uint32_t i = 0; i < roster->params.k; i++)
		if (roster->seat[i].index != expected[i])
			return tacit_secagg_refuse(why, TACIT_SECAGG_OTHER_GRAPH);
	return 0;
}

static int check_seat(const struct tacit_secagg_host *host,
		      const struct tacit_secagg_roster *roster,
		      const struct tacit_secagg_seat *seat, enum tacit_secagg_reason *why)
{
	const struct tacit_secagg_identity *identity = &host->identity;
	const struct tacit_secagg_advert *advert = &seat->advert;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_secagg_advert_digest(host->round.digest, advert, digest);

	if (r == 0)
		r = check_leaf(roster, digest, seat->index, seat->proof);
	if (r == TACIT_EUNTRUSTED)
		return tacit_secagg_refuse(why, TACIT_SECAGG_BAD_PROOF);
	if (r < 0)
		return r;
	if (identity->verify_host(identity->ctx, advert->id, &advert->cert, digest, sizeof(digest),
				  &advert->signature) < 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_BAD_SIGNATURE);
	return 0;
}

/* What is cheap comes first, signatures last. */
static int check_roster(const struct tacit_secagg_host *host,
			const struct tacit_secagg_roster *roster, enum tacit_secagg_reason *why)
{
	int r = check_size(host, roster, why);

	if (r == 0)
		r = check_beacon(&host->round.config, roster, why);
	if (r == 0) {
		r = check_leaf(roster, host->advert, roster->index, roster->proof);
		if (r == TACIT_EUNTRUSTED)
			return tacit_secagg_refuse(why, TACIT_SECAGG_NOT_SEATED);
	}
	if (r == 0)
		r = check_ids(host, roster, why);
	if (r == 0)
		r = check_graph(host, roster, why);
	for (uint32_t i = 0; r == 0 && i < roster->params.k; i++)
		r = check_seat(host, roster, &roster->seat[i], why);
	return r;
}

static int take_roster(struct tacit_secagg_host *host, const uint8_t *data, size_t len,
		       enum tacit_secagg_reason *why)
{
	int r;

	host->roster_data = tacit_memdup(data, len);
	if (!host->roster_data)
		return -ENOMEM;
	host->roster_len = len;
	r = tacit_secagg_roster_decode(host->round.digest, host->roster_data, len, &host->roster);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	r = check_roster(host, &host->roster, why);
	if (r < 0)
		return r;
	host->neighbour = TACIT_NEW_N(struct tacit_secagg_neighbour, host->roster.params.k);
	return host->neighbour ? 0 : -ENOMEM;
}

/* Both keys with each neighbour. */
static int agree(struct tacit_secagg_host *host, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *seal = NULL;
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *mask = NULL;
	int r = tacit_agree_new(host->seed[SEED_SEAL], &seal);

	if (r == 0)
		r = tacit_agree_new(host->seed[SEED_MASK], &mask);
	for (uint32_t i = 0; r == 0 && i < host->roster.params.k; i++) {
		const struct tacit_secagg_advert *peer = &host->roster.seat[i].advert;
		struct tacit_secagg_neighbour *neighbour = &host->neighbour[i];

		r = tacit_secagg_pair_key(seal, host->hkdf, &host->round, TACIT_SECAGG_SEAL_PURPOSE,
					  host->identity.id, peer->seal_key, peer->id,
					  neighbour->seal_key);
		if (r == 0)
			r = tacit_secagg_pair_key(mask, host->hkdf, &host->round,
						  TACIT_SECAGG_MASK_PURPOSE, host->identity.id,
						  peer->mask_key, peer->id, neighbour->mask_key);
	}
	return r == TACIT_EUNTRUSTED ? tacit_secagg_refuse(why, TACIT_SECAGG_BAD_KEY) : r;
}

/* The shares of one host's two secrets, and what is sent of them. */
struct hand {
	uint32_t n;
	uint32_t *holder;
	uint8_t (*share[KINDS])[TACIT_SHAMIR_SHARE_LEN];
	struct tacit_secagg_box *box;
	uint8_t *bytes; /* that the boxes point to */
};

static void hand_done(struct hand *hand)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		if (hand->share[kind])
			tacit_wipe(hand->share[kind], hand->n * sizeof(*hand->share[kind]));
		tacit_free(hand->share[kind]);
	}
	tacit_free(hand->holder);
	tacit_free(hand->box);
	tacit_free(hand->bytes);
}

#define BYTES_LEN (TACIT_SECAGG_BOX_LEN + TACIT_SECAGG_PINS_LEN)

static int hand_init(struct hand *hand, uint32_t n)
{
	hand->n = n;
	hand->holder = TACIT_NEW_N(uint32_t, n);
	for (size_t kind = 0; kind < KINDS; kind++)
		hand->share[kind] = tacit_calloc(n, sizeof(*hand->share[kind]));
	hand->box = TACIT_NEW_N(struct tacit_secagg_box, n);
	hand->bytes = tacit_calloc(n, BYTES_LEN);
	return hand->holder && hand->share[0] && hand->share[1] && hand->box && hand->bytes
		       ? 0
		       : -ENOMEM;
}

/* The associated data of a box between this host and a neighbour. */
static int bind_box(const struct tacit_secagg_host *host, const struct tacit_secagg_seat *seat,
		    bool dealing, uint8_t *ret)
{
	uint32_t own = host->roster.index, peer = seat->index;
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_secagg_advert_digest(host->round.digest, &seat->advert, digest);

	if (r == 0 && dealing)
		tacit_secagg_box_bound(&host->round.config, own, peer, host->advert, digest, ret);
	else if (r == 0)
		tacit_secagg_box_bound(&host->round.config, peer, own, digest, host->advert, ret);
	return r;
}

/* Two shares for one neighbour: pinned, then sealed. */
static int fill_box(struct tacit_secagg_host *host, struct hand *hand, uint32_t i)
{
	uint8_t *sealed = hand->bytes + (size_t)i * BYTES_LEN;
	uint8_t *digests = sealed + TACIT_SECAGG_BOX_LEN;
	uint8_t bytes[TACIT_SECAGG_BOUND_LEN], nonce[TACIT_SEAL_NONCE_LEN];
	const struct tacit_seal_bound bound = { bytes, sizeof(bytes) };
	uint8_t plain[KINDS][TACIT_SECAGG_SHARE_LEN];
	TACIT_AUTO_WIPE(plain);
	int r = bind_box(host, &host->roster.seat[i], true, bytes);

	hand->box[i] = (struct tacit_secagg_box){ hand->holder[i], sealed, digests };
	for (enum tacit_secagg_kind kind = 0; r == 0 && kind < KINDS; kind++) {
		memcpy(plain[kind], hand->share[kind][i], TACIT_SECAGG_SHARE_LEN);
		r = tacit_secagg_share_digest(host->round.digest, host->roster.index,
					      hand->holder[i], kind, plain[kind],
					      digests + (size_t)kind * TACIT_SECAGG_DIGEST_LEN);
	}
	if (r < 0)
		return r;
	tacit_random_bytes(host->random, nonce, sizeof(nonce));
	return tacit_seal_close(host->seal, host->neighbour[i].seal_key, nonce, &bound, plain[0],
				sizeof(plain), sealed);
}

static int deal(struct tacit_secagg_host *host, struct tacit_writer *message)
{
	static const int seed_of[] = {
		[TACIT_SECAGG_SELF_MASK] = SEED_SELF, [TACIT_SECAGG_MASK_KEY] = SEED_MASK
	};
	TACIT_CLEANUP(hand_done) struct hand hand = { 0 };
	struct tacit_secagg_boxes boxes = { .host = host->roster.index };
	int r = hand_init(&hand, host->roster.params.k);

	for (uint32_t i = 0; r == 0 && i < hand.n; i++)
		hand.holder[i] = host->roster.seat[i].index;
	for (size_t kind = 0; r == 0 && kind < KINDS; kind++)
		r = tacit_shamir_share(host->random, host->seed[seed_of[kind]],
				       host->roster.params.t, hand.holder, hand.n,
				       hand.share[kind]);
	for (uint32_t i = 0; r == 0 && i < hand.n; i++)
		r = fill_box(host, &hand, i);
	if (r < 0)
		return r;
	boxes.n = hand.n;
	boxes.box = hand.box;
	tacit_secagg_boxes_encode(TACIT_SECAGG_SHARES, host->round.digest, &boxes, message);
	return 0;
}

int tacit_secagg_host_share(struct tacit_secagg_host *host, const uint8_t *data, size_t len,
			    struct tacit_secagg_step *ret, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	int r = tacit_secagg_host_expect(host, TACIT_SECAGG_STAGE_JOINED, why);

	if (r < 0)
		return r;
	r = take_roster(host, data, len, why);
	if (r == 0)
		r = agree(host, why);
	if (r == 0)
		r = deal(host, &message);
	if (r == 0)
		r = tacit_secagg_host_finish(host, TACIT_SECAGG_STAGE_SHARED, &message, ret);
	if (r < 0)
		tacit_secagg_host_rewind(host, TACIT_SECAGG_STAGE_JOINED);
	return r;
}

/* 0 when the box opens to the shares that its dealer pinned. */
static int open_box(struct tacit_secagg_host *host, uint32_t i, const struct tacit_secagg_box *box)
{
	struct tacit_secagg_neighbour *neighbour = &host->neighbour[i];
	uint8_t bytes[TACIT_SECAGG_BOUND_LEN], digest[TACIT_SECAGG_DIGEST_LEN];
	const struct tacit_seal_bound bound = { bytes, sizeof(bytes) };
	int r = bind_box(host, &host->roster.seat[i], false, bytes);

	if (r == 0)
		r = tacit_seal_open(host->seal, neighbour->seal_key, &bound, box->sealed,
				    neighbour->share[0], sizeof(neighbour->share));
	for (enum tacit_secagg_kind kind = 0; r == 0 && kind < KINDS; kind++) {
		r = tacit_secagg_share_digest(host->round.digest, box->peer, host->roster.index,
					      kind, neighbour->share[kind], digest);
		if (r == 0 && memcmp(digest, box->digests + (size_t)kind * TACIT_SECAGG_DIGEST_LEN,
				     sizeof(digest)) != 0)
			r = TACIT_EUNTRUSTED;
	}
	return r;
}

/* @unopened: room for k numbers. */
static int take_inbox(struct tacit_secagg_host *host, const struct tacit_secagg_boxes *inbox,
		      uint32_t *unopened, uint32_t *n_unopened, enum tacit_secagg_reason *why)
{
	if (inbox->host != host->roster.index)
		return tacit_secagg_refuse(why, TACIT_SECAGG_MALFORMED);
	for (uint32_t i = 0; i < inbox->n; i++) {
		const struct tacit_secagg_box *box = &inbox->box[i];
		struct tacit_secagg_neighbour *neighbour = tacit_secagg_host_find(host, box->peer);
		int r;

		if (!neighbour)
			return tacit_secagg_refuse(why, TACIT_SECAGG_FOREIGN_SHARE);
		r = open_box(host, (uint32_t)(neighbour - host->neighbour), box);
		if (r < 0 && r != TACIT_EUNTRUSTED)
			return r;
		neighbour->heard = true;
		neighbour->held = r == 0;
		if (r < 0)
			unopened[(*n_unopened)++] = box->peer;
	}
	if (inbox->n - *n_unopened < host->roster.params.t)
		return tacit_secagg_refuse(why, TACIT_SECAGG_TOO_FEW_SHARES);
	return 0;
}

/* Bell et al. 2020, figure 3, round 2: plus towards the higher numbers, minus towards the lower. */
static int mask_vector(struct tacit_secagg_host *host, uint32_t *value)
{
	uint32_t n = host->round.config.dimensions;
	int r = tacit_mask_add(host->mask, host->seed[SEED_SELF], value, n);

	for (uint32_t i = 0; r == 0 && i < host->roster.params.k; i++) {
		const uint8_t *key = host->neighbour[i].mask_key;

		if (!host->neighbour[i].heard)
			continue;
		if (host->roster.seat[i].index > host->roster.index)
			r = tacit_mask_add(host->mask, key, value, n);
		else
			r = tacit_mask_subtract(host->mask, key, value, n);
	}
	return r;
}

static int send_vector(struct tacit_secagg_host *host, const uint32_t *value,
		       const uint32_t *unopened, uint32_t n_unopened, struct tacit_writer *message)
{
	uint32_t n = host->round.config.dimensions;
	TACIT_AUTO_FREE uint32_t *masked = tacit_memdup(value, n * sizeof(*value));
	int r = masked ? mask_vector(host, masked) : -ENOMEM;

	if (r == 0)
		tacit_secagg_masked_encode(host->round.digest, host->roster.index, unopened,
					   n_unopened, masked, n, message);
	else if (masked)
		tacit_wipe(masked, n * sizeof(*masked)); /* half of the masks is none */
	return r;
}

int tacit_secagg_host_mask(struct tacit_secagg_host *host, const uint8_t *data, size_t len,
			   const uint32_t *value, struct tacit_secagg_step *ret,
			   enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes inbox = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	uint32_t unopened[TACIT_SECAGG_DEGREE_MAX], n_unopened = 0;
	int r = tacit_secagg_host_expect(host, TACIT_SECAGG_STAGE_SHARED, why);

	if (r < 0)
		return r;
	r = tacit_secagg_boxes_decode(TACIT_SECAGG_INBOX, host->round.digest, data, len, &inbox);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	r = take_inbox(host, &inbox, unopened, &n_unopened, why);
	if (r == 0)
		r = send_vector(host, value, unopened, n_unopened, &message);
	if (r == 0)
		r = tacit_secagg_host_finish(host, TACIT_SECAGG_STAGE_MASKED, &message, ret);
	if (r < 0)
		tacit_secagg_host_rewind(host, TACIT_SECAGG_STAGE_SHARED);
	return r;
}
