/* SPDX-License-Identifier: MIT */
#include "detect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include <jansson.h>

#include <tacit/feature.h>
#include <tacit/log.h>
#include <tacit/threshold.h>

#define DAY_MS	     86400000.0
#define RISK_MIN     1e-9
#define RISK_MAX     0.1
#define LOG_BURST    20U
#define LOG_MS	     60000U
#define LOG_CAUSES   3
#define LOG_TEXT_MAX 256U
#define LATE_WINDOWS 10 /* a tick later than this is a machine that slept, not an hour of alarm */

/* A scope that alarms, or did lately: its episode, and for how long it has been unusual. */
struct unusual {
	LIST_ENTRY(unusual) link;
	struct tacit_anomaly anomaly;
	double excess; /* at the peak, as the next two */
	struct tacit_judgement judgement;
	struct tacit_cause cause[TACIT_DETECT_CAUSES];
	int causes;
	struct tacit_process process[TACIT_DETECT_PROCESSES]; /* of the episode */
	size_t processes;
	uint64_t alarm_tick;
	int64_t unusual_ms, calm_ms;
	int64_t stored_id; /* anomaly.id, once it is committed */
	bool open, dirty, accepted;
	bool expected; /* all of it so far */
};

LIST_HEAD(unusual_list, unusual);

struct tacit_detect {
	struct tacit_detect_params params;
	struct unusual_list list;
	uint32_t n;
	uint64_t tick;
	struct tacit_detect_counters counters;
	struct tacit_log_limit log, complaint;
};

static const char *const verdicts[] = {
	[TACIT_VERDICT_WARMING] = "warming up", [TACIT_VERDICT_NORMAL] = "normal",
	[TACIT_VERDICT_ALARM] = "anomalous",	[TACIT_VERDICT_ACCEPTED] = "accepted",
	[TACIT_VERDICT_EXPECTED] = "expected",
};

const char *tacit_verdict_name(enum tacit_verdict verdict)
{
	return verdicts[verdict];
}

static const char *const statistics[] = {
	[TACIT_STATISTIC_DISTANCE] = "distance",
	[TACIT_STATISTIC_MAX_Z] = "max z",
	[TACIT_STATISTIC_RARE] = "rare events",
};

const char *tacit_detect_statistic_name(enum tacit_statistic statistic)
{
	return statistics[statistic];
}

int tacit_detect_new(const struct tacit_detect_params *params, struct tacit_detect **ret)
{
	struct tacit_detect *detect = TACIT_NEW(struct tacit_detect);

	if (!detect)
		return -ENOMEM;
	detect->params = *params;
	detect->log = (struct tacit_log_limit){ .burst = LOG_BURST, .interval_ms = LOG_MS };
	detect->complaint = detect->log;
	LIST_INIT(&detect->list);
	*ret = detect;
	return 0;
}

static void drop(struct tacit_detect *detect, struct unusual *unusual)
{
	LIST_REMOVE(unusual, link);
	detect->n--;
	tacit_free(unusual);
}

void tacit_detect_free(struct tacit_detect *detect)
{
	struct unusual *unusual;

	if (!detect)
		return;
	while ((unusual = LIST_FIRST(&detect->list)))
		drop(detect, unusual);
	tacit_free(detect);
}

double tacit_detect_risk(double alerts_per_day, uint32_t window_ms, uint32_t scopes)
{
	double shares = DAY_MS / window_ms * scopes * TACIT_STATISTIC_COUNT;

	return fmin(fmax(alerts_per_day / shares, RISK_MIN), RISK_MAX);
}

void tacit_detect_set_policy(struct tacit_detect *detect, double alerts_per_day,
			     int64_t accept_after_ms)
{
	detect->params.alerts_per_day = alerts_per_day;
	detect->params.accept_after_ms = accept_after_ms;
}

void tacit_detect_counters(const struct tacit_detect *detect, struct tacit_detect_counters *ret)
{
	*ret = detect->counters;
}

