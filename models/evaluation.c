/* SPDX-License-Identifier: MIT */
#include <tacit/evaluation.h>

#include <math.h>

#define PARTS	    5.0
#define TAIL_SIGMAS 7.0 /* hosts in a tail that is told, in standard deviations of the noise */
#define TAIL_HOSTS  1.9 /* and without noise two, but for rounding: never one host alone */
#define HELPS	    3U
#define LOSSES	    2U	 /* what it is, and what it might be more */
#define LOSS_FLOOR  0.05 /* nats: less is as good as none, and its noise must not become weight */

/* Where the parts of a slot begin. */
#define AT_PRESENCE 0U
#define AT_ALARMS   1U
#define AT_SCORE    (AT_ALARMS + TACIT_EVALUATION_BINS)
#define AT_HELP	    (AT_SCORE + TACIT_EVALUATION_BINS)
#define AT_LOSS	    (AT_HELP + HELPS)

/* Bin i is from edge i to edge i + 1; the last one has no end. */
static const double alarm_edges[TACIT_EVALUATION_BINS] = { 0, 0.5, 1, 2, 4, 8, 24, 96 };
static const double score_edges[TACIT_EVALUATION_BINS] = { 0, 0.125, 0.25, 0.4, 0.6, 0.8, 1, 2 };

static const char *const names[TACIT_EVALUATION_QUANTITIES] = {
	[TACIT_EVALUATION_ALARMS_MEDIAN] = "alarms_median",
	[TACIT_EVALUATION_ALARMS_WORST] = "alarms_worst_decile",
	[TACIT_EVALUATION_SCORE_MEDIAN] = "score_median",
	[TACIT_EVALUATION_SCORE_WORST] = "score_worst_decile",
	[TACIT_EVALUATION_HELPED] = "helped",
	[TACIT_EVALUATION_HARMED] = "harmed",
	[TACIT_EVALUATION_LOSS] = "loss",
};

const char *tacit_evaluation_quantity_name(enum tacit_evaluation_quantity quantity)
{
	return names[quantity];
}

static double within(double value, double min, double max)
{
	return fmin(fmax(value, min), max);
}

static size_t bin_of(const double edges[TACIT_EVALUATION_BINS], double value)
{
	size_t bin = 0;

	while (bin + 1 < TACIT_EVALUATION_BINS && value >= edges[bin + 1])
		bin++;
	return bin;
}

void tacit_evaluation_encode(const struct tacit_evaluation *evaluation, unsigned slot, double norm,
			     double *out)
{
	double one = norm / sqrt(PARTS);

	out += tacit_evaluation_dimensions(slot);
	out[AT_PRESENCE] = one;
	if (evaluation->has_alarms)
		out[AT_ALARMS + bin_of(alarm_edges, evaluation->alarms)] = one;
	if (evaluation->has_score)
		out[AT_SCORE + bin_of(score_edges, evaluation->score)] = one;
	if (evaluation->has_help)
		out[AT_HELP + evaluation->help] = one;
	if (!evaluation->has_loss)
		return;
	out[AT_LOSS] = one * within(evaluation->loss / TACIT_EVALUATION_LOSS_MAX, 0, 1);
	out[AT_LOSS + 1] = one - out[AT_LOSS];
}

double tacit_evaluation_sigma(const struct tacit_sum *sum, double norm)
{
	return sum->noise_sd * sqrt(PARTS) / norm;
}

/* One slot, in hosts. */
struct counts {
	double sigma;
	double most; /* hosts that there may be */
	double value[TACIT_EVALUATION_LEN];
};

static struct counts count(const struct tacit_sum *sum, double norm, unsigned slot)
{
	const double *value = sum->value + tacit_evaluation_dimensions(slot);
	struct counts counts = { .sigma = tacit_evaluation_sigma(sum, norm),
				 .most = (double)sum->updates };

	for (size_t i = 0; i < TACIT_EVALUATION_LEN; i++)
		counts.value[i] = value[i] * sqrt(PARTS) / norm;
	return counts;
}

static double total_of(const struct counts *counts, size_t at, size_t n)
{
	double total = 0;

	for (size_t i = 0; i < n; i++)
		total += counts->value[at + i];
	return within(total, 0, counts->most);
}

static bool is_told(const struct counts *counts, double total, double tail)
{
	return total * tail >= fmax(TAIL_SIGMAS * counts->sigma, TAIL_HOSTS);
}

/* A histogram's counts added up, as noise and liars leave them and as true ones would rise: between
 * what has been reached from below and from above. */
struct rise {
	const double *edges;
	double total;
	double reached[TACIT_EVALUATION_BINS + 1];
};

static struct rise add_up(const struct counts *counts, size_t at, const double *edges)
{
	struct rise rise = { .edges = edges, .total = total_of(counts, at, TACIT_EVALUATION_BINS) };
	double raw[TACIT_EVALUATION_BINS + 1] = { 0 }, most = 0, least = rise.total;

	for (size_t i = 0; i < TACIT_EVALUATION_BINS; i++)
		raw[i + 1] = raw[i] + counts->value[at + i];
	for (size_t i = 1; i <= TACIT_EVALUATION_BINS; i++) {
		most = fmax(most, within(raw[i], 0, rise.total));
		rise.reached[i] = most / 2;
	}
	for (size_t i = TACIT_EVALUATION_BINS; i > 0; i--) {
		least = fmin(least, i == TACIT_EVALUATION_BINS ? rise.total
							       : within(raw[i], 0, rise.total));
		rise.reached[i] += least / 2;
	}
	return rise;
}

