/* SPDX-License-Identifier: MIT */
/*
 * server - the supervisor: it opens what must be open before fork(), starts one keeper and the
 * workers, and starts again whichever dies. It has no event base, no database and no
 * network of its own.
 *
 * SIGTERM and SIGINT: drain and end. SIGHUP: every process reads the server's
 * certificate again.
 */
#ifndef TACIT_AGGREGATOR_SERVER_H
#define TACIT_AGGREGATOR_SERVER_H

#include <stdint.h>

#include <tacit/error.h>

#include "aggregator_conf.h"

struct tacit_server_params {
	const struct tacit_aggregator_conf *conf; /* borrowed */
	const char *notify_socket;		  /* NOTIFY_SOCKET, or NULL */
	uint32_t watchdog_ms;			  /* tacit_notify_watchdog_ms() */
};

/**
 * tacit_server_run - serve until told to stop.
 *
 * A process that dies is started again, at once and then ever later, up to every 30 s, while its
 * successors die young. One that does not even come up at the first start ends it all.
 *
 * Returns 0, or why it could not begin, which has been logged.
 */
TACIT_MUST_CHECK int tacit_server_run(const struct tacit_server_params *params);

/* How long to wait before a process is started again that died for the @deaths-th time in a row
 * (1..), the last time at the age of @age_ms; and the new count of deaths in a row. */
uint32_t tacit_server_backoff_ms(unsigned *deaths, int64_t age_ms);

#endif /* TACIT_AGGREGATOR_SERVER_H */
