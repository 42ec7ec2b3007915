/* SPDX-License-Identifier: MIT */
/*
 * What an aggregator answers to a host that enrols or renews. @HOST@, @CERT@, @CA@ and @OTHER@ in
 * the input become this run's host id, certificate for it, CA and another host's certificate.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/bytes.h>

#include "agent/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define URL "https://localhost"

static struct tacit_identity *identity;
static EVP_PKEY *ca_key;
static X509 *ca;
static struct {
	const char *name;
	char *text; /* ready to stand in a JSON string */
} words[4];

static char *quote(const char *pem)
{
	char *text = (char *)tacit_calloc(2 * strlen(pem) + 1, 1), *at = text;

	for (; text && *pem; pem++)
		at = *pem == '\n' ? stpcpy(at, "\\n") : (*at = *pem, at + 1);
	return text;
}

static char *quote_cert(const X509 *cert)
{
	TACIT_AUTO_FREE char *pem = NULL;

	return tacit_cert_format(cert, &pem) < 0 ? NULL : quote(pem);
}

static char *issue(const struct tacit_identity *name, struct tacit_identity *subject)
{
	TACIT_CLEANUP(tacit_key_free_p) EVP_PKEY *key = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	TACIT_AUTO_FREE char *csr = NULL;

	if (tacit_identity_csr(subject, &csr) < 0 || tacit_csr_parse(csr, strlen(csr), &key) < 0 ||
	    tacit_ca_issue(ca, ca_key, key, TACIT_CERT_HOST, tacit_identity_host(name), NULL, 3600,
			   &cert) < 0)
		abort();
	return quote_cert(cert);
}

static void begin(void)
{
	TACIT_CLEANUP(tacit_identity_free_p) struct tacit_identity *other = NULL;

	if (tacit_identity_open(NULL, &identity) < 0 || tacit_identity_open(NULL, &other) < 0 ||
	    tacit_key_generate(&ca_key) < 0 || tacit_ca_create(ca_key, "CA", 30, &ca) < 0)
		abort();
	words[0].name = "@HOST@";
	words[0].text = tacit_strdup(tacit_identity_host(identity));
	words[1].name = "@CERT@";
	words[1].text = issue(identity, identity);
	words[2].name = "@CA@";
	words[2].text = quote_cert(ca);
	words[3].name = "@OTHER@";
	words[3].text = issue(identity, other);
}

/* The word that @data begins with, or -1. */
static int word_at(const uint8_t *data, size_t size)
{
	for (int i = 0; i < 4; i++) {
		size_t len = strlen(words[i].name);

		if (size >= len && memcmp(data, words[i].name, len) == 0)
			return i;
	}
	return -1;
}

static void fill_in(const uint8_t *data, size_t size, struct tacit_writer *writer)
{
	while (size > 0) {
		int word = word_at(data, size);
		size_t len = word < 0 ? 1 : strlen(words[word].name);

		if (word < 0)
			tacit_write_u8(writer, *data);
		else
			tacit_write_bytes(writer, words[word].text, strlen(words[word].text));
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	char why[160] = "";
	const char *json;
	int r;

	if (!identity)
		begin();
	fill_in(data, size, &writer);
	json = (const char *)writer.data;
	r = tacit_identity_adopt(identity, URL, ca, json, writer.len, why, sizeof(why));
	if (r < 0 && why[0] == '\0')
		abort(); /* a refusal without a reason */
	if (r == 0 && !tacit_identity_is_enrolled(identity))
		abort();
	why[0] = '\0';
	r = tacit_identity_renew(identity, json, writer.len, why, sizeof(why));
	if (r < 0 && r != -ENOENT && why[0] == '\0')
		abort();
	return 0;
}
