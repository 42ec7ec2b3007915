/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/gaussian.h"
#include "samples.h"
#include "unit.h"

#define D     SAMPLES_DIMS
#define GAUSS (&tacit_gaussian_kind)

static struct tacit_model *make(int promoted)
{
	struct tacit_model *model = NULL;

	CU_ASSERT_EQUAL_FATAL(GAUSS->new (&samples_space, &model), 0);
	if (promoted)
		CU_ASSERT_EQUAL_FATAL(GAUSS->promote(model), 0);
	return model;
}

static int score(struct tacit_model *model, const double *x, const uint8_t *observed,
		 struct tacit_score *ret)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };

	return GAUSS->score(model, &sample, ret);
}

static double distance(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	struct tacit_score result = { 0 };

	CU_ASSERT_EQUAL_FATAL(score(model, x, observed, &result), 0);
	CU_ASSERT(isfinite(result.value[0]) && result.value[0] >= 0);
	CU_ASSERT(isfinite(result.value[1]) && result.value[1] >= 0);
	CU_ASSERT(isfinite(result.value[2]) && result.value[2] >= 0);
	return result.value[TACIT_STATISTIC_DISTANCE];
}

static void learn(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };

	CU_ASSERT_EQUAL_FATAL(GAUSS->learn(model, &sample, 1), 0);
}

/* Learns @n windows of which every third lacks the last group if @gaps. */
static void learn_many(struct tacit_model *model, struct tacit_random *random, unsigned n, int gaps)
{
	double x[D];

	for (unsigned i = 0; i < n; i++) {
		samples_draw(random, 0, x);
		learn(model, x, gaps && i % 3 == 0 ? samples_no_last : samples_all);
	}
}

static void fill_block(float *block, float weight, float mean, float variance)
{
	for (size_t j = 0; j < D; j++) {
		block[3 * j] = weight;
		block[3 * j + 1] = mean;
		block[3 * j + 2] = variance;
	}
}

static void test_too_little_evidence(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(0);
	static const uint8_t none[SAMPLES_GROUPS];
	struct tacit_score result = { .evidence = 77 };
	double x[D] = { 0 }, share[D];
	struct tacit_sample sample = { .x = x, .observed = samples_all };

	learn_many(model, random, (unsigned)TACIT_GAUSSIAN_EVIDENCE_MIN - 1, 0);
	CU_ASSERT_EQUAL(score(model, x, samples_all, &result), -EAGAIN);
	CU_ASSERT_EQUAL(GAUSS->explain(model, &sample, share, NULL, NULL), -EAGAIN);
	learn_many(model, random, 1, 0);
	CU_ASSERT_EQUAL(score(model, x, none, &result), -EAGAIN);
	CU_ASSERT_EQUAL(result.evidence, 77);
	CU_ASSERT_EQUAL(score(model, x, samples_all, &result), 0);
	CU_ASSERT_EQUAL(result.evidence, 20);
}

/* A group with less evidence than it takes is left out; then comes in. */
static void test_young_group_is_left_out(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		double x[D], odd[D];

		for (unsigned i = 0; i < 100; i++) {
			samples_draw(random, 0, x);
			learn(model, x, samples_no_last);
		}
		memcpy(odd, x, sizeof(odd));
		odd[6] += 100;
		CU_ASSERT_EQUAL(distance(model, odd, samples_all), distance(model, x, samples_all));
		learn_many(model, random, 100, 0);
		CU_ASSERT(distance(model, odd, samples_all) >
			  distance(model, x, samples_all) + 100);
	}
}

/* Windows of the model's own making score about one for each dimension; odd ones far more. */
static void test_normal_and_odd(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		struct tacit_score result = { 0 };
		double x[D], sum = 0;

		learn_many(model, random, 2000, 1);
		for (unsigned i = 0; i < 500; i++) {
			samples_draw(random, 0, x);
			sum += distance(model, x, samples_all);
		}
		CU_ASSERT_DOUBLE_EQUAL(sum / 500, D, 1.5);
		x[3] += 5;
		CU_ASSERT_EQUAL(score(model, x, samples_all, &result), 0);
		CU_ASSERT_EQUAL(result.max_z_dim, 3);
		CU_ASSERT(result.value[TACIT_STATISTIC_MAX_Z] > 7);
		CU_ASSERT(result.value[TACIT_STATISTIC_DISTANCE] > 50);
	}
}