static struct unusual *find(struct tacit_detect *detect, const char *scope)
{
	struct unusual *unusual;

	LIST_FOREACH (unusual, &detect->list, link)
		if (strcmp(unusual->anomaly.scope, scope) == 0)
			return unusual;
	return NULL;
}

/* How far beyond its threshold the worst statistic is; above 1 is an alarm. */
static double excess(const struct tacit_judgement *judgement, enum tacit_statistic *ret)
{
	double worst = -1;

	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++) {
		double ratio = judgement->score.value[i] / fmax(judgement->threshold[i], 1e-9);

		if (ratio > worst) {
			worst = ratio;
			*ret = (enum tacit_statistic)i;
		}
	}
	return worst;
}

/* "syscall.rename 1000 (usually 0.2), ..." */
static void describe(const struct unusual *unusual, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (int i = 0; i < unusual->causes && i < LOG_CAUSES && at < size; i++) {
		const struct tacit_cause *cause = &unusual->cause[i];

		at += (size_t)snprintf(text + at, size - at, "%s %s %llu (usually %.3g)",
				       i == 0 ? ":" : ",", tacit_feature_get(cause->feature)->name,
				       (unsigned long long)cause->value, cause->expected);
	}
}

static json_t *feature_json(const struct tacit_cause *cause)
{
	const struct tacit_feature *feature = tacit_feature_get(cause->feature);

	return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "name", feature->name, "unit",
			 feature->unit, "value", (json_int_t)cause->value, "expected",
			 cause->expected, "z", cause->z, "share", cause->share, "surprise",
			 cause->surprise);
}

static json_t *processes_json(const struct unusual *unusual)
{
	json_t *array = json_array();

	for (size_t i = 0; i < unusual->processes; i++) {
		const struct tacit_process *process = &unusual->process[i];

		(void)json_array_append_new(
			array, json_pack("{s:s, s:I, s:b}", "name", process->name, "execs",
					 (json_int_t)process->execs, "new", process->is_new));
	}
	return array;
}

/* What the row says of the peak; an empty object when it cannot be said. */
static void format_detail(const struct unusual *unusual, char text[TACIT_STORE_DETAIL_MAX])
{
	const struct tacit_judgement *peak = &unusual->judgement;
	json_t *features = json_array(), *detail;
	size_t len = 0;

	for (int i = 0; i < unusual->causes; i++)
		(void)json_array_append_new(features, feature_json(&unusual->cause[i]));
	detail = json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:b, s:b}", "features",
			   features, "distance", peak->score.value[TACIT_STATISTIC_DISTANCE],
			   "distance_threshold", peak->threshold[TACIT_STATISTIC_DISTANCE], "max_z",
			   peak->score.value[TACIT_STATISTIC_MAX_Z], "max_z_threshold",
			   peak->threshold[TACIT_STATISTIC_MAX_Z], "rare",
			   peak->score.value[TACIT_STATISTIC_RARE], "rare_threshold",
			   peak->threshold[TACIT_STATISTIC_RARE], "evidence", peak->score.evidence,
			   "accepted", unusual->accepted, "expected", unusual->expected);
	(void)json_object_set_new(detail, "processes", processes_json(unusual));
	if (detail)
		len = json_dumpb(detail, text, TACIT_STORE_DETAIL_MAX - 1, JSON_COMPACT);
	json_decref(detail);
	if (len == 0 || len >= TACIT_STORE_DETAIL_MAX)
		len = (size_t)snprintf(text, TACIT_STORE_DETAIL_MAX, "{}");
	text[len] = '\0';
}

static int save(struct tacit_detect *detect, struct unusual *unusual)
{
	char detail[TACIT_STORE_DETAIL_MAX];
	int r;

	format_detail(unusual, detail);
	unusual->anomaly.detail = detail;
	r = tacit_store_put_anomaly(detect->params.store, &unusual->anomaly);
	unusual->anomaly.detail = NULL;
	return r;
}

