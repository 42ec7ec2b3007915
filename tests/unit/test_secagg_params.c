/* SPDX-License-Identifier: MIT */
#include <tacit/cleanup.h>
#include <tacit/secagg_params.h>

#include "unit.h"

#define HONEST	  TACIT_SECAGG_SEMI_HONEST
#define MALICIOUS TACIT_SECAGG_SEMI_MALICIOUS

static void check(enum tacit_secagg_server_kind server, uint32_t gamma, uint32_t delta, uint32_t n,
		  uint32_t k, uint32_t t)
{
	const struct tacit_secagg_threat threat = { server, gamma, delta };
	struct tacit_secagg_params params = { 0 };

	CU_ASSERT_EQUAL(tacit_secagg_params_find(&threat, n, &params), 0);
	CU_ASSERT(params.n == n && params.k == k && params.t == t);
	CU_ASSERT_EQUAL(tacit_secagg_params_check(&threat, &params), 0);
}

/* The table that the protocol was designed with: semi-malicious. */
static void test_table(void)
{
	static const uint32_t hosts[] = { 100, 512, 1000, 10000 };
	static const struct {
		uint32_t gamma, delta;
		struct {
			uint32_t k, t;
		} params[4];
	} row[] = {
		{ 50000, 50000, { { 16, 11 }, { 44, 31 }, { 52, 37 }, { 62, 44 } } },
		{ 100000, 100000, { { 32, 22 }, { 82, 57 }, { 96, 67 }, { 122, 85 } } },
		{ 100000, 200000, { { 52, 32 }, { 152, 97 }, { 194, 124 }, { 280, 179 } } },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(row); i++)
		for (size_t j = 0; j < TACIT_ARRAY_LEN(hosts); j++)
			check(MALICIOUS, row[i].gamma, row[i].delta, hosts[j], row[i].params[j].k,
			      row[i].params[j].t);
}

/* n, gamma, delta in millionths; k, t semi-honest; k, t semi-malicious. Computed apart, in rational
 * numbers, from the definition. */
static const uint32_t exact[][7] = {
	{ 64, 0, 50000, 6, 2, 8, 5 },
	{ 64, 0, 0, 2, 2, 2, 2 },
	{ 64, 50000, 50000, 8, 4, 10, 7 },
	{ 64, 100000, 100000, 14, 7, 20, 14 },
	{ 64, 100000, 200000, 18, 7, 32, 20 },
	{ 64, 200000, 100000, 20, 13, 26, 20 },
	{ 64, 10000, 300000, 20, 2, 40, 21 },
	{ 64, 333000, 50000, 26, 22, 28, 25 },
	{ 100, 0, 50000, 8, 2, 12, 7 },
	{ 100, 0, 0, 2, 2, 2, 2 },
	{ 100, 50000, 50000, 12, 6, 16, 11 },
	{ 100, 100000, 100000, 22, 11, 32, 22 },
	{ 100, 100000, 200000, 28, 11, 52, 32 },
	{ 100, 200000, 100000, 32, 21, 42, 32 },
	{ 100, 10000, 300000, 24, 2, 60, 31 },
	{ 100, 333000, 50000, 34, 29, 42, 37 },
	{ 512, 0, 50000, 14, 2, 20, 11 },
	{ 512, 0, 0, 2, 2, 2, 2 },
	{ 512, 50000, 50000, 26, 15, 44, 31 },
	{ 512, 100000, 100000, 42, 24, 82, 57 },
	{ 512, 100000, 200000, 58, 28, 152, 97 },
	{ 512, 200000, 100000, 60, 39, 116, 86 },
	{ 512, 10000, 300000, 34, 6, 156, 81 },
	{ 512, 333000, 50000, 68, 53, 112, 93 },
	{ 1000, 0, 50000, 14, 2, 22, 12 },
	{ 1000, 0, 0, 2, 2, 2, 2 },
	{ 1000, 50000, 50000, 30, 17, 52, 37 },
	{ 1000, 100000, 100000, 48, 27, 96, 67 },
	{ 1000, 100000, 200000, 66, 31, 194, 124 },
	{ 1000, 200000, 100000, 68, 44, 140, 104 },
	{ 1000, 10000, 300000, 42, 11, 210, 111 },
	{ 1000, 333000, 50000, 78, 60, 138, 114 },
};

static void test_exact(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(exact); i++) {
		check(HONEST, exact[i][1], exact[i][2], exact[i][0], exact[i][3], exact[i][4]);
		check(MALICIOUS, exact[i][1], exact[i][2], exact[i][0], exact[i][5], exact[i][6]);
	}
}

