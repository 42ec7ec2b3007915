/* SPDX-License-Identifier: MIT */
/* Rounds that evaluate, from opening to what is told of them. */
#include "aggregator/fairness.h"

#include <math.h>

#include <tacit/protect.h>

#include "aggregator/release.h"

#include "crowd.h"
#include "unit.h"

static void label(struct fleet *fleet, int64_t host, const char *site)
{
	FLEET_MUST(tacit_db_run(fleet->db,
				"UPDATE host SET labels = json_object('site', ?) WHERE number = ?",
				"ti", site, host));
}

static struct tacit_task grouped_task(double fairness)
{
	struct tacit_task task = fleet_task();

	task.noise_multiplier = 0;
	task.evaluate_every = 1;
	task.fairness = fairness;
	(void)snprintf(task.group, sizeof(task.group), "site");
	return task;
}

/* A round of updates that are all the same, so that there is a release. */
static void release_something(struct fleet *fleet)
{
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	struct tacit_round round = fleet_round(fleet);

	CU_ASSERT_EQUAL(round.doc.purpose, TACIT_PURPOSE_LEARN);
	FLEET_MUST(tacit_partial_new(fleet->db, 0, &partial));
	for (unsigned i = 0; i < 2; i++) {
		BODY body = body_ramp(&round.doc, 1);

		CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(fleet), round.doc.round, &body), 1);
	}
	CU_ASSERT_EQUAL(tacit_round_close(fleet->db, fleet->ca, round.doc.round, FLEET_NOW + 1),
			TACIT_ROUND_RELEASED);
}

/* What a host that is told @doc says. */
static void say(struct fleet *fleet, struct tacit_partial *partial,
		const struct tacit_round_doc *doc, int64_t host, double loss)
{
	const struct tacit_protect_params params = { .clip_norm = doc->clip_norm };
	const struct tacit_evaluation found = { .has_alarms = true,
						.alarms = 1.5,
						.has_help = true,
						.help = TACIT_EVALUATION_BETTER,
						.has_loss = true,
						.loss = loss };
	TACIT_AUTO_FREE double *value = TACIT_NEW_N(double, doc->dimensions);
	TACIT_AUTO_FREE uint32_t *safe = TACIT_NEW_N(uint32_t, doc->dimensions);

	tacit_evaluation_encode(&found, doc->slot, doc->clip_norm, value);
	FLEET_MUST(tacit_protect(&params, value, doc->dimensions, fleet->random, safe));
	{
		BODY body = body_of(doc, safe);

		CU_ASSERT_EQUAL(fleet_send(partial, host, doc->round, &body), 1);
	}
}

/* @n hosts of a site; @loss below 0: they are silent. */
static void say_all(struct fleet *fleet, const struct tacit_round *round, const char *site,
		    unsigned n, double loss)
{
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	struct sqlite3_stmt *query;
	int64_t host[64];
	unsigned found = 0;

	FLEET_MUST(tacit_partial_new(fleet->db, 0, &partial));
	query = tacit_db_query(fleet->db,
			       "SELECT number FROM host WHERE json_extract(labels, '$.site') = ?",
			       "t", site);
	while (tacit_db_step(fleet->db, query) > 0 && found < n)
		host[found++] = tacit_db_column_int(query, 0);
	tacit_db_reset(query);
	CU_ASSERT_EQUAL_FATAL(found, n);
	for (unsigned i = 0; i < n; i++) {
		struct tacit_round_doc doc = round->doc;

		FLEET_MUST(tacit_groups_tell(fleet->db, host[i], &doc));
		say(fleet, partial, &doc, host[i], loss);
	}
}

static void populate(struct fleet *fleet, const char *site, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		label(fleet, fleet_host(fleet), site);
}

static json_t *show(struct fleet *fleet)
{
	json_t *document = NULL;

	FLEET_MUST(tacit_fairness_show(fleet->db, &document));
	return document;
}

static const json_t *group_of(const json_t *document, const char *name)
{
	json_t *group;
	size_t i;

	json_array_foreach (json_object_get(document, "groups"), i, group)
		if (strcmp(json_string_value(json_object_get(group, "group")), name) == 0)
			return group;
	return NULL;
}

static double number(const json_t *group, const char *quantity)
{
	const json_t *figure = json_object_get(group, quantity);
	const json_t *value = json_object_get(figure, "value");

	return json_is_number(figure) ? json_number_value(figure)
	       : json_is_real(value)  ? json_real_value(value)
				      : NAN;
}

