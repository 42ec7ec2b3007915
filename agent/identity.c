/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <jansson.h>

#include <tacit/bytes.h>

#include "identity_files.h"

TACIT_DEFINE_CLEANUP(json_t, json_decref)
TACIT_DEFINE_CLEANUP(BIO, BIO_free_all)

#define HEX_LEN (2 * TACIT_FINGERPRINT_LEN)

struct tacit_identity {
	char *dir; /* NULL: in memory only */
	EVP_PKEY *key;
	uint8_t key_digest[TACIT_FINGERPRINT_LEN];
	char fingerprint[HEX_LEN + 1];
	char host[TACIT_IDENTITY_HOST_LEN + 1];
	char *key_pem;

	/* All or none. */
	X509 *cert, *ca;
	char *cert_pem;
	char *url;
	char aggregator[HEX_LEN + 1];
};

/* What belongs together once a host is enrolled. */
struct membership {
	X509 *cert, *ca;
	char *cert_pem;
	char *url;
};

static void membership_done(struct membership *new)
{
	tacit_cert_free(new->cert);
	tacit_cert_free(new->ca);
	tacit_free(new->cert_pem);
	tacit_free(new->url);
}

TACIT_PRINTF(3, 4)
static void explain(char *why, size_t size, const char *format, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
}

/* Is @cert this key's, under @ca? */
static int check_cert(const struct tacit_identity *identity, X509 *cert, const X509 *ca, char *why,
		      size_t size)
{
	uint8_t digest[TACIT_FINGERPRINT_LEN];
	char name[TACIT_IDENTITY_HOST_LEN + 1];

	if (tacit_cert_fingerprint(cert, digest) < 0 ||
	    memcmp(digest, identity->key_digest, sizeof(digest)) != 0) {
		explain(why, size, "the certificate is for another key");
		return TACIT_EUNTRUSTED;
	}
	if (tacit_cert_common_name(cert, name, sizeof(name)) < 0 ||
	    strcmp(name, identity->host) != 0) {
		explain(why, size, "the certificate bears another host's name");
		return TACIT_EUNTRUSTED;
	}
	if (X509_verify(cert, X509_get0_pubkey(ca)) != 1) {
		ERR_clear_error();
		explain(why, size, "the certificate was not issued by the aggregator's CA");
		return TACIT_EUNTRUSTED;
	}
	return 0;
}

/* Moves what is in @new to where it is used. */
static int install(struct tacit_identity *identity, struct membership *new)
{
	uint8_t digest[TACIT_FINGERPRINT_LEN];
	int r = tacit_cert_fingerprint(new->ca, digest);

	if (r == 0)
		r = tacit_cert_format(new->cert, &new->cert_pem);
	if (r < 0)
		return r;
	tacit_cert_free(identity->cert);
	tacit_cert_free(identity->ca);
	tacit_free(identity->cert_pem);
	tacit_free(identity->url);
	identity->cert = TACIT_TAKE(new->cert);
	identity->ca = TACIT_TAKE(new->ca);
	identity->cert_pem = TACIT_TAKE(new->cert_pem);
	identity->url = TACIT_TAKE(new->url);
	tacit_hex_encode(digest, sizeof(digest), identity->aggregator);
	return 0;
}

static int format_key(struct tacit_identity *identity)
{
	TACIT_CLEANUP(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_secmem());
	const char *text;
	long len;

	if (!bio || PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL) != 1) {
		ERR_clear_error();
		return TACIT_ECRYPTO;
	}
	len = BIO_get_mem_data(bio, &text);
	identity->key_pem = tacit_strndup(text, (size_t)len);
	return identity->key_pem ? 0 : -ENOMEM;
}

static int load_or_make_key(struct tacit_identity *identity)
{
	int r = -ENOENT;

	if (identity->dir)
		r = tacit_identity_load_key(identity->dir, &identity->key);
	if (r == -ENOENT) {
		r = tacit_key_generate(&identity->key);
		if (r == 0 && identity->dir)
			r = tacit_identity_save_key(identity->dir, identity->key);
	}
	if (r == 0)
		r = tacit_key_fingerprint(identity->key, identity->key_digest);
	if (r == 0)
		r = format_key(identity);
	if (r < 0)
		return r;
	tacit_hex_encode(identity->key_digest, sizeof(identity->key_digest), identity->fingerprint);
	memcpy(identity->host, identity->fingerprint, TACIT_IDENTITY_HOST_LEN);
	return 0;
}

static int load_membership(struct tacit_identity *identity)
{
	TACIT_CLEANUP(membership_done) struct membership new = { 0 };
	char why[96];
	int r = tacit_identity_load_files(identity->dir, &new.cert, &new.ca, &new.url);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (check_cert(identity, new.cert, new.ca, why, sizeof(why)) < 0) {
		tacit_identity_set_aside(identity->dir, TACIT_IDENTITY_CERT, why);
		return 0;
	}
	return install(identity, &new);
}

