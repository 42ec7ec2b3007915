/* SPDX-License-Identifier: MIT */
/* What refine() adds to the Gaussian; the mixture itself is in test_mixture.c. */
#include <math.h>
#include <string.h>

#include "models/gaussian.h"
#include "samples.h"
#include "unit.h"

#define D     SAMPLES_DIMS
#define GAUSS (&tacit_mixture_kind)

enum { WINDOWS = 2048, SAMPLE = 1024 };

/* What a scope did, and how to give it to refine(). */
struct past {
	double x[WINDOWS][D];
	struct tacit_sample sample[SAMPLE];
};

/* A scope that is in one of @states, each a place of its own; one group is missing at times. */
static void live(struct tacit_random *random, unsigned states, struct past *past)
{
	for (size_t i = 0; i < WINDOWS; i++) {
		samples_draw(random, 4.0 * (double)tacit_random_below(random, states), past->x[i]);
		if (i % 2 == 0)
			past->sample[i / 2] = (struct tacit_sample){
				.x = past->x[i],
				.observed = i % 6 == 0 ? samples_no_last : samples_all,
			};
	}
}

static struct tacit_model *learned(const struct past *past, size_t n)
{
	struct tacit_model *model = NULL;

	CU_ASSERT_EQUAL_FATAL(GAUSS->new (&samples_space, &model), 0);
	CU_ASSERT_EQUAL_FATAL(GAUSS->promote(model), 0);
	for (size_t i = 0; i < n; i++) {
		struct tacit_sample sample = { .x = past->x[i], .observed = samples_all };

		CU_ASSERT_EQUAL(GAUSS->learn(model, &sample, 1), 0);
	}
	return model;
}

static struct tacit_model_info info_of(const struct tacit_model *model)
{
	struct tacit_model_info info;

	GAUSS->info(model, &info);
	return info;
}

static double distance(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };
	struct tacit_score score = { 0 };

	CU_ASSERT_EQUAL_FATAL(GAUSS->score(model, &sample, &score), 0);
	return score.value[TACIT_STATISTIC_DISTANCE];
}

/* In the middle of the whole, where nothing ever was. */
static void between_states(double *x)
{
	for (size_t j = 0; j < D; j++)
		x[j] = 2 + (double)j / 2 + 2;
}

static void test_states_become_components(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	static struct past past;
	double x[D], before, sum = 0;
	size_t bytes;

	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	between_states(x);
	before = distance(model, x, samples_all);
	bytes = GAUSS->size_bytes(model);
	CU_ASSERT_EQUAL(info_of(model).components, 1);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	CU_ASSERT(info_of(model).components >= 2);
	CU_ASSERT_EQUAL(info_of(model).refined, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->size_bytes(model), bytes);
	CU_ASSERT(before < 1 && distance(model, x, samples_all) > 2 * D);
	for (size_t i = 1; i < WINDOWS; i += 2)
		sum += distance(model, past.x[i], samples_all);
	CU_ASSERT(sum / (WINDOWS / 2.0) > D / 2.0 && sum / (WINDOWS / 2.0) < 2.5 * D);
}

static void test_one_state_stays_one(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *plain = NULL;
	static struct past past;

	live(random, 1, &past);
	model = learned(&past, WINDOWS);
	plain = learned(&past, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	CU_ASSERT_EQUAL(info_of(model).components, 1);
	CU_ASSERT_EQUAL(info_of(model).refined, WINDOWS);
	CU_ASSERT_EQUAL(distance(model, past.x[7], samples_all),
			distance(plain, past.x[7], samples_all));
}

/* A scope that is as much in between as in its two states is a single Gaussian again. */
static void test_mixture_goes_again(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	static struct past past;

	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	CU_ASSERT(info_of(model).components >= 2);
	for (size_t i = 0; i < WINDOWS; i++)
		samples_draw(random, 2 + 2 * seeded_normal(random), past.x[i]);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	CU_ASSERT_EQUAL(info_of(model).components, 1);
	CU_ASSERT(distance(model, past.x[3], samples_no_last) >= 0);
}

static void test_too_little(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *young = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *grown = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *small = NULL;
	static struct past past;

	live(random, 2, &past);
	young = learned(&past, 999);
	grown = learned(&past, 1000);
	CU_ASSERT_EQUAL(GAUSS->refine(young, past.sample, SAMPLE), -EAGAIN);
	CU_ASSERT_EQUAL(GAUSS->refine(grown, past.sample, 511), -EAGAIN);
	CU_ASSERT_EQUAL(info_of(grown).refined, 0);
	CU_ASSERT_EQUAL(GAUSS->refine(grown, past.sample, 512), 0);
	CU_ASSERT_EQUAL_FATAL(GAUSS->new (&samples_space, &small), 0);
	for (size_t i = 0; i < WINDOWS; i++)
		CU_ASSERT_EQUAL(GAUSS->learn(small, &past.sample[i % SAMPLE], 1), 0);
	CU_ASSERT_EQUAL(GAUSS->refine(small, past.sample, SAMPLE), -EAGAIN);
}

static void check_explanation(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };
	double share[D], z[D], at = distance(model, x, observed), sum = 0;

	CU_ASSERT_EQUAL_FATAL(GAUSS->explain(model, &sample, share, z, NULL), 0);
	for (size_t j = 0; j < D; j++) {
		sum += share[j];
		if (!observed[samples_group_of[j]])
			CU_ASSERT_EQUAL(share[j], 0);
	}
	CU_ASSERT_DOUBLE_EQUAL(sum, at, 1e-6 * at + 1e-9);
}

