/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "models/mixture.h"
#include "seed.h"
#include "unit.h"

#define DIMS 10U
#define ROWS 768U
#define HELD 256U

struct table {
	float x[ROWS + HELD][DIMS];
	float seen[ROWS + HELD][DIMS];
};

static struct tacit_mixture_rows rows_of(const struct table *table, size_t first, size_t n)
{
	return (struct tacit_mixture_rows){
		.n = n,
		.dims = DIMS,
		.x = table->x[first],
		.seen = table->seen[first],
	};
}

/* Cluster number @which of several: its place on a grid of steps of 6, its spread below 1. */
static float centre(size_t which, size_t j)
{
	return (float)((which >> (j % 3)) & 1) * 6 - 3;
}

static float spread(size_t which)
{
	return which % 2 ? 0.3F : 0.8F;
}

static void draw(struct tacit_random *random, size_t clusters, struct table *table)
{
	for (size_t i = 0; i < ROWS + HELD; i++) {
		size_t which = (size_t)tacit_random_below(random, clusters);

		for (size_t j = 0; j < DIMS; j++) {
			table->x[i][j] = (float)seeded_normal(random);
			if (clusters > 1)
				table->x[i][j] = centre(which, j) + spread(which) * table->x[i][j];
			table->seen[i][j] = 1;
		}
	}
}

static struct tacit_mixture *choose(const struct table *table)
{
	struct tacit_mixture_rows rows = rows_of(table, 0, ROWS);
	struct tacit_mixture_rows held = rows_of(table, ROWS, HELD);
	struct tacit_mixture *mixture = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_mixture_choose(&rows, &held, &mixture), 0);
	return mixture;
}

static double distance(const struct tacit_mixture *mixture, const float *x)
{
	static const float all[DIMS] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

	return tacit_mixture_distance(mixture, x, all, NULL);
}

static void test_clusters_are_found(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static struct table table;

	for (size_t clusters = 2; clusters <= 8; clusters *= 2) {
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
		float x[DIMS], middle[DIMS] = { 0 };
		double sum = 0;

		draw(random, clusters, &table);
		mixture = choose(&table);
		CU_ASSERT(tacit_mixture_components(mixture) >= clusters);
		for (size_t which = 0; which < clusters; which++) {
			for (size_t j = 0; j < DIMS; j++)
				x[j] = centre(which, j);
			CU_ASSERT(distance(mixture, x) < 2 * DIMS);
		}
		CU_ASSERT(distance(mixture, middle) > 10 * DIMS);
		for (size_t i = ROWS; i < ROWS + HELD; i++)
			sum += distance(mixture, table.x[i]);
		CU_ASSERT(sum / HELD > DIMS / 2.0 && sum / HELD < 2.5 * DIMS);
	}
}

/* What one Gaussian made is one Gaussian's, and so is what is too little to tell. */
static void test_one_is_enough(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static struct table table;

	for (unsigned round = 0; round < 5; round++) {
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;

		draw(random, 1, &table);
		mixture = choose(&table);
		CU_ASSERT_EQUAL(tacit_mixture_components(mixture), 1);
		for (size_t j = 0; j < DIMS; j++)
			table.x[0][j] = 0;
		CU_ASSERT_DOUBLE_EQUAL(distance(mixture, table.x[0]), 0, 0.5);
		table.x[0][3] = 6;
		CU_ASSERT_DOUBLE_EQUAL(distance(mixture, table.x[0]), 36, 9);
	}
}

static void test_few_rows(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static struct table table;

	draw(random, 4, &table);
	for (size_t n = 1; n < 64; n += 9) {
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *forced = NULL;
		struct tacit_mixture_rows rows = rows_of(&table, 0, n);
		struct tacit_mixture_rows held = rows_of(&table, ROWS, n / 4);

		CU_ASSERT_EQUAL_FATAL(tacit_mixture_choose(&rows, &held, &mixture), 0);
		CU_ASSERT_EQUAL(tacit_mixture_components(mixture), 1);
		CU_ASSERT_EQUAL_FATAL(
			tacit_mixture_fit(&rows, TACIT_MIXTURE_COMPONENTS_MAX, &forced), 0);
		CU_ASSERT(tacit_mixture_components(forced) <= (n + 4) / 5 ||
			  tacit_mixture_components(forced) == 1);
		CU_ASSERT(isfinite(distance(forced, table.x[0])));
	}
}

/* Rows that are all alike, at 0 and far out, leave the shared floor and nothing else. */
static void test_rows_alike(void)
{
	static struct table table;

	for (unsigned far = 0; far < 2; far++) {
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
		float odd[DIMS];

		for (size_t i = 0; i < ROWS + HELD; i++)
			for (size_t j = 0; j < DIMS; j++) {
				table.x[i][j] = far ? 100 : 0;
				table.seen[i][j] = 1;
			}
		mixture = choose(&table);
		CU_ASSERT_EQUAL(tacit_mixture_components(mixture), 1);
		CU_ASSERT_DOUBLE_EQUAL(distance(mixture, table.x[0]), 0, 1e-6);
		memcpy(odd, table.x[0], sizeof(odd));
		odd[2] += 1;
		CU_ASSERT_DOUBLE_EQUAL(distance(mixture, odd), 100, 1e-3);
	}
}

static void test_extremes_stay_finite(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	static struct table table;

	draw(random, 2, &table);
	for (size_t i = 0; i < ROWS; i += 50)
		for (size_t j = 0; j < DIMS; j++)
			table.x[i][j] = (j % 2 ? -1 : 1) * TACIT_MIXTURE_VALUE_MAX;
	mixture = choose(&table);
	for (size_t i = 0; i < ROWS + HELD; i++) {
		double at = distance(mixture, table.x[i]);

		CU_ASSERT(isfinite(at) && at >= 0);
	}
}

