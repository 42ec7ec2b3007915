/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <tacit/fleet.h>
#include <tacit/protect.h>

#include "samples.h"
#include "unit.h"

static const char *const class_names[] = { "nginx.service", "user@.service", "cron" };

static const struct tacit_model_kind *gaussian(void)
{
	return tacit_model_kind_find("gaussian");
}

static struct tacit_fleet *make(size_t classes)
{
	struct tacit_fleet *fleet = NULL;

	CU_ASSERT_EQUAL_FATAL(
		tacit_fleet_new(gaussian(), &samples_space, class_names, classes, &fleet), 0);
	return fleet;
}

static struct tacit_model *learned(struct tacit_random *random, double shift)
{
	struct tacit_model *model = NULL;
	double x[SAMPLES_DIMS];
	const struct tacit_sample sample = { .x = x, .observed = samples_all };

	CU_ASSERT_EQUAL_FATAL(gaussian()->new (&samples_space, &model), 0);
	for (unsigned i = 0; i < 400; i++) {
		samples_draw(random, shift, x);
		CU_ASSERT_EQUAL_FATAL(gaussian()->learn(model, &sample, 1), 0);
	}
	return model;
}

static void test_names(void)
{
	static const char *const bad[] = { "", "a b", "a/b", "\xc3\xa4", "a\n", "a\"", "a,b" };
	static const char *const twice[] = { "a", "b", "a" };
	static const char *const spoilt[] = { "a", "b c" };
	char longest[TACIT_FLEET_CLASS_NAME_MAX + 2] = { 0 };
	struct tacit_fleet *none = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(!tacit_fleet_class_name_is_valid(bad[i]));
	memset(longest, 'x', TACIT_FLEET_CLASS_NAME_MAX);
	CU_ASSERT(tacit_fleet_class_name_is_valid(longest));
	longest[TACIT_FLEET_CLASS_NAME_MAX] = 'x';
	CU_ASSERT(!tacit_fleet_class_name_is_valid(longest));
	CU_ASSERT(tacit_fleet_class_name_is_valid("A-z0.9_:@"));
	CU_ASSERT_EQUAL(tacit_fleet_new(gaussian(), &samples_space, twice, 3, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_fleet_new(gaussian(), &samples_space, spoilt, 2, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_fleet_new(gaussian(), &samples_space, twice, 0, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_fleet_new(gaussian(), &samples_space, twice,
					TACIT_FLEET_CLASSES_MAX + 1, &none),
			-EINVAL);
	CU_ASSERT_PTR_NULL(none);
}

static void test_new(void)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = make(3);

	CU_ASSERT_EQUAL(tacit_fleet_head(fleet)->version, 0);
	CU_ASSERT_PTR_EQUAL(tacit_fleet_kind(fleet), gaussian());
	CU_ASSERT_EQUAL(tacit_fleet_classes(fleet), 3);
	CU_ASSERT_STRING_EQUAL(tacit_fleet_class_name(fleet, 1), "user@.service");
	CU_ASSERT_EQUAL(tacit_fleet_find(fleet, "cron"), 2);
	CU_ASSERT_EQUAL(tacit_fleet_find(fleet, "cro"), -ENOENT);
	CU_ASSERT_EQUAL(tacit_fleet_dimensions(fleet),
			3 * tacit_fleet_section_len(gaussian(), &samples_space));
	CU_ASSERT(tacit_fleet_section_len(gaussian(), &samples_space) >
		  gaussian()->contribution_len(&samples_space));
	CU_ASSERT_EQUAL(gaussian()->check(&samples_space, tacit_fleet_block(fleet, 2)), 0);
}

static void test_slots(void)
{
	static const char *const classes[] = { "host", "slot:0.2", "slot:1.2" };
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	unsigned in_slot[3] = { 0 };

	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(gaussian(), &samples_space, classes, 3, &fleet), 0);
	CU_ASSERT_EQUAL(tacit_fleet_class_of(fleet, "host"), 0);
	CU_ASSERT_EQUAL(tacit_fleet_class_of(fleet, "slot:1.2"), 2);
	for (unsigned i = 0; i < 100; i++) {
		char name[32];
		int at;

		(void)snprintf(name, sizeof(name), "unit-%u.service", i);
		at = tacit_fleet_class_of(fleet, name);
		CU_ASSERT_FATAL(at >= 1 && at <= 2);
		CU_ASSERT_EQUAL(tacit_fleet_class_of(fleet, name), at);
		CU_ASSERT_EQUAL(tacit_fleet_find(fleet, name), -ENOENT);
		in_slot[at]++;
	}
	CU_ASSERT(in_slot[1] > 30 && in_slot[2] > 30);
}

/* A list that somebody wrote by hand, and none at all. */
static void test_slots_that_lack(void)
{
	static const char *const some[] = { "host", "slot:0.9" };
	static const char *const odd[] = { "host", "slot:0.0", "slot:x" };
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL, *none = make(3);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *strange = NULL;
	unsigned lost = 0;

	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(gaussian(), &samples_space, some, 2, &fleet), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(gaussian(), &samples_space, odd, 3, &strange), 0);
	for (unsigned i = 0; i < 20; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "unit-%u.service", i);
		lost += tacit_fleet_class_of(fleet, name) == -ENOENT;
		CU_ASSERT_EQUAL(tacit_fleet_class_of(none, name), -ENOENT);
		CU_ASSERT_EQUAL(tacit_fleet_class_of(strange, name), -ENOENT);
	}
	CU_ASSERT(lost > 0 && lost < 21);
}

