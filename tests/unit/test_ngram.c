/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <tacit/mem.h>
#include <tacit/ngram.h>

#include "seed.h"
#include "unit.h"

#define SYMBOLS 5U
#define STREAM	400U

static struct tacit_ngram *make(unsigned order, uint32_t symbols)
{
	const struct tacit_ngram_params params = { order, symbols, TACIT_NGRAM_SEQUENCES_MIN * 8 };
	struct tacit_ngram *ngram = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_ngram_new(&params, &ngram), 0);
	return ngram;
}

/* Symbols that lean on the one before; below @symbols. */
static void draw(struct tacit_random *random, uint16_t *symbol, size_t n, uint32_t symbols)
{
	uint32_t last = 0;

	for (size_t i = 0; i < n; i++) {
		double u = seeded_uniform(random);

		last = u < 0.6 ? (last + 1) % symbols
			       : (uint32_t)(seeded_uniform(random) * symbols) % symbols;
		symbol[i] = (uint16_t)last;
	}
}

/* How often @n symbols occur in the stream, followed by any other. */
static void look_up(const uint16_t *stream, const uint16_t *context, size_t n, double *followed,
		    double *by)
{
	*followed = 0;
	memset(by, 0, SYMBOLS * sizeof(*by));
	for (size_t i = 0; i + n < STREAM; i++)
		if (memcmp(stream + i, context, n * sizeof(*context)) == 0) {
			*followed += 1;
			by[stream[i + n]]++;
		}
}

/* The formula, straight from the stream; @at in @other, a context of at most @n. */
static double expected(const uint16_t *stream, const uint16_t *other, size_t at, size_t n)
{
	double p = 1.0 / SYMBOLS;

	for (size_t k = 0; k <= n && k <= at; k++) {
		double followed, by[SYMBOLS], followers = 0;

		look_up(stream, other + at - k, k, &followed, by);
		for (size_t a = 0; a < SYMBOLS; a++)
			followers += by[a] > 0;
		if (followed == 0)
			break;
		p = (by[other[at]] + followers * p) / (followed + followers);
	}
	return -log(p);
}

static void test_is_witten_bell(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	uint16_t stream[STREAM], other[100];
	double nats[100], sum = 0;

	draw(random, stream, STREAM, SYMBOLS);
	draw(random, other, 100, SYMBOLS);
	for (unsigned order = 1; order <= TACIT_NGRAM_ORDER_MAX; order++) {
		TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(order, SYMBOLS);
		struct tacit_ngram_surprise surprise;

		CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, STREAM), 0);
		tacit_ngram_score(ngram, other, 100, nats, &surprise);
		sum = 0;
		for (size_t i = 0; i < 100; i++) {
			CU_ASSERT_DOUBLE_EQUAL(nats[i], expected(stream, other, i, order - 1),
					       1e-9);
			sum += nats[i];
		}
		CU_ASSERT_EQUAL(surprise.symbols, 100);
		CU_ASSERT_DOUBLE_EQUAL(surprise.mean, sum / 100, 1e-9);
	}
}

/* After any context the chances of all symbols add up to one. */
static void test_is_a_distribution(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(4, SYMBOLS);
	uint16_t stream[STREAM], other[8];

	draw(random, stream, STREAM, SYMBOLS);
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, STREAM), 0);
	for (int round = 0; round < 50; round++) {
		double sum = 0, nats[8];
		struct tacit_ngram_surprise surprise;

		draw(random, other, 8, SYMBOLS);
		for (uint16_t a = 0; a < SYMBOLS; a++) {
			other[7] = a;
			tacit_ngram_score(ngram, other, 8, nats, &surprise);
			sum += exp(-nats[7]);
		}
		CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-9);
	}
}