/* Coordinates that are missing in a third of the rows, or in all of them. */
static void test_missing(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static struct table table;

	for (unsigned always = 0; always < 2; always++) {
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
		float x[DIMS], seen[DIMS], none[DIMS] = { 0 };

		draw(random, 4, &table);
		for (size_t i = 0; i < ROWS + HELD; i++)
			for (size_t j = 0; j < DIMS; j++)
				if (j > 6 && (always || i % 3 == 0))
					table.x[i][j] = table.seen[i][j] = 0;
		mixture = choose(&table);
		CU_ASSERT(tacit_mixture_components(mixture) >= 4);
		for (size_t j = 0; j < DIMS; j++) {
			x[j] = j > 6 ? 0 : centre(2, j);
			seen[j] = j <= 6;
		}
		CU_ASSERT(tacit_mixture_distance(mixture, x, seen, NULL) < 2 * DIMS);
		x[0] += 6;
		CU_ASSERT(tacit_mixture_distance(mixture, x, seen, NULL) > 5 * DIMS);
		CU_ASSERT_EQUAL(tacit_mixture_distance(mixture, x, none, NULL), 0);
	}
}

/* The distance is the component's own, and at most one for each coordinate more. */
static void test_residual_adds_up(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	static struct table table;
	double delta[DIMS], pull[DIMS], at, sum;
	size_t component;

	draw(random, 8, &table);
	mixture = choose(&table);
	for (size_t i = ROWS; i < ROWS + HELD; i++) {
		sum = 0;
		table.seen[i][i % DIMS] = 0;
		at = tacit_mixture_distance(mixture, table.x[i], table.seen[i], &component);
		tacit_mixture_residual(mixture, component, table.x[i], table.seen[i], delta, pull);
		for (size_t j = 0; j < DIMS; j++)
			sum += delta[j] * pull[j];
		CU_ASSERT(delta[i % DIMS] == 0 && pull[i % DIMS] == 0);
		CU_ASSERT(at >= sum - 1e-3 * sum && at <= sum + DIMS + 1e-3 * sum);
	}
}

static void test_same_rows_same_mixture(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *one = NULL;
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *other = NULL;
	static struct table table;

	draw(random, 4, &table);
	one = choose(&table);
	other = choose(&table);
	for (size_t i = 0; i < ROWS; i++)
		CU_ASSERT_EQUAL(distance(one, table.x[i]), distance(other, table.x[i]));
}

static void save(struct tacit_writer *writer, struct table *table, struct tacit_mixture **ret)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();

	draw(random, 4, table);
	*ret = choose(table);
	tacit_mixture_save(*ret, writer);
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	static struct table table;
	struct tacit_reader reader;

	save(&writer, &table, &mixture);
	reader = tacit_reader_init(writer.data, writer.len);
	CU_ASSERT_EQUAL_FATAL(tacit_mixture_load(DIMS, &reader, &back), 0);
	CU_ASSERT(tacit_read_done(&reader));
	CU_ASSERT_EQUAL(tacit_mixture_components(back), tacit_mixture_components(mixture));
	CU_ASSERT_EQUAL(tacit_mixture_dims(back), DIMS);
	for (size_t i = 0; i < ROWS; i++)
		CU_ASSERT_DOUBLE_EQUAL(distance(back, table.x[i]), distance(mixture, table.x[i]),
				       1e-4);
}

static int load(const uint8_t *data, size_t len)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *back = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);

	return tacit_mixture_load(DIMS, &reader, &back);
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
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	static const uint8_t none = 0, many = TACIT_MIXTURE_COMPONENTS_MAX + 1;
	static const double heavy = 7, nan_weight = NAN;
	static const float bad[] = { NAN, INFINITY, -1, 0, 1e30F };
	static struct table table;
	size_t means;

	save(&writer, &table, &mixture);
	means = 1 + 8 * tacit_mixture_components(mixture);
	for (size_t len = 0; len < writer.len; len += 7)
		CU_ASSERT_EQUAL(load(writer.data, len), TACIT_EDAMAGED);
	check_damage(&writer, 0, &none, 1);
	check_damage(&writer, 0, &many, 1);
	check_damage(&writer, 1, &heavy, sizeof(heavy));
	check_damage(&writer, 1, &nan_weight, sizeof(nan_weight));
	check_damage(&writer, means, &bad[0], sizeof(float));
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++) /* precisions */
		check_damage(&writer, means + 4, &bad[i], sizeof(float));
}

static int use_everything(const struct table *table)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *back = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_mixture_rows rows = rows_of(table, 0, 200);
	struct tacit_mixture_rows held = rows_of(table, ROWS, 60);
	struct tacit_reader reader;
	int r = tacit_mixture_choose(&rows, &held, &mixture);

	if (r < 0)
		return r;
	tacit_mixture_save(mixture, &writer);
	if (writer.failed)
		return -ENOMEM;
	reader = tacit_reader_init(writer.data, writer.len);
	return tacit_mixture_load(DIMS, &reader, &back);
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	static struct table table;
	int r = -ENOMEM, nth;

	draw(random, 2, &table);
	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		unit_fail_alloc(nth);
		r = use_everything(&table);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 12);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "clusters are found", test_clusters_are_found },
		{ "one is enough for one Gaussian", test_one_is_enough },
		{ "few rows", test_few_rows },
		{ "rows that are alike", test_rows_alike },
		{ "extremes stay finite", test_extremes_stay_finite },
		{ "missing coordinates", test_missing },
		{ "residuals add up", test_residual_adds_up },
		{ "the same rows give the same mixture", test_same_rows_same_mixture },
		{ "round trip", test_round_trip },
		{ "damaged bytes", test_damaged },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("mixture", cases);
}
