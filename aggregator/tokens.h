/* SPDX-License-Identifier: MIT */
/*
 * tokens - what lets a host enrol: a secret that is good for so many hosts until a time.
 * Only its SHA-256 is stored; the token line is shown once, when it is made.
 */
#ifndef TACIT_AGGREGATOR_TOKENS_H
#define TACIT_AGGREGATOR_TOKENS_H

#include <stdint.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/random.h>
#include <tacit/x509.h>

#define TACIT_TOKEN_USES_MAX	1000000U
#define TACIT_TOKEN_TTL_SEC_MAX INT64_C(31622400) /* 366 days */

struct tacit_token_order {
	const char *url;    /* of the aggregator, https://..., no trailing slash */
	const uint8_t *pin; /* tacit_ca_pin() */
	uint32_t uses;	    /* 1..TACIT_TOKEN_USES_MAX */
	int64_t ttl_sec;    /* 1..TACIT_TOKEN_TTL_SEC_MAX */
	json_t *labels;	    /* borrowed; hosts enrolled with it get them; may be NULL */
};

/**
 * tacit_tokens_create - mint a token, in one transaction with its line in the log.
 * @text:   the token line, TACIT_TOKEN_TEXT_MAX bytes; a secret.
 * @ret_id: its number, for list and revoke.
 *
 * Returns 0, -EINVAL (uses, ttl or url), TACIT_ESCHEMA (labels), TACIT_ECRYPTO, -ENOMEM, or what
 * tacit_db_run() says.
 */
TACIT_MUST_CHECK int tacit_tokens_create(struct tacit_db *db, struct tacit_random *random,
					 const struct tacit_token_order *order, int64_t wall_ms,
					 char *text, int64_t *ret_id);

/* Hosts enrolled with it stay. 0 (also when it already was), -ENOENT. */
TACIT_MUST_CHECK int tacit_tokens_revoke(struct tacit_db *db, int64_t id, int64_t wall_ms);

/* [{"id", "uses", "used", "created", "expires", "revoked" (null or time), "state": "valid" |
 *   "expired" | "used-up" | "revoked", "labels"}], newest first; owned by the caller. */
TACIT_MUST_CHECK int tacit_tokens_list(struct tacit_db *db, int64_t wall_ms, json_t **ret);

/* What enrolment needs to know of a token. */
struct tacit_token_found {
	int64_t id;
	int usable;   /* neither expired nor used up */
	char *labels; /* JSON text, owned by the caller */
};

/* Looks a secret up. 0, TACIT_EUNTRUSTED (unknown or revoked), -ENOMEM, TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_tokens_find(struct tacit_db *db, const uint8_t *secret, int64_t wall_ms,
				       struct tacit_token_found *ret);

/* Counts one use, within the caller's transaction. */
TACIT_MUST_CHECK int tacit_tokens_use(struct tacit_db *db, int64_t id);

#endif /* TACIT_AGGREGATOR_TOKENS_H */