static void test_contribute_averages_scopes(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = make(3);
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *a = learned(random, 0);
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *b = learned(random, 1);
	const struct tacit_fleet_scope scopes[] = { { .model = a, .class_of = 2 },
						    { .model = b, .class_of = 0 },
						    { .model = b, .class_of = 2 },
						    { .model = a, .class_of = -1 } };
	size_t len = gaussian()->contribution_len(&samples_space);
	size_t section = tacit_fleet_section_len(gaussian(), &samples_space);
	double out[200], of_a[100], of_b[100];

	CU_ASSERT_FATAL(len < 100 && tacit_fleet_dimensions(fleet) < 200);
	memset(out, 0x55, sizeof(out));
	CU_ASSERT_EQUAL(tacit_fleet_contribute(fleet, scopes, 4, out), 0);
	gaussian()->contribute(a, tacit_fleet_block(fleet, 0), of_a);
	gaussian()->contribute(b, tacit_fleet_block(fleet, 0), of_b);
	for (size_t i = 0; i < len; i++) {
		CU_ASSERT_EQUAL(out[i], of_b[i]);
		CU_ASSERT_EQUAL(out[section + i], 0);
		CU_ASSERT_DOUBLE_EQUAL(out[2 * section + i], (of_a[i] + of_b[i]) / 2, 1e-15);
	}
	CU_ASSERT_EQUAL(tacit_fleet_contribute(fleet, NULL, 0, out), 0);
	for (size_t i = 0; i < 3 * section; i++)
		CU_ASSERT_EQUAL(out[i], 0);
}

