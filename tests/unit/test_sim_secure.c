/* SPDX-License-Identifier: MIT */
#include "agent/sim_secure.h"

#include <string.h>

#include <tacit/bytes.h>
#include <tacit/x509.h>

#include "unit.h"

#define HOSTS 40U
#define DIMS  5U

static int64_t now_ms;

static int64_t stand_still(void)
{
	return now_ms;
}

static const struct tacit_sim_secure_params plain = { .hosts = HOSTS,
						      .seed = 1,
						      .boot_ms = stand_still };

static struct tacit_sim_secure *make(const struct tacit_sim_secure_params *params)
{
	struct tacit_sim_secure *secure = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_sim_secure_new(params, &secure), 0);
	return secure;
}

static void test_options(void)
{
	static const char *const bad_drop[] = {
		"",	      "advert",	     "advert=",	   "=0.1",
		"advert=1.1", "advert=-0.1", "advert=nan", "adverts=0.1",
		"adver=0.1",  "advert=0.1x", "new=0.1",	   "consents=0.1"
	};
	static const char *const bad_slow[] = { "",	  "0.1",    "0.1=",   "=5",	    "2=5",
						"0.1=-5", "0.1=5s", "0.1= 5", "0.1=600001", "x=5" };
	struct tacit_sim_secure_params params = { 0 };

	CU_ASSERT_EQUAL(tacit_sim_secure_parse_drop("advert=0.1", &params), 0);
	CU_ASSERT_EQUAL(tacit_sim_secure_parse_drop("shares=0", &params), 0);
	CU_ASSERT_EQUAL(tacit_sim_secure_parse_drop("masked=0.25", &params), 0);
	CU_ASSERT_EQUAL(tacit_sim_secure_parse_drop("consent=1e-3", &params), 0);
	CU_ASSERT_EQUAL(tacit_sim_secure_parse_drop("answer=1", &params), 0);
	CU_ASSERT_EQUAL(params.drop[0], 0.1);
	CU_ASSERT_EQUAL(params.drop[2], 0.25);
	CU_ASSERT_EQUAL(params.drop[3], 1e-3);
	CU_ASSERT_EQUAL(params.drop[4], 1);
	CU_ASSERT_EQUAL(tacit_sim_secure_parse_slow("0.5=1500", &params), 0);
	CU_ASSERT_EQUAL(params.slow, 0.5);
	CU_ASSERT_EQUAL(params.slow_ms, 1500);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad_drop); i++)
		CU_ASSERT_EQUAL(tacit_sim_secure_parse_drop(bad_drop[i], &params), -EINVAL);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad_slow); i++)
		CU_ASSERT_EQUAL(tacit_sim_secure_parse_slow(bad_slow[i], &params), -EINVAL);
	CU_ASSERT_EQUAL(params.slow_ms, 1500);
}

/* How far each host comes in @round; as a string of digits. */
static void play(struct tacit_sim_secure *secure, uint64_t round, char far[HOSTS + 1])
{
	for (unsigned i = 0; i < HOSTS; i++) {
		unsigned stage = TACIT_SECAGG_STAGE_JOINED;

		while (stage <= TACIT_SECAGG_STAGE_ANSWERED &&
		       tacit_sim_secure_speak(secure, i, round, (enum tacit_secagg_stage)stage) >=
			       0)
			stage++;
		far[i] = (char)('0' + stage - TACIT_SECAGG_STAGE_JOINED);
	}
	far[HOSTS] = '\0';
}

static unsigned count(const char *far, char stage)
{
	unsigned n = 0;

	for (; *far; far++)
		n += *far == stage;
	return n;
}

