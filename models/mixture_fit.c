/* SPDX-License-Identifier: MIT */
#include "mixture_private.h"

#include <math.h>
#include <string.h>

#include <tacit/mem.h>

#define SEED	      1U
#define CANDIDATES    3U
#define LLOYD_STEPS   4U
#define EM_STEPS      10U
#define EM_GAIN	      0.01 /* nats a row: less is convergence */
#define SUPPORT_MIN   5.0  /* rows; fewer are an accident, not a way of being normal */
#define SHARED_WORTH  64.0 /* rows: what the components' common variance weighs in each one's */
#define NEGLIGIBLE    1e-3 /* responsibilities below it do not move anything */
#define ROWS_PER_PART 32U
#define MARGIN_ERRORS 3.0  /* standard errors that more components must gain by */
#define MARGIN_NATS   0.05 /* a row; what is real and not worth the trouble */

/* A fit in progress: @part has n rows of TACIT_MIXTURE_COMPONENTS_MAX responsibilities. */
struct fit {
	const struct tacit_mixture_rows *rows;
	struct tacit_mixture *mixture;
	double *part;
	double *sum;  /* dims numbers each: of what a component is responsible for, */
	double *seen; /* and how much of it was seen; */
	double *square;
	double *shared; /* the variance the components have in common */
	uint64_t random;
};

