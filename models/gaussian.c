/* SPDX-License-Identifier: MIT */
/*
 * Posterior of dimension j: the fleet's mean m0 and variance v0 are worth k = kappa * weight
 * windows, the scope's own mean m and covariance C are worth n, together N = k + n:
 *
 *	mean = (k m0 + n m) / N
 *	V_ij = sqrt(n_i n_j / (N_i N_j)) C_ij + a_i a_j,	i != j
 *	V_jj = (k v0 + n C_jj + u) / N + a_j^2,	a_j = sqrt(k n / N) (m - m0) / sqrt(N)
 *
 * u what may happen although it was never seen (VARIANCE_UNSEEN, less what the fleet knows). This
 * is the normal-inverse-Wishart's, with the between-means term a a', for a prior that knows no
 * correlations and whose worth differs from dimension to dimension: a diagonal scaling of a
 * covariance matrix plus a square, so positive semidefinite like it.
 */
#include "gaussian.h"

#include <math.h>
#include <string.h>

#include <tacit/mem.h>

#include "factor.h"

#define KAPPA_MAX 10000.0
#define SD_MIN	  0.05 /* what a silent feature may vary by before z grows */
/* What was never seen to move in n windows may still do so in one of the next n: a variance of 1,
 * in log counts, is believed in for one window. Without it the first byte of a young scope's first
 * transfer would be hundreds of deviations away. */
#define VARIANCE_UNSEEN 1.0
#define RIDGE_RELATIVE	1e-2 /* of the mean variance */
#define RIDGE_ABSOLUTE	1e-3 /* and this: a scope that idles has no variance at all */
#define LOSS_FREEDOM	4.0  /* degrees of freedom of the Student t that losses are taken by */
#define STALE_SHARE	20U  /* a factor is made anew when one window in so many is new */

struct tacit_model {
	struct tacit_model_head head;
	const struct tacit_space *space;
	struct tacit_moments *moments;
	float *prior; /* a block; NULL without one */
	double kappa;
	struct tacit_factor *factor; /* with promoted moments */
	uint64_t factor_windows;     /* when it was made; UINT64_MAX: never, or for another prior */
};

/* What is believed of one dimension. */
struct belief {
	double own;   /* windows of the scope's own */
	double worth; /* and the prior's */
	double mean, variance;
	double between; /* a_j above */
};

/* What is believed of the dimensions that a window can be judged by. */
struct view {
	size_t n;
	uint16_t dim[TACIT_SPACE_DIMS_MAX];    /* ascending */
	double mean[TACIT_SPACE_DIMS_MAX];     /* by dimension, as the next */
	double variance[TACIT_SPACE_DIMS_MAX]; /* without the ridge */
	double ridge;
	double evidence;
};

/* A model around @moments, which is consumed on success. 0 or -ENOMEM. */
static int wrap(const struct tacit_space *space, struct tacit_moments *moments,
		struct tacit_model **ret)
{
	struct tacit_model *model = TACIT_NEW(struct tacit_model);

	if (!model)
		return -ENOMEM;
	model->head.kind = &tacit_gaussian_kind;
	model->space = space;
	model->moments = moments;
	model->factor_windows = UINT64_MAX;
	if (tacit_moments_is_promoted(moments) && tacit_factor_new(space, &model->factor) < 0) {
		tacit_free(model);
		return -ENOMEM;
	}
	*ret = model;
	return 0;
}

static int gaussian_new(const struct tacit_space *space, struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = NULL;
	int r = tacit_moments_new(space, &moments);

	if (r == 0)
		r = wrap(space, moments, ret);
	if (r == 0)
		moments = NULL;
	return r;
}

static void gaussian_free(struct tacit_model *model)
{
	tacit_moments_free(model->moments);
	tacit_factor_free(model->factor);
	tacit_free(model->prior);
	tacit_free(model);
}

static int gaussian_learn(struct tacit_model *model, const struct tacit_sample *sample,
			  uint32_t times)
{
	tacit_moments_learn(model->moments, sample, times);
	return 0;
}

