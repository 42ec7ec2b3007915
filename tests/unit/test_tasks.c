/* SPDX-License-Identifier: MIT */
#include "aggregator/tasks.h"

#include "aggregator/release.h"

#include "fleet.h"
#include "unit.h"

static int set(struct fleet *fleet, const struct tacit_task *task, uint64_t *ret_version, char *why)
{
	TACIT_AUTO_FREE char *text = tacit_task_format(task);

	return tacit_tasks_set(fleet->db, fleet->ca, text, strlen(text), FLEET_NOW, ret_version,
			       why, 128);
}

static void test_the_first_start_has_one(void)
{
	FLEET(fleet);
	struct tacit_task_version task;
	uint8_t schema[TACIT_DIGEST_LEN], digest[TACIT_DIGEST_LEN];
	TACIT_AUTO_FREE char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_tasks_get(fleet.db, 0, &task), 0);
	CU_ASSERT_EQUAL(task.version, 1);
	CU_ASSERT_EQUAL(tacit_feature_schema(schema), 0);
	CU_ASSERT_EQUAL(memcmp(task.task.schema, schema, sizeof(schema)), 0);
	CU_ASSERT_EQUAL(tacit_task_digest(&task.task, digest), 0);
	CU_ASSERT_EQUAL(memcmp(task.digest, digest, sizeof(digest)), 0);
	CU_ASSERT_EQUAL(tacit_tasks_get_text(fleet.db, &text, digest), 0);
	CU_ASSERT_EQUAL(memcmp(task.digest, digest, sizeof(digest)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"gaussian\""));
	/* and the next start leaves it alone */
	CU_ASSERT_EQUAL(tacit_tasks_start(fleet.db, fleet.ca, FLEET_NOW + 1), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM task"), 1);
}

static void test_versions(void)
{
	FLEET(fleet);
	struct tacit_task task = fleet_task();
	struct tacit_task_version found;
	uint64_t version;

	CU_ASSERT_EQUAL(set(&fleet, &task, &version, NULL), 0);
	CU_ASSERT_EQUAL(version, 2);
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, NULL), 0);
	CU_ASSERT_EQUAL(version, 2); /* nothing new */
	task.kappa = 60;
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, NULL), 0);
	CU_ASSERT_EQUAL(version, 3);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 2, &found), 0);
	CU_ASSERT_EQUAL(found.task.kappa, 30);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 0, &found), 0);
	CU_ASSERT_EQUAL(found.version, 3);
	CU_ASSERT_EQUAL(found.task.kappa, 60);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 4, &found), -ENOENT);
}

static void test_what_this_program_cannot_run(void)
{
	FLEET(fleet);
	struct tacit_task task;
	uint64_t version = 99;
	char why[128];

	task = fleet_task();
	task.schema[0] ^= 1;
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, why), TACIT_ESCHEMA);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "schema"));
	task = fleet_task();
	(void)snprintf(task.kind, sizeof(task.kind), "crystalball");
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "kind"));
	task = fleet_task();
	task.min_cohort = 40000;
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "min_cohort"));
	CU_ASSERT_EQUAL(tacit_tasks_set(fleet.db, fleet.ca, "{", 1, 0, &version, why, sizeof(why)),
			-EINVAL);
	CU_ASSERT_EQUAL(tacit_tasks_set(fleet.db, fleet.ca, "{}", 2, 0, &version, NULL, 0),
			TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(version, 99);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM task"), 1);
}

static void test_a_changed_task_ends_the_round(void)
{
	FLEET(fleet);
	struct tacit_task task = fleet_task();
	struct tacit_round round;
	uint64_t version;

	CU_ASSERT_EQUAL(set(&fleet, &task, &version, NULL), 0);
	round = fleet_round(&fleet);
	task.noise_multiplier = 3;
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, NULL), 0);
	CU_ASSERT_EQUAL(tacit_round_get(fleet.db, round.doc.round, &round), 0);
	CU_ASSERT_EQUAL(round.state, TACIT_ROUND_ABANDONED); /* it was for the old task */
	CU_ASSERT_EQUAL(tacit_round_open(fleet.db, fleet.ca, 0, &round.doc.round), 0);
	(void)snprintf(task.class[1], sizeof(task.class[1]), "nginx.service");
	task.n_classes = 2;
	CU_ASSERT_EQUAL(set(&fleet, &task, &version, NULL), 0);
	CU_ASSERT_EQUAL(tacit_round_get(fleet.db, round.doc.round, &round), 0);
	CU_ASSERT_EQUAL(round.state, TACIT_ROUND_ABANDONED);
	CU_ASSERT_EQUAL(tacit_release_newest(fleet.db, &version, NULL), 0);
	CU_ASSERT_EQUAL(version, 0); /* nothing was released, nothing to carry over */
}

static void test_a_new_feature_table(void)
{
	FLEET(fleet);
	struct tacit_task old = fleet_task();
	struct tacit_task_version task;
	TACIT_AUTO_FREE char *text = NULL;
	uint8_t digest[TACIT_DIGEST_LEN];

	/* What an older program left behind. */
	old.schema[5] ^= 0xff;
	text = tacit_task_format(&old);
	CU_ASSERT_EQUAL(tacit_task_digest(&old, digest), 0);
	CU_ASSERT_EQUAL(tacit_db_run(fleet.db,
				     "INSERT INTO task(version, set_ms, digest, document)"
				     " VALUES(2, 0, ?, ?)",
				     "bt", digest, sizeof(digest), text),
			0);
	CU_ASSERT_EQUAL(tacit_tasks_start(fleet.db, fleet.ca, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 0, &task), 0);
	CU_ASSERT_EQUAL(task.version, 3);
	CU_ASSERT_EQUAL(task.task.round_sec, 60); /* the operator's numbers stay */
	old.schema[5] ^= 0xff;
	CU_ASSERT_EQUAL(memcmp(task.task.schema, old.schema, sizeof(old.schema)), 0);
}

static void test_a_spoilt_task_is_damage(void)
{
	FLEET(fleet);
	struct tacit_task_version task;

	CU_ASSERT_EQUAL(tacit_db_run(fleet.db, "UPDATE task SET document = '{}'", ""), 0);
	CU_ASSERT_EQUAL(tacit_tasks_get(fleet.db, 0, &task), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(tacit_tasks_start(fleet.db, fleet.ca, FLEET_NOW), TACIT_EDAMAGED);
}

static void test_show(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *document = NULL;
	const json_t *task;

	CU_ASSERT_EQUAL_FATAL(tacit_tasks_show(fleet.db, &document), 0);
	task = json_object_get(document, "task");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(document, "version")), 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(task, "kind")), "gaussian");
	CU_ASSERT_EQUAL(json_string_length(json_object_get(document, "digest")), 64);
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	struct tacit_task task = fleet_task();
	TACIT_AUTO_FREE char *text = tacit_task_format(&task);
	uint64_t version;
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = tacit_tasks_set(fleet.db, fleet.ca, text, strlen(text), FLEET_NOW, &version,
				    NULL, 0);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(version, 2);
	CU_ASSERT(nth > 3);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the first start has one", test_the_first_start_has_one },
		{ "versions", test_versions },
		{ "what this program cannot run", test_what_this_program_cannot_run },
		{ "a changed task ends the round", test_a_changed_task_ends_the_round },
		{ "a new feature table", test_a_new_feature_table },
		{ "a spoilt task is damage", test_a_spoilt_task_is_damage },
		{ "show", test_show },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("tasks", cases);
}
