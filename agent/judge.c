/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include <stdio.h>
#include <string.h>

#include "detect.h"
#include "learner.h"
#include "poisson.h"
#include "store.h"

#define DAY_SEC	       86400.0
#define ACCEPT_MS      3600000 /* learn.accept_after_sec, as it is by default */
#define FEATURES_NAMED 3U

/* What was counted of one scope in the judged part. */
struct scope {
	char name[TACIT_SCOPE_NAME_MAX + 1];
	uint64_t windows, warming, alarms, episodes;
};

struct judge {
	const struct tacit_judge_params *params;
	struct tacit_store *store;
	struct tacit_learner *learner;
	struct tacit_detect *detect;
	struct scope *scope;
	size_t scopes, room;
	uint32_t window_ms;
	size_t first;	  /* step of the judged part */
	int64_t begin_ms; /* wall clock, its beginning */
	int64_t learned_ms, judged_ms, unflushed_ms;
	json_t *episodes; /* borrowed */
	bool failed;
};

static struct scope *find(struct judge *judge, const char *name)
{
	for (size_t i = 0; i < judge->scopes; i++)
		if (strcmp(judge->scope[i].name, name) == 0)
			return &judge->scope[i];
	return NULL;
}

static int get(struct judge *judge, const char *name, struct scope **ret)
{
	*ret = find(judge, name);
	if (*ret)
		return 0;
	if (judge->scopes == TACIT_JUDGE_SCOPES_MAX)
		return -E2BIG;
	if (judge->scopes == judge->room) {
		size_t room = judge->room ? 2 * judge->room : 16;
		void *more = tacit_realloc(judge->scope, room, sizeof(*judge->scope));

		if (!more)
			return -ENOMEM;
		judge->scope = (struct scope *)more;
		judge->room = room;
	}
	*ret = &judge->scope[judge->scopes++];
	**ret = (struct scope){ 0 };
	(void)snprintf((*ret)->name, sizeof((*ret)->name), "%s", name);
	return 0;
}

static int judge_window(struct judge *judge, const struct tacit_window *window, bool counts)
{
	struct tacit_window shorter = *window;
	enum tacit_verdict verdict;
	struct scope *scope;
	int r = get(judge, window->scope, &scope);

	if (r < 0)
		return r;
	if (window->length_ms / 2 > judge->window_ms) /* as the daemon does */
		tacit_window_shorten(&shorter, judge->window_ms);
	r = tacit_detect_window(judge->detect, &shorter, &verdict, NULL);
	if (r < 0 || !counts)
		return r;
	scope->windows++;
	scope->warming += verdict == TACIT_VERDICT_WARMING;
	scope->alarms += verdict == TACIT_VERDICT_ALARM || verdict == TACIT_VERDICT_ACCEPTED;
	return 0;
}

/* What the daemon does besides, every few seconds. */
static int keep_house(struct judge *judge, uint32_t length_ms)
{
	int r;

	tacit_detect_tick(judge->detect, length_ms);
	judge->unflushed_ms += length_ms;
	if (judge->unflushed_ms < TACIT_LEARNER_FLUSH_MS)
		return 0;
	judge->unflushed_ms = 0;
	r = tacit_detect_flush(judge->detect);
	return r < 0 ? r : tacit_learner_flush(judge->learner, false);
}

static int live(struct judge *judge)
{
	size_t steps = tacit_replay_steps(judge->params->replay);

	for (size_t i = 0; i < steps; i++) {
		bool counts = i >= judge->first;
		size_t n;
		const struct tacit_window *window = tacit_replay_step(judge->params->replay, i, &n);
		int r = 0;

		*(counts ? &judge->judged_ms : &judge->learned_ms) += window->length_ms;
		if (i + 1 <= judge->first)
			judge->begin_ms = window->end_ms;
		for (size_t k = 0; r == 0 && k < n; k++)
			r = judge_window(judge, &window[k], counts);
		if (r == 0)
			r = keep_house(judge, window->length_ms);
		if (r < 0)
			return r;
	}
	return tacit_detect_flush(judge->detect);
}

/* The length that most windows have, or nearly: the mean of those that are not far longer. */
static uint32_t nominal_ms(const struct tacit_replay *replay)
{
	uint64_t sum = 0, n = 0;
	uint32_t shortest = UINT32_MAX;
	size_t unused;

	for (size_t i = 0; i < tacit_replay_steps(replay); i++)
		if (tacit_replay_step(replay, i, &unused)->length_ms < shortest && i > 0)
			shortest = tacit_replay_step(replay, i, &unused)->length_ms;
	for (size_t i = 0; i < tacit_replay_steps(replay); i++) {
		uint32_t length = tacit_replay_step(replay, i, &unused)->length_ms;

		if (length / 2 <= shortest) {
			sum += length;
			n++;
		}
	}
	return n ? (uint32_t)(sum / n) : shortest;
}

