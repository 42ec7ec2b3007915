/* SPDX-License-Identifier: MIT */
#include "aggregator/chain.h"

#include "fleet.h"
#include "unit.h"

static int append(struct fleet *fleet, int64_t at_ms, const char *event, const char *subject)
{
	return tacit_chain_append(fleet->db, &(struct tacit_chain_entry){ .at_ms = at_ms,
									  .event = event,
									  .subject = subject,
									  .token = 3 });
}

static void fill(struct fleet *fleet)
{
	CU_ASSERT_EQUAL(append(fleet, 1, "token", ""), 0);
	CU_ASSERT_EQUAL(append(fleet, 2, "enrolled", "a"), 0);
	CU_ASSERT_EQUAL(append(fleet, 3, "enrolled", "b"), 0);
	CU_ASSERT_EQUAL(append(fleet, 4, "revoked", "a"), 0);
}

static void test_an_empty_log_holds(void)
{
	FLEET(fleet);
	uint8_t head[TACIT_CHAIN_LEN], none[TACIT_CHAIN_LEN] = { 0 };
	uint64_t n;

	CU_ASSERT_EQUAL(tacit_chain_verify(fleet.db, &n, head), 0);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(memcmp(head, none, sizeof(head)), 0);
}

static void test_every_entry_moves_the_head(void)
{
	FLEET(fleet);
	uint8_t before[TACIT_CHAIN_LEN], after[TACIT_CHAIN_LEN];
	uint64_t n;

	fill(&fleet);
	CU_ASSERT_EQUAL(tacit_chain_verify(fleet.db, &n, before), 0);
	CU_ASSERT_EQUAL(n, 4);
	CU_ASSERT_EQUAL(append(&fleet, 4, "revoked", "a"), 0);
	CU_ASSERT_EQUAL(tacit_chain_verify(fleet.db, &n, after), 0);
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_NOT_EQUAL(memcmp(before, after, sizeof(before)), 0);
}

static void test_what_was_done_to_it_shows(void)
{
	static const struct {
		const char *sql;
		uint64_t holds;
	} deeds[] = {
		{ "UPDATE enrolment SET at_ms = 0 WHERE seq = 1", 0 },
		{ "UPDATE enrolment SET subject = 'c' WHERE seq = 2", 1 },
		{ "UPDATE enrolment SET event = 'revoked' WHERE seq = 3", 2 },
		{ "UPDATE enrolment SET token = 4 WHERE seq = 3", 2 },
		{ "UPDATE enrolment SET chain = zeroblob(32) WHERE seq = 4", 3 },
		{ "UPDATE enrolment SET chain = x'00' WHERE seq = 4", 3 },
		{ "DELETE FROM enrolment WHERE seq = 2", 1 },
		{ "UPDATE enrolment SET seq = 9 WHERE seq = 4", 3 },
		/* one byte from one field to its neighbour */
		{ "UPDATE enrolment SET event = 'enrolledb', subject = '' WHERE seq = 3", 2 },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(deeds); i++) {
		FLEET(fleet);
		uint8_t head[TACIT_CHAIN_LEN];
		uint64_t n = 99;

		fill(&fleet);
		CU_ASSERT_EQUAL(tacit_db_run(fleet.db, deeds[i].sql, ""), 0);
		CU_ASSERT_EQUAL(tacit_chain_verify(fleet.db, &n, head), TACIT_EDAMAGED);
		CU_ASSERT_EQUAL(n, deeds[i].holds);
	}
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = append(&fleet, 1, "token", "");
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 1);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM enrolment"), 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "an empty log holds", test_an_empty_log_holds },
		{ "every entry moves the head", test_every_entry_moves_the_head },
		{ "what was done to it shows", test_what_was_done_to_it_shows },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("chain", cases);
}
