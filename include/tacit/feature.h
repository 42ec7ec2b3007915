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

/* P(id, BPF program name, what it is about, tier, first kernel, attach point) */
#define TACIT_PROBES(P)                                                                            \
	P(TASKS, "on_task", "task", LIGHT, "5.10", "iter/task")                                    \
	P(FORK, "on_fork", "process", LIGHT, "5.10", "tp_btf/task_newtask")                        \
	P(EXEC, "on_exec", "process", LIGHT, "5.10", "tp_btf/sched_process_exec")                  \
	P(EXIT, "on_exit", "process", LIGHT, "5.10", "tp_btf/sched_process_exit")                  \
	P(CGROUP_MAKE, "on_cgroup_make", "container", LIGHT, "5.10", "tp_btf/cgroup_mkdir")        \
	P(CGROUP_MOVE, "on_cgroup_move", "container", LIGHT, "5.10", "tp_btf/cgroup_attach_task")  \
	P(CAPABLE, "on_capable", "privilege", LIGHT, "6.14", "tp_btf/cap_capable")                 \
	P(MODULE, "on_module_load", "privilege", LIGHT, "5.10", "tp_btf/module_load")              \
	P(MIGRATE, "on_migrate", "sched", LIGHT, "5.10", "tp_btf/sched_migrate_task")              \
	P(RECLAIM, "on_reclaim", "memory", LIGHT, "5.10", "tp_btf/mm_vmscan_direct_reclaim_begin") \
	P(OOM, "on_oom", "memory", LIGHT, "5.10", "tp_btf/mark_victim")                            \
	P(URING, "on_uring", "file", LIGHT, "5.10", "tp_btf/io_uring_submit_req")                  \
	P(TCP_STATE, "on_tcp_state", "tcp", LIGHT, "5.10", "tp_btf/inet_sock_set_state")           \
	P(TCP_DESTROY, "on_tcp_destroy", "tcp", LIGHT, "5.10", "tp_btf/tcp_destroy_sock")          \
	P(TCP_RETRANSMIT, "on_tcp_retransmit", "tcp", LIGHT, "5.10", "tp_btf/tcp_retransmit_skb")  \
	P(TCP_SEND_RESET, "on_tcp_send_reset", "tcp", LIGHT, "5.10", "tp_btf/tcp_send_reset")      \
	P(TCP_RECEIVE_RESET, "on_tcp_receive_reset", "tcp", LIGHT, "5.10",                         \
	  "tp_btf/tcp_receive_reset")                                                              \
	P(SOCK_SEND, "on_sock_send", "net", LIGHT, "6.3", "tp_btf/sock_send_length")               \
	P(SOCK_RECV, "on_sock_recv", "net", LIGHT, "6.3", "tp_btf/sock_recv_length")               \
	P(UDP_DROP, "on_udp_drop", "udp", LIGHT, "5.10", "tp_btf/udp_fail_queue_rcv_skb")          \
	P(NET_TX, "on_net_tx", "net", LIGHT, "5.10", "tp_btf/net_dev_queue")                       \
	P(BLOCK_ISSUE, "on_block_issue", "block", LIGHT, "5.10", "tp_btf/block_rq_issue")          \
	P(BLOCK_COMPLETE, "on_block_complete", "block", LIGHT, "5.10", "tp_btf/block_rq_complete") \
	P(SIGNAL, "on_signal", "signal", LIGHT, "5.10", "tp_btf/signal_generate")                  \
	P(SYSCALL, "on_syscall", "syscall", DEEP, "5.10", "tp_btf/sys_exit")

/* Families of system calls: what the sequence features are made of. F(id, name) */
#define TACIT_SYSCALL_FAMILIES(F)                                                                  \
	F(FILE, "file")                                                                            \
	F(DATA, "data")                                                                            \
	F(MEMORY, "memory")                                                                        \
	F(PROCESS, "process")                                                                      \
	F(NETWORK, "network")                                                                      \
	F(WAIT, "wait")

