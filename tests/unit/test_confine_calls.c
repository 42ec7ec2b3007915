/* SPDX-License-Identifier: MIT */
/* What the filter of system calls refuses, one by one, and what it lets through. */
#include "agent/confine.h"

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#include "elsewhere.h"
#include "unit.h"

#define FAILED 200 /* no error number: something else went wrong */
#define PAGE   4096

static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

/* What a process of its own tries, and whether it is confined before. */
struct trial {
	int (*attempt)(void);
	bool confined;
};

static int play(void *ctx)
{
	const struct trial *trial = (const struct trial *)ctx;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return FAILED;
	if (trial->confined && tacit_confine_calls() < 0)
		return FAILED + 1;
	return trial->attempt();
}

static int try(int (*attempt)(void), bool confined)
{
	struct trial trial = { attempt, confined };

	return elsewhere(play, &trial);
}

/* What is refused to everybody shows nothing of the filter. */
static void expect_refused(int (*attempt)(void))
{
	if (try(attempt, false) == EPERM) {
		unit_skip("refused to this user by this kernel anyway");
		return;
	}
	CU_ASSERT_EQUAL(try(attempt, true), EPERM);
}

#define REFUSED(name, call)                                                                        \
	static int try_##name(void)                                                                \
	{                                                                                          \
		return error_of(call);                                                             \
	}                                                                                          \
	static void test_##name(void)                                                              \
	{                                                                                          \
		expect_refused(try_##name);                                                        \
	}

static long call_bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The smallest program there is: return 0. */
static long load_program(void)
{
	const struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
					 { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = TACIT_ARRAY_LEN(code),
				.insns = (uintptr_t)code,
				.license = (uintptr_t) "GPL" };

	return call_bpf(BPF_PROG_LOAD, &attr);
}

static long create_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 4
	};

	return call_bpf(BPF_MAP_CREATE, &attr);
}

static long load_types(void)
{
	union bpf_attr attr = { .btf = (uintptr_t) "no types", .btf_size = 8 };

	return call_bpf(BPF_BTF_LOAD, &attr);
}

static long open_pinned(void)
{
	union bpf_attr attr = { .pathname = (uintptr_t) "/nonexistent" };

	return call_bpf(BPF_OBJ_GET, &attr);
}

static long next_program(void)
{
	union bpf_attr attr = { .start_id = 0 };

	return call_bpf(BPF_PROG_GET_NEXT_ID, &attr);
}

static char *const no_words[] = { NULL };

/* The child's answer, if there is one. */
static long end_child(long child)
{
	if (child == 0)
		_exit(0);
	return child;
}

static char foreign[8], copy[8];
static const struct iovec from = { foreign, sizeof(foreign) }, to = { copy, sizeof(copy) };

static long set_same_limit(void)
{
	struct rlimit limit = { 0 };

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? setrlimit(RLIMIT_NOFILE, &limit) : 0;
}

static long map(int prot)
{
	void *memory = mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? -1 : 0;
}

static long make_code(void)
{
	void *memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(memory, PAGE, PROT_READ | PROT_EXEC);
}