/* What was heard a hundred times is no surprise; another order of the same symbols is. */
static void test_order_matters(void)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(3, 300);
	struct tacit_ngram_surprise usual, odd, unknown, mixed;
	uint16_t stream[300], back[300], new[300], late[600];

	for (size_t i = 0; i < 300; i++) {
		stream[i] = (uint16_t)(i % 3);
		back[i] = (uint16_t)(2 - i % 3);
		new[i] = 299;
	}
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, 300), 0);
	tacit_ngram_score(ngram, stream, 300, NULL, &usual);
	tacit_ngram_score(ngram, back, 300, NULL, &odd);
	tacit_ngram_score(ngram, new, 300, NULL, &unknown);
	CU_ASSERT(usual.mean < 0.2);
	CU_ASSERT(odd.mean > 2 && unknown.mean > odd.mean);
	CU_ASSERT_DOUBLE_EQUAL(unknown.high, unknown.mean, 0.1);

	memcpy(late, stream, sizeof(stream)); /* odd at its end alone */
	memcpy(late + 300, stream, sizeof(stream));
	memcpy(late + 500, back, TACIT_NGRAM_STRETCH * sizeof(*late));
	tacit_ngram_score(ngram, late, 600, NULL, &mixed);
	CU_ASSERT(mixed.peak > 0.9 * odd.mean && mixed.mean < odd.mean / 3);
	CU_ASSERT(mixed.high < 0.2);
}

static void test_short_streams(void)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(6, 10);
	struct tacit_ngram_surprise surprise;
	const uint16_t few[] = { 1, 2, 3 };

	tacit_ngram_score(ngram, few, 3, NULL, &surprise); /* nothing was learned: all is alike */
	CU_ASSERT_EQUAL(surprise.symbols, 3);
	CU_ASSERT_DOUBLE_EQUAL(surprise.mean, log(10), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(surprise.peak, log(10), 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(surprise.high, log(10), 1.0 / 32);
	tacit_ngram_score(ngram, few, 0, NULL, &surprise);
	CU_ASSERT_EQUAL(surprise.symbols, 0);
	CU_ASSERT_EQUAL(surprise.mean + surprise.high + surprise.peak, 0);
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, few, 0), 0);
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, few, 1), 0);
	CU_ASSERT_EQUAL(tacit_ngram_learned(ngram), 1);
}

/* A gap parts a stream as if there were two. */
static void test_gaps(void)
{
	const uint16_t whole[] = { 1, 2, TACIT_NGRAM_MISSING, 3, 4, TACIT_NGRAM_MISSING };
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *one = make(3, 10);
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *two = make(3, 10);
	struct tacit_ngram_surprise surprise;
	double nats[6], parts[4];

	CU_ASSERT_EQUAL(tacit_ngram_learn(one, whole, 6), 0);
	CU_ASSERT_EQUAL(tacit_ngram_learn(two, whole, 2), 0);
	CU_ASSERT_EQUAL(tacit_ngram_learn(two, whole + 3, 2), 0);
	CU_ASSERT_EQUAL(tacit_ngram_sequences(one), 6);
	CU_ASSERT_EQUAL(tacit_ngram_sequences(two), 6);
	tacit_ngram_score(two, whole, 2, parts, &surprise);
	tacit_ngram_score(two, whole + 3, 2, parts + 2, &surprise);
	tacit_ngram_score(one, whole, 6, nats, &surprise);
	CU_ASSERT_EQUAL(surprise.symbols, 4);
	CU_ASSERT_EQUAL(nats[2] + nats[5], 0);
	CU_ASSERT_EQUAL(nats[1], parts[1]);
	CU_ASSERT_EQUAL(nats[3], parts[2]);
	CU_ASSERT_EQUAL(nats[4], parts[3]);
}

static void test_symbols_beyond(void)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(2, 3);
	const uint16_t far[] = { 2, 700, 65534, 2 };
	double nats[4];
	struct tacit_ngram_surprise surprise;

	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, far, 4), 0);
	CU_ASSERT_EQUAL(tacit_ngram_sequences(ngram), 2); /* all are the last one */
	tacit_ngram_score(ngram, far, 4, nats, &surprise);
	CU_ASSERT_EQUAL(nats[2], nats[3]);
}

static uint8_t *saved(const struct tacit_ngram *ngram, size_t *ret_len)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	uint8_t *data = NULL;

	tacit_ngram_save(ngram, &writer);
	CU_ASSERT_EQUAL_FATAL(tacit_writer_take(&writer, &data, ret_len), 0);
	return data;
}

static void check_loads(const struct tacit_ngram *ngram)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *back = NULL;
	size_t len;
	TACIT_AUTO_FREE uint8_t *data = saved(ngram, &len);
	struct tacit_reader reader = tacit_reader_init(data, len);

	CU_ASSERT_EQUAL(tacit_ngram_load(&reader, &back), 0);
	CU_ASSERT_TRUE(tacit_read_done(&reader));
}

