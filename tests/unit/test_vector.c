/* SPDX-License-Identifier: MIT */
/* Every width that this processor has, against plain loops. */
#include <math.h>
#include <string.h>

#include "models/vector.h"
#include "seed.h"
#include "unit.h"

#define ROWS  37U
#define TERMS 23U
#define WIDE  48U

static void fill(struct tacit_random *random, float *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		value[i] = (float)seeded_normal(random);
}

static void test_names(void)
{
	size_t n = 0;

	for (; tacit_vector_at(n); n++)
		printf("# %s\n", tacit_vector_at(n)->name);
	CU_ASSERT(n >= 1);
	CU_ASSERT_STRING_EQUAL(tacit_vector_at(n - 1)->name, "plain");
	CU_ASSERT_PTR_EQUAL(tacit_vector_best(), tacit_vector_at(0));
	CU_ASSERT(tacit_vector_padded(0) == 0 && tacit_vector_padded(1) == 16 &&
		  tacit_vector_padded(16) == 16 && tacit_vector_padded(17) == 32);
}

/* A as it is and transposed, rows that no tile divides, beside numbers that must stay. */
static void test_multiply(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	float a[ROWS * TERMS], b[TERMS * WIDE], c[ROWS * (WIDE + 1)];

	fill(random, a, ROWS * TERMS);
	fill(random, b, TERMS * WIDE);
	for (size_t kind = 0; tacit_vector_at(kind); kind++)
		for (int transposed = 0; transposed < 2; transposed++) {
			struct tacit_vector_product product = {
				.m = ROWS,
				.k = TERMS,
				.n = WIDE,
				.a = a,
				.a_row = transposed ? 1 : TERMS,
				.a_column = transposed ? ROWS : 1,
				.b = b,
				.b_row = WIDE,
				.c = c,
				.c_row = WIDE + 1,
			};

			for (size_t i = 0; i < ROWS * (WIDE + 1); i++)
				c[i] = 77;
			tacit_vector_at(kind)->multiply(&product);
			for (size_t i = 0; i < ROWS; i++) {
				for (size_t j = 0; j < WIDE; j++) {
					double sum = 0;

					for (size_t l = 0; l < TERMS; l++)
						sum += (double)a[i * product.a_row +
								 l * product.a_column] *
						       (double)b[l * WIDE + j];
					CU_ASSERT_DOUBLE_EQUAL(c[i * (WIDE + 1) + j], sum, 1e-4);
				}
				CU_ASSERT_EQUAL(c[i * (WIDE + 1) + WIDE], 77);
			}
		}
}

static void test_adam(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	float gradient[WIDE], anchor[WIDE], start[WIDE], first[WIDE], second[WIDE];

	fill(random, gradient, WIDE);
	fill(random, anchor, WIDE);
	fill(random, start, WIDE);
	for (size_t kind = 0; tacit_vector_at(kind); kind++) {
		float m[WIDE] = { 0 }, v[WIDE] = { 0 }, weight[WIDE];
		struct tacit_vector_adam step = {
			.n = WIDE,
			.gradient = gradient,
			.anchor = anchor,
			.first = m,
			.second = v,
			.weight = weight,
			.prox = 0.5F,
			.rate = 0.1F,
			.epsilon = 1e-3F,
			.decay = { 0.9F, 0.99F },
		};

		memcpy(weight, start, sizeof(weight));
		for (size_t i = 0; i < WIDE; i++)
			m[i] = 0.25F, v[i] = 0.5F;
		memcpy(first, m, sizeof(m));
		memcpy(second, v, sizeof(v));
		tacit_vector_at(kind)->adam(&step);
		for (size_t i = 0; i < WIDE; i++) {
			float g = gradient[i] + 0.5F * (start[i] - anchor[i]);
			float one = 0.9F * first[i] + 0.1F * g;
			float two = 0.99F * second[i] + 0.01F * g * g;

			CU_ASSERT_DOUBLE_EQUAL(m[i], one, 1e-5);
			CU_ASSERT_DOUBLE_EQUAL(v[i], two, 1e-5);
			CU_ASSERT_DOUBLE_EQUAL(weight[i],
					       start[i] - 0.1F * one / (sqrtf(two) + 1e-3F), 1e-5);
		}
	}
}

/* Every length, from no number to more than three vectors. */
static void test_rows(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	float a[WIDE], w[WIDE], c[WIDE];
	double b[WIDE];

	fill(random, a, WIDE);
	fill(random, c, WIDE);
	for (size_t i = 0; i < WIDE; i++) {
		b[i] = seeded_normal(random);
		w[i] = (float)seeded_uniform(random);
	}
	for (size_t kind = 0; tacit_vector_at(kind); kind++)
		for (size_t n = 0; n < WIDE; n++) {
			const struct tacit_vector *vector = tacit_vector_at(kind);
			float after[WIDE];
			double sum = 0, x[WIDE];

			for (size_t i = 0; i < n; i++)
				sum += (double)a[i] * b[i];
			CU_ASSERT_DOUBLE_EQUAL(vector->dot(a, b, n), sum, 1e-12);
			memcpy(x, b, sizeof(x));
			vector->subtract(x, a, 3, n);
			memcpy(after, c, sizeof(after));
			vector->outweigh(after, w, a, 2, n);
			for (size_t i = 0; i < WIDE; i++) {
				CU_ASSERT_DOUBLE_EQUAL(x[i], b[i] - (i < n ? 3 * (double)a[i] : 0),
						       1e-12);
				CU_ASSERT_DOUBLE_EQUAL(
					after[i],
					i < n ? (1 - w[i]) * (c[i] + w[i] * 2 * a[i]) : c[i], 1e-6);
			}
		}
}

/* L y, solved for y. */
static void test_solve(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	float l[WIDE * (WIDE + 1) / 2];

	fill(random, l, WIDE * (WIDE + 1) / 2);
	for (size_t i = 0; i < WIDE; i++)
		l[i * (i + 1) / 2 + i] = 10 + (float)i;
	for (size_t kind = 0; tacit_vector_at(kind); kind++)
		for (size_t n = 0; n <= WIDE; n++) {
			double y[WIDE], x[WIDE] = { 0 };

			for (size_t i = 0; i < n; i++) {
				y[i] = seeded_normal(random);
				for (size_t k = 0; k <= i; k++)
					x[i] += (double)l[i * (i + 1) / 2 + k] * y[k];
			}
			tacit_vector_at(kind)->solve(l, n, x);
			for (size_t i = 0; i < n; i++)
				CU_ASSERT_DOUBLE_EQUAL(x[i], y[i], 1e-9);
		}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "names", test_names },
		{ "products", test_multiply },
		{ "a step of Adam", test_adam },
		{ "rows", test_rows },
		{ "a triangle is solved", test_solve },
		{ NULL, NULL },
	};

	return unit_main("vector", cases);
}