/* Steele, Lea, Flood 2014 (SplitMix64): a start needs no better. In [0, 1). */
static double draw(struct fit *fit)
{
	uint64_t z = (fit->random += 0x9E3779B97F4A7C15U);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static const float *x_of(const struct fit *fit, size_t row)
{
	return fit->rows->x + row * fit->rows->dims;
}

static const float *start_of(const struct fit *fit, size_t row)
{
	const struct tacit_mixture_rows *rows = fit->rows;

	return (rows->start ? rows->start : rows->x) + row * rows->dims;
}

static const float *seen_of(const struct fit *fit, size_t row)
{
	return fit->rows->seen + row * fit->rows->dims;
}

static double *part_of(const struct fit *fit, size_t row)
{
	return fit->part + row * TACIT_MIXTURE_COMPONENTS_MAX;
}

static size_t pick(struct fit *fit, const double *weight, double total)
{
	double left = draw(fit) * total;
	size_t i = 0;

	for (; i + 1 < fit->rows->n && left >= weight[i]; i++)
		left -= weight[i];
	return i;
}

/* Squared distances to the nearest centre, with centre @k at @row; their sum. */
static double try_centre(struct fit *fit, size_t k, size_t row, const double *nearest, double *ret)
{
	size_t dims = fit->rows->dims;
	double total = 0;

	memcpy(fit->mixture->mean + k * dims, start_of(fit, row), dims * sizeof(float));
	for (size_t i = 0; i < fit->rows->n; i++) {
		double at =
			tacit_mixture_square(fit->mixture, k, start_of(fit, i), seen_of(fit, i));

		ret[i] = k == 0 ? at : fmin(at, nearest[i]);
		total += ret[i];
	}
	return total;
}

/* k-means++: each centre is a row, likelier the farther it is from those before; of a few, the one
 * that leaves least. @room: for two numbers a row. */
static void choose_centres(struct fit *fit, double *room)
{
	size_t n = fit->rows->n, row, best;
	double *nearest = room, *trial = room + n;
	double total = (double)n, left, least;

	for (size_t i = 0; i < n; i++)
		nearest[i] = 1;
	for (size_t k = 0; k < fit->mixture->n; k++) {
		least = INFINITY;
		best = 0;
		for (unsigned candidate = 0; candidate < CANDIDATES; candidate++) {
			row = total > 0 ? pick(fit, nearest, total) : 0;
			left = try_centre(fit, k, row, nearest, trial);
			if (left < least) {
				least = left;
				best = row;
			}
		}
		total = try_centre(fit, k, best, nearest, nearest);
	}
}

/* Each row to its nearest component; with all precisions 1 and weights equal, that is Lloyd's. */
static void assign(struct fit *fit)
{
	const struct tacit_mixture *mixture = fit->mixture;

	for (size_t i = 0; i < fit->rows->n; i++) {
		double nearest = INFINITY;
		size_t best = 0;

		for (size_t k = 0; k < mixture->n; k++) {
			double at =
				tacit_mixture_square(mixture, k, start_of(fit, i), seen_of(fit, i));

			if (at < nearest) {
				nearest = at;
				best = k;
			}
		}
		memset(part_of(fit, i), 0, TACIT_MIXTURE_COMPONENTS_MAX * sizeof(double));
		part_of(fit, i)[best] = 1;
	}
}

/* fit->sum, ->seen and ->square of component @k over rows of @all. Returns how many rows speak for
 * it. */
static double gather(struct fit *fit, size_t k, const float *all)
{
	size_t dims = fit->rows->dims;
	double support = 0;

	memset(fit->sum, 0, dims * sizeof(double));
	memset(fit->seen, 0, dims * sizeof(double));
	memset(fit->square, 0, dims * sizeof(double));
	for (size_t i = 0; i < fit->rows->n; i++) {
		const float *x = all + i * dims, *seen = seen_of(fit, i);
		double part = part_of(fit, i)[k];

		if (part < NEGLIGIBLE)
			continue;
		support += part;
		for (size_t j = 0; j < dims; j++) {
			double value = part * (double)x[j];

			fit->sum[j] += value;
			fit->square[j] += value * (double)x[j];
			fit->seen[j] += part * (double)seen[j];
		}
	}
	return support;
}

static void move_means(struct fit *fit)
{
	struct tacit_mixture *mixture = fit->mixture;

	for (size_t k = 0; k < mixture->n; k++) {
		double support = gather(fit, k, start_of(fit, 0));
		float *mean = mixture->mean + k * mixture->dims;

		for (size_t j = 0; support > 0 && j < mixture->dims; j++)
			mean[j] = (float)(fit->sum[j] / fmax(fit->seen[j], NEGLIGIBLE));
	}
}

/* Means, and in mixture->precision for now the variance as it is, in ->log_variance its rows. */
static void estimate(struct fit *fit, size_t k)
{
	struct tacit_mixture *mixture = fit->mixture;
	size_t at = k * mixture->dims;

	mixture->weight[k] = gather(fit, k, fit->rows->x);
	for (size_t j = 0; j < mixture->dims; j++, at++) {
		double rows = fmax(fit->seen[j], NEGLIGIBLE);
		double mean = fit->sum[j] / rows;
		double variance = fmax(fit->square[j] / rows - mean * mean, 0);

		mixture->mean[at] = (float)mean;
		mixture->precision[at] = (float)variance;
		mixture->log_variance[at] = (float)fit->seen[j];
		fit->shared[j] += fit->seen[j] * variance;
	}
}

/* Takes away what too few rows speak for. One component always stays. */
static void prune(struct fit *fit)
{
	struct tacit_mixture *mixture = fit->mixture;
	size_t dims = mixture->dims, bytes = dims * sizeof(float), kept = 0;

	for (size_t k = 0; k < mixture->n; k++) {
		if (mixture->weight[k] < SUPPORT_MIN && (kept > 0 || k + 1 < mixture->n))
			continue;
		mixture->weight[kept] = mixture->weight[k];
		memmove(mixture->mean + kept * dims, mixture->mean + k * dims, bytes);
		memmove(mixture->precision + kept * dims, mixture->precision + k * dims, bytes);
		memmove(mixture->log_variance + kept * dims, mixture->log_variance + k * dims,
			bytes);
		kept++;
	}
	mixture->n = kept;
}

/* Maximisation. */
static void maximise(struct fit *fit)
{
	struct tacit_mixture *mixture = fit->mixture;
	size_t dims = mixture->dims;
	double total = 0;

	memset(fit->shared, 0, dims * sizeof(double));
	for (size_t k = 0; k < mixture->n; k++)
		estimate(fit, k);
	prune(fit);
	memset(fit->seen, 0, dims * sizeof(double));
	for (size_t k = 0; k < mixture->n; k++) {
		total += mixture->weight[k];
		for (size_t j = 0; j < dims; j++)
			fit->seen[j] += (double)mixture->log_variance[k * dims + j];
	}
	for (size_t k = 0; k < mixture->n; k++) {
		mixture->weight[k] /= total;
		for (size_t j = 0, at = k * dims; j < dims; j++, at++) {
			double rows = (double)mixture->log_variance[at];
			double shared = fit->shared[j] / fmax(fit->seen[j], 1);
			double own = (double)mixture->precision[at];
			double variance =
				(rows * own + SHARED_WORTH * shared) / (rows + SHARED_WORTH);

			tacit_mixture_set_variance(mixture, at,
						   (float)variance + TACIT_MIXTURE_FLOOR);
		}
	}
}

/* Log likelihood of a row, less what every mixture gives it; and each component's part in it. */
static double likelihood(const struct tacit_mixture *mixture, const float *x, const float *seen,
			 double part[TACIT_MIXTURE_COMPONENTS_MAX])
{
	double most = -INFINITY, sum = 0;

	for (size_t k = 0; k < mixture->n; k++) {
		part[k] = -0.5 * (tacit_mixture_square(mixture, k, x, seen) +
				  tacit_mixture_peak(mixture, k, seen));
		most = fmax(most, part[k]);
	}
	for (size_t k = 0; k < mixture->n; k++) {
		part[k] = exp(part[k] - most);
		sum += part[k];
	}
	for (size_t k = 0; k < mixture->n; k++)
		part[k] /= sum;
	return most + log(sum);
}

/* Expectation. Mean log likelihood of the rows. */
static double expect(struct fit *fit)
{
	double sum = 0;

	for (size_t i = 0; i < fit->rows->n; i++)
		sum += likelihood(fit->mixture, x_of(fit, i), seen_of(fit, i), part_of(fit, i));
	return sum / (double)fit->rows->n;
}

static void run(struct fit *fit)
{
	struct tacit_mixture *mixture = fit->mixture;
	double before = -INFINITY;

	for (size_t at = 0; at < mixture->n * mixture->dims; at++)
		tacit_mixture_set_variance(mixture, at, 1);
	choose_centres(fit, fit->part); /* which nobody needs yet */
	assign(fit);
	for (unsigned step = 0; mixture->n > 1 && step < LLOYD_STEPS; step++) {
		move_means(fit);
		assign(fit);
	}
	maximise(fit);
	for (unsigned step = 0; mixture->n > 1 && step < EM_STEPS; step++) {
		double now = expect(fit);

		if (now - before < EM_GAIN)
			return;
		before = now;
		maximise(fit);
	}
}

int tacit_mixture_fit(const struct tacit_mixture_rows *rows, size_t components,
		      struct tacit_mixture **ret)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	TACIT_AUTO_FREE double *part = TACIT_NEW_N(double, rows->n *TACIT_MIXTURE_COMPONENTS_MAX);
	TACIT_AUTO_FREE double *sums = TACIT_NEW_N(double, 4 * rows->dims);
	int r = tacit_mixture_new(rows->dims, components, &mixture);
	struct fit fit = { .rows = rows, .mixture = mixture, .part = part, .random = SEED };

	if (r < 0 || !part || !sums)
		return -ENOMEM;
	fit.sum = sums;
	fit.seen = sums + rows->dims;
	fit.square = sums + 2 * rows->dims;
	fit.shared = sums + 3 * rows->dims;
	run(&fit);
	*ret = TACIT_TAKE(mixture);
	return 0;
}