/* Noise without end: memory stays, the recent is known, and the same again is the same again. */
static void test_is_bounded(void)
{
	const struct tacit_ngram_params params = { 6, 1000, TACIT_NGRAM_SEQUENCES_MIN };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *one = NULL;
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *two = NULL;
	TACIT_AUTO_FREE uint8_t *a = NULL, *b = NULL;
	uint16_t noise[2000], habit[100];
	struct tacit_ngram_surprise known, unknown;
	size_t a_len, b_len;

	CU_ASSERT_EQUAL_FATAL(tacit_ngram_new(&params, &one), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ngram_new(&params, &two), 0);
	for (size_t i = 0; i < 100; i++)
		habit[i] = (uint16_t)(i % 4);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 2000; i++)
			noise[i] = (uint16_t)(seeded_uniform(random) * 1000);
		for (int k = 0; k < 20; k++) {
			CU_ASSERT_EQUAL(tacit_ngram_learn(one, noise + 100 * k, 100), 0);
			CU_ASSERT_EQUAL(tacit_ngram_learn(one, habit, 100), 0);
			CU_ASSERT_EQUAL(tacit_ngram_learn(two, noise + 100 * k, 100), 0);
			CU_ASSERT_EQUAL(tacit_ngram_learn(two, habit, 100), 0);
		}
		CU_ASSERT(tacit_ngram_sequences(one) <= TACIT_NGRAM_SEQUENCES_MIN / 4 * 3);
		check_loads(one);
	}
	tacit_ngram_score(one, habit, 100, NULL, &known);
	tacit_ngram_score(one, noise, 100, NULL, &unknown);
	CU_ASSERT(known.mean < 1 && unknown.mean > 5);
	a = saved(one, &a_len);
	b = saved(two, &b_len);
	CU_ASSERT_EQUAL(a_len, b_len);
	CU_ASSERT(a_len == b_len && memcmp(a, b, a_len) == 0);
}

static void test_round_trip(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(5, SYMBOLS);
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *back = NULL;
	struct tacit_ngram_surprise before, after;
	uint16_t stream[2000];
	TACIT_AUTO_FREE uint8_t *data = NULL;
	struct tacit_reader reader;
	size_t len;

	draw(random, stream, 2000, SYMBOLS);
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, 2000), 0);
	data = saved(ngram, &len);
	reader = tacit_reader_init(data, len);
	CU_ASSERT_EQUAL_FATAL(tacit_ngram_load(&reader, &back), 0);
	CU_ASSERT_TRUE(tacit_read_done(&reader));
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, 100), 0);
	CU_ASSERT_EQUAL(tacit_ngram_learn(back, stream, 100), 0);
	tacit_ngram_score(ngram, stream, 2000, NULL, &before);
	tacit_ngram_score(back, stream, 2000, NULL, &after);
	CU_ASSERT_EQUAL(before.mean, after.mean);
	CU_ASSERT_EQUAL(tacit_ngram_sequences(ngram), tacit_ngram_sequences(back));
	for (size_t cut = 0; cut < len; cut += cut < 64 ? 1 : 61) {
		struct tacit_ngram *none = NULL;

		reader = tacit_reader_init(data, cut);
		CU_ASSERT_EQUAL(tacit_ngram_load(&reader, &none), TACIT_EDAMAGED);
		CU_ASSERT_PTR_NULL(none);
	}
}

/* Offsets of the saved form: version 0, order 1, symbols 2, sequences 6, the root 10: its followed
 * 22 and followers 26; their number 30, then key, count, followed and followers of each, from 34.
 */
