/* SPDX-License-Identifier: MIT */
/* Groups of messages on their way into the database. */
#include "mailbox_private.h"

#include <string.h>

#include "fleetdb.h"

/* A cohort that a group has messages for, as it stands within the transaction. */
struct part {
	struct mailbox_room *room;
	struct tacit_secagg_sum *sum; /* this worker's, with what the group adds; NULL: nothing */
};

/* One group under way: all within one transaction. */
struct group {
	struct part part[TACIT_MAILBOX_GROUP_MAX];
	size_t parts;
	uint64_t round; /* whose adverts were counted; 0: none yet */
	uint64_t adverts, adverts_max;
	int result[TACIT_MAILBOX_GROUP_MAX];
};

static void group_done(struct group *group)
{
	for (size_t i = 0; i < group->parts; i++)
		tacit_secagg_sum_free(group->part[i].sum);
}

/* The cohort's part in the group, looked at under the write lock: what holds now holds until the
 * commit. */
static int find_part(struct tacit_mailbox *mailbox, struct group *group,
		     const struct tacit_mailbox_caller *caller, struct part **ret)
{
	struct mailbox_room *room = mailbox_room(mailbox, caller->round, caller->group);
	int r;

	if (!room)
		return -ENOMEM;
	for (size_t i = 0; i < group->parts; i++)
		if (group->part[i].room == room) {
			*ret = &group->part[i];
			return 0;
		}
	r = mailbox_look(mailbox, room);
	if (r < 0)
		return r;
	*ret = &group->part[group->parts++];
	**ret = (struct part){ .room = room };
	return 0;
}

/* 1 while a round takes adverts. */
static int has_room(struct tacit_mailbox *mailbox, struct group *group, uint64_t number)
{
	struct tacit_round round;
	int r;

	if (group->round == number)
		return group->adverts < group->adverts_max;
	r = tacit_round_get(mailbox->params.db, number, &round);
	if (r == 0)
		r = tacit_cohort_adverts(mailbox->params.db, number, &group->adverts);
	if (r < 0)
		return r;
	group->round = number;
	group->adverts_max = round.max_updates;
	return group->adverts < group->adverts_max;
}

/* 1 when a message of its type may come in now. */
static int is_open(struct tacit_mailbox *mailbox, struct group *group, const struct part *part,
		   const struct tacit_mailbox_message *message)
{
	if (!message->checked || part->room->phase != mailbox_phase_of(message->type))
		return 0;
	return message->type == TACIT_SECAGG_ADVERT
		       ? has_room(mailbox, group, message->caller.round)
		       : 1;
}

/* 1 when it was not there yet. A masked vector leaves its digest, the sum has the rest. */
static int insert(struct tacit_mailbox *mailbox, const struct tacit_mailbox_message *message)
{
	bool keeps = message->type != TACIT_SECAGG_MASKED;
	int r = tacit_db_run(mailbox->params.db,
			     "INSERT OR IGNORE INTO message(round, grp, type, host, place, digest,"
			     " data) VALUES(?, ?, ?, ?, nullif(?, -1), ?, ?)",
			     "iiiiibb", (int64_t)message->caller.round,
			     (int64_t)message->caller.group, (int64_t)message->type,
			     message->caller.host, message->place, message->digest,
			     sizeof(message->digest), keeps ? message->data : NULL,
			     keeps ? message->len : (size_t)0);

	return r < 0 ? r : tacit_db_changes(mailbox->params.db) > 0;
}

/* What becomes of a message that is not new: 0, or why not. Database errors go to @ret_error. */
static int judge_again(struct tacit_mailbox *mailbox, const struct tacit_mailbox_message *message,
		       int *ret_error)
{
	uint8_t before[TACIT_DIGEST_LEN];
	int r = mailbox_has_message(mailbox->params.db, &message->caller, message->type, before);

	if (r < 0)
		*ret_error = r;
	if (r <= 0)
		return TACIT_ESTALE;
	return memcmp(before, message->digest, sizeof(before)) == 0 ? 0 : TACIT_ECONFLICT;
}