/* Evenly spread within a bin; the last one stands at its beginning. */
static double quantile(const struct rise *rise, double p)
{
	double rank = within(p, 0, 1) * rise->total;
	size_t bin = 0;
	double inside;

	while (bin + 1 < TACIT_EVALUATION_BINS && rise->reached[bin + 1] < rank)
		bin++;
	if (bin + 1 == TACIT_EVALUATION_BINS)
		return rise->edges[bin];
	inside = rise->reached[bin + 1] - rise->reached[bin];
	inside = inside > 0 ? within((rank - rise->reached[bin]) / inside, 0, 1) : 0;
	return rise->edges[bin] + inside * (rise->edges[bin + 1] - rise->edges[bin]);
}

static struct tacit_evaluation_figure tell_quantile(const struct counts *counts, size_t at,
						    const double *edges, double p)
{
	struct rise rise = add_up(counts, at, edges);
	double slip;

	if (!is_told(counts, rise.total, fmin(p, 1 - p)))
		return (struct tacit_evaluation_figure){ 0 };
	slip = counts->sigma * sqrt(TACIT_EVALUATION_BINS / 2.0) / rise.total;
	return (struct tacit_evaluation_figure){
		.told = true,
		.value = quantile(&rise, p),
		.error = (quantile(&rise, p + slip) - quantile(&rise, p - slip)) / 2,
	};
}

/* Of the @n numbers at @at, of which each host has 1 in all, the share that is at @which. */
static struct tacit_evaluation_figure tell_share(const struct counts *counts, size_t at, size_t n,
						 size_t which, double unit)
{
	double total = total_of(counts, at, n), mean;

	if (!is_told(counts, total, 0.5))
		return (struct tacit_evaluation_figure){ 0 };
	mean = within(counts->value[at + which] / total, 0, 1);
	return (struct tacit_evaluation_figure){
		.told = true,
		.value = mean * unit,
		.error =
			unit * counts->sigma * sqrt(1 - 2 * mean + mean * mean * (double)n) / total,
	};
}

void tacit_evaluation_read(const struct tacit_sum *sum, double norm, unsigned slot,
			   struct tacit_evaluation_group *ret)
{
	struct counts counts = count(sum, norm, slot);
	struct tacit_evaluation_figure *figure = ret->figure;

	ret->hosts = within(counts.value[AT_PRESENCE], 0, counts.most);
	ret->hosts_error = counts.sigma;
	figure[TACIT_EVALUATION_ALARMS_MEDIAN] = tell_quantile(&counts, AT_ALARMS, alarm_edges, .5);
	figure[TACIT_EVALUATION_ALARMS_WORST] = tell_quantile(&counts, AT_ALARMS, alarm_edges, .9);
	figure[TACIT_EVALUATION_SCORE_MEDIAN] = tell_quantile(&counts, AT_SCORE, score_edges, .5);
	figure[TACIT_EVALUATION_SCORE_WORST] = tell_quantile(&counts, AT_SCORE, score_edges, .9);
	figure[TACIT_EVALUATION_HELPED] =
		tell_share(&counts, AT_HELP, HELPS, TACIT_EVALUATION_BETTER, 1);
	figure[TACIT_EVALUATION_HARMED] =
		tell_share(&counts, AT_HELP, HELPS, TACIT_EVALUATION_WORSE, 1);
	figure[TACIT_EVALUATION_LOSS] =
		tell_share(&counts, AT_LOSS, LOSSES, 0, TACIT_EVALUATION_LOSS_MAX);
}

/* Each group's loss, an average one where it is not told. How many are told. */
static size_t get_losses(const struct tacit_evaluation_group *group, size_t n, double *ret)
{
	double sum = 0;
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		const struct tacit_evaluation_figure *loss =
			&group[i].figure[TACIT_EVALUATION_LOSS];

		sum += loss->told ? loss->value : 0;
		told += loss->told;
	}
	for (size_t i = 0; i < n; i++) {
		const struct tacit_evaluation_figure *loss =
			&group[i].figure[TACIT_EVALUATION_LOSS];

		ret[i] = fmax(loss->told ? loss->value : sum / fmax((double)told, 1), LOSS_FLOOR);
	}
	return told;
}

static void scale_to_one(double *weight, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = fmax(most, weight[i]);
	for (size_t i = 0; i < n; i++)
		weight[i] = within(weight[i] / most, TACIT_EVALUATION_WEIGHT_MIN, 1);
}

void tacit_evaluation_weigh(const struct tacit_evaluation_group *group, size_t n,
			    const double *before, double q, double *ret)
{
	double target[TACIT_EVALUATION_SLOTS_MAX];
	bool told = get_losses(group, n, target) > 0;

	for (size_t i = 0; i < n; i++)
		target[i] = pow(target[i], q);
	scale_to_one(target, n);
	for (size_t i = 0; i < n; i++) {
		double from = within(before[i], TACIT_EVALUATION_WEIGHT_MIN, 1);

		ret[i] = q > 0 ? sqrt(from * (told ? target[i] : from)) : 1;
	}
	scale_to_one(ret, n);
}
