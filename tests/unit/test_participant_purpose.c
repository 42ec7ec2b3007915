/* SPDX-License-Identifier: MIT */
/* What a round is for, and how much a host counts in it: what a host refuses, and what it says. */
#include "sum_world.h"

#include <tacit/evaluation.h>

#define SLOTS 3U
#define SLOT  1U

static int evaluated; /* scopes that the host says it rests on */

static int on_evaluate(void *ctx, const struct tacit_fleet *reference, double kappa,
		       struct tacit_evaluation *ret)
{
	(void)ctx;
	CU_ASSERT_EQUAL(kappa, 30);
	CU_ASSERT_EQUAL(tacit_fleet_classes(reference), 1);
	ret->has_help = true;
	ret->help = TACIT_EVALUATION_SAME;
	return evaluated;
}

static const struct tacit_participant_ops purpose_ops = {
	.task = world_on_task,
	.contribute = world_on_contribute,
	.evaluate = on_evaluate,
	.released = world_on_released,
};

/* Without noise, so that what is said can be read. */
static void be_frank(struct world *w)
{
	evaluated = 1;
	w->task.noise_multiplier = w->round.noise_multiplier = 0;
	w->params.floors.min_noise_multiplier = 0;
	w->params.floors.budget.max_epsilon = INFINITY;
	w->params.ops = &purpose_ops;
	(void)snprintf(w->task.group, sizeof(w->task.group), "site");
	w->task.fairness = 1;
}

static void ask_to_evaluate(struct world *w)
{
	w->round.purpose = TACIT_PURPOSE_EVALUATE;
	w->round.slots = SLOTS;
	w->round.slot = SLOT;
	w->round.dimensions = tacit_evaluation_dimensions(SLOTS);
}

static void begin(struct world *w)
{
	world_begin(w);
	be_frank(w);
	world_restart(w);
}

static void unknown_purpose(struct world *w)
{
	w->round.purpose = TACIT_PURPOSE_UNKNOWN;
}

static void a_whisper(struct world *w)
{
	w->round.weight = 0.2499;
}

static void a_shout(struct world *w)
{
	w->round.weight = 1.5;
}

static void a_task_that_weighs_nobody(struct world *w)
{
	w->task.fairness = 0;
	w->round.weight = 0.5;
}

static void a_task_that_tells_nobody_apart(struct world *w)
{
	ask_to_evaluate(w);
	w->task.group[0] = '\0';
}

static void other_dimensions(struct world *w)
{
	ask_to_evaluate(w);
	w->round.dimensions++;
}

static void a_program_that_cannot(struct world *w)
{
	ask_to_evaluate(w);
	w->params.ops = &world_ops;
}

static void test_what_is_refused(void)
{
	static const struct {
		void (*twist)(struct world *w);
		const char *why;
	} rows[] = {
		{ unknown_purpose, "its purpose is not known here" },
		{ a_whisper, "its weight 0.2499 is outside this host's floor of 0.25..1" },
		{ a_shout, "its weight 1.5 is outside this host's floor of 0.25..1" },
		{ a_task_that_weighs_nobody, "it weighs hosts, its task does not" },
		{ a_task_that_tells_nobody_apart, "it tells hosts apart, its task does not" },
		{ other_dimensions, "it asks for " },
		{ a_program_that_cannot, "this host does not evaluate" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct world w;

		world_begin(&w);
		be_frank(&w);
		rows[i].twist(&w);
		CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w.task, w.round.task), 0);
		world_restart(&w);
		world_to_round(&w);
		world_answer_round(&w);
		CU_ASSERT_EQUAL(world_status(&w).refused_round, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(world_status(&w).refused, rows[i].why));
		CU_ASSERT_EQUAL(w.contributions, 0);
		CU_ASSERT_EQUAL(world_charged(&w), 0);
		CU_ASSERT_FALSE(world_status(&w).failing);
		world_done(&w);
	}
}

/* The numbers of the update that was put, in the units of contributions. */
static size_t read_update(struct world *w, double *ret)
{
	const struct tacit_protect_params params = { .clip_norm = w->round.clip_norm };
	struct tacit_update_head head;
	const uint8_t *data;
	struct tacit_reader reader;

	CU_ASSERT_STRING_EQUAL_FATAL(w->path, "/v1/rounds/1/update");
	CU_ASSERT_EQUAL_FATAL(tacit_update_decode(w->body, w->body_len, &head, &data), 0);
	reader = tacit_reader_init(data, (size_t)head.dimensions * 4);
	for (uint32_t i = 0; i < head.dimensions; i++) {
		uint32_t value = tacit_read_u32le(&reader);

		tacit_unprotect(&params, &value, 1, &ret[i]);
	}
	return head.dimensions;
}

