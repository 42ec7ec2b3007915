/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <stdbool.h>

#include <openssl/evp.h>

int tacit_digest(const struct tacit_digest_piece *piece, size_t n, uint8_t ret[TACIT_SHA256_LEN])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < n; i++)
		good = EVP_DigestUpdate(context, piece[i].data, piece[i].len) == 1;
	good = good && EVP_DigestFinal_ex(context, ret, NULL) == 1;
	EVP_MD_CTX_free(context);
	return good ? 0 : TACIT_ECRYPTO;
}
