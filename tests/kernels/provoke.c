/* SPDX-License-Identifier: MIT */
#include "tests/kernels/provoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUPS	     "/sys/fs/cgroup"
#define SERVICE	     CGROUPS "/" PROVOKE_SERVICE
#define DISK	     "/dev/nvme0n1"
#define DISK_WAIT    100 /* tenths of a second */
#define BLOCK	     4096U
#define MEMORY_LIMIT "8388608"
#define MEMORY_EATEN ((size_t)64 << 20)
#define SYN_WAIT     100 /* tenths of a second; the first is repeated after a whole one */
#define SYNS	     4

static void complain(const char *what)
{
	(void)fprintf(stderr, "provoke: %s: %s\n", what, strerror(errno));
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		complain(path);
	if (fd >= 0)
		(void)close(fd);
}

/* Runs @work in a process of its own, as part of the service or of none. */
static void in_child(bool of_service, void (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		if (of_service)
			put(SERVICE "/cgroup.procs", "0");
		work();
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		complain("fork");
}

static void execute(void)
{
	(void)execl("/init", "init", PROVOKE_NOTHING, (char *)NULL);
}

static void stop_oneself(void)
{
	(void)raise(SIGKILL);
}

static void use_files(void)
{
	char byte = 0;
	int fd = open("/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, &byte, 1) != 1 || pread(fd, &byte, 1, 0) != 1)
		complain("/file");
	(void)close(fd);
	(void)rename("/file", "/other");
	(void)unlink("/other");
}

/* From one processor to the other and back. */
static void migrate(void)
{
	for (int cpu = 1; cpu >= 0; cpu--) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) != 0)
			complain("sched_setaffinity");
	}
}

static int socket_on_loopback(int type, struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)at, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)at, &len) != 0)
		complain("socket");
	return fd;
}

static int connect_to(const struct sockaddr_in *at, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno != EINPROGRESS &&
	    errno != ECONNREFUSED)
		complain("connect");
	return fd;
}

/* One connection that ends well, one that ends with a reset because something was not read, and one
 * that nobody takes. */
static void use_tcp(void)
{
	struct sockaddr_in at;
	int listener = socket_on_loopback(SOCK_STREAM, &at);

	(void)listen(listener, 8);
	for (int unread = 0; unread < 2; unread++) {
		int client = connect_to(&at, 0), server = accept(listener, NULL, NULL);
		char byte = 0;

		if (send(client, &byte, 1, 0) != 1)
			complain("send");
		if (!unread && recv(server, &byte, 1, 0) != 1)
			complain("recv");
		(void)close(unread ? server : client);
		(void)close(unread ? client : server);
	}
	(void)close(listener);
	(void)close(connect_to(&at, 0));
}

static bool sent_again(const int client[SYNS])
{
	for (int i = 0; i < SYNS; i++) {
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(info);

		if (getsockopt(client[i], IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
		    info.tcpi_total_retrans > 0)
			return true;
	}
	return false;
}

/* A listener whose queue is full answers no SYN, which is then sent again. */
static void retransmit(void)
{
	struct sockaddr_in at;
	int listener = socket_on_loopback(SOCK_STREAM, &at), client[SYNS];

	(void)listen(listener, 0);
	for (int i = 0; i < SYNS; i++)
		client[i] = connect_to(&at, SOCK_NONBLOCK);
	for (int i = 0; i < SYN_WAIT && !sent_again(client); i++)
		(void)usleep(100000);
	for (int i = 0; i < SYNS; i++)
		(void)close(client[i]);
	(void)close(listener);
}

/* Until the receiver has no room, and one that arrives. */
static void use_udp(void)
{
	char data[1024] = { 0 };
	struct sockaddr_in at;
	int to = socket_on_loopback(SOCK_DGRAM, &at), from = socket(AF_INET, SOCK_DGRAM, 0);
	int little = 1;

	(void)setsockopt(to, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	for (int i = 0; i < 64; i++)
		(void)sendto(from, data, sizeof(data), 0, (struct sockaddr *)&at, sizeof(at));
	if (recv(to, data, sizeof(data), 0) < 0)
		complain("recv");
	(void)close(from);
	(void)close(to);
}

static int open_disk(void)
{
	for (int i = 0; i < DISK_WAIT; i++) {
		int fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		(void)usleep(100000);
	}
	return -1;
}

/* Past the cache: a read, a write, a flush. */
static void use_disk(void)
{
	void *data = aligned_alloc(BLOCK, BLOCK);
	int fd = open_disk();

	if (!data || pread(fd, data, BLOCK, 0) != BLOCK || pwrite(fd, data, BLOCK, 0) != BLOCK ||
	    fsync(fd) != 0)
		complain(DISK);
	(void)close(fd);
	free(data);
}

static void eat_memory(void)
{
	unsigned char *memory = (unsigned char *)mmap(NULL, MEMORY_EATEN, PROT_READ | PROT_WRITE,
						      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	for (size_t at = 0; at < MEMORY_EATEN; at += BLOCK)
		memory[at] = 1;
}

/* A group that may have less than it eats loses its process. */
static void run_out_of_memory(void)
{
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	(void)mkdir(SERVICE, 0755);
	put(SERVICE "/memory.max", MEMORY_LIMIT);
	in_child(true, eat_memory);
}

void provoke(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	run_out_of_memory();
	in_child(true, use_files);
	in_child(true, execute);
	in_child(false, stop_oneself);
	migrate();
	use_tcp();
	retransmit();
	use_udp();
	use_disk();
}
