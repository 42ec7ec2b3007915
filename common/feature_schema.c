/* SPDX-License-Identifier: MIT */
/* Apart from the table, so that a program that only senses needs no cryptography. */
#include <tacit/feature.h>

#include <string.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/x509.h>

int tacit_feature_schema(uint8_t digest[32])
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer text = { 0 };

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		const struct tacit_feature *feature = tacit_feature_get(i);
		const char *program = tacit_probe_get(feature->probe)->program;

		tacit_write_bytes(&text, feature->name, strlen(feature->name) + 1);
		tacit_write_bytes(&text, program, strlen(program) + 1);
		tacit_write_u8(&text, (uint8_t)feature->transform);
	}
	return text.failed ? -ENOMEM : tacit_sha256(text.data, text.len, digest);
}