static void save_now(struct tacit_detect *detect, struct unusual *unusual)
{
	int r;

	if (!detect->params.store)
		return;
	r = save(detect, unusual);
	unusual->stored_id = unusual->anomaly.id;
	unusual->dirty = r < 0;
	if (r < 0 && tacit_log_allowed(&detect->complaint))
		tacit_warning("cannot store an anomaly yet: %s", tacit_strerror(r));
}

/* NULL when there are too many, or no memory: the alarm is counted all the same. */
static struct unusual *watch(struct tacit_detect *detect, const struct tacit_window *window)
{
	struct unusual *unusual = find(detect, window->scope);

	if (unusual)
		return unusual;
	if (detect->n < TACIT_DETECT_SCOPES_MAX)
		unusual = TACIT_NEW(struct unusual);
	if (!unusual) {
		detect->counters.unkept++;
		return NULL;
	}
	LIST_INSERT_HEAD(&detect->list, unusual, link);
	detect->n++;
	(void)snprintf(unusual->anomaly.scope, sizeof(unusual->anomaly.scope), "%s", window->scope);
	return unusual;
}

static void note_peak(struct tacit_detect *detect, struct unusual *unusual,
		      const struct tacit_window *window, const struct tacit_judgement *judgement)
{
	enum tacit_statistic statistic = TACIT_STATISTIC_DISTANCE;
	double ratio = excess(judgement, &statistic);
	int n;

	if (ratio <= unusual->excess)
		return;
	unusual->excess = ratio;
	unusual->judgement = *judgement;
	unusual->anomaly.peak_ms = window->end_ms;
	unusual->anomaly.statistic = statistic;
	unusual->anomaly.peak = judgement->score.value[statistic];
	unusual->anomaly.threshold = judgement->threshold[statistic];
	unusual->anomaly.model_version = judgement->model_version;
	n = tacit_learner_explain(detect->params.learner, window, statistic, TACIT_DETECT_CAUSES,
				  unusual->cause);
	unusual->causes = n < 0 ? 0 : n;
}

/* What begins an episode may have been started a window earlier. */
static void note_processes(struct tacit_detect *detect, struct unusual *unusual, bool first)
{
	struct tacit_process now[TACIT_DETECT_PROCESSES];
	int n = 0;

	if (first)
		unusual->processes = 0;
	if (detect->params.processes)
		n = detect->params.processes(detect->params.processes_ctx, unusual->anomaly.scope,
					     first ? 2 : 1, now, TACIT_ARRAY_LEN(now));
	for (int i = 0; i < n; i++)
		unusual->processes = tacit_process_add(unusual->process, unusual->processes,
						       TACIT_DETECT_PROCESSES, &now[i]);
}

static void begin(struct tacit_detect *detect, struct unusual *unusual,
		  const struct tacit_window *window)
{
	if (unusual->dirty) /* the end of the one before */
		save_now(detect, unusual);
	unusual->open = true;
	unusual->accepted = false;
	unusual->expected = true;
	unusual->excess = 0;
	unusual->anomaly.id = 0;
	unusual->stored_id = 0;
	unusual->anomaly.state = TACIT_ANOMALY_OPEN;
	unusual->anomaly.start_ms = window->end_ms;
	unusual->anomaly.end_ms = window->end_ms;
	unusual->anomaly.windows = 0;
	(void)snprintf(unusual->anomaly.class, sizeof(unusual->anomaly.class), "%s", window->class);
	detect->counters.episodes++;
	detect->counters.open++;
}

static void announce(struct tacit_detect *detect, const struct unusual *unusual)
{
	const struct tacit_anomaly *anomaly = &unusual->anomaly;
	char text[LOG_TEXT_MAX];

	if (!tacit_log_allowed(&detect->log))
		return;
	describe(unusual, text, sizeof(text));
	tacit_notice("anomaly %lld in %s%s: %s %.4g, threshold %.4g%s", (long long)anomaly->id,
		     anomaly->scope, unusual->expected ? ", as in earlier weeks" : "",
		     statistics[anomaly->statistic], anomaly->peak, anomaly->threshold, text);
}

