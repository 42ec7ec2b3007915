/* SPDX-License-Identifier: MIT */
/*
 * listen - listening TCP sockets from "ADDRESS:PORT", "[IPV6]:PORT" or ":PORT" (every address).
 * Addresses are numeric, or "localhost".
 */
#ifndef TACIT_AGGREGATOR_LISTEN_H
#define TACIT_AGGREGATOR_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <tacit/error.h>

#define TACIT_LISTEN_TEXT_MAX 64U /* bytes, with the NUL */

struct tacit_listen_address {
	struct sockaddr_storage at;
	socklen_t len;
};

/* 0 or -EINVAL. */
TACIT_MUST_CHECK int tacit_listen_parse(const char *text, struct tacit_listen_address *ret);

/**
 * tacit_listen_open - @n sockets at one address, among which the kernel spreads connections.
 * @ret_fd: @n non-blocking listening sockets, owned by the caller.
 *
 * The address must be free: other programs are not shared with. Port 0 picks one.
 *
 * Returns 0 or what socket(2), bind(2) and listen(2) say; then there is none.
 */
TACIT_MUST_CHECK int tacit_listen_open(const struct tacit_listen_address *address, size_t n,
				       int *ret_fd);

/* "127.0.0.1:8443" of a socket; @text holds TACIT_LISTEN_TEXT_MAX bytes. Returns the port. */
uint16_t tacit_listen_name(int fd, char *text);

#endif /* TACIT_AGGREGATOR_LISTEN_H */
