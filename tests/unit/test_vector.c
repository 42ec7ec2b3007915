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
static void test_dots(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	float a[4][WIDE];
	double b[WIDE];

	fill(random, a[0], sizeof(a) / sizeof(float));
	for (size_t i = 0; i < WIDE; i++)
		b[i] = seeded_normal(random);
	for (size_t kind = 0; tacit_vector_at(kind); kind++)
		for (size_t n = 0; n < WIDE; n++) {
			const float *const rows[] = { a[0], a[1], a[2], a[3] };
			double four[4], sum[4] = { 0 }, x[WIDE];

			tacit_vector_at(kind)->dot4(rows, b, n, four);
			for (size_t r = 0; r < 4; r++) {
				for (size_t i = 0; i < n; i++)
					sum[r] += (double)a[r][i] * b[i];
				CU_ASSERT_DOUBLE_EQUAL(four[r], sum[r], 1e-12);
			}
			CU_ASSERT_DOUBLE_EQUAL(tacit_vector_at(kind)->dot(a[0], b, n), sum[0],
					       1e-12);
			memcpy(x, b, sizeof(x));
			tacit_vector_at(kind)->subtract(x, a[0], 3, n);
			for (size_t i = 0; i < WIDE; i++)
				CU_ASSERT_DOUBLE_EQUAL(
					x[i], b[i] - (i < n ? 3 * (double)a[0][i] : 0), 1e-12);
		}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "names", test_names },
		{ "products", test_multiply },
		{ "a step of Adam", test_adam },
		{ "dots", test_dots },
		{ NULL, NULL },
	};

	return unit_main("vector", cases);
}
