/* SPDX-License-Identifier: MIT */
/*
 * What hosts of one class tell each other, and what is made of the sum.
 *
 * A host sends, for each group, its *presence* p = min(n, 300) / 300, n being the windows it has of
 * the group; and for each dimension, times the presence of its group, how far its mean and the
 * logarithm of its variance are from the reference, each as a share of a *span*, cut at +-1:
 *
 *	[groups] p A/sqrt(groups)	[dims] p B/sqrt(dims) y		[dims] p C/sqrt(dims) v
 *
 * Sums divided by summed presences are averages in which a host with little evidence, or one whose
 * vector was clipped as a whole, merely weighs less. A, B and C make the norm of a typical host
 * 1 and more: most dimensions of most hosts are silent, as the reference has it, and the few that
 * are not should be heard; a host with many of them is clipped, and loses by that less than the
 * others would by speaking low. A trusted dimension's log variance, whose deviations are small,
 * speaks louder than an unknown one's.
 *
 * The span is three standard deviations of what a host's figure may differ by and follows from the
 * reference, so that hosts and aggregator agree on it: wide before the first release, narrower with
 * every round that taught something. Variances travel as logarithms because they range over five
 * orders of magnitude and because noise then cannot make one negative. They are centred locally;
 * the square of the host's deviation from a reference that is trusted is added, so that the
 * released variance covers how hosts differ, which is what a new host must expect of itself.
 *
 * A weight w says how well mean and variance are known: that the squared error, as a share of the
 * variance (half of it, for the logarithm's), is (1/w - 1) / STRICTNESS for the worse of the two.
 * Absorbing is an empirical-Bayes filter. The noise in the sum is known. The reference is the
 * prior, off by what its weights say, times one factor estimated from all dimensions together: how
 * far the sum really is from it beyond what noise explains (James and Stein's idea). Where noise
 * explains all of it nothing moves; without noise everything does, to the average, with
 * w = P / (P + 1) for P hosts.
 */
#include "gaussian.h"

#include <math.h>

#define FACT_LEN 3U /* floats in a struct tacit_gaussian_fact */

#define PRESENT_WINDOWS 300.0 /* more evidence than this makes no host louder */
#define NORM_PRESENCE	0.5   /* A */

#define STRICTNESS     2.0
#define SPANS	       3.0 /* standard deviations in a span */
#define MEAN_SPAN_MIN  0.5
#define MEAN_SPAN_MAX  16.0 /* e^16: nine million events a window */
#define LOG_SPAN_MAX   7.0
#define TRUSTED_WEIGHT 0.5 /* a mean known worse than that is no centre to measure from */

#define MEAN_MAX     64.0
#define VARIANCE_MAX 4096.0
#define VARIANCE_MIN 0.0025 /* the square of what a silent feature may vary by */
/* Of a dimension that nobody spoke of: between a silent one's and a lively one's, so that neither
 * takes much of a vector's norm. */
#define VARIANCE_INIT 0.05F

/* Square of what nothing is known better than: a span's worth of standard deviation. */
#define MEAN_ERROR2_MAX ((MEAN_SPAN_MAX / SPANS) * (MEAN_SPAN_MAX / SPANS))
#define LOG_ERROR2_MAX	((LOG_SPAN_MAX / SPANS) * (LOG_SPAN_MAX / SPANS))

/* A sum of presences counts from so many standard deviations of its noise on. */
#define PRESENCE_SIGMAS 3.0
#define PRESENCE_MIN	0.01

struct tacit_gaussian_fact tacit_gaussian_block_get(const float *block, size_t j)
{
	const float *at = block + j * FACT_LEN;

	return (struct tacit_gaussian_fact){ .weight = at[0], .mean = at[1], .variance = at[2] };
}

double tacit_gaussian_fact_doubt(const struct tacit_gaussian_fact *fact)
{
	double w = (double)fact->weight;

	return w > 0 ? (1 / w - 1) / STRICTNESS : INFINITY;
}

static void block_set(float *block, size_t j, struct tacit_gaussian_fact fact)
{
	float *at = block + j * FACT_LEN;

	at[0] = fact.weight;
	at[1] = fact.mean;
	at[2] = fact.variance;
}

size_t tacit_gaussian_contribution_len(const struct tacit_space *space)
{
	return space->groups + 2 * space->dims;
}

size_t tacit_gaussian_block_len(const struct tacit_space *space)
{
	return FACT_LEN * space->dims;
}

void tacit_gaussian_block_init(const struct tacit_space *space, float *block)
{
	for (size_t j = 0; j < space->dims; j++)
		block_set(block, j, (struct tacit_gaussian_fact){ .variance = VARIANCE_INIT });
}

