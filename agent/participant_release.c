/* SPDX-License-Identifier: MIT */
/* Tasks and releases: what the fleet is to learn, and what it has learned. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tacit/x509.h>

#include "participant_private.h"

#define RELEASES_KEPT  2
#define EXPECTED_TRIES 6 /* a second, two, four ... after the round's end */

TACIT_PRINTF(3, 4)
static void explain(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
}

static double kappa(const struct tacit_participant *p)
{
	return p->task.kappa;
}

/* Signature by the aggregator's CA, and a model this program can use. */
static int verify(const struct tacit_participant *p, const uint8_t *data, size_t len,
		  struct tacit_fleet **ret, char *why, size_t size)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	const uint8_t *sig = NULL;
	size_t signed_len = 0, sig_len = 0;
	int r = tacit_fleet_decode(data, len, p->params.space, &fleet, &signed_len, &sig, &sig_len);

	if (r < 0) {
		explain(why, size, "the release cannot be read: %s", tacit_strerror(r));
		return r;
	}
	r = tacit_cert_verify_signature(tacit_identity_ca(p->params.identity), data, signed_len,
					sig, sig_len);
	if (r < 0) {
		explain(why, size, "the release does not bear the aggregator's signature");
		return r;
	}
	if (memcmp(tacit_fleet_head(fleet)->schema, p->params.schema, TACIT_DIGEST_LEN) != 0) {
		explain(why, size, "the release is about other features than this host's");
		return TACIT_ESCHEMA;
	}
	*ret = TACIT_TAKE(fleet);
	return 0;
}

static void note(struct tacit_participant *p, const struct tacit_fleet *fleet,
		 const uint8_t sha256[TACIT_DIGEST_LEN])
{
	const struct tacit_fleet_head *head = tacit_fleet_head(fleet);

	memcpy(p->model, sha256, TACIT_DIGEST_LEN);
	tacit_hex_encode(sha256, TACIT_DIGEST_LEN, p->status.sha256);
	p->status.version = head->version;
	p->status.version_round = head->round;
	p->status.version_ms = head->created_ms;
	if (p->expected && head->round >= p->expected)
		p->expected = 0;
}

static int drop_releases(struct tacit_participant *p)
{
	memset(p->model, 0, sizeof(p->model));
	p->status.version = p->status.version_round = 0;
	p->status.version_ms = 0;
	p->status.sha256[0] = '\0';
	return tacit_db_run(p->params.db, "DELETE FROM release", "");
}

int tacit_participant_forget_releases(struct tacit_participant *p)
{
	p->params.ops->released(p->params.ctx, NULL, 0);
	return drop_releases(p);
}

/* Bytes of a row; owned by the caller. */
static int read_release(struct tacit_db *db, struct sqlite3_stmt *row, uint8_t **ret,
			size_t *ret_len)
{
	int r = tacit_db_step(db, row);
	const void *data;
	uint8_t *copy;
	size_t len;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	data = tacit_db_column_blob(row, 0, &len);
	copy = (uint8_t *)tacit_memdup(data ? data : "", data ? len : 0);
	tacit_db_reset(row);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	*ret_len = data ? len : 0;
	return 0;
}

