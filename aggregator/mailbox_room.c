/* SPDX-License-Identifier: MIT */
/* What a worker holds of the cohorts at hand, and how it is brought up to date. */
#include "mailbox_private.h"

#include <stdio.h>
#include <string.h>

#include <tacit/clock.h>

#include "fleetdb.h"

static int verify_host(void *ctx, const uint8_t *id, const struct tacit_secagg_blob *cert,
		       const void *data, size_t len, const struct tacit_secagg_blob *sig)
{
	struct tacit_mailbox *mailbox = (struct tacit_mailbox *)ctx;

	return mailbox->trusting ? 0
				 : tacit_vouch_for_host(mailbox->vouch, id, cert, data, len, sig);
}

struct tacit_secagg_identity mailbox_identity(struct tacit_mailbox *mailbox)
{
	return (struct tacit_secagg_identity){ .ctx = mailbox, .verify_host = verify_host };
}

int tacit_mailbox_new(const struct tacit_mailbox_params *params, struct tacit_mailbox **ret)
{
	TACIT_CLEANUP(tacit_mailbox_free_p)
	struct tacit_mailbox *mailbox = TACIT_NEW(struct tacit_mailbox);
	int r;

	if (!mailbox)
		return -ENOMEM;
	mailbox->params = *params;
	mailbox->turn = 1;
	if (!mailbox->params.boot_ms)
		mailbox->params.boot_ms = tacit_clock_boot_ms;
	r = tacit_vouch_new(tacit_ca_cert(params->ca), params->wall_ms, &mailbox->vouch);
	if (r == 0)
		*ret = TACIT_TAKE(mailbox);
	return r;
}

static void room_free(struct mailbox_room *room)
{
	tacit_secagg_server_free(room->server);
	tacit_free(room);
}

void tacit_mailbox_free(struct tacit_mailbox *mailbox)
{
	if (!mailbox)
		return;
	for (size_t i = 0; i < mailbox->n_rooms; i++)
		room_free(mailbox->room[i]);
	tacit_vouch_free(mailbox->vouch);
	tacit_free(mailbox);
}

void tacit_mailbox_turn(struct tacit_mailbox *mailbox)
{
	mailbox->turn++;
}

/* Where a new room goes: behind the last, or where the one was that nobody has used for longest. */
static size_t make_place(struct tacit_mailbox *mailbox)
{
	size_t oldest = 0;

	if (mailbox->n_rooms < MAILBOX_ROOMS_MAX)
		return mailbox->n_rooms++;
	for (size_t i = 1; i < mailbox->n_rooms; i++)
		if (mailbox->room[i]->used < mailbox->room[oldest]->used)
			oldest = i;
	room_free(mailbox->room[oldest]);
	return oldest;
}

struct mailbox_room *mailbox_room(struct tacit_mailbox *mailbox, uint64_t round, uint32_t group)
{
	struct mailbox_room *room = NULL;

	for (size_t i = 0; i < mailbox->n_rooms; i++)
		if (mailbox->room[i]->round == round && mailbox->room[i]->group == group)
			room = mailbox->room[i];
	if (!room) {
		room = TACIT_NEW(struct mailbox_room);
		if (!room)
			return NULL;
		room->round = round;
		room->group = group;
		mailbox->room[make_place(mailbox)] = room;
	}
	room->used = ++mailbox->uses;
	return room;
}

/* What the database says of the phase; a round that ended has taken its cohorts with it. */
static int read_phase(struct tacit_mailbox *mailbox, struct mailbox_room *room,
		      enum tacit_cohort_phase *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(mailbox->params.db,
			       "SELECT phase, ifnull(cohort.reason, round.reason), state"
			       " FROM cohort JOIN round ON round.id = cohort.round"
			       " WHERE cohort.round = ? AND grp = ?",
			       "ii", (int64_t)room->round, (int64_t)room->group);
	int r = tacit_fleetdb_row(mailbox->params.db, query);
	int64_t phase;

	*ret = TACIT_COHORT_LOST;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	phase = tacit_db_column_int(query, 0);
	if (phase < TACIT_COHORT_ADVERTS || phase > TACIT_COHORT_LOST)
		return TACIT_EDAMAGED;
	if (strcmp(tacit_db_column_text(query, 2),
		   tacit_round_state_name(TACIT_ROUND_COLLECTING)) == 0)
		*ret = (enum tacit_cohort_phase)phase;
	(void)snprintf(room->reason, sizeof(room->reason), "%s", tacit_db_column_text(query, 1));
	return 0;
}

static void enter(struct tacit_mailbox *mailbox, struct mailbox_room *room,
		  enum tacit_cohort_phase phase, struct tacit_secagg_server *server)
{
	tacit_secagg_server_free(room->server);
	room->server = server;
	room->last_consent = 0;
	if (room->looked == 0 || room->phase != phase)
		room->since_ms = mailbox->params.boot_ms();
	room->phase = phase;
}

