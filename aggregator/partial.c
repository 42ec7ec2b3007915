/* SPDX-License-Identifier: MIT */
#include "partial.h"

#include <endian.h>
#include <string.h>

#include <tacit/x509.h>

#include "fleetdb.h"
#include "round.h"

struct tacit_partial {
	struct tacit_db *db;
	uint32_t worker;
	struct tacit_round round; /* of the sums below; number 0: none yet */
	uint8_t *sum;		  /* what the database holds, little-endian u32 */
	uint8_t *next;		  /* and what it is to hold */
	uint64_t updates;	  /* in sum */
};

int tacit_partial_new(struct tacit_db *db, uint32_t worker, struct tacit_partial **ret)
{
	struct tacit_partial *partial = TACIT_NEW(struct tacit_partial);

	if (!partial)
		return -ENOMEM;
	partial->db = db;
	partial->worker = worker;
	*ret = partial;
	return 0;
}

void tacit_partial_free(struct tacit_partial *partial)
{
	if (!partial)
		return;
	tacit_free(partial->sum);
	tacit_free(partial->next);
	tacit_free(partial);
}

void tacit_partial_add(uint8_t *sum, const uint8_t *value, size_t n)
{
	for (; n > 0; n--, sum += sizeof(uint32_t), value += sizeof(uint32_t)) {
		uint32_t a, b;

		memcpy(&a, sum, sizeof(a));
		memcpy(&b, value, sizeof(b));
		a = htole32(le32toh(a) + le32toh(b));
		memcpy(sum, &a, sizeof(a));
	}
}

static size_t sum_len(const struct tacit_partial *partial)
{
	return (size_t)partial->round.doc.dimensions * 4;
}

/* Room for another round's sums. */
static int turn_to(struct tacit_partial *partial, const struct tacit_round *round)
{
	TACIT_AUTO_FREE uint8_t *sum = (uint8_t *)tacit_calloc(round->doc.dimensions, 4);
	TACIT_AUTO_FREE uint8_t *next = (uint8_t *)tacit_calloc(round->doc.dimensions, 4);

	if (!sum || !next)
		return -ENOMEM;
	tacit_free(partial->sum);
	tacit_free(partial->next);
	partial->sum = TACIT_TAKE(sum);
	partial->next = TACIT_TAKE(next);
	partial->round = *round;
	partial->updates = 0;
	return 0;
}

/* The round a body names: the one at hand, or what the database says. */
static int find_round(struct tacit_partial *partial, uint64_t number, struct tacit_round *ret)
{
	struct tacit_round round;
	int r;

	if (number != 0 && partial->round.doc.round == number) {
		*ret = partial->round;
		return 0;
	}
	r = tacit_round_get(partial->db, number, &round);
	if (r == 0 && round.state == TACIT_ROUND_COLLECTING)
		r = turn_to(partial, &round);
	if (r == 0)
		*ret = round;
	return r;
}

static bool fits(const struct tacit_update_head *head, const struct tacit_round_doc *round)
{
	return head->mode == round->mode && head->dimensions == round->dimensions &&
	       memcmp(head->task, round->task, sizeof(head->task)) == 0 &&
	       memcmp(head->model, round->model, sizeof(head->model)) == 0;
}

int tacit_partial_admit(struct tacit_partial *partial, int64_t host, uint64_t round,
			const uint8_t *body, size_t len, struct tacit_partial_update *ret)
{
	struct tacit_partial_update update = { .round = round, .host = host };
	struct tacit_update_head head;
	struct tacit_round found = { 0 };
	int r;

	if (tacit_update_decode(body, len, &head, &update.value) < 0)
		return TACIT_ESCHEMA;
	if (head.round != round)
		return -EINVAL;
	r = find_round(partial, round, &found);
	if (r < 0)
		return r;
	if (found.state != TACIT_ROUND_COLLECTING) {
		r = tacit_round_has_update(partial->db, round, host, NULL);
		if (r <= 0)
			return r < 0 ? r : TACIT_ESTALE;
	}
	if (!fits(&head, &found.doc))
		return -EINVAL;
	update.dimensions = head.dimensions;
	r = tacit_sha256(body, len, update.digest);
	if (r == 0)
		*ret = update;
	return r;
}

static int load_sum(struct tacit_partial *partial)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		partial->db, "SELECT updates, sum FROM partial WHERE round = ? AND worker = ?",
		"ii", (int64_t)partial->round.doc.round, (int64_t)partial->worker);
	const void *sum;
	size_t len;
	int r = tacit_fleetdb_row(partial->db, query);

	if (r == -ENOENT) {
		memset(partial->sum, 0, sum_len(partial));
		partial->updates = 0;
		return 0;
	}
	if (r < 0)
		return r;
	sum = tacit_db_column_blob(query, 1, &len);
	if (len != sum_len(partial))
		return TACIT_EDAMAGED;
	memcpy(partial->sum, sum, len);
	partial->updates = (uint64_t)tacit_db_column_int(query, 0);
	return 0;
}

