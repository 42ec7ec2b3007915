/* SPDX-License-Identifier: MIT */
#include "autoencoder.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <tacit/mem.h>

#define FORMAT	   1U
#define FNV_OFFSET 2166136261U
#define FNV_PRIME  16777619U

#define PROX 1e-2 /* FedProx's mu, towards weights that can be relied on */

/* A network that judges, and how well it draws. */
struct own {
	float *weight;	 /* NULL until promoted */
	float *residual; /* per dimension; then of the network as it came */
	double windows;	 /* it was refined with; 0: not yet */
	double measured; /* windows behind its residuals */
	uint32_t origin; /* digest of the weights it began with */
};

struct tacit_model {
	struct tacit_model_head head;
	const struct tacit_space *space;
	struct tacit_model *gaussian;
	struct tacit_mlp_shape shape;
	float *prior; /* a block, up to its weights; NULL without one */
	double kappa;
	struct own own;
	uint64_t refined; /* windows learned when it was, for the prior of now; 0 not yet */
};

static int wrap(const struct tacit_space *space, struct tacit_model *gaussian,
		struct tacit_model **ret)
{
	struct tacit_model *model = TACIT_NEW(struct tacit_model);

	if (!model)
		return -ENOMEM;
	model->head.kind = &tacit_autoencoder_kind;
	model->space = space;
	model->gaussian = gaussian;
	model->shape = tacit_autoencoder_shape(space);
	*ret = model;
	return 0;
}

static int autoencoder_new(const struct tacit_space *space, struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *gaussian = NULL;
	int r = tacit_gaussian_kind.new(space, &gaussian);

	if (r == 0)
		r = wrap(space, gaussian, ret);
	if (r == 0)
		gaussian = NULL;
	return r;
}

static void autoencoder_free(struct tacit_model *model)
{
	tacit_model_free(model->gaussian);
	tacit_free(model->prior);
	tacit_free(model->own.weight);
	tacit_free(model->own.residual);
	tacit_free(model);
}

static int autoencoder_learn(struct tacit_model *model, const struct tacit_sample *sample,
			     uint32_t times)
{
	return tacit_gaussian_kind.learn(model->gaussian, sample, times);
}

/* The network to judge by; NULL: none yet. */
static const float *find_network(const struct tacit_model *model)
{
	struct tacit_autoencoder_net net;

	if (model->own.windows > 0)
		return model->own.weight;
	if (!model->prior)
		return NULL;
	net = tacit_autoencoder_block_get(model->space, model->prior);
	return net.trust >= TACIT_AUTOENCODER_TRUSTED ? net.weight : NULL;
}

/* What is expected of e^2: the scope's own figure and the fleet's, each by its windows. */
static double residual_of(const struct tacit_model *model, size_t j)
{
	double own = model->own.windows > 0 ? model->own.measured : 0, worth = 0, fleet = 0;

	if (model->prior) {
		struct tacit_autoencoder_net net =
			tacit_autoencoder_block_get(model->space, model->prior);

		worth = model->kappa * (double)net.trust;
		fleet = (double)net.residual[j];
	}
	if (own + worth <= 0)
		return 1;
	return ((own > 0 ? own * (double)model->own.residual[j] : 0) + worth * fleet) /
	       (own + worth);
}

/* The distance by @network; @share (dims numbers, 0 where unknown) adds up to it. */
static double distance_of(const struct tacit_model *model, const float *network,
			  const struct tacit_autoencoder_view *view, double *share)
{
	const struct tacit_gaussian_standard *standard = &view->standard;
	float drawn[TACIT_SPACE_DIMS_MAX];
	double sum = 0;

	tacit_mlp_apply(&model->shape, network, view->input, drawn);
	for (size_t j = 0; j < model->space->dims; j++) {
		double wrong = standard->z[j] - (double)drawn[j];

		share[j] = standard->known[j]
				   ? wrong * wrong / (residual_of(model, j) + standard->ridge[j])
				   : 0;
		sum += share[j];
	}
	return sum;
}

