/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <stddef.h>

#include <tacit/cleanup.h>
#include <tacit/log.h>

/* What an ABI of Landlock brought; its manual page has the kernels. */
static const struct {
	int abi;
	const char *what;
} lacks[] = {
	{ 1, "files" },	    { 3, "truncating files" },
	{ 4, "TCP ports" }, { 5, "controlling devices" },
	{ 6, "signals" },   { 6, "abstract sockets" },
};

void tacit_confine(const struct tacit_confine_params *params, struct tacit_confine_status *ret)
{
	ret->abstract_sockets = params->abstract_sockets;
	ret->files = tacit_confine_files(params);
	if (ret->files < 0)
		tacit_notice("this kernel does not confine files (Landlock: %s), going on without",
			     tacit_strerror(ret->files));
	ret->calls = tacit_confine_calls();
	if (ret->calls < 0)
		tacit_notice("this kernel does not filter system calls (seccomp: %s), going on "
			     "without",
			     tacit_strerror(ret->calls));
}

const char *tacit_confine_lack(const struct tacit_confine_status *status, unsigned i)
{
	for (size_t at = 0; at < TACIT_ARRAY_LEN(lacks); at++)
		if (status->files < lacks[at].abi && i-- == 0)
			return lacks[at].what;
	/* Not the kernel's fault: whoever started us is to be told that we are well. */
	return status->files >= TACIT_CONFINE_ABI && status->abstract_sockets && i == 0
		       ? "abstract sockets"
		       : NULL;
}
