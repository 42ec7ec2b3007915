/* SPDX-License-Identifier: MIT */
/* What the files of the store share; nobody else includes this. */
#ifndef TACIT_AGENT_STORE_PRIVATE_H
#define TACIT_AGENT_STORE_PRIVATE_H

#include "store.h"

#include <tacit/random.h>

/* Windows that were kept and are not in the file yet. */
#define TACIT_STORE_PENDING_MAX 128U

struct tacit_store_pending {
	int64_t scope;
	int64_t place; /* in the scope's sample, below TACIT_STORE_SAMPLE_MAX */
	struct tacit_window window;
};

struct tacit_store {
	struct tacit_db *db;
	struct tacit_random *random;
	char *aside;
	uint64_t skipped;
	struct tacit_store_pending *pending; /* TACIT_STORE_PENDING_MAX; NULL for readers */
	size_t n_pending;
};

/* Ends a query whose further rows are not wanted: an open one would keep the log from shrinking. */
static inline void tacit_store_finish(struct tacit_store *store, struct sqlite3_stmt *row)
{
	while (tacit_db_step(store->db, row) > 0)
		;
}

#endif /* TACIT_AGENT_STORE_PRIVATE_H */
