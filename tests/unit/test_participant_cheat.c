/* SPDX-License-Identifier: MIT */
/* An aggregator that does not keep to the protocol, in one thing at a time. */
#include <tacit/clock.h>

#include "sum_world.h"

/* The host has left, says why, and sends nothing more; whether it was charged. */
static void check_left(struct sum_world *sw, const char *why, bool charged)
{
	struct tacit_participant_status status = world_status(&sw->w);
	TACIT_AUTO_FREE char *note = NULL;
	unsigned said = 0, again = 0;

	CU_ASSERT_EQUAL(status.refused_round, sw->config.round);
	CU_ASSERT_STRING_EQUAL(status.refused, why);
	CU_ASSERT_EQUAL(status.accepted, 0);
	CU_ASSERT_EQUAL(sum_rows(sw), 0);
	CU_ASSERT_STATE(sw, "refused");
	CU_ASSERT_EQUAL(world_charged(&sw->w), charged);
	CU_ASSERT_EQUAL(tacit_store_get_text(sw->w.store, TACIT_LEDGER_META_REFUSED, &note), 0);
	CU_ASSERT_PTR_NOT_NULL(note && strstr(note, why));
	for (size_t i = 0; i < TYPES; i++)
		said += sw->n_said[i];
	for (int i = 0; i < 12; i++) {
		CU_ASSERT_TRUE(sum_serve(sw));
		CU_ASSERT_EQUAL(sum_type(sw), 0);
	}
	world_restart(&sw->w);
	for (int i = 0; i < 12; i++) {
		CU_ASSERT_TRUE(sum_serve(sw));
		CU_ASSERT_EQUAL(sum_type(sw), 0);
	}
	for (size_t i = 0; i < TYPES; i++)
		again += sw->n_said[i];
	CU_ASSERT_EQUAL(said, again);
	CU_ASSERT_EQUAL(world_charged(&sw->w), charged);
}

/* Serves until the host has left, or is through. */
static void run(struct sum_world *sw)
{
	for (int i = 0; i < 40; i++) {
		struct tacit_participant_status status = world_status(&sw->w);

		if (status.refused_round || status.accepted)
			return;
		CU_ASSERT_TRUE_FATAL(sum_serve(sw));
	}
}

/* A config that is signed, but says what it should not. */
struct bad_config {
	void (*spoil)(struct tacit_secagg_config *config);
	const char *why;
};

static void other_model(struct tacit_secagg_config *config)
{
	config->model[5] ^= 1;
}

static void other_task(struct tacit_secagg_config *config)
{
	config->task[31] ^= 1;
}

static void fewer_numbers(struct tacit_secagg_config *config)
{
	config->dimensions--;
}

static void wrong_clip(struct tacit_secagg_config *config)
{
	config->clip_norm *= 2;
}

static void wrong_grid(struct tacit_secagg_config *config)
{
	config->scale_bits--;
}

static void less_noise(struct tacit_secagg_config *config)
{
	config->noise_ppm -= 100000;
}

static void hardly_any_noise(struct tacit_secagg_config *config)
{
	config->noise_ppm = 200000;
}

static void no_corrupt_hosts(struct tacit_secagg_config *config)
{
	config->threat.corrupt_ppm = 0;
}

static void only_looking(struct tacit_secagg_config *config)
{
	config->threat.server = TACIT_SECAGG_SEMI_HONEST;
}

static void next_round(struct tacit_secagg_config *config)
{
	config->round++;
}

static void round_of_old(struct tacit_secagg_config *config)
{
	config->round = 3;
}

static void test_configs_that_say_something_else(void)
{
	static const struct bad_config rows[] = {
		{ other_model, "the round is for another model" },
		{ other_task, "the round is for another model" },
		{ fewer_numbers, "the round is for another model" },
		{ wrong_clip, "its config's clip norm " },
		{ wrong_grid, "its config's grid has 15 bits, not 16" },
		{ less_noise, "its config's noise multiplier " },
		{ hardly_any_noise, "less noise than this host allows" },
		{ no_corrupt_hosts, "fewer corrupt hosts are assumed than this host asks" },
		{ only_looking, "fewer corrupt hosts are assumed than this host asks" },
		{ next_round, "its config is of round 8" },
		{ round_of_old, "the round was seen before" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct sum_world sw;
		struct tacit_secagg_config good;
		char why[TACIT_PARTICIPANT_REASON_MAX];

		sum_begin(&sw);
		CU_ASSERT_EQUAL(tacit_ledger_refuse(sw.w.db,
						    tacit_identity_aggregator(sw.w.identity), 5,
						    "an old one", 1),
				0);
		sw.w.round.round = 7;
		sum_configure(&sw);
		good = sw.config;
		rows[i].spoil(&sw.config);
		sum_open(&sw);
		sw.config = good;
		run(&sw);
		(void)snprintf(why, sizeof(why), "%s", world_status(&sw.w).refused);
		CU_ASSERT_EQUAL(strncmp(why, rows[i].why, strlen(rows[i].why)), 0);
		CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ADVERT], 0);
		check_left(&sw, why, false);
		sum_done(&sw);
	}
}

