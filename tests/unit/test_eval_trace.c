/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "agent/eval_trace.h"

#include "place.h"
#include "seed.h"
#include "unit.h"

#define LEN 150U

static const struct tacit_eval_trace_params usual = { TACIT_EVAL_TRACE_ORDER, 0.95 };

/* A program in a loop that does one thing or the other; an attack has the same calls in another
 * order (@kind 1), or one that hardly ever is (@kind 2). */
static void write_trace(FILE *to, struct tacit_random *random, const char *split, int kind,
			size_t i)
{
	static const unsigned loop[2][5] = { { 3, 4, 6, 3, 45 }, { 5, 3, 4, 4, 91 } };
	unsigned call[LEN];

	for (size_t k = 0; k < LEN; k += 5)
		for (size_t m = 0; m < 5; m++)
			call[k + m] = loop[seeded_uniform(random) < 0.5][m];
	call[(size_t)(seeded_uniform(random) * LEN)] = seeded_uniform(random) < 0.1 ? 120 : 6;
	for (size_t k = 30; kind == 1 && k < 90; k++)
		call[k] = loop[k % 2][(size_t)(seeded_uniform(random) * 5)];
	for (size_t k = 30; kind == 2 && k < 60; k += 3)
		call[k] = 120;
	(void)fprintf(to, "%s\t%d\t%s\tT-%zu\t", split, kind != 0, kind ? "attack" : "normal", i);
	for (size_t k = 0; k < LEN; k++)
		(void)fprintf(to, "%u%c", call[k], k + 1 < LEN ? ' ' : '\n');
}

static const char *write_traces(struct place *place, size_t train, size_t normal, size_t odd)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	const char *path = place_file(place, "made-up.traces");
	FILE *to = fopen(path, "we");

	if (!to)
		abort();
	for (size_t i = 0; i < train; i++)
		write_trace(to, random, "train", 0, i);
	for (size_t i = 0; i < normal; i++)
		write_trace(to, random, "test", 0, i);
	for (size_t i = 0; i < odd; i++)
		write_trace(to, random, "test", 1 + (int)(i % 2), i);
	(void)fclose(to);
	return path;
}

static struct tacit_traces *made_up(size_t train, size_t normal, size_t odd)
{
	PLACE(place);
	struct tacit_traces *traces = NULL;

	CU_ASSERT_EQUAL_FATAL(
		tacit_traces_load(write_traces(&place, train, normal, odd), &traces, NULL), 0);
	return traces;
}

static void test_finds_attacks(void)
{
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = made_up(300, 300, 100);
	struct tacit_eval_trace eval = { 0 };
	const struct tacit_eval_trace_figures *all = &eval.of[TACIT_EVAL_TRACE_COMBINED];

	CU_ASSERT_EQUAL_FATAL(tacit_eval_trace_run(traces, &usual, &eval), 0);
	CU_ASSERT_EQUAL(eval.train, 300);
	CU_ASSERT_EQUAL(eval.symbols, 122);
	CU_ASSERT(eval.sequences > 20);
	for (int s = 0; s < TACIT_EVAL_TRACE_SCORES; s++) {
		CU_ASSERT_EQUAL(eval.of[s].metrics.normal, 300);
		CU_ASSERT_EQUAL(eval.of[s].metrics.anomalous, 100);
		CU_ASSERT(eval.of[s].threshold > 0 && isfinite(eval.of[s].threshold));
		CU_ASSERT(eval.of[s].fpr >= 0 && eval.of[s].fpr < 0.2);
	}
	/* One score sees the order, another what is seldom; together they see both. */
	CU_ASSERT(eval.of[TACIT_EVAL_TRACE_SURPRISE].detection > 0.4);
	CU_ASSERT(eval.of[TACIT_EVAL_TRACE_TRANSITIONS].detection > 0.4);
	CU_ASSERT(all->detection >= eval.of[TACIT_EVAL_TRACE_SURPRISE].detection);
	CU_ASSERT(all->detection >= eval.of[TACIT_EVAL_TRACE_TRANSITIONS].detection);
	CU_ASSERT(all->detection > 0.9 && all->metrics.auroc > 0.95);
	CU_ASSERT(fabs(eval.of[TACIT_EVAL_TRACE_RANDOM].metrics.auroc - 0.5) < 0.2);
}

