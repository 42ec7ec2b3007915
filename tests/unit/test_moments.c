/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/moments.h"
#include "samples.h"
#include "unit.h"

#define D	SAMPLES_DIMS
#define WINDOWS 500U

static double window[WINDOWS][D];

static struct tacit_moments *make(int promoted)
{
	struct tacit_moments *moments = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_moments_new(&samples_space, &moments), 0);
	if (promoted)
		CU_ASSERT_EQUAL_FATAL(tacit_moments_promote(moments), 0);
	return moments;
}

static void learn(struct tacit_moments *moments, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };

	tacit_moments_learn(moments, &sample, 1);
}

static void draw_windows(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t i = 0; i < WINDOWS; i++)
		samples_draw(random, 0, window[i]);
}

static double mean_of(size_t j, size_t step)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < WINDOWS; i += step, n++)
		sum += window[i][j];
	return sum / (double)n;
}

static double covariance_of(size_t j, size_t k, size_t step)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < WINDOWS; i += step, n++)
		sum += (window[i][j] - mean_of(j, step)) * (window[i][k] - mean_of(k, step));
	return sum / (double)n;
}

static void test_two_passes_agree(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(1);

	draw_windows();
	for (size_t i = 0; i < WINDOWS; i++)
		learn(moments, window[i], samples_all);
	CU_ASSERT_EQUAL(tacit_moments_windows(moments), WINDOWS);
	for (size_t j = 0; j < D; j++) {
		CU_ASSERT_EQUAL(tacit_moments_count(moments, samples_group_of[j]), WINDOWS);
		CU_ASSERT_DOUBLE_EQUAL(tacit_moments_mean(moments)[j], mean_of(j, 1), 1e-10);
		CU_ASSERT_DOUBLE_EQUAL(tacit_moments_variance(moments)[j], covariance_of(j, j, 1),
				       1e-5);
		for (size_t k = 0; k < j; k++) {
			double c = tacit_moments_covariance(moments, j, k);

			CU_ASSERT_DOUBLE_EQUAL(c, covariance_of(j, k, 1), 1e-5);
			CU_ASSERT_EQUAL(c, tacit_moments_covariance(moments, k, j));
		}
	}
}

/* Group 2 is observed in every third window only; what is there when it is missing is not read. */
static void test_missing_says_nothing(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(1);
	const double seldom = 167, share = seldom / sqrt(seldom * WINDOWS);

	draw_windows();
	for (size_t i = 0; i < WINDOWS; i++) {
		double x[D];

		memcpy(x, window[i], sizeof(x));
		if (i % 3 != 0)
			x[5] = x[6] = x[7] = 999;
		learn(moments, x, i % 3 == 0 ? samples_all : samples_no_last);
	}
	CU_ASSERT_EQUAL(tacit_moments_count(moments, 2), seldom);
	for (size_t j = 5; j < D; j++) {
		CU_ASSERT_DOUBLE_EQUAL(tacit_moments_mean(moments)[j], mean_of(j, 3), 1e-10);
		CU_ASSERT_DOUBLE_EQUAL(tacit_moments_variance(moments)[j], covariance_of(j, j, 3),
				       1e-5);
	}
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_covariance(moments, 6, 5), covariance_of(6, 5, 3),
			       1e-5);
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_covariance(moments, 4, 2), covariance_of(4, 2, 1),
			       1e-5);
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_covariance(moments, 6, 1),
			       share * covariance_of(6, 1, 3),
			       0.3 * share * covariance_of(6, 1, 3));
}

static void test_promotion_starts_covariances(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(0);
	size_t small = tacit_moments_bytes(moments);

	draw_windows();
	for (size_t i = 0; i < WINDOWS / 2; i++)
		learn(moments, window[i], samples_all);
	CU_ASSERT(!tacit_moments_is_promoted(moments));
	CU_ASSERT_EQUAL(tacit_moments_promote(moments), 0);
	CU_ASSERT_EQUAL(tacit_moments_promote(moments), 0);
	CU_ASSERT(tacit_moments_is_promoted(moments));
	CU_ASSERT(tacit_moments_bytes(moments) > small);
	CU_ASSERT_EQUAL(tacit_moments_bytes(moments), tacit_moments_promoted_bytes(&samples_space));
	CU_ASSERT_EQUAL(tacit_moments_covariance(moments, 1, 0), 0);
	for (size_t i = WINDOWS / 2; i < WINDOWS; i++)
		learn(moments, window[i], samples_all);
	/* half of the windows spoke of it, so about half of it is believed */
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_covariance(moments, 1, 0), covariance_of(1, 0, 1) / 2,
			       0.2 * covariance_of(1, 0, 1));
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_variance(moments)[1], covariance_of(1, 1, 1), 1e-5);
}

