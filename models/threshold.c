/* SPDX-License-Identifier: MIT */
#include <tacit/threshold.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include <tacit/mem.h>

#include "tail.h"

#define KEEP	      TACIT_THRESHOLD_KEEP
#define FORMAT	      2U
#define FORMAT_RECENT 1U /* recent scores alone */

#define FEW	    100U /* with fewer scores nothing below the largest one is trusted */
#define REFIT_SHARE 32U	 /* refit when one score in so many is new */
#define RISK_MIN    1e-9
#define RISK_MAX    0.1

#define PARTS	   8U  /* of the scores kept, whose medians are compared */
#define CONCORDANT 22U /* of 28 pairs, less the discordant: p < 0.003 without a trend */
#define PART	   (KEEP / PARTS)

#define DAY_SCORES  86400.0 /* of one-second windows */
#define ANCHOR_RISK 1e-4    /* where a threshold is compared with its anchor */
#define RISE_DAILY  1.1
#define FALL_DAILY  2.0 /* slower than a night, so that mornings are no news */
#define HEADROOM    1.5 /* a fit's own error, and what days differ by */

/* Nats are the logarithm of a chance, and have an end, twice the surprise of what was never seen. A
 * tail fitted to scores that are mostly zero runs past it, and then nothing would ever alarm; so
 * nothing is asked for beyond what is this much above all that was normal. */
#define NATS_ABOVE_NORMAL 1.1

#define CRESTS 128U /* blocks of KEEP scores whose highest is remembered: 18 hours of seconds */
#define USUAL  0.5  /* share of crests above their median */

struct tacit_threshold {
	enum tacit_statistic statistic;
	uint64_t count;	   /* scores seen */
	uint64_t fitted;   /* count when tail was made; 0: never */
	uint64_t anchored; /* count that anchor is of */
	uint64_t released; /* no anchor before count is this */
	double anchor;	   /* at ANCHOR_RISK; 0: none yet */
	double hold;	   /* what quantiles are multiplied with, 1 or less */
	double floor, floor_risk;
	struct tacit_tail tail, long_tail; /* of recent scores; of crests */
	double usual_crest;
	struct tacit_score_ladder prior;
	float ring[KEEP];    /* score number i is at i % KEEP */
	float crest[CRESTS]; /* the highest of the scores number i * KEEP and up is at i % CRESTS */
};

int tacit_threshold_new(enum tacit_statistic statistic, struct tacit_threshold **ret)
{
	struct tacit_threshold *threshold = TACIT_NEW(struct tacit_threshold);

	if (!threshold)
		return -ENOMEM;
	threshold->statistic = statistic;
	threshold->hold = 1;
	*ret = threshold;
	return 0;
}

void tacit_threshold_learn(struct tacit_threshold *threshold, double score)
{
	float *crest;

	if (!(score >= 0) || isinf(score))
		return;
	crest = &threshold->crest[threshold->count / KEEP % CRESTS];
	score = fmin(score, (double)FLT_MAX);
	if (threshold->count % KEEP == 0)
		*crest = 0;
	*crest = fmaxf(*crest, (float)score);
	threshold->ring[threshold->count % KEEP] = (float)score;
	threshold->count++;
}

void tacit_threshold_set_prior(struct tacit_threshold *threshold,
			       const struct tacit_score_ladder *ladder)
{
	threshold->prior = ladder && tacit_score_ladder_is_known(ladder)
				   ? *ladder
				   : (struct tacit_score_ladder){ 0 };
}

void tacit_threshold_release(struct tacit_threshold *threshold)
{
	threshold->released = threshold->count + KEEP;
}

uint64_t tacit_threshold_count(const struct tacit_threshold *threshold)
{
	return threshold->count;
}

/* The z that |z| exceeds with probability @risk, by bisection. */
static double normal_quantile(double risk)
{
	double low = 0, high = 8;

	for (unsigned i = 0; i < 40; i++) {
		double z = (low + high) / 2;

		if (erfc(z / M_SQRT2) > risk)
			low = z;
		else
			high = z;
	}
	return high;
}

double tacit_threshold_floor(enum tacit_statistic statistic, double risk)
{
	if (statistic == TACIT_STATISTIC_MAX_Z)
		return normal_quantile(risk);
	if (statistic == TACIT_STATISTIC_DISTANCE)
		return pow(normal_quantile(risk), 2);
	return -log(risk);
}

size_t tacit_threshold_size_bytes(void)
{
	return sizeof(struct tacit_threshold);
}

