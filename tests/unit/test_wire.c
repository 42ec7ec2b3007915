/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include <tacit/cleanup.h>
#include <tacit/wire.h>

#include "unit.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_0 "0000000000000000000000000000000000000000000000000000000000000000"

static const char sound_task[] =
	"{\"classes\":[\"host\",\"nginx.service\"],\"clip_norm\":4.5,\"collect_sec\":3600,"
	"\"kappa\":30,\"kind\":\"gaussian\",\"max_cohort\":0,\"min_cohort\":20,"
	"\"noise_multiplier\":2.0,\"round_sec\":86400,\"schema\":\"" HEX_A "\"}";

static const char sound_round[] =
	"{\"clip_norm\":4.0,\"dimensions\":100,\"left_ms\":5000,\"min_cohort\":2,\"mode\":"
	"\"local\","
	"\"model\":\"" HEX_A "\",\"model_version\":3,\"noise_multiplier\":0,\"round\":7,"
	"\"task\":\"" HEX_A "\"}";

static int parse_task(const char *json, size_t len, char why[160])
{
	struct tacit_task task, before;
	int r;

	memset(&task, 0x5a, sizeof(task));
	before = task;
	r = tacit_task_parse(json, len, &task, why, 160);
	if (r < 0)
		CU_ASSERT_EQUAL(memcmp(&task, &before, sizeof(task)), 0);
	return r;
}

static int parse_round(const char *json, size_t len, char why[160])
{
	struct tacit_round_doc round, before;
	int r;

	memset(&round, 0x5a, sizeof(round));
	before = round;
	r = tacit_round_parse(json, len, &round, why, 160);
	if (r < 0)
		CU_ASSERT_EQUAL(memcmp(&round, &before, sizeof(round)), 0);
	return r;
}

/* @sound with one member replaced by @value, which is JSON; without it when NULL. */
static char *with_member(const char *sound, const char *name, const char *value)
{
	json_t *object = json_loads(sound, 0, NULL);
	json_t *json = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	if (value && strcmp(value, "huge") == 0)
		json = json_integer(INT64_MAX);
	if (json)
		(void)json_object_set_new(object, name, json);
	else
		(void)json_object_del(object, name);
	text = json_dumps(object, JSON_REAL_PRECISION(17));
	json_decref(object);
	return text;
}

static void test_task_round_trip(void)
{
	static const char begins[] = "{\"aggregation\":\"sum\",\"classes\":[\"host\",\"nginx."
				     "service\"],\"clip_norm\":4.5,";
	struct tacit_task task, back;
	TACIT_AUTO_FREE char *text = NULL;
	TACIT_AUTO_FREE char *again = NULL;
	char why[160];

	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(sound_task, strlen(sound_task), &task, why, 160), 0);
	CU_ASSERT_STRING_EQUAL(task.kind, "gaussian");
	CU_ASSERT_EQUAL(task.schema[31], 0xaa);
	CU_ASSERT_EQUAL(task.clip_norm, 4.5);
	CU_ASSERT_EQUAL(task.kappa, 30);
	CU_ASSERT_EQUAL(task.round_sec, 86400);
	CU_ASSERT_EQUAL(task.n_classes, 2);
	CU_ASSERT_STRING_EQUAL(task.class[1], "nginx.service");
	text = tacit_task_format(&task);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(text, strlen(text), &back, why, 160), 0);
	again = tacit_task_format(&back);
	CU_ASSERT_STRING_EQUAL(text, again);
	CU_ASSERT_PTR_NULL(strchr(text, ' '));
	CU_ASSERT_EQUAL(strncmp(text, begins, strlen(begins)), 0);
}