int tacit_gaussian_block_check(const struct tacit_space *space, const float *block)
{
	for (size_t j = 0; j < space->dims; j++) {
		struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);

		if (!(fact.weight >= 0 && fact.weight <= 1) ||
		    !(fabs((double)fact.mean) <= MEAN_MAX) ||
		    !(fact.variance > 0 && (double)fact.variance <= VARIANCE_MAX))
			return -EINVAL;
	}
	return 0;
}

/* What is sent of each dimension. */
enum quantity {
	MEAN,
	LOG_VARIANCE,
	QUANTITIES,
};

/* B and C, of an unknown and of a trusted dimension. */
static const double norm_of[QUANTITIES][2] = {
	[MEAN] = { 12, 12 },
	[LOG_VARIANCE] = { 3, 6 },
};

/* A quantity of one dimension as the reference has it. */
struct known {
	double value;
	double error2; /* expected squared error */
	double unit2;  /* the one that counts as doubt 1; one host's is 1 / STRICTNESS of it */
	double span;
};

struct reference {
	double weight;
	struct known of[QUANTITIES];
};

static struct reference reference_of(const float *block, size_t j)
{
	struct tacit_gaussian_fact fact = tacit_gaussian_block_get(block, j);
	double variance = fmax((double)fact.variance, VARIANCE_MIN);
	double w = (double)fact.weight;
	double doubt = tacit_gaussian_fact_doubt(&fact);
	double mean_error2 = fmin(variance * doubt, MEAN_ERROR2_MAX);
	double log_error2 = fmin(2 * doubt, LOG_ERROR2_MAX);
	double mean_span = fmax(SPANS * sqrt(variance + mean_error2), MEAN_SPAN_MIN);
	double log_span = SPANS * sqrt(1 + log_error2);

	return (struct reference){
		.weight = w,
		.of[MEAN] = { (double)fact.mean, mean_error2, variance,
			      fmin(mean_span, MEAN_SPAN_MAX) },
		.of[LOG_VARIANCE] = { log(variance), log_error2, 2, fmin(log_span, LOG_SPAN_MAX) },
	};
}

static double scale_of(double norm, size_t n)
{
	return fmin(1, norm / sqrt((double)n));
}

/* What a share of the span is multiplied with. */
static double loudness(const struct tacit_space *space, const struct reference *ref,
		       enum quantity q)
{
	double norm = norm_of[q][0] + ref->weight * (norm_of[q][1] - norm_of[q][0]);

	return scale_of(norm, space->dims);
}

static double within(double value, double limit)
{
	return fmin(fmax(value, -limit), limit);
}

static double presence_of(const struct tacit_moments *moments, size_t group)
{
	double n = tacit_moments_count(moments, group);

	return n < TACIT_GAUSSIAN_EVIDENCE_MIN ? 0 : fmin(n / PRESENT_WINDOWS, 1);
}

/* The model's own figure of each quantity of dimension @j, as a share of the span, -1..1. */
static void compare(const struct tacit_moments *moments, const struct reference *ref, size_t j,
		    double ret[QUANTITIES])
{
	const struct known *mean = &ref->of[MEAN], *log_variance = &ref->of[LOG_VARIANCE];
	double apart = within(tacit_moments_mean(moments)[j] - mean->value, mean->span);
	double variance = (double)tacit_moments_variance(moments)[j];

	if (ref->weight >= TRUSTED_WEIGHT)
		variance += apart * apart;
	ret[MEAN] = apart / mean->span;
	ret[LOG_VARIANCE] = within(
		(log(fmax(variance, VARIANCE_MIN)) - log_variance->value) / log_variance->span, 1);
}

void tacit_gaussian_contribute(const struct tacit_space *space, const struct tacit_moments *moments,
			       const float *reference, double *out)
{
	double *figures = out + space->groups;

	for (size_t g = 0; g < space->groups; g++)
		out[g] = presence_of(moments, g) * scale_of(NORM_PRESENCE, space->groups);
	for (size_t j = 0; j < space->dims; j++) {
		struct reference ref = reference_of(reference, j);
		double presence = presence_of(moments, space->group_of[j]);
		double share[QUANTITIES];

		compare(moments, &ref, j, share);
		for (size_t q = 0; q < QUANTITIES; q++)
			figures[q * space->dims + j] =
				presence * loudness(space, &ref, (enum quantity)q) * share[q];
	}
}

/*
 * The summed presence of each group. Most groups are present in the same hosts, so they are
 * shrunk towards their average, as far as the noise explains their differences. 0 where the
 * noise may explain all of it.
 */
