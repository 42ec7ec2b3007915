/* SPDX-License-Identifier: MIT */
/* What the sources of ledger.h share: ledger.c has what holds of every round, ledger_secure.c the
 * steps of a secure sum. All within the caller's transaction. */
#ifndef TACIT_AGENT_LEDGER_PRIVATE_H
#define TACIT_AGENT_LEDGER_PRIVATE_H

#include "ledger.h"

/* Can it be charged at all? */
bool tacit_ledger_is_sound(const struct tacit_ledger_entry *entry);

/* 0 when @round is newer than every round seen of @aggregator, TACIT_ESTALE, or as tacit_db_run().
 */
TACIT_MUST_CHECK int tacit_ledger_check_newer(struct tacit_db *db, const char *aggregator,
					      uint64_t round);

/* 0, TACIT_EBUDGET, -EINVAL, or as tacit_db_run(). */
TACIT_MUST_CHECK int tacit_ledger_charge(struct tacit_db *db,
					 const struct tacit_ledger_entry *entry,
					 const struct tacit_ledger_limits *limits, int64_t wall_ms);

/* Old rounds that cost nothing are forgotten. */
TACIT_MUST_CHECK int tacit_ledger_prune(struct tacit_db *db, const char *aggregator);

#endif /* TACIT_AGENT_LEDGER_PRIVATE_H */
