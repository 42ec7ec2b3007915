/* SPDX-License-Identifier: MIT */
/*
 * Posterior of dimension j: the fleet's mean m0 and variance v0 are worth k = kappa * weight
 * windows, the scope's own mean m and covariance C are worth n, together N = k + n:
 *
 *	mean = (k m0 + n m) / N
 *	V_ij = sqrt(n_i n_j / (N_i N_j)) C_ij + a_i a_j,	i != j
 *	V_jj = (k v0 + n C_jj) / N + a_j^2 + u_j,	a_j = sqrt(k n / N) (m - m0) / sqrt(N)
 *
 * This is the normal-inverse-Wishart's, with the between-means term a a', for a prior that knows no
 * correlations and whose worth differs from dimension to dimension: a diagonal scaling of a
 * covariance matrix plus a square, so positive semidefinite like it.
 *
 * u is what nobody knows. Where the fleet has said something, it is how far its mean may be off,
 * until own windows tell: v0 d / (1 + d n) with d the fact's doubt, as in the predictive variance
 * of a mean that is worth 1/d windows. A block drowned in noise so judges mildly instead of not at
 * all. Elsewhere it is what may happen although it was never seen: the tuning's unseen / n.
 */
#include "gaussian.h"

#include <math.h>
#include <string.h>

#include <tacit/mem.h>

#include "factor.h"
#include "gaussian_mixture.h"
#include "rare.h"

#define KAPPA_MAX      10000.0
#define WEIGHT_MIN     0.02 /* a fact known worse, off by five standard deviations, is no fact */
#define STALE_SHARE    20U  /* a factor is made anew when one window in so many is new */
#define FORMAT	       2U   /* what begins with FORMAT_MOMENTS is from before there were mixtures */
#define FORMAT_MOMENTS 1U
/* A prior of 30 windows is 3% of a thousand; and 512 leave enough for a component after those held
 * out. */
#define REFINE_WINDOWS 1000U
#define REFINE_SAMPLE  512U
#define LOSS_FREEDOM   4.0 /* degrees of freedom of the Student t that losses are taken by */

struct tacit_model {
	struct tacit_model_head head;
	const struct tacit_space *space;
	struct tacit_tuning tuning;
	struct tacit_moments *moments;
	const double *mean; /* of the moments, as the next: asked for all the time */
	const float *variance;
	float *prior; /* a block; NULL without one */
	double kappa;
	struct tacit_factor *factor; /* with promoted moments */
	uint64_t factor_windows;     /* when it was made; UINT64_MAX: never, or for another prior */
	struct tacit_gaussian_mixture *mixture; /* judges the distance; the factor is its own */
	uint64_t refined;			/* windows when it was chosen; 0 never */
};

/* What is believed of one dimension. */
struct belief {
	double own;	/* windows of the scope's own */
	double worth;	/* and the prior's */
	double backing; /* windows, kappa of them the fleet's wherever it knows a fact */
	double mean, variance;
	double apart; /* of the two means */
};

/* What is believed of the dimensions that a window can be judged by. */
struct view {
	size_t n;
	uint16_t dim[TACIT_SPACE_DIMS_MAX];    /* ascending */
	double mean[TACIT_SPACE_DIMS_MAX];     /* by dimension, as the next */
	double variance[TACIT_SPACE_DIMS_MAX]; /* without the ridge */
	double ridge;
	struct tacit_tuning tuning;
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
	model->tuning = tacit_space_tuning(space);
	model->moments = moments;
	model->mean = tacit_moments_mean(moments);
	model->variance = tacit_moments_variance(moments);
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
	tacit_gaussian_mixture_free(model->mixture);
	tacit_free(model->prior);
	tacit_free(model);
}

static int gaussian_learn(struct tacit_model *model, const struct tacit_sample *sample,
			  uint32_t times)
{
	tacit_moments_learn(model->moments, sample, times);
	return 0;
}

