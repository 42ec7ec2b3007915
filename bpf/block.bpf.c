/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Requests to block devices. Reads and direct writes are issued by whoever wants
 * them; what the kernel writes back later is nobody's, so the host's, as is what an interrupt
 * completes.
 */
#include "scope.bpf.h"

#define FAST_NS	  1000000ULL
#define MEDIUM_NS 20000000ULL

/* In Linux 5.10, unless its distributor has changed that, the request queue comes first. */
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

/* The kernel keeps no time where a queue's iostats are off. */
static __always_inline void count_latency(struct tacit_counters *to, __u64 started)
{
	__u64 took = bpf_ktime_get_ns() - started;

	if (started == 0)
		return;
	if (took < FAST_NS)
		count(to, TACIT_FEATURE_BLOCK_FAST, 1);
	else if (took < MEDIUM_NS)
		count(to, TACIT_FEATURE_BLOCK_MEDIUM, 1);
	else
		count(to, TACIT_FEATURE_BLOCK_SLOW, 1);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_block_complete, struct request *request, int error)
{
	struct tacit_counters *to = counters_of_host();

	count_latency(to, request->start_time_ns);
	if (error & 0xff)
		count(to, TACIT_FEATURE_BLOCK_ERRORS, 1);
	return 0;
}
