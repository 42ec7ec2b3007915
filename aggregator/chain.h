/* SPDX-License-Identifier: MIT */
/*
 * chain - the enrolment log: who was let in, by which token, and who was put out. Each entry
 * holds the SHA-256 of the entry before it and of its own fields, so that nothing can be taken
 * out, changed or slipped in without every later entry telling.
 */
#ifndef TACIT_AGGREGATOR_CHAIN_H
#define TACIT_AGGREGATOR_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/db.h>
#include <tacit/error.h>

#define TACIT_CHAIN_LEN 32U

struct tacit_chain_entry {
	int64_t at_ms;	     /* wall */
	const char *event;   /* "token", "token-revoked", "enrolled", "reissued", "revoked" */
	const char *subject; /* host id, or "" */
	int64_t token;	     /* its number; 0: none */
};

/* Within the caller's transaction. 0, TACIT_ECRYPTO, -ENOMEM, or what tacit_db_run() says. */
TACIT_MUST_CHECK int tacit_chain_append(struct tacit_db *db, const struct tacit_chain_entry *entry);

/**
 * tacit_chain_verify - walk the whole log.
 * @ret_n:  entries that hold; on TACIT_EDAMAGED, those before the first that does not.
 * @head:   the last of their hashes: kept elsewhere, it also shows a log cut short.
 *
 * Returns 0, TACIT_EDAMAGED, or what the database says.
 */
TACIT_MUST_CHECK int tacit_chain_verify(struct tacit_db *db, uint64_t *ret_n,
					uint8_t head[TACIT_CHAIN_LEN]);

#endif /* TACIT_AGGREGATOR_CHAIN_H */
