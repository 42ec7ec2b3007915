/* SPDX-License-Identifier: MIT */
#include "gaussian_mixture.h"

#include <math.h>

#include <tacit/mem.h>

#include "mixture.h"

#define MEAN_MAX 1e6 /* beyond it they are no log counts */

struct tacit_gaussian_mixture {
	const struct tacit_space *space;
	double *mean; /* of the whole, in the factor's order */
	struct tacit_mixture *parts;
};

/* A window in the mixture's coordinates. */
struct view {
	size_t n;
	float x[TACIT_SPACE_DIMS_MAX];
	float seen[TACIT_SPACE_DIMS_MAX];
};

static void narrow(const double *value, size_t n, float *ret)
{
	double most = (double)TACIT_MIXTURE_VALUE_MAX;

	for (size_t i = 0; i < n; i++)
		ret[i] = (float)fmax(fmin(value[i], most), -most);
}

/* @start, unless NULL, gets the window as it deviates from the mean. Returns how many dimensions
 * the window has. */
static size_t look(const struct tacit_gaussian_mixture *mixture, const struct tacit_factor *factor,
		   const struct tacit_sample *sample, float *x, float *seen, float *start)
{
	const uint16_t *order = tacit_factor_order(factor);
	size_t n = tacit_factor_n(factor), count = 0;
	double delta[TACIT_SPACE_DIMS_MAX];

	for (size_t i = 0; i < n; i++) {
		bool has = sample->observed[mixture->space->group_of[order[i]]];

		delta[i] = has ? sample->x[order[i]] - mixture->mean[i] : 0;
		seen[i] = (float)has;
		count += has;
	}
	if (start)
		narrow(delta, n, start);
	tacit_factor_whiten(factor, seen, delta);
	narrow(delta, n, x);
	return count;
}

static int make(const struct tacit_space *space, const struct tacit_factor *factor,
		struct tacit_gaussian_mixture **ret)
{
	struct tacit_gaussian_mixture *mixture = TACIT_NEW(struct tacit_gaussian_mixture);

	if (!mixture)
		return -ENOMEM;
	mixture->space = space;
	mixture->mean = TACIT_NEW_N(double, tacit_factor_n(factor));
	if (!mixture->mean) {
		tacit_free(mixture);
		return -ENOMEM;
	}
	*ret = mixture;
	return 0;
}

static bool is_held_out(size_t i)
{
	return i % TACIT_MODEL_HELD_OUT == TACIT_MODEL_HELD_OUT - 1;
}

/* Room for every window in three ways. */
struct table {
	float *x, *seen, *start;
};

/* Rows to be fitted from the front of @table, held-out ones from the back. Returns how many are to
 * be fitted. */
static size_t spread_out(const struct tacit_gaussian_mixture *mixture,
			 const struct tacit_factor *factor, const struct tacit_sample *sample,
			 size_t n, const struct table *table)
{
	size_t dims = tacit_factor_n(factor), front = 0, back = n;

	for (size_t i = 0; i < n; i++) {
		size_t at = dims * (is_held_out(i) ? --back : front++);

		(void)look(mixture, factor, &sample[i], table->x + at, table->seen + at,
			   table->start + at);
	}
	return front;
}

static int fit(struct tacit_gaussian_mixture *mixture, const struct tacit_factor *factor,
	       const struct tacit_sample *sample, size_t n)
{
	size_t dims = tacit_factor_n(factor), fitted;
	TACIT_AUTO_FREE float *all = TACIT_NEW_N(float, 3 * n * dims);
	struct tacit_mixture_rows rows = { .dims = dims }, held = { .dims = dims };
	struct table table = { .x = all };

	if (!all)
		return -ENOMEM;
	table.seen = table.x + n * dims;
	table.start = table.seen + n * dims;
	fitted = spread_out(mixture, factor, sample, n, &table);
	rows.n = fitted;
	rows.x = table.x;
	rows.seen = table.seen;
	rows.start = table.start;
	held.n = n - fitted;
	held.x = table.x + fitted * dims;
	held.seen = table.seen + fitted * dims;
	return tacit_mixture_choose(&rows, &held, &mixture->parts);
}

