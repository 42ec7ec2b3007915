/* SPDX-License-Identifier: MIT */
#include "mailbox_private.h"

#include <string.h>

#include <tacit/x509.h>

#include "fleetdb.h"

int tacit_mailbox_find(struct tacit_mailbox *mailbox, const struct tacit_host *host,
		       const uint8_t id[TACIT_SECAGG_ID_LEN], uint64_t number,
		       struct tacit_mailbox_caller *ret)
{
	struct tacit_mailbox_caller caller = { .round = number, .host = host->number };
	struct tacit_round round;
	int r = tacit_round_get(mailbox->params.db, number, &round);

	if (r < 0)
		return r;
	if (round.doc.mode != TACIT_MODE_DISTRIBUTED)
		return -ENOENT;
	memcpy(caller.id, id, sizeof(caller.id));
	r = tacit_cohort_group_of(&round, id, &caller.group);
	if (r < 0)
		return r;
	tacit_mailbox_turn(mailbox);
	*ret = caller;
	return 0;
}

int mailbox_has_message(struct tacit_db *db, const struct tacit_mailbox_caller *caller,
			enum tacit_secagg_type type, uint8_t digest[TACIT_DIGEST_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT digest FROM message WHERE round = ? AND type = ? AND host = ?", "iii",
		(int64_t)caller->round, (int64_t)type, caller->host);
	int r = tacit_fleetdb_row(db, query);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && digest)
		r = tacit_fleetdb_column_digest(query, 0, digest, TACIT_DIGEST_LEN);
	return r < 0 ? r : 1;
}

static int is_benched(struct tacit_db *db, const struct tacit_mailbox_caller *caller)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT benched_until > ? FROM host WHERE number = ?", "ii",
			       (int64_t)caller->round, caller->host);
	int r = tacit_fleetdb_row(db, query);

	return r < 0 ? r : (int)tacit_db_column_int(query, 0);
}

static int refuse(enum tacit_secagg_reason *why, enum tacit_secagg_reason reason)
{
	*why = reason;
	return tacit_secagg_reason_code(reason);
}

static int check_advert(const struct mailbox_room *room,
			const struct tacit_mailbox_message *message, enum tacit_secagg_reason *why)
{
	struct tacit_secagg_advert advert;
	int r = tacit_secagg_advert_decode(room->digest, message->data, message->len, &advert);

	if (r == 0 && memcmp(advert.id, message->caller.id, sizeof(advert.id)) != 0)
		return refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	return tacit_secagg_server_check_advert(room->server, message->data, message->len, why);
}

static int check_masked(const struct mailbox_room *room,
			const struct tacit_mailbox_message *message, uint32_t *ret_host,
			enum tacit_secagg_reason *why)
{
	struct tacit_secagg_masked masked;
	int r = tacit_secagg_masked_decode(room->digest, message->data, message->len, &masked);

	if (r < 0)
		return refuse(why, r == TACIT_ECONFLICT ? TACIT_SECAGG_OTHER_ROUND
							: TACIT_SECAGG_MALFORMED);
	if (masked.dimensions != tacit_secagg_server_config(room->server)->dimensions)
		return refuse(why, TACIT_SECAGG_OTHER_DIMENSIONS);
	*ret_host = masked.host;
	return 0;
}

/* The signature is verified last, and what verifies may be known already: it is the host's. */
static int check_consent(struct mailbox_room *room, const struct tacit_mailbox_message *message,
			 uint32_t *ret_host, enum tacit_secagg_reason *why)
{
	struct tacit_secagg_consent consent;
	int r = tacit_secagg_consent_decode(room->digest, message->data, message->len, &consent);

	if (r < 0)
		return refuse(why, r == TACIT_ECONFLICT ? TACIT_SECAGG_OTHER_ROUND
							: TACIT_SECAGG_MALFORMED);
	*ret_host = consent.host;
	if (consent.host != message->place)
		return 0; /* which is refused */
	return tacit_secagg_server_consent(room->server, message->data, message->len, why);
}

static int check_placed(struct mailbox_room *room, const struct tacit_mailbox_message *message,
			enum tacit_secagg_reason *why)
{
	uint32_t host = 0;
	int r;

