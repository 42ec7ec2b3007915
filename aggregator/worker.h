/* SPDX-License-Identifier: MIT */
/*
 * worker - one HTTP process: its event base, database connection and listener are its own; it
 * shares the board with the others, and nothing else.
 */
#ifndef TACIT_AGGREGATOR_WORKER_H
#define TACIT_AGGREGATOR_WORKER_H

#include <stdint.h>

#include <tacit/error.h>

#include "aggregator_conf.h"
#include "board.h"
#include "ca.h"

#define TACIT_DRAIN_MS 10000U /* for requests under way when the service stops */

/* Everything is borrowed. */
struct tacit_worker_params {
	const struct tacit_aggregator_conf *conf;
	struct tacit_board *board;
	struct tacit_ca *ca; /* this process's copy */
	uint32_t index;	     /* of the worker, and of its slot */
	int fd;		     /* listening socket; taken over */
};

/* Serves until SIGTERM, then drains; SIGHUP: reads the server's certificate again. 0, or why it
 * could not begin, which it has logged. */
TACIT_MUST_CHECK int tacit_worker_run(const struct tacit_worker_params *params);

#endif /* TACIT_AGGREGATOR_WORKER_H */
