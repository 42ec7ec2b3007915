/* SPDX-License-Identifier: MIT */
/*
 * How far those who want to be overlooked move what is normal: an intruder who drifts over days on
 * one host, and hosts of a fleet that lie within the clip. With the defences and without.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/fleet.h>
#include <tacit/protect.h>
#include <tacit/reference.h>
#include <tacit/threshold.h>

#include "aggregator/round_sum.h"

#include "samples.h"
#include "unit.h"

#define D    SAMPLES_DIMS
#define RISK 1e-5
#define DAY  86400U

#define TARGET 4U /* the dimension that an attack needs */

static const struct tacit_model_kind *gaussian(void)
{
	return tacit_model_kind_find("gaussian");
}

enum defence {
	NONE,	  /* every window is learned, thresholds follow */
	KEPT_OUT, /* alarming windows are not */
	ANCHORED, /* and thresholds are anchored */
	ALL,	  /* and the model is held to what it was */
};

static const char *const defence_names[] = { "none", "alarms kept out", "+ anchored thresholds",
					     "+ reference" };

struct host {
	enum defence defence;
	struct tacit_random *random;
	struct tacit_model *model;
	struct tacit_threshold *threshold[TACIT_STATISTIC_COUNT];
	struct tacit_reference reference;
	uint64_t windows;
};

static struct host host_new(struct tacit_random *random, enum defence defence)
{
	struct host host = { .random = random, .defence = defence };

	CU_ASSERT_EQUAL_FATAL(gaussian()->new (&samples_space, &host.model), 0);
	CU_ASSERT_EQUAL_FATAL(gaussian()->promote(host.model), 0);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		CU_ASSERT_EQUAL_FATAL(
			tacit_threshold_new((enum tacit_statistic)i, &host.threshold[i]), 0);
	return host;
}

static void host_done(struct host *host)
{
	tacit_model_free(host->model);
	tacit_reference_done(&host->reference);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_free(host->threshold[i]);
}

/* How far above its threshold the worst statistic is, 1 being at it; 0 while nothing is known. */
static double judge(struct host *host, const double *x, struct tacit_score *score)
{
	const struct tacit_sample sample = { .x = x, .observed = samples_all };
	double worst = 0;

	if (gaussian()->score(host->model, &sample, score) < 0)
		return 0;
	if (host->defence == ALL)
		CU_ASSERT_EQUAL(tacit_reference_judge(&host->reference, &sample, score), 0);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++) {
		double at;

		if (host->defence < ANCHORED)
			tacit_threshold_release(host->threshold[i]);
		if (tacit_threshold_get(host->threshold[i], RISK, &at) == 0)
			worst = fmax(worst, score->value[i] / at);
	}
	return worst;
}

static void learn(struct host *host, const double *x, const struct tacit_score *score)
{
	const struct tacit_sample sample = { .x = x, .observed = samples_all };

	CU_ASSERT_EQUAL(gaussian()->learn(host->model, &sample, 1), 0);
	host->windows++;
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT && host->windows > 50; i++)
		tacit_threshold_learn(host->threshold[i], score->value[i]);
	CU_ASSERT_EQUAL(
		tacit_reference_renew(&host->reference, host->model, &samples_space, host->windows),
		0);
}

/* One window with @shift more of the target: true when it alarms. */
static bool live(struct host *host, double shift)
{
	struct tacit_score score = { 0 };
	double x[D];
	bool alarms;

	samples_draw(host->random, 0, x);
	x[TARGET] += shift;
	alarms = judge(host, x, &score) > 1;
	if (!alarms || host->defence == NONE)
		learn(host, x, &score);
	return alarms;
}

/* What a usual window may have more of the target, in log counts, without an alarm. */
static double reach(struct host *host)
{
	double low = 0, high = 64, x[D];
	struct tacit_score score;

	for (unsigned i = 0; i < 40; i++) {
		double middle = (low + high) / 2;

		for (size_t j = 0; j < D; j++)
			x[j] = 2 + (double)j / 2;
		x[TARGET] += middle;
		if (judge(host, x, &score) > 1)
			high = middle;
		else
			low = middle;
	}
	return low;
}

/* The intruder goes a little farther as long as there is no alarm, and back when there is one. */
static double boil(struct host *host, unsigned windows, unsigned *alarms)
{
	double shift = 0;

	*alarms = 0;
	for (unsigned i = 0; i < windows; i++) {
		bool seen = live(host, shift);

		*alarms += seen;
		shift = seen ? shift * 0.7 : fmin(shift + 0.0005 + shift / 2000, 16);
	}
	return reach(host);
}