/* The whole way of a round without noise, through clipping and the grid. */
static void test_round(void)
{
	static const struct tacit_protect_params params = { .clip_norm = 2 };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = make(2);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	const struct tacit_fleet_head head = { .version = 4, .round = 9, .created_ms = -5 };
	size_t len = tacit_fleet_dimensions(fleet);
	struct tacit_sum sum = { .updates = 10 };
	double value[200], back[200];
	uint32_t total[200] = { 0 }, update[200];

	tacit_fleet_set_head(fleet, &head);
	for (unsigned host = 0; host < 10; host++) {
		TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random, 0);
		const struct tacit_fleet_scope scope = { .model = model, .class_of = 1 };

		CU_ASSERT_EQUAL(tacit_fleet_contribute(fleet, &scope, 1, value), 0);
		CU_ASSERT_EQUAL_FATAL(tacit_protect(&params, value, len, random, update), 0);
		for (size_t i = 0; i < len; i++)
			total[i] += update[i];
	}
	tacit_unprotect(&params, total, len, back);
	sum.value = back;
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_absorb(fleet, &sum, &next), 0);
	CU_ASSERT_EQUAL(memcmp(tacit_fleet_head(next), &head, sizeof(head)), 0);
	CU_ASSERT_STRING_EQUAL(tacit_fleet_class_name(next, 1), "user@.service");
	for (size_t j = 0; j < SAMPLES_DIMS; j++) {
		const float *known = tacit_fleet_block(next, 1) + 3 * j;

		CU_ASSERT_EQUAL(tacit_fleet_block(next, 0)[3 * j], 0); /* nobody ran that class */
		CU_ASSERT_DOUBLE_EQUAL(known[0], 10 / 11.0, 1e-2);
		CU_ASSERT_DOUBLE_EQUAL(known[1], 2 + (double)j / 2, 0.1);
		CU_ASSERT_DOUBLE_EQUAL(sqrt((double)known[2]), 0.3 + 0.05 * (double)j, 0.05);
	}
}

/* A release of two classes: every block different, a signature of five bytes. */
static void encode(struct tacit_writer *writer)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random, 0);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = make(2);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	const struct tacit_fleet_scope scopes[] = { { .model = model, .class_of = 0 },
						    { .model = model, .class_of = 1 } };
	struct tacit_fleet_head head = { .version = 4, .round = 9, .created_ms = -5 };
	double value[200];
	const struct tacit_sum sum = { .value = value, .updates = 1 };

	memset(head.schema, 0xab, sizeof(head.schema));
	CU_ASSERT_EQUAL(tacit_fleet_contribute(fleet, scopes, 2, value), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_absorb(fleet, &sum, &next), 0);
	tacit_fleet_set_head(next, &head);
	tacit_fleet_encode(next, writer);
	tacit_write_u16le(writer, 5);
	tacit_write_bytes(writer, "12345", 5);
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer bytes = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer again = { 0 };
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	const uint8_t *signature = NULL;
	size_t covered = 0, signature_len = 0;

	encode(&bytes);
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_decode(bytes.data, bytes.len, &samples_space, &fleet,
						 &covered, &signature, &signature_len),
			      0);
	CU_ASSERT_EQUAL(tacit_fleet_head(fleet)->version, 4);
	CU_ASSERT_EQUAL(tacit_fleet_head(fleet)->round, 9);
	CU_ASSERT_EQUAL(tacit_fleet_head(fleet)->created_ms, -5);
	CU_ASSERT_EQUAL(tacit_fleet_head(fleet)->schema[31], 0xab);
	CU_ASSERT_EQUAL(covered, bytes.len - 7);
	CU_ASSERT(signature_len == 5 && memcmp(signature, "12345", 5) == 0);
	tacit_fleet_encode(fleet, &again);
	CU_ASSERT(again.len == covered && memcmp(again.data, bytes.data, covered) == 0);
}

static float level_of(const struct tacit_fleet *fleet, size_t class)
{
	return tacit_fleet_ladders(fleet, class)[TACIT_STATISTIC_MAX_Z].level[2];
}