static void test_silence(void)
{
	struct tacit_sim_secure_params params = plain;
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = NULL;
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *again = NULL;
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *other = NULL;
	char first[HOSTS + 1], second[HOSTS + 1], text[160];

	params.drop[0] = 0.1;
	params.drop[2] = 0.25;
	params.drop[4] = 0.05;
	secure = make(&params);
	play(secure, 7, first);
	CU_ASSERT_EQUAL(count(first, '0'), 4);
	CU_ASSERT_EQUAL(count(first, '2'), 10);
	CU_ASSERT_EQUAL(count(first, '4'), 2);
	CU_ASSERT_EQUAL(count(first, '5'), 24);
	tacit_sim_secure_progress(secure, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text,
			       "; round 7: 36 advert, 36 shares, 26 masked, 26 consent, 24 answer");
	for (unsigned i = 0; i < HOSTS; i++)
		CU_ASSERT_EQUAL(tacit_sim_secure_silences(secure, i), first[i] < '5');
	for (unsigned i = 0; i < HOSTS; i++)
		CU_ASSERT_EQUAL(tacit_sim_secure_answers(secure, i), first[i] == '5');

	/* the same in the next round, and with the same seed; others with another */
	play(secure, 8, second);
	CU_ASSERT_STRING_EQUAL(first, second);
	play(secure, 8, second);
	for (unsigned i = 0; i < HOSTS; i++)
		CU_ASSERT_EQUAL(tacit_sim_secure_silences(secure, i), first[i] < '5' ? 2 : 0);
	again = make(&params);
	play(again, 1, second);
	CU_ASSERT_STRING_EQUAL(first, second);
	params.seed = 2;
	other = make(&params);
	play(other, 1, second);
	CU_ASSERT_STRING_NOT_EQUAL(first, second);
}

static void test_slow(void)
{
	struct tacit_sim_secure_params params = plain;
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = NULL;
	unsigned held = 0, long_held = 0;

	params.slow = 0.5;
	params.slow_ms = 1000;
	secure = make(&params);
	for (unsigned i = 0; i < HOSTS; i++) {
		int64_t most = 0;

		for (uint64_t round = 1; round <= 20; round++) {
			int64_t ms =
				tacit_sim_secure_speak(secure, i, round, TACIT_SECAGG_STAGE_JOINED);

			CU_ASSERT(ms >= 0 && ms <= 1000);
			most = ms > most ? ms : most;
		}
		held += most > 0;
		long_held += most > 500;
	}
	CU_ASSERT_EQUAL(held, HOSTS / 2);
	CU_ASSERT_EQUAL(long_held, HOSTS / 2);
}

static void test_too_many(void)
{
	struct tacit_sim_secure_params params = plain;
	struct tacit_sim_secure *secure = NULL;

	params.drop[0] = params.drop[1] = 0.5;
	params.liars = 1;
	CU_ASSERT_EQUAL(tacit_sim_secure_new(&params, &secure), -EINVAL);
	params.liars = 0;
	params.drop[4] = 0.1;
	CU_ASSERT_EQUAL(tacit_sim_secure_new(&params, &secure), -EINVAL);
	params = plain;
	params.liars = HOSTS + 1;
	CU_ASSERT_EQUAL(tacit_sim_secure_new(&params, &secure), -EINVAL);
	CU_ASSERT_PTR_NULL(secure);
	params.liars = HOSTS;
	secure = make(&params);
	tacit_sim_secure_free(secure);
}

static struct tacit_secagg_config make_config(uint64_t round, uint32_t group)
{
	return (struct tacit_secagg_config){
		.round = round, .group = group, .dimensions = DIMS, .scale_bits = 16
	};
}

/* Host @index's vector: near the modulus, so that sums wrap. */
static void fill(uint32_t value[DIMS], uint32_t index)
{
	for (uint32_t i = 0; i < DIMS; i++)
		value[i] = 0xf0000000U + 65537U * index * (i + 1);
}