	if (message->type == TACIT_SECAGG_SHARES)
		r = tacit_secagg_server_check_shares(room->server, message->data, message->len,
						     &host, why);
	else if (message->type == TACIT_SECAGG_MASKED)
		r = check_masked(room, message, &host, why);
	else if (message->type == TACIT_SECAGG_CONSENT)
		r = check_consent(room, message, &host, why);
	else
		r = tacit_secagg_server_check_answer(room->server, message->data, message->len,
						     &host, why);
	if (r == 0 && host != message->place)
		r = refuse(why, TACIT_SECAGG_UNKNOWN_HOST);
	return r;
}

static int check(struct tacit_mailbox *mailbox, struct mailbox_room *room,
		 const struct tacit_mailbox_message *message, enum tacit_secagg_reason *why)
{
	int r;

	if (message->type == TACIT_SECAGG_ADVERT) {
		r = is_benched(mailbox->params.db, &message->caller);
		if (r != 0)
			return r < 0 ? r : TACIT_ESTALE;
		r = check_advert(room, message, why);
	} else {
		r = check_placed(room, message, why);
	}
	return *why == TACIT_SECAGG_FINE || r == TACIT_ESCHEMA || r == 0 ? r : TACIT_EREFUSED;
}

/* Late, or of a host that has no part: that its message is in is all that can be said for it. */
static int admit_late(struct tacit_mailbox *mailbox, const struct mailbox_room *room,
		      const struct tacit_mailbox_message *message, enum tacit_secagg_reason *why)
{
	int r = mailbox_has_message(mailbox->params.db, &message->caller, message->type, NULL);

	if (r != 0)
		return r < 0 ? r : 0;
	if (room->phase >= mailbox_phase_of(message->type))
		return TACIT_ESTALE;
	*why = TACIT_SECAGG_OUT_OF_TURN;
	return TACIT_EREFUSED;
}

int tacit_mailbox_admit(struct tacit_mailbox *mailbox, const struct tacit_mailbox_caller *caller,
			enum tacit_secagg_type type, const uint8_t *data, size_t len,
			struct tacit_mailbox_message *ret, enum tacit_secagg_reason *why)
{
	struct tacit_mailbox_message message = {
		.caller = *caller, .type = type, .data = data, .len = len
	};
	enum tacit_secagg_reason reason = TACIT_SECAGG_FINE;
	struct mailbox_room *room = NULL;
	int r = mailbox_visit(mailbox, caller, &room);

	if (r < 0)
		return r;
	message.checked = mailbox_has_part(room, caller->id, &message.place) &&
			  room->phase == mailbox_phase_of(type);
	if (message.checked)
		r = check(mailbox, room, &message, &reason);
	else
		r = admit_late(mailbox, room, &message, &reason);
	if (r == 0)
		r = tacit_sha256(data, len, message.digest);
	if (r == 0)
		*ret = message;
	if (why)
		*why = reason;
	return r;
}

/* What of a dealer's SHARES is wanted. */
struct dealt {
	struct tacit_db *db;
	const struct mailbox_room *room;
};

static int fetch_dealt(void *ctx, uint32_t dealer, size_t offset, size_t len, uint8_t *ret)
{
	const struct dealt *dealt = (const struct dealt *)ctx;
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		dealt->db,
		"SELECT substr(data, ?, ?) FROM message"
		" WHERE round = ? AND grp = ? AND type = ? AND place = ?",
		"iiiiii", (int64_t)offset + 1, (int64_t)len, (int64_t)dealt->room->round,
		(int64_t)dealt->room->group, (int64_t)TACIT_SECAGG_SHARES, (int64_t)dealer);
	int r = tacit_fleetdb_row(dealt->db, query);

	if (r < 0)
		return r == -ENOENT ? TACIT_EDAMAGED : r;
	return tacit_fleetdb_column_digest(query, 0, ret, len);
}

/* In one read transaction: a hundred small ones take far longer. */
static int tell_inbox(struct tacit_mailbox *mailbox, const struct mailbox_room *room,
		      uint32_t place, struct tacit_writer *writer)
{
	struct dealt dealt = { mailbox->params.db, room };
	int r = tacit_db_run(mailbox->params.db, "BEGIN", "");

	if (r < 0)
		return r;
	r = tacit_secagg_server_fetch_inbox(room->server, place, fetch_dealt, &dealt, writer);
	tacit_db_rollback(mailbox->params.db);
	return r;
}

