/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <event2/event.h>

#include <tacit/cleanup.h>
#include <tacit/clock.h>
#include <tacit/log.h>
#include <tacit/notify.h>

#include "keeper.h"
#include "listen.h"
#include "worker.h"

#define POLL_MS		100
#define HUNG_MS		30000 /* without a sign of life */
#define YOUNG_MS	10000 /* who dies younger is started again later and later */
#define BACKOFF_MS	100U
#define BACKOFF_MAX	30000U
#define STOP_MS		(TACIT_DRAIN_MS + 5000)
#define URL_BYTES	(TACIT_TOKEN_URL_MAX + 1)
#define SERVER_CERT_SEC 7776000 /* 90 days */

struct child {
	pid_t pid; /* 0: not running */
	int64_t started_ms, start_at_ms;
	unsigned deaths; /* in a row */
};

struct server {
	const struct tacit_server_params *params;
	const struct tacit_aggregator_conf *conf;
	struct tacit_ca *ca;
	struct tacit_board *board;
	uint32_t workers; /* and the keeper comes after them */
	int fd[TACIT_AGGREGATOR_WORKERS_MAX];
	int metrics_fd, signal_fd;
	struct child child[TACIT_AGGREGATOR_WORKERS_MAX + 1];
	char listen[TACIT_LISTEN_TEXT_MAX], url[URL_BYTES], names[1025];
	int64_t started_ms, watchdog_at_ms;
	bool announced, stopping;
	int failed; /* why it all ends */
};

uint32_t tacit_server_backoff_ms(unsigned *deaths, int64_t age_ms)
{
	uint32_t wait_ms = BACKOFF_MS;

	*deaths = age_ms >= YOUNG_MS ? 1 : *deaths + 1;
	for (unsigned i = 1; i < *deaths && wait_ms < BACKOFF_MAX; i++)
		wait_ms *= 2;
	return wait_ms < BACKOFF_MAX ? wait_ms : BACKOFF_MAX;
}

static uint32_t count_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 1)
		return 1;
	return CPU_COUNT(&set) < (int)TACIT_AGGREGATOR_WORKERS_MAX ? (uint32_t)CPU_COUNT(&set)
								   : TACIT_AGGREGATOR_WORKERS_MAX;
}

static const char *process_name(const struct server *server, uint32_t i, char text[32])
{
	if (i == server->workers)
		return "keeper";
	(void)snprintf(text, 32, "worker %u", i);
	return text;
}

static int run_child(struct server *server, uint32_t i)
{
	if (i < server->workers)
		return tacit_worker_run(&(struct tacit_worker_params){ .conf = server->conf,
								       .board = server->board,
								       .ca = server->ca,
								       .index = i,
								       .fd = server->fd[i] });
	return tacit_keeper_run(&(struct tacit_keeper_params){ .conf = server->conf,
							       .board = server->board,
							       .ca = server->ca,
							       .workers = server->workers,
							       .metrics_fd = server->metrics_fd,
							       .listen = server->listen,
							       .url = server->url,
							       .started_ms = server->started_ms,
							       .supervisor = getppid() });
}

/* What a child does not need; the supervisor keeps listeners open, so that a worker that dies loses
 * no connection that waits for it. */
static void close_others(const struct server *server, uint32_t mine)
{
	(void)close(server->signal_fd);
	for (uint32_t i = 0; i < server->workers; i++)
		if (i != mine)
			(void)close(server->fd[i]);
	if (mine != server->workers && server->metrics_fd >= 0)
		(void)close(server->metrics_fd);
}

