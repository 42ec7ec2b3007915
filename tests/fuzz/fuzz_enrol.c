/* SPDX-License-Identifier: MIT */
/* The bodies of enrolment and renewal: read before anything is known of who sent them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/enrol.h"
#include "aggregator/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct tacit_enrol *enrol)
{
	EVP_PKEY *key = NULL;
	char *labels = tacit_labels_format(enrol->labels, NULL);

	if (!labels || strlen(enrol->csr) == 0 || strlen(enrol->csr) > TACIT_PEM_MAX)
		abort();
	if (tacit_csr_parse(enrol->csr, strlen(enrol->csr), &key) == 0)
		tacit_key_free(key);
	tacit_free(labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tacit_enrol enrol = { 0 };
	char *csr = NULL, why[64];

	if (tacit_enrol_parse((const char *)data, size, &enrol, why, sizeof(why)) == 0)
		use(&enrol);
	else if (enrol.csr || enrol.labels)
		abort();
	tacit_enrol_done(&enrol);
	if (tacit_enrol_parse_renewal((const char *)data, size, &csr, why, sizeof(why)) == 0)
		tacit_free(csr);
	return 0;
}
