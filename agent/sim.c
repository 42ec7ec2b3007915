/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/event.h>

#include <tacit/clock.h>
#include <tacit/random.h>

#include "sim_introduce.h"
#include "sim_load.h"
#include "virtual_host.h"

#define TICK_MS       200
#define SPREAD_MS     10U /* a host: the fleet arrives over this times its size */
#define SPREAD_MAX_MS 10000U
#define STEPS_MIN     60U /* windows that a host has seen when it enrols */
#define STEPS_MORE    60U /* and up to so many more */
#define STEPS_A_ROUND 20U
#define DELTA         1e-6
#define PROC          "/proc"
#define ANSWERED      "the aggregator answered" /* so a participant begins what is not its own reason */
#define WAIT_SEC      20U  /* the aggregator may hold a question back */
#define FILES_MORE    128U /* than one for each connection */
#define PROGRESS_MAX  160U
#define CLEAR_LINE    "\033[K"
#define SHOW_TICKS    10U /* between two lines that tell of secure sums alone */

struct sim {
	const struct tacit_sim_params *params;
	struct event_base *base;
	struct event *tick;
	struct tacit_uplink *uplink;
	struct tacit_random *random; /* noise: fresh entropy */
	struct tacit_random *place;  /* seeded */
	struct tacit_sim_secure *secure;
	struct tacit_vouch *vouch;
	struct tacit_virtual_host **host;
	unsigned hosts;

	/* As of the last tick. */
	unsigned enrolled, finished, released;
	uint64_t updates, version;

	struct tacit_sim_load server;
	int64_t began_ms, started_ms, enrolled_ms; /* boot clock */
	char progress[PROGRESS_MAX], shown[PROGRESS_MAX]; /* of secure sums */
	unsigned ticks;
	bool tty;
	int result; /* 0 while it runs or when it finished */
};

/* What a host refuses of its own accord, for its budget, it will refuse again; what the aggregator
 * did may go well the next time. */
static bool has_had_enough(const struct tacit_participant_status *status)
{
	return status->refused[0] && strncmp(status->refused, ANSWERED, strlen(ANSWERED)) != 0;
}

/* It took part as often as asked, or as its budget allows or it was let, and has what came of it. An
 * answer that was not needed any more was given, too. */
static bool is_finished(const struct sim *sim, unsigned i,
			const struct tacit_participant_status *status)
{
	uint64_t rounds = tacit_sim_secure_answers(sim->secure, i);

	if (status->accepted > rounds)
		rounds = status->accepted;
	rounds += tacit_sim_secure_silences(sim->secure, i);
	return (rounds >= sim->params->rounds || has_had_enough(status)) && status->version > 0 &&
	       status->version_round >= status->round;
}

static void count_hosts(struct sim *sim)
{
	sim->enrolled = sim->finished = sim->released = 0;
	sim->updates = sim->version = 0;
	for (unsigned i = 0; i < sim->hosts; i++) {
		struct tacit_participant_status status;

		tacit_virtual_host_status(sim->host[i], &status);
		sim->enrolled += status.enrolled;
		sim->updates += status.accepted;
		sim->released += status.version > 0;
		if (status.version > sim->version)
			sim->version = status.version;
		sim->finished += is_finished(sim, i, &status);
	}
	if (sim->enrolled == sim->hosts && sim->enrolled_ms == 0)
		sim->enrolled_ms = tacit_clock_boot_ms();
}

/* One line that changes on a terminal; elsewhere a line when something has changed. */
static void show(struct sim *sim, bool changed)
{
	FILE *out = sim->params->progress;

	if (!out || (!sim->tty && !changed))
		return;
	(void)fprintf(out,
		      "%s%5.1f s  %u of %u hosts enrolled, %llu updates accepted, release %llu%s%s",
		      sim->tty ? "\r" : "",
		      (double)(tacit_clock_boot_ms() - sim->began_ms) / 1000, sim->enrolled, sim->hosts,
		      (unsigned long long)sim->updates, (unsigned long long)sim->version,
		      sim->progress, sim->tty ? CLEAR_LINE : "\n");
	(void)fflush(out);
	memcpy(sim->shown, sim->progress, sizeof(sim->shown));
}

