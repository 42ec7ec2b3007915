/* SPDX-License-Identifier: MIT */
/* From adverts to answers. What comes of the answers is in cohort_finish.c. */
#include "cohort_steps.h"

#include <inttypes.h>

#include <tacit/log.h>

#include "cohort_private.h"
#include "fleetdb.h"

/* What a host says in each phase. */
static const enum tacit_secagg_type said_in[] = {
	[TACIT_COHORT_ADVERTS] = TACIT_SECAGG_ADVERT,
	[TACIT_COHORT_SHARES] = TACIT_SECAGG_SHARES,
	[TACIT_COHORT_VECTORS] = TACIT_SECAGG_MASKED,
	[TACIT_COHORT_ANSWERS] = TACIT_SECAGG_ANSWER,
};

/* Calls @take with the data of every message of a type, in the order of their places. */
int tacit_cohort_each(struct tacit_db *db, const struct tacit_cohort *cohort,
		      enum tacit_secagg_type type,
		      int (*take)(struct tacit_secagg_server *server, const uint8_t *data,
				  size_t len),
		      struct tacit_secagg_server *server)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT data FROM message WHERE round = ? AND grp = ? AND type = ?"
		" ORDER BY place",
		"iii", (int64_t)cohort->round, (int64_t)cohort->group, (int64_t)type);
	int r, taken = 0;

	while (taken == 0 && (r = tacit_db_step(db, query)) > 0) {
		size_t len;
		const uint8_t *data = (const uint8_t *)tacit_db_column_blob(query, 0, &len);

		taken = take(server, data, len);
	}
	return taken < 0 ? taken : r;
}

int tacit_cohort_sum(struct tacit_db *db, const struct tacit_cohort *cohort,
		     const struct tacit_secagg_server *server, struct tacit_secagg_sum **ret)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *total = NULL;
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT sum FROM masked WHERE round = ? AND grp = ?", "ii",
			       (int64_t)cohort->round, (int64_t)cohort->group);
	int r = tacit_secagg_server_sum(server, &total), found = 1;

	while (r == 0 && (found = tacit_db_step(db, query)) > 0) {
		TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *part = NULL;
		size_t len;
		const uint8_t *data = (const uint8_t *)tacit_db_column_blob(query, 0, &len);

		r = tacit_secagg_sum_load(data, len, &part);
		if (r == 0)
			r = tacit_secagg_sum_merge(total, part);
	}
	if (r == 0 && found < 0)
		r = found;
	if (r < 0) /* workers see to it that nobody is in two sums */
		return r == TACIT_ECONFLICT || r == -EINVAL ? TACIT_EDAMAGED : r;
	*ret = TACIT_TAKE(total);
	return 0;
}

/* Those who are in the cohort and did not say what its phase asks for have failed, when @due; but
 * where most of them are silent the fault is not theirs: an aggregator that is too slow, or away.
 */
int tacit_cohort_note_silence(struct tacit_db *db, const struct tacit_cohort *cohort, bool due)
{
	int64_t round = (int64_t)cohort->round, group = (int64_t)cohort->group;
	uint32_t said = 0;
	int r;

	if (cohort->phase == TACIT_COHORT_ADVERTS)
		return 0;
	r = tacit_cohort_count(db, cohort, said_in[cohort->phase], &said);
	if (r < 0)
		return r;
	return tacit_db_run(
		db,
		"UPDATE host SET failures = CASE WHEN number IN"
		" (SELECT host FROM message WHERE round = ?1 AND grp = ?2 AND type = ?3)"
		" THEN 0 ELSE failures + ?5 END WHERE number IN"
		" (SELECT host FROM message WHERE round = ?1 AND grp = ?2 AND type = ?4)",
		"iiiii", round, group, (int64_t)said_in[cohort->phase],
		(int64_t)TACIT_SECAGG_ADVERT, (int64_t)(due && 2 * said >= cohort->hosts));
}

