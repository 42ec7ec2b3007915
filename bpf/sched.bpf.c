/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Tasks moved between processors. */
#include "scope.bpf.h"

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *task)
{
	count(counters_of_task(task), TACIT_FEATURE_SCHED_MIGRATE, 1);
	return 0;
}
