/* SPDX-License-Identifier: MIT */
#include "aggregator/round.h"

#include <math.h>

#include <tacit/accountant.h>
#include <tacit/protect.h>

#include "aggregator/hosts.h"
#include "aggregator/release.h"

#include "fleet.h"
#include "unit.h"

/* A fleet whose rounds two hosts can serve, without noise. */
static struct fleet quiet_fleet(void)
{
	struct fleet fleet = fleet_new();
	struct tacit_task task = fleet_task();

	task.noise_multiplier = 0;
	FLEET_MUST(fleet_set_task(&fleet, &task));
	return fleet;
}

#define QUIET_FLEET(name) TACIT_CLEANUP(fleet_done) struct fleet name = quiet_fleet()

/* @n hosts of which host i sends a ramp that begins at @base + i, through @partial. */
static void send(struct fleet *fleet, struct tacit_partial *partial,
		 const struct tacit_round *round, unsigned n, uint32_t base)
{
	for (unsigned i = 0; i < n; i++) {
		BODY body = body_ramp(&round->doc, base + i);

		CU_ASSERT_EQUAL(fleet_send(partial, fleet_host(fleet), round->doc.round, &body), 1);
	}
}

static void send_by(struct fleet *fleet, uint32_t worker, const struct tacit_round *round,
		    unsigned n, uint32_t base)
{
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;

	FLEET_MUST(tacit_partial_new(fleet->db, worker, &partial));
	send(fleet, partial, round, n, base);
}

static void test_what_a_round_is_opened_for(void)
{
	FLEET(fleet);
	struct tacit_task task = fleet_task();
	struct tacit_task_version stored;
	struct tacit_round round, same;
	uint64_t number;

	CU_ASSERT_EQUAL(tacit_round_get_current(fleet.db, &round), -ENOENT);
	CU_ASSERT_EQUAL(tacit_round_get_newest(fleet.db, &round), -ENOENT);
	CU_ASSERT_EQUAL(fleet_set_task(&fleet, &task), 0);
	CU_ASSERT_EQUAL(tacit_round_open(fleet.db, fleet.ca, FLEET_NOW, &number), 0);
	CU_ASSERT_EQUAL(tacit_round_open(fleet.db, fleet.ca, FLEET_NOW, &number), -EBUSY);
	CU_ASSERT_EQUAL_FATAL(tacit_round_get_current(fleet.db, &round), 0);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 0, &stored), 0);
	CU_ASSERT_EQUAL(round.doc.round, number);
	CU_ASSERT_EQUAL(round.state, TACIT_ROUND_COLLECTING);
	CU_ASSERT_EQUAL(memcmp(round.doc.task, stored.digest, sizeof(stored.digest)), 0);
	CU_ASSERT_EQUAL(round.doc.model_version, 0);
	CU_ASSERT_EQUAL(round.doc.min_cohort, 2);
	CU_ASSERT_EQUAL(round.opened_ms, FLEET_NOW);
	CU_ASSERT_EQUAL(round.collect_ms, 20000);
	CU_ASSERT_EQUAL(tacit_round_get(fleet.db, number, &same), 0);
	CU_ASSERT_EQUAL(same.doc.dimensions, round.doc.dimensions);
	CU_ASSERT_EQUAL(tacit_round_get(fleet.db, number + 1, &same), -ENOENT);
}

static void test_too_few_updates_are_never_released(void)
{
	FLEET(fleet);
	struct tacit_task task = fleet_task();
	struct tacit_round round;
	uint64_t version;

	CU_ASSERT_EQUAL(fleet_set_task(&fleet, &task), 0);
	round = fleet_round(&fleet);
	send_by(&fleet, 0, &round, 1, 5);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 9),
			TACIT_ROUND_ABANDONED);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 9),
			TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_release_newest(fleet.db, &version, NULL), 0);
	CU_ASSERT_EQUAL(version, 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM partial"), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT updates FROM round"), 1);
	/* it was sent all the same */
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT rho = 0.125 AND rounds = 1 FROM host"), 1);
}

