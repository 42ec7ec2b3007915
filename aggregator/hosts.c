/* SPDX-License-Identifier: MIT */
#include "hosts.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <tacit/bytes.h>

#include "chain.h"
#include "fleetdb.h"
#include "labels.h"
#include "round.h"
#include "rows.h"
#include "tokens.h"

#define CERT_DIGEST_LEN 32U

static void token_found_done(struct tacit_token_found *found)
{
	tacit_free(found->labels);
}

/* What the database knows of a key. */
struct known {
	struct tacit_host host;
	int64_t token;
	bool revoked;
};

static int digest_cert(const X509 *cert, uint8_t digest[CERT_DIGEST_LEN])
{
	unsigned len = CERT_DIGEST_LEN;

	return X509_digest(cert, EVP_sha256(), digest, &len) == 1 ? 0 : TACIT_ECRYPTO;
}

static void name_host(const uint8_t fingerprint[TACIT_FINGERPRINT_LEN], struct tacit_host *host)
{
	tacit_hex_encode(fingerprint, TACIT_HOST_ID_LEN / 2, host->id);
}

/* The key of a request, when it is the one that was announced. */
static int read_request(const char *csr, const uint8_t fingerprint[TACIT_FINGERPRINT_LEN],
			EVP_PKEY **ret)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	uint8_t actual[TACIT_FINGERPRINT_LEN];
	int r;

	r = tacit_csr_parse(csr, strlen(csr), &key);
	if (r == TACIT_EUNTRUSTED || r == -E2BIG)
		return TACIT_ESCHEMA;
	if (r == 0)
		r = tacit_key_fingerprint(key, actual);
	if (r < 0)
		return r;
	if (memcmp(actual, fingerprint, sizeof(actual)) != 0)
		return TACIT_ECONFLICT;

	*ret = TACIT_TAKE(key);
	return 0;
}

static int find(struct tacit_db *db, const uint8_t fingerprint[TACIT_FINGERPRINT_LEN],
		struct known *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT number, token, revoked_ms FROM host WHERE fingerprint = ?", "b",
		fingerprint, (size_t)TACIT_FINGERPRINT_LEN);
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r;
	ret->host.number = tacit_db_column_int(query, 0);
	name_host(fingerprint, &ret->host);
	ret->token = tacit_db_column_int(query, 1);
	ret->revoked = !tacit_fleetdb_column_is_null(query, 2);
	return 0;
}

static int certify(const struct tacit_ca *ca, EVP_PKEY *key, const char *id, char **ret_pem,
		   uint8_t digest[CERT_DIGEST_LEN])
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	int r;

	r = tacit_ca_certify_host(ca, key, id, &cert);
	if (r == 0)
		r = digest_cert(cert, digest);
	return r < 0 ? r : tacit_cert_format(cert, ret_pem);
}

struct admission {
	struct tacit_db *db;
	const struct tacit_ca *ca;
	const struct tacit_enrol *request;
	const uint8_t *fingerprint;
	EVP_PKEY *key;
	int64_t wall_ms;
	const struct tacit_token_found *token;
};

static int record(const struct admission *a, const char *event, const char *id)
{
	return tacit_chain_append(a->db, &(struct tacit_chain_entry){ .at_ms = a->wall_ms,
								      .event = event,
								      .subject = id,
								      .token = a->token->id });
}

static int insert(const struct admission *a, struct tacit_host *host, char **ret_pem)
{
	TACIT_CLEANUP(json_decrefp) json_t *given = tacit_labels_parse(a->token->labels);
	TACIT_AUTO_FREE char *labels = tacit_labels_format(a->request->labels, given);
	uint8_t digest[CERT_DIGEST_LEN];
	int r;

	if (!labels)
		return -ENOMEM;
	name_host(a->fingerprint, host);
	r = certify(a->ca, a->key, host->id, ret_pem, digest);
	if (r == 0)
		r = tacit_db_run(a->db,
				 "INSERT INTO host(id, fingerprint, token, labels, enrolled_ms,"
				 " renewed_ms, certificate) VALUES(?, ?, ?, ?, ?, ?, ?)",
				 "tbitiib", host->id, a->fingerprint, (size_t)TACIT_FINGERPRINT_LEN,
				 a->token->id, labels, a->wall_ms, a->wall_ms, digest,
				 sizeof(digest));
	if (r < 0)
		return r;
	host->number = tacit_db_last_id(a->db);
	r = tacit_tokens_use(a->db, a->token->id);
	return r < 0 ? r : record(a, "enrolled", host->id);
}

