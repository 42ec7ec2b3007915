/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include <tacit/bytes.h>

#include "agent/identity.h"
#include "unit.h"

#include "place.h"

#define DAY_MS 86400000LL
#define URL    "https://aggregator.example:8443"

struct ca {
	EVP_PKEY *key;
	X509 *cert;
};

static void ca_init(struct ca *ca)
{
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&ca->key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(ca->key, "test CA", 30, &ca->cert), 0);
}

static void ca_done(struct ca *ca)
{
	tacit_key_free(ca->key);
	tacit_cert_free(ca->cert);
}

/* What an aggregator would answer to @body: owned by the caller. */
static char *answer(const struct ca *ca, const char *body, const char *host, int64_t valid_sec)
{
	json_t *asked = json_loads(body, 0, NULL), *reply;
	const char *csr = json_string_value(json_object_get(asked, "csr"));
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	TACIT_AUTO_FREE char *cert_pem = NULL, *ca_pem = NULL;
	char *text, *copy;

	CU_ASSERT_PTR_NOT_NULL_FATAL(csr);
	CU_ASSERT_EQUAL_FATAL(tacit_csr_parse(csr, strlen(csr), &key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(ca->cert, ca->key, key, TACIT_CERT_HOST, host, NULL,
					     valid_sec, &cert),
			      0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(cert, &cert_pem), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(ca->cert, &ca_pem), 0);
	reply = json_pack("{s:s, s:s, s:s}", "host", host, "certificate", cert_pem, "ca", ca_pem);
	text = json_dumps(reply, 0);
	copy = tacit_strdup(text);
	free(text);
	json_decref(reply);
	json_decref(asked);
	return copy;
}

static const struct tacit_token token = { .url = URL,
					  .secret = "thirty-two bytes of a secret ..",
					  .pin = "p" };

static int enrol(struct tacit_identity *identity, const struct ca *ca, int64_t valid_sec)
{
	TACIT_AUTO_FREE char *body = NULL, *reply = NULL;
	char why[160] = "";
	int r = tacit_identity_enrol_body(identity, &token, &body);

	if (r < 0)
		return r;
	reply = answer(ca, body, tacit_identity_host(identity), valid_sec);
	return tacit_identity_adopt(identity, URL, ca->cert, reply, strlen(reply), why,
				    sizeof(why));
}

static void check_stranger(const struct tacit_identity *identity)
{
	struct tacit_identity_life life;
	struct tacit_uplink_tls tls;

	CU_ASSERT_FALSE(tacit_identity_is_enrolled(identity));
	CU_ASSERT_STRING_EQUAL(tacit_identity_url(identity), "");
	CU_ASSERT_STRING_EQUAL(tacit_identity_aggregator(identity), "");
	CU_ASSERT_PTR_NULL(tacit_identity_ca(identity));
	CU_ASSERT_EQUAL(tacit_identity_tls(identity, &tls), -ENOENT);
	CU_ASSERT_FALSE(tacit_identity_is_due(identity, INT64_MAX));
	CU_ASSERT_FALSE(tacit_identity_is_expired(identity, INT64_MAX));
	tacit_identity_life(identity, &life);
	CU_ASSERT_EQUAL(life.until_ms, 0);
}

static void test_a_key_is_made_once(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *first = NULL, *second = NULL;
	PLACE(place);
	struct stat st;

	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &first), 0);
	check_stranger(first);
	CU_ASSERT_EQUAL(strlen(tacit_identity_fingerprint(first)), 64);
	CU_ASSERT_EQUAL(strlen(tacit_identity_host(first)), 32);
	CU_ASSERT_EQUAL(strncmp(tacit_identity_host(first), tacit_identity_fingerprint(first), 32),
			0);
	CU_ASSERT_EQUAL_FATAL(stat(place_file(&place, "host.key"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);

	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &second), 0);
	CU_ASSERT_STRING_EQUAL(tacit_identity_host(first), tacit_identity_host(second));
}