/* System-call classes of the deep tier: S(id, name, family, what it holds) */
#define TACIT_SYSCALL_CLASSES(S)                                                                   \
	S(OPEN, "open", FILE, "open, openat, openat2, creat, open_by_handle_at")                   \
	S(CLOSE, "close", FILE, "close, close_range")                                              \
	S(STAT, "stat", FILE, "stat, statx, access, readlink, statfs, getxattr, chdir")            \
	S(LIST, "list", FILE, "getdents: folders read")                                            \
	S(RENAME, "rename", FILE, "rename, renameat, renameat2")                                   \
	S(LINK, "link", FILE, "link, symlink, mknod")                                              \
	S(MKDIR, "mkdir", FILE, "mkdir, mkdirat")                                                  \
	S(UNLINK, "unlink", FILE, "unlink, unlinkat, rmdir")                                       \
	S(TRUNCATE, "truncate", FILE, "truncate, ftruncate, fallocate")                            \
	S(CHMOD, "chmod", FILE, "chmod, fchmod, fchmodat")                                         \
	S(CHOWN, "chown", FILE, "chown, fchown, lchown, fchownat")                                 \
	S(ATTRIBUTE, "attribute", FILE, "setxattr, removexattr, utime, umask")                     \
	S(FD, "fd", FILE, "dup, fcntl, flock, lseek, pipe, eventfd, pidfd_open")                   \
	S(IOCTL, "ioctl", FILE, "ioctl")                                                           \
	S(WATCH, "watch", FILE, "inotify, fanotify")                                               \
	S(READ, "read", DATA, "read, pread, readv, sendfile, splice, copy_file_range")             \
	S(WRITE, "write", DATA, "write, pwrite, writev")                                           \
	S(SYNC, "sync", DATA, "fsync, fdatasync, sync, msync")                                     \
	S(MMAP, "mmap", MEMORY, "mmap")                                                            \
	S(MPROTECT, "mprotect", MEMORY, "mprotect, pkey_mprotect")                                 \
	S(MEMORY, "memory", MEMORY, "munmap, brk, madvise, mremap, mlock, NUMA policies")          \
	S(MEMFD, "memfd", MEMORY, "memfd_create, memfd_secret")                                    \
	S(FORK, "fork", PROCESS, "fork, vfork, clone, clone3, counted in the parent")              \
	S(EXEC, "exec", PROCESS, "execve, execveat, refused ones too")                             \
	S(WAIT, "wait", PROCESS, "wait4, waitid")                                                  \
	S(SIGNAL, "signal", PROCESS, "rt_sig*, sigaltstack, signalfd, pause")                      \
	S(KILL, "kill", PROCESS, "kill, tkill, tgkill, pidfd_send_signal")                         \
	S(SCHEDULE, "schedule", PROCESS, "sched_*, priorities, limits, getrusage, getcpu")         \
	S(ID, "id", PROCESS, "getpid, getuid and friends, setpgid, setsid")                        \
	S(SETID, "setid", PROCESS, "setuid, setgid, setgroups and friends, capset")                \
	S(KEY, "key", PROCESS, "keyctl, add_key, request_key")                                     \
	S(PRCTL, "prctl", PROCESS, "prctl, arch_prctl, seccomp, landlock_*, personality")          \
	S(MOUNT, "mount", PROCESS, "mount, umount, move_mount, pivot_root, chroot")                \
	S(NAMESPACE, "namespace", PROCESS, "unshare, setns")                                       \
	S(PTRACE, "ptrace", PROCESS, "ptrace, process_vm_*, pidfd_getfd, kcmp")                    \
	S(BPF, "bpf", PROCESS, "bpf, perf_event_open, userfaultfd")                                \
	S(MODULE, "module", PROCESS, "modules and kexec")                                          \
	S(SYSTEM, "system", PROCESS, "reboot, swapon, host name, clock setting, syslog, ioperm")   \
	S(SOCKET, "socket", NETWORK, "socket, socketpair")                                         \
	S(CONNECT, "connect", NETWORK, "connect")                                                  \
	S(LISTEN, "listen", NETWORK, "bind, listen")                                               \
	S(ACCEPT, "accept", NETWORK, "accept, accept4")                                            \
	S(TRANSFER, "transfer", NETWORK, "send*, recv*, shutdown, socket options and names")       \
	S(POLL, "poll", WAIT, "poll, select, epoll_*")                                             \
	S(URING, "uring", WAIT, "io_uring_*, io_*")                                                \
	S(FUTEX, "futex", WAIT, "futex*, robust lists, membarrier, rseq")                          \
	S(TIME, "time", WAIT, "nanosleep, clock_*, timer*, alarm")                                 \
	S(IPC, "ipc", WAIT, "System V and POSIX queues, semaphores, shared memory")                \
	S(OTHER, "other", PROCESS, "everything else, and calls of 32-bit programs")

