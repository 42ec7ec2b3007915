/* SPDX-License-Identifier: MIT */
#include "governor.h"

#include <stdbool.h>

#define MEAN_WEIGHT 0.1	 /* of the newest window */
#define MARGIN	    0.9	 /* of the budget is planned for: waking up to detach takes time too */
#define SAVED_MAX   10.0 /* windows' worth of budget that can be saved up */

void tacit_governor_init(struct tacit_governor *governor,
			 const struct tacit_governor_params *params)
{
	*governor = (struct tacit_governor){
		.params = *params,
		.switch_ns = (double)params->switch_ns,
	};
}

static void account(struct tacit_governor *governor, const struct tacit_governor_window *window)
{
	double calls_ns = (double)window->calls * governor->params.call_ns;
	double spent = calls_ns + (double)window->switch_ns + (double)window->fixed_ns;
	double length = window->length_ns ? (double)window->length_ns : 1;

	governor->cost = spent / length;
	governor->cost_mean += MEAN_WEIGHT * (governor->cost - governor->cost_mean);
	governor->fixed_ns += MEAN_WEIGHT * ((double)window->fixed_ns - governor->fixed_ns);
	if (window->switch_ns > 0)
		governor->switch_ns +=
			MEAN_WEIGHT * ((double)window->switch_ns - governor->switch_ns);
	if (window->attached_ns > 0)
		governor->rate = (double)window->calls / (double)window->attached_ns;
}

/* Nanoseconds that hooked calls may cost in the next window. */
static double grant(const struct tacit_governor *governor)
{
	const struct tacit_governor_params *params = &governor->params;
	double budget = MARGIN * params->budget * (double)params->window_ns;

	return budget - governor->fixed_ns + governor->saved_ns;
}

static struct tacit_governor_plan leave_out(struct tacit_governor *governor)
{
	const struct tacit_governor_params *params = &governor->params;
	double most = SAVED_MAX * params->budget * (double)params->window_ns;

	governor->saved_ns +=
		MARGIN * params->budget * (double)params->window_ns - governor->fixed_ns;
	if (governor->saved_ns > most)
		governor->saved_ns = most;
	if (governor->saved_ns < 0)
		governor->saved_ns = 0;
	return (struct tacit_governor_plan){ 0 };
}

static struct tacit_governor_plan all_of_it(uint64_t allowance)
{
	return (struct tacit_governor_plan){ .stop_ns = UINT64_MAX, .allowance = allowance };
}

struct tacit_governor_plan tacit_governor_next(struct tacit_governor *governor,
					       const struct tacit_governor_window *window,
					       uint64_t random)
{
	const struct tacit_governor_params *params = &governor->params;
	double length = (double)params->window_ns, left, stretch;
	struct tacit_governor_plan plan;

	if (window)
		account(governor, window);
	left = grant(governor);
	if (left > 0 && governor->rate * length * params->call_ns <= left - governor->saved_ns) {
		governor->saved_ns = 0;
		return all_of_it((uint64_t)(left / params->call_ns));
	}
	left -= governor->switch_ns;
	stretch = left / (governor->rate * params->call_ns);
	if (left <= 0 || stretch < (double)TACIT_GOVERNOR_STRETCH_MIN_NS)
		return leave_out(governor);
	governor->saved_ns = 0;
	if (stretch > length)
		stretch = length;
	plan.start_ns = (uint64_t)((double)(random >> 11) * 0x1p-53 * (length - stretch));
	plan.stop_ns = plan.start_ns + (uint64_t)stretch;
	plan.allowance = (uint64_t)(left / params->call_ns);
	return plan;
}