/* What absorbing the true sum would give. */
static struct tacit_fleet *expected(struct fleet *fleet, const struct tacit_round *round,
				    unsigned updates, uint32_t total_base)
{
	TACIT_AUTO_FREE double *value = TACIT_NEW_N(double, round->doc.dimensions);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *reference = NULL;
	const struct tacit_sum sum = { .value = value, .updates = updates };
	struct tacit_task_version task;
	struct tacit_fleet *next = NULL;

	for (uint32_t i = 0; i < round->doc.dimensions; i++)
		value[i] = (double)(total_base + updates * i) * round->doc.clip_norm / 65536;
	FLEET_MUST(tacit_tasks_get(fleet->db, 0, &task));
	FLEET_MUST(tacit_release_reference(fleet->db, &task.task, 0, &reference));
	FLEET_MUST(tacit_fleet_absorb(reference, &sum, &next));
	return next;
}

static void test_a_release_is_the_sum_of_all_workers(void)
{
	QUIET_FLEET(fleet);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *released = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *wanted = NULL;
	struct tacit_round round = fleet_round(&fleet);
	struct tacit_task_version task;
	size_t len;

	send_by(&fleet, 0, &round, 3, 100); /* 100 101 102 */
	send_by(&fleet, 1, &round, 2, 200); /* 200 201 */
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 9),
			TACIT_ROUND_RELEASED);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 0, &task), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_release_reference(fleet.db, &task.task, 1, &released), 0);
	wanted = expected(&fleet, &round, 5, 704);
	len = tacit_fleet_kind(wanted)->block_len(tacit_feature_space());
	CU_ASSERT_EQUAL(memcmp(tacit_fleet_block(released, 0), tacit_fleet_block(wanted, 0),
			       len * sizeof(float)),
			0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM partial"), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT updates = 5 AND release = 1 FROM round"), 1);
}

static void test_the_next_round_refers_to_the_release(void)
{
	QUIET_FLEET(fleet);
	struct tacit_round round = fleet_round(&fleet);
	uint8_t sha256[TACIT_DIGEST_LEN];
	uint64_t version;

	send_by(&fleet, 0, &round, 2, 100);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW + 9),
			TACIT_ROUND_RELEASED);
	CU_ASSERT_EQUAL(tacit_release_newest(fleet.db, &version, sha256), 0);
	round = fleet_round(&fleet);
	CU_ASSERT_EQUAL(round.doc.round, 2);
	CU_ASSERT_EQUAL(round.doc.model_version, 1);
	CU_ASSERT_EQUAL(memcmp(round.doc.model, sha256, sizeof(sha256)), 0);
}

static void test_a_close_that_fails_changes_nothing(void)
{
	QUIET_FLEET(fleet);
	struct tacit_round round = fleet_round(&fleet);
	uint64_t updates;

	send_by(&fleet, 0, &round, 2, 100);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "PRAGMA query_only = ON", ""), 0);
	CU_ASSERT(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW) < 0);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "PRAGMA query_only = OFF", ""), 0);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "UPDATE partial SET sum = x'0102'", ""), 0);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW),
			TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(tacit_round_updates(fleet.db, round.doc.round, &updates), 0);
	CU_ASSERT_EQUAL(updates, 2);
	CU_ASSERT_EQUAL(tacit_round_get_current(fleet.db, &round), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT sum(rounds) FROM host"), 0);
}

static void test_the_largest_cohort(void)
{
	uint32_t n;

	CU_ASSERT_EQUAL(tacit_round_cohort_limit(0), 32000);
	for (double z = 0.3; z <= 1000; z *= 1.7) {
		n = tacit_round_cohort_limit(z);
		CU_ASSERT(n + 8 * z * sqrt(n) <= 32001);
		CU_ASSERT(n + 1 + 8 * z * sqrt(n + 1) >= 31999);
	}
}