static int log_benched(struct tacit_db *db, const struct tacit_cohort *cohort)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT id, failures, suspicion, benched_until FROM host WHERE number IN"
		" (SELECT host FROM message WHERE round = ?1 AND grp = ?2 AND type = ?3)"
		" AND benched_until > ?1",
		"iii", (int64_t)cohort->round, (int64_t)cohort->group,
		(int64_t)TACIT_SECAGG_ADVERT);
	int r;

	while ((r = tacit_db_step(db, query)) > 0)
		tacit_warning("host %s: failed %" PRId64 " times in a row, in %" PRId64
			      " sums that were too long: left out until round %" PRId64,
			      tacit_db_column_text(query, 0), tacit_db_column_int(query, 1),
			      tacit_db_column_int(query, 2), tacit_db_column_int(query, 3));
	return r;
}

int tacit_cohort_bench(struct tacit_db *db, const struct tacit_cohort *cohort)
{
	int r = tacit_db_run(
		db,
		"UPDATE host SET benched_until ="
		" ?1 + (?4 << min(max(failures - ?5, suspicion - ?6, 0), 5)) WHERE number IN"
		" (SELECT host FROM message WHERE round = ?1 AND grp = ?2 AND type = ?3)"
		" AND (failures >= ?5 OR suspicion >= ?6)",
		"iiiiii", (int64_t)cohort->round, (int64_t)cohort->group,
		(int64_t)TACIT_SECAGG_ADVERT, (int64_t)TACIT_COHORT_BENCH,
		(int64_t)TACIT_COHORT_FAILURES, (int64_t)TACIT_COHORT_SUSPICIONS);

	return r < 0 ? r : log_benched(db, cohort);
}

/* Over: what hosts said is no longer needed, only that they did. */
int tacit_cohort_close(struct tacit_db *db, struct tacit_cohort *cohort,
		       enum tacit_cohort_phase phase, const char *reason)
{
	int64_t round = (int64_t)cohort->round, group = (int64_t)cohort->group;
	int r = tacit_db_run(db,
			     "UPDATE cohort SET phase = ?, outline = NULL, reason = ?"
			     " WHERE round = ? AND grp = ?",
			     "itii", (int64_t)phase, reason, round, group);

	if (r == 0)
		r = tacit_db_run(db, "UPDATE message SET data = NULL WHERE round = ? AND grp = ?",
				 "ii", round, group);
	if (r == 0)
		r = tacit_db_run(db, "DELETE FROM masked WHERE round = ? AND grp = ?", "ii", round,
				 group);
	if (r == 0)
		cohort->phase = phase;
	return r;
}

struct tacit_protect_params tacit_cohort_protection(const struct tacit_secagg_config *config,
						    uint32_t hosts)
{
	return (struct tacit_protect_params){
		.clip_norm = config->clip_norm,
		.noise_multiplier = config->noise_ppm / 1e6,
		.honest = tacit_secagg_honest(&config->threat, hosts),
	};
}

/* Whoever sent a masked vector has told the aggregator something, whatever becomes of it. */
int tacit_cohort_charge(struct tacit_db *db, const struct tacit_round *round,
			const struct tacit_cohort *cohort, const struct tacit_secagg_config *config)
{
	const struct tacit_protect_params params = tacit_cohort_protection(config, cohort->hosts);

	return tacit_db_run(
		db,
		"UPDATE host SET rho = rho + ?, rounds = rounds + 1, last_round = ?2"
		" WHERE number IN (SELECT host FROM message WHERE round = ?2"
		" AND grp = ? AND type = ?)",
		"diii", tacit_protect_rho_sum(&params, round->doc.dimensions, params.honest),
		(int64_t)cohort->round, (int64_t)cohort->group, (int64_t)TACIT_SECAGG_MASKED);
}

int tacit_cohort_lose(struct tacit_db *db, const struct tacit_round *round,
		      struct tacit_cohort *cohort, const struct tacit_secagg_config *config,
		      const char *reason)
{
	int r = tacit_cohort_note_silence(db, cohort, true);

	if (r == 0)
		r = tacit_cohort_bench(db, cohort);
	if (r == 0 && cohort->phase >= TACIT_COHORT_VECTORS)
		r = tacit_cohort_charge(db, round, cohort, config);
	if (r == 0)
		r = tacit_cohort_close(db, cohort, TACIT_COHORT_LOST, reason);
	return r;
}