int tacit_identity_open(const char *dir, struct tacit_identity **ret)
{
	TACIT_CLEANUP(tacit_identity_free_p)
	struct tacit_identity *identity = TACIT_NEW(struct tacit_identity);
	int r;

	if (!identity)
		return -ENOMEM;
	if (dir) {
		identity->dir = tacit_strdup(dir);
		if (!identity->dir)
			return -ENOMEM;
	}
	r = load_or_make_key(identity);
	if (r == 0 && dir)
		r = load_membership(identity);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(identity);
	return 0;
}

const char *tacit_identity_host(const struct tacit_identity *identity)
{
	return identity->host;
}

const char *tacit_identity_fingerprint(const struct tacit_identity *identity)
{
	return identity->fingerprint;
}

bool tacit_identity_is_enrolled(const struct tacit_identity *identity)
{
	return identity->cert != NULL;
}

const char *tacit_identity_url(const struct tacit_identity *identity)
{
	return identity->url ? identity->url : "";
}

const X509 *tacit_identity_ca(const struct tacit_identity *identity)
{
	return identity->ca;
}

const char *tacit_identity_aggregator(const struct tacit_identity *identity)
{
	return identity->aggregator;
}

/* A number in [0, 1) of this host's own, so that hosts enrolled together renew apart. */
static double spread(const struct tacit_identity *identity)
{
	struct tacit_reader reader =
		tacit_reader_init(identity->key_digest, sizeof(identity->key_digest));

	return tacit_read_u32le(&reader) / 4294967296.0;
}

void tacit_identity_life(const struct tacit_identity *identity, struct tacit_identity_life *ret)
{
	struct tacit_identity_life life = { 0 };

	if (identity->cert &&
	    tacit_cert_validity(identity->cert, &life.from_ms, &life.until_ms) == 0)
		life.renew_ms = life.from_ms + (int64_t)((double)(life.until_ms - life.from_ms) *
							 (2.0 / 3 + spread(identity) / 12));
	*ret = life;
}

bool tacit_identity_is_expired(const struct tacit_identity *identity, int64_t wall_ms)
{
	struct tacit_identity_life life;

	tacit_identity_life(identity, &life);
	return identity->cert && wall_ms >= life.until_ms;
}

bool tacit_identity_is_due(const struct tacit_identity *identity, int64_t wall_ms)
{
	struct tacit_identity_life life;

	tacit_identity_life(identity, &life);
	return identity->cert && wall_ms >= life.renew_ms;
}

int tacit_identity_csr(struct tacit_identity *identity, char **ret_pem)
{
	return tacit_csr_create(identity->key, ret_pem);
}

int tacit_identity_sign(struct tacit_identity *identity, const void *data, size_t len,
			uint8_t sig[TACIT_SIGNATURE_MAX], size_t *ret_len)
{
	return tacit_key_sign(identity->key, data, len, sig, ret_len);
}

const uint8_t *tacit_identity_key_digest(const struct tacit_identity *identity)
{
	return identity->key_digest;
}

int tacit_identity_cert(const struct tacit_identity *identity, uint8_t **ret, size_t *ret_len)
{
	return identity->cert ? tacit_cert_format_der(identity->cert, ret, ret_len) : -ENOENT;
}

int tacit_identity_tls(const struct tacit_identity *identity, struct tacit_uplink_tls *ret)
{
	if (!identity->cert)
		return -ENOENT;
	*ret = (struct tacit_uplink_tls){
		.url = identity->url,
		.ca = identity->ca,
		.cert_pem = identity->cert_pem,
		.key_pem = identity->key_pem,
	};
	return 0;
}

/* A PEM needs no more escaping than its line ends; nor does anything of a token's secret. */
static int format_body(struct tacit_identity *identity, const struct tacit_token *token, char **ret)
{
	size_t secret_len = token ? tacit_base64url_len(sizeof(token->secret)) : 0, size;
	TACIT_AUTO_FREE char *csr = NULL;
	char *text, *at;
	int r = tacit_identity_csr(identity, &csr);

	if (r < 0)
		return r;
	size = 2 * strlen(csr) + secret_len + 32;
	text = at = (char *)tacit_calloc(size, 1);
	if (!text)
		return -ENOMEM;
	at = stpcpy(at, "{");
	if (token) {
		at = stpcpy(at, "\"secret\":\"");
		tacit_base64url_encode(token->secret, sizeof(token->secret), at);
		at = stpcpy(at + secret_len, "\",");
	}
	at = stpcpy(at, "\"csr\":\"");
	for (const char *c = csr; *c; c++)
		at = *c == '\n' ? stpcpy(at, "\\n") : (*at = *c, at + 1);
	(void)stpcpy(at, "\"}");
	*ret = text;
	return 0;
}