/* What a system call can come back with: E(id, name, what it holds) */
#define TACIT_ERROR_CLASSES(E)                                                                     \
	E(PERMISSION, "permission", "EPERM, EACCES, EROFS: not allowed")                           \
	E(MISSING, "missing", "ENOENT, ENOTDIR, ESRCH: not there")                                 \
	E(RETRY, "retry", "EAGAIN, EINTR, EINPROGRESS: not now")                                   \
	E(NETWORK, "network", "ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH: no peer")        \
	E(RESOURCE, "resource", "ENOMEM, EMFILE, ENOSPC, EDQUOT: no room")                         \
	E(ARGUMENT, "argument", "EINVAL, EFAULT, EBADF, ENOSYS: not like this")                    \
	E(OTHER, "other", "any other error")

/* One call of the first family, then one of the second, by the same task: Q(first, second) */
#define TACIT_SEQUENCES(Q)                                                                         \
	Q(FILE, DATA)                                                                              \
	Q(FILE, MEMORY) Q(FILE, PROCESS) Q(FILE, NETWORK) Q(FILE, WAIT) Q(DATA, FILE)              \
		Q(DATA, MEMORY) Q(DATA, PROCESS) Q(DATA, NETWORK) Q(DATA, WAIT) Q(MEMORY, FILE) Q( \
			MEMORY, DATA) Q(MEMORY, PROCESS) Q(MEMORY, NETWORK) Q(MEMORY, WAIT)        \
			Q(PROCESS, FILE) Q(PROCESS, DATA) Q(PROCESS, MEMORY) Q(PROCESS, NETWORK)   \
				Q(PROCESS, WAIT) Q(NETWORK, FILE) Q(NETWORK, DATA)                 \
					Q(NETWORK, MEMORY) Q(NETWORK, PROCESS) Q(NETWORK, WAIT)    \
						Q(WAIT, FILE) Q(WAIT, DATA) Q(WAIT, MEMORY)        \
							Q(WAIT, PROCESS) Q(WAIT, NETWORK)

/* X(id, name, probe, unit, transform, what it counts). The gauges of the task pass come first: they
 * are written for every task there is, and share a cache line. */