/* The floor is this host's own: the document promises as much, the signed config does not. */
static void test_a_cohort_below_the_floor(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.w.task.min_cohort = sw.w.round.min_cohort = 8;
	sw.w.params.floors.min_cohort = 8;
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&sw.w.task, sw.w.round.task), 0);
	world_restart(&sw.w);
	sum_configure(&sw);
	sw.config.hosts_min = 7;
	sum_open(&sw);
	run(&sw);
	check_left(&sw, "the cohort may be smaller than this host allows", false);
	sum_done(&sw);
}

/* The server itself would not go on with ten: what it sends is made by hand. */
static void answer_roster_of_ten(struct sum_world *sw)
{
	static const uint8_t zeros[4 * 32];
	struct tacit_secagg_seat seat[9] = { 0 };
	struct tacit_secagg_roster roster = { .params = { 10, 9, 7 },
					      .proof = zeros,
					      .seat = seat };
	uint8_t digest[32];
	WRITER(message);

	sum_must(tacit_secagg_config_digest(&sw->config, digest));
	memcpy(roster.beacon, sw->beacon, sizeof(roster.beacon));
	for (uint32_t i = 0; i < 9; i++) {
		seat[i].index = i + 1;
		seat[i].proof = zeros;
		seat[i].advert.signature = (struct tacit_secagg_blob){ zeros, 70 };
		seat[i].advert.cert = (struct tacit_secagg_blob){ zeros, 100 };
	}
	tacit_secagg_roster_encode(digest, &roster, &message);
	world_answer(&sw->w, 200, TACIT_TYPE_SECAGG, message.data, message.len);
}

/* The config keeps its promise, the roster is of fewer. */
static void test_a_roster_below_the_floor(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.w.params.floors.min_cohort = 20;
	sw.w.task.min_cohort = sw.w.round.min_cohort = 20;
	CU_ASSERT_EQUAL_FATAL(tacit_task_digest(&sw.w.task, sw.w.round.task), 0);
	world_restart(&sw.w);
	sum_configure(&sw);
	sw.config.hosts_min = 20;
	sum_open(&sw);
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ROSTER));
	answer_roster_of_ten(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_SHARES], 0);
	check_left(&sw, "the cohort may be smaller than this host allows", false);
	sum_done(&sw);
}

/* Whatever the aggregator tells of one kind, spoiled. */
static enum tacit_secagg_type spoiled;

static void unsign(struct sum_world *sw, enum tacit_secagg_type type, struct tacit_writer *message)
{
	(void)sw;
	if (type == TACIT_SECAGG_CONFIG)
		message->data[message->len - 1] ^= 1;
}

static void test_a_config_that_is_not_signed(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.twist = unsign;
	run(&sw);
	check_left(&sw, "the round is not signed by the aggregator", false);
	sum_done(&sw);
}

/* The CA of another fleet signs. */
static void test_a_config_of_another_aggregator(void)
{
	struct sum_world sw;
	EVP_PKEY *own;

	sum_begin(&sw);
	own = sw.w.ca_key;
	sw.w.ca_key = sw.w.next_ca_key;
	sum_open(&sw);
	sw.w.ca_key = own;
	run(&sw);
	check_left(&sw, "the round is not signed by the aggregator", false);
	sum_done(&sw);
}

static int trust_anybody(void *ctx, const uint8_t *id, const struct tacit_secagg_blob *cert,
			 const void *data, size_t len, const struct tacit_secagg_blob *sig)
{
	(void)ctx;
	(void)id;
	(void)cert;
	(void)data;
	(void)len;
	(void)sig;
	return 0;
}

/* A peer joins by the config of @other; what it says passes for said by @sw's, with a key of the
 * aggregator's own, if it likes. */
