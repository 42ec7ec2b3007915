/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Memory under pressure. */
#include "scope.bpf.h"

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int on_reclaim(__u64 *ctx)
{
	count(counters_of_current(), TACIT_FEATURE_MEMORY_RECLAIM, 1);
	return 0;
}

/* Before Linux 6.8 the tracepoint tells a process id, which says nothing of its cgroup here. */
SEC("tp_btf/mark_victim")
int on_oom(__u64 *ctx)
{
	struct trace_event_raw_mark_victim *event = NULL;
	struct tacit_counters *to;

	if (bpf_core_field_exists(event->uid))
		to = counters_of_task((struct task_struct *)ctx[0]);
	else
		to = counters_of_host();
	count(to, TACIT_FEATURE_MEMORY_OOM, 1);
	return 0;
}
