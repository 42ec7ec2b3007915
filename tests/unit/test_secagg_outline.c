/* SPDX-License-Identifier: MIT */
/* A server beside another one, that holds no boxes: it tells hosts the same, byte by byte, and
 * unmasks the same sum once it was given them. */
#include "secagg_world.h"

/* The SHARES that came, as a database keeps them. */
struct kept {
	uint8_t *data[WORLD_MAX]; /* by place */
	size_t len[WORLD_MAX];
	size_t fetched;
};

static void kept_done(struct kept *kept)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		tacit_free(kept->data[i]);
}

static int fetch(void *ctx, uint32_t dealer, size_t offset, size_t len, uint8_t *ret)
{
	struct kept *kept = (struct kept *)ctx;

	if (!kept->data[dealer] || offset + len > kept->len[dealer])
		return TACIT_EDAMAGED;
	memcpy(ret, kept->data[dealer] + offset, len);
	kept->fetched++;
	return 0;
}

static int fetch_nothing(void *ctx, uint32_t dealer, size_t offset, size_t len, uint8_t *ret)
{
	(void)ctx;
	(void)dealer;
	(void)offset;
	(void)len;
	(void)ret;
	return -EIO;
}

/* As it is written down, and read again: never with boxes. */
static struct tacit_secagg_server *again(struct world *world, struct tacit_secagg_server *server)
{
	struct tacit_secagg_server *ret = NULL;
	WRITER(outline);

	tacit_secagg_server_outline(server, &outline);
	must(tacit_secagg_server_load(&world->identity, outline.data, outline.len, &ret));
	return ret;
}

static struct tacit_secagg_server *renew(struct world *world, struct tacit_secagg_server *server)
{
	struct tacit_secagg_server *ret = again(world, server);

	tacit_secagg_server_free(server);
	return ret;
}

static bool same(const struct tacit_writer *a, const struct tacit_writer *b)
{
	return a->len == b->len && a->len > 0 && memcmp(a->data, b->data, a->len) == 0;
}

/* Phase 2: each host's SHARES go to the full server, are kept, and noted in the outline. */
static void share(struct world *world, struct tacit_secagg_server *outline, struct kept *kept)
{
	for (size_t i = 0; i < world->n; i++) {
		struct world_host *host = &world->host[i];
		uint32_t place = UINT32_MAX;

		if (host->leaves <= 2)
			continue;
		world_advance_host(world, host, 1);
		must(tacit_secagg_server_check_shares(outline, host->step.message,
						      host->step.message_len, &place, NULL));
		CU_ASSERT_EQUAL(place, host->index);
		CU_ASSERT_FALSE(tacit_secagg_server_has_shared(outline, place));
		CU_ASSERT_EQUAL(tacit_secagg_server_attach_shares(outline, host->step.message,
								  host->step.message_len),
				tacit_secagg_reason_code(TACIT_SECAGG_OUT_OF_TURN));
		tacit_secagg_server_note_shares(outline, place);
		CU_ASSERT(tacit_secagg_server_has_shared(outline, place));
		kept->data[place] = tacit_memdup(host->step.message, host->step.message_len);
		kept->len[place] = host->step.message_len;
		world_deliver(world, i, 2);
	}
	must(world_close(world, 2, NULL));
	must(tacit_secagg_server_deliver(outline, NULL));
}

static void compare_inboxes(const struct world *world, const struct tacit_secagg_server *outline,
			    struct kept *kept)
{
	uint32_t k = tacit_secagg_server_get_params(outline)->k;

	for (size_t i = 0; i < world->n; i++) {
		uint32_t host = world->host[i].index;
		WRITER(full);
		WRITER(fetched);
		WRITER(failed);

		kept->fetched = 0;
		must(tacit_secagg_server_inbox(world->server, host, &full));
		must(tacit_secagg_server_fetch_inbox(outline, host, fetch, kept, &fetched));
		CU_ASSERT(same(&full, &fetched));
		CU_ASSERT(kept->fetched > 0 && kept->fetched <= k);
		CU_ASSERT_EQUAL(tacit_secagg_server_fetch_inbox(outline, host, fetch_nothing, NULL,
								&failed),
				-EIO);
	}
}

/* Phase 3, into one sum for the outline. */
static void mask(struct world *world, struct tacit_secagg_server *outline,
		 struct tacit_secagg_sum *sum)
{
	for (size_t i = 0; i < world->n; i++) {
		struct world_host *host = &world->host[i];

		if (host->leaves <= 3)
			continue;
		world_advance_host(world, host, 2);
		must(tacit_secagg_server_masked(outline, sum, host->step.message,
						host->step.message_len, NULL));
		world_deliver(world, i, 3);
	}
	world_merge(world);
	must(world_close(world, 3, NULL));
	must(tacit_secagg_server_list(outline, sum, NULL));
}