static void join_elsewhere(struct sum_world *sw, struct peer *peer,
			   const struct tacit_secagg_server *other, const uint8_t *theirs,
			   const uint8_t *ours, bool exchange)
{
	struct tacit_secagg_blob config = tacit_secagg_server_get_config(other);
	struct tacit_secagg_advert advert;
	enum tacit_secagg_reason why;
	WRITER(message);

	sum_must(tacit_secagg_host_join(peer->host, &sw->floors, config.data, config.len,
					&peer->step, &why));
	sum_must(tacit_secagg_advert_decode(theirs, peer->step.message, peer->step.message_len,
					    &advert));
	if (exchange)
		tacit_random_bytes(sw->w.random, advert.seal_key, sizeof(advert.seal_key));
	tacit_secagg_advert_encode(ours, &advert, &message);
	sum_must(tacit_secagg_server_advert(sw->server, message.data, message.len, NULL));
}

/* The peers were shown another config than this host: their masks would not cancel. */
static void test_two_configs(void)
{
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *other = NULL;
	struct tacit_secagg_config config;
	uint8_t ours[32], theirs[32];
	struct sum_world sw;

	sum_begin(&sw);
	sw.identity.verify_host = trust_anybody;
	sum_open(&sw);
	config = sw.config;
	config.noise_ppm += 1000000;
	sum_must(tacit_secagg_server_new(&sw.identity, &config, &other));
	sum_must(tacit_secagg_config_digest(&sw.config, ours));
	sum_must(tacit_secagg_config_digest(&config, theirs));
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ROSTER));
	for (size_t i = 0; i < sw.n_peers; i++)
		join_elsewhere(&sw, &sw.peer[i], other, theirs, ours, false);
	sum_seat(&sw);
	run(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_SHARES], 0);
	check_left(&sw, "keys that their host did not sign", false);
	sum_done(&sw);
}

/* The tree and the graph are right, but one neighbour's shares the aggregator could read. */
static void test_a_key_that_was_exchanged(void)
{
	struct sum_world sw;
	uint8_t digest[32];

	sum_begin(&sw);
	sw.identity.verify_host = trust_anybody;
	sum_open(&sw);
	sum_must(tacit_secagg_config_digest(&sw.config, digest));
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_ROSTER));
	for (size_t i = 0; i < sw.n_peers; i++)
		join_elsewhere(&sw, &sw.peer[i], sw.server, digest, digest, i == 4);
	sum_seat(&sw);
	run(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_SHARES], 0);
	check_left(&sw, "keys that their host did not sign", false);
	sum_done(&sw);
}

/* Rosters, decoded, changed and encoded again. */
struct bad_roster {
	void (*spoil)(struct sum_world *sw, struct tacit_secagg_roster *roster);
	const char *why;
};

static const struct bad_roster *bad_roster;

static void twist_roster(struct sum_world *sw, enum tacit_secagg_type type,
			 struct tacit_writer *message)
{
	TACIT_CLEANUP(tacit_secagg_roster_done) struct tacit_secagg_roster roster = { 0 };
	uint8_t digest[32];
	WRITER(spoilt);

	if (type != TACIT_SECAGG_ROSTER)
		return;
	CU_ASSERT_EQUAL_FATAL(tacit_secagg_config_digest(&sw->config, digest), 0);
	CU_ASSERT_EQUAL_FATAL(
		tacit_secagg_roster_decode(digest, message->data, message->len, &roster), 0);
	bad_roster->spoil(sw, &roster);
	tacit_secagg_roster_encode(digest, &roster, &spoilt);
	tacit_writer_done(message);
	*message = spoilt;
	spoilt = (struct tacit_writer){ 0 };
}

/* Keys of the aggregator's own, to read what is dealt to this neighbour. */
static void foreign_keys(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	tacit_random_bytes(sw->w.random, roster->seat[2].advert.seal_key, TACIT_SECAGG_KEY_LEN);
}

/* Signed by the neighbour itself, but it is not in the tree that the root is of. */
static void foreign_host(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	struct tacit_secagg_advert *advert = &roster->seat[2].advert;

	(void)sw;
	advert->id[TACIT_SECAGG_ID_LEN - 1] ^= 1; /* in the same order */
}

static void other_certificate(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	(void)sw;
	roster->seat[2].advert.cert = roster->seat[3].advert.cert;
}

