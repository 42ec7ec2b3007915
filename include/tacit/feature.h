/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The one table of what is observed. Names, units, transforms, documentation,
 * `tacit features`, the kernel's counter vector and the model's input all come
 * from here, in this order. Both the BPF programs and userspace include it.
 *
 * A *probe* is one BPF program; its features are missing together when the
 * kernel refuses it. Every feature is a counter that only grows; a window holds
 * its increase. A gauge (tasks, resident memory) is added up once per window, so
 * that its increase over a window is its value.
 */
#ifndef TACIT_FEATURE_H
#define TACIT_FEATURE_H

/* P(id, BPF program name, group, tier, attach point) */
#define TACIT_PROBES(P)                                                                            \
	P(FORK, "on_fork", "process", LIGHT, "tp_btf/sched_process_fork")                          \
	P(EXEC, "on_exec", "process", LIGHT, "tp_btf/sched_process_exec")                          \
	P(EXIT, "on_exit", "process", LIGHT, "tp_btf/sched_process_exit")                          \
	P(TASKS, "on_task", "sched", LIGHT, "iter/task")                                           \
	P(MIGRATE, "on_migrate", "sched", LIGHT, "tp_btf/sched_migrate_task")                      \
	P(RECLAIM, "on_reclaim", "memory", LIGHT, "tp_btf/mm_vmscan_direct_reclaim_begin")         \
	P(OOM, "on_oom", "memory", LIGHT, "tp_btf/mark_victim")                                    \
	P(TCP_STATE, "on_tcp_state", "tcp", LIGHT, "tp_btf/inet_sock_set_state")                   \
	P(TCP_DESTROY, "on_tcp_destroy", "tcp", LIGHT, "tp_btf/tcp_destroy_sock")                  \
	P(TCP_RETRANSMIT, "on_tcp_retransmit", "tcp", LIGHT, "tp_btf/tcp_retransmit_skb")          \
	P(TCP_SEND_RESET, "on_tcp_send_reset", "tcp", LIGHT, "tp_btf/tcp_send_reset")              \
	P(TCP_RECEIVE_RESET, "on_tcp_receive_reset", "tcp", LIGHT, "tp_btf/tcp_receive_reset")     \
	P(SOCK_SEND, "on_sock_send", "net", LIGHT, "tp_btf/sock_send_length")                      \
	P(SOCK_RECV, "on_sock_recv", "net", LIGHT, "tp_btf/sock_recv_length")                      \
	P(UDP_DROP, "on_udp_drop", "udp", LIGHT, "tp_btf/udp_fail_queue_rcv_skb")                  \
	P(NET_TX, "on_net_tx", "net", LIGHT, "tp_btf/net_dev_queue")                               \
	P(BLOCK_ISSUE, "on_block_issue", "block", LIGHT, "tp_btf/block_rq_issue")                  \
	P(BLOCK_COMPLETE, "on_block_complete", "block", LIGHT, "tp_btf/block_rq_complete")         \
	P(SIGNAL, "on_signal", "signal", LIGHT, "tp_btf/signal_generate")                          \
	P(SYSCALL, "on_syscall", "syscall", DEEP, "tp_btf/sys_enter")

