/* SPDX-License-Identifier: MIT */
#include "agent/learner_evaluate.h"

#include <math.h>

#include "behaviour.h"
#include "unit.h"

#define SCOPE "nginx.service"
#define KAPPA 30.0
#define RISK  1e-3

static const struct tacit_model_kind *gaussian(void)
{
	return tacit_model_kind_find("gaussian");
}

/* A host that lived through @windows of @behaviour; @store may be NULL. */
static struct tacit_learner *lived(struct behaviour *behaviour, struct tacit_store *store,
				   unsigned windows)
{
	const struct tacit_learner_params params = { .kind = gaussian(), .store = store };
	struct tacit_learner *learner = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_learner_new(&params, &learner), 0);
	for (unsigned i = 0; i < windows; i++) {
		struct tacit_window window = behaviour_window(behaviour, SCOPE);
		struct tacit_judgement judgement;

		CU_ASSERT_EQUAL(tacit_learner_judge(learner, &window, RISK, &judgement), 0);
		CU_ASSERT_EQUAL(tacit_learner_learn(learner, &window, &judgement), 0);
	}
	return learner;
}

/* The fleet's one class: by name, or a slot that every name hashes to. */
static const char *class = SCOPE;

static struct tacit_fleet *empty_fleet(void)
{
	const char *const classes[] = { class };
	struct tacit_fleet *fleet = NULL;

	CU_ASSERT_EQUAL_FATAL(
		tacit_fleet_new(gaussian(), tacit_feature_space(), classes, 1, &fleet), 0);
	return fleet;
}

/* What a fleet of hosts with this behaviour releases. */
static struct tacit_fleet *fleet_like(struct behaviour *behaviour)
{
	struct tacit_fleet *fleet = empty_fleet(), *next = NULL;
	TACIT_AUTO_FREE double *one = TACIT_NEW_N(double, tacit_fleet_dimensions(fleet));
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *learner = lived(behaviour, NULL, 400);

	for (int round = 0; round < 3; round++) {
		struct tacit_sum sum = { .value = one, .updates = 100 };

		CU_ASSERT_EQUAL(tacit_learner_contribute(learner, fleet, one), 1);
		for (size_t i = 0; i < tacit_fleet_dimensions(fleet); i++)
			one[i] *= 100;
		CU_ASSERT_EQUAL_FATAL(tacit_fleet_absorb(fleet, &sum, &next), 0);
		tacit_fleet_free(fleet);
		fleet = next;
	}
	return fleet;
}

static struct tacit_store *memory_store(void)
{
	const struct tacit_store_params params = { .path = ":memory:" };
	struct tacit_store *store = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_store_open(&params, &store), 0);
	return store;
}

static int evaluate(struct tacit_learner *learner, const struct tacit_fleet *fleet,
		    struct tacit_evaluation *ret)
{
	*ret = (struct tacit_evaluation){ 0 };
	return tacit_learner_evaluate(learner, fleet, KAPPA, RISK, NULL, NULL, ret);
}

static void test_a_fleet_of_its_like_helps(void)
{
	struct behaviour behaviour = behaviour_new(1);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = fleet_like(&behaviour);
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = memory_store();
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *learner = lived(&behaviour, store, 300);
	struct tacit_evaluation found;

	CU_ASSERT_EQUAL_FATAL(evaluate(learner, fleet, &found), 1);
	CU_ASSERT(found.has_help && found.has_loss && found.has_score && !found.has_alarms);
	CU_ASSERT_EQUAL(found.help, TACIT_EVALUATION_BETTER);
	CU_ASSERT(found.loss < 0.1);
	CU_ASSERT(found.score > 0 && found.score < 1);
}

/* One that is sure of what is wrong. */
static void test_a_slot_helps_as_well(void)
{
	class = "slot:0.1";
	test_a_fleet_of_its_like_helps();
	class = SCOPE;
}

static void test_a_fleet_of_others_does_not(void)
{
	struct behaviour behaviour = behaviour_new(2);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *like = fleet_like(&behaviour);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *unlike = empty_fleet();
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = memory_store();
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *learner = lived(&behaviour, store, 300);
	size_t len = gaussian()->block_len(tacit_feature_space());
	struct tacit_evaluation near, far;
	float *block = (float *)(uintptr_t)tacit_fleet_block(unlike, 0);

	for (size_t i = 0; i < len; i += 3) { /* weight, mean, variance */
		block[i] = 0.99F;
		block[i + 1] = 12;
		block[i + 2] = 0.01F;
	}
	CU_ASSERT_EQUAL_FATAL(evaluate(learner, like, &near), 1);
	CU_ASSERT_EQUAL_FATAL(evaluate(learner, unlike, &far), 1);
	CU_ASSERT_EQUAL(far.help, TACIT_EVALUATION_WORSE);
	CU_ASSERT(far.loss > near.loss + 1);
	CU_ASSERT_DOUBLE_EQUAL(far.score, near.score, 1e-9); /* it is the host's own */
}

static void test_a_block_that_knows_nothing(void)
{
	struct behaviour behaviour = behaviour_new(4);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = empty_fleet();
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = memory_store();
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *learner = lived(&behaviour, store, 300);
	struct tacit_evaluation found;

	CU_ASSERT_EQUAL_FATAL(evaluate(learner, fleet, &found), 1);
	CU_ASSERT(found.has_help && !found.has_loss);
	CU_ASSERT_EQUAL(found.help, TACIT_EVALUATION_SAME);
}

static void test_too_little_to_say(void)
{
	struct behaviour behaviour = behaviour_new(5);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = empty_fleet();
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = memory_store();
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *young = lived(&behaviour, store, TACIT_LEARNER_EVALUATE_MIN - 1);
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *stray = lived(&behaviour, NULL, 300); /* keeps nothing */
	struct tacit_evaluation found;

	CU_ASSERT_EQUAL(evaluate(young, fleet, &found), 0);
	CU_ASSERT_EQUAL(evaluate(stray, fleet, &found), 0);
	CU_ASSERT(!found.has_help && !found.has_score);
}

static int short_of_memory(void *ctx, const char *scope, struct tacit_window *window)
{
	(void)ctx;
	(void)scope;
	(void)window;
	return -EIO;
}

static void test_failures(void)
{
	struct behaviour behaviour = behaviour_new(6);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = fleet_like(&behaviour);
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = memory_store();
	TACIT_CLEANUP(tacit_learner_free_p)
	struct tacit_learner *learner = lived(&behaviour, store, 300);
	struct tacit_evaluation found;
	unsigned failed = 0;
	int r = -ENOMEM;

	CU_ASSERT_EQUAL(
		tacit_learner_evaluate(learner, fleet, KAPPA, RISK, short_of_memory, NULL, &found),
		-EIO);
	for (; r == -ENOMEM; failed++) {
		unit_fail_alloc((int)failed);
		r = evaluate(learner, fleet, &found);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 1);
	CU_ASSERT(failed > 5);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a fleet of its like helps", test_a_fleet_of_its_like_helps },
		{ "a slot helps as well", test_a_slot_helps_as_well },
		{ "a fleet of others does not", test_a_fleet_of_others_does_not },
		{ "a block that knows nothing", test_a_block_that_knows_nothing },
		{ "too little to say", test_too_little_to_say },
		{ "failures", test_failures },
		{ NULL, NULL },
	};

	return unit_main("learner_evaluate", cases);
}
