/* SPDX-License-Identifier: MIT */
/* Becoming a member of the fleet, and staying one. */
#include <stdio.h>
#include <string.h>

#include "participant_private.h"

static void ask_with_body(struct tacit_participant *p, enum tacit_participant_state state,
			  const char *path)
{
	const struct tacit_uplink_request request = {
		.method = "PUT",
		.path = path,
		.type = TACIT_TYPE_JSON,
		.body = p->body,
		.body_len = strlen(p->body),
		.answer_max = TACIT_IDENTITY_REPLY_MAX,
	};

	tacit_participant_ask(p, state, &request);
}

/* Known only by its pin, until it has shown its CA. */
static int face_stranger(struct tacit_participant *p)
{
	const struct tacit_uplink_tls tls = { .url = p->token.url, .pin = p->token.pin };

	p->member_tls = false;
	return p->params.transport->set_tls(p->params.transport_ctx, &tls);
}

void tacit_participant_ask_enrol(struct tacit_participant *p)
{
	struct tacit_identity *identity = p->params.identity;
	char path[TACIT_UPLINK_PATH_MAX];
	int r = face_stranger(p);

	p->status.state = TACIT_PARTICIPANT_ENROL;
	if (r == 0)
		r = tacit_identity_enrol_body(identity, &p->token, &p->body);
	if (r < 0) {
		tacit_participant_fail(p, 0, "cannot ask to enrol: %s", tacit_strerror(r));
		return;
	}
	(void)snprintf(path, sizeof(path), "%s%s", TACIT_PATH_ENROL,
		       tacit_identity_fingerprint(identity));
	ask_with_body(p, TACIT_PARTICIPANT_ENROL, path);
}

/* What an earlier aggregator said is void under a new one. */
static int settle_in(struct tacit_participant *p, const char *before)
{
	int r = 0;

	if (strcmp(before, tacit_identity_aggregator(p->params.identity)) != 0) {
		r = tacit_participant_forget_releases(p);
		tacit_participant_drop_update(p);
		if (r == 0 && p->sum.host)
			r = tacit_participant_end_sum(p, before, tacit_participant_sum_end(p));
	}
	if (r == 0 && !p->update)
		r = tacit_participant_load_update(p);
	if (r == 0 && !p->sum.host)
		r = tacit_participant_load_sum(p);
	p->has_task = p->task_fresh = p->release_fresh = false;
	p->round_due_ms = 0;
	p->expected = 0;
	return r;
}

static void enter(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	struct tacit_identity *identity = p->params.identity;
	const X509 *ca = p->params.transport->ca(p->params.transport_ctx);
	char before[2 * TACIT_FINGERPRINT_LEN + 1], why[160] = "";
	int r = TACIT_EUNTRUSTED;

	(void)snprintf(before, sizeof(before), "%s", tacit_identity_aggregator(identity));
	if (ca)
		r = tacit_identity_adopt(identity, p->token.url, ca, (const char *)result->body,
					 result->body_len, why, sizeof(why));
	if (r == 0)
		r = settle_in(p, before);
	if (r < 0) {
		tacit_participant_fail(p, 0, "%s", why[0] ? why : tacit_strerror(r));
		return;
	}
	tacit_participant_drop_token(p);
	tacit_participant_ok(p);
	tacit_participant_say(p, TACIT_LOG_NOTICE, "enrolled at %s as host %s",
			      tacit_identity_url(identity), tacit_identity_host(identity));
	tacit_participant_go_on(p);
}

/* Asking again with this token would be answered the same. */
static bool is_final(int status)
{
	return status >= 400 && status < 500 && status != 408 && status != 421 && status != 425 &&
	       status != 429;
}

static void give_up_token(struct tacit_participant *p, const struct tacit_uplink_result *result)
{
	const char *detail = tacit_participant_detail(result);

	tacit_participant_drop_token(p);
	tacit_participant_give_up(p, "the aggregator refuses the token (%d)%s%s", result->status,
				  detail[0] ? ": " : "", detail);
	tacit_participant_go_on(p);
}

void tacit_participant_on_enrol(struct tacit_participant *p,
				const struct tacit_uplink_result *result)
{
	if (result->status == 200 || result->status == 201) {
		if (tacit_participant_is_type(p, result, TACIT_TYPE_JSON))
			enter(p, result);
	} else if (is_final(result->status)) {
		give_up_token(p, result);
	} else {
		tacit_participant_fail_status(p, result);
	}
}

void tacit_participant_ask_renew(struct tacit_participant *p)
{
	int r = tacit_identity_renew_body(p->params.identity, &p->body);

	p->status.state = TACIT_PARTICIPANT_RENEW;
	if (r < 0)
		tacit_participant_fail(p, 0, "cannot ask to renew: %s", tacit_strerror(r));
	else
		ask_with_body(p, TACIT_PARTICIPANT_RENEW, TACIT_PATH_RENEW);
}

void tacit_participant_on_renew(struct tacit_participant *p,
				const struct tacit_uplink_result *result)
{
	char why[160] = "";
	int r;

	if (result->status != 200) {
		tacit_participant_fail_status(p, result);
		return;
	}
	if (!tacit_participant_is_type(p, result, TACIT_TYPE_JSON))
		return;
	r = tacit_identity_renew(p->params.identity, (const char *)result->body, result->body_len,
				 why, sizeof(why));
	if (r < 0) {
		tacit_participant_fail(p, 0, "%s", why[0] ? why : tacit_strerror(r));
		return;
	}
	p->member_tls = false;
	/* A certificate that is due again at once must not make us ask for ever. */
	p->renew_after_ms = tacit_participant_boot(p) + TACIT_PARTICIPANT_BACKOFF_MIN_MS;
	tacit_participant_ok(p);
	tacit_participant_say(p, TACIT_LOG_INFO, "the certificate was renewed");
	tacit_participant_go_on(p);
}