#define TACIT_FEATURES_LIGHT(X)                                                                    \
	X(SCHED_TASKS, "sched.tasks", TASKS, "tasks", LOG1P, "tasks alive at the window's end")    \
	X(SCHED_PROCESSES, "sched.processes", TASKS, "processes", LOG1P,                           \
	  "processes alive at the window's end")                                                   \
	X(SCHED_RUNNABLE, "sched.runnable", TASKS, "tasks", LOG1P,                                 \
	  "tasks running or ready to at the window's end: the run queue")                          \
	X(SCHED_BLOCKED, "sched.blocked", TASKS, "tasks", LOG1P,                                   \
	  "tasks in uninterruptible sleep at the window's end")                                    \
	X(MEMORY_RESIDENT, "memory.resident", TASKS, "pages", LOG1P,                               \
	  "resident pages when their tasks last ran")                                              \
	X(MEMORY_SWAPPED, "memory.swapped", TASKS, "pages", LOG1P,                                 \
	  "pages swapped out when their tasks last ran")                                           \
	X(PRIVILEGE_ROOT_TASKS, "privilege.root_tasks", TASKS, "processes", LOG1P,                 \
	  "processes whose effective user is root at the window's end")                            \
	X(PRIVILEGE_CAPABLE_TASKS, "privilege.capable_tasks", TASKS, "processes", LOG1P,           \
	  "processes of other users that hold capabilities at the window's end")                   \
	X(PRIVILEGE_TRACED_TASKS, "privilege.traced_tasks", TASKS, "tasks", LOG1P,                 \
	  "tasks under ptrace at the window's end")                                                \
	X(SCHED_CPU_USER, "sched.cpu_user", TASKS, "us", LOG1P_KILO,                               \
	  "processor time in user mode")                                                           \
	X(SCHED_CPU_SYSTEM, "sched.cpu_system", TASKS, "us", LOG1P_KILO,                           \
	  "processor time in the kernel")                                                          \
	X(SCHED_WAIT, "sched.wait", TASKS, "us", LOG1P_KILO,                                       \
	  "time that tasks were ready but had no processor")                                       \
	X(SCHED_DELAY_SHORT, "sched.delay_short", TASKS, "runs", LOG1P,                            \
	  "times that tasks got a processor, of tasks that waited less than 0.1 ms on average")    \
	X(SCHED_DELAY_MEDIUM, "sched.delay_medium", TASKS, "runs", LOG1P,                          \
	  "times that tasks got a processor, of tasks that waited 0.1 to 4 ms on average")         \
	X(SCHED_DELAY_LONG, "sched.delay_long", TASKS, "runs", LOG1P,                              \
	  "times that tasks got a processor, of tasks that waited longer than 4 ms on average")    \
	X(SCHED_SWITCH_VOLUNTARY, "sched.switch_voluntary", TASKS, "switches", LOG1P,              \
	  "context switches because the task had to wait")                                         \
	X(SCHED_SWITCH_INVOLUNTARY, "sched.switch_involuntary", TASKS, "switches", LOG1P,          \
	  "context switches because the task was preempted")                                       \
	X(MEMORY_FAULT_MINOR, "memory.fault_minor", TASKS, "faults", LOG1P,                        \
	  "page faults served without I/O")                                                        \
	X(MEMORY_FAULT_MAJOR, "memory.fault_major", TASKS, "faults", LOG1P,                        \
	  "page faults that waited for I/O")                                                       \
	X(FILE_READ_BYTES, "file.read_bytes", TASKS, "bytes", LOG1P_KILO,                          \
	  "bytes returned by reads")                                                               \
	X(FILE_WRITE_BYTES, "file.write_bytes", TASKS, "bytes", LOG1P_KILO,                        \
	  "bytes given to writes")                                                                 \
	X(FILE_READ_CALLS, "file.read_calls", TASKS, "calls", LOG1P, "read-like calls")            \
	X(FILE_WRITE_CALLS, "file.write_calls", TASKS, "calls", LOG1P, "write-like calls")         \
	X(FILE_STORAGE_READ, "file.storage_read", TASKS, "bytes", LOG1P_KILO,                      \
	  "bytes fetched from storage on the task's behalf")                                       \
	X(FILE_STORAGE_WRITE, "file.storage_write", TASKS, "bytes", LOG1P_KILO,                    \
	  "bytes dirtied that storage will have to take")                                          \
	X(PROCESS_FORK, "process.fork", FORK, "processes", LOG1P, "processes created")             \
	X(PROCESS_THREAD, "process.thread", FORK, "threads", LOG1P, "threads created")             \
	X(PROCESS_FORK_NAMESPACE, "process.fork_namespace", FORK, "processes", LOG1P,              \
	  "processes created in a namespace of their own")                                         \
	X(PROCESS_EXEC, "process.exec", EXEC, "calls", LOG1P, "successful execve calls")           \
	X(PROCESS_EXEC_SECURE, "process.exec_secure", EXEC, "calls", LOG1P,                        \
	  "execve that gained privileges (set-user-ID, set-group-ID, file capabilities)")          \
	X(PROCESS_EXEC_WRITABLE, "process.exec_writable", EXEC, "calls", LOG1P,                    \
	  "execve of a file in a folder that anyone may write to")                                 \
	X(PROCESS_EXEC_NAMELESS, "process.exec_nameless", EXEC, "calls", LOG1P,                    \
	  "execve of a file without a name: memfd, or unlinked")                                   \
	X(PROCESS_EXEC_FOREIGN, "process.exec_foreign", EXEC, "calls", LOG1P,                      \
	  "execve of a file that is not owned by root")                                            \
	X(PROCESS_EXEC_SCRIPT, "process.exec_script", EXEC, "calls", LOG1P, "execve of a script")  \
	X(PROCESS_EXIT, "process.exit", EXIT, "processes", LOG1P, "processes ended")               \
	X(PROCESS_EXIT_FAILED, "process.exit_failed", EXIT, "processes", LOG1P,                    \
	  "processes ended with a status other than 0")                                            \
	X(PROCESS_EXIT_SIGNAL, "process.exit_signal", EXIT, "processes", LOG1P,                    \
	  "processes ended by a signal")                                                           \
	X(PROCESS_EXIT_SHORT, "process.exit_short", EXIT, "processes", LOG1P,                      \
	  "processes that lived for less than a second")                                           \
	X(CONTAINER_MAKE, "container.make", CGROUP_MAKE, "cgroups", LOG1P,                         \
	  "cgroups made, as for a service or a container")                                         \
	X(CONTAINER_MOVE, "container.move", CGROUP_MOVE, "tasks", LOG1P,                           \
	  "tasks moved to another cgroup")                                                         \
	X(PRIVILEGE_DENIED, "privilege.denied", CAPABLE, "checks", LOG1P,                          \
	  "capabilities asked for and not held, but for CAP_SYS_ADMIN")                            \
	X(PRIVILEGE_ADMIN, "privilege.admin", CAPABLE, "checks", LOG1P, "uses of CAP_SYS_ADMIN")   \
	X(PRIVILEGE_SETID, "privilege.setid", CAPABLE, "checks", LOG1P,                            \
	  "uses of CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SETFCAP")                              \
	X(PRIVILEGE_FILE, "privilege.file", CAPABLE, "checks", LOG1P,                              \
	  "uses of CAP_DAC_*, CAP_FOWNER, CAP_CHOWN, CAP_FSETID, CAP_MKNOD")                       \
	X(PRIVILEGE_TRACE, "privilege.trace", CAPABLE, "checks", LOG1P,                            \
	  "uses of CAP_SYS_PTRACE, CAP_KILL, CAP_PERFMON, CAP_BPF")                                \
	X(PRIVILEGE_NETWORK, "privilege.network", CAPABLE, "checks", LOG1P, "uses of CAP_NET_*")   \
	X(PRIVILEGE_KERNEL, "privilege.kernel", CAPABLE, "checks", LOG1P,                          \
	  "uses of CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYSLOG, "        \
	  "CAP_SYS_CHROOT")                                                                        \
	X(PRIVILEGE_MODULE_LOAD, "privilege.module_load", MODULE, "modules", LOG1P,                \
	  "kernel modules loaded")                                                                 \
	X(SCHED_MIGRATE, "sched.migrate", MIGRATE, "moves", LOG1P, "tasks moved to another CPU")   \
	X(MEMORY_RECLAIM, "memory.reclaim", RECLAIM, "events", LOG1P,                              \
	  "allocations that had to reclaim memory themselves")                                     \
	X(MEMORY_OOM, "memory.oom", OOM, "kills", LOG1P, "victims of the out-of-memory killer")    \
	X(FILE_URING, "file.uring", URING, "requests", LOG1P,                                      \
	  "requests given to io_uring, which no system call shows")                                \
	X(TCP_CONNECT, "tcp.connect", TCP_STATE, "sockets", LOG1P, "connections begun")            \
	X(TCP_CONNECT_PUBLIC, "tcp.connect_public", TCP_STATE, "sockets", LOG1P,                   \
	  "connections begun to public addresses")                                                 \
	X(TCP_CONNECT_FAILED, "tcp.connect_failed", TCP_STATE, "sockets", LOG1P,                   \
	  "connections begun that were refused or timed out")                                      \
	X(TCP_CONNECTED, "tcp.connected", TCP_STATE, "sockets", LOG1P,                             \
	  "connections begun that were established")                                               \
	X(TCP_PEERS, "tcp.peers", TCP_STATE, "addresses", LOG1P,                                   \
	  "distinct addresses that connections were begun to, estimated")                          \
	X(TCP_PORTS, "tcp.ports", TCP_STATE, "ports", LOG1P,                                       \
	  "distinct ports that connections were begun to, estimated")                              \
	X(TCP_ACCEPT, "tcp.accept", TCP_STATE, "sockets", LOG1P, "connections taken")              \
	X(TCP_CLIENTS, "tcp.clients", TCP_STATE, "addresses", LOG1P,                               \
	  "distinct addresses that connections were taken from, estimated")                        \
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
	X(NET_SEND_BYTES, "net.send_bytes", SOCK_SEND, "bytes", LOG1P_KILO,                        \
	  "bytes sent on sockets")                                                                 \
	X(NET_SEND_FAILED, "net.send_failed", SOCK_SEND, "calls", LOG1P,                           \
	  "socket sends that failed, but for want of room")                                        \
	X(NET_SEND_RAW, "net.send_raw", SOCK_SEND, "calls", LOG1P,                                 \
	  "sends on raw and packet sockets")                                                       \
	X(NET_RECV_CALLS, "net.recv_calls", SOCK_RECV, "calls", LOG1P, "socket receives")          \
	X(NET_RECV_BYTES, "net.recv_bytes", SOCK_RECV, "bytes", LOG1P_KILO,                        \
	  "bytes received on sockets")                                                             \
	X(NET_RECV_FAILED, "net.recv_failed", SOCK_RECV, "calls", LOG1P,                           \
	  "socket receives that failed, but for want of data")                                     \
	X(UDP_SEND, "udp.send", SOCK_SEND, "datagrams", LOG1P, "UDP datagrams sent")               \
	X(UDP_SEND_SMALL, "udp.send_small", SOCK_SEND, "datagrams", LOG1P,                         \
	  "UDP datagrams of up to 512 bytes sent: the size of DNS questions")                      \
	X(UDP_SEND_DNS, "udp.send_dns", SOCK_SEND, "datagrams", LOG1P,                             \
	  "UDP datagrams sent on sockets connected to port 53")                                    \
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
	X(BLOCK_FAST, "block.fast", BLOCK_COMPLETE, "requests", LOG1P,                             \
	  "requests completed within 1 ms (the host alone)")                                       \
	X(BLOCK_MEDIUM, "block.medium", BLOCK_COMPLETE, "requests", LOG1P,                         \
	  "requests completed after 1 to 20 ms (the host alone)")                                  \
	X(BLOCK_SLOW, "block.slow", BLOCK_COMPLETE, "requests", LOG1P,                             \
	  "requests completed after more than 20 ms (the host alone)")                             \
	X(BLOCK_ERRORS, "block.errors", BLOCK_COMPLETE, "requests", LOG1P,                         \
	  "requests completed with an error")                                                      \
	X(SIGNAL_SENT, "signal.sent", SIGNAL, "signals", LOG1P, "signals generated")               \
	X(SIGNAL_OTHER, "signal.other", SIGNAL, "signals", LOG1P,                                  \
	  "signals generated for another process")                                                 \
	X(SIGNAL_KILL, "signal.kill", SIGNAL, "signals", LOG1P, "SIGKILL and SIGTERM generated")   \
	X(SIGNAL_FAULT, "signal.fault", SIGNAL, "signals", LOG1P,                                  \
	  "SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS and SIGTRAP generated")