/* System-call classes of the deep tier: S(id, name, what it holds) */
#define TACIT_SYSCALL_CLASSES(S)                                                                   \
	S(OPEN, "open", "open, openat, openat2, creat, open_by_handle_at")                         \
	S(CLOSE, "close", "close, close_range")                                                    \
	S(READ, "read", "read, pread, readv, sendfile, splice, copy_file_range")                   \
	S(WRITE, "write", "write, pwrite, writev, fsync, sync, fallocate, msync")                  \
	S(STAT, "stat", "stat, statx, access, readlink, getdents, statfs, getxattr, chdir")        \
	S(RENAME, "rename", "rename, renameat, renameat2")                                         \
	S(LINK, "link", "link, symlink, mknod, mkdir")                                             \
	S(UNLINK, "unlink", "unlink, rmdir, truncate")                                             \
	S(PERMISSION, "permission", "chmod, chown, umask, setxattr, utime")                        \
	S(FD, "fd", "dup, fcntl, ioctl, flock, lseek, pipe, eventfd, memfd_create, inotify")       \
	S(MEMORY, "memory", "mmap, munmap, brk, madvise, mremap, mlock, shm*")                     \
	S(MPROTECT, "mprotect", "mprotect, pkey_*, mseal")                                         \
	S(SPAWN, "spawn", "fork, vfork, clone, clone3, execve, execveat")                          \
	S(WAIT, "wait", "wait4, waitid, exit, exit_group")                                         \
	S(SIGNAL, "signal", "kill, tgkill, rt_sig*, pidfd_send_signal")                            \
	S(CONNECT, "connect", "socket, connect, socketpair")                                       \
	S(LISTEN, "listen", "bind, listen, accept, accept4")                                       \
	S(TRANSFER, "transfer", "send*, recv*, shutdown, socket options, message queues")          \
	S(POLL, "poll", "poll, select, epoll_*, io_uring_*, io_*")                                 \
	S(FUTEX, "futex", "futex*, robust lists, membarrier, semaphores")                          \
	S(TIME, "time", "nanosleep, clock_*, timer*, alarm")                                       \
	S(SCHEDULE, "schedule", "sched_*, priorities, limits, getrusage, getcpu")                  \
	S(IDENTITY, "identity", "setuid, setgid, setgroups, capset, keyctl, getpid and friends")   \
	S(NAMESPACE, "namespace", "mount, umount, pivot_root, chroot, unshare, setns, seccomp")    \
	S(TRACE, "trace", "ptrace, process_vm_*, bpf, perf_event_open, kcmp, userfaultfd")         \
	S(SYSTEM, "system", "modules, reboot, kexec, swapon, host name, clock setting")            \
	S(OTHER, "other", "everything else")