static void test_how_many_a_round_takes(void)
{
	static const struct {
		uint32_t max_cohort, takes;
	} rounds[] = { { 0, 32000 }, { 7, 7 }, { 999999, 32000 } };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rounds); i++) {
		FLEET(fleet);
		struct tacit_task task = fleet_task();

		task.noise_multiplier = 0;
		task.max_cohort = rounds[i].max_cohort;
		CU_ASSERT_EQUAL(fleet_set_task(&fleet, &task), 0);
		CU_ASSERT_EQUAL(fleet_round(&fleet).max_updates, rounds[i].takes);
	}
}

static double figure(const json_t *document, const char *group, const char *name)
{
	const json_t *object = group ? json_object_get(document, group) : document;
	const json_t *value = json_object_get(object, name);

	return json_is_number(value) ? json_number_value(value) : -1;
}

static void test_list_and_show(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *list = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *open = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *shown = NULL;
	struct tacit_task task = fleet_task();
	struct tacit_round round;
	double rho = 1 / (2 * task.noise_multiplier * task.noise_multiplier);

	CU_ASSERT_EQUAL(fleet_set_task(&fleet, &task), 0);
	round = fleet_round(&fleet);
	send_by(&fleet, 0, &round, 1, 0);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, 1, FLEET_NOW + 1000), 2);
	round = fleet_round(&fleet);
	send_by(&fleet, 0, &round, 3, 0);
	CU_ASSERT_EQUAL(tacit_round_show(fleet.db, 2, &open), 0);
	CU_ASSERT_EQUAL(figure(open, NULL, "updates"), 3); /* while it collects, too */
	CU_ASSERT(json_is_null(json_object_get(open, "signal_to_noise")));
	CU_ASSERT_EQUAL(figure(open, "privacy", "epsilon_release"), -1);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, 2, FLEET_NOW + 1000), 1);

	CU_ASSERT_EQUAL(tacit_round_list(fleet.db, 10, &list), 0);
	CU_ASSERT_EQUAL(json_array_size(list), 2);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json_array_get(list, 1), "reason")),
		"too few updates");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(list, 0), "state")),
			       "released");
	CU_ASSERT_EQUAL(tacit_round_show(fleet.db, 2, &shown), 0);
	CU_ASSERT_DOUBLE_EQUAL(figure(shown, "privacy", "epsilon_aggregator"),
			       tacit_zcdp_epsilon(rho, TACIT_ROUND_DELTA), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(figure(shown, "privacy", "epsilon_release"),
			       tacit_zcdp_epsilon(rho / 3, TACIT_ROUND_DELTA), 1e-12);
	CU_ASSERT(figure(shown, NULL, "noise_sd") > 0);
	CU_ASSERT_EQUAL(tacit_round_show(fleet.db, 3, &shown), -ENOENT);
}

static void test_what_was_spent(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *before = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *during = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *after = NULL;
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	struct tacit_task task = fleet_task();
	double rho = 1 / (2 * task.noise_multiplier * task.noise_multiplier);
	int64_t host[3];

	CU_ASSERT_EQUAL(fleet_set_task(&fleet, &task), 0);
	FLEET_MUST(tacit_partial_new(fleet.db, 0, &partial));
	for (size_t i = 0; i < 3; i++)
		host[i] = fleet_host(&fleet);
	CU_ASSERT_EQUAL(tacit_round_privacy(fleet.db, &before), 0);
	CU_ASSERT_EQUAL(figure(before, "against_aggregator", "worst_host"), 0);
	CU_ASSERT_EQUAL(figure(before, "against_aggregator", "hosts"), 0);
	for (unsigned n = 2; n <= 3; n++) { /* two hosts, then all three */
		struct tacit_round round = fleet_round(&fleet);

		for (unsigned i = 0; i < n; i++) {
			BODY body = body_ramp(&round.doc, i);

			CU_ASSERT_EQUAL(fleet_send(partial, host[i], round.doc.round, &body), 1);
		}
		if (n == 3) /* an update is spent when it is in, not when the round ends */
			CU_ASSERT_EQUAL(tacit_round_privacy(fleet.db, &during), 0);
		CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW),
				TACIT_ROUND_RELEASED);
	}
	CU_ASSERT_EQUAL(tacit_round_privacy(fleet.db, &after), 0);
	CU_ASSERT_DOUBLE_EQUAL(figure(after, "against_aggregator", "worst_host"),
			       tacit_zcdp_epsilon(2 * rho, TACIT_ROUND_DELTA), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(figure(during, "against_aggregator", "worst_host"),
			       tacit_zcdp_epsilon(2 * rho, TACIT_ROUND_DELTA), 1e-12);
	CU_ASSERT_EQUAL(figure(during, "against_aggregator", "hosts"), 3);
	CU_ASSERT_DOUBLE_EQUAL(figure(after, "released_models", "all_rounds"),
			       tacit_zcdp_epsilon(rho / 2 + rho / 3, TACIT_ROUND_DELTA), 1e-12);
	CU_ASSERT_EQUAL(figure(after, "rounds", "released"), 2);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT rounds FROM host WHERE number = 3"), 1);
}

