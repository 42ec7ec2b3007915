/* SPDX-License-Identifier: MIT */
#include "aggregator/release.h"

#include <math.h>

#include <tacit/fleet.h>

#include "fleet.h"
#include "unit.h"

/* A task of these classes, and a round for it; @round.dimensions follows. */
static struct tacit_task task_of(size_t n, const char *const *classes)
{
	struct tacit_task task = fleet_task();

	task.n_classes = n;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(task.class[i], sizeof(task.class[i]), "%s", classes[i]);
	return task;
}

static struct tacit_round_doc round_of(const struct tacit_task *task, uint64_t model_version)
{
	struct tacit_round_doc round = { .round = 1,
					 .mode = TACIT_MODE_LOCAL,
					 .model_version = model_version,
					 .clip_norm = task->clip_norm,
					 .noise_multiplier = task->noise_multiplier };
	size_t dimensions;

	FLEET_MUST(tacit_release_check(task, &dimensions));
	round.dimensions = (uint32_t)dimensions;
	return round;
}

/* Publishes the outcome of a sum of updates that each had all the noise. */
static int make_of(struct fleet *fleet, const struct tacit_task *task,
		   const struct tacit_round_doc *round, const uint32_t *sum, uint64_t updates,
		   uint64_t *ret_version, struct tacit_release_figures *figures)
{
	const struct tacit_protect_params params = { .clip_norm = round->clip_norm,
						     .noise_multiplier = round->noise_multiplier };
	TACIT_AUTO_FREE double *value = TACIT_NEW_N(double, round->dimensions);
	struct tacit_sum total = { .value = value, .updates = updates };

	if (!value)
		return -ENOMEM;
	total.noise_sd = tacit_protect_noise_sd(&params, round->dimensions, updates);
	tacit_unprotect(&params, sum, round->dimensions, value);
	return tacit_release_make(fleet->db, fleet->ca, task, round, &total, FLEET_NOW, ret_version,
				  figures);
}

/* The same, in which every number is @value steps. */
static int make(struct fleet *fleet, const struct tacit_task *task,
		const struct tacit_round_doc *round, uint32_t value, uint64_t updates,
		uint64_t *ret_version, struct tacit_release_figures *figures)
{
	TACIT_AUTO_FREE uint32_t *sum = TACIT_NEW_N(uint32_t, round->dimensions);

	for (uint32_t i = 0; i < round->dimensions; i++)
		sum[i] = value;
	FLEET_MUST(tacit_db_run(
		fleet->db,
		"INSERT OR IGNORE INTO round(id, state, task, task_digest, mode,"
		" model_version, model, dimensions, clip_norm, noise_multiplier,"
		" min_cohort, max_updates, opened_ms, collect_ms) VALUES(1,"
		" 'released', 1, zeroblob(32), 1, 0, zeroblob(32), 1, 1, 1, 1, 1, 0, 1)",
		""));
	return make_of(fleet, task, round, sum, updates, ret_version, figures);
}

static struct tacit_fleet *decode(struct fleet *fleet, uint64_t version)
{
	TACIT_CLEANUP(tacit_release_done) struct tacit_release release = { 0 };
	struct tacit_fleet *model = NULL;
	uint8_t digest[TACIT_DIGEST_LEN];
	const uint8_t *sig;
	size_t covered, sig_len;

	FLEET_MUST(tacit_release_get(fleet->db, version, &release));
	FLEET_MUST(tacit_fleet_decode(release.data, release.len, tacit_feature_space(), &model,
				      &covered, &sig, &sig_len));
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(tacit_ca_cert(fleet->ca), release.data, covered,
						    sig, sig_len),
			0);
	CU_ASSERT_EQUAL(tacit_sha256(release.data, release.len, digest), 0);
	CU_ASSERT_EQUAL(memcmp(digest, release.sha256, sizeof(digest)), 0);
	return model;
}

static const char *const one_class[] = { "host" };

static void test_a_release_is_signed_and_named(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *model = NULL;
	struct tacit_task task = task_of(1, one_class);
	struct tacit_round_doc round = round_of(&task, 0);
	struct tacit_release_figures figures;
	const struct tacit_fleet_head *head;
	uint64_t version, newest;

	CU_ASSERT_EQUAL(tacit_release_newest(fleet.db, &newest, NULL), 0);
	CU_ASSERT_EQUAL(newest, 0);
	CU_ASSERT_EQUAL_FATAL(make(&fleet, &task, &round, 1000, 50, &version, &figures), 0);
	CU_ASSERT_EQUAL(version, 1);
	model = decode(&fleet, 1);
	head = tacit_fleet_head(model);
	CU_ASSERT_EQUAL(head->version, 1);
	CU_ASSERT_EQUAL(head->round, 1);
	CU_ASSERT_EQUAL(head->created_ms, FLEET_NOW);
	CU_ASSERT_EQUAL(memcmp(head->schema, task.schema, sizeof(head->schema)), 0);
	CU_ASSERT_STRING_EQUAL(tacit_fleet_class_name(model, 0), "host");
	CU_ASSERT_EQUAL(tacit_release_newest(fleet.db, &newest, NULL), 0);
	CU_ASSERT_EQUAL(newest, 1);
}

