/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/eval.h"
#include "agent/eval_report.h"
#include "seed.h"
#include "unit.h"

#define HOSTS	  4U
#define TRAIN	  300U
#define TEST	  100U
#define ATTACK_AT 60U /* of the test rows */
#define ATTACK	  5U
#define CLASS	  "web"

struct text {
	FILE *file;
	char *at;
	size_t len;
};

static void begin(struct text *text)
{
	text->file = open_memstream(&text->at, &text->len);
	if (!text->file)
		abort();
	(void)fputs("host,class,split,label,t,a,b,c\n", text->file);
}

static struct tacit_dataset *finish(struct text *text)
{
	struct tacit_dataset *dataset = NULL;
	struct tacit_dataset_where where = { 0 };
	int fd = memfd_create("eval", MFD_CLOEXEC);

	(void)fclose(text->file);
	if (fd < 0 || write(fd, text->at, text->len) != (ssize_t)text->len ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	CU_ASSERT_EQUAL_FATAL(tacit_dataset_read(fd, TACIT_DATASET_NONE, &dataset, &where), 0);
	(void)close(fd);
	free(text->at);
	return dataset;
}

/* @a and @b vary together, @c never does; an attack is a @c of 3. */
static void add_host(struct text *text, unsigned host, struct tacit_random *random)
{
	for (unsigned i = 0; i < TRAIN + TEST; i++) {
		int attack = i >= TRAIN + ATTACK_AT && i < TRAIN + ATTACK_AT + ATTACK;
		double a = 5 + seeded_normal(random) / 2, b = a + seeded_normal(random) / 10;

		(void)fprintf(text->file, "h%u," CLASS ",%s,%d,%u,%.6g,%.6g,%d\n", host,
			      i < TRAIN ? "train" : "test", attack, i, a, b, attack ? 3 : 0);
	}
}

static struct tacit_dataset *make(unsigned hosts)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct text text;

	begin(&text);
	for (unsigned h = 0; h < hosts; h++)
		add_host(&text, h, random);
	return finish(&text);
}

static struct tacit_eval_params defaults(enum tacit_eval_learn learn)
{
	return (struct tacit_eval_params){
		.kind = tacit_model_kind_find("gaussian"),
		.learn = learn,
		.quantile = 0.999,
		.alerts_per_day = 1,
		.calibrate = 1. / 3,
		.kappa = 30,
		.rounds = 1,
		.window_ms = 1000,
		.tuning = TACIT_TUNING_DEFAULT,
		.seed = 1,
	};
}

static struct tacit_eval *run(const struct tacit_dataset *dataset,
			      const struct tacit_eval_params *params)
{
	struct tacit_eval *eval = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_eval_run(dataset, params, &eval), 0);
	return eval;
}

static void test_local(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(2);
	struct tacit_eval_params params = defaults(TACIT_EVAL_LOCAL);

	for (int pot = 0; pot < 2; pot++) {
		TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;

		params.threshold = pot ? TACIT_EVAL_POT : TACIT_EVAL_QUANTILE;
		eval = run(dataset, &params);
		CU_ASSERT_EQUAL(eval->hosts, 2);
		CU_ASSERT_EQUAL(eval->unjudged, 0);
		CU_ASSERT_EQUAL(eval->host[1].fitted, 200);
		CU_ASSERT_EQUAL(eval->host[1].calibrated, 100);
		CU_ASSERT_EQUAL(eval->host[1].intervals, 1);
		CU_ASSERT_EQUAL(eval->host[1].evidence, 200);
		for (size_t s = 0; s < TACIT_EVAL_RANDOM; s++) {
			CU_ASSERT_EQUAL(eval->mean[s].metrics.anomalous, 2 * ATTACK);
			CU_ASSERT_EQUAL(eval->mean[s].metrics.auroc, 1);
			if (!pot || s != TACIT_STATISTIC_RARE) /* few rows: its tail is long */
				CU_ASSERT_EQUAL(eval->mean[s].detection, 1);
			CU_ASSERT(eval->mean[s].fpr < 0.2);
			CU_ASSERT_DOUBLE_EQUAL(eval->mean[s].alarms_per_day,
					       eval->mean[s].fpr * 86400, 1e-6);
			CU_ASSERT(eval->mean[s].episodes_per_day <= eval->mean[s].alarms_per_day);
		}
		CU_ASSERT(eval->mean[TACIT_EVAL_RANDOM].metrics.auroc < 0.99);
		CU_ASSERT_EQUAL(eval->mean[TACIT_EVAL_COMBINED].threshold, 1);
	}
}

