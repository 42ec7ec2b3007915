/* SPDX-License-Identifier: MIT */
/* tacitd: senses, learns, takes part. What it needs privileges for comes first, then they go. */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tacit/cleanup.h>
#include <tacit/log.h>

#include "agent_conf.h"
#include "confine.h"
#include "daemon.h"
#include "harden.h"
#include "scope.h"
#include "sensor.h"

#define EXIT_USAGE 2
#define EXIT_LACKS 3 /* root, BTF, a capability */
#define DIR_MODE   0700
#define RUN_MODE   0755

struct options {
	const char *config, *record;
	bool check, check_host, detach;
};

static void usage(FILE *to)
{
	(void)fputs(
		"usage: tacitd [--config FILE] [--check-config | --check-host | --detach]\n"
		"              [--record FILE]\n"
		"\n"
		"  --config FILE    read FILE instead of " TACIT_AGENT_CONF_PATH "\n"
		"  --check-config   say whether the configuration is good, and end\n"
		"  --check-host     say whether this machine can be watched, and end\n"
		"  --detach         remove what goes on counting without tacitd, and end\n"
		"  --record FILE    also write every window to FILE: CSV if it ends in .csv, else binary\n"
		"  --version, --help\n",
		to);
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "check-host", no_argument, NULL, 'H' },
		{ "detach", no_argument, NULL, 'D' },
		{ "record", required_argument, NULL, 'r' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'C':
			options->check = true;
			break;
		case 'H':
			options->check_host = true;
			break;
		case 'D':
			options->detach = true;
			break;
		case 'r':
			options->record = optarg;
			break;
		case 'V':
			(void)puts("tacitd " TACIT_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static int load_conf(const struct options *options, struct tacit_agent_conf *conf)
{
	const char *path = options->config ? options->config : TACIT_AGENT_CONF_PATH;
	struct tacit_conf_where where = { 0 };
	int r = tacit_agent_conf_load(conf, path, !options->config, &where);

	if (r == 0)
		return 0;
	if (where.why[0])
		(void)fprintf(stderr, "%s:%u: %s\n", where.file, where.line, where.why);
	else
		(void)fprintf(stderr, "%s: %s\n", path, tacit_strerror(r));
	return r;
}

/* The folder of the control socket, if only that is missing; listening will tell otherwise. */
static void make_run_dir(const struct tacit_agent_conf *conf)
{
	TACIT_AUTO_FREE char *path = tacit_strdup(conf->control_socket);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash || slash == path)
		return;
	*slash = '\0';
	(void)!tacit_harden_dir(path, RUN_MODE, conf->user);
}

static int claim(const struct tacit_agent_conf *conf, int *ret_lock)
{
	pid_t other = 0;
	int r;

	r = tacit_harden_dir(conf->state_dir, DIR_MODE, conf->user);
	if (r == -ESRCH) {
		tacit_error("there is no user \"%s\"", conf->user);
		return r;
	}
	if (r == 0)
		r = tacit_harden_single(conf->state_dir, ret_lock, &other);
	if (r == -EBUSY)
		tacit_error("another tacitd, process %d, is running on %s", (int)other,
			    conf->state_dir);
	else if (r < 0)
		tacit_error("cannot use %s: %s%s", conf->state_dir, tacit_strerror(r),
			    r == -EPERM ? " (group or others may write to it)" : "");
	else
		make_run_dir(conf);
	return r;
}

static struct tacit_sensor_params sensor_params(const struct tacit_agent_conf *conf)
{
	const char *root = conf->sensor_cgroup_root;

	return (struct tacit_sensor_params){
		.tier = conf->sensor_tier == TACIT_SENSOR_LIGHT ? TACIT_TIER_LIGHT
								: TACIT_TIER_DEEP,
		.services_max = conf->sensor_max_services,
		.overhead_budget_pct = conf->sensor_overhead_budget_pct,
		.window_ms = conf->window_ms,
		.pin_dir = conf->sensor_pin_dir,
		.host_class = conf->host_class,
		.cgroup_root = root && root[0] ? root : NULL,
	};
}

/* Exit code. */
static int check_host(const struct tacit_agent_conf *conf)
{
	struct tacit_sensor_params params = sensor_params(conf);
	char why[TACIT_SENSOR_WHY_LEN] = "";
	int r = tacit_sensor_check(&params, why, sizeof(why));

	if (r == 0)
		return EXIT_SUCCESS;
	tacit_error("cannot watch this machine: %s", why[0] ? why : tacit_strerror(r));
	return EXIT_LACKS;
}

/* Exit code. */
static int open_sensor(const struct tacit_agent_conf *conf, struct tacit_sensor **ret)
{
	struct tacit_sensor_params params = sensor_params(conf);
	char why[TACIT_SENSOR_WHY_LEN] = "";
	int r;

	if (conf->sensor_tier == TACIT_SENSOR_NONE)
		return EXIT_SUCCESS;
	r = check_host(conf);
	if (r != EXIT_SUCCESS)
		return r;
	r = tacit_sensor_open(&params, ret, why, sizeof(why));
	if (r < 0) {
		tacit_error("cannot open the sensor: %s", why[0] ? why : tacit_strerror(r));
		return r == -EPERM || r == -EACCES || r == -EOPNOTSUPP ? EXIT_LACKS : EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* Exit code. */
static int detach(const struct tacit_agent_conf *conf)
{
	const char *dir = conf->sensor_pin_dir ? conf->sensor_pin_dir : "";
	int n = dir[0] ? tacit_sensor_forget(dir) : 0;

	if (n == -EBUSY)
		tacit_error("a tacitd is running: stop it first");
	else if (n < 0)
		tacit_error("cannot empty %s: %s", dir, tacit_strerror(n));
	else
		tacit_info("nothing is attached%s%s", n > 0 ? " any more; emptied " : "",
			   n > 0 ? dir : "");
	return n < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int drain(void *ctx, tacit_window_fn *fn, void *fn_ctx)
{
	return tacit_sensor_drain((struct tacit_sensor *)ctx, fn, fn_ctx);
}

static int read_sensor(void *ctx)
{
	return tacit_sensor_try((struct tacit_sensor *)ctx);
}

/* Exit code. */
static int give_up_privileges(const struct tacit_agent_conf *conf, struct tacit_sensor *sensor)
{
	int r = tacit_harden_drop(conf->user, sensor ? read_sensor : NULL, sensor);

	if (r < 0) {
		tacit_error("cannot give up privileges: %s", tacit_strerror(r));
		return EXIT_FAILURE;
	}
	if (r > 0)
		tacit_notice("CAP_BPF is kept: before Linux 5.19 this kernel lets nobody else read "
			     "BPF maps while kernel.unprivileged_bpf_disabled is not 0");
	return EXIT_SUCCESS;
}

/* A file that is there needs no right to make others beside it; opening it again will tell. */
static void touch(const char *path)
{
	TACIT_AUTO_CLOSE int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	(void)fd;
}

/* After this, what is not named here can no more be reached. */
static void confine(const struct options *options, const struct tacit_agent_conf *conf,
		    struct tacit_confine_status *ret)
{
	const char *notify = getenv("NOTIFY_SOCKET");
	char root[TACIT_SCOPE_PATH_MAX] = "";
	struct tacit_confine_params params = {
		.state_dir = conf->state_dir,
		.control_socket = conf->control_socket,
		.conf_path = options->config ? options->config : TACIT_AGENT_CONF_PATH,
		.read = { conf->enrol_token_file, conf->sensor_cgroup_root, root },
		.write = { options->record },
		.abstract_sockets = notify && notify[0] == '@',
	};

	(void)!tacit_scope_find_root("/proc/self/mounts", root);
	touch(options->record);
	/* Where SQLite puts what does not fit its cache: /tmp is out of reach. */
	(void)setenv("SQLITE_TMPDIR", conf->state_dir, 1);
	tacit_confine(&params, ret);
}

static void say_hello(const struct tacit_sensor *sensor)
{
	struct tacit_sensor_status status;

	if (!sensor) {
		tacit_info("tacitd " TACIT_VERSION ", watching nothing");
		return;
	}
	tacit_sensor_status(sensor, &status);
	tacit_info("tacitd " TACIT_VERSION ", %s tier, %u of %u features observed",
		   status.tier == TACIT_TIER_DEEP ? "deep" : "light", status.features_observed,
		   status.features_total);
	if (status.adopted)
		tacit_info("the counters of an earlier tacitd were taken over");
	if (status.pin_why[0])
		tacit_notice("counters will not survive a restart: %s", status.pin_why);
	if (status.hierarchy != TACIT_HIERARCHY_UNIFIED)
		tacit_notice(
			status.hierarchy == TACIT_HIERARCHY_LEGACY
				? "no cgroup2 hierarchy is mounted: services are told apart by "
				  "controller pids, and sockets count for the host alone"
				: "no cgroups are mounted: only the host as a whole is watched");
}

static int serve(const struct options *options, struct tacit_agent_conf *conf,
		 struct tacit_sensor *sensor, const struct tacit_confine_status *confined)
{
	TACIT_CLEANUP(tacit_daemon_free_p) struct tacit_daemon *daemon = NULL;
	struct tacit_daemon_params params = {
		.conf = conf,
		.conf_path = options->config ? options->config : TACIT_AGENT_CONF_PATH,
		.source = { .drain = sensor ? drain : NULL, .ctx = sensor },
		.sensor = sensor,
		.record_path = options->record,
		.confine = confined,
	};

	say_hello(sensor);
	if (tacit_daemon_new(&params, &daemon) < 0)
		return EXIT_FAILURE;
	return tacit_daemon_run(daemon) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct options *options, struct tacit_agent_conf *conf)
{
	TACIT_CLEANUP(tacit_sensor_close_p) struct tacit_sensor *sensor = NULL;
	struct tacit_confine_status confined = { 0 };
	TACIT_AUTO_CLOSE int lock = -1;
	int code;

	if (claim(conf, &lock) < 0)
		return EXIT_FAILURE;
	(void)umask(0077);
	code = open_sensor(conf, &sensor);
	if (code != EXIT_SUCCESS)
		return code;
	code = give_up_privileges(conf, sensor);
	if (code != EXIT_SUCCESS)
		return code;
	confine(options, conf, &confined);
	return serve(options, conf, sensor, &confined);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct tacit_agent_conf conf;
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	tacit_log_init("tacitd");
	if (load_conf(&options, &conf) < 0)
		return EXIT_FAILURE;
	if (options.check) {
		(void)puts("ok");
		code = EXIT_SUCCESS;
	} else if (options.check_host) {
		code = check_host(&conf);
	} else if (options.detach) {
		code = detach(&conf);
	} else {
		tacit_log_set_level(tacit_agent_conf_log_level(&conf));
		code = run(&options, &conf);
	}
	tacit_agent_conf_done(&conf);
	return code;
}
