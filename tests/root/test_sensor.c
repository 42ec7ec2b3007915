/* SPDX-License-Identifier: MIT */
/* The sensor on the live kernel: what is provoked is counted, where it happened, and once. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "agent/confine.h"
#include "agent/harden.h"
#include "sense.h"

static void provoke_processes(void)
{
	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)execl("/bin/false", "false", (char *)NULL);
			_exit(9);
		}
		reap(pid);
	}
	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				(void)pause();
		(void)kill(pid, SIGKILL);
		reap(pid);
	}
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void provoke_network(void)
{
	struct sockaddr_in closed = loopback(1), open = loopback(0);
	socklen_t len = sizeof(open);
	int listener = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	char byte[100] = { 0 };

	if (bind(listener, (struct sockaddr *)&open, len) != 0 || listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&open, &len) != 0)
		_exit(9);
	for (int i = 0; i < TIMES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

		(void)connect(fd, (struct sockaddr *)&closed, sizeof(closed));
		(void)close(fd);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&open, len) != 0)
			_exit(9);
		peer = accept(listener, NULL, NULL);
		(void)!write(fd, byte, sizeof(byte));
		(void)!read(peer, byte, sizeof(byte));
		(void)close(fd);
		(void)close(peer);
		(void)sendto(udp, byte, sizeof(byte), 0, (struct sockaddr *)&closed,
			     sizeof(closed));
	}
}

static void provoke_files(void)
{
	char a[] = "/tmp/tacit-test-XXXXXX", b[64], block[4096] = { 0 };
	int fd = mkstemp(a);

	(void)snprintf(b, sizeof(b), "%s.b", a);
	for (int i = 0; i < TIMES; i++) {
		(void)!write(fd, block, sizeof(block));
		(void)!pread(fd, block, sizeof(block), 0);
		(void)rename(a, b);
		(void)rename(b, a);
	}
	(void)close(fd);
	(void)unlink(a);
}

static void provoke_faults(void)
{
	size_t page = 4096, n = 2000;
	char *memory = (char *)mmap(NULL, page * n, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(9);
	(void)madvise(memory, page * n, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < n; i++)
		memory[i * page] = 1;
}

/* Each of these ends long before the next pass over the tasks. */
static void provoke_short_writers(void)
{
	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

			for (int k = 0; k < TIMES; k++)
				if (write(fd, "0123456789", 10) != 10)
					_exit(9);
			_exit(0);
		}
		reap(pid);
	}
}

static void *do_nothing(void *arg)
{
	return arg;
}

static void provoke_threads(void)
{
	for (int i = 0; i < TIMES; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
			_exit(9);
		(void)pthread_join(thread, NULL);
	}
}

static void test_processes_and_signals(void)
{
	struct seen seen = provoked(provoke_processes);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK], 2 * TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXEC], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXIT], 2 * TIMES + 1); /* and run_in()'s */
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXIT_FAILED], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXIT_SIGNAL], TIMES);
	CHECK_AT_LEAST(seen, SIGNAL_KILL, TIMES);
	CHECK_AT_LEAST(seen, PROCESS_EXIT_SHORT, TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_FORK], 2 * TIMES); /* in the parent */
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_EXEC], TIMES);
	CHECK_AT_LEAST(seen, SCHED_CPU_SYSTEM, 1);
}

static void test_network(void)
{
	struct seen seen = provoked(provoke_network);

	CHECK_AT_LEAST(seen, TCP_CONNECT, 2 * TIMES);
	CHECK_AT_LEAST(seen, TCP_CONNECT_FAILED, TIMES);
	CHECK_AT_LEAST(seen, TCP_CONNECTED, TIMES);
	CHECK_AT_LEAST(seen, TCP_ACCEPT, TIMES);
	CHECK_AT_LEAST(seen, TCP_LISTEN, 1);
	CHECK_AT_LEAST(seen, TCP_CLOSE, TIMES);
	CHECK_AT_LEAST(seen, NET_SEND_BYTES, TIMES * 100);
	CHECK_AT_LEAST(seen, UDP_SEND, TIMES);
	CHECK_AT_LEAST(seen, NET_TX_PACKETS, TIMES);
}

