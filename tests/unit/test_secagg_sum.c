/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/secagg_sum.h>

#include "seed.h"
#include "unit.h"

#define HOSTS 10U
#define DIMS  50U

static const uint8_t config[32];

static struct tacit_secagg_sum *new_sum(void)
{
	struct tacit_secagg_sum *sum = NULL;

	if (tacit_secagg_sum_new(HOSTS, DIMS, &sum) < 0)
		abort();
	return sum;
}

static int add(struct tacit_secagg_sum *sum, uint32_t host, const uint32_t *value, uint32_t dims)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	static const uint32_t unopened[] = { 3, 99 };
	struct tacit_secagg_masked masked;

	tacit_secagg_masked_encode(config, host, unopened, 2, value, dims, &writer);
	if (tacit_secagg_masked_decode(config, writer.data, writer.len, &masked) < 0)
		abort();
	return tacit_secagg_sum_add(sum, &masked, writer.data, writer.len);
}

/* Hosts in any order, over any number of partial sums, saved and loaded between: always the same.
 */
static void test_partial_sums(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	struct tacit_secagg_sum *sum[3] = { new_sum(), new_sum(), new_sum() };
	uint32_t value[HOSTS][DIMS], expected[DIMS] = { 0 };

	tacit_random_bytes(random, value, sizeof(value));
	for (uint32_t i = 0; i < HOSTS; i++) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
		size_t to = tacit_random_below(random, 3);

		CU_ASSERT_EQUAL(add(sum[to], i, value[i], DIMS), 0);
		tacit_secagg_sum_save(sum[to], &writer);
		tacit_secagg_sum_free(sum[to]);
		CU_ASSERT_EQUAL_FATAL(tacit_secagg_sum_load(writer.data, writer.len, &sum[to]), 0);
		for (uint32_t j = 0; j < DIMS; j++)
			expected[j] += value[i][j];
	}
	CU_ASSERT_EQUAL(tacit_secagg_sum_merge(sum[0], sum[1]), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_merge(sum[0], sum[2]), 0);
	CU_ASSERT_EQUAL(memcmp(tacit_secagg_sum_get(sum[0]), expected, sizeof(expected)), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_count(sum[0]), HOSTS);
	CU_ASSERT_EQUAL(tacit_secagg_sum_complaints(sum[0], 3), HOSTS);
	CU_ASSERT_EQUAL(tacit_secagg_sum_complaints(sum[0], 4), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_complaints(sum[0], 99), 0);
	for (size_t i = 0; i < 3; i++)
		tacit_secagg_sum_free(sum[i]);
}

static void test_twice(void)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = new_sum();
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *other = new_sum();
	static const uint32_t value[DIMS] = { 5 }, second[DIMS] = { 6 };

	CU_ASSERT_EQUAL(add(sum, 1, value, DIMS), 0);
	CU_ASSERT_EQUAL(add(sum, 1, value, DIMS), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_get(sum)[0], 5);
	CU_ASSERT_EQUAL(add(sum, 1, second, DIMS), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(tacit_secagg_sum_get(sum)[0], 5);
	CU_ASSERT_EQUAL(add(other, 2, value, DIMS), 0);
	CU_ASSERT_EQUAL(add(other, 1, value, DIMS), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_merge(sum, other), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(tacit_secagg_sum_get(sum)[0], 5);
	CU_ASSERT(tacit_secagg_sum_has(sum, 1) && !tacit_secagg_sum_has(sum, 2));
}

static void test_refusals(void)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = new_sum();
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *other = NULL;
	static const uint32_t value[DIMS + 1];
	struct tacit_secagg_sum *none = NULL;

	CU_ASSERT_EQUAL(add(sum, HOSTS, value, DIMS), -EINVAL);
	CU_ASSERT_EQUAL(add(sum, 1, value, DIMS + 1), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_sum_count(sum), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_new(HOSTS, DIMS + 1, &other), 0);
	CU_ASSERT_EQUAL(tacit_secagg_sum_merge(sum, other), -EINVAL);
	CU_ASSERT(!tacit_secagg_sum_has(sum, HOSTS));
	CU_ASSERT_EQUAL(tacit_secagg_sum_new(0, 1, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_sum_new(1, 0, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_sum_new(TACIT_SECAGG_HOSTS_MAX + 1, 1, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_sum_new(1, TACIT_SECAGG_DIMS_MAX + 1, &none), -EINVAL);
	for (int i = 0; i < 3; i++) {
		unit_fail_alloc(i);
		CU_ASSERT_EQUAL(tacit_secagg_sum_new(1, 1, &none), -ENOMEM);
	}
	unit_fail_alloc(-1);
	tacit_secagg_sum_free(NULL);
}

static void test_damage(void)
{
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = new_sum();
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	static const uint32_t value[DIMS];
	struct tacit_secagg_sum *none = NULL;

	CU_ASSERT_EQUAL(add(sum, 1, value, DIMS), 0);
	tacit_secagg_sum_save(sum, &writer);
	for (size_t len = 0; len < writer.len; len++)
		CU_ASSERT_EQUAL(tacit_secagg_sum_load(writer.data, len, &none), TACIT_EDAMAGED);
	for (size_t at = 0; at < 17; at++) { /* the head, and the first flag */
		writer.data[at] ^= 0x20;
		CU_ASSERT_EQUAL(tacit_secagg_sum_load(writer.data, writer.len, &none),
				TACIT_EDAMAGED);
		writer.data[at] ^= 0x20;
	}
	CU_ASSERT_PTR_NULL(none);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "partial sums", test_partial_sums },
		{ "twice the same host", test_twice },
		{ "refusals", test_refusals },
		{ "damage", test_damage },
		{ NULL, NULL },
	};

	return unit_main("secagg_sum", cases);
}