static size_t kept(const struct tacit_threshold *threshold)
{
	return threshold->count < KEEP ? (size_t)threshold->count : KEEP;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static float median(const float *value, size_t n)
{
	float sorted[KEEP];

	for (size_t i = 0; i < n; i++)
		sorted[i] = value[i];
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	return sorted[n / 2];
}

/* How much a score rises from one part to the next, where most pairs of parts say that it does
 * (Mann 1945; Sen 1968); 0 where they do not. @score: KEEP, oldest first. */
static float trend(const float *score)
{
	float level[PARTS], slope[PARTS * (PARTS - 1) / 2];
	unsigned rising = 0;
	size_t pairs = 0;

	for (size_t i = 0; i < PARTS; i++)
		level[i] = median(score + i * PART, PART);
	for (size_t i = 1; i < PARTS; i++)
		for (size_t k = 0; k < i; k++) {
			rising += level[i] > level[k];
			slope[pairs++] = (level[i] - level[k]) / (float)(i - k);
		}
	return 2 * rising >= pairs + CONCORDANT ? median(slope, pairs) : 0;
}

/* The scores kept, as if all were of now: ascending. */
static size_t present(const struct tacit_threshold *threshold, float *sorted)
{
	size_t n = kept(threshold);
	float rise;

	for (size_t i = 0; i < n; i++)
		sorted[i] = threshold->ring[(threshold->count - n + i) % KEEP];
	rise = n == KEEP ? trend(sorted) : 0;
	for (size_t i = 0; rise > 0 && i < n; i++)
		sorted[i] = fminf(sorted[i] + rise * (float)(n - i) / PART, FLT_MAX);
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	return n;
}

/* Moves the anchor to @now, as far as it may have moved since it was set. */
static void move_anchor(struct tacit_threshold *threshold, double now)
{
	double days = (double)(threshold->count - threshold->anchored) / DAY_SCORES;
	bool is_free = threshold->count < TACIT_THRESHOLD_ANCHORED ||
		       threshold->count < threshold->released || threshold->anchor <= 0;

	if (!is_free) {
		now = fmin(now, threshold->anchor * pow(RISE_DAILY, days));
		now = fmax(now, threshold->anchor / pow(FALL_DAILY, days));
	}
	threshold->anchor = now;
	threshold->anchored = threshold->count;
}

/* Blocks that are whole and remembered. */
static size_t crests(const struct tacit_threshold *threshold)
{
	uint64_t n = threshold->count / KEEP;

	return n < CRESTS ? (size_t)n : CRESTS - 1;
}

static void fit_crests(struct tacit_threshold *threshold)
{
	uint64_t blocks = threshold->count / KEEP;
	float sorted[CRESTS];
	size_t n = crests(threshold);

	threshold->usual_crest = 0;
	threshold->long_tail = (struct tacit_tail){ 0 };
	if (n < TACIT_TAIL_MIN)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] = threshold->crest[(blocks - n + i) % CRESTS];
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	threshold->usual_crest = (double)sorted[n / 2];
	threshold->long_tail = tacit_tail_fit(sorted, n);
}

/* What a crest exceeds with the probability that one score or more in a block does; exponential
 * between the median and the tail. 0 where recent scores alone say more. */
static double crest_quantile(const struct tacit_threshold *threshold, double risk)
{
	const struct tacit_tail *tail = &threshold->long_tail;
	double block_risk = -expm1(KEEP * log1p(-risk)), along;

	if (tail->share <= 0 || block_risk > USUAL)
		return 0;
	if (block_risk <= tail->share)
		return tacit_tail_quantile(tail, block_risk);
	along = log(USUAL / block_risk) / log(USUAL / tail->share);
	return threshold->usual_crest + along * (tail->start - threshold->usual_crest);
}

/* Recent scores say what is usual, crests what is rare. */
static double quantile(const struct tacit_threshold *threshold, double risk)
{
	return fmax(tacit_tail_quantile(&threshold->tail, risk), crest_quantile(threshold, risk));
}

static void fit(struct tacit_threshold *threshold)
{
	float sorted[KEEP];
	size_t n = present(threshold, sorted);
	double now;

	threshold->tail = tacit_tail_fit(sorted, n);
	fit_crests(threshold);
	now = fmax(quantile(threshold, ANCHOR_RISK),
		   tacit_threshold_floor(threshold->statistic, ANCHOR_RISK));
	move_anchor(threshold, now);
	threshold->hold = fmin(threshold->anchor * HEADROOM / now, 1);
	threshold->fitted = threshold->count;
}

static bool is_stale(const struct tacit_threshold *threshold)
{
	return threshold->fitted == 0 ||
	       (threshold->count - threshold->fitted) * REFIT_SHARE >= kept(threshold);
}

static double floor_at(struct tacit_threshold *threshold, double risk)
{
	if (threshold->floor_risk != risk) {
		threshold->floor = tacit_threshold_floor(threshold->statistic, risk);
		threshold->floor_risk = risk;
	}
	return threshold->floor;
}

