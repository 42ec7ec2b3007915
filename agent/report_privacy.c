/* SPDX-License-Identifier: MIT */
/* What was given away, what is left, and what that means. */
#include "report_private.h"

#include <math.h>
#include <stdio.h>

#include <tacit/accountant.h>
#include <tacit/cleanup.h>

#include "ledger.h"

#define AGGREGATOR_DIGITS 16 /* of a fingerprint, enough to tell aggregators apart */
#define WORDS_MAX	  768

static struct tacit_ledger_limits limits_of(const struct tacit_report_source *source)
{
	return (struct tacit_ledger_limits){ .max_epsilon = source->conf->privacy_max_epsilon,
					     .delta = source->conf->privacy_delta };
}

static int read_totals(const struct tacit_report_source *source, struct tacit_ledger_totals *ret)
{
	struct tacit_ledger_limits limits = limits_of(source);

	return tacit_ledger_totals(tacit_store_db(source->store), &limits, ret);
}

/* How noise was added in the newest round that was charged. */
static int put_last_mode(const struct tacit_report_source *source, json_t *into)
{
	struct tacit_db *db = tacit_store_db(source->store);
	struct sqlite3_stmt *row = tacit_db_query(
		db, "SELECT mode, hosts FROM ledger ORDER BY at_ms DESC, round DESC LIMIT 1", "");
	int r = tacit_db_step(db, row);

	if (r <= 0)
		return r;
	r = tacit_report_set(into, "last_mode", tacit_report_text(tacit_db_column_text(row, 0)));
	if (r == 0)
		r = tacit_report_set(into, "last_hosts", json_integer(tacit_db_column_int(row, 1)));
	tacit_db_reset(row);
	return r;
}

int tacit_report_budget(const struct tacit_report_source *source, json_t **ret)
{
	struct tacit_ledger_totals totals;
	int r = read_totals(source, &totals);
	json_auto_t *budget = NULL;

	if (r < 0)
		return r;
	budget = json_pack("{s:o, s:f, s:I, s:f, s:f, s:o, s:I, s:I, s:I}", "epsilon",
			   tacit_report_real(totals.epsilon), "delta", source->conf->privacy_delta,
			   "rounds", (json_int_t)totals.rounds, "max_epsilon",
			   source->conf->privacy_max_epsilon, "remaining", totals.remaining, "rho",
			   tacit_report_real(totals.rho), "sent", (json_int_t)totals.sent, "late",
			   (json_int_t)totals.late, "refused", (json_int_t)totals.refused);
	r = budget ? put_last_mode(source, budget) : -ENOMEM;
	if (r == 0)
		*ret = json_incref(budget);
	return r;
}

/* Columns: round, aggregator, at_ms, mode, noise_multiplier, clip_norm, rho, classes, state,
 * model_version, dimensions, sum_of, rho so far, and hosts. */
static json_t *charge_json(struct sqlite3_stmt *row, double delta)
{
	char aggregator[AGGREGATOR_DIGITS + 1];
	double rho = tacit_db_column_double(row, 6);
	double so_far = tacit_db_column_double(row, 12);

	(void)snprintf(aggregator, sizeof(aggregator), "%s", tacit_db_column_text(row, 1));
	return json_pack(
		"{s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:o}",
		"round", (json_int_t)tacit_db_column_int(row, 0), "aggregator",
		tacit_report_text(aggregator), "at", tacit_report_time(tacit_db_column_int(row, 2)),
		"mode", tacit_report_text(tacit_db_column_text(row, 3)), "hosts",
		(json_int_t)tacit_db_column_int(row, 13), "noise_multiplier",
		tacit_report_real(tacit_db_column_double(row, 4)), "clip_norm",
		tacit_report_real(tacit_db_column_double(row, 5)), "rho", tacit_report_real(rho),
		"epsilon", tacit_report_real(tacit_zcdp_epsilon(rho, delta)), "epsilon_so_far",
		tacit_report_real(tacit_zcdp_epsilon(so_far, delta)), "classes",
		(json_int_t)tacit_db_column_int(row, 7), "state",
		tacit_report_text(tacit_db_column_text(row, 8)), "model_version",
		(json_int_t)tacit_db_column_int(row, 9), "dimensions",
		(json_int_t)tacit_db_column_int(row, 10), "sum_of",
		tacit_report_text(tacit_db_column_text(row, 11)));
}

