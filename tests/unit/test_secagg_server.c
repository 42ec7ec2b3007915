/* SPDX-License-Identifier: MIT */
/* What hosts may try with the server: each is refused or named, and the sum of the others is right,
 * or not released. */
#include "privacy/secagg_host_private.h"
#include "privacy/shamir.h"
#include "secagg_world.h"

#define N     9U  /* t = 7: with one gone every share is needed */
#define LARGE 21U /* t = 15 of 20 */

static void refuses(struct world *world, size_t i, int phase, const void *data, size_t len,
		    enum tacit_secagg_reason expected)
{
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	int r = world_take(world, i, phase, data, len, &why);

	CU_ASSERT_EQUAL(r, tacit_secagg_reason_code(expected));
	CU_ASSERT_EQUAL(why, expected);
}

static void config_digest(const struct world *world, uint8_t *ret)
{
	must(tacit_secagg_config_digest(&world->config, ret));
}

/* Was exactly this one named? */
static void named(struct world *world, uint32_t host, enum tacit_secagg_reason reason,
		  uint32_t other)
{
	size_t n = 0;
	const struct tacit_secagg_culprit *culprit =
		tacit_secagg_server_culprits(world->server, &n);

	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT(culprit->host == host && culprit->reason == reason && culprit->other == other);
}

/* Keys that are not the signer's, or that nobody can agree with. */
static void test_bad_adverts(void)
{
	WORLD(world, 4, 0, 0);
	struct world_host *host = &world->host[0];
	struct tacit_secagg_advert advert;
	uint8_t config[32], digest[32], signature[TACIT_SECAGG_SIGNATURE_MAX];
	WRITER(unsigned_keys);
	WRITER(low);

	config_digest(world, config);
	world_advance_host(world, host, 0);
	must(tacit_secagg_advert_decode(config, host->step.message, host->step.message_len,
					&advert));
	advert.mask_key[1] ^= 1;
	tacit_secagg_advert_encode(config, &advert, &unsigned_keys);
	refuses(world, 0, 1, unsigned_keys.data, unsigned_keys.len, TACIT_SECAGG_BAD_SIGNATURE);
	memset(advert.seal_key, 0, sizeof(advert.seal_key));
	must(tacit_secagg_advert_digest(config, &advert, digest));
	advert.signature.data = signature;
	must(world_sign(host->key, digest, sizeof(digest), signature, &advert.signature.len));
	tacit_secagg_advert_encode(config, &advert, &low);
	refuses(world, 0, 1, low.data, low.len, TACIT_SECAGG_BAD_KEY);
	CU_ASSERT_EQUAL(tacit_secagg_server_count(world->server), 0);
}

/* A host says something else in each phase; the first word counts. */
static void test_second_messages(void)
{
	WORLD(world, 5, 0, 0);
	struct world_host *host = &world->host[2];

	for (int phase = 1; phase <= 5; phase++) {
		struct tacit_secagg_step step = { 0 };
		WRITER(message);

		if (phase == 4) { /* a signature may be given twice, and differ */
			world_run(world, 4, 4);
			continue;
		}
		world_message(world, host, phase - 1, &message);
		must(world_step(world, host, phase - 1, message.data, message.len, &step, NULL));
		world_restart_host(world, host);
		host->value[0] += phase == 3;
		world_run(world, phase, phase);
		if (phase == 5) /* the same twice: an answer has no randomness */
			step.message[step.message_len - 1] ^= 1;
		refuses(world, 0, phase, step.message, step.message_len,
			TACIT_SECAGG_DIFFERENT_MESSAGE);
		tacit_secagg_step_done(&step);
	}
	world_check_sum(world);
}