static void test_old_windows_fade(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(0);
	double x[D] = { 0 };

	for (unsigned i = 0; i < TACIT_MOMENTS_HORIZON; i++)
		learn(moments, x, samples_all);
	x[0] = 1;
	for (unsigned i = 0; i < TACIT_MOMENTS_HORIZON; i++)
		learn(moments, x, samples_all);
	CU_ASSERT_EQUAL(tacit_moments_count(moments, 0), TACIT_MOMENTS_HORIZON);
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_mean(moments)[0], 1 - exp(-1), 1e-3);
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_variance(moments)[0], exp(-1) * (1 - exp(-1)), 1e-3);
}

static void check_round_trip(int promoted)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(promoted);
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_reader reader;

	draw_windows();
	for (size_t i = 0; i < 100; i++)
		learn(moments, window[i], i % 3 == 0 ? samples_all : samples_no_last);
	tacit_moments_save(moments, &writer);
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL_FATAL(tacit_moments_load(&samples_space, &reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	learn(moments, window[0], samples_all);
	learn(back, window[0], samples_all);
	CU_ASSERT_EQUAL(
		memcmp(tacit_moments_mean(moments), tacit_moments_mean(back), D * sizeof(double)),
		0);
	CU_ASSERT_EQUAL(memcmp(tacit_moments_variance(moments), tacit_moments_variance(back),
			       D * sizeof(float)),
			0);
	CU_ASSERT_EQUAL(
		memcmp(tacit_moments_moved(moments), tacit_moments_moved(back), D * sizeof(float)),
		0);
	CU_ASSERT_EQUAL(tacit_moments_windows(back), 101);
	CU_ASSERT_EQUAL(tacit_moments_is_promoted(back), promoted);
	if (promoted)
		CU_ASSERT_EQUAL(tacit_moments_covariance(moments, 6, 1),
				tacit_moments_covariance(back, 6, 1));
	for (size_t len = 0; len < writer.len; len++) {
		struct tacit_moments *none = NULL;

		reader = tacit_reader_init(writer.data, len);
		CU_ASSERT_EQUAL(tacit_moments_load(&samples_space, &reader, &none), TACIT_EDAMAGED);
		CU_ASSERT_PTR_NULL(none);
	}
}

static void test_round_trip(void)
{
	check_round_trip(0);
	check_round_trip(1);
}

/* Offsets of the saved form: version 0, promoted 1, dims 2, groups 6, grouping 10, windows 14,
 * counts 22, then mean, variance and movement of each dimension; pairs last. */
static void test_hostile_bytes(void)
{
	static const struct {
		size_t at;
		uint8_t byte; /* written over each of @n bytes */
		size_t n;
		int code;
	} rows[] = {
		{ 0, 9, 1, TACIT_ESCHEMA },
		{ 1, 2, 1, TACIT_EDAMAGED },
		{ 2, 9, 1, TACIT_ESCHEMA },
		{ 5, 255, 1, TACIT_ESCHEMA },
		{ 6, 4, 1, TACIT_ESCHEMA },
		{ 10, 0, 4, TACIT_ESCHEMA },
		{ 22, 255, 8, TACIT_EDAMAGED }, /* NaN windows */
		{ 22, 0x7e, 8, TACIT_EDAMAGED },
		{ 29, 0xc0, 1, TACIT_EDAMAGED }, /* many, negative */
		{ 46, 255, 8, TACIT_EDAMAGED },
		{ 46, 0x7e, 8, TACIT_EDAMAGED },
		{ 54, 255, 4, TACIT_EDAMAGED },
		{ 57, 0xbf, 1, TACIT_EDAMAGED },
		{ 58, 255, 4, TACIT_EDAMAGED },
		{ 61, 0x40, 1,
		  TACIT_EDAMAGED }, /* in more windows than there were, in fewer than none */
		{ 61, 0xbf, 1, TACIT_EDAMAGED },
		{ 174, 255, 4, TACIT_EDAMAGED }, /* pair counts NaN, more than each has */
		{ 174, 0x47, 4, TACIT_EDAMAGED },
		{ 198, 255, 4, TACIT_EDAMAGED },
		{ 198, 0x7e, 4, TACIT_EDAMAGED },
	};
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(1);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer good = { 0 };

	draw_windows();
	for (size_t i = 0; i < 30; i++)
		learn(moments, window[i], samples_all);
	tacit_moments_save(moments, &good);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TACIT_AUTO_FREE uint8_t *bad = tacit_memdup(good.data, good.len);
		struct tacit_reader reader = tacit_reader_init(bad, good.len);
		struct tacit_moments *none = NULL;

		memset(bad + rows[i].at, rows[i].byte, rows[i].n);
		CU_ASSERT_EQUAL(tacit_moments_load(&samples_space, &reader, &none), rows[i].code);
		CU_ASSERT_PTR_NULL(none);
	}
}

/* Dimension 1 moves in every tenth window, 2 never does, 3 goes below zero; group 2 is observed in
 * every fifth. */