static void test_versions_grow_and_the_newest_are_kept(void)
{
	FLEET(fleet);
	struct tacit_task task = task_of(1, one_class);
	struct tacit_release_figures figures;
	struct tacit_release release;
	uint64_t version;

	for (uint64_t i = 0; i < TACIT_RELEASE_KEEP + 2; i++) {
		struct tacit_round_doc round = round_of(&task, i);

		CU_ASSERT_EQUAL(make(&fleet, &task, &round, 1000, 50, &version, &figures), 0);
		CU_ASSERT_EQUAL(version, i + 1);
	}
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM release"), TACIT_RELEASE_KEEP);
	CU_ASSERT_EQUAL(tacit_release_get(fleet.db, 2, &release), -ENOENT);
}

static void test_figures(void)
{
	FLEET(fleet);
	struct tacit_task task = task_of(1, one_class);
	struct tacit_round_doc round = round_of(&task, 0);
	double step = task.clip_norm / 65536, root = sqrt(round.dimensions);
	struct tacit_release_figures figures;
	double noise, length;
	uint64_t version;

	/* 2 z c sqrt(n) is the noise in each number; the sum's norm is 200000 steps a number */
	CU_ASSERT_EQUAL(make(&fleet, &task, &round, 200000, 100, &version, &figures), 0);
	CU_ASSERT_DOUBLE_EQUAL(figures.noise_sd, task.noise_multiplier * task.clip_norm * 10,
			       figures.noise_sd * 1e-3);
	CU_ASSERT_EQUAL(figures.signal, 0); /* the noise alone would be longer */
	CU_ASSERT_EQUAL(figures.snr, 0);
	CU_ASSERT_EQUAL(make(&fleet, &task, &round, 4000000, 100, &version, &figures), 0);
	noise = figures.noise_sd * root;
	length = 4000000 * step * root;
	CU_ASSERT_DOUBLE_EQUAL(figures.signal, sqrt(length * length - noise * noise),
			       figures.signal * 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(figures.snr, figures.signal / noise, figures.snr * 1e-9);
}

static void test_without_noise(void)
{
	FLEET(fleet);
	struct tacit_task task = task_of(1, one_class);
	struct tacit_release_figures figures;
	struct tacit_round_doc round;
	uint64_t version;

	task.noise_multiplier = 0;
	round = round_of(&task, 0);
	CU_ASSERT_EQUAL(make(&fleet, &task, &round, 16384, 3, &version, &figures), 0);
	CU_ASSERT_EQUAL(figures.noise_sd, 0);
	CU_ASSERT(figures.signal > 0);
	CU_ASSERT(isinf(figures.snr));
}

static bool blocks_equal(const struct tacit_fleet *a, const char *of_a, const struct tacit_fleet *b,
			 const char *of_b)
{
	size_t len = tacit_fleet_kind(a)->block_len(tacit_feature_space());
	int i = tacit_fleet_find(a, of_a), k = tacit_fleet_find(b, of_b);

	CU_ASSERT_FATAL(i >= 0 && k >= 0);
	return memcmp(tacit_fleet_block(a, (size_t)i), tacit_fleet_block(b, (size_t)k),
		      len * sizeof(float)) == 0;
}

static void test_classes_keep_their_blocks_by_name(void)
{
	static const char *const before[] = { "host", "nginx.service", "gone.service" };
	static const char *const after[] = { "new.service", "nginx.service", "host" };
	FLEET(fleet);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *old = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *initial = NULL;
	struct tacit_task task = task_of(3, before);
	struct tacit_round_doc round;
	struct tacit_release_figures figures;
	TACIT_AUTO_FREE uint32_t *sum = NULL;
	uint64_t version;

	task.noise_multiplier = 0;
	round = round_of(&task, 0);
	sum = TACIT_NEW_N(uint32_t, round.dimensions);
	for (uint32_t i = 0; i < round.dimensions; i++) /* every class learns something else */
		sum[i] = 30000 + 3000 * (3 * i / round.dimensions) + i % 7 * 100;
	CU_ASSERT_EQUAL(fleet_set_task(&fleet, &task), 0);
	CU_ASSERT_EQUAL_FATAL(make_of(&fleet, &task, &round, sum, 10, &version, &figures),
			      TACIT_ECONFLICT); /* of no round that is known */
	round.round = 0;
	CU_ASSERT_EQUAL_FATAL(make_of(&fleet, &task, &round, sum, 10, &version, &figures), 0);
	task = task_of(3, after);
	CU_ASSERT_EQUAL_FATAL(fleet_set_task(&fleet, &task), 0);

	old = decode(&fleet, 1);
	next = decode(&fleet, 2);
	CU_ASSERT_EQUAL_FATAL(tacit_release_reference(fleet.db, &task, 0, &initial), 0);
	CU_ASSERT_EQUAL(tacit_fleet_head(next)->version, 2);
	CU_ASSERT_STRING_EQUAL(tacit_fleet_class_name(next, 0), "new.service");
	CU_ASSERT(!blocks_equal(old, "host", old, "nginx.service"));
	CU_ASSERT(blocks_equal(old, "host", next, "host"));
	CU_ASSERT(blocks_equal(old, "nginx.service", next, "nginx.service"));
	CU_ASSERT(blocks_equal(initial, "new.service", next, "new.service"));
	CU_ASSERT(!blocks_equal(initial, "host", next, "host"));
}

static void test_the_next_round_refers_to_what_was_carried(void)
{
	static const char *const after[] = { "host", "new.service" };
	FLEET(fleet);
	struct tacit_task task = task_of(1, one_class);
	struct tacit_round_doc round = round_of(&task, 0);
	struct tacit_release_figures figures;
	struct tacit_round opened;
	uint64_t version;

	CU_ASSERT_EQUAL_FATAL(make(&fleet, &task, &round, 1000, 50, &version, &figures), 0);
	task = task_of(2, after);
	CU_ASSERT_EQUAL_FATAL(fleet_set_task(&fleet, &task), 0);
	opened = fleet_round(&fleet);
	CU_ASSERT_EQUAL(opened.doc.model_version, 2);
	CU_ASSERT_EQUAL(opened.doc.dimensions, 2 * round.dimensions);
}

static void test_references(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *initial = NULL;
	struct tacit_task task = task_of(1, one_class);
	struct tacit_fleet *none = NULL;

	CU_ASSERT_EQUAL(tacit_release_reference(fleet.db, &task, 0, &initial), 0);
	CU_ASSERT_EQUAL(tacit_fleet_head(initial)->version, 0);
	CU_ASSERT_EQUAL(tacit_release_reference(fleet.db, &task, 7, &none), -ENOENT);
	(void)snprintf(task.kind, sizeof(task.kind), "unknown");
	CU_ASSERT_EQUAL(tacit_release_reference(fleet.db, &task, 0, &none), -EINVAL);
	CU_ASSERT_PTR_NULL(none);
}

static void test_a_spoilt_release_is_damage(void)
{
	FLEET(fleet);
	struct tacit_task task = task_of(1, one_class);
	struct tacit_round_doc round = round_of(&task, 0);
	struct tacit_release_figures figures;
	uint64_t version;

	CU_ASSERT_EQUAL_FATAL(make(&fleet, &task, &round, 1000, 50, &version, &figures), 0);
	round = round_of(&task, 1);
	CU_ASSERT_EQUAL(
		tacit_db_run(fleet.db, "UPDATE release SET data = substr(data, 1, 500)", ""), 0);
	CU_ASSERT_EQUAL(make(&fleet, &task, &round, 1000, 50, &version, &figures), TACIT_EDAMAGED);
	round.dimensions--;
	round.model_version = 0;
	CU_ASSERT_EQUAL(make(&fleet, &task, &round, 1000, 50, &version, &figures), TACIT_EDAMAGED);
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	struct tacit_task task = task_of(1, one_class);
	struct tacit_round_doc round = round_of(&task, 0);
	struct tacit_release_figures figures;
	TACIT_AUTO_FREE uint32_t *sum = TACIT_NEW_N(uint32_t, round.dimensions);
	uint64_t version;
	int r = -ENOMEM, nth;

	round.round = 0;
	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = make_of(&fleet, &task, &round, sum, 10, &version, &figures);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
	r = -ENOMEM;
	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = tacit_release_carry(fleet.db, fleet.ca, &task, FLEET_NOW);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT max(version) FROM release"), 2);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a release is signed and named", test_a_release_is_signed_and_named },
		{ "versions grow and the newest are kept",
		  test_versions_grow_and_the_newest_are_kept },
		{ "figures", test_figures },
		{ "without noise", test_without_noise },
		{ "classes keep their blocks by name", test_classes_keep_their_blocks_by_name },
		{ "the next round refers to what was carried",
		  test_the_next_round_refers_to_what_was_carried },
		{ "references", test_references },
		{ "a spoilt release is damage", test_a_spoilt_release_is_damage },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("release", cases);
}