/* Newest first. */
static int list_charges(const struct tacit_report_source *source, json_t *into)
{
	struct tacit_db *db = tacit_store_db(source->store);
	struct sqlite3_stmt *row = tacit_db_query(
		db,
		"SELECT round, aggregator, ledger.at_ms, mode, noise_multiplier, clip_norm, rho,"
		" classes, coalesce(state, 'prepared'), model_version, dimensions, sum_of,"
		" sum(rho) OVER (ORDER BY ledger.at_ms, round), hosts"
		" FROM ledger LEFT JOIN round USING(aggregator, round)"
		" ORDER BY ledger.at_ms DESC, round DESC LIMIT ?",
		"i", (int64_t)TACIT_REPORT_ROUNDS_MAX);
	int r;

	while ((r = tacit_db_step(db, row)) > 0)
		if (json_array_append_new(into, charge_json(row, source->conf->privacy_delta))) {
			tacit_db_reset(row);
			return -ENOMEM;
		}
	return r;
}

/* Rounds this host stayed out of; the reason of the newest is kept. */
static int list_refusals(const struct tacit_report_source *source, json_t *into)
{
	struct tacit_db *db = tacit_store_db(source->store);
	struct sqlite3_stmt *row = tacit_db_query(
		db,
		"SELECT round, at_ms FROM round WHERE state = 'refused' AND NOT EXISTS"
		" (SELECT 1 FROM ledger WHERE ledger.aggregator = round.aggregator"
		" AND ledger.round = round.round) ORDER BY at_ms DESC, round DESC LIMIT ?",
		"i", (int64_t)TACIT_REPORT_ROUNDS_MAX);
	int r;

	while ((r = tacit_db_step(db, row)) > 0) {
		json_t *refusal =
			json_pack("{s:I, s:o}", "round", (json_int_t)tacit_db_column_int(row, 0),
				  "at", tacit_report_time(tacit_db_column_int(row, 1)));

		if (json_array_append_new(into, refusal)) {
			tacit_db_reset(row);
			return -ENOMEM;
		}
	}
	return r;
}

/* Charges of rounds whose noise was shared. */
struct shared {
	uint64_t rounds;
	uint32_t hosts; /* the fewest that shared it */
	double rho;
};

static int read_shared(const struct tacit_report_source *source, struct shared *ret)
{
	struct tacit_db *db = tacit_store_db(source->store);
	struct sqlite3_stmt *row = tacit_db_query(db,
						  "SELECT count(*), min(hosts), total(rho)"
						  " FROM ledger WHERE mode = 'distributed'",
						  "");
	int r = tacit_db_step(db, row);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (struct shared){ .rounds = (uint64_t)tacit_db_column_int(row, 0),
				.hosts = (uint32_t)tacit_db_column_int(row, 1),
				.rho = tacit_db_column_double(row, 2) };
	tacit_db_reset(row);
	return 0;
}

/* What a release has of one update's noise: of local rounds as many times as it has updates, of
 * distributed ones once. */
static double released_rho(const struct tacit_ledger_totals *totals, const struct shared *shared,
			   uint32_t cohort)
{
	if (!isfinite(totals->rho))
		return totals->rho;
	return fmax(totals->rho - shared->rho, 0) / cohort + shared->rho;
}

static void put_words_against_aggregator(char words[WORDS_MAX],
					 const struct tacit_ledger_totals *totals,
					 const struct shared *shared, double delta)
{
	int n;

	if (shared->rounds == 0)
		n = snprintf(words, WORDS_MAX,
			     "Each update carried all of its own noise when it left, so this holds "
			     "even if the aggregator and every other host pool what they know");
	else
		n = snprintf(words, WORDS_MAX,
			     "In %llu of %llu rounds the noise was shared, by %u honest hosts or "
			     "more, and the aggregator saw only the sum: this holds as long as no "
			     "more hosts conspire with it than those rounds withstand. In all "
			     "others each update carried all of its own noise",
			     (unsigned long long)shared->rounds, (unsigned long long)totals->rounds,
			     shared->hosts);
	(void)snprintf(words + n, WORDS_MAX - (size_t)n,
		       ": whether this host took part at all changes the odds of anything they can "
		       "see by at most a factor of e^%.2f, but for a chance of %.0e.",
		       totals->epsilon, delta);
}

