/* SPDX-License-Identifier: MIT */
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <tacit/x509.h>

#include "agent/pin.h"
#include "unit.h"

struct world {
	EVP_PKEY *ca_key, *other_key, *leaf_key;
	X509 *ca, *other, *leaf, *other_leaf;
	uint8_t pin[TACIT_FINGERPRINT_LEN];
};

static void world_init(struct world *w)
{
	*w = (struct world){ 0 };
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&w->ca_key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&w->other_key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&w->leaf_key), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(w->ca_key, "CA", 30, &w->ca), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(w->other_key, "CA", 30, &w->other), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(w->ca, w->ca_key, w->leaf_key, TACIT_CERT_SERVER,
					     "server", "localhost", 3600, &w->leaf),
			      0);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(w->other, w->other_key, w->leaf_key, TACIT_CERT_SERVER,
					     "server", "localhost", 3600, &w->other_leaf),
			      0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_fingerprint(w->ca, w->pin), 0);
}

static void world_done(struct world *w)
{
	tacit_key_free(w->ca_key);
	tacit_key_free(w->other_key);
	tacit_key_free(w->leaf_key);
	tacit_cert_free(w->ca);
	tacit_cert_free(w->other);
	tacit_cert_free(w->leaf);
	tacit_cert_free(w->other_leaf);
}

/* As a handshake would ask: @leaf and up to two more certificates were sent. */
static int verify(const uint8_t *pin, X509 *leaf, X509 *second, X509 *third, X509 **ret)
{
	STACK_OF(X509) *sent = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *nothing = X509_STORE_new();
	int r;

	(void)sk_X509_push(sent, leaf);
	if (second)
		(void)sk_X509_push(sent, second);
	if (third)
		(void)sk_X509_push(sent, third);
	CU_ASSERT_EQUAL_FATAL(X509_STORE_CTX_init(ctx, nothing, leaf, sent), 1);
	(void)X509_STORE_CTX_set_default(ctx, "ssl_server");
	r = tacit_pin_verify(ctx, pin, ret);
	CU_ASSERT((r == 0) == (X509_STORE_CTX_get_error(ctx) == X509_V_OK));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(nothing);
	sk_X509_free(sent);
	return r;
}

static void test_the_pinned_ca_is_found(void)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *first = NULL, *second = NULL;
	struct world w;

	world_init(&w);
	CU_ASSERT_EQUAL(verify(w.pin, w.leaf, w.ca, NULL, &first), 0);
	CU_ASSERT_EQUAL(X509_cmp(first, w.ca), 0);
	CU_ASSERT_EQUAL(verify(w.pin, w.leaf, w.other, w.ca, &second), 0); /* wherever it is */
	CU_ASSERT_EQUAL(X509_cmp(second, w.ca), 0);
	world_done(&w);
}

static void check_refused(const uint8_t *pin, X509 *leaf, X509 *second, X509 *third)
{
	X509 *ca = NULL;

	CU_ASSERT_EQUAL(verify(pin, leaf, second, third, &ca), TACIT_EUNTRUSTED);
	CU_ASSERT_PTR_NULL(ca);
}

static void test_others_are_refused(void)
{
	uint8_t leaf_pin[TACIT_FINGERPRINT_LEN];
	struct world w;

	world_init(&w);
	check_refused(w.pin, w.leaf, NULL, NULL);	   /* not shown */
	check_refused(w.pin, w.other_leaf, w.other, NULL); /* another CA of that name */
	check_refused(w.pin, w.other_leaf, w.ca, NULL);	   /* shown, but not the issuer */
	check_refused(w.pin, w.other_leaf, w.other, w.ca); /* nor in company */
	CU_ASSERT_EQUAL(tacit_cert_fingerprint(w.leaf, leaf_pin), 0);
	check_refused(leaf_pin, w.leaf, w.ca, NULL); /* a server is no CA */
	world_done(&w);
}

/* The pin is about the key alone: the rest of a certificate with it must be the CA's own word. */
static void test_a_rewritten_ca_is_refused(void)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *rewritten = NULL;
	ASN1_TIME *later = X509_gmtime_adj(NULL, 86400L * 9999);
	struct world w;

	world_init(&w);
	rewritten = X509_dup(w.ca);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rewritten);
	CU_ASSERT_EQUAL(X509_set1_notAfter(rewritten, later), 1);
	ASN1_TIME_free(later);
	CU_ASSERT(i2d_re_X509_tbs(rewritten, NULL) > 0); /* the old encoding is not kept */
	check_refused(w.pin, w.leaf, rewritten, NULL);
	world_done(&w);
}

static void test_an_expired_server_is_refused(void)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *old = NULL;
	struct world w;

	world_init(&w);
	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(w.ca, w.ca_key, w.leaf_key, TACIT_CERT_SERVER,
					     "server", "localhost", -1, &old),
			      0);
	check_refused(w.pin, old, w.ca, NULL);
	world_done(&w);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the pinned CA is found", test_the_pinned_ca_is_found },
		{ "others are refused", test_others_are_refused },
		{ "a rewritten CA is refused", test_a_rewritten_ca_is_refused },
		{ "an expired server is refused", test_an_expired_server_is_refused },
		{ NULL, NULL },
	};

	return unit_main("pin", cases);
}