static void test_task_without_secure_members(void)
{
	static const char secure[] =
		"{\"classes\":[\"host\"],\"clip_norm\":1,\"collect_sec\":3600,\"kappa\":30,"
		"\"kind\":\"gaussian\",\"max_cohort\":0,\"min_cohort\":20,\"noise_multiplier\":2,"
		"\"round_sec\":86400,\"schema\":\"" HEX_A "\",\"mode\":\"distributed\","
		"\"aggregation\":\"trimmed-mean\",\"server\":\"semi-honest\",\"corrupt\":0.05,"
		"\"dropout\":0.123456}";
	struct tacit_task task;

	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(sound_task, strlen(sound_task), &task, NULL, 0), 0);
	CU_ASSERT_EQUAL(task.mode, TACIT_TASK_AUTO);
	CU_ASSERT_EQUAL(task.aggregation, TACIT_AGGREGATION_SUM);
	CU_ASSERT_EQUAL(task.threat.server, TACIT_SECAGG_SEMI_MALICIOUS);
	CU_ASSERT_EQUAL(task.threat.corrupt_ppm, 100000);
	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(secure, strlen(secure), &task, NULL, 0), 0);
	CU_ASSERT_EQUAL(task.mode, TACIT_TASK_DISTRIBUTED);
	CU_ASSERT_EQUAL(task.aggregation, TACIT_AGGREGATION_TRIMMED_MEAN);
	CU_ASSERT_EQUAL(task.threat.server, TACIT_SECAGG_SEMI_HONEST);
	CU_ASSERT_EQUAL(task.threat.corrupt_ppm, 50000);
	CU_ASSERT_EQUAL(task.threat.dropout_ppm, 123456);
}

static void test_resources(void)
{
	for (unsigned i = TACIT_SECAGG_CONFIG; i <= TACIT_SECAGG_ANSWER; i++)
		CU_ASSERT_EQUAL(tacit_secagg_resource_type(
					tacit_secagg_resource((enum tacit_secagg_type)i)),
				i);
	CU_ASSERT_EQUAL(tacit_secagg_resource_type("/update"), 0);
	CU_ASSERT_EQUAL(tacit_secagg_resource_type("/advert/"), 0);
	CU_ASSERT_EQUAL(tacit_secagg_resource_type(""), 0);
}

static void test_digest_is_stable(void)
{
	static const double awkward[] = {
		0.1, 1.0 / 3, 1e-6, 123456.789012345678, 5e-324, 999999.9
	};
	static const uint8_t schema[32] = { 1 };
	uint8_t a[32], b[32];
	struct tacit_task task, back;

	tacit_task_init(&task, schema);
	CU_ASSERT_EQUAL(tacit_task_check(&task, NULL, 0), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(awkward); i++) {
		TACIT_AUTO_FREE char *text = NULL;

		task.noise_multiplier = awkward[i] < 1000 ? awkward[i] : 1;
		task.kappa = awkward[i] < 10000 ? awkward[i] : 1;
		task.clip_norm = awkward[i] < 1e-6 ? 1 : awkward[i];
		text = tacit_task_format(&task);
		CU_ASSERT_EQUAL_FATAL(tacit_task_parse(text, strlen(text), &back, NULL, 0), 0);
		CU_ASSERT_EQUAL(back.clip_norm, task.clip_norm);
		CU_ASSERT_EQUAL(back.noise_multiplier, task.noise_multiplier);
		CU_ASSERT_EQUAL(tacit_task_digest(&task, a), 0);
		CU_ASSERT_EQUAL(tacit_task_digest(&back, b), 0);
		CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
	}
	task.min_cohort++;
	CU_ASSERT_EQUAL(tacit_task_digest(&task, b), 0);
	CU_ASSERT(memcmp(a, b, 32) != 0);
}

static void test_largest_task_fits(void)
{
	static const uint8_t schema[32];
	struct tacit_task task, back;
	TACIT_AUTO_FREE char *text = NULL;

	tacit_task_init(&task, schema);
	task.n_classes = TACIT_FLEET_CLASSES_MAX;
	for (size_t i = 0; i < task.n_classes; i++)
		(void)snprintf(task.class[i], sizeof(task.class[i]), "%064zu", i);
	text = tacit_task_format(&task);
	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(text, strlen(text), &back, NULL, 0), 0);
	CU_ASSERT_EQUAL(back.n_classes, TACIT_FLEET_CLASSES_MAX);
	CU_ASSERT_STRING_EQUAL(back.class[63], task.class[63]);
}

struct bad_member {
	const char *name, *value;
};