/* What breaks a correlation is odd to a promoted model only: each feature is within reason. */
static void test_promotion_sees_correlation(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *small = make(0);
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *full = make(1);
	double x[D], y[D];

	for (unsigned i = 0; i < 1000; i++) {
		samples_draw(random, 0, x);
		x[1] = x[0] + 0.02 * seeded_normal(random);
		learn(small, x, samples_all);
		learn(full, x, samples_all);
	}
	for (size_t j = 0; j < D; j++)
		y[j] = 2 + (double)j / 2;
	y[0] = 2.3;
	y[1] = 1.7;
	CU_ASSERT(distance(small, y, samples_all) < 4);
	CU_ASSERT(distance(full, y, samples_all) > 30);
}

/* Against a plain computation: Gauss-Jordan on the moments of the same windows. */
static double plain_distance(double a[D][D], const double *d, const size_t *dim, size_t n)
{
	double m[D][D + 1], sum = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++)
			m[i][k] = a[dim[i]][dim[k]];
		m[i][n] = d[dim[i]];
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			double f = k == i ? 0 : m[k][i] / m[i][i];

			for (size_t c = i; c <= n; c++)
				m[k][c] -= f * m[i][c];
		}
	for (size_t i = 0; i < n; i++)
		sum += d[dim[i]] * m[i][n] / m[i][i];
	return sum;
}

static void check_against_plain(struct tacit_model *model, double cov[D][D], const double *mean,
				const double *x, const uint8_t *observed)
{
	double a[D][D], d[D], trace = 0, plain, unseen;
	struct tacit_model_info info;
	size_t dim[D], n = 0;

	GAUSS->info(model, &info);
	unseen = 1.0 / (double)info.windows; /* a variance of one, worth one window */
	for (size_t j = 0; j < D; j++)
		if (observed[samples_group_of[j]]) {
			dim[n++] = j;
			trace += cov[j][j] + unseen;
		}
	memcpy(a, cov, sizeof(a));
	for (size_t j = 0; j < D; j++) {
		d[j] = x[j] - mean[j];
		a[j][j] += unseen + 1e-2 * trace / (double)n + 1e-3;
	}
	plain = plain_distance(a, d, dim, n);
	CU_ASSERT_DOUBLE_EQUAL(distance(model, x, observed), plain, 0.05 * plain + 0.05);
}

static void test_distance_is_mahalanobis(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(1);
	enum { N = 300 };
	static double window[N][D];
	double mean[D] = { 0 }, cov[D][D] = { 0 }, x[D];

	for (size_t i = 0; i < N; i++) {
		samples_draw(random, 0, window[i]);
		learn(model, window[i], samples_all);
		for (size_t j = 0; j < D; j++)
			mean[j] += window[i][j] / N;
	}
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < D; j++)
			for (size_t k = 0; k < D; k++)
				cov[j][k] +=
					(window[i][j] - mean[j]) * (window[i][k] - mean[k]) / N;
	for (unsigned i = 0; i < 20; i++) {
		samples_draw(random, i % 2 ? 1 : 0, x);
		check_against_plain(model, cov, mean, x, samples_all);
		check_against_plain(model, cov, mean, x, samples_no_first);
		check_against_plain(model, cov, mean, x, samples_no_last);
	}
}

static void check_explanation(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	struct tacit_sample sample = { .x = x, .observed = observed };
	double share[D], z[D], expected[D], sum = 0, at = distance(model, x, observed);
	struct tacit_score result = { 0 };

	CU_ASSERT_EQUAL_FATAL(GAUSS->explain(model, &sample, share, z, expected), 0);
	CU_ASSERT_EQUAL_FATAL(score(model, x, observed, &result), 0);
	for (size_t j = 0; j < D; j++) {
		sum += share[j];
		if (observed[samples_group_of[j]]) {
			CU_ASSERT((z[j] > 0) == (x[j] > expected[j]));
		} else {
			CU_ASSERT(share[j] == 0 && z[j] == 0);
		}
		CU_ASSERT(fabs(z[j]) <= result.value[TACIT_STATISTIC_MAX_Z]);
		CU_ASSERT_DOUBLE_EQUAL(expected[j], 2 + (double)j / 2, 0.3);
	}
	CU_ASSERT_DOUBLE_EQUAL(sum, at, 1e-9 * at);
	CU_ASSERT_EQUAL(fabs(z[result.max_z_dim]), result.value[TACIT_STATISTIC_MAX_Z]);
	CU_ASSERT_EQUAL(GAUSS->explain(model, &sample, share, NULL, NULL), 0);
}

