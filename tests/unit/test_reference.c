/* SPDX-License-Identifier: MIT */
#include <tacit/reference.h>

#include "samples.h"
#include "unit.h"

static const struct tacit_model_kind *gaussian(void)
{
	return tacit_model_kind_find("gaussian");
}

static void teach(struct tacit_random *random, struct tacit_model *model, double shift, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		double x[SAMPLES_DIMS];
		const struct tacit_sample sample = { .x = x, .observed = samples_all };

		samples_draw(random, shift, x);
		CU_ASSERT_EQUAL_FATAL(gaussian()->learn(model, &sample, 1), 0);
	}
}

static struct tacit_model *learned(struct tacit_random *random)
{
	struct tacit_model *model = NULL;

	CU_ASSERT_EQUAL_FATAL(gaussian()->new (&samples_space, &model), 0);
	teach(random, model, 0, 400);
	return model;
}

static int renew(struct tacit_reference *reference, const struct tacit_model *model,
		 uint64_t windows)
{
	return tacit_reference_renew(reference, model, &samples_space, windows);
}

/* Scores of a window that is @shift off; @ret_then as the reference has it. */
static double judge(struct tacit_reference *reference, struct tacit_model *model, double shift,
		    double *ret_then)
{
	double x[SAMPLES_DIMS];
	const struct tacit_sample sample = { .x = x, .observed = samples_all };
	struct tacit_score score, now;

	for (size_t j = 0; j < SAMPLES_DIMS; j++)
		x[j] = 2 + (double)j / 2 + shift;
	CU_ASSERT_EQUAL(gaussian()->score(model, &sample, &score), 0);
	now = score;
	CU_ASSERT_EQUAL(tacit_reference_judge(reference, &sample, &score), 0);
	CU_ASSERT(score.value[TACIT_STATISTIC_DISTANCE] >= now.value[TACIT_STATISTIC_DISTANCE]);
	*ret_then = score.value[TACIT_STATISTIC_MAX_Z];
	return now.value[TACIT_STATISTIC_MAX_Z];
}

static void test_holds_a_model_to_what_it_was(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random);
	TACIT_CLEANUP(tacit_reference_done) struct tacit_reference reference = { 0 };
	double before, now, then;

	CU_ASSERT_EQUAL(renew(&reference, model, TACIT_REFERENCE_FIRST - 1), 0);
	CU_ASSERT_PTR_NULL(reference.model);
	before = judge(&reference, model, 3, &then);
	CU_ASSERT_EQUAL(before, then);
	CU_ASSERT_EQUAL(renew(&reference, model, TACIT_REFERENCE_FIRST), 0);
	CU_ASSERT_PTR_NOT_NULL(reference.model);
	CU_ASSERT_EQUAL(judge(&reference, model, 3, &then), then); /* it is at least twice less */

	teach(random, model, 3, 2000);
	CU_ASSERT_EQUAL(renew(&reference, model, TACIT_REFERENCE_FIRST + 2000), 0);
	now = judge(&reference, model, 3, &then);
	CU_ASSERT(now < before / 5);
	CU_ASSERT_DOUBLE_EQUAL(then, before / TACIT_REFERENCE_HEADROOM, 1e-9);
}

static void test_lets_go(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random);
	TACIT_CLEANUP(tacit_reference_done) struct tacit_reference reference = { 0 };
	uint64_t week = TACIT_REFERENCE_FIRST + TACIT_REFERENCE_EVERY;
	double then;

	CU_ASSERT_EQUAL(renew(&reference, model, TACIT_REFERENCE_FIRST), 0);
	teach(random, model, 3, 2000);
	CU_ASSERT_EQUAL(renew(&reference, model, week), 0); /* after a week */
	CU_ASSERT_EQUAL(judge(&reference, model, 3, &then), then);
	tacit_reference_release(&reference, week);
	CU_ASSERT_PTR_NULL(reference.model);
	CU_ASSERT_EQUAL(renew(&reference, model, week + TACIT_REFERENCE_FIRST - 1), 0);
	CU_ASSERT_PTR_NULL(reference.model);
	CU_ASSERT_EQUAL(renew(&reference, model, week + TACIT_REFERENCE_FIRST), 0);
	CU_ASSERT_PTR_NOT_NULL(reference.model);
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random);
	TACIT_CLEANUP(tacit_reference_done) struct tacit_reference reference = { 0 };
	int r = -ENOMEM, nth;

	CU_ASSERT_EQUAL(gaussian()->promote(model), 0);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = renew(&reference, model, TACIT_REFERENCE_FIRST);
		unit_fail_alloc(-1);
		CU_ASSERT_EQUAL(r == 0, reference.model != NULL);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "holds a model to what it was", test_holds_a_model_to_what_it_was },
		{ "lets go", test_lets_go },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("reference", cases);
}