int tacit_participant_load_release(struct tacit_participant *p)
{
	struct tacit_db *db = p->params.db;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	TACIT_AUTO_FREE uint8_t *data = NULL;
	uint8_t sha256[TACIT_DIGEST_LEN];
	char why[160] = "";
	size_t len = 0;
	int r = read_release(db,
			     tacit_db_query(db,
					    "SELECT data FROM release"
					    " ORDER BY version DESC LIMIT 1",
					    ""),
			     &data, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = verify(p, data, len, &fleet, why, sizeof(why));
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		r = tacit_sha256(data, len, sha256);
	if (r < 0) {
		tacit_participant_say(p, TACIT_LOG_WARNING,
				      "the stored release is of no use, ignoring: %s", why);
		return drop_releases(p);
	}
	note(p, fleet, sha256);
	p->params.ops->released(p->params.ctx, TACIT_TAKE(fleet), kappa(p));
	return 0;
}

int tacit_participant_find_release(struct tacit_participant *p, uint64_t version,
				   const uint8_t sha256[TACIT_DIGEST_LEN], struct tacit_fleet **ret)
{
	struct tacit_db *db = p->params.db;
	TACIT_AUTO_FREE uint8_t *data = NULL;
	uint8_t digest[TACIT_DIGEST_LEN];
	size_t len = 0;
	int r = read_release(db,
			     tacit_db_query(db, "SELECT data FROM release WHERE version = ?", "i",
					    (int64_t)version),
			     &data, &len);

	if (r == 0)
		r = tacit_sha256(data, len, digest);
	if (r == 0 && memcmp(digest, sha256, sizeof(digest)) != 0)
		r = -ENOENT;
	/* These bytes were verified before they were stored. */
	return r < 0 ? r : tacit_fleet_decode(data, len, p->params.space, ret, NULL, NULL, NULL);
}

static int store(struct tacit_participant *p, const struct tacit_fleet_head *head, const char *hex,
		 const void *data, size_t len)
{
	struct tacit_db *db = p->params.db;
	int r = tacit_db_begin(db);

	if (r < 0)
		return r;
	r = tacit_db_run(db,
			 "INSERT OR REPLACE INTO release(version, sha256, round, at_ms, data)"
			 " VALUES(?, ?, ?, ?, ?)",
			 "itiib", (int64_t)head->version, hex, (int64_t)head->round,
			 tacit_participant_wall(p), data, len);
	if (r == 0)
		r = tacit_db_run(db,
				 "DELETE FROM release WHERE version NOT IN"
				 " (SELECT version FROM release ORDER BY version DESC LIMIT ?)",
				 "i", (int64_t)RELEASES_KEPT);
	if (r == 0)
		r = tacit_db_commit(db);
	if (r < 0)
		tacit_db_rollback(db);
	return r;
}

/* Releases only go forward, and each has one content. */
static int check_newer(const struct tacit_participant *p, const struct tacit_fleet_head *head,
		       const uint8_t sha256[TACIT_DIGEST_LEN], char *why, size_t size)
{
	uint64_t held = p->status.version;

	if (head->version == 0 || head->version > INT64_MAX) {
		explain(why, size, "the release has no version");
		return TACIT_ESCHEMA;
	}
	if (head->version < held) {
		explain(why, size, "release %" PRIu64 " is older than %" PRIu64 ", which is held",
			head->version, held);
		return TACIT_ESTALE;
	}
	if (head->version == held && memcmp(sha256, p->model, TACIT_DIGEST_LEN) != 0) {
		explain(why, size, "there are two releases %" PRIu64, held);
		return TACIT_EUNTRUSTED;
	}
	return 0;
}

static int check_digest(const uint8_t *digest, const uint8_t *wanted, char *why, size_t size)
{
	if (!wanted || memcmp(digest, wanted, TACIT_DIGEST_LEN) == 0)
		return 0;
	explain(why, size, "the release is not the one the round names");
	return TACIT_EUNTRUSTED;
}

int tacit_participant_take_release(struct tacit_participant *p, const void *data, size_t len,
				   const uint8_t *sha256, struct tacit_fleet **ret, char *why,
				   size_t size)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL, *copy = NULL;
	const uint8_t *bytes = (const uint8_t *)data;
	uint8_t digest[TACIT_DIGEST_LEN];
	char hex[2 * TACIT_DIGEST_LEN + 1];
	int r = tacit_sha256(data, len, digest);

	if (r == 0)
		r = check_digest(digest, sha256, why, size);
	if (r == 0)
		r = verify(p, bytes, len, &fleet, why, size);
	if (r == 0)
		r = check_newer(p, tacit_fleet_head(fleet), digest, why, size);
	if (r == 0 && ret)
		r = tacit_fleet_decode(bytes, len, p->params.space, &copy, NULL, NULL, NULL);
	if (r < 0)
		return r;
	tacit_hex_encode(digest, sizeof(digest), hex);
	r = store(p, tacit_fleet_head(fleet), hex, data, len);
	if (r < 0) {
		explain(why, size, "cannot store the release: %s", tacit_strerror(r));
		return r;
	}
	note(p, fleet, digest);
	p->status.releases++;
	tacit_participant_say(p, TACIT_LOG_INFO, "release %" PRIu64 " of round %" PRIu64 " taken",
			      p->status.version, p->status.version_round);
	p->params.ops->released(p->params.ctx, TACIT_TAKE(fleet), kappa(p));
	if (ret)
		*ret = TACIT_TAKE(copy);
	return 0;
}