static const struct bad_member bad_in_task[] = {
	{ "kind", NULL },
	{ "kind", "7" },
	{ "kind", "\"\"" },
	{ "kind", "\"Gaussian\"" },
	{ "kind", "\"gaussiangaussian\"" },
	{ "kind", "\"../x\"" },
	{ "schema", NULL },
	{ "schema", "\"aa\"" },
	{ "schema", "\"" HEX_A "aa\"" },
	{ "schema", "1" },
	{ "schema", "\"AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"" },
	{ "clip_norm", NULL },
	{ "clip_norm", "0" },
	{ "clip_norm", "-1" },
	{ "clip_norm", "1e7" },
	{ "clip_norm", "\"4\"" },
	{ "clip_norm", "null" },
	{ "clip_norm", "1e-7" },
	{ "noise_multiplier", NULL },
	{ "noise_multiplier", "-0.1" },
	{ "noise_multiplier", "1001" },
	{ "noise_multiplier", "[2]" },
	{ "mode", "\"secure\"" },
	{ "mode", "2" },
	{ "aggregation", "\"median\"" },
	{ "server", "\"honest\"" },
	{ "corrupt", "-0.1" },
	{ "corrupt", "0.51" },
	{ "corrupt", "\"0.1\"" },
	{ "dropout", "0.500001" },
	{ "evaluate_every", "-1" },
	{ "evaluate_every", "10001" },
	{ "evaluate_every", "1.5" },
	{ "group", "7" },
	{ "group", "\"a label\"" },
	{ "group", "\"$.x\"" },
	{ "group", "\"0123456789012345678901234567890123\"" },
	{ "fairness", "-0.1" },
	{ "fairness", "4.1" },
	{ "fairness", "\"1\"" },
	{ "kappa", NULL },
	{ "kappa", "-1" },
	{ "kappa", "10001" },
	{ "kappa", "true" },
	{ "min_cohort", NULL },
	{ "min_cohort", "0" },
	{ "min_cohort", "-20" },
	{ "min_cohort", "20.0" },
	{ "min_cohort", "1000001" },
	{ "min_cohort", "\"20\"" },
	{ "min_cohort", "4294967316" },
	{ "min_cohort", "huge" },
	{ "max_cohort", NULL },
	{ "max_cohort", "-1" },
	{ "max_cohort", "19" },
	{ "max_cohort", "1000001" },
	{ "round_sec", NULL },
	{ "round_sec", "0" },
	{ "round_sec", "604801" },
	{ "collect_sec", NULL },
	{ "collect_sec", "0" },
	{ "collect_sec", "86401" },
	{ "collect_sec", "1e3" },
	{ "classes", NULL },
	{ "classes", "[]" },
	{ "classes", "\"host\"" },
	{ "classes", "{}" },
	{ "classes", "[1]" },
	{ "classes", "[\"\"]" },
	{ "classes", "[\"a b\"]" },
	{ "classes", "[\"a\",\"b\",\"a\"]" },
	{ "classes", "[[\"a\"]]" },
	{ "classes", "[\"a/b\"]" },
	{ "classes", "[\"0123456789012345678901234567890123456789012345678901234567890123x\"]" },
};

static void test_task_members(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad_in_task); i++) {
		const struct bad_member *bad = &bad_in_task[i];
		TACIT_AUTO_FREE char *text = with_member(sound_task, bad->name, bad->value);
		char why[160] = "";

		CU_ASSERT_EQUAL(parse_task(text, strlen(text), why), TACIT_ESCHEMA);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, bad->name));
	}
}

static void test_too_many_classes(void)
{
	json_t *object = json_loads(sound_task, 0, NULL);
	json_t *list = json_object_get(object, "classes");
	TACIT_AUTO_FREE char *text = NULL;
	char name[16];

	for (int i = 0; i < 63; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		(void)json_array_append_new(list, json_string(name));
	}
	text = json_dumps(object, 0);
	CU_ASSERT_EQUAL(parse_task(text, strlen(text), NULL), TACIT_ESCHEMA);
	json_decref(object);
}

static const struct bad_member bad_in_round[] = {
	{ "purpose", "7" },
	{ "slots", "0" },
	{ "slots", "17" },
	{ "slot", "16" },
	{ "slot", "0" }, /* of how many? */
	{ "weight", "0" },
	{ "weight", "-1" },
	{ "weight", "1e7" },
	{ "weight", "\"1\"" },
	{ "round", NULL },
	{ "round", "0" },
	{ "round", "-1" },
	{ "round", "7.0" },
	{ "round", "\"7\"" },
	{ "mode", NULL },
	{ "mode", "\"secure\"" },
	{ "mode", "1" },
	{ "mode", "\"\"" },
	{ "task", NULL },
	{ "task", "\"xyz\"" },
	{ "model", NULL },
	{ "model", "\"" HEX_0 "\"" },
	{ "model_version", NULL },
	{ "model_version", "-1" },
	{ "model_version", "1.5" },
	{ "dimensions", NULL },
	{ "dimensions", "0" },
	{ "dimensions", "1048577" },
	{ "dimensions", "4294967396" },
	{ "dimensions", "huge" },
	{ "clip_norm", NULL },
	{ "clip_norm", "0" },
	{ "noise_multiplier", "-1" },
	{ "noise_multiplier", "null" },
	{ "min_cohort", NULL },
	{ "min_cohort", "0" },
	{ "left_ms", NULL },
	{ "left_ms", "-1" },
	{ "left_ms", "4294967296" },
};

