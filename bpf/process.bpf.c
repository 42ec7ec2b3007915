/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Processes: begun, turned into another program, ended. */
#include "names.bpf.h"

#define SHORT_NS 1000000000ULL

SEC("tp_btf/task_newtask")
int BPF_PROG(on_fork, struct task_struct *child, __u64 flags)
{
	struct tacit_counters *to = counters_of_current();

	if (flags & CLONE_THREAD) {
		count(to, TACIT_FEATURE_PROCESS_THREAD, 1);
		return 0;
	}
	count(to, TACIT_FEATURE_PROCESS_FORK, 1);
	if (flags & CLONE_NEW_ANY)
		count(to, TACIT_FEATURE_PROCESS_FORK_NAMESPACE, 1);
	return 0;
}

/* Where the program's file is, and whose: what an intruder's tools give away. */
static __always_inline void count_file(struct tacit_counters *to, struct file *file)
{
	struct dentry *entry = file->f_path.dentry;
	struct inode *inode = entry->d_inode;

	if (inode->i_nlink == 0)
		count(to, TACIT_FEATURE_PROCESS_EXEC_NAMELESS, 1);
	else if (entry->d_parent->d_inode->i_mode & S_IWOTH)
		count(to, TACIT_FEATURE_PROCESS_EXEC_WRITABLE, 1);
	if (inode->i_uid.val != 0)
		count(to, TACIT_FEATURE_PROCESS_EXEC_FOREIGN, 1);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 slot = slot_of(cgroup_of_task(task));
	struct tacit_counters *to = counters_at(slot);

	note_start(slot);
	count(to, TACIT_FEATURE_PROCESS_EXEC, 1);
	if (BPF_CORE_READ_BITFIELD(bprm, secureexec))
		count(to, TACIT_FEATURE_PROCESS_EXEC_SECURE, 1);
	if (bprm->interp != bprm->filename)
		count(to, TACIT_FEATURE_PROCESS_EXEC_SCRIPT, 1);
	count_file(to, bprm->file);
	return 0;
}

/* Linux 6.16 and later tell the tracepoint whether this was the process's last thread. */
static __always_inline bool is_last_thread(__u64 *ctx, struct task_struct *task)
{
	struct trace_event_raw_sched_process_exit *event = NULL;

	if (bpf_core_field_exists(event->group_dead))
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