void tacit_participant_ask_release(struct tacit_participant *p)
{
	char etag[2 * TACIT_DIGEST_LEN + 3];
	struct tacit_uplink_request request = {
		.method = "GET",
		.path = TACIT_PATH_MODEL,
		.answer_max = TACIT_FLEET_BYTES_MAX,
	};

	if (p->status.version > 0) {
		(void)snprintf(etag, sizeof(etag), "\"%s\"", p->status.sha256);
		request.if_none_match = etag;
	}
	tacit_participant_ask(p, TACIT_PARTICIPANT_RELEASE, &request);
}

/* The release of a round that was waited for may never come: the round may have failed. */
static void count_expectation(struct tacit_participant *p)
{
	if (p->expected && tacit_participant_boot(p) >= p->expected_from_ms &&
	    ++p->expected_tries > EXPECTED_TRIES)
		p->expected = 0;
}

void tacit_participant_on_release(struct tacit_participant *p,
				  const struct tacit_uplink_result *result)
{
	char why[160] = "";
	int r;

	if (result->status == 200) {
		if (!tacit_participant_is_type(p, result, TACIT_TYPE_MODEL))
			return;
		r = tacit_participant_take_release(p, result->body, result->body_len, NULL, NULL,
						   why, sizeof(why));
		if (r < 0) {
			tacit_participant_fail(p, 0, "%s", why[0] ? why : tacit_strerror(r));
			return;
		}
	} else if (result->status != 304 && result->status != 404) {
		tacit_participant_fail_status(p, result);
		return;
	}
	count_expectation(p);
	p->release_fresh = true;
	tacit_participant_ok(p);
	tacit_participant_go_on(p);
}

void tacit_participant_ask_task(struct tacit_participant *p)
{
	const struct tacit_uplink_request request = {
		.method = "GET",
		.path = TACIT_PATH_TASK,
		.answer_max = TACIT_WIRE_JSON_MAX,
	};

	tacit_participant_ask(p, TACIT_PARTICIPANT_TASK, &request);
}

static int take_task(struct tacit_participant *p, const struct tacit_task *task)
{
	double before = p->task.kappa;
	int r = tacit_task_digest(task, p->task_digest);

	if (r < 0)
		return r;
	p->task = *task;
	p->has_task = p->task_fresh = true;
	if (p->params.ops->task)
		p->params.ops->task(p->params.ctx, task);
	/* Releases are worth something else now. */
	return before == task->kappa ? 0 : tacit_participant_load_release(p);
}

void tacit_participant_on_task(struct tacit_participant *p,
			       const struct tacit_uplink_result *result)
{
	char why[160] = "";
	struct tacit_task task;
	int r;

	if (result->status == 204 || result->status == 404) {
		tacit_participant_ok(p);
		tacit_participant_pause(p, tacit_participant_poll_ms(p, result->retry_after_ms));
		return;
	}
	if (result->status != 200) {
		tacit_participant_fail_status(p, result);
		return;
	}
	if (!tacit_participant_is_type(p, result, TACIT_TYPE_JSON))
		return;
	r = tacit_task_parse((const char *)result->body, result->body_len, &task, why, sizeof(why));
	if (r == 0)
		r = take_task(p, &task);
	if (r < 0) {
		tacit_participant_fail(p, 0, "the task is of no use: %s",
				       why[0] ? why : tacit_strerror(r));
		return;
	}
	tacit_participant_ok(p);
	tacit_participant_go_on(p);
}
