/* SPDX-License-Identifier: MIT */
/*
 * notify - tells systemd how a daemon fares: the datagrams of sd_notify(3), without
 * libsystemd. The environment comes in as arguments:
 *
 *	tacit_notify_send(getenv("NOTIFY_SOCKET"), "READY=1");
 */
#ifndef TACIT_NOTIFY_H
#define TACIT_NOTIFY_H

#include <stdint.h>

#include <tacit/error.h>

#define TACIT_NOTIFY_BYTES_MAX 1024U

/**
 * tacit_notify_send - send one message, e.g. "READY=1", "STOPPING=1", "WATCHDOG=1".
 * @address: what NOTIFY_SOCKET says: a path, or '@' and an abstract name. NULL or "": nobody
 *           listens.
 * @format:  as in printf(3); assignments separated by newlines.
 *
 * Returns 1 when sent, 0 when nobody listens, -EINVAL (an address that is neither, or too long),
 * -E2BIG (message), or what socket(2) and sendto(2) say. Never blocks, does not log. May be
 * ignored: a daemon does its work with or without a listener.
 */
TACIT_PRINTF(2, 3) int tacit_notify_send(const char *address, const char *format, ...);

/**
 * tacit_notify_watchdog_ms - how often to send "WATCHDOG=1".
 * @usec: WATCHDOG_USEC, or NULL.
 * @pid:  WATCHDOG_PID, or NULL: meant for whoever reads it.
 *
 * Returns half of what is demanded, at least 1; 0 when nothing is demanded of this process.
 */
uint32_t tacit_notify_watchdog_ms(const char *usec, const char *pid);

#endif /* TACIT_NOTIFY_H */