static void test_complete_below_64(void)
{
	struct tacit_secagg_params params;

	for (uint32_t n = TACIT_SECAGG_HOSTS_MIN; n < TACIT_SECAGG_SPARSE_MIN; n++)
		check(MALICIOUS, 100000, 0, n, n - 1, 2 * n / 3 + 1);
	check(MALICIOUS, 100000, 200000, 7, 6, 5);
	check(HONEST, 100000, 200000, 63, 62, 43);
	/* one of five gone leaves three neighbours of four that are needed */
	CU_ASSERT_EQUAL(
		tacit_secagg_params_find(
			&(const struct tacit_secagg_threat){ MALICIOUS, 0, 200000 }, 5, &params),
		-ERANGE);
	/* half corrupt: 9 of 18 could sign for two lists */
	CU_ASSERT_EQUAL(
		tacit_secagg_params_find(
			&(const struct tacit_secagg_threat){ MALICIOUS, 500000, 0 }, 18, &params),
		-ERANGE);
}

/* What a server may not talk a host into. */
static void test_check_refuses(void)
{
	const struct tacit_secagg_threat threat = { MALICIOUS, 100000, 100000 };
	const struct tacit_secagg_threat honest = { HONEST, 100000, 100000 };
	static const struct tacit_secagg_params weak[] = {
		{ 1000, 96, 66 }, /* threshold too low */
		{ 1000, 94, 65 },
		{ 1000, 10, 8 },
		{ 512, 511, 281 },
	};
	static const struct tacit_secagg_params none[] = {
		{ 1000, 95, 70 }, { 1000, 96, 97 },   { 1000, 96, 1 }, { 1000, 1000, 700 },
		{ 3, 2, 2 },	  { 100001, 96, 70 }, { 1000, 0, 0 },  { 2000, 1002, 800 },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(weak); i++)
		CU_ASSERT_EQUAL(tacit_secagg_params_check(&threat, &weak[i]), TACIT_EREFUSED);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(none); i++)
		CU_ASSERT_EQUAL(tacit_secagg_params_check(&threat, &none[i]), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_params_check(&honest, &weak[0]), 0);
	CU_ASSERT_EQUAL(tacit_secagg_params_check(
				&threat, &(const struct tacit_secagg_params){ 512, 511, 282 }),
			0);
}

static void test_bad_arguments(void)
{
	static const struct tacit_secagg_threat bad[] = {
		{ 0, 0, 0 },
		{ 3, 0, 0 },
		{ HONEST, 500001, 0 },
		{ HONEST, 0, 500001 },
	};
	const struct tacit_secagg_threat good = { HONEST, 0, 0 };
	struct tacit_secagg_params params;

	for (size_t i = 0; i < TACIT_ARRAY_LEN(bad); i++)
		CU_ASSERT_EQUAL(tacit_secagg_params_find(&bad[i], 100, &params), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_params_find(&good, 3, &params), -EINVAL);
	CU_ASSERT_EQUAL(tacit_secagg_params_find(&good, 100001, &params), -EINVAL);
}

static void test_honest_survivors(void)
{
	const struct tacit_secagg_threat tenths = { MALICIOUS, 100000, 200000 };
	const struct tacit_secagg_threat all = { MALICIOUS, 500000, 500000 };

	CU_ASSERT_EQUAL(tacit_secagg_honest(&tenths, 1000), 700);
	CU_ASSERT_EQUAL(tacit_secagg_survivors_min(&tenths, 1000), 800);
	CU_ASSERT_EQUAL(tacit_secagg_honest(&tenths, 19), 13);
	CU_ASSERT_EQUAL(tacit_secagg_survivors_min(&tenths, 19), 14);
	CU_ASSERT_EQUAL(tacit_secagg_honest(&all, 1000), 0);
	for (uint32_t n = 4; n < 2000; n++) { /* enough is never more than stay */
		CU_ASSERT(tacit_secagg_survivors_min(&tenths, n) <= n - n / 5);
		CU_ASSERT(tacit_secagg_survivors_min(&tenths, n) - n / 10 ==
			  tacit_secagg_honest(&tenths, n));
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the table", test_table },
		{ "as in rational numbers", test_exact },
		{ "complete below 64 hosts", test_complete_below_64 },
		{ "a host refuses weak parameters", test_check_refuses },
		{ "bad arguments", test_bad_arguments },
		{ "honest survivors", test_honest_survivors },
		{ NULL, NULL },
	};

	return unit_main("secagg_params", cases);
}