int tacit_identity_enrol_body(struct tacit_identity *identity, const struct tacit_token *token,
			      char **ret)
{
	return format_body(identity, token, ret);
}

int tacit_identity_renew_body(struct tacit_identity *identity, char **ret)
{
	return format_body(identity, NULL, ret);
}

static int parse_reply(const char *json, size_t len, char *why, size_t size, json_t **ret)
{
	json_error_t error;
	json_t *reply;

	if (len > TACIT_IDENTITY_REPLY_MAX) {
		explain(why, size, "the answer is too large");
		return -E2BIG;
	}
	reply = json_loadb(json ? json : "", len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(reply)) {
		json_decref(reply);
		explain(why, size, "the answer is not a JSON object");
		return -EINVAL;
	}
	*ret = reply;
	return 0;
}

static int parse_cert(const json_t *reply, const char *name, char *why, size_t size, X509 **ret)
{
	const json_t *member = json_object_get(reply, name);
	int r = TACIT_ESCHEMA;

	if (json_is_string(member))
		r = tacit_cert_parse(json_string_value(member), json_string_length(member), ret);
	if (r < 0)
		explain(why, size, "'%s' in the answer is not a certificate", name);
	return r;
}

/* The answer must speak of this host, and of the CA that was verified before we asked. */
static int check_reply(const struct tacit_identity *identity, const json_t *reply, const X509 *ca,
		       char *why, size_t size)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *named = NULL;
	uint8_t theirs[TACIT_FINGERPRINT_LEN], pinned[TACIT_FINGERPRINT_LEN];
	const char *host = json_string_value(json_object_get(reply, "host"));
	int r;

	if (!host || strcmp(host, identity->host) != 0) {
		explain(why, size, "'host' in the answer is not this host");
		return TACIT_ESCHEMA;
	}
	r = parse_cert(reply, "ca", why, size, &named);
	if (r == 0)
		r = tacit_cert_fingerprint(named, theirs);
	if (r == 0)
		r = tacit_cert_fingerprint(ca, pinned);
	if (r == 0 && memcmp(theirs, pinned, sizeof(pinned)) != 0) {
		explain(why, size, "'ca' in the answer is not the pinned one");
		r = TACIT_EUNTRUSTED;
	}
	return r;
}

/* To disk first, then in memory. */
static int keep(struct tacit_identity *identity, struct membership *new, char *why, size_t size)
{
	int r = 0;

	if (identity->dir)
		r = tacit_identity_save_files(identity->dir, new->cert, new->ca, new->url);
	if (r < 0)
		explain(why, size, "cannot write to %s: %s", identity->dir, tacit_strerror(r));
	return r < 0 ? r : install(identity, new);
}

int tacit_identity_adopt(struct tacit_identity *identity, const char *url, const X509 *ca,
			 const char *json, size_t len, char *why, size_t size)
{
	TACIT_CLEANUP(membership_done) struct membership new = { 0 };
	TACIT_CLEANUP(json_decref_p) json_t *reply = NULL;
	int r = parse_reply(json, len, why, size, &reply);

	if (r == 0)
		r = check_reply(identity, reply, ca, why, size);
	if (r == 0)
		r = parse_cert(reply, "certificate", why, size, &new.cert);
	if (r == 0)
		r = check_cert(identity, new.cert, ca, why, size);
	if (r < 0)
		return r;
	new.ca = X509_dup(ca);
	new.url = tacit_strdup(url);
	if (!new.ca || !new.url)
		return -ENOMEM;
	return keep(identity, &new, why, size);
}

int tacit_identity_renew(struct tacit_identity *identity, const char *json, size_t len, char *why,
			 size_t size)
{
	TACIT_CLEANUP(membership_done) struct membership new = { 0 };
	TACIT_CLEANUP(json_decref_p) json_t *reply = NULL;
	int r;

	if (!identity->cert)
		return -ENOENT;
	r = parse_reply(json, len, why, size, &reply);
	if (r == 0)
		r = parse_cert(reply, "certificate", why, size, &new.cert);
	if (r == 0)
		r = check_cert(identity, new.cert, identity->ca, why, size);
	if (r < 0)
		return r;
	new.ca = X509_dup(identity->ca);
	new.url = tacit_strdup(identity->url);
	if (!new.ca || !new.url)
		return -ENOMEM;
	return keep(identity, &new, why, size);
}

void tacit_identity_free(struct tacit_identity *identity)
{
	if (!identity)
		return;
	tacit_key_free(identity->key);
	tacit_cert_free(identity->cert);
	tacit_cert_free(identity->ca);
	tacit_identity_wipe(identity->key_pem);
	tacit_free(identity->key_pem);
	tacit_free(identity->cert_pem);
	tacit_free(identity->url);
	tacit_free(identity->dir);
	tacit_free(identity);
}

void tacit_identity_wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
}