/* What seldom happens needs no network. */
static double rarity_of(struct tacit_model *gaussian, const struct tacit_sample *sample)
{
	struct tacit_score score;

	if (tacit_gaussian_kind.score(gaussian, sample, &score) < 0)
		return 0;
	return score.value[TACIT_STATISTIC_RARE];
}

static int autoencoder_score(struct tacit_model *model, const struct tacit_sample *sample,
			     struct tacit_score *ret)
{
	const float *network = find_network(model);
	double share[TACIT_SPACE_DIMS_MAX];
	struct tacit_score score = { 0 };
	struct tacit_autoencoder_view view;
	int r;

	if (!network)
		return tacit_gaussian_kind.score(model->gaussian, sample, ret);
	r = tacit_autoencoder_look(model->space, model->gaussian, sample, &view);
	if (r < 0)
		return r;
	score.value[TACIT_STATISTIC_RARE] = rarity_of(model->gaussian, sample);
	score.evidence = view.standard.evidence;
	score.value[TACIT_STATISTIC_DISTANCE] = distance_of(model, network, &view, share);
	for (size_t j = model->space->dims; j-- > 0;) {
		double z = fabs(view.standard.z[j]);

		if (view.standard.known[j] && z >= score.value[TACIT_STATISTIC_MAX_Z]) {
			score.value[TACIT_STATISTIC_MAX_Z] = z;
			score.max_z_dim = j;
		}
	}
	*ret = score;
	return 0;
}

static int autoencoder_loss(struct tacit_model *model, const struct tacit_sample *sample,
			    double *ret)
{
	return tacit_gaussian_kind.loss(model->gaussian, sample, ret);
}

static int autoencoder_surprise(struct tacit_model *model, const struct tacit_sample *sample,
				double *nats)
{
	return tacit_gaussian_kind.surprise(model->gaussian, sample, nats);
}

static int autoencoder_explain(struct tacit_model *model, const struct tacit_sample *sample,
			       double *share, double *z, double *expected)
{
	const float *network = find_network(model);
	struct tacit_autoencoder_view view;
	int r = tacit_gaussian_kind.explain(model->gaussian, sample, share, z, expected);

	if (r < 0 || !network)
		return r;
	r = tacit_autoencoder_look(model->space, model->gaussian, sample, &view);
	if (r == 0)
		(void)distance_of(model, network, &view, share);
	return r;
}

/* FNV-1a of weights. */
static uint32_t digest_of(const float *weight, size_t n)
{
	const uint8_t *byte = (const uint8_t *)weight;
	uint32_t hash = FNV_OFFSET;

	for (size_t i = 0; i < n * sizeof(*weight); i++)
		hash = (hash ^ byte[i]) * FNV_PRIME;
	return hash;
}

static void autoencoder_contribute(const struct tacit_model *model, const float *reference,
				   double *out)
{
	struct tacit_autoencoder_net net = tacit_autoencoder_block_get(model->space, reference);
	struct tacit_autoencoder_news news = { 0 };

	tacit_gaussian_kind.contribute(model->gaussian, reference, out);
	if (model->own.windows > 0 &&
	    model->own.origin == digest_of(net.weight, tacit_mlp_len(&model->shape)))
		news = (struct tacit_autoencoder_news){
			.windows = model->own.windows,
			.weight = model->own.weight,
			.residual = model->own.residual + model->space->dims,
		};
	tacit_autoencoder_contribute(model->space, &news, reference,
				     out + tacit_gaussian_contribution_len(model->space));
}

static int autoencoder_set_prior(struct tacit_model *model, const float *block, double kappa)
{
	size_t len = tacit_autoencoder_block_head(model->space);
	float *prior = NULL;
	int r;

	if (block) {
		prior = TACIT_NEW_N(float, len);
		if (!prior)
			return -ENOMEM;
		memcpy(prior, block, len * sizeof(*block));
	}
	r = tacit_gaussian_kind.set_prior(model->gaussian, block, kappa);
	if (r < 0) {
		tacit_free(prior);
		return r;
	}
	tacit_free(model->prior);
	model->prior = prior;
	model->kappa = prior ? kappa : 0;
	model->refined = 0;
	return 0;
}

