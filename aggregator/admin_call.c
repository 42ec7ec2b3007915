/* SPDX-License-Identifier: MIT */
/* The asking end of the admin socket. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <tacit/bytes.h>
#include <tacit/clock.h>
#include <tacit/mem.h>

#include "admin.h"

#define CHUNK 16384U

static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int64_t left_ms = until_ms - tacit_clock_boot_ms();
	int r = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;

	if (r < 0 && errno != EINTR)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int send_line(int fd, const char *text, int64_t until_ms)
{
	size_t len = strlen(text), at = 0;

	while (at <= len) { /* the NUL goes as the newline */
		const char *from = at < len ? text + at : "\n";
		ssize_t n = send(fd, from, at < len ? len - at : 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, until_ms);
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive_all(int fd, struct tacit_writer *writer, int64_t until_ms)
{
	char chunk[CHUNK];

	for (;;) {
		int r = wait_for(fd, POLLIN, until_ms);
		ssize_t n;

		if (r < 0)
			return r;
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0)
			return writer->failed ? -ENOMEM : 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			tacit_write_bytes(writer, chunk, (size_t)n);
		if (writer->len > TACIT_ADMIN_REPLY_MAX)
			return -E2BIG;
	}
}

static int read_reply(const struct tacit_writer *writer, json_t **ret, char *why, size_t size)
{
	json_t *reply =
		json_loadb((const char *)writer->data, writer->len, JSON_REJECT_DUPLICATES, NULL);
	const char *error = json_string_value(json_object_get(reply, "error"));

	if (json_is_object(reply) && !error) {
		*ret = reply;
		return 0;
	}
	if (error && why)
		(void)snprintf(why, size, "%s", error);
	json_decref(reply);
	return error ? TACIT_EREFUSED : TACIT_ESCHEMA;
}

static int open_to(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, r = 0;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		r = -errno;
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

int tacit_admin_call(const char *path, const json_t *request, uint32_t timeout_ms, json_t **ret,
		     char *why, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_AUTO_CLOSE int fd = open_to(path);
	int64_t until_ms = tacit_clock_boot_ms() + timeout_ms;
	char *text;
	int r;

	if (fd < 0)
		return fd;
	text = json_dumps(request, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	r = send_line(fd, text, until_ms);
	free(text);
	if (r == 0)
		r = receive_all(fd, &writer, until_ms);
	return r < 0 ? r : read_reply(&writer, ret, why, size);
}