/* What the deep tier sees beside classes, errors and sequences. */
#define TACIT_FEATURES_DEEP(X)                                                                     \
	X(FILE_OPEN_WRITE, "file.open_write", SYSCALL, "files", LOG1P, "files opened for writing") \
	X(FILE_OPEN_CREATE, "file.open_create", SYSCALL, "files", LOG1P,                           \
	  "files created by opening them")                                                         \
	X(FILE_FOLDERS, "file.folders", SYSCALL, "folders", LOG1P,                                 \
	  "distinct folders in which files were opened, estimated")                                \
	X(MEMORY_MAP_EXEC, "memory.map_exec", SYSCALL, "calls", LOG1P,                             \
	  "mmap of memory to be executed")                                                         \
	X(MEMORY_PROTECT_EXEC, "memory.protect_exec", SYSCALL, "calls", LOG1P,                     \
	  "mprotect of memory to be executed")                                                     \
	X(MEMORY_WRITE_EXEC, "memory.write_exec", SYSCALL, "calls", LOG1P,                         \
	  "mmap or mprotect of memory to be written and executed")

enum tacit_tier {
	TACIT_TIER_LIGHT,
	TACIT_TIER_DEEP,
};

enum tacit_transform {
	TACIT_TRANSFORM_LOG1P,	    /* log(1 + x) */
	TACIT_TRANSFORM_LOG1P_KILO, /* log(1 + x / 1000): a byte or a microsecond alone is nothing
				     */
};

