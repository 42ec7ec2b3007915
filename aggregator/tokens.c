/* SPDX-License-Identifier: MIT */
#include "tokens.h"

#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "fleetdb.h"
#include "labels.h"
#include "rows.h"

static int check(const struct tacit_token_order *order)
{
	if (order->uses < 1 || order->uses > TACIT_TOKEN_USES_MAX || order->ttl_sec < 1 ||
	    order->ttl_sec > TACIT_TOKEN_TTL_SEC_MAX)
		return -EINVAL;
	if (strncmp(order->url, "https://", 8) != 0 || strlen(order->url) > TACIT_TOKEN_URL_MAX)
		return -EINVAL;
	return tacit_labels_check(order->labels);
}

static int insert(struct tacit_db *db, const struct tacit_token_order *order, const uint8_t *secret,
		  int64_t wall_ms, int64_t *ret_id)
{
	TACIT_AUTO_FREE char *labels = tacit_labels_format(NULL, order->labels);
	uint8_t digest[TACIT_FINGERPRINT_LEN];
	int r;

	if (!labels)
		return -ENOMEM;
	r = tacit_sha256(secret, TACIT_TOKEN_SECRET_LEN, digest);
	if (r < 0)
		return r;
	r = tacit_db_run(db,
			 "INSERT INTO token(secret, uses, created_ms, expires_ms, labels)"
			 " VALUES(?, ?, ?, ?, ?)",
			 "biiit", digest, sizeof(digest), (int64_t)order->uses, wall_ms,
			 wall_ms + order->ttl_sec * 1000, labels);
	if (r < 0)
		return r;
	*ret_id = tacit_db_last_id(db);
	return tacit_chain_append(
		db, &(struct tacit_chain_entry){
			    .at_ms = wall_ms, .event = "token", .subject = "", .token = *ret_id });
}

int tacit_tokens_create(struct tacit_db *db, struct tacit_random *random,
			const struct tacit_token_order *order, int64_t wall_ms, char *text,
			int64_t *ret_id)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	int64_t id = 0;
	int r;

	r = check(order);
	if (r < 0)
		return r;
	(void)snprintf(token.url, sizeof(token.url), "%s", order->url);
	memcpy(token.pin, order->pin, sizeof(token.pin));
	tacit_random_bytes(random, token.secret, sizeof(token.secret));

	r = tacit_db_begin(db);
	if (r == 0)
		r = tacit_db_end(db, insert(db, order, token.secret, wall_ms, &id));
	if (r < 0)
		return r;
	tacit_token_format(&token, text);
	*ret_id = id;
	return 0;
}

static int exists(struct tacit_db *db, int64_t id)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT 1 FROM token WHERE id = ?", "i", id);

	return tacit_fleetdb_row(db, query);
}

static int withdraw(struct tacit_db *db, int64_t id, int64_t wall_ms)
{
	int r = tacit_db_run(db,
			     "UPDATE token SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL",
			     "ii", wall_ms, id);

	if (r < 0)
		return r;
	if (tacit_db_changes(db) == 0)
		return exists(db, id);
	return tacit_chain_append(db, &(struct tacit_chain_entry){ .at_ms = wall_ms,
								   .event = "token-revoked",
								   .subject = "",
								   .token = id });
}

int tacit_tokens_revoke(struct tacit_db *db, int64_t id, int64_t wall_ms)
{
	int r = tacit_db_begin(db);

	return r < 0 ? r : tacit_db_end(db, withdraw(db, id, wall_ms));
}

static json_t *row(struct sqlite3_stmt *query)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", tacit_rows_int(query, 0),
			 "uses", tacit_rows_int(query, 1), "used", tacit_rows_int(query, 2),
			 "created", tacit_rows_time(query, 3), "expires", tacit_rows_time(query, 4),
			 "revoked", tacit_rows_time(query, 5), "state", tacit_rows_text(query, 6),
			 "labels", tacit_labels_parse(tacit_db_column_text(query, 7)));
}

int tacit_tokens_list(struct tacit_db *db, int64_t wall_ms, json_t **ret)
{
	static const char sql[] = "SELECT id, uses, used, created_ms, expires_ms, revoked_ms,"
				  " CASE WHEN revoked_ms IS NOT NULL THEN 'revoked'"
				  " WHEN used >= uses THEN 'used-up'"
				  " WHEN expires_ms <= ? THEN 'expired' ELSE 'valid' END,"
				  " labels FROM token ORDER BY id DESC";

	return tacit_rows_collect(db, tacit_db_query(db, sql, "i", wall_ms), row, ret);
}

int tacit_tokens_find(struct tacit_db *db, const uint8_t *secret, int64_t wall_ms,
		      struct tacit_token_found *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = NULL;
	uint8_t digest[TACIT_FINGERPRINT_LEN];
	char *labels;
	int r;

	r = tacit_sha256(secret, TACIT_TOKEN_SECRET_LEN, digest);
	if (r < 0)
		return r;
	query = tacit_db_query(db,
			       "SELECT id, used < uses AND expires_ms > ?, labels FROM token"
			       " WHERE secret = ? AND revoked_ms IS NULL",
			       "ib", wall_ms, digest, sizeof(digest));
	r = tacit_fleetdb_row(db, query);
	if (r < 0)
		return r == -ENOENT ? TACIT_EUNTRUSTED : r;
	labels = tacit_strdup(tacit_db_column_text(query, 2));
	if (!labels)
		return -ENOMEM;

	*ret = (struct tacit_token_found){ .id = tacit_db_column_int(query, 0),
					   .usable = tacit_db_column_int(query, 1) != 0,
					   .labels = labels };
	return 0;
}

int tacit_tokens_use(struct tacit_db *db, int64_t id)
{
	return tacit_db_run(db, "UPDATE token SET used = used + 1 WHERE id = ?", "i", id);
}