/* Honest drift, a tenth of a log count a day, and waves: how many alarms in three days. */
static unsigned drift(struct host *host)
{
	unsigned alarms = 0;

	for (unsigned i = 0; i < 3 * DAY; i++)
		alarms += live(host, 0.1 * i / DAY + 0.2 * sin(2 * M_PI * i / DAY));
	return alarms;
}

static void test_honest_drift(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(host_done) struct host host = host_new(random, ALL);
	unsigned alarms;

	for (unsigned i = 0; i < DAY + 5000; i++)
		(void)live(&host, 0.2 * sin(2 * M_PI * i / DAY));
	alarms = drift(&host);
	printf("# three days of honest drift: %u alarms\n", alarms);
	CU_ASSERT(alarms < 30);
}

static void test_slow_boil(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	double moved[ALL + 1];

	printf("# what an attack may have more of one feature, log counts, without an alarm:\n");
	printf("# %-24s %8s %8s %8s %8s %s\n", "defences", "before", "1 day", "2 days", "3 days",
	       "alarms");
	for (enum defence defence = NONE; defence <= ALL; defence++) {
		TACIT_CLEANUP(host_done) struct host host = host_new(random, defence);
		double before, after[3];
		unsigned alarms = 0;

		for (unsigned i = 0; i < DAY + 5000; i++)
			(void)live(&host, 0);
		before = reach(&host);
		for (unsigned day = 0; day < 3; day++) {
			unsigned more;

			after[day] = boil(&host, DAY, &more);
			alarms += more;
		}
		printf("# %-24s %8.2f %8.2f %8.2f %8.2f %u\n", defence_names[defence], before,
		       after[0], after[1], after[2], alarms);
		moved[defence] = after[2] - before;
	}
	CU_ASSERT(moved[ALL] < moved[KEPT_OUT] / 3);
}

#define CLIP   2.0
#define HONEST 40U /* hosts that differ; a fleet has as many of each as it takes */
#define GROUPS 10U
#define KAPPA  30.0

enum aggregation {
	UNCLIPPED, /* plain sums of whatever is sent */
	CLIPPED,   /* as local rounds do, and secure ones with one group */
	TRIMMED,   /* as secure rounds of several groups may */
	ONLY_TRIMMED,
	AGGREGATIONS,
};

static const char *const aggregation_names[] = { "sum, not clipped", "sum, clipped",
						 "clipped, trimmed mean", "trimmed mean alone" };

static bool is_clipped(enum aggregation how)
{
	return how == CLIPPED || how == TRIMMED;
}

static bool is_trimmed(enum aggregation how)
{
	return how >= TRIMMED;
}

struct crowd {
	struct tacit_random *random;
	struct host host[HONEST];
};

static void crowd_done(struct crowd *crowd)
{
	for (size_t i = 0; i < HONEST; i++)
		host_done(&crowd->host[i]);
}

static struct crowd crowd_new(struct tacit_random *random)
{
	struct crowd crowd = { .random = random };

	for (size_t i = 0; i < HONEST; i++) {
		crowd.host[i] = host_new(random, KEPT_OUT);
		for (unsigned k = 0; k < 600; k++)
			(void)live(&crowd.host[i], 0);
	}
	return crowd;
}

static struct tacit_fleet *fleet_new(void)
{
	static const char *const class = "a.service";
	struct tacit_fleet *fleet = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(gaussian(), &samples_space, &class, 1, &fleet), 0);
	return fleet;
}

/* A liar says what an honest host does, but for the target, whose mean and variance it pulls up
 * with all the norm it may have, and the ladders, of which it says the most there is. */
static void lie(double *value, double norm)
{
	size_t mean = SAMPLES_GROUPS + TARGET, variance = mean + D;
	size_t model = gaussian()->contribution_len(&samples_space);
	size_t len = tacit_fleet_section_len(gaussian(), &samples_space);
	double rest;

	for (size_t i = model + 1; i < len; i++)
		value[i] = 0.5;
	value[mean] = value[variance] = 0;
	rest = tacit_clip_l2(value, len, INFINITY);
	value[mean] = value[variance] = sqrt(fmax(norm * norm - rest * rest, 0) / 2);
}

/* A host's vector as it arrives: clipped and rounded, or not. */
static void send(struct crowd *crowd, double *value, size_t len, enum aggregation how, double *sum)
{
	static const struct tacit_protect_params params = { .clip_norm = CLIP };
	uint32_t update[200];
	double one[200];

	if (!is_clipped(how)) {
		memcpy(one, value, len * sizeof(*one));
	} else {
		CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, len, crowd->random, update), 0);
		tacit_unprotect(&params, update, len, one);
	}
	for (size_t i = 0; i < len; i++)
		sum[i] += one[i];
}

