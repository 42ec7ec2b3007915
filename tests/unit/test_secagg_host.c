/* SPDX-License-Identifier: MIT */
/* What a server may try with a host, and the reason the host gives; test_secagg_roster.c has what
 * it may try with the roster. */
#include "privacy/secagg_bind.h"
#include "secagg_world.h"

#define N 9U

static void refuses_config(struct tacit_secagg_config config, EVP_PKEY *key,
			   enum tacit_secagg_reason expected)
{
	WORLD(world, 4, 10, 0);
	struct tacit_secagg_identity identity = world->identity;
	struct tacit_secagg_server *server = NULL;
	struct tacit_secagg_blob blob;
	WRITER(message);

	identity.ctx = key ? key : world->server_key;
	must(tacit_secagg_server_new(&identity, &config, &server));
	blob = tacit_secagg_server_get_config(server);
	tacit_write_bytes(&message, blob.data, blob.len);
	world_refuses(world, &world->host[0], 0, &message, expected);
	tacit_secagg_server_free(server);
	world_goes_on(world, 1);
}

static struct tacit_secagg_config good_config(void)
{
	WORLD(world, 0, 10, 0);

	return world->config;
}

static void test_config_signature(void)
{
	EVP_PKEY *other = NULL;

	must(tacit_key_generate(&other));
	refuses_config(good_config(), other, TACIT_SECAGG_CONFIG_SIGNATURE);
	tacit_key_free(other);
}

static void test_replayed_round(void)
{
	struct tacit_secagg_config config = good_config();

	config.round = 6;
	refuses_config(config, NULL, TACIT_SECAGG_ROUND_REPLAYED);
	config.round = 1;
	refuses_config(config, NULL, TACIT_SECAGG_ROUND_REPLAYED);
}

static void test_other_model(void)
{
	struct tacit_secagg_config config = good_config(), task = config, dimensions = config;

	config.model[31] = 1;
	refuses_config(config, NULL, TACIT_SECAGG_OTHER_MODEL);
	task.task[0] = 0;
	refuses_config(task, NULL, TACIT_SECAGG_OTHER_MODEL);
	dimensions.dimensions++;
	refuses_config(dimensions, NULL, TACIT_SECAGG_OTHER_MODEL);
}

static void test_weak_noise(void)
{
	struct tacit_secagg_config config = good_config();

	config.noise_ppm = 999999;
	refuses_config(config, NULL, TACIT_SECAGG_NOISE_BELOW_FLOOR);
}

static void test_weak_threat(void)
{
	struct tacit_secagg_config config = good_config(), honest = config;

	config.threat.corrupt_ppm--;
	refuses_config(config, NULL, TACIT_SECAGG_THREAT_BELOW_FLOOR);
	honest.threat.server = TACIT_SECAGG_SEMI_HONEST;
	refuses_config(honest, NULL, TACIT_SECAGG_THREAT_BELOW_FLOOR);
}

static void test_small_cohort(void)
{
	WORLD(world, 8, 0, 0);
	WRITER(config);

	world->floors.hosts_min = 5; /* where 4 are announced */
	world_message(world, &world->host[0], 0, &config);
	world_refuses(world, &world->host[0], 0, &config, TACIT_SECAGG_COHORT_BELOW_FLOOR);
	world->floors.hosts_min = 4;
	world_goes_on(world, 1);
}

static void test_malformed_and_foreign(void)
{
	WORLD(world, 4, 0, 0);
	WORLD(other, 4, 0, 0);

	world_server_key = world->server_key;
	for (int phase = 0; phase < 5; phase++) {
		struct world_host *host = &world->host[1];
		WRITER(message);
		WRITER(foreign);

		world_message(world, host, phase, &message);
		message.len--;
		world_refuses(world, host, phase, &message, TACIT_SECAGG_MALFORMED);
		message.len++;
		message.data[5] = (uint8_t)(1 + (phase + 3) % 5); /* another type */
		world_refuses(world, host, phase, &message, TACIT_SECAGG_MALFORMED);
		if (phase > 0) { /* the same phase of another config */
			world_message(other, &other->host[1], phase, &foreign);
			world_refuses(world, host, phase, &foreign, TACIT_SECAGG_OTHER_ROUND);
		}
		world_run(world, phase + 1, phase + 1);
		world_server_key = other->server_key;
		world_run(other, phase + 1, phase + 1);
		world_server_key = world->server_key;
	}
	world_check_sum(world);
}

