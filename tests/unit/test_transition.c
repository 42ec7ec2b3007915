/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <tacit/transition.h>

#include "seed.h"
#include "unit.h"

#define LEN 200U

/* Four calls in a row, over and over, with another now and then. */
static void draw(struct tacit_random *random, uint16_t *stream)
{
	for (size_t i = 0; i < LEN; i++)
		stream[i] = (uint16_t)(3 + 40 * (i % 4));
	stream[(size_t)(seeded_uniform(random) * LEN)] = 91;
}

static struct tacit_transition *taught(struct tacit_random *random, int streams)
{
	struct tacit_transition *transition = NULL;
	uint16_t stream[LEN];

	CU_ASSERT_EQUAL_FATAL(tacit_transition_new(&transition), 0);
	for (int i = 0; i < streams; i++) {
		draw(random, stream);
		tacit_transition_learn(transition, stream, LEN);
	}
	return transition;
}

static double score(struct tacit_transition *transition, const uint16_t *stream, size_t n)
{
	double value = NAN;

	CU_ASSERT_EQUAL(tacit_transition_score(transition, stream, n, &value), 0);
	CU_ASSERT(isfinite(value) && value >= 0);
	return value;
}

static void test_seldom_is_far(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_transition_free_p)
	struct tacit_transition *transition = taught(random, 300);
	uint16_t usual[LEN], more[LEN], new[LEN];

	draw(random, usual);
	memcpy(more, usual, sizeof(usual));
	memcpy(new, usual, sizeof(usual));
	for (size_t i = 50; i < 60; i++) {
		more[i] = 91;
		new[i] = (uint16_t)(150 + 17 * i);
	}
	CU_ASSERT(score(transition, more, LEN) > 2 * score(transition, usual, LEN));
	CU_ASSERT(score(transition, new, LEN) > 2 * score(transition, usual, LEN));
}

/* A share is what counts: a stream twice as long is no other stream. */
static void test_length_is_no_matter(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_transition_free_p)
	struct tacit_transition *transition = taught(random, 300);
	uint16_t twice[2 * LEN], odd[LEN];
	double once, far;

	draw(random, twice);
	memcpy(odd, twice, sizeof(odd));
	odd[50] = 7; /* one call that was never there */
	memcpy(twice + LEN, twice, LEN * sizeof(*twice));
	once = score(transition, twice, LEN);
	far = score(transition, odd, LEN);
	CU_ASSERT(fabs(score(transition, twice, 2 * LEN) - once) < 0.2 * (far - once));
}

static void test_too_little(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_transition_free_p)
	struct tacit_transition *transition = taught(random, TACIT_TRANSITION_STREAMS_MIN - 1);
	uint16_t stream[LEN];
	double value = -1;

	draw(random, stream);
	tacit_transition_learn(transition, stream, 1); /* no transition in it */
	tacit_transition_learn(transition, stream, 0);
	CU_ASSERT_EQUAL(tacit_transition_score(transition, stream, LEN, &value), -EAGAIN);
	CU_ASSERT_EQUAL(value, -1);
	tacit_transition_learn(transition, stream, LEN);
	CU_ASSERT(score(transition, stream, LEN) >= 0);
	CU_ASSERT_EQUAL(score(transition, stream, 1), 0);
	CU_ASSERT_EQUAL(score(transition, stream, 0), 0);
}

/* One stream over and over: nothing varies, and still nothing is infinitely far. */
static void test_constant(void)
{
	TACIT_CLEANUP(tacit_transition_free_p) struct tacit_transition *transition = NULL;
	const uint16_t same[] = { 5, 5, 5, 5 }, other[] = { 65535, 0, 65535, 0 };

	CU_ASSERT_EQUAL_FATAL(tacit_transition_new(&transition), 0);
	for (int i = 0; i < 100; i++)
		tacit_transition_learn(transition, same, 4);
	CU_ASSERT_DOUBLE_EQUAL(score(transition, same, 4), 0, 1e-6);
	CU_ASSERT(score(transition, other, 4) > 100);
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		TACIT_CLEANUP(tacit_transition_free_p) struct tacit_transition *transition = NULL;

		unit_fail_alloc(nth);
		r = tacit_transition_new(&transition);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (transition != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "more of what is seldom is far", test_seldom_is_far },
		{ "length is no matter", test_length_is_no_matter },
		{ "too little to judge by", test_too_little },
		{ "streams that never vary", test_constant },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("transition", cases);
}