static void test_enrolment_lasts(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *first = NULL, *second = NULL;
	struct tacit_uplink_tls tls;
	PLACE(place);
	struct ca ca;
	char aggregator[65];
	uint8_t digest[32];

	ca_init(&ca);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &first), 0);
	CU_ASSERT_EQUAL_FATAL(enrol(first, &ca, 7 * 86400), 0);
	CU_ASSERT_TRUE(tacit_identity_is_enrolled(first));

	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &second), 0);
	CU_ASSERT_TRUE_FATAL(tacit_identity_is_enrolled(second));
	CU_ASSERT_STRING_EQUAL(tacit_identity_url(second), URL);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_fingerprint(ca.cert, digest), 0);
	tacit_hex_encode(digest, sizeof(digest), aggregator);
	CU_ASSERT_STRING_EQUAL(tacit_identity_aggregator(second), aggregator);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_tls(second, &tls), 0);
	CU_ASSERT_STRING_EQUAL(tls.url, URL);
	CU_ASSERT_PTR_NOT_NULL(strstr(tls.key_pem, "PRIVATE KEY"));
	CU_ASSERT_PTR_NOT_NULL(strstr(tls.cert_pem, "BEGIN CERTIFICATE"));
	CU_ASSERT_PTR_NOT_NULL(tls.ca);
	ca_done(&ca);
}

/* What it signs is verified by the certificate it shows. */
static void test_it_signs(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	TACIT_AUTO_FREE uint8_t *der = NULL;
	TACIT_AUTO_FREE char *body = NULL;
	TACIT_AUTO_FREE char *reply = NULL;
	uint8_t sig[TACIT_SIGNATURE_MAX], digest[TACIT_FINGERPRINT_LEN];
	size_t len = 0, sig_len = 0;
	struct ca ca;

	ca_init(&ca);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &identity), 0);
	CU_ASSERT_EQUAL(tacit_identity_cert(identity, &der, &len), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_renew_body(identity, &body), 0);
	reply = answer(&ca, body, tacit_identity_host(identity), 3600);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_adopt(identity, "https://a:1", ca.cert, reply,
						   strlen(reply), NULL, 0),
			      0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_cert(identity, &der, &len), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_parse_der(der, len, &cert), 0);
	CU_ASSERT_EQUAL(tacit_cert_fingerprint(cert, digest), 0);
	CU_ASSERT_EQUAL(memcmp(digest, tacit_identity_key_digest(identity), sizeof(digest)), 0);
	CU_ASSERT_EQUAL(tacit_identity_sign(identity, "text", 4, sig, &sig_len), 0);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(cert, "text", 4, sig, sig_len), 0);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(cert, "test", 4, sig, sig_len),
			TACIT_EUNTRUSTED);
	ca_done(&ca);
}

static void test_renewal_is_due_at_two_thirds(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
	TACIT_AUTO_FREE char *body = NULL, *reply = NULL;
	struct tacit_identity_life life, after;
	char why[160] = "";
	struct ca ca;
	int64_t span;

	ca_init(&ca);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &identity), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_renew_body(identity, &body), 0);
	CU_ASSERT_PTR_NULL(strstr(body, "secret"));
	CU_ASSERT_EQUAL(tacit_identity_renew(identity, "{}", 2, why, sizeof(why)), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(enrol(identity, &ca, 7 * 86400), 0);
	tacit_identity_life(identity, &life);
	span = life.until_ms - life.from_ms;
	CU_ASSERT(span >= 7 * DAY_MS && span <= 7 * DAY_MS + 600000);
	CU_ASSERT(life.renew_ms >= life.from_ms + span * 2 / 3 - 1);
	CU_ASSERT(life.renew_ms <= life.from_ms + span * 3 / 4);
	CU_ASSERT_FALSE(tacit_identity_is_due(identity, life.renew_ms - 1));
	CU_ASSERT_TRUE(tacit_identity_is_due(identity, life.renew_ms));
	CU_ASSERT_FALSE(tacit_identity_is_expired(identity, life.until_ms - 1));
	CU_ASSERT_TRUE(tacit_identity_is_expired(identity, life.until_ms));
	CU_ASSERT_FALSE(tacit_identity_is_due(identity, 0)); /* a clock that jumped back */

	reply = answer(&ca, body, tacit_identity_host(identity), 30 * 86400);
	CU_ASSERT_EQUAL(tacit_identity_renew(identity, reply, strlen(reply), why, sizeof(why)), 0);
	tacit_identity_life(identity, &after);
	CU_ASSERT(after.until_ms > life.until_ms + 22 * DAY_MS);
	ca_done(&ca);
}