static void low_threshold(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	(void)sw;
	roster->params.t = 3;
}

static void other_beacon(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	(void)sw;
	roster->beacon[0] ^= 1;
}

static void other_root(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	(void)sw;
	roster->root[0] ^= 1;
}

static void other_place(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	(void)sw;
	roster->index = roster->index == 0 ? 1 : 0;
	for (uint32_t i = 0, at = 0; i < roster->params.k; i++, at++) {
		at += at == roster->index;
		roster->seat[i].index = at;
	}
}

static void test_rosters(void)
{
	static const struct bad_roster rows[] = {
		{ foreign_keys, "a neighbour is not at its place in the roster" },
		{ foreign_host, "a neighbour is not at its place in the roster" },
		{ other_certificate, "keys that their host did not sign" },
		{ low_threshold, "too few neighbours or too low a threshold" },
		{ other_beacon, "the beacon is not the one that was announced" },
		{ other_root, "this host is not at its place in the roster" },
		{ other_place, "this host is not at its place in the roster" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct sum_world sw;

		sum_begin(&sw);
		sw.twist = twist_roster;
		bad_roster = &rows[i];
		run(&sw);
		CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ADVERT], 1);
		CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_SHARES], 0);
		check_left(&sw, rows[i].why, false);
		sum_done(&sw);
	}
}

static struct tacit_writer elsewhere; /* the roster of a host that is seated elsewhere */
static struct tacit_secagg_roster elsewhere_roster;

static bool is_in(const struct tacit_secagg_roster *roster, uint32_t index)
{
	for (uint32_t i = 0; i < roster->params.k; i++)
		if (roster->seat[i].index == index)
			return true;
	return roster->index == index;
}

static int by_index(const void *a, const void *b)
{
	const struct tacit_secagg_seat *x = (const struct tacit_secagg_seat *)a;
	const struct tacit_secagg_seat *y = (const struct tacit_secagg_seat *)b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* One neighbour less, and in its place a host that is there, but no neighbour. */
static void other_neighbour(struct sum_world *sw, struct tacit_secagg_roster *roster)
{
	uint8_t digest[32];
	uint32_t i = 0;

	sum_must(tacit_secagg_config_digest(&sw->config, digest));
	sum_message(sw, TACIT_SECAGG_ROSTER, (roster->index + 1) % 100, &elsewhere);
	sum_must(tacit_secagg_roster_decode(digest, elsewhere.data, elsewhere.len,
					    &elsewhere_roster));
	while (is_in(roster, elsewhere_roster.seat[i].index))
		i++;
	roster->seat[0] = elsewhere_roster.seat[i];
	qsort(roster->seat, roster->params.k, sizeof(*roster->seat), by_index);
}

/* Neighbours are what the seed of the graph says, not whom the aggregator chooses. */
static void test_a_graph_that_was_chosen(void)
{
	static const struct bad_roster row = { other_neighbour,
					       "the neighbours are not those of the graph's seed" };
	struct sum_world sw;

	sum_begin(&sw);
	sum_invite(&sw, 99);
	sw.twist = twist_roster;
	bad_roster = &row;
	run(&sw);
	CU_ASSERT(tacit_secagg_server_get_params(sw.server)->k < 99);
	check_left(&sw, row.why, false);
	tacit_secagg_roster_done(&elsewhere_roster);
	tacit_writer_done(&elsewhere);
	sum_done(&sw);
}

/* Lists of survivors, made by hand of one that is right. */
static void (*bad_list)(struct sum_world *sw, uint8_t *alive, uint8_t *gone);

static void twist_list(struct sum_world *sw, enum tacit_secagg_type type,
		       struct tacit_writer *message)
{
	struct tacit_secagg_survivors list;
	uint8_t digest[32], alive[2], gone[2];
	WRITER(spoilt);

	if (type != TACIT_SECAGG_SURVIVORS)
		return;
	CU_ASSERT_EQUAL_FATAL(tacit_secagg_config_digest(&sw->config, digest), 0);
	CU_ASSERT_EQUAL_FATAL(
		tacit_secagg_survivors_decode(digest, message->data, message->len, &list), 0);
	memcpy(alive, list.alive, sizeof(alive));
	memcpy(gone, list.gone, sizeof(gone));
	bad_list(sw, alive, gone);
	list.alive = alive;
	list.gone = gone;
	tacit_secagg_survivors_encode(digest, &list, &spoilt);
	tacit_writer_done(message);
	*message = spoilt;
	spoilt = (struct tacit_writer){ 0 };
}

static void both_of_one(struct sum_world *sw, uint8_t *alive, uint8_t *gone)
{
	uint32_t i = sw->index == 0 ? 1 : 0;

	(void)alive;
	gone[i / 8] |= (uint8_t)(1 << i % 8);
}

static void without_this_host(struct sum_world *sw, uint8_t *alive, uint8_t *gone)
{
	uint8_t bit = (uint8_t)(1 << sw->index % 8);

	alive[sw->index / 8] &= (uint8_t)~bit;
	gone[sw->index / 8] |= bit;
}

/* This host and one other: the other is in league with the aggregator. */
static void hardly_anybody(struct sum_world *sw, uint8_t *alive, uint8_t *gone)
{
	for (uint32_t i = 0; i < PEERS + 1; i++) {
		uint8_t bit = (uint8_t)(1 << i % 8);

		if (i == sw->index || i == (sw->index + 1) % (PEERS + 1))
			continue;
		alive[i / 8] &= (uint8_t)~bit;
		gone[i / 8] |= bit;
	}
}

/* Another list than its neighbours': the ninth went away, it is told. */
static void another_list(struct sum_world *sw, uint8_t *alive, uint8_t *gone)
{
	uint32_t i = sw->index == 0 ? 1 : 0;
	uint8_t bit = (uint8_t)(1 << i % 8);

	alive[i / 8] &= (uint8_t)~bit;
	gone[i / 8] |= bit;
}

static void test_lists_of_survivors(void)
{
	static const struct {
		void (*spoil)(struct sum_world *sw, uint8_t *alive, uint8_t *gone);
		const char *why;
	} rows[] = {
		{ both_of_one, "both shares of one host are asked for" },
		{ without_this_host, "this host is not among the survivors" },
		{ hardly_anybody, "too few survivors" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++) {
		struct sum_world sw;

		sum_begin(&sw);
		sw.twist = twist_list;
		bad_list = rows[i].spoil;
		run(&sw);
		CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_MASKED], 1);
		CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_CONSENT], 0);
		check_left(&sw, rows[i].why, true);
		sum_done(&sw);
	}
}