/* What the Gaussian's prior is worth: judging always takes that, and a network besides, if any. */
static void autoencoder_info(const struct tacit_model *model, struct tacit_model_info *ret)
{
	tacit_gaussian_kind.info(model->gaussian, ret);
	ret->kind = tacit_autoencoder_kind.name;
	ret->promoted = model->own.weight != NULL;
	ret->refined = model->refined;
}

static int autoencoder_promote(struct tacit_model *model)
{
	TACIT_AUTO_FREE float *weight = NULL;
	TACIT_AUTO_FREE float *residual = NULL;

	if (model->own.weight)
		return 0;
	weight = TACIT_NEW_N(float, tacit_mlp_len(&model->shape));
	residual = TACIT_NEW_N(float, 2 * model->space->dims);
	if (!weight || !residual)
		return -ENOMEM;
	model->own.weight = TACIT_TAKE(weight);
	model->own.residual = TACIT_TAKE(residual);
	return 0;
}

/* The weights to begin with and to stay near: the fleet's, if any. Returns FedProx's mu. */
static double find_anchor(const struct tacit_model *model, float *weight)
{
	struct tacit_autoencoder_net net;

	if (!model->prior) {
		tacit_autoencoder_first_weights(model->space, weight);
		return 0;
	}
	net = tacit_autoencoder_block_get(model->space, model->prior);
	memcpy(weight, net.weight, tacit_mlp_len(&model->shape) * sizeof(*weight));
	return PROX * (double)net.trust;
}

/* From the fleet's weights, or on from its own if those began there. */
static int autoencoder_refine(struct tacit_model *model, const struct tacit_sample *sample,
			      size_t n)
{
	size_t len = tacit_mlp_len(&model->shape);
	TACIT_AUTO_FREE float *anchor = TACIT_NEW_N(float, len);
	TACIT_AUTO_FREE float *weight = TACIT_NEW_N(float, len);
	struct tacit_autoencoder_course course = { .anchor = anchor, .weight = weight };
	struct own *own = &model->own;
	struct tacit_model_info info;
	uint32_t origin;
	int r;

	if (!anchor || !weight)
		return -ENOMEM;
	if (!own->weight)
		return -EAGAIN;
	course.prox = find_anchor(model, anchor);
	origin = digest_of(anchor, len);
	memcpy(weight, own->windows > 0 && own->origin == origin ? own->weight : anchor,
	       len * sizeof(*weight));
	r = tacit_autoencoder_train(model->space, model->gaussian, sample, n, &course);
	if (r < 0)
		return r;
	memcpy(own->weight, weight, len * sizeof(*weight));
	memcpy(own->residual, course.residual, model->space->dims * sizeof(float));
	memcpy(own->residual + model->space->dims, course.anchor_residual,
	       model->space->dims * sizeof(float));
	own->windows = course.windows;
	own->measured = course.measured;
	own->origin = origin;
	tacit_gaussian_kind.info(model->gaussian, &info);
	model->refined = info.windows;
	return 0;
}

static size_t size_of(const struct tacit_space *space, bool promoted)
{
	const struct tacit_mlp_shape shape = tacit_autoencoder_shape(space);
	size_t floats = tacit_autoencoder_block_head(space);

	if (promoted)
		floats += tacit_mlp_len(&shape) + 2 * space->dims;
	return sizeof(struct tacit_model) + floats * sizeof(float);
}

static size_t autoencoder_size_bytes(const struct tacit_model *model)
{
	return size_of(model->space, model->own.weight != NULL) +
	       tacit_gaussian_kind.size_bytes(model->gaussian);
}

