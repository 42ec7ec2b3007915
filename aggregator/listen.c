/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

static int split(const char *text, char host[TACIT_LISTEN_TEXT_MAX], const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || len >= TACIT_LISTEN_TEXT_MAX)
		return -EINVAL;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) { /* IPv6 without brackets: which colon is the port's? */
		return -EINVAL;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 5 && strspn(text, "0123456789") == len &&
	       strtoul(text, NULL, 10) <= UINT16_MAX;
}

int tacit_listen_parse(const char *text, struct tacit_listen_address *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	char host[TACIT_LISTEN_TEXT_MAX];
	const char *port;

	if (split(text, host, &port) < 0 || !is_port(port))
		return -EINVAL;
	if (strcmp(host, "localhost") == 0)
		(void)snprintf(host, sizeof(host), "127.0.0.1");
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (getaddrinfo(host[0] ? host : "::", port, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&ret->at, found->ai_addr, found->ai_addrlen);
	ret->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int set_up(int fd, const struct tacit_listen_address *address, int share)
{
	int on = 1, off = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof(share)) < 0)
		return -errno;
	if (address->at.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)&address->at, address->len) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

static int open_one(const struct tacit_listen_address *address, int share)
{
	int fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = set_up(fd, address, share);
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

/* Sharing would also share with a stranger of the same user; so first one socket that does not. */
static int probe(struct tacit_listen_address *address)
{
	int fd = open_one(address, 0);

	if (fd < 0)
		return fd;
	address->len = sizeof(address->at);
	if (getsockname(fd, (struct sockaddr *)&address->at, &address->len) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	(void)close(fd);
	return 0;
}

int tacit_listen_open(const struct tacit_listen_address *address, size_t n, int *ret_fd)
{
	struct tacit_listen_address chosen = *address;
	int r = probe(&chosen);

	for (size_t i = 0; r == 0 && i < n; i++) {
		int fd = open_one(&chosen, 1);

		if (fd >= 0) {
			ret_fd[i] = fd;
			continue;
		}
		r = fd;
		while (i > 0)
			(void)close(ret_fd[--i]);
		break;
	}
	return r;
}

uint16_t tacit_listen_name(int fd, char *text)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "0";

	if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
		(void)getnameinfo((const struct sockaddr *)&at, len, host, sizeof(host), port,
				  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(text, TACIT_LISTEN_TEXT_MAX, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		       host, port);
	return (uint16_t)strtoul(port, NULL, 10);
}
