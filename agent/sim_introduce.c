/* SPDX-License-Identifier: MIT */
#include "sim_introduce.h"

#include <stdbool.h>

#include <event2/event.h>

#include <tacit/wire.h>

struct meeting {
	struct tacit_uplink_client *client;
	struct tacit_vouch *vouch;
	bool over;
	int result;
};

/* What is said does not matter, but who says it: to do so it had to show its CA. */
static void on_answer(void *ctx, const struct tacit_uplink_result *result)
{
	struct meeting *meeting = (struct meeting *)ctx;
	const X509 *ca = tacit_uplink_client_ca(meeting->client);

	meeting->over = true;
	if (result->error == 0 && ca)
		meeting->result = tacit_vouch_new(ca, NULL, &meeting->vouch);
}

static int meet(struct meeting *meeting, struct event_base *base, const struct tacit_token *token)
{
	const struct tacit_uplink_tls tls = { .url = token->url, .pin = token->pin };
	const struct tacit_uplink_request request = { .method = "GET",
						      .path = TACIT_PATH_TASK,
						      .answer_max = TACIT_WIRE_JSON_MAX,
						      .timeout_ms = TACIT_SIM_INTRODUCE_MS };
	int r = tacit_uplink_client_set_tls(meeting->client, &tls);

	if (r == 0)
		r = tacit_uplink_client_send(meeting->client, &request, on_answer, meeting);
	while (r == 0 && !meeting->over)
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			r = -ENOMEM;
	return r < 0 ? r : meeting->result;
}

int tacit_sim_introduce(struct event_base *base, struct tacit_uplink *uplink,
			const struct tacit_token *token, struct tacit_vouch **ret)
{
	struct meeting meeting = { 0 };
	int r = tacit_uplink_client_new(uplink, &meeting.client);

	if (r == 0)
		r = meet(&meeting, base, token);
	tacit_uplink_client_free(meeting.client);
	if (r < 0) {
		tacit_vouch_free(meeting.vouch);
		return r;
	}
	*ret = meeting.vouch;
	return 0;
}