enum tacit_probe_id {
#define TACIT_PROBE_ENUM(id, program, group, tier, since, attach) TACIT_PROBE_##id,
	TACIT_PROBES(TACIT_PROBE_ENUM)
#undef TACIT_PROBE_ENUM
		TACIT_PROBE_COUNT,
};

enum tacit_feature_id {
#define TACIT_FEATURE_ENUM(id, name, probe, unit, transform, doc) TACIT_FEATURE_##id,
	TACIT_FEATURES_LIGHT(TACIT_FEATURE_ENUM) TACIT_FEATURES_DEEP(TACIT_FEATURE_ENUM)
#undef TACIT_FEATURE_ENUM
#define TACIT_FEATURE_OF_CLASS(id, name, family, doc) TACIT_FEATURE_SYSCALL_##id,
		TACIT_SYSCALL_CLASSES(TACIT_FEATURE_OF_CLASS)
#undef TACIT_FEATURE_OF_CLASS
#define TACIT_FEATURE_OF_ERROR(id, name, doc) TACIT_FEATURE_ERROR_##id,
			TACIT_ERROR_CLASSES(TACIT_FEATURE_OF_ERROR)
#undef TACIT_FEATURE_OF_ERROR
#define TACIT_FEATURE_OF_SEQUENCE(first, second) TACIT_FEATURE_SEQUENCE_##first##_##second,
				TACIT_SEQUENCES(TACIT_FEATURE_OF_SEQUENCE)
#undef TACIT_FEATURE_OF_SEQUENCE
					TACIT_FEATURE_COUNT,
};