static int abandon(struct tacit_db *db, const struct tacit_round *round, uint32_t group,
		   const char *why)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	const struct tacit_secagg_identity identity = tacit_cohort_identity(NULL);
	struct tacit_cohort cohort;
	int r = tacit_cohort_get(db, round->doc.round, group, &cohort);

	if (r < 0 || cohort.phase >= TACIT_COHORT_DONE)
		return r;
	if (cohort.phase >= TACIT_COHORT_VECTORS) {
		r = tacit_cohort_load(db, &identity, cohort.round, group, &server);
		if (r == 0)
			r = tacit_cohort_charge(db, round, &cohort,
						tacit_secagg_server_config(server));
		else if (r == TACIT_EDAMAGED || r == -ENOENT)
			r = 0; /* what it cost is lost with it; hosts have ledgers of their own */
	}
	return r < 0 ? r : tacit_cohort_close(db, &cohort, TACIT_COHORT_LOST, why);
}

int tacit_cohort_abandon(struct tacit_db *db, uint64_t id, const char *why)
{
	struct tacit_round round;
	int r = tacit_round_get(db, id, &round);

	if (r < 0)
		return r;
	for (uint32_t group = 0; r == 0 && group < round.groups; group++)
		r = abandon(db, &round, group, why);
	return r;
}

int tacit_cohort_tidy(struct tacit_db *db, uint64_t round)
{
	int64_t old = (int64_t)round - (int64_t)TACIT_ROUND_KEEP;
	int r = tacit_db_run(db, "UPDATE cohort SET sum = NULL WHERE round = ?", "i",
			     (int64_t)round);

	if (r == 0)
		r = tacit_db_run(db, "DELETE FROM message WHERE round <= ?", "i", old);
	return r;
}

/* A message's host gets the place that it now has. */
static int place_hosts(struct tacit_db *db, const struct tacit_cohort *cohort,
		       const struct tacit_secagg_server *server)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < cohort->hosts; i++)
		r = tacit_db_run(db,
				 "UPDATE message SET place = ? WHERE round = ? AND type = ? AND"
				 " host = (SELECT number FROM host WHERE fingerprint = ?)",
				 "iiib", (int64_t)i, (int64_t)cohort->round,
				 (int64_t)TACIT_SECAGG_ADVERT,
				 tacit_secagg_server_get_id(server, i), TACIT_SECAGG_ID_LEN);
	return r;
}

static int take_advert(struct tacit_secagg_server *server, const uint8_t *data, size_t len)
{
	return tacit_secagg_server_advert(server, data, len, NULL);
}

static int read_beacon(struct tacit_db *db, const struct tacit_cohort *cohort,
		       uint8_t beacon[TACIT_DIGEST_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query =
		tacit_db_query(db, "SELECT beacon FROM cohort WHERE round = ? AND grp = ?", "ii",
			       (int64_t)cohort->round, (int64_t)cohort->group);
	int r = tacit_fleetdb_row(db, query);

	return r < 0 ? r : tacit_fleetdb_column_digest(query, 0, beacon, TACIT_DIGEST_LEN);
}

static int seat(struct tacit_db *db, struct tacit_cohort *cohort,
		struct tacit_secagg_server *server, enum tacit_secagg_reason *why)
{
	uint8_t beacon[TACIT_DIGEST_LEN];
	int r = read_beacon(db, cohort, beacon);

	if (r == 0)
		r = tacit_cohort_each(db, cohort, TACIT_SECAGG_ADVERT, take_advert, server);
	cohort->hosts = tacit_secagg_server_count(server);
	if (r == 0)
		r = tacit_secagg_server_seat(server, beacon, why);
	if (r == 0)
		r = place_hosts(db, cohort, server);
	return r;
}

static int deliver(struct tacit_db *db, const struct tacit_cohort *cohort,
		   struct tacit_secagg_server *server, enum tacit_secagg_reason *why)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT place FROM message WHERE round = ? AND grp = ? AND type = ?", "iii",
		(int64_t)cohort->round, (int64_t)cohort->group, (int64_t)TACIT_SECAGG_SHARES);
	int r;

	while ((r = tacit_db_step(db, query)) > 0) {
		int64_t place = tacit_db_column_int(query, 0);

		if (place < 0 || place >= cohort->hosts)
			return TACIT_EDAMAGED;
		tacit_secagg_server_note_shares(server, (uint32_t)place);
	}
	return r < 0 ? r : tacit_secagg_server_deliver(server, why);
}