static bool has_news_of_sums(struct sim *sim)
{
	tacit_sim_secure_progress(sim->secure, sim->progress, sizeof(sim->progress));
	return ++sim->ticks % SHOW_TICKS == 0 && strcmp(sim->progress, sim->shown) != 0;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct sim *sim = (struct sim *)ctx;
	unsigned enrolled = sim->enrolled / (sim->hosts / 4 + 1);
	uint64_t updates = sim->updates / (sim->hosts / 2 + 1), version = sim->version;
	bool news = has_news_of_sums(sim);

	(void)fd;
	(void)what;
	count_hosts(sim);
	if (sim->server.pid > 0) /* it may have ended, which is not ours to mind */
		(void)!tacit_sim_load_sample(&sim->server, PROC);
	show(sim, news || enrolled != sim->enrolled / (sim->hosts / 4 + 1) || version != sim->version ||
			  updates != sim->updates / (sim->hosts / 2 + 1));

	if (*sim->params->stop)
		sim->result = -EINTR;
	else if (tacit_clock_boot_ms() - sim->began_ms >= (int64_t)sim->params->timeout_sec * 1000)
		sim->result = -ETIMEDOUT;
	if (sim->result < 0 || sim->finished == sim->hosts)
		(void)event_base_loopbreak(sim->base);
}

static int add_host(struct sim *sim)
{
	const struct tacit_sim_params *params = sim->params;
	const struct tacit_replay *replay = params->replay[sim->hosts % params->replays];
	struct tacit_virtual_host_params host = {
		.base = sim->base,
		.uplink = sim->uplink,
		.random = sim->random,
		.replay = replay,
		.kind = params->kind,
		.first_step = tacit_random_below(sim->place, tacit_replay_steps(replay)),
		.steps = STEPS_MIN + tacit_random_below(sim->place, STEPS_MORE),
		.steps_a_round = STEPS_A_ROUND,
		.poll_max_ms = params->poll_sec * 1000,
		.floors = { .budget = { .max_epsilon = params->max_epsilon, .delta = DELTA },
			    .min_noise_multiplier = 0,
			    .min_cohort = 1 },
		.secure = sim->secure,
		.vouch = sim->vouch,
		.number = sim->hosts,
		.wait_sec = params->parallel >= params->hosts ? WAIT_SEC : 0,
	};
	int r = tacit_virtual_host_new(&host, &sim->host[sim->hosts]);

	if (r == 0)
		sim->hosts++;
	return r;
}

/* One connection is one file, and all of them are more than processes are usually given. */
static int make_room(unsigned connections)
{
	rlim_t needed = connections + FILES_MORE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur >= needed)
		return 0;
	limit.rlim_cur = needed;
	if (limit.rlim_max < needed)
		limit.rlim_max = needed;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -EMFILE;
}

static int watch(struct sim *sim)
{
	struct tacit_sim_secure_params secure = sim->params->secure;

	secure.hosts = sim->params->hosts;
	secure.seed = sim->params->seed;
	sim->server.pid = sim->params->server_pid;
	if (sim->server.pid > 0) {
		int r = tacit_sim_load_sample(&sim->server, PROC);

		if (r < 0)
			return r;
	}
	return tacit_sim_secure_new(&secure, &sim->secure);
}

static int prepare(struct sim *sim)
{
	const struct timeval every = { .tv_usec = (suseconds_t)TICK_MS * 1000 };
	uint8_t seed[32] = { 0 };
	int r;

	memcpy(seed, &sim->params->seed, sizeof(sim->params->seed));
	sim->base = event_base_new();
	sim->host = TACIT_NEW_N(struct tacit_virtual_host *, sim->params->hosts);
	if (!sim->base || !sim->host)
		return -ENOMEM;
	sim->tick = event_new(sim->base, -1, EV_PERSIST, on_tick, sim);
	if (!sim->tick)
		return -ENOMEM;
	r = make_room(sim->params->parallel);
	if (r == 0)
		r = watch(sim);
	if (r == 0)
		r = tacit_random_new(NULL, &sim->random);
	if (r == 0)
		r = tacit_random_new(seed, &sim->place);
	if (r == 0)
		r = tacit_uplink_new(sim->base, sim->params->parallel, &sim->uplink);
	if (r == 0 && !*sim->params->stop)
		r = tacit_sim_introduce(sim->base, sim->uplink, sim->params->token, &sim->vouch);
	if (r == 0 && event_add(sim->tick, &every) != 0)
		r = -ENOMEM;
	while (r == 0 && sim->hosts < sim->params->hosts && !*sim->params->stop)
		r = add_host(sim);
	return r;
}

static void start(struct sim *sim)
{
	uint32_t spread = sim->hosts * SPREAD_MS;

	if (spread > SPREAD_MAX_MS)
		spread = SPREAD_MAX_MS;
	sim->started_ms = tacit_clock_boot_ms();
	for (unsigned i = 0; i < sim->hosts; i++)
		tacit_virtual_host_start(sim->host[i], sim->params->token, spread);
}

static void count_text(json_t *counts, const char *text)
{
	if (text[0])
		(void)json_object_set_new(
			counts, text,
			json_integer(json_integer_value(json_object_get(counts, text)) + 1));
}

static double seconds(int64_t from_ms, int64_t to_ms)
{
	return from_ms > 0 && to_ms > from_ms ? (double)(to_ms - from_ms) / 1000 : 0;
}

