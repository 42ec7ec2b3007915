/* SPDX-License-Identifier: MIT */
/* What the sources of uplink.h share: uplink.c runs the loop, uplink_client.c says who we are and
 * what we ask, uplink_answer.c reads what comes back. */
#ifndef TACIT_AGENT_UPLINK_PRIVATE_H
#define TACIT_AGENT_UPLINK_PRIVATE_H

#include <sys/queue.h>

#include <curl/curl.h>

#include <tacit/bytes.h>
#include <tacit/x509.h>

#include "uplink.h"

enum client_state {
	CLIENT_IDLE,
	CLIENT_QUEUED,	 /* waits for its turn */
	CLIENT_UNDERWAY, /* curl has it */
};

/* Some of the clients and their connections: to find its own among those that are open curl looks
 * at one after the other. */
struct tacit_uplink_lane {
	struct tacit_uplink *uplink;
	CURLM *multi;
	struct event *timer;
};

struct tacit_uplink {
	struct event_base *base; /* borrowed */
	struct tacit_uplink_lane *lane;
	unsigned lanes, next; /* next: whom the next client goes to */
	unsigned limit, underway;
	TAILQ_HEAD(, tacit_uplink_client) queue;
	struct tacit_uplink_counters counters;
};

struct tacit_uplink_client {
	struct tacit_uplink *uplink; /* borrowed */
	struct tacit_uplink_lane *lane;
	TAILQ_ENTRY(tacit_uplink_client) link;
	enum client_state state;
	CURL *easy; /* NULL until there is an identity */

	char *url, *ca_pem, *cert_pem, *key_pem; /* curl reads the PEMs in place */
	bool pinned;
	uint8_t pin[TACIT_FINGERPRINT_LEN];
	X509 *ca; /* found behind the pin */

	struct curl_slist *headers;
	size_t answer_max, header_bytes;
	char refusal[64]; /* why we would not read on, "" */
	struct tacit_writer answer;
	char etag[TACIT_UPLINK_ETAG_MAX + 1];
	char detail[CURL_ERROR_SIZE];
	tacit_uplink_done *done;
	void *done_ctx;
	uint64_t up_bytes, down_bytes;
};

/* Hands the prepared request to curl, or has it wait its turn. 0 or -ENOMEM. */
TACIT_MUST_CHECK int tacit_uplink_begin(struct tacit_uplink_client *client);

/* Takes it back from either; nobody is told. */
void tacit_uplink_end(struct tacit_uplink_client *client);

/* Gives waiting requests their turn. */
void tacit_uplink_go_on(struct tacit_uplink *uplink);

/* Makes the easy handle deliver answers to @client, and empties what is left of the last one. */
CURLcode tacit_uplink_answer_wire(struct tacit_uplink_client *client);
void tacit_uplink_answer_reset(struct tacit_uplink_client *client);

/* Ends the exchange and tells who asked. The client may be gone when this returns. */
void tacit_uplink_answer(struct tacit_uplink_client *client, CURLcode code);

#endif /* TACIT_AGENT_UPLINK_PRIVATE_H */