static void test_round_members(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad_in_round); i++) {
		const struct bad_member *bad = &bad_in_round[i];
		TACIT_AUTO_FREE char *text = with_member(sound_round, bad->name, bad->value);
		char why[160] = "";

		CU_ASSERT_EQUAL(parse_round(text, strlen(text), why), TACIT_ESCHEMA);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, bad->name));
	}
}

static void test_round_round_trip(void)
{
	struct tacit_round_doc round;
	TACIT_AUTO_FREE char *text = NULL;
	TACIT_AUTO_FREE char *first = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_round_parse(sound_round, strlen(sound_round), &round, NULL, 0),
			      0);
	CU_ASSERT_EQUAL(round.round, 7);
	CU_ASSERT_EQUAL(round.mode, TACIT_MODE_LOCAL);
	CU_ASSERT_EQUAL(round.model_version, 3);
	CU_ASSERT_EQUAL(round.dimensions, 100);
	CU_ASSERT_EQUAL(round.left_ms, 5000);
	CU_ASSERT_EQUAL(round.noise_multiplier, 0);
	text = tacit_round_format(&round);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(parse_round(text, strlen(text), NULL), 0);

	round.model_version = 0;
	memset(round.model, 0, sizeof(round.model));
	round.round = INT64_MAX;
	first = tacit_round_format(&round);
	CU_ASSERT_EQUAL_FATAL(tacit_round_parse(first, strlen(first), &round, NULL, 0), 0);
	CU_ASSERT_EQUAL(round.round, INT64_MAX);
	CU_ASSERT_EQUAL(round.model_version, 0);
}

/* Rounds and tasks of before hosts were told apart are as they were. */
static void test_without_purposes(void)
{
	TACIT_AUTO_FREE char *text = NULL;
	struct tacit_round_doc round;
	struct tacit_task task;

	CU_ASSERT_EQUAL_FATAL(tacit_round_parse(sound_round, strlen(sound_round), &round, NULL, 0),
			      0);
	CU_ASSERT_EQUAL(round.purpose, TACIT_PURPOSE_LEARN);
	CU_ASSERT_EQUAL(round.slots, 0);
	CU_ASSERT_EQUAL(round.weight, 0);
	text = tacit_round_format(&round);
	CU_ASSERT_PTR_NULL(strstr(text, "purpose"));
	CU_ASSERT_PTR_NULL(strstr(text, "slot"));
	CU_ASSERT_PTR_NULL(strstr(text, "weight"));
	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(sound_task, strlen(sound_task), &task, NULL, 0), 0);
	CU_ASSERT_EQUAL(task.evaluate_every, 8);
	CU_ASSERT_STRING_EQUAL(task.group, "");
	CU_ASSERT_EQUAL(task.fairness, 0);
}

static void test_purposes(void)
{
	TACIT_AUTO_FREE char *later = with_member(sound_round, "purpose", "\"rehearse\"");
	struct tacit_round_doc round, back;
	TACIT_AUTO_FREE char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_round_parse(later, strlen(later), &round, NULL, 0), 0);
	CU_ASSERT_EQUAL(round.purpose, TACIT_PURPOSE_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(tacit_purpose_name(TACIT_PURPOSE_EVALUATE), "evaluate");
	CU_ASSERT_PTR_NULL(tacit_purpose_name(TACIT_PURPOSE_UNKNOWN));
	round.purpose = TACIT_PURPOSE_EVALUATE;
	round.slots = TACIT_EVALUATION_SLOTS_MAX;
	round.slot = round.slots - 1;
	round.weight = 1. / 3;
	text = tacit_round_format(&round);
	CU_ASSERT_EQUAL_FATAL(tacit_round_parse(text, strlen(text), &back, NULL, 0), 0);
	CU_ASSERT_EQUAL(back.purpose, TACIT_PURPOSE_EVALUATE);
	CU_ASSERT_EQUAL(back.slots, round.slots);
	CU_ASSERT_EQUAL(back.slot, round.slot);
	CU_ASSERT_EQUAL(back.weight, round.weight);
}