/* Thresholds do not come from what they are held against. */
static void test_thresholds_know_no_test(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *more = NULL;
	struct tacit_eval_trace one = { 0 }, two = { 0 };
	const char *path = write_traces(&place, 100, 50, 50);
	FILE *file;

	CU_ASSERT_EQUAL_FATAL(tacit_traces_load(path, &traces, NULL), 0);
	file = fopen(path, "ae");
	(void)fputs("test\t1\todd\tx\t65534 1 65534 2\ntest\t0\tnormal\ty\t7\n", file);
	(void)fclose(file);
	CU_ASSERT_EQUAL_FATAL(tacit_traces_load(path, &more, NULL), 0);
	CU_ASSERT_EQUAL(tacit_eval_trace_run(traces, &usual, &one), 0);
	CU_ASSERT_EQUAL(tacit_eval_trace_run(more, &usual, &two), 0);
	for (int s = 0; s < TACIT_EVAL_TRACE_SCORES; s++)
		CU_ASSERT_EQUAL(one.of[s].threshold, two.of[s].threshold);
	CU_ASSERT_EQUAL(one.symbols, two.symbols);
	CU_ASSERT_EQUAL(two.of[0].metrics.anomalous, 51);
}

static void test_one_kind_only(void)
{
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = made_up(60, 10, 0);
	struct tacit_eval_trace eval = { 0 };
	json_auto_t *report = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_eval_trace_run(traces, &usual, &eval), 0);
	CU_ASSERT_TRUE(isnan(eval.of[TACIT_EVAL_TRACE_COMBINED].detection));
	report = tacit_eval_trace_json(&eval);
	CU_ASSERT_TRUE(json_is_null(json_object_get(
		json_object_get(json_object_get(report, "scores"), "combined"), "auroc")));
}

static void test_refused(void)
{
	static const size_t few[][2] = { { TACIT_EVAL_TRACE_TRAIN_MIN - 1, 10 },
					 { TACIT_EVAL_TRACE_TRAIN_MIN, 0 },
					 { 0, 10 } };
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = made_up(60, 10, 10);
	struct tacit_eval_trace eval = { .train = 77 };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(few); i++) {
		TACIT_CLEANUP(tacit_traces_free_p)
		struct tacit_traces *short_of = made_up(few[i][0], few[i][1], 0);

		CU_ASSERT_EQUAL(tacit_eval_trace_run(short_of, &usual, &eval), -EINVAL);
	}
	CU_ASSERT_EQUAL(
		tacit_eval_trace_run(traces, &(struct tacit_eval_trace_params){ 0, 0.9 }, &eval),
		-EINVAL);
	CU_ASSERT_EQUAL(
		tacit_eval_trace_run(traces, &(struct tacit_eval_trace_params){ 7, 0.9 }, &eval),
		-EINVAL);
	CU_ASSERT_EQUAL(
		tacit_eval_trace_run(traces, &(struct tacit_eval_trace_params){ 3, NAN }, &eval),
		-EINVAL);
	CU_ASSERT_EQUAL(eval.train, 77);
}

/* What is told of a file, free() it. */
static char *tell(const char *path, const struct tacit_eval_trace_params *params, bool json)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	CU_ASSERT_EQUAL(tacit_eval_trace_tell(path, params, json, to), 0);
	(void)fclose(to);
	return text;
}

static void test_tells(void)
{
	PLACE(place);
	const char *path = write_traces(&place, 60, 20, 20);
	char *table = tell(path, NULL, false), *text = tell(path, &usual, true);
	json_auto_t *report = json_loads(text, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL(strstr(table, "| score | AUROC |"));
	CU_ASSERT_PTR_NOT_NULL(strstr(table, "\n| combined | "));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(report, "train")), 60);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(report, "scores")),
			TACIT_EVAL_TRACE_SCORES);
	free(table);
	free(text);
	CU_ASSERT_EQUAL(tacit_eval_trace_tell("/nonexistent", NULL, true, stdout), -ENOENT);
	CU_ASSERT_EQUAL(
		tacit_eval_trace_tell(place_write(&place, "bad", "x\n", 2), NULL, true, stdout),
		-EINVAL);
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = made_up(60, 5, 5);
	struct tacit_eval_trace eval = { 0 };
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 1000; nth++) {
		unit_fail_alloc(nth);
		r = tacit_eval_trace_run(traces, &usual, &eval);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 50);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "attacks are found", test_finds_attacks },
		{ "thresholds know nothing of test", test_thresholds_know_no_test },
		{ "traces of one kind only", test_one_kind_only },
		{ "too few traces, and parameters", test_refused },
		{ "a table and an object", test_tells },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("eval_trace", cases);
}
