/* SPDX-License-Identifier: MIT */
#include "aggregator/hosts.h"

#include <openssl/x509.h>

#include "aggregator/chain.h"
#include "aggregator/tokens.h"

#include "fleet.h"
#include "unit.h"

/* A host as it is on its own side. */
struct machine {
	EVP_PKEY *key;
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	char *csr;
	X509 *cert;
	struct tacit_host host;
};

static struct machine machine_new(void)
{
	struct machine machine = { 0 };

	FLEET_MUST(tacit_key_generate(&machine.key));
	FLEET_MUST(tacit_key_fingerprint(machine.key, machine.fingerprint));
	FLEET_MUST(tacit_csr_create(machine.key, &machine.csr));
	return machine;
}

static void machine_done(struct machine *machine)
{
	tacit_key_free(machine->key);
	tacit_cert_free(machine->cert);
	tacit_free(machine->csr);
}

#define MACHINE(name) TACIT_CLEANUP(machine_done) struct machine name = machine_new()

static int64_t token(struct fleet *fleet, uint32_t uses, json_t *labels, uint8_t *secret)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token parsed = { 0 };
	const struct tacit_token_order order = { .url = "https://x",
						 .pin = tacit_ca_pin(fleet->ca),
						 .uses = uses,
						 .ttl_sec = 60,
						 .labels = labels };
	char text[TACIT_TOKEN_TEXT_MAX];
	int64_t id;

	FLEET_MUST(tacit_tokens_create(fleet->db, fleet->random, &order, FLEET_NOW, text, &id));
	FLEET_MUST(tacit_token_parse(text, strlen(text), &parsed, NULL, 0));
	memcpy(secret, parsed.secret, sizeof(parsed.secret));
	return id;
}

/* Keeps the certificate, as a host does. */
static int take_cert(struct machine *machine, int r, char *pem)
{
	TACIT_AUTO_FREE char *owned = pem;

	if (r < 0)
		return r;
	tacit_cert_free(machine->cert);
	machine->cert = NULL;
	FLEET_MUST(tacit_cert_parse(owned, strlen(owned), &machine->cert));
	return r;
}

static int enrol_at(struct fleet *fleet, struct machine *machine, const uint8_t *secret,
		    int64_t wall_ms)
{
	struct tacit_enrol request = { .csr = machine->csr };
	char *pem = NULL;
	int r;

	memcpy(request.secret, secret, sizeof(request.secret));
	r = tacit_hosts_enrol(fleet->db, fleet->ca, &request, machine->fingerprint, wall_ms,
			      &machine->host, &pem);
	return take_cert(machine, r, pem);
}

static int enrol(struct fleet *fleet, struct machine *machine, const uint8_t *secret)
{
	return enrol_at(fleet, machine, secret, FLEET_NOW);
}

static int renew(struct fleet *fleet, struct machine *machine, const char *csr)
{
	char *pem = NULL;
	int r = tacit_hosts_renew(fleet->db, fleet->ca, &machine->host, machine->cert, csr,
				  FLEET_NOW + 1, &pem);

	return take_cert(machine, r, pem);
}

static int check(struct fleet *fleet, const X509 *cert)
{
	struct tacit_host host;

	return tacit_hosts_check(fleet->db, cert, &host);
}

static bool log_holds(struct fleet *fleet, uint64_t entries)
{
	uint8_t head[TACIT_CHAIN_LEN];
	uint64_t n;

	return tacit_chain_verify(fleet->db, &n, head) == 0 && n == entries;
}

static void test_a_new_host(void)
{
	FLEET(fleet);
	MACHINE(machine);
	uint8_t secret[32];
	char name[65], id[65];
	struct tacit_host host;

	(void)token(&fleet, 1, NULL, secret);
	CU_ASSERT_EQUAL_FATAL(enrol(&fleet, &machine, secret), 1);
	tacit_hex_encode(machine.fingerprint, 16, id);
	CU_ASSERT_STRING_EQUAL(machine.host.id, id);
	CU_ASSERT_EQUAL(tacit_cert_common_name(machine.cert, name, sizeof(name)), 0);
	CU_ASSERT_STRING_EQUAL(name, id);
	CU_ASSERT_EQUAL(tacit_hosts_check(fleet.db, machine.cert, &host), 0);
	CU_ASSERT_EQUAL(host.number, machine.host.number);
	CU_ASSERT_STRING_EQUAL(host.id, id);
	CU_ASSERT(log_holds(&fleet, 2));
}

