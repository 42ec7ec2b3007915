/* SPDX-License-Identifier: MIT */
/* The governor against hosts that are arithmetic: what it plans is what happens. */
#include <math.h>
#include <stdbool.h>

#include "agent/governor.h"
#include "seed.h"
#include "unit.h"

#define WINDOW_NS 1000000000ULL
#define CALL_NS	  100.0
#define SWITCH_NS 1400000ULL
#define FIXED_NS  500000ULL
#define BUDGET	  0.01

static struct tacit_random *noise;

struct host {
	struct tacit_governor governor;
	struct tacit_governor_plan plan;
	double cost, duty; /* of the window that was */
};

static struct host begin(void)
{
	const struct tacit_governor_params params = {
		.budget = BUDGET, .window_ns = WINDOW_NS, .call_ns = CALL_NS, .switch_ns = SWITCH_NS
	};
	struct host host = { 0 };

	tacit_governor_init(&host.governor, &params);
	host.plan = tacit_governor_next(&host.governor, NULL, 0);
	return host;
}

/* One window at @rate calls a second, as the plan has it: the hook goes when it is told to, or when
 * what was granted is used up. */
static void live(struct host *host, double rate, uint64_t random)
{
	const struct tacit_governor_plan *plan = &host->plan;
	bool always = plan->stop_ns == UINT64_MAX;
	double stop = always ? WINDOW_NS : fmin((double)plan->stop_ns, WINDOW_NS);
	double stretch = fmax(stop - (double)plan->start_ns, 0);
	double spent = (double)plan->allowance / rate * 1e9;
	bool used_up = spent < stretch;
	struct tacit_governor_window window = { .length_ns = WINDOW_NS, .fixed_ns = FIXED_NS };

	if (used_up)
		stretch = spent;
	window.attached_ns = (uint64_t)stretch;
	window.calls = (uint64_t)(rate * stretch / 1e9);
	window.switch_ns = stretch > 0 && (!always || used_up) ? SWITCH_NS : 0;
	host->duty = stretch / WINDOW_NS;
	host->plan = tacit_governor_next(&host->governor, &window, random);
	host->cost = host->governor.cost;
}

static void test_a_quiet_host_is_watched_always(void)
{
	struct host host = begin();

	for (int i = 0; i < 50; i++) {
		live(&host, 50000, tacit_random_u64(noise));
		CU_ASSERT_EQUAL(host.duty, 1);
		CU_ASSERT(host.cost < BUDGET);
	}
	CU_ASSERT_DOUBLE_EQUAL(host.cost, 50000 * CALL_NS / 1e9 + FIXED_NS / 1e9, 1e-6);
}

static void test_the_budget_holds_at_any_rate(void)
{
	for (double rate = 1e4; rate < 1e8; rate *= 3) {
		struct host host = begin();
		double cost = 0, duty = 0;

		for (int i = 0; i < 200; i++) {
			live(&host, rate, tacit_random_u64(noise));
			CU_ASSERT(host.cost <= 11 * BUDGET); /* after ten windows left out */
			if (rate * CALL_NS / 1e9 < 1)
				CU_ASSERT(host.cost <= 1.2 * BUDGET);
			cost += host.cost / 200;
			duty += host.duty / 200;
		}
		CU_ASSERT(cost <= BUDGET);
		CU_ASSERT(duty > 0);
		if (rate * CALL_NS / 1e9 > 2 * BUDGET) /* and what is allowed is used */
			CU_ASSERT(cost > BUDGET / 2);
	}
}

/* The first window of a load finds the hook attached: what was granted is all it can cost. */
static void test_a_burst_is_cut_off(void)
{
	struct host host = begin();

	for (int i = 0; i < 10; i++)
		live(&host, 1000, tacit_random_u64(noise));
	CU_ASSERT_EQUAL(host.duty, 1);
	live(&host, 3e6, tacit_random_u64(noise));
	CU_ASSERT(host.duty < 0.1);
	CU_ASSERT(host.cost <= 1.2 * BUDGET);
}

static void test_it_comes_back(void)
{
	struct host host = begin();

	for (int i = 0; i < 20; i++)
		live(&host, 2e6, tacit_random_u64(noise));
	CU_ASSERT(host.duty < 0.1);
	for (int i = 0; i < 15; i++)
		live(&host, 2000, tacit_random_u64(noise));
	CU_ASSERT_EQUAL(host.duty, 1);
}

static void test_stretches_are_anywhere(void)
{
	struct host host = begin();
	double first = 1, last = 0;

	for (int i = 0; i < 300; i++) {
		live(&host, 1e6, tacit_random_u64(noise));
		if (host.plan.stop_ns == 0 || host.plan.stop_ns == UINT64_MAX)
			continue;
		CU_ASSERT(host.plan.start_ns < host.plan.stop_ns);
		CU_ASSERT(host.plan.stop_ns <= WINDOW_NS);
		first = fmin(first, (double)host.plan.start_ns / WINDOW_NS);
		last = fmax(last, (double)host.plan.stop_ns / WINDOW_NS);
	}
	CU_ASSERT(first < 0.1);
	CU_ASSERT(last > 0.9);
}

/* A drain that alone costs more than the budget leaves nothing for the hook. */
static void test_nothing_left(void)
{
	struct host host = begin();
	const struct tacit_governor_window window = { .length_ns = WINDOW_NS,
						      .attached_ns = WINDOW_NS,
						      .calls = 1000,
						      .fixed_ns = 20000000 };

	for (int i = 0; i < 100; i++)
		host.plan = tacit_governor_next(&host.governor, &window, tacit_random_u64(noise));
	CU_ASSERT_EQUAL(host.plan.stop_ns, 0);
	CU_ASSERT_EQUAL(host.plan.allowance, 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a quiet host is watched always", test_a_quiet_host_is_watched_always },
		{ "the budget holds at any rate", test_the_budget_holds_at_any_rate },
		{ "a burst is cut off", test_a_burst_is_cut_off },
		{ "it comes back", test_it_comes_back },
		{ "stretches are anywhere", test_stretches_are_anywhere },
		{ "nothing left", test_nothing_left },
		{ NULL, NULL },
	};

	int r;

	noise = seeded_random();
	r = unit_main("governor", cases);
	tacit_random_free(noise);
	return r;
}