static void test_cohort_too_small(void)
{
	WORLD(world, 4, 0, 0);
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	uint8_t other[32] = { 1 };

	world->host[3].leaves = 1;
	for (size_t i = 0; i < 3; i++) {
		world_advance_host(world, &world->host[i], 0);
		world_deliver(world, i, 1);
	}
	CU_ASSERT_EQUAL(world_close(world, 1, &why), TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_COHORT_BELOW_FLOOR);
	world->host[3].leaves = NEVER;
	world_advance_host(world, &world->host[3], 0);
	world_deliver(world, 3, 1);
	CU_ASSERT_EQUAL(tacit_secagg_server_seat(world->server, other, &why), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_BAD_BEACON);
	must(world_close(world, 1, NULL));
	world_run(world, 2, 5);
	world_check_sum(world);
}

/* A threat that no graph of so few hosts withstands: three of five may go. */
static void test_no_graph(void)
{
	WORLD(world, 5, 0, 40);
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;

	for (size_t i = 0; i < 5; i++) {
		world_advance_host(world, &world->host[i], 0);
		world_deliver(world, i, 1);
	}
	CU_ASSERT_EQUAL(world_close(world, 1, &why), TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_WEAK_PARAMS);
}

static void test_shares_for_others(void)
{
	WORLD(world, N, 0, 12);
	struct world_host *host = &world->host[3];
	struct tacit_secagg_boxes boxes = { 0 };
	uint8_t config[32];
	WRITER(fewer);
	WRITER(other);
	WRITER(nobody);

	world_run(world, 1, 1);
	config_digest(world, config);
	world_advance_host(world, host, 1);
	must(tacit_secagg_boxes_decode(TACIT_SECAGG_SHARES, config, host->step.message,
				       host->step.message_len, &boxes));
	boxes.n--;
	tacit_secagg_boxes_encode(TACIT_SECAGG_SHARES, config, &boxes, &fewer);
	refuses(world, 3, 2, fewer.data, fewer.len, TACIT_SECAGG_OTHER_NEIGHBOURS);
	boxes.n++;
	boxes.box[boxes.n - 1].peer = N;
	tacit_secagg_boxes_encode(TACIT_SECAGG_SHARES, config, &boxes, &other);
	refuses(world, 3, 2, other.data, other.len, TACIT_SECAGG_OTHER_NEIGHBOURS);
	boxes.host = N;
	tacit_secagg_boxes_encode(TACIT_SECAGG_SHARES, config, &boxes, &nobody);
	refuses(world, 3, 2, nobody.data, nobody.len, TACIT_SECAGG_UNKNOWN_HOST);
	tacit_secagg_boxes_done(&boxes);
	world_restart_host(world, host);
	host->leaves = 2;
	world_run(world, 2, 5);
	world_check_sum(world);
}

/* A dealer sends rubbish to two holders. They mask with it all the same, and say so. */
static void test_rubbish_boxes(void)
{
	WORLD(world, LARGE, 10, 12);
	struct world_host *dealer = &world->host[3];

	world_run(world, 1, 1);
	for (size_t i = 0; i < LARGE; i++)
		world_advance_host(world, &world->host[i], 1);
	for (size_t box = 0; box < 2; box++)
		dealer->step.message[48 + 168 * box + 4 + 50] ^= 1;
	for (size_t i = 0; i < LARGE; i++)
		world_deliver(world, i, 2);
	must(world_close(world, 2, NULL));
	world_run(world, 3, 5);
	world_check_sum(world);
	named(world, dealer->index, TACIT_SECAGG_UNOPENED_BOX, 2);
}

/* The same where the digests do not fit what is in the box, and the dealer goes away. */
static void test_wrong_digests(void)
{
	WORLD(world, N, 10, 12);
	struct world_host *dealer = &world->host[3];

	world_run(world, 1, 1);
	for (size_t i = 0; i < N; i++)
		world_advance_host(world, &world->host[i], 1);
	dealer->step.message[48 + 4 + 100 + 32] ^= 1;
	for (size_t i = 0; i < N; i++)
		world_deliver(world, i, 2);
	must(world_close(world, 2, NULL));
	dealer->leaves = 3;
	world_run(world, 3, 5);
	world_check_sum(world);
	named(world, dealer->index, TACIT_SECAGG_UNOPENED_BOX, 1);
}