static void test_files(void)
{
	struct seen seen = provoked(provoke_files);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_RENAME], 2 * TIMES);
	CHECK_AT_LEAST(seen, FILE_WRITE_BYTES, TIMES * 4096);
	CHECK_AT_LEAST(seen, FILE_READ_CALLS, TIMES);
}

static void test_faults(void)
{
	struct seen seen = provoked(provoke_faults);

	CHECK_AT_LEAST(seen, MEMORY_FAULT_MINOR, 2000);
}

/* Threads share a process: they are created one by one, and it ends once. */
static void test_threads(void)
{
	struct seen seen = provoked(provoke_threads);

	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_THREAD], TIMES);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK], 0);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_EXIT], 1);
}

static void test_ended_tasks_are_banked(void)
{
	struct seen seen = provoked(provoke_short_writers);

	/* One more is run_in()'s: its write to cgroup.procs. */
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_FILE_WRITE_CALLS], TIMES * TIMES + 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_FILE_WRITE_BYTES], TIMES * TIMES * 10 + 1);
}

/* A task that sleeps through two windows is there in both, with its memory. */
static void test_gauges(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen first = { .scope = "tacittest.service" }, second = first;
	pid_t pid;

	make_cgroup("tacittest.service");
	pid = fork();
	if (pid == 0) {
		enter_cgroup("tacittest.service");
		provoke_faults();
		(void)raise(SIGSTOP);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, NULL, WUNTRACED), pid);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &first) >= 1);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &second) >= 1);
	CU_ASSERT_EQUAL(first.count[TACIT_FEATURE_SCHED_TASKS], 1);
	CU_ASSERT_EQUAL(second.count[TACIT_FEATURE_SCHED_TASKS], 1);
	CHECK_AT_LEAST(first, MEMORY_RESIDENT, 1000);
	CHECK_AT_LEAST(second, MEMORY_RESIDENT, 1000);
	CU_ASSERT_EQUAL(second.count[TACIT_FEATURE_MEMORY_FAULT_MINOR], 0);
	(void)kill(pid, SIGKILL);
	reap(pid);
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
}

static void test_each_event_once(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen seen = { .scope = "tacittest.service" };

	make_cgroup("tacittest.service");
	run_in("tacittest.service", provoke_files);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	run_in("tacittest.service", provoke_files);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_RENAME], 4 * TIMES);
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
}

static void test_ended_services_are_banked(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen seen = { .scope = "tacittest.service" };
	struct tacit_sensor_status before, after;

	make_cgroup("tacittest.service");
	run_in("tacittest.service", provoke_files);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	tacit_sensor_status(sensor, &before);
	run_in("tacittest.service", provoke_files);
	remove_cgroup("tacittest.service");
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1); /* its last */
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	tacit_sensor_status(sensor, &after);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_SYSCALL_RENAME], 4 * TIMES);
	CU_ASSERT(after.slots_used < before.slots_used);
	tacit_sensor_close(sensor);
}

static void test_more_services_than_slots(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .services_max = 1 };
	struct tacit_sensor *sensor = open_with(&params);
	struct seen seen = { .scope = TACIT_SCOPE_HOST };
	struct tacit_sensor_status status;
	static const char *const names[] = { "tacittest1.service", "tacittest2.service",
					     "tacittest3.service" };

	for (unsigned i = 0; i < 3; i++) {
		make_cgroup(names[i]);
		run_in(names[i], provoke_files);
	}
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) <= 2);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(status.dropped[TACIT_DROP_SLOT] > 0);
	CU_ASSERT(seen.count[TACIT_FEATURE_SYSCALL_RENAME] >= 6 * TIMES); /* the host lost none */
	tacit_sensor_close(sensor);
	for (unsigned i = 0; i < 3; i++)
		remove_cgroup(names[i]);
}

static void test_refused_program_is_missing(void)
{
	const char *attach[TACIT_PROBE_COUNT] = { [TACIT_PROBE_OOM] = "tp_btf/no_such_tracepoint" };
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .attach = attach };
	struct tacit_sensor *sensor = open_with(&params);
	struct seen seen = { .scope = TACIT_SCOPE_HOST };
	struct tacit_sensor_status status;

	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(!status.probe[TACIT_PROBE_OOM].observed);
	CU_ASSERT(status.probe[TACIT_PROBE_OOM].error < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(status.probe[TACIT_PROBE_OOM].why, "no_such_tracepoint"));
	CU_ASSERT(status.probe[TACIT_PROBE_RECLAIM].observed); /* its neighbour is not harmed */
	CU_ASSERT_EQUAL(seen.observed[TACIT_PROBE_OOM], 0);
	CU_ASSERT_EQUAL(seen.observed[TACIT_PROBE_RECLAIM], 1);
	CU_ASSERT(status.features_observed < status.features_total);
	tacit_sensor_close(sensor);
}

