/* SPDX-License-Identifier: MIT */
#include "pin.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <tacit/x509.h>

static bool has_pin(const X509 *cert, const uint8_t *pin)
{
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];

	return tacit_cert_fingerprint(cert, fingerprint) == 0 &&
	       CRYPTO_memcmp(fingerprint, pin, sizeof(fingerprint)) == 0;
}

static X509 *find_pinned(const STACK_OF(X509) * chain, const uint8_t *pin)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);

		if (X509_check_ca(cert) == 1 && has_pin(cert, pin))
			return cert;
	}
	return NULL;
}

int tacit_pin_verify(X509_STORE_CTX *store, const uint8_t *pin, X509 **ret_ca)
{
	X509 *ca = find_pinned(X509_STORE_CTX_get0_untrusted(store), pin);
	STACK_OF(X509) * trusted;
	int verified;

	if (!ca) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
		return TACIT_EUNTRUSTED;
	}
	trusted = sk_X509_new_null();
	if (!trusted || sk_X509_push(trusted, ca) <= 0) {
		sk_X509_free(trusted);
		X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
		return -ENOMEM;
	}

	X509_STORE_CTX_set0_trusted_stack(store, trusted);
	X509_STORE_CTX_set_flags(store, X509_V_FLAG_CHECK_SS_SIGNATURE);
	verified = X509_verify_cert(store);
	X509_STORE_CTX_set0_trusted_stack(store, NULL);
	sk_X509_free(trusted);
	if (verified != 1 || X509_up_ref(ca) != 1)
		return TACIT_EUNTRUSTED;
	*ret_ca = ca;
	return 0;
}