/* What we hold is out of date after a restart, when a commit failed and yet reached the disk, and
 * when a predecessor with our index is still draining. The count, which only grows, tells. Under
 * the write lock, so what holds now holds until the commit. */
static int refresh_sum(struct tacit_partial *partial)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		partial->db, "SELECT updates FROM partial WHERE round = ? AND worker = ?", "ii",
		(int64_t)partial->round.doc.round, (int64_t)partial->worker);
	int r = tacit_fleetdb_row(partial->db, query);

	if (r < 0 && r != -ENOENT)
		return r;
	if (partial->updates == (r == 0 ? (uint64_t)tacit_db_column_int(query, 0) : 0))
		return 0;
	return load_sum(partial);
}

/* One group under way: all within one transaction. */
struct group {
	uint64_t live;	/* the round that is collecting; 0: none */
	uint64_t taken; /* its updates, by all workers */
	uint64_t added; /* by this group */
	int result[TACIT_PARTIAL_GROUP_MAX];
};

static int begin_group(struct tacit_partial *partial, struct group *group)
{
	struct tacit_round round;
	int r = tacit_round_get_current(partial->db, &round);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && round.doc.round != partial->round.doc.round)
		r = turn_to(partial, &round);
	if (r == 0)
		r = tacit_round_updates(partial->db, round.doc.round, &group->taken);
	if (r == 0)
		r = refresh_sum(partial);
	if (r < 0)
		return r;
	group->live = round.doc.round;
	memcpy(partial->next, partial->sum, sum_len(partial));
	return 0;
}

/* 1 when the host takes part from now on, 0 when it already did. */
static int take_part(struct tacit_partial *partial, const struct tacit_partial_update *update)
{
	int r = tacit_db_run(partial->db,
			     "INSERT OR IGNORE INTO participation(round, host, digest)"
			     " VALUES(?, ?, ?)",
			     "iib", (int64_t)update->round, update->host, update->digest,
			     sizeof(update->digest));

	return r < 0 ? r : tacit_db_changes(partial->db) > 0;
}

/* What becomes of an update that is not new: 0, or why not. Database errors go to @ret_error. */
static int judge_again(struct tacit_partial *partial, const struct tacit_partial_update *update,
		       int *ret_error)
{
	uint8_t before[TACIT_DIGEST_LEN];
	int r = tacit_round_has_update(partial->db, update->round, update->host, before);

	if (r < 0)
		*ret_error = r;
	if (r <= 0)
		return TACIT_ESTALE;
	return memcmp(before, update->digest, sizeof(before)) == 0 ? 0 : TACIT_ECONFLICT;
}

static int take(struct tacit_partial *partial, struct group *group,
		const struct tacit_partial_update *update, int *ret_result)
{
	bool open = update->round == group->live &&
		    update->dimensions == partial->round.doc.dimensions &&
		    group->taken + group->added < partial->round.max_updates;
	int r = open ? take_part(partial, update) : 0, error = 0;

	if (r < 0)
		return r;
	if (r == 0) {
		*ret_result = judge_again(partial, update, &error);
		return error;
	}
	tacit_partial_add(partial->next, update->value, update->dimensions);
	group->added++;
	*ret_result = 1;
	return 0;
}

static int write_sum(struct tacit_partial *partial, const struct group *group)
{
	return tacit_db_run(partial->db,
			    "INSERT INTO partial(round, worker, updates, sum) VALUES(?, ?, ?, ?)"
			    " ON CONFLICT(round, worker) DO UPDATE"
			    " SET updates = excluded.updates, sum = excluded.sum",
			    "iiib", (int64_t)group->live, (int64_t)partial->worker,
			    (int64_t)(partial->updates + group->added), partial->next,
			    sum_len(partial));
}

static int run_group(struct tacit_partial *partial, struct group *group,
		     const struct tacit_partial_update *update, size_t n)
{
	int r = begin_group(partial, group);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = take(partial, group, &update[i], &group->result[i]);
	if (r == 0 && group->added > 0)
		r = write_sum(partial, group);
	return r;
}

int tacit_partial_commit(struct tacit_partial *partial, struct tacit_partial_update *update,
			 size_t n)
{
	struct group group = { 0 };
	uint8_t *sum;
	int r;

	if (n > TACIT_PARTIAL_GROUP_MAX)
		return -E2BIG;
	r = tacit_db_begin(partial->db);
	if (r == 0)
		r = tacit_db_end(partial->db, run_group(partial, &group, update, n));
	if (r < 0)
		return r;
	if (group.added > 0) {
		sum = partial->sum;
		partial->sum = partial->next;
		partial->next = sum;
		partial->updates += group.added;
	}
	for (size_t i = 0; i < n; i++)
		update[i].result = group.result[i];
	return 0;
}