static void test_the_secret_is_in_the_body_alone(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
	TACIT_AUTO_FREE char *body = NULL;
	char secret[64];
	json_t *json;

	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &identity), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_enrol_body(identity, &token, &body), 0);
	json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	CU_ASSERT_EQUAL(json_object_size(json), 2);
	tacit_base64url_encode(token.secret, sizeof(token.secret), secret);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "secret")), secret);
	json_decref(json);
	tacit_identity_wipe(body);
	CU_ASSERT_STRING_EQUAL(body, "");
}

/* What must not be taken on, and what is said of it. */
static void check_refused(struct tacit_identity *identity, const X509 *ca, const char *json,
			  int error, const char *reason)
{
	char why[160] = "";

	CU_ASSERT_EQUAL(
		tacit_identity_adopt(identity, URL, ca, json, strlen(json), why, sizeof(why)),
		error);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, reason));
	CU_ASSERT_EQUAL(tacit_identity_adopt(identity, URL, ca, json, strlen(json), NULL, 0),
			error);
	check_stranger(identity);
}

static void test_hostile_replies(void)
{
	static const struct {
		const char *json;
		int error;
		const char *why;
	} rows[] = {
		{ "", -EINVAL, "not a JSON object" },
		{ "[]", -EINVAL, "not a JSON object" },
		{ "{\"host\":1,\"host\":1}", -EINVAL, "not a JSON object" },
		{ "{}", TACIT_ESCHEMA, "'host'" },
		{ "{\"host\":\"00000000000000000000000000000000\"}", TACIT_ESCHEMA, "'host'" },
	};
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL, *other = NULL;
	TACIT_AUTO_FREE char *body = NULL, *foreign = NULL, *named = NULL, *good = NULL,
			     *large = NULL;
	char text[200], why[160] = "";
	struct ca ca, evil;

	ca_init(&ca);
	ca_init(&evil);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &identity), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &other), 0);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(rows); i++)
		check_refused(identity, ca.cert, rows[i].json, rows[i].error, rows[i].why);
	(void)snprintf(text, sizeof(text), "{\"host\":\"%s\",\"ca\":\"x\"}",
		       tacit_identity_host(identity));
	check_refused(identity, ca.cert, text, TACIT_ESCHEMA, "'ca'");

	CU_ASSERT_EQUAL_FATAL(tacit_identity_enrol_body(identity, &token, &body), 0);
	good = answer(&ca, body, tacit_identity_host(identity), 3600);
	check_refused(identity, evil.cert, good, TACIT_EUNTRUSTED, "not the pinned one");
	named = answer(&ca, body, "somebody", 3600);
	check_refused(identity, ca.cert, named, TACIT_ESCHEMA, "'host'");

	tacit_free(TACIT_TAKE(body));
	CU_ASSERT_EQUAL_FATAL(tacit_identity_enrol_body(other, &token, &body), 0);
	foreign = answer(&ca, body, tacit_identity_host(identity), 3600);
	check_refused(identity, ca.cert, foreign, TACIT_EUNTRUSTED, "for another key");

	large = (char *)tacit_calloc(TACIT_IDENTITY_REPLY_MAX + 2, 1);
	memset(large, ' ', TACIT_IDENTITY_REPLY_MAX + 1);
	check_refused(identity, ca.cert, large, -E2BIG, "too large");

	CU_ASSERT_EQUAL(
		tacit_identity_adopt(identity, URL, ca.cert, good, strlen(good), why, sizeof(why)),
		0);
	ca_done(&ca);
	ca_done(&evil);
}

