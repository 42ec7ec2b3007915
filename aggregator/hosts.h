/* SPDX-License-Identifier: MIT */
/*
 * hosts - who belongs to the fleet: enrolment by token, renewal, revocation, and the check
 * that every request of a host must pass.
 */
#ifndef TACIT_AGGREGATOR_HOSTS_H
#define TACIT_AGGREGATOR_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>

#include "ca.h"
#include "enrol.h"

#define TACIT_HOST_ID_LEN 32U /* hexadecimal digits: half of the key's fingerprint */

/* A host that passed the check. Plain record. */
struct tacit_host {
	int64_t number; /* in the database */
	char id[TACIT_HOST_ID_LEN + 1];
};

/**
 * tacit_hosts_enrol - let a host in, or the same host again, in one transaction.
 * @fingerprint: of the key that the request's path names.
 * @ret:     who it is.
 * @ret_pem: its certificate, owned by the caller.
 *
 * The same key again gets a new certificate and uses nothing up; the token it came with
 * remains good for that when it has expired meanwhile or is used up.
 *
 * Returns 1 for a new host, 0 for a known one, TACIT_EUNTRUSTED (the token is not valid),
 * TACIT_EREFUSED (the host was revoked), TACIT_ECONFLICT (the request is for another key),
 * TACIT_ESCHEMA (no acceptable certificate request), TACIT_ECRYPTO, -ENOMEM, database errors.
 */
TACIT_MUST_CHECK int tacit_hosts_enrol(struct tacit_db *db, const struct tacit_ca *ca,
				       const struct tacit_enrol *request,
				       const uint8_t fingerprint[TACIT_FINGERPRINT_LEN],
				       int64_t wall_ms, struct tacit_host *ret, char **ret_pem);

/**
 * tacit_hosts_renew - a new certificate for the key of @peer.
 * @peer: what the host has shown; it stays good beside the new one, should that get lost.
 *
 * Returns 0, or as tacit_hosts_enrol().
 */
TACIT_MUST_CHECK int tacit_hosts_renew(struct tacit_db *db, const struct tacit_ca *ca,
				       const struct tacit_host *host, const X509 *peer,
				       const char *csr, int64_t wall_ms, char **ret_pem);

/**
 * tacit_hosts_check - may the holder of this certificate speak to us?
 * @peer: already verified against the CA by TLS.
 *
 * Returns 0, -ENOENT (never enrolled here), TACIT_EREFUSED (revoked), TACIT_ESTALE (the
 * certificate was superseded: two machines hold one key, or an old copy came back), or what
 * the database says.
 */
TACIT_MUST_CHECK int tacit_hosts_check(struct tacit_db *db, const X509 *peer,
				       struct tacit_host *ret);

/* By id. 0 (also when it already was), -ENOENT. */
TACIT_MUST_CHECK int tacit_hosts_revoke(struct tacit_db *db, const char *id, int64_t wall_ms);

/* [{"id", "enrolled", "renewed", "revoked" (null or time), "generation" (certificates issued),
 *   "token", "labels", "rounds", "last_round" (null or number), "epsilon" (null: unbounded),
 *   "delta", "failures" and "suspicion" (in secure sums, in a row), "benched_until" (null or the
 *   round until which it is left out)}], by id; owned by the caller. */
TACIT_MUST_CHECK int tacit_hosts_list(struct tacit_db *db, json_t **ret);

struct tacit_hosts_count {
	uint64_t enrolled, revoked;
};

TACIT_MUST_CHECK int tacit_hosts_count(struct tacit_db *db, struct tacit_hosts_count *ret);

#endif /* TACIT_AGGREGATOR_HOSTS_H */
