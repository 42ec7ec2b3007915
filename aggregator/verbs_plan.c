/* SPDX-License-Identifier: MIT */
/* The verbs that need no aggregator: what a fleet of some size can afford. */
#include "verbs.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/feature.h>
#include <tacit/model.h>
#include <tacit/protect.h>

#include "cohort.h"
#include "plan.h"
#include "plan_kinds.h"
#include "plan_secagg.h"
#include "round.h"

#define HOSTS_MAX    1000000000
#define CLASSES_MAX  64
#define FRACTION_MAX 0.5
#define PPM	     1e6

/* The smallest fleet whose rounds are distributed, as tasks are at first; 0: none. */
static uint32_t find_shared_from(const struct tacit_task *task)
{
	const char *why;

	for (uint32_t hosts = task->min_cohort; hosts <= TACIT_COHORT_HOSTS_MAX; hosts++)
		if (tacit_plan_mode(task, hosts, &why) == TACIT_MODE_DISTRIBUTED)
			return hosts;
	return 0;
}

/* @classes: 0 when the numbers of a contribution were given instead. */
static int format_plan(struct tacit_plan_order *order, uint32_t classes, json_t **ret)
{
	static const uint8_t schema[TACIT_DIGEST_LEN];
	struct tacit_task task;
	const char *mode, *why;
	json_t *answer;

	tacit_task_init(&task, schema);
	order->shared_from = find_shared_from(&task);
	mode = tacit_mode_name(tacit_plan_mode(&task, order->hosts, &why));
	answer = tacit_plan_format(order);
	if (!answer || json_object_set_new(answer, "mode", json_string(mode)) < 0 ||
	    json_object_set_new(answer, "mode_reason", json_string(why)) < 0 ||
	    (classes > 0 && json_object_set_new(answer, "kinds",
						tacit_plan_kinds_format(order, classes)) < 0)) {
		json_decref(answer);
		return -ENOMEM;
	}
	*ret = answer;
	return 0;
}

static int plan(const json_t *request, json_t **ret, char *why, size_t size)
{
	const struct tacit_model_kind *kind = tacit_model_kind_find("gaussian");
	json_int_t hosts = json_integer_value(json_object_get(request, "hosts"));
	json_int_t dimensions = json_integer_value(json_object_get(request, "dimensions"));
	const json_t *given = json_object_get(request, "classes");
	json_int_t classes = given ? json_integer_value(given) : 1;
	double epsilon = json_real_value(json_object_get(request, "epsilon"));
	struct tacit_plan_order order = { .delta = TACIT_ROUND_DELTA, .epsilon = epsilon };

	if (hosts < 1 || hosts > HOSTS_MAX) {
		(void)snprintf(why, size, "--hosts: from 1 to %d", HOSTS_MAX);
		return -EINVAL;
	}
	if (epsilon < 0.01 || epsilon > 1000) {
		(void)snprintf(why, size, "--epsilon: from 0.01 to 1000");
		return -EINVAL;
	}
	if (classes < 1 || classes > CLASSES_MAX) {
		(void)snprintf(why, size, "--classes: from 1 to %d", CLASSES_MAX);
		return -EINVAL;
	}
	if (dimensions > 0)
		classes = 0;
	else if (kind)
		dimensions = classes * (json_int_t)tacit_fleet_section_len(kind, tacit_feature_space());
	if (dimensions < 1 || dimensions > TACIT_PROTECT_DIMS_MAX) {
		(void)snprintf(why, size, "--dimensions: from 1 to %u", TACIT_PROTECT_DIMS_MAX);
		return -EINVAL;
	}
	order.hosts = (uint32_t)hosts;
	order.dimensions = (uint32_t)dimensions;
	return format_plan(&order, (uint32_t)classes, ret);
}

static int get_fraction(const json_t *request, const char *member, uint32_t *ret, char *why,
			size_t size)
{
	const json_t *given = json_object_get(request, member);
	double value = json_real_value(given);

	if (!given || value < 0 || value > FRACTION_MAX) {
		(void)snprintf(why, size, "--%s: from 0 to %g", member, FRACTION_MAX);
		return -EINVAL;
	}
	*ret = (uint32_t)lround(value * PPM);
	return 0;
}

static int find_params(const json_t *request, json_t **ret, char *why, size_t size)
{
	json_int_t hosts = json_integer_value(json_object_get(request, "hosts"));
	struct tacit_secagg_threat threat = { .server = TACIT_SECAGG_SEMI_MALICIOUS };
	struct tacit_plan_secagg found;
	int r;

	if (hosts < TACIT_SECAGG_HOSTS_MIN || hosts > TACIT_SECAGG_HOSTS_MAX) {
		(void)snprintf(why, size, "--hosts: from %u to %u", TACIT_SECAGG_HOSTS_MIN,
			       TACIT_SECAGG_HOSTS_MAX);
		return -EINVAL;
	}
	if (json_is_true(json_object_get(request, "semi_honest")))
		threat.server = TACIT_SECAGG_SEMI_HONEST;
	r = get_fraction(request, "corrupt", &threat.corrupt_ppm, why, size);
	if (r == 0)
		r = get_fraction(request, "dropout", &threat.dropout_ppm, why, size);
	if (r < 0)
		return r;
	r = tacit_plan_secagg(&threat, (uint32_t)hosts, &found);
	if (r == -ERANGE)
		(void)snprintf(why, size,
			       "no graph of %" JSON_INTEGER_FORMAT " hosts withstands that", hosts);
	if (r < 0)
		return r;
	*ret = tacit_plan_secagg_format(&threat, &found);
	return *ret ? 0 : -ENOMEM;
}

bool tacit_verbs_is_plan(const char *verb)
{
	return strcmp(verb, "task plan") == 0 || strcmp(verb, "secagg-params") == 0;
}

int tacit_verbs_plan(const struct tacit_verbs_request *request, json_t **ret, char *why,
		     size_t size)
{
	if (strcmp(request->verb, "task plan") == 0)
		return plan(request->request, ret, why, size);
	return find_params(request->request, ret, why, size);
}
