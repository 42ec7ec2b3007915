/* SPDX-License-Identifier: MIT */
#include "aggregator/ca.h"

#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <tacit/clock.h>

#include "place.h"
#include "unit.h"

#define DAY_MS INT64_C(86400000)

static int open_ca(struct place *place, const char *names, int64_t wall_ms, struct tacit_ca **ret)
{
	const struct tacit_ca_params params = { .dir = place->folder,
						.names = names,
						.host_cert_sec = 7 * 86400,
						.server_cert_sec = 90 * 86400 };

	return tacit_ca_open(&params, wall_ms, ret);
}

static int open_now(struct place *place, struct tacit_ca **ret)
{
	return open_ca(place, "localhost,127.0.0.1", tacit_clock_wall_ms(), ret);
}

static unsigned mode_of(struct place *place, const char *name)
{
	struct stat st;

	return stat(place_file(place, name), &st) == 0 ? st.st_mode & 0777 : 0;
}

static void test_the_first_start_makes_everything(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *ca = NULL;
	X509 *server;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ca), 0);
	CU_ASSERT_EQUAL(mode_of(&place, "ca.key"), 0600);
	CU_ASSERT_EQUAL(mode_of(&place, "server.key"), 0600);
	CU_ASSERT_EQUAL(mode_of(&place, "ca.crt"), 0644);
	CU_ASSERT_PTR_NOT_NULL(strstr(tacit_ca_pem(ca), "BEGIN CERTIFICATE"));
	server = tacit_ca_server_cert(ca);
	CU_ASSERT_EQUAL(X509_verify(server, X509_get0_pubkey(tacit_ca_cert(ca))), 1);
	CU_ASSERT_EQUAL(X509_check_host(server, "localhost", 0, 0, NULL), 1);
	CU_ASSERT_EQUAL(X509_check_ip_asc(server, "127.0.0.1", 0), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_eq(X509_get0_pubkey(server), tacit_ca_server_key(ca)), 1);
}

static void test_the_next_start_finds_the_same(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *first = NULL;
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *second = NULL;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &first), 0);
	CU_ASSERT_EQUAL_FATAL(open_now(&place, &second), 0);
	CU_ASSERT_STRING_EQUAL(tacit_ca_pem(first), tacit_ca_pem(second));
	CU_ASSERT_EQUAL(memcmp(tacit_ca_pin(first), tacit_ca_pin(second), TACIT_FINGERPRINT_LEN),
			0);
	CU_ASSERT_EQUAL(X509_cmp(tacit_ca_server_cert(first), tacit_ca_server_cert(second)), 0);
}

static void test_a_start_cut_short_goes_on(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *first = NULL;
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *second = NULL;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &first), 0);
	CU_ASSERT_EQUAL(unlink(place_file(&place, "ca.crt")), 0);
	CU_ASSERT_EQUAL_FATAL(open_now(&place, &second), 0);
	CU_ASSERT_EQUAL(memcmp(tacit_ca_pin(first), tacit_ca_pin(second), TACIT_FINGERPRINT_LEN),
			0);
}

static void test_a_lost_key_is_not_replaced(void)
{
	PLACE(place);
	struct tacit_ca *ca = NULL;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ca), 0);
	tacit_ca_free(ca);
	ca = NULL;
	CU_ASSERT_EQUAL(unlink(place_file(&place, "ca.key")), 0);
	CU_ASSERT_EQUAL(open_now(&place, &ca), TACIT_EDAMAGED);
	CU_ASSERT_PTR_NULL(ca);
	CU_ASSERT_NOT_EQUAL(access(place_file(&place, "ca.key"), F_OK), 0);
}

static void test_what_does_not_belong_together_is_refused(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *other = NULL;
	struct tacit_ca *ca = NULL;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ca), 0);
	tacit_ca_free(ca);
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&other), 0);
	CU_ASSERT_EQUAL(tacit_key_save(other, place_file(&place, "ca.key")), 0);
	CU_ASSERT_EQUAL(open_now(&place, &ca), TACIT_EDAMAGED);
	(void)place_write(&place, "ca.key", "nonsense", 8);
	CU_ASSERT_EQUAL(open_now(&place, &ca), TACIT_EDAMAGED);
	(void)place_write(&place, "ca.crt", "nonsense", 8);
	CU_ASSERT_EQUAL(open_now(&place, &ca), TACIT_EDAMAGED);
}

static void test_other_names_need_another_certificate(void)
{
	static const char *const others[] = { "localhost,127.0.0.1,::1", "127.0.0.1",
					      "fleet.example,127.0.0.1" };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(others); i++) {
		PLACE(place);
		TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *first = NULL;
		TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *second = NULL;

		CU_ASSERT_EQUAL_FATAL(open_now(&place, &first), 0);
		CU_ASSERT_EQUAL_FATAL(open_ca(&place, others[i], tacit_clock_wall_ms(), &second),
				      0);
		CU_ASSERT_NOT_EQUAL(
			X509_cmp(tacit_ca_server_cert(first), tacit_ca_server_cert(second)), 0);
		CU_ASSERT_EQUAL(
			EVP_PKEY_eq(tacit_ca_server_key(first), tacit_ca_server_key(second)), 1);
		CU_ASSERT_EQUAL(tacit_ca_renew_server(second, tacit_clock_wall_ms()), 0);
	}
}