static int tell(struct tacit_mailbox *mailbox, const struct mailbox_room *room, uint32_t place,
		enum tacit_secagg_type type, struct tacit_writer *writer)
{
	struct tacit_secagg_blob config;

	if (type == TACIT_SECAGG_CONFIG) {
		config = tacit_secagg_server_get_config(room->server);
		tacit_write_bytes(writer, config.data, config.len);
		return writer->failed ? -ENOMEM : 0;
	}
	if (type == TACIT_SECAGG_ROSTER)
		return tacit_secagg_server_roster(room->server, place, writer);
	if (type == TACIT_SECAGG_INBOX)
		return tell_inbox(mailbox, room, place, writer);
	if (type == TACIT_SECAGG_SURVIVORS)
		return tacit_secagg_server_survivors(room->server, writer);
	return tacit_secagg_server_is_agreed(room->server, place)
		       ? tacit_secagg_server_consents(room->server, place, writer)
		       : -EAGAIN;
}

int tacit_mailbox_fetch(struct tacit_mailbox *mailbox, const struct tacit_mailbox_caller *caller,
			enum tacit_secagg_type type, struct tacit_writer *writer)
{
	struct mailbox_room *room = NULL;
	int64_t place;
	int r = mailbox_visit(mailbox, caller, &room);

	if (r < 0)
		return r;
	if (!mailbox_has_part(room, caller->id, &place))
		return TACIT_ESTALE;
	if (room->phase < mailbox_phase_of(type))
		return -EAGAIN;
	return tell(mailbox, room, (uint32_t)place, type, writer);
}

const char *tacit_mailbox_reason(struct tacit_mailbox *mailbox,
				 const struct tacit_mailbox_caller *caller)
{
	struct mailbox_room *room = NULL;

	if (mailbox_visit(mailbox, caller, &room) < 0)
		return "nobody knows";
	if (!mailbox_is_over(room))
		return "the phase is over, or this host has no part in it";
	return room->reason[0] ? room->reason : "the round is over";
}

/* Consents and answers are one phase here. */
static uint32_t phase_sec(const struct mailbox_room *room)
{
	const uint32_t *sec = tacit_secagg_server_config(room->server)->phase_sec;

	return room->phase == TACIT_COHORT_ANSWERS
		       ? sec[TACIT_COHORT_ANSWERS] + sec[TACIT_COHORT_ANSWERS + 1]
		       : sec[room->phase];
}

int64_t tacit_mailbox_left_ms(struct tacit_mailbox *mailbox,
			      const struct tacit_mailbox_caller *caller)
{
	struct mailbox_room *room = NULL;
	int64_t left;

	if (mailbox_visit(mailbox, caller, &room) < 0 || mailbox_is_over(room))
		return 0;
	left = room->since_ms + (int64_t)phase_sec(room) * 1000 - mailbox->params.boot_ms();
	return left > 0 ? left : 0;
}

/* May a host that has not advertised do so? */
static int is_open(struct tacit_mailbox *mailbox, const struct tacit_round *round,
		   const struct tacit_mailbox_caller *caller)
{
	uint64_t adverts;
	int r = is_benched(mailbox->params.db, caller);

	if (r != 0)
		return r < 0 ? r : 0;
	r = tacit_cohort_adverts(mailbox->params.db, caller->round, &adverts);
	return r < 0 ? r : adverts < round->max_updates;
}

int tacit_mailbox_is_wanted(struct tacit_mailbox *mailbox, const struct tacit_round *round,
			    const struct tacit_mailbox_caller *caller)
{
	struct mailbox_room *room = NULL;
	int64_t place;
	int r = mailbox_visit(mailbox, caller, &room);

	if (r < 0)
		return r;
	if (!mailbox_has_part(room, caller->id, &place))
		return 0;
	if (room->phase == TACIT_COHORT_ADVERTS) {
		r = mailbox_has_message(mailbox->params.db, caller, TACIT_SECAGG_ADVERT, NULL);
		return r != 0 ? r : is_open(mailbox, round, caller);
	}
	r = mailbox_has_message(mailbox->params.db, caller, TACIT_SECAGG_ANSWER, NULL);
	return r < 0 ? r : r == 0;
}