static void test_the_same_host_again(void)
{
	FLEET(fleet);
	MACHINE(machine);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *first = NULL;
	uint8_t secret[32], other[32];

	(void)token(&fleet, 1, NULL, secret);
	CU_ASSERT_EQUAL_FATAL(enrol(&fleet, &machine, secret), 1);
	first = TACIT_TAKE(machine.cert);
	CU_ASSERT_EQUAL(enrol_at(&fleet, &machine, secret, FLEET_NOW + 3600000), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT used FROM token"), 1);
	CU_ASSERT_EQUAL(check(&fleet, first), 0);
	CU_ASSERT_EQUAL(check(&fleet, machine.cert), 0);
	/* with another good token: known, so nothing is used up */
	(void)token(&fleet, 1, NULL, other);
	CU_ASSERT_EQUAL(enrol(&fleet, &machine, other), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT used FROM token WHERE id = 2"), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT generation FROM host"), 3);
	CU_ASSERT(log_holds(&fleet, 5));
}

static void test_a_token_that_is_not_good(void)
{
	FLEET(fleet);
	MACHINE(first);
	MACHINE(second);
	uint8_t secret[32], unknown[32] = { 0 }, expired[32];
	int64_t id;

	id = token(&fleet, 1, NULL, secret);
	(void)token(&fleet, 1, NULL, expired);
	CU_ASSERT_EQUAL(enrol(&fleet, &first, unknown), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(enrol_at(&fleet, &first, secret, FLEET_NOW + 60000), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(enrol(&fleet, &first, secret), 1);
	CU_ASSERT_EQUAL(enrol(&fleet, &second, secret), TACIT_EUNTRUSTED); /* used up */
	CU_ASSERT_EQUAL(enrol_at(&fleet, &first, expired, FLEET_NOW + 60000), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(tacit_tokens_revoke(fleet.db, id, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(enrol(&fleet, &first, secret), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(check(&fleet, first.cert), 0); /* the host itself stays */
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM host"), 1);
	CU_ASSERT(log_holds(&fleet, 4));
}

static void test_a_request_that_is_not_good(void)
{
	FLEET(fleet);
	MACHINE(machine);
	MACHINE(other);
	uint8_t secret[32];
	char *csr = machine.csr;

	(void)token(&fleet, 9, NULL, secret);
	machine.csr = other.csr;
	CU_ASSERT_EQUAL(enrol(&fleet, &machine, secret), TACIT_ECONFLICT);
	machine.csr = tacit_strdup("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n");
	CU_ASSERT_EQUAL(enrol(&fleet, &machine, secret), TACIT_ESCHEMA);
	tacit_free(machine.csr);
	machine.csr = csr;
	csr[strlen(csr) / 2] ^= 1; /* some byte of the key or the signature */
	CU_ASSERT(enrol(&fleet, &machine, secret) < 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT count(*) FROM host"), 0);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT used FROM token"), 0);
}

static void test_revocation(void)
{
	FLEET(fleet);
	MACHINE(machine);
	uint8_t secret[32];
	struct tacit_hosts_count count;

	(void)token(&fleet, 9, NULL, secret);
	CU_ASSERT_EQUAL_FATAL(enrol(&fleet, &machine, secret), 1);
	CU_ASSERT_EQUAL(tacit_hosts_revoke(fleet.db, "nobody", FLEET_NOW), -ENOENT);
	CU_ASSERT_EQUAL(tacit_hosts_revoke(fleet.db, machine.host.id, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(tacit_hosts_revoke(fleet.db, machine.host.id, FLEET_NOW), 0);
	CU_ASSERT_EQUAL(check(&fleet, machine.cert), TACIT_EREFUSED);
	CU_ASSERT_EQUAL(renew(&fleet, &machine, machine.csr), TACIT_EREFUSED);
	CU_ASSERT_EQUAL(enrol(&fleet, &machine, secret), TACIT_EREFUSED);
	CU_ASSERT_EQUAL(tacit_hosts_count(fleet.db, &count), 0);
	CU_ASSERT_EQUAL(count.enrolled, 0);
	CU_ASSERT_EQUAL(count.revoked, 1);
	CU_ASSERT(log_holds(&fleet, 3));
}

static void test_renewal_survives_a_lost_answer(void)
{
	FLEET(fleet);
	MACHINE(machine);
	uint8_t secret[32];

	(void)token(&fleet, 1, NULL, secret);
	CU_ASSERT_EQUAL_FATAL(enrol(&fleet, &machine, secret), 1);
	for (int i = 0; i < 3; i++) { /* the host never sees any of these */
		TACIT_AUTO_FREE char *pem = NULL;

		CU_ASSERT_EQUAL(tacit_hosts_renew(fleet.db, fleet.ca, &machine.host, machine.cert,
						  machine.csr, FLEET_NOW, &pem),
				0);
		CU_ASSERT_EQUAL(check(&fleet, machine.cert), 0);
	}
	CU_ASSERT_EQUAL(renew(&fleet, &machine, machine.csr), 0);
	CU_ASSERT_EQUAL(check(&fleet, machine.cert), 0);
}

static void test_two_machines_with_one_key_are_found(void)
{
	FLEET(fleet);
	MACHINE(machine);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *copy = NULL;
	uint8_t secret[32];

	(void)token(&fleet, 1, NULL, secret);
	CU_ASSERT_EQUAL_FATAL(enrol(&fleet, &machine, secret), 1);
	copy = X509_dup(machine.cert);
	CU_ASSERT_EQUAL(renew(&fleet, &machine, machine.csr), 0);
	CU_ASSERT_EQUAL(renew(&fleet, &machine, machine.csr), 0);
	CU_ASSERT_EQUAL(check(&fleet, copy), TACIT_ESTALE);
	CU_ASSERT_EQUAL(check(&fleet, machine.cert), 0);
}

static void test_renewal_is_for_the_same_key(void)
{
	FLEET(fleet);
	MACHINE(machine);
	MACHINE(other);
	uint8_t secret[32];

	(void)token(&fleet, 1, NULL, secret);
	CU_ASSERT_EQUAL_FATAL(enrol(&fleet, &machine, secret), 1);
	CU_ASSERT_EQUAL(renew(&fleet, &machine, other.csr), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(renew(&fleet, &machine, "nonsense"), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(check(&fleet, machine.cert), 0);
}

static void test_a_stranger(void)
{
	FLEET(fleet);
	MACHINE(machine);

	CU_ASSERT_EQUAL_FATAL(tacit_ca_certify_host(fleet.ca, machine.key, "abc", &machine.cert),
			      0);
	CU_ASSERT_EQUAL(check(&fleet, machine.cert), -ENOENT);
}

static void test_the_list_and_the_labels(void)
{
	FLEET(fleet);
	MACHINE(machine);
	TACIT_CLEANUP(json_decrefp) json_t *given = json_pack("{s:s}", "site", "lab");
	TACIT_CLEANUP(json_decrefp)
	json_t *own = json_pack("{s:s, s:s}", "site", "mine", "rack", "7");
	TACIT_CLEANUP(json_decrefp) json_t *list = NULL;
	struct tacit_enrol request = { .csr = machine.csr, .labels = own };
	const json_t *row, *labels;
	TACIT_AUTO_FREE char *pem = NULL;

	(void)token(&fleet, 1, given, request.secret);
	CU_ASSERT_EQUAL_FATAL(tacit_hosts_enrol(fleet.db, fleet.ca, &request, machine.fingerprint,
						FLEET_NOW, &machine.host, &pem),
			      1);
	CU_ASSERT_EQUAL_FATAL(tacit_hosts_list(fleet.db, &list), 0);
	CU_ASSERT_EQUAL(json_array_size(list), 1);
	row = json_array_get(list, 0);
	labels = json_object_get(row, "labels");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "id")), machine.host.id);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(labels, "site")), "lab");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(labels, "rack")), "7");
	CU_ASSERT(json_is_null(json_object_get(row, "revoked")));
	CU_ASSERT_EQUAL(json_number_value(json_object_get(row, "epsilon")), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "generation")), 1);
}

