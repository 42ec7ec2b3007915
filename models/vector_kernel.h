/* SPDX-License-Identifier: MIT */
/*
 * The loops of vector.h in vectors of one width; vector.c includes this once for each:
 *
 *	KERNEL_NAME(name)	the name of a function here
 *	KERNEL_TARGET		attributes: the instructions that it may use
 *	KERNEL_BYTES		of a vector
 *	KERNEL_ROWS		rows of a product at a time: their sums stay in registers
 *	KERNEL_SQRT(v)		square roots of a vector
 *	KERNEL_WIDEN(place)	a vector of doubles, of the floats there
 *
 * No include guard. Attributes are on every function rather than around the file, for a compiler
 * that knows no pragma for them; vectors are no parameters, whose place depends on the target.
 */
#define FLOATS	(KERNEL_BYTES / sizeof(float))
#define DOUBLES (KERNEL_BYTES / sizeof(double))

/* aligned: as their numbers are, not as vectors would be. */
#define floats	KERNEL_NAME(floats)
#define doubles KERNEL_NAME(doubles)
#define halves	KERNEL_NAME(halves)
#define narrow	KERNEL_NAME(narrow)
#define quads	KERNEL_NAME(quads)
typedef float floats __attribute__((vector_size(KERNEL_BYTES), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(KERNEL_BYTES), aligned(8), may_alias));
typedef float halves __attribute__((vector_size(KERNEL_BYTES / 2), aligned(4), may_alias));
typedef double narrow __attribute__((vector_size(KERNEL_BYTES / 2), aligned(8), may_alias));
typedef float quads __attribute__((vector_size(16), aligned(4), may_alias));

#define AT(type, place) (*(type *)(place))
#define OF(type, place) (*(const type *)(place))

/* @rows and @vectors are constants wherever this is inlined. */
KERNEL_TARGET static inline __attribute__((always_inline)) void KERNEL_NAME(tile)(
	const struct tacit_vector_product *p, size_t i, size_t j, size_t rows, size_t vectors)
{
	const float *a = p->a + i * p->a_row, *b = p->b + j;
	floats sum[KERNEL_ROWS][2] = { 0 };

	for (size_t l = 0; l < p->k; l++, a += p->a_column, b += p->b_row)
		UNROLL for (size_t v = 0; v < vectors; v++)
		{
			const floats column = OF(floats, b + v * FLOATS);

			UNROLL for (size_t r = 0; r < rows; r++) sum[r][v] +=
				a[r * p->a_row] * column;
		}
	UNROLL for (size_t r = 0; r < rows; r++) UNROLL for (size_t v = 0; v < vectors; v++)
		AT(floats, p->c + (i + r) * p->c_row + j + v * FLOATS) = sum[r][v];
}

KERNEL_TARGET static inline __attribute__((always_inline)) void KERNEL_NAME(columns)(
	const struct tacit_vector_product *p, size_t i, size_t rows)
{
	size_t j = 0;

	for (; j + 2 * FLOATS <= p->n; j += 2 * FLOATS)
		KERNEL_NAME(tile)(p, i, j, rows, 2);
	for (; j < p->n; j += FLOATS)
		KERNEL_NAME(tile)(p, i, j, rows, 1);
}

KERNEL_TARGET static void KERNEL_NAME(multiply)(const struct tacit_vector_product *p)
{
	size_t i = 0;

	for (; i + KERNEL_ROWS <= p->m; i += KERNEL_ROWS)
		KERNEL_NAME(columns)(p, i, KERNEL_ROWS);
	for (; i < p->m; i++)
		KERNEL_NAME(columns)(p, i, 1);
}

KERNEL_TARGET static void KERNEL_NAME(adam)(const struct tacit_vector_adam *step)
{
	const float fresh[] = { 1 - step->decay[0], 1 - step->decay[1] };

	for (size_t i = 0; i < step->n; i += FLOATS) {
		floats weight = OF(floats, step->weight + i);
		floats gradient = OF(floats, step->gradient + i) +
				  step->prox * (weight - OF(floats, step->anchor + i));
		floats first = step->decay[0] * OF(floats, step->first + i) + fresh[0] * gradient;
		floats second = step->decay[1] * OF(floats, step->second + i) +
				fresh[1] * gradient * gradient;

		AT(floats, step->first + i) = first;
		AT(floats, step->second + i) = second;
		AT(floats, step->weight + i) =
			weight - step->rate * first / (KERNEL_SQRT(second) + step->epsilon);
	}
}