static void test_unknown_members_are_skipped(void)
{
	TACIT_AUTO_FREE char *task = with_member(sound_task, "future", "{\"a\":[1,null]}");
	TACIT_AUTO_FREE char *round = with_member(sound_round, "future", "true");

	CU_ASSERT_EQUAL(parse_task(task, strlen(task), NULL), 0);
	CU_ASSERT_EQUAL(parse_round(round, strlen(round), NULL), 0);
}

static void test_documents_that_are_not_json(void)
{
	static const char *const texts[] = {
		"",
		"{",
		"{\"kind\"}",
		"{\"a\":1,\"a\":2}",
		"{\"clip_norm\":1e999}",
		"{\"clip_norm\":NaN}",
		"{\"clip_norm\":Infinity}",
		"{\"min_cohort\":1"
		"000000000000000000000}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xff\"}",
		"{}{}",
		"{\"\\u0000\":1}",
		"<html>",
	};
	static char deep[TACIT_WIRE_JSON_MAX + 1];
	char why[160];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(texts); i++) {
		why[0] = '\0';
		CU_ASSERT_EQUAL(parse_task(texts[i], strlen(texts[i]), why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "not JSON"));
		CU_ASSERT_EQUAL(parse_round(texts[i], strlen(texts[i]), NULL), -EINVAL);
	}
	CU_ASSERT_EQUAL(parse_task("[]", 2, why), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(parse_task("{}", 2, why), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(parse_round("[]", 2, NULL), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(parse_task(sound_task, sizeof(sound_task), why), -EINVAL); /* its NUL */
	for (size_t len = 0; len + 1 < sizeof(sound_task); len++)
		CU_ASSERT_EQUAL(parse_task(sound_task, len, NULL), -EINVAL);
	memset(deep, '[', sizeof(deep));
	CU_ASSERT_EQUAL(parse_task(deep, sizeof(deep) - 1, why), -EINVAL);
	CU_ASSERT_EQUAL(parse_task(deep, sizeof(deep), why), -E2BIG);
	CU_ASSERT_EQUAL(parse_round(deep, sizeof(deep), NULL), -E2BIG);
}

static void test_check(void)
{
	static const uint8_t schema[32];
	struct tacit_task task;
	char why[160] = "";

	tacit_task_init(&task, schema);
	task.clip_norm = NAN;
	CU_ASSERT_EQUAL(tacit_task_check(&task, why, sizeof(why)), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "clip_norm"));
	CU_ASSERT_PTR_NULL(tacit_task_format(&task));
	task.clip_norm = 1;
	task.noise_multiplier = INFINITY;
	CU_ASSERT_EQUAL(tacit_task_check(&task, NULL, 0), -EINVAL);
	task.noise_multiplier = 1;
	task.n_classes = TACIT_FLEET_CLASSES_MAX + 1;
	CU_ASSERT_EQUAL(tacit_task_check(&task, why, sizeof(why)), -EINVAL);
	task.n_classes = 1;
	memset(task.kind, 'a', sizeof(task.kind));
	CU_ASSERT_EQUAL(tacit_task_check(&task, why, sizeof(why)), -EINVAL);
}

static void encode_sound(struct tacit_writer *writer)
{
	struct tacit_update_head head = { .mode = TACIT_MODE_LOCAL, .round = 7, .dimensions = 3 };
	const uint32_t value[] = { 1, 0x80000000, UINT32_MAX };

	memset(head.task, 0x11, sizeof(head.task));
	memset(head.model, 0x22, sizeof(head.model));
	tacit_update_encode(&head, value, writer);
}

static void test_update_round_trip(void)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_update_head head = { 0 };
	const uint8_t *value = NULL;

	encode_sound(&writer);
	CU_ASSERT_EQUAL(writer.len, tacit_update_len(3));
	CU_ASSERT_EQUAL(memcmp(writer.data, "TACU\1\0\1\0\7\0\0\0\0\0\0\0\x11", 17), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_update_decode(writer.data, writer.len, &head, &value), 0);
	CU_ASSERT_EQUAL(head.mode, TACIT_MODE_LOCAL);
	CU_ASSERT_EQUAL(head.round, 7);
	CU_ASSERT_EQUAL(head.task[31], 0x11);
	CU_ASSERT_EQUAL(head.model[0], 0x22);
	CU_ASSERT_EQUAL(head.dimensions, 3);
	CU_ASSERT_EQUAL(memcmp(value, "\1\0\0\0\0\0\0\x80\xff\xff\xff\xff", 12), 0);
}