static void test_every_allocation_may_fail(void)
{
	FLEET(fleet);
	MACHINE(machine);
	uint8_t secret[32];
	int r = -ENOMEM, nth;

	(void)token(&fleet, 1, NULL, secret);
	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		struct tacit_enrol request = { .csr = machine.csr };
		TACIT_AUTO_FREE char *pem = NULL;

		memcpy(request.secret, secret, sizeof(secret));
		unit_fail_alloc(nth);
		r = tacit_hosts_enrol(fleet.db, fleet.ca, &request, machine.fingerprint, FLEET_NOW,
				      &machine.host, &pem);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 1) == (pem != NULL));
	}
	CU_ASSERT_EQUAL(r, 1);
	CU_ASSERT(nth > 3);
	CU_ASSERT_EQUAL(fleet_int(&fleet, "SELECT used FROM token"), 1);
	CU_ASSERT(log_holds(&fleet, 2));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a new host", test_a_new_host },
		{ "the same host again", test_the_same_host_again },
		{ "a token that is not good", test_a_token_that_is_not_good },
		{ "a request that is not good", test_a_request_that_is_not_good },
		{ "revocation", test_revocation },
		{ "renewal survives a lost answer", test_renewal_survives_a_lost_answer },
		{ "two machines with one key are found", test_two_machines_with_one_key_are_found },
		{ "renewal is for the same key", test_renewal_is_for_the_same_key },
		{ "a stranger", test_a_stranger },
		{ "the list and the labels", test_the_list_and_the_labels },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("hosts", cases);
}
