/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The deep tier: every system call, by class, by what it came back with, and by what went before.
 * The hottest path of all. It hooks the return, where number, arguments and result are all at
 * hand; entering and returning cost the same to hook, and one hook costs half of two.
 */
#include "sketch.bpf.h"

#define USER32_CS      0x23
#define PSR_MODE32_BIT 0x10

/* Calls after which a processor asks again whether there is a budget. */
#define LOOK_AGAIN 64

/* rt_sigreturn puts back the registers of whatever it was that the signal met. */
#define RETURNED_FROM_SIGNAL (~0ULL)

/* By number, of this machine's native calls; filled in before loading. */
const volatile struct tacit_call call_of[TACIT_SYSCALL_TABLE_LEN] = {};
const volatile __u8 error_of[TACIT_ERROR_TABLE_LEN] = {};

/* What this processor's last call was. Interrupts make no calls, so nobody else is here. */
struct hot {
	__u64 cgroup;
	__u64 task; /* only compared */
	__u32 slot;
	__u32 cpu; /* this one */
	__u32 at;  /* where its counters of the slot are */
	__u32 family;
	__u32 left; /* calls until the next addition to what is spent */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hot);
} hot SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} wake __weak SEC(".maps");

/* 32-bit programs on a 64-bit kernel number their calls differently. */
static __always_inline bool is_compat(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->cs == USER32_CS;
#elif defined(__TARGET_ARCH_arm64)
	return regs->pstate & PSR_MODE32_BIT;
#endif
}

static __always_inline __u64 number_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return (__s64)regs->syscallno;
#endif
}

static __always_inline __u64 third_argument(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->dx;
#elif defined(__TARGET_ARCH_arm64)
	return regs->regs[2];
#endif
}

/* The agent grants calls; whoever uses up the last of them wakes it. */
static __noinline void spend(struct hot *last)
{
	__u32 zero = 0;
	struct tacit_control *budget = bpf_map_lookup_elem(&control, &zero);
	__u64 before, word = 0;

	last->left = LOOK_AGAIN;
	if (!budget || budget->chunk == 0)
		return;
	before = budget->spent;
	__sync_fetch_and_add(&budget->spent, budget->chunk);
	last->left = budget->chunk;
	if (before < budget->allowance && before + budget->chunk >= budget->allowance &&
	    bpf_ringbuf_output(&wake, &word, sizeof(word), BPF_RB_FORCE_WAKEUP))
		count_drop(TACIT_DROP_WAKE);
}

static __always_inline struct file *file_of(__u32 fd)
{
	struct fdtable *table =
		BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), files, fdt);
	struct file *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		(void)bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return file;
}

static __noinline void count_open(struct tacit_counters *to, __u32 slot, __u32 fd)
{
	struct file *file = file_of(fd);
	__u32 mode = file ? BPF_CORE_READ(file, f_mode) : 0;

	if (!file)
		return;
	if (mode & FMODE_WRITE)
		count(to, TACIT_FEATURE_FILE_OPEN_WRITE, 1);
	if (mode & FMODE_CREATED)
		count(to, TACIT_FEATURE_FILE_OPEN_CREATE, 1);
	count_distinct(to, slot, TACIT_SKETCH_FOLDERS, TACIT_FEATURE_FILE_FOLDERS,
		       (__u64)BPF_CORE_READ(file, f_path.dentry, d_parent));
}

static __always_inline void count_exec_memory(struct tacit_counters *to, __u32 class, __u64 prot)
{
	if (!(prot & PROT_EXEC))
		return;
	count(to,
	      class == TACIT_SYSCALL_MMAP ? TACIT_FEATURE_MEMORY_MAP_EXEC
					  : TACIT_FEATURE_MEMORY_PROTECT_EXEC,
	      1);
	if (prot & PROT_WRITE)
		count(to, TACIT_FEATURE_MEMORY_WRITE_EXEC, 1);
}

static __always_inline void count_result(struct tacit_counters *to, __u32 slot, __u32 class,
					 struct pt_regs *regs, long result)
{
	__u64 error = -result;

	if (result < 0 && result >= -4095)
		count(to,
		      TACIT_FEATURE_ERROR_FIRST +
			      (error < TACIT_ERROR_TABLE_LEN ? error_of[error] : TACIT_ERROR_RETRY),
		      1);
	else if (class == TACIT_SYSCALL_OPEN)
		count_open(to, slot, result);
	else if (class == TACIT_SYSCALL_MMAP || class == TACIT_SYSCALL_MPROTECT)
		count_exec_memory(to, class, third_argument(regs));
}

static __always_inline void count_sequence(struct tacit_counters *to, struct hot *last, __u64 task,
					   __u32 family)
{
	if (last->task != task)
		last->task = task;
	else if (last->family != family)
		count(to, TACIT_FEATURE_OF_FAMILIES(last->family, family), 1);
	last->family = family;
}

/* A cgroup keeps its slot for as long as it lives. */
static __always_inline void find_slot(struct hot *last, __u64 cgroup)
{
	__u32 slot = slot_of(cgroup), cpu = bpf_get_smp_processor_id();

	last->cgroup = cgroup;
	last->slot = slot;
	last->at = cpu * slot_count + slot;
	last->cpu = cpu;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall, struct pt_regs *regs, long result)
{
	__u32 class = TACIT_SYSCALL_OTHER, family = TACIT_FAMILY_PROCESS, zero = 0;
	struct hot *last = bpf_map_lookup_elem(&hot, &zero);
	__u64 number = number_of(regs), task = bpf_get_current_task(), cgroup;
	struct tacit_counters *to;

	if (!last)
		return 0;
	if (last->left-- == 0)
		spend(last);
	if (number < TACIT_SYSCALL_TABLE_LEN && !is_compat(regs)) {
		class = call_of[number].class;
		family = call_of[number].family;
	} else if (number == RETURNED_FROM_SIGNAL) {
		class = TACIT_SYSCALL_SIGNAL;
	}
	if (class == TACIT_SYSCALL_FORK && result == 0) /* the child returns too */
		return 0;
	cgroup = cgroup_of_current();
	if (last->cgroup != cgroup)
		find_slot(last, cgroup);
	to = counters_of(last->cpu, last->slot, last->at);
	count(to, TACIT_FEATURE_SYSCALL_FIRST + class, 1);
	count_sequence(to, last, task, family);
	count_result(to, last->slot, class, regs, result);
	return 0;
}