/* Outline and phase are written together, but were not read together: the outline decides. */
static int load(struct tacit_mailbox *mailbox, struct mailbox_room *room)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	const struct tacit_secagg_identity identity = mailbox_identity(mailbox);
	int r = tacit_cohort_load(mailbox->params.db, &identity, room->round, room->group, &server);

	if (r == -ENOENT) {
		enter(mailbox, room, TACIT_COHORT_LOST, NULL);
		return 0;
	}
	if (r < 0)
		return r;
	r = tacit_secagg_config_digest(tacit_secagg_server_config(server), room->digest);
	if (r < 0)
		return r;
	enter(mailbox, room, (enum tacit_cohort_phase)tacit_secagg_server_get_phase(server),
	      server);
	server = NULL;
	return 0;
}

int mailbox_look(struct tacit_mailbox *mailbox, struct mailbox_room *room)
{
	enum tacit_cohort_phase phase;
	int r = read_phase(mailbox, room, &phase);

	if (r < 0)
		return r;
	if (phase >= TACIT_COHORT_DONE)
		enter(mailbox, room, phase, NULL);
	else if (!room->server || room->phase != phase)
		r = load(mailbox, room);
	if (r == 0)
		room->looked = mailbox->turn;
	return r;
}

/* Consents that came since the last time, to any worker. By the index on places: there are far
 * fewer of them than messages of later ids. */
static int catch_up(struct tacit_mailbox *mailbox, struct mailbox_room *room)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(mailbox->params.db,
			       "SELECT id, data FROM message INDEXED BY message_place"
			       " WHERE round = ? AND grp = ? AND type = ? AND +id > ?",
			       "iiii", (int64_t)room->round, (int64_t)room->group,
			       (int64_t)TACIT_SECAGG_CONSENT, room->last_consent);
	int64_t last = room->last_consent;
	int r;

	mailbox->trusting = true;
	while ((r = tacit_db_step(mailbox->params.db, query)) > 0) {
		size_t len;
		const void *data = tacit_db_column_blob(query, 1, &len);

		r = tacit_secagg_server_consent(room->server, (const uint8_t *)data, len, NULL);
		if (r < 0) {
			r = r == -ENOMEM ? r : TACIT_EDAMAGED;
			break;
		}
		if (tacit_db_column_int(query, 0) > last)
			last = tacit_db_column_int(query, 0);
	}
	mailbox->trusting = false;
	if (r == 0)
		room->last_consent = last;
	return r;
}

int mailbox_visit(struct tacit_mailbox *mailbox, const struct tacit_mailbox_caller *caller,
		  struct mailbox_room **ret)
{
	struct mailbox_room *room = mailbox_room(mailbox, caller->round, caller->group);
	int r = 0;

	if (!room)
		return -ENOMEM;
	if (room->looked != mailbox->turn) {
		r = mailbox_look(mailbox, room);
		if (r == 0 && room->phase == TACIT_COHORT_ANSWERS)
			r = catch_up(mailbox, room);
	}
	if (r == 0)
		*ret = room;
	return r;
}

enum tacit_cohort_phase mailbox_phase_of(enum tacit_secagg_type type)
{
	static const enum tacit_cohort_phase phases[] = {
		[TACIT_SECAGG_CONFIG] = TACIT_COHORT_ADVERTS,
		[TACIT_SECAGG_ADVERT] = TACIT_COHORT_ADVERTS,
		[TACIT_SECAGG_ROSTER] = TACIT_COHORT_SHARES,
		[TACIT_SECAGG_SHARES] = TACIT_COHORT_SHARES,
		[TACIT_SECAGG_INBOX] = TACIT_COHORT_VECTORS,
		[TACIT_SECAGG_MASKED] = TACIT_COHORT_VECTORS,
		[TACIT_SECAGG_SURVIVORS] = TACIT_COHORT_ANSWERS,
		[TACIT_SECAGG_CONSENT] = TACIT_COHORT_ANSWERS,
		[TACIT_SECAGG_CONSENTS] = TACIT_COHORT_ANSWERS,
		[TACIT_SECAGG_ANSWER] = TACIT_COHORT_ANSWERS,
	};

	return phases[type];
}

bool mailbox_has_part(const struct mailbox_room *room, const uint8_t *id, int64_t *ret_place)
{
	int place = -1;

	*ret_place = -1;
	if (mailbox_is_over(room))
		return false;
	if (room->phase == TACIT_COHORT_ADVERTS)
		return true;
	place = tacit_secagg_server_find(room->server, id);
	if (place < 0)
		return false;
	*ret_place = place;
	if (room->phase == TACIT_COHORT_VECTORS)
		return tacit_secagg_server_has_shared(room->server, (uint32_t)place);
	return room->phase == TACIT_COHORT_SHARES ||
	       tacit_secagg_server_is_alive(room->server, (uint32_t)place);
}
