/* SPDX-License-Identifier: MIT */
/* The one list of survivors that a host puts its name to. */
#include <string.h>

#include "secagg_host_private.h"

static int digest_of(const struct tacit_secagg_host *host,
		     const struct tacit_secagg_survivors *survivors, uint8_t *ret)
{
	uint8_t roster[TACIT_SECAGG_DIGEST_LEN];
	int r = tacit_secagg_roster_digest(host->round.digest, &host->roster, roster);

	return r < 0 ? r
		     : tacit_secagg_survivors_digest(host->round.digest, roster, survivors, ret);
}

static int check_second(const struct tacit_secagg_host *host,
			const struct tacit_secagg_survivors *survivors,
			enum tacit_secagg_reason *why)
{
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int r = digest_of(host, survivors, digest);

	if (r < 0)
		return r;
	return tacit_secagg_refuse(why, memcmp(digest, host->survivors, sizeof(digest)) == 0
						? TACIT_SECAGG_OUT_OF_TURN
						: TACIT_SECAGG_SECOND_LIST);
}

static uint32_t count_alive(const struct tacit_secagg_survivors *survivors)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < survivors->n; i++)
		count += tacit_secagg_bits_has(survivors->alive, i);
	return count;
}

/* The list as a whole. */
static int check_list(const struct tacit_secagg_host *host,
		      const struct tacit_secagg_survivors *survivors, enum tacit_secagg_reason *why)
{
	uint32_t least = tacit_secagg_survivors_min(&host->round.config.threat, survivors->n);
	uint32_t alive = count_alive(survivors);

	for (size_t i = 0; i < tacit_secagg_bits_len(survivors->n); i++)
		if (survivors->alive[i] & survivors->gone[i])
			return tacit_secagg_refuse(why, TACIT_SECAGG_BOTH_SHARES);
	if (!tacit_secagg_bits_has(survivors->alive, host->roster.index))
		return tacit_secagg_refuse(why, TACIT_SECAGG_NOT_A_SURVIVOR);
	if (alive < least || alive < host->hosts_min)
		return tacit_secagg_refuse(why, TACIT_SECAGG_TOO_FEW_SURVIVORS);
	return 0;
}

/* The list as far as it speaks of neighbours. */
static int take_list(struct tacit_secagg_host *host, const struct tacit_secagg_survivors *survivors,
		     enum tacit_secagg_reason *why)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < host->roster.params.k; i++) {
		struct tacit_secagg_neighbour *neighbour = &host->neighbour[i];
		uint32_t index = host->roster.seat[i].index;

		neighbour->alive = tacit_secagg_bits_has(survivors->alive, index);
		neighbour->gone = tacit_secagg_bits_has(survivors->gone, index);
		if (neighbour->alive && !neighbour->heard)
			return tacit_secagg_refuse(why, TACIT_SECAGG_UNKNOWN_SURVIVOR);
		count += neighbour->alive;
	}
	if (count < host->roster.params.t)
		return tacit_secagg_refuse(why, TACIT_SECAGG_TOO_FEW_NEIGHBOURS);
	return 0;
}

static int sign(struct tacit_secagg_host *host, struct tacit_writer *message)
{
	const struct tacit_secagg_identity *identity = &host->identity;
	uint8_t bytes[TACIT_SECAGG_SIGNATURE_MAX];
	struct tacit_secagg_consent consent = { host->roster.index, { bytes, 0 } };
	int r = identity->sign(identity->ctx, host->survivors, sizeof(host->survivors), bytes,
			       &consent.signature.len);

	if (r == 0)
		tacit_secagg_consent_encode(host->round.digest, &consent, message);
	return r;
}

int tacit_secagg_host_consent(struct tacit_secagg_host *host, const uint8_t *data, size_t len,
			      struct tacit_secagg_step *ret, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	struct tacit_secagg_survivors survivors;
	int r;

	if (host->stage < TACIT_SECAGG_STAGE_MASKED)
		return tacit_secagg_host_expect(host, TACIT_SECAGG_STAGE_MASKED, why);
	r = tacit_secagg_survivors_decode(host->round.digest, data, len, &survivors);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	if (survivors.n != host->roster.params.n)
		return tacit_secagg_refuse(why, TACIT_SECAGG_MALFORMED);
	if (host->stage > TACIT_SECAGG_STAGE_MASKED)
		return check_second(host, &survivors, why);
	r = check_list(host, &survivors, why);
	if (r == 0)
		r = take_list(host, &survivors, why);
	if (r == 0)
		r = digest_of(host, &survivors, host->survivors);
	if (r == 0)
		r = sign(host, &message);
	if (r == 0)
		r = tacit_secagg_host_finish(host, TACIT_SECAGG_STAGE_CONSENTED, &message, ret);
	if (r < 0)
		tacit_secagg_host_rewind(host, TACIT_SECAGG_STAGE_MASKED);
	else if (why)
		*why = TACIT_SECAGG_FINE;
	return r;
}