static int decode_changed(size_t at, uint8_t byte, size_t len)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_update_head head;
	const uint8_t *value;

	encode_sound(&writer);
	writer.data[at] = byte;
	return tacit_update_decode(writer.data, len, &head, &value);
}

static void test_update_refusals(void)
{
	const size_t whole = tacit_update_len(3);

	for (size_t len = 0; len < 4; len++)
		CU_ASSERT_EQUAL(decode_changed(0, 'T', len), TACIT_ESCHEMA);
	for (size_t len = 4; len < whole; len++)
		CU_ASSERT_EQUAL(decode_changed(0, 'T', len), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(decode_changed(0, 'X', whole), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(decode_changed(4, 2, whole), TACIT_ESCHEMA); /* format */
	CU_ASSERT_EQUAL(decode_changed(6, 0, whole), TACIT_ESCHEMA); /* mode */
	CU_ASSERT_EQUAL(decode_changed(6, 2, whole), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(decode_changed(7, 1, whole), TACIT_ESCHEMA); /* reserved */
	CU_ASSERT_EQUAL(decode_changed(8, 0, whole), TACIT_ESCHEMA); /* round 0 */
	CU_ASSERT_EQUAL(decode_changed(15, 0x80, whole), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(decode_changed(80, 0, whole), TACIT_ESCHEMA); /* no dimensions */
	CU_ASSERT_EQUAL(decode_changed(80, 2, whole), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(decode_changed(80, 4, whole), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(decode_changed(83, 0xff, whole), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(decode_changed(82, 0x10, whole), TACIT_ESCHEMA); /* one above the limit */
}

static void *json_alloc(size_t size)
{
	return tacit_calloc(size, 1);
}

/* jansson calls some of its own failures a syntax error, and its text buffer drops a byte. */
static void test_every_allocation_may_fail(void)
{
	struct tacit_task task;
	uint8_t digest[32];
	int r = -1, worst = 0;

	json_set_alloc_funcs(json_alloc, tacit_free);
	for (int nth = 0; nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = parse_task(sound_task, strlen(sound_task), NULL);
		worst += r < 0;
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(worst > 20);
	unit_fail_alloc(-1);
	CU_ASSERT_EQUAL_FATAL(tacit_task_parse(sound_task, strlen(sound_task), &task, NULL, 0), 0);
	r = -ENOMEM;
	for (int nth = 0; r == -ENOMEM && nth < 200; nth++) {
		unit_fail_alloc(nth);
		r = tacit_task_digest(&task, digest);
	}
	unit_fail_alloc(-1);
	CU_ASSERT_EQUAL(r, 0);
	json_set_alloc_funcs(malloc, free);
}

static void test_names(void)
{
	CU_ASSERT_STRING_EQUAL(tacit_mode_name(TACIT_MODE_LOCAL), "local");
	CU_ASSERT_STRING_EQUAL(tacit_mode_name(TACIT_MODE_DISTRIBUTED), "distributed");
	CU_ASSERT_PTR_NULL(tacit_mode_name((enum tacit_mode)0));
	CU_ASSERT_PTR_NULL(tacit_mode_name((enum tacit_mode)99));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "task round trip", test_task_round_trip },
		{ "a task of before secure sums", test_task_without_secure_members },
		{ "resources of a secure sum", test_resources },
		{ "a task's digest is stable", test_digest_is_stable },
		{ "the largest task fits", test_largest_task_fits },
		{ "a task's members", test_task_members },
		{ "too many classes", test_too_many_classes },
		{ "a round's members", test_round_members },
		{ "round round trip", test_round_round_trip },
		{ "without purposes", test_without_purposes },
		{ "purposes", test_purposes },
		{ "unknown members are skipped", test_unknown_members_are_skipped },
		{ "documents that are not JSON", test_documents_that_are_not_json },
		{ "check", test_check },
		{ "update round trip", test_update_round_trip },
		{ "update refusals", test_update_refusals },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ "names", test_names },
		{ NULL, NULL },
	};

	return unit_main("wire", cases);
}
