/* SPDX-License-Identifier: MIT */
#include <tacit/error.h>

#include <limits.h>
#include <string.h>

static const char *const ours[] = {
	[TACIT_ESCHEMA - TACIT_ERROR_MIN] = "does not match its schema",
	[TACIT_ESTALE - TACIT_ERROR_MIN] = "superseded or closed",
	[TACIT_EUNTRUSTED - TACIT_ERROR_MIN] = "signature, certificate or pin not trusted",
	[TACIT_EDAMAGED - TACIT_ERROR_MIN] = "stored bytes are damaged",
	[TACIT_EBUDGET - TACIT_ERROR_MIN] = "privacy budget would be exceeded",
	[TACIT_ECONFLICT - TACIT_ERROR_MIN] = "already exists with other content",
	[TACIT_EREFUSED - TACIT_ERROR_MIN] = "refused",
	[TACIT_EREMOTE - TACIT_ERROR_MIN] = "the other side failed",
	[TACIT_ECRYPTO - TACIT_ERROR_MIN] = "cryptographic operation failed",
};

_Static_assert(sizeof(ours) / sizeof(ours[0]) == TACIT_ERROR_END - TACIT_ERROR_MIN,
	       "every tacit_error needs a text");

const char *tacit_strerror(int code)
{
	const char *text;

	if (code >= TACIT_ERROR_MIN && code < TACIT_ERROR_END)
		return ours[code - TACIT_ERROR_MIN];

	text = code == INT_MIN ? NULL : strerrordesc_np(code < 0 ? -code : code);
	return text ? text : "unknown error";
}