/* It consents to one list, its neighbours to another: no share leaves this host. */
static void test_two_lists(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.twist = twist_list;
	bad_list = another_list;
	CU_ASSERT_TRUE_FATAL(sum_gets_to(&sw, TACIT_SECAGG_CONSENT));
	sw.n_said[TACIT_SECAGG_CONSENT]++;
	world_answer(&sw.w, 201, NULL, NULL, 0);
	run(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ANSWER], 0);
	check_left(&sw, "a consent that its host did not sign, or to another list", true);
	sum_done(&sw);
}

/* The same, and the second list in place of the consents. */
static void replay_list(struct sum_world *sw, enum tacit_secagg_type type,
			struct tacit_writer *message)
{
	if (type != TACIT_SECAGG_CONSENTS)
		return;
	tacit_writer_done(message);
	*message = (struct tacit_writer){ 0 };
	sum_message(sw, TACIT_SECAGG_SURVIVORS, sw->index, message);
}

static void test_a_second_list_instead_of_consents(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.twist = replay_list;
	run(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ANSWER], 0);
	check_left(&sw, "not a message of this kind", true);
	sum_done(&sw);
}

static void few_consents(struct sum_world *sw, enum tacit_secagg_type type,
			 struct tacit_writer *message)
{
	TACIT_CLEANUP(tacit_secagg_consents_done) struct tacit_secagg_consents consents = { 0 };
	uint8_t digest[32];
	WRITER(spoilt);

	if (type != TACIT_SECAGG_CONSENTS)
		return;
	CU_ASSERT_EQUAL_FATAL(tacit_secagg_config_digest(&sw->config, digest), 0);
	CU_ASSERT_EQUAL_FATAL(
		tacit_secagg_consents_decode(digest, message->data, message->len, &consents), 0);
	consents.n = 6;
	tacit_secagg_consents_encode(digest, &consents, &spoilt);
	tacit_writer_done(message);
	*message = spoilt;
	spoilt = (struct tacit_writer){ 0 };
}

static void test_too_few_consents(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.twist = few_consents;
	run(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ANSWER], 0);
	check_left(&sw, "fewer consents than the threshold", true);
	sum_done(&sw);
}