static void consent(struct world *world, struct tacit_secagg_server *outline)
{
	for (size_t i = 0; i < world->n; i++) {
		struct world_host *host = &world->host[i];

		if (host->leaves <= 4)
			continue;
		world_advance_host(world, host, 3);
		must(tacit_secagg_server_consent(outline, host->step.message,
						 host->step.message_len, NULL));
		world_deliver(world, i, 4);
	}
	for (size_t i = 0; i < world->n; i++) {
		uint32_t host = world->host[i].index;
		WRITER(full);
		WRITER(light);

		CU_ASSERT_EQUAL(tacit_secagg_server_is_agreed(world->server, host),
				tacit_secagg_server_is_agreed(outline, host));
		must(tacit_secagg_server_consents(world->server, host, &full));
		must(tacit_secagg_server_consents(outline, host, &light));
		CU_ASSERT(same(&full, &light));
	}
}

/* Phase 5: the outline looks at answers; with the boxes it takes them. */
static void answer(struct world *world, struct tacit_secagg_server *outline,
		   const struct kept *kept)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		for (int twice = 0; kept->data[i] && twice < 2; twice++)
			must(tacit_secagg_server_attach_shares(outline, kept->data[i],
							       kept->len[i]));
	for (size_t i = 0; i < world->n; i++) {
		struct world_host *host = &world->host[i];
		uint32_t place = UINT32_MAX;

		if (host->leaves <= 5)
			continue;
		world_advance_host(world, host, 4);
		must(tacit_secagg_server_check_answer(outline, host->step.message,
						      host->step.message_len, &place, NULL));
		CU_ASSERT_EQUAL(place, host->index);
		must(tacit_secagg_server_answer(outline, host->step.message, host->step.message_len,
						NULL));
		world_deliver(world, i, 5);
	}
}

static void compare(struct world *world)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *outline = NULL;
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = NULL;
	TACIT_CLEANUP(kept_done) struct kept kept = { 0 };
	uint32_t value[WORLD_DIMS], expected[WORLD_DIMS];
	size_t n = 0;
	WRITER(full);
	WRITER(light);
	WRITER(saved);
	WRITER(small);

	world_run(world, 1, 1);
	outline = again(world, world->server);
	share(world, outline, &kept);
	outline = renew(world, outline);
	compare_inboxes(world, outline, &kept);
	must(tacit_secagg_server_sum(outline, &sum));
	mask(world, outline, sum);
	outline = renew(world, outline);
	must(tacit_secagg_server_survivors(world->server, &full));
	must(tacit_secagg_server_survivors(outline, &light));
	CU_ASSERT(same(&full, &light));
	consent(world, outline);
	tacit_secagg_server_save(world->server, &saved);
	tacit_secagg_server_outline(outline, &small);
	CU_ASSERT(small.len * 2 < saved.len);
	answer(world, outline, &kept);
	world_check_sum(world);
	must(tacit_secagg_server_unmask(world->server, world->sum[0], expected, NULL));
	CU_ASSERT_EQUAL(tacit_secagg_server_missing(outline), 0);
	must(tacit_secagg_server_unmask(outline, sum, value, NULL));
	CU_ASSERT_EQUAL(memcmp(value, expected, sizeof(value)), 0);
	(void)tacit_secagg_server_culprits(outline, &n);
	CU_ASSERT_EQUAL(n, 0);
	printf("# k %u of %zu: %zu bytes, outline %zu\n",
	       tacit_secagg_server_get_params(outline)->k, world->n, saved.len, small.len);
}

static void test_everybody(void)
{
	WORLD(world, 12, 0, 0);

	compare(world);
}

static void test_dropouts(void)
{
	WORLD(world, 24, 0, 20);

	world->host[3].leaves = 2;
	world->host[4].leaves = 3;
	world->host[5].leaves = 4;
	compare(world);
}

static void test_sparse(void)
{
	WORLD(world, 100, 5, 5);

	world->host[7].leaves = 2;
	world->host[8].leaves = 3;
	compare(world);
	CU_ASSERT(tacit_secagg_server_get_params(world->server)->k < 99);
}

/* Without the boxes no share can be told from a lie. */
static void test_without_boxes(void)
{
	WORLD(world, 12, 0, 0);
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *outline = NULL;
	uint32_t value[WORLD_DIMS];
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	world_run(world, 1, 4);
	outline = again(world, world->server);
	for (size_t i = 0; i < world->n; i++) {
		world_advance_host(world, &world->host[i], 4);
		must(tacit_secagg_server_answer(outline, world->host[i].step.message,
						world->host[i].step.message_len, NULL));
	}
	CU_ASSERT_EQUAL(tacit_secagg_server_missing(outline), world->n);
	CU_ASSERT(tacit_secagg_server_unmask(outline, world->sum[0], value, &why) < 0);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_UNRECOVERABLE);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "everybody", test_everybody },
		{ "dropouts", test_dropouts },
		{ "a sparse graph", test_sparse },
		{ "without boxes", test_without_boxes },
		{ NULL, NULL },
	};

	return unit_main("secagg_outline", cases);
}