/* What no threshold needs to be above: infinite but for nats. */
static double ceiling_at(struct tacit_threshold *threshold, double risk)
{
	double normal = fmax(threshold->tail.largest, threshold->long_tail.largest);

	if (threshold->statistic != TACIT_STATISTIC_RARE)
		return INFINITY;
	return fmax(floor_at(threshold, risk), NATS_ABOVE_NORMAL * normal);
}

static double own(struct tacit_threshold *threshold, double risk)
{
	const struct tacit_tail *tail = &threshold->tail;
	size_t n = kept(threshold);
	double at;

	if (is_stale(threshold))
		fit(threshold);
	at = quantile(threshold, risk);
	if (n < FEW && risk * (double)n < 1)
		at = fmax(at, tail->largest + tail->scale);
	return fmin(at, ceiling_at(threshold, risk)) * threshold->hold;
}

static int blend(struct tacit_threshold *threshold, double risk, double worth, double *ret)
{
	double n = threshold->count < TACIT_THRESHOLD_MIN ? 0 : (double)kept(threshold);
	double log_at = 0;

	if (worth + n <= 0)
		return -EAGAIN;
	risk = fmin(fmax(risk, RISK_MIN), RISK_MAX);
	if (n > 0)
		log_at += n / (n + worth) * log(fmax(own(threshold, risk), DBL_MIN));
	if (worth > 0)
		log_at +=
			worth / (n + worth) * log(tacit_score_ladder_get(&threshold->prior, risk));
	*ret = fmax(fmin(exp(log_at), DBL_MAX), floor_at(threshold, risk));
	return 0;
}

int tacit_threshold_get(struct tacit_threshold *threshold, double risk, double *ret)
{
	double worth = TACIT_THRESHOLD_PRIOR_WORTH * (double)threshold->prior.weight;

	return blend(threshold, risk, worth, ret);
}

int tacit_threshold_get_own(struct tacit_threshold *threshold, double risk, double *ret)
{
	return blend(threshold, risk, 0, ret);
}

void tacit_threshold_save(const struct tacit_threshold *threshold, struct tacit_writer *writer)
{
	uint64_t blocks = threshold->count / KEEP + (threshold->count % KEEP > 0);
	size_t n = kept(threshold);

	tacit_write_u8(writer, FORMAT);
	tacit_write_u64le(writer, threshold->count);
	tacit_write_u64le(writer, threshold->anchored);
	tacit_write_u64le(writer, threshold->released);
	tacit_write_f32le(writer, (float)fmin(threshold->anchor, (double)FLT_MAX));
	for (size_t i = 0; i < CRESTS && i < blocks; i++)
		tacit_write_f32le(writer, threshold->crest[i]);
	for (size_t i = 0; i < n; i++)
		tacit_write_f32le(writer, threshold->ring[(threshold->count - n + i) % KEEP]);
}

/* False when it is none. */
static bool read_score(struct tacit_reader *reader, float *ret)
{
	*ret = tacit_read_f32le(reader);
	return !reader->failed && *ret >= 0 && !isinf(*ret);
}

static int read_long(struct tacit_threshold *threshold, struct tacit_reader *reader)
{
	uint64_t blocks = threshold->count / KEEP + (threshold->count % KEEP > 0);
	float anchor;

	threshold->anchored = tacit_read_u64le(reader);
	threshold->released = tacit_read_u64le(reader);
	if (!read_score(reader, &anchor) || threshold->anchored > threshold->count)
		return TACIT_EDAMAGED;
	threshold->anchor = (double)anchor;
	for (size_t i = 0; i < CRESTS && i < blocks; i++)
		if (!read_score(reader, &threshold->crest[i]))
			return TACIT_EDAMAGED;
	return 0;
}

static int read_scores(struct tacit_threshold *threshold, struct tacit_reader *reader)
{
	size_t n = kept(threshold);

	for (size_t i = 0; i < n; i++)
		if (!read_score(reader, &threshold->ring[(threshold->count - n + i) % KEEP]))
			return TACIT_EDAMAGED;
	return 0;
}

int tacit_threshold_load(enum tacit_statistic statistic, struct tacit_reader *reader,
			 struct tacit_threshold **ret)
{
	TACIT_CLEANUP(tacit_threshold_free_p) struct tacit_threshold *threshold = NULL;
	uint8_t format = tacit_read_u8(reader);
	uint64_t count = tacit_read_u64le(reader);
	int r;

	if (reader->failed || (format != FORMAT && format != FORMAT_RECENT))
		return TACIT_EDAMAGED;
	r = tacit_threshold_new(statistic, &threshold);
	if (r < 0)
		return r;
	threshold->count = count;
	if (format == FORMAT)
		r = read_long(threshold, reader);
	if (r == 0)
		r = read_scores(threshold, reader);
	if (r == 0)
		*ret = TACIT_TAKE(threshold);
	return r;
}

void tacit_threshold_free(struct tacit_threshold *threshold)
{
	tacit_free(threshold);
}
