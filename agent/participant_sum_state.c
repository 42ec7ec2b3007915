/* SPDX-License-Identifier: MIT */
/* Life of a host's part in a secure sum: who it is, how it begins, how it is found again. */
#include <inttypes.h>
#include <string.h>

#include "participant_private.h"

static int sign(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	const struct tacit_participant *p = (const struct tacit_participant *)ctx;

	_Static_assert(TACIT_SIGNATURE_MAX <= TACIT_SECAGG_SIGNATURE_MAX, "a signature fits");
	return tacit_identity_sign(p->params.identity, data, len, sig, ret_len);
}

/* Who vouches under the CA there is now. */
static int find_vouch(struct tacit_participant *p, struct tacit_vouch **ret)
{
	const X509 *ca = tacit_identity_ca(p->params.identity);
	struct tacit_vouch *vouch = NULL;
	int r;

	if (p->params.vouch && tacit_vouch_is_of(p->params.vouch, ca)) {
		*ret = p->params.vouch;
		return 0;
	}
	if (!p->vouch || !tacit_vouch_is_of(p->vouch, ca)) {
		r = tacit_vouch_new(ca, p->params.wall_ms, &vouch);
		if (r < 0)
			return r;
		tacit_vouch_free(p->vouch);
		p->vouch = vouch;
	}
	*ret = p->vouch;
	return 0;
}

static int verify_host(void *ctx, const uint8_t *id, const struct tacit_secagg_blob *cert,
		       const void *data, size_t len, const struct tacit_secagg_blob *sig)
{
	struct tacit_vouch *vouch = NULL;
	int r = find_vouch((struct tacit_participant *)ctx, &vouch);

	return r < 0 ? r : tacit_vouch_for_host(vouch, id, cert, data, len, sig);
}

static int verify_server(void *ctx, const void *data, size_t len,
			 const struct tacit_secagg_blob *sig)
{
	struct tacit_vouch *vouch = NULL;
	int r = find_vouch((struct tacit_participant *)ctx, &vouch);

	return r < 0 ? r : tacit_vouch_for_server(vouch, data, len, sig);
}

/* The certificate is kept beside the host: a renewal must not take it away. */
static int introduce(struct tacit_participant *p, struct tacit_secagg_identity *ret)
{
	const struct tacit_identity *identity = p->params.identity;
	int r;

	*ret = (struct tacit_secagg_identity){
		.ctx = p,
		.sign = sign,
		.verify_host = verify_host,
		.verify_server = verify_server,
	};
	memcpy(ret->id, tacit_identity_key_digest(identity), sizeof(ret->id));
	r = tacit_identity_cert(identity, &p->sum.cert, &ret->cert.len);
	ret->cert.data = p->sum.cert;
	return r;
}

int tacit_participant_enter_sum(struct tacit_participant *p, struct tacit_fleet *reference)
{
	struct tacit_secagg_identity identity;
	int r;

	tacit_participant_drop_sum(p);
	p->sum.reference = reference;
	p->sum.round = p->round.round;
	p->sum.model_version = p->round.model_version;
	p->sum.since_ms = tacit_participant_boot(p);
	r = introduce(p, &identity);
	if (r == 0)
		r = tacit_secagg_host_new(&identity, p->params.random, &p->sum.host);
	if (r < 0)
		tacit_participant_drop_sum(p);
	return r;
}

static int load(struct tacit_participant *p, struct tacit_ledger_stand *stand)
{
	struct tacit_secagg_identity identity;
	int r = introduce(p, &identity);

	if (r == 0)
		r = tacit_secagg_host_load(&identity, p->params.random, stand->state,
					   stand->state_len, &p->sum.host);
	if (r < 0)
		return r;
	/* A sum that was joined before rounds had purposes is one to learn from. */
	if (stand->document)
		r = tacit_round_parse(stand->document, strlen(stand->document), &p->round, NULL, 0);
	if (r < 0)
		return r;
	p->sum.round = stand->round;
	p->sum.model_version = stand->model_version;
	p->sum.since_ms = tacit_participant_boot(p);
	if (stand->sent)
		return 0;
	p->sum.message = TACIT_TAKE(stand->message);
	p->sum.message_len = stand->message_len;
	return 0;
}

int tacit_participant_load_sum(struct tacit_participant *p)
{
	TACIT_CLEANUP(tacit_ledger_stand_done) struct tacit_ledger_stand stand = { 0 };
	const char *aggregator = tacit_identity_aggregator(p->params.identity);
	int r = tacit_ledger_resume(p->params.db, aggregator, &stand);

	tacit_participant_drop_sum(p);
	if (r <= 0)
		return r;
	r = load(p, &stand);
	if (r == 0 || r == -ENOMEM)
		return r;
	tacit_participant_drop_sum(p);
	tacit_participant_say(p, TACIT_LOG_WARNING,
			      "leaving round %" PRIu64 ", its stored state is of no use: %s",
			      stand.round, tacit_strerror(r));
	return tacit_ledger_leave(p->params.db, aggregator, stand.round, TACIT_LEDGER_LEFT);
}

void tacit_participant_drop_sum(struct tacit_participant *p)
{
	tacit_secagg_host_free(p->sum.host);
	tacit_fleet_free(p->sum.reference);
	tacit_free(p->sum.cert);
	tacit_free(p->sum.message);
	p->sum = (struct tacit_participant_sum){ 0 };
}
