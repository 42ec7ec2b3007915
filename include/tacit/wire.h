/* SPDX-License-Identifier: MIT */
/*
 * wire - what hosts and aggregator say to each other: paths, media types, the
 * binary update, and the two JSON documents that describe work. The messages of a
 * secure sum are those of tacit/secagg.h.
 *
 * Update (little-endian): "TACU", u16 format (1), u8 mode (1: local), u8 zero, u64 round,
 * task[32], model[32], u32 dimensions, then that many u32.
 */
#ifndef TACIT_WIRE_H
#define TACIT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/error.h>
#include <tacit/evaluation.h>
#include <tacit/fleet.h>
#include <tacit/protect.h>
#include <tacit/secagg.h>

#define TACIT_PATH_ENROL   "/v1/enrolments/"     /* PUT + hex SHA-256 of the public key (SPKI) */
#define TACIT_PATH_RENEW   "/v1/certificate"     /* PUT, for the calling host */
#define TACIT_PATH_ROUND   "/v1/rounds/current"  /* GET, 204 + Retry-After when there is none */
#define TACIT_PATH_ROUNDS  "/v1/rounds/"         /* + number + one of those below */
#define TACIT_PATH_UPDATE  "/update"             /* PUT; tacit_secagg_resource() names the others */
#define TACIT_PATH_TASK    "/v1/task"            /* GET */
#define TACIT_PATH_MODEL   "/v1/models/latest"   /* GET, strong ETag; 404 before the first */
#define TACIT_PATH_MODELS  "/v1/models/"         /* GET + version */

#define TACIT_TYPE_JSON    "application/json"
#define TACIT_TYPE_PROBLEM "application/problem+json"
#define TACIT_TYPE_UPDATE  "application/vnd.tacit.update"
#define TACIT_TYPE_MODEL   "application/vnd.tacit.model"
#define TACIT_TYPE_SECAGG  "application/vnd.tacit.secagg"

#define TACIT_DIGEST_LEN    32U
#define TACIT_WIRE_JSON_MAX 65536U /* bytes of a task or round document */

enum tacit_mode {
	TACIT_MODE_LOCAL = 1,   /* every host adds all the noise itself */
	TACIT_MODE_DISTRIBUTED, /* its share; only the sum of a cohort is ever seen */
};

/* "local", "distributed"; NULL when unknown. */
const char *tacit_mode_name(enum tacit_mode mode);

/*
 * The resource of a secure sum's message, behind TACIT_PATH_ROUNDS and the round's number, for the
 * calling host: "/config", "/advert", "/roster", "/shares", "/inbox", "/masked", "/survivors",
 * "/consent", "/consents", "/answer". What a host says is PUT (201 new, 200 the same bytes again),
 * what it is told is GET (204 with Retry-After before its time; "Prefer: wait=SECONDS", RFC 7240,
 * is honoured within the server's bounds). 410 when the round, or this host's part in it, is over.
 */
const char *tacit_secagg_resource(enum tacit_secagg_type type);

/* True for what hosts say, false for what they are told. */
bool tacit_secagg_is_said(enum tacit_secagg_type type);

/* tacit_secagg_resource()'s reverse, of all that stands behind the number; 0 when it is none. */
enum tacit_secagg_type tacit_secagg_resource_type(const char *path);

/* How rounds choose their mode. */
enum tacit_task_mode {
	TACIT_TASK_AUTO, /* distributed from min_cohort hosts on, local below */
	TACIT_TASK_LOCAL,
	TACIT_TASK_DISTRIBUTED,
};

/* How the sums of a round's groups become one. */
enum tacit_aggregation {
	TACIT_AGGREGATION_SUM,
	TACIT_AGGREGATION_TRIMMED_MEAN, /* coordinate by coordinate, without the extremes */
};

/* What a round is for. */
enum tacit_purpose {
	TACIT_PURPOSE_LEARN,
	TACIT_PURPOSE_EVALUATE, /* hosts say how they fare: tacit/evaluation.h */
	TACIT_PURPOSE_UNKNOWN,	/* to this program */
};

/* "learn", "evaluate"; NULL when unknown. */
const char *tacit_purpose_name(enum tacit_purpose purpose);

#define TACIT_LABEL_NAME_MAX 32U   /* bytes of a label's name; [A-Za-z0-9._-] */
#define TACIT_FAIRNESS_MAX   4.0
#define TACIT_WEIGHT_MAX     1e6   /* of a host, on the wire; hosts accept far less */

/* What the fleet is to learn; changes seldom. Plain record. */
struct tacit_task {
	char kind[16];       /* model kind */
	uint8_t schema[TACIT_DIGEST_LEN];
	double clip_norm;    /* 1e-6..1e6 */
	double noise_multiplier; /* 0..1000; 0 only where the operator insists */
	double kappa;        /* what a trusted release is worth, windows, 0..10000 */
	enum tacit_task_mode mode;           /* "auto", "local", "distributed" */
	enum tacit_aggregation aggregation;  /* "sum", "trimmed-mean" */
	struct tacit_secagg_threat threat;   /* "server", "corrupt" and "dropout" (0..0.5) */
	uint32_t min_cohort; /* fewer updates are never released, 1..1e6 (but for rounds that
			      * are local because the fleet is smaller: two) */
	uint32_t max_cohort; /* a round closes early at this many; 0: only by time */
	uint32_t round_sec;  /* a round begins this often, 1..604800 */
	uint32_t collect_sec; /* and takes updates for this long, 1..86400 */
	uint32_t evaluate_every; /* after so many releases a round evaluates, 0..10000; 0: never */
	char group[TACIT_LABEL_NAME_MAX + 1]; /* the label that tells hosts apart; "": none */
	double fairness; /* q: badly served groups count for more, 0..TACIT_FAIRNESS_MAX; 0: not */
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
	/* What follows is for the host that asks; 0 where nothing is said. */
	enum tacit_purpose purpose;
	uint32_t slots, slot;            /* of an evaluation: groups of hosts, and which is this
					  * host's; slots 0 counts as 1 */
	double weight;                   /* of its contribution; 0 counts as 1 */
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