static struct belief believe(const struct tacit_model *model, size_t j)
{
	struct tacit_gaussian_fact fact = { 0 };
	double own = tacit_moments_count(model->moments, model->space->group_of[j]);
	double m = tacit_moments_mean(model->moments)[j];
	double v = (double)tacit_moments_variance(model->moments)[j];
	double worth, total, deviation, unseen;

	if (model->prior)
		fact = tacit_gaussian_block_get(model->prior, j);
	worth = model->kappa * (double)fact.weight;
	total = worth + own;
	if (total <= 0)
		return (struct belief){ 0 };
	deviation = own > 0 ? m - (double)fact.mean : 0;
	unseen = VARIANCE_UNSEEN * (1 - (double)fact.weight); /* the fleet has seen more */
	return (struct belief){
		.own = own,
		.worth = worth,
		.mean = (worth * (double)fact.mean + own * m) / total,
		.variance = (worth * (double)fact.variance + own * v +
			     worth * own / total * deviation * deviation + unseen) /
			    total,
		.between = sqrt(worth * own) / total * deviation,
	};
}

/* 0, or -EAGAIN when there is too little evidence on every dimension that @observed leaves. */
static int look(const struct tacit_model *model, const uint8_t *observed, struct view *view)
{
	double variance = 0, evidence = 0;

	view->n = 0;
	for (size_t j = 0; j < model->space->dims; j++) {
		struct belief belief;

		if (!observed[model->space->group_of[j]])
			continue;
		belief = believe(model, j);
		if (belief.own + belief.worth < TACIT_GAUSSIAN_EVIDENCE_MIN)
			continue;
		view->dim[view->n++] = (uint16_t)j;
		view->mean[j] = belief.mean;
		view->variance[j] = belief.variance;
		variance += belief.variance;
		evidence += belief.own + belief.worth;
	}
	if (view->n == 0)
		return -EAGAIN;
	view->ridge = RIDGE_RELATIVE * variance / (double)view->n + RIDGE_ABSOLUTE;
	view->evidence = evidence / (double)view->n;
	return 0;
}

/* What covariance() needs of each dimension. */
struct spread {
	const struct tacit_moments *moments;
	double own[TACIT_SPACE_DIMS_MAX]; /* sqrt(n / N) */
	double between[TACIT_SPACE_DIMS_MAX];
};

static double covariance(const void *ctx, size_t i, size_t k)
{
	const struct spread *spread = (const struct spread *)ctx;

	return spread->own[i] * spread->own[k] * tacit_moments_covariance(spread->moments, i, k) +
	       spread->between[i] * spread->between[k];
}

/* The view's dimensions, those with the most windows of their own first. */
static void order_by_count(const struct tacit_model *model, const struct view *view,
			   uint16_t *order)
{
	double count[TACIT_SPACE_DIMS_MAX];

	for (size_t i = 0; i < view->n; i++) {
		double own =
			tacit_moments_count(model->moments, model->space->group_of[view->dim[i]]);
		size_t at = i;

		for (; at > 0 && count[at - 1] < own; at--) {
			count[at] = count[at - 1];
			order[at] = order[at - 1];
		}
		count[at] = own;
		order[at] = view->dim[i];
	}
}

static bool is_stale(const struct tacit_model *model)
{
	uint64_t made = model->factor_windows;

	return made == UINT64_MAX ||
	       (double)(tacit_moments_windows(model->moments) - made) * STALE_SHARE >
		       (double)made + model->kappa;
}

static void make_factor(struct tacit_model *model, const uint8_t *observed, const struct view *view)
{
	struct spread spread = { .moments = model->moments };
	double diagonal[TACIT_SPACE_DIMS_MAX];
	uint16_t order[TACIT_SPACE_DIMS_MAX];

	for (size_t i = 0; i < view->n; i++) {
		size_t j = view->dim[i];
		struct belief belief = believe(model, j);

		spread.own[j] = sqrt(belief.own / (belief.own + belief.worth));
		spread.between[j] = belief.between;
		diagonal[j] = belief.variance + view->ridge;
	}
	order_by_count(model, view, order);
	tacit_factor_make(model->factor, order, view->n, observed, diagonal, covariance, &spread);
	model->factor_windows = tacit_moments_windows(model->moments);
}