/* The answer names the pinned CA, but its certificate is under another. */
static void test_a_certificate_of_another_ca(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
	TACIT_AUTO_FREE char *body = NULL, *reply = NULL;
	struct ca ca, evil, mixed;

	ca_init(&ca);
	ca_init(&evil);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(NULL, &identity), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_enrol_body(identity, &token, &body), 0);
	/* Same name and key as the evil one issues with, the good one's certificate shown. */
	mixed = (struct ca){ .key = evil.key, .cert = evil.cert };
	reply = answer(&mixed, body, tacit_identity_host(identity), 3600);
	check_refused(identity, ca.cert, reply, TACIT_EUNTRUSTED, "not the pinned one");
	CU_ASSERT_EQUAL_FATAL(enrol(identity, &ca, 3600), 0);
	CU_ASSERT_EQUAL(tacit_identity_renew(identity, reply, strlen(reply), NULL, 0),
			TACIT_EUNTRUSTED);
	CU_ASSERT_TRUE(tacit_identity_is_enrolled(identity));
	ca_done(&ca);
	ca_done(&evil);
}

static void test_damage_is_set_aside(void)
{
	static const char *const names[] = { "host.crt", "ca.crt", "aggregator.url", "host.key" };
	struct ca ca;

	ca_init(&ca);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(names); i++) {
		PLACE(place);
		TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
		TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *again = NULL;
		char aside[64];

		CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &identity), 0);
		CU_ASSERT_EQUAL_FATAL(enrol(identity, &ca, 3600), 0);
		place_write(&place, names[i], "two\nlines", strlen("two\nlines"));
		CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &again), 0);
		check_stranger(again);
		(void)snprintf(aside, sizeof(aside), "%s.damaged", names[i]);
		CU_ASSERT_EQUAL(access(place_file(&place, aside), F_OK), 0);
		/* The host can enrol again. */
		CU_ASSERT_EQUAL(enrol(again, &ca, 3600), 0);
	}
	ca_done(&ca);
}

/* A certificate that was copied from another host. */
static void test_files_that_do_not_belong_together(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *ann = NULL, *bob = NULL;
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *mixed = NULL;
	PLACE(a);
	PLACE(b);
	struct ca ca;
	char from[512];

	ca_init(&ca);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(a.folder, &ann), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(b.folder, &bob), 0);
	CU_ASSERT_EQUAL_FATAL(enrol(ann, &ca, 3600), 0);
	CU_ASSERT_EQUAL_FATAL(enrol(bob, &ca, 3600), 0);
	(void)snprintf(from, sizeof(from), "%s", place_file(&a, "host.crt"));
	CU_ASSERT_EQUAL(rename(from, place_file(&b, "host.crt")), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(b.folder, &mixed), 0);
	check_stranger(mixed);
	CU_ASSERT_EQUAL(access(place_file(&b, "host.crt.damaged"), F_OK), 0);
	ca_done(&ca);
}