static void test_out_of_turn(void)
{
	WORLD(world, 4, 0, 0);
	struct world_host *host = &world->host[1];
	struct tacit_writer message[5] = { 0 };

	for (int phase = 0; phase < 5; phase++) {
		world_message(world, host, phase, &message[phase]);
		world_run(world, phase + 1, phase + 1);
		for (int again = 0; again <= phase; again++)
			world_refuses(world, host, again, &message[again],
				      TACIT_SECAGG_OUT_OF_TURN);
	}
	for (int later = 1; later < 5; later++) {
		tacit_secagg_step_done(&host->step);
		world_restart_host(world, host);
		world_refuses(world, host, later, &message[later], TACIT_SECAGG_OUT_OF_TURN);
	}
	for (int phase = 0; phase < 5; phase++)
		tacit_writer_done(&message[phase]);
}

static void edit_inbox(struct world *world, struct world_host *victim, uint32_t keep,
		       uint32_t stranger, struct tacit_writer *message)
{
	struct tacit_secagg_boxes boxes = { 0 };
	uint8_t config[32];
	WRITER(honest);

	must(tacit_secagg_config_digest(&world->config, config));
	world_message(world, victim, 2, &honest);
	must(tacit_secagg_boxes_decode(TACIT_SECAGG_INBOX, config, honest.data, honest.len,
				       &boxes));
	boxes.n = keep;
	if (stranger != 0)
		boxes.box[keep - 1].peer = stranger;
	tacit_secagg_boxes_encode(TACIT_SECAGG_INBOX, config, &boxes, message);
	tacit_secagg_boxes_done(&boxes);
}

static void test_too_few_shares(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	uint32_t t;
	WRITER(message);

	world_run(world, 1, 2);
	t = tacit_secagg_host_get_params(victim->host)->t;
	edit_inbox(world, victim, t - 1, 0, &message);
	world_refuses(world, victim, 2, &message, TACIT_SECAGG_TOO_FEW_SHARES);
	world_goes_on(world, 3);
}

/* Enough arrive, but the server turned a bit in each of too many. */
static void test_spoiled_shares(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	WRITER(message);

	world_run(world, 1, 2);
	world_message(world, victim, 2, &message);
	for (size_t at = 48 + 50; at < message.len; at += 168)
		message.data[at] ^= 1;
	world_refuses(world, victim, 2, &message, TACIT_SECAGG_TOO_FEW_SHARES);
	world_goes_on(world, 3);
}

static void test_foreign_share(void)
{
	WORLD(world, N, 10, 0);
	struct world_host *victim = &world->host[4];
	WRITER(message);

	world_run(world, 1, 2);
	edit_inbox(world, victim, N - 1, 77, &message);
	world_refuses(world, victim, 2, &message, TACIT_SECAGG_FOREIGN_SHARE);
	world_goes_on(world, 3);
}

/* Bits as the test wants them. */
struct list {
	uint8_t alive[2], gone[2];
};

static struct list honest_list(const struct world *world)
{
	struct list list = { 0 };

	for (size_t i = 0; i < world->n; i++) {
		uint32_t index = world->host[i].index;
		uint8_t bit = (uint8_t)(1U << index % 8);

		if (world->host[i].leaves > 3)
			list.alive[index / 8] |= bit;
		else if (world->host[i].leaves > 2)
			list.gone[index / 8] |= bit;
	}
	return list;
}

static void flip(uint8_t *bits, uint32_t index)
{
	bits[index / 8] ^= (uint8_t)(1U << index % 8);
}

static void write_list(struct world *world, const struct list *list, struct tacit_writer *message)
{
	const struct tacit_secagg_survivors survivors = { (uint32_t)world->n, list->alive,
							  list->gone };
	uint8_t config[32];

	must(tacit_secagg_config_digest(&world->config, config));
	tacit_secagg_survivors_encode(config, &survivors, message);
}

static void refuses_list(struct world *world, struct world_host *victim, const struct list *list,
			 enum tacit_secagg_reason expected)
{
	WRITER(message);

	write_list(world, list, &message);
	world_refuses(world, victim, 3, &message, expected);
}

static void test_both_shares(void)
{
	WORLD(world, N, 10, 12);
	struct list list;

	world_run(world, 1, 3);
	list = honest_list(world);
	flip(list.gone, world->host[2].index);
	refuses_list(world, &world->host[4], &list, TACIT_SECAGG_BOTH_SHARES);
	world_goes_on(world, 4);
}

