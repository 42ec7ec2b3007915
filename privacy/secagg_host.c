/* SPDX-License-Identifier: MIT */
/* Life of a host's part, and its first and last steps; secagg_host_share.c has those between. */
#include <string.h>

#include "secagg_host_private.h"

void tacit_secagg_step_done(struct tacit_secagg_step *step)
{
	if (step->state)
		tacit_wipe(step->state, step->state_len);
	tacit_free(step->state);
	tacit_free(step->message);
	*step = (struct tacit_secagg_step){ 0 };
}

int tacit_secagg_host_new(const struct tacit_secagg_identity *identity, struct tacit_random *random,
			  struct tacit_secagg_host **ret)
{
	TACIT_CLEANUP(tacit_secagg_host_free_p) struct tacit_secagg_host *host = NULL;
	int r;

	host = TACIT_NEW(struct tacit_secagg_host);
	if (!host)
		return -ENOMEM;
	host->identity = *identity;
	host->random = random;
	r = tacit_hkdf_new(&host->hkdf);
	if (r == 0)
		r = tacit_seal_new(&host->seal);
	if (r == 0)
		r = tacit_mask_new(&host->mask);
	if (r == 0)
		*ret = TACIT_TAKE(host);
	return r;
}

static void forget_config(struct tacit_secagg_host *host)
{
	tacit_free(host->config_data);
	host->config_data = NULL;
	tacit_wipe(host->seed, sizeof(host->seed));
}

static void forget_roster(struct tacit_secagg_host *host)
{
	if (host->neighbour)
		tacit_wipe(host->neighbour, host->roster.params.k * sizeof(*host->neighbour));
	tacit_free(host->neighbour);
	host->neighbour = NULL;
	tacit_secagg_roster_done(&host->roster);
	tacit_free(host->roster_data);
	host->roster_data = NULL;
}

void tacit_secagg_host_rewind(struct tacit_secagg_host *host, enum tacit_secagg_stage stage)
{
	host->stage = stage;
	if (stage < TACIT_SECAGG_STAGE_JOINED)
		forget_config(host);
	if (stage < TACIT_SECAGG_STAGE_SHARED)
		forget_roster(host);
	for (uint32_t i = 0; host->neighbour && i < host->roster.params.k; i++) {
		struct tacit_secagg_neighbour *neighbour = &host->neighbour[i];

		if (stage < TACIT_SECAGG_STAGE_MASKED) {
			neighbour->heard = neighbour->held = false;
			tacit_wipe(neighbour->share, sizeof(neighbour->share));
		}
		if (stage < TACIT_SECAGG_STAGE_CONSENTED)
			neighbour->alive = neighbour->gone = false;
	}
}

/* What no later step needs. */
static void expire(struct tacit_secagg_host *host)
{
	if (host->stage >= TACIT_SECAGG_STAGE_SHARED) {
		tacit_wipe(host->seed[SEED_SEAL], TACIT_SECAGG_KEY_LEN);
		tacit_wipe(host->seed[SEED_MASK], TACIT_SECAGG_KEY_LEN);
	}
	if (host->stage >= TACIT_SECAGG_STAGE_MASKED)
		tacit_wipe(host->seed[SEED_SELF], TACIT_SECAGG_KEY_LEN);
	for (uint32_t i = 0; host->neighbour && i < host->roster.params.k; i++) {
		struct tacit_secagg_neighbour *neighbour = &host->neighbour[i];

		if (host->stage >= TACIT_SECAGG_STAGE_MASKED) {
			tacit_wipe(neighbour->seal_key, sizeof(neighbour->seal_key));
			tacit_wipe(neighbour->mask_key, sizeof(neighbour->mask_key));
		}
		if (host->stage >= TACIT_SECAGG_STAGE_ANSWERED)
			tacit_wipe(neighbour->share, sizeof(neighbour->share));
	}
}

int tacit_secagg_host_finish(struct tacit_secagg_host *host, enum tacit_secagg_stage stage,
			     struct tacit_writer *message, struct tacit_secagg_step *ret)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer state = { .secret = true };
	struct tacit_secagg_step step = { 0 };
	enum tacit_secagg_stage before = host->stage;
	int r;

	host->stage = stage;
	tacit_secagg_host_save(host, &state);
	r = tacit_writer_take(message, &step.message, &step.message_len);
	if (r == 0)
		r = tacit_writer_take(&state, &step.state, &step.state_len);
	if (r < 0) {
		tacit_secagg_step_done(&step);
		tacit_secagg_host_rewind(host, before);
		return r;
	}
	expire(host);
	*ret = step;
	return 0;
}

