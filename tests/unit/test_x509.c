/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <tacit/bytes.h>
#include <tacit/clock.h>
#include <tacit/x509.h>

#include "place.h"
#include "unit.h"

#define DAY_MS INT64_C(86400000)

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_key_generate(&key), 0);
	return key;
}

#define KEY(name)  TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *name = new_key()
#define CERT(name) TACIT_CLEANUP(tacit_cert_free_p) X509 *name = NULL

static X509 *new_ca(EVP_PKEY *key)
{
	X509 *ca = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_ca_create(key, "tacit test CA", 3650, &ca), 0);
	return ca;
}

/* X509_V_OK, or what is wrong with @cert under @ca for @purpose. */
static int verify(X509 *ca, X509 *cert, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r = -1;

	if (X509_STORE_add_cert(store, ca) == 1 &&
	    X509_STORE_CTX_init(ctx, store, cert, NULL) == 1) {
		(void)X509_STORE_CTX_set_purpose(ctx, purpose);
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
					    X509_V_FLAG_X509_STRICT);
		r = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

static void test_sha256(void)
{
	uint8_t digest[32];
	char hex[65];

	CU_ASSERT_EQUAL(tacit_sha256("abc", 3, digest), 0);
	tacit_hex_encode(digest, 32, hex);
	CU_ASSERT_STRING_EQUAL(hex, "ba7816bf8f01cfea414140de5dae2223"
				    "b00361a396177a9cb410ff61f20015ad");
	CU_ASSERT_EQUAL(tacit_sha256(NULL, 0, digest), 0);
	tacit_hex_encode(digest, 32, hex);
	CU_ASSERT_STRING_EQUAL(hex, "e3b0c44298fc1c149afbf4c8996fb924"
				    "27ae41e4649b934ca495991b7852b855");
}

static void test_key_files(void)
{
	PLACE(place);
	char path[512];
	uint8_t a[TACIT_FINGERPRINT_LEN], b[TACIT_FINGERPRINT_LEN];
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *back = NULL;
	struct stat st;
	KEY(key);

	(void)strcpy(path, place_file(&place, "host.key"));
	CU_ASSERT_EQUAL(tacit_key_save(key, path), 0);
	CU_ASSERT_EQUAL(tacit_key_save(key, path), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL_FATAL(tacit_key_load(path, &back), 0);
	CU_ASSERT_EQUAL(tacit_key_fingerprint(key, a), 0);
	CU_ASSERT_EQUAL(tacit_key_fingerprint(back, b), 0);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	CU_ASSERT_EQUAL(rename(path, place_file(&place, "only")), 0);
	CU_ASSERT_EQUAL(rmdir(place.folder), -1); /* not empty; no temporary file stayed either */
	CU_ASSERT_EQUAL(unlink(place_file(&place, "only")), 0);
	CU_ASSERT_EQUAL(rmdir(place.folder), 0);
	CU_ASSERT_EQUAL(tacit_key_save(key, path), -ENOENT);
}

static size_t key_pem(EVP_PKEY *key, const EVP_CIPHER *cipher, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher ? "secret" : NULL,
					  cipher ? 6 : 0, NULL, NULL) == 1)
		n = BIO_read(bio, text, (int)size);
	BIO_free(bio);
	CU_ASSERT(n > 0);
	return (size_t)n;
}

