/* SPDX-License-Identifier: MIT */
#include "aggregator/server.h"

#include "unit.h"

/* Ever later, to a limit; an old age begins anew. */
static void test_backoff(void)
{
	unsigned deaths = 0;
	uint32_t before = 0;

	CU_ASSERT_EQUAL(tacit_server_backoff_ms(&deaths, 5), 100);
	CU_ASSERT_EQUAL(deaths, 1);
	CU_ASSERT_EQUAL(tacit_server_backoff_ms(&deaths, 5), 200);
	CU_ASSERT_EQUAL(tacit_server_backoff_ms(&deaths, 5), 400);
	for (int i = 0; i < 100; i++) {
		uint32_t wait_ms = tacit_server_backoff_ms(&deaths, 0);

		CU_ASSERT_TRUE(wait_ms >= before);
		before = wait_ms;
	}
	CU_ASSERT_EQUAL(before, 30000);
	CU_ASSERT_EQUAL(tacit_server_backoff_ms(&deaths, 3600000), 100);
	CU_ASSERT_EQUAL(deaths, 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "who dies young is started again ever later", test_backoff },
		{ NULL, NULL },
	};

	return unit_main("server", cases);
}
