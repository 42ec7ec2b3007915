/* SPDX-License-Identifier: MIT */
#include "eval_private.h"

#include <math.h>
#include <string.h>

#include <tacit/accountant.h>
#include <tacit/bytes.h>
#include <tacit/threshold.h>

#include "detect.h"

#define DAY_MS		  86400000.0
#define GROUPS_IF_MISSING 16U  /* about as many as the agent's own features have */
#define THRESHOLD_MIN	  1e-9 /* as in detect.c: a score that was always 0 has a threshold of 0 */
#define SCORE_BITS	  16
#define SHARE_MAX	  0.9

static const char *const names[] = {
	[TACIT_STATISTIC_DISTANCE] = "distance",
	[TACIT_STATISTIC_MAX_Z] = "max z",
	[TACIT_STATISTIC_RARE] = "rare",
	[TACIT_EVAL_COMBINED] = "combined",
	[TACIT_EVAL_RANDOM] = "random",
};
_Static_assert(TACIT_ARRAY_LEN(names) == TACIT_EVAL_SCORES && TACIT_STATISTIC_COUNT == 3,
	       "every statistic has a name");

const char *tacit_eval_score_name(size_t i)
{
	return names[i];
}

/* The scores of a host's rows: those that thresholds are made of, and those of test. */
struct sheet {
	size_t calibrated, tested;
	double *calibration[TACIT_EVAL_SCORES]; /* into one block, as the next */
	double *test[TACIT_EVAL_SCORES];
	int8_t *label; /* of test */
	uint64_t *t;
	bool *alarm; /* for one score after the other */
	double *block;
};

static void sheet_done(struct sheet *sheet)
{
	tacit_free(sheet->block);
	tacit_free(sheet->label);
	tacit_free(sheet->t);
	tacit_free(sheet->alarm);
}

static int sheet_init(struct sheet *sheet, size_t calibrated, size_t tested)
{
	size_t n = calibrated + tested;

	sheet->calibrated = calibrated;
	sheet->tested = tested;
	sheet->block = (double *)tacit_calloc(TACIT_EVAL_SCORES, (n + 1) * sizeof(double));
	sheet->label = TACIT_NEW_N(int8_t, tested + 1);
	sheet->t = TACIT_NEW_N(uint64_t, tested + 1);
	sheet->alarm = TACIT_NEW_N(bool, tested + 1);
	if (!sheet->block || !sheet->label || !sheet->t || !sheet->alarm)
		return -ENOMEM;
	for (size_t s = 0; s < TACIT_EVAL_SCORES; s++) {
		sheet->calibration[s] = sheet->block + s * n;
		sheet->test[s] = sheet->calibration[s] + calibrated;
	}
	return 0;
}

static double uniform(struct tacit_random *random)
{
	return (double)(tacit_random_u64(random) >> 11) * 0x1p-53;
}

/* Moments are floats: what is beyond these bits is chance, and would tell apart what is equal. */
static double rounded(double score)
{
	int exponent;
	double mantissa = frexp(score, &exponent);

	return ldexp(rint(ldexp(mantissa, SCORE_BITS)), exponent - SCORE_BITS);
}

static void copy_scores(struct eval_run *run, const struct eval_scores *from, double *const *to)
{
	for (size_t i = 0; i < from->n; i++) {
		for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
			to[s][i] = rounded(from->value[i][s]);
		to[TACIT_EVAL_RANDOM][i] = uniform(run->random);
	}
}

/* Of tacit_threshold, fed with the scores in their order. NaN with too few. */
static int extreme_value(const struct eval_run *run, enum tacit_statistic statistic,
			 const double *score, size_t n, double *ret)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
	double risk = tacit_detect_risk(run->params->alerts_per_day, run->params->window_ms, 1);
	int r = tacit_threshold_new(statistic, &threshold);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		tacit_threshold_learn(threshold, score[i]);
	*ret = NAN;
	r = tacit_threshold_get(threshold, risk, ret);
	return r == -EAGAIN ? 0 : r;
}

/* Takes those that are no numbers out. Returns how many are left. */
static size_t keep_numbers(double *score, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(score[i]))
			score[kept++] = score[i];
	return kept;
}