/* X(id, name, probe, unit, transform, what it counts) */
#define TACIT_FEATURES_LIGHT(X)                                                                    \
	X(PROCESS_FORK, "process.fork", FORK, "processes", LOG1P, "processes created")             \
	X(PROCESS_THREAD, "process.thread", FORK, "threads", LOG1P, "threads created")             \
	X(PROCESS_EXEC, "process.exec", EXEC, "calls", LOG1P, "successful execve calls")           \
	X(PROCESS_EXEC_SECURE, "process.exec_secure", EXEC, "calls", LOG1P,                        \
	  "execve that gained privileges (set-user-ID, set-group-ID, file capabilities)")          \
	X(PROCESS_EXIT, "process.exit", EXIT, "processes", LOG1P, "processes ended")               \
	X(PROCESS_EXIT_FAILED, "process.exit_failed", EXIT, "processes", LOG1P,                    \
	  "processes ended with a status other than 0")                                            \
	X(PROCESS_EXIT_SIGNAL, "process.exit_signal", EXIT, "processes", LOG1P,                    \
	  "processes ended by a signal")                                                           \
	X(PROCESS_EXIT_SHORT, "process.exit_short", EXIT, "processes", LOG1P,                      \
	  "processes that lived for less than a second")                                           \
	X(SCHED_TASKS, "sched.tasks", TASKS, "tasks", LOG1P, "tasks alive at the window's end")    \
	X(SCHED_RUNNABLE, "sched.runnable", TASKS, "tasks", LOG1P,                                 \
	  "tasks running or ready to at the window's end")                                         \
	X(SCHED_BLOCKED, "sched.blocked", TASKS, "tasks", LOG1P,                                   \
	  "tasks in uninterruptible sleep at the window's end")                                    \
	X(SCHED_CPU_USER, "sched.cpu_user", TASKS, "us", LOG1P_KILO, "processor time in user mode") \
	X(SCHED_CPU_SYSTEM, "sched.cpu_system", TASKS, "us", LOG1P_KILO,                           \
	  "processor time in the kernel")                                                          \
	X(SCHED_SWITCH_VOLUNTARY, "sched.switch_voluntary", TASKS, "switches", LOG1P,              \
	  "context switches because the task had to wait")                                         \
	X(SCHED_SWITCH_INVOLUNTARY, "sched.switch_involuntary", TASKS, "switches", LOG1P,          \
	  "context switches because the task was preempted")                                       \
	X(SCHED_MIGRATE, "sched.migrate", MIGRATE, "moves", LOG1P, "tasks moved to another CPU")   \
	X(MEMORY_FAULT_MINOR, "memory.fault_minor", TASKS, "faults", LOG1P,                        \
	  "page faults served without I/O")                                                        \
	X(MEMORY_FAULT_MAJOR, "memory.fault_major", TASKS, "faults", LOG1P,                        \
	  "page faults that waited for I/O")                                                       \
	X(MEMORY_RESIDENT, "memory.resident", TASKS, "pages", LOG1P,                               \
	  "resident pages at the window's end")                                                    \
	X(MEMORY_RECLAIM, "memory.reclaim", RECLAIM, "events", LOG1P,                              \
	  "allocations that had to reclaim memory themselves")                                     \
	X(MEMORY_OOM, "memory.oom", OOM, "kills", LOG1P, "victims of the out-of-memory killer")    \
	X(FILE_READ_BYTES, "file.read_bytes", TASKS, "bytes", LOG1P_KILO, "bytes returned by reads") \
	X(FILE_WRITE_BYTES, "file.write_bytes", TASKS, "bytes", LOG1P_KILO, "bytes given to writes") \
	X(FILE_READ_CALLS, "file.read_calls", TASKS, "calls", LOG1P, "read-like calls")            \
	X(FILE_WRITE_CALLS, "file.write_calls", TASKS, "calls", LOG1P, "write-like calls")         \
	X(FILE_STORAGE_READ, "file.storage_read", TASKS, "bytes", LOG1P_KILO,                      \
	  "bytes fetched from storage on the task's behalf")                                       \
	X(FILE_STORAGE_WRITE, "file.storage_write", TASKS, "bytes", LOG1P_KILO,                    \
	  "bytes dirtied that storage will have to take")                                          \
	X(TCP_CONNECT, "tcp.connect", TCP_STATE, "sockets", LOG1P, "connections begun")            \
	X(TCP_CONNECT_FAILED, "tcp.connect_failed", TCP_STATE, "sockets", LOG1P,                   \
	  "connections begun that were refused or timed out")                                      \
	X(TCP_CONNECTED, "tcp.connected", TCP_STATE, "sockets", LOG1P,                             \
	  "connections begun that were established")                                               \
	X(TCP_ACCEPT, "tcp.accept", TCP_STATE, "sockets", LOG1P, "connections taken")              \
	X(TCP_LISTEN, "tcp.listen", TCP_STATE, "sockets", LOG1P, "sockets set to listen")          \
	X(TCP_CLOSE, "tcp.close", TCP_STATE, "sockets", LOG1P, "established connections closed")   \
	X(TCP_BYTES_SENT, "tcp.bytes_sent", TCP_DESTROY, "bytes", LOG1P_KILO,                      \
	  "bytes that connections closed in this window had sent")                                 \
	X(TCP_BYTES_RECEIVED, "tcp.bytes_received", TCP_DESTROY, "bytes", LOG1P_KILO,              \
	  "bytes that connections closed in this window had received")                             \
	X(TCP_RETRANSMIT, "tcp.retransmit", TCP_RETRANSMIT, "segments", LOG1P,                     \
	  "segments sent again")                                                                   \
	X(TCP_RESET_SENT, "tcp.reset_sent", TCP_SEND_RESET, "segments", LOG1P, "resets sent")      \
	X(TCP_RESET_RECEIVED, "tcp.reset_received", TCP_RECEIVE_RESET, "segments", LOG1P,          \
	  "resets received")                                                                       \
	X(NET_SEND_CALLS, "net.send_calls", SOCK_SEND, "calls", LOG1P, "socket sends")             \
	X(NET_SEND_BYTES, "net.send_bytes", SOCK_SEND, "bytes", LOG1P_KILO, "bytes sent on sockets") \
	X(NET_RECV_CALLS, "net.recv_calls", SOCK_RECV, "calls", LOG1P, "socket receives")          \
	X(NET_RECV_BYTES, "net.recv_bytes", SOCK_RECV, "bytes", LOG1P_KILO,                        \
	  "bytes received on sockets")                                                             \
	X(UDP_SEND, "udp.send", SOCK_SEND, "datagrams", LOG1P, "UDP datagrams sent")               \
	X(UDP_RECV, "udp.recv", SOCK_RECV, "datagrams", LOG1P, "UDP datagrams received")           \
	X(UDP_DROP, "udp.drop", UDP_DROP, "datagrams", LOG1P,                                      \
	  "UDP datagrams dropped for want of room")                                                \
	X(NET_TX_PACKETS, "net.tx_packets", NET_TX, "packets", LOG1P,                              \
	  "packets queued to a device")                                                            \
	X(NET_TX_BYTES, "net.tx_bytes", NET_TX, "bytes", LOG1P_KILO, "bytes queued to a device")   \
	X(BLOCK_READS, "block.reads", BLOCK_ISSUE, "requests", LOG1P, "read requests issued")      \
	X(BLOCK_WRITES, "block.writes", BLOCK_ISSUE, "requests", LOG1P, "write requests issued")   \
	X(BLOCK_OTHER, "block.other", BLOCK_ISSUE, "requests", LOG1P,                              \
	  "flush, discard and other requests issued")                                              \
	X(BLOCK_READ_BYTES, "block.read_bytes", BLOCK_ISSUE, "bytes", LOG1P_KILO,                  \
	  "bytes asked of block devices")                                                          \
	X(BLOCK_WRITE_BYTES, "block.write_bytes", BLOCK_ISSUE, "bytes", LOG1P_KILO,                \
	  "bytes given to block devices")                                                          \
	X(BLOCK_ERRORS, "block.errors", BLOCK_COMPLETE, "requests", LOG1P,                         \
	  "requests completed with an error")                                                      \
	X(SIGNAL_SENT, "signal.sent", SIGNAL, "signals", LOG1P, "signals generated")               \
	X(SIGNAL_OTHER, "signal.other", SIGNAL, "signals", LOG1P,                                  \
	  "signals generated for another process")                                                 \
	X(SIGNAL_KILL, "signal.kill", SIGNAL, "signals", LOG1P, "SIGKILL and SIGTERM generated")   \
	X(SIGNAL_FAULT, "signal.fault", SIGNAL, "signals", LOG1P,                                  \
	  "SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS and SIGTRAP generated")

