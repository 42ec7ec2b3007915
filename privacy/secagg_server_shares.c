/* SPDX-License-Identifier: MIT */
/* From the shares to the list of survivors. */
#include <string.h>

#include "secagg_server_private.h"

#define BOXES_AT (8UL + TACIT_SECAGG_DIGEST_LEN + 4 + 4) /* where a SHARES message has them */
#define BOX_LEN	 (4UL + TACIT_SECAGG_BOX_LEN + TACIT_SECAGG_PINS_LEN)

/* Are the boxes for exactly the neighbours of their dealer, which exists? */
static int check_boxes(const struct tacit_secagg_server *server,
		       const struct tacit_secagg_boxes *boxes, enum tacit_secagg_reason *why)
{
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX];

	tacit_graph_neighbours(server->graph, boxes->host, neighbour);
	if (boxes->n != server->params.k)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OTHER_NEIGHBOURS);
	for (uint32_t i = 0; i < boxes->n; i++)
		if (boxes->box[i].peer != neighbour[i])
			return tacit_secagg_refuse(why, TACIT_SECAGG_OTHER_NEIGHBOURS);
	return 0;
}

int tacit_secagg_server_take_shares(struct tacit_secagg_server *server, uint32_t host,
				    const uint8_t *data, size_t len, enum tacit_secagg_reason *why)
{
	struct tacit_secagg_member *member = &server->member[host];
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	TACIT_AUTO_FREE uint8_t *copy = tacit_memdup(data, len);
	int r = copy ? 0 : -ENOMEM;

	if (r == 0)
		r = tacit_secagg_boxes_decode(TACIT_SECAGG_SHARES, server->round.digest, copy, len,
					      &boxes);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	if (boxes.host != host)
		return tacit_secagg_refuse(why, TACIT_SECAGG_MALFORMED);
	r = check_boxes(server, &boxes, why);
	if (r < 0)
		return r;
	member->shared = true;
	member->shares = TACIT_TAKE(copy);
	member->shares_len = len;
	member->boxes = boxes;
	boxes.box = NULL;
	return 0;
}

/* Decodes SHARES of a host that exists. */
static int read_shares(const struct tacit_secagg_server *server, const uint8_t *data, size_t len,
		       struct tacit_secagg_boxes *ret, enum tacit_secagg_reason *why)
{
	int r;

	if (server->phase < TACIT_SECAGG_PHASE_SHARES)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = tacit_secagg_boxes_decode(TACIT_SECAGG_SHARES, server->round.digest, data, len, ret);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	return ret->host < server->n ? 0 : tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
}

int tacit_secagg_server_shares(struct tacit_secagg_server *server, const uint8_t *data, size_t len,
			       enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	const struct tacit_secagg_member *member;
	int r = read_shares(server, data, len, &boxes, why);

	if (r < 0)
		return r;
	member = &server->member[boxes.host];
	if (member->shares && member->shares_len == len && memcmp(member->shares, data, len) == 0)
		return 0;
	if (member->shared)
		return tacit_secagg_refuse(why, TACIT_SECAGG_DIFFERENT_MESSAGE);
	if (server->phase != TACIT_SECAGG_PHASE_SHARES)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	return tacit_secagg_server_take_shares(server, boxes.host, data, len, why);
}

int tacit_secagg_server_check_shares(const struct tacit_secagg_server *server, const uint8_t *data,
				     size_t len, uint32_t *ret_host, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	int r = read_shares(server, data, len, &boxes, why);

	if (r == 0)
		r = check_boxes(server, &boxes, why);
	if (r == 0)
		*ret_host = boxes.host;
	return r;
}

void tacit_secagg_server_note_shares(struct tacit_secagg_server *server, uint32_t host)
{
	server->member[host].shared = true;
}

bool tacit_secagg_server_has_shared(const struct tacit_secagg_server *server, uint32_t host)
{
	return server->member[host].shared;
}

int tacit_secagg_server_attach_shares(struct tacit_secagg_server *server, const uint8_t *data,
				      size_t len)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { 0 };
	int r = read_shares(server, data, len, &boxes, NULL);

	if (r < 0)
		return r;
	if (!server->member[boxes.host].shared)
		return tacit_secagg_refuse(NULL, TACIT_SECAGG_OUT_OF_TURN);
	if (server->member[boxes.host].shares)
		return 0;
	return tacit_secagg_server_take_shares(server, boxes.host, data, len, NULL);
}