static void test_bad_key_files(void)
{
	EVP_PKEY *others[] = { EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
			       EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_RSA_gen(1024) };
	static char text[TACIT_PEM_MAX * 2];
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *back = NULL;
	PLACE(place);
	KEY(key);
	size_t n;

	CU_ASSERT_EQUAL(tacit_key_load(place_file(&place, "none"), &back), -ENOENT);
	CU_ASSERT_EQUAL(tacit_key_load(place.folder, &back), -EISDIR);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(others); i++) {
		n = key_pem(others[i], NULL, text, sizeof(text));
		CU_ASSERT_EQUAL(tacit_key_load(place_write(&place, "k", text, n), &back),
				TACIT_EDAMAGED);
		EVP_PKEY_free(others[i]);
	}
	n = key_pem(key, EVP_aes_256_cbc(), text, sizeof(text));
	CU_ASSERT_EQUAL(tacit_key_load(place_write(&place, "k", text, n), &back), TACIT_EDAMAGED);
	n = key_pem(key, NULL, text, sizeof(text));
	for (size_t len = 0; len + 1 < n; len += 7)
		CU_ASSERT_EQUAL(tacit_key_load(place_write(&place, "k", text, len), &back),
				TACIT_EDAMAGED);
	memset(text + n, ' ', sizeof(text) - n);
	CU_ASSERT_EQUAL(tacit_key_load(place_write(&place, "k", text, sizeof(text)), &back),
			TACIT_EDAMAGED);
	CU_ASSERT_PTR_NULL(back);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void test_signatures(void)
{
	uint8_t sig[TACIT_SIGNATURE_MAX];
	const char *text = "what the fleet learned";
	size_t len = 0, n = strlen(text);
	KEY(key);
	KEY(other_key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *other = new_ca(other_key);

	CU_ASSERT_EQUAL(tacit_key_sign(key, text, n, sig, &len), 0);
	CU_ASSERT(len > 0 && len <= sizeof(sig));
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(ca, text, n, sig, len), 0);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(other, text, n, sig, len), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(ca, text, n - 1, sig, len), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(ca, text, n, sig, len - 1), TACIT_EUNTRUSTED);
	CU_ASSERT_EQUAL(tacit_cert_verify_signature(ca, text, n, sig, 0), TACIT_EUNTRUSTED);
	for (size_t i = 0; i < len; i++) {
		sig[i] ^= 0x10;
		CU_ASSERT_EQUAL(tacit_cert_verify_signature(ca, text, n, sig, len),
				TACIT_EUNTRUSTED);
		sig[i] ^= 0x10;
	}
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void test_requests(void)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *public_key = NULL;
	TACIT_AUTO_FREE char *pem = NULL;
	uint8_t a[TACIT_FINGERPRINT_LEN], b[TACIT_FINGERPRINT_LEN];
	KEY(key);

	CU_ASSERT_EQUAL_FATAL(tacit_csr_create(key, &pem), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_csr_parse(pem, strlen(pem), &public_key), 0);
	CU_ASSERT_EQUAL(tacit_key_fingerprint(key, a), 0);
	CU_ASSERT_EQUAL(tacit_key_fingerprint(public_key, b), 0);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
}

static int parse_request(const char *pem, size_t len)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	int r = tacit_csr_parse(pem, len, &key);

	CU_ASSERT_EQUAL(r == 0, key != NULL);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	return r;
}

/* A request for @key, signed by @signer, as another program could make it. */
static char *foreign_request(EVP_PKEY *key, EVP_PKEY *signer, const char *label, size_t *ret_len)
{
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	const EVP_MD *md = EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256();
	unsigned char *der = NULL;
	char *data;
	int n;

	(void)X509_REQ_set_pubkey(request, key);
	CU_ASSERT(X509_REQ_sign(request, signer, md) > 0);
	n = i2d_X509_REQ(request, &der);
	(void)PEM_write_bio(bio, label, "", der, n);
	*ret_len = (size_t)BIO_get_mem_data(bio, &data);
	data = tacit_strndup(data, *ret_len);
	OPENSSL_free(der);
	BIO_free(bio);
	X509_REQ_free(request);
	return data;
}

static void test_requests_for_other_keys(void)
{
	EVP_PKEY *others[] = { EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
			       EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_RSA_gen(1024) };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(others); i++) {
		size_t n = 0;
		TACIT_AUTO_FREE char *pem =
			foreign_request(others[i], others[i], "CERTIFICATE REQUEST", &n);

		CU_ASSERT_EQUAL(parse_request(pem, n), TACIT_ESCHEMA);
		EVP_PKEY_free(others[i]);
	}
}

static void test_requests_nobody_signed(void)
{
	size_t n = 0;
	KEY(victim);
	KEY(thief);
	TACIT_AUTO_FREE char *stolen = foreign_request(victim, thief, "CERTIFICATE REQUEST", &n);

	CU_ASSERT_EQUAL(parse_request(stolen, n), TACIT_EUNTRUSTED);
}

