/* SPDX-License-Identifier: MIT */
#include "secagg_bind.h"

#include <string.h>

#include "digest.h"
#include "merkle.h"

#define LABEL	     "tacit-secagg-v1"
#define LABEL_LEN    (sizeof(LABEL) - 1)
#define ROUND_ID_LEN 12U
#define INFO_LEN                                                                                   \
	(LABEL_LEN + ROUND_ID_LEN + 2UL * TACIT_SECAGG_DIGEST_LEN + 4 + 2UL * TACIT_SECAGG_ID_LEN)

/* First in what is hashed: one kind of record never passes for another. */
#define KIND(name)                                                                                 \
	{                                                                                          \
		LABEL " " name, sizeof(LABEL " " name)                                             \
	}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		*at++ = (uint8_t)(value >> 8 * i);
	return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *put_round_id(uint8_t *at, const struct tacit_secagg_config *config)
{
	at = put_u32(at, (uint32_t)config->round);
	at = put_u32(at, (uint32_t)(config->round >> 32));
	return put_u32(at, config->group);
}

int tacit_secagg_advert_digest(const uint8_t *config, const struct tacit_secagg_advert *advert,
			       uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	return tacit_digest_of(ret, KIND("advert"), { config, TACIT_SECAGG_DIGEST_LEN },
			       { advert->id, sizeof(advert->id) },
			       { advert->seal_key, sizeof(advert->seal_key) },
			       { advert->mask_key, sizeof(advert->mask_key) },
			       { advert->commitment, sizeof(advert->commitment) });
}

int tacit_secagg_advert_leaf(const uint8_t advert[TACIT_SECAGG_DIGEST_LEN],
			     uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	return tacit_merkle_leaf(advert, TACIT_SECAGG_DIGEST_LEN, ret);
}

int tacit_secagg_roster_digest(const uint8_t *config, const struct tacit_secagg_roster *roster,
			       uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	uint8_t params[12];

	(void)put_u32(put_u32(put_u32(params, roster->params.n), roster->params.k),
		      roster->params.t);
	return tacit_digest_of(ret, KIND("roster"), { config, TACIT_SECAGG_DIGEST_LEN },
			       { params, sizeof(params) }, { roster->root, sizeof(roster->root) },
			       { roster->beacon, sizeof(roster->beacon) });
}

int tacit_secagg_graph_seed(const struct tacit_secagg_config *config,
			    const struct tacit_secagg_roster *roster,
			    uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	uint8_t round_id[ROUND_ID_LEN];

	(void)put_round_id(round_id, config);
	return tacit_digest_of(ret, { round_id, sizeof(round_id) },
			       { roster->root, sizeof(roster->root) },
			       { roster->beacon, sizeof(roster->beacon) });
}

int tacit_secagg_survivors_digest(const uint8_t *config, const uint8_t *roster,
				  const struct tacit_secagg_survivors *survivors,
				  uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	size_t len = tacit_secagg_bits_len(survivors->n);

	return tacit_digest_of(ret, KIND("survivors"), { config, TACIT_SECAGG_DIGEST_LEN },
			       { roster, TACIT_SECAGG_DIGEST_LEN }, { survivors->alive, len },
			       { survivors->gone, len });
}

int tacit_secagg_share_digest(const uint8_t *config, uint32_t dealer, uint32_t holder,
			      enum tacit_secagg_kind kind,
			      const uint8_t share[TACIT_SECAGG_SHARE_LEN],
			      uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	uint8_t who[12];

	(void)put_u32(put_u32(put_u32(who, dealer), holder), kind);
	return tacit_digest_of(ret, KIND("share"), { config, TACIT_SECAGG_DIGEST_LEN },
			       { who, sizeof(who) }, { share, TACIT_SECAGG_SHARE_LEN });
}

int tacit_secagg_commit(const uint8_t seed[TACIT_SECAGG_KEY_LEN],
			uint8_t ret[TACIT_SECAGG_DIGEST_LEN])
{
	return tacit_digest_of(ret, { seed, TACIT_SECAGG_KEY_LEN });
}

int tacit_secagg_pair_key(struct tacit_agree *agree, struct tacit_hkdf *hkdf,
			  const struct tacit_secagg_round *round, const char *purpose,
			  const uint8_t *id, const uint8_t *peer, const uint8_t *peer_id,
			  uint8_t ret[TACIT_SECAGG_KEY_LEN])
{
	bool first = memcmp(id, peer_id, TACIT_SECAGG_ID_LEN) < 0;
	uint8_t info[INFO_LEN], *at = put_bytes(info, LABEL, LABEL_LEN);

	at = put_round_id(at, &round->config);
	at = put_bytes(at, round->digest, sizeof(round->digest));
	at = put_bytes(at, round->config.model, sizeof(round->config.model));
	at = put_bytes(at, purpose, 4);
	at = put_bytes(at, first ? id : peer_id, TACIT_SECAGG_ID_LEN);
	(void)put_bytes(at, first ? peer_id : id, TACIT_SECAGG_ID_LEN);
	return tacit_agree_derive(agree, hkdf, peer, info, sizeof(info), ret);
}

void tacit_secagg_box_bound(const struct tacit_secagg_config *config, uint32_t dealer,
			    uint32_t holder, const uint8_t *dealer_advert,
			    const uint8_t *holder_advert, uint8_t ret[TACIT_SECAGG_BOUND_LEN])
{
	uint8_t *at = put_u32(put_u32(put_round_id(ret, config), dealer), holder);

	at = put_bytes(at, dealer_advert, TACIT_SECAGG_DIGEST_LEN);
	(void)put_bytes(at, holder_advert, TACIT_SECAGG_DIGEST_LEN);
}

int tacit_secagg_refuse(enum tacit_secagg_reason *why, enum tacit_secagg_reason reason)
{
	if (why)
		*why = reason;
	return tacit_secagg_reason_code(reason);
}

int tacit_secagg_misread(enum tacit_secagg_reason *why, int r)
{
	if (r == TACIT_ESCHEMA)
		return tacit_secagg_refuse(why, TACIT_SECAGG_MALFORMED);
	if (r == TACIT_ECONFLICT)
		return tacit_secagg_refuse(why, TACIT_SECAGG_OTHER_ROUND);
	return r;
}
