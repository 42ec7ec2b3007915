/* SPDX-License-Identifier: MIT */
#include "agree.h"

#include <openssl/err.h>
#include <openssl/evp.h>

struct tacit_agree {
	EVP_PKEY *key;
	EVP_PKEY *peer; /* one object for all peers: making one costs a tenth of an exchange */
	EVP_PKEY_CTX *context; /* prepared to derive */
	uint8_t public[TACIT_AGREE_KEY_LEN];
};

int tacit_agree_new(const uint8_t seed[TACIT_AGREE_KEY_LEN], struct tacit_agree **ret)
{
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *agree = TACIT_NEW(struct tacit_agree);
	size_t len = TACIT_AGREE_KEY_LEN;

	if (!agree)
		return -ENOMEM;
	agree->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, seed, TACIT_AGREE_KEY_LEN);
	if (!agree->key || EVP_PKEY_get_raw_public_key(agree->key, agree->public, &len) != 1)
		return TACIT_ECRYPTO;
	agree->peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, agree->public,
						  TACIT_AGREE_KEY_LEN);
	agree->context = EVP_PKEY_CTX_new(agree->key, NULL);
	if (!agree->peer || !agree->context || EVP_PKEY_derive_init(agree->context) != 1)
		return TACIT_ECRYPTO;
	*ret = TACIT_TAKE(agree);
	return 0;
}

const uint8_t *tacit_agree_get_public(const struct tacit_agree *agree)
{
	return agree->public;
}

/* X25519 alone. OpenSSL refuses an all-zero result. */
static int exchange(struct tacit_agree *agree, const uint8_t *peer, uint8_t *secret)
{
	size_t len = TACIT_AGREE_KEY_LEN;
	int r = TACIT_ECRYPTO;

	if (EVP_PKEY_set1_encoded_public_key(agree->peer, peer, TACIT_AGREE_KEY_LEN) == 1 &&
	    EVP_PKEY_derive_set_peer_ex(agree->context, agree->peer, 0) == 1)
		r = EVP_PKEY_derive(agree->context, secret, &len) == 1 ? 0 : TACIT_EUNTRUSTED;
	if (r < 0)
		ERR_clear_error();
	return r;
}

int tacit_agree_derive(struct tacit_agree *agree, struct tacit_hkdf *hkdf,
		       const uint8_t peer[TACIT_AGREE_KEY_LEN], const void *info, size_t info_len,
		       uint8_t key[TACIT_AGREE_KEY_LEN])
{
	uint8_t secret[TACIT_AGREE_KEY_LEN];
	TACIT_AUTO_WIPE(secret);
	const struct tacit_hkdf_input input = {
		.secret = secret,
		.secret_len = sizeof(secret),
		.info = info,
		.info_len = info_len,
	};
	int r = exchange(agree, peer, secret);

	return r < 0 ? r : tacit_hkdf_derive(hkdf, &input, key, TACIT_AGREE_KEY_LEN);
}

/* Whether a point has low order does not depend on the scalar, which is a multiple of 8. */
bool tacit_agree_is_public(const uint8_t peer[TACIT_AGREE_KEY_LEN])
{
	static const uint8_t any[TACIT_AGREE_KEY_LEN] = { 1 };
	TACIT_CLEANUP(tacit_agree_free_p) struct tacit_agree *agree = NULL;
	uint8_t secret[TACIT_AGREE_KEY_LEN];

	return tacit_agree_new(any, &agree) == 0 && exchange(agree, peer, secret) == 0;
}

void tacit_agree_free(struct tacit_agree *agree)
{
	if (!agree)
		return;
	EVP_PKEY_CTX_free(agree->context);
	EVP_PKEY_free(agree->peer);
	EVP_PKEY_free(agree->key); /* wipes the seed */
	tacit_free(agree);
}
