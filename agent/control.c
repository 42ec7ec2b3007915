/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <tacit/bytes.h>
#include <tacit/clock.h>
#include <tacit/log.h>

#define WHY_MAX	     256
#define SOCKET_UMASK 0117 /* leaves 0660 */
#define BACKLOG	     16
#define LOG_BURST    5U
#define LOG_EVERY_MS 10000U
#define READ_BYTES   16384U

struct peer {
	struct tacit_control *control;
	struct peer *next;
	struct bufferevent *stream;
	struct event *deadline;
};

struct tacit_control {
	struct event_base *base;
	struct evconnlistener *listener;
	char *path;
	tacit_control_handler *handle;
	void *ctx;
	struct peer *peers;
	unsigned n_peers;
	struct tacit_log_limit limit;
};

/* 0, -E2BIG or -ENOMEM. */
static int format_line(const json_t *document, char **ret)
{
	size_t len = json_dumpb(document, NULL, 0, JSON_COMPACT);
	char *line;

	if (len + 2 > TACIT_CONTROL_REPLY_MAX)
		return -E2BIG;
	line = len > 0 ? (char *)tacit_calloc(len + 2, 1) : NULL;
	if (!line || json_dumpb(document, line, len, JSON_COMPACT) != len) {
		tacit_free(line);
		return -ENOMEM;
	}
	line[len] = '\n';
	*ret = line;
	return 0;
}

static int format_error(const char *why, char **ret)
{
	char ascii[WHY_MAX]; /* what was cut short may no longer be UTF-8 */
	json_t *document;
	size_t n = 0;
	int r;

	for (; why[n] && n < sizeof(ascii) - 1; n++) {
		ascii[n] = why[n];
		if (why[n] < ' ' || why[n] >= 0x7f)
			ascii[n] = '?';
	}
	ascii[n] = '\0';
	document = json_pack("{s:s}", "error", ascii);
	r = document ? format_line(document, ret) : -ENOMEM;
	json_decref(document);
	return r;
}

static int refuse(int code, const char *why, char **ret)
{
	return format_error(why, ret) < 0 ? -ENOMEM : code;
}

static int ask(tacit_control_handler *handle, void *ctx, const json_t *request, const char *verb,
	       char **ret)
{
	char why[WHY_MAX] = "";
	json_t *document = NULL;
	int r = handle(ctx, verb, request, &document, why, sizeof(why));

	if (r == -ENOSYS && why[0] == '\0')
		(void)snprintf(why, sizeof(why), "unknown verb \"%.64s\"", verb);
	if (r < 0)
		return refuse(r, why[0] ? why : tacit_strerror(r), ret);

	r = format_line(document, ret);
	json_decref(document);
	return r == -E2BIG ? refuse(r, "the answer is too long; ask for less", ret) : r;
}

int tacit_control_answer(tacit_control_handler *handle, void *ctx, const char *line, size_t len,
			 char **ret)
{
	char why[WHY_MAX];
	const char *verb;
	json_error_t error;
	json_t *request;
	int r;

	if (len >= TACIT_CONTROL_REQUEST_MAX)
		return refuse(-E2BIG, "request too long", ret);
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!request) {
		(void)snprintf(why, sizeof(why), "not JSON: column %d: %s", error.column,
			       error.text);
		return refuse(-EINVAL, why, ret);
	}
	verb = json_string_value(json_object_get(request, "verb"));
	if (verb)
		r = ask(handle, ctx, request, verb, ret);
	else
		r = refuse(-EINVAL, "not an object with a \"verb\"", ret);
	json_decref(request);
	return r;
}

static void peer_free(struct peer *peer)
{
	struct tacit_control *control = peer->control;
	struct peer **at = &control->peers;

	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	control->n_peers--;

	if (peer->deadline)
		event_free(peer->deadline);
	if (peer->stream)
		bufferevent_free(peer->stream);
	tacit_free(peer);
	if (control->listener)
		(void)evconnlistener_enable(control->listener);
}

static void log_refusal(struct tacit_control *control, const struct peer *peer, int code)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(who);

	if (!tacit_log_allowed(&control->limit))
		return;
	(void)getsockopt(bufferevent_getfd(peer->stream), SOL_SOCKET, SO_PEERCRED, &who, &size);
	tacit_notice("control: a request of user %d failed: %s", (int)who.uid,
		     tacit_strerror(code));
}

