/* SPDX-License-Identifier: MIT */
#include "aggregator/tokens.h"

#include "fleet.h"
#include "unit.h"

#define URL "https://fleet.example:8443"

static int create(struct fleet *fleet, uint32_t uses, int64_t ttl_sec, char *text, int64_t *ret_id)
{
	const struct tacit_token_order order = {
		.url = URL, .pin = tacit_ca_pin(fleet->ca), .uses = uses, .ttl_sec = ttl_sec
	};

	return tacit_tokens_create(fleet->db, fleet->random, &order, FLEET_NOW, text, ret_id);
}

static int find(struct fleet *fleet, const uint8_t *secret, int64_t wall_ms, int *ret_usable)
{
	struct tacit_token_found found;
	int r = tacit_tokens_find(fleet->db, secret, wall_ms, &found);

	if (r < 0)
		return r;
	tacit_free(found.labels);
	*ret_usable = found.usable;
	return (int)found.id;
}

static void test_the_line_holds_all_a_host_needs(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	char text[TACIT_TOKEN_TEXT_MAX];
	int usable = 0;
	int64_t id;

	CU_ASSERT_EQUAL_FATAL(create(&fleet, 2, 60, text, &id), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_token_parse(text, strlen(text), &token, NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(token.url, URL);
	CU_ASSERT_EQUAL(memcmp(token.pin, tacit_ca_pin(fleet.ca), sizeof(token.pin)), 0);
	CU_ASSERT_EQUAL(find(&fleet, token.secret, FLEET_NOW, &usable), id);
	CU_ASSERT(usable);
}

static bool database_holds(struct fleet *fleet, const void *needle, size_t len)
{
	static const char *const names[] = { "fleet.db", "fleet.db-wal" };
	static char data[1U << 20];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(names); i++) {
		FILE *f = fopen(place_file(&fleet->place, names[i]), "rbe");
		size_t n = f ? fread(data, 1, sizeof(data), f) : 0;

		if (f)
			(void)fclose(f);
		if (n > 0 && memmem(data, n, needle, len))
			return true;
	}
	return false;
}

static void test_the_secret_is_not_stored(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	char text[TACIT_TOKEN_TEXT_MAX];
	uint8_t digest[32];
	int64_t id;

	CU_ASSERT_EQUAL_FATAL(create(&fleet, 2, 60, text, &id), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_token_parse(text, strlen(text), &token, NULL, 0), 0);
	CU_ASSERT_EQUAL(tacit_sha256(token.secret, sizeof(token.secret), digest), 0);
	CU_ASSERT(database_holds(&fleet, digest, sizeof(digest))); /* the search does find */
	CU_ASSERT(!database_holds(&fleet, token.secret, sizeof(token.secret)));
}

static void test_when_it_is_good(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	char text[TACIT_TOKEN_TEXT_MAX];
	uint8_t other[32] = { 1 };
	int usable = 0;
	int64_t id;

	CU_ASSERT_EQUAL_FATAL(create(&fleet, 2, 60, text, &id), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_token_parse(text, strlen(text), &token, NULL, 0), 0);
	CU_ASSERT_EQUAL(find(&fleet, other, FLEET_NOW, &usable), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(find(&fleet, token.secret, FLEET_NOW + 59999, &usable), id);
	CU_ASSERT(usable);
	CU_ASSERT_EQUAL(find(&fleet, token.secret, FLEET_NOW + 60000, &usable), id);
	CU_ASSERT(!usable);
	CU_ASSERT_EQUAL(tacit_tokens_use(fleet.db, id), 0);
	CU_ASSERT_EQUAL(find(&fleet, token.secret, FLEET_NOW, &usable), id);
	CU_ASSERT(usable);
	CU_ASSERT_EQUAL(tacit_tokens_use(fleet.db, id), 0);
	CU_ASSERT_EQUAL(find(&fleet, token.secret, FLEET_NOW, &usable), id);
	CU_ASSERT(!usable);
	CU_ASSERT_EQUAL(tacit_tokens_revoke(fleet.db, id, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(tacit_tokens_revoke(fleet.db, id, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(tacit_tokens_revoke(fleet.db, id + 1, FLEET_NOW), -ENOENT);
	CU_ASSERT_EQUAL(find(&fleet, token.secret, FLEET_NOW, &usable), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM enrolment"), 2);
}

static const char *state_at(struct fleet *fleet, int64_t wall_ms, size_t at, char *state)
{
	TACIT_CLEANUP(json_decrefp) json_t *list = NULL;

	FLEET_MUST(tacit_tokens_list(fleet->db, wall_ms, &list));
	(void)snprintf(state, 16, "%s",
		       json_string_value(json_object_get(json_array_get(list, at), "state")));
	return state;
}

static void test_the_list(void)
{
	FLEET(fleet);
	char text[TACIT_TOKEN_TEXT_MAX], state[16];
	int64_t first, second;

	CU_ASSERT_EQUAL(create(&fleet, 1, 60, text, &first), 0);
	CU_ASSERT_EQUAL(create(&fleet, 1, 3600, text, &second), 0);
	CU_ASSERT_STRING_EQUAL(state_at(&fleet, FLEET_NOW, 1, state), "valid");
	CU_ASSERT_STRING_EQUAL(state_at(&fleet, FLEET_NOW + 60000, 1, state), "expired");
	CU_ASSERT_STRING_EQUAL(state_at(&fleet, FLEET_NOW + 60000, 0, state), "valid");
	CU_ASSERT_EQUAL(tacit_tokens_use(fleet.db, second), 0);
	CU_ASSERT_STRING_EQUAL(state_at(&fleet, FLEET_NOW, 0, state), "used-up");
	CU_ASSERT_EQUAL(tacit_tokens_revoke(fleet.db, second, FLEET_NOW), 0);
	CU_ASSERT_STRING_EQUAL(state_at(&fleet, FLEET_NOW, 0, state), "revoked");
}

static void test_orders_out_of_range(void)
{
	FLEET(fleet);
	TACIT_CLEANUP(json_decrefp) json_t *labels = json_pack("{s:i}", "site", 1);
	struct tacit_token_order order = {
		.url = URL, .pin = tacit_ca_pin(fleet.ca), .uses = 1, .ttl_sec = 1
	};
	char text[TACIT_TOKEN_TEXT_MAX], long_url[600];
	int64_t id;

	CU_ASSERT_EQUAL(create(&fleet, 0, 60, text, &id), -EINVAL);
	CU_ASSERT_EQUAL(create(&fleet, TACIT_TOKEN_USES_MAX + 1, 60, text, &id), -EINVAL);
	CU_ASSERT_EQUAL(create(&fleet, 1, 0, text, &id), -EINVAL);
	CU_ASSERT_EQUAL(create(&fleet, 1, TACIT_TOKEN_TTL_SEC_MAX + 1, text, &id), -EINVAL);
	order.labels = labels;
	CU_ASSERT_EQUAL(tacit_tokens_create(fleet.db, fleet.random, &order, 0, text, &id),
			TACIT_ESCHEMA);
	order.labels = NULL;
	order.url = "http://fleet.example";
	CU_ASSERT_EQUAL(tacit_tokens_create(fleet.db, fleet.random, &order, 0, text, &id), -EINVAL);
	memset(long_url, 'x', sizeof(long_url) - 1);
	long_url[sizeof(long_url) - 1] = '\0';
	memcpy(long_url, "https://", 8);
	order.url = long_url;
	CU_ASSERT_EQUAL(tacit_tokens_create(fleet.db, fleet.random, &order, 0, text, &id), -EINVAL);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM token"), 0);
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	char text[TACIT_TOKEN_TEXT_MAX];
	int r = -ENOMEM, nth;
	int64_t id;

	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		unit_fail_alloc(nth);
		r = create(&fleet, 1, 60, text, &id);
		unit_fail_alloc(-1);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 2);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM token"), 1);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM enrolment"), 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the line holds all a host needs", test_the_line_holds_all_a_host_needs },
		{ "the secret is not stored", test_the_secret_is_not_stored },
		{ "when it is good", test_when_it_is_good },
		{ "the list", test_the_list },
		{ "orders out of range", test_orders_out_of_range },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("tokens", cases);
}
