/* SPDX-License-Identifier: MIT */
/* A certificate request, as a stranger sends it. */
#include <stdint.h>
#include <stdlib.h>

#include <tacit/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];

	if (tacit_csr_parse((const char *)data, size, &key) == 0 &&
	    tacit_key_fingerprint(key, fingerprint) < 0)
		abort();
	return 0;
}