KERNEL_TARGET static inline __attribute__((always_inline)) void KERNEL_NAME(dots)(
	const float *const *a, size_t rows, const double *b, size_t n, double *ret)
{
	doubles sum[4] = { 0 };
	size_t i = 0;

	for (; i + DOUBLES <= n; i += DOUBLES)
		UNROLL for (size_t r = 0; r < rows; r++) sum[r] +=
			KERNEL_WIDEN(a[r] + i) * OF(doubles, b + i);
	UNROLL for (size_t r = 0; r < rows; r++)
	{
		const double *lane = (const double *)&sum[r];
		const narrow both = OF(narrow, lane) + OF(narrow, lane + DOUBLES / 2);

		ret[r] = both[0];
		for (size_t k = 1; k < DOUBLES / 2; k++)
			ret[r] += both[k];
		for (size_t k = i; k < n; k++)
			ret[r] += (double)a[r][k] * b[k];
	}
}

KERNEL_TARGET static double KERNEL_NAME(dot)(const float *a, const double *b, size_t n)
{
	double sum;

	KERNEL_NAME(dots)(&a, 1, b, n, &sum);
	return sum;
}

/* Rows @i .. @i + 3: what they have in common, then what is between them. Divisions are made while
 * the sums are, not when they are waited for. */
KERNEL_TARGET static inline __attribute__((always_inline)) void KERNEL_NAME(solve4)(const float *l,
										    size_t i,
										    double *x)
{
	const float *row[4];
	double sum[4], inverse[4];

	UNROLL for (size_t k = 0; k < 4; k++)
	{
		row[k] = l + (i + k) * (i + k + 1) / 2;
		inverse[k] = 1 / (double)row[k][i + k];
	}
	KERNEL_NAME(dots)(row, 4, x, i, sum);
	UNROLL for (size_t k = 0; k < 4; k++) sum[k] = x[i + k] - sum[k];
	UNROLL for (size_t k = 0; k < 4; k++)
	{
		x[i + k] = sum[k] *= inverse[k];
		UNROLL for (size_t m = k + 1; m < 4; m++) sum[m] -= (double)row[m][i + k] * sum[k];
	}
}

KERNEL_TARGET static void KERNEL_NAME(solve)(const float *l, size_t n, double *x)
{
	size_t i = 0;

	for (; i + 4 <= n; i += 4)
		KERNEL_NAME(solve4)(l, i, x);
	for (; i < n; i++) {
		const float *row = l + i * (i + 1) / 2;

		x[i] = (x[i] - KERNEL_NAME(dot)(row, x, i)) / (double)row[i];
	}
}

KERNEL_TARGET static void KERNEL_NAME(outweigh)(float *c, const float *w, const float *d, float a,
						size_t n)
{
	size_t i = 0;

	for (; i + FLOATS <= n; i += FLOATS) {
		const floats weight = OF(floats, w + i);

		AT(floats, c + i) =
			(1 - weight) * (OF(floats, c + i) + weight * a * OF(floats, d + i));
	}
	for (; i + 4 <= n; i += 4) { /* rows are short: what is left counts */
		const quads weight = OF(quads, w + i);

		AT(quads, c + i) =
			(1 - weight) * (OF(quads, c + i) + weight * a * OF(quads, d + i));
	}
	for (; i < n; i++)
		c[i] = (1 - w[i]) * (c[i] + w[i] * a * d[i]);
}

KERNEL_TARGET static void KERNEL_NAME(subtract)(double *x, const float *a, double y, size_t n)
{
	size_t i = 0;

	for (; i + DOUBLES <= n; i += DOUBLES)
		AT(doubles, x + i) -= y * KERNEL_WIDEN(a + i);
	for (; i < n; i++)
		x[i] -= (double)a[i] * y;
}

static const struct tacit_vector KERNEL_NAME(vector) = {
	.name = KERNEL_TEXT,
	.multiply = KERNEL_NAME(multiply),
	.adam = KERNEL_NAME(adam),
	.dot = KERNEL_NAME(dot),
	.solve = KERNEL_NAME(solve),
	.outweigh = KERNEL_NAME(outweigh),
	.subtract = KERNEL_NAME(subtract),
};

#undef FLOATS
#undef DOUBLES
#undef floats
#undef doubles
#undef halves
#undef narrow
#undef quads
#undef AT
#undef OF
#undef KERNEL_NAME
#undef KERNEL_TEXT
#undef KERNEL_TARGET
#undef KERNEL_BYTES
#undef KERNEL_ROWS
#undef KERNEL_SQRT
#undef KERNEL_WIDEN