static void test_shares_add_up(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		double x[D];

		learn_many(model, random, 500, 1);
		for (unsigned i = 0; i < 20; i++) {
			samples_draw(random, i / 5.0, x);
			check_explanation(model, x, samples_all);
			check_explanation(model, x, samples_no_last);
			check_explanation(model, x, samples_no_first);
		}
	}
}

/* A young scope expects that something new may happen in any window, an old one less and less; one
 * that the fleet vouches for does not. */
static void test_unseen(void)
{
	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		double x[D] = { 0 }, first[D] = { 5 }, young, old, vouched;
		float block[3 * D];

		for (unsigned i = 0; i < 25; i++)
			learn(model, x, samples_all);
		young = distance(model, first, samples_all);
		CU_ASSERT_DOUBLE_EQUAL(young, 25 / (1.01 / 25 + 1e-4), 1);
		fill_block(block, 1, 0, 0.0025F);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
		vouched = distance(model, first, samples_all);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, NULL, 0), 0);
		for (unsigned i = 25; i < 1000; i++)
			learn(model, x, samples_all);
		old = distance(model, first, samples_all);
		CU_ASSERT(old > 10 * young && vouched > 10 * young);
	}
}

/* A scope that never did anything: its first event is odd, not infinitely so. */
static double mean_loss(float mean, float variance)
{
	struct tacit_model *model = make(0);
	double x[D], sum = 0;
	const struct tacit_sample sample = { .x = x, .observed = samples_all };
	float block[3 * D];
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	static const uint8_t seed[32] = { 7 };

	CU_ASSERT_EQUAL_FATAL(tacit_random_new(seed, &random), 0);
	fill_block(block, 1, mean, variance);
	CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 100), 0);
	for (int i = 0; i < 2000; i++) {
		double loss = 0;

		for (size_t j = 0; j < D; j++)
			x[j] = 2 + seeded_normal(random);
		CU_ASSERT_EQUAL(GAUSS->loss(model, &sample, &loss), 0);
		sum += loss;
	}
	tacit_model_free(model);
	return sum / 2000;
}

/* Mean 2 and variance 1 are the truth; whatever is wrong, to either side, is told. */
static void test_loss_finds_the_truth(void)
{
	static const float wrong[][2] = { { 2, 0.05F }, { 2, 0.3F }, { 2, 3 }, { 2, 20 },
					  { 1, 1 },	{ 3, 1 },    { 8, 1 } };
	double best = mean_loss(2, 0.8F);
	struct tacit_model *young = make(0);
	double x[D] = { 0 }, loss;
	const struct tacit_sample sample = { .x = x, .observed = samples_all };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT(mean_loss(wrong[i][0], wrong[i][1]) > best + 0.05);
	CU_ASSERT(mean_loss(2, 0.8F) < mean_loss(2.2F, 0.8F));
	CU_ASSERT_EQUAL(GAUSS->loss(young, &sample, &loss), -EAGAIN);
	tacit_model_free(young);
}

static void test_idle_scope(void)
{
	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		struct tacit_score result = { 0 };
		double x[D] = { 0 };

		for (unsigned i = 0; i < 5000; i++)
			learn(model, x, samples_all);
		CU_ASSERT_EQUAL(distance(model, x, samples_all), 0);
		x[5] = log1p(1);
		CU_ASSERT_EQUAL(score(model, x, samples_all, &result), 0);
		CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_MAX_Z], log(2) / 0.05, 1e-6);
		CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_DISTANCE],
				       log(2) * log(2) / (1e-4 + 1.01 / 5000), 1);
	}
}

/* Two events, each seen once in a thousand windows or never, surprise by what each is worth; how
 * much of them there is makes no difference, and what cannot be observed does not surprise. */
