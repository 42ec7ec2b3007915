/* SPDX-License-Identifier: MIT */
/* The consistency round, and what the survivors reveal. */
#include <string.h>

#include "digest.h"
#include "secagg_server_private.h"

int tacit_secagg_server_survivors(const struct tacit_secagg_server *server,
				  struct tacit_writer *writer)
{
	const struct tacit_secagg_survivors survivors = { server->n, server->alive, server->gone };

	if (server->phase < TACIT_SECAGG_PHASE_ANSWERS)
		return TACIT_ESTALE;
	tacit_secagg_survivors_encode(server->round.digest, &survivors, writer);
	return writer->failed ? -ENOMEM : 0;
}

/* The survivor with this number, or NULL. */
static struct tacit_secagg_member *find_alive(const struct tacit_secagg_server *server,
					      uint32_t host)
{
	return host < server->n && server->member[host].alive ? &server->member[host] : NULL;
}

int tacit_secagg_server_consent(struct tacit_secagg_server *server, const uint8_t *data, size_t len,
				enum tacit_secagg_reason *why)
{
	const struct tacit_secagg_identity *identity = &server->identity;
	struct tacit_secagg_consent consent;
	struct tacit_secagg_member *member;
	int r;

	if (server->phase < TACIT_SECAGG_PHASE_ANSWERS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = tacit_secagg_consent_decode(server->round.digest, data, len, &consent);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	member = find_alive(server, consent.host);
	if (!member)
		return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	if (member->consent_len == consent.signature.len &&
	    memcmp(member->consent, consent.signature.data, consent.signature.len) == 0)
		return 0;
	if (identity->verify_host(identity->ctx, member->advert.id, &member->advert.cert,
				  server->survivors, sizeof(server->survivors),
				  &consent.signature) < 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_BAD_CONSENT);
	memcpy(member->consent, consent.signature.data, consent.signature.len);
	member->consent_len = (uint8_t)consent.signature.len;
	return 0;
}

/* The consents of a host's neighbours; @list: room for k. */
static uint32_t collect(const struct tacit_secagg_server *server, uint32_t host,
			struct tacit_secagg_consent *list)
{
	uint32_t neighbour[TACIT_GRAPH_DEGREE_MAX], n = 0;

	tacit_graph_neighbours(server->graph, host, neighbour);
	for (uint32_t i = 0; i < server->params.k; i++) {
		const struct tacit_secagg_member *member = &server->member[neighbour[i]];

		if (member->consent_len > 0)
			list[n++] = (struct tacit_secagg_consent){
				neighbour[i], { member->consent, member->consent_len }
			};
	}
	return n;
}

bool tacit_secagg_server_is_agreed(const struct tacit_secagg_server *server, uint32_t host)
{
	struct tacit_secagg_consent list[TACIT_GRAPH_DEGREE_MAX];

	return server->phase == TACIT_SECAGG_PHASE_ANSWERS &&
	       collect(server, host, list) >= server->params.t;
}

int tacit_secagg_server_consents(const struct tacit_secagg_server *server, uint32_t host,
				 struct tacit_writer *writer)
{
	struct tacit_secagg_consent list[TACIT_GRAPH_DEGREE_MAX];
	struct tacit_secagg_consents consents = { .host = host, .consent = list };