static void accept_change(struct tacit_detect *detect, struct unusual *unusual)
{
	unusual->accepted = true;
	tacit_learner_release(detect->params.learner, unusual->anomaly.scope);
	if (tacit_log_allowed(&detect->log))
		tacit_notice("anomaly %lld in %s has lasted: it is learned as normal from now on",
			     (long long)unusual->anomaly.id, unusual->anomaly.scope);
}

/* By the peak: an episode that goes beyond what it does every week is news from then on. */
static void compare_weeks(struct tacit_detect *detect, struct unusual *unusual, int64_t wall_ms)
{
	struct tacit_learner *learner = detect->params.learner;
	const char *scope = unusual->anomaly.scope;
	unsigned leads;

	if (unusual->causes < 1) {
		unusual->expected = false;
		return;
	}
	leads = unusual->cause[0].feature;
	if (!tacit_learner_is_habit(learner, scope, wall_ms, unusual->excess, leads))
		unusual->expected = false;
	tacit_learner_note_habit(learner, scope, wall_ms, unusual->excess, leads);
}

static enum tacit_verdict sound(struct tacit_detect *detect, const struct tacit_window *window,
				const struct tacit_judgement *judgement)
{
	struct unusual *unusual = watch(detect, window);
	bool first;

	detect->counters.alarms++;
	tacit_learner_note_alarm(detect->params.learner, window->scope);
	if (!unusual)
		return TACIT_VERDICT_ALARM;

	first = !unusual->open;
	if (first)
		begin(detect, unusual, window);
	note_processes(detect, unusual, first);
	unusual->alarm_tick = detect->tick;
	unusual->calm_ms = 0;
	unusual->dirty = true;
	unusual->anomaly.windows++;
	/* A clock that was set back must not end an episode before it began. */
	if (window->end_ms > unusual->anomaly.end_ms)
		unusual->anomaly.end_ms = window->end_ms;
	note_peak(detect, unusual, window, judgement);
	compare_weeks(detect, unusual, window->end_ms);
	if (first) {
		if (unusual->excess <= TACIT_THRESHOLD_CONCEDE)
			tacit_learner_concede(detect->params.learner, window->scope, judgement);
		save_now(detect, unusual);
		announce(detect, unusual);
	}
	if (unusual->expected)
		return TACIT_VERDICT_EXPECTED;
	if (unusual->unusual_ms < detect->params.accept_after_ms)
		return TACIT_VERDICT_ALARM;
	if (!unusual->accepted)
		accept_change(detect, unusual);
	return TACIT_VERDICT_ACCEPTED;
}

/* What lies between the alarms of an episode, or just behind them, may be of the same making. A few
 * scores just below the threshold would make its tail so heavy that the next burst was below it. */
static bool is_shadowed(struct tacit_detect *detect, const char *scope)
{
	const struct unusual *unusual = detect->counters.open > 0 ? find(detect, scope) : NULL;

	return unusual && unusual->open && !unusual->accepted;
}

int tacit_detect_window(struct tacit_detect *detect, const struct tacit_window *window,
			enum tacit_verdict *ret, struct tacit_judgement *ret_judgement)
{
	struct tacit_learner *learner = detect->params.learner;
	double risk = tacit_detect_risk(detect->params.alerts_per_day, detect->params.window_ms,
					tacit_learner_scopes(learner));
	enum tacit_verdict verdict = TACIT_VERDICT_NORMAL;
	enum tacit_statistic statistic;
	struct tacit_judgement judgement;
	int r;