static void test_vectors(void)
{
	WORLD(world, N, 0, 12);
	static const uint32_t value[WORLD_DIMS + 1];
	uint8_t config[32];
	WRITER(longer);
	WRITER(silent);
	WRITER(stranger);

	config_digest(world, config);
	world->host[3].leaves = 2;
	world_run(world, 1, 2);
	tacit_secagg_masked_encode(config, world->host[0].index, NULL, 0, value, WORLD_DIMS + 1,
				   &longer);
	refuses(world, 0, 3, longer.data, longer.len, TACIT_SECAGG_OTHER_DIMENSIONS);
	tacit_secagg_masked_encode(config, world->host[3].index, NULL, 0, value, WORLD_DIMS,
				   &silent);
	refuses(world, 0, 3, silent.data, silent.len, TACIT_SECAGG_UNKNOWN_HOST);
	tacit_secagg_masked_encode(config, N, NULL, 0, value, WORLD_DIMS, &stranger);
	refuses(world, 0, 3, stranger.data, stranger.len, TACIT_SECAGG_UNKNOWN_HOST);
	world_run(world, 3, 5);
	world_check_sum(world);
}

/* One host went to both workers, which did not know of each other. */
static void test_counted_twice(void)
{
	WORLD(world, N, 0, 12);
	struct world_host *host = &world->host[0];

	world_run(world, 1, 2);
	world_advance_host(world, host, 2);
	world_deliver(world, 0, 3);
	must(world_take(world, 1, 3, host->step.message, host->step.message_len, NULL));
	CU_ASSERT_EQUAL(tacit_secagg_sum_merge(world->sum[0], world->sum[1]), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(tacit_secagg_sum_count(world->sum[0]), 1);
}

static void test_consent_of_others(void)
{
	WORLD(world, LARGE, 0, 12);
	struct world_host *host = &world->host[0];
	uint8_t config[32];
	struct tacit_secagg_consent consent;
	WRITER(other);
	WRITER(gone);

	config_digest(world, config);
	world->host[3].leaves = 3;
	world_run(world, 1, 3);
	world_advance_host(world, host, 3);
	must(tacit_secagg_consent_decode(config, host->step.message, host->step.message_len,
					 &consent));
	consent.host = world->host[1].index;
	tacit_secagg_consent_encode(config, &consent, &other);
	refuses(world, 0, 4, other.data, other.len, TACIT_SECAGG_BAD_CONSENT);
	consent.host = world->host[3].index;
	tacit_secagg_consent_encode(config, &consent, &gone);
	refuses(world, 0, 4, gone.data, gone.len, TACIT_SECAGG_UNKNOWN_HOST);
	world_restart_host(world, host);
	CU_ASSERT(!tacit_secagg_server_is_agreed(world->server, host->index));
	host->leaves = 4;
	world_run(world, 4, 4);
	CU_ASSERT(tacit_secagg_server_is_agreed(world->server, world->host[1].index));
	world_run(world, 5, 5);
	world_check_sum(world);
}

/* An answer whose entry @entry is spoiled: a share, or another kind of share. */
static void answer_badly(struct world *world, size_t i, uint32_t entry, bool kind)
{
	struct world_host *host = &world->host[i];

	world_advance_host(world, host, 4);
	host->step.message[48 + 41 * entry + (kind ? 4 : 20)] ^= 1;
	world_deliver(world, i, 5);
	host->leaves = 5; /* it has answered */
}

static void test_bad_share(void)
{
	for (int kind = 0; kind < 2; kind++) {
		WORLD(world, N, 10, 12);
		uint32_t dealer;

		world->host[7].leaves = 3;
		world_run(world, 1, 4);
		answer_badly(world, 2, 3, kind);
		dealer = 3 + (world->host[2].index <= 3);
		world_run(world, 5, 5);
		named(world, world->host[2].index, TACIT_SECAGG_BAD_SHARE, dealer);
		world_restart_server(world);
		named(world, world->host[2].index, TACIT_SECAGG_BAD_SHARE, dealer);
		/* of a survivor, six shares are left; of the one who went, seven */
		CU_ASSERT_EQUAL(tacit_secagg_server_missing(world->server),
				dealer != world->host[7].index);
	}
}

/* As long as t good ones remain the sum is had: liars are named, one share of theirs each. */
static void test_bad_shares_and_enough(void)
{
	WORLD(world, LARGE, 10, 10);
	size_t n = 0;

	world_run(world, 1, 4);
	for (size_t i = 0; i < 5; i++)
		answer_badly(world, i, (uint32_t)i, false);
	world_run(world, 5, 5);
	world_check_sum(world);
	(void)tacit_secagg_server_culprits(world->server, &n);
	CU_ASSERT_EQUAL(n, 5);
}

static void test_answer_of_strangers(void)
{
	WORLD(world, N, 0, 12);
	static const uint8_t share[TACIT_SECAGG_SHARE_LEN];
	struct tacit_secagg_reveal reveal = { N, TACIT_SECAGG_SELF_MASK, share };
	struct tacit_secagg_answer answer = { 0, 1, &reveal };
	uint8_t config[32];
	WRITER(of_nobody);
	WRITER(of_gone);

	config_digest(world, config);
	world->host[3].leaves = 3;
	world_run(world, 1, 4);
	answer.host = world->host[0].index;
	tacit_secagg_answer_encode(config, &answer, &of_nobody);
	refuses(world, 0, 5, of_nobody.data, of_nobody.len, TACIT_SECAGG_UNKNOWN_HOST);
	answer.host = world->host[3].index;
	reveal.dealer = world->host[0].index;
	tacit_secagg_answer_encode(config, &answer, &of_gone);
	refuses(world, 0, 5, of_gone.data, of_gone.len, TACIT_SECAGG_UNKNOWN_HOST);
	world_run(world, 5, 5);
	world_check_sum(world);
}

/* It commits to one seed, and shares and masks with another: named, and the sum withheld. */
static void test_other_secret(void)
{
	WORLD(world, N, 10, 12);
	struct world_host *liar = &world->host[2];
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	uint32_t sum[WORLD_DIMS];

	world_run(world, 1, 1);
	liar->host->seed[SEED_SELF][0] ^= 1;
	world_run(world, 2, 5);
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_EQUAL(tacit_secagg_server_unmask(world->server, world->sum[0], sum, &why),
				TACIT_EREFUSED);
		CU_ASSERT_EQUAL(why, TACIT_SECAGG_UNRECOVERABLE);
		named(world, liar->index, TACIT_SECAGG_BAD_SECRET, 0);
	}
}