/* A row is scored before it is learned; nothing is until the model has evidence. */
static void test_as_the_agent_does(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(1);
	struct tacit_eval_params params = defaults(TACIT_EVAL_LOCAL);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *few = NULL;

	params.calibrate = 0;
	eval = run(dataset, &params);
	CU_ASSERT_EQUAL(eval->host[0].fitted, TRAIN);
	CU_ASSERT_EQUAL(eval->host[0].calibrated, TRAIN - 20);
	params.own_windows = 30;
	few = run(dataset, &params);
	CU_ASSERT_EQUAL(few->host[0].fitted, 30);
	CU_ASSERT_EQUAL(few->host[0].calibrated, 10);
}

static void test_siblings(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(HOSTS);
	struct tacit_eval_params params = defaults(TACIT_EVAL_SIBLINGS);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = run(dataset, &params);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *blend = NULL;

	CU_ASSERT_EQUAL(eval->unjudged, 0);
	CU_ASSERT_EQUAL(eval->host[0].fitted, 0);
	CU_ASSERT_EQUAL(eval->host[0].siblings, HOSTS - 1);
	/* Three hosts with two thirds of the windows that make a voice: 2 voices, of 3, of 30. */
	CU_ASSERT_EQUAL(eval->host[0].calibrated, (HOSTS - 1) * TRAIN / 3);
	CU_ASSERT_DOUBLE_EQUAL(eval->host[0].evidence, 20, 1e-3);
	CU_ASSERT_EQUAL(eval->mean[TACIT_STATISTIC_MAX_Z].detection, 1);
	CU_ASSERT_EQUAL(eval->noise_multiplier, 0);
	params.learn = TACIT_EVAL_BLEND;
	params.own_windows = 50;
	blend = run(dataset, &params);
	CU_ASSERT_EQUAL(blend->host[0].fitted, 50);
	CU_ASSERT_DOUBLE_EQUAL(blend->host[0].evidence, 70, 1e-3);
	CU_ASSERT_EQUAL(blend->mean[TACIT_STATISTIC_MAX_Z].detection, 1);
}

/* The same seed, the same noise; a large fleet is hardly disturbed by it, a small one is. */
static void test_noise(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(HOSTS);
	struct tacit_eval_params params = defaults(TACIT_EVAL_SIBLINGS);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *large = NULL;
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *again = NULL;
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *small = NULL;

	params.epsilon = 4;
	params.hosts = 5000;
	large = run(dataset, &params);
	again = run(dataset, &params);
	params.hosts = HOSTS;
	small = run(dataset, &params);
	CU_ASSERT_DOUBLE_EQUAL(large->noise_multiplier, 1.1576, 1e-3);
	CU_ASSERT_EQUAL(large->mean[0].threshold, again->mean[0].threshold);
	CU_ASSERT_EQUAL(large->mean[TACIT_STATISTIC_MAX_Z].detection, 1);
	CU_ASSERT(large->host[0].evidence > 20);
	CU_ASSERT(small->host[0].evidence < large->host[0].evidence / 2);
}

static void test_alone(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(1);
	struct tacit_eval_params params = defaults(TACIT_EVAL_SIBLINGS);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = run(dataset, &params);

	CU_ASSERT_EQUAL(eval->unjudged, 1);
	CU_ASSERT_EQUAL(eval->host[0].siblings, 0);
	CU_ASSERT(isnan(eval->mean[0].metrics.auroc) && isnan(eval->mean[0].detection));
	CU_ASSERT(!isnan(eval->mean[TACIT_EVAL_RANDOM].metrics.auroc));
}

