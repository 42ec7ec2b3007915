/* SPDX-License-Identifier: MIT */
/* Rounds without a network: the contributions of a host's siblings, one protected sum, a release.
 */
#include "eval_private.h"

#include <tacit/noise.h>
#include <tacit/protect.h>

#define CLIP_NORM  1.0	   /* what every task has */
#define CLASS_NAME "class" /* a fleet here has one, whatever it is called */

/* A sum as a secure round makes it: the vectors of the hosts, and noise once. */
struct round_sum {
	struct tacit_protect_params protect;
	size_t len;
	double *value;	/* a vector; at last the sum */
	uint32_t *part; /* one host's vector, rounded */
	uint32_t *total;
};

static void round_sum_done(struct round_sum *sum)
{
	tacit_free(sum->value);
	tacit_free(sum->part);
	tacit_free(sum->total);
}

static int round_sum_init(size_t len, uint32_t hosts, struct round_sum *sum)
{
	sum->len = len;
	sum->protect = (struct tacit_protect_params){ .clip_norm = CLIP_NORM, .honest = hosts };
	sum->value = TACIT_NEW_N(double, len);
	sum->part = TACIT_NEW_N(uint32_t, len);
	sum->total = TACIT_NEW_N(uint32_t, len);
	return sum->value && sum->part && sum->total ? 0 : -ENOMEM;
}

/* Adds what @model has to say, as if @times hosts had said it. */
static int add_host(struct eval_run *run, const struct tacit_fleet *fleet,
		    const struct tacit_model *model, uint32_t times, struct round_sum *sum)
{
	const struct tacit_fleet_scope scope = { .model = model };
	int r = tacit_fleet_contribute(fleet, &scope, 1, sum->value);

	if (r == 0)
		r = tacit_protect(&sum->protect, sum->value, sum->len, run->random, sum->part);
	for (size_t k = 0; r == 0 && k < sum->len; k++)
		sum->total[k] += sum->part[k] * times;
	return r;
}

/* In later rounds hosts lean on the release before, and what needs many windows is fitted to that;
 * on a copy, since other hosts' siblings have other releases. @ret: owned by the caller. */
static int lean(const struct eval_run *run, size_t host, const struct tacit_fleet *fleet,
		struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	const struct tacit_model_kind *kind = run->params->kind;
	struct tacit_reader reader;
	int r;

	kind->save(run->model[host], &writer);
	if (writer.failed)
		return -ENOMEM;
	reader = tacit_reader_init(writer.data, writer.len);
	r = kind->load(&run->space, &reader, &model);
	if (r == 0)
		r = kind->set_prior(model, tacit_fleet_block(fleet, 0), run->params->kappa);
	if (r == 0)
		r = tacit_eval_refine(run, model, host, tacit_eval_parts(run, host).fit);
	if (r == 0)
		*ret = TACIT_TAKE(model);
	return r;
}

static int add_sibling(struct eval_run *run, size_t host, const struct tacit_fleet *fleet,
		       uint32_t round, uint32_t times, struct round_sum *sum)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *copy = NULL;
	int r = 0;

	if (round > 0 && run->params->kind->refine)
		r = lean(run, host, fleet, &copy);
	return r < 0 ? r : add_host(run, fleet, copy ? copy : run->model[host], times, sum);
}

/* The noise of all hosts together, at once. */
static int add_noise(struct eval_run *run, struct round_sum *sum)
{
	struct tacit_protect_params whole = { CLIP_NORM, run->noise_multiplier, 0 };
	uint64_t sigma2 = 0;
	int r = tacit_protect_sigma2(&whole, sum->len, &sigma2);

	if (r == 0)
		tacit_noise_add(run->random, sigma2, sum->total, sum->len);
	return r;
}

/* @siblings of @host, of which @hosts are made. */
static int run_round(struct eval_run *run, size_t host, uint32_t round, size_t siblings,
		     struct tacit_fleet **fleet)
{
	uint32_t hosts = run->params->hosts > 0 ? run->params->hosts : (uint32_t)siblings;
	TACIT_CLEANUP(round_sum_done) struct round_sum sum = { 0 };
	struct tacit_fleet *next = NULL;
	struct tacit_sum told;
	size_t added = 0;
	int r = round_sum_init(tacit_fleet_dimensions(*fleet), hosts, &sum);

	for (size_t h = 0; r == 0 && h < tacit_dataset_hosts(run->dataset); h++) {
		if (!tacit_eval_is_sibling(run, host, h))
			continue;
		r = add_sibling(run, h, *fleet, round,
				(uint32_t)(hosts / siblings + (added < hosts % siblings)), &sum);
		added++;
	}
	if (r == 0)
		r = add_noise(run, &sum);
	if (r < 0)
		return r;
	tacit_unprotect(&sum.protect, sum.total, sum.len, sum.value);
	sum.protect.noise_multiplier = run->noise_multiplier;
	told = (struct tacit_sum){ sum.value, hosts,
				   tacit_protect_noise_sd(&sum.protect, sum.len, hosts) };
	r = tacit_fleet_absorb(*fleet, &told, &next);
	if (r < 0)
		return r;
	tacit_fleet_set_head(next, &(struct tacit_fleet_head){ .version = round + 1 });
	tacit_fleet_free(*fleet);
	*fleet = next;
	return 0;
}

int tacit_eval_release(struct eval_run *run, size_t host, struct tacit_fleet **ret,
		       size_t *ret_siblings)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	const char *const class = CLASS_NAME;
	size_t siblings = 0;
	int r = tacit_fleet_new(run->params->kind, &run->space, &class, 1, &fleet);

	for (size_t h = 0; h < tacit_dataset_hosts(run->dataset); h++)
		siblings += tacit_eval_is_sibling(run, host, h);
	for (uint32_t i = 0; r == 0 && siblings > 0 && i < run->params->rounds; i++)
		r = run_round(run, host, i, siblings, &fleet);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(fleet);
	*ret_siblings = siblings;
	return 0;
}