/* What a host of this kind has for thresholds reaches the release; classes without any say so. */
static void test_ladders(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random, 0);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = make(2);
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	struct tacit_threshold *threshold[TACIT_STATISTIC_COUNT];
	struct tacit_fleet_scope scope = { .model = model, .threshold = threshold, .class_of = 1 };
	double value[200], at;
	struct tacit_sum sum = { .value = value, .updates = 20 };

	for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++) {
		CU_ASSERT_EQUAL_FATAL(tacit_threshold_new((enum tacit_statistic)s, &threshold[s]),
				      0);
		for (unsigned i = 0; i < TACIT_THRESHOLD_KEEP; i++)
			tacit_threshold_learn(threshold[s], 9 - log(seeded_uniform(random)));
	}
	CU_ASSERT_EQUAL(tacit_fleet_contribute(fleet, &scope, 1, value), 0);
	for (size_t i = 0; i < tacit_fleet_dimensions(fleet); i++)
		value[i] *= 20;
	CU_ASSERT_EQUAL_FATAL(tacit_fleet_absorb(fleet, &sum, &next), 0);
	CU_ASSERT(!tacit_score_ladder_is_known(tacit_fleet_ladders(next, 0)));
	CU_ASSERT(tacit_score_ladder_is_known(tacit_fleet_ladders(next, 1)));
	CU_ASSERT_EQUAL(tacit_threshold_get(threshold[TACIT_STATISTIC_MAX_Z], 1e-3, &at), 0);
	CU_ASSERT_DOUBLE_EQUAL((double)level_of(next, 1), log(at), 0.05);
	tacit_fleet_copy_class(next, 0, next, 1);
	CU_ASSERT_EQUAL(level_of(next, 0), level_of(next, 1));
	CU_ASSERT_STRING_EQUAL(tacit_fleet_class_name(next, 0), class_names[0]);
	for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
		tacit_threshold_free(threshold[s]);
}

/* As releases were before they had ladders: what can be known from them is. */
static void test_older_format(void)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer bytes = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer older = { 0 };
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	const size_t class_len[] = { 2 + 13 + 96, 2 + 13 + 96 },
		     ladders = TACIT_STATISTIC_COUNT * 28;

	encode(&bytes);
	tacit_write_bytes(&older, bytes.data, 80);
	older.data[4] = 1;
	tacit_write_bytes(&older, bytes.data + 82, 2 + class_len[0]);
	tacit_write_bytes(&older, bytes.data + 84 + class_len[0] + ladders, class_len[1]);
	tacit_write_bytes(&older, bytes.data + bytes.len - 7, 7);
	CU_ASSERT_EQUAL_FATAL(
		tacit_fleet_decode(older.data, older.len, &samples_space, &fleet, NULL, NULL, NULL),
		0);
	CU_ASSERT_EQUAL(tacit_fleet_head(fleet)->version, 4);
	CU_ASSERT(tacit_fleet_block(fleet, 1)[0] > 0);
	CU_ASSERT(!tacit_score_ladder_is_known(tacit_fleet_ladders(fleet, 1)));
}

static int decode(const uint8_t *data, size_t len)
{
	struct tacit_fleet *fleet = NULL;
	int r = tacit_fleet_decode(data, len, &samples_space, &fleet, NULL, NULL, NULL);

	CU_ASSERT((r == 0) == (fleet != NULL));
	tacit_fleet_free(fleet);
	return r;
}

/* Offsets: magic 0, format 4, kind length 6, kind 8, schema 16, version 48, round 56, created 64,
 * dims 72, groups 76, statistics 80, classes 82, first name's length 84, name 86 (13 bytes), block
 * 99, of 8 * 12 bytes, its first ladder 195. */