enum tacit_syscall_family {
#define TACIT_FAMILY_ENUM(id, name) TACIT_FAMILY_##id,
	TACIT_SYSCALL_FAMILIES(TACIT_FAMILY_ENUM)
#undef TACIT_FAMILY_ENUM
		TACIT_FAMILY_COUNT,
};

enum tacit_syscall_class {
#define TACIT_SYSCALL_ENUM(id, name, family, doc) TACIT_SYSCALL_##id,
	TACIT_SYSCALL_CLASSES(TACIT_SYSCALL_ENUM)
#undef TACIT_SYSCALL_ENUM
		TACIT_SYSCALL_CLASS_COUNT,
};

enum tacit_error_class {
#define TACIT_ERROR_ENUM(id, name, doc) TACIT_ERROR_##id,
	TACIT_ERROR_CLASSES(TACIT_ERROR_ENUM)
#undef TACIT_ERROR_ENUM
		TACIT_ERROR_CLASS_COUNT,
};

#define TACIT_FEATURE_GAUGES	     TACIT_FEATURE_SCHED_CPU_USER /* how many; they come first */
#define TACIT_FEATURE_SYSCALL_FIRST  TACIT_FEATURE_SYSCALL_OPEN
#define TACIT_FEATURE_ERROR_FIRST    TACIT_FEATURE_ERROR_PERMISSION
#define TACIT_FEATURE_SEQUENCE_FIRST TACIT_FEATURE_SEQUENCE_FILE_DATA

/* The feature of a family followed by another: rows of TACIT_SEQUENCES, the diagonal left out. */
#define TACIT_FEATURE_OF_FAMILIES(first, second)                                                   \
	(TACIT_FEATURE_SEQUENCE_FIRST + (first) * (TACIT_FAMILY_COUNT - 1) + (second) -            \
	 ((second) > (first)))

#ifndef __bpf__

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>
#include <tacit/space.h>

struct tacit_probe {
	const char *program; /* function name in bpf/ */
	const char *group;   /* what it is about; features have groups of their own */
	enum tacit_tier tier;
	const char *since;  /* first kernel that can have it, 5.10 or later: "6.3" */
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

/* Length of the name's part in front of the dot: the group that a reader looks for it in. */
size_t tacit_feature_group_len(unsigned id);

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
