/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Requests to io_uring: files and sockets used with no system call of their own. */
#include "scope.bpf.h"

SEC("tp_btf/io_uring_submit_req")
int on_uring(__u64 *ctx)
{
	count(counters_of_current(), TACIT_FEATURE_FILE_URING, 1);
	return 0;
}