static void expect_sum(const json_t *sum, const char *alive_bits)
{
	uint8_t bytes[DIMS * 4], digest[32];
	char hex[65];

	for (uint32_t i = 0; i < DIMS; i++) {
		uint64_t exact = 0;

		for (uint32_t k = 0; alive_bits[k]; k++)
			if (alive_bits[k] == '1')
				exact += 0xf0000000U + (uint32_t)(65537U * k * (i + 1));
		for (unsigned b = 0; b < 4; b++)
			bytes[4 * i + b] = (uint8_t)(exact >> 8 * b);
	}
	CU_ASSERT_EQUAL(tacit_sha256(bytes, sizeof(bytes), digest), 0);
	tacit_hex_encode(digest, sizeof(digest), hex);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sum, "sum_sha256")), hex);
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Two groups of four hosts, of which the lists name some. */
static void test_sums(void)
{
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = make(&plain);
	const struct tacit_secagg_config first = make_config(3, 0), second = make_config(3, 1);
	const struct tacit_secagg_survivors most = { 4, (const uint8_t *)"\x0d",
						     (const uint8_t *)"\0" };
	const struct tacit_secagg_survivors few = { 4, (const uint8_t *)"\x06",
						    (const uint8_t *)"\0" };
	uint32_t value[DIMS];
	json_t *report;

	for (uint32_t i = 0; i < 4; i++) {
		fill(value, 3 - i);
		tacit_sim_secure_mask(secure, i, &first, 3 - i, value, DIMS);
		CU_ASSERT_EQUAL(value[1], 0xf0000000U + 65537U * (3 - i) * 2); /* left alone */
		fill(value, i);
		tacit_sim_secure_mask(secure, 4 + i, &second, i, value, DIMS);
	}
	tacit_sim_secure_consent(secure, &first, &most);
	tacit_sim_secure_consent(secure, &first, &most);
	tacit_sim_secure_consent(secure, &second, &few);
	tacit_sim_secure_consent(secure, &second, &most); /* somebody was told another list */
	tacit_sim_secure_mask(secure, 0, &first, 1, value, DIMS); /* and somebody is late */
	report = tacit_sim_secure_report(secure);
	CU_ASSERT_EQUAL_FATAL(json_array_size(report), 2);
	expect_sum(json_array_get(report, 0), "1011");
	expect_sum(json_array_get(report, 1), "0110");
	CU_ASSERT_EQUAL(number(json_array_get(report, 0), "round"), 3);
	CU_ASSERT_EQUAL(number(json_array_get(report, 0), "group"), 0);
	CU_ASSERT_EQUAL(number(json_array_get(report, 0), "hosts"), 4);
	CU_ASSERT_EQUAL(number(json_array_get(report, 0), "survivors"), 3);
	CU_ASSERT_EQUAL(number(json_array_get(report, 0), "dissent"), 0);
	CU_ASSERT_EQUAL(number(json_array_get(report, 1), "group"), 1);
	CU_ASSERT_EQUAL(number(json_array_get(report, 1), "survivors"), 2);
	CU_ASSERT_EQUAL(number(json_array_get(report, 1), "dissent"), 1);
	json_decref(report);
}

/* Sums that nobody can know here: nobody consented, or a survivor is of elsewhere. */
static void test_unknown_sums(void)
{
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = make(&plain);
	const struct tacit_secagg_survivors both = { 2, (const uint8_t *)"\x03",
						     (const uint8_t *)"\0" };
	struct tacit_secagg_config config;
	uint32_t value[DIMS];
	json_t *report, *sum;
	size_t i;

	fill(value, 0);
	for (uint64_t round = 1; round <= 4; round++) {
		config = make_config(round, 0);
		tacit_sim_secure_mask(secure, 0, &config, 0, value, DIMS);
		if (round > 2)
			tacit_sim_secure_consent(secure, &config, &both);
	}
	config = make_config(5, 0); /* a config that changed */
	tacit_sim_secure_mask(secure, 0, &config, 0, value, DIMS - 1);
	tacit_sim_secure_mask(secure, 0, &config, UINT32_MAX, value, DIMS);
	report = tacit_sim_secure_report(secure);
	CU_ASSERT_EQUAL(json_array_size(report), 5);
	json_array_foreach (report, i, sum) {
		CU_ASSERT_TRUE(json_is_null(json_object_get(sum, "sum_sha256")));
		CU_ASSERT_EQUAL(number(sum, "survivors"), i == 2 || i == 3 ? 2 : 0);
	}
	CU_ASSERT_EQUAL(number(json_array_get(report, 4), "hosts"), 0);
	json_decref(report);
}