static void test_no_noise_is_no_privacy(void)
{
	QUIET_FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *summary = NULL;
	TACIT_CLEANUP(json_decrefp) json_t *hosts = NULL;
	struct tacit_round round = fleet_round(&fleet);
	const json_t *against;

	send_by(&fleet, 0, &round, 2, 0);
	CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, 1, FLEET_NOW), TACIT_ROUND_RELEASED);
	CU_ASSERT_EQUAL(tacit_round_privacy(fleet.db, &summary), 0);
	against = json_object_get(summary, "against_aggregator");
	CU_ASSERT(json_is_null(json_object_get(against, "next_round")));
	CU_ASSERT(json_is_null(json_object_get(against, "worst_host")));
	CU_ASSERT_EQUAL(tacit_hosts_list(fleet.db, &hosts), 0);
	CU_ASSERT(json_is_null(json_object_get(json_array_get(hosts, 0), "epsilon")));
}

static void test_old_participations_go(void)
{
	QUIET_FLEET(fleet);
	TACIT_CLEANUP(tacit_partial_free_p) struct tacit_partial *partial = NULL;
	int64_t host = fleet_host(&fleet);

	FLEET_MUST(tacit_partial_new(fleet.db, 0, &partial));
	for (uint64_t i = 0; i < TACIT_ROUND_KEEP + 3; i++) {
		struct tacit_round round = fleet_round(&fleet);
		BODY body = body_ramp(&round.doc, 0);

		CU_ASSERT_EQUAL(fleet_send(partial, host, round.doc.round, &body), 1);
		CU_ASSERT_EQUAL(tacit_round_close(fleet.db, fleet.ca, round.doc.round, FLEET_NOW),
				TACIT_ROUND_ABANDONED);
	}
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM participation"), TACIT_ROUND_KEEP);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT rounds FROM host"), TACIT_ROUND_KEEP + 3);
}

static void test_every_allocation_may_fail(void)
{
	QUIET_FLEET(fleet);
	struct tacit_round round = fleet_round(&fleet);
	int r = -ENOMEM, nth;

	send_by(&fleet, 0, &round, 2, 0);
	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = tacit_round_close(fleet.db, fleet.ca, 1, FLEET_NOW);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, TACIT_ROUND_RELEASED);
	CU_ASSERT(nth > 5);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT sum(rounds) FROM host"), 2);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "what a round is opened for", test_what_a_round_is_opened_for },
		{ "too few updates are never released", test_too_few_updates_are_never_released },
		{ "a release is the sum of all workers", test_a_release_is_the_sum_of_all_workers },
		{ "the next round refers to the release",
		  test_the_next_round_refers_to_the_release },
		{ "a close that fails changes nothing", test_a_close_that_fails_changes_nothing },
		{ "the largest cohort", test_the_largest_cohort },
		{ "how many a round takes", test_how_many_a_round_takes },
		{ "list and show", test_list_and_show },
		{ "what was spent", test_what_was_spent },
		{ "no noise is no privacy", test_no_noise_is_no_privacy },
		{ "old participations go", test_old_participations_go },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("round", cases);
}