static void become_child(struct server *server, uint32_t i, pid_t supervisor)
{
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		_exit(EXIT_FAILURE);
	close_others(server, i);
	(void)signal(SIGINT, SIG_IGN); /* of a terminal: the supervisor's business */
	(void)signal(SIGHUP, SIG_IGN); /* until there is a handler */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	exit(run_child(server, i) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void start(struct server *server, uint32_t i)
{
	struct child *child = &server->child[i];
	pid_t supervisor = getpid();

	child->started_ms = tacit_clock_boot_ms();
	tacit_board_begin(server->board, i, child->started_ms);
	child->pid = fork();
	if (child->pid == 0)
		become_child(server, i, supervisor);
	if (child->pid > 0)
		return;
	tacit_error("cannot start a process: %s, trying again", tacit_strerror(errno));
	child->pid = 0;
	child->start_at_ms = child->started_ms + tacit_server_backoff_ms(&child->deaths, 0);
}

static void on_death(struct server *server, uint32_t i, int status)
{
	struct child *child = &server->child[i];
	int64_t now_ms = tacit_clock_boot_ms();
	uint32_t wait_ms;
	char name[32];

	child->pid = 0;
	tacit_board_end(server->board, i);
	if (server->stopping)
		return;
	if (!server->announced) {
		server->failed = TACIT_EREFUSED; /* it has said why */
		server->stopping = true;
		return;
	}
	wait_ms = tacit_server_backoff_ms(&child->deaths, now_ms - child->started_ms);
	child->start_at_ms = now_ms + wait_ms;
	tacit_error("%s died (%s %d), starting another in %u ms", process_name(server, i, name),
		    WIFSIGNALED(status) ? "signal" : "exit code",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), wait_ms);
}

static void reap(struct server *server)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (uint32_t i = 0; i <= server->workers; i++)
			if (server->child[i].pid == pid)
				on_death(server, i, status);
}

static void send_all(const struct server *server, uint32_t from, uint32_t to, int signal)
{
	for (uint32_t i = from; i < to; i++)
		if (server->child[i].pid > 0)
			(void)kill(server->child[i].pid, signal);
}

static void take_signals(struct server *server)
{
	struct signalfd_siginfo info;

	while (read(server->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			server->stopping = true;
		else if (info.ssi_signo == SIGHUP)
			send_all(server, 0, server->workers + 1, SIGHUP);
	}
	reap(server);
}

static void wait_a_little(struct server *server)
{
	struct pollfd wait = { .fd = server->signal_fd, .events = POLLIN };

	(void)poll(&wait, 1, POLL_MS);
	take_signals(server);
}

/* The keeper comes first: it brings the database up to date. */
static void start_missing(struct server *server, int64_t now_ms)
{
	struct child *keeper = &server->child[server->workers];

	if (keeper->pid == 0 && now_ms >= keeper->start_at_ms)
		start(server, server->workers);
	if (!server->announced && !tacit_board_is_ready(server->board, server->workers))
		return;
	for (uint32_t i = 0; i < server->workers; i++)
		if (server->child[i].pid == 0 && now_ms >= server->child[i].start_at_ms)
			start(server, i);
}

static void kill_hung(struct server *server, int64_t now_ms)
{
	char name[32];

	for (uint32_t i = 0; i <= server->workers; i++) {
		if (server->child[i].pid == 0 ||
		    now_ms - tacit_board_last_beat(server->board, i) < HUNG_MS)
			continue;
		tacit_error("%s has hung, ending it", process_name(server, i, name));
		(void)kill(server->child[i].pid, SIGKILL);
		tacit_board_begin(server->board, i, now_ms); /* once */
	}
}

static uint32_t count_ready(const struct server *server)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= server->workers; i++)
		n += tacit_board_is_ready(server->board, i);
	return n;
}

static void announce(struct server *server)
{
	server->announced = true;
	tacit_notice("serving %s on %s with %u workers", server->url, server->listen,
		     server->workers);
	(void)tacit_notify_send(server->params->notify_socket, "READY=1\nSTATUS=serving on %s",
				server->listen);
}

/* Systemd hears from us while someone serves. */
static void feed_watchdog(struct server *server, int64_t now_ms)
{
	if (server->params->watchdog_ms == 0 || now_ms < server->watchdog_at_ms ||
	    count_ready(server) == 0)
		return;
	server->watchdog_at_ms = now_ms + server->params->watchdog_ms;
	(void)tacit_notify_send(server->params->notify_socket, "WATCHDOG=1");
}

static bool is_running(const struct server *server, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (server->child[i].pid > 0)
			return true;
	return false;
}

static void stop_some(struct server *server, uint32_t from, uint32_t to)
{
	int64_t end_ms = tacit_clock_boot_ms() + STOP_MS;

	send_all(server, from, to, SIGTERM);
	while (is_running(server, from, to)) {
		if (tacit_clock_boot_ms() >= end_ms)
			send_all(server, from, to, SIGKILL);
		wait_a_little(server);
	}
}

/* Workers first, and with them what they owe; nobody is to wait in a queue that no one serves. */
static void stop(struct server *server)
{
	(void)tacit_notify_send(server->params->notify_socket, "STOPPING=1\nSTATUS=draining");
	tacit_notice("stopping");
	for (uint32_t i = 0; i < server->workers; i++) {
		(void)close(server->fd[i]);
		server->fd[i] = -1;
	}
	stop_some(server, 0, server->workers);
	stop_some(server, server->workers, server->workers + 1);
}