static void on_written(struct bufferevent *stream, void *ctx)
{
	(void)stream;
	peer_free((struct peer *)ctx);
}

static void on_gone(struct bufferevent *stream, short what, void *ctx)
{
	(void)stream;
	(void)what;
	peer_free((struct peer *)ctx);
}

static void on_late(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	peer_free((struct peer *)ctx);
}

/* From here on the peer is only written to; what else it sends is not read. */
static void answer(struct peer *peer, const char *line, size_t len)
{
	struct tacit_control *control = peer->control;
	TACIT_AUTO_FREE char *reply = NULL;
	int r = tacit_control_answer(control->handle, control->ctx, line, len, &reply);

	(void)bufferevent_disable(peer->stream, EV_READ);
	if (r < 0)
		log_refusal(control, peer, r);
	bufferevent_setcb(peer->stream, NULL, on_written, on_gone, peer);
	if (!reply || bufferevent_write(peer->stream, reply, strlen(reply)) != 0)
		peer_free(peer);
}

static void on_readable(struct bufferevent *stream, void *ctx)
{
	struct evbuffer *input = bufferevent_get_input(stream);
	struct evbuffer_ptr end = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF);
	struct peer *peer = (struct peer *)ctx;
	char line[TACIT_CONTROL_REQUEST_MAX];

	if (end.pos < 0 && evbuffer_get_length(input) < sizeof(line))
		return;
	if (end.pos < 0 || end.pos >= (ev_ssize_t)sizeof(line)) {
		answer(peer, line, sizeof(line));
		return;
	}
	(void)evbuffer_remove(input, line, (size_t)end.pos);
	answer(peer, line, (size_t)end.pos);
	explicit_bzero(line, sizeof(line)); /* may have held a token */
}

/* A peer that ends its sending half in the middle of a line hears why it gets no answer. */
static void on_event(struct bufferevent *stream, short what, void *ctx)
{
	struct peer *peer = (struct peer *)ctx;

	if ((what & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_input(stream)) > 0)
		answer(peer, "", 0);
	else
		peer_free(peer);
}

static int peer_start(struct peer *peer, evutil_socket_t fd)
{
	const struct timeval patience = { .tv_sec = TACIT_CONTROL_TIMEOUT_MS / 1000 };
	struct event_base *base = peer->control->base;

	peer->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!peer->stream) {
		(void)close(fd);
		return -ENOMEM;
	}
	peer->deadline = evtimer_new(base, on_late, peer);
	if (!peer->deadline || evtimer_add(peer->deadline, &patience) != 0)
		return -ENOMEM;
	bufferevent_setcb(peer->stream, on_readable, NULL, on_event, peer);
	bufferevent_setwatermark(peer->stream, EV_READ, 0, TACIT_CONTROL_REQUEST_MAX);
	return bufferevent_enable(peer->stream, EV_READ | EV_WRITE) == 0 ? 0 : -ENOMEM;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int len, void *ctx)
{
	struct tacit_control *control = (struct tacit_control *)ctx;
	struct peer *peer = TACIT_NEW(struct peer);

	(void)address;
	(void)len;
	if (!peer) {
		(void)close(fd);
		return;
	}
	peer->control = control;
	peer->next = control->peers;
	control->peers = peer;
	/* More peers wait in the kernel's queue. */
	if (++control->n_peers >= TACIT_CONTROL_PEERS_MAX)
		(void)evconnlistener_disable(listener);
	if (peer_start(peer, fd) < 0)
		peer_free(peer);
}