	if (!ret_judgement && tacit_learner_repeat(learner, window)) {
		detect->counters.windows++;
		if (ret)
			*ret = TACIT_VERDICT_NORMAL;
		return 0;
	}
	r = tacit_learner_judge(learner, window, risk, &judgement);
	if (r < 0)
		return r;
	detect->counters.windows++;
	if (!judgement.scored || !judgement.has_threshold)
		verdict = TACIT_VERDICT_WARMING;
	else if (excess(&judgement, &statistic) > 1)
		verdict = sound(detect, window, &judgement);
	detect->counters.warming += verdict == TACIT_VERDICT_WARMING;
	detect->counters.accepted += verdict == TACIT_VERDICT_ACCEPTED;
	detect->counters.expected += verdict == TACIT_VERDICT_EXPECTED;
	if (verdict != TACIT_VERDICT_ALARM && !is_shadowed(detect, window->scope) &&
	    window->length_ms / 2 <= detect->params.window_ms)
		r = tacit_learner_learn(learner, window, &judgement);
	if (r < 0)
		return r;
	if (verdict == TACIT_VERDICT_NORMAL)
		tacit_learner_expect(learner, window, &judgement);
	if (ret)
		*ret = verdict;
	if (ret_judgement)
		*ret_judgement = judgement;
	return 0;
}

static void end(struct tacit_detect *detect, struct unusual *unusual)
{
	const struct tacit_anomaly *anomaly = &unusual->anomaly;

	unusual->open = false;
	unusual->dirty = true;
	unusual->anomaly.state = TACIT_ANOMALY_ENDED;
	detect->counters.open--;
	if (tacit_log_allowed(&detect->log))
		tacit_notice("anomaly %lld in %s is over: %llu windows, highest %s %.4g",
			     (long long)anomaly->id, anomaly->scope,
			     (unsigned long long)anomaly->windows, statistics[anomaly->statistic],
			     anomaly->peak);
}

void tacit_detect_tick(struct tacit_detect *detect, int64_t elapsed_ms)
{
	int64_t most = (int64_t)detect->params.window_ms * LATE_WINDOWS;
	struct unusual *unusual, *next;

	if (elapsed_ms > most)
		elapsed_ms = most;
	for (unusual = LIST_FIRST(&detect->list); unusual; unusual = next) {
		next = LIST_NEXT(unusual, link);
		unusual->unusual_ms += elapsed_ms;
		if (unusual->alarm_tick == detect->tick)
			continue;
		unusual->calm_ms += elapsed_ms;
		if (unusual->open && detect->tick - unusual->alarm_tick > TACIT_DETECT_GAP)
			end(detect, unusual);
		if (unusual->open || unusual->calm_ms < TACIT_DETECT_CALM_MS)
			continue;
		unusual->unusual_ms = 0;
		if (!unusual->dirty || !detect->params.store)
			drop(detect, unusual); /* one that cannot be stored yet waits */
	}
	detect->tick++;
}

static int save_dirty(struct tacit_detect *detect)
{
	struct unusual *unusual;
	int r;

	LIST_FOREACH (unusual, &detect->list, link) {
		r = unusual->dirty ? save(detect, unusual) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static void settle(struct tacit_detect *detect, bool committed)
{
	struct unusual *unusual;

	LIST_FOREACH (unusual, &detect->list, link) {
		if (committed) {
			unusual->stored_id = unusual->anomaly.id;
			unusual->dirty = false;
		} else {
			unusual->anomaly.id = unusual->stored_id;
		}
	}
}

static bool is_dirty(const struct tacit_detect *detect)
{
	const struct unusual *unusual;

	LIST_FOREACH (unusual, &detect->list, link)
		if (unusual->dirty)
			return true;
	return false;
}

int tacit_detect_flush(struct tacit_detect *detect)
{
	struct tacit_db *db;
	int r;

	if (!detect->params.store || !is_dirty(detect))
		return 0;
	db = tacit_store_db(detect->params.store);
	r = tacit_db_begin(db);
	if (r < 0)
		return r;
	r = save_dirty(detect);
	if (r == 0)
		r = tacit_db_commit(db);
	if (r < 0)
		tacit_db_rollback(db);
	settle(detect, r == 0);
	return r;
}