static void supervise(struct server *server)
{
	while (!server->stopping) {
		int64_t now_ms = tacit_clock_boot_ms();

		start_missing(server, now_ms);
		kill_hung(server, now_ms);
		if (!server->announced && count_ready(server) == server->workers + 1)
			announce(server);
		feed_watchdog(server, now_ms);
		wait_a_little(server);
	}
	stop(server);
}

/* libevent's own words go where ours go. */
static void on_libevent(int severity, const char *text)
{
	tacit_log(severity >= EVENT_LOG_ERR    ? TACIT_LOG_ERROR
		  : severity == EVENT_LOG_WARN ? TACIT_LOG_WARNING
					       : TACIT_LOG_DEBUG,
		  "libevent: %s", text);
}

static int open_signals(struct server *server)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	server->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return server->signal_fd < 0 ? -errno : 0;
}

static int open_listeners(struct server *server)
{
	struct tacit_listen_address address;
	const char *metrics = server->conf->metrics_listen;
	int r = tacit_listen_parse(server->conf->listen, &address);

	if (r == 0)
		r = tacit_listen_open(&address, server->workers, server->fd);
	if (r < 0) {
		tacit_error("cannot listen on %s: %s", server->conf->listen, tacit_strerror(r));
		return r;
	}
	if (!metrics || !metrics[0])
		return 0;
	r = tacit_listen_parse(metrics, &address);
	if (r == 0)
		r = tacit_listen_open(&address, 1, &server->metrics_fd);
	if (r < 0)
		tacit_error("cannot listen on %s: %s", metrics, tacit_strerror(r));
	return r;
}

/* What hosts are told to connect to, and what the certificate says. */
static void choose_names(struct server *server)
{
	const struct tacit_aggregator_conf *conf = server->conf;
	uint16_t port = tacit_listen_name(server->fd[0], server->listen);
	char first[256];

	if (conf->names && conf->names[0])
		(void)snprintf(server->names, sizeof(server->names), "%s", conf->names);
	else if (gethostname(server->names, sizeof(server->names) - 1) < 0 || !server->names[0])
		(void)snprintf(server->names, sizeof(server->names), "localhost");
	(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(server->names, ", "),
		       server->names);
	if (conf->url && conf->url[0])
		(void)snprintf(server->url, sizeof(server->url), "%s", conf->url);
	else
		(void)snprintf(server->url, sizeof(server->url),
			       strchr(first, ':') ? "https://[%s]:%u" : "https://%s:%u", first,
			       port);
}

static int open_ca(struct server *server)
{
	const struct tacit_ca_params params = { .dir = server->conf->state_dir,
						.names = server->names,
						.host_cert_sec = server->conf->certificate_ttl_sec,
						.server_cert_sec = SERVER_CERT_SEC };
	int r = tacit_ca_open(&params, tacit_clock_wall_ms(), &server->ca);

	if (r < 0)
		tacit_error("certificates in %s: %s", params.dir, tacit_strerror(r));
	return r;
}

static void close_server(struct server *server)
{
	for (uint32_t i = 0; i < server->workers; i++)
		if (server->fd[i] >= 0)
			(void)close(server->fd[i]);
	if (server->metrics_fd >= 0)
		(void)close(server->metrics_fd);
	if (server->signal_fd >= 0)
		(void)close(server->signal_fd);
	tacit_board_free(server->board);
	tacit_ca_free(server->ca);
}

int tacit_server_run(const struct tacit_server_params *params)
{
	TACIT_CLEANUP(close_server)
	struct server server = { .params = params,
				 .conf = params->conf,
				 .metrics_fd = -1,
				 .signal_fd = -1,
				 .started_ms = tacit_clock_wall_ms() };
	int r;

	event_set_log_callback(on_libevent);
	server.workers = params->conf->workers ? params->conf->workers : count_cores();
	memset(server.fd, -1, sizeof(server.fd));
	r = open_signals(&server);
	if (r == 0)
		r = open_listeners(&server);
	if (r < 0)
		return r;
	choose_names(&server);
	r = open_ca(&server);
	if (r == 0)
		r = tacit_board_new((size_t)server.workers + 1, &server.board);
	if (r < 0)
		return r;
	supervise(&server);
	return server.failed;
}