static bool starts_at_least(struct tacit_sensor *sensor, const char *name, uint64_t n, bool is_new)
{
	struct tacit_process process[8];
	int all = tacit_sensor_processes(sensor, "tacittest.service", 1, process, 8);

	CU_ASSERT(all >= 0);
	for (int i = 0; i < all; i++)
		if (strcmp(process[i].name, name) == 0)
			return process[i].execs >= n && process[i].is_new == is_new;
	return n == 0;
}

static void test_programs_started(void)
{
	struct tacit_sensor *sensor = open_deep();
	struct seen seen = { .scope = "tacittest.service" };

	make_cgroup("tacittest.service");
	run_in("tacittest.service", provoke_processes);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT(starts_at_least(sensor, "false", TIMES, true));
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT(starts_at_least(sensor, "false", 0, false)); /* not any more */
	run_in("tacittest.service", provoke_processes);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT(starts_at_least(sensor, "false", TIMES, false));
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
}

static void test_light_tier_hooks_no_call(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_LIGHT };
	struct tacit_sensor *sensor = open_with(&params);
	struct tacit_sensor_status status;

	tacit_sensor_status(sensor, &status);
	CU_ASSERT_EQUAL(status.tier, TACIT_TIER_LIGHT);
	CU_ASSERT(!status.probe[TACIT_PROBE_SYSCALL].observed);
	CU_ASSERT(status.probe[TACIT_PROBE_FORK].observed);
	tacit_sensor_close(sensor);
}

static int try_sensor(void *ctx)
{
	return tacit_sensor_try((struct tacit_sensor *)ctx);
}

/* In a process of its own, for capabilities do not come back. */
static void test_drains_without_privileges(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct tacit_sensor *sensor = open_deep();
		struct seen seen = { .scope = TACIT_SCOPE_HOST };
		struct tacit_process process;
		char why[128];
		int kept = tacit_harden_drop("nobody", try_sensor, sensor);

		if (kept < 0 || tacit_harden_verify(kept, why, sizeof(why)) < 0 ||
		    tacit_confine_calls() < 0)
			_exit(2);
		provoke_files();
		if (tacit_sensor_drain(sensor, on_window, &seen) < 1)
			_exit(3);
		if (tacit_sensor_processes(sensor, TACIT_SCOPE_HOST, 1, &process, 1) < 0)
			_exit(5);
		if (seen.count[TACIT_FEATURE_SYSCALL_RENAME] < 2 * TIMES ||
		    seen.count[TACIT_FEATURE_SCHED_TASKS] == 0)
			_exit(4);
		tacit_sensor_close(sensor);
		_exit(0);
	}
	CU_ASSERT(waitpid(pid, &status, 0) == pid);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

static void test_says_what_is_missing(void)
{
	const struct tacit_sensor_params no_btf = { .btf = "/nowhere" };
	char why[TACIT_SENSOR_WHY_LEN];

	CU_ASSERT_EQUAL(tacit_sensor_check(&no_btf, why, sizeof(why)), -EOPNOTSUPP);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "CONFIG_DEBUG_INFO_BTF"));
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "processes and signals", test_processes_and_signals },
		{ "network", test_network },
		{ "files and renames", test_files },
		{ "page faults", test_faults },
		{ "threads", test_threads },
		{ "ended tasks are banked", test_ended_tasks_are_banked },
		{ "gauges", test_gauges },
		{ "each event is counted once", test_each_event_once },
		{ "ended services are banked", test_ended_services_are_banked },
		{ "more services than slots", test_more_services_than_slots },
		{ "a refused program is missing", test_refused_program_is_missing },
		{ "programs started are known by name", test_programs_started },
		{ "the light tier hooks no call", test_light_tier_hooks_no_call },
		{ "drains without privileges", test_drains_without_privileges },
		{ "says what is missing", test_says_what_is_missing },
		{ NULL, NULL },
	};

	return sense_main("sensor", cases);
}
