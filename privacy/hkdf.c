/* SPDX-License-Identifier: MIT */
#include "hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

struct tacit_hkdf {
	EVP_KDF_CTX *context;
};

int tacit_hkdf_new(struct tacit_hkdf **ret)
{
	TACIT_CLEANUP(tacit_hkdf_free_p) struct tacit_hkdf *hkdf = TACIT_NEW(struct tacit_hkdf);
	EVP_KDF *kdf;

	if (!hkdf)
		return -ENOMEM;
	kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	hkdf->context = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	if (!hkdf->context)
		return TACIT_ECRYPTO;
	*ret = TACIT_TAKE(hkdf);
	return 0;
}

/* OpenSSL only reads what it is given, but its records have no const. */
static OSSL_PARAM octets(const char *name, const void *data, size_t len)
{
	union {
		const void *given;
		void *taken;
	} bytes = { .given = data };

	return OSSL_PARAM_construct_octet_string(name, bytes.taken, len);
}

int tacit_hkdf_derive(struct tacit_hkdf *hkdf, const struct tacit_hkdf_input *input, uint8_t *key,
		      size_t len)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[5], *at = params;

	*at++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*at++ = octets(OSSL_KDF_PARAM_KEY, input->secret, input->secret_len);
	if (input->salt_len > 0)
		*at++ = octets(OSSL_KDF_PARAM_SALT, input->salt, input->salt_len);
	if (input->info_len > 0)
		*at++ = octets(OSSL_KDF_PARAM_INFO, input->info, input->info_len);
	*at = OSSL_PARAM_construct_end();
	EVP_KDF_CTX_reset(hkdf->context); /* nothing of the last derivation stays, wiped */
	return EVP_KDF_derive(hkdf->context, key, len, params) == 1 ? 0 : TACIT_ECRYPTO;
}

void tacit_hkdf_free(struct tacit_hkdf *hkdf)
{
	if (!hkdf)
		return;
	EVP_KDF_CTX_free(hkdf->context);
	tacit_free(hkdf);
}