static void test_whom_a_round_tells_apart(void)
{
	FLEET(fleet);
	struct tacit_groups groups;
	char name[8];

	populate(&fleet, "lab", 3);
	populate(&fleet, "vault", 2);
	(void)fleet_host(&fleet); /* without a label */
	FLEET_MUST(tacit_groups_find(fleet.db, "site", &groups));
	CU_ASSERT_EQUAL(groups.n, 3);
	CU_ASSERT_STRING_EQUAL(groups.group[0].value, "lab");
	CU_ASSERT_STRING_EQUAL(groups.group[1].value, "vault");
	CU_ASSERT_STRING_EQUAL(groups.group[2].value, "");
	FLEET_MUST(tacit_groups_find(fleet.db, "", &groups));
	CU_ASSERT_EQUAL(groups.n, 1);
	FLEET_MUST(tacit_groups_find(fleet.db, "no.such-label", &groups));
	CU_ASSERT_EQUAL(groups.n, 1);
	for (unsigned i = 0; i < 30; i++) { /* more than there are slots: the largest stay */
		(void)snprintf(name, sizeof(name), "s%02u", i);
		populate(&fleet, name, 1);
	}
	FLEET_MUST(tacit_groups_find(fleet.db, "site", &groups));
	CU_ASSERT_EQUAL(groups.n, TACIT_EVALUATION_SLOTS_MAX);
	CU_ASSERT_STRING_EQUAL(groups.group[0].value, "lab");
	CU_ASSERT_STRING_EQUAL(groups.group[TACIT_EVALUATION_SLOTS_MAX - 1].value, "");
	FLEET_MUST(tacit_db_run(fleet.db, "UPDATE host SET revoked_ms = 1", ""));
	FLEET_MUST(tacit_groups_find(fleet.db, "site", &groups));
	CU_ASSERT_EQUAL(groups.n, 1);
}

static void test_when_a_round_evaluates(void)
{
	FLEET(fleet);
	struct tacit_task task = grouped_task(0);
	struct tacit_round round;
	uint64_t number_of;

	task.evaluate_every = 2;
	FLEET_MUST(fleet_set_task(&fleet, &task));
	CU_ASSERT_EQUAL(tacit_round_open_evaluation(fleet.db, fleet.ca, FLEET_NOW, &number_of),
			TACIT_ESTALE); /* there is nothing to evaluate */
	release_something(&fleet);
	release_something(&fleet);
	round = fleet_round(&fleet);
	CU_ASSERT_EQUAL(round.doc.purpose, TACIT_PURPOSE_EVALUATE);
	CU_ASSERT_EQUAL(round.doc.dimensions, TACIT_EVALUATION_LEN); /* no labels yet */
	CU_ASSERT_EQUAL(round.doc.model_version, 2);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 1),
			TACIT_ROUND_ABANDONED); /* nobody came: learning goes on */
	release_something(&fleet);
	FLEET_MUST(tacit_round_open_evaluation(fleet.db, fleet.ca, FLEET_NOW, &number_of));
	FLEET_MUST(tacit_round_get_current(fleet.db, &round));
	CU_ASSERT_EQUAL(round.doc.purpose, TACIT_PURPOSE_EVALUATE);
	task.evaluate_every = 0;
	FLEET_MUST(fleet_set_task(&fleet, &task));
	for (int i = 0; i < 4; i++)
		release_something(&fleet);
}