REFUSED(load_program, load_program())
REFUSED(create_map, create_map())
REFUSED(load_types, load_types())
REFUSED(open_pinned, open_pinned())
REFUSED(next_program, next_program())
REFUSED(execve, execve("/bin/true", no_words, no_words))
REFUSED(execveat, syscall(SYS_execveat, -1, "/bin/true", no_words, no_words, 0))
REFUSED(fork, end_child(fork()))
REFUSED(clone, end_child(syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL)))
REFUSED(ptrace, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
REFUSED(process_vm_readv, process_vm_readv(getpid(), &to, 1, &from, 1, 0))
REFUSED(process_vm_writev, process_vm_writev(getpid(), &from, 1, &to, 1, 0))
REFUSED(mount, mount("none", "/nonexistent", "tmpfs", 0, NULL))
REFUSED(umount2, umount2("/nonexistent", 0))
REFUSED(unshare, unshare(CLONE_NEWUTS))
REFUSED(setns, setns(-1, 0))
REFUSED(init_module, syscall(SYS_init_module, NULL, 0UL, ""))
REFUSED(kexec_load, syscall(SYS_kexec_load, 0UL, 1000UL, NULL, 0xff00UL)) /* far too many */
REFUSED(perf_event_open, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0UL))
REFUSED(keyctl, syscall(SYS_keyctl, 0, -1, 0)) /* which keyring has this thread? */
REFUSED(io_uring_setup, syscall(SYS_io_uring_setup, 1, NULL))
REFUSED(userfaultfd, syscall(SYS_userfaultfd, 0xffff))
REFUSED(personality, personality(ADDR_NO_RANDOMIZE))
REFUSED(setresuid, setresuid((uid_t)-1, getuid(), (uid_t)-1))
REFUSED(dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
REFUSED(setrlimit, set_same_limit())
REFUSED(tiocsti, ioctl(-1, TIOCSTI, "x"))
REFUSED(packet_socket, socket(AF_PACKET, SOCK_DGRAM, 0))
REFUSED(raw_socket, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
REFUSED(uevent_socket, socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT))
REFUSED(writable_code, map(PROT_READ | PROT_WRITE | PROT_EXEC))
REFUSED(code_of_no_file, map(PROT_READ | PROT_EXEC))
REFUSED(late_code, make_code())
REFUSED(kill, kill(getppid(), 0))
REFUSED(tgkill, syscall(SYS_tgkill, getppid(), getppid(), 0))

static int call_clone3(void)
{
	return error_of(syscall(SYS_clone3, NULL, 0UL));
}

static void test_clone3(void)
{
	CU_ASSERT_NOT_EQUAL(try(call_clone3, false), ENOSYS);
	CU_ASSERT_EQUAL(try(call_clone3, true), ENOSYS);
}

#ifdef __x86_64__
static int call_by_another_abi(void)
{
	return error_of(syscall(0x40000000 | SYS_getpid)); /* x32 */
}
#endif

static void test_another_abi(void)
{
#ifdef __x86_64__
	CU_ASSERT(try(call_by_another_abi, false) >= 0);
	CU_ASSERT_EQUAL(try(call_by_another_abi, true), -SIGSYS);
#else
	unit_skip("this architecture has no other");
#endif
}

/* Nonsense, but the kernel's answer to it is another than the filter's. */
static int use_nothing(void)
{
	union bpf_attr element = { .map_fd = (uint32_t)-1 };
	union bpf_attr batch = { .batch = { .map_fd = (uint32_t)-1 } };
	union bpf_attr info = { .info = { .bpf_fd = (uint32_t)-1 } };
	union bpf_attr link = { .link_create = { .prog_fd = (uint32_t)-1 } };
	union bpf_attr raw = { .raw_tracepoint = { .prog_fd = (uint32_t)-1 } };
	union bpf_attr iterator = { .iter_create = { .link_fd = (uint32_t)-1 } };
	const struct {
		int command;
		union bpf_attr *attr;
	} calls[] = {
		{ BPF_MAP_LOOKUP_ELEM, &element }, { BPF_MAP_UPDATE_ELEM, &element },
		{ BPF_MAP_DELETE_ELEM, &element }, { BPF_MAP_GET_NEXT_KEY, &element },
		{ BPF_MAP_LOOKUP_BATCH, &batch },  { BPF_OBJ_GET_INFO_BY_FD, &info },
		{ BPF_RAW_TRACEPOINT_OPEN, &raw }, { BPF_LINK_CREATE, &link },
		{ BPF_ITER_CREATE, &iterator },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(calls); i++)
		if (error_of(call_bpf(calls[i].command, calls[i].attr)) == EPERM)
			return (int)i + 1;
	return 0;
}

static void test_what_is_loaded(void)
{
	if (try(use_nothing, false) != 0) {
		unit_skip("this kernel answers bpf(2) to the privileged only");
		return;
	}
	CU_ASSERT_EQUAL(try(use_nothing, true), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "no BPF program is loaded", test_load_program },
		{ "no BPF map is made", test_create_map },
		{ "no BTF is loaded", test_load_types },
		{ "nothing pinned is opened", test_open_pinned },
		{ "no program of others is found", test_next_program },
		{ "execve is refused", test_execve },
		{ "execveat is refused", test_execveat },
		{ "fork is refused", test_fork },
		{ "clone into a namespace is refused", test_clone },
		{ "clone3 is unknown", test_clone3 },
		{ "ptrace is refused", test_ptrace },
		{ "process_vm_readv is refused", test_process_vm_readv },
		{ "process_vm_writev is refused", test_process_vm_writev },
		{ "mount is refused", test_mount },
		{ "umount2 is refused", test_umount2 },
		{ "unshare is refused", test_unshare },
		{ "setns is refused", test_setns },
		{ "init_module is refused", test_init_module },
		{ "kexec_load is refused", test_kexec_load },
		{ "perf_event_open is refused", test_perf_event_open },
		{ "keyctl is refused", test_keyctl },
		{ "io_uring_setup is refused", test_io_uring_setup },
		{ "userfaultfd is refused", test_userfaultfd },
		{ "personality is refused", test_personality },
		{ "setresuid is refused", test_setresuid },
		{ "prctl to be dumpable is refused", test_dumpable },
		{ "setrlimit is refused", test_setrlimit },
		{ "ioctl to type for others is refused", test_tiocsti },
		{ "a packet socket is refused", test_packet_socket },
		{ "a raw socket is refused", test_raw_socket },
		{ "netlink but for routes is refused", test_uevent_socket },
		{ "writable code is refused", test_writable_code },
		{ "code of no file is refused", test_code_of_no_file },
		{ "memory does not become code", test_late_code },
		{ "kill is refused", test_kill },
		{ "tgkill of others is refused", test_tgkill },
		{ "calls of another ABI end the process", test_another_abi },
		{ "what is loaded is used and attached", test_what_is_loaded },
		{ NULL, NULL },
	};

	return unit_main("confine_calls", cases);
}
