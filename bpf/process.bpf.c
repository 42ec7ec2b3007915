/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Processes: begun, turned into another program, ended. */
#include "scope.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define SHORT_NS 1000000000ULL

/* Linux 6.16 and later tell the tracepoint whether this was the process's last thread. */
const volatile bool exit_tells_last = false;

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct tacit_counters *to = counters_of_task(parent);

	if (child->pid == child->tgid)
		count(to, TACIT_FEATURE_PROCESS_FORK, 1);
	else
		count(to, TACIT_FEATURE_PROCESS_THREAD, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct tacit_counters *to = counters_of_task(task);

	count(to, TACIT_FEATURE_PROCESS_EXEC, 1);
	if (BPF_CORE_READ_BITFIELD(bprm, secureexec))
		count(to, TACIT_FEATURE_PROCESS_EXEC_SECURE, 1);
	return 0;
}

static __always_inline bool is_last_thread(__u64 *ctx, struct task_struct *task)
{
	if (exit_tells_last)
		return ctx[1];
	return task->signal->live.counter == 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct tacit_counters *to;

	if (!is_last_thread(ctx, task))
		return 0;
	to = counters_of_task(task);
	count(to, TACIT_FEATURE_PROCESS_EXIT, 1);
	if (task->exit_code & 0x7f)
		count(to, TACIT_FEATURE_PROCESS_EXIT_SIGNAL, 1);
	else if (task->exit_code & 0xff00)
		count(to, TACIT_FEATURE_PROCESS_EXIT_FAILED, 1);
	if (bpf_ktime_get_boot_ns() - task->group_leader->start_boottime < SHORT_NS)
		count(to, TACIT_FEATURE_PROCESS_EXIT_SHORT, 1);
	return 0;
}
