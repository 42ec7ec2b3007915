/* SPDX-License-Identifier: MIT */
/*
 * The sensor, as bench/sensor.sh wants it:
 *
 *	bench_sensor hold WHAT        senses with a tier (light, deep) until standard input ends;
 *says "ready" first. "empty" is a program that does nothing at all where the deep tier's is: the
 *least that any could cost. bench_sensor open             opens the deep tier again and again, and
 *prints a row bench_sensor drain NAME       drains again and again while others live, and prints
 *rows
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/sensor.h"
#include "timing.h"

#define OPENS	9
#define DRAINS	31
#define SKIPPED 77 /* bench/run: cannot run here */

/* Measured as if nothing ever limited it. */
static struct tacit_sensor *open_sensor(enum tacit_tier tier)
{
	struct tacit_sensor_params params = { .tier = tier };
	struct tacit_sensor *sensor = NULL;
	char why[TACIT_SENSOR_WHY_LEN];

	if (tacit_sensor_open(&params, &sensor, why, sizeof(why)) == 0)
		return sensor;
	(void)fprintf(stderr, "%s\n", why);
	exit(SKIPPED);
}

static void ignore_window(void *ctx, const struct tacit_window *window)
{
	(void)ctx;
	(void)window;
}

static void wait_for_end(void)
{
	puts("ready");
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
}

static int hold_tier(enum tacit_tier tier)
{
	TACIT_CLEANUP(tacit_sensor_close_p) struct tacit_sensor *sensor = open_sensor(tier);

	wait_for_end();
	return tacit_sensor_drain(sensor, ignore_window, NULL) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int hold_empty(void)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd, hook;

	options.attach_btf_id = (unsigned)libbpf_find_vmlinux_btf_id("sys_exit", BPF_TRACE_RAW_TP);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", program, TACIT_ARRAY_LEN(program),
			   &options);
	hook = bpf_raw_tracepoint_open(NULL, fd);
	if (hook < 0) {
		(void)fprintf(stderr, "the empty program: %s\n", strerror(errno));
		return SKIPPED;
	}
	wait_for_end();
	(void)close(hook);
	(void)close(fd);
	return EXIT_SUCCESS;
}

static double wall_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int measure_open(void)
{
	double ms[OPENS];

	for (int i = 0; i < OPENS; i++) {
		double started = wall_ms();
		struct tacit_sensor *sensor = open_sensor(TACIT_TIER_DEEP);

		ms[i] = wall_ms() - started;
		tacit_sensor_close(sensor);
	}
	printf("sensor.load_and_attach %.1f ms\n", timing_median(ms, OPENS));
	return EXIT_SUCCESS;
}

static long resident_kib(const char *key)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtol(line + strlen(key), NULL, 10);
	if (file)
		(void)fclose(file);
	return kib;
}

static int measure_drain(const char *name)
{
	TACIT_CLEANUP(tacit_sensor_close_p)
	struct tacit_sensor *sensor = open_sensor(TACIT_TIER_DEEP);
	struct tacit_sensor_status status;
	double ms[DRAINS];
	int windows = 0;

	for (int i = 0; i < DRAINS; i++) {
		(void)usleep(20000);
		windows = tacit_sensor_drain(sensor, ignore_window, NULL);
		tacit_sensor_status(sensor, &status);
		ms[i] = (double)status.drain_ns / 1e6;
	}
	printf("sensor.drain_%s %.3f ms\n", name, timing_median(ms, DRAINS));
	printf("# %d windows, %ld KiB resident, %ld of them anonymous, %.0f KiB in the kernel\n",
	       windows, resident_kib("VmRSS:"), resident_kib("RssAnon:"),
	       (double)status.map_bytes / 1024);
	return EXIT_SUCCESS;
}

static int hold(const char *what)
{
	if (strcmp(what, "empty") == 0)
		return hold_empty();
	return hold_tier(strcmp(what, "deep") == 0 ? TACIT_TIER_DEEP : TACIT_TIER_LIGHT);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2]);
	if (argc == 2 && strcmp(argv[1], "open") == 0)
		return measure_open();
	if (argc == 3 && strcmp(argv[1], "drain") == 0)
		return measure_drain(argv[2]);
	(void)fprintf(stderr, "usage: bench_sensor hold light|deep|empty | open | drain NAME\n");
	return 2;
}