static void test_liars(void)
{
	struct tacit_sim_secure_params params = plain;
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = NULL;
	const struct tacit_secagg_config config = make_config(1, 0);
	char far[HOSTS + 1];
	unsigned liars = 0;

	params.drop[1] = 0.5;
	params.liars = 3;
	secure = make(&params);
	play(secure, 1, far);
	for (unsigned i = 0; i < HOSTS; i++) {
		uint32_t value[DIMS] = { 0 };

		tacit_sim_secure_mask(secure, i, &config, i, value, DIMS);
		liars += value[0] != 0;
		CU_ASSERT(value[0] == value[DIMS - 1]);
		CU_ASSERT(value[0] == 0 || (value[0] == 100U << 16 && far[i] == '5'));
	}
	CU_ASSERT_EQUAL(liars, 3);
}

/* Host i says its advert i * 10 ms after the first, and its shares all at once, a second later. */
static void test_seconds(void)
{
	TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = make(&plain);
	json_t *seconds, *advert;

	for (unsigned i = 0; i < HOSTS; i++) {
		now_ms = 5000 + 10 * (int64_t)i;
		(void)tacit_sim_secure_speak(secure, i, 2, TACIT_SECAGG_STAGE_JOINED);
	}
	for (unsigned i = 0; i < 10; i++) {
		now_ms = 6000;
		(void)tacit_sim_secure_speak(secure, i, 2, TACIT_SECAGG_STAGE_SHARED);
		(void)tacit_sim_secure_speak(secure, i, 2, TACIT_SECAGG_STAGE_JOINED); /* again */
	}
	seconds = tacit_sim_secure_seconds(secure);
	CU_ASSERT_EQUAL(json_object_size(seconds), 2);
	advert = json_object_get(seconds, "advert");
	CU_ASSERT_EQUAL(number(advert, "hosts"), HOSTS);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(advert, "median")), 0.2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(advert, "last")), 0.39, 1e-9);
	CU_ASSERT_EQUAL(number(json_object_get(seconds, "shares"), "hosts"), 10);
	CU_ASSERT_EQUAL(
		json_real_value(json_object_get(json_object_get(seconds, "shares"), "last")), 0);
	json_decref(seconds);
}

/* What could not be kept is not reported as if it had never been. */
static void test_every_allocation_may_fail(void)
{
	const struct tacit_secagg_config config = make_config(1, 0);
	const struct tacit_secagg_survivors one = { 1, (const uint8_t *)"\x01",
						    (const uint8_t *)"\0" };
	json_t *report = NULL;

	for (int nth = 0; !report && nth < 100; nth++) {
		TACIT_CLEANUP(tacit_sim_secure_free_p) struct tacit_sim_secure *secure = NULL;
		uint32_t value[DIMS] = { 0 };
		int r;

		unit_fail_alloc(nth);
		r = tacit_sim_secure_new(&plain, &secure);
		CU_ASSERT(r == 0 || r == -ENOMEM);
		if (r == 0) {
			(void)tacit_sim_secure_speak(secure, 0, 1, TACIT_SECAGG_STAGE_JOINED);
			tacit_sim_secure_mask(secure, 0, &config, 0, value, DIMS);
			tacit_sim_secure_consent(secure, &config, &one);
			unit_fail_alloc(-1);
			report = tacit_sim_secure_report(secure);
		}
		unit_fail_alloc(-1);
	}
	CU_ASSERT_TRUE(json_is_string(json_object_get(json_array_get(report, 0), "sum_sha256")));
	json_decref(report);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "options", test_options },
		{ "falling silent", test_silence },
		{ "being slow", test_slow },
		{ "more than there are", test_too_many },
		{ "exact sums", test_sums },
		{ "sums that are not known", test_unknown_sums },
		{ "liars", test_liars },
		{ "seconds", test_seconds },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("sim_secure", cases);
}
