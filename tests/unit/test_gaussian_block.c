/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/gaussian.h"
#include "samples.h"
#include "unit.h"

#define D   SAMPLES_DIMS
#define G   SAMPLES_GROUPS
#define LEN (G + 2 * D)

static struct tacit_moments *make_host(void)
{
	struct tacit_moments *moments = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_moments_new(&samples_space, &moments), 0);
	return moments;
}

static void learn(struct tacit_moments *moments, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };

	tacit_moments_learn(moments, &sample, 1);
}

/* Every dimension of @n windows alternates between mean - sd and mean + sd. */
static struct tacit_moments *host_of(double mean, double sd, unsigned n)
{
	struct tacit_moments *moments = make_host();

	for (unsigned i = 0; i < n; i++) {
		double x[D];

		for (size_t j = 0; j < D; j++)
			x[j] = mean + (i % 2 ? sd : -sd);
		learn(moments, x, samples_all);
	}
	return moments;
}

static void add(double *sum, const struct tacit_moments *moments, const float *reference,
		double times)
{
	double one[LEN];

	tacit_gaussian_contribute(&samples_space, moments, reference, one);
	for (size_t i = 0; i < LEN; i++)
		sum[i] += times * one[i];
}

static void absorb(const double *value, uint64_t updates, double noise_sd, float *block)
{
	const struct tacit_sum sum = { .value = value, .updates = updates, .noise_sd = noise_sd };
	float next[3 * D];

	tacit_gaussian_absorb(&samples_space, &sum, block, next);
	CU_ASSERT_EQUAL(tacit_gaussian_block_check(&samples_space, next), 0);
	memcpy(block, next, sizeof(next));
}

static void test_lengths(void)
{
	float block[3 * D];

	CU_ASSERT_EQUAL(tacit_gaussian_contribution_len(&samples_space), LEN);
	CU_ASSERT_EQUAL(tacit_gaussian_block_len(&samples_space), 3 * D);
	tacit_gaussian_block_init(&samples_space, block);
	for (size_t j = 0; j < D; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		CU_ASSERT(fact.weight == 0 && fact.mean == 0 && fact.variance == 0.05F);
	}
}