static void test_movement_is_counted(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(0);
	const float *moved = tacit_moments_moved(moments);

	for (size_t i = 0; i < 1000; i++) {
		const double x[D] = { 1, i % 10 == 0, 0, -1, 1e18, i % 10 == 0, 0, 5e-324 };

		learn(moments, x, i % 5 == 0 ? samples_all : samples_no_last);
	}
	CU_ASSERT_EQUAL(moved[0], 1);
	CU_ASSERT_DOUBLE_EQUAL(moved[1], 0.1, 1e-4);
	CU_ASSERT_EQUAL(moved[2], 0);
	CU_ASSERT_EQUAL(moved[3], 0);
	CU_ASSERT_EQUAL(moved[4], 1);
	CU_ASSERT_DOUBLE_EQUAL(moved[5], 0.5, 1e-3);
	CU_ASSERT_EQUAL(moved[7], 1);
}

/* What was learned fades from movement as it does from means. */
static void test_movement_fades(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(0);
	const double moves[D] = { 1 }, rests[D] = { 0 };
	const struct tacit_sample first = { .x = moves, .observed = samples_all };
	const struct tacit_sample then = { .x = rests, .observed = samples_all };

	tacit_moments_learn(moments, &first, 1000);
	tacit_moments_learn(moments, &then, 10 * TACIT_MOMENTS_HORIZON);
	CU_ASSERT_DOUBLE_EQUAL(tacit_moments_moved(moments)[0], 0, 1e-5);
	CU_ASSERT(tacit_moments_moved(moments)[0] > 0);
}

/* Before movement was counted a dimension was 12 bytes: what its mean allows is taken for it. */
static void test_older_version_loads(void)
{
	const double x[D] = { 3, 0.01, 0, -1, 0.4, 1, 1, 1 };
	const size_t at = 22 + SAMPLES_GROUPS * 8;
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(1);
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_reader reader;

	for (size_t i = 0; i < 30; i++)
		learn(moments, x, samples_all);
	tacit_moments_save(moments, &writer);
	writer.data[0] = 1;
	for (size_t j = 0; j < D; j++)
		memmove(writer.data + at + 12 * j, writer.data + at + 16 * j, 12);
	memmove(writer.data + at + 12 * D, writer.data + at + 16 * D, writer.len - at - 16 * D);
	reader = tacit_reader_init(writer.data, writer.len - 4 * D);
	CU_ASSERT_EQUAL_FATAL(tacit_moments_load(&samples_space, &reader, &back), 0);
	CU_ASSERT_TRUE(tacit_read_done(&reader));
	for (size_t j = 0; j < D; j++) {
		double most = fmin(fmax(x[j], 0) / log(2), 1);

		CU_ASSERT_EQUAL(tacit_moments_mean(back)[j], tacit_moments_mean(moments)[j]);
		CU_ASSERT_DOUBLE_EQUAL(tacit_moments_moved(back)[j], most, 1e-6);
	}
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = make(1);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	int r = -ENOMEM, nth;

	tacit_moments_save(moments, &writer);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *back = NULL;
		struct tacit_reader reader = tacit_reader_init(writer.data, writer.len);

		unit_fail_alloc(nth);
		r = tacit_moments_load(&samples_space, &reader, &back);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (back != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(nth, 8);
}

/* One window many times over, in one step: before the horizon, across it and beyond it. */
static void test_repeats_in_one_step(void)
{
	static const uint32_t before[] = { 0, 1, 300, TACIT_MOMENTS_HORIZON - 40,
					   TACIT_MOMENTS_HORIZON + 5 };
	const uint8_t some[] = { 1, 0, 1 };

	draw_windows();
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *one = make(1);
		TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *many = make(1);
		const struct tacit_sample sample = { .x = window[7], .observed = some };

		for (uint32_t k = 0; k < before[i]; k++) {
			learn(one, window[k % WINDOWS], samples_all);
			learn(many, window[k % WINDOWS], samples_all);
		}
		tacit_moments_learn(one, &sample, 100);
		for (int k = 0; k < 100; k++)
			learn(many, window[7], some);
		CU_ASSERT_EQUAL(tacit_moments_windows(one), tacit_moments_windows(many));
		for (size_t j = 0; j < D; j++) {
			CU_ASSERT_DOUBLE_EQUAL(tacit_moments_mean(one)[j],
					       tacit_moments_mean(many)[j], 1e-9);
			CU_ASSERT_DOUBLE_EQUAL(tacit_moments_variance(one)[j],
					       tacit_moments_variance(many)[j], 1e-4);
			for (size_t k = 0; k < j; k++)
				CU_ASSERT_DOUBLE_EQUAL(tacit_moments_covariance(one, j, k),
						       tacit_moments_covariance(many, j, k), 1e-4);
		}
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "two passes agree", test_two_passes_agree },
		{ "what is missing says nothing", test_missing_says_nothing },
		{ "promotion starts covariances", test_promotion_starts_covariances },
		{ "old windows fade", test_old_windows_fade },
		{ "repeats in one step", test_repeats_in_one_step },
		{ "round trip", test_round_trip },
		{ "hostile bytes", test_hostile_bytes },
		{ "movement is counted", test_movement_is_counted },
		{ "movement fades", test_movement_fades },
		{ "an older version loads", test_older_version_loads },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("moments", cases);
}