struct traffic {
	uint64_t sum, max;
};

static void add_traffic(struct traffic *traffic, uint64_t bytes)
{
	traffic->sum += bytes;
	if (bytes > traffic->max)
		traffic->max = bytes;
}

static json_t *format_traffic(const struct traffic *traffic, unsigned hosts)
{
	return json_pack("{s:I, s:I}", "mean", (json_int_t)(traffic->sum / hosts), "max",
			 (json_int_t)traffic->max);
}

static json_t *format_cost(double cpu_sec, uint64_t rss_peak_kib)
{
	return json_pack("{s:f, s:I}", "cpu_sec", cpu_sec, "rss_peak_kib",
			 (json_int_t)rss_peak_kib);
}

static json_t *format_own_cost(void)
{
	struct rusage usage = { 0 };

	(void)getrusage(RUSAGE_SELF, &usage);
	return format_cost((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
			   (uint64_t)usage.ru_maxrss);
}

static json_t *format_seconds(const struct sim *sim)
{
	json_t *all = json_pack("{s:f, s:f, s:f}", "setup", seconds(sim->began_ms, sim->started_ms),
				"enrolment", seconds(sim->started_ms, sim->enrolled_ms), "total",
				seconds(sim->began_ms, tacit_clock_boot_ms()));
	json_t *phases = tacit_sim_secure_seconds(sim->secure);

	(void)json_object_update(all, phases);
	json_decref(phases);
	return all;
}

static json_t *report(const struct sim *sim)
{
	json_t *refusals = json_object(), *errors = json_object(), *document;
	struct tacit_uplink_counters network;
	struct traffic all_up = { 0 }, all_down = { 0 };

	for (unsigned i = 0; i < sim->hosts; i++) {
		struct tacit_participant_status status;
		uint64_t up, down;

		tacit_virtual_host_status(sim->host[i], &status);
		tacit_virtual_host_bytes(sim->host[i], &up, &down);
		add_traffic(&all_up, up);
		add_traffic(&all_down, down);
		count_text(refusals, status.refused);
		count_text(errors, status.failing ? status.last_error : "");
	}
	tacit_uplink_counters(sim->uplink, &network);
	document = json_pack(
		"{s:i, s:i, s:i, s:i, s:I, s:I, s:i, s:o, s:{s:o, s:o}, s:I, s:I, s:I, s:o, s:o, "
		"s:o, s:o}",
		"hosts", (int)sim->hosts, "enrolled", (int)sim->enrolled, "rounds",
		(int)sim->params->rounds, "finished", (int)sim->finished, "updates",
		(json_int_t)sim->updates, "releases", (json_int_t)sim->version,
		"hosts_with_release", (int)sim->released, "seconds", format_seconds(sim), "bytes",
		"up", format_traffic(&all_up, sim->hosts), "down",
		format_traffic(&all_down, sim->hosts), "connections",
		(json_int_t)network.connects, "requests", (json_int_t)network.requests, "failures",
		(json_int_t)network.failures, "refusals", refusals, "errors", errors, "secure",
		tacit_sim_secure_report(sim->secure), "sim", format_own_cost());
	if (document && sim->server.pid > 0)
		(void)json_object_set_new(
			document, "server",
			format_cost(sim->server.cpu_sec, sim->server.rss_peak_kib));
	return document;
}

static void clean_up(struct sim *sim)
{
	for (unsigned i = 0; i < sim->hosts; i++)
		tacit_virtual_host_free(sim->host[i]);
	tacit_free(sim->host);
	tacit_vouch_free(sim->vouch);
	tacit_uplink_free(sim->uplink);
	tacit_sim_secure_free(sim->secure);
	tacit_random_free(sim->random);
	tacit_random_free(sim->place);
	if (sim->tick)
		event_free(sim->tick);
	if (sim->base)
		event_base_free(sim->base);
}

int tacit_sim_run(const struct tacit_sim_params *params, json_t **ret)
{
	struct sim sim = { .params = params, .began_ms = tacit_clock_boot_ms() };
	json_t *document = NULL;
	int r;

	if (params->hosts == 0 || params->hosts > TACIT_SIM_HOSTS_MAX || params->replays == 0)
		return -EINVAL;
	sim.tty = params->progress && isatty(fileno(params->progress));
	r = prepare(&sim);
	if (r == 0 && sim.hosts > 0) {
		start(&sim);
		(void)event_base_dispatch(sim.base);
		count_hosts(&sim);
		show(&sim, true);
		if (sim.tty)
			(void)fputc('\n', params->progress);
		document = report(&sim);
		r = document ? sim.result : -ENOMEM;
	} else if (r == 0) {
		r = -EINTR;
	}
	clean_up(&sim);
	if (document)
		*ret = document;
	return r;
}