static void test_seldom_events(void)
{
	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		const struct tacit_sample sample = { .x = (double[D]){ 1, 0, 0.01, 0, 0, 0, 5, 0 },
						     .observed = samples_all };
		struct tacit_score result = { 0 };
		double nats[D], x[D] = { 3 };

		for (unsigned i = 0; i < 999; i++) {
			x[2] = i == 300;
			x[1] = i % 10 == 0;
			learn(model, x, samples_all);
		}
		CU_ASSERT_EQUAL(score(model, sample.x, samples_all, &result), 0);
		CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_RARE],
				       log(1000 / 1.5) / 2 + log(1000 / 0.5), 1e-3);
		CU_ASSERT_EQUAL(GAUSS->surprise(model, &sample, nats), 0);
		CU_ASSERT_DOUBLE_EQUAL(nats[2], log(1000 / 1.5), 1e-3);
		CU_ASSERT_DOUBLE_EQUAL(nats[6], log(1000 / 0.5), 1e-3);
		CU_ASSERT_EQUAL(nats[0] + nats[1] + nats[3] + nats[7], 0);
		CU_ASSERT_EQUAL(score(model, sample.x, samples_no_last, &result), 0);
		CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_RARE], log(1000 / 1.5), 1e-3);
		CU_ASSERT_EQUAL(score(model, x, samples_all, &result), 0);
		CU_ASSERT_EQUAL(result.value[TACIT_STATISTIC_RARE], 0);
	}
}

/* A fleet's mean says how often something can have moved at most. */
static void test_fleet_tells_what_is_seldom(void)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(0);
	const double x[D] = { 1 };
	struct tacit_score result = { 0 };
	float block[3 * D];

	fill_block(block, 1, 0, 0.0025F);
	CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
	CU_ASSERT_EQUAL(score(model, x, samples_all, &result), 0);
	CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_RARE], log(31 / 0.5), 1e-6);
	fill_block(block, 1, 0.5F, 0.0025F);
	CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
	CU_ASSERT_EQUAL(score(model, x, samples_all, &result), 0);
	CU_ASSERT_EQUAL(result.value[TACIT_STATISTIC_RARE], 0);
}

static void test_cold_start(void)
{
	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		double x[D] = { 3, 3, 3, 3, 3, 3, 3, 3 }, odd[D] = { 3, 9, 3, 3, 3, 3, 3, 3 };
		struct tacit_score result = { 0 };
		struct tacit_model_info info;
		float block[3 * D];

		fill_block(block, 1, 3, 0.25F);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
		CU_ASSERT_EQUAL(distance(model, x, samples_all), 0);
		CU_ASSERT_EQUAL(score(model, odd, samples_all, &result), 0);
		CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_MAX_Z], 12, 1e-9);
		CU_ASSERT_EQUAL(result.evidence, 30);
		GAUSS->info(model, &info);
		CU_ASSERT(info.prior == 30 && info.windows == 0 && info.promoted == promoted);
		fill_block(block, 0.5F, 3, 0.25F); /* its mean may be off: milder */
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
		CU_ASSERT_EQUAL(score(model, odd, samples_all, &result), 0);
		CU_ASSERT_DOUBLE_EQUAL(result.value[TACIT_STATISTIC_MAX_Z], 12 / sqrt(1.5), 1e-6);
		CU_ASSERT_EQUAL(result.evidence, 15);
		fill_block(block, 0.01F, 3, 0.25F); /* knows next to nothing */
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
		CU_ASSERT_EQUAL(score(model, x, samples_all, &result), -EAGAIN);
		fill_block(block, 1, 3, 0.25F);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, NULL, 0), 0);
		CU_ASSERT_EQUAL(score(model, x, samples_all, &result), -EAGAIN);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, -1), -EINVAL);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, NAN), -EINVAL);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 10001), -EINVAL);
	}
}

