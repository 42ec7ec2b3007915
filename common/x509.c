/* SPDX-License-Identifier: MIT */
#include <tacit/x509.h>

#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define SPKI_LEN 91 /* P-256 by name, uncompressed point: the one form we accept and make */

TACIT_DEFINE_CLEANUP(BIO, BIO_free_all)
TACIT_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
TACIT_DEFINE_CLEANUP(X509_REQ, X509_REQ_free)

/* What a PEM block holds; it may be a private key, so it is wiped. */
struct der {
	uint8_t *data;
	long len;
};

static void der_done(struct der *der)
{
	OPENSSL_clear_free(der->data, (size_t)der->len);
}

void tacit_key_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
}

void tacit_cert_free(X509 *cert)
{
	X509_free(cert);
}

/* The error queue is shared with TLS, which takes what it finds there for its own. */
static int fail(int code)
{
	ERR_clear_error();
	return code;
}

int tacit_sha256(const void *data, size_t len, uint8_t digest[32])
{
	if (EVP_Digest(len ? data : "", len, digest, NULL, EVP_sha256(), NULL) != 1)
		return fail(TACIT_ECRYPTO);
	return 0;
}

int tacit_key_generate(EVP_PKEY **ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		return fail(TACIT_ECRYPTO);
	*ret = key;
	return 0;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t len = 0;

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0 && i2d_PUBKEY(key, NULL) == SPKI_LEN;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* True for exactly one PEM block of that name with nothing but white space around it. */
static bool has_one_block(const char *text, size_t len, const char *name)
{
	char begin[64], end[64];
	const char *last;
	int n;

	while (len > 0 && is_white(text[len - 1]))
		len--;
	while (len > 0 && is_white(text[0]))
		text++, len--;
	n = snprintf(begin, sizeof(begin), "-----BEGIN %s-----", name);
	if (len < (size_t)n || memcmp(text, begin, (size_t)n) != 0)
		return false;
	n = snprintf(end, sizeof(end), "-----END %s-----", name);
	last = (const char *)memmem(text, len, "-----END ", 9);
	return last && (size_t)(text + len - last) == (size_t)n &&
	       memcmp(last, end, (size_t)n) == 0;
}

/* 0, -E2BIG or TACIT_ESCHEMA. */
static int read_block(const char *text, size_t len, const char *name, struct der *ret)
{
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = NULL;
	char *label = NULL, *header = NULL;
	int r = TACIT_ESCHEMA;

	if (len > TACIT_PEM_MAX)
		return -E2BIG;
	if (!has_one_block(text, len, name))
		return r;
	bio = BIO_new_mem_buf(text, (int)len);
	if (bio && PEM_read_bio(bio, &label, &header, &ret->data, &ret->len) == 1 &&
	    header[0] == '\0') /* no Proc-Type: we have no passphrase to give */
		r = 0;
	OPENSSL_free(label);
	OPENSSL_free(header);
	return r < 0 ? fail(r) : 0;
}

static int read_file(const char *path, char *text, size_t *ret_len)
{
	TACIT_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text + len, TACIT_PEM_MAX + 1 - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && len <= TACIT_PEM_MAX);
	*ret_len = len;
	return len > TACIT_PEM_MAX ? -E2BIG : 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Makes a rename survive a power failure. */
static int sync_folder(char *path)
{
	TACIT_AUTO_CLOSE int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

static int write_file(const char *path, const char *text, size_t len, mode_t mode)
{
	size_t size = strlen(path) + 8;
	TACIT_AUTO_FREE char *name = (char *)tacit_calloc(size, 1);
	TACIT_AUTO_CLOSE int fd = -1;
	int r;

	if (!name)
		return -ENOMEM;
	(void)snprintf(name, size, "%s.XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, len);
	if (r == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0 || rename(name, path) != 0))
		r = -errno;
	if (r < 0) {
		(void)unlink(name);
		return r;
	}
	return sync_folder(name);
}

static int save_bio(BIO *bio, const char *path, mode_t mode)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	return write_file(path, text, (size_t)len, mode);
}

static int bio_to_text(BIO *bio, char **ret)
{
	const char *text;
	long len = BIO_get_mem_data(bio, &text);
	char *copy = tacit_strndup(text, (size_t)len);

	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int tacit_key_save(const EVP_PKEY *key, const char *path)
{
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return fail(TACIT_ECRYPTO);
	return save_bio(bio, path, 0600);
}

static int parse_key(const char *text, size_t len, EVP_PKEY **ret)
{
	TACIT_CLEANUP(der_done) struct der der = { 0 };
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	const uint8_t *at;

	if (read_block(text, len, PEM_STRING_PKCS8INF, &der) < 0)
		return TACIT_EDAMAGED;
	at = der.data;
	key = d2i_AutoPrivateKey(NULL, &at, der.len);
	if (!key || at != der.data + der.len || !is_p256(key))
		return fail(TACIT_EDAMAGED);
	*ret = TACIT_TAKE(key);
	return 0;
}

int tacit_key_load(const char *path, EVP_PKEY **ret)
{
	char text[TACIT_PEM_MAX + 1];
	size_t len = 0;
	int r = read_file(path, text, &len);

	if (r == 0)
		r = parse_key(text, len, ret);
	OPENSSL_cleanse(text, sizeof(text));
	return r == -E2BIG ? TACIT_EDAMAGED : r;
}

int tacit_key_fingerprint(const EVP_PKEY *key, uint8_t fingerprint[TACIT_FINGERPRINT_LEN])
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int r;

	if (len <= 0)
		return fail(TACIT_ECRYPTO);
	r = tacit_sha256(der, (size_t)len, fingerprint);
	OPENSSL_free(der);
	return r;
}

int tacit_cert_fingerprint(const X509 *cert, uint8_t fingerprint[TACIT_FINGERPRINT_LEN])
{
	uint8_t *der = NULL;
	/* The certificate holds the key's very bytes; encoding it anew costs 165 us, at every
	 * request. */
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	int r;

	if (len <= 0)
		return fail(TACIT_ECRYPTO);
	r = tacit_sha256(der, (size_t)len, fingerprint);
	OPENSSL_free(der);
	return r;
}

int tacit_key_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	TACIT_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *bytes = (const uint8_t *)data;
	size_t sig_len = TACIT_SIGNATURE_MAX;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &sig_len, bytes, len) != 1)
		return fail(TACIT_ECRYPTO);
	*ret_len = sig_len;
	return 0;
}

