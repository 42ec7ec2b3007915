/* SPDX-License-Identifier: MIT */
/* The files of identity.h; nobody but identity.c includes this. */
#ifndef TACIT_AGENT_IDENTITY_FILES_H
#define TACIT_AGENT_IDENTITY_FILES_H

#include <openssl/types.h>

#include <tacit/error.h>

#define TACIT_IDENTITY_KEY  "host.key"
#define TACIT_IDENTITY_CERT "host.crt"
#define TACIT_IDENTITY_CA   "ca.crt"
#define TACIT_IDENTITY_URL  "aggregator.url"

/* 0, -ENOENT (no key, or it was damaged and is set aside), or what open(2) says. */
TACIT_MUST_CHECK int tacit_identity_load_key(const char *dir, EVP_PKEY **ret);
TACIT_MUST_CHECK int tacit_identity_save_key(const char *dir, const EVP_PKEY *key);

/* All three, owned by the caller, or none: -ENOENT when one is missing or was set aside. */
TACIT_MUST_CHECK int tacit_identity_load_files(const char *dir, X509 **ret_cert, X509 **ret_ca,
					       char **ret_url);

/* The certificate last: with it the host is enrolled. */
TACIT_MUST_CHECK int tacit_identity_save_files(const char *dir, const X509 *cert, const X509 *ca,
					       const char *url);

/* Renames the file to <file>.damaged and logs @why. */
void tacit_identity_set_aside(const char *dir, const char *name, const char *why);

#endif /* TACIT_AGENT_IDENTITY_FILES_H */