int tacit_secagg_host_expect(const struct tacit_secagg_host *host, enum tacit_secagg_stage stage,
			     enum tacit_secagg_reason *why)
{
	if (why)
		*why = TACIT_SECAGG_FINE;
	return host->stage == stage ? 0 : tacit_secagg_refuse(why, TACIT_SECAGG_OUT_OF_TURN);
}

struct tacit_secagg_neighbour *tacit_secagg_host_find(const struct tacit_secagg_host *host,
						      uint32_t index)
{
	uint32_t low = 0, high = host->roster.params.k;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (host->roster.seat[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < host->roster.params.k && host->roster.seat[low].index == index
		       ? &host->neighbour[low]
		       : NULL;
}

static int check_config(const struct tacit_secagg_config *config,
			const struct tacit_secagg_floors *floors, enum tacit_secagg_reason *why)
{
	enum tacit_secagg_reason reason = TACIT_SECAGG_FINE;

	if (config->round <= floors->last_round)
		reason = TACIT_SECAGG_ROUND_REPLAYED;
	else if (memcmp(config->task, floors->task, sizeof(config->task)) != 0 ||
		 memcmp(config->model, floors->model, sizeof(config->model)) != 0 ||
		 config->dimensions != floors->dimensions)
		reason = TACIT_SECAGG_OTHER_MODEL;
	else if (config->hosts_min < floors->hosts_min)
		reason = TACIT_SECAGG_COHORT_BELOW_FLOOR;
	else if (config->noise_ppm < floors->noise_ppm)
		reason = TACIT_SECAGG_NOISE_BELOW_FLOOR;
	else if (config->threat.corrupt_ppm < floors->corrupt_ppm ||
		 (floors->semi_malicious && config->threat.server != TACIT_SECAGG_SEMI_MALICIOUS))
		reason = TACIT_SECAGG_THREAT_BELOW_FLOOR;
	return reason == TACIT_SECAGG_FINE ? 0 : tacit_secagg_refuse(why, reason);
}

static int take_config(struct tacit_secagg_host *host, const uint8_t *data, size_t len,
		       const struct tacit_secagg_floors *floors, enum tacit_secagg_reason *why)
{
	struct tacit_secagg_config *config = &host->round.config;
	int r;

	host->config_data = tacit_memdup(data, len);
	if (!host->config_data)
		return -ENOMEM;
	host->config_len = len;
	r = tacit_secagg_config_decode(host->config_data, len, config);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	/* the signature and the byte of its length are last */
	if (host->identity.verify_server(host->identity.ctx, data, len - config->signature.len - 1,
					 &config->signature) < 0)
		return tacit_secagg_refuse(why, TACIT_SECAGG_CONFIG_SIGNATURE);
	r = check_config(config, floors, why);
	if (r < 0)
		return r;
	host->hosts_min = floors->hosts_min;
	return tacit_secagg_config_digest(config, host->round.digest);
}

static int public_of(const uint8_t *seed, uint8_t *ret)
{
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *agree = NULL;
	int r = tacit_agree_new(seed, &agree);

	if (r == 0)
		memcpy(ret, tacit_agree_get_public(agree), TACIT_SECAGG_KEY_LEN);
	return r;
}

static int advertise(struct tacit_secagg_host *host, struct tacit_writer *message)
{
	const struct tacit_secagg_identity *identity = &host->identity;
	uint8_t signature[TACIT_SECAGG_SIGNATURE_MAX];
	struct tacit_secagg_advert advert = { .cert = identity->cert,
					      .signature = { signature, 0 } };
	int r;

	tacit_random_bytes(host->random, host->seed, sizeof(host->seed));
	memcpy(advert.id, identity->id, sizeof(advert.id));
	r = public_of(host->seed[SEED_SEAL], advert.seal_key);
	if (r == 0)
		r = public_of(host->seed[SEED_MASK], advert.mask_key);
	if (r == 0)
		r = tacit_secagg_commit(host->seed[SEED_SELF], advert.commitment);
	if (r == 0)
		r = tacit_secagg_advert_digest(host->round.digest, &advert, host->advert);
	if (r == 0)
		r = identity->sign(identity->ctx, host->advert, sizeof(host->advert), signature,
				   &advert.signature.len);
	if (r == 0)
		tacit_secagg_advert_encode(host->round.digest, &advert, message);
	return r;
}

int tacit_secagg_host_join(struct tacit_secagg_host *host, const struct tacit_secagg_floors *floors,
			   const uint8_t *data, size_t len, struct tacit_secagg_step *ret,
			   enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	int r = tacit_secagg_host_expect(host, TACIT_SECAGG_STAGE_NEW, why);

	if (r < 0)
		return r;
	r = take_config(host, data, len, floors, why);
	if (r == 0)
		r = advertise(host, &message);
	if (r == 0)
		r = tacit_secagg_host_finish(host, TACIT_SECAGG_STAGE_JOINED, &message, ret);
	if (r < 0)
		tacit_secagg_host_rewind(host, TACIT_SECAGG_STAGE_NEW);
	return r;
}

/* Of the neighbours that live, how many signed this host's list? */
static uint32_t count_consents(const struct tacit_secagg_host *host,
			       const struct tacit_secagg_consents *consents)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < consents->n; i++) {
		const struct tacit_secagg_consent *consent = &consents->consent[i];
		const struct tacit_secagg_neighbour *neighbour =
			tacit_secagg_host_find(host, consent->host);
		const struct tacit_secagg_advert *advert;

		if (!neighbour || !neighbour->alive)
			continue;
		advert = &host->roster.seat[neighbour - host->neighbour].advert;
		count += host->identity.verify_host(host->identity.ctx, advert->id, &advert->cert,
						    host->survivors, sizeof(host->survivors),
						    &consent->signature) == 0;
	}
	return count;
}