/* See above: what is added to a variance for what nobody knows. */
static double unknown(const struct tacit_model *model, const struct tacit_gaussian_fact *fact,
		      double own)
{
	double doubt = tacit_gaussian_fact_doubt(fact);

	if (isinf(doubt))
		return model->tuning.unseen / own;
	return (double)fact->variance * doubt / (1 + doubt * own);
}

static inline struct belief believe(const struct tacit_model *model, size_t j)
{
	struct tacit_gaussian_fact fact = { 0 };
	double own = tacit_moments_count(model->moments, model->space->group_of[j]);
	double m = model->mean[j];
	double v = (double)model->variance[j];
	double worth, total, deviation;

	if (model->prior)
		fact = tacit_gaussian_block_get(model->prior, j);
	worth = model->kappa * (double)fact.weight;
	total = worth + own;
	if (total <= 0)
		return (struct belief){ 0 };
	deviation = own > 0 ? m - (double)fact.mean : 0;
	return (struct belief){
		.own = own,
		.worth = worth,
		.backing = own + ((double)fact.weight >= WEIGHT_MIN ? model->kappa : 0),
		.mean = (worth * (double)fact.mean + own * m) / total,
		.variance = (worth * (double)fact.variance + own * v +
			     worth * own / total * deviation * deviation) /
				    total +
			    unknown(model, &fact, own),
		.apart = deviation,
	};
}

/* a_j above */
static double between(const struct belief *belief)
{
	return sqrt(belief->worth * belief->own) / (belief->worth + belief->own) * belief->apart;
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
		if (belief.backing < TACIT_GAUSSIAN_EVIDENCE_MIN)
			continue;
		view->dim[view->n++] = (uint16_t)j;
		view->mean[j] = belief.mean;
		view->variance[j] = belief.variance;
		variance += belief.variance;
		evidence += belief.own + belief.worth;
	}
	if (view->n == 0)
		return -EAGAIN;
	view->ridge = model->tuning.ridge_relative * variance / (double)view->n +
		      model->tuning.ridge_absolute;
	view->tuning = model->tuning;
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

static void make_factor(const struct tacit_model *model, const uint8_t *observed,
			const struct view *view, struct tacit_factor *factor)
{
	struct spread spread = { .moments = model->moments };
	double diagonal[TACIT_SPACE_DIMS_MAX];
	uint16_t order[TACIT_SPACE_DIMS_MAX];

	for (size_t i = 0; i < view->n; i++) {
		size_t j = view->dim[i];
		struct belief belief = believe(model, j);

		spread.own[j] = sqrt(belief.own / (belief.own + belief.worth));
		spread.between[j] = between(&belief);
		diagonal[j] = belief.variance + view->ridge;
	}
	order_by_count(model, view, order);
	tacit_factor_make(factor, order, view->n, observed, diagonal, covariance, &spread);
}

