/* SPDX-License-Identifier: MIT */
/*
 * wire - what hosts and aggregator say to each other: paths, media types, the
 * binary update, and the two JSON documents that describe work.
 *
 * Update (little-endian): "TACU", u16 format (1), u8 mode, u8 zero, u64 round,
 * task[32], model[32], u32 dimensions, then that many u32.
 */
#ifndef TACIT_WIRE_H
#define TACIT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/error.h>
#include <tacit/fleet.h>
#include <tacit/protect.h>

#define TACIT_PATH_ENROL   "/v1/enrolments/"     /* PUT + hex SHA-256 of the public key (SPKI) */
#define TACIT_PATH_RENEW   "/v1/certificate"     /* PUT, for the calling host */
#define TACIT_PATH_ROUND   "/v1/rounds/current"  /* GET, 204 + Retry-After when there is none */
#define TACIT_PATH_ROUNDS  "/v1/rounds/"         /* PUT + number + TACIT_PATH_UPDATE */
#define TACIT_PATH_UPDATE  "/update"
#define TACIT_PATH_TASK    "/v1/task"            /* GET */
#define TACIT_PATH_MODEL   "/v1/models/latest"   /* GET, strong ETag; 404 before the first */
#define TACIT_PATH_MODELS  "/v1/models/"         /* GET + version */

#define TACIT_TYPE_JSON    "application/json"
#define TACIT_TYPE_PROBLEM "application/problem+json"
#define TACIT_TYPE_UPDATE  "application/vnd.tacit.update"
#define TACIT_TYPE_MODEL   "application/vnd.tacit.model"

#define TACIT_DIGEST_LEN    32U
#define TACIT_WIRE_JSON_MAX 65536U /* bytes of a task or round document */

enum tacit_mode {
	TACIT_MODE_LOCAL = 1, /* every host adds all the noise itself */
};

/* "local"; NULL when unknown. */
const char *tacit_mode_name(enum tacit_mode mode);

/* What the fleet is to learn; changes seldom. Plain record. */
struct tacit_task {
	char kind[16];       /* model kind */
	uint8_t schema[TACIT_DIGEST_LEN];
	double clip_norm;    /* 1e-6..1e6 */
	double noise_multiplier; /* 0..1000; 0 only where the operator insists */
	double kappa;        /* what a trusted release is worth, windows, 0..10000 */
	uint32_t min_cohort; /* fewer updates are never released, 1..1e6 */
	uint32_t max_cohort; /* a round closes early at this many; 0: only by time */
	uint32_t round_sec;  /* a round begins this often, 1..604800 */
	uint32_t collect_sec; /* and takes updates for this long, 1..86400 */
	size_t n_classes;    /* 1..TACIT_FLEET_CLASSES_MAX */
	char class[TACIT_FLEET_CLASSES_MAX][TACIT_FLEET_CLASS_NAME_MAX + 1];
};

/* One round, as the hosts are told of it. Plain record. */
struct tacit_round_doc {
	uint64_t round;                  /* 1.. */
	enum tacit_mode mode;
	uint8_t task[TACIT_DIGEST_LEN];  /* digest of the task it is for */
	uint64_t model_version;          /* the reference; 0: the initial one */
	uint8_t model[TACIT_DIGEST_LEN]; /* SHA-256 of its bytes; zero for version 0 */
	uint32_t dimensions;
	double clip_norm;
	double noise_multiplier;
	uint32_t min_cohort;
	uint32_t left_ms;                /* until it closes, by the server's clock */
};

/* Default task: one class "host". @schema: 32 bytes. */
void tacit_task_init(struct tacit_task *task, const uint8_t *schema);

/* 0, or -EINVAL with @why (may be NULL, @size bytes) naming the member that is out of range. */
TACIT_MUST_CHECK int tacit_task_check(const struct tacit_task *task, char *why, size_t size);

/* Canonical JSON (sorted keys, compact), owned by the caller; NULL when out of memory. */
char *tacit_task_format(const struct tacit_task *task);
char *tacit_round_format(const struct tacit_round_doc *round);

/* SHA-256 of the canonical JSON. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_task_digest(const struct tacit_task *task,
				       uint8_t digest[TACIT_DIGEST_LEN]);

/* 0, -EINVAL (not JSON), TACIT_ESCHEMA (a member is missing, mistyped or out of range), -E2BIG,
 * -ENOMEM. Members this program does not know are skipped, repeated ones refused.
 * @why: @size bytes, says what is wrong; may be NULL. @ret is untouched on failure. */
TACIT_MUST_CHECK int tacit_task_parse(const char *json, size_t len, struct tacit_task *ret,
				      char *why, size_t size);
TACIT_MUST_CHECK int tacit_round_parse(const char *json, size_t len, struct tacit_round_doc *ret,
				       char *why, size_t size);

struct tacit_update_head {
	enum tacit_mode mode;
	uint64_t round;
	uint8_t task[TACIT_DIGEST_LEN];
	uint8_t model[TACIT_DIGEST_LEN];
	uint32_t dimensions; /* 1..TACIT_PROTECT_DIMS_MAX */
};

#define TACIT_UPDATE_HEAD_LEN 84U
#define tacit_update_len(dimensions) (TACIT_UPDATE_HEAD_LEN + (size_t)(dimensions) * 4)

void tacit_update_encode(const struct tacit_update_head *head, const uint32_t *value,
			 struct tacit_writer *writer);

/**
 * tacit_update_decode - parse an update.
 * @ret_value: borrowed from @data: head->dimensions little-endian u32, unaligned.
 *
 * Returns 0, TACIT_ESCHEMA (not an update, unknown format or mode, no or too many
 * dimensions), TACIT_EDAMAGED (length does not match).
 */
TACIT_MUST_CHECK int tacit_update_decode(const uint8_t *data, size_t len,
					 struct tacit_update_head *ret, const uint8_t **ret_value);

#endif /* TACIT_WIRE_H */