/* It advertises one mask key, shares another's seed, and goes. */
static void test_other_key(void)
{
	WORLD(world, N, 10, 12);
	struct world_host *liar = &world->host[2];
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	uint32_t sum[WORLD_DIMS];

	world_run(world, 1, 1);
	liar->host->seed[SEED_MASK][8] ^= 1;
	world_run(world, 2, 2);
	liar->leaves = 3;
	world_run(world, 3, 5);
	CU_ASSERT_EQUAL(tacit_secagg_server_unmask(world->server, world->sum[0], sum, &why),
			TACIT_EREFUSED);
	named(world, liar->index, TACIT_SECAGG_BAD_SECRET, 0);
}

/* Another sum than the one that was listed is not unmasked, nor one whose answers are not in. */
static void test_unmask_refuses(void)
{
	WORLD(world, N, 10, 12);
	enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
	uint32_t sum[WORLD_DIMS];

	CU_ASSERT_EQUAL(tacit_secagg_server_unmask(world->server, NULL, sum, &why), TACIT_ESTALE);
	world_run(world, 1, 4);
	CU_ASSERT_EQUAL(tacit_secagg_server_missing(world->server), N);
	CU_ASSERT_EQUAL(tacit_secagg_server_unmask(world->server, world->sum[0], sum, &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_UNRECOVERABLE);
	world_run(world, 5, 5);
	CU_ASSERT_EQUAL(tacit_secagg_server_unmask(world->server, world->sum[1], sum, &why),
			TACIT_EREFUSED);
	CU_ASSERT_EQUAL(why, TACIT_SECAGG_UNKNOWN_HOST);
	world_check_sum(world);
}

static void test_out_of_turn(void)
{
	WORLD(world, 5, 0, 0);
	const uint8_t *id = world->host[0].identity.id;
	WRITER(none);

	CU_ASSERT_EQUAL(tacit_secagg_server_roster(world->server, 0, &none), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_secagg_server_inbox(world->server, 0, &none), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_secagg_server_survivors(world->server, &none), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_secagg_server_consents(world->server, 0, &none), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_secagg_server_sum(world->server, &world->sum[0]), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_secagg_server_find(world->server, id), -ENOENT);
	CU_ASSERT_EQUAL(none.len, 0);
	for (int phase = 1; phase <= 5; phase++) {
		for (int early = phase + 1; early <= 5; early++)
			if (early != 5 || phase != 4) /* an answer may follow a consent at once */
				refuses(world, 0, early, "", 0, TACIT_SECAGG_OUT_OF_TURN);
		world_run(world, phase, phase);
	}
	CU_ASSERT_EQUAL(world_close(world, 1, NULL), TACIT_ESTALE);
	CU_ASSERT_EQUAL(tacit_secagg_server_deliver(world->server, NULL), TACIT_ESTALE);
	CU_ASSERT_EQUAL(world_close(world, 3, NULL), TACIT_ESTALE);
	world_check_sum(world);
}

/* What comes a phase too late, and was not there before. */
static void test_late_messages(void)
{
	WORLD(world, LARGE, 0, 10);

	world->host[0].leaves = 1;
	world->host[1].leaves = 2;
	world_run(world, 1, 1);
	world_advance_host(world, &world->host[0], 0);
	refuses(world, 0, 1, world->host[0].step.message, world->host[0].step.message_len,
		TACIT_SECAGG_OUT_OF_TURN);
	world_run(world, 2, 2);
	world_advance_host(world, &world->host[1], 1);
	refuses(world, 1, 2, world->host[1].step.message, world->host[1].step.message_len,
		TACIT_SECAGG_OUT_OF_TURN);
	world_run(world, 3, 5);
	world_check_sum(world);
}

static void test_bad_config(void)
{
	WORLD(world, 0, 0, 0);
	struct tacit_secagg_config bad[8];
	struct tacit_secagg_server *server = NULL;

	for (size_t i = 0; i < 8; i++)
		bad[i] = world->config;
	bad[0].round = 0;
	bad[1].dimensions = 0;
	bad[2].hosts_min = 3;
	bad[3].threat.corrupt_ppm = 500001;
	bad[4].clip_norm = 0;
	bad[5].clip_norm = INFINITY;
	bad[6].noise_ppm = TACIT_SECAGG_NOISE_MAX + 1;
	bad[7].phase_sec[2] = 0;
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(tacit_secagg_server_new(&world->identity, &bad[i], &server),
				-EINVAL);
	CU_ASSERT_PTR_NULL(server);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "bad adverts", test_bad_adverts },
		{ "second messages", test_second_messages },
		{ "a cohort too small, another beacon", test_cohort_too_small },
		{ "no graph withstands", test_no_graph },
		{ "shares for others", test_shares_for_others },
		{ "boxes that do not open", test_rubbish_boxes },
		{ "digests that do not fit", test_wrong_digests },
		{ "vectors of others and other lengths", test_vectors },
		{ "counted twice", test_counted_twice },
		{ "consents of others", test_consent_of_others },
		{ "a bad share, and too few without it", test_bad_share },
		{ "bad shares, and enough without them", test_bad_shares_and_enough },
		{ "answers of strangers", test_answer_of_strangers },
		{ "another secret than the one committed to", test_other_secret },
		{ "another key than the one advertised", test_other_key },
		{ "what is not unmasked", test_unmask_refuses },
		{ "out of turn", test_out_of_turn },
		{ "late messages", test_late_messages },
		{ "bad configs", test_bad_config },
		{ NULL, NULL },
	};

	return unit_main("secagg_server", cases);
}
