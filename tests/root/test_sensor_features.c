/* SPDX-License-Identifier: MIT */
/* What a security engineer would ask for, provoked on the live kernel. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sense.h"

#define PEERS 200

/* Copies /bin/true, so that it is a program of our own. */
static int copy_true(int to)
{
	char block[4096];
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)n) != n)
			return -1;
	return close(from);
}

static void run_fd(int fd)
{
	char name[] = "true", *argv[] = { name, NULL }, *none[] = { NULL };
	pid_t pid = fork();

	if (pid == 0) {
		(void)syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH);
		_exit(9);
	}
	reap(pid);
}

static void run_path(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl(path, "it", (char *)NULL);
		_exit(9);
	}
	reap(pid);
}

static void provoke_odd_programs(void)
{
	char path[] = "/tmp/tacit-test-XXXXXX", script[] = "/tmp/tacit-test-XXXXXX";
	int memory = memfd_create("x", 0), file = mkstemp(path), text = mkstemp(script);

	if (copy_true(memory) != 0 || copy_true(file) != 0 || fchmod(file, 0755) != 0 ||
	    fchown(file, 65534, 65534) != 0 || write(text, "#!/bin/true\n", 12) != 12 ||
	    fchmod(text, 0755) != 0)
		_exit(9);
	(void)close(file);
	(void)close(text);
	run_fd(memory);
	run_path(path);
	run_path(script);
	run_path("/bin/true");
	(void)unlink(path);
	(void)unlink(script);
}

static void test_odd_programs(void)
{
	struct seen seen = provoked(provoke_odd_programs);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXEC], 4);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXEC_NAMELESS], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXEC_SCRIPT], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXEC_FOREIGN], 1);
	CHECK_AT_LEAST(seen, PROCESS_EXEC_WRITABLE,
		       1); /* the script's interpreter is not in /tmp */
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_MEMFD], 1);
}

static void provoke_memory(void)
{
	for (int i = 0; i < TIMES; i++) {
		void *both = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		void *later = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		(void)mprotect(later, 4096, PROT_READ | PROT_EXEC);
		(void)munmap(both, 4096);
		(void)munmap(later, 4096);
	}
}

static void test_executable_memory(void)
{
	struct seen seen = provoked(provoke_memory);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_MEMORY_WRITE_EXEC], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_MEMORY_MAP_EXEC], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_MEMORY_PROTECT_EXEC], TIMES);
	CHECK_AT_LEAST(seen, SYSCALL_MMAP, 2 * TIMES);
}

static void provoke_opens(void)
{
	char dir[] = "/tmp/tacit-test-XXXXXX", path[64];

	if (!mkdtemp(dir))
		_exit(9);
	for (int i = 0; i < TIMES; i++) {
		(void)snprintf(path, sizeof(path), "%s/%d", dir, i);
		(void)mkdir(path, 0755);
		(void)strcat(path, "/f");
		(void)close(open(path, O_WRONLY | O_CREAT, 0600));
		(void)close(open(path, O_RDONLY));
		(void)open("/nowhere/at/all", O_RDONLY);
		(void)unlink(path);
		*strrchr(path, '/') = '\0';
		(void)rmdir(path);
	}
	(void)rmdir(dir);
}

static void test_opens(void)
{
	struct seen seen = provoked(provoke_opens);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_FILE_OPEN_CREATE], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_FILE_OPEN_WRITE], TIMES);
	CU_ASSERT(seen.count[TACIT_FEATURE_FILE_FOLDERS] >= TIMES / 2); /* an estimate ... */
	CU_ASSERT(seen.count[TACIT_FEATURE_FILE_FOLDERS] <= 2 * TIMES); /* ... but not of opens */
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_ERROR_MISSING], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_MKDIR], TIMES + 1);
}

