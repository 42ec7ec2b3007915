/* SPDX-License-Identifier: MIT */
#include "ca.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <tacit/mem.h>

#define CA_NAME	     "tacit-ca"
#define CA_DAYS	     3650U
#define SERVER_NAME  "tacit-aggregator"
#define PATH_MAX_LEN 4096U
#define NAME_MAX_LEN 254U

struct tacit_ca {
	char *dir;
	char *names;
	int64_t host_cert_sec, server_cert_sec;
	EVP_PKEY *key, *server_key;
	X509 *cert, *server_cert;
	char *pem;
	uint8_t pin[TACIT_FINGERPRINT_LEN];
};

TACIT_DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)

static int file_path(const struct tacit_ca *ca, const char *file, char path[PATH_MAX_LEN])
{
	int n = snprintf(path, PATH_MAX_LEN, "%s/%s", ca->dir, file);

	return n < 0 || (unsigned)n >= PATH_MAX_LEN ? -ENAMETOOLONG : 0;
}

static int load_key(const struct tacit_ca *ca, const char *file, EVP_PKEY **ret)
{
	char path[PATH_MAX_LEN];
	int r = file_path(ca, file, path);

	return r < 0 ? r : tacit_key_load(path, ret);
}

static int load_cert(const struct tacit_ca *ca, const char *file, X509 **ret)
{
	char path[PATH_MAX_LEN];
	int r = file_path(ca, file, path);

	if (r < 0)
		return r;
	r = tacit_cert_load(path, ret);
	return r == TACIT_ESCHEMA || r == -E2BIG ? TACIT_EDAMAGED : r;
}

static int make_key(const struct tacit_ca *ca, const char *file, EVP_PKEY **ret)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	char path[PATH_MAX_LEN];
	int r;

	r = file_path(ca, file, path);
	if (r == 0)
		r = tacit_key_generate(&key);
	if (r == 0)
		r = tacit_key_save(key, path);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(key);
	return 0;
}

static int save_cert(const struct tacit_ca *ca, const char *file, const X509 *cert)
{
	char path[PATH_MAX_LEN];
	int r = file_path(ca, file, path);

	return r < 0 ? r : tacit_cert_save(cert, path);
}

static bool is_of_key(const X509 *cert, const EVP_PKEY *key)
{
	const EVP_PKEY *public_key = X509_get0_pubkey(cert);

	return public_key && EVP_PKEY_eq(public_key, key) == 1;
}

/* The certificate follows from the key, so a start that was cut short between the two goes on. */
static int make_authority_cert(struct tacit_ca *ca)
{
	int r = tacit_ca_create(ca->key, CA_NAME, CA_DAYS, &ca->cert);

	return r < 0 ? r : save_cert(ca, "ca.crt", ca->cert);
}

static int open_authority(struct tacit_ca *ca)
{
	int has_cert = load_cert(ca, "ca.crt", &ca->cert);
	int r = load_key(ca, "ca.key", &ca->key);

	if (has_cert < 0 && has_cert != -ENOENT)
		return has_cert;
	if (r == -ENOENT && has_cert == 0)
		return TACIT_EDAMAGED;
	if (r == -ENOENT)
		r = make_key(ca, "ca.key", &ca->key);
	if (r == 0 && has_cert < 0)
		r = make_authority_cert(ca);
	if (r < 0)
		return r;
	if (!is_of_key(ca->cert, ca->key))
		return TACIT_EDAMAGED;
	r = tacit_key_fingerprint(ca->key, ca->pin);
	return r < 0 ? r : tacit_cert_format(ca->cert, &ca->pem);
}

