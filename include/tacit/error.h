/* SPDX-License-Identifier: MIT */
/*
 * One error space: 0 or positive is success, -E... is the system's, TACIT_E...
 * is ours. Library codes (CURLcode, SQLite, OpenSSL) are translated in the file
 * that calls the library and go no further.
 */
#ifndef TACIT_ERROR_H
#define TACIT_ERROR_H

#include <errno.h>

enum tacit_error {
	TACIT_ERROR_MIN = -1100,
	TACIT_ESCHEMA = TACIT_ERROR_MIN, /* well-formed, but not what its schema says */
	TACIT_ESTALE,                    /* superseded by a newer version, or already closed */
	TACIT_EUNTRUSTED,                /* signature, certificate or pin did not verify */
	TACIT_EDAMAGED,                  /* stored bytes are not what was written */
	TACIT_EBUDGET,                   /* would exceed the privacy budget */
	TACIT_ECONFLICT,                 /* same natural key, different content */
	TACIT_EREFUSED,                  /* the peer, or a local floor, said no */
	TACIT_EREMOTE,                   /* the peer failed; trying again may help */
	TACIT_ECRYPTO,                   /* OpenSSL failed for a reason of its own */
	TACIT_ERROR_END,
};

#define TACIT_MUST_CHECK       __attribute__((warn_unused_result))
#define TACIT_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))

/**
 * tacit_strerror - text for any code this project returns.
 * @code: 0, a negative errno, or an enum tacit_error. A positive errno is accepted.
 *
 * Returns a static string; never NULL. Thread-safe.
 */
const char *tacit_strerror(int code);

#endif /* TACIT_ERROR_H */