static void test_what_is_told(void)
{
	FLEET(fleet);
	struct tacit_task task = grouped_task(0);
	struct tacit_round round;
	TACIT_CLEANUP(json_decrefp) json_t *before = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *after = NULL;
	const json_t *lab, *vault;
	uint64_t version = 0;

	FLEET_MUST(fleet_set_task(&fleet, &task));
	populate(&fleet, "lab", 30);
	populate(&fleet, "vault", 8);
	release_something(&fleet);
	before = show(&fleet);
	CU_ASSERT(json_is_null(json_object_get(before, "evaluation")));
	CU_ASSERT_EQUAL(number(group_of(before, "lab"), "enrolled"), 30);
	round = fleet_round(&fleet);
	CU_ASSERT_EQUAL(round.doc.dimensions, 3 * TACIT_EVALUATION_LEN);
	say_all(&fleet, &round, "lab", 20, 1);
	say_all(&fleet, &round, "vault", 8, 3);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 1),
			TACIT_ROUND_EVALUATED);
	FLEET_MUST(tacit_release_newest(fleet.db, &version, NULL));
	CU_ASSERT_EQUAL(version, 1); /* nothing is released of it */
	after = show(&fleet);
	lab = group_of(after, "lab");
	vault = group_of(after, "vault");
	CU_ASSERT_DOUBLE_EQUAL(number(lab, "hosts"), 20, .01);
	CU_ASSERT_DOUBLE_EQUAL(number(vault, "hosts"), 8, .01);
	CU_ASSERT_DOUBLE_EQUAL(number(lab, "loss"), 1, .01);
	CU_ASSERT_DOUBLE_EQUAL(number(vault, "loss"), 3, .01);
	CU_ASSERT_DOUBLE_EQUAL(number(lab, "alarms_median"), 1.5, .01);
	CU_ASSERT(isnan(number(vault, "alarms_worst_decile"))); /* of eight hosts */
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_object_get(vault, "alarms_worst_decile"), "reason")),
			       "too few hosts");
	CU_ASSERT(isnan(number(lab, "score_median"))); /* nobody knew it */
	CU_ASSERT_DOUBLE_EQUAL(number(json_object_get(after, "gap"), "loss"), 2, .02);
	/* Two in three of the lab took part, and half of the hosts in one of two rounds. */
	CU_ASSERT_DOUBLE_EQUAL(number(json_object_get(lab, "participation"), "jain"), 20. / 30,
			       1e-9);
	CU_ASSERT_DOUBLE_EQUAL(number(json_object_get(vault, "participation"), "jain"), 1, 1e-9);
	CU_ASSERT_EQUAL(number(lab, "weight"), 1);
}

static void test_weights_of_the_next_rounds(void)
{
	FLEET(fleet);
	struct tacit_task task = grouped_task(2);
	struct tacit_round_doc doc;
	struct tacit_round round;
	struct tacit_groups groups;
	int64_t stranger;

	FLEET_MUST(fleet_set_task(&fleet, &task));
	populate(&fleet, "lab", 6);
	populate(&fleet, "vault", 4);
	release_something(&fleet);
	round = fleet_round(&fleet);
	say_all(&fleet, &round, "lab", 6, 0.5);
	say_all(&fleet, &round, "vault", 4, 3);
	FLEET_MUST(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 1));
	populate(&fleet, "new", 1);
	stranger = fleet_host(&fleet);
	round = fleet_round(&fleet);
	CU_ASSERT_EQUAL(round.doc.purpose, TACIT_PURPOSE_LEARN);
	FLEET_MUST(tacit_groups_get(fleet.db, round.doc.round, &groups));
	CU_ASSERT_EQUAL(groups.n, 4);
	for (uint32_t i = 0; i < groups.n; i++)
		CU_ASSERT(groups.group[i].weight >= TACIT_EVALUATION_WEIGHT_MIN &&
			  groups.group[i].weight <= 1);
	CU_ASSERT_DOUBLE_EQUAL(groups.group[0].weight, .5, .01); /* half of the way to 1/4 */
	CU_ASSERT_EQUAL(groups.group[1].weight, 1);
	for (int64_t host = 1; host <= 4; host++) {
		doc = round.doc;
		FLEET_MUST(tacit_groups_tell(fleet.db, host, &doc));
		CU_ASSERT_DOUBLE_EQUAL(doc.weight, .5, .01); /* of the lab */
		CU_ASSERT_EQUAL(doc.slots, 0);
	}
	doc = round.doc;
	FLEET_MUST(tacit_groups_tell(fleet.db, stranger, &doc));
	CU_ASSERT(doc.weight > .5); /* as all others: no loss was told of them */
	/* Fairness off again: nobody is weighed. */
	task.fairness = 0;
	FLEET_MUST(fleet_set_task(&fleet, &task));
	round = fleet_round(&fleet);
	doc = round.doc;
	FLEET_MUST(tacit_groups_tell(fleet.db, 1, &doc));
	CU_ASSERT_EQUAL(doc.weight, 0);
}

