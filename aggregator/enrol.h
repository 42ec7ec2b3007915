/* SPDX-License-Identifier: MIT */
/*
 * enrol - the JSON that a host sends to be let in, or to have its certificate renewed. Foreign
 * bytes, and the only ones that are read before a host is known.
 */
#ifndef TACIT_AGGREGATOR_ENROL_H
#define TACIT_AGGREGATOR_ENROL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/error.h>
#include <tacit/x509.h>

#define TACIT_ENROL_BODY_MAX 32768U

struct tacit_enrol {
	uint8_t secret[TACIT_TOKEN_SECRET_LEN];
	char *csr;	/* PEM */
	json_t *labels; /* checked; NULL when there are none */
};

/**
 * tacit_enrol_parse - {"secret": base64url, "csr": PEM, "labels"?: {...}}
 * @ret: released by tacit_enrol_done().
 * @why: what is wrong, @size bytes, never repeating the secret; may be NULL.
 *
 * Returns 0, -E2BIG, -EINVAL (not JSON), TACIT_ESCHEMA (a member is missing, mistyped, unknown
 * or out of range), -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_enrol_parse(const char *json, size_t len, struct tacit_enrol *ret,
				       char *why, size_t size);

/* {"csr": PEM}; @ret_csr is owned by the caller. Otherwise as above. */
TACIT_MUST_CHECK int tacit_enrol_parse_renewal(const char *json, size_t len, char **ret_csr,
					       char *why, size_t size);

/* Wipes the secret; for TACIT_CLEANUP(). */
void tacit_enrol_done(struct tacit_enrol *enrol);

#endif /* TACIT_AGGREGATOR_ENROL_H */
