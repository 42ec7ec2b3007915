/* SPDX-License-Identifier: MIT */
/* The authority's half of x509: what it puts into a certificate. */
#include <tacit/x509.h>

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define SERIAL_BITS          127 /* positive in 16 bytes; RFC 5280, 4.1.2.2 allows 20 */
#define BACKDATED_SEC        300
#define VALID_SEC_MAX        (INT64_C(100) * 366 * 86400)
#define COMMON_NAME_MAX      64U /* RFC 5280, ub-common-name */
#define ALTERNATIVE_NAME_MAX 253U

TACIT_DEFINE_CLEANUP(BIGNUM, BN_free)
TACIT_DEFINE_CLEANUP(GENERAL_NAME, GENERAL_NAME_free)
TACIT_DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)
TACIT_DEFINE_CLEANUP(X509_EXTENSION, X509_EXTENSION_free)

struct extension {
	int nid;
	const char *value;
};

/* digitalSignature, because this key also signs what the fleet releases. */
static const struct extension of_ca[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_undef, NULL },
};

static const struct extension of_host[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "clientAuth" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
	{ NID_undef, NULL },
};

static const struct extension of_server[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
	{ NID_undef, NULL },
};

static bool has_only(const char *text, size_t len, const char *others)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!word && (c == '\0' || !strchr(others, c)))
			return false;
	}
	return true;
}

static bool is_common_name(const char *name)
{
	size_t len = strnlen(name, COMMON_NAME_MAX + 1);

	return len > 0 && len <= COMMON_NAME_MAX && has_only(name, len, "._-");
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct extension *extension)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (; extension->value; extension++) {
		TACIT_CLEANUP(X509_EXTENSION_free_p)
		X509_EXTENSION *made =
			X509V3_EXT_conf_nid(NULL, &ctx, extension->nid, extension->value);

		if (!made || X509_add_ext(cert, made, -1) != 1)
			return false;
	}
	return true;
}

static bool set_serial(X509 *cert)
{
	TACIT_CLEANUP(BN_free_p) BIGNUM *serial = BN_new();

	return serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
	       BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) != NULL;
}

static bool set_common_name(X509 *cert, const char *name)
{
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
					  MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
					  0) == 1;
}

static bool set_validity(X509 *cert, int64_t valid_sec)
{
	time_t now = time(NULL);

	return X509_time_adj_ex(X509_getm_notBefore(cert), 0, -BACKDATED_SEC, &now) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), (int)(valid_sec / 86400),
				(long)(valid_sec % 86400), &now) != NULL;
}

/* Everything but the issuer's name, the extensions and the signature. */
static X509 *begin(EVP_PKEY *public_key, const char *name, int64_t valid_sec)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = X509_new();

	if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
	    !set_common_name(cert, name) || !set_validity(cert, valid_sec) ||
	    X509_set_pubkey(cert, public_key) != 1)
		return NULL;
	return TACIT_TAKE(cert);
}

static int finish(X509 *cert, EVP_PKEY *ca_key)
{
	if (X509_sign(cert, ca_key, EVP_sha256()) > 0)
		return 0;
	ERR_clear_error();
	return TACIT_ECRYPTO;
}

int tacit_ca_create(EVP_PKEY *key, const char *name, unsigned days, X509 **ret)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	int r;

	if (name[0] == '\0' || strlen(name) > COMMON_NAME_MAX || days == 0 ||
	    days > VALID_SEC_MAX / 86400)
		return -EINVAL;
	cert = begin(key, name, (int64_t)days * 86400);
	if (!cert || X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 ||
	    !add_extensions(cert, cert, of_ca)) {
		ERR_clear_error();
		return TACIT_ECRYPTO;
	}
	r = finish(cert, key);
	if (r == 0)
		*ret = TACIT_TAKE(cert);
	return r;
}

static int set_address(GENERAL_NAME *name, const uint8_t *address, int len)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	if (!value || ASN1_OCTET_STRING_set(value, address, len) != 1) {
		ASN1_OCTET_STRING_free(value);
		return TACIT_ECRYPTO;
	}
	GENERAL_NAME_set0_value(name, GEN_IPADD, value);
	return 0;
}

static int set_dns(GENERAL_NAME *name, const char *text)
{
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	if (!value || ASN1_STRING_set(value, text, -1) != 1) {
		ASN1_IA5STRING_free(value);
		return TACIT_ECRYPTO;
	}
	GENERAL_NAME_set0_value(name, GEN_DNS, value);
	return 0;
}

static int add_name(GENERAL_NAMES *names, const char *text)
{
	TACIT_CLEANUP(GENERAL_NAME_free_p) GENERAL_NAME *name = GENERAL_NAME_new();
	uint8_t address[16];
	int r;

	if (!name)
		return TACIT_ECRYPTO;
	if (inet_pton(AF_INET, text, address) == 1)
		r = set_address(name, address, 4);
	else if (inet_pton(AF_INET6, text, address) == 1)
		r = set_address(name, address, 16);
	else if (has_only(text, strlen(text), ".-*_"))
		r = set_dns(name, text);
	else
		r = -EINVAL;
	if (r == 0 && sk_GENERAL_NAME_push(names, name) <= 0)
		r = TACIT_ECRYPTO;
	if (r == 0)
		(void)TACIT_TAKE(name);
	return r;
}

/* Copies the item that ends at @end, without the blanks around it. */
static int take_item(const char *at, const char *end, char item[ALTERNATIVE_NAME_MAX + 1])
{
	while (at < end && *at == ' ')
		at++;
	while (end > at && end[-1] == ' ')
		end--;
	if (at == end || end - at > (ptrdiff_t)ALTERNATIVE_NAME_MAX)
		return -EINVAL;
	memcpy(item, at, (size_t)(end - at));
	item[end - at] = '\0';
	return 0;
}

static int add_alternative_names(X509 *cert, const char *names)
{
	TACIT_CLEANUP(GENERAL_NAMES_free_p) GENERAL_NAMES *list = GENERAL_NAMES_new();
	char item[ALTERNATIVE_NAME_MAX + 1];
	const char *end;
	int r = list ? 0 : TACIT_ECRYPTO;

	for (; r == 0 && names; names = *end ? end + 1 : NULL) {
		end = strchrnul(names, ',');
		r = take_item(names, end, item);
		if (r == 0)
			r = add_name(list, item);
	}
	if (r == 0 &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) != 1)
		r = TACIT_ECRYPTO;
	if (r == TACIT_ECRYPTO)
		ERR_clear_error();
	return r;
}

int tacit_ca_issue(const X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *public_key, enum tacit_cert_use use,
		   const char *common_name, const char *names, int64_t valid_sec, X509 **ret)
{
	/* A copy, because the extension maker wants to write to the issuer. */
	TACIT_CLEANUP(tacit_cert_free_p) X509 *issuer = X509_dup(ca);
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	int r = 0;

	if (!is_common_name(common_name) || valid_sec <= -BACKDATED_SEC ||
	    valid_sec > VALID_SEC_MAX || X509_check_private_key(ca, ca_key) != 1) {
		ERR_clear_error();
		return -EINVAL;
	}
	cert = begin(public_key, common_name, valid_sec);
	if (!issuer || !cert || X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 ||
	    !add_extensions(cert, issuer, use == TACIT_CERT_HOST ? of_host : of_server)) {
		ERR_clear_error();
		return TACIT_ECRYPTO;
	}
	if (names)
		r = add_alternative_names(cert, names);
	if (r == 0)
		r = finish(cert, ca_key);
	if (r == 0)
		*ret = TACIT_TAKE(cert);
	return r;
}