static uint32_t survivors_min(const struct tacit_secagg_server *server)
{
	return tacit_secagg_survivors_min(&server->round.config.threat, server->n);
}

int tacit_secagg_server_deliver(struct tacit_secagg_server *server, enum tacit_secagg_reason *why)
{
	uint32_t shared = 0;

	if (server->phase != TACIT_SECAGG_PHASE_SHARES)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	for (uint32_t i = 0; i < server->n; i++)
		shared += server->member[i].shared;
	if (shared < survivors_min(server))
		return tacit_secagg_refuse(why, TACIT_SECAGG_TOO_FEW_SURVIVORS);
	server->phase = TACIT_SECAGG_PHASE_VECTORS;
	return 0;
}

const struct tacit_secagg_box *tacit_secagg_server_box(const struct tacit_secagg_server *server,
						       uint32_t dealer, uint32_t holder)
{
	const struct tacit_secagg_boxes *boxes = &server->member[dealer].boxes;
	uint32_t low = 0, high = boxes->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (boxes->box[middle].peer < holder)
			low = middle + 1;
		else
			high = middle;
	}
	return low < boxes->n && boxes->box[low].peer == holder ? &boxes->box[low] : NULL;
}

int tacit_secagg_server_inbox(const struct tacit_secagg_server *server, uint32_t host,
			      struct tacit_writer *writer)
{
	TACIT_AUTO_FREE struct tacit_secagg_box *box = NULL;
	struct tacit_secagg_boxes inbox = { .host = host };
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX];

	if (server->phase < TACIT_SECAGG_PHASE_VECTORS)
		return TACIT_ESTALE;
	box = TACIT_NEW_N(struct tacit_secagg_box, server->params.k);
	if (!box)
		return -ENOMEM;
	tacit_graph_neighbours(server->graph, host, neighbour);
	for (uint32_t i = 0; i < server->params.k; i++) {
		const struct tacit_secagg_box *dealt =
			tacit_secagg_server_box(server, neighbour[i], host);

		if (!dealt)
			continue;
		box[inbox.n] = *dealt;
		box[inbox.n++].peer = neighbour[i];
	}
	inbox.box = box;
	tacit_secagg_boxes_encode(TACIT_SECAGG_INBOX, server->round.digest, &inbox, writer);
	return writer->failed ? -ENOMEM : 0;
}

/* Where in @dealer's SHARES, behind the holder's number, is what it dealt @holder? */
static size_t place_of_box(const struct tacit_secagg_server *server, uint32_t dealer,
			   uint32_t holder)
{
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX], place = 0;

	tacit_graph_neighbours(server->graph, dealer, neighbour);
	while (neighbour[place] != holder)
		place++;
	return BOXES_AT + place * BOX_LEN + 4;
}

int tacit_secagg_server_fetch_inbox(const struct tacit_secagg_server *server, uint32_t host,
				    int (*fetch)(void *ctx, uint32_t dealer, size_t offset,
						 size_t len, uint8_t *ret),
				    void *ctx, struct tacit_writer *writer)
{
	TACIT_AUTO_FREE struct tacit_secagg_box *box = NULL;
	TACIT_AUTO_FREE uint8_t *dealt = NULL;
	struct tacit_secagg_boxes inbox = { .host = host };
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX];
	int r = 0;

	if (server->phase < TACIT_SECAGG_PHASE_VECTORS)
		return TACIT_ESTALE;
	box = TACIT_NEW_N(struct tacit_secagg_box, server->params.k);
	dealt = tacit_calloc(server->params.k, BOX_LEN);
	if (!box || !dealt)
		return -ENOMEM;
	tacit_graph_neighbours(server->graph, host, neighbour);
	for (uint32_t i = 0; r == 0 && i < server->params.k; i++) {
		uint8_t *at = dealt + inbox.n * BOX_LEN;

		if (!server->member[neighbour[i]].shared)
			continue;
		r = fetch(ctx, neighbour[i], place_of_box(server, neighbour[i], host), BOX_LEN - 4,
			  at);
		box[inbox.n++] =
			(struct tacit_secagg_box){ neighbour[i], at, at + TACIT_SECAGG_BOX_LEN };
	}
	if (r < 0)
		return r;
	inbox.box = box;
	tacit_secagg_boxes_encode(TACIT_SECAGG_INBOX, server->round.digest, &inbox, writer);
	return writer->failed ? -ENOMEM : 0;
}

