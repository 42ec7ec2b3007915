/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

struct tacit_seal {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *context;
};

int tacit_seal_new(struct tacit_seal **ret)
{
	TACIT_CLEANUP(tacit_seal_free_p) struct tacit_seal *seal = TACIT_NEW(struct tacit_seal);

	if (!seal)
		return -ENOMEM;
	seal->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	seal->context = EVP_CIPHER_CTX_new();
	if (!seal->cipher || !seal->context)
		return TACIT_ECRYPTO;
	*ret = TACIT_TAKE(seal);
	return 0;
}

int tacit_seal_close(struct tacit_seal *seal, const uint8_t key[TACIT_SEAL_KEY_LEN],
		     const uint8_t nonce[TACIT_SEAL_NONCE_LEN],
		     const struct tacit_seal_bound *bound, const uint8_t *plain, size_t len,
		     uint8_t *box)
{
	EVP_CIPHER_CTX *context = seal->context;
	uint8_t *text = box + TACIT_SEAL_NONCE_LEN;
	int n = 0, last = 0;

	memcpy(box, nonce, TACIT_SEAL_NONCE_LEN);
	if (EVP_EncryptInit_ex2(context, seal->cipher, key, nonce, NULL) != 1 ||
	    EVP_EncryptUpdate(context, NULL, &n, bound->data, (int)bound->len) != 1 ||
	    EVP_EncryptUpdate(context, text, &n, plain, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(context, text + n, &last) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)TACIT_SEAL_TAG_LEN,
				text + len) != 1)
		return TACIT_ECRYPTO;
	return (size_t)n + (size_t)last == len ? 0 : TACIT_ECRYPTO;
}

int tacit_seal_open(struct tacit_seal *seal, const uint8_t key[TACIT_SEAL_KEY_LEN],
		    const struct tacit_seal_bound *bound, const uint8_t *box, uint8_t *plain,
		    size_t len)
{
	EVP_CIPHER_CTX *context = seal->context;
	const uint8_t *text = box + TACIT_SEAL_NONCE_LEN;
	uint8_t tag[TACIT_SEAL_TAG_LEN];
	int n = 0, last = 0;

	memcpy(tag, text + len, sizeof(tag));
	if (EVP_DecryptInit_ex2(context, seal->cipher, key, box, NULL) != 1 ||
	    EVP_DecryptUpdate(context, NULL, &n, bound->data, (int)bound->len) != 1 ||
	    EVP_DecryptUpdate(context, plain, &n, text, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)sizeof(tag), tag) != 1)
		return TACIT_ECRYPTO;
	if (EVP_DecryptFinal_ex(context, plain + n, &last) == 1)
		return 0;
	ERR_clear_error();
	tacit_wipe(plain, len); /* never hand out what nobody vouches for */
	return TACIT_EUNTRUSTED;
}

void tacit_seal_free(struct tacit_seal *seal)
{
	if (!seal)
		return;
	EVP_CIPHER_CTX_free(seal->context); /* wipes the key */
	EVP_CIPHER_free(seal->cipher);
	tacit_free(seal);
}
