/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Signals, counted where they come from. */
#include "scope.bpf.h"

#define FAULTS                                                                                     \
	(1U << SIGSEGV | 1U << SIGBUS | 1U << SIGILL | 1U << SIGFPE | 1U << SIGSYS | 1U << SIGTRAP)

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int sig, void *info, struct task_struct *task)
{
	struct tacit_counters *to = counters_of_current();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	count(to, TACIT_FEATURE_SIGNAL_SENT, 1);
	if (sig != SIGCHLD && (__u32)task->tgid != tgid)
		count(to, TACIT_FEATURE_SIGNAL_OTHER, 1);
	if (sig == SIGKILL || sig == SIGTERM)
		count(to, TACIT_FEATURE_SIGNAL_KILL, 1);
	else if (sig > 0 && sig < 32 && FAULTS & 1U << sig)
		count(to, TACIT_FEATURE_SIGNAL_FAULT, 1);
	return 0;
}
