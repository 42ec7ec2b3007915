/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/autoencoder.h"
#include "samples.h"
#include "unit.h"

#define DIMS	24U
#define GROUPS	3U
#define FACTORS 2U
#define AE	(&tacit_autoencoder_kind)
#define SAMPLE	400U

/* Windows of 24 features in three groups that follow two hidden numbers: what one host does differs
 * from what another does in where its features lie, not in how they go together. */
static uint16_t group_of[DIMS];
static const struct tacit_space space = { .dims = DIMS, .groups = GROUPS, .group_of = group_of };
static const uint8_t all[GROUPS] = { 1, 1, 1 }, no_last[GROUPS] = { 1, 1, 0 };
static const uint8_t none[GROUPS] = { 0 };

static double loading(size_t factor, size_t j)
{
	return sin(1.7 * (double)j + 2.1 * (double)factor + 0.4);
}

static void draw(struct tacit_random *random, double place, double *x)
{
	double hidden[FACTORS] = { seeded_normal(random), seeded_normal(random) };

	for (size_t j = 0; j < DIMS; j++) {
		x[j] = 4 + place * cos((double)j) + 0.1 * seeded_normal(random);
		for (size_t f = 0; f < FACTORS; f++)
			x[j] += 0.7 * loading(f, j) * hidden[f];
	}
}

/* Every feature as far from its mean as it often is, but not together: no hidden numbers do that.
 */
static void draw_odd(struct tacit_random *random, double place, double *x)
{
	for (size_t j = 0; j < DIMS; j++)
		x[j] = 4 + place * cos((double)j) + 0.5 * (seeded_uniform(random) < 0.5 ? -1 : 1);
}

static struct tacit_model *make(void)
{
	struct tacit_model *model = NULL;

	for (size_t j = 0; j < DIMS; j++)
		group_of[j] = (uint16_t)(j * GROUPS / DIMS);
	CU_ASSERT_EQUAL_FATAL(AE->new (&space, &model), 0);
	return model;
}

static void learn(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };

	CU_ASSERT_EQUAL_FATAL(AE->learn(model, &sample, 1), 0);
}

/* Learns @n windows, of which every fifth lacks a group, and refines itself with them. */
static int live(struct tacit_model *model, struct tacit_random *random, double place, size_t n)
{
	static double x[SAMPLE][DIMS];
	struct tacit_sample sample[SAMPLE];

	for (size_t i = 0; i < n; i++) {
		draw(random, place, x[i]);
		sample[i] = (struct tacit_sample){ x[i], i % 5 == 0 ? no_last : all };
		learn(model, x[i], sample[i].observed);
	}
	return AE->refine(model, sample, n);
}

static struct tacit_model *grown(struct tacit_random *random)
{
	struct tacit_model *model = make();

	CU_ASSERT_EQUAL_FATAL(AE->promote(model), 0);
	CU_ASSERT_EQUAL_FATAL(live(model, random, 0, SAMPLE), 0);
	return model;
}

static double distance(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };
	struct tacit_score score = { 0 };

	CU_ASSERT_EQUAL_FATAL(AE->score(model, &sample, &score), 0);
	CU_ASSERT(isfinite(score.value[0]) && score.value[0] >= 0);
	CU_ASSERT(isfinite(score.value[1]) && score.value[1] >= 0);
	return score.value[TACIT_STATISTIC_DISTANCE];
}

/* Share of 200 odd windows that score above 95% of as many normal ones. */
static double found(struct tacit_model *model, struct tacit_random *random, double place)
{
	double x[DIMS], score[200];
	size_t above = 0, higher;

	for (size_t i = 0; i < 200; i++) {
		draw(random, place, x);
		score[i] = distance(model, x, all);
	}
	for (size_t i = 0; i < 200; i++) {
		double odd;

		draw_odd(random, place, x);
		odd = distance(model, x, all);
		higher = 0;
		for (size_t k = 0; k < 200; k++)
			higher += score[k] >= odd;
		above += higher <= 10;
	}
	return (double)above / 200;
}