/* The next release, from @n hosts of which @liars lie. */
static struct tacit_fleet *round_of(struct crowd *crowd, const struct tacit_fleet *reference,
				    unsigned n, unsigned liars, enum aggregation how)
{
	size_t len = tacit_fleet_dimensions(reference);
	double group[GROUPS * 200] = { 0 }, size[GROUPS] = { 0 }, total[200] = { 0 }, value[200];
	const struct tacit_sum sum = { .value = total, .updates = n };
	struct tacit_fleet *next = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct host *host = &crowd->host[i % HONEST];
		const struct tacit_fleet_scope scope = { .model = host->model,
							 .threshold = host->threshold };
		size_t g = is_trimmed(how) ? i % GROUPS : 0; /* liars evenly: their best */

		CU_ASSERT_EQUAL(tacit_fleet_contribute(reference, &scope, 1, value), 0);
		if (i < liars)
			lie(value, is_clipped(how) ? CLIP : 10 * CLIP);
		send(crowd, value, len, how, group + g * len);
		size[g]++;
	}
	if (is_trimmed(how))
		CU_ASSERT_EQUAL(tacit_round_sum_trim(group, size, GROUPS, len, total), 0);
	for (size_t i = 0; i < len; i++)
		total[i] = is_trimmed(how) ? total[i] * n : group[i];
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_absorb(reference, &sum, &next), 0);
	return next;
}

/* What an attack may have more of the target on a host with @own windows of its own. */
static double cold_reach(struct tacit_random *random, const struct tacit_fleet *fleet, unsigned own)
{
	TACIT_CLEANUP(host_done) struct host host = host_new(random, KEPT_OUT);

	CU_ASSERT_EQUAL(gaussian()->set_prior(host.model, tacit_fleet_block(fleet, 0), KAPPA), 0);
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		tacit_threshold_set_prior(host.threshold[i], &tacit_fleet_ladders(fleet, 0)[i]);
	for (unsigned i = 0; i < own; i++)
		(void)live(&host, 0);
	return reach(&host);
}

static void print_row(struct crowd *crowd, unsigned n, double share,
		      const struct tacit_fleet *fleet, const char *name, double ret[2])
{
	ret[0] = cold_reach(crowd->random, fleet, 0);
	ret[1] = cold_reach(crowd->random, fleet, 300);
	printf("# %5u %5.0f%%  %-22s %10.2f %14.2f\n", n, 100 * share, name, ret[0], ret[1]);
}

/* What @share of @n does to the release after an honest one, each way of adding up. */
static void attack(struct crowd *crowd, unsigned n, double share, double ret[AGGREGATIONS][2])
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *initial = fleet_new();
	TACIT_CLEANUP(tacit_fleet_free_p)
	struct tacit_fleet *before = round_of(crowd, initial, n, 0, CLIPPED);

	for (enum aggregation how = UNCLIPPED; how < AGGREGATIONS; how++) {
		TACIT_CLEANUP(tacit_fleet_free_p)
		struct tacit_fleet *after =
			round_of(crowd, before, n, (unsigned)(share * n + 0.5), how);

		print_row(crowd, n, share, after, aggregation_names[how], ret[how]);
	}
}

static void test_lying_hosts(void)
{
	static const double shares[] = { 0, 0.01, 0.05, 0.1 };
	static const unsigned sizes[] = { 100, 1000 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(crowd_done) struct crowd crowd = crowd_new(random);

	printf("# what an attack may have more of one feature, log counts, on a host with\n");
	printf("# %5s %6s  %-22s %10s %14s\n", "hosts", "liars", "aggregation", "no windows",
	       "300 of its own");
	for (size_t s = 0; s < 2; s++) {
		double at[4][AGGREGATIONS][2], moved;

		for (size_t i = 0; i < 4; i++)
			attack(&crowd, sizes[s], shares[i], at[i]);
		moved = at[3][UNCLIPPED][0] - at[0][UNCLIPPED][0];
		CU_ASSERT(at[3][CLIPPED][0] - at[0][CLIPPED][0] < moved / 5);
		CU_ASSERT(at[3][TRIMMED][0] - at[0][TRIMMED][0] < moved / 5);
		CU_ASSERT(at[3][UNCLIPPED][1] - at[0][UNCLIPPED][1] < moved / 2);
		if (sizes[s] == 100) /* one liar is in one group, which is left out */
			CU_ASSERT(at[1][ONLY_TRIMMED][0] - at[0][ONLY_TRIMMED][0] <
				  (at[1][UNCLIPPED][0] - at[0][UNCLIPPED][0]) / 3);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "an intruder drifts over days", test_slow_boil },
		{ "honest drift is let be", test_honest_drift },
		{ "hosts that lie", test_lying_hosts },
		{ NULL, NULL },
	};

	return unit_main("poisoning", cases);
}