static void test_a_token_from_a_file(void)
{
	char text[TACIT_TOKEN_TEXT_MAX + 64], why[160] = "";
	struct tacit_token read = { 0 };
	PLACE(place);

	tacit_token_format(&token, text);
	(void)strcat(text, "\n");
	place_write(&place, "tacit.token", text, strlen(text));
	CU_ASSERT_EQUAL(tacit_identity_read_token(place_file(&place, "tacit.token"), &read, why,
						  sizeof(why)),
			0);
	CU_ASSERT_STRING_EQUAL(read.url, URL);
	CU_ASSERT_EQUAL(memcmp(read.secret, token.secret, sizeof(read.secret)), 0);

	/* As a credential of systemd's. */
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	CU_ASSERT_EQUAL(tacit_identity_read_token(NULL, &read, why, sizeof(why)), -ENOENT);
	(void)setenv("CREDENTIALS_DIRECTORY", place.folder, 1);
	read = (struct tacit_token){ 0 };
	CU_ASSERT_EQUAL(tacit_identity_read_token(NULL, &read, why, sizeof(why)), 0);
	CU_ASSERT_STRING_EQUAL(read.url, URL);
	(void)unsetenv("CREDENTIALS_DIRECTORY");

	CU_ASSERT_EQUAL(
		tacit_identity_read_token(place_file(&place, "none"), &read, why, sizeof(why)),
		-ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/none: No such file"));
	place_write(&place, "tacit.token", "tacit1.sesame", strlen("tacit1.sesame"));
	CU_ASSERT_EQUAL(tacit_identity_read_token(place_file(&place, "tacit.token"), &read, why,
						  sizeof(why)),
			TACIT_ESCHEMA);
	CU_ASSERT_PTR_NULL(strstr(why, "sesame"));
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	place_write(&place, "tacit.token", text, strlen(text));
	CU_ASSERT_EQUAL(tacit_identity_read_token(place_file(&place, "tacit.token"), &read, why,
						  sizeof(why)),
			-E2BIG);
	tacit_token_done(&read);
}

static void test_a_token_from_standard_input(void)
{
	int keep = dup(STDIN_FILENO), ends[2];
	struct tacit_token read = { 0 };
	char text[TACIT_TOKEN_TEXT_MAX];

	tacit_token_format(&token, text);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	(void)close(ends[1]);
	(void)dup2(ends[0], STDIN_FILENO);
	CU_ASSERT_EQUAL(tacit_identity_read_token("-", &read, NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(read.url, URL);
	(void)dup2(keep, STDIN_FILENO);
	(void)close(keep);
	(void)close(ends[0]);
	tacit_token_done(&read);
}

static void test_a_folder_that_cannot_be_written(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;

	CU_ASSERT_EQUAL(tacit_identity_open("/nonexistent/tacit", &identity), -ENOENT);
	CU_ASSERT_EQUAL(tacit_identity_open("/dev/null", &identity), -ENOTDIR);
	CU_ASSERT_PTR_NULL(identity);
}

static void test_every_allocation_of_a_start_may_fail(void)
{
	int r = -ENOMEM, nth;
	PLACE(place);

	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
		TACIT_AUTO_FREE char *body = NULL;

		unit_fail_alloc(nth);
		r = tacit_identity_open(place.folder, &identity);
		if (r == 0)
			r = tacit_identity_enrol_body(identity, &token, &body);
		unit_fail_alloc(-1);
		CU_ASSERT((r == 0) == (body != NULL));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 5);
}

static void test_every_allocation_of_an_enrolment_may_fail(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *identity = NULL;
	TACIT_AUTO_FREE char *body = NULL, *reply = NULL;
	int r = -ENOMEM, nth;
	PLACE(place);
	struct ca ca;

	ca_init(&ca);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_open(place.folder, &identity), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_identity_enrol_body(identity, &token, &body), 0);
	reply = answer(&ca, body, tacit_identity_host(identity), 3600);
	for (nth = 0; r == -ENOMEM && nth < 100; nth++) {
		unit_fail_alloc(nth);
		r = tacit_identity_adopt(identity, URL, ca.cert, reply, strlen(reply), NULL, 0);
		unit_fail_alloc(-1);
		CU_ASSERT_EQUAL(tacit_identity_is_enrolled(identity), r == 0);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 3);
	ca_done(&ca);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a key is made once", test_a_key_is_made_once },
		{ "enrolment lasts", test_enrolment_lasts },
		{ "it signs", test_it_signs },
		{ "renewal is due at two thirds", test_renewal_is_due_at_two_thirds },
		{ "the secret is in the body alone", test_the_secret_is_in_the_body_alone },
		{ "hostile replies", test_hostile_replies },
		{ "a certificate of another CA", test_a_certificate_of_another_ca },
		{ "damage is set aside", test_damage_is_set_aside },
		{ "files that do not belong together", test_files_that_do_not_belong_together },
		{ "a token from a file", test_a_token_from_a_file },
		{ "a token from standard input", test_a_token_from_standard_input },
		{ "a folder that cannot be written", test_a_folder_that_cannot_be_written },
		{ "every allocation of a start may fail",
		  test_every_allocation_of_a_start_may_fail },
		{ "every allocation of an enrolment may fail",
		  test_every_allocation_of_an_enrolment_may_fail },
		{ NULL, NULL },
	};

	return unit_main("identity", cases);
}
