/* SPDX-License-Identifier: MIT */
#include "admin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <tacit/log.h>
#include <tacit/mem.h>

#define BACKLOG	 16
#define VERB_MAX 32U
#define WHY_MAX	 256U

struct peer {
	TAILQ_ENTRY(peer) link;
	struct tacit_admin *admin;
	struct bufferevent *bev;
	struct event *patience;
	struct ucred who;
	bool answered;
};

struct tacit_admin {
	struct event_base *base;
	struct evconnlistener *listener;
	tacit_admin_handler *handle;
	void *ctx;
	struct sockaddr_un at;
	size_t n_peers;
	TAILQ_HEAD(, peer) peers;
};

static void free_peer(struct peer *peer)
{
	TAILQ_REMOVE(&peer->admin->peers, peer, link);
	peer->admin->n_peers--;
	if (peer->patience)
		event_free(peer->patience);
	if (peer->bev)
		bufferevent_free(peer->bev);
	tacit_free(peer);
}

static char *format_line(json_t *document)
{
	TACIT_CLEANUP(json_decrefp) json_t *owned = document;
	char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL, *line = NULL;

	if (text) {
		size_t size = strlen(text) + 2;

		line = (char *)tacit_calloc(size, 1);
		if (line)
			(void)snprintf(line, size, "%s\n", text);
	}
	free(text);
	return line;
}

/* A verb is words of lower-case letters; anything else is not repeated to a terminal. */
static void keep_verb(const char *given, char *verb, size_t size)
{
	size_t len = given ? strlen(given) : 0;

	if (len == 0 || len >= size || strspn(given, "abcdefghijklmnopqrstuvwxyz- ") != len)
		given = "?";
	(void)snprintf(verb, size, "%s", given);
}

int tacit_admin_answer(tacit_admin_handler *handle, void *ctx, const char *line, size_t len,
		       char **ret, char *verb, size_t size)
{
	TACIT_CLEANUP(json_decrefp) json_t *request = NULL;
	char why[WHY_MAX] = "", *text;
	json_t *reply = NULL;
	json_error_t error;
	const char *given;
	int r = -EINVAL;

	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	given = json_string_value(json_object_get(request, "verb"));
	keep_verb(given, verb, size);
	if (!request)
		(void)snprintf(why, sizeof(why), "not JSON: %s", error.text);
	else if (!given)
		(void)snprintf(why, sizeof(why), "not an object with a \"verb\"");
	else
		r = handle(ctx, given, request, &reply, why, sizeof(why));
	if (r == -ENOSYS && !why[0])
		(void)snprintf(why, sizeof(why), "there is no such verb");

	text = format_line(r == 0 ? reply
				  : json_pack("{s:s}", "error", why[0] ? why : tacit_strerror(r)));
	if (!text)
		return -ENOMEM;
	*ret = text;
	return r;
}

static void answer(struct peer *peer, const char *line, size_t len)
{
	TACIT_AUTO_FREE char *reply = NULL;
	char verb[VERB_MAX];
	int r = tacit_admin_answer(peer->admin->handle, peer->admin->ctx, line, len, &reply, verb,
				   sizeof(verb));

	tacit_notice("admin: user %u, process %d: %s: %s", peer->who.uid, peer->who.pid, verb,
		     r < 0 ? tacit_strerror(r) : "done");
	peer->answered = true;
	if (reply && bufferevent_write(peer->bev, reply, strlen(reply)) == 0)
		return;
	free_peer(peer);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct peer *peer = (struct peer *)arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(input), line_len;
	char *line;

	if (peer->answered) {
		(void)evbuffer_drain(input, len);
		return;
	}
	line = evbuffer_readln(input, &line_len, EVBUFFER_EOL_LF);
	if (line)
		answer(peer, line, line_len);
	else if (len >= TACIT_ADMIN_REQUEST_MAX)
		answer(peer, "", 0);
	free(line);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct peer *peer = (struct peer *)arg;

	if (peer->answered && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		free_peer(peer);
}

/* A peer may close its half after the request, and still wants its answer. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct peer *peer = (struct peer *)arg;

	(void)bev;
	if (what & BEV_EVENT_ERROR || (what & BEV_EVENT_EOF && !peer->answered))
		free_peer(peer);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	free_peer((struct peer *)arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
		      int from_len, void *arg)
{
	static const struct timeval patience = { .tv_sec = TACIT_ADMIN_PATIENCE_MS / 1000 };
	struct tacit_admin *admin = (struct tacit_admin *)arg;
	socklen_t len = sizeof(struct ucred);
	struct peer *peer = NULL;

	(void)listener;
	(void)from;
	(void)from_len;
	if (admin->n_peers < TACIT_ADMIN_PEERS_MAX)
		peer = TACIT_NEW(struct peer);
	if (!peer) {
		(void)close(fd);
		return;
	}
	peer->admin = admin;
	admin->n_peers++;
	TAILQ_INSERT_TAIL(&admin->peers, peer, link);
	peer->bev = bufferevent_socket_new(admin->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!peer->bev)
		(void)close(fd);
	peer->patience = event_new(admin->base, -1, 0, on_patience, peer);
	if (!peer->bev || !peer->patience || event_add(peer->patience, &patience) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer->who, &len) < 0) {
		free_peer(peer);
		return;
	}
	bufferevent_setcb(peer->bev, on_read, on_written, on_event, peer);
	bufferevent_setwatermark(peer->bev, EV_READ, 0, TACIT_ADMIN_REQUEST_MAX);
	(void)bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
}

static int set_path(struct sockaddr_un *at, const char *path)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(at->sun_path))
		return -ENAMETOOLONG;
	memcpy(at->sun_path, path, strlen(path));
	return 0;
}

/* 0 when someone listens there. */
static int knock(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* Removes what a predecessor left: a socket, and one that nobody listens on. */
static int clear_path(const struct sockaddr_un *at)
{
	struct stat st;
	int r;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	r = knock(at);
	if (r == 0)
		return -EADDRINUSE;
	return r == -ECONNREFUSED && unlink(at->sun_path) == 0 ? 0 : r;
}

static int bind_socket(int fd, const struct sockaddr_un *at)
{
	mode_t mask = umask(0177); /* never more than 0600, not even for a moment */
	int r = bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? -errno : 0;

	(void)umask(mask);
	return r;
}

static int open_socket(const struct sockaddr_un *at)
{
	int r = clear_path(at), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = bind_socket(fd, at);
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

int tacit_admin_listen(const struct tacit_admin_params *params, struct tacit_admin **ret)
{
	struct tacit_admin *admin = TACIT_NEW(struct tacit_admin);
	int fd;

	if (!admin)
		return -ENOMEM;
	admin->base = params->base;
	admin->handle = params->handle;
	admin->ctx = params->ctx;
	TAILQ_INIT(&admin->peers);
	fd = set_path(&admin->at, params->path);
	if (fd == 0)
		fd = open_socket(&admin->at);
	if (fd < 0) {
		tacit_free(admin);
		return fd;
	}
	admin->listener =
		evconnlistener_new(admin->base, on_accept, admin,
				   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (!admin->listener) {
		(void)close(fd);
		tacit_admin_free(admin);
		return -ENOMEM;
	}
	*ret = admin;
	return 0;
}

void tacit_admin_free(struct tacit_admin *admin)
{
	struct peer *peer;

	if (!admin)
		return;
	while ((peer = TAILQ_FIRST(&admin->peers)))
		free_peer(peer);
	if (admin->listener)
		evconnlistener_free(admin->listener);
	(void)unlink(admin->at.sun_path);
	tacit_free(admin);
}