/* Prior worth 30 windows of mean 0, variance 1; 90 own ones of mean 4 and variance 1. */
static void test_posterior(void)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(0);
	double x[D], expected[D], share[D], z[D];
	double mean = 90 * 4 / 120.0, variance = (30 + 90 + 30 * 90 / 120.0 * 16) / 120;
	struct tacit_sample sample = { .x = x, .observed = samples_all };
	float block[3 * D];

	for (unsigned i = 0; i < 90; i++) {
		for (size_t j = 0; j < D; j++)
			x[j] = i % 2 ? 5 : 3;
		learn(model, x, samples_all);
	}
	fill_block(block, 1, 0, 1);
	CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
	for (size_t j = 0; j < D; j++)
		x[j] = mean + 1;
	CU_ASSERT_EQUAL(GAUSS->explain(model, &sample, share, z, expected), 0);
	for (size_t j = 0; j < D; j++) {
		CU_ASSERT_DOUBLE_EQUAL(expected[j], mean, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(z[j], 1 / sqrt(variance), 1e-6);
		CU_ASSERT_DOUBLE_EQUAL(share[j], 1 / (1.01 * variance + 1e-4), 1e-6);
	}
}

/* The prior fades: a wrong one is odd at first and forgotten later. */
static void test_own_evidence_takes_over(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *free_one = make(promoted);
		double x[D];
		float block[3 * D];

		fill_block(block, 1, 0, 0.1F);
		CU_ASSERT_EQUAL(GAUSS->set_prior(model, block, 30), 0);
		samples_draw(random, 0, x);
		CU_ASSERT(distance(model, x, samples_all) > 100);
		for (unsigned i = 0; i < 20000; i++) {
			samples_draw(random, 0, x);
			learn(model, x, samples_all);
			learn(free_one, x, samples_all);
		}
		samples_draw(random, 1, x);
		CU_ASSERT_DOUBLE_EQUAL(distance(model, x, samples_all) /
					       distance(free_one, x, samples_all),
				       1, 0.2);
	}
}

static void check_round_trip(int promoted)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(promoted);
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_model_info info;
	struct tacit_reader reader;
	double x[D];

	learn_many(model, random, 200, 1);
	GAUSS->save(model, &writer);
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL_FATAL(GAUSS->load(&samples_space, &reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	GAUSS->info(back, &info);
	CU_ASSERT(info.windows == 200 && info.promoted == promoted);
	CU_ASSERT_EQUAL(GAUSS->size_bytes(back), GAUSS->size_bytes(model));
	samples_draw(random, 1, x);
	CU_ASSERT_EQUAL(distance(model, x, samples_all), distance(back, x, samples_all));
}

static void test_round_trip(void)
{
	check_round_trip(0);
	check_round_trip(1);
}

static void test_size(void)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(0);

	CU_ASSERT(GAUSS->size_bytes(model) < GAUSS->promoted_bytes(&samples_space));
	CU_ASSERT_EQUAL(GAUSS->promote(model), 0);
	CU_ASSERT_EQUAL(GAUSS->promote(model), 0);
	CU_ASSERT_EQUAL(GAUSS->size_bytes(model), GAUSS->promoted_bytes(&samples_space));
}

static int use_everything(const uint8_t *data, size_t len)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *fresh = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *back = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);
	float block[3 * D];
	int r = GAUSS->new (&samples_space, &fresh);

	fill_block(block, 1, 3, 1);
	if (r == 0)
		r = GAUSS->promote(fresh);
	if (r == 0)
		r = GAUSS->set_prior(fresh, block, 30);
	if (r == 0)
		r = GAUSS->load(&samples_space, &reader, &back);
	return r;
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make(1);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	int r = -ENOMEM, nth;

	GAUSS->save(model, &writer);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = use_everything(writer.data, writer.len);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(nth, 24);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "too little evidence", test_too_little_evidence },
		{ "a young group is left out", test_young_group_is_left_out },
		{ "normal and odd windows", test_normal_and_odd },
		{ "seldom events surprise", test_seldom_events },
		{ "the fleet tells what is seldom", test_fleet_tells_what_is_seldom },
		{ "promotion sees correlation", test_promotion_sees_correlation },
		{ "the distance is Mahalanobis's", test_distance_is_mahalanobis },
		{ "shares add up", test_shares_add_up },
		{ "what was not seen yet", test_unseen },
		{ "the loss finds the truth", test_loss_finds_the_truth },
		{ "idle scope", test_idle_scope },
		{ "cold start", test_cold_start },
		{ "posterior", test_posterior },
		{ "own evidence takes over", test_own_evidence_takes_over },
		{ "round trip", test_round_trip },
		{ "size", test_size },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("gaussian", cases);
}