static bool has_name(X509 *cert, const char *name)
{
	return X509_check_ip_asc(cert, name, 0) == 1 ||
	       X509_check_host(cert, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

/* Exactly the names that are wanted, no more: they may have been taken away. */
static bool has_names(X509 *cert, const char *names)
{
	TACIT_CLEANUP(GENERAL_NAMES_free_p)
	GENERAL_NAMES *alternative =
		(GENERAL_NAMES *)X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = 0;

	while (*names) {
		char name[NAME_MAX_LEN + 1];
		size_t skip = strspn(names, ", "), len = strcspn(names + skip, ", ");

		names += skip;
		if (len == 0)
			break;
		if (len > NAME_MAX_LEN)
			return false;
		memcpy(name, names, len);
		name[len] = '\0';
		if (!has_name(cert, name))
			return false;
		names += len;
		n++;
	}
	return n == (alternative ? sk_GENERAL_NAME_num(alternative) : 0);
}

static bool is_young(const X509 *cert, int64_t wall_ms)
{
	int64_t from, until;

	if (tacit_cert_validity(cert, &from, &until) < 0)
		return false;
	return wall_ms >= from && wall_ms < until - (until - from) / 3;
}

static bool is_good(const struct tacit_ca *ca, X509 *cert, const EVP_PKEY *key, int64_t wall_ms)
{
	bool good = is_of_key(cert, key) && X509_verify(cert, ca->key) == 1 &&
		    has_names(cert, ca->names) && is_young(cert, wall_ms);

	ERR_clear_error();
	return good;
}

static void set_server(struct tacit_ca *ca, EVP_PKEY *key, X509 *cert)
{
	tacit_key_free(ca->server_key);
	tacit_cert_free(ca->server_cert);
	ca->server_key = key;
	ca->server_cert = cert;
}

/* The key stays, so that replacing the certificate is one rename: there is no half-way. */
static int issue_server(struct tacit_ca *ca, EVP_PKEY **key)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	int r;

	r = tacit_ca_issue(ca->cert, ca->key, *key, TACIT_CERT_SERVER, SERVER_NAME, ca->names,
			   ca->server_cert_sec, &cert);
	if (r == 0)
		r = save_cert(ca, "server.crt", cert);
	if (r < 0)
		return r;
	set_server(ca, TACIT_TAKE(*key), TACIT_TAKE(cert));
	return 1;
}

int tacit_ca_renew_server(struct tacit_ca *ca, int64_t wall_ms)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	int has_cert = load_cert(ca, "server.crt", &cert);
	int r = load_key(ca, "server.key", &key);

	if (has_cert < 0 && has_cert != -ENOENT && has_cert != TACIT_EDAMAGED)
		return has_cert;
	if (r == -ENOENT || r == TACIT_EDAMAGED)
		r = make_key(ca, "server.key", &key);
	if (r < 0)
		return r;
	if (has_cert < 0 || !is_good(ca, cert, key, wall_ms))
		return issue_server(ca, &key);
	set_server(ca, TACIT_TAKE(key), TACIT_TAKE(cert));
	return 0;
}

int tacit_ca_reload_server(struct tacit_ca *ca)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	int r;

	r = load_key(ca, "server.key", &key);
	if (r == 0)
		r = load_cert(ca, "server.crt", &cert);
	if (r < 0)
		return r;
	if (!is_of_key(cert, key))
		return TACIT_EDAMAGED;
	set_server(ca, TACIT_TAKE(key), TACIT_TAKE(cert));
	return 0;
}

int tacit_ca_open(const struct tacit_ca_params *params, int64_t wall_ms, struct tacit_ca **ret)
{
	TACIT_CLEANUP(tacit_ca_free_p) struct tacit_ca *ca = NULL;
	int r;

	if (params->host_cert_sec < 1 || params->server_cert_sec < 1)
		return -EINVAL;
	ca = TACIT_NEW(struct tacit_ca);
	if (!ca)
		return -ENOMEM;
	ca->dir = tacit_strdup(params->dir);
	ca->names = tacit_strdup(params->names);
	if (!ca->dir || !ca->names)
		return -ENOMEM;
	ca->host_cert_sec = params->host_cert_sec;
	ca->server_cert_sec = params->server_cert_sec;

	r = open_authority(ca);
	if (r == 0)
		r = tacit_ca_renew_server(ca, wall_ms);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(ca);
	return 0;
}

X509 *tacit_ca_cert(const struct tacit_ca *ca)
{
	return ca->cert;
}

X509 *tacit_ca_server_cert(const struct tacit_ca *ca)
{
	return ca->server_cert;
}

EVP_PKEY *tacit_ca_server_key(const struct tacit_ca *ca)
{
	return ca->server_key;
}

const char *tacit_ca_pem(const struct tacit_ca *ca)
{
	return ca->pem;
}

const uint8_t *tacit_ca_pin(const struct tacit_ca *ca)
{
	return ca->pin;
}

int tacit_ca_certify_host(const struct tacit_ca *ca, EVP_PKEY *public_key, const char *id,
			  X509 **ret)
{
	return tacit_ca_issue(ca->cert, ca->key, public_key, TACIT_CERT_HOST, id, NULL,
			      ca->host_cert_sec, ret);
}

int tacit_ca_sign(const struct tacit_ca *ca, const void *data, size_t len,
		  uint8_t sig[TACIT_SIGNATURE_MAX], size_t *ret_len)
{
	return tacit_key_sign(ca->key, data, len, sig, ret_len);
}

void tacit_ca_free(struct tacit_ca *ca)
{
	if (!ca)
		return;
	tacit_key_free(ca->key);
	tacit_cert_free(ca->cert);
	set_server(ca, NULL, NULL);
	tacit_free(ca->pem);
	tacit_free(ca->names);
	tacit_free(ca->dir);
	tacit_free(ca);
}
