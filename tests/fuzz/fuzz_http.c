/* SPDX-License-Identifier: MIT */
/* A whole server, spoken to over loopback. The first byte says how the rest is cut into pieces. */
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <tacit/log.h>

#include "aggregator/http.h"

#define ANSWER_MAX 65536U
#define TURNS_MAX  10000

static struct event_base *base;
static struct tacit_http *http;
static struct tacit_http_exchange *late;
static struct sockaddr_in at;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_get(void *ctx, struct tacit_http_exchange *exchange)
{
	(void)ctx;
	(void)tacit_http_header(exchange, "If-None-Match");
	tacit_http_reply(exchange, 200, "text/plain", tacit_http_path(exchange), 1);
}

static void on_put(void *ctx, struct tacit_http_exchange *exchange)
{
	size_t len;
	const void *body = tacit_http_body(exchange, &len);

	(void)ctx;
	tacit_http_reply(exchange, 201, "text/plain", body, len);
}

static void on_late(void *ctx, struct tacit_http_exchange *exchange)
{
	(void)ctx;
	late = exchange;
}

static const struct tacit_http_route routes[] = {
	{ TACIT_HTTP_GET, "/", NULL, 0, true, on_get },
	{ TACIT_HTTP_PUT, "/p", "a/b", 4096, true, on_put },
	{ TACIT_HTTP_PUT, "/late", "a/b", 4096, true, on_late },
};

static void must(int held)
{
	if (!held)
		abort();
}

static void start(void)
{
	struct tacit_http_params params = { .routes = routes, .n_routes = 3 };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tacit_log_set_level(TACIT_LOG_ERROR);
	(void)signal(SIGPIPE, SIG_IGN);
	params.base = base = event_base_new();
	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(bind(fd, (const struct sockaddr *)&at, len) == 0 && listen(fd, 16) == 0);
	must(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	must(tacit_http_new(&params, &http) == 0 && tacit_http_listen(http, fd) == 0);
}

static void turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	if (late) {
		struct tacit_http_exchange *exchange = late;

		late = NULL;
		tacit_http_problem(exchange, 409, "late", "Late", "%s", tacit_http_path(exchange));
	}
}

/* Whatever comes back is HTTP of ours: evhttp's own pages never show. */
static void check(const char *answer, size_t len)
{
	must(len == 0 || (len > 12 && memcmp(answer, "HTTP/1.", 7) == 0));
	must(!memmem(answer, len, "<HTML>", 6) && !memmem(answer, len, "<html>", 6));
}

static size_t receive(int fd, char *answer)
{
	size_t len = 0;

	for (int i = 0; i < TURNS_MAX && len < ANSWER_MAX; i++) {
		ssize_t n;

		turn();
		n = recv(fd, answer + len, ANSWER_MAX - len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0)
			len += (size_t)n;
	}
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[ANSWER_MAX];
	struct linger reset = { .l_onoff = 1 };
	struct tacit_http_counters counters;
	size_t step;
	int fd;

	if (!base)
		start();
	if (size < 1)
		return 0;
	step = data[0] ? data[0] : size;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0);
	for (size_t i = 1; i < size; i += step) {
		size_t n = size - i < step ? size - i : step;

		if (send(fd, data + i, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn();
	}
	(void)shutdown(fd, SHUT_WR);
	check(answer, receive(fd, answer));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)close(fd);
	for (int i = 0; i < TURNS_MAX; i++) {
		tacit_http_counters(http, &counters);
		if (counters.connections_open == 0)
			return 0;
		turn();
	}
	abort(); /* a connection was left standing */
}