static void test_not_a_survivor(void)
{
	WORLD(world, N, 10, 12);
	struct list list;

	world_run(world, 1, 3);
	list = honest_list(world);
	flip(list.alive, world->host[4].index);
	flip(list.gone, world->host[4].index);
	refuses_list(world, &world->host[4], &list, TACIT_SECAGG_NOT_A_SURVIVOR);
	world_goes_on(world, 4);
}

static void test_too_few_survivors(void)
{
	WORLD(world, N, 10, 12);
	struct list list;

	world_run(world, 1, 3);
	list = honest_list(world);
	for (size_t i = 0; i < 3; i++) { /* n_h is floor(0.78 * 9) */
		flip(list.alive, world->host[i].index);
		flip(list.gone, world->host[i].index);
	}
	refuses_list(world, &world->host[4], &list, TACIT_SECAGG_TOO_FEW_SURVIVORS);
	world_goes_on(world, 4);
}

/* Enough in all, by this host's floor and the round's, but not enough of its neighbours. */
static void test_too_few_neighbours(void)
{
	WORLD(world, N, 0, 0);
	struct world_host *victim = &world->host[4];
	struct list list;

	tacit_secagg_server_free(world->server);
	world->config.threat.dropout_ppm = 125000;
	must(tacit_secagg_server_new(&world->identity, &world->config, &world->server));
	world_run(world, 1, 3);
	list = honest_list(world);
	/* 7 of 9 would do for the round: 6 neighbours, where t = 7 */
	for (size_t i = 0; i < 2; i++)
		flip(list.alive, world->host[i].index);
	refuses_list(world, victim, &list, TACIT_SECAGG_TOO_FEW_NEIGHBOURS);
	world_goes_on(world, 4);
}

static void test_unknown_survivor(void)
{
	WORLD(world, N, 10, 12);
	struct list list;

	world->host[2].leaves = 2; /* before it shares */
	world_run(world, 1, 3);
	list = honest_list(world);
	flip(list.alive, world->host[2].index);
	refuses_list(world, &world->host[4], &list, TACIT_SECAGG_UNKNOWN_SURVIVOR);
	world_goes_on(world, 4);
}

/* Whatever else it says, once a list is signed; also after a crash, and after the answer. */
static void test_second_list(void)
{
	WORLD(world, N, 10, 12);
	struct world_host *victim = &world->host[4];
	struct list list;
	WRITER(same);

	world_run(world, 1, 4);
	list = honest_list(world);
	write_list(world, &list, &same);
	world_refuses(world, victim, 3, &same, TACIT_SECAGG_OUT_OF_TURN);
	flip(list.alive, world->host[1].index);
	flip(list.gone, world->host[1].index);
	refuses_list(world, victim, &list, TACIT_SECAGG_SECOND_LIST);
	world_restart_host(world, victim);
	refuses_list(world, victim, &list, TACIT_SECAGG_SECOND_LIST);
	world_goes_on(world, 5);
	refuses_list(world, victim, &list, TACIT_SECAGG_SECOND_LIST);
	world_restart_host(world, victim);
	refuses_list(world, victim, &list, TACIT_SECAGG_SECOND_LIST);
}

/* Two lists, for two halves of the hosts: neither finds t signatures. */
static void test_split_view(void)
{
	WORLD(world, N, 10, 12);
	struct list list;
	struct tacit_secagg_step step = { 0 };
	WRITER(message);
	WRITER(other);

	world_run(world, 1, 3);
	list = honest_list(world);
	flip(list.alive, world->host[8].index);
	flip(list.gone, world->host[8].index);
	write_list(world, &list, &other);
	for (size_t i = 0; i < world->n; i++) {
		enum tacit_secagg_reason why = TACIT_SECAGG_FINE;
		struct world_host *host = &world->host[i];

		if (i >= 4 && i < 8) {
			must(world_step(world, host, 3, other.data, other.len, &step, &why));
			world_store(host, &step);
			CU_ASSERT_EQUAL(world_take(world, i, 4, host->step.message,
						   host->step.message_len, &why),
					TACIT_EUNTRUSTED);
			CU_ASSERT_EQUAL(why, TACIT_SECAGG_BAD_CONSENT);
			continue;
		}
		world_advance_host(world, host, 3);
		world_deliver(world, i, 4);
	}
	world_message(world, &world->host[0], 4, &message);
	world_refuses(world, &world->host[0], 4, &message, TACIT_SECAGG_TOO_FEW_CONSENTS);
	world_refuses(world, &world->host[5], 4, &message, TACIT_SECAGG_MALFORMED);
}