/* The slot's own five parts, and nothing anywhere else. */
static void expect_evaluation(const double *value, double clip_norm)
{
	double one = clip_norm / sqrt(5), sum = 0;

	for (size_t i = 0; i < tacit_evaluation_dimensions(SLOTS); i++) {
		if (i / TACIT_EVALUATION_LEN != SLOT)
			CU_ASSERT_EQUAL(value[i], 0);
		sum += value[i];
	}
	CU_ASSERT_DOUBLE_EQUAL(value[SLOT * TACIT_EVALUATION_LEN], one, .001);
	CU_ASSERT_DOUBLE_EQUAL(sum, 2 * one, .001); /* present, and in one bin */
}

static char *sum_of(struct world *w)
{
	struct sqlite3_stmt *row = tacit_db_query(w->db, "SELECT sum_of FROM round", "");
	char *text = NULL;

	if (tacit_db_step(w->db, row) > 0)
		text = tacit_strdup(tacit_db_column_text(row, 0));
	tacit_db_reset(row);
	return text;
}

static void test_an_evaluation(void)
{
	double value[SLOTS * TACIT_EVALUATION_LEN];
	TACIT_AUTO_FREE char *of = NULL;
	struct world w;

	begin(&w);
	ask_to_evaluate(&w);
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w.task, w.round.task), 0);
	world_to_round(&w);
	world_answer_round(&w);
	CU_ASSERT_EQUAL_FATAL(read_update(&w, value), TACIT_ARRAY_LEN(value));
	expect_evaluation(value, w.round.clip_norm);
	CU_ASSERT_EQUAL(w.contributions, 0);
	CU_ASSERT_EQUAL(world_charged(&w), 1); /* as any round */
	of = sum_of(&w);
	CU_ASSERT_STRING_EQUAL(of, "evaluation");
	world_answer(&w, 201, NULL, NULL, 0);
	CU_ASSERT_EQUAL(world_status(&w).accepted, 1);
	CU_ASSERT_EQUAL(world_status(&w).round, 0); /* no release will come of it */
	world_done(&w);
}

static void test_nothing_to_say_yet(void)
{
	struct world w;

	begin(&w);
	evaluated = 0;
	ask_to_evaluate(&w);
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w.task, w.round.task), 0);
	world_to_round(&w);
	world_answer_round(&w);
	CU_ASSERT_EQUAL(world_charged(&w), 0);
	CU_ASSERT_EQUAL(world_status(&w).refused_round, 0);
	CU_ASSERT_FALSE(world_status(&w).failing);
	world_done(&w);
}

/* What is too long is clipped before it is weighed: a weight is one of the sum. */
static void test_a_weight(void)
{
	static const double weights[] = { 0, 1, 0.5, 0.25 };
	static double value[TACIT_PROTECT_DIMS_MAX];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(weights); i++)
		for (int longer = 0; longer <= 1; longer++) {
			double norm = 0, expected;
			struct world w;
			size_t n;

			begin(&w);
			w.round.weight = weights[i];
			if (longer)
				w.task.clip_norm = w.round.clip_norm = 0.1;
			CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&w.task, w.round.task), 0);
			world_to_round(&w);
			world_answer_round(&w);
			n = read_update(&w, value);
			for (size_t k = 0; k < n; k++)
				norm += value[k] * value[k];
			expected = longer ? 0.1 : 0.01 * sqrt((double)n);
			expected *= weights[i] > 0 ? weights[i] : 1;
			CU_ASSERT_DOUBLE_EQUAL(sqrt(norm), expected, expected * .02);
			world_done(&w);
		}
}

/* A restart between joining and masking: what the sum is for is known as before. */
static void test_a_secure_evaluation(void)
{
	for (int restart = 0; restart <= 1; restart++) {
		const struct tacit_protect_params params = { .clip_norm = 1 };
		double value[SLOTS * TACIT_EVALUATION_LEN];
		TACIT_AUTO_FREE char *of = NULL;
		struct sum_world sw;

		sum_begin(&sw);
		be_frank(&sw.w);
		ask_to_evaluate(&sw.w);
		CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&sw.w.task, sw.w.round.task), 0);
		world_restart(&sw.w);
		sum_configure(&sw);
		sum_open(&sw);
		if (restart) {
			CU_ASSERT_TRUE(sum_gets_to(&sw, TACIT_SECAGG_INBOX));
			sw.w.done = NULL;
			world_restart(&sw.w);
		}
		CU_ASSERT_TRUE(sum_ends(&sw));
		CU_ASSERT_EQUAL(sw.vectors, 1);
		sum_check(&sw);
		tacit_unprotect(&params, sw.vector, TACIT_ARRAY_LEN(value), value);
		expect_evaluation(value, 1);
		of = sum_of(&sw.w);
		CU_ASSERT_STRING_EQUAL(of, "evaluation");
		sum_done(&sw);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "what is refused", test_what_is_refused },
		{ "an evaluation", test_an_evaluation },
		{ "nothing to say yet", test_nothing_to_say_yet },
		{ "a weight", test_a_weight },
		{ "a secure evaluation", test_a_secure_evaluation },
		{ NULL, NULL },
	};

	return unit_main("participant_purpose", cases);
}