static void test_odd_requests(void)
{
	static char text[TACIT_PEM_MAX * 2];
	size_t n = 0, m = 0;
	KEY(key);
	TACIT_AUTO_FREE char *pem = foreign_request(key, key, "CERTIFICATE REQUEST", &n);
	TACIT_AUTO_FREE char *label = foreign_request(key, key, "CERTIFICATE", &m);

	CU_ASSERT_EQUAL(parse_request(pem, n), 0);
	CU_ASSERT_EQUAL(parse_request(label, m), TACIT_ESCHEMA);
	for (size_t len = 0; len + 1 < n; len++)
		CU_ASSERT_EQUAL(parse_request(pem, len), TACIT_ESCHEMA);

	(void)snprintf(text, sizeof(text), "  \r\n%s\n\t ", pem);
	CU_ASSERT_EQUAL(parse_request(text, strlen(text)), 0);
	(void)snprintf(text, sizeof(text), "%s%s", pem, pem);
	CU_ASSERT_EQUAL(parse_request(text, strlen(text)), TACIT_ESCHEMA);
	(void)snprintf(text, sizeof(text), "x%s", pem);
	CU_ASSERT_EQUAL(parse_request(text, strlen(text)), TACIT_ESCHEMA);
	(void)snprintf(text, sizeof(text), "%sx", pem);
	CU_ASSERT_EQUAL(parse_request(text, strlen(text)), TACIT_ESCHEMA);
	(void)snprintf(text, sizeof(text), "%s", pem);
	CU_ASSERT_EQUAL(parse_request(text, n + 1), TACIT_ESCHEMA); /* its NUL */
	text[n / 2] = '\0';
	CU_ASSERT_EQUAL(parse_request(text, n), TACIT_ESCHEMA);
	memset(text, ' ', sizeof(text));
	CU_ASSERT_EQUAL(parse_request(text, sizeof(text)), -E2BIG);
	CU_ASSERT_EQUAL(parse_request(text, TACIT_PEM_MAX), TACIT_ESCHEMA);
}