int tacit_gaussian_mixture_fit(const struct tacit_space *space, const struct tacit_factor *factor,
			       const double *mean, const struct tacit_sample *sample, size_t n,
			       struct tacit_gaussian_mixture **ret)
{
	TACIT_CLEANUP(tacit_gaussian_mixture_free_p) struct tacit_gaussian_mixture *mixture = NULL;
	const uint16_t *order = tacit_factor_order(factor);
	int r = make(space, factor, &mixture);

	if (r < 0)
		return r;
	for (size_t i = 0; i < tacit_factor_n(factor); i++)
		mixture->mean[i] = mean[order[i]];
	r = fit(mixture, factor, sample, n);
	if (r < 0)
		return r;
	*ret = tacit_mixture_components(mixture->parts) > 1 ? TACIT_TAKE(mixture) : NULL;
	return 0;
}

/*
 * With e a row's deviation from its component and p = e / variance, the squared distance is e'p =
 * (L e)'(L'^-1 p): each dimension's deviation from the component's mean, times the pull it feels.
 * What belongs to no dimension (the price of the component, what missing dimensions would have had)
 * is shared equally.
 */
static void attribute(const struct tacit_gaussian_mixture *mixture,
		      const struct tacit_factor *factor, const struct view *view, size_t component,
		      double distance, double *share)
{
	const uint16_t *order = tacit_factor_order(factor);
	double delta[TACIT_SPACE_DIMS_MAX], pull[TACIT_SPACE_DIMS_MAX], rest = distance;
	size_t n = tacit_factor_n(factor);

	tacit_mixture_residual(mixture->parts, component, view->x, view->seen, delta, pull);
	tacit_factor_colour(factor, delta);
	tacit_factor_solve(factor, pull, n);
	for (size_t i = 0; i < n; i++) {
		double part = (double)view->seen[i] * delta[i] * pull[i];

		share[order[i]] = part;
		rest -= part;
	}
	for (size_t i = 0; i < n; i++)
		share[order[i]] += (double)view->seen[i] * rest / (double)view->n;
}

bool tacit_gaussian_mixture_distance(const struct tacit_gaussian_mixture *mixture,
				     const struct tacit_factor *factor,
				     const struct tacit_sample *sample, double *ret, double *share)
{
	struct view view;
	size_t component;

	view.n = look(mixture, factor, sample, view.x, view.seen, NULL);
	if (view.n == 0)
		return false;
	*ret = tacit_mixture_distance(mixture->parts, view.x, view.seen, &component);
	if (share)
		attribute(mixture, factor, &view, component, *ret, share);
	return true;
}

size_t tacit_gaussian_mixture_components(const struct tacit_gaussian_mixture *mixture)
{
	return tacit_mixture_components(mixture->parts);
}

size_t tacit_gaussian_mixture_bytes(const struct tacit_space *space)
{
	return sizeof(struct tacit_gaussian_mixture) + space->dims * sizeof(double) +
	       tacit_mixture_bytes(space->dims, TACIT_MIXTURE_COMPONENTS_MAX);
}

void tacit_gaussian_mixture_save(const struct tacit_gaussian_mixture *mixture,
				 struct tacit_writer *writer)
{
	for (size_t i = 0; i < tacit_mixture_dims(mixture->parts); i++)
		tacit_write_f64le(writer, mixture->mean[i]);
	tacit_mixture_save(mixture->parts, writer);
}

int tacit_gaussian_mixture_load(const struct tacit_space *space, const struct tacit_factor *factor,
				struct tacit_reader *reader, struct tacit_gaussian_mixture **ret)
{
	TACIT_CLEANUP(tacit_gaussian_mixture_free_p) struct tacit_gaussian_mixture *mixture = NULL;
	int r = make(space, factor, &mixture);

	if (r < 0)
		return r;
	for (size_t i = 0; i < tacit_factor_n(factor); i++) {
		mixture->mean[i] = tacit_read_f64le(reader);
		if (!(fabs(mixture->mean[i]) <= MEAN_MAX))
			return TACIT_EDAMAGED;
	}
	r = tacit_mixture_load(tacit_factor_n(factor), reader, &mixture->parts);
	if (r == 0)
		*ret = TACIT_TAKE(mixture);
	return r;
}

void tacit_gaussian_mixture_free(struct tacit_gaussian_mixture *mixture)
{
	if (!mixture)
		return;
	tacit_free(mixture->mean);
	tacit_mixture_free(mixture->parts);
	tacit_free(mixture);
}
