/* SPDX-License-Identifier: MIT */
/* A certificate, as a server that is not yet trusted sends it; and all that is asked of one. */
#include <stdint.h>
#include <stdlib.h>

#include <tacit/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	TACIT_AUTO_FREE char *pem = NULL;
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	int64_t from, until;
	char name[65];

	if (tacit_cert_parse((const char *)data, size, &cert) < 0)
		return 0;
	(void)!tacit_cert_fingerprint(cert, fingerprint);
	(void)!tacit_cert_validity(cert, &from, &until);
	(void)!tacit_cert_common_name(cert, name, sizeof(name));
	(void)!tacit_cert_verify_signature(cert, data, size, fingerprint, sizeof(fingerprint));
	if (tacit_cert_format(cert, &pem) < 0)
		abort();
	return 0;
}