/* The answer to the first request may have been lost: the old certificate stays good, too. */
static int reissue(const struct admission *a, const struct known *known, char **ret_pem)
{
	uint8_t digest[CERT_DIGEST_LEN];
	int r;

	r = certify(a->ca, a->key, known->host.id, ret_pem, digest);
	if (r == 0)
		r = tacit_db_run(a->db,
				 "UPDATE host SET previous = certificate, certificate = ?,"
				 " generation = generation + 1, renewed_ms = ? WHERE number = ?",
				 "bii", digest, sizeof(digest), a->wall_ms, known->host.number);
	return r < 0 ? r : record(a, "reissued", known->host.id);
}

static int admit(struct admission *a, struct tacit_host *ret, char **ret_pem)
{
	TACIT_CLEANUP(token_found_done) struct tacit_token_found token = { 0 };
	struct known known;
	int r;

	r = tacit_tokens_find(a->db, a->request->secret, a->wall_ms, &token);
	if (r < 0)
		return r;
	a->token = &token;
	r = find(a->db, a->fingerprint, &known);
	if (r == -ENOENT) {
		r = token.usable ? insert(a, ret, ret_pem) : TACIT_EUNTRUSTED;
		return r < 0 ? r : 1;
	}
	if (r < 0)
		return r;
	if (!token.usable && token.id != known.token)
		return TACIT_EUNTRUSTED;
	if (known.revoked)
		return TACIT_EREFUSED;
	*ret = known.host;
	return reissue(a, &known, ret_pem);
}

int tacit_hosts_enrol(struct tacit_db *db, const struct tacit_ca *ca,
		      const struct tacit_enrol *request,
		      const uint8_t fingerprint[TACIT_FINGERPRINT_LEN], int64_t wall_ms,
		      struct tacit_host *ret, char **ret_pem)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_AUTO_FREE char *pem = NULL;
	struct tacit_host host;
	int r;

	r = read_request(request->csr, fingerprint, &key);
	if (r == 0)
		r = tacit_db_begin(db);
	if (r < 0)
		return r;
	r = admit(&(struct admission){ .db = db,
				       .ca = ca,
				       .request = request,
				       .fingerprint = fingerprint,
				       .key = key,
				       .wall_ms = wall_ms },
		  &host, &pem);
	r = tacit_db_end(db, r);
	if (r < 0)
		return r;

	*ret = host;
	*ret_pem = TACIT_TAKE(pem);
	return r;
}

int tacit_hosts_renew(struct tacit_db *db, const struct tacit_ca *ca, const struct tacit_host *host,
		      const X509 *peer, const char *csr, int64_t wall_ms, char **ret_pem)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_AUTO_FREE char *pem = NULL;
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	uint8_t shown[CERT_DIGEST_LEN], issued[CERT_DIGEST_LEN];
	int r;

	r = tacit_cert_fingerprint(peer, fingerprint);
	if (r == 0)
		r = digest_cert(peer, shown);
	if (r == 0)
		r = read_request(csr, fingerprint, &key);
	if (r == 0)
		r = certify(ca, key, host->id, &pem, issued);
	if (r == 0)
		r = tacit_db_run(db,
				 "UPDATE host SET previous = ?, certificate = ?, renewed_ms = ?,"
				 " generation = generation + 1"
				 " WHERE number = ? AND revoked_ms IS NULL",
				 "bbii", shown, sizeof(shown), issued, sizeof(issued), wall_ms,
				 host->number);
	if (r < 0)
		return r;
	if (tacit_db_changes(db) == 0)
		return TACIT_EREFUSED;

	*ret_pem = TACIT_TAKE(pem);
	return 0;
}