static int prepare(struct judge *judge)
{
	const struct tacit_judge_params *params = judge->params;
	const struct tacit_store_params store = { .path = ":memory:" };
	struct tacit_learner_params learner = { .kind = params->kind,
						.memory_bytes = params->memory_bytes,
						.scopes_max = TACIT_JUDGE_SCOPES_MAX };
	struct tacit_detect_params detect = { .alerts_per_day = params->alerts_per_day,
					      .accept_after_ms = ACCEPT_MS };
	int r = tacit_store_open(&store, &judge->store);

	judge->window_ms = detect.window_ms = nominal_ms(params->replay);
	judge->first = (size_t)(params->learn * (double)tacit_replay_steps(params->replay));
	learner.store = detect.store = judge->store;
	if (r == 0)
		r = tacit_learner_new(&learner, &judge->learner);
	detect.learner = judge->learner;
	return r < 0 ? r : tacit_detect_new(&detect, &judge->detect);
}

static json_t *feature_names(const char *text)
{
	json_auto_t *detail = json_loads(text ? text : "", JSON_REJECT_DUPLICATES, NULL);
	json_t *names = json_array(), *feature;
	size_t i;

	json_array_foreach (json_object_get(detail, "features"), i, feature)
		if (i < FEATURES_NAMED)
			(void)json_array_append(names, json_object_get(feature, "name"));
	return names;
}

static void on_anomaly(void *ctx, const struct tacit_anomaly *anomaly)
{
	struct judge *judge = (struct judge *)ctx;
	struct scope *scope = find(judge, anomaly->scope);
	json_t *episode = json_pack(
		"{s:s, s:I, s:I, s:I, s:s, s:f, s:f, s:o}", "scope", anomaly->scope, "start_ms",
		(json_int_t)anomaly->start_ms, "end_ms", (json_int_t)anomaly->end_ms, "windows",
		(json_int_t)anomaly->windows, "statistic",
		tacit_detect_statistic_name(anomaly->statistic), "value", anomaly->peak,
		"threshold", anomaly->threshold, "features", feature_names(anomaly->detail));

	if (scope && anomaly->start_ms > judge->begin_ms)
		scope->episodes++;
	if (!episode || json_array_insert_new(judge->episodes, 0, episode) != 0)
		judge->failed = true;
}

static json_t *rate(const struct scope *scope, double days)
{
	double low, high;

	tacit_poisson_interval(scope->episodes, &low, &high);
	return json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "windows",
			 (json_int_t)scope->windows, "warming", (json_int_t)scope->warming,
			 "alarms", (json_int_t)scope->alarms, "episodes",
			 (json_int_t)scope->episodes, "per_day",
			 days > 0 ? (double)scope->episodes / days : 0, "per_day_low",
			 days > 0 ? low / days : 0, "per_day_high", days > 0 ? high / days : 0);
}

static int report(struct judge *judge, json_t **ret)
{
	json_auto_t *episodes = json_array(), *scopes = json_array();
	double days = (double)judge->judged_ms / 1000 / DAY_SEC;
	struct scope total = { 0 };
	int r;

	judge->episodes = episodes;
	r = tacit_store_each_anomaly(judge->store, 0, TACIT_JUDGE_EPISODES_MAX, on_anomaly, judge);
	for (size_t i = 0; r >= 0 && i < judge->scopes; i++) {
		const struct scope *scope = &judge->scope[i];
		json_t *row = rate(scope, days);

		total.windows += scope->windows;
		total.warming += scope->warming;
		total.alarms += scope->alarms;
		total.episodes += scope->episodes;
		if (!row || json_object_set_new(row, "scope", json_string(scope->name)) != 0 ||
		    json_array_append_new(scopes, row) != 0)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret = json_pack("{s:I, s:I, s:f, s:f, s:f, s:O, s:o, s:O}", "steps",
			 (json_int_t)tacit_replay_steps(judge->params->replay), "window_ms",
			 (json_int_t)judge->window_ms, "alerts_per_day",
			 judge->params->alerts_per_day, "learned_sec",
			 (double)judge->learned_ms / 1000, "judged_sec",
			 (double)judge->judged_ms / 1000, "scopes", scopes, "total",
			 rate(&total, days), "episodes", episodes);
	return *ret && !judge->failed ? 0 : -ENOMEM;
}

int tacit_judge_run(const struct tacit_judge_params *params, json_t **ret)
{
	struct judge judge = { .params = params };
	json_t *document = NULL;
	int r = prepare(&judge);

	if (r == 0)
		r = live(&judge);
	if (r == 0)
		r = report(&judge, &document);
	tacit_detect_free(judge.detect);
	tacit_learner_free(judge.learner);
	tacit_store_close(judge.store);
	tacit_free(judge.scope);
	if (r == 0)
		*ret = document;
	else
		json_decref(document);
	return r;
}