static void test_hostile_bytes(void)
{
	static const struct {
		size_t at;
		uint8_t byte;
		size_t n;
		int code;
	} rows[] = {
		{ 0, 'X', 1, TACIT_ESCHEMA },	  { 4, 3, 1, TACIT_ESCHEMA },
		{ 6, 255, 2, TACIT_EDAMAGED },	  { 8, 'x', 1, TACIT_ESCHEMA },
		{ 9, 0, 1, TACIT_EDAMAGED },	  { 72, 9, 1, TACIT_ESCHEMA },
		{ 75, 255, 1, TACIT_ESCHEMA },	  { 76, 255, 4, TACIT_ESCHEMA },
		{ 82, 0, 2, TACIT_EDAMAGED },	  { 82, 1, 1, TACIT_EDAMAGED },
		{ 82, 3, 1, TACIT_EDAMAGED },	  { 82, 255, 2, TACIT_EDAMAGED },
		{ 84, 0, 1, TACIT_EDAMAGED },	  { 84, 255, 2, TACIT_EDAMAGED },
		{ 86, '/', 1, TACIT_EDAMAGED },	  { 99, 255, 4, TACIT_EDAMAGED },
		{ 102, 0x40, 1, TACIT_EDAMAGED }, { 106, 0x7f, 1, TACIT_EDAMAGED },
		{ 107, 0, 4, TACIT_EDAMAGED },	  { 107, 255, 4, TACIT_EDAMAGED },
		{ 4, 1, 1, TACIT_EDAMAGED },	  { 80, 255, 2, TACIT_EDAMAGED },
		{ 80, 0, 1, TACIT_EDAMAGED },	  { 195, 255, 4, TACIT_EDAMAGED },
		{ 199, 255, 4, TACIT_EDAMAGED },  { 222, 0xbf, 1, TACIT_EDAMAGED },
	};
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer good = { 0 };

	encode(&good);
	CU_ASSERT_EQUAL(decode(good.data, good.len), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TACIT_AUTO_FREE uint8_t *bad = tacit_memdup(good.data, good.len);

		memset(bad + rows[i].at, rows[i].byte, rows[i].n);
		CU_ASSERT_EQUAL(decode(bad, good.len), rows[i].code);
	}
	for (size_t len = 0; len < good.len; len++)
		CU_ASSERT_EQUAL(decode(good.data, len), TACIT_EDAMAGED);
	tacit_write_u8(&good, 0);
	CU_ASSERT_EQUAL(decode(good.data, good.len), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(decode(good.data, TACIT_FLEET_BYTES_MAX + 1), -E2BIG);
}

static void test_same_class_twice(void)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer bytes = { 0 };
	static const char *const names[] = { "aa", "bb" };
	uint8_t *second = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_fleet_new(gaussian(), &samples_space, names, 2, &fleet), 0);
	tacit_fleet_encode(fleet, &bytes);
	tacit_write_u16le(&bytes, 0);
	CU_ASSERT_EQUAL(decode(bytes.data, bytes.len), 0);
	second = memmem(bytes.data, bytes.len, "bb", 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	memcpy(second, "aa", 2);
	CU_ASSERT_EQUAL(decode(bytes.data, bytes.len), TACIT_EDAMAGED);
}

static void test_long_signature(void)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = make(1);

	for (unsigned over = 0; over < 2; over++) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer bytes = { 0 };

		tacit_fleet_encode(fleet, &bytes);
		tacit_write_u16le(&bytes, (uint16_t)(TACIT_FLEET_SIGNATURE_MAX + over));
		for (unsigned i = 0; i < TACIT_FLEET_SIGNATURE_MAX + over; i++)
			tacit_write_u8(&bytes, 1);
		CU_ASSERT_EQUAL(decode(bytes.data, bytes.len), over ? TACIT_EDAMAGED : 0);
	}
}

static int use_everything(const uint8_t *data, size_t len, const struct tacit_model *model)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *decoded = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	double value[200] = { 0 };
	const struct tacit_sum sum = { .value = value, .updates = 1 };
	const struct tacit_fleet_scope scope = { .model = model, .class_of = 0 };
	int r = tacit_fleet_new(gaussian(), &samples_space, class_names, 2, &fleet);

	if (r == 0)
		r = tacit_fleet_decode(data, len, &samples_space, &decoded, NULL, NULL, NULL);
	if (r == 0)
		r = tacit_fleet_contribute(fleet, &scope, 1, value);
	if (r == 0)
		r = tacit_fleet_absorb(fleet, &sum, &next);
	return r;
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = learned(random, 0);
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer bytes = { 0 };
	int r = -ENOMEM, nth;

	encode(&bytes);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = use_everything(bytes.data, bytes.len, model);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(nth, 11);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "names", test_names },
		{ "new", test_new },
		{ "slots", test_slots },
		{ "slots that lack", test_slots_that_lack },
		{ "contribute averages scopes", test_contribute_averages_scopes },
		{ "round", test_round },
		{ "round trip", test_round_trip },
		{ "ladders", test_ladders },
		{ "older format", test_older_format },
		{ "hostile bytes", test_hostile_bytes },
		{ "same class twice", test_same_class_twice },
		{ "long signature", test_long_signature },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("fleet", cases);
}