static void read_presence(const struct tacit_space *space, const struct tacit_sum *sum, double *ret)
{
	double scale = scale_of(NORM_PRESENCE, space->groups), n = (double)space->groups;
	double noise2 = (sum->noise_sd / scale) * (sum->noise_sd / scale);
	double average = 0, spread2 = 0, signal2, keep, least;

	for (size_t g = 0; g < space->groups; g++)
		average += sum->value[g] / scale / n;
	for (size_t g = 0; g < space->groups; g++)
		spread2 += pow(sum->value[g] / scale - average, 2) / n;
	signal2 = fmax(spread2 - noise2, 0);
	keep = noise2 > 0 ? signal2 / (signal2 + noise2) : 1;
	least = fmax(PRESENCE_SIGMAS * sqrt(noise2 * (1 / n + keep)), PRESENCE_MIN);
	for (size_t g = 0; g < space->groups; g++) {
		double shrunk = average + keep * (sum->value[g] / scale - average);

		ret[g] = shrunk < least ? 0 : fmin(shrunk, (double)sum->updates);
	}
}

/* What the sum says of one quantity: deviations from the reference, in spans. */
struct part {
	const struct tacit_space *space;
	const float *reference;
	const double *presence; /* per group */
	enum quantity quantity;
	const double *value; /* per dimension */
	double noise_sd;
	double factor; /* how much falser (or truer) the reference is than it says */
};

/* Deviation and variance of its noise; false when nobody spoke of the dimension. */
static bool hear(const struct part *part, const struct reference *ref, size_t j, double *y,
		 double *noise2)
{
	double volume = part->presence[part->space->group_of[j]] *
			loudness(part->space, ref, part->quantity);

	if (volume <= 0)
		return false;
	*y = part->value[j] / volume;
	*noise2 = (part->noise_sd / volume) * (part->noise_sd / volume);
	return true;
}

/* Expected square of a deviation, in spans, if the reference is as good as it says; some, even if
 * it says that it is perfect, for it may have been yesterday. */
static double expected2(const struct known *known)
{
	return (known->error2 + known->unit2 / STRICTNESS) / (known->span * known->span);
}

/*
 * Least squares of y^2 = factor * expected2 + noise2 over the dimensions, less one standard
 * deviation of what noise alone would make of it.
 */
static double estimate_factor(const struct part *part)
{
	double surplus = 0, luck2 = 0, weight = 0;

	for (size_t j = 0; j < part->space->dims; j++) {
		struct reference ref = reference_of(part->reference, j);
		double e2 = expected2(&ref.of[part->quantity]);
		double y, noise2;

		if (!hear(part, &ref, j, &y, &noise2))
			continue;
		surplus += e2 * (y * y - noise2);
		luck2 += 2 * e2 * e2 * noise2 * noise2;
		weight += e2 * e2;
	}
	return weight > 0 ? fmax(surplus - sqrt(luck2), 0) / weight : 0;
}

/* Moves what is known of dimension @j by what was heard of it. */
static void update(const struct part *part, size_t j, struct reference *ref)
{
	struct known *known = &ref->of[part->quantity];
	double hosts = part->presence[part->space->group_of[j]];
	double y, noise2, prior2, gain, heard2;

	if (!hear(part, ref, j, &y, &noise2))
		return;
	prior2 = fmin(part->factor * expected2(known), 1);
	gain = noise2 > 0 ? prior2 / (prior2 + noise2) : 1;
	heard2 = noise2 * known->span * known->span + known->unit2 / (STRICTNESS * hosts);
	known->value += known->span * within(gain * y, 1);
	known->error2 = (1 - gain) * (1 - gain) * known->error2 + gain * gain * heard2;
}

static struct tacit_gaussian_fact next_fact(const struct part part[QUANTITIES], size_t j)
{
	struct reference ref = reference_of(part[MEAN].reference, j);
	double variance, doubt;

	update(&part[LOG_VARIANCE], j, &ref);
	variance = fmin(fmax(exp(ref.of[LOG_VARIANCE].value), VARIANCE_MIN), VARIANCE_MAX);
	ref.of[MEAN].unit2 = variance;
	update(&part[MEAN], j, &ref);
	doubt = fmax(ref.of[MEAN].error2 / variance, ref.of[LOG_VARIANCE].error2 / 2);
	return (struct tacit_gaussian_fact){
		.weight = (float)(1 / (1 + STRICTNESS * doubt)),
		.mean = (float)within(ref.of[MEAN].value, MEAN_MAX),
		.variance = (float)variance,
	};
}

void tacit_gaussian_absorb(const struct tacit_space *space, const struct tacit_sum *sum,
			   const float *reference, float *out)
{
	double presence[TACIT_SPACE_GROUPS_MAX];
	struct part part[QUANTITIES];

	read_presence(space, sum, presence);
	for (size_t q = 0; q < QUANTITIES; q++) {
		part[q] = (struct part){
			.space = space,
			.reference = reference,
			.presence = presence,
			.quantity = (enum quantity)q,
			.value = sum->value + space->groups + q * space->dims,
			.noise_sd = sum->noise_sd,
		};
		part[q].factor = estimate_factor(&part[q]);
	}
	for (size_t j = 0; j < space->dims; j++)
		block_set(out, j,
			  presence[space->group_of[j]] > 0
				  ? next_fact(part, j)
				  : tacit_gaussian_block_get(reference, j));
}
