/* SPDX-License-Identifier: MIT */
/* What may go wrong around a sensor, and what outlives it. */
#include <linux/magic.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include "agent/harden.h"
#include "sense.h"

#define STORM  2000
#define CALLS  200000
#define WINDOW 200 /* ms */

static char pin_dir[64];

/* A BPF file system of the test's own would hide the host's; so one is mounted only where none is.
 */
static bool have_bpf_fs(void)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return true;
	return mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) == 0;
}

static bool begin_pins(void)
{
	(void)snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/tacit-test-%d", (int)getpid());
	if (have_bpf_fs())
		return true;
	printf("# no BPF file system can be mounted here: not tested\n");
	return false;
}

static struct tacit_sensor *open_pinned(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .pin_dir = pin_dir };

	return open_with(&params);
}

static void provoke_forks(void)
{
	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		reap(pid);
	}
}

/* A sensor ends, its light tier counts on, the next takes over what was counted; and goes for good.
 */
static void test_counters_outlive_the_sensor(void)
{
	struct seen seen = { .scope = "tacittest.service" };
	struct tacit_sensor_status status;
	struct tacit_sensor *sensor;
	struct stat st;

	if (!begin_pins())
		return;
	make_cgroup("tacittest.service");
	sensor = open_pinned();
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(status.pinned && !status.adopted);
	CU_ASSERT_EQUAL(tacit_sensor_forget(pin_dir), -EBUSY);
	run_in("tacittest.service", provoke_forks); /* not drained */
	tacit_sensor_close(sensor);
	run_in("tacittest.service", provoke_forks); /* nobody there */

	sensor = open_pinned();
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(status.pinned && status.adopted);
	CU_ASSERT(status.features_observed + 20 > status.features_total);
	run_in("tacittest.service", provoke_forks);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK], 3 * TIMES);
	CU_ASSERT_EQUAL(seen.observed[TACIT_PROBE_SYSCALL], 0); /* the hook was not there */
	run_in("tacittest.service", provoke_forks);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK], 4 * TIMES);
	CU_ASSERT_EQUAL(seen.observed[TACIT_PROBE_SYSCALL], 1);
	tacit_sensor_close(sensor);

	CU_ASSERT(tacit_sensor_forget(pin_dir) > TACIT_PROBE_COUNT);
	CU_ASSERT(stat(pin_dir, &st) != 0);
	CU_ASSERT_EQUAL(tacit_sensor_forget(pin_dir), 0);
	remove_cgroup("tacittest.service");
}

static void test_a_second_sensor_is_refused(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_LIGHT, .pin_dir = pin_dir };
	struct tacit_sensor *first, *second = NULL;
	char why[TACIT_SENSOR_WHY_LEN] = "";

	if (!begin_pins())
		return;
	first = open_pinned();
	CU_ASSERT_EQUAL(tacit_sensor_open(&params, &second, why, sizeof(why)), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "another tacitd"));
	tacit_sensor_close(first);
	CU_ASSERT(tacit_sensor_forget(pin_dir) > 0);
}

/* Counters of another size are not taken over, but removed. */
static void test_another_size_begins_anew(void)
{
	const struct tacit_sensor_params small = { .tier = TACIT_TIER_LIGHT,
						   .pin_dir = pin_dir,
						   .services_max = 7 };
	struct tacit_sensor_status status;
	struct tacit_sensor *sensor;

	if (!begin_pins())
		return;
	tacit_sensor_close(open_pinned());
	sensor = open_with(&small);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(!status.adopted && status.pinned);
	CU_ASSERT_EQUAL(status.slots_max, 7);
	tacit_sensor_close(sensor);
	CU_ASSERT(tacit_sensor_forget(pin_dir) > 0);
}

/* Programs that cannot tell services apart do not serve a host whose services can be. */
static void test_another_hierarchy_begins_anew(void)
{
	const struct tacit_sensor_params none = { .tier = TACIT_TIER_LIGHT,
						  .pin_dir = pin_dir,
						  .mounts = "/dev/null" };
	struct seen seen = { .scope = "tacittest.service" };
	struct tacit_sensor_status status;
	struct tacit_sensor *sensor;

	if (!begin_pins())
		return;
	tacit_sensor_close(open_with(&none));
	sensor = open_pinned();
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(!status.adopted && status.pinned);
	make_cgroup("tacittest.service");
	run_in("tacittest.service", provoke_forks);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK], TIMES);
	tacit_sensor_close(sensor);
	CU_ASSERT(tacit_sensor_forget(pin_dir) > 0);
	remove_cgroup("tacittest.service");
}