int tacit_key_verify_signature(EVP_PKEY *key, const void *data, size_t len, const uint8_t *sig,
			       size_t sig_len)
{
	TACIT_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *bytes = (const uint8_t *)data;

	if (!ctx || !key || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1)
		return fail(TACIT_ECRYPTO);
	/* A malformed signature is a negative answer, which is no less a forgery. */
	return EVP_DigestVerify(ctx, sig, sig_len, bytes, len) == 1 ? 0 : fail(TACIT_EUNTRUSTED);
}

int tacit_cert_verify_signature(const X509 *cert, const void *data, size_t len, const uint8_t *sig,
				size_t sig_len)
{
	return tacit_key_verify_signature(X509_get0_pubkey(cert), data, len, sig, sig_len);
}

int tacit_csr_create(EVP_PKEY *key, char **ret_pem)
{
	TACIT_CLEANUP(X509_REQ_free_p) X509_REQ *request = X509_REQ_new();
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_mem());

	if (!request || !bio || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    X509_REQ_sign(request, key, EVP_sha256()) <= 0 ||
	    PEM_write_bio_X509_REQ(bio, request) != 1)
		return fail(TACIT_ECRYPTO);
	return bio_to_text(bio, ret_pem);
}

int tacit_csr_parse(const char *pem, size_t len, EVP_PKEY **ret_key)
{
	TACIT_CLEANUP(der_done) struct der der = { 0 };
	TACIT_CLEANUP(X509_REQ_free_p) X509_REQ *request = NULL;
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	const uint8_t *at;
	int r = read_block(pem, len, PEM_STRING_X509_REQ, &der);

	if (r < 0)
		return r;
	at = der.data;
	request = d2i_X509_REQ(NULL, &at, der.len);
	key = request && at == der.data + der.len ? X509_REQ_get_pubkey(request) : NULL;
	if (!key || !is_p256(key))
		return fail(TACIT_ESCHEMA);
	if (X509_REQ_verify(request, key) != 1)
		return fail(TACIT_EUNTRUSTED);
	*ret_key = TACIT_TAKE(key);
	return 0;
}

