/* SPDX-License-Identifier: MIT */
/* Whole rounds, hosts and server together: the sum is exact whoever goes, and whoever crashes. */
#include "secagg_world.h"

static void test_nobody_leaves(void)
{
	static const size_t sizes[] = { 4, 5, 9, 20 };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(sizes); i++) {
		WORLD(world, sizes[i], 10, 0);
		size_t n = 1;

		world_run(world, 1, 5);
		world_check_sum(world);
		(void)tacit_secagg_server_culprits(world->server, &n);
		CU_ASSERT_EQUAL(n, 0);
	}
}

/* Two hosts of twelve go, each pair of phases once. */
static void test_leave_in_every_phase(void)
{
	for (int first = 1; first <= 5; first++)
		for (int second = first; second <= 5; second++) {
			WORLD(world, 12, 10, 20);

			world->host[3].leaves = first;
			world->host[8].leaves = second;
			world_run(world, 1, 5);
			world_check_sum(world);
		}
}

/* A sparse graph: 70 hosts, 20 or so neighbours each, a tenth goes. */
static void test_sparse(void)
{
	WORLD(world, 70, 5, 10);

	for (size_t i = 0; i < 7; i++)
		world->host[10 * i].leaves = 2 + (int)i % 4;
	world_run(world, 1, 5);
	CU_ASSERT(tacit_secagg_server_get_params(world->server)->k < 40);
	world_check_sum(world);
}

/* Everybody dies at every step, on either side of it, hosts leave, and the sum is the same. */
static void test_crashes(void)
{
	WORLD(world, 9, 10, 15);

	world->crashes = true;
	world->host[2].leaves = 3;
	world_run(world, 1, 5);
	world_check_sum(world);
	world_restart_server(world);
	world_check_sum(world);
}

/* What a host stored tells of no secret that it no longer needs. */
static bool holds(const struct tacit_secagg_step *step, const void *secret, size_t len)
{
	return memmem(step->state, step->state_len, secret, len) != NULL;
}

static void test_state_forgets(void)
{
	WORLD(world, 5, 0, 0);
	struct world_host *host = &world->host[1];
	uint8_t seeds[96];

	world_run(world, 1, 1);
	CU_ASSERT_FATAL(host->step.state_len > 128);
	/* the three seeds, and the advert's digest behind them */
	memcpy(seeds, host->step.state + host->step.state_len - 128, 96);
	CU_ASSERT(holds(&host->step, seeds, 32) && holds(&host->step, seeds + 64, 32));
	world_run(world, 2, 2);
	CU_ASSERT(!holds(&host->step, seeds, 32) && !holds(&host->step, seeds + 32, 32));
	CU_ASSERT(holds(&host->step, seeds + 64, 32));
	world_run(world, 3, 3);
	CU_ASSERT(!holds(&host->step, seeds + 64, 32));
	world_run(world, 4, 5);
	for (size_t i = 0; i + 36 <= host->step.message_len; i++)
		CU_ASSERT(i < 48 || !holds(&host->step, host->step.message + i, 32));
	world_check_sum(world);
}

/* Too few for the noise: the sum is never listed, let alone unmasked. */
static void test_too_few_survivors(void)
{
	WORLD(world, 12, 10, 10);
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	for (size_t i = 0; i < 3; i++)
		world->host[i].leaves = 3;
	world_run(world, 1, 2);
	for (size_t i = 3; i < world->n; i++) {
		world_advance_host(world, &world->host[i], 2);
		world_deliver(world, i, 3);
	}
	world_merge(world);
	CU_ASSERT_EQUAL(world_close(world, 3, &why), TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_TOO_FEW_SURVIVORS);
	/* one of them comes after all */
	world_advance_host(world, &world->host[0], 2);
	must(tacit_secagg_server_masked(world->server, world->sum[0], world->host[0].step.message,
					world->host[0].step.message_len, NULL));
	world->host[0].leaves = NEVER;
	CU_ASSERT_EQUAL(world_close(world, 3, &why), 0);
	world_run(world, 4, 5);
	world_check_sum(world);
}

/* A host that is late in phase 3 finds itself among those who went, and says nothing more. */
static void test_late_vector(void)
{
	WORLD(world, 8, 0, 15);
	struct world_host *late = &world->host[5];
	struct tacit_secagg_step step = { 0 };
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	WRITER(message);

	world_run(world, 1, 2);
	late->leaves = 3;
	world_run(world, 3, 3);
	world_advance_host(world, late, 2);
	CU_ASSERT_EQUAL(tacit_secagg_server_masked(world->server, world->sum[0], late->step.message,
						   late->step.message_len, &why),
			TACIT_ESTALE);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_OUT_OF_TURN);
	world_message(world, late, 3, &message);
	CU_ASSERT_EQUAL(
		tacit_secagg_host_consent(late->host, message.data, message.len, &step, &why),
		TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_NOT_A_SURVIVOR);
	world_run(world, 4, 5);
	world_check_sum(world);
}

static int try_round(void)
{
	WORLD(world, 5, 0, 0);
	struct tacit_secagg_step step = { 0 };
	struct world_host *host = &world->host[0];
	int nth = 0, r = 0;

	/* one host's five steps, each with every allocation failing once */
	for (int phase = 1; phase <= 5; phase++) {
		WRITER(message);

		for (size_t i = 1; i < world->n; i++)
			world_advance_host(world, &world->host[i], phase - 1);
		world_message(world, host, phase - 1, &message);
		for (nth = 0;; nth++) {
			unit_fail_alloc(nth);
			r = world_step(world, host, phase - 1, message.data, message.len, &step,
				       NULL);
			unit_fail_alloc(-1);
			if (r != -ENOMEM)
				break;
		}
		CU_ASSERT_EQUAL(r, 0);
		world_store(host, &step);
		for (size_t i = 0; i < world->n; i++)
			world_deliver(world, i, phase);
		if (phase == 3)
			world_merge(world);
		must(world_close(world, phase, NULL));
	}
	world_check_sum(world);
	return nth;
}

static void test_out_of_memory(void)
{
	CU_ASSERT(try_round() > 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "nobody leaves", test_nobody_leaves },
		{ "hosts leave in every phase", test_leave_in_every_phase },
		{ "a sparse graph", test_sparse },
		{ "everybody crashes at every step", test_crashes },
		{ "a host's state forgets its secrets", test_state_forgets },
		{ "too few survivors are never unmasked", test_too_few_survivors },
		{ "a late vector", test_late_vector },
		{ "out of memory at every step", test_out_of_memory },
		{ NULL, NULL },
	};

	return unit_main("secagg_round", cases);
}