/* Nobody's shares: what masks this host's vector could be undone. */
static void few_boxes(struct sum_world *sw, enum tacit_secagg_type type,
		      struct tacit_writer *message)
{
	TACIT_CLEANUP(tacit_secagg_boxes_done) struct tacit_secagg_boxes inbox = { 0 };
	uint8_t digest[32];
	WRITER(spoilt);

	if (type != TACIT_SECAGG_INBOX)
		return;
	CU_ASSERT_EQUAL_FATAL(tacit_secagg_config_digest(&sw->config, digest), 0);
	CU_ASSERT_EQUAL_FATAL(
		tacit_secagg_boxes_decode(type, digest, message->data, message->len, &inbox), 0);
	inbox.n = 6;
	tacit_secagg_boxes_encode(type, digest, &inbox, &spoilt);
	tacit_writer_done(message);
	*message = spoilt;
	spoilt = (struct tacit_writer){ 0 };
}

static void test_too_few_shares(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	sw.twist = few_boxes;
	run(&sw);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_MASKED], 0);
	check_left(&sw, "fewer shares than the threshold", false);
	sum_done(&sw);
}

/* A round that was taken part in, or left, is never taken part in again, whoever signs it. */
static void test_a_round_that_is_replayed(void)
{
	struct sum_world sw;

	sum_begin(&sw);
	CU_ASSERT_TRUE(sum_ends(&sw));
	CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
	sw.w.round.min_cohort = 2;
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(sum_serve(&sw)); /* it is offered round 1 each time it asks */
		CU_ASSERT_EQUAL(sum_type(&sw), 0);
	}
	world_restart(&sw.w);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(sum_serve(&sw));
		CU_ASSERT_EQUAL(sum_type(&sw), 0);
	}
	CU_ASSERT_EQUAL(world_charged(&sw.w), 1);
	CU_ASSERT_EQUAL(sw.n_said[TACIT_SECAGG_ADVERT], 1);
	sum_done(&sw);
}

static unsigned garbage_kind;

static void garble(struct sum_world *sw, enum tacit_secagg_type type, struct tacit_writer *message)
{
	if (type != spoiled)
		return;
	switch (garbage_kind) {
	case 0:
		tacit_random_bytes(sw->w.random, message->data, message->len);
		break;
	case 1:
		message->len--;
		break;
	case 2:
		tacit_write_u8(message, 0);
		break;
	case 3:
		message->len = 0;
		break;
	default: /* another kind of message, whole and sound */
		tacit_writer_done(message);
		*message = (struct tacit_writer){ 0 };
		sum_message(sw, TACIT_SECAGG_CONFIG, 0, message);
		if (type == TACIT_SECAGG_CONFIG)
			message->data[5] = TACIT_SECAGG_ROSTER;
	}
}

static void test_garbage(void)
{
	for (int type = TACIT_SECAGG_CONFIG; type < (int)TYPES; type += 2)
		for (garbage_kind = 0; garbage_kind < 5; garbage_kind++) {
			struct sum_world sw;

			sum_begin(&sw);
			sw.twist = garble;
			spoiled = (enum tacit_secagg_type)type;
			run(&sw);
			CU_ASSERT_EQUAL(sw.n_said[type + 1], 0);
			check_left(&sw, "not a message of this kind",
				   type > (int)TACIT_SECAGG_INBOX);
			sum_done(&sw);
		}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "configs that say something else", test_configs_that_say_something_else },
		{ "a cohort below the floor", test_a_cohort_below_the_floor },
		{ "a roster below the floor", test_a_roster_below_the_floor },
		{ "a config that is not signed", test_a_config_that_is_not_signed },
		{ "a config of another aggregator", test_a_config_of_another_aggregator },
		{ "two configs", test_two_configs },
		{ "a key that was exchanged", test_a_key_that_was_exchanged },
		{ "rosters", test_rosters },
		{ "a graph that was chosen", test_a_graph_that_was_chosen },
		{ "too few shares", test_too_few_shares },
		{ "lists of survivors", test_lists_of_survivors },
		{ "two lists", test_two_lists },
		{ "a second list instead of consents", test_a_second_list_instead_of_consents },
		{ "too few consents", test_too_few_consents },
		{ "a round that is replayed", test_a_round_that_is_replayed },
		{ "garbage", test_garbage },
		{ NULL, NULL },
	};

	return unit_main("participant_cheat", cases);
}