static void test_no_place_to_pin(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_LIGHT,
						    .pin_dir = "/tmp/tacit-no-bpf-fs" };
	struct tacit_sensor *sensor = open_with(&params);
	struct tacit_sensor_status status;

	tacit_sensor_status(sensor, &status);
	CU_ASSERT(!status.pinned);
	CU_ASSERT_PTR_NOT_NULL(strstr(status.pin_why, "no BPF file system"));
	CU_ASSERT(status.probe[TACIT_PROBE_FORK].observed);
	tacit_sensor_close(sensor);
	(void)rmdir("/tmp/tacit-no-bpf-fs");
}

/* Who may write into the folder could put counters of his own there. */
static void test_a_folder_of_others_is_not_used(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_LIGHT, .pin_dir = pin_dir };
	struct tacit_sensor_status status;
	struct tacit_sensor *sensor;

	if (!begin_pins())
		return;
	CU_ASSERT_EQUAL(mkdir(pin_dir, 0777), 0);
	CU_ASSERT_EQUAL(chmod(pin_dir, 0777), 0);
	sensor = open_with(&params);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(!status.pinned);
	CU_ASSERT(status.pin_why[0] != '\0');
	tacit_sensor_close(sensor);
	CU_ASSERT_EQUAL(rmdir(pin_dir), 0);
}

/* The kernel refuses one program when it is checked: by halves it is found, the rest is attached.
 */
static void test_a_program_that_does_not_verify(void)
{
	const char *attach[TACIT_PROBE_COUNT] = {
		[TACIT_PROBE_TCP_DESTROY] = "tp_btf/sched_process_exit", /* a task is no socket */
	};
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .attach = attach };
	struct tacit_sensor *sensor = open_with(&params);
	struct seen seen = { .scope = TACIT_SCOPE_HOST };
	struct tacit_sensor_status status;

	tacit_sensor_status(sensor, &status);
	CU_ASSERT(!status.probe[TACIT_PROBE_TCP_DESTROY].observed);
	CU_ASSERT(status.probe[TACIT_PROBE_TCP_DESTROY].why[0] != '\0');
	CU_ASSERT(status.probe[TACIT_PROBE_TCP_STATE].observed);
	CU_ASSERT(status.probe[TACIT_PROBE_SYSCALL].observed);
	CU_ASSERT(status.probe[TACIT_PROBE_TASKS].observed);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.observed[TACIT_PROBE_TCP_DESTROY], 0);
	CHECK_AT_LEAST(seen, SCHED_TASKS, 1);
	tacit_sensor_close(sensor);
}

/* One that nobody else on this machine makes meanwhile. */
static void one_call(void)
{
	(void)syscall(SYS_keyctl, -1);
}

/* Cgroups that live for a moment, far more of them than slots: the host counts every event once. */
static void test_a_storm_of_services(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .services_max = 64 };
	struct tacit_sensor *sensor = open_with(&params);
	struct seen seen = { .scope = TACIT_SCOPE_HOST };
	struct tacit_sensor_status status;
	char name[64];

	for (int i = 0; i < STORM; i++) {
		(void)snprintf(name, sizeof(name), "tacittest%d.service", i);
		make_cgroup(name);
		run_in(name, one_call);
		remove_cgroup(name);
		if (i % 100 == 0)
			CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	}
	for (int i = 0; i < 3; i++)
		CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT(seen.count[TACIT_FEATURE_SYSCALL_KEY] >= STORM);
	CU_ASSERT(seen.count[TACIT_FEATURE_SYSCALL_KEY] < STORM + STORM / 10);
	CHECK_AT_LEAST(seen, CONTAINER_MAKE, STORM);
	CU_ASSERT(status.dropped[TACIT_DROP_SLOT] > 0);
	CU_ASSERT(status.slots_used < 60 || status.services > 40); /* they come back */
	tacit_sensor_close(sensor);
}

static void only_mount(char path[64], const char *line)
{
	int fd;

	(void)strcpy(path, "/tmp/tacit-test-XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	(void)close(fd);
}

static void test_no_cgroups_at_all(void)
{
	char mounts[64];
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .mounts = mounts };
	struct seen seen = { .scope = TACIT_SCOPE_HOST };
	struct tacit_sensor_status status;
	struct tacit_sensor *sensor;

	only_mount(mounts, "proc /proc proc rw 0 0\n");
	sensor = open_with(&params);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT_EQUAL(status.hierarchy, TACIT_HIERARCHY_NONE);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.of_scope, 1);
	CHECK_AT_LEAST(seen, SCHED_TASKS, 1);
	tacit_sensor_close(sensor);
	(void)unlink(mounts);
}