/* A scan: many ports of one address, then one port of many. */
static void provoke_scan(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	for (int i = 0; i < 2 * PEERS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		to.sin_port = htons((uint16_t)(i < PEERS ? 20000 + i : 1));
		to.sin_addr.s_addr =
			htonl(i < PEERS ? INADDR_LOOPBACK : 0x7f000100U + (uint32_t)(i - PEERS));
		(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
		(void)close(fd);
	}
}

static void test_distinct_peers_and_ports(void)
{
	struct seen seen = provoked(provoke_scan);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_TCP_CONNECT], 2 * PEERS);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_TCP_CONNECT_PUBLIC], 0);
	CU_ASSERT(seen.count[TACIT_FEATURE_TCP_PORTS] >= PEERS * 3 / 4);
	CU_ASSERT(seen.count[TACIT_FEATURE_TCP_PORTS] <= PEERS * 5 / 4);
	CU_ASSERT(seen.count[TACIT_FEATURE_TCP_PEERS] >= PEERS * 3 / 4);
	CU_ASSERT(seen.count[TACIT_FEATURE_TCP_PEERS] <= PEERS * 5 / 4);
	CHECK_AT_LEAST(seen, ERROR_NETWORK, 2 * PEERS);
}

/* Sketches begin anew with every window. */
static void test_sketches_end_with_the_window(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen once = { .scope = "tacittest.service" }, again = once;

	make_cgroup("tacittest.service");
	run_in("tacittest.service", provoke_scan);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &once) >= 1);
	run_in("tacittest.service", provoke_scan);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &again) >= 1);
	CU_ASSERT(again.count[TACIT_FEATURE_TCP_PORTS] >= PEERS * 3 / 4);
	CU_ASSERT_EQUAL(again.count[TACIT_FEATURE_TCP_PORTS], once.count[TACIT_FEATURE_TCP_PORTS]);
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
}

static void provoke_privileges(void)
{
	pid_t pid = fork();

	if (pid == 0) { /* root uses CAP_SETUID, nobody is refused it */
		if (setresuid(65534, 65534, 65534) != 0)
			_exit(9);
		for (int i = 0; i < TIMES; i++)
			if (setuid(0) == 0)
				_exit(9);
		_exit(0);
	}
	reap(pid);
	pid = fork();
	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		_exit(0);
	}
	reap(pid);
	(void)syscall(SYS_unshare, 0x40000000 /* CLONE_NEWNET */);
	(void)syscall(SYS_mount, "x", "/nowhere", "x", 0, NULL);
	(void)syscall(SYS_bpf, -1, NULL, 0);
	(void)syscall(SYS_init_module, NULL, 0, "");
	(void)syscall(SYS_keyctl, -1);
}

static void test_privileges(void)
{
	struct seen seen = provoked(provoke_privileges);

	CHECK_AT_LEAST(seen, SYSCALL_SETID, TIMES + 1);
	CHECK_AT_LEAST(seen, ERROR_PERMISSION, TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_PTRACE], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_NAMESPACE], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_MOUNT], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_BPF], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_MODULE], 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_KEY], 1);
	if (!seen.observed[TACIT_PROBE_CAPABLE])
		return; /* before Linux 6.14 */
	CHECK_AT_LEAST(seen, PRIVILEGE_DENIED, TIMES);
	CHECK_AT_LEAST(seen, PRIVILEGE_SETID, 1);
	CHECK_AT_LEAST(seen, PRIVILEGE_ADMIN, 1); /* the namespace */
}

static void provoke_sequences(void)
{
	int null = open("/dev/null", O_WRONLY);
	char byte = 0;

	for (int i = 0; i < 1000; i++) {
		(void)!write(null, &byte, 1);
		(void)syscall(SYS_getppid);
	}
}

/* Most follow each other undisturbed; what a switch of tasks cuts is not made up. */
static void test_sequences(void)
{
	struct seen seen = provoked(provoke_sequences);

	CHECK_AT_LEAST(seen, SEQUENCE_DATA_PROCESS, 900);
	CHECK_AT_LEAST(seen, SEQUENCE_PROCESS_DATA, 900);
	CU_ASSERT(seen.count[TACIT_FEATURE_SEQUENCE_DATA_PROCESS] <= 1010);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SEQUENCE_NETWORK_WAIT], 0);
}

