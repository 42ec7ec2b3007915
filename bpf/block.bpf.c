/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Requests to block devices. Reads and direct writes are issued by whoever wants
 * them; what the kernel writes back later is nobody's, so the host's.
 */
#include "scope.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Before Linux 5.11 the request queue comes first. */
const volatile bool issue_tells_queue = false;

SEC("tp_btf/block_rq_issue")
int on_block_issue(__u64 *ctx)
{
	struct request *request = (struct request *)(issue_tells_queue ? ctx[1] : ctx[0]);
	struct tacit_counters *to = counters_of_current();

	switch (request->cmd_flags & REQ_OP_MASK) {
	case REQ_OP_READ:
		count(to, TACIT_FEATURE_BLOCK_READS, 1);
		count(to, TACIT_FEATURE_BLOCK_READ_BYTES, request->__data_len);
		break;
	case REQ_OP_WRITE:
		count(to, TACIT_FEATURE_BLOCK_WRITES, 1);
		count(to, TACIT_FEATURE_BLOCK_WRITE_BYTES, request->__data_len);
		break;
	default:
		count(to, TACIT_FEATURE_BLOCK_OTHER, 1);
	}
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_block_complete, struct request *request, int error)
{
	if (error & 0xff)
		count(counters_of(0), TACIT_FEATURE_BLOCK_ERRORS, 1);
	return 0;
}