/* Two figures that are never mixed: who sees single updates, and who sees releases only. */
static json_t *guarantees(const struct tacit_report_source *source,
			  const struct tacit_ledger_totals *totals, const struct shared *shared)
{
	double delta = source->conf->privacy_delta;
	uint32_t cohort = source->conf->privacy_min_cohort;
	double released = tacit_zcdp_epsilon(released_rho(totals, shared, cohort), delta);
	char aggregator[WORDS_MAX], model[WORDS_MAX];

	put_words_against_aggregator(aggregator, totals, shared, delta);
	(void)snprintf(model, sizeof(model),
		       "Whoever sees only the published models sees sums of at least %u update%s, "
		       "%s. If those hosts added theirs, the factor is at "
		       "most e^%.2f, but for a chance of %.0e.",
		       cohort, cohort == 1 ? "" : "s",
		       shared->rounds ? "each with noise of its own or its share of the sum's"
				      : "each with noise of its own",
		       released, delta);
	return json_pack("[{s:s, s:o, s:f, s:s}, {s:s, s:o, s:f, s:s}]", "against",
			 "the aggregator", "epsilon", tacit_report_real(totals->epsilon), "delta",
			 delta, "meaning", aggregator, "against", "readers of the released models",
			 "epsilon", tacit_report_real(released), "delta", delta, "meaning", model);
}

static json_t *floors(const struct tacit_agent_conf *conf)
{
	return json_pack("{s:f, s:f, s:f, s:I, s:f, s:s}", "max_epsilon", conf->privacy_max_epsilon,
			 "delta", conf->privacy_delta, "min_noise_multiplier",
			 conf->privacy_min_noise_multiplier, "min_cohort",
			 (json_int_t)conf->privacy_min_cohort, "min_corrupt",
			 conf->privacy_min_corrupt, "server",
			 conf->privacy_server ? "semi-malicious" : "semi-honest");
}

static int put_refusals(const struct tacit_report_source *source, json_t *into)
{
	TACIT_AUTO_FREE char *why = NULL;
	json_auto_t *refused = json_array();
	int r = refused ? list_refusals(source, refused) : -ENOMEM;

	if (r == 0)
		r = tacit_report_set(into, "refused_rounds", json_incref(refused));
	if (r < 0)
		return r;
	r = tacit_store_get_text(source->store, TACIT_LEDGER_META_REFUSED, &why);
	if (r < 0 && r != -ENOENT)
		return r;
	return tacit_report_set(into, "last_refusal", why ? tacit_report_text(why) : json_null());
}

int tacit_report_privacy(const struct tacit_report_source *source, json_t **ret)
{
	json_auto_t *document = tacit_report_begin(source);
	json_auto_t *charges = json_array();
	json_auto_t *budget = NULL;
	struct tacit_ledger_totals totals;
	struct shared shared;
	int r = document && charges ? read_totals(source, &totals) : -ENOMEM;

	if (r == 0)
		r = read_shared(source, &shared);
	if (r == 0)
		r = tacit_report_budget(source, &budget);
	if (r == 0)
		r = json_object_update(document, budget) == 0 ? 0 : -ENOMEM;
	if (r == 0)
		r = tacit_report_set(document, "floors", floors(source->conf));
	if (r == 0)
		r = tacit_report_set(document, "guarantees", guarantees(source, &totals, &shared));
	if (r == 0)
		r = list_charges(source, charges);
	if (r == 0)
		r = tacit_report_set(document, "charges", json_incref(charges));
	if (r == 0)
		r = put_refusals(source, document);
	if (r == 0)
		*ret = json_incref(document);
	return r;
}