static void test_shape(void)
{
	static const uint16_t rows[][3] = { { 1, 1, 1 },    { 8, 4, 2 },    { 19, 10, 4 },
					    { 128, 24, 8 }, { 186, 24, 8 }, { 512, 24, 8 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tacit_space any = { .dims = rows[i][0], .groups = 1 };
		struct tacit_mlp_shape shape = tacit_autoencoder_shape(&any);

		CU_ASSERT(shape.layers == 4 && shape.width[0] == rows[i][0] &&
			  shape.width[1] == rows[i][1] && shape.width[2] == rows[i][2] &&
			  shape.width[3] == rows[i][1] && shape.width[4] == rows[i][0]);
	}
}

/* The Gaussian's scores, until there is a network. */
static void test_before_a_network(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *gaussian = NULL;
	double x[DIMS];
	struct tacit_sample sample = { .x = x, .observed = all };
	struct tacit_score score, expected;

	CU_ASSERT_EQUAL_FATAL(tacit_gaussian_kind.new(&space, &gaussian), 0);
	draw(random, 0, x);
	CU_ASSERT_EQUAL(AE->score(model, &sample, &score), -EAGAIN);
	for (unsigned i = 0; i < 100; i++) {
		draw(random, 0, x);
		learn(model, x, all);
		CU_ASSERT_EQUAL(tacit_gaussian_kind.learn(gaussian, &sample, 1), 0);
	}
	draw(random, 1, x);
	CU_ASSERT_EQUAL(AE->score(model, &sample, &score), 0);
	CU_ASSERT_EQUAL(tacit_gaussian_kind.score(gaussian, &sample, &expected), 0);
	CU_ASSERT_EQUAL(score.value[0], expected.value[0]);
	CU_ASSERT_EQUAL(score.value[1], expected.value[1]);
	CU_ASSERT_EQUAL(AE->refine(model, &sample, 1), -EAGAIN);
	CU_ASSERT_EQUAL(AE->promote(model), 0);
	CU_ASSERT_EQUAL(AE->promote(model), 0);
	CU_ASSERT_EQUAL(live(model, random, 0, TACIT_AUTOENCODER_SAMPLE_MIN - 1), -EAGAIN);
	CU_ASSERT_EQUAL(AE->score(model, &sample, &expected), 0);
	CU_ASSERT_EQUAL(live(model, random, 0, TACIT_AUTOENCODER_SAMPLE_MIN), 0);
}

/* What breaks the planted structure is invisible feature by feature, and found by the network. */
static void test_learns_low_rank(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make();
	double before, after, x[DIMS], sum = 0;

	CU_ASSERT_EQUAL(live(model, random, 0, SAMPLE), -EAGAIN); /* not promoted */
	before = found(model, random, 0);
	CU_ASSERT_EQUAL(AE->promote(model), 0);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(live(model, random, 0, SAMPLE), 0);
	after = found(model, random, 0);
	CU_ASSERT(before < 0.5 && after > 0.95);
	for (unsigned i = 0; i < 500; i++) {
		draw(random, 0, x);
		sum += distance(model, x, all) / 500;
	}
	CU_ASSERT(sum > 0.5 * DIMS && sum < 2 * DIMS);
}

static void check_explanation(struct tacit_model *model, const double *x, const uint8_t *observed)
{
	const struct tacit_sample sample = { .x = x, .observed = observed };
	double share[DIMS], z[DIMS], expected[DIMS], sum = 0, at = distance(model, x, observed);
	struct tacit_score score;

	CU_ASSERT_EQUAL_FATAL(AE->explain(model, &sample, share, z, expected), 0);
	CU_ASSERT_EQUAL_FATAL(AE->score(model, &sample, &score), 0);
	for (size_t j = 0; j < DIMS; j++) {
		sum += share[j];
		CU_ASSERT(observed[group_of[j]] || (share[j] == 0 && z[j] == 0));
		CU_ASSERT(share[j] >= 0 && isfinite(share[j]));
	}
	CU_ASSERT_DOUBLE_EQUAL(sum, at, 1e-9 * at);
	CU_ASSERT_EQUAL(fmin(fabs(z[score.max_z_dim]), 1e9), score.value[TACIT_STATISTIC_MAX_Z]);
	CU_ASSERT_EQUAL(AE->explain(model, &sample, share, NULL, NULL), 0);
}

static void test_shares_add_up(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grown(random);
	double x[DIMS];

	for (unsigned i = 0; i < 20; i++) {
		draw(random, i / 5.0, x);
		check_explanation(model, x, all);
		check_explanation(model, x, no_last);
	}
	x[7] += 3; /* and the odd one out is named */
	{
		const struct tacit_sample sample = { .x = x, .observed = all };
		double share[DIMS];

		draw(random, 0, x);
		x[7] += 3;
		CU_ASSERT_EQUAL(AE->explain(model, &sample, share, NULL, NULL), 0);
		for (size_t j = 0; j < DIMS; j++)
			CU_ASSERT(j == 7 || share[j] < share[7]);
	}
}

/* What is missing has no say, whatever was left in its place. */
static void test_missing_group(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grown(random);
	double x[DIMS], y[DIMS];
	struct tacit_sample sample = { .x = x, .observed = none };
	struct tacit_score score;

	draw(random, 0, x);
	memcpy(y, x, sizeof(y));
	for (size_t j = 0; j < DIMS; j++)
		if (group_of[j] == 2)
			y[j] = 1e9;
	CU_ASSERT_EQUAL(distance(model, x, no_last), distance(model, y, no_last));
	CU_ASSERT(distance(model, y, all) > 1e6);
	CU_ASSERT_EQUAL(AE->score(model, &sample, &score), -EAGAIN);
}

static void test_extremes(void)
{
	static const double values[] = { 0, -1e300, 1e300, 1e30, -40, 44.4 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grown(random);
		struct tacit_sample sample[100];
		double x[DIMS];

		for (size_t j = 0; j < DIMS; j++)
			x[j] = values[v];
		check_explanation(model, x, all);
		if (fabs(values[v]) > 100)
			continue; /* no log count, so never learned */
		for (size_t i = 0; i < 100; i++) {
			sample[i] = (struct tacit_sample){ x, all };
			learn(model, x, all);
		}
		CU_ASSERT_EQUAL(AE->refine(model, sample, 100), 0);
		check_explanation(model, x, all);
		draw(random, 0, x);
		check_explanation(model, x, all);
	}
}

static float *new_block(void)
{
	float *block = TACIT_NEW_N(float, AE->block_len(&space));

	AE->block_init(&space, block);
	return block;
}

static double *new_sum(void)
{
	return TACIT_NEW_N(double, AE->contribution_len(&space));
}

static double norm_of(const double *value, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += value[i] * value[i];
	return sqrt(sum);
}

static void test_check(void)
{
	size_t head = tacit_gaussian_block_len(&space);
	const struct {
		size_t at;
		float value;
		int code;
	} rows[] = {
		{ 0, 1.1F, -EINVAL }, /* the Gaussian's */
		{ head, 1, 0 },
		{ head, 1.1F, -EINVAL },
		{ head, NAN, -EINVAL },
		{ head + 1, -1, -EINVAL },
		{ head + 2, 0, -EINVAL },
		{ head + 2, 5, -EINVAL },
		{ head + 2 + DIMS, 16, 0 },
		{ head + 2 + DIMS, -17, -EINVAL },
		{ head + 2 + DIMS, NAN, -EINVAL },
		{ AE->block_len(&space) - 1, -1, -EINVAL },
		{ AE->block_len(&space) - 1, INFINITY, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TACIT_AUTO_FREE float *block = new_block();

		block[rows[i].at] = rows[i].value;
		CU_ASSERT_EQUAL(AE->check(&space, block), rows[i].code);
	}
}

/* Nothing of a network that was not refined, or that began elsewhere; a norm of about one. */
static void test_contribution(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make();
	size_t from = tacit_gaussian_contribution_len(&space), len = AE->contribution_len(&space);
	TACIT_AUTO_FREE float *block = new_block();
	TACIT_AUTO_FREE double *out = new_sum();

	CU_ASSERT_EQUAL(AE->promote(model), 0);
	AE->contribute(model, block, out);
	CU_ASSERT_EQUAL(norm_of(out, len), 0);
	CU_ASSERT_EQUAL(live(model, random, 0, SAMPLE), 0);
	AE->contribute(model, block, out);
	for (size_t i = 0; i < len; i++)
		CU_ASSERT_FATAL(fabs(out[i]) <= 1);
	CU_ASSERT(norm_of(out + from, len - from) > 0.5 && norm_of(out, len) < 2);
	block[tacit_autoencoder_block_head(&space) - 1] += 0.5F;
	AE->contribute(model, block, out);
	CU_ASSERT(norm_of(out, from) > 0.1);
	CU_ASSERT_EQUAL(norm_of(out + from, len - from), 0);
}

/* One round: every host leans on @block, lives, refines, and speaks; @noise_sd is added. */
static void hold_round(struct tacit_model **host, size_t n, double times, double noise_sd,
		       struct tacit_random *random, float *block)
{
	size_t len = AE->contribution_len(&space);
	TACIT_AUTO_FREE double *sum = new_sum();
	TACIT_AUTO_FREE double *one = new_sum();
	TACIT_AUTO_FREE float *next = new_block();
	const struct tacit_sum heard = { sum, (uint64_t)((double)n * times), noise_sd };

	for (size_t h = 0; h < n; h++) {
		CU_ASSERT_EQUAL_FATAL(AE->set_prior(host[h], block, 30), 0);
		CU_ASSERT_EQUAL_FATAL(live(host[h], random, (double)h, SAMPLE), 0);
		AE->contribute(host[h], block, one);
		for (size_t i = 0; i < len; i++)
			sum[i] += times * one[i];
	}
	for (size_t i = 0; i < len; i++)
		sum[i] += noise_sd * seeded_normal(random);
	AE->absorb(&space, &heard, block, next);
	CU_ASSERT_EQUAL_FATAL(AE->check(&space, next), 0);
	memcpy(block, next, AE->block_len(&space) * sizeof(*block));
}

static void make_hosts(struct tacit_model **host, size_t n)
{
	for (size_t h = 0; h < n; h++) {
		host[h] = make();
		CU_ASSERT_EQUAL_FATAL(AE->promote(host[h]), 0);
	}
}

static void free_hosts(struct tacit_model **host, size_t n)
{
	for (size_t h = 0; h < n; h++)
		tacit_model_free(host[h]);
}

/* Hosts whose features lie elsewhere teach one network; with it a new host that has seen 30 windows
 * finds what the same host alone does not. With noise, too. */
static void test_rounds_help_a_new_host(void)
{
	static const double noise[] = { 0, 4 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (size_t i = 0; i < 2; i++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *alone = make();
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *helped = make();
		TACIT_AUTO_FREE float *block = new_block();
		struct tacit_model *host[4];
		double x[DIMS], found_alone, found_helped;

		make_hosts(host, 4);
		for (unsigned round = 0; round < 6; round++)
			hold_round(host, 4, 100, noise[i], random, block);
		free_hosts(host, 4);
		printf("# trust %g\n", (double)tacit_autoencoder_block_get(&space, block).trust);
		CU_ASSERT(tacit_autoencoder_block_get(&space, block).trust > 0.6F);
		CU_ASSERT_EQUAL(AE->set_prior(helped, block, 30), 0);
		for (unsigned w = 0; w < 30; w++) {
			draw(random, 1.5, x);
			learn(alone, x, all);
			learn(helped, x, all);
		}
		found_alone = found(alone, random, 1.5);
		found_helped = found(helped, random, 1.5);
		printf("# noise %g: %.2f alone, %.2f helped\n", noise[i], found_alone,
		       found_helped);
		CU_ASSERT(found_helped > found_alone + 0.3);
		CU_ASSERT(found_helped > 0.8);
	}
}

/* Where noise drowns all, weights stay what they were, and nobody is told to rely on them. */
static void test_drowned_rounds(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_AUTO_FREE float *first = new_block();

	for (double noise = 100; noise < 1e9; noise *= 100) {
		TACIT_AUTO_FREE float *block = new_block();
		struct tacit_autoencoder_net net, was = tacit_autoencoder_block_get(&space, first);
		struct tacit_model *host[2];
		double moved = 0;

		make_hosts(host, 2);
		for (unsigned round = 0; round < 4; round++)
			hold_round(host, 2, 10, noise, random, block);
		net = tacit_autoencoder_block_get(&space, block);
		for (size_t i = 0; i < 1000; i++)
			moved = fmax(moved, fabs((double)(net.weight[i] - was.weight[i])));
		CU_ASSERT(net.trust < 0.1F && moved < 0.5);
		free_hosts(host, 2);
	}
}

/* A network that is good outlives a round that drowned. */
static void test_reference_survives(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_AUTO_FREE float *block = new_block();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *before = make();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *after = make();
	struct tacit_model *host[2];

	make_hosts(host, 2);
	for (unsigned round = 0; round < 6; round++)
		hold_round(host, 2, 100, 0, random, block);
	CU_ASSERT_EQUAL(AE->set_prior(before, block, 100), 0);
	hold_round(host, 2, 100, 2000, random, block);
	free_hosts(host, 2);
	CU_ASSERT_EQUAL(AE->set_prior(after, block, 100), 0);
	CU_ASSERT(tacit_autoencoder_block_get(&space, block).trust > 0.6F);
	CU_ASSERT_DOUBLE_EQUAL(found(before, random, 0.5), found(after, random, 0.5), 0.15);
}

/* Training stays the nearer to the anchor, the larger mu is; and draws the worse for it. */
static void test_prox_pulls(void)
{
	static const double prox[] = { 0, 1e-2, 1 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *gaussian = NULL;
	const struct tacit_mlp_shape shape = tacit_autoencoder_shape(&space);
	double moved[3] = { 0 }, wrong[3] = { 0 };
	static double x[SAMPLE][DIMS];
	struct tacit_sample sample[SAMPLE];
	float anchor[1000];

	CU_ASSERT_EQUAL_FATAL(tacit_gaussian_kind.new(&space, &gaussian), 0);
	for (size_t i = 0; i < SAMPLE; i++) {
		draw(random, 0, x[i]);
		sample[i] = (struct tacit_sample){ x[i], all };
		CU_ASSERT_EQUAL(tacit_gaussian_kind.learn(gaussian, &sample[i], 1), 0);
	}
	tacit_autoencoder_first_weights(&space, anchor);
	for (size_t i = 0; i < 3; i++) {
		float weight[1000];
		struct tacit_autoencoder_course course = { .anchor = anchor,
							   .prox = prox[i],
							   .weight = weight };

		tacit_autoencoder_first_weights(&space, weight);
		CU_ASSERT_EQUAL(tacit_autoencoder_train(&space, gaussian, sample, SAMPLE, &course),
				0);
		CU_ASSERT(course.windows == SAMPLE && course.measured == SAMPLE / 4);
		for (size_t k = 0; k < tacit_mlp_len(&shape); k++)
			moved[i] += pow((double)(weight[k] - anchor[k]), 2);
		for (size_t j = 0; j < DIMS; j++)
			wrong[i] += (double)course.residual[j];
	}
	CU_ASSERT(moved[0] > 1.1 * moved[1] && moved[1] > 10 * moved[2]);
	CU_ASSERT(wrong[0] < wrong[1] && wrong[1] < wrong[2]);
}

static void save(const struct tacit_model *model, struct tacit_writer *writer)
{
	AE->save(model, writer);
	CU_ASSERT_FALSE_FATAL(writer->failed);
}

static void test_save_and_load(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	for (int promoted = 0; promoted < 2; promoted++) {
		TACIT_CLEANUP(tacit_model_free_p)
		struct tacit_model *model = promoted ? grown(random) : make();
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *loaded = NULL;
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 }, again = { 0 };
		struct tacit_reader reader;
		double x[DIMS];

		for (unsigned i = 0; i < 50; i++) {
			draw(random, 0, x);
			learn(model, x, all);
		}
		save(model, &writer);
		reader = tacit_reader_init(writer.data, writer.len);
		CU_ASSERT_EQUAL_FATAL(AE->load(&space, &reader, &loaded), 0);
		CU_ASSERT(tacit_read_done(&reader));
		save(loaded, &again);
		CU_ASSERT(again.len == writer.len &&
			  memcmp(again.data, writer.data, writer.len) == 0);
		draw(random, 1, x);
		CU_ASSERT_EQUAL(distance(loaded, x, all), distance(model, x, all));
		CU_ASSERT_EQUAL(AE->size_bytes(loaded), AE->size_bytes(model));
		tacit_writer_done(&again);
	}
}

/* Cut short anywhere, of another version, with numbers that are none. */
static void test_damage(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grown(random);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_model *loaded = NULL;
	struct tacit_reader reader;

	save(model, &writer);
	for (size_t len = 0; len < writer.len; len += len < 100 ? 1 : 97) {
		reader = tacit_reader_init(writer.data, len);
		CU_ASSERT_EQUAL(AE->load(&space, &reader, &loaded), TACIT_EDAMAGED);
	}
	for (size_t at = writer.len - 400; at < writer.len; at += 4) {
		uint8_t was[4];

		memcpy(was, writer.data + at, 4);
		memset(writer.data + at, 0xff, 4); /* NaN */
		reader = tacit_reader_init(writer.data, writer.len);
		CU_ASSERT_EQUAL(AE->load(&space, &reader, &loaded), TACIT_EDAMAGED);
		memcpy(writer.data + at, was, 4);
	}
	writer.data[1] = 2;
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL(AE->load(&space, &reader, &loaded), TACIT_EDAMAGED);
	writer.data[0] = 99;
	writer.data[1] = 1;
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL(AE->load(&space, &reader, &loaded), TACIT_ESCHEMA);
	CU_ASSERT_PTR_NULL(loaded);
}

static void test_prior(void)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = make();
	TACIT_AUTO_FREE float *block = new_block();
	struct tacit_model_info info;

	for (size_t j = 0; j < DIMS; j++)
		block[3 * j] = 1;
	CU_ASSERT_EQUAL(AE->set_prior(model, block, -1), -EINVAL);
	CU_ASSERT_EQUAL(AE->set_prior(model, block, NAN), -EINVAL);
	CU_ASSERT_EQUAL(AE->set_prior(model, block, 30), 0);
	AE->info(model, &info);
	CU_ASSERT(info.prior == 30 && info.windows == 0 && !info.promoted);
	CU_ASSERT_EQUAL(AE->set_prior(model, NULL, 0), 0);
	AE->info(model, &info);
	CU_ASSERT_EQUAL(info.prior, 0);
}

/* Every allocation fails once: nothing has changed then. */
static void test_out_of_memory(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = grown(random);
	TACIT_AUTO_FREE float *block = new_block();
	static double x[100][DIMS];
	struct tacit_sample sample[100];
	double before;
	int r = -ENOMEM;

	for (size_t i = 0; i < 100; i++) {
		draw(random, 0, x[i]);
		sample[i] = (struct tacit_sample){ x[i], all };
	}
	before = distance(model, x[0], all);
	for (int nth = 0; r == -ENOMEM; nth++) {
		unit_fail_alloc(nth);
		r = AE->refine(model, sample, 100);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || distance(model, x[0], all) == before);
	}
	CU_ASSERT_EQUAL(r, 0);
	r = -ENOMEM;
	for (int nth = 0; r == -ENOMEM; nth++) {
		struct tacit_model *other = NULL;

		unit_fail_alloc(nth);
		r = AE->new (&space, &other);
		if (r == 0)
			r = AE->promote(other);
		if (r == 0)
			r = AE->set_prior(other, block, 30);
		unit_fail_alloc(-1);
		tacit_model_free(other);
	}
	CU_ASSERT_EQUAL(r, 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "shape", test_shape },
		{ "before there is a network", test_before_a_network },
		{ "learns what is of low rank", test_learns_low_rank },
		{ "shares add up", test_shares_add_up },
		{ "a missing group has no say", test_missing_group },
		{ "extremes", test_extremes },
		{ "check of a block", test_check },
		{ "contribution", test_contribution },
		{ "rounds help a new host", test_rounds_help_a_new_host },
		{ "drowned rounds teach nothing", test_drowned_rounds },
		{ "the reference survives noise", test_reference_survives },
		{ "the fleet's weights pull", test_prox_pulls },
		{ "save and load", test_save_and_load },
		{ "damage", test_damage },
		{ "prior", test_prior },
		{ "out of memory", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("autoencoder", cases);
}