/* Squared distance; @share, unless NULL, gets d_j (C^-1 d)_j, whose sum it is. */
static double full_distance(struct tacit_model *model, const struct tacit_sample *sample,
			    const struct view *view, double *share)
{
	size_t n = is_stale(model) ? 0 : tacit_factor_fits(model->factor, sample->observed);
	const uint16_t *order = tacit_factor_order(model->factor);
	double white[TACIT_SPACE_DIMS_MAX], distance;

	if (n == 0) {
		make_factor(model, sample->observed, view, model->factor);
		model->factor_windows = tacit_moments_windows(model->moments);
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
	double distance;

	if (!model->mixture)
		return model->factor ? full_distance(model, sample, view, share)
				     : diagonal_distance(sample, view, share);
	/* What came into being after the mixture waits for the next one; alone it is judged apart.
	 */
	if (tacit_gaussian_mixture_distance(model->mixture, model->factor, sample, &distance,
					    share))
		return distance;
	return diagonal_distance(sample, view, share);
}

static double z_of(const struct tacit_sample *sample, const struct view *view, size_t j)
{
	double variance = view->variance[j], least = view->tuning.sd_min;

	return (sample->x[j] - view->mean[j]) / (variance > least * least ? sqrt(variance) : least);
}

/* What seldom moves and did, taken together; @nats, unless NULL, gets each dimension's surprise. */
static double surprise_of(const struct tacit_model *model, const struct tacit_sample *sample,
			  const struct view *view, double *nats)
{
	double part[TACIT_SPACE_DIMS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++) {
		size_t j = view->dim[i];
		double one = sample->x[j] > 0
				     ? tacit_gaussian_surprise(model->space, model->moments,
							       model->prior, model->kappa, j)
				     : 0;

		if (one > 0)
			part[n++] = one;
		if (nats)
			nats[j] = one;
	}
	return tacit_rare_together(part, n);
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
	score.value[TACIT_STATISTIC_RARE] = surprise_of(model, sample, &view, NULL);
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
		       log(fmax(sqrt(view.variance[j]), view.tuning.sd_min));
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

static int gaussian_surprise(struct tacit_model *model, const struct tacit_sample *sample,
			     double *nats)
{
	struct view view;
	int r = look(model, sample->observed, &view);

	if (r < 0)
		return r;
	memset(nats, 0, model->space->dims * sizeof(*nats));
	(void)surprise_of(model, sample, &view, nats);
	return 0;
}

/* Every group counts as observed: the factor is for windows of all sorts. 0 or -EAGAIN. */
static int factor_all(const struct tacit_model *model, struct view *view,
		      struct tacit_factor *factor)
{
	uint8_t observed[TACIT_SPACE_GROUPS_MAX];
	int r;

	memset(observed, 1, sizeof(observed));
	r = look(model, observed, view);
	if (r == 0)
		make_factor(model, observed, view, factor);
	return r;
}

static int gaussian_refine(struct tacit_model *model, const struct tacit_sample *sample, size_t n)
{
	TACIT_CLEANUP(tacit_factor_free_p) struct tacit_factor *factor = NULL;
	struct tacit_gaussian_mixture *mixture = NULL;
	struct view view;
	int r;

	if (!model->factor || tacit_moments_windows(model->moments) < REFINE_WINDOWS ||
	    n < REFINE_SAMPLE)
		return -EAGAIN;
	r = tacit_factor_new(model->space, &factor);
	if (r == 0)
		r = factor_all(model, &view, factor);
	if (r == 0)
		r = tacit_gaussian_mixture_fit(model->space, factor, view.mean, sample, n,
					       &mixture);
	if (r < 0)
		return r;
	tacit_gaussian_mixture_free(model->mixture);
	model->mixture = mixture;
	model->refined = tacit_moments_windows(model->moments);
	model->factor_windows = UINT64_MAX;
	if (mixture) {
		tacit_factor_free(model->factor);
		model->factor = TACIT_TAKE(factor);
	}
	return 0;
}

int tacit_gaussian_standardise(const struct tacit_model *model, const struct tacit_sample *sample,
			       struct tacit_gaussian_standard *ret)
{
	struct view view;
	int r = look(model, sample->observed, &view);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->evidence = view.evidence;
	for (size_t i = 0; i < view.n; i++) {
		size_t j = view.dim[i];

		ret->known[j] = 1;
		ret->z[j] = z_of(sample, &view, j);
		ret->ridge[j] = view.ridge /
				fmax(view.variance[j], view.tuning.sd_min * view.tuning.sd_min);
	}
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
		.kind = model->head.kind->name,
		.windows = tacit_moments_windows(model->moments),
		.prior = model->kappa * weight / (double)model->space->dims,
		.promoted = model->factor != NULL,
		.refined = model->refined,
		.components = model->mixture
				      ? (unsigned)tacit_gaussian_mixture_components(model->mixture)
				      : 1,
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

size_t tacit_gaussian_diagonal_bytes(const struct tacit_space *space)
{
	return size_besides_moments(space) + tacit_moments_diagonal_bytes(space);
}

static size_t gaussian_promoted_bytes(const struct tacit_space *space)
{
	return size_besides_moments(space) + tacit_moments_promoted_bytes(space) +
	       tacit_factor_bytes(space) + tacit_gaussian_mixture_bytes(space);
}

static size_t gaussian_size_bytes(const struct tacit_model *model)
{
	return size_besides_moments(model->space) + tacit_moments_bytes(model->moments) +
	       (model->factor ? tacit_factor_bytes(model->space) +
					tacit_gaussian_mixture_bytes(model->space)
			      : 0);
}

static void gaussian_save(const struct tacit_model *model, struct tacit_writer *writer)
{
	tacit_write_u8(writer, FORMAT);
	tacit_moments_save(model->moments, writer);
	tacit_write_u64le(writer, model->refined);
	tacit_write_u8(writer, model->mixture != NULL);
	if (!model->mixture)
		return;
	tacit_factor_save(model->factor, writer);
	tacit_gaussian_mixture_save(model->mixture, writer);
}

static int load_mixture(struct tacit_model *model, struct tacit_reader *reader)
{
	uint8_t has_mixture;
	int r;

	model->refined = tacit_read_u64le(reader);
	has_mixture = tacit_read_u8(reader);
	if (reader->failed || has_mixture > 1 || (has_mixture && !model->factor) ||
	    model->refined > tacit_moments_windows(model->moments))
		return TACIT_EDAMAGED;
	if (!has_mixture)
		return 0;
	tacit_factor_free(TACIT_TAKE(model->factor));
	r = tacit_factor_load(model->space, reader, &model->factor);
	if (r == 0)
		r = tacit_gaussian_mixture_load(model->space, model->factor, reader,
						&model->mixture);
	return r;
}

static bool is_of_old(const struct tacit_reader *reader)
{
	return reader->at < reader->len && reader->data[reader->at] == FORMAT_MOMENTS;
}

static int load_moments(const struct tacit_space *space, struct tacit_reader *reader,
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

static int gaussian_load(const struct tacit_space *space, struct tacit_reader *reader,
			 struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	bool old = is_of_old(reader);
	uint8_t format = old ? FORMAT : tacit_read_u8(reader);
	int r;

	if (format != FORMAT)
		return format > FORMAT ? TACIT_ESCHEMA : TACIT_EDAMAGED;
	r = load_moments(space, reader, &model);
	if (r == 0 && !old)
		r = load_mixture(model, reader);
	if (r == 0)
		*ret = TACIT_TAKE(model);
	return r;
}

static int mixture_new(const struct tacit_space *space, struct tacit_model **ret)
{
	int r = gaussian_new(space, ret);

	if (r == 0)
		(*ret)->head.kind = &tacit_mixture_kind;
	return r;
}

static int mixture_load(const struct tacit_space *space, struct tacit_reader *reader,
			struct tacit_model **ret)
{
	int r = gaussian_load(space, reader, ret);

	if (r == 0)
		(*ret)->head.kind = &tacit_mixture_kind;
	return r;
}

#define WHAT_BOTH_DO                                                                               \
	.free = gaussian_free, .learn = gaussian_learn, .score = gaussian_score,                   \
	.loss = gaussian_loss, .explain = gaussian_explain, .surprise = gaussian_surprise,         \
	.contribution_len = tacit_gaussian_contribution_len,                                       \
	.block_len = tacit_gaussian_block_len, .block_init = tacit_gaussian_block_init,            \
	.check = tacit_gaussian_block_check, .contribute = gaussian_contribute,                    \
	.absorb = tacit_gaussian_absorb, .set_prior = gaussian_set_prior, .info = gaussian_info,   \
	.promote = gaussian_promote, .size_bytes = gaussian_size_bytes,                            \
	.promoted_bytes = gaussian_promoted_bytes, .save = gaussian_save

const struct tacit_model_kind tacit_gaussian_kind = {
	.name = "gaussian",
	.new = gaussian_new,
	.load = gaussian_load,
	WHAT_BOTH_DO,
};

const struct tacit_model_kind tacit_mixture_kind = {
	.name = "mixture",
	.new = mixture_new,
	.load = mixture_load,
	.refine = gaussian_refine,
	WHAT_BOTH_DO,
};