static void edit_consents(struct world *world, struct world_host *victim, bool spoil,
			  struct tacit_writer *message)
{
	struct tacit_secagg_consents consents = { 0 };
	uint8_t config[32];
	WRITER(honest);

	must(tacit_secagg_config_digest(&world->config, config));
	world_message(world, victim, 4, &honest);
	must(tacit_secagg_consents_decode(config, honest.data, honest.len, &consents));
	if (spoil) /* everybody's is the first one's */
		for (uint32_t i = 1; i < consents.n; i++)
			consents.consent[i].signature = consents.consent[0].signature;
	else
		consents.n = tacit_secagg_host_get_params(victim->host)->t - 1;
	tacit_secagg_consents_encode(config, &consents, message);
	tacit_secagg_consents_done(&consents);
}

static void test_too_few_consents(void)
{
	WORLD(world, N, 10, 12);
	WRITER(message);

	world_run(world, 1, 4);
	edit_consents(world, &world->host[4], false, &message);
	world_refuses(world, &world->host[4], 4, &message, TACIT_SECAGG_TOO_FEW_CONSENTS);
	world_goes_on(world, 5);
}

static void test_bad_consents(void)
{
	WORLD(world, N, 10, 12);
	WRITER(message);

	world_run(world, 1, 4);
	edit_consents(world, &world->host[4], true, &message);
	world_refuses(world, &world->host[4], 4, &message, TACIT_SECAGG_BAD_CONSENT);
	world_goes_on(world, 5);
}

/* Hosts that were shown different models do not agree on keys, however alike all else is. */
static void test_models_bind_keys(void)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = seeded_random();
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = NULL;
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *agree = NULL;
	struct tacit_secagg_round round = { .config = { .round = 1 } };
	uint8_t seed[32], id[2][32] = { { 1 }, { 2 } }, key[5][32];

	tacit_random_bytes(random, seed, sizeof(seed));
	must(tacit_hkdf_new(&hkdf));
	must(tacit_agree_new(seed, &agree));
	for (int i = 0; i < 5; i++) {
		struct tacit_secagg_round other = round;

		other.config.model[0] = i == 1;
		other.digest[0] = i == 2;
		other.config.group = i == 3;
		must(tacit_secagg_pair_key(agree, hkdf, &other,
					   i == 4 ? TACIT_SECAGG_SEAL_PURPOSE
						  : TACIT_SECAGG_MASK_PURPOSE,
					   id[0], tacit_agree_get_public(agree), id[1], key[i]));
		for (int j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(key[i], key[j], 32), 0);
	}
}

static void test_reasons(void)
{
	for (int i = 0; i < TACIT_SECAGG_REASONS; i++) {
		CU_ASSERT(strlen(tacit_secagg_reason_text((enum tacit_secagg_reason)i)) > 5);
		CU_ASSERT((tacit_secagg_reason_code((enum tacit_secagg_reason)i) < 0) == (i > 0));
	}
	CU_ASSERT_STRING_EQUAL(tacit_secagg_reason_text(TACIT_SECAGG_REASONS), "unknown");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a round that the aggregator did not sign", test_config_signature },
		{ "a replayed round", test_replayed_round },
		{ "another model, task or length", test_other_model },
		{ "too little noise", test_weak_noise },
		{ "too weak a threat", test_weak_threat },
		{ "too small a cohort", test_small_cohort },
		{ "malformed and foreign messages", test_malformed_and_foreign },
		{ "messages out of turn", test_out_of_turn },
		{ "too few shares", test_too_few_shares },
		{ "spoiled shares", test_spoiled_shares },
		{ "a stranger's share", test_foreign_share },
		{ "both shares of one host", test_both_shares },
		{ "itself not a survivor", test_not_a_survivor },
		{ "too few survivors", test_too_few_survivors },
		{ "too few neighbours among them", test_too_few_neighbours },
		{ "a survivor that never shared", test_unknown_survivor },
		{ "a second list", test_second_list },
		{ "two lists for two halves", test_split_view },
		{ "too few consents", test_too_few_consents },
		{ "consents that nobody gave", test_bad_consents },
		{ "models and rounds bind keys", test_models_bind_keys },
		{ "every reason has words and a code", test_reasons },
		{ NULL, NULL },
	};

	return unit_main("secagg_host", cases);
}