static int check_consents(const struct tacit_secagg_host *host,
			  const struct tacit_secagg_consents *consents,
			  enum tacit_secagg_reason *why)
{
	uint32_t good = count_consents(host, consents), t = host->roster.params.t;

	if (consents->host != host->roster.index)
		return tacit_secagg_refuse(why, TACIT_SECAGG_MALFORMED);
	if (good >= t)
		return 0;
	return tacit_secagg_refuse(why, consents->n >= t ? TACIT_SECAGG_BAD_CONSENT
							 : TACIT_SECAGG_TOO_FEW_CONSENTS);
}

static int reveal(const struct tacit_secagg_host *host, struct tacit_writer *message)
{
	struct tacit_secagg_answer answer = { .host = host->roster.index };
	TACIT_AUTO_FREE struct tacit_secagg_reveal *list =
		TACIT_NEW_N(struct tacit_secagg_reveal, host->roster.params.k);

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < host->roster.params.k; i++) {
		const struct tacit_secagg_neighbour *neighbour = &host->neighbour[i];
		enum tacit_secagg_kind kind =
			neighbour->alive ? TACIT_SECAGG_SELF_MASK : TACIT_SECAGG_MASK_KEY;

		if (neighbour->held && (neighbour->alive || neighbour->gone))
			list[answer.n++] =
				(struct tacit_secagg_reveal){ host->roster.seat[i].index, kind,
							      neighbour->share[kind] };
	}
	answer.reveal = list;
	tacit_secagg_answer_encode(host->round.digest, &answer, message);
	return 0;
}

int tacit_secagg_host_answer(struct tacit_secagg_host *host, const uint8_t *data, size_t len,
			     struct tacit_secagg_step *ret, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_consents_done) struct tacit_secagg_consents consents = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	int r = tacit_secagg_host_expect(host, TACIT_SECAGG_STAGE_CONSENTED, why);

	if (r < 0)
		return r;
	r = tacit_secagg_consents_decode(host->round.digest, data, len, &consents);
	if (r < 0)
		return tacit_secagg_misread(why, r);
	r = check_consents(host, &consents, why);
	if (r == 0)
		r = reveal(host, &message);
	if (r == 0)
		r = tacit_secagg_host_finish(host, TACIT_SECAGG_STAGE_ANSWERED, &message, ret);
	return r;
}

enum tacit_secagg_stage tacit_secagg_host_get_stage(const struct tacit_secagg_host *host)
{
	return host->stage;
}

const struct tacit_secagg_config *tacit_secagg_host_get_config(const struct tacit_secagg_host *host)
{
	return host->stage >= TACIT_SECAGG_STAGE_JOINED ? &host->round.config : NULL;
}

const struct tacit_secagg_params *tacit_secagg_host_get_params(const struct tacit_secagg_host *host)
{
	return host->stage >= TACIT_SECAGG_STAGE_SHARED ? &host->roster.params : NULL;
}

uint32_t tacit_secagg_host_get_honest(const struct tacit_secagg_host *host)
{
	const struct tacit_secagg_params *params = tacit_secagg_host_get_params(host);

	return params ? tacit_secagg_honest(&host->round.config.threat, params->n) : 0;
}

void tacit_secagg_host_free(struct tacit_secagg_host *host)
{
	if (!host)
		return;
	tacit_secagg_host_rewind(host, TACIT_SECAGG_STAGE_NEW);
	tacit_hkdf_free(host->hkdf);
	tacit_seal_free(host->seal);
	tacit_mask_free(host->mask);
	tacit_free(host);
}