static void test_authority(void)
{
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(key);
	uint8_t a[TACIT_FINGERPRINT_LEN], b[TACIT_FINGERPRINT_LEN];
	int64_t from = 0, until = 0, now = tacit_clock_wall_ms();
	char name[65] = "";
	CERT(none);

	CU_ASSERT_EQUAL(X509_check_ca(ca), 1);
	CU_ASSERT_EQUAL(X509_get_pathlen(ca), 0);
	CU_ASSERT_EQUAL(X509_get_key_usage(ca),
			KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	CU_ASSERT_EQUAL(tacit_cert_common_name(ca, name, sizeof(name)), 0);
	CU_ASSERT_STRING_EQUAL(name, "tacit test CA");
	CU_ASSERT_EQUAL(tacit_cert_common_name(ca, name, 13), -E2BIG);
	CU_ASSERT_EQUAL(tacit_cert_validity(ca, &from, &until), 0);
	CU_ASSERT(from < now && from > now - DAY_MS);
	CU_ASSERT(until > now + 3649 * DAY_MS && until < now + 3651 * DAY_MS);
	CU_ASSERT_EQUAL(tacit_key_fingerprint(key, a), 0);
	CU_ASSERT_EQUAL(tacit_cert_fingerprint(ca, b), 0);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	CU_ASSERT_EQUAL(tacit_ca_create(key, "x", 0, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_ca_create(key, "", 10, &none), -EINVAL);
	CU_ASSERT_EQUAL(tacit_ca_create(key, "x", 40000, &none), -EINVAL);
	CU_ASSERT_PTR_NULL(none);
}

static void test_host_certificate(void)
{
	KEY(ca_key);
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(ca_key);
	int64_t from = 0, until = 0, now = tacit_clock_wall_ms();
	char name[65] = "";
	CERT(cert);
	CERT(again);

	CU_ASSERT_EQUAL_FATAL(
		tacit_ca_issue(ca, ca_key, key, TACIT_CERT_HOST, "00ff", NULL, 7 * 86400, &cert),
		0);
	CU_ASSERT_EQUAL(verify(ca, cert, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	CU_ASSERT_EQUAL(verify(ca, cert, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
	CU_ASSERT_EQUAL(X509_get_version(cert), X509_VERSION_3);
	CU_ASSERT_EQUAL(X509_check_ca(cert), 0);
	CU_ASSERT_EQUAL(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	CU_ASSERT_EQUAL(X509_get_extended_key_usage(cert), XKU_SSL_CLIENT);
	CU_ASSERT_PTR_NOT_NULL(X509_get0_authority_key_id(cert));
	CU_ASSERT_PTR_NOT_NULL(X509_get0_subject_key_id(cert));
	CU_ASSERT_EQUAL(tacit_cert_common_name(cert, name, sizeof(name)), 0);
	CU_ASSERT_STRING_EQUAL(name, "00ff");
	CU_ASSERT_EQUAL(tacit_cert_validity(cert, &from, &until), 0);
	CU_ASSERT(from < now - 200000 && from > now - 400000);
	CU_ASSERT(until > now + 6 * DAY_MS && until < now + 8 * DAY_MS);

	CU_ASSERT_EQUAL(tacit_ca_issue(ca, ca_key, key, TACIT_CERT_HOST, "00ff", NULL, 60, &again),
			0);
	CU_ASSERT(ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), X509_get0_serialNumber(again)) !=
		  0);
	CU_ASSERT(ASN1_STRING_length(X509_get0_serialNumber(cert)) >= 10);
}

static void test_server_certificate(void)
{
	KEY(ca_key);
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(ca_key);
	CERT(cert);

	CU_ASSERT_EQUAL_FATAL(tacit_ca_issue(ca, ca_key, key, TACIT_CERT_SERVER, "aggregator",
					     "localhost, 127.0.0.1,::1 ,a-b.example.org", 3600,
					     &cert),
			      0);
	CU_ASSERT_EQUAL(verify(ca, cert, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	CU_ASSERT_EQUAL(verify(ca, cert, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_INVALID_PURPOSE);
	CU_ASSERT_EQUAL(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
	CU_ASSERT_EQUAL(X509_check_host(cert, "a-b.example.org", 0, 0, NULL), 1);
	CU_ASSERT_EQUAL(X509_check_host(cert, "example.org", 0, 0, NULL), 0);
	CU_ASSERT_EQUAL(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
	CU_ASSERT_EQUAL(X509_check_ip_asc(cert, "::1", 0), 1);
	CU_ASSERT_EQUAL(X509_check_ip_asc(cert, "127.0.0.2", 0), 0);
	CU_ASSERT_EQUAL(X509_check_host(cert, "127.0.0.1", 0, 0, NULL), 0);
}

static void test_expired_and_foreign(void)
{
	KEY(ca_key);
	KEY(other_key);
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(ca_key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *other = new_ca(other_key);
	CERT(cert);

	CU_ASSERT_EQUAL_FATAL(
		tacit_ca_issue(ca, ca_key, key, TACIT_CERT_HOST, "h", NULL, -1, &cert), 0);
	CU_ASSERT_EQUAL(verify(ca, cert, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_HAS_EXPIRED);
	tacit_cert_free(TACIT_TAKE(cert));
	CU_ASSERT_EQUAL_FATAL(
		tacit_ca_issue(other, other_key, key, TACIT_CERT_HOST, "h", NULL, 60, &cert), 0);
	CU_ASSERT(verify(ca, cert, X509_PURPOSE_SSL_CLIENT) != X509_V_OK);
	tacit_cert_free(TACIT_TAKE(cert));
	CU_ASSERT_EQUAL(tacit_ca_issue(ca, other_key, key, TACIT_CERT_HOST, "h", NULL, 60, &cert),
			-EINVAL);
	CU_ASSERT_PTR_NULL(cert);
}

static void test_names_that_are_refused(void)
{
	static const char *const common[] = { "",
					      "a b",
					      "a\nb",
					      "a/b",
					      "a=b",
					      "\xc3\xa4",
					      "01234567890123456789012345678901"
					      "01234567890123456789012345678901x" };
	static const char *const alternative[] = { "",		",",	       "a,",  ",a",
						   "a,,b",	"a b",	       "a/b", "dirName:x",
						   "1.2.3.4/8", "fe80::1%eth0" };
	static const int64_t life[] = { -300, INT64_MIN, INT64_MAX };
	char long_name[300];
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(key);
	CERT(cert);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(common); i++)
		CU_ASSERT_EQUAL(
			tacit_ca_issue(ca, key, key, TACIT_CERT_HOST, common[i], NULL, 60, &cert),
			-EINVAL);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(alternative); i++)
		CU_ASSERT_EQUAL(tacit_ca_issue(ca, key, key, TACIT_CERT_SERVER, "s", alternative[i],
					       60, &cert),
				-EINVAL);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(life); i++)
		CU_ASSERT_EQUAL(
			tacit_ca_issue(ca, key, key, TACIT_CERT_SERVER, "s", NULL, life[i], &cert),
			-EINVAL);
	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	CU_ASSERT_EQUAL(tacit_ca_issue(ca, key, key, TACIT_CERT_SERVER, "s", long_name, 60, &cert),
			-EINVAL);
	CU_ASSERT_PTR_NULL(cert);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void test_certificate_files(void)
{
	PLACE(place);
	char path[512];
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(key);
	TACIT_AUTO_FREE char *pem = NULL;
	struct stat st;
	CERT(back);
	CERT(parsed);

	(void)strcpy(path, place_file(&place, "ca.crt"));
	CU_ASSERT_EQUAL(tacit_cert_load(path, &back), -ENOENT);
	CU_ASSERT_EQUAL(tacit_cert_save(ca, path), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0644);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_load(path, &back), 0);
	CU_ASSERT_EQUAL(X509_cmp(ca, back), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(ca, &pem), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_cert_parse(pem, strlen(pem), &parsed), 0);
	CU_ASSERT_EQUAL(X509_cmp(ca, parsed), 0);
}

static void test_odd_certificates(void)
{
	static char text[TACIT_PEM_MAX * 2];
	KEY(key);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = new_ca(key);
	TACIT_AUTO_FREE char *pem = NULL;
	TACIT_AUTO_FREE char *request = NULL;
	CERT(cert);

	CU_ASSERT_EQUAL_FATAL(tacit_cert_format(ca, &pem), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_csr_create(key, &request), 0);
	for (size_t len = 0; len + 1 < strlen(pem); len++)
		CU_ASSERT_EQUAL(tacit_cert_parse(pem, len, &cert), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(tacit_cert_parse(request, strlen(request), &cert), TACIT_ESCHEMA);
	(void)snprintf(text, sizeof(text), "%s%s", pem, pem);
	CU_ASSERT_EQUAL(tacit_cert_parse(text, strlen(text), &cert), TACIT_ESCHEMA);
	memset(text, '\n', sizeof(text));
	CU_ASSERT_EQUAL(tacit_cert_parse(text, sizeof(text), &cert), -E2BIG);
	CU_ASSERT_PTR_NULL(cert);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

/* A subject that others than our issuer might write. */
static X509 *with_names(const char *const *names, const int *lens)
{
	X509 *cert = X509_new();

	for (; *names; names++, lens++)
		(void)X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
						 MBSTRING_ASC, (const unsigned char *)*names, *lens,
						 -1, 0);
	return cert;
}

static void test_odd_common_names(void)
{
	static const char *const none[] = { NULL }, *const two[] = { "a", "b", NULL };
	static const char *const cut[] = { "victim\0evil", NULL };
	static const int one_byte[] = { 1, 1 }, eleven[] = { 11 };
	X509 *certs[] = { with_names(none, one_byte), with_names(two, one_byte),
			  with_names(cut, eleven) };
	char name[65] = "untouched";

	for (size_t i = 0; i < TACIT_ARRAY_LEN(certs); i++) {
		CU_ASSERT_EQUAL(tacit_cert_common_name(certs[i], name, sizeof(name)), -ENOENT);
		CU_ASSERT_STRING_EQUAL(name, "untouched");
		tacit_cert_free(certs[i]);
	}
}

static void test_every_allocation_may_fail(void)
{
	PLACE(place);
	char path[512];
	int r = -ENOMEM, nth;
	KEY(key);

	(void)strcpy(path, place_file(&place, "host.key"));
	for (nth = 0; r == -ENOMEM && nth < 10; nth++) {
		TACIT_AUTO_FREE char *pem = NULL;

		unit_fail_alloc(nth);
		r = tacit_csr_create(key, &pem);
		if (r == 0)
			r = tacit_key_save(key, path);
		unit_fail_alloc(-1);
		CU_ASSERT_EQUAL(r == 0, access(path, F_OK) == 0);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(nth, 3);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "sha256", test_sha256 },
		{ "key files", test_key_files },
		{ "bad key files", test_bad_key_files },
		{ "signatures", test_signatures },
		{ "requests", test_requests },
		{ "requests for other kinds of key", test_requests_for_other_keys },
		{ "requests the key's owner did not sign", test_requests_nobody_signed },
		{ "odd requests", test_odd_requests },
		{ "authority", test_authority },
		{ "host certificate", test_host_certificate },
		{ "server certificate", test_server_certificate },
		{ "expired and foreign certificates", test_expired_and_foreign },
		{ "names that are refused", test_names_that_are_refused },
		{ "certificate files", test_certificate_files },
		{ "odd certificates", test_odd_certificates },
		{ "odd common names", test_odd_common_names },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("x509", cases);
}
