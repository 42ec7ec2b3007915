/* SPDX-License-Identifier: MIT */
/*
 * The only program of a virtual machine: /init of its initial RAM disk. It opens the real sensor on
 * the kernel that was booted, provokes something for most probes, drains once, writes what came of
 * it to the second serial port as lines that can be compared, and ends the machine.
 *
 * The word without=NAME on the kernel's command line leaves a file system of the table below
 * unmounted; the kernel hands such words on as environment.
 */
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "agent/probe_table.h"
#include "agent/sensor.h"
#include "tests/kernels/provoke.h"

#define REPORT_PORT "/dev/ttyS1"

/* Their events come when the kernel finds it fit: whether they counted says nothing. */
static bool is_by_chance(unsigned probe)
{
	return probe == TACIT_PROBE_RECLAIM;
}

/* The sensor keeps libbpf quiet. Here what the verifier says of a refusal is worth having: it stays
 * on the console. */
libbpf_print_fn_t __wrap_libbpf_set_print(libbpf_print_fn_t print);
libbpf_print_fn_t __wrap_libbpf_set_print(libbpf_print_fn_t print)
{
	return print;
}

static void mount_all(void)
{
	static const struct {
		const char *type, *at;
	} table[] = {
		{ "devtmpfs", "/dev" },	  { "proc", "/proc" },
		{ "sysfs", "/sys" },	  { "cgroup2", "/sys/fs/cgroup" },
		{ "bpf", "/sys/fs/bpf" }, { "tracefs", "/sys/kernel/tracing" },
	};
	const char *without = getenv("without");

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++) {
		if (without && strcmp(without, table[i].type) == 0)
			continue;
		(void)mkdir(table[i].at, 0755);
		if (mount(table[i].type, table[i].at, table[i].type, 0, NULL) != 0)
			perror(table[i].at);
	}
}

/* Bytes as they are: no carriage returns. */
static FILE *open_report(void)
{
	int fd = open(REPORT_PORT, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios mode;

	if (fd < 0 || tcgetattr(fd, &mode) != 0)
		return NULL;
	cfmakeraw(&mode);
	return tcsetattr(fd, TCSANOW, &mode) == 0 ? fdopen(fd, "w") : NULL;
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags |= IFF_UP;
		(void)ioctl(fd, SIOCSIFFLAGS, &request);
	}
	(void)close(fd);
}

struct seen {
	bool counted[TACIT_PROBE_COUNT];
	bool service;
};

static void on_window(void *ctx, const struct tacit_window *window)
{
	struct seen *seen = (struct seen *)ctx;

	if (strcmp(window->scope, PROVOKE_SERVICE) == 0)
		seen->service = true;
	if (strcmp(window->scope, TACIT_SCOPE_HOST) != 0)
		return;
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (window->count[i] > 0)
			seen->counted[tacit_feature_get(i)->probe] = true;
}

static void put_seen(FILE *report, const struct seen *seen, bool pinned)
{
	(void)fprintf(report, "\ncounted\n");
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		if (seen->counted[i] && !is_by_chance(i))
			(void)fprintf(report, "  %s\n", tacit_probe_get(i)->program);
	if (seen->service)
		(void)fprintf(report, "  a window of %s\n", PROVOKE_SERVICE);
	if (pinned)
		(void)fputs("  counters that outlive the sensor\n", report);
}

static void sense(FILE *report)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP,
						    .pin_dir = "/sys/fs/bpf/tacit" };
	TACIT_CLEANUP(tacit_sensor_close_p) struct tacit_sensor *sensor = NULL;
	struct tacit_sensor_status status;
	struct seen seen = { 0 };
	char why[TACIT_SENSOR_WHY_LEN] = "";
	int r = tacit_sensor_open(&params, &sensor, why, sizeof(why));

	if (r < 0) {
		(void)fprintf(report, "refused: %s\n", why[0] ? why : tacit_strerror(r));
		return;
	}
	tacit_sensor_status(sensor, &status);
	tacit_probe_table_put(report, &status);
	provoke();
	r = tacit_sensor_drain(sensor, on_window, &seen);
	if (r < 0)
		(void)fprintf(report, "\nnot drained: %s\n", tacit_strerror(r));
	else
		put_seen(report, &seen, status.pinned);
}

int main(int argc, char **argv)
{
	FILE *report;

	if (argc > 1 && strcmp(argv[1], PROVOKE_NOTHING) == 0)
		return 0; /* the program that provoke() executes */
	mount_all();
	raise_loopback();
	report = open_report();
	if (report) {
		sense(report);
		(void)fprintf(report, "\nend\n");
		(void)fflush(report);
		(void)tcdrain(fileno(report));
	}
	(void)reboot(RB_AUTOBOOT); /* for qemu -no-reboot the end */
	return 1;
}
