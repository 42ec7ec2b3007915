/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "agent/poisson.h"

/* Garwood's table, as half the quantiles of chi-squared. */
static void test_table(void)
{
	static const struct {
		uint64_t count;
		double low, high;
	} table[] = {
		{ 0, 0, 3.6889 },	 { 1, 0.0253, 5.5716 },	     { 2, 0.2422, 7.2247 },
		{ 10, 4.7954, 18.3904 }, { 100, 81.3640, 121.6270 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		double low, high;

		tacit_poisson_interval(table[i].count, &low, &high);
		CU_ASSERT_DOUBLE_EQUAL(low, table[i].low, 1e-3);
		CU_ASSERT_DOUBLE_EQUAL(high, table[i].high, 1e-3);
	}
}

static void test_large(void)
{
	double low, high;

	tacit_poisson_interval(10000, &low, &high);
	CU_ASSERT(low > 9800 && low < 9810);
	CU_ASSERT(high > 10190 && high < 10200);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a published table", test_table },
		{ "large counts", test_large },
		{ NULL, NULL },
	};

	return unit_main("poisson", cases);
}