/* Rows that say nothing, and hosts with hardly any. */
static void test_little_data(void)
{
	static const struct {
		unsigned train, test;
		int judged;
	} rows[] = { { 0, 0, 0 },  { 0, 1, 0 },	  { 1, 1, 0 },
		     { 30, 1, 1 }, { 400, 0, 0 }, { 400, 9, 1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = NULL;
		TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;
		struct tacit_eval_params params = defaults(TACIT_EVAL_LOCAL);
		struct text text;

		begin(&text);
		for (unsigned t = 0; t < rows[i].train + rows[i].test + 1; t++)
			(void)fprintf(text.file, "a,c,%s,%d,%u,0,0,0\n",
				      t < rows[i].train ? "train" : "test",
				      t == rows[i].train + rows[i].test ? -1 : 0, t);
		dataset = finish(&text);
		eval = run(dataset, &params);
		CU_ASSERT_EQUAL(eval->unjudged, !rows[i].judged);
		CU_ASSERT_EQUAL(eval->host[0].of[0].metrics.normal,
				rows[i].judged ? rows[i].test : 0);
		CU_ASSERT(isnan(eval->mean[0].metrics.auroc) && isnan(eval->mean[0].detection));
		CU_ASSERT(!rows[i].judged || eval->mean[0].fpr == 0);
	}
}

static void test_missing(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(HOSTS);
	struct tacit_eval_params params = defaults(TACIT_EVAL_SIBLINGS);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;

	params.missing = 0.3;
	eval = run(dataset, &params);
	CU_ASSERT_EQUAL(eval->unjudged, 0);
	CU_ASSERT(eval->mean[TACIT_STATISTIC_MAX_Z].fpr < 0.2);
	CU_ASSERT(eval->mean[TACIT_STATISTIC_MAX_Z].detection < 1);
}

static void test_parameters(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(1);
	struct tacit_eval_params good = defaults(TACIT_EVAL_LOCAL), bad;
	struct tacit_eval *eval = NULL;

	bad = good, bad.kind = NULL;
	CU_ASSERT_EQUAL(tacit_eval_run(dataset, &bad, &eval), -EINVAL);
	bad = good, bad.quantile = NAN;
	CU_ASSERT_EQUAL(tacit_eval_run(dataset, &bad, &eval), -EINVAL);
	bad = good, bad.calibrate = 0.95;
	CU_ASSERT_EQUAL(tacit_eval_run(dataset, &bad, &eval), -EINVAL);
	bad = good, bad.rounds = 0;
	CU_ASSERT_EQUAL(tacit_eval_run(dataset, &bad, &eval), -EINVAL);
	bad = good, bad.window_ms = 0;
	CU_ASSERT_EQUAL(tacit_eval_run(dataset, &bad, &eval), -EINVAL);
	CU_ASSERT_PTR_NULL(eval);
}

static void test_report(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(2);
	struct tacit_eval_params params = defaults(TACIT_EVAL_LOCAL);
	TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = run(dataset, &params);
	json_t *report = tacit_eval_report_json(eval);
	const char *host = NULL;
	double found = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(json_unpack(report, "{s:[{}, {s:s}], s:{s:{s:f}}}", "hosts", "host", &host,
				    "mean", "max z", "detection", &found),
			0);
	CU_ASSERT(host && strcmp(host, "h1") == 0 && found == 1);
	json_decref(report);
}

static void test_out_of_memory(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = make(2);
	struct tacit_eval_params params = defaults(TACIT_EVAL_BLEND);
	int r = -ENOMEM;

	params.own_windows = 30;
	for (int nth = 0; r == -ENOMEM && nth < 500; nth++) {
		TACIT_CLEANUP(tacit_eval_free_p) struct tacit_eval *eval = NULL;

		unit_fail_alloc(nth);
		r = tacit_eval_run(dataset, &params, &eval);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || r == -ENOMEM);
	}
	CU_ASSERT_EQUAL(r, 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "own rows", test_local },
		{ "thresholds as the agent makes them", test_as_the_agent_does },
		{ "siblings, and a blend", test_siblings },
		{ "noise", test_noise },
		{ "a host without siblings", test_alone },
		{ "rows that say nothing", test_little_data },
		{ "missing columns", test_missing },
		{ "parameters out of range", test_parameters },
		{ "as JSON", test_report },
		{ "out of memory", test_out_of_memory },
		{ 0 },
	};

	return unit_main("eval", cases);
}