static void test_shares_add_up(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	static struct past past;
	double x[D], share[D];
	const struct tacit_sample sample = { .x = x, .observed = samples_all };

	live(random, 3, &past);
	model = learned(&past, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	CU_ASSERT(info_of(model).components >= 2);
	for (size_t i = 0; i < 50; i++) {
		samples_draw(random, (double)i / 5.0, x);
		check_explanation(model, x, samples_all);
		check_explanation(model, x, samples_no_last);
		check_explanation(model, x, samples_no_first);
	}
	between_states(x);
	for (size_t j = 0; j < D; j++)
		x[j] += j == 5 ? 14 : 2;
	CU_ASSERT_EQUAL(GAUSS->explain(model, &sample, share, NULL, NULL), 0);
	for (size_t j = 0; j < D; j++)
		CU_ASSERT(share[j] <= share[5]);
}

/* Windows without a group are judged by the rest, which know their component. */
static void test_missing_groups(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	static struct past past;
	double x[D], odd[D];

	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	for (unsigned i = 0; i < 20; i++) {
		samples_draw(random, i % 2 ? 4 : 0, x);
		memcpy(odd, x, sizeof(odd));
		odd[6] += 50;
		CU_ASSERT_EQUAL(distance(model, odd, samples_no_last),
				distance(model, x, samples_no_last));
		CU_ASSERT(distance(model, odd, samples_no_first) > 10 * D * D);
		odd[6] = x[6];
		odd[3] += 50;
		CU_ASSERT(distance(model, odd, samples_no_last) > 10 * D * D);
	}
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_reader reader;
	static struct past past;

	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	GAUSS->save(model, &writer);
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL_FATAL(GAUSS->load(&samples_space, &reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT_EQUAL(info_of(back).components, info_of(model).components);
	CU_ASSERT_EQUAL(info_of(back).refined, WINDOWS);
	CU_ASSERT_EQUAL(GAUSS->size_bytes(back), GAUSS->size_bytes(model));
	for (size_t i = 0; i < WINDOWS; i += 9)
		CU_ASSERT_DOUBLE_EQUAL(distance(back, past.x[i], samples_all),
				       distance(model, past.x[i], samples_all), 1e-4);
	CU_ASSERT_EQUAL(GAUSS->promote(back), 0);
	CU_ASSERT_EQUAL(GAUSS->refine(back, past.sample, SAMPLE), 0);
}

/* What was saved before there were mixtures began with the moments. */
/* Moments as they were saved before there were mixtures: format 1, without what moved. */
static void put_as_before(const struct tacit_writer *now, struct tacit_writer *old)
{
	size_t at = 22 + 8 * samples_space.groups; /* format, promoted, three u32, u64; counts */

	tacit_write_u8(old, 1);
	tacit_write_bytes(old, now->data + 1, at - 1);
	for (size_t j = 0; j < samples_space.dims; j++, at += 16)
		tacit_write_bytes(old, now->data + at, 12);
	tacit_write_bytes(old, now->data + at, now->len - at);
}

static void test_old_bytes_load(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer old = { 0 };
	struct tacit_reader reader;
	static struct past past;

	live(random, 1, &past);
	CU_ASSERT_EQUAL_FATAL(tacit_moments_new(&samples_space, &moments), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_moments_promote(moments), 0);
	model = learned(&past, 100);
	for (size_t i = 0; i < 100; i++) {
		struct tacit_sample sample = { .x = past.x[i], .observed = samples_all };

		tacit_moments_learn(moments, &sample, 1);
	}
	tacit_moments_save(moments, &writer);
	put_as_before(&writer, &old);
	reader = tacit_reader_init(old.data, old.len);
	CU_ASSERT_EQUAL_FATAL(GAUSS->load(&samples_space, &reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT(info_of(back).windows == 100 && info_of(back).refined == 0);
	CU_ASSERT_EQUAL(distance(back, past.x[200], samples_all),
			distance(model, past.x[200], samples_all));
}

static int load(const uint8_t *data, size_t len)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *back = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);

	return GAUSS->load(&samples_space, &reader, &back);
}

static void check_damage(const struct tacit_writer *writer, size_t at, const void *bytes,
			 size_t len)
{
	TACIT_AUTO_FREE uint8_t *copy = (uint8_t *)tacit_memdup(writer->data, writer->len);

	memcpy(copy + at, bytes, len);
	CU_ASSERT_EQUAL(load(copy, writer->len), TACIT_EDAMAGED);
}

static void test_damaged(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer plain = { 0 }, writer = { 0 };
	static const uint8_t newer = 9, two = 2;
	static const uint16_t twice[] = { 1, 1 }, beyond = D, none = 0;
	static const uint64_t later = UINT64_MAX;
	static const float bad = NAN, flat = 0;
	static const double far = 1e9;
	static struct past past;
	size_t refined, factor, order, l, mean;

	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	GAUSS->save(model, &plain);
	refined = plain.len - 9;
	factor = plain.len;
	order = factor + 2 + SAMPLES_GROUPS;
	l = order + 2 * (size_t)D;
	mean = l + 4 * (size_t)(D * (D + 1) / 2);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	CU_ASSERT_FATAL(info_of(model).components >= 2);
	GAUSS->save(model, &writer);
	for (size_t len = 0; len < writer.len; len += 3)
		CU_ASSERT_EQUAL(load(writer.data, len), TACIT_EDAMAGED);
	check_damage(&writer, refined, &later, sizeof(later));
	check_damage(&writer, refined + 8, &two, 1);
	check_damage(&writer, factor, &none, sizeof(none));
	check_damage(&writer, factor + 2, &two, 1);
	check_damage(&writer, order, &beyond, sizeof(beyond));
	check_damage(&writer, order, twice, sizeof(twice));
	check_damage(&writer, l, &bad, sizeof(bad));
	check_damage(&writer, l, &flat, sizeof(flat));
	check_damage(&writer, mean, &far, sizeof(far));
	writer.data[0] = newer;
	CU_ASSERT_EQUAL(load(writer.data, writer.len), TACIT_ESCHEMA);
}

/* The fleet gets moments, whatever judges. */
static void test_contribution_is_of_moments(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	double before[4 * D], after[4 * D];
	static struct past past;
	float block[3 * D];

	CU_ASSERT_FATAL(GAUSS->contribution_len(&samples_space) <= TACIT_ARRAY_LEN(before));
	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	GAUSS->block_init(&samples_space, block);
	GAUSS->contribute(model, block, before);
	CU_ASSERT_EQUAL(GAUSS->refine(model, past.sample, SAMPLE), 0);
	GAUSS->contribute(model, block, after);
	CU_ASSERT_EQUAL(
		memcmp(before, after, GAUSS->contribution_len(&samples_space) * sizeof(double)), 0);
}

static int refine_once(const struct past *past, const struct tacit_writer *saved)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_reader reader = tacit_reader_init(saved->data, saved->len);
	struct tacit_model_info info;
	int r = GAUSS->load(&samples_space, &reader, &model);

	if (r < 0)
		return r;
	r = GAUSS->refine(model, past->sample, SAMPLE);
	GAUSS->info(model, &info);
	if (r < 0) {
		CU_ASSERT(info.refined == 0 && info.components == 1);
		return r;
	}
	GAUSS->save(model, &writer);
	if (writer.failed)
		return -ENOMEM;
	reader = tacit_reader_init(writer.data, writer.len);
	return GAUSS->load(&samples_space, &reader, &back);
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	static struct past past;
	int r = -ENOMEM, nth;

	live(random, 2, &past);
	model = learned(&past, WINDOWS);
	GAUSS->save(model, &writer);
	for (nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = refine_once(&past, &writer);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 40);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "states become components", test_states_become_components },
		{ "one state stays one Gaussian", test_one_state_stays_one },
		{ "a mixture goes again", test_mixture_goes_again },
		{ "too little to refine", test_too_little },
		{ "shares add up", test_shares_add_up },
		{ "missing groups", test_missing_groups },
		{ "round trip", test_round_trip },
		{ "bytes from before mixtures", test_old_bytes_load },
		{ "damaged bytes", test_damaged },
		{ "contributions are of the moments", test_contribution_is_of_moments },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("gaussian_mixture", cases);
}