/* This worker's sum as the database has it, whoever wrote it last: a predecessor with our index may
 * still drain, and a commit that failed may have reached the disk. */
static int load_sum(struct tacit_mailbox *mailbox, struct part *part)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(mailbox->params.db,
			       "SELECT sum FROM masked WHERE round = ? AND grp = ? AND worker = ?",
			       "iii", (int64_t)part->room->round, (int64_t)part->room->group,
			       (int64_t)mailbox->params.worker);
	const void *data;
	size_t len;
	int r;

	if (part->sum)
		return 0;
	r = tacit_fleetdb_row(mailbox->params.db, query);
	if (r == -ENOENT)
		return tacit_secagg_server_sum(part->room->server, &part->sum);
	if (r < 0)
		return r;
	data = tacit_db_column_blob(query, 0, &len);
	return tacit_secagg_sum_load((const uint8_t *)data, len, &part->sum);
}

/* It was checked against this very outline: what does not fit now is the stored sum. */
static int add_vector(struct tacit_mailbox *mailbox, struct part *part,
		      const struct tacit_mailbox_message *message)
{
	int r = load_sum(mailbox, part);

	if (r < 0)
		return r;
	r = tacit_secagg_server_masked(part->room->server, part->sum, message->data, message->len,
				       NULL);
	if (r < 0)
		return r == -ENOMEM || r == TACIT_ECRYPTO ? r : TACIT_EDAMAGED;
	return tacit_db_run(mailbox->params.db,
			    "INSERT OR IGNORE INTO participation(round, host, digest)"
			    " VALUES(?, ?, ?)",
			    "iib", (int64_t)message->caller.round, message->caller.host,
			    message->digest, sizeof(message->digest));
}

static int take(struct tacit_mailbox *mailbox, struct group *group,
		const struct tacit_mailbox_message *message, int *ret_result)
{
	struct part *part = NULL;
	int r = find_part(mailbox, group, &message->caller, &part), error = 0;

	if (r == 0)
		r = is_open(mailbox, group, part, message);
	if (r > 0)
		r = insert(mailbox, message);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret_result = judge_again(mailbox, message, &error);
		return error;
	}
	*ret_result = 1;
	if (message->type == TACIT_SECAGG_ADVERT)
		group->adverts++;
	return message->type == TACIT_SECAGG_MASKED ? add_vector(mailbox, part, message) : 0;
}

static int write_sum(struct tacit_mailbox *mailbox, const struct part *part)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer sum = { 0 };

	tacit_secagg_sum_save(part->sum, &sum);
	if (sum.failed)
		return -ENOMEM;
	return tacit_db_run(mailbox->params.db,
			    "INSERT INTO masked(round, grp, worker, updates, sum)"
			    " VALUES(?, ?, ?, ?, ?) ON CONFLICT(round, grp, worker) DO UPDATE"
			    " SET updates = excluded.updates, sum = excluded.sum",
			    "iiiib", (int64_t)part->room->round, (int64_t)part->room->group,
			    (int64_t)mailbox->params.worker,
			    (int64_t)tacit_secagg_sum_count(part->sum), sum.data, sum.len);
}

static int run_group(struct tacit_mailbox *mailbox, struct group *group,
		     const struct tacit_mailbox_message *message, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = take(mailbox, group, &message[i], &group->result[i]);
	for (size_t i = 0; r == 0 && i < group->parts; i++)
		if (group->part[i].sum)
			r = write_sum(mailbox, &group->part[i]);
	return r;
}

int tacit_mailbox_commit(struct tacit_mailbox *mailbox, struct tacit_mailbox_message *message,
			 size_t n)
{
	TACIT_CLEANUP(group_done) struct group group = { 0 };
	int r;

	if (n > TACIT_MAILBOX_GROUP_MAX)
		return -E2BIG;
	r = tacit_db_begin(mailbox->params.db);
	if (r == 0)
		r = tacit_db_end(mailbox->params.db, run_group(mailbox, &group, message, n));
	for (size_t i = 0; r == 0 && i < n; i++)
		message[i].result = group.result[i];
	return r;
}
