/* SPDX-License-Identifier: MIT */
#include "plan_secagg.h"

#include <math.h>

#include <tacit/cleanup.h>
#include <tacit/secagg.h>

#include "cohort.h"

#define PPM	  1e6
#define BISECTION 60

/* By writing one. */
static int weigh_shares(uint32_t degree, size_t *ret)
{
	static const uint8_t zero[TACIT_SECAGG_BOX_LEN];
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes boxes = { .n = degree };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };

	boxes.box = TACIT_NEW_N(struct tacit_secagg_box, degree);
	if (!boxes.box)
		return -ENOMEM;
	for (uint32_t i = 0; i < degree; i++)
		boxes.box[i] = (struct tacit_secagg_box){ i, zero, zero };
	tacit_secagg_boxes_encode(TACIT_SECAGG_SHARES, zero, &boxes, &message);
	if (message.failed)
		return -ENOMEM;
	*ret = message.len;
	return 0;
}

int tacit_plan_secagg(const struct tacit_secagg_threat *threat, uint32_t hosts,
		      struct tacit_plan_secagg *ret)
{
	struct tacit_plan_secagg plan;
	int r = tacit_secagg_params_find(threat, hosts, &plan.params);

	if (r == 0)
		r = weigh_shares(plan.params.k, &plan.shares_bytes);
	if (r < 0)
		return r;
	plan.honest = tacit_secagg_honest(threat, hosts);
	plan.survivors_min = tacit_secagg_survivors_min(threat, hosts);
	*ret = plan;
	return 0;
}

json_t *tacit_plan_secagg_format(const struct tacit_secagg_threat *threat,
				 const struct tacit_plan_secagg *plan)
{
	return json_pack(
		"{s:I, s:s, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "hosts",
		(json_int_t)plan->params.n, "server",
		threat->server == TACIT_SECAGG_SEMI_HONEST ? "semi-honest" : "semi-malicious",
		"corrupt", threat->corrupt_ppm / PPM, "dropout", threat->dropout_ppm / PPM,
		"degree", (json_int_t)plan->params.k, "threshold", (json_int_t)plan->params.t,
		"honest", (json_int_t)plan->honest, "survivors_min",
		(json_int_t)plan->survivors_min, "shares_bytes", (json_int_t)plan->shares_bytes);
}

enum tacit_mode tacit_plan_mode(const struct tacit_task *task, uint32_t hosts, const char **ret_why)
{
	uint32_t group = hosts < TACIT_COHORT_HOSTS_MAX ? hosts : TACIT_COHORT_HOSTS_MAX;
	struct tacit_secagg_params params;

	*ret_why = "the task says so";
	if (task->mode == TACIT_TASK_LOCAL)
		return TACIT_MODE_LOCAL;
	if (task->mode == TACIT_TASK_DISTRIBUTED)
		return TACIT_MODE_DISTRIBUTED;
	*ret_why = "the fleet is smaller than min_cohort";
	if (hosts < task->min_cohort)
		return TACIT_MODE_LOCAL;
	*ret_why = "no graph of so few hosts withstands what the task asks";
	if (tacit_secagg_params_find(&task->threat, group, &params) < 0)
		return TACIT_MODE_LOCAL;
	*ret_why = "the fleet is large enough for a secure sum";
	return TACIT_MODE_DISTRIBUTED;
}

/* The standard normal distribution's, by bisection. */
static double quantile(double p)
{
	double low = -40, high = 40;

	for (int i = 0; i < BISECTION; i++) {
		double middle = (low + high) / 2;

		if (erfc(-middle / M_SQRT2) / 2 < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

double tacit_plan_trimmed_noise(uint32_t groups, uint32_t cut)
{
	double a = (double)cut / groups, kept = 1 - 2 * a, q, density;

	if (cut == 0)
		return sqrt(groups);
	q = quantile(1 - a);
	density = exp(-q * q / 2) / sqrt(2 * M_PI);
	return sqrt(groups * (kept - 2 * q * density + 2 * a * q * q)) / kept;
}