static void test_hostile_bytes(void)
{
	static const struct {
		size_t at;
		uint8_t byte; /* written over each of @n bytes */
		size_t n;
		int code;
	} rows[] = {
		{ 0, 2, 1, TACIT_ESCHEMA },	{ 0, 0, 1, TACIT_ESCHEMA },
		{ 1, 0, 1, TACIT_EDAMAGED },	{ 1, 7, 1, TACIT_EDAMAGED },
		{ 2, 0, 4, TACIT_EDAMAGED },	{ 2, 255, 4, TACIT_EDAMAGED },
		{ 6, 255, 4, TACIT_EDAMAGED },	{ 6, 0, 4, TACIT_EDAMAGED },
		{ 22, 0, 4, TACIT_EDAMAGED }, /* followers without being followed */
		{ 22, 255, 4, TACIT_EDAMAGED }, { 26, 0, 4, TACIT_EDAMAGED },
		{ 26, 255, 4, TACIT_EDAMAGED }, { 30, 255, 4, TACIT_EDAMAGED },
		{ 34, 0, 8, TACIT_EDAMAGED },	{ 42, 0, 4, TACIT_EDAMAGED },
		{ 42, 255, 4, TACIT_EDAMAGED }, { 46, 255, 4, TACIT_EDAMAGED },
		{ 50, 255, 4, TACIT_EDAMAGED },
	};
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(3, 4);
	const uint16_t stream[] = { 0, 1, 2, 3, 0, 1, 2, 3 };
	TACIT_AUTO_FREE uint8_t *good = NULL;
	size_t len;

	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, 8), 0);
	good = saved(ngram, &len);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		TACIT_AUTO_FREE uint8_t *bad = tacit_memdup(good, len);
		struct tacit_reader reader = tacit_reader_init(bad, len);
		struct tacit_ngram *none = NULL;

		memset(bad + rows[i].at, rows[i].byte, rows[i].n);
		CU_ASSERT_EQUAL(tacit_ngram_load(&reader, &none), rows[i].code);
		CU_ASSERT_PTR_NULL(none);
	}
	{
		TACIT_AUTO_FREE uint8_t *twice = tacit_memdup(good, len);
		struct tacit_reader reader = tacit_reader_init(twice, len);
		struct tacit_ngram *none = NULL;

		memcpy(twice + 54, twice + 34, 20);
		CU_ASSERT_EQUAL(tacit_ngram_load(&reader, &none), TACIT_EDAMAGED);
		CU_ASSERT_PTR_NULL(none);
	}
}

static void test_parameters(void)
{
	static const struct tacit_ngram_params bad[] = {
		{ 0, 10, TACIT_NGRAM_SEQUENCES_MIN },
		{ TACIT_NGRAM_ORDER_MAX + 1, 10, TACIT_NGRAM_SEQUENCES_MIN },
		{ 3, 0, TACIT_NGRAM_SEQUENCES_MIN },
		{ 3, TACIT_NGRAM_SYMBOLS_MAX + 1, TACIT_NGRAM_SEQUENCES_MIN },
		{ 3, 10, 0 },
		{ 3, 10, TACIT_NGRAM_SEQUENCES_MIN / 2 },
		{ 3, 10, TACIT_NGRAM_SEQUENCES_MIN + 1 },
		{ 3, 10, TACIT_NGRAM_SEQUENCES_MAX * 2 },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++) {
		struct tacit_ngram *none = NULL;

		CU_ASSERT_EQUAL(tacit_ngram_new(&bad[i], &none), -EINVAL);
		CU_ASSERT_PTR_NULL(none);
	}
}

static int use_everything(const uint16_t *stream, const uint8_t *data, size_t len)
{
	const struct tacit_ngram_params params = { 6, 4000, TACIT_NGRAM_SEQUENCES_MIN * 2 };
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = NULL;
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *back = NULL;
	struct tacit_reader reader = tacit_reader_init(data, len);
	int r = tacit_ngram_new(&params, &ngram);

	if (r == 0)
		r = tacit_ngram_learn(ngram, stream, 1000);
	return r == 0 ? tacit_ngram_load(&reader, &back) : r;
}

static void test_every_allocation_may_fail(void)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = make(6, 4000);
	TACIT_AUTO_FREE uint8_t *data = NULL;
	uint16_t stream[1000];
	int r = -ENOMEM, nth;
	size_t len;

	for (size_t i = 0; i < 1000; i++)
		stream[i] = (uint16_t)(i * 7);
	CU_ASSERT_EQUAL(tacit_ngram_learn(ngram, stream, 1000), 0);
	data = saved(ngram, &len);
	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = use_everything(stream, data, len);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 7); /* table and growth, fading, loading */
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "chances are Witten's and Bell's", test_is_witten_bell },
		{ "chances add up to one", test_is_a_distribution },
		{ "order matters", test_order_matters },
		{ "short streams", test_short_streams },
		{ "a gap parts a stream", test_gaps },
		{ "symbols beyond the last", test_symbols_beyond },
		{ "memory is bounded, and nothing is left to chance", test_is_bounded },
		{ "round trip", test_round_trip },
		{ "hostile bytes", test_hostile_bytes },
		{ "parameters", test_parameters },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("ngram", cases);
}
