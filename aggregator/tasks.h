/* SPDX-License-Identifier: MIT */
/*
 * tasks - what the fleet is to learn, versioned. A change of what is learned (kind, feature
 * schema, classes) starts a new lineage of releases: classes kept by name keep their
 * blocks, new ones begin with the kind's initial one.
 */
#ifndef TACIT_AGGREGATOR_TASKS_H
#define TACIT_AGGREGATOR_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/wire.h>

#include "ca.h"

struct tacit_task_version {
	uint64_t version;
	uint8_t digest[TACIT_DIGEST_LEN];
	struct tacit_task task;
};

/**
 * tacit_tasks_start - see to it that there is a task, and one that this program understands.
 *
 * Stores the default one at the first start; when the feature table has changed with a new
 * program, stores the old one with the new schema. Call it once, before any worker runs.
 */
TACIT_MUST_CHECK int tacit_tasks_start(struct tacit_db *db, const struct tacit_ca *ca,
				       int64_t wall_ms);

/* The current one (@version 0), or an older. 0, -ENOENT, TACIT_EDAMAGED, database errors. */
TACIT_MUST_CHECK int tacit_tasks_get(struct tacit_db *db, uint64_t version,
				     struct tacit_task_version *ret);

/* Its canonical JSON, owned by the caller, and its digest. */
TACIT_MUST_CHECK int tacit_tasks_get_text(struct tacit_db *db, char **ret,
					  uint8_t digest[TACIT_DIGEST_LEN]);

/**
 * tacit_tasks_set - make @json the task, in one transaction.
 * @ret_version: its version; that of the current task when nothing changed.
 * @why: what is wrong with it, @size bytes; may be NULL.
 *
 * A changed task abandons the round that is collecting. A new lineage (kind, schema or classes)
 * also publishes, when there was a release, one with the blocks carried over.
 *
 * Returns 0, -EINVAL (not JSON, or out of range), TACIT_ESCHEMA (not a task; or for another
 * feature table than this program's), -ENOMEM, TACIT_ECRYPTO, database errors.
 */
TACIT_MUST_CHECK int tacit_tasks_set(struct tacit_db *db, const struct tacit_ca *ca,
				     const char *json, size_t len, int64_t wall_ms,
				     uint64_t *ret_version, char *why, size_t size);

/* {"version", "set", "digest", "task": {...}}; owned by the caller. */
TACIT_MUST_CHECK int tacit_tasks_show(struct tacit_db *db, json_t **ret);

#endif /* TACIT_AGGREGATOR_TASKS_H */