/* What the held-out rows say of a mixture, one by one; @ret has room for them. */
static void judge(const struct tacit_mixture *mixture, const struct tacit_mixture_rows *held,
		  double *ret)
{
	double part[TACIT_MIXTURE_COMPONENTS_MAX];

	for (size_t i = 0; i < held->n; i++)
		ret[i] = likelihood(mixture, held->x + i * held->dims, held->seen + i * held->dims,
				    part);
}

/* Whether @now is better than @before by more than chance. */
static bool is_gain(const double *before, const double *now, size_t n)
{
	double sum = 0, square = 0, mean;

	for (size_t i = 0; i < n; i++)
		sum += now[i] - before[i];
	mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		square += (now[i] - before[i] - mean) * (now[i] - before[i] - mean);
	return mean > MARGIN_NATS && mean > MARGIN_ERRORS * sqrt(square) / (double)n;
}

int tacit_mixture_choose(const struct tacit_mixture_rows *rows,
			 const struct tacit_mixture_rows *held, struct tacit_mixture **ret)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *best = NULL;
	TACIT_AUTO_FREE double *before = TACIT_NEW_N(double, held->n + 1);
	TACIT_AUTO_FREE double *now = TACIT_NEW_N(double, held->n + 1);
	size_t most = TACIT_MIXTURE_COMPONENTS_MAX;
	int r;

	if (!before || !now)
		return -ENOMEM;
	r = tacit_mixture_fit(rows, 1, &best);
	if (r < 0)
		return r;
	judge(best, held, before);
	for (size_t k = 2; k <= most && rows->n >= k * ROWS_PER_PART && held->n > 0; k *= 2) {
		TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *next = NULL;

		r = tacit_mixture_fit(rows, k, &next);
		if (r < 0)
			return r;
		judge(next, held, now);
		if (!is_gain(before, now, held->n))
			continue; /* what two describe badly eight may describe well */
		tacit_mixture_free(best);
		best = TACIT_TAKE(next);
		memcpy(before, now, held->n * sizeof(*now));
	}
	*ret = TACIT_TAKE(best);
	return 0;
}