static int make_address(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

static int connect_to(const char *path, int flags)
{
	struct sockaddr_un address;
	int r = make_address(path, &address), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

/* A socket file outlives a daemon that was killed; only one that nobody serves is removed. */
static int remove_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = connect_to(path, SOCK_NONBLOCK);
	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 || fd == -EAGAIN)
		return -EADDRINUSE;
	return unlink(path) == 0 ? 0 : -errno;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address;
	int r = make_address(path, &address), fd;
	mode_t mask;

	if (r == 0)
		r = remove_stale(path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(SOCKET_UMASK);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
	(void)umask(mask);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

int tacit_control_listen(const struct tacit_control_params *params, struct tacit_control **ret)
{
	TACIT_CLEANUP(tacit_control_free_p) struct tacit_control *control = NULL;
	int fd = open_socket(params->path);

	if (fd < 0)
		return fd;
	control = TACIT_NEW(struct tacit_control);
	if (control)
		control->path = tacit_strdup(params->path);
	if (!control || !control->path) {
		(void)close(fd);
		(void)unlink(params->path);
		return -ENOMEM;
	}
	control->base = params->base;
	control->handle = params->handle;
	control->ctx = params->ctx;
	control->limit =
		(struct tacit_log_limit){ .burst = LOG_BURST, .interval_ms = LOG_EVERY_MS };
	control->listener = evconnlistener_new(params->base, on_accept, control,
					       LEV_OPT_CLOSE_ON_FREE, BACKLOG, fd);
	if (!control->listener) {
		(void)close(fd);
		return -ENOMEM;
	}
	*ret = TACIT_TAKE(control);
	return 0;
}

void tacit_control_free(struct tacit_control *control)
{
	if (!control)
		return;
	if (control->listener)
		evconnlistener_free(TACIT_TAKE(control->listener));
	while (control->peers)
		peer_free(control->peers);
	(void)unlink(control->path);
	tacit_free(control->path);
	tacit_free(control);
}

/* Waits until @fd is ready for @events: 0, -ETIMEDOUT, or what poll(2) says. */
static int wait_until(int fd, short events, int64_t deadline_ms)
{
	struct pollfd ready = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline_ms - tacit_clock_boot_ms();
		int r = left > 0 ? poll(&ready, 1, (int)left) : 0;

		if (r == 0)
			return -ETIMEDOUT;
		if (r > 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_line(int fd, const char *line, int64_t deadline_ms)
{
	size_t left = strlen(line);
	int r = 0;

	while (left > 0 && r == 0) {
		ssize_t n = send(fd, line, left, MSG_NOSIGNAL);

		if (n >= 0) {
			line += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN || errno == EINTR) {
			r = wait_until(fd, POLLOUT, deadline_ms);
		} else {
			return -errno;
		}
	}
	return r;
}

/* Reads to the end of the first line. A peer that ends before is not speaking our language. */
static int receive_line(int fd, struct tacit_writer *writer, int64_t deadline_ms)
{
	char chunk[READ_BYTES];

	while (writer->len == 0 || writer->data[writer->len - 1] != '\n') {
		int r = wait_until(fd, POLLIN, deadline_ms);
		ssize_t n = r == 0 ? recv(fd, chunk, sizeof(chunk), 0) : 0;

		if (r < 0)
			return r;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : TACIT_ESCHEMA;
		if (writer->len + (size_t)n > TACIT_CONTROL_REPLY_MAX)
			return -E2BIG;
		tacit_write_bytes(writer, chunk, (size_t)n);
		if (writer->failed)
			return -ENOMEM;
	}
	return 0;
}

static int read_answer(const struct tacit_writer *line, json_t **ret, char *why, size_t size)
{
	json_t *answer =
		json_loadb((const char *)line->data, line->len, JSON_REJECT_DUPLICATES, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	int r = json_is_object(answer) ? 0 : TACIT_ESCHEMA;

	if (r == 0 && error) {
		if (why)
			(void)snprintf(why, size, "%s", error);
		r = TACIT_EREFUSED;
	}
	if (r == 0)
		*ret = answer;
	else
		json_decref(answer);
	return r;
}

int tacit_control_call(const char *path, const json_t *request, uint32_t timeout_ms, json_t **ret,
		       char *why, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer reply = { 0 };
	int64_t deadline_ms = tacit_clock_boot_ms() + timeout_ms;
	TACIT_AUTO_CLOSE int fd = -1;
	char *line;
	int r = format_line(request, &line);

	if (r < 0)
		return r;
	fd = connect_to(path, SOCK_NONBLOCK);
	r = fd < 0 ? fd : send_line(fd, line, deadline_ms);
	explicit_bzero(line, strlen(line)); /* may have held a token */
	tacit_free(line);
	if (r == -EAGAIN) /* the daemon is there, its queue is full */
		r = -ETIMEDOUT;
	if (r >= 0)
		r = receive_line(fd, &reply, deadline_ms);
	return r < 0 ? r : read_answer(&reply, ret, why, size);
}