/* Squared distance; @share, unless NULL, gets d_j (C^-1 d)_j, whose sum it is. */
static double full_distance(struct tacit_model *model, const struct tacit_sample *sample,
			    const struct view *view, double *share)
{
	size_t n = is_stale(model) ? 0 : tacit_factor_fits(model->factor, sample->observed);
	const uint16_t *order = tacit_factor_order(model->factor);
	double white[TACIT_SPACE_DIMS_MAX], distance;

	if (n == 0) {
		make_factor(model, sample->observed, view);
		n = view->n;
	}
	for (size_t i = 0; i < n; i++)
		white[i] = sample->x[order[i]] - view->mean[order[i]];
	distance = tacit_factor_distance(model->factor, white, n);
	if (!share)
		return distance;
	tacit_factor_solve(model->factor, white, n);
	for (size_t i = 0; i < n; i++)
		share[order[i]] = white[i] * (sample->x[order[i]] - view->mean[order[i]]);
	return distance;
}

static double diagonal_distance(const struct tacit_sample *sample, const struct view *view,
				double *share)
{
	double sum = 0;

	for (size_t i = 0; i < view->n; i++) {
		size_t j = view->dim[i];
		double d = sample->x[j] - view->mean[j];
		double part = d * d / (view->variance[j] + view->ridge);

		sum += part;
		if (share)
			share[j] = part;
	}
	return sum;
}

static double distance_of(struct tacit_model *model, const struct tacit_sample *sample,
			  const struct view *view, double *share)
{
	return model->factor ? full_distance(model, sample, view, share)
			     : diagonal_distance(sample, view, share);
}

static double z_of(const struct tacit_sample *sample, const struct view *view, size_t j)
{
	return (sample->x[j] - view->mean[j]) / fmax(sqrt(view->variance[j]), SD_MIN);
}

static int gaussian_score(struct tacit_model *model, const struct tacit_sample *sample,
			  struct tacit_score *ret)
{
	struct tacit_score score = { 0 };
	struct view view;
	int r = look(model, sample->observed, &view);

	if (r < 0)
		return r;
	score.evidence = view.evidence;
	score.value[TACIT_STATISTIC_DISTANCE] = distance_of(model, sample, &view, NULL);
	score.max_z_dim = view.dim[0];
	for (size_t i = 0; i < view.n; i++) {
		double z = fabs(z_of(sample, &view, view.dim[i]));

		if (z > score.value[TACIT_STATISTIC_MAX_Z]) {
			score.value[TACIT_STATISTIC_MAX_Z] = z;
			score.max_z_dim = view.dim[i];
		}
	}
	*ret = score;
	return 0;
}

/* Counts have heavy tails: by the normal density one burst would outweigh all other windows. The
 * t's own constant is the same for every model. */
static int gaussian_loss(struct tacit_model *model, const struct tacit_sample *sample, double *ret)
{
	double sum = 0;
	struct view view;
	int r = look(model, sample->observed, &view);

	if (r < 0)
		return r;
	for (size_t i = 0; i < view.n; i++) {
		size_t j = view.dim[i];
		double z = z_of(sample, &view, j);

		sum += (LOSS_FREEDOM + 1) / 2 * log1p(z * z / LOSS_FREEDOM) +
		       log(fmax(sqrt(view.variance[j]), SD_MIN));
	}
	*ret = sum / (double)view.n;
	return 0;
}