int tacit_secagg_server_sum(const struct tacit_secagg_server *server, struct tacit_secagg_sum **ret)
{
	if (server->phase < TACIT_SECAGG_PHASE_VECTORS)
		return TACIT_ESTALE;
	return tacit_secagg_sum_new(server->n, server->round.config.dimensions, ret);
}

int tacit_secagg_server_masked(const struct tacit_secagg_server *server,
			       struct tacit_secagg_sum *sum, const uint8_t *data, size_t len,
			       enum tacit_secagg_reason *why)
{
	struct tacit_secagg_masked masked;
	int r;

	if (server->phase < TACIT_SECAGG_PHASE_VECTORS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = tacit_secagg_masked_decode(server->round.digest, data, len, &masked);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	if (masked.host >= server->n || !server->member[masked.host].shared)
		return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	if (masked.dimensions != server->round.config.dimensions)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OTHER_DIMENSIONS);
	if (server->phase != TACIT_SECAGG_PHASE_VECTORS && !tacit_secagg_sum_has(sum, masked.host))
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = tacit_secagg_sum_add(sum, &masked, data, len);
	return r == TACIT_ECONFLICT ? tacit_secagg_refuse(why, TACIT_SECAGG_DIFFERENT_MESSAGE) : r;
}

static void set_bit(uint8_t *bits, uint32_t i)
{
	bits[i / 8] |= (uint8_t)(1U << i % 8);
}

int tacit_secagg_server_write_list(struct tacit_secagg_server *server)
{
	size_t len = tacit_secagg_bits_len(server->n);
	TACIT_AUTO_FREE uint8_t *alive = tacit_calloc(len, 1);
	TACIT_AUTO_FREE uint8_t *gone = tacit_calloc(len, 1);
	const struct tacit_secagg_survivors survivors = { server->n, alive, gone };
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	struct tacit_secagg_roster roster = { .params = server->params };
	int r = alive && gone ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < server->n; i++) {
		if (server->member[i].alive)
			set_bit(alive, i);
		else if (server->member[i].gone)
			set_bit(gone, i);
	}
	memcpy(roster.root, tacit_merkle_get_root(server->merkle), sizeof(roster.root));
	memcpy(roster.beacon, server->beacon, sizeof(roster.beacon));
	if (r == 0)
		r = tacit_secagg_roster_digest(server->round.digest, &roster, digest);
	if (r == 0)
		r = tacit_secagg_survivors_digest(server->round.digest, digest, &survivors,
						  server->survivors);
	if (r < 0)
		return r;
	server->alive = TACIT_TAKE(alive);
	server->gone = TACIT_TAKE(gone);
	return 0;
}

static void blame_dealers(struct tacit_secagg_server *server, const struct tacit_secagg_sum *sum)
{
	for (uint32_t i = 0; i < server->n; i++) {
		uint32_t complaints = tacit_secagg_sum_complaints(sum, i);

		if (complaints > 0)
			tacit_secagg_server_blame(server, i, TACIT_SECAGG_UNOPENED_BOX, complaints);
	}
}

int tacit_secagg_server_list(struct tacit_secagg_server *server, const struct tacit_secagg_sum *sum,
			     enum tacit_secagg_reason *why)
{
	int r;

	if (server->phase != TACIT_SECAGG_PHASE_VECTORS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	if (tacit_secagg_sum_count(sum) < survivors_min(server))
		return tacit_secagg_refuse(why, TACIT_SECAGG_TOO_FEW_SURVIVORS);
	for (uint32_t i = 0; i < server->n; i++) {
		struct tacit_secagg_member *member = &server->member[i];

		if (tacit_secagg_sum_has(sum, i) && !member->shared)
			return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
		member->alive = tacit_secagg_sum_has(sum, i);
		member->gone = member->shared && !member->alive;
	}
	r = tacit_secagg_server_write_list(server);
	if (r < 0)
		return r;
	server->phase = TACIT_SECAGG_PHASE_ANSWERS;
	blame_dealers(server, sum);
	return 0;
}
