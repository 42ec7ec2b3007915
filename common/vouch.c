/* SPDX-License-Identifier: MIT */
#include <tacit/vouch.h>

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <tacit/clock.h>
#include <tacit/x509.h>

#define KNOWN_MAX 16384U /* beyond them all are forgotten and verified anew: some 2 kB each */

/* A host whose certificate was found good. */
struct known {
	uint8_t id[TACIT_SECAGG_ID_LEN]; /* first: what is searched for */
	uint8_t cert[TACIT_SECAGG_DIGEST_LEN];
	int64_t from_ms, until_ms;
	EVP_PKEY *key;
};

struct tacit_vouch {
	X509 *ca;
	int64_t (*wall_ms)(void);
	void *known; /* tree of struct known */
	size_t n_known;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, TACIT_SECAGG_ID_LEN);
}

static void known_free(void *node)
{
	struct known *known = (struct known *)node;

	tacit_key_free(known->key);
	tacit_free(known);
}

static void forget_all(struct tacit_vouch *vouch)
{
	tdestroy(vouch->known, known_free);
	vouch->known = NULL;
	vouch->n_known = 0;
}

int tacit_vouch_new(const X509 *ca, int64_t (*wall_ms)(void), struct tacit_vouch **ret)
{
	TACIT_CLEANUP(tacit_vouch_free_p) struct tacit_vouch *vouch = TACIT_NEW(struct tacit_vouch);

	if (!vouch)
		return -ENOMEM;
	vouch->wall_ms = wall_ms ? wall_ms : tacit_clock_wall_ms;
	vouch->ca = X509_dup((X509 *)(uintptr_t)ca); /* not const in OpenSSL 3.0, and yet */
	if (!vouch->ca)
		return TACIT_ECRYPTO;
	*ret = TACIT_TAKE(vouch);
	return 0;
}

void tacit_vouch_free(struct tacit_vouch *vouch)
{
	if (!vouch)
		return;
	forget_all(vouch);
	tacit_cert_free(vouch->ca);
	tacit_free(vouch);
}

bool tacit_vouch_is_of(const struct tacit_vouch *vouch, const X509 *ca)
{
	return X509_cmp(vouch->ca, ca) == 0;
}

static const struct known *find(const struct tacit_vouch *vouch, const uint8_t *id)
{
	void *const *node = (void *const *)tfind(id, &vouch->known, compare);

	return node ? (const struct known *)*node : NULL;
}

/* A certificate that the CA issued to the host with this id. */
static int read_cert(const struct tacit_vouch *vouch, const struct tacit_secagg_blob *data,
		     struct known *known)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	int r = tacit_cert_parse_der(data->data, data->len, &cert);

	if (r < 0)
		return r == -ENOMEM ? r : TACIT_EUNTRUSTED;
	r = tacit_cert_fingerprint(cert, fingerprint);
	if (r == 0)
		r = tacit_cert_validity(cert, &known->from_ms, &known->until_ms);
	if (r < 0)
		return r;
	if (memcmp(fingerprint, known->id, sizeof(fingerprint)) != 0 ||
	    !tacit_cert_is_for(cert, vouch->ca, TACIT_CERT_HOST))
		return TACIT_EUNTRUSTED;
	known->key = X509_get_pubkey(cert);
	return known->key ? 0 : TACIT_ECRYPTO;
}

/* A renewed certificate takes the place of the one before. */
static int keep(struct tacit_vouch *vouch, struct known *known)
{
	struct known *old = (struct known *)(uintptr_t)find(vouch, known->id);

	if (old) {
		(void)tdelete(known->id, &vouch->known, compare);
		known_free(old);
		vouch->n_known--;
	}
	if (vouch->n_known == KNOWN_MAX)
		forget_all(vouch);
	if (!tsearch(known, &vouch->known, compare))
		return -ENOMEM;
	vouch->n_known++;
	return 0;
}

static int learn(struct tacit_vouch *vouch, const uint8_t *id, const uint8_t *digest,
		 const struct tacit_secagg_blob *cert, const struct known **ret)
{
	struct known *known = TACIT_NEW(struct known);
	int r;

	if (!known)
		return -ENOMEM;
	memcpy(known->id, id, sizeof(known->id));
	memcpy(known->cert, digest, sizeof(known->cert));
	r = read_cert(vouch, cert, known);
	if (r == 0)
		r = keep(vouch, known);
	if (r < 0)
		known_free(known);
	else
		*ret = known;
	return r;
}

int tacit_vouch_for_host(struct tacit_vouch *vouch, const uint8_t *id,
			 const struct tacit_secagg_blob *cert, const void *data, size_t len,
			 const struct tacit_secagg_blob *sig)
{
	const struct known *known = find(vouch, id);
	uint8_t digest[TACIT_SECAGG_DIGEST_LEN];
	int64_t now = vouch->wall_ms();
	int r = tacit_sha256(cert->data, cert->len, digest);

	if (r == 0 && (!known || memcmp(known->cert, digest, sizeof(digest)) != 0))
		r = learn(vouch, id, digest, cert, &known);
	if (r < 0)
		return r;
	if (now < known->from_ms || now > known->until_ms)
		return TACIT_EUNTRUSTED;
	return tacit_key_verify_signature(known->key, data, len, sig->data, sig->len);
}

int tacit_vouch_for_server(const struct tacit_vouch *vouch, const void *data, size_t len,
			   const struct tacit_secagg_blob *sig)
{
	return tacit_cert_verify_signature(vouch->ca, data, len, sig->data, sig->len);
}