static int gaussian_explain(struct tacit_model *model, const struct tacit_sample *sample,
			    double *share, double *z, double *expected)
{
	size_t dims = model->space->dims;
	struct view view;
	int r = look(model, sample->observed, &view);

	if (r < 0)
		return r;
	memset(share, 0, dims * sizeof(*share));
	(void)distance_of(model, sample, &view, share);
	if (z) {
		memset(z, 0, dims * sizeof(*z));
		for (size_t i = 0; i < view.n; i++)
			z[view.dim[i]] = z_of(sample, &view, view.dim[i]);
	}
	for (size_t j = 0; expected && j < dims; j++)
		expected[j] = believe(model, j).mean;
	return 0;
}

static void gaussian_contribute(const struct tacit_model *model, const float *reference,
				double *out)
{
	tacit_gaussian_contribute(model->space, model->moments, reference, out);
}

static int gaussian_set_prior(struct tacit_model *model, const float *block, double kappa)
{
	size_t len = tacit_gaussian_block_len(model->space);

	if (!(kappa >= 0 && kappa <= KAPPA_MAX))
		return -EINVAL;
	if (block && !model->prior) {
		model->prior = TACIT_NEW_N(float, len);
		if (!model->prior)
			return -ENOMEM;
	}
	if (block) {
		memcpy(model->prior, block, len * sizeof(*block));
	} else {
		tacit_free(model->prior);
		model->prior = NULL;
	}
	model->kappa = block ? kappa : 0;
	model->factor_windows = UINT64_MAX;
	return 0;
}

static void gaussian_info(const struct tacit_model *model, struct tacit_model_info *ret)
{
	double weight = 0;

	for (size_t j = 0; model->prior && j < model->space->dims; j++)
		weight += (double)tacit_gaussian_block_get(model->prior, j).weight;
	*ret = (struct tacit_model_info){
		.kind = tacit_gaussian_kind.name,
		.windows = tacit_moments_windows(model->moments),
		.prior = model->kappa * weight / (double)model->space->dims,
		.promoted = model->factor != NULL,
	};
}

static int gaussian_promote(struct tacit_model *model)
{
	int r = tacit_moments_promote(model->moments);

	if (r < 0 || model->factor)
		return r;
	return tacit_factor_new(model->space, &model->factor);
}

static size_t size_besides_moments(const struct tacit_space *space)
{
	return sizeof(struct tacit_model) + tacit_gaussian_block_len(space) * sizeof(float);
}

static size_t gaussian_promoted_bytes(const struct tacit_space *space)
{
	return size_besides_moments(space) + tacit_moments_promoted_bytes(space) +
	       tacit_factor_bytes(space);
}

static size_t gaussian_size_bytes(const struct tacit_model *model)
{
	return size_besides_moments(model->space) + tacit_moments_bytes(model->moments) +
	       (model->factor ? tacit_factor_bytes(model->space) : 0);
}

static void gaussian_save(const struct tacit_model *model, struct tacit_writer *writer)
{
	tacit_moments_save(model->moments, writer);
}

static int gaussian_load(const struct tacit_space *space, struct tacit_reader *reader,
			 struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_moments_free_p) struct tacit_moments *moments = NULL;
	int r = tacit_moments_load(space, reader, &moments);

	if (r == 0)
		r = wrap(space, moments, ret);
	if (r == 0)
		moments = NULL;
	return r;
}

const struct tacit_model_kind tacit_gaussian_kind = {
	.name = "gaussian",
	.new = gaussian_new,
	.free = gaussian_free,
	.learn = gaussian_learn,
	.score = gaussian_score,
	.loss = gaussian_loss,
	.explain = gaussian_explain,
	.contribution_len = tacit_gaussian_contribution_len,
	.block_len = tacit_gaussian_block_len,
	.block_init = tacit_gaussian_block_init,
	.check = tacit_gaussian_block_check,
	.contribute = gaussian_contribute,
	.absorb = tacit_gaussian_absorb,
	.set_prior = gaussian_set_prior,
	.info = gaussian_info,
	.promote = gaussian_promote,
	.size_bytes = gaussian_size_bytes,
	.promoted_bytes = gaussian_promoted_bytes,
	.save = gaussian_save,
	.load = gaussian_load,
};
