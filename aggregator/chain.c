/* SPDX-License-Identifier: MIT */
#include "chain.h"

#include <string.h>

#include <tacit/bytes.h>
#include <tacit/x509.h>

#include "fleetdb.h"

static void write_text(struct tacit_writer *writer, const char *text)
{
	size_t len = strlen(text);

	tacit_write_u32le(writer, (uint32_t)len);
	tacit_write_bytes(writer, text, len);
}

/* @chain: the hash before, and after. */
static int advance(int64_t seq, const struct tacit_chain_entry *entry,
		   uint8_t chain[TACIT_CHAIN_LEN])
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };

	tacit_write_bytes(&writer, chain, TACIT_CHAIN_LEN);
	tacit_write_u64le(&writer, (uint64_t)seq);
	tacit_write_u64le(&writer, (uint64_t)entry->at_ms);
	tacit_write_u64le(&writer, (uint64_t)entry->token);
	write_text(&writer, entry->event);
	write_text(&writer, entry->subject);
	if (writer.failed)
		return -ENOMEM;
	return tacit_sha256(writer.data, writer.len, chain);
}

static int last(struct tacit_db *db, int64_t *ret_seq, uint8_t chain[TACIT_CHAIN_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT seq, chain FROM enrolment ORDER BY seq DESC LIMIT 1", "");
	int r = tacit_fleetdb_row(db, query);

	*ret_seq = 0;
	memset(chain, 0, TACIT_CHAIN_LEN);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	*ret_seq = tacit_db_column_int(query, 0);
	return tacit_fleetdb_column_digest(query, 1, chain, TACIT_CHAIN_LEN);
}

int tacit_chain_append(struct tacit_db *db, const struct tacit_chain_entry *entry)
{
	uint8_t chain[TACIT_CHAIN_LEN];
	int64_t seq;
	int r;

	r = last(db, &seq, chain);
	if (r == 0)
		r = advance(seq + 1, entry, chain);
	if (r < 0)
		return r;
	return tacit_db_run(db,
			    "INSERT INTO enrolment(seq, at_ms, event, subject, token, chain)"
			    " VALUES(?, ?, ?, ?, ?, ?)",
			    "iittib", seq + 1, entry->at_ms, entry->event, entry->subject,
			    entry->token, chain, sizeof(chain));
}

/* 0 when the row follows from @chain, which then becomes its hash. */
static int verify_row(struct sqlite3_stmt *query, int64_t seq, uint8_t chain[TACIT_CHAIN_LEN])
{
	const struct tacit_chain_entry entry = {
		.at_ms = tacit_db_column_int(query, 1),
		.event = tacit_db_column_text(query, 2),
		.subject = tacit_db_column_text(query, 3),
		.token = tacit_db_column_int(query, 4),
	};
	uint8_t stored[TACIT_CHAIN_LEN], next[TACIT_CHAIN_LEN];
	int r;

	memcpy(next, chain, sizeof(next));
	r = tacit_fleetdb_column_digest(query, 5, stored, sizeof(stored));
	if (r == 0)
		r = advance(seq, &entry, next);
	if (r < 0)
		return r;
	if (tacit_db_column_int(query, 0) != seq || memcmp(stored, next, sizeof(next)) != 0)
		return TACIT_EDAMAGED;
	memcpy(chain, next, sizeof(next));
	return 0;
}

int tacit_chain_verify(struct tacit_db *db, uint64_t *ret_n, uint8_t head[TACIT_CHAIN_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT seq, at_ms, event, subject, token, chain FROM enrolment ORDER BY seq",
		"");
	uint8_t chain[TACIT_CHAIN_LEN] = { 0 };
	int64_t seq = 0;
	int r, bad = 0;

	while (bad == 0 && (r = tacit_db_step(db, query)) > 0) {
		bad = verify_row(query, seq + 1, chain);
		if (bad == 0)
			seq++;
	}
	if (bad == 0 && r < 0)
		return r;
	if (bad < 0 && bad != TACIT_EDAMAGED)
		return bad;
	*ret_n = (uint64_t)seq;
	memcpy(head, chain, TACIT_CHAIN_LEN);
	return bad;
}
