/* SPDX-License-Identifier: MIT */
/*
 * The sample of windows: kept in memory until a batch is written. A row's id is the scope's times
 * TACIT_STORE_SAMPLE_MAX plus the place in it, so that a place is written anew without a search.
 */
#include "store_private.h"

#include <stdio.h>
#include <string.h>

#include <tacit/bytes.h>

int tacit_store_sample(struct tacit_store *store, int64_t scope, uint32_t size, uint64_t offered,
		       const struct tacit_window *window)
{
	int64_t place = (int64_t)offered;

	if (offered >= size) {
		place = (int64_t)tacit_random_below(store->random, offered + 1);
		if (place >= size)
			return 0;
	}
	if (store->n_pending == TACIT_STORE_PENDING_MAX) {
		int r = tacit_store_flush(store);

		if (r < 0)
			return r;
	}
	store->pending[store->n_pending++] = (struct tacit_store_pending){
		.scope = scope,
		.place = place,
		.window = *window,
	};
	return 0;
}

/* Most counts are zero: each other one, after the number of zeros in front of it. */
static void put_counts(struct tacit_writer *writer, const uint64_t count[TACIT_FEATURE_COUNT])
{
	uint64_t zeros = 0;

	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i++) {
		if (count[i] == 0) {
			zeros++;
			continue;
		}
		tacit_write_varint(writer, zeros);
		tacit_write_varint(writer, count[i]);
		zeros = 0;
	}
}

static bool get_counts(struct tacit_reader *reader, uint64_t count[TACIT_FEATURE_COUNT])
{
	uint64_t at = 0;

	memset(count, 0, TACIT_FEATURE_COUNT * sizeof(*count));
	while (!tacit_read_done(reader)) {
		uint64_t zeros = tacit_read_varint(reader), value = tacit_read_varint(reader);

		if (reader->failed || zeros >= TACIT_FEATURE_COUNT - at || value == 0)
			return false;
		at += zeros;
		count[at++] = value;
	}
	return true;
}

static int write_one(struct tacit_store *store, const struct tacit_store_pending *pending)
{
	const struct tacit_window *window = &pending->window;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer count = { 0 };

	put_counts(&count, window->count);
	if (count.failed)
		return -ENOMEM;
	/* A scope that retention took meanwhile takes its windows with it. */
	return tacit_db_run(store->db,
			    "INSERT OR REPLACE INTO"
			    " reservoir(id, scope, at_ms, length_ms, observed, count, duty)"
			    " SELECT ?6, id, ?2, ?3, ?4, ?5, ?7 FROM scope WHERE id = ?1",
			    "iiibbii", pending->scope, window->end_ms, (int64_t)window->length_ms,
			    window->observed, sizeof(window->observed),
			    count.len ? count.data : (const uint8_t *)"", count.len,
			    pending->scope * TACIT_STORE_SAMPLE_MAX + pending->place,
			    (int64_t)window->duty_permille);
}

int tacit_store_flush(struct tacit_store *store)
{
	int r;

	if (store->n_pending == 0)
		return 0;
	r = tacit_db_begin(store->db);
	for (size_t i = 0; r == 0 && i < store->n_pending; i++)
		r = write_one(store, &store->pending[i]);
	if (r == 0)
		r = tacit_db_commit(store->db);
	if (r < 0)
		tacit_db_rollback(store->db);
	/* A full disk must not become a full memory: what cannot be written is let go. */
	store->n_pending = 0;
	return r;
}

/* Columns: class, at_ms, length_ms, observed, count, duty. */
static int decode(struct sqlite3_stmt *row, struct tacit_window *ret)
{
	const char *class = tacit_db_column_text(row, 0);
	size_t observed_len, count_len;
	const void *observed = tacit_db_column_blob(row, 3, &observed_len);
	const void *count = tacit_db_column_blob(row, 4, &count_len);
	int64_t length_ms = tacit_db_column_int(row, 2), duty = tacit_db_column_int(row, 5);
	struct tacit_reader reader = tacit_reader_init(count, count_len);

	if (strlen(class) >= sizeof(ret->class) || observed_len != sizeof(ret->observed) ||
	    !get_counts(&reader, ret->count) || length_ms < 0 || length_ms > UINT32_MAX ||
	    duty < 0 || duty > TACIT_DUTY_ALWAYS)
		return TACIT_EDAMAGED;
	(void)snprintf(ret->class, sizeof(ret->class), "%s", class);
	ret->end_ms = tacit_db_column_int(row, 1);
	ret->length_ms = (uint32_t)length_ms;
	ret->duty_permille = (uint16_t)duty;
	for (size_t i = 0; i < sizeof(ret->observed); i++)
		ret->observed[i] = ((const uint8_t *)observed)[i] != 0;
	return 0;
}

int tacit_store_each_sample(struct tacit_store *store, const char *scope, tacit_window_fn *fn,
			    void *ctx)
{
	struct sqlite3_stmt *row = tacit_db_query(
		store->db,
		"SELECT class, at_ms, length_ms, observed, count, duty FROM reservoir"
		" JOIN scope ON scope.id = reservoir.scope WHERE name = ?"
		" ORDER BY at_ms, reservoir.id",
		"t", scope);
	struct tacit_window window = { 0 };
	int n = 0, r;

	(void)snprintf(window.scope, sizeof(window.scope), "%s", scope);
	while ((r = tacit_db_step(store->db, row)) > 0) {
		if (decode(row, &window) < 0) {
			store->skipped++;
			continue;
		}
		fn(ctx, &window);
		n++;
	}
	return r < 0 ? r : n;
}