static void test_a_secure_sum_evaluates(void)
{
	CROWD(crowd, 16);
	struct tacit_fairness found;
	uint64_t round;

	crowd->task.evaluate_every = 1;
	(void)snprintf(crowd->task.group, sizeof(crowd->task.group), "site");
	for (size_t i = 0; i < crowd->n; i++)
		label(&crowd->fleet, crowd->host[i].host.number, i % 4 ? "lab" : "vault");
	crowd_begin(crowd);
	crowd_run(crowd);
	CU_ASSERT_EQUAL(crowd->round.state, TACIT_ROUND_RELEASED);
	crowd_begin(crowd);
	CU_ASSERT_EQUAL_FATAL(crowd->round.doc.purpose, TACIT_PURPOSE_EVALUATE);
	CU_ASSERT_EQUAL(crowd->round.doc.mode, TACIT_MODE_DISTRIBUTED);
	for (size_t i = 0; i < crowd->n; i++) {
		const struct tacit_protect_params params = { .clip_norm = crowd->task.clip_norm };
		const struct tacit_evaluation evaluation = { .has_loss = true,
							     .loss = i % 4 ? 1 : 2 };
		struct tacit_round_doc doc = crowd->round.doc;
		double value[3 * TACIT_EVALUATION_LEN] = { 0 };

		FLEET_MUST(tacit_groups_tell(crowd->fleet.db, crowd->host[i].host.number, &doc));
		CU_ASSERT_EQUAL_FATAL(doc.slots, 3);
		tacit_evaluation_encode(&evaluation, doc.slot, params.clip_norm, value);
		FLEET_MUST(tacit_protect(&params, value, doc.dimensions, crowd->random,
					 crowd->host[i].value));
	}
	crowd_run(crowd);
	CU_ASSERT_EQUAL(crowd->round.state, TACIT_ROUND_EVALUATED);
	FLEET_MUST(tacit_fairness_get(crowd->fleet.db, &found));
	CU_ASSERT_EQUAL(found.updates, 16);
	CU_ASSERT_DOUBLE_EQUAL(found.figures[0].hosts, 12, .01);
	CU_ASSERT_DOUBLE_EQUAL(found.figures[0].figure[TACIT_EVALUATION_LOSS].value, 1, .01);
	CU_ASSERT_DOUBLE_EQUAL(found.figures[1].figure[TACIT_EVALUATION_LOSS].value, 2, .01);
	CU_ASSERT_EQUAL(fleet_int(&crowd->fleet, "SELECT min(rounds) FROM host"), 2);
	FLEET_MUST(tacit_round_open(crowd->fleet.db, crowd->fleet.ca, FLEET_NOW, &round));
}

static void test_damage(void)
{
	FLEET(fleet);
	struct tacit_task task = grouped_task(1);
	struct tacit_fairness found;
	struct tacit_round round;
	json_t *document = NULL;

	CU_ASSERT_EQUAL(tacit_fairness_get(fleet.db, &found), -ENOENT);
	FLEET_MUST(fleet_set_task(&fleet, &task));
	populate(&fleet, "lab", 4);
	release_something(&fleet);
	round = fleet_round(&fleet);
	say_all(&fleet, &round, "lab", 4, 1);
	FLEET_MUST(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 1));
	FLEET_MUST(tacit_fairness_get(fleet.db, &found));
	FLEET_MUST(tacit_db_run(fleet.db, "UPDATE evaluation SET sum = x'00'", ""));
	CU_ASSERT_EQUAL(tacit_fairness_get(fleet.db, &found), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(tacit_fairness_show(fleet.db, &document), TACIT_EDAMAGED);
}

static void test_jain(void)
{
	CU_ASSERT_EQUAL(tacit_fairness_jain(4, 4, 4), 1);   /* all alike */
	CU_ASSERT_EQUAL(tacit_fairness_jain(1, 1, 4), .25); /* one alone */
	CU_ASSERT_EQUAL(tacit_fairness_jain(0, 0, 4), 1);
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	struct tacit_task task = grouped_task(1);
	struct tacit_round round;
	unsigned failed = 0;
	int r = -ENOMEM;

	FLEET_MUST(fleet_set_task(&fleet, &task));
	populate(&fleet, "lab", 4);
	release_something(&fleet);
	round = fleet_round(&fleet);
	say_all(&fleet, &round, "lab", 4, 1);
	for (; r == -ENOMEM && failed < 200; failed++) {
		unit_fail_alloc((int)failed);
		r = tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 1);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, TACIT_ROUND_EVALUATED);
	CU_ASSERT(failed > 3);
	for (int nth = 0; nth < 3; nth++) {
		json_t *document = NULL;

		unit_fail_alloc(nth);
		r = tacit_fairness_show(fleet.db, &document);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (document != NULL));
		json_decref(document);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "whom a round tells apart", test_whom_a_round_tells_apart },
		{ "when a round evaluates", test_when_a_round_evaluates },
		{ "what is told", test_what_is_told },
		{ "weights of the next rounds", test_weights_of_the_next_rounds },
		{ "a secure sum evaluates", test_a_secure_sum_evaluates },
		{ "damage", test_damage },
		{ "Jain's index", test_jain },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("fairness", cases);
}
