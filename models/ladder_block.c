/* SPDX-License-Identifier: MIT */
#include "ladder_block.h"

#include <math.h>

#define RUNGS  TACIT_SCORE_RUNGS
#define MIDDLE (RUNGS / 2)
#define EACH   (RUNGS + 1) /* numbers of one statistic */

/* Norm of a typical host: 0.6, beside that of its model, which is about 1. */
#define NORM_PRESENCE 0.4 /* A */
#define NORM_LEVEL    0.5 /* B */

#define LEVEL_INITIAL 3.0 /* e^3 = 20: in the middle of |z|, nats and squared distances */
#define LEVEL_MAX     40.0
#define SPREAD_MAX    4.0
#define SPANS	      3.0 /* standard deviations in a span */
#define SPAN_MIN      0.5
#define SPAN_MAX      8.0
#define ERROR2_MAX    ((SPAN_MAX / SPANS) * (SPAN_MAX / SPANS))
#define DRIFT2	      0.01 /* what levels move by from round to round, squared */
#define SPREAD2	      0.25 /* between hosts, before anything is known; and the error of that */

/* A sum of presences counts from so many standard deviations of its noise on. */
#define PRESENCE_SIGMAS 3.0
#define PRESENCE_MIN	0.01

void tacit_ladder_init(struct tacit_score_ladder *ladder)
{
	*ladder = (struct tacit_score_ladder){ .spread = (float)sqrt(SPREAD2) };
	for (size_t k = 0; k < RUNGS; k++)
		ladder->level[k] = LEVEL_INITIAL;
}

int tacit_ladder_check(const struct tacit_score_ladder *ladder)
{
	if (!(ladder->weight >= 0 && ladder->weight <= 1) ||
	    !(ladder->spread >= 0 && (double)ladder->spread <= SPREAD_MAX))
		return -EINVAL;
	for (size_t k = 0; k < RUNGS; k++)
		if (!(fabs((double)ladder->level[k]) <= LEVEL_MAX) ||
		    (k > 0 && ladder->level[k] < ladder->level[k - 1]))
			return -EINVAL;
	return 0;
}

static double error2_of(const struct tacit_score_ladder *ladder)
{
	return fmin(tacit_score_ladder_error2(ladder), ERROR2_MAX);
}

static double span_of(const struct tacit_score_ladder *ladder)
{
	double spread = (double)ladder->spread;
	double span = SPANS * sqrt(error2_of(ladder) + spread * spread);

	return fmin(fmax(span, SPAN_MIN), SPAN_MAX);
}

static double presence_of(const struct tacit_threshold *threshold)
{
	uint64_t n = tacit_threshold_count(threshold);

	if (n < TACIT_LADDER_SCORES_MIN)
		return 0;
	return fmin((double)n / TACIT_THRESHOLD_KEEP, 1);
}

/* One statistic's numbers. 0, or -EAGAIN without a threshold. */
static int compare(struct tacit_threshold *threshold, const struct tacit_score_ladder *reference,
		   double presence, double *out)
{
	double span = span_of(reference);

	for (unsigned k = 0; k < RUNGS; k++) {
		double at, apart;
		int r = tacit_threshold_get_own(threshold, tacit_score_rung(k), &at);

		if (r < 0)
			return r;
		apart = (log(at) - (double)reference->level[k]) / span;
		out[k] = presence * NORM_LEVEL * fmin(fmax(apart, -1), 1);
	}
	out[RUNGS] = out[MIDDLE] * out[MIDDLE] / (presence * NORM_LEVEL);
	return 0;
}

void tacit_ladder_contribute(struct tacit_threshold *const *threshold,
			     const struct tacit_score_ladder *reference, double *out)
{
	double presence = presence_of(threshold[0]);
	int r = presence > 0 ? 0 : -EAGAIN;

	out[0] = presence * NORM_PRESENCE;
	for (size_t s = 0; r == 0 && s < TACIT_STATISTIC_COUNT; s++)
		r = compare(threshold[s], &reference[s], presence, out + 1 + s * EACH);
	for (size_t i = 0; r < 0 && i < TACIT_LADDER_CONTRIBUTION; i++)
		out[i] = 0;
}

/* Hosts behind the sum, or 0 where noise may explain them all. */
static double read_presence(const struct tacit_sum *sum)
{
	double hosts = sum->value[0] / NORM_PRESENCE;
	double least = fmax(PRESENCE_SIGMAS * sum->noise_sd / NORM_PRESENCE, PRESENCE_MIN);

	return hosts < least ? 0 : fmin(hosts, (double)sum->updates);
}

/* What was heard of one statistic. */
struct heard {
	double apart[RUNGS]; /* mean deviation from the reference */
	double mean2;	     /* their mean square */
	double square;	     /* mean squared deviation of the middle rung */
	double noise2;	     /* variance of the noise in each deviation */
	double square_noise2;
	double hosts;
};

static struct heard hear(const struct tacit_sum *sum, const double *value, double hosts,
			 double span)
{
	double unit = span / (hosts * NORM_LEVEL), noise = sum->noise_sd * unit;
	struct heard heard = { .hosts = hosts };

	for (size_t k = 0; k < RUNGS; k++) {
		heard.apart[k] = value[k] * unit;
		heard.mean2 += heard.apart[k] * heard.apart[k] / RUNGS;
	}
	heard.square = value[RUNGS] * unit * span;
	heard.noise2 = noise * noise;
	heard.square_noise2 = heard.noise2 * span * span;
	return heard;
}

/* Variance between hosts: what was heard, as far as its noise lets it be trusted. */
static double next_spread2(const struct heard *heard, double spread2)
{
	double mean = heard->apart[MIDDLE];
	double seen = heard->square - mean * mean + heard->noise2;
	double error2 = heard->square_noise2 + SPREAD2 * SPREAD2 / heard->hosts;
	double gain = SPREAD2 * SPREAD2 / (SPREAD2 * SPREAD2 + error2);

	return fmin(fmax(spread2 + gain * (seen - spread2), 0), SPREAD_MAX * SPREAD_MAX);
}

static void update(const struct heard *heard, struct tacit_score_ladder *ladder)
{
	double spread2 = next_spread2(heard, pow((double)ladder->spread, 2));
	double error2 = heard->noise2 + spread2 / heard->hosts;
	double luck2 = error2 * (1 + sqrt(2.0 / RUNGS)); /* so far even a true reference may be */
	double prior2 = fmin(fmax(error2_of(ladder) + DRIFT2, heard->mean2 - luck2), ERROR2_MAX);
	double gain = prior2 / (prior2 + error2);
	double level = -LEVEL_MAX;

	for (size_t k = 0; k < RUNGS; k++) {
		double moved = (double)ladder->level[k] + gain * heard->apart[k];

		level = fmax(level, fmin(moved, LEVEL_MAX)); /* a rarer score is a higher one */
		ladder->level[k] = (float)level;
	}
	ladder->spread = (float)sqrt(spread2);
	ladder->weight = (float)tacit_score_ladder_weight((1 - gain) * prior2);
}

void tacit_ladder_absorb(const struct tacit_sum *sum, const struct tacit_score_ladder *reference,
			 struct tacit_score_ladder *out)
{
	double hosts = read_presence(sum);

	for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++) {
		struct heard heard;

		out[s] = reference[s];
		if (hosts <= 0)
			continue;
		heard = hear(sum, sum->value + 1 + s * EACH, hosts, span_of(&reference[s]));
		update(&heard, &out[s]);
	}
}