	if (server->phase < TACIT_SECAGG_PHASE_ANSWERS)
		return TACIT_ESTALE;
	consents.n = collect(server, host, list);
	tacit_secagg_consents_encode(server->round.digest, &consents, writer);
	return writer->failed ? -ENOMEM : 0;
}

/* Is it the share that was dealt, and the one that was to be revealed? 0, TACIT_EUNTRUSTED, ... */
static int check_reveal(const struct tacit_secagg_server *server, uint32_t holder,
			const struct tacit_secagg_reveal *reveal)
{
	const struct tacit_secagg_member *dealer = &server->member[reveal->dealer];
	const struct tacit_secagg_box *box =
		tacit_secagg_server_box(server, reveal->dealer, holder);
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r;

	if (!box ||
	    (dealer->alive ? TACIT_SECAGG_SELF_MASK : TACIT_SECAGG_MASK_KEY) != reveal->kind)
		return TACIT_EUNTRUSTED;
	r = tacit_secagg_share_digest(server->round.digest, reveal->dealer, holder, reveal->kind,
				      reveal->share, digest);
	if (r < 0)
		return r;
	return memcmp(digest, box->digests + (size_t)reveal->kind * TACIT_SECAGG_DIGEST_LEN,
		      sizeof(digest)) == 0
		       ? 0
		       : TACIT_EUNTRUSTED;
}

/* Room for a dealer's shares. */
static int prepare(const struct tacit_secagg_server *server, uint32_t dealer)
{
	struct tacit_secagg_member *member = &server->member[dealer];

	if (!member->held)
		member->held = TACIT_NEW_N(struct tacit_secagg_held, server->params.t);
	return member->held ? 0 : -ENOMEM;
}

static void keep(const struct tacit_secagg_server *server, uint32_t holder,
		 const struct tacit_secagg_reveal *reveal)
{
	struct tacit_secagg_member *dealer = &server->member[reveal->dealer];
	struct tacit_secagg_held *held = &dealer->held[dealer->n_held];

	if (dealer->n_held == server->params.t)
		return;
	held->holder = holder;
	memcpy(held->bytes, reveal->share, sizeof(held->bytes));
	dealer->n_held++;
}

/* First all are looked at, then all kept: what fails leaves nothing half done. */
static int take_reveals(struct tacit_secagg_server *server,
			const struct tacit_secagg_answer *answer)
{
	bool good[TACIT_SECAGG_DEGREE_MAX];

	for (uint32_t i = 0; i < answer->n; i++) {
		int r = check_reveal(server, answer->host, &answer->reveal[i]);

		good[i] = r == 0;
		if (r == 0)
			r = prepare(server, answer->reveal[i].dealer);
		if (r < 0 && r != TACIT_EUNTRUSTED)
			return r;
	}
	for (uint32_t i = 0; i < answer->n; i++) {
		if (good[i])
			keep(server, answer->host, &answer->reveal[i]);
		else
			tacit_secagg_server_blame(server, answer->host, TACIT_SECAGG_BAD_SHARE,
						  answer->reveal[i].dealer);
	}
	return 0;
}

/* Decodes an ANSWER of a survivor, about hosts that exist. */
static int read_answer(const struct tacit_secagg_server *server, const uint8_t *data, size_t len,
		       struct tacit_secagg_answer *ret, enum tacit_secagg_reason *why)
{
	int r;

	if (server->phase < TACIT_SECAGG_PHASE_ANSWERS)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
	r = tacit_secagg_answer_decode(server->round.digest, data, len, ret);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	if (!find_alive(server, ret->host))
		return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	for (uint32_t i = 0; i < ret->n; i++)
		if (ret->reveal[i].dealer >= server->n)
			return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	return 0;
}

int tacit_secagg_server_check_answer(const struct tacit_secagg_server *server, const uint8_t *data,
				     size_t len, uint32_t *ret_host, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_answer_done) struct tacit_secagg_answer answer = { 0 };
	int r = read_answer(server, data, len, &answer, why);

	if (r == 0)
		*ret_host = answer.host;
	return r;
}

int tacit_secagg_server_answer(struct tacit_secagg_server *server, const uint8_t *data, size_t len,
			       enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_answer_done) struct tacit_secagg_answer answer = { 0 };
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	struct tacit_secagg_member *member;
	int r = read_answer(server, data, len, &answer, why);

	if (r == 0)
		r = tacit_digest_of(digest, { data, len });
	if (r < 0)
		return r;
	member = &server->member[answer.host];
	if (member->answered)
		return memcmp(digest, member->answer, sizeof(digest)) == 0
			       ? 0
			       : tacit_secagg_refuse(why, TACIT_SECAGG_DIFFERENT_MESSAGE);
	r = take_reveals(server, &answer);
	if (r < 0)
		return r;
	member->answered = true;
	memcpy(member->answer, digest, sizeof(digest));
	return 0;
}

bool tacit_secagg_server_is_alive(const struct tacit_secagg_server *server, uint32_t host)
{
	return server->member[host].alive;
}

bool tacit_secagg_server_is_gone(const struct tacit_secagg_server *server, uint32_t host)
{
	return server->member[host].gone;
}

uint32_t tacit_secagg_server_missing(const struct tacit_secagg_server *server)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < server->n; i++) {
		const struct tacit_secagg_member *member = &server->member[i];

		missing += (member->alive || member->gone) && member->n_held < server->params.t;
	}
	return missing;
}

void tacit_secagg_server_blame(struct tacit_secagg_server *server, uint32_t host,
			       enum tacit_secagg_reason reason, uint32_t other)
{
	for (size_t i = 0; i < server->n_culprits; i++)
		if (server->culprit[i].host == host && server->culprit[i].reason == reason &&
		    server->culprit[i].other == other)
			return;
	if (server->n_culprits == TACIT_SECAGG_CULPRITS_MAX)
		return;
	if (server->n_culprits == server->culprits_capacity) {
		size_t capacity = server->culprits_capacity ? 2 * server->culprits_capacity : 16;
		struct tacit_secagg_culprit *culprit =
			tacit_realloc(server->culprit, capacity, sizeof(*culprit));

		if (!culprit)
			return;
		server->culprit = culprit;
		server->culprits_capacity = capacity;
	}
	server->culprit[server->n_culprits++] =
		(struct tacit_secagg_culprit){ host, reason, other };
}

const struct tacit_secagg_culprit *tacit_secagg_server_culprits(
	const struct tacit_secagg_server *server, size_t *ret_n)
{
	*ret_n = server->n_culprits;
	return server->culprit;
}