static void test_renewal_in_time(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *ca = NULL;
	int64_t now = tacit_clock_wall_ms();

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ca), 0);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now + 59 * DAY_MS), 0);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now + 61 * DAY_MS), 1);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now), 0);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now - DAY_MS), 1); /* not valid yet */
}

static void test_a_spoilt_server_pair_is_made_again(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *ca = NULL;
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *other = NULL;
	int64_t now = tacit_clock_wall_ms();

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ca), 0);
	(void)place_write(&place, "server.crt", "nonsense", 8);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now), 1);
	(void)place_write(&place, "server.key", "nonsense", 8);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now), 1);
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&other), 0);
	CU_ASSERT_EQUAL(tacit_key_save(other, place_file(&place, "server.key")), 0);
	CU_ASSERT_EQUAL(tacit_ca_reload_server(ca), TACIT_EDAMAGED);
	CU_ASSERT_PTR_NOT_NULL(tacit_ca_server_cert(ca));
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_eq(tacit_ca_server_key(ca), other), 1);
	CU_ASSERT_EQUAL(unlink(place_file(&place, "server.crt")), 0);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(ca, now), 1);
}

static void test_others_reload_what_one_renewed(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *keeper = NULL;
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *worker = NULL;
	int64_t now = tacit_clock_wall_ms();

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &keeper), 0);
	CU_ASSERT_EQUAL_FATAL(open_now(&place, &worker), 0);
	CU_ASSERT_EQUAL(tacit_ca_renew_server(keeper, now + 80 * DAY_MS), 1);
	CU_ASSERT_NOT_EQUAL(X509_cmp(tacit_ca_server_cert(keeper), tacit_ca_server_cert(worker)),
			    0);
	CU_ASSERT_EQUAL(tacit_ca_reload_server(worker), 0);
	CU_ASSERT_EQUAL(X509_cmp(tacit_ca_server_cert(keeper), tacit_ca_server_cert(worker)), 0);
}

static void test_what_it_certifies_and_signs(void)
{
	PLACE(place);
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *ca = NULL;
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	uint8_t sig[TACIT_SIGNATURE_MAX];
	char name[65];
	size_t len;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ca), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&key), 0);
	CU_ASSERT_EQUAL(tacit_ca_certify_host(ca, key, "not a name", &cert), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_certify_host(ca, key, "0123abcd", &cert), 0);
	CU_ASSERT_EQUAL(tacit_cert_common_name(cert, name, sizeof(name)), 0);
	CU_ASSERT_STRING_EQUAL(name, "0123abcd");
	CU_ASSERT_EQUAL(X509_check_purpose(cert, X509_PURPOSE_SSL_CLIENT, 0), 1);
	CU_ASSERT_EQUAL(X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 0), 0);
	CU_ASSERT_EQUAL(X509_verify(cert, X509_get0_pubkey(tacit_ca_cert(ca))), 1);
	CU_ASSERT_EQUAL(tacit_ca_sign(ca, "release", 7, sig, &len), 0);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(tacit_ca_cert(ca), "release", 7, sig, len), 0);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(tacit_ca_cert(ca), "releasf", 7, sig, len),
			TACIT_EUNTRUSTED);
}

static void test_parameters_out_of_range(void)
{
	PLACE(place);
	struct tacit_ca *ca = NULL;
	const struct tacit_ca_params short_lived = {
		.dir = place.folder, .names = "localhost", .host_cert_sec = 0, .server_cert_sec = 1
	};

	CU_ASSERT_EQUAL(tacit_ca_open(&short_lived, 0, &ca), -EINVAL);
	CU_ASSERT_EQUAL(open_ca(&place, "no good", tacit_clock_wall_ms(), &ca), -EINVAL);
	CU_ASSERT_PTR_NULL(ca);
}

static void test_every_allocation_may_fail(void)
{
	PLACE(place);
	struct tacit_ca *ready = NULL;
	int r = -ENOMEM, nth;

	CU_ASSERT_EQUAL_FATAL(open_now(&place, &ready), 0);
	tacit_ca_free(ready);
	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *ca = NULL;

		unit_fail_alloc(nth);
		r = open_now(&place, &ca);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (ca != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the first start makes everything", test_the_first_start_makes_everything },
		{ "the next start finds the same", test_the_next_start_finds_the_same },
		{ "a start cut short goes on", test_a_start_cut_short_goes_on },
		{ "a lost key is not replaced", test_a_lost_key_is_not_replaced },
		{ "what does not belong together is refused",
		  test_what_does_not_belong_together_is_refused },
		{ "other names need another certificate",
		  test_other_names_need_another_certificate },
		{ "renewal in time", test_renewal_in_time },
		{ "a spoilt server pair is made again", test_a_spoilt_server_pair_is_made_again },
		{ "others reload what one renewed", test_others_reload_what_one_renewed },
		{ "what it certifies and signs", test_what_it_certifies_and_signs },
		{ "parameters out of range", test_parameters_out_of_range },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("ca", cases);
}