/* The Gaussian is never promoted: the network says how features go together. */
static size_t autoencoder_promoted_bytes(const struct tacit_space *space)
{
	return size_of(space, true) + tacit_gaussian_diagonal_bytes(space);
}

static void autoencoder_save(const struct tacit_model *model, struct tacit_writer *writer)
{
	const struct own *own = &model->own;

	tacit_write_u8(writer, FORMAT);
	tacit_write_u8(writer, own->weight != NULL);
	tacit_gaussian_kind.save(model->gaussian, writer);
	if (!own->weight)
		return;
	tacit_write_f64le(writer, own->windows);
	tacit_write_f64le(writer, own->measured);
	tacit_write_u32le(writer, own->origin);
	for (size_t i = 0; i < tacit_mlp_len(&model->shape); i++)
		tacit_write_f32le(writer, own->weight[i]);
	for (size_t j = 0; j < 2 * model->space->dims; j++)
		tacit_write_f32le(writer, own->residual[j]);
}

/* 0 or TACIT_EDAMAGED; NaN fails every comparison. */
static int read_own(struct tacit_model *model, struct tacit_reader *reader)
{
	struct own *own = &model->own;
	bool good = true;

	own->windows = tacit_read_f64le(reader);
	own->measured = tacit_read_f64le(reader);
	own->origin = tacit_read_u32le(reader);
	good &= own->windows >= 0 && own->windows <= TACIT_AUTOENCODER_SAMPLE_MAX;
	good &= own->measured >= 0 && own->measured <= own->windows;
	for (size_t i = 0; i < tacit_mlp_len(&model->shape); i++) {
		own->weight[i] = tacit_read_f32le(reader);
		good &= fabsf(own->weight[i]) <= TACIT_AUTOENCODER_WEIGHT_MAX;
	}
	for (size_t j = 0; j < 2 * model->space->dims; j++) {
		float residual = tacit_read_f32le(reader);

		own->residual[j] = residual;
		good &= own->windows <= 0 || (residual >= TACIT_AUTOENCODER_RESIDUAL_MIN &&
					      residual <= TACIT_AUTOENCODER_RESIDUAL_MAX);
	}
	return good && !reader->failed ? 0 : TACIT_EDAMAGED;
}

static int autoencoder_load(const struct tacit_space *space, struct tacit_reader *reader,
			    struct tacit_model **ret)
{
	uint8_t format = tacit_read_u8(reader), promoted = tacit_read_u8(reader);
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *gaussian = NULL;
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	int r;

	if (reader->failed || promoted > 1)
		return TACIT_EDAMAGED;
	if (format != FORMAT)
		return TACIT_ESCHEMA;
	r = tacit_gaussian_kind.load(space, reader, &gaussian);
	if (r == 0)
		r = wrap(space, gaussian, &model);
	if (r < 0)
		return r;
	gaussian = NULL;
	if (promoted)
		r = autoencoder_promote(model);
	if (r == 0 && promoted)
		r = read_own(model, reader);
	if (r == 0)
		*ret = TACIT_TAKE(model);
	return r;
}

const struct tacit_model_kind tacit_autoencoder_kind = {
	.name = "autoencoder",
	.new = autoencoder_new,
	.free = autoencoder_free,
	.learn = autoencoder_learn,
	.refine = autoencoder_refine,
	.score = autoencoder_score,
	.loss = autoencoder_loss,
	.surprise = autoencoder_surprise,
	.explain = autoencoder_explain,
	.contribution_len = tacit_autoencoder_contribution_len,
	.block_len = tacit_autoencoder_block_len,
	.block_init = tacit_autoencoder_block_init,
	.check = tacit_autoencoder_block_check,
	.contribute = autoencoder_contribute,
	.absorb = tacit_autoencoder_absorb,
	.set_prior = autoencoder_set_prior,
	.info = autoencoder_info,
	.promote = autoencoder_promote,
	.size_bytes = autoencoder_size_bytes,
	.promoted_bytes = autoencoder_promoted_bytes,
	.save = autoencoder_save,
	.load = autoencoder_load,
};