static int list(struct tacit_db *db, struct tacit_cohort *cohort,
		struct tacit_secagg_server *server, enum tacit_secagg_reason *why)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = NULL;
	int r = tacit_cohort_sum(db, cohort, server, &sum);

	if (r < 0)
		return r;
	cohort->survivors = tacit_secagg_sum_count(sum);
	return tacit_secagg_server_list(server, sum, why);
}

/* The step out of a phase. A refusal is the end of the sum. */
static int leave_phase(struct tacit_db *db, struct tacit_cohort *cohort,
		       struct tacit_secagg_server *server, enum tacit_secagg_reason *why)
{
	if (cohort->phase == TACIT_COHORT_ADVERTS)
		return seat(db, cohort, server, why);
	if (cohort->phase == TACIT_COHORT_SHARES)
		return deliver(db, cohort, server, why);
	return list(db, cohort, server, why);
}

static int step(struct tacit_db *db, const struct tacit_ca *ca, const struct tacit_round *round,
		struct tacit_cohort *cohort)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	const struct tacit_secagg_identity identity = tacit_cohort_identity(ca);
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	int r = tacit_cohort_load(db, &identity, cohort->round, cohort->group, &server);

	if (r < 0)
		return r == -ENOENT ? TACIT_EDAMAGED : r;
	r = leave_phase(db, cohort, server, &why);
	if (why != TACIT_SECAGG_FINE)
		return tacit_cohort_lose(db, round, cohort, tacit_secagg_server_config(server),
					 why == TACIT_SECAGG_COHORT_BELOW_FLOOR
						 ? "too few hosts advertised"
						 : tacit_secagg_reason_text(why));
	if (r < 0)
		return r;
	cohort->phase = (enum tacit_cohort_phase)tacit_secagg_server_get_phase(server);
	return tacit_cohort_save(db, cohort, server);
}

/* With how many messages is a phase over before its time? */
static int count_expected(struct tacit_db *db, const struct tacit_round *round,
			  const struct tacit_cohort *cohort, uint32_t *ret)
{
	uint64_t adverts = 0;
	int r = 0;

	if (cohort->phase == TACIT_COHORT_VECTORS)
		return tacit_cohort_count(db, cohort, TACIT_SECAGG_SHARES, ret);
	if (cohort->phase == TACIT_COHORT_ADVERTS) {
		r = tacit_cohort_adverts(db, cohort->round, &adverts);
		/* a round is full when all its groups together are */
		*ret = adverts >= round->max_updates ? 0 : UINT32_MAX;
	} else {
		*ret = cohort->phase == TACIT_COHORT_SHARES ? cohort->hosts : cohort->survivors;
	}
	return r;
}

static void tell(const struct tacit_cohort *cohort, enum tacit_cohort_phase before, uint32_t said)
{
	if (cohort->phase == TACIT_COHORT_LOST)
		tacit_warning("round %" PRIu64 " group %u: lost in %s, with %u hosts",
			      cohort->round, cohort->group, tacit_cohort_phase_name(before), said);
	else
		tacit_info("round %" PRIu64 " group %u: %s, %u hosts", cohort->round, cohort->group,
			   tacit_cohort_phase_name(cohort->phase), said);
}

int tacit_cohort_advance(struct tacit_db *db, const struct tacit_ca *ca,
			 const struct tacit_round *round, struct tacit_cohort *cohort, bool due)
{
	enum tacit_cohort_phase before = cohort->phase;
	uint32_t said, expected = 0;
	int r;

	if (before >= TACIT_COHORT_DONE)
		return 0;
	r = tacit_cohort_count(db, cohort, said_in[before], &said);
	if (r == 0)
		r = count_expected(db, round, cohort, &expected);
	if (r < 0)
		return r;
	if (!due && said < expected)
		return 0;
	if (before == TACIT_COHORT_ANSWERS)
		return 1;
	r = tacit_db_begin(db);
	if (r == 0)
		r = tacit_db_end(db, step(db, ca, round, cohort));
	if (r < 0)
		return r;
	tell(cohort, before, said);
	return 1;
}