enum tacit_tier {
	TACIT_TIER_LIGHT,
	TACIT_TIER_DEEP,
};

enum tacit_transform {
	TACIT_TRANSFORM_LOG1P,      /* log(1 + x) */
	TACIT_TRANSFORM_LOG1P_KILO, /* log(1 + x / 1000): a byte or a microsecond alone is nothing */
};

enum tacit_probe_id {
#define TACIT_PROBE_ENUM(id, program, group, tier, attach) TACIT_PROBE_##id,
	TACIT_PROBES(TACIT_PROBE_ENUM)
#undef TACIT_PROBE_ENUM
	TACIT_PROBE_COUNT,
};

enum tacit_feature_id {
#define TACIT_FEATURE_ENUM(id, name, probe, unit, transform, doc) TACIT_FEATURE_##id,
	TACIT_FEATURES_LIGHT(TACIT_FEATURE_ENUM)
#undef TACIT_FEATURE_ENUM
#define TACIT_FEATURE_OF_CLASS(id, name, doc) TACIT_FEATURE_SYSCALL_##id,
	TACIT_SYSCALL_CLASSES(TACIT_FEATURE_OF_CLASS)
#undef TACIT_FEATURE_OF_CLASS
	TACIT_FEATURE_COUNT,
};

enum tacit_syscall_class {
#define TACIT_SYSCALL_ENUM(id, name, doc) TACIT_SYSCALL_##id,
	TACIT_SYSCALL_CLASSES(TACIT_SYSCALL_ENUM)
#undef TACIT_SYSCALL_ENUM
	TACIT_SYSCALL_CLASS_COUNT,
};

#define TACIT_FEATURE_SYSCALL_FIRST (TACIT_FEATURE_COUNT - TACIT_SYSCALL_CLASS_COUNT)

#ifndef __bpf__

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>
#include <tacit/space.h>

struct tacit_probe {
	const char *program; /* function name in bpf/ */
	const char *group;
	enum tacit_tier tier;
	const char *attach; /* ELF section */
};

struct tacit_feature {
	const char *name;
	enum tacit_probe_id probe;
	const char *unit;
	enum tacit_transform transform;
	const char *doc;
};

/* Borrowed, static. @id below TACIT_PROBE_COUNT or TACIT_FEATURE_COUNT. */
const struct tacit_probe *tacit_probe_get(unsigned id);
const struct tacit_feature *tacit_feature_get(unsigned id);

/* Id of the feature called @name, or -ENOENT. */
int tacit_feature_find(const char *name);

/* Applies the feature's transform to a window's increase. */
double tacit_feature_transform(unsigned id, uint64_t count);

/* The table as a feature space for models: one dimension a feature, one group a probe. */
const struct tacit_space *tacit_feature_space(void);

/* SHA-256 over names, probes and transforms, in order: hosts whose tables differ must not
 * be summed. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_feature_schema(uint8_t digest[32]);

#endif /* !__bpf__ */

#endif /* TACIT_FEATURE_H */