static bool column_is(struct sqlite3_stmt *query, int column, const uint8_t digest[CERT_DIGEST_LEN])
{
	size_t len;
	const void *data = tacit_db_column_blob(query, column, &len);

	return len == CERT_DIGEST_LEN && memcmp(data, digest, len) == 0;
}

int tacit_hosts_check(struct tacit_db *db, const X509 *peer, struct tacit_host *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = NULL;
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN], shown[CERT_DIGEST_LEN];
	int r;

	r = tacit_cert_fingerprint(peer, fingerprint);
	if (r == 0)
		r = digest_cert(peer, shown);
	if (r < 0)
		return r;
	query = tacit_db_query(db,
			       "SELECT number, revoked_ms, certificate, previous FROM host"
			       " WHERE fingerprint = ?",
			       "b", fingerprint, sizeof(fingerprint));
	r = tacit_fleetdb_row(db, query);
	if (r < 0)
		return r;
	name_host(fingerprint, ret);
	ret->number = tacit_db_column_int(query, 0);
	if (!tacit_fleetdb_column_is_null(query, 1))
		return TACIT_EREFUSED;
	return column_is(query, 2, shown) || column_is(query, 3, shown) ? 0 : TACIT_ESTALE;
}

static int exists(struct tacit_db *db, const char *id)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT 1 FROM host WHERE id = ?", "t", id);

	return tacit_fleetdb_row(db, query);
}

static int put_out(struct tacit_db *db, const char *id, int64_t wall_ms)
{
	int r = tacit_db_run(db,
			     "UPDATE host SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL",
			     "it", wall_ms, id);

	if (r < 0)
		return r;
	if (tacit_db_changes(db) == 0)
		return exists(db, id);
	return tacit_chain_append(
		db,
		&(struct tacit_chain_entry){ .at_ms = wall_ms, .event = "revoked", .subject = id });
}

int tacit_hosts_revoke(struct tacit_db *db, const char *id, int64_t wall_ms)
{
	int r = tacit_db_begin(db);

	return r < 0 ? r : tacit_db_end(db, put_out(db, id, wall_ms));
}

static json_t *row(struct sqlite3_stmt *query)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o}",
			 "id", tacit_rows_text(query, 0), "enrolled", tacit_rows_time(query, 1),
			 "renewed", tacit_rows_time(query, 2), "revoked", tacit_rows_time(query, 3),
			 "generation", tacit_rows_int(query, 4), "token", tacit_rows_int(query, 5),
			 "labels", tacit_labels_parse(tacit_db_column_text(query, 6)), "rounds",
			 tacit_rows_int(query, 7), "last_round", tacit_rows_int(query, 8),
			 "epsilon", tacit_rows_epsilon(tacit_db_column_double(query, 9)), "delta",
			 TACIT_ROUND_DELTA, "failures", tacit_rows_int(query, 10), "suspicion",
			 tacit_rows_int(query, 11), "benched_until", tacit_rows_int(query, 12));
}

int tacit_hosts_list(struct tacit_db *db, json_t **ret)
{
	static const char sql[] = "SELECT id, enrolled_ms, renewed_ms, revoked_ms, generation,"
				  " token, labels, rounds, last_round, rho, failures, suspicion,"
				  " nullif(benched_until, 0) FROM host ORDER BY id";

	return tacit_rows_collect(db, tacit_db_query(db, sql, ""), row, ret);
}

int tacit_hosts_count(struct tacit_db *db, struct tacit_hosts_count *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT count(*), count(revoked_ms) FROM host", "");
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r;
	ret->revoked = (uint64_t)tacit_db_column_int(query, 1);
	ret->enrolled = (uint64_t)tacit_db_column_int(query, 0) - ret->revoked;
	return 0;
}
