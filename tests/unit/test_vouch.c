/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include <tacit/vouch.h>
#include <tacit/x509.h>

#include "unit.h"

static int64_t now_ms;

static int64_t clock_ms(void)
{
	return now_ms;
}

/* A host with a certificate of its own. */
struct host {
	EVP_PKEY *key;
	uint8_t id[TACIT_SECAGG_ID_LEN];
	uint8_t *der;
	struct tacit_secagg_blob cert;
};

struct fleet {
	EVP_PKEY *ca_key;
	X509 *ca;
	struct tacit_vouch *vouch;
	struct host host;
};

static void certify(const struct fleet *fleet, struct host *host, enum tacit_cert_use use,
		    int64_t valid_sec)
{
	X509 *cert = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(fleet->ca, fleet->ca_key, host->key, use, "somebody",
					     NULL, valid_sec, &cert),
			      0);
	tacit_free(host->der);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_format_der(cert, &host->der, &host->cert.len), 0);
	host->cert.data = host->der;
	tacit_cert_free(cert);
}

static void make_host(const struct fleet *fleet, struct host *host)
{
	memset(host, 0, sizeof(*host));
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&host->key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_key_fingerprint(host->key, host->id), 0);
	certify(fleet, host, TACIT_CERT_HOST, 3600);
}

static void host_done(struct host *host)
{
	tacit_key_free(host->key);
	tacit_free(host->der);
}

static void fleet_init(struct fleet *fleet)
{
	memset(fleet, 0, sizeof(*fleet));
	now_ms = (int64_t)time(NULL) * 1000;
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&fleet->ca_key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(fleet->ca_key, "fleet", 10, &fleet->ca), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_vouch_new(fleet->ca, clock_ms, &fleet->vouch), 0);
	make_host(fleet, &fleet->host);
}

static void fleet_done(struct fleet *fleet)
{
	host_done(&fleet->host);
	tacit_vouch_free(fleet->vouch);
	tacit_cert_free(fleet->ca);
	tacit_key_free(fleet->ca_key);
}

/* What @vouch says of @signer's signature, shown as @host's. */
static int ask(const struct fleet *fleet, const struct host *host, const struct host *signer,
	       const char *said, const char *signed_text)
{
	uint8_t bytes[TACIT_SIGNATURE_MAX];
	struct tacit_secagg_blob sig = { bytes, 0 };

	CU_ASSERT_EQUAL_FATAL(
		tacit_key_sign(signer->key, signed_text, strlen(signed_text), bytes, &sig.len), 0);
	return tacit_vouch_for_host(fleet->vouch, host->id, &host->cert, said, strlen(said), &sig);
}

static void test_host(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;
	TACIT_CLEANUP(host_done) struct host other = { 0 };

	fleet_init(&fleet);
	make_host(&fleet, &other);
	for (int again = 0; again < 2; again++) { /* verified, then known */
		CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), 0);
		CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "there"),
				TACIT_EUNTRUSTED);
		CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &other, "here", "here"), TACIT_EUNTRUSTED);
	}
}

static void test_somebody_elses_certificate(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;
	TACIT_CLEANUP(host_done) struct host other = { 0 };
	struct host liar;

	fleet_init(&fleet);
	make_host(&fleet, &other);
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), 0);
	liar = fleet.host; /* an id that is well known, and one's own certificate */
	liar.cert = other.cert;
	CU_ASSERT_EQUAL(ask(&fleet, &liar, &other, "here", "here"), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), 0);
}

static void test_foreign_ca(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;
	TACIT_CLEANUP(fleet_done) struct fleet foreign;

	fleet_init(&fleet);
	fleet_init(&foreign);
	CU_ASSERT_EQUAL(ask(&fleet, &foreign.host, &foreign.host, "here", "here"),
			TACIT_EUNTRUSTED);
	CU_ASSERT(tacit_vouch_is_of(fleet.vouch, fleet.ca));
	CU_ASSERT_FALSE(tacit_vouch_is_of(fleet.vouch, foreign.ca));
}

static void test_other_use(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;

	fleet_init(&fleet);
	certify(&fleet, &fleet.host, TACIT_CERT_SERVER, 3600);
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), TACIT_EUNTRUSTED);
}

static void test_time(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;

	fleet_init(&fleet);
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), 0);
	now_ms += 3700 * 1000; /* known, and expired */
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), TACIT_EUNTRUSTED);
	certify(&fleet, &fleet.host, TACIT_CERT_HOST, 7200); /* renewed */
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), 0);
	now_ms -= 2LL * 3700 * 1000; /* not yet valid */
	CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"), TACIT_EUNTRUSTED);
}

static void test_damaged_certificate(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;
	size_t len;

	fleet_init(&fleet);
	len = fleet.host.cert.len;
	for (size_t i = 0; i < len; i += 7) {
		fleet.host.der[i] ^= 0x41;
		CU_ASSERT(ask(&fleet, &fleet.host, &fleet.host, "here", "here") < 0);
		fleet.host.der[i] ^= 0x41;
	}
	for (fleet.host.cert.len = 0; fleet.host.cert.len < len; fleet.host.cert.len += 11)
		CU_ASSERT_EQUAL(ask(&fleet, &fleet.host, &fleet.host, "here", "here"),
				TACIT_EUNTRUSTED);
}

static void test_server(void)
{
	TACIT_CLEANUP(fleet_done) struct fleet fleet;
	uint8_t bytes[TACIT_SIGNATURE_MAX];
	struct tacit_secagg_blob sig = { bytes, 0 };

	fleet_init(&fleet);
	CU_ASSERT_EQUAL_FATAL(tacit_key_sign(fleet.ca_key, "round", 5, bytes, &sig.len), 0);
	CU_ASSERT_EQUAL(tacit_vouch_for_server(fleet.vouch, "round", 5, &sig), 0);
	CU_ASSERT_EQUAL(tacit_vouch_for_server(fleet.vouch, "rouna", 5, &sig), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL_FATAL(tacit_key_sign(fleet.host.key, "round", 5, bytes, &sig.len), 0);
	CU_ASSERT_EQUAL(tacit_vouch_for_server(fleet.vouch, "round", 5, &sig), TACIT_EUNTRUSTED);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a host", test_host },
		{ "somebody else's certificate", test_somebody_elses_certificate },
		{ "another fleet's host", test_foreign_ca },
		{ "a server is no host", test_other_use },
		{ "expired, renewed, not yet valid", test_time },
		{ "a damaged certificate", test_damaged_certificate },
		{ "the server", test_server },
		{ NULL, NULL },
	};

	return unit_main("vouch", cases);
}
