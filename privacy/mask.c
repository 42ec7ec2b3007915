/* SPDX-License-Identifier: MIT */
#include "mask.h"

#include <endian.h>

#include <openssl/evp.h>

#define BLOCK 1024U /* numbers at a time: stays in the first-level cache */

struct tacit_mask {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *context;
	uint32_t stream[BLOCK];
};

int tacit_mask_new(struct tacit_mask **ret)
{
	TACIT_CLEANUP(tacit_mask_free_p) struct tacit_mask *mask = TACIT_NEW(struct tacit_mask);

	if (!mask)
		return -ENOMEM;
	mask->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	mask->context = EVP_CIPHER_CTX_new();
	if (!mask->cipher || !mask->context)
		return TACIT_ECRYPTO;
	*ret = TACIT_TAKE(mask);
	return 0;
}

static int start(struct tacit_mask *mask, const uint8_t *key)
{
	static const uint8_t counter[16];

	if (EVP_EncryptInit_ex2(mask->context, mask->cipher, key, counter, NULL) != 1)
		return TACIT_ECRYPTO;
	return 0;
}

/* The next @n numbers, at most BLOCK, of the stream. */
static int draw(struct tacit_mask *mask, size_t n)
{
	static const uint32_t zero[BLOCK];
	int want = (int)(n * sizeof(*zero)), len = 0;

	if (EVP_EncryptUpdate(mask->context, (uint8_t *)mask->stream, &len, (const uint8_t *)zero,
			      want) != 1 ||
	    len != want)
		return TACIT_ECRYPTO;
	return 0;
}

/* @sign: 0 adds; all ones subtract, for (x ^ ~0) - ~0 is -x. */
static int apply(struct tacit_mask *mask, const uint8_t *key, uint32_t sign, uint32_t *value,
		 size_t n)
{
	int r = start(mask, key);

	for (size_t some; r == 0 && n > 0; n -= some, value += some) {
		some = n < BLOCK ? n : BLOCK;
		r = draw(mask, some);
		for (size_t i = 0; i < some; i++)
			value[i] += (le32toh(mask->stream[i]) ^ sign) - sign;
	}
	return r;
}

int tacit_mask_add(struct tacit_mask *mask, const uint8_t key[TACIT_MASK_KEY_LEN], uint32_t *value,
		   size_t n)
{
	return apply(mask, key, 0, value, n);
}

int tacit_mask_subtract(struct tacit_mask *mask, const uint8_t key[TACIT_MASK_KEY_LEN],
			uint32_t *value, size_t n)
{
	return apply(mask, key, UINT32_MAX, value, n);
}

void tacit_mask_free(struct tacit_mask *mask)
{
	if (!mask)
		return;
	EVP_CIPHER_CTX_free(mask->context); /* wipes the key */
	EVP_CIPHER_free(mask->cipher);
	tacit_wipe(mask->stream, sizeof(mask->stream));
	tacit_free(mask);
}