/* A threshold for each statistic, from the scores of sheet->calibration, whose order is lost. */
static int find_thresholds(const struct eval_run *run, struct sheet *sheet,
			   struct tacit_eval_host *host)
{
	for (size_t s = 0; s < TACIT_EVAL_SCORES; s++) {
		double *score = sheet->calibration[s], *threshold = &host->of[s].threshold;
		size_t n = keep_numbers(score, sheet->calibrated);
		int r = 0;

		if (s == TACIT_EVAL_COMBINED) {
			*threshold = 1;
			continue;
		}
		if (s == 0)
			host->calibrated = n;
		if (run->params->threshold == TACIT_EVAL_POT)
			r = extreme_value(run, (enum tacit_statistic)s, score, n, threshold);
		else
			*threshold = tacit_eval_quantile(score, n, run->params->quantile);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The agent's own rule: it alarms when any statistic is beyond its threshold. */
static void combine(struct sheet *sheet, const struct tacit_eval_host *host)
{
	for (size_t i = 0; i < sheet->tested; i++) {
		double worst = NAN;

		for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
			worst = fmax(worst, sheet->test[s][i] /
						    fmax(host->of[s].threshold, THRESHOLD_MIN));
		sheet->test[TACIT_EVAL_COMBINED][i] = worst;
	}
}

/* How many anomalous intervals there are, and how many have an alarm. */
static size_t count_intervals(const struct sheet *sheet, size_t *ret_found)
{
	size_t intervals = 0, found = 0;

	for (size_t i = 0, end; i < sheet->tested; i = end) {
		bool alarm = false;

		end = i + 1;
		if (sheet->label[i] != 1)
			continue;
		for (end = i; end < sheet->tested && sheet->label[end] == 1 &&
			      sheet->t[end] - sheet->t[i] == end - i;
		     end++)
			alarm |= sheet->alarm[end];
		intervals++;
		found += alarm;
	}
	*ret_found = found;
	return intervals;
}

/* Alarms as the agent groups them, TACIT_DETECT_GAP windows without one at most between them; how
 * many groups have no anomalous window. */
static size_t count_false_episodes(const struct sheet *sheet)
{
	bool open = false, justified = false;
	size_t episodes = 0;
	uint64_t last = 0;

	for (size_t i = 0; i < sheet->tested; i++) {
		if (!sheet->alarm[i])
			continue;
		if (!open || sheet->t[i] - last > TACIT_DETECT_GAP + 1) {
			episodes += open && !justified;
			justified = false;
		}
		open = true;
		justified |= sheet->label[i] == 1;
		last = sheet->t[i];
	}
	return episodes + (open && !justified);
}

static void count_alarms(const struct eval_run *run, const struct sheet *sheet, size_t s,
			 struct tacit_eval_host *host)
{
	struct tacit_eval_figures *figures = &host->of[s];
	double day = DAY_MS / run->params->window_ms;
	size_t found, normal = 0, alarms = 0;

	for (size_t i = 0; i < sheet->tested; i++) {
		sheet->alarm[i] = sheet->test[s][i] > figures->threshold;
		normal += sheet->label[i] == 0;
		alarms += sheet->label[i] == 0 && sheet->alarm[i];
	}
	host->intervals = count_intervals(sheet, &found);
	figures->detection = figures->fpr = figures->alarms_per_day = NAN;
	figures->episodes_per_day = NAN;
	if (isnan(figures->threshold))
		return;
	if (host->intervals > 0)
		figures->detection = (double)found / (double)host->intervals;
	if (normal == 0)
		return;
	figures->fpr = (double)alarms / (double)normal;
	figures->alarms_per_day = figures->fpr * day;
	figures->episodes_per_day = (double)count_false_episodes(sheet) / (double)normal * day;
}

static int fill_figures(const struct eval_run *run, struct sheet *sheet,
			struct tacit_eval_host *host)
{
	int r = find_thresholds(run, sheet, host);

	if (r < 0)
		return r;
	combine(sheet, host);
	for (size_t s = 0; s < TACIT_EVAL_SCORES; s++) {
		bool told = s == TACIT_EVAL_RANDOM || host->evidence > 0;

		if (!told)
			host->of[s].threshold = NAN;
		count_alarms(run, sheet, s, host);
		r = tacit_eval_metrics(sheet->test[s], sheet->label, told ? sheet->tested : 0,
				       &host->of[s].metrics);
		if (r < 0)
			return r;
	}
	return 0;
}

static int judge_host(struct eval_run *run, size_t h, struct tacit_eval_host *host)
{
	TACIT_CLEANUP(tacit_eval_scores_done) struct eval_scores calibration = { 0 };
	TACIT_CLEANUP(tacit_eval_scores_done) struct eval_scores test = { 0 };
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	const struct tacit_dataset_host *data = tacit_dataset_host(run->dataset, h);
	TACIT_CLEANUP(sheet_done) struct sheet sheet = { 0 };
	size_t first = data->first + data->train;
	int r = tacit_eval_learn(run, h, &model, &calibration, host);

	if (r == 0)
		r = tacit_eval_score(run, model, h, first, data->test, &test);
	if (r == 0)
		r = sheet_init(&sheet, calibration.n, data->test);
	if (r < 0)
		return r;
	host->name = data->name;
	host->class = data->class;
	host->evidence = test.evidence;
	copy_scores(run, &calibration, sheet.calibration);
	copy_scores(run, &test, sheet.test);
	for (size_t i = 0; i < data->test; i++) {
		sheet.label[i] = tacit_dataset_label(run->dataset, first + i);
		sheet.t[i] = tacit_dataset_t(run->dataset, first + i);
	}
	return fill_figures(run, &sheet, host);
}

/* The figures that are averaged, by their place in struct tacit_eval_figures. */
static double *figure(struct tacit_eval_figures *figures, size_t i)
{
	double *const all[] = { &figures->metrics.auroc,       &figures->metrics.auprc,
				&figures->metrics.best_f1,     &figures->metrics.tpr_at_1fpr,
				&figures->metrics.tpr_at_5fpr, &figures->threshold,
				&figures->detection,	       &figures->fpr,
				&figures->alarms_per_day,      &figures->episodes_per_day };

	return i < TACIT_ARRAY_LEN(all) ? all[i] : NULL;
}

static void average(struct tacit_eval *eval, size_t s)
{
	struct tacit_eval_figures *mean = &eval->mean[s];

	for (size_t i = 0; figure(mean, i); i++) {
		double sum = 0, n = 0;

		for (size_t h = 0; h < eval->hosts; h++) {
			double value = *figure(&eval->host[h].of[s], i);

			sum += isnan(value) ? 0 : value;
			n += !isnan(value);
		}
		*figure(mean, i) = n > 0 ? sum / n : NAN;
	}
	for (size_t h = 0; h < eval->hosts; h++) {
		mean->metrics.normal += eval->host[h].of[s].metrics.normal;
		mean->metrics.anomalous += eval->host[h].of[s].metrics.anomalous;
	}
}

static bool is_share(double value, double most)
{
	return value >= 0 && value <= most;
}

static bool are_good(const struct tacit_eval_params *params)
{
	return params->kind && is_share(params->quantile, 1) && params->alerts_per_day > 0 &&
	       is_share(params->calibrate, SHARE_MAX) && is_share(params->missing, SHARE_MAX) &&
	       params->kappa >= 0 && params->epsilon >= 0 && params->rounds > 0 &&
	       params->window_ms > 0;
}

static int run_init(struct eval_run *run)
{
	const struct tacit_eval_params *params = run->params;
	size_t dims = tacit_dataset_dims(run->dataset), groups = 1;
	uint8_t seed[32] = { 0 };

	if (params->missing > 0)
		groups = dims < GROUPS_IF_MISSING ? dims : GROUPS_IF_MISSING;
	for (size_t j = 0; j < dims; j++)
		run->group_of[j] = (uint16_t)(j * groups / dims);
	run->space = (struct tacit_space){ dims, groups, run->group_of, &params->tuning };
	if (params->epsilon > 0)
		run->noise_multiplier = sqrt(
			params->rounds / (2 * tacit_zcdp_rho(params->epsilon, TACIT_EVAL_DELTA)));
	memcpy(seed, &params->seed, sizeof(params->seed));
	return tacit_random_new(seed, &run->random);
}

static void run_done(struct eval_run *run)
{
	for (size_t h = 0; run->model && h < tacit_dataset_hosts(run->dataset); h++)
		tacit_model_free(run->model[h]);
	tacit_free(run->model);
	tacit_random_free(run->random);
}

int tacit_eval_run(const struct tacit_dataset *dataset, const struct tacit_eval_params *params,
		   struct tacit_eval **ret)
{
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;
	TACIT_CLEANUP(run_done) struct eval_run run = { .dataset = dataset, .params = params };
	int r;

	if (!are_good(params))
		return -EINVAL;
	eval = TACIT_NEW(struct tacit_eval);
	if (!eval)
		return -ENOMEM;
	eval->hosts = tacit_dataset_hosts(dataset);
	eval->host = TACIT_NEW_N(struct tacit_eval_host, eval->hosts);
	if (!eval->host)
		return -ENOMEM;
	r = run_init(&run);
	if (r == 0 && params->learn != TACIT_EVAL_LOCAL)
		r = tacit_eval_learn_all(&run);
	for (size_t h = 0; r == 0 && h < eval->hosts; h++) {
		r = judge_host(&run, h, &eval->host[h]);
		eval->unjudged += r == 0 && eval->host[h].evidence <= 0;
	}
	if (r < 0)
		return r;
	for (size_t s = 0; s < TACIT_EVAL_SCORES; s++)
		average(eval, s);
	eval->noise_multiplier = run.noise_multiplier;
	*ret = TACIT_TAKE(eval);
	return 0;
}

void tacit_eval_free(struct tacit_eval *eval)
{
	if (!eval)
		return;
	tacit_free(eval->host);
	tacit_free(eval);
}