/* Where only cgroup v1 is, controller pids tells services apart. */
static void test_legacy_hierarchy(void)
{
	char mounts[64], unified[TACIT_SCOPE_PATH_MAX], line[TACIT_SCOPE_PATH_MAX + 64];
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP, .mounts = mounts };
	struct seen seen = { .scope = "tacittest.service" };
	struct tacit_sensor_status status;
	struct tacit_sensor *sensor;

	(void)strcpy(unified, root);
	if (tacit_scope_find_legacy_root("/proc/self/mounts", root) < 0) {
		printf("# no cgroup v1 hierarchy with controller pids here: not tested\n");
		(void)strcpy(root, unified);
		return;
	}
	(void)snprintf(line, sizeof(line), "cgroup %s cgroup rw,pids 0 0\n", root);
	only_mount(mounts, line);
	sensor = open_with(&params);
	tacit_sensor_status(sensor, &status);
	CU_ASSERT_EQUAL(status.hierarchy, TACIT_HIERARCHY_LEGACY);
	make_cgroup("tacittest.service");
	run_in("tacittest.service", provoke_forks);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, &seen) >= 1);
	CU_ASSERT_EQUAL(seen.of_scope, 1);
	CU_ASSERT_EQUAL(seen.count[TACIT_FEATURE_PROCESS_FORK], TIMES);
	CHECK_AT_LEAST(seen, SYSCALL_FORK, TIMES);
	tacit_sensor_close(sensor);
	remove_cgroup("tacittest.service");
	(void)strcpy(root, unified);
	(void)unlink(mounts);
}

static void many_calls(void)
{
	for (int i = 0; i < CALLS; i++)
		(void)syscall(SYS_getppid);
}

/* Waits for a window's end as the daemon does: the hook is turned when it is due or wants it. */
static void wait_window(struct tacit_sensor *sensor)
{
	struct timespec slice = { .tv_nsec = 1000000 };

	for (int i = 0; i < WINDOW; i++) {
		(void)tacit_sensor_turn(sensor);
		(void)nanosleep(&slice, NULL);
	}
}

static unsigned duty_after(struct tacit_sensor *sensor, struct seen *seen)
{
	struct tacit_sensor_status status;

	wait_window(sensor);
	CU_ASSERT(tacit_sensor_drain(sensor, on_window, seen) >= 1);
	tacit_sensor_status(sensor, &status);
	return status.duty_permille;
}

/* Without privileges, as the daemon: under a load that would cost several times the budget the hook
 * is there for a small part of the time, and when the load ends it is there all of it. */
static int govern(void)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP,
						    .overhead_budget_pct = 2,
						    .window_ms = WINDOW };
	struct seen seen = { .scope = TACIT_SCOPE_HOST };
	unsigned under_load = 0, after = 0;
	struct tacit_sensor *sensor;
	pid_t pid = fork(); /* before it could have a copy of the hook's descriptor */

	if (pid == 0) { /* nobody too, or its parent could not end it later */
		if (setresuid(65534, 65534, 65534) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			_exit(9);
		for (;;)
			many_calls();
	}
	sensor = open_with(&params);
	if (tacit_harden_drop("nobody", NULL, NULL) < 0)
		return 2;
	if (tacit_sensor_wake_fd(sensor) < 0)
		return 3;
	for (int i = 0; i < 3; i++)
		(void)duty_after(sensor, &seen);
	for (int i = 0; i < 10; i++)
		under_load += duty_after(sensor, &seen);
	if (kill(pid, SIGKILL) != 0)
		return 6;
	reap(pid);
	for (int i = 0; i < 25 && after < 900; i++)
		after = duty_after(sensor, &seen);
	tacit_sensor_close(sensor);
	printf("# duty %.1f%% under load, %.1f%% after it\n", under_load / 100.0, after / 10.0);
	if (under_load > 7000)
		return 4;
	return after < 900 && after < under_load / 10 * 3 ? 5 : 0; /* others may be busy too */
}

static void test_the_governor(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(govern());
	CU_ASSERT(waitpid(pid, &status, 0) == pid);
	CU_ASSERT(WIFEXITED(status));
	if (status != 0)
		printf("# ended with %d\n", WEXITSTATUS(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "counters outlive the sensor", test_counters_outlive_the_sensor },
		{ "a second sensor is refused", test_a_second_sensor_is_refused },
		{ "another size begins anew", test_another_size_begins_anew },
		{ "another hierarchy begins anew", test_another_hierarchy_begins_anew },
		{ "no place to pin", test_no_place_to_pin },
		{ "a folder of others is not used", test_a_folder_of_others_is_not_used },
		{ "a program that does not verify", test_a_program_that_does_not_verify },
		{ "a storm of services", test_a_storm_of_services },
		{ "no cgroups at all", test_no_cgroups_at_all },
		{ "legacy hierarchy", test_legacy_hierarchy },
		{ "the governor", test_the_governor },
		{ NULL, NULL },
	};

	return sense_main("sensor_faults", cases);
}