static void test_check(void)
{
	static const struct {
		size_t at;
		float value;
		int code;
	} rows[] = {
		{ 0, 1, 0 },	      { 0, -0.1F, -EINVAL },
		{ 0, 1.1F, -EINVAL }, { 0, NAN, -EINVAL },
		{ 1, 64, 0 },	      { 1, -64.1F, -EINVAL },
		{ 1, NAN, -EINVAL },  { 1, INFINITY, -EINVAL },
		{ 2, 0, -EINVAL },    { 2, -1, -EINVAL },
		{ 2, 4096, 0 },	      { 2, 4097, -EINVAL },
		{ 2, NAN, -EINVAL },  { 23, INFINITY, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		float block[3 * D];

		tacit_gaussian_block_init(&samples_space, block);
		block[rows[i].at] = rows[i].value;
		CU_ASSERT_EQUAL(tacit_gaussian_block_check(&samples_space, block), rows[i].code);
	}
}

/* Nothing while young; the young group only, once the others are grown. */
static void test_too_little_evidence(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = host_of(5, 1, 19);
	double out[LEN], x[D] = { 0 };
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	tacit_gaussian_contribute(&samples_space, host, block, out);
	for (size_t i = 0; i < LEN; i++)
		CU_ASSERT_EQUAL(out[i], 0);
	learn(host, x, samples_no_last);
	tacit_gaussian_contribute(&samples_space, host, block, out);
	CU_ASSERT(out[0] > 0 && out[1] > 0 && out[2] == 0);
	for (size_t j = 0; j < D; j++)
		CU_ASSERT_EQUAL(out[G + j] != 0, samples_group_of[j] != 2);
}

/* Whatever a host has seen, and whatever it is told to compare it with. */
static void test_numbers_are_bounded(void)
{
	static const float weights[] = { 0, 1e-30F, 0.3F, 1 };
	static const float means[] = { -64, 0, 5, 64 };
	static const float variances[] = { 1e-30F, 1, 4096 };
	static const double hosts[][2] = { { 0, 0 }, { 5, 0.3 }, { 44, 20 } };

	for (size_t i = 0; i < 4 * 4 * 3 * 3; i++) {
		TACIT_CLEANUP(tacit_moments_free_p)
		struct tacit_moments *host = host_of(hosts[i / 48][0], hosts[i / 48][1], 400);
		float block[3 * D];
		double out[LEN];

		for (size_t j = 0; j < D; j++) {
			block[3 * j] = weights[i % 4];
			block[3 * j + 1] = means[i / 4 % 4];
			block[3 * j + 2] = variances[i / 16 % 3];
		}
		tacit_gaussian_contribute(&samples_space, host, block, out);
		for (size_t k = 0; k < LEN; k++)
			CU_ASSERT_FATAL(fabs(out[k]) <= 1);
	}
}

/* A space as large as the real one: a third of its dimensions idle, counts from one to e^12. */
static void test_typical_norm(void)
{
	enum { DIMS = 85, GROUPS = 20 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = NULL;
	uint16_t group_of[DIMS];
	uint8_t observed[GROUPS];
	struct tacit_space space = { .dims = DIMS, .groups = GROUPS, .group_of = group_of };
	double x[DIMS], out[GROUPS + 2 * DIMS], sum = 0;
	float block[3 * DIMS];

	for (size_t j = 0; j < DIMS; j++)
		group_of[j] = (uint16_t)(j % GROUPS);
	memset(observed, 1, sizeof(observed));
	CU_ASSERT_EQUAL_FATAL(tacit_moments_new(&space, &host), 0);
	for (unsigned i = 0; i < 400; i++) {
		const struct tacit_sample sample = { .x = x, .observed = observed };

		for (size_t j = 0; j < DIMS; j++)
			x[j] = j % 3 == 0 ? 0 : 12.0 * (double)j / DIMS + seeded_normal(random) / 2;
		tacit_moments_learn(host, &sample, 1);
	}
	tacit_gaussian_block_init(&space, block);
	tacit_gaussian_contribute(&space, host, block, out);
	for (size_t i = 0; i < GROUPS + 2 * DIMS; i++)
		sum += out[i] * out[i];
	CU_ASSERT(sqrt(sum) > 1 && sqrt(sum) < 5);
}

static void test_equal_hosts_are_reproduced(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = host_of(7.25, 0.5, 500);
	double sum[LEN] = { 0 };
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	add(sum, host, block, 9);
	absorb(sum, 9, 0, block);
	for (size_t j = 0; j < D; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		CU_ASSERT_DOUBLE_EQUAL(fact.mean, 7.25, 1e-5);
		CU_ASSERT_DOUBLE_EQUAL(fact.variance, 0.25, 1e-5);
		CU_ASSERT_DOUBLE_EQUAL(fact.weight, 0.9, 1e-6);
	}
}

/* Beyond a span even without noise, and hosts that differ: rounds close in on the average, and the
 * variance on what a host may expect around it. */
static void test_rounds_converge(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *low = host_of(17, 0.5, 500);
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *high = host_of(19, 0.5, 500);
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	for (unsigned round = 0; round < 6; round++) {
		double sum[LEN] = { 0 };

		add(sum, low, block, 10);
		add(sum, high, block, 10);
		absorb(sum, 20, 0, block);
	}
	for (size_t j = 0; j < D; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		CU_ASSERT_DOUBLE_EQUAL(fact.mean, 18, 1e-3);
		CU_ASSERT_DOUBLE_EQUAL(fact.variance, 0.25 + 1, 1e-3);
	}
}

static void test_reference_follows_change(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *old = host_of(3, 0.5, 500);
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *now = host_of(6, 0.5, 500);
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	for (unsigned round = 0; round < 12; round++) {
		double sum[LEN] = { 0 };

		add(sum, round < 3 ? old : now, block, 20);
		absorb(sum, 20, 0, block);
	}
	CU_ASSERT_DOUBLE_EQUAL(tacit_gaussian_block_get(block, 0).mean, 6, 1e-3);
	CU_ASSERT_DOUBLE_EQUAL(tacit_gaussian_block_get(block, 0).variance, 0.25, 1e-2);
}

static void add_noise(struct tacit_random *random, double *sum, double sd)
{
	for (size_t i = 0; i < LEN; i++)
		sum[i] += sd * seeded_normal(random);
}

/* Whatever the noise, what is released is no worse than knowing nothing, and owns up to it. */
static void test_drowned_sum_teaches_nothing(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = host_of(7, 0.5, 500);

	for (double sd = 100; sd < 1e9; sd *= 10) {
		float block[3 * D];

		tacit_gaussian_block_init(&samples_space, block);
		for (unsigned round = 0; round < 20; round++) {
			double sum[LEN] = { 0 };

			add(sum, host, block, 25);
			add_noise(random, sum, sd);
			absorb(sum, 25, sd, block);
		}
		for (size_t j = 0; j < D; j++) {
			struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

			CU_ASSERT(fact.weight < 0.2 && fabs((double)fact.mean) < 16);
		}
	}
}

/* A good reference outlives a round that drowned. */
static void test_reference_survives_noise(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = host_of(7, 0.5, 500);
	double sum[LEN] = { 0 }, noisy[LEN] = { 0 };
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	add(sum, host, block, 20);
	absorb(sum, 20, 0, block);
	add(noisy, host, block, 20);
	add_noise(random, noisy, 1000);
	absorb(noisy, 20, 1000, block);
	for (size_t j = 0; j < D; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		CU_ASSERT_DOUBLE_EQUAL(fact.mean, 7, 0.05);
		CU_ASSERT_DOUBLE_EQUAL(log((double)fact.variance), log(0.25), 0.2);
		CU_ASSERT(fact.weight > 0.9);
	}
}

/* With noise that single rounds barely rise above, many rounds do; the weights tell how far. */
static void test_noisy_rounds_add_up(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = host_of(7, 0.5, 500);
	double sd = 30, wrong = 0, weight = 0;
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	for (unsigned round = 0; round < 20; round++) {
		double sum[LEN] = { 0 };

		add(sum, host, block, 900);
		add_noise(random, sum, sd);
		absorb(sum, 900, sd, block);
	}
	for (size_t j = 0; j < D; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		wrong += fabs((double)fact.mean - 7) / D;
		weight += (double)fact.weight / D;
	}
	CU_ASSERT(wrong < 0.2 && weight > 0.05);
}

/* What nobody observed stays as it was, in company of what everybody did. */
static void test_unheard_group_stays(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *host = make_host();
	double sum[LEN] = { 0 };
	float block[3 * D];

	for (unsigned i = 0; i < 400; i++) {
		double x[D];

		for (size_t j = 0; j < D; j++)
			x[j] = 5 + i % 2;
		learn(host, x, samples_no_last);
	}
	tacit_gaussian_block_init(&samples_space, block);
	add(sum, host, block, 10);
	absorb(sum, 10, 0, block);
	for (size_t j = 0; j < D; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		if (samples_group_of[j] == 2) {
			CU_ASSERT(fact.weight == 0 && fact.mean == 0 && fact.variance == 0.05F);
		} else {
			CU_ASSERT_DOUBLE_EQUAL(fact.mean, 5.5, 1e-5);
		}
	}
	memset(sum, 0, sizeof(sum));
	absorb(sum, 0, 0, block); /* and an empty round changes nothing */
	CU_ASSERT_DOUBLE_EQUAL(tacit_gaussian_block_get(block, 0).mean, 5.5, 1e-5);
}

/* Clipping scales a whole vector: the host then counts less and lies no more. */
static void test_clipped_host_weighs_less(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *four = host_of(4, 0.5, 500);
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *eight = host_of(8, 0.5, 500);
	double sum[LEN] = { 0 };
	float block[3 * D];

	tacit_gaussian_block_init(&samples_space, block);
	add(sum, four, block, 1);
	add(sum, eight, block, 1 / 3.0);
	absorb(sum, 2, 0, block);
	CU_ASSERT_DOUBLE_EQUAL(tacit_gaussian_block_get(block, 0).mean, 5, 1e-5);
	CU_ASSERT_DOUBLE_EQUAL(tacit_gaussian_block_get(block, 0).variance, 0.25, 1e-5);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "lengths", test_lengths },
		{ "check", test_check },
		{ "too little evidence", test_too_little_evidence },
		{ "numbers are bounded", test_numbers_are_bounded },
		{ "a typical norm is one and more", test_typical_norm },
		{ "equal hosts are reproduced", test_equal_hosts_are_reproduced },
		{ "rounds converge", test_rounds_converge },
		{ "the reference follows change", test_reference_follows_change },
		{ "a drowned sum teaches nothing", test_drowned_sum_teaches_nothing },
		{ "the reference survives noise", test_reference_survives_noise },
		{ "noisy rounds add up", test_noisy_rounds_add_up },
		{ "an unheard group stays", test_unheard_group_stays },
		{ "a clipped host weighs less", test_clipped_host_weighs_less },
		{ NULL, NULL },
	};

	return unit_main("gaussian_block", cases);
}