int tacit_cert_parse_der(const uint8_t *data, size_t len, X509 **ret)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	const uint8_t *at = data;

	if (len > TACIT_PEM_MAX)
		return -E2BIG;
	cert = d2i_X509(NULL, &at, (long)len);
	if (!cert || at != data + len || !X509_get0_pubkey(cert))
		return fail(TACIT_ESCHEMA);
	*ret = TACIT_TAKE(cert);
	return 0;
}

int tacit_cert_parse(const char *pem, size_t len, X509 **ret)
{
	TACIT_CLEANUP(der_done) struct der der = { 0 };
	int r = read_block(pem, len, PEM_STRING_X509, &der);

	return r < 0 ? r : tacit_cert_parse_der(der.data, (size_t)der.len, ret);
}

int tacit_cert_format_der(const X509 *cert, uint8_t **ret, size_t *ret_len)
{
	int len = i2d_X509(cert, NULL);
	TACIT_AUTO_FREE uint8_t *data = len > 0 ? (uint8_t *)tacit_calloc((size_t)len, 1) : NULL;
	uint8_t *at = data;

	if (len <= 0)
		return fail(TACIT_ECRYPTO);
	if (!data)
		return -ENOMEM;
	(void)i2d_X509(cert, &at);
	*ret = TACIT_TAKE(data);
	*ret_len = (size_t)len;
	return 0;
}

bool tacit_cert_is_for(const X509 *cert, const X509 *ca, enum tacit_cert_use use)
{
	uint32_t wanted = use == TACIT_CERT_HOST ? XKU_SSL_CLIENT : XKU_SSL_SERVER;

	/* X509_verify() caches the hash in the certificate, hence not const. */
	if (X509_verify((X509 *)(uintptr_t)cert, X509_get0_pubkey(ca)) == 1 &&
	    X509_get_extended_key_usage((X509 *)(uintptr_t)cert) == wanted)
		return true;
	ERR_clear_error();
	return false;
}

static BIO *cert_to_bio(const X509 *cert)
{
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_X509(bio, cert) == 1 ? TACIT_TAKE(bio) : NULL;
}

int tacit_cert_format(const X509 *cert, char **ret_pem)
{
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = cert_to_bio(cert);

	return bio ? bio_to_text(bio, ret_pem) : fail(TACIT_ECRYPTO);
}

int tacit_cert_load(const char *path, X509 **ret)
{
	char text[TACIT_PEM_MAX + 1];
	size_t len = 0;
	int r = read_file(path, text, &len);

	return r < 0 ? r : tacit_cert_parse(text, len, ret);
}

int tacit_cert_save(const X509 *cert, const char *path)
{
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = cert_to_bio(cert);

	return bio ? save_bio(bio, path, 0644) : fail(TACIT_ECRYPTO);
}

static int to_wall_ms(const ASN1_TIME *at, int64_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(at, &tm) != 1)
		return fail(TACIT_ECRYPTO);
	*ret = (int64_t)timegm(&tm) * 1000;
	return 0;
}

int tacit_cert_validity(const X509 *cert, int64_t *ret_from_ms, int64_t *ret_until_ms)
{
	int64_t from, until;

	/* ASN1_TIME_to_tm() takes NULL for now. */
	if (!X509_get0_notBefore(cert) || !X509_get0_notAfter(cert) ||
	    to_wall_ms(X509_get0_notBefore(cert), &from) < 0 ||
	    to_wall_ms(X509_get0_notAfter(cert), &until) < 0)
		return TACIT_ECRYPTO;
	*ret_from_ms = from;
	*ret_until_ms = until;
	return 0;
}

int tacit_cert_common_name(const X509 *cert, char *name, size_t size)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *text;
	size_t len;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return -ENOENT;
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	len = (size_t)ASN1_STRING_length(text);
	/* A NUL inside would let "victim\0evil" pass for "victim". */
	if (len == 0 || memchr(ASN1_STRING_get0_data(text), '\0', len))
		return -ENOENT;
	if (len >= size)
		return -E2BIG;
	memcpy(name, ASN1_STRING_get0_data(text), len);
	name[len] = '\0';
	return 0;
}