static void provoke_gauges(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	(void)waitpid(pid, NULL, WUNTRACED);
	(void)raise(SIGSTOP); /* until the drain has seen us */
	(void)kill(pid, SIGKILL);
	reap(pid);
}

static void test_rights_of_what_runs(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen seen = { .scope = "tacittest.service" };
	pid_t pid;

	make_cgroup("tacittest.service");
	pid = fork();
	if (pid == 0) {
		enter_cgroup("tacittest.service");
		provoke_gauges();
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, NULL, WUNTRACED), pid);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SCHED_PROCESSES], 2);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PRIVILEGE_ROOT_TASKS], 2);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PRIVILEGE_CAPABLE_TASKS], 0);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PRIVILEGE_TRACED_TASKS], 1);
	(void)kill(pid, SIGCONT);
	reap(pid);
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
}

static void provoke_namespaces(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = (pid_t)syscall(SYS_clone, 0x20000000 /* CLONE_NEWPID */ | SIGCHLD, 0, 0,
					   0, 0);

		if (pid == 0)
			_exit(0);
		reap(pid);
	}
}

static void test_namespaces_and_cgroups(void)
{
	struct seen seen = provoked(provoke_namespaces);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK_NAMESPACE], 3);
	CHECK_AT_LEAST(seen, PROCESS_FORK, 3);
}

static void test_containers_are_seen_beginning(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen seen = { .scope = TACIT_SCOPE_HOST };

	for (int i = 0; i < 5; i++) {
		make_cgroup("tacittest.service");
		run_in("tacittest.service", provoke_sequences);
		remove_cgroup("tacittest.service");
	}
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CHECK_AT_LEAST(seen, CONTAINER_MAKE, 5);
	CHECK_AT_LEAST(seen, CONTAINER_MOVE, 5);
	tacit_sensor_close(sensor);
}

static void provoke_datagrams(void)
{
	struct sockaddr_in dns = { .sin_family = AF_INET,
				   .sin_port = htons(53),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int asking = socket(AF_INET, SOCK_DGRAM, 0), telling = socket(AF_INET, SOCK_DGRAM, 0);
	char block[1000] = { 0 };

	(void)connect(asking, (struct sockaddr *)&dns, sizeof(dns));
	dns.sin_port = htons(9);
	for (int i = 0; i < TIMES; i++) {
		(void)!send(asking, block, 40, 0);
		(void)!recv(asking, block, sizeof(block), MSG_DONTWAIT); /* the refusal */
		(void)!sendto(telling, block, sizeof(block), 0, (struct sockaddr *)&dns,
			      sizeof(dns));
	}
}

static void test_datagrams(void)
{
	struct seen seen = provoked(provoke_datagrams);

	if (!seen.observed[TACIT_PROBE_SOCK_SEND])
		return;				       /* before Linux 6.3 */
	CHECK_AT_LEAST(seen, UDP_SEND_DNS, TIMES / 2); /* a pending refusal takes a send's place */
	CHECK_AT_LEAST(seen, UDP_SEND, TIMES + TIMES / 2);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_UDP_SEND_SMALL],
			seen.count[TACIT_FEATURE_UDP_SEND_DNS]);
	CHECK_AT_LEAST(seen, NET_RECV_FAILED, 1);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "odd programs", test_odd_programs },
		{ "executable memory", test_executable_memory },
		{ "opens", test_opens },
		{ "distinct peers and ports", test_distinct_peers_and_ports },
		{ "sketches end with the window", test_sketches_end_with_the_window },
		{ "privileges", test_privileges },
		{ "sequences", test_sequences },
		{ "rights of what runs", test_rights_of_what_runs },
		{ "namespaces", test_namespaces_and_cgroups },
		{ "containers are seen beginning", test_containers_are_seen_beginning },
		{ "datagrams", test_datagrams },
		{ NULL, NULL },
	};

	return sense_main("sensor_features", cases);
}
